"""Masked words: some tokens are hidden, and the model says from both sides what they were.

    ids (batch, n) ── 15 % of each text's tokens are chosen ──► of these 80 % become [MASK], 10 % another, 10 % stay
                   └─► labels: the true token where one was chosen, IGNORED everywhere else

What is chosen differs:  :func:`mask_tokens`  single tokens        Devlin and others, "BERT" (2019), section 3.1
                         :func:`mask_words`   all pieces of words  Google's BERT, the "whole word" checkpoints of 2019
                         :func:`mask_spans`   runs of words        Joshi and others, "SpanBERT" (2020), section 3.1
and when. BERT's data was masked once, ten times over, and every epoch saw one of the ten copies (:func:`static_masks`);
RoBERTa masks a text anew whenever the model sees it, which is to call one of the three for every batch (Liu and others,
2019, section 4.1).

How many are chosen is exact, not a chance a token: the share of the text's tokens that are not special, rounded to the
nearest whole number (halves to the even one), and one at least. Words and spans stay whole, so that these may remain a
little below it. A special token is never chosen, and never put in another's place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from groundup.stack.models.output import IGNORED
from groundup.stack.text.characters import IDEOGRAPHS, PUNCTUATION, SPACES
from groundup.stack.text.wordpiece import Encoding

Span = list[int]
"""Places of one text, in a row."""


@dataclass(frozen=True)
class Masking:
    """``special_ids`` are never chosen nor drawn: padding, [CLS], [SEP] …; ``mask_id`` is one of them, named or not.

    ``share`` of the others is chosen, ``most`` a text where given; of the chosen, ``masked`` become mask_id and
    ``random`` any token of the ``vocab`` that is not special, itself included. Raises ValueError for impossible shares.
    """

    mask_id: int
    vocab: int
    special_ids: tuple[int, ...] = ()
    share: float = 0.15
    masked: float = 0.8
    random: float = 0.1
    most: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or min(self.masked, self.random) < 0 or self.masked + self.random > 1:
            raise ValueError(
                "0 < share <= 1 and masked + random <= 1, neither negative, are needed: "
                f"got {self.share}, {self.masked} and {self.random}"
            )
        object.__setattr__(self, "special_ids", tuple(sorted({*self.special_ids, self.mask_id})))
        if len(self.special_ids) >= self.vocab:
            raise ValueError(f"all {self.vocab} tokens are special: none is left to be drawn")

    def candidates(self, ids: Tensor) -> Tensor:
        """Where ids (…) could be chosen: True for what is not special."""
        return ~torch.isin(ids, torch.tensor(self.special_ids, dtype=ids.dtype, device=ids.device))

    def goals(self, candidates: Tensor) -> Tensor:
        """How many to choose in each text (batch,), of candidates (batch, n)."""
        there = candidates.sum(-1)
        goals = (there.double() * self.share).round().to(torch.int64).clamp(min=1, max=self.most)
        return torch.minimum(goals, there)

    def draw(self, shape: Sequence[int], generator: torch.Generator | None) -> Tensor:
        """Tokens that are not special, each as likely as any other."""
        usual = torch.arange(self.vocab)
        usual = usual[self.candidates(usual)]
        return usual[torch.randint(len(usual), tuple(shape), generator=generator)]


def mask_tokens(ids: Tensor, rules: Masking, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Inputs and labels, each (batch, n), of texts ids (batch, n) of which single tokens are chosen, all alike."""
    candidates = rules.candidates(ids)
    order = torch.rand(ids.shape, generator=generator).masked_fill(~candidates, 2.0).argsort(-1).argsort(-1)
    return corrupt(ids, order < rules.goals(candidates)[:, None], rules, generator)


def static_masks(
    ids: Tensor, rules: Masking, generator: torch.Generator | None = None, copies: int = 10
) -> tuple[Tensor, Tensor]:
    """:func:`mask_tokens` done ``copies`` times, once and for all: inputs and labels, each (copies, batch, n).

    Epoch e trains on copy e % copies.
    """
    made = [mask_tokens(ids, rules, generator) for _ in range(copies)]
    return torch.stack([inputs for inputs, _ in made]), torch.stack([labels for _, labels in made])


def mask_words(
    ids: Tensor, words: Tensor, rules: Masking, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Inputs and labels, each (batch, n), where the tokens of a word are chosen together or not at all.

    words (batch, n) has the number of each token's word, as :func:`word_ids` counts them; what is negative is no word.
    Words come in a random order, and one that is too long for what is left is passed over. Whether a token becomes
    [MASK] is drawn for each token by itself, as it is where single tokens are chosen.
    """

    def choose(text: list[Span], goal: int) -> list[Span]:
        chosen: list[Span] = []
        for at in torch.randperm(len(text), generator=generator).tolist():
            if len(text[at]) <= goal:
                chosen.append(text[at])
                goal -= len(text[at])
        return chosen

    first = _places_chosen(ids, words, rules, choose)
    return corrupt(ids, first >= 0, rules, generator)


def mask_spans(
    ids: Tensor,
    words: Tensor | None,
    rules: Masking,
    generator: torch.Generator | None = None,
    lengths: Tensor | None = None,
    together: bool = True,
) -> tuple[Tensor, Tensor]:
    """Inputs and labels, each (batch, n), where runs of whole words are chosen until the share is spent.

    words is as in :func:`mask_words`; None for every token a word. ``lengths`` (longest,) says how likely a run of 1,
    2, … words is, as :func:`span_lengths` does where it is not given. A run begins at any word that is still free and
    not too long for what is left, all alike; it ends early at a special token, at another run and where the share is
    spent.
    What becomes of a run is drawn once for all its tokens, or, if not ``together``, for each by itself.
    """
    chances = span_lengths() if lengths is None else lengths

    def choose(text: list[Span], goal: int) -> list[Span]:
        taken: set[int] = set()
        spans: list[Span] = []
        while starts := [at for at, word in enumerate(text) if at not in taken and len(word) <= goal]:
            length = 1 + int(torch.multinomial(chances, 1, generator=generator))
            begin = starts[int(torch.randint(len(starts), (1,), generator=generator))]
            span: Span = []
            for at in range(begin, min(begin + length, len(text))):
                if at in taken or len(text[at]) > goal or (span and text[at][0] != span[-1] + 1):
                    break
                taken.add(at)
                span += text[at]
                goal -= len(text[at])
            spans.append(span)
        return spans

    if words is None:
        words = torch.arange(ids.shape[1]).expand_as(ids)
    first = _places_chosen(ids, words, rules, choose)
    return corrupt(ids, first >= 0, rules, generator, together=first.clamp(min=0) if together else None)


def span_lengths(p: float = 0.2, longest: int = 10) -> Tensor:
    """(longest,): how likely a span of 1, 2, … words is, p (1 - p)^(length - 1) made to sum to 1.

    The paper speaks of clipping at 10, and of a mean of 3.8: that is the mean where longer spans are not drawn at all.
    Were they cut to 10 words, it would be 4.5.
    """
    chances = p * (1 - p) ** torch.arange(longest, dtype=torch.float64)
    return chances / chances.sum()


def corrupt(
    ids: Tensor,
    chosen: Tensor,
    rules: Masking,
    generator: torch.Generator | None = None,
    together: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Inputs and labels, each (batch, n), for texts ids (batch, n) of which the tokens ``chosen`` (batch, n) are asked.

    Each has its own draw whether it is masked, replaced or left; with ``together`` (batch, n), it shares that of the
    place that stands there. Raises ValueError where shapes differ or a special token is chosen.
    """
    if chosen.shape != ids.shape:
        raise ValueError(f"chosen must have the shape of ids, {tuple(ids.shape)}: got {tuple(chosen.shape)}")
    if (chosen & ~rules.candidates(ids)).any():
        raise ValueError("a special token must not be chosen")
    fate = torch.rand(ids.shape, generator=generator)
    if together is not None:
        fate = fate.gather(-1, together)
    others = rules.draw(ids.shape, generator).to(ids.dtype)
    inputs = torch.where(chosen & (fate < rules.masked + rules.random), others, ids)
    inputs = torch.where(chosen & (fate < rules.masked), rules.mask_id, inputs)
    return inputs, torch.where(chosen, ids, IGNORED)


def word_ids(encoding: Encoding, text: str, second: str | None = None) -> list[int]:
    """The number of each token's word, counted on from the first text into the second; -1 for special tokens.

    A token goes on with the word of the one before it where nothing lies between the two that ends a word: no space,
    no punctuation (a word of its own) and no ideograph (likewise). It is offsets that tell, so that any tokenizer will
    do, whether it marks the beginnings of words, their insides or neither.
    """
    found, word, before = [], -1, (0, 0)
    for (begin, end), which in zip(encoding.offsets, encoding.token_types, strict=True):
        if begin == end:
            found.append(-1)
            before = (0, 0)
            continue
        source = second if which and second is not None else text
        if before == (0, 0) or (begin >= before[1] and _word_ends(source[before[1] - 1 : begin + 1])):
            word += 1
        found.append(word)
        before = (begin, end)
    return found


def _word_ends(between: str) -> bool:
    """Whether a word ends from the last character of one token to the first of the next."""
    return any(char in SPACES or char in PUNCTUATION or char in IDEOGRAPHS for char in between)


def _places_chosen(
    ids: Tensor, words: Tensor, rules: Masking, choose: Callable[[list[Span], int], list[Span]]
) -> Tensor:
    """(batch, n): for each token that is chosen the first place of its word or span, -1 for every other."""
    if words.shape != ids.shape:
        raise ValueError(f"words must have the shape of ids, {tuple(ids.shape)}: got {tuple(words.shape)}")
    candidates = rules.candidates(ids) & (words >= 0)
    first = torch.full(ids.shape, -1)
    for row, goal in enumerate(rules.goals(candidates).tolist()):
        numbers = words[row].tolist()
        places = candidates[row].nonzero().flatten().tolist()
        text = [list(word) for _, word in groupby(places, key=numbers.__getitem__)]
        for span in choose(text, goal):
            first[row, span] = span[0]
    return first
