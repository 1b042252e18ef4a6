"""ViT (Dosovitskiy and others, "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", 2021).

    pixels (batch, channels, height, width) → patches, each times E (batch, rows · columns, dim)
      → class token before them, + learned positions → dropout
      → { x + attention(layer_norm(x)); x + mlp(layer_norm(x)) } × layers
      → layer_norm → hidden (batch, 1 + patches, dim)
    classes    W h + b of the class token                                             (ImageClassifier)
    pooled     tanh(W h + b) of the class token                                       (the bare ViTModel)

What differs from BERT: patches of an image instead of words of a text, and norms that stand *before* attention and MLP,
as GPT-2's, with one more at the end. Nothing in the model knows that an image has two dimensions, other than which
pixels share a patch: patches are numbered row by row, and their positions are learned.

A larger image has more patches than the table has positions. The paper's section 3.2 stretches the table, as one would
an image; ``interpolate=True`` asks for it, and without it another size is refused. CLIP's towers are made of the same
blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.models.checkpoints import CheckpointError, refuse_unusual, require_type
from groundup.stack.models.encoder import ACTIVATIONS, HeadedModel, number_of_labels
from groundup.stack.models.names import NameTable
from groundup.stack.models.output import Output
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import (
    attention_by_formula,
    recorded_attention,
    scaled_dot_product_attention,
)
from groundup.stack.transformer.heads import merge_heads, split_heads
from groundup.stack.transformer.normalization import LayerNorm, pre_norm

Size = tuple[int, int]
"""Height and width."""


@dataclass(frozen=True)
class ViTConfig:
    """``image`` and ``patch`` are (height, width) in pixels; ``labels`` is the number of classes."""

    dim: int = 768
    layers: int = 12
    heads: int = 12
    hidden: int = 3072
    image: Size = (224, 224)
    patch: Size = (16, 16)
    channels: int = 3
    eps: float = 1e-12
    activation: str = "gelu"
    dropout: float = 0.0
    attention_dropout: float = 0.0
    qkv_bias: bool = True
    labels: int = 2

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"heads must divide dim: {self.heads} and {self.dim}")

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> ViTConfig:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, "vit")
        dim = config.get("hidden_size", 768)
        if config.get("pooler_output_size") not in (None, dim):
            raise CheckpointError(f"pooler_output_size = {config['pooler_output_size']} is not hidden_size = {dim}")
        if config.get("problem_type") not in (None, "single_label_classification"):
            raise CheckpointError(f"problem_type = {config['problem_type']!r} is not supported")
        refuse_unusual(config, {"pooler_act": "tanh"})
        return cls(
            dim=dim,
            layers=config.get("num_hidden_layers", 12),
            heads=config.get("num_attention_heads", 12),
            hidden=config.get("intermediate_size", 3072),
            image=height_and_width(config.get("image_size", 224)),
            patch=height_and_width(config.get("patch_size", 16)),
            channels=config.get("num_channels", 3),
            eps=config.get("layer_norm_eps", 1e-12),
            activation=known_activation(config.get("hidden_act", "gelu")),
            dropout=config.get("hidden_dropout_prob", 0.0),
            attention_dropout=config.get("attention_probs_dropout_prob", 0.0),
            qkv_bias=config.get("qkv_bias", True),
            labels=number_of_labels(config),
        )

    def to_hub(self) -> dict[str, Any]:
        return {
            "model_type": "vit",
            "hidden_size": self.dim,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.hidden,
            "image_size": one_or_two(self.image),
            "patch_size": one_or_two(self.patch),
            "num_channels": self.channels,
            "layer_norm_eps": self.eps,
            "hidden_act": self.activation,
            "hidden_dropout_prob": self.dropout,
            "attention_probs_dropout_prob": self.attention_dropout,
            "qkv_bias": self.qkv_bias,
            "id2label": {str(label): f"LABEL_{label}" for label in range(self.labels)},
            "label2id": {f"LABEL_{label}": label for label in range(self.labels)},
        }


def height_and_width(size: int | Sequence[int]) -> Size:
    """The Hub's size, one number for a square or two, as (height, width)."""
    height, width = (size, size) if isinstance(size, int) else size
    return height, width


def one_or_two(size: Size) -> int | list[int]:
    """The inverse of :func:`height_and_width`."""
    return size[0] if size[0] == size[1] else list(size)


def known_activation(name: str) -> str:
    """The name itself. Raises CheckpointError where it is not known."""
    if name not in ACTIVATIONS:
        raise CheckpointError(f"hidden_act {name!r} is not supported; {', '.join(ACTIVATIONS)} are")
    return name


class ImageEmbedding(nn.Module):
    """Pixels to what goes into the first block: z₀ = [class token; x₁ E; x₂ E; …] + positions (equation 1).

    ``patches`` is E, (dim, channels, patch height, patch width). ``class_token`` is (dim,) and ``positions``
    (1 + rows · columns, dim), with ones before their shapes where ``batched``, as the Hub's files of ViT have them.
    """

    def __init__(
        self, image: Size, patch: Size, channels: int, dim: int, bias: bool = True, batched: bool = True
    ) -> None:
        super().__init__()
        self.image, self.patch = image, patch
        self.grid = grid_of(image, patch)
        self.patches = nn.Conv2d(channels, dim, patch, stride=patch, bias=bias)
        rows, columns = self.grid
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim) if batched else torch.zeros(dim))
        n = 1 + rows * columns
        self.positions = nn.Parameter(torch.zeros(1, n, dim) if batched else torch.zeros(n, dim))

    def forward(self, pixels: Tensor, interpolate: bool = False) -> Tensor:
        """pixels (batch, channels, height, width) to (batch, 1 + patches, dim).

        Pixels beyond the last whole patch are not seen. Raises ValueError where the size is not the configuration's
        and ``interpolate`` does not say that the positions are to be stretched, and for other channels.
        """
        channels = self.patches.in_channels
        if pixels.dim() != 4 or pixels.shape[1] != channels:
            raise ValueError(f"pixels must be (batch, {channels}, height, width): got {tuple(pixels.shape)}")
        size = (pixels.shape[-2], pixels.shape[-1])
        if size != self.image and not interpolate:
            raise ValueError(f"the image has {size} pixels, this model's images {self.image}: ask to interpolate")
        # A convolution whose steps are as wide as its window applies one matrix to every patch.
        patches = self.patches(pixels.to(self.patches.weight.dtype)).flatten(2).transpose(1, 2)
        first = self.class_token.expand(len(pixels), 1, -1)
        return torch.cat((first, patches), dim=1) + self._positions_for(grid_of(size, self.patch))

    def _positions_for(self, grid: Size) -> Tensor:
        """(1 + rows · columns, dim): the table as it is, or stretched to another grid of patches."""
        if grid == self.grid:
            return self.positions
        positions = self.positions.flatten(0, -2)
        table = positions[1:].T.reshape(1, -1, *self.grid)  # (1, dim, rows, columns), as if it were an image
        wider = functional.interpolate(table, size=grid, mode="bicubic", align_corners=False)
        return torch.cat((positions[:1], wider[0].flatten(1).T))


def grid_of(image: Size, patch: Size) -> Size:
    """How many whole patches an image has, in rows and in columns."""
    return image[0] // patch[0], image[1] // patch[1]


class ViTBlock(nn.Module):
    """Attention and MLP, each behind a norm and beside a residual, with biases.

    State: ``{attention,feed}_norm.{weight,bias}``, ``{q,k,v,o,up,down}.{weight,bias}``.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        hidden: int,
        eps: float,
        activation: str,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        qkv_bias: bool = True,
    ) -> None:
        super().__init__()
        self.heads, self.attention_dropout = heads, attention_dropout
        self.attention_norm = LayerNorm(dim, eps)
        self.q, self.k, self.v = (Linear(dim, dim, bias=qkv_bias) for _ in range(3))
        self.o = Linear(dim, dim)
        self.feed_norm = LayerNorm(dim, eps)
        self.up, self.down = Linear(dim, hidden), Linear(hidden, dim)
        self.dropout = nn.Dropout(dropout)
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (batch, n, dim) to the same; mask broadcastable to (batch, heads, n, n), True = may attend, or None."""
        x = pre_norm(x, self.attention_norm, lambda y: self.dropout(self._attend(y, mask)))
        return pre_norm(x, self.feed_norm, lambda y: self.dropout(self.down(self.activation(self.up(y)))))

    def _attend(self, x: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = (split_heads(layer(x), self.heads) for layer in (self.q, self.k, self.v))
        if self.training and self.attention_dropout:
            attended = attention_by_formula(q, k, v, mask, self.attention_dropout)
        else:
            attended = scaled_dot_product_attention(q, k, v, mask)
        result: Tensor = self.o(merge_heads(attended))
        return result


class ViT(nn.Module):
    """The encoder: pixels to hidden states, that of the class token first."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.embedding = ImageEmbedding(config.image, config.patch, config.channels, config.dim)
        self.dropout = nn.Dropout(config.dropout)
        sizes = (config.dim, config.heads, config.hidden, config.eps, config.activation)
        more = (config.dropout, config.attention_dropout, config.qkv_bias)
        self.blocks = nn.ModuleList(ViTBlock(*sizes, *more) for _ in range(config.layers))
        self.norm = LayerNorm(config.dim, config.eps)

    def forward(self, pixels: Tensor, interpolate: bool = False) -> Tensor:
        """pixels (batch, channels, height, width) to (batch, 1 + patches, dim), as :class:`ImageEmbedding` says."""
        x = self.dropout(self.embedding(pixels, interpolate))
        for block in self.blocks:
            x = block(x)
        result: Tensor = self.norm(x)
        return result


class ViTModel(HeadedModel):
    """The bare encoder, with its pooled layer or not; the head below is this and something more."""

    family = "ViT"
    config_type: ClassVar = ViTConfig
    config: ViTConfig
    encoder: ViT

    def __init__(self, config: ViTConfig, pooler: bool = True) -> None:
        super().__init__(config, ViT(config), Linear(config.dim, config.dim) if pooler else None)
        self.begin()

    def begin(self) -> None:
        """First weights: normal with a deviation of 0.02; biases 0."""
        for one in self.parameters():
            if one.dim() >= 2:
                nn.init.normal_(one, std=0.02)
        nn.init.zeros_(self.encoder.get_parameter("embedding.patches.bias"))

    def forward(
        self, pixels: Tensor, labels: Tensor | None = None, attentions: bool = False, interpolate: bool = False
    ) -> Output:
        """pixels (batch, channels, height, width) to an Output; ``interpolate`` allows for images of another size."""
        with recorded_attention() if attentions else nullcontext() as kept:
            hidden = self.encoder(pixels, interpolate)
        return self.output(hidden, labels, kept)

    @classmethod
    def names(cls, config: ViTConfig) -> NameTable:
        pairs = {f"vit.encoder.layer.{{}}.{theirs}": f"encoder.blocks.{{}}.{ours}" for theirs, ours in _BLOCK.items()}
        return NameTable(pairs | _OUTSIDE, "vit.")


class ImageClassifier(ViTModel):
    """One class for a whole image, read from the class token. ``labels`` (batch,)."""

    architecture = "ForImageClassification"

    def __init__(self, config: ViTConfig) -> None:
        super().__init__(config, pooler=False)
        self.classes = Linear(config.dim, config.labels)
        self.begin()

    def scores(self, hidden: Tensor, pooled: Tensor | None) -> Tensor:
        result: Tensor = self.classes(hidden[:, 0])
        return result


_BLOCK = {
    "layernorm_before": "attention_norm",
    "attention.attention.query": "q",
    "attention.attention.key": "k",
    "attention.attention.value": "v",
    "attention.output.dense": "o",
    "layernorm_after": "feed_norm",
    "intermediate.dense": "up",
    "output.dense": "down",
}
_OUTSIDE = {
    "vit.embeddings.patch_embeddings.projection": "encoder.embedding.patches",
    "vit.embeddings.cls_token": "encoder.embedding.class_token",
    "vit.embeddings.position_embeddings": "encoder.embedding.positions",
    "vit.layernorm": "encoder.norm",
    "vit.pooler.dense": "pooler",
    "classifier": "classes",
}
