"""What is done with contiguous_strides, broadcast_shape and sliding_windows, from small to large."""

import torch


def _sizes(rng, n, low=2, high=9):
    """n sizes, no two neighbors equal."""
    sizes = [rng.integer(low, high)]
    while len(sizes) < n:
        size = rng.integer(low, high)
        if size != sizes[-1]:
            sizes.append(size)
    return sizes


# ── contiguous_strides ──


def strides_of_a_matrix(my, rng):
    return my.contiguous_strides(tuple(_sizes(rng, 2)))


def strides_of_three_dimensions(my, rng):
    return my.contiguous_strides(tuple(_sizes(rng, 3)))


def strides_of_one_dimension_or_none(my, rng):
    a, b = _sizes(rng, 2, high=99)
    return [my.contiguous_strides(shape) for shape in ((a,), (), (1,), (a, b))]


def strides_with_sizes_of_one(my, rng):
    a, b = _sizes(rng, 2)
    return [my.contiguous_strides(shape) for shape in ((a, 1, b), (1, a, b, 1), (1, 1, b))]


def strides_of_empty_tensors(my, rng):
    a, b = _sizes(rng, 2)
    return [my.contiguous_strides(shape) for shape in ((a, 0, b), (0, a, b), (a, b, 0), (0,))]


def strides_of_many_dimensions(my, rng):
    return my.contiguous_strides(torch.Size(_sizes(rng, rng.integer(5, 8))))


def strides_of_a_shape_that_no_memory_holds(my, rng):
    return my.contiguous_strides([rng.integer(10**8, 10**9) for _ in range(4)])


def strides_leave_the_shape_alone(my, rng):
    shape = _sizes(rng, 4)
    return [my.contiguous_strides(shape), shape]


def strides_of_negative_sizes(my, rng):
    a, b = _sizes(rng, 2)
    return [rng.attempt(my.contiguous_strides, shape) for shape in ((-a,), (a, -b, 3), (0, -a), (-1, -b), (a, b, -1))]


# ── broadcast_shape ──


def shapes_that_are_equal(my, rng):
    shape = tuple(_sizes(rng, 3))
    return my.broadcast_shape(shape, shape)


def shape_of_a_row_and_a_column(my, rng):
    a, b = _sizes(rng, 2)
    return [my.broadcast_shape((a, 1), (1, b)), my.broadcast_shape((1, b), (a, b))]


def shapes_of_different_length(my, rng):
    a, b, c = _sizes(rng, 3)
    return [
        my.broadcast_shape((a, b, c), (c,)),
        my.broadcast_shape((b, c), (a, b, c)),
        my.broadcast_shape((a, 1, c), (b, 1)),
        my.broadcast_shape((1,), (a, b)),
    ]


def shape_of_a_single_number(my, rng):
    shape = tuple(_sizes(rng, 2))
    return [my.broadcast_shape((), shape), my.broadcast_shape(shape, ()), my.broadcast_shape((), ())]


def shapes_of_attention(my, rng):
    """Scores of (texts, heads, queries, keys) with masks of various kinds."""
    texts, heads, queries, keys = scores = _sizes(rng, 4, low=3)
    masks = ((queries, keys), (texts, 1, 1, keys), (keys,), (heads, 1, 1), (1, 1, queries, 1))
    return [my.broadcast_shape(scores, mask) for mask in masks]


def shapes_that_stretch_each_other(my, rng):
    sizes = _sizes(rng, 6)
    a = [size if i % 2 else 1 for i, size in enumerate(sizes)]
    b = [1 if i % 2 else size for i, size in enumerate(sizes)]
    return [my.broadcast_shape(torch.Size(a), torch.Size(b)), my.broadcast_shape(b, a[2:])]


def shapes_with_nothing_in_them(my, rng):
    a, b = _sizes(rng, 2)
    return [
        my.broadcast_shape((a, 0), (1,)),
        my.broadcast_shape((1, b), (0, b)),
        my.broadcast_shape((0,), (a, 0)),
        my.broadcast_shape((a, 1), (1, 0)),
    ]


def shapes_that_no_memory_holds(my, rng):
    a, b = rng.integer(10**8, 10**9), rng.integer(10**8, 10**9)
    return my.broadcast_shape((a, 1, b), (a, 1))


def shapes_are_left_alone(my, rng):
    a, b = _sizes(rng, 4), [1]
    return [my.broadcast_shape(a, b), my.broadcast_shape(b, a), a, b]


def shapes_that_do_not_fit(my, rng):
    a, b = rng.integer(20, 40), rng.integer(50, 90)
    return [
        rng.attempt(my.broadcast_shape, (a,), (b,)),
        rng.attempt(my.broadcast_shape, (b, a), (b,)),
        rng.attempt(my.broadcast_shape, (a, 1, b), (b, 1, a)),
        rng.attempt(my.broadcast_shape, (2 * a, 3), (a, 3)),
    ]


def shapes_that_do_not_fit_before_the_last(my, rng):
    a, b = rng.integer(20, 40), rng.integer(50, 90)
    return [
        rng.attempt(my.broadcast_shape, (2, b, a), (b + 1, a)),
        rng.attempt(my.broadcast_shape, (b, 1), (a, b + 1, a)),
    ]


def shapes_that_do_not_fit_because_of_zero(my, rng):
    a, b = rng.integer(20, 40), rng.integer(50, 90)
    return [rng.attempt(my.broadcast_shape, (b, 0), (b, a)), rng.attempt(my.broadcast_shape, (a, b), (0, 1))]


# ── sliding_windows ──


def windows_of_a_short_vector(my, rng):
    return my.sliding_windows(rng.integers(1, 100, 6), 3)


def windows_of_one_and_of_all(my, rng):
    x = rng.normal(rng.integer(5, 9))
    return [my.sliding_windows(x, 1), my.sliding_windows(x, len(x)), my.sliding_windows(x, len(x) - 1)]


def windows_in_a_batch(my, rng):
    return [
        my.sliding_windows(rng.normal(*shape), size) for shape, size in (((3, 7), 4), ((2, 4, 6), 2), ((2, 3, 2, 5), 3))
    ]


def windows_of_an_empty_batch(my, rng):
    return my.sliding_windows(rng.normal(0, rng.integer(5, 9)), 3)


def windows_of_every_dtype(my, rng):
    dtypes = (torch.float64, torch.bfloat16, torch.float16, torch.int32, torch.uint8)
    return [my.sliding_windows(rng.integers(0, 50, 7).to(dtype), 3) for dtype in dtypes] + [
        my.sliding_windows(rng.mask(9), 4)
    ]


def windows_of_a_transposed_matrix(my, rng):
    return my.sliding_windows(rng.normal(7, 3).T, 3)


def windows_of_a_part(my, rng):
    return [my.sliding_windows(rng.normal(5, 9)[1:4, 2:], 3), my.sliding_windows(rng.normal(9)[3:], 2)]


def windows_of_every_second_column(my, rng):
    x = rng.normal(4, 11, dtype=torch.float64)
    return [my.sliding_windows(x[:, ::2], 3), my.sliding_windows(x[1::2, 1::3], 2)]


def windows_of_an_expanded_column(my, rng):
    return my.sliding_windows(rng.normal(3, 1).expand(3, 6), 4)


def windows_show_later_changes(my, rng):
    x = rng.normal(2, 6)
    windows = my.sliding_windows(x, 3)
    x[:, rng.integer(1, 5)] = 7.0
    row = rng.integers(10, 99, 8)
    of_row = my.sliding_windows(row, 4)
    row[rng.integer(1, 7)] = 7
    return [windows, x, of_row]


def windows_with_gradients_show_later_changes(my, rng):
    """As a training step changes weights: outside of the graph."""
    x = rng.normal(2, 6).requires_grad_()
    windows = my.sliding_windows(x, 3)
    with torch.no_grad():
        x[:, rng.integer(1, 5)] = 7.0
    return windows.detach()


def windows_of_a_view_show_later_changes(my, rng):
    x = rng.normal(6, 2)
    windows = my.sliding_windows(x.T, 3)
    x[rng.integer(1, 5)] = 7.0
    return windows


def windows_leave_their_input_alone(my, rng):
    x = rng.normal(2, 5)
    return [my.sliding_windows(x, 2), x]


def windows_gradients(my, rng):
    x = rng.normal(2, 6, dtype=torch.float64).requires_grad_()
    return rng.gradients(my.sliding_windows(x, 3), x=x)


def windows_gradients_through_a_view(my, rng):
    x = rng.normal(6, 4, dtype=torch.float64).requires_grad_()
    return rng.gradients(my.sliding_windows(x.T[1:], 3), x=x)


def windows_that_are_too_large(my, rng):
    n = rng.integer(4, 9)
    return [
        rng.attempt(my.sliding_windows, rng.normal(2, n), n + 1),
        rng.attempt(my.sliding_windows, rng.normal(n), n + 5),
    ]


def windows_of_no_size(my, rng):
    n = rng.integer(4, 9)
    return [rng.attempt(my.sliding_windows, rng.normal(n), 0), rng.attempt(my.sliding_windows, rng.normal(2, n), -2)]
