"""A bound on the length of the gradient, so that one odd batch cannot throw a run off its path."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor


@torch.no_grad()
def clip_grad_norm(params: Iterable[Tensor], max_norm: float) -> Tensor:
    """Scale all gradients by one factor so that together they are at most ``max_norm`` long; return the length before.

    The length is the Euclidean norm over all gradients taken as one vector; they keep their direction, and are left
    alone where they are short enough. Parameters without a gradient do not count; where none has one, the length is 0.
    A length that is not finite is returned as it is and changes nothing: the caller must look at it.
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013), algorithm 1.
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm must be above 0: {max_norm}")
    grads = [one.grad for one in params if one.grad is not None]
    if not grads:
        return torch.zeros(())
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
    length = float(norm)
    if math.isfinite(length) and length > max_norm:
        torch._foreach_mul_(grads, max_norm / length)
    return norm
