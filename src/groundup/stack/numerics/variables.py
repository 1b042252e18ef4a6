"""Random variables: the cumulative distribution of a mass, drawing by its inverse, probabilities from a density.

A variable with n values has a *mass*, the probability of each value, along the last dimension. One that is measured has
a *density*, probability per unit, whose areas are probabilities. Both have a cumulative distribution: P(X ≤ x).

Areas are measured at the middles of n equal parts. They never touch the ends, where a density may be infinite, and
where a change of variables that brings an infinite end near makes 0 times infinity. The error is at most
(b - a)³ / (24 n²) times the largest second derivative (of the integrand after that change), half of the trapezoids'.

Not here: densities from a cumulative distribution, several variables (``probability``), and any check that a mass adds
up to 1 or a density has the area 1.

Sources: Kolmogorov, *Foundations of the Theory of Probability* (1933), chapter III; Devroye, *Non-Uniform Random
Variate Generation* (1986), chapters II.2 and III.2; Davis and Rabinowitz, *Methods of Numerical Integration* (2nd
edition, 1984), sections 2.1 and 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def cumulative(pmf: Tensor) -> Tensor:
    """The probability of each value or one before it: running sums, the entry itself included.

    pmf: (..., n), a distribution along the last dimension. Returns (..., n), in its dtype; nothing is scaled, so the
    last entry is the sum of all. Sums are accumulated in a wider dtype than they are returned in, half precision too.
    """
    return pmf.cumsum(dim=-1)


def sample_inverse(cdf: Tensor, values: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """n independent draws of a value: the first whose cumulative probability lies above a uniform number.

    cdf: (m,), never decreasing, its last entry positive and taken for 1. values: (m,) of any dtype, in any order.
    Returns (n,), in the dtype of values. What has probability 0 is never drawn.
    Raises ValueError where cdf and values are no vectors of one length.
    """
    if cdf.dim() != 1 or cdf.shape != values.shape:
        raise ValueError(
            f"each value needs its cumulative probability: got shapes {tuple(cdf.shape)} and {tuple(values.shape)}"
        )
    # Exactly 1 at the end, above every uniform number, however the sum was rounded.
    steps = cdf.double() / cdf[-1].double()
    uniform = torch.rand(n, generator=generator, dtype=torch.float64)
    return values[torch.searchsorted(steps, uniform, right=True)]


def density_to_probability(pdf: Callable[[Tensor], Tensor], a: float, b: float, n: int = 1000) -> Tensor:
    """The probability of a value between a and b: the area under the density, from n strips.

    pdf: takes float64 places (n,) and returns the density there. a, b: a at most b; a may be -inf and b may be inf, for
    densities with their middle within some units of 0 or of the other bound. Returns a 0-d float64 tensor.
    Raises ValueError where b is below a, n below 1, or the density negative at a place that was looked at.
    """
    if not a <= b:
        raise ValueError(f"the interval from {a} to {b} runs backward")
    if n < 1:
        raise ValueError(f"at least one strip is needed, not {n}")
    if a == b:
        return torch.zeros((), dtype=torch.float64)
    x, width = _places((torch.arange(n, dtype=torch.float64) + 0.5) / n, float(a), float(b))
    heights = pdf(x)
    if (heights < 0).any():
        raise ValueError("a density is nowhere negative; this one is (is it a logarithm?)")
    return (heights * width).mean()


def _places(t: Tensor, a: float, b: float) -> tuple[Tensor, Tensor]:
    """Where t from 0 to 1 goes between a and b, and how much it is stretched there: the slope of that map."""
    if math.isfinite(a) and math.isfinite(b):
        return a + (b - a) * t, torch.full_like(t, b - a)
    if math.isfinite(a):
        return a + t / (1 - t), 1 / (1 - t).square()
    if math.isfinite(b):
        return b - t / (1 - t), 1 / (1 - t).square()
    s = 2 * t - 1
    rest = 1 - s.square()
    return s / rest, 2 * (1 + s.square()) / rest.square()
