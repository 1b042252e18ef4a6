"""What is done with is_midpoint_convex, newton_minimize and project_simplex, from small to large.

Verdicts on convexity come in an order that changes with the seed, together with that order.
"""

import math

import torch

TWO = torch.float64


def _verdicts(my, rng, functions, points):
    order = torch.randperm(len(functions), generator=rng.generator()).tolist()
    return [[i, my.is_midpoint_convex(functions[i], points)] for i in order]


# ── is_midpoint_convex ──


def convex_on_a_line(my, rng):
    """Parabolas up and down, a cubic, a straight line; points around zero in any order."""
    points = torch.tensor([-2.0, -1.0, 0.0, 1.5])[torch.randperm(4, generator=rng.generator())]
    a = float(rng.uniform(low=0.5, high=2.0))
    functions = [
        lambda x: a * x**2,
        lambda x: -a * x**2,
        lambda x: a * x**3,
        lambda x: 3 - a * x,
        lambda x: a * x.abs(),
    ]
    return _verdicts(my, rng, functions, points)


def convex_between_far_points_only(my, rng):
    """Dents that only one pair sees: neighbors do not, nor does the middle of all points."""
    points = torch.tensor([0.0, 1.0, 10.0, 11.0, 30.0, 31.5]) + rng.integer(-3, 4)
    order = torch.randperm(6, generator=rng.generator())
    base = points.min()
    functions = [
        lambda x, at=at: (x - base) ** 2 / 10 + 1000.0 * ((x - base - at).abs() < 1e-6).double()
        for at in (5.0, 5.5, 6.0, 15.75, 16.25, 21.25, 400.0)
    ]
    return _verdicts(my, rng, functions, points[order])


def convex_in_one_pair_of_many(my, rng):
    """One point lies where the function bends down, among many where it bends up: wrong for some pairs, right for most."""
    points = rng.uniform(12, low=0.5, high=2.0, dtype=TWO)
    bent = points.clone()
    bent[rng.integer(9, 12)] = -3.0
    cubic = lambda x: x**3  # noqa: E731
    order = rng.integer(0, 2)
    pairs = (points, bent) if order else (bent, points)
    return [points, *([order, my.is_midpoint_convex(cubic, one)] for one in pairs)]


def convex_bowls_and_saddles(my, rng):
    """Of vectors: a bowl, a saddle, a norm, the logarithm of a sum of exponentials, a sine, the product of two entries."""
    points = rng.normal(7, 3, dtype=TWO, scale=2.0)
    functions = [
        lambda x: (x**2).sum() + x[0] * x[1],
        lambda x: x[0] ** 2 - x[1] ** 2,
        lambda x: x.norm() + x.sum(),
        lambda x: torch.logsumexp(x, dim=0),
        lambda x: torch.sin(3 * x).sum(),
        lambda x: x[0] * x[1],
    ]
    return _verdicts(my, rng, functions, points)


def convex_is_more_than_one_valley(my, rng):
    """Functions whose middle is never above the higher end, nor above the sum, and that are still not convex."""
    points = rng.uniform(6, low=0.5, high=30.0, dtype=TWO)
    functions = [lambda x: x.sqrt(), lambda x: torch.log1p(x), lambda x: x / (1 + x), lambda x: x**1.5 + 1]
    return _verdicts(my, rng, functions, points)


def convex_matrices(my, rng):
    """Points that are matrices, one at a time."""
    points = rng.normal(5, 2, 3, dtype=TWO)
    functions = [lambda x: (x @ x.mT).trace(), lambda x: torch.linalg.matrix_norm(x, 2), lambda x: -x.norm()]
    return _verdicts(my, rng, functions, points)


def convex_straight_lines(my, rng):
    """Planes, up to rounding: at ordinary heights, high up, far out, and points that are equal."""
    a, points = rng.normal(4, dtype=TWO), rng.normal(8, 4, dtype=TWO)
    plane = lambda x: (a * x).sum() / 3 + 0.1  # noqa: E731
    return [
        [float(points[0, 0]), my.is_midpoint_convex(plane, points)],
        my.is_midpoint_convex(lambda x: plane(x) + 1e9 / 3, points),
        my.is_midpoint_convex(lambda x: plane(x) * 1e12, points * 7e3),
        my.is_midpoint_convex(plane, points[:1].expand(3, 4)),
    ]


def convex_by_little(my, rng):
    """Domes by more and by less than is allowed: near zero, and as a share of large values."""
    points = torch.tensor([-1.0, 1.0], dtype=TWO)
    up = lambda height, dent: lambda x: height - dent * x**2  # noqa: E731  (the middle is higher by dent)
    allowed = [1e-9 * (1 + 2 * height) for height in (0.0, 1e3, 1e7)]
    functions = [
        up(height, share * most) for height, most in zip((0.0, 1e3, 1e7), allowed) for share in (0.8, 1.25, 50.0)
    ]
    for end, share in ((-1.0, 0.8), (-1.0, 1.25), (1.0, 0.8), (1.0, 1.25)):
        functions.append(_lopsided(end, 1e7, share))
    functions += [_seesaw(1e7, 0.8), _seesaw(1e7, 1.25), _lopsided(1.0, 1.0, 0.8), _lopsided(1.0, 0.5, 1.25)]
    return _verdicts(my, rng, functions, points)


def _lopsided(end, height, share):
    """Zero at one of the ends -1 and 1, ``height`` at the other, and too high in the middle by a share of what is allowed."""
    middle = height / 2 + share * 1e-9 * (1 + height)
    heights = {0.0: middle, end: height, -end: 0.0}
    return lambda x: torch.tensor(heights[float(x)], dtype=TWO)


def _seesaw(height, share):
    """``height`` at one end and minus that at the other; too high in the middle by a share of what is allowed."""
    heights = {-1.0: -height, 0.0: share * 1e-9 * (1 + 2 * height), 1.0: height}
    return lambda x: torch.tensor(heights[float(x)], dtype=TWO)


def convex_of_points_in_float32(my, rng):
    """Middles between points of float32 need more digits than float32 has; a plane shows it."""
    points, a = rng.normal(5, 3), rng.uniform(3, low=0.5, high=2.0, dtype=TWO)
    return [a, my.is_midpoint_convex(lambda x: (a * x).sum() + 0.3, points)]


def convex_with_infinity(my, rng):
    """Functions that are infinite outside of where they are defined: on one side, on two, inside a hole, everywhere."""
    points = torch.tensor([-2.0, -1.0, 0.5, 1.0, 3.0], dtype=TWO)
    inside = lambda keep: lambda x: torch.where(keep(x), x**2, math.inf)  # noqa: E731
    functions = [
        inside(lambda x: x > 0),
        inside(lambda x: x.abs() < 2.5),
        inside(lambda x: (x - 0.75).abs() > 0.1),
        inside(lambda x: x > 100),
    ]
    return _verdicts(my, rng, functions, points)


def convex_not_a_number(my, rng):
    points = torch.tensor([-2.0, 1.0, 3.0, 4.0], dtype=TWO)
    functions = [
        lambda x: x.log(),
        lambda x: x**2 + torch.where(x == 3.5, math.nan, 0.0),
        lambda x: x**2 + torch.where(x == 4.0, math.nan, 0.0),
        lambda x: x**2,
    ]
    return _verdicts(my, rng, functions, points)


def convex_of_few_points(my, rng):
    """No pair, no objection; and whole numbers, whose middles are none."""
    dome = lambda x: -(x**2).sum()  # noqa: E731
    n = rng.integer(1, 40)
    wave = lambda x: torch.where(x == x.round(), 0.0, 1.0)  # noqa: E731
    return [
        n,
        my.is_midpoint_convex(dome, torch.zeros(0, 3)),
        my.is_midpoint_convex(dome, rng.normal(1, 3)),
        my.is_midpoint_convex(wave, torch.tensor([n, n + 1])),
        my.is_midpoint_convex(wave, torch.tensor([n, n + 2])),
        my.is_midpoint_convex(lambda x: (x * torch.ones(1, dtype=TWO))[0] ** 2, torch.tensor([1, 4, n]).half()),
    ]


# ── newton_minimize ──


def _quadratic(rng, n, signs=None, dtype=TWO):
    """A random quadratic function: gradient, Hessian, and where the gradient is zero."""
    basis, _ = torch.linalg.qr(rng.normal(n, n, dtype=TWO))
    curvature = rng.uniform(n, low=0.5, high=3.0, dtype=TWO) * (1 if signs is None else torch.tensor(signs, dtype=TWO))
    matrix = ((basis * curvature) @ basis.T).to(dtype)
    matrix = (matrix + matrix.T) / 2
    lowest = rng.normal(n, dtype=dtype)
    return (lambda x: matrix @ (x - lowest)), (lambda x: matrix), lowest


def _bent(rng, n):
    """The gradient and Hessian of the sum of log cosh and a quadratic: convex, curved differently everywhere."""
    mix = rng.normal(n, n, dtype=TWO) / math.sqrt(n)
    lowest = rng.normal(n, dtype=TWO)

    def grad(x):
        return mix.T @ torch.tanh(mix @ (x - lowest)) + (x - lowest) / 2

    def hess(x):
        return (mix.T * (1 - torch.tanh(mix @ (x - lowest)) ** 2)) @ mix + torch.eye(n, dtype=TWO) / 2

    return grad, hess


def newton_one_number(my, rng):
    """f(x) = exp(x) - a·x, lowest at log a."""
    a = round(float(rng.uniform(low=1.5, high=3.0)), 1)
    grad, hess = (lambda x: x.exp() - a), (lambda x: x.exp()[:, None])
    return [my.newton_minimize(grad, hess, torch.zeros(1, dtype=TWO), steps) for steps in (1, 2, 4)]


def newton_one_step_down_a_bowl(my, rng):
    grad, hess, _ = _quadratic(rng, 3)
    return my.newton_minimize(grad, hess, rng.normal(3, dtype=TWO, scale=4.0), 1)


def newton_on_bent_slopes(my, rng):
    grad, hess = _bent(rng, 4)
    x0 = rng.normal(4, dtype=TWO) / 2
    return [my.newton_minimize(grad, hess, x0, steps) for steps in (1, 2, 3)]


def newton_to_a_saddle_and_a_top(my, rng):
    """The matrix has negative eigenvalues: the step leads to where the gradient is zero all the same."""
    found = []
    for signs in ([1.0, -1.0, 1.0], [-1.0, -1.0, -1.0]):
        grad, hess, _ = _quadratic(rng, 3, signs)
        found.append(my.newton_minimize(grad, hess, rng.normal(3, dtype=TWO), 1))
    return found


def newton_away(my, rng):
    """f(x) = sqrt(1 + x²), convex; from beyond 1 each step is longer than the last, and none is shortened."""
    x0 = rng.uniform(2, low=1.1, high=1.3, dtype=TWO)
    grad = lambda x: x / torch.sqrt(1 + x**2)  # noqa: E731
    hess = lambda x: torch.diag((1 + x**2) ** -1.5)  # noqa: E731
    return [my.newton_minimize(grad, hess, x0, steps) for steps in (1, 2, 3)]


def newton_no_steps(my, rng):
    grad, hess, lowest = _quadratic(rng, 2)
    asked = []

    def noted(x):
        asked.append(x.clone())
        return hess(x)

    return [my.newton_minimize(grad, hess, lowest + 1, 0), my.newton_minimize(grad, noted, lowest, 3), asked]


def newton_in_float32(my, rng):
    grad, hess, _ = _quadratic(rng, 4, dtype=torch.float32)
    return my.newton_minimize(grad, hess, rng.normal(4), 2)


def newton_down_a_narrow_valley(my, rng):
    """Curvatures from 1e-3 to 1e3: what takes gradient descent a million steps."""
    basis, _ = torch.linalg.qr(rng.normal(3, 3, dtype=TWO))
    matrix = (basis * torch.tensor([1e-3, 1.0, 1e3], dtype=TWO)) @ basis.T
    lowest = rng.normal(3, dtype=TWO)
    return my.newton_minimize(lambda x: matrix @ (x - lowest), lambda x: matrix, rng.normal(3, dtype=TWO), 1)


def newton_asks_once_a_step(my, rng):
    """Where gradient and matrix are asked for; gradients by autograd; x0 stays."""
    a = rng.normal(3, dtype=TWO)
    x0, asked, matrices = rng.normal(3, dtype=TWO) / 2, [], []

    def value(x):
        return torch.logsumexp(torch.cat([x - a, a - x]), dim=0) + ((x - a) ** 2).sum()

    def grad(x):
        asked.append(x.detach().clone())
        x = x.detach().clone().requires_grad_()
        return torch.autograd.grad(value(x), x)[0]

    def hess(x):
        matrices.append(x.detach().clone())
        p = torch.softmax(torch.cat([x - a, a - x]), dim=0)
        p, m = p[:3] - p[3:], p[:3] + p[3:]
        return torch.diag(m) - torch.outer(p, p) + 2 * torch.eye(3, dtype=TWO)

    kept = x0.clone()
    end = my.newton_minimize(grad, hess, x0, 3)
    return [end.detach(), asked, matrices, x0, kept]


def newton_refuses(my, rng):
    grad, hess, lowest = _quadratic(rng, 2)
    return [rng.attempt(my.newton_minimize, grad, hess, lowest, steps) for steps in (-1, -4)]


# ── project_simplex ──


def simplex_of_three(my, rng):
    """Two stay, and one gets nothing."""
    a = float(rng.uniform(low=0.1, high=0.4))
    return my.project_simplex(torch.tensor([a, 0.8, -1.0]))


def simplex_of_many(my, rng):
    """Narrow and wide: most stay, a few stay, one stays."""
    return [my.project_simplex(rng.normal(9, dtype=TWO, scale=scale)) for scale in (0.05, 0.3, 1.0, 20.0)]


def simplex_of_thousands(my, rng):
    """Three thousand entries, of which more than two thousand stay, many of them just so."""
    return my.project_simplex(rng.normal(3000, dtype=TWO, scale=6e-4))


def simplex_of_small_sums(my, rng):
    """Entries with a sum below 1, all negative, and distributions, which stay as they are."""
    shares = rng.uniform(5, low=0.1, high=1.0, dtype=TWO)
    return [
        my.project_simplex(shares / shares.sum() / 3),
        my.project_simplex(-shares),
        my.project_simplex(shares / shares.sum()),
        my.project_simplex(torch.tensor([0.0, 1.0, 0.0], dtype=TWO)),
    ]


def simplex_of_one_entry(my, rng):
    one = rng.normal(1, scale=5.0)
    return [one, my.project_simplex(one), my.project_simplex(rng.normal(3, 1))]


def simplex_of_batches(my, rng):
    """Each row of the last dimension by itself, the number of entries that stay differs."""
    v = rng.normal(2, 3, 5, dtype=TWO) * torch.tensor([0.1, 0.6, 3.0], dtype=TWO)[:, None]
    return [my.project_simplex(v), my.project_simplex(v[0].T), my.project_simplex(rng.normal(0, 4))]


def simplex_of_views(my, rng):
    v = rng.normal(6, 8, dtype=TWO, scale=0.5).T[::2, 1:]
    kept = v.clone()
    return [my.project_simplex(v), v, kept]


def simplex_of_ties(my, rng):
    c = float(rng.normal(1))
    return [my.project_simplex(torch.full((4,), c)), my.project_simplex(torch.tensor([c, c + 0.4, c + 0.4, c - 9, c]))]


def simplex_of_large_entries(my, rng):
    """The same shift for all changes nothing, even where it uses up most of the digits."""
    v = rng.normal(2, 6, scale=0.4) + 1e5
    huge = torch.tensor([1.0, -2.0, 0.5, -1.0]) * float(rng.uniform(low=1e30, high=1e31))
    return [my.project_simplex(v), my.project_simplex(-3 * v), my.project_simplex(huge)]


def simplex_with_masked_entries(my, rng):
    v = rng.normal(3, 5, dtype=TWO, scale=0.5)
    hide = rng.mask(3, 5, p=0.6)
    return [my.project_simplex(v.masked_fill(~hide, -math.inf)), hide]


def simplex_in_other_dtypes(my, rng):
    v = rng.normal(2, 7, dtype=TWO, scale=0.4)
    return [my.project_simplex(v.to(dtype)) for dtype in (torch.float32, torch.float16, torch.bfloat16)]


def simplex_gradients(my, rng):
    """Of narrow rows and wide ones; entries that get nothing have none."""
    v = (rng.normal(3, 5, dtype=TWO) * torch.tensor([0.05, 0.4, 8.0], dtype=TWO)[:, None]).requires_grad_()
    out = my.project_simplex(v)
    return [out.detach(), rng.gradients(out, v=v)]


def simplex_gradients_beside_masked_entries(my, rng):
    v = rng.normal(4, 6, dtype=TWO, scale=0.4)
    v[:, rng.integer(0, 6)] = -math.inf
    v.requires_grad_()
    return rng.gradients(my.project_simplex(v), v=v)


def simplex_refuses(my, rng):
    return [
        rng.attempt(my.project_simplex, torch.zeros(0)),
        rng.attempt(my.project_simplex, torch.zeros(rng.integer(2, 5), 0)),
        rng.attempt(my.project_simplex, torch.tensor(0.5)),
    ]
