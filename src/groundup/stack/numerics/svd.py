"""Singular values at work: the best approximation of low rank, and the inverse of what has none.

Every matrix is a turn, a stretch along the axes and another turn: a = u s vᵀ. The stretches s are the singular values.
Leaving out all but the k largest gives the matrix of rank k that is nearest to a, in the spectral norm and in the
Frobenius norm (Eckart and Young, 1936). Turning each stretch round that is not zero gives the pseudo-inverse: of all x
for which a x is nearest to b, it finds the shortest.

The decomposition itself is ``torch.linalg.svd``. Not here: gradients (they are infinite where singular values meet),
half precision, randomized algorithms.

Sources: Eckart and Young, *The approximation of one matrix by another of lower rank*, Psychometrika 1, 1936; Penrose,
*A generalized inverse for matrices*, 1955; Golub and Van Loan, *Matrix Computations* (4th edition, 2013), sections 2.4
and 5.5.
"""

from __future__ import annotations

import torch
from torch import Tensor


def low_rank(a: Tensor, k: int) -> Tensor:
    """The matrix of rank k at most that is nearest to a.

    a: (m, n); k: from 0 (zeros) to min(m, n) or more (a itself, up to rounding). Returns (m, n) in the dtype of a
    (integers: torch's default floating dtype). Where the singular values number k and k + 1 are equal there are several
    such matrices, and one of them is returned. Raises ValueError where a is not a matrix or k is negative.
    """
    if k < 0:
        raise ValueError(f"a rank of 0 or more is needed: got {k}")
    u, values, vt = torch.linalg.svd(_real_matrix(a), full_matrices=False)
    nearest: Tensor = (u[:, :k] * values[:k]) @ vt[:k]
    return nearest


def pseudo_inverse(a: Tensor, tolerance: float = 1e-6) -> Tensor:
    """The matrix that undoes a as far as it can be undone (Moore and Penrose).

    a: (m, n). Returns (n, m) in the dtype of a (integers: torch's default floating dtype). Singular values of at most
    tolerance times the largest count as zero. Raises ValueError where a is not a matrix.
    """
    u, values, vt = torch.linalg.svd(_real_matrix(a), full_matrices=False)
    kept = values > tolerance * values[:1]
    inverse: Tensor = (vt[kept].T / values[kept]) @ u[:, kept].T
    return inverse


def _real_matrix(a: Tensor) -> Tensor:
    if a.dim() != 2:
        raise ValueError(f"a matrix (m, n) is needed: got shape {tuple(a.shape)}")
    return a if a.is_floating_point() else a.to(torch.get_default_dtype())
