"""What is done with sinusoidal_positions, alibi_bias and relative_positions, from small to large.

Numbers of positions, columns and heads differ; half of the numbers of heads are no powers of two, and only one is 8,
where several wrong formulas for the slopes are right.
"""

import torch


def _with_default(dtype, function, *arguments):
    """A call while torch's default dtype is another."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return function(*arguments)
    finally:
        torch.set_default_dtype(before)


def _edited(rng, function, *arguments):
    """A table that its caller has changed, and the next one. Of sizes that no other case has."""
    first = function(*arguments)
    first[..., -1, 0] = rng.integer(50, 90)
    return [first, function(*arguments)]


# ── sinusoidal_positions ──


def waves_of_one_pair(my, rng):
    return my.sinusoidal_positions(rng.integer(3, 9), 2)


def waves_of_two_pairs(my, rng):
    return [my.sinusoidal_positions(rng.integer(3, 5), 4), my.sinusoidal_positions(rng.integer(5, 30), 4)]


def waves_of_an_odd_number_of_pairs(my, rng):
    return my.sinusoidal_positions(rng.integer(5, 12), rng.choice([6, 10, 14]))


def waves_of_the_first_position(my, rng):
    return my.sinusoidal_positions(1, 2 * rng.integer(2, 40))


def waves_of_a_short_text_in_many_columns(my, rng):
    return my.sinusoidal_positions(rng.integer(3, 7), 2 * rng.integer(30, 60))


def waves_of_a_long_text_in_few_columns(my, rng):
    return my.sinusoidal_positions(rng.integer(40, 60), 8)


def waves_far_away(my, rng):
    n = rng.integer(2000, 3000)
    return my.sinusoidal_positions(n, 12)[-5:]


def waves_under_another_default(my, rng):
    n = rng.integer(300, 320)
    return [_with_default(dtype, my.sinusoidal_positions, n, 6)[-3:] for dtype in (torch.float64, torch.bfloat16)]


def waves_are_new_each_time(my, rng):
    return _edited(rng, my.sinusoidal_positions, rng.integer(3, 8), 22)


def waves_of_odd_columns(my, rng):
    return [rng.attempt(my.sinusoidal_positions, 4, dim) for dim in (2 * rng.integer(1, 9) + 1, 1)]


def waves_of_no_columns(my, rng):
    n = rng.integer(2, 9)
    return [rng.attempt(my.sinusoidal_positions, n, dim) for dim in (0, -2)]


# ── alibi_bias ──


def bias_of_two_heads(my, rng):
    return [my.alibi_bias(2, rng.integer(3, 5)), my.alibi_bias(2, rng.integer(5, 30))]


def bias_of_one_head(my, rng):
    return [my.alibi_bias(1, rng.integer(3, 5)), my.alibi_bias(1, rng.integer(5, 30))]


def bias_of_four_and_of_sixteen_heads(my, rng):
    return [my.alibi_bias(4, rng.integer(3, 7)), my.alibi_bias(16, rng.integer(2, 12))]


def bias_of_eight_heads(my, rng):
    return [my.alibi_bias(8, rng.integer(3, 5)), my.alibi_bias(8, rng.integer(5, 20))]


def bias_of_three_heads(my, rng):
    return [my.alibi_bias(3, rng.integer(2, 5)), my.alibi_bias(3, rng.integer(5, 30))]


def bias_of_other_numbers_of_heads(my, rng):
    n = rng.integer(3, 7)
    return [my.alibi_bias(heads, n) for heads in (6, 7, 12, rng.integer(17, 31))]


def bias_of_one_position(my, rng):
    return [my.alibi_bias(rng.integer(2, 20), 1), my.alibi_bias(rng.integer(2, 20), 2)]


def bias_of_a_long_text(my, rng):
    return my.alibi_bias(5, rng.integer(70, 90))


def bias_in_the_scores(my, rng):
    """The bias between causal scores and their softmax: what a head looks at."""
    n = rng.integer(5, 9)
    scores = rng.normal(2, 6, n, n) + my.alibi_bias(6, n)
    return torch.softmax(scores.masked_fill(~torch.ones(n, n, dtype=torch.bool).tril(), -1e9), dim=-1)


def bias_under_another_default(my, rng):
    n = rng.integer(300, 310)
    return [_with_default(dtype, my.alibi_bias, 3, n)[:, -2:, :9] for dtype in (torch.float64, torch.bfloat16)]


def bias_is_new_each_time(my, rng):
    return _edited(rng, my.alibi_bias, 9, rng.integer(3, 8))


def bias_of_no_heads(my, rng):
    n = rng.integer(2, 9)
    return [rng.attempt(my.alibi_bias, heads, n) for heads in (0, -2)]


# ── relative_positions ──


def distances_in_a_short_text(my, rng):
    return [my.relative_positions(rng.integer(4, 6), 2), my.relative_positions(rng.integer(6, 40), 2)]


def distances_that_reach_everywhere(my, rng):
    n = rng.integer(3, 6)
    return my.relative_positions(n, n + rng.integer(1, 5))


def distances_up_to_one(my, rng):
    return [my.relative_positions(rng.integer(3, 5), 1), my.relative_positions(rng.integer(5, 40), 1)]


def distances_that_just_reach(my, rng):
    n = rng.integer(4, 9)
    return [my.relative_positions(n, n - 1), my.relative_positions(n, n - 2)]


def distances_up_to_none(my, rng):
    return my.relative_positions(rng.integer(3, 30), 0)


def distances_of_one_position(my, rng):
    return my.relative_positions(1, rng.integer(1, 300))


def distances_in_a_long_text(my, rng):
    return my.relative_positions(rng.integer(30, 50), rng.integer(8, 16))


def distances_as_rows_of_a_table(my, rng):
    n, reach = rng.integer(5, 8), rng.integer(2, 4)
    table = rng.normal(2 * reach + 1, 4).requires_grad_()
    picked = table[my.relative_positions(n, reach)]
    return [picked, rng.gradients(picked, table=table)]


def distances_under_another_default(my, rng):
    n = rng.integer(300, 310)
    return [_with_default(dtype, my.relative_positions, n, 280)[0, -40:] for dtype in (torch.float64, torch.bfloat16)]


def distances_are_new_each_time(my, rng):
    return _edited(rng, my.relative_positions, rng.integer(9, 15), 3)


def distances_up_to_less_than_nothing(my, rng):
    n = rng.integer(2, 9)
    return [rng.attempt(my.relative_positions, n, reach) for reach in (-1, -n)]
