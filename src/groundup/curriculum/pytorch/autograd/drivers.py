"""What is done with Tensor, gradients_of and frozen_features, from one sum to a small network.

A result of Tensor is brought to one number by a random weighting, so that no two entries get the same gradient. Shapes
are not square unless the case is about it.
"""

import copy

import numpy as np
import torch


def _array(rng, *shape, low=-2.0, high=2.0):
    return rng.uniform(*shape, low=low, high=high, dtype=torch.float64).numpy()


def _apart(rng, *shape):
    """Numbers between 0.4 and 2 of either sign: none near 0."""
    signs = 1.0 - 2.0 * _array(rng, *shape, low=0.0, high=1.0).round()
    return signs * _array(rng, *shape, low=0.4, high=2.0)


def _back(my, rng, f, **arrays):
    """The value of f on tensors of these arrays, the gradient of a weighting of it for each, and their data afterwards."""
    tensors = {name: my.Tensor(array) for name, array in arrays.items()}
    result = f(**tensors)
    value = np.array(result.data)
    weights = _array(rng, *value.shape)
    (result * weights).sum().backward()
    return {
        "value": value,
        **{f"{name}.grad": tensor.grad for name, tensor in tensors.items()},
        **{f"{name}.data": tensor.data for name, tensor in tensors.items()},
    }


# ── Tensor: one operation ──


def two_numbers_added(my, rng):
    a, b = my.Tensor(rng.integers(1, 9)), my.Tensor(rng.integers(1, 9))
    result = a + b
    result.backward()
    return {"value": result.data, "a.grad": a.grad, "b.grad": b.grad, "result.grad": result.grad}


def what_a_tensor_is_made_of(my, rng):
    whole, narrow, array = rng.integers(-5, 5, 2, 3).numpy(), rng.normal(4).numpy(), _array(rng, 3)
    ones = [my.Tensor(given) for given in (whole.tolist(), whole, narrow, array, float(array[0]))]
    kept = [np.array(one.data) for one in ones]
    for given in (whole[0], narrow, array):
        given += 100
    return {"data": kept, "after the arrays were changed": [one.data for one in ones], "grad": [x.grad for x in ones]}


def products_and_quotients_of_numbers(my, rng):
    a, b = _apart(rng), _apart(rng)
    found = {}
    for name, f in (("a * b", lambda a, b: a * b), ("a - b", lambda a, b: a - b), ("a / b", lambda a, b: a / b)):
        x, y = my.Tensor(a), my.Tensor(b)
        result = f(x, y)
        result.backward()
        found[name] = {"value": result.data, "a.grad": x.grad, "b.grad": y.grad}
    return found


def arithmetic_entry_by_entry(my, rng):
    a, b = _apart(rng, 2, 3), _apart(rng, 2, 3)
    return {
        "a + b": _back(my, rng, lambda a, b: a + b, a=a, b=b),
        "a - b": _back(my, rng, lambda a, b: a - b, a=a, b=b),
        "a * b": _back(my, rng, lambda a, b: a * b, a=a, b=b),
        "a / b": _back(my, rng, lambda a, b: a / b, a=a, b=b),
        "-a": _back(my, rng, lambda a: -a, a=a),
    }


def powers(my, rng):
    a = _apart(rng, 2, 3)
    positive = np.abs(a)
    return {
        **{f"a ** {p}": _back(my, rng, lambda a, p=p: a**p, a=a) for p in (1, 2, 3, -1, -2)},
        **{f"a ** {p}": _back(my, rng, lambda a, p=p: a**p, a=positive) for p in (0.5, -1.5)},
    }


def powers_of_zero(my, rng):
    a = _apart(rng, 5)
    a[rng.integer(0, 5)] = 0.0
    return {f"a ** {p}": _back(my, rng, lambda a, p=p: a**p, a=a) for p in (0, 1, 2, 3)}


def numbers_and_arrays_on_the_right(my, rng):
    a, array, number = _apart(rng, 2, 3), _apart(rng, 2, 3), float(_apart(rng))
    found = {}
    for name, other in (("number", number), ("array", array)):
        found[f"a + {name}"] = _back(my, rng, lambda a, o=other: a + o, a=a)
        found[f"a - {name}"] = _back(my, rng, lambda a, o=other: a - o, a=a)
        found[f"a * {name}"] = _back(my, rng, lambda a, o=other: a * o, a=a)
        found[f"a / {name}"] = _back(my, rng, lambda a, o=other: a / o, a=a)
    return found


def numbers_and_arrays_on_the_left(my, rng):
    a, array, number = _apart(rng, 2, 3), _apart(rng, 2, 3), float(_apart(rng))
    found = {}
    for name, other in (("number", number), ("array", array)):
        found[f"{name} + a"] = _back(my, rng, lambda a, o=other: o + a, a=a)
        found[f"{name} - a"] = _back(my, rng, lambda a, o=other: o - a, a=a)
        found[f"{name} * a"] = _back(my, rng, lambda a, o=other: o * a, a=a)
        found[f"{name} / a"] = _back(my, rng, lambda a, o=other: o / a, a=a)
    return found


def functions_of_each_entry(my, rng):
    a = _apart(rng, 2, 3)
    return {
        "exp": _back(my, rng, lambda a: a.exp(), a=a),
        "log": _back(my, rng, lambda a: a.log(), a=np.abs(a)),
        "tanh": _back(my, rng, lambda a: a.tanh(), a=a),
        "relu": _back(my, rng, lambda a: a.relu(), a=a),
    }


def relu_at_zero(my, rng):
    a = _apart(rng, 6)
    a[[rng.integer(0, 3), 3 + rng.integer(0, 3)]] = 0.0
    return _back(my, rng, lambda a: a.relu(), a=a)


def sums(my, rng):
    a = _array(rng, 2, 3, 4)
    found = {"all": _back(my, rng, lambda a: a.sum(), a=a)}
    for axis in (0, 1, 2, -1, -2, (0, 2), (-1, 1)):
        found[f"axis={axis}"] = _back(my, rng, lambda a, axis=axis: a.sum(axis=axis), a=a)
    return found


def sums_that_keep_their_axes(my, rng):
    a = _array(rng, 2, 3, 4)
    found = {}
    for axis in (None, 1, -1, (0, 2)):
        found[f"axis={axis}"] = _back(my, rng, lambda a, axis=axis: a.sum(axis=axis, keepdims=True), a=a)
    return found


def means(my, rng):
    a = _array(rng, 2, 3, 4)
    found = {"all": _back(my, rng, lambda a: a.mean(), a=a)}
    for axis in (0, 1, -1, (0, 2)):
        found[f"axis={axis}"] = _back(my, rng, lambda a, axis=axis: a.mean(axis=axis), a=a)
        found[f"axis={axis}, keepdims"] = _back(my, rng, lambda a, axis=axis: a.mean(axis, True), a=a)
    return found


def shapes_changed(my, rng):
    a = _array(rng, 2, 3, 4)
    return {
        f"reshape{shape}": _back(my, rng, lambda a, s=shape: a.reshape(*s), a=a)
        for shape in ((4, 6), (3, -1), (-1,), (4, 1, 3, 2))
    }


def axes_exchanged(my, rng):
    a, matrix = _array(rng, 2, 3, 4), _array(rng, 2, 5)
    return {
        "matrix": _back(my, rng, lambda a: a.transpose(), a=matrix),
        "reversed": _back(my, rng, lambda a: a.transpose(), a=a),
        **{
            f"transpose{axes}": _back(my, rng, lambda a, x=axes: a.transpose(*x), a=a)
            for axes in ((0, 2, 1), (1, 2, 0), (2, 0, 1))
        },
    }


def axes_from_the_end(my, rng):
    a = _array(rng, 2, 3, 4)
    return {
        f"transpose{axes}": _back(my, rng, lambda a, x=axes: a.transpose(*x), a=a)
        for axes in ((-1, 0, 1), (1, -1, 0), (0, -1, -2))
    }


# ── Tensor: broadcasting and matrix products ──


def broadcast_vector_over_rows(my, rng):
    a, b = _apart(rng, 4, 3), _apart(rng, 3)
    return {
        "a + b": _back(my, rng, lambda a, b: a + b, a=a, b=b),
        "b * a": _back(my, rng, lambda a, b: b * a, a=a, b=b),
    }


def broadcast_of_every_operation(my, rng):
    found = {}
    for left, right in (((2, 1), (1, 3)), ((4, 1, 3), (2, 1)), ((), (2, 3)), ((2, 3), ()), ((1, 1, 1), (2, 3))):
        a, b = _apart(rng, *left), _apart(rng, *right)
        for name, f in (
            ("+", lambda a, b: a + b),
            ("-", lambda a, b: a - b),
            ("*", lambda a, b: a * b),
            ("/", lambda a, b: a / b),
        ):
            found[f"{left} {name} {right}"] = _back(my, rng, f, a=a, b=b)
    return found


def broadcast_arrays(my, rng):
    a, row, column = _apart(rng, 3), _apart(rng, 4, 1), _apart(rng, 2, 1, 3)
    return {
        "a + array": _back(my, rng, lambda a: a + row, a=a),
        "array / a": _back(my, rng, lambda a: column / a, a=a),
        "array - a": _back(my, rng, lambda a: row - a, a=a),
    }


def matrix_product(my, rng):
    a, b = _array(rng, 2, 3), _array(rng, 3, 4)
    found = _back(my, rng, lambda a, b: a @ b, a=a, b=b)
    return {"a @ b": found, "row @ column": _back(my, rng, lambda a, b: a @ b, a=a[:1], b=b[:, :1])}


def matrix_products_in_a_batch(my, rng):
    return {
        "both": _back(my, rng, lambda a, b: a @ b, a=_array(rng, 5, 2, 3), b=_array(rng, 5, 3, 4)),
        "two batch dimensions": _back(
            my, rng, lambda a, b: a @ b, a=_array(rng, 2, 5, 2, 3), b=_array(rng, 2, 5, 3, 4)
        ),
    }


def matrix_products_that_broadcast(my, rng):
    return {
        "one matrix on the right": _back(my, rng, lambda a, b: a @ b, a=_array(rng, 5, 2, 3), b=_array(rng, 3, 4)),
        "one matrix on the left": _back(my, rng, lambda a, b: a @ b, a=_array(rng, 2, 3), b=_array(rng, 5, 3, 4)),
        "both": _back(my, rng, lambda a, b: a @ b, a=_array(rng, 2, 1, 2, 3), b=_array(rng, 5, 3, 4)),
        "lengths of 1": _back(my, rng, lambda a, b: a @ b, a=_array(rng, 1, 2, 3), b=_array(rng, 5, 3, 1)),
    }


def matrix_products_with_arrays(my, rng):
    array = _array(rng, 3, 4)
    return {
        "a @ array": _back(my, rng, lambda a: a @ array, a=_array(rng, 2, 3)),
        "array @ a": _back(my, rng, lambda a: array @ a, a=_array(rng, 5, 4, 2)),
    }


def vectors_in_a_matrix_product(my, rng):
    vector, matrix = _array(rng, 3), _array(rng, 3, 3)
    return [
        rng.attempt(lambda: (my.Tensor(vector) @ my.Tensor(matrix)).data),
        rng.attempt(lambda: (my.Tensor(matrix) @ my.Tensor(vector)).data),
        rng.attempt(lambda: (my.Tensor(vector) @ my.Tensor(vector)).data),
    ]


# ── Tensor: graphs ──


def used_twice(my, rng):
    a = _apart(rng, 2, 3)
    square = _array(rng, 3, 3)
    return {
        "a + a": _back(my, rng, lambda a: a + a, a=a),
        "a * a": _back(my, rng, lambda a: a * a, a=a),
        "a / a - a": _back(my, rng, lambda a: a / a - a, a=a),
        "a @ a": _back(my, rng, lambda a: a @ a, a=square),
        "a * a + a": _back(my, rng, lambda a: a * a + a, a=a),
    }


def sums_beside_products(my, rng):
    """Both operands of a sum get one and the same gradient, and then more of another."""
    a, b = _apart(rng, 2, 3), _apart(rng, 2, 3)
    return {
        "(a + b) + a * b": _back(my, rng, lambda a, b: (a + b) + a * b, a=a, b=b),
        "a * b + (a + b)": _back(my, rng, lambda a, b: a * b + (a + b), a=a, b=b),
    }


def intermediate_used_twice(my, rng):
    def f(a, b):
        both = a * b
        return both.exp() + both * both

    return _back(my, rng, f, a=_array(rng, 2, 3, low=0.2, high=1.0), b=_array(rng, 3, low=0.2, high=1.0))


def paths_of_different_lengths(my, rng):
    """A skip connection: b is used at once, and again at the end of a longer way, in either order of the operands."""

    def f(a):
        b = a * 1.5
        c = (b * b).tanh()
        d = c * b + b
        return b * d + c

    return _back(my, rng, f, a=_apart(rng, 2, 3))


def intermediate_gradients(my, rng):
    a, b = my.Tensor(_apart(rng, 2, 3)), my.Tensor(_apart(rng, 3))
    product = a * b
    squares = product * product
    loss = (squares + product).sum()
    loss.backward()
    return {
        "product.grad": product.grad,
        "squares.grad": squares.grad,
        "loss.grad": loss.grad,
        "a.grad": a.grad,
        "b.grad": b.grad,
    }


def two_losses(my, rng):
    """Two results, each with a backward of its own; the second shares a part of the graph with the first."""
    a = my.Tensor(_apart(rng, 2, 3))
    shared = (a * a).tanh()
    first, second = (shared * _array(rng, 2, 3)).sum(), (shared * a).mean()
    first.backward()
    once = np.array(a.grad)
    second.backward()
    return {"after one": once, "after both": a.grad}


def backward_twice(my, rng):
    a = my.Tensor(_apart(rng, 4))
    loss = ((a * a).exp() * 0.1).sum()
    loss.backward()
    once = np.array(a.grad)
    loss.backward()
    return {"once": once, "twice": a.grad}


def gradients_apart_in_memory(my, rng):
    a, b = my.Tensor(_apart(rng, 3)), my.Tensor(_apart(rng, 3))
    total = a + b
    (total * _array(rng, 3)).sum().backward()
    before = [copy.copy(one.grad) for one in (a, b, total)]
    a.grad *= 10.0  # as one shortens a gradient that is too long
    return {"before": before, "after a.grad *= 10": [a.grad, b.grad, total.grad]}


def operands_changed_by_nobody(my, rng):
    a, b = my.Tensor(_apart(rng, 2, 3)), my.Tensor(_apart(rng, 3))
    c = a.relu() + b
    d = c.transpose().reshape(-1) / 2
    d.mean().backward()
    return {"data": [one.data for one in (a, b, c, d)], "grad": [one.grad for one in (a, b, c, d)]}


def many_paths(my, rng):
    a = my.Tensor(_apart(rng))
    result = a
    for _ in range(40):
        result = result + result
    result.backward()
    return {"value": result.data, "a.grad": a.grad}


def deep_chain(my, rng):
    a = my.Tensor(_array(rng, 2, low=0.5, high=1.5))
    result = a
    factor = 1.0 + 1e-3 * rng.integer(1, 5)
    for step in range(1100):
        result = result * factor if step % 10 == 0 else result.relu()
    result.sum().backward()
    return {"value": result.data, "a.grad": a.grad}


def one_number_only(my, rng):
    few = my.Tensor(_array(rng, 3)) * 2
    return [rng.attempt(few.backward), rng.attempt((my.Tensor(_array(rng, 2, 2)) + 1).backward)]


def one_number_in_any_shape(my, rng):
    found = []
    for shape in ((1,), (1, 1)):
        a = my.Tensor(_apart(rng, *shape))
        (a * a).backward()
        found.append(a.grad)
    return found


def a_small_network(my, rng):
    """One step of a classifier: a hidden layer, a log-softmax that cannot overflow, and the mean over a batch."""
    x, target = _array(rng, 6, 5), rng.integers(0, 3, 6).numpy()
    hot = np.eye(3)[target]

    def loss(w1, b1, w2, b2):
        logits = (x @ w1 + b1).tanh() @ w2 + b2
        shifted = logits - logits.data.max(axis=1, keepdims=True)
        return (shifted.exp().sum(axis=1).log() - (shifted * hot).sum(axis=1)).mean()

    return _back(my, rng, loss, w1=_array(rng, 5, 4), b1=_array(rng, 4), w2=_array(rng, 4, 3), b2=_array(rng, 3))


def attention_by_hand(my, rng):
    """Batch dimensions, transposed keys, a softmax over the last axis and a skip connection."""
    shape = (2, 3, 5, 4)

    def f(q, k, v):
        scores = q @ k.transpose(0, 1, 3, 2) / 2.0
        shares = scores.exp()
        return (shares / shares.sum(axis=-1, keepdims=True)) @ v + q

    return _back(my, rng, f, q=_array(rng, *shape, high=1.0), k=_array(rng, *shape, high=1.0), v=_array(rng, *shape))


# ── gradients_of ──


def gradient_of_one_input(my, rng):
    return my.gradients_of(lambda x: (x * x).sum(), [rng.normal(4)])


def gradients_of_several_inputs(my, rng):
    w, x, b = rng.normal(3, 5), rng.normal(5, 2), rng.normal(3, 1)
    return my.gradients_of(lambda w, x, b: torch.tanh(w @ x + b).mean(), [w, x, b])


def gradients_in_their_dtypes(my, rng):
    x, y = rng.normal(6, dtype=torch.float64), rng.normal(6, dtype=torch.float32)
    found = my.gradients_of(lambda x, y: (x.sin() * y.double()).sum(), [x, y])
    half = rng.normal(5, dtype=torch.bfloat16)
    return [*found, *my.gradients_of(lambda h: (h * h).sum(), [half])]


def gradients_do_not_hang_on_a_graph(my, rng):
    x = rng.normal(3, 2).requires_grad_()
    found = my.gradients_of(lambda x: (x**3).sum(), [x])
    return [found, [one.requires_grad for one in found]]


def gradients_leave_inputs_as_they_were(my, rng):
    x, y = rng.normal(3), rng.normal(3).requires_grad_()
    y.grad = rng.normal(3)
    made = y * 2
    found = my.gradients_of(lambda x, y, z: (x * y * z).sum(), [x, y, made])
    return [found, x, y, [x.requires_grad, y.requires_grad, made.requires_grad, made.is_leaf], x.grad, y.grad]


def gradients_leave_parameters_alone(my, rng):
    layer = rng.fill(torch.nn.Linear(4, 3))
    before = rng.normal(3)
    layer.bias.grad = before.clone()
    found = my.gradients_of(lambda x: layer(x).square().sum(), [rng.normal(2, 4)])
    flags = [one.requires_grad for one in layer.parameters()]
    return [found, layer.weight.grad, layer.bias.grad, flags]


def gradient_of_an_input_that_does_not_matter(my, rng):
    x, y, z = rng.normal(2, 3), rng.normal(4), rng.normal(3)
    return [
        my.gradients_of(lambda x, y, z: (x * z).sum(), [x, y, z]),
        my.gradients_of(lambda x: torch.tensor(3.0), [x]),
    ]


def gradients_of_a_tensor_given_twice(my, rng):
    x = rng.normal(3)
    return [
        my.gradients_of(lambda a, b: (a * b * b).sum(), [x, x]),
        my.gradients_of(lambda a, b: (a.exp() * b).sum(), [x.requires_grad_(), x]),
    ]


def gradients_under_no_grad(my, rng):
    x, y = rng.normal(2, 3), rng.normal(3)
    with torch.no_grad():
        found = my.gradients_of(lambda x, y: (x * y).exp().sum(), [x, y])
        still = torch.is_grad_enabled()
    return [found, still]


def gradients_of_more_than_one_number(my, rng):
    x = rng.normal(3)
    return [
        rng.attempt(lambda: my.gradients_of(lambda x: x * x, [x])),
        rng.attempt(lambda: my.gradients_of(lambda x, y: x[:2] * y[:2], [x, x])),
    ]


def gradients_of_one_number_in_any_shape(my, rng):
    x = rng.normal(3, 4)
    return [
        my.gradients_of(lambda x: (x * x).sum().reshape(1), [x]),
        my.gradients_of(lambda x: (x * x).sum(dim=(0, 1), keepdim=True), [x]),
    ]


# ── frozen_features ──


class _Probe(torch.nn.Module):
    """Notes in which mode it is called."""

    def __init__(self, note):
        super().__init__()
        self.note = note  # a built-in method: a deep copy of the module notes in the same list

    def forward(self, x):
        self.note([torch.is_grad_enabled(), self.training])
        return x * 2


class _Broken(torch.nn.Module):
    """Fails at its end, with many submodules in one mode or the other."""

    def __init__(self, rng):
        super().__init__()
        self.inside = torch.nn.ModuleList(torch.nn.Dropout(0.3) for _ in range(20))
        for one in self.modules():
            one.training = bool(rng.integer(0, 2))

    def forward(self, x):
        raise ArithmeticError("this module always fails")


def _network(rng):
    """Layers whose evaluation differs from their training, in training mode."""
    return rng.fill(
        torch.nn.Sequential(
            torch.nn.Linear(4, 6),
            torch.nn.BatchNorm1d(6),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.4),
            torch.nn.Linear(6, 3),
        )
    )


def _flags(module):
    return [one.training for one in module.modules()]


def _features(my, rng, module, x):
    """The features, and whether gradients are on afterwards; they are on again in any case. Dropout, where it is wrongly
    active, draws alike in each run."""
    torch.default_generator.manual_seed(rng.integer(0, 2**31))
    try:
        found = my.frozen_features(module, x)
        return found, torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)


def features_in_evaluation_mode(my, rng):
    return _features(my, rng, _network(rng), rng.normal(5, 4))[0]


def features_with_what_hooks_do(my, rng):
    """A module with a hook returns what the hook makes of its result."""
    module, factor = rng.fill(torch.nn.Linear(4, 3)), rng.integer(2, 9)
    module.register_forward_hook(lambda one, given, result: result * factor)
    return _features(my, rng, module, rng.normal(5, 4))[0]


def features_without_a_graph(my, rng):
    module = _network(rng)
    features, still = _features(my, rng, module, rng.normal(5, 4))
    return [features, features.requires_grad, still]


def features_of_an_input_with_a_gradient(my, rng):
    x = rng.normal(5, 4).requires_grad_()
    features = _features(my, rng, _network(rng), x)[0]
    through = _features(my, rng, torch.nn.Identity(), x)[0]
    return [features, features.requires_grad, through, through.requires_grad, x.requires_grad, x.grad]


def features_without_recording(my, rng):
    noted = []
    module = torch.nn.Sequential(rng.fill(torch.nn.Linear(3, 2)), _Probe(noted.append))
    return [_features(my, rng, module, rng.normal(4, 3))[0], noted]


def features_to_train_on(my, rng):
    features = _features(my, rng, _network(rng), rng.normal(5, 4))[0]
    head = rng.fill(torch.nn.Linear(3, 2))
    torch.tanh(head(features)).sum().backward()
    return [head.weight.grad, head.bias.grad]


def module_in_training_mode_afterwards(my, rng):
    module = _network(rng)
    features = _features(my, rng, module, rng.normal(5, 4))[0]
    return [features, _flags(module)]


def module_in_evaluation_mode_afterwards(my, rng):
    module = _network(rng).eval()
    features = _features(my, rng, module, rng.normal(5, 4))[0]
    return [features, _flags(module)]


def submodules_with_flags_of_their_own(my, rng):
    module = _network(rng)
    quiet = rng.integer(1, 4)
    module[quiet].eval()
    other = torch.nn.Sequential(_network(rng).eval(), torch.nn.Dropout(0.5))
    other.training = bool(rng.integer(0, 2))
    other[0][rng.integer(0, 4)].train()
    x = rng.normal(5, 4)
    return [_features(my, rng, module, x)[0], _flags(module), _features(my, rng, other, x)[0], _flags(other)]


def module_keeps_its_buffers(my, rng):
    module = _network(rng)
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    _features(my, rng, module, rng.normal(5, 4, shift=3.0))
    return [before, dict(module.named_buffers())]


def module_keeps_requires_grad(my, rng):
    module = _network(rng)
    for one in list(module.parameters())[: rng.integer(1, 4)]:
        one.requires_grad_(False)
    module[4].bias.grad = rng.normal(3)
    flags = [one.requires_grad for one in module.parameters()]
    _features(my, rng, module, rng.normal(5, 4))
    return [flags, [one.requires_grad for one in module.parameters()], [one.grad for one in module.parameters()]]


def module_that_raises(my, rng):
    module = _Broken(rng)
    flags = _flags(module)
    found = rng.attempt(lambda: _features(my, rng, module, rng.normal(2)))
    return [found, flags, _flags(module)]


def features_where_gradients_are_off(my, rng):
    module = _network(rng)
    torch.default_generator.manual_seed(rng.integer(0, 2**31))
    with torch.no_grad():
        found = my.frozen_features(module, rng.normal(3, 4))
        still = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    return [found, still]
