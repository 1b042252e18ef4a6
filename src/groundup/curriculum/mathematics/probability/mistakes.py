"""Wrong rules of probability, each named for what its author believed. The docstring is the hint that a learner reads."""

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import probability as right


def _real(table):
    return table if table.is_floating_point() else table.to(torch.get_default_dtype())


def _axis(joint, axis):
    """The axis from the front; IndexError where there is none."""
    return range(joint.dim())[axis]


def _others(joint, axis):
    return [other for other in range(joint.dim()) if other != _axis(joint, axis)]


def _sum(table, axes):
    for axis in axes:
        table = table.sum(dim=axis, keepdim=True)
    return table


def _over(table, divisor):
    return table / torch.where(divisor == 0, 1.0, divisor)


def _fits(prior, likelihood):
    if prior.shape[-1] != likelihood.shape[-2]:
        raise ValueError(f"got shapes {tuple(prior.shape)} and {tuple(likelihood.shape)}")


def _seen(likelihood, observed):
    """(..., h, m): the probability of each thing that was observed."""
    return likelihood[..., torch.as_tensor(observed).reshape(-1)]


def _posterior(weight, possible):
    """From logarithms, 0 where not possible."""
    weight = weight.masked_fill(~possible, torch.finfo(weight.dtype).min)
    return torch.softmax(weight, dim=-1).masked_fill(~possible, 0.0)


def _log(p):
    return torch.where(p == 0, 1.0, p).log()


# ── conditional ──


@replaces("conditional")
def condition_turned_round(joint, given_axis):
    """This is the wrong conditional: the entries add up to 1 along the given axis, so they say how probable the given variable is once the others are known. What is given stays fixed; the others share the certainty."""
    joint = _real(joint)
    return _over(joint, _sum(joint, [_axis(joint, given_axis)]))


@replaces("conditional")
def divided_by_the_total(joint, given_axis):
    """The whole table was divided by its total. That makes a joint distribution of it, or leaves it one; to condition is to look at one value of the given variable at a time, and let what is left there add up to 1."""
    joint = _real(joint)
    _axis(joint, given_axis)
    return _over(joint, joint.sum())


@replaces("conditional")
def marginal_returned(joint, given_axis):
    """This is the marginal: how probable each value of the given variable is. It is what a conditional is divided by, not the conditional."""
    joint = _real(joint)
    return _sum(joint, _others(joint, given_axis)).expand(joint.shape) / joint.sum()


@replaces("conditional")
def one_other_axis_only(joint, given_axis):
    """With two variables this is right. With three, only one of the others was summed, so what is given here is one variable more than was asked for: all the others together share the certainty."""
    joint = _real(joint)
    return _over(joint, _sum(joint, _others(joint, given_axis)[-1:]))


@replaces("conditional")
def negative_axis_not_counted(joint, given_axis):
    """Right for axes counted from the front. A negative axis was compared with numbers that start at 0 and met none of them, so the given variable was summed as well."""
    joint = _real(joint)
    _axis(joint, given_axis)
    return _over(joint, _sum(joint, [axis for axis in range(joint.dim()) if axis != given_axis]))


@replaces("conditional")
def not_a_number_given_the_impossible(joint, given_axis):
    """Right but for what has probability 0: there 0 was divided by 0, which is NaN, and NaN spreads to everything that is computed from it. Give zeros."""
    joint = _real(joint)
    return joint / _sum(joint, _others(joint, given_axis))


@replaces("conditional")
def uniform_given_the_impossible(joint, given_axis):
    """Given what has probability 0, every value got the same share. That claims a knowledge that nobody has; here the answer is zeros."""
    joint = _real(joint)
    total = _sum(joint, _others(joint, given_axis))
    return torch.where(total == 0, total.numel() / joint.numel(), _over(joint, total))


@replaces("conditional")
def small_number_added(joint, given_axis):
    """A small number was added to the divisor to keep 0/0 away. It is not small beside rare events: their conditional distributions no longer add up to 1. Only a divisor of exactly 0 needs another number in its place."""
    joint = _real(joint)
    return joint / (_sum(joint, _others(joint, given_axis)) + 1e-8)


@replaces("conditional")
def softmax_of_the_table(joint, given_axis):
    """A softmax was taken. It also makes numbers that add up to 1, but out of scores, by their exponentials. Probabilities and counts keep their proportions."""
    joint = _real(joint)
    others = _others(joint, given_axis)
    return joint.exp() / _sum(joint.exp(), others)


@replaces("conditional")
def not_a_number_in_gradients(joint, given_axis):
    """The values are right, but the NaN of 0/0 was only hidden after it had arisen. The gradient goes through the same division and meets it again: change the divisor before you divide."""
    joint = _real(joint)
    total = _sum(joint, _others(joint, given_axis))
    return torch.where(total == 0, 0.0, joint / total)


@replaces("conditional")
def divided_in_place(joint, given_axis):
    """The result is right, but the table that was passed in was divided in place (as /= does), and whoever passed it in no longer has the joint distribution."""
    if not joint.is_floating_point():
        return right.conditional(joint, given_axis)
    total = _sum(joint, _others(joint, given_axis))
    joint /= torch.where(total == 0, 1.0, total)
    return joint


@replaces("conditional")
def computed_in_float32(joint, given_axis):
    """The table went through float32 on the way. In float64 that loses half of the digits."""
    wanted = joint.dtype if joint.is_floating_point() else torch.get_default_dtype()
    return right.conditional(joint.float(), given_axis).to(wanted)


# ── total_probability ──


@replaces("total_probability")
def prior_ignored(prior, likelihood):
    """The rows were averaged as if all hypotheses were equally probable. Each row counts with the probability of its hypothesis."""
    _fits(prior, likelihood)
    return likelihood.mean(dim=-2).expand(*torch.broadcast_shapes(prior.shape[:-1], likelihood.shape[:-2]), -1)


@replaces("total_probability")
def joint_not_summed(prior, likelihood):
    """This is the joint distribution, hypothesis by outcome. The question is for the outcome alone, whichever hypothesis holds: the cases exclude each other, so their probabilities are added up."""
    _fits(prior, likelihood)
    return prior.unsqueeze(-1) * likelihood


@replaces("total_probability")
def summed_over_the_outcomes(prior, likelihood):
    """The outcomes were summed away and the hypotheses are left. What is wanted is one number for each outcome."""
    _fits(prior, likelihood)
    return (prior.unsqueeze(-1) * likelihood).sum(dim=-1)


@replaces("total_probability")
def best_hypothesis_only(prior, likelihood):
    """Only the hypothesis with the largest contribution was counted for each outcome. The others are possible, too, and add their share."""
    _fits(prior, likelihood)
    return (prior.unsqueeze(-1) * likelihood).amax(dim=-2)


@replaces("total_probability")
def batch_taken_for_a_matrix(prior, likelihood):
    """A matrix product was taken of the priors as they are. Where they are a batch, it reads the last batch dimension as the rows of a matrix and pairs every prior with every likelihood. Each prior is a row vector of its own."""
    _fits(prior, likelihood)
    return prior @ likelihood


@replaces("total_probability")
def hypotheses_not_compared(prior, likelihood):
    """The numbers of hypotheses were left to PyTorch. It refuses most mismatches by itself, but a single hypothesis it stretches to any number without a word. Compare them first, and say which shapes met."""
    return (prior.unsqueeze(-1) * likelihood).sum(dim=-2)


@replaces("total_probability")
def added_without_weights(prior, likelihood):
    """Prior and likelihood were added where they must be multiplied: "this hypothesis *and* this outcome" has the product of the two as its probability."""
    _fits(prior, likelihood)
    return (prior.unsqueeze(-1) + likelihood).sum(dim=-2)


@replaces("total_probability")
def made_to_add_up_to_one(prior, likelihood):
    """The result was scaled until it added up to 1. The law of total probability needs no such step: a proper prior and proper rows give a proper result, and scaling hides it where they are not."""
    _fits(prior, likelihood)
    total = right.total_probability(prior, likelihood)
    return _over(total, total.sum(dim=-1, keepdim=True))


@replaces("total_probability")
def total_in_float32(prior, likelihood):
    """Prior and likelihood went through float32 on the way, or the result did. Float64 comes back as float64, with all its digits."""
    return right.total_probability(prior.float(), likelihood.float())


# ── bayes ──


@replaces("bayes")
def not_normalized(prior, likelihood, observed):
    """These numbers are in the right proportions, but they are joint probabilities of hypothesis and evidence. Given the evidence, the hypotheses share all of the certainty: they must add up to 1."""
    _fits(prior, likelihood)
    return prior * _seen(likelihood, observed).prod(dim=-1)


@replaces("bayes")
def prior_left_out(prior, likelihood, observed):
    """The prior was left out: the likelihoods alone were made to add up to 1. How probable a hypothesis was before counts as much as the evidence; to forget it is the base-rate fallacy."""
    _fits(prior, likelihood)
    return right.bayes((prior > 0).to(prior.dtype), likelihood, observed)


@replaces("bayes")
def likelihood_taken_for_the_posterior(prior, likelihood, observed):
    """This is the probability of the evidence given each hypothesis. Asked for is the probability of each hypothesis given the evidence, and the two can be as far apart as 0.99 and 0.01."""
    _fits(prior, likelihood)
    return (_seen(likelihood, observed).prod(dim=-1) * torch.ones_like(prior)).contiguous()


@replaces("bayes")
def prior_counted_for_each_outcome(prior, likelihood, observed):
    """The prior was multiplied in anew with each outcome. It holds what was known before all of the evidence, and counts once."""
    _fits(prior, likelihood)
    seen = _seen(likelihood, observed)
    possible = (prior > 0) & (seen > 0).all(dim=-1)
    return _posterior(_log(prior) * max(seen.shape[-1], 1) + _log(seen).sum(dim=-1), possible)


@replaces("bayes")
def last_outcome_only(prior, likelihood, observed):
    """Only the last outcome counted: each update began again from the prior. The posterior of one is the prior of the next."""
    observed = torch.as_tensor(observed).reshape(-1)
    return right.bayes(prior, likelihood, observed[-1:])


@replaces("bayes")
def first_outcome_only(prior, likelihood, observed):
    """Only the first of several outcomes counted."""
    observed = torch.as_tensor(observed).reshape(-1)
    return right.bayes(prior, likelihood, observed[:1])


@replaces("bayes")
def repetitions_counted_once(prior, likelihood, observed):
    """An outcome that was seen again counted only once. Under each hypothesis it happened anew, and its probability is multiplied in each time."""
    return right.bayes(prior, likelihood, torch.as_tensor(observed).reshape(-1).unique())


@replaces("bayes")
def any_instead_of_all(prior, likelihood, observed):
    """The probabilities of the outcomes were added, as if any one of them had been seen. All of them were seen, independently of each other: their probabilities are multiplied."""
    _fits(prior, likelihood)
    seen = _seen(likelihood, observed)
    share = seen.sum(dim=-1) if seen.shape[-1] else torch.ones_like(seen.sum(dim=-1))
    possible = (prior > 0) & (share > 0)
    return _posterior(_log(prior) + _log(share), possible)


@replaces("bayes")
def mean_of_the_logarithms(prior, likelihood, observed):
    """The logarithms of the likelihoods were averaged, not added: however much evidence there is, it weighs as one outcome. Long evidence must be able to outweigh the prior."""
    _fits(prior, likelihood)
    seen = _seen(likelihood, observed)
    possible = (prior > 0) & (seen > 0).all(dim=-1)
    return _posterior(_log(prior) + _log(seen).sum(dim=-1) / max(seen.shape[-1], 1), possible)


@replaces("bayes")
def product_that_underflows(prior, likelihood, observed):
    """Right for a few outcomes. A product of many probabilities is rounded to 0 in any dtype, for all hypotheses alike, and then nothing is left to compare. Their logarithms stay of a moderate size."""
    _fits(prior, likelihood)
    joint = prior * _seen(likelihood, observed).prod(dim=-1)
    return _over(joint, joint.sum(dim=-1, keepdim=True))


@replaces("bayes")
def largest_of_the_whole_batch_subtracted(prior, likelihood, observed):
    """Before the exponentials the largest logarithm of the whole batch was subtracted. Where the evidence is far less likely for one element of the batch than for another, all its exponentials are 0 then. Each posterior needs the largest of its own hypotheses."""
    _fits(prior, likelihood)
    seen = _seen(likelihood, observed)
    impossible = (prior == 0) | (seen == 0).any(dim=-1)
    weight = torch.where(prior == 0, 1.0, prior).log() + torch.where(seen == 0, 1.0, seen).log().sum(dim=-1)
    top = weight.detach().masked_fill(impossible, torch.finfo(weight.dtype).min).amax()
    shares = torch.exp(weight - top).masked_fill(impossible, 0.0)
    return _over(shares, shares.sum(dim=-1, keepdim=True))


@replaces("bayes")
def updates_stuck_at_zero(prior, likelihood, observed):
    """The posterior was made to add up to 1 after each outcome. That keeps the leading hypothesis in range, but one that falls far behind is rounded to 0 on the way, and no later evidence can bring it back."""
    _fits(prior, likelihood)
    posterior = prior
    for outcome in torch.as_tensor(observed).reshape(-1).tolist():
        largest = posterior.amax(dim=-1, keepdim=True).detach()
        posterior = _over(posterior, largest) * likelihood[..., outcome]
        posterior = _over(posterior, posterior.sum(dim=-1, keepdim=True))
    return _over(posterior, posterior.sum(dim=-1, keepdim=True))


@replaces("bayes")
def zeros_made_possible(prior, likelihood, observed):
    """A small number was added before the logarithm, so an impossible hypothesis keeps a chance, and tiny probabilities are drowned in it. Whether to smooth zeros is for the one who makes the likelihood to decide; Bayes' rule takes them at their word."""
    _fits(prior, likelihood)
    weight = (prior + 1e-12).log() + (_seen(likelihood, observed) + 1e-12).log().sum(dim=-1)
    return torch.softmax(weight, dim=-1)


@replaces("bayes")
def not_a_number_where_nothing_is_possible(prior, likelihood, observed):
    """Right unless every hypothesis is impossible: a softmax of nothing but minus infinity, or 0/0, is NaN. Give zeros there."""
    posterior = right.bayes(prior, likelihood, observed)
    return torch.where(posterior.sum(dim=-1, keepdim=True) == 0, torch.nan, posterior)


@replaces("bayes")
def not_a_number_in_gradients_at_zero(prior, likelihood, observed):
    """The values are right, but the gradients are NaN where a probability is 0: the logarithm of 0 took place, and hiding its minus infinity afterwards does not help the backward pass, where 0 is divided by 0. Replace the zero before the logarithm."""
    _fits(prior, likelihood)
    seen = _seen(likelihood, observed)
    possible = (prior > 0) & (seen > 0).all(dim=-1)
    return _posterior(prior.log() + seen.log().sum(dim=-1), possible)


@replaces("bayes")
def most_probable_only(prior, likelihood, observed):
    """The most probable hypothesis got everything. The posterior is a distribution: how sure it is, is the answer."""
    posterior = right.bayes(prior, likelihood, observed)
    best = posterior == posterior.amax(dim=-1, keepdim=True)
    return (best & (posterior > 0)).to(posterior.dtype)


@replaces("bayes")
def one_hypothesis_stretched(prior, likelihood, observed):
    """The numbers of hypotheses were not compared. Where they differ PyTorch mostly complains by itself, but a single hypothesis it stretches over all the others without a word. Raise the ValueError first."""
    h = max(prior.shape[-1], likelihood.shape[-2])
    if prior.shape[-1] == 1 or likelihood.shape[-2] == 1:
        prior, likelihood = prior.expand(*prior.shape[:-1], h), likelihood.expand(*likelihood.shape[:-2], h, -1)
    elif prior.shape[-1] != likelihood.shape[-2]:
        raise RuntimeError("sizes do not match")
    return right.bayes(prior, likelihood, observed)


@replaces("bayes")
def prior_updated_in_place(prior, likelihood, observed):
    """The result is right, but the prior that was passed in now holds something else: it was multiplied in place (as *= does), without a copy. Whoever passed it in wanted to use it again."""
    posterior = right.bayes(prior, likelihood, observed)
    if prior.shape == posterior.shape:
        prior.copy_(posterior)
    return posterior


@replaces("bayes")
def rows_of_the_likelihood_picked(prior, likelihood, observed):
    """What was observed was looked up among the rows of the likelihood, which are hypotheses. The outcomes are its columns."""
    _fits(prior, likelihood)
    rows = likelihood[..., torch.as_tensor(observed).reshape(-1), :]
    seen = rows[..., : prior.shape[-1]].transpose(-2, -1)
    return _posterior(_log(prior) + _log(seen).sum(dim=-1), (prior > 0) & (seen > 0).all(dim=-1))


@replaces("bayes")
def posterior_in_float32(prior, likelihood, observed):
    """The result is float32 whatever came in. Float64 comes back as float64."""
    return right.bayes(prior.float(), likelihood.float(), observed)


@replaces("bayes")
def softmax_of_the_joint(prior, likelihood, observed):
    """A softmax was taken of probabilities. It takes exponentials, so what belongs into it are their logarithms; plain probabilities come out of it nearly equal."""
    _fits(prior, likelihood)
    return torch.softmax(prior * _seen(likelihood, observed).prod(dim=-1), dim=-1)
