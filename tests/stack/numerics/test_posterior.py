"""Posteriors against integration of prior times likelihood, and the walk of Metropolis against exact distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from torch import Tensor

from groundup.stack.numerics import beta_posterior, metropolis_hastings, normal_posterior

TWO = torch.float64


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ── beta ──


@pytest.mark.parametrize(("a", "b", "k", "m"), [(1.0, 1.0, 7, 3), (0.5, 2.5, 0, 4), (3.0, 1.2, 12, 0)])
def test_beta_against_prior_times_likelihood(a: float, b: float, k: int, m: int) -> None:
    def product(p: float) -> float:
        return float(stats.beta.pdf(p, a, b) * stats.binom.pmf(k, k + m, p))

    area = integrate.quad(product, 0, 1)[0]
    new_a, new_b = beta_posterior(a, b, k, m)
    for p in (0.1, 0.35, 0.8):
        assert stats.beta.pdf(p, new_a, new_b) == pytest.approx(product(p) / area, rel=1e-6)


def test_beta_of_tensors_broadcasts_and_updates_in_parts() -> None:
    a, b = beta_posterior(torch.tensor([[0.5], [2.0]]), 1.0, torch.arange(3), torch.tensor([4, 0, 1]))
    assert isinstance(a, Tensor)
    assert a.tolist() == [[0.5, 1.5, 2.5], [2.0, 3.0, 4.0]]
    assert isinstance(b, Tensor)
    assert b.tolist() == [5.0, 1.0, 2.0]
    assert beta_posterior(*beta_posterior(1, 2, 3, 4), 5, 6) == beta_posterior(1, 2, 8, 10)


@pytest.mark.parametrize("call", [(0, 1, 1, 1), (1, -2.0, 1, 1), (1, 1, -1, 0), (1, 1, 0, torch.tensor([1, -1]))])
def test_beta_refuses_what_is_no_prior_or_no_count(call: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="got"):
        beta_posterior(*call)


# ── normal ──


@given(st.floats(-50, 50), st.floats(0.1, 20), st.floats(0.1, 20), st.lists(st.floats(-50, 50), min_size=0, max_size=6))
@settings(max_examples=60, deadline=None)
def test_normal_against_the_gaussian_of_all(m: float, tau: float, sigma: float, x: list[float]) -> None:
    """The mean and the observations are jointly normal; conditioning by linear algebra gives the posterior."""
    n = len(x)
    mean, std = normal_posterior(m, tau, torch.tensor(x, dtype=TWO), sigma)
    of_data = tau**2 * np.ones((n, n)) + sigma**2 * np.eye(n)
    gain = tau**2 * np.ones(n) @ np.linalg.inv(of_data) if n else np.zeros(0)
    assert mean.item() == pytest.approx(m + gain @ (np.array(x) - m), rel=1e-6, abs=1e-6)
    assert float(std) ** 2 == pytest.approx(tau**2 - gain.sum() * tau**2, rel=1e-5, abs=1e-9)


def test_normal_with_a_flat_prior_rows_and_nothing() -> None:
    x = torch.randn(3, 5, dtype=TWO, generator=seeded(0))
    mean, std = normal_posterior(7.0, math.inf, x, 2.0)
    torch.testing.assert_close(mean, x.mean(dim=-1))
    assert float(std) == pytest.approx(2 / math.sqrt(5))
    mean, std = normal_posterior(torch.arange(3.0).double(), torch.ones(3).double(), x[:, :0], 2.0)
    assert mean.tolist() == [0.0, 1.0, 2.0]
    assert std.tolist() == [1.0, 1.0, 1.0]


# ── Metropolis ──


def apart(draws: Tensor, distribution: stats.rv_continuous, thin: int) -> float:
    """The Kolmogorov-Smirnov p-value of every so many draws, by then nearly independent."""
    return float(stats.kstest(draws[500::thin].numpy(), distribution.cdf).pvalue)


@pytest.mark.parametrize("offset", [0.0, -1e6, 1e6])
def test_the_walk_visits_a_normal_distribution(offset: float) -> None:
    x0 = torch.tensor(-4.0, dtype=TWO)
    draws = metropolis_hastings(lambda x: offset - 0.5 * ((x - 3) / 2) ** 2, x0, 40_000, 4.8, seeded(1))
    assert apart(draws, stats.norm(3, 2), 40) > 1e-6


def test_the_walk_visits_a_beta_distribution_and_never_leaves_it() -> None:
    def log_density(p: Tensor) -> float:
        chance = float(p)
        return 1.5 * math.log(chance) - 0.5 * math.log1p(-chance) if 0 < chance < 1 else -math.inf

    draws = metropolis_hastings(log_density, torch.tensor(0.5, dtype=TWO), 40_000, 0.5, seeded(2))
    assert 0 < float(draws.min()) < float(draws.max()) < 1
    assert apart(draws, stats.beta(2.5, 0.5), 60) > 1e-6


def test_the_walk_in_two_dimensions_has_the_covariance_of_its_density() -> None:
    precision = torch.linalg.inv(torch.tensor([[2.0, 0.9], [0.9, 1.0]], dtype=TWO))
    x0 = torch.zeros(2, dtype=TWO)
    draws = metropolis_hastings(lambda x: -0.5 * (x @ precision @ x), x0, 60_000, 1.6, seeded(3))
    # About 15 draws are worth one, so 4000 are independent: variances are known to 1 / sqrt(2000) of themselves.
    torch.testing.assert_close(torch.cov(draws.T), torch.linalg.inv(precision), rtol=0.15, atol=0.15)
    moved = draws[1:] != draws[:-1]
    assert torch.equal(moved[:, 0], moved[:, 1])


def test_a_refused_proposal_repeats_the_place_and_costs_one_call() -> None:
    asked = []

    def log_density(x: Tensor) -> float:
        asked.append(x)
        return 0.0 if len(asked) == 1 else -math.inf

    x0 = torch.randn(2, 3, generator=seeded(0))
    draws = metropolis_hastings(log_density, x0, 7, 0.5, seeded(4))
    assert torch.equal(draws, x0.expand(7, 2, 3))
    assert len(asked) == 8
    assert draws.dtype == torch.float32
    assert metropolis_hastings(lambda x: 0.0, x0, 0, 0.5, seeded(4)).shape == (0, 2, 3)


def test_all_chance_comes_from_the_generator() -> None:
    before = torch.get_rng_state()
    one, same = (metropolis_hastings(lambda x: -(x**2), torch.tensor(0.0), 50, 1.0, seeded(5)) for _ in range(2))
    assert torch.equal(one, same)
    assert torch.equal(before, torch.get_rng_state())


def test_what_the_walk_refuses() -> None:
    x0 = torch.tensor(0.0)
    for height in (-math.inf, math.nan):
        with pytest.raises(ValueError, match="cannot begin"):
            metropolis_hastings(lambda x, height=height: height, x0, 3, 1.0, seeded(0))
    for step in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="step"):
            metropolis_hastings(lambda x: 0.0, x0, 3, step, seeded(0))
