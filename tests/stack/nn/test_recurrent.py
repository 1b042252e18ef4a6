"""GRU and LSTM against PyTorch's with the same weights: states and all gradients, both ways, padded on either side."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from groundup.stack.nn.recurrent import GRU, LSTM, Recurrent

KINDS = [(GRU, nn.GRU), (LSTM, nn.LSTM)]
NAMES = {"input.weight": "weight_ih_l0", "input.bias": "bias_ih_l0", "state.weight": "weight_hh_l0",
         "state.bias": "bias_hh_l0"}  # fmt: skip


def pair(ours: type[Recurrent], theirs: Any) -> tuple[Recurrent, Any]:
    torch.manual_seed(0)
    mine, other = ours(5, 7).double(), theirs(5, 7, batch_first=True).double()
    for name, one in NAMES.items():
        mine.get_parameter(name).data.copy_(getattr(other, one).data)
    return mine, other


def of_theirs(state: Any) -> tuple[torch.Tensor, ...]:
    return tuple(one[0] for one in (state if isinstance(state, tuple) else (state,)))


@pytest.mark.parametrize(("ours", "theirs"), KINDS)
@pytest.mark.parametrize("backward", [False, True])
def test_states_and_gradients_are_theirs(ours: Any, theirs: Any, backward: bool) -> None:
    mine, other = pair(ours, theirs)
    x = torch.randn(3, 6, 5, dtype=torch.float64)
    begin = tuple(torch.randn(3, 7, dtype=torch.float64) for _ in range(mine.parts))
    found, last = mine(x, state=begin, backward=backward)
    given = tuple(one[None] for one in begin)
    expected, end = other(x.flip(1) if backward else x, given if len(given) > 1 else given[0])
    expected = expected.flip(1) if backward else expected
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    for one, another in zip(last, of_theirs(end), strict=True):
        torch.testing.assert_close(one, another, rtol=0, atol=1e-12)
    (found.sin().sum() + last[-1].square().sum()).backward()
    (expected.sin().sum() + of_theirs(end)[-1].square().sum()).backward()
    for name, one in NAMES.items():
        torch.testing.assert_close(mine.get_parameter(name).grad, getattr(other, one).grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("ours", "theirs"), KINDS)
@pytest.mark.parametrize("backward", [False, True])
def test_padding_on_either_side_is_not_read(ours: Any, theirs: Any, backward: bool) -> None:
    mine, other = pair(ours, theirs)
    x = torch.randn(2, 6, 5, dtype=torch.float64)
    mask = torch.tensor([[True] * 4 + [False] * 2, [False] + [True] * 5])
    found, last = mine(x, mask, backward=backward)
    for row in range(2):
        alone = x[row, mask[row]][None]
        expected, end = other(alone.flip(1) if backward else alone)
        expected = expected.flip(1) if backward else expected
        torch.testing.assert_close(found[row, mask[row]], expected[0], rtol=0, atol=1e-12)
        for one, another in zip(last, of_theirs(end), strict=True):
            torch.testing.assert_close(one[row], another[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("ours", "theirs"), KINDS)
def test_steps_are_the_text_and_first_weights_are_theirs(ours: Any, theirs: Any) -> None:
    mine, _ = pair(ours, theirs)
    x = torch.randn(2, 6, 5, dtype=torch.float64)
    state = mine.begin(x)
    for place in range(6):
        state = mine.step(x[:, place], state)
    torch.testing.assert_close(state[0], mine(x)[0][:, -1], rtol=0, atol=1e-12)
    wide = ours(60, 100)
    assert all(one.abs().max() <= 0.1 for one in wide.parameters())
    assert all(one.abs().max() > 0.099 for one in wide.parameters()), "300 numbers at least, of which one is so large"
