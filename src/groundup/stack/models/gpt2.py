"""GPT-2 (Radford and others, "Language Models are Unsupervised Multitask Learners", 2019).

    ids (batch, n) → token embedding + learned position (batch, n, dim)
      → { x + attention(layer_norm(x)); x + mlp(layer_norm(x)) } × layers → layer_norm → logits (batch, n, vocab)

What differs from the first GPT (2018): norms stand before each part and once more at the end, and residual weights
begin smaller. What differs from our own :mod:`.gpt`: learned positions instead of rotary ones, layer norms, biases, an
MLP of two matrices with the tanh form of GELU instead of SwiGLU. Query, key and value come out of one matrix. Names
are the paper's; the Hub's checkpoints store this family's matrices as (in, out), and are turned round in reading and
writing. The first GPT and GPT-3 differ from this one by little: :mod:`.gpt1` and :mod:`.gpt3` say by what.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.inference.cache import KVCache
from groundup.stack.models.checkpoints import (
    CheckpointError,
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
from groundup.stack.transformer.heads import merge_heads, split_heads
from groundup.stack.transformer.normalization import LayerNorm, pre_norm


@dataclass(frozen=True)
class GPT2Config:
    """``vocab``, ``context`` and ``dim`` are counts; ``hidden`` is the width of the MLP.

    What GPT-2 has not and its relatives have: ``windows``, for each layer how many positions a token sees, 0 = all
    before it; queries, keys and values without a bias; scores that are not ``scaled`` by 1 / √head_dim.
    """

    model_type: ClassVar[str] = "gpt2"
    architecture: ClassVar[str] = "GPT2LMHeadModel"
    vocab: int = 50257
    context: int = 1024
    dim: int = 768
    layers: int = 12
    heads: int = 12
    hidden: int | None = None
    eps: float = 1e-5
    windows: tuple[int, ...] = ()
    qkv_bias: bool = True
    scaled: bool = True

    def __post_init__(self) -> None:
        if len(self.windows) not in (0, self.layers):
            raise ValueError(f"windows must be one a layer, or none: {len(self.windows)} for {self.layers} layers")

    @property
    def head_dim(self) -> int:
        return self.dim // self.heads

    @property
    def kv_heads(self) -> int:
        return self.heads

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> Self:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, cls.model_type)
        require_gelu(config)
        refuse_unusual(
            config,
            {
                "scale_attn_weights": True,
                "scale_attn_by_inverse_layer_idx": False,
                "add_cross_attention": False,
                "tie_word_embeddings": True,
            },
        )
        return cls(
            vocab=config["vocab_size"],
            context=config["n_positions"],
            dim=config["n_embd"],
            layers=config["n_layer"],
            heads=config["n_head"],
            hidden=config.get("n_inner"),
            eps=config.get("layer_norm_epsilon", 1e-5),
        )

    def to_hub(self) -> dict[str, Any]:
        if type(self) is GPT2Config and (any(self.windows) or not self.qkv_bias or not self.scaled):
            raise ValueError("GPT-2's files have no word for windows, missing biases or unscaled scores")
        return {
            "architectures": [self.architecture],
            "model_type": self.model_type,
            "vocab_size": self.vocab,
            "n_positions": self.context,
            "n_ctx": self.context,
            "n_embd": self.dim,
            "n_layer": self.layers,
            "n_head": self.heads,
            "n_inner": self.hidden,
            "layer_norm_epsilon": self.eps,
            "activation_function": "gelu_new",
            "resid_pdrop": 0.0,
            "embd_pdrop": 0.0,
            "attn_pdrop": 0.0,
        }


def require_gelu(config: Mapping[str, Any]) -> None:
    """Raises CheckpointError for an activation that is not the gelu by tanh of this family."""
    activation = config.get("activation_function", "gelu_new")
    if activation not in ("gelu_new", "gelu_pytorch_tanh"):
        raise CheckpointError(f"activation_function {activation!r} is not this family's gelu_new")


class GPT2Block(nn.Module):
    """Attention and MLP, each behind a norm and beside a residual."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        dim, hidden = config.dim, config.hidden or 4 * config.dim
        self.heads, self.scaled = config.heads, config.scaled
        self.attention_norm = LayerNorm(dim, config.eps)
        self.qkv = Linear(dim, 3 * dim, config.qkv_bias)
        self.o = Linear(dim, dim)
        self.feed_norm = LayerNorm(dim, config.eps)
        self.up = Linear(dim, hidden)
        self.down = Linear(hidden, dim)

    def forward(self, x: Tensor, mask: Tensor | None, layer: int, cache: KVCache | None = None) -> Tensor:
        x = pre_norm(x, self.attention_norm, lambda y: self._attend(y, mask, layer, cache))
        return pre_norm(x, self.feed_norm, self._feed)

    def _feed(self, x: Tensor) -> Tensor:
        result: Tensor = self.down(functional.gelu(self.up(x), approximate="tanh"))
        return result

    def _attend(self, x: Tensor, mask: Tensor | None, layer: int, cache: KVCache | None) -> Tensor:
        q, k, v = (split_heads(one, self.heads) for one in self.qkv(x).chunk(3, dim=-1))
        if not self.scaled:
            q = q * math.sqrt(q.shape[-1])  # which the attention divides by
        if cache is not None:
            k, v = cache.update(layer, k, v)
        result: Tensor = self.o(merge_heads(scaled_dot_product_attention(q, k, v, mask)))
        return result


class GPT2(nn.Module):
    """The whole model; the output scores tokens by the embedding."""

    config_type: ClassVar[type[GPT2Config]] = GPT2Config
    block_type: ClassVar[type[GPT2Block]] = GPT2Block

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab, config.dim)
        self.positions = nn.Embedding(config.context, config.dim)
        self.blocks = nn.ModuleList(self.block_type(config) for _ in range(config.layers))
        self.norm: nn.Module = LayerNorm(config.dim, config.eps)
        self._window = CausalWindow()
        self.begin()

    def begin(self) -> None:
        """First weights: normal, smaller where they write into the residual."""
        for name, one in self.named_parameters():
            if one.dim() == 2:
                into_residual = name.endswith(("o.weight", "down.weight"))
                nn.init.normal_(one, std=0.02 / (2 * self.config.layers) ** 0.5 if into_residual else 0.02)

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
        begin = 0 if cache is None else cache.length
        end = begin + ids.shape[-1]
        longest = end if places is None else int(places.max()) + 1
        if longest > self.config.context:
            raise ValueError(f"the text has {longest} tokens, the context of this model {self.config.context}")
        x = self.embedding(ids) + (self.positions.weight[begin:end] if places is None else self.positions(places))
        widths = self.config.windows or (0,) * self.config.layers
        masks = self._window.layers(widths, begin, end, ids.device, attention_mask)
        for layer, block in enumerate(self.blocks):
            x = block(x, masks[layer], layer, cache)
        result: Tensor = self.norm(x)
        return result

    def scores(self, hidden: Tensor) -> Tensor:
        """hidden (..., dim) to logits (..., vocab)."""
        return hidden @ self.embedding.weight.T

    def new_cache(self, batch: int, length: int) -> KVCache:
        weight, config = self.embedding.weight, self.config
        shape = (config.layers, batch, config.heads, length, config.head_dim)
        return KVCache(*shape, dtype=weight.dtype, device=weight.device)

    # ── the Hub's format ─────────────────────────────────────────────────────

    @classmethod
    def from_pretrained(cls, place: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> Self:
        """A model from a folder in the Hub's format, or from a repository of the Hub."""
        folder = find_folder(place)
        model = cls(cls.config_type.from_hub(read_config(folder))).to(dtype)
        load_weights(model, cls.ours(read_weights(folder)))
        return model

    @staticmethod
    def ours(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return from_hub_names(weights)

    @staticmethod
    def theirs(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return to_hub_names(weights)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the model so that transformers, and whatever reads its format, can load it."""
        config = {**self.config.to_hub(), "torch_dtype": str(self.embedding.weight.dtype).removeprefix("torch.")}
        write_checkpoint(folder, config, self.theirs(self.state_dict()))


NAMES = {
    "wte": "embedding",
    "wpe": "positions",
    "ln_f": "norm",
    "ln_1": "attention_norm",
    "ln_2": "feed_norm",
    "attn.c_attn": "qkv",
    "attn.c_proj": "o",
    "mlp.c_fc": "up",
    "mlp.c_proj": "down",
}
_TURNED = ("qkv.weight", "o.weight", "up.weight", "down.weight")


def from_hub_names(weights: Mapping[str, Tensor], names: Mapping[str, str] = NAMES) -> dict[str, Tensor]:
    """Ours from the Hub's: ``transformer.h.0.attn.c_attn.weight`` (in, out) is ``blocks.0.qkv.weight`` (out, in)."""
    found = {}
    for name, one in weights.items():
        short = name.removeprefix("transformer.")
        if short == "lm_head.weight" or short.endswith((".attn.bias", ".attn.masked_bias")):
            continue  # the embedding once more, and masks that older checkpoints carry along
        parts = short.split(".")
        prefix, begin = (f"blocks.{parts[1]}.", 2) if parts[0] == "h" else ("", 0)
        inner = ".".join(parts[begin:-1])
        ours = f"{prefix}{names.get(inner, inner)}.{parts[-1]}"
        found[ours] = one.T if ours.endswith(_TURNED) and one.dim() == 2 else one
    return found


def to_hub_names(weights: Mapping[str, Tensor], names: Mapping[str, str] = NAMES) -> dict[str, Tensor]:
    """The Hub's from ours."""
    back = {ours: theirs for theirs, ours in names.items()}
    found = {}
    for name, one in weights.items():
        parts = name.split(".")
        if parts[0] == "blocks":
            theirs = f"transformer.h.{parts[1]}.{back[parts[2]]}.{parts[3]}"
        else:
            theirs = f"transformer.{back[parts[0]]}.{parts[1]}"
        found[theirs] = one.T if name.endswith(_TURNED) else one
    return found
