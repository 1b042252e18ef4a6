"""What is done with derivative and newton_root, from small to large.

Steps are wide where the formula itself is to be seen (a cube has the error h², a forward difference another), narrow
where digits are. Functions are bent, not symmetrical, and have random coefficients. Loose tolerances show which of the
places is returned, and counts of steps show where the line between a root and a failure lies.
"""

import math

import torch

TWO = torch.float64


def _number(rng, low, high):
    """A Python float with few digits, easy to follow by hand."""
    return round(float(rng.uniform(low=low, high=high)), 2)


def _points(rng, *shape, dtype=TWO):
    """Points of both signs, none near 0."""
    signs = torch.where(rng.mask(*shape, p=0.5), -1.0, 1.0)
    return (rng.uniform(*shape, low=0.3, high=2.0, dtype=TWO) * signs).to(dtype)


def _bent(rng):
    """A function with slopes, bends and an asymmetry everywhere."""
    a, b = _number(rng, 0.5, 1.5), _number(rng, 0.5, 1.5)
    return lambda x: torch.sin(a * x) + torch.exp(b * x / 2) + x**3 / 4


# ── derivative ──


def slope_of_a_line(my, rng):
    a, b = _number(rng, 1.5, 4.0), _number(rng, 1.0, 3.0)
    return my.derivative(lambda x: b - a * x, _number(rng, 1.0, 3.0))


def slope_of_a_square(my, rng):
    a = _number(rng, 0.5, 2.0)
    return [my.derivative(lambda t: a * t**2, x) for x in (_number(rng, 1.0, 3.0), -_number(rng, 1.0, 3.0))]


def slope_with_a_wide_step(my, rng):
    return [my.derivative(lambda t: t**3, _number(rng, 1.0, 3.0), h=h) for h in (0.5, _number(rng, 0.2, 0.9))]


def slope_with_steps_of_every_width(my, rng):
    f, x = _bent(rng), _number(rng, 0.5, 2.0)
    return [my.derivative(f, x, 10.0**-k) for k in (0, 1, 2, 3)]


def slope_with_the_step_left_out(my, rng):
    """1e9 x³ has the error 1e9 h², which tells one step from another."""
    return my.derivative(lambda t: 1e9 * t**3, _number(rng, 1.0, 2.0) / 1e4)


def slope_at_many_points(my, rng):
    f = _bent(rng)
    return [my.derivative(f, _points(rng, 5)), my.derivative(f, _points(rng, 2, 3), 0.1)]


def slope_at_an_integer(my, rng):
    f = _bent(rng)
    return [
        my.derivative(f, rng.integer(1, 4)),
        my.derivative(f, rng.integers(-3, 4, 2, 4)),
        my.derivative(f, torch.tensor(rng.integer(1, 4)), 0.2),
    ]


def slope_at_points_in_other_dtypes(my, rng):
    f, x = _bent(rng), _points(rng, 3, 2)
    return [my.derivative(f, x.to(dtype)) for dtype in (torch.float32, torch.bfloat16, torch.float16)]


def slope_at_one_point_or_none(my, rng):
    f, x = _bent(rng), _points(rng, 4)
    return [my.derivative(f, x[:1]), my.derivative(f, x[:0]), my.derivative(f, x[1]), my.derivative(f, x[None, :0])]


def slope_at_strided_points(my, rng):
    return my.derivative(_bent(rng), _points(rng, 6, 3, 2).permute(2, 1, 0)[..., ::2])


def slope_of_a_flat_function(my, rng):
    """Flat, but for one point on a line beyond."""
    c, x = _number(rng, 1.5, 5.0), _points(rng, 4)
    x[rng.integer(0, 4)] = 7.0
    return [my.derivative(lambda t: torch.where(t < 4, c, c * t), x), my.derivative(torch.sign, 5.0)]


def slope_at_corners_and_jumps(my, rng):
    a, c, h = _number(rng, 1.5, 3.0), _number(rng, 0.5, 1.5), 0.125
    near = c + h * torch.tensor([-2.0, -0.5, 0.0, 0.25, 1.5], dtype=TWO)
    return [
        my.derivative(lambda x: a * (x - c).abs(), near, h),
        my.derivative(lambda x: torch.relu(x - c) / a, near, h),
        my.derivative(lambda x: a * (x > c).to(TWO), near + h / 16, h),
    ]


def slope_where_f_ends(my, rng):
    """A square root that has values from x - h on, to the last bit; for the last of the points it has none on the left."""
    a, h, end = _number(rng, 1.5, 3.0), 0.25, rng.integer(0, 4) / 2
    return my.derivative(lambda t: a * torch.sqrt(t - end), end + h * torch.tensor([1.0, 3.0, 2.0, 0.5]), h)


def slope_of_a_slope(my, rng):
    f, x = _bent(rng), _points(rng, 4)
    return my.derivative(lambda t: my.derivative(f, t, 0.03), x, 0.05)


def slopes_leave_the_points_alone(my, rng):
    x = _points(rng, 2, 3)
    return [my.derivative(torch.exp, x, 0.5), x]


# ── newton_root ──


def root_of_a_line(my, rng):
    a, b = _number(rng, 1.5, 4.0), _number(rng, 1.0, 3.0)
    return my.newton_root(lambda x: b - a * x, _number(rng, 1.0, 3.0))


def root_of_a_number(my, rng):
    a = _number(rng, 2.0, 9.0)
    return my.newton_root(lambda x: x**2 - a, a)


def root_from_either_side(my, rng):
    a = _number(rng, 2.0, 9.0)
    return [my.newton_root(lambda x: x**2 - a, x0) for x0 in (0.5, 10.0, -0.5, -10.0)]


def root_of_a_rising_and_of_a_falling_curve(my, rng):
    a, b = _number(rng, 2.0, 6.0), _number(rng, 0.7, 1.3)
    return [
        my.newton_root(lambda x: torch.exp(x) - a, 1.0),
        my.newton_root(lambda x: torch.exp(-x) - 1 / a, 0.5),
        my.newton_root(lambda x: torch.cos(b * x) - x, 1.0),
        my.newton_root(lambda x: b - x - x**3, -2.0),
    ]


def root_nearest_or_not(my, rng):
    """Three roots; which of them is found is the tangents' choice."""
    a, b = _number(rng, 0.8, 1.2), _number(rng, 1.8, 2.1)
    return [my.newton_root(lambda x: (x - a) * (x - b) * (x + 1), x0) for x0 in (-3.0, 0.4, 1.0, 2.0, 4.0)]


def root_with_a_loose_tolerance(my, rng):
    a = _number(rng, 2.0, 3.0)
    return [my.newton_root(lambda x: x**2 - a, 10.0, tolerance=tolerance) for tolerance in (1.9, 0.5, 0.05)]


def root_with_a_loose_tolerance_from_the_left(my, rng):
    a = _number(rng, 30.0, 40.0)
    return [my.newton_root(lambda x: torch.exp(-x) - 1 / a, 0.0, tolerance=tolerance) for tolerance in (0.9, 0.3)]


def root_of_a_steep_curve_with_a_loose_tolerance(my, rng):
    """f is large where x hardly moves, and small where it does."""
    a = _number(rng, 2.0, 3.0)
    return [
        my.newton_root(lambda x: 1000 * (x**2 - a), 10.0, tolerance=0.5),
        my.newton_root(lambda x: (x**2 - a) / 1000, 10.0, tolerance=0.05),
    ]


def root_of_a_curve_in_small_units(my, rng):
    """Values and slopes are tiny and none of them is 0."""
    a = _number(rng, 2.0, 9.0)
    return my.newton_root(lambda x: 1e-20 * (x**2 - a), a)


def root_to_all_digits(my, rng):
    a = torch.tensor(_number(rng, 2.0, 9.0), dtype=TWO)
    return [
        my.newton_root(lambda x: x**2 - a, start)
        for start in (3, torch.tensor(2), torch.tensor(2.5), torch.tensor(2.5, dtype=torch.float16))
    ]


def root_at_the_start(my, rng):
    c = rng.integer(-4, 5) / 2
    return [my.newton_root(lambda x: (x - c) ** 2, c), my.newton_root(lambda x: x * (x - c - 9), 0, steps=1)]


def root_hit_on_the_way(my, rng):
    """The first step leads exactly to a place that is flat, and zero."""
    c = rng.integer(2, 6) / 2
    return my.newton_root(lambda x: torch.where(x > c + 1, x - c, 0.0), c + 4.0)


def double_root(my, rng):
    c = rng.integer(1, 9) / 2
    return my.newton_root(lambda x: (x - c) ** 2, c + rng.integer(1, 4))


def steps_that_are_needed(my, rng):
    a = _number(rng, 2.0, 3.0)
    return [rng.attempt(my.newton_root, lambda x: x**2 - a, 10.0, steps=k, tolerance=1e-3) for k in range(1, 9)]


def steps_for_a_line(my, rng):
    a, b = _number(rng, 1.5, 4.0), _number(rng, 1.0, 3.0)
    return [rng.attempt(my.newton_root, lambda x: a * x - b, 9.0, k, 1e-3) for k in (1, 2, 3)]


def fifty_steps_and_no_more(my, rng):
    """Each step goes about as far as the one before, until the root is near: the one takes 50 steps, the other 51."""
    a = _number(rng, 0.9, 1.1)
    return [rng.attempt(my.newton_root, lambda x: torch.exp(x / a - 3) - 1, a * k) for k in (48.0, 49.0)]


def no_root_below_a_level_slope(my, rng):
    c = rng.integer(-2, 3) / 2
    b = _number(rng, 1.0, 3.0)
    return [
        rng.attempt(my.newton_root, lambda x: (x - c) ** 2 + b, c),
        rng.attempt(my.newton_root, lambda x: x * 0 - b, c + 1),
    ]


def no_root_at_all(my, rng):
    b = _number(rng, 1.0, 2.0)
    return [rng.attempt(my.newton_root, lambda x: x**2 + b, _number(rng, 0.5, 0.9))]


def steps_in_a_circle(my, rng):
    s = _number(rng, 0.8, 2.0)
    return [s, rng.attempt(my.newton_root, lambda x: (x / s) ** 3 - 2 * x / s + 2, rng.choice([0.0, s]))]


def steps_that_run_away(my, rng):
    s = _number(rng, 0.8, 1.2)
    return [rng.attempt(my.newton_root, lambda x: torch.atan(x * s), x0) for x0 in (3.0, -3.0)]


def steps_out_of_the_domain(my, rng):
    s = _number(rng, 0.8, 1.2)
    return [
        rng.attempt(my.newton_root, lambda x: torch.log(x * s), 5.0),
        rng.attempt(my.newton_root, lambda x: torch.sqrt(x) - s, -2.0),
        rng.attempt(my.newton_root, lambda x: x + math.inf, s),
        rng.attempt(my.newton_root, lambda x: 1 / (x - s), s),
    ]


def roots_leave_the_start_alone(my, rng):
    x0 = torch.tensor(_number(rng, 2.0, 4.0), dtype=TWO)
    return [my.newton_root(lambda x: x**2 - 2, x0), x0]
