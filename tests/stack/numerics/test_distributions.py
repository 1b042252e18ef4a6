"""Log densities and masses against SciPy and exact fractions; draws against their distributions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from groundup.stack.numerics import (
    binomial_log_pmf,
    normal_log_pdf,
    poisson_log_pmf,
    sample_categorical,
    sample_normal,
)

TWO = torch.float64


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ── densities and masses ──


@pytest.mark.parametrize("std", [1e-30, 0.3, 1.0, 7.5, 1e30])
def test_normal_against_scipy(std: float) -> None:
    x = torch.linspace(-40, 40, 81, dtype=TWO)
    found = normal_log_pdf(x * std + 0.5, 0.5, std)
    np.testing.assert_allclose(found, stats.norm.logpdf((x * std + 0.5).numpy(), 0.5, std), rtol=1e-12)


def test_normal_in_float32_where_the_variance_leaves_it() -> None:
    x, std = torch.tensor([0.0, 1e-25, -3e-25]), torch.tensor(1e-25)
    found = normal_log_pdf(x, 0.0, std)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, stats.norm.logpdf(x.double().numpy(), 0, 1e-25), rtol=1e-6)


def test_normal_broadcasts_and_has_gradients() -> None:
    x, mean = torch.randn(3, 1, dtype=TWO, requires_grad=True), torch.randn(4, dtype=TWO, requires_grad=True)
    std = (torch.rand(4, dtype=TWO) + 0.5).requires_grad_()
    assert normal_log_pdf(x, mean, std).shape == (3, 4)
    assert torch.autograd.gradcheck(normal_log_pdf, (x, mean, std))
    theirs = torch.distributions.Normal(mean, std).log_prob(x)
    torch.testing.assert_close(normal_log_pdf(x, mean, std), theirs)


@pytest.mark.parametrize("n", [0, 1, 5, 40, 1000, 10**6])
@pytest.mark.parametrize("p", [0.0, 1e-12, 0.03, 0.5, 1 - 1e-12, 1.0])
def test_binomial_against_scipy(n: int, p: float) -> None:
    k = torch.unique(torch.tensor([0, 1, 2, n // 3, n // 2, n - 2, n - 1, n])).clamp(min=-1)
    found = binomial_log_pmf(k, n, torch.tensor(p, dtype=TWO))
    theirs = stats.binom.logpmf(k.numpy(), n, p)
    np.testing.assert_array_equal(found.numpy() == -math.inf, theirs == -math.inf)
    np.testing.assert_allclose(found, theirs, rtol=1e-9, atol=1e-8 if n > 10**5 else 1e-11)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 60), st.integers(-2, 62), st.integers(0, 8))
def test_binomial_against_fractions(n: int, k: int, eighths: int) -> None:
    p = Fraction(eighths, 8)
    exact = math.comb(n, k) * p**k * (1 - p) ** (n - k) if 0 <= k <= n else Fraction(0)
    found = binomial_log_pmf(k, n, torch.tensor(eighths / 8, dtype=TWO)).item()
    assert found == (pytest.approx(math.log(exact), rel=1e-12, abs=1e-12) if exact else -math.inf)


@pytest.mark.parametrize("rate", [0.0, 1e-12, 0.7, 30.0, 1e4, 1e7])
def test_poisson_against_scipy(rate: float) -> None:
    k = torch.tensor(
        [-1.0, 0.0, 0.5, 1.0, 2.0, 9.0, float(int(rate)), float(int(rate) + 3 * int(rate**0.5))], dtype=TWO
    )
    found = poisson_log_pmf(k, torch.tensor(rate, dtype=TWO))
    whole = k == k.floor()
    np.testing.assert_allclose(found[whole], stats.poisson.logpmf(k[whole].numpy(), rate), rtol=1e-8, atol=1e-7)
    assert (found[~whole] == -math.inf).all()


def test_masses_in_float32_are_right_to_the_last_digit() -> None:
    p = torch.tensor(0.3)
    exact = stats.binom.logpmf(30_100, 100_000, p.double().item())
    assert binomial_log_pmf(30_100, 100_000, p).item() == pytest.approx(exact, rel=3e-7)
    rate = torch.tensor(1e5)
    assert poisson_log_pmf(100_100, rate).item() == pytest.approx(stats.poisson.logpmf(100_100, 1e5), rel=3e-7)
    assert binomial_log_pmf(3, 5, p).dtype == poisson_log_pmf(3, rate).dtype == torch.float32


def test_masses_add_up_to_one() -> None:
    k = torch.arange(-3, 60)
    assert binomial_log_pmf(k, 50, torch.tensor(0.17, dtype=TWO)).exp().sum().item() == pytest.approx(1)
    assert poisson_log_pmf(k, torch.tensor(9.5, dtype=TWO)).exp().sum().item() == pytest.approx(1)


def test_gradients_of_masses() -> None:
    p = torch.tensor([0.2, 0.7], dtype=TWO, requires_grad=True)
    assert torch.autograd.gradcheck(lambda q: binomial_log_pmf(torch.tensor([[0], [2], [5]]), 5, q), p)
    assert torch.autograd.gradcheck(lambda q: poisson_log_pmf(torch.tensor([[0], [2], [5]]), q), p)
    for found in (binomial_log_pmf(torch.tensor([-1, 7]), 5, p), poisson_log_pmf(torch.tensor([-1, -7]), p)):
        assert torch.autograd.grad(found.sum(), p)[0].tolist() == [0.0, 0.0]


# ── draws ──


def test_normal_draws() -> None:
    found = sample_normal(200_001, seeded(0)).numpy()
    assert found.shape == (200_001,)
    assert found.dtype == np.float32
    assert stats.kstest(found, "norm").pvalue > 1e-3
    half = len(found) // 2
    assert abs(np.corrcoef(found[:half], found[half : 2 * half])[0, 1]) < 0.02
    assert abs(stats.kurtosis(found)) < 0.05


def test_categorical_draws() -> None:
    logits = torch.tensor([1000.0, 1001.0, -math.inf, 999.0, -math.inf])
    found = sample_categorical(logits, 60_000, seeded(1))
    counts = torch.bincount(found, minlength=5).numpy()
    expected = torch.softmax(logits, 0).numpy().astype(float) * 60_000
    assert counts[2] == counts[4] == 0
    kept = [0, 1, 3]
    assert stats.chisquare(counts[kept], expected[kept] * counts.sum() / expected.sum()).pvalue > 1e-3


def test_one_state_gives_one_result_and_goes_on() -> None:
    logits = torch.randn(7, generator=seeded(3))
    for draw in (sample_normal, lambda n, generator: sample_categorical(logits, n, generator)):
        before = torch.get_rng_state()
        one, same = seeded(5), seeded(5)
        first = draw(50, one)
        assert torch.equal(first, draw(50, same))
        assert not torch.equal(first, draw(50, one))
        assert torch.equal(before, torch.get_rng_state())
        assert draw(0, one).shape == (0,)
        assert draw(3, one).shape == (3,)


def test_no_draw_leaves_the_range() -> None:
    """Sums of many tiny probabilities are rounded; no draw falls beyond the last one, or on an excluded one."""
    logits = torch.cat([torch.zeros(10_000), torch.full((3,), -math.inf)])
    found = sample_categorical(logits, 300_000, seeded(2))
    assert int(found.max()) < 10_000
