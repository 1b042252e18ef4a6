"""Wrong limits and wrong verdicts, each named for what its author believed. The docstring is the hint that a learner reads."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import limits as right

TWO = torch.float64
NONE = torch.tensor(math.nan, dtype=TWO)


def _double(x):
    return torch.as_tensor(x, dtype=TWO)


def _sides(f, x):
    """The right limits from the left and from the right, NaN where there is none."""
    return right.limit(f, x, "left"), right.limit(f, x, "right")


def _known(side):
    if side not in ("both", "left", "right"):
        raise ValueError(side)


def _limit(f, x, side, of_one=None, of_both=None):
    """The right procedure, with one part changed: what a side's values tend to, or how the two sides are put together."""
    _known(side)
    x = _double(x)
    of_one = of_one or (lambda values: right._settled(values))
    if x.isinf():
        return of_one(f(x.sign() / right.STEPS))
    left = of_one(f(x - right.STEPS)) if side != "right" else None
    after = of_one(f(x + right.STEPS)) if side != "left" else None
    if side != "both":
        return left if after is None else after
    if of_both is not None:
        return of_both(left, after)
    return (left + after) / 2 if abs(left - after) <= 1e-3 * (1 + abs(left)) else NONE


def _at(f, x, side, h, none=True):
    """f at one step, or the mean of both sides; NaN where the right answer is NaN, unless that is what is wrong."""
    _known(side)
    x = _double(x)
    if none and right.limit(f, x, side).isnan():
        return NONE
    if x.isinf():
        return f(x.sign() / h)
    values = {"left": f(x - h), "right": f(x + h)}
    return values[side] if side != "both" else (values["left"] + values["right"]) / 2


# ── limit ──


@replaces("limit")
def value_at_x(f, x, side="both"):
    """This is f(x). The limit is what f comes near to *beside* x; what it is at x itself has no influence, and in the cases that matter there is nothing at x, or something else."""
    _known(side)
    return f(_double(x))


@replaces("limit")
def value_at_x_where_there_is_one(f, x, side="both"):
    """Where f has a finite value at x, that was returned, and the limit only elsewhere. A function may have a value at x that it comes nowhere near to: never ask it there."""
    _known(side)
    there = f(_double(x))
    return there if there.isfinite() else right.limit(f, x, side)


@replaces("limit")
def x_among_the_places(f, x, side="both"):
    """The limit is right, but f was asked at x itself, too, where it may raise an error. Its value there has no influence, so there is no need to know it."""
    f(_double(x))
    return right.limit(f, x, side)


@replaces("limit")
def step_as_small_as_can_be(f, x, side="both"):
    """The value at one tiny step was taken for the limit. A difference of nearly equal numbers has no digits left there: (1 - cos h) / h² is 0 for h = 1e-9, and its limit is a half."""
    return _at(f, x, side, 1e-9)


@replaces("limit")
def one_wide_step(f, x, side="both"):
    """The value at one step of 0.001 was taken for the limit. A function with a slope is still far away there: three digits of the seven are right. Compare several steps, and use what is known of their errors."""
    return _at(f, x, side, 1e-3)


@replaces("limit")
def one_step_of_a_hundred_thousandth(f, x, side="both"):
    """The value at one step of about 1e-5 was taken for the limit: near enough for five or six digits, but not for seven, and for a difference of nearly equal numbers rounding already shows. No single step serves all functions."""
    return _at(f, x, side, 1e-5)


@replaces("limit")
def value_at_the_last_step_whatever_comes(f, x, side="both"):
    """The value at the smallest step was returned, whether or not the values before it were going anywhere. Values that swing or run away have a last one, too: look at several, and return NaN where they do not settle."""
    return _limit(f, x, side, of_one=lambda values: 2 * values[0] - values[1])


@replaces("limit")
def last_two_compared_with_a_wide_margin(f, x, side="both"):
    """Values were taken for settled when the last two differed by less than 1. A logarithm falls by 0.7 whenever the step is halved, and never stops; a swing is often less than 1 wide."""

    def of_one(values):
        return right._settled(values) if (values[0] - values[1]).abs() > 1 else 2 * values[0] - values[1]

    return _limit(f, x, side, of_one)


@replaces("limit")
def only_from_the_right(f, x, side="both"):
    """Where both sides were asked for, only the right one was looked at. At a jump that gives the upper or the lower end of it; there, the two sides have no limit in common."""
    return right.limit(f, x, "right" if side == "both" else side)


@replaces("limit")
def only_from_the_left(f, x, side="both"):
    """Where both sides were asked for, only the left one was looked at. At a jump there is no limit from both."""
    return right.limit(f, x, "left" if side == "both" else side)


@replaces("limit")
def sides_exchanged(f, x, side="both"):
    """Left and right have been exchanged: "right" means that t is larger than x and comes down to it."""
    return right.limit(f, x, {"left": "right", "right": "left"}.get(side, side))


@replaces("limit")
def other_side_asked_too(f, x, side="both"):
    """The limit is right, but f was asked on the other side as well, where it may have no values and raise an error. Whoever asks for one side means that one."""
    _known(side)
    at = _double(x)
    if at.isfinite():
        f(at - 0.01), f(at + 0.01)
    return right.limit(f, x, side)


@replaces("limit")
def agreement_beside_the_limit_alone(f, x, side="both"):
    """How well values must agree was measured as a share of the limit itself. Where that is 0, no difference is small enough, and a limit that is there was not found: measure beside 1 plus the size of the limit."""
    found = right.limit(f, x, side)
    return NONE if found.abs() < 1e-6 else found


@replaces("limit")
def side_ignored(f, x, side="both"):
    """The side that was asked for makes no difference: both were used. At a jump each side has a limit of its own."""
    _known(side)
    return right.limit(f, x)


@replaces("limit")
def middle_of_the_jump(f, x, side="both"):
    """The mean of both sides was returned although they differ. The function comes near to the middle of a jump from neither side: there is no limit there, and the answer is NaN."""
    return _limit(f, x, side, of_both=lambda left, after: (left + after) / 2)


@replaces("limit")
def values_of_both_sides_averaged_first(f, x, side="both"):
    """The values on both sides were averaged step by step, and only the averages were looked at. Whatever is odd about x cancels in them: 1/t seems to have the limit 0, and a jump its middle."""
    _known(side)
    if side != "both" or _double(x).isinf():
        return right.limit(f, x, side)
    x = _double(x)
    return right._settled((f(x - right.STEPS) + f(x + right.STEPS)) / 2)


@replaces("limit")
def sizes_of_the_sides_compared(f, x, side="both"):
    """The two sides were compared by their size, without the sign: -1 and 1 are far apart."""

    def of_both(left, after):
        return after if abs(abs(left) - abs(after)) <= 1e-3 * (1 + abs(after)) else NONE

    return _limit(f, x, side, of_both=of_both)


@replaces("limit")
def small_jumps_overlooked(f, x, side="both"):
    """Sides that differ by up to a quarter of a unit were taken for equal. How far apart they may be by the error of the method is known, and it is far less: a jump of a tenth is a jump."""

    def of_both(left, after):
        return (left + after) / 2 if abs(left - after) <= 0.25 * (1 + abs(left)) else NONE

    return _limit(f, x, side, of_both=of_both)


@replaces("limit")
def jumps_downward_overlooked(f, x, side="both"):
    """The difference of the two sides was compared with its sign: a jump downward is a negative number, and passed for none. It is the distance that counts."""

    def of_both(left, after):
        return (left + after) / 2 if after - left <= 1e-3 * (1 + abs(left)) else NONE

    return _limit(f, x, side, of_both=of_both)


@replaces("limit")
def sides_equal_to_the_last_digit(f, x, side="both"):
    """The two sides were asked to be equal exactly, or to twelve digits. Each is measured with an error of its own; where they belong together, they agree to some seven digits, and no more can be asked."""

    def of_both(left, after):
        return (left + after) / 2 if abs(left - after) <= 1e-13 * (1 + abs(left)) else NONE

    return _limit(f, x, side, of_both=of_both)


@replaces("limit")
def missing_side_left_out(f, x, side="both"):
    """Where one side has no limit, that of the other was returned for both. From both sides means that each has one, and the same."""
    _known(side)
    if side != "both" or _double(x).isinf():
        return right.limit(f, x, side)
    left, after = _sides(f, x)
    if left.isnan() or after.isnan():
        return after if left.isnan() else left
    return right.limit(f, x)


@replaces("limit")
def infinity_for_what_runs_away(f, x, side="both"):
    """Where values grow beyond all bounds, infinity was returned. Many books write it so, but infinity is no number that values come near to, and here the answer is NaN."""
    found = right.limit(f, x, side)
    x = _double(x)
    near = f(x.sign() / right.STEPS) if x.isinf() else f(x + (-1 if side == "left" else 1) * right.STEPS)
    if found.isnan() and near[0].abs() > 1e4:
        return near[0].sign() * math.inf
    return found


@replaces("limit")
def error_for_no_limit(f, x, side="both"):
    """Where there is no limit, an error was raised. That a function has no limit somewhere is an ordinary answer here, and NaN is how it is given."""
    found = right.limit(f, x, side)
    if found.isnan():
        raise ValueError("there is no limit")
    return found


@replaces("limit")
def nothing_for_no_limit(f, x, side="both"):
    """Where there is no limit, None came back, by falling off the end of the function or on purpose. The answer is NaN, which can be computed with."""
    found = right.limit(f, x, side)
    return None if found.isnan() else found


@replaces("limit")
def zero_for_no_limit(f, x, side="both"):
    """Where there is no limit, 0 was returned. That is a number like any other, and a limit that many functions have: nobody could tell the two apart."""
    return right.limit(f, x, side).nan_to_num(0.0)


@replaces("limit")
def step_added_to_infinity(f, x, side="both"):
    """At infinity, a step was added as anywhere else. Infinity plus a step is infinity: f was asked at infinity itself. Let t grow instead, and if you like, as one over a step."""
    _known(side)
    x = _double(x)
    return f(x) if x.isinf() else right.limit(f, x, side)


@replaces("limit")
def minus_infinity_taken_for_infinity(f, x, side="both"):
    """At minus infinity, t was made large and positive. It is to fall beyond all bounds."""
    return right.limit(f, _double(x).abs() if _double(x).isinf() else x, side)


@replaces("limit")
def number_called_infinity(f, x, side="both"):
    """A large number, about a thousand, was put in for infinity, once. At such a place a function is still far from where it is going, and whether it is going anywhere cannot be seen from one value."""
    _known(side)
    x = _double(x)
    return f(x.sign() * 1e3) if x.isinf() else right.limit(f, x, side)


@replaces("limit")
def side_wanted_at_infinity(f, x, side="both"):
    """At infinity, only one of the sides was accepted, and for the other NaN was returned. There is one side only, and whatever was asked for is taken for that."""
    x_is, wrong = _double(x), {math.inf: "right", -math.inf: "left"}
    found = right.limit(f, x, side)
    return NONE if x_is.isinf() and side == wrong[float(x_is)] else found


@replaces("limit")
def unknown_side_taken_for_both(f, x, side="both"):
    """A side that does not exist was taken for one of the three, without a word. Whoever writes "Right" or "up" should be told, by a ValueError."""
    return right.limit(f, x, side if side in ("left", "right") else "both")


@replaces("limit")
def agreement_without_regard_to_size(f, x, side="both"):
    """How well values must agree was fixed once for all. Values of a million differ in their last digits by more than values of 1 do, and were refused although they settle: measure the difference by the size of the values."""

    def of_one(values):
        found = right._settled(values)
        spread = (2 * values[:-1] - values[1:])[6:11]
        return NONE if found.abs() > 1e4 and (spread.amax() - spread.amin()) > 1e-9 else found

    return _limit(f, x, side, of_one)


@replaces("limit")
def swings_refused_although_they_die_away(f, x, side="both"):
    """Values that swing while they come nearer were taken for values that do not settle, since they agree in three or four digits only. They stay between two lines that meet at x, and so have a limit."""

    def of_one(values):
        sharper = 2 * values[:-1] - values[1:]
        windows = sharper.unfold(0, 5, 1)
        best = (windows.amax(1) - windows.amin(1)).nan_to_num(math.inf).amin()
        found = right._settled(values)
        return found if best <= 1e-8 * (1 + found.abs()) else NONE

    return _limit(f, x, side, of_one)


@replaces("limit")
def slope_instead_of_limit(f, x, side="both"):
    """This is what the difference quotient tends to: the slope. Asked for is what f itself comes near to."""
    _known(side)
    x, h = _double(x), 1e-4
    if x.isinf():
        return (f(x.sign() / h) - f(x.sign() / h - 1)).nan_to_num(0.0)
    return (f(x + h) - f(x + h / 2)) / (h / 2) if side != "left" else (f(x - h / 2) - f(x - h)) / (h / 2)


@replaces("limit")
def places_in_float32(f, x, side="both"):
    """f was asked at places in float32, as tensors are unless they are told otherwise. A small step beside x has few digits left there, or none, and differences of nearly equal numbers lose theirs at once."""
    return _limit(lambda t: f(t.float()).to(TWO), x, side)


@replaces("limit")
def rounded_to_three_decimals(f, x, side="both"):
    """The result was rounded to a few decimals, which makes it look exact. Digits that were there are lost: return what came out."""
    return right.limit(f, x, side).round(decimals=3)


@replaces("limit")
def x_moved_in_place(f, x, side="both"):
    """The limit is right, but the tensor that was passed in as x has been moved: += and -= work on the caller's own tensor. Make new places."""
    found = right.limit(f, x, side)
    if isinstance(x, torch.Tensor) and x.dtype == TWO:
        x += 1e-7
    return found


# ── is_continuous_at ──


def _verdict(f, x, tolerance, near):
    """Is what f comes near to, in somebody's opinion, its value?"""
    return bool((near(f, x) - f(_double(x))).abs() <= tolerance)


@replaces("is_continuous_at")
def limit_alone_asked_for(f, x, tolerance=1e-6):
    """It was asked whether there is a limit, not whether f(x) is that limit. A single point that lies elsewhere, or is missing, is a break, too."""
    return not bool(right.limit(f, x).isnan())


@replaces("is_continuous_at")
def hole_taken_for_continuous(f, x, tolerance=1e-6):
    """Where f has a limit and no value, it was called continuous, because the hole could be filled. It could; but this f has not filled it."""
    found, there = right.limit(f, x), f(_double(x))
    return bool(not found.isnan() and (there.isnan() or (found - there).abs() <= tolerance))


@replaces("is_continuous_at")
def value_alone_asked_for(f, x, tolerance=1e-6):
    """It was asked whether f has a finite value at x. A function has values at its jumps as well: compare the value with the limit."""
    return bool(f(_double(x)).isfinite())


@replaces("is_continuous_at")
def right_side_alone(f, x, tolerance=1e-6):
    """Only the right side was compared with f(x). A function that jumps right after its value has to be noticed, and one that jumps right before it, as well."""
    return _verdict(f, x, tolerance, lambda f, x: right.limit(f, x, "right"))


@replaces("is_continuous_at")
def left_side_alone(f, x, tolerance=1e-6):
    """Only the left side was compared with f(x). What comes after x counts as much."""
    return _verdict(f, x, tolerance, lambda f, x: right.limit(f, x, "left"))


@replaces("is_continuous_at")
def either_side_is_enough(f, x, tolerance=1e-6):
    """It was enough that one of the two sides comes near to f(x). Each of them has to."""
    there = f(_double(x))
    return any(bool((one - there).abs() <= tolerance) for one in _sides(f, x))


@replaces("is_continuous_at")
def end_of_the_domain_accepted(f, x, tolerance=1e-6):
    """A side on which f has no values was left out, and the other one decided. Some books do so at the end of a domain. Here both sides are needed."""
    there, (left, after) = f(_double(x)), _sides(f, x)
    h = 1e-5
    left = there if f(_double(x) - h).isnan() else left
    after = there if f(_double(x) + h).isnan() else after
    return bool(((left - there).abs() <= tolerance) & ((after - there).abs() <= tolerance))


@replaces("is_continuous_at")
def sides_alone_compared(f, x, tolerance=1e-6):
    """The two sides were compared with each other and not with f(x). They agree around a single point that lies elsewhere."""
    left, after = _sides(f, x)
    return bool((left - after).abs() <= max(tolerance, 1e-3))


@replaces("is_continuous_at")
def mean_of_the_sides_accepted(f, x, tolerance=1e-6):
    """The mean of both sides was compared with f(x). At a jump whose middle is the value, and for 1/t with the value 0 at 0, that agrees; but neither side comes near to it."""
    x = _double(x)
    near = right._settled((f(x - right.STEPS) + f(x + right.STEPS)) / 2)
    return bool((near - f(x)).abs() <= tolerance)


@replaces("is_continuous_at")
def difference_with_its_sign(f, x, tolerance=1e-6):
    """The limit less the value was compared with the tolerance, sign and all: a value that is too high gives a negative number, which is always small enough."""
    return bool(right.limit(f, x) - f(_double(x)) <= tolerance)


@replaces("is_continuous_at")
def difference_with_the_other_sign(f, x, tolerance=1e-6):
    """The value less the limit was compared with the tolerance, sign and all: a value that is too low gives a negative number, which is always small enough."""
    return bool(f(_double(x)) - right.limit(f, x) <= tolerance)


@replaces("is_continuous_at")
def distance_compared_the_wrong_way(f, x, tolerance=1e-6):
    """It asked whether the distance is *too large* and denied that. A comparison with NaN is never true, so where there is no limit or no value the answer came out as continuous."""
    return not bool((right.limit(f, x) - f(_double(x))).abs() > tolerance)


@replaces("is_continuous_at")
def the_opposite(f, x, tolerance=1e-6):
    """The verdicts are all the wrong way round."""
    return not right.is_continuous_at(f, x, tolerance)


@replaces("is_continuous_at")
def equal_to_the_last_digit(f, x, tolerance=1e-6):
    """The limit was asked to equal f(x) exactly. It is measured, with an error, and hardly ever equal to the last digit: that is what the tolerance is for."""
    return bool(right.limit(f, x) == f(_double(x)))


@replaces("is_continuous_at")
def another_tolerance(f, x, tolerance=1e-6):
    """The tolerance that was passed in makes no difference: 1e-6 was used, whatever it was."""
    return right.is_continuous_at(f, x)


@replaces("is_continuous_at")
def default_of_a_thousandth(f, x, tolerance=1e-3):
    """Right whenever a tolerance is given. Where it is left out, it is larger than the definition says."""
    return right.is_continuous_at(f, x, tolerance)


@replaces("is_continuous_at")
def tolerance_as_a_share(f, x, tolerance=1e-6):
    """The tolerance was taken as a share of the value: large values were allowed to be farther off, and small ones less. Here it is the distance itself."""
    there = f(_double(x))
    return bool((right.limit(f, x) - there).abs() <= tolerance * there.abs())


@replaces("is_continuous_at")
def neighbors_within_the_tolerance(f, x, tolerance=1e-6):
    """f(x) was compared with f at places beside x. With a tolerance wide enough, a jump or an endless swing fits into it; and with a narrow one a steep function does not. Ask for the limit first, whatever the tolerance."""
    x = _double(x)
    near = torch.stack([f(x + h) for h in (1e-5, -1e-5, 3e-6, -3e-6)])
    return bool(((near - f(x)).abs() <= tolerance).all())


@replaces("is_continuous_at")
def one_tiny_step_to_each_side(f, x, tolerance=1e-6):
    """f(x) was compared with f one tiny step to each side of it. Differences of nearly equal numbers are all rounding there, so that the true value of a filled hole was refused, and a wrong one accepted."""
    x = _double(x)
    near = torch.stack([f(x + h) for h in (1e-9, -1e-9)])
    agree = (near[0] - near[1]).abs() <= 1e-3 * (1 + near[0].abs())
    return bool(agree & ((near - f(x)).abs() <= tolerance + 1e-6).all())


@replaces("is_continuous_at")
def number_by_way_of_float32(f, x, tolerance=1e-6):
    """A number became a float32 tensor before it became float64, as tensors of Python numbers do unless they are told otherwise. It is not the same number any more, and f was asked for its value beside x."""
    return bool((right.limit(f, x) - f(torch.as_tensor(x).float().to(TWO))).abs() <= tolerance)


@replaces("is_continuous_at")
def corners_refused(f, x, tolerance=1e-6):
    """A corner was called a break: the slopes on both sides were compared. Continuous means that f(x) is where f is going, and f may turn there as sharply as it likes."""
    x, h = _double(x), 1e-4
    rises = (f(x + h) - f(x)) / h, (f(x) - f(x - h)) / h
    return right.is_continuous_at(f, x, tolerance) and bool((rises[0] - rises[1]).abs() < 0.1)


@replaces("is_continuous_at")
def x_moved_by_the_verdict(f, x, tolerance=1e-6):
    """The verdict is right, but the tensor that was passed in as x has been moved: += and -= work on the caller's own tensor. Make new places."""
    found = right.is_continuous_at(f, x, tolerance)
    if isinstance(x, torch.Tensor) and x.dtype == TWO:
        x -= 1e-7
    return found
