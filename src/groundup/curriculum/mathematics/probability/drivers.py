"""What is done with conditional, total_probability and bayes, from small to large.

Tables are never square. Every build meets float64, views with strides, zeros, tiny masses and gradients; the last two
also batches that broadcast, and numbers of hypotheses that do not fit.
"""

import torch


def _table(rng, *shape, dtype=torch.float32):
    """Distributions along the last dimension, no entry near 0, none like another."""
    drawn = rng.uniform(*shape, low=0.2, high=2.0, dtype=torch.float64)
    return (drawn / drawn.sum(-1, keepdim=True)).to(dtype)


def _views(rng):
    """A prior (4, 1, 3) and a likelihood (2, 3, 5) in float64, neither of them contiguous."""
    prior = rng.uniform(3, 1, 8, low=0.2, high=2.0, dtype=torch.float64).permute(2, 1, 0)[::2]
    likelihood = rng.uniform(5, 6, 2, low=0.2, high=2.0, dtype=torch.float64).permute(2, 1, 0)[:, ::2]
    return prior / 16, likelihood / 16


def _no_fit(function, rng):
    """Numbers of hypotheses that differ; the sizes are found nowhere else."""
    h, n = rng.integer(30, 60), rng.integer(70, 90)
    return [
        rng.attempt(function, _table(rng, h), _table(rng, h + 2, n)),
        rng.attempt(function, _table(rng, 1), _table(rng, h, n)),
        rng.attempt(function, _table(rng, h), _table(rng, 1, n)),
        rng.attempt(function, _table(rng, 2, n), _table(rng, h, n)),
    ]


# ── conditional ──


def conditional_on_rows(my, rng):
    return my.conditional(_table(rng, 6).reshape(2, 3), 0)


def conditional_on_columns(my, rng):
    return my.conditional(_table(rng, 8).reshape(2, 4), 1)


def conditional_of_counts(my, rng):
    counts = rng.integers(1, 9, 3, 5)
    many = rng.integers(60, 100, 5, 4).to(torch.uint8)
    return [
        *(my.conditional(counts, axis) for axis in (0, 1)),
        my.conditional(counts.double(), 0),
        my.conditional(many, 1),
    ]


def conditional_of_one_variable(my, rng):
    row = _table(rng, 4)
    row[rng.integer(0, 4)] = 0.0
    return [my.conditional(row, 0), my.conditional(row[None, :], 0), my.conditional(row[None, :], 1)]


def conditional_of_three_variables(my, rng):
    joint = _table(rng, 24).reshape(2, 3, 4)
    return [my.conditional(joint, axis) for axis in (0, 1, 2)]


def conditional_counted_from_the_end(my, rng):
    joint = _table(rng, 4, 6, 5, dtype=torch.float64).transpose(0, 2)[:, ::2]
    return [my.conditional(joint, axis) for axis in (-1, -2, -3)]


def conditional_on_the_impossible(my, rng):
    joint = _table(rng, 20).reshape(4, 5)
    joint[rng.integer(0, 4)] = 0.0
    joint[:, rng.integer(0, 5)] = 0.0
    return [my.conditional(joint, 0), my.conditional(joint, 1)]


def conditional_of_tiny_masses(my, rng):
    joint = _table(rng, 12).reshape(3, 4)
    joint[1] = joint[1] * 1e-30
    return [my.conditional(joint, 0), my.conditional(joint * 1e-6, 1)]


def conditional_gradients(my, rng):
    joint = _table(rng, 24, dtype=torch.float64).reshape(2, 3, 4)
    joint[:, 1] = 0.0
    joint.requires_grad_()
    gradient = rng.gradients(my.conditional(joint, 1), joint=joint)["joint"]
    if gradient is None:
        return None
    return {"positive": gradient[:, ::2].contiguous(), "finite": gradient.isfinite()}


def conditional_without_such_an_axis(my, rng):
    joint = _table(rng, 2, 3)
    return [rng.attempt(my.conditional, joint, axis) for axis in (2, -3, 5)]


# ── total_probability ──


def total_of_two_hypotheses(my, rng):
    return my.total_probability(_table(rng, 2), _table(rng, 2, 3))


def total_of_one_hypothesis_or_outcome(my, rng):
    return [
        my.total_probability(_table(rng, 1), _table(rng, 1, 4)),
        my.total_probability(_table(rng, 5), rng.uniform(5, 1)),
    ]


def total_in_a_batch(my, rng):
    return my.total_probability(_table(rng, 2, 4, 3), _table(rng, 2, 4, 3, 5))


def total_of_batches_that_broadcast(my, rng):
    prior, likelihood = _table(rng, 4, 3), _table(rng, 2, 1, 3, 5)
    return [
        my.total_probability(prior, likelihood[0, 0]),
        my.total_probability(prior[0], likelihood),
        my.total_probability(prior, likelihood),
    ]


def total_of_strided_float64(my, rng):
    return my.total_probability(*_views(rng))


def total_of_tiny_masses(my, rng):
    prior, likelihood = _table(rng, 3), _table(rng, 3, 4)
    return my.total_probability(prior * 1e-20, likelihood * 1e-14)


def total_gradients(my, rng):
    prior, likelihood = _table(rng, 4, 3), _table(rng, 3, 5)
    prior[:, 1] = 0.0
    prior.requires_grad_()
    likelihood.requires_grad_()
    return rng.gradients(my.total_probability(prior, likelihood), prior=prior, likelihood=likelihood)


def total_of_unequal_hypotheses(my, rng):
    return _no_fit(my.total_probability, rng)


# ── bayes ──


def bayes_after_one_outcome(my, rng):
    return my.bayes(_table(rng, 2), _table(rng, 2, 3), rng.integer(0, 3))


def bayes_after_several(my, rng):
    return my.bayes(_table(rng, 3), _table(rng, 3, 4), torch.tensor([2, 0, 3]))


def bayes_after_the_same_again(my, rng):
    prior, likelihood = _table(rng, 3), _table(rng, 3, 5)
    one, other = rng.choice([(4, 1), (0, 3), (2, 4)])
    return my.bayes(prior, likelihood, torch.tensor([one, other, one, one]))


def bayes_after_nothing(my, rng):
    prior, likelihood, nothing = _table(rng, 4) * 3, _table(rng, 2, 4, 3), torch.zeros(0, dtype=torch.int64)
    return [my.bayes(prior, likelihood[0], nothing), my.bayes(prior, likelihood, nothing)]


def bayes_in_a_batch(my, rng):
    prior, likelihood = _table(rng, 4, 3), _table(rng, 2, 1, 3, 5)
    return [
        my.bayes(prior, likelihood[0, 0], 4),
        my.bayes(prior[0], likelihood, torch.tensor([1, 3])),
        my.bayes(prior, likelihood, torch.tensor([0, 2, 2, 4, 1, 3, 1])),
    ]


def bayes_with_zeros(my, rng):
    prior, likelihood = _table(rng, 4), _table(rng, 4, 3)
    prior[2] = 0.0
    likelihood[1, 2] = 0.0
    return [my.bayes(prior, likelihood, outcome) for outcome in (0, 2, torch.tensor([0, 2, 1]))]


def bayes_where_nothing_is_possible(my, rng):
    prior, likelihood = _table(rng, 2, 3), _table(rng, 3, 4)
    prior[0, :2] = 0.0
    likelihood[2, 3] = 0.0
    return [my.bayes(prior, likelihood, torch.tensor([1, 3])), my.bayes(prior * 0, likelihood, 1)]


def bayes_of_tiny_masses(my, rng):
    prior, likelihood = _table(rng, 3), _table(rng, 3, 4)
    return my.bayes(prior * 1e-30, likelihood * 1e-12, torch.tensor([3, 1, 0, 1]))


def bayes_of_long_evidence(my, rng):
    """A thousand outcomes for one hypothesis, then as many for another: running products reach 0 on the way."""
    likelihood = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.1, 0.8, 0.1]], dtype=torch.float64)
    observed = torch.tensor([0] * 1000 + [2] * (1000 + rng.integer(0, 2)) + [1] * rng.integer(1, 4))
    return my.bayes(_table(rng, 2, 3, dtype=torch.float64), likelihood, observed)


def bayes_of_long_evidence_in_a_batch(my, rng):
    """The same evidence is likely in one likelihood of the batch and most unlikely in the other."""
    likely, unlikely = _table(rng, 3, 2), _table(rng, 3, 4) / 2
    likelihood = torch.stack([torch.cat([likely, likely], -1) / 2, unlikely * 1e-3])
    return my.bayes(_table(rng, 3), likelihood, torch.tensor([0, 1, 2, 3] * 6))


def bayes_of_strided_float64(my, rng):
    return my.bayes(*_views(rng), torch.tensor([4, 0, 2]))


def bayes_gradients(my, rng):
    prior, likelihood = _table(rng, 2, 4, dtype=torch.float64), _table(rng, 4, 3, dtype=torch.float64)
    prior[0, 1] = 0.0
    likelihood[2, 1] = 0.0
    here, there = prior > 0, likelihood > 0
    prior.requires_grad_()
    likelihood.requires_grad_()
    found = rng.gradients(my.bayes(prior, likelihood, torch.tensor([1, 2, 1])), prior=prior, likelihood=likelihood)
    if any(gradient is None for gradient in found.values()):
        return found
    finite = [gradient.isfinite() for gradient in found.values()]
    return {"prior": found["prior"][here], "likelihood": found["likelihood"][there], "finite": finite}


def bayes_gradients_where_nothing_is_possible(my, rng):
    prior, likelihood = _table(rng, 2, 3), _table(rng, 3, 4)
    likelihood[:, 2] = 0.0
    prior[1] = 0.0
    prior.requires_grad_()
    likelihood.requires_grad_()
    found = [
        rng.gradients(my.bayes(prior, likelihood, outcome), prior=prior, likelihood=likelihood) for outcome in (2, 3)
    ]
    finite = [[None if one is None else one.isfinite() for one in each.values()] for each in found]
    return {"finite": finite, "posterior": my.bayes(prior, likelihood, 3).detach()}


def bayes_of_unequal_hypotheses(my, rng):
    return _no_fit(lambda prior, likelihood: my.bayes(prior, likelihood, 1), rng)
