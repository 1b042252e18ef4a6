"""Right answers in other styles: all of them must pass."""

import math
import random

import numpy as np
import torch

from groundup.authoring import replaces

TWO = torch.float64

# ── mean_interval ──


def _check(x, level):
    if x.dim() < 1 or x.size(-1) < 2:
        raise ValueError(f"too few samples: {tuple(x.shape)}")
    if level <= 0 or level >= 1:
        raise ValueError("no such level")


def _log_height(freedom):
    return math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)


def _area(t, freedom, parts=2000):
    """Between -t and t, by Simpson's rule over the logarithm of 1 + u, so that far tails have few places."""
    v = torch.linspace(0, math.log1p(t), parts + 1, dtype=TWO)
    u = v.expm1()
    y = torch.exp(_log_height(freedom) - (freedom + 1) / 2 * torch.log1p(u * u / freedom)) * (1 + u)
    return 2 * (y[0] + 4 * y[1::2].sum() + 2 * y[2:-1:2].sum() + y[-1]).item() * math.log1p(t) / parts / 3


@replaces("mean_interval")
def by_doubling_and_halving(x, level=0.95):
    _check(x, level)
    freedom, high = x.shape[-1] - 1, 1.0
    while _area(high, freedom) < level:
        high *= 2
    low = 0.0
    for _ in range(40):
        t = (low + high) / 2
        if _area(t, freedom) < level:
            low = t
        else:
            high = t
    reach = t * x.std(dim=-1) / x.shape[-1] ** 0.5
    return x.mean(-1) - reach, x.mean(-1) + reach


@replaces("mean_interval")
def by_newtons_steps(x, level=0.95):
    """From 0 on; the area is concave in t, so that no step goes too far."""
    _check(x, level)
    n, t = x.shape[-1], 0.0
    for _ in range(60):
        height = 2 * math.exp(_log_height(n - 1) - n / 2 * math.log1p(t * t / (n - 1)))
        step = (level - _area(t, n - 1)) / height
        t += step
        if abs(step) < 1e-9 * (1 + t):
            break
    wide = x.double()
    middle = wide.mean(-1, keepdim=True)
    error = ((wide - middle).square().sum(-1) / (n * (n - 1))).sqrt()
    return (middle.squeeze(-1) - t * error).to(x.dtype), (middle.squeeze(-1) + t * error).to(x.dtype)


@replaces("mean_interval")
def by_a_table_of_angles(x, level=0.95):
    """The cumulative distribution of the angle in a table, and the place of the level between two entries; a loop over rows."""
    _check(x, level)
    freedom = x.shape[-1] - 1
    farthest = min(math.pi / 2, 12 / math.sqrt(freedom))
    angles = torch.linspace(0, farthest, 40_001, dtype=TWO)
    density = angles.cos().clamp(min=0) ** (freedom - 1)
    areas = torch.cat([torch.zeros(1, dtype=TWO), torch.cumulative_trapezoid(density, angles)])
    t = math.sqrt(freedom) * math.tan(float(np.interp(level, (areas / areas[-1]).numpy(), angles.numpy())))
    rows = x.reshape(-1, x.shape[-1])
    ends = []
    for row in rows:
        reach = t * (row.var() / len(row)).sqrt()
        ends.append(torch.stack([row.mean() - reach, row.mean() + reach]))
    low, high = torch.stack(ends, dim=1)
    return low.reshape(x.shape[:-1]), high.reshape(x.shape[:-1])


# ── bootstrap_interval ──


def _need(x, level, n):
    if len(x) == 0 or n <= 0:
        raise ValueError("nothing to draw")
    if not 0.0 < level < 1.0:
        raise ValueError("no such level")


@replaces("bootstrap_interval")
def all_rows_at_once(x, statistic, level, n, generator):
    """The places of all resamples in one table."""
    _need(x, level, n)
    rows = torch.randint(0, len(x), (n, len(x)), generator=generator)
    found = torch.stack([torch.as_tensor(statistic(one), dtype=TWO) for one in x[rows]])
    return found.quantile((1 - level) / 2, dim=0), found.quantile((1 + level) / 2, dim=0)


@replaces("bootstrap_interval")
def by_uniform_numbers(x, statistic, level, n, generator):
    _need(x, level, n)
    found = []
    for _ in range(n):
        rows = (torch.rand(len(x), generator=generator, dtype=TWO) * len(x)).long()
        found.append(torch.as_tensor(statistic(x.index_select(0, rows)), dtype=TWO))
    rest = 1 - level
    return torch.stack(found).quantile(rest / 2, dim=0), torch.stack(found).quantile(1 - rest / 2, dim=0)


@replaces("bootstrap_interval")
def by_numpy_quantiles(x, statistic, level, n, generator):
    _need(x, level, n)
    m = x.shape[0]
    found = [np.asarray(statistic(x[torch.randint(m, (m,), generator=generator)])) for _ in range(n)]
    low, high = np.quantile(np.stack(found).astype(np.float64), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return torch.as_tensor(low), torch.as_tensor(high)


@replaces("bootstrap_interval")
def by_counting_places(x, statistic, level, n, generator):
    """Rows one at a time, results in a sorted list, the places by hand."""
    _need(x, level, n)
    found = []
    for _ in range(n):
        rows = [int(one) for one in torch.randint(len(x), (len(x),), generator=generator).tolist()]
        found.append(torch.as_tensor(statistic(torch.stack([x[row] for row in rows])), dtype=TWO))
    ordered = torch.stack(found).sort(dim=0)[0]

    def quantile(q):
        below = min(int(q * (n - 1)), n - 1)
        part = q * (n - 1) - below
        return ordered[below] * (1 - part) + ordered[min(below + 1, n - 1)] * part

    return quantile((1 - level) / 2), quantile((1 + level) / 2)


@replaces("bootstrap_interval")
def in_float32_as_it_comes(x, statistic, level, n, generator):
    """Python numbers become float32, and all that follows with them; rows by torch.multinomial."""
    _need(x, level, n)
    rows = torch.multinomial(torch.ones(len(x)), n * len(x), replacement=True, generator=generator).view(n, len(x))
    found = torch.stack([torch.as_tensor(statistic(x[one])).float() for one in rows]).double()
    return [torch.quantile(found, share, dim=0) for share in ((1 - level) / 2, (1 + level) / 2)]


@replaces("bootstrap_interval")
def with_pythons_dice(x, statistic, level, n, generator):
    """Another library's chance, seeded from the generator; Python numbers are returned for numbers."""
    _need(x, level, n)
    dice = random.Random(int(torch.randint(2**40, (1,), generator=generator)))
    found = [statistic(x[dice.choices(range(len(x)), k=len(x))]) for _ in range(n)]
    if isinstance(found[0], (int, float)):
        low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2]).tolist()
        return low, high
    found = torch.stack(found).double()
    return torch.quantile(found, (1 - level) / 2, dim=0), torch.quantile(found, (1 + level) / 2, dim=0)
