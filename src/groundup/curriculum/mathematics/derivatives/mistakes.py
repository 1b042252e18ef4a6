"""Wrong slopes and wrong roots, each named for what its author believed. The docstring is the hint that a learner reads."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import derivatives as right

TWO = torch.float64


def _double(x):
    return torch.as_tensor(x, dtype=TWO)


def _values(f, x, h):
    """f a step before x, at x, and a step after it."""
    x = _double(x)
    return f(x - h), f(x), f(x + h)


def _newton(f, x0, steps, tolerance, move=None, small=None, newest=True, failed=RuntimeError, slope=right.derivative):
    """Newton's method with one thing changed: how x moves, when a move is small, which x is returned, how it fails."""
    x = _double(x0)
    for _ in range(steps):
        value = f(x)
        if value == 0:
            return x
        rise = slope(f, x)
        if rise == 0:
            raise failed("no slope")
        moved = x - value / rise if move is None else move(x, value, rise)
        if not moved.isfinite():
            raise failed("not finite")
        near = (moved - x).abs() <= tolerance if small is None else small(x, moved)
        if near:
            return moved if newest else x
        x = moved
    raise failed("too many steps")


# ── derivative ──


@replaces("derivative")
def forward_difference(f, x, h=1e-4):
    """This is the forward difference: it looks to the right of x only, so the bend of the curve enters with its full weight, and the error is proportional to h. The central difference looks to both sides, and there the bend cancels."""
    _, here, after = _values(f, x, h)
    return (after - here) / h


@replaces("derivative")
def backward_difference(f, x, h=1e-4):
    """This is the backward difference: it looks to the left of x only. The central difference looks to both sides of x, as far to one as to the other."""
    before, here, _ = _values(f, x, h)
    return (here - before) / h


@replaces("derivative")
def divided_by_one_step(f, x, h=1e-4):
    """The slope is twice too large: from one side of x to the other the way is two steps long, and it was divided by one."""
    before, _, after = _values(f, x, h)
    return (after - before) / h


@replaces("derivative")
def not_divided(f, x, h=1e-4):
    """This is how much f rises over the whole way. A slope is a rise for each unit of the way: it still has to be divided by the length of the way."""
    before, _, after = _values(f, x, h)
    return after - before


@replaces("derivative")
def divided_by_two_only(f, x, h=1e-4):
    """The rise was divided by 2 and multiplied by h, or not divided by h at all: brackets are missing around the divisor, or h itself."""
    before, _, after = _values(f, x, h)
    return (after - before) / 2 * h


@replaces("derivative")
def divided_by_the_square_of_the_step(f, x, h=1e-4):
    """The rise was divided by a square of the step. That belongs to second derivatives; a slope is divided by the length of the way."""
    before, _, after = _values(f, x, h)
    return (after - before) / (2 * h * h)


@replaces("derivative")
def sign_turned_round(f, x, h=1e-4):
    """The sign is wrong: where f rises from left to right the slope is positive. The value on the left is to be subtracted from the value on the right."""
    before, _, after = _values(f, x, h)
    return (before - after) / (2 * h)


@replaces("derivative")
def steepness_without_direction(f, x, h=1e-4):
    """This is how steep f is, without the direction: it should be negative where f falls, and training depends on that sign."""
    before, _, after = _values(f, x, h)
    return (after - before).abs() / (2 * h)


@replaces("derivative")
def step_halved(f, x, h=1e-4):
    """It is a central difference, but with half the step: f is to be asked a whole h to the left of x and a whole h to the right."""
    before, _, after = _values(f, x, h / 2)
    return (after - before) / h


@replaces("derivative")
def step_ignored(f, x, h=1e-4):
    """The step that was asked for makes no difference: some other one is written into the code. A caller who knows the scale of f has to be able to choose it."""
    before, _, after = _values(f, x, 1e-4)
    return (after - before) / 2e-4


@replaces("derivative")
def step_made_tiny(f, x, h=1e-4):
    """The step is far smaller than the one that was asked for, as if smaller were always more exact. Below a point the two values agree in nearly all digits, and what is left of their difference is rounding."""
    before, _, after = _values(f, x, 1e-12)
    return (after - before) / 2e-12


@replaces("derivative")
def step_in_proportion_to_x(f, x, h=1e-4):
    """The step was made larger or smaller in proportion to x. That can be wise, but h is the step itself here, the same at all points."""
    x = _double(x)
    h = h * x.abs().clamp(min=1.0)
    return (f(x + h) - f(x - h)) / (2 * h)


@replaces("derivative")
def default_step_of_another_size(f, x, h=1e-5):
    """Right whenever h is given. When it is left out, the step should be the one that the definition says."""
    before, _, after = _values(f, x, h)
    return (after - before) / (2 * h)


@replaces("derivative")
def five_points(f, x, h=1e-4):
    """This is a formula with more points, whose error falls faster. It is a good one, but it is not the central difference of two points: with a wide step the results differ, and f is asked where it may have no value."""
    x = _double(x)
    return (f(x - 2 * h) - 8 * f(x - h) + 8 * f(x + h) - f(x + 2 * h)) / (12 * h)


@replaces("derivative")
def rounding_of_the_result(f, x, h=1e-4):
    """The result was rounded to some digits after the point. Whoever calls a function decides what to round; here digits are lost."""
    return right.derivative(f, x, h).mul(1e4).round().div(1e4)


@replaces("derivative")
def slope_from_the_origin(f, x, h=1e-4):
    """The value was divided by x. That is the slope of the line from the origin to the point; the slope at the point is that of the curve itself, next to it."""
    _, here, _ = _values(f, x, h)
    return here / _double(x)


@replaces("derivative")
def second_derivative(f, x, h=1e-4):
    """This is the second derivative, how much the curve bends: three values, divided by a square. The slope is the first."""
    before, here, after = _values(f, x, h)
    return (after - 2 * here + before) / h**2


@replaces("derivative")
def dtype_of_the_points_kept(f, x, h=1e-4):
    """The dtype of the points was kept. In float32 or half precision, or with whole numbers, x and x + h agree in most digits or in all of them, and their difference is mostly rounding. Turn x into float64 first."""
    x = torch.as_tensor(x)
    return ((f(x + h) - f(x - h)) / (2 * h)).to(TWO)


@replaces("derivative")
def number_by_way_of_float32(f, x, h=1e-4):
    """Numbers went through float32 before they became float64: a tensor made from a Python float is float32 unless it is told otherwise, and turning it into float64 afterwards brings no digit back."""
    return right.derivative(f, torch.as_tensor(x).float(), h)


@replaces("derivative")
def result_in_float32(f, x, h=1e-4):
    """The result is float32. All of this is computed, and returned, in float64."""
    return right.derivative(f, x, h).float()


@replaces("derivative")
def slopes_averaged(f, x, h=1e-4):
    """The points were taken together, and one number came out. Each point has a slope of its own: the result has the shape of x."""
    return right.derivative(f, x, h).mean()


@replaces("derivative")
def corners_refused(f, x, h=1e-4):
    """Where the slopes on both sides differ, NaN was returned, as a mathematician would have it. Here the result is what the formula gives, corners and jumps included; a wide step would otherwise make every bend a corner."""
    before, here, after = _values(f, x, h)
    unlike = ((after - here) - (here - before)).abs() / h > 0.5
    return torch.where(unlike, math.nan, right.derivative(f, x, h))


@replaces("derivative")
def no_number_replaced_by_a_number(f, x, h=1e-4):
    """Where f has no value, NaN was replaced by a number that looks like a slope. The result is what the formula gives, and without a value that is NaN: whoever calls must be able to see it."""
    return right.derivative(f, x, h).nan_to_num()


@replaces("derivative")
def points_moved_in_place(f, x, h=1e-4):
    """The slopes are right, but the points that were passed in have been moved: += and -= work on the caller's own tensor. Make new points."""
    result = right.derivative(f, x, h)
    if isinstance(x, torch.Tensor) and x.dtype == TWO:
        x -= h
    return result


# ── newton_root ──


@replaces("newton_root")
def moved_uphill(f, x0, steps=50, tolerance=1e-8):
    """x was moved the wrong way: where f is positive and rises, its root lies to the left."""
    return _newton(f, x0, steps, tolerance, move=lambda x, value, rise: x + value / rise)


@replaces("newton_root")
def slope_divided_by_value(f, x0, steps=50, tolerance=1e-8):
    """The fraction is upside down: a steep tangent reaches zero soon, so the move is the smaller the larger the slope is."""
    return _newton(f, x0, steps, tolerance, move=lambda x, value, rise: x - rise / value)


@replaces("newton_root")
def slope_multiplied(f, x0, steps=50, tolerance=1e-8):
    """The value was multiplied by the slope where it is to be divided by it: a steep tangent reaches zero soon."""
    return _newton(f, x0, steps, tolerance, move=lambda x, value, rise: x - value * rise)


@replaces("newton_root")
def slope_left_out(f, x0, steps=50, tolerance=1e-8):
    """x was moved by the value of f, whatever the slope. How far it is to the root of the tangent depends on how steep it is."""
    return _newton(f, x0, steps, tolerance, move=lambda x, value, rise: x - value)


@replaces("newton_root")
def slope_of_the_start_kept(f, x0, steps=50, tolerance=1e-8):
    """The slope was measured once, at the start, and used ever after. Each place has a tangent of its own; with that of the start the steps come slowly, or not at all."""
    first = right.derivative(f, _double(x0))
    return _newton(f, x0, steps, tolerance, slope=lambda f, x: first)


@replaces("newton_root")
def minimum_instead_of_root(f, x0, steps=50, tolerance=1e-8):
    """This looks for a place where the *slope* is zero: it moves by the slope divided by the second derivative. That is how Newton's method finds a minimum. Here f itself is to be zero."""

    def slopes(x):
        return right.derivative(f, x, 1e-3)

    return _newton(slopes, x0, steps, tolerance)


@replaces("newton_root")
def only_one_step(f, x0, steps=50, tolerance=1e-8):
    """One step was made. It leads to the root of the first tangent, and that is a root of f only where f is a line; go on from there."""
    x = _double(x0)
    return x if f(x) == 0 else x - f(x) / right.derivative(f, x)


@replaces("newton_root")
def half_steps(f, x0, steps=50, tolerance=1e-8):
    """Only half of each move was made, for safety. It comes nearer each time, but it halves the distance where a whole step would double the digits."""
    return _newton(f, x0, steps, tolerance, move=lambda x, value, rise: x - value / rise / 2)


@replaces("newton_root")
def place_before_the_last_move(f, x0, steps=50, tolerance=1e-8):
    """The place before the last move was returned. The move was small, but it was made because it leads nearer to the root: return where it led."""
    return _newton(f, x0, steps, tolerance, newest=False)


@replaces("newton_root")
def small_value_taken_for_a_root(f, x0, steps=50, tolerance=1e-8):
    """It stopped when the *value* of f was small. How small that is depends on the units of f, and says little of how far the root is. The tolerance is for the move."""
    x = _double(x0)
    for _ in range(steps):
        if f(x).abs() <= tolerance:
            return x
        rise = right.derivative(f, x)
        x = x - f(x) / rise
        if rise == 0 or not x.isfinite():
            raise RuntimeError("no root")
    if f(x).abs() <= tolerance:
        return x
    raise RuntimeError("no root")


@replaces("newton_root")
def moves_to_the_left_always_small(f, x0, steps=50, tolerance=1e-8):
    """A move to the left is a negative number, and was taken for a small one. It is the length of the move that counts."""
    return _newton(f, x0, steps, tolerance, small=lambda x, moved: moved - x <= tolerance)


@replaces("newton_root")
def moves_to_the_right_always_small(f, x0, steps=50, tolerance=1e-8):
    """A move to the right was taken for a small one, whatever its length: the new place was subtracted from the old, and the sign left on. It is the length of the move that counts."""
    return _newton(f, x0, steps, tolerance, small=lambda x, moved: x - moved <= tolerance)


@replaces("newton_root")
def tolerance_in_proportion_to_x(f, x0, steps=50, tolerance=1e-8):
    """The tolerance was taken as a share of x. That is a sensible rule too, but here it is the length of the move itself."""
    return _newton(f, x0, steps, tolerance, small=lambda x, moved: (moved - x).abs() <= tolerance * moved.abs())


@replaces("newton_root")
def tolerance_ignored(f, x0, steps=50, tolerance=1e-8):
    """The tolerance that was passed in makes no difference. Whoever needs two digits should not wait for sixteen."""
    return _newton(f, x0, steps, 1e-8)


@replaces("newton_root")
def steps_ignored(f, x0, steps=50, tolerance=1e-8):
    """The number of steps that was passed in makes no difference: it went on as long as it liked. The caller decides when to give up."""
    return _newton(f, x0, 50, tolerance)


@replaces("newton_root")
def hundred_steps_by_default(f, x0, steps=100, tolerance=1e-8):
    """Right whenever the number of steps is given. When it is left out, there are more of them than the definition says."""
    return _newton(f, x0, steps, tolerance)


@replaces("newton_root")
def all_steps_made(f, x0, steps=50, tolerance=1e-8):
    """All the steps were made, and only then was it asked whether the last one was small. The first move that is small enough is the last."""
    x, move = _double(x0), math.inf
    for _ in range(steps):
        if f(x) == 0:
            return x
        rise = right.derivative(f, x)
        move = f(x) / rise
        x = x - move
        if rise == 0 or not x.isfinite():
            raise RuntimeError("no root")
    if abs(move) <= tolerance:
        return x
    raise RuntimeError("no root")


@replaces("newton_root")
def one_step_too_many(f, x0, steps=50, tolerance=1e-8):
    """One step more than allowed was made before it gave up."""
    return _newton(f, x0, steps + 1, tolerance)


@replaces("newton_root")
def last_step_not_looked_at(f, x0, steps=50, tolerance=1e-8):
    """It gave up although the last of the steps was small enough: the move was compared with the tolerance only when the next step began, and there was none."""
    return _newton(f, x0, steps - 1, tolerance)


@replaces("newton_root")
def last_place_returned_without_a_root(f, x0, steps=50, tolerance=1e-8):
    """When the steps were used up, the last place was returned as if it were a root. A number that looks like an answer and is none is worse than an error: raise the RuntimeError."""
    x = _double(x0)
    for _ in range(steps):
        if f(x) == 0:
            return x
        rise = right.derivative(f, x)
        moved = x - f(x) / rise
        if rise == 0 or not moved.isfinite():
            raise RuntimeError("no root")
        if (moved - x).abs() <= tolerance:
            return moved
        x = moved
    return x


@replaces("newton_root")
def nothing_returned_without_a_root(f, x0, steps=50, tolerance=1e-8):
    """Where there is no root to return, None came back, by falling off the end of the loop or on purpose. Raise a RuntimeError: the caller would go on computing with it."""
    try:
        return _newton(f, x0, steps, tolerance)
    except RuntimeError:
        return None


@replaces("newton_root")
def not_a_number_without_a_root(f, x0, steps=50, tolerance=1e-8):
    """Where there is no root to return, NaN came back. It spreads silently to everything that is computed from it: raise a RuntimeError."""
    try:
        return _newton(f, x0, steps, tolerance)
    except RuntimeError:
        return _double(math.nan)


@replaces("newton_root")
def another_error_raised(f, x0, steps=50, tolerance=1e-8):
    """The failures are noticed, but the error is a ValueError or another one. Nothing is wrong with the arguments; the search failed on the way, and for that a RuntimeError was agreed."""
    return _newton(f, x0, steps, tolerance, failed=ValueError)


@replaces("newton_root")
def level_slope_not_noticed(f, x0, steps=50, tolerance=1e-8):
    """The value was divided by a slope of 0, and what came of it, infinity or NaN, was returned: a comparison with NaN is never true, so it slips through a loop that waits for large moves to end."""
    x, moved, count = _double(x0), None, 0
    while True:
        if f(x) == 0:
            return x
        moved = x - f(x) / right.derivative(f, x)
        count += 1
        if not (moved - x).abs() > tolerance or not moved.isfinite():
            return moved
        if count == steps:
            raise RuntimeError("no root")
        x = moved


@replaces("newton_root")
def small_slope_taken_for_level(f, x0, steps=50, tolerance=1e-8):
    """A slope below some small number was refused as if it were 0. How small a slope is depends on the units of f, and a small value divided by a small slope is an ordinary move. Only a slope of exactly 0 has no root."""

    def slope(f, x):
        found = right.derivative(f, x)
        return found if found.abs() > 1e-10 else torch.zeros_like(found)

    return _newton(f, x0, steps, tolerance, slope=slope)


@replaces("newton_root")
def level_slope_taken_for_a_root(f, x0, steps=50, tolerance=1e-8):
    """Where the slope is 0, x was returned. A level slope marks a minimum, a maximum or a rest; f need not be zero there."""
    x = _double(x0)
    for _ in range(steps):
        rise = right.derivative(f, x)
        if rise == 0 or f(x) == 0:
            return x
        moved = x - f(x) / rise
        if not moved.isfinite():
            raise RuntimeError("no root")
        if (moved - x).abs() <= tolerance:
            return moved
        x = moved
    raise RuntimeError("no root")


@replaces("newton_root")
def small_number_added_to_the_slope(f, x0, steps=50, tolerance=1e-8):
    """A small number was added to the slope to keep 0 away. It spoils every small slope, which is what a double root has around it, and where the slope is 0 it sends x to a place that means nothing. Only a slope of exactly 0 is special, and it is a failure."""
    return _newton(f, x0, steps, tolerance, slope=lambda f, x: right.derivative(f, x) + 1e-3)


@replaces("newton_root")
def level_root_refused(f, x0, steps=50, tolerance=1e-8):
    """Right but where f and its slope are both 0: that is a root, and it was refused for its slope, or 0 was divided by 0. Look at the value of f first."""
    x = _double(x0)
    for _ in range(steps):
        rise = right.derivative(f, x)
        moved = x - f(x) / rise
        if rise == 0 or not moved.isfinite():
            raise RuntimeError("no root")
        if (moved - x).abs() <= tolerance:
            return moved
        x = moved
    raise RuntimeError("no root")


@replaces("newton_root")
def start_in_its_own_dtype(f, x0, steps=50, tolerance=1e-8):
    """The start was taken in the dtype that it came in, and the root has no more digits than that, if f takes it at all. Turn it into float64 first."""
    x = torch.as_tensor(x0)
    if not x.is_floating_point():
        x = x.float()
    if x.dtype == TWO or isinstance(x0, float):
        return _newton(f, x0, steps, tolerance)
    return _newton(f, x0, steps, tolerance).to(x.dtype)


@replaces("newton_root")
def root_by_way_of_float32(f, x0, steps=50, tolerance=1e-8):
    """The root went through float32 before it was returned, and lost half of its digits."""
    return _newton(f, x0, steps, tolerance).float().to(TWO)


@replaces("newton_root")
def start_moved_in_place(f, x0, steps=50, tolerance=1e-8):
    """The root is right, but the tensor that was passed in as the start has been moved there: -= works on the caller's own tensor."""
    root = _newton(f, x0, steps, tolerance)
    if isinstance(x0, torch.Tensor) and x0.dtype == TWO:
        x0.copy_(root)
    return root
