"""Correlation of predicted numbers with right ones: Pearson's of the numbers, Spearman's of their ranks.

    pearson = Σ (x - x̄)(y - ȳ) / √(Σ (x - x̄)² · Σ (y - ȳ)²)        1: a straight line that rises
    spearman = pearson of the ranks                                   1: the same order

Numbers that are equal share the mean of their ranks (Kendall and Gibbons, "Rank Correlation Methods", 1990, chapter 3).
Where one side is the same number throughout, neither is defined: the answer is NaN, not 0, and no error, so that a
model which has learned nothing yet does not end its run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from groundup.stack.numerics.moments import correlation


def pearson(x: Sequence[float], y: Sequence[float]) -> float:
    """Between -1 and 1; NaN where x or y is constant or not finite. Raises ValueError unless there are two pairs."""
    return _of_tensors(*_pairs(x, y))


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """Between -1 and 1; NaN where x or y is constant or has a NaN. Raises ValueError unless there are two pairs."""
    one, other = _pairs(x, y)
    if one.isnan().any() or other.isnan().any():
        return math.nan
    return _of_tensors(ranks(one), ranks(other))


def ranks(x: Tensor) -> Tensor:
    """x (n,) to its ranks from 1 to n (n,), in double precision; equal numbers have the mean of theirs."""
    _, group, counts = torch.unique(x, return_inverse=True, return_counts=True)
    last = counts.cumsum(0)
    shared: Tensor = last.double() - (counts.double() - 1) / 2
    return shared[group]


def _of_tensors(x: Tensor, y: Tensor) -> float:
    return float(correlation(torch.stack((x, y), dim=-1))[0, 1].clamp(-1, 1))


def _pairs(x: Sequence[float], y: Sequence[float]) -> tuple[Tensor, Tensor]:
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"a correlation needs two pairs at least: got {len(x)} numbers and {len(y)}")
    return torch.as_tensor(x, dtype=torch.float64), torch.as_tensor(y, dtype=torch.float64)
