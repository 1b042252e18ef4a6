"""Operations on whole tensors against SciPy, NumPy and PyTorch, at ordinary and at hard inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial import distance
from torch import Tensor
from torch.nn import functional

from groundup.stack.nn import batched_bilinear, masked_mean, one_hot, pairwise_distances


def draw(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


# ── pairwise_distances ──


@pytest.mark.parametrize(("n", "m", "d"), [(3, 4, 2), (1, 1, 1), (5, 2, 7), (0, 3, 2), (2, 3, 0)])
def test_distances_against_scipy(n: int, m: int, d: int) -> None:
    x, y = draw(n, d), draw(m, d, seed=1)
    expected = distance.cdist(x.numpy(), y.numpy()) if n and d else np.zeros((n, m))
    torch.testing.assert_close(pairwise_distances(x, y), torch.from_numpy(expected))


def test_distances_of_batches_that_broadcast() -> None:
    x, y = draw(2, 1, 3, 5), draw(4, 6, 5, seed=1)
    expected = torch.cdist(x.expand(2, 4, 3, 5), y.expand(2, 4, 6, 5))
    torch.testing.assert_close(pairwise_distances(x, y), expected)
    torch.testing.assert_close(pairwise_distances(x.float(), y.float()), expected.float())


def test_close_points_far_from_the_origin() -> None:
    x, y = draw(4, 3, dtype=torch.float32) + 1000, draw(5, 3, dtype=torch.float32, seed=1) * 1e-3 + 1000
    expected = distance.cdist(x.double().numpy(), y.double().numpy())
    torch.testing.assert_close(pairwise_distances(x, y).double(), torch.from_numpy(expected), rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_distances_of_whole_numbers(dtype: torch.dtype) -> None:
    x, y = torch.tensor([[1, 2]], dtype=dtype), torch.tensor([[4, 6], [1, 2]], dtype=dtype)
    assert pairwise_distances(x, y).tolist() == [[5.0, 0.0]]
    assert pairwise_distances(x, y).dtype == torch.float32


def test_gradients_of_distances() -> None:
    x, y = draw(2, 1, 3, 2).requires_grad_(), draw(2, 2, 2, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(pairwise_distances, (x, y))
    assert torch.autograd.gradgradcheck(pairwise_distances, (x, y))


def test_the_gradient_of_a_point_to_itself_is_zero() -> None:
    x = draw(4, 3).requires_grad_()
    assert pairwise_distances(x, x).diagonal().tolist() == [0.0] * 4
    ours = torch.autograd.grad(pairwise_distances(x, x).sum(), x)[0]
    theirs = torch.autograd.grad(torch.cdist(x, x).sum(), x)[0]
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("left", "right"), [((2, 3), (2, 4)), ((2, 1), (2, 4)), ((2, 4), (3, 1))])
def test_points_of_different_dimensions_are_refused(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one dimension") as caught:
        pairwise_distances(torch.ones(left), torch.ones(right))
    assert str(left) in str(caught.value)
    assert str(right) in str(caught.value)


# ── one_hot ──


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (0,), (2, 1, 4)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_one_hot_is_pytorchs(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    ids = torch.randint(0, 6, shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    assert torch.equal(one_hot(ids, 7), functional.one_hot(ids.long(), 7))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8])
def test_classes_beyond_the_dtype_of_the_ids(dtype: torch.dtype) -> None:
    ids = torch.tensor([5, 44, 100], dtype=dtype)
    assert torch.equal(one_hot(ids, 300), functional.one_hot(ids.long(), 300))


@pytest.mark.parametrize("ids", [[0, 3], [-1, 2], [5]])
def test_ids_out_of_range_are_refused(ids: list[int]) -> None:
    with pytest.raises(ValueError, match="from 0 to 2"):
        one_hot(torch.tensor(ids), 3)


# ── masked_mean ──


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -2])
@pytest.mark.parametrize("mask_shape", [(3, 4, 5), (4, 5), (5,), (4, 1), (3, 1, 1), ()])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_means_against_numpy(dim: int, mask_shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x = draw(3, 4, 5, dtype=dtype)
    mask = torch.rand(mask_shape, generator=torch.Generator().manual_seed(1)) < 0.6
    hidden = np.ma.masked_array(x.double().numpy(), ~mask.expand(3, 4, 5).numpy())
    expected = torch.from_numpy(np.ma.filled(hidden.mean(axis=dim), 0.0))
    result = masked_mean(x, mask, dim)
    assert result.dtype == dtype
    torch.testing.assert_close(result, expected.to(dtype))


def test_what_does_not_count_has_no_influence() -> None:
    x = torch.tensor([[1.0, math.nan, 3.0], [math.inf, 2.0, -math.inf], [math.nan] * 3], requires_grad=True)
    mask = torch.tensor([[True, False, True], [False, True, False], [False] * 3])
    result = masked_mean(x, mask, 1)
    assert result.tolist() == [2.0, 2.0, 0.0]
    gradient = torch.autograd.grad(result.sum(), x)[0]
    assert gradient.tolist() == [[0.5, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_means_of_half_precision_whose_sums_do_not_fit(dtype: torch.dtype) -> None:
    x = (draw(3, 400) * 100 + 900).to(dtype)
    mask = torch.rand(400, generator=torch.Generator().manual_seed(1)) < 0.7
    result = masked_mean(x, mask, 1)
    assert result.dtype == dtype
    torch.testing.assert_close(result, x.double()[:, mask].mean(dim=1).to(dtype))


def test_means_of_whole_numbers() -> None:
    assert masked_mean(torch.tensor([1, 2, 4]), torch.tensor([True, True, False]), 0).item() == 1.5


def test_gradients_of_means() -> None:
    x = draw(3, 4).requires_grad_()
    mask = torch.tensor([[True, False, True, True], [False] * 4, [True] * 4])
    assert torch.autograd.gradcheck(lambda x: masked_mean(x, mask, -1), x)


# ── batched_bilinear ──


def test_bilinear_forms_against_pytorch() -> None:
    x, w, y = draw(2, 3, 4), draw(6, 4, 5, seed=1), draw(2, 3, 5, seed=2)
    torch.testing.assert_close(batched_bilinear(x, w, y), functional.bilinear(x, y, w))
    torch.testing.assert_close(batched_bilinear(x[0, 0], w, y[0, 0]), functional.bilinear(x, y, w)[0, 0])


def test_bilinear_forms_of_batches_that_broadcast() -> None:
    x, w, y = draw(2, 1, 4), draw(6, 4, 5, seed=1), draw(3, 5, seed=2)
    expected = np.einsum("bi,oij,cj->bco", x[:, 0].numpy(), w.numpy(), y.numpy())
    torch.testing.assert_close(batched_bilinear(x, w, y), torch.from_numpy(expected))


def test_gradients_of_bilinear_forms() -> None:
    x, w, y = (draw(*shape, seed=s).requires_grad_() for s, shape in enumerate([(2, 1, 3), (2, 3, 4), (3, 4)]))
    assert torch.autograd.gradcheck(batched_bilinear, (x, w, y))


@pytest.mark.parametrize(
    ("x", "w", "y"),
    [((2, 3), (5, 4, 4), (2, 4)), ((2, 4), (5, 4, 3), (2, 4)), ((2, 1), (5, 4, 4), (2, 4)), ((2, 3), (3, 4), (2, 4))],
)
def test_unfitting_bilinear_forms_are_refused(x: tuple[int, ...], w: tuple[int, ...], y: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="are needed") as caught:
        batched_bilinear(torch.ones(x), torch.ones(w), torch.ones(y))
    assert all(str(shape) in str(caught.value) for shape in (x, w, y))
