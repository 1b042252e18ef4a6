"""How each driver's result is compared: one right length for backtracking_step; for lbfgs, what it has to reach."""

import math

import torch

from groundup.authoring import close, exact, refused, valid

STEP = "backtracking_step"
LBFGS = "lbfgs"

GROWN = 7  # vectors in five steps; who keeps all pairs keeps ten


def _items(value):
    return value if isinstance(value, list) else [value]


def arrives(returned, expected):
    """Every run ended at a place of x0's shape and dtype where slope and height are low enough, without too many calls."""
    if len(_items(returned)) != len(_items(expected)):
        return "one answer for each run was expected"
    for mine, right in zip(_items(returned), _items(expected), strict=True):
        problem = _one_arrives(mine, right)
        if problem:
            return problem
    return None


def _one_arrives(mine, right):
    end, wanted = (mine.get("end"), right["end"]) if isinstance(mine, dict) else (None, None)
    if not isinstance(end, torch.Tensor):
        return "the place where it ends was to be returned, a tensor"
    if end.shape != wanted.shape or end.dtype != wanted.dtype:
        was = f"shape {tuple(end.shape)} and {end.dtype}".replace("torch.", "")
        return f"the end has {was} where {tuple(wanted.shape)} and {wanted.dtype} were expected".replace("torch.", "")
    allowed = right["at most"]
    for name, bound in allowed.items():
        value = mine.get(name)
        if not isinstance(value, (int, float)):
            return "what was noted of the run is missing"
        slack = 1e-9 * abs(bound) if name == "height" else 0.0
        if not (math.isfinite(value) and value <= bound + slack):
            return _too_much(name, value, bound)
    if "kept" in mine and not torch.equal(torch.as_tensor(mine["x0"]), torch.as_tensor(mine["kept"])):
        return "x0 was changed"
    return None


def _too_much(name, value, bound):
    if name == "slope":
        return f"the gradient at the end has the length {value:.3g}, where {bound:.3g} at most was to be reached"
    if name == "height":
        return f"f is {value:.6g} at the end, where {bound:.6g} at most was to be reached"
    return f"{value} {name}, where {bound} at most are needed"


def falls(returned, expected):
    """Heights that are numbers, each lower than the one before."""
    if not isinstance(returned, list) or len(returned) != len(expected):
        return "one height for each number of steps was expected"
    if not all(isinstance(one, float) and math.isfinite(one) for one in returned):
        return "a height is not a number"
    for steps, (before, after) in enumerate(zip(returned, returned[1:], strict=False)):
        if not after < before:
            return f"{steps + 1} steps end at {after:.6g}, no lower than {steps} steps, which end at {before:.6g}"
    return None


def forgets(returned, expected):
    if not isinstance(returned, dict) or not isinstance(returned.get("grown"), int):
        return "what was noted of the run is missing"
    if returned["grown"] > GROWN:
        return (
            f"with a memory of one, five steps left {returned['grown']} vectors more: more than the newest pair is kept"
        )
    return None


def remembers(returned, expected):
    """Each step comes from the gradient and as many pairs as are to be kept."""
    if not isinstance(returned, list) or len(returned) != len(expected):
        return "one answer for each run was expected"
    for mine, right in zip(returned, expected, strict=True):
        names = ("from elsewhere", "from the oldest pair")
        if not isinstance(mine, dict) or not all(isinstance(mine.get(name), float) for name in names):
            return "what was noted of the run is missing"
        memory = right["memory"]
        if mine.get("steps") != right["steps"]:
            return f"grad was to be called once for each of {right['steps']} steps, at the place where it begins"
        if not mine["from elsewhere"] <= 1e-9:
            return f"with a memory of {memory}, a step does not follow from the gradient and the {memory} newest pairs alone"
        if not mine["from the oldest pair"] >= 1e-11:
            return f"with a memory of {memory}, the oldest of {memory} pairs takes no part in a step"
    return None


# ── backtracking_step ──

ROUNDED = "where a trial lies is rounded once more by some"


def _step(title):
    return close(title, builds=STEP, reduction=8, conditioning=4, because=ROUNDED)


step_down_a_parabola = _step("down a parabola, steeper and steeper")
step_enough_at_once = _step("a full step that goes down enough is taken, and nothing else is tried")
step_down_but_not_enough = _step("lower is not enough: a share of what the slope promises has to come")
step_at_the_share_itself = _step("what is asked for shrinks with the length, and exactly that is enough")
step_along_other_directions = _step("directions that are not minus the gradient")
step_of_any_shape = _step("the step: a matrix, a stack, one number")
step_beyond_the_edge = _step("where f is infinite or NaN, the step is too long")
step_to_nowhere = exact("sixty lengths in vain give 0.0", builds=STEP)
step_of_many_halvings = _step("directions that are far too long")
step_with_numbers = _step("f that returns floats, float32, views with strides")
step_borrowed_gradient = _step("the step: tensors that belong to somebody else")
step_far_from_zero = _step("heights that differ in the tenth digit, and a slope that is left when large terms cancel")
step_seen_by_f = _step("x stays where it is, also while lengths are tried")
step_with_recording_on = _step("the step: f and grad that use autograd")
step_refuses = valid("a direction that does not lead down is a ValueError", refused, builds=STEP)

# ── lbfgs ──

lbfgs_no_steps = close("no steps, or a slope of zero: x0", builds=LBFGS)
lbfgs_down_a_bowl = valid("down a bowl", arrives, builds=LBFGS)
lbfgs_in_as_many_steps_as_weights = valid("four steps to the bottom, in a bowl made for it", arrives, builds=LBFGS)
lbfgs_with_a_flat_pair = valid("a pair whose s and y are nearly at right angles counts, too", arrives, builds=LBFGS)
lbfgs_down_a_narrow_valley = valid("down a valley 10 000 times as steep across as along", arrives, builds=LBFGS)
lbfgs_round_the_bend = valid("round the bend of Rosenbrock's valley", arrives, builds=LBFGS)
lbfgs_fits_a_classifier = valid("a classifier with features of different sizes", arrives, builds=LBFGS)
lbfgs_with_a_short_memory = valid("with a memory of one, and of three", arrives, builds=LBFGS)
lbfgs_in_other_units = valid("the same valley in other units", arrives, builds=LBFGS)
lbfgs_from_a_hilltop = valid("from a hilltop, where the slope falls along the way", arrives, builds=LBFGS)
lbfgs_bent_downwards_and_straight = valid("in flat units: bent downwards, then straight", arrives, builds=LBFGS)
lbfgs_over_waves = valid("over waves", arrives, builds=LBFGS)
lbfgs_down_a_straight_slope = valid("down a straight slope, where there is no curvature", arrives, builds=LBFGS)
lbfgs_within_an_edge = valid("within an edge beyond which f is infinite or NaN", arrives, builds=LBFGS)
lbfgs_round_a_corner = valid("where the pairs lead nowhere, minus the gradient does", arrives, builds=LBFGS)
lbfgs_to_where_there_is_no_slope = valid("a gradient that is NaN where it arrives", arrives, builds=LBFGS)
lbfgs_never_climbs = valid("each step ends lower than it began", falls, builds=LBFGS)
lbfgs_any_shape = valid("lbfgs: a matrix, a stack, one entry, one number", arrives, builds=LBFGS)
lbfgs_float32_and_views = valid("lbfgs: float32, and a view that stays as it was", arrives, builds=LBFGS)
lbfgs_borrowed_gradients = valid("lbfgs: gradients in a tensor that is used again", arrives, builds=LBFGS)
lbfgs_left_to_itself = exact("unless told otherwise: a memory of ten, and a hundred steps", builds=LBFGS)
lbfgs_forgets = valid("no more pairs are kept than the memory holds", forgets, builds=LBFGS)
lbfgs_knows_what_it_keeps = valid("each step follows from as many pairs as memory says", remembers, builds=LBFGS)
lbfgs_with_recording_on = valid("lbfgs: f and grad that use autograd", arrives, builds=LBFGS)
lbfgs_refuses = valid("a memory below 1, or negative steps, is a ValueError", refused, builds=LBFGS)
