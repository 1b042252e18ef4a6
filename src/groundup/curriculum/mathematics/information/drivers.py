"""What is done with entropy, cross_entropy_of, kl_divergence and perplexity, from small to large.

Distributions have no two equal entries and no near-equal pairs. The first three builds meet batches, zeros, float64, views
with strides and gradients, the two of two arguments also broadcasting, tiny beliefs and numbers that do not fit.
"""

import math

import torch

TWO = torch.float64


def _table(rng, *shape, dtype=torch.float32):
    """Distributions along the last dimension, no entry near 0, none like another."""
    drawn = rng.uniform(*shape, low=0.1, high=2.0, dtype=TWO)
    return (drawn / drawn.sum(-1, keepdim=True)).to(dtype)


def _holed(rng, rows, n, dtype=torch.float32):
    """Distributions with one or more zeros in each row, and the same zeros in a second tensor."""
    p, q = _table(rng, rows, n, dtype=TWO), _table(rng, rows, n, dtype=TWO)
    hole = ~rng.mask(rows, n, p=0.7)
    hole[:, rng.integer(1, n)] = True
    hole[:, 0] = False
    p, q = p.masked_fill(hole, 0.0), q.masked_fill(hole, 0.0)
    return (p / p.sum(-1, keepdim=True)).to(dtype), (q / q.sum(-1, keepdim=True)).to(dtype)


def _views(rng):
    """p of (4, 1, 5) and q of (3, 5) in float64, neither of them contiguous."""
    wide = torch.zeros(4, 1, 10, dtype=TWO)
    wide[..., ::2] = _table(rng, 4, 1, 5, dtype=TWO)
    return wide[..., ::2], _table(rng, 3, 5, dtype=TWO).T.contiguous().T


def _no_fit(function, rng):
    """Numbers of outcomes that differ; the sizes are found nowhere else."""
    n = rng.integer(30, 60)
    return [
        rng.attempt(function, _table(rng, n), _table(rng, n + 3)),
        rng.attempt(function, _table(rng, 1), _table(rng, n)),
        rng.attempt(function, _table(rng, n), _table(rng, 1)),
        rng.attempt(function, _table(rng, 2, n), _table(rng, 2, n + 7)),
    ]


def _gradients(rng, result, **inputs):
    """Gradients with respect to positive entries as they are, and whether those with respect to zeros are finite."""
    found = rng.gradients(result, **inputs)
    if any(gradient is None for gradient in found.values()):
        return found
    positive = {name: found[name][tensor > 0] for name, tensor in inputs.items()}
    return [positive, [found[name][tensor == 0].isfinite() for name, tensor in inputs.items()]]


# ── entropy ──


def entropy_of_a_coin(my, rng):
    p = rng.uniform(low=0.1, high=0.4)
    return my.entropy(torch.stack([p, 1 - p]))


def entropy_of_equal_chances(my, rng):
    """log n, and log k where only k of n outcomes are possible."""
    n = rng.integer(3, 9)
    whole = torch.full((n,), 1 / n)
    return [my.entropy(whole), my.entropy(torch.cat([whole, torch.zeros(2)]))]


def entropy_of_several(my, rng):
    return my.entropy(_table(rng, 5))


def entropy_of_a_certainty(my, rng):
    p = _table(rng, 3, 4)
    p[1] = 0.0
    p[1, rng.integer(0, 4)] = 1.0
    return my.entropy(p)


def entropy_of_one_outcome(my, rng):
    return [my.entropy(torch.ones(3, 1)), my.entropy(_table(rng, 1, 4))]


def entropy_in_a_batch(my, rng):
    return my.entropy(_table(rng, 2, 4, 3))


def entropy_with_zeros(my, rng):
    return my.entropy(_holed(rng, 4, 6)[0])


def entropy_in_float64(my, rng):
    p, _ = _views(rng)
    return [my.entropy(p), my.entropy(_holed(rng, 3, 5, dtype=TWO)[0])]


def entropy_leaves_its_input_alone(my, rng):
    p = _holed(rng, 3, 4)[0]
    return [my.entropy(p), p]


def entropy_gradients(my, rng):
    p = _table(rng, 3, 4, dtype=TWO).requires_grad_()
    return rng.gradients(my.entropy(p), p=p)


def entropy_gradients_beside_zeros(my, rng):
    p = _holed(rng, 3, 5)[0].requires_grad_()
    return _gradients(rng, my.entropy(p), p=p)


# ── cross_entropy_of ──


def cross_of_two_coins(my, rng):
    p, q = rng.uniform(low=0.1, high=0.4), rng.uniform(low=0.6, high=0.9)
    return my.cross_entropy_of(torch.stack([p, 1 - p]), torch.stack([q, 1 - q]))


def cross_of_several(my, rng):
    return my.cross_entropy_of(_table(rng, 5), _table(rng, 5))


def cross_of_what_came(my, rng):
    """All of p on the outcome that came: the loss of a language model."""
    n = 6
    p = torch.eye(n)[rng.integers(0, n, 3)]
    return my.cross_entropy_of(p, _table(rng, 3, n))


def cross_with_itself(my, rng):
    p = _table(rng, 4)
    return my.cross_entropy_of(p, p)


def cross_in_a_batch(my, rng):
    return my.cross_entropy_of(_table(rng, 2, 4, 3), _table(rng, 2, 4, 3))


def cross_of_each_with_each(my, rng):
    p, q = _table(rng, 4, 1, 3), _table(rng, 2, 3)
    return [my.cross_entropy_of(p, q), my.cross_entropy_of(q, p), my.cross_entropy_of(p[0, 0], q)]


def cross_with_zeros_in_p(my, rng):
    return my.cross_entropy_of(_holed(rng, 4, 6)[0], _table(rng, 4, 6))


def cross_with_zeros_in_both(my, rng):
    return [my.cross_entropy_of(*_holed(rng, 4, 6)), my.cross_entropy_of(*_holed(rng, 4, 3, dtype=TWO))]


def cross_with_the_excluded(my, rng):
    p, q = _holed(rng, 4, 5)
    p[1] = _table(rng, 5)
    return my.cross_entropy_of(p, q)


def cross_with_tiny_beliefs(my, rng):
    p, q = _table(rng, 3, 4), _table(rng, 3, 4)
    q[:, rng.integer(0, 4)] *= 1e-30
    q[1, rng.integer(0, 4)] *= 1e-6
    return my.cross_entropy_of(p, q)


def cross_in_float64(my, rng):
    return my.cross_entropy_of(*_views(rng))


def cross_leaves_its_inputs_alone(my, rng):
    p, q = _holed(rng, 3, 4)
    return [my.cross_entropy_of(p, q), p, q]


def cross_gradients(my, rng):
    p = _table(rng, 3, 1, 4, dtype=TWO).requires_grad_()
    q = _table(rng, 2, 4, dtype=TWO).requires_grad_()
    return rng.gradients(my.cross_entropy_of(p, q), p=p, q=q)


def cross_gradients_beside_zeros(my, rng):
    p, q = _holed(rng, 3, 5)
    p[1:, 1], q[:, 0] = 0.0, q[:, 0] / 2
    p, q = p.requires_grad_(), q.requires_grad_()
    return _gradients(rng, my.cross_entropy_of(p, q), p=p, q=q)


def cross_of_different_numbers(my, rng):
    return _no_fit(my.cross_entropy_of, rng)


# ── kl_divergence ──


def divergence_of_two_coins(my, rng):
    p, q = rng.uniform(low=0.1, high=0.4), rng.uniform(low=0.6, high=0.95)
    return my.kl_divergence(torch.stack([p, 1 - p]), torch.stack([q, 1 - q]))


def divergence_of_several(my, rng):
    return my.kl_divergence(_table(rng, 5), _table(rng, 5).flip(0))


def divergence_both_ways(my, rng):
    """Not symmetric: p is sure, q is not."""
    p = torch.tensor([0.9, 0.06, 0.04]) + torch.tensor([-1.0, 0.6, 0.4]) * rng.uniform(low=0.0, high=0.1)
    q = _table(rng, 3)
    return [my.kl_divergence(p, q), my.kl_divergence(q, p)]


def divergence_of_equals(my, rng):
    """Zero in one row, not in the others."""
    p, q = _table(rng, 3, 4), _table(rng, 3, 4)
    q[1] = p[1]
    return my.kl_divergence(p, q)


def divergence_in_a_batch(my, rng):
    return my.kl_divergence(_table(rng, 2, 4, 3), _table(rng, 2, 4, 3))


def divergence_of_each_from_each(my, rng):
    p, q = _table(rng, 4, 1, 3), _table(rng, 2, 3)
    return [my.kl_divergence(p, q), my.kl_divergence(q, p), my.kl_divergence(p[0, 0], q)]


def divergence_with_zeros_in_p(my, rng):
    return my.kl_divergence(_holed(rng, 4, 6)[0], _table(rng, 4, 6))


def divergence_with_zeros_in_both(my, rng):
    p, q = _holed(rng, 4, 6)
    return [my.kl_divergence(p, q), my.kl_divergence(*_holed(rng, 4, 3, dtype=TWO))]


def divergence_from_the_excluding(my, rng):
    p, q = _holed(rng, 4, 5)
    p[1] = _table(rng, 5)
    return my.kl_divergence(p, q)


def divergence_from_tiny_beliefs(my, rng):
    p, q = _table(rng, 3, 4), _table(rng, 3, 4)
    q[:, rng.integer(0, 4)] *= 1e-30
    return my.kl_divergence(p, q)


def divergence_in_float64(my, rng):
    return my.kl_divergence(*_views(rng))


def divergence_leaves_its_inputs_alone(my, rng):
    p, q = _holed(rng, 3, 4)
    return [my.kl_divergence(p, q), p, q]


def divergence_gradients(my, rng):
    p = _table(rng, 3, 1, 4, dtype=TWO).requires_grad_()
    q = _table(rng, 2, 4, dtype=TWO).requires_grad_()
    return rng.gradients(my.kl_divergence(p, q), p=p, q=q)


def divergence_gradients_beside_zeros(my, rng):
    p, q = _holed(rng, 3, 5)
    p[1:, 1], q[:, 0] = 0.0, q[:, 0] / 2
    p, q = p.requires_grad_(), q.requires_grad_()
    return _gradients(rng, my.kl_divergence(p, q), p=p, q=q)


def divergence_of_different_numbers(my, rng):
    return _no_fit(my.kl_divergence, rng)


# ── perplexity ──


def _logs(rng, *shape, dtype=torch.float32):
    """Log-probabilities of tokens, from likely to unlikely."""
    return -rng.uniform(*shape, low=0.05, high=6.0, dtype=TWO).to(dtype)


def perplexity_of_a_short_text(my, rng):
    return my.perplexity(_logs(rng, 4))


def perplexity_of_equal_chances(my, rng):
    """The number of tokens among which all was open."""
    n = rng.integer(2, 50)
    return my.perplexity(torch.full((7,), -math.log(n)))


def perplexity_of_one_token(my, rng):
    return [my.perplexity(_logs(rng, 1)), my.perplexity(_logs(rng))]


def perplexity_of_a_batch(my, rng):
    """Texts of unlike difficulty: all their tokens count alike."""
    log_probabilities = _logs(rng, 3, 5)
    log_probabilities[0] /= 10
    return [my.perplexity(log_probabilities), my.perplexity(_logs(rng, 2, 3, 4))]


def perplexity_in_float64(my, rng):
    return my.perplexity(_logs(rng, 6, 3, dtype=TWO).T)


def perplexity_in_half_precision(my, rng):
    return [my.perplexity(_logs(rng, 2, 200).to(dtype) * 2) for dtype in (torch.bfloat16, torch.float16)]


def perplexity_of_the_unlikely(my, rng):
    """Probabilities of 1e-5 and less, whose product no float holds."""
    return my.perplexity(_logs(rng, 300) - 12)


def perplexity_of_a_long_text(my, rng):
    return my.perplexity(_logs(rng, 100, 1000))


def perplexity_with_the_certain(my, rng):
    """Tokens that were certain count, too."""
    log_probabilities = _logs(rng, 6)
    log_probabilities[rng.integer(0, 6)] = 0.0
    return my.perplexity(log_probabilities)


def perplexity_with_the_impossible(my, rng):
    log_probabilities = _logs(rng, 6)
    possible = my.perplexity(log_probabilities.clone())
    log_probabilities[rng.integer(0, 6)] = -math.inf
    return [my.perplexity(log_probabilities), possible]


def perplexity_leaves_its_input_alone(my, rng):
    log_probabilities = _logs(rng, 5)
    return [my.perplexity(log_probabilities), log_probabilities]


def perplexity_gradients(my, rng):
    log_probabilities = _logs(rng, 2, 3).requires_grad_()
    return rng.gradients(my.perplexity(log_probabilities), log_probabilities=log_probabilities)


def perplexity_of_no_tokens(my, rng):
    return [rng.attempt(my.perplexity, _logs(rng, *shape)) for shape in ((0,), (3, 0))] + [my.perplexity(_logs(rng, 2))]
