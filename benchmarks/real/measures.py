"""How each task is scored, cut so that a bootstrap can draw examples: a row of numbers an example, a score of rows.

    predictions, right answers ── rows ──► (n, k) ── rows of a resample ──► score

Corpus measures are no means of examples' scores: F1 of entities and BLEU come of sums over rows, correlations of all
rows at once, a perplexity of summed nats. What is counted in a row is computed by the stack's own metrics, which the
tests of the stack hold to scikit-learn, seqeval, sacrebleu, rouge-score and the SQuAD script.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from groundup.stack.tasks.metrics.answers import normalize_answer, word_f1
from groundup.stack.tasks.metrics.bleu import Bleu
from groundup.stack.tasks.metrics.entities import find_entities
from groundup.stack.tasks.metrics.resampling import of_sums
from groundup.stack.tasks.metrics.rouge import Rouge

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """``rows`` of predictions and right answers; ``score`` takes rows (..., m, k) to scores (...), as the stack's
    resampling asks it; ``shown`` makes of a score what people read.

    Scores are compared as they are: percent, and for perplexities 100 times their logarithm.
    """

    name: str
    unit: str
    rows: Callable[[Sequence[Any], Sequence[Any]], Rows]
    score: Callable[[Rows], Any]
    shown: Callable[[float], float] = lambda value: value
    smaller: bool = False


def _mean(rows: Rows) -> Any:
    return 100 * rows[..., 0].mean(axis=-1)


def _equal_rows(predictions: Sequence[Any], golds: Sequence[Any]) -> Rows:
    return np.array([[float(one == gold)] for one, gold in zip(predictions, golds, strict=True)])


def _entity_rows(predictions: Sequence[Any], golds: Sequence[Any]) -> Rows:
    rows = []
    for one, gold in zip(predictions, golds, strict=True):
        found, right = set(find_entities(one)), set(find_entities(gold))
        rows.append([len(found & right), len(found), len(right)])
    return np.array(rows, dtype=np.float64)


def _entity_f1(rows: Rows) -> Any:
    both, found, right = np.moveaxis(rows.sum(axis=-2), -1, 0)
    return 200 * both / np.maximum(found + right, 1)


def _answer_rows(predictions: Sequence[Any], golds: Sequence[Any]) -> Rows:
    rows = []
    for one, texts in zip(predictions, golds, strict=True):
        kept = [text for text in texts if normalize_answer(text)] or [""]
        rows.append([max(word_f1(one, text) for text in kept)])
    return np.array(rows)


def _bleu_rows(predictions: Sequence[Any], golds: Sequence[Any]) -> Rows:
    return Bleu().statistics(predictions, golds).astype(np.float64)


def _rouge_rows(predictions: Sequence[Any], golds: Sequence[Any]) -> Rows:
    rouge = Rouge(("rougeL",), stem=True)
    return np.array([[rouge.score(one, texts)["rougeL"].f] for one, texts in zip(predictions, golds, strict=True)])


def _pair_rows(predictions: Sequence[Any], golds: Sequence[Any]) -> Rows:
    return np.array([predictions, golds], dtype=np.float64).T


def _spearman(rows: Rows) -> Any:
    """100 times the correlation of ranks; 0 where all predictions are the same."""
    ranks = rankdata(rows, axis=-2)
    away = ranks - ranks.mean(axis=-2, keepdims=True)
    both = (away[..., 0] * away[..., 1]).sum(axis=-1)
    sizes = np.sqrt((away**2).sum(axis=-2).prod(axis=-1))
    return 100 * both / np.where(sizes > 0, sizes, 1)


def _log_perplexity(rows: Rows) -> Any:
    nats, words = np.moveaxis(rows.sum(axis=-2), -1, 0)
    return 100 * nats / words


MEASURES = {
    "accuracy": Measure("accuracy", "%", _equal_rows, _mean),
    "entity F1": Measure("entity F1", "%", _entity_rows, _entity_f1),
    "answer F1": Measure("answer F1", "%", _answer_rows, _mean),
    "BLEU": Measure("BLEU", "points", _bleu_rows, of_sums(lambda sums: Bleu().score(sums).score)),
    "ROUGE-L": Measure("ROUGE-L", "points", _rouge_rows, _mean),
    "Spearman": Measure("Spearman", "points", _pair_rows, _spearman),
    "perplexity": Measure(
        "perplexity", "a word", _pair_rows, _log_perplexity, lambda value: math.exp(value / 100), smaller=True
    ),
}
