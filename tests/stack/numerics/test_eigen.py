"""Eigenvalues, eigenvectors and principal components against NumPy and scikit-learn, at ordinary and at hard inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from groundup.stack.numerics import pca, power_iteration, qr_eigenvalues


def draw(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def with_values(values: list[float], seed: int = 0) -> Tensor:
    """A symmetric matrix with these eigenvalues."""
    turn = torch.linalg.qr(draw(len(values), len(values), seed=seed)).Q
    return (turn * torch.tensor(values, dtype=torch.float64)) @ turn.T


def up_to_sign(found: Tensor, expected: Tensor) -> Tensor:
    return found * (found * expected).sum(dim=-1, keepdim=True).sign()


# ── power iteration ──


@pytest.mark.parametrize("values", [[5.0, 2.0, 1.0], [-5.0, 2.0, 1.0], [3.0], [-3.0], [4.0, 1.0, 1.0, 0.0]])
@pytest.mark.parametrize("size", [1.0, 1e-20, 1e20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_largest_eigenvalue_against_numpy(values: list[float], size: float, dtype: torch.dtype) -> None:
    a = (with_values(values) * size).to(dtype)
    theirs, vectors = np.linalg.eigh(a.double().numpy())
    best = int(np.abs(theirs).argmax())
    value, vector = power_iteration(a, 80, source())
    assert value.dtype == vector.dtype == dtype
    assert float(value) == pytest.approx(theirs[best], rel=1e-5)
    expected = torch.from_numpy(vectors[:, best])
    torch.testing.assert_close(up_to_sign(vector.double(), expected), expected, rtol=0, atol=1e-5)


def test_a_map_that_is_not_symmetric() -> None:
    a = torch.tensor([[0.9, 0.5, 0.3], [0.1, 0.4, 0.3], [0.0, 0.1, 0.4]], dtype=torch.float64)
    values, vectors = np.linalg.eig(a.numpy())
    value, vector = power_iteration(a, 200, source())
    assert float(value) == pytest.approx(values.real.max())
    expected = torch.from_numpy(vectors[:, values.real.argmax()].real.copy())
    torch.testing.assert_close(up_to_sign(vector, expected), expected)


def test_a_repeated_largest_eigenvalue_gives_some_vector_of_its_plane() -> None:
    a = with_values([3.0, 3.0, 1.0])
    value, vector = power_iteration(a, 100, source())
    assert float(value) == pytest.approx(3.0)
    torch.testing.assert_close(a @ vector, 3 * vector)


def test_zeros_and_maps_to_zero() -> None:
    for a in (torch.zeros(3, 3), torch.zeros(1, 1)):
        value, vector = power_iteration(a, 5, source())
        assert float(value) == 0.0
        assert float(vector.norm()) == pytest.approx(1.0)
    value, vector = power_iteration(torch.tensor([[0, 1], [0, 0]]), 5, source())
    assert float(value) == 0.0
    assert vector.abs().tolist() == [1.0, 0.0]


def test_one_state_one_result_and_the_global_source_untouched() -> None:
    a, before = draw(4, 4), torch.get_rng_state()
    first, second, other = (power_iteration(a, 3, source(seed))[1] for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(power_iteration(a, 0, source())[1], power_iteration(a, 1, source())[1])


# ── the QR iteration ──


@pytest.mark.parametrize(
    "values",
    [
        [5.0, 3.0, 1.0, 0.2],
        [4.0, -3.0, 2.0, -1.0],
        [2.0, 2.0, 2.0],
        [3.0, 1.0, 1.0, 0.0, 0.0],
        [-2.0],
        [1e6, 1.0, 1e-3],
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_eigenvalues_against_numpy(values: list[float], dtype: torch.dtype) -> None:
    a = with_values(values)
    expected = torch.from_numpy(np.linalg.eigvalsh(a.numpy())).flip(0)
    found = qr_eigenvalues(a.to(dtype), 150)
    assert found.dtype == dtype
    tolerance = 100 * torch.finfo(dtype).eps * float(expected.abs().max())
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance)


def test_a_pair_of_opposite_eigenvalues_never_separates() -> None:
    a = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert qr_eigenvalues(a, 50).abs().max() < 0.5  # and the true ones are 1 and -1


def test_no_steps_whole_numbers_and_nothing() -> None:
    a = torch.tensor([[1, 2], [2, 5]])
    assert qr_eigenvalues(a, 0).tolist() == [5.0, 1.0]
    assert qr_eigenvalues(a, 1).dtype == torch.get_default_dtype()
    assert qr_eigenvalues(torch.zeros(0, 0), 3).shape == (0,)


# ── principal components ──


@pytest.mark.parametrize(("m", "n", "k"), [(20, 5, 5), (20, 5, 2), (6, 9, 5), (2, 3, 1), (10, 1, 1)])
@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_principal_components_against_scikit_learn(m: int, n: int, k: int, shift: float) -> None:
    x = draw(m, n, seed=m) * torch.linspace(1, 3, n, dtype=torch.float64) + shift
    theirs = PCA(k, svd_solver="full").fit(x.numpy())
    components, variance = pca(x, k)
    expected = torch.from_numpy(theirs.components_)
    torch.testing.assert_close(up_to_sign(components, expected), expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(variance, torch.from_numpy(theirs.explained_variance_), rtol=1e-8, atol=1e-8)


def test_components_are_orthonormal_even_where_variances_are_equal_or_zero() -> None:
    flat = draw(8, 2) @ draw(2, 5, seed=1)
    equal = torch.cat([torch.eye(4), -torch.eye(4)]).double()
    for x, k in ((flat, 5), (equal, 4), (torch.ones(3, 3), 3), (torch.tensor([[1, 2], [3, 4]]), 2)):
        components, variance = pca(x, k)
        torch.testing.assert_close(components @ components.T, torch.eye(k, dtype=components.dtype))
        assert (variance >= 0).all()
        assert torch.equal(variance, variance.sort(descending=True).values)
        assert float(variance.sum()) == pytest.approx(float(x.double().var(dim=0).sum()), abs=1e-9)


def test_float32_far_from_zero() -> None:
    x = (draw(50, 4) + 1000.0).float()
    _, variance = pca(x, 4)
    assert variance.dtype == torch.float32
    expected = torch.from_numpy(PCA(4, svd_solver="full").fit(x.double().numpy()).explained_variance_)
    torch.testing.assert_close(variance.double(), expected, rtol=1e-5, atol=0)


def test_what_does_not_fit_is_refused() -> None:
    for shape in ((2, 3), (3,)):
        for call in (lambda a: power_iteration(a, 3, source()), lambda a: qr_eigenvalues(a, 3)):
            with pytest.raises(ValueError, match="needed"):
                call(torch.ones(shape))
    with pytest.raises(ValueError, match="needed"):
        power_iteration(torch.zeros(0, 0), 3, source())
    with pytest.raises(ValueError, match="needed"):
        qr_eigenvalues(torch.eye(2), -1)
    for shape, k in (((1, 3), 1), ((4, 3), 0), ((4, 3), 4), ((4,), 1)):
        with pytest.raises(ValueError, match="needed"):
            pca(torch.ones(shape), k)
