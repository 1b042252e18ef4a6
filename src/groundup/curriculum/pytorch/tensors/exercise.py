"""Tensors: strides, broadcasting and windows, as arithmetic on shapes.

Three functions. The first two are plain Python on shapes: no tensor is made, and the sizes may be far beyond any memory.
A shape comes as a tuple, a list or a torch.Size of whole numbers; a list that was given is not changed. What comes back
is a tuple (or a list) of whole numbers. The third works on a tensor and returns a view of it.

PyTorch's and NumPy's own functions for these three are switched off; `as_strided`, `stride()` in the third, and all of
plain Python are not.
"""

import torch


def contiguous_strides(shape):
    """For each dimension, how many entries further in memory the next index lies, if all entries lie in order.

    In order means: the last index runs fastest, then the one before it, as when a page is read line by line. Strides are
    counted in entries, not in bytes. A size of 0 counts as 1 here, as in PyTorch. The shape () has the strides ().
    Raises ValueError where a size is negative.

        contiguous_strides((2, 3))          -> (3, 1)
        contiguous_strides((4, 1, 5))       -> (5, 5, 1)
        contiguous_strides((2, 0, 3))       -> (3, 3, 1)
    """
    raise NotImplementedError


def broadcast_shape(a, b):
    """The shape of the sum of two tensors that have the shapes a and b.

    The shapes are compared from their last sizes on. Where both have a size there, the sizes must be equal, or one of them
    is 1 and takes the other's. A dimension that only one of them has keeps its size. A size of 0 is a size like any other:
    with 1 it gives 0, with 5 it does not fit.
    Raises ValueError, with the sizes of both shapes in its message, where the shapes do not fit.

        broadcast_shape((4, 1), (1, 3))             -> (4, 3)
        broadcast_shape((5, 1, 7), (6, 1))          -> (5, 6, 7)
        broadcast_shape((2, 3), (2,))               -> ValueError: (2, 3) and (2,) do not fit
    """
    raise NotImplementedError


def sliding_windows(x: torch.Tensor, size: int) -> torch.Tensor:
    """All runs of `size` neighbors along the last dimension: entry (..., i, j) of the result is x[..., i + j].

    x: (..., n), of any dtype, with any strides and any offset: it may itself be a view. Returns (..., n - size + 1, size).
    The result is a view, not a copy: it lies in the memory of x, and when an entry of x is changed later, every window that
    holds it shows the change. Gradients flow through it to x.
    Raises ValueError where size is below 1 or above n. x has one dimension at least.

        sliding_windows(tensor([1, 2, 3, 4, 5]), 3)         -> tensor([[1, 2, 3],
                                                                       [2, 3, 4],
                                                                       [3, 4, 5]])
        sliding_windows(tensor([[1., 2., 3.], [4., 5., 6.]]), 2)
            -> tensor([[[1., 2.], [2., 3.]],
                       [[4., 5.], [5., 6.]]])
    """
    raise NotImplementedError
