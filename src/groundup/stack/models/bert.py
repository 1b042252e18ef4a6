"""BERT (Devlin and others, "BERT: Pre-training of Deep Bidirectional Transformers", 2019) and RoBERTa (Liu and others,
"RoBERTa: A Robustly Optimized BERT Pretraining Approach", 2019).

    ids, segments (batch, n) → token + position + segment embedding → layer_norm → dropout
      → { layer_norm(x + attention(x)); layer_norm(x + mlp(x)) } × layers → hidden (batch, n, dim)
    head of words   gelu(W h + b) → layer_norm → scores by the token embedding, + a bias     (MaskedLM, PreTraining)
    pooled          tanh(W h + b) of the first token                                         (next sentence, classes)

What differs from GPT-2: every position sees every other one, before and behind; norms stand *after* each sum, as in the
first Transformer; segments tell two sentences apart; the output has a layer of its own before the embedding. There is
no cache, because nothing is written one token after the other.

What RoBERTa changes is the training (dynamic masks, no next sentence, more text), not the encoder: one kind of segment,
positions counted from pad_id + 1 over the tokens that are no padding, and classes read from the first token by a layer
of the classifier instead of the pooled one. ``attention_mask`` (batch, n) is True or 1 for real tokens.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.models.checkpoints import find_folder, load_weights, read_config, require_type
from groundup.stack.models.encoder import ACTIVATIONS, EncoderModel, SpanModel, encoder_settings
from groundup.stack.models.names import NameTable
from groundup.stack.models.output import Output, label_loss
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import attention_by_formula, scaled_dot_product_attention
from groundup.stack.transformer.heads import merge_heads, split_heads
from groundup.stack.transformer.normalization import LayerNorm, post_norm


@dataclass(frozen=True)
class BertConfig:
    """``roberta`` says which of the two it is; ``head_dropout`` stands before classes, ``labels`` is their number."""

    vocab: int = 30522
    dim: int = 768
    layers: int = 12
    heads: int = 12
    hidden: int = 3072
    context: int = 512
    segments: int = 2
    eps: float = 1e-12
    pad_id: int = 0
    activation: str = "gelu"
    dropout: float = 0.1
    attention_dropout: float = 0.1
    head_dropout: float | None = None
    labels: int = 2
    roberta: bool = False

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"heads must divide dim: {self.heads} and {self.dim}")

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> BertConfig:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, "bert", "roberta")
        roberta = config["model_type"] == "roberta"
        return cls(**encoder_settings({"pad_token_id": int(roberta), **config}), roberta=roberta)

    def to_hub(self) -> dict[str, Any]:
        return {
            "model_type": "roberta" if self.roberta else "bert",
            "vocab_size": self.vocab,
            "hidden_size": self.dim,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.hidden,
            "max_position_embeddings": self.context,
            "type_vocab_size": self.segments,
            "layer_norm_eps": self.eps,
            "pad_token_id": self.pad_id,
            "hidden_act": self.activation,
            "hidden_dropout_prob": self.dropout,
            "attention_probs_dropout_prob": self.attention_dropout,
            "classifier_dropout": self.head_dropout,
            "id2label": {str(label): f"LABEL_{label}" for label in range(self.labels)},
            "label2id": {f"LABEL_{label}": label for label in range(self.labels)},
            "position_embedding_type": "absolute",
        }


class BertBlock(nn.Module):
    """Attention and MLP, each followed by the norm of its sum with what came in."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        dim, hidden = config.dim, config.hidden
        self.heads, self.attention_dropout = config.heads, config.attention_dropout
        self.q, self.k, self.v, self.o = (Linear(dim, dim) for _ in range(4))
        self.attention_norm = LayerNorm(dim, config.eps)
        self.up, self.down = Linear(dim, hidden), Linear(hidden, dim)
        self.feed_norm = LayerNorm(dim, config.eps)
        self.dropout = nn.Dropout(config.dropout)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """x (batch, n, dim) to the same; mask broadcastable to (batch, heads, n, n), True = may attend, or None."""
        x = post_norm(x, self.attention_norm, lambda y: self.dropout(self._attend(y, mask)))
        return post_norm(x, self.feed_norm, lambda y: self.dropout(self.down(self.activation(self.up(y)))))

    def _attend(self, x: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = (split_heads(layer(x), self.heads) for layer in (self.q, self.k, self.v))
        if self.training and self.attention_dropout:
            attended = attention_by_formula(q, k, v, mask, self.attention_dropout)
        else:
            attended = scaled_dot_product_attention(q, k, v, mask)
        result: Tensor = self.o(merge_heads(attended))
        return result


class Bert(nn.Module):
    """The encoder: ids to hidden states. The heads below stand on it. ``width`` is the embedding's, mostly dim."""

    def __init__(self, config: BertConfig, width: int | None = None) -> None:
        super().__init__()
        width = width or config.dim
        self.config = config
        self.tokens = nn.Embedding(config.vocab, width)
        self.positions = nn.Embedding(config.context, width)
        self.segments = nn.Embedding(config.segments, width)
        self.norm = LayerNorm(width, config.eps)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(BertBlock(config) for _ in range(config.layers))

    def forward(self, ids: Tensor, attention_mask: Tensor | None = None, token_types: Tensor | None = None) -> Tensor:
        """ids (batch, n) to hidden states (batch, n, dim). Raises ValueError for a text longer than the context.

        The mask may also be (batch, n, n), where row i says what the token at i may attend to.
        """
        x = self.embed(ids, token_types)
        mask = None if attention_mask is None else attention_mask.bool()
        if mask is not None:
            mask = mask[:, None] if mask.dim() == 3 else mask[:, None, None, :]
        for block in self.blocks:
            x = block(x, mask)
        return x

    def embed(self, ids: Tensor, token_types: Tensor | None = None) -> Tensor:
        """What goes into the first block."""
        segments = torch.zeros_like(ids) if token_types is None else token_types
        x = self.tokens(ids) + self.positions(self._places(ids)) + self.segments(segments)
        result: Tensor = self.dropout(self.norm(x))
        return result

    def _places(self, ids: Tensor) -> Tensor:
        """(n,) or, for RoBERTa, (batch, n): each token's row in the table of positions."""
        n, config = ids.shape[-1], self.config
        longest = config.context - config.pad_id - 1 if config.roberta else config.context
        if n > longest:
            raise ValueError(f"the text has {n} tokens, the context of this model {longest}")
        if not config.roberta:
            return torch.arange(n, device=ids.device)
        real = (ids != config.pad_id).to(torch.int64)
        return real.cumsum(-1) * real + config.pad_id


class WordHead(nn.Module):
    """A score for every token of the vocabulary at every position; the last product is with the token embedding.

    ``width`` is the embedding's, dim where not given; ``activation`` the encoder's.
    """

    def __init__(self, config: BertConfig, width: int | None = None, activation: str | None = None) -> None:
        super().__init__()
        width = width or config.dim
        self.dense = Linear(config.dim, width)
        self.norm = LayerNorm(width, config.eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab))
        self.activation = ACTIVATIONS[activation or config.activation]

    def forward(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """hidden (batch, n, dim), embedding (vocab, width); returns (batch, n, vocab)."""
        return functional.linear(self.norm(self.activation(self.dense(hidden))), embedding, self.bias)


class BertModel(EncoderModel):
    """The bare encoder, with its pooled layer or not; the heads below are this and something more."""

    config_type: ClassVar = BertConfig
    config: BertConfig
    encoder: Bert

    def __init__(self, config: BertConfig, pooler: bool = True) -> None:
        super().__init__(config, Bert(config), Linear(config.dim, config.dim) if pooler else None)
        self.begin()

    @classmethod
    def names(cls, config: BertConfig) -> NameTable:
        return names_of(config, cls.architecture)

    def hub_name(self) -> str:
        return ("Roberta" if self.config.roberta else "Bert") + self.architecture


class MaskedLM(BertModel):
    """Words for masked places. ``labels`` (batch, n): the true tokens, IGNORED where nothing was asked."""

    architecture = "ForMaskedLM"

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooler=False)
        self.words = WordHead(config, activation="gelu" if config.roberta else None)
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.words(hidden, self.encoder.tokens.weight)
        return result


class PreTraining(BertModel):
    """BERT's two objectives at once: masked words and whether the second sentence followed the first.

    ``logits`` are those of the words, ``next_sentence`` gives (batch, 2): row 0 is "it followed". ``labels`` are those
    of the words; with ``followed`` (batch,), 0 = it did, the loss is the sum of both, as in the paper's appendix A.2.
    """

    architecture = "ForPreTraining"

    def __init__(self, config: BertConfig) -> None:
        if config.roberta:
            raise ValueError("RoBERTa has no next-sentence objective: take MaskedLM")
        super().__init__(config)
        self.words = WordHead(config)
        self.relation = Linear(config.dim, 2)
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.words(hidden, self.encoder.tokens.weight)
        return result

    def next_sentence(self, output: Output) -> Tensor:
        result: Tensor = self.relation(output.pooled)
        return result

    def forward(
        self,
        ids: Tensor,
        attention_mask: Tensor | None = None,
        token_types: Tensor | None = None,
        labels: Tensor | None = None,
        attentions: bool = False,
        followed: Tensor | None = None,
    ) -> Output:
        output = super().forward(ids, attention_mask, token_types, labels, attentions)
        if followed is None or output.loss is None:
            return output
        return replace(output, loss=output.loss + label_loss(self.next_sentence(output), followed))


class SequenceClassifier(BertModel):
    """One class for a whole text, or for a pair of texts. ``labels`` (batch,)."""

    architecture = "ForSequenceClassification"

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooler=not config.roberta)
        self.dense = Linear(config.dim, config.dim) if config.roberta else None
        self.classes = Linear(config.dim, config.labels)
        self.dropout = nn.Dropout(config.dropout if config.head_dropout is None else config.head_dropout)
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        if self.dense is not None:
            pooled = torch.tanh(self.dense(self.dropout(hidden[:, 0])))
        result: Tensor = self.classes(self.dropout(pooled))
        return result


class TokenClassifier(BertModel):
    """One class for every token. ``labels`` (batch, n), IGNORED where a token has none."""

    architecture = "ForTokenClassification"

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooler=False)
        self.classes = Linear(config.dim, config.labels)
        self.dropout = nn.Dropout(config.dropout if config.head_dropout is None else config.head_dropout)
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.classes(self.dropout(hidden))
        return result


class QuestionAnswerer(SpanModel, BertModel):
    """Where an answer begins and ends, as SpanModel says."""

    architecture = "ForQuestionAnswering"

    def __init__(self, config: BertConfig) -> None:
        super().__init__(replace(config, labels=2), pooler=False)
        self.span = Linear(config.dim, 2)
        self.begin()


class BertSuccessor(BertModel):
    """A family that keeps BERT's encoder and names, so that it may begin with the weights of a BERT.

    ``extra`` are the settings in which it differs from a BERT, ``extended`` makes its weights out of a BERT's.
    """

    extra: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def from_pretrained(
        cls, place: str | os.PathLike[str], dtype: torch.dtype = torch.float32, labels: int | None = None
    ) -> Self:
        """A model from a folder of its own family, or from a BERT's: then what a BERT has not, a layer of another shape
        among it, is new."""
        folder = find_folder(place)
        settings = read_config(folder)
        if settings.get("model_type") != "bert":
            return super().from_pretrained(folder, dtype, labels)
        named = settings.get("architectures") or ()
        heads = (PreTraining, MaskedLM)
        head: Any = next((one for one in heads if f"Bert{one.architecture}" in named), BertModel)
        source = head.from_pretrained(folder, dtype)
        changed = {**cls.extra} if labels is None else {**cls.extra, "labels": labels}
        build: Any = cls
        model: Self = build(cls.config_type(**{**asdict(source.config), **changed})).to(dtype)
        fresh, weights = model.state_dict(), cls.extended(source.state_dict())
        if "pooler.weight" not in weights and cls.architecture == "Model":
            model.pooler = None
            fresh = model.state_dict()
        fits = {name for name in fresh.keys() & weights.keys() if fresh[name].shape == weights[name].shape}
        taken = {name: one for name, one in weights.items() if name in fits or name.startswith("encoder.")}
        load_weights(model, fresh | taken)
        return model

    @classmethod
    def extended(cls, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """A BERT's weights, made to fit this family's encoder."""
        return weights


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
_EMBEDDINGS = {
    "word_embeddings": "tokens",
    "position_embeddings": "positions",
    "token_type_embeddings": "segments",
    "LayerNorm": "norm",
}
_HEADS = {
    False: {
        "cls.predictions.transform.dense": "words.dense",
        "cls.predictions.transform.LayerNorm": "words.norm",
        "cls.predictions.bias": "words.bias",
        "cls.seq_relationship": "relation",
        "classifier": "classes",
        "qa_outputs": "span",
    },
    True: {
        "lm_head.dense": "words.dense",
        "lm_head.layer_norm": "words.norm",
        "lm_head.bias": "words.bias",
        "classifier.dense": "dense",
        "classifier.out_proj": "classes",
        "qa_outputs": "span",
    },
}


def names_of(config: BertConfig, architecture: str) -> NameTable:
    """The names of all weights. RoBERTa's classifier of tokens has fewer layers than that of texts."""
    prefix = "roberta." if config.roberta else "bert."
    pairs = {f"{prefix}encoder.layer.{{}}.{theirs}": f"encoder.blocks.{{}}.{ours}" for theirs, ours in _BLOCK.items()}
    pairs |= {f"{prefix}embeddings.{theirs}": f"encoder.{ours}" for theirs, ours in _EMBEDDINGS.items()}
    pairs |= {f"{prefix}pooler.dense": "pooler"} | _HEADS[config.roberta]
    if config.roberta and architecture == TokenClassifier.architecture:
        del pairs["classifier.out_proj"]
        pairs["classifier"] = "classes"
    again = ("cls.predictions.decoder.weight", "cls.predictions.decoder.bias", "lm_head.decoder.weight",
             "lm_head.decoder.bias", f"{prefix}embeddings.position_ids")  # fmt: skip
    return NameTable(pairs, prefix, again)
