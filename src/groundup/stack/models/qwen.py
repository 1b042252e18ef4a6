"""Qwen2 (Yang and others, "Qwen2 Technical Report", 2024) and Qwen3 (Yang and others, "Qwen3 Technical Report", 2025).

    ids (batch, n) → embedding (batch, n, dim)
      → { x + attention(rms_norm(x)); x + swiglu(rms_norm(x)) } × layers → rms_norm → head → logits (batch, n, vocab)

    Qwen2  q, k, v = W x + b             biases there and nowhere else
    Qwen3  q, k = rms_norm(W x)          in each head, before they are turned by their positions; no biases

What differs from Llama is those two lines, so that this file has settings alone; the dense models are here, not those
with experts. Both families may let the upper layers see a sliding window only: ``use_sliding_window`` switches it on,
from layer ``max_window_layers`` up, or layer by layer where ``layer_types`` says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch

from groundup.stack.models import llama
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.llama import LlamaConfig

_WIDE, _NARROW = "full_attention", "sliding_attention"


def read_windows(config: Mapping[str, Any]) -> tuple[int, ...]:
    """The window of each layer, 0 = sees all before it; empty where no layer has one.

    Raises CheckpointError where the settings contradict one another.
    """
    layers = config["num_hidden_layers"]
    window: int = (config.get("sliding_window", 4096) or 0) if config.get("use_sliding_window") else 0
    kinds = config.get("layer_types") or [
        _NARROW if window and layer >= config.get("max_window_layers", 28) else _WIDE for layer in range(layers)
    ]
    if len(kinds) != layers or not set(kinds) <= {_WIDE, _NARROW} or (_NARROW in kinds and not window):
        raise CheckpointError(
            f"layer_types = {kinds} is not supported with {layers} layers and a sliding_window of {window}"
        )
    return tuple(window if kind == _NARROW else 0 for kind in kinds) if _NARROW in kinds else ()


@dataclass(frozen=True)
class Qwen2Config(LlamaConfig):
    """``windows`` has one width for the layers that have a window, 0 for the others, or is empty."""

    model_type: ClassVar[str] = "qwen2"
    architecture: ClassVar[str] = "Qwen2ForCausalLM"
    qkv_bias: bool = True

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> Self:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        found = super().from_hub({"num_key_value_heads": 32, **config})
        return replace(found, windows=read_windows(config))

    def to_hub(self) -> dict[str, Any]:
        widths = set(self.windows) - {0}
        if len(widths) > 1:
            raise ValueError(f"Qwen's layers have one window, where they have one: {self.windows}")
        kinds = [_NARROW if width else _WIDE for width in self.windows or (0,) * self.layers]
        found = {
            **super().to_hub(),
            "use_sliding_window": bool(widths),
            "sliding_window": max(widths, default=None),
            "max_window_layers": kinds.index(_NARROW) if widths else self.layers,
            "layer_types": kinds,
        }
        del found["attention_bias"], found["mlp_bias"]
        return found


@dataclass(frozen=True)
class Qwen3Config(Qwen2Config):
    """As :class:`Qwen2Config`, with norms in the place of biases; a head is 128 wide where no other width is given."""

    model_type: ClassVar[str] = "qwen3"
    architecture: ClassVar[str] = "Qwen3ForCausalLM"
    qkv_bias: bool = False
    qk_norm: bool = True

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> Self:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        return super().from_hub({"head_dim": 128, **config})


class Qwen2:
    """``Llama(Qwen2Config(…))`` is a Qwen2, with Llama's names of weights; this is how one is read."""

    @staticmethod
    def from_pretrained(place: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> llama.Llama:
        """A model from a folder in the Hub's format, or from a repository of the Hub."""
        return llama.load_pretrained(place, dtype, Qwen2Config)


class Qwen3:
    """``Llama(Qwen3Config(…))`` is a Qwen3; the weights of its norms are ``blocks.{i}.{q,k}_norm.weight``."""

    @staticmethod
    def from_pretrained(place: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> llama.Llama:
        """A model from a folder in the Hub's format, or from a repository of the Hub."""
        return llama.load_pretrained(place, dtype, Qwen3Config)
