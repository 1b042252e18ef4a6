"""What is done with the activations, the softmax, kaiming_init, Linear and MLP, from small to large.

Shapes are not square, batches have several dimensions, and modules are filled with values of the driver's own: how their
weights begin is a case of its own. What draws is compared by its distribution, over some ten thousand numbers.
"""

import torch

HALF = (torch.bfloat16, torch.float16)
DTYPES = (torch.float64, *HALF)


def _short(rng, *shape):
    """Small whole numbers and halves, none of them zero: easy to follow by hand."""
    return rng.integers(-3, 4, *shape).float() + 0.5


def _far(rng, *shape, size=100.0):
    """Entries of about ``size``, half of them negative, none near zero."""
    return rng.uniform(*shape, low=0.5, high=2.0) * size * (1.0 - 2.0 * rng.mask(*shape, p=0.5).float())


def _apart(rng, *shape):
    """Normal numbers that keep away from 0, where the slope of relu is a matter of taste."""
    x = rng.normal(*shape)
    return x + 0.05 * torch.where(x < 0, -1.0, 1.0)


def _made(rng, make, *sizes, **named):
    """A module with the driver's values in its parameters. What is no parameter keeps the value that it was made with, from
    a seeded source."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(rng.integer(0, 2**31))
        return rng.fill(make(*sizes, **named))


def _refusal(rng, make, *arguments):
    """The error that a module's making raises, or that it was made."""
    answer = rng.attempt(make, *arguments)
    return answer if isinstance(answer, Exception) else "made"


def _names(module):
    """Names and shapes of the state, and the names of what is trained, in order."""
    state = [[name, list(tensor.shape)] for name, tensor in module.state_dict().items()]
    return [state, [name for name, one in module.named_parameters() if one.requires_grad]]


# ── relu ──


def relu_of_some_numbers(my, rng):
    return my.relu(_short(rng, 6))


def relu_of_a_batch(my, rng):
    x = _apart(rng, 4, 2, 3).permute(1, 2, 0)
    return [my.relu(x), my.relu(_far(rng, 2, 5)), my.relu(-rng.uniform(3, low=0.5, high=1.5))]


def relu_keeps_the_dtype(my, rng):
    x = _apart(rng, 3, 5)
    return [my.relu(x.to(dtype)) for dtype in DTYPES]


def relu_leaves_its_input_alone(my, rng):
    x = _short(rng, 3, 4)
    return [my.relu(x), x]


def relu_gradients(my, rng):
    x = _apart(rng, 3, 7).requires_grad_()
    return rng.gradients(my.relu(x), x=x)


# ── gelu ──


def gelu_of_some_numbers(my, rng):
    return my.gelu(_short(rng, 5))


def gelu_of_a_batch(my, rng):
    x = rng.normal(4, 2, 3, scale=1.5).permute(1, 2, 0)
    return [my.gelu(x), x, my.gelu(rng.uniform(3, 8, low=-4.6, high=4.6))]


def gelu_in_float64(my, rng):
    return my.gelu(rng.normal(3, 6, dtype=torch.float64, scale=1.5))


def gelu_in_half_precision(my, rng):
    x = rng.normal(3, 7, scale=1.5)
    return [my.gelu(x.to(dtype)) for dtype in HALF]


def gelu_of_far_entries(my, rng):
    x = _far(rng, 3, 6).requires_grad_()
    result = my.gelu(x)
    return [result, rng.gradients(result, x=x)]


def gelu_gradients(my, rng):
    x = rng.normal(2, 3, 4).requires_grad_()
    return rng.gradients(my.gelu(x), x=x)


# ── silu ──


def silu_of_some_numbers(my, rng):
    return my.silu(_short(rng, 5))


def silu_of_a_batch(my, rng):
    x = rng.normal(4, 2, 3, scale=1.5).permute(1, 2, 0)
    return [my.silu(x), x]


def silu_in_float64(my, rng):
    return my.silu(rng.normal(3, 6, dtype=torch.float64, scale=1.5))


def silu_in_half_precision(my, rng):
    x = rng.normal(3, 7, scale=2.0)
    return [my.silu(x.to(dtype)) for dtype in HALF]


def silu_of_far_entries(my, rng):
    return [my.silu(_far(rng, 3, 6)), my.silu(_far(rng, 4, size=700.0))]


def silu_gradients(my, rng):
    near, far = rng.normal(2, 3, 4).requires_grad_(), _far(rng, 3, 5, size=200.0).requires_grad_()
    return [rng.gradients(my.silu(near), x=near), rng.gradients(my.silu(far), x=far)]


def silu_gradients_in_half_precision(my, rng):
    found = []
    for dtype in HALF:
        x = torch.cat([rng.normal(5), _far(rng, 4, size=40.0), _far(rng, 4, size=400.0)]).to(dtype).requires_grad_()
        found.append(rng.gradients(my.silu(x), x=x))
    return found


# ── softmax ──


def softmax_of_some_numbers(my, rng):
    return my.softmax(_short(rng, 4))


def softmax_of_each_row(my, rng):
    return [my.softmax(rng.normal(3, 5, scale=2.0)), my.softmax(rng.normal(2, 3, 4, scale=2.0))]


def softmax_in_other_dimensions(my, rng):
    x = rng.normal(3, 4, 5, scale=2.0)
    return [my.softmax(x, dim=0), my.softmax(x, dim=1), my.softmax(x, -2), my.softmax(x.permute(2, 0, 1), dim=2)]


def softmax_of_one_entry(my, rng):
    return [my.softmax(rng.normal(3, 1)), my.softmax(rng.normal(1, 4), dim=0), my.softmax(rng.normal(1, 4))]


def softmax_of_large_numbers(my, rng):
    x = rng.integers(-3, 4, 3, 5).float()
    return [my.softmax(x + 10000.0), my.softmax(x - 10000.0), my.softmax(_far(rng, 2, 4, size=5000.0))]


def softmax_of_rows_far_apart(my, rng):
    x = rng.integers(-2, 3, 3, 4).float()
    rows = 500.0 * torch.tensor([[1.0], [0.0], [-1.0]])
    return [my.softmax(x + rows), my.softmax((x + rows).T.contiguous(), dim=0)]


def softmax_of_minus_infinity(my, rng):
    x = rng.normal(3, 6).masked_fill(~rng.mask(3, 6), -torch.inf)
    return my.softmax(x)


def softmax_in_float64(my, rng):
    return my.softmax(rng.normal(3, 6, dtype=torch.float64, scale=3.0))


def softmax_in_half_precision(my, rng):
    x = rng.normal(3, 7)
    return [my.softmax(x.to(dtype)) for dtype in HALF]


def softmax_of_large_numbers_in_half_precision(my, rng):
    return my.softmax((rng.integers(-3, 4, 3, 5) + 100.0).to(torch.float16))


def softmax_leaves_its_input_alone(my, rng):
    x = rng.normal(5, 3).T
    return [my.softmax(x), x]


def softmax_gradients(my, rng):
    x = rng.normal(2, 3, 5).requires_grad_()
    return rng.gradients(my.softmax(x, dim=1), x=x)


def softmax_gradients_of_large_numbers(my, rng):
    x = (rng.integers(-6, 7, 3, 4) / 4 + 1000.0).requires_grad_()
    return rng.gradients(my.softmax(x), x=x)


def softmax_gradients_of_minus_infinity(my, rng):
    x = rng.normal(3, 6).masked_fill(~rng.mask(3, 6), -torch.inf).requires_grad_()
    return rng.gradients(my.softmax(x), x=x)


# ── kaiming_init ──


def start_of_a_matrix(my, rng):
    return my.kaiming_init(torch.zeros(40, 500), rng.generator()).flatten()


def start_of_kernels(my, rng):
    return my.kaiming_init(torch.zeros(25, 4, 5, 10), rng.generator()).flatten()


def start_of_a_wide_output(my, rng):
    return my.kaiming_init(torch.zeros(400, 20), rng.generator()).flatten()


def start_fills_what_it_is_given(my, rng):
    weight = torch.nn.Parameter(torch.zeros(rng.integer(3, 9), rng.integer(3, 9), dtype=torch.float64))
    result = my.kaiming_init(weight, rng.generator())
    return [
        result is weight, weight.is_leaf, weight.requires_grad, list(weight.shape), str(weight.dtype),
        int((weight == 0).sum()),
    ]  # fmt: skip


def start_fills_a_part(my, rng):
    """A weight whose numbers lie apart in memory, as a part of a larger tensor."""
    whole = torch.zeros(rng.integer(6, 12), 9)
    weight = whole[:, 2:7].T
    my.kaiming_init(weight, rng.generator())
    return [list(whole.shape), int((weight == 0).sum()), int((whole == 0).sum())]


def start_reaches_far(my, rng):
    """About 250 of 20 000 normal numbers lie beyond 2.5 times their spread."""
    weight = my.kaiming_init(torch.zeros(40, 500), rng.generator())
    return int((weight.abs() > 2.5 * (2 / 500) ** 0.5).sum())


def start_draws_each_weight(my, rng):
    weight = torch.zeros(rng.integer(50, 60), 40)
    return len(my.kaiming_init(weight, rng.generator()).flatten().unique())


def start_follows_the_generator(my, rng):
    shape, state = (rng.integer(4, 9), 5), rng.generator()
    again = torch.Generator().manual_seed(state.initial_seed())
    first = my.kaiming_init(torch.zeros(shape), state)
    same = my.kaiming_init(torch.zeros(shape), again)
    later = my.kaiming_init(torch.zeros(shape), again)
    return [list(first.shape), torch.equal(first, same), torch.equal(first, later)]


def start_leaves_other_sources_alone(my, rng):
    shape = (3, rng.integer(4, 9))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(rng.integer(0, 2**31))
        before = torch.get_rng_state()
        weight = my.kaiming_init(torch.zeros(shape), rng.generator())
        return [list(weight.shape), torch.equal(before, torch.get_rng_state())]


def start_without_a_generator(my, rng):
    shape, seed = (rng.integer(4, 9), 6), rng.integer(0, 2**31)
    found = []
    with torch.random.fork_rng(devices=[]):
        for one in (seed, seed, seed + 1):
            torch.default_generator.manual_seed(one)
            found.append(my.kaiming_init(torch.zeros(shape), None).clone())
    return [list(found[0].shape), torch.equal(found[0], found[1]), torch.equal(found[0], found[2])]


def start_of_a_vector_is_refused(my, rng):
    n = rng.integer(30, 60)
    return [list(torch.zeros(n).shape), rng.attempt(my.kaiming_init, torch.zeros(n), rng.generator())]


# ── Linear ──


def linear_has_these_parameters(my, rng):
    a, b = rng.integer(3, 7), rng.integer(7, 12)
    bare = my.Linear(b, a, bias=False)
    return [_names(my.Linear(a, b)), _names(bare), bare.bias is None]


def linear_of_one_vector(my, rng):
    layer = my.Linear(3, 2)
    layer.load_state_dict({"weight": _short(rng, 2, 3), "bias": _short(rng, 2)})
    return layer(_short(rng, 3))


def linear_of_batches(my, rng):
    layer = _made(rng, my.Linear, 5, 7)
    return [layer(rng.normal(5)), layer(rng.normal(3, 5)), layer(rng.normal(2, 4, 5)), layer(rng.normal(2, 1, 3, 5))]


def linear_without_bias(my, rng):
    layer = _made(rng, my.Linear, 4, 6, bias=False)
    return [layer(rng.normal(3, 4)), layer(torch.zeros(2, 4))]


def linear_of_zeros_is_the_bias(my, rng):
    layer = _made(rng, my.Linear, 3, 5)
    return layer(torch.zeros(2, 3))


def linear_in_other_dtypes(my, rng):
    layer, x = _made(rng, my.Linear, 6, 4), rng.normal(3, 6)
    return [layer.to(dtype)(x.to(dtype)) for dtype in DTYPES]


def linear_in_float64(my, rng):
    layer = _made(rng, my.Linear, 6, 4).double()
    return layer(rng.normal(3, 6, dtype=torch.float64))


def linear_of_transposed_tensors(my, rng):
    layer, x = _made(rng, my.Linear, 4, 6), rng.normal(4, 2, 3).permute(1, 2, 0)
    return [layer(x), x]


def linear_gradients(my, rng):
    layer, x = _made(rng, my.Linear, 5, 3), rng.normal(2, 4, 5).requires_grad_()
    return rng.gradients(layer(x), x=x, weight=layer.weight, bias=layer.bias)


def linear_uses_its_weights_as_they_are_now(my, rng):
    layer, x = _made(rng, my.Linear, 5, 3), rng.normal(2, 5)
    before = layer(x)
    with torch.no_grad():
        layer.weight *= 2.0
        layer.bias += 1.0
    copied = _made(rng, my.Linear, 5, 3)
    copied.load_state_dict(layer.state_dict())
    return [before, layer(x), copied(x)]


def linear_refuses_other_sizes(my, rng):
    n = rng.integer(30, 60)
    layer = _made(rng, my.Linear, n, 4)
    return [layer(rng.normal(2, n)), rng.attempt(layer, rng.normal(2, n + 1)), rng.attempt(layer, rng.normal(n, 2))]


def linear_stretches_nothing(my, rng):
    n = rng.integer(30, 60)
    layer, single = _made(rng, my.Linear, n, 4), _made(rng, my.Linear, 1, 4)
    return [layer(rng.normal(2, n)), rng.attempt(layer, rng.normal(2, 1)), rng.attempt(single, rng.normal(2, n))]


def linear_weights_at_the_start(my, rng):
    return my.Linear(500, 20).weight.detach().flatten()


def linear_starts_anew(my, rng):
    """Two layers of one size differ; with the source where it was, the first comes again."""
    n, seed = rng.integer(3, 9), rng.integer(0, 2**31)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        first, second = (my.Linear(n, 5).weight.detach() for _ in range(2))
        torch.default_generator.manual_seed(seed)
        again = my.Linear(n, 5).weight.detach()
    return [list(first.shape), torch.equal(first, second), torch.equal(first, again)]


def linear_bias_at_the_start(my, rng):
    bias = my.Linear(4, rng.integer(5, 30)).bias
    return {"biases": bias.numel(), "not zero": int((bias != 0).sum())}


# ── MLP ──


def mlp_has_these_parameters(my, rng):
    a, b, c = rng.integer(3, 6), rng.integer(6, 9), rng.integer(9, 12)
    return [_names(my.MLP([a, c, b], torch.tanh)), _names(my.MLP((c, a, a, b), torch.tanh))]


def mlp_of_one_vector(my, rng):
    mlp = my.MLP([2, 3, 1], torch.abs)
    state = {"layers.0.weight": (3, 2), "layers.0.bias": (3,), "layers.1.weight": (1, 3), "layers.1.bias": (1,)}
    mlp.load_state_dict({name: _short(rng, *shape) for name, shape in state.items()})
    return mlp(_short(rng, 2))


def mlp_without_hidden_layers(my, rng):
    mlp = _made(rng, my.MLP, [5, 3], torch.tanh)
    return mlp(rng.normal(4, 5))


def mlp_of_batches(my, rng):
    mlp = _made(rng, my.MLP, [4, 7, 6, 3], torch.tanh)
    return [mlp(rng.normal(4)), mlp(rng.normal(5, 4)), mlp(rng.normal(2, 3, 4))]


def mlp_with_any_activation(my, rng):
    x = rng.normal(4, 3)
    shift = rng.uniform(1, low=1.0, high=2.0)
    return [_made(rng, my.MLP, [3, 6, 5, 2], one)(x) for one in (torch.sin, lambda y: y * y + shift, torch.nn.ELU())]


def mlp_of_equal_sizes(my, rng):
    return _made(rng, my.MLP, [4, 4, 4, 4], torch.tanh)(rng.normal(3, 4))


def mlp_applies_its_activation_between(my, rng):
    seen = []
    mlp = _made(rng, my.MLP, [4, 7, 6, 3], lambda y: (seen.append(list(y.shape)), torch.tanh(y))[1])
    return [mlp(rng.normal(2, 4)), seen]


def mlp_in_float64(my, rng):
    mlp = _made(rng, my.MLP, [4, 6, 5, 3], torch.tanh).double()
    return mlp(rng.normal(3, 4, dtype=torch.float64))


def mlp_gradients(my, rng):
    mlp, x = _made(rng, my.MLP, [4, 6, 5, 3], torch.tanh), rng.normal(2, 3, 4).requires_grad_()
    return rng.gradients(mlp(x), x=x, **{name.replace(".", "_"): one for name, one in mlp.named_parameters()})


def mlp_weights_at_the_start(my, rng):
    state = my.MLP([30, 100, 30], torch.tanh).state_dict()
    return torch.cat([state["layers.0.weight"].flatten() * 30**0.5, state["layers.1.weight"].flatten() * 100**0.5])


def mlp_starts_anew(my, rng):
    n = rng.integer(3, 9)
    first, second = (my.MLP([n, n, n], torch.tanh).state_dict() for _ in range(2))
    one, two = first["layers.0.weight"], first["layers.1.weight"]
    return [list(one.shape), torch.equal(one, two), torch.equal(one, second["layers.0.weight"])]


def mlp_biases_at_the_start(my, rng):
    state = my.MLP([3, rng.integer(4, 20), 5], torch.tanh).state_dict()
    biases = torch.cat([state["layers.0.bias"], state["layers.1.bias"]])
    return {"biases": biases.numel(), "not zero": int((biases != 0).sum())}


def mlp_switches_to_evaluation(my, rng):
    n = rng.integer(2, 9)
    mlp = my.MLP([3, n, 2], torch.tanh)
    before = all(one.training for one in mlp.modules())
    mlp.eval()
    return [n, before, any(one.training for one in mlp.modules())]


def mlp_refuses_less_than_two_sizes(my, rng):
    n = rng.integer(3, 9)
    return [n, _refusal(rng, my.MLP, [n], torch.tanh), _refusal(rng, my.MLP, (), torch.tanh)]
