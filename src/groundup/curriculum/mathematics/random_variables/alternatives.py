"""Right answers in other styles: all of them must pass."""

import math

import numpy as np
import torch

from groundup.authoring import replaces

TWO = torch.float64

# ── cumulative ──


@replaces("cumulative")
def by_a_triangle(pmf):
    """A product with a triangle of ones."""
    wide = pmf.double()
    n = pmf.shape[-1]
    return (wide @ torch.ones(n, n, dtype=TWO).triu()).to(pmf.dtype)


@replaces("cumulative")
def by_doubling_the_reach(pmf):
    """Each entry gets what stands one before it, then two, then four: as many steps as the length has bits."""
    sums, reach = pmf.to(TWO), 1
    while reach < sums.shape[-1]:
        sums = sums + torch.nn.functional.pad(sums[..., :-reach], (reach, 0))
        reach *= 2
    return sums.type_as(pmf)


@replaces("cumulative")
def by_sums_of_slices(pmf):
    return torch.stack([pmf[..., : i + 1].double().sum(-1) for i in range(pmf.shape[-1])], dim=-1).to(pmf.dtype)


@replaces("cumulative")
def into_a_copy(pmf):
    sums = pmf.double().clone()
    columns = [sums[..., 0]]
    for i in range(1, pmf.shape[-1]):
        columns.append(columns[-1] + sums[..., i])
    return torch.stack(columns, -1).to(pmf.dtype)


# ── sample_inverse ──


def _check(cdf, values):
    if tuple(cdf.shape) != tuple(values.shape):
        raise ValueError(f"cdf {tuple(cdf.shape)}, values {tuple(values.shape)}")


@replaces("sample_inverse")
def by_counting_the_steps_below(cdf, values, n, generator):
    _check(cdf, values)
    u = torch.rand(n, 1, generator=generator)
    below = (cdf.float() <= u).sum(dim=1)
    last = int((cdf < cdf[-1]).sum())
    return values[below.clamp(max=last)]


@replaces("sample_inverse")
def one_draw_at_a_time(cdf, values, n, generator):
    """A dart, and a walk up the stairs; what lies above them gets the last value that has a step."""
    _check(cdf, values)
    steps = cdf.double().tolist()
    possible = [i for i, step in enumerate(steps) if step > (steps[i - 1] if i else 0.0)]
    drawn = []
    for u in torch.rand(n, generator=generator, dtype=TWO).tolist():
        drawn.append(next((i for i in possible if u < steps[i]), possible[-1]))
    return values[torch.tensor(drawn, dtype=torch.long)]


@replaces("sample_inverse")
def by_buckets_of_a_stretched_dart(cdf, values, n, generator):
    """The dart is stretched to the height of the stairs."""
    _check(cdf, values)
    u = cdf[-1].double() * torch.rand(n, generator=generator, dtype=TWO)
    return values.take(torch.bucketize(u, cdf.double(), right=True).clamp(max=int((cdf < cdf[-1]).sum())))


@replaces("sample_inverse")
def by_numpy_from_one_minus(cdf, values, n, generator):
    """The dart is 1 less a uniform number, so above 0 and at most 1; then the edge belongs to the lower value."""
    _check(cdf, values)
    u = 1 - torch.rand(n, generator=generator, dtype=TWO).numpy()
    steps = cdf.double().numpy()
    return values[torch.from_numpy(np.searchsorted(steps / steps[-1], u, side="left"))]


@replaces("sample_inverse")
def by_racing(cdf, values, n, generator):
    """Exponential waiting times with rates as high as the steps: who comes first."""
    _check(cdf, values)
    heights = torch.diff(cdf.double(), prepend=torch.zeros(1, dtype=TWO))
    waits = -torch.log1p(-torch.rand(n, len(values), generator=generator, dtype=TWO))
    return values[(waits / heights).nan_to_num(nan=math.inf).argmin(dim=-1)]


# ── density_to_probability ──


def _places_or_error(a, b, n):
    if b < a:
        raise ValueError("b is below a")
    if n < 1:
        raise ValueError("no parts")


def _heights(pdf, x):
    found = pdf(x)
    if bool(torch.any(found < 0)):
        raise ValueError("not a density")
    return found


@replaces("density_to_probability")
def by_the_tangent(pdf, a, b, n=1000):
    """Angles instead of numbers where an end is infinite, middles everywhere."""
    _places_or_error(a, b, n)
    if math.isfinite(a) and math.isfinite(b):
        x = a + (b - a) * (torch.arange(n, dtype=TWO) + 0.5) / n
        return _heights(pdf, x).sum() * ((b - a) / n)
    low, high = math.atan(a), math.atan(b)
    angle = low + (high - low) * (torch.arange(2 * n, dtype=TWO) + 0.5) / (2 * n)
    x = torch.tan(angle)
    return (_heights(pdf, x) / torch.cos(angle).square()).mean() * (high - low)


@replaces("density_to_probability")
def by_trapezoids_and_pieces(pdf, a, b, n=1000):
    """Trapezoids where all is finite. An infinite end: cut at 0 or at the other end, half of the places on each side."""
    _places_or_error(a, b, n)
    if a == b:
        return 0.0
    if math.isinf(a) and math.isinf(b):
        return by_trapezoids_and_pieces(pdf, a, 0.0, n) + by_trapezoids_and_pieces(pdf, 0.0, b, n)
    if math.isinf(a):
        return by_trapezoids_and_pieces(lambda x: pdf(-x), -b, math.inf, n)
    if math.isinf(b):
        t = (torch.arange(n, dtype=TWO) + 0.5) / n
        return float((_heights(pdf, a + t / (1 - t)) / (1 - t) ** 2).sum() / n)
    x = torch.linspace(a, b, n + 1, dtype=TWO)
    return torch.trapezoid(_heights(pdf, x), x)


@replaces("density_to_probability")
def by_parabolas(pdf, a, b, n=1000):
    """Simpson's rule with an even number of parts, two points of Gauss in each part where an end is infinite."""
    _places_or_error(a, b, n)
    if math.isfinite(a) and math.isfinite(b):
        parts = n + n % 2
        x = torch.linspace(a, b, parts + 1, dtype=TWO)
        y = _heights(pdf, x)
        return (b - a) / parts / 3 * (y[0] + y[-1] + 4 * y[1::2].sum() + 2 * y[2:-1:2].sum())
    shift = 0.5 / math.sqrt(3)
    middles = torch.arange(n, dtype=TWO) + 0.5
    t = torch.cat([middles - shift, middles + shift]) / n
    if math.isinf(a) and math.isinf(b):
        x, stretch = torch.log(t / (1 - t)), 1 / (t * (1 - t))
        x, stretch = torch.sinh(x), stretch * torch.cosh(x)
    elif math.isinf(b):
        x, stretch = a + t / (1 - t), (1 - t) ** -2.0
    else:
        x, stretch = b + 1 - 1 / t, t**-2.0
    return (_heights(pdf, x) * stretch).mean()


@replaces("density_to_probability")
def by_a_loop(pdf, a, b, n=1000):
    """One part after another, Python floats everywhere but in the density."""
    _places_or_error(a, b, n)
    total = 0.0
    if a == b:
        return total
    # Sixteen of the parts at a time, so that the loop is not too long.
    for first in range(0, n, 16):
        t = torch.tensor([(k + 0.5) / n for k in range(first, min(first + 16, n))], dtype=TWO)
        if math.isinf(a) and math.isinf(b):
            x, stretch = t / (1 - t) - (1 - t) / t, 1 / (1 - t) ** 2 + 1 / t**2
        elif math.isinf(a) or math.isinf(b):
            far = t / (1 - t)
            x, stretch = (a + far if math.isinf(b) else b - far), (1 + far) ** 2
        else:
            x, stretch = a + t * (b - a), torch.full_like(t, b - a)
        total += float((_heights(pdf, x) * stretch).sum()) / n
    return total
