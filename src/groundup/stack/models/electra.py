"""ELECTRA (Clark and others, "ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators", 2020).

    ids, segments (batch, n) → token + position + segment embedding (batch, n, width) → layer_norm → dropout
      → W e + b, where width is not dim → hidden (batch, n, dim) → BERT's blocks
    generator       gelu(W h + b) → layer_norm → scores by the token embedding, + a bias      (MaskedLM)
    discriminator   W (gelu(W h + b)) + b: one score a token, is it replaced?                 (ReplacedTokenDetector)

    text ─ masked ─► generator ─ a token drawn at each masked place ─► discriminator: which are not the text's own?

What differs from BERT is the training (:class:`Electra`): a small generator learns to fill masked places, and the
model that is kept learns to find what the generator wrote. Every token is a question, not only the masked 15 %, and
the [MASK] that fine-tuning never shows is not seen. There is no adversary: the generator is trained by likelihood
alone. The encoder is BERT's, but for an embedding of its own width, which both models share. Nothing is pooled: classes
are read from the first token by two layers of the classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.models.bert import Bert, BertConfig, WordHead
from groundup.stack.models.checkpoints import HubSettings, require_type
from groundup.stack.models.encoder import ACTIVATIONS, EncoderModel, SpanModel, encoder_settings
from groundup.stack.models.names import NameTable
from groundup.stack.models.output import IGNORED, Output, binary_loss
from groundup.stack.nn.layers import Linear
from groundup.stack.objectives.replaced import replace_tokens


@dataclass(frozen=True)
class ElectraConfig(BertConfig):
    """BERT's, and the embedding's ``width``. The defaults are those of the small model."""

    dim: int = 256
    heads: int = 4
    hidden: int = 1024
    width: int = 128

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> ElectraConfig:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, "electra")
        config = HubSettings({"max_position_embeddings": 512, "type_vocab_size": 2, **config})
        return cls(**encoder_settings(config), width=config.get("embedding_size", 128))

    def to_hub(self) -> dict[str, Any]:
        return super().to_hub() | {"model_type": "electra", "embedding_size": self.width}


class ElectraEncoder(Bert):
    """BERT's, with an embedding of its own width and, where that is not dim, a projection behind it."""

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config, config.width)
        self.project = Linear(config.width, config.dim) if config.width != config.dim else None

    def embed(self, ids: Tensor, token_types: Tensor | None = None) -> Tensor:
        x = super().embed(ids, token_types)
        return x if self.project is None else self.project(x)


class ElectraModel(EncoderModel):
    """The bare encoder; the heads below are this and something more."""

    family = "Electra"
    config_type: ClassVar = ElectraConfig
    config: ElectraConfig
    encoder: ElectraEncoder

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config, ElectraEncoder(config))
        self.begin()

    @classmethod
    def names(cls, config: ElectraConfig) -> NameTable:
        return names_of(cls.architecture)

    def head_dropout(self) -> nn.Dropout:
        share = self.config.head_dropout
        return nn.Dropout(self.config.dropout if share is None else share)


class MaskedLM(ElectraModel):
    """The generator: words for masked places. ``labels`` (batch, n): the true tokens, IGNORED where nothing was asked.

    Its head has the exact GELU, whatever the encoder's activation.
    """

    architecture = "ForMaskedLM"

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config)
        self.words = WordHead(config, config.width, activation="gelu")
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.words(hidden, self.encoder.tokens.weight)
        return result


class ReplacedTokenDetector(ElectraModel):
    """The discriminator. ``logits`` (batch, n), above 0 for "replaced"; ``labels`` (batch, n), 1 where it was.

    Padding does not count, nor does what is IGNORED.
    """

    architecture = "ForPreTraining"

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config)
        self.dense = Linear(config.dim, config.dim)
        self.replaced = Linear(config.dim, 1)
        self.begin()

    def forward(
        self,
        ids: Tensor,
        attention_mask: Tensor | None = None,
        token_types: Tensor | None = None,
        labels: Tensor | None = None,
        attentions: bool = False,
    ) -> Output:
        if labels is not None and attention_mask is not None:
            labels = torch.where(attention_mask.bool(), labels, IGNORED)
        return super().forward(ids, attention_mask, token_types, labels, attentions)

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.replaced(ACTIVATIONS[self.config.activation](self.dense(hidden)))
        return result.squeeze(-1)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return binary_loss(logits, labels)


class Electra(nn.Module):
    """Both models in training: loss of the generator + ``weight`` · loss of the discriminator (section 2; 50 there).

    The two share their embeddings (section 3.2), so that these learn from both; the generator's blocks are narrower, a
    quarter to a half of the discriminator's. What is kept is ``discriminator``; each writes a checkpoint of its own.
    Raises ValueError where the embeddings' shapes differ.
    """

    def __init__(self, generator: MaskedLM, discriminator: ReplacedTokenDetector, weight: float = 50.0) -> None:
        super().__init__()
        for name in ("vocab", "width", "context", "segments"):
            one, other = getattr(generator.config, name), getattr(discriminator.config, name)
            if one != other:
                raise ValueError(f"embeddings are shared, so {name} must be the same: {one} and {other}")
        self.generator, self.discriminator, self.weight = generator, discriminator, weight
        for name in ("tokens", "positions", "segments", "norm"):
            setattr(generator.encoder, name, getattr(discriminator.encoder, name))

    def forward(
        self,
        ids: Tensor,
        labels: Tensor,
        attention_mask: Tensor | None = None,
        token_types: Tensor | None = None,
        draw: torch.Generator | None = None,
    ) -> Output:
        """ids (batch, n) with masked places and their true tokens as labels (IGNORED elsewhere): the discriminator's
        Output, with the loss of both. ``draw`` draws the generator's tokens."""
        filled: Output = self.generator(ids, attention_mask, token_types, labels)
        assert filled.loss is not None
        assert filled.logits is not None
        asked = labels != IGNORED
        corrupted, replaced = replace_tokens(torch.where(asked, labels, ids), asked, filled.logits, draw)
        judged: Output = self.discriminator(corrupted, attention_mask, token_types, replaced)
        assert judged.loss is not None
        return replace(judged, loss=filled.loss + self.weight * judged.loss)


class SequenceClassifier(ElectraModel):
    """One class for a whole text, or for a pair of texts. ``labels`` (batch,)."""

    architecture = "ForSequenceClassification"

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config)
        self.dense = Linear(config.dim, config.dim)
        self.classes = Linear(config.dim, config.labels)
        self.dropout = self.head_dropout()
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        first = functional.gelu(self.dense(self.dropout(hidden[:, 0])))
        result: Tensor = self.classes(self.dropout(first))
        return result


class TokenClassifier(ElectraModel):
    """One class for every token. ``labels`` (batch, n), IGNORED where a token has none."""

    architecture = "ForTokenClassification"

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config)
        self.classes = Linear(config.dim, config.labels)
        self.dropout = self.head_dropout()
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.classes(self.dropout(hidden))
        return result


class QuestionAnswerer(SpanModel, ElectraModel):
    """Where an answer begins and ends, as SpanModel says."""

    architecture = "ForQuestionAnswering"

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(replace(config, labels=2))
        self.span = Linear(config.dim, 2)
        self.begin()


_BLOCK = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "o",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "feed_norm",
}
_OTHERS = {
    "electra.embeddings.word_embeddings": "encoder.tokens",
    "electra.embeddings.position_embeddings": "encoder.positions",
    "electra.embeddings.token_type_embeddings": "encoder.segments",
    "electra.embeddings.LayerNorm": "encoder.norm",
    "electra.embeddings_project": "encoder.project",
    "generator_predictions.dense": "words.dense",
    "generator_predictions.LayerNorm": "words.norm",
    "generator_lm_head.bias": "words.bias",
    "qa_outputs": "span",
}
_CLASSES = {
    ReplacedTokenDetector.architecture: {
        "discriminator_predictions.dense": "dense",
        "discriminator_predictions.dense_prediction": "replaced",
    },
    SequenceClassifier.architecture: {"classifier.dense": "dense", "classifier.out_proj": "classes"},
    TokenClassifier.architecture: {"classifier": "classes"},
}


def names_of(architecture: str) -> NameTable:
    """The names of all weights; what ours call ``dense`` has another name in each head."""
    pairs = {f"electra.encoder.layer.{{}}.{theirs}": f"encoder.blocks.{{}}.{ours}" for theirs, ours in _BLOCK.items()}
    pairs |= _OTHERS | _CLASSES.get(architecture, {})
    return NameTable(pairs, "electra.", ("generator_lm_head.weight", "electra.embeddings.position_ids"))
