"""Right answers in other styles: all of them must pass."""

import numpy as np
import torch

from groundup.authoring import replaces

TWO = torch.float64


def _measured(f, x, h=1e-4):
    x = x.double()
    slopes = torch.zeros(x.numel(), dtype=TWO)
    for i in range(x.numel()):
        high, low = x.reshape(-1).clone(), x.reshape(-1).clone()
        high[i] += h
        low[i] -= h
        slopes[i] = (f(high.reshape(x.shape)) - f(low.reshape(x.shape))) / (2 * h)
    return slopes.reshape(x.shape)


# ── gradient ──


@replaces("gradient")
def by_copies(f, x):
    return _measured(f, x)


@replaces("gradient")
def by_rows_of_the_identity(f, x):
    x = x.to(TWO)
    if x.numel() == 0:
        return x.clone()
    steps = 1e-5 * torch.eye(x.numel(), dtype=TWO).view(x.numel(), *x.shape)
    high, low = (torch.stack([f(x + sign * step) for step in steps]) for sign in (1, -1))
    return ((high - low) / 2e-5).view(x.shape)


@replaces("gradient")
def by_five_points(f, x):
    """A formula with four values an entry and a wider step."""
    x, h = x.to(TWO), 1e-3
    result = torch.empty(x.shape, dtype=TWO)
    for index in np.ndindex(*x.shape):
        step = torch.zeros(x.shape, dtype=TWO)
        step[index] = h
        result[index] = (8 * (f(x + step) - f(x - step)) - (f(x + 2 * step) - f(x - 2 * step))) / (12 * h)
    return result


@replaces("gradient")
def by_numpy(f, x):
    """NumPy for everything but f."""
    at = x.to(TWO).numpy()
    slopes = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        sides = []
        for sign in (1.0, -1.0):
            moved = at.copy()
            moved[index] = moved[index] + sign * 1e-4
            sides.append(float(f(torch.from_numpy(moved))))
        slopes[index] = (sides[0] - sides[1]) / 2e-4
    return torch.from_numpy(slopes)


# ── directional_derivative ──


@replaces("directional_derivative")
def by_two_points(f, x, direction):
    if direction.shape != x.shape:
        raise ValueError(f"{direction.shape} is no direction for {x.shape}")
    length = torch.sqrt((direction.double() ** 2).sum())
    if length == 0:
        raise ValueError("zero")
    step = 1e-4 * direction.double() / length
    return (f(x.double() + step) - f(x.double() - step)) / 2e-4


@replaces("directional_derivative")
def by_the_dot_product(f, x, direction):
    """All slopes, and the share of each that lies in the direction."""
    if list(direction.shape) != list(x.shape) or not bool((direction != 0).any()):
        raise ValueError("x and direction do not go together")
    unit = torch.nn.functional.normalize(direction.double().flatten(), dim=0, eps=1e-300)
    return torch.dot(_measured(f, x).flatten(), unit)


@replaces("directional_derivative")
def by_a_function_of_one_number(f, x, direction):
    """f along the line is a function of one number; the result is a Python float."""
    numbers = direction.double().reshape(-1).tolist()
    length = sum(number**2 for number in numbers) ** 0.5
    if x.shape != direction.shape or length == 0.0:
        raise ValueError(direction)

    def along(way):
        return f(x.double() + way * (direction.double() / length)).item()

    h = 2e-5
    return (along(h) - along(-h)) / (2 * h)


# ── gradient_check ──


@replaces("gradient_check")
def by_allclose(f, grad, x, tolerance=1e-5):
    claimed, measured = grad(x.double()), _measured(f, x)
    return claimed.shape == measured.shape and torch.allclose(
        claimed.double(), measured, rtol=tolerance, atol=tolerance
    )


@replaces("gradient_check")
def by_a_loop(f, grad, x, tolerance=1e-5):
    claimed, measured = grad(x.to(TWO)), _measured(f, x)
    if tuple(claimed.shape) != tuple(x.shape):
        return False
    for one, other in zip(claimed.flatten().tolist(), measured.flatten().tolist()):
        if not abs(one - other) <= tolerance + tolerance * abs(other):
            return False
    return True


@replaces("gradient_check")
def by_the_largest_error(f, grad, x, tolerance=1e-5):
    """The largest ratio of error to what is allowed. NaN makes the largest NaN, which is not at most 1."""
    at = x.to(TWO)
    claimed = grad(at.clone())
    if claimed.shape != at.shape:
        return False
    measured = _measured(f, at, h=1e-5)
    worst = ((claimed - measured).abs() / (1 + measured.abs())).max()
    return bool(worst <= tolerance)


@replaces("gradient_check")
def by_numpy_isclose(f, grad, x, tolerance=1e-5):
    claimed, measured = grad(x.double()).numpy(), _measured(f, x).numpy()
    if claimed.shape != measured.shape:
        return False
    return bool(np.isclose(claimed, measured, rtol=tolerance, atol=tolerance).all())
