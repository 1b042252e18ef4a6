"""Wrong steps and wrong memories, each named for what its author believed. The docstring is the hint that a learner reads."""

import math
from collections import deque

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import quasi_newton as right


def _slope(grad, x, direction):
    slope = float((grad(x) * direction).sum())
    if not slope < 0:
        raise ValueError(f"the slope is {slope}")
    return slope


def _halving(enough, factor=0.5, first=1.0, none=0.0):
    """A backtracking that takes enough(value, here, length, slope) for its condition."""

    def step(f, grad, x, direction):
        slope, here, length = _slope(grad, x, direction), float(f(x)), first
        for _ in range(60):
            if enough(float(f(x + length * direction)), here, length, slope):
                return length
            length *= factor
        return none

    return step


# ── backtracking_step ──


@replaces("backtracking_step")
def any_descent_is_enough(f, grad, x, direction):
    """A step was taken as soon as f was lower at all. That is too little: steps that go down by less and less may come to rest on a slope. A share of what the slope promises has to come."""
    return _halving(lambda value, here, length, slope: value < here)(f, grad, x, direction)


@replaces("backtracking_step")
def the_whole_promise(f, grad, x, direction):
    """All of the descent that the slope promises was asked for. A function that curves upwards never keeps that promise, however short the step: only a small share may be asked for."""
    return _halving(lambda value, here, length, slope: value <= here + length * slope)(f, grad, x, direction)


@replaces("backtracking_step")
def length_left_out_of_the_condition(f, grad, x, direction):
    """What is asked for does not shrink with the length. A short step can bring a short descent only: the share is of length times slope."""
    return _halving(lambda value, here, length, slope: value <= here + 1e-4 * slope)(f, grad, x, direction)


@replaces("backtracking_step")
def half_of_the_promise(f, grad, x, direction):
    """Half of what the slope promises was asked for. The share is 0.0001, and with a half many good steps are refused."""
    return _halving(lambda value, here, length, slope: value <= here + 0.5 * length * slope)(f, grad, x, direction)


@replaces("backtracking_step")
def slope_as_length_of_the_gradient(f, grad, x, direction):
    """The slope was taken to be minus the squared length of the gradient. That holds only along minus the gradient itself; along another direction it is the dot product of the two."""
    _slope(grad, x, direction)
    squared = float((grad(x) ** 2).sum())
    return right.backtracking_step(f, lambda x: -direction * squared / (direction**2).sum(), x, direction)


@replaces("backtracking_step")
def a_tenth_each_time(f, grad, x, direction):
    """The length was divided by ten after a trial that failed. It is to be halved."""
    return _halving(lambda value, here, length, slope: value <= here + 1e-4 * length * slope, 0.1)(
        f, grad, x, direction
    )


@replaces("backtracking_step")
def begins_at_a_half(f, grad, x, direction):
    """The first length that was tried is 1/2. The full step comes first: near the goal it is the one to take."""
    return _halving(lambda value, here, length, slope: value <= here + 1e-4 * length * slope, first=0.5)(
        f, grad, x, direction
    )


@replaces("backtracking_step")
def the_best_of_all_lengths(f, grad, x, direction):
    """All lengths were tried and the lowest place taken. That costs sixty calls for each step; the first length that is enough is wanted, and nothing is tried after it."""
    slope, here = _slope(grad, x, direction), float(f(x))
    values = [float(f(x + 0.5**k * direction)) for k in range(60)]
    best = min(range(60), key=lambda k: values[k] if values[k] == values[k] else math.inf)
    return 0.5**best if values[best] <= here + 1e-4 * 0.5**best * slope else 0.0


@replaces("backtracking_step")
def a_nan_is_enough(f, grad, x, direction):
    """A step to where f is NaN was taken as good. The loop goes on while f is too high, and a comparison with NaN is always false: ask whether the step is enough, not whether it is too bad."""
    return _halving(lambda value, here, length, slope: not value > here + 1e-4 * length * slope)(f, grad, x, direction)


@replaces("backtracking_step")
def f_at_x_again_and_again(f, grad, x, direction):
    """The length is right, but f was called at x anew for each trial. It does not change: call it once and keep the number."""

    def asked(trial):
        f(x)
        return f(trial)

    slope, here, length = _slope(grad, x, direction), float(f(x)), 1.0
    for _ in range(60):
        if float(asked(x + length * direction)) <= here + 1e-4 * length * slope:
            return length
        length /= 2
    return 0.0


@replaces("backtracking_step")
def gradient_at_each_trial(f, grad, x, direction):
    """The gradient was asked for at the trials as well. The condition knows only the slope at x, and a gradient is the dearest thing to ask for."""
    slope, here, length = _slope(grad, x, direction), float(f(x)), 1.0
    for _ in range(60):
        grad(x + length * direction)
        if float(f(x + length * direction)) <= here + 1e-4 * length * slope:
            return length
        length /= 2
    return 0.0


@replaces("backtracking_step")
def place_and_not_length(f, grad, x, direction):
    """The place at the end of the step was returned. The length t is wanted, a Python float."""
    return x + right.backtracking_step(f, grad, x, direction) * direction


@replaces("backtracking_step")
def last_length_where_none_is_enough(f, grad, x, direction):
    """Where no length was enough, the last one was returned, as if it were. 0.0 says that the search found nothing."""
    return _halving(lambda value, here, length, slope: value <= here + 1e-4 * length * slope, none=0.5**59)(
        f, grad, x, direction
    )


@replaces("backtracking_step")
def never_gives_up(f, grad, x, direction):
    """The search went on beyond the sixtieth length. A direction that promises a descent that never comes (a wrong gradient, or rounding) would keep it for ever, or until the step no longer moves x at all: stop after sixty, with 0.0."""
    slope, here, length = _slope(grad, x, direction), float(f(x)), 1.0
    for _ in range(1100):
        if float(f(x + length * direction)) <= here + 1e-4 * length * slope:
            return length
        length /= 2
    return 0.0


@replaces("backtracking_step")
def upwards_accepted(f, grad, x, direction):
    """A direction that leads up, or level, was searched like any other. The condition makes no sense there: it is a ValueError, because the caller has made a mistake."""
    here, slope, length = float(f(x)), float((grad(x) * direction).sum()), 1.0
    for _ in range(60):
        if float(f(x + length * direction)) <= here + 1e-4 * length * slope:
            return length
        length /= 2
    return 0.0


@replaces("backtracking_step")
def lower_than_the_line(f, grad, x, direction):
    """A value that is exactly at the line was refused. The condition says "at most": equal is enough."""
    return _halving(lambda value, here, length, slope: value < here + 1e-4 * length * slope)(f, grad, x, direction)


@replaces("backtracking_step")
def heights_in_float32(f, grad, x, direction):
    """The heights were compared in float32, or with a tolerance. A height of 1e9 and one of 1e9 + 0.1 are equal there: compare Python floats, as they are."""
    small = lambda value: float(torch.tensor(value, dtype=torch.float32))
    return _halving(lambda value, here, length, slope: small(value) <= small(here + 1e-4 * length * slope))(
        f, grad, x, direction
    )


@replaces("backtracking_step")
def slope_in_float32(f, grad, x, direction):
    """The slope was computed in float32. Where large terms cancel, nothing is left of it there: multiply and sum in the dtype of x."""
    slope = float((grad(x).float() * direction.float()).sum())
    if not slope < 0:
        raise ValueError(f"the slope is {slope}")
    here, length = float(f(x)), 1.0
    for _ in range(60):
        if float(f(x + length * direction)) <= here + 1e-4 * length * slope:
            return length
        length /= 2
    return 0.0


@replaces("backtracking_step")
def x_lent_to_the_trials(f, grad, x, direction):
    """x itself was moved to each trial, and moved back at the end. f may look at it meanwhile, and moving back may round. Make a new tensor for each trial."""
    slope, here, length, start = _slope(grad, x, direction), float(f(x)), 1.0, x.clone()
    try:
        for _ in range(60):
            if float(f(x.copy_(start + length * direction))) <= here + 1e-4 * length * slope:
                return length
            length /= 2
    finally:
        x.copy_(start)
    return 0.0


@replaces("backtracking_step")
def step_without_recording(f, grad, x, direction):
    """f and grad were called with autograd switched off. They may need it: a gradient that is computed by autograd fails then."""
    with torch.no_grad():
        return right.backtracking_step(f, grad, x, direction)


@replaces("backtracking_step")
def x_walked_along(f, grad, x, direction):
    """The length is right, but x itself was moved: it is the caller's tensor. Make a new tensor for each trial."""
    length = right.backtracking_step(f, grad, x.clone(), direction)
    x.add_(length * direction)
    return length


# ── lbfgs ──


def _require(memory, steps):
    if memory < 1 or steps < 0:
        raise ValueError("memory or steps")


def _dot(a, b):
    return (a * b).sum()


def _two_loops(g, pairs, *, scale=True, first=reversed, second=iter):
    """The direction as it should be, unless told otherwise."""
    q, shares, pairs = -g, {}, list(pairs)
    for i in first(range(len(pairs))):
        s, y = pairs[i]
        shares[i] = _dot(s, q) / _dot(s, y)
        q = q - shares[i] * y
    if pairs and scale:
        s, y = pairs[-1]
        q = q * _dot(s, y) / _dot(y, y)
    for i in second(range(len(pairs))):
        s, y = pairs[i]
        q = q + s * (shares[i] - _dot(y, q) / _dot(s, y))
    return q


def _length(f, g, x, direction):
    return right.backtracking_step(f, lambda _: g, x, direction) if float(_dot(g, direction)) < 0 else 0.0


def _walk(direction_of=_two_loops, *, length_of=_length, keep=lambda s, y: _dot(s, y) > 1e-10 * s.norm() * y.norm(),
          kept=lambda memory: deque(maxlen=memory), pair=lambda s, y: (s, y), again=True):  # fmt: skip
    """An lbfgs that is right but for what is given."""

    def lbfgs(f, grad, x0, memory=10, steps=100):
        _require(memory, steps)
        x, pairs = x0.clone(), kept(memory)
        g = grad(x).clone() if steps else None
        for step in range(steps):
            direction = direction_of(g, pairs)
            length = length_of(f, g, x, direction)
            if length == 0.0 and pairs and again:
                pairs.clear()
                length, direction = _length(f, g, x, -g), -g
            if length == 0.0:
                break
            new = x + length * direction
            if step == steps - 1:
                return new
            new_g = grad(new).clone()
            s, y = new - x, new_g - g
            if keep(s, y):
                pairs.append(pair(s, y))
            x, g = new, new_g
        return x

    return lbfgs


@replaces("lbfgs")
def steepest_descent(f, grad, x0, memory=10, steps=100):
    """Nothing was remembered: each step goes straight against the gradient, and in a valley that is steep across it creeps. The pairs have to bend the direction."""
    return _walk(lambda g, pairs: -g)(f, grad, x0, memory, steps)


@replaces("lbfgs")
def no_first_guess_of_the_scale(f, grad, x0, memory=10, steps=100):
    """Between the two loops nothing was scaled. The first guess is then the unit matrix, whatever units f and x have; scale it by what the newest pair says."""
    return _walk(lambda g, pairs: _two_loops(g, pairs, scale=False))(f, grad, x0, memory, steps)


@replaces("lbfgs")
def scale_turned_over(f, grad, x0, memory=10, steps=100):
    """The scale is upside down: y · y over s · y is a curvature, and the direction needs its inverse."""

    def direction(g, pairs):
        q = _two_loops(g, pairs, scale=False)
        if not pairs:
            return q
        s, y = pairs[-1]
        factor = _dot(y, y) / _dot(s, y)
        # The loops are linear: with the scale inside, what it multiplies is the part between the two.
        inner, shares = -g, []
        for a, b in reversed(pairs):
            shares.append(_dot(a, inner) / _dot(a, b))
            inner = inner - shares[-1] * b
        inner = inner * factor
        for (a, b), share in zip(pairs, reversed(shares)):
            inner = inner + a * (share - _dot(b, inner) / _dot(a, b))
        return inner

    return _walk(direction)(f, grad, x0, memory, steps)


@replaces("lbfgs")
def both_loops_from_the_oldest(f, grad, x0, memory=10, steps=100):
    """Both loops went from the oldest pair to the newest. The first one peels off the newest first, and the second puts back in the opposite order."""
    return _walk(lambda g, pairs: _two_loops(g, pairs, first=iter))(f, grad, x0, memory, steps)


@replaces("lbfgs")
def both_loops_from_the_newest(f, grad, x0, memory=10, steps=100):
    """Both loops went from the newest pair to the oldest. The second has to come back the other way."""
    return _walk(lambda g, pairs: _two_loops(g, pairs, second=reversed))(f, grad, x0, memory, steps)


@replaces("lbfgs")
def second_loop_left_out(f, grad, x0, memory=10, steps=100):
    """There is one loop only. What the first takes away along each y, the second gives back along each s: without it nothing is known of how far to go."""

    def direction(g, pairs):
        q = -g
        for s, y in reversed(pairs):
            q = q - _dot(s, q) / _dot(s, y) * y
        if pairs:
            s, y = pairs[-1]
            q = q * _dot(s, y) / _dot(y, y)
        return q

    return _walk(direction)(f, grad, x0, memory, steps)


@replaces("lbfgs")
def steps_and_changes_exchanged(f, grad, x0, memory=10, steps=100):
    """s and y changed places. Then the loops build the matrix of second derivatives itself, and not its inverse."""
    return _walk(pair=lambda s, y: (y, s))(f, grad, x0, memory, steps)


@replaces("lbfgs")
def every_pair_kept(f, grad, x0, memory=10, steps=100):
    """Every pair was kept, also those with s · y at or below zero. Where the slope falls along a step, such a pair says that the curvature is negative, and bends the direction upwards; where it does not change, it is a division by zero."""
    x, pairs = x0.clone(), deque(maxlen=memory)
    _require(memory, steps)
    g = grad(x).clone()
    for _ in range(steps):
        if not float(g.norm()) > 0:
            break
        direction = _two_loops(g, pairs)
        if not float(_dot(g, direction)) < 0:
            return x + direction
        x_new = x + right.backtracking_step(f, lambda _, g=g: g, x, direction) * direction
        g_new = grad(x_new).clone()
        pairs.append((x_new - x, g_new - g))
        x, g = x_new, g_new
    return x


@replaces("lbfgs")
def full_steps_always(f, grad, x0, memory=10, steps=100):
    """Every step was taken in full. Far from the goal what the pairs say is only a guess, and the first step knows nothing of the scale: try the length with your backtracking_step."""
    return _walk(length_of=lambda f, g, x, direction: 1.0 if float(g.norm()) > 0 else 0.0)(f, grad, x0, memory, steps)


@replaces("lbfgs")
def a_fixed_small_rate(f, grad, x0, memory=10, steps=100):
    """Each step was a hundredth of the direction. Here the direction has its length already: a full step is the one to try first."""
    return _walk(length_of=lambda f, g, x, direction: 0.01 * _length(f, g, x, 0.01 * direction))(
        f, grad, x0, memory, steps
    )


@replaces("lbfgs")
def the_oldest_are_kept(f, grad, x0, memory=10, steps=100):
    """The first pairs are kept for ever, and the new ones thrown away. The curvature that counts is the one here: the oldest has to go."""

    class Full(list):
        limit = memory

        def append(self, one):
            if len(self) < self.limit:
                super().append(one)

    return _walk(kept=lambda _: Full(), again=False)(f, grad, x0, memory, steps)


@replaces("lbfgs")
def nothing_is_forgotten(f, grad, x0, memory=10, steps=100):
    """All pairs were kept, from the first step on. What makes the method affordable is the limit: of a model's weights ten copies fit into a memory, a thousand do not."""
    _require(memory, steps)
    return _walk(kept=lambda _: deque())(f, grad, x0, memory, steps)


@replaces("lbfgs")
def one_pair_too_many(f, grad, x0, memory=10, steps=100):
    """One pair more than memory says was kept. The oldest has to go before the next direction is computed, not after it."""
    _require(memory, steps)
    return _walk(kept=lambda limit: deque(maxlen=limit + 1))(f, grad, x0, memory, steps)


@replaces("lbfgs")
def a_few_pairs_whatever_memory(f, grad, x0, memory=10, steps=100):
    """No more than five pairs were kept, however many memory says. A longer memory is the caller's to choose."""
    _require(memory, steps)
    return _walk(kept=lambda limit: deque(maxlen=min(limit, 5)))(f, grad, x0, memory, steps)


@replaces("lbfgs")
def flat_pairs_left_out(f, grad, x0, memory=10, steps=100):
    """Pairs were left out although s · y is clearly above zero, because it is small beside |s| |y|. So it is in every narrow valley; only rounding is to be guarded against."""
    _require(memory, steps)
    return _walk(keep=lambda s, y: _dot(s, y) > 0.01 * s.norm() * y.norm())(f, grad, x0, memory, steps)


@replaces("lbfgs")
def walk_without_recording(f, grad, x0, memory=10, steps=100):
    """The whole walk was made with autograd switched off. Your own arithmetic does not need it, but f and grad may: leave it on while they are called."""
    with torch.no_grad():
        return right.lbfgs(f, grad, x0, memory, steps)


@replaces("lbfgs")
def gradient_not_copied(f, grad, x0, memory=10, steps=100):
    """What grad returned was kept without a copy. Its owner wrote the next gradient into the same tensor, so that every change of the gradient came out as zero."""
    _require(memory, steps)
    if steps == 0:
        return x0.clone()
    seen = {}

    def shared(x):
        found = grad(x)
        # One storage for all: the old gradient shows the new numbers.
        mine = seen.setdefault(found.data_ptr(), found)
        return mine if found.data_ptr() == mine.data_ptr() and found.shape == mine.shape else found

    x, g, pairs = x0.clone(), shared(x0), deque(maxlen=memory)
    for _ in range(steps):
        direction = _two_loops(g, pairs)
        length = _length(f, g, x, direction)
        if length == 0.0:
            break
        new = x + length * direction
        new_g = shared(new)
        s, y = new - x, new_g - g
        if _dot(s, y) > 1e-10 * s.norm() * y.norm():
            pairs.append((s, y))
        x, g = new, new_g
    return x


@replaces("lbfgs")
def gradient_twice_a_step(f, grad, x0, memory=10, steps=100):
    """It arrives, but asked for every gradient twice: once at the end of a step and again at the beginning of the next. Keep it; gradients are what costs."""

    def twice(x):
        grad(x)
        return grad(x)

    return right.lbfgs(f, twice, x0, memory, steps)


@replaces("lbfgs")
def dot_products_of_rows(f, grad, x0, memory=10, steps=100):
    """Dot products were taken along the last dimension only. The place is one vector, whatever its shape: sum over all entries."""
    if x0.dim() < 2:
        return right.lbfgs(f, grad, x0, memory, steps)

    def direction(g, pairs):
        rows = lambda a, b: (a * b).sum(-1, keepdim=True)
        q, shares = -g, []
        for s, y in reversed(pairs):
            shares.append(rows(s, q) / rows(s, y))
            q = q - shares[-1] * y
        if pairs:
            s, y = pairs[-1]
            q = q * rows(s, y) / rows(y, y)
        for (s, y), share in zip(pairs, reversed(shares)):
            q = q + s * (share - rows(y, q) / rows(s, y))
        return q

    return _walk(direction)(f, grad, x0, memory, steps)


@replaces("lbfgs")
def uphill(f, grad, x0, memory=10, steps=100):
    """The direction leads up: the loops were given the gradient instead of minus the gradient, and nothing turned the sign at the end."""
    found = _walk(length_of=lambda f, g, x, direction: 1.0 if float(g.norm()) > 0 else 0.0)
    return found(f, lambda x: -grad(x), x0, memory, steps)


@replaces("lbfgs")
def height_and_not_place(f, grad, x0, memory=10, steps=100):
    """The lowest value was returned. The place is wanted, a tensor of the shape of x0."""
    return f(right.lbfgs(f, grad, x0, memory, steps))


@replaces("lbfgs")
def not_a_number_at_the_goal(f, grad, x0, memory=10, steps=100):
    """Where the gradient is zero, something was divided by its length. There is nothing to do there: return the place."""
    end = right.lbfgs(f, grad, x0, memory, steps)
    return end if steps == 0 else end / torch.where(grad(x0).norm() > 0, 1.0, math.nan)


@replaces("lbfgs")
def error_at_the_goal(f, grad, x0, memory=10, steps=100):
    """At the lowest place the search was called with a slope of zero, and its ValueError came through. Ask for the slope first, or catch the error: it means that the work is done."""
    _require(memory, steps)
    if steps:
        right.backtracking_step(f, grad, x0, -grad(x0))
    return right.lbfgs(f, grad, x0, memory, steps)


@replaces("lbfgs")
def start_moved(f, grad, x0, memory=10, steps=100):
    """The end is right, but x0 itself was moved there: it is the caller's tensor."""
    end = right.lbfgs(f, grad, x0.clone(), memory, steps)
    x0.copy_(end)
    return end


@replaces("lbfgs")
def float64_for_all(f, grad, x0, memory=10, steps=100):
    """The end came back in another dtype than x0. Compute as precisely as you like, but answer in the dtype that was given."""
    return right.lbfgs(f, grad, x0, memory, steps).double()


@replaces("lbfgs")
def nothing_refused(f, grad, x0, memory=10, steps=100):
    """A memory below 1 and a negative number of steps were taken as they came. Both are ValueErrors."""
    return right.lbfgs(f, grad, x0, max(memory, 1), max(steps, 0))
