"""Wrong posteriors and wrong walks, each named for what its author believed. The docstring is the hint that a learner reads."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import beta_posterior as _beta
from groundup.stack.numerics import metropolis_hastings as _walk
from groundup.stack.numerics import normal_posterior as _mean

# ── beta_posterior ──


@replaces("beta_posterior")
def successes_and_failures_exchanged(a, b, successes, failures):
    """Successes and failures have changed places: the first parameter counts successes."""
    _beta(a, b, successes, failures)
    return a + failures, b + successes


@replaces("beta_posterior")
def failures_taken_for_trials(a, b, successes, failures):
    """The fourth argument was taken for the number of trials, and the successes subtracted from it. It is the number of failures already."""
    _beta(a, b, successes, failures)
    return a + successes, b + failures - successes


@replaces("beta_posterior")
def trials_added_to_b(a, b, successes, failures):
    """All trials were added to the second parameter. It counts the failures only."""
    _beta(a, b, successes, failures)
    return a + successes, b + successes + failures


@replaces("beta_posterior")
def prior_forgotten(a, b, successes, failures):
    """The prior has no influence: only the counts are left. What was known before counts like successes and failures that were seen earlier."""
    _beta(a, b, successes, failures)
    return 0 * a + successes, 0 * b + failures


@replaces("beta_posterior")
def always_a_uniform_prior(a, b, successes, failures):
    """The uniform prior, Beta(1, 1), was used whatever prior was given."""
    _beta(a, b, successes, failures)
    return 0 * a + 1 + successes, 0 * b + 1 + failures


@replaces("beta_posterior")
def exponents_for_parameters(a, b, successes, failures):
    """These are the exponents in the density. They are less by 1 than the parameters, so add it again."""
    _beta(a, b, successes, failures)
    return a + successes - 1, b + failures - 1


@replaces("beta_posterior")
def one_more_added(a, b, successes, failures):
    """One was added to each count, as smoothing does. The prior's parameters are there for that; with a = b = 1 they do just this."""
    _beta(a, b, successes, failures)
    return a + successes + 1, b + failures + 1


@replaces("beta_posterior")
def mean_of_the_posterior(a, b, successes, failures):
    """This is the mean of the posterior. The whole distribution is asked for, that is, its two parameters."""
    a, b = _beta(a, b, successes, failures)
    return a / (a + b)


@replaces("beta_posterior")
def parameters_multiplied(a, b, successes, failures):
    """Parameters and counts were multiplied. The densities multiply; there the counts stand in the exponents, and exponents add up."""
    _beta(a, b, successes, failures)
    return a * successes, b * failures


@replaces("beta_posterior")
def counts_made_whole(a, b, successes, failures):
    """The results were rounded to whole numbers. A prior may count as half a success."""
    a, b = _beta(a, b, successes, failures)
    return torch.as_tensor(a).long(), torch.as_tensor(b).long()


@replaces("beta_posterior")
def anything_accepted(a, b, successes, failures):
    """Parameters of 0 or below, or negative counts, were accepted. There is no such beta distribution, and no such data: raise a ValueError."""
    return a + successes, b + failures


@replaces("beta_posterior")
def prior_of_zero_accepted(a, b, successes, failures):
    """A parameter of exactly 0 was accepted. The density then has an infinite area, and is no distribution."""
    if torch.as_tensor(a).min() < 0 or torch.as_tensor(b).min() < 0:
        raise ValueError("below 0")
    return _beta(a + 1e-30, b + 1e-30, successes, failures)


@replaces("beta_posterior")
def no_count_refused(a, b, successes, failures):
    """Counts of 0 were refused. Nothing has been seen, or only one kind: that is data as good as any."""
    if torch.as_tensor(successes).min() <= 0 or torch.as_tensor(failures).min() <= 0:
        raise ValueError("no counts")
    return _beta(a, b, successes, failures)


# ── normal_posterior ──


def _parts(x, *numbers):
    return (torch.as_tensor(one, dtype=x.dtype) for one in numbers)


@replaces("normal_posterior")
def deviations_taken_for_variances(prior_mean, prior_std, x, noise_std):
    """The weights were taken from the standard deviations without squares. It is the variances that add up, and their inverses that weigh."""
    prior_std, noise_std = _parts(x, prior_std, noise_std)
    return _mean(prior_mean, prior_std.sqrt(), x, noise_std.sqrt())


@replaces("normal_posterior")
def variance_returned(prior_mean, prior_std, x, noise_std):
    """The second result is the variance. The standard deviation is its root."""
    mean, std = _mean(prior_mean, prior_std, x, noise_std)
    return mean, std**2


@replaces("normal_posterior")
def precision_returned(prior_mean, prior_std, x, noise_std):
    """The second result is the precision, one over the variance. The standard deviation is asked for."""
    mean, std = _mean(prior_mean, prior_std, x, noise_std)
    return mean, std**-2


@replaces("normal_posterior")
def prior_ignored(prior_mean, prior_std, x, noise_std):
    """The prior has no influence: this is the mean of the observations and its uncertainty."""
    return _mean(prior_mean, math.inf, x, noise_std)


@replaces("normal_posterior")
def one_observation_only(prior_mean, prior_std, x, noise_std):
    """The mean of the observations was weighed like a single observation. A mean of n of them is n times as precise."""
    n = max(x.shape[-1], 1)
    (noise_std,) = _parts(x, noise_std)
    return _mean(prior_mean, prior_std, x, noise_std * math.sqrt(n))


@replaces("normal_posterior")
def weights_exchanged(prior_mean, prior_std, x, noise_std):
    """The weights have changed places: the prior got that of the data and the data that of the prior. Whoever is more certain weighs more."""
    mean, std = _mean(prior_mean, prior_std, x, noise_std)
    data = x.mean(-1) if x.shape[-1] else torch.as_tensor(prior_mean, dtype=x.dtype)
    return data + prior_mean - mean, std


@replaces("normal_posterior")
def plain_average(prior_mean, prior_std, x, noise_std):
    """Prior mean and data were simply averaged. They are weighed by how certain each is."""
    mean, std = _mean(prior_mean, prior_std, x, noise_std)
    data = x.mean(-1) if x.shape[-1] else torch.as_tensor(prior_mean, dtype=x.dtype)
    return (data + prior_mean) / 2, std


@replaces("normal_posterior")
def prior_counted_as_one_observation(prior_mean, prior_std, x, noise_std):
    """The prior was taken for one more observation, whatever its deviation. It is worth as many observations as the ratio of the variances says."""
    (noise_std,) = _parts(x, noise_std)
    return _mean(prior_mean, noise_std, x, noise_std)


@replaces("normal_posterior")
def variances_added(prior_mean, prior_std, x, noise_std):
    """The uncertainty grew with the data: variances were added. What adds up is certainty, one over each variance."""
    prior_std, noise_std = _parts(x, prior_std, noise_std)
    mean, _ = _mean(prior_mean, prior_std, x, noise_std)
    return mean, (prior_std**2 + noise_std**2 / max(x.shape[-1], 1)).sqrt()


@replaces("normal_posterior")
def spread_of_the_next_observation(prior_mean, prior_std, x, noise_std):
    """The second result is the spread of the next observation, noise included. It was asked how well the mean is known."""
    prior_std, noise_std = _parts(x, prior_std, noise_std)
    mean, std = _mean(prior_mean, prior_std, x, noise_std)
    return mean, (std**2 + noise_std**2).sqrt()


@replaces("normal_posterior")
def noise_estimated_from_the_data(prior_mean, prior_std, x, noise_std):
    """The noise was estimated from the observations. Its size was given, and may differ from what a few observations happen to show."""
    if x.shape[-1] < 2:
        return _mean(prior_mean, prior_std, x, noise_std)
    return _mean(prior_mean, prior_std, x, x.std(-1))


@replaces("normal_posterior")
def mean_in_place_of_the_sum(prior_mean, prior_std, x, noise_std):
    """The mean of the observations stands where their sum belongs: divided by n twice. Each observation adds its own weight times its value."""
    prior_std, noise_std = _parts(x, prior_std, noise_std)
    n = max(x.shape[-1], 1)
    precision = prior_std**-2 + x.shape[-1] * noise_std**-2
    return (prior_std**-2 * prior_mean + noise_std**-2 * x.sum(-1) / n) / precision, precision**-0.5


@replaces("normal_posterior")
def infinity_over_infinity(prior_mean, prior_std, x, noise_std):
    """A flat prior gave NaN: the formula with variances above the line has infinity over infinity there. Written with one over each variance, an infinite one simply counts 0."""
    prior_std, noise_std = _parts(x, prior_std, noise_std)
    own = noise_std**2 / max(x.shape[-1], 1)
    mean, std = _mean(prior_mean, prior_std, x, noise_std)
    if not x.shape[-1]:
        return mean, std
    return (prior_mean * own + x.mean(-1) * prior_std**2) / (prior_std**2 + own), std


@replaces("normal_posterior")
def one_flat_prior_for_all(prior_mean, prior_std, x, noise_std):
    """One row has a flat prior, and those of the other rows were ignored as well. Each row has its own; with precisions no row needs a case of its own."""
    flat = bool(torch.isinf(torch.as_tensor(prior_std)).any())
    return _mean(prior_mean, torch.full_like(torch.as_tensor(prior_std), math.inf) if flat else prior_std, x, noise_std)


@replaces("normal_posterior")
def rows_of_nothing_forgotten(prior_mean, prior_std, x, noise_std):
    """Where nothing was observed the prior came back as it was given, one for all rows. The mean has an entry for each row of x, also when the rows are empty."""
    if not x.shape[-1]:
        return torch.as_tensor(prior_mean, dtype=x.dtype), prior_std
    return _mean(prior_mean, prior_std, x, noise_std)


@replaces("normal_posterior")
def mean_of_nothing(prior_mean, prior_std, x, noise_std):
    """Without any observation NaN came out: the mean of nothing is 0/0. Then the prior stays as it is."""
    mean, std = _mean(prior_mean, prior_std, x, noise_std)
    return mean + 0 * x.mean(-1), std


@replaces("normal_posterior")
def rows_thrown_together(prior_mean, prior_std, x, noise_std):
    """The observations of all rows were thrown together. Each row has an unknown mean of its own."""
    mean, std = _mean(prior_mean, prior_std, x.flatten(), noise_std)
    return mean, std


# ── metropolis_hastings ──


def _start(log_density, x0, step):
    if not step > 0:
        raise ValueError("no step")
    height = float(log_density(x0))
    if height == -math.inf:
        raise ValueError("impossible")
    return height


def _normal(shape, dtype, generator):
    return torch.randn(shape, dtype=dtype, generator=generator)


def _walked(log_density, x0, n, step, generator, accept, move=_normal):
    """A walk with a rule of its own for accepting (of old, new, a uniform number) and for moves."""
    here, height, places = x0, _start(log_density, x0, step), []
    for _ in range(n):
        proposal = here + step * move(x0.shape, x0.dtype, generator)
        level = float(log_density(proposal))
        if accept(height, level, torch.rand((), generator=generator, dtype=torch.float64).item()):
            here, height = proposal, level
        places.append(here)
    return torch.stack(places) if n else x0.new_empty((0, *x0.shape))


def _right(height, level, u):
    return math.log1p(-u) < level - height


@replaces("metropolis_hastings")
def refused_proposals_left_out(log_density, x0, n, step, generator):
    """Only accepted places were kept, and it went on until there were n. Where the walk stays, the place counts once more: that is how a place of high density gets its share."""
    here, height, places = x0, _start(log_density, x0, step), []
    for _ in range(20 * n):
        proposal = here + step * _normal(x0.shape, x0.dtype, generator)
        level = float(log_density(proposal))
        if _right(height, level, torch.rand((), generator=generator).item()):
            here, height = proposal, level
            places.append(here)
        if len(places) == n:
            break
    places += [here] * (n - len(places))
    return torch.stack(places) if n else x0.new_empty((0, *x0.shape))


@replaces("metropolis_hastings")
def only_better_places_accepted(log_density, x0, n, step, generator):
    """Worse places are never accepted, so the walk climbs to a summit and stays there. It is no search for the best: it has to go down as often as the densities say."""
    return _walked(log_density, x0, n, step, generator, lambda height, level, u: level >= height)


@replaces("metropolis_hastings")
def everything_accepted(log_density, x0, n, step, generator):
    """Every proposal was accepted, impossible ones as well. That is a random walk which knows nothing of the density."""
    return _walked(log_density, x0, n, step, generator, lambda height, level, u: True)


@replaces("metropolis_hastings")
def everything_possible_accepted(log_density, x0, n, step, generator):
    """Every proposal that is possible was accepted. A worse place is accepted only with the ratio of the densities as its probability."""
    return _walked(log_density, x0, n, step, generator, lambda height, level, u: level > -math.inf)


@replaces("metropolis_hastings")
def ratio_upside_down(log_density, x0, n, step, generator):
    """The ratio is upside down: density here over density there. The walk flees from where the density is high."""
    return _walked(log_density, x0, n, step, generator, lambda height, level, u: math.log1p(-u) < height - level)


@replaces("metropolis_hastings")
def logarithms_divided(log_density, x0, n, step, generator):
    """The logarithms were divided by each other. A ratio of densities is a difference of their logarithms."""

    def accept(height, level, u):
        return level > -math.inf and u < (level / height if height else 1.0)

    return _walked(log_density, x0, n, step, generator, accept)


@replaces("metropolis_hastings")
def densities_themselves_compared(log_density, x0, n, step, generator):
    """The exponentials were taken first, and then divided. Of a log density of -100000 the exponential is 0, and of 100000 it is infinite: no ratio can be had from these. Subtract the logarithms."""

    def accept(height, level, u):
        here, there = (torch.tensor(one, dtype=torch.float64).exp() for one in (height, level))
        return bool(u < there / here)

    return _walked(log_density, x0, n, step, generator, accept)


@replaces("metropolis_hastings")
def uniform_number_without_logarithm(log_density, x0, n, step, generator):
    """A uniform number was compared with a difference of logarithms. Either take its logarithm, or the exponential of the difference. As it is, no worse place is ever accepted, and slightly better ones are refused."""
    return _walked(log_density, x0, n, step, generator, lambda height, level, u: u < level - height)


@replaces("metropolis_hastings")
def coin_for_worse_places(log_density, x0, n, step, generator):
    """A fixed chance decides about worse places. It depends on how much worse they are."""

    def accept(height, level, u):
        return level >= height or (u < 0.5 and level > -math.inf)

    return _walked(log_density, x0, n, step, generator, accept)


@replaces("metropolis_hastings")
def share_of_the_two_densities(log_density, x0, n, step, generator):
    """A proposal was accepted with the share that its density has in the sum of both. That also gives the right distribution (Barker's rule), but it refuses half of the equally good places. The rule asked for accepts all that are not worse."""

    def accept(height, level, u):
        return u < 1 / (1 + math.exp(min(height - level, 700.0)))

    return _walked(log_density, x0, n, step, generator, accept)


@replaces("metropolis_hastings")
def root_of_the_ratio(log_density, x0, n, step, generator):
    """Worse places are accepted too often: with the root of the ratio, as if half of the difference of the logarithms were meant. The whole difference belongs to the whole ratio."""
    return _walked(log_density, x0, n, step, generator, lambda height, level, u: math.log1p(-u) < (level - height) / 2)


@replaces("metropolis_hastings")
def square_of_the_ratio(log_density, x0, n, step, generator):
    """Worse places are accepted too seldom: with the square of the ratio, as if twice the difference of the logarithms were meant. It is to be taken once."""
    return _walked(log_density, x0, n, step, generator, lambda height, level, u: math.log1p(-u) < (level - height) * 2)


@replaces("metropolis_hastings")
def old_height_kept(log_density, x0, n, step, generator):
    """Each proposal was compared with the density at the beginning. It has to be compared with that of the present place, which changes with every accepted move."""
    here, height, places = x0, _start(log_density, x0, step), []
    for _ in range(n):
        proposal = here + step * _normal(x0.shape, x0.dtype, generator)
        if _right(height, float(log_density(proposal)), torch.rand((), generator=generator).item()):
            here = proposal
        places.append(here)
    return torch.stack(places) if n else x0.new_empty((0, *x0.shape))


@replaces("metropolis_hastings")
def always_from_the_beginning(log_density, x0, n, step, generator):
    """All proposals were made around x0. Each one starts from where the walk is now."""
    here, height, places = x0, _start(log_density, x0, step), []
    for _ in range(n):
        proposal = x0 + step * _normal(x0.shape, x0.dtype, generator)
        level = float(log_density(proposal))
        if _right(height, level, torch.rand((), generator=generator).item()):
            here, height = proposal, level
        places.append(here)
    return torch.stack(places) if n else x0.new_empty((0, *x0.shape))


@replaces("metropolis_hastings")
def uniform_moves(log_density, x0, n, step, generator):
    """The moves are uniform, perhaps even with the right spread. They were to be normal."""
    move = lambda shape, dtype, g: (torch.rand(shape, dtype=dtype, generator=g) - 0.5) * math.sqrt(12)  # noqa: E731
    return _walked(log_density, x0, n, step, generator, _right, move)


@replaces("metropolis_hastings")
def step_taken_for_the_variance(log_density, x0, n, step, generator):
    """`step` was taken for the variance of a move. It is the standard deviation."""
    return _walk(log_density, x0, n, math.sqrt(step) if step > 0 else step, generator)


@replaces("metropolis_hastings")
def step_ignored(log_density, x0, n, step, generator):
    """The moves have standard deviation 1, whatever step was asked for."""
    return _walk(log_density, x0, n, 1.0 if step > 0 else step, generator)


@replaces("metropolis_hastings")
def moves_to_one_side(log_density, x0, n, step, generator):
    """All moves lead to the same side. To go somewhere and to come back have to be equally probable."""
    move = lambda shape, dtype, g: _normal(shape, dtype, g).abs()  # noqa: E731
    return _walked(log_density, x0, n, step, generator, _right, move)


@replaces("metropolis_hastings")
def same_move_for_all_entries(log_density, x0, n, step, generator):
    """One number was drawn, and added to all entries. Each entry needs its own."""
    move = lambda shape, dtype, g: _normal((), dtype, g).expand(shape)  # noqa: E731
    return _walked(log_density, x0, n, step, generator, _right, move)


@replaces("metropolis_hastings")
def entries_accepted_one_by_one(log_density, x0, n, step, generator):
    """Each entry was accepted or refused by itself. The density belongs to the whole proposal: all entries move, or none does."""
    here, height, places = x0, _start(log_density, x0, step), []
    for _ in range(n):
        proposal = here + step * _normal(x0.shape, x0.dtype, generator)
        level = float(log_density(proposal))
        fine = torch.rand(x0.shape, generator=generator, dtype=torch.float64).log() < level - height
        here = torch.where(fine, proposal, here)
        height = (
            float(log_density(here))
            if bool(fine.any()) and not bool(fine.all())
            else level
            if bool(fine.all())
            else height
        )
        places.append(here)
    return torch.stack(places) if n else x0.new_empty((0, *x0.shape))


@replaces("metropolis_hastings")
def one_tensor_for_all_places(log_density, x0, n, step, generator):
    """All places are the last one: the same tensor was kept n times, and changed each time. Keep a copy of each."""
    places = _walk(log_density, x0, n, step, generator)
    return places[-1:].expand(n, *x0.shape).clone() if n else places


@replaces("metropolis_hastings")
def beginning_comes_first(log_density, x0, n, step, generator):
    """x0 stands first among the results. The first place is the one after the first proposal."""
    places = _walk(log_density, x0, n, step, generator)
    return torch.cat([x0[None], places])[:n]


@replaces("metropolis_hastings")
def beginning_comes_in_addition(log_density, x0, n, step, generator):
    """There is one place too many: x0 stands first, and then n more."""
    return torch.cat([x0[None], _walk(log_density, x0, n, step, generator)])


@replaces("metropolis_hastings")
def first_places_thrown_away(log_density, x0, n, step, generator):
    """The first part of the walk was thrown away, to let it forget where it began. That is often wise, but it is up to the caller; here n proposals give n places."""
    return _walk(log_density, x0, n + 100, step, generator)[100:]


@replaces("metropolis_hastings")
def density_asked_twice(log_density, x0, n, step, generator):
    """The density of the present place was computed anew for each proposal. Keep it: for a large model this doubles the price."""

    def asked(x):
        log_density(x)
        return log_density(x)

    return _walk(asked, x0, n, step, generator)


@replaces("metropolis_hastings")
def global_randomness(log_density, x0, n, step, generator):
    """The numbers came from PyTorch's global random state, and not from the generator. Every draw has to be told where to draw from."""
    own = torch.Generator().manual_seed(int(torch.randint(2**40, ())))
    return _walk(log_density, x0, n, step, own)


@replaces("metropolis_hastings")
def same_seed_each_time(log_density, x0, n, step, generator):
    """The same walk came out of each call: the randomness is seeded within. It has to come from the generator, and go on where that stands."""
    return _walk(log_density, x0, n, step, torch.Generator().manual_seed(0))


@replaces("metropolis_hastings")
def walk_in_float32(log_density, x0, n, step, generator):
    """The places are float32 for a float64 beginning. Keep the dtype of x0."""
    return _walk(log_density, x0, n, step, generator).float()


@replaces("metropolis_hastings")
def beginning_moved_along(log_density, x0, n, step, generator):
    """x0 was changed in place while walking. The caller still needs it."""
    places = _walk(log_density, x0.clone(), n, step, generator)
    if n:
        x0.copy_(places[-1])
    return places


@replaces("metropolis_hastings")
def impossible_beginning_accepted(log_density, x0, n, step, generator):
    """The walk began where the density is 0. There the ratio of densities means nothing; raise a ValueError."""
    return _walk(lambda x: max(float(log_density(x)), -1e300), x0, n, step, generator)


@replaces("metropolis_hastings")
def any_step_accepted(log_density, x0, n, step, generator):
    """A step of 0, or below, was accepted. The walk would never leave, or its spread would be negative; raise a ValueError."""
    return _walk(log_density, x0, n, abs(step) or 1e-300, generator)
