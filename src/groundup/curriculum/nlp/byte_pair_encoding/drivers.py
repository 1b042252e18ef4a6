"""What is done with the learner's three functions. Every text is drawn anew, from the smallest to a page."""

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MANY_BYTES = "éüñßдажяλω漢字語言ひらไทย🦙👍½"


def _different(rng, n, letters=LETTERS):
    """n different letters, or other things, in random order."""
    left = list(letters)
    return [left.pop(rng.integers(0, len(left))) for _ in range(n)]


def _signs(rng):
    """Letters, numbers, white space and other signs, two and more of each; the last three separate lines, files and units."""
    kinds = _different(rng, 2, "aéд漢ªλ") + _different(rng, 2, "7½Ⅷ²٣") + _different(rng, 2, " \t\u00a0\u3000\u2009")
    return "".join(kinds + _different(rng, 2, "!€“_\u0301") + ["\r", "\x1c", "\x1f"])


def _lexicon(rng, n, letters, longest):
    """n words of two letters and more; a word may come twice."""
    return [rng.text(rng.integers(2, longest + 1), letters) for _ in range(n)]


def _page(rng, words, n):
    """n of the words with spaces between; the first words come often and the last seldom, as in language."""
    return " ".join(words[rng.integers(0, rng.integers(1, len(words) + 1))] for _ in range(n))


def _some_merges(rng, letters, n, longest=4):
    """n merges as training could have learned them: of pieces that were there before, and no piece twice."""
    pieces = sorted({bytes([byte]) for byte in letters.encode("utf-8")})
    merges = []
    while len(merges) < n:
        left, right = rng.choice(pieces), rng.choice(pieces)
        if len(left + right) <= longest and left + right not in pieces:
            merges.append((left, right))
            pieces.append(left + right)
    return merges


def _cuts(rng, word):
    """The merges that put one word together, along random cuts."""
    if len(word) < 2:
        return []
    cut = rng.integers(1, len(word))
    return [*_cuts(rng, word[:cut]), *_cuts(rng, word[cut:]), (word[:cut], word[cut:])]


def _merges_for(rng, words):
    """Merges that could put all of these words together, no piece twice."""
    merges, made = [], set()
    for word in words:
        for left, right in _cuts(rng, word.encode("utf-8")):
            if left + right not in made:
                made.add(left + right)
                merges.append((left, right))
    return merges


def _refused(call):
    """ "ValueError" where the call is refused as it must be; the name of another error of this sort; else its result."""
    try:
        return call()
    except (ValueError, LookupError, ArithmeticError) as error:
        return "ValueError" if isinstance(error, ValueError) else type(error).__name__


# ---------------------------------------------------------------------------------------------------------- train_bpe


def first_merge(my, rng):
    x, y, z = _different(rng, 3)
    return my.train_bpe(x + y + z + x + y, 257)


def merged_again(my, rng):
    x, y, z, w = _different(rng, 4)
    return my.train_bpe(w + x + y + z + w + x + y + z + x + y, 259)


def runs_of_one_letter(my, rng):
    x, y = _different(rng, 2)
    return [my.train_bpe(word, 260) for word in (x * 3 + y, x * rng.integers(4, 8), y + x * 7 + y * rng.integers(3, 6))]


def ties(my, rng):
    return [my.train_bpe("".join(_different(rng, 4)), 257) for _ in range(4)]


def ties_of_longer_pieces(my, rng):
    return [my.train_bpe(" ".join(_lexicon(rng, 5, "abc", 7)), 268) for _ in range(3)]


def frequent_words(my, rng):
    often, x, y, *ends = _different(rng, 7)
    rare = " ".join(x + y + end for end in ends)
    return my.train_bpe(rare + (" " + often + ends[0]) * rng.integers(8, 12), 259)


def words_are_apart(my, rng):
    x, y, z = _different(rng, 3)
    digit, sign = rng.choice("123456789"), rng.choice("!?;:+*")
    return my.train_bpe((x + digit + sign) * rng.integers(4, 7) + y + z + sign + y + z, 259)


def spaces_belong_to_words(my, rng):
    x, y, z = _different(rng, 3)
    return my.train_bpe(f"{x}{y} {z}{x} {z}{y}\n\n\n{z}  {y}  {z}\t\t{x}" * rng.integers(2, 4), 256 + 6)


def contractions(my, rng):
    endings = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'x", "'LL"]
    words = _lexicon(rng, 4, "abc", 3)
    text = "".join(rng.choice((" ", "")) + rng.choice(words) + rng.choice(endings) for _ in range(40))
    return my.train_bpe(text, 256 + 12)


def kinds_of_signs(my, rng):
    return my.train_bpe(rng.text(120, _signs(rng)), 256 + 40)


def bytes_not_characters(my, rng):
    text = " ".join(_lexicon(rng, 12, rng.text(6, MANY_BYTES), 4))
    return my.train_bpe(text, 256 + 14)


def letters_as_they_are(my, rng):
    x, y = _different(rng, 2, "aeiou")
    forms = [x.upper() + y, x + y, x + "\u0301" + y, "\u00e9" + y, "e\u0301" + y, "\ufb01" + x]
    return my.train_bpe(" ".join(_different(rng, 6, forms) + [rng.choice(forms) for _ in range(18)]), 256 + 8)


def number_of_merges(my, rng):
    text = _page(rng, _lexicon(rng, 6, "abcd", 5), 20)
    return [my.train_bpe(text, size) for size in (256, 257, 258 + rng.integers(1, 6))]


def nothing_left_to_merge(my, rng):
    words = [rng.text(n, LETTERS) for n in (1, 2, 3, 5)]
    return [my.train_bpe(text, 300) for text in ("", *words, " ".join(words))]


def too_small_a_vocabulary(my, rng):
    text = rng.text(12, LETTERS[:5])
    sizes = [rng.integers(257, 260), 255, rng.integers(1, 255), 0]
    return [_refused(lambda size=size: my.train_bpe(text, size)) for size in sizes]


def a_page(my, rng):
    words = _lexicon(rng, 24, "etaoin", 7) + _lexicon(rng, 6, MANY_BYTES, 3) + ["1914", "30%", "--", "\n\n", "can't"]
    return my.train_bpe(_page(rng, words, 150), 256 + 40)


# ------------------------------------------------------------------------------------------------------------- encode


def without_merges(my, rng):
    return [my.encode(text, []) for text in ("", rng.text(5), rng.text(4, MANY_BYTES))]


def one_merge(my, rng):
    x, y, z = _different(rng, 3)
    merges = [(x.encode(), y.encode())]
    return [my.encode(text, merges) for text in (x + y, z + x + y + z + x + y + y, x + " " + y + x + y)]


def from_left_to_right(my, rng):
    x, y = _different(rng, 2)
    one = x.encode()
    merges = [(one, one), (one + one, one + one)]
    lengths = (3, 5, 2 * rng.integers(3, 6) + 1, 4 * rng.integers(2, 4) + 2)
    return [my.encode(x * 3, merges), *(my.encode(y + x * n + y, merges) for n in lengths)]


def learned_first_is_applied_first(my, rng):
    x, y, z = (letter.encode() for letter in _different(rng, 3))
    merges = [(y, z), (x, y), (x + y, x + y)]
    return [my.encode(word.decode(), merges) for word in (x + y + z, x + y + x + y + z, y + z + x + y + x + y + x)]


def merges_of_merges(my, rng):
    words = _lexicon(rng, 4, "abcde", 7)
    return [my.encode(word, _merges_for(rng, words)) for word in words]


def ranks_decide(my, rng):
    merges = _some_merges(rng, "abc", 14)
    return [my.encode(rng.text(n, "abc"), merges) for n in (4, 8, 16, 32)]


def words_stay_apart(my, rng):
    x, y = _different(rng, 2)
    merges = [(b" ", b" "), (b" ", x.encode()), (x.encode(), y.encode()), (b"1", b"0"), (x.encode() + y.encode(), b"'")]
    texts = [f"  {x}{y}", f"{x}   {x}", f"{x}10{y}100", f"{x}{y}'s {x}{y}'{y}", " ".join(_lexicon(rng, 4, x + y, 3))]
    return [my.encode(text, merges) for text in texts]


def nothing_is_dropped(my, rng):
    x, y = _different(rng, 2, "aeiou")
    forms = [" ", "  ", "\n", "\t ", "\x00", "\x1c", "\u00a0", x.upper() + y, x + y, x + "\u0301", "\u00e9", "\ufb01"]
    forms += ["\r\n", "\r", "\ufeff"]
    text = "".join(_different(rng, 15, forms)) + "".join(rng.choice(forms) for _ in range(12))
    return my.encode(" " + text + " \n ", _merges_for(rng, [x + y, " " + x, "  ", x + "\u0301", "\n\n"]))


def any_writing(my, rng):
    words = _lexicon(rng, 6, MANY_BYTES, 4)
    merges = _merges_for(rng, [*words[:4], " " + words[0], " a"])
    return [my.encode(text, merges) for text in (*words, " ".join(words), rng.text(12, MANY_BYTES + " a"))]


def where_words_end(my, rng):
    text = rng.text(120, _signs(rng))
    borders = {left.encode("utf-8")[-1:] + right.encode("utf-8")[:1]: None for left, right in zip(text, text[1:])}
    return my.encode(text, [(border[:1], border[1:]) for border in borders])


def merges_left_as_they_were(my, rng):
    merges = _some_merges(rng, "ab", 5)
    ids = my.encode(rng.text(9, "ab "), merges)
    return [ids, merges, my.encode(rng.text(9, "ab "), tuple(merges))]


def text_unlike_the_training_text(my, rng):
    words = _lexicon(rng, 20, "etaoin", 7)
    merges = _merges_for(rng, words + [" " + word for word in words[:8]])
    others = _lexicon(rng, 20, "etaoinrs", 8) + _lexicon(rng, 4, MANY_BYTES, 4) + ["1914", "30%", "--", "\n", "can't"]
    return my.encode(_page(rng, words, 60) + " " + _page(rng, others, 60), merges)


# ------------------------------------------------------------------------------------------------------------- decode


def bytes_back_to_text(my, rng):
    return [my.decode(ids, []) for ids in ([], [ord(letter) for letter in rng.text(7, LETTERS + " .")])]


def pieces_back_to_text(my, rng):
    merges = _merges_for(rng, _lexicon(rng, 3, "abcd", 5))
    ids = [256 + token for token in rng.tokens(6, len(merges))]
    return [my.decode(ids, merges), my.decode([97 + rng.integers(0, 26), *ids[:2], 32, *ids[2:], 10], merges)]


def spread_characters(my, rng):
    text = rng.text(6, MANY_BYTES)
    raw = text.encode("utf-8")
    cut = rng.integers(1, len(raw) - 1)
    return [
        my.decode(list(raw), []),
        my.decode([*raw[:cut], 256, *raw[cut + 2 :]], [(raw[cut : cut + 1], raw[cut + 1 : cut + 2])]),
    ]


def letters_come_back_as_they_were(my, rng):
    forms = ["É", "E\u0301", "é ", " e\u0301", "\ufb01", "  ", "\n", "\x00", "\u00a0", "\r\n", "\r", "\ufeff"]
    text = " " + "".join(_different(rng, 12, forms)) + "\t"
    return my.decode(list(text.encode("utf-8")), [])


def bytes_that_are_no_text(my, rng):
    raw = rng.text(3, "éд漢🦙").encode("utf-8")
    broken = [*raw[: rng.integers(1, len(raw))], 97, *raw[1:], 0xFF, 98]
    return [
        my.decode(broken, []),
        my.decode(rng.tokens(20, 256), []),
        my.decode([226, 256], [(bytes([130 + rng.integers(0, 40)]), b"a")]),
    ]


def unknown_ids(my, rng):
    merges = _some_merges(rng, "abc", 5)
    known = 256 + rng.tokens(1, 5)[0]
    wrong = [256 + len(merges), -1, -rng.integers(2, 250), 300 + rng.integers(0, 9999)]
    return [my.decode([known, 260], merges), *(_refused(lambda id=id: my.decode([known, id], merges)) for id in wrong)]


def merges_untouched_by_decoding(my, rng):
    merges = _some_merges(rng, "abc", 6)
    ids = rng.tokens(8, 6)
    text = my.decode([256 + token for token in ids], merges)
    return [text, merges, my.decode([256 + token for token in ids], tuple(merges))]


def a_page_decoded(my, rng):
    merges = _merges_for(rng, _lexicon(rng, 12, "etaoin", 7) + _lexicon(rng, 12, MANY_BYTES, 3))
    ids = [97 + token if token < 26 else 230 + token for token in rng.tokens(200, 26 + len(merges))]
    return my.decode(ids, merges)
