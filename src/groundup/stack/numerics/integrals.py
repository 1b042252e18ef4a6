"""Integrals: of functions of one number by Simpson's rule, over boxes of any dimension by random points.

Simpson's rule cuts an interval into n equal parts and lays a parabola through the ends and the middle of each two
neighboring parts. It is exact for cubes. For a function with four continuous derivatives its error is at most
(b - a) h⁴ / 180 times the largest fourth derivative, with h = (b - a) / n: sixteen times smaller for twice as many
parts. Corners and jumps, infinite slopes at an end, and bends that are narrower than h take that away.

The average of a function at n random points, times the volume, has the integral as its mean and a standard deviation
of volume × σ / √n, where σ is the function's own spread in the box. The dimension is nowhere in the rate, and that of a
grid of n points in d dimensions, n^(-4/d), is slower from d = 9 on; but σ may grow with the dimension as fast as one
likes, and where it is infinite, there is no such rate at all.

Not here: infinite intervals, adaptive steps, quasi-random points, an estimate of the error.

Sources: Davis and Rabinowitz, *Methods of Numerical Integration* (2nd edition, 1984), sections 2.2 and 5.9; Metropolis
and Ulam, "The Monte Carlo Method", Journal of the American Statistical Association 44 (1949).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def simpson(f: Callable[[Tensor], Tensor], a: float | Tensor, b: float | Tensor, n: int) -> Tensor:
    """The integral of f from a to b, by Simpson's rule with n parts of equal width.

    f: takes a float64 tensor (n + 1,) of places, a and b among them, and returns its values there, entry by entry.
    a, b: finite numbers or 0-d tensors, taken as float64; with b < a the result has the opposite sign. n: even.
    Returns a 0-d float64 tensor. Raises ValueError where n is odd or below 2.
    """
    if n < 2 or n % 2 != 0:
        raise ValueError(f"Simpson's rule takes two parts at a time: n must be even and at least 2, not {n}")
    start, end = torch.as_tensor(a, dtype=torch.float64), torch.as_tensor(b, dtype=torch.float64)
    values = f(start + (end - start) * (torch.arange(n + 1, dtype=torch.float64) / n))
    weighted = values[0] + 4 * values[1::2].sum() + 2 * values[2:-1:2].sum() + values[-1]
    return (end - start) / (3 * n) * weighted


def monte_carlo_integral(
    f: Callable[[Tensor], Tensor], low: Tensor, high: Tensor, n: int, generator: torch.Generator
) -> Tensor:
    """An estimate of the integral of f over a box, from f at n independent uniform points: their mean times the volume.

    f: takes a float64 tensor (n, d), a point in each row, and returns (n,). low, high: (d,), the box's corners, any
    real dtypes, taken as float64. Returns a 0-d float64 tensor, another one for each state of the generator.
    Raises ValueError where low and high are no vectors of one length, or n is below 1.
    """
    if low.dim() != 1 or low.shape != high.shape:
        raise ValueError(f"low and high need one shape (d,): got {tuple(low.shape)} and {tuple(high.shape)}")
    if n < 1:
        raise ValueError(f"at least one point is needed, not {n}")
    corner = low.to(torch.float64)
    widths = high.to(torch.float64) - corner
    drawn = torch.rand(n, len(widths), dtype=torch.float64, generator=generator, device=generator.device)
    return widths.prod() * f(corner + widths * drawn).mean()
