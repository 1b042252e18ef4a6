"""Inputs and targets of the causal objective."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from groundup.stack.objectives import bits_per_byte, next_token_pairs


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


def bigram(table: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """A model that looks at the last token only: windows make no difference to it."""
    return lambda ids: table[ids]


@pytest.mark.parametrize(("context", "stride"), [(7, None), (7, 1), (7, 3), (7, 7), (16, 5), (500, 250), (1, 1)])
def test_every_token_counts_once_whatever_the_windows(context: int, stride: int | None) -> None:
    generator = torch.Generator().manual_seed(1)
    table = torch.randn(11, 11, generator=generator, dtype=torch.float64)
    ids = torch.randint(11, (123,), generator=generator)
    nats = -table.log_softmax(-1)[ids[:-1], ids[1:]].sum() + math.log(11)
    found = bits_per_byte(bigram(table), ids, context, 321.0, stride=stride, batch_size=4)
    assert found == pytest.approx(float(nats) / math.log(2) / 321.0, rel=1e-12)


def test_the_past_that_a_window_gives_is_as_long_as_said() -> None:
    seen = []

    def model(ids: torch.Tensor) -> torch.Tensor:
        seen.extend(row.tolist() for row in ids)
        return torch.zeros(*ids.shape, 40)

    bits_per_byte(model, torch.arange(30), 10, 30.0, stride=4)
    assert seen[0] == list(range(10))
    assert all(len(row) == 10 for row in seen)
    assert [row[-1] for row in seen] == [9, 13, 17, 21, 25, 28]


def test_a_single_token_and_nothing_at_all() -> None:
    table = torch.zeros(8, 8)
    assert bits_per_byte(bigram(table), torch.tensor([3]), 5, 1.0) == pytest.approx(3.0)
    for ids, bytes_, stride in (
        (torch.empty(0, dtype=torch.long), 1.0, None),
        (torch.arange(3), 0.0, None),
        (torch.arange(3), 1.0, 6),
    ):
        with pytest.raises(ValueError, match="n_bytes"):
            bits_per_byte(bigram(table), ids, 5, bytes_, stride=stride)
