"""TER: how many edits of a translation lead to a reference, in percent of the reference's words.

    TER = 100 · edits / words of the reference        0: the same; above 100 where it is cheaper to begin anew

An edit inserts, deletes or replaces a word, or shifts a run of words elsewhere: unlike BLEU it counts the moved half of
a sentence as one mistake. To find the fewest edits with shifts is NP-complete (Shapira and Storer 2002). The search is
greedy, as in the authors' program Tercom: again and again that shift is made which lowers the edit distance of the rest
most, as long as one does. A run may be shifted only if it stands somewhere in the reference, is not where it belongs,
and its place is taken by something wrong.

Of several references the one with the fewest edits counts, over the mean of their lengths. Text is cut at spaces and
nothing else. Not here: Tercom's normalization of punctuation, and of Asian scripts.

Sources: Snover and others, "A Study of Translation Edit Rate with Targeted Human Annotation" (2006); Shapira and
Storer, "Edit Distance with Move Operations" (2002).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.stack.tasks.metrics.counts import reference_count, require_references

_PUNCTUATION = re.compile(r'[.,?:;!"()]')
# What keeps the search short, as in Tercom: words of a run, places that it moves, shifts tried for a sentence, and how
# far from the diagonal the table of distances is filled in.
_LONGEST_RUN, _FARTHEST, _SHIFTS_TRIED, _BEAM = 10, 50, 1000, 25

Words = list[str]
Rows = list[list[float]]


@dataclass(frozen=True)
class Ter:
    """TER with its settings: whether case and punctuation (. , ? : ; ! " and parentheses) count."""

    case_sensitive: bool = False
    punctuation: bool = True

    def corpus(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """The TER of a corpus; references: for each hypothesis its own, one or more.

        Raises ValueError where the two are not equally many, or a hypothesis has no reference.
        """
        return self.score(self.statistics(hypotheses, references).sum(axis=0))

    def sentence(self, hypothesis: str, references: Sequence[str]) -> float:
        """The TER of one sentence."""
        return self.corpus([hypothesis], [references])

    def statistics(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """(hypotheses, 2): the edits of each, and the mean length of its references."""
        require_references(hypotheses, references)
        return np.array([self._counted(*pair) for pair in zip(hypotheses, references, strict=True)], dtype=np.float64)

    def score(self, sums: NDArray[Any]) -> float:
        """The TER of summed statistics (2,). Where no reference has a word: 100 if there are edits, else 0."""
        edits, length = (float(value) for value in sums)
        return 100 * edits / length if length > 0 else 100.0 * (edits > 0)

    def signature(self, references: Sequence[Sequence[str]]) -> str:
        """The settings in one line, as sacrebleu writes them (without its version)."""
        case, marks = "mixed" if self.case_sensitive else "lc", "yes" if self.punctuation else "no"
        return f"nrefs:{reference_count(references)}|case:{case}|tok:tercom|norm:no|punct:{marks}|asian:no"

    def _words(self, text: str) -> Words:
        text = text if self.case_sensitive else text.lower()
        return (text if self.punctuation else _PUNCTUATION.sub("", text)).split()

    def _counted(self, hypothesis: str, references: Sequence[str]) -> tuple[int, float]:
        words, known = self._words(hypothesis), [self._words(text) for text in references]
        return min(edits(words, other) for other in known), sum(map(len, known)) / len(known)


def corpus_ter(hypotheses: Sequence[str], references: Sequence[Sequence[str]], **settings: Any) -> float:
    """:meth:`Ter.corpus` with the field's settings, or others by name."""
    return Ter(**settings).corpus(hypotheses, references)


def edits(hypothesis: Words, reference: Words) -> int:
    """How many edits and shifts lead from the hypothesis to the reference, as far as the search finds."""
    words, shifts, tried = hypothesis, 0, 0
    if not reference:
        return len(words)
    while True:
        rows = _distances(words, reference, [])
        gain, shifted, tried = _best_shift(words, reference, rows, tried)
        if gain <= 0 or tried >= _SHIFTS_TRIED:
            return shifts + int(rows[-1][-1])
        words, shifts = shifted, shifts + 1


def _best_shift(words: Words, reference: Words, rows: Rows, tried: int) -> tuple[float, Words, int]:
    """(what the best shift gains, the words after it, shifts tried so far); ties: the longest, then the first run."""
    aligned, wrong, missed = _alignment(words, reference, rows)
    best: tuple[float, int, int, int] | None = None
    result = words
    for start, place, length in _common_runs(words, reference):
        in_place = start <= aligned[place] < start + length
        if in_place or not any(wrong[start : start + length]) or not any(missed[place : place + length]):
            continue
        for target in _targets(aligned, place, length):
            shifted = _shifted(words, start, length, target)
            same = min(start, target)  # before it nothing moved, and its rows are known
            distance = _distances(shifted, reference, rows[: same + 1])[-1][-1]
            tried += 1
            rank = (rows[-1][-1] - distance, length, -start, -target)
            if best is None or rank > best:
                best, result = rank, shifted
        if tried >= _SHIFTS_TRIED:
            break
    return (best[0] if best else 0), result, tried


def _targets(aligned: list[int], place: int, length: int) -> Iterator[int]:
    """Before which word to put a run that stands at ``place`` in the reference: after what its neighbors stand for."""
    before = -1
    for at in range(place - 1, min(place + length, len(aligned))):
        target = aligned[at] + 1 if at >= 0 else 0
        if target != before:
            yield target
        before = target


def _common_runs(words: Words, reference: Words) -> Iterator[tuple[int, int, int]]:
    """(start in the words, start in the reference, length) of all runs that both have, and of their beginnings."""
    for start in range(len(words)):
        for place in range(max(0, start - _FARTHEST), min(len(reference), start + _FARTHEST + 1)):
            longest = min(_LONGEST_RUN, len(words) - start, len(reference) - place)
            for length in range(longest):
                if words[start + length] != reference[place + length]:
                    break
                yield start, place, length + 1


def _shifted(words: Words, start: int, length: int, target: int) -> Words:
    """The run taken out and put in before the word at ``target``; inside of itself: as many words further on."""
    run, rest = words[start : start + length], words[:start] + words[start + length :]
    if target > start + length:
        target -= length
    return rest[:target] + run + rest[target:]


def _distances(words: Words, reference: Words, known: Rows) -> Rows:
    """Row i, column j: the edit distance of the first i words and the first j of the reference (Levenshtein 1966).

    ``known`` are the first rows, where they are known. Cells far from the diagonal stay infinite.
    """
    rows = known or [[float(column) for column in range(len(reference) + 1)]]
    ratio = len(reference) / len(words) if words else 1.0
    beam = math.ceil(ratio / 2 + _BEAM) if ratio / 2 > _BEAM else _BEAM
    for at in range(len(rows), len(words) + 1):
        word, above = words[at - 1], rows[-1]
        low = max(0, math.floor(at * ratio) - beam)
        high = len(reference) + 1 if at == len(words) else min(len(reference) + 1, math.floor(at * ratio) + beam)
        row = [math.inf] * (len(reference) + 1)
        if low == 0:
            row[0] = above[0] + 1
        for column in range(max(low, 1), high):
            cost = above[column - 1] + (word != reference[column - 1])
            other = (above[column] if above[column] < row[column - 1] else row[column - 1]) + 1
            row[column] = cost if cost < other else other
        rows.append(row)
    return rows


def _alignment(words: Words, reference: Words, rows: Rows) -> tuple[list[int], list[bool], list[bool]]:
    """Which word each of the reference stands for (the one before, if none), and who of both is part of an edit."""
    aligned, wrong, missed = [-1] * len(reference), [True] * len(words), [True] * len(reference)
    row, column = len(words), len(reference)
    while row or column:
        here = rows[row][column]
        differ = bool(row and column) and words[row - 1] != reference[column - 1]
        if row and column and here == rows[row - 1][column - 1] + differ:
            row, column = row - 1, column - 1
            aligned[column], wrong[row], missed[column] = row, differ, differ
        elif row and here == rows[row - 1][column] + 1:
            row -= 1
        else:
            column -= 1
            aligned[column] = row - 1
    return aligned, wrong, missed
