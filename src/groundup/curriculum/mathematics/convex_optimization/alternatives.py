"""Right answers in other styles: all of them must pass."""

import itertools
import math

import numpy as np
import torch

from groundup.authoring import replaces

TWO = torch.float64


# ── is_midpoint_convex ──


@replaces("is_midpoint_convex")
def by_combinations(f, points):
    def agrees(x, y):
        a, b = f(x), f(y)
        return bool(f((x + y) / 2) <= (a + b) / 2 + 1e-9 * (1 + a.abs() + b.abs()))

    return all(agrees(x, y) for x, y in itertools.combinations(points.double(), 2))


@replaces("is_midpoint_convex")
def by_a_table(f, points):
    """The values in the middle of all pairs as a table, compared in one go."""
    points = points.to(TWO)
    n = len(points)
    if n < 2:
        return True
    values = torch.stack([torch.as_tensor(f(point), dtype=TWO).reshape(()) for point in points])
    first, second = torch.triu_indices(n, n, offset=1)
    middles = torch.stack([f(0.5 * (points[i] + points[j])) for i, j in zip(first, second)])
    a, b = values[first], values[second]
    return bool((middles <= 0.5 * (a + b) + 1e-9 * (1 + a.abs() + b.abs())).all())


@replaces("is_midpoint_convex")
def by_every_ordered_pair(f, points):
    """All pairs, each from both sides, in plain numbers."""
    points = points.type(TWO)
    for x in points:
        for y in points:
            if x is y:
                continue
            one, other, middle = (float(f(at)) for at in (x, y, x + (y - x) / 2))
            mean = one / 2 + other / 2
            if math.isnan(middle) or math.isnan(mean) or middle > mean + 1e-9 * (1 + abs(one) + abs(other)):
                return False
    return True


# ── newton_minimize ──


def _least(steps):
    if steps < 0:
        raise ValueError(f"{steps} steps")


@replaces("newton_minimize")
def by_inverse(grad, hess, x0, steps):
    _least(steps)
    x = x0.clone()
    for _ in range(steps):
        x = x - torch.linalg.inv(hess(x)) @ grad(x)
    return x


@replaces("newton_minimize")
def by_eigenvectors(grad, hess, x0, steps):
    """In the axes of the matrix, each component of the gradient is divided by its curvature."""
    _least(steps)
    x = x0 + 0
    for _ in range(steps):
        curvature, axes = torch.linalg.eigh(hess(x))
        x = x - axes @ ((axes.mT @ grad(x)) / curvature)
    return x


@replaces("newton_minimize")
def by_numpy(grad, hess, x0, steps):
    _least(steps)
    x = x0.clone()
    for _ in range(steps):
        move = np.linalg.solve(hess(x).detach().numpy(), -grad(x).detach().numpy())
        x = x + torch.from_numpy(move).to(x0.dtype)
    return x


@replaces("newton_minimize")
def in_place_on_a_copy(grad, hess, x0, steps):
    if steps < 0:
        raise ValueError("steps")
    x = x0.detach().clone()
    for _ in range(steps):
        slope, matrix = grad(x.clone()), hess(x.clone())
        factors, pivots = torch.linalg.lu_factor(matrix)
        x.sub_(torch.linalg.lu_solve(factors, pivots, slope.unsqueeze(-1)).squeeze(-1))
    return x


# ── project_simplex ──


def _some(v):
    if v.ndim == 0 or v.shape[-1] == 0:
        raise ValueError("nothing to share out")


@replaces("project_simplex")
def by_throwing_out(v):
    """Share out evenly, throw out who would get less than nothing, begin again with the rest (Michelot, 1986)."""
    _some(v)
    x = v.double() - v.detach().double().amax(-1, keepdim=True)
    inside = x > -1
    for _ in range(v.shape[-1]):
        kept = torch.where(inside, x, 0.0)
        threshold = (kept.sum(-1, keepdim=True) - 1) / inside.sum(-1, keepdim=True)
        inside = inside & (x > threshold)
    return torch.where(inside, x - threshold, 0.0).to(v.dtype)


@replaces("project_simplex")
def by_halving(v):
    """The threshold by halving an interval; then once more exactly, from those who stay."""
    _some(v)
    x = v.double() - v.detach().double().amax(-1, keepdim=True)
    low, high = -torch.ones_like(x[..., :1]), torch.zeros_like(x[..., :1])
    fixed = x.detach()
    for _ in range(60):
        middle = (low + high) / 2
        much = (fixed - middle).clamp_min(0).sum(-1, keepdim=True) > 1
        low, high = torch.where(much, middle, low), torch.where(much, high, middle)
    stays = fixed > high
    stays = stays | (fixed == 0)
    total = torch.where(stays, x, 0.0).sum(-1, keepdim=True)
    return torch.where(stays, x - (total - 1) / stays.sum(-1, keepdim=True), 0.0).to(v.dtype)


@replaces("project_simplex")
def by_rows(v):
    """One row at a time, with a loop that looks how many may stay."""
    _some(v)
    rows = []
    for row in v.reshape(-1, v.shape[-1]).double():
        row = row - row.detach().max()
        order = torch.argsort(row, descending=True)
        total, threshold = 0.0, None
        for k, place in enumerate(order.tolist(), 1):
            if row[place].item() <= -1:
                break
            total = total + row[place]
            if row[place] <= (total - 1) / k:
                break
            threshold = (total - 1) / k
        rows.append(torch.where(row > threshold.detach(), row - threshold, 0.0))
    return torch.stack(rows).reshape(v.shape).to(v.dtype) if rows else v.clone()


@replaces("project_simplex")
def by_all_candidates(v):
    """The threshold is the largest of the candidates: for every k, the one that the k largest entries would have."""
    _some(v)
    x = v.float() if v.dtype in (torch.float16, torch.bfloat16) else v
    x = torch.clamp(x - x.detach().max(dim=-1, keepdim=True).values, min=-1)
    top, _ = torch.topk(x, x.shape[-1], dim=-1)
    k = torch.arange(x.shape[-1], dtype=x.dtype) + 1
    threshold = ((torch.cumsum(top, -1) - 1) / k).max(dim=-1, keepdim=True).values
    return torch.nn.functional.relu(x - threshold).to(v.dtype)
