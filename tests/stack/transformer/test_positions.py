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
    angle = position / 10000.0 ** ((column - column % 2).double() / dim)
    expected = torch.where(column % 2 == 0, angle.sin(), angle.cos())
    table = sinusoidal_positions(n, dim)
    assert table.dtype == torch.float32
    torch.testing.assert_close(table.double(), expected, rtol=0, atol=1e-7)


def test_far_sinusoids_are_not_rounded_on_the_way() -> None:
    n, dim = 100_000, 6
    angle = (n - 1) / 10000.0 ** (torch.tensor([0, 0, 2, 2, 4, 4], dtype=torch.float64) / dim)
    expected = torch.where(torch.arange(dim) % 2 == 0, angle.sin(), angle.cos())
    torch.testing.assert_close(sinusoidal_positions(n, dim)[-1].double(), expected, rtol=0, atol=1e-6)


def test_going_on_is_a_turn_and_products_are_those_of_the_distance() -> None:
    table = sinusoidal_positions(300, 16).double()
    products = table @ table.T
    rates = 10000.0 ** (-torch.arange(8, dtype=torch.float64) / 8)
    for distance in (0, 1, 17, 250):
        expected = (rates * distance).cos().sum()
        torch.testing.assert_close(products.diagonal(distance), expected.expand(300 - distance), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_the_tables_do_not_follow_the_default_dtype(dtype: torch.dtype) -> None:
    calls = (
        lambda: sinusoidal_positions(600, 8),
        lambda: alibi_bias(6, 300),
        lambda: relative_positions(600, 500),
    )
    expected = [call() for call in calls]
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        found = [call() for call in calls]
    finally:
        torch.set_default_dtype(before)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.dtype == theirs.dtype
        assert torch.equal(mine, theirs)


def slopes_as_published(heads: int) -> list[float]:
    """The recursion of the paper's authors."""
    if math.log2(heads).is_integer():
        start = 2 ** (-(2 ** -(math.log2(heads) - 3)))
        return [start * start**i for i in range(heads)]
    power = 2 ** math.floor(math.log2(heads))
    return slopes_as_published(power) + slopes_as_published(2 * power)[0::2][: heads - power]


@pytest.mark.parametrize("heads", range(1, 40))
def test_slopes_are_as_published(heads: int) -> None:
    expected = torch.tensor(slopes_as_published(heads), dtype=torch.float64)
    bias = alibi_bias(heads, 4)
    assert bias.dtype == torch.float32
    torch.testing.assert_close(bias[:, 3, 0].double(), -3 * expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(bias[:, 2, 1].double(), -expected, rtol=1e-6, atol=0)


def test_relative_positions_are_shaws_in_transformers() -> None:
    """DeBERTa's distances have the other sign (query minus key), and no limit."""
    deberta = pytest.importorskip("transformers.models.deberta.modeling_deberta")
    n = 7
    theirs = deberta.build_relative_position(torch.zeros(1, n, 4), torch.zeros(1, n, 4))[0]
    assert torch.equal(relative_positions(n, n), n - theirs)
    assert torch.equal(relative_positions(n, 3), (-theirs).clamp(-3, 3) + 3)


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
        (lambda: sinusoidal_positions(3, 5), "even.*: 5"),
        (lambda: sinusoidal_positions(3, 0), "even.*: 0"),
        (lambda: sinusoidal_positions(3, -2), "even.*: -2"),
        (lambda: alibi_bias(0, 3), "head"),
        (lambda: alibi_bias(-4, 3), "head"),
        (lambda: relative_positions(3, -1), "negative"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
