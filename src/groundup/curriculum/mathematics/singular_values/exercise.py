"""Singular values at work: the nearest matrix of low rank, and the inverse of what has none.

Two functions. The conventions hold for both:

- The argument is one matrix of shape (m, n), in float32 or float64, of real and finite entries; m and n may be 0. Whole
  numbers are taken as torch.get_default_dtype(), which is float32. Results have the dtype of the argument.
- Anything with other than two dimensions raises a ValueError whose message holds the shape.
- The argument is not changed and need not be contiguous. Nobody asks for gradients. No batches.

torch.linalg.svd and numpy.linalg.svd are yours. The first returns u, s, vh: the columns of u and the rows of vh belong to the singular
values s, and a is u times diag(s) times vh. With full_matrices=False, u has the shape (m, r), s (r,) and vh (r, n), where r is the
smaller of m and n. Switched off is what does the whole of a task in one call: torch.svd_lowrank and torch.pca_lowrank for the
first, and the library's pseudo-inverses and least squares for the second.
"""

import torch


def low_rank(a: torch.Tensor, k: int) -> torch.Tensor:
    """The matrix of rank k or less that is nearest to a: the sum of the squares of all differences is the smallest.

    a: (m, n); k: 0 or more, and it may be larger than m and n. Returns (m, n), the matrix itself, not its factors.
    With k = 0 these are zeros. With k at least the rank of a, it is a itself up to rounding.
    In the checks, the singular values number k and k + 1 differ clearly; where they are equal there are several answers.
    Raises ValueError where a is no matrix or k is negative.

        low_rank(tensor([[3., 0.], [0., -5.]]), 1)      -> tensor([[ 0.,  0.],
                                                                  [ 0., -5.]])
        low_rank(tensor([[2., 2.], [2., 2.]]), 1)       -> tensor([[2., 2.],
                                                                  [2., 2.]])
        low_rank(tensor([[2, 0], [2, 1]]), 1)           -> tensor([[1.8682, 0.4961],
                                                                  [2.1163, 0.5620]])
    """
    raise NotImplementedError


def pseudo_inverse(a: torch.Tensor, tolerance: float = 1e-6) -> torch.Tensor:
    """The matrix that undoes a as far as it can be undone, of Moore and Penrose.

    a: (m, n). Returns x of shape (n, m). For every b, x b is the shortest of all vectors v for which a v is nearest to b.
    If a has an inverse, x is it. tolerance: a share, from 1e-10 (in float64) to 0.5. Singular values of at most tolerance times
    the largest singular value of a count as zero, and what belongs to them contributes nothing. The checks stay far from that
    edge, and allow for the rounding of a way over a.T @ a.
    A matrix of zeros gives zeros; one without entries gives one without entries.
    Raises ValueError where a is no matrix.

        pseudo_inverse(tensor([[2., 0.], [0., 4.]]))                    -> tensor([[0.5000, 0.0000],
                                                                                  [0.0000, 0.2500]])
        pseudo_inverse(tensor([[2., 0.], [0., 0.]]))                    -> tensor([[0.5000, 0.0000],
                                                                                  [0.0000, 0.0000]])
        pseudo_inverse(tensor([[1.], [2.]]))                            -> tensor([[0.2000, 0.4000]])
        pseudo_inverse(tensor([[2., 0.], [0., 0.01]]), tolerance=0.1)   -> tensor([[0.5000, 0.0000],
                                                                                  [0.0000, 0.0000]])
    """
    raise NotImplementedError
