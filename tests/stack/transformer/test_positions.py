"""Positions that are added to the input or to the scores: against transformers, and on hard inputs."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from groundup.stack.transformer import alibi_bias, causal_mask, relative_positions, sinusoidal_positions


@pytest.mark.parametrize("dim", [2, 6, 64])
def test_sinusoids_are_the_formula_in_double(dim: int) -> None:
    n = 40
    position = torch.arange(n, dtype=torch.float64).unsqueeze(-1)
    column = torch.arange(dim)
    angle = position / 10000.0 ** ((column - column % 2) / dim).double()
    expected = torch.where(column % 2 == 0, angle.sin(), angle.cos())
    table = sinusoidal_positions(n, dim)
    assert table.dtype == torch.float32
    torch.testing.assert_close(table.double(), expected, rtol=0, atol=1e-5)


def test_sinusoids_are_those_of_marian_but_for_the_order_of_columns() -> None:
    marian = pytest.importorskip("transformers.models.marian.modeling_marian")
    n, dim = 20, 8
    theirs = marian.MarianSinusoidalPositionalEmbedding(n, dim)
    theirs = theirs.create_weight() if hasattr(theirs, "create_weight") else theirs.weight
    table = sinusoidal_positions(n, dim)
    torch.testing.assert_close(torch.cat((table[:, 0::2], table[:, 1::2]), dim=-1), theirs.detach(), atol=1e-5, rtol=0)


def test_empty_and_single_positions() -> None:
    assert sinusoidal_positions(0, 4).shape == (0, 4)
    assert sinusoidal_positions(1, 4).tolist() == [[0.0, 1.0, 0.0, 1.0]]
    assert alibi_bias(3, 1).tolist() == [[[0.0]]] * 3
    assert relative_positions(1, 4).tolist() == [[4]]
    assert relative_positions(3, 0).tolist() == [[0, 0, 0]] * 3
    assert relative_positions(2, 1).dtype == torch.int64


@pytest.mark.parametrize("heads", [2, 3, 8, 20])
def test_slopes_fall_from_head_to_head(heads: int) -> None:
    slopes = -alibi_bias(heads, 2)[:, 1, 0]
    power = 2 ** math.floor(math.log2(heads))
    torch.testing.assert_close(slopes[:power], torch.tensor([2 ** (-8 * (i + 1) / power) for i in range(power)]))
    assert len(set(slopes.tolist())) == heads


def test_alibi_is_the_same_for_whoever_adds_it_to_masked_scores() -> None:
    """A constant for a whole row, as Bloom's form differs by, does not change a softmax."""
    scores = torch.randn(4, 6, 6, generator=torch.Generator().manual_seed(0))
    bias = alibi_bias(4, 6)
    slopes = -bias[:, 1, 0]
    bloom = slopes[:, None, None] * torch.arange(6)
    blocked = ~causal_mask(6)
    mine, theirs = (functional.softmax((scores + one).masked_fill(blocked, -math.inf), dim=-1) for one in (bias, bloom))
    torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("heads", [1, 4, 8, 6, 12])
def test_alibi_is_transformers(heads: int) -> None:
    bloom = pytest.importorskip("transformers.models.bloom.modeling_bloom")
    n = 5
    theirs = bloom.build_alibi_tensor(torch.ones(1, n), heads, torch.float32).reshape(heads, n)
    # Bloom adds slope · j, which for each query differs from -slope · (i - j) by a constant.
    mine = alibi_bias(heads, n)
    assert mine.shape == (heads, n, n)
    for i in range(n):
        past = slice(0, i + 1)
        torch.testing.assert_close(mine[:, i, past], theirs[:, past] - theirs[:, i : i + 1], rtol=1e-5, atol=1e-6)
        assert mine[:, i, i + 1 :].eq(0).all()


def test_relative_positions_are_clipped_and_counted_from_zero() -> None:
    table = relative_positions(6, 2)
    for i in range(6):
        for j in range(6):
            assert table[i, j] == max(-2, min(2, j - i)) + 2


def test_what_makes_no_sense_is_refused() -> None:
    for call, message in (
        (lambda: sinusoidal_positions(3, 5), "even: 5"),
        (lambda: alibi_bias(0, 3), "head"),
        (lambda: relative_positions(3, -1), "negative"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
