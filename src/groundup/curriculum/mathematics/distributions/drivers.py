"""What is done with the densities and masses, and with what was drawn, from small to large.

No two sizes are equal. Parameters are no easy points: neither mean 0 with std 1 nor p = 0.5, except at the ends of the range,
which are tried on purpose. Draws are looked at as samples, as pairs (are they independent?) and as a whole.
"""

import math

import torch

TWO = torch.float64
DRAWN = 6000


def _std(rng, *shape, dtype=torch.float32):
    return rng.uniform(*shape, low=0.3, high=3.0, dtype=dtype)


def _chance(rng, *shape, dtype=torch.float32):
    return rng.uniform(*shape, low=0.1, high=0.4, dtype=dtype)


# ── normal_log_pdf ──


def density_at_a_point(my, rng):
    return my.normal_log_pdf(rng.normal(1), 0.7, 1.6)


def density_at_several(my, rng):
    return my.normal_log_pdf(rng.normal(5, scale=2.0), rng.normal(1), _std(rng, 1))


def density_of_numbers_and_tensors(my, rng):
    x, mean, std = rng.normal(4), rng.normal(4), _std(rng, 4)
    return [
        my.normal_log_pdf(x, mean, 0.4),
        my.normal_log_pdf(x, -2, std),
        my.normal_log_pdf(x.double(), 3, 2),
        my.normal_log_pdf(x.double(), 0.3, 0.7),
    ]


def density_of_each_with_each(my, rng):
    return my.normal_log_pdf(rng.normal(2, 1, 4, dtype=TWO), rng.normal(3, 1, dtype=TWO), _std(rng, 4, dtype=TWO))


def density_far_away(my, rng):
    """Up to a thousand standard deviations: the density itself is 0 in any dtype."""
    return my.normal_log_pdf(rng.uniform(4, low=50.0, high=1000.0), 0.5, 0.9)


def density_around_a_large_mean(my, rng):
    """Means of some thousands beside a spread of about 1: what is left of x - mean is all that counts."""
    mean = (rng.uniform(4, low=2e3, high=4e3) * rng.choice([-1, 1])).round()
    return my.normal_log_pdf(mean + rng.normal(4), mean, _std(rng, 4))


def density_with_a_tiny_spread(my, rng):
    std = _std(rng, 3) * 1e-25
    return [
        my.normal_log_pdf(std * rng.normal(3), 0.0, std),
        my.normal_log_pdf(rng.normal(3) * 1e25, 0.0, 1e25 * _std(rng, 3)),
    ]


def density_gradients(my, rng):
    x = rng.normal(3, 1, dtype=TWO).requires_grad_()
    mean, std = rng.normal(4, dtype=TWO).requires_grad_(), _std(rng, 4, dtype=TWO).requires_grad_()
    return rng.gradients(my.normal_log_pdf(x, mean, std), x=x, mean=mean, std=std)


# ── binomial_log_pmf ──


def binomial_of_few_trials(my, rng):
    return my.binomial_log_pmf(torch.arange(4), 3, _chance(rng))


def binomial_of_numbers_and_tensors(my, rng):
    p = _chance(rng, 3)
    trials = torch.tensor([7, 9, 12])
    return [
        my.binomial_log_pmf(2, 6, p),
        my.binomial_log_pmf(3, trials, p),
        my.binomial_log_pmf(trials - 5, 9.0 + trials, p),
    ]


def binomial_of_each_with_each(my, rng):
    return my.binomial_log_pmf(torch.arange(6)[:, None], torch.tensor([5, 8, 11, 14]), _chance(rng, 2, 1, 1, dtype=TWO))


def binomial_of_the_impossible(my, rng):
    n = rng.integer(4, 9)
    p = torch.cat([_chance(rng, 1, 1), torch.tensor([[0.0], [1.0]])])
    return my.binomial_log_pmf(torch.tensor([-2.0, -1.0, 0.5, 1.0, n, n + 1.0, n + 5.0, 2.5, 1.01, 2.99]), n, p)


def binomial_of_the_certain(my, rng):
    n = rng.integer(4, 9)
    ends = torch.tensor([[0.0], [1.0], [0.3]])
    return [my.binomial_log_pmf(torch.tensor([0, 1, n - 1, n]), n, ends), my.binomial_log_pmf(0, 0, ends)]


def binomial_of_rare_successes(my, rng):
    p = rng.uniform(3, low=1.0, high=9.0, dtype=TWO) * 1e-12
    return [my.binomial_log_pmf(k, 30, p) for k in (0, 1, 4)] + [my.binomial_log_pmf(30, 30, p.float())]


def binomial_of_many_trials(my, rng):
    n = rng.integer(800_000, 1_000_000)
    k = torch.tensor([n // 5, n // 4, n // 3])
    p = _chance(rng, 1)
    return [my.binomial_log_pmf(k, n, _chance(rng, 3)), my.binomial_log_pmf(int(n * p.item()), n, p)]


def binomial_of_many_trials_in_float64(my, rng):
    n = rng.integer(80_000, 100_000)
    p = _chance(rng, 3, dtype=TWO)
    return my.binomial_log_pmf((p * n).round() + torch.tensor([0.0, 100.0, -300.0], dtype=TWO), n, p)


def binomial_gradients(my, rng):
    p = _chance(rng, 3, dtype=TWO).requires_grad_()
    return rng.gradients(my.binomial_log_pmf(torch.tensor([[0], [3], [7]]), 7, p), p=p)


# ── poisson_log_pmf ──


def poisson_of_few_events(my, rng):
    return my.poisson_log_pmf(torch.arange(5), rng.uniform(low=0.5, high=3.0))


def poisson_of_each_with_each(my, rng):
    rate = rng.uniform(3, 1, low=0.5, high=9.0, dtype=TWO)
    return [my.poisson_log_pmf(torch.arange(4), rate), my.poisson_log_pmf(2, rate.float())]


def poisson_of_the_impossible(my, rng):
    rate = torch.tensor([[rng.uniform(low=0.5, high=9.0).item()], [0.0]])
    return my.poisson_log_pmf(torch.tensor([-3.0, -1.0, 0.5, 1.0, 2.5, 4.0, 1.99, 3.01]), rate)


def poisson_of_the_certain(my, rng):
    rate = torch.tensor([0.0, rng.uniform(low=1.0, high=2.0).item()])
    return my.poisson_log_pmf(torch.tensor([[0], [1], [3]]), rate)


def poisson_of_tiny_rates(my, rng):
    return my.poisson_log_pmf(torch.tensor([0, 1, 3]), rng.uniform(3, low=1.0, high=9.0) * 1e-20)


def poisson_of_many_events(my, rng):
    rate = rng.uniform(3, low=5e5, high=1e6)
    k = rng.integer(500_000, 1_000_000)
    return [my.poisson_log_pmf(rate.round() + torch.tensor([0.0, 1000.0, -3000.0]), rate), my.poisson_log_pmf(k, rate)]


def poisson_in_float64(my, rng):
    """Some dozens of events, and far more than are expected; all digits."""
    k = torch.tensor([25, 40, 170, 1000])
    return my.poisson_log_pmf(k, rng.uniform(3, 1, low=1.0, high=60.0, dtype=TWO))


def poisson_gradients(my, rng):
    rate = rng.uniform(3, low=0.5, high=9.0, dtype=TWO).requires_grad_()
    return rng.gradients(my.poisson_log_pmf(torch.tensor([[0], [3], [7]]), rate), rate=rate)


# ── sample_normal ──


def _kind(drawn, n):
    """Shape and dtype, and whether all numbers are finite."""
    if not isinstance(drawn, torch.Tensor):
        return drawn
    return [list(drawn.shape) == [n], str(drawn.dtype), bool(drawn.isfinite().all())]


def _as_asked(draw, rng):
    """One state gives one result, a second call another; the global state stays as it is."""
    seed = rng.integer(0, 2**40)
    one, same = (torch.Generator().manual_seed(seed) for _ in range(2))
    torch.manual_seed(seed)
    before = torch.get_rng_state()
    first = draw(40, one)
    untouched = torch.equal(before, torch.get_rng_state())
    second = draw(40, same)
    third = draw(40, one)
    return [torch.equal(first, second), torch.equal(first, third), untouched, len(first) + rng.integer(0, 100)]


def normal_of_any_number(my, rng):
    sizes = [1, 2, rng.integer(2, 9) * 2 + 1, rng.integer(10, 20) * 2, 0]
    return [sizes, [_kind(my.sample_normal(n, rng.generator()), n) for n in sizes]]


def normal_draws(my, rng):
    return my.sample_normal(DRAWN, rng.generator())


def normal_sizes(my, rng):
    return my.sample_normal(DRAWN, rng.generator()).square()


def normal_draws_far_out(my, rng):
    """Of twelve thousand draws some lie beyond 3.1 (none do in one case of ten thousand million), and none beyond 9.

    Their mean is farther than 6.5 of its standard deviations from 0 as seldom as that.
    """
    n = 2 * DRAWN + rng.integer(0, 100)
    drawn = my.sample_normal(n, rng.generator())
    sizes, middle = drawn.abs(), drawn.double().mean().abs() < 6.5 / n**0.5
    return [n, bool((sizes > 3.1).any()), bool((sizes < 9).all()), bool(middle)]


def normal_draws_all_new(my, rng):
    """No size comes twice, but for rounding: of six thousand that happens to a few at most (fifty: never), of three, twenty
    times, to none."""
    n, generator = DRAWN + rng.integer(0, 100), rng.generator()
    new = [len(my.sample_normal(3, generator).abs().unique()) == 3 for _ in range(20)]
    return [n, len(my.sample_normal(n, generator).abs().unique()) > n - 50, sum(new) > 18]


def normal_draws_of_the_fourth_power(my, rng):
    """The means of x, x² - 1 and x⁴ - 6x² + 3 are 0, with standard deviations of the roots of 1, 2 and 24 for one draw.

    Sums of a dozen uniform numbers look like a bell, and have -0.1 in the last; the logistic curve has more than 1.
    """
    n = 240_000 + rng.integer(0, 100)
    drawn = my.sample_normal(n, rng.generator()).double()
    square = drawn.square()
    moments = ((drawn, 1), (square - 1, 2), (square.square() - 6 * square + 3, 24))
    return [n, *(bool(moment.mean().abs() < 7 * (variance / n) ** 0.5) for moment, variance in moments)]


def normal_last_of_three(my, rng):
    """An odd number: the last is a draw like the others."""
    generator = rng.generator()
    return torch.stack([my.sample_normal(3, generator)[-1] for _ in range(140)])


def normal_sums_of_small_samples(my, rng):
    """Sums scatter as well: no sample is brought to a mean of 0."""
    generator = rng.generator()
    return torch.stack([my.sample_normal(65, generator).sum() for _ in range(140)])


def normal_draws_side_by_side(my, rng):
    """Products of neighbors and of what lies half the length apart, if the draws are independent."""
    drawn = my.sample_normal(2 * DRAWN, rng.generator())
    return drawn[0::2] * drawn[1::2]


def normal_draws_far_apart(my, rng):
    drawn = my.sample_normal(2 * DRAWN, rng.generator())
    return drawn[:DRAWN] * drawn[DRAWN:]


def normal_sums_of_calls(my, rng):
    """Two calls, one after the other, are independent, too: the sum has twice the variance."""
    generator = rng.generator()
    return my.sample_normal(DRAWN, generator) + my.sample_normal(DRAWN, generator)


def normal_from_the_generator(my, rng):
    return _as_asked(my.sample_normal, rng)


# ── sample_categorical ──


def _logits(rng, n, dtype=torch.float32):
    return rng.normal(n, scale=1.3, dtype=dtype)


def categorical_of_any_number(my, rng):
    logits = _logits(rng, 5)
    sizes = [1, rng.integer(2, 5), rng.integer(20, 40), 0]
    return [sizes, [_kind(my.sample_categorical(logits, n, rng.generator()), n) for n in sizes]]


def categorical_draws(my, rng):
    return my.sample_categorical(_logits(rng, 4), DRAWN, rng.generator())


def categorical_draws_of_many(my, rng):
    return my.sample_categorical(_logits(rng, 30, dtype=TWO), DRAWN, rng.generator())


def categorical_draws_of_far_logits(my, rng):
    generator, logits = rng.generator(), _logits(rng, 4)
    return my.sample_categorical(logits + rng.choice([1000.0, -1000.0]), DRAWN, generator)


def categorical_draws_of_the_excluded(my, rng):
    logits = _logits(rng, 6)
    logits[list(rng.choice([(0, 3, 5), (1, 2, 5), (0, 4, 5)]))] = -math.inf
    return my.sample_categorical(logits, DRAWN, rng.generator())


def categorical_draws_of_one(my, rng):
    logits = torch.full((70,), -math.inf)
    logits[rng.integer(0, 70)] = 3.0
    return [
        my.sample_categorical(logits, 20, rng.generator()),
        my.sample_categorical(torch.zeros(1), 6, rng.generator()),
    ]


def categorical_draws_of_the_rare(my, rng):
    """A category of 3 in a thousand comes among twelve thousand draws (else in one case of 10 to the 15)."""
    logits = torch.tensor([3.0, 2.0, -3.0, 2.5])
    order = torch.randperm(4, generator=rng.generator())
    drawn = my.sample_categorical(logits[order], 2 * DRAWN, rng.generator())
    return [order, bool((drawn == int((order == 2).nonzero())).any())]


def categorical_counts_in_small_samples(my, rng):
    """How often the first of three categories is among six draws: independent draws scatter, shares dealt out do not."""
    generator, logits = rng.generator(), torch.tensor([0.0, 0.3, -0.2]) + rng.normal(1)
    return torch.stack([(my.sample_categorical(logits, 6, generator) == 0).sum() for _ in range(250)])


def categorical_draws_in_order(my, rng):
    """The first half of the draws alone: they come in no order."""
    return my.sample_categorical(_logits(rng, 5), 2 * DRAWN, rng.generator())[:DRAWN]


def categorical_draws_side_by_side(my, rng):
    """Pairs of neighbors as one number each, if the draws are independent."""
    drawn = my.sample_categorical(_logits(rng, 5), 2 * DRAWN, rng.generator())
    return drawn[0::2] * 5 + drawn[1::2]


def categorical_from_the_generator(my, rng):
    logits = _logits(rng, 9)
    return _as_asked(lambda n, generator: my.sample_categorical(logits, n, generator), rng)
