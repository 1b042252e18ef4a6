"""Right answers in other styles: all of them must pass."""

import math
from itertools import accumulate
from operator import mul

import torch

from groundup.authoring import replaces

# ── contiguous_strides ──


@replaces("contiguous_strides")
def by_products(shape):
    if min(shape, default=0) < 0:
        raise ValueError(f"negative: {shape}")
    return tuple(math.prod(size or 1 for size in shape[i + 1 :]) for i in range(len(shape)))


@replaces("contiguous_strides")
def by_accumulating(shape):
    for size in shape:
        if size < 0:
            raise ValueError(size)
    if not len(shape):
        return []
    sizes = [max(1, size) for size in shape]
    return list(accumulate(reversed(sizes[1:]), mul, initial=1))[::-1]


@replaces("contiguous_strides")
def by_recursion(shape):
    if len(shape) == 0:
        return ()
    if shape[0] < 0:
        raise ValueError("a size below zero")
    rest = by_recursion(shape[1:])
    return ((rest[0] * max(shape[1], 1)) if rest else 1, *rest)


@replaces("contiguous_strides")
def in_place(shape):
    strides = [0] * len(shape)
    for i in range(len(strides) - 1, -1, -1):
        if shape[i] < 0:
            raise ValueError(f"size {shape[i]} of dimension {i}")
        strides[i] = 1 if i + 1 == len(strides) else strides[i + 1] * max(shape[i + 1], 1)
    return torch.Size(strides)


# ── broadcast_shape ──


@replaces("broadcast_shape")
def by_filling_up(a, b):
    n = max(len(a), len(b))
    left, right = (1,) * (n - len(a)) + tuple(a), (1,) * (n - len(b)) + tuple(b)
    for x, y in zip(left, right):
        if x != y and x != 1 and y != 1:
            raise ValueError(f"cannot broadcast {a} with {b}")
    return tuple(y if x == 1 else x for x, y in zip(left, right))


@replaces("broadcast_shape")
def from_the_end(a, b):
    sizes = []
    for i in range(1, max(len(a), len(b)) + 1):
        here = {shape[-i] for shape in (a, b) if i <= len(shape)} - {1}
        if len(here) > 1:
            raise ValueError(f"{list(a)} against {list(b)}: {sorted(here)}")
        sizes.insert(0, here.pop() if here else 1)
    return sizes


@replaces("broadcast_shape")
def by_peeling(a, b):
    def peel(x, y):
        if not x or not y:
            return (*x, *y)
        if x[-1] == y[-1] or y[-1] == 1:
            last = x[-1]
        elif x[-1] == 1:
            last = y[-1]
        else:
            raise ValueError(f"{a} and {b} cannot meet")
        return (*peel(x[:-1], y[:-1]), last)

    return peel(tuple(a), tuple(b))


@replaces("broadcast_shape")
def into_the_longer(a, b):
    longer, shorter = (list(a), b) if len(a) >= len(b) else (list(b), a)
    gap = len(longer) - len(shorter)
    for i, size in enumerate(shorter, gap):
        match (longer[i], size):
            case (1, _):
                longer[i] = size
            case (own, other) if other not in (1, own):
                raise ValueError(f"{tuple(a)}, {tuple(b)}: dimension {i}")
    return longer


# ── sliding_windows ──


def _check(x, size):
    if size < 1 or size > x.shape[-1]:
        raise ValueError(f"size {size}, row of {x.shape[-1]}")


@replaces("sliding_windows")
def with_everything_spelled_out(x, size):
    _check(x, size)
    shape, strides = list(x.shape), list(x.stride())
    shape[-1] -= size - 1
    return torch.as_strided(x, [*shape, size], [*strides, strides[-1]], x.storage_offset())


@replaces("sliding_windows")
def window_before_place(x, size):
    """The entries of a window first, then exchanged with the windows."""
    _check(x, size)
    step = x.stride(-1)
    lead, steps = x.shape[:-1], x.stride()[:-1]
    return x.as_strided((*lead, size, x.size(-1) - size + 1), (*steps, step, step)).transpose(-1, -2)


@replaces("sliding_windows")
def windows_in_front(x, size):
    """Two new dimensions in front of the batch, moved to the end."""
    _check(x, size)
    count, step = x.shape[-1] + 1 - size, x.stride()[-1]
    view = x.as_strided((count, size, *x.shape[:-1]), (step, step, *x.stride()[:-1]))
    return view.movedim((0, 1), (-2, -1))


@replaces("sliding_windows")
def a_new_dimension_grown(x, size):
    """A last dimension of size 1 is put in, and both last dimensions then get their sizes and strides."""
    _check(x, size)
    grown = x.unsqueeze(-1)
    shape, strides = list(grown.shape), list(grown.stride())
    shape[-2:] = [x.shape[-1] - size + 1, size]
    strides[-2:] = 2 * [x.stride(-1)]
    return grown.as_strided(shape, strides)
