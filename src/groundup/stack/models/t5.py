"""T5 (Raffel and others, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", 2020),
its version 1.1, and Flan-T5 (Chung and others, "Scaling Instruction-Finetuned Language Models", 2022).

    ids (batch, m) → tokens → { x + attention(rms_norm(x)); x + mlp(rms_norm(x)) } × layers → rms_norm → memory
    decoder ids (batch, n) → the same tokens
      → { x + causal attention(rms_norm(x)); x + attention(rms_norm(x) → memory); x + mlp(rms_norm(x)) } × layers
      → rms_norm → hidden (batch, n, dim) → logits (batch, n, vocab)

    score of i for j = q_i · k_j + b[bucket of j - i]         one learned b a head, the same in all layers of a stack

What differs from the first Transformer: places are distances, as a number added to each score, in buckets that grow
with the distance (:func:`relative_buckets`); norms stand before each part, only scale, and there are no biases; scores
are *not* divided by √d (first weights make up for it); heads may be wider or narrower than dim / heads. The head is the
token embedding again, applied to hidden / √dim. Version 1.1 and Flan-T5 have a gate in the MLP, gelu(x W_gate) · x W_up
(Shazeer 2020, "GLU Variants"), and a head of its own on hidden as it is.

Everything is a text that becomes another text, learned by filling gaps: :mod:`~groundup.stack.objectives.spans`. The
numbers of float16 are not clamped here: bfloat16 is what the weights were trained in.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.models.checkpoints import (
    CheckpointError,
    find_folder,
    load_weights,
    read_config,
    read_weights,
    refuse_unusual,
    require_type,
    write_checkpoint,
)
from groundup.stack.models.encoder import ACTIVATIONS
from groundup.stack.models.names import NameTable
from groundup.stack.models.output import Output
from groundup.stack.models.seq2seq import Seq2Seq, Seq2SeqCache
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import (
    CausalWindow,
    masked_softmax,
    record_attention,
    recorded_attention,
    recording,
)
from groundup.stack.transformer.heads import merge_heads, split_heads
from groundup.stack.transformer.normalization import RMSNorm, pre_norm

_MLPS = {"relu": ("relu", False), "gated-gelu": ("gelu_new", True)}
"""The Hub's ``feed_forward_proj`` to the activation and whether there is a gate."""


@dataclass(frozen=True)
class T5Config:
    """``decoder_layers`` are as many as ``layers`` where not given; ``gated`` says which MLP it is, ``tied`` whether
    the head is the token embedding, ``scaled`` whether it is applied to hidden / √dim."""

    vocab: int = 32128
    dim: int = 512
    head_dim: int = 64
    hidden: int = 2048
    layers: int = 6
    decoder_layers: int = 0
    heads: int = 8
    buckets: int = 32
    farthest: int = 128
    eps: float = 1e-6
    dropout: float = 0.1
    gated: bool = False
    tied: bool = True
    scaled: bool = True
    pad_id: int = 0
    end_id: int = 1
    start_id: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "decoder_layers", self.decoder_layers or self.layers)
        if self.buckets < 4 or self.farthest <= self.buckets // 2:
            raise ValueError(f"4 buckets at least, farthest beyond half of them: {self.buckets} and {self.farthest}")

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> T5Config:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, "t5")
        mlp = config.get("feed_forward_proj", "relu")
        if mlp not in _MLPS:
            raise CheckpointError(f"feed_forward_proj {mlp!r} is not supported; {', '.join(_MLPS)} are")
        activation, gated = _MLPS[mlp]
        refuse_unusual(config, {"is_decoder": False, "dense_act_fn": activation, "is_gated_act": gated})
        tied = config.get("tie_word_embeddings", True)
        pad = config.get("pad_token_id", 0)
        start = config.get("decoder_start_token_id")
        return cls(
            vocab=config["vocab_size"],
            dim=config["d_model"],
            head_dim=config["d_kv"],
            hidden=config["d_ff"],
            layers=config["num_layers"],
            decoder_layers=config.get("num_decoder_layers") or 0,
            heads=config["num_heads"],
            buckets=config.get("relative_attention_num_buckets", 32),
            farthest=config.get("relative_attention_max_distance", 128),
            eps=config.get("layer_norm_epsilon", 1e-6),
            dropout=config.get("dropout_rate", 0.1),
            gated=gated,
            tied=tied,
            scaled=config.get("scale_decoder_outputs", tied),  # older files say both with one word
            pad_id=pad,
            end_id=config.get("eos_token_id", 1),
            start_id=pad if start is None else start,
        )

    def to_hub(self) -> dict[str, Any]:
        mlp = "gated-gelu" if self.gated else "relu"
        return {
            "model_type": "t5",
            "vocab_size": self.vocab,
            "d_model": self.dim,
            "d_kv": self.head_dim,
            "d_ff": self.hidden,
            "num_layers": self.layers,
            "num_decoder_layers": self.decoder_layers,
            "num_heads": self.heads,
            "relative_attention_num_buckets": self.buckets,
            "relative_attention_max_distance": self.farthest,
            "layer_norm_epsilon": self.eps,
            "dropout_rate": self.dropout,
            "feed_forward_proj": mlp,
            "dense_act_fn": _MLPS[mlp][0],
            "is_gated_act": self.gated,
            "tie_word_embeddings": self.tied,
            "scale_decoder_outputs": self.scaled,
            "is_encoder_decoder": True,
            "pad_token_id": self.pad_id,
            "eos_token_id": self.end_id,
            "decoder_start_token_id": self.start_id,
        }


def relative_buckets(distances: Tensor, buckets: int, farthest: int, both_ways: bool) -> Tensor:
    """Which of the ``buckets`` each distance belongs to, key's place minus query's; integers of the same shape.

    Looking ``both_ways``, half of them are for what comes after; else what comes after counts as here. Of each side,
    the first half has one distance a bucket, the second half more and more, evenly in the logarithm up to ``farthest``,
    and what is farther is in the last. Section 2.1; the formula is that of the authors' code.
    """
    if both_ways:
        buckets //= 2
        side = (distances > 0).to(torch.int64) * buckets
        distances = distances.abs()
    else:
        side = torch.zeros_like(distances)
        distances = (-distances).clamp(min=0)
    near = buckets // 2
    # In float32, as the weights were trained: where the logarithm is a whole number, rounding decides.
    share = torch.log(distances.clamp(min=1).float() / near) / math.log(farthest / near)
    far = near + (share * (buckets - near)).to(torch.int64)
    return side + torch.where(distances < near, distances, far.clamp(max=buckets - 1))


class T5Attention(nn.Module):
    """Heads that score by q · k and what is added to it. State: ``{q,k,v}.weight`` (heads · head_dim, dim), ``o``."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        wide = config.heads * config.head_dim
        self.heads = config.heads
        self.q, self.k, self.v = (Linear(config.dim, wide, bias=False) for _ in range(3))
        self.o = Linear(wide, config.dim, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def keys_and_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, n_k, dim) to both, each (batch, heads, n_k, head_dim)."""
        return split_heads(self.k(x), self.heads), split_heads(self.v(x), self.heads)

    def forward(self, x: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
        """x (batch, n, dim) to the same; bias is added to the scores, or boolean: True = may attend."""
        q = split_heads(self.q(x), self.heads)
        if recording():
            scores, seen = q @ k.transpose(-2, -1), bias
            if bias is not None and bias.dtype != torch.bool:
                scores, seen = scores + bias, bias > -torch.inf
            record_attention(masked_softmax(scores, seen))
        share = self.dropout.p if self.training else 0.0
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=share, scale=1.0)
        result: Tensor = self.o(merge_heads(attended))
        return result


class T5Block(nn.Module):
    """Attention, in a decoder attention to the memory (``cross``), and the MLP, each RMS-normalized before."""

    def __init__(self, config: T5Config, decoder: bool) -> None:
        super().__init__()
        dim, hidden = config.dim, config.hidden
        self.attention_norm, self.attention = RMSNorm(dim, config.eps), T5Attention(config)
        if decoder:
            self.cross_norm, self.cross = RMSNorm(dim, config.eps), T5Attention(config)
        self.feed_norm = RMSNorm(dim, config.eps)
        self.gate = Linear(dim, hidden, bias=False) if config.gated else None
        self.up, self.down = Linear(dim, hidden, bias=False), Linear(hidden, dim, bias=False)
        self.activation = ACTIVATIONS["gelu_new" if config.gated else "relu"]
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        bias: Tensor,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        cache: Seq2SeqCache | None = None,
        layer: int = 0,
    ) -> Tensor:
        """x (batch, n, dim) to the same; bias and mask broadcastable to (batch, heads, n, n_k)."""
        x = pre_norm(x, self.attention_norm, lambda y: self.dropout(self._attend(y, bias, cache, layer)))
        if memory is not None:
            x = pre_norm(x, self.cross_norm, lambda y: self.dropout(self._look(y, memory, memory_mask, cache, layer)))
        return pre_norm(x, self.feed_norm, lambda y: self.dropout(self._feed(y)))

    def _attend(self, x: Tensor, bias: Tensor, cache: Seq2SeqCache | None, layer: int) -> Tensor:
        k, v = self.attention.keys_and_values(x)
        if cache is not None:
            k, v = cache.update(layer, k, v)
        result: Tensor = self.attention(x, k, v, bias)
        return result

    def _look(self, x: Tensor, memory: Tensor, mask: Tensor | None, cache: Seq2SeqCache | None, layer: int) -> Tensor:
        if cache is None:
            k, v = self.cross.keys_and_values(memory)
        else:
            k, v = cache.memory(layer, lambda: self.cross.keys_and_values(memory))
        result: Tensor = self.cross(x, k, v, mask)
        return result

    def _feed(self, x: Tensor) -> Tensor:
        wide = self.activation(self.up(x)) if self.gate is None else self.activation(self.gate(x)) * self.up(x)
        result: Tensor = self.down(self.dropout(wide))
        return result


class T5Stack(nn.Module):
    """Blocks, the norm after them, and the numbers for distances: of the encoder or of the decoder."""

    def __init__(self, config: T5Config, decoder: bool) -> None:
        super().__init__()
        self.config, self.decoder = config, decoder
        self.distances = nn.Embedding(config.buckets, config.heads)
        layers = config.decoder_layers if decoder else config.layers
        self.blocks = nn.ModuleList(T5Block(config, decoder) for _ in range(layers))
        self.norm = RMSNorm(config.dim, config.eps)
        self.dropout = nn.Dropout(config.dropout)
        self._window = CausalWindow()

    def forward(
        self,
        x: Tensor,
        attention_mask: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        cache: Seq2SeqCache | None = None,
    ) -> Tensor:
        """x (batch, n, dim), the tokens' vectors, to the same. Masks are (batch, n), True or 1 = a real token."""
        begin = 0 if cache is None else cache.length
        end = begin + x.shape[1]
        mask = self._window(begin, end, x.device) if self.decoder else None
        if attention_mask is not None:
            mask = attention_mask.bool()[:, None, None, :] & (mask if mask is not None else True)
        if memory_mask is not None:
            memory_mask = memory_mask.bool()[:, None, None, :]
        bias = self.bias(begin, end)
        if mask is not None:  # once for all layers
            bias = bias.masked_fill(~mask, -torch.inf)
        x = self.dropout(x)
        for layer, block in enumerate(self.blocks):
            x = block(x, bias, memory, memory_mask, cache, layer)
        result: Tensor = self.dropout(self.norm(x))
        return result

    def bias(self, begin: int, end: int) -> Tensor:
        """(1, heads, end - begin, end): what is added to the scores of queries ``begin`` to ``end`` for all keys."""
        place = torch.arange(end, device=self.distances.weight.device)
        away = place - place[begin:, None]
        config = self.config
        rows = relative_buckets(away, config.buckets, config.farthest, both_ways=not self.decoder)
        result: Tensor = self.distances(rows).permute(2, 0, 1)[None]
        return result


class _T5(nn.Module):
    """What all models of the family share: the embedding, the encoder, first weights, reading and writing."""

    architecture: ClassVar[str]
    passed_over: ClassVar[tuple[str, ...]] = ()
    """What our names of weights begin with that a checkpoint may hold, and this model has no use for."""
    config: T5Config

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab, config.dim)
        self.encoder = T5Stack(config, decoder=False)

    def begin(self) -> None:
        """First weights, as in the authors' code: queries so small that scores are of size 1 without a division."""
        config = self.config
        inward = config.dim**-0.5
        deviations = {"q": inward * config.head_dim**-0.5, "o": (config.heads * config.head_dim) ** -0.5}
        deviations |= {"down": config.hidden**-0.5, "tokens": 1.0, "head": 1.0}
        for name, one in self.named_parameters():
            if one.dim() == 2:
                nn.init.normal_(one, std=deviations.get(name.split(".")[-2], inward))

    def encode(self, ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """ids (batch, m) to the memory (batch, m, dim)."""
        result: Tensor = self.encoder(self.tokens(ids), attention_mask)
        return result

    @classmethod
    def from_pretrained(cls, place: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> Self:
        """A model from a folder in the Hub's format, or from a repository of the Hub.

        Whether the head is tied is seen by the weights: newer files of version 1.1 say that it is, and hold another.
        Raises CheckpointError where anything does not fit.
        """
        folder = find_folder(place)
        config = T5Config.from_hub(read_config(folder))
        weights = read_weights(folder)
        for name in _TOKENS_AGAIN:
            if name in weights:  # the embedding once more, and in some files only there
                again = weights.pop(name)
                weights.setdefault("shared.weight", again)
        head = weights.get("lm_head.weight")
        if config.tied and head is not None:
            if torch.equal(head, weights.get("shared.weight", head)):
                del weights["lm_head.weight"]
            else:
                config = replace(config, tied=False)
        model = cls(config).to(dtype)
        ours = names_of(config).ours(weights)
        load_weights(model, {name: one for name, one in ours.items() if not name.startswith(cls.passed_over)})
        return model

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the model so that transformers, and whatever reads its format, can load it."""
        dtype = str(self.tokens.weight.dtype).removeprefix("torch.")
        config = {**self.config.to_hub(), "architectures": [self.architecture], "torch_dtype": dtype}
        write_checkpoint(folder, config, names_of(self.config).theirs(self.state_dict()))


class T5Encoder(_T5):
    """The encoder alone, with the interface of encoders: its hidden states are of use to other models."""

    architecture = "T5EncoderModel"
    passed_over = ("decoder.", "head.")

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.begin()

    def forward(
        self,
        ids: Tensor,
        attention_mask: Tensor | None = None,
        token_types: Tensor | None = None,
        labels: Tensor | None = None,
        attentions: bool = False,
    ) -> Output:
        """ids (batch, m) to an Output. Raises ValueError for token types and labels, which this model has not."""
        if token_types is not None or labels is not None:
            raise ValueError("this family knows no token types, and its bare encoder has no head for labels")
        with recorded_attention() if attentions else nullcontext() as kept:
            hidden = self.encode(ids, attention_mask)
        return Output(hidden, attentions=None if kept is None else tuple(kept))


class T5Model(_T5, Seq2Seq):
    """Encoder and decoder, without a head."""

    architecture = "T5Model"
    passed_over: ClassVar[tuple[str, ...]] = ("head.",)

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.decoder = T5Stack(config, decoder=True)
        self.begin()

    def decode(
        self,
        ids: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: Seq2SeqCache | None = None,
    ) -> Tensor:
        result: Tensor = self.decoder(self.tokens(ids), attention_mask, memory, memory_mask, cache)
        return result

    def new_cache(self, batch: int, length: int) -> Seq2SeqCache:
        weight, config = self.tokens.weight, self.config
        shape = (config.decoder_layers, batch, config.heads, length, config.head_dim)
        return Seq2SeqCache(*shape, dtype=weight.dtype, device=weight.device)


class T5(T5Model):
    """Encoder, decoder and the head: a text in, a text out."""

    architecture = "T5ForConditionalGeneration"
    passed_over = ()

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.head = None if config.tied else Linear(config.dim, config.vocab, bias=False)
        self.begin()

    def scores(self, hidden: Tensor) -> Tensor:
        if self.config.scaled:
            hidden = hidden * self.config.dim**-0.5
        logits: Tensor = hidden @ self.tokens.weight.T if self.head is None else self.head(hidden)
        return logits


_TOKENS_AGAIN = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")


def names_of(config: T5Config) -> NameTable:
    """The names of all weights. A block's parts are numbered on the Hub: attention, in the decoder cross, the MLP."""
    pairs = {"shared": "tokens", "lm_head": "head"}
    for stack, layers in (("encoder", config.layers), ("decoder", config.decoder_layers)):
        first = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias"
        pairs |= {f"{stack}.final_layer_norm": f"{stack}.norm", first: f"{stack}.distances"}
        norms = ["attention_norm", *(["cross_norm"] if stack == "decoder" else []), "feed_norm"]
        for block in range(layers):
            theirs, ours = f"{stack}.block.{block}.layer", f"{stack}.blocks.{block}"
            pairs |= {f"{theirs}.0.SelfAttention.{one}": f"{ours}.attention.{one}" for one in "qkvo"}
            if stack == "decoder":
                pairs |= {f"{theirs}.1.EncDecAttention.{one}": f"{ours}.cross.{one}" for one in "qkvo"}
            mlp = {"wi_0": "gate", "wi_1": "up", "wo": "down"} if config.gated else {"wi": "up", "wo": "down"}
            pairs |= {f"{theirs}.{part}.layer_norm": f"{ours}.{norm}" for part, norm in enumerate(norms)}
            pairs |= {f"{theirs}.{len(norms) - 1}.DenseReluDense.{one}": f"{ours}.{name}" for one, name in mlp.items()}
    # The first checkpoints carry numbers for distances in the attention to the memory that nothing reads.
    return NameTable(pairs, dropped=("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",))
