"""The matrix product, systems and inverses against NumPy, SciPy and PyTorch, at ordinary and at hard inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from groundup.stack.numerics import inverse, matmul, solve


def draw(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def hilbert(n: int) -> Tensor:
    return torch.from_numpy(scipy.linalg.hilbert(n))


def backward_error(a: Tensor, x: Tensor, b: Tensor) -> float:
    """How far a has to be moved, in units of eps, for x to solve the system exactly (Rigal and Gaches)."""
    a, x, b = a.double(), x.double(), b.double()
    residual = torch.linalg.norm(a @ x - b, float("inf"))
    return float(residual / (torch.linalg.norm(a, float("inf")) * torch.linalg.norm(x, float("inf"))))


# ── matmul ──


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((2, 3), (3, 4)),
        ((1, 1), (1, 5)),
        ((2, 3, 4), (2, 4, 5)),
        ((5, 1, 2, 3), (4, 3, 6)),
        ((3, 4), (2, 4, 1)),
        ((2, 0), (0, 3)),
        ((0, 2, 3), (3, 4)),
    ],
)
def test_the_product_against_numpy(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = draw(*left), draw(*right, seed=1)
    torch.testing.assert_close(matmul(a, b), torch.from_numpy(np.matmul(a.numpy(), b.numpy())))


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_products_of_integers_are_exact_and_integer(dtype: torch.dtype) -> None:
    a = torch.tensor([[1, 2, 0], [3, 0, 5]], dtype=dtype)
    b = torch.tensor([[1, 0], [2, 7], [4, 1]], dtype=dtype)
    assert torch.equal(matmul(a, b), torch.tensor([[5, 14], [23, 5]], dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_products_in_lower_precision(dtype: torch.dtype) -> None:
    a, b = draw(4, 9, dtype=dtype), draw(9, 3, dtype=dtype, seed=1)
    result = matmul(a, b)
    assert result.dtype == dtype
    limit = a.double().abs() @ b.double().abs() * torch.finfo(dtype).eps * 3
    assert ((result.double() - a.double() @ b.double()).abs() <= limit).all()


def test_product_dtypes_and_memory_layout() -> None:
    a, b = draw(6, 4, 5).permute(2, 1, 0)[:, ::2], draw(3, 6).T
    assert not a.is_contiguous()
    torch.testing.assert_close(matmul(a, b), a @ b)
    assert matmul(a.float(), b).dtype == torch.float64


def test_gradients_of_the_product() -> None:
    a, b = draw(2, 1, 3, 4).requires_grad_(), draw(3, 4, 2, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(matmul, (a, b))
    weight = draw(2, 3, 3, 2, seed=2)
    theirs = torch.autograd.grad(((a @ b) * weight).sum(), (a, b))
    for ours, expected in zip(torch.autograd.grad((matmul(a, b) * weight).sum(), (a, b)), theirs, strict=True):
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize(
    ("left", "right"), [((2, 3), (2, 3)), ((2, 1), (3, 4)), ((2, 3), (1, 4)), ((3,), (3, 4)), ((2, 3), (3,))]
)
def test_shapes_that_do_not_fit_are_refused(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="is needed") as caught:
        matmul(torch.ones(left), torch.ones(right))
    assert str(left) in str(caught.value)
    assert str(right) in str(caught.value)


# ── solve ──


@pytest.mark.parametrize("n", [1, 2, 3, 8, 40])
@pytest.mark.parametrize("columns", [None, 1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_solutions_against_numpy(n: int, columns: int | None, dtype: torch.dtype) -> None:
    a = draw(n, n, seed=n)
    b = draw(n, seed=1) if columns is None else draw(n, columns, seed=1)
    expected = torch.from_numpy(np.linalg.solve(a.numpy(), b.numpy()))
    condition = np.linalg.cond(a.numpy())
    result = solve(a.to(dtype), b.to(dtype))
    assert result.dtype == dtype
    tolerance = 10 * condition * torch.finfo(dtype).eps * float(expected.abs().max())
    torch.testing.assert_close(result.double(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("n", "dtype"), [(5, torch.float32), (5, torch.float64), (10, torch.float64)])
def test_ill_conditioned_systems_are_solved_backward_stably(n: int, dtype: torch.dtype) -> None:
    a = hilbert(n).to(dtype)
    b = a @ draw(n, dtype=dtype)
    assert np.linalg.cond(a.double().numpy()) > 1e5
    assert backward_error(a, solve(a, b), b) < 4 * n * torch.finfo(dtype).eps


def test_an_explicit_inverse_is_not_backward_stable() -> None:
    """The reason for the advice in the docstring, and for a case of the exercise."""
    a, x = hilbert(8), draw(8)
    b = a @ x
    assert backward_error(a, inverse(a) @ b, b) > 1000 * backward_error(a, solve(a, b), b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("exponent", [-1, 1])
def test_the_size_of_the_entries_does_not_matter(dtype: torch.dtype, exponent: int) -> None:
    size = 10.0 ** (exponent * (25 if dtype == torch.float32 else 200))
    a, x = draw(6, 6, dtype=dtype), draw(6, dtype=dtype, seed=1)
    tolerance = 1000 * torch.finfo(dtype).eps
    torch.testing.assert_close(solve(a * size, a @ x * size), x, rtol=tolerance, atol=tolerance)


def test_pivots_are_needed_and_found() -> None:
    tiny = torch.tensor([[1e-20, 1.0], [1.0, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(solve(tiny, tiny.new_tensor([1.0, 2.0])), tiny.new_tensor([1.0, 1.0]))
    later = torch.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 1.0], [1.0, 1.0, 1.0]])
    torch.testing.assert_close(solve(later, later @ torch.tensor([1.0, -2.0, 3.0])), torch.tensor([1.0, -2.0, 3.0]))
    order = torch.eye(5)[[3, 0, 4, 1, 2]]
    assert torch.equal(inverse(order), order.T)


@pytest.mark.parametrize("function", [lambda a: solve(a, torch.ones(len(a), dtype=a.dtype)), inverse])
@pytest.mark.parametrize("size", [1.0, 1e-25, 1e25])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_singular_matrices_are_refused(function: Callable[[Tensor], Tensor], size: float, dtype: torch.dtype) -> None:
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        rows = torch.rand(5, 6, generator=generator, dtype=torch.float64) * 2 - 1 + 5 * torch.eye(5, 6)
        rows = torch.cat([rows, (torch.rand(5, generator=generator).double() @ rows)[None]])
        singular = rows[torch.randperm(6, generator=generator)].to(dtype)
        assert np.linalg.matrix_rank(singular.numpy()) == 5
        with pytest.raises(ValueError, match="singular"):
            function(singular * size)
    with pytest.raises(ValueError, match="singular"):
        function(torch.zeros(3, 3, dtype=dtype))


def test_a_small_determinant_is_not_singular() -> None:
    a = 0.01 * torch.eye(30) + 0.001 * torch.ones(30, 30)
    torch.testing.assert_close(a @ solve(a, torch.ones(30)), torch.ones(30))


@pytest.mark.parametrize("default", [torch.float32, torch.float64])
def test_integers_are_taken_as_the_default_floating_dtype(default: torch.dtype) -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(default)
    try:
        a, b = torch.tensor([[0, 2], [4, 1]]), torch.tensor([6, 7])
        assert solve(a, b).dtype == inverse(a).dtype == default
        assert solve(a, b).tolist() == [1.0, 3.0]
        assert inverse(a).tolist() == [[-0.125, 0.25], [0.5, 0.0]]
    finally:
        torch.set_default_dtype(before)


def test_dtypes_of_both_sides_are_promoted() -> None:
    assert solve(torch.eye(2), torch.ones(2, dtype=torch.float64)).dtype == torch.float64


def test_no_right_side_at_all() -> None:
    assert solve(torch.eye(3), torch.ones(3, 0)).shape == (3, 0)


@pytest.mark.parametrize("columns", [None, 2])
def test_gradients_of_solutions(columns: int | None) -> None:
    a = draw(4, 4).requires_grad_()
    b = (draw(4, seed=1) if columns is None else draw(4, columns, seed=1)).requires_grad_()
    assert torch.autograd.gradcheck(solve, (a, b))
    assert torch.autograd.gradgradcheck(solve, (a, b))
    weight = draw(*b.shape, seed=2)
    theirs = torch.autograd.grad((torch.linalg.solve(a, b) * weight).sum(), (a, b))
    for ours, expected in zip(torch.autograd.grad((solve(a, b) * weight).sum(), (a, b)), theirs, strict=True):
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((2, 3), (2,)),
        ((3,), (3,)),
        ((3, 3), (2,)),
        ((3, 3), (1,)),
        ((3, 3), (2, 3)),
        ((3, 3), (3, 1, 1)),
    ],
)
def test_systems_of_the_wrong_shape_are_refused(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="needed"):
        solve(torch.ones(left), torch.ones(right))


# ── inverse ──


@pytest.mark.parametrize("n", [1, 2, 5, 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inverses_against_numpy(n: int, dtype: torch.dtype) -> None:
    a = draw(n, n, seed=n)
    condition = np.linalg.cond(a.numpy())
    expected = torch.from_numpy(np.linalg.inv(a.numpy()))
    tolerance = 10 * condition * torch.finfo(dtype).eps * float(expected.abs().max())
    torch.testing.assert_close(inverse(a.to(dtype)).double(), expected, rtol=0, atol=tolerance)


def test_the_inverse_of_an_ill_conditioned_matrix() -> None:
    expected = torch.from_numpy(scipy.linalg.invhilbert(7))
    torch.testing.assert_close(inverse(hilbert(7)), expected, rtol=1e-6, atol=0)


def test_gradients_of_the_inverse() -> None:
    a = draw(3, 3).requires_grad_()
    assert torch.autograd.gradcheck(inverse, a)
    theirs = torch.autograd.grad(torch.linalg.inv(a).square().sum(), a)[0]
    torch.testing.assert_close(torch.autograd.grad(inverse(a).square().sum(), a)[0], theirs)


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (3,), (2, 2, 2)])
def test_only_square_matrices_have_inverses(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="square") as caught:
        inverse(torch.ones(shape))
    assert str(shape) in str(caught.value)


# ── laws ──


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6), st.integers(0, 10_000))
def test_the_product_is_one_map_after_another(m: int, k: int, n: int, seed: int) -> None:
    a, b, x = draw(m, k, seed=seed), draw(k, n, seed=seed + 1), draw(n, 1, seed=seed + 2)
    torch.testing.assert_close(matmul(matmul(a, b), x), matmul(a, matmul(b, x)))
    torch.testing.assert_close(matmul(a, b).T, matmul(b.T, a.T))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.integers(0, 10_000))
def test_solving_meets_the_right_side(n: int, seed: int) -> None:
    a, b = draw(n, n, seed=seed), draw(n, 2, seed=seed + 1)
    assert backward_error(a, solve(a, b), b) < 1e-14
