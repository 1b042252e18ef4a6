"""Matrices: the product, systems of linear equations, the inverse.

A matrix of shape (m, k) is a map: it takes a vector with k entries to one with m entries. Its columns are the images of
the axes. The product is one map after another, a system asks which vector a map has taken to a given place, and the
inverse is the map that undoes it. Entries have no unit of their own; a product has the units of both factors.

Systems are solved by Gaussian elimination with partial pivoting: in each column the largest magnitude that is left
becomes the pivot, so that no factor is larger than 1 and rounding is not magnified on the way. The solution's residual
is then as small as rounding allows, even where the matrix is ill-conditioned (Higham, theorem 9.4); a product with the
explicit inverse has no such guarantee. Gradients flow through all three, first and second ones.

Not here: batches of systems, half precision in systems, structured or sparse matrices, and speed. ``torch.matmul`` and
``torch.linalg.solve`` do the same in blocks that fit the cache; this is the code to read.

Sources: Golub and Van Loan, *Matrix Computations* (4th edition, 2013), sections 1.1, 3.2 and 3.4; Higham, *Accuracy and
Stability of Numerical Algorithms* (2nd edition, 2002), chapters 9 and 14.
"""

from __future__ import annotations

import torch
from torch import Tensor


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """The matrix product: entry (i, j) is the dot product of row i of a with column j of b.

    a: (..., m, k); b: (..., k, n). Batch dimensions broadcast. Returns (..., m, n) in their common dtype; integers
    give integers. For k = 0 the result is zeros. All m k n products are in memory at once.
    Raises ValueError where a has not as many columns as b has rows, or either has fewer than two dimensions.
    """
    if min(a.dim(), b.dim()) < 2 or a.shape[-1] != b.shape[-2]:
        raise ValueError(f"(..., m, k) times (..., k, n) is needed: got shapes {tuple(a.shape)} and {tuple(b.shape)}")
    products = a.unsqueeze(-1) * b.unsqueeze(-3)  # (..., m, k, 1) * (..., 1, k, n)
    return products.sum(dim=-2, dtype=products.dtype)


def solve(a: Tensor, b: Tensor) -> Tensor:
    """The x for which a x = b, by elimination with partial pivoting and back substitution.

    a: (n, n) with n of at least 1; b: (n,) one right side, or (n, columns) several. float32 or float64; integers are
    taken as torch's default floating dtype. Returns the shape of b.
    Raises ValueError where the shapes do not fit, and where a counts as singular: where no pivot is left whose
    magnitude is above n times the dtype's epsilon times the largest magnitude in a. That is no proof: a
    large singular matrix may slip through, and one whose rows differ in size by 1 / epsilon is refused.
    """
    a = a if a.is_floating_point() else a.to(torch.get_default_dtype())
    n = _require_square(a)
    if b.dim() not in (1, 2) or b.shape[0] != n:
        raise ValueError(f"a right side of {n} rows is needed: got shapes {tuple(a.shape)} and {tuple(b.shape)}")
    smallest = n * torch.finfo(a.dtype).eps * a.abs().max()
    rows = _eliminate(torch.hstack([a, b if b.dim() == 2 else b.unsqueeze(1)]), smallest)
    x = rows.new_zeros(0, rows.shape[1] - n)
    for k in reversed(range(n)):
        known = rows[k, k + 1 : n] @ x
        x = torch.cat([((rows[k, n:] - known) / rows[k, k]).unsqueeze(0), x])
    return x.reshape(b.shape)


def inverse(a: Tensor) -> Tensor:
    """The matrix that undoes a: a times it, and it times a, are the identity. Its columns solve a x = each axis.

    a: (n, n), in the dtypes of :func:`solve`. Returns (n, n). Raises ValueError as :func:`solve` does.
    To solve a system, call :func:`solve`: that is less work, and more exact.
    """
    return solve(a, torch.eye(_require_square(a), dtype=a.dtype, device=a.device))


def _eliminate(rows: Tensor, smallest: Tensor) -> Tensor:
    """(n, n + columns) → the same system with zeros below the diagonal. Rows are exchanged so that pivots are large."""
    n = len(rows)
    for k in range(n):
        best = k + int(rows[k:, k].abs().argmax())
        if rows[best, k].abs() <= smallest:
            raise ValueError(f"the matrix is singular: no pivot is left in column {k} of {n}")
        order = list(range(n))
        order[k], order[best] = best, k
        rows = rows[order]
        factors = rows[k + 1 :, k : k + 1] / rows[k, k]
        rows = torch.cat([rows[: k + 1], rows[k + 1 :] - factors * rows[k]])
    return rows


def _require_square(a: Tensor) -> int:
    if a.dim() != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"a square matrix (n, n) is needed: got shape {tuple(a.shape)}")
    return len(a)
