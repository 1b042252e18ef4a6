"""XLNet (Yang and others, "XLNet: Generalized Autoregressive Pretraining for Language Understanding", 2019).

    content  h  ids (batch, n) → token embedding                     ─┐ both streams, through the same weights:
    query    g  one learned vector at each place to predict           ─┘
      → { layer_norm(x + attention(x → h)); layer_norm(x + mlp(x)) } × layers → hidden: of g where there is one, else h

    score of i for j = ( (q_i + u) · k_j  +  (q_i + w) · r_{i-j}  +  (q_i + s) · e[same text or not] ) / √d
                          content            distance                segment

What differs from BERT: tokens are predicted in a random order, each from those before it in that order
(:mod:`~groundup.stack.objectives.permutation`), so nothing is masked and nothing predicted is taken for independent.
For that there are two streams: h_i knows token i, g_i knows its place alone, and only h is looked at. Both see whom
``seen`` lets them see; h sees itself besides. What differs from the first Transformer is Transformer-XL's (Dai and
others, 2019): places are distances, as sines, with their own keys r and learned u, w, s in place of the query's
position; a text may be longer than what is read at once, because the last hidden states are kept as ``memory`` and
looked at again, without gradients.

A query that sees nothing averages everything, as in the authors' code and in transformers. Texts are padded on the left
where a class is read from their last token. Not here, and refused by name: Transformer-XL's own attention ("uni"),
training on a text and its mirror image at once, answers found by beam search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from groundup.stack.models.checkpoints import CheckpointError, refuse_unusual, require_type
from groundup.stack.models.encoder import ACTIVATIONS, EncoderModel, SpanModel, number_of_labels
from groundup.stack.models.names import NameTable
from groundup.stack.models.output import Output
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import record_attention, recorded_attention
from groundup.stack.transformer.heads import merge_heads, split_heads
from groundup.stack.transformer.normalization import LayerNorm, post_norm


@dataclass(frozen=True)
class XLNetConfig:
    """``farthest`` is where distances end, -1 for nowhere; ``memory`` how many hidden states are kept, 0 for all."""

    vocab: int = 32000
    dim: int = 1024
    layers: int = 24
    heads: int = 16
    hidden: int = 4096
    eps: float = 1e-12
    pad_id: int = 5
    activation: str = "gelu"
    dropout: float = 0.1
    farthest: int = -1
    memory: int = 0
    summary: str = "last"
    summary_dropout: float = 0.1
    labels: int = 2

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"heads must divide dim: {self.heads} and {self.dim}")

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> XLNetConfig:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, "xlnet")
        usual = {"attn_type": "bi", "bi_data": False, "same_length": False, "untie_r": True, "reuse_len": None}
        usual |= {"summary_use_proj": True, "summary_activation": "tanh", "tie_word_embeddings": True}
        refuse_unusual(config, usual | {"d_head": config["d_model"] // config["n_head"]})
        activation, summary = config.get("ff_activation", "gelu"), config.get("summary_type", "last")
        if activation not in ACTIVATIONS:
            raise CheckpointError(f"ff_activation {activation!r} is not supported; {', '.join(ACTIVATIONS)} are")
        if summary not in ("first", "last"):
            raise CheckpointError(f"summary_type {summary!r} is not supported; first and last are")
        return cls(
            vocab=config["vocab_size"],
            dim=config["d_model"],
            layers=config["n_layer"],
            heads=config["n_head"],
            hidden=config["d_inner"],
            eps=config.get("layer_norm_eps", 1e-12),
            pad_id=config.get("pad_token_id", 5),
            activation=activation,
            dropout=config.get("dropout", 0.1),
            farthest=config.get("clamp_len", -1),
            memory=config.get("mem_len") or 0,
            summary=summary,
            summary_dropout=config.get("summary_last_dropout", 0.1),
            labels=number_of_labels(config),
        )

    def to_hub(self) -> dict[str, Any]:
        return {
            "model_type": "xlnet",
            "vocab_size": self.vocab,
            "d_model": self.dim,
            "n_layer": self.layers,
            "n_head": self.heads,
            "d_head": self.dim // self.heads,
            "d_inner": self.hidden,
            "layer_norm_eps": self.eps,
            "pad_token_id": self.pad_id,
            "ff_activation": self.activation,
            "dropout": self.dropout,
            "clamp_len": self.farthest,
            "mem_len": self.memory or None,
            "attn_type": "bi",
            "bi_data": False,
            "same_length": False,
            "untie_r": True,
            "summary_type": self.summary,
            "summary_use_proj": True,
            "summary_activation": "tanh",
            "summary_last_dropout": self.summary_dropout,
            "id2label": {str(label): f"LABEL_{label}" for label in range(self.labels)},
            "label2id": {f"LABEL_{label}": label for label in range(self.labels)},
        }


@dataclass(frozen=True)
class XLNetOutput(Output):
    """An Output, and what each layer may look back at when the text goes on: (batch, kept, dim) a layer."""

    memory: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class View:
    """What one stream's queries may see: ``rows`` (…, n_q, n_k) is the row of the table of sines for each distance,
    ``mask`` (batch, 1, n_q, n_k) is True where a query may look, ``other`` (batch, 1, n_q, n_k) where the key is of
    the other text."""

    rows: Tensor
    mask: Tensor | None = None
    other: Tensor | None = None

    def at(self, places: Tensor) -> View:
        """The same for the queries at some places (batch, m) alone."""

        def pick(whole: Tensor) -> Tensor:
            wanted = places[:, None, :, None].expand(-1, 1, -1, whole.shape[-1])
            return whole.expand(len(places), 1, -1, -1).gather(2, wanted)

        return View(pick(self.rows), *(None if one is None else pick(one) for one in (self.mask, self.other)))


class XLNetBlock(nn.Module):
    """Attention by content, distance and segment, and the MLP. Matrices are (dim, heads, head_dim), as in the paper's
    code."""

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__()
        dim, heads = config.dim, config.heads
        head_dim = dim // heads
        self.q, self.k, self.v, self.o, self.r = (nn.Parameter(torch.empty(dim, heads, head_dim)) for _ in range(5))
        self.content_bias, self.distance_bias, self.segment_bias = (
            nn.Parameter(torch.empty(heads, head_dim)) for _ in range(3)
        )
        self.segments = nn.Parameter(torch.empty(2, heads, head_dim))
        self.attention_norm = LayerNorm(dim, config.eps)
        self.up, self.down = Linear(dim, config.hidden), Linear(config.hidden, dim)
        self.feed_norm = LayerNorm(dim, config.eps)
        self.dropout = nn.Dropout(config.dropout)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor, content: Tensor, view: View, sines: Tensor) -> Tensor:
        """x (batch, n_q, dim) to the same; content (batch, n_k, dim) is what is looked at: memory, then h."""
        x = post_norm(x, self.attention_norm, lambda y: self.dropout(self._attend(y, content, view, sines)))
        return post_norm(x, self.feed_norm, self._feed)

    def _feed(self, x: Tensor) -> Tensor:
        result: Tensor = self.dropout(self.down(self.dropout(self.activation(self.up(x)))))
        return result

    def _attend(self, x: Tensor, content: Tensor, view: View, sines: Tensor) -> Tensor:
        q, k, v, r = (_heads(*pair) for pair in ((x, self.q), (content, self.k), (content, self.v), (sines, self.r)))
        scores = (q + self.content_bias[:, None]) @ k.transpose(-2, -1)
        by_row = (q + self.distance_bias[:, None]) @ r.transpose(-2, -1)
        scores = scores + by_row.gather(-1, view.rows.expand_as(scores))
        if view.other is not None:
            by_kind = (q + self.segment_bias[:, None]) @ self.segments.permute(1, 2, 0)  # (batch, heads, n_q, 2)
            scores = scores + torch.where(view.other, by_kind[..., 1:], by_kind[..., :1])
        scores = scores / q.shape[-1] ** 0.5
        if view.mask is not None:
            scores = scores.masked_fill(~view.mask, torch.finfo(scores.dtype).min)
        weights = torch.softmax(scores, dim=-1)
        record_attention(weights)
        return merge_heads(self.dropout(weights) @ v) @ self.o.flatten(1).T


def _heads(x: Tensor, weight: Tensor) -> Tensor:
    """x (…, n, dim) through weight (dim, heads, head_dim), to (…, heads, n, head_dim)."""
    return split_heads(x @ weight.flatten(1), weight.shape[1])


class XLNet(nn.Module):
    """The encoder: ids to hidden states."""

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab, config.dim)
        self.query = nn.Parameter(torch.empty(1, 1, config.dim))
        self.blocks = nn.ModuleList(XLNetBlock(config) for _ in range(config.layers))
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        ids: Tensor,
        attention_mask: Tensor | None = None,
        token_types: Tensor | None = None,
        seen: Tensor | None = None,
        targets: Tensor | None = None,
        memory: Sequence[Tensor] = (),
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """ids (batch, n) to hidden states, (batch, n, dim) or, of targets (batch, m), (batch, m, dim); and the memory.

        ``seen`` (batch, n, n) is True where the token in the row may look at the one in the column; all, where not
        given. ``memory`` is what an earlier call returned.
        """
        past = memory[0].shape[1] if memory else 0
        query, content = self._views(ids, attention_mask, token_types, seen, past)
        if targets is not None:
            query = query.at(targets)
        sines = self.dropout(self._sines(ids.shape[-1], past))
        h = self.dropout(self.tokens(ids))
        g = None if targets is None else self.dropout(self.query.expand(*targets.shape, -1))
        kept = []
        for layer, block in enumerate(self.blocks):
            looked_at = torch.cat((memory[layer], h), 1) if memory else h
            kept.append(looked_at[:, -self.config.memory :].detach())
            h, g = block(h, looked_at, content, sines), None if g is None else block(g, looked_at, query, sines)
        return self.dropout(h if g is None else g), tuple(kept)

    def _views(
        self, ids: Tensor, attention_mask: Tensor | None, token_types: Tensor | None, seen: Tensor | None, past: int
    ) -> tuple[View, View]:
        """What g may see, and what h may: itself besides. All of the memory is seen, and of the first text."""
        n = ids.shape[-1]
        place = torch.arange(n, device=ids.device)
        rows = torch.arange(past + n, device=ids.device) + n - place[:, None]
        other = None
        if token_types is not None:
            keys = nn.functional.pad(token_types, (past, 0))
            other = (token_types[:, :, None] != keys[:, None, :])[:, None]
        mask = None if seen is None else seen.bool()
        if attention_mask is not None:
            real = attention_mask.bool()[:, None, :]
            mask = real if mask is None else mask & real
        if mask is None:
            return View(rows, None, other), View(rows, None, other)
        mask = nn.functional.pad(mask.expand(-1, n, -1), (past, 0), value=True)[:, None]
        itself = torch.arange(-past, n, device=ids.device) == place[:, None]
        return View(rows, mask, other), View(rows, mask | itself, other)

    def _sines(self, n: int, past: int) -> Tensor:
        """(past + 2 n, dim): sines, then cosines, of the distances past + n, past + n - 1, …, 1 - n."""
        config, weight = self.config, self.tokens.weight
        # In single precision whatever the weights are, as transformers has it.
        distance = torch.arange(past + n, -n, -1.0, device=weight.device, dtype=torch.float32)
        if config.farthest > 0:
            distance = distance.clamp(-config.farthest, config.farthest)
        even = torch.arange(0, config.dim, 2.0, device=weight.device, dtype=torch.float32)
        angle = distance[:, None] * (1 / torch.pow(10000, even / config.dim))
        return torch.cat((angle.sin(), angle.cos()), -1).to(weight.dtype)


class XLNetModel(EncoderModel):
    """The bare encoder; the heads below are this and something more."""

    family = "XLNet"
    config_type: ClassVar = XLNetConfig
    config: XLNetConfig
    encoder: XLNet

    def __init__(self, config: XLNetConfig, pooler: bool = False) -> None:
        super().__init__(config, XLNet(config), Linear(config.dim, config.dim) if pooler else None)
        self.begin()

    def forward(
        self,
        ids: Tensor,
        attention_mask: Tensor | None = None,
        token_types: Tensor | None = None,
        labels: Tensor | None = None,
        attentions: bool = False,
        seen: Tensor | None = None,
        targets: Tensor | None = None,
        memory: Sequence[Tensor] = (),
    ) -> XLNetOutput:
        """ids (batch, n) to an Output, see :meth:`XLNet.forward`. With targets, attentions are those of h and of g by
        turns."""
        with recorded_attention() if attentions else nullcontext() as kept:
            hidden, remembered = self.encoder(ids, attention_mask, token_types, seen, targets, memory)
        output = self.output(hidden, labels, kept)
        return XLNetOutput(hidden, output.logits, output.loss, output.pooled, output.attentions, remembered)

    def pool(self, hidden: Tensor) -> Tensor | None:
        place = 0 if self.config.summary == "first" else -1
        return torch.tanh(self.pooler(hidden[:, place])) if self.pooler is not None else None

    @classmethod
    def names(cls, config: XLNetConfig) -> NameTable:
        return names_of(cls.architecture)


class PermutationLM(XLNetModel):
    """Words for the places ``targets``, or for all. ``labels`` have the places' shape, IGNORED where nothing is asked.

    Without targets every place sees its own token: that is for reading, not for training.
    """

    architecture = "LMHeadModel"

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config)
        self.bias = nn.Parameter(torch.zeros(config.vocab))
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        return nn.functional.linear(hidden, self.encoder.tokens.weight, self.bias)


class SequenceClassifier(XLNetModel):
    """One class for a whole text, or for a pair of texts, read from the last token. ``labels`` (batch,)."""

    architecture = "ForSequenceClassification"

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config, pooler=True)
        self.classes = Linear(config.dim, config.labels)
        self.dropout = nn.Dropout(config.summary_dropout)
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.classes(self.dropout(pooled))
        return result


class TokenClassifier(XLNetModel):
    """One class for every token. ``labels`` (batch, n), IGNORED where a token has none."""

    architecture = "ForTokenClassification"

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(config)
        self.classes = Linear(config.dim, config.labels)
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.classes(hidden)
        return result


class QuestionAnswerer(SpanModel, XLNetModel):
    """Where an answer begins and ends, as SpanModel says."""

    architecture = "ForQuestionAnsweringSimple"

    def __init__(self, config: XLNetConfig) -> None:
        super().__init__(replace(config, labels=2))
        self.span = Linear(config.dim, 2)
        self.begin()


_BLOCK = {
    **{f"rel_attn.{name}": name for name in "qkvor"},
    "rel_attn.r_w_bias": "content_bias",
    "rel_attn.r_r_bias": "distance_bias",
    "rel_attn.r_s_bias": "segment_bias",
    "rel_attn.seg_embed": "segments",
    "rel_attn.layer_norm": "attention_norm",
    "ff.layer_1": "up",
    "ff.layer_2": "down",
    "ff.layer_norm": "feed_norm",
}


def names_of(architecture: str) -> NameTable:
    """The names of all weights; what ours call ``classes`` has another name in each head."""
    pairs = {f"transformer.layer.{{}}.{theirs}": f"encoder.blocks.{{}}.{ours}" for theirs, ours in _BLOCK.items()}
    pairs |= {
        "transformer.word_embedding": "encoder.tokens",
        "transformer.mask_emb": "encoder.query",
        "lm_loss.bias": "bias",
        "sequence_summary.summary": "pooler",
        "qa_outputs": "span",
        "classifier" if architecture == TokenClassifier.architecture else "logits_proj": "classes",
    }
    return NameTable(pairs, "transformer.", ("lm_loss.weight",))
