"""chrF and chrF++: F-scores of runs of characters (and of words), of a corpus and of a sentence.

For each length n of runs, precision p_n is the share of the hypothesis' runs that the reference has, recall r_n the
share of the reference's that the hypothesis has, each run at most as often as in the other. With P and R their means
over 1 to 6 characters, and for chrF++ also over 1 and 2 words,

    chrF = 100 · (1 + β²) · P · R / (β² · P + R),        β = 2: recall counts twice as much as precision

A wrong ending costs a few runs only, not the whole word as in BLEU: hence its use for languages that inflect. Orders
of which the hypothesis or the reference has no run are left out of the means. With ``eps_smoothing`` (the authors' own
script) each order has its F, one without runs counts as good as 0, and chrF is their mean.

Of several references of a sentence the one with the highest F counts.

Sources: Popović, "chrF: character n-gram F-score for automatic MT evaluation" (2015); "chrF++: words helping character
n-grams" (2017).
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.stack.tasks.metrics.counts import clipped_matches, ngrams, reference_count, require_references

_PUNCTUATION = frozenset(string.punctuation)
_NEARLY_NOTHING = 1e-16


@dataclass(frozen=True)
class Chrf:
    """chrF with its settings.

    char_order, word_order: the longest runs of characters and of words (0: chrF; 2: chrF++). beta: how many times as
    much recall counts as precision. whitespace: whether spaces are characters. eps_smoothing: see the module.
    Raises ValueError for orders that leave nothing to count, or a beta that is not positive.
    """

    char_order: int = 6
    word_order: int = 0
    beta: int = 2
    lowercase: bool = False
    whitespace: bool = False
    eps_smoothing: bool = False

    def __post_init__(self) -> None:
        if self.char_order < 0 or self.word_order < 0 or self.orders < 1:
            raise ValueError(f"chrF counts runs of 1 or more: got orders {self.char_order} and {self.word_order}")
        if self.beta <= 0:
            raise ValueError(f"beta must be positive, not {self.beta}")

    @property
    def orders(self) -> int:
        return self.char_order + self.word_order

    @property
    def name(self) -> str:
        """chrF2, and with words chrF2++: the number is beta, the signs are the word order."""
        return f"chrF{self.beta}{'+' * self.word_order}"

    def corpus(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """The chrF of a corpus, 0 to 100; references: for each hypothesis its own, one or more.

        Raises ValueError where the two are not equally many, or a hypothesis has no reference.
        """
        return self.score(self.statistics(hypotheses, references).sum(axis=0))

    def sentence(self, hypothesis: str, references: Sequence[str]) -> float:
        """The chrF of one sentence against the nearest of its references."""
        return self.corpus([hypothesis], [references])

    def statistics(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> NDArray[np.int64]:
        """(hypotheses, 3 · orders): what is summed over a corpus, for each hypothesis.

        For each order three columns: the hypothesis' runs, its reference's runs, the matches.
        """
        require_references(hypotheses, references)
        pairs = zip(hypotheses, references, strict=True)
        return np.array([self._counted(hypothesis, texts) for hypothesis, texts in pairs], dtype=np.int64)

    def score(self, sums: NDArray[Any] | Sequence[int]) -> float:
        """The chrF of summed statistics (3 · orders,): those of a corpus, or of a resample of it."""
        counts = [int(count) for count in sums]
        triples = list(zip(counts[::3], counts[1::3], counts[2::3], strict=True))
        if self.eps_smoothing:
            return 100 * sum(self._smoothed(*triple) for triple in triples) / self.orders
        known = [triple for triple in triples if triple[0] and triple[1]]
        if not known:
            return 0.0
        precision = sum(match / found for found, _, match in known) / len(known)
        recall = sum(match / wanted for _, wanted, match in known) / len(known)
        return 100 * self._f(precision, recall) if precision + recall else 0.0

    def signature(self, references: Sequence[Sequence[str]]) -> str:
        """The settings in one line, as sacrebleu writes them (without its version)."""
        yes = {True: "yes", False: "no"}
        return "|".join(
            (
                f"nrefs:{reference_count(references)}",
                f"case:{'lc' if self.lowercase else 'mixed'}",
                f"eff:{yes[not self.eps_smoothing]}",
                f"nc:{self.char_order}",
                f"nw:{self.word_order}",
                f"space:{yes[self.whitespace]}",
            )
        )

    def _f(self, precision: float, recall: float) -> float:
        factor = self.beta**2
        return (1 + factor) * precision * recall / (factor * precision + recall)

    def _smoothed(self, found: int, wanted: int, match: int) -> float:
        precision = match / found if found else _NEARLY_NOTHING
        recall = match / wanted if wanted else _NEARLY_NOTHING
        return self._f(precision, recall) if precision + recall else _NEARLY_NOTHING

    def _counted(self, hypothesis: str, references: Sequence[str]) -> list[int]:
        found = self._runs(hypothesis)
        candidates = [
            [count for h, r in zip(found, self._runs(text), strict=True) for count in _compared(h, r)]
            for text in references
        ]
        # The first of several that are equally good.
        return candidates[0] if len(candidates) == 1 else max(candidates, key=self.score)

    def _runs(self, text: str) -> list[Counter[Any]]:
        text = text.lower() if self.lowercase else text
        chars = text if self.whitespace else "".join(text.split())
        runs = [ngrams(chars, n) for n in range(1, self.char_order + 1)]
        if self.word_order:
            words = _words(text)
            runs += [ngrams(words, n) for n in range(1, self.word_order + 1)]
        return runs


def corpus_chrf(hypotheses: Sequence[str], references: Sequence[Sequence[str]], **settings: Any) -> float:
    """:meth:`Chrf.corpus` with the field's settings (chrF2), or others by name; chrF++ is ``word_order=2``."""
    return Chrf(**settings).corpus(hypotheses, references)


def sentence_chrf(hypothesis: str, references: Sequence[str], **settings: Any) -> float:
    """:meth:`Chrf.sentence` with the field's settings (chrF2), or others by name."""
    return Chrf(**settings).sentence(hypothesis, references)


def _compared(found: Counter[Any], wanted: Counter[Any]) -> tuple[int, int, int]:
    # Runs that no reference could have matched, as it is too short for the order, do not count.
    return (found.total() if wanted else 0, wanted.total(), clipped_matches(found, wanted))


def _words(text: str) -> list[str]:
    """Words, with one mark of punctuation taken off the end, or else off the beginning."""
    words = []
    for word in text.split():
        if len(word) > 1 and word[-1] in _PUNCTUATION:
            words += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in _PUNCTUATION:
            words += [word[0], word[1:]]
        else:
            words.append(word)
    return words
