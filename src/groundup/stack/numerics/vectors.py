"""Vectors: dot product, length, angle and projection, along the last dimension of tensors of any shape.

A tensor of shape (..., n) is a batch of vectors with n real entries each; the dimensions before the last are batch
dimensions, and two batches broadcast against each other as everywhere in PyTorch. A vector has no unit of its own:
lengths and dot products are in the units of the entries (and of their products), cosines have none.

Lengths and angles here neither overflow nor underflow on the way: each vector is first divided by its largest
magnitude, so that a vector of entries 1e30 in float32 has the length that it should have (``torch.linalg.vector_norm``
returns infinity) and an angle as exact as that of any other (``torch.nn.functional.cosine_similarity`` returns 0).
Their gradients are finite at the zero vector, too.

Not here: complex vectors, sparse tensors, norms of matrices, and all pairs of two large sets (there a matrix product
is the faster tool: see ``matrices``).

Sources: Deisenroth, Faisal and Ong, *Mathematics for Machine Learning* (2020), chapter 3; for the scaling, Blue, "A
portable Fortran program to find the Euclidean norm of a vector", ACM TOMS 4 (1978).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def dot(u: Tensor, v: Tensor) -> Tensor:
    """The dot product: the sum over i of u_i v_i.

    u, v: (..., n) with the same n. Returns (...), the broadcast batch dimensions. Integers give integers.
    Raises ValueError where the last dimensions differ: a last dimension of 1 is not stretched.
    """
    _require_same_length(u, v)
    return (u * v).sum(dim=-1)


def norm(v: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm: the p-th root of the sum over i of |v_i|^p; for p = infinity the largest |v_i|.

    v: (..., n). Returns (...), in v's dtype; integers are taken as torch's default floating dtype. The norm of a vector
    without entries is 0. At the zero vector, where no norm has a derivative, the gradient is 0.
    Raises ValueError for p < 1, where the triangle inequality fails and the formula is no norm.
    """
    if not p >= 1:
        raise ValueError(f"a norm needs p of at least 1 (or infinity), not p = {p}")
    if not v.is_floating_point():
        v = v.to(torch.get_default_dtype())
    if v.shape[-1] == 0:
        return v.sum(dim=-1)
    if p == math.inf:
        return v.abs().amax(dim=-1)
    scale = _scale(v)
    total = (v / scale).abs().pow(p).sum(dim=-1)
    # The p-th root has an infinite slope at 0, and infinity times 0 is NaN: 0 must not enter the root at all.
    zero = total == 0
    root = total.masked_fill(zero, 1.0).pow(1 / p).masked_fill(zero, 0.0)
    return root * scale.squeeze(-1)


def cosine_similarity(u: Tensor, v: Tensor) -> Tensor:
    """The cosine of the angle between u and v: their dot product after both are given length 1.

    u, v: (..., n) with the same n. Returns (...), between -1 and 1 up to rounding; 0 where either vector is zero.
    Floating dtype as for :func:`norm`. Raises ValueError where the last dimensions differ.
    """
    return dot(_unit(u), _unit(v))


def project(u: Tensor, onto: Tensor) -> Tensor:
    """The orthogonal projection of u onto the line through ``onto``: the point of that line which is nearest to u.

    u, onto: (..., n) with the same n. Returns (..., n), the broadcast of both; the zero vector where ``onto`` is zero.
    What is left, u - project(u, onto), is at a right angle to ``onto``. Floating dtype as for :func:`norm`.
    Raises ValueError where the last dimensions differ.
    """
    direction = _unit(onto)
    return dot(u, direction).unsqueeze(-1) * direction


def _scale(v: Tensor) -> Tensor:
    """(..., 1): the largest magnitude in each vector, a constant to gradients; 1 where that is 0, infinite or NaN."""
    largest = norm(v.detach(), math.inf).unsqueeze(-1)
    return torch.where((largest > 0) & (largest < math.inf), largest, 1.0)


def _unit(v: Tensor) -> Tensor:
    """(..., n): each vector divided by its length; a zero vector stays zero."""
    scaled = v / _scale(v)
    length = norm(scaled).unsqueeze(-1)
    return scaled / torch.where(length == 0, 1.0, length)


def _require_same_length(u: Tensor, v: Tensor) -> None:
    if u.shape[-1] != v.shape[-1]:
        raise ValueError(f"the last dimensions must be equal: got shapes {tuple(u.shape)} and {tuple(v.shape)}")
