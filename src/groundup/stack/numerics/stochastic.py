"""Stochastic gradient descent: steps along the gradients of small random batches of examples.

Each pass over the examples (an *epoch*) goes through all of them once, in a new random order, cut into batches. The
last batch of a pass may be smaller, and is used. Learning rate and batch size are constant. Everything random comes
from the ``torch.Generator`` that is given, which goes on from call to call; the process-wide one is not touched.

Sources: Robbins and Monro (1951) for steps along noisy gradients; Bottou, Curtis and Nocedal, *Optimization Methods for
Large-Scale Machine Learning* (2018), sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def minibatches(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    """The numbers 0 to n - 1 in random order, every order equally likely, cut into batches.

    Returns int64 tensors (batch_size,), the last one with what is left; none for n = 0. Raises ValueError for a
    negative n and for a batch size below 1.
    """
    if n < 0 or batch_size < 1:
        raise ValueError(f"n must not be negative and batch_size at least 1: got {n} and {batch_size}")
    order = torch.randperm(n, generator=generator)
    return [order[start : start + batch_size] for start in range(0, n, batch_size)]


def sgd(
    grad: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    data: Tensor,
    lr: float,
    epochs: int,
    batch_size: int,
    generator: torch.Generator,
) -> Tensor:
    """Where x0 comes to after so many passes over the data, with one step for each batch.

    grad(x, batch): the gradient at x for these examples, of the shape and dtype of x; as a rule of their mean loss.
    x0: any shape (...), floating point. data: (n, ...), one example a row, any dtype. Returns (...) in the dtype of x0.
    Raises ValueError for negative epochs and a batch size below 1.
    """
    if epochs < 0 or batch_size < 1:
        raise ValueError(f"epochs must not be negative and batch_size at least 1: got {epochs} and {batch_size}")
    x = x0
    for _ in range(epochs):
        for rows in minibatches(len(data), batch_size, generator):
            x = x - lr * grad(x, data[rows])
    return x
