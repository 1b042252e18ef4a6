"""What is done with the two posteriors, and with the walk of Metropolis.

The walk is watched on a *comb*: a density of a few levels, cut into teeth so thin that wherever the walk is, each level is proposed
equally often. How often it goes from one level to another is then known exactly, and no time is lost until it has forgotten
where it began.
"""

import math

import torch

TWO = torch.float64
TEETH = 997  # in one unit; the levels take turns
DRAWN = 400
SHORT = 200
STAIRS = 800

# ── beta_posterior ──


def beta_of_whole_numbers(my, rng):
    a, b, k, m = (rng.integer(1, 20) for _ in range(4))
    return my.beta_posterior(a, b + 1, k, m + 20)


def beta_of_broken_numbers(my, rng):
    a, b = (float(one) for one in rng.uniform(2, low=0.2, high=5.0, dtype=TWO))
    return [my.beta_posterior(a, b, rng.integer(0, 9), rng.integer(9, 30)), my.beta_posterior(a, b, 2.5, 0.25)]


def beta_of_nothing_seen(my, rng):
    a, b = (float(one) for one in rng.uniform(2, low=0.2, high=5.0, dtype=TWO))
    return [my.beta_posterior(a, b, 0, 0), my.beta_posterior(a, b, 7, 0), my.beta_posterior(a, b, 0, 5)]


def beta_in_two_parts(my, rng):
    """Yesterday's posterior is today's prior."""
    a, b, k, m = rng.integer(1, 5), rng.integer(5, 9), rng.integer(0, 20), rng.integer(20, 40)
    first = my.beta_posterior(a, b, k, m)
    return [first, my.beta_posterior(*first, m, k)]


def beta_of_tensors(my, rng):
    a, b = rng.uniform(5, low=0.2, high=5.0), rng.uniform(5, low=0.2, high=5.0)
    k, m = rng.integers(0, 30, 5), rng.integers(30, 60, 5)
    return [my.beta_posterior(a, b, k, m), my.beta_posterior(2.0, 3.0, k, m), a, b, k, m]


def beta_of_each_with_each(my, rng):
    a, b = rng.uniform(3, 1, low=0.2, high=5.0, dtype=TWO), rng.uniform(3, 1, low=0.2, high=5.0, dtype=TWO)
    return my.beta_posterior(a, b, rng.integers(0, 30, 4), rng.integers(0, 60, 4))


def beta_refuses_parameters_of_zero(my, rng):
    k = rng.integer(1, 9)
    calls = ((0, 1, k, 2), (1, 0.0, 2, k), (1, torch.tensor([2.0, 0.0]), k, 1))
    return [rng.attempt(my.beta_posterior, *call) for call in calls]


def beta_refuses_negative_numbers(my, rng):
    k = rng.integer(1, 9)
    two = torch.tensor([1.0, -0.5])
    mixed = torch.tensor([3, -k, 2])
    calls = ((-1.5, 1, k, 1), (1, two, k, 1), (1, 1, -k, 2), (2, 1, k, torch.tensor(-1)), (1, 2, mixed, k))
    return [rng.attempt(my.beta_posterior, *call) for call in calls]


# ── normal_posterior ──


def _settings(rng):
    return (round(float(rng.uniform(low=low, high=high)), 2) for low, high in ((-9.0, 9.0), (0.4, 0.9), (1.5, 4.0)))


def mean_after_one_observation(my, rng):
    prior_mean, prior_std, noise = _settings(rng)
    return my.normal_posterior(prior_mean, prior_std, rng.normal(1, shift=3.0), noise)


def mean_after_several(my, rng):
    found = []
    for n in (2, 5, 30):
        prior_mean, prior_std, noise = _settings(rng)
        found.append(my.normal_posterior(prior_mean, prior_std, rng.normal(n, shift=4.0, scale=3.0), noise))
    return found


def mean_with_a_wide_prior(my, rng):
    prior_mean, prior_std, noise = _settings(rng)
    return my.normal_posterior(prior_mean, 10 * noise, rng.normal(7, shift=4.0), prior_std)


def mean_after_nothing(my, rng):
    prior_mean, prior_std, noise = _settings(rng)
    nothing = my.normal_posterior(prior_mean, prior_std, torch.zeros(0), noise)
    rows = my.normal_posterior(prior_mean, prior_std, torch.zeros(3, 0), noise)
    return [nothing, rows[0], rng.integer(0, 99)]


def mean_with_a_flat_prior(my, rng):
    prior_mean, _, noise = _settings(rng)
    x = rng.normal(6, shift=4.0)
    return [
        my.normal_posterior(prior_mean, math.inf, x, noise),
        my.normal_posterior(prior_mean, math.inf, x[:1], noise),
        my.normal_posterior(prior_mean, torch.tensor([math.inf, 0.75]), x.view(2, 3), noise),
    ]


def mean_of_a_certain_prior(my, rng):
    prior_mean, _, noise = _settings(rng)
    x = rng.normal(8, dtype=TWO, shift=4.0)
    return [my.normal_posterior(prior_mean, std, x, noise) for std in (1e-4, 3e3)]


def mean_of_rows(my, rng):
    x = rng.normal(3, 4, 5, dtype=TWO, shift=2.0)
    prior_mean, prior_std = rng.normal(3, 4, dtype=TWO), rng.uniform(3, 4, low=0.3, high=2.0, dtype=TWO)
    return [my.normal_posterior(prior_mean, prior_std, x, 1.7), x, prior_mean, prior_std]


def mean_of_a_view(my, rng):
    x, noise = rng.normal(10, 3, dtype=TWO, shift=2.0).T[:, ::2], rng.uniform(3, low=0.5, high=3.0, dtype=TWO)
    return [my.normal_posterior(1.5, 0.8, x, noise), x]


def mean_in_two_parts(my, rng):
    prior_mean, prior_std, noise = _settings(rng)
    x = rng.normal(9, dtype=TWO, shift=2.0)
    mean, std = my.normal_posterior(prior_mean, prior_std, x[:4], noise)
    return [mean, std, my.normal_posterior(mean, std, x[4:], noise)]


# ── metropolis_hastings ──


def _level(x):
    return math.floor(float(x) * TEETH) % 4


def _comb(rng, offset):
    """(log density, weights of the four levels, a place to begin): the last level is impossible."""
    middle, low = (float(one) for one in rng.uniform(2, low=0.0, high=0.15))
    weights = [1.0, 0.45 + middle, 0.1 + low, 0.0]
    logs = [math.log(weight) + offset if weight else -math.inf for weight in weights]
    begin = torch.tensor((4 * rng.integer(-500, 500) + 0.5) / TEETH, dtype=TWO)
    return (lambda x: logs[_level(x)]), torch.tensor(weights, dtype=TWO), begin


def _walked(my, rng, offset, n=DRAWN):
    log_density, weights, begin = _comb(rng, offset)
    step = round(float(rng.uniform(low=0.4, high=2.5)), 2)
    return [my.metropolis_hastings(log_density, begin, n, step, rng.generator()), begin, weights, step]


def _seen(draws, n, shape):
    if not isinstance(draws, torch.Tensor):
        return draws
    return [list(draws.shape) == [n, *shape], str(draws.dtype), bool(draws.isfinite().all())]


def walk_of_any_shape(my, rng):
    found = []
    for shape, n, dtype in (
        ((), 3, TWO),
        ((3,), 1, TWO),
        ((2, 1, 3), 4, torch.float32),
        ((2,), 0, TWO),
        ((1,), 5, TWO),
    ):
        x0 = rng.normal(*shape, dtype=dtype)
        found.append(_seen(my.metropolis_hastings(lambda x: -x.square().sum(), x0, n, 0.7, rng.generator()), n, shape))
    return [rng.integer(0, 1000), found]


def walk_where_all_is_alike(my, rng):
    """Each proposal is accepted, so the differences of neighbors are the moves."""
    x0, step = rng.normal(150, dtype=TWO), round(float(rng.uniform(low=0.1, high=0.6)), 2)
    places = my.metropolis_hastings(lambda x: 3.0, x0, 60, step, rng.generator())
    return torch.diff(torch.cat([x0[None], places]), dim=0).flatten()


def walk_where_only_the_beginning_is_possible(my, rng):
    x0 = rng.normal(2, dtype=TWO)
    begin = x0.clone()
    return my.metropolis_hastings(lambda x: 0.0 if torch.equal(x, begin) else -math.inf, x0, 6, 0.5, rng.generator())


def walk_uphill(my, rng):
    """Higher is so much better that no step down is ever accepted, and each step up is."""
    x0 = rng.normal(dtype=TWO)
    return [my.metropolis_hastings(lambda x: 1e15 * x, x0, 150, 0.8, rng.generator()), x0]


def walk_on_stairs(my, rng):
    """One proposal is by a constant factor worse than wherever the walk may be before it; the next is a little better than that."""
    heights, x0 = [], rng.normal(dtype=TWO)
    factor = round(float(rng.uniform(low=0.18, high=0.22)), 3)

    def log_density(x):
        step = len(heights)
        heights.append(1e-3 * step + (math.log(factor) if step % 2 else 0.0))
        return heights[-1]

    return [my.metropolis_hastings(log_density, x0, STAIRS, 0.8, rng.generator()), x0, factor]


def walk_at_an_edge(my, rng):
    """Sixty walks of one proposal each, from the edge of what is possible."""
    generator, x0, step = rng.generator(), torch.zeros((), dtype=TWO), float(rng.uniform(low=0.3, high=3.0))
    ends = [my.metropolis_hastings(lambda x: 0.0 if x >= 0 else -math.inf, x0, 1, step, generator) for _ in range(60)]
    return [torch.cat(ends), step]


def walk_on_a_comb(my, rng):
    return _walked(my, rng, 0.0)


def walk_on_a_comb_of_tiny_densities(my, rng):
    return _walked(my, rng, -1e5, SHORT)


def walk_on_a_comb_of_huge_densities(my, rng):
    return _walked(my, rng, 1e5, SHORT)


def walk_of_several_numbers(my, rng):
    """The density looks at one of six entries; all of them move together, or none does."""
    log_density, weights, begin = _comb(rng, -3.0)
    x0 = rng.normal(2, 3, dtype=TWO)
    x0[1, 1] = begin
    places = my.metropolis_hastings(lambda x: log_density(x[1, 1]), x0, 200, 1.3, rng.generator())
    return [places, x0, weights, 1.3]


def walk_from_the_generator(my, rng):
    seed, x0 = rng.integer(0, 2**40), rng.normal(3, dtype=TWO)
    one, same, other = (torch.Generator().manual_seed(each) for each in (seed, seed, seed + 1))
    walk = lambda generator: my.metropolis_hastings(lambda x: -x.square().sum(), x0, 40, 0.9, generator)  # noqa: E731
    torch.manual_seed(seed)
    before = torch.get_rng_state()
    first = walk(one)
    untouched = torch.equal(before, torch.get_rng_state())
    second, third, fourth = walk(same), walk(one), walk(other)
    return [seed, torch.equal(first, second), torch.equal(first, third), torch.equal(first, fourth), untouched]


def walk_asks_once(my, rng):
    """How often the density was asked, of what, and whether the walk stands where it asked."""
    asked, x0, n = [], rng.normal(2, dtype=TWO), rng.integer(20, 60)

    def log_density(x):
        asked.append([list(x.shape), str(x.dtype), x.detach().clone()])
        return -2 * x.square().sum()

    places = my.metropolis_hastings(log_density, x0, n, 1.1, rng.generator())
    known = {tuple(place.tolist()) for _, _, place in asked}
    return [n, len(asked), [one[:2] for one in asked[:3]], all(tuple(one.tolist()) in known for one in places)]


def walk_leaves_its_beginning_alone(my, rng):
    x0 = rng.normal(2, 3, dtype=TWO)
    before = x0.clone()
    my.metropolis_hastings(lambda x: -x.abs().sum(), x0, 5, 2, rng.generator())
    return [before, x0]


def walk_refuses_an_impossible_beginning(my, rng):
    x0 = rng.normal(2, dtype=TWO)
    densities = (lambda x: -math.inf, lambda x: torch.tensor(-math.inf))
    return [rng.attempt(my.metropolis_hastings, density, x0, 3, 0.5, rng.generator()) for density in densities]


def walk_refuses_steps_that_are_none(my, rng):
    x0 = rng.normal(2, dtype=TWO)
    return [rng.attempt(my.metropolis_hastings, lambda x: 0.0, x0, 3, step, rng.generator()) for step in (0.0, -1.0)]
