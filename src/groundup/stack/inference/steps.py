"""Writing step by step: a batch of texts of which each call writes one more token, whatever kind of model writes.

    prompts, padded on the left ── first ──► logits (rows, vocab) ── choose ──► tokens (rows,)
                                             logits (rows, vocab) ◄── next ──┘

A decoder goes on with its prompt; an encoder-decoder reads it, and begins with ``start_id``. Both keep what they need
in a cache, of which rows can be left out or repeated (:meth:`Steps.select`): a text that has ended costs nothing more,
and beams are copies of one text. :class:`Rules` are what may not be written, whoever chooses.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from groundup.stack.inference.sampling import repetition_penalty

_LOWEST = float("-inf")


def reads_apart(model: Any) -> bool:
    """Whether the model is an encoder-decoder, which reads one text and writes another."""
    return hasattr(model, "encode") and hasattr(model, "decode")


def knows_places(model: Any) -> bool:
    """Whether texts of different lengths can be continued in one batch: padding goes to the left, and a decoder has to
    be told where each token stands in its own text. What is no attention, as Mamba, would see the padding."""
    if reads_apart(model):
        return True
    hidden = getattr(getattr(model, "model", model), "hidden", None)
    return hidden is not None and "places" in inspect.signature(hidden).parameters


def context_of(model: Any) -> int | None:
    """The most tokens that a text of this model may have; None where there is no such limit."""
    if reads_apart(model):
        return None
    inner = getattr(model, "model", model)
    found = getattr(inner, "context", None) or getattr(getattr(inner, "config", None), "context", None)
    return found if isinstance(found, int) else None


class Steps:
    """Prompts ids (batch, n) and, where padded, their mask (batch, n), 1 or True = a real token; ``room`` tokens are to
    be written at most. Decoders take padding on the left only."""

    def __init__(self, model: Any, ids: Tensor, mask: Tensor | None, room: int) -> None:
        self.model, self.apart = model, reads_apart(model)
        self._ids, self._mask = ids, None if mask is None or bool(mask.all()) else mask.bool()
        self.inner = model if self.apart else getattr(model, "model", model)
        self.cache = self.inner.new_cache(len(ids), room if self.apart else ids.shape[1] + room - 1)
        if self.apart:
            self.written = torch.full_like(ids[:, :1], model.config.start_id)
        else:
            self.written = ids if self._mask is None else ids.masked_fill(~self._mask, -1)
        if self._mask is not None and not self.apart:
            if not knows_places(model):
                raise ValueError(f"{type(self.inner).__name__} does not take padded prompts: give those of one length")
            if not bool(self._mask[:, -1].all()):
                raise ValueError("a decoder's prompts are padded on the left: the last token of each must be real")

    @property
    def rows(self) -> int:
        return len(self.written)

    def first(self) -> Tensor:
        """Scores (batch, vocab) of what may be written first."""
        if self.apart:
            logits: Tensor = self.model(self._ids, self._mask, self.written, cache=self.cache).logits[:, -1]
            return logits
        places = None if self._mask is None else (self._mask.cumsum(dim=-1) - 1).clamp(min=0)
        return self._scores(self._ids, places)

    def next(self, tokens: Tensor) -> Tensor:
        """tokens (rows,), what was chosen for each row, to the scores (rows, vocab) of what comes after."""
        new = tokens[:, None]
        self.written = torch.cat((self.written, new), dim=-1)
        if self.apart:
            logits: Tensor = self.model(None, decoder_input_ids=new, cache=self.cache).logits[:, -1]
            return logits
        if self._mask is None:
            return self._scores(new, None)
        self._mask = torch.cat((self._mask, torch.ones_like(new, dtype=torch.bool)), dim=-1)
        return self._scores(new, self._mask.sum(dim=-1, keepdim=True) - 1)

    def _scores(self, ids: Tensor, places: Tensor | None) -> Tensor:
        if not hasattr(self.inner, "hidden"):  # a bare decoder, as the lessons' GPT
            logits: Tensor = self.inner(ids, cache=self.cache)[:, -1]
            return logits
        more = () if places is None else (self._mask, places)
        hidden = self.inner.hidden(ids, self.cache, *more)
        scores: Tensor = self.inner.scores(hidden[:, -1])
        return scores

    def select(self, rows: Tensor, among: bool = False) -> None:
        """Go on with the rows ``rows`` (new,) in that order. ``among``: as many as before, and beams of one text only
        change places among each other, so that what the encoder made of it stays where it is."""
        self.written = self.written.index_select(0, rows)
        if self._mask is not None:
            self._mask = self._mask.index_select(0, rows)
        skipped = getattr(self.cache, "of_the_text", ()) if among else ()
        self.cache = select_rows(self.cache, rows, skipped)


def select_rows(held: Any, rows: Tensor, skipped: tuple[str, ...] = ()) -> Any:
    """What is held of the texts ``rows`` (new,) of a batch, in that order; one may come several times.

    ``held`` is any cache of ours, which is changed itself, or a part of one: every tensor in it is (batch, …).
    ``skipped`` are the names of what a cache shall leave as it is.
    """
    if isinstance(held, Tensor):
        return held.index_select(0, rows)
    if isinstance(held, tuple | list):
        return type(held)(select_rows(one, rows) for one in held)
    if is_dataclass(held) and not isinstance(held, type):
        return replace(held, **{one.name: select_rows(getattr(held, one.name), rows) for one in fields(held)})
    for name, one in list(getattr(held, "__dict__", {}).items()):
        if name not in skipped:
            setattr(held, name, select_rows(one, rows))
    return held


@dataclass(frozen=True)
class Rules:
    """What may not be written: an end before ``min_new_tokens``, a sequence of ``no_repeat_ngram`` tokens a second time
    (Paulus and others 2017, section 2.5), and, made less likely, what was there before (Keskar and others 2019).

    What is written includes a decoder's prompt. Raises ValueError for values that mean nothing.
    """

    end_ids: tuple[int, ...] = ()
    min_new_tokens: int = 0
    no_repeat_ngram: int = 0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if self.min_new_tokens < 0 or self.no_repeat_ngram < 0 or not self.repetition_penalty > 0:
            raise ValueError(
                "min_new_tokens and no_repeat_ngram are 0 or more, repetition_penalty is above 0: got "
                f"{self.min_new_tokens}, {self.no_repeat_ngram} and {self.repetition_penalty}"
            )

    def apply(self, scores: Tensor, written: Tensor, new: int) -> Tensor:
        """scores (rows, vocab) of the next token, -inf where it may not come. ``written`` (rows, n) are the tokens so
        far, -1 for padding, of which the last ``new`` are new. Raises ValueError for an end that is no token."""
        if self.end_ids and max(self.end_ids) >= scores.shape[-1]:
            raise ValueError(f"end {max(self.end_ids)} is no token of a vocabulary of {scores.shape[-1]}")
        if self.repetition_penalty != 1:
            before = torch.where(written < 0, written[:, -1:], written)
            scores = repetition_penalty(scores, before, self.repetition_penalty)
        if self.no_repeat_ngram:
            scores = scores.masked_fill(repeats(written, self.no_repeat_ngram, scores.shape[-1]), _LOWEST)
        if new < self.min_new_tokens and self.end_ids:
            ends = torch.tensor([one for one in self.end_ids if one >= 0], device=scores.device, dtype=torch.int64)
            scores = scores.index_fill(-1, ends, _LOWEST)
        return scores


def repeats(written: Tensor, size: int, vocab: int) -> Tensor:
    """(rows, vocab), True for the tokens that would complete a sequence of ``size`` tokens that written (rows, n) has
    already; -1 is padding, and part of no sequence."""
    found = torch.zeros(len(written), vocab, dtype=torch.int64, device=written.device)
    if written.shape[1] < size:
        return found.bool()
    windows = written.unfold(1, size, 1)  # (rows, n - size + 1, size)
    last = written[:, written.shape[1] - size + 1 :]  # the size - 1 tokens that the next one would complete
    same = (windows[..., :-1] == last[:, None]).all(dim=-1) & (windows >= 0).all(dim=-1)
    return found.scatter_add(1, windows[..., -1].clamp(min=0), same.long()).bool()
