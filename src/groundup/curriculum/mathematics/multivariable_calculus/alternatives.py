"""Right answers in other styles: all of them must pass."""

import itertools

import numpy as np
import torch

from groundup.authoring import replaces

TWO = torch.float64


# ── jacobian ──


@replaces("jacobian")
def by_rows_of_the_identity(f, x):
    x = torch.as_tensor(x, dtype=TWO)
    h = 1e-4
    steps = h * torch.eye(x.numel(), dtype=TWO).reshape((x.numel(), *x.shape))
    slopes = torch.stack([f(x + step) - f(x - step) for step in steps]) / (2 * h)
    return slopes.movedim(0, -1).reshape((*slopes.shape[1:], *x.shape)).clone()


@replaces("jacobian")
def by_places_in_x(f, x):
    """One place of x after another, by its indices; the table is filled in place."""
    x = x.double()
    table = torch.zeros((*f(x).shape, *x.shape), dtype=TWO)
    for place in itertools.product(*map(range, x.shape)):
        high, low = x.clone(), x.clone()
        high[place] += 2e-5
        low[place] -= 2e-5
        table[(..., *place)] = (f(high) - f(low)) / 4e-5
    return table


@replaces("jacobian")
def by_gradients_of_each_result(f, x):
    """A gradient for each entry of f, one after another."""
    x = x.double()

    def one(t, k):
        return f(t).reshape(-1)[k]

    rows = []
    for k in range(f(x).numel()):
        slopes = []
        for i in range(x.numel()):
            step = torch.zeros(x.numel(), dtype=TWO)
            step[i] = 1e-4
            step = step.view(x.shape)
            slopes.append((one(x + step, k) - one(x - step, k)).item() / 2e-4)
        rows.append(slopes)
    return torch.tensor(rows, dtype=TWO).reshape(tuple(f(x).shape) + tuple(x.shape))


@replaces("jacobian")
def by_four_points(f, x):
    """Two steps to each side, with an error of the fourth order, and NumPy for the table."""
    x, h = x.to(torch.float64), 1e-3
    columns = []
    for i in range(x.numel()):
        step = np.zeros(x.numel())
        step[i] = h
        step = torch.from_numpy(step).reshape(x.shape)
        slope = 8 * (f(x + step) - f(x - step)) - (f(x + 2 * step) - f(x - 2 * step))
        columns.append(slope.numpy() / (12 * h))
    return torch.from_numpy(np.stack(columns, axis=-1).reshape((*columns[0].shape, *x.shape)))


# ── hessian ──


@replaces("hessian")
def by_the_jacobian_of_the_gradient(f, x):
    def slopes(g, at):
        return by_rows_with_a_wider_step(g, at)

    return slopes(lambda t: slopes(f, t), x.double())


def by_rows_with_a_wider_step(g, x, h=3e-4):
    steps = h * torch.eye(x.numel(), dtype=TWO).reshape((x.numel(), *x.shape))
    slopes = torch.stack([g(x + step) - g(x - step) for step in steps], dim=-1) / (2 * h)
    return slopes.reshape((*slopes.shape[:-1], *x.shape))


@replaces("hessian")
def by_corners_and_middles(f, x):
    """The textbook's formulas: three values for the diagonal, four corners elsewhere, one triangle mirrored."""
    x, h = x.to(TWO), 1e-3
    n, here = x.numel(), f(x)
    axes = [(h * torch.eye(n, dtype=TWO)[i]).reshape(x.shape) for i in range(n)]
    table = torch.zeros(n, n, dtype=TWO)
    for i in range(n):
        table[i, i] = (f(x + axes[i]) - 2 * here + f(x - axes[i])) / h**2
        for j in range(i):
            a, b = axes[i], axes[j]
            table[i, j] = table[j, i] = (f(x + a + b) - f(x + a - b) - f(x - a + b) + f(x - a - b)) / (4 * h**2)
    return table.reshape(x.shape + x.shape)


@replaces("hessian")
def by_bends_along_diagonals(f, x):
    """The bend along the sum of two axes is the sum of their own bends and twice the one between them."""
    x, h = x.to(TWO), 1e-3
    n = x.numel()
    eye = torch.eye(n, dtype=TWO)

    def bend(way):
        way = (h * way).reshape(x.shape)
        return ((f(x + way) - 2 * f(x) + f(x - way)) / h**2).item()

    own = [bend(eye[i]) for i in range(n)]
    rows = [
        [own[i] if i == j else (bend(eye[i] + eye[j]) - own[i] - own[j]) / 2 for j in range(n)] for i in range(n)
    ]  # fmt: skip
    return torch.tensor(rows, dtype=TWO).reshape((*x.shape, *x.shape))


@replaces("hessian")
def by_places_twice(f, x):
    """Indices of x, twice; a dictionary of values keeps f from being asked again."""
    x, h, kept = x.double(), 4e-4, {}

    def at(i, a, j, b):
        moves = torch.zeros(x.numel(), dtype=TWO)
        moves[i] += a * h
        moves[j] += b * h
        key = tuple(moves.tolist())
        if key not in kept:
            kept[key] = f(x + moves.reshape(x.shape)).item()
        return kept[key]

    n = x.numel()
    table = np.empty((n, n))
    for i, j in itertools.product(range(n), repeat=2):
        table[i, j] = at(i, 1, j, 1) - at(i, 1, j, -1) - at(i, -1, j, 1) + at(i, -1, j, -1)
    return torch.from_numpy(table / (4 * h * h)).reshape((*x.shape, *x.shape))
