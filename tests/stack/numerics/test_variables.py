"""Sums, draws and areas against exact fractions, SciPy's distributions and tests of fit, and quadrature."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from torch import Tensor

from groundup.stack.numerics import cumulative, density_to_probability, sample_inverse

TWO = torch.float64


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mass(*shape: int, seed: int = 0, dtype: torch.dtype = TWO) -> Tensor:
    return torch.softmax(3 * torch.randn(shape, dtype=TWO, generator=seeded(seed)), dim=-1).to(dtype)


# ── cumulative ──


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_sums_against_fractions(p: list[float]) -> None:
    exact = [float(sum(map(Fraction, p[: i + 1]), Fraction(0))) for i in range(len(p))]
    np.testing.assert_allclose(cumulative(torch.tensor(p, dtype=TWO)), exact, rtol=len(p) * 2.3e-16)


@pytest.mark.parametrize("name", ["binom", "poisson", "geom", "hypergeom"])
def test_sums_against_scipys_distributions(name: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "binom": (60, 0.23), "poisson": (7.5,), "geom": (0.11,), "hypergeom": (200, 60, 45),
    }  # fmt: skip
    distribution = getattr(stats, name)(*arguments[name])
    k = np.arange(1 if name == "geom" else 0, 61)
    found = cumulative(torch.from_numpy(distribution.pmf(k)))
    np.testing.assert_allclose(found, distribution.cdf(k), rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("n", [7, 700, 50_000])
def test_sums_are_right_to_the_dtype(dtype: torch.dtype, n: int) -> None:
    p = mass(3, n).to(dtype)
    found = cumulative(p)
    assert found.dtype == dtype
    wide = np.cumsum(p.double().numpy(), axis=-1)
    np.testing.assert_allclose(found.double(), wide, rtol=2 * torch.finfo(dtype).eps, atol=1e-30)


def test_sums_gradients_and_views() -> None:
    p = mass(4, 3, 6).requires_grad_()
    assert torch.autograd.gradcheck(cumulative, (p,))
    view = p.detach().transpose(0, 2)[::2]
    torch.testing.assert_close(cumulative(view), cumulative(view.contiguous()))


# ── draws ──


@pytest.mark.parametrize("m", [1, 2, 7, 300])
@pytest.mark.parametrize("dtype", [TWO, torch.float32, torch.bfloat16])
def test_draws_by_chi_square(m: int, dtype: torch.dtype) -> None:
    p = torch.softmax(torch.randn(m, dtype=TWO, generator=seeded(m)), dim=0)
    steps = cumulative(p).to(dtype)
    n, values = 40_000, torch.arange(m) * 3 - 5
    drawn = sample_inverse(steps, values, n, seeded(1))
    seen = np.bincount(((drawn + 5) // 3).numpy(), minlength=m)
    heights = np.diff(steps.double().numpy() / float(steps[-1]), prepend=0.0)
    assert seen[heights == 0].sum() == 0
    possible = heights > 0
    if possible.sum() > 1:
        assert stats.chisquare(seen[possible], n * heights[possible]).pvalue > 1e-6


def test_draws_of_measured_numbers_by_kolmogorov() -> None:
    """A fine staircase under the normal distribution, drawn from, is normal to within its steps."""
    values = torch.linspace(-6, 6, 6001, dtype=TWO)
    steps = torch.special.ndtr(values)
    drawn = sample_inverse(steps, values, 20_000, seeded(2))
    assert stats.kstest(drawn.numpy(), "norm").pvalue > 1e-6
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 5 / math.sqrt(20_000)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=12).filter(any), st.integers(0, 10_000))
def test_the_impossible_is_never_drawn(weights: list[int], seed: int) -> None:
    steps = torch.tensor(weights).cumsum(0).double() / sum(weights)
    for short in (1.0, 0.996):
        drawn = sample_inverse(steps * short, torch.tensor(weights), 100, seeded(seed))
        assert (drawn > 0).all()


def test_draws_keep_the_dtype_and_the_generators_word() -> None:
    steps = cumulative(mass(5))
    for dtype in (torch.int64, torch.int32, torch.float32, TWO, torch.bool):
        drawn = sample_inverse(steps, torch.arange(5).to(dtype), 9, seeded())
        assert drawn.dtype == dtype
        assert drawn.shape == (9,)
    assert sample_inverse(steps, torch.arange(5), 0, seeded()).shape == (0,)
    before, generator = torch.get_rng_state(), seeded(3)
    first, second = (sample_inverse(steps, torch.arange(5), 50, generator) for _ in range(2))
    assert torch.equal(first, sample_inverse(steps, torch.arange(5), 50, seeded(3)))
    assert not torch.equal(first, second)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("left", "right"), [((3,), (4,)), ((1,), (4,)), ((4,), (1,)), ((2, 3), (2, 3))])
def test_unequal_tables_are_refused(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="got shapes"):
        sample_inverse(torch.ones(left), torch.ones(right), 3, seeded())


# ── areas ──


def bell(middle: float, spread: float) -> Any:
    return lambda x: torch.exp(-(((x - middle) / spread) ** 2) / 2) / (spread * math.sqrt(2 * math.pi))


DENSITIES: dict[str, tuple[Any, Any]] = {
    "normal": (bell, stats.norm),
    "logistic": (
        lambda m, s: lambda x: torch.sigmoid((x - m) / s) * torch.sigmoid((m - x) / s) / s,
        stats.logistic,
    ),
    "Cauchy": (lambda m, s: lambda x: 1 / (math.pi * s * (1 + ((x - m) / s) ** 2)), stats.cauchy),
    "Gumbel": (lambda m, s: lambda x: torch.exp(-(x - m) / s - torch.exp(-(x - m) / s)) / s, stats.gumbel_r),
}


BOUNDS = [
    (-1.0, 1.5), (0.4, 6.0), (-math.inf, 0.7), (-math.inf, -1.5), (1.2, math.inf), (-2.0, math.inf),
    (-math.inf, math.inf),
]  # fmt: skip


@pytest.mark.parametrize("name", list(DENSITIES))
@pytest.mark.parametrize("middle", [-2.0, 0.3])
@pytest.mark.parametrize("spread", [0.5, 2.0])
@pytest.mark.parametrize("z", BOUNDS)
def test_areas_against_scipys_distributions(name: str, middle: float, spread: float, z: tuple[float, float]) -> None:
    make, theirs = DENSITIES[name]
    a, b = (middle + spread * one for one in z)
    distribution = theirs(middle, spread)
    exact = distribution.sf(a) - distribution.sf(b) if z[0] > 0 else distribution.cdf(b) - distribution.cdf(a)
    found = density_to_probability(make(middle, spread), a, b)
    assert found.shape == ()
    assert found.dtype == TWO
    assert found.item() == pytest.approx(exact, rel=3e-5)


def test_far_tails_keep_their_digits() -> None:
    for z in (4.0, 6.0, 8.0):
        exact = stats.norm.sf(z)
        assert density_to_probability(bell(0, 1), z, math.inf).item() == pytest.approx(exact, rel=1e-4)
        assert density_to_probability(bell(0, 1), -math.inf, -z).item() == pytest.approx(exact, rel=1e-4)


def test_an_infinite_density_at_an_end() -> None:
    """1 / (2 root x): no rule that touches 0 has an answer; middles have, slowly."""
    found = density_to_probability(lambda x: 0.5 / x.sqrt(), 0.0, 1.0, n=20_000)
    assert found.item() == pytest.approx(1.0, abs=3e-3)


@settings(max_examples=60, deadline=None)
@given(st.floats(-2, 2), st.floats(0.05, 3), st.integers(1, 60), st.floats(0.2, 2))
def test_as_good_as_half_the_error_of_trapezoids(a: float, width: float, n: int, spread: float) -> None:
    exact, _ = integrate.quad(
        lambda x: math.exp(-((x / spread) ** 2) / 2) / (spread * math.sqrt(2 * math.pi)), a, a + width
    )
    found = density_to_probability(bell(0, spread), a, a + width, n).item()
    bend = 1 / (spread**3 * math.sqrt(2 * math.pi))
    assert abs(found - exact) <= width**3 / (24 * n * n) * bend + 1e-12


def test_edges_of_areas() -> None:
    assert density_to_probability(bell(0, 1), 0.4, 0.4).item() == 0
    assert density_to_probability(bell(0, 1), -math.inf, -math.inf).item() == 0
    assert density_to_probability(lambda x: 3 * bell(0, 1)(x), -math.inf, math.inf).item() == pytest.approx(3)
    for a, b, n in ((1, 0, 10), (math.inf, 0, 10), (0, 1, 0), (0, 1, -3), (math.nan, 1, 5)):
        with pytest.raises(ValueError, match=r"backward|strip"):
            density_to_probability(bell(0, 1), a, b, n)
    with pytest.raises(ValueError, match="negative"):
        density_to_probability(lambda x: bell(0, 1)(x).log(), -1, 1)
