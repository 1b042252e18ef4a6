"""Wrong intervals, each named for what its author believed. The docstring is the hint that a learner reads."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import bootstrap_interval as _bootstrap
from groundup.stack.numerics import mean_interval as _interval
from groundup.stack.numerics.intervals import _student_quantile as _t

TWO = torch.float64


def _refuse(x, level):
    if x.shape[-1] < 2:
        raise ValueError(f"got shape {tuple(x.shape)}")
    _refuse_level(level)


def _refuse_level(level):
    if not 0 < level < 1:
        raise ValueError(f"level {level}")


def _around(x, reach):
    middle = x.mean(-1)
    return middle - reach, middle + reach


def _error(x, correction=1):
    return x.std(-1, correction=correction) / math.sqrt(x.shape[-1])


def _z(level):
    return torch.special.ndtri(torch.tensor((1 + level) / 2, dtype=TWO)).item()


# ── mean_interval ──


@replaces("mean_interval")
def normal_in_the_place_of_t(x, level=0.95):
    """The factor was taken from the normal distribution (1.96 for 95 %). That would be right if the spread were known. It is estimated from the same few samples, and is often too small: Student's t pays for that."""
    _refuse(x, level)
    return _around(x, _z(level) * _error(x))


@replaces("mean_interval")
def two_standard_errors(x, level=0.95):
    """Two standard errors were taken, whatever the level and the number of samples. For two samples at 95 % it has to be 12.7."""
    _refuse(x, level)
    return _around(x, 2 * _error(x))


@replaces("mean_interval")
def as_many_degrees_as_samples(x, level=0.95):
    """Student's distribution was taken with n degrees of freedom. The mean is estimated from the same samples, and that uses one of them up: n - 1."""
    _refuse(x, level)
    return _around(x, _t(x.shape[-1], level) * _error(x))


@replaces("mean_interval")
def two_degrees_used_up(x, level=0.95):
    """Student's distribution was taken with n - 2 degrees of freedom, as for a straight line. One number only is estimated beside the spread, the mean: n - 1."""
    _refuse(x, level)
    return _around(x, _t(max(x.shape[-1] - 2, 1), level) * _error(x))


@replaces("mean_interval")
def spread_with_n(x, level=0.95):
    """The spread was taken with the divisor n. Distances from a mean of the same samples are too short on average; the divisor n - 1 makes up for it."""
    _refuse(x, level)
    return _around(x, _t(x.shape[-1] - 1, level) * _error(x, correction=0))


@replaces("mean_interval")
def spread_of_single_samples(x, level=0.95):
    """The spread of the samples was not divided by the root of their number. That is an interval for where single samples lie. A mean of many scatters less."""
    _refuse(x, level)
    return _around(x, _t(x.shape[-1] - 1, level) * x.std(-1))


@replaces("mean_interval")
def divided_by_n(x, level=0.95):
    """The spread was divided by n. Variances of means go down with n, standard deviations with its root: four times the samples, half the width."""
    _refuse(x, level)
    return _around(x, _t(x.shape[-1] - 1, level) * x.std(-1) / x.shape[-1])


@replaces("mean_interval")
def divided_by_the_root_of_n_less_one(x, level=0.95):
    """The n - 1 went in twice: once into the variance, and once more under the root. The variance of a mean is the variance over n."""
    _refuse(x, level)
    return _around(x, _t(x.shape[-1] - 1, level) * x.std(-1) / math.sqrt(x.shape[-1] - 1))


@replaces("mean_interval")
def variance_not_its_root(x, level=0.95):
    """The variance was used where the standard deviation belongs. It has the square of the samples' unit, and no place beside a mean."""
    _refuse(x, level)
    return _around(x, _t(x.shape[-1] - 1, level) * x.var(-1) / math.sqrt(x.shape[-1]))


@replaces("mean_interval")
def all_of_the_rest_on_one_side(x, level=0.95):
    """The t was taken below which the share `level` lies. Then as much as is left over is left over on *each* side, twice what was meant: half of it belongs to each."""
    _refuse(x, level)
    reach = _t(x.shape[-1] - 1, abs(2 * level - 1)) if level != 0.5 else 0.0
    return _around(x, math.copysign(reach, level - 0.5) * _error(x))


@replaces("mean_interval")
def level_taken_for_the_rest(x, level=0.95):
    """The level was taken for what may be missed. It is the share of studies in which the interval holds the truth: 0.95, not 0.05."""
    _refuse(x, level)
    return _around(x, _t(x.shape[-1] - 1, 1 - level) * _error(x))


@replaces("mean_interval")
def always_95(x, level=0.95):
    """The level had no influence: it was always 0.95."""
    _refuse(x, level)
    return _interval(x)


@replaces("mean_interval")
def width_taken_for_reach(x, level=0.95):
    """The interval is half as wide as it has to be: the reach was divided among both sides. It goes the whole way in each direction."""
    _refuse(x, level)
    return _around(x, _t(x.shape[-1] - 1, level) * _error(x) / 2)


@replaces("mean_interval")
def middle_and_reach(x, level=0.95):
    """The mean and the reach were returned. Wanted are the two ends."""
    _refuse(x, level)
    return x.mean(-1), _t(x.shape[-1] - 1, level) * _error(x)


@replaces("mean_interval")
def upper_end_first(x, level=0.95):
    """The upper end came first."""
    low, high = _interval(x, level)
    return high, low


@replaces("mean_interval")
def where_samples_lie(x, level=0.95):
    """These are the quantiles of the samples: between them lies the middle share of the *samples*. Where their mean is known to lie is another question, and a much smaller interval."""
    _refuse(x, level)
    tails = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=x.dtype)
    low, high = torch.quantile(x, tails, dim=-1)
    return low, high


@replaces("mean_interval")
def batch_thrown_together(x, level=0.95):
    """All samples of a batch were thrown together. Samples are along the last dimension; each row has an interval of its own."""
    _refuse(x, level)
    return _interval(x.flatten(), level)


@replaces("mean_interval")
def along_the_first_dimension(x, level=0.95):
    """The samples were taken along the first dimension. They are along the last; what stands before it is a batch."""
    _refuse(x, level)
    return _interval(x.movedim(0, -1), level)


@replaces("mean_interval")
def squares_subtracted(x, level=0.95):
    """The variance was computed as mean of squares minus square of the mean. For samples around a hundred million both agree in all digits that there are, and the difference is rounding."""
    _refuse(x, level)
    n = x.shape[-1]
    variance = ((x.square().mean(-1) - x.mean(-1).square()) * n / (n - 1)).clamp(min=0)
    return _around(x, _t(n - 1, level) * (variance / n).sqrt())


@replaces("mean_interval")
def small_number_added(x, level=0.95):
    """A small number was added to the spread, as if to keep 0 away. Nothing is divided by it; and in tiny units it is larger than the spread."""
    _refuse(x, level)
    return _around(x, _t(x.shape[-1] - 1, level) * (x.std(-1) + 1e-6) / math.sqrt(x.shape[-1]))


@replaces("mean_interval")
def t_corrected_once(x, level=0.95):
    """The normal distribution's number was corrected by a first approximation to t. For a dozen samples that is near; for two or three it is far from it."""
    _refuse(x, level)
    z = _z(level)
    return _around(x, (z + (z**3 + z) / (4 * (x.shape[-1] - 1))) * _error(x))


@replaces("mean_interval")
def one_t_for_all_sizes(x, level=0.95):
    """One t was used for all numbers of samples. The fewer there are, the worse the spread is known, and the larger t."""
    _refuse(x, level)
    return _around(x, _t(10, level) * _error(x))


@replaces("mean_interval")
def tails_cut_off(x, level=0.95):
    """The area under the density was taken relative to what lies between -10 and 10. For two samples a good part lies farther out: the tails are as heavy as those of 1 / t²."""
    _refuse(x, level)
    freedom = x.shape[-1] - 1
    u = torch.linspace(0, 10, 4001, dtype=TWO)
    density = (1 + u * u / freedom) ** (-(freedom + 1) / 2)
    areas = torch.cat([torch.zeros(1, dtype=TWO), torch.cumulative_trapezoid(density, u)])
    at = int(torch.searchsorted(areas, areas[-1] * level)) - 1
    t = u[at] + (u[at + 1] - u[at]) * (areas[-1] * level - areas[at]) / (areas[at + 1] - areas[at])
    return _around(x, t.item() * _error(x))


@replaces("mean_interval")
def too_few_accepted(x, level=0.95):
    """One sample was accepted, and NaN or an interval without width came out. One sample says nothing of the spread; refuse it with a ValueError."""
    _refuse_level(level)
    if x.shape[-1] < 2:
        return x.mean(-1), x.mean(-1)
    return _interval(x, level)


@replaces("mean_interval")
def any_level_accepted(x, level=0.95):
    """A level of 0, of 1 or of 95 was accepted. An interval that always holds the truth is infinite, and 95 is no share: refuse it with a ValueError."""
    if x.shape[-1] < 2:
        raise ValueError(f"got shape {tuple(x.shape)}")
    return _interval(x, min(max(level, 0.001), 0.999))


@replaces("mean_interval")
def always_float64(x, level=0.95):
    """The ends came in float64, although the samples were float32. They have the dtype of the samples."""
    low, high = _interval(x.double(), level)
    return low, high


@replaces("mean_interval")
def always_float32(x, level=0.95):
    """The samples went through float32. Around a hundred million that counts in eights, and all float64 digits are lost."""
    low, high = _interval(x.float(), level)
    return low.to(x.dtype), high.to(x.dtype)


# ── bootstrap_interval ──


def _need(x, level, n):
    if len(x) < 1 or n < 1:
        raise ValueError(f"got shape {tuple(x.shape)} and {n}")
    _refuse_level(level)


def _results(x, statistic, n, generator, rows=None):
    """n results; ``rows(m)`` chooses the rows of one resample."""
    choose = rows or (lambda m: torch.randint(m, (m,), generator=generator))
    return torch.stack([torch.as_tensor(statistic(x[choose(len(x))]), dtype=TWO) for _ in range(n)])


def _between(results, level):
    tails = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=TWO)
    low, high = torch.quantile(results, tails, dim=0)
    return low, high


@replaces("bootstrap_interval")
def without_replacement(x, statistic, level, n, generator):
    """The rows were drawn without replacement: each resample holds the same rows in another order, and a mean of them never changes. A row may come up twice, and another not at all."""
    _need(x, level, n)
    return _between(_results(x, statistic, n, generator, lambda m: torch.randperm(m, generator=generator)), level)


@replaces("bootstrap_interval")
def one_row_too_few(x, statistic, level, n, generator):
    """A resample had one row less than the table. How much a statistic scatters depends on the number of rows: it has to be the same."""
    _need(x, level, n)
    rows = lambda m: torch.randint(m, (max(m - 1, 1),), generator=generator)  # noqa: E731
    return _between(_results(x, statistic, n, generator, rows), level)


@replaces("bootstrap_interval")
def numbers_exchanged(x, statistic, level, n, generator):
    """A resample had n rows. n is the number of resamples; each of them has as many rows as the table."""
    _need(x, level, n)
    rows = lambda m: torch.randint(m, (n,), generator=generator)  # noqa: E731
    return _between(_results(x, statistic, n, generator, rows), level)


@replaces("bootstrap_interval")
def last_row_never_drawn(x, statistic, level, n, generator):
    """The last row was never drawn: the upper bound of random whole numbers is not among them."""
    _need(x, level, n)
    rows = lambda m: torch.randint(max(m - 1, 1), (m,), generator=generator)  # noqa: E731
    return _between(_results(x, statistic, n, generator, rows), level)


@replaces("bootstrap_interval")
def one_resample_for_all(x, statistic, level, n, generator):
    """One resample was drawn, and the statistic asked n times about it. Each time takes another resample."""
    _need(x, level, n)
    rows = torch.randint(len(x), (len(x),), generator=generator)
    return _between(_results(x, statistic, n, generator, lambda m: rows), level)


@replaces("bootstrap_interval")
def resample_of_the_resample(x, statistic, level, n, generator):
    """Each resample was drawn from the one before, and not from the table. Rows die out on the way, until all are the same."""
    _need(x, level, n)
    found = []
    for _ in range(n):
        x = x[torch.randint(len(x), (len(x),), generator=generator)]
        found.append(torch.as_tensor(statistic(x), dtype=TWO))
    return _between(torch.stack(found), level)


@replaces("bootstrap_interval")
def resampled_in_place(x, statistic, level, n, generator):
    """The resamples were written over the table that was passed in. Whoever needs it afterward finds something else."""
    _need(x, level, n)
    kept = x.clone()
    found = []
    for _ in range(n):
        x.copy_(kept[torch.randint(len(x), (len(x),), generator=generator)])
        found.append(torch.as_tensor(statistic(x), dtype=TWO))
    return _between(torch.stack(found), level)


@replaces("bootstrap_interval")
def entries_drawn_by_themselves(x, statistic, level, n, generator):
    """Each column was resampled by itself, so that what belonged together was torn apart. It is whole rows that are independent, and whole rows are drawn."""
    _need(x, level, n)
    found = []
    for _ in range(n):
        flat = x.reshape(len(x), -1)
        rows = torch.randint(len(x), flat.shape, generator=generator)
        found.append(torch.as_tensor(statistic(flat.gather(0, rows).reshape(x.shape)), dtype=TWO))
    return _between(torch.stack(found), level)


@replaces("bootstrap_interval")
def along_the_last_dimension(x, statistic, level, n, generator):
    """The resampling went along the last dimension. Rows are along the first."""
    _need(x, level, n)
    found = []
    for _ in range(n):
        columns = torch.randint(x.shape[-1], (x.shape[-1],), generator=generator)
        found.append(torch.as_tensor(statistic(x[..., columns]), dtype=TWO))
    return _between(torch.stack(found), level)


@replaces("bootstrap_interval")
def blocks_of_neighbors(x, statistic, level, n, generator):
    """A resample was a stretch of the table from a random row on. Its rows then depend on each other; each is drawn by itself."""
    _need(x, level, n)
    rows = lambda m: (torch.randint(m, (1,), generator=generator) + torch.arange(m)) % m  # noqa: E731
    return _between(_results(x, statistic, n, generator, rows), level)


@replaces("bootstrap_interval")
def all_of_the_rest_on_each_side(x, statistic, level, n, generator):
    """All that may be missed was cut off on each side. Half of it belongs to each: for 0.9 the ends are the 0.05 and the 0.95 quantile."""
    _need(x, level, n)
    results = _results(x, statistic, n, generator)
    tails = torch.tensor([1 - level, level], dtype=TWO).sort().values
    low, high = torch.quantile(results, tails, dim=0)
    return low, high


@replaces("bootstrap_interval")
def level_taken_for_the_rest(x, statistic, level, n, generator):
    """The level was taken for what may be missed: for 0.9 the interval holds the middle tenth of the results, not nine tenths."""
    _need(x, level, n)
    return _bootstrap(x, statistic, 1 - level, n, generator)


@replaces("bootstrap_interval")
def always_95(x, statistic, level, n, generator):
    """The level had no influence: it was always 0.95."""
    _need(x, level, n)
    return _bootstrap(x, statistic, 0.95, n, generator)


@replaces("bootstrap_interval")
def smallest_and_largest(x, statistic, level, n, generator):
    """The smallest and the largest result were returned. They move outward with every further resample; wanted are two quantiles."""
    _need(x, level, n)
    results = _results(x, statistic, n, generator)
    return results.amin(0), results.amax(0)


@replaces("bootstrap_interval")
def normal_around_their_mean(x, statistic, level, n, generator):
    """A normal distribution was laid over the results: their mean, give or take some of their spreads. The percentiles use the results as they are, lopsided or not."""
    _need(x, level, n)
    results = _results(x, statistic, n, generator)
    reach = _z(level) * (results.std(0) if n > 1 else torch.zeros_like(results[0]))
    return results.mean(0) - reach, results.mean(0) + reach


@replaces("bootstrap_interval")
def error_of_their_mean(x, statistic, level, n, generator):
    """This is an interval for the mean of the results, which shrinks with every further resample. The spread of the results is itself the standard error; it is not divided by the root of their number."""
    _need(x, level, n)
    results = _results(x, statistic, n, generator)
    reach = _z(level) * (results.std(0) if n > 1 else torch.zeros_like(results[0])) / math.sqrt(n)
    return results.mean(0) - reach, results.mean(0) + reach


@replaces("bootstrap_interval")
def mirrored_at_the_estimate(x, statistic, level, n, generator):
    """The quantiles were mirrored at the statistic of the table itself. That is another method (the basic bootstrap); here the ends are the quantiles, and the table itself is not asked about."""
    _need(x, level, n)
    results = _results(x, statistic, n, generator)
    own = torch.as_tensor(statistic(x), dtype=TWO)
    low, high = _between(results, level)
    return 2 * own - high, 2 * own - low


@replaces("bootstrap_interval")
def quantile_rounded_down(x, statistic, level, n, generator):
    """A quantile that falls between two results was rounded down to the lower one. It lies between them, in proportion."""
    _need(x, level, n)
    ordered = _results(x, statistic, n, generator).sort(0).values
    return ordered[int((1 - level) / 2 * (n - 1) + 1e-9)], ordered[int((1 + level) / 2 * (n - 1) + 1e-9)]


@replaces("bootstrap_interval")
def places_counted_among_n(x, statistic, level, n, generator):
    """The place of a quantile was counted as q n. The places go from 0 to n - 1, so it is at q (n - 1)."""
    _need(x, level, n)
    ordered = _results(x, statistic, n, generator).sort(0).values
    low, high = (min(int(q * n), n - 1) for q in ((1 - level) / 2, (1 + level) / 2))
    return ordered[low], ordered[high]


@replaces("bootstrap_interval")
def results_not_sorted(x, statistic, level, n, generator):
    """The results were taken in the order in which they came. A quantile is a place in the sorted list."""
    _need(x, level, n)
    results = _results(x, statistic, n, generator)
    return results[int((1 - level) / 2 * (n - 1))], results[int((1 + level) / 2 * (n - 1))]


@replaces("bootstrap_interval")
def results_thrown_together(x, statistic, level, n, generator):
    """All entries of results that are tensors were thrown together into one interval. Each entry has an interval of its own."""
    _need(x, level, n)
    results = _results(x, statistic, n, generator)
    low, high = _between(results.flatten(), level)
    return low.expand(results.shape[1:]).clone(), high.expand(results.shape[1:]).clone()


@replaces("bootstrap_interval")
def upper_end_first(x, statistic, level, n, generator):
    """The upper end came first."""
    low, high = _bootstrap(x, statistic, level, n, generator)
    return high, low


@replaces("bootstrap_interval")
def one_resample_more(x, statistic, level, n, generator):
    """The table itself was counted as one more resample. That is right for a permutation test; here there are n results, all from resamples."""
    _need(x, level, n)
    results = [torch.as_tensor(statistic(x), dtype=TWO), *_results(x, statistic, n, generator)]
    return _between(torch.stack(results), level)


@replaces("bootstrap_interval")
def one_resample_less(x, statistic, level, n, generator):
    """There was one resample too few."""
    _need(x, level, n)
    return _between(_results(x, statistic, max(n - 1, 1), generator), level)


@replaces("bootstrap_interval")
def resampled_as_float32(x, statistic, level, n, generator):
    """The table was turned into float32 before it was resampled. The statistic gets the rows as they are."""
    _need(x, level, n)
    return _bootstrap(x.float(), statistic, level, n, generator)


@replaces("bootstrap_interval")
def global_chance(x, statistic, level, n, generator):
    """The rows were chosen by PyTorch's global random state. All chance is to come from the generator that is handed over; else nobody can repeat a result, and others are disturbed."""
    _need(x, level, n)
    return _between(_results(x, statistic, n, None), level)


@replaces("bootstrap_interval")
def generator_seeded_anew(x, statistic, level, n, generator):
    """The generator was seeded inside, so that every call returns the same. Use it as it comes."""
    return _bootstrap(x, statistic, level, n, generator.manual_seed(0))


@replaces("bootstrap_interval")
def copy_of_the_generator(x, statistic, level, n, generator):
    """A copy of the generator was used: the state of the one that was handed over never moves, and a second call gives the same ends."""
    return _bootstrap(x, statistic, level, n, generator.clone_state())


@replaces("bootstrap_interval")
def any_level_accepted(x, statistic, level, n, generator):
    """A level of 0, of 1 or of 95 was accepted. 95 is no share, and the smallest and the largest result are no interval: refuse it with a ValueError."""
    _need(x, 0.5, n)
    return _bootstrap(x, statistic, min(max(level, 0.001), 0.999), n, generator)


@replaces("bootstrap_interval")
def nothing_accepted(x, statistic, level, n, generator):
    """No rows, or no resamples, were accepted. Nothing can be drawn from nothing: refuse it with a ValueError."""
    _refuse_level(level)
    if len(x) < 1 or n < 1:
        return torch.tensor(math.nan), torch.tensor(math.nan)
    return _bootstrap(x, statistic, level, n, generator)


@replaces("bootstrap_interval")
def each_row_equally_often(x, statistic, level, n, generator):
    """All places of all resamples were dealt out like a deck of cards that holds each row n times, so that no row comes up more often than another. Each draw is by chance alone, and knows nothing of the others."""
    _need(x, level, n)
    deck = torch.arange(len(x)).repeat(n)[torch.randperm(n * len(x), generator=generator)].reshape(n, len(x))
    return _between(torch.stack([torch.as_tensor(statistic(x[rows]), dtype=TWO) for rows in deck]), level)


@replaces("bootstrap_interval")
def table_as_the_first_resample(x, statistic, level, n, generator):
    """The table itself stood in for the first resample, and n - 1 were drawn. All n are drawn."""
    _need(x, level, n)
    results = [torch.as_tensor(statistic(x), dtype=TWO)]
    for _ in range(n - 1):
        results.append(torch.as_tensor(statistic(x[torch.randint(len(x), (len(x),), generator=generator)]), dtype=TWO))
    return _between(torch.stack(results), level)


@replaces("bootstrap_interval")
def every_second_mirrored(x, statistic, level, n, generator):
    """Every second resample was made from the one before, with the table turned upside down. That saves draws, and ties results to each other; each resample is drawn by itself."""
    _need(x, level, n)
    results, rows = [], None
    for number in range(n):
        rows = len(x) - 1 - rows if number % 2 else torch.randint(len(x), (len(x),), generator=generator)
        results.append(torch.as_tensor(statistic(x[rows]), dtype=TWO))
    return _between(torch.stack(results), level)
