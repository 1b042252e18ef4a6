"""Right answers in other styles."""

import math

import numpy as np
import torch

from groundup.authoring import replaces

# ── beta_posterior ──


def _above(bound, *numbers, equal=False):
    for one in numbers:
        low = np.asarray(one).min()
        if low < bound or (low == bound and not equal):
            raise ValueError("out of bounds")


@replaces("beta_posterior")
def beta_by_sums(a, b, successes, failures):
    _above(0, a, b)
    _above(0, successes, failures, equal=True)
    return sum((a, successes)), sum((b, failures))


@replaces("beta_posterior")
def beta_in_float64(a, b, successes, failures):
    a, b, k, m = torch.broadcast_tensors(*(torch.as_tensor(one).double() for one in (a, b, successes, failures)))
    if min(a.min(), b.min()) <= 0 or min(k.min(), m.min()) < 0:
        raise ValueError("out of bounds")
    return a + k, b + m


@replaces("beta_posterior")
def beta_from_the_total(a, b, successes, failures):
    """Prior and data each as a total and a part of it."""
    _above(0, a, b)
    _above(0, successes, failures, equal=True)
    total = a + b + successes + failures
    part = a + successes
    return [part, total - part]


# ── normal_posterior ──


@replaces("normal_posterior")
def mean_one_observation_after_the_other(prior_mean, prior_std, x, noise_std):
    """The gain of a Kalman filter, one observation at a time; from the first one on where the prior is flat."""
    noise = torch.as_tensor(noise_std, dtype=x.dtype) ** 2
    variance = torch.as_tensor(prior_std, dtype=x.dtype) ** 2
    mean = torch.zeros(x.shape[:-1], dtype=x.dtype) + prior_mean
    for one in x.unbind(-1):
        gain = torch.where(torch.isinf(variance), 1.0, variance / (variance + noise))
        mean = mean + gain * (one - mean)
        variance = gain * noise
    return mean, variance.sqrt()


@replaces("normal_posterior")
def mean_by_weights(prior_mean, prior_std, x, noise_std):
    """The share that the data get, between the prior's mean and theirs."""
    n = x.shape[-1]
    ratio = (noise_std / prior_std) ** 2  # so many observations is the prior worth
    share = n / (n + ratio)
    data = x.mean(-1) if n else torch.zeros(x.shape[:-1], dtype=x.dtype)
    mean = data * share + prior_mean * (1 - share)
    return mean, noise_std / (n + ratio) ** 0.5


@replaces("normal_posterior")
def mean_in_float64(prior_mean, prior_std, x, noise_std):
    m, t, s = (torch.as_tensor(one, dtype=torch.float64) for one in (prior_mean, prior_std, noise_std))
    weights = 1 / t.square(), 1 / s.square()
    total = weights[0] + x.size(-1) * weights[1]
    mean = (weights[0] * m + (weights[1].unsqueeze(-1) * x.double()).sum(-1)) / total
    return mean.to(x.dtype), total.rsqrt().to(x.dtype)


# ── metropolis_hastings ──


def _begin(log_density, x0, step):
    height = log_density(x0)
    if step <= 0 or math.isinf(height):
        raise ValueError("cannot begin")
    return float(height)


@replaces("metropolis_hastings")
def walk_drawn_step_by_step(log_density, x0, n, step, generator):
    here, height, places = x0, _begin(log_density, x0, step), []
    for _ in range(n):
        proposal = here + step * torch.randn(x0.shape, generator=generator, dtype=x0.dtype)
        level = float(log_density(proposal))
        chance = math.exp(min(0.0, level - height))
        if torch.rand((), generator=generator, dtype=torch.float64).item() < chance:
            here, height = proposal, level
        places.append(here)
    return torch.stack(places) if places else x0.new_zeros((0, *x0.shape))


@replaces("metropolis_hastings")
def walk_with_exponential_numbers(log_density, x0, n, step, generator):
    """Minus the logarithm of a uniform number is exponential. Better places need no number at all."""
    height = _begin(log_density, x0, step)
    places = torch.zeros((n + 1, *x0.shape), dtype=x0.dtype)
    places[0] = x0
    for i in range(1, n + 1):
        move = torch.normal(0.0, torch.full(x0.shape, step, dtype=x0.dtype), generator=generator)
        level = log_density(places[i - 1] + move)
        drop = height - float(level)
        if drop <= 0 or torch.empty(()).exponential_(generator=generator).item() > drop:
            height = float(level)
            places[i] = places[i - 1] + move
        else:
            places[i] = places[i - 1]
    return places[1:]


@replaces("metropolis_hastings")
def walk_in_numpy(log_density, x0, n, step, generator):
    """NumPy's own source, seeded from the generator."""
    height = _begin(log_density, x0, step)
    seed = torch.randint(2**40, (), generator=generator).item()
    source = np.random.Generator(np.random.PCG64(seed))
    here, places = x0.clone(), np.empty((n, *x0.shape))
    for i in range(n):
        proposal = here + torch.as_tensor(np.asarray(source.normal(0.0, step, tuple(x0.shape)))).to(x0.dtype)
        level = float(log_density(proposal))
        if np.log1p(-source.random()) < level - height:
            here, height = proposal, level
        places[i] = here.numpy()
    return torch.from_numpy(places).to(x0.dtype)
