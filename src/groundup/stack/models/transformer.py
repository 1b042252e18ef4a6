"""The Transformer (Vaswani and others, "Attention Is All You Need", 2017), as it was: for translation.

    ids (batch, m) → token embedding · √dim + sines of the place → dropout
      → { layer_norm(x + attention(x)); layer_norm(x + mlp(x)) } × layers → memory (batch, m, dim)
    decoder ids (batch, n) → the same embedding and sines
      → { layer_norm(x + causal attention(x)); layer_norm(x + attention(x → memory)); layer_norm(x + mlp(x)) } × layers
      → hidden (batch, n, dim) → logits by the token embedding (batch, n, vocab)

What differs from all that came after: norms stand *after* each sum, with none at the end of a stack (section 5.4);
places are sines that nothing learns (3.5); one matrix embeds both languages and scores the words, multiplied by √dim
where it embeds (3.4). As in the formulas of 3.2.2 and 3.3, attention has no biases and the MLP has. In training the
loss is smoothed (5.4): the right word counts 1 - smoothing, and all words share the rest; otherwise it is not.

Its folder is our own format: the Hub has no such family.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from groundup.stack.models.output import IGNORED
from groundup.stack.models.seq2seq import OwnSeq2Seq, Seq2SeqCache
from groundup.stack.nn.activations import relu
from groundup.stack.nn.layers import Linear
from groundup.stack.nn.losses import cross_entropy
from groundup.stack.transformer.attention import CausalWindow, scaled_dot_product_attention
from groundup.stack.transformer.heads import MultiHeadAttention, merge_heads, split_heads
from groundup.stack.transformer.normalization import LayerNorm, post_norm
from groundup.stack.transformer.positions import sinusoidal_positions


@dataclass(frozen=True)
class TransformerConfig:
    """The paper's base model, where not given; ``vocab`` is of both languages. ``smoothing`` works in training only."""

    vocab: int = 37000
    dim: int = 512
    layers: int = 6
    heads: int = 8
    hidden: int = 2048
    eps: float = 1e-6
    dropout: float = 0.1
    smoothing: float = 0.1
    pad_id: int = 0
    end_id: int = 1
    start_id: int = 2

    def __post_init__(self) -> None:
        if self.dim % self.heads or self.dim % 2:
            raise ValueError(f"dim must be even, and heads must divide it: {self.dim} and {self.heads}")


class TransformerBlock(nn.Module):
    """Attention, in a decoder attention to the memory (``cross``), and the MLP, each with the norm of its sum.

    State: ``attention.{q,k,v,o}.weight``, ``attention_norm.{weight,bias}``, in a decoder the same of ``cross``,
    ``w_in`` and ``w_out`` with biases, ``feed_norm``.
    """

    def __init__(self, config: TransformerConfig, decoder: bool) -> None:
        super().__init__()
        dim, hidden = config.dim, config.hidden
        self.attention, self.attention_norm = MultiHeadAttention(dim, config.heads), LayerNorm(dim, config.eps)
        if decoder:
            self.cross, self.cross_norm = MultiHeadAttention(dim, config.heads), LayerNorm(dim, config.eps)
        self.w_in, self.w_out, self.feed_norm = Linear(dim, hidden), Linear(hidden, dim), LayerNorm(dim, config.eps)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        cache: Seq2SeqCache | None = None,
        layer: int = 0,
    ) -> Tensor:
        """x (batch, n, dim) to the same; masks broadcastable to (batch, heads, n, n_k), True = may attend."""

        def attend(y: Tensor) -> Tensor:
            k, v = _keys_and_values(self.attention, y)
            if cache is not None:
                k, v = cache.update(layer, k, v)
            return self.dropout(_look(self.attention, y, k, v, mask))  # type: ignore[no-any-return]

        def look(y: Tensor) -> Tensor:
            def make() -> tuple[Tensor, Tensor]:
                assert memory is not None
                return _keys_and_values(self.cross, memory)

            k, v = make() if cache is None else cache.memory(layer, make)
            return self.dropout(_look(self.cross, y, k, v, memory_mask))  # type: ignore[no-any-return]

        x = post_norm(x, self.attention_norm, attend)
        if memory is not None:
            x = post_norm(x, self.cross_norm, look)
        return post_norm(x, self.feed_norm, lambda y: self.dropout(self.w_out(relu(self.w_in(y)))))


def _keys_and_values(attention: MultiHeadAttention, x: Tensor) -> tuple[Tensor, Tensor]:
    return split_heads(attention.k(x), attention.heads), split_heads(attention.v(x), attention.heads)


def _look(attention: MultiHeadAttention, x: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    q = split_heads(attention.q(x), attention.heads)
    result: Tensor = attention.o(merge_heads(scaled_dot_product_attention(q, k, v, mask)))
    return result


class Transformer(OwnSeq2Seq):
    """Encoder, decoder and the words' scores. State: ``tokens.weight``, ``encoder.{i}.…``, ``decoder.{i}.…``."""

    model_type = "groundup-transformer"
    config_type = TransformerConfig
    config: TransformerConfig

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab, config.dim)
        self.encoder = nn.ModuleList(TransformerBlock(config, decoder=False) for _ in range(config.layers))
        self.decoder = nn.ModuleList(TransformerBlock(config, decoder=True) for _ in range(config.layers))
        self.dropout = nn.Dropout(config.dropout)
        self._window = CausalWindow()
        for one in self.parameters():
            if one.dim() == 2:
                nn.init.xavier_uniform_(one)
        nn.init.normal_(
            self.tokens.weight, std=config.dim**-0.5
        )  # times √dim, as large as the sines; and so are scores

    def embed(self, ids: Tensor, begin: int = 0) -> Tensor:
        """ids (batch, n), of which the first stands at place ``begin``, to vectors (batch, n, dim)."""
        end = begin + ids.shape[-1]
        x = self.tokens(ids) * math.sqrt(self.config.dim)
        result: Tensor = self.dropout(x + sinusoidal_positions(end, self.config.dim)[begin:].to(x))
        return result

    def encode(self, ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        x = self.embed(ids)
        for block in self.encoder:
            x = block(x, _of_keys(attention_mask))
        return x

    def decode(
        self,
        ids: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: Seq2SeqCache | None = None,
    ) -> Tensor:
        begin = 0 if cache is None else cache.length
        mask = self._window(begin, begin + ids.shape[-1], ids.device)
        if attention_mask is not None:
            mask = attention_mask.bool()[:, None, None, :] & (mask if mask is not None else True)
        x = self.embed(ids, begin)
        for layer, block in enumerate(self.decoder):
            x = block(x, mask, memory, _of_keys(memory_mask), cache, layer)
        return x

    def scores(self, hidden: Tensor) -> Tensor:
        return hidden @ self.tokens.weight.T

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(logits, labels, IGNORED, self.config.smoothing if self.training else 0.0)

    def new_cache(self, batch: int, length: int) -> Seq2SeqCache:
        weight, config = self.tokens.weight, self.config
        shape = (config.layers, batch, config.heads, length, config.dim // config.heads)
        return Seq2SeqCache(*shape, dtype=weight.dtype, device=weight.device)


def _of_keys(mask: Tensor | None) -> Tensor | None:
    """(batch, n_k) to (batch, 1, 1, n_k), boolean."""
    return None if mask is None else mask.bool()[:, None, None, :]
