"""What is done with LlamaBlock, Llama and rename_checkpoint, from small to large.

Models get random weights by their names. No two sizes are equal, heads are wider or narrower than the stream divided by their
number, and angles are those of no particular positions where the case is about a block.
"""

import collections
import functools

import torch

_FIELDS = "vocab dim layers heads kv_heads head_dim hidden context eps theta rope_scaling tied"
_OF_RELATIVES = {"qkv_bias": False, "qk_norm": False, "windows": ()}  # what Qwen and Mistral have and Llama has not
_Config = collections.namedtuple("_Config", [*_FIELDS.split(), *_OF_RELATIVES], defaults=_OF_RELATIVES.values())
_USUAL = _Config(13, 12, 1, 4, 2, 6, 20, 16, 1e-5, 10000.0, None, False)


class _OtherNames(Exception):
    """The weights are not those of the exercise; what there is, by name and shape."""


def _of_a_block(config):
    wide, narrow, dim = config.heads * config.head_dim, config.kv_heads * config.head_dim, config.dim
    return {
        "attention_norm.weight": [dim], "feed_norm.weight": [dim], "q.weight": [wide, dim], "k.weight": [narrow, dim],
        "v.weight": [narrow, dim], "o.weight": [dim, wide], "gate.weight": [config.hidden, dim],
        "up.weight": [config.hidden, dim], "down.weight": [dim, config.hidden],
    }  # fmt: skip


def _of_a_model(config):
    found = {"embedding.weight": [config.vocab, config.dim], "norm.weight": [config.dim]}
    if not config.tied:
        found["head.weight"] = [config.vocab, config.dim]
    for i in range(config.layers):
        found |= {f"blocks.{i}.{name}": shape for name, shape in _of_a_block(config).items()}
    return found


def _filled(rng, module, wanted):
    """With random weights, from one draw: matrices keep the size of what they multiply.

    They go by name, so that with other names there is nothing to compare.
    """
    state = sorted(module.state_dict().items())
    found = {name: list(weight.shape) for name, weight in state}
    if found != wanted:
        raise _OtherNames(found)
    sizes = [weight.numel() for _, weight in state]
    with torch.no_grad():
        for (_, weight), values in zip(state, rng.normal(sum(sizes)).split(sizes)):
            weight.copy_(values.view_as(weight) * (weight.shape[-1] ** -0.5 if weight.dim() > 1 else 1.0))
    return module


def _calmed(module, part=""):
    """With blocks that add less to the stream: the three digits of bfloat16 are enough then to tell right from wrong."""
    for name, weight in module.named_parameters():
        weight.mul_(0.5 if name.startswith(part) else 1.0)
    return module


def _by_name(driver):
    """A driver of such modules: where the names are others, they are the result. Gradients are asked for where they count."""

    @functools.wraps(driver)
    def named(my, rng):
        try:
            with torch.no_grad():
                return driver(my, rng)
        except _OtherNames as other:
            return other.args[0]

    return named


def _block(my, rng, **changes):
    config = _USUAL._replace(**changes)
    return _filled(rng, my.LlamaBlock(config), _of_a_block(config))


def _model(my, rng, **changes):
    config = _USUAL._replace(**changes)
    return _filled(rng, my.Llama(config), _of_a_model(config))


def _angles(rng, n, head_dim):
    """Cosines and sines of n positions, both halves alike."""
    angles = rng.uniform(n, head_dim // 2, low=-3.0, high=3.0).repeat(1, 2)
    return angles.cos(), angles.sin()


def _causal(n):
    return torch.ones(n, n, dtype=torch.bool).tril()


def _ids(rng, *shape):
    return rng.integers(0, _USUAL.vocab, *shape)


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


# ── LlamaBlock ──


def block_weights(my, rng):
    config = _USUAL._replace(dim=rng.integer(7, 12), hidden=rng.integer(20, 40), kv_heads=rng.choice([1, 2, 4]))
    return {name: list(one.shape) for name, one in my.LlamaBlock(config).state_dict().items()}


@_by_name
def block_of_one_token(my, rng):
    block = _block(my, rng, heads=1, kv_heads=1)
    return block(rng.normal(1, 1, 12), *_angles(rng, 1, 6))


@_by_name
def block_of_two_tokens(my, rng):
    block = _block(my, rng, heads=1, kv_heads=1)
    return block(rng.normal(1, 2, 12), *_angles(rng, 2, 6))


@_by_name
def block_with_heads(my, rng):
    block = _block(my, rng, heads=3, kv_heads=3, head_dim=8)
    return block(rng.normal(1, 5, 12), *_angles(rng, 5, 8))


@_by_name
def block_with_grouped_heads(my, rng):
    block = _block(my, rng, heads=6, kv_heads=2)
    return block(rng.normal(2, 5, 12), *_angles(rng, 5, 6))


@_by_name
def block_with_one_kv_head(my, rng):
    block = _block(my, rng, heads=3, kv_heads=1)
    return block(rng.normal(2, 4, 12), *_angles(rng, 4, 6), _causal(4))


@_by_name
def block_with_masks(my, rng):
    block = _block(my, rng)
    x, cos, sin = rng.normal(3, 5, 12), *_angles(rng, 5, 6)
    real = torch.tensor([[True] * 5, [True] * 3 + [False] * 2, [True] * 4 + [False]])
    return [block(x, cos, sin, _causal(5)), block(x, cos, sin, _causal(5) & real[:, None, None])]


@_by_name
def block_with_another_eps(my, rng):
    block = _block(my, rng, eps=0.3)
    return block(rng.normal(2, 4, 12, scale=0.5), *_angles(rng, 4, 6), _causal(4))


@_by_name
def block_with_small_activations(my, rng):
    block = _block(my, rng, eps=1e-6)
    x = rng.normal(2, 4, 12, scale=1e-3)
    return block(x, *_angles(rng, 4, 6), _causal(4)) - x


@_by_name
def block_with_a_cache(my, rng):
    block = _block(my, rng)
    x, (cos, sin) = rng.normal(2, 6, 12), _angles(rng, 6, 6)
    cache, found = _Kept(4), []
    for begin, end in ((0, 3), (3, 4), (4, 6)):
        mask = _causal(6)[begin:end, :end]
        found.append(block(x[:, begin:end], cos[begin:end], sin[begin:end], mask, cache, 3))
    alone = _Kept(1)  # no layer is named: it is the first
    found.append(block(x, cos, sin, _causal(6), cache=alone))
    return [found, cache.calls, alone.calls, [k.flatten(1) for k, _ in cache.parts[3]]]


@_by_name
def block_in_other_dtypes(my, rng):
    block, x, (cos, sin) = _block(my, rng), rng.normal(2, 5, 12), _angles(rng, 5, 6)
    wide = block.double()(x.double(), cos, sin, _causal(5))
    return [wide, _calmed(block).bfloat16()(x.bfloat16(), cos, sin, _causal(5))]


@_by_name
def block_leaves_its_inputs_alone(my, rng):
    block, x, (cos, sin) = _block(my, rng), rng.normal(12, 5, 2).permute(2, 1, 0), _angles(rng, 5, 6)
    mask = _causal(5)
    return [block(x, cos, sin, mask), x, cos, sin, mask]


@_by_name
def block_gradients(my, rng):
    block, x = _block(my, rng), rng.normal(2, 5, 12).requires_grad_()
    with torch.enable_grad():
        return rng.gradients(block(x, *_angles(rng, 5, 6), _causal(5)), x=x, **dict(block.named_parameters()))


# ── Llama ──


def model_weights(my, rng):
    model = my.Llama(_USUAL._replace(vocab=rng.integer(20, 200)))
    return {name: list(one.shape) for name, one in model.state_dict().items()}


def model_weights_when_tied(my, rng):
    model = my.Llama(_USUAL._replace(vocab=rng.integer(20, 200), layers=2, tied=True))
    return {name: list(one.shape) for name, one in model.state_dict().items()}


def model_holds_its_config(my, rng):
    return list(my.Llama(_USUAL._replace(vocab=rng.integer(20, 90))).config)


@_by_name
def model_of_one_token(my, rng):
    return _model(my, rng)(_ids(rng, 1, 1))


@_by_name
def model_of_a_text(my, rng):
    return _model(my, rng, heads=3, kv_heads=3)(_ids(rng, 1, 7))


@_by_name
def model_of_a_batch(my, rng):
    return _model(my, rng, layers=2)(_ids(rng, 4, 5))


@_by_name
def model_of_a_full_context(my, rng):
    return _model(my, rng, context=40)(_ids(rng, 2, 40))


@_by_name
def model_with_tied_weights(my, rng):
    return _model(my, rng, tied=True)(_ids(rng, 2, 6))


@_by_name
def model_with_another_theta(my, rng):
    return _model(my, rng, theta=50.0, context=30)(_ids(rng, 1, 30))


@_by_name
def model_with_another_eps(my, rng):
    return _model(my, rng, eps=0.4)(_ids(rng, 2, 5))


@_by_name
def model_with_scaled_positions(my, rng):
    linear = {"rope_type": "linear", "factor": 3.0}
    llama3 = {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 24,
    }  # fmt: skip
    ids = _ids(rng, 1, 40)
    return [
        _model(my, rng, rope_scaling=scaling, head_dim=10, theta=500.0, context=40)(ids) for scaling in (linear, llama3)
    ]


@_by_name
def model_of_padded_texts(my, rng):
    model, ids = _model(my, rng, layers=2), _ids(rng, 3, 6)
    lengths = (6, rng.integer(2, 5), 1)
    real = torch.tensor([[i < length for i in range(6)] for length in lengths])
    return [
        [row[:length] for row, length in zip(model(ids, attention_mask=kind), lengths)] for kind in (real, real.long())
    ]


@_by_name
def model_does_not_see_the_future(my, rng):
    model, ids = _model(my, rng, layers=2), _ids(rng, 1, 8)
    changed = ids.clone()
    changed[:, 4:] = (changed[:, 4:] + 3) % _USUAL.vocab
    return model(torch.cat([ids, changed]))


@_by_name
def model_beyond_its_context(my, rng):
    model = _model(my, rng, context=6)
    return [rng.attempt(model, _ids(rng, 2, n)) for n in (7, 20)]


@_by_name
def model_gradients(my, rng):
    model = _model(my, rng, layers=2)
    with torch.enable_grad():
        return rng.gradients(model(_ids(rng, 2, 6)), **dict(model.named_parameters()))


@_by_name
def model_in_other_dtypes(my, rng):
    model, ids = _model(my, rng), _ids(rng, 2, 6)
    wide = model.double()(ids)
    return [wide, _calmed(model, "blocks").bfloat16()(ids)]


@_by_name
def model_takes_weights_of_others(my, rng):
    one, two = _model(my, rng), _model(my, rng)
    two.load_state_dict({name: weight.clone() for name, weight in one.state_dict().items()})
    ids = _ids(rng, 2, 5)
    return [one(ids), two(ids), ids]


def model_begins_small(my, rng):
    torch.default_generator.manual_seed(rng.generator().initial_seed() % 2**31)
    model = my.Llama(_USUAL._replace(vocab=150, dim=24, layers=3, hidden=60, head_dim=8))
    weights = [one.detach().flatten() for one in model.parameters() if one.dim() == 2]
    return torch.cat(weights)[: 27060 + rng.integer(0, 9)]


def model_norms_begin_as_ones(my, rng):
    model = my.Llama(_USUAL._replace(dim=rng.integer(7, 30), layers=2))
    return {name: one.detach() for name, one in model.named_parameters() if one.dim() == 1}


@_by_name
def cache_in_pieces(my, rng):
    model, ids = _model(my, rng, layers=2), _ids(rng, 2, 7)
    cache, found = model.new_cache(2, 7), []
    for begin, end in ((0, 4), (4, 5), (5, 7)):
        found += [cache.length, model(ids[:, begin:end], cache)]
    return found


@_by_name
def caches_do_not_meet(my, rng):
    model, ids = _model(my, rng), _ids(rng, 2, 5)
    one, two = model.new_cache(1, 5), model.new_cache(1, 5)
    model(ids[:1, :3], one)
    model(ids[1:, :2], two)
    return [model(ids[:1, 3:], one), model(ids[1:, 2:], two)]


@_by_name
def cache_of_another_kind(my, rng):
    model, ids = _model(my, rng, layers=2), _ids(rng, 2, 7)
    cache = _Kept(2)
    return [model(ids[:, :5], cache), model(ids[:, 5:], cache), cache.calls]


@_by_name
def cache_beyond_the_context(my, rng):
    model, ids = _model(my, rng, context=6), _ids(rng, 1, 8)
    cache = _Kept(1)
    return [
        rng.attempt(model, ids[:, :4], cache),
        rng.attempt(model, ids[:, 4:7], cache),
        rng.attempt(model, ids[:, 4:6], cache),
    ]


# ── rename_checkpoint ──


def _named(my, rng, *names):
    """Each name with a number of its own, renamed, and whether the tensors are the same objects."""
    state = {name: rng.normal(2) for name in names}
    found = my.rename_checkpoint(state)
    same = all(any(one is other for other in state.values()) for one in found.values())
    return [found, same, list(state)]


def names_outside_the_layers(my, rng):
    return _named(my, rng, "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight")


def names_of_attention(my, rng):
    i = rng.integer(0, 10)
    return _named(my, rng, *(f"model.layers.{i}.self_attn.{one}_proj.weight" for one in "qkvo"))


def names_of_the_feed_forward_layer(my, rng):
    i = rng.integer(0, 10)
    return _named(my, rng, *(f"model.layers.{i}.mlp.{one}_proj.weight" for one in ("gate", "up", "down")))


def names_of_norms(my, rng):
    i = rng.integer(0, 10)
    return _named(my, rng, *(f"model.layers.{i}.{one}_layernorm.weight" for one in ("input", "post_attention")))


def names_of_many_layers(my, rng):
    numbers = (0, 1, 10, 11, rng.integer(30, 99), 101)
    return _named(my, rng, *(f"model.layers.{i}.mlp.down_proj.weight" for i in numbers))


def names_with_another_last_word(my, rng):
    return _named(my, rng, "model.layers.3.self_attn.q_proj.bias", "model.norm.bias", "lm_head.scale")


def names_of_old_tables(my, rng):
    return _named(
        my, rng, "model.layers.0.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq", "model.norm.weight"
    )


def names_that_are_not_known(my, rng):
    return _named(
        my, rng, "adapter", "model.layers.2.self_attn.sinks.weight", "model.layers.0.mlp.experts.7.up_proj.weight",
        "vision.model.norm.weight", "model.embed_tokens", "embedding.table",
    )  # fmt: skip


def names_known_in_another_place(my, rng):
    return _named(
        my, rng, "input_layernorm.weight", "model.layers.0.lm_head.weight", "model.layers.0.model.norm.weight",
        "mlp.up_proj.weight", "model.self_attn.q_proj.weight", "vision.layers.3.mlp.up_proj.weight",
        "model.blocks.1.input_layernorm.weight",
    )  # fmt: skip


def names_of_nothing(my, rng):
    return [my.rename_checkpoint({}), _named(my, rng, "model.norm.weight")]


@_by_name
def names_of_a_whole_checkpoint(my, rng):
    """A small model's, renamed and loaded into the model."""
    config = _USUAL
    hub = {"embedding": "model.embed_tokens", "norm": "model.norm", "head": "lm_head"}
    inner = {
        "attention_norm": "input_layernorm", "feed_norm": "post_attention_layernorm", "q": "self_attn.q_proj",
        "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj", "gate": "mlp.gate_proj",
        "up": "mlp.up_proj", "down": "mlp.down_proj",
    }  # fmt: skip
    state = {}
    for name, shape in _of_a_model(config).items():
        words = name.split(".")
        stem = f"model.layers.{words[1]}.{inner[words[2]]}" if words[0] == "blocks" else hub[words[0]]
        state[f"{stem}.weight"] = rng.normal(*shape, scale=0.3)
    model = _model(my, rng)
    model.load_state_dict(my.rename_checkpoint(state))
    return {name: weight.sum() for name, weight in sorted(model.state_dict().items())}
