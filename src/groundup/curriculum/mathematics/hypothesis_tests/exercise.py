"""Tests of hypotheses: how surprising would this difference be, if there were none?

Three functions, each a few lines of PyTorch. Tensors are float32 or float64, need not be contiguous, and are not changed.
"""


def t_statistic(a, b):
    """Welch's t statistic: the difference of the two means, divided by its standard error.

    The standard error is the root of the sum, over both groups, of the variance (with divisor n - 1) over the number of samples; the
    variances are not assumed to be equal, nor the numbers.

    a: (..., n), b: (..., m): samples along the last dimension. The dimensions written ... are batch dimensions and broadcast.
    Returns (...), in their dtype: positive where the mean of a is larger. Where no sample varies it is infinite with that sign, or NaN
    if the means are equal, too. Digits must not be lost where the means are large beside the spread, such as a million beside 1.
    Raises a ValueError with both shapes in its message where n or m is below 2.

        t_statistic(tensor([4.0, 6.0, 8.0]), tensor([1.0, 3.0]))        -> tensor(2.6186)       # 4 / sqrt(4/3 + 2/2)
    """
    raise NotImplementedError


def permutation_p_value(a, b, n, generator):
    """A p-value for the difference of two means, by handing out the group labels anew, n times at random.

    a: (n_a,), b: (n_b,): the samples of the two groups, at least one each. n: how often, at least 1. generator: a torch.Generator, from
    which all randomness comes: one state gives one result, and the global random state is not touched.

    All samples are put together and divided at random into groups of the same sizes as before. k is how many of the n divisions had a
    difference of means at least as large as the actual one, regardless of its sign (the test is two-sided). Equally large counts,
    and what would be equal if there were no rounding is equal.
    Returns (k + 1) / (n + 1), a Python float: the actual division counts as one of them, so the result is never 0.

        permutation_p_value(tensor([1.0, 1.0]), tensor([1.0, 1.0, 1.0]), 99, generator)      -> 1.0
        a, b = tensor([0.0, 1.0, 2.0]), tensor([7.0, 8.0, 9.0])
        permutation_p_value(a, b, 9999, generator)         -> near 0.1, as 2 of the 20 divisions are as extreme
    """
    raise NotImplementedError


def holm_bonferroni(p_values, alpha=0.05):
    """Which of several hypotheses are rejected, by Holm's procedure: the chance that any true one is among them is at most alpha.

    p_values: (m,), m may be 0. Returns a bool tensor (m,) in the same order: True = rejected.

    Go through them from the smallest on. The smallest is rejected if it is at most alpha / m, the next if it is at most
    alpha / (m - 1), and so on; the first that is not ends it, and nothing larger is rejected.

        holm_bonferroni(tensor([0.04, 0.01, 0.30, 0.02]))           -> tensor([False,  True, False, False])
        holm_bonferroni(tensor([0.04, 0.01, 0.30, 0.015]))          -> tensor([False,  True, False,  True])
    """
    raise NotImplementedError
