"""From logits to the next token: temperature, filters, penalties, and the loop that generates.

All take and return logits (..., vocab) and work on the last dimension; what a filter removes becomes -inf, so that
filters can follow one another in any order. None changes its input. Top-k: Fan, Lewis and Dauphin 2018; top-p: Holtzman
and others 2020, "nucleus"; min-p: Nguyen and others 2024; repetition penalty: Keskar and others 2019, section 4.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def _shares(logits: Tensor) -> Tensor:
    """The probabilities, in float32 at least: a sum of many small ones stands still in half precision."""
    return logits.softmax(dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Logits divided by the temperature: below 1 sharper, above 1 flatter. Raises ValueError unless it is above 0."""
    if not temperature > 0:
        raise ValueError(f"a temperature is above 0: {temperature}; take the largest logit for 0")
    return logits / temperature


def top_k(logits: Tensor, k: int) -> Tensor:
    """Only the k largest logits stay; those that equal the k-th stay as well. Raises ValueError for k below 1."""
    if k < 1:
        raise ValueError(f"k must be at least 1: {k}")
    least = logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < least, float("-inf"))


def top_p(logits: Tensor, p: float) -> Tensor:
    """The most probable tokens stay, as few as reach the probability p together; the one that crosses p stays.

    All stay for p = 1. Raises ValueError unless 0 < p ≤ 1.
    """
    if not 0 < p <= 1:
        raise ValueError(f"p must lie in (0, 1]: {p}")
    if p == 1:  # a sum of shares is rounded, and may reach 1 before the last of them
        return logits.clone()
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    share = _shares(ordered)
    before = share.cumsum(dim=-1) - share  # what the more probable ones hold together
    removed = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before >= p)
    return logits.masked_fill(removed, float("-inf"))


def min_p(logits: Tensor, p: float) -> Tensor:
    """Tokens at least p times as probable as the most probable one stay. Raises ValueError unless 0 ≤ p ≤ 1."""
    if not 0 <= p <= 1:
        raise ValueError(f"p must lie in [0, 1]: {p}")
    share = _shares(logits)
    return logits.masked_fill(share < p * share.amax(dim=-1, keepdim=True), float("-inf"))


def repetition_penalty(logits: Tensor, previous: Tensor, penalty: float) -> Tensor:
    """Logits of the tokens in ``previous`` (..., n) are divided by the penalty if positive, multiplied if negative.

    A token counts once, however often it occurred. Raises ValueError unless the penalty is above 0.
    """
    if not penalty > 0:
        raise ValueError(f"a penalty is above 0: {penalty}")
    old = logits.gather(-1, previous)
    return logits.scatter(-1, previous, torch.where(old > 0, old / penalty, old * penalty))


@torch.no_grad()
def generate(model: Callable[[Tensor], Any], ids: Tensor, n: int, sample: Callable[[Tensor], Tensor]) -> Tensor:
    """ids (batch, length) continued by n tokens: (batch, length + n).

    ``model(ids)`` gives logits (batch, length, vocab); ``sample`` takes those of the last position (batch, vocab) and
    returns the next tokens (batch,). The whole text is run through the model for every token: see
    :func:`groundup.stack.inference.cache.generate_cached` for the way that does not.
    """
    for _ in range(n):
        chosen = sample(model(ids)[:, -1])
        ids = torch.cat((ids, chosen.unsqueeze(-1).to(ids.dtype)), dim=-1)
    return ids
