"""Objectives of pairs of sentences: does the second belong after the first?

    :func:`next_sentence`      0 it follows   1 it is of another document                  BERT (Devlin and others 2019)
    :func:`sentence_order`     0 it follows   1 the two were swapped                     ALBERT (Lan and others 2020)
    :func:`sentence_relation`  0 it follows   1 it stands before   2 of another document   StructBERT (Wang and others
                                                                                           2019)
Each label is as likely as any other. A corpus is a list of documents, a document a list of sentences (any stretches of
text), a sentence a list of ids. Whether a sentence is of another document, its topic alone may tell, which is ALBERT's
reproach (section 3.1): of two that do follow each other the order must be understood.

The first sentence of a pair tells nothing about the label: it is drawn before the label and with the same chances
whatever the label is. :func:`join_pairs` makes the inputs of a model: [CLS] first [SEP] second [SEP].
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

Documents = Sequence[Sequence[Sequence[int]]]


@dataclass(frozen=True)
class Pair:
    """Two sentences and what they are to each other."""

    first: list[int]
    second: list[int]
    label: int


class Joined(NamedTuple):
    """ids, attention mask (1 for what is no padding) and token types, each (batch, length); labels (batch,)."""

    ids: Tensor
    attention_mask: Tensor
    token_types: Tensor
    labels: Tensor


def next_sentence(documents: Documents, number: int, generator: torch.Generator | None = None) -> list[Pair]:
    """``number`` pairs, half of them (a coin a pair) two sentences in a row, else one and any of another document.

    Every sentence that has a next one may be the first, all alike. Raises ValueError where there is none, or where no
    other document has sentences.
    """
    place = _Places(documents, before=0, after=1)
    pairs = []
    for _ in range(number):
        document, at = place.draw(generator)
        label = _number(2, generator)
        second = place.elsewhere(document, generator) if label else documents[document][at + 1]
        pairs.append(Pair(list(documents[document][at]), list(second), label))
    return pairs


def sentence_order(documents: Documents, number: int, generator: torch.Generator | None = None) -> list[Pair]:
    """``number`` pairs of two sentences in a row, half of them (a coin a pair) swapped.

    Raises ValueError where no document has two sentences.
    """
    place = _Places(documents, before=0, after=1)
    pairs = []
    for _ in range(number):
        document, at = place.draw(generator)
        swapped = _number(2, generator)
        two = [list(documents[document][at]), list(documents[document][at + 1])]
        pairs.append(Pair(two[swapped], two[1 - swapped], swapped))
    return pairs


def sentence_relation(documents: Documents, number: int, generator: torch.Generator | None = None) -> list[Pair]:
    """``number`` pairs of a sentence and, a third each, its next one, its previous one, or one of another document.

    The first of a pair is a sentence that has both neighbours. Raises ValueError where no document has three sentences,
    or no other one has any.
    """
    place = _Places(documents, before=1, after=1)
    pairs = []
    for _ in range(number):
        document, at = place.draw(generator)
        label = _number(3, generator)
        if label == 2:
            second = place.elsewhere(document, generator)
        else:
            second = documents[document][at + (1, -1)[label]]
        pairs.append(Pair(list(documents[document][at]), list(second), label))
    return pairs


def join_pairs(pairs: Sequence[Pair], length: int, cls_id: int, sep_id: int, pad_id: int = 0) -> Joined:
    """[CLS] first [SEP] second [SEP] and padding for each pair; token types are 1 from the second sentence on.

    What does not fit into ``length`` is cut, token by token, off the end of whichever sentence is the longer then (the
    second of two that are as long), as in BERT. Raises ValueError for a length that has no room for a token of each.
    """
    if length < 5:
        raise ValueError(f"a pair needs a length of 5 at least: got {length}")
    ids = torch.full((len(pairs), length), pad_id)
    kept, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, pair in enumerate(pairs):
        first, second = _cut(pair, length - 3)
        text = [cls_id, *first, sep_id, *second, sep_id]
        ids[row, : len(text)] = torch.tensor(text)
        kept[row, : len(text)] = 1
        types[row, len(first) + 2 : len(text)] = 1
    return Joined(ids, kept, types, torch.tensor([pair.label for pair in pairs], dtype=torch.int64))


def _cut(pair: Pair, room: int) -> tuple[list[int], list[int]]:
    first, second = len(pair.first), len(pair.second)
    while first + second > room:
        first, second = (first - 1, second) if first > second else (first, second - 1)
    return pair.first[:first], pair.second[:second]


class _Places:
    """The sentences of a corpus that have ``before`` others before them and ``after`` behind, to draw from."""

    def __init__(self, documents: Documents, before: int, after: int) -> None:
        self.documents, self.before = documents, before
        self._inner = list(accumulate(max(len(one) - before - after, 0) for one in documents))
        self._all = list(accumulate(len(one) for one in documents))
        if not self._inner or not self._inner[-1]:
            raise ValueError(f"no document has the {before + after + 1} sentences in a row that are needed")

    def draw(self, generator: torch.Generator | None) -> tuple[int, int]:
        """Document and sentence, all that qualify alike."""
        at = _number(self._inner[-1], generator)
        document = bisect_right(self._inner, at)
        return document, at - (self._inner[document - 1] if document else 0) + self.before

    def elsewhere(self, document: int, generator: torch.Generator | None) -> Sequence[int]:
        """Any sentence of another document, all alike."""
        begin, end = self._all[document] - len(self.documents[document]), self._all[document]
        others = self._all[-1] - (end - begin)
        if not others:
            raise ValueError("there is no other document to draw a sentence from")
        at = _number(others, generator)
        at += (end - begin) if at >= begin else 0
        other = bisect_right(self._all, at)
        return self.documents[other][at - (self._all[other - 1] if other else 0)]


def _number(top: int, generator: torch.Generator | None) -> int:
    return int(torch.randint(top, (), generator=generator))
