"""What is done with mse_loss, cross_entropy and binary_cross_entropy, from small to large.

No two dimensions of a shape are equal, logits are of the size at which a softmax is not yet saturated unless the case is
about large ones, and the share of ignored places is neither none nor all unless the case says so.
"""

import torch

HALF = (torch.bfloat16, torch.float16)


def _short(rng, *shape):
    """Small whole numbers and halves, none of them zero: easy to follow by hand."""
    return rng.integers(-3, 4, *shape).float() + 0.5


def _classes(rng, count, *shape):
    return torch.as_tensor(rng.integers(0, count, *shape)) if shape else torch.tensor(rng.integer(0, count))


def _some_ignored(rng, targets, number):
    """The targets with about a third of them, one at least, set to ``number``."""
    kept = rng.mask(targets.numel(), p=0.6).reshape(targets.shape)
    return targets.masked_fill(~kept, number)


def _far(rng, *shape, size=5000.0):
    """Entries of about ``size``, half of them negative."""
    return (rng.uniform(*shape, low=0.5, high=2.0) * (1.0 - 2.0 * rng.mask(*shape, p=0.5).float()) * size).round()


# ── mse_loss ──


def mse_of_some_numbers(my, rng):
    return my.mse_loss(_short(rng, 3), _short(rng, 3))


def mse_of_a_batch(my, rng):
    return [
        my.mse_loss(rng.normal(4, 3, scale=2.0), rng.normal(4, 3)),
        my.mse_loss(rng.normal(2, 3, 5), rng.normal(2, 3, 5, shift=1.0)),
        my.mse_loss(rng.normal(), rng.normal()),
    ]


def mse_of_transposed_tensors(my, rng):
    prediction, target = rng.normal(5, 3).T, rng.normal(3, 10)[:, ::2]
    return [my.mse_loss(prediction, target), prediction, target]


def mse_in_float64(my, rng):
    return my.mse_loss(rng.normal(4, 6, dtype=torch.float64), rng.normal(4, 6, dtype=torch.float64))


def mse_in_half_precision(my, rng):
    prediction, target = rng.normal(4, 3), rng.normal(4, 3)
    return [my.mse_loss(prediction.to(dtype), target.to(dtype)) for dtype in HALF]


def mse_gradients(my, rng):
    prediction, target = rng.normal(4, 3).requires_grad_(), rng.normal(4, 3).requires_grad_()
    return rng.gradients(my.mse_loss(prediction, target), prediction=prediction, target=target)


def mse_of_unequal_shapes(my, rng):
    n = rng.integer(4, 9)
    x = rng.normal(n)
    return [
        my.mse_loss(x, rng.normal(n)),
        rng.attempt(my.mse_loss, x[:, None], rng.normal(n)),
        rng.attempt(my.mse_loss, x, rng.normal(1)),
        rng.attempt(my.mse_loss, rng.normal(2, n), x),
        rng.attempt(my.mse_loss, rng.normal(2, n), rng.normal(n, 2)),
    ]


# ── cross_entropy ──


def cross_entropy_of_one_place(my, rng):
    return my.cross_entropy(_short(rng, 1, 4), _classes(rng, 4, 1))


def cross_entropy_of_some_places(my, rng):
    return my.cross_entropy(rng.normal(5, 3, scale=2.0), _classes(rng, 3, 5))


def cross_entropy_of_equal_logits(my, rng):
    classes = rng.integer(5, 40)
    return my.cross_entropy(torch.zeros(3, classes), _classes(rng, classes, 3))


def cross_entropy_of_one_class(my, rng):
    targets = torch.tensor([0, -100, 0])
    return [my.cross_entropy(rng.normal(3, 1), targets), my.cross_entropy(rng.normal(3, 2), targets)]


def cross_entropy_of_texts(my, rng):
    return [
        my.cross_entropy(rng.normal(2, 5, 7, scale=2.0), _classes(rng, 7, 2, 5)),
        my.cross_entropy(rng.normal(2, 3, 4, 6), _classes(rng, 6, 2, 3, 4)),
        my.cross_entropy(rng.normal(6), _classes(rng, 6)),
    ]


def cross_entropy_in_float64(my, rng):
    return my.cross_entropy(rng.normal(4, 6, dtype=torch.float64, scale=3.0), _classes(rng, 6, 4))


def cross_entropy_in_half_precision(my, rng):
    logits, targets = rng.normal(4, 6, scale=2.0), _classes(rng, 6, 4)
    return [my.cross_entropy(logits.to(dtype), targets, label_smoothing=s) for dtype in HALF for s in (0.25, 0.0)]


def cross_entropy_of_transposed_tensors(my, rng):
    logits, targets = rng.normal(7, 5, 2).permute(2, 1, 0), _classes(rng, 7, 5, 2).T
    return [my.cross_entropy(logits, targets), logits, targets]


def cross_entropy_gradients(my, rng):
    logits = rng.normal(2, 4, 5).requires_grad_()
    return rng.gradients(my.cross_entropy(logits, _classes(rng, 5, 2, 4)), logits=logits)


def cross_entropy_of_large_logits(my, rng):
    logits, targets = _far(rng, 6, 5).requires_grad_(), _classes(rng, 5, 6)
    targets[0] = logits[0].argmin()  # somewhere the model is sure and wrong
    loss = my.cross_entropy(logits, targets)
    return [loss, rng.gradients(loss, logits=logits)]


def cross_entropy_far_from_zero(my, rng):
    logits = (rng.integers(-12, 13, 4, 5) / 4 + rng.choice([1000.0, -1000.0])).requires_grad_()
    loss = my.cross_entropy(logits, _classes(rng, 5, 4))
    return [loss, rng.gradients(loss, logits=logits)]


def cross_entropy_of_impossible_classes(my, rng):
    targets = _classes(rng, 6, 4)
    possible = rng.mask(4, 6).scatter(1, targets[:, None], True)
    logits = rng.normal(4, 6).masked_fill(~possible, -torch.inf).requires_grad_()
    loss = my.cross_entropy(logits, targets)
    return [loss, rng.gradients(loss, logits=logits)]


def cross_entropy_ignores(my, rng):
    logits, targets = rng.normal(7, 4, scale=2.0), _classes(rng, 4, 7)
    return my.cross_entropy(logits, _some_ignored(rng, targets, -100))


def cross_entropy_ignores_minus_one(my, rng):
    logits, targets = rng.normal(2, 5, 4, scale=2.0), _some_ignored(rng, _classes(rng, 4, 2, 5), -1)
    return [my.cross_entropy(logits, targets, ignore_index=-1), my.cross_entropy(logits, targets, -1), logits, targets]


def cross_entropy_ignores_a_class(my, rng):
    padding = rng.integer(0, 5)
    logits, targets = rng.normal(9, 5, scale=2.0), _some_ignored(rng, _classes(rng, 5, 9), padding)
    return my.cross_entropy(logits, targets, ignore_index=padding)


def cross_entropy_ignores_a_number_beyond(my, rng):
    beyond = rng.integer(1000, 2000)
    logits, targets = rng.normal(7, 4, scale=2.0), _some_ignored(rng, _classes(rng, 4, 7), beyond)
    return my.cross_entropy(logits, targets, ignore_index=beyond)


def cross_entropy_ignores_in_gradients(my, rng):
    logits, targets = rng.normal(7, 4).requires_grad_(), _some_ignored(rng, _classes(rng, 4, 7), -100)
    return rng.gradients(my.cross_entropy(logits, targets), logits=logits)


def cross_entropy_of_nothing(my, rng):
    logits = rng.normal(3, 4, scale=2.0).requires_grad_()
    loss = my.cross_entropy(logits, torch.full((3,), -100))
    smoothed = my.cross_entropy(logits, torch.full((3,), -1), -1, 0.2)
    return [loss, rng.gradients(loss, logits=logits), logits, smoothed, rng.gradients(smoothed, logits=logits)]


def cross_entropy_smoothed(my, rng):
    logits, targets = _short(rng, 3, 4), _classes(rng, 4, 3)
    return [my.cross_entropy(logits, targets, label_smoothing=s) for s in (0.2, 0.45, 1.0)]


def cross_entropy_smoothed_and_ignoring(my, rng):
    logits, targets = rng.normal(2, 6, 5, scale=2.0), _some_ignored(rng, _classes(rng, 5, 2, 6), -1)
    return my.cross_entropy(logits, targets, ignore_index=-1, label_smoothing=0.3)


def cross_entropy_smoothed_gradients(my, rng):
    logits, targets = rng.normal(7, 4).requires_grad_(), _some_ignored(rng, _classes(rng, 4, 7), -100)
    return rng.gradients(my.cross_entropy(logits, targets, label_smoothing=0.35), logits=logits)


def cross_entropy_smoothed_of_large_logits(my, rng):
    logits = _far(rng, 4, 5).requires_grad_()
    loss = my.cross_entropy(logits, _classes(rng, 5, 4), label_smoothing=0.1)
    return [loss, rng.gradients(loss, logits=logits)]


def cross_entropy_of_many_places(my, rng):
    n = rng.integer(6000, 7000)
    logits = torch.zeros(n, 3, dtype=torch.float16)
    logits[:, 0] = rng.uniform(low=14.0, high=28.0).to(torch.float16)
    return my.cross_entropy(logits, torch.ones(n, dtype=torch.int64))


def cross_entropy_of_unequal_shapes(my, rng):
    logits = rng.normal(2, 3, 4)
    return [
        my.cross_entropy(logits, _classes(rng, 4, 2, 3)),
        rng.attempt(my.cross_entropy, logits, _classes(rng, 4, 3, 2)),
        rng.attempt(my.cross_entropy, logits[0], _classes(rng, 4, 3, 1)),
        rng.attempt(my.cross_entropy, logits.transpose(1, 2), _classes(rng, 3, 2, 3)),
    ]


# ── binary_cross_entropy ──


def binary_of_some_numbers(my, rng):
    return my.binary_cross_entropy(_short(rng, 4), rng.mask(4, p=0.5).float())


def binary_of_a_batch(my, rng):
    return [
        my.binary_cross_entropy(rng.normal(3, 5, scale=2.0), rng.mask(3, 5).float()),
        my.binary_cross_entropy(rng.normal(2, 3, 4), rng.mask(2, 3, 4).float()),
        my.binary_cross_entropy(rng.normal(), rng.uniform()),
    ]


def binary_with_targets_between(my, rng):
    return my.binary_cross_entropy(rng.normal(3, 4, scale=2.0), rng.uniform(3, 4))


def binary_in_float64(my, rng):
    logits = rng.normal(4, 5, dtype=torch.float64, scale=3.0)
    return my.binary_cross_entropy(logits, rng.uniform(4, 5, dtype=torch.float64))


def binary_in_half_precision(my, rng):
    logits, targets = rng.normal(4, 3, scale=2.0), rng.mask(4, 3).float()
    return [my.binary_cross_entropy(logits.to(dtype), targets.to(dtype)) for dtype in HALF]


def binary_of_transposed_tensors(my, rng):
    logits, targets = rng.normal(5, 3).T, rng.uniform(3, 10)[:, ::2]
    return [my.binary_cross_entropy(logits, targets), logits, targets]


def binary_of_large_logits(my, rng):
    logits, targets = _far(rng, 3, 4).requires_grad_(), rng.mask(3, 4, p=0.5).float()
    targets[0, 0] = float(logits[0, 0] < 0)  # somewhere the model is sure and wrong
    loss = my.binary_cross_entropy(logits, targets)
    return [loss, rng.gradients(loss, logits=logits)]


def binary_of_many_large_logits(my, rng):
    """In float16, which holds each of the terms but not their sum."""
    logits = _far(rng, 6, 8).to(torch.float16)
    return my.binary_cross_entropy(logits, (logits < 0).to(torch.float16))


def binary_gradients(my, rng):
    logits = rng.normal(4, 3, scale=2.0).requires_grad_()
    return rng.gradients(my.binary_cross_entropy(logits, rng.uniform(4, 3)), logits=logits)


def binary_gradients_at_zero(my, rng):
    logits = torch.zeros(3, 2).requires_grad_()
    return rng.gradients(my.binary_cross_entropy(logits, rng.uniform(3, 2)), logits=logits)


def binary_of_unequal_shapes(my, rng):
    n = rng.integer(4, 9)
    x = rng.normal(n)
    return [
        my.binary_cross_entropy(x, rng.uniform(n)),
        rng.attempt(my.binary_cross_entropy, x[:, None], rng.uniform(n)),
        rng.attempt(my.binary_cross_entropy, x, rng.uniform(1)),
        rng.attempt(my.binary_cross_entropy, rng.normal(2, n), rng.uniform(n)),
        rng.attempt(my.binary_cross_entropy, rng.normal(2, n), rng.uniform(n, 2)),
    ]
