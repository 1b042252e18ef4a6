"""Unicode's four normalization forms, with what each character says of its origin.

    "e\\u0301ﬁ" ── taken apart ──► e 0 · ́ 0 · f 0 · i 1 ── put together ──► é −1 · f 0 · i 1       (NFKC)

NFD takes characters apart into letters and marks and sorts the marks of a letter by their class; NFKD takes ligatures,
full-width letters and other compatible forms apart as well; NFC and NFKC then put letters and marks together again.
Beside each character stands its change, as :meth:`.Traced.changed` wants it: 0 for one that stands for the next of the
old text, 1 for one that is put in, −n for one that takes n more along. The changes are those of the library
``tokenizers``, marks that were sorted keep theirs, and so are the tables: of Unicode 9 (2016), whatever Python has.

Unicode Standard Annex #15, "Unicode Normalization Forms"; The Unicode Standard, section 3.11, for the algorithm.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Literal

from groundup.stack.text.characters import CharacterClass

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
Change = tuple[str, int]
"""A character of the new text and its change."""

LATER = CharacterClass(
    """
    558 58b-58c 5c8-5c9 7fd 897-89f 8ca-8d3 9fe c3c d3b-d3c eba 1715 1abf-1af0 1df6-1dfa 209d-209f 32ff a7f1-a7f4 a82c
    ab69 105c9 105e4 10781-10785 10787-107b0 107b2-107bf 10d24-10d27 10d69-10d6d 10eab-10eac 10ecb-10ecf 10ef0-10efb
    10efd-10eff 10f46-10f50 10f82-10f85 11070 1133b 11383 11385 1138e 11391 113c5 113c7-113c8 113ce-113d0 1145e
    11839-1183a 11938 1193d-1193e 11943 119e0 11a34 11a47 11a99 11d42 11d44-11d45 11d97 11f41-11f42 16121-16128 1612f
    16d68-16d6a 16ff0-16ff1 1b123-1b126 1ccd6-1ccf9 1d127-1d128 1d250-1d252 1d25b-1d25c 1d25f 1d280-1d281 1d6a6 1df95
    1dfcd-1dfff 1e030-1e06d 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef 1e5ee-1e5ef 1e6e3 1e6e6 1e6ee-1e6ef 1e6f5
    1f16c 1fbf0-1fbf9
    """
)
"""Characters younger than Unicode 9 that later tables take apart or sort: to the library they are letters like any."""


def is_formed(form: Form, text: str) -> bool:
    """Is the text in this form already, so that it stays as it is? Fast, and sure where it says yes."""
    return text.isascii() or unicodedata.is_normalized(form, text)


def changes(form: Form, text: str) -> list[Change]:
    """The text in this form, a character at a time."""
    if form == "NFD" or form == "NFKD":
        return [(char, change) for char, change, _ in _apart(form, text)]
    return _together(_apart("NFD" if form == "NFC" else "NFKD", text))


@cache
def _parts(form: Literal["NFD", "NFKD"], char: str) -> tuple[tuple[str, int, int], ...]:
    """What a character consists of: each part, its change, and its class, which is 0 for a letter."""
    parts = char if char in LATER else unicodedata.normalize(form, char)
    return tuple((one, int(at > 0), 0 if one in LATER else unicodedata.combining(one)) for at, one in enumerate(parts))


def _apart(form: Literal["NFD", "NFKD"], text: str) -> list[tuple[str, int, int]]:
    """Letters, each with its marks behind it in the order of their classes."""
    done: list[tuple[str, int, int]] = []
    marks: list[tuple[str, int, int]] = []
    for char in text:
        for part in _parts(form, char):
            if part[2]:
                marks.append(part)
                continue
            if marks:
                done += sorted(marks, key=lambda one: one[2])
                marks.clear()
            done.append(part)
    return done + sorted(marks, key=lambda one: one[2])


@cache
def _made(first: str, second: str) -> str | None:
    """The one character that these two are together."""
    new = unicodedata.normalize("NFC", first + second)
    return new if len(new) == 1 and new not in LATER and second not in LATER else None


def _together(parts: Iterable[tuple[str, int, int]]) -> list[Change]:
    """Each letter put together with those marks, and that letter, that nothing of the same class or a higher one keeps
    apart from it. What is put together takes the changes of both, less one."""
    done: list[Change] = []
    letter: Change | None = None
    marks: list[Change] = []  # those that stay apart
    last: int | None = None  # the class of the last of them
    for char, change, order in parts:
        if letter is None:
            if order:
                done.append((char, change))
            else:
                letter = char, change
            continue
        new = _made(letter[0], char) if last is None or last < order else None
        if new is not None:
            letter = new, letter[1] + change - 1
        elif order:
            marks.append((char, change))
            last = order
        else:
            done += [letter, *marks]
            letter, marks, last = (char, change), [], None
    return done + ([letter] if letter else []) + marks
