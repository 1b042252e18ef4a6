"""Several attentions side by side, each on its own slice of the vectors, and fewer keys and values than queries.

    x (batch, n, dim) → q (batch, heads, n, head_dim), k and v (batch, kv_heads, n, head_dim)
      → attention in each head → (batch, n, dim) → output projection

Vaswani and others 2017, section 3.2.2. Multi-query (one kv head): Shazeer 2019. Grouped queries: Ainslie and others
2023.
"""

from __future__ import annotations

from torch import Tensor, nn

from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import scaled_dot_product_attention


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(..., n, dim) to (..., heads, n, dim / heads): head h gets the h-th slice of each position's vector.

    Raises ValueError where ``heads`` does not divide dim.
    """
    if heads < 1 or x.shape[-1] % heads:
        raise ValueError(f"{heads} heads do not divide a dimension of {x.shape[-1]}")
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads).transpose(-3, -2)


def merge_heads(x: Tensor) -> Tensor:
    """(..., heads, n, head_dim) to (..., n, heads · head_dim): the inverse of :func:`split_heads`."""
    return x.transpose(-3, -2).flatten(-2)


def repeat_kv(x: Tensor, groups: int) -> Tensor:
    """(..., kv_heads, n, head_dim) to (..., kv_heads · groups, n, head_dim): each head ``groups`` times in a row."""
    return x if groups == 1 else x.repeat_interleave(groups, dim=-3)


class MultiHeadAttention(nn.Module):
    """Self-attention in ``heads`` heads, whose keys and values come from ``kv_heads`` (all, where not given).

    State: ``q.weight`` (dim, dim), ``k.weight`` and ``v.weight`` (kv_heads · head_dim, dim), ``o.weight`` (dim, dim);
    no biases. Raises ValueError where heads do not divide dim, or kv_heads do not divide heads.
    """

    def __init__(self, dim: int, heads: int, kv_heads: int | None = None) -> None:
        super().__init__()
        kv_heads = heads if kv_heads is None else kv_heads
        if heads < 1 or dim % heads or kv_heads < 1 or heads % kv_heads:
            raise ValueError(f"heads must divide dim, and kv_heads must divide heads: {dim=}, {heads=}, {kv_heads=}")
        self.heads, self.kv_heads = heads, kv_heads
        self.q = Linear(dim, dim, bias=False)
        self.k = Linear(dim, dim // heads * kv_heads, bias=False)
        self.v = Linear(dim, dim // heads * kv_heads, bias=False)
        self.o = Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (..., n, dim), mask boolean and broadcastable to (..., heads, n, n), True = may attend; (..., n, dim)."""
        groups = self.heads // self.kv_heads
        q = split_heads(self.q(x), self.heads)
        k = repeat_kv(split_heads(self.k(x), self.kv_heads), groups)
        v = repeat_kv(split_heads(self.v(x), self.kv_heads), groups)
        result: Tensor = self.o(merge_heads(scaled_dot_product_attention(q, k, v, mask)))
        return result
