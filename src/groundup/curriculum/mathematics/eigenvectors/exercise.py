"""Eigenvectors: the one that is stretched most, all eigenvalues of a symmetric matrix, and principal components.

Three functions. The conventions hold for all of them:

- The argument is one matrix, in float32 or float64, of real and finite entries. Whole numbers are taken as
  torch.get_default_dtype(), which is float32. Results have the dtype of the argument.
- The sign of an eigenvector is free: v and -v are both right. The sign of an eigenvalue is not.
- Arguments are not changed and need not be contiguous. Nobody asks for gradients.
- What does not fit raises a ValueError whose message holds the shape that was given. That something does fit and is
  symmetric where it should be need not be checked.

In power_iteration and qr_eigenvalues, PyTorch's and NumPy's functions for eigenvalues and singular values are switched
off; the QR decomposition, torch.linalg.qr, is not. In pca, torch.linalg.eigh and torch.linalg.svd are yours, and only what does
the whole of it in one call is switched off.
"""

import torch


def power_iteration(a: torch.Tensor, steps: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """The eigenvalue of the largest magnitude, and its eigenvector of length 1.

    a: (n, n), n at least 1, with one real eigenvalue larger in magnitude than all others; it may be negative, and a need
    not be symmetric. steps: 0 or more. generator: a torch.Generator on the CPU, and the only source of chance: the same
    state gives the same result, and PyTorch's global source is neither used nor changed.
    Begins with n independent standard normal numbers drawn from generator, brought to length 1. Then, exactly steps times:
    applies a (as a times a column), and brings the result to length 1.
    Returns (eigenvalue, eigenvector): a 0-d tensor, x · (a x) for the x that is returned, whether it has settled or not;
    and that x, of shape (n,).
    Where a takes x to exactly zero, nothing can be brought to length 1: then x is returned as it is, with the eigenvalue 0.
    Entries may be as large as 1e30 or as small as 1e-30, also in float32: their squares do not fit.
    Raises ValueError where a is not a square matrix, has no rows, or steps is negative.

        source = torch.Generator().manual_seed(0)
        power_iteration(tensor([[2., 1.], [1., 2.]]), 50, source)     -> (tensor(3.), tensor([0.7071, 0.7071]))
        power_iteration(tensor([[1, 0], [0, -4]]), 50, source)        -> (tensor(-4.), tensor([0., 1.]))
                                                                        (either vector may have the other sign)
    """
    raise NotImplementedError


def qr_eigenvalues(a: torch.Tensor, steps: int) -> torch.Tensor:
    """All eigenvalues of a symmetric matrix, the largest first, by the plain QR iteration.

    a: (n, n), equal to its transpose; it may be singular, even all zeros, and n may be 0. steps: 0 or more.
    Exactly steps times: decomposes a into q r (q orthogonal, r zero below the diagonal) and goes on with r q in its place. No
    shifts, no early end. Then returns the diagonal, of shape (n,), sorted from the largest to the smallest: by value, so
    that 1 comes before -5. With few steps these are not yet the eigenvalues.
    No two eigenvalues have opposite signs and the same or nearly the same magnitude, as 3 and -3 have: the plain iteration
    never tells those apart. Equal eigenvalues of the same sign are fine.
    Raises ValueError where a is not a square matrix or steps is negative.

        a = tensor([[2., 1.], [1., 4.]])
        qr_eigenvalues(a, 0)        -> tensor([4., 2.])
        qr_eigenvalues(a, 1)        -> tensor([4.4000, 1.6000])
        qr_eigenvalues(a, 50)       -> tensor([4.4142, 1.5858])
    """
    raise NotImplementedError


def pca(x: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k directions in which the rows of x differ most, and the variance along each: principal components.

    x: (m, n), m samples (rows) of n features (columns), m at least 2; k: from 1 to the smaller of m and n.
    Returns (components, explained_variance).
    components: (k, n). Each row has length 1 and is orthogonal to the others; the row with the largest variance comes
    first. Signs are free. Where several directions have the same variance, any orthonormal ones of them are right.
    explained_variance: (k,), the variance of the samples along each row, with m - 1 in the denominator. It is never
    negative, not even by rounding.
    The mean of each feature is taken off first. Features are not divided by their spread. The mean may be a thousand times as
    large as the spread, in float32 too: what is squared should be small by then. Computing in float64 is welcome.
    Raises ValueError where x is not a matrix, has fewer than 2 rows, or k is out of its range.

        x = tensor([[1., 1.], [3., 3.], [5., 5.], [3., 3.]])
        pca(x, 2)      -> (tensor([[ 0.7071, 0.7071], [-0.7071, 0.7071]]), tensor([5.3333, 0.0000]))
                          (either row may have the other sign)
    """
    raise NotImplementedError
