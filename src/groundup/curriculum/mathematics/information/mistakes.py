"""Wrong measures of surprise, each named for what its author believed. The docstring is the hint that a learner reads."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import information as right


def _log(p):
    return torch.where(p == 0, 1.0, p).log()


def _fits(p, q):
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(f"got shapes {tuple(p.shape)} and {tuple(q.shape)}")


def _excluded(p, q):
    return ((p > 0) & (q == 0)).any(dim=-1)


def _wide(log_probabilities):
    """As float32 where it came in half precision, after the check for tokens."""
    if log_probabilities.numel() == 0:
        raise ValueError("no tokens")
    half = log_probabilities.dtype in (torch.float16, torch.bfloat16)
    return log_probabilities.float() if half else log_probabilities


# ── entropy ──


@replaces("entropy")
def bits_for_nats(p):
    """This is the entropy in bits: the logarithm has base 2. Natural logarithms were agreed; they are what PyTorch's losses use, too."""
    return right.entropy(p) / math.log(2)


@replaces("entropy")
def base_ten(p):
    """The logarithm has base 10. Natural logarithms were agreed."""
    return right.entropy(p) / math.log(10)


@replaces("entropy")
def minus_forgotten(p):
    """The sign is wrong. The logarithm of a probability is negative; surprise is minus that, and entropy is never below zero."""
    return -right.entropy(p)


@replaces("entropy")
def surprises_not_weighted(p):
    """The surprises were added as if each outcome came once. A surprise counts with the probability of its outcome: the rare ones are rare."""
    return -_log(p).sum(dim=-1)


@replaces("entropy")
def mean_of_the_terms(p):
    """The terms were averaged. They are weighted with probabilities already, which add up to 1; they must be added."""
    return right.entropy(p) / p.shape[-1]


@replaces("entropy")
def made_a_share_of_the_largest(p):
    """The entropy was divided by its largest possible value, log n. That is a useful share, but not the entropy."""
    return right.entropy(p) / max(math.log(p.shape[-1]), 1e-9)


@replaces("entropy")
def sum_of_squares(p):
    """This is one minus the sum of the squares, the Gini impurity. It also says how mixed p is, but it is no entropy: there is no logarithm in it."""
    return 1 - p.square().sum(dim=-1)


@replaces("entropy")
def largest_surprise(p):
    """This is the surprise at one outcome, the most or the least probable. Entropy is the mean over all of them, weighted with p."""
    return -p.amax(dim=-1).log()


@replaces("entropy")
def number_of_choices(p):
    """The exponential was taken: that turns an entropy into a number of equally likely outcomes, as a perplexity is. Asked for is the entropy itself."""
    return right.entropy(p).exp()


@replaces("entropy")
def terms_kept_apart(p):
    """These are the terms, one for each outcome. The entropy of a distribution is one number, their sum."""
    return p * -_log(p)


@replaces("entropy")
def whole_batch_in_one(p):
    """The terms of the whole batch were added up. Each distribution has an entropy of its own: only the last dimension is summed away."""
    return (p * -_log(p)).sum()


@replaces("entropy")
def first_dimension_summed(p):
    """The sum runs over the first dimension, across distributions. For a single one that is the same; in a batch the outcomes lie along the last."""
    return (p * -_log(p)).sum(dim=0)


@replaces("entropy")
def not_a_number_at_zero(p):
    """Where an outcome is impossible, 0 was multiplied by the logarithm of 0, which is minus infinity: that is NaN. Such an outcome contributes nothing."""
    return -(p * p.log()).sum(dim=-1)


@replaces("entropy")
def small_number_in_the_logarithm(p):
    """A small number was added in the logarithm to keep 0 away. It falsifies every term a little, in float64 visibly, and where one outcome is certain the entropy even comes out below zero. Only a 0 itself is special."""
    return -(p * (p + 1e-6).log()).sum(dim=-1)


@replaces("entropy")
def not_a_number_in_gradients(p):
    """The values are right, but the gradient is NaN where p is 0: the logarithm of 0 was taken and only hidden afterwards, and the way back leads through it all the same. Replace the 0 before the logarithm."""
    return -torch.where(p > 0, p * p.log(), 0.0).sum(dim=-1)


@replaces("entropy")
def entropy_in_float32(p):
    """The result is float32 whatever came in. It has the dtype of p."""
    return right.entropy(p.float())


@replaces("entropy")
def logarithm_taken_in_place(p):
    """The result is right, but the tensor that was passed in holds something else now: an operation in place, such as one with an underscore at its end, worked on the caller's own numbers."""
    result = right.entropy(p)
    if not p.requires_grad:
        p.masked_fill_(p == 0, 1.0)
    return result


# ── cross_entropy_of ──


@replaces("cross_entropy_of")
def arguments_exchanged(p, q):
    """p and q have changed places. p is what happens, so it gives the weights; q is what is believed, so the surprise comes from its logarithm."""
    return right.cross_entropy_of(q, p)


@replaces("cross_entropy_of")
def entropy_of_what_happens(p, q):
    """This is the entropy of p: the belief q plays no part in it. The surprise is that of somebody who believes q."""
    _fits(p, q)
    return (p * -_log(p) + 0 * q).sum(dim=-1)


@replaces("cross_entropy_of")
def entropy_of_what_is_believed(p, q):
    """This is the entropy of q: what happens plays no part in it. The surprises are to be weighted with p, the probabilities with which things happen."""
    _fits(p, q)
    return (q * -_log(q) + 0 * p).sum(dim=-1)


@replaces("cross_entropy_of")
def divergence_for_cross_entropy(p, q):
    """This is the divergence: the entropy of p has been subtracted. Cross-entropy is all of the surprise, the unavoidable part included."""
    return right.kl_divergence(p, q)


@replaces("cross_entropy_of")
def beliefs_taken_for_scores(p, q):
    """A softmax was taken of q, as PyTorch's loss does with the scores that a model gives. q holds probabilities already."""
    _fits(p, q)
    return -(p * torch.log_softmax(q, dim=-1)).sum(dim=-1)


@replaces("cross_entropy_of")
def cross_entropy_in_bits(p, q):
    """This is the cross-entropy in bits. Natural logarithms were agreed."""
    return right.cross_entropy_of(p, q) / math.log(2)


@replaces("cross_entropy_of")
def log_likelihood(p, q):
    """The sign is wrong: this is the mean logarithm, which is negative. Surprise is minus that; a loss is to be made small."""
    return -right.cross_entropy_of(p, q)


@replaces("cross_entropy_of")
def averaged_over_the_outcomes(p, q):
    """The terms were averaged over the outcomes. The weights p add up to 1 already; add the terms."""
    return right.cross_entropy_of(p, q) / p.shape[-1]


@replaces("cross_entropy_of")
def averaged_over_the_batch(p, q):
    """The mean over the batch was taken, as a loss does. Here each pair keeps its own number."""
    result = right.cross_entropy_of(p, q)
    return result.mean()


@replaces("cross_entropy_of")
def both_sides_of_each_outcome(p, q):
    """For each outcome, the surprise that it did *not* happen was added, as in the binary cross-entropy of independent yes-or-no questions. Of n outcomes exactly one happens, and only its surprise counts."""
    _fits(p, q)
    other = ((1 - p) * -_log(1 - q)).sum(dim=-1)
    return right.cross_entropy_of(p, q) + other


@replaces("cross_entropy_of")
def surprise_at_the_most_probable(p, q):
    """Only the surprise at the most probable outcome of p was taken. Where p is all on one outcome that is right; else all outcomes contribute, each with its probability."""
    _fits(p, q)
    p, q = torch.broadcast_tensors(p, q)
    return -q.gather(-1, p.argmax(dim=-1, keepdim=True)).squeeze(-1).log()


@replaces("cross_entropy_of")
def cross_not_a_number_at_zero(p, q):
    """Where p and q are both 0, 0 was multiplied by an infinite surprise: that is NaN. What does not happen contributes nothing, whatever was believed of it."""
    _fits(p, q)
    return -(p * q.log()).sum(dim=-1)


@replaces("cross_entropy_of")
def excluded_outcomes_passed_over(p, q):
    """Outcomes with q = 0 were left out, also those that happen. To have excluded what happens is an infinite surprise; 0 log 0 = 0 is about outcomes with p = 0."""
    _fits(p, q)
    return -(p * _log(q)).sum(dim=-1)


@replaces("cross_entropy_of")
def beliefs_kept_from_zero(p, q):
    """q was kept from becoming too small, by clamping or by adding a number. A belief of 1e-30 has a surprise of 69, and a belief of 0 an infinite one; whether to smooth is for the one who makes q to decide."""
    _fits(p, q)
    return -(p * q.clamp(min=1e-12).log()).sum(dim=-1)


@replaces("cross_entropy_of")
def cross_not_a_number_in_gradients(p, q):
    """The values are right, but gradients are NaN where both are 0: the logarithm of 0 took place and was only hidden afterwards. Replace the 0 before the logarithm."""
    _fits(p, q)
    return -torch.where(p > 0, p * q.log(), 0.0).sum(dim=-1)


@replaces("cross_entropy_of")
def one_outcome_stretched(p, q):
    """The numbers of outcomes were not compared. PyTorch refuses most mismatches by itself, but a single outcome it stretches to any number without a word. Compare first, and say which shapes met."""
    return (p * -_log(q)).sum(dim=-1).masked_fill(_excluded(p, q), math.inf)


@replaces("cross_entropy_of")
def cross_entropy_in_float32(p, q):
    """The result is float32 whatever came in. It has the dtype of p and q."""
    return right.cross_entropy_of(p.float(), q.float())


@replaces("cross_entropy_of")
def belief_cut_off(p, q):
    """The values are right, but no gradient reaches q: it was cut off from the graph. q is what a model learns."""
    return right.cross_entropy_of(p, q.detach())


# ── kl_divergence ──


@replaces("kl_divergence")
def divergence_backwards(p, q):
    """This is KL(q || p), the other way round. The weights are those of what happens, p, and the divergence is not symmetric."""
    return right.kl_divergence(q, p)


@replaces("kl_divergence")
def cross_entropy_for_divergence(p, q):
    """This is the cross-entropy: the surprise that even a perfect belief would meet, the entropy of p, has not been subtracted. Where p and q are equal a divergence is 0."""
    return right.cross_entropy_of(p, q)


@replaces("kl_divergence")
def sign_of_the_divergence(p, q):
    """The sign is wrong: inside the logarithm p belongs above q. A divergence is never below zero."""
    return -right.kl_divergence(p, q)


@replaces("kl_divergence")
def difference_of_entropies(p, q):
    """This is the difference of the two entropies. Two quite different distributions may have the same entropy, and then it would be 0; both logarithms must be weighted with p."""
    _fits(p, q)
    return right.entropy(q) - right.entropy(p)


@replaces("kl_divergence")
def divergence_made_symmetric(p, q):
    """Both directions were added or averaged. That is symmetric, and a measure of its own, but not the divergence of p from q."""
    return (right.kl_divergence(p, q) + right.kl_divergence(q, p)) / 2


@replaces("kl_divergence")
def against_the_middle(p, q):
    """Both were compared with their mean, which gives the Jensen-Shannon divergence: symmetric and never infinite, and not what was asked for."""
    _fits(p, q)
    middle = (p + q) / 2
    return (right.kl_divergence(p, middle) + right.kl_divergence(q, middle)) / 2


@replaces("kl_divergence")
def terms_made_positive(p, q):
    """The terms were made positive before they were added. Some of them are negative, where q is too large, and must count against the sum."""
    _fits(p, q)
    return (p * (_log(p) - _log(q))).abs().sum(dim=-1)


@replaces("kl_divergence")
def squared_distance(p, q):
    """This is a sum of squared differences. It treats 0.01 for 0.02 like 0.51 for 0.52; a divergence compares ratios."""
    _fits(p, q)
    return (p - q).square().sum(dim=-1)


@replaces("kl_divergence")
def divergence_in_bits(p, q):
    """This is the divergence in bits. Natural logarithms were agreed."""
    return right.kl_divergence(p, q) / math.log(2)


@replaces("kl_divergence")
def divergence_averaged(p, q):
    """The terms were averaged over the outcomes, as a loss with its default reduction does. They are weighted with p already; add them."""
    return right.kl_divergence(p, q) / p.shape[-1]


@replaces("kl_divergence")
def ratios_not_weighted(p, q):
    """The logarithms of the ratios were added without weights. Each counts with the probability p of its outcome."""
    _fits(p, q)
    return (_log(p) - _log(q)).sum(dim=-1)


@replaces("kl_divergence")
def divergence_of_the_whole_batch(p, q):
    """The divergences of the whole batch were added up or averaged. Each pair keeps its own number."""
    return right.kl_divergence(p, q).sum()


@replaces("kl_divergence")
def divergence_not_a_number_at_zero(p, q):
    """Where p is 0 the logarithm of 0 was multiplied by 0, or 0 divided by 0: that is NaN. What does not happen contributes nothing."""
    _fits(p, q)
    return (p * (p / q).log()).sum(dim=-1)


@replaces("kl_divergence")
def exclusion_forgiven(p, q):
    """Outcomes with q = 0 were left out, also those that happen. A belief that excludes what happens is infinitely far off."""
    _fits(p, q)
    return (p * (_log(p) - _log(q))).sum(dim=-1)


@replaces("kl_divergence")
def exclusion_for_what_does_not_happen(p, q):
    """Any q = 0 made the result infinite. It is infinite only where that outcome happens; where p is 0 as well, nothing was missed."""
    _fits(p, q)
    return right.kl_divergence(p, q).masked_fill((q == 0).any(dim=-1), math.inf)


@replaces("kl_divergence")
def small_number_added(p, q):
    """A small number was added to p and q before the logarithm. It drowns beliefs as small as itself and makes the infinite finite; only a 0 itself is special."""
    _fits(p, q)
    return (p * ((p + 1e-10) / (q + 1e-10)).log()).sum(dim=-1)


@replaces("kl_divergence")
def negative_terms_cut(p, q):
    """Terms below zero were set to zero. Single terms may be negative; only their sum cannot be."""
    _fits(p, q)
    terms = (p * (_log(p) - _log(q))).clamp(min=0)
    return terms.sum(dim=-1).masked_fill(_excluded(p, q), math.inf)


@replaces("kl_divergence")
def divergence_not_a_number_in_gradients(p, q):
    """The values are right, but gradients are NaN beside zeros: a logarithm of 0 or 0/0 took place and was only hidden afterwards. Replace the 0 before."""
    _fits(p, q)
    return torch.where(p > 0, p * (p.log() - q.log()), 0.0).sum(dim=-1)


@replaces("kl_divergence")
def divergence_of_one_outcome_stretched(p, q):
    """The numbers of outcomes were not compared: a single outcome was stretched to any number without a word. Compare first, and say which shapes met."""
    return (p * (_log(p) - _log(q))).sum(dim=-1).masked_fill(_excluded(p, q), math.inf)


@replaces("kl_divergence")
def divergence_in_float32(p, q):
    """The divergence is float32 whatever came in. Float64 comes back as float64, with all its digits."""
    return right.kl_divergence(p.float(), q.float())


# ── perplexity ──


@replaces("perplexity")
def exponential_forgotten(token_log_probabilities):
    """This is the mean surprise, the loss. The perplexity is its exponential: a number of choices."""
    return -_wide(token_log_probabilities).mean()


@replaces("perplexity")
def probability_of_a_token(token_log_probabilities):
    """The sign is missing: this is the typical probability of a token, below 1. The perplexity is its inverse, at least 1."""
    return _wide(token_log_probabilities).mean().exp()


@replaces("perplexity")
def surprises_added(token_log_probabilities):
    """The surprises were added and not averaged: this is one over the probability of the whole text, which grows with its length. A perplexity is for each token."""
    return (-_wide(token_log_probabilities).sum()).exp()


@replaces("perplexity")
def power_of_two(token_log_probabilities):
    """2 was raised to a mean of natural logarithms. The base of the power must be that of the logarithms."""
    return 2.0 ** -_wide(token_log_probabilities).mean()


@replaces("perplexity")
def logarithm_taken_again(token_log_probabilities):
    """The logarithm was taken of what is passed in. These are logarithms already, and negative ones have none: the result is NaN."""
    return (-_wide(token_log_probabilities).log().mean()).exp()


@replaces("perplexity")
def probabilities_averaged(token_log_probabilities):
    """One over the mean of the probabilities: likely tokens dominate that mean, and blunders hardly count. It is the logarithms that are averaged."""
    return 1 / _wide(token_log_probabilities).exp().mean()


@replaces("perplexity")
def inverses_averaged(token_log_probabilities):
    """The mean of one over each probability: a single unlikely token dominates it. It is the logarithms that are averaged, and the exponential comes last."""
    return (-_wide(token_log_probabilities)).exp().mean()


@replaces("perplexity")
def product_that_underflows(token_log_probabilities):
    """Right for a few tokens. The product of all probabilities is rounded to 0 for a longer text, and the root of 0 is 0. Stay with the logarithms until the mean."""
    logs = _wide(token_log_probabilities)
    return logs.exp().prod() ** (-1 / logs.numel())


@replaces("perplexity")
def texts_averaged(token_log_probabilities):
    """A perplexity was computed for each text of the batch, and these were averaged. The mean of exponentials is not the exponential of the mean: hard texts would count for more. All tokens belong into one mean."""
    logs = _wide(token_log_probabilities)
    return (-logs.mean(dim=-1)).exp().mean()


@replaces("perplexity")
def one_for_each_text(token_log_probabilities):
    """There is one perplexity for each text here. One for all tokens together is asked for."""
    return (-_wide(token_log_probabilities).mean(dim=-1)).exp()


@replaces("perplexity")
def certain_tokens_left_out(token_log_probabilities):
    """Tokens with a logarithm of 0 were not counted, as if they were padding. They were certain, and a model deserves credit for that."""
    logs = _wide(token_log_probabilities)
    return (-logs.sum() / (logs != 0).sum().clamp(min=1)).exp()


@replaces("perplexity")
def divided_by_one_less(token_log_probabilities):
    """The sum was divided by one less than the number of tokens. That belongs to the variance; or the first token was thought to have no prediction, but what is passed in are predictions only."""
    logs = _wide(token_log_probabilities)
    return (-logs.sum() / max(logs.numel() - 1, 1)).exp()


@replaces("perplexity")
def first_token_left_out(token_log_probabilities):
    """The first token was left out, as if it had not been predicted. What is passed in are the tokens that were: all of them count."""
    logs = _wide(token_log_probabilities).reshape(-1)
    return (-(logs[1:] if len(logs) > 1 else logs).mean()).exp()


@replaces("perplexity")
def median_surprise(token_log_probabilities):
    """The median was taken in place of the mean. A model that is right half of the time and blind otherwise would look perfect."""
    return (-_wide(token_log_probabilities).median()).exp()


@replaces("perplexity")
def impossible_tokens_left_out(token_log_probabilities):
    """Tokens of probability 0 were left out, or their -inf replaced by a large number. A model that excludes what comes has an infinite perplexity: that is what the measure says."""
    logs = _wide(token_log_probabilities)
    return (-logs[logs > -math.inf].mean()).exp()


@replaces("perplexity")
def half_precision_until_the_end(token_log_probabilities):
    """The mean was taken in half precision, and only the result was made float32: in bfloat16 a mean has two or three digits, and the exponential magnifies what is lost. Turn half precision into float32 first."""
    _wide(token_log_probabilities)
    result = (-token_log_probabilities.mean()).exp()
    return result if result.dtype == torch.float64 else result.float()


@replaces("perplexity")
def half_precision_returned(token_log_probabilities):
    """The result is in half precision, where float16 has no number above 65,504 and bfloat16 two digits. It is to be float32."""
    return right.perplexity(token_log_probabilities).to(token_log_probabilities.dtype)


@replaces("perplexity")
def everything_in_float32(token_log_probabilities):
    """The result is float32 whatever came in. Float64 comes back as float64."""
    return right.perplexity(token_log_probabilities.float())


@replaces("perplexity")
def not_a_number_for_no_tokens(token_log_probabilities):
    """The mean of no tokens is NaN, and so was the perplexity. Raise a ValueError: an empty text is a mistake of the caller's, and NaN would hide it."""
    if token_log_probabilities.numel() == 0:
        return torch.tensor(math.nan)
    return right.perplexity(token_log_probabilities)


@replaces("perplexity")
def one_for_no_tokens(token_log_probabilities):
    """A text without tokens got a perplexity of 1, or another number. There is nothing that it could be the mean of: raise a ValueError."""
    if token_log_probabilities.numel() == 0:
        return torch.tensor(1.0)
    return right.perplexity(token_log_probabilities)


@replaces("perplexity")
def cut_from_the_graph(token_log_probabilities):
    """The number is right, but it left PyTorch on the way (item(), math.exp or detach()), so that no gradient can flow back."""
    return right.perplexity(token_log_probabilities.detach())
