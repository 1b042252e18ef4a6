"""Expected values and moments against SciPy's distributions, NumPy's averages and exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from groundup.stack.numerics import expectation, moment

TWO = torch.float64


def table(*shape: int, dtype: torch.dtype = TWO, seed: int = 0) -> Tensor:
    """Distributions along the last dimension, no entry near 0."""
    drawn = torch.rand(shape, dtype=TWO, generator=torch.Generator().manual_seed(seed)) + 0.05
    return (drawn / drawn.sum(-1, keepdim=True)).to(dtype)


def numbers(*shape: int, dtype: torch.dtype = TWO, seed: int = 9) -> Tensor:
    return torch.randn(shape, dtype=TWO, generator=torch.Generator().manual_seed(seed)).to(dtype)


# ── against NumPy and SciPy ──


@pytest.mark.parametrize("shape", [(1,), (6,), (3, 4), (2, 3, 7)])
@pytest.mark.parametrize("dtype", [torch.float32, TWO])
def test_against_numpys_weighted_average(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    values, p = numbers(*shape, dtype=dtype), table(*shape, dtype=dtype)
    theirs = np.average(values.double().numpy(), weights=p.double().numpy(), axis=-1)
    tolerance = 20 * torch.finfo(dtype).eps
    torch.testing.assert_close(
        expectation(values, p), torch.from_numpy(np.asarray(theirs)).to(dtype), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("k", range(7))
@pytest.mark.parametrize(
    "distribution", [stats.binom(9, 0.3), stats.hypergeom(20, 7, 12), stats.randint(-4, 8)], ids=["b", "h", "u"]
)
def test_raw_moments_against_scipy(distribution: object, k: int) -> None:
    values = torch.arange(-5, 13)
    p = torch.from_numpy(distribution.pmf(values.numpy()))  # type: ignore[attr-defined]
    theirs = distribution.moment(k)  # type: ignore[attr-defined]
    torch.testing.assert_close(moment(values, p, k), torch.tensor(theirs, dtype=TWO), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("distribution", [stats.binom(9, 0.3), stats.hypergeom(20, 7, 12)], ids=["b", "h"])
def test_central_moments_against_scipy(distribution: object) -> None:
    values = torch.arange(0, 13)
    p = torch.from_numpy(distribution.pmf(values.numpy()))  # type: ignore[attr-defined]
    mean, variance, skew, excess = distribution.stats(moments="mvsk")  # type: ignore[attr-defined]
    found = [moment(values, p, k, central=True).item() for k in range(5)]
    expected = [1, 0, variance, skew * variance**1.5, (excess + 3) * variance**2]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
    assert expectation(values, p).item() == pytest.approx(float(mean), rel=1e-13)


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_equal_chances_against_moments_of_a_sample(k: int) -> None:
    values = numbers(40)
    p = torch.full((40,), 1 / 40, dtype=TWO)
    assert moment(values, p, k, True).item() == pytest.approx(stats.moment(values.numpy(), order=k), rel=1e-12)


# ── against exact values ──


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 9)), min_size=1, max_size=8),
    st.integers(0, 6),
    st.booleans(),
    st.integers(-(2**40), 2**40),
)
def test_against_fractions(pairs: list[tuple[int, int]], k: int, central: bool, shift: int) -> None:
    """Central moments do not know of a shift: a huge one costs no digits but those of the values themselves."""
    total = sum(weight for _, weight in pairs)
    if total == 0:
        return
    mean = sum(Fraction(value * weight, total) for value, weight in pairs)
    exact = sum(Fraction(weight, total) * (value - (mean if central else 0)) ** k for value, weight in pairs)
    size = sum(Fraction(weight, total) * abs(value - (mean if central else 0)) ** k for value, weight in pairs)
    values = torch.tensor([value for value, _ in pairs]) + (shift if central else 0)
    p = torch.tensor([weight / total for _, weight in pairs], dtype=TWO)
    tolerance = 1e-10 if central else 1e-14
    # A central moment of one value is 0, and what rounding leaves of it is small beside a step of the values.
    assert moment(values, p, k, central).item() == pytest.approx(
        float(exact), rel=1e-12, abs=tolerance * max(float(size), 1.0) + abs(shift) * central * 2e-15
    )


def test_a_huge_mean_in_float32() -> None:
    """Probabilities that add up to 1 - 6e-8, and values near 100 000: one subtraction is off by 0.006."""
    p = torch.tensor([0.1, 0.2, 0.3, 0.4])
    values = torch.tensor([1e5, 1e5 + 1, 1e5 + 3, 1e5 + 4])
    for k in (2, 3, 4):
        exact = moment(values.double(), p.double() / p.double().sum(), k, central=True)
        torch.testing.assert_close(moment(values, p, k, central=True), exact.float(), rtol=2e-6, atol=0)


# ── the impossible ──


@pytest.mark.parametrize("impossible", [math.inf, -math.inf, math.nan])
def test_what_cannot_happen_contributes_nothing(impossible: float) -> None:
    values = torch.tensor([1.0, impossible, 3.0], dtype=TWO, requires_grad=True)
    p = torch.tensor([0.5, 0.0, 0.5], dtype=TWO, requires_grad=True)
    results = [expectation(values, p), *(moment(values, p, k, central) for k in (0, 1, 2, 3) for central in (0, 1))]
    assert [one.item() for one in results] == [2.0, 1.0, 1.0, 2.0, 0.0, 5.0, 1.0, 14.0, 0.0]
    for one in results:
        for gradient in torch.autograd.grad(one, (values, p), allow_unused=True, retain_graph=True):
            assert gradient is None or gradient.isfinite().all()


def test_an_infinite_value_that_can_happen() -> None:
    assert expectation(torch.tensor([1.0, math.inf]), torch.tensor([0.999, 0.001])).item() == math.inf


def test_truth_values_and_whole_numbers() -> None:
    p = table(6, dtype=torch.float32)
    event = torch.tensor([True, False, False, True, False, True])
    torch.testing.assert_close(expectation(event, p), p[event].sum())
    assert expectation(torch.arange(6), p).dtype == torch.float32


# ── gradients, batches, errors ──


def test_gradients() -> None:
    values, p = numbers(2, 1, 5).requires_grad_(), table(3, 5).requires_grad_()
    assert torch.autograd.gradcheck(expectation, (values, p))
    for k in (0, 1, 2, 5):
        assert torch.autograd.gradcheck(lambda v, q, k=k: moment(v, q, k), (values, p))
        assert torch.autograd.gradcheck(lambda v, q, k=k: moment(v, q, k, True), (values, p))


def test_batches_broadcast_and_the_layout_does_not_matter() -> None:
    values, p = numbers(5, 2, 1).permute(2, 1, 0), table(4, 6, 5)[:, ::2]
    for k, central in ((3, False), (3, True)):
        found = moment(values, p[:, :2], k, central)
        assert found.shape == (4, 2)
        for i in range(4):
            for j in range(2):
                torch.testing.assert_close(found[i, j], moment(values[0, j].clone(), p[i, j].clone(), k, central))


@pytest.mark.parametrize(("left", "right"), [((3,), (4,)), ((1,), (4,)), ((4,), (1,)), ((2, 3), (2, 5))])
def test_different_numbers_of_outcomes_are_refused(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    for function in (expectation, lambda values, p: moment(values, p, 2)):
        with pytest.raises(ValueError, match="outcomes") as caught:
            function(torch.ones(left), torch.ones(right))
        assert f"{left} and {right}" in str(caught.value)


@pytest.mark.parametrize("k", [-1, 2.5, -0.5])
def test_moments_that_are_none(k: float) -> None:
    with pytest.raises(ValueError, match="whole number"):
        moment(torch.ones(3), torch.full((3,), 1 / 3), k)  # type: ignore[arg-type]
