"""Gradient descent, momentum and Nesterov's look-ahead against torch.optim.SGD and against what theory says."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from groundup.stack.numerics import gradient_descent, momentum_descent, nesterov_descent

TWO = torch.float64
Gradient = Callable[[Tensor], Tensor]


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=TWO, generator=torch.Generator().manual_seed(seed))


def valley(n: int, condition: float, seed: int = 0) -> tuple[Gradient, Tensor]:
    """The gradient of a quadratic with curvatures from 1 to ``condition`` along random axes, and its minimum."""
    basis = torch.linalg.qr(draw(n, n, seed=seed))[0]
    matrix = (basis * torch.logspace(0, math.log10(condition), n, dtype=TWO)) @ basis.T
    lowest = draw(n, seed=seed + 1)
    return (lambda x: matrix @ (x - lowest)), lowest


def rosenbrock(x: Tensor) -> Tensor:
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(), x)[0]


def by_optimizer(grad: Gradient, x0: Tensor, lr: float, beta: float, steps: int, nesterov: bool = False) -> Tensor:
    """What torch.optim.SGD holds before each step and after the last."""
    x = torch.nn.Parameter(x0.clone())
    optimizer = torch.optim.SGD([x], lr=lr, momentum=beta, nesterov=nesterov)
    path = [x0.clone()]
    for _ in range(steps):
        x.grad = grad(x.detach().clone())
        optimizer.step()
        path.append(x.detach().clone())
    return torch.stack(path)


CASES: list[tuple[Gradient, Tensor, float]] = [
    (valley(2, 10.0)[0], draw(2, seed=5), 0.05),
    (valley(7, 1e4)[0], draw(7, seed=6), 1e-4),
    (rosenbrock, draw(4, seed=7) / 2, 1e-3),
    (torch.sin, draw(2, 3, seed=8), 0.3),
    (torch.tanh, draw(seed=9), 0.5),
    (lambda x: x * 0 + 1, draw(3, 1, 2, seed=10), 2.0),
]


@pytest.mark.parametrize(("grad", "x0", "lr"), CASES)
def test_plain_and_momentum_take_the_steps_of_torch(grad: Gradient, x0: Tensor, lr: float) -> None:
    expected = by_optimizer(grad, x0, lr, 0.0, 40)
    torch.testing.assert_close(gradient_descent(grad, x0, lr, 40), expected, rtol=1e-12, atol=1e-12)
    for beta in (0.3, 0.9):
        expected = by_optimizer(grad, x0, lr, beta, 40)
        torch.testing.assert_close(momentum_descent(grad, x0, lr, beta, 40), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("grad", "x0", "lr"), CASES)
@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9])
def test_nesterov_asks_where_torch_keeps_its_parameters(grad: Gradient, x0: Tensor, lr: float, beta: float) -> None:
    asked: list[Tensor] = []

    def listening(x: Tensor) -> Tensor:
        asked.append(x.clone())
        return grad(x)

    nesterov_descent(listening, x0, lr, beta, 40)
    kept = by_optimizer(grad, x0, lr, beta, 39, nesterov=beta > 0)
    torch.testing.assert_close(torch.stack(asked), kept, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("grad", "x0", "lr"), CASES)
def test_nesterov_is_a_gradient_step_from_beyond_the_last_move(grad: Gradient, x0: Tensor, lr: float) -> None:
    """The form of Nesterov's book, section 2.2: y = x + beta (x - last x), then y - lr · grad(y)."""
    path = nesterov_descent(grad, x0, lr, 0.7, 30)
    for t in range(1, 30):
        ahead = path[t] + 0.7 * (path[t] - path[t - 1])
        torch.testing.assert_close(path[t + 1], ahead - lr * grad(ahead), rtol=1e-9, atol=1e-10)


@given(st.floats(0.01, 100.0), st.floats(0.0, 2.5), st.floats(0.0, 0.99), st.floats(-1e3, 1e3).filter(lambda x: x != 0))
@settings(max_examples=60, deadline=None)
def test_closed_forms_on_one_number(curvature: float, share: float, beta: float, start: float) -> None:
    """Powers of 1 - lr λ, and of the matrices that take (place, last place) on by one step."""
    lr, x0, steps = share / curvature, torch.tensor(start, dtype=TWO), 15
    plain = gradient_descent(lambda x: curvature * x, x0, lr, steps)
    powers = torch.tensor([start * (1 - lr * curvature) ** t for t in range(steps + 1)], dtype=TWO)
    torch.testing.assert_close(plain, powers, rtol=1e-9, atol=1e-12 * abs(start))
    decay = lr * curvature
    for descend, first in ((momentum_descent, 1 + beta - decay), (nesterov_descent, (1 + beta) * (1 - decay))):
        last = -beta if descend is momentum_descent else -beta * (1 - decay)
        expected = [start, start * (1 - decay)]
        for _ in range(steps - 1):
            expected.append(first * expected[-1] + last * expected[-2])
        found = descend(lambda x: curvature * x, x0, lr, beta, steps)
        size = max(map(abs, expected))
        torch.testing.assert_close(found, torch.tensor(expected, dtype=TWO), rtol=1e-9, atol=1e-11 * size)


@pytest.mark.parametrize("condition", [10.0, 1e3])
def test_the_rates_that_theory_promises(condition: float) -> None:
    """After many steps, the distance shrinks at each by (κ-1)/(κ+1) plain, and by about (√κ-1)/(√κ+1) with momentum."""
    grad, lowest = valley(5, condition)
    root = math.sqrt(condition)
    steps = int(6 * root)
    plain = gradient_descent(grad, lowest + 1, 2 / (1 + condition), steps)
    fast = momentum_descent(grad, lowest + 1, 4 / (1 + root) ** 2, ((root - 1) / (root + 1)) ** 2, steps)
    ahead = nesterov_descent(grad, lowest + 1, 1 / condition, (root - 1) / (root + 1), steps)
    left = [float((path[-1] - lowest).norm() / (path[0] - lowest).norm()) for path in (plain, fast, ahead)]
    assert left[0] <= ((condition - 1) / (condition + 1)) ** steps * 1.0001
    share = (root - 1) / (root + 1)
    assert left[1] <= 4 * steps * share**steps
    # Nesterov (2004), theorem 2.2.3: f - f* <= (L + μ)/2 · |x0 - x*|² (1 - 1/√κ)^t, and |x - x*|² <= 2 (f - f*) / μ.
    assert left[2] ** 2 <= (condition + 1) * (1 - 1 / root) ** steps
    assert left[1] < left[2] < left[0]


def test_above_the_border_it_diverges_and_below_it_does_not() -> None:
    grad, lowest = valley(3, 50.0)
    far = [float((gradient_descent(grad, lowest + 1, lr, 400)[-1] - lowest).norm()) for lr in (1.99 / 50, 2.01 / 50)]
    assert far[0] < 1 < far[1]


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_the_borders_of_the_rate_with_a_velocity(beta: float) -> None:
    one = torch.ones((), dtype=TWO)
    borders = {momentum_descent: 2 * (1 + beta), nesterov_descent: (2 + 2 * beta) / (1 + 2 * beta)}
    for descend, border in borders.items():
        far = [descend(lambda x: x, one, share * border, beta, 4000)[-1].abs() for share in (0.99, 1.01)]
        assert far[0] < 1e-3
        assert not far[1] < 1e3


def test_a_convex_function_on_which_tuned_momentum_circles() -> None:
    """Lessard, Recht and Packard (2016): curvatures 1 and 25, the best settings for quadratics, a start of 3.3."""

    def grad(x: Tensor) -> Tensor:
        return torch.where(x < 1, 25 * x, torch.where(x < 2, x + 24, 25 * x - 24))

    start = torch.tensor(3.3, dtype=TWO)
    circle = momentum_descent(grad, start, 1 / 9, 4 / 9, 600)
    torch.testing.assert_close(circle[-3:], circle[-6:-3], rtol=1e-9, atol=0)
    assert float(circle[-3:].abs().min()) > 0.5
    assert float(nesterov_descent(grad, start, 1 / 25, 4 / 6, 600)[-1].abs()) < 1e-9


EACH = [
    lambda grad, x0, lr, steps: gradient_descent(grad, x0, lr, steps),
    lambda grad, x0, lr, steps: momentum_descent(grad, x0, lr, 0.9, steps),
    lambda grad, x0, lr, steps: nesterov_descent(grad, x0, lr, 0.9, steps),
]


@pytest.mark.parametrize("descend", EACH)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_shapes_and_dtypes(descend: Callable[..., Tensor], dtype: torch.dtype) -> None:
    for shape in ((), (0,), (3,), (2, 1, 3)):
        x0 = torch.ones(shape, dtype=dtype)
        for steps in (0, 1, 4):
            path = descend(lambda x: x / 2, x0, 0.5, steps)
            assert path.shape == (steps + 1, *shape)
            assert path.dtype == dtype
            assert torch.equal(path[0], x0)


@pytest.mark.parametrize("descend", EACH)
def test_nothing_that_was_passed_in_is_changed(descend: Callable[..., Tensor]) -> None:
    x0, slope = draw(4), draw(4, seed=1)
    kept = x0.clone(), slope.clone()
    path = descend(lambda x: x, x0, 0.1, 5)
    descend(lambda x: slope, x0, 0.1, 5)
    path.zero_()
    assert torch.equal(x0, kept[0])
    assert torch.equal(slope, kept[1])


@pytest.mark.parametrize("descend", EACH)
@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_tiny_and_huge_places(descend: Callable[..., Tensor], size: float) -> None:
    path = descend(lambda x: x, torch.tensor([size, -size], dtype=TWO), 0.5, 40)
    reference = descend(lambda x: x, torch.tensor([1.0, -1.0], dtype=TWO), 0.5, 40)
    torch.testing.assert_close(path / size, reference, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("descend", EACH)
def test_a_path_that_runs_away_is_returned_as_it_is(descend: Callable[..., Tensor]) -> None:
    path = descend(lambda x: 1e200 * x, torch.ones(2, dtype=TWO), 1.0, 6)
    assert path.shape == (7, 2)
    assert not torch.isfinite(path[-1]).any()


def test_what_is_refused() -> None:
    x0 = torch.ones(2)
    for descend in EACH:
        with pytest.raises(ValueError, match="steps"):
            descend(torch.sin, x0, 0.1, -1)
    for beta in (-0.1, 1.0, 1.5, math.nan):
        for method in (momentum_descent, nesterov_descent):
            with pytest.raises(ValueError, match="beta"):
                method(torch.sin, x0, 0.1, beta, 3)
