"""What is done with EncoderLayer, DecoderLayer and DecoderOnlyBlock, from small to large.

Every parameter is drawn at random, the norms' weights and biases too, so that each step shows in the result. dim, hidden,
the numbers of heads, of positions and of texts differ; only the first case of each block has a single head.
"""

import math

import torch


def _fill(rng, module, dtype=torch.float32):
    """Every parameter drawn, in the order of the names; no dropout is active, unless a case switches it on again."""
    named = sorted(module.state_dict().items())
    drawn = rng.normal(sum(one.numel() for _, one in named)).split([one.numel() for _, one in named])
    with torch.no_grad():
        for (_, one), values in zip(named, drawn):
            one.copy_(values.view(one.shape) / (math.sqrt(one.shape[-1]) if one.dim() > 1 else 1.0))
    return (module if dtype is torch.float32 else module.to(dtype)).eval()


def _attempt(function, *arguments):
    """The error that a call raises, or else that nothing was raised. An unwritten build stays unwritten."""
    try:
        function(*arguments)
    except NotImplementedError:
        raise
    except Exception as error:
        return error
    return "nothing was raised"


def _state(module):
    """Names and shapes of what is saved, by name."""
    return {name: list(one.shape) for name, one in sorted(module.state_dict().items())}


def _beginning(module):
    """Of each parameter how it begins, and whether it learns."""
    found = {}
    for name, one in sorted(module.named_parameters()):
        same = bool((one == one.flatten()[0]).all())
        found[name] = [one.flatten()[0].item() if same else "at random", list(one.shape), one.requires_grad]
    return found


def _tables(rng, n, head_dim):
    """Cosines and sines of angles, each row the same in both halves."""
    angles = rng.uniform(n, head_dim // 2, low=-3.0, high=3.0).repeat(1, 2)
    return angles.cos(), angles.sin()


def _causal(n):
    return torch.ones(n, n, dtype=torch.bool).tril()


def _learned(rng, module, result, **inputs):
    """The gradients with respect to inputs and to every parameter, by name."""
    return rng.gradients(result, **inputs, **dict(module.named_parameters()))


def _what_dropout_leaves(rng, module, branches, *memory):
    """Of many draws of what dropout leaves of each branch: the least and the largest share, how many were dropped, and in
    how many places that differed from another call's.

    All other branches are set to zero, the norms only normalize, and the last two entries get nothing from the branch: they
    come out as they went in but for the norms, and so tell how to undo these.
    """
    x = torch.tensor([1.0, -1.0]).repeat(10).double()[None]  # one position, of mean 0 and variance 1
    torch.default_generator.manual_seed(rng.integer(0, 2**31))
    last = {name: one for name, one in _fill(rng, module, torch.float64).named_parameters() if name in branches}
    drawn = {name: one.detach().clone() for name, one in last.items()}

    def added(times):
        y = module(x.expand(times, 1, 20), *(one.expand(times, 1, 20) for one in memory))
        scale = (x[..., -1:] - x[..., -2:-1]) / (y[..., -1:] - y[..., -2:-1])
        return ((y - y[..., -1:]) * scale + x[..., -1:] - x)[..., :-2]

    shares = []
    with torch.no_grad():
        for name, one in module.named_parameters():
            if "norm" in name:
                one.fill_(float(name.endswith("weight")))
        for branch in branches:
            for name, one in last.items():
                one.copy_(drawn[name]) if name == branch else one.zero_()
                one[-2:] = 0.0
            module.eval()
            whole = added(1)
            module.train()
            shares.append(added(300) / whole)
    gone = [one.abs() < 0.01 for one in shares]
    unlike = [(one != gone[n - 1]).double().mean().item() for n, one in enumerate(gone)]
    return [[a.amin().item(), a.amax().item(), b.double().mean().item(), c] for a, b, c in zip(shares, gone, unlike)]


# ── EncoderLayer ──


def encoder_names_and_shapes(my, rng):
    return _state(my.EncoderLayer(*rng.choice([(6, 3, 10), (8, 2, 5), (12, 3, 7)])))


def encoder_at_the_beginning(my, rng):
    return _beginning(my.EncoderLayer(2 * rng.integer(2, 40), 2, 7))


@torch.no_grad()
def encoder_of_a_short_text(my, rng):
    return _fill(rng, my.EncoderLayer(4, 1, 6))(rng.normal(3, 4))


@torch.no_grad()
def encoder_of_a_batch(my, rng):
    layer = _fill(rng, my.EncoderLayer(12, 3, 7))
    return [layer(rng.normal(*shape, 12)) for shape in ((2, 1, 5), (4, 1))]


@torch.no_grad()
def encoder_with_a_mask(my, rng):
    return _fill(rng, my.EncoderLayer(8, 2, 11))(rng.normal(3, 5, 8), rng.mask(5, 5))


@torch.no_grad()
def encoder_with_padding(my, rng):
    layer, x = _fill(rng, my.EncoderLayer(8, 4, 11)), rng.normal(3, 6, 8)
    return layer(x, mask=rng.mask(3, 1, 1, 6))


@torch.no_grad()
def encoder_position_that_may_attend_to_nothing(my, rng):
    mask = rng.mask(5, 5)
    mask[rng.integer(0, 5)] = False
    return _fill(rng, my.EncoderLayer(8, 2, 11))(rng.normal(2, 5, 8), mask)


@torch.no_grad()
def encoder_of_small_vectors(my, rng):
    layer = _fill(rng, my.EncoderLayer(8, 2, 11))
    with torch.no_grad():
        layer.attention_norm.weight.mul_(3e-3)
        layer.attention_norm.bias.mul_(3e-3)
    return layer(rng.normal(2, 5, 8, scale=3e-3))


@torch.no_grad()
def encoder_in_float64(my, rng):
    layer = _fill(rng, my.EncoderLayer(6, 3, 9), torch.float64)
    return layer(rng.normal(4, 6, dtype=torch.float64), _causal(4))


@torch.no_grad()
def encoder_in_half_precision(my, rng):
    layer = _fill(rng, my.EncoderLayer(8, 2, 11), torch.bfloat16)
    return layer(rng.normal(2, 5, 8, dtype=torch.bfloat16), rng.mask(5, 5))


@torch.no_grad()
def encoder_leaves_its_inputs_alone(my, rng):
    layer, x, mask = _fill(rng, my.EncoderLayer(6, 2, 9)), rng.normal(6, 5).T, rng.mask(5, 5)
    return [layer(x, mask), x, mask]


def encoder_gradients(my, rng):
    layer, x = _fill(rng, my.EncoderLayer(6, 2, 9)), rng.normal(2, 4, 6).requires_grad_()
    return _learned(rng, layer, layer(x, rng.mask(4, 4)), x=x)


@torch.no_grad()
def encoder_dropout_of_everything(my, rng):
    layer, given = _fill(rng, my.EncoderLayer(6, 2, 9, dropout=1.0)), (rng.normal(2, 4, 6),)
    return [layer.train()(*given), layer.eval()(*given)]


def encoder_without_dropout_in_training(my, rng):
    return _fill(rng, my.EncoderLayer(6, 2, 9)).train()(rng.normal(2, 4, 6))


def encoder_dropout_in_training(my, rng):
    layer = my.EncoderLayer(20, 2, 24, rng.choice([0.2, 0.3, 0.4]))
    return _what_dropout_leaves(rng, layer, ("attention.o.weight", "w_out.weight"))


def encoder_refuses_heads(my, rng):
    heads = rng.integer(3, 9)
    return [_attempt(my.EncoderLayer, heads * 4 + 1, heads, 8), _attempt(my.EncoderLayer, heads, heads + 1, 8)]


# ── DecoderLayer ──


def decoder_names_and_shapes(my, rng):
    return _state(my.DecoderLayer(*rng.choice([(6, 3, 10), (8, 2, 5), (12, 3, 7)])))


def decoder_at_the_beginning(my, rng):
    return _beginning(my.DecoderLayer(2 * rng.integer(2, 40), 2, 7))


@torch.no_grad()
def decoder_of_a_short_text(my, rng):
    return _fill(rng, my.DecoderLayer(4, 1, 6))(rng.normal(3, 4), rng.normal(2, 4))


@torch.no_grad()
def decoder_of_a_batch(my, rng):
    layer = _fill(rng, my.DecoderLayer(12, 3, 7))
    shapes = (((2, 1, 3), (2, 1, 6)), ((3, 4), (3, 1)))
    return [layer(rng.normal(*text, 12), rng.normal(*memory, 12)) for text, memory in shapes]


@torch.no_grad()
def decoder_with_a_mask_on_the_memory(my, rng):
    layer, x, memory = _fill(rng, my.DecoderLayer(8, 4, 11)), rng.normal(3, 5, 8), rng.normal(3, 6, 8)
    return [layer(x, memory, None, rng.mask(3, 1, 1, 6)), layer(x, memory, memory_mask=rng.mask(5, 6))]


@torch.no_grad()
def decoder_with_both_masks(my, rng):
    layer, x, memory = _fill(rng, my.DecoderLayer(8, 2, 11)), rng.normal(3, 4, 8), rng.normal(3, 6, 8)
    return layer(x, memory, _causal(4), rng.mask(3, 1, 1, 6))


@torch.no_grad()
def decoder_with_two_masks_for_equal_lengths(my, rng):
    layer, x, memory = _fill(rng, my.DecoderLayer(8, 2, 11)), rng.normal(3, 4, 8), rng.normal(3, 4, 8)
    first, second = _causal(4), rng.mask(4, 4)
    return [layer(x, memory, first, second), layer(x, memory, first), layer(x, memory, None, second)]


@torch.no_grad()
def decoder_with_nothing_in_the_memory_to_attend_to(my, rng):
    mask = rng.mask(3, 1, 1, 6)
    mask[rng.integer(0, 3)] = False
    return _fill(rng, my.DecoderLayer(8, 2, 11))(rng.normal(3, 4, 8), rng.normal(3, 6, 8), None, mask)


@torch.no_grad()
def decoder_in_float64(my, rng):
    layer = _fill(rng, my.DecoderLayer(6, 3, 9), torch.float64)
    return layer(rng.normal(4, 6, dtype=torch.float64), rng.normal(5, 6, dtype=torch.float64), _causal(4))


@torch.no_grad()
def decoder_leaves_its_inputs_alone(my, rng):
    layer, x, memory, mask = _fill(rng, my.DecoderLayer(6, 2, 9)), rng.normal(6, 5).T, rng.normal(4, 6), rng.mask(5, 4)
    return [layer(x, memory, None, mask), x, memory, mask]


def decoder_gradients(my, rng):
    layer = _fill(rng, my.DecoderLayer(6, 2, 9))
    x, memory = rng.normal(2, 4, 6).requires_grad_(), rng.normal(2, 3, 6).requires_grad_()
    return _learned(rng, layer, layer(x, memory, _causal(4)), x=x, memory=memory)


@torch.no_grad()
def decoder_dropout_of_everything(my, rng):
    layer, given = _fill(rng, my.DecoderLayer(6, 2, 9, dropout=1.0)), (rng.normal(2, 4, 6), rng.normal(2, 3, 6))
    return [layer.train()(*given), layer.eval()(*given)]


def decoder_without_dropout_in_training(my, rng):
    return _fill(rng, my.DecoderLayer(6, 2, 9)).train()(rng.normal(2, 4, 6), rng.normal(2, 3, 6))


def decoder_dropout_in_training(my, rng):
    layer, memory = my.DecoderLayer(20, 2, 24, rng.choice([0.2, 0.3, 0.4])), rng.normal(1, 20).double()
    return _what_dropout_leaves(rng, layer, ("attention.o.weight", "cross.o.weight", "w_out.weight"), memory)


def decoder_refuses_heads(my, rng):
    heads = rng.integer(3, 9)
    return [_attempt(my.DecoderLayer, heads * 4 + 1, heads, 8), _attempt(my.DecoderLayer, heads, heads + 1, 8)]


# ── DecoderOnlyBlock ──


def block_names_and_shapes(my, rng):
    return [_state(my.DecoderOnlyBlock(12, 6, kv_heads, rng.integer(13, 20))) for kv_heads in (6, 2)]


def block_at_the_beginning(my, rng):
    return _beginning(my.DecoderOnlyBlock(4 * rng.integer(2, 40), 2, 1, 7))


@torch.no_grad()
def block_of_a_short_text(my, rng):
    return _fill(rng, my.DecoderOnlyBlock(4, 1, 1, 6))(rng.normal(3, 4), *_tables(rng, 3, 4))


@torch.no_grad()
def block_of_a_batch(my, rng):
    block, (cos, sin) = _fill(rng, my.DecoderOnlyBlock(12, 3, 3, 7)), _tables(rng, 5, 4)
    return [block(rng.normal(2, 1, 5, 12), cos, sin), block(rng.normal(3, 1, 12), cos[2:3], sin[2:3])]


@torch.no_grad()
def block_with_a_causal_mask(my, rng):
    return _fill(rng, my.DecoderOnlyBlock(8, 2, 2, 11))(rng.normal(3, 5, 8), *_tables(rng, 5, 4), _causal(5))


@torch.no_grad()
def block_with_grouped_keys(my, rng):
    block = _fill(rng, my.DecoderOnlyBlock(12, 6, 2, 9))
    return block(rng.normal(3, 5, 12), *_tables(rng, 5, 2), mask=_causal(5))


@torch.no_grad()
def block_with_padding(my, rng):
    return _fill(rng, my.DecoderOnlyBlock(8, 2, 1, 11))(rng.normal(3, 6, 8), *_tables(rng, 6, 4), rng.mask(3, 1, 1, 6))


@torch.no_grad()
def block_position_that_may_attend_to_nothing(my, rng):
    mask = rng.mask(3, 1, 5, 5)
    mask[rng.integer(0, 3), :, rng.integer(0, 5)] = False
    return _fill(rng, my.DecoderOnlyBlock(8, 2, 2, 11))(rng.normal(3, 5, 8), *_tables(rng, 5, 4), mask)


@torch.no_grad()
def block_of_small_vectors(my, rng):
    block = _fill(rng, my.DecoderOnlyBlock(8, 2, 2, 11))
    with torch.no_grad():
        block.o.weight.mul_(3e-3)
    return block(rng.normal(2, 5, 8, scale=3e-3), *_tables(rng, 5, 4), _causal(5))


@torch.no_grad()
def block_hands_over_keys_and_values(my, rng):
    seen = []
    block = _fill(rng, my.DecoderOnlyBlock(12, 6, 2, 9))

    def update(k, v):
        seen.append([k, v])
        return k, v

    return [block(rng.normal(2, 5, 12), *_tables(rng, 5, 2), _causal(5), update), seen]


@torch.no_grad()
def block_attends_to_what_it_is_given(my, rng):
    block, mask = _fill(rng, my.DecoderOnlyBlock(12, 6, 2, 9)), rng.mask(3, 7)
    k, v = rng.normal(2, 2, 7, 2), rng.normal(2, 2, 7, 2)
    return block(rng.normal(2, 3, 12), *_tables(rng, 3, 2), mask=mask, update=lambda *new: (k, v))


@torch.no_grad()
def block_token_by_token(my, rng):
    block, x, (cos, sin) = _fill(rng, my.DecoderOnlyBlock(8, 4, 2, 11)), rng.normal(2, 5, 8), _tables(rng, 5, 2)
    kept = []

    def update(k, v):
        kept.append((k, v))
        return torch.cat([one for one, _ in kept], dim=-2), torch.cat([one for _, one in kept], dim=-2)

    found = [block(x[:, :3], cos[:3], sin[:3], _causal(3), update)]
    found += [block(x[:, n : n + 1], cos[n : n + 1], sin[n : n + 1], None, update) for n in (3, 4)]
    return torch.cat(found, dim=1)


@torch.no_grad()
def block_in_float64(my, rng):
    block = _fill(rng, my.DecoderOnlyBlock(8, 4, 2, 9), torch.float64)
    cos, sin = (one.double() for one in _tables(rng, 4, 2))
    return block(rng.normal(4, 8, dtype=torch.float64), cos, sin, _causal(4))


@torch.no_grad()
def block_in_half_precision(my, rng):
    block = _fill(rng, my.DecoderOnlyBlock(8, 2, 1, 11), torch.bfloat16)
    return block(rng.normal(2, 5, 8, dtype=torch.bfloat16), *_tables(rng, 5, 4), _causal(5))


@torch.no_grad()
def block_leaves_its_inputs_alone(my, rng):
    block, x, mask = _fill(rng, my.DecoderOnlyBlock(8, 2, 1, 11)), rng.normal(8, 5).T, rng.mask(5, 5)
    cos, sin = _tables(rng, 5, 4)
    return [block(x, cos, sin, mask), x, cos, sin, mask]


def block_gradients(my, rng):
    block, x = _fill(rng, my.DecoderOnlyBlock(8, 4, 2, 9)), rng.normal(2, 4, 8).requires_grad_()
    return _learned(rng, block, block(x, *_tables(rng, 4, 2), _causal(4)), x=x)


def block_refuses_heads(my, rng):
    heads = rng.integer(3, 9)
    return [
        _attempt(my.DecoderOnlyBlock, heads * 4 + 1, heads, 1, 8),
        _attempt(my.DecoderOnlyBlock, heads * 4, heads * 2, heads * 2 - 1, 8),
        _attempt(my.DecoderOnlyBlock, heads * 4, heads, heads * 2, 8),
    ]
