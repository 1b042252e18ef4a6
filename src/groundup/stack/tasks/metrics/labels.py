"""Right labels against predicted ones: accuracy, precision, recall, F1 and their averages, correlation, confusion.

    of one label:  precision = right / predicted    recall = right / true    F1 = 2 · right / (predicted + true)
    micro: the counts of all labels in one        macro: the mean over labels        weighted: by how many are true

F1 is the harmonic mean of precision and recall (van Rijsbergen, "Information Retrieval", 1979, chapter 7, with β = 1).
A quotient of 0 / 0 counts 0, as in scikit-learn. All values are shares of 1, not percent.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

Label = TypeVar("Label", bound=Hashable)


@dataclass(frozen=True)
class Counts:
    """Of one label, or of several together: how often it was predicted rightly, predicted at all, and true."""

    right: int = 0
    predicted: int = 0
    true: int = 0

    @property
    def precision(self) -> float:
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.predicted + self.true) if self.predicted + self.true else 0.0


@dataclass(frozen=True)
class Score:
    """Precision, recall and F1, and how many were true (``support``)."""

    precision: float
    recall: float
    f1: float
    support: int

    @classmethod
    def of(cls, counts: Counts) -> Score:
        return cls(counts.precision, counts.recall, counts.f1, counts.true)


@dataclass(frozen=True)
class Scores(Generic[Label]):
    """Of each label, and the three averages over them; of no label at all, the averages are 0."""

    labels: dict[Label, Score]
    micro: Score
    macro: Score
    weighted: Score


def average_counts(counts: Mapping[Label, Counts]) -> Scores[Label]:
    """The scores of each label and their averages."""
    each = {label: Score.of(one) for label, one in counts.items()}
    support = sum(one.support for one in each.values())
    together = Counts(
        sum(one.right for one in counts.values()),
        sum(one.predicted for one in counts.values()),
        sum(one.true for one in counts.values()),
    )
    alike, by_support = dict.fromkeys(each, 1), {label: one.support for label, one in each.items()}
    return Scores(each, Score.of(together), _mean(each, alike, support), _mean(each, by_support, support))


def _mean(each: Mapping[Label, Score], weights: Mapping[Label, int], support: int) -> Score:
    whole = sum(weights.values()) or 1

    def mean(values: Iterable[float]) -> float:
        return math.fsum(weight * value for weight, value in zip(weights.values(), values, strict=True)) / whole

    precision = mean(one.precision for one in each.values())
    recall, f1 = mean(one.recall for one in each.values()), mean(one.f1 for one in each.values())
    return Score(precision, recall, f1, support)


def label_scores(
    true: Sequence[Label], predicted: Sequence[Label], labels: Collection[Label] | None = None
) -> Scores[Label]:
    """Scores where each example has one label.

    ``labels`` are those that count, also where they are neither true nor predicted, which counts 0 in the macro mean;
    all that occur, if none are given. Raises ValueError where the two differ in number.
    """
    require_pairs(true, predicted)
    return set_scores([{one} for one in true], [{one} for one in predicted], labels)


def set_scores(
    true: Sequence[Collection[Label]],
    predicted: Sequence[Collection[Label]],
    labels: Collection[Label] | None = None,
) -> Scores[Label]:
    """Scores where each example has a set of labels, which may be empty: as :func:`label_scores`."""
    require_pairs(true, predicted)
    is_true: Counter[Label] = Counter()
    is_predicted: Counter[Label] = Counter()
    is_right: Counter[Label] = Counter()
    for one, other in zip(true, predicted, strict=True):
        is_true.update(set(one))
        is_predicted.update(set(other))
        is_right.update(set(one) & set(other))
    counted = ordered([*is_true, *is_predicted]) if labels is None else list(dict.fromkeys(labels))
    return average_counts({one: Counts(is_right[one], is_predicted[one], is_true[one]) for one in counted})


def accuracy(true: Sequence[Hashable], predicted: Sequence[Hashable]) -> float:
    """The share of examples whose label is right. Raises ValueError where there is none, or the two differ in
    number."""
    require_pairs(true, predicted)
    if len(true) == 0:
        raise ValueError("there is no accuracy of no examples")
    return float(sum(one == other for one, other in zip(true, predicted, strict=True)) / len(true))


def matthews(true: Sequence[Label], predicted: Sequence[Label]) -> float:
    """Matthews' correlation of two labels or more, between -1 and 1; 0 where either side has one label only.

    Matthews (1975) for two; Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient"
    (2004), equation 8. Raises ValueError where the two differ in number.
    """
    require_pairs(true, predicted)
    is_true, is_predicted = Counter(true), Counter(predicted)
    number, right = len(true), sum(one == other for one, other in zip(true, predicted, strict=True))
    together = number * right - sum(count * is_predicted[label] for label, count in is_true.items())
    spread = [number**2 - sum(count**2 for count in counts.values()) for counts in (is_true, is_predicted)]
    return together / math.sqrt(spread[0] * spread[1]) if all(spread) else 0.0


@dataclass(frozen=True)
class Confusion(Generic[Label]):
    """``counts[i][j]``: how often the true label was ``labels[i]`` and ``labels[j]`` was predicted."""

    labels: tuple[Label, ...]
    counts: tuple[tuple[int, ...], ...]


def confusion(
    true: Sequence[Label], predicted: Sequence[Label], labels: Collection[Label] | None = None
) -> Confusion[Label]:
    """Who is taken for whom; an example of which either label is not among ``labels`` is left out.

    Raises ValueError where the two differ in number.
    """
    require_pairs(true, predicted)
    shown = ordered([*true, *predicted]) if labels is None else list(dict.fromkeys(labels))
    met = Counter(zip(true, predicted, strict=True))
    return Confusion(tuple(shown), tuple(tuple(met[one, other] for other in shown) for one in shown))


def ordered(labels: Iterable[Label]) -> list[Label]:
    """Each label once, sorted where labels can be compared, else as they come."""
    once = list(dict.fromkeys(labels))
    try:
        return sorted(once)  # type: ignore[type-var]
    except TypeError:
        return once


def require_pairs(true: Sequence[object], predicted: Sequence[object]) -> None:
    """Raises ValueError unless there is one prediction for each, TypeError for tensors."""
    if any(isinstance(one, Tensor) for side in (true, predicted) for one in (side, *side[:1])):
        # Tensors of one value are not equal as keys: every label would be another, and all scores 0.
        raise TypeError("labels are numbers or names, not tensors: give tensor.tolist()")
    if len(true) != len(predicted):
        raise ValueError(f"one prediction for each example is needed: {len(true)} examples, {len(predicted)} of them")
