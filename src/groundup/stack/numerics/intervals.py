"""Confidence intervals: of a mean by Student's t, of anything by the bootstrap's percentiles.

A 95 % interval is the result of a procedure that catches the true value in 95 % of all studies. For independent samples
from a normal distribution :func:`mean_interval` keeps that promise exactly, at every size; for others as the central
limit theorem has it. :func:`bootstrap_interval` keeps it for large samples only: with few rows its intervals are too
narrow, since the resamples know no more than the rows.

Not here: intervals for proportions (Wilson's), bias-corrected and accelerated (BCa) bootstrap intervals, several means.

Sources: Student, "The Probable Error of a Mean", Biometrika 6 (1908); Neyman, "Outline of a Theory of Statistical
Estimation Based on the Classical Theory of Probability" (1937); Efron, "Bootstrap Methods: Another Look at the
Jackknife", Annals of Statistics 7 (1979); Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), chapter 13.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from groundup.stack.numerics.integrals import simpson


def mean_interval(x: Tensor, level: float = 0.95) -> tuple[Tensor, Tensor]:
    """The interval for the mean that the samples come from: their mean, give or take t standard errors.

    x: (..., n), independent samples along the last dimension, n at least 2. level: between 0 and 1.
    Returns the lower and the upper end, each (...), in the dtype of x.
    Raises ValueError where there are fewer than two samples, or the level is not between 0 and 1.
    """
    if x.dim() == 0 or x.shape[-1] < 2:
        raise ValueError(f"one sample says nothing of the spread: got shape {tuple(x.shape)}")
    _require_level(level)
    n = x.shape[-1]
    reach = _student_quantile(n - 1, level) * x.std(dim=-1) / math.sqrt(n)
    middle = x.mean(dim=-1)
    return middle - reach, middle + reach


def bootstrap_interval(
    x: Tensor, statistic: Callable[[Tensor], Tensor | float], level: float, n: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The interval between two percentiles of a statistic, over n resamples of the rows.

    x: (m, ...), independent rows, m at least 1. statistic: takes such a tensor, with as many rows, and returns a number
    or a tensor; it is called n times, once for each resample: m rows drawn with replacement. level: between 0 and 1.
    Returns the lower and the upper end, each of the statistic's shape, in float64: the (1 - level) / 2 and the
    (1 + level) / 2 quantile, linear between neighbors.
    Raises ValueError where there are no rows or no resamples, or the level is not between 0 and 1.
    """
    if x.dim() == 0 or len(x) < 1 or n < 1:
        raise ValueError(f"rows and resamples are needed: got shape {tuple(x.shape)} and n = {n}")
    _require_level(level)
    found = []
    for _ in range(n):
        rows = torch.randint(len(x), (len(x),), generator=generator)
        found.append(torch.as_tensor(statistic(x[rows]), dtype=torch.float64))
    ordered = torch.stack(found).sort(dim=0).values
    return _quantile(ordered, (1 - level) / 2), _quantile(ordered, (1 + level) / 2)


def _quantile(ordered: Tensor, share: float) -> Tensor:
    """What the given share of the rows lies below: between the two nearest of them, in proportion."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return torch.lerp(ordered[below], ordered[above], place - below)


def _student_quantile(freedom: int, level: float) -> float:
    """The t that a number with Student's distribution stays within, up or down, with probability ``level``.

    With t = sqrt(freedom) tan(angle) the density becomes a power of a cosine on a bounded range. It falls with the
    angle, so that the area is concave, and Newton's steps from 0 come near from one side only.
    """
    log_height = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(math.pi) / 2

    def density(angle: Tensor) -> Tensor:
        return 2 * math.exp(log_height) * angle.cos() ** (freedom - 1)

    angle = torch.zeros((), dtype=torch.float64)
    for _ in range(200):
        step = (level - simpson(density, 0.0, angle, 1000)) / density(angle)
        angle = angle + step
        if step <= 1e-14 * angle:
            break
    return math.sqrt(freedom) * math.tan(angle.item())


def _require_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, such as 0.95, not {level}")
