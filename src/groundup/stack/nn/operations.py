"""Operations on whole tensors instead of loops: all distances, one-hot vectors, masked means, bilinear forms.

Each is a few calls that PyTorch runs over all entries at once. What needs care is named in the docstrings: points that
are close together, rows in which nothing counts, entries that must have no influence at all.

Not here: speed for large sets of points (``torch.cdist`` needs no memory for the differences), and sparse tensors.

Sources: Harris and others, "Array programming with NumPy", Nature 585 (2020); Rogozhnikov, "Einops: Clear and Reliable
Tensor Manipulations with Einstein-like Notation", ICLR 2022.
"""

from __future__ import annotations

import torch
from torch import Tensor


def pairwise_distances(x: Tensor, y: Tensor) -> Tensor:
    """The Euclidean distance of every point of x from every point of y.

    x: (..., n, d); y: (..., m, d). Batch dimensions broadcast. Returns (..., n, m); integers are taken as torch's
    default floating dtype. From the differences themselves, n m d numbers in memory, so that close points far from the
    origin keep their digits (|x|² + |y|² - 2 x·y loses them). Where two points coincide the gradient is 0.
    Raises ValueError where the last dimensions differ: a last dimension of 1 is not stretched.
    """
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"points of one dimension are needed: got shapes {tuple(x.shape)} and {tuple(y.shape)}")
    differences = _floating(x).unsqueeze(-2) - y.unsqueeze(-3)  # (..., n, 1, d) - (..., 1, m, d)
    squares = differences.square().sum(dim=-1)
    # The root has an infinite slope at 0, and infinity times 0 is NaN: 0 must not enter it.
    zero = squares == 0
    return squares.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)


def one_hot(ids: Tensor, classes: int) -> Tensor:
    """For each id a vector of zeros with a single 1, at the id's place.

    ids: (...), integers from 0 to classes - 1. Returns (..., classes), int64. Raises ValueError for any other id.
    """
    if ids.numel() and not (ids.min() >= 0 and int(ids.max()) < classes):
        raise ValueError(f"ids from 0 to {classes - 1} are needed: got {int(ids.min())} to {int(ids.max())}")
    return (ids.unsqueeze(-1) == torch.arange(classes, device=ids.device)).long()


def masked_mean(x: Tensor, mask: Tensor, dim: int) -> Tensor:
    """The mean along one dimension of the entries that count, where the mask is True.

    x: any shape; mask: boolean, broadcasts to the shape of x. Returns x's shape without ``dim``, in x's dtype; integers
    are taken as torch's default floating dtype. Where nothing counts the mean is 0. Entries that do not count have no
    influence, not even as NaN or infinity, and get gradients of 0. Half precision is summed in float32, so that a mean
    that fits comes out although the sum would not.
    """
    x = _floating(x)
    wide = torch.promote_types(x.dtype, torch.float32)
    total = torch.where(mask, x, 0).sum(dim=dim, dtype=wide)
    count = mask.expand_as(x).sum(dim=dim)
    return (total / count.clamp(min=1)).to(x.dtype)


def batched_bilinear(x: Tensor, w: Tensor, y: Tensor) -> Tensor:
    """For each pair of vectors the numbers xᵀ W_o y, one for each matrix W_o: entry o is the sum of x_i w_oij y_j.

    x: (..., i); w: (out, i, j); y: (..., j). Batch dimensions of x and y broadcast. Returns (..., out).
    Raises ValueError, with all three shapes in its message, where the dimensions of x, w and y do not fit.
    """
    if w.dim() != 3 or x.shape[-1] != w.shape[1] or y.shape[-1] != w.shape[2]:
        shapes = ", ".join(str(tuple(one.shape)) for one in (x, w, y))
        raise ValueError(f"(..., i), (out, i, j) and (..., j) are needed: got shapes {shapes}")
    return torch.einsum("...i,oij,...j->...o", x, w, y)


def _floating(x: Tensor) -> Tensor:
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())
