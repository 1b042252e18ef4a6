"""How a tensor lies in memory, as arithmetic on shapes: strides, broadcasting, and windows that share their memory.

A tensor is a row of numbers in memory (its storage), an offset, a shape, and a stride for each dimension: how many
numbers to step over for the next index. Entry (i, j, …) lies at offset + i · stride[0] + j · stride[1] + …. To
transpose, slice, expand or window a tensor changes these few integers, and not one number in memory.

Not here: strides in bytes (NumPy's), column-major layouts, and negative steps, which PyTorch does not have.

Sources: Harris and others, "Array programming with NumPy", Nature 585 (2020); PyTorch's documentation of tensor views
and of broadcasting semantics.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from torch import Tensor


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a tensor of this shape whose entries lie in memory in order, the last index fastest.

    Counted in entries, one for each dimension; () for (). A size of 0 counts as 1, as in PyTorch.
    Raises ValueError where a size is negative.
    """
    strides = []
    step = 1
    for size in reversed(shape):
        if size < 0:
            raise ValueError(f"sizes are at least 0: got shape {tuple(shape)}")
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def broadcast_shape(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    """The shape to which tensors of the shapes a and b broadcast.

    Read from the last dimension: sizes that are equal stay, a size of 1 (or a missing dimension) takes the other's.
    Raises ValueError, with both shapes in its message, where two sizes differ and neither is 1.
    """
    shape = []
    for left, right in zip_longest(reversed(a), reversed(b), fillvalue=1):
        if left != right and 1 not in (left, right):
            raise ValueError(f"shapes that do not broadcast: {tuple(a)} and {tuple(b)}")
        shape.append(right if left == 1 else left)
    return tuple(reversed(shape))


def sliding_windows(x: Tensor, size: int) -> Tensor:
    """All runs of ``size`` neighbors along the last dimension, as a view: entry (..., i, j) is x[..., i + j].

    x: (..., n), of any dtype and with any strides. Returns (..., n - size + 1, size), in x's own memory: nothing is
    copied, and a change of x shows in every window that holds it. Gradients of overlapping windows add up.
    Raises ValueError where x has no dimension, or size is not between 1 and n.
    """
    if x.dim() == 0 or not 1 <= size <= x.shape[-1]:
        raise ValueError(f"no windows of size {size} in a tensor of shape {tuple(x.shape)}")
    windows = x.shape[-1] - size + 1
    return x.as_strided((*x.shape[:-1], windows, size), (*x.stride(), x.stride(-1)))
