"""The distributions that models are made of: logarithms of densities and probabilities, and drawing from two of them.

Five functions, each a few lines of PyTorch. Conventions for the first three:

- All logarithms are natural ones. What is impossible has the logarithm -inf, never NaN.
- Arguments broadcast as everywhere in PyTorch.
- Extreme arguments are right to the digits of the dtype, as far as it can hold the result: far tails, tiny probabilities, large
  numbers of trials. (What is computed in float64 and rounded at the end is right for float32.)
- Inputs are not changed. Gradients flow through to the floating tensors (asked for only where the result is finite, and neither
  p nor rate is at the end of its range).

For the two that draw:

- generator is a torch.Generator. All randomness comes from it: one state gives one result, a second call gives other numbers,
  and PyTorch's global random state is not touched.
- n is a whole number, at least 0; the draws are independent of each other, in no particular order.
- How you get from uniform numbers (torch.rand takes a generator) to the draws is up to you. PyTorch's own ways of drawing
  from a normal or a categorical distribution are switched off, and so are its ready-made densities.
"""


def normal_log_pdf(x, mean, std):
    """The logarithm of the density of the normal distribution with this mean and standard deviation.

    x: a tensor, float32 or float64. mean, std: tensors of the same dtype, or Python numbers; std is above 0. Returns the common
    shape, in x's dtype. Values of std around 1e-25 are possible in float32, and so are values of x a thousand std away.

        normal_log_pdf(tensor([0.0, 1.0, 4.0]), 0.0, 1.0)       -> tensor([-0.9189, -1.4189, -8.9189])
        normal_log_pdf(tensor([0.0, 1.0, 4.0]), 0.0, 2.0)       -> tensor([-1.6121, -1.7371, -3.6121])
    """
    raise NotImplementedError


def binomial_log_pmf(k, n, p):
    """The logarithm of the probability of k successes in n independent trials, each of which succeeds with probability p.

    k, n: Python ints or tensors of whole numbers (int64, or floating); k may also be something impossible, such as -1, n + 1 or
    2.5. n: at least 0, up to a million. p: a tensor, float32 or float64, from 0 to 1, both included: with p = 0 no success
    is certain. Returns the common shape, in p's dtype.

        binomial_log_pmf(tensor([0, 1, 2, 3]), 3, tensor(0.5))      -> tensor([-2.0794, -0.9808, -0.9808, -2.0794])
        binomial_log_pmf(4, 3, tensor(0.5))                         -> tensor(-inf)
        binomial_log_pmf(0, 3, tensor(0.0))                         -> tensor(0.)
    """
    raise NotImplementedError


def poisson_log_pmf(k, rate):
    """The logarithm of the probability of k events where `rate` of them are expected and each comes independently of the others.

    k: a Python int, or a tensor of whole numbers (int64, or floating); it may also be something impossible, such as -1 or 2.5.
    rate: a tensor, float32 or float64, from 0 to a million: with rate 0 no event is certain. Returns the common shape, in rate's
    dtype.

        poisson_log_pmf(tensor([0, 1, 2]), tensor(2.0))     -> tensor([-2.0000, -1.3069, -1.3069])
        poisson_log_pmf(-1, tensor(2.0))                    -> tensor(-inf)
    """
    raise NotImplementedError


def sample_normal(n, generator):
    """n independent draws from the standard normal distribution: mean 0, variance 1. Returns a float32 tensor of shape (n,).

    n may be odd.
    """
    raise NotImplementedError


def sample_categorical(logits, n, generator):
    """n independent draws of a category, with replacement, each as probable as softmax(logits) says.

    logits: a tensor (c,), float32 or float64: logarithms of the probabilities, up to a constant that may be 1000 or -1000. -inf
    marks what is never drawn; at least one is finite. n may be larger or smaller than c. Returns an int64 tensor of shape (n,) with
    numbers from 0 to c - 1.
    """
    raise NotImplementedError
