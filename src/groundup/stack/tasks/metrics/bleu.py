"""BLEU: how many of a translation's runs of 1 to 4 words stand in a reference, of a corpus and of a sentence.

For each length n the matches over the corpus are counted, a run at most as often as in the reference that has it most
often; with p_n = matches / runs, c the length of all hypotheses and r that of the references nearest in length,

    BLEU = 100 · min(1, exp(1 - r / c)) · (p_1 · p_2 · p_3 · p_4)^(1/4)

The first factor, the brevity penalty, is there because leaving out what is uncertain makes every p_n better. BLEU is a
ratio of sums over a corpus and no mean of the sentences' BLEUs: a sentence without one run of four words in common has
p_4 = 0 and BLEU 0, which smoothing and the effective order are for. Two BLEUs compare only if their signatures agree.

    signature   what it says
    nrefs       references of each hypothesis, "var" where their number varies
    case        lc if all was lower-cased, else mixed
    eff         whether orders longer than the sentence are left out
    tok         which tokenizer of :mod:`groundup.stack.tasks.metrics.words`
    smooth      what stands for a p_n of 0: none; floor[k], k / runs; add-k[k], (matches + k) / (runs + k) for n > 1;
                exp, half of 1 / runs for the first such n, a quarter for the next, and so on

Sources: Papineni and others, "BLEU: a Method for Automatic Evaluation of Machine Translation" (2002); Chen and Cherry,
"A Systematic Comparison of Smoothing Techniques for Sentence-Level BLEU" (2014), methods 1, 2 and 3; Post, "A Call for
Clarity in Reporting BLEU Scores" (2018).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundup.stack.tasks.metrics.counts import clipped_matches, ngrams, reference_count, require_references
from groundup.stack.tasks.metrics.words import TOKENIZERS, tokenize

SMOOTHINGS = {"exp": None, "floor": 0.1, "add-k": 1.0, "none": None}


@dataclass(frozen=True)
class BleuScore:
    """A BLEU and what it was computed from.

    score: 0 to 100. matches, totals: for each order the runs that count and all of them, before smoothing.
    precisions: in percent, after smoothing. brevity: the penalty. length, reference_length: in words.
    """

    score: float
    matches: tuple[int, ...]
    totals: tuple[int, ...]
    precisions: tuple[float, ...]
    brevity: float
    length: int
    reference_length: int

    def __str__(self) -> str:
        precisions = "/".join(f"{value:.1f}" for value in self.precisions)
        ratio = self.length / self.reference_length if self.reference_length else 0
        return (
            f"BLEU = {self.score:.2f} {precisions} (BP = {self.brevity:.3f} ratio = {ratio:.3f} "
            f"hyp_len = {self.length} ref_len = {self.reference_length})"
        )


@dataclass(frozen=True)
class Bleu:
    """BLEU with its settings.

    tokenizer: one of TOKENIZERS. smoothing: one of SMOOTHINGS; value: its k, the method's own where None. order: the
    longest run. effective_order: leave out the orders that the hypotheses are too short for; meant for sentences.
    Raises ValueError for settings that do not exist.
    """

    tokenizer: str = "13a"
    lowercase: bool = False
    smoothing: str = "exp"
    value: float | None = None
    order: int = 4
    effective_order: bool = False

    def __post_init__(self) -> None:
        if self.tokenizer not in TOKENIZERS:
            raise ValueError(f"tokenizer must be one of {', '.join(TOKENIZERS)}, not {self.tokenizer!r}")
        if self.smoothing not in SMOOTHINGS:
            raise ValueError(f"smoothing must be one of {', '.join(SMOOTHINGS)}, not {self.smoothing!r}")
        if self.value is not None and (SMOOTHINGS[self.smoothing] is None or self.value < 0):
            raise ValueError(f"value is the k of floor and add-k, at least 0: {self.smoothing} with {self.value}")
        if self.order < 1:
            raise ValueError(f"order must be at least 1, not {self.order}")

    def corpus(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> BleuScore:
        """The BLEU of a corpus; references: for each hypothesis its own, one or more.

        Raises ValueError where the two are not equally many, or a hypothesis has no reference.
        """
        return self.score(self.statistics(hypotheses, references).sum(axis=0))

    def sentence(self, hypothesis: str, references: Sequence[str]) -> BleuScore:
        """The BLEU of one sentence against its references: the corpus' formula on a corpus of one."""
        return self.corpus([hypothesis], [references])

    def statistics(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> NDArray[np.int64]:
        """(hypotheses, 2 + 2 · order): what is summed over a corpus, for each hypothesis.

        The columns are its length, the length of the reference nearest to it, its matches for each order, and its runs.
        """
        require_references(hypotheses, references)
        pairs = zip(hypotheses, references, strict=True)
        return np.array([self._counted(hypothesis, texts) for hypothesis, texts in pairs], dtype=np.int64)

    def score(self, sums: NDArray[Any]) -> BleuScore:
        """The BLEU of summed statistics (2 + 2 · order,): those of a corpus, or of a resample of it."""
        length, reference_length, *counts = (int(count) for count in sums)
        matches, totals = tuple(counts[: self.order]), tuple(counts[self.order :])
        brevity = 1.0 if length >= reference_length else math.exp(1 - reference_length / length) if length else 0.0
        precisions, orders = self._precisions(matches, totals)
        score = 0.0
        if min(precisions[:orders]) > 0:
            score = brevity * math.exp(sum(map(math.log, precisions[:orders])) / orders)
        return BleuScore(score, matches, totals, tuple(precisions), brevity, length, reference_length)

    def signature(self, references: Sequence[Sequence[str]]) -> str:
        """The settings in one line, as sacrebleu writes them (without its version)."""
        smoothing = self.smoothing if self._value is None else f"{self.smoothing}[{self._value:.2f}]"
        return "|".join(
            (
                f"nrefs:{reference_count(references)}",
                f"case:{'lc' if self.lowercase else 'mixed'}",
                f"eff:{'yes' if self.effective_order else 'no'}",
                f"tok:{self.tokenizer}",
                f"smooth:{smoothing}",
            )
        )

    @property
    def _value(self) -> float | None:
        return SMOOTHINGS[self.smoothing] if self.value is None else self.value

    def _counted(self, hypothesis: str, references: Sequence[str]) -> list[int]:
        words = tokenize(hypothesis, self.tokenizer, self.lowercase)
        known = [tokenize(text, self.tokenizer, self.lowercase) for text in references]
        # Of two lengths that are equally near, the shorter.
        nearest = min((abs(len(other) - len(words)), len(other)) for other in known)[1]
        matches, totals = [], []
        for n in range(1, self.order + 1):
            most: Counter[Any] = ngrams(known[0], n)
            for other in known[1:]:
                most |= ngrams(other, n)
            matches.append(clipped_matches(ngrams(words, n), most))
            totals.append(max(len(words) - n + 1, 0))
        return [len(words), nearest, *matches, *totals]

    def _precisions(self, matches: Sequence[int], totals: Sequence[int]) -> tuple[list[float], int]:
        """The smoothed precisions in percent, and how many orders BLEU is to be made of."""
        precisions, orders, halvings = [0.0] * self.order, self.order, 0
        if not any(matches):
            return precisions, orders  # smoothing is for longer runs of texts that have something in common
        for place, (match, total) in enumerate(zip(matches, totals, strict=True)):
            k = self._value if self._value is not None else 0.0
            added = k if self.smoothing == "add-k" and place > 0 else 0.0
            if total + added == 0:
                break
            if self.effective_order:
                orders = place + 1
            if match + added > 0:
                precisions[place] = 100 * (match + added) / (total + added)
            elif self.smoothing == "exp":
                halvings += 1
                precisions[place] = 100 / (2**halvings * total)
            elif self.smoothing == "floor":
                precisions[place] = 100 * k / total
        return precisions, orders


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[Sequence[str]], **settings: Any) -> BleuScore:
    """:meth:`Bleu.corpus` with the field's settings, or others by name."""
    return Bleu(**settings).corpus(hypotheses, references)


def sentence_bleu(hypothesis: str, references: Sequence[str], **settings: Any) -> BleuScore:
    """:meth:`Bleu.sentence` with the field's settings for sentences, of which one is the effective order."""
    return Bleu(**{"effective_order": True, **settings}).sentence(hypothesis, references)
