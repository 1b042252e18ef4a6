"""UniLM's objective: masked words under four masks of attention, so that one model reads and writes.

    ids ── 15 % masked, single tokens and now and then two or three in a row ──► inputs, labels
        └─ kinds: 1/3 bidirectional, 1/3 sequence to sequence, 1/6 left to right, 1/6 right to left

Dong and others, "Unified Language Model Pre-training for Natural Language Understanding and Generation" (2019),
sections 2.3 and 2.4. What a kind means for attention is ``attention_pattern`` of the model (``models/unilm.py``): there
a masked place never sees what it must not. That whether one segment followed the other is asked of bidirectional texts
only is for the caller: ``followed = torch.where(kinds == Kind.BIDIRECTIONAL, labels, IGNORED)``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import torch
from torch import Tensor

from groundup.stack.objectives.masked import Masking, mask_spans


class Kind(IntEnum):
    """Which language model a text is for."""

    BIDIRECTIONAL = 0
    LEFT_TO_RIGHT = 1
    RIGHT_TO_LEFT = 2
    SEQUENCE_TO_SEQUENCE = 3


KIND_SHARES = {
    Kind.BIDIRECTIONAL: 1 / 3,
    Kind.LEFT_TO_RIGHT: 1 / 6,
    Kind.RIGHT_TO_LEFT: 1 / 6,
    Kind.SEQUENCE_TO_SEQUENCE: 1 / 3,
}
LENGTHS = (0.8, 0.1, 0.1)
"""How likely one token is masked at a time, or two, or three; of the last two the paper gives the sum only."""


class UniLMTexts(NamedTuple):
    """Inputs and labels, each (batch, n), and kinds (batch,)."""

    inputs: Tensor
    labels: Tensor
    kinds: Tensor


def draw_kinds(batch: int, generator: torch.Generator | None = None) -> Tensor:
    """(batch,) of Kind, with the paper's shares."""
    shares = torch.tensor([KIND_SHARES[kind] for kind in Kind])
    return torch.multinomial(shares, batch, replacement=True, generator=generator)


def mask_unilm(ids: Tensor, rules: Masking, generator: torch.Generator | None = None) -> UniLMTexts:
    """Texts ids (batch, n) made into questions, each for a kind of language model.

    What is special is never masked. To learn where a text ends, as for writing it must, leave the token that ends the
    second segment out of ``rules.special_ids`` (section 2.5).
    """
    inputs, labels = mask_spans(ids, None, rules, generator, torch.tensor(LENGTHS), together=False)
    return UniLMTexts(inputs, labels, draw_kinds(len(ids), generator))
