"""Random variables step by step. The stack's own running sums are one call of PyTorch's, which is switched off here."""

import math

import torch


def cumulative(pmf):
    so_far = torch.zeros_like(pmf[..., 0], dtype=torch.float64)
    sums = []
    for probability in pmf.unbind(dim=-1):
        so_far = so_far + probability
        sums.append(so_far)
    return torch.stack(sums, dim=-1).to(pmf.dtype)


def sample_inverse(cdf, values, n, generator):
    if cdf.shape != values.shape:
        raise ValueError(f"one value for each step: got shapes {tuple(cdf.shape)} and {tuple(values.shape)}")
    # Exactly 1 at the end, above every uniform number, however the sum was rounded.
    steps = cdf.double() / cdf[-1].double()
    uniform = torch.rand(n, generator=generator, dtype=torch.float64)
    return values[torch.searchsorted(steps, uniform, right=True)]


def density_to_probability(pdf, a, b, n=1000):
    if b < a or n < 1:
        raise ValueError(f"no parts of an interval: from {a} to {b}, {n} of them")
    x, width = _places((torch.arange(n, dtype=torch.float64) + 0.5) / n, a, b)
    heights = pdf(x)
    if (heights < 0).any():
        raise ValueError("a density is nowhere negative")
    return (heights * width).mean()


def _places(t, a, b):
    """Where t, between 0 and 1, goes between a and b; and by how much it is stretched there."""
    if math.isfinite(a) and math.isfinite(b):
        return a + (b - a) * t, b - a
    if math.isfinite(a):
        return a + t / (1 - t), 1 / (1 - t) ** 2
    if math.isfinite(b):
        return b - t / (1 - t), 1 / (1 - t) ** 2
    s = 2 * t - 1
    return s / (1 - s**2), 2 * (1 + s**2) / (1 - s**2) ** 2
