"""Layer norm, RMS norm, and the two places of a norm around a residual connection.

Four functions, each a few lines of PyTorch. The conventions hold for all of them:

- x has shape (..., dim): one vector of dim numbers for each position of each text. There may be no dimension before the
  last, one or several. Each vector is normalized by itself, with numbers taken from its own dim entries and no others.
- weight and bias have shape (dim,) and the dtype of x.
- Any floating dtype: float64, float32, bfloat16, float16. The result has the dtype of x. In bfloat16 and float16 the
  statistics are computed in float32: the square of 300 is more than float16 can hold.
- Tensors need not be contiguous. Inputs are not changed. Gradients flow through to everything that is given, and through
  mean, variance and root mean square as well, because these depend on x.

PyTorch's own normalization functions and layers (torch.nn.functional.layer_norm, rms_norm, group_norm, batch_norm and
instance_norm, torch.nn.LayerNorm, RMSNorm and their like) are switched off here. mean, var, sqrt and rsqrt are not.
"""


def layer_norm(x, weight, bias, eps=1e-5):
    """Each vector brought to mean 0 and variance 1, then multiplied by weight and shifted by bias, entry by entry.

    x: (..., dim), weight: (dim,), bias: (dim,) or None (no shift). Returns (..., dim).
    The variance is the mean of the squared distances from the mean: a sum divided by dim, not by dim - 1. eps is added to
    the variance, under the square root. So a vector of equal entries gives the bias, and nothing is divided by zero; this
    includes dim = 1. Entries near 10 000 that differ by little are normalized as exactly as their rounding allows.

        x = tensor([[2., 4., 4., 6.]])                              # mean 4, variance 2
        layer_norm(x, ones(4), zeros(4))                            -> tensor([[-1.4142, 0.0000, 0.0000, 1.4142]])
        layer_norm(x, tensor([1., 1., 1., 2.]), tensor([0., 5., 0., 1.]))
                                                                    -> tensor([[-1.4142, 5.0000, 0.0000, 3.8284]])
    """
    raise NotImplementedError


def rms_norm(x, weight, eps=1e-5):
    """Each vector divided by the root of the mean of its squares, then multiplied by weight, entry by entry.

    x: (..., dim), weight: (dim,). Returns (..., dim). No mean is subtracted and there is no bias.
    eps is added to the mean of the squares, under the square root; a vector of zeros gives zeros.

        x = tensor([[1., -7., 5., 5.]])                             # mean of squares 25
        rms_norm(x, ones(4))                                        -> tensor([[ 0.2000, -1.4000,  1.0000,  1.0000]])
        rms_norm(x, tensor([5., 5., 5., 10.]))                      -> tensor([[ 1.0000, -7.0000,  5.0000, 10.0000]])
    """
    raise NotImplementedError


def pre_norm(x, norm, sublayer):
    """A residual connection with the norm on the branch: the sublayer is given the normalized x, and what it returns is
    added to x as it came.

    x: (..., dim); norm and sublayer: functions (or modules) that take one tensor (..., dim) and return one of that shape.
    Returns (..., dim), a new tensor: neither x nor what norm and sublayer return is written into.
    norm and sublayer are called once each: a sublayer may drop entries at random, or write to a cache.

        x = tensor([1., 2.])
        pre_norm(x, lambda y: 10 * y, lambda y: y + 1)              -> tensor([12., 23.])
    """
    raise NotImplementedError


def post_norm(x, norm, sublayer):
    """A residual connection with the norm on the sum: what the sublayer makes of x is added to x, and the sum is normalized.

    As pre_norm otherwise: norm and sublayer take and return (..., dim), are called once each, and nothing that was given or
    returned is written into.

        x = tensor([1., 2.])
        post_norm(x, lambda y: 10 * y, lambda y: y + 1)             -> tensor([30., 50.])
    """
    raise NotImplementedError
