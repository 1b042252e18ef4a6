"""Derivatives of functions of one number, by central differences, and roots by Newton's method.

A function takes a float64 tensor of any shape and returns one of the same shape, each entry of which depends on the
entry in the same place alone: what PyTorch's element-wise operations are made of. Everything is computed in float64,
because a difference of nearly equal numbers loses most of the digits that it had.

With step h, a central difference is off by about h² f''' / 6, and its rounding by about 1e-16 |f| / h. The default
h = 1e-4 is near the best for functions whose values and derivatives are of the size of 1, and leaves 8 or more digits.

Not here: functions of many variables (``gradients``), exact derivatives (``autograd``), roots of systems.

Sources: Nocedal and Wright, *Numerical Optimization* (2006), section 8.1; Ypma, "Historical Development of the
Newton-Raphson Method", SIAM Review 37 (1995).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def derivative(f: Callable[[Tensor], Tensor], x: float | Tensor, h: float = 1e-4) -> Tensor:
    """The slope of f at x, by the central difference (f(x + h) - f(x - h)) / 2h.

    x: a number, or a tensor (...) of any real dtype, which is taken as float64. h: positive.
    Returns (...) in float64: the slope at each entry of x.
    At a corner it is the mean of the slopes on both sides, at a jump a number as large as 1 / h: no error is raised.
    """
    x = torch.as_tensor(x, dtype=torch.float64)
    high, low = x + h, x - h
    # Not 2h: x + h is rounded, and what counts is the distance between the two points that f was asked at.
    return (f(high) - f(low)) / (high - low)


def newton_root(f: Callable[[Tensor], Tensor], x0: float | Tensor, steps: int = 50, tolerance: float = 1e-8) -> Tensor:
    """A root of f near x0: from x on to the root of the tangent there, until that moves x by ``tolerance`` at most.

    x0: a number or a 0-d tensor. Returns a 0-d float64 tensor, the newest x. ``steps`` is the largest number of moves.
    An x at which f is exactly 0 is returned, whatever the slope. The tolerance is absolute, and for the last move, not
    for f: a double root, where each move only halves the distance, is found to about that tolerance, a simple one
    nearly to the last digit.

    Raises RuntimeError where there is no root to give: no move of ``steps`` was small enough (f may have no root, or
    the moves may go round in a circle), the slope is 0 where f is not, or a number on the way is infinite or NaN.
    """
    x = torch.as_tensor(x0, dtype=torch.float64)
    for _ in range(steps):
        value = f(x)
        if value == 0:
            return x
        slope = derivative(f, x)
        if slope == 0:
            raise RuntimeError(f"the slope at x = {float(x):.6g} is 0: its tangent has no root")
        moved = x - value / slope
        if not moved.isfinite():
            raise RuntimeError(f"from x = {float(x):.6g} the next move leads to {float(moved)}")
        if (moved - x).abs() <= tolerance:
            return moved
        x = moved
    raise RuntimeError(f"no root was reached in {steps} steps; the last was to x = {float(x):.6g}")
