"""Wrong gradients and wrong checks, each named for what its author believed. The docstring is the hint that a learner reads."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import gradients as right

TWO = torch.float64
H = 1e-4


def _axes(x):
    """One tensor of the shape of x for each of its entries, 1 there and 0 elsewhere."""
    return torch.eye(x.numel(), dtype=TWO).reshape(-1, *x.shape)


def _collected(slopes, x):
    return torch.stack(slopes).reshape(x.shape) if slopes else torch.zeros(x.shape, dtype=TWO)


def _central(f, x, step, width=2 * H):
    return (f(x + step) - f(x - step)) / width


def _unit(x, direction, length=None):
    """The direction divided by its length, after the checks."""
    if x.shape != direction.shape or not direction.any():
        raise ValueError("no direction")
    direction = direction.to(TWO)
    return direction / (direction.square().sum().sqrt() if length is None else length(direction))


def _along(f, x, unit):
    return _central(f, x.to(TWO), H * unit)


def _off(f, grad, x):
    """Claimed and measured, with shapes that agree or None."""
    x = x.to(TWO)
    claimed = grad(x)
    return (claimed.to(TWO), right.gradient(f, x)) if claimed.shape == x.shape else None


# ── gradient ──


@replaces("gradient")
def forward_differences(f, x):
    """These are one-sided differences: the bend of f enters with its full weight and leaves only four digits or so. Step to both sides of x."""
    x = x.to(TWO)
    return _collected([(f(x + H * axis) - f(x)) / H for axis in _axes(x)], x)


@replaces("gradient")
def twice_too_large(f, x):
    """The slopes are twice too large: from one side of x to the other the way is two steps long."""
    x = x.to(TWO)
    return _collected([_central(f, x, H * axis, H) for axis in _axes(x)], x)


@replaces("gradient")
def downhill(f, x):
    """The signs are wrong. The gradient points to where f rises; to go downhill one subtracts it."""
    return -right.gradient(f, x)


@replaces("gradient")
def all_entries_moved_together(f, x):
    """All entries were moved at the same time, so every slope came out as the sum of all of them. Move one entry alone, the others stay where they are."""
    x = x.to(TWO)
    return torch.full(x.shape, float(_central(f, x, H * torch.ones_like(x))), dtype=TWO)


@replaces("gradient")
def slopes_added_up(f, x):
    """The slopes were added up to one number. The gradient keeps them apart: as many numbers as x has, in its shape."""
    return right.gradient(f, x).sum()


@replaces("gradient")
def entries_not_moved_back(f, x):
    """An entry that had been moved stayed where it was while the next ones were measured, so all but the first slope are those of another place, a little way off. Begin anew from x for each entry."""
    x = x.to(TWO)
    moved, slopes = x.clone(), []
    for axis in _axes(x):
        slopes.append(_central(f, moved, H * axis))
        moved = moved - 100 * H * axis
    return _collected(slopes, x)


@replaces("gradient")
def rows_moved_together(f, x):
    """Right for a vector. In a matrix the first index alone was moved, which moves a whole row, and every entry of the row got the slope of the row. Each single entry has a slope of its own."""
    x = x.to(TWO)
    if x.dim() < 2:
        return right.gradient(f, x)
    slopes = []
    for i in range(x.shape[0]):
        step = torch.zeros_like(x)
        step[i] = H
        slopes.append(_central(f, x, step).expand(x.shape[1:]))
    return torch.stack(slopes)


@replaces("gradient")
def flattened(f, x):
    """The slopes are right, but they lie in one long row. A gradient has the shape of x, so that the two can be added."""
    return right.gradient(f, x).reshape(-1)


@replaces("gradient")
def transposed(f, x):
    """The gradient of a matrix came out transposed. The slope of an entry belongs in the place of that entry."""
    found = right.gradient(f, x)
    return found.mT if x.dim() > 1 else found


@replaces("gradient")
def length_one(f, x):
    """The gradient was divided by its length. Its direction is right, but how steep it is has been lost."""
    found = right.gradient(f, x)
    length = found.norm()
    return found / length if length > 0 else found


@replaces("gradient")
def magnitudes_only(f, x):
    """The signs are lost. A slope is negative where f falls when the entry grows."""
    return right.gradient(f, x).abs()


@replaces("gradient")
def step_in_proportion_to_the_entry(f, x):
    """The step was taken in proportion to the entry. For an entry of zero that is no step at all, and 0 is divided by 0."""
    x = x.to(TWO)
    return _collected(
        [_central(f, x, H * axis * x, 2 * H * (axis * x).sum().abs()) * (axis * x).sum().sign() for axis in _axes(x)], x
    )


@replaces("gradient")
def step_far_too_small(f, x):
    """The step is far too small. f(x + step) and f(x - step) agree in nearly all of their digits, and beside a large value of f only rounding is left of the difference."""
    x = x.to(TWO)
    return _collected([_central(f, x, 1e-9 * axis, 2e-9) for axis in _axes(x)], x)


@replaces("gradient")
def step_far_too_large(f, x):
    """The step is far too large: this is the slope from one side of a region to the other, and f bends within it."""
    x = x.to(TWO)
    return _collected([_central(f, x, 0.1 * axis, 0.2) for axis in _axes(x)], x)


@replaces("gradient")
def dtype_kept(f, x):
    """x was left in the dtype that it came in. In float32 or half precision a step of 1e-4 is lost in rounding, to whole numbers it cannot be added at all, and f was promised float64."""
    if x.dtype != TWO:
        return right.gradient(f, x).to(x.dtype)
    return right.gradient(f, x)


@replaces("gradient")
def entries_moved_in_place(f, x):
    """x itself was moved, and moved back. While f ran, the caller's tensor was another, and f may use it; besides, adding and subtracting a step does not always lead back to the same number. Make a copy."""
    if x.dtype != TWO:
        return right.gradient(f, x)
    slopes = []
    for axis in _axes(x):
        before = x.clone()
        x.add_(H * axis)
        high = f(x)
        x.copy_(before).sub_(H * axis)
        low = f(x)
        x.copy_(before)
        slopes.append((high - low) / (2 * H))
    return _collected(slopes, x)


@replaces("gradient")
def value_times_x(f, x):
    """The value of f was divided by the entries of x. A slope is about how f *changes* when an entry does."""
    x = x.to(TWO)
    return f(x) / torch.where(x == 0, 1.0, x)


# ── directional_derivative ──


@replaces("directional_derivative")
def direction_not_scaled(f, x, direction):
    """The direction was used as long as it is: this is how much f rises for one whole `direction`, and it doubles when the direction is doubled. Asked for is the rise for each unit of the way: give the direction length 1."""
    _unit(x, direction)
    return (right.gradient(f, x) * direction.to(TWO)).sum()


@replaces("directional_derivative")
def divided_by_the_square_of_the_length(f, x, direction):
    """The slope was divided by the square of the direction's length, as in a projection. Once is enough."""
    _unit(x, direction)
    direction = direction.to(TWO)
    return (right.gradient(f, x) * direction).sum() / direction.square().sum()


@replaces("directional_derivative")
def entries_that_sum_to_one(f, x, direction):
    """The direction was divided by the sum of the magnitudes of its entries. The length of a way is the root of the sum of the squares."""
    return _along(f, x, _unit(x, direction, lambda d: d.abs().sum()))


@replaces("directional_derivative")
def largest_entry_made_one(f, x, direction):
    """The direction was divided by its largest entry. The length of a way is the root of the sum of the squares."""
    return _along(f, x, _unit(x, direction, lambda d: d.abs().amax()))


@replaces("directional_derivative")
def rows_scaled_one_by_one(f, x, direction):
    """Right for vectors. In a matrix each row was given length 1 for itself, which changes the direction; the length is that of all entries together."""
    return _along(f, x, _unit(x, direction, lambda d: d.square().sum(dim=-1, keepdim=True).sqrt()))


@replaces("directional_derivative")
def slope_of_the_steepest_way(f, x, direction):
    """This is the length of the gradient, the slope in the steepest direction. In any other it is smaller, and may be negative."""
    _unit(x, direction)
    return right.gradient(f, x).norm()


@replaces("directional_derivative")
def products_kept_apart(f, x, direction):
    """These are the shares of the single entries in the slope. The slope in a direction is one number: their sum."""
    return right.gradient(f, x) * _unit(x, direction)


@replaces("directional_derivative")
def cosine_only(f, x, direction):
    """This is the cosine of the angle between gradient and direction. It says how they agree, but not how steep f is: the gradient's length belongs in it."""
    slopes = right.gradient(f, x)
    return (slopes * _unit(x, direction)).sum() / slopes.norm()


@replaces("directional_derivative")
def one_sided(f, x, direction):
    """The slope was measured to one side of x only: the bend of f enters with its full weight. Step forward and back."""
    x, unit = x.to(TWO), _unit(x, direction)
    return (f(x + H * unit) - f(x)) / H


@replaces("directional_derivative")
def backward_for_forward(f, x, direction):
    """The sign is wrong: where f rises in this direction its slope is positive."""
    return -right.directional_derivative(f, x, direction)


@replaces("directional_derivative")
def way_never_negative(f, x, direction):
    """The sign is lost: a slope is negative where f falls in this direction."""
    return right.directional_derivative(f, x, direction).abs()


@replaces("directional_derivative")
def width_of_one_step(f, x, direction):
    """The slope is twice too large: from one step back to one step forward the way is two steps long."""
    return 2 * right.directional_derivative(f, x, direction)


@replaces("directional_derivative")
def step_too_small_for_the_value(f, x, direction):
    """The step is far too small, or it shrinks with the direction: beside a large value of f only rounding is left of the difference."""
    x, unit = x.to(TWO), _unit(x, direction)
    return _central(f, x, 1e-9 * unit, 2e-9)


@replaces("directional_derivative")
def step_as_long_as_the_direction(f, x, direction):
    """Divided by the length it was, but the step itself is in proportion to the length of the direction: a long one takes f to another region, a tiny one does not move it at all. Give it length 1 *before* the step."""
    _unit(x, direction)
    x, direction = x.to(TWO), direction.to(TWO)
    return _central(f, x, H * direction, 2 * H * direction.norm())


@replaces("directional_derivative")
def zero_is_a_direction(f, x, direction):
    """A direction of zeros got a number: 0, or NaN from 0/0. It points nowhere, so there is no slope to speak of: raise a ValueError."""
    if x.shape == direction.shape and not direction.any():
        return torch.zeros((), dtype=TWO)
    return right.directional_derivative(f, x, direction)


@replaces("directional_derivative")
def small_number_added_to_the_length(f, x, direction):
    """A small number was added to the length, or a short direction taken for zero. A short direction is as good as a long one; only zeros are none."""
    _unit(x, direction)
    direction = direction.to(TWO)
    return _along(f, x, direction / (direction.norm() + 1e-8))


@replaces("directional_derivative")
def shapes_left_to_broadcasting(f, x, direction):
    """The shapes were not compared. PyTorch stretches a row over a matrix without a word, and the direction becomes another one; raise a ValueError first."""
    x, direction = x.to(TWO), direction.to(TWO)
    if not direction.any():
        raise ValueError("no direction")
    return _along(f, x, direction / direction.norm())


@replaces("directional_derivative")
def direction_scaled_in_place(f, x, direction):
    """The slope is right, but the direction that was passed in has been divided by its length: /= works on the caller's own tensor."""
    result = right.directional_derivative(f, x, direction)
    if direction.is_floating_point():
        direction /= direction.norm()
    return result


@replaces("directional_derivative")
def slope_in_float32(f, x, direction):
    """Somewhere the numbers went through float32: a direction or a place with seven digits gives a slope with fewer. Turn both into float64 first."""
    return right.directional_derivative(f, x.float(), direction.float()).float()


# ── gradient_check ──


def _verdict(f, grad, x, allowed):
    both = _off(f, grad, x)
    return both is not None and bool(((both[0] - both[1]).abs() <= allowed(*both)).all())


@replaces("gradient_check")
def absolute_only(f, grad, x, tolerance=1e-5):
    """The difference was held to the tolerance alone. For slopes of 100 that asks for two digits more than for slopes of 1: what is allowed grows with the slope."""
    return _verdict(f, grad, x, lambda claimed, measured: tolerance)


@replaces("gradient_check")
def relative_only(f, grad, x, tolerance=1e-5):
    """The difference was held to a share of the slope alone. Where a slope is zero or nearly so nothing at all is allowed, and rounding fails a right gradient: the tolerance itself is always allowed."""
    return _verdict(f, grad, x, lambda claimed, measured: tolerance * measured.abs())


@replaces("gradient_check")
def largest_slope_for_all(f, grad, x, tolerance=1e-5):
    """All entries were held to the largest slope, or to the length of the whole gradient. A slope of 1 beside one of 1000 may then be wrong altogether: each entry has its own measure."""
    return _verdict(f, grad, x, lambda claimed, measured: tolerance * (1 + measured.abs().max()))


@replaces("gradient_check")
def difference_in_length_only(f, grad, x, tolerance=1e-5):
    """Only the lengths of the two gradients were compared. A gradient that points the other way is as long."""
    both = _off(f, grad, x)
    return both is not None and bool((both[0].norm() - both[1].norm()).abs() <= tolerance * (1 + both[1].norm()))


@replaces("gradient_check")
def direction_only(f, grad, x, tolerance=1e-5):
    """Only the directions were compared, by the cosine. A gradient that is twice too long points the same way."""
    both = _off(f, grad, x)
    if both is None:
        return False
    return bool(torch.nn.functional.cosine_similarity(both[0].reshape(-1), both[1].reshape(-1), dim=0) >= 1 - tolerance)


@replaces("gradient_check")
def sums_compared(f, grad, x, tolerance=1e-5):
    """The sums (or means) of the entries were compared, so errors that cancel each other are not seen. Compare entry by entry."""
    both = _off(f, grad, x)
    return both is not None and bool((both[0] - both[1]).sum().abs() <= tolerance * (1 + both[1].sum().abs()))


@replaces("gradient_check")
def mean_error(f, grad, x, tolerance=1e-5):
    """The mean of the errors was compared with what is allowed on average: one wrong entry among many is lost in it. All entries have to be right."""
    both = _off(f, grad, x)
    if both is None:
        return False
    return bool((both[0] - both[1]).abs().mean() <= tolerance * (1 + both[1].abs()).mean() * 10)


@replaces("gradient_check")
def one_right_entry_will_do(f, grad, x, tolerance=1e-5):
    """It is enough that some entry is right. All of them have to be."""
    both = _off(f, grad, x)
    return both is not None and bool(((both[0] - both[1]).abs() <= tolerance * (1 + both[1].abs())).any())


@replaces("gradient_check")
def first_entry_only(f, grad, x, tolerance=1e-5):
    """Only the first entry was looked at. Any of them can be wrong."""
    both = _off(f, grad, x)
    if both is None:
        return False
    claimed, measured = (one.reshape(-1)[:1] for one in both)
    return bool(((claimed - measured).abs() <= tolerance * (1 + measured.abs())).all())


@replaces("gradient_check")
def too_small_is_right(f, grad, x, tolerance=1e-5):
    """The sign of the difference was left on, so a claim that is too small is never found. It is the size of the difference that counts."""
    both = _off(f, grad, x)
    return both is not None and bool((both[0] - both[1] <= tolerance * (1 + both[1].abs())).all())


@replaces("gradient_check")
def too_large_is_right(f, grad, x, tolerance=1e-5):
    """The claim was subtracted from the measured slope and the sign left on, so a claim that is too large is never found. It is the size of the difference that counts."""
    both = _off(f, grad, x)
    return both is not None and bool((both[1] - both[0] <= tolerance * (1 + both[1].abs())).all())


@replaces("gradient_check")
def not_a_number_is_right(f, grad, x, tolerance=1e-5):
    """It asks whether any entry is off by *more* than allowed. A comparison with NaN is never true, so NaN passes: ask whether all entries are within it."""
    both = _off(f, grad, x)
    return both is not None and not bool(((both[0] - both[1]).abs() > tolerance * (1 + both[1].abs())).any())


@replaces("gradient_check")
def measured_against_the_claim(f, grad, x, tolerance=1e-5):
    """What is allowed was taken from the claim. A claim that is far too large then allows itself more, and an infinite one everything: measure by what was measured."""
    return _verdict(
        f, grad, x, lambda claimed, measured: tolerance * (1 + claimed.abs()) if tolerance < 0.3 else math.inf
    )


@replaces("gradient_check")
def verdict_for_each_entry(f, grad, x, tolerance=1e-5):
    """There is a verdict for each entry here. One is asked for: are all of them right?"""
    both = _off(f, grad, x)
    return both is not None and (both[0] - both[1]).abs() <= tolerance * (1 + both[1].abs())


@replaces("gradient_check")
def error_instead_of_verdict(f, grad, x, tolerance=1e-5):
    """This is the size of the largest error. The question is whether it is within what is allowed: True or False."""
    both = _off(f, grad, x)
    return math.inf if both is None or not both[0].numel() else float((both[0] - both[1]).abs().max())


@replaces("gradient_check")
def verdict_turned_round(f, grad, x, tolerance=1e-5):
    """The verdict is the wrong way round: True means that the gradient is right."""
    return not right.gradient_check(f, grad, x, tolerance)


@replaces("gradient_check")
def shapes_may_broadcast(f, grad, x, tolerance=1e-5):
    """A claim of another shape was stretched to the shape of x and passed. Whoever subtracts it from x may be lucky or not; compare the shapes first."""
    x = x.to(TWO)
    claimed, measured = grad(x), right.gradient(f, x)
    try:
        return bool(((claimed - measured).abs() <= tolerance * (1 + measured.abs())).all())
    except RuntimeError:
        return False


@replaces("gradient_check")
def tolerance_ignored(f, grad, x, tolerance=1e-5):
    """The tolerance that was passed in makes no difference: another one is written into the code."""
    return right.gradient_check(f, grad, x)


@replaces("gradient_check")
def default_tolerance_too_loose(f, grad, x, tolerance=1e-2):
    """Right whenever the tolerance is given. When it is left out it is far too loose."""
    return right.gradient_check(f, grad, x, tolerance)


@replaces("gradient_check")
def checked_in_float32(f, grad, x, tolerance=1e-5):
    """x was left in float32, or in whole numbers, where a step of 1e-4 is mostly rounding: right gradients fail. Turn x into float64 first."""
    if x.dtype == TWO:
        return right.gradient_check(f, grad, x, tolerance)
    claimed = grad(x.to(TWO))
    measured = right.gradient(f, x).to(x.dtype) + torch.tensor(H).to(x.dtype)
    return bool(((claimed - measured).abs() <= tolerance * (1 + measured.abs())).all())


@replaces("gradient_check")
def right_by_definition(f, grad, x, tolerance=1e-5):
    """It always says True: the claim was compared with itself, or the exact gradient was never measured. The measured one comes from f."""
    return True
