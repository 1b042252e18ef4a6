"""Porter's stemmer: English words to stems by taking off suffixes in five steps.

A word is read as runs of consonants and vowels (y is a vowel after a consonant): [C](VC)^m[V], and its measure m says
how much of a word is left: *tree* has 0, *trouble* 1, *troubles* 2. A suffix goes only if what stays before it measures
enough: *relational* becomes *relat*, but *rational* only *ration*. Stems need not be words, and unlike words
can meet in one: *university* and *universe* both give *univers*.

Two ways to stem are here. Porter's of 1980, and the way of NLTK's default and so of ROUGE, which differs from it thus:

    ===================================  =======================================  =====================
    in 1980                              extended                                 a word, in 1980, now
    ===================================  =======================================  =====================
    words of one or two letters stemmed  left as they are                         is: i, is
    no exceptions                        sixteen words that are looked up         dying: dy, die
    ies → i, ied → i                     ie, where one letter stands before       dies: di, die
    y → i if a vowel is before it        if a consonant is just before it, unless enjoy: enjoi, enjoy;
                                         that begins the word                     fly: fly, fli
    abli → able                          bli → ble                                possibly: possibli,
                                                                                  possibl
    alli → al, and step 2 is done        step 2 goes on with what is left         conditionally: condition,
                                                                                  condit
    —                                    fulli → ful                              hopefully: hopefulli,
                                                                                  hope
    —                                    logi → log                               biology: biologi,
                                                                                  biolog
    short, so that an e is put back or   also a word of a vowel and a consonant   using: us, use
    kept (consonant, vowel, consonant)
    ===================================  =======================================  =====================

Sources: Porter, "An algorithm for suffix stripping", Program 14 (1980), whose names of steps and conditions are used
here; the corrections since 1980 on Porter's page of the algorithm.
"""

from __future__ import annotations

from collections.abc import Sequence

_LOOKED_UP = {
    "dying": "die", "lying": "lie", "tying": "tie", "sky": "sky", "skies": "sky", "news": "news", "howe": "howe",
    "inning": "inning", "innings": "inning", "outing": "outing", "outings": "outing", "canning": "canning",
    "cannings": "canning", "proceed": "proceed", "exceed": "exceed", "succeed": "succeed",
}  # fmt: skip

Rules = Sequence[tuple[str, str]]

_STEP_2: Rules = (
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("alli", "al"),
    ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"), ("ator", "ate"),
    ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"),
    ("biliti", "ble"),
)  # fmt: skip
_STEP_2_ORIGINAL: Rules = (*_STEP_2, ("abli", "able"))
_STEP_2_EXTENDED: Rules = (*_STEP_2, ("bli", "ble"), ("fulli", "ful"))
_STEP_3: Rules = (
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""),
)  # fmt: skip
_STEP_4: Rules = tuple(
    (suffix, "")
    for suffix in (
        "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate",
        "iti", "ous", "ive", "ize",
    )
)  # fmt: skip


def stem(word: str, extended: bool = True) -> str:
    """The stem of a word, in lower case; ``extended``: see the module."""
    lower = word.lower()
    if extended and lower in _LOOKED_UP:
        return _LOOKED_UP[lower]
    if extended and len(word) <= 2:
        return lower
    lower = _step_1a(lower, extended)
    lower = _step_1b(lower, extended)
    lower = _step_1c(lower, extended)
    lower = _step_2(lower, extended)
    lower = _replaced(lower, _STEP_3, 0)
    lower = _replaced(lower, _STEP_4, 1)
    return _step_5(lower, extended)


def measure(stem: str) -> int:
    """Porter's m: how many runs of consonants follow a run of vowels."""
    return _shape(stem).count("vc")


def _shape(word: str) -> str:
    """A c for each consonant, a v for each vowel."""
    shape = ""
    for char in word:
        vowel = char in "aeiou" or (char == "y" and shape[-1:] == "c")
        shape += "v" if vowel else "c"
    return shape


def _short(word: str, extended: bool) -> bool:
    """Porter's *o: ends consonant, vowel, consonant, where the last is not w, x or y."""
    shape = _shape(word)
    return (shape.endswith("cvc") and word[-1] not in "wxy") or (extended and shape == "vc")


def _replaced(word: str, rules: Rules, least: int) -> str:
    """The first suffix that fits decides; it is replaced if what stands before it measures more than the least."""
    for suffix, replacement in rules:
        if word.endswith(suffix):
            before = word[: -len(suffix)]
            fits = measure(before) > least and (suffix != "ion" or before[-1] in "st")
            return before + replacement if fits else word
    return word


def _step_1a(word: str, extended: bool) -> str:
    """Plurals."""
    if word.endswith("ies"):
        return word[:-1] if extended and len(word) == 4 else word[:-2]
    if word.endswith("sses"):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _step_1b(word: str, extended: bool) -> str:
    """Past tenses and participles, and what they did to the end of the word."""
    if extended and word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if measure(word[:-3]) > 0 else word
    for suffix in ("ed", "ing"):
        before = word.removesuffix(suffix)
        if before != word and "v" in _shape(before):
            break
    else:
        return word
    if before.endswith(("at", "bl", "iz")):
        return before + "e"
    if before[-2:-1] == before[-1] and _shape(before)[-1] == "c":
        return before if before[-1] in "lsz" else before[:-1]
    return before + "e" if measure(before) == 1 and _short(before, extended) else before


def _step_1c(word: str, extended: bool) -> str:
    if not word.endswith("y"):
        return word
    shape = _shape(word[:-1])
    turns = len(shape) > 1 and shape[-1] == "c" if extended else "v" in shape
    return word[:-1] + "i" if turns else word


def _step_2(word: str, extended: bool) -> str:
    if not extended:
        return _replaced(word, _STEP_2_ORIGINAL, 0)
    if word.endswith("alli") and measure(word[:-4]) > 0:
        word = word[:-2]
    if word.endswith("logi"):
        return word[:-1] if measure(word[:-3]) > 0 else word  # the l counts with what stands before
    return _replaced(word, _STEP_2_EXTENDED, 0)


def _step_5(word: str, extended: bool) -> str:
    """A last e, and the second of two l."""
    if word.endswith("e"):
        before = word[:-1]
        size = measure(before)
        if size > 1 or (size == 1 and not _short(before, extended)):
            word = before
    return word[:-1] if word.endswith("ll") and measure(word[:-1]) > 1 else word
