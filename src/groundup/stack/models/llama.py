"""Llama 1, 2 and 3 (Touvron and others 2023; Grattafiori and others, "The Llama 3 Herd of Models", 2024).

    ids (batch, n) → embedding (batch, n, dim)
      → { x + attention(rms_norm(x)), queries and keys turned by their positions; x + swiglu(rms_norm(x)) } × layers
      → rms_norm → head → logits (batch, n, vocab)

What differs from GPT-2: rotary positions, RMS norms, SwiGLU, no biases, an output head of its own (the small ones of
Llama 3.2 share it with the embedding). Llama 2's largest and all of Llama 3 have fewer key and value heads than query
heads. Llama 3.1 stretches the slow rotary waves to reach 128 000 tokens (:func:`scaled_rates`). What this file does not
compute it refuses by name. Families that differ from this one by a few settings are :mod:`.mistral` and :mod:`.qwen`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from groundup.stack.inference.cache import KVCache
from groundup.stack.models.checkpoints import (
    CheckpointError,
    HubSettings,
    find_folder,
    load_weights,
    read_config,
    read_weights,
    require_type,
    write_checkpoint,
)
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import CausalWindow, scaled_dot_product_attention
from groundup.stack.transformer.feedforward import swiglu
from groundup.stack.transformer.heads import merge_heads, repeat_kv, split_heads
from groundup.stack.transformer.normalization import RMSNorm, pre_norm
from groundup.stack.transformer.rotary import apply_rope, rope_rates, rope_tables


@dataclass(frozen=True)
class LlamaConfig:
    """``kv_heads`` and ``head_dim`` follow from the others where not given; ``rope_scaling`` is as on the Hub.

    What Llama has not and its relatives have: ``qkv_bias`` on queries, keys and values, ``qk_norm`` of each head's
    queries and keys, and ``windows``, for each layer how many positions a token sees, 0 = all before it.
    """

    model_type: ClassVar[str] = "llama"
    architecture: ClassVar[str] = "LlamaForCausalLM"

    vocab: int
    dim: int
    layers: int
    heads: int
    hidden: int
    context: int = 2048
    kv_heads: int = 0
    head_dim: int = 0
    eps: float = 1e-5
    theta: float = 10000.0
    rope_scaling: Mapping[str, Any] | None = None
    tied: bool = False
    qkv_bias: bool = False
    qk_norm: bool = False
    windows: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "kv_heads", self.kv_heads or self.heads)
        object.__setattr__(self, "head_dim", self.head_dim or self.dim // self.heads)
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads must divide heads: {self.kv_heads} and {self.heads}")
        if len(self.windows) not in (0, self.layers):
            raise ValueError(f"windows must be one a layer, or none: {len(self.windows)} for {self.layers} layers")

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> Self:
        """From the Hub's ``config.json``. Raises CheckpointError for what is missing and what this file does not
        compute."""
        config = HubSettings(config)
        require_type(config, cls.model_type)
        if config.get("hidden_act", "silu") != "silu":
            raise CheckpointError(f"hidden_act {config['hidden_act']!r} is not Llama's silu")
        for name in ("attention_bias", "mlp_bias"):
            if config.get(name):
                raise CheckpointError(f"{name} = {config[name]} is not supported")
        # Newer files keep everything about rotary positions in one place.
        rope = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
        theta = rope.pop("rope_theta", None) or config.get("rope_theta", 10000.0)
        kind = rope.get("rope_type", rope.get("type", "default"))
        return cls(
            vocab=config["vocab_size"],
            dim=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            hidden=config["intermediate_size"],
            context=config.get("max_position_embeddings", 2048),
            kv_heads=config.get("num_key_value_heads") or 0,
            head_dim=config.get("head_dim") or 0,
            eps=config.get("rms_norm_eps", 1e-6),
            theta=theta,
            rope_scaling=None if kind == "default" else rope,
            tied=config.get("tie_word_embeddings", False),
        )

    def to_hub(self) -> dict[str, Any]:
        return {
            "architectures": [self.architecture],
            "model_type": self.model_type,
            "vocab_size": self.vocab,
            "hidden_size": self.dim,
            "intermediate_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "max_position_embeddings": self.context,
            "rms_norm_eps": self.eps,
            "rope_theta": self.theta,
            "rope_scaling": dict(self.rope_scaling) if self.rope_scaling else None,
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": self.tied,
        }


def scaled_rates(config: LlamaConfig) -> Tensor:
    """(head_dim / 2,): how far each pair turns from one position to the next, after the configuration's scaling.

    "linear" turns everything ``factor`` times more slowly (Chen and others 2023). "llama3" leaves fast waves alone,
    slows waves longer than the old context by ``factor``, and blends in between (Llama 3.1).
    """
    rates = rope_rates(config.head_dim, config.theta)
    scaling = config.rope_scaling
    if not scaling:
        return rates
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind == "linear":
        return rates / float(scaling["factor"])
    if kind != "llama3":
        raise CheckpointError(f"rope_scaling of type {kind!r} is not supported; linear and llama3 are")
    factor = float(scaling["factor"])
    slow, fast = float(scaling["low_freq_factor"]), float(scaling["high_freq_factor"])
    waves = float(scaling["original_max_position_embeddings"]) * rates / (2 * math.pi)  # in the old context
    blend = ((waves - slow) / (fast - slow)).clamp(0, 1)  # 0: slowed, 1: left alone
    return rates * (blend + (1 - blend) / factor)


class LlamaBlock(nn.Module):
    """State: ``attention_norm.weight``, ``{q,k,v,o}.weight``, ``feed_norm.weight``, ``{gate,up,down}.weight``.

    Where the configuration has them, also ``{q,k,v}.bias`` and ``{q,k}_norm.weight``.
    """

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        dim, wide = config.dim, config.heads * config.head_dim
        self.heads, self.kv_heads = config.heads, config.kv_heads
        self.attention_norm = RMSNorm(dim, config.eps)
        self.q = Linear(dim, wide, config.qkv_bias)
        self.k = Linear(dim, config.kv_heads * config.head_dim, config.qkv_bias)
        self.v = Linear(dim, config.kv_heads * config.head_dim, config.qkv_bias)
        self.q_norm = RMSNorm(config.head_dim, config.eps) if config.qk_norm else None
        self.k_norm = RMSNorm(config.head_dim, config.eps) if config.qk_norm else None
        self.o = Linear(wide, dim, bias=False)
        self.feed_norm = RMSNorm(dim, config.eps)
        self.gate = Linear(dim, config.hidden, bias=False)
        self.up = Linear(dim, config.hidden, bias=False)
        self.down = Linear(config.hidden, dim, bias=False)

    def forward(
        self,
        x: Tensor,
        cos: Tensor,
        sin: Tensor,
        mask: Tensor | None = None,
        cache: KVCache | None = None,
        layer: int = 0,
    ) -> Tensor:
        """x (batch, n, dim); cos and sin (n, head_dim), or (batch, n, head_dim); mask True = may attend, or None;
        (batch, n, dim)."""
        x = pre_norm(x, self.attention_norm, lambda y: self._attend(y, cos, sin, mask, cache, layer))
        return pre_norm(x, self.feed_norm, self._feed)

    def _attend(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None, cache: KVCache | None, layer: int
    ) -> Tensor:
        q, k = split_heads(self.q(x), self.heads), split_heads(self.k(x), self.kv_heads)
        if self.q_norm is not None and self.k_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        q, k = _turned(q, cos, sin), _turned(k, cos, sin)
        v = split_heads(self.v(x), self.kv_heads)
        if cache is not None:
            k, v = cache.update(layer, k, v)
        groups = self.heads // self.kv_heads
        k, v = repeat_kv(k, groups), repeat_kv(v, groups)
        result: Tensor = self.o(merge_heads(scaled_dot_product_attention(q, k, v, mask)))
        return result

    def _feed(self, x: Tensor) -> Tensor:
        return swiglu(x, self.gate.weight.T, self.up.weight.T, self.down.weight.T)


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (batch, heads, n, head_dim) by the angles of its positions, (n, head_dim), or of each text its own."""
    if cos.dim() == 2:
        return apply_rope(x, cos, sin)
    batch, heads, n, width = x.shape
    rows = x.transpose(0, 1).reshape(heads, batch * n, width)
    turned = apply_rope(rows, cos.reshape(-1, width), sin.reshape(-1, width))
    return turned.view(heads, batch, n, width).transpose(0, 1)


class Llama(nn.Module):
    """State: ``embedding.weight``, ``blocks.{i}.…``, ``norm.weight`` and, where it is not tied, ``head.weight``."""

    windowed: ClassVar[bool] = True
    """That it computes a configuration's ``windows``: a model in this one's place need not."""
    cos: Tensor
    sin: Tensor

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab, config.dim)
        self.blocks = nn.ModuleList(LlamaBlock(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.dim, config.eps)
        self.head = None if config.tied else Linear(config.dim, config.vocab, bias=False)
        cos, sin = rope_tables(scaled_rates(config), config.context)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._window = CausalWindow()
        for one in self.parameters():
            if one.dim() == 2:
                nn.init.normal_(one, std=0.02)

    def forward(self, ids: Tensor, cache: KVCache | None = None, attention_mask: Tensor | None = None) -> Tensor:
        """ids (batch, n) to logits (batch, n, vocab), see :meth:`hidden`."""
        return self.scores(self.hidden(ids, cache, attention_mask))

    def hidden(
        self,
        ids: Tensor,
        cache: KVCache | None = None,
        attention_mask: Tensor | None = None,
        places: Tensor | None = None,
    ) -> Tensor:
        """ids (batch, n) to hidden states (batch, n, dim); with a cache, ids are the tokens after those that it holds.

        ``attention_mask`` (batch, held + n), True or 1 = a real token, is for texts of different lengths. Padded on the
        right, no more is needed; padded on the left, ``places`` (batch, n) say where each token stands in its own text.
        Raises ValueError beyond the context.
        """
        return self.hidden_of(self.embedding(ids), cache, attention_mask, places)

    def hidden_of(
        self,
        x: Tensor,
        cache: KVCache | None = None,
        attention_mask: Tensor | None = None,
        places: Tensor | None = None,
    ) -> Tensor:
        """:meth:`hidden` from embeddings (batch, n, dim) on, for models in which not all of them are tokens'."""
        begin = 0 if cache is None else cache.length
        end = begin + x.shape[-2]
        longest = end if places is None else int(places.max()) + 1
        if longest > self.config.context:
            raise ValueError(f"the text has {longest} tokens, the context of this model {self.config.context}")
        where = slice(begin, end) if places is None else places
        cos, sin = self.cos[where], self.sin[where]
        widths = self.config.windows or (0,) * self.config.layers
        masks = self._window.layers(widths, begin, end, x.device, attention_mask)
        for layer, block in enumerate(self.blocks):
            x = block(x, cos, sin, masks[layer], cache, layer)
        result: Tensor = self.norm(x)
        return result

    def scores(self, hidden: Tensor) -> Tensor:
        """hidden (..., dim) to logits (..., vocab)."""
        logits: Tensor = hidden @ self.embedding.weight.T if self.head is None else self.head(hidden)
        return logits

    def new_cache(self, batch: int, length: int) -> KVCache:
        """An empty cache that fits this model."""
        weight, config = self.embedding.weight, self.config
        shape = (config.layers, batch, config.kv_heads, length, config.head_dim)
        return KVCache(*shape, dtype=weight.dtype, device=weight.device)

    # ── the Hub's format ─────────────────────────────────────────────────────

    @classmethod
    def from_pretrained(cls, place: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> Llama:
        """A model from a folder in the Hub's format, or from a repository of the Hub."""
        return _loaded(cls, place, dtype)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the model so that transformers, vLLM and whatever reads that format can load it."""
        config = {**self.config.to_hub(), "torch_dtype": str(self.embedding.weight.dtype).removeprefix("torch.")}
        write_checkpoint(folder, config, to_hub_names(self.state_dict()))


def load_pretrained(
    place: str | os.PathLike[str], dtype: torch.dtype = torch.float32, settings: type[LlamaConfig] | None = None
) -> Llama:
    """:meth:`Llama.from_pretrained` for whatever ``Llama`` is in this module.

    A model that was put in its place needs no more than ``Llama(config)`` and the names of its weights. ``settings``
    are those of a relative, as :class:`.MistralConfig`.
    """
    return _loaded(Llama, place, dtype, settings)


def _loaded(
    family: type[Llama],
    place: str | os.PathLike[str],
    dtype: torch.dtype,
    settings: type[LlamaConfig] | None = None,
) -> Llama:
    folder = find_folder(place)
    config = (settings or LlamaConfig).from_hub(read_config(folder))
    if config.windows and not getattr(family, "windowed", False):
        raise CheckpointError(f"this checkpoint has a sliding window, which {family.__name__} does not compute")
    model = family(config).to(dtype)
    if isinstance(getattr(model, "cos", None), Tensor):
        # The angles keep their own precision whatever the weights have.
        model.cos, model.sin = rope_tables(scaled_rates(config), config.context)
    weights = rename_checkpoint(read_weights(folder))
    if config.tied:
        weights.pop("head.weight", None)
    load_weights(model, weights)
    return model


_OUTSIDE = {"model.embed_tokens": "embedding", "model.norm": "norm", "lm_head": "head"}
_IN_A_LAYER = {
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "feed_norm",
    "self_attn.q_proj": "q",
    "self_attn.k_proj": "k",
    "self_attn.v_proj": "v",
    "self_attn.o_proj": "o",
    "self_attn.q_norm": "q_norm",
    "self_attn.k_norm": "k_norm",
    "mlp.gate_proj": "gate",
    "mlp.up_proj": "up",
    "mlp.down_proj": "down",
}


def rename_checkpoint(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our names for the Hub's: ``model.layers.0.self_attn.q_proj.weight`` becomes ``blocks.0.q.weight``.

    The tensors are the same objects. Tables of rotary rates that old checkpoints carry along are left out; names that
    are not the Hub's stay as they are, so that loading can complain of them by name.
    """
    found = {}
    for name, one in state.items():
        if name.endswith("rotary_emb.inv_freq"):
            continue
        stem, _, last = name.rpartition(".")
        if stem in _OUTSIDE:
            name = f"{_OUTSIDE[stem]}.{last}"
        elif stem.startswith("model.layers."):
            number, _, stem = stem.removeprefix("model.layers.").partition(".")
            if stem in _IN_A_LAYER:
                name = f"blocks.{number}.{_IN_A_LAYER[stem]}.{last}"
        found[name] = one
    return found


def to_hub_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of :func:`rename_checkpoint`."""
    back = {ours: theirs for theirs, ours in (*_OUTSIDE.items(), *_IN_A_LAYER.items())}
    found = {}
    for name, one in state.items():
        parts = name.split(".")
        if parts[0] == "blocks":
            found[f"model.layers.{parts[1]}.{back[parts[2]]}.{parts[3]}"] = one
        else:
            found[f"{back[parts[0]]}.{parts[1]}"] = one
    return found
