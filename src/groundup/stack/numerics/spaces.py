"""Subspaces: an orthonormal basis of what vectors span, how many directions that is, and what a matrix takes to zero.

The rows of a matrix span a subspace: all their mixtures. Its dimension is the matrix's rank, the number of rows that
are no mixture of those before them. The vectors x with a x = 0 are a subspace, too, the null space: all that is
orthogonal to all rows. Rank and null space together give the number of columns. The squares of all lengths have to fit
into the dtype.

In floating point "is a mixture of others" needs a tolerance, and orthogonality has to be defended: one pass of
Gram-Schmidt over nearly dependent vectors leaves rows that are not orthogonal at all. Here each vector is treated
twice, which is enough (Giraud, Langou, Rozloznik and van den Eshof, 2005).

Not here: gradients, batches, half precision. ``torch.linalg.matrix_rank`` decides by singular values; :func:`rank` by
what Gram-Schmidt leaves of the longest row at each step. The two differ only where a singular value lies near the edge.

Sources: Golub and Van Loan, *Matrix Computations* (4th edition, 2013), sections 5.2.7, 5.2.8 and 5.4.2; Björck,
*Solving linear least squares problems by Gram-Schmidt orthogonalization*, BIT 7, 1967.
"""

from __future__ import annotations

import torch
from torch import Tensor

DEPENDENT = 1e-5
"""A vector of which no larger share than this is left counts as a mixture of those before it."""


def gram_schmidt(vectors: Tensor) -> Tensor:
    """Orthonormal rows, each from one row of vectors and in their order; the first k of both span the same.

    vectors: (m, n). Returns (r, n) with r of at most m and n, in the dtype of vectors (integers: torch's default). Row
    by row: what the rows found so far can mix is subtracted, and the rest is brought to length 1, its sign unchanged. A
    vector of which at most 1e-5 of its length is left is skipped. Raises ValueError where vectors is not a matrix.
    """
    vectors = _real_matrix(vectors)
    basis = vectors.new_zeros(0, vectors.shape[1])
    for vector in vectors:
        rest = vector
        for _ in range(2):  # once more, for the rounding that the first pass leaves
            rest = rest - (basis @ rest) @ basis
        if rest.norm() > DEPENDENT * vector.norm():
            basis = torch.vstack([basis, rest / rest.norm()])
    return basis


def rank(a: Tensor, tolerance: float = 1e-6) -> int:
    """How many rows of a are no mixture of those before them, up to tolerance: the dimension of what the map reaches.

    a: (m, n). What is left of the rows counts while the longest of it is longer than tolerance times the longest row.
    That approximates the number of singular values above tolerance times the largest one.
    Raises ValueError where a is not a matrix.
    """
    a = _real_matrix(a)
    return len(_directions(a, tolerance, min(a.shape)))


def null_space(a: Tensor, tolerance: float = 1e-6) -> Tensor:
    """An orthonormal basis of the vectors that a takes to zero, as rows.

    a: (m, n). Returns (n - rank, n) in the dtype of a (integers: torch's default). ``a @ null_space(a).T`` is zero up
    to tolerance. Raises ValueError where a is not a matrix.
    """
    a = _real_matrix(a)
    reached = _directions(a, tolerance, min(a.shape))
    axes = torch.eye(a.shape[1], dtype=reached.dtype, device=a.device)
    beside = axes - reached.T @ reached  # each axis without what the rows of a can mix
    return _directions(beside, 0.0, len(axes) - len(reached)).to(a.dtype)


def _directions(a: Tensor, tolerance: float, most: int) -> Tensor:
    """(m, n) → (at most ``most``, n), float64: Gram-Schmidt with the longest that is left, until tolerance stops it."""
    left = a.double()
    basis = left.new_zeros(0, a.shape[1])
    while len(basis) < most:
        lengths = left.norm(dim=1)
        best = lengths.argmax()
        if len(basis) == 0:
            edge = tolerance * lengths[best]
        if lengths[best] <= edge:
            break
        direction = left[best] / lengths[best]
        basis = torch.vstack([basis, direction])
        left = left - torch.outer(left @ direction, direction)
    return basis


def _real_matrix(a: Tensor) -> Tensor:
    if a.dim() != 2:
        raise ValueError(f"a matrix (m, n) is needed: got shape {tuple(a.shape)}")
    return a if a.is_floating_point() else a.to(torch.get_default_dtype())
