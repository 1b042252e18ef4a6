"""All the slopes of functions with many results, and all the bends of functions with one, by central differences.

A function takes a float64 tensor of any one shape, and returns a float64 tensor of another, a single number perhaps.
For a step h, slopes are off by about h² times third derivatives, and by 1e-16 |f| / h of rounding; bends by h² times
fourth derivatives, and by 1e-16 |f| / h², which wants a wider step. That leaves eight digits of the slopes and six of
the bends, where values and derivatives are of the size of 1.

The price is 2 n calls for a Jacobian and 4 n² for a Hessian of n entries: this is for checking, and for small problems.
Not here: exact derivatives (``torch.func.jacrev``, ``torch.func.hessian``), products with a Jacobian never built.

Sources: Nocedal and Wright, *Numerical Optimization* (2006), section 8.1; Deisenroth, Faisal and Ong, *Mathematics for
Machine Learning* (2020), sections 5.3 and 5.8.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SLOPE_STEP = 1e-4
BEND_STEP = 5e-4


def jacobian(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The slopes of every entry of f in the direction of every entry of x.

    x: any shape (*ins) and real dtype, taken as float64; f returns any shape (*outs). Returns (*outs, *ins) in float64:
    for vectors a matrix with a row for each result and a column for each entry of x.
    """
    return _slopes(f, x.to(torch.float64), SLOPE_STEP)


def hessian(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The second derivatives of f, which returns one number, by every two entries of x: the Jacobian of its gradient.

    x: any shape (*ins) and real dtype, taken as float64. Returns (*ins, *ins) in float64, symmetric to the last digit.
    """
    x = x.to(torch.float64)
    bends = _slopes(lambda t: _slopes(f, t, BEND_STEP), x, BEND_STEP).reshape(x.numel(), x.numel())
    return ((bends + bends.T) / 2).reshape((*x.shape, *x.shape))


def _slopes(f: Callable[[Tensor], Tensor], x: Tensor, step: float) -> Tensor:
    """(*outs, *ins): central differences along each entry of x, divided by the distance after rounding."""
    columns = []
    for i in range(x.numel()):
        move = torch.zeros(x.numel(), dtype=torch.float64, device=x.device)
        move[i] = step
        high, low = x + move.reshape(x.shape), x - move.reshape(x.shape)
        columns.append((f(high) - f(low)) / (high - low).sum())
    if not columns:
        return torch.zeros((*f(x).shape, *x.shape), dtype=torch.float64, device=x.device)
    return torch.stack(columns, dim=-1).reshape((*columns[0].shape, *x.shape))
