"""Descent with a memory: a step length by backtracking, and L-BFGS, which learns the curvature from its own last steps.

L-BFGS never sees a matrix. It keeps the last few pairs (step s, change of the gradient y = what curvature did to s) and
computes from them what the inverse of the matrix of second derivatives would make of the gradient. A pair counts only
where s · y is above zero, as it is along every step on which the slope rises: then what comes out leads down.

Sources: Armijo (1966) for the condition of backtracking; Nocedal, *Updating Quasi-Newton Matrices with Limited Storage*
(1980), for the method and its two loops; Liu and Nocedal (1989) for the scale of the first guess; Nocedal and Wright,
*Numerical Optimization* (2006), algorithms 3.1, 7.4 and 7.5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

SHARE = 1e-4  # of the descent that the slope promises, so much has to come
TRIALS = 60  # lengths 1, 1/2, … down to about 1e-18
FAR = 2.0**20  # at most so many times the direction, where f bends downwards for long
BENT = 1e-10  # a pair counts if s · y is above this share of |s| |y|

Function = Callable[[Tensor], Tensor]
Pair = tuple[Tensor, Tensor, Tensor]  # a step s, the change y of the gradient along it, and s · y


def backtracking_step(f: Function, grad: Function, x: Tensor, direction: Tensor) -> float:
    """The largest of the lengths 1, 1/2, 1/4, … with which a step along the direction goes down enough (Armijo).

    x and direction: (...), one shape and floating dtype. With the slope m = gradient · direction, a length t is enough
    if f(x + t · direction) is at most f(x) + 1e-4 · t · m. Returns 0.0 where none of ``TRIALS`` lengths is; NaN and
    infinity never are. Asks for the gradient once, and for f once at x and once for each trial.
    Raises ValueError where the direction does not lead down: m is zero, above zero or NaN.
    """
    slope = float((grad(x) * direction).sum())
    if not slope < 0:
        raise ValueError(f"the direction does not lead down: got the slope {slope:g} along it")
    here, length = float(f(x)), 1.0
    for _ in range(TRIALS):
        if float(f(x + length * direction)) <= here + SHARE * length * slope:
            return length
        length /= 2
    return 0.0


def lbfgs(f: Function, grad: Function, x0: Tensor, memory: int = 10, steps: int = 100) -> Tensor:
    """Where L-BFGS with backtracking comes to: at most so many steps, each lower than the one before.

    x0: any shape (...), float32 or float64. ``memory`` pairs are kept. Ends sooner where the descent that the slope
    promises is lost in the rounding of f, or where even straight down the slope no step is lower. After a step along
    which f bends downwards, the next one may be twice as long. Asks for at most ``steps`` gradients. Returns (...) in
    x0's dtype. Raises ValueError for a memory below 1 and for negative steps.
    """
    if memory < 1 or steps < 0:
        raise ValueError(f"memory must be at least 1 and steps not negative: got {memory} and {steps}")
    x = x0.clone()
    if steps == 0:
        return x
    f, rounding = _remembering(f), torch.finfo(x.dtype).eps
    g = grad(x).clone()  # a copy: the caller may use its tensor again
    pairs: deque[Pair] = deque(maxlen=memory)
    reach = 1.0
    for step in range(1, steps + 1):
        direction = reach * _bent(g, pairs)
        if 0 <= -float((g * direction).sum()) <= rounding * abs(float(f(x))):
            break
        length = _length(f, g, x, direction)
        if length == 0.0 and pairs:  # what is remembered leads nowhere from here
            pairs.clear()
            direction, reach = -g, 1.0
            length = _length(f, g, x, direction)
        if length == 0.0:
            break
        new = x + length * direction
        if step == steps:
            return new
        new_g = grad(new).clone()
        s, y = new - x, new_g - g
        along = (s * y).sum()
        if float(along) > BENT * float(s.norm() * y.norm()):
            pairs.append((s, y, along))
            reach = 1.0
        else:  # bent downwards: what the pairs say of the scale is far too small here
            reach = min(2 * reach * length, FAR)
        x, g = new, new_g
    return x


def _remembering(f: Function) -> Function:
    """f, which is not asked twice in a row for one place: a step begins where the last trial was."""
    last: list[Tensor] = []

    def asked(x: Tensor) -> Tensor:
        if not (last and torch.equal(last[0], x)):
            last[:] = [x, torch.as_tensor(f(x)).detach().clone()]
        return last[1]

    return asked


def _length(f: Function, g: Tensor, x: Tensor, direction: Tensor) -> float:
    """How far to go; 0.0 where the direction does not lead down at all."""
    if not float((g * direction).sum()) < 0:
        return 0.0
    return backtracking_step(f, lambda _: g, x, direction)


def _bent(g: Tensor, pairs: Sequence[Pair]) -> Tensor:
    """Minus the gradient, times what the pairs, oldest first, tell of the inverse of the second derivatives."""
    q, shares = -g, []
    for s, y, along in reversed(pairs):
        shares.append((s * q).sum() / along)
        q = q - shares[-1] * y
    if pairs:
        _, y, along = pairs[-1]
        q = q * (along / (y * y).sum())
    for (s, y, along), share in zip(pairs, reversed(shares), strict=True):
        q = q + s * (share - (y * q).sum() / along)
    return q
