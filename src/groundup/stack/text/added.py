"""Added tokens: texts that are a token each, found before anything is cut (``<s>``, ``[MASK]``, ``<|endoftext|>``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from groundup.stack.text.characters import SPACES

FLAGS = ("special", "single_word", "lstrip", "rstrip", "normalized")


@dataclass(frozen=True)
class Added:
    """A token that is found in a text as a whole.

    ``lstrip``, ``rstrip``: it takes the spaces on that side; ``single_word``: only where no letter is beside it;
    ``normalized``: it is looked for in the normalized text. A ``special`` one is not shown when ids are decoded.
    """

    text: str
    id: int
    special: bool = True
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Added:
        """As ``tokenizer.json`` has it."""
        return cls(str(given["content"]), int(given["id"]), **{name: bool(given.get(name)) for name in FLAGS})

    def document(self) -> dict[str, Any]:
        return {"id": self.id, "content": self.text, **{name: getattr(self, name) for name in FLAGS}}


class Finder:
    """Finds tokens in a text, of several at one place the longest."""

    def __init__(self, tokens: Mapping[str, Added]) -> None:
        """``tokens``: the text to look for, and the token that it is."""
        self._tokens = dict(tokens)
        self._pattern = any_of(tokens)

    def split(self, text: str) -> list[tuple[int, int, Added | None]]:
        """The parts of a text, (begin, end) and the token that each is; none is empty."""
        if self._pattern is None:
            return [(0, len(text), None)] if text else []
        parts: list[tuple[int, int, Added | None]] = []
        done = 0
        for found in self._pattern.finditer(text):
            begin, end, token = found.start(), found.end(), self._tokens[found[0]]
            if token.single_word and (_letter(text[begin - 1 : begin]) or _letter(text[end : end + 1])):
                continue
            while token.lstrip and begin > done and text[begin - 1] in SPACES:
                begin -= 1
            while token.rstrip and end < len(text) and text[end] in SPACES:
                end += 1
            parts += [(done, begin, None), (begin, end, token)]
            done = end
        parts.append((done, len(text), None))
        return [part for part in parts if part[0] < part[1]]


def any_of(texts: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern, in a group, that finds the longest of some texts; None where there are none."""
    longest_first = sorted((one for one in texts if one), key=len, reverse=True)
    return re.compile("(" + "|".join(map(re.escape, longest_first)) + ")") if longest_first else None


def _letter(char: str) -> bool:
    return re.fullmatch(r"\w", char) is not None
