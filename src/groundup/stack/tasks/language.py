"""Language modeling as a task: how surprised a decoder is by a text, each token counted once, by what stands before it.

    a long text       t0 t1 t2 t3 t4 t5 t6 t7 t8 t9        windows of length 6, one every 3 tokens (stride)
    window 1         [t0 t1 t2 t3 t4 t5]                   counted: t1 … t5
    window 2                  [t3 t4 t5 t6 t7 t8]          counted: t6 t7 t8, with at least length - stride before them
    window 3                           [t6 t7 t8 t9]       counted: t9

The first token has nothing before it, and is not counted, unless something is put before the text (``begin``). A
smaller stride gives every token more of the past, up to length - stride, and costs more: stride = length forgets all
at each cut, stride = 1 nothing that the window has room for. Press, Smith and Lewis, "Shortformer" (2021), section 2.

Perplexity per token depends on the tokenizer: only for models of one tokenizer it may be compared. Per word and per
byte it may be compared for all, since the text has as many of them for everybody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from groundup.stack.inference.steps import context_of
from groundup.stack.tasks.task import device_of, evaluating

_TOGETHER = 8


@dataclass(frozen=True)
class Surprise:
    """``nats`` is the sum of -log p over the ``tokens`` that were counted."""

    nats: float
    tokens: int

    @property
    def per_token(self) -> float:
        """The perplexity: among how many equally likely tokens the model chooses, on average."""
        return self.per(self.tokens)

    def per(self, units: int) -> float:
        """The perplexity per unit of the same text, words or bytes, of which there are ``units``.

        Infinite where no number is large enough, as per word of a long text that has no spaces. Raises ValueError
        where there are none.
        """
        try:
            return math.exp(self._mean(units))
        except OverflowError:
            return math.inf

    def bits_per(self, units: int) -> float:
        """Bits per unit: the size of the text, compressed by this model. Raises ValueError where there are none."""
        return self._mean(units) / math.log(2)

    def _mean(self, units: int) -> float:
        if units < 1:
            raise ValueError(f"a perplexity is an average over one unit at least, not over {units}")
        return self.nats / units


@dataclass(frozen=True)
class TextSurprise(Surprise):
    """Of a text of ``words``, parts between white space, and ``bytes`` in UTF-8."""

    words: int
    bytes: int

    def scores(self) -> dict[str, float]:
        """Perplexities, and bits per byte. Raises ValueError for a text without words."""
        return {
            "perplexity": self.per_token,
            "perplexity per word": self.per(self.words),
            "perplexity per byte": self.per(self.bytes),
            "bits per byte": self.bits_per(self.bytes),
        }


def perplexity(
    model: Any,
    ids: Sequence[int],
    length: int | None = None,
    stride: int | None = None,
    *,
    begin: Sequence[int] = (),
    together: int = _TOGETHER,
) -> Surprise:
    """How surprised a decoder is by the tokens of a text, of which each counts once.

    ``length`` is a window's, ``begin`` included (the model's context where not given), ``stride`` the way from one
    window to the next (half of a window where not given). ``begin`` are tokens before the text, which do not count:
    they stand before its first window only. ``together`` windows are computed at once.

    Raises ValueError for lengths and strides that mean nothing, and for a text of which no token can be counted.
    """
    whole = [*begin, *ids]
    first = max(len(begin), 1)
    if len(whole) <= first:
        raise ValueError(f"a text of {len(ids)} tokens has none that has something before it")
    context = context_of(model)
    length = (context or max(len(whole), stride or 1)) if length is None else length
    stride = max(length // 2, 1) if stride is None else stride
    if context is not None and length > context:
        raise ValueError(f"windows of {length} tokens do not fit into this model's context of {context}")
    if length < 2 or not 1 <= stride <= length:
        raise ValueError(f"a window has 2 tokens at least, a stride from 1 to its length: got {length} and {stride}")
    if together < 1:
        raise ValueError(f"at least one window is computed at once: got together={together}")
    device, nats = device_of(model), 0.0
    tokens = torch.tensor(whole, device=device)
    plan = windows(len(whole), length, stride, first)
    with evaluating(model):
        for size in dict.fromkeys(end - start for start, end, _ in plan):
            alike = [one for one in plan if one[1] - one[0] == size]
            for at in range(0, len(alike), together):
                nats += _nats(model, tokens, alike[at : at + together])
    return Surprise(nats, len(whole) - first)


def text_perplexity(
    model: Any, tokenizer: Any, text: str, length: int | None = None, stride: int | None = None
) -> TextSurprise:
    """:func:`perplexity` of a text, behind the tokens that the tokenizer puts before every text; per token, per word
    and per byte. Where there are no such tokens, the first token is not counted, though its words and bytes are."""
    found = perplexity(model, tokenizer.encode(text), length, stride, begin=tokenizer.begin)
    return TextSurprise(found.nats, found.tokens, len(text.split()), len(text.encode("utf-8")))


def windows(n: int, length: int, stride: int, first: int = 1) -> list[tuple[int, int, int]]:
    """(start, end, counted from) of each window over n tokens: every token from ``first`` on is counted in one."""
    found: list[tuple[int, int, int]] = []
    done, start = first, 0
    while done < n:
        # What is counted needs one token before it: with a stride of the whole length a window begins at that one.
        start = min(start, done - 1)
        end = min(start + length, n)
        if end > done:
            found.append((start, end, done))
            done = end
        start += stride
    return found


def _nats(model: Any, tokens: Tensor, some: Sequence[tuple[int, int, int]]) -> float:
    """The sum over windows of one size."""
    ids = torch.stack([tokens[start:end] for start, end, _ in some])
    output = model(ids)
    logits = output if isinstance(output, Tensor) else output.logits
    wide = torch.promote_types(logits.dtype, torch.float32)
    each = functional.cross_entropy(logits[:, :-1].flatten(0, 1).to(wide), ids[:, 1:].flatten(), reduction="none")
    place = torch.arange(1, ids.shape[1], device=ids.device)
    counted = torch.stack([place >= since - start for start, _, since in some])
    return float(each.view(counted.shape).masked_fill(~counted, 0.0).double().sum())
