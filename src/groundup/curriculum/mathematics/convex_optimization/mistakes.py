"""Wrong tests, steps and projections, each named for what its author believed. The docstring is the hint for a learner."""

import itertools
import math

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import convex as right

TWO = torch.float64


def _pairs(points):
    return itertools.combinations(points.to(TWO), 2)


def _allowed(a, b):
    return 1e-9 * (1 + abs(a) + abs(b))


def _tested(f, pairs, agrees):
    """Whether agrees(value in the middle, one end, other end) for all pairs."""
    return all(agrees(float(f(x / 2 + y / 2)), float(f(x)), float(f(y))) for x, y in pairs)


# ── is_midpoint_convex ──


@replaces("is_midpoint_convex")
def neighbors_only(f, points):
    """Only neighbors in the list were compared. Two points far apart may have a hump between them that neighbors do not see: take every pair."""
    points = points.to(TWO)
    return _tested(f, zip(points[1:], points), lambda m, a, b: m <= a / 2 + b / 2 + _allowed(a, b))


@replaces("is_midpoint_convex")
def first_with_all_others(f, points):
    """Only the first point was compared with the others. Any two may disagree."""
    points = points.to(TWO)
    return _tested(f, ((points[0], y) for y in points[1:]), lambda m, a, b: m <= a / 2 + b / 2 + _allowed(a, b))


@replaces("is_midpoint_convex")
def the_other_way_round(f, points):
    """This tests for domes: a function is convex where the middle lies below the mean of the ends, not above."""
    return _tested(f, _pairs(points), lambda m, a, b: m >= a / 2 + b / 2 - _allowed(a, b))


@replaces("is_midpoint_convex")
def nothing_for_rounding(f, points):
    """Nothing was allowed for rounding. A straight line then fails by the last bit of its values."""
    return _tested(f, _pairs(points), lambda m, a, b: m <= (a + b) / 2)


@replaces("is_midpoint_convex")
def strictly_below(f, points):
    """The middle had to lie strictly below the mean. Equal is allowed: straight lines are convex."""
    return _tested(f, _pairs(points), lambda m, a, b: m < a / 2 + b / 2 - 1e-12 * abs(a) or math.isinf(a + b))


@replaces("is_midpoint_convex")
def same_allowance_for_all(f, points):
    """The same was allowed for values of every size. Rounding grows with the values: their magnitudes belong into what is allowed."""
    return _tested(f, _pairs(points), lambda m, a, b: m <= a / 2 + b / 2 + 1e-9)


@replaces("is_midpoint_convex")
def share_of_the_values_only(f, points):
    """What is allowed was taken in proportion to the values alone. For values near zero that is nothing; the stub adds 1."""
    return _tested(f, _pairs(points), lambda m, a, b: m <= a / 2 + b / 2 + 1e-9 * (abs(a) + abs(b)))


@replaces("is_midpoint_convex")
def far_too_lenient(f, points):
    """Far more was allowed than rounding explains, so that a flat dome passes for convex."""
    return _tested(f, _pairs(points), lambda m, a, b: m <= a / 2 + b / 2 + 1e-6 * (1 + abs(a) + abs(b)))


@replaces("is_midpoint_convex")
def below_the_higher_end(f, points):
    """The middle was compared with the higher end. That holds for every function with a single valley (called quasi-convex), the root for instance. It is the mean of the ends that counts."""
    return _tested(f, _pairs(points), lambda m, a, b: m <= max(a, b) + _allowed(a, b))


@replaces("is_midpoint_convex")
def sum_not_halved(f, points):
    """The values at the ends were added and not halved."""
    return _tested(f, _pairs(points), lambda m, a, b: m <= a + b + _allowed(a, b))


@replaces("is_midpoint_convex")
def middle_not_halved(f, points):
    """f was asked at the sum of the two points. Their middle is half of it."""
    return all(
        float(f(x + y)) <= float(f(x)) / 2 + float(f(y)) / 2 + _allowed(float(f(x)), float(f(y)))
        for x, y in _pairs(points)
    )


@replaces("is_midpoint_convex")
def one_pair_is_enough(f, points):
    """True came out as soon as one pair agreed. All of them have to."""
    pairs = list(_pairs(points))
    return not pairs or any(_tested(f, [pair], lambda m, a, b: m <= a / 2 + b / 2 + _allowed(a, b)) for pair in pairs)


@replaces("is_midpoint_convex")
def middle_of_all_points(f, points):
    """The mean of all points was compared with the mean of all values. One comparison of that kind overlooks most humps: take pairs."""
    points = points.to(TWO)
    if len(points) < 2:
        return True
    mean = sum(float(f(x)) for x in points) / len(points)
    return float(f(points.mean(dim=0))) <= mean + 1e-9 * (1 + 2 * abs(mean))


@replaces("is_midpoint_convex")
def not_a_number_agrees(f, points):
    """Only a middle that is larger was taken as a no. NaN is never larger than anything, and so it passed: ask whether the condition holds, rather than whether it fails."""
    return not any(
        float(f(x / 2 + y / 2)) > float(f(x)) / 2 + float(f(y)) / 2 + _allowed(float(f(x)), float(f(y)))
        for x, y in _pairs(points)
    )


@replaces("is_midpoint_convex")
def difference_of_infinities(f, points):
    """Two infinite values were subtracted, which gives NaN, and a function that is infinite outside of its domain failed. Compare them instead."""
    return _tested(f, _pairs(points), lambda m, a, b: m - a / 2 - b / 2 <= (0 if math.isinf(a + b) else _allowed(a, b)))


@replaces("is_midpoint_convex")
def infinity_is_a_no(f, points):
    """Any infinite value was taken as a no. A convex function may be infinite where it is not defined, as long as the mean of the ends is infinite as well."""
    return _tested(f, _pairs(points), lambda m, a, b: math.isfinite(m + a + b) and m <= a / 2 + b / 2 + _allowed(a, b))


@replaces("is_midpoint_convex")
def whole_numbers_stay_whole(f, points):
    """Whole numbers were not turned into float64, so that the middle of 1 and 2 was rounded."""
    if points.is_floating_point():
        return right.is_midpoint_convex(f, points)
    pairs = [(x.double(), y.double()) for x, y in itertools.combinations(points, 2)]
    return all(
        float(f((x / 2 + y / 2).floor())) <= float(f(x)) / 2 + float(f(y)) / 2 + _allowed(float(f(x)), float(f(y)))
        for x, y in pairs
    )


@replaces("is_midpoint_convex")
def middle_in_float32(f, points):
    """The middles were taken in the dtype of the points, and only then turned into float64. In float32 a middle is rounded, and a plane looks bent."""
    if not points.is_floating_point():
        return right.is_midpoint_convex(f, points)
    return all(
        float(f(((x + y) / 2).to(TWO))) <= float(f(x.to(TWO))) / 2 + float(f(y.to(TWO))) / 2
        + _allowed(float(f(x.to(TWO))), float(f(y.to(TWO))))
        for x, y in itertools.combinations(points, 2)
    )  # fmt: skip


@replaces("is_midpoint_convex")
def magnitude_of_the_sum(f, points):
    """What is allowed for rounding was taken from the size of the sum. Where one value is large and positive and the other large and negative, the sum is small and the rounding is not: add the sizes."""
    return _tested(f, _pairs(points), lambda m, a, b: m <= a / 2 + b / 2 + 1e-9 * (1 + abs(a + b)))


@replaces("is_midpoint_convex")
def no_pair_is_a_no(f, points):
    """With fewer than two points False came out. Where there is no pair, nothing disagrees."""
    return len(points) > 1 and right.is_midpoint_convex(f, points)


# ── newton_minimize ──


def _steps(move):
    """A method from a function of (gradient, matrix, x, step's number) that gives what is subtracted."""

    def run(grad, hess, x0, steps):
        if steps < 0:
            raise ValueError("steps")
        x = x0
        for step in range(steps):
            x = x - move(grad(x), hess(x), x, step)
        return x

    return run


@replaces("newton_minimize")
def wrong_sign(grad, hess, x0, steps):
    """The step went in the opposite direction: what solves the system has to be subtracted."""
    return _steps(lambda g, h, x, step: -torch.linalg.solve(h, g))(grad, hess, x0, steps)


@replaces("newton_minimize")
def multiplied_by_the_matrix(grad, hess, x0, steps):
    """The gradient was multiplied by the matrix. It has to be undone instead: where the curvature is large, the step is short."""
    return _steps(lambda g, h, x, step: h @ g)(grad, hess, x0, steps)


@replaces("newton_minimize")
def gradient_alone(grad, hess, x0, steps):
    """This is gradient descent with a rate of 1: the curvatures were not used."""
    return _steps(lambda g, h, x, step: g)(grad, hess, x0, steps)


@replaces("newton_minimize")
def diagonal_only(grad, hess, x0, steps):
    """The gradient was divided by the diagonal of the matrix. What lies beside the diagonal says how the entries hang together, and counts as well."""
    return _steps(lambda g, h, x, step: g / h.diagonal())(grad, hess, x0, steps)


@replaces("newton_minimize")
def divided_entry_by_entry(grad, hess, x0, steps):
    """Each entry of the matrix was inverted by itself. The inverse of a matrix is something else; better still, solve a system."""
    return _steps(lambda g, h, x, step: (1 / h) @ g)(grad, hess, x0, steps)


@replaces("newton_minimize")
def matrix_of_the_start(grad, hess, x0, steps):
    """The matrix at x0 was used in all steps. On bent slopes it changes: ask for it at each place."""
    if steps < 0:
        raise ValueError("steps")
    if steps == 0:
        return x0
    first = hess(x0)
    return _steps(lambda g, h, x, step: torch.linalg.solve(first, g))(grad, lambda x: first, x0, steps)


@replaces("newton_minimize")
def half_steps(grad, hess, x0, steps):
    """Only half of each step was taken. Newton's step is a full one: on a quadratic function a single one arrives."""
    return _steps(lambda g, h, x, step: torch.linalg.solve(h, g) / 2)(grad, hess, x0, steps)


@replaces("newton_minimize")
def always_downhill(grad, hess, x0, steps):
    """Negative curvatures were made positive, so that every step goes downhill. A sensible safeguard, but not the method as it is, which goes to saddles and tops as well."""

    def move(g, h, x, step):
        curvature, axes = torch.linalg.eigh(h)
        return axes @ ((axes.mT @ g) / curvature.abs())

    return _steps(move)(grad, hess, x0, steps)


@replaces("newton_minimize")
def damped_matrix(grad, hess, x0, steps):
    """Something was added to the diagonal of the matrix. That makes steps shorter and safer, and is not what was asked for."""
    return _steps(lambda g, h, x, step: torch.linalg.solve(h + 0.01 * torch.eye(len(g), dtype=h.dtype), g))(
        grad, hess, x0, steps
    )


@replaces("newton_minimize")
def by_cholesky(grad, hess, x0, steps):
    """The matrix was factored by Cholesky's method, which needs positive eigenvalues only. The stub allows negative ones."""
    return _steps(lambda g, h, x, step: torch.cholesky_solve(g[:, None], torch.linalg.cholesky(h))[:, 0])(
        grad, hess, x0, steps
    )


@replaces("newton_minimize")
def steps_are_bounded(grad, hess, x0, steps):
    """Long steps were cut. A path that runs away is to be seen as it is."""

    def move(g, h, x, step):
        way = torch.linalg.solve(h, g)
        return way / max(float(way.norm()) / 2, 1.0) if float(h.det()) < 1 else way

    return _steps(move)(grad, hess, x0, steps)


@replaces("newton_minimize")
def one_step_too_many(grad, hess, x0, steps):
    """There was one step more than was asked for."""
    return right.newton_minimize(grad, hess, x0, steps + 1 if steps >= 0 else steps)


@replaces("newton_minimize")
def stops_where_it_has_arrived(grad, hess, x0, steps):
    """It stopped where the gradient was nearly zero. A sensible habit, but here there are always as many steps as were asked for."""
    if steps < 0:
        raise ValueError("steps")
    x = x0
    for _ in range(steps):
        slope = grad(x)
        if float(slope.norm()) < 1e-6:
            break
        x = x - torch.linalg.solve(hess(x), slope)
    return x


@replaces("newton_minimize")
def one_step_only(grad, hess, x0, steps):
    """There was one step, however many were asked for. One is enough for a quadratic function only."""
    return right.newton_minimize(grad, hess, x0, min(steps, 1))


@replaces("newton_minimize")
def all_places(grad, hess, x0, steps):
    """All places were returned. Only the last one is wanted, in the shape of x0."""
    path = [x0]
    for _ in range(steps):
        path.append(right.newton_minimize(grad, hess, path[-1], 1))
    return torch.stack(path) if steps >= 0 else right.newton_minimize(grad, hess, x0, steps)


@replaces("newton_minimize")
def x0_walked_away(grad, hess, x0, steps):
    """x0 itself was changed, which belongs to the caller."""
    return x0.copy_(right.newton_minimize(grad, hess, x0, steps).detach())


@replaces("newton_minimize")
def result_in_float64(grad, hess, x0, steps):
    """The result came in float64. It keeps the dtype of x0."""
    return right.newton_minimize(grad, hess, x0, steps).double()


@replaces("newton_minimize")
def recording_switched_off(grad, hess, x0, steps):
    """grad was called with recording switched off, and could not use autograd."""
    with torch.no_grad():
        return right.newton_minimize(grad, hess, x0, steps)


@replaces("newton_minimize")
def negative_steps_are_none(grad, hess, x0, steps):
    """A negative number of steps came back as x0. It raises a ValueError."""
    return right.newton_minimize(grad, hess, x0, max(steps, 0))


# ── project_simplex ──


def _some(v):
    if v.dim() == 0 or v.shape[-1] == 0:
        raise ValueError("nothing to share out")


@replaces("project_simplex")
def softmax_instead(v):
    """This is the softmax: a distribution, but not the nearest one. It never gives an entry exactly nothing."""
    _some(v)
    return torch.softmax(v, dim=-1)


@replaces("project_simplex")
def clipped_and_divided(v):
    """Negative entries were set to zero, and the rest divided by its sum. That is a distribution, but another one is nearer: going straight there takes the same amount from every entry that stays."""
    _some(v)
    positive = v.clamp_min(0)
    total = positive.sum(-1, keepdim=True)
    return torch.where(total > 0, positive / total, 1.0 / v.shape[-1])


@replaces("project_simplex")
def divided_by_the_sum(v):
    """The entries were divided by their sum. Negative entries stay negative that way, and a sum near zero blows everything up."""
    _some(v)
    return v / v.sum(-1, keepdim=True)


@replaces("project_simplex")
def shifted_once(v):
    """All entries were shifted by the same amount so that the sum is 1, and what was negative then was cut off. The sum is above 1 again: with fewer entries left, the amount is another one."""
    _some(v)
    return torch.relu(v - (v.sum(-1, keepdim=True) - 1) / v.shape[-1])


@replaces("project_simplex")
def shifted_once_and_divided(v):
    """One shift, a cut at zero, and the rest divided by its sum. The shift has to be found again for the entries that stay, until none is thrown out any more; nothing is divided."""
    _some(v)
    positive = torch.relu(v - (v.sum(-1, keepdim=True) - 1) / v.shape[-1])
    return positive / positive.sum(-1, keepdim=True)


@replaces("project_simplex")
def shifted_only(v):
    """The sum is 1, but there are negative entries: they have to be cut off, which changes the shift of the others."""
    _some(v)
    return v - (v.sum(-1, keepdim=True) - 1) / v.shape[-1]


@replaces("project_simplex")
def inside_is_left_alone(v):
    """Entries of at least 0 with a sum below 1 were returned as they are. The sum has to be exactly 1, no less."""
    found = right.project_simplex(v)
    inside = (v >= 0).all(-1, keepdim=True) & (v.sum(-1, keepdim=True) <= 1)
    return torch.where(inside, v, found)


@replaces("project_simplex")
def the_largest_takes_all(v):
    """The largest entry got everything. That is right only where it is far above the others."""
    _some(v)
    return torch.nn.functional.one_hot(v.argmax(-1), v.shape[-1]).to(v.dtype)


@replaces("project_simplex")
def of_the_magnitudes(v):
    """The magnitudes were projected. A very negative entry gets nothing, and not much."""
    return right.project_simplex(v.abs())


@replaces("project_simplex")
def down_the_columns(v):
    """Columns were projected. It is the last dimension whose entries sum to 1."""
    _some(v)
    return right.project_simplex(v.movedim(0, -1)).movedim(-1, 0) if 0 not in v.shape else v.clone()


@replaces("project_simplex")
def all_rows_together(v):
    """All entries of a batch were projected as one. Every row is a distribution of its own."""
    _some(v)
    return right.project_simplex(v.reshape(-1)).reshape(v.shape) if v.numel() else v.clone()


@replaces("project_simplex")
def left_in_order_of_size(v):
    """The shares are right but sorted. Sorting is needed for the threshold only; the shares belong to the entries where they stand."""
    return right.project_simplex(v).sort(dim=-1, descending=True).values


@replaces("project_simplex")
def a_few_largest_looked_at(v):
    """Only some of the largest entries were looked at. With thousands of entries that are nearly equal, thousands stay."""
    _some(v)
    shifted = v - v.amax(-1, keepdim=True)
    top = shifted.topk(min(64, v.shape[-1]), -1).values
    thresholds = (top.cumsum(-1) - 1) / torch.arange(1, top.shape[-1] + 1, dtype=v.dtype)
    return torch.relu(shifted - thresholds.amax(-1, keepdim=True))


@replaces("project_simplex")
def one_stays_too_few(v):
    """The threshold was taken from the last entry but one that stays, so that the sum is not 1."""
    _some(v)
    falling = (v - v.detach().amax(-1, keepdim=True)).clamp(min=-1).sort(-1, descending=True).values
    counts = torch.arange(1, v.shape[-1] + 1, dtype=v.dtype)
    thresholds = (falling.cumsum(-1) - 1) / counts
    stay = (falling > thresholds).sum(-1, keepdim=True)
    return torch.relu((v - v.detach().amax(-1, keepdim=True)) - thresholds.gather(-1, (stay - 2).clamp_min(0)))


@replaces("project_simplex")
def threshold_without_a_gradient(v):
    """The values are right. The gradient lacks a part: the threshold depends on v as well, since what one entry gets the others lose."""
    _some(v)
    threshold = (v - right.project_simplex(v)).detach()
    kept = right.project_simplex(v).detach() > 0
    return torch.where(kept, v - threshold, 0.0).to(v.dtype)


@replaces("project_simplex")
def no_gradient_at_all(v):
    """The values are right, but no gradient reaches v: it was detached, or left PyTorch on the way."""
    return right.project_simplex(v.detach())


@replaces("project_simplex")
def sums_of_large_numbers(v):
    """Right for small entries. With large ones the sum of all of them lost the digits that matter: bring the largest entry of each row to zero first, which changes nothing else."""
    _some(v)
    falling = v.sort(-1, descending=True).values
    counts = torch.arange(1, v.shape[-1] + 1, dtype=v.dtype)
    thresholds = (falling.cumsum(-1) - 1) / counts
    stay = (falling > thresholds).sum(-1, keepdim=True).clamp_min(1)
    return torch.relu(v - thresholds.gather(-1, stay - 1))


@replaces("project_simplex")
def not_a_number_where_masked(v):
    """Entries of minus infinity ended as NaN: zero times infinity, or the difference of two infinities. They get nothing."""
    found = right.project_simplex(v)
    return found + (v * 0).detach()


@replaces("project_simplex")
def v_overwritten(v):
    """v itself was changed, which belongs to the caller."""
    found = right.project_simplex(v)
    if not v.requires_grad:
        v.copy_(found)
    return found


@replaces("project_simplex")
def shares_in_float64(v):
    """The result came in float64. It keeps the dtype of v."""
    return right.project_simplex(v).double()


@replaces("project_simplex")
def nothing_from_nothing(v):
    """Without entries an empty tensor came out, or a single number went through. There is no distribution over nothing: a ValueError."""
    return right.project_simplex(v) if v.dim() and v.shape[-1] else v.clone()
