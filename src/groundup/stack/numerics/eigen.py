"""Eigenvalues and eigenvectors: the directions that a map only stretches, and the main directions of a cloud of points.

Power iteration applies a map again and again until one direction, the one that is stretched most, is all that is left.
The QR iteration does that with all directions at once, each kept orthogonal to those before it. Principal component
analysis asks for the eigenvectors of a covariance matrix: the directions in which the points differ most.

Not here: complex eigenvalues, gradients, batches, half precision, and speed. The QR iteration is the plain one, without
the shifts and the reduction to three diagonals that make ``torch.linalg.eigvalsh`` fast.

Sources: Golub and Van Loan, *Matrix Computations* (4th edition, 2013), sections 7.3.1, 8.2.1 and 8.3; Francis, *The QR
transformation*, The Computer Journal 4, 1961; Hotelling, *Analysis of a complex of statistical variables into principal
components*, 1933.
"""

from __future__ import annotations

import torch
from torch import Tensor


def power_iteration(a: Tensor, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The eigenvalue of the largest magnitude, and its eigenvector of length 1, sign free.

    a: (n, n), n at least 1, with one eigenvalue larger in magnitude than all others: the error shrinks by the ratio of
    the second to it in each step. The start is drawn from generator. Returns a 0-d tensor, x · a x at the end, and x of
    shape (n,), in the dtype of a (integers: torch's default floating dtype). Where a takes x to zero, x is returned.
    Raises ValueError where a is not square, empty, or steps is negative.
    """
    a = _real_square(a)
    if len(a) == 0:
        raise ValueError(f"one row at least is needed: got shape {tuple(a.shape)}")
    _require_steps(steps)
    x = torch.randn(len(a), generator=generator, dtype=a.dtype, device=generator.device).to(a.device)
    x = x / x.norm()
    for _ in range(steps):
        image = a @ x
        if not image.any():
            break
        image = image / image.abs().max()  # so that the squares of its entries fit into the dtype
        x = image / image.norm()
    return x @ (a @ x), x


def qr_eigenvalues(a: Tensor, steps: int) -> Tensor:
    """All eigenvalues of a symmetric matrix, largest first, by the plain QR iteration.

    a: (n, n), equal to its transpose, with no two eigenvalues that are each other's negative: such a pair never
    separates. Returns (n,) in the dtype of a (integers: torch's default floating dtype). Each entry below the diagonal
    shrinks by the ratio of two magnitudes in each step. Raises ValueError where a is not square or steps is negative.
    """
    a = _real_square(a)
    _require_steps(steps)
    for _ in range(steps):
        q, r = torch.linalg.qr(a)
        a = r @ q  # q.T @ a @ q: the same eigenvalues
    return a.diagonal().sort(descending=True).values


def pca(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k orthonormal directions in which the rows of x differ most, and the variance along each.

    x: (m, n), m samples of n features, m at least 2; 1 ≤ k ≤ min(m, n). Returns components (k, n), one a row, largest
    variance first, signs free, and explained_variance (k,), with m - 1 in the denominator; both in the dtype of x
    (integers: torch's default floating dtype). Computed in float64. Raises ValueError where shape or k do not fit.
    """
    if x.dim() != 2 or len(x) < 2 or not 1 <= k <= min(x.shape):
        raise ValueError(f"two rows and 1 to min(m, n) components are needed, not {k}: got shape {tuple(x.shape)}")
    x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
    points = x.double()
    centered = points - points.mean(dim=0)
    covariance = centered.T @ centered / (len(x) - 1)
    variances, directions = torch.linalg.eigh(covariance)  # smallest first, directions in columns
    components = directions.T.flip(0)[:k]
    explained = variances.flip(0)[:k].clamp(min=0.0)
    return components.to(x.dtype), explained.to(x.dtype)


def _real_square(a: Tensor) -> Tensor:
    if a.dim() != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"a square matrix (n, n) is needed: got shape {tuple(a.shape)}")
    return a if a.is_floating_point() else a.to(torch.get_default_dtype())


def _require_steps(steps: int) -> None:
    if steps < 0:
        raise ValueError("no negative number of steps is needed")
