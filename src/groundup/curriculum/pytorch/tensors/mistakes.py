"""Wrong strides, shapes and windows, each named for what its author believed. The docstring is what a learner reads."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.nn import shapes as right

# ── contiguous_strides ──


def _sound(shape):
    if any(size < 0 for size in shape):
        raise ValueError("negative")
    return [max(size, 1) for size in shape]


@replaces("contiguous_strides")
def first_index_fastest(shape):
    """These are the strides of a layout in which the first index runs fastest, column after column, as in Fortran. PyTorch's last index runs fastest."""
    sizes = _sound(shape)
    return [math.prod(sizes[:i]) for i in range(len(sizes))]


@replaces("contiguous_strides")
def counted_in_bytes(shape):
    """These are bytes, as NumPy counts them, for numbers of four bytes each. Count entries: then the strides do not depend on the dtype."""
    return [4 * stride for stride in right.contiguous_strides(shape)]


@replaces("contiguous_strides")
def own_size_included(shape):
    """Each stride includes the size of its own dimension: that is how many entries one has to step over to leave the dimension altogether. The next index is nearer: only the sizes after it lie between."""
    sizes = _sound(shape)
    return [math.prod(sizes[i:]) for i in range(len(sizes))]


@replaces("contiguous_strides")
def only_the_next_size(shape):
    """Each stride is the size of the next dimension alone. With two dimensions that is right; with more, all sizes that follow have to be multiplied."""
    sizes = _sound(shape)
    return [*sizes[1:], 1] if sizes else []


@replaces("contiguous_strides")
def sizes_added_up(shape):
    """The sizes that follow were added. A step in an outer dimension passes a whole block, and the number of entries in a block is a product."""
    sizes = _sound(shape)
    return [sum(sizes[i + 1 :]) if i + 1 < len(sizes) else 1 for i in range(len(sizes))]


@replaces("contiguous_strides")
def strides_left_in_reverse(shape):
    """The strides are right, but stand in the order in which they were found, from the last dimension to the first. Turn them round at the end."""
    return right.contiguous_strides(shape)[::-1]


@replaces("contiguous_strides")
def zeros_multiplied_in(shape):
    """A size of 0 was multiplied in, so all strides before it are 0. It counts as 1, as the docstring says: it must not wipe out the others."""
    _sound(shape)
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]


@replaces("contiguous_strides")
def no_stride_for_a_size_of_one(shape):
    """Dimensions of size 1 got the stride 0. That is what expanding gives to a dimension that is repeated; a new tensor's dimension of size 1 has an ordinary stride."""
    return [0 if size == 1 else stride for size, stride in zip(shape, right.contiguous_strides(shape))]


@replaces("contiguous_strides")
def a_stride_for_a_single_number(shape):
    """A tensor without dimensions got a stride. There is one stride for each dimension, and here there are none."""
    return right.contiguous_strides(shape) or (1,)


@replaces("contiguous_strides")
def negative_sizes_accepted(shape):
    """A negative size was accepted. No tensor has one; -1 stands for "work it out" in reshape only. Refuse it with a ValueError."""
    return right.contiguous_strides([max(size, 1) for size in shape])


@replaces("contiguous_strides")
def shape_used_up(shape):
    """The answer is right, but the list that was given is empty afterwards, or changed: it was used up on the way. Work on a copy."""
    found = right.contiguous_strides(shape)
    if isinstance(shape, list):
        shape.clear()
    return found


# ── broadcast_shape ──


def _padded(a, b):
    n = max(len(a), len(b))
    return [1] * (n - len(a)) + list(a), [1] * (n - len(b)) + list(b)


@replaces("broadcast_shape")
def compared_from_the_first(a, b):
    """The shapes were laid side by side from their first sizes on. They are compared from the last: a row of 7 fits (5, 7) and not (7, 5)."""
    n = max(len(a), len(b))
    return right.broadcast_shape([*a, *[1] * (n - len(a))], [*b, *[1] * (n - len(b))])


@replaces("broadcast_shape")
def larger_size_without_a_question(a, b):
    """The larger of the two sizes was taken everywhere. Only a size of 1 may be stretched; sizes that differ otherwise do not fit, and a 0 is kept beside a 1."""
    return [max(pair) for pair in zip(*_padded(a, b))]


@replaces("broadcast_shape")
def larger_size_even_beside_zero(a, b):
    """A size of 0 beside a size of 1 became 1: the larger was taken. It is the 1 that gives way, whatever the other size is, so nothing is left."""
    right.broadcast_shape(a, b)
    return [max(pair) for pair in zip(*_padded(a, b))]


@replaces("broadcast_shape")
def longer_shape_cut(a, b):
    """Dimensions that only one of the shapes has are missing in the result. zip() ends with the shorter one; they have to be kept."""
    shape = right.broadcast_shape(a, b)
    return shape[len(shape) - min(len(a), len(b)) :]


@replaces("broadcast_shape")
def numbers_of_dimensions_must_agree(a, b):
    """Shapes with different numbers of dimensions were refused. The shorter one is read as if sizes of 1 stood before it."""
    if len(a) != len(b):
        raise ValueError(f"{tuple(a)} and {tuple(b)}")
    return right.broadcast_shape(a, b)


@replaces("broadcast_shape")
def only_the_second_stretches(a, b):
    """Only the second shape was stretched to the first, as expand does. Each may stretch the other, even in one and the same pair of shapes."""
    found = right.broadcast_shape(a, b)
    if found != tuple(a):
        raise ValueError(f"{tuple(a)} and {tuple(b)}")
    return found


@replaces("broadcast_shape")
def multiples_fit(a, b):
    """A size was accepted because it divides the other. Broadcasting repeats a single entry; it does not tile a few of them."""
    pairs = list(zip(*_padded(a, b)))
    if any(x != y and (min(x, y) == 0 or max(x, y) % min(x, y)) and 1 not in (x, y) for x, y in pairs):
        raise ValueError(f"{tuple(a)} and {tuple(b)}")
    return [y if x == 1 else x if y == 1 else max(x, y) for x, y in pairs]


@replaces("broadcast_shape")
def only_the_last_sizes_compared(a, b):
    """Of shapes with different numbers of dimensions only the last sizes were compared. Every pair of sizes that meet has to fit, not only the last."""
    try:
        return right.broadcast_shape(a, b)
    except ValueError:
        if len(a) == len(b):
            raise
        right.broadcast_shape(a[-1:], b[-1:])
        return tuple(max(pair) for pair in zip(*_padded(a, b)))


@replaces("broadcast_shape")
def zero_fits_everything(a, b):
    """A size of 0 was taken to fit any other. An empty dimension beside one of 5 is as wrong as 3 beside 5: only a size of 1 gives way."""
    pairs = list(zip(*_padded(a, b)))
    if any(x != y and x and y and 1 not in (x, y) for x, y in pairs):
        raise ValueError(f"{tuple(a)} and {tuple(b)}")
    return [0 if 0 in (x, y) else max(x, y) for x, y in pairs]


@replaces("broadcast_shape")
def result_left_in_reverse(a, b):
    """The sizes are right, but stand in the order in which they were compared, from the last to the first. Turn them round at the end."""
    return right.broadcast_shape(a, b)[::-1]


@replaces("broadcast_shape")
def smaller_size_taken(a, b):
    """The smaller of the two sizes was taken. A size of 1 is stretched to the other; nothing is cut."""
    right.broadcast_shape(a, b)
    return [min(pair) for pair in zip(*_padded(a, b))]


@replaces("broadcast_shape")
def unfitting_without_shapes(a, b):
    """The error is right, but its message does not hold both shapes. Broadcasting fails deep inside a model, and what one needs to see there is the two shapes."""
    try:
        return right.broadcast_shape(a, b)
    except ValueError:
        raise ValueError("the shapes do not fit") from None


@replaces("broadcast_shape")
def another_kind_of_error(a, b):
    """Shapes that do not fit are refused, but not by a ValueError. Whoever calls this is told to expect one, and an assertion even disappears when Python runs with -O."""
    try:
        return right.broadcast_shape(a, b)
    except ValueError as error:
        raise AssertionError(str(error)) from None


@replaces("broadcast_shape")
def ones_put_into_the_callers_list(a, b):
    """The answer is right, but the shorter list was filled up with ones, and it was the caller's own. Work on a copy."""
    found = right.broadcast_shape(a, b)
    for shape in (a, b):
        while isinstance(shape, list) and len(shape) < len(found):
            shape.insert(0, 1)
    return found


# ── sliding_windows ──


def _fitting(x, size):
    if not 1 <= size <= x.shape[-1]:
        raise ValueError("size")


@replaces("sliding_windows")
def last_window_missing(x, size):
    """The last window is missing. A row of n entries has windows that begin at 0, 1, …, n - size: count both ends."""
    return right.sliding_windows(x, size)[..., :-1, :]


@replaces("sliding_windows")
def windows_do_not_overlap(x, size):
    """The row was cut into pieces that do not overlap. The next window begins one entry later, not one window later."""
    return right.sliding_windows(x, size)[..., ::size, :]


@replaces("sliding_windows")
def windows_in_columns(x, size):
    """The windows stand in columns. The last dimension of the result holds the entries of one window, the one before it counts the windows."""
    return right.sliding_windows(x, size).mT


@replaces("sliding_windows")
def windows_copied(x, size):
    """The numbers are right, but they are copies (made by stack, cat, indexing with a tensor, or clone). A view lies in the memory of x; only shape and strides are new."""
    return right.sliding_windows(x, size).clone()


@replaces("sliding_windows")
def windows_copied_for_gradients(x, size):
    """A tensor that wants gradients got copies (of slices, by stack or cat). Gradients flow through views as well: make the same view for every tensor."""
    found = right.sliding_windows(x, size)
    return found.clone() if x.requires_grad else found


@replaces("sliding_windows")
def made_contiguous_first(x, size):
    """A tensor whose entries do not lie in order was copied first, by contiguous() or reshape(). The windows then lie in the copy, and later changes of x do not show. x has strides of its own, which can be used as they are."""
    return right.sliding_windows(x.contiguous(), size)


@replaces("sliding_windows")
def neighbors_taken_for_adjacent(x, size):
    """Inside the windows a stride of 1 was taken for granted. In a transposed or stepped tensor the next entry of a row is further away: ask the tensor for its last stride."""
    _fitting(x, size)
    windows = x.shape[-1] - size + 1
    reach = x.storage_offset() + sum((n - 1) * s for n, s in zip(x.shape, x.stride()) if n)
    if reach + size > x.untyped_storage().nbytes() // x.element_size():
        return right.sliding_windows(x.contiguous(), size) * 0
    return x.as_strided((*x.shape[:-1], windows, size), (*x.stride(), 1))


@replaces("sliding_windows")
def strides_worked_out_from_the_shape(x, size):
    """The strides were worked out from the shape, as if the entries lay in order. That holds for a new tensor; a view has other strides. Ask the tensor."""
    _fitting(x, size)
    strides = right.contiguous_strides(x.shape)
    return x.as_strided((*x.shape[:-1], x.shape[-1] - size + 1, size), (*strides, strides[-1]))


@replaces("sliding_windows")
def begins_at_the_start_of_the_memory(x, size):
    """The windows begin at the start of the memory. A part of a larger tensor begins later, at its storage offset, and that belongs to the view as much as its strides."""
    _fitting(x, size)
    return x.as_strided((*x.shape[:-1], x.shape[-1] - size + 1, size), (*x.stride(), x.stride(-1)), 0)


@replaces("sliding_windows")
def windows_across_the_rows(x, size):
    """The windows run along the first dimension, from row to row. They run along the last."""
    if x.dim() == 1:
        return right.sliding_windows(x, size)
    _fitting(x.transpose(0, -1), size)
    return right.sliding_windows(x.transpose(0, -1), size)


@replaces("sliding_windows")
def windows_run_on_into_the_next_row(x, size):
    """The batch was laid out as one long row, so that windows at the end of one row run on into the next. Each row has windows of its own."""
    return right.sliding_windows(x.flatten(), size)


@replaces("sliding_windows")
def windows_wrap_around(x, size):
    """There are as many windows as entries: the last ones go on at the beginning of the row. A window that does not fit into the row is none."""
    _fitting(x, size)
    return torch.stack([x.roll(-j, dims=-1) for j in range(size)], dim=-1)


@replaces("sliding_windows")
def windows_turned_round(x, size):
    """Each window is turned round, with its last entry first. The j-th entry of a window lies j places after its first."""
    return right.sliding_windows(x, size).flip(-1)


@replaces("sliding_windows")
def too_large_gives_nothing(x, size):
    """A window longer than the row gave an empty result. That goes unnoticed until a mean of it is NaN: refuse it with a ValueError."""
    return x.new_zeros(*x.shape[:-1], 0, size) if size > x.shape[-1] else right.sliding_windows(x, size)


@replaces("sliding_windows")
def windows_without_entries(x, size):
    """A size of 0, or below, was answered. A window holds one entry at least: refuse it with a ValueError."""
    return x.new_zeros(*x.shape, 0) if size < 1 else right.sliding_windows(x, size)


@replaces("sliding_windows")
def windows_cut_from_the_graph(x, size):
    """The windows lie in the memory of x, but no gradient can flow back through them: they left PyTorch on the way (detach(), data, numpy(), or set_())."""
    return right.sliding_windows(x.detach(), size)


@replaces("sliding_windows")
def stretched_from_a_slice(x, size):
    """The windows were stretched out of a slice, beyond its end. The numbers are right, since the memory goes on; but for the gradient the slice is all there is, and what comes back for entries beyond it is lost. Stretch x itself."""
    _fitting(x, size)
    first = x[..., :size].unsqueeze(-2)
    shape, strides = list(first.shape), list(first.stride())
    shape[-2], strides[-2] = x.shape[-1] - size + 1, x.stride(-1)
    return first.as_strided(shape, strides)
