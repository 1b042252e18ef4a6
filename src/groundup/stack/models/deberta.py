"""DeBERTa (He and others, "DeBERTa: Decoding-enhanced BERT with Disentangled Attention", 2021), versions 1, 2 and 3.

    ids (batch, n) → token embedding (+ position, + segment, where the file says so) → layer_norm → 0 at padding
      → { layer_norm(x + attention(x, distances)); layer_norm(x + mlp(x)) } × layers → hidden (batch, n, dim)

    score of i for j = ( q_i · k_j  +  q_i · k^r[δ(i, j)]  +  k_j · q^r[δ(i, j)] ) / √(3 d)
                         content       content to position     position to content

What differs from BERT: what a token says and where it stands are two vectors, and they are not added. A place is known
by its distance δ(i, j) = i - j from another, cut off at ± ``longest``; each has a row in a table, ``relative``, of
which every layer makes its own keys k^r and queries q^r.

Version 2: q, k and v apart with biases; far distances fall into buckets that widen logarithmically
(:func:`log_buckets`); the layers' own q and k may serve for positions too (``shared``); the table may be normed; and
beside the first block there may be a convolution over neighboring tokens. Version 3 (He and others, "DeBERTaV3", 2023)
is the same encoder, trained as ELECTRA is, and says ``deberta-v2`` in its files.

The paper's enhanced mask decoder, which lets absolute positions in before the last softmax, is not in transformers, and
not here: words are scored as in BERT, under the names of either head (``legacy`` or not). Padding takes the average of
all values, as there, so that what is scored at padding is the same too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.models.bert import BertConfig, WordHead
from groundup.stack.models.checkpoints import CheckpointError, HubSettings, refuse_unusual, require_type
from groundup.stack.models.encoder import ACTIVATIONS, EncoderModel, SpanModel, encoder_settings
from groundup.stack.models.names import NameTable
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import record_attention
from groundup.stack.transformer.heads import merge_heads, split_heads
from groundup.stack.transformer.normalization import LayerNorm, post_norm

_CONVOLUTIONS: dict[str, Callable[[Tensor], Tensor]] = {**ACTIVATIONS, "tanh": torch.tanh}


@dataclass(frozen=True)
class DebertaConfig(BertConfig):
    """BERT's, and: ``absolute``, are positions added to the embedding as well; ``to_position`` and ``to_content``, is
    there content to position, and position to content; ``longest``, the distance at which rows end.

    Of version 2 alone: ``buckets``, 0 for a row a distance; ``shared``; ``relative_norm``; ``convolution``, the size of
    its kernel, 0 for none.
    """

    vocab: int = 50265
    segments: int = 0
    eps: float = 1e-7
    version: int = 1
    width: int = 768
    absolute: bool = False
    to_position: bool = True
    to_content: bool = True
    longest: int = 512
    buckets: int = 0
    shared: bool = False
    relative_norm: bool = False
    convolution: int = 0
    convolution_groups: int = 1
    convolution_activation: str = "tanh"
    pooler_dropout: float = 0.0
    pooler_activation: str = "gelu"
    legacy: bool = True

    @property
    def span(self) -> int:
        """How many rows the table has on each side."""
        return self.buckets or self.longest

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> DebertaConfig:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        kinds = {"deberta": 1, "deberta-v2": 2}
        require_type(config, *kinds)
        version = kinds[config["model_type"]]
        config = HubSettings({"layer_norm_eps": 1e-7, "type_vocab_size": 0, "relative_attention": False, **config})
        _refuse(config, version)
        return cls(
            **encoder_settings({**config, "classifier_dropout": config.get("cls_dropout")}),
            version=version,
            width=config.get("embedding_size", config["hidden_size"]),
            absolute=config.get("position_biased_input", True),
            longest=_longest(config),
            buckets=max(config.get("position_buckets", -1), 0),
            shared=config.get("share_att_key", False),
            convolution=config.get("conv_kernel_size", 0),
            convolution_groups=config.get("conv_groups", 1),
            pooler_dropout=config.get("pooler_dropout", 0.0),
            legacy=config.get("legacy", True),
            **_terms(config),
        )

    def to_hub(self) -> dict[str, Any]:
        settings = super().to_hub()
        del settings["classifier_dropout"], settings["position_embedding_type"]
        terms = [name for name, there in (("c2p", self.to_position), ("p2c", self.to_content)) if there]
        settings |= {
            "model_type": "deberta" if self.version == 1 else "deberta-v2",
            "embedding_size": self.width,
            "relative_attention": True,
            "position_biased_input": self.absolute,
            "pos_att_type": terms,
            "max_relative_positions": self.longest,
            "cls_dropout": self.head_dropout,
            "pooler_dropout": self.pooler_dropout,
            "pooler_hidden_act": self.pooler_activation,
            "pooler_hidden_size": self.dim,
            "legacy": self.legacy,
        }
        if self.version == 2:
            settings |= {
                "position_buckets": self.buckets or -1,
                "share_att_key": self.shared,
                "norm_rel_ebd": "layer_norm" if self.relative_norm else "none",
                "conv_kernel_size": self.convolution,
                "conv_groups": self.convolution_groups,
                "conv_act": self.convolution_activation,
            }
        return settings


_OF_VERSION_2 = {"position_buckets": -1, "share_att_key": False, "norm_rel_ebd": "none", "conv_kernel_size": 0}


def _longest(config: Mapping[str, Any]) -> int:
    longest: int = config.get("max_relative_positions", -1)
    return longest if longest >= 1 else config["max_position_embeddings"]


def _refuse(config: Mapping[str, Any], version: int) -> None:
    """Raises CheckpointError, by its name, for a setting that is not computed here."""
    dim = config["hidden_size"]
    refuse_unusual(
        config,
        {
            "relative_attention": True,
            "talking_head": False,
            "attention_head_size": dim // config["num_attention_heads"],
            "pooler_hidden_size": dim,
        },
    )
    if version == 1:
        refuse_unusual(config, _OF_VERSION_2)
    if not config.get("legacy", True) and config.get("embedding_size", dim) != dim:
        raise CheckpointError(f"legacy = False is not supported where embedding_size is not {dim}")
    kernel, buckets = config.get("conv_kernel_size", 0), config.get("position_buckets", -1)
    if kernel > 0 and kernel % 2 == 0:
        raise CheckpointError(f"conv_kernel_size = {kernel} is not supported; odd ones are")
    if buckets > 0 and not 4 <= buckets < 2 * _longest(config) - 2:
        raise CheckpointError(f"position_buckets = {buckets} is not supported beside max_relative_positions")


def _terms(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are words: which terms, which norm, which activations."""
    terms = config.get("pos_att_type") or []
    terms = [one.strip() for one in terms.lower().split("|")] if isinstance(terms, str) else list(terms)
    if set(terms) - {"c2p", "p2c"}:
        raise CheckpointError(f"pos_att_type = {config['pos_att_type']!r} is not supported; c2p and p2c are")
    norm = str(config.get("norm_rel_ebd", "none")).lower()
    if norm not in ("none", "layer_norm"):
        raise CheckpointError(f"norm_rel_ebd = {config['norm_rel_ebd']!r} is not supported; none and layer_norm are")
    for name, usual in (("pooler_hidden_act", "gelu"), ("conv_act", "tanh")):
        if config.get(name, usual) not in _CONVOLUTIONS:
            raise CheckpointError(f"{name} = {config[name]!r} is not supported; {', '.join(_CONVOLUTIONS)} are")
    return {
        "to_position": "c2p" in terms,
        "to_content": "p2c" in terms,
        "relative_norm": norm == "layer_norm",
        "pooler_activation": config.get("pooler_hidden_act", "gelu"),
        "convolution_activation": config.get("conv_act", "tanh"),
    }


def log_buckets(distance: Tensor, buckets: int, longest: int) -> Tensor:
    """Distances, integers of either sign, to buckets 1 - ``buckets`` … ``buckets`` - 1: one each up to buckets / 2, and
    as many again up to ``longest``, each wider than the one before by the same factor."""
    middle = buckets // 2
    far = distance.abs().clamp(min=middle)
    # In single precision, as transformers has it: at the edge of a bucket the last bit decides.
    steps = torch.log(far / middle) / torch.log(torch.tensor((longest - 1) / middle)) * (middle - 1)
    return torch.where(distance.abs() <= middle, distance, (steps.ceil().long() + middle) * distance.sign())


class DisentangledAttention(nn.Module):
    """Attention by content, by content and distance, and by distance and content.

    Version 1 has one matrix for q, k and v, head by head (all three of the first head, all three of the second …), and
    biases for q and v alone.
    """

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        dim = config.dim
        self.config = config
        if config.version == 1:
            self.qkv = Linear(dim, 3 * dim, bias=False)
            self.q_bias = nn.Parameter(torch.zeros(dim))
            self.v_bias = nn.Parameter(torch.zeros(dim))
        else:
            self.q, self.k, self.v = (Linear(dim, dim) for _ in range(3))
        if config.to_position and not config.shared:
            self.position_k = Linear(dim, dim, bias=config.version == 2)
        if config.to_content and not config.shared:
            self.position_q = Linear(dim, dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor | None, rows: Tensor, table: Tensor) -> Tensor:
        """x (batch, n, dim) to the same. ``rows`` (n, n) is the row of the table (2 · span, dim) for each i and j."""
        config, heads = self.config, self.config.heads
        q, k, v = self._project(x)
        table = self.dropout(table)
        scores = q @ k.transpose(-2, -1)
        if config.to_position:
            layer = self.k if config.shared else self.position_k
            by_row = q @ split_heads(layer(table), heads).transpose(-2, -1)  # (batch, heads, n, 2 · span)
            scores = scores + by_row.gather(-1, rows.expand_as(scores))
        if config.to_content:
            layer = self.q if config.shared else self.position_q
            by_row = k @ split_heads(layer(table), heads).transpose(-2, -1)
            scores = scores + by_row.gather(-1, rows.T.expand_as(scores)).transpose(-2, -1)
        scores = scores / math.sqrt(q.shape[-1] * (1 + config.to_position + config.to_content))
        if mask is not None:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        weights = torch.softmax(scores, dim=-1)
        record_attention(weights)
        if self.training and config.attention_dropout:
            weights = functional.dropout(weights, config.attention_dropout)
        return merge_heads(weights @ v)

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (batch, heads, n, head_dim) each."""
        heads = self.config.heads
        if self.config.version == 1:
            q, k, v = split_heads(self.qkv(x), heads).chunk(3, dim=-1)
            return q + split_heads(self.q_bias[None], heads), k, v + split_heads(self.v_bias[None], heads)
        q, k, v = (split_heads(layer(x), heads) for layer in (self.q, self.k, self.v))
        return q, k, v


class DebertaBlock(nn.Module):
    """BERT's block with disentangled attention."""

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        dim, hidden = config.dim, config.hidden
        self.attention = DisentangledAttention(config)
        self.o = Linear(dim, dim)
        self.attention_norm = LayerNorm(dim, config.eps)
        self.up, self.down = Linear(dim, hidden), Linear(hidden, dim)
        self.feed_norm = LayerNorm(dim, config.eps)
        self.dropout = nn.Dropout(config.dropout)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor, mask: Tensor | None, rows: Tensor, table: Tensor) -> Tensor:
        x = post_norm(x, self.attention_norm, lambda y: self.dropout(self.o(self.attention(y, mask, rows, table))))
        return post_norm(x, self.feed_norm, lambda y: self.dropout(self.down(self.activation(self.up(y)))))


class Deberta(nn.Module):
    """The encoder: ids to hidden states."""

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        self.config = config
        dim, width = config.dim, config.width
        self.tokens = nn.Embedding(config.vocab, width)
        self.positions = nn.Embedding(config.context, width) if config.absolute else None
        self.segments = nn.Embedding(config.segments, width) if config.segments else None
        self.project = Linear(width, dim, bias=False) if width != dim else None
        self.norm = LayerNorm(dim, config.eps)
        self.dropout = nn.Dropout(config.dropout)
        self.relative = nn.Embedding(2 * config.span, dim)
        self.relative_norm = LayerNorm(dim, config.eps) if config.relative_norm else None
        self.blocks = nn.ModuleList(DebertaBlock(config) for _ in range(config.layers))
        size = config.convolution
        self.convolution = (
            nn.Conv1d(dim, dim, size, padding=(size - 1) // 2, groups=config.convolution_groups) if size else None
        )
        self.convolution_norm = LayerNorm(dim, config.eps) if size else None
        if self.convolution is not None and self.convolution.bias is not None:
            nn.init.zeros_(self.convolution.bias)

    def forward(self, ids: Tensor, attention_mask: Tensor | None = None, token_types: Tensor | None = None) -> Tensor:
        """ids (batch, n) to hidden states (batch, n, dim). Token types are left out by a model that has none.

        Raises ValueError for a text longer than the context, where positions are absolute too.
        """
        n = ids.shape[-1]
        real = None if attention_mask is None else attention_mask.bool()
        mask = None if real is None else (real[:, None, :] & real[:, :, None])[:, None]
        begin = x = self._embed(ids, real, token_types)
        rows = self._rows(n, ids.device)
        table = self.relative.weight if self.relative_norm is None else self.relative_norm(self.relative.weight)
        for layer, block in enumerate(self.blocks):
            x = block(x, mask, rows, table)
            if layer == 0 and self.convolution is not None:
                x = self._convolve(begin, x, real)
        return x

    def _embed(self, ids: Tensor, real: Tensor | None, token_types: Tensor | None) -> Tensor:
        n, x = ids.shape[-1], self.tokens(ids)
        if self.positions is not None:
            if n > self.config.context:
                raise ValueError(f"the text has {n} tokens, the context of this model {self.config.context}")
            x = x + self.positions.weight[:n]
        if self.segments is not None:
            x = x + self.segments(torch.zeros_like(ids) if token_types is None else token_types)
        x = self.norm(x if self.project is None else self.project(x))
        result: Tensor = self.dropout(x if real is None else x * real[..., None])
        return result

    def _rows(self, n: int, device: torch.device) -> Tensor:
        """(n, n): the row of the table for the distance from i (row) to j (column)."""
        config, place = self.config, torch.arange(n, device=device)
        distance = place[:, None] - place
        if config.buckets:
            distance = log_buckets(distance, config.buckets, config.longest)
        return (distance + config.span).clamp(0, 2 * config.span - 1)

    def _convolve(self, begin: Tensor, x: Tensor, real: Tensor | None) -> Tensor:
        """What the first block made, and what neighbors in the embedding make of each other."""
        assert self.convolution is not None
        assert self.convolution_norm is not None
        near = self.convolution(begin.transpose(1, 2)).transpose(1, 2)
        if real is not None:
            near = near * real[..., None]
        near = _CONVOLUTIONS[self.config.convolution_activation](self.dropout(near))
        result: Tensor = self.convolution_norm(x + near)
        return result if real is None else result * real[..., None]


class DebertaModel(EncoderModel):
    """The bare encoder; the heads below are this and something more."""

    config_type: ClassVar = DebertaConfig
    config: DebertaConfig
    encoder: Deberta

    def __init__(self, config: DebertaConfig, pooler: bool = False) -> None:
        super().__init__(config, Deberta(config), Linear(config.dim, config.dim) if pooler else None)
        self.pooler_dropout = nn.Dropout(config.pooler_dropout)
        self.begin()

    def pool(self, hidden: Tensor) -> Tensor | None:
        if self.pooler is None:
            return None
        return _CONVOLUTIONS[self.config.pooler_activation](self.pooler(self.pooler_dropout(hidden[:, 0])))

    @classmethod
    def names(cls, config: DebertaConfig) -> NameTable:
        return names_of(config)

    def hub_name(self) -> str:
        return ("Deberta" if self.config.version == 1 else "DebertaV2") + self.architecture


class MaskedLM(DebertaModel):
    """Words for masked places. ``labels`` (batch, n): the true tokens, IGNORED where nothing was asked."""

    architecture = "ForMaskedLM"

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__(config)
        self.words = WordHead(config, config.width)
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.words(hidden, self.encoder.tokens.weight)
        return result


class SequenceClassifier(DebertaModel):
    """One class for a whole text, or for a pair of texts. ``labels`` (batch,)."""

    architecture = "ForSequenceClassification"

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__(config, pooler=True)
        self.classes = Linear(config.dim, config.labels)
        self.dropout = nn.Dropout(config.dropout if config.head_dropout is None else config.head_dropout)
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.classes(self.dropout(pooled))
        return result


class TokenClassifier(DebertaModel):
    """One class for every token. ``labels`` (batch, n), IGNORED where a token has none."""

    architecture = "ForTokenClassification"

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__(config)
        self.classes = Linear(config.dim, config.labels)
        self.dropout = nn.Dropout(config.dropout)
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.classes(self.dropout(hidden))
        return result


class QuestionAnswerer(SpanModel, DebertaModel):
    """Where an answer begins and ends, as SpanModel says."""

    architecture = "ForQuestionAnswering"

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__(replace(config, labels=2))
        self.span = Linear(config.dim, 2)
        self.begin()


_ATTENTION = {
    1: {
        "in_proj": "qkv",
        "q_bias": "q_bias",
        "v_bias": "v_bias",
        "pos_proj": "position_k",
        "pos_q_proj": "position_q",
    },
    2: {
        "query_proj": "q",
        "key_proj": "k",
        "value_proj": "v",
        "pos_key_proj": "position_k",
        "pos_query_proj": "position_q",
    },
}
_BLOCK = {
    "attention.output.dense": "o",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "feed_norm",
}
_OTHERS = {
    "deberta.embeddings.word_embeddings": "encoder.tokens",
    "deberta.embeddings.position_embeddings": "encoder.positions",
    "deberta.embeddings.token_type_embeddings": "encoder.segments",
    "deberta.embeddings.embed_proj": "encoder.project",
    "deberta.embeddings.LayerNorm": "encoder.norm",
    "deberta.encoder.rel_embeddings": "encoder.relative",
    "deberta.encoder.LayerNorm": "encoder.relative_norm",
    "deberta.encoder.conv.conv": "encoder.convolution",
    "deberta.encoder.conv.LayerNorm": "encoder.convolution_norm",
    "pooler.dense": "pooler",
    "classifier": "classes",
    "qa_outputs": "span",
}
_WORDS = {
    True: {
        "cls.predictions.transform.dense": "words.dense",
        "cls.predictions.transform.LayerNorm": "words.norm",
        "cls.predictions.bias": "words.bias",
    },
    False: {
        "lm_predictions.lm_head.dense": "words.dense",
        "lm_predictions.lm_head.LayerNorm": "words.norm",
        "lm_predictions.lm_head.bias": "words.bias",
    },
}


def names_of(config: DebertaConfig) -> NameTable:
    """The names of all weights. Files may hold absolute positions that are not used."""
    attention = {f"attention.self.{theirs}": f"attention.{ours}" for theirs, ours in _ATTENTION[config.version].items()}
    block = attention | _BLOCK
    pairs = {f"deberta.encoder.layer.{{}}.{theirs}": f"encoder.blocks.{{}}.{ours}" for theirs, ours in block.items()}
    pairs |= _OTHERS | _WORDS[config.legacy]
    again = ["cls.predictions.decoder.weight", "cls.predictions.decoder.bias", "deberta.embeddings.position_ids"]
    if not config.absolute:
        again.append("deberta.embeddings.position_embeddings.weight")
    return NameTable(pairs, "deberta.", again)
