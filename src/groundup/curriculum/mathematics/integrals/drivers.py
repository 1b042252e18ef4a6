"""What is done with simpson and monte_carlo_integral, from small to large.

Random points are compared by their distribution, as f sees them, and results without chance: f gives values that do not
depend on the points, or the mean of what it gave is known. Values come in an order, so that it does not matter in how many
parts the points are handed over.
"""

import torch

TWO = torch.float64


def _number(rng, low, high):
    """A Python float with few digits, easy to follow by hand."""
    return round(float(rng.uniform(low=low, high=high)), 2)


def _bent(rng):
    """A function without symmetries, bent everywhere."""
    a, b, c = _number(rng, 1.0, 3.0), _number(rng, 0.5, 1.5), _number(rng, -1.0, 1.0)
    return lambda x: torch.sin(a * x) + torch.exp(b * x / 2) + c * x**3


# ── simpson ──


def area_under_a_parabola(my, rng):
    a, b, c = _number(rng, 0.5, 2.0), _number(rng, 0.5, 2.0), _number(rng, -2.0, 2.0)
    return my.simpson(lambda x: a * x**2 + b * x + c, 0.0, _number(rng, 1.0, 3.0), 2)


def area_of_a_constant(my, rng):
    c = _number(rng, 0.5, 2.0)
    return [my.simpson(lambda x: x * 0 + c, -1.0, _number(rng, 1.0, 3.0), n) for n in (2, 4, 10)]


def area_under_a_cube(my, rng):
    c = _number(rng, 0.5, 2.0)
    f = lambda x: x**3 - c * x  # noqa: E731
    a, b = -_number(rng, 0.5, 1.0), _number(rng, 1.0, 3.0)
    return [my.simpson(f, a, b, n) for n in (2, 6)]


def area_with_two_parts(my, rng):
    return my.simpson(_bent(rng), _number(rng, 0.5, 1.0), _number(rng, 2.0, 4.0), 2)


def area_with_more_parts(my, rng):
    f, a, b = _bent(rng), -_number(rng, 0.5, 1.0), _number(rng, 2.0, 4.0)
    return [my.simpson(f, a, b, n) for n in (4, 6, 8, 14)]


def area_of_single_places(my, rng):
    """A function that is 0 but near one of the places: what comes back is that place's weight."""
    a, h, n = _number(rng, -1.0, 1.0), _number(rng, 0.3, 0.9), 6
    height = _number(rng, 1.0, 3.0)
    return [
        my.simpson(lambda x, k=k: height * ((x - a - k * h).abs() < h / 4).to(TWO), a, a + n * h, n)
        for k in range(n + 1)
    ]


def area_from_right_to_left(my, rng):
    f, a, b = _bent(rng), -_number(rng, 0.5, 1.0), _number(rng, 2.0, 4.0)
    return [my.simpson(f, b, a, 4), my.simpson(f, a, b, 4), my.simpson(lambda x: -f(x), b, a, 6)]


def area_below_zero(my, rng):
    c = _number(rng, 1.0, 2.0)
    return [my.simpson(lambda x: c * x - 3, -2.0, 1.0, 8), my.simpson(lambda x: -torch.exp(c * x), 0.0, 1.0, 2)]


def area_of_no_width(my, rng):
    f, a = _bent(rng), _number(rng, 0.5, 2.0)
    return [my.simpson(f, a, a, 4), my.simpson(f, a, a + 1, 4)]


def area_with_corners_and_jumps(my, rng):
    c, height = _number(rng, 0.6, 1.4), _number(rng, 1.0, 3.0)
    return [
        my.simpson(lambda x: (x - c).abs(), 0.0, 2.5, 10),
        my.simpson(lambda x: height * (x > c + 0.003).to(TWO), 0.0, 2.5, 16),
        my.simpson(lambda x: torch.relu(x - c), 0.0, 2.5, 4),
    ]


def area_between_whole_numbers(my, rng):
    f, n = _bent(rng), rng.integer(1, 4)
    bounds = ((0, n), (torch.tensor(-1), torch.tensor(n)), (torch.tensor(0.5), torch.tensor(n, dtype=torch.bfloat16)))
    return [my.simpson(f, *pair, 4) for pair in bounds]


def area_between_bounds_in_other_dtypes(my, rng):
    """Bounds that have no few binary digits: the width of a part belongs into float64."""
    f, a, b = _bent(rng), _number(rng, 0.1, 0.9), _number(rng, 2.0, 3.0)
    low, high = torch.tensor(a), torch.tensor(b, dtype=torch.bfloat16)
    pairs = ((low, high), (high, low), (low, b), (a, high), (torch.tensor(a, dtype=torch.float16), torch.tensor(b)))
    return [my.simpson(f, *pair, n) for pair in pairs for n in (6, 14)]


def area_with_a_thousand_parts(my, rng):
    f = _bent(rng)
    return [my.simpson(f, -1.0, _number(rng, 1.0, 2.0), n) for n in (100, 1000)]


def area_in_tiny_and_huge_units(my, rng):
    f = _bent(rng)
    return [my.simpson(lambda x, s=s: f(x / s) / s, 0.25 * s, 1.75 * s, 8) for s in (1e-9, 1e9)]


def area_far_from_zero(my, rng):
    """In float32 the places could not be told apart."""
    f, start = _bent(rng), 1e6
    return my.simpson(lambda x: f(x - start), start, start + _number(rng, 1.0, 2.0), 4)


def area_leaves_its_bounds_alone(my, rng):
    a, b = torch.tensor(_number(rng, 0.5, 1.0), dtype=TWO), torch.tensor(_number(rng, 2.0, 3.0), dtype=TWO)
    return [my.simpson(_bent(rng), a, b, 4), a, b]


def area_with_odd_parts(my, rng):
    f, k = _bent(rng), rng.integer(2, 20)
    found = [rng.attempt(my.simpson, f, 0.0, 1.0, n) for n in (2 * k + 1, 3, 1, -1)]
    return [*found, rng.attempt(my.simpson, f, 1.0, 1.0, 3)]


def area_with_no_parts(my, rng):
    f = _bent(rng)
    return [rng.attempt(my.simpson, f, 0.0, 1.0, n) for n in (0, -2)]


# ── monte_carlo_integral ──


def _box(rng, d, dtype=TWO):
    """Corners with whole and half numbers, of unequal widths, none of them 1."""
    low = rng.integers(-6, 4, d).to(TWO) / 2
    widths = 0.5 * rng.integers(3, 8, d).to(TWO) * torch.tensor([1.0, 2.0, 0.5, 3.0, 1.0])[:d]
    return low.to(dtype), (low + widths).to(dtype)


class _Told:
    """A function that says one value after another, whatever the points, and keeps the points."""

    def __init__(self, values=None):
        self.values, self.points = values, []

    def __call__(self, points):
        done = sum(len(one) for one in self.points)
        self.points.append(points.clone())
        if self.values is None:
            return points.sum(dim=1)
        return self.values[torch.arange(done, done + len(points)) % len(self.values)]


def _seen(my, rng, low, high, n):
    """The points that f was asked about, (n, d)."""
    f = _Told()
    my.monte_carlo_integral(f, low, high, n, rng.generator())
    return torch.cat(f.points)


def volume_of_a_box(my, rng):
    c = _number(rng, 1.5, 3.0)
    found = []
    for d in (1, 2, 3):
        low, high = _box(rng, d)
        found.append(my.monte_carlo_integral(lambda p: p[:, 0] * 0 + c, low, high, 7, rng.generator()))
    return found


def mean_of_told_values(my, rng):
    low, high = _box(rng, 2)
    return [
        my.monte_carlo_integral(_Told(rng.normal(n, dtype=TWO, shift=-1.0)), low, high, n, rng.generator())
        for n in (1, 2, 3, 10, 12345)
    ]


def volume_without_width(my, rng):
    low, high = _box(rng, 3)
    flat = low.clone()
    flat[:2] = high[:2]
    f = lambda p: p.exp().sum(dim=1) + 2  # noqa: E731
    c = _number(rng, 1.0, 2.0)
    return [
        my.monte_carlo_integral(f, low, flat, 5, rng.generator()),
        my.monte_carlo_integral(lambda p: p[:, 2] * 0 + c, low, high, 5, rng.generator()),
    ]


def points_on_a_line(my, rng):
    low, high = _box(rng, 1)
    return (_seen(my, rng, low, high, 3000 + rng.integer(0, 9))[:, 0] - low) / (high - low)


def points_in_their_own_units(my, rng):
    low, high = _box(rng, 3)
    return _seen(my, rng, low, high, 3000)[:, rng.integer(0, 3)]


def points_beside_each_other(my, rng):
    """Neighbors in the order of f: sorted points and points on a grid lie nearer than chance would have them."""
    low, high = _box(rng, 1)
    points = (_seen(my, rng, low, high, 6000)[:, 0] - low) / (high - low)
    return points[1::2] - points[::2]


def points_far_apart(my, rng):
    """Points half the number apart, added: a triangle if they are independent, one number if half are mirror images."""
    low, high = _box(rng, 1)
    half = 3000 + rng.integer(0, 9)
    unit = (_seen(my, rng, low, high, 2 * half)[:, 0] - low) / (high - low)
    return unit[:half] + unit[half:]


def points_with_entries_of_their_own(my, rng):
    """The two entries of one point, added: a triangle if they are independent."""
    low, high = _box(rng, 2)
    unit = (_seen(my, rng, low, high, 3000 + rng.integer(0, 9)) - low) / (high - low)
    return unit.sum(dim=1)


def points_in_number_and_shape(my, rng):
    low, high = _box(rng, 3)
    counts = []
    for n in (1, 2, rng.integer(20, 99)):
        points = _seen(my, rng, low, high, n)
        inside = ((points >= low) & (points <= high)).all()
        counts.append([n, list(points.shape), str(points.dtype), bool(inside)])
    return counts


def points_in_float64(my, rng):
    """How many different points there are among many: float32 has not enough of them in a small box far from zero."""
    low = torch.tensor([1000.0 + rng.integer(0, 9)], dtype=TWO).repeat(2)
    points = _seen(my, rng, low, low + 0.25, 4000 + rng.integer(0, 99))
    return len(points.unique())


def estimates_of_a_mixed_function(my, rng):
    """Many estimates from few points each, as a distribution."""
    low, high = torch.tensor([0.0, -1.0], dtype=TWO), torch.tensor([2.0, 1.5], dtype=TWO)
    generator = rng.generator()
    return torch.stack(
        [
            torch.as_tensor(my.monte_carlo_integral(lambda p: p[:, 0] ** 2 + p[:, 1], low, high, 3, generator))
            for _ in range(250)
        ]
    ).to(TWO)


def estimate_of_an_integral(my, rng):
    """Divided by a, the integral is 15; with 40 000 points the standard deviation is 0.053."""
    low, high = torch.tensor([0.0, 1.0], dtype=TWO), torch.tensor([2.0, 4.0], dtype=TWO)
    a = _number(rng, 1.0, 2.0)
    found = my.monte_carlo_integral(lambda p: a * p[:, 0] * p[:, 1], low, high, 40_000, rng.generator())
    return torch.as_tensor(found).to(TWO) / a


def corners_in_other_dtypes(my, rng):
    c = _number(rng, 1.5, 3.0)
    low, high = torch.tensor([-1, rng.integer(0, 3)]), torch.tensor([1.5, 4.5])
    half = (low.to(torch.bfloat16), high.to(torch.float16))
    return [
        my.monte_carlo_integral(lambda p: p[:, 0] * 0 + c, *pair, 5, rng.generator()) for pair in ((low, high), half)
    ]


def whole_corners_and_all_between(my, rng):
    """Corners that are whole numbers: the points between them are not."""
    low = torch.tensor([rng.integer(-3, 3)])
    return _seen(my, rng, low, low + 1, 2000)[:, 0] - low


def corners_left_alone(my, rng):
    low, high = _box(rng, 3)
    found = my.monte_carlo_integral(lambda p: p[:, 0] * 0 + 2, low, high, 4, rng.generator())
    return [found, low, high]


def one_state_one_estimate(my, rng):
    (low, high), seed = _box(rng, 2), rng.integer(0, 2**31)
    f = lambda p: p.exp().sum(dim=1)  # noqa: E731
    generator, again = (torch.Generator().manual_seed(seed) for _ in range(2))
    first = my.monte_carlo_integral(f, low, high, 5, generator)
    torch.rand(3)
    same = my.monte_carlo_integral(f, low, high, 5, again)
    later = my.monte_carlo_integral(f, low, high, 5, again)
    return [low, bool(first == same), bool(first == later)]


def other_sources_left_alone(my, rng):
    (low, high), c = _box(rng, 2), _number(rng, 1.0, 2.0)
    before = torch.get_rng_state()
    found = my.monte_carlo_integral(lambda p: p[:, 0] * 0 + c, low, high, 5, rng.generator())
    return [found, torch.equal(before, torch.get_rng_state())]


def corners_of_other_shapes(my, rng):
    d, generator = rng.integer(30, 60), rng.generator()
    f = lambda p: p[:, 0]  # noqa: E731
    return [
        rng.attempt(my.monte_carlo_integral, f, torch.zeros(*low), torch.ones(*high), 4, generator)
        for low, high in (((d,), (d + 1,)), ((1,), (d,)), ((d,), (1,)))
    ]


def no_points_at_all(my, rng):
    low, high = _box(rng, 2)
    f = lambda p: p[:, 0]  # noqa: E731
    return [rng.attempt(my.monte_carlo_integral, f, low, high, n, rng.generator()) for n in (0, -3)]
