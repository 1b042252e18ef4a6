"""Right answers in other styles: all of them must pass."""

import math

import numpy as np
import torch

from groundup.authoring import replaces


def _double(x):
    return x.double() if isinstance(x, torch.Tensor) else torch.tensor(float(x), dtype=torch.float64)


def _slope(f, x, h=1e-4):
    return (f(x + h) - f(x - h)) / (2 * h)


# ── derivative ──


@replaces("derivative")
def by_the_textbook(f, x, h=1e-4):
    x = _double(x)
    return (f(x + h) - f(x - h)) / (2 * h)


@replaces("derivative")
def by_the_mean_of_both_sides(f, x, h=1e-4):
    """The mean of the forward and the backward difference; where f has no value in the middle that is no matter."""
    x = torch.asarray(x, dtype=torch.float64)
    here = f(x).nan_to_num(0.0)
    return ((f(x + h) - here) / h + (here - f(x - h)) / h) / 2


@replaces("derivative")
def by_points_one_after_another(f, x, h=1e-4):
    points = _double(x)
    slopes = [(f(point + h) - f(point - h)).item() / (2 * h) for point in points.reshape(-1)]
    return torch.tensor(slopes, dtype=torch.float64).reshape(points.shape)


@replaces("derivative")
def by_both_points_in_one_call(f, x, h=1e-4):
    """f is asked once, at all points together."""
    x = _double(x)
    both = f(torch.stack([x - h, x + h], dim=-1)) if x.dim() == 0 else torch.stack([f(x - h), f(x + h)], dim=-1)
    return both.diff(dim=-1).squeeze(-1) / (2 * h)


@replaces("derivative")
def by_numpy(f, x, h=1e-4):
    """NumPy for everything but f. A number gives a Python float."""
    points = x.to(torch.float64).numpy() if isinstance(x, torch.Tensor) else np.asarray(x, dtype=np.float64)

    def values(at):
        return f(torch.from_numpy(np.array(at))).numpy()

    slopes = np.divide(values(points + h) - values(points - h), 2.0 * h)
    return float(slopes) if not isinstance(x, torch.Tensor) else torch.from_numpy(np.array(slopes))


# ── newton_root ──


@replaces("newton_root")
def by_a_while_loop(f, x0, steps=50, tolerance=1e-8):
    x, made, move = _double(x0), 0, math.inf
    while abs(move) > tolerance:
        value = f(x).item()
        if value == 0:
            break
        slope = _slope(f, x).item()
        if made == steps or slope == 0 or not math.isfinite(value) or not math.isfinite(slope):
            raise RuntimeError(f"no root after {made} steps")
        move = value / slope
        x = x - move
        made += 1
    if not torch.isfinite(x):
        raise RuntimeError("lost")
    return x


@replaces("newton_root")
def by_python_floats(f, x0, steps=50, tolerance=1e-8):
    """Only f sees tensors."""

    def value(x):
        return f(torch.tensor(x, dtype=torch.float64)).item()

    x = float(x0)
    for _ in range(steps):
        here = value(x)
        if here == 0.0:
            return x
        try:
            new = x - here * 2e-4 / (value(x + 1e-4) - value(x - 1e-4))
        except ZeroDivisionError:
            raise RuntimeError("level") from None
        if math.isnan(new) or math.isinf(new):
            raise RuntimeError("lost")
        if -tolerance <= new - x <= tolerance:
            return new
        x = new
    raise RuntimeError("not found")


@replaces("newton_root")
def by_recursion(f, x0, steps=50, tolerance=1e-8):
    x = _double(x0)
    value = f(x)
    if steps < 1:
        raise RuntimeError("too many steps")
    if value == 0:
        return x
    move = value / _slope(f, x)
    if not bool(torch.isfinite(move)):
        raise RuntimeError("no tangent that leads anywhere")
    return x - move if abs(move) <= tolerance else by_recursion(f, x - move, steps - 1, tolerance)


@replaces("newton_root")
def by_a_list_of_places(f, x0, steps=50, tolerance=1e-8):
    """All places are kept; an error of its own, which is a RuntimeError, too."""

    class NoRoot(RuntimeError):
        pass

    places = [_double(x0)]
    while len(places) <= steps:
        x = places[-1]
        if f(x) == 0:
            return x
        places.append(x - f(x) / _slope(f, x))
        if places[-1].isnan() or places[-1].isinf():
            raise NoRoot(places)
        if torch.dist(places[-1], x) <= tolerance:
            return places[-1].clone()
    raise NoRoot(places)
