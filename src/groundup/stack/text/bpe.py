"""Byte-level byte-pair encoding, as GPT-2 has it: learn merges from text, turn text into ids and ids into text.

    text ── split_text ──► words ── UTF-8 ──► bytes ── merges, the lowest rank first ──► pieces ──► ids

A merge is a pair of byte strings, and a tokenizer is nothing but the list of its merges in the order learned: ids 0 to
255 are the bytes, and merge ``i`` makes the piece of id ``256 + i``. Pairs of bytes, not of ids, because that is what
GPT-2's ``vocab.bpe`` and ``tokenizer.json`` hold, what ties are decided by, and what a person can read. (A list that
``train_bpe`` returns never makes the same piece twice, so that a piece and its id say the same.)

``train_bpe`` keeps the count of every pair and changes only those next to a merge, so that its time does not grow with
merges times text; ``curriculum/nlp/byte_pair_encoding/solution.py`` is the plain version, and tests hold the two equal.

What it does not do: special tokens (their text is encoded like any other), other pre-tokenizing patterns than GPT-2's,
normalizing (what goes in comes out, byte for byte), and text with lone surrogates, which has no UTF-8
(``UnicodeEncodeError``).

Gage, "A New Algorithm for Data Compression" (1994); Sennrich, Haddow and Birch, "Neural Machine Translation of Rare
Words with Subword Units" (ACL 2016); Radford et al., "Language Models are Unsupervised Multitask Learners" (2019).
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import accumulate, pairwise
from pathlib import Path

Merge = tuple[bytes, bytes]
Pair = tuple[int, int]

BYTES = 256
_GONE = -1
_CACHED_WORDS = 2**17
_CACHED_LENGTH = 64


class _Shape(dict[int, str]):
    """Code point → the character that stands for its class; a class is looked up once, when first met.

    GPT-2's pattern asks for letters (Unicode L*) and numbers (N*), for which ``re`` has no classes: its ``\\d`` misses
    '½' and 'Ⅷ', its ``\\w`` cannot tell them from letters. The ASCII characters stand for themselves, except the four
    separators that Python counts as white space and Unicode does not.
    """

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if code < 128:
            shape = "." if 28 <= code <= 31 else char
        elif char.isalpha():
            shape = "a"
        elif char.isnumeric():
            shape = "0"
        else:
            shape = "\t" if char.isspace() else "."
        self[code] = shape
        return shape


_SHAPE = _Shape()
# 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+   on the shape of a text
_WORD = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x1b\x20-\x7f]+")  # and the four separators


def split_text(text: str) -> list[str]:
    """Cut a text into GPT-2's words; joined, they are the text.

    ``We'll pay 30.`` becomes ``We``, ``'ll``, `` pay``, `` 30`` and ``.``.
    """
    shape = text.translate(_SHAPE) if text.isascii() else _BEYOND_ASCII.sub(_shape_of, text)
    found: list[str] = _WORD.findall(shape)
    if shape == text:
        return found
    ends = [0, *accumulate(map(len, found))]
    return [text[start:end] for start, end in pairwise(ends)]


def _shape_of(found: re.Match[str]) -> str:
    return found[0].translate(_SHAPE)


# ---------------------------------------------------------------------------------------------------------- training


def train_bpe(text: str, vocab_size: int) -> list[Merge]:
    """Learn ``vocab_size - 256`` merges from a text; fewer where no pair is left to merge.

    Each step counts the adjacent pairs within the words, each as often as its word occurs, and merges the most
    frequent; of several, the greatest as ``(bytes, bytes)``.
    """
    if vocab_size < BYTES:
        raise ValueError(f"vocab_size must be at least 256, one id for each byte, not {vocab_size}")
    words = Words(Counter(split_text(text)), lambda word: list(word.encode("utf-8")))
    pieces = [bytes([byte]) for byte in range(BYTES)]
    order = [_descending(piece) for piece in pieces]
    queue = [(-count, order[left], order[right], (left, right)) for (left, right), count in words.counts.items()]
    heapify(queue)
    merges: list[Merge] = []
    while queue and len(merges) < vocab_size - BYTES:
        count, left_order, right_order, pair = heappop(queue)
        now = words.counts[pair]
        if now != -count:  # Other merges took some of them since: counts only fall, so the entry was never too low.
            if now:
                heappush(queue, (-now, left_order, right_order, pair))
            continue
        left, right = pieces[pair[0]], pieces[pair[1]]
        merges.append((left, right))
        pieces.append(left + right)
        order.append(_descending(left + right))
        for new in words.merge(pair, len(pieces) - 1):
            heappush(queue, (-words.counts[new], order[new[0]], order[new[1]], new))
    return merges


def _descending(piece: bytes) -> str:
    """A key that sorts byte strings from the greatest to the least: each byte mirrored, and the shorter string last."""
    return "".join([chr(255 - byte) for byte in piece]) + "\u0100"


class Words:
    """The different words of a text as lists of ids, how often each occurs, and the counts of their adjacent pairs."""

    def __init__(self, frequencies: Mapping[str, int], spell: Callable[[str], list[int]]) -> None:
        self.words = [spell(word) for word in frequencies]
        self.frequency = list(frequencies.values())
        self.counts: Counter[Pair] = Counter()
        self.where: defaultdict[Pair, set[int]] = defaultdict(set)  # words that have, or once had, the pair
        for at, (word, frequency) in enumerate(zip(self.words, self.frequency, strict=True)):
            for pair in pairwise(word):
                self.counts[pair] += frequency
                self.where[pair].add(at)

    def merge(self, pair: Pair, new: int) -> list[Pair]:
        """Replace the pair by the id ``new`` in every word; return the pairs that this made, all of them with new."""
        made: set[Pair] = set()
        for at in self.where.pop(pair):
            made.update(self._merge_word(at, pair, new))
        del self.counts[pair]
        return [pair for pair in made if self.counts[pair]]

    def _merge_word(self, at: int, pair: Pair, new: int) -> list[Pair]:
        """Merge one word from left to right. Counts change pair by pair, as if each place were merged on its own."""
        (left, right), word, counts, frequency = pair, self.words[at], self.counts, self.frequency[at]
        merged: list[int] = []
        made: list[Pair] = []
        copied = start = 0  # what stands before ``copied`` is in merged; the pair is looked for from ``start`` on
        while True:
            try:
                start = word.index(left, start, len(word) - 1)
            except ValueError:  # no further place where the pair could begin
                break
            if word[start + 1] != right:
                start += 1
                continue
            merged += word[copied:start]
            copied = start = start + 2
            if merged:
                before = merged[-1]
                counts[before, left] -= frequency
                counts[before, new] += frequency
                made.append((before, new))
            merged.append(new)
            if copied < len(word):
                after = word[copied]
                counts[right, after] -= frequency
                counts[new, after] += frequency
                made.append((new, after))
        if copied:
            self.words[at] = merged + word[copied:]
        for pair in made:
            self.where[pair].add(at)
        return made


# ------------------------------------------------------------------------------------------------ encoding, decoding


class Merges(tuple[Merge, ...]):
    """Merges that keep what ``encode`` and ``decode`` look up, so that it is built once and not at every call."""

    @cached_property
    def tables(self) -> Tables:
        return Tables(self)


class Tables:
    """What a list of merges means: the bytes of each id, the id that each pair of ids becomes, words met before."""

    def __init__(self, merges: Sequence[Merge]) -> None:
        self.pieces = {byte: bytes([byte]) for byte in range(BYTES)}
        self.merged: dict[Pair, int] = {}
        ids = {piece: byte for byte, piece in self.pieces.items()}
        for new, (left, right) in enumerate(merges, start=BYTES):
            self.pieces[new] = left + right
            if left in ids and right in ids:  # else the pair can never come up
                self.merged.setdefault((ids[left], ids[right]), new)
            ids.setdefault(left + right, new)
        self.words: dict[str, list[int]] = {}

    def encode_word(self, word: str) -> list[int]:
        """The ids of one word; the next merge is always the one learned first, at its leftmost place."""
        ids = self.words.get(word)
        if ids is None:
            ids = _merge_all(list(word.encode("utf-8")), self.merged)
            if len(self.words) < _CACHED_WORDS and len(word) <= _CACHED_LENGTH:
                self.words[word] = ids
        return ids


def _merge_all(ids: list[int], merged: dict[Pair, int]) -> list[int]:
    """Apply merges to one word until none applies; n log n, because a word without a cut may be a whole page.

    An id is a rank as well: of two merges the one with the lower new id was learned first.
    """
    end = len(ids)
    after, before = list(range(1, end + 1)), list(range(-1, end - 1))  # the piece's neighbors; -1 and end: none
    queue = [(new, at) for at, pair in enumerate(pairwise(ids)) if (new := merged.get(pair)) is not None]
    heapify(queue)
    while queue:
        new, at = heappop(queue)
        right = after[at]
        if right == end or merged.get((ids[at], ids[right])) != new:
            continue  # one of the two was merged with another neighbor since
        ids[at], ids[right] = new, _GONE
        beyond = after[at] = after[right]
        if beyond < end:
            before[beyond] = at
            if (wider := merged.get((new, ids[beyond]))) is not None:
                heappush(queue, (wider, at))
        first = before[at]
        if first >= 0 and (wider := merged.get((ids[first], new))) is not None:
            heappush(queue, (wider, first))
    return [token for token in ids if token != _GONE]


def _tables(merges: Sequence[Merge]) -> Tables:
    return merges.tables if isinstance(merges, Merges) else Tables(merges)


def encode(text: str, merges: Sequence[Merge]) -> list[int]:
    """The ids of a text: within each word the merge learned first is applied first, wherever it stands.

    For many calls with the same merges pass ``Merges(merges)``, which remembers its tables and words.
    """
    tables = _tables(merges)
    known, encode_word = tables.words, tables.encode_word
    ids: list[int] = []
    for word in split_text(text):
        ids += known.get(word) or encode_word(word)
    return ids


def decode(ids: Iterable[int], merges: Sequence[Merge]) -> str:
    """The text of ids. Bytes that are not UTF-8 become U+FFFD; an id outside of the vocabulary is a ``ValueError``."""
    pieces = _tables(merges).pieces
    try:
        return b"".join([pieces[token] for token in ids]).decode("utf-8", errors="replace")
    except KeyError as missing:
        raise ValueError(f"id {missing} is not in this vocabulary, whose ids are 0 to {len(pieces) - 1}") from None


# --------------------------------------------------------------------------------------------------------- tokenizer


def byte_characters() -> dict[str, int]:
    """GPT-2's printable character for each byte, as its files write pieces: 'Ġ' is the space, 'A' is 'A'."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(BYTES) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {chr(BYTES + i): byte for i, byte in enumerate(others)}


@dataclass(frozen=True)
class BytePairTokenizer:
    """Merges with ``encode`` and ``decode``. ``byte_ids[b]`` is the id of byte ``b``, where it is not ``b`` itself.

    GPT-2 numbers the bytes in another order than we do (the printable ones first) and all else alike.
    """

    merges: Merges
    byte_ids: tuple[int, ...] = tuple(range(BYTES))

    @classmethod
    def train(cls, text: str, vocab_size: int) -> BytePairTokenizer:
        return cls(Merges(train_bpe(text, vocab_size)))

    @classmethod
    def from_gpt2(cls, vocab_bpe: Path | str, encoder_json: Path | str) -> BytePairTokenizer:
        """Read OpenAI's two files, or any pair of ``merges.txt`` and ``vocab.json`` with GPT-2's numbering."""
        byte = byte_characters()
        ids = json.loads(Path(encoder_json).read_text(encoding="utf-8"))
        lines = Path(vocab_bpe).read_text(encoding="utf-8").split("\n")
        pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
        for new, (left, right) in enumerate(pairs, start=BYTES):
            if ids[left + right] != new:
                raise ValueError(f"{left + right!r} has id {ids[left + right]}; merge {new - BYTES} must make {new}")
        merges = Merges((bytes(byte[c] for c in left), bytes(byte[c] for c in right)) for left, right in pairs)
        return cls(merges, tuple(ids[char] for char, _ in sorted(byte.items(), key=lambda item: item[1])))

    @property
    def vocab_size(self) -> int:
        return BYTES + len(self.merges)

    @cached_property
    def _bytes_of(self) -> dict[int, int]:
        return {new: byte for byte, new in enumerate(self.byte_ids)}

    def encode(self, text: str) -> list[int]:
        ids = encode(text, self.merges)
        return [self.byte_ids[token] if token < BYTES else token for token in ids]

    def decode(self, ids: Iterable[int]) -> str:
        return decode([self._bytes_of.get(token, token) for token in ids], self.merges)
