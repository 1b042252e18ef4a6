"""What is done with split_heads, merge_heads, repeat_kv and MultiHeadAttention, from small to large.

The numbers of heads, positions and numbers of a head differ from one another and from the batch, so that no dimension
can stand in for another; heads, kv_heads and their quotient differ, too, and none of them is 1, but where a case says
so.
"""

import torch


def _layer(my, rng, dim, heads, *kv_heads, dtype=torch.float32):
    """A layer with all weights drawn at random, by their names."""
    return rng.fill(my.MultiHeadAttention(dim, heads, *kv_heads)).to(dtype)


def _causal(n):
    return torch.ones(n, n, dtype=torch.bool).tril()


def _numbered(rng, *shape):
    """Whole numbers in order, from a random first one."""
    count = 1
    for size in shape:
        count *= size
    return (torch.arange(count) + rng.integer(1, 50)).reshape(shape).float()


# ── split_heads ──


def split_two_positions(my, rng):
    return my.split_heads(_numbered(rng, 2, 6), 3)


def split_one_text(my, rng):
    return my.split_heads(rng.normal(5, 12), 3)


def split_a_batch(my, rng):
    return my.split_heads(rng.normal(2, 5, 12), 4)


def split_two_batch_dimensions(my, rng):
    return my.split_heads(rng.normal(3, 2, 5, 8), 4)


def split_into_one_and_into_all(my, rng):
    x = rng.normal(2, 3, 5)
    return [my.split_heads(x, 1), my.split_heads(x, 5), my.split_heads(x[:, :1], 5)]


def split_transposed_tensors(my, rng):
    return [my.split_heads(rng.normal(10, 3, 2).permute(2, 1, 0), 5), my.split_heads(rng.normal(2, 6, 3).mT, 2)]


def split_other_dtypes(my, rng):
    x = rng.normal(4, 6, dtype=torch.float64)
    return [my.split_heads(x.to(dtype), 2) for dtype in (torch.float64, torch.bfloat16, torch.float16)]


def split_gradients(my, rng):
    x = rng.normal(2, 3, 8).requires_grad_()
    return rng.gradients(my.split_heads(x, 4), x=x)


def split_what_does_not_divide(my, rng):
    n = rng.integer(2, 6)
    return [rng.attempt(my.split_heads, rng.normal(n, dim), heads) for dim, heads in ((10, 4), (8, 3), (4, 8))]


def split_into_no_heads(my, rng):
    n = rng.integer(2, 6)
    return [rng.attempt(my.split_heads, rng.normal(n, 6), heads) for heads in (0, -2, -1)]


# ── merge_heads ──


def merge_two_positions(my, rng):
    return my.merge_heads(_numbered(rng, 3, 2, 2))


def merge_one_text(my, rng):
    return my.merge_heads(rng.normal(3, 5, 4))


def merge_a_batch(my, rng):
    return my.merge_heads(rng.normal(2, 4, 5, 3))


def merge_two_batch_dimensions(my, rng):
    return my.merge_heads(rng.normal(3, 2, 4, 5, 6))


def merge_one_head_and_one_number(my, rng):
    return [
        my.merge_heads(rng.normal(2, 1, 3, 5)),
        my.merge_heads(rng.normal(2, 4, 3, 1)),
        my.merge_heads(rng.normal(4, 1, 3)),
    ]


def merge_transposed_tensors(my, rng):
    return [
        my.merge_heads(rng.normal(2, 5, 3, 4).transpose(1, 2)),
        my.merge_heads(rng.normal(6, 5, 4).permute(2, 1, 0)),
    ]


def merge_other_dtypes(my, rng):
    x = rng.normal(2, 4, 3, dtype=torch.float64)
    return [my.merge_heads(x.to(dtype)) for dtype in (torch.float64, torch.bfloat16, torch.float16)]


def merge_gradients(my, rng):
    x = rng.normal(2, 4, 3, 5).requires_grad_()
    return rng.gradients(my.merge_heads(x), x=x)


# ── repeat_kv ──


def repeat_two_heads(my, rng):
    return my.repeat_kv(_numbered(rng, 2, 1, 2), 3)


def repeat_in_one_text(my, rng):
    return my.repeat_kv(rng.normal(3, 5, 4), 2)


def repeat_in_a_batch(my, rng):
    return my.repeat_kv(rng.normal(2, 3, 5, 4), 4)


def repeat_in_two_batch_dimensions(my, rng):
    return my.repeat_kv(rng.normal(3, 2, 4, 5, 6), 2)


def repeat_one_head_for_all(my, rng):
    return my.repeat_kv(rng.normal(2, 1, 5, 3), 4)


def repeat_once(my, rng):
    return my.repeat_kv(rng.normal(2, 3, 5, 4), 1)


def repeat_transposed_tensors(my, rng):
    return my.repeat_kv(rng.normal(2, 5, 3, 4).transpose(1, 2), 2)


def repeat_other_dtypes(my, rng):
    x = rng.normal(2, 4, 3, dtype=torch.float64)
    return [my.repeat_kv(x.to(dtype), 3) for dtype in (torch.float64, torch.bfloat16, torch.float16)]


def repeat_gradients(my, rng):
    x = rng.normal(2, 3, 4, 5).requires_grad_()
    return rng.gradients(my.repeat_kv(x, 4), x=x)


# ── MultiHeadAttention ──


def _shapes(layer):
    return sorted([name, list(value.shape)] for name, value in layer.state_dict().items())


def layer_state(my, rng):
    sizes = [(rng.integer(2, 7), rng.integer(7, 30)) for _ in range(2)]
    return [_shapes(my.MultiHeadAttention(heads * head_dim, heads)) for heads, head_dim in sizes]


def layer_state_with_fewer_keys(my, rng):
    kv_heads, groups, head_dim = rng.integer(2, 4), rng.integer(4, 6), rng.integer(7, 30)
    return _shapes(my.MultiHeadAttention(kv_heads * groups * head_dim, kv_heads * groups, kv_heads))


def layer_starting_weights(my, rng):
    torch.default_generator.manual_seed(rng.integer(0, 2**31))
    layer = my.MultiHeadAttention(48, 4, rng.choice([2, None]))
    return {name: value.detach() for name, value in sorted(layer.named_parameters())}


def layer_starts_anew(my, rng):
    """Two layers of one size: their weights differ."""
    dim = 6 * rng.integer(2, 30)
    states = [my.MultiHeadAttention(dim, 6, 2).state_dict() for _ in range(2)]
    return [dim, {name: torch.equal(one, states[1][name]) for name, one in sorted(states[0].items())}]


def layer_of_one_head(my, rng):
    return _layer(my, rng, 3, 1)(rng.normal(2, 3))


def layer_of_two_heads(my, rng):
    return _layer(my, rng, 6, 2)(rng.normal(3, 6))


def layer_on_a_batch(my, rng):
    return _layer(my, rng, 12, 3)(rng.normal(2, 5, 12))


def layer_of_many_narrow_heads(my, rng):
    return _layer(my, rng, 10, 5)(rng.normal(3, 4, 10))


def layer_on_two_batch_dimensions(my, rng):
    return _layer(my, rng, 12, 4, 2)(rng.normal(2, 3, 5, 12))


def layer_on_one_position(my, rng):
    return _layer(my, rng, 12, 4, 2)(rng.normal(3, 1, 12))


def layer_with_grouped_queries(my, rng):
    return _layer(my, rng, 18, 6, 2)(rng.normal(2, 5, 18))


def layer_with_pairs_of_queries(my, rng):
    return _layer(my, rng, 32, 8, 4)(rng.normal(3, 32))


def layer_with_one_head_of_keys(my, rng):
    return _layer(my, rng, 12, 4, 1)(rng.normal(2, 5, 12))


def layer_with_as_many_heads_of_keys(my, rng):
    return _layer(my, rng, 15, 3, 3)(rng.normal(2, 4, 15))


def layer_causal(my, rng):
    n = rng.integer(4, 8)
    return _layer(my, rng, 12, 3)(rng.normal(2, n, 12), _causal(n))


def layer_causal_with_grouped_queries(my, rng):
    return _layer(my, rng, 18, 6, 3)(rng.normal(2, 5, 18), mask=_causal(5))


def layer_masked_at_random(my, rng):
    return _layer(my, rng, 12, 4, 2)(rng.normal(5, 12), rng.mask(5, 5))


def layer_masked_padding(my, rng):
    return _layer(my, rng, 12, 2)(rng.normal(3, 5, 12), rng.mask(3, 1, 1, 5))


def layer_with_a_mask_for_each_head(my, rng):
    layer, x = _layer(my, rng, 16, 4, 2), rng.normal(2, 5, 16)
    return [layer(x, rng.mask(4, 5, 5)), layer(x, rng.mask(2, 4, 5, 5))]


def layer_masked_whole_rows(my, rng):
    mask = rng.mask(5, 5)
    mask[rng.integer(0, 5)] = False
    return _layer(my, rng, 12, 4, 2)(rng.normal(2, 5, 12), mask)


def layer_masked_whole_rows_of_one_head(my, rng):
    mask = rng.mask(4, 5, 5)
    mask[rng.integer(0, 4), rng.integer(0, 5)] = False
    return _layer(my, rng, 12, 4, 2)(rng.normal(2, 5, 12), mask)


def layer_masked_whole_texts(my, rng):
    """One text of three is nothing but padding."""
    mask = rng.mask(3, 1, 1, 5)
    mask[rng.integer(0, 3)] = False
    return _layer(my, rng, 12, 4, 2)(rng.normal(3, 5, 12), mask)


def layer_masked_best_match(my, rng):
    """One position whose scores are in the hundred thousands, and which nobody may attend to."""
    layer, x, best = _layer(my, rng, 12, 4, 2), rng.normal(5, 12), rng.integer(0, 5)
    x[best] *= 3e5
    mask = torch.ones(5, 5, dtype=torch.bool)
    mask[:, best], mask[best] = False, False
    return layer(x, mask)


def layer_in_float64(my, rng):
    return _layer(my, rng, 12, 4, 2, dtype=torch.float64)(rng.normal(2, 5, 12, dtype=torch.float64), _causal(5))


def layer_in_half_precision(my, rng):
    x = rng.normal(2, 5, 12)
    return [
        _layer(my, rng, 12, 4, 2, dtype=dtype)(x.to(dtype), _causal(5)) for dtype in (torch.bfloat16, torch.float16)
    ]


def layer_on_transposed_tensors(my, rng):
    return _layer(my, rng, 12, 4, 2)(rng.normal(12, 5, 2).permute(2, 1, 0), rng.mask(5, 5).T)


def layer_called_again(my, rng):
    layer = _layer(my, rng, 12, 3)
    first = layer(rng.normal(2, 6, 12), _causal(6))
    return [first, layer(rng.normal(3, 4, 12)), layer.eval()(rng.normal(5, 12))]


def layer_leaves_its_inputs_alone(my, rng):
    layer, x, mask = _layer(my, rng, 12, 4, 2), rng.normal(2, 5, 12), rng.mask(5, 5)
    return [layer(x, mask), x, mask]


def layer_gradients(my, rng):
    layer, x = _layer(my, rng, 12, 3), rng.normal(2, 5, 12).requires_grad_()
    return rng.gradients(layer(x), x=x, **{name: layer.get_parameter(f"{name}.weight") for name in "qkvo"})


def layer_gradients_with_grouped_queries(my, rng):
    layer, x = _layer(my, rng, 18, 6, 2), rng.normal(2, 5, 18).requires_grad_()
    mask = rng.mask(5, 5)
    mask[rng.integer(0, 5)] = False
    return rng.gradients(layer(x, mask), x=x, **{name: layer.get_parameter(f"{name}.weight") for name in "qkvo"})


def layer_of_heads_that_do_not_divide(my, rng):
    dim = 10 * rng.choice([1, 2, 4, 5])
    return [rng.attempt(my.MultiHeadAttention, dim, heads) for heads in (0, -2, 3, 2 * dim)]


def layer_of_keys_that_do_not_divide(my, rng):
    dim = 12 * rng.integer(1, 4)
    return [rng.attempt(my.MultiHeadAttention, dim, 6, kv_heads) for kv_heads in (-2, 4, 12)]


def layer_without_heads_of_keys(my, rng):
    heads = rng.integer(2, 6)
    return [rng.attempt(my.MultiHeadAttention, 3 * heads, heads, 0)]
