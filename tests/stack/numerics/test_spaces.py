"""Gram-Schmidt, rank and null space against NumPy and SciPy, at ordinary and at hard inputs."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from groundup.stack.numerics import gram_schmidt, null_space, rank


def draw(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def of_rank(m: int, n: int, r: int, seed: int = 0) -> Tensor:
    return draw(m, r, seed=seed) @ draw(r, n, seed=seed + 1)


def projector(rows: Tensor) -> Tensor:
    return rows.T @ rows


SHAPES = [(1, 1, 1), (3, 3, 3), (2, 5, 2), (5, 2, 2), (4, 6, 2), (6, 4, 3), (5, 5, 4), (4, 4, 0), (9, 7, 1)]


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 4), (3, 3), (3, 7), (6, 6)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_orthonormal_rows_are_numpys_qr_with_a_positive_diagonal(m: int, n: int, dtype: torch.dtype) -> None:
    a = draw(m, n, seed=m)
    q, r = np.linalg.qr(a.numpy().T)
    expected = torch.from_numpy(q * np.sign(np.diag(r))).T
    found = gram_schmidt(a.to(dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=200 * torch.finfo(dtype).eps)


def test_dependent_vectors_are_skipped_and_the_rest_goes_on() -> None:
    a = draw(3, 5)
    mixed = torch.stack([a[0], -2 * a[0], torch.zeros(5, dtype=torch.float64), a[1], a[0] + 3 * a[1], a[2]])
    torch.testing.assert_close(gram_schmidt(mixed), gram_schmidt(a))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nearly_dependent_vectors_come_out_orthogonal(dtype: torch.dtype) -> None:
    """The vectors with which Läuchli showed what one pass of Gram-Schmidt does."""
    a = torch.hstack([torch.ones(4, 1, dtype=torch.float64), 1e-3 * torch.eye(4, dtype=torch.float64)]).to(dtype)
    found = gram_schmidt(a)
    assert found.shape == (4, 5)
    torch.testing.assert_close(found @ found.T, torch.eye(4, dtype=dtype), rtol=0, atol=8 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("size", [1e-15, 1e15])
def test_length_does_not_matter(size: float) -> None:
    a = draw(3, 4, dtype=torch.float32)
    torch.testing.assert_close(gram_schmidt(a * size), gram_schmidt(a))
    assert rank(a * size) == 3
    assert null_space(a * size).shape == (1, 4)


@pytest.mark.parametrize(("m", "n", "r"), SHAPES)
@pytest.mark.parametrize("size", [1.0, 1e-150, 1e150])
def test_rank_and_null_space_against_numpy_and_scipy(m: int, n: int, r: int, size: float) -> None:
    a = of_rank(m, n, r, seed=m + n) * size
    assert rank(a) == np.linalg.matrix_rank(a.numpy(), rtol=1e-6) == r
    found = null_space(a)
    theirs = torch.from_numpy(scipy.linalg.null_space(a.numpy(), rcond=1e-6)).T
    assert found.shape == theirs.shape == (n - r, n)
    torch.testing.assert_close(projector(found), projector(theirs), rtol=0, atol=1e-12)
    torch.testing.assert_close(found @ found.T, torch.eye(n - r, dtype=torch.float64), rtol=0, atol=1e-14)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 5), st.integers(0, 10**6))
def test_rank_and_nullity_add_up_to_the_columns(m: int, n: int, r: int, seed: int) -> None:
    a = of_rank(m, n, min(m, n, r), seed=seed)
    found = null_space(a)
    assert rank(a) + len(found) == n
    assert float((a @ found.T).abs().max() if found.numel() else 0.0) <= 1e-6 * float(a.abs().sum() + 1)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-5, 1e-8, 1e-11])
def test_rank_by_tolerance_agrees_with_singular_values_away_from_the_edge(tolerance: float) -> None:
    left, right = torch.linalg.qr(draw(6, 6)).Q, torch.linalg.qr(draw(8, 8, seed=1)).Q
    values = torch.tensor([1.0, tolerance * 300, tolerance * 100, tolerance / 100, tolerance / 300, 0.0]).double()
    a = (left * values) @ right[:6]
    singular = np.linalg.svd(a.numpy(), compute_uv=False)
    assert rank(a, tolerance) == int((singular > tolerance * singular[0]).sum()) == 3
    assert null_space(a, tolerance).shape == (5, 8)


def test_a_float32_matrix_of_low_rank_is_seen_through_its_rounding() -> None:
    for seed in range(20):
        a = of_rank(6, 7, 3, seed=seed).float()
        assert rank(a) == 3
        assert null_space(a).dtype == torch.float32


@pytest.mark.parametrize(("shape", "nullity"), [((0, 3), 3), ((3, 0), 0), ((0, 0), 0)])
def test_empty_matrices(shape: tuple[int, int], nullity: int) -> None:
    a = torch.zeros(shape)
    assert rank(a) == 0
    assert gram_schmidt(a).shape == (0, shape[1])
    assert null_space(a).shape == (nullity, shape[1])


def test_whole_numbers_and_zeros() -> None:
    a = torch.tensor([[1, 2], [2, 4]])
    assert rank(a) == 1
    assert rank(torch.zeros(3, 3)) == 0
    assert gram_schmidt(a).dtype == null_space(a).dtype == torch.get_default_dtype()
    torch.testing.assert_close(projector(null_space(torch.zeros(2, 3))), torch.eye(3))


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
def test_only_matrices(shape: tuple[int, ...]) -> None:
    for function in (gram_schmidt, rank, null_space):
        with pytest.raises(ValueError, match="is needed") as caught:
            function(torch.ones(shape))
        assert str(shape) in str(caught.value)
