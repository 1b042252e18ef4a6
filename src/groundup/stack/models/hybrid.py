"""Jamba without its experts: Mamba and attention in turn (Lieber and others, "Jamba: A Hybrid Transformer-Mamba
Language Model", 2024).

    ids (batch, n) → embedding (batch, n, dim)
      → { x + attention(rms_norm(x)) in one layer of ``period``, x + mamba(rms_norm(x)) in the others;
          x + swiglu(rms_norm(x)) } × layers → rms_norm → head → logits (batch, n, vocab)

What differs from Mamba: every mixer is followed by a feed-forward layer, some mixers are attentions, and Δ, B and C of
the others are normalized, which keeps large models from diverging (section 6.4). What differs from Llama: no positions
at all, since the state of the Mamba layers already knows what came when (section 6.5). The cache is that of both: keys
and values of the few attentions, which grow with the text, and the states of the others, which do not.

The paper's model has 16 experts in the place of every other feed-forward layer. They are not here: ``num_experts``
other than 1 is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from groundup.stack.inference.cache import KVCache
from groundup.stack.models.checkpoints import refuse_unusual, require_type
from groundup.stack.models.mamba import MIXER_NAMES, MambaCache, MambaMixer
from groundup.stack.models.names import NameTable
from groundup.stack.models.pretrained import PretrainedModel
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import CausalWindow, scaled_dot_product_attention
from groundup.stack.transformer.feedforward import swiglu
from groundup.stack.transformer.heads import merge_heads, repeat_kv, split_heads
from groundup.stack.transformer.normalization import RMSNorm, pre_norm


@dataclass(frozen=True)
class JambaConfig:
    """Layer i is an attention where i % ``period`` is ``offset``; ``state`` to ``conv_bias`` are Mamba's."""

    vocab: int
    dim: int
    layers: int
    heads: int
    hidden: int
    kv_heads: int = 8
    period: int = 8
    offset: int = 4
    state: int = 16
    expand: int = 2
    conv: int = 4
    rank: int = 0
    bias: bool = False
    conv_bias: bool = True
    eps: float = 1e-6
    tied: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "rank", self.rank or math.ceil(self.dim / 16))
        if self.dim % self.heads or self.heads % self.kv_heads:
            raise ValueError(f"heads must divide dim, and kv_heads heads: {self.dim}, {self.heads}, {self.kv_heads}")

    @property
    def head_dim(self) -> int:
        return self.dim // self.heads

    @property
    def attentions(self) -> list[int]:
        """The layers that attend."""
        return [layer for layer in range(self.layers) if layer % self.period == self.offset]

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> JambaConfig:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, "jamba")
        refuse_unusual({"num_experts": 16, **config}, {"num_experts": 1, "hidden_act": "silu"})
        rank = config.get("mamba_dt_rank", "auto")
        return cls(
            kv_heads=config.get("num_key_value_heads", 8) or config["num_attention_heads"],
            rank=0 if rank == "auto" else rank,
            **{ours: config[theirs] for theirs, ours in _SETTINGS.items() if theirs in config},
        )

    def to_hub(self) -> dict[str, Any]:
        named = {theirs: getattr(self, ours) for theirs, ours in _SETTINGS.items()}
        rest = {"num_key_value_heads": self.kv_heads, "mamba_dt_rank": self.rank, "hidden_act": "silu"}
        return {"model_type": "jamba", **named, **rest, "num_experts": 1}


_SETTINGS = {
    "vocab_size": "vocab",
    "hidden_size": "dim",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "intermediate_size": "hidden",
    "attn_layer_period": "period",
    "attn_layer_offset": "offset",
    "mamba_d_state": "state",
    "mamba_expand": "expand",
    "mamba_d_conv": "conv",
    "mamba_proj_bias": "bias",
    "mamba_conv_bias": "conv_bias",
    "rms_norm_eps": "eps",
    "tie_word_embeddings": "tied",
}


class HybridCache:
    """Keys and values for the attentions, states for the other layers; ``length`` counts the tokens that were seen."""

    def __init__(self, keys: KVCache, states: MambaCache) -> None:
        self.keys, self.states = keys, states

    @property
    def length(self) -> int:
        return self.states.length


class Attention(nn.Module):
    """Grouped queries, no positions. State: ``{q,k,v,o}.weight``."""

    def __init__(self, config: JambaConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads = config.heads, config.kv_heads
        self.q = Linear(config.dim, config.dim, bias=False)
        self.k = Linear(config.dim, config.kv_heads * config.head_dim, bias=False)
        self.v = Linear(config.dim, config.kv_heads * config.head_dim, bias=False)
        self.o = Linear(config.dim, config.dim, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None, cache: KVCache | None, place: int) -> Tensor:
        """x (batch, n, dim) to the same; ``place`` is this attention's among the attentions."""
        q = split_heads(self.q(x), self.heads)
        k, v = split_heads(self.k(x), self.kv_heads), split_heads(self.v(x), self.kv_heads)
        if cache is not None:
            k, v = cache.update(place, k, v)
        groups = self.heads // self.kv_heads
        k, v = repeat_kv(k, groups), repeat_kv(v, groups)
        result: Tensor = self.o(merge_heads(scaled_dot_product_attention(q, k, v, mask)))
        return result


class JambaBlock(nn.Module):
    """State: ``mixer_norm.weight``, ``mixer.…`` of an attention or a Mamba, ``feed_norm.weight``,
    ``{gate,up,down}.weight``."""

    def __init__(self, config: JambaConfig, layer: int) -> None:
        super().__init__()
        self.mixer_norm = RMSNorm(config.dim, config.eps)
        self.mixer: nn.Module
        if layer in config.attentions:
            self.mixer = Attention(config)
        else:
            sizes = (config.dim, config.expand * config.dim, config.state, config.conv, config.rank)
            self.mixer = MambaMixer(*sizes, bias=config.bias, conv_bias=config.conv_bias, norms=config.eps)
        self.feed_norm = RMSNorm(config.dim, config.eps)
        self.gate = Linear(config.dim, config.hidden, bias=False)
        self.up = Linear(config.dim, config.hidden, bias=False)
        self.down = Linear(config.hidden, config.dim, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None, cache: KVCache | MambaCache | None, place: int) -> Tensor:
        """x (batch, n, dim) to the same; mask (…, n, n) for an attention, (batch, n) for a Mamba, or None."""
        x = pre_norm(x, self.mixer_norm, lambda y: self.mixer(y, mask, cache, place))
        return pre_norm(x, self.feed_norm, self._feed)

    def _feed(self, x: Tensor) -> Tensor:
        return swiglu(x, self.gate.weight.T, self.up.weight.T, self.down.weight.T)


class Jamba(PretrainedModel):
    """State: ``embedding.weight``, ``blocks.{i}.…``, ``norm.weight`` and, where it is not tied, ``head.weight``."""

    architecture = "JambaForCausalLM"
    config_type: ClassVar = JambaConfig

    def __init__(self, config: JambaConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab, config.dim)
        self.blocks = nn.ModuleList(JambaBlock(config, layer) for layer in range(config.layers))
        self.norm = RMSNorm(config.dim, config.eps)
        self.head = None if config.tied else Linear(config.dim, config.vocab, bias=False)
        self._window = CausalWindow()
        for name, one in self.named_parameters():
            if one.dim() == 2 and not name.endswith("log_a") and ".delta." not in name:
                nn.init.normal_(one, std=0.02)

    def forward(self, ids: Tensor, cache: HybridCache | None = None, attention_mask: Tensor | None = None) -> Tensor:
        """ids (batch, n) to logits (batch, n, vocab), see :meth:`hidden`."""
        return self.scores(self.hidden(ids, cache, attention_mask))

    def hidden(self, ids: Tensor, cache: HybridCache | None = None, attention_mask: Tensor | None = None) -> Tensor:
        """ids (batch, n) to hidden states (batch, n, dim); with a cache, ids are the tokens after those that it saw.

        ``attention_mask`` (batch, n), True or 1 = a real token, without a cache.
        """
        begin = 0 if cache is None else cache.length
        end = begin + ids.shape[1]
        mask = self._window.layers((0,), begin, end, ids.device, attention_mask)[0]
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            if layer in self.config.attentions:
                place = self.config.attentions.index(layer)
                x = block(x, mask, None if cache is None else cache.keys, place)
            else:
                x = block(x, attention_mask, None if cache is None else cache.states, layer)
        if cache is not None:
            cache.states.length = end
        result: Tensor = self.norm(x)
        return result

    def scores(self, hidden: Tensor) -> Tensor:
        """hidden (..., dim) to logits (..., vocab)."""
        logits: Tensor = hidden @ self.embedding.weight.T if self.head is None else self.head(hidden)
        return logits

    def new_cache(self, batch: int, length: int) -> HybridCache:
        """An empty cache that fits this model, with room for ``length`` keys and values in each attention."""
        weight, config = self.embedding.weight, self.config
        shape = (len(config.attentions), batch, config.kv_heads, length, config.head_dim)
        return HybridCache(KVCache(*shape, dtype=weight.dtype, device=weight.device), MambaCache(config.layers))

    # ── the Hub's format ─────────────────────────────────────────────────────

    @classmethod
    def names(cls, config: JambaConfig) -> NameTable:
        return NAMES

    def wanted(self, weights: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """A file may hold a head that is tied to the embedding."""
        return {name: one for name, one in weights.items() if self.head is not None or name != "head.weight"}


_BLOCK = {
    "input_layernorm": "mixer_norm",
    "pre_ff_layernorm": "feed_norm",
    "feed_forward.gate_proj": "gate",
    "feed_forward.up_proj": "up",
    "feed_forward.down_proj": "down",
}
_BLOCK |= {f"self_attn.{one}_proj": f"mixer.{one}" for one in "qkvo"}
_BLOCK |= {f"mamba.{theirs}": f"mixer.{ours}" for theirs, ours in MIXER_NAMES.items()}
NAMES = NameTable(
    {"model.embed_tokens": "embedding", "model.final_layernorm": "norm", "lm_head": "head"}
    | {f"model.layers.{{}}.{theirs}": f"blocks.{{}}.{ours}" for theirs, ours in _BLOCK.items()}
)
