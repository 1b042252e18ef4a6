"""The processes that train together; alone, there is one. ``distributed.py`` has those of several processes.

What the trainer asks of it is all here, so that the same loop runs on one process, on several that each hold the whole
model, and on several that each hold a part. Every method is called by all processes, in the same order.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from torch import Tensor, nn

from groundup.stack.training.clipping import clip_grad_norm

Shared = TypeVar("Shared")


class World:
    """One process, which is all there is. ``rank`` is this process's number of ``size``."""

    rank: int = 0
    size: int = 1

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model whose backward pass leaves in every process the mean, over processes, of the gradients.

        Called once, before the optimizer is made: parameters may become others, in place. Their names may not."""
        return model

    def update(self, model: nn.Module, last: bool) -> AbstractContextManager[None]:
        """Around the forward and backward pass of a micro-batch of the wrapped model: gradients are exchanged only
        with the ``last`` one of an update."""
        return nullcontext()

    def gathered(self, model: nn.Module) -> AbstractContextManager[None]:
        """Around an evaluation of the model, whose parameters stay what they are meanwhile: it may be used in every way
        then, by its methods too, even where each process holds a part. All processes evaluate the same."""
        return nullcontext()

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in each of them."""
        return values

    def share(self, value: Shared) -> Shared:
        """What process 0 has, in each of them."""
        return value

    def whole(self, tensor: Tensor) -> Tensor:
        """The whole of a tensor of which each process may hold a part."""
        return tensor

    def part(self, whole: Tensor, like: Tensor) -> Tensor:
        """The part of ``whole`` that this process holds, cut as ``like`` is; the inverse of :meth:`whole`."""
        return whole

    def clip(self, params: list[Tensor], max_norm: float | None) -> Tensor:
        """As :func:`clip_grad_norm`, over the whole gradient; None only measures."""
        return clip_grad_norm(params, math.inf if max_norm is None else max_norm)
