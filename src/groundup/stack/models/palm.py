"""PaLM (Chowdhery and others, "PaLM: Scaling Language Modeling with Pathways", 2022).

    ids (batch, n) → embedding (batch, n, dim)
      → { x + swiglu(y) + attention(y), y = layer_norm(x) } × layers → layer_norm → embeddingᵀ / √dim → logits

What differs from Llama, which came a year later and took much of it (section 2 of the paper): attention and
feed-forward layer stand *side by side*, on one norm, so that their first products can be done as one; all heads of
queries share one head of keys and one of values; norms are layer norms, without a bias as everything else is; one
matrix embeds the tokens and scores them. A head is 256 wide whatever the model's size, so that all heads together need
not be as wide as the model.

Scaling of the embedding (section 5, "Weight initialization"): embeddings begin with a deviation of 1, since no norm
stands behind them, and because the same matrix makes the scores, those are divided by √dim. What goes in is not scaled.
Kernels begin normal with a deviation of 1 / √inputs.

What the paper leaves open, and what is done here: the ε of the norms (1e-6); the base of the rotary waves (10000) and
which entries turn together (halves, as everywhere in this library: another order of the same weights); scores of
attention divided by √head_dim, as is usual; a norm before the output, as in every model with norms inside. Its weights
are not public, so that our files have our own names. Not here: the auxiliary z-loss of its training.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from groundup.stack.inference.cache import KVCache
from groundup.stack.models.checkpoints import (
    find_folder,
    load_weights,
    read_config,
    read_weights,
    refuse_unusual,
    require_type,
    write_checkpoint,
)
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import CausalWindow, scaled_dot_product_attention
from groundup.stack.transformer.feedforward import swiglu
from groundup.stack.transformer.heads import merge_heads, repeat_kv, split_heads
from groundup.stack.transformer.normalization import LayerNorm
from groundup.stack.transformer.rotary import apply_rope, rope_frequencies


@dataclass(frozen=True)
class PaLMConfig:
    """Those of table 1's smallest model, where nothing is given; ``hidden`` is 4 dim in all of them."""

    vocab: int = 256000
    dim: int = 4096
    layers: int = 32
    heads: int = 16
    head_dim: int = 256
    hidden: int = 0
    context: int = 2048
    eps: float = 1e-6
    theta: float = 10000.0

    kv_heads: ClassVar[int] = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", self.hidden or 4 * self.dim)

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> PaLMConfig:
        """From a ``config.json`` that :meth:`to_hub` wrote. Raises CheckpointError for what is not computed here."""
        require_type(config, "palm")
        refuse_unusual(config, _USUAL)
        return cls(**{ours: config[theirs] for theirs, ours in _SETTINGS.items()})

    def to_hub(self) -> dict[str, Any]:
        named = {theirs: getattr(self, ours) for theirs, ours in _SETTINGS.items()}
        return {"architectures": ["PaLMForCausalLM"], "model_type": "palm", **named, **_USUAL}


_SETTINGS = {
    "vocab_size": "vocab",
    "hidden_size": "dim",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "head_dim": "head_dim",
    "intermediate_size": "hidden",
    "max_position_embeddings": "context",
    "layer_norm_eps": "eps",
    "rope_theta": "theta",
}
_USUAL = {"num_key_value_heads": 1, "hidden_act": "silu", "tie_word_embeddings": True, "use_bias": False}


class PaLMBlock(nn.Module):
    """State: ``norm.weight``, ``{q,k,v,o}.weight``, ``{gate,up,down}.weight``."""

    def __init__(self, config: PaLMConfig) -> None:
        super().__init__()
        dim, wide = config.dim, config.heads * config.head_dim
        self.heads = config.heads
        self.norm = LayerNorm(dim, config.eps, bias=False)
        self.q = Linear(dim, wide, bias=False)
        self.k = Linear(dim, config.head_dim, bias=False)
        self.v = Linear(dim, config.head_dim, bias=False)
        self.o = Linear(wide, dim, bias=False)
        self.gate = Linear(dim, config.hidden, bias=False)
        self.up = Linear(dim, config.hidden, bias=False)
        self.down = Linear(config.hidden, dim, bias=False)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None, layer: int, cache: KVCache | None = None
    ) -> Tensor:
        """x (batch, n, dim); cos and sin (n, head_dim); mask True = may attend, or None; (batch, n, dim)."""
        y = self.norm(x)
        result: Tensor = x + self._feed(y) + self._attend(y, cos, sin, mask, layer, cache)
        return result

    def _feed(self, y: Tensor) -> Tensor:
        return swiglu(y, self.gate.weight.T, self.up.weight.T, self.down.weight.T)

    def _attend(
        self, y: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None, layer: int, cache: KVCache | None
    ) -> Tensor:
        q = apply_rope(split_heads(self.q(y), self.heads), cos, sin)
        k, v = apply_rope(split_heads(self.k(y), 1), cos, sin), split_heads(self.v(y), 1)
        if cache is not None:
            k, v = cache.update(layer, k, v)
        k, v = repeat_kv(k, self.heads), repeat_kv(v, self.heads)
        result: Tensor = self.o(merge_heads(scaled_dot_product_attention(q, k, v, mask)))
        return result


class PaLM(nn.Module):
    """State: ``embedding.weight``, ``blocks.{i}.…``, ``norm.weight``; the embedding scores the tokens as well."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: PaLMConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab, config.dim)
        self.blocks = nn.ModuleList(PaLMBlock(config) for _ in range(config.layers))
        self.norm = LayerNorm(config.dim, config.eps, bias=False)
        cos, sin = rope_frequencies(config.head_dim, config.context, config.theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._window = CausalWindow()
        nn.init.normal_(self.embedding.weight)
        for one in self.blocks.parameters():
            if one.dim() == 2:
                nn.init.normal_(one, std=one.shape[1] ** -0.5)

    def forward(self, ids: Tensor, cache: KVCache | None = None, attention_mask: Tensor | None = None) -> Tensor:
        """ids (batch, n) to logits (batch, n, vocab), see :meth:`hidden`."""
        return self.scores(self.hidden(ids, cache, attention_mask))

    def hidden(self, ids: Tensor, cache: KVCache | None = None, attention_mask: Tensor | None = None) -> Tensor:
        """ids (batch, n) to hidden states (batch, n, dim); with a cache, ids are the tokens after those that it holds.

        ``attention_mask`` (batch, n), True or 1 = a real token, is for texts of different lengths padded on the right,
        without a cache. Raises ValueError beyond the context.
        """
        begin = 0 if cache is None else cache.length
        end = begin + ids.shape[-1]
        if end > self.config.context:
            raise ValueError(f"the text has {end} tokens, the context of this model {self.config.context}")
        cos, sin = self.cos[begin:end], self.sin[begin:end]
        masks = self._window.layers((0,) * self.config.layers, begin, end, ids.device, attention_mask)
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, cos, sin, masks[layer], layer, cache)
        result: Tensor = self.norm(x)
        return result

    def scores(self, hidden: Tensor) -> Tensor:
        """hidden (..., dim) to logits (..., vocab)."""
        return hidden @ self.embedding.weight.T / math.sqrt(self.config.dim)

    def new_cache(self, batch: int, length: int) -> KVCache:
        """An empty cache that fits this model: one head of keys and values a layer."""
        weight, config = self.embedding.weight, self.config
        shape = (config.layers, batch, config.kv_heads, length, config.head_dim)
        return KVCache(*shape, dtype=weight.dtype, device=weight.device)

    @classmethod
    def from_pretrained(cls, place: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> PaLM:
        """A model from a folder that :meth:`save_pretrained` wrote."""
        folder = find_folder(place)
        config = PaLMConfig.from_hub(read_config(folder))
        model = cls(config).to(dtype)
        # The angles keep their own precision whatever the weights have.
        model.cos, model.sin = rope_frequencies(config.head_dim, config.context, config.theta)
        load_weights(model, read_weights(folder))
        return model

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write configuration and weights, in the Hub's format and with our names."""
        config = {**self.config.to_hub(), "torch_dtype": str(self.embedding.weight.dtype).removeprefix("torch.")}
        write_checkpoint(folder, config, self.state_dict())
