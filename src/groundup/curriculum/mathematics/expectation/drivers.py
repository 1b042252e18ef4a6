"""What is done with expectation and moment, from small to large.

Probabilities are never equal, values of both signs, and the number of outcomes is no other size of the tensors. Both
builds meet batches that broadcast, whole numbers, truth values, float64 views, impossible infinite values and gradients.
"""

import math

import torch

TWO = torch.float64


def _table(rng, *shape, dtype=torch.float32):
    """Distributions along the last dimension, no entry near 0, none like another."""
    drawn = rng.uniform(*shape, low=0.2, high=2.0, dtype=TWO)
    return (drawn / drawn.sum(-1, keepdim=True)).to(dtype)


def _values(rng, *shape, dtype=torch.float32):
    """Values with a mean that is not 0."""
    return rng.normal(*shape, dtype=dtype, shift=0.7, scale=1.5)


def _holed(rng, dtype=torch.float32):
    """Five values, two of them infinite and impossible, and one impossible value that is finite."""
    values, p = _values(rng, 6, dtype=dtype), _table(rng, 6, dtype=TWO)
    places = rng.choice([(0, 2, 5), (1, 3, 4), (5, 0, 3)])
    values[places[0]], values[places[1]] = math.inf, -math.inf
    p[list(places)] = 0.0
    return values, (p / p.sum()).to(dtype)


def _views(rng):
    """Values (4, 1, 5) and probabilities (3, 5) in float64, neither of them contiguous."""
    wide = torch.zeros(4, 1, 10, dtype=TWO)
    wide[..., ::2] = _values(rng, 4, 1, 5, dtype=TWO)
    return wide[..., ::2], _table(rng, 3, 5, dtype=TWO).T.contiguous().T


def _no_fit(function, rng):
    """Numbers of outcomes that differ; the sizes are found nowhere else."""
    n = rng.integer(30, 60)
    return [
        rng.attempt(function, _values(rng, n), _table(rng, n + 3)),
        rng.attempt(function, _values(rng, 1), _table(rng, n)),
        rng.attempt(function, _values(rng, n), _table(rng, 1)),
        rng.attempt(function, _values(rng, 2, n), _table(rng, 2, n + 7)),
    ]


def _gradients(rng, result, values, p):
    """With respect to values as they are; with respect to probabilities, differences between outcomes."""
    found = rng.gradients(result, values=values, probabilities=p)
    if found["probabilities"] is not None:
        found["probabilities"] = found["probabilities"] - found["probabilities"].mean(-1, keepdim=True)
    return found


def _gradients_beside_the_impossible(rng, result, values, p):
    found = rng.gradients(result, values=values, probabilities=p)
    if any(gradient is None for gradient in found.values()):
        return found
    possible = found["probabilities"][p > 0]
    finite = [gradient.isfinite() for gradient in found.values()]
    return {"values": found["values"][p > 0], "probabilities": possible - possible.mean(), "finite": finite}


def _together(results):
    """One tensor, where that can be made: a number near 0 is then measured beside the others."""
    if all(isinstance(one, torch.Tensor) for one in results) and len({(one.shape, one.dtype) for one in results}) == 1:
        return torch.stack(results)
    return results


# ── expectation ──


def expected_of_two(my, rng):
    return my.expectation(_values(rng, 2), _table(rng, 2))


def expected_of_several(my, rng):
    return my.expectation(_values(rng, 5), _table(rng, 5))


def expected_of_one(my, rng):
    return [my.expectation(_values(rng, 1), torch.ones(1)), my.expectation(_values(rng, 3, 1), torch.ones(3, 1))]


def expected_of_whole_numbers(my, rng):
    faces = rng.integers(-9, 10, 6)
    large = rng.integers(2**40, 2**41, 6)
    return [my.expectation(faces, _table(rng, 6)), my.expectation(large, _table(rng, 6, dtype=TWO))]


def expected_of_an_event(my, rng):
    return my.expectation(rng.mask(5), _table(rng, 5))


def expected_in_a_batch(my, rng):
    return my.expectation(_values(rng, 2, 4, 3), _table(rng, 2, 4, 3))


def expected_of_each_with_each(my, rng):
    values, p = _values(rng, 4, 1, 3), _table(rng, 2, 3)
    return [my.expectation(values, p), my.expectation(values[0, 0], p), my.expectation(values, p[1])]


def expected_beside_the_impossible(my, rng):
    return [my.expectation(*_holed(rng)), my.expectation(*_holed(rng, dtype=TWO))]


def _holed_batch(rng):
    """Four distributions in which other outcomes are impossible, with infinite values there."""
    values, p = _values(rng, 4, 5, dtype=TWO), _table(rng, 4, 5, dtype=TWO)
    places = torch.stack([torch.randperm(5, generator=rng.generator())[:2] for _ in range(4)])
    values = values.scatter(1, places, math.inf)
    p = p.scatter(1, places, 0.0)
    return values, p / p.sum(-1, keepdim=True)


def expected_where_each_has_other_holes(my, rng):
    return my.expectation(*_holed_batch(rng))


def expected_of_surprise(my, rng):
    """-log p for the values: the entropy, with an infinite surprise at what never happens."""
    p = torch.cat([_table(rng, 4), torch.zeros(2)])
    return my.expectation(-p.log(), p)


def expected_with_tiny_probabilities(my, rng):
    p = _table(rng, 4)
    p[rng.integer(0, 4)] = 1e-30
    p = p / p.sum()
    values = torch.where(p < 1e-20, 1e30, _values(rng, 4))
    return my.expectation(values, p)


def expected_in_float64(my, rng):
    return my.expectation(*_views(rng))


def expected_gradients(my, rng):
    values, p = _values(rng, 3, 1, 4).requires_grad_(), _table(rng, 2, 4).requires_grad_()
    return _gradients(rng, my.expectation(values, p), values, p)


def expected_gradients_beside_the_impossible(my, rng):
    values, p = _holed(rng)
    values.requires_grad_()
    p.requires_grad_()
    return _gradients_beside_the_impossible(rng, my.expectation(values, p), values, p)


def expected_of_unequal_numbers(my, rng):
    return _no_fit(my.expectation, rng)


# ── moment ──


def second_moment(my, rng):
    return my.moment(_values(rng, 3), _table(rng, 3), 2)


def raw_moments(my, rng):
    values, p = _values(rng, 5), _table(rng, 5)
    return [my.moment(values, p, k) for k in (1, 3, 4)]


def variance(my, rng):
    return my.moment(_values(rng, 4), _table(rng, 4), 2, central=True)


def central_moments(my, rng):
    values, p = _values(rng, 5, dtype=TWO), _table(rng, 5, dtype=TWO)
    return _together([my.moment(values, p, k, True) for k in (1, 2, 3, 4, 5)])


def zeroth_moment(my, rng):
    values, p = _values(rng, 4), _table(rng, 4)
    values[2] = 0.0
    return [my.moment(values, p, 0), my.moment(values, p, 0, central=True), my.moment(values, p, 1, central=False)]


def moments_of_whole_numbers(my, rng):
    values, p = rng.integers(-4, 7, 6), _table(rng, 6)
    event = rng.mask(3, 6)
    return [
        my.moment(values, p, 3),
        my.moment(values, p, 2, True),
        my.moment(event, p, 2),
        my.moment(event, p, 2, True),
    ]


def moments_of_negative_values(my, rng):
    values, p = -rng.uniform(5, low=1.0, high=3.0), _table(rng, 5)
    return [my.moment(values, p, 3), my.moment(values, p, 3, central=True), my.moment(values, p, 6)]


def moments_of_one_value(my, rng):
    value = _values(rng, 2, 1)
    return [my.moment(value, torch.ones(1), 2), my.moment(value, torch.ones(1), 2, central=True)]


def moments_in_a_batch(my, rng):
    values, p = _values(rng, 2, 4, 3), _table(rng, 2, 4, 3)
    return [my.moment(values, p, 2), my.moment(values, p, 2, central=True)]


def moments_of_each_with_each(my, rng):
    values, p = _values(rng, 4, 1, 3), _table(rng, 2, 3)
    return [my.moment(values, p, 3), my.moment(values, p, 2, True), my.moment(values[0, 0], p, 2, True)]


def moments_beside_the_impossible(my, rng):
    values, p = _holed(rng)
    return [my.moment(values, p, k, central) for k in (0, 2, 3) for central in (False, True)]


def moments_where_each_has_other_holes(my, rng):
    values, p = _holed_batch(rng)
    return [my.moment(values, p, 3), my.moment(values, p, 2, central=True)]


def moments_of_large_whole_numbers(my, rng):
    """Their fourth powers leave int64 and fit easily into float64."""
    values, p = rng.integers(10**6, 10**7, 5), _table(rng, 5, dtype=TWO)
    return [my.moment(values, p, 4), my.moment(values, p, 3, central=True)]


def moments_with_tiny_probabilities(my, rng):
    p = _table(rng, 4, dtype=TWO)
    p[rng.integer(0, 4)] = 1e-20
    p = p / p.sum()
    return my.moment(torch.where(p < 1e-15, 1e11, _values(rng, 4, dtype=TWO)), p, 2)


def moments_in_float64(my, rng):
    values, p = _views(rng)
    return [my.moment(values, p, 3), my.moment(values, p, 4, central=True)]


def central_far_from_zero(my, rng):
    """A mean of a million in float64; the spread is about 1."""
    p, values = _table(rng, 5, dtype=TWO), rng.uniform(5, low=-2.0, high=2.0, dtype=TWO)
    values = values + rng.choice([-1e6, 1e6])
    return [my.moment(values, p, 2, central=True), my.moment(values, p, 4, central=True)]


def central_far_from_zero_in_float32(my, rng):
    p, values = _table(rng, 5), rng.uniform(5, low=-2.0, high=2.0)
    return my.moment(values + rng.choice([-3e3, 3e3]), p, 2, central=True)


def moment_gradients(my, rng):
    values, p = _values(rng, 3, 1, 4).requires_grad_(), _table(rng, 2, 4).requires_grad_()
    return _gradients(rng, my.moment(values, p, 3), values, p)


def central_moment_gradients(my, rng):
    values, p = _values(rng, 3, 1, 4, dtype=TWO).requires_grad_(), _table(rng, 2, 4, dtype=TWO).requires_grad_()
    return [_gradients(rng, my.moment(values, p, k, central=True), values, p) for k in (2, 3)]


def moment_gradients_beside_the_impossible(my, rng):
    values, p = _holed(rng)
    values.requires_grad_()
    p.requires_grad_()
    return [_gradients_beside_the_impossible(rng, my.moment(values, p, 2, one), values, p) for one in (False, True)]


def moments_of_negative_order(my, rng):
    values, p = _values(rng, 4), _table(rng, 4)
    return [rng.attempt(my.moment, values, p, k) for k in (-1, -2)]


def moments_of_broken_order(my, rng):
    values, p = _values(rng, 4), _table(rng, 4)
    return [rng.attempt(my.moment, values, p, k) for k in (2.5, 0.5)]


def moments_of_unequal_numbers(my, rng):
    return _no_fit(lambda values, p: my.moment(values, p, 2), rng)
