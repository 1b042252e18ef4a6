"""ALBERT (Lan and others, "ALBERT: A Lite BERT for Self-supervised Learning of Language Representations", 2020).

    ids, segments (batch, n) → token + position + segment embedding (batch, n, width) → layer_norm → dropout
      → widened: W e + b → hidden (batch, n, dim)
      → { BERT's block, the same weights again and again } × layers, of which ``groups`` stretches share one each
    head of words   gelu(W h + b), narrow again → layer_norm → scores by the token embedding, + a bias
    pooled          tanh(W h + b) of the first token                      (order of sentences, classes)

What differs from BERT is the number of weights, not the computation. The token embedding is narrow, V × width weights
instead of V × dim (section 3.1), and all layers are one layer applied many times, so that twelve weigh as much as one.
Whether a sentence is the next one, which its topic gives away, is no longer asked; it is whether two sentences that do
follow each other were swapped (``PreTraining``). The second version drops nothing out, as the paper advises.

A group is ``inner`` blocks, mostly 1; layer i of L belongs to group ⌊i / (L / groups)⌋, and runs the whole group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from groundup.stack.models.bert import BertBlock, BertConfig, WordHead
from groundup.stack.models.checkpoints import HubSettings, refuse_unusual, require_type
from groundup.stack.models.encoder import EncoderModel, SpanModel, encoder_settings
from groundup.stack.models.names import NameTable
from groundup.stack.models.output import Output, label_loss
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.normalization import LayerNorm


@dataclass(frozen=True)
class AlbertConfig(BertConfig):
    """BERT's, and: the embedding's ``width``, how many ``groups`` share weights, blocks ``inner`` a group."""

    vocab: int = 30000
    activation: str = "gelu_new"
    dropout: float = 0.0
    attention_dropout: float = 0.0
    head_dropout: float | None = 0.1
    width: int = 128
    groups: int = 1
    inner: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.groups <= self.layers:
            raise ValueError(f"groups must be from 1 to layers: {self.groups} and {self.layers}")

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> AlbertConfig:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, "albert")
        refuse_unusual(config, {"net_structure_type": 0, "gap_size": 0, "num_memory_blocks": 0, "down_scale_factor": 1})
        config = HubSettings({**_USUAL, **config})
        return cls(
            **encoder_settings({**config, "classifier_dropout": config["classifier_dropout_prob"]}),
            width=config["embedding_size"],
            groups=config["num_hidden_groups"],
            inner=config["inner_group_num"],
        )

    def to_hub(self) -> dict[str, Any]:
        settings = super().to_hub()
        del settings["classifier_dropout"]
        return settings | {
            "model_type": "albert",
            "embedding_size": self.width,
            "num_hidden_groups": self.groups,
            "inner_group_num": self.inner,
            "classifier_dropout_prob": self.head_dropout,
        }


_USUAL = {
    "embedding_size": 128, "num_hidden_groups": 1, "inner_group_num": 1, "hidden_act": "gelu_new",
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout_prob": 0.1,
    "max_position_embeddings": 512, "type_vocab_size": 2,
}  # fmt: skip
"""What a file of the Hub means by leaving it out."""


class Albert(nn.Module):
    """The encoder: ids to hidden states. ``groups[g][j]`` is the j-th block of group g."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab, config.width)
        self.positions = nn.Embedding(config.context, config.width)
        self.segments = nn.Embedding(config.segments, config.width)
        self.norm = LayerNorm(config.width, config.eps)
        self.dropout = nn.Dropout(config.dropout)
        self.widen = Linear(config.width, config.dim)
        self.groups = nn.ModuleList(
            nn.ModuleList(BertBlock(config) for _ in range(config.inner)) for _ in range(config.groups)
        )

    def forward(self, ids: Tensor, attention_mask: Tensor | None = None, token_types: Tensor | None = None) -> Tensor:
        """ids (batch, n) to hidden states (batch, n, dim). Raises ValueError for a text longer than the context."""
        n, config = ids.shape[-1], self.config
        if n > config.context:
            raise ValueError(f"the text has {n} tokens, the context of this model {config.context}")
        segments = torch.zeros_like(ids) if token_types is None else token_types
        x = self.tokens(ids) + self.positions(torch.arange(n, device=ids.device)) + self.segments(segments)
        x = self.widen(self.dropout(self.norm(x)))
        mask = None if attention_mask is None else attention_mask.bool()[:, None, None, :]
        for layer in range(config.layers):
            group = self.groups[int(layer / (config.layers / config.groups))]
            assert isinstance(group, nn.ModuleList)
            for block in group:
                x = block(x, mask)
        result: Tensor = x
        return result


class AlbertModel(EncoderModel):
    """The bare encoder, with its pooled layer or not; the heads below are this and something more."""

    family = "Albert"
    config_type: ClassVar = AlbertConfig
    config: AlbertConfig
    encoder: Albert

    def __init__(self, config: AlbertConfig, pooler: bool = True) -> None:
        super().__init__(config, Albert(config), Linear(config.dim, config.dim) if pooler else None)
        self.begin()

    @classmethod
    def names(cls, config: AlbertConfig) -> NameTable:
        return names_of()

    def head_dropout(self) -> nn.Dropout:
        share = self.config.head_dropout
        return nn.Dropout(self.config.dropout if share is None else share)


class MaskedLM(AlbertModel):
    """Words for masked places. ``labels`` (batch, n): the true tokens, IGNORED where nothing was asked."""

    architecture = "ForMaskedLM"

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config, pooler=False)
        self.words = WordHead(config, config.width)
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.words(hidden, self.encoder.tokens.weight)
        return result


class PreTraining(AlbertModel):
    """ALBERT's two objectives at once: masked words and the order of two sentences.

    ``logits`` are those of the words, ``sentence_order`` gives (batch, 2): row 0 is "as they stood". ``labels`` are
    those of the words; with ``swapped`` (batch,), 1 = the second sentence came first, the loss is the sum of both.
    """

    architecture = "ForPreTraining"

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(replace(config, labels=2))
        self.words = WordHead(config, config.width)
        self.order = Linear(config.dim, 2)
        self.dropout = self.head_dropout()
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.words(hidden, self.encoder.tokens.weight)
        return result

    def sentence_order(self, output: Output) -> Tensor:
        result: Tensor = self.order(self.dropout(output.pooled))
        return result

    def forward(
        self,
        ids: Tensor,
        attention_mask: Tensor | None = None,
        token_types: Tensor | None = None,
        labels: Tensor | None = None,
        attentions: bool = False,
        swapped: Tensor | None = None,
    ) -> Output:
        output = super().forward(ids, attention_mask, token_types, labels, attentions)
        if swapped is None or output.loss is None:
            return output
        return replace(output, loss=output.loss + label_loss(self.sentence_order(output), swapped))


class SequenceClassifier(AlbertModel):
    """One class for a whole text, or for a pair of texts. ``labels`` (batch,)."""

    architecture = "ForSequenceClassification"

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config)
        self.classes = Linear(config.dim, config.labels)
        self.dropout = self.head_dropout()
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.classes(self.dropout(pooled))
        return result


class TokenClassifier(AlbertModel):
    """One class for every token. ``labels`` (batch, n), IGNORED where a token has none."""

    architecture = "ForTokenClassification"

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config, pooler=False)
        self.classes = Linear(config.dim, config.labels)
        self.dropout = self.head_dropout()
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.classes(self.dropout(hidden))
        return result


class QuestionAnswerer(SpanModel, AlbertModel):
    """Where an answer begins and ends, as SpanModel says."""

    architecture = "ForQuestionAnswering"

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(replace(config, labels=2), pooler=False)
        self.span = Linear(config.dim, 2)
        self.begin()


_BLOCK = {
    "attention.query": "q",
    "attention.key": "k",
    "attention.value": "v",
    "attention.dense": "o",
    "attention.LayerNorm": "attention_norm",
    "ffn": "up",
    "ffn_output": "down",
    "full_layer_layer_norm": "feed_norm",
}
_OTHERS = {
    "albert.embeddings.word_embeddings": "encoder.tokens",
    "albert.embeddings.position_embeddings": "encoder.positions",
    "albert.embeddings.token_type_embeddings": "encoder.segments",
    "albert.embeddings.LayerNorm": "encoder.norm",
    "albert.encoder.embedding_hidden_mapping_in": "encoder.widen",
    "albert.pooler": "pooler",
    "predictions.dense": "words.dense",
    "predictions.LayerNorm": "words.norm",
    "predictions.bias": "words.bias",
    "sop_classifier.classifier": "order",
    "classifier": "classes",
    "qa_outputs": "span",
}


def names_of() -> NameTable:
    """The names of all weights."""
    block = "albert.encoder.albert_layer_groups.{}.albert_layers.{}."
    pairs = {block + theirs: f"encoder.groups.{{}}.{{}}.{ours}" for theirs, ours in _BLOCK.items()} | _OTHERS
    again = ("predictions.decoder.weight", "predictions.decoder.bias", "albert.embeddings.position_ids")
    return NameTable(pairs, "albert.", again)
