"""Convex functions and sets: a test by midpoints, Newton's method, and the nearest distribution to any vector.

A function is convex where no chord between two of its points lies below it anywhere. What is said of chords is tested
at their middles only, and for the points that are given: a test that can refute convexity and never prove it.

Sources: Boyd and Vandenberghe, *Convex Optimization* (2004), sections 3.1 and 9.5; Held, Wolfe and Crowder (1974) and
Duchi, Shalev-Shwartz, Singer and Chandra (2008) for the projection by sorting; Martins and Astudillo (2016), who use it
in place of the softmax.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

TOLERANCE = 1e-9


def is_midpoint_convex(f: Callable[[Tensor], Tensor], points: Tensor) -> bool:
    """Whether f lies nowhere above the chord in the middle between any two of the points, up to rounding.

    f takes a float64 tensor (...) and returns one number, infinity where it is not defined. points: (n, ...), any real
    dtype, taken as float64. A middle may be too high by ``TOLERANCE`` × (1 + |f(x)| + |f(y)|). NaN anywhere is a no,
    unless there are fewer than two points and so no chord.
    """
    points = points.to(torch.float64)
    values = [float(f(point)) for point in points]
    for i in range(len(points)):
        for j in range(i):
            middle = float(f(points[i] / 2 + points[j] / 2))
            allowed = TOLERANCE * (1 + abs(values[i]) + abs(values[j]))
            if not middle <= values[i] / 2 + values[j] / 2 + allowed:
                return False
    return True


def newton_minimize(
    grad: Callable[[Tensor], Tensor], hess: Callable[[Tensor], Tensor], x0: Tensor, steps: int
) -> Tensor:
    """Where so many full Newton steps lead: each goes to where the gradient of the quadratic model at x is zero.

    x0: (n,), float32 or float64. grad(x): (n,), hess(x): (n, n), symmetric and invertible, both in the dtype of x. Each
    is called once a step. Returns (n,). Nothing checks that it goes down: from the wrong place it leads to a saddle, to
    a maximum or away. Raises ValueError for steps below 0.
    """
    if steps < 0:
        raise ValueError(f"steps must not be negative: got {steps}")
    x = x0
    for _ in range(steps):
        x = x - torch.linalg.solve(hess(x), grad(x))
    return x


def project_simplex(v: Tensor) -> Tensor:
    """The distribution nearest to each v: entries of at least 0 with the sum 1, at the smallest Euclidean distance.

    v: (..., n) with n of at least 1, floating point; -inf is an entry that gets nothing. Returns (..., n) in its dtype.
    It is v minus one threshold, cut off at zero; the threshold follows from how many entries stay. Gradients reach v.
    Raises ValueError where there is no entry.
    """
    if v.dim() == 0 or v.shape[-1] == 0:
        raise ValueError(f"a distribution needs one entry at least: got the shape {tuple(v.shape)}")
    wide = v.to(torch.promote_types(v.dtype, torch.float32))
    shifted = wide - wide.amax(dim=-1, keepdim=True)  # changes nothing but the size of the sums, and so their rounding
    falling = shifted.sort(dim=-1, descending=True).values
    counts = torch.arange(1, v.shape[-1] + 1, dtype=wide.dtype, device=v.device)
    thresholds = (falling.cumsum(dim=-1) - 1.0) / counts  # the k-th is right if the k largest stay
    stay = (falling > thresholds).sum(dim=-1, keepdim=True)
    return torch.relu(shifted - thresholds.gather(-1, stay - 1)).to(v.dtype)
