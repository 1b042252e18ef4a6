"""The blocks that models are stacks of: attention, then a feed-forward layer, each with a residual and a norm.

EncoderLayer      x → post_norm(self-attention) → post_norm(feed-forward)                      Vaswani and others 2017
DecoderLayer      x → post_norm(masked self-attention) → post_norm(attention to the memory) → post_norm(feed-forward)
DecoderOnlyBlock  x → pre_norm(self-attention with rotary positions) → pre_norm(SwiGLU)        as Llama, 2023
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import scaled_dot_product_attention
from groundup.stack.transformer.feedforward import feed_forward, swiglu
from groundup.stack.transformer.heads import MultiHeadAttention, merge_heads, repeat_kv, split_heads
from groundup.stack.transformer.normalization import LayerNorm, RMSNorm, post_norm, pre_norm
from groundup.stack.transformer.rotary import apply_rope

Update = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class EncoderLayer(nn.Module):
    """Self-attention and a ReLU feed-forward layer, normalized after each residual.

    State: ``attention.{q,k,v,o}.weight``, ``attention_norm.{weight,bias}``, ``w_in.weight`` (hidden, dim),
    ``w_out.weight`` (dim, hidden), ``feed_norm.{weight,bias}``.
    """

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(dim, heads)
        self.attention_norm = LayerNorm(dim)
        self.w_in = Linear(dim, hidden, bias=False)
        self.w_out = Linear(hidden, dim, bias=False)
        self.feed_norm = LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (..., n, dim), mask (..., n, n) boolean, True = may attend; (..., n, dim)."""
        x = post_norm(x, self.attention_norm, lambda y: self.dropout(self.attention(y, mask)))
        return post_norm(x, self.feed_norm, lambda y: self.dropout(self._feed(y)))

    def _feed(self, x: Tensor) -> Tensor:
        return feed_forward(x, self.w_in.weight.T, self.w_out.weight.T)


class DecoderLayer(nn.Module):
    """An :class:`EncoderLayer` that between its two halves also attends to a memory, the encoder's output.

    State: that of EncoderLayer, and ``cross.{q,k,v,o}.weight``, ``cross_norm.{weight,bias}``.
    """

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(dim, heads)
        self.attention_norm = LayerNorm(dim)
        self.cross = MultiHeadAttention(dim, heads)
        self.cross_norm = LayerNorm(dim)
        self.w_in = Linear(dim, hidden, bias=False)
        self.w_out = Linear(hidden, dim, bias=False)
        self.feed_norm = LayerNorm(dim)
        self.heads = heads
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Tensor:
        """x (..., n, dim), memory (..., m, dim), mask (..., n, n), memory_mask (..., n, m); (..., n, dim)."""
        x = post_norm(x, self.attention_norm, lambda y: self.dropout(self.attention(y, mask)))
        x = post_norm(x, self.cross_norm, lambda y: self.dropout(self._look(y, memory, memory_mask)))
        return post_norm(x, self.feed_norm, lambda y: self.dropout(self._feed(y)))

    def _look(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> Tensor:
        """Queries from x, keys and values from the memory, through the projections of ``cross``."""
        q = split_heads(self.cross.q(x), self.heads)
        k, v = split_heads(self.cross.k(memory), self.heads), split_heads(self.cross.v(memory), self.heads)
        result: Tensor = self.cross.o(merge_heads(scaled_dot_product_attention(q, k, v, mask)))
        return result

    def _feed(self, x: Tensor) -> Tensor:
        return feed_forward(x, self.w_in.weight.T, self.w_out.weight.T)


class DecoderOnlyBlock(nn.Module):
    """Grouped-query attention with rotary positions, and SwiGLU; RMS-normalized before each; no biases.

    State: ``attention_norm.weight``, ``{q,k,v,o}.weight``, ``feed_norm.weight``, ``{gate,up}.weight`` (hidden, dim),
    ``down.weight`` (dim, hidden).
    """

    def __init__(self, dim: int, heads: int, kv_heads: int, hidden: int) -> None:
        super().__init__()
        if heads < 1 or dim % heads or kv_heads < 1 or heads % kv_heads:
            raise ValueError(f"heads must divide dim, and kv_heads must divide heads: {dim=}, {heads=}, {kv_heads=}")
        self.heads, self.kv_heads = heads, kv_heads
        self.attention_norm = RMSNorm(dim)
        self.q = Linear(dim, dim, bias=False)
        self.k = Linear(dim, dim // heads * kv_heads, bias=False)
        self.v = Linear(dim, dim // heads * kv_heads, bias=False)
        self.o = Linear(dim, dim, bias=False)
        self.feed_norm = RMSNorm(dim)
        self.gate = Linear(dim, hidden, bias=False)
        self.up = Linear(dim, hidden, bias=False)
        self.down = Linear(hidden, dim, bias=False)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, update: Update | None = None
    ) -> Tensor:
        """x (..., n, dim); cos and sin (n, head_dim) of its positions; mask boolean, True = may attend; (..., n, dim).

        ``update(k, v)``, where given, gets this block's new keys (turned) and values, each (..., kv_heads, n,
        head_dim), and returns those to attend to: this is how a key-value cache comes in.
        """
        x = pre_norm(x, self.attention_norm, lambda y: self._attend(y, cos, sin, mask, update))
        return pre_norm(x, self.feed_norm, self._feed)

    def _attend(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None, update: Update | None) -> Tensor:
        q = apply_rope(split_heads(self.q(x), self.heads), cos, sin)
        k = apply_rope(split_heads(self.k(x), self.kv_heads), cos, sin)
        v = split_heads(self.v(x), self.kv_heads)
        if update is not None:
            k, v = update(k, v)
        groups = self.heads // self.kv_heads
        k, v = repeat_kv(k, groups), repeat_kv(v, groups)
        result: Tensor = self.o(merge_heads(scaled_dot_product_attention(q, k, v, mask)))
        return result

    def _feed(self, x: Tensor) -> Tensor:
        return swiglu(x, self.gate.weight.T, self.up.weight.T, self.down.weight.T)
