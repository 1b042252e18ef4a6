"""Gradients of functions of many numbers by central differences, slopes in a direction, and a check of gradients.

A function takes a float64 tensor of one shape, any shape, and returns one number (a 0-d tensor), as a loss does.
Everything is computed in float64, with the step and the error of :func:`groundup.stack.numerics.derivative`.

The price of a gradient is two calls of the function for each entry: this is for checking what is computed faster. Not
here: exact gradients (``autograd``), functions with more than one result (``multivariable-calculus``).

Sources: Nocedal and Wright, *Numerical Optimization* (2006), section 8.1; Deisenroth, Faisal and Ong, *Mathematics for
Machine Learning* (2020), section 5.2.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from groundup.stack.numerics.derivatives import derivative
from groundup.stack.numerics.vectors import norm


def gradient(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The slopes of f at x in the direction of each entry of x alone.

    x: any shape and real dtype, taken as float64. Returns a float64 tensor of the shape of x.
    """
    x = x.to(torch.float64)
    slopes = []
    for i in range(x.numel()):
        axis = torch.zeros(x.numel(), dtype=torch.float64, device=x.device)
        axis[i] = 1.0
        slopes.append(_slope(f, x, axis.reshape(x.shape)))
    return torch.stack(slopes).reshape(x.shape) if slopes else torch.zeros_like(x)


def directional_derivative(f: Callable[[Tensor], Tensor], x: Tensor, direction: Tensor) -> Tensor:
    """The slope of f at x in a direction: how much f rises for each unit of the way, however long ``direction`` is.

    x, direction: the same shape, any real dtypes, taken as float64. Returns a 0-d float64 tensor. Two calls of f.
    Raises ValueError where the shapes differ, or where the direction is zero and so is none.
    """
    if x.shape != direction.shape:
        raise ValueError(f"x and direction need the same shape: got {tuple(x.shape)} and {tuple(direction.shape)}")
    direction = direction.to(torch.float64)
    length = norm(direction.reshape(-1))
    if length == 0:
        raise ValueError("a direction of zeros points nowhere")
    return _slope(f, x.to(torch.float64), direction / length)


def gradient_check(
    f: Callable[[Tensor], Tensor], grad: Callable[[Tensor], Tensor], x: Tensor, tolerance: float = 1e-5
) -> bool:
    """Whether ``grad``, which claims to compute the gradient of f, agrees at x with the one that is measured.

    It does where its result has the shape of x and no entry is off by more than tolerance × (1 + |measured entry|): an
    absolute tolerance for small slopes, whose relative error is all rounding, and a relative one for large slopes.
    A result with NaN does not agree. ``grad`` is given x in float64 and may return any real dtype.
    """
    x = x.to(torch.float64)
    claimed, measured = grad(x), gradient(f, x)
    if claimed.shape != x.shape:
        return False
    return bool(((claimed - measured).abs() <= tolerance * (1 + measured.abs())).all())


def _slope(f: Callable[[Tensor], Tensor], x: Tensor, unit: Tensor) -> Tensor:
    """The derivative of f along the line through x in the direction of ``unit``."""
    return derivative(lambda way: f(x + way * unit), torch.zeros((), dtype=torch.float64, device=x.device))
