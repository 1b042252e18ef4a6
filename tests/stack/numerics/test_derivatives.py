"""Central differences against PyTorch's exact derivatives and SciPy's, Newton's roots against SciPy's and Brent's."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import differentiate, optimize
from torch import Tensor

from groundup.stack.numerics import derivative, newton_root

TWO = torch.float64
Function = Callable[[Tensor], Tensor]

SMOOTH: list[Function] = [
    lambda x: x**3 - 2 * x + 1,
    torch.sin,
    torch.exp,
    lambda x: torch.log(x.square() + 1),
    torch.special.erf,
    lambda x: torch.sigmoid(3 * x) * x,
]


def exact(f: Function, x: Tensor) -> Tensor:
    """PyTorch's own derivative."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(f(x).sum(), x)[0]


# ── derivative ──


@pytest.mark.parametrize("number", range(len(SMOOTH)))
def test_derivative_against_autograd(number: int) -> None:
    x = torch.linspace(-2.0, 2.0, 24, dtype=TWO).reshape(2, 3, 4)
    found = derivative(SMOOTH[number], x)
    assert found.shape == x.shape
    torch.testing.assert_close(found, exact(SMOOTH[number], x), rtol=0, atol=1e-6)
    finer = derivative(SMOOTH[number], x, h=1e-5)
    torch.testing.assert_close(finer, exact(SMOOTH[number], x), rtol=0, atol=1e-8)


def test_derivative_against_scipy() -> None:
    x = np.linspace(-1.5, 1.5, 7)
    theirs = differentiate.derivative(np.sin, x)
    assert theirs.success.all()
    np.testing.assert_allclose(derivative(torch.sin, torch.from_numpy(x)).numpy(), theirs.df, rtol=0, atol=1e-8)


@pytest.mark.parametrize("h", [0.5, 0.1, 0.01, 1e-4])
def test_derivative_is_the_central_difference_with_its_known_error(h: float) -> None:
    """For a cube the error is h² to the last: 3x² + h²."""
    x = torch.tensor([-2.0, 0.0, 0.7, 5.0], dtype=TWO)
    torch.testing.assert_close(derivative(lambda t: t**3, x, h), 3 * x**2 + h**2, rtol=1e-10, atol=1e-10)


def test_the_error_falls_with_the_square_of_the_step() -> None:
    errors = [abs(derivative(torch.exp, 1.0, h).item() - math.e) for h in (0.1, 0.05, 0.025)]
    for coarse, fine in itertools.pairwise(errors):
        assert coarse / fine == pytest.approx(4.0, rel=0.01)


@pytest.mark.parametrize(
    "x", [3, 3.0, True + 2, torch.tensor(3), torch.tensor(3.0), torch.tensor(3.0, dtype=torch.bfloat16)]
)
def test_every_kind_of_number_gives_float64(x: float | Tensor) -> None:
    found = derivative(lambda t: t**2, x)
    assert found.dtype == TWO
    assert found.shape == ()
    assert found.item() == pytest.approx(6.0, abs=1e-10)


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 2), (2, 0, 3)])
def test_the_shape_is_that_of_x(shape: tuple[int, ...]) -> None:
    assert derivative(torch.cos, torch.zeros(shape)).shape == shape


def test_x_is_not_changed() -> None:
    x = torch.linspace(0, 1, 6, dtype=TWO).reshape(2, 3).T
    before = x.clone()
    derivative(torch.sin, x)
    assert torch.equal(x, before)


def test_far_from_zero_the_step_that_was_taken_counts() -> None:
    """x + h is rounded at x = 1e6: divided by 2h, the slope of a line would be off in the sixth digit."""
    for x in (1e6, -3e7, 1e9):
        assert derivative(lambda t: 4 * t, x).item() == 4.0


def test_corners_and_jumps() -> None:
    assert derivative(torch.abs, 0.0).item() == 0.0
    assert derivative(torch.relu, 0.0).item() == pytest.approx(0.5)
    assert derivative(torch.sign, 0.0, h=1e-3).item() == pytest.approx(1e3)
    assert derivative(torch.log, 0.0).isnan()


def test_derivatives_of_derivatives() -> None:
    x = torch.linspace(-1, 1, 5, dtype=TWO)
    second = derivative(lambda t: derivative(torch.exp, t, 1e-3), x, 1e-3)
    torch.testing.assert_close(second, x.exp(), rtol=1e-5, atol=0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=6), st.floats(-3, 3), st.floats(0.001, 0.5))
def test_polynomials_against_numpy(coefficients: list[float], x: float, h: float) -> None:
    p = np.polynomial.Polynomial(coefficients)
    expected = (p(x + h) - p(x - h)) / (2 * h)

    def f(t: Tensor) -> Tensor:
        return sum((c * t**i for i, c in enumerate(coefficients)), torch.zeros_like(t))

    assert derivative(f, x, h).item() == pytest.approx(float(expected), rel=1e-8, abs=1e-9)


# ── newton_root ──


@pytest.mark.parametrize(
    ("f", "plain", "start"),
    [
        (lambda x: x**2 - 2, lambda x: x**2 - 2, 1.0),
        (lambda x: x**2 - 2, lambda x: x**2 - 2, -30.0),
        (lambda x: x.cos() - x, lambda x: math.cos(x) - x, 1.0),
        (lambda x: x.exp() - 5, lambda x: math.exp(x) - 5, 0.0),
        (lambda x: x**3 + x - 1, lambda x: x**3 + x - 1, 2.0),
        (lambda x: x.tanh() - 0.5, lambda x: math.tanh(x) - 0.5, 0.1),
        (lambda x: x.log(), math.log, 0.5),
    ],
)
def test_roots_against_scipys_newton_and_brent(f: Function, plain: Callable[[float], float], start: float) -> None:
    root = newton_root(f, start)
    assert root.shape == ()
    assert root.dtype == TWO
    assert root.item() == pytest.approx(optimize.newton(plain, start), abs=1e-8)
    assert root.item() == pytest.approx(optimize.brentq(plain, root - 0.1, root + 0.1, xtol=1e-14), abs=1e-13)


@pytest.mark.parametrize("start", [2, 2.0, torch.tensor(2), torch.tensor(2.0), torch.tensor(2.0, dtype=torch.float16)])
def test_every_kind_of_start(start: float | Tensor) -> None:
    root = newton_root(lambda x: x**2 - 3, start)
    assert root.dtype == TWO
    assert root.item() == pytest.approx(math.sqrt(3), abs=1e-15)


@pytest.mark.parametrize(("tolerance", "count"), [(1.0, 1), (0.2, 2), (1e-2, 3), (1e-4, 4), (1e-8, 5)])
def test_steps_and_tolerance_as_scipy_counts_them(tolerance: float, count: int) -> None:
    """SciPy with the exact slope stops at the same step, and both refuse one step less."""

    def f(x: float) -> float:
        return x**2 - 2

    start = 1.3
    root = newton_root(lambda x: x**2 - 2, start, tolerance=tolerance)
    theirs, report = optimize.newton(f, start, fprime=lambda x: 2 * x, tol=tolerance, full_output=True)
    assert root.item() == pytest.approx(theirs, abs=1e-9)
    assert newton_root(lambda x: x**2 - 2, start, steps=report.iterations, tolerance=tolerance) == root
    with pytest.raises(RuntimeError, match=f"in {report.iterations - 1} steps"):
        newton_root(lambda x: x**2 - 2, start, steps=report.iterations - 1, tolerance=tolerance)
    assert report.iterations <= count


def test_a_root_at_the_start_needs_no_slope() -> None:
    assert newton_root(lambda x: (x - 2.5) ** 2, 2.5).item() == 2.5
    assert newton_root(lambda x: x * 0, 7.0, steps=1).item() == 7.0


def test_double_roots_are_found_slowly() -> None:
    def f(x: Tensor) -> Tensor:
        return (x - 3) ** 2

    assert newton_root(f, 5.0).item() == pytest.approx(3.0, abs=2e-8)
    with pytest.raises(RuntimeError):
        newton_root(f, 5.0, steps=25)


@pytest.mark.parametrize(
    ("f", "start", "says"),
    [
        (lambda x: x**2 + 1, 0.0, "slope at x = 0 is 0"),
        (lambda x: x**2 + 1, 0.7, "no root was reached in 50 steps"),
        (lambda x: x**3 - 2 * x + 2, 0.0, "no root was reached in 50 steps"),
        (lambda x: x.arctan(), 2.0, "slope at x = .* is 0"),
        (lambda x: x.log(), 5.0, "leads to nan"),
        (lambda x: x * math.nan, 1.0, "leads to nan"),
        (lambda x: x + math.inf, 1.0, "leads to nan|leads to inf|leads to -inf"),
        (lambda x: x.abs().sqrt(), 1.0, "no root was reached|is 0"),
        (lambda x: x - x + 1, 1.0, "is 0"),
    ],
)
def test_failures_are_said(f: Function, start: float, says: str) -> None:
    with pytest.raises(RuntimeError, match=says):
        newton_root(f, start)


def test_no_steps_at_all() -> None:
    with pytest.raises(RuntimeError, match="in 0 steps"):
        newton_root(lambda x: x - 1, 0.0, steps=0)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 1e4), st.floats(0.1, 100.0))
def test_square_roots(a: float, start: float) -> None:
    assert newton_root(lambda x: x**2 - a, start).item() == pytest.approx(math.sqrt(a), rel=1e-12)
