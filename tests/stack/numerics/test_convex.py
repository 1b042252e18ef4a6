"""Midpoint convexity, Newton's method and the projection, against SciPy, scikit-learn and optimality conditions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from groundup.stack.numerics import is_midpoint_convex, newton_minimize, project_simplex

TWO = torch.float64


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=TWO, generator=torch.Generator().manual_seed(seed))


# ── is_midpoint_convex ──

CONVEX: list[Callable[[Tensor], Tensor]] = [
    lambda x: (x**2).sum(),
    lambda x: x.norm(),
    lambda x: torch.logsumexp(x.flatten(), dim=0),
    lambda x: x.abs().amax(),
    lambda x: torch.nn.functional.softplus(x).sum(),
    lambda x: 7 - x.sum() / 3,
    lambda x: torch.where(x.sum() > 0, -x.sum().log(), math.inf),
    lambda x: torch.linalg.matrix_norm(x.reshape(2, -1), 2),
]
OTHERS: list[Callable[[Tensor], Tensor]] = [
    lambda x: -(x**2).sum(),
    lambda x: torch.sin(x).sum(),
    lambda x: torch.log1p(x.sum() ** 2),
    lambda x: x.flatten()[0] * x.flatten()[1],
    lambda x: x.abs().amin(),
    lambda x: x.sum().log(),
]


@pytest.mark.parametrize("f", CONVEX)
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_convex_functions_pass(f: Callable[[Tensor], Tensor], size: float) -> None:
    for seed in range(4):
        assert is_midpoint_convex(f, draw(12, 2, 3, seed=seed) * size)


@pytest.mark.parametrize("f", OTHERS)
def test_others_are_refuted(f: Callable[[Tensor], Tensor]) -> None:
    assert not is_midpoint_convex(f, draw(12, 2, 3) * 3)


def test_few_points_and_other_dtypes() -> None:
    dome = OTHERS[0]
    assert is_midpoint_convex(dome, torch.zeros(0, 2))
    assert is_midpoint_convex(dome, torch.zeros(1, 2))
    assert is_midpoint_convex(dome, torch.ones(4, 2))
    for dtype in (torch.int64, torch.float16, torch.bfloat16, torch.float32):
        assert not is_midpoint_convex(lambda x: torch.where(x == x.round(), 0.0, 1.0), torch.tensor([1, 2]).to(dtype))


def test_not_a_number_is_a_no_at_the_ends_and_in_the_middle() -> None:
    assert not is_midpoint_convex(lambda x: x * math.nan, torch.tensor([1.0, 2.0]))
    assert not is_midpoint_convex(lambda x: torch.where(x == 1.5, math.nan, x), torch.tensor([1.0, 2.0]))


def test_it_tells_semidefinite_matrices_from_others_as_their_eigenvalues_do() -> None:
    for seed in range(20):
        matrix = draw(3, 3, seed=seed)
        matrix = matrix + matrix.T + 1.5 * torch.eye(3, dtype=TWO)
        lowest = torch.linalg.eigh(matrix)
        axis = lowest.eigenvectors[:, 0]
        found = is_midpoint_convex(lambda x, m=matrix: x @ m @ x, torch.stack([axis, -axis, 2 * axis]))  # type: ignore[misc]
        assert found == bool(lowest.eigenvalues[0] >= 0)


# ── newton_minimize ──


def test_rosenbrock_with_scipys_derivatives() -> None:
    """SciPy's gradient and Hessian, and its own Newton method to say where the minimum is."""

    def grad(x: Tensor) -> Tensor:
        return torch.from_numpy(optimize.rosen_der(x.numpy()))

    def hess(x: Tensor) -> Tensor:
        return torch.from_numpy(optimize.rosen_hess(x.numpy()))

    x0 = torch.tensor([0.8, 1.1, 0.9], dtype=TWO)
    found = newton_minimize(grad, hess, x0, 40)
    result = optimize.minimize(optimize.rosen, x0.numpy(), method="trust-exact", jac=optimize.rosen_der,
                               hess=optimize.rosen_hess, options={"gtol": 1e-12})  # fmt: skip
    np.testing.assert_allclose(found.numpy(), result.x, rtol=1e-8)
    root = optimize.root(optimize.rosen_der, x0.numpy(), jac=optimize.rosen_hess, tol=1e-14)
    np.testing.assert_allclose(found.numpy(), root.x, rtol=1e-8)


def test_a_logistic_regression_comes_to_scikit_learns_weights() -> None:
    inputs = draw(120, 4, seed=3) * torch.tensor([1.0, 10.0, 0.1, 1.0], dtype=TWO)
    labels = (inputs[:, 0] - inputs[:, 1] / 10 + draw(120, seed=4) > 0).double()
    model = LogisticRegression(C=2.0, fit_intercept=False, solver="newton-cholesky", tol=1e-12)
    model.fit(inputs.numpy(), labels.numpy())

    def grad(w: Tensor) -> Tensor:
        return inputs.T @ (torch.sigmoid(inputs @ w) - labels) + w / 2

    def hess(w: Tensor) -> Tensor:
        chance = torch.sigmoid(inputs @ w)
        return (inputs.T * (chance * (1 - chance))) @ inputs + torch.eye(4, dtype=TWO) / 2

    found = newton_minimize(grad, hess, torch.zeros(4, dtype=TWO), 12)
    np.testing.assert_allclose(found.numpy(), model.coef_[0], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("condition", [1.0, 1e4, 1e10])
def test_one_step_solves_a_quadratic_however_narrow(condition: float) -> None:
    basis = torch.linalg.qr(draw(5, 5))[0]
    matrix = (basis * torch.logspace(0, math.log10(condition), 5, dtype=TWO)) @ basis.T
    matrix = (matrix + matrix.T) / 2
    lowest, x0 = draw(5, seed=1), draw(5, seed=2)
    found = newton_minimize(lambda x: matrix @ (x - lowest), lambda x: matrix, x0, 1)
    torch.testing.assert_close(found, lowest, rtol=0, atol=1e-14 * condition + 1e-12)


def test_it_goes_to_saddles_and_tops_and_away() -> None:
    for signs in ([1.0, -2.0], [-1.0, -3.0]):
        matrix = torch.diag(torch.tensor(signs, dtype=TWO))
        found = newton_minimize(lambda x, m=matrix: m @ x, lambda x, m=matrix: m, draw(2), 1)  # type: ignore[misc]
        torch.testing.assert_close(found, torch.zeros(2, dtype=TWO), rtol=0, atol=1e-12)
    grad, hess = (lambda x: x / torch.sqrt(1 + x**2)), (lambda x: torch.diag((1 + x**2) ** -1.5))
    x0 = torch.tensor([1.1], dtype=TWO)
    torch.testing.assert_close(newton_minimize(grad, hess, x0, 3), -(x0**27))
    torch.testing.assert_close(
        newton_minimize(grad, hess, torch.tensor([0.9], dtype=TWO), 6), torch.zeros(1, dtype=TWO)
    )


def test_steps_dtypes_and_inputs() -> None:
    x0 = torch.ones(2)
    assert newton_minimize(lambda x: x, lambda x: torch.eye(2), x0, 1).dtype == torch.float32
    assert torch.equal(newton_minimize(lambda x: x, lambda x: torch.eye(2), x0, 0), x0)
    assert torch.equal(x0, torch.ones(2))
    with pytest.raises(ValueError, match="steps"):
        newton_minimize(lambda x: x, lambda x: torch.eye(2), x0, -1)


# ── project_simplex ──


def nearest_by_halving(v: np.ndarray) -> np.ndarray:
    """The threshold as a root, found by SciPy."""
    threshold = optimize.brentq(lambda t: np.maximum(v - t, 0).sum() - 1, v.min() - 1, v.max(), xtol=1e-15)
    return np.maximum(v - threshold, 0)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=12))
@settings(max_examples=80, deadline=None)
def test_against_a_root_finder(entries: list[float]) -> None:
    found = project_simplex(torch.tensor(entries, dtype=TWO)).numpy()
    np.testing.assert_allclose(found, nearest_by_halving(np.array(entries)), rtol=0, atol=1e-9)
    assert abs(found.sum() - 1) < 1e-12
    assert found.min() >= 0


def test_against_a_general_solver() -> None:
    for seed in range(5):
        v = draw(6, seed=seed).numpy()
        flat = np.full(6, 1 / 6)
        found = project_simplex(torch.from_numpy(v)).numpy()
        result = optimize.minimize(lambda p, v=v: ((p - v) ** 2).sum(), flat, jac=lambda p, v=v: 2 * (p - v),
                                   bounds=[(0, None)] * 6, method="SLSQP", options={"ftol": 1e-16, "maxiter": 500},
                                   constraints={"type": "eq", "fun": lambda p: p.sum() - 1})  # fmt: skip
        np.testing.assert_allclose(found, result.x, atol=1e-6)


def test_no_distribution_is_nearer() -> None:
    """The optimality condition: (v - p) · (q - p) <= 0 for every corner q of the set."""
    v = draw(200, 7) * torch.logspace(-2, 2, 200, dtype=TWO)[:, None]
    p = project_simplex(v)
    towards = (v - p) - ((v - p) * p).sum(-1, keepdim=True)
    assert float(towards.max()) < 1e-9


def test_gradients_against_differences() -> None:
    for scale in (0.05, 0.5, 5.0):
        v = (draw(3, 6, seed=8) * scale).requires_grad_()
        assert torch.autograd.gradcheck(project_simplex, (v,))


def test_shifts_huge_entries_and_minus_infinity() -> None:
    v = draw(4, 9).float() / 3
    for shift in (-1e5, 1e4, 1e5):
        moved = v + shift
        exact = project_simplex(moved.double())
        torch.testing.assert_close(project_simplex(moved).double(), exact, rtol=0, atol=1e-6)
    huge = torch.tensor([1e38, -3e38, 2e38])
    assert project_simplex(huge).tolist() == [0.0, 0.0, 1.0]
    hidden = torch.tensor([0.3, -math.inf, 0.5], requires_grad=True)
    out = project_simplex(hidden)
    torch.testing.assert_close(out.detach(), torch.tensor([0.4, 0.0, 0.6]))
    (gradient,) = torch.autograd.grad(out[0], hidden)
    torch.testing.assert_close(gradient, torch.tensor([0.5, 0.0, -0.5]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtypes_and_batches(dtype: torch.dtype) -> None:
    v = draw(2, 0, 5).to(dtype), draw(2, 3, 5).to(dtype), draw(1).to(dtype)
    for one in v:
        found = project_simplex(one)
        assert found.dtype == dtype
        assert found.shape == one.shape
        torch.testing.assert_close(
            found.double(), project_simplex(one.double()), rtol=0, atol=torch.finfo(dtype).eps * 2
        )


@pytest.mark.parametrize("v", [torch.zeros(0), torch.zeros(3, 0), torch.tensor(1.0)])
def test_nothing_to_share_out(v: Tensor) -> None:
    with pytest.raises(ValueError, match="one entry"):
        project_simplex(v)
