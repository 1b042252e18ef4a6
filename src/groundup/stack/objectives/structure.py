"""StructBERT's objective of words: some trigrams are shuffled, and the model says which token stood at each place.

    a b c d e f g h  ── the trigrams c d e and f g h are chosen ──►  a b e c d f h g
                     └─► labels: c d e f g h at their places, IGNORED at the others

Wang and others, "StructBERT: Incorporating Language Structures into Pre-training for Deep Language Understanding"
(2019), section 2: 5 % of the trigrams, after masking, of text that is neither masked nor special. A trigram is put
into any of its six orders, the one in which it stood included, all alike: that a token stands right is no news either.
"""

from __future__ import annotations

import torch
from torch import Tensor

from groundup.stack.models.output import IGNORED


def shuffle_trigrams(
    ids: Tensor,
    usable: Tensor,
    generator: torch.Generator | None = None,
    share: float = 0.05,
    length: int = 3,
) -> tuple[Tensor, Tensor]:
    """Inputs and labels, each (batch, n), of texts ids (batch, n); usable (batch, n) is True where a token may move.

    After masking: ``usable = rules.candidates(ids) & (labels == IGNORED)``. Of all stretches of ``length`` tokens in a
    row that may move, ``share`` is chosen, rounded, and one at least where there is any; no two of them overlap, so
    that there are fewer where there is no more room. Raises ValueError where shapes do not fit or ``length`` is less
    than 2.
    """
    if usable.shape != ids.shape or length < 2:
        raise ValueError(
            f"usable must have the shape of ids, {tuple(ids.shape)}, and length be 2 at least: "
            f"got {tuple(usable.shape)} and {length}"
        )
    inputs, labels = ids.clone(), torch.full_like(ids, IGNORED)
    for row, starts in enumerate(_starts(usable, length)):
        goal = max(1, round(share * len(starts)))
        free = usable[row].tolist()
        for at in torch.randperm(len(starts), generator=generator).tolist():
            begin = starts[at]
            if goal and all(free[begin : begin + length]):
                free[begin : begin + length] = [False] * length
                goal -= 1
                stood = ids[row, begin : begin + length]
                labels[row, begin : begin + length] = stood
                inputs[row, begin : begin + length] = stood[torch.randperm(length, generator=generator)]
    return inputs, labels


def _starts(usable: Tensor, length: int) -> list[list[int]]:
    """For each text the places at which ``length`` tokens in a row may move."""
    if usable.shape[1] < length:
        return [[] for _ in usable]
    windows = usable.unfold(1, length, 1).all(-1)
    return [row.nonzero().flatten().tolist() for row in windows]
