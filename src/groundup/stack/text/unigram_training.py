"""A Unigram vocabulary learned from words: begin with far too many pieces, and take out those that are missed least.

    words ── all frequent substrings ──► seeds ──► ┌─ E: how often is each piece used, over all cuts of all words
                                                   │  M: scores from these counts                      (twice)
                                                   └─ the quarter whose loss costs the least goes, until few are left

The expectation sums over every way to cut a word (forward and backward sums over its lattice), so a piece counts for
as much as its cuts are likely. The M step takes digamma(count) − digamma(sum) for log(count / sum): a Dirichlet prior's
answer, which makes rare pieces rarer, and pieces used less than half a time go at once. A piece's loss is what the
text's log-likelihood would lose if each of its uses were cut into the best other pieces. Characters stay, always.

Words are cut all at the same time: the edges of their lattices are one table, taken a column of places at a time.
As in SentencePiece's trainer and in ``tokenizers``' for the steps, the half and the quarter; both count a piece's uses
for its loss along the best cuts only, here they are the expected ones.

Kudo, "Subword Regularization" (ACL 2018), section 3.2 (formula 4 and the steps below it).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from groundup.stack.text.normalization import Traced, normalizer, pre_tokenizer

SPECIAL = ("<unk>", "<s>", "</s>")
METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
LEAST_COUNT = 0.5
ROOM = 1.1
"""Pruning ends at so many times the size that was asked for; the last cut is by score."""


def count_words(
    texts: Iterable[str], rules: Mapping[str, Any] | None = None, cut: Mapping[str, Any] | None = None
) -> Counter[str]:
    """The words of texts and how often each occurs. ``rules`` and ``cut`` are steps of ``tokenizer.json``."""
    normalize, split = normalizer(rules), pre_tokenizer(cut or METASPACE)
    return Counter(word.text for text in texts for word in split(normalize(Traced.of(text))))


def train_unigram(
    words: Mapping[str, int],
    vocab_size: int,
    *,
    special: Sequence[str] = SPECIAL,
    longest: int = 16,
    seeds: int = 1_000_000,
    shrink: float = 0.75,
    iterations: int = 2,
) -> list[tuple[str, float]]:
    """Pieces and their scores, in the order of their ids: the special ones, then the likeliest first.

    Raises ValueError where the size has no room for the special pieces and every character; fewer pieces come where
    the words have not so many.
    """
    alphabet = sorted({char for word in words for char in word})
    room = vocab_size - len(special)
    if room < len(alphabet):
        raise ValueError(f"{len(special)} special pieces and {len(alphabet)} characters are more than {vocab_size}")
    if not alphabet:
        return [(one, 0.0) for one in special]
    found = seed_pieces(words, longest)
    pieces = [*alphabet, *sorted(found, key=lambda one: (-found[one], one))[:seeds]]
    chars: Counter[str] = Counter()
    for word, count in words.items():
        for char in word:
            chars[char] += count
    weights = torch.tensor([float(found.get(one, chars[one])) for one in pieces], dtype=torch.float64)
    scores = (weights / weights.sum()).log()
    corpus = Lattices(list(words), pieces)
    frequency = torch.tensor(list(words.values()), dtype=torch.float64)
    while True:
        for _ in range(iterations):
            counts = corpus.expected(scores, frequency)
            keep = (counts >= LEAST_COUNT) | _single(pieces)
            pieces, counts = _only(pieces, keep), counts[keep].clamp(min=LEAST_COUNT)
            corpus.drop(keep)
            scores = torch.digamma(counts) - torch.digamma(counts.sum())
        if len(pieces) <= max(int(room * ROOM), len(alphabet)):
            break
        size = max(int(room * ROOM), int(len(pieces) * shrink))
        keep = _dearest(losses(pieces, scores, counts), _single(pieces), size)
        pieces, scores = _only(pieces, keep), scores[keep]
        corpus.drop(keep)
    order = sorted(range(len(pieces)), key=lambda at: (len(pieces[at]) > 1, -float(scores[at]), pieces[at]))[:room]
    learned = sorted(((pieces[at], float(scores[at])) for at in order), key=lambda one: (-one[1], one[0]))
    return [*((one, 0.0) for one in special), *learned]


def seed_pieces(words: Mapping[str, int], longest: int = 16) -> dict[str, int]:
    """Substrings of two characters or more that occur twice or more: each one's count times its length.

    One that the same character follows wherever it stands is left out: the longer one is as frequent.
    """
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for begin in range(len(word)):
            for end in range(begin + 2, min(len(word), begin + longest) + 1):
                counts[word[begin:end]] += count
    seeds = {one: count * len(one) for one, count in counts.items() if count > 1}
    for one, count in counts.items():
        if counts.get(one[:-1]) == count:
            seeds.pop(one[:-1], None)
    return seeds


def losses(pieces: Sequence[str], scores: Tensor, counts: Tensor) -> Tensor:
    """(pieces,) What the log-likelihood loses without each piece: count · (log p − Σ log p of the best other pieces).

    The probabilities are those that counts would give if the other pieces had taken over; ∞ where there are none.
    """
    own = Lattices(pieces, pieces, whole=False)
    total = counts.sum()
    paths, lengths = own.best(scores)
    added = torch.zeros_like(counts)
    at, piece = paths
    added.index_add_(0, at, (counts[piece] + counts[at]).log())
    alternative = added - lengths * (total + counts * (lengths - 1)).log()
    return torch.where(lengths > 0, counts * (counts.log() - total.log() - alternative), math.inf)


def _single(pieces: Sequence[str]) -> Tensor:
    return torch.tensor([len(one) == 1 for one in pieces])


def _only(pieces: Sequence[str], keep: Tensor) -> list[str]:
    return [one for one, kept in zip(pieces, keep.tolist(), strict=True) if kept]


def _dearest(loss: Tensor, always: Tensor, size: int) -> Tensor:
    """Which pieces stay: ``size`` of them, those whose loss is largest, and all that must."""
    keep = torch.zeros(len(loss), dtype=torch.bool)
    keep[torch.where(always, math.inf, loss).argsort(descending=True, stable=True)[:size]] = True
    return keep | always


class Lattices:
    """All ways to cut many words into pieces. A node is a place in a word; an edge is a piece between two nodes."""

    def __init__(self, words: Sequence[str], pieces: Sequence[str], *, whole: bool = True) -> None:
        """``whole``: may a word be one piece of more than a character."""
        ids = {piece: new for new, piece in enumerate(pieces)}
        longest = max(map(len, pieces))
        starts, nodes = [], 0
        edges: list[tuple[int, int, int, int]] = []  # begin, end (in the word), node of the word's begin, piece
        for word in words:
            starts.append(nodes)
            for begin in range(len(word)):
                for end in range(begin + 1, min(len(word), begin + longest) + 1):
                    piece = ids.get(word[begin:end])
                    if piece is not None and (whole or end - begin < len(word)):
                        edges.append((begin, end, nodes, piece))
            nodes += len(word) + 1
        self.starts = torch.tensor(starts)
        self.ends = torch.tensor([start + len(word) for start, word in zip(starts, words, strict=True)])
        table = torch.tensor(edges, dtype=torch.long).reshape(-1, 4)
        self.nodes, self.pieces = nodes, len(pieces)
        self.begin, self.end = table[:, 0], table[:, 1]
        self.source, self.target, self.piece = table[:, 2] + table[:, 0], table[:, 2] + table[:, 1], table[:, 3]

    def drop(self, keep: Tensor) -> None:
        """Only the pieces in ``keep`` (a mask) stay, under new numbers."""
        renumbered = torch.where(keep, keep.cumsum(0) - 1, -1)[self.piece]
        stay = renumbered >= 0
        self.begin, self.end = self.begin[stay], self.end[stay]
        self.source, self.target, self.piece = self.source[stay], self.target[stay], renumbered[stay]
        self.pieces = int(keep.sum())

    def _columns(self, place: Tensor) -> list[Tensor]:
        """The edges with the same place, place by place, in the order of places."""
        order = place.argsort(stable=True)
        ends = torch.bincount(place).cumsum(0).tolist()
        return [order[begin:end] for begin, end in pairwise([0, *ends])]

    def _sums(self, scores: Tensor, first: Tensor, columns: list[Tensor], source: Tensor, target: Tensor) -> Tensor:
        """(nodes,) The log-sum over all ways from the nodes ``first`` to each."""
        sums = torch.full((self.nodes,), -math.inf, dtype=torch.float64)
        sums[first] = 0.0
        for edges in columns:
            worth = sums[source[edges]] + scores[self.piece[edges]]
            to = target[edges]
            top = torch.full_like(sums, -math.inf).scatter_reduce_(0, to, worth, "amax")
            share = torch.zeros_like(sums).index_add_(0, to, (worth - top[to]).exp().nan_to_num(0.0))
            met = share > 0
            sums[met] = top[met] + share[met].log()
        return sums

    def forward(self, scores: Tensor) -> Tensor:
        return self._sums(scores, self.starts, self._columns(self.end), self.source, self.target)

    def log_likelihood(self, scores: Tensor) -> Tensor:
        """(words,) The logarithm of each word's probability, over all cuts."""
        return self.forward(scores)[self.ends]

    def expected(self, scores: Tensor, frequency: Tensor) -> Tensor:
        """(pieces,) How often each piece is used, in expectation over the cuts, where words occur so often."""
        forward = self.forward(scores)
        backward = self._sums(scores, self.ends, self._columns(self.begin)[::-1], self.target, self.source)
        word = torch.searchsorted(self.starts, self.source, right=True) - 1
        share = forward[self.source] + scores[self.piece] + backward[self.target] - forward[self.ends][word]
        counts = torch.zeros(self.pieces, dtype=torch.float64)
        return counts.index_add_(0, self.piece, share.exp() * frequency[word])

    def best(self, scores: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """The best cut of each word: (word, piece) of all pieces used, and (words,) how many each word has, or none."""
        best = torch.full((self.nodes,), -math.inf, dtype=torch.float64)
        best[self.starts] = 0.0
        came = torch.full((self.nodes,), -1)
        for edges in self._columns(self.end):
            worth, to = best[self.source[edges]] + scores[self.piece[edges]], self.target[edges]
            best.scatter_reduce_(0, to, worth, "amax")
            chosen = worth == best[to]
            came[to[chosen]] = edges[chosen]
        node, word = self.ends.clone(), torch.arange(len(self.ends))
        lengths = torch.zeros(len(self.ends), dtype=torch.float64)
        used: list[tuple[Tensor, Tensor]] = []
        reached = best[self.ends] > -math.inf
        node, word = node[reached], word[reached]
        while len(word):
            edge = came[node]
            used.append((word, self.piece[edge]))
            lengths[word] += 1
            node = self.source[edge]
            going = node != self.starts[word]
            node, word = node[going], word[going]
        none = torch.zeros(0, dtype=torch.long)
        at, piece = (torch.cat([pair[side] for pair in used]) if used else none for side in (0, 1))
        return (at, piece), lengths
