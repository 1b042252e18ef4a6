"""Wrong tests, each named for what its author believed. The docstring is the hint that a learner reads."""

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import holm_bonferroni as _holm
from groundup.stack.numerics import permutation_p_value as _p
from groundup.stack.numerics import t_statistic as _t


def _need(a, b):
    if a.shape[-1] < 2 or b.shape[-1] < 2:
        raise ValueError(f"got shapes {tuple(a.shape)} and {tuple(b.shape)}")


def _difference(a, b):
    return a.mean(-1) - b.mean(-1)


# ── t_statistic ──


@replaces("t_statistic")
def variances_pooled(a, b):
    """The two variances were pooled into one, as in Student's test, which assumes that both groups scatter alike. Where the small group is the one that scatters more, that promises far more certainty than there is. Welch keeps them apart."""
    _need(a, b)
    n, m = a.shape[-1], b.shape[-1]
    pooled = ((n - 1) * a.var(-1) + (m - 1) * b.var(-1)) / (n + m - 2)
    return _difference(a, b) / (pooled * (1 / n + 1 / m)).sqrt()


@replaces("t_statistic")
def variances_over_n(a, b):
    """The variances were taken with the divisor n (as NumPy does unless told otherwise). The means are estimated from the same samples, so it has to be n - 1."""
    _need(a, b)
    error = (a.var(-1, correction=0) / a.shape[-1] + b.var(-1, correction=0) / b.shape[-1]).sqrt()
    return _difference(a, b) / error


@replaces("t_statistic")
def spread_of_samples_not_of_means(a, b):
    """The difference was divided by the spread of single samples. That tells how large the effect is, but not how certain: a mean of many samples scatters less than one, and the numbers of samples have to enter."""
    _need(a, b)
    return _difference(a, b) / (a.var(-1) + b.var(-1)).sqrt()


@replaces("t_statistic")
def root_forgotten(a, b):
    """The difference was divided by the variance of the difference, without the root: a variance has the square of the unit."""
    _need(a, b)
    return _difference(a, b) / (a.var(-1) / a.shape[-1] + b.var(-1) / b.shape[-1])


@replaces("t_statistic")
def spreads_added(a, b):
    """The two standard errors were added. Variances of independent quantities add up, standard deviations do not."""
    _need(a, b)
    return _difference(a, b) / (a.std(-1) / a.shape[-1] ** 0.5 + b.std(-1) / b.shape[-1] ** 0.5)


@replaces("t_statistic")
def b_minus_a(a, b):
    """The sign is the wrong way round: the result is to be positive where the mean of a is larger."""
    return -_t(a, b)


@replaces("t_statistic")
def sign_lost(a, b):
    """The sign was lost. Which of the two is larger matters to whoever reads the result."""
    return _t(a, b).abs()


@replaces("t_statistic")
def numbers_exchanged(a, b):
    """The variance of each group was divided by the number of samples of the other."""
    _need(a, b)
    return _difference(a, b) / (a.var(-1) / b.shape[-1] + b.var(-1) / a.shape[-1]).sqrt()


@replaces("t_statistic")
def batch_thrown_together(a, b):
    """All samples of a batch were thrown together. Samples are along the last dimension only."""
    _need(a, b)
    return _t(a.flatten(), b.flatten())


@replaces("t_statistic")
def squares_subtracted(a, b):
    """The variances were computed as mean of squares minus square of the mean. For groups around a million both agree in nearly all digits, and the difference is rounding."""
    _need(a, b)
    va, vb = ((x.square().mean(-1) - x.mean(-1).square()) * x.shape[-1] / (x.shape[-1] - 1) for x in (a, b))
    return _difference(a, b) / (va / a.shape[-1] + vb / b.shape[-1]).clamp(min=0).sqrt()


@replaces("t_statistic")
def small_number_in_the_error(a, b):
    """A small number was added to the standard error to keep 0 away. Where nothing varies a difference is certain, and infinity says so; no difference at all is NaN."""
    _need(a, b)
    return _difference(a, b) / ((a.var(-1) / a.shape[-1] + b.var(-1) / b.shape[-1]).sqrt() + 1e-6)


@replaces("t_statistic")
def too_few_accepted(a, b):
    """With one sample in a group there is no variance, and NaN came out, or 0 was taken for it. Refuse it with a ValueError."""
    return (
        _difference(a, b)
        / (
            a.var(-1, correction=min(1, a.shape[-1] - 1)) / a.shape[-1]
            + b.var(-1, correction=min(1, b.shape[-1] - 1)) / b.shape[-1]
        ).sqrt()
    )


@replaces("t_statistic")
def t_in_float32(a, b):
    """The samples went through float32. Float64 comes back as float64, with all its digits."""
    return _t(a.float(), b.float())


@replaces("t_statistic")
def paired_where_numbers_are_equal(a, b):
    """Where both groups have equally many samples they were taken for pairs, and the differences were tested. Equal numbers are no pairs: only whoever collected the samples knows whether the first of the one belongs to the first of the other."""
    _need(a, b)
    if a.shape[-1] != b.shape[-1]:
        return _t(a, b)
    d = a - b
    return d.mean(-1) / (d.var(-1) / d.shape[-1]).sqrt()


# ── permutation_p_value ──


def _divided(a, b, n, generator):
    """Differences of means: the actual one, and those of n random divisions."""
    pooled = torch.cat([a, b]).double()
    order = torch.rand(n, len(pooled), generator=generator).argsort(-1)
    groups = pooled[order]
    return (
        _difference(a.double(), b.double()),
        _difference(groups[:, : len(a)], groups[:, len(a) :]),
        pooled.abs().max() * 1e-10,
    )


@replaces("permutation_p_value")
def zero_possible(a, b, n, generator):
    """The share k / n was returned, which may be 0. No finite number of tries shows that something is impossible; the actual division is one of those that chance could have made, and counts above and below."""
    return (_p(a, b, n, generator) * (n + 1) - 1) / n


@replaces("permutation_p_value")
def one_added_above_only(a, b, n, generator):
    """The actual division was counted among the extreme ones, but not among all. Then p may be larger than 1. It is one division more in both places."""
    return _p(a, b, n, generator) * (n + 1) / n


@replaces("permutation_p_value")
def one_sided(a, b, n, generator):
    """Only differences in the same direction were counted. The question is whether the groups differ, either way, so the size counts without its sign."""
    actual, found, tie = _divided(a, b, n, generator)
    found = found if actual >= 0 else -found
    return (int((found >= actual.abs() - tie).sum()) + 1) / (n + 1)


@replaces("permutation_p_value")
def larger_a_only(a, b, n, generator):
    """Only divisions in which the first mean is larger were counted, whatever the actual difference is. Where a is the smaller group, nearly all of them count then."""
    actual, found, tie = _divided(a, b, n, generator)
    return (int((found >= actual - tie).sum()) + 1) / (n + 1)


@replaces("permutation_p_value")
def ties_left_out(a, b, n, generator):
    """Only divisions that were more extreme than the actual one were counted. "At least as extreme" includes those that are equal."""
    actual, found, tie = _divided(a, b, n, generator)
    return (int((found.abs() > actual.abs() + tie).sum()) + 1) / (n + 1)


@replaces("permutation_p_value")
def ties_decided_by_rounding(a, b, n, generator):
    """Divisions that are equally extreme on paper were compared to the last digit. The sum of the same numbers in another order is rounded differently, and half of the ties are lost. Allow for a small share of the size."""
    pooled = torch.cat([a, b]).double()
    actual, k = abs(float(sum(a.tolist()) / len(a) - sum(b.tolist()) / len(b))), 0
    for order in torch.rand(n, len(pooled), generator=generator).argsort(-1):
        one = pooled[order].tolist()
        k += abs(sum(one[: len(a)]) / len(a) - sum(one[len(a) :]) / len(b)) >= actual
    return (k + 1) / (n + 1)


@replaces("permutation_p_value")
def nearly_as_extreme_counted(a, b, n, generator):
    """Divisions that are a little less extreme than the actual one were counted as well: the allowance for ties is larger than rounding explains. It has to be so small that no true difference hides in it."""
    actual, found, tie = _divided(a, b, n, generator)
    return (int((found.abs() >= actual.abs() * 0.999 - tie).sum()) + 1) / (n + 1)


@replaces("permutation_p_value")
def the_ordinary_ones_counted(a, b, n, generator):
    """The divisions that are less extreme than the actual one were counted. A p-value is the share of those that are at least as extreme: small where the difference is remarkable."""
    actual, found, tie = _divided(a, b, n, generator)
    return (int((found.abs() < actual.abs() - tie).sum()) + 1) / (n + 1)


@replaces("permutation_p_value")
def drawn_with_replacement(a, b, n, generator):
    """Samples were drawn with replacement from the pool, so that some came twice and others not at all. That is the bootstrap, which answers another question; here the same samples get other labels."""
    pooled = torch.cat([a, b]).double()
    pooled = pooled - pooled.mean()
    pick = torch.randint(len(pooled), (n, len(pooled)), generator=generator)
    found = _difference(pooled[pick][:, : len(a)], pooled[pick][:, len(a) :])
    return (int((found.abs() >= _difference(pooled[: len(a)], pooled[len(a) :]).abs() - 1e-12).sum()) + 1) / (n + 1)


@replaces("permutation_p_value")
def groups_of_equal_size(a, b, n, generator):
    """The pool was divided in half. The groups keep their sizes: a small group scatters more, and that is part of what chance would do."""
    pooled = torch.cat([a, b]).double()
    groups = pooled[torch.rand(n, len(pooled), generator=generator).argsort(-1)]
    half = max(len(pooled) // 2, 1)
    found = _difference(groups[:, :half], groups[:, half:])
    actual = _difference(a.double(), b.double()).abs() - pooled.abs().max() * 1e-10
    return (int((found.abs() >= actual).sum()) + 1) / (n + 1)


@replaces("permutation_p_value")
def t_compared(a, b, n, generator):
    """Divisions were ranked by another statistic (t, the median, the sum of the first group …) than the difference of the means."""
    pooled = torch.cat([a, b]).double()
    groups = pooled[torch.rand(n, len(pooled), generator=generator).argsort(-1)]
    found = groups[:, : len(a)].median(-1).values - groups[:, len(a) :].median(-1).values
    actual = a.double().median() - b.double().median()
    return (int((found.abs() >= actual.abs() - 1e-12).sum()) + 1) / (n + 1)


@replaces("permutation_p_value")
def p_by_global_chance(a, b, n, generator):
    """The divisions came from PyTorch's global random state, because the generator was not handed on. Nobody can repeat the test then."""
    own = torch.Generator().manual_seed(int(torch.randint(2**40, ())))
    return _p(a, b, n, own)


@replaces("permutation_p_value")
def the_same_divisions_again(a, b, n, generator):
    """The generator that was handed over did not move on: it was copied or seeded anew, so that every call tries the same divisions."""
    copy = torch.Generator()
    copy.set_state(generator.get_state())
    return _p(a, b, n, copy)


# ── holm_bonferroni ──


@replaces("holm_bonferroni")
def each_by_itself(p_values, alpha=0.05):
    """Each p-value was compared with alpha by itself. Of twenty true hypotheses one is rejected that way on average; that is what the correction is for."""
    return p_values <= alpha


@replaces("holm_bonferroni")
def bonferroni_only(p_values, alpha=0.05):
    """All were compared with alpha over their number. That is Bonferroni's rule, which is safe but misses some: once a hypothesis is rejected, fewer are left, and the next bound may be wider."""
    return p_values <= alpha / max(len(p_values), 1)


@replaces("holm_bonferroni")
def gone_on_after_the_first_failure(p_values, alpha=0.05):
    """Each was compared with the bound of its own place, also after one had failed. The first that is too large ends it: what is larger is not rejected, even if its own bound is wide enough."""
    ordered, order = p_values.sort()
    passed = ordered <= alpha / torch.arange(len(p_values), 0, -1, dtype=p_values.dtype)
    return torch.zeros_like(passed).scatter(0, order, passed)


@replaces("holm_bonferroni")
def from_the_largest_down(p_values, alpha=0.05):
    """It went from the largest down, and the first that passes takes all smaller ones with it. That is Hochberg's procedure, which rejects more and needs an assumption on how the tests depend on each other."""
    ordered, order = p_values.sort()
    passed = ordered <= alpha / torch.arange(len(p_values), 0, -1, dtype=p_values.dtype)
    passed = passed.flip(0).cummax(0).values.flip(0) if len(p_values) else passed
    return torch.zeros_like(passed).scatter(0, order, passed)


@replaces("holm_bonferroni")
def false_discoveries_controlled(p_values, alpha=0.05):
    """The bounds grow as place times alpha over the number, as in Benjamini and Hochberg's procedure. That limits the share of false ones among the rejected, a weaker promise than that there is none."""
    ordered, order = p_values.sort()
    m = len(p_values)
    passed = ordered <= alpha * torch.arange(1, m + 1, dtype=p_values.dtype) / max(m, 1)
    passed = passed.flip(0).cummax(0).values.flip(0) if m else passed
    return torch.zeros_like(passed).scatter(0, order, passed)


@replaces("holm_bonferroni")
def bounds_for_independent_tests(p_values, alpha=0.05):
    """The bounds are those of Šidák, which are a little wider. They keep the promise for independent tests; Holm's keep it however the tests depend on each other."""
    ordered, order = p_values.sort()
    left = torch.arange(len(p_values), 0, -1, dtype=p_values.dtype)
    passed = (ordered <= 1 - (1 - alpha) ** (1 / left)).cumprod(0).bool()
    return torch.zeros_like(passed).scatter(0, order, passed)


@replaces("holm_bonferroni")
def equal_ones_counted_once(p_values, alpha=0.05):
    """Equal p-values were counted as one hypothesis. Each hypothesis counts, also where two have the same p-value."""
    different = p_values.unique()
    kept = different[_holm(different, alpha)]
    return (p_values.unsqueeze(-1) == kept).any(-1)


@replaces("holm_bonferroni")
def left_in_sorted_order(p_values, alpha=0.05):
    """The answers are in the order of size. They belong back to the hypotheses in the order in which these came."""
    return _holm(p_values.sort().values, alpha)


@replaces("holm_bonferroni")
def sorted_back_wrongly(p_values, alpha=0.05):
    """The order was applied again in place of being undone. The places that sorting returns say where each came from; to bring the answers back they have to be written there, not read from there."""
    ordered, order = p_values.sort()
    return _holm(ordered, alpha)[order]


@replaces("holm_bonferroni")
def strictly_smaller(p_values, alpha=0.05):
    """Equal to the bound was taken as too large. At most is enough."""
    return _holm(p_values * (1 + 1e-6), alpha)


@replaces("holm_bonferroni")
def one_place_too_generous(p_values, alpha=0.05):
    """The bounds start at alpha over one less than the number: the count of those that are left is off by one. The smallest is compared while all of them are left."""
    ordered, order = p_values.sort()
    left = torch.arange(len(p_values) - 1, -1, -1, dtype=p_values.dtype).clamp(min=1)
    passed = (ordered <= alpha / left).cumprod(0).bool()
    return torch.zeros_like(passed).scatter(0, order, passed)


@replaces("holm_bonferroni")
def alpha_ignored(p_values, alpha=0.05):
    """The bound was always 0.05. It is an argument."""
    return _holm(p_values)


@replaces("holm_bonferroni")
def kept_for_rejected(p_values, alpha=0.05):
    """True and False are exchanged: True is to mean rejected."""
    return ~_holm(p_values, alpha)


@replaces("holm_bonferroni")
def adjusted_values_returned(p_values, alpha=0.05):
    """The corrected p-values were returned. What is asked for is the decision: True or False for each."""
    ordered, order = p_values.sort()
    adjusted = (
        (ordered * torch.arange(len(p_values), 0, -1)).cummax(0).values.clamp(max=1) if len(p_values) else ordered
    )
    return torch.zeros_like(p_values).scatter(0, order, adjusted)
