"""Right answers in other styles: all of them must pass."""

import math

import numpy as np
import torch

from groundup.authoring import replaces

TWO = torch.float64
SIDES = {"left": (-1.0,), "right": (1.0,), "both": (-1.0, 1.0)}


def _place(x):
    """x as a Python float, and a function that gives the place a step h away on a side."""
    x = float(x)
    if math.isinf(x):
        return x, lambda h, sign: math.copysign(1.0, x) / h
    return x, lambda h, sign: x + sign * h


def _common(found):
    """One number out of those of the sides, or NaN."""
    least, most = min(found), max(found)
    if any(math.isnan(one) for one in found) or most - least > 2e-3 * (1 + abs(least)):
        return math.nan
    return sum(found) / len(found)


def _by_sides(f, x, side, one):
    """What ``one`` makes of each side's values h -> f, put together."""
    if side not in SIDES:
        raise ValueError(f"no side {side!r}")
    x, place = _place(x)
    signs = (1.0,) if math.isinf(x) else SIDES[side]
    return _common([one(lambda h, sign=sign: f(torch.tensor(place(h, sign), dtype=TWO)).item()) for sign in signs])


# ── limit ──


@replaces("limit")
def by_a_table_of_extrapolations(f, x, side="both"):
    """Neville's table, as Ridders used it for slopes: the entry that differs least from its neighbors is the answer."""

    def one(at):
        best, answer, row = math.inf, math.nan, []
        for k in range(14):
            new = [at(0.0625 / 2**k)]
            for j, before in enumerate(row[:4]):
                new.append(new[j] + (new[j] - before) / (2 ** (j + 1) - 1))
                error = max(abs(new[-1] - new[j]), abs(new[-1] - before))
                if k > 3 and error < best:
                    best, answer = error, new[-1]
            row = new
        nearest = [at(h) for h in (1e-5, 3e-6, 1.7e-6, 1.1e-6)]
        if best <= 1e-6 * (1 + abs(answer)):  # smooth, or by accident among values that swing
            return answer if max(abs(one - answer) for one in nearest) <= 0.005 * (1 + abs(answer)) else math.nan
        mean = sum(nearest) / len(nearest)
        return mean if max(nearest) - min(nearest) <= 1e-3 * (1 + abs(mean)) else math.nan

    return _by_sides(f, x, side, one)


@replaces("limit")
def by_three_steps_or_a_mean(f, x, side="both"):
    """Smooth: three steps, extrapolated twice. Else the mean of many values, if they lie close together."""

    def one(at):
        def twice(h):
            a, b, c = at(4 * h), at(2 * h), at(h)
            return (a - 6 * b + 8 * c) / 3

        fine, finer = twice(4e-4), twice(1e-4)
        if abs(fine - finer) <= 2e-7 * (1 + abs(finer)):
            return fine
        values = [at(1e-6 * (1 + 0.37 * k)) for k in range(12)]
        mean = sum(values) / len(values)
        return mean if max(values) - min(values) < 1e-3 * (1 + abs(mean)) else math.nan

    return torch.tensor(_by_sides(f, x, side, one), dtype=TWO)


@replaces("limit")
def by_a_polynomial_fit(f, x, side="both"):
    """A polynomial through values at moderate steps, and where it ends; a swing does not fit any, and is averaged."""
    steps = np.geomspace(2e-4, 0.03, 24)
    near = np.geomspace(1.3e-6, 3.1e-6, 16)

    def one(at):
        values = np.array([at(h) for h in steps])
        if not np.isfinite(values).all():
            return math.nan
        columns = np.stack([(steps / steps[-1]) ** k for k in range(7)], axis=1)
        fit, *_ = np.linalg.lstsq(columns, values, rcond=None)
        if np.abs(columns @ fit - values).max() <= 1e-7 * (1 + abs(fit[0])):
            return float(fit[0])
        rest = np.array([at(h) for h in near])
        return float(rest.mean()) if np.ptp(rest) < 1e-3 * (1 + abs(rest.mean())) else math.nan

    return _by_sides(f, x, side, one)


@replaces("limit")
def by_the_first_steps_that_agree(f, x, side="both"):
    """Steps get smaller by a factor of three, until four extrapolated values in a row agree, well or at the end just so."""

    def one(at):
        for margin in (3e-8, 2e-7, 1e-3):
            values = [at(0.1 / 3**k) for k in range(14)]
            line = [(3 * b - a) / 2 for a, b in zip(values, values[1:])]
            twice = [(9 * b - a) / 8 for a, b in zip(line, line[1:])]
            for start in range(len(twice) - 3):
                part = twice[start : start + 4]
                if max(part) - min(part) <= margin * (1 + abs(part[-1])):
                    return part[-1]
        return math.nan

    return torch.as_tensor(_by_sides(f, x, side, one), dtype=torch.float64)


# ── is_continuous_at ──


@replaces("is_continuous_at")
def by_its_own_limit(f, x, tolerance=1e-6):
    found = by_the_first_steps_that_agree(f, x)
    value = f(torch.as_tensor(x, dtype=TWO))
    return bool(torch.isfinite(found) and torch.isfinite(value) and torch.abs(found - value) <= tolerance)


@replaces("is_continuous_at")
def by_both_sides_apart(f, x, tolerance=1e-6):
    value = float(f(torch.tensor(float(x), dtype=TWO)))
    sides = [float(by_a_table_of_extrapolations(f, x, side)) for side in ("left", "right")]
    if abs(sides[0] - sides[1]) > 1e-3 * (1 + abs(sides[0])):
        return False
    return all(abs(one - value) <= tolerance for one in sides)


@replaces("is_continuous_at")
def by_a_test_of_closeness(f, x, tolerance=1e-6):
    """A 0-d tensor that holds a truth value is one."""
    found = torch.as_tensor(by_three_steps_or_a_mean(f, x), dtype=TWO)
    return torch.isclose(found, f(torch.as_tensor(x, dtype=TWO)), rtol=0.0, atol=tolerance)


@replaces("is_continuous_at")
def by_the_distance_near_x(f, x, tolerance=1e-6):
    """How far f is from f(x) is a function, too: its limit is to be zero, up to the tolerance."""
    value = f(torch.as_tensor(x, dtype=TWO))
    gap = by_a_polynomial_fit(lambda t: f(t) - value, x)
    return not math.isnan(gap) and abs(gap) <= tolerance
