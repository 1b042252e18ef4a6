"""Densities and masses of the common distributions as logarithms, and drawing from two of them.

Logarithms, because a density of many observations leaves every dtype. Masses are computed in float64 whatever comes
in: the logarithms of factorials are large numbers whose difference is wanted.

Drawing uses the generator that is handed over and nothing else: one state gives one result.

Not here: cumulative distributions, other ways of drawing (``random_variables``), densities of several variables.

Sources: Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958); Loader, "Fast and Accurate
Computation of Binomial Probabilities" (2000), for what cancels; Johnson, Kotz and Kemp, *Univariate Discrete
Distributions* (1992).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def normal_log_pdf(x: Tensor, mean: Tensor | float, std: Tensor | float) -> Tensor:
    """The logarithm of the normal density. All three broadcast; ``std``, the standard deviation, is above 0."""
    std = torch.as_tensor(std, dtype=x.dtype, device=x.device)
    z = (x - mean) / std
    return -0.5 * z.square() - std.log() - 0.5 * math.log(2 * math.pi)


def binomial_log_pmf(k: Tensor | int, n: Tensor | int, p: Tensor) -> Tensor:
    """The logarithm of the probability of k successes in n independent trials, each a success with probability p.

    All three broadcast; k may be anything, and is impossible (-inf) where it is not a whole number from 0 to n;
    p from 0 to 1, both included. Returns the dtype of p.
    """
    k, n, chance = _wide(k), _wide(n), p.double()
    impossible = (k < 0) | (k > n) | (k != k.floor())
    ways = torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    result: Tensor = ways + torch.xlogy(k, chance) + torch.special.xlog1py(n - k, -chance)
    return result.masked_fill(impossible, -math.inf).to(p.dtype)


def poisson_log_pmf(k: Tensor | int, rate: Tensor) -> Tensor:
    """The logarithm of the probability of k events where ``rate`` are expected, and they come independently.

    Both broadcast; k is impossible (-inf) where it is not a whole number from 0; rate is at least 0. Returns its dtype.
    """
    k, expected = _wide(k), rate.double()
    impossible = (k < 0) | (k != k.floor())
    result = torch.xlogy(k, expected) - expected - torch.lgamma(k + 1)
    return result.masked_fill(impossible, -math.inf).to(rate.dtype)


def sample_normal(n: int, generator: torch.Generator) -> Tensor:
    """n independent draws from the standard normal distribution (mean 0, variance 1), by Box and Muller's transform.

    Returns (n,) float32. Two uniform numbers make two normal ones: a random direction, and a distance whose square is
    exponential.
    """
    pairs = (n + 1) // 2
    uniform = torch.rand(2, pairs, generator=generator, dtype=torch.float64)
    # 1 - uniform is never 0, whose logarithm is infinite.
    distance = (-2 * torch.log1p(-uniform[0])).sqrt()
    angle = 2 * math.pi * uniform[1]
    return torch.cat([distance * angle.cos(), distance * angle.sin()])[:n].float()


def sample_categorical(logits: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """n independent draws of a category, each as probable as the softmax of the logits says.

    logits: (categories,), not all -inf; -inf is never drawn. Returns (n,) int64.
    """
    cumulative = torch.softmax(logits.double(), dim=0).cumsum(dim=0)
    # Exactly 1 at the end, and above every uniform number, although the sum was rounded.
    cumulative = cumulative / cumulative[-1]
    uniform = torch.rand(n, generator=generator, dtype=torch.float64)
    return torch.searchsorted(cumulative, uniform, right=True)


def _wide(number: Tensor | int) -> Tensor:
    return torch.as_tensor(number).to(torch.float64)
