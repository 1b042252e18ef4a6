"""ROUGE: how much of a reference a summary has, by runs of words and by longest common subsequences.

    rouge1, rouge2, …   runs of 1, 2, … words, each at most as often as in the other text
    rougeL              the longest common subsequence: words in the same order, whatever stands between
    rougeLsum           of texts whose sentences are lines: for each sentence of the reference the words that any
                        sentence of the hypothesis shares with it in this way, none more often than both texts have it

Matches over the hypothesis' words are the precision, over the reference's the recall, and F is their harmonic mean.
Words are runs of a to z and digits after lower-casing: a text in another script has none, and an umlaut parts a word.
With ``stem`` words of more than three characters are stemmed (:mod:`groundup.stack.tasks.metrics.porter`).

rougeL needs the length of the subsequence only, which one integer of as many bits as the hypothesis has words gives,
a word of the reference at a time (Hyyrö 2004); rougeLsum keeps these integers, one a word, to walk back along them.

Sources: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004), sections 2 and 3; Hyyrö, "Bit-parallel
LCS-length computation revisited" (2004).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from groundup.stack.tasks.metrics.counts import clipped_matches, ngrams, require_references
from groundup.stack.tasks.metrics.porter import stem as stemmed

_WORD = re.compile("[a-z0-9]+")
_KIND = re.compile("rouge([1-9]|L|Lsum)")


class RougeScore(NamedTuple):
    """Shares from 0 to 1; ``f`` is the harmonic mean of the others."""

    precision: float
    recall: float
    f: float


class RougeInterval(NamedTuple):
    """Percentiles over resamples of the examples: the lower end, the median, the upper end."""

    low: RougeScore
    middle: RougeScore
    high: RougeScore


@dataclass(frozen=True)
class Rouge:
    """ROUGE with its settings. kinds: of those in the module's table. Raises ValueError for others, or none."""

    kinds: tuple[str, ...] = ("rouge1", "rouge2", "rougeL", "rougeLsum")
    stem: bool = False

    def __post_init__(self) -> None:
        wrong = [kind for kind in self.kinds if not _KIND.fullmatch(kind)]
        if wrong or not self.kinds:
            raise ValueError(f"kinds are of rouge1 to rouge9, rougeL and rougeLsum, one at least: got {self.kinds}")

    def score(self, hypothesis: str, references: Sequence[str]) -> dict[str, RougeScore]:
        """For each kind the score against the reference with which its F is highest.

        Raises ValueError where there is no reference.
        """
        require_references([hypothesis], [references])
        scores = [self._compared(hypothesis, text) for text in references]
        return {kind: max((score[kind] for score in scores), key=lambda score: score.f) for kind in self.kinds}

    def corpus(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, RougeScore]:
        """The mean over the examples of each; references: for each hypothesis its own, one or more."""
        require_references(hypotheses, references)
        scores = [self.score(*pair) for pair in zip(hypotheses, references, strict=True)]
        return {kind: RougeScore(*np.mean([score[kind] for score in scores], axis=0)) for kind in self.kinds}

    def _compared(self, hypothesis: str, reference: str) -> dict[str, RougeScore]:
        found, wanted = tokenize(hypothesis, self.stem), tokenize(reference, self.stem)
        scores = {}
        for kind in self.kinds:
            if kind == "rougeLsum":
                scores[kind] = _summary(_lines(hypothesis, self.stem), _lines(reference, self.stem))
            elif kind == "rougeL":
                scores[kind] = _shares(common_length(found, wanted), len(found), len(wanted))
            else:
                one, other = ngrams(found, int(kind[5:])), ngrams(wanted, int(kind[5:]))
                scores[kind] = _shares(clipped_matches(one, other), one.total(), other.total())
        return scores


def tokenize(text: str, stem: bool = False) -> list[str]:
    """The words of a text, as the module says."""
    words = _WORD.findall(text.lower())
    return [_stem(word) if len(word) > 3 else word for word in words] if stem else words


def aggregate(
    scores: Sequence[Mapping[str, RougeScore]], level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> dict[str, RougeInterval]:
    """The interval of each kind's mean over examples, from means over resamples of them.

    scores: an example's each. Raises ValueError for no scores, no resamples, or a level outside 0 to 1.
    """
    if not scores or resamples < 1 or not 0 <= level <= 1:
        raise ValueError(
            f"scores, resamples and a level from 0 to 1 are needed: got {len(scores)} scores, {resamples}, {level}"
        )
    generator = np.random.default_rng(seed)
    ends = [(1 - level) / 2, 0.5, (1 + level) / 2]
    intervals = {}
    for kind in scores[0]:
        table = np.array([score[kind] for score in scores])
        means = [table[generator.integers(len(table), size=len(table))].mean(axis=0) for _ in range(resamples)]
        intervals[kind] = RougeInterval(*(RougeScore(*row) for row in np.quantile(means, ends, axis=0)))
    return intervals


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence; time of len(other) steps on integers of len(one) bits."""
    rows = _rows(one, other)
    return len(one) - rows[-1].bit_count()


_stem: Callable[[str], str] = lru_cache(maxsize=1 << 16)(stemmed)


def _lines(text: str, stem: bool) -> list[list[str]]:
    return [tokenize(line, stem) for line in text.split("\n") if line]


def _shares(matches: int, found: int, wanted: int) -> RougeScore:
    precision, recall = matches / max(found, 1), matches / max(wanted, 1)
    return RougeScore(precision, recall, 2 * precision * recall / (precision + recall) if matches else 0.0)


def _rows(one: Sequence[str], other: Sequence[str]) -> list[int]:
    """Row i of the table of lengths for the first i words of ``other``, as an integer.

    Along a row the length grows by 0 or 1 from a word of ``one`` to the next; bit j is 0 where it grows at word j. A
    word that occurs moves the growth of each stretch forward to the first place where it stands; the addition's carry
    does this for all stretches at once.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    everywhere = (1 << len(one)) - 1
    rows = [everywhere]
    for word in other:
        row = rows[-1]
        met = row & places.get(word, 0)
        rows.append(((row + met) | (row - met)) & everywhere)
    return rows


def _common_places(one: Sequence[str], other: Sequence[str]) -> set[int]:
    """The places in ``other`` of a longest common subsequence: of several, the one that rouge-score walks back to."""
    rows = _rows(one, other)
    found, column, row = set(), len(one), len(other)
    while column and row:
        if one[column - 1] == other[row - 1]:
            column, row = column - 1, row - 1
            found.add(row)
        elif _length(rows[row], column - 1) > _length(rows[row - 1], column):
            column -= 1
        else:
            row -= 1
    return found


def _length(row: int, column: int) -> int:
    """The table's entry: how often the length grew before that column."""
    return column - (row & ((1 << column) - 1)).bit_count()


def _summary(found: list[list[str]], wanted: list[list[str]]) -> RougeScore:
    """rougeLsum of sentences that are cut into words (Lin 2004, section 3.2; counts limited as in ROUGE 1.5.5)."""
    left = Counter(word for line in found for word in line)
    total = left.total()
    needed = Counter(word for line in wanted for word in line)
    # A word that an earlier sentence took cannot be taken again; of the reference's own no more can be met than it has.
    matches = 0
    for line in wanted:
        shared = set[int]().union(*(_common_places(other, line) for other in found))
        for place in sorted(shared):
            if left[line[place]] > 0:
                left[line[place]] -= 1
                matches += 1
    return _shares(matches, total, needed.total())
