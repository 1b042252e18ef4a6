"""Vectors: dot product, length, angle and projection.

Four functions, each a few lines of PyTorch. The conventions hold for all of them:

- A tensor of shape (..., n) is a batch of vectors. The last dimension is the vector and has n entries; the dimensions
  before it, if there are any, are batch dimensions. A tensor of shape (n,) is one vector.
- Two arguments must have the same n. Their batch dimensions broadcast as everywhere in PyTorch: (5, 1, n) with (3, n)
  gives results for a batch of (5, 3).
- Where n differs, raise a ValueError with both shapes in its message. That includes a last dimension of 1 against one
  of 7, which PyTorch would stretch without a word.
- The result has the dtype of the inputs. Only in `norm`, `cosine_similarity` and `project`, integers (word counts) are
  taken as torch.get_default_dtype(), which is float32.
- Entries are real and finite. They may be huge (1e30) or tiny (1e-30) in float32, and further out in float64: where
  the lengths and the result fit into the dtype, they must come out right, even if their squares would not fit.
- n may be 0. A vector without entries has length 0, and so has the zero vector.
- Inputs are not changed, and gradients flow through to them. A gradient is never NaN, not even at a zero vector.

PyTorch's own functions for these four are switched off here; sums, products, powers, einsum and @ are not.
"""

import torch


def dot(u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The dot product of u and v: the sum of the products of their entries.

    u, v: (..., n). Returns (...), one number for each pair of vectors. int64 gives int64.

        dot(tensor([1., 2., 3.]), tensor([4., -5., 6.]))          -> tensor(12.)
        dot(tensor([[1, 0, 2], [0, 3, 0]]), tensor([2, 1, 1]))    -> tensor([4, 3])
    """
    raise NotImplementedError


def norm(v: torch.Tensor, p: float = 2.0) -> torch.Tensor:
    """The p-norm of v, its length: for p = 2 the ordinary one, which a ruler would show.

    v: (..., n). p: a number of at least 1, or infinity (float("inf") or math.inf). Returns (...).
    For p below 1 raises ValueError: what the formula gives there is no length.
    The gradient at a zero vector is zero.

        norm(tensor([3., -4.]))                  -> tensor(5.)
        norm(tensor([3., -4.]), p=1)             -> tensor(7.)
        norm(tensor([3., -4.]), p=math.inf)      -> tensor(4.)
        norm(tensor([[3, 4], [0, 0]]))           -> tensor([5., 0.])
        norm(tensor([3e30, 4e30]))               -> tensor(5.0000e+30)
    """
    raise NotImplementedError


def cosine_similarity(u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The cosine of the angle between u and v: 1 for the same direction, 0 for a right angle, -1 for the opposite one.

    u, v: (..., n). Returns (...), between -1 and 1 up to rounding. Where either vector is zero, the result is 0.

        cosine_similarity(tensor([1., 0.]), tensor([2., 2.]))     -> tensor(0.7071)
        cosine_similarity(tensor([1., 2.]), tensor([-3., -6.]))   -> tensor(-1.)
        cosine_similarity(tensor([1., 2.]), tensor([0., 0.]))     -> tensor(0.)
    """
    raise NotImplementedError


def project(u: torch.Tensor, onto: torch.Tensor) -> torch.Tensor:
    """The projection of u onto the line through `onto`: the point of that line that is nearest to u.

    u, onto: (..., n). Returns (..., n). Where `onto` is the zero vector, so is the result.
    What is left of u, u - project(u, onto), is at a right angle to `onto`.

        project(tensor([2., 3.]), tensor([5., 0.]))               -> tensor([2., 0.])
        project(tensor([3., 1.]), tensor([-1., -1.]))             -> tensor([2., 2.])
    """
    raise NotImplementedError
