"""Whole words as tokens, as the first neural translators and summarizers had them: the most frequent ones, and one
token for all others.

    "A man, a plan" ── cut ──► A · man · , · a · plan ── numbers of the frequent ones, <unk> for the rest ──► ids

Words are runs of letters, digits and underscores; every other character that is no space is a word by itself. Bahdanau
and others (2015), section 4.1, and See and others (2017), section 6, took the 30 000 and 50 000 most frequent ones. A
model that copies can write what is <unk> all the same (:mod:`~groundup.stack.models.pointer`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

SPECIALS = ("<pad>", "</s>", "<s>", "<unk>")
"""The first ids, as our encoder-decoders have them: padding 0, end 1, start 2, an unknown word 3."""

_WORD = re.compile(r"\w+|[^\w\s]")
_NO_SPACE_BEFORE, _NO_SPACE_AFTER = set(".,;:!?)]}%'’"), set("([{'’")


def cut_words(text: str) -> list[str]:
    """The words of a text."""
    return _WORD.findall(text)


def join_words(words: Iterable[str]) -> str:
    """A text of words, with no space before a comma, behind a bracket and around an apostrophe: a guess, since cutting
    forgets where spaces were."""
    text = ""
    for word in words:
        space = text and text[-1] not in _NO_SPACE_AFTER and word not in _NO_SPACE_BEFORE
        text += f" {word}" if space else word
    return text


class WordTokenizer:
    """The words of a vocabulary, numbered in its order behind the special tokens.

    Raises ValueError for a word that comes twice, or is a special token.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = [*SPECIALS, *words]
        self.vocabulary = {word: at for at, word in enumerate(self.words)}
        if len(self.vocabulary) != len(self.words):
            twice = next(word for word, count in Counter(self.words).items() if count > 1)
            raise ValueError(f"{twice!r} comes twice: each word of a vocabulary has one number")
        self.added = {word: self.vocabulary[word] for word in SPECIALS}
        self.begin: list[int] = []

    @classmethod
    def learned(cls, texts: Iterable[str], size: int) -> WordTokenizer:
        """The most frequent words of some texts, of those that are equally frequent the first by their letters;
        ``size`` tokens with the special ones."""
        counts = Counter(word for text in texts for word in cut_words(text))
        ordered = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(ordered[: max(size - len(SPECIALS), 0)])

    @property
    def vocab_size(self) -> int:
        return len(self.words)

    @property
    def unk_id(self) -> int:
        return self.vocabulary["<unk>"]

    def encode(self, text: str) -> list[int]:
        """The words' ids; a word that the vocabulary lacks is ``unk_id``."""
        return [self.vocabulary.get(word, self.unk_id) for word in cut_words(text)]

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """The same ids, and where in the text each word stands."""
        return self.encode(text), [found.span() for found in _WORD.finditer(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """The words of ids as a text; an id outside of the vocabulary is a ValueError."""
        return join_words(self._word(one) for one in ids)

    def token_bytes(self, token: int) -> bytes:
        """A word in UTF-8; none for an id without a word."""
        return self.words[token].encode() if 0 <= token < len(self.words) else b""

    def _word(self, token: int) -> str:
        if not 0 <= token < len(self.words):
            raise ValueError(f"id {token} is not in this vocabulary, whose ids end at {len(self.words) - 1}")
        return self.words[token]
