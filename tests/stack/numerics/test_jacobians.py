"""Jacobians and Hessians against PyTorch's exact ones, in many shapes and at hard places."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from groundup.stack.numerics import gradient, hessian, jacobian

TWO = torch.float64
Function = Callable[[Tensor], Tensor]


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=TWO, generator=torch.Generator().manual_seed(seed))


def jacrev(f: Function) -> Function:
    """PyTorch's own Jacobian."""
    return lambda x: torch.autograd.functional.jacobian(f, x)


def exact_hessian(f: Function) -> Function:
    """PyTorch's own second derivatives."""
    return lambda x: torch.autograd.functional.hessian(f, x)


def mixer(ins: tuple[int, ...], outs: tuple[int, ...]) -> Function:
    """A smooth function in which every result depends on every entry."""
    n, m = torch.Size(ins).numel(), torch.Size(outs).numel()
    weight, bend = drawn(m, n, seed=1) / max(n, 1) ** 0.5, drawn(m, n, seed=2)

    def f(x: Tensor) -> Tensor:
        flat = x.reshape(-1)
        return (torch.tanh(weight @ flat) + torch.sin(bend * flat).sum(dim=1)).reshape(outs)

    return f


@pytest.mark.parametrize("ins", [(), (1,), (3,), (2, 3), (2, 1, 2)])
@pytest.mark.parametrize("outs", [(), (1,), (4,), (3, 2)])
def test_jacobians_against_torch(ins: tuple[int, ...], outs: tuple[int, ...]) -> None:
    f, x = mixer(ins, outs), drawn(*ins)
    found = jacobian(f, x)
    assert found.dtype == TWO
    assert found.shape == (*outs, *ins)
    torch.testing.assert_close(found, jacrev(f)(x), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("ins", [(), (1,), (4,), (2, 3)])
def test_hessians_against_torch(ins: tuple[int, ...]) -> None:
    f, x = mixer(ins, ()), drawn(*ins)
    found = hessian(f, x)
    assert found.dtype == TWO
    assert found.shape == (*ins, *ins)
    torch.testing.assert_close(found, exact_hessian(f)(x), rtol=2e-6, atol=2e-6)
    flat = found.reshape(x.numel(), x.numel())
    assert torch.equal(flat, flat.T)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 1000))
def test_linear_maps_are_their_own_jacobians(m: int, n: int, seed: int) -> None:
    a, b, x = drawn(m, n, seed=seed), drawn(m, seed=seed + 1), drawn(n, seed=seed + 2)
    torch.testing.assert_close(jacobian(lambda t: a @ t + b, x), a, rtol=0, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(0, 1000))
def test_quadratic_forms(n: int, seed: int) -> None:
    a, x = drawn(n, n, seed=seed), drawn(n, seed=seed + 1)
    torch.testing.assert_close(hessian(lambda t: t @ a @ t, x), a + a.T, rtol=0, atol=1e-7)


def test_the_chain_rule_is_a_product_of_matrices() -> None:
    inner, outer, x = mixer((3,), (4,)), mixer((4,), (2,)), drawn(3)
    whole = jacobian(lambda t: outer(inner(t)), x)
    torch.testing.assert_close(whole, jacobian(outer, inner(x)) @ jacobian(inner, x), rtol=0, atol=1e-7)


def test_one_result_gives_the_gradient() -> None:
    f, x = mixer((2, 3), ()), drawn(2, 3)
    torch.testing.assert_close(jacobian(f, x), gradient(f, x), rtol=0, atol=1e-12)


def test_softmax_and_its_loss() -> None:
    z = drawn(5)
    p = z.softmax(dim=0)
    expected = p.diag() - torch.outer(p, p)
    torch.testing.assert_close(jacobian(lambda t: t.softmax(dim=0), z), expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(hessian(lambda t: t.logsumexp(dim=0), z), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.uint8])
def test_other_dtypes_are_taken_as_float64(dtype: torch.dtype) -> None:
    x = torch.tensor([1, 2, 3]).to(dtype)
    f = mixer((3,), (2,))
    assert torch.equal(jacobian(f, x), jacobian(f, x.double()))
    assert torch.equal(hessian(lambda t: f(t).sum(), x), hessian(lambda t: f(t).sum(), x.double()))


def test_functions_that_return_what_they_were_given() -> None:
    x = drawn(2, 3)
    eye = torch.eye(6, dtype=TWO)
    torch.testing.assert_close(jacobian(lambda t: t, x), eye.reshape(2, 3, 2, 3), rtol=0, atol=1e-10)
    torch.testing.assert_close(jacobian(lambda t: t.T, x), eye.reshape(2, 3, 2, 3).transpose(0, 1), rtol=0, atol=1e-10)


def test_x_is_not_changed_and_may_have_strides() -> None:
    x = drawn(6, 2).T[:, ::2]
    before, f = x.clone(), mixer((2, 3), (2,))
    torch.testing.assert_close(jacobian(f, x), jacrev(f)(x), rtol=0, atol=1e-7)
    hessian(lambda t: f(t).sum(), x)
    assert torch.equal(x, before)


def test_without_entries() -> None:
    assert jacobian(lambda t: torch.zeros(3, 2, dtype=TWO), torch.zeros(0)).shape == (3, 2, 0)
    assert jacobian(lambda t: t, torch.zeros(0, 2)).shape == (0, 2, 0, 2)
    assert hessian(lambda t: t.sum(), torch.zeros(0)).shape == (0, 0)


def test_far_from_zero_the_step_that_was_taken_counts() -> None:
    """x + h is rounded at 3e7: divided by 2h, the slope of a line would be off in the fifth digit."""
    x = torch.tensor([1e6, -3e7, 1e3], dtype=TWO)
    assert jacobian(lambda t: 4 * t, x).diag().tolist() == [4.0, 4.0, 4.0]


def test_beside_a_large_value() -> None:
    f, x = mixer((3,), ()), drawn(3)
    torch.testing.assert_close(hessian(lambda t: f(t) + 1000, x), exact_hessian(f)(x), rtol=0, atol=1e-5)


def test_corners_give_numbers_all_the_same() -> None:
    assert jacobian(torch.abs, torch.zeros(1)).item() == 0.0
    assert hessian(lambda t: t.abs().sum(), torch.zeros(1)).item() == pytest.approx(1 / 5e-4, rel=1e-6)
