"""Unigram: a text is cut into those pieces of a vocabulary that are the likeliest together.

    "▁unaffable" ── every way to cut it ──►  ▁un|aff|able   −9.1    ◄── the best: Viterbi
                                             ▁un|a|ff|able  −13.0
                                             ▁u|n|aff|able  −14.2 …     drawn: forward, then backward

Each piece has a log-probability, a cut is worth the sum of its pieces', and nothing else counts: the pieces are taken
to be independent. All ways to cut are the paths of a lattice over the places between characters, so that the best of
them, the sum over them and a draw from them take time in proportion to its edges. A character that is no piece by
itself can be cut out as unknown, ten below the least likely piece; several in a row are one unknown piece.

Two programs compute this, and where sums are equal but for rounding they decide otherwise: ``tokenizers`` in double
precision, SentencePiece (``native``) in single precision. The latter also prefers pieces that its user defined and
gives the bytes of an unknown character their place in another way.

Kudo, "Subword Regularization" (ACL 2018): formulas 1 to 3 for the model, section 3.2 for sampling. The training is in
:mod:`.unigram_training`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import nlargest

import torch

Piece = tuple[int, int, int]
"""An id, and where it begins and ends in the text that was cut."""
Edge = tuple[int, int, float]
"""A piece that ends at a place: where it begins, its id, its score."""
Way = tuple[float, int, Edge]
"""A way to a place: its score, its last piece, and which of the ways to its begin it goes on from (a rank)."""

UNKNOWN_PENALTY = 10.0
BYTES = 256
_CACHED_WORDS = 2**17
_CACHED_LENGTH = 64


class Unigram:
    """Pieces with their scores (log-probabilities); a piece's id is its place.

    ``unknown`` is the id of what stands for characters that no piece has, None where there must be none. With
    ``byte_fallback`` they become the pieces ``<0x00>`` to ``<0xFF>`` of their bytes. ``skipped`` are never found in a
    text: control tokens, bytes. ``preferred`` are found wherever they stand. Raises ValueError where nothing is left.
    """

    def __init__(
        self,
        pieces: Sequence[tuple[str, float]],
        unknown: int | None = 0,
        *,
        byte_fallback: bool = False,
        skipped: Collection[int] = (),
        preferred: Collection[int] = (),
        native: bool = False,
    ) -> None:
        if unknown is not None and not 0 <= unknown < len(pieces):
            raise ValueError(f"the unknown piece must be one of the {len(pieces)}, not {unknown}")
        self.scored = list(pieces)
        self.pieces = [piece for piece, _ in pieces]
        self.ids = {piece: new for new, piece in enumerate(self.pieces)}
        self.unknown, self.byte_fallback, self.native = unknown, byte_fallback, native
        self.skipped, self.preferred = frozenset(skipped), frozenset(preferred)
        self._bytes = byte_pieces(self.ids) if byte_fallback else None
        scores = [_single(score) if native else score for _, score in pieces]
        counted = [score for new, score in enumerate(scores) if new not in self.skipped | self.preferred]
        if not counted:
            raise ValueError("a Unigram vocabulary must have a piece that texts can be cut into")
        self.unknown_score = min(counted) - UNKNOWN_PENALTY
        if native:
            self.unknown_score = _single(self.unknown_score)
            for new in self.preferred:
                scores[new] = _single(0.1 * len(self.pieces[new].encode()) - 0.1)  # as in its version 0.2.3
        self._table = _beginnings(self.pieces, scores, self.skipped)
        self._known: dict[str, list[Piece]] = {}

    # ── the best cut ─────────────────────────────────────────────────────────

    def cut(self, text: str) -> list[Piece]:
        """The likeliest pieces. Raises ValueError for unknown characters where no piece stands for these."""
        known = self._known.get(text)
        if known is None:
            known = self._finished(text, self._viterbi(text))
            if len(text) <= _CACHED_LENGTH and len(self._known) < _CACHED_WORDS:
                self._known[text] = known
        return known

    def _viterbi(self, text: str) -> list[Piece]:
        """For every place the best way to get there, from left to right; of equal ones the one that was met first."""
        size, table, native = len(text), self._table, self.native
        best = [0.0] * (size + 1)
        came: list[tuple[int, int] | None] = [None] * (size + 1)  # where the last piece begins, its id
        for begin in range(size):
            here, alone = best[begin], False
            for end in range(begin + 1, size + 1):
                found = table.get(text[begin:end])
                if found is None:
                    break
                if found[0] < 0:
                    continue
                alone = alone or end == begin + 1
                score = _single(here + found[1]) if native else here + found[1]
                if came[end] is None or score > best[end]:
                    best[end], came[end] = score, (begin, found[0])
            score = _single(here + self.unknown_score) if native else here + self.unknown_score
            if not alone and (came[begin + 1] is None or score > best[begin + 1]):
                best[begin + 1], came[begin + 1] = score, (begin, -1)
        pieces: list[Piece] = []
        end = size
        while end:
            begin, token = came[end] or (end - 1, -1)
            pieces.append((token, begin, end))
            end = begin
        return pieces[::-1]

    def _finished(self, text: str, pieces: Iterable[Piece]) -> list[Piece]:
        """Unknown characters (−1) as the unknown piece, one for all that stand together, or as their bytes."""
        joined: list[Piece] = []
        for token, begin, end in pieces:
            token = -1 if token == self.unknown else token  # spelled out in the text: it joins what is unknown
            if joined and token == joined[-1][0] == -1 and not (self.native and self._bytes):
                joined[-1] = -1, joined[-1][1], end
            else:
                joined.append((token, begin, end))
        done: list[Piece] = []
        for token, begin, end in joined:
            if token < 0 and not self.native:
                token = self.ids.get(text[begin:end], -1)
            if token >= 0:
                done.append((token, begin, end))
            elif self._bytes and (spelled := bytes_of(text, begin, end, self._bytes, last_only=self.native)):
                done += spelled
            elif self.unknown is None:
                raise ValueError(f"{text[begin:end]!r} is in no piece, and the vocabulary has none for the unknown")
            else:
                done.append((self.unknown, begin, end))
        return done

    # ── all cuts ─────────────────────────────────────────────────────────────

    def lattice(self, text: str) -> list[list[Edge]]:
        """For each place from 1 to the end the pieces that end there; −1 is an unknown character."""
        ending: list[list[Edge]] = [[] for _ in range(len(text) + 1)]
        for begin in range(len(text)):
            alone = False
            for end in range(begin + 1, len(text) + 1):
                found = self._table.get(text[begin:end])
                if found is None:
                    break
                if found[0] >= 0:
                    alone = alone or end == begin + 1
                    ending[end].append((begin, found[0], found[1]))
            if not alone:
                ending[begin + 1].append((begin, -1, self.unknown_score))
        return ending

    def log_likelihood(self, text: str) -> float:
        """The logarithm of the summed probabilities of all ways to cut the text."""
        return self._forward(self.lattice(text), 1.0)[-1]

    @staticmethod
    def _forward(ending: list[list[Edge]], alpha: float) -> list[float]:
        """For each place the log-sum over the ways to get there, every score times ``alpha``."""
        sums = [0.0]
        for edges in ending[1:]:
            sums.append(log_sum([sums[begin] + alpha * score for begin, _, score in edges]))
        return sums

    def n_best(self, text: str, n: int) -> list[tuple[list[Piece], float]]:
        """The ``n`` best ways to cut a text, the best first, with their scores; fewer where there are fewer."""
        ways: list[list[Way]] = [[(0.0, 0, (0, -1, 0.0))]]
        for edges in self.lattice(text)[1:]:
            here = [
                (before + edge[2], rank, edge) for edge in edges for rank, (before, _, _) in enumerate(ways[edge[0]])
            ]
            ways.append(nlargest(n, here, key=lambda way: way[0]))
        return [(self._finished(text, _path(ways, rank)), way[0]) for rank, way in enumerate(ways[-1]) if text]

    def sample(
        self, text: str, generator: torch.Generator, *, alpha: float = 1.0, n_best: int | None = None
    ) -> list[Piece]:
        """A cut drawn in proportion to its probability to the power ``alpha``: 0 is every cut alike, ∞ the best.

        Of all cuts, by going forward through the lattice for the sums and backward for a piece at a time; or of the
        ``n_best`` only.
        """
        if n_best is not None:
            ways = self.n_best(text, n_best)
            if not ways:
                return []
            worth = torch.tensor([alpha * score for _, score in ways], dtype=torch.float64)
            return ways[int(torch.multinomial(worth.softmax(0), 1, generator=generator))][0]
        ending = self.lattice(text)
        sums = self._forward(ending, alpha)
        draws = torch.rand(len(text) + 1, generator=generator, dtype=torch.float64).tolist()
        pieces: list[Piece] = []
        end = len(text)
        while end:
            left = draws[end]
            for begin, token, score in ending[end]:  # noqa: B007 (the one where it stops is used)
                left -= math.exp(sums[begin] + alpha * score - sums[end])
                if left < 0:
                    break
            pieces.append((token, begin, end))
            end = begin
        return self._finished(text, pieces[::-1])


def _path(ways: list[list[Way]], rank: int) -> list[Piece]:
    """The pieces of one of the ways to the last place."""
    pieces: list[Piece] = []
    end = len(ways) - 1
    while end:
        _, rank, (begin, token, _) = ways[end][rank]
        pieces.append((token, begin, end))
        end = begin
    return pieces[::-1]


def log_sum(terms: Sequence[float]) -> float:
    """log Σ exp(term), without leaving the range of floats."""
    top = max(terms)
    return top + math.log(sum([math.exp(term - top) for term in terms]))


def _single(number: float) -> float:
    return float(struct.unpack("f", struct.pack("f", number))[0])


def _beginnings(
    pieces: Sequence[str], scores: Sequence[float], skipped: Collection[int]
) -> dict[str, tuple[int, float]]:
    """Every beginning of a piece: its id and score where it is one itself, else −1. What is not here begins none."""
    table: dict[str, tuple[int, float]] = {}
    for new, (piece, score) in enumerate(zip(pieces, scores, strict=True)):
        if new in skipped:
            continue
        for end in range(1, len(piece)):
            table.setdefault(piece[:end], (-1, 0.0))
        table[piece] = new, score
    return table


# ── bytes ────────────────────────────────────────────────────────────────────


def byte_pieces(ids: Mapping[str, int]) -> list[int | None]:
    """The ids of ``<0x00>`` to ``<0xFF>``."""
    return [ids.get(f"<0x{byte:02X}>") for byte in range(BYTES)]


def bytes_of(text: str, begin: int, end: int, ids: Sequence[int | None], *, last_only: bool) -> list[Piece]:
    """A part of a text as the pieces of its bytes, each of which stands for the part, or only the last of which does.

    Nothing where one of the bytes has no piece.
    """
    tokens = [ids[byte] for byte in text[begin:end].encode("utf-8", errors="surrogatepass")]
    places = [(begin, begin if last_only else end)] * (len(tokens) - 1) + [(begin, end)]
    known = [(token, *place) for token, place in zip(tokens, places, strict=True) if token is not None]
    return known if len(known) == len(tokens) else []
