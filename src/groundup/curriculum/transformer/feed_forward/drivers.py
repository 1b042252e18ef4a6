"""What is done with feed_forward and swiglu, from small to large.

No weight matrix is square, gates and ups differ, and entries before an activation have both signs and ordinary sizes
unless the case is about others.
"""

import torch


def _short(rng, *shape):
    """Small whole numbers and halves, none of them zero: easy to follow by hand."""
    return rng.integers(-2, 2, *shape).float() + 0.5


def _matrix(rng, rows, columns, dtype=torch.float32):
    """Weights that keep the size of what they multiply."""
    return rng.normal(rows, columns, dtype=dtype, scale=rows**-0.5)


def _two(rng, dim, hidden, dtype=torch.float32):
    return _matrix(rng, dim, hidden, dtype), _matrix(rng, hidden, dim, dtype)


def _three(rng, dim, hidden, dtype=torch.float32):
    return _matrix(rng, dim, hidden, dtype), _matrix(rng, dim, hidden, dtype), _matrix(rng, hidden, dim, dtype)


def _turned(rng, rows, columns):
    """As _matrix, but laid out in memory by columns, with gaps."""
    return _matrix(rng, 2 * columns, rows).T[:, ::2]


# ── feed_forward ──


def feed_forward_of_one_vector(my, rng):
    return my.feed_forward(_short(rng, 2), _short(rng, 2, 3), _short(rng, 3, 2))


def feed_forward_with_one_unit(my, rng):
    x = rng.normal(6, 4)
    return my.feed_forward(x, rng.normal(4, 1), rng.normal(1, 4))


def feed_forward_with_fewer_units_than_entries(my, rng):
    return my.feed_forward(rng.normal(3, 7), *_two(rng, 7, 2))


def feed_forward_of_a_batch(my, rng):
    weights = _two(rng, 5, 11)
    return [my.feed_forward(rng.normal(2, 3, 5), *weights), my.feed_forward(rng.normal(2, 1, 3, 5), *weights)]


def feed_forward_of_each_position_alone(my, rng):
    x, weights = rng.normal(2, 4, 6), _two(rng, 6, 9)
    other = x.clone()
    other[:, 2:] = rng.normal(2, 2, 6)
    return [my.feed_forward(x, *weights), my.feed_forward(other, *weights), my.feed_forward(x[1, 3], *weights)]


def feed_forward_of_silent_units(my, rng):
    x, w_in = rng.uniform(3, 4, low=0.5, high=2.0), -rng.uniform(4, 6, low=0.5, high=2.0)
    return [my.feed_forward(x, w_in, rng.normal(6, 4)), my.feed_forward(-x, w_in, rng.normal(6, 4))]


def feed_forward_of_large_entries(my, rng):
    return my.feed_forward(rng.normal(3, 5, scale=2000.0), *_two(rng, 5, 8))


def feed_forward_in_float64(my, rng):
    return my.feed_forward(rng.normal(3, 6, dtype=torch.float64), *_two(rng, 6, 10, torch.float64))


def feed_forward_in_half_precision(my, rng):
    x, weights = rng.normal(3, 6), _two(rng, 6, 10)
    return [my.feed_forward(x.to(one), *(w.to(one) for w in weights)) for one in (torch.bfloat16, torch.float16)]


def feed_forward_of_transposed_tensors(my, rng):
    x = rng.normal(6, 2, 3).permute(2, 1, 0)
    return my.feed_forward(x, _turned(rng, 6, 8), _turned(rng, 8, 6))


def feed_forward_leaves_its_inputs_alone(my, rng):
    x, (w_in, w_out) = rng.normal(3, 5), _two(rng, 5, 8)
    return [my.feed_forward(x, w_in, w_out), x, w_in, w_out]


def feed_forward_gradients(my, rng):
    x, (w_in, w_out) = rng.normal(2, 3, 5), _two(rng, 5, 8)
    for one in (x, w_in, w_out):
        one.requires_grad_()
    return rng.gradients(my.feed_forward(x, w_in, w_out), x=x, w_in=w_in, w_out=w_out)


# ── swiglu ──


def swiglu_of_one_vector(my, rng):
    return my.swiglu(_short(rng, 2), _short(rng, 2, 3), _short(rng, 2, 3), _short(rng, 3, 2))


def swiglu_with_one_unit(my, rng):
    return my.swiglu(rng.normal(6, 4), rng.normal(4, 1), rng.normal(4, 1), rng.normal(1, 4))


def swiglu_with_fewer_units_than_entries(my, rng):
    return my.swiglu(rng.normal(3, 7), *_three(rng, 7, 2))


def swiglu_of_a_batch(my, rng):
    weights = _three(rng, 5, 11)
    return [my.swiglu(rng.normal(2, 3, 5), *weights), my.swiglu(rng.normal(2, 1, 3, 5), *weights)]


def swiglu_of_each_position_alone(my, rng):
    x, weights = rng.normal(2, 4, 6), _three(rng, 6, 9)
    other = x.clone()
    other[:, 2:] = rng.normal(2, 2, 6)
    return [my.swiglu(x, *weights), my.swiglu(other, *weights), my.swiglu(x[1, 3], *weights)]


def swiglu_of_closed_gates(my, rng):
    x, w_gate = rng.uniform(3, 4, low=0.5, high=2.0), -rng.uniform(4, 6, low=0.5, high=2.0)
    return my.swiglu(x, w_gate, rng.normal(4, 6), rng.normal(6, 4))


def swiglu_with_nothing_to_let_through(my, rng):
    w_gate, w_up, w_down = _three(rng, 5, 7)
    w_gate[:, ::3], w_up[:, 1::3] = 0.0, 0.0
    return my.swiglu(rng.normal(3, 5, scale=3.0), w_gate, w_up, w_down)


def swiglu_of_large_gates(my, rng):
    w_gate, w_up, w_down = _three(rng, 5, 8)
    return my.swiglu(rng.normal(4, 5), w_gate * 400.0, w_up, w_down)


def swiglu_in_float64(my, rng):
    return my.swiglu(rng.normal(3, 6, dtype=torch.float64), *_three(rng, 6, 10, torch.float64))


def swiglu_in_half_precision(my, rng):
    x, weights = rng.normal(3, 6), _three(rng, 6, 10)
    return [my.swiglu(x.to(one), *(w.to(one) for w in weights)) for one in (torch.bfloat16, torch.float16)]


def swiglu_of_transposed_tensors(my, rng):
    x = rng.normal(6, 2, 3).permute(2, 1, 0)
    return my.swiglu(x, _turned(rng, 6, 8), _turned(rng, 6, 8), _turned(rng, 8, 6))


def swiglu_leaves_its_inputs_alone(my, rng):
    x, (w_gate, w_up, w_down) = rng.normal(3, 5), _three(rng, 5, 8)
    return [my.swiglu(x, w_gate, w_up, w_down), x, w_gate, w_up, w_down]


def swiglu_gradients(my, rng):
    x, (w_gate, w_up, w_down) = rng.normal(2, 3, 5), _three(rng, 5, 8)
    for one in (x, w_gate, w_up, w_down):
        one.requires_grad_()
    return rng.gradients(my.swiglu(x, w_gate, w_up, w_down), x=x, w_gate=w_gate, w_up=w_up, w_down=w_down)


def swiglu_gradients_of_large_gates(my, rng):
    x, (w_gate, w_up, w_down) = rng.normal(4, 5), _three(rng, 5, 8)
    w_gate = w_gate * 400.0
    for one in (x, w_gate):
        one.requires_grad_()
    return rng.gradients(my.swiglu(x, w_gate, w_up, w_down), x=x, w_gate=w_gate)
