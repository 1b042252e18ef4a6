"""GPT-3 (Brown and others, "Language Models are Few-Shot Learners", 2020), and GPT-Neo (Black and others, 2021).

    ids (batch, n) → token embedding + learned position (batch, n, dim)
      → { x + attention(layer_norm(x)); x + mlp(layer_norm(x)) } × layers → layer_norm → logits (batch, n, vocab)
           over all that came before in one layer, over the nearest of it, a band, in the next

What differs from GPT-2 (section 2.1), besides size: layers are dense and locally banded in turn, after the Sparse
Transformer of Child and others (2019). The paper says neither how wide the band is nor whether a dense layer comes
first, and its weights are not public: ``windows`` of the configuration says both, and :func:`alternating` makes the
order that GPT-Neo took, dense first. Our files call it ``gpt3``, a name that transformers does not know.

GPT-Neo is the open model after this plan. It differs in that queries, keys and values have no bias, and that the scores
are *not* divided by √head_dim: its files are read with their own ``model_type``, and computed so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from groundup.stack.models.checkpoints import CheckpointError, refuse_unusual, require_type
from groundup.stack.models.gpt2 import GPT2, GPT2Config, require_gelu


def alternating(layers: int, width: int) -> tuple[int, ...]:
    """The windows of ``layers`` layers, of which every other one, from the second on, sees ``width`` positions."""
    return tuple(width if layer % 2 else 0 for layer in range(layers))


def read_windows(config: Mapping[str, Any], layers: int) -> tuple[int, ...]:
    """Windows from the Hub's ``attention_types``, [[["global", "local"], 2], …]: kinds of layers, and how many times.

    Raises CheckpointError for other kinds, or another number of layers than the model has.
    """
    written = config.get("attention_types") or [[["global", "local"], 12]]
    kinds = [kind for group, times in written for _ in range(times) for kind in group]
    if len(kinds) != layers or not set(kinds) <= {"global", "local"}:
        raise CheckpointError(f"attention_types = {written} is not supported with {layers} layers")
    return tuple(config.get("window_size", 256) if kind == "local" else 0 for kind in kinds)


def write_windows(windows: Sequence[int], layers: int) -> dict[str, Any]:
    """The inverse of :func:`read_windows`. Raises ValueError for windows of more than one width."""
    widths = set(windows) - {0}
    if len(widths) > 1:
        raise ValueError(f"bands of different widths cannot be written: {tuple(windows)}")
    kinds = ["local" if width else "global" for width in windows or (0,) * layers]
    return {"attention_types": [[kinds, 1]], "window_size": max(widths, default=256)}


@dataclass(frozen=True)
class GPT3Config(GPT2Config):
    """GPT-2's settings and ``windows``."""

    model_type: ClassVar[str] = "gpt3"
    architecture: ClassVar[str] = "GPT3LMHeadModel"
    context: int = 2048

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> Self:
        """From the ``config.json`` of :meth:`to_hub`. Raises CheckpointError for what this file does not compute."""
        found = super().from_hub(config)
        return replace(found, windows=read_windows(config, found.layers))

    def to_hub(self) -> dict[str, Any]:
        return {**super().to_hub(), **write_windows(self.windows, self.layers)}


class GPT3(GPT2):
    """A GPT-2 some of whose layers see a band."""

    config_type = GPT3Config


@dataclass(frozen=True)
class GPTNeoConfig(GPT2Config):
    """As :class:`GPT3Config`, with unscaled scores and without biases on queries, keys and values."""

    model_type: ClassVar[str] = "gpt_neo"
    architecture: ClassVar[str] = "GPTNeoForCausalLM"
    context: int = 2048
    qkv_bias: bool = False
    scaled: bool = False

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> Self:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, cls.model_type)
        require_gelu(config)
        refuse_unusual(config, {"tie_word_embeddings": True})
        return cls(
            vocab=config["vocab_size"],
            context=config["max_position_embeddings"],
            dim=config["hidden_size"],
            layers=config["num_layers"],
            heads=config["num_heads"],
            hidden=config.get("intermediate_size"),
            eps=config.get("layer_norm_epsilon", 1e-5),
            windows=read_windows(config, config["num_layers"]),
        )

    def to_hub(self) -> dict[str, Any]:
        if self.qkv_bias or self.scaled:
            raise ValueError("GPT-Neo has no biases on queries, keys and values, and does not scale its scores")
        return {
            "architectures": [self.architecture],
            "model_type": self.model_type,
            "vocab_size": self.vocab,
            "max_position_embeddings": self.context,
            "hidden_size": self.dim,
            "num_layers": self.layers,
            "num_heads": self.heads,
            "intermediate_size": self.hidden,
            "layer_norm_epsilon": self.eps,
            "activation_function": "gelu_new",
            **write_windows(self.windows, self.layers),
        }


class GPTNeo(GPT2):
    """A GPT-2 with GPT-Neo's settings; its file has queries, keys and values apart, and matrices as (out, in)."""

    config_type = GPTNeoConfig

    @staticmethod
    def ours(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        found = {}
        for name, one in weights.items():
            short = name.removeprefix("transformer.")
            if short == "lm_head.weight" or short.endswith((".attention.bias", ".attention.masked_bias")):
                continue  # the embedding once more, and masks that older checkpoints carry along
            parts = short.split(".")
            prefix, begin = (f"blocks.{parts[1]}.", 2) if parts[0] == "h" else ("", 0)
            inner = ".".join(parts[begin:-1])
            found[f"{prefix}{_NAMES.get(inner, inner)}.{parts[-1]}"] = one
        for name in [name for name in found if name.endswith(".q.weight")]:
            three = [name.removesuffix("q.weight") + f"{one}.weight" for one in "qkv"]
            if len({found[one].shape for one in three if one in found}) == 1 and all(one in found for one in three):
                found[name.removesuffix("q.weight") + "qkv.weight"] = torch.cat([found.pop(one) for one in three])
        return found

    @staticmethod
    def theirs(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        back = {ours: theirs for theirs, ours in _NAMES.items()}
        found: dict[str, Tensor] = {}
        for name, one in weights.items():
            parts = name.split(".")
            prefix = "transformer." + (f"h.{parts[1]}." if parts[0] == "blocks" else "")
            stem, last = parts[-2:]
            if stem == "qkv":
                found |= {f"{prefix}{back[head]}.{last}": part for head, part in zip("qkv", one.chunk(3), strict=True)}
            else:
                found[f"{prefix}{back[stem]}.{last}"] = one
        return found


_NAMES = {
    "wte": "embedding",
    "wpe": "positions",
    "ln_f": "norm",
    "ln_1": "attention_norm",
    "ln_2": "feed_norm",
    "attn.attention.q_proj": "q",
    "attn.attention.k_proj": "k",
    "attn.attention.v_proj": "v",
    "attn.attention.out_proj": "o",
    "mlp.c_fc": "up",
    "mlp.c_proj": "down",
}
