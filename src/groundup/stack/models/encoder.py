"""What the families of encoders share: the way from ids through a head to an Output, reading and writing.

    config.json ── config_type.from_hub ──► configuration ──► encoder, head ◄── names ── model.safetensors
    ids ── encoder ──► hidden ── pool ──► pooled ── scores ──► logits ── loss ──► Output

A family's file has its configuration (``from_hub``, ``to_hub``), its encoder (called with ids, attention mask and token
types; its token embedding is ``tokens``), the table of its names, and its heads, each a subclass that adds layers and
says what ``scores`` and ``loss`` are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.models.checkpoints import (
    CheckpointError,
    HubSettings,
    find_folder,
    load_weights,
    read_config,
    read_weights,
    refuse_unusual,
    write_checkpoint,
)
from groundup.stack.models.names import NameTable
from groundup.stack.models.output import Output, class_loss, span_loss
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import recorded_attention

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "gelu_new": lambda x: functional.gelu(x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "relu": functional.relu,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
}


def encoder_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that all encoders have, from the Hub's names to ours. What a family's files may leave out is put in
    by its own ``from_hub``. Raises CheckpointError for what is missing and for what no encoder here computes."""
    config = HubSettings(config)
    refuse_unusual(
        config,
        {
            "position_embedding_type": "absolute",
            "is_decoder": False,
            "add_cross_attention": False,
            "tie_word_embeddings": True,
        },
    )
    activation = config.get("hidden_act", "gelu")
    if activation not in ACTIVATIONS:
        raise CheckpointError(f"hidden_act {activation!r} is not supported; {', '.join(ACTIVATIONS)} are")
    return {
        "vocab": config["vocab_size"],
        "dim": config["hidden_size"],
        "layers": config["num_hidden_layers"],
        "heads": config["num_attention_heads"],
        "hidden": config["intermediate_size"],
        "context": config["max_position_embeddings"],
        "segments": config["type_vocab_size"],
        "eps": config.get("layer_norm_eps", 1e-12),
        "pad_id": config.get("pad_token_id", 0),
        "activation": activation,
        "dropout": config.get("hidden_dropout_prob", 0.1),
        "attention_dropout": config.get("attention_probs_dropout_prob", 0.1),
        "head_dropout": config.get("classifier_dropout"),
        "labels": number_of_labels(config),
    }


def number_of_labels(config: Mapping[str, Any]) -> int:
    """How many classes the Hub's configuration has: the names of them, or their number, or 2."""
    names = config.get("id2label")
    return len(names) if names else config.get("num_labels", 2)


class HeadedModel(nn.Module):
    """An encoder, with a head or without. ``pooler`` is a layer over the first token, where the model has one."""

    family: ClassVar[str]
    """What the Hub's names of this family's models begin with."""
    architecture: ClassVar[str] = "Model"
    """What they go on with: the head."""
    config_type: ClassVar[Any]
    config: Any
    encoder: nn.Module

    def __init__(self, config: Any, encoder: nn.Module, pooler: Linear | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.pooler = pooler

    def output(self, hidden: Tensor, labels: Tensor | None, attentions: list[Tensor] | None) -> Output:
        """From hidden states on: the head, and the loss where there are labels."""
        pooled = self.pool(hidden)
        logits = self.scores(hidden, pooled)
        if labels is not None and logits is None:
            raise ValueError(f"{type(self).__name__} has no head that labels could be compared with")
        loss = None if labels is None or logits is None else self.loss(logits, labels)
        return Output(hidden, logits, loss, pooled, None if attentions is None else tuple(attentions))

    def pool(self, hidden: Tensor) -> Tensor | None:
        """hidden (batch, n, dim) to one vector a text (batch, dim), where there is a layer for it."""
        return torch.tanh(self.pooler(hidden[:, 0])) if self.pooler is not None else None

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor | None:
        """The head; the bare encoder has none."""
        return None

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return class_loss(logits, labels)

    # ── the Hub's format ─────────────────────────────────────────────────────

    @classmethod
    def names(cls, config: Any) -> NameTable:
        """The names of all weights."""
        raise NotImplementedError

    def hub_name(self) -> str:
        return self.family + self.architecture

    @classmethod
    def from_pretrained(
        cls, place: str | os.PathLike[str], dtype: torch.dtype = torch.float32, labels: int | None = None
    ) -> Self:
        """A model from a folder in the Hub's format, or from a repository of the Hub.

        Where the checkpoint was written by a model with another head, only its encoder is read, and this head is new:
        so begins fine-tuning, with ``labels`` classes. Raises CheckpointError where anything else does not fit.
        """
        folder = find_folder(place)
        settings = read_config(folder)
        written = cls.config_type.from_hub(settings)
        build: Any = cls  # every family's models are built from their configuration alone
        model: Self = build(written if labels is None else replace(written, labels=labels)).to(dtype)
        table = cls.names(model.config)
        weights = table.ours(read_weights(folder))
        if cls.architecture == "Model" and "pooler.weight" not in weights:
            model.pooler = None  # not every head has use for it
        head = {name: one for name, one in model.state_dict().items() if not name.startswith("encoder.")}
        named = settings.get("architectures")
        if (model.hub_name() in named if named else head.keys() <= weights.keys()) and labels in (None, written.labels):
            # Files hold more heads than they name: BERT's own, for masked words, has that of the next sentence as well.
            weights = {
                name: one
                for name, one in weights.items()
                if name.startswith("encoder.") or name in head or not table.knows(name)
            }
        else:
            kept = {name: one for name, one in weights.items() if name.startswith("encoder.")}
            pooler = {name: weights[name] for name in _POOLER if name in weights and name in head}
            weights = head | kept | pooler
        load_weights(model, weights)
        return model

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the model so that transformers, and whatever reads its format, can load it."""
        dtype = str(next(self.parameters()).dtype).removeprefix("torch.")
        config = {**self.config.to_hub(), "architectures": [self.hub_name()], "torch_dtype": dtype}
        weights = self.names(self.config).theirs(self.state_dict())
        if self.architecture == "Model":  # the Hub's bare encoder has no name of its own before its weights
            weights = {name.split(".", 1)[1]: one for name, one in weights.items()}
        write_checkpoint(folder, config, weights)


_POOLER = ("pooler.weight", "pooler.bias")


class EncoderModel(HeadedModel):
    """An encoder of texts, with a head or without."""

    def begin(self) -> None:
        """First weights, as BERT's appendix has them: normal with a deviation of 0.02; biases and the padding 0."""
        for one in self.parameters():
            if one.dim() >= 2:
                nn.init.normal_(one, std=0.02)
        with torch.no_grad():
            self.encoder.get_parameter("tokens.weight")[self.config.pad_id].zero_()

    def forward(
        self,
        ids: Tensor,
        attention_mask: Tensor | None = None,
        token_types: Tensor | None = None,
        labels: Tensor | None = None,
        attentions: bool = False,
    ) -> Output:
        """ids (batch, n) to an Output. What ``labels`` are is each head's to say; the bare encoder has none."""
        with recorded_attention() if attentions else nullcontext() as kept:
            hidden = self.encoder(ids, attention_mask, token_types)
        return self.output(hidden, labels, kept)


class SpanModel(EncoderModel):
    """Where an answer begins and ends. ``logits`` (batch, n, 2); ``labels`` (batch, 2): the two places.

    Places beyond the text, as a window without the answer has them, do not count. A family adds the layer ``span``.
    """

    span: Linear

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.span(hidden)
        return result

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return span_loss(logits, labels)
