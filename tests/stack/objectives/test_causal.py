"""Inputs and targets of the causal objective."""

from __future__ import annotations

import pytest
import torch

from groundup.stack.objectives import next_token_pairs


def test_targets_are_the_next_tokens_of_random_stretches() -> None:
    ids = torch.arange(100, 120)
    generator = torch.Generator().manual_seed(0)
    inputs, targets = next_token_pairs(ids, 6, 4000, generator)
    assert inputs.shape == targets.shape == (4000, 6)
    assert torch.equal(inputs + 1, targets)
    assert torch.equal(inputs, inputs[:, :1] + torch.arange(6))
    counts = torch.bincount(inputs[:, 0] - 100)
    assert len(counts) == 14  # every beginning, the last included
    assert counts.min() > 0.7 * 4000 / 14
    again = next_token_pairs(ids, 6, 4000, torch.Generator().manual_seed(0))
    assert torch.equal(inputs, again[0])


@pytest.mark.parametrize(("shape", "length"), [((6,), 6), ((2, 9), 3), ((5,), 0)])
def test_too_short_a_text_is_refused(shape: tuple[int, ...], length: int) -> None:
    with pytest.raises(ValueError, match="n > length"):
        next_token_pairs(torch.zeros(shape, dtype=torch.long), length, 1, torch.Generator())
