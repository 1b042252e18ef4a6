"""What is done to a text before its pieces are looked for, with the place that each character came from.

    "Naïve  text" ── NFKD, strip accents, lower, Metaspace ──► "▁naive" "▁text"
                      (0,1)(0,1)(1,2)(2,3)(3,4)(4,5)            (6,7)(7,8)(8,9)(9,10)(10,11): a span a character

A :class:`Traced` text has for every character the span (begin, end) of the original that it stands for. Steps are built
from the parts of ``tokenizer.json`` (``{"type": "Lowercase"}``): ``normalizer`` gives a function from one traced text
to another, ``pre_tokenizer`` one from a text to several. They trace as the library ``tokenizers`` does, in words that
its files use too: a character that is put in shares the span of the one before it, a removed one leaves none.

Kudo and Richardson, "SentencePiece" (EMNLP 2018), section 3, for white space as the character ▁.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from groundup.stack.text.added import any_of
from groundup.stack.text.characters import MARKS, MORE_MARKS, PUNCTUATION, SPACES
from groundup.stack.text.charsmap import CharsMap
from groundup.stack.text.forms import FORMS, Form, changes, is_formed

Span = tuple[int, int]
SPACE = "▁"


class StepError(ValueError):
    """A step of a tokenizer that is not computed here."""


@dataclass(frozen=True)
class Traced:
    """A text, and for each of its characters the part of the original that it stands for."""

    text: str
    spans: list[Span]

    @classmethod
    def of(cls, text: str) -> Traced:
        return cls(text, [(at, at + 1) for at in range(len(text))])

    def __getitem__(self, part: slice) -> Traced:
        return Traced(self.text[part], self.spans[part])

    def changed(self, new: Iterable[tuple[str, int]], begin: int = 0) -> Traced:
        """Another text, a character at a time: ``(char, change)``.

        1: the character is put in; 0: it stands for the next one of the old text; −n: and n more are removed after it.
        ``begin`` characters are removed before all.
        """
        spans = []
        chars = []
        at = begin
        for char, change in new:
            chars.append(char)
            if change > 0:
                spans.append(self.spans[at - 1] if at else (0, 0))
            else:
                spans.append(self.spans[at])
                at += 1 - change
        return Traced("".join(chars), spans)

    def kept(self, keep: Callable[[str], bool]) -> Traced:
        places = [at for at, char in enumerate(self.text) if keep(char)]
        return Traced("".join([self.text[at] for at in places]), [self.spans[at] for at in places])

    def replaced(self, pattern: re.Pattern[str], new: str) -> Traced:
        """Every match replaced; what is put in stands for the last character of the match."""
        parts: list[str] = []
        spans: list[Span] = []
        end = 0
        for found in pattern.finditer(self.text):
            parts += [self.text[end : found.start()], new]
            spans += self.spans[end : found.start()]
            end = found.end()
            spans += [self.spans[end - 1]] * len(new)
        return Traced("".join([*parts, self.text[end:]]), [*spans, *self.spans[end:]])

    def prepended(self, new: str) -> Traced:
        """With a text before it that stands for the first character; nothing comes before an empty text."""
        return Traced(new + self.text, [self.spans[0]] * len(new) + self.spans) if self.text else self

    def span(self, begin: int, end: int) -> Span:
        """The part of the original that ``text[begin:end]`` stands for; empty at ``begin`` where this is empty."""
        first = self.spans[begin][0]
        return first, self.spans[end - 1][1] if end > begin else first


Step = Callable[[Traced], Traced]
Cut = Callable[[Traced], list[Traced]]

# ── normalizers ──────────────────────────────────────────────────────────────

# Patterns as the files write them, and as ``re`` says the same (whose \s has four separators more).
_WHITE = r"[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_PATTERNS = {
    " {2,}": " {2,}",
    r"[\n\r\t]": r"[\n\r\t]",
    r"\s{2,}|[\n\r\t]": rf"{_WHITE}{{2,}}|[\n\r\t]",
    " +▁": " +▁",
    "^▁+$": r"(?m:^)▁+(?m:$)",
    r"\A +|[ ▁]+\z": r"\A +|[ ▁]+\Z",
    r"\A +| +\z": r"\A +| +\Z",
    r"\A▁": r"\A▁",
    r"\n": r"\n",
    r"\s+": rf"{_WHITE}+",
}


def normalizer(given: Mapping[str, Any] | None) -> Step:
    """The step that a file's normalizer says. Raises StepError for one that is not computed here."""
    if given is None:
        return lambda text: text
    kind = str(given.get("type"))
    if kind == "Sequence":
        return _one_after_another([normalizer(one) for one in given["normalizers"]])
    if kind not in _NORMALIZERS:
        raise StepError(f"a normalizer of type {kind} is not computed here; {', '.join(_NORMALIZERS)} are")
    return _NORMALIZERS[kind](given)


def forms_alone(given: Mapping[str, Any] | None) -> list[Form] | None:
    """The forms of Unicode that a normalizer consists of, None where it does anything else too.

    A text that has them all is not changed, which is seen faster (:func:`.is_formed`) than computed.
    """
    kind = (given or {}).get("type")
    if given is None or kind in FORMS:
        return [form for form in FORMS if form == kind]
    if kind != "Sequence":
        return None
    inner = [forms_alone(one) for one in given["normalizers"]]
    return None if None in inner else [form for forms in inner for form in forms or []]


def _one_after_another(steps: list[Step]) -> Step:
    def run(text: Traced) -> Traced:
        for step in steps:
            text = step(text)
        return text

    return run


def charsmap(given: Mapping[str, Any]) -> CharsMap:
    """The map of characters that a file holds in base64."""
    try:
        return CharsMap(base64.b64decode(given["precompiled_charsmap"] or "", validate=True))
    except (ValueError, binascii.Error) as error:
        raise StepError(f"precompiled_charsmap: {error}") from None


def _precompiled(given: Mapping[str, Any]) -> Step:
    rules = charsmap(given)

    def run(text: Traced) -> Traced:
        new: list[tuple[str, int]] = []
        for part, old in rules.replace_graphemes(text.text):
            more = len(part) - old
            new += [(char, 0 if at < old else 1) for at, char in enumerate(part)]
            if more < 0 and new:  # what is removed at the very beginning is forgotten, as the library forgets it
                new[-1] = new[-1][0], new[-1][1] + more
        return text.changed(new)

    return run


def _formed(form: Form) -> Callable[[Mapping[str, Any]], Step]:
    def run(text: Traced) -> Traced:
        return text if is_formed(form, text.text) else text.changed(changes(form, text.text))

    return lambda _: run


_SMALL = {"\u1c89": "\u1c8a", "\ua7cb": "\u0264", "\ua7cc": "\ua7cd", "\ua7ce": "\ua7cf", "\ua7d2": "\ua7d3"}
_SMALL |= {"\ua7d4": "\ua7d5", "\ua7da": "\ua7db", "\ua7dc": "\u019b"}
_SMALL |= {chr(code): chr(code + 32) for code in range(0x10D50, 0x10D66)}  # Garay
_SMALL |= {chr(code): chr(code + 27) for code in range(0x16EA0, 0x16EB9)}  # Beria Erfe
"""Capitals of Unicode 16 and 17, which the library knows and Python's tables may not."""


def _lower(_: Mapping[str, Any]) -> Step:
    """Each character alone, so that Σ is σ at a word's end too."""
    return lambda text: text.changed(
        (one, int(at > 0)) for char in text.text for at, one in enumerate(_SMALL.get(char) or char.lower())
    )


def _strip_accents(_: Mapping[str, Any]) -> Step:
    """Every kind of mark, not those alone that BERT takes off."""
    return lambda text: (
        text if text.text.isascii() else text.kept(lambda char: not (char in MARKS or char in MORE_MARKS))
    )


def _replace(given: Mapping[str, Any]) -> Step:
    pattern, new = _pattern(given["pattern"]), str(given["content"])
    return lambda text: text.replaced(pattern, new)


def _pattern(given: Mapping[str, str]) -> re.Pattern[str]:
    if given.get("String"):
        return re.compile(re.escape(given["String"]))
    pattern = given.get("Regex")
    if pattern not in _PATTERNS:
        raise StepError(f"the pattern {pattern!r} is not one of those known here: {', '.join(map(repr, _PATTERNS))}")
    return re.compile(_PATTERNS[pattern])


def _strip(given: Mapping[str, Any]) -> Step:
    left, right = given["strip_left"], given["strip_right"]

    def run(text: Traced) -> Traced:
        begin, end = 0, len(text.text)
        while left and begin < end and text.text[begin] in SPACES:
            begin += 1
        while right and end > begin and text.text[end - 1] in SPACES:
            end -= 1
        return text[begin:end]

    return run


def _prepend(given: Mapping[str, Any]) -> Step:
    new = str(given["prepend"])
    return lambda text: text.prepended(new)


def _sentencepiece(given: Mapping[str, Any]) -> Step:
    """SentencePiece's own: the longest keys are replaced, spaces at the ends and double ones taken out, ▁ put in.

    What the user defined (``whole``) stays as it is. A character ends where the next one begins in the original.
    """
    rules = charsmap(given) if given["precompiled_charsmap"] else None
    whole = any_of(given["whole"])
    fewer, prefix = given["fewer_spaces"], given["prefix"]

    def part(text: str, at: int) -> tuple[str, int]:
        found = whole.match(text, at) if whole else None
        if found:
            return found[0], len(found[0])
        return (rules.longest(text, at) if rules else None) or (text[at], 1)

    def run(text: Traced) -> Traced:
        old = text.text
        new: list[tuple[str, int]] = []
        at, size = 0, len(old)
        while fewer and at < size and (next_one := part(old, at))[0] == " ":
            at += next_one[1]
        if at == size:
            return Traced("", [])
        new += [(SPACE, at)] if prefix else []
        space = fewer
        while at < size:
            form, length = part(old, at)
            form = form.lstrip(" ") if space else form
            new += [(SPACE if char == " " else char, at) for char in form]
            space = fewer and (form.endswith(" ") if form else space)
            at += length
        while fewer and new and new[-1][0] == SPACE:
            at = new.pop()[1]
        begins = [text.spans[place][0] for _, place in new]
        ends = [*begins[1:], text.spans[at][0] if at < size else text.spans[-1][1]]
        return Traced("".join([char for char, _ in new]), list(zip(begins, ends, strict=True)) if new else [])

    return run


_NORMALIZERS: dict[str, Callable[[Mapping[str, Any]], Step]] = {
    "Precompiled": _precompiled,
    **{form: _formed(form) for form in FORMS},
    "StripAccents": _strip_accents,
    "Lowercase": _lower,
    "Replace": _replace,
    "Strip": _strip,
    "Prepend": _prepend,
    "SentencePiece": _sentencepiece,
}

# ── what cuts a text into words ──────────────────────────────────────────────


def pre_tokenizer(given: Mapping[str, Any] | None) -> Cut:
    """The cut that a file's pre-tokenizer says; words that are empty are left out. Raises StepError as above."""
    if given is None:
        return lambda text: [text] if text.text else []
    kind = str(given.get("type"))
    if kind == "Sequence":
        return _cut_again([pre_tokenizer(one) for one in given["pretokenizers"]])
    if kind not in _CUTS:
        raise StepError(f"a pre-tokenizer of type {kind} is not computed here; {', '.join(_CUTS)} are")
    return _CUTS[kind](given)


def _cut_again(cuts: list[Cut]) -> Cut:
    def run(text: Traced) -> list[Traced]:
        words = [text] if text.text else []
        for cut in cuts:
            words = [part for word in words for part in cut(word)]
        return words

    return run


def _metaspace(given: Mapping[str, Any]) -> Cut:
    """Spaces become ▁, one comes before the text, and each begins a word.

    The scheme says before which texts: always, never, or the first, which is one that begins where the original does.
    """
    mark = str(given.get("replacement", SPACE))
    old = given.get("add_prefix_space", True)  # before there were schemes
    scheme = given.get("prepend_scheme", "always" if old else "never")
    if scheme not in ("always", "first", "never") or len(mark) != 1:
        raise StepError(f"a Metaspace with {mark!r} put before a text by the scheme {scheme!r} is not computed here")
    split = given.get("split", True)
    word = re.compile(f"{re.escape(mark)}[^{re.escape(mark)}]*|[^{re.escape(mark)}]+")

    def run(text: Traced) -> list[Traced]:
        text = Traced(text.text.replace(" ", mark), text.spans)
        first = scheme == "always" or (scheme == "first" and text.spans[:1] and text.spans[0][0] == 0)
        if first and not text.text.startswith(mark):
            text = text.prepended(mark)
        if split:
            return [text[found.start() : found.end()] for found in word.finditer(text.text)]
        return [text] if text.text else []

    return run


def _white_space(_: Mapping[str, Any]) -> Cut:
    word = re.compile(_WHITE.replace("[", "[^", 1) + "+")
    return lambda text: [text[found.start() : found.end()] for found in word.finditer(text.text)]


def _punctuation(given: Mapping[str, Any]) -> Cut:
    if given.get("behavior", "Isolated") != "Isolated":
        raise StepError(f"Punctuation that is {given['behavior']} is not computed here; Isolated is")

    def run(text: Traced) -> list[Traced]:
        words, begin = [], 0
        for at, char in enumerate(text.text):
            if char in PUNCTUATION:
                words += [text[begin:at], text[at : at + 1]]
                begin = at + 1
        return [word for word in [*words, text[begin:]] if word.text]

    return run


def _split(given: Mapping[str, Any]) -> Cut:
    """Gemma's: each space ends a word."""
    if given.get("behavior") != "MergedWithPrevious" or given.get("invert") or given["pattern"].get("String") != " ":
        raise StepError(f"Split by {given['pattern']} with {given.get('behavior')} is not computed here")
    return lambda text: [text[found.start() : found.end()] for found in re.finditer("[^ ]* |[^ ]+", text.text)]


_CUTS: dict[str, Callable[[Mapping[str, Any]], Cut]] = {
    "Metaspace": _metaspace,
    "WhitespaceSplit": _white_space,
    "Punctuation": _punctuation,
    "Split": _split,
}
