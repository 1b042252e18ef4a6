"""LU factors, determinants, solvability and the adjugate against NumPy and SciPy, at ordinary and at hard inputs."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from groundup.stack.numerics import adjugate_inverse, determinant, is_solvable, lu_decompose


def draw(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def by_permutations(rows: list[list[int]]) -> int:
    """Leibniz: the sum over all permutations, in whole numbers."""
    total = 0
    for order in itertools.permutations(range(len(rows))):
        inversions = sum(a > b for a, b in itertools.combinations(order, 2))
        total += (-1) ** inversions * math.prod(rows[i][j] for i, j in enumerate(order))
    return total


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_factors_against_scipy(n: int, dtype: torch.dtype) -> None:
    a = draw(n, n, dtype=dtype, seed=n)
    for ours, theirs in zip(lu_decompose(a), scipy.linalg.lu(a.double().numpy()), strict=True):
        assert ours.dtype == dtype
        torch.testing.assert_close(ours.double(), torch.from_numpy(theirs), rtol=0, atol=1e3 * torch.finfo(dtype).eps)


@pytest.mark.parametrize(
    "a",
    [
        torch.zeros(3, 3),
        torch.tensor([[0.0, 1.0], [0.0, 2.0]]),
        torch.tensor([[0.0, 0.0, 1.0], [0.0, 2.0, 1.0], [0.0, 4.0, 1.0]]),
        torch.ones(4, 4),
        torch.tensor([[1e-8, 1.0], [1.0, 1.0]]),
    ],
)
def test_singular_and_badly_ordered_matrices_have_factors(a: Tensor) -> None:
    p, lower, u = lu_decompose(a)
    torch.testing.assert_close(p @ lower @ u, a)
    assert torch.equal(lower, lower.tril())
    assert torch.equal(u, u.triu())
    assert torch.equal(lower.diagonal(), torch.ones(len(a)))
    assert float(lower.abs().max()) == 1.0


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.data())
def test_determinants_of_whole_numbers_against_the_definition(n: int, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.lists(st.integers(-9, 9), min_size=n, max_size=n), min_size=n, max_size=n))
    found = float(determinant(torch.tensor(rows, dtype=torch.float64)))
    assert found == pytest.approx(by_permutations(rows), abs=1e-7)


@pytest.mark.parametrize("n", [1, 4, 9, 25])
def test_determinants_against_numpy(n: int) -> None:
    for seed in range(5):
        a = draw(n, n, seed=seed)
        np.testing.assert_allclose(float(determinant(a)), np.linalg.det(a.numpy()), rtol=1e-10)


def test_determinant_of_nothing_and_of_products() -> None:
    assert float(determinant(torch.zeros(0, 0))) == 1.0
    a, b = draw(5, 5), draw(5, 5, seed=1)
    torch.testing.assert_close(determinant(a @ b), determinant(a) * determinant(b))
    torch.testing.assert_close(determinant(a.T), determinant(a))
    assert determinant(torch.tensor([[0, 2], [3, 1]])) == -6.0


def test_an_ill_conditioned_determinant_against_fractions() -> None:
    n = 6
    rows = [[Fraction(1, i + j + 1) for j in range(n)] for i in range(n)]
    exact = Fraction(1)
    for k in range(n):
        exact *= rows[k][k]
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    assert float(determinant(torch.from_numpy(scipy.linalg.hilbert(n)))) == pytest.approx(float(exact), rel=1e-8)


@pytest.mark.parametrize(("m", "n", "r"), [(3, 3, 3), (4, 4, 2), (6, 3, 3), (6, 3, 2), (3, 6, 3), (3, 6, 2), (5, 5, 0)])
@pytest.mark.parametrize(("size_a", "size_b"), [(1.0, 1.0), (1e-9, 1e9), (1e9, 1e-9)])
def test_solvability_against_ranks(m: int, n: int, r: int, size_a: float, size_b: float) -> None:
    a = draw(m, r, seed=m) @ draw(r, n, seed=n)
    inside, any_b = a @ draw(n, seed=1), draw(m, seed=2)
    for b in (inside, any_b, torch.zeros(m, dtype=torch.float64)):
        unit = b / b.norm() if b.norm() > 0 else b
        ranks = [np.linalg.matrix_rank(x, rtol=1e-6) for x in (a.numpy(), torch.hstack([a, unit[:, None]]).numpy())]
        assert is_solvable(a * size_a, b * size_b) is bool(ranks[0] == ranks[1])


def test_solvability_by_tolerance_and_shape() -> None:
    a = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    b = torch.tensor([1.0, 1.001])
    assert not is_solvable(a, b)
    assert is_solvable(a, b, tolerance=0.01)
    assert is_solvable(torch.zeros(0, 3), torch.zeros(0))
    assert is_solvable(torch.zeros(3, 0), torch.zeros(3))
    assert not is_solvable(torch.zeros(3, 0), torch.ones(3))
    for shape in ((3,), (2, 1), ()):
        with pytest.raises(ValueError, match="are needed"):
            is_solvable(a, torch.ones(shape))


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [1.0, 1e-30, 1e30])
def test_the_adjugate_against_numpy(n: int, size: float) -> None:
    a = (draw(n, n, seed=n) * size).float()
    condition = np.linalg.cond(a.double().numpy())
    expected = torch.from_numpy(np.linalg.inv(a.double().numpy()))
    tolerance = 20 * condition**2 * torch.finfo(torch.float32).eps * float(expected.abs().max())
    torch.testing.assert_close(adjugate_inverse(a).double(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("size", [1.0, 1e-15, 1e15])
def test_singular_matrices_have_no_inverse(size: float) -> None:
    singular = draw(4, 3) @ draw(3, 4, seed=1) * size
    for a in (singular, singular.float(), torch.zeros(3, 3), torch.zeros(1, 1), torch.tensor([[1, 2], [2, 4]])):
        with pytest.raises(ValueError, match="singular"):
            adjugate_inverse(a)


@pytest.mark.parametrize("shape", [(2, 3), (3,), (2, 2, 2)])
def test_only_square_matrices(shape: tuple[int, ...]) -> None:
    for function in (lu_decompose, determinant, adjugate_inverse):
        with pytest.raises(ValueError, match="is needed") as caught:
            function(torch.ones(shape))
        assert str(shape) in str(caught.value)
