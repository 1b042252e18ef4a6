"""The causal objective: every token is a question whose answer is the next one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


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


@torch.no_grad()
def bits_per_byte(
    model: Callable[[Tensor], Any],
    ids: Tensor,
    context: int,
    n_bytes: float,
    *,
    stride: int | None = None,
    batch_size: int = 16,
) -> float:
    """How many bits the model needs for each byte of the text that ids (n,) stand for; ``n_bytes`` is its length.

    The text goes through ``model`` (ids (batch, m) to logits (batch, m, vocab)) in windows of ``context`` tokens that
    begin ``stride`` apart (``context`` where not given); of each window after the first the last ``stride`` predictions
    count, so that every token is predicted once, from at least ``context - stride`` earlier ones. The first token has
    no past and counts as drawn from all tokens alike. Bits per byte do not depend on the tokenizer, unlike the loss.

    Raises ValueError for an empty text or a stride that is not from 1 to context.
    """
    stride = context if stride is None else stride
    if ids.dim() != 1 or not len(ids) or n_bytes <= 0 or not 1 <= stride <= context:
        raise ValueError(
            f"ids (n,) with n > 0, n_bytes > 0 and 1 <= stride <= context are needed: got shape {tuple(ids.shape)}, "
            f"{n_bytes=}, {stride=}, {context=}"
        )
    windows = _windows(len(ids) - 1, context, stride)
    nats, vocab = 0.0, 0
    for at in range(0, max(len(windows), 1), batch_size):
        batch = windows[at : at + batch_size]
        for length in sorted({end - begin for begin, end, _ in batch}):
            same = [one for one in batch if one[1] - one[0] == length]
            logits = model(torch.stack([ids[begin:end] for begin, end, _ in same]))
            vocab = logits.shape[-1]
            for (begin, end, counted), row in zip(same, logits, strict=True):
                targets = ids[begin + 1 : end + 1][-counted:]
                nats += float(functional.cross_entropy(row[-counted:].double(), targets, reduction="sum"))
    if not windows:
        vocab = model(ids[None]).shape[-1]
    return (nats + math.log(vocab)) / math.log(2) / n_bytes


def _windows(n: int, context: int, stride: int) -> list[tuple[int, int, int]]:
    """(begin, end, how many of its last predictions count) of windows that cover n predictions, each once."""
    found = []
    covered = 0
    while covered < n:
        end = min(n, covered + (context if not covered else stride))
        found.append((max(0, end - context), end, end - covered))
        covered = end
    return found
