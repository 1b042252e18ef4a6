"""Confidence intervals: of a mean by Student's t, and of any statistic by resampling.

Two functions, each a few lines of PyTorch. In both:

- level is a Python number between 0 and 1, such as 0.95: in this share of all studies the interval is to hold the true value. Half
  of the rest lies on each side. Raise a ValueError where level is 0 or below, or 1 or above (95 is none).
- What is returned is a pair: the lower end, then the upper end.
- Tensors need not be contiguous, and are not changed.

Only PyTorch, NumPy and Python are needed. SciPy has both functions ready-made: they would teach you nothing here.
"""


def mean_interval(x, level=0.95):
    """The interval for the mean of the distribution that the samples were drawn from, by Student's t.

    x: (..., n), float32 or float64: independent samples along the last dimension. The dimensions written ... are batch
    dimensions; each row has an interval of its own. Returns two tensors of shape (...), in x's dtype.

    The ends are mean - t s / sqrt(n) and mean + t s / sqrt(n), where s is the standard deviation with the divisor n - 1, and t the number
    between -t and t of which a variable with Student's distribution, with n - 1 degrees of freedom, lies with probability level.
    That distribution has the density, with v for the degrees of freedom,

        f(u) = gamma((v + 1) / 2) / (sqrt(pi v) gamma(v / 2)) * (1 + u² / v) ** (-(v + 1) / 2)

    How you find t is up to you: measure the area between -t and t, and look for the t at which it is level. (math.lgamma has the
    logarithm of the gamma function, which itself overflows.) The ends have to be right to a ten-thousandth of the
    interval's width, for levels from 0.01 to 0.99 and n from 2 to some thousands. Digits must not be lost where the mean is large
    beside the spread. Where no sample varies both ends are the mean. Gradients do not matter.
    Raises a ValueError with the shape in its message where n is below 2: one sample says nothing of the spread.

        mean_interval(tensor([4.0, 6.0, 8.0]))            -> (tensor(1.0317), tensor(10.9683))       # 6 ± 4.3027 × 2 / sqrt(3)
        mean_interval(tensor([4.0, 6.0, 8.0]), 0.5)       -> (tensor(5.0572), tensor(6.9428))        # 6 ± 0.8165 × 2 / sqrt(3)
        mean_interval(tensor([4.0]))                      # ValueError: … (1,)
    """
    raise NotImplementedError


def bootstrap_interval(x, statistic, level, n, generator):
    """The interval of any statistic, by the percentile bootstrap: between two quantiles of it over n resamples.

    x: (m, ...), m at least 1, any dtype: m independent rows. What is in one row belongs together, and stays so.
    statistic: a function that takes a tensor with m rows, like x, and returns a Python number, or a floating tensor of any shape (always
    the same). n: how many resamples, at least 1. generator: a torch.Generator. All randomness comes from it: one state gives one
    result, a second call another, and PyTorch's global random state is not touched.

    A resample is m rows of x, drawn independently and with replacement, each row with the same chance 1 / m each time, in x's dtype. The
    resamples are independent of each other. statistic is called n times, once for each resample, and never on anything else.

    Returns the (1 - level) / 2 quantile and the (1 + level) / 2 quantile of the n results, entry by entry where they are tensors. With the
    results in order as number 0 to n - 1, the quantile of a share q is at place q (n - 1); between two results it is in
    proportion (this is PyTorch's and NumPy's linear quantile). The ends have the shape of a result; float64 or float32, tensors or,
    for numbers, Python floats.
    Raises a ValueError where m or n is below 1.

        x = tensor([31.0, 24.0, 40.0, 28.0, 35.0, 37.0])
        bootstrap_interval(x, torch.median, 0.9, 2000, generator)      -> such as (tensor(28.0), tensor(37.0))
        with a statistic that returns 0.0, 1.0, 2.0 … 10.0, one after another, and n = 11, level = 0.5:  (2.5, 7.5)
    """
    raise NotImplementedError
