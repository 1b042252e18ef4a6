"""Backtracking against its definition, and L-BFGS against SciPy's L-BFGS-B, on easy ground and on hard."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from torch import Tensor

from groundup.stack.numerics import backtracking_step, lbfgs

Function = Callable[[Tensor], Tensor]
TWO = torch.float64


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _bowl(n: int, condition: float, seed: int) -> tuple[Function, Function, Tensor]:
    generator = _generator(seed)
    basis, _ = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=TWO))
    matrix = (basis * torch.logspace(0, math.log10(condition), n, dtype=TWO)) @ basis.T
    lowest = torch.randn(n, generator=generator, dtype=TWO)
    return lambda x: (x - lowest) @ matrix @ (x - lowest) / 2, lambda x: matrix @ (x - lowest), lowest


def _rosenbrock(x: Tensor) -> Tensor:
    return torch.as_tensor(optimize.rosen(x.numpy()), dtype=TWO)


def _rosenbrock_slope(x: Tensor) -> Tensor:
    return torch.from_numpy(optimize.rosen_der(x.numpy()))


def _classifier(seed: int) -> tuple[Function, Function, Tensor]:
    generator = _generator(seed)
    rows = torch.randn(40, 6, generator=generator, dtype=TWO) * torch.logspace(-1, 1, 6, dtype=TWO)
    signs = torch.where(rows.sum(-1) + 3 * torch.randn(40, generator=generator, dtype=TWO) > 0, 1.0, -1.0)

    def f(w: Tensor) -> Tensor:
        return torch.nn.functional.softplus(-signs * (rows @ w)).mean() + 0.005 * (w**2).sum()

    def grad(w: Tensor) -> Tensor:
        return -rows.T @ (signs * torch.sigmoid(-signs * (rows @ w))) / 40 + 0.01 * w

    return f, grad, torch.zeros(6, dtype=TWO)


def _scipy(f: Function, grad: Function, x0: Tensor, memory: int = 10) -> optimize.OptimizeResult:
    return optimize.minimize(
        lambda x: float(f(torch.from_numpy(x))),
        x0.numpy(),
        jac=lambda x: grad(torch.from_numpy(x)).numpy(),
        method="L-BFGS-B",
        options={"maxcor": memory, "ftol": 0.0, "gtol": 1e-10, "maxiter": 1000},
    )


# ── backtracking_step ──


@given(
    st.floats(1e-3, 1e6),
    st.floats(1e-3, 1e6),
    st.integers(0, 1000),
)
def test_the_length_is_the_first_that_meets_armijo(curvature: float, size: float, seed: int) -> None:
    x = torch.randn(3, generator=_generator(seed), dtype=TWO)
    grad = lambda x: curvature * x  # noqa: E731
    f = lambda x: curvature * (x**2).sum() / 2  # noqa: E731
    direction = -size * x
    length = backtracking_step(f, grad, x, direction)
    slope, here = float(grad(x) @ direction), float(f(x))

    def enough(t: float) -> bool:
        return float(f(x + t * direction)) <= here + 1e-4 * t * slope

    assert 0 < length <= 1 and math.log2(length).is_integer()
    assert enough(length)
    assert all(not enough(0.5**k) for k in range(round(-math.log2(length))))


def test_on_a_parabola_the_length_follows_from_the_curvature() -> None:
    # f(x - t x) is at most f(x) - 1e-4 t c x² exactly where t is at most 2 (1 - 1e-4) / c
    for curvature in (0.5, 1.9, 2.1, 7.0, 300.0, 1e9):
        x = torch.ones(1, dtype=TWO)
        length = backtracking_step(
            lambda x, c=curvature: c * (x**2).sum() / 2, lambda x, c=curvature: c * x, x, -curvature * x
        )
        longest = 2 * (1 - 1e-4) / curvature
        assert length == min(1.0, 2.0 ** math.floor(math.log2(longest)))


def test_calls_are_counted_and_arguments_stay() -> None:
    x, direction = torch.ones(2, 3), torch.full((2, 3), -64.0)
    kept = (x.clone(), direction.clone())
    asked = {"f": 0, "grad": 0}

    def f(x: Tensor) -> Tensor:
        asked["f"] += 1
        return (x**2).sum() / 2

    def grad(x: Tensor) -> Tensor:
        asked["grad"] += 1
        return x

    length = backtracking_step(f, grad, x, direction)
    assert asked == {"f": 2 + round(-math.log2(length)), "grad": 1}
    assert torch.equal(x, kept[0]) and torch.equal(direction, kept[1])


def test_no_length_is_enough() -> None:
    asked = []

    def level(x: Tensor) -> Tensor:
        asked.append(x)
        return torch.tensor(0.0)

    assert backtracking_step(level, lambda x: -torch.ones(1), torch.zeros(1), torch.ones(1)) == 0.0
    assert len(asked) == 61
    everywhere = torch.tensor(math.nan)
    nowhere = backtracking_step(
        lambda x: everywhere if x.any() else x.sum(), lambda x: x - 1, torch.zeros(1), torch.ones(1)
    )
    assert nowhere == 0.0


@pytest.mark.parametrize("slope", [0.0, 1.0, math.nan, math.inf])
def test_directions_that_do_not_lead_down(slope: float) -> None:
    with pytest.raises(ValueError, match="does not lead down"):
        backtracking_step(lambda x: x.sum(), lambda x: torch.full_like(x, slope), torch.ones(2), torch.ones(2))


# ── lbfgs ──


@pytest.mark.parametrize("condition", [1.0, 1e2, 1e4, 1e6])
def test_quadratics_come_to_where_scipy_does(condition: float) -> None:
    for seed in range(3):
        f, grad, lowest = _bowl(8, condition, seed)
        start = torch.zeros(8, dtype=TWO)
        mine, theirs = lbfgs(f, grad, start, steps=500), _scipy(f, grad, start)
        # f is rounded at 1e-16 of its size along the way: a curvature of 1 then leaves about 1e-8 of the place.
        torch.testing.assert_close(mine, lowest, rtol=0, atol=1e-5)
        assert float(f(mine)) <= theirs.fun + 1e-10


@pytest.mark.parametrize("n", [2, 3, 10])
@pytest.mark.parametrize("memory", [3, 10])
def test_rosenbrock(n: int, memory: int) -> None:
    start = torch.tensor([-1.2, 1.0] * ((n + 1) // 2), dtype=TWO)[:n]
    asked = {"f": 0, "grad": 0}

    def f(x: Tensor) -> Tensor:
        asked["f"] += 1
        return _rosenbrock(x)

    def grad(x: Tensor) -> Tensor:
        asked["grad"] += 1
        return _rosenbrock_slope(x)

    mine = lbfgs(f, grad, start, memory=memory, steps=300)
    theirs = _scipy(_rosenbrock, _rosenbrock_slope, start, memory)
    torch.testing.assert_close(mine, torch.from_numpy(theirs.x), rtol=0, atol=1e-6)
    # No dearer than a library, within a factor of two: its search asks for both at every trial.
    near = lbfgs(_rosenbrock, _rosenbrock_slope, start, memory=memory, steps=2 * theirs.nfev)
    torch.testing.assert_close(near, torch.from_numpy(theirs.x), rtol=0, atol=1e-5)
    # A gradient for each step, and hardly more heights than the one here and the first that is tried.
    assert 0 < asked["f"] <= 3 * asked["grad"]


def test_logistic_regression() -> None:
    for seed in range(5):
        f, grad, start = _classifier(seed)
        mine, theirs = lbfgs(f, grad, start, steps=300), _scipy(f, grad, start)
        torch.testing.assert_close(mine, torch.from_numpy(theirs.x), rtol=0, atol=1e-5)
        assert float(f(mine)) <= theirs.fun + 1e-12


def test_the_direction_is_minus_the_bfgs_matrix_times_the_gradient() -> None:
    """The third place, from matrices that are written out, for any memory of two and more."""
    f, grad, _ = _bowl(5, 30.0, 7)
    places = [torch.zeros(5, dtype=TWO)]
    inverse = torch.eye(5, dtype=TWO)
    eye, pairs = torch.eye(5, dtype=TWO), []
    for _ in range(4):
        x = places[-1]
        direction = -(inverse @ grad(x))
        places.append(x + backtracking_step(f, grad, x, direction) * direction)
        s, y = places[-1] - x, grad(places[-1]) - grad(x)
        pairs.append((s, y))
        inverse = eye * (s @ y) / (y @ y)
        for s, y in pairs:
            left = eye - torch.outer(s, y) / (s @ y)
            inverse = left @ inverse @ left.T + torch.outer(s, s) / (s @ y)
    for steps, place in enumerate(places):
        torch.testing.assert_close(lbfgs(f, grad, places[0], memory=4, steps=steps), place, rtol=1e-9, atol=1e-10)


def test_heights_never_rise() -> None:
    start = torch.tensor([-1.2, 1.0, -1.2, 1.0], dtype=TWO)
    heights = [float(_rosenbrock(lbfgs(_rosenbrock, _rosenbrock_slope, start, 5, steps))) for steps in range(40)]
    assert all(after <= before for before, after in itertools.pairwise(heights))


def test_hard_ground() -> None:
    """A bend the wrong way, units of 1e±12, a wall of infinity, a slope without end, a kink."""
    scale = torch.logspace(-1, 1, 4, dtype=TWO)
    wells = lambda x: (scale * (x**2 - 1) ** 2).sum() / 4  # noqa: E731
    end = lbfgs(wells, lambda x: scale * x * (x**2 - 1), torch.full((4,), 0.01, dtype=TWO), steps=200)
    torch.testing.assert_close(end.abs(), torch.ones(4, dtype=TWO), rtol=0, atol=1e-6)

    for unit in (1e-12, 1e12):
        f, grad, lowest = _bowl(4, 100.0, 1)
        end = lbfgs(lambda x: unit * f(x), lambda x: unit * grad(x), torch.zeros(4, dtype=TWO), steps=200)  # noqa: B023
        torch.testing.assert_close(end, lowest, rtol=0, atol=1e-5)

    a = torch.tensor([3.0, -4.0], dtype=TWO)
    barrier = lambda x: (a * x).sum() - torch.log(1 - (x**2).sum())  # noqa: E731
    slope = lambda x: a + 2 * x / (1 - (x**2).sum())  # noqa: E731
    end = lbfgs(barrier, slope, torch.tensor([0.3, 0.6], dtype=TWO), steps=100)
    # On the axis against a, r solves 5 = 2 r / (1 - r²).
    r = (-1 + math.sqrt(1 + 25)) / 5
    torch.testing.assert_close(end, -r * a / 5, rtol=0, atol=1e-6)

    assert float((a * lbfgs(lambda x: (a * x).sum(), lambda x: a, a.clone(), steps=4)).sum()) <= -25 * 3
    kink = lbfgs(lambda x: x.abs().sum(), torch.sign, torch.tensor([0.7, -0.2], dtype=TWO), steps=50)
    assert float(kink.abs().sum()) <= 0.9


def test_a_gradient_that_lives_in_one_tensor() -> None:
    f, grad, lowest = _bowl(5, 200.0, 3)
    buffer = torch.zeros(5, dtype=TWO)
    end = lbfgs(f, lambda x: buffer.copy_(grad(x)), torch.zeros(5, dtype=TWO))
    torch.testing.assert_close(end, lowest, rtol=0, atol=1e-6)


def test_shapes_dtypes_and_ends() -> None:
    for shape in ((), (1,), (2, 3), (2, 1, 2), (0,)):
        for dtype in (torch.float32, TWO):
            x0 = torch.full(shape, 2.0, dtype=dtype)
            kept = x0.clone()
            end = lbfgs(lambda x: (x**2).sum() * 3, lambda x: 6 * x, x0, steps=30)
            assert end.shape == x0.shape and end.dtype == dtype
            torch.testing.assert_close(end, torch.zeros_like(x0), rtol=0, atol=1e-4)
            assert torch.equal(x0, kept)
            still = lbfgs(lambda x: (x * 0).sum(), lambda x: x * 0, x0)
            assert torch.equal(still, x0) and torch.equal(lbfgs(lambda x: x.sum(), torch.ones_like, x0, steps=0), x0)


def test_no_more_gradients_than_steps() -> None:
    for steps in (1, 2, 7):
        asked = []

        def grad(x: Tensor) -> Tensor:
            asked.append(x)  # noqa: B023
            return _rosenbrock_slope(x)

        lbfgs(_rosenbrock, grad, torch.tensor([-1.2, 1.0], dtype=TWO), steps=steps)
        assert len(asked) == steps


@pytest.mark.parametrize(("memory", "steps"), [(0, 3), (-1, 3), (3, -1)])
def test_refused(memory: int, steps: int) -> None:
    with pytest.raises(ValueError, match="memory must be at least 1"):
        lbfgs(lambda x: x.sum(), torch.ones_like, torch.ones(1), memory, steps)


def test_with_noise_in_the_gradient_it_ends_and_does_not_climb() -> None:
    f, grad, start = _classifier(0)
    generator = _generator(1)
    for spread in (1e-3, 1e-1, np.inf):
        noise = lambda x: spread * torch.randn(x.shape, generator=generator, dtype=x.dtype)  # noqa: B023, E731
        end = lbfgs(f, lambda x: grad(x) + noise(x), start)  # noqa: B023
        assert float(f(end)) <= float(f(start))
