"""CLIP (Radford and others, "Learning Transferable Visual Models From Natural Language Supervision", 2021).

    ids (batch, n) → tokens + positions → { ViT's block, causal } × layers → layer_norm → the end token's state
      → W → text features (texts, width) ─┐
                                           ├─ each of length 1, their products · exp(log_scale) → logits (images, texts)
      → W → image features (images, width)─┘
    pixels → patches + positions → layer_norm → { ViT's block } × layers → the class token's state → layer_norm

Two encoders, one of texts and one of images, whose features are alike where an image and a text belong together. The
loss is the mean of two choices among the batch: which text belongs to each image, and which image to each text
(figure 3 and section 2.3). A class of images is then named rather than learned: by a text that describes it.

What differs from ViT: a norm before the first block as well, none after the last but on the class token alone, patches
without a bias, and GELU in the quick form x · sigmoid(1.702 x). What differs from GPT-2, in the tower of texts: the
same GELU, and one vector for the text, that of its end token, which comes last and has therefore seen all. Before 4.31
transformers wrote configurations whose end token is 2, which it is not: there, as in the authors' code, it is the
greatest id of the text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from groundup.stack.models.checkpoints import CheckpointError, require_type
from groundup.stack.models.names import NameTable
from groundup.stack.models.output import Output, label_loss
from groundup.stack.models.pretrained import PretrainedModel
from groundup.stack.models.vit import ImageEmbedding, Size, ViTBlock, height_and_width, known_activation, one_or_two
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import CausalWindow, recorded_attention
from groundup.stack.transformer.normalization import LayerNorm

OLD_END = 2  # the end token's id in configurations that do not know it


@dataclass(frozen=True)
class TowerConfig:
    """What both towers have; ``width`` is that of the features."""

    model_type: ClassVar[str]

    dim: int = 512
    layers: int = 12
    heads: int = 8
    hidden: int = 2048
    eps: float = 1e-5
    activation: str = "quick_gelu"
    attention_dropout: float = 0.0
    width: int = 512

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"heads must divide dim: {self.heads} and {self.dim}")

    @classmethod
    def _shared(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        require_type(config, cls.model_type)
        usual = cls()
        return {
            "dim": config.get("hidden_size", usual.dim),
            "layers": config.get("num_hidden_layers", usual.layers),
            "heads": config.get("num_attention_heads", usual.heads),
            "hidden": config.get("intermediate_size", usual.hidden),
            "eps": config.get("layer_norm_eps", usual.eps),
            "activation": known_activation(config.get("hidden_act", usual.activation)),
            "attention_dropout": config.get("attention_dropout", usual.attention_dropout),
            "width": config.get("projection_dim", usual.width),
        }

    def to_hub(self) -> dict[str, Any]:
        return {
            "model_type": self.model_type,
            "hidden_size": self.dim,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.hidden,
            "layer_norm_eps": self.eps,
            "hidden_act": self.activation,
            "attention_dropout": self.attention_dropout,
            "projection_dim": self.width,
        }

    def blocks(self) -> nn.ModuleList:
        """All blocks of the tower."""
        sizes = (self.dim, self.heads, self.hidden, self.eps, self.activation)
        return nn.ModuleList(ViTBlock(*sizes, attention_dropout=self.attention_dropout) for _ in range(self.layers))


@dataclass(frozen=True)
class TextConfig(TowerConfig):
    """``end_id`` is the token that ends a text; OLD_END means the greatest id."""

    model_type: ClassVar[str] = "clip_text_model"

    vocab: int = 49408
    context: int = 77
    end_id: int = 49407

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> TextConfig:
        """From the Hub's ``config.json``, of the tower or of both. Raises CheckpointError for what is not computed."""
        config = part_of(config, "text_config")
        end = config.get("eos_token_id", cls.end_id)
        if not isinstance(end, int):
            raise CheckpointError(f"eos_token_id = {end!r} is not one token")
        return cls(
            **cls._shared(config),
            vocab=config.get("vocab_size", cls.vocab),
            context=config.get("max_position_embeddings", cls.context),
            end_id=end,
        )

    def to_hub(self) -> dict[str, Any]:
        more = {"vocab_size": self.vocab, "max_position_embeddings": self.context, "eos_token_id": self.end_id}
        return super().to_hub() | more


@dataclass(frozen=True)
class ImageConfig(TowerConfig):
    """``image`` and ``patch`` are (height, width) in pixels."""

    model_type: ClassVar[str] = "clip_vision_model"

    dim: int = 768
    heads: int = 12
    hidden: int = 3072
    image: Size = (224, 224)
    patch: Size = (32, 32)
    channels: int = 3

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> ImageConfig:
        """From the Hub's ``config.json``, of the tower or of both. Raises CheckpointError for what is not computed."""
        config = part_of(config, "vision_config")
        return cls(
            **cls._shared(config),
            image=height_and_width(config.get("image_size", cls.image)),
            patch=height_and_width(config.get("patch_size", cls.patch)),
            channels=config.get("num_channels", cls.channels),
        )

    def to_hub(self) -> dict[str, Any]:
        size = {"image_size": one_or_two(self.image), "patch_size": one_or_two(self.patch)}
        return super().to_hub() | size | {"num_channels": self.channels}


@dataclass(frozen=True)
class ClipConfig:
    """Both towers; ``width`` is that of the features of both, ``log_scale`` where log(1 / temperature) begins."""

    text: TextConfig = field(default_factory=TextConfig)
    image: ImageConfig = field(default_factory=ImageConfig)
    width: int = 512
    log_scale: float = math.log(1 / 0.07)

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> ClipConfig:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, "clip")
        return cls(
            text=TextConfig.from_hub(config),
            image=ImageConfig.from_hub(config),
            width=config.get("projection_dim", 512),
            log_scale=config.get("logit_scale_init_value", 2.6592),
        )

    def to_hub(self) -> dict[str, Any]:
        return {
            "model_type": "clip",
            "text_config": self.text.to_hub(),
            "vision_config": self.image.to_hub(),
            "projection_dim": self.width,
            "logit_scale_init_value": self.log_scale,
        }


def part_of(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The configuration of one tower: the whole, or what stands in that of both towers under its name."""
    if config.get("model_type") != "clip":
        return config
    kind = {"text_config": TextConfig.model_type, "vision_config": ImageConfig.model_type}[name]
    older = config.get(f"{name}_dict")  # where it stands, transformers looks at nothing else
    return {"model_type": kind, **(older if older is not None else config.get(name) or {})}


class TextTower(nn.Module):
    """Token ids to hidden states, each of which has seen those before it, and to that of the end token."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab, config.dim)
        self.positions = nn.Embedding(config.context, config.dim)
        self.blocks = config.blocks()
        self.norm = LayerNorm(config.dim, config.eps)
        self._window = CausalWindow()

    def forward(self, ids: Tensor, attention_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """ids (batch, n) to (batch, n, dim) and (batch, dim); attention_mask (batch, n), True or 1 = a real token.

        Raises ValueError for a text longer than the context, or without an end token.
        """
        n = ids.shape[-1]
        if n > self.config.context:
            raise ValueError(f"the text has {n} tokens, the context of this model {self.config.context}")
        x = self.tokens(ids) + self.positions.weight[:n]
        mask = self._window(0, n, ids.device)
        if attention_mask is not None:
            mask = attention_mask.bool()[:, None, None, :] & (mask if mask is not None else True)
        for block in self.blocks:
            x = block(x, mask)
        hidden = self.norm(x)
        return hidden, hidden[torch.arange(len(ids), device=ids.device), self.ends(ids)]

    def ends(self, ids: Tensor) -> Tensor:
        """(batch,): where each text's first end token is."""
        if self.config.end_id == OLD_END:
            return ids.argmax(-1)
        ends = ids == self.config.end_id
        if not ends.any(-1).all():
            raise ValueError(f"every text needs its end token, {self.config.end_id}")
        return ends.int().argmax(-1)


class ImageTower(nn.Module):
    """Pixels to hidden states, that of the class token first, and to that alone, normalized."""

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        self.embedding = ImageEmbedding(config.image, config.patch, config.channels, config.dim, False, False)
        self.first_norm = LayerNorm(config.dim, config.eps)
        self.blocks = config.blocks()
        self.norm = LayerNorm(config.dim, config.eps)

    def forward(self, pixels: Tensor, interpolate: bool = False) -> tuple[Tensor, Tensor]:
        """pixels (batch, channels, height, width) to (batch, 1 + patches, dim) and (batch, dim), see ImageEmbedding."""
        hidden = self.states(pixels, interpolate)[-1]
        return hidden, self.norm(hidden[:, 0])

    def states(self, pixels: Tensor, interpolate: bool = False) -> list[Tensor]:
        """What goes into the first block, and what each block makes of it: layers + 1 of (batch, 1 + patches, dim)."""
        found = [self.first_norm(self.embedding(pixels, interpolate))]
        for block in self.blocks:
            found.append(block(found[-1]))
        return found


def begin_tower(tower: TextTower | ImageTower) -> None:
    """First weights, as in the authors' code: normal, and what is added up narrower the more blocks there are."""
    dim = tower.norm.weight.shape[0]
    added = (2 * len(tower.blocks) * dim) ** -0.5
    widths = dict.fromkeys(("q", "k", "v", "embedding"), dim**-0.5)
    widths |= {"o": added, "down": added, "up": (2 * dim) ** -0.5}
    for name, one in tower.named_parameters():
        part = name.split(".")[-2]
        if one.dim() >= 2 or part == "embedding":
            nn.init.normal_(one, std=widths.get(part, 0.02))


class ClipModel(PretrainedModel):
    """What the models below share. ``prefix`` is what the Hub's files of a bare tower may leave out."""

    prefix: ClassVar[str] = ""

    def begin(self) -> None:
        """First weights of towers, see :func:`begin_tower`, and of projections; biases 0."""
        for part in self.children():
            if isinstance(part, Linear):
                nn.init.normal_(part.weight, std=part.in_features**-0.5)
            elif isinstance(part, TextTower | ImageTower):
                begin_tower(part)

    @classmethod
    def names(cls, config: Any) -> NameTable:
        return NameTable(NAMES, cls.prefix, _BUFFERS)

    def wanted(self, weights: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """One tower is also read from a file that holds both."""
        if settings["model_type"] != "clip":
            return weights
        own = {name.split(".")[0] for name in self.state_dict()}
        return {name: one for name, one in weights.items() if name.split(".")[0] not in _PARTS - own}


class ClipText(ClipModel):
    """The tower of texts alone. ``pooled`` (batch, dim) is the end token's state."""

    architecture = "CLIPTextModel"
    prefix = "text_model."
    config_type: ClassVar = TextConfig
    projects: ClassVar[bool] = False

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.text = TextTower(config)
        self.text_projection = Linear(config.dim, config.width, bias=False) if self.projects else None
        self.begin()

    def forward(self, ids: Tensor, attention_mask: Tensor | None = None, attentions: bool = False) -> Output:
        """ids (batch, n) to an Output; attention_mask (batch, n), True or 1 = a real token."""
        return tower_output(self.text, self.text_projection, attentions, ids, attention_mask)


class ClipTextFeatures(ClipText):
    """The same with its projection: ``pooled`` (batch, width) are the features."""

    architecture = "CLIPTextModelWithProjection"
    projects = True


class ClipImage(ClipModel):
    """The tower of images alone. ``pooled`` (batch, dim) is the class token's normalized state."""

    architecture = "CLIPVisionModel"
    prefix = "vision_model."
    config_type: ClassVar = ImageConfig
    projects: ClassVar[bool] = False

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        self.config = config
        self.image = ImageTower(config)
        self.image_projection = Linear(config.dim, config.width, bias=False) if self.projects else None
        self.begin()

    def forward(self, pixels: Tensor, attentions: bool = False, interpolate: bool = False) -> Output:
        """pixels (batch, channels, height, width) to an Output; ``interpolate`` allows for images of another size."""
        return tower_output(self.image, self.image_projection, attentions, pixels, interpolate)


class ClipImageFeatures(ClipImage):
    """The same with its projection: ``pooled`` (batch, width) are the features."""

    architecture = "CLIPVisionModelWithProjection"
    projects = True


@dataclass(frozen=True, kw_only=True)
class PairOutput(Output):
    """``logits`` (images, texts) say how well each fits each. ``hidden`` and ``attentions`` are the text's.

    ``text`` and ``image`` are what the towers made, ``pooled`` their features; the last two are these of length 1.
    """

    text: Output
    image: Output
    text_features: Tensor
    image_features: Tensor


class Clip(ClipModel):
    """Both towers, their projections, and the scale of the logits, as its logarithm."""

    architecture = "CLIPModel"
    config_type: ClassVar = ClipConfig

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.config = config
        self.text, self.image = TextTower(config.text), ImageTower(config.image)
        self.text_projection = Linear(config.text.dim, config.width, bias=False)
        self.image_projection = Linear(config.image.dim, config.width, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(config.log_scale))
        self.begin()

    def forward(
        self,
        ids: Tensor,
        pixels: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        attentions: bool = False,
        interpolate: bool = False,
    ) -> PairOutput:
        """ids (texts, n) and pixels (images, channels, height, width) to a PairOutput.

        ``labels`` (images,) say which text belongs to each image, ``torch.arange(images)`` where both have one order.
        """
        text = tower_output(self.text, self.text_projection, attentions, ids, attention_mask)
        image = tower_output(self.image, self.image_projection, attentions, pixels, interpolate)
        assert text.pooled is not None
        assert image.pooled is not None
        texts, images = (one / one.norm(dim=-1, keepdim=True) for one in (text.pooled, image.pooled))
        logits = images @ texts.T * self.log_scale.exp()
        loss = None if labels is None else pair_loss(logits, labels)
        return PairOutput(
            text.hidden, logits, loss, None, text.attentions,
            text=text, image=image, text_features=texts, image_features=images,
        )  # fmt: skip


def tower_output(tower: nn.Module, projection: Linear | None, attentions: bool, *given: Any) -> Output:
    """What a tower makes of what it is given, and the projection, where there is one, of what is pooled."""
    with recorded_attention() if attentions else nullcontext() as kept:
        hidden, pooled = tower(*given)
    pooled = pooled if projection is None else projection(pooled)
    return Output(hidden, None, None, pooled, None if kept is None else tuple(kept))


def pair_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean of two losses, the choice of a text for each image and of an image for each text.

    logits (n, n), rows are images; labels (n,): which text belongs to each image. Raises ValueError where these are no
    pairs. The paper's training also keeps the scale of the logits below 100: ``objectives.clip_loss`` does.
    """
    everyone = torch.arange(len(labels), device=labels.device)
    if logits.shape != 2 * labels.shape or not torch.equal(labels.sort().values, everyone):
        raise ValueError(f"labels must name each text once: got {labels.tolist()} and logits {tuple(logits.shape)}")
    return (label_loss(logits, labels) + label_loss(logits.T, labels.argsort())) / 2


_BLOCK = {
    "layer_norm1": "attention_norm",
    "self_attn.q_proj": "q",
    "self_attn.k_proj": "k",
    "self_attn.v_proj": "v",
    "self_attn.out_proj": "o",
    "layer_norm2": "feed_norm",
    "mlp.fc1": "up",
    "mlp.fc2": "down",
}
IMAGE_NAMES = {
    "embeddings.class_embedding": "embedding.class_token",
    "embeddings.patch_embedding": "embedding.patches",
    "embeddings.position_embedding.weight": "embedding.positions",
    "pre_layrnorm": "first_norm",  # as the Hub spells it
    "post_layernorm": "norm",
} | {f"encoder.layers.{{}}.{theirs}": f"blocks.{{}}.{ours}" for theirs, ours in _BLOCK.items()}
_TEXT_NAMES = {
    "embeddings.token_embedding": "tokens",
    "embeddings.position_embedding": "positions",
    "final_layer_norm": "norm",
} | {f"encoder.layers.{{}}.{theirs}": f"blocks.{{}}.{ours}" for theirs, ours in _BLOCK.items()}
NAMES = (
    {f"text_model.{theirs}": f"text.{ours}" for theirs, ours in _TEXT_NAMES.items()}
    | {f"vision_model.{theirs}": f"image.{ours}" for theirs, ours in IMAGE_NAMES.items()}
    | {"text_projection": "text_projection", "visual_projection": "image_projection", "logit_scale": "log_scale"}
)
_PARTS = {"text", "image", "text_projection", "image_projection", "log_scale"}
_BUFFERS = ("text_model.embeddings.position_ids", "vision_model.embeddings.position_ids")
