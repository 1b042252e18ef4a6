"""What is done with layer_norm, rms_norm, pre_norm and post_norm, from small to large.

Weights and biases are random, means are not near 0 and spreads not near 1, so that each step of a norm shows in the
result. No two dimensions of a shape are equal.
"""

import torch


def _short(rng, *shape):
    """Small whole numbers and halves, none of them zero: easy to follow by hand."""
    return rng.integers(-3, 4, *shape).float() + 0.5


def _tall(rng, *shape):
    """Whole numbers of a few hundred, exact in half precision; their squares are not in float16."""
    return rng.integers(250, 600, *shape).float() * rng.choice([-1.0, 1.0])


def _weight(rng, dim, dtype=torch.float32):
    """Away from 0 and from 1."""
    return rng.uniform(dim, low=1.5, high=3.0, dtype=dtype)


def _maps(rng):
    """A norm and a sublayer that are neither linear nor alike, and that do not commute."""
    weight = rng.normal(5, 5)
    return (lambda y: y / (1.0 + y.abs().sum(dim=-1, keepdim=True))), (lambda y: torch.tanh(y @ weight) * 2.0 + 0.5)


# ── layer_norm ──


def layer_norm_of_two_vectors(my, rng):
    return my.layer_norm(_short(rng, 2, 4), torch.ones(4), torch.zeros(4))


def layer_norm_with_weight_and_bias(my, rng):
    return my.layer_norm(rng.normal(3, 6, scale=3.0, shift=2.0), _weight(rng, 6), rng.normal(6))


def layer_norm_without_bias(my, rng):
    return my.layer_norm(rng.normal(3, 5, scale=3.0, shift=2.0), _weight(rng, 5), None)


def layer_norm_in_a_batch(my, rng):
    x = rng.normal(2, 3, 4, 5, scale=2.0) + rng.normal(2, 3, 4, 1, scale=4.0)
    weight, bias = rng.normal(5), rng.normal(5)
    return [my.layer_norm(x, weight, bias), my.layer_norm(x[1, 2, 3], weight, bias)]


def layer_norm_of_small_vectors(my, rng):
    x, weight, bias = rng.normal(3, 6, scale=3e-3), _weight(rng, 6), rng.normal(6, scale=0.1)
    return [my.layer_norm(x, weight, bias), my.layer_norm(x * 300.0, weight, bias, eps=0.5)]


def layer_norm_of_equal_entries(my, rng):
    weight, bias = _weight(rng, 4), rng.normal(4)
    x = torch.full((3, 4), float(rng.integer(2, 9))) * torch.tensor([[1.0], [0.0], [-2.0]])
    return [my.layer_norm(x, weight, bias), my.layer_norm(rng.normal(5, 1), _weight(rng, 1), rng.normal(1))]


def layer_norm_gradients_of_equal_entries(my, rng):
    """Their spread is exactly 0, and the slope of a root is infinite there."""
    x, weight = rng.normal(3, 4), _weight(rng, 4)
    x[rng.integer(0, 3)] = float(rng.integer(2, 9))
    x.requires_grad_()
    return rng.gradients(my.layer_norm(x, weight, rng.normal(4)), x=x)


def layer_norm_in_float64(my, rng):
    dtype = torch.float64
    x = rng.normal(4, 7, dtype=dtype, scale=3.0, shift=1.0)
    return my.layer_norm(x, _weight(rng, 7, dtype), rng.normal(7, dtype=dtype))


def layer_norm_of_transposed_tensors(my, rng):
    x = rng.normal(6, 2, 3, scale=3.0, shift=2.0).permute(2, 1, 0)
    return my.layer_norm(x, _weight(rng, 12)[::2], rng.normal(6))


def layer_norm_far_from_zero(my, rng):
    x = 10000.0 + rng.integers(-16, 17, 4, 8).float() / 8
    return my.layer_norm(x, _weight(rng, 8), rng.normal(8))


def layer_norm_in_half_precision(my, rng):
    x, weight, bias = rng.normal(3, 7, scale=500.0), _weight(rng, 7), rng.normal(7)
    near = rng.integers(100, 110, 3, 7)
    return [
        my.layer_norm(rows.to(one), weight.to(one), bias.to(one))
        for rows in (x, near)
        for one in (torch.bfloat16, torch.float16)
    ]


def layer_norm_leaves_its_inputs_alone(my, rng):
    x, weight, bias = rng.normal(3, 5, shift=1.0), _weight(rng, 5), rng.normal(5)
    return [my.layer_norm(x, weight, bias), x, weight, bias]


def layer_norm_gradients(my, rng):
    x, weight, bias = rng.normal(2, 3, 5, scale=2.0, shift=1.0), _weight(rng, 5), rng.normal(5)
    for one in (x, weight, bias):
        one.requires_grad_()
    return rng.gradients(my.layer_norm(x, weight, bias), x=x, weight=weight, bias=bias)


# ── rms_norm ──


def rms_norm_of_two_vectors(my, rng):
    return my.rms_norm(_short(rng, 2, 4), torch.ones(4))


def rms_norm_in_a_batch(my, rng):
    x = rng.normal(2, 3, 4, 5, scale=2.0) + rng.normal(2, 3, 4, 1, scale=4.0)
    weight = rng.normal(5)
    return [my.rms_norm(x, weight), my.rms_norm(x[1, 2, 3], weight)]


def rms_norm_of_small_vectors(my, rng):
    x, weight = rng.normal(3, 6, scale=3e-3), _weight(rng, 6)
    return [my.rms_norm(x, weight), my.rms_norm(x * 300.0, weight, eps=0.5)]


def rms_norm_of_zeros(my, rng):
    x, weight = rng.normal(3, 5, shift=1.0), _weight(rng, 5)
    x[rng.integer(0, 3)] = 0.0
    x.requires_grad_()
    result = my.rms_norm(x, weight)
    return [result, rng.gradients(result, x=x)]


def rms_norm_in_float64(my, rng):
    x = rng.normal(4, 7, dtype=torch.float64, scale=3.0, shift=1.0)
    return my.rms_norm(x, _weight(rng, 7, torch.float64))


def rms_norm_in_half_precision(my, rng):
    x, weight = _tall(rng, 3, 7), _weight(rng, 7)
    return [my.rms_norm(x.to(one), weight.to(one)) for one in (torch.bfloat16, torch.float16)]


def rms_norm_leaves_its_inputs_alone(my, rng):
    x, weight = rng.normal(6, 3, shift=1.0).T, _weight(rng, 12)[::2]
    return [my.rms_norm(x, weight), x, weight]


def rms_norm_gradients(my, rng):
    x, weight = rng.normal(2, 3, 5, scale=2.0, shift=1.0).requires_grad_(), _weight(rng, 5).requires_grad_()
    return rng.gradients(my.rms_norm(x, weight), x=x, weight=weight)


# ── pre_norm and post_norm ──


def pre_norm_of_numbers(my, rng):
    factor, shift = rng.integer(2, 9), rng.integer(2, 9)
    return my.pre_norm(_short(rng, 3), lambda y: factor * y, lambda y: y + shift)


def pre_norm_of_a_batch(my, rng):
    x = rng.normal(2, 3, 5, scale=2.0)
    return [my.pre_norm(x, *_maps(rng)), x]


def pre_norm_of_a_silent_sublayer(my, rng):
    norm, _ = _maps(rng)
    return my.pre_norm(rng.normal(4, 5), norm, torch.zeros_like)


def pre_norm_calls_each_once(my, rng):
    seen = {"norm": [], "sublayer": []}
    x = _short(rng, 2, 3)
    result = my.pre_norm(
        x, lambda y: (seen["norm"].append(y), y * 3.0)[1], lambda y: (seen["sublayer"].append(y), y + 0.25)[1]
    )
    return [result, seen["norm"], seen["sublayer"]]


def pre_norm_leaves_the_branch_alone(my, rng):
    x, kept = _short(rng, 4, 3), _short(rng, 4, 3)
    return [my.pre_norm(x, lambda y: y * 3.0, lambda y: kept), x, kept]


def pre_norm_gradients(my, rng):
    x = rng.normal(2, 5, dtype=torch.float64).requires_grad_()
    weight = rng.normal(5, 5, dtype=torch.float64).requires_grad_()
    result = my.pre_norm(x, lambda y: y / (1.0 + y.square().sum(-1, keepdim=True)), lambda y: torch.tanh(y @ weight))
    return rng.gradients(result, x=x, weight=weight)


def post_norm_of_numbers(my, rng):
    factor, shift = rng.integer(2, 9), rng.integer(2, 9)
    return my.post_norm(_short(rng, 3), lambda y: factor * y, lambda y: y + shift)


def post_norm_of_a_batch(my, rng):
    x = rng.normal(2, 3, 5, scale=2.0)
    return [my.post_norm(x, *_maps(rng)), x]


def post_norm_of_a_silent_sublayer(my, rng):
    norm, _ = _maps(rng)
    return my.post_norm(rng.normal(4, 5), norm, torch.zeros_like)


def post_norm_calls_each_once(my, rng):
    seen = {"norm": [], "sublayer": []}
    x = _short(rng, 2, 3)
    result = my.post_norm(
        x, lambda y: (seen["norm"].append(y), y * 3.0)[1], lambda y: (seen["sublayer"].append(y), y + 0.25)[1]
    )
    return [result, seen["norm"], seen["sublayer"]]


def post_norm_leaves_the_branch_alone(my, rng):
    x, kept = _short(rng, 4, 3), _short(rng, 4, 3)
    return [my.post_norm(x, lambda y: y * 3.0, lambda y: kept), x, kept]


def post_norm_gradients(my, rng):
    x = rng.normal(2, 5, dtype=torch.float64).requires_grad_()
    weight = rng.normal(5, 5, dtype=torch.float64).requires_grad_()
    result = my.post_norm(x, lambda y: y / (1.0 + y.square().sum(-1, keepdim=True)), lambda y: torch.tanh(y @ weight))
    return rng.gradients(result, x=x, weight=weight)
