"""Variance, covariance and correlation of samples: how numbers spread, and how they vary together.

One class and two functions, each a few lines of PyTorch. Conventions that hold for all of them:

- Every divisor is n - 1, where n is the number of samples. With one sample only, nothing is known of the spread: NaN.
- Spreads must not lose their digits where the mean is large beside them: numbers around 1,000,000 with a spread of 1 are nothing
  special in float64.
- float32 or float64; results have the dtype of what came in. Tensors need not be contiguous. Inputs are not changed.

In `covariance` and `correlation`:

- x is a table of shape (..., n, d): each of n rows is a sample, each of d columns a feature. n and d are at least 1. The dimensions
  written ... are batch dimensions, none, one or several: each table of a batch has a result of its own.
- Raise a ValueError with the shape in its message where x has fewer than two dimensions.
- Gradients flow through to x (they are asked for only where no result is NaN).

PyTorch's and NumPy's own functions for these are switched off here.
"""


class RunningMoments:
    """Mean and variance of a stream of observations, of which none is kept.

    An observation is a tensor of any shape (...), which may be (), or a Python number; all of one stream have one shape. The moments are
    taken entry by entry, so that mean and variance have that shape, too. Floating observations give moments of their dtype; Python
    numbers and tensors of whole numbers count as float64. Gradients do not matter.

    What the object holds does not grow with the number of observations.

        stream = RunningMoments()
        stream.update(tensor([1.0, 10.0]))
        stream.update(tensor([2.0, 10.0]))
        stream.update(tensor([6.0, 13.0]))
        stream.mean                             -> tensor([ 3., 11.])
        stream.variance                         -> tensor([7., 3.])
    """

    def __init__(self):
        raise NotImplementedError

    def update(self, x):
        """See one more observation. What it returns does not matter.

        Raises a ValueError with both shapes in its message where x has another shape than the observations before; it then does not
        count. The caller may change x later, in place, which must not change the moments.
        """
        raise NotImplementedError

    @property
    def mean(self):
        """The mean of what was seen so far. A tensor that was handed out is not changed by later updates.

        Raises a ValueError where nothing was seen yet.
        """
        raise NotImplementedError

    @property
    def variance(self):
        """The variance of what was seen so far, with the divisor n - 1; NaN after one observation. Handed out like the mean.

        Raises a ValueError where nothing was seen yet.
        """
        raise NotImplementedError


def covariance(x):
    """The covariance matrix: for each pair of features, how they vary together around their means.

    x: (..., n, d). Returns (..., d, d), symmetric, with the variances on its diagonal. NaN throughout where n is 1.

        covariance(tensor([[1.0, 10.0], [2.0, 10.0], [6.0, 13.0]]))     -> tensor([[7.0000, 4.5000],
                                                                                   [4.5000, 3.0000]])
    """
    raise NotImplementedError


def correlation(x):
    """Pearson's correlation for each pair of features: their covariance, freed of the units of both.

    x: (..., n, d). Returns (..., d, d): numbers from -1 to 1 (up to rounding), 1 on the diagonal.
    A feature that is the same number in all samples has no correlation: NaN in all of its row and of its column, the diagonal included.
    Mind that the computed mean of equal numbers may be off in the last digit, as for 0.1 in each of eleven samples. NaN throughout where
    n is 1.
    The size of a feature does not matter: all of it may be around 1e-25, or around 1e25, in float32.

        correlation(tensor([[1.0, 10.0], [2.0, 10.0], [6.0, 13.0]]))    -> tensor([[1.0000, 0.9820],
                                                                                   [0.9820, 1.0000]])
    """
    raise NotImplementedError
