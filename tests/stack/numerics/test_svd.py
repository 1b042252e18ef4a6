"""The best approximation of low rank and the pseudo-inverse against NumPy, at ordinary and at hard inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from groundup.stack.numerics import low_rank, pseudo_inverse


def draw(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


SHAPES = [(1, 1), (4, 4), (3, 7), (7, 3), (1, 5), (5, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [1.0, 1e-100, 1e100])
def test_the_error_of_the_approximation_is_what_eckart_and_young_say(shape: tuple[int, int], size: float) -> None:
    a = draw(*shape, seed=sum(shape)) * size
    values = np.linalg.svd(a.numpy(), compute_uv=False)
    for k in range(min(shape) + 2):
        found = low_rank(a, k)
        assert found.shape == a.shape
        error = np.linalg.svd((a - found).numpy(), compute_uv=False)
        assert error[0] == pytest.approx(values[k] if k < len(values) else 0.0, abs=1e-13 * values[0])
        assert np.linalg.matrix_rank(found.numpy()) == min(k, *shape)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 6), st.integers(0, 10**6))
def test_no_other_matrix_of_that_rank_is_nearer(m: int, n: int, k: int, seed: int) -> None:
    a = draw(m, n, seed=seed)
    other = draw(m, k, seed=seed + 1) @ draw(k, n, seed=seed + 2)
    best = low_rank(a, k)
    assert float((a - best).norm()) <= float((a - other).norm()) + 1e-12
    assert float((a - best).norm()) <= float((a - (best + 1e-3 * low_rank(a - best, 0) + 0.0)).norm()) + 1e-12


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [1.0, 1e-100, 1e100])
def test_pseudo_inverses_against_numpy(shape: tuple[int, int], size: float) -> None:
    a = draw(*shape, seed=sum(shape)) * size
    expected = torch.from_numpy(np.linalg.pinv(a.numpy(), rcond=1e-6))
    torch.testing.assert_close(pseudo_inverse(a), expected, rtol=1e-9, atol=1e-10 * float(expected.abs().max()))


@pytest.mark.parametrize(("m", "n", "r"), [(4, 4, 2), (6, 3, 1), (3, 6, 2), (5, 5, 0)])
def test_the_four_equations_of_penrose_for_singular_matrices(m: int, n: int, r: int) -> None:
    a = draw(m, r) @ draw(r, n, seed=1)
    x = pseudo_inverse(a)
    for left, right in ((a @ x @ a, a), (x @ a @ x, x), ((a @ x).T, a @ x), ((x @ a).T, x @ a)):
        torch.testing.assert_close(left, right, rtol=0, atol=1e-11)


def test_of_all_nearest_solutions_the_shortest() -> None:
    a, b = draw(6, 2) @ draw(2, 4, seed=1), draw(6, seed=2)
    expected = torch.from_numpy(np.linalg.lstsq(a.numpy(), b.numpy(), rcond=1e-6)[0])
    torch.testing.assert_close(pseudo_inverse(a) @ b, expected)


def test_the_tolerance_is_a_share_of_the_largest() -> None:
    a = torch.diag(torch.tensor([1e6, 1.0, 1e-3], dtype=torch.float64))
    assert pseudo_inverse(a, 1e-12).diagonal().tolist() == pytest.approx([1e-6, 1.0, 1e3])
    assert pseudo_inverse(a, 1e-8).diagonal().tolist() == pytest.approx([1e-6, 1.0, 0.0])
    assert pseudo_inverse(a, 1e-5).diagonal().tolist() == pytest.approx([1e-6, 0.0, 0.0])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_empty_and_zero_matrices(shape: tuple[int, int]) -> None:
    assert low_rank(torch.zeros(shape), 2).shape == shape
    assert pseudo_inverse(torch.zeros(shape)).shape == shape[::-1]
    assert not pseudo_inverse(torch.zeros(2, 3)).any()


def test_dtypes_and_what_is_refused() -> None:
    for a in (torch.tensor([[1, 2], [3, 4]]), torch.eye(2)):
        assert low_rank(a, 1).dtype == pseudo_inverse(a).dtype == torch.float32
    for function in (lambda a: low_rank(a, 1), pseudo_inverse):
        with pytest.raises(ValueError, match="is needed"):
            function(torch.ones(3))
    with pytest.raises(ValueError, match="is needed"):
        low_rank(torch.eye(2), -1)
