"""StructBERT (Wang and others, "StructBERT: Incorporating Language Structures into Pre-training for Deep Language
Understanding", 2019).

    ids, segments (batch, n) ──► BERT's encoder ──► hidden (batch, n, dim)
    head of words      BERT's, for masked places and for places whose tokens were shuffled: what stood here?
    head of sentences  W tanh(W' h + b') + b of the first token: the second one 0 follows, 1 stands before, 2 neither

What differs from BERT is what it is asked (``objectives/structure.py`` and ``sentence_relation``), not what it
computes: the order of words, by some trigrams that are shuffled, and the order of sentences, by three classes in place
of two. What was masked and what was shuffled weigh the same (section 2, word objective); the loss of sentences is added
as BERT adds its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor

from groundup.stack.models import bert
from groundup.stack.models.bert import BertConfig, BertSuccessor, WordHead
from groundup.stack.models.checkpoints import require_type
from groundup.stack.models.encoder import encoder_settings
from groundup.stack.models.output import Output, label_loss
from groundup.stack.nn.layers import Linear


@dataclass(frozen=True)
class StructBertConfig(BertConfig):
    """BERT's."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.roberta:
            raise ValueError("StructBERT is no RoBERTa")

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> StructBertConfig:
        """From ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, "structbert")
        return cls(**encoder_settings(config))

    def to_hub(self) -> dict[str, Any]:
        return super().to_hub() | {"model_type": "structbert"}


class StructBertModel(BertSuccessor):
    """The bare encoder, with its pooled layer or not; the heads below are this and something more."""

    config_type: ClassVar = StructBertConfig

    def hub_name(self) -> str:
        return "StructBert" + self.architecture


class StructBert(StructBertModel):
    """The three objectives at once. ``logits`` are those of the words, ``sentence_relation`` gives (batch, 3).

    ``labels`` (batch, n) are the true tokens of masked places, ``shuffled`` (batch, n) those of the places whose tokens
    were shuffled, ``relation`` (batch,) what the second sentence is to the first. The loss is the sum of the means of
    those that are given.
    """

    architecture = "ForPreTraining"

    def __init__(self, config: StructBertConfig) -> None:
        super().__init__(config)
        self.words = WordHead(config)
        self.relation = Linear(config.dim, 3)
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.words(hidden, self.encoder.tokens.weight)
        return result

    def sentence_relation(self, output: Output) -> Tensor:
        result: Tensor = self.relation(output.pooled)
        return result

    def forward(
        self,
        ids: Tensor,
        attention_mask: Tensor | None = None,
        token_types: Tensor | None = None,
        labels: Tensor | None = None,
        attentions: bool = False,
        shuffled: Tensor | None = None,
        relation: Tensor | None = None,
    ) -> Output:
        output = super().forward(ids, attention_mask, token_types, labels, attentions)
        losses = [] if output.loss is None else [output.loss]
        if shuffled is not None and output.logits is not None:
            losses.append(label_loss(output.logits, shuffled))
        if relation is not None:
            losses.append(label_loss(self.sentence_relation(output), relation))
        return replace(output, loss=sum(losses[1:], losses[0])) if losses else output


class SequenceClassifier(StructBertModel, bert.SequenceClassifier):
    """One class for a whole text, or for a pair of texts. ``labels`` (batch,)."""


class TokenClassifier(StructBertModel, bert.TokenClassifier):
    """One class for every token. ``labels`` (batch, n), IGNORED where a token has none."""


class QuestionAnswerer(StructBertModel, bert.QuestionAnswerer):
    """Where an answer begins and ends, as SpanModel says."""
