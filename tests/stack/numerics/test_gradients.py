"""Measured gradients against PyTorch's exact ones and SciPy's, and the check against right and wrong claims."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from torch import Tensor

from groundup.stack.numerics import directional_derivative, gradient, gradient_check

TWO = torch.float64
Function = Callable[[Tensor], Tensor]


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=TWO, generator=torch.Generator().manual_seed(seed))


def exact(f: Function, x: Tensor) -> Tensor:
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad(f(x), x)[0]


def rosenbrock(x: Tensor) -> Tensor:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def cross_entropy(weight: Tensor) -> Tensor:
    inputs, targets = draw(5, weight.shape[0], seed=3), torch.tensor([0, 2, 1, 1, 0])
    return torch.nn.functional.cross_entropy(inputs @ weight, targets)


# ── gradient ──


@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (lambda x: (x**2).sum(), (3,)),
        (lambda x: x.prod(), (2, 3)),
        (lambda x: torch.logsumexp(x, dim=0), (7,)),
        (lambda x: x.sin().sum() * x[0].exp(), (1,)),
        (rosenbrock, (4,)),
        (cross_entropy, (4, 3)),
        (lambda x: torch.linalg.det(x), (3, 3)),
        (lambda x: x**3, ()),
    ],
)
def test_gradient_against_autograd(f: Function, shape: tuple[int, ...]) -> None:
    x = draw(*shape)
    found = gradient(f, x)
    assert found.shape == x.shape
    assert found.dtype == TWO
    expected = exact(f, x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-7 * max(1.0, float(expected.abs().max())))


def test_gradient_against_scipys_differences_and_its_exact_rosenbrock() -> None:
    x = draw(5)
    found = gradient(rosenbrock, x).numpy()
    np.testing.assert_allclose(found, optimize.rosen_der(x.numpy()), rtol=1e-6)
    approximate = optimize.approx_fprime(x.numpy(), lambda v: float(rosenbrock(torch.from_numpy(v))), 1e-8)
    np.testing.assert_allclose(found, approximate, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.int32])
def test_any_real_dtype_is_taken_as_float64(dtype: torch.dtype) -> None:
    x = torch.tensor([[1, -2], [3, 0]]).to(dtype)
    torch.testing.assert_close(gradient(lambda t: (t**3).sum(), x), 3 * x.to(TWO) ** 2, rtol=0, atol=1e-7)


def test_no_entries_at_all() -> None:
    assert gradient(lambda x: x.sum(), torch.zeros(0)).shape == (0,)
    assert gradient(lambda x: x.sum(), torch.zeros(2, 0)).dtype == TWO


def test_x_is_not_changed_and_need_not_be_contiguous() -> None:
    x = draw(4, 3).T
    before = x.clone()
    found = gradient(lambda t: (t**2 * torch.arange(4)).sum(), x)
    torch.testing.assert_close(found, 2 * x * torch.arange(4), rtol=0, atol=1e-7)
    assert torch.equal(x, before)


def test_each_gradient_costs_two_calls_an_entry() -> None:
    calls = []

    def f(x: Tensor) -> Tensor:
        calls.append(x.clone())
        return x.sum()

    gradient(f, draw(2, 3))
    assert len(calls) == 12
    assert all(one.shape == (2, 3) and one.dtype == TWO for one in calls)


# ── directional derivative ──


@pytest.mark.parametrize(("shape", "f"), [((4,), rosenbrock), ((3, 2), lambda x: x.exp().prod())])
def test_the_slope_in_a_direction_is_a_dot_product_with_the_gradient(shape: tuple[int, ...], f: Function) -> None:
    x = draw(*shape) / 2
    for seed in range(1, 5):
        direction = draw(*shape, seed=seed)
        expected = (exact(f, x) * direction).sum() / direction.norm()
        found = directional_derivative(f, x, direction)
        assert found.shape == ()
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_only_the_direction_counts() -> None:
    x, direction = draw(3), draw(3, seed=1)
    once = directional_derivative(rosenbrock, x, direction)
    for factor in (3.0, 1e-30, 1e30, 1e200, 1e-200):
        torch.testing.assert_close(directional_derivative(rosenbrock, x, direction * factor), once, rtol=1e-9, atol=0)
    torch.testing.assert_close(directional_derivative(rosenbrock, x, -direction), -once, rtol=1e-9, atol=0)
    whole = torch.tensor([1, 0, -2])
    expected = directional_derivative(rosenbrock, x, whole.double())
    assert directional_derivative(rosenbrock, x.float().double(), whole) == pytest.approx(expected.item(), rel=1e-4)


def test_steepest_along_the_gradient_and_level_across() -> None:
    x = draw(2) / 2
    slope = exact(rosenbrock, x)
    across = torch.stack([-slope[1], slope[0]])
    assert directional_derivative(rosenbrock, x, slope).item() == pytest.approx(slope.norm().item(), rel=1e-6)
    assert directional_derivative(rosenbrock, x, across).item() == pytest.approx(0.0, abs=1e-4)
    steepest = max(
        directional_derivative(rosenbrock, x, torch.tensor([math.cos(a), math.sin(a)])).item()
        for a in np.linspace(0, 2 * math.pi, 73)
    )
    assert steepest <= slope.norm() * (1 + 1e-6)


@pytest.mark.parametrize(("left", "right"), [((3,), (4,)), ((3,), (1,)), ((2, 3), (3,)), ((2, 3), (3, 2)), ((1,), ())])
def test_other_shapes_are_refused(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="same shape") as caught:
        directional_derivative(lambda x: x.sum(), torch.ones(left), torch.ones(right))
    assert f"{left} and {right}" in str(caught.value)


@pytest.mark.parametrize("shape", [(3,), (2, 2), (0,)])
def test_no_direction_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="points nowhere"):
        directional_derivative(lambda x: x.sum(), torch.ones(shape), torch.zeros(shape))


# ── gradient check ──


@pytest.mark.parametrize(("f", "shape"), [(rosenbrock, (4,)), (cross_entropy, (4, 3)), (lambda x: x.cos().sum(), (3,))])
def test_autograd_passes_and_its_spoiled_copies_do_not(f: Function, shape: tuple[int, ...]) -> None:
    x = draw(*shape)
    assert gradient_check(f, lambda t: exact(f, t), x) is True
    assert gradient_check(f, lambda t: exact(f, t).float(), x, tolerance=1e-3) is True
    for spoil in (
        lambda g: -g,
        lambda g: 2 * g,
        lambda g: g * 0,
        lambda g: g + 1e-3 * g.abs().max(),
        lambda g: g[None],
        lambda g: g.reshape(-1)[:1],
        lambda g: g.where(g != g.min(), math.nan),
        lambda g: g.where(g != g.max(), math.inf),
    ):
        assert gradient_check(f, lambda t, spoil=spoil: spoil(exact(f, t)), x) is False


@settings(max_examples=80, deadline=None)
@given(st.floats(-100, 100), st.floats(1e-6, 1e-2), st.floats(-3, 3).filter(lambda k: abs(abs(k) - 1) > 0.05))
def test_the_line_between_right_and_wrong(slope: float, tolerance: float, times: float) -> None:
    """An error of 'times' what is allowed at an entry of this slope."""
    x = torch.tensor([0.5, -1.5], dtype=TWO)
    right = torch.tensor([slope, 1000.0], dtype=TWO)
    off = torch.tensor([times * tolerance * (1 + abs(slope)), 0.0], dtype=TWO)
    verdict = gradient_check(lambda t: (right * t).sum(), lambda t: right + off, x, tolerance)
    assert verdict is (abs(times) <= 1)


def test_a_minimum_where_all_slopes_are_rounding() -> None:
    x = torch.full((3,), 0.1, dtype=TWO)
    assert gradient_check(lambda t: ((t - 0.1) ** 2).sum() + 100, lambda t: 2 * (t - 0.1), x)


def test_nothing_to_check() -> None:
    assert gradient_check(lambda x: x.sum(), torch.ones_like, torch.zeros(0)) is True
