"""UniLM (Dong and others, "Unified Language Model Pre-training for Natural Language Understanding and Generation",
2019).

    ids, segments (batch, n) ──► BERT's encoder, where row i of a mask (batch, n, n) says what token i attends to
                                 bidirectional   left to right   right to left   sequence to sequence
      from \\ to                   1 1 1 1 1        1 . . . .       1 1 1 1 1        1 1 . . .
      first segment: 2 tokens     1 1 1 1 1        1 1 . . .       . 1 1 1 1        1 1 . . .
      second segment: 3 tokens    1 1 1 1 1        1 1 1 . .       . . 1 1 1        1 1 1 . .
                                  1 1 1 1 1        1 1 1 1 .       . . . 1 1        1 1 1 1 .
                                  1 1 1 1 1        1 1 1 1 1       . . . . 1        1 1 1 1 1
    heads: BERT's, words for masked places and, of bidirectional texts, whether the second segment followed the first

What differs from BERT: nothing but the mask (section 2.2, M in equation 2) and the embedding of segments, which also
says which of the four language models is asked for. One set of weights learns all four, so that it reads from both
sides where a text is to be understood, and writes one token after the other where one is to be made: a [MASK] is put
behind the text, and what the model makes of it is the next token (:meth:`UniLM.write`).

Not here, because the paper has nothing of it: a cache. What is written changes nothing in what stands before it, but
every step replaces its [MASK] by a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from groundup.stack.models import bert
from groundup.stack.models.bert import BertConfig, BertSuccessor
from groundup.stack.models.checkpoints import CheckpointError, require_type
from groundup.stack.models.encoder import encoder_settings
from groundup.stack.models.output import Output
from groundup.stack.objectives.unilm import Kind

_SEGMENTS = ((0, 1), (2, 2), (3, 3), (4, 5))
"""The rows of the embedding for first and second segment of each kind, as in the authors' checkpoints."""


def attention_pattern(kinds: Tensor, token_types: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    """(batch, n, n), True where the token of a row may attend to that of a column.

    kinds (batch,) of Kind, token_types (batch, n) 0 or 1 for first and second segment, attention_mask (batch, n) True
    or 1 for what is no padding. Raises ValueError where shapes do not fit or a kind is none.
    """
    if kinds.shape != token_types.shape[:1] or token_types.dim() != 2:
        raise ValueError(
            f"kinds (batch,) and token_types (batch, n): got {tuple(kinds.shape)} and {tuple(token_types.shape)}"
        )
    if ((kinds < 0) | (kinds >= len(Kind))).any():
        raise ValueError(f"a kind is from 0 to {len(Kind) - 1}: got {kinds.tolist()}")
    batch, n = token_types.shape
    second = token_types.bool()
    place = torch.arange(n, device=kinds.device)
    back = (place[:, None] >= place).expand(batch, n, n)
    sequence = ~second[:, None, :] | (second[:, :, None] & back)
    four = torch.stack((torch.ones_like(back), back, back.mT, sequence))
    pattern = four[kinds, torch.arange(batch, device=kinds.device)]
    return pattern if attention_mask is None else pattern & attention_mask.bool()[:, None, :]


def segment_rows(kinds: Tensor, token_types: Tensor) -> Tensor:
    """(batch, n): the row of the embedding of segments for each token, from kinds (batch,) and token_types (batch, n),
    0 or 1."""
    return torch.tensor(_SEGMENTS, device=kinds.device)[kinds[:, None], token_types]


@dataclass(frozen=True)
class UniLMConfig(BertConfig):
    """BERT's, with an embedding of segments for each kind of language model."""

    segments: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.segments != 6 or self.roberta:
            raise ValueError(f"UniLM has 6 kinds of segments, and is no RoBERTa: got {self.segments}, {self.roberta}")

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> UniLMConfig:
        """From ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, "unilm")
        if config.get("type_vocab_size", 6) != 6:
            raise CheckpointError(f"type_vocab_size = {config['type_vocab_size']!r} is not supported, UniLM has 6")
        return cls(**encoder_settings({"type_vocab_size": 6, **config}))

    def to_hub(self) -> dict[str, Any]:
        return super().to_hub() | {"model_type": "unilm"}


class UniLMModel(BertSuccessor):
    """The bare encoder, as it reads from both sides; the heads below are this and something more.

    A BERT's folder is a beginning as well: the embeddings of its two segments are those of the other kinds, too, as the
    authors did it.
    """

    config_type: ClassVar = UniLMConfig
    extra: ClassVar[Mapping[str, Any]] = {"segments": 6}

    @classmethod
    def extended(cls, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        name = "encoder.segments.weight"
        first, second = weights[name][0], weights[name][-1]  # of a BERT that knows but one segment, twice that one
        return {**weights, name: torch.stack((first, second, first, first, first, second))}

    def hub_name(self) -> str:
        return "UniLM" + self.architecture


class UniLM(UniLMModel, bert.PreTraining):
    """The language model, of all four kinds: words for masked places, and whether a second segment followed.

    ``logits`` are those of the words, ``labels`` too; ``followed`` (batch,), 0 = it did, is IGNORED for texts of the
    other kinds, which are not asked.
    """

    def forward(
        self,
        ids: Tensor,
        attention_mask: Tensor | None = None,
        token_types: Tensor | None = None,
        labels: Tensor | None = None,
        attentions: bool = False,
        followed: Tensor | None = None,
        kinds: Tensor | None = None,
    ) -> Output:
        """ids (batch, n), token_types (batch, n) 0 or 1 for the segment, kinds (batch,) of Kind, all of them
        bidirectional where not given, to an Output."""
        if kinds is None:
            kinds = torch.full(ids.shape[:1], int(Kind.BIDIRECTIONAL), device=ids.device)
        if token_types is None:
            token_types = torch.zeros_like(ids)
        pattern = attention_pattern(kinds, token_types, attention_mask)
        return super().forward(ids, pattern, segment_rows(kinds, token_types), labels, attentions, followed)

    @torch.no_grad()
    def write(self, ids: Tensor, n: int, mask_id: int, kind: Kind = Kind.SEQUENCE_TO_SEQUENCE) -> Tensor:
        """The n likeliest tokens, one after the other, behind texts ids (batch, length) without padding: (batch, n).

        What is written is a second segment where the kind is sequence to sequence. Raises ValueError for a kind that
        cannot write on.
        """
        if kind not in (Kind.SEQUENCE_TO_SEQUENCE, Kind.LEFT_TO_RIGHT):
            raise ValueError(f"nothing can be written on to the right by {kind.name}")
        batch, length = ids.shape
        kinds, mask = torch.full((batch,), int(kind), device=ids.device), torch.full_like(ids[:, :1], mask_id)
        text = ids
        for _ in range(n):
            asked = torch.cat((text, mask), -1)
            types = (torch.arange(asked.shape[1], device=ids.device) >= length).long().expand_as(asked)
            logits = self(asked, token_types=types, kinds=kinds).logits
            text = torch.cat((text, logits[:, -1:].argmax(-1).to(ids.dtype)), -1)
        return text[:, length:]


class SequenceClassifier(UniLMModel, bert.SequenceClassifier):
    """One class for a whole text, or for a pair of texts. ``labels`` (batch,)."""


class TokenClassifier(UniLMModel, bert.TokenClassifier):
    """One class for every token. ``labels`` (batch, n), IGNORED where a token has none."""


class QuestionAnswerer(UniLMModel, bert.QuestionAnswerer):
    """Where an answer begins and ends, as SpanModel says."""
