"""Determinants: triangles, volumes, solvability, and the inverse by determinants.

Four functions. The conventions hold for all of them:

- Entries are real and finite, in float32 or float64; whole numbers are taken as torch.get_default_dtype(), which is
  float32. Results have the dtype of a. Nobody asks for gradients. Arguments are not changed.
- A square matrix has the shape (n, n). Shapes that do not fit (other than two dimensions included) raise a ValueError
  whose message holds the shapes that were given.
- The checks stay far from every edge: between singular and not, and between solvable and not.

You may use in one of them what you have built in another. PyTorch's and NumPy's determinants, LU decompositions, solvers,
inverses, ranks, QR and singular value decompositions are switched off.
"""

import torch


def lu_decompose(a: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Elimination with partial pivoting, written down as three factors: a = p @ l @ u.

    a: (n, n), n at least 1. Returns (p, l, u), three tensors of shape (n, n):
    p has the rows of the identity in another order; l is lower triangular, has ones on its diagonal and the factors of the
    elimination below; u is upper triangular, what elimination leaves. Zeros are exact.
    Partial pivoting: before a column is eliminated, the row with the largest magnitude there, from the current row down,
    is exchanged with the current one. So no magnitude in l is above 1. Where several are largest, any of them will do.
    A singular matrix has such factors, too: where a whole column is zero already, there is nothing to eliminate.

        lu_decompose(tensor([[1., 3.], [2., 1.]]))      -> (tensor([[0., 1.], [1., 0.]]),
                                                            tensor([[1.0, 0.0], [0.5, 1.0]]),
                                                            tensor([[2.0, 1.0], [0.0, 2.5]]))
    """
    raise NotImplementedError


def determinant(a: torch.Tensor) -> torch.Tensor:
    """The factor by which the map a changes areas, volumes and so on; negative where it turns space over.

    a: (n, n), n at least 0. Returns one number, as a tensor without dimensions. The determinant of the (0, 0) matrix is 1.
    It fits into the dtype. Up to n = 12 is asked: a sum over all permutations would not end.
    Exact is what is asked up to rounding: of a matrix of whole numbers comes a number near a whole number.

        determinant(tensor([[1., 3.], [2., 1.]]))       -> tensor(-5.)
        determinant(tensor([[1, 2], [2, 4]]))           -> tensor(0.)
    """
    raise NotImplementedError


def is_solvable(a: torch.Tensor, b: torch.Tensor, tolerance: float = 1e-6) -> bool:
    """Whether there is an x, one or many, with a x = b.

    a: (m, n), not square in general; b: (m,). m and n may be 0. Returns True or False. Raises ValueError where b has not
    one entry for each row of a, and no other dimension.
    The tolerance is a share, from 1e-10 (float64) to 0.1. When no entry that is left of a is above tolerance times the
    largest magnitude of a, elimination is over: what is left counts as zero. The system is solvable where then no entry
    that is left of b, in the equations without unknowns, is above tolerance times the largest magnitude of b. (Best is to
    take the largest entry left anywhere as the pivot. Lengths instead of magnitudes will do as well.) So multiplying a
    or b by a number other than 0 does not change the answer. With b = 0, x = 0 is a solution.

        a = tensor([[1., 2.], [2., 4.]])
        is_solvable(a, tensor([3., 6.]))        -> True     (many solutions)
        is_solvable(a, tensor([3., 7.]))        -> False
        is_solvable(tensor([[1.], [1.], [1.]]), tensor([5, 5, 5]))      -> True
    """
    raise NotImplementedError


def adjugate_inverse(a: torch.Tensor) -> torch.Tensor:
    """The inverse by determinants only: the adjugate over the determinant.

    a: (n, n), n from 1 to 6. Returns (n, n).
    The cofactor of a place is the determinant of what is left of a without that row and that column, with a sign: plus
    where row and column number add up to an even number, else minus. The cofactors, each at its place, and then the whole
    transposed, are the adjugate. For n = 1 the only cofactor is the determinant of nothing, 1.
    Raises ValueError where a is singular: where an entry on the diagonal of u (of lu_decompose) is in magnitude not above
    100 * n * eps * largest, with eps torch.finfo(dtype).eps and largest the largest magnitude in a.
    All entries may be tiny or huge together, 1e-15 or 1e15 in float32, where products of n of them do not fit into the
    dtype: divide by the largest magnitude first, and think what that does to the inverse.

        adjugate_inverse(tensor([[2., 1.], [4., 4.]]))      -> tensor([[ 1.0000, -0.2500],
                                                                      [-1.0000,  0.5000]])
        adjugate_inverse(tensor([[5]]))                     -> tensor([[0.2000]])
    """
    raise NotImplementedError
