"""Strides, broadcasting and windows against PyTorch and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.stack.nn import broadcast_shape, contiguous_strides, sliding_windows

sizes = st.lists(st.sampled_from([0, 1, 2, 3, 5]), max_size=5)


def draw(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).to(dtype)


@settings(max_examples=200, deadline=None)
@given(sizes)
def test_strides_are_those_of_a_new_tensor(shape: list[int]) -> None:
    assert contiguous_strides(shape) == torch.empty(shape).stride()
    assert contiguous_strides(torch.Size(shape)) == torch.empty(shape).stride()


def test_strides_of_shapes_that_no_memory_holds() -> None:
    assert contiguous_strides((10**9, 10**9, 10**9)) == (10**18, 10**9, 1)


@pytest.mark.parametrize("shape", [(-1,), (2, -3, 4), (0, -1)])
def test_negative_sizes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        contiguous_strides(shape)


@settings(max_examples=400, deadline=None)
@given(sizes, sizes)
def test_broadcasting_is_numpys_and_pytorchs(a: list[int], b: list[int]) -> None:
    try:
        expected = np.broadcast_shapes(tuple(a), tuple(b))
    except ValueError:
        with pytest.raises(ValueError, match="do not broadcast") as caught:
            broadcast_shape(a, b)
        assert f"{tuple(a)} and {tuple(b)}" in str(caught.value)
    else:
        assert broadcast_shape(a, b) == expected == tuple(torch.broadcast_shapes(a, b))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int32, torch.bool])
@pytest.mark.parametrize(("shape", "size"), [((7,), 3), ((7,), 1), ((7,), 7), ((2, 3, 6), 4), ((0, 4), 2)])
def test_windows_are_those_of_unfold(shape: tuple[int, ...], size: int, dtype: torch.dtype) -> None:
    x = draw(*shape, dtype=dtype)
    assert torch.equal(sliding_windows(x, size), x.unfold(-1, size, 1))
    expected = np.lib.stride_tricks.sliding_window_view(x.double().numpy(), size, axis=-1)
    assert np.array_equal(sliding_windows(x, size).double().numpy(), expected)


@pytest.mark.parametrize("view", ["transposed", "stepped", "offset", "expanded"])
def test_windows_of_views(view: str) -> None:
    x = draw(6, 8)
    one = {"transposed": x.T, "stepped": x[1::2, ::3], "offset": x[2:, 1:], "expanded": x[:, :1].expand(6, 5)}[view]
    windows = sliding_windows(one, 3)
    assert torch.equal(windows, one.unfold(-1, 3, 1))
    assert windows.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()


def test_a_change_shows_in_every_window() -> None:
    x = torch.zeros(5)
    windows = sliding_windows(x, 2)
    x[2] = 1.0
    assert windows.tolist() == [[0, 0], [0, 1], [1, 0], [0, 0]]


def test_gradients_of_windows() -> None:
    x = draw(2, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: sliding_windows(x, 3), x)
    gradient = torch.autograd.grad(sliding_windows(x, 3).sum(), x)[0]
    assert gradient[0].tolist() == [1, 2, 3, 3, 2, 1]


@pytest.mark.parametrize(("shape", "size"), [((5,), 6), ((5,), 0), ((5,), -1), ((), 1), ((3, 0), 1)])
def test_windows_that_do_not_fit_are_refused(shape: tuple[int, ...], size: int) -> None:
    with pytest.raises(ValueError, match="no windows"):
        sliding_windows(torch.zeros(shape), size)
