"""Matrices: the product, systems of equations, the inverse.

Three functions. The conventions hold for all of them:

- Entries are real and finite. Whole numbers: in `matmul` they give whole numbers (int64 gives int64); in `solve` and
  `inverse` they are taken as torch.get_default_dtype(), which is float32. Otherwise the result has the dtype of the
  inputs, which share one.
- Inputs are not changed. Tensors need not be contiguous.
- Shapes that do not fit raise a ValueError whose message holds the shapes that were given (both, where there are two).
- `solve` and `inverse` raise a ValueError where the matrix is singular. A matrix of shape (n, n) counts as singular where,
  when a pivot is to be chosen, no magnitude left to choose from is above n * eps * largest. Here eps is
  torch.finfo(dtype).eps and largest the largest magnitude in the whole matrix. (The checks stay far from that edge.)

`matmul` takes batches and is differentiated; `solve` and `inverse` take one matrix in float32 or float64, and nobody asks
them for gradients. In `matmul`, PyTorch's matrix products (@, einsum and the like) are switched off. In the other two @
is yours again, and what is switched off there are PyTorch's and NumPy's solvers, inverses and LU decompositions.
"""

import torch


def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The matrix product: entry (i, j) is the dot product of row i of a with column j of b.

    a: (..., m, k), b: (..., k, n). Returns (..., m, n). The dimensions written ... are batch dimensions and broadcast:
    (5, 1, m, k) times (3, k, n) gives (5, 3, m, n). Both have two dimensions at least. k may be 0: then the result is
    zeros. Gradients flow to a and b.
    Where a has not as many columns as b has rows, raises ValueError. That includes 1 against 7.

        matmul(tensor([[1., 2.], [0., 3.]]), tensor([[4., 0., 1.], [5., 1., 0.]]))
            -> tensor([[14.,  2.,  1.],
                       [15.,  3.,  0.]])
    """
    raise NotImplementedError


def solve(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The x for which a x = b, by Gaussian elimination with partial pivoting.

    a: (n, n), n at least 1. b: (n,) for one right side, or (n, columns) for several, each column a system of its own.
    Returns x in the shape of b.
    Partial pivoting: before a column is eliminated, the row that has the largest magnitude there, among the rows that
    are still to be treated, is exchanged with the row whose turn it is.
    The answer is checked by putting it in: a x must equal b up to rounding, even where a is nearly singular. Elimination
    below the diagonal and back substitution do that. So does making zeros above the diagonal as well, but only if each
    row is divided by its pivot before it is subtracted from others.
    Raises ValueError where a is not square, b has not n rows, or a is singular.

        solve(tensor([[2., 1.], [1., 3.]]), tensor([4., 7.]))               -> tensor([1., 2.])
        solve(tensor([[0, 2], [4, 1]]), tensor([[6, 2], [7, 1]]))           -> tensor([[1., 0.],
                                                                                       [3., 1.]])
        solve(tensor([[1., 2.], [2., 4.]]), tensor([3., 6.]))               -> ValueError: singular
    """
    raise NotImplementedError


def inverse(a: torch.Tensor) -> torch.Tensor:
    """The matrix that undoes a: a times it is the identity, and so is it times a.

    a: (n, n), n at least 1. Returns (n, n). It may use what you have built above.
    Raises ValueError where a is not square or is singular.

        inverse(tensor([[2., 1.], [4., 4.]]))       -> tensor([[ 1.0000, -0.2500],
                                                              [-1.0000,  0.5000]])
        inverse(tensor([[0, 2], [4, 1]]))           -> tensor([[-0.1250,  0.2500],
                                                              [ 0.5000,  0.0000]])
    """
    raise NotImplementedError
