"""What is done with backtracking_step and lbfgs, from a parabola to valleys, edges and slopes without end.

backtracking_step has one right answer, and its calls are noted. lbfgs is judged by where it comes to: a driver returns the
place, the height and slope there, and the number of calls, beside what is asked for. How much that is stands in ``_arrive``'s
arguments: far less than a right answer reaches, far more than a wrong one does.
"""

import math

import torch

TWO = torch.float64


class _Noted:
    """f and grad, with the places at which they were asked."""

    def __init__(self, f, grad):
        self._f, self._grad, self.places, self.slopes = f, grad, [], []

    def f(self, x):
        self.places.append(x.detach().clone())
        return self._f(x)

    def grad(self, x):
        self.slopes.append(x.detach().clone())
        return self._grad(x)


def _number(rng, low, high):
    return float(rng.uniform(low=low, high=high, dtype=TWO))


def _stepped(my, f, grad, x, direction):
    noted = _Noted(f, grad)
    length = my.backtracking_step(noted.f, noted.grad, x, direction)
    return [length, noted.places, noted.slopes]


def _parabola(curvature):
    return (lambda x: curvature / 2 * (x**2).sum()), (lambda x: curvature * x)


def _bowl(rng, n, condition):
    """A valley that lies askew, curvatures from 1 to ``condition`` evenly in powers, lowest at a random place."""
    basis, _ = torch.linalg.qr(rng.normal(n, n, dtype=TWO))
    matrix = (basis * torch.logspace(0, math.log10(condition), n, dtype=TWO)) @ basis.T
    lowest = rng.normal(n, dtype=TWO)
    return (lambda x: (x - lowest) @ matrix @ (x - lowest) / 2), (lambda x: matrix @ (x - lowest))


def _made_bowl(rng, n):
    """A bowl and a start from which every full step of L-BFGS ends at the lowest place along its line.

    In the basis of the gradients along the way the matrix has three diagonals, which follow from the lengths of the steps,
    and these are the scales that the newest pairs tell: 1, then each time divided by one more than the ratio of the squared
    lengths of the gradients.
    """
    length, before = 1.0, 0.0
    matrix = torch.zeros(n, n, dtype=TWO)
    for k, ratio in enumerate(rng.uniform(n, low=0.5, high=2.0, dtype=TWO).tolist()):
        matrix[k, k] = 1 / length + before
        if k + 1 < n:
            matrix[k, k + 1] = matrix[k + 1, k] = -math.sqrt(ratio) / length
        length, before = length / (1 + ratio), ratio / length
    basis, _ = torch.linalg.qr(rng.normal(n, n, dtype=TWO))
    matrix, lowest = basis @ matrix @ basis.T, rng.normal(n, dtype=TWO)
    start = lowest + torch.linalg.solve(matrix, 0.4 * basis[:, 0])
    return (lambda x: (x - lowest) @ matrix @ (x - lowest) / 2), (lambda x: matrix @ (x - lowest)), start


def _by_autograd(f):
    def grad(x):
        x = x.detach().clone().requires_grad_()
        return torch.autograd.grad(f(x), x)[0]

    return grad


# ── backtracking_step ──


def step_down_a_parabola(my, rng):
    """Along minus the gradient the lengths depend on the curvature alone: 1, 1/2, 1/16."""
    found = []
    for curvature in (0.5, 3.0, 20.0):
        f, grad = _parabola(curvature)
        x = torch.tensor([_number(rng, 1.0, 3.0), _number(rng, 1.0, 3.0)], dtype=TWO)
        found.append(_stepped(my, f, grad, x, -grad(x)))
    return found


def step_enough_at_once(my, rng):
    """A first length that is enough is taken, even where a shorter or a longer one would be better."""
    f, grad = _parabola(1.0)
    x = rng.uniform(3, low=1.0, high=2.0, dtype=TWO)
    return [_stepped(my, f, grad, x, -share * x) for share in (1e-3, 0.3, 1.0, 1.6, 1.95)]


def step_down_but_not_enough(my, rng):
    """Lower than at x, by less than the share that is asked for; and by just a little more than it."""
    found, x = [], torch.zeros(1, dtype=TWO)
    m = _number(rng, 1.0, 4.0)
    for share in (0.5e-4, 2e-4, 0.5):
        # f(t) for t = 1 is -share · m; shorter steps go down by half of what the slope promises.
        f = lambda x, share=share: torch.where(x > 0.75, -share * m, -m * x / 2).sum()
        found.append(_stepped(my, f, lambda x: torch.full_like(x, -m), x, torch.ones(1, dtype=TWO)))
    return [m, found]


def step_at_the_share_itself(my, rng):
    """The share is of length times slope, and exactly the share is enough. Powers of two, to the last bit."""
    m = 2.0 ** rng.integer(-30, 30)
    x, found = torch.zeros(1, dtype=TWO), []
    for share in (0.9e-4, 1.1e-4, 1e-4):
        gains = {1.0: 0.0, 0.5: share / 2, 0.25: share / 4, 0.125: 1.0}
        f = lambda x, gains=gains: -m * gains.get(float(x), 0.0)
        found.append(_stepped(my, f, lambda x: torch.full_like(x, -m), x, torch.ones(1, dtype=TWO)))
    return [m, found]


def step_along_other_directions(my, rng):
    """Directions that are not minus the gradient, in a narrow valley."""
    f, grad = _bowl(rng, 4, 80.0)
    found = []
    for size in (0.1, 1.0, 30.0):
        x, direction = rng.normal(4, dtype=TWO), size * rng.normal(4, dtype=TWO)
        if float((grad(x) * direction).sum()) > 0:
            direction = -direction
        found.append(_stepped(my, f, grad, x, direction))
    return found


def step_of_any_shape(my, rng):
    """A matrix, a stack of matrices, one number; f that mixes all entries."""
    found = []
    for shape in ((2, 3), (2, 1, 4), ()):
        scale = rng.uniform(*shape, low=1.0, high=9.0, dtype=TWO)
        f = lambda x, scale=scale: (scale * x**2).sum() + torch.cosh(x.sum()) - 1
        x = rng.normal(*shape, dtype=TWO)
        grad = _by_autograd(f)
        found.append(_stepped(my, f, grad, x, -grad(x)))
    return found


def step_beyond_the_edge(my, rng):
    """Where f is infinite, and where it is NaN, a step is too long."""
    x = rng.uniform(2, low=0.3, high=0.6, dtype=TWO)
    bounded = lambda x: torch.where((x > 0).all() & (x < 1).all(), (x**2).sum(), math.inf)
    root = lambda x: x.sqrt().sum()
    found = [_stepped(my, bounded, lambda x: 2 * x, x, -factor * x) for factor in (1.5, 3.0, 40.0)]
    return found + [_stepped(my, root, lambda x: x**-0.5 / 2, x, -factor * x) for factor in (0.9, 3.0, 11.0)]


def step_to_nowhere(my, rng):
    """A slope that promises a descent which never comes, wherever one looks: sixty lengths, then zero."""
    x, direction = torch.zeros(2, dtype=TWO), rng.uniform(2, low=1.0, high=2.0, dtype=TWO)
    level = lambda x: torch.zeros((), dtype=TWO)
    length, places, slopes = _stepped(my, level, lambda x: -torch.ones(2, dtype=TWO), x, direction)
    return [float(direction[0]), length, len(places), len(slopes)]


def step_of_many_halvings(my, rng):
    """Very long directions: lengths of millionths."""
    f, grad = _parabola(1.0)
    x = rng.uniform(2, low=1.0, high=2.0, dtype=TWO)
    found = [_stepped(my, f, grad, x, -(2.0**power) * x) for power in (9.3, 24.6, 45.2)]
    return [[length, len(places), places[-1]] for length, places, _ in found]


def step_with_numbers(my, rng):
    """f that returns Python's floats; float32; views with strides; and nothing is changed."""
    x = rng.normal(6, 2).T[:, ::2]
    direction = -(rng.uniform(2, 3, low=1.0, high=3.0) * x)
    kept = [x.clone(), direction.clone()]
    found = _stepped(my, lambda x: float(2 * (x.double() ** 2).sum()), lambda x: 4 * x, x, direction)
    return [type(found[0]).__name__, found, x, direction, kept]


def step_borrowed_gradient(my, rng):
    """A gradient that is the place itself, and one whose tensor f uses, too."""
    x, buffer = rng.normal(3, dtype=TWO), torch.zeros(3, dtype=TWO)

    def f(x):
        buffer.copy_(x)
        return 3 * (buffer**2).sum()

    return [
        _stepped(my, lambda x: (x**2).sum() / 2, lambda x: x, x, -2.5 * x),
        _stepped(my, f, lambda x: buffer.copy_(6 * x), x, -x.clone()),
        x,
    ]


def step_far_from_zero(my, rng):
    """Heights of thousands of millions that differ by less than one, and a slope that is left when large terms cancel: what
    float64 holds and float32 does not."""
    x, far = rng.uniform(1, low=1.0, high=2.0, dtype=TWO), 1e9 * rng.integer(1, 4)
    parabola = [_stepped(my, lambda x: far + c * (x**2).sum(), lambda x: 2 * c * x, x, -2 * x) for c in (0.01, 0.04)]
    large, unit = torch.tensor([1e8, 1.0], dtype=TWO), 2.0 ** rng.integer(-5, 5)
    aside = torch.tensor([1.0, -1e8 - 1.0], dtype=TWO)
    left = _stepped(my, lambda x: -unit * float(x[0]), lambda x: unit * large, torch.zeros(2, dtype=TWO), aside)
    return [parabola, left]


def step_seen_by_f(my, rng):
    """f that looks at x itself: it must be where it was, also while lengths are tried."""
    x, aside = rng.normal(3, dtype=TWO), rng.uniform(3, low=1.0, high=2.0, dtype=TWO)
    f = lambda trial: 3 * ((trial - x + aside) ** 2).sum()
    return _stepped(my, f, lambda trial: 6 * (trial - x + aside), x, -6 * aside)


def _with_autograd(scale):
    """f that itself takes a derivative: half the squares, and an eighth of the squared slope. And its gradient."""

    def f(x):
        x = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad((scale * x**2).sum() / 2, x)
        return ((scale * x**2).sum() / 2 + (slope**2).sum() / 8).detach()

    def grad(x):
        x = x.detach().clone().requires_grad_()
        return torch.autograd.grad((scale * x**2).sum() / 2 + ((scale * x) ** 2).sum() / 8, x)[0]

    return f, grad


def step_with_recording_on(my, rng):
    """f and grad that need autograd's recording."""
    f, grad = _with_autograd(rng.uniform(2, low=1.0, high=5.0, dtype=TWO))
    x = rng.normal(2, dtype=TWO)
    return _stepped(my, f, grad, x, -grad(x))


def step_refuses(my, rng):
    """Up, level, and not a number."""
    f, grad = _parabola(2.0)
    x = rng.uniform(2, low=1.0, high=2.0, dtype=TWO)
    aside = torch.stack([x[1], -x[0]])
    calls = ((grad, x), (grad, torch.zeros(2, dtype=TWO)), (lambda x: x * math.nan, -x), (lambda x: x * 0, aside))
    return [rng.attempt(my.backtracking_step, f, slope, x, direction) for slope, direction in calls]


# ── lbfgs ──


def _arrive(my, f, grad, x0, aim, **named):
    """Where it comes to, and what that took. ``aim``: the share of the first slope that may be left.

    Where grad is asked for at a place that is good enough, it says that the slope is zero there, and it is over: nothing is
    spent on what is done in the rounding of f, and the calls of f are those up to there. It says so, too, to one that was
    seen twice above its start, which is lost: every fourth place is looked at.
    """
    calls = slopes = above = 0
    first, enough = float(f(x0)), aim * max(float(grad(x0).norm()), 1e-12)

    def height(x):
        nonlocal calls
        calls += 1
        return f(x)

    def slope(x):
        nonlocal slopes, above
        slopes += 1
        if slopes % 4 == 0 and not float(f(x)) <= first:
            above += 1
        found = grad(x)
        return found if above < 2 and float(found.norm()) > enough else torch.zeros_like(found)

    end, steps = my.lbfgs(height, slope, x0, **named), named.get("steps", 100)
    here = {"end": end, "calls of f": calls, "calls of grad": slopes}
    here["at most"] = {
        "slope": enough,
        "height": first,
        "calls of f": 3 * steps + 60,
        "calls of grad": steps + 1,
    }
    if isinstance(end, torch.Tensor) and end.shape == x0.shape:
        end = end.detach().to(x0.dtype)
        here.update(height=float(f(end)), slope=float(grad(end).norm()))
    return here


def lbfgs_no_steps(my, rng):
    """No steps; and a start at the lowest place, where the slope is zero."""
    f, grad = _parabola(3.0)
    x0 = rng.normal(3, dtype=TWO)
    return [
        my.lbfgs(f, grad, x0, steps=0),
        my.lbfgs(f, lambda x: grad(x - x0), x0, 4, 7),
        my.lbfgs(lambda x: (x * 0).sum(), lambda x: x * 0, x0, steps=3),
        x0,
    ]


def lbfgs_down_a_bowl(my, rng):
    f, grad = _bowl(rng, 3, 10.0)
    return _arrive(my, f, grad, rng.normal(3, dtype=TWO, scale=3.0), 1e-6, steps=16)


def lbfgs_in_as_many_steps_as_weights(my, rng):
    """Bowls and starts from which every full step is just long enough: in n steps it is at the bottom."""
    f, grad, start = _made_bowl(rng, 4)
    found = [_arrive(my, f, grad, start, 1e-6, steps=4)]

    # With two weights, also where the first step is too short or too long for its line.
    for low, high in ((0.4, 0.7), (1.3, 1.6)):
        first, across = _number(rng, low, high), _number(rng, 0.4, 0.9)
        small = torch.tensor([[first, across], [across, first + 2 * across**2 / first]], dtype=TWO)
        place = torch.linalg.solve(small, torch.tensor([0.4, 0.0], dtype=TWO))
        height, slope = (lambda x, m=small: x @ m @ x / 2), (lambda x, m=small: m @ x)
        found.append(_arrive(my, height, slope, place, 1e-6, steps=2))
    return found


def lbfgs_with_a_flat_pair(my, rng):
    """As above, in two steps; the change of the gradient is nearly square to the step, and still it is what has to be known."""
    ratio = 1e5 * _number(rng, 0.5, 2.0)
    matrix = torch.tensor([[1.0, -math.sqrt(ratio)], [-math.sqrt(ratio), 1.0 + 2.0 * ratio]], dtype=TWO)
    basis, _ = torch.linalg.qr(rng.normal(2, 2, dtype=TWO))
    matrix, lowest = basis @ matrix @ basis.T, rng.normal(2, dtype=TWO)
    start = lowest + torch.linalg.solve(matrix, 0.4 * basis[:, 0])
    f = lambda x: (x - lowest) @ matrix @ (x - lowest) / 2
    return _arrive(my, f, lambda x: matrix @ (x - lowest), start, 1e-2, steps=2)


def lbfgs_down_a_narrow_valley(my, rng):
    f, grad = _bowl(rng, 3, 1e4)
    return _arrive(my, f, grad, rng.normal(3, dtype=TWO, scale=3.0), 1e-5, steps=36)


def lbfgs_round_the_bend(my, rng):
    """Rosenbrock's valley, from different places."""
    f = lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    grad = lambda x: torch.stack([2 * (x[0] - 1) - 400 * x[0] * (x[1] - x[0] ** 2), 200 * (x[1] - x[0] ** 2)])
    start = torch.tensor([-1.0, -0.5], dtype=TWO) + rng.normal(2, dtype=TWO, scale=0.1)
    return _arrive(my, f, grad, start, 1e-6, memory=rng.integer(3, 5), steps=70)


def lbfgs_fits_a_classifier(my, rng):
    """Logistic regression with a small penalty, the counts of some words much larger than of others."""
    rows = rng.normal(20, 3, dtype=TWO) * torch.tensor([0.3, 1.0, 6.0], dtype=TWO)
    signs = torch.where(rows.sum(-1) + 3 * rng.normal(20, dtype=TWO) > 0, 1.0, -1.0)
    f = lambda w: torch.nn.functional.softplus(-signs * (rows @ w)).mean() + 0.005 * (w**2).sum()
    grad = lambda w: -rows.T @ (signs * torch.sigmoid(-signs * (rows @ w))) / 20 + 0.01 * w
    return _arrive(my, f, grad, torch.zeros(3, dtype=TWO), 1e-5, steps=30)


def lbfgs_with_a_short_memory(my, rng):
    f, grad = _bowl(rng, 4, 30.0)
    start = rng.normal(4, dtype=TWO, scale=3.0)
    return [_arrive(my, f, grad, start, 1e-4, memory=memory, steps=steps) for memory, steps in ((1, 60), (3, 30))]


def lbfgs_in_other_units(my, rng):
    """The same valley a million times as steep, in units of 1e-12, a hundred-billionth as wide; and flat, with a memory too short to learn
    all units."""
    f, grad = _bowl(rng, 2, 300.0)
    start = rng.normal(2, dtype=TWO, scale=2.0)
    level, level_grad = _bowl(rng, 8, 10.0)
    found = [_arrive(my, lambda x: 1e-6 * level(x), lambda x: 1e-6 * level_grad(x), rng.normal(8, dtype=TWO), 1e-3, memory=2, steps=25)]  # fmt: skip
    for steep, wide in ((1e6, 1.0), (1e-12, 1.0), (1e-22, 1e-11)):
        height = lambda x, steep=steep, wide=wide: steep * f(x / wide)
        slope = lambda x, steep=steep, wide=wide: steep / wide * grad(x / wide)
        found.append(_arrive(my, height, slope, wide * start, 1e-4, steps=24))
    return found


def lbfgs_from_a_hilltop(my, rng):
    """Two wells in each direction, with a hill between them where the slope falls along the way: s · y is below zero."""
    scale = rng.uniform(3, low=0.5, high=2.0, dtype=TWO)
    f, grad = (lambda x: (scale * (x**2 - 1) ** 2).sum() / 4), (lambda x: scale * x * (x**2 - 1))
    near, around = 0.05 * rng.uniform(3, low=0.5, high=1.0, dtype=TWO), 0.3 * rng.normal(3, dtype=TWO)
    starts = [near, around + 0.1 * around.sign()]  # on the edge between two wells nothing leads away
    return [_arrive(my, f, grad, start, 1e-3, steps=45) for start in starts]


def lbfgs_bent_downwards_and_straight(my, rng):
    """In flat units, where only the pairs tell how far to go: a bend upwards, then one downwards, a straight slope, a well."""
    knots = [(0.0, -1.0), (0.1, -0.9), (1.2, -2.0), (20.0, -2.0), (1e6, 1e6 - 22.0)]  # places, and the slopes there
    flat = 1e-6 * _number(rng, 0.5, 2.0)

    def along(x):
        """Height and slope at -x."""
        x, total = -float(x), 0.0
        if x < 0:
            return -x, -1.0
        for (a, left), (b, right) in zip(knots, knots[1:]):
            upto = min(x, b)
            slope = left + (right - left) * (upto - a) / (b - a)
            total += (upto - a) * (left + slope) / 2
            if x <= b:
                break
        return total, slope

    f = lambda x: flat * along(x)[0]
    return _arrive(my, f, lambda x: torch.full_like(x, -flat * along(x)[1]), torch.zeros(1, dtype=TWO), 1e-4, steps=32)


def lbfgs_over_waves(my, rng):
    """A bowl with waves on it: bent up and down by turns."""
    a = rng.normal(4, dtype=TWO)
    f = lambda x: ((x - a) ** 2).sum() / 20 - torch.cos(2 * x).sum()
    grad = lambda x: (x - a) / 10 + 2 * torch.sin(2 * x)
    return [_arrive(my, f, grad, rng.normal(4, dtype=TWO, scale=6.0), 1e-3, steps=80) for _ in range(2)]


def lbfgs_down_a_straight_slope(my, rng):
    """Without curvature there is nothing to learn, and no lowest place: it goes on downwards, for as many steps as it is told."""
    a, start = rng.normal(3, dtype=TWO), rng.normal(3, dtype=TWO)
    f, grad = (lambda x: (a * x).sum()), (lambda x: a.clone())
    found = _arrive(my, f, grad, start, 0.5, steps=90)
    steep = float(a.norm())
    height = float(f(start)) - 85 * min(steep, steep**2)
    return {**found, "at most": {**found["at most"], "slope": 2 * steep, "height": height}}


def lbfgs_within_an_edge(my, rng):
    """A barrier: infinite outside, and NaN where a logarithm is asked of something negative."""
    a = rng.normal(3, dtype=TWO, scale=3.0)
    edge = lambda x: 1 - (x**2).sum()
    log = lambda x: (a * x).sum() - torch.log(edge(x))
    wall = lambda x: torch.where(edge(x) > 0, log(x), math.inf)
    grad = lambda x: a + 2 * x / edge(x)
    start = rng.uniform(3, low=-0.4, high=0.4, dtype=TWO)
    return [_arrive(my, f, grad, start, 1e-4, steps=30) for f in (log, wall)]


def lbfgs_round_a_corner(my, rng):
    """Two corridors with walls of infinity: round the corner what is remembered leads into the wall, minus the gradient on."""
    far = _number(rng, 0.6, 0.95)

    def f(x):
        a, b = x.tolist()
        if b == 0.0 and a <= 0.0:
            return -far * a
        if a != 0.0 or b < 0.0:
            return math.inf
        return -b if b <= 4.0 else (b - 5.0) ** 2 / 2 - 4.5

    def grad(x):
        a, b = x.tolist()
        return torch.tensor([-far, 0.0] if a < 0.0 else [0.0, max(-1.0, b - 5.0)], dtype=TWO)

    found = _arrive(my, f, grad, torch.tensor([-far, 0.0], dtype=TWO), 1e-6, steps=12)
    # Sixty lengths in vain once, but not at each step behind the corner.
    return {**found, "at most": {**found["at most"], "calls of f": 110}}


def lbfgs_to_where_there_is_no_slope(my, rng):
    """A gradient that is NaN at the lowest place, as that of a square root may be: it is over there, without an error."""
    lowest, start = rng.normal(3, dtype=TWO), rng.normal(3, dtype=TWO)
    f = lambda x: ((x - lowest) ** 2).sum() / 4
    grad = lambda x: (x - lowest) / 2 if float((x - lowest).norm()) > 1e-6 else torch.full_like(x, math.nan)
    end = my.lbfgs(f, grad, start, steps=6)
    return {"end": end, "height": float(f(end)), "at most": {"height": 1e-12}}


def lbfgs_never_climbs(my, rng):
    """The heights after no step, one, two, …: each lower than the one before."""
    f = lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    grad = lambda x: torch.stack([2 * (x[0] - 1) - 400 * x[0] * (x[1] - x[0] ** 2), 200 * (x[1] - x[0] ** 2)])
    start = torch.tensor([-1.2, 1.0], dtype=TWO) + rng.normal(2, dtype=TWO, scale=0.2)
    ends = [my.lbfgs(f, grad, start, 5, steps) for steps in range(5)]
    return [float(f(end)) for end in ends]


def lbfgs_any_shape(my, rng):
    """A matrix, a stack, one entry, one number; all entries pull at one another."""
    level, slope, start = _made_bowl(rng, 4)
    matrix = (2, 1, 2)
    f, grad = (lambda x: level(x.reshape(-1))), (lambda x: slope(x.reshape(-1)).reshape(x.shape))
    found = [_arrive(my, f, grad, start.reshape(matrix), 1e-6, steps=4)]
    for shape in ((1,), ()):
        lowest = rng.normal(*shape, dtype=TWO)
        f = lambda x, a=lowest: ((x - a) ** 2).sum() / 2 + x.sum() ** 4
        grad = lambda x, a=lowest: x - a + 4 * x.sum() ** 3
        found.append(_arrive(my, f, grad, rng.normal(*shape, dtype=TWO), 1e-2, steps=12))
    return found


def lbfgs_float32_and_views(my, rng):
    """float32 stays float32, a view with strides is a place like any other; and x0 stays as it was."""
    scale = rng.uniform(2, 3, low=1.0, high=10.0)
    f, grad = (lambda x: (scale * x**2).sum() / 2), (lambda x: scale * x)
    x0 = rng.normal(6, 2).T[:, ::2]
    kept = x0.clone()
    found = _arrive(my, f, grad, x0, 1e-3, steps=20)
    return {**found, "x0": x0, "kept": kept}


def lbfgs_borrowed_gradients(my, rng):
    """Gradients in one tensor that is used again and again, and one that is the place itself. A round bowl takes two steps:
    with the first pair its curvature is known."""
    f, grad = _bowl(rng, 3, 20.0)
    buffer, round_buffer = torch.zeros(3, dtype=TWO), torch.zeros(3, dtype=TWO)
    start = rng.normal(3, dtype=TWO)
    return [
        _arrive(my, f, lambda x: buffer.copy_(grad(x)), start, 1e-4, steps=16),
        _arrive(my, lambda x: (x**2).sum() / 2, lambda x: x, start, 1e-9, steps=10),
        _arrive(my, lambda x: 0.35 * (x**2).sum(), lambda x: round_buffer.copy_(0.7 * x), start, 1e-6, steps=2),
    ]


def lbfgs_left_to_itself(my, rng):
    """Without memory and steps it comes to where a memory of ten comes to, and ends after a hundred steps.

    Where the function itself says that those are its defaults, that is enough; any other way of having them is tried out.
    """
    f, grad = _bowl(rng, 12, 400.0)
    start, asked = rng.normal(12, dtype=TWO), 0
    written = getattr(my.lbfgs, "__wrapped__", my.lbfgs)
    if getattr(written, "__defaults__", None) == (10, 100):
        return [float(start[0]), True, 98]

    class Over(Exception):
        pass

    def until(x):
        nonlocal asked
        asked += 1
        if asked == 14:
            raise Over
        places.append(x.clone())
        return grad(x)

    walks = []
    for named in ({}, {"memory": 10}):
        places, asked = [], 0
        try:
            my.lbfgs(f, until, start, **named)
        except Over:
            pass
        walks.append(places)

    def straight(x):
        nonlocal asked
        asked += 1
        return one

    one, counts = torch.ones(1, dtype=TWO), []
    for named in ({"steps": 2}, {}):
        asked = 0
        my.lbfgs(lambda x: x.sum(), straight, one, **named)
        counts.append(asked)
    same = len(walks[0]) == len(walks[1]) and all(map(torch.equal, *walks))
    return [float(start[0]), same, counts[1] - counts[0]]


class _Life:
    """Hangs on one vector, and counts how many such vectors there are."""

    alive = 0

    def __init__(self):
        _Life.alive += 1

    def __del__(self):
        _Life.alive -= 1


class _Counted(torch.Tensor):
    """Every tensor that comes from one of these is one, too, and is counted for as long as it lives."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        result = super().__torch_function__(function, types, args, kwargs or {})
        if isinstance(result, _Counted) and result.dim() and not hasattr(result, "life"):
            result.life = _Life()
        return result


def lbfgs_forgets(my, rng):
    """With a memory of one, by how many the vectors that are alive grow in number between the fourth step and the ninth."""
    scale = torch.logspace(0, 3, 7, dtype=TWO)
    before, alive = _Life.alive, []

    def grad(x):
        alive.append(_Life.alive - before)
        return scale * x

    start = rng.normal(7, dtype=TWO).as_subclass(_Counted)
    end = my.lbfgs(lambda x: float((scale * x**2).sum() / 2), grad, start, 1, 9)
    grown = alive[8] - alive[3] if len(alive) > 8 else 0
    return {"grown": grown, "calls of grad": len(alive), "first": float(start[0]), "shape": list(end.shape)}


def _outside(vectors, step):
    """The share of the step that no mixture of the vectors gives."""
    basis, _ = torch.linalg.qr(torch.stack(vectors, 1))
    return float((step - basis @ (basis.T @ step)).norm() / step.norm())


def lbfgs_knows_what_it_keeps(my, rng):
    """Each step is a mixture of the gradient and of as many pairs as memory says: of no more, and of no fewer."""
    found = []
    for memory, n, steps in ((1, 6, 4), (6, 24, 14)):
        scale, places = rng.uniform(n, low=1.0, high=200.0, dtype=TWO), []
        grad = lambda x, scale=scale: scale * torch.sinh(x)

        def noted(x, grad=grad, places=places):
            places.append(x.detach().clone())
            return grad(x)

        f = lambda x, scale=scale: (scale * (torch.cosh(x) - 1)).sum()
        end = my.lbfgs(f, noted, rng.normal(n, dtype=TWO), memory, steps)
        places = [*places[:steps], end]
        s = [after - before for before, after in zip(places, places[1:])]
        slopes = [grad(x) for x in places]
        y = [after - before for before, after in zip(slopes, slopes[1:])]
        late = range(2 * memory, len(s))
        mixed = lambda k, first: [slopes[k], *s[first:k], *y[first:k]]
        more = max((_outside(mixed(k, k - memory), s[k]) for k in late), default=0.0)
        fewer = min((_outside(mixed(k, k - memory + 1), s[k]) for k in late), default=0.0)
        found.append({"memory": memory, "steps": len(s), "from elsewhere": more, "from the oldest pair": fewer})
    return found


def lbfgs_with_recording_on(my, rng):
    """f and grad that need autograd's recording."""
    f, grad = _with_autograd(rng.uniform(2, low=1.0, high=5.0, dtype=TWO))
    return _arrive(my, f, grad, rng.normal(2, dtype=TWO), 1e-3, steps=14)


def lbfgs_refuses(my, rng):
    f, grad = _parabola(2.0)
    x0 = rng.normal(2, dtype=TWO)
    return [rng.attempt(my.lbfgs, f, grad, x0, memory, steps) for memory, steps in ((0, 5), (-3, 5), (4, -1), (0, 0))]
