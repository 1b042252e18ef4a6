"""What is done with t_statistic, permutation_p_value and holm_bonferroni, from small to large.

Groups have unequal sizes and unequal variances; p-values come in no order. p-values by permutation are random: they are compared
where they are certain, and otherwise within what chance explains.
"""

import torch

TWO = torch.float64
TRIES = 2000


def _group(rng, *shape, shift=0.0, dtype=torch.float32):
    return rng.normal(*shape, dtype=dtype, shift=shift, scale=0.5 + rng.integer(1, 5) / 2)


# ── t_statistic ──


def t_of_a_few(my, rng):
    return [my.t_statistic(_group(rng, 3, shift=4.0), _group(rng, 2)), my.t_statistic(_group(rng, 2), _group(rng, 4))]


def t_of_unequal_groups(my, rng):
    a, b = 5 * rng.normal(4, shift=1.0), rng.normal(30)
    return [my.t_statistic(a, b), my.t_statistic(b, a)]


def t_in_a_batch(my, rng):
    return my.t_statistic(_group(rng, 2, 4, 7, shift=3.0), _group(rng, 2, 4, 5))


def t_of_each_with_each(my, rng):
    return my.t_statistic(_group(rng, 3, 1, 6, shift=3.0), _group(rng, 4, 5))


def t_of_equal_numbers(my, rng):
    """As many in the one group as in the other, and still two groups: nobody was measured twice."""
    return [
        my.t_statistic(_group(rng, 6, shift=2.0), _group(rng, 6)),
        my.t_statistic(_group(rng, 3, 4), _group(rng, 4)),
    ]


def t_in_float64(my, rng):
    a, b = _group(rng, 7, 6, shift=2.0, dtype=TWO), _group(rng, 10, 3, dtype=TWO)
    return my.t_statistic(a.T[::2], b[::2].T)


def t_far_from_zero(my, rng):
    shift = rng.choice([-1e6, 1e6])
    return my.t_statistic(rng.normal(9, dtype=TWO) + shift + 2, 2 * rng.normal(6, dtype=TWO) + shift)


def t_where_one_group_is_constant(my, rng):
    return my.t_statistic(_group(rng, 5, shift=3.0), torch.full((3,), float(rng.integer(-3, 1))))


def t_where_nothing_varies(my, rng):
    value = float(rng.integer(-5, 6))
    a = torch.full((3,), value)
    return [value, my.t_statistic(a + 1, a[:2]), my.t_statistic(a - 2, a[:2]), my.t_statistic(a, a[:2])]


def t_of_too_few(my, rng):
    n = rng.integer(30, 60)
    return [
        rng.attempt(my.t_statistic, _group(rng, 1), _group(rng, n)),
        rng.attempt(my.t_statistic, _group(rng, n), _group(rng, 1)),
        rng.attempt(my.t_statistic, _group(rng, 3, 1), _group(rng, 3, n)),
    ]


# ── permutation_p_value ──


def p_of_equal_samples(my, rng):
    """Every division is the same."""
    value = rng.uniform(low=0.5, high=3.0).item()
    return [value, my.permutation_p_value(torch.full((5,), value), torch.full((3,), value), 30, rng.generator())]


def p_of_far_apart_groups(my, rng):
    """20 and 21 samples: that another division is as extreme happens once in 10 to the 11."""
    n = rng.integer(5, 40)
    return [n, my.permutation_p_value(rng.normal(20) + 100, rng.normal(21), n, rng.generator())]


def p_where_a_is_smaller(my, rng):
    n = rng.integer(5, 40)
    return [n, my.permutation_p_value(rng.normal(21) - 100, rng.normal(20), n, rng.generator())]


def p_of_tiny_numbers(my, rng):
    n = rng.integer(5, 40)
    return [n, my.permutation_p_value(rng.normal(20) * 1e-13 + 1e-11, rng.normal(21) * 1e-13, n, rng.generator())]


def p_of_ties(my, rng):
    """One whole number that differs: whichever group it is in, the difference has the same size."""
    odd = float(rng.integer(3, 9))
    a, b = torch.full((4,), 1.0), torch.full((4,), 1.0)
    a[2] = odd
    return [odd, my.permutation_p_value(a, b, 40, rng.generator())]


def p_of_ties_that_round(my, rng):
    found = []
    for value in (0.1, 0.7, 1.3, 0.1, 0.7, 1.3):
        a, b = torch.full((7,), value, dtype=TWO), torch.full((7,), value, dtype=TWO)
        a[rng.integer(0, 7)] = rng.uniform(low=2.0, high=9.0, dtype=TWO).item()
        found += [a, my.permutation_p_value(a, b, 25, rng.generator())]
    return found


def p_of_two_and_two(my, rng):
    """Of the six divisions of 0, 1, 5, 8 into pairs, two are as extreme as the actual one."""
    a, b = torch.tensor([5.0, 8.0]), torch.tensor([0.0, 1.0])
    shift = rng.normal(1)
    return my.permutation_p_value(a + shift, b + shift, TRIES, rng.generator())


def p_of_overlapping_groups(my, rng):
    a, b = rng.normal(6, shift=0.8), rng.normal(9)
    return my.permutation_p_value(a, b, TRIES, rng.generator())


def p_of_unequal_spreads(my, rng):
    """Half of the samples are far out, on both sides."""
    a, b = torch.tensor([4.0, -1.0, 6.0]) * rng.uniform(1, low=0.5, high=2.0), rng.normal(8)
    return my.permutation_p_value(a, b, TRIES, rng.generator())


def p_of_a_single_sample(my, rng):
    """One against nine: as extreme as it is only itself, in one of ten divisions; one other comes near."""
    b = rng.uniform(9)
    b[rng.integer(0, 9)] = 7.0 - 2e-5
    return my.permutation_p_value(torch.tensor([7.0]), b, TRIES, rng.generator())


def p_far_from_zero(my, rng):
    a, b = rng.normal(6, dtype=TWO, shift=0.8), rng.normal(9, dtype=TWO)
    return my.permutation_p_value(a + 1e6, b + 1e6, TRIES, rng.generator())


def p_from_the_generator(my, rng):
    # Means that lie 0.3 standard deviations apart: p is near a half, so that six of them are hardly ever all equal.
    a, b, seed = rng.normal(9), rng.normal(12), rng.integer(0, 2**40)
    a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std() + 0.3
    one, same = (torch.Generator().manual_seed(seed) for _ in range(2))
    torch.manual_seed(seed)
    before = torch.get_rng_state()
    first = [my.permutation_p_value(a, b, 150, one) for _ in range(6)]
    untouched = torch.equal(before, torch.get_rng_state())
    second = [my.permutation_p_value(a, b, 150, same) for _ in range(6)]
    return [seed, first == second, len({float(p) for p in first}) > 1, untouched]


# ── holm_bonferroni ──


def holm_of_one(my, rng):
    return [my.holm_bonferroni(torch.tensor([p])) for p in (0.03, 0.06, rng.uniform(low=0.0, high=0.2).item())]


def holm_of_a_few(my, rng):
    order = rng.uniform(4).argsort()
    return [my.holm_bonferroni(torch.tensor(p)[order]) for p in ([0.04, 0.01, 0.3, 0.02], [0.04, 0.01, 0.3, 0.015])]


def holm_that_stops(my, rng):
    """The second is too large; the third would pass by itself, and so would the fourth."""
    p = torch.tensor([0.001, 0.02, 0.021, 0.04, 0.9, 0.8])[rng.uniform(6).argsort()]
    return [p, my.holm_bonferroni(p)]


def holm_that_goes_all_the_way(my, rng):
    p = (torch.tensor([0.012, 0.001, 0.045, 0.02]) - rng.uniform(4) / 2000)[rng.uniform(4).argsort()]
    return [p, my.holm_bonferroni(p)]


def holm_that_rejects_none(my, rng):
    p = rng.uniform(5, low=0.011, high=0.04)
    return [my.holm_bonferroni(p), p]


def holm_of_many(my, rng):
    return my.holm_bonferroni(rng.uniform(40) ** 4 / 3)


def holm_with_another_alpha(my, rng):
    p = rng.uniform(12, dtype=TWO) ** 3
    return [my.holm_bonferroni(p, 0.3), my.holm_bonferroni(p, alpha=0.01)]


def holm_at_the_edge(my, rng):
    """Equal to the bound is small enough."""
    scale = rng.choice([1.0, 0.5, 0.25])
    return [scale, my.holm_bonferroni(torch.tensor([0.5, 0.125, 0.25, 0.125]) * scale, 0.5 * scale)]


def holm_just_beyond_the_edge(my, rng):
    """A thousandth above the bound is too large, a thousandth below is not."""
    found = []
    for m in (1, 3, 4, 9):
        place, share = rng.integer(0, m), rng.choice([0.999, 1.001])
        for share in (share, 2.0 - share):
            p = torch.full((m,), 0.9, dtype=TWO)
            p[place] = 0.05 / m * share
            found.append([m, place, share, my.holm_bonferroni(p)])
    return found


def holm_of_equal_ones(my, rng):
    p = rng.choice([0.008, 0.02, 0.04])
    twice = torch.tensor([0.02, 0.5, 0.02, 0.9])[rng.uniform(4).argsort()]
    return [p, my.holm_bonferroni(torch.full((4,), p)), twice, my.holm_bonferroni(twice)]


def holm_of_none(my, rng):
    n = rng.integer(0, 100)
    return [n, my.holm_bonferroni(torch.zeros(0))]
