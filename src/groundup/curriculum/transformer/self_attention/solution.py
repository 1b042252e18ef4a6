"""Self-attention by its formula. The stack's own attention computes the same with a fused kernel."""

import math

import torch


def attention_scores(q, k):
    if q.shape[-1] != k.shape[-1]:
        raise ValueError(f"q and k need the same last dimension: got {tuple(q.shape)} and {tuple(k.shape)}")
    return (q / math.sqrt(q.shape[-1])) @ k.transpose(-2, -1)


def causal_mask(n):
    position = torch.arange(n)
    return position[:, None] >= position[None, :]


def scaled_dot_product_attention(q, k, v, mask=None):
    scores = attention_scores(q, k)
    if mask is None:
        weights = torch.softmax(scores, dim=-1)
    else:
        # Not -inf: a row of nothing else would be 0 / 0. The second line is for that row.
        lowest = torch.finfo(scores.dtype).min
        weights = torch.softmax(scores.masked_fill(~mask, lowest), dim=-1)
        weights = weights.masked_fill(~mask, 0.0)
    return weights.to(v.dtype) @ v
