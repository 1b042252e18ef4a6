"""Bayesian inference: posteriors that have a formula, and samples from those that have none.

A conjugate prior stays in its family: the posterior of a share with a beta prior is a beta distribution, that of a mean
with a normal prior is normal where the noise is known. For everything else there is the algorithm of Metropolis: a
random walk that stays at each place as long as the density there says.

Not here: proposals that are not symmetric (Hastings's correction cancels for normal ones), tuning of the step, several
chains, thinning, burn-in; what is thrown away is the caller's choice.

Sources: Bayes (1763); Laplace (1774); Metropolis, Rosenbluth, Rosenbluth, Teller and Teller, "Equation of State
Calculations by Fast Computing Machines" (1953); Hastings, "Monte Carlo Sampling Methods Using Markov Chains and Their
Applications" (1970); Gelman and others, *Bayesian Data Analysis* (2013), sections 2.4, 2.5 and 11.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def beta_posterior(
    a: Tensor | float, b: Tensor | float, successes: Tensor | float, failures: Tensor | float
) -> tuple[Tensor | float, Tensor | float]:
    """The parameters of the beta posterior of a chance of success, whose prior is Beta(a, b).

    Numbers or tensors that broadcast; a and b above 0, successes and failures at least 0. The prior counts as a
    successes and b failures more. Returns (a, b). Raises ValueError for numbers below these bounds.
    """
    if not all((torch.as_tensor(one) > 0).all() for one in (a, b)):
        raise ValueError(f"a beta distribution needs parameters above 0: got {a} and {b}")
    if not all((torch.as_tensor(one) >= 0).all() for one in (successes, failures)):
        raise ValueError(f"numbers of successes and failures are not negative: got {successes} and {failures}")
    return a + successes, b + failures


def normal_posterior(
    prior_mean: Tensor | float, prior_std: Tensor | float, x: Tensor, noise_std: Tensor | float
) -> tuple[Tensor, Tensor]:
    """The posterior of a mean: its own mean and standard deviation, where the noise around it is normal and known.

    x: (..., n), n observations, none at all is possible; the others are numbers or tensors that broadcast with (...);
    the deviations are above 0, ``prior_std`` may be infinite (a flat prior) where there is an observation. Returns two
    tensors, mean and standard deviation: precisions, one over the squares of deviations, add up.
    """
    prior_std, noise_std = (torch.as_tensor(one, dtype=x.dtype, device=x.device) for one in (prior_std, noise_std))
    of_prior, of_each = prior_std**-2, noise_std**-2
    precision = of_prior + x.shape[-1] * of_each
    return (of_prior * prior_mean + of_each * x.sum(dim=-1)) / precision, precision**-0.5


def metropolis_hastings(
    log_density: Callable[[Tensor], Tensor | float], x0: Tensor, n: int, step: float, generator: torch.Generator
) -> Tensor:
    """n places of a random walk that visits every region as often as its density says, once it has forgotten x0.

    log_density takes a tensor of the shape and dtype of x0 and returns one number: the logarithm of a density, up to
    a constant; -inf for the impossible. It is called once at x0 and once for each proposal. x0: any shape (...),
    floating point. A proposal adds independent normal numbers of standard deviation ``step`` to all entries, and is
    accepted as a whole or not at all. Returns (n, ...): where the walk is after each proposal, so that a refused one
    repeats the place before; x0 itself is not among them. All chance comes from the generator.
    Raises ValueError where x0 is impossible, and for a step that is not above 0.
    """
    if not step > 0:
        raise ValueError(f"the step must be above 0: got {step}")
    here, height = x0, float(log_density(x0))
    if not height > -math.inf:
        raise ValueError(f"the walk cannot begin where the density is 0: log_density(x0) is {height}")
    moves = step * torch.randn(n, *x0.shape, generator=generator, dtype=x0.dtype)
    bounds = torch.rand(n, generator=generator, dtype=torch.float64).log().tolist()
    places = torch.empty_like(moves)
    for i in range(n):
        proposal = here + moves[i]
        level = float(log_density(proposal))
        if bounds[i] < level - height:
            here, height = proposal, level
        places[i] = here
    return places
