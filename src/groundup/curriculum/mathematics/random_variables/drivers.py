"""What is done with cumulative, sample_inverse and density_to_probability, from small to large.

Draws are looked at as samples, as pairs and as a whole. A probability from a density comes with the error that it may have:
that of trapezoids, or a share.
"""

import math

import torch

TWO = torch.float64
DRAWN = 6000


def _mass(rng, *shape, dtype=torch.float32):
    """Probabilities of unequal sizes, along the last dimension."""
    drawn = rng.uniform(*shape, low=0.05, high=1.0, dtype=TWO) ** 2
    return (drawn / drawn.sum(dim=-1, keepdim=True)).to(dtype)


def _steps(mass, dtype=torch.float32):
    """Cumulative probabilities, added up by hand, exactly 1 at the end."""
    sums = torch.tensor([math.fsum(mass[: i + 1].tolist()) for i in range(len(mass))], dtype=TWO)
    return (sums / sums[-1]).to(dtype)


# ── cumulative ──


def sums_of_a_few(my, rng):
    return my.cumulative(_mass(rng, 4))


def sums_of_one_and_two(my, rng):
    return [my.cumulative(_mass(rng, 1) * rng.uniform(1)), my.cumulative(_mass(rng, 2))]


def sums_in_a_batch(my, rng):
    return my.cumulative(_mass(rng, 2, 3, 5))


def sums_in_float64(my, rng):
    return my.cumulative(_mass(rng, 7, 9, dtype=TWO).T[1::2])


def sums_of_what_is_missing(my, rng):
    """Rows that do not add up to 1."""
    return my.cumulative(_mass(rng, 3, 6) * rng.uniform(3, 1, low=0.2, high=0.9))


def sums_of_the_impossible(my, rng):
    mass = _mass(rng, 7)
    mass[list(rng.choice([(0, 3, 6), (0, 1, 5), (2, 3, 6)]))] = 0.0
    return my.cumulative(mass)


def sums_of_tiny_beginnings(my, rng):
    """The first entries by themselves: what was taken away from 1 has no digits of them."""
    mass = _mass(rng, 6)
    mass[:3] *= 1e-25
    return my.cumulative(mass)[:3]


def sums_of_many_in_half_precision(my, rng):
    mass = 1 / 600 + _mass(rng, 600) / 100
    return [my.cumulative(mass.to(dtype)) for dtype in (torch.bfloat16, torch.float16)]


def sums_leave_the_mass_alone(my, rng):
    mass = _mass(rng, 2, 4)
    return [my.cumulative(mass), mass]


def sums_gradients(my, rng):
    mass = _mass(rng, 3, 5, dtype=TWO).requires_grad_()
    return rng.gradients(my.cumulative(mass), mass=mass)


# ── sample_inverse ──


def _kind(drawn, values, n):
    """Shape, dtype, and whether all of them are among the values."""
    if not isinstance(drawn, torch.Tensor):
        return drawn
    return [list(drawn.shape) == [n], str(drawn.dtype), all(one in values.tolist() for one in drawn.tolist())]


def draws_in_number_and_kind(my, rng):
    steps, found = _steps(_mass(rng, 5)), []
    kinds = (rng.integers(-50, 50, 5), rng.normal(5), rng.normal(5, dtype=TWO), rng.integers(0, 90, 5).to(torch.int32))
    for values in kinds:
        n = rng.integer(1, 60)
        found.append([n, _kind(my.sample_inverse(steps, values, n, rng.generator()), values, n)])
    none = my.sample_inverse(steps, kinds[0], 0, rng.generator())
    return [*found, _kind(none, kinds[0], 0)]


def draws_of_a_few_values(my, rng):
    return my.sample_inverse(_steps(_mass(rng, 4)), torch.tensor([1, 2, 6, 9]), DRAWN, rng.generator())


def draws_of_two_unequal_ones(my, rng):
    p = rng.uniform(1, low=0.15, high=0.3)
    steps = torch.cat([p, torch.ones(1)])
    return my.sample_inverse(steps, torch.tensor([-1.5, 4.0]), DRAWN, rng.generator())


def draws_of_values_in_disorder(my, rng):
    values = torch.tensor([3.0, -2.0, 8.0, 3.0, 0.5, -7.0, 4.0])
    mass = torch.tensor([0.3, 0.02, 0.2, 0.08, 0.1, 0.25, 0.05]) + _mass(rng, 7) / 20
    return my.sample_inverse(_steps(mass), values, DRAWN, rng.generator())


def draws_of_many_values(my, rng):
    values = rng.normal(40, dtype=TWO)
    return my.sample_inverse(_steps(_mass(rng, 40, dtype=TWO), TWO), values, DRAWN, rng.generator())


def draws_between_coarse_darts(my, rng):
    """A stripe of ones within each part of 1/256, beside its ends: darts that are themselves so coarse miss them."""
    start = float(rng.uniform(low=0.15, high=0.35))
    cells = torch.arange(256, dtype=TWO)
    edges = torch.stack([cells + start, cells + start + 0.5], dim=1).flatten() / 256
    values = torch.tensor([0, 1] * 256 + [0])
    return my.sample_inverse(torch.cat([edges, torch.ones(1, dtype=TWO)]), values, 700, rng.generator())


def draws_of_the_impossible(my, rng):
    """First, between, last."""
    found = []
    for places in ((0, 1), (2, 3), (4, 5)):
        mass = _mass(rng, 6)
        mass[list(places)] = 0.0
        drawn = my.sample_inverse(_steps(mass), torch.arange(6), 500, rng.generator())
        found.append([mass, any(int(one) in places for one in drawn)])
    return found


def draws_of_rounded_steps(my, rng):
    """The last entry is 0.996, as half precision may have it, and the last value has probability 0."""
    first = rng.integer(40, 60) / 128
    steps = torch.tensor([first, 0.75, 255 / 256, 255 / 256], dtype=torch.bfloat16)
    drawn = my.sample_inverse(steps, torch.tensor([5, 7, 4, 9]), DRAWN, rng.generator())
    return [first, [value in drawn.tolist() for value in (5, 7, 4, 9)], len(drawn)]


def draws_of_the_certain(my, rng):
    value, place = rng.integer(-9, 9), rng.integer(0, 5)
    values = rng.integers(20, 90, 5)
    values[place] = value
    steps = (torch.arange(5) >= place).to(torch.float32)
    return [
        my.sample_inverse(steps, values, 12, rng.generator()),
        my.sample_inverse(torch.ones(1), values[place : place + 1], 4, rng.generator()),
    ]


def draws_in_no_order(my, rng):
    """The first half alone."""
    return my.sample_inverse(_steps(_mass(rng, 5)), torch.arange(5), 2 * DRAWN, rng.generator())[:DRAWN]


def draws_side_by_side(my, rng):
    """Pairs of neighbors as one number each."""
    drawn = my.sample_inverse(_steps(_mass(rng, 4)), torch.arange(4), 2 * DRAWN, rng.generator())
    return 4 * drawn[0::2] + drawn[1::2]


def draws_far_apart(my, rng):
    drawn = my.sample_inverse(_steps(_mass(rng, 4)), torch.arange(4), 2 * DRAWN, rng.generator())
    return 4 * drawn[:DRAWN] + drawn[DRAWN:]


def draws_that_scatter_as_chance_does(my, rng):
    """How often one value of probability 0.4 is among twenty draws, 300 times: even steps would say 8 each time."""
    steps, generator = torch.tensor([0.25, 0.65, 1.0]), rng.generator()
    values = torch.tensor([0, 1, 0])
    counts = [my.sample_inverse(steps, values, 20, generator).sum() for _ in range(300)]
    return torch.stack(counts)


def draws_from_the_generator(my, rng):
    steps, values, seed = _steps(_mass(rng, 9)), torch.arange(9), rng.integer(0, 2**40)
    one, same = (torch.Generator().manual_seed(seed) for _ in range(2))
    torch.manual_seed(seed)
    before = torch.get_rng_state()
    first = my.sample_inverse(steps, values, 40, one)
    untouched = torch.equal(before, torch.get_rng_state())
    second, third = my.sample_inverse(steps, values, 40, same), my.sample_inverse(steps, values, 40, one)
    other = my.sample_inverse(steps, values, 40, torch.Generator().manual_seed(seed + 1))
    return [seed, torch.equal(first, second), torch.equal(first, third), torch.equal(first, other), untouched]


def draws_leave_their_tables_alone(my, rng):
    steps, values = _steps(_mass(rng, 5)), rng.normal(5)
    drawn = my.sample_inverse(steps, values, 9, rng.generator())
    return [len(drawn), steps, values]


def draws_of_unequal_tables(my, rng):
    m, generator = rng.integer(20, 60), rng.generator()
    return [
        rng.attempt(my.sample_inverse, torch.linspace(0.1, 1, left), torch.arange(right), 3, generator)
        for left, right in ((m, m + 1), (m + 1, m), (m, 1), (1, m))
    ]


# ── density_to_probability ──


def _bell(middle, spread, area=1.0):
    return lambda x: area * torch.exp(-(((x - middle) / spread) ** 2) / 2) / (spread * math.sqrt(2 * math.pi))


def _logistic(middle, spread):
    return lambda x: torch.sigmoid((x - middle) / spread) * torch.sigmoid((middle - x) / spread) / spread


def _cauchy(middle, spread):
    return lambda x: 1 / (math.pi * spread * (1 + ((x - middle) / spread) ** 2))


def _where(rng):
    """A middle and a spread with few digits."""
    return round(float(rng.uniform(low=-2.0, high=2.0)), 2), round(float(rng.uniform(low=0.5, high=2.0)), 2)


def _strips(width, n, bend):
    """What two right rules may differ by: the error of trapezoids, and a little less on the other side."""
    return 2 * width**3 / (12 * n * n) * bend + 1e-9


def _share(p):
    """With an infinite end: a thousandth of it, whatever its size."""
    return [p, "a thousandth of it"]


def between_under_a_line(my, rng):
    c = round(float(rng.uniform(low=1.0, high=3.0)), 2)
    a, b = sorted(rng.uniform(2, low=0.0, high=c).tolist())
    return [[my.density_to_probability(lambda x: 2 * x / c**2, a, b, n), 1e-6] for n in (1, 7, 1000)]


def between_under_a_bell(my, rng):
    (middle, spread), found = _where(rng), []
    for left, right in ((-0.3, 1.2), (0.4, 1.9), (-2.5, -0.5)):
        a, b = middle + left * spread, middle + right * spread
        p = my.density_to_probability(_bell(middle, spread), a, b)
        found.append([p, _strips(b - a, 1000, 0.4 / spread**3)])
    return found


def between_with_few_parts(my, rng):
    (middle, spread), found = _where(rng), []
    for n in (6, 9, 20, 31):
        a, b = middle + 0.3 * spread, middle + 2.1 * spread
        p = my.density_to_probability(_bell(middle, spread), a, b, n)
        found.append([p, _strips(b - a, n, 0.4 / spread**3)])
    return found


def between_whole_numbers(my, rng):
    middle, spread = _where(rng)
    f = _bell(middle, spread)
    return [
        [my.density_to_probability(f, 0, 2), _strips(2, 1000, 0.4 / spread**3)],
        [my.density_to_probability(f, -1, 1, n=10), _strips(2, 10, 0.4 / spread**3)],
    ]


def between_a_point_and_itself(my, rng):
    middle, spread = _where(rng)
    f = _bell(middle, spread)
    points = ((middle, 1000), (0, 3), (middle + spread, 8))
    beside = my.density_to_probability(f, -1.0, 1.0)
    return [[beside, 1e-5], *([my.density_to_probability(f, c, c, n), 0.0] for c, n in points)]


def between_under_a_density_above_one(my, rng):
    """A density of 50: it is probability per unit, and the unit is long."""
    start, height = round(float(rng.uniform(low=0.5, high=2.0)), 2), 50.0
    f = lambda x: height * ((x >= start) & (x <= start + 1 / height)).to(TWO)  # noqa: E731
    inside = my.density_to_probability(f, start + 0.003, start + 0.012, 40)
    return [[inside, 1e-6], [my.density_to_probability(f, start - 0.01, start + 0.04), 3 * height * 0.05 / 1000]]


def between_beyond_the_support(my, rng):
    """A triangle from 0 to 2, and nothing outside."""
    c = round(float(rng.uniform(low=0.3, high=0.7)), 2)
    f = lambda x: torch.clamp(1 - (x - 1).abs(), min=0.0)  # noqa: E731
    return [
        [my.density_to_probability(f, -c, 3 + c), 2e-4],
        [my.density_to_probability(f, 2 + c, 5), 0.0],
        [my.density_to_probability(f, c, 3.0), 2e-4],
    ]


def between_far_from_zero(my, rng):
    """In float32 the places could not be told apart."""
    spread = 0.02
    a = 1e6 - round(float(rng.uniform(low=0.01, high=0.02)), 4)
    return [[my.density_to_probability(_bell(1e6, spread), a, 1e6 + 0.025), 1e-5]]


def between_under_the_wrong_height(my, rng):
    """Three times a density."""
    (middle, spread), factor = _where(rng), round(float(rng.uniform(low=2.0, high=4.0)), 2)
    p = my.density_to_probability(_bell(middle, spread, factor), middle - spread, middle + spread)
    q = my.density_to_probability(_bell(middle, spread, factor), middle - spread, math.inf)
    return [[p, factor * _strips(2 * spread, 1000, 0.4 / spread**3)], _share(q)]


def places_asked_about(my, rng):
    """How many, whether in float64, and whether the number asked for makes a difference."""
    found = []
    for a, b in ((0.0, 2.0), (-math.inf, 1.0), (0.5, math.inf), (-math.inf, math.inf)):
        n, asked, kinds = rng.integer(5, 40), [], set()

        def f(x, asked=asked, kinds=kinds):
            asked.append(x.numel())
            kinds.add(str(x.dtype))
            return _bell(0.3, 1.0)(x)

        my.density_to_probability(f, a, b, n)
        found.append([n, sum(asked) <= 4 * n + 4, sorted(kinds)])
    return found


def above_a_number(my, rng):
    middle, spread = _where(rng)
    return [
        _share(my.density_to_probability(make(middle, spread), middle + z * spread, math.inf))
        for z in (-1.5, 0.2, 1.7)
        for make in (_bell, _logistic)
    ]


def above_zero_for_a_waiting_time(my, rng):
    rate = round(float(rng.uniform(low=0.5, high=2.0)), 2)
    f = lambda x: rate * torch.exp(-rate * x)  # noqa: E731
    return [_share(my.density_to_probability(f, a, math.inf)) for a in (0, 1.5)]


def below_a_number(my, rng):
    middle, spread = _where(rng)
    return [
        _share(my.density_to_probability(make(middle, spread), -math.inf, middle + z * spread))
        for z in (-1.5, 0.2, 1.7)
        for make in (_bell, _logistic)
    ]


def below_for_a_lopsided_density(my, rng):
    """Gumbel's: the left tail is short, the right one long."""
    middle, spread = _where(rng)

    def f(x):
        z = (x - middle) / spread
        return torch.exp(-z - torch.exp(-z)) / spread

    bounds = ((-math.inf, middle - spread), (middle + spread, math.inf), (-math.inf, math.inf))
    return [_share(my.density_to_probability(f, a, b)) for a, b in bounds]


def anywhere_at_all(my, rng):
    middle, spread = _where(rng)
    factor = round(float(rng.uniform(low=0.6, high=0.9)), 2)
    return [
        _share(my.density_to_probability(f, -math.inf, math.inf))
        for f in (_bell(middle, spread, factor), _logistic(middle, spread))
    ]


def heavy_tails(my, rng):
    middle, spread = float(rng.uniform(low=-2.0, high=2.0)), float(rng.uniform(low=1.2, high=2.0))
    f = _cauchy(middle, spread)
    bounds = ((middle + 6 * spread, math.inf), (-math.inf, middle - 5 * spread), (-math.inf, math.inf))
    return [_share(my.density_to_probability(f, a, b)) for a, b in bounds]


def far_out(my, rng):
    """Six spreads away: a thousand millionth, with its digits."""
    middle, spread = _where(rng)
    f = _bell(middle, spread)
    return [
        _share(my.density_to_probability(f, middle + 5.9 * spread, math.inf) * 1e9),
        _share(my.density_to_probability(f, -math.inf, middle - 5.8 * spread) * 1e9),
    ]


def intervals_that_run_backward(my, rng):
    middle, spread = _where(rng)
    f = _bell(middle, spread)
    bounds = ((1.0, 0.5), (middle, -math.inf), (math.inf, middle), (math.inf, -math.inf))
    return [middle, [rng.attempt(my.density_to_probability, f, a, b) for a, b in bounds]]


def intervals_in_no_parts(my, rng):
    f, n = _bell(*_where(rng)), rng.integer(-9, 0)
    return [n, [rng.attempt(my.density_to_probability, f, 0.0, b, k) for k in (0, n) for b in (1.0, math.inf)]]


def densities_below_zero(my, rng):
    """A logarithm in the place of a density, and one that is negative on the way only."""
    middle, spread = _where(rng)
    f = _bell(middle, spread)
    calls = (
        (lambda x: f(x).log(), middle - 1, middle + 1),
        (lambda x: f(x) - 0.1 / spread, middle, math.inf),
        (lambda x: 3 * x * x - 0.1, -1.0, 1.0),
    )
    return [middle, [rng.attempt(my.density_to_probability, g, a, b) for g, a, b in calls]]
