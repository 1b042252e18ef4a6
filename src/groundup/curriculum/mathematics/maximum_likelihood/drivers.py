"""What is done with fit_normal, negative_log_likelihood and fit_logistic, from small to large.

Samples are never centered and never have the spread 1. A logistic fit comes back with its data, so that the judge can say how
probable it makes the labels. Where the most likely weights are to exist, some samples stand there with both labels: then no
plane separates the two kinds.
"""

import torch

TWO = torch.float64


def _samples(rng, *shape, dtype=torch.float32):
    return rng.normal(*shape, dtype=dtype, shift=float(rng.integer(2, 6)), scale=0.5 + rng.integer(1, 5) / 2)


# ── fit_normal ──


def normal_of_three(my, rng):
    return my.fit_normal(rng.integers(-6, 7, 3).float() / 2)


def normal_of_a_few(my, rng):
    return [my.fit_normal(_samples(rng, n)) for n in (2, 5, 17)]


def normal_of_one_sample(my, rng):
    value = float(rng.integer(1, 60))
    return [my.fit_normal(torch.tensor([value])), my.fit_normal(torch.full((4,), -value))]


def normal_in_a_batch(my, rng):
    return [my.fit_normal(_samples(rng, 2, 3, 7)), my.fit_normal(_samples(rng, 4, 1))]


def normal_of_a_view(my, rng):
    x = _samples(rng, 8, 5, dtype=TWO).T[::2]
    return [my.fit_normal(x), x]


def normal_far_from_zero(my, rng):
    return my.fit_normal(_samples(rng, 3, 9, dtype=TWO) + rng.choice([-1e6, 1e6]))


def normal_of_tiny_samples(my, rng):
    return my.fit_normal(_samples(rng, 6) * 1e-12)


def normal_gradients(my, rng):
    x = _samples(rng, 2, 5, dtype=TWO).requires_grad_()
    return rng.gradients(my.fit_normal(x), x=x)


def normal_of_no_sample(my, rng):
    n = rng.integer(2, 60)
    return [rng.attempt(my.fit_normal, torch.zeros(0)), rng.attempt(my.fit_normal, torch.zeros(n, 0))]


# ── negative_log_likelihood ──


def likelihood_of_three(my, rng):
    return my.negative_log_likelihood(rng.uniform(3, low=0.1, high=0.9).log())


def likelihood_of_rows(my, rng):
    return my.negative_log_likelihood(rng.uniform(2, 4, 5, low=0.1, high=0.9).log())


def likelihood_of_densities(my, rng):
    """Logarithms of densities, some of them above 0."""
    return my.negative_log_likelihood(rng.normal(3, 6, dtype=TWO) + 0.5)


def likelihood_of_a_view(my, rng):
    x = -rng.uniform(9, 4, low=0.1, high=3.0, dtype=TWO).T[::2]
    return [my.negative_log_likelihood(x), x]


def likelihood_of_thousands(my, rng):
    """The probability itself is 0 in every dtype."""
    return my.negative_log_likelihood(-rng.uniform(2, 4000, low=1.0, high=9.0, dtype=TWO))


def likelihood_of_the_impossible(my, rng):
    x = -rng.uniform(3, 4, low=0.1, high=3.0)
    x[1, rng.integer(0, 4)] = -torch.inf
    return my.negative_log_likelihood(x)


def likelihood_of_the_improbable(my, rng):
    return my.negative_log_likelihood(-rng.uniform(2, 3, low=50.0, high=900.0))


def likelihood_of_nothing(my, rng):
    n = rng.integer(1, 9)
    return [n, my.negative_log_likelihood(torch.zeros(0)), my.negative_log_likelihood(torch.zeros(n, 0))]


def likelihood_of_one_observation(my, rng):
    return my.negative_log_likelihood(-rng.uniform(3, 1, low=0.1, high=3.0))


def likelihood_in_half_precision(my, rng):
    x = -rng.uniform(2, 9000, low=8.0, high=12.0)
    return [my.negative_log_likelihood(x.to(dtype)) for dtype in (torch.bfloat16, torch.float16)]


def likelihood_gradients(my, rng):
    x = -rng.uniform(3, 4, low=0.1, high=3.0, dtype=TWO)
    x.requires_grad_()
    return rng.gradients(my.negative_log_likelihood(x), x=x)


# ── fit_logistic ──

FAR_OUT = (
    (2, -3),
    (0, -5),
    (2, -7),
    (-60, 7),
    (60, -60),
    (4, -8),
    (-2, 0),
    (31, 32),
    (0, 0),
    (1, 0),
    (0, 0),
    (-1, 0),
    (-1, 8),
)
FAR_OUT_LABELS = (0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1)


def _labeled(rng, n, d, bias=0.7):
    """n rows of d features, with labels of both kinds that no plane separates; float64."""
    x, w = rng.normal(n, d, dtype=TWO, shift=0.5, scale=1.3), rng.uniform(d, low=0.5, high=1.5, dtype=TWO)
    w[::2] *= -1
    y = (rng.uniform(n, dtype=TWO) < torch.sigmoid(x @ w + bias)).double()
    both = x[: d + 1]
    return torch.cat([x, both, both]), torch.cat([y, torch.zeros(d + 1, dtype=TWO), torch.ones(d + 1, dtype=TWO)])


def _fitted(my, x, y, *steps):
    found = my.fit_logistic(x, y, *steps)
    w, b = found if isinstance(found, (tuple, list)) and len(found) == 2 else (found, None)
    return [w, b, x, y]


def logistic_of_two_groups(my, rng):
    """One feature that is 0 or 1: the chances are the shares of ones in the two groups."""
    ones = [rng.integer(1, 5), rng.integer(5, 9)]
    sizes = [ones[0] + rng.integer(3, 9), ones[1] + rng.integer(1, 4)]
    x = torch.tensor([0.0] * sizes[0] + [1.0] * sizes[1], dtype=TWO)[:, None]
    y = torch.cat([(torch.arange(size) < one).double() for one, size in zip(ones, sizes)])
    return [_fitted(my, x, y)]


def logistic_of_one_feature(my, rng):
    return [_fitted(my, *_labeled(rng, 12, 1, bias)) for bias in (-1.0, 0.5)]


def logistic_of_several_features(my, rng):
    return [_fitted(my, *_labeled(rng, 25, 2)), _fitted(my, *_labeled(rng, 40, 4, -1.0))]


def logistic_in_float32(my, rng):
    x, y = _labeled(rng, 30, 3)
    return [_fitted(my, x.float(), y.float())]


def logistic_of_labels_of_other_dtypes(my, rng):
    x, y = _labeled(rng, 12, 2)
    return [_fitted(my, x, y.long()), _fitted(my, x, y.bool()), _fitted(my, x.float(), y)]


def logistic_of_a_rare_label(my, rng):
    x, y = _labeled(rng, 60, 2, bias=-4.5)
    return [_fitted(my, x, y if rng.integer(0, 2) else 1 - y)]


def logistic_of_a_view(my, rng):
    x, y = _labeled(rng, 20, 3)
    wide = torch.stack([x.T, -x.T], dim=-1)
    return [_fitted(my, wide[:, :, 0].T, torch.stack([y, 1 - y], dim=1)[:, 0])]


def logistic_in_other_units(my, rng):
    x, y = _labeled(rng, 25, 3)
    return [_fitted(my, x * torch.tensor([3000.0, 1.0, 0.0003], dtype=TWO), y)]


def logistic_far_from_zero(my, rng):
    """Years, and something else that lies far from zero."""
    x, y = _labeled(rng, 25, 2)
    return [_fitted(my, x * torch.tensor([8.0, 0.5], dtype=TWO) + torch.tensor([2003.0, -40.0], dtype=TWO), y)]


def logistic_with_samples_far_out(my, rng):
    """Whole Newton steps run away here, in whatever units the features are."""
    order = rng.uniform(len(FAR_OUT)).argsort()
    x = torch.tensor(FAR_OUT, dtype=TWO)[order] * rng.uniform(2, low=0.2, high=2.0, dtype=TWO)
    return [_fitted(my, x, torch.tensor(FAR_OUT_LABELS, dtype=TWO)[order])]


def logistic_with_a_column_twice(my, rng):
    x, y = _labeled(rng, 20, 2)
    return [_fitted(my, torch.cat([x, x[:, :1], 2 - x], dim=1), y)]


def logistic_with_constant_columns(my, rng):
    x, y = _labeled(rng, 20, 2)
    return [_fitted(my, torch.cat([torch.full((len(x), 1), c, dtype=TWO), x], dim=1), y) for c in (0.0, 3.0)]


def logistic_of_separated_labels(my, rng):
    """Samples on both sides of a line, moved away from it; and some on both sides of a point."""
    x, across = rng.normal(14, 2, dtype=TWO), rng.normal(2, dtype=TWO)
    y = (x @ across > (x @ across).median()).double()
    x = x + 0.3 * (2 * y - 1)[:, None] * across / across.square().sum().sqrt()
    line = rng.uniform(9, 1, low=0.2, high=2.0, dtype=TWO)
    line[4:] *= -1
    return [_fitted(my, x, y), _fitted(my, 10 * line - 70, (line[:, 0] < 0).double())]


def logistic_of_one_kind_of_label(my, rng):
    x = rng.normal(6, 2, dtype=TWO)
    return [_fitted(my, x, torch.ones(6, dtype=TWO)), _fitted(my, x[:1], torch.zeros(1, dtype=TWO))]


def logistic_of_no_step(my, rng):
    d = rng.integer(2, 6)
    x, y = _labeled(rng, 12, d)
    return [my.fit_logistic(x, y, 0), my.fit_logistic(x.float(), y, steps=0), x]


def logistic_of_one_step(my, rng):
    x, y = _labeled(rng, 30, 2, bias=-4.0)
    return [_fitted(my, x, y, 1), _fitted(my, x, y)]


def logistic_refuses_other_labels(my, rng):
    x, y = _labeled(rng, 12, 2)
    half = y.clone()
    half[rng.integer(0, 12)] = 0.5
    return [rng.attempt(my.fit_logistic, x, wrong) for wrong in (2 * y - 1, y + 1, half)]


def logistic_refuses_other_sizes(my, rng):
    x, y = _labeled(rng, 12, 2)
    return [
        rng.attempt(my.fit_logistic, x, y[:-1]),
        rng.attempt(my.fit_logistic, x, y[:1]),
        rng.attempt(my.fit_logistic, x[:0], y[:0]),
    ]


def logistic_refuses_negative_steps(my, rng):
    return [rng.attempt(my.fit_logistic, *_labeled(rng, 12, 2), steps) for steps in (-1, -7)]
