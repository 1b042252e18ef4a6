"""One update: gradients accumulated over micro-batches, then a step of the optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from groundup.stack.nn.optimizers import Optimizer


def train_step(
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    micro_batches: Sequence[tuple[Tensor, Tensor]],
) -> Tensor:
    """One step on the mean loss of ``micro_batches``, pairs of inputs and targets of equal size; that mean, detached.

    Old gradients are forgotten first. Each micro-batch is run forward and backward before the next one, so that only
    one at a time is in memory; its loss counts 1 / number, so that the step is that of one large batch. The model is
    in training mode. Raises ValueError where there is no micro-batch.
    """
    if not micro_batches:
        raise ValueError("a step needs at least one micro-batch")
    model.train()
    optimizer.zero_grad()
    total: Tensor | None = None
    for inputs, targets in micro_batches:
        part = loss(model(inputs), targets) / len(micro_batches)
        torch.autograd.backward(part)
        total = part.detach() if total is None else total + part.detach()
    optimizer.step()
    assert total is not None
    return total
