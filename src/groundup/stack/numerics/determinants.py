"""Determinants: matrices taken apart into triangles, the factor by which a map changes volumes, and what it decides.

Elimination, written down, is a factorization A = P L U: U is what it leaves, L holds the factors that it used, and P
the exchanges of rows. The determinant then is the product of U's diagonal, with the sign of P. It is zero exactly
where the map presses space flat; so it says whether every system with this matrix has one solution. Whether *one
given* system has a solution at all is another question, and elimination answers it as well. The inverse can be written
with determinants only (the adjugate, Cramer's rule): a formula to think with, and for many rows not one to compute
with.

Not here: gradients, batches, half precision, and the logarithm of large determinants (``torch.linalg.slogdet``).

Sources: Golub and Van Loan, *Matrix Computations* (4th edition, 2013), sections 3.2 and 3.4; Higham, *Accuracy and
Stability of Numerical Algorithms* (2nd edition, 2002), chapters 9 and 14; Turing, *Rounding-off errors in matrix
processes*, 1948.
"""

from __future__ import annotations

import torch
from torch import Tensor


def lu_decompose(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Factors with a = p @ l @ u, by elimination with partial pivoting.

    a: (n, n). Returns p, a permutation of the rows of the identity; l, lower triangular with ones on the diagonal and
    no magnitude above 1; u, upper triangular. All (n, n), in the dtype of a (integers: torch's default floating dtype).
    Singular matrices have such factors, too. Raises ValueError where a is not square.
    """
    u = _real_square(a).clone()
    n = len(u)
    lower = torch.eye(n, dtype=u.dtype, device=u.device)
    order = list(range(n))
    for k in range(n):
        best = k + int(u[k:, k].abs().argmax())
        u[[k, best]] = u[[best, k]]
        lower[[k, best], :k] = lower[[best, k], :k]
        order[k], order[best] = order[best], order[k]
        if u[k, k] != 0:
            lower[k + 1 :, k] = u[k + 1 :, k] / u[k, k]
            u[k + 1 :] -= torch.outer(lower[k + 1 :, k], u[k])
    return torch.eye(n, dtype=u.dtype, device=u.device)[order].T, lower, u.triu()


def determinant(a: Tensor) -> Tensor:
    """The factor by which the map a changes volumes, negative where it turns space over.

    a: (n, n). Returns a 0-d tensor in the dtype of a (integers: torch's default floating dtype); 1 for n = 0.
    Raises ValueError where a is not square.
    """
    p, _, u = lu_decompose(a)
    order = p.T.nonzero()[:, 1]
    inversions = (order.unsqueeze(1) > order).triu(1).sum()
    return -u.diagonal().prod() if inversions % 2 else u.diagonal().prod()


def is_solvable(a: Tensor, b: Tensor, tolerance: float = 1e-6) -> bool:
    """Whether there is an x with a x = b, up to tolerance.

    a: (m, n); b: (m,). The largest magnitudes of a and b are brought to 1; elimination with the largest pivot anywhere
    goes on while that is above tolerance. The equations that are left say 0 = rest: no rest may be above tolerance.
    Raises ValueError where the shapes do not fit.
    """
    if a.dim() != 2 or b.shape != a.shape[:1]:
        raise ValueError(f"(m, n) and (m,) are needed: got shapes {tuple(a.shape)} and {tuple(b.shape)}")
    left, rest = _to_one(a).double(), _to_one(b).double()
    for _ in range(min(a.shape)):
        best = int(left.abs().argmax())
        i, j = divmod(best, a.shape[1])
        if left[i, j].abs() <= tolerance:
            break
        others = torch.arange(len(left), device=a.device) != i
        factors = left[others, j] / left[i, j]
        rest = rest[others] - factors * rest[i]
        left = left[others] - torch.outer(factors, left[i])
    return not bool((rest.abs() > tolerance).any())


def adjugate_inverse(a: Tensor) -> Tensor:
    """The inverse by determinants: entry (i, j) is the cofactor of entry (j, i) over the determinant.

    a: (n, n) with n of at least 1. Returns (n, n) in the dtype of a (integers: torch's default floating dtype).
    Raises ValueError where a is not square, and where it is singular: where a diagonal entry of u is not above
    100 n times the dtype's epsilon times the largest magnitude in a. That magnitude is brought to 1 first, so that
    products of n entries neither overflow nor vanish because of the unit of the entries.
    """
    a = _real_square(a)
    size = a.abs().max()
    scaled = a / size if size > 0 else a
    if (lu_decompose(scaled)[2].diagonal().abs() <= 100 * len(a) * torch.finfo(a.dtype).eps).any():
        raise ValueError("the matrix is singular: its determinant is zero up to rounding")
    adjugate = torch.stack([torch.stack([_cofactor(scaled, j, i) for j in range(len(a))]) for i in range(len(a))])
    return adjugate / determinant(scaled) / size


def _cofactor(a: Tensor, row: int, column: int) -> Tensor:
    """The determinant without this row and this column, with the sign of their place on a chessboard."""
    keep = torch.arange(len(a), device=a.device)
    found = determinant(a[keep != row][:, keep != column])
    return -found if (row + column) % 2 else found


def _to_one(tensor: Tensor) -> Tensor:
    """Divided by its largest magnitude; as it is where there is none."""
    return tensor / tensor.abs().max() if tensor.any() else tensor


def _real_square(a: Tensor) -> Tensor:
    if a.dim() != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"a square matrix (n, n) is needed: got shape {tuple(a.shape)}")
    return a if a.is_floating_point() else a.to(torch.get_default_dtype())
