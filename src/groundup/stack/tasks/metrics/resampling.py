"""How sure a score, or the difference of two, is: by drawing the examples again, and the runs.

A test set is a sample of texts, and a trained model one of those that other seeds would have given. The bootstrap draws
as many examples from the examples, with replacement, and scores them anew; how the scores of such resamples spread is
how scores of other test sets would. Two systems are compared on the *same* examples: what is hard is hard for both, and
the difference spreads less than either score.

    interval                  of one system's score: percentiles of its resamples
    difference_interval       of the difference of two systems', of one or several runs each
    equivalence               whether that difference lies within a margin: two one-sided tests
    bootstrap_p_value         whether it could be chance: resamples, shifted to a difference of none
    randomization_p_value     the same by swapping the two systems' outputs at random (Noreen 1989)

An insignificant difference does not show that there is none. Equivalence is tested the other way around: the hypothesis
to refute is that systems differ by the margin or more. Both sides are refuted, each at level alpha, exactly where the
(1 - 2 alpha) interval of the difference lies inside the margin (Schuirmann 1987).

What is resampled are rows: an array (examples, k) of what the metric is computed from, for each example. A metric takes
rows (..., m, k) of m examples to scores (...): :func:`mean` of a number an example (a hit or a miss: accuracy), or
:func:`of_sums` for what is a function of sums over a corpus, as BLEU, an F1, or a perplexity; others, such as a
correlation, are written so by the caller. A margin is in the metric's own unit: for one of 2 % of a perplexity
compare its logarithm, with log 1.02.

Several runs of a system are (runs, examples, k), and its score is the mean of its runs'. Three runs are too few to draw
from: resamples of them would spread less than runs do, and in a few steps. So for runs the mean is moved by their
standard error times a draw of Student's t, with Welch's degrees of freedom, which is how means of normal numbers as few
as these lie about the true one. Where runs differ by which examples they miss, rather than in how good they are, that
part is counted twice, among examples and among runs: intervals are wide rather than narrow, and the level holds. The
tests simulate it, and the power: where the margin is four standard errors of the difference, equal systems are found
equivalent in nine of ten trials with one run each, and in six of ten or more with three.
One run says nothing of other runs, and an interval of one run speaks of that run alone.

Not here: bias-corrected and accelerated intervals (Efron 1987); percentiles are somewhat narrow for few examples.

Sources: Efron, "Bootstrap Methods: Another Look at the Jackknife" (1979); Koehn, "Statistical Significance Tests for
Machine Translation Evaluation" (2004); Noreen, *Computer-Intensive Methods for Testing Hypotheses* (1989); Riezler and
Maxwell, "On Some Pitfalls in Automatic Evaluation and Significance Testing for MT" (2005); Schuirmann, "A Comparison of
the Two One-Sided Tests Procedure and the Power Approach" (1987); Welch, "The Generalization of 'Student's' Problem when
Several Different Population Variances are Involved" (1947).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Metric = Callable[[NDArray[Any]], Any]

_CHUNK = 1 << 22  # numbers gathered at once


@dataclass(frozen=True)
class Interval:
    """A score, or a difference of two, and the ends between which the given share of the resamples lies."""

    score: float
    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Equivalence:
    """The difference of two scores, its (1 - 2 alpha) interval, and whether that lies inside the margin."""

    difference: float
    low: float
    high: float
    margin: float
    alpha: float
    equivalent: bool


def mean(rows: NDArray[Any]) -> Any:
    """The mean of one number an example: (..., m, 1) to (...). Raises ValueError for several numbers an example."""
    if rows.shape[-1] != 1:
        raise ValueError(f"the mean is of one number an example, not of {rows.shape[-1]}: give the metric")
    return rows[..., 0].mean(axis=-1)


def of_sums(score: Callable[[NDArray[Any]], float]) -> Metric:
    """The metric that is a function of sums over the examples: ``score`` takes (k,) sums to a number."""
    return lambda rows: np.apply_along_axis(score, -1, rows.sum(axis=-2))


def interval(
    rows: NDArray[Any], metric: Metric = mean, *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> Interval:
    """The score of one run and its percentile interval, over resamples of the examples.

    rows: (examples, k), or (examples,) for one number each. Raises ValueError for no examples or resamples, or a level
    that is not between 0 and 1.
    """
    run = _single(rows)
    _require(resamples, level)
    generator = np.random.default_rng(seed)
    found = np.concatenate([metric(run[picks]) for picks in _picks(generator, resamples, run)])
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(metric(run)), float(low), float(high), level)


def difference_interval(
    a: NDArray[Any],
    b: NDArray[Any],
    metric: Metric = mean,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    pair_runs: bool = False,
) -> Interval:
    """The difference of the scores of a and b and its percentile interval, over resamples of examples and of runs.

    a, b: (examples, k) of the same examples in the same order, or (runs, examples, k). pair_runs: whether the runs
    belong together two by two, as those of one seed and one order of data do; what varies is then their difference.
    Raises ValueError where examples do not match, or paired runs are not equally many.
    """
    _require(resamples, level)
    first, second = _several(a), _several(b)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"both systems need the same examples: got {first.shape[1]} and {second.shape[1]}")
    if pair_runs and len(first) != len(second):
        raise ValueError(f"paired runs must be equally many: got {len(first)} and {len(second)}")
    generator = np.random.default_rng(seed)
    found = np.concatenate(
        [
            _scores(first, metric, picks).mean(axis=-1) - _scores(second, metric, picks).mean(axis=-1)
            for picks in _picks(generator, resamples, first)
        ]
    )
    ones, others = _scores(first, metric), _scores(second, metric)
    error, freedom = _standard_error([ones - others] if pair_runs else [ones, others])
    if error > 0:
        found += error * generator.standard_t(freedom, size=resamples)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(ones.mean() - others.mean()), float(low), float(high), level)


def equivalence(
    a: NDArray[Any],
    b: NDArray[Any],
    margin: float,
    metric: Metric = mean,
    *,
    alpha: float = 0.05,
    resamples: int = 2000,
    seed: int = 0,
    pair_runs: bool = False,
) -> Equivalence:
    """Two one-sided tests of whether the scores of a and b differ by less than the margin, each at level alpha.

    Arguments as for :func:`difference_interval`; margin is in the metric's unit. Too few examples or runs lead to
    ``equivalent`` false: not shown, rather than shown to differ. Raises ValueError for a margin that is not positive,
    or an alpha outside 0 to 0.5.
    """
    if not margin > 0 or not 0 < alpha < 0.5:
        raise ValueError(f"margin must be positive and alpha between 0 and 0.5: got {margin} and {alpha}")
    found = difference_interval(a, b, metric, level=1 - 2 * alpha, resamples=resamples, seed=seed, pair_runs=pair_runs)
    inside = -margin < found.low and found.high < margin
    return Equivalence(found.score, found.low, found.high, margin, alpha, inside)


def bootstrap_p_value(
    a: NDArray[Any],
    b: NDArray[Any],
    metric: Metric = mean,
    *,
    resamples: int = 1000,
    seed: int = 0,
    as_sacrebleu: bool = False,
) -> float:
    """Two-sided p-value of a paired bootstrap: how often resampled differences lie as far from the actual as 0 does.

    a, b: (examples, k) of one run each. With ``as_sacrebleu`` it is what sacrebleu gives, after a script of Moses: how
    often the size of a resampled difference exceeds the mean such size by the actual one. Sizes spread less than
    differences do, so that this is too small: of systems that are equally good, every fourth pair reaches 0.1.
    Ties count, so that two equal systems have p = 1, where sacrebleu's strict comparison says 1 / (resamples + 1).
    """
    first, second = _single(a), _single(b)
    _require_pair(first, second, resamples)
    generator = np.random.default_rng(seed)
    found = [metric(first[picks]) - metric(second[picks]) for picks in _picks(generator, resamples, first)]
    differences, actual = np.concatenate(found), float(metric(first) - metric(second))
    if as_sacrebleu:
        sizes = np.abs(differences)
        return _p_value(sizes - sizes.mean(), abs(actual))
    return _p_value(np.abs(differences - actual), abs(actual))


def randomization_p_value(
    a: NDArray[Any], b: NDArray[Any], metric: Metric = mean, *, resamples: int = 10000, seed: int = 0
) -> float:
    """Two-sided p-value of paired approximate randomization: who gave which of two outputs is left to chance.

    a, b: (examples, k) of one run each. It is how often systems made up of the two in this way differ as much as the
    actual ones; the actual one counts as one more. It is sacrebleu's, but for ties: see :func:`bootstrap_p_value`.
    """
    first, second = _single(a), _single(b)
    _require_pair(first, second, resamples)
    swaps = np.random.default_rng(seed).integers(2, size=(resamples, len(first)), dtype=bool)
    sizes = []
    for chosen in np.array_split(swaps, -(-resamples * first.size // _CHUNK)):
        keep = chosen[:, :, None]
        sizes.append(np.abs(metric(np.where(keep, first, second)) - metric(np.where(keep, second, first))))
    return _p_value(np.concatenate(sizes), abs(float(metric(first) - metric(second))))


def _p_value(sizes: Numbers, actual: float) -> float:
    # Less a tiny share: what is equal on paper may differ by rounding.
    reached = int((sizes >= actual - 1e-10 * abs(actual)).sum())
    return (reached + 1) / (len(sizes) + 1)


def _picks(generator: np.random.Generator, resamples: int, rows: NDArray[Any]) -> Iterator[NDArray[np.int64]]:
    """(some resamples, examples): the examples of each, all resamples in turn, as many at once as memory is kind to."""
    examples, width = rows.shape[-2:]
    at_once = max(1, _CHUNK // (examples * width))
    for start in range(0, resamples, at_once):
        yield generator.integers(examples, size=(min(at_once, resamples - start), examples))


def _scores(runs: NDArray[Any], metric: Metric, picks: NDArray[np.int64] | None = None) -> Numbers:
    """(resamples, runs): the score of each run on the examples of each resample; without any, (runs,) on all."""
    found = [np.asarray(metric(run if picks is None else run[picks]), dtype=np.float64) for run in runs]
    return np.stack(found, axis=-1)


def _standard_error(groups: list[Numbers]) -> tuple[float, float]:
    """Of a sum or difference of the groups' means, and Welch's degrees of freedom for it; 0 where no group varies."""
    shares = [(float(group.var(ddof=1)) / len(group), len(group) - 1) for group in groups if len(group) > 1]
    total = sum(share for share, _ in shares)
    if not total > 0:
        return 0.0, 0.0
    return total**0.5, total**2 / sum(share**2 / freedom for share, freedom in shares)


def _single(rows: NDArray[Any]) -> NDArray[Any]:
    rows = np.asarray(rows)
    rows = rows[:, None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"one run is an array (examples, numbers), not empty: got shape {rows.shape}")
    return rows


def _several(rows: NDArray[Any]) -> NDArray[Any]:
    rows = np.asarray(rows)
    if rows.ndim < 3:
        return _single(rows)[None]
    if rows.ndim > 3 or not rows.size:
        raise ValueError(f"runs are an array (runs, examples, numbers), not empty: got shape {rows.shape}")
    return rows


def _require(resamples: int, level: float) -> None:
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, not {resamples}")
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, such as 0.95, not {level}")


def _require_pair(first: NDArray[Any], second: NDArray[Any], resamples: int) -> None:
    if first.shape != second.shape:
        raise ValueError(f"both systems need the same examples: got shapes {first.shape} and {second.shape}")
    _require(resamples, 0.5)
