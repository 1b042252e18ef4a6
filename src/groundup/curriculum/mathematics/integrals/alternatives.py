"""Right answers in other styles: all of them must pass."""

import numpy as np
import torch

from groundup.authoring import replaces

TWO = torch.float64


def _parts(n):
    if n % 2 == 1 or n <= 0:
        raise ValueError("an even number of parts is needed")


def _box(low, high, n):
    if tuple(low.shape) != tuple(high.shape) or n <= 0:
        raise ValueError(f"{tuple(low.shape)}, {tuple(high.shape)}, {n} points")


# ── simpson ──


@replaces("simpson")
def by_a_loop_over_pairs(f, a, b, n):
    """One parabola after another, with Python floats; only f sees tensors."""
    _parts(n)
    a, b = float(a), float(b)
    h, total = (b - a) / n, 0.0

    def at(k):
        return f(torch.tensor(a + k * h, dtype=TWO)).item()

    for k in range(0, n, 2):
        total += h / 3 * (at(k) + 4 * at(k + 1) + at(k + 2))
    return total


@replaces("simpson")
def by_a_vector_of_weights(f, a, b, n):
    _parts(n)
    weights = torch.ones(n + 1, dtype=TWO)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    x = torch.linspace(float(a), float(b), n + 1, dtype=TWO)
    return torch.dot(weights, f(x)) * (float(b) - float(a)) / n / 3


@replaces("simpson")
def by_trapezoids_extrapolated(f, a, b, n):
    """Trapezoids with n parts and with half as many: four times the first less the second, by three."""
    _parts(n)
    x = torch.linspace(float(a), float(b), n + 1, dtype=torch.float64)
    y = f(x)
    return (4 * torch.trapezoid(y, x) - torch.trapezoid(y[::2], x[::2])) / 3


@replaces("simpson")
def by_windows_of_three(f, a, b, n):
    _parts(n)
    a, b = torch.as_tensor(a, dtype=TWO), torch.as_tensor(b, dtype=TWO)
    step = (b - a) / n
    triples = f(torch.arange(n + 1) * step + a).unfold(0, 3, 2)
    return (triples @ torch.tensor([1.0, 4.0, 1.0], dtype=TWO)).sum() * step / 3


@replaces("simpson")
def by_numpy(f, a, b, n):
    """NumPy for everything but f."""
    _parts(n)
    x, h = np.linspace(float(a), float(b), n + 1, retstep=True)
    y = f(torch.from_numpy(x)).numpy()
    return float(h / 3 * (y[0] + y[-1] + 4 * np.sum(y[1:-1:2]) + 2 * np.sum(y[2:-1:2])))


# ── monte_carlo_integral ──


@replaces("monte_carlo_integral")
def by_a_loop_over_points(f, low, high, n, generator):
    """One point after another, in parts of one."""
    _box(low, high, n)
    low, high = low.double(), high.double()
    volume, total = torch.prod(high - low).item(), 0.0
    for start in range(0, n, 500):
        points = torch.rand((min(500, n - start), low.shape[0]), generator=generator, dtype=TWO)
        total += f(points * (high - low) + low).sum().item()
    return total * volume / n


@replaces("monte_carlo_integral")
def by_one_column_at_a_time(f, low, high, n, generator):
    """Each entry is drawn by torch.Tensor.uniform_ between its own bounds."""
    _box(low, high, n)
    volume, columns = 1.0, []
    for least, most in zip(low.tolist(), high.tolist()):
        column = torch.empty(n, dtype=TWO)
        columns.append(column.uniform_(least, most, generator=generator) if most > least else column.fill_(least))
        volume *= most - least
    return volume * torch.mean(f(torch.stack(columns, dim=1)))


@replaces("monte_carlo_integral")
def by_mixing_the_corners(f, low, high, n, generator):
    """A point is a mixture of both corners, entry by entry; f is asked twice."""
    _box(low, high, n)
    share = torch.rand(n, low.numel(), generator=generator).to(TWO)
    points = torch.lerp(low.to(TWO).expand_as(share), high.to(TWO).expand_as(share), share)
    values = torch.cat([f(points[: n // 2]), f(points[n // 2 :])]) if n > 1 else f(points)
    return values.mean() * (high.to(TWO) - low.to(TWO)).prod()


@replaces("monte_carlo_integral")
def by_numpys_random_numbers(f, low, high, n, generator):
    """A seed for NumPy is drawn from the generator."""
    _box(low, high, n)
    seed = int(torch.randint(2**62, (1,), generator=generator))
    least, most = low.double().numpy(), high.double().numpy()
    points = np.random.default_rng(seed).uniform(least, most, size=(n, len(least)))
    return float(np.prod(most - least) * f(torch.from_numpy(points)).numpy().mean())
