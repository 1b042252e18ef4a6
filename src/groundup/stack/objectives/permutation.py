"""The permutation objective: tokens are predicted in a random order, each from those before it *in that order*.

    order 3 1 4 2, the last two predicted:   context 3, 1;   4 from 3, 1;   2 from 3, 1, 4

Tokens stay where they stand, only who sees whom changes; so the model learns from both sides and yet never predicts two
masked tokens as if they were independent. Yang and others, "XLNet: Generalized Autoregressive Pretraining for Language
Understanding" (2019), sections 2.2 and 2.3 (partial prediction).
"""

from __future__ import annotations

import torch
from torch import Tensor


def permutation_plan(
    batch_size: int, n: int, predicted: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Who sees whom (batch_size, n, n), True where row i may look at column j; and the places (batch_size, predicted)
    to predict, in their order.

    The context, what is not predicted, sees itself alone; what is predicted sees the context and what came before it,
    not itself. Raises ValueError unless 1 <= predicted < n: the first to be predicted must see something.
    """
    if not 1 <= predicted < n:
        raise ValueError(f"1 <= predicted < n is needed: got {predicted=} and {n=}")
    order = torch.rand(batch_size, n, generator=generator).argsort(dim=-1)
    targets = order[:, n - predicted :]
    rank = torch.full((batch_size, n), -1).scatter(1, targets, torch.arange(predicted).expand(batch_size, -1))
    return rank[:, None, :] < rank[:, :, None].clamp(min=0), targets
