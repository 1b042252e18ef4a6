"""Simpson's rule against SciPy's and against adaptive quadrature; random points against known integrals and rates."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats
from torch import Tensor

from groundup.stack.numerics import derivative, monte_carlo_integral, simpson

TWO = torch.float64

SMOOTH: list[tuple[Callable[[Tensor], Tensor], Callable[[float], float]]] = [
    (torch.exp, math.exp),
    (lambda x: torch.sin(3 * x) + x, lambda x: math.sin(3 * x) + x),
    (lambda x: torch.exp(-x.square()), lambda x: math.exp(-x * x)),
    (lambda x: 1 / (1 + x.square()), lambda x: 1 / (1 + x * x)),
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ── simpson ──


@pytest.mark.parametrize("number", range(len(SMOOTH)))
@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (-2.0, 3.0), (2.0, -1.0), (0.5, 0.5)])
def test_smooth_integrals_against_quad(number: int, a: float, b: float) -> None:
    ours, plain = SMOOTH[number]
    expected, _ = integrate.quad(plain, a, b, epsabs=1e-13, epsrel=1e-13)
    found = simpson(ours, a, b, 2000)
    assert found.shape == ()
    assert found.dtype == TWO
    assert found.item() == pytest.approx(expected, rel=1e-10, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.floats(-4, 4), st.floats(-4, 4), st.integers(1, 20))
def test_polynomials_against_scipys_simpson(coefficients: list[float], a: float, b: float, pairs: int) -> None:
    x = np.linspace(a, b, 2 * pairs + 1)
    values = np.polynomial.Polynomial(coefficients)(x)
    expected = integrate.simpson(values, dx=(b - a) / (2 * pairs))

    def f(t: Tensor) -> Tensor:
        return sum((c * t**i for i, c in enumerate(coefficients)), torch.zeros_like(t))

    assert simpson(f, a, b, 2 * pairs).item() == pytest.approx(float(expected), rel=1e-10, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=4, max_size=4), st.floats(-4, 4), st.floats(-4, 4))
def test_cubes_are_integrated_exactly(c: list[float], a: float, b: float) -> None:
    exact = np.polynomial.Polynomial(c).integ()
    found = simpson(lambda t: c[0] + c[1] * t + c[2] * t**2 + c[3] * t**3, a, b, 2)
    assert found.item() == pytest.approx(float(exact(b) - exact(a)), rel=1e-10, abs=1e-10)


def test_the_error_falls_with_the_fourth_power() -> None:
    errors = [abs(simpson(torch.exp, 0.0, 2.0, n).item() - (math.exp(2) - 1)) for n in (8, 16, 32)]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.02)
    assert errors[1] / errors[2] == pytest.approx(16, rel=0.02)
    assert errors[2] <= 2 * (2 / 32) ** 4 / 180 * math.exp(2)


def test_hard_functions_converge_slowly_but_do() -> None:
    for f, expected, bound in (
        (torch.sqrt, 2 / 3, 1e-4),
        (lambda x: (x - 1 / math.pi).abs(), (1 / math.pi**2 + (1 - 1 / math.pi) ** 2) / 2, 1e-5),
        (lambda x: (x > 1 / math.pi).double(), 1 - 1 / math.pi, 1e-2),
    ):
        assert simpson(f, 0, 1, 1000).item() == pytest.approx(expected, abs=bound)


def test_the_slope_of_an_integral_is_the_function() -> None:
    area = lambda t: torch.stack([simpson(torch.sin, 0.3, end, 200) for end in t.reshape(-1)]).reshape(t.shape)  # noqa: E731
    assert derivative(area, 1.1).item() == pytest.approx(math.sin(1.1), abs=1e-8)


@pytest.mark.parametrize("kind", [int, float, torch.tensor, lambda x: torch.tensor(x, dtype=torch.bfloat16)])
def test_every_kind_of_bound(kind: Callable[[float], float | Tensor]) -> None:
    found = simpson(torch.exp, kind(0), kind(3), 400)
    assert found.dtype == TWO
    assert found.item() == pytest.approx(math.exp(3) - 1, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-150, 1e-8, 1e8, 1e150])
def test_tiny_and_huge_intervals(scale: float) -> None:
    assert simpson(lambda x: x / scale, 0.0, scale, 10).item() == pytest.approx(scale / 2, rel=1e-14)


@pytest.mark.parametrize("n", [1, 3, 101, 0, -2])
def test_odd_numbers_of_parts_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match="even"):
        simpson(torch.sin, 0.0, 1.0, n)


# ── monte_carlo_integral ──


@pytest.mark.parametrize("d", [1, 2, 3, 6])
def test_volumes_of_balls(d: int) -> None:
    """Within six standard deviations, which are known: the function is 0 or 1."""
    n, box = 40_000, 2.0**d
    share = math.pi ** (d / 2) / special.gamma(d / 2 + 1) / box
    found = monte_carlo_integral(
        lambda p: (p.square().sum(dim=1) <= 1).double(), -torch.ones(d), torch.ones(d), n, seeded(d)
    )
    assert found.item() == pytest.approx(share * box, abs=6 * box * math.sqrt(share * (1 - share) / n) + 1e-12)


def test_smooth_integrals_against_nquad() -> None:
    expected, _ = integrate.nquad(lambda x, y: math.exp(-x * y) + x, [[0.0, 2.0], [-1.0, 1.5]])
    low, high = torch.tensor([0, -1]), torch.tensor([2.0, 1.5])
    estimates = torch.stack(
        [
            monte_carlo_integral(lambda p: torch.exp(-p[:, 0] * p[:, 1]) + p[:, 0], low, high, 500, seeded(i))
            for i in range(200)
        ]
    )
    error = estimates.std().item() / math.sqrt(200)
    assert estimates.mean().item() == pytest.approx(expected, abs=6 * error)


def test_the_spread_falls_with_the_root_of_n() -> None:
    def spread(n: int) -> float:
        low, high = torch.zeros(3), torch.full((3,), 2.0)
        found = [monte_carlo_integral(lambda p: p.sum(dim=1), low, high, n, seeded(1000 * n + i)) for i in range(400)]
        return torch.stack(found).std().item()

    for n in (10, 1000):
        assert spread(n) == pytest.approx(8 * math.sqrt(3 * 4 / 12 / n), rel=0.2)


def test_points_are_uniform_and_independent() -> None:
    seen: list[Tensor] = []

    def f(points: Tensor) -> Tensor:
        seen.append(points)
        return points[:, 0]

    monte_carlo_integral(f, torch.tensor([-1.0, 5.0]), torch.tensor([2.0, 5.5]), 20_000, seeded(3))
    (points,) = seen
    assert points.shape == (20_000, 2)
    assert points.dtype == TWO
    unit = (points - torch.tensor([-1.0, 5.0])) / torch.tensor([3.0, 0.5])
    for column in unit.T:
        assert stats.kstest(column.numpy(), "uniform").pvalue > 1e-6
        assert abs(np.corrcoef(column[1:], column[:-1])[0, 1]) < 6 / math.sqrt(20_000)
    assert abs(np.corrcoef(unit.T)[0, 1]) < 6 / math.sqrt(20_000)


def test_one_state_gives_one_estimate() -> None:
    low, high = torch.zeros(2), torch.ones(2)
    generator, again = seeded(7), seeded(7)
    first, second = (monte_carlo_integral(lambda p: p.prod(dim=1), low, high, 9, generator) for _ in range(2))
    assert first != second
    before = torch.get_rng_state()
    assert monte_carlo_integral(lambda p: p.prod(dim=1), low, high, 9, again) == first
    assert torch.equal(torch.get_rng_state(), before)


def test_boxes_without_volume_and_constants() -> None:
    assert monte_carlo_integral(lambda p: p[:, 0], torch.tensor([2.0]), torch.tensor([2.0]), 5, seeded()).item() == 0.0
    low, high = torch.tensor([0.0, -1.0]), torch.tensor([3.0, 1.0])
    assert monte_carlo_integral(lambda p: p[:, 0] * 0 + 4, low, high, 7, seeded()).item() == 24.0


@pytest.mark.parametrize(("low", "high"), [((2,), (3,)), ((), ()), ((2,), (1,)), ((1, 2), (1, 2))])
def test_corners_that_do_not_fit_are_refused(low: tuple[int, ...], high: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one shape"):
        monte_carlo_integral(lambda p: p[:, 0], torch.zeros(low), torch.ones(high), 4, seeded())


def test_no_points_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        monte_carlo_integral(lambda p: p[:, 0], torch.zeros(1), torch.ones(1), 0, seeded())
