"""Bayesian inference: what is known of a parameter after the data, given what was known before.

Two posteriors that have a formula, and the algorithm that draws from those that have none. Tensors are float32 or float64, need not
be contiguous, and are not changed.
"""


def beta_posterior(a, b, successes, failures):
    """The posterior of a chance of success whose prior is the beta distribution Beta(a, b).

    The density of Beta(a, b) at a chance p is proportional to p ** (a - 1) * (1 - p) ** (b - 1). It is to be updated by so many
    successes and failures of independent trials, all with the same unknown chance.
    All four are numbers, or tensors that broadcast. a and b are above 0 and need not be whole; successes and failures are at least 0.
    Returns the two parameters of the posterior, again a beta distribution: (a, b). Numbers or tensors, of whatever dtype
    comes of it.
    Raises a ValueError if any a or b is not above 0, or any number of successes or failures is below 0.

        beta_posterior(1, 1, 7, 3)                 -> (8, 4)
        beta_posterior(0.5, 2.0, tensor([0, 4]), tensor([9, 0]))     -> (tensor([0.5, 4.5]), tensor([11., 2.]))
    """
    raise NotImplementedError


def normal_posterior(prior_mean, prior_std, x, noise_std):
    """The posterior of an unknown mean: normal prior, and observations with normal noise of a known size around the mean.

    x: (..., n), n independent observations along the last dimension, all of the same unknown mean; each row has a mean of its own. n may
    be 0: then nothing has been learned.
    prior_mean, prior_std: mean and standard deviation of the prior; noise_std: the standard deviation of one observation around
    the unknown mean. Numbers, or tensors that broadcast with (...). Both deviations are above 0. prior_std may be math.inf, a
    prior that says nothing (not together with n = 0).
    Returns (mean, std) of the posterior of the unknown mean: mean is a tensor (...) in the dtype of x; std is a tensor of that
    shape, or of that of the deviations, or a number if prior_std and noise_std are numbers. It is not the spread of the next observation.

        normal_posterior(30.0, 5.0, tensor([40.0, 42.0, 38.0, 40.0]), 10.0)      -> (tensor(35.), 3.5355)
        # as much weight for the prior as for four observations: 10 / sqrt(4) is 5, too
        normal_posterior(30.0, math.inf, tensor([40.0, 44.0]), 10.0)             -> (tensor(42.), 7.0711)
    """
    raise NotImplementedError


def metropolis_hastings(log_density, x0, n, step, generator):
    """A random walk that visits each region as often as a density says, by the algorithm of Metropolis.

    log_density: a function. It takes a tensor of the shape and dtype of x0 and returns one number, a float or a 0-d tensor: the
    logarithm of a density, up to a constant that nobody knows, so that it may be -100000 or 100000 everywhere. -inf means
    impossible. Call it once at x0 and once for each proposal, never twice for the same place: it is what costs.
    x0: where the walk begins, a floating-point tensor of any shape (...), () included.
    n: how many proposals, at least 0. step: the standard deviation of a move, a number. generator: a torch.Generator.

    For each of n proposals: add independent normal numbers with mean 0 and standard deviation `step` to all entries of the present place.
    The walk goes there with probability min(1, density there / density here), all entries together; otherwise it stays where it is.
    A proposal with -inf is never accepted.
    Returns a tensor (n, ...) in the dtype of x0: where the walk is after each proposal. Where a proposal was refused, the place before it
    stands there once more. x0 itself does not come first, and nothing is thrown away.
    All chance comes from the generator: one state of it gives one result, and the global random state is not touched.
    Raises a ValueError if log_density(x0) is -inf, and if step is not above 0.

        generator = torch.Generator().manual_seed(0)
        draws = metropolis_hastings(lambda x: -0.5 * x**2, torch.tensor(0.0), 5000, 2.4, generator)
        draws.shape, draws.mean(), draws.std()         -> (5000,), near 0, near 1
    """
    raise NotImplementedError
