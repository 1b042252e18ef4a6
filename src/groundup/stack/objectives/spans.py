"""Span corruption: gaps in a text, each marked by a word of its own, and what was in them as the text to write.

    text      Thank you for inviting me to your party last week
    input     Thank you <X> me to your party <Y> week
    target    <X> for inviting <Y> last <Z>

Raffel and others, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer" (2020), section
3.1.4 (one sentinel a span, in the target once more, and a last one at its end), section 3.3.4 (spans of a mean length);
15 % of the words in spans of 3. How spans are drawn is in the authors' code alone: the numbers of words and of spans
are not random, where the spans lie is. The text begins with words that stay and ends with a gap; the target's last
sentinel, which the code leaves out where the text ends with a gap, is here always, as in the paper.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor


def span_counts(n: int, share: float = 0.15, mean_length: float = 3.0) -> tuple[int, int]:
    """How many of n words go, and in how many spans. At least one goes, one stays, and one stays before each span.

    So the input has n - words + spans tokens, and the target words + spans + 1, where no special token splits a span.
    Raises ValueError unless n is 2 at least, the share between 0 and 1, and the mean length 1 at least.
    """
    if n < 2 or not 0 < share < 1 or mean_length < 1:
        raise ValueError(f"n >= 2, 0 < share < 1 and mean_length >= 1 are needed: got {n=}, {share=}, {mean_length=}")
    words = min(max(round(n * share), 1), n - 1)
    return words, min(max(round(words / mean_length), 1), n - words)


def random_lengths(items: int, parts: int, generator: torch.Generator | None = None) -> Tensor:
    """(parts,): lengths of at least 1 that sum to ``items``, each such list equally likely.

    Raises ValueError unless 1 <= parts <= items.
    """
    if not 1 <= parts <= items:
        raise ValueError(f"1 <= parts <= items is needed: got {parts=} and {items=}")
    cuts = torch.randperm(items - 1, generator=generator)[: parts - 1].sort().values + 1
    return torch.cat((torch.tensor([0]), cuts, torch.tensor([items]))).diff()


def span_noise(
    n: int, share: float = 0.15, mean_length: float = 3.0, generator: torch.Generator | None = None
) -> Tensor:
    """(n,), True for words that go: :func:`span_counts` of them, stretches that stay and spans that go by turns."""
    words, spans = span_counts(n, share, mean_length)
    gone = random_lengths(words, spans, generator)
    stay = random_lengths(n - words, spans, generator)
    by_turns = torch.stack((stay, gone), dim=-1).flatten()
    return (torch.arange(2 * spans) % 2 == 1).repeat_interleave(by_turns)


def replace_spans(ids: Tensor, noise: Tensor, sentinel: int, sentinels: int = 100) -> tuple[Tensor, Tensor]:
    """The input and the target for a text (n,) whose words go where ``noise`` (n,) is True.

    The first span's sentinel is ``sentinel``, the next is one less, and so on: in T5's vocabulary they are the last,
    counted down. Raises ValueError where shapes differ, the text holds sentinels, or there are too few of them.
    """
    if ids.dim() != 1 or noise.shape != ids.shape:
        raise ValueError(f"ids (n,) and noise (n,) are needed: got {tuple(ids.shape)} and {tuple(noise.shape)}")
    if _is_sentinel(ids, sentinel, sentinels).any():
        raise ValueError(f"the text holds sentinels, {sentinel - sentinels + 1} to {sentinel}, already")
    noise = noise.bool()
    begins = noise & ~torch.cat((noise.new_zeros(1), noise[:-1]))
    spans = int(begins.sum())
    if spans + 1 > sentinels:
        raise ValueError(f"{spans} spans need {spans + 1} sentinels, and there are {sentinels}")
    marks = sentinel + 1 - begins.cumsum(0, dtype=ids.dtype)  # each place's sentinel, where a span begins there
    inputs = torch.where(begins, marks, ids)[~noise | begins]
    # Of each place in a span its word, and before the first one the sentinel.
    pairs = torch.stack((marks, ids), dim=-1)[noise]
    wanted = torch.stack((begins, noise), dim=-1)[noise]
    return inputs, torch.cat((pairs[wanted], ids.new_tensor([sentinel - spans])))


def corrupt_spans(
    ids: Tensor,
    sentinel: int,
    share: float = 0.15,
    mean_length: float = 3.0,
    generator: torch.Generator | None = None,
    special: Collection[int] = (),
    sentinels: int = 100,
) -> tuple[Tensor, Tensor]:
    """The input and the target for a text (n,), as :func:`replace_spans` makes them, with spans drawn at random.

    Tokens in ``special`` (padding, ends, …) stay where they are, and do not count as words; a span that would run over
    one becomes two. Raises ValueError as the functions above do.
    """
    words = torch.ones_like(ids, dtype=torch.bool)
    for one in special:
        words &= ids != one
    noise = torch.zeros_like(words)
    noise[words] = span_noise(int(words.sum()), share, mean_length, generator)
    return replace_spans(ids, noise, sentinel, sentinels)


def fill_spans(inputs: Tensor, targets: Tensor, sentinel: int, sentinels: int = 100) -> Tensor:
    """The text again: each sentinel of the input (m,) is replaced by what follows it in the target (k,).

    A sentinel that the target does not have, as a model may forget one, is replaced by nothing.
    """
    marks = _is_sentinel(targets, sentinel, sentinels)
    found: dict[int, list[int]] = {}
    last = -1
    for one, mark in zip(targets.tolist(), marks.tolist(), strict=True):
        if mark:
            last = one
        found.setdefault(last, []).extend([] if mark else [one])
    text: list[int] = []
    for one, mark in zip(inputs.tolist(), _is_sentinel(inputs, sentinel, sentinels).tolist(), strict=True):
        text += found.get(one, []) if mark else [one]
    return inputs.new_tensor(text)


def _is_sentinel(ids: Tensor, sentinel: int, sentinels: int) -> Tensor:
    return (ids > sentinel - sentinels) & (ids <= sentinel)
