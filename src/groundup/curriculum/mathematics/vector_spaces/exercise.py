"""Subspaces: an orthonormal basis, the rank, the null space.

Three functions. The conventions hold for all of them:

- The argument is one matrix of shape (m, n): m rows, each a vector of n entries. m and n may be 0. Anything with other
  than two dimensions raises a ValueError whose message holds the shape.
- Entries are real and finite, in float32 or float64; the squares of all lengths fit into the dtype. Whole numbers are taken
  as torch.get_default_dtype(), which is float32.
- Bases stand in rows. Results have the dtype of the argument. Nobody asks for gradients. The argument is not changed.
- Whether a row is a mixture of others is decided by comparing lengths with each other, never with a fixed number: a
  million times the matrix has the same rank. The checks stay far from the edge of every tolerance.

PyTorch's and NumPy's QR and singular value decompositions and their rank functions are switched off here; eigenvalues are not.
"""

import torch


def gram_schmidt(vectors: torch.Tensor) -> torch.Tensor:
    """Orthonormal rows that span what the rows of vectors span: each of length 1, any two with the dot product 0.

    vectors: (m, n). Returns (r, n), with r the number of rows that are no mixture of the rows before them.
    Row by row, in order: what the rows found so far can mix is subtracted, and the rest is brought to length 1. Its sign
    stays, so that each row found has a positive dot product with the row that it was made from.
    A row of which no more than 1e-5 of its length is left is a mixture of those before it and is skipped, without leaving
    a row of zeros. So is a row of zeros. Later rows are treated all the same.
    The rows returned are orthogonal up to rounding (dot products of about 1e-7 in float32, 1e-16 in float64), even where
    only a thousandth of a vector was left. Subtracting once does not reach that; subtracting twice does.

        gram_schmidt(tensor([[3., 4.], [6., 8.], [5., 0.]]))      -> tensor([[ 0.6000,  0.8000],
                                                                            [ 0.8000, -0.6000]])
        gram_schmidt(tensor([[0, 2, 0], [1, 1, 0]]))              -> tensor([[0., 1., 0.],
                                                                            [1., 0., 0.]])
    """
    raise NotImplementedError


def rank(a: torch.Tensor, tolerance: float = 1e-6) -> int:
    """How many rows of a are no mixture of the rows before them. As many columns are no mixture of the columns before them.

    a: (m, n); tolerance: a share, from 1e-10 (float64) to 0.1. Returns a Python integer.
    Exactly: the number of singular values of a (a later topic) above tolerance times the largest. Nobody has to compute
    those. Two simpler ways decide alike where the edge is far:
    Gram-Schmidt that always goes on with the longest of what is left of the rows, until that is no longer than tolerance
    times the longest row; or elimination that always takes the largest entry left anywhere as its pivot, until that is no
    larger than tolerance times the largest entry. The rank is the number of steps.

        rank(tensor([[1., 2.], [2., 4.]]))                      -> 1
        rank(tensor([[1, 0, 2], [0, 1, 1], [1, 1, 3]]))         -> 2
        rank(tensor([[1., 0.], [0., 0.01]]), tolerance=0.1)     -> 1
    """
    raise NotImplementedError


def null_space(a: torch.Tensor, tolerance: float = 1e-6) -> torch.Tensor:
    """An orthonormal basis of all x with a x = 0, as rows.

    a: (m, n), tolerance: as in rank. Returns (n - rank, n): each row is orthogonal to every row of a up to tolerance,
    has length 1, and is orthogonal to the other rows returned. Which of the many such bases comes back does not matter.
    Where only the zero vector is taken to zero, returns a tensor of shape (0, n).

        null_space(tensor([[1., 2.], [2., 4.]]))        -> tensor([[-0.8944,  0.4472]])    or its negative
        null_space(tensor([[1., 0.], [0., 5.]]))        -> tensor([], size=(0, 2))
    """
    raise NotImplementedError
