"""Probability on finite tables: conditioning, the law of total probability, Bayes' rule.

A distribution over n outcomes is a tensor whose last dimension has n entries of at least 0 that add up to 1. A joint
distribution of several variables is a table with one axis for each variable. Probabilities have no unit.

Conditioning on what has probability 0 is undefined in mathematics. Here it gives zeros: then "conditional times
marginal is the joint" and the law of total probability hold for every table, without NaN in values or gradients.

Not here: densities of continuous variables, and any check that entries are at least 0 and add up to 1.

Sources: Kolmogorov, *Foundations of the Theory of Probability* (1933), chapter I, section 4; Bayes, "An Essay towards
solving a Problem in the Doctrine of Chances", Philosophical Transactions 53 (1763).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def conditional(joint: Tensor, given_axis: int) -> Tensor:
    """The distribution of all the other variables, given the value of the one on ``given_axis``.

    joint: one axis for each variable, at least one; entries of at least 0, probabilities or counts: only their
    proportions matter. Integers are summed exactly, and divided in torch's default floating dtype. ``given_axis``
    may be negative.
    Returns the shape of joint: for each value on ``given_axis`` the entries over all other axes add up to 1, or are
    all 0 where that value has probability 0. The sums of the entries have to fit into the dtype.
    Raises IndexError where joint has no such axis.
    """
    if not -joint.dim() <= given_axis < joint.dim():
        raise IndexError(f"a table with {joint.dim()} axes has no axis {given_axis}")
    marginal = joint
    for axis in range(joint.dim()):
        if axis != given_axis % joint.dim():
            marginal = marginal.sum(dim=axis, keepdim=True)
    return joint / marginal.masked_fill(marginal == 0, 1.0)


def total_probability(prior: Tensor, likelihood: Tensor) -> Tensor:
    """The probability of each outcome, whichever hypothesis holds: the sum over h of P(h) P(outcome | h).

    prior: (..., hypotheses); likelihood: (..., hypotheses, outcomes), row h the distribution of the outcome under
    hypothesis h. Batch dimensions broadcast. Returns (..., outcomes), in their common floating dtype.
    Raises ValueError where the numbers of hypotheses differ.
    """
    _require_same_hypotheses(prior, likelihood)
    return (prior.unsqueeze(-2) @ likelihood).squeeze(-2)


def bayes(prior: Tensor, likelihood: Tensor, observed: int | Sequence[int] | Tensor) -> Tensor:
    """The posterior: the probability of each hypothesis after what was observed.

    prior: (..., hypotheses), up to a positive factor; likelihood: (..., hypotheses, outcomes) as for
    :func:`total_probability`; observed: the number of one outcome, or of several (n,), independent of each other under
    each hypothesis. Without any the posterior is the prior. Batch dimensions broadcast; all share what was observed.
    Returns (..., hypotheses), adding up to 1; zeros where no hypothesis allows what was observed.

    Products of many probabilities leave every dtype, so logarithms are added instead. Gradients are right with respect
    to positive entries, and 0 with respect to entries of 0.
    Raises ValueError where the numbers of hypotheses differ.
    """
    _require_same_hypotheses(prior, likelihood)
    outcomes = torch.as_tensor(observed, dtype=torch.long, device=likelihood.device).reshape(-1)
    seen = likelihood[..., outcomes]
    impossible = (prior == 0) | (seen == 0).any(dim=-1)
    weight = _log(prior) + _log(seen).sum(dim=-1)
    # Not -inf: where every hypothesis is impossible, the softmax of nothing else would be 0 / 0.
    weight = weight.masked_fill(impossible, torch.finfo(weight.dtype).min)
    return torch.softmax(weight, dim=-1).masked_fill(impossible, 0.0)


def _log(p: Tensor) -> Tensor:
    """The logarithm, and 0 in the place of the logarithm of 0, whose gradient would be NaN once it is masked."""
    return p.masked_fill(p == 0, 1.0).log()


def _require_same_hypotheses(prior: Tensor, likelihood: Tensor) -> None:
    if prior.shape[-1:] != likelihood.shape[-2:-1]:
        raise ValueError(
            f"a prior (..., hypotheses) and a likelihood (..., hypotheses, outcomes) need equal numbers of hypotheses: "
            f"got shapes {tuple(prior.shape)} and {tuple(likelihood.shape)}"
        )
