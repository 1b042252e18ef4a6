"""Tests of hypotheses: Welch's t, a p-value by permuting labels, and Holm's correction for several tests.

Not here: the distribution of t (for some dozens of samples it is nearly normal), and paired tests, which are one-sample
tests of the differences: ``t_statistic(differences, zeros)``.

Sources: Welch, "The Generalization of 'Student's' Problem when Several Different Population Variances are Involved"
(1947); Fisher, *The Design of Experiments* (1935), section 21; Phipson and Smyth, "Permutation P-values Should Never Be
Zero" (2010); Holm, "A Simple Sequentially Rejective Multiple Test Procedure" (1979).
"""

from __future__ import annotations

import torch
from torch import Tensor


def t_statistic(a: Tensor, b: Tensor) -> Tensor:
    """Welch's t: the difference of two means, in units of the standard error that their variances give it.

    a: (..., n), b: (..., m), samples along the last dimension, at least two of each; batch dimensions broadcast.
    Returns (...), positive where the mean of a is larger. Where neither varies: infinite, or NaN for equal means.
    Raises ValueError where there are fewer than two samples.
    """
    if a.shape[-1] < 2 or b.shape[-1] < 2:
        raise ValueError(f"two samples at least have a variance: got shapes {tuple(a.shape)} and {tuple(b.shape)}")
    error = (a.var(dim=-1) / a.shape[-1] + b.var(dim=-1) / b.shape[-1]).sqrt()
    return (a.mean(dim=-1) - b.mean(dim=-1)) / error


def permutation_p_value(a: Tensor, b: Tensor, n: int, generator: torch.Generator) -> float:
    """How often a difference of means at least this large comes up when it is chance who is in which group.

    a: (n_a,), b: (n_b,), at least one sample each. n: how many random divisions of the pooled samples into groups of
    these sizes are tried, at least 1. Two-sided: differences count by size. Ties count, even if rounding parts them.
    Returns (k + 1) / (n + 1), where k of the divisions were at least as large: the actual one is one more.
    """
    pooled = torch.cat([a, b]).double()
    pooled = pooled - pooled.mean()
    # Less a tiny share: what is equal on paper may differ by rounding.
    at_least = _size(pooled[: len(a)]) - 1e-10 * pooled.abs().max()
    order = torch.rand(n, len(pooled), generator=generator).argsort(dim=-1)
    found = (_size(pooled[order[:, : len(a)]]) >= at_least).sum().item()
    return (found + 1) / (n + 1)


def holm_bonferroni(p_values: Tensor, alpha: float = 0.05) -> Tensor:
    """Which hypotheses are rejected, so that with chance 1 - alpha or more no true one is among them.

    p_values: (m,). From the smallest on, each is compared with alpha over the number of those not yet rejected; the
    first that is larger ends it. Returns (m,) bool, in the order given.
    """
    ordered, order = p_values.sort()
    left = torch.arange(len(p_values), 0, -1, dtype=p_values.dtype)
    passed = (ordered <= alpha / left).cumprod(dim=0).bool()
    return passed[order.argsort()]


def _size(group: Tensor) -> Tensor:
    """The size of the mean of one group: as the pooled mean is 0, the difference to the other is a fixed multiple."""
    return group.mean(dim=-1).abs()
