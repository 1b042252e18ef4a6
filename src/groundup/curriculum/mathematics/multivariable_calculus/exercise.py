"""Functions of many variables: all their slopes (the Jacobian) and all their bends (the Hessian).

Two functions, each a few lines. The conventions hold for both:

- x is a tensor of any shape (*ins): a vector, a matrix, even a single number. It may have any real dtype and need not be
  contiguous. Turn it into float64 first, and compute everything in float64.
- f is a smooth function that takes a float64 tensor of the shape of x, one x at a time, no batches. It returns a float64
  tensor. Like any function it may return x itself, or a view of it.
- Derivatives are measured with central differences. You may call what you built in earlier topics, or write it again.
- Tensors that were passed in are not changed, and are as they were while f is running: f may use x itself.

PyTorch's own differentiation is switched off here: it is exact, and it is the subject of a later topic.
"""


def jacobian(f, x):
    """The slopes of every entry of f in the direction of every entry of x.

    x: (*ins); f returns (*outs), any shape, () as well. Returns a float64 tensor (*outs, *ins): its entry at [i…, j…] says how
    much entry i… of f rises if entry j… of x alone grows, for each unit of the way. For vectors that is a matrix with a row for
    each entry of f and a column for each entry of x. (x has at least one entry.)
    Six digits are asked for, beside the largest entry: steps of about 1e-4, on both sides, give them.

        f = lambda x: torch.stack([x[0] * x[1], x[0] ** 2, 3 * x[1]])
        jacobian(f, torch.tensor([2., 5.]))               -> tensor([[5., 2.], [4., 0.], [0., 3.]], dtype=torch.float64)
        jacobian(lambda x: (x**2).sum(), torch.tensor([1, 2]))      -> tensor([2., 4.], dtype=torch.float64)
        jacobian(lambda w: w @ w.T, torch.ones(2, 3)).shape         -> torch.Size([2, 2, 2, 3])
    """
    raise NotImplementedError


def hessian(f, x):
    """The second derivatives of f by every two entries of x: how much each slope changes as each entry grows.

    x: (*ins), at least one entry; f returns one number, as a 0-d tensor. Returns a float64 tensor (*ins, *ins); for a vector that
    is a square matrix. It is symmetric, up to its error.
    Four digits are asked for, beside the largest entry. f may be a hundred times as large as its second derivatives:
    steps from 1e-4 to 1e-3 give four digits then.

        f = lambda x: x[0] ** 2 * x[1]
        hessian(f, torch.tensor([3., 5.]))                -> tensor([[10., 6.], [6., 0.]], dtype=torch.float64)
        hessian(lambda x: x**4, torch.tensor(2))          -> tensor(48., dtype=torch.float64)
        hessian(lambda w: (w**2).sum(), torch.ones(2, 3)).shape     -> torch.Size([2, 3, 2, 3])
    """
    raise NotImplementedError
