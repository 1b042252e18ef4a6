"""What is done with next_token_pairs and GPT, from small to large.

What next_token_pairs draws is never held against one implementation's stream: either there is only one possibility, or the
result is taken relative to where each stretch begins, or its distribution is compared. Models get random weights by their
names, and no two of their sizes are equal.
"""

import functools

import torch


class _OtherNames(Exception):
    """The weights are not those of the exercise; what there is, by name and shape."""


def _fill(model, rng):
    """Random weights by the sorted names, from one draw: matrices keep the size of what they multiply."""
    weights = [weight for _, weight in sorted(model.state_dict().items())]
    drawn = rng.normal(sum(weight.numel() for weight in weights)).split([weight.numel() for weight in weights])
    with torch.no_grad():
        for weight, values in zip(weights, drawn):
            weight.copy_(values.view_as(weight) * (weight.shape[-1] ** -0.5 if weight.dim() > 1 else 1.0))
    return model


def _model(my, rng, vocab=11, dim=12, heads=2, layers=1, context=10):
    """A model with random weights. They go by name, so that with other names there is nothing to compare."""
    model = my.GPT(vocab, dim, heads, layers, context)
    found = {name: list(weight.shape) for name, weight in model.state_dict().items()}
    hidden = -(-dim // 3) * 8
    wanted = {"embedding.weight": [vocab, dim], "norm.weight": [dim]}
    for layer in range(layers):
        wanted |= {f"blocks.{layer}.{name}.weight": [dim, dim] for name in ("q", "k", "v", "o")}
        wanted |= {f"blocks.{layer}.{name}_norm.weight": [dim] for name in ("attention", "feed")}
        wanted |= {f"blocks.{layer}.{name}.weight": [hidden, dim] for name in ("gate", "up")}
        wanted[f"blocks.{layer}.down.weight"] = [dim, hidden]
    if found != wanted:
        raise _OtherNames(found)
    return _fill(model, rng)


def _by_name(driver):
    """A driver of such models: where the names are others, they are the result. Gradients are asked for where they count."""

    @functools.wraps(driver)
    def named(my, rng):
        try:
            with torch.no_grad():
                return driver(my, rng)
        except _OtherNames as other:
            return other.args[0]

    return named


def _ids(rng, vocab, *shape):
    return rng.integers(0, vocab, *shape)


# ── next_token_pairs ──


def pairs_of_the_only_stretch(my, rng):
    length = rng.integer(3, 7)
    ids = _ids(rng, 1000, length + 1)
    return my.next_token_pairs(ids, length, 2, rng.generator())


def pairs_of_single_tokens(my, rng):
    return my.next_token_pairs(_ids(rng, 1000, 2), 1, 3, rng.generator())


def pairs_are_stretches(my, rng):
    begin = rng.integer(100, 900)
    inputs, targets = my.next_token_pairs(begin + torch.arange(40), 6, 9, rng.generator())
    place = inputs[:, :1]
    return [begin, inputs - place, targets - place]


def pairs_hold_the_tokens(my, rng):
    ids = torch.arange(30) * 37 % 101 + rng.integer(0, 50)
    return [ids, my.next_token_pairs(ids, 5, 60, rng.generator())]


def pairs_begin_anywhere(my, rng):
    ids, length = torch.arange(12), rng.integer(3, 6)
    inputs, _ = my.next_token_pairs(ids, length, 4000, rng.generator())
    return inputs[:, 0]


def pairs_begin_independently(my, rng):
    inputs, _ = my.next_token_pairs(torch.arange(10), rng.integer(2, 5), 8000, rng.generator())
    return inputs[1::2, 0] - inputs[::2, 0]


def pairs_come_from_the_generator(my, rng):
    ids, start = _ids(rng, 1000, 500), rng.integer(0, 2**31)
    found = []
    for other in (1, 2):
        torch.default_generator.manual_seed(rng.integer(0, 2**31) + other)
        found.append(my.next_token_pairs(ids, 4, 8, torch.Generator().manual_seed(start)))
    return found


def pairs_differ_from_call_to_call(my, rng):
    ids, generator = _ids(rng, 1000, 5000), rng.generator()
    return [my.next_token_pairs(ids, 4, 8, generator)[0] for _ in range(2)]


def pairs_of_one_stretch_at_a_time(my, rng):
    ids, generator = _ids(rng, 1000, 5000), rng.generator()
    return [my.next_token_pairs(ids, 4, 1, generator)[0] for _ in range(6)]


def pairs_leave_the_text_alone(my, rng):
    text = _ids(rng, 1000, 5, 2)
    ids = text[:, 1]
    inputs, targets = my.next_token_pairs(ids, 4, 3, rng.generator())
    before = ids.clone()
    inputs += 1
    return [before, ids, inputs, targets]


def pairs_in_other_dtypes(my, rng):
    ids = _ids(rng, 100, 6)
    return [my.next_token_pairs(ids.to(dtype), 5, 2, rng.generator()) for dtype in (torch.int32, torch.uint8)]


def pairs_of_too_short_a_text(my, rng):
    n, generator = rng.integer(3, 9), rng.generator()
    ids = _ids(rng, 100, n)
    return [
        rng.attempt(my.next_token_pairs, ids, n, 2, generator),
        rng.attempt(my.next_token_pairs, ids, n + 3, 2, generator),
        rng.attempt(my.next_token_pairs, ids, 0, 2, generator),
        rng.attempt(my.next_token_pairs, ids.reshape(1, n).repeat(7, 1), 2, 2, generator),
    ]


# ── GPT ──


def model_sizes(my, rng):
    sizes = {
        "vocab": rng.integer(20, 30),
        "dim": 16,
        "heads": 4,
        "layers": rng.integer(1, 4),
        "context": rng.integer(5, 9),
    }
    model = my.GPT(**sizes)
    return {name: getattr(model, name) for name in sizes}


def model_weights(my, rng):
    model = my.GPT(rng.integer(20, 30), rng.choice([8, 16, 20]), 2, rng.integer(2, 4), 9)
    return {name: list(weight.shape) for name, weight in model.state_dict().items()}


@_by_name
def model_of_one_token(my, rng):
    model = _model(my, rng, dim=8, heads=1)
    return model(_ids(rng, 11, 1, 1))


@_by_name
def model_of_two_tokens(my, rng):
    model = _model(my, rng, dim=8, heads=1)
    return model(_ids(rng, 11, 1, 2))


@_by_name
def model_with_heads(my, rng):
    model = _model(my, rng, vocab=13, dim=24, heads=3)
    return model(_ids(rng, 13, 1, 7))


@_by_name
def model_with_layers(my, rng):
    model = _model(my, rng, dim=16, heads=2, layers=3)
    return model(_ids(rng, 11, 1, 6))


@_by_name
def model_of_a_batch(my, rng):
    model = _model(my, rng, vocab=14, dim=18, heads=3)
    return model(_ids(rng, 14, 4, 5))


@_by_name
def model_of_a_full_context(my, rng):
    model = _model(my, rng, dim=12, heads=2, context=33)
    return model(_ids(rng, 11, 2, 33))


@_by_name
def model_with_small_activations(my, rng):
    model = _model(my, rng, dim=12, heads=2)
    for name, weight in model.named_parameters():
        if name.endswith(("embedding.weight", "o.weight", "down.weight")):
            weight.mul_(0.01)
    return model(_ids(rng, 11, 2, 5)) * 100


@_by_name
def model_does_not_see_the_future(my, rng):
    model = _model(my, rng, dim=16, heads=2)
    ids = _ids(rng, 11, 1, 8)
    changed = ids.clone()
    changed[:, 4:] = (changed[:, 4:] + 3) % 11
    return model(torch.cat([ids, changed]))


@_by_name
def model_beyond_its_context(my, rng):
    model = _model(my, rng, context=6)
    return [rng.attempt(model, _ids(rng, 11, 2, n)) for n in (7, 20)]


@_by_name
def model_gradients(my, rng):
    model = _model(my, rng, dim=16, heads=2, layers=2)
    with torch.enable_grad():
        return rng.gradients(model(_ids(rng, 11, 2, 6)), **dict(model.named_parameters()))


@_by_name
def model_in_other_dtypes(my, rng):
    """In bfloat16 with blocks that add less, so that three digits are enough to tell right from wrong."""
    model, ids = _model(my, rng, dim=16, heads=2), _ids(rng, 11, 2, 6)
    wide = model.double()(ids)
    for name, weight in model.named_parameters():
        weight.mul_(0.5 if name.startswith("blocks") else 1.0)
    return [wide, model.bfloat16()(ids)]


@_by_name
def model_takes_weights_of_others(my, rng):
    one, two = _model(my, rng), _model(my, rng)
    two.load_state_dict({name: weight.clone() for name, weight in one.state_dict().items()})
    ids = _ids(rng, 11, 2, 5)
    return [one(ids), two(ids), ids]


def model_begins_small(my, rng):
    torch.default_generator.manual_seed(rng.generator().initial_seed() % 2**31)
    model = my.GPT(100, 32, 2, 1, 8)
    names = ("embedding", "q", "k", "v", "gate", "up")
    weights = [one.detach().flatten() for name, one in model.named_parameters() if name.split(".")[-2] in names]
    return torch.cat(weights)[: 11890 + rng.integer(0, 9)]


def model_begins_smaller_where_it_adds(my, rng):
    torch.default_generator.manual_seed(rng.generator().initial_seed() % 2**31)
    model = my.GPT(20, 32, 2, 5, 8)
    weights = [one.detach().flatten() for name, one in model.named_parameters() if name.split(".")[-2] in ("o", "down")]
    return torch.cat(weights)[: 18000 + rng.integer(0, 9)]


def model_norms_begin_as_ones(my, rng):
    torch.default_generator.manual_seed(rng.generator().initial_seed() % 2**31)
    model = my.GPT(20, rng.choice([8, 12, 16]), 2, 2, 8)
    return {name: one.detach() for name, one in model.named_parameters() if one.dim() == 1}


def model_begins_by_the_global_generator(my, rng):
    seeds = [rng.integer(0, 2**31)] * 2 + [rng.integer(0, 2**31)]
    found = []
    for seed in seeds:
        torch.default_generator.manual_seed(seed)
        model = my.GPT(20, 8, 2, 1, 8)
        found.append(torch.cat([one.detach().flatten() for _, one in sorted(model.named_parameters())]))
    return [seeds, *found]


@_by_name
def cache_token_by_token(my, rng):
    model, ids = _model(my, rng, dim=16, heads=2), _ids(rng, 11, 2, 4)
    cache = model.new_cache(2, 4)
    return [torch.cat([model(ids[:, i : i + 1], cache) for i in range(4)], dim=1), cache.length]


@_by_name
def cache_in_pieces(my, rng):
    model, ids = _model(my, rng, dim=24, heads=3, layers=2), _ids(rng, 11, 2, 7)
    cache, found = model.new_cache(2, 7), []
    for begin, end in ((0, 4), (4, 5), (5, 7)):
        found += [cache.length, model(ids[:, begin:end], cache)]
    return found


@_by_name
def caches_do_not_meet(my, rng):
    model, ids = _model(my, rng), _ids(rng, 11, 2, 5)
    one, two = model.new_cache(1, 5), model.new_cache(1, 5)
    model(ids[:1, :3], one)
    model(ids[1:, :2], two)
    return [model(ids[:1, 3:], one), model(ids[1:, 2:], two)]


class _Kept:
    """The least that a cache is, and a record of the calls."""

    def __init__(self, layers):
        self.parts, self.calls = [[] for _ in range(layers)], []

    @property
    def length(self):
        return sum(k.shape[2] for k, _ in self.parts[-1])

    def update(self, layer, k, v):
        self.calls.append([layer, list(k.shape), list(v.shape)])
        self.parts[layer].append((k, v))
        return tuple(torch.cat(kind, dim=2) for kind in zip(*self.parts[layer]))


@_by_name
def cache_of_another_kind(my, rng):
    model, ids = _model(my, rng, dim=24, heads=3, layers=2), _ids(rng, 11, 2, 7)
    cache = _Kept(2)
    return [model(ids[:, :5], cache), model(ids[:, 5:], cache), cache.calls]


@_by_name
def cache_beyond_the_context(my, rng):
    model, ids = _model(my, rng, context=6), _ids(rng, 11, 1, 8)
    cache = _Kept(1)
    return [
        rng.attempt(model, ids[:, :4], cache),
        rng.attempt(model, ids[:, 4:7], cache),
        rng.attempt(model, ids[:, 4:6], cache),
    ]
