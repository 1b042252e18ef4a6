"""What encoder-decoders share: the way from a text through its memory to another text, word by word.

    ids            (batch, m) ── encode ──► memory (batch, m, dim)
    decoder ids    (batch, n) ── decode, looking at the memory ──► hidden (batch, n, dim) ── scores ──► logits
    labels         (batch, n) ── shift_right ──► decoder ids: each word is predicted from those before it

A family's class says what ``encode``, ``decode`` and ``scores`` are, and its configuration has ``start_id`` (what the
decoder begins with), ``end_id`` and ``pad_id``. Sutskever, Vinyals and Le, "Sequence to Sequence Learning with Neural
Networks" (2014); the memory that is looked at: Bahdanau, Cho and Bengio (2015).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from groundup.stack.inference.cache import KVCache
from groundup.stack.models.checkpoints import (
    CheckpointError,
    find_folder,
    load_weights,
    read_config,
    read_weights,
    require_type,
    write_checkpoint,
)
from groundup.stack.models.output import IGNORED, Output, label_loss
from groundup.stack.transformer.attention import recorded_attention


@dataclass(frozen=True)
class Seq2SeqOutput(Output):
    """``hidden``, ``logits`` and ``attentions`` (of the decoder to itself) are the decoder's.

    ``encoder_hidden`` (batch, m, dim) is the memory; ``cross_attentions`` are one (batch, heads, n, m) a layer of the
    decoder, ``encoder_attentions`` one (batch, heads, m, m) a layer of the encoder, none where it did not run.
    """

    encoder_hidden: Tensor | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None


def shift_right(labels: Tensor, start_id: int, pad_id: int) -> Tensor:
    """What the decoder reads while it is to predict labels (batch, n): the same one place later, behind ``start_id``.

    Where a label is IGNORED, it reads ``pad_id``.
    """
    read = labels.masked_fill(labels == IGNORED, pad_id)
    return torch.cat((torch.full_like(read[:, :1], start_id), read[:, :-1]), dim=-1)


class HeldText:
    """A text that was read, with what the encoder made of it, so that it is not read again."""

    of_the_text: ClassVar[tuple[str, ...]] = ("ids", "mask", "encoded", "_memory")
    """What says nothing of the words written: it stays as it is where beams of one text change their places."""
    ids: Tensor | None = None
    mask: Tensor | None = None
    encoded: Any = None

    def hold(self, ids: Tensor, mask: Tensor | None, encoded: Any) -> None:
        """Keep the text (batch, m), its mask, and what the encoder made."""
        self.ids, self.mask, self.encoded = ids, mask, encoded


class Seq2SeqCache(HeldText):
    """What a decoder need not compute again: keys and values of its own earlier words, in room for ``length`` of them,
    and those of the memory, which are the same at every step."""

    # It has a key-value cache, and is none: so that one can be put in the place of KVCache.

    def __init__(
        self,
        layers: int,
        batch: int,
        heads: int,
        length: int,
        head_dim: int,
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.own = KVCache(layers, batch, heads, length, head_dim, dtype, device)
        self._memory: list[tuple[Tensor, Tensor] | None] = [None] * layers

    @property
    def length(self) -> int:
        """The words that every layer holds."""
        return self.own.length

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keep a layer's new keys and values of the decoder's own words: :meth:`KVCache.update`."""
        return self.own.update(layer, k, v)

    def memory(self, layer: int, make: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """A layer's keys and values of the memory, which ``make`` makes where they are not there yet."""
        held = self._memory[layer]
        if held is None:
            held = self._memory[layer] = make()
        return held


class Seq2Seq(nn.Module):
    """An encoder-decoder with the interface that all families share."""

    looks_at_itself: ClassVar[bool] = True
    """Whether each layer of the decoder looks at its own words, and then at the memory; else at the memory alone."""
    config: Any

    def encode(self, ids: Tensor, attention_mask: Tensor | None = None) -> Any:
        """ids (batch, m) to the memory (batch, m, dim), or to something that holds it; ``attention_mask`` (batch, m),
        True or 1 = a real token."""
        raise NotImplementedError

    def decode(
        self,
        ids: Tensor,
        memory: Any,
        memory_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: Any = None,
    ) -> Tensor:
        """ids (batch, n) to hidden states (batch, n, dim), looking at the memory where its mask (batch, m) is True.

        With a cache, ids are the words after those that it holds. ``attention_mask`` (batch, words held + n) is True
        or 1 for words that count.
        """
        raise NotImplementedError

    def scores(self, hidden: Tensor) -> Tensor | None:
        """hidden (..., dim) to logits (..., vocab); None for a model without a head."""
        return None

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return label_loss(logits, labels)

    def new_cache(self, batch: int, length: int) -> Any:
        """An empty cache with room for ``length`` words of the decoder."""
        raise NotImplementedError

    def forward(
        self,
        ids: Tensor | None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        labels: Tensor | None = None,
        cache: Any = None,
        attentions: bool = False,
        decoder_attention_mask: Tensor | None = None,
    ) -> Seq2SeqOutput:
        """ids (batch, m) and what the decoder reads (batch, n) to an output.

        ``labels`` (batch, n) are the words to write, IGNORED where one does not count; without ``decoder_input_ids``
        the decoder reads them, shifted right. With a cache, the first call reads ids; later ones may leave them out
        (None), and a different text or mask is refused. Raises ValueError where there is nothing to read, or nothing to
        compare labels with.
        """
        read = self.to_read(decoder_input_ids, labels)
        with recorded_attention() if attentions else nullcontext() as before:
            memory, memory_mask = self.encoded(ids, attention_mask, cache)
        with recorded_attention() if attentions else nullcontext() as kept:
            hidden = self.decode(read, memory, memory_mask, decoder_attention_mask, cache)
        logits = self.scores(hidden)
        if labels is not None and logits is None:
            raise ValueError(f"{type(self).__name__} has no head that labels could be compared with")
        own, cross = (kept[0::2], kept[1::2]) if kept and self.looks_at_itself else ([], kept)
        return Seq2SeqOutput(
            hidden,
            logits,
            loss=None if labels is None or logits is None else self.loss(logits, labels),
            attentions=None if kept is None else tuple(own),
            encoder_hidden=self.memory_of(memory),
            cross_attentions=None if cross is None else tuple(cross),
            encoder_attentions=None if before is None else tuple(before),
        )

    def memory_of(self, encoded: Any) -> Tensor:
        """What of it is looked at, (batch, m, dim)."""
        result: Tensor = encoded
        return result

    def to_read(self, decoder_input_ids: Tensor | None, labels: Tensor | None) -> Tensor:
        """What the decoder reads."""
        if decoder_input_ids is not None:
            return decoder_input_ids
        if labels is None:
            raise ValueError("the decoder has nothing to read: give decoder_input_ids or labels")
        return shift_right(labels, self.config.start_id, self.config.pad_id)

    def encoded(self, ids: Tensor | None, mask: Tensor | None, cache: HeldText | None) -> tuple[Any, Tensor | None]:
        """What the encoder makes of the text, and its mask (batch, m); from the cache where it holds them."""
        mask = None if mask is None else mask.bool()
        if cache is not None and cache.ids is not None:
            for given, held in ((ids, cache.ids), (mask, cache.mask)):
                if given is not None and (held is None or not torch.equal(given, held)):
                    raise ValueError("the cache holds the memory of another text: every text needs a cache of its own")
            return cache.encoded, cache.mask
        if ids is None:
            raise ValueError("ids may be left out only where a cache holds their memory")
        encoded = self.encode(ids, mask)
        if cache is not None:
            cache.hold(ids, mask, encoded)
        return encoded, mask


class OwnSeq2Seq(Seq2Seq):
    """An encoder-decoder that the Hub has no format for: its folder has our names of weights, and of settings."""

    model_type: ClassVar[str]
    config_type: ClassVar[Any]

    @classmethod
    def from_pretrained(cls, place: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> Self:
        """A model from a folder that :meth:`save_pretrained` wrote. Raises CheckpointError where anything does not
        fit, a setting that is not known among it."""
        folder = find_folder(place)
        settings = read_config(folder)
        require_type(settings, cls.model_type)
        known = {one.name for one in fields(cls.config_type)}
        given = {name: value for name, value in settings.items() if name not in _ABOUT}
        for name in sorted(given.keys() - known):
            raise CheckpointError(f"{name} = {given[name]!r} is not a setting of {cls.model_type}")
        build: Any = cls  # every family's models are built from their configuration alone
        model: Self = build(cls.config_type(**given)).to(dtype)
        load_weights(model, read_weights(folder))
        return model

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write settings and weights."""
        dtype = str(next(self.parameters()).dtype).removeprefix("torch.")
        about = {"model_type": self.model_type, "architectures": [type(self).__name__], "torch_dtype": dtype}
        write_checkpoint(folder, about | asdict(self.config), self.state_dict())


_ABOUT = ("model_type", "architectures", "torch_dtype", "vocabulary_sha256")


@torch.no_grad()
def generate_greedy(model: Seq2Seq, ids: Tensor, n: int, attention_mask: Tensor | None = None) -> Tensor:
    """The likeliest next word, up to n times: (batch, 1 + words), ``start_id`` first.

    A text that has come to ``end_id`` goes on with ``pad_id``; when all have, nothing more is written.
    """
    config = model.config
    cache = model.new_cache(len(ids), n)
    new = torch.full_like(ids[:, :1], config.start_id)
    text, going = [new], torch.ones_like(new, dtype=torch.bool)
    for _ in range(n):
        logits = model(ids, attention_mask, decoder_input_ids=new, cache=cache).logits
        new = torch.where(going, logits[:, -1:].argmax(dim=-1), config.pad_id)
        going = going & (new != config.end_id)
        text.append(new)
        if not going.any():
            break
    return torch.cat(text, dim=-1)
