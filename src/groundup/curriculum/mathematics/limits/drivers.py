"""What is done with limit and is_continuous_at, from small to large.

Limits that may be zero have a random number added, so that three or seven digits of them mean something. Verdicts come in
an order that changes with the seed. f notes nothing and keeps nothing: it may be asked as often as one likes.
"""

import math

import torch

TWO = torch.float64
SIDES = ("left", "right", "both")


def _number(rng, low, high):
    """A Python float with few digits, easy to follow by hand, of either sign."""
    return round(float(rng.uniform(low=low, high=high)), 2) * rng.choice([1, -1])


def _bent(rng):
    """A smooth function with slopes and bends everywhere, and values of the size of 1."""
    a, b = _number(rng, 0.5, 1.5), _number(rng, 1.5, 3.0)
    return lambda t: torch.sin(a * t) + b + a * t / 4


def _hole(f, x, value):
    """f, but for x itself."""
    return lambda t: torch.where(t == x, value, f(t))


def _split(x, left, right, at=math.nan):
    """One function on the left of x, another on the right, and a value at x."""
    return lambda t: torch.where(t < x, left(t), torch.where(t > x, right(t), at))


def _error_at(f, x):
    """f, but at x it raises an error, as a program may."""

    def g(t):
        if bool((torch.as_tensor(t) == x).any()):
            raise ZeroDivisionError("asked at x itself")
        return f(t)

    return g


# ── limit ──


def limit_of_a_line(my, rng):
    a, b = _number(rng, 1.0, 3.0), _number(rng, 1.0, 3.0)
    return my.limit(lambda t: a * t + b, _number(rng, 1.0, 3.0))


def limit_at_a_hole(my, rng):
    a, x = _number(rng, 1.0, 3.0), _number(rng, 1.0, 4.0)
    return my.limit(lambda t: a * (t**2 - x**2) / (t - x), x)


def limit_beside_another_value(my, rng):
    f, x = _bent(rng), _number(rng, 1.0, 4.0)
    return [my.limit(_hole(f, x, value), x) for value in (7.5, math.nan, math.inf)]


def limit_where_f_raises(my, rng):
    f, x = _bent(rng), _number(rng, 1.0, 4.0)
    return [my.limit(_error_at(f, x), x, side) for side in SIDES]


def limit_from_each_side_of_a_jump(my, rng):
    f, g, x = _bent(rng), _bent(rng), _number(rng, 1.0, 4.0)
    at = rng.choice([0.0, 4.5])
    return [my.limit(_split(y, f, lambda t: g(t) + 9.0, at), y, side) for y in (x, -x) for side in SIDES]


def limit_where_f_raises_on_the_other_side(my, rng):
    """f may not be asked on a side that nobody asked for."""
    f, x = _bent(rng), _number(rng, 1.0, 4.0)

    def only(where):
        def g(t):
            if bool(where(torch.as_tensor(t), x).any()):
                raise ZeroDivisionError("asked on the wrong side")
            return f(t)

        return g

    return [my.limit(only(torch.le), x, "right"), my.limit(only(torch.ge), x, "left")]


def limits_that_are_zero(my, rng):
    """A number added afterwards makes the digits of a zero mean something."""
    f, x, c = _bent(rng), _number(rng, 1.0, 4.0), _number(rng, 1.0, 3.0)
    here = f(torch.tensor(x, dtype=TWO))
    found = [my.limit(lambda t: f(t) - here, x, side) + c for side in SIDES]
    return [*found, my.limit(lambda t: t * 0, x) + c, my.limit(lambda t: c / t, math.inf) + c]


def limit_with_the_side_left_out(my, rng):
    f, x = _bent(rng), _number(rng, 1.0, 4.0)
    return [my.limit(f, x), my.limit(_split(x, f, lambda t: f(t) + 1.5), x), my.limit(f, x, side="both")]


def limit_at_jumps_of_every_size(my, rng):
    f, x = _bent(rng), _number(rng, 1.0, 4.0)
    jumps = [my.limit(_split(x, f, lambda t, by=by: f(t) + by, 0.0), x) for by in (0.15, -0.15, 3.0, -3.0, 500.0)]
    return [*jumps, my.limit(f, x)]


def limit_at_a_jump_to_the_opposite(my, rng):
    """The two limits are a number and its negative."""
    c, x = _number(rng, 1.0, 3.0), _number(rng, 1.0, 4.0)
    f = lambda t: c * torch.sign(t - x)  # noqa: E731
    return [my.limit(f, x, side) for side in SIDES]


def limit_at_a_corner(my, rng):
    a, c, x = _number(rng, 1.5, 3.0), _number(rng, 1.0, 3.0), _number(rng, 1.0, 4.0)
    corner = _split(x, lambda t: c - 3 * a * (t - x), lambda t: c + a * (t - x))
    return [my.limit(corner, x, side) for side in SIDES]


def limit_where_one_side_is_missing(my, rng):
    f, x = _bent(rng), _number(rng, 1.0, 4.0)
    nothing = lambda t: t * math.nan  # noqa: E731
    right, left = _split(x, nothing, f, 1.0), _split(x, f, nothing, 1.0)
    return [[my.limit(one, x, side) for side in SIDES] for one in (right, left)]


def limit_where_one_side_runs_away(my, rng):
    f, x = _bent(rng), _number(rng, 1.0, 4.0)
    away = _split(x, lambda t: 1 / (x - t) ** 2, f, 1.0)
    return [my.limit(away, x, side) for side in SIDES]


def limit_of_nearly_equal_numbers(my, rng):
    """Very near to x only rounding is left of the values: zeros, mostly."""
    a, c, x = _number(rng, 1.0, 2.0), _number(rng, 2.0, 3.0), rng.choice([0, 0.0])
    cosine = lambda t: c + (1 - torch.cos(a * t)) / t**2  # noqa: E731
    return [my.limit(cosine, x, side) for side in SIDES]


def limit_of_nearly_equal_numbers_with_a_slope(my, rng):
    a, c = _number(rng, 1.0, 1.5), _number(rng, 2.0, 3.0)
    return [my.limit(lambda t: c + (torch.exp(a * t) - 1 - a * t) / t**2, 0.0, side) for side in SIDES]


def limit_to_seven_digits(my, rng):
    """Steep on one side, and bent."""
    f, x = _bent(rng), _number(rng, 1.0, 4.0)
    steep = lambda t: f(t) + 5 * (t - x) + 3 * (t - x) ** 2  # noqa: E731
    return [my.limit(steep, x, side) for side in SIDES]


def limit_of_large_values(my, rng):
    f, x = _bent(rng), _number(rng, 1.0, 3.0)
    return [my.limit(lambda t, by=by: by * f(t), x, side) for by in (1e6, -1e8) for side in SIDES]


def limit_of_swings_that_die_away(my, rng):
    a, b, c = _number(rng, 2.0, 5.0), _number(rng, 1.0, 3.0), _number(rng, 2.0, 4.0)
    swing = lambda t: c + a * t * torch.sin(b / t)  # noqa: E731
    large = [my.limit(lambda t: 1e5 * swing(t), 0.0, side) for side in SIDES]
    return [*(my.limit(swing, 0.0, side) for side in SIDES), *large]


def limit_of_swings_that_do_not(my, rng):
    a, b, c = _number(rng, 0.5, 1.5), _number(rng, 1.0, 3.0), _number(rng, 1.0, 4.0)
    swing = lambda t: c + a * torch.sin(b / t)  # noqa: E731
    return [*(my.limit(swing, 0.0, side) for side in SIDES), my.limit(lambda t: t + b, b)]


def limit_of_what_runs_away(my, rng):
    a, x = _number(rng, 1.0, 3.0), _number(rng, 1.0, 4.0)
    fast, faster, slow = (
        lambda t: a / (t - x),
        lambda t: a / (t - x) ** 2,
        lambda t: a * torch.log((t - x).abs()),
    )
    return [*(my.limit(f, x, side) for f in (fast, faster, slow) for side in SIDES), my.limit(torch.cos, x)]


def limit_at_infinity(my, rng):
    a, b, c = _number(rng, 1.0, 3.0), _number(rng, 1.0, 3.0), _number(rng, 1.0, 3.0)
    return [
        my.limit(lambda t: (a * t + b) / (t + c), math.inf),
        my.limit(lambda t: (a * t**2 + t) / (2 * t**2 - c), -math.inf),
        my.limit(lambda t: (1 + 1 / (2 * t)) ** t + a, math.inf, "both"),
        my.limit(lambda t: b + torch.exp(-t), math.inf),
    ]


def limit_at_infinity_from_either_side(my, rng):
    a, b = _number(rng, 1.0, 3.0), _number(rng, 1.0, 2.0)
    f = lambda t: b + a * t / (t.abs() + 1)  # noqa: E731
    return [my.limit(f, x, side) for x in (math.inf, -math.inf) for side in SIDES]


def limit_at_infinity_where_there_is_none(my, rng):
    a, b = _number(rng, 1.0, 3.0), _number(rng, 1.0, 3.0)
    found = [my.limit(f, x) for f in (lambda t: a * t, lambda t: torch.sin(a * t)) for x in (math.inf, -math.inf)]
    return [*found, my.limit(lambda t: b + 1 / t, math.inf)]


def limit_at_other_kinds_of_numbers(my, rng):
    f, n = _bent(rng), rng.integer(1, 4)
    kinds = (n, torch.tensor(n), torch.tensor(n + 0.5), torch.tensor(n + 0.25, dtype=torch.bfloat16))
    return [my.limit(f, x, side) for x in kinds for side in SIDES]


def limit_leaves_x_alone(my, rng):
    f, x = _bent(rng), torch.tensor(_number(rng, 1.0, 4.0), dtype=TWO)
    return [my.limit(f, x), my.limit(f, x, "left"), my.limit(f, x, "right"), x]


def limit_from_an_unknown_side(my, rng):
    f, x = _bent(rng), _number(rng, 1.0, 4.0)
    found = [rng.attempt(my.limit, f, x, side) for side in ("up", "", "Right", rng.text(5))]
    return [*found, rng.attempt(my.limit, lambda t: 1 / t, math.inf, "up")]


# ── is_continuous_at ──


def _verdicts(my, rng, cases, **named):
    """One verdict for each of the (f, x), in an order that changes with the seed, and that order."""
    order = torch.randperm(len(cases), generator=rng.generator()).tolist()
    return [[i, my.is_continuous_at(*cases[i], **named)] for i in order]


def continuous_or_with_a_wrong_value(my, rng):
    f, x = _bent(rng), _number(rng, 1.0, 4.0)
    cases = [(f, x), (_hole(f, x, 8.0), x), (_hole(f, x, -8.0), x), (_hole(f, x + 2, 8.0), x)]
    return _verdicts(my, rng, cases)


def continuous_or_with_a_jump(my, rng):
    f, x = _bent(rng), _number(rng, 1.0, 4.0)
    here, up = f(torch.tensor(x, dtype=TWO)), lambda t: f(t) + 2
    cases = [(_split(x, f, up, at), x) for at in (here, here + 1, here + 2)]
    return _verdicts(
        my, rng, [*cases, (_split(x, f, f, here), x), (_split(x, f, up, here), x - 1), (_split(x, up, f, here), x)]
    )


def continuous_at_a_corner(my, rng):
    a, c, x = _number(rng, 1.5, 3.0), _number(rng, 1.0, 3.0), _number(rng, 1.0, 4.0)
    corner = lambda t: c + a * (t - x).abs()  # noqa: E731
    cases = [(corner, x), (lambda t: torch.relu(a * (t - x)), x), (lambda t: c + torch.sign(t - x), x)]
    return _verdicts(my, rng, cases)


def continuous_at_a_filled_hole(my, rng):
    """0/0 at 0; filled with the limit, with another number, or not at all."""
    a = _number(rng, 1.0, 2.0)
    f = lambda t: torch.sin(a * t) / t  # noqa: E731
    return _verdicts(my, rng, [(_hole(f, 0, value), 0) for value in (a, -a, 0.0)] + [(f, 0)])


def continuous_where_f_is_rounded(my, rng):
    n = rng.integer(-4, 5)
    cases = [(torch.floor, n), (torch.floor, n + 0.5), (torch.ceil, n), (torch.round, n + 0.5), (torch.round, n)]
    return _verdicts(my, rng, cases)


def continuous_without_a_value(my, rng):
    f, x = _bent(rng), _number(rng, 1.0, 4.0)
    values = (math.nan, math.inf, -math.inf)
    return _verdicts(my, rng, [(f, x), *((_hole(f, x, value), x) for value in values)], tolerance=1e6)


def continuous_at_the_end_of_the_domain(my, rng):
    f, x = _bent(rng), _number(rng, 1.0, 4.0)
    here, nothing = f(torch.tensor(x, dtype=TWO)), lambda t: t * math.nan
    return _verdicts(my, rng, [(_split(x, nothing, f, here), x), (_split(x, f, nothing, here), x), (f, x)])


def continuous_where_f_runs_away(my, rng):
    a, x = _number(rng, 1.0, 3.0), _number(rng, 1.0, 4.0)
    cases = [
        (_hole(lambda t: a / (t - x), x, 0.0), x),
        (_hole(lambda t: a / (t - x) ** 2, x, 0.0), x),
        (_hole(lambda t: a / (t - x), x, 0.0), x + 1),
    ]
    return _verdicts(my, rng, cases)


def continuous_among_swings(my, rng):
    a, b, c = _number(rng, 1.0, 2.0), _number(rng, 1.0, 3.0), _number(rng, 1.0, 4.0)
    dying = lambda t: c + a * t * torch.sin(b / t)  # noqa: E731
    living = lambda t: c + a * torch.sin(b / t)  # noqa: E731
    cases = [(_hole(dying, 0, c), 0.0), (_hole(dying, 0, c + 1), 0.0), (_hole(living, 0, c), 0.0)]
    return _verdicts(my, rng, cases, tolerance=0.05)


def continuous_up_to_a_tolerance(my, rng):
    """Values a tenth of the tolerance off, or six times as much, on either side."""
    x = _number(rng, 1.0, 3.0)
    found = []
    for tolerance in (1e-4, 0.02, 2.0):
        cases = [(lambda t, by=k * tolerance: torch.where(t == x, x + by, t), x) for k in (0.1, -0.1, 6.0, -6.0)]
        found.append(_verdicts(my, rng, cases, tolerance=tolerance))
    return found


def continuous_with_no_tolerance_given(my, rng):
    x = _number(rng, 0.5, 1.5)
    cases = [(lambda t, by=by: torch.where(t == x, x + by, t), x) for by in (2e-7, -2e-7, 4e-6, -4e-6, 0.0)]
    return _verdicts(my, rng, cases)


def continuous_where_values_are_small_or_large(my, rng):
    """The tolerance is the distance itself, and no share of the values."""
    x = _number(rng, 1.0, 3.0)
    cases = [
        (lambda t, c=c, by=by: torch.where(t == x, c + by, c + t - x), x)
        for c in (0.0, 100.0, -100.0)
        for by in (1e-3, 0.1, -0.1)
    ]
    return _verdicts(my, rng, cases, tolerance=0.01)


def continuous_in_spite_of_a_large_tolerance(my, rng):
    """Without a limit no tolerance is large enough."""
    f, x, a = _bent(rng), _number(rng, 1.0, 4.0), _number(rng, 1.0, 2.0)
    cases = [
        (_split(x, f, lambda t: f(t) + 1, 0.5), x),
        (_hole(lambda t: a * torch.sin(1 / (t - x)), x, 0.0), x),
        (_hole(f, x, 8.0), x),
    ]
    return _verdicts(my, rng, cases, tolerance=100.0)


def continuous_among_nearly_equal_numbers(my, rng):
    a = _number(rng, 1.0, 2.0)
    f = lambda t: (1 - torch.cos(a * t)) / t**2  # noqa: E731
    return _verdicts(my, rng, [(_hole(f, 0, value), 0) for value in (a * a / 2, 0.0, a * a)], tolerance=1e-4)


def continuous_at_other_kinds_of_numbers(my, rng):
    f, n = _bent(rng), rng.integer(1, 4)
    kinds = (n, torch.tensor(n), torch.tensor(n + 0.5), torch.tensor(n + 0.25, dtype=torch.bfloat16))
    x = torch.tensor(_number(rng, 1.0, 4.0), dtype=TWO)
    return [
        _verdicts(my, rng, [(g, x) for x in kinds for g in (f, _hole(f, float(x), 9.0))]),
        my.is_continuous_at(f, x),
        x,
    ]
