"""Both intervals in plain PyTorch. The stack's own takes its area from another topic."""

import math

import torch


def mean_interval(x, level=0.95):
    n = x.shape[-1]
    if n < 2:
        raise ValueError(f"two samples at least have a spread: got shape {tuple(x.shape)}")
    _require_level(level)
    reach = _student_quantile(n - 1, level) * x.std(dim=-1) / math.sqrt(n)
    middle = x.mean(dim=-1)
    return middle - reach, middle + reach


def bootstrap_interval(x, statistic, level, n, generator):
    if len(x) < 1 or n < 1:
        raise ValueError(f"no rows or no resamples: got shape {tuple(x.shape)} and n = {n}")
    _require_level(level)
    found = []
    for _ in range(n):
        rows = torch.randint(len(x), (len(x),), generator=generator)
        found.append(torch.as_tensor(statistic(x[rows]), dtype=torch.float64))
    tails = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = torch.quantile(torch.stack(found), tails, dim=0)
    return low, high


def _student_quantile(freedom, level):
    """Halve an interval of angles that holds the right one: with t = sqrt(freedom) tan(angle) the range is bounded."""
    log_height = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(math.pi) / 2
    middles = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    low, high = 0.0, math.pi / 2
    for _ in range(50):
        angle = (low + high) / 2
        # The density of the angle is a power of its cosine; twice, for both sides.
        area = 2 * math.exp(log_height) * angle * ((angle * middles).cos() ** (freedom - 1)).mean()
        low, high = (angle, high) if area < level else (low, angle)
    return math.sqrt(freedom) * math.tan(angle)


def _require_level(level):
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, not {level}")
