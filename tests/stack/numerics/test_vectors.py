"""The vector operations against NumPy, SciPy and PyTorch, at ordinary and at hard inputs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial import distance
from torch import Tensor

from groundup.stack.numerics import cosine_similarity, dot, norm, project

POWERS = [1, 1.5, 2.0, 3, 7.25, math.inf]
PAIRED: list[Callable[[Tensor, Tensor], Tensor]] = [dot, cosine_similarity, project]


def draw(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def unit64(v: Tensor) -> np.ndarray:
    """The direction of v, in NumPy's float64: an oracle that shares no code with the subject."""
    array = v.double().numpy()
    largest = np.abs(array).max(axis=-1, keepdims=True)
    array = array / np.where(largest > 0, largest, 1.0)
    length = np.linalg.norm(array, axis=-1, keepdims=True)
    return array / np.where(length > 0, length, 1.0)


# ── values ──


def test_dot_against_numpy_on_a_broadcast_batch() -> None:
    u, v = draw(4, 1, 6), draw(3, 6, seed=1)
    torch.testing.assert_close(dot(u, v), torch.from_numpy(np.einsum("axi,bi->ab", u.numpy(), v.numpy())))


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_dot_of_integers_is_exact_and_integer(dtype: torch.dtype) -> None:
    u, v = torch.tensor([3, 0, 200], dtype=dtype), torch.tensor([1, 7, 1], dtype=dtype)
    assert dot(u, v).item() == 203
    assert not dot(u, v).is_floating_point()


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("shape", [(5,), (1,), (4, 7), (2, 3, 6)])
def test_norm_against_numpy(p: float, shape: tuple[int, ...]) -> None:
    v = draw(*shape)
    magnitude = np.abs(v.numpy())
    expected = magnitude.max(axis=-1) if p == math.inf else (magnitude**p).sum(axis=-1) ** (1 / p)
    torch.testing.assert_close(norm(v, p), torch.as_tensor(expected))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("p", POWERS)
def test_norm_in_lower_precision_stays_close_to_float64(dtype: torch.dtype, p: float) -> None:
    v = draw(3, 20, dtype=dtype)
    result = norm(v, p)
    assert result.dtype == dtype
    torch.testing.assert_close(result.double(), norm(v.double(), p), rtol=8 * torch.finfo(dtype).eps, atol=0)


def test_cosine_against_scipy() -> None:
    u, v = draw(6, 5), draw(6, 5, seed=1)
    expected = [1 - distance.cosine(a, b) for a, b in zip(u.numpy(), v.numpy(), strict=True)]
    torch.testing.assert_close(cosine_similarity(u, v), torch.tensor(expected, dtype=torch.float64))


def test_cosine_against_torch_on_all_pairs() -> None:
    u, v = draw(4, 1, 6, dtype=torch.float32), draw(3, 6, dtype=torch.float32, seed=1)
    torch.testing.assert_close(cosine_similarity(u, v), torch.nn.functional.cosine_similarity(u, v, dim=-1))


def test_projection_against_least_squares() -> None:
    u, onto = draw(4, 5), draw(4, 5, seed=1)
    for row, line, result in zip(u, onto, project(u, onto), strict=True):
        coefficient = np.linalg.lstsq(line[:, None].numpy(), row.numpy(), rcond=None)[0].item()
        torch.testing.assert_close(result, coefficient * line)


@pytest.mark.parametrize("function", PAIRED)
@pytest.mark.parametrize(("left", "right"), [((5, 1, 4), (3, 4)), ((4,), (2, 3, 4)), ((2, 3, 4), (1, 1, 4))])
def test_broadcasting_equals_expanding(
    function: Callable[[Tensor, Tensor], Tensor], left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    u, v = draw(*left), draw(*right, seed=1)
    whole = torch.broadcast_shapes(left, right)
    torch.testing.assert_close(function(u, v), function(u.expand(whole), v.expand(whole)))


# ── hard inputs ──


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("end", ["huge", "tiny"])
@pytest.mark.parametrize("p", [1, 2.0, 3, math.inf])
def test_norm_at_the_ends_of_the_range(dtype: torch.dtype, end: str, p: float) -> None:
    limits = torch.finfo(dtype)
    size = limits.max / 8 if end == "huge" else limits.tiny * 8
    v = torch.tensor([3.0, -4.0, 0.0], dtype=dtype) * torch.tensor(size / 4, dtype=dtype)
    length = {1: 7.0, 2.0: 5.0, 3: 91 ** (1 / 3), math.inf: 4.0}[p]
    expected = torch.tensor(length, dtype=torch.float64)
    torch.testing.assert_close(norm(v, p).double() / (size / 4), expected, rtol=8 * limits.eps, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("u_size", "v_size"), [(1, 1), (1, -1), (-1, -1), (0, -1)])
def test_angle_and_projection_do_not_depend_on_size(dtype: torch.dtype, u_size: int, v_size: int) -> None:
    ends = {1: torch.finfo(dtype).max / 8, 0: 1.0, -1: torch.finfo(dtype).tiny * 8}
    u, v = draw(5, 6, dtype=dtype).clamp(-1, 1), draw(5, 6, dtype=dtype, seed=1).clamp(-1, 1)
    large_u, large_v = u * ends[u_size], v * ends[v_size]
    tolerance = 64 * torch.finfo(dtype).eps
    expected = torch.from_numpy((unit64(large_u) * unit64(large_v)).sum(-1)).to(dtype)
    torch.testing.assert_close(cosine_similarity(large_u, large_v), expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(project(u, large_v), project(u, v), rtol=tolerance, atol=tolerance)


def test_entries_at_the_largest_float_still_have_a_direction() -> None:
    v = torch.full((3, 4), torch.finfo(torch.float32).max)
    torch.testing.assert_close(cosine_similarity(v, v), torch.ones(3))
    torch.testing.assert_close(project(torch.tensor([1.0, 2.0, 3.0, 6.0]), v), torch.full((3, 4), 3.0))


def test_zero_vectors() -> None:
    zero, v = torch.zeros(2, 3), draw(2, 3, dtype=torch.float32)
    assert norm(zero).tolist() == [0.0, 0.0]
    assert cosine_similarity(zero, v).tolist() == [0.0, 0.0]
    assert cosine_similarity(v, zero).tolist() == [0.0, 0.0]
    assert cosine_similarity(zero, zero).tolist() == [0.0, 0.0]
    assert torch.equal(project(v, zero), zero)
    assert torch.equal(project(zero, v), zero)


@pytest.mark.parametrize("p", POWERS)
def test_vectors_without_entries(p: float) -> None:
    empty = torch.zeros(3, 0)
    assert norm(empty, p).tolist() == [0.0] * 3
    assert dot(empty, empty).tolist() == [0.0] * 3
    assert cosine_similarity(empty, empty).tolist() == [0.0] * 3
    assert project(empty, empty).shape == (3, 0)


@pytest.mark.parametrize("p", POWERS)
def test_batches_without_vectors(p: float) -> None:
    none = torch.zeros(0, 3)
    assert norm(none, p).shape == (0,)
    assert cosine_similarity(none, none).shape == (0,)
    assert project(none, torch.ones(3)).shape == (0, 3)


@pytest.mark.parametrize("p", POWERS)
def test_infinite_and_missing_entries(p: float) -> None:
    assert norm(torch.tensor([1.0, -math.inf]), p).item() == math.inf
    assert norm(torch.tensor([1.0, math.nan]), p).isnan()


@pytest.mark.parametrize("p", POWERS)
def test_memory_layout_does_not_matter(p: float) -> None:
    v, u = draw(6, 5, 4).transpose(0, 2)[:, ::2], draw(5, 12, seed=1)[::2, ::2]
    assert not v.is_contiguous()
    torch.testing.assert_close(norm(v, p), norm(v.contiguous(), p))
    for function in PAIRED:
        torch.testing.assert_close(function(u, v), function(u.contiguous(), v.contiguous()))


@pytest.mark.parametrize("default", [torch.float32, torch.float64])
def test_integers_are_taken_as_the_default_floating_dtype(default: torch.dtype) -> None:
    u, v = torch.tensor([[3, -4], [0, 0]]), torch.tensor([5, 12])
    before = torch.get_default_dtype()
    torch.set_default_dtype(default)
    try:
        for result in (*(norm(u, p) for p in POWERS), cosine_similarity(u, v), project(u, v)):
            assert result.dtype == default
        assert norm(u).tolist() == [5.0, 0.0]
        torch.testing.assert_close(cosine_similarity(u, v), torch.tensor([-33 / 65, 0.0]))
        torch.testing.assert_close(project(u, v), torch.tensor([[-165 / 169, -396 / 169], [0.0, 0.0]]))
    finally:
        torch.set_default_dtype(before)


def test_the_norm_of_the_smallest_int8() -> None:
    assert norm(torch.tensor([-128, 0], dtype=torch.int8)).item() == 128.0


def test_dtypes_are_promoted_as_torch_does() -> None:
    u, v = draw(4, dtype=torch.float32), draw(4, seed=1)
    assert [function(u, v).dtype for function in PAIRED] == [torch.float64] * 3
    half = draw(4, dtype=torch.bfloat16)
    assert [function(half, half).dtype for function in PAIRED] == [torch.bfloat16] * 3


# ── gradients ──


@pytest.mark.parametrize("p", POWERS)
def test_gradients_of_the_norm(p: float) -> None:
    v = draw(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: norm(v, p), v)
    theirs = torch.autograd.grad(torch.linalg.vector_norm(v, p, dim=-1).sum(), v)[0]
    torch.testing.assert_close(torch.autograd.grad(norm(v, p).sum(), v)[0], theirs)


@pytest.mark.parametrize("function", PAIRED)
def test_first_and_second_gradients_of_pairs(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    u, v = draw(2, 1, 3).requires_grad_(), draw(2, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(function, (u, v))
    assert torch.autograd.gradgradcheck(function, (u, v))


@pytest.mark.parametrize("p", POWERS)
def test_the_gradient_of_a_norm_at_zero_is_zero(p: float) -> None:
    v = torch.stack([torch.zeros(3), torch.tensor([1.0, -2.0, 0.5])]).requires_grad_()
    gradient = torch.autograd.grad(norm(v, p).sum(), v)[0]
    assert gradient[0].tolist() == [0.0] * 3
    assert gradient[1].abs().sum() > 0


@pytest.mark.parametrize("function", [cosine_similarity, project])
def test_gradients_at_zero_vectors_are_finite(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    u = torch.tensor([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]], requires_grad=True)
    v = torch.tensor([[3.0, 1.0], [0.0, 0.0], [0.0, 0.0]], requires_grad=True)
    for gradient in torch.autograd.grad(function(u, v).sum(), (u, v)):
        assert gradient.isfinite().all()


def test_gradients_of_huge_vectors_are_finite() -> None:
    u = (draw(2, 5, dtype=torch.float32) * 1e30).requires_grad_()
    v = (draw(2, 5, dtype=torch.float32, seed=1) * 1e30).requires_grad_()
    gradients = torch.autograd.grad(cosine_similarity(u, v).sum(), (u, v))
    doubles = [u.detach().double().requires_grad_(), v.detach().double().requires_grad_()]
    theirs = torch.autograd.grad(torch.nn.functional.cosine_similarity(*doubles, dim=-1).sum(), doubles)
    for ours, expected in zip(gradients, theirs, strict=True):
        torch.testing.assert_close(ours.double() * 1e30, expected * 1e30, rtol=1e-5, atol=1e-6)


# ── errors ──


@pytest.mark.parametrize("function", PAIRED)
@pytest.mark.parametrize(("left", "right"), [((2, 3), (2, 4)), ((5, 1), (5, 4)), ((4,), (3, 1)), ((0,), (1,))])
def test_different_lengths_are_refused_with_both_shapes(
    function: Callable[[Tensor, Tensor], Tensor], left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="last dimensions") as caught:
        function(torch.ones(left), torch.ones(right))
    assert str(left) in str(caught.value)
    assert str(right) in str(caught.value)


@pytest.mark.parametrize("p", [0.999, 0.5, 0.0, -1.0, -math.inf, math.nan])
def test_a_p_below_one_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        norm(torch.ones(2), p)


# ── laws ──

entries = hnp.arrays(np.float64, st.integers(1, 6), elements=st.floats(-1e3, 1e3, allow_subnormal=False))


@settings(max_examples=60, deadline=None)
@given(entries, st.sampled_from(POWERS), st.floats(-100, 100, allow_subnormal=False))
def test_norms_scale_and_obey_the_triangle_inequality(array: np.ndarray, p: float, factor: float) -> None:
    v = torch.from_numpy(array)
    w = v.flip(0) * factor
    assert norm(v + w, p) <= norm(v, p) + norm(w, p) + 1e-9 * (1 + norm(v, p) + norm(w, p))
    torch.testing.assert_close(norm(v * factor, p), abs(factor) * norm(v, p), rtol=1e-9, atol=1e-290)


@settings(max_examples=60, deadline=None)
@given(entries)
def test_what_projection_leaves_is_at_a_right_angle(array: np.ndarray) -> None:
    u, onto = torch.from_numpy(array), torch.from_numpy(array[::-1].copy())
    image = project(u, onto)
    size = float(norm(u))
    assert abs(float(dot(u - image, onto))) <= 1e-12 * size * float(norm(onto)) + 1e-300
    torch.testing.assert_close(project(image, onto), image, rtol=1e-9, atol=1e-12 * size)
    assert abs(float(cosine_similarity(u, onto))) <= 1 + 1e-15 * len(array)
    torch.testing.assert_close(norm(image), abs(cosine_similarity(u, onto)) * norm(u), rtol=1e-9, atol=1e-12 * size)
