"""The three blocks in plain PyTorch. The stack's own are put together from the parts of earlier topics."""

import math

import torch
from torch import nn


def apply_rope(x, cos, sin):
    """Given: every position's vector turned by its angles, pair by pair. How it is made is a topic of its own.

    x: (..., n, head_dim), cos and sin: (n, head_dim), of any floating dtype. Returns (..., n, head_dim) in x's dtype.
    """
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return x * cos.to(x.dtype) + turned * sin.to(x.dtype)


def split(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def merge(x):
    return x.transpose(-3, -2).flatten(-2)


def attend(q, k, v, mask):
    scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-2, -1)
    if mask is None:
        return torch.softmax(scores, dim=-1) @ v
    lowest = torch.finfo(scores.dtype).min
    weights = torch.softmax(scores.masked_fill(~mask, lowest), dim=-1)
    return weights.masked_fill(~mask, 0.0) @ v


class Attention(nn.Module):
    """Queries from x, keys and values from a source, which may be x itself."""

    def __init__(self, dim, heads):
        super().__init__()
        if dim % heads:
            raise ValueError(f"{heads} heads do not divide a dimension of {dim}")
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(dim, dim, bias=False) for _ in range(4))

    def forward(self, x, source, mask):
        q, k, v = (split(part, self.heads) for part in (self.q(x), self.k(source), self.v(source)))
        return self.o(merge(attend(q, k, v, mask)))


class EncoderLayer(nn.Module):
    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__()
        self.attention = Attention(dim, heads)
        self.attention_norm = nn.LayerNorm(dim)
        self.w_in = nn.Linear(dim, hidden, bias=False)
        self.w_out = nn.Linear(hidden, dim, bias=False)
        self.feed_norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        x = self.attention_norm(x + self.dropout(self.attention(x, x, mask)))
        return self.feed_norm(x + self.dropout(self.w_out(torch.relu(self.w_in(x)))))


class DecoderLayer(nn.Module):
    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__()
        self.attention = Attention(dim, heads)
        self.attention_norm = nn.LayerNorm(dim)
        self.cross = Attention(dim, heads)
        self.cross_norm = nn.LayerNorm(dim)
        self.w_in = nn.Linear(dim, hidden, bias=False)
        self.w_out = nn.Linear(hidden, dim, bias=False)
        self.feed_norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, memory, mask=None, memory_mask=None):
        x = self.attention_norm(x + self.dropout(self.attention(x, x, mask)))
        x = self.cross_norm(x + self.dropout(self.cross(x, memory, memory_mask)))
        return self.feed_norm(x + self.dropout(self.w_out(torch.relu(self.w_in(x)))))


class DecoderOnlyBlock(nn.Module):
    def __init__(self, dim, heads, kv_heads, hidden):
        super().__init__()
        if dim % heads or heads % kv_heads:
            raise ValueError(f"heads must divide dim, and kv_heads must divide heads: {dim=}, {heads=}, {kv_heads=}")
        self.heads, self.kv_heads = heads, kv_heads
        self.attention_norm = nn.RMSNorm(dim, eps=1e-5)
        self.q = nn.Linear(dim, dim, bias=False)
        self.k = nn.Linear(dim, dim // heads * kv_heads, bias=False)
        self.v = nn.Linear(dim, dim // heads * kv_heads, bias=False)
        self.o = nn.Linear(dim, dim, bias=False)
        self.feed_norm = nn.RMSNorm(dim, eps=1e-5)
        self.gate = nn.Linear(dim, hidden, bias=False)
        self.up = nn.Linear(dim, hidden, bias=False)
        self.down = nn.Linear(hidden, dim, bias=False)

    def forward(self, x, cos, sin, mask=None, update=None):
        x = x + self._attention(self.attention_norm(x), cos, sin, mask, update)
        y = self.feed_norm(x)
        return x + self.down(nn.functional.silu(self.gate(y)) * self.up(y))

    def _attention(self, x, cos, sin, mask, update):
        q = apply_rope(split(self.q(x), self.heads), cos, sin)
        k = apply_rope(split(self.k(x), self.kv_heads), cos, sin)
        v = split(self.v(x), self.kv_heads)
        if update is not None:
            k, v = update(k, v)
        groups = self.heads // self.kv_heads
        k, v = (part.repeat_interleave(groups, dim=-3) for part in (k, v))
        return self.o(merge(attend(q, k, v, mask)))
