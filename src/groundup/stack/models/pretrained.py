"""What models share that are read and written as a whole, with no head to be exchanged: the Hub's format, both ways.

    config.json ── config_type.from_hub ──► configuration ──► model ◄── names ── model.safetensors

The encoders of texts and ViT, whose heads come and go, have :class:`.encoder.HeadedModel` instead; GPT-2 and Llama,
which a learner's model may replace, do it by themselves.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from groundup.stack.models.checkpoints import find_folder, load_weights, read_config, read_weights, write_checkpoint
from groundup.stack.models.names import NameTable


class PretrainedModel(nn.Module):
    """A model that is built from its configuration alone."""

    architecture: ClassVar[str]
    """The name of its class on the Hub."""
    config_type: ClassVar[Any]
    config: Any

    @classmethod
    def names(cls, config: Any) -> NameTable:
        """The names of all weights."""
        raise NotImplementedError

    def cast(self, dtype: torch.dtype) -> Self:
        """The model itself with weights of that type."""
        return self.to(dtype)

    def wanted(self, weights: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """Those of a file's weights, under our names, that are to fit the model: all, if a family says nothing else."""
        return weights

    @classmethod
    def from_pretrained(cls, place: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> Self:
        """A model from a folder in the Hub's format, or from a repository of the Hub. Raises CheckpointError where
        something does not fit."""
        folder = find_folder(place)
        settings = read_config(folder)
        build: Any = cls
        model: Self = build(cls.config_type.from_hub(settings)).cast(dtype)
        weights = cls.names(model.config).ours(read_weights(folder))
        load_weights(model, model.wanted(weights, settings))
        return model

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the model so that transformers, and whatever reads its format, can load it."""
        dtype = str(next(self.parameters()).dtype).removeprefix("torch.")
        config = {**self.config.to_hub(), "architectures": [self.architecture], "torch_dtype": dtype}
        write_checkpoint(folder, config, self.names(self.config).theirs(self.state_dict()))
