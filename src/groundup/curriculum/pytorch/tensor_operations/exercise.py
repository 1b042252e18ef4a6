"""Tensor operations without loops: all distances, one-hot vectors, masked means, bilinear forms.

Four functions, each a few calls over whole tensors. The conventions hold for all of them:

- Dimensions written ... are batch dimensions: there may be none, one or several, and where two tensors have them, they
  broadcast.
- In `pairwise_distances` and `masked_mean`, whole numbers are taken as torch.get_default_dtype(), which is float32. Else
  the result has the floating dtype of the inputs, which share one; it may be bfloat16 or float16.
- Inputs are not changed and need not be contiguous. Gradients flow through where there are any, and are never NaN.

A loop over the points or the texts gives the right numbers, too, and passes with a remark if it is very slow. PyTorch's
own functions for these four are switched off; sums, comparisons, scatter, gather, einsum and @ are not.
"""

import torch


def pairwise_distances(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The Euclidean distance of every point of x from every point of y: the root of the sum of the squared differences.

    x: (..., n, d), y: (..., m, d); a row is a point. Returns (..., n, m): entry (i, j) is the distance of x[i] and y[j].
    Points may lie close together and far from the origin: at (1000.001, 1000) and (1000, 1000) their distance still comes
    out as exactly as the entries themselves allow. Equal points have the distance 0, and there the gradient is 0.
    Where the last dimensions differ, raises a ValueError with both shapes in its message. That includes 1 against 7.

        pairwise_distances(tensor([[0., 0.], [3., 4.]]), tensor([[0., 0.], [3., 0.], [0., 4.]]))
            -> tensor([[0., 3., 4.],
                       [5., 4., 3.]])
    """
    raise NotImplementedError


def one_hot(ids: torch.Tensor, classes: int) -> torch.Tensor:
    """For each id a vector of zeros with a single 1, at the place that the id names.

    ids: (...), whole numbers of any integer dtype from 0 to classes - 1. There may be more classes than that dtype can
    count, such as 300 with ids in uint8. Returns (..., classes), int64.
    An id below 0 or above classes - 1 raises ValueError.

        one_hot(tensor([2, 0]), 4)          -> tensor([[0, 0, 1, 0],
                                                       [1, 0, 0, 0]])
        one_hot(tensor(1), 3)               -> tensor([0, 1, 0])
    """
    raise NotImplementedError


def masked_mean(x: torch.Tensor, mask: torch.Tensor, dim: int) -> torch.Tensor:
    """The mean along one dimension of those entries that count: where the mask is True.

    x: any shape, at least one dimension; mask: boolean, broadcasts to the shape of x. dim: one dimension, which may be
    counted from the end. Returns the shape of x without that dimension.
    Where nothing counts, the mean is 0. An entry that does not count has no influence whatever it is: infinity, NaN, or a
    number that is too large; its gradient is 0.
    In float16 and bfloat16 a mean must come out that fits, even if the sum of the entries would not.

        x = tensor([[1., 2., 6.], [4., 5., 9.]])
        masked_mean(x, tensor([[True, True, False], [False, False, False]]), dim=1)     -> tensor([1.5000, 0.0000])
        masked_mean(x, tensor([True, False, True]), dim=0)                              -> tensor([2.5000, 0.0000, 7.5000])
        masked_mean(x, tensor([[True], [False]]), dim=-1)                               -> tensor([3., 0.])
    """
    raise NotImplementedError


def batched_bilinear(x: torch.Tensor, w: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Several numbers for each pair of vectors: the o-th is x, times the matrix w[o], times y.

    x: (..., i), w: (out, i, j), y: (..., j). Returns (..., out). The o-th number is the sum over all i and j of
    x[i] * w[o, i, j] * y[j]. The batch dimensions of x and y broadcast; w has none.
    Where the sizes i or j do not fit, raises a ValueError with all three shapes in its message. That includes 1 against 7.

        x, y = tensor([1., 2.]), tensor([1., 0., -1.])
        w = tensor([[[1., 0., 0.], [0., 0., 3.]], [[0., 0., 1.], [2., 5., 0.]]])
        batched_bilinear(x, w, y)           -> tensor([-5.,  3.])
    """
    raise NotImplementedError
