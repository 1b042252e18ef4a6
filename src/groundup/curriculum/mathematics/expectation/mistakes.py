"""Wrong expected values and moments, each named for what its author believed. The docstring is the hint that a learner reads."""

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import expectation as _expectation
from groundup.stack.numerics import moment as _moment


def _fits(values, p):
    if values.shape[-1] != p.shape[-1]:
        raise ValueError(f"got shapes {tuple(values.shape)} and {tuple(p.shape)}")


def _possible(values, p):
    """Real values, 0 where the outcome is impossible; both tensors in their common shape."""
    _fits(values, p)
    return torch.where(p == 0, 0.0, values.to(p.dtype)), p


def _order(k):
    if k < 0 or k != int(k):
        raise ValueError(k)
    return int(k)


def _mean(values, p):
    return (values * p).sum(-1, keepdim=True)


# ── expectation ──


@replaces("expectation")
def probabilities_ignored(values, probabilities):
    """The plain mean of the list of values was taken, as if all outcomes were equally probable. Each value counts as often as its outcome comes, which is what the probabilities say."""
    x, p = _possible(values, probabilities)
    possible = (p > 0).to(p.dtype).expand(x.shape)
    return (x * possible).sum(-1) / possible.sum(-1)


@replaces("expectation")
def divided_by_the_number_of_outcomes(values, probabilities):
    """The products with the probabilities were averaged, so the result is too small by as many times as there are outcomes. The probabilities are the shares already, and nothing is left to divide."""
    x, p = _possible(values, probabilities)
    return (x * p).mean(-1)


@replaces("expectation")
def most_probable_value(values, probabilities):
    """This is the value of the most probable outcome (the mode). The expected value is a mean over all outcomes, and may be a number that never comes at all."""
    x, p = _possible(values, probabilities)
    x, p = torch.broadcast_tensors(x, p)
    return torch.gather(x, -1, p.argmax(-1, keepdim=True)).squeeze(-1)


@replaces("expectation")
def middle_value(values, probabilities):
    """This is the median: the value at which half of the probability lies on either side. A rare, huge value moves the expected value and leaves the median where it is."""
    x, p = _possible(values, probabilities)
    x, p = torch.broadcast_tensors(x, p)
    x, order = x.sort(dim=-1)
    below = torch.gather(p, -1, order).cumsum(-1) < 0.5
    at = below.sum(-1, keepdim=True).clamp(max=x.shape[-1] - 1)
    return torch.gather(x, -1, at).squeeze(-1)


@replaces("expectation")
def products_not_summed(values, probabilities):
    """The products of value and probability were returned one by one. What is expected is one number for each variable: their sum."""
    x, p = _possible(values, probabilities)
    return x * p


@replaces("expectation")
def whole_batch_summed(values, probabilities):
    """Everything was added up, the batch included. Only the last dimension holds outcomes; each variable of a batch has an expected value of its own."""
    x, p = _possible(values, probabilities)
    return (x * p).sum()


@replaces("expectation")
def summed_over_the_batch(values, probabilities):
    """The sum went over the first dimension. The outcomes are along the last one; what comes before is a batch."""
    x, p = _possible(values, probabilities)
    return (x * p).sum(0)


@replaces("expectation")
def not_a_number_beside_the_impossible(values, probabilities):
    """An infinite value of an outcome that cannot happen was multiplied by its probability: infinity times 0 is NaN, and NaN swallows the sum. What cannot happen has to be taken out before the product."""
    _fits(values, probabilities)
    return (values.to(probabilities.dtype) * probabilities).sum(-1)


@replaces("expectation")
def not_a_number_in_gradients(values, probabilities):
    """The value is right: the NaN of infinity times 0 was replaced after the product. The gradient goes back through the product all the same, and meets the infinity there. Replace the value before you multiply."""
    _fits(values, probabilities)
    terms = values.to(probabilities.dtype) * probabilities
    return torch.where(terms.isnan(), 0.0, terms).sum(-1)


@replaces("expectation")
def small_probabilities_dropped(values, probabilities):
    """Outcomes of a tiny probability were treated as impossible. A tiny probability times a huge value is not small, and rare disasters and jackpots are just that. Only exactly 0 means impossible."""
    x, p = _possible(values, probabilities)
    return (x * torch.where(p < 1e-12, 0.0, p)).sum(-1)


@replaces("expectation")
def holes_of_one_for_all(values, probabilities):
    """What is impossible for one variable of a batch was left out for all of them. Each has its own impossible outcomes."""
    _fits(values, probabilities)
    x, p = torch.broadcast_tensors(values.to(probabilities.dtype), probabilities)
    possible = (p.reshape(-1, p.shape[-1]) > 0).all(0)
    return (x[..., possible] * p[..., possible]).sum(-1)


@replaces("expectation")
def probabilities_made_whole(values, probabilities):
    """Where the values are whole numbers, the result became a whole number, too. A die shows 3.5 on average."""
    result = _expectation(values, probabilities)
    return result if values.is_floating_point() else result.trunc()


@replaces("expectation")
def single_outcome_stretched(values, probabilities):
    """The numbers of outcomes were not compared. PyTorch refuses most mismatches by itself, but a single value or a single probability it stretches over all the others without a word."""
    return (torch.where(probabilities == 0, 0.0, values.to(probabilities.dtype)) * probabilities).sum(-1)


@replaces("expectation")
def matrix_product_taken(values, probabilities):
    """A matrix product was taken. It pairs every row of values with every distribution, while a batch pairs them one by one."""
    x, p = _possible(values, probabilities)
    if p.dim() > 1:
        p = p.mT
    return x @ p


@replaces("expectation")
def expected_in_float32(values, probabilities):
    """Values or probabilities went through float32 on the way. Float64 comes back as float64, with all its digits."""
    return _expectation(values.float(), probabilities.float())


@replaces("expectation")
def detached(values, probabilities):
    """The value is right, but it was cut off from the inputs (by detach, numpy, item or a new tensor), so no gradient reaches them, and nothing can be learned through it."""
    return _expectation(values, probabilities).detach()


@replaces("expectation")
def softmax_of_the_probabilities(values, probabilities):
    """The probabilities went through a softmax. They are a distribution already; a softmax makes one out of scores, and levels what is one."""
    x, p = _possible(values, probabilities)
    return (x * torch.softmax(p, -1)).sum(-1)


# ── moment ──


@replaces("moment")
def power_of_the_mean(values, probabilities, k, central=False):
    """The mean was raised to the k-th power. The moment is the mean of the powers: first the power of each value, then the mean. The two agree only where there is no spread at all."""
    k = _order(k)
    x, p = _possible(values, probabilities)
    return ((x - _mean(x, p)) * p).sum(-1) ** k if central else _mean(x, p).squeeze(-1) ** k


@replaces("moment")
def never_centered(values, probabilities, k, central=False):
    """central was ignored: the powers are those of the values, where those of their distances from the mean were asked for."""
    return _moment(values, probabilities, k)


@replaces("moment")
def always_centered(values, probabilities, k, central=False):
    """The mean is subtracted always. Without central=True the powers of the values themselves are wanted; the first moment is the mean, and not 0."""
    return _moment(values, probabilities, k, central=True)


@replaces("moment")
def centered_on_the_plain_mean(values, probabilities, k, central=False):
    """The values were centered on the plain mean of the list, which knows of no probabilities. The center is the expected value."""
    k = _order(k)
    x, p = _possible(values, probabilities)
    possible = (p > 0).to(p.dtype).expand(x.shape)
    plain = (x * possible).sum(-1, keepdim=True) / possible.sum(-1, keepdim=True)
    return (((x - plain) if central else x) ** k * p).sum(-1)


@replaces("moment")
def centered_on_the_whole_batch(values, probabilities, k, central=False):
    """One mean was subtracted from the whole batch. Each variable has a mean of its own."""
    k = _order(k)
    x, p = _possible(values, probabilities)
    x, p = torch.broadcast_tensors(x, p)
    return (((x - (x * p).sum(-1).mean()) if central else x) ** k * p).sum(-1)


@replaces("moment")
def squares_subtracted(values, probabilities, k, central=False):
    """On paper the variance is the mean of the squares minus the square of the mean. In a computer both are huge where the mean is large, equal in all the digits there are, and their difference is rounding. Subtract the mean first, then square."""
    k = _order(k)
    x, p = _possible(values, probabilities)
    if not central:
        return (x**k * p).sum(-1)
    from math import comb

    mean = (x * p).sum(-1)
    return sum(comb(k, i) * (x**i * p).sum(-1) * (-mean) ** (k - i) for i in range(k + 1))


@replaces("moment")
def absolute_powers(values, probabilities, k, central=False):
    """The signs were dropped before the power. An odd moment tells the left side from the right, and it can only do so with signs."""
    k = _order(k)
    x, p = _possible(values, probabilities)
    return ((x - _mean(x, p) if central else x).abs() ** k * p).sum(-1)


@replaces("moment")
def standardized(values, probabilities, k, central=False):
    """The central moment was divided by a power of the standard deviation. That is the standardized moment (the third is called skewness, the fourth kurtosis); here the plain one is wanted."""
    result = _moment(values, probabilities, k, central)
    spread = _moment(values, probabilities, 2, True).clamp(min=torch.finfo(result.dtype).tiny).sqrt()
    return result / spread**k if central else result


@replaces("moment")
def root_taken(values, probabilities, k, central=False):
    """A root was taken at the end, as for the standard deviation or a norm. A moment is the mean of the powers and stays in the unit of the powers."""
    result = _moment(values, probabilities, k, central)
    if k < 1:
        return result
    return result.sign() * result.abs().clamp(min=1e-12) ** (1 / k)


@replaces("moment")
def corrected_as_for_a_sample(values, probabilities, k, central=False):
    """The central moment was scaled by n / (n - 1). That correction belongs to samples, whose mean is only an estimate. Here the whole distribution is known, and n is not even a number of observations."""
    n = values.shape[-1]
    result = _moment(values, probabilities, k, central)
    return result * n / (n - 1) if central and k == 2 and n > 1 else result


@replaces("moment")
def powers_of_the_products(values, probabilities, k, central=False):
    """Value times probability was raised to the power, so the probabilities were, too. Only the value is; the probability says how much its power counts."""
    k = _order(k)
    x, p = _possible(values, probabilities)
    return (((x - _mean(x, p) if central else x) * p) ** k).sum(-1)


@replaces("moment")
def powers_of_whole_numbers(values, probabilities, k, central=False):
    """Whole numbers were raised to the power as whole numbers. The fourth power of a million leaves int64 and comes back as something else: turn the values into the dtype of the probabilities first."""
    k = _order(k)
    if values.dtype != torch.int64 or central:
        return _moment(values, probabilities, k, central)
    _fits(values, probabilities)
    powers = torch.where(probabilities == 0, torch.zeros((), dtype=torch.int64), values) ** k
    return (powers.to(probabilities.dtype) * probabilities).sum(-1)


@replaces("moment")
def improbable_values_dropped(values, probabilities, k, central=False):
    """Outcomes of a tiny probability were treated as impossible. Powers make the rare and far values count for more, and not for less."""
    return _moment(values, torch.where(probabilities < 1e-12, 0.0, probabilities), k, central)


@replaces("moment")
def multiplied_by_the_order(values, probabilities, k, central=False):
    """The values were multiplied by k, or added up k times, in place of being multiplied by themselves k times."""
    _order(k)
    x, p = _possible(values, probabilities)
    return ((x - _mean(x, p) if central else x) * k * p).sum(-1)


@replaces("moment")
def at_least_the_first(values, probabilities, k, central=False):
    """For k = 0 something other than 1 came back. Every number to the power of 0 is 1, 0 included, and the mean of nothing but ones is 1."""
    k = _order(k)
    if k == 0:
        return _moment(values, probabilities, 1, central)
    return _moment(values, probabilities, k, central)


@replaces("moment")
def orders_not_checked(values, probabilities, k, central=False):
    """An order that is negative or not whole went through: a negative power divides by the values, and a broken power of a negative number does not exist. Refuse both with a ValueError."""
    x, p = _possible(values, probabilities)
    return ((x - _mean(x, p) if central else x) ** k * p).sum(-1)


@replaces("moment")
def broken_orders_cut_off(values, probabilities, k, central=False):
    """A broken k such as 2.5 was cut down to a whole number without a word. Whoever asked for it does not get what they think; refuse it."""
    return _moment(values, probabilities, int(k), central)


@replaces("moment")
def impossible_values_powered(values, probabilities, k, central=False):
    """An infinite value that cannot happen took part: times its probability of 0 it is NaN, in the mean or in the powers. Take it out before anything is computed from it."""
    k = _order(k)
    _fits(values, probabilities)
    x = values.to(probabilities.dtype)
    return ((x - _mean(x, probabilities) if central else x) ** k * probabilities).sum(-1)


@replaces("moment")
def impossible_values_hidden_late(values, probabilities, k, central=False):
    """The values are right, but the impossible infinity was hidden only after the power was taken. The backward pass still goes through that power, and 0 times infinity is NaN there. Replace the value before."""
    k = _order(k)
    x, p = _possible(values, probabilities)
    raw = values.to(p.dtype) - _mean(x, p) if central else values.to(p.dtype)
    powers = raw**k
    return (torch.where(p == 0, 0.0, powers) * p).sum(-1)


@replaces("moment")
def center_held_fixed(values, probabilities, k, central=False):
    """The numbers are right, but the mean was cut off from the inputs before it was subtracted. When a value moves the mean moves with it, and the gradient has to know."""
    k = _order(k)
    x, p = _possible(values, probabilities)
    for _ in range(2 if central else 0):
        x = x - _mean(x, p).detach()
    return (x**k * p).sum(-1)


@replaces("moment")
def centered_in_place(values, probabilities, k, central=False):
    """The result is right, but the values that were passed in are no longer what they were: the mean was subtracted in place (as -= does). Work on a new tensor."""
    result = _moment(values, probabilities, k, central)
    mean = _expectation(values, probabilities).unsqueeze(-1)
    if central and values.is_floating_point() and not values.requires_grad and mean.dim() <= values.dim():
        values.sub_(mean.expand(*values.shape[:-1], 1) if mean.numel() == 1 else mean) if values.dim() == 1 else None
    return result


@replaces("moment")
def orders_beyond_two_left_out(values, probabilities, k, central=False):
    """Right for the mean and the variance; every higher order was answered with the second. k may be any whole number."""
    return _moment(values, probabilities, min(_order(k), 2), central)


@replaces("moment")
def outcomes_not_compared(values, probabilities, k, central=False):
    """The numbers of outcomes were not compared, and PyTorch stretched a single value or a single probability over all the others."""
    k = _order(k)
    x = torch.where(probabilities == 0, 0.0, values.to(probabilities.dtype))
    for _ in range(2 if central else 0):
        x = x - (x * probabilities).sum(-1, keepdim=True)
    return (x**k * probabilities).sum(-1)


@replaces("moment")
def moment_in_float32(values, probabilities, k, central=False):
    """The computation went through float32. Float64 comes back as float64, and powers need its digits more than anything."""
    return _moment(values.float(), probabilities.float(), k, central)
