"""Gradient descent, with momentum and with Nesterov's look-ahead; each returns the whole path that it took.

A gradient is a function that takes a tensor of the shape and dtype of x0 and returns another. It is called once a step
and is free to use autograd: nothing here switches recording off around it. Learning rate and beta are constant. Nothing
stops early: a path that diverges is returned as it is, up to infinity and NaN.

With a velocity that begins at zero, ``torch.optim.SGD`` takes the same steps for momentum. Its ``nesterov=True`` keeps
the places at which gradients are taken, x - lr · beta · velocity, instead of the path's own x.

Sources: Cauchy (1847) for the method; Polyak (1964) for momentum; Nesterov (1983), in the form of Sutskever, Martens,
Dahl and Hinton (2013), section 2.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def gradient_descent(grad: Callable[[Tensor], Tensor], x0: Tensor, lr: float, steps: int) -> Tensor:
    """The path x0, x1, … of steps against the gradient, each lr times as long as the gradient is.

    x0: any shape (...), floating point. Returns (steps + 1, ...) of its dtype. Raises ValueError for steps below 0.
    """
    _require(steps)
    path = [x0]
    for _ in range(steps):
        path.append(path[-1] - lr * grad(path[-1]))
    return torch.stack(path)


def momentum_descent(grad: Callable[[Tensor], Tensor], x0: Tensor, lr: float, beta: float, steps: int) -> Tensor:
    """The path of a heavy ball: beta of the velocity is kept at each step, and the gradient is added to it.

    x0: any shape (...), floating point. Returns (steps + 1, ...) of its dtype. The velocity begins at zero.
    Raises ValueError for steps below 0 and for a beta outside 0 <= beta < 1.
    """
    _require(steps, beta)
    path, velocity = [x0], torch.zeros_like(x0)
    for _ in range(steps):
        velocity = beta * velocity + grad(path[-1])
        path.append(path[-1] - lr * velocity)
    return torch.stack(path)


def nesterov_descent(grad: Callable[[Tensor], Tensor], x0: Tensor, lr: float, beta: float, steps: int) -> Tensor:
    """As :func:`momentum_descent`, but the gradient is taken where what is kept of the velocity alone would lead to.

    x0: any shape (...), floating point. Returns (steps + 1, ...) of its dtype: the places themselves, not those at
    which gradients were taken. Raises ValueError as :func:`momentum_descent` does.
    """
    _require(steps, beta)
    path, velocity = [x0], torch.zeros_like(x0)
    for _ in range(steps):
        kept = beta * velocity
        velocity = kept + grad(path[-1] - lr * kept)
        path.append(path[-1] - lr * velocity)
    return torch.stack(path)


def _require(steps: int, beta: float = 0.0) -> None:
    if steps < 0:
        raise ValueError(f"steps must not be negative: got {steps}")
    if not 0 <= beta < 1:
        raise ValueError(f"beta must be at least 0 and below 1: got {beta}")
