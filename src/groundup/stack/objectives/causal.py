"""The causal objective: every token is a question whose answer is the next one."""

from __future__ import annotations

import torch
from torch import Tensor


def next_token_pairs(ids: Tensor, length: int, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs and targets, each (batch_size, length): random stretches of ids (n,), and the same one token later.

    Every beginning from 0 to n - length - 1 is equally likely, and drawn with replacement. Raises ValueError unless
    ids has one dimension and more than ``length`` entries.
    """
    if ids.dim() != 1 or len(ids) <= length or length < 1:
        raise ValueError(f"ids (n,) with n > length >= 1 are needed: got shape {tuple(ids.shape)} and length {length}")
    beginnings = torch.randint(len(ids) - length, (batch_size, 1), generator=generator)
    places = beginnings + torch.arange(length)
    return ids[places], ids[places + 1]
