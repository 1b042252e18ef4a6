"""What is done with mean_interval and bootstrap_interval, from small to large.

Resampling is random. What has to be right is looked at without chance: the resamples as a statistic sees them, by their
distribution, and the quantiles of results that a statistic was told to give.
"""

import torch

TWO = torch.float64


def _spread(rng, *shape, dtype=torch.float32):
    """Samples of no symmetrical distribution, around a mean of several spreads, positive or negative."""
    drawn = rng.normal(*shape, dtype=TWO).exp() + rng.normal(*shape, dtype=TWO)
    return (drawn * (0.5 + rng.uniform(1, dtype=TWO)) + rng.choice([-4.0, 3.0, 7.0])).to(dtype)


# ── mean_interval ──


def mean_of_three(my, rng):
    return [my.mean_interval(_spread(rng, 3))]


def mean_of_two(my, rng):
    x = _spread(rng, 2, dtype=TWO)
    return [my.mean_interval(x), my.mean_interval(x, 0.8)]


def mean_of_several_sizes(my, rng):
    return [my.mean_interval(_spread(rng, n)) for n in (4, 7, 80)]


def mean_at_other_levels(my, rng):
    x = _spread(rng, 7, dtype=TWO)
    return [my.mean_interval(x, level) for level in (0.01, 0.9)] + [my.mean_interval(x, level=0.99)]


def mean_of_many(my, rng):
    """Two thousand: t is nearly the normal distribution's number, and not quite."""
    return [my.mean_interval(_spread(rng, 2000, dtype=TWO)), my.mean_interval(_spread(rng, 500), 0.99)]


def mean_in_a_batch(my, rng):
    return [my.mean_interval(_spread(rng, 2, 3, 5), 0.9), my.mean_interval(_spread(rng, 4, 1, 3))]


def mean_of_views_in_float64(my, rng):
    return [my.mean_interval(_spread(rng, 8, 6, dtype=TWO).T[1::2], 0.9)]


def mean_far_from_zero(my, rng):
    shift = rng.choice([-1e8, 1e8])
    return [my.mean_interval(_spread(rng, 9, dtype=TWO) + shift)]


def mean_in_tiny_and_huge_units(my, rng):
    x = _spread(rng, 6)
    return [my.mean_interval(x * 1e-9), my.mean_interval(x * 1e9)]


def mean_where_nothing_varies(my, rng):
    value = float(rng.integer(-9, 9))
    return [my.mean_interval(torch.full((5,), value)), my.mean_interval(torch.full((2, 3), value, dtype=TWO))]


def mean_leaves_its_samples_alone(my, rng):
    x = _spread(rng, 2, 5)
    low, high = my.mean_interval(x)
    return [[low, high], x]


def mean_of_too_few(my, rng):
    rows = rng.integer(30, 60)
    return [
        rng.attempt(my.mean_interval, rng.normal(1)),
        rng.attempt(my.mean_interval, rng.normal(rows, 1), 0.9),
        rng.attempt(my.mean_interval, rng.normal(rows, 0)),
    ]


def mean_at_no_level(my, rng):
    x = rng.normal(6)
    return [x, [rng.attempt(my.mean_interval, x, level) for level in (0.0, 1.0, -0.2, 1.5, 95)]]


# ── bootstrap_interval ──


def _ends(pair):
    """Ends in float64 or float32, tensors or numbers: as float32, in which all of these are equally exact."""
    return [torch.as_tensor(end).float() for end in pair]


class _Told:
    """A statistic that says one result after another, whatever the resample, and counts how often it was asked."""

    def __init__(self, results):
        self.results, self.asked = results, 0

    def __call__(self, resample):
        self.asked += 1
        return self.results[(self.asked - 1) % len(self.results)]


def _resamples(my, rng, x, n):
    """The resamples that a statistic sees."""
    seen = []

    def statistic(resample):
        seen.append(resample.clone())
        return float(len(seen))

    my.bootstrap_interval(x, statistic, 0.9, n, rng.generator())
    return seen


def ends_of_told_results(my, rng):
    """Eleven results in disorder: the places are whole numbers."""
    results = (rng.uniform(11).argsort() + rng.integer(0, 5)).to(TWO).tolist()
    return [
        _ends(my.bootstrap_interval(rng.normal(4), _Told(results), level, 11, rng.generator())) for level in (0.6, 0.8)
    ]


def ends_between_two_results(my, rng):
    found = []
    for n, level in ((10, 0.5), (7, 0.9), (40, 0.95), (23, 0.3)):
        results = rng.normal(n, dtype=TWO).exp().tolist()
        found.append(_ends(my.bootstrap_interval(rng.normal(3), _Told(results), level, n, rng.generator())))
    return found


def ends_of_one_result_and_two(my, rng):
    results = rng.normal(2, dtype=TWO).tolist()
    return [_ends(my.bootstrap_interval(rng.normal(3), _Told(results[:n]), 0.9, n, rng.generator())) for n in (1, 2)]


def ends_of_results_that_are_tensors(my, rng):
    found = []
    for results in (rng.normal(15, dtype=TWO), rng.normal(15, 3, dtype=TWO), rng.normal(15, 2, 3)):
        found.append(_ends(my.bootstrap_interval(rng.normal(4), _Told(list(results)), 0.8, 15, rng.generator())))
    return found


def ends_of_whole_numbers(my, rng):
    results = rng.integers(-40, 40, 12).tolist()
    return _ends(my.bootstrap_interval(rng.normal(5), _Told(results), 0.7, 12, rng.generator()))


def calls_of_the_statistic(my, rng):
    """How often it is asked, and about what: as many rows, the same shape and dtype."""
    found = []
    tables = (rng.normal(5), rng.normal(4, 3, dtype=TWO), rng.integers(0, 9, 6, 2), rng.mask(3, 2, 4))
    for x in tables:
        n = rng.integer(3, 30)
        seen = _resamples(my, rng, x, n)
        found.append(
            [n, len(seen), sorted({str(list(one.shape)) for one in seen}), sorted({str(one.dtype) for one in seen})]
        )
    return found


def rows_of_a_single_one(my, rng):
    x = rng.normal(1, 2, dtype=TWO)
    return _ends(my.bootstrap_interval(x, lambda rows: rows.sum(), 0.9, 20, rng.generator()))


def rows_drawn(my, rng):
    """All rows of all resamples: each row as often."""
    m = rng.integer(5, 8)
    return torch.cat(_resamples(my, rng, torch.arange(m), 240))[:1200]


def rows_drawn_more_than_once(my, rng):
    """How often the first and the last row are in a resample of six."""
    seen = torch.stack(_resamples(my, rng, torch.arange(6) + rng.integer(0, 9), 300))
    return 10 * (seen == seen.min()).sum(dim=1) + (seen == seen.max()).sum(dim=1)


def rows_beside_each_other(my, rng):
    """Neighbors within a resample: one is no help in guessing the other."""
    seen = torch.stack(_resamples(my, rng, torch.arange(4), 200))
    one, other = seen[:, 0::2].flatten(), seen[:, 1::2].flatten()
    return torch.cat([4 * one + other, 30 + (one - other).sign()])


def resamples_of_one_call(my, rng):
    """Calls of four resamples of three rows: whether each row came up equally often, whether the first and the third are the
    same, whether the first is the table itself, and how rows of neighbors go together."""
    table = torch.arange(3)
    seen = torch.stack([torch.stack(_resamples(my, rng, table, 4)) for _ in range(60)])
    first, third = seen[:, 0], seen[:, 2]
    often = torch.stack([(seen == row).sum(dim=(1, 2)) for row in range(3)])
    return torch.cat(
        [
            (often == 4).all(dim=0).long(),
            10 + (first == third).all(dim=1).long(),
            20 + (first == table).all(dim=1).long(),
            30 + (seen[:, 0::2] + seen[:, 1::2]).flatten(),
        ]
    )


def rows_stay_together(my, rng):
    """Each row of a resample is a row of the table, all of it."""
    x = rng.normal(6, 2, 3)
    rows = {str(row.tolist()) for row in x}
    seen = _resamples(my, rng, x, 30)
    return [x, all(str(row.tolist()) in rows for one in seen for row in one)]


def interval_of_a_mean(my, rng):
    """Of the 27 resamples of three values so many have the means that the ends fall on that chance does not decide."""
    unit, start = rng.uniform(1, low=0.5, high=2.0, dtype=TWO), rng.normal(1, dtype=TWO)
    x = (torch.tensor([4.0, 6.0, 8.0], dtype=TWO) * unit + start)[rng.uniform(3).argsort()]
    return _ends(my.bootstrap_interval(x, torch.mean, 0.5, 600, rng.generator()))


def interval_of_paired_rows(my, rng):
    """The difference of two columns is the same in each row: resampled as rows it does not vary at all."""
    first, difference = rng.normal(8, dtype=TWO), rng.normal(1, dtype=TWO)
    x = torch.stack([first, first + difference], dim=1)
    statistic = lambda rows: (rows[:, 1] - rows[:, 0]).mean()  # noqa: E731
    return _ends(my.bootstrap_interval(x, statistic, 0.9, 25, rng.generator()))


def interval_leaves_its_rows_alone(my, rng):
    x = rng.normal(5, 2)
    ends = my.bootstrap_interval(x, _Told([1.0, 2.0, 4.0]), 0.5, 3, rng.generator())
    return [*_ends(ends), x]


def interval_from_the_generator(my, rng):
    x, seed = rng.normal(9, dtype=TWO), rng.integer(0, 2**40)
    one, same = (torch.Generator().manual_seed(seed) for _ in range(2))
    torch.manual_seed(seed)
    before = torch.get_rng_state()

    def ends(generator):
        return [float(end) for end in my.bootstrap_interval(x, torch.mean, 0.8, 30, generator)]

    first = ends(one)
    untouched = torch.equal(before, torch.get_rng_state())
    second, third, other = ends(same), ends(one), ends(torch.Generator().manual_seed(seed + 1))
    return [seed, first == second, first == third, first == other, untouched]


def interval_at_no_level(my, rng):
    x = rng.normal(6)
    levels = (0.0, 1.0, -0.2, 1.5, 95)
    return [x, [rng.attempt(my.bootstrap_interval, x, torch.mean, level, 9, rng.generator()) for level in levels]]


def interval_of_nothing(my, rng):
    x = rng.normal(6)
    calls = ((x[:0], 5), (torch.zeros(0, 4), 5), (x, 0), (x, -3))
    told = _Told([1.0])
    return [x, [rng.attempt(my.bootstrap_interval, rows, told, 0.9, n, rng.generator()) for rows, n in calls]]
