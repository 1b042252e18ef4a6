"""Mistral 7B (Jiang and others, "Mistral 7B", 2023).

    ids (batch, n) → embedding (batch, n, dim)
      → { x + attention(rms_norm(x)), each token seeing the last ``window`` only; x + swiglu(rms_norm(x)) } × layers
      → rms_norm → head → logits (batch, n, vocab)

What differs from Llama: a token attends to itself and to the ``window - 1`` tokens before it (section 2, "Sliding
Window Attention"); what lies farther back still reaches it, one window a layer. Everything else is Llama with fewer key
and value heads, and so is the code: this file has the settings alone. Later Mistrals, from 7B v0.2 on, have no window
(``sliding_window`` is null). The paper's rolling buffer, a cache no longer than the window, is not here: our cache
keeps all that it was given, and the mask hides what is too old, which gives the same results in more memory.
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

_DEFAULTS = {"num_key_value_heads": 8, "sliding_window": 4096}


@dataclass(frozen=True)
class MistralConfig(LlamaConfig):
    """``windows`` has the same window for every layer, or is empty."""

    model_type: ClassVar[str] = "mistral"
    architecture: ClassVar[str] = "MistralForCausalLM"

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> Self:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        found = super().from_hub({**_DEFAULTS, **config})
        if config.get("layer_types"):
            raise CheckpointError(f"layer_types = {config['layer_types']} is not supported: all layers are alike here")
        window = config.get("sliding_window", _DEFAULTS["sliding_window"])
        return replace(found, windows=(window,) * found.layers if window else ())

    def to_hub(self) -> dict[str, Any]:
        if len(set(self.windows)) > 1:
            raise ValueError(f"Mistral's layers have one window: {self.windows}")
        return {**super().to_hub(), "sliding_window": self.windows[0] or None if self.windows else None}


class Mistral:
    """``Llama(MistralConfig(…))`` is a Mistral, with Llama's names of weights; this is how one is read."""

    @staticmethod
    def from_pretrained(place: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> llama.Llama:
        """A model from a folder in the Hub's format, or from a repository of the Hub."""
        return llama.load_pretrained(place, dtype, MistralConfig)
