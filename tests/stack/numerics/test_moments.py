"""Running moments, covariance and correlation against NumPy, exact fractions and NIST's certified sums of squares."""

from __future__ import annotations

import math
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from groundup.stack.numerics import RunningMoments, correlation, covariance

TWO = torch.float64
DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "nist_strd"
certified = pytest.mark.skipif(not DATA.is_dir(), reason="NIST's reference data are not here")


def numbers(*shape: int, dtype: torch.dtype = TWO, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=TWO, generator=torch.Generator().manual_seed(seed)).to(dtype)


def run(observations: Tensor) -> RunningMoments:
    moments = RunningMoments()
    for one in observations:
        moments.update(one)
    return moments


def anova(name: str) -> tuple[dict[int, list[float]], float, float]:
    """NIST's groups, with the certified sum of squares within them and the certified F statistic."""
    lines = (DATA / "anova" / f"{name}.dat").read_text().splitlines()
    between = next(line.split() for line in lines if line.startswith("Between"))
    within = next(line.split() for line in lines if line.startswith("Within"))
    groups: dict[int, list[float]] = {}
    for line in lines[60:]:
        if line.strip():
            group, value = line.split()
            groups.setdefault(int(group), []).append(float(value))
    return groups, float(within[3]), float(between[5])


# ── running moments ──


@pytest.mark.parametrize("shape", [(2,), (30,), (7, 3), (9, 2, 4)])
def test_running_moments_against_numpy(shape: tuple[int, ...]) -> None:
    x = numbers(*shape) * 3 + 5
    found = run(x)
    np.testing.assert_allclose(found.mean, x.numpy().mean(0), rtol=1e-13)
    np.testing.assert_allclose(found.variance, x.numpy().var(0, ddof=1), rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=30), st.integers(-(10**9), 10**9))
def test_running_moments_of_whole_numbers_against_fractions(values: list[int], shift: int) -> None:
    moments = RunningMoments()
    for value in values:
        moments.update(value + shift)
    mean = Fraction(sum(values), len(values))
    exact = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    assert moments.mean.dtype == moments.variance.dtype == TWO
    assert moments.mean.item() == pytest.approx(float(mean + shift), rel=1e-14, abs=1e-14)
    lost = 1e-14 * (abs(shift) + 1000) * (1 + math.sqrt(exact))
    # With one digit lost for each digit that the mean is larger than the spread, and not two.
    assert moments.variance.item() == pytest.approx(float(exact), rel=1e-12, abs=lost)


@certified
@pytest.mark.parametrize(
    ("name", "digits"), [("SmLs01", 14), ("SmLs04", 8), ("SmLs07", 2), ("SiRstv", 12), ("AtmWtAg", 8)]
)
def test_sums_of_squares_that_are_certified(name: str, digits: int) -> None:
    """To the digits that are left once the data are rounded to float64: SmLs07 has 13 leading digits in common."""
    groups, within, _ = anova(name)
    running = sum(float(run(torch.tensor(one, dtype=TWO)).variance) * (len(one) - 1) for one in groups.values())
    table = sum(float(covariance(torch.tensor(one, dtype=TWO)[:, None])) * (len(one) - 1) for one in groups.values())
    assert running == pytest.approx(within, rel=10.0**-digits)
    assert table == pytest.approx(within, rel=10.0**-digits)


@certified
@pytest.mark.parametrize("name", ["SmLs04", "SmLs07", "AtmWtAg"])
def test_as_exact_as_the_rounded_data_allow(name: str) -> None:
    """Against exact arithmetic on the same float64 numbers: one digit is lost for each leading digit, never two."""
    groups, _, _ = anova(name)
    for values in groups.values():
        exact = [Fraction(value) for value in values]
        mean = sum(exact) / len(exact)
        squares = float(sum((value - mean) ** 2 for value in exact) / (len(exact) - 1))
        condition = abs(float(mean)) / math.sqrt(squares)
        tolerance = 40 * condition * torch.finfo(TWO).eps
        assert run(torch.tensor(values, dtype=TWO)).variance.item() == pytest.approx(squares, rel=max(tolerance, 1e-14))
        assert covariance(torch.tensor(values, dtype=TWO)[:, None]).item() == pytest.approx(
            squares, rel=max(tolerance**2, 1e-14)
        )


def test_one_observation_and_none() -> None:
    moments = RunningMoments()
    for name in ("mean", "variance"):
        with pytest.raises(ValueError, match="nothing was observed"):
            getattr(moments, name)
    moments.update(torch.tensor([2.0, 3.0]))
    assert moments.mean.tolist() == [2.0, 3.0]
    assert moments.variance.isnan().all()


def test_what_was_handed_out_stays_as_it_was() -> None:
    moments, x = RunningMoments(), torch.tensor([1.0, 2.0])
    moments.update(x)
    first = moments.mean
    x += 10
    assert moments.mean.tolist() == [1.0, 2.0]
    moments.update(x)
    assert first.tolist() == [1.0, 2.0]
    assert moments.mean.tolist() == [6.0, 7.0]


def test_dtypes_and_gradients_of_observations() -> None:
    moments = run(numbers(4, 2, dtype=torch.float32).requires_grad_())
    assert moments.mean.dtype == moments.variance.dtype == torch.float32
    assert not moments.variance.requires_grad
    assert run(torch.tensor([2, 3, 7])).mean.item() == 4.0
    with pytest.raises(ValueError, match=r"got \(3,\) after others of \(2,\)"):
        moments.update(torch.ones(3))


# ── covariance and correlation ──


@pytest.mark.parametrize("shape", [(2, 1), (5, 3), (40, 4), (3, 7)])
@pytest.mark.parametrize("dtype", [torch.float32, TWO])
def test_against_numpy(shape: tuple[int, int], dtype: torch.dtype) -> None:
    x = numbers(*shape, dtype=dtype) * torch.logspace(-2, 3, shape[1], dtype=dtype) + 1
    rtol = 2000 * torch.finfo(dtype).eps
    theirs = np.cov(x.double().numpy(), rowvar=False, ddof=1).reshape(shape[1], shape[1])
    scale = np.sqrt(np.outer(np.diag(theirs), np.diag(theirs)))
    np.testing.assert_allclose(covariance(x).numpy() / scale, theirs / scale, rtol=0, atol=rtol)
    np.testing.assert_allclose(
        correlation(x), np.corrcoef(x.double().numpy(), rowvar=False).reshape(theirs.shape), atol=rtol
    )


@pytest.mark.parametrize("size", [1e-30, 1e-19, 1e19, 1e30])
def test_correlation_of_any_magnitude_in_float32(size: float) -> None:
    x = numbers(9, 3, dtype=torch.float32)
    np.testing.assert_allclose(correlation(x * size), np.corrcoef(x.double().numpy(), rowvar=False), atol=1e-6)


@certified
def test_the_correlation_whose_square_is_certified() -> None:
    """NIST's Norris: for one predictor, R-squared is the square of the correlation."""
    lines = (DATA / "linregress" / "Norris.dat").read_text().splitlines()
    squared = next(float(line.split()[1]) for line in lines if line.split()[:1] == ["R-Squared"])
    x = torch.tensor([[float(value) for value in line.split()] for line in lines[60:96]], dtype=TWO)
    assert correlation(x)[0, 1].item() ** 2 == pytest.approx(squared, rel=1e-14)


def test_a_feature_that_does_not_vary() -> None:
    """0.1 ten times: the mean is off in the last digit, and NumPy correlates the rounding with itself."""
    for constant in (0.1, 2.0, 0.0, 1e-30, -12345.678):
        for n in range(2, 12):
            x = numbers(n, 3, seed=n)
            x[:, 1] = constant
            found = correlation(x)
            assert found[1].isnan().all() and found[:, 1].isnan().all()
            others = np.corrcoef(x[:, [0, 2]].numpy(), rowvar=False)
            np.testing.assert_allclose(found[[0, 2]][:, [0, 2]], others, atol=1e-13)


def test_one_sample() -> None:
    assert covariance(numbers(1, 3)).isnan().all()
    assert correlation(numbers(1, 3)).isnan().all()
    assert covariance(numbers(1, 3)).shape == (3, 3)


def test_batches_and_layout() -> None:
    x = numbers(4, 3, 6, 2).permute(3, 1, 2, 0)[:, :, ::2]
    for function in (covariance, correlation):
        found = function(x)
        assert found.shape == (2, 3, 4, 4)
        for i in range(2):
            for j in range(3):
                torch.testing.assert_close(found[i, j], function(x[i, j].clone()))


def test_gradients() -> None:
    x = numbers(2, 5, 3).requires_grad_()
    assert torch.autograd.gradcheck(covariance, x)
    assert torch.autograd.gradcheck(correlation, x)


def test_tables_are_needed() -> None:
    for function in (covariance, correlation):
        with pytest.raises(ValueError, match=r"got shape \(7,\)"):
            function(torch.ones(7))


def test_variance_of_a_sum() -> None:
    """The variance of a weighted sum of features is what the covariance matrix says it is."""
    x, weights = numbers(30, 4), numbers(4, seed=5)
    torch.testing.assert_close(weights @ covariance(x) @ weights, (x @ weights).var())
