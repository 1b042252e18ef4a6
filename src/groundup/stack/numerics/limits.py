"""Limits of functions of one number, and continuity, judged from finitely many values.

A function takes a float64 tensor of any shape and returns one of the same shape, each entry of which depends on the
entry in the same place alone. It is asked at x ± h for h = 1/16, 1/32, …, 2⁻²⁴ (in units of x, where x is larger than
1), never at x itself. Two neighboring values give a third, 2 f(x + h/2) - f(x + h), in which an error in proportion to
h has cancelled (Richardson). Of these the five neighbors that agree best are the answer, if they agree well: wide steps
have the function's own bend in them, narrow ones rounding, and where the best compromise lies depends on the function.

Where a function is smooth on each side, the result has eight digits or more, even if its values are differences of
nearly equal numbers, divided by h². What comes near its limit as slowly as the square root of h has three digits. No
finite number of values can prove a limit: what happens nearer than 2⁻²⁴, or between the steps, is not seen, and what
settles as slowly as 1 / log(h) is taken for what does not settle.

Sources: Grabiner, "Who Gave You the Epsilon?", American Mathematical Monthly 90 (1983), for the definition;
Richardson, "The Approximate Arithmetical Solution by Finite Differences", Philosophical Transactions A 210 (1911).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

STEPS = 2.0 ** -torch.arange(24, 3, -1, dtype=torch.float64)  # the nearest first
NEIGHBORS = 5
AGREEMENT = 1e-3  # a spread up to this × (1 + |limit|) counts as agreement


def limit(f: Callable[[Tensor], Tensor], x: float | Tensor, side: str = "both") -> Tensor:
    """What f(t) comes near to as t comes near to x, NaN where there is no such number.

    x: a number or a 0-d tensor of any real dtype, or infinity or -infinity, to which there is one side only.
    side: "left" (t < x), "right" (t > x), or "both", which must agree. Returns a 0-d float64 tensor.
    Values that grow beyond all bounds have no limit here. f is not asked at x, and only on the side named.
    Raises ValueError for any other side.
    """
    if side not in ("both", "left", "right"):
        raise ValueError(f'side must be "both", "left" or "right", not {side!r}')
    x = torch.as_tensor(x, dtype=torch.float64)
    if x.isinf():
        return _settled(f(x.sign() / STEPS))
    steps = STEPS * x.abs().clamp(min=1.0)
    if side != "both":
        return _settled(f(x - steps if side == "left" else x + steps))
    left, right = _settled(f(x - steps)), _settled(f(x + steps))
    return torch.where(_agree(left - right, left), (left + right) / 2, math.nan)


def is_continuous_at(f: Callable[[Tensor], Tensor], x: float | Tensor, tolerance: float = 1e-6) -> bool:
    """Whether f has a limit at x, from both sides, and f(x) is no farther from it than ``tolerance``.

    x: a finite number or 0-d tensor. False where f(x) is infinite or NaN, and at the end of where f is defined.
    """
    x = torch.as_tensor(x, dtype=torch.float64)
    return bool((limit(f, x) - f(x)).abs() <= tolerance)


def _settled(values: Tensor) -> Tensor:
    """What values at ``STEPS`` tend to, or NaN: the mean of the neighbors that agree best, of several the nearest."""
    sharper = 2 * values[:-1] - values[1:]
    windows = sharper.unfold(0, NEIGHBORS, 1)
    spread = windows.amax(dim=-1) - windows.amin(dim=-1)
    best = spread.nan_to_num(nan=math.inf).argmin()
    mean = windows[best].mean()
    return torch.where(_agree(spread[best], mean), mean, math.nan)


def _agree(difference: Tensor, size: Tensor) -> Tensor:
    """Whether a difference is small, beside 1 or beside the size of what is compared."""
    return difference.abs() <= AGREEMENT * (1 + size.abs())
