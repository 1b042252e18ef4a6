"""Multi-head attention with plain linear layers. The stack's own layer uses its own, and a fused attention kernel."""

import math

import torch
from torch import nn


def split_heads(x, heads):
    if heads < 1 or x.shape[-1] % heads:
        raise ValueError(f"{heads} heads do not divide a dimension of {x.shape[-1]}")
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads).transpose(-3, -2)


def merge_heads(x):
    return x.transpose(-3, -2).flatten(-2)


def repeat_kv(x, groups):
    # A view with a new dimension behind the heads: nothing is copied before the dimensions are joined.
    x = x.unsqueeze(-3)
    return x.expand(*x.shape[:-3], groups, *x.shape[-2:]).flatten(-4, -3)


def _attend(q, k, v, mask):
    scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-2, -1)
    if mask is None:
        return torch.softmax(scores, dim=-1) @ v
    lowest = torch.finfo(scores.dtype).min
    weights = torch.softmax(scores.masked_fill(~mask, lowest), dim=-1)
    return weights.masked_fill(~mask, 0.0) @ v


class MultiHeadAttention(nn.Module):
    def __init__(self, dim, heads, kv_heads=None):
        super().__init__()
        kv_heads = heads if kv_heads is None else kv_heads
        if heads < 1 or dim % heads or kv_heads < 1 or heads % kv_heads:
            raise ValueError(f"heads must divide dim, and kv_heads must divide heads: {dim=}, {heads=}, {kv_heads=}")
        self.heads, self.kv_heads = heads, kv_heads
        self.q = nn.Linear(dim, dim, bias=False)
        self.k = nn.Linear(dim, dim // heads * kv_heads, bias=False)
        self.v = nn.Linear(dim, dim // heads * kv_heads, bias=False)
        self.o = nn.Linear(dim, dim, bias=False)

    def forward(self, x, mask=None):
        groups = self.heads // self.kv_heads
        q = split_heads(self.q(x), self.heads)
        k = repeat_kv(split_heads(self.k(x), self.kv_heads), groups)
        v = repeat_kv(split_heads(self.v(x), self.kv_heads), groups)
        return self.o(merge_heads(_attend(q, k, v, mask)))
