"""What is done with RunningMoments, covariance and correlation, from small to large.

No two sizes of a shape are equal, features differ in mean and spread. Both functions meet batches, float64, strides, one
sample, gradients and numbers far from 0; the stream meets them one at a time.
"""

import torch

TWO = torch.float64


def _table(rng, *shape, dtype=torch.float32):
    """Samples whose features have means and spreads of their own, and vary together."""
    drawn = rng.normal(*shape, dtype=TWO)
    mixed = drawn + 0.7 * drawn.roll(1, dims=-1)
    return (mixed * rng.uniform(shape[-1], low=0.5, high=3.0, dtype=TWO) + rng.normal(shape[-1], dtype=TWO)).to(dtype)


def _views(rng):
    """(2, 6, 3) in float64, with strides in every dimension."""
    return _table(rng, 4, 5, 12, dtype=TWO)[::2, :3, ::2].transpose(-1, -2)


def _seen(my, observations):
    stream = my.RunningMoments()
    for one in observations:
        stream.update(one)
    return stream


def _moments(stream):
    return {"mean": stream.mean, "variance": stream.variance}


def _numbers_held(value, deep=0):
    """How many numbers are in the attributes of an object, as far as tensors, arrays, lists and dicts show."""
    if isinstance(value, torch.Tensor):
        return value.numel()
    if isinstance(value, dict):
        value = list(value.values())
    if hasattr(value, "__len__") and hasattr(value, "__iter__") and not isinstance(value, str) and deep < 4:
        if type(value).__module__ != "numpy":
            return sum(_numbers_held(one, deep + 1) for one in value)
    return getattr(value, "size", 1) if type(value).__module__ == "numpy" else 1


# ── RunningMoments ──


def stream_of_two(my, rng):
    return _moments(_seen(my, rng.normal(2, dtype=TWO, shift=1.0).tolist()))


def stream_of_several(my, rng):
    return _moments(_seen(my, _table(rng, 7, 3)))


def stream_read_as_it_goes(my, rng):
    stream, found = my.RunningMoments(), []
    for one in _table(rng, 5, 2):
        stream.update(one)
        found.append(_moments(stream))
    return found


def stream_of_one(my, rng):
    return _moments(_seen(my, _table(rng, 1, 3)))


def stream_of_whole_numbers(my, rng):
    return [
        _moments(_seen(my, [rng.integer(-9, 10) for _ in range(5)])),
        _moments(_seen(my, rng.integers(2**30, 2**30 + 50, 6, 2))),
    ]


def stream_of_tables(my, rng):
    return _moments(_seen(my, _table(rng, 5, 2, 3, dtype=TWO)))


def stream_far_from_zero(my, rng):
    """Around a million in float64, a spread of 1."""
    return _seen(my, rng.normal(40, 3, dtype=TWO, shift=rng.choice([-1e6, 1e6]))).variance


def stream_far_from_zero_in_float32(my, rng):
    return _seen(my, rng.normal(20, 2, shift=rng.choice([-3e3, 3e3]))).variance


def streams_side_by_side(my, rng):
    """Two streams at the same time, each with its own numbers."""
    one, other = my.RunningMoments(), my.RunningMoments()
    for left, right in zip(_table(rng, 4, 3), _table(rng, 4, 3)):
        one.update(left)
        other.update(right)
    return [_moments(one), _moments(other)]


def stream_whose_caller_goes_on(my, rng):
    """The caller uses one tensor for all observations, and writes the next one into it."""
    table = _table(rng, 5, 3)
    row, stream = torch.empty(3), my.RunningMoments()
    for one in table:
        row.copy_(one)
        stream.update(row)
    row.zero_()
    return _moments(stream)


def stream_handing_out(my, rng):
    """What was handed out early is looked at late."""
    stream, early = my.RunningMoments(), []
    for one in _table(rng, 4, 2):
        stream.update(one)
        early.append(_moments(stream))
    return early


def stream_that_keeps_nothing(my, rng):
    stream = _seen(my, _table(rng, 60, 3))
    named = [getattr(stream, one, None) for kind in type(stream).__mro__ for one in getattr(kind, "__slots__", ())]
    return [_moments(stream), _numbers_held([getattr(stream, "__dict__", {}), named]) < 60]


def stream_of_tiny_numbers(my, rng):
    """Spreads of 1e-9, and one entry that never varies."""
    table = _table(rng, 6, 3, dtype=TWO) * 1e-9
    table[:, rng.integer(0, 3)] = 0.5
    return {name: one * 1e9 ** (1 + (name == "variance")) for name, one in _moments(_seen(my, table)).items()}


def stream_after_a_refusal(my, rng):
    """An observation of another shape does not count: the stream goes on as if it had not come."""
    stream, table = my.RunningMoments(), _table(rng, 4, 3)
    found = []
    for one in table:
        stream.update(one)
        rng.attempt(stream.update, torch.ones(5))
        found.append(_moments(stream))
    return found


def stream_of_nothing(my, rng):
    def read(name):
        return getattr(my.RunningMoments(), name)

    return [rng.attempt(read, "mean"), rng.attempt(read, "variance")]


def stream_of_two_shapes(my, rng):
    n = rng.integer(30, 60)
    return [
        rng.attempt(_seen(my, _table(rng, 2, n)).update, _table(rng, n + 3)),
        rng.attempt(_seen(my, _table(rng, 2, n)).update, torch.ones(1)),
        rng.attempt(_seen(my, _table(rng, 2, 1)).update, _table(rng, n)),
        rng.attempt(_seen(my, _table(rng, 2, 2, n)).update, _table(rng, n, 2)),
        rng.attempt(_seen(my, [1.0, 2.0]).update, torch.ones(1)),
    ]


# ── covariance ──


def covariance_of_two(my, rng):
    return my.covariance(_table(rng, 3, 2))


def covariance_of_several(my, rng):
    return my.covariance(_table(rng, 7, 4))


def covariance_of_few_samples(my, rng):
    return [my.covariance(_table(rng, 2, 5)), my.covariance(_table(rng, 6, 1))]


def covariance_of_one_sample(my, rng):
    return [my.covariance(_table(rng, 1, 3)), my.covariance(_table(rng, 2, 1, 3)), my.covariance(_table(rng, 4, 1))]


def covariance_in_a_batch(my, rng):
    return my.covariance(_table(rng, 2, 4, 6, 3))


def covariance_in_float64(my, rng):
    return my.covariance(_views(rng))


def covariance_far_from_zero(my, rng):
    return my.covariance(_table(rng, 8, 3, dtype=TWO) + rng.choice([-1e6, 1e6]))


def covariance_beside_a_constant(my, rng):
    """What does not vary has the covariance 0 with everything: it is known, unlike its correlation."""
    x = _table(rng, 5, 4)
    x[:, rng.integer(0, 4)] = float(rng.integer(-3, 4))
    return my.covariance(x)


def covariance_in_small_and_large_units(my, rng):
    x = _table(rng, 6, 3)
    return [my.covariance(x * 1e-6) * 1e12, my.covariance(x * 1e6) * 1e-12]


def covariance_gradients(my, rng):
    x = _table(rng, 2, 5, 3, dtype=TWO).requires_grad_()
    return rng.gradients(my.covariance(x), x=x)


def covariance_of_no_table(my, rng):
    return [rng.attempt(my.covariance, rng.normal(rng.integer(30, 60))), rng.attempt(my.covariance, torch.ones(()))]


# ── correlation ──


def correlation_of_two(my, rng):
    return my.correlation(_table(rng, 4, 2))


def correlation_of_several(my, rng):
    return my.correlation(_table(rng, 7, 4))


def correlation_of_opposites(my, rng):
    one = rng.normal(5, shift=1.0)
    return my.correlation(torch.stack([one, 3 - 2 * one, rng.normal(5)], dim=-1))


def correlation_of_few_samples(my, rng):
    return [my.correlation(_table(rng, 2, 5)), my.correlation(_table(rng, 6, 1))]


def correlation_of_one_sample(my, rng):
    return [my.correlation(_table(rng, 1, 3)), my.correlation(_table(rng, 2, 1, 3)), my.correlation(_table(rng, 4, 3))]


def correlation_beside_a_constant(my, rng):
    x = _table(rng, 5, 4)
    x[:, rng.integer(0, 4)] = float(rng.integer(-3, 4))
    return my.correlation(x)


def correlation_beside_a_constant_that_rounds(my, rng):
    x = _table(rng, 2, 11, 3, dtype=TWO)
    x[0, :, rng.integer(0, 3)] = rng.choice([0.1, 0.3, 0.7, -2.3])
    return my.correlation(x)


def correlation_of_features_with_equal_numbers(my, rng):
    """Zeros and ones: the first two samples are equal in one feature, the first and the last in another."""
    first = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    return my.correlation(first * rng.uniform(3, low=1.0, high=3.0) + rng.integer(0, 3))


def correlation_of_small_spreads(my, rng):
    """Around a million, with spreads of a hundredth."""
    return my.correlation(_table(rng, 8, 3, dtype=TWO) * 0.01 + rng.choice([-1e6, 1e6]))


def correlation_in_a_batch(my, rng):
    return my.correlation(_table(rng, 2, 4, 6, 3))


def correlation_in_float64(my, rng):
    return my.correlation(_views(rng))


def correlation_of_tiny_and_huge(my, rng):
    x = _table(rng, 6, 3)
    return [my.correlation(x * torch.tensor([1e-25, 1.0, 1e25])), my.correlation(x * 1e-25)]


def correlation_far_from_zero(my, rng):
    return my.correlation(_table(rng, 8, 3, dtype=TWO) + rng.choice([-1e6, 1e6]))


def correlation_gradients(my, rng):
    x = _table(rng, 2, 5, 3, dtype=TWO).requires_grad_()
    return rng.gradients(my.correlation(x), x=x)


def correlation_of_no_table(my, rng):
    return [rng.attempt(my.correlation, rng.normal(rng.integer(30, 60))), rng.attempt(my.correlation, torch.ones(()))]
