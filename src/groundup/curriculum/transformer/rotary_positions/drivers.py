"""What is done with rope_frequencies and apply_rope, from small to large.

apply_rope is given tables of random angles, so that it has to use them, and does not depend on the other build. The
numbers of positions, heads and texts differ from one another."""

import torch


def _pair(tables):
    """A tuple or a stacked tensor: two tables either way."""
    cos, sin = tables
    return [cos, sin]


def _with_default(dtype, function, *arguments):
    """A call while torch's default dtype is another."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return function(*arguments)
    finally:
        torch.set_default_dtype(before)


def _turns(rng, n, head_dim):
    """Tables of random angles, the same in both halves."""
    angles = rng.uniform(n, head_dim // 2, low=-3.0, high=3.0, dtype=torch.float64).repeat(1, 2)
    return angles.cos().float(), angles.sin().float()


def _short(rng, *shape):
    """Small whole numbers and halves, none of them zero: easy to follow by hand."""
    return rng.integers(-2, 2, *shape).float() + 0.5


# ── rope_frequencies ──


def tables_of_one_pair(my, rng):
    return _pair(my.rope_frequencies(2, rng.integer(3, 20)))


def tables_of_two_pairs(my, rng):
    return [*_pair(my.rope_frequencies(4, rng.integer(3, 5))), *_pair(my.rope_frequencies(4, rng.integer(5, 30)))]


def tables_of_an_odd_number_of_pairs(my, rng):
    return _pair(my.rope_frequencies(rng.choice([6, 10, 14]), rng.integer(5, 12)))


def tables_of_one_position(my, rng):
    return _pair(my.rope_frequencies(2 * rng.integer(2, 40), 1))


def tables_of_many_pairs(my, rng):
    return _pair(my.rope_frequencies(2 * rng.integer(30, 60), rng.integer(3, 7)))


def tables_of_a_long_text(my, rng):
    return _pair(my.rope_frequencies(8, rng.integer(40, 60)))


def tables_with_another_theta(my, rng):
    n = rng.integer(4, 9)
    large = _pair(my.rope_frequencies(8, n, theta=500000.0))
    return [*large, *_pair(my.rope_frequencies(6, n, rng.uniform(low=20.0, high=50.0).item()))]


def tables_far_away(my, rng):
    n = rng.integer(2000, 3000)
    return [table[-5:] for table in _pair(my.rope_frequencies(12, n))]


def tables_under_another_default(my, rng):
    n = rng.integer(300, 320)
    found = []
    for dtype in (torch.float64, torch.bfloat16):
        found += [table[-3:] for table in _pair(_with_default(dtype, my.rope_frequencies, 6, n))]
    return found


def tables_are_new_each_time(my, rng):
    """Of a size that no other case has."""
    n = rng.integer(3, 8)
    cos, sin = my.rope_frequencies(22, n)
    cos[-1, 0] = rng.integer(50, 90)
    return [cos, sin, *_pair(my.rope_frequencies(22, n))]


def tables_of_odd_numbers(my, rng):
    return [rng.attempt(my.rope_frequencies, head_dim, 4) for head_dim in (2 * rng.integer(1, 9) + 1, 1)]


def tables_of_no_numbers(my, rng):
    n = rng.integer(2, 9)
    return [rng.attempt(my.rope_frequencies, head_dim, n) for head_dim in (0, -2)]


# ── apply_rope ──


def turned_one_pair(my, rng):
    return my.apply_rope(_short(rng, 1, 2), *_turns(rng, 1, 2))


def turned_one_position(my, rng):
    return my.apply_rope(_short(rng, 1, 4), *_turns(rng, 1, 4))


def turned_one_text(my, rng):
    return my.apply_rope(rng.normal(5, 6), *_turns(rng, 5, 6))


def turned_heads(my, rng):
    return my.apply_rope(rng.normal(3, 5, 8), *_turns(rng, 5, 8))


def turned_batches_of_heads(my, rng):
    cos, sin = _turns(rng, 5, 10)
    return [my.apply_rope(rng.normal(2, 3, 5, 10), cos, sin), my.apply_rope(rng.normal(2, 1, 3, 5, 10), cos, sin)]


def turned_by_nothing_and_by_a_quarter(my, rng):
    x, none, one = rng.normal(2, 4, 6), torch.zeros(4, 6), torch.ones(4, 6)
    return [my.apply_rope(x, one, none), my.apply_rope(x, none, one), my.apply_rope(x, -one, none)]


def turned_and_back(my, rng):
    cos, sin = _turns(rng, 5, 6)
    there = my.apply_rope(rng.normal(2, 5, 6), cos, sin)
    return [there, my.apply_rope(there, cos, -sin)]


def turned_at_later_positions(my, rng):
    """A text that goes on after others: rows from the middle of longer tables."""
    cos, sin = _turns(rng, 12, 6)
    begin = rng.integer(2, 8)
    return my.apply_rope(rng.normal(3, 4, 6), cos[begin : begin + 4], sin[begin : begin + 4])


def turned_one_token_while_writing(my, rng):
    cos, sin = _turns(rng, 9, 8)
    at = rng.integer(3, 9)
    return my.apply_rope(rng.normal(2, 3, 1, 8), cos[at : at + 1], sin[at : at + 1])


def turned_at_positions_in_any_order(my, rng):
    cos, sin = _turns(rng, 9, 6)
    positions = rng.integers(0, 9, 5)
    return my.apply_rope(rng.normal(2, 5, 6), cos[positions], sin[positions])


def turned_transposed_tensors(my, rng):
    cos, sin = (table.T.contiguous().T for table in _turns(rng, 5, 8))
    return my.apply_rope(rng.normal(2, 5, 3, 8).transpose(1, 2), cos, sin)


def turned_in_float64(my, rng):
    cos, sin = _turns(rng, 5, 6)
    x = rng.normal(2, 5, 6, dtype=torch.float64)
    return [my.apply_rope(x, cos.double(), sin.double()), my.apply_rope(x, cos, sin)]


def turned_in_half_precision(my, rng):
    cos, sin = _turns(rng, 5, 6)
    x = rng.normal(2, 5, 6)
    halves = [my.apply_rope(x.to(dtype), cos, sin) for dtype in (torch.bfloat16, torch.float16)]
    return [*halves, my.apply_rope(x.to(torch.bfloat16), cos.to(torch.bfloat16), sin.to(torch.bfloat16))]


def turned_by_tables_in_float64(my, rng):
    cos, sin = (table.double() for table in _turns(rng, 5, 6))
    return my.apply_rope(rng.normal(2, 5, 6), cos, sin)


def turned_inputs_left_alone(my, rng):
    x, (cos, sin) = rng.normal(2, 5, 6), _turns(rng, 5, 6)
    return [my.apply_rope(x, cos, sin), x, cos, sin]


def turned_gradients(my, rng):
    x = rng.normal(2, 5, 6).requires_grad_()
    return rng.gradients(my.apply_rope(x, *_turns(rng, 5, 6)), x=x)


def turned_gradients_in_half_precision(my, rng):
    x = rng.normal(2, 5, 6).to(torch.bfloat16).requires_grad_()
    return rng.gradients(my.apply_rope(x, *_turns(rng, 5, 6)), x=x)


def turned_by_tables_of_other_lengths(my, rng):
    n = rng.integer(3, 9)
    cos, sin = _turns(rng, n + 2, 6)
    return [
        rng.attempt(my.apply_rope, rng.normal(2, n, 6), cos, sin),
        rng.attempt(my.apply_rope, rng.normal(1, n + 3, 6), cos, sin),
    ]


def turned_by_tables_of_one_row(my, rng):
    n = rng.integer(3, 9)
    cos, sin = _turns(rng, n, 6)
    return [
        rng.attempt(my.apply_rope, rng.normal(2, n, 6), cos[:1], sin[:1]),
        rng.attempt(my.apply_rope, rng.normal(2, n, 6), cos[0], sin[0]),
        rng.attempt(my.apply_rope, rng.normal(1, 6), cos, sin),
    ]


def turned_by_tables_of_other_widths(my, rng):
    n = rng.integer(3, 9)
    cos, sin = _turns(rng, n, 8)
    return [
        rng.attempt(my.apply_rope, rng.normal(2, n, 4), cos, sin),
        rng.attempt(my.apply_rope, rng.normal(2, n, 8), cos[:, :4], sin[:, :4]),
        rng.attempt(my.apply_rope, rng.normal(2, n, 8), cos[:, :1], sin[:, :1]),
    ]


def turned_by_sines_of_another_shape(my, rng):
    n = rng.integer(3, 9)
    cos, sin = _turns(rng, n, 8)
    return [rng.attempt(my.apply_rope, rng.normal(2, n, 8), cos, other) for other in (sin[:1], sin[:, :1], sin[None])]


def turned_by_tables_of_three_dimensions(my, rng):
    n = rng.integer(3, 9)
    cos, sin = _turns(rng, n, 8)
    return [rng.attempt(my.apply_rope, rng.normal(2, n, 8), cos[None], sin[None])]


# ── both ──


def scores_depend_on_the_distance(my, rng):
    """The same query and key at many places: products of what was turned."""
    n = rng.integer(6, 10)
    cos, sin = my.rope_frequencies(8, n + 20)
    q, k = rng.normal(1, 8).expand(n, 8), rng.normal(1, 8).expand(n, 8)
    near = my.apply_rope(q, cos[:n], sin[:n]) @ my.apply_rope(k, cos[:n], sin[:n]).T
    far = my.apply_rope(q, cos[20:], sin[20:]) @ my.apply_rope(k, cos[20:], sin[20:]).T
    return [near, far]
