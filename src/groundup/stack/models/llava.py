"""LLaVA (Liu and others, "Visual Instruction Tuning", 2023; with the projector of two layers of LLaVA 1.5: Liu and
others, "Improved Baselines with Visual Instruction Tuning", 2023).

    pixels (images, channels, height, width) → CLIP's tower, the states after some of its blocks → projector ─┐
    ids (batch, n) → embedding; where an image token stands, the next patch of the next image in its place ◄──┘
      → Llama's blocks → logits (batch, n, vocab)

The decoder sees patches as it sees words: after the projector they have the same number of dimensions, and each takes
one position of the text. A text holds as many image tokens as its images have patches, and images may stand anywhere in
it, several of them, or none; they are taken in reading order, those of the first text first. What an image shows to the
decoder are the states after the last block but one: the paper's ablations have it better than the last one, whose
states are made to be compared with whole texts. Both towers are models of their own (:mod:`.clip`, :mod:`.llama`), and
training begins with theirs; at first only the projector learns (section 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from groundup.stack.inference.cache import KVCache
from groundup.stack.models.checkpoints import CheckpointError, require_type
from groundup.stack.models.clip import IMAGE_NAMES, ImageConfig, ImageTower, begin_tower
from groundup.stack.models.encoder import ACTIVATIONS
from groundup.stack.models.llama import Llama, LlamaConfig, rename_checkpoint, scaled_rates, to_hub_names
from groundup.stack.models.names import NameTable
from groundup.stack.models.output import Output, next_token_loss
from groundup.stack.models.pretrained import PretrainedModel
from groundup.stack.models.vit import grid_of
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.attention import recorded_attention
from groundup.stack.transformer.rotary import rope_tables

_LLAMA = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
}
"""What the Hub's files of LLaVA leave out of the decoder's settings: those of transformers' first Llama."""


@dataclass(frozen=True)
class LlavaConfig:
    """``image_id`` is the image token. ``layers`` says whose states are shown, 0 = what goes into the first block, from
    behind where negative, side by side where there are several; ``one`` that it is written as a number, not a list.
    ``class_token`` shows the class token's too; ``bias`` and ``activation`` are the projector's."""

    image: ImageConfig
    text: LlamaConfig
    image_id: int = 32000
    layers: tuple[int, ...] = (-2,)
    one: bool = True
    class_token: bool = False
    activation: str = "gelu"
    bias: bool = True

    def __post_init__(self) -> None:
        for layer in self.layers:
            if not -self.image.layers - 1 <= layer <= self.image.layers:
                raise ValueError(f"there is no layer {layer}: the images' tower has {self.image.layers}")

    @property
    def patches(self) -> int:
        """How many image tokens an image takes."""
        rows, columns = grid_of(self.image.image, self.image.patch)
        return rows * columns + self.class_token

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> LlavaConfig:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, "llava")
        activation = config.get("projector_hidden_act", "gelu")
        if activation not in ACTIVATIONS:
            raise CheckpointError(f"projector_hidden_act {activation!r} is not supported; {', '.join(ACTIVATIONS)} are")
        strategy = config.get("vision_feature_select_strategy", "default")
        if strategy not in ("default", "full"):
            raise CheckpointError(f"vision_feature_select_strategy {strategy!r} is not supported; default and full are")
        text = LlamaConfig.from_hub(_LLAMA | dict(config.get("text_config") or {"model_type": "llama"}))
        layer = config.get("vision_feature_layer", -2)
        return cls(
            image=ImageConfig.from_hub(config.get("vision_config") or {}),
            text=replace(text, tied=text.tied or config.get("tie_word_embeddings", False)),
            image_id=config.get("image_token_index", 32000),
            layers=(layer,) if isinstance(layer, int) else tuple(layer),
            one=isinstance(layer, int),
            class_token=strategy == "full",
            activation=activation,
            bias=config.get("multimodal_projector_bias", True),
        )

    def to_hub(self) -> dict[str, Any]:
        return {
            "model_type": "llava",
            "vision_config": self.image.to_hub(),
            "text_config": self.text.to_hub(),
            "image_token_index": self.image_id,
            "image_seq_length": self.patches,
            "vision_feature_layer": self.layers[0] if self.one else list(self.layers),
            "vision_feature_select_strategy": "full" if self.class_token else "default",
            "projector_hidden_act": self.activation,
            "multimodal_projector_bias": self.bias,
            "tie_word_embeddings": self.text.tied,
        }


class Projector(nn.Module):
    """States of patches (..., dim of images) to what the decoder takes for embeddings (..., dim of texts)."""

    def __init__(self, config: LlavaConfig) -> None:
        super().__init__()
        self.first = Linear(config.image.dim * len(config.layers), config.text.dim, config.bias)
        self.second = Linear(config.text.dim, config.text.dim, config.bias)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, states: Tensor) -> Tensor:
        result: Tensor = self.second(self.activation(self.first(states)))
        return result


class Llava(PretrainedModel):
    """``image`` is CLIP's tower, ``decoder`` a Llama; those of other models can be put in their place."""

    architecture = "LlavaForConditionalGeneration"
    config_type: ClassVar = LlavaConfig

    def __init__(self, config: LlavaConfig) -> None:
        super().__init__()
        self.config = config
        self.image = ImageTower(config.image)
        self.projector = Projector(config)
        self.decoder = Llama(config.text)
        begin_tower(self.image)

    def forward(
        self,
        ids: Tensor,
        pixels: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        cache: KVCache | None = None,
        attentions: bool = False,
    ) -> Output:
        """ids (batch, n) and pixels (images, channels, height, width) to an Output; ``attentions`` are the decoder's.

        With a cache, ids are the tokens after those that it holds, and ``attention_mask`` (batch, held + n), True or
        1 = a real token, is of them all. ``labels`` (batch, n) are the ids themselves, IGNORED where a token does not
        count, as those of an image; that each is predicted from those before it is seen to here. Raises ValueError as
        :meth:`embed`, and beyond the decoder's context.
        """
        x = self.embed(ids, pixels)
        with recorded_attention() if attentions else nullcontext() as kept:
            hidden = self.decoder.hidden_of(x, cache, attention_mask)
        logits = self.decoder.scores(hidden)
        loss = None if labels is None else next_token_loss(logits, labels)
        return Output(hidden, logits, loss, None, None if kept is None else tuple(kept))

    def embed(self, ids: Tensor, pixels: Tensor | None = None) -> Tensor:
        """(batch, n, dim): what goes into the decoder's first block.

        Raises ValueError where the image tokens are not as many as the images' patches.
        """
        places = ids == self.config.image_id
        images = 0 if pixels is None else len(pixels)
        if (count := int(places.sum())) != images * self.config.patches:
            raise ValueError(
                f"the text has {count} image tokens, and {images} images of {self.config.patches} patches need "
                f"{images * self.config.patches}"
            )
        # The image token needs no row in the table: it may be an id beyond the vocabulary.
        x: Tensor = self.decoder.embedding(ids.masked_fill(places, 0))
        if pixels is None:
            return x
        return x.masked_scatter(places.unsqueeze(-1), self.image_features(pixels).to(x.dtype))

    def image_features(self, pixels: Tensor) -> Tensor:
        """pixels (images, channels, height, width) to embeddings (images, patches, dim)."""
        states = self.image.states(pixels)
        chosen = torch.cat([states[layer] for layer in self.config.layers], dim=-1)
        features: Tensor = self.projector(chosen if self.config.class_token else chosen[:, 1:])
        return features

    def new_cache(self, batch: int, length: int) -> KVCache:
        """An empty cache that fits the decoder."""
        return self.decoder.new_cache(batch, length)

    @torch.no_grad()
    def generate(
        self, ids: Tensor, n: int, pixels: Tensor | None = None, attention_mask: Tensor | None = None
    ) -> Tensor:
        """ids (batch, length) continued greedily by n tokens: (batch, length + n).

        Images are looked at once, and each token is run through once. Texts of different lengths are padded *before*
        their first token, since all are continued at one place; positions count on from the padding, which changes
        nothing, as rotary positions tell distances alone.
        """
        batch, length = ids.shape
        cache = self.new_cache(batch, length + n)
        x = self.embed(ids, pixels)
        for _ in range(n):
            hidden = self.decoder.hidden_of(x, cache, attention_mask)[:, -1:]
            new = self.decoder.scores(hidden).argmax(dim=-1).to(ids.dtype)
            ids = torch.cat((ids, new), dim=-1)
            x = self.decoder.embedding(new)  # were it the image token, it would stand for no image
            if attention_mask is not None:
                attention_mask = torch.cat((attention_mask, torch.ones_like(attention_mask[:, :1])), dim=-1)
        return ids

    # ── the Hub's format ─────────────────────────────────────────────────────

    @classmethod
    def names(cls, config: LlavaConfig) -> NameTable:
        return LlavaNames()

    def cast(self, dtype: torch.dtype) -> Self:
        model = super().cast(dtype)
        # The angles keep their own precision whatever the weights have.
        tables = rope_tables(scaled_rates(self.config.text), self.config.text.context)
        model.decoder.cos, model.decoder.sin = tables
        return model

    def wanted(self, weights: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """All but the head of a decoder whose head is its embedding."""
        tied = self.config.text.tied
        return {name: one for name, one in weights.items() if not (tied and name == "decoder.head.weight")}


class LlavaNames(NameTable):
    """The Hub's names, under which the decoder's are Llama's, with ``language_model.`` before them."""

    def __init__(self) -> None:
        tower = {f"vision_tower.vision_model.{theirs}": f"image.{ours}" for theirs, ours in IMAGE_NAMES.items()}
        layers = {"linear_1": "projector.first", "linear_2": "projector.second"}
        projector = {f"multi_modal_projector.{theirs}": ours for theirs, ours in layers.items()}
        super().__init__(tower | projector, dropped=("vision_tower.vision_model.embeddings.position_ids",))

    def ours(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        weights = {older_name(name): one for name, one in weights.items()}
        decoder = {name.removeprefix(_DECODER): one for name, one in weights.items() if name.startswith(_DECODER)}
        others = {name: one for name, one in weights.items() if not name.startswith(_DECODER)}
        return super().ours(others) | {f"decoder.{name}": one for name, one in rename_checkpoint(decoder).items()}

    def theirs(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        decoder = {name.removeprefix("decoder."): one for name, one in weights.items() if name.startswith("decoder.")}
        others = {name: one for name, one in weights.items() if not name.startswith("decoder.")}
        return super().theirs(others) | {_DECODER + name: one for name, one in to_hub_names(decoder).items()}


_DECODER = "language_model."


def older_name(name: str) -> str:
    """The name that the first files have, which all versions of transformers read, for the two that came later."""
    if name.startswith("lm_head."):
        return _DECODER + name
    name = name.removeprefix("model.")
    decoder, tower = _DECODER, "vision_tower."
    if name.startswith(decoder) and not name.startswith((f"{decoder}model.", f"{decoder}lm_head.")):
        return f"{decoder}model.{name.removeprefix(decoder)}"
    if name.startswith(tower) and not name.startswith(f"{tower}vision_model."):
        return f"{tower}vision_model.{name.removeprefix(tower)}"
    return name
