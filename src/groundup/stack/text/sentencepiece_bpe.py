"""Byte-pair encoding over characters, as SentencePiece has it for Llama 2, Mistral and Gemma.

    "▁low er" ── characters ──► ▁ l o w ▁ e r ── merges, the first learned first ──► ▁low ▁er
    "🦙", which no piece has  ──► <0xF0> <0x9F> <0xA6> <0x99>

It differs from GPT-2's (:mod:`.bpe`) in what it starts from: characters, not bytes, and those that the vocabulary does
not have become pieces of their UTF-8 bytes at the end. Words are not cut apart before: merges go over the whole text.

A file says what is merged in one of two ways. ``tokenizer.json`` lists the merges. SentencePiece's own model has no
list: two neighbors are merged where what they make is a piece, the piece of the highest score first, and of equal ones
the leftmost; so a character that is no piece by itself can be a part of one. Pieces that a user defined are not cut.

Sennrich, Haddow and Birch (ACL 2016); Kudo and Richardson, "SentencePiece" (EMNLP 2018); Touvron and others, "Llama 2"
(2023), section 2.2, for the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import heapify, heappop, heappush

from groundup.stack.text.added import any_of
from groundup.stack.text.unigram import Piece, byte_pieces, bytes_of

Symbol = tuple[str, int, int]
"""A piece's text, and where it begins and ends in the text that is cut."""
Join = Callable[[str, str], tuple[float, str] | None]
"""What two neighbors make, and how early: (order, text), or nothing."""


class CharacterBPE:
    """Pieces (a piece's id is its place) and merges, or scores instead of merges.

    ``unknown`` is the id for characters that no piece has, None where they vanish; ``fuse_unknown``: one for all that
    stand together. ``whole_words``: a text that is a piece is that piece, whatever merges say. ``skipped`` are never
    made by merging, ``preferred`` never cut. Raises ValueError for a merge of what are no pieces.
    """

    native = False

    def __init__(
        self,
        pieces: Sequence[str],
        merges: Iterable[tuple[str, str]],
        unknown: int | None = 0,
        *,
        byte_fallback: bool = False,
        fuse_unknown: bool = True,
        whole_words: bool = False,
    ) -> None:
        self.pieces = list(pieces)
        self.ids = {piece: new for new, piece in enumerate(self.pieces)}
        self.merges = list(merges)
        self.unknown, self.byte_fallback = unknown, byte_fallback
        self.fuse_unknown, self.whole_words = fuse_unknown, whole_words
        self._bytes = byte_pieces(self.ids)
        self._made: dict[tuple[str, str], tuple[float, str]] = {}
        for order, (left, right) in enumerate(self.merges):
            for one in (left, right, left + right):
                if one not in self.ids:
                    raise ValueError(f"merge {order} of {left!r} and {right!r}: {one!r} is not in the vocabulary")
            self._made[left, right] = float(order), left + right

    def cut(self, text: str) -> list[Piece]:
        """The pieces of a text."""
        if self.whole_words and text in self.ids:
            return [(self.ids[text], 0, len(text))]
        merged = merge_all(self._symbols(text), lambda left, right: self._made.get((left, right)))
        return [(self.ids[symbol], begin, end) for symbol, begin, end in merged]

    def _symbols(self, text: str) -> list[Symbol]:
        symbols: list[Symbol] = []
        unknown = "" if self.unknown is None else self.pieces[self.unknown]
        fused = False
        for at, char in enumerate(text):
            spelled = bytes_of(text, at, at + 1, self._bytes, last_only=False) if self.byte_fallback else []
            if char in self.ids:
                symbols.append((char, at, at + 1))
                fused = False
            elif spelled:
                symbols += [(self.pieces[token], at, at + 1) for token, _, _ in spelled]
                fused = False
            elif self.unknown is not None:
                if fused and self.fuse_unknown:
                    symbols[-1] = unknown, symbols[-1][1], at + 1
                else:
                    symbols.append((unknown, at, at + 1))
                fused = True
        return symbols


class ScoredBPE:
    """The same from scores, as SentencePiece's own program computes it (``native``)."""

    native = True

    def __init__(
        self,
        pieces: Sequence[tuple[str, float]],
        unknown: int = 0,
        *,
        byte_fallback: bool = False,
        skipped: Collection[int] = (),
        preferred: Collection[int] = (),
    ) -> None:
        self.scored = list(pieces)
        self.pieces = [piece for piece, _ in pieces]
        self.ids = {piece: new for new, piece in enumerate(self.pieces)}
        self.unknown, self.byte_fallback = unknown, byte_fallback
        self.skipped, self.preferred = frozenset(skipped), frozenset(preferred)
        self._orders = {piece: -score for new, (piece, score) in enumerate(pieces) if new not in self.skipped}
        self._bytes = byte_pieces(self.ids)
        self._whole = any_of(self.pieces[new] for new in self.preferred)

    def cut(self, text: str) -> list[Piece]:
        """The pieces of a text."""
        pieces: list[Piece] = []
        for symbol, begin, end in merge_all(*self._symbols(text)):
            token = self.ids.get(symbol, self.unknown)
            if token != self.unknown:
                pieces.append((token, begin, end))
            elif self.byte_fallback:
                pieces += bytes_of(text, begin, end, self._bytes, last_only=True)
            elif pieces and pieces[-1][0] == self.unknown:
                pieces[-1] = token, pieces[-1][1], end
            else:
                pieces.append((token, begin, end))
        return pieces

    def _join(self, left: str, right: str) -> tuple[float, str] | None:
        order = self._orders.get(left + right)
        return None if order is None else (order, left + right)

    def _symbols(self, text: str) -> tuple[list[Symbol], Join, set[int]]:
        """The characters and what the user defined, what neighbors make, and which symbols are not merged."""
        symbols: list[Symbol] = []
        whole: set[int] = set()
        begin = 0
        for at, part in enumerate(self._whole.split(text) if self._whole else [text]):
            if at % 2:
                whole.add(len(symbols))
                symbols.append((part, begin, begin + len(part)))
            else:
                symbols += [(char, place, place + 1) for place, char in enumerate(part, start=begin)]
            begin += len(part)
        return symbols, self._join, whole


def merge_all(symbols: Sequence[Symbol], join: Join, alone: Collection[int] = ()) -> list[Symbol]:
    """Merge neighbors until nothing can be merged: the lowest order first, of equal ones the leftmost. n log n.

    The symbols at the places in ``alone`` are merged with nothing.
    """
    end = len(symbols)
    texts: list[str | None] = [symbol for symbol, _, _ in symbols]
    ends = [last for _, _, last in symbols]
    after, before = list(range(1, end + 1)), list(range(-1, end - 1))

    def offer(left: int, right: int) -> tuple[float, int, str] | None:
        first, second = texts[left], texts[right]
        if first is None or second is None or left in alone or right in alone:
            return None
        made = join(first, second)
        return None if made is None else (made[0], left, made[1])

    queue = [one for at in range(end - 1) if (one := offer(at, at + 1)) is not None]
    heapify(queue)
    while queue:
        order, at, text = heappop(queue)
        right = after[at]
        if right == end or offer(at, right) != (order, at, text):
            continue  # one of the two was merged with another neighbor since
        texts[at], texts[right], ends[at] = text, None, ends[right]
        beyond = after[at] = after[right]
        if beyond < end:
            before[beyond] = at
            if (wider := offer(at, beyond)) is not None:
                heappush(queue, wider)
        if before[at] >= 0 and (wider := offer(before[at], at)) is not None:
            heappush(queue, wider)
    return [(text, symbols[at][1], ends[at]) for at, text in enumerate(texts) if text is not None]


def merges_of(scored: Sequence[tuple[str, float]], skipped: Collection[int] = ()) -> list[tuple[str, str]]:
    """The list of merges that says the same as scores do: all ways to make each piece, the highest score first."""
    known = {piece for new, (piece, _) in enumerate(scored) if new not in skipped}
    places = {piece: new for new, (piece, _) in enumerate(scored)}
    made = sorted(((-score, new) for new, (piece, score) in enumerate(scored) if piece in known), key=lambda one: one)
    found: list[tuple[str, str]] = []
    for _, new in made:
        piece = scored[new][0]
        ways = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
        ways = [way for way in ways if way[0] in known and way[1] in known]
        found += sorted(ways, key=lambda way: (places[way[0]], places[way[1]]))
    return found
