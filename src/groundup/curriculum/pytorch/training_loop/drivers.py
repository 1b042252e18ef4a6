"""What is done with clip_grad_norm, warmup_cosine and train_step, from small to large."""

import math

import torch
from torch.nn import functional

SHAPES = ((3, 4), (5,), (), (2, 3, 2))


def _with_gradients(rng, *shapes, scale=1.0, dtype=torch.float32):
    params = [rng.normal(*shape, dtype=dtype) for shape in shapes]
    for one in params:
        one.grad = rng.normal(*one.shape, dtype=dtype, scale=scale)
    return params


def _length(params):
    return math.sqrt(sum(float(one.grad.double().square().sum()) for one in params if one.grad is not None))


def _gradients(params):
    return [one.grad for one in params]


# ── clip_grad_norm ──


def clip_one_short_vector(my, rng):
    (one,) = params = [torch.zeros(2)]
    one.grad = rng.integers(3, 9, 2).float()
    return {"returned": my.clip_grad_norm(params, 2.0), "gradient": one.grad}


def clip_several_tensors(my, rng):
    params = _with_gradients(rng, *SHAPES)
    bound = 0.3 * _length(params)
    return {"returned": my.clip_grad_norm(params, bound), "gradients": _gradients(params)}


def clip_unequal_tensors(my, rng):
    """One gradient is far longer than the others, each of which is shorter than the bound."""
    params = _with_gradients(rng, (4, 3), (6,), (2, 2))
    params[1].grad *= 40.0
    return {"returned": my.clip_grad_norm(params, 12.5), "gradients": _gradients(params)}


def clip_many_short_tensors(my, rng):
    """Each gradient alone is short enough; all together are not."""
    params = _with_gradients(rng, *[(3,)] * 12)
    bound = 0.7 * _length(params)
    return {"returned": my.clip_grad_norm(params, bound), "gradients": _gradients(params)}


def clip_leaves_short_gradients(my, rng):
    params = _with_gradients(rng, *SHAPES)
    bound = 1.7 * _length(params)
    return {"returned": my.clip_grad_norm(params, bound), "gradients": _gradients(params)}


def clip_below_one(my, rng):
    """All gradients together are shorter than 1, and the bound is shorter still; then one that is not."""
    found = []
    for share in (0.5, 1.5):
        params = _with_gradients(rng, *SHAPES, scale=0.02)
        found.append([my.clip_grad_norm(params, share * _length(params)), _gradients(params)])
    return found


def clip_in_float64(my, rng):
    params = _with_gradients(rng, *SHAPES, scale=1e-3, dtype=torch.float64)
    bound = 0.4 * _length(params)
    return {"returned": my.clip_grad_norm(params, bound), "gradients": _gradients(params)}


def clip_skips_what_has_no_gradient(my, rng):
    params = _with_gradients(rng, *SHAPES)
    params.insert(0, rng.normal(4))
    params.insert(rng.integer(1, 4), rng.normal(2, 3))
    return {"returned": my.clip_grad_norm(params, 1.25), "gradients": _gradients(params)}


def clip_where_nothing_has_a_gradient(my, rng):
    some = _with_gradients(rng, (3,))
    return [
        my.clip_grad_norm([rng.normal(3), rng.normal(2)], 0.5),
        my.clip_grad_norm([], 0.5),
        my.clip_grad_norm(some, 0.5),
    ]


def clip_parameters_gone_through_once(my, rng):
    model = rng.fill(torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 2)))
    model(rng.normal(5, 4)).square().sum().backward()
    params = list(model.parameters())
    bound = 0.25 * _length(params)
    return {
        "returned": my.clip_grad_norm(model.parameters(), bound),
        "gradients": _gradients(params),
        "parameters": [one.detach() for one in params],
        "requires_grad": [one.requires_grad for one in params],
    }


def clip_what_is_not_finite(my, rng):
    found = []
    for odd in (math.inf, -math.inf, math.nan):
        params = _with_gradients(rng, (3, 2), (4,))
        params[rng.integer(0, 2)].grad.view(-1)[rng.integer(0, 4)] = odd
        found.append([my.clip_grad_norm(params, 1.5), _gradients(params)])
    return found


def clip_refuses_an_odd_bound(my, rng):
    return [
        rng.attempt(my.clip_grad_norm, _with_gradients(rng, (3,)), bound)
        for bound in (0.0, -float(rng.uniform(low=0.5)), math.nan)
    ]


# ── warmup_cosine ──


def _rates(my, steps, *setting):
    return [my.warmup_cosine(step, *setting) for step in steps]


def rates_while_it_climbs(my, rng):
    peak, warmup = float(rng.uniform(low=0.5, high=2.0)), rng.integer(3, 9)
    return _rates(my, range(warmup), peak, warmup, 4 * warmup)


def rates_around_the_peak(my, rng):
    peak, warmup = float(rng.uniform(low=0.5, high=2.0)), rng.integer(3, 9)
    return _rates(my, range(warmup - 1, warmup + 3), peak, warmup, 3 * warmup + 1)


def rates_while_it_falls(my, rng):
    peak, warmup, total = float(rng.uniform(low=0.5, high=2.0)), rng.integer(2, 9), rng.integer(20, 40)
    return _rates(my, range(warmup, total), peak, warmup, total)


def rates_with_a_floor(my, rng):
    peak, floor = float(rng.uniform(low=0.5, high=2.0)), float(rng.uniform(low=0.1, high=0.3))
    warmup, total = rng.integer(2, 9), rng.integer(20, 40)
    return _rates(my, range(total), peak, warmup, total, floor)


def rates_with_a_floor_by_name(my, rng):
    peak, floor, total = (
        float(rng.uniform(low=0.5, high=2.0)),
        float(rng.uniform(low=0.1, high=0.3)),
        rng.integer(9, 20),
    )
    return [my.warmup_cosine(step=step, peak=peak, warmup=4, total=total, floor=floor) for step in range(total)]


def rates_at_the_end_and_after(my, rng):
    peak, floor = float(rng.uniform(low=0.5, high=2.0)), float(rng.uniform(low=0.1, high=0.3))
    warmup, total = rng.integer(2, 9), rng.integer(20, 40)
    steps = (total - 2, total - 1, total, total + 1, total + 7, 2 * total, 10 * total)
    return [_rates(my, steps, peak, warmup, total, floor), _rates(my, steps, peak, warmup, total)]


def rates_without_a_climb(my, rng):
    peak, total = float(rng.uniform(low=0.5, high=2.0)), rng.integer(7, 20)
    return _rates(my, range(total + 2), peak, 0, total, 0.05)


def rates_without_a_fall(my, rng):
    peak, total = float(rng.uniform(low=0.5, high=2.0)), rng.integer(5, 9)
    return [_rates(my, range(total + 3), peak, total, total, 0.05), _rates(my, (0, 1, 5), peak, 0, 0, 0.25)]


def rates_of_a_long_run(my, rng):
    peak, floor = float(rng.uniform(low=1e-4, high=6e-4)), float(rng.uniform(low=1e-5, high=6e-5))
    warmup, total = rng.integer(700, 2000), rng.integer(90_000, 600_000)
    steps = [0, 1, warmup - 1, warmup, warmup + 1, *(total * share // 10 for share in range(1, 10)), total - 1, total]
    return _rates(my, steps, peak, warmup, total, floor)


def rates_that_make_no_sense(my, rng):
    warmup, total = rng.integer(2, 9), rng.integer(20, 40)
    settings = ((-1, warmup, total), (3, total + 1, total), (0, -1, total), (0, -5, -2))
    return [rng.attempt(my.warmup_cosine, step, 1.0, *lengths) for step, *lengths in settings]


# ── train_step ──


def _network(rng, *more):
    """Two layers in float64, so that the order of additions hardly shows."""
    layers = (torch.nn.Linear(4, 5), torch.nn.Tanh(), *more, torch.nn.Linear(5, 3))
    return rng.fill(torch.nn.Sequential(*layers).double())


def _batches(rng, count, size=6):
    return [(rng.normal(size, 4, dtype=torch.float64), rng.integers(0, 3, size)) for _ in range(count)]


def _state(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def one_micro_batch(my, rng):
    model = _network(rng)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    returned = my.train_step(model, functional.cross_entropy, optimizer, _batches(rng, 1))
    return {"returned": returned, "model": _state(model)}


def several_micro_batches(my, rng):
    model = _network(rng)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    returned = my.train_step(model, functional.cross_entropy, optimizer, _batches(rng, rng.integer(3, 6)))
    return {"returned": returned, "model": _state(model)}


def steps_in_a_row(my, rng):
    """Two passes over two steps' worth of batches, with an optimizer that remembers."""
    model = _network(rng)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    steps = [_batches(rng, 2), _batches(rng, 1)]
    losses = [my.train_step(model, functional.cross_entropy, optimizer, batches) for batches in steps * 2]
    return {"returned": losses, "model": _state(model)}


def old_gradients_do_not_count(my, rng):
    model = _network(rng)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    for one in model.parameters():
        one.grad = rng.normal(*one.shape, dtype=torch.float64)
    returned = my.train_step(model, functional.cross_entropy, optimizer, _batches(rng, 2))
    return {"returned": returned, "model": _state(model), "gradients": _gradients(model.parameters())}


def gradients_of_the_mean(my, rng):
    model = _network(rng)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    my.train_step(model, functional.cross_entropy, optimizer, _batches(rng, 4))
    return {"gradients": _gradients(model.parameters())}


def a_loss_that_tells_its_arguments_apart(my, rng):
    model = _network(rng)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)

    def loss(outputs, targets):
        return (outputs.exp() - 0.5 * targets * outputs).mean()

    batches = [(inputs, rng.normal(6, 3, dtype=torch.float64)) for inputs, _ in _batches(rng, 3)]
    returned = my.train_step(model, loss, optimizer, batches)
    return {"returned": returned, "model": _state(model)}


class _Noted(torch.nn.Module):
    """Notes every forward pass, and every gradient that comes back into its output."""

    def __init__(self, inside, note):
        super().__init__()
        self.inside, self.note, self.count = inside, note, 0

    def forward(self, x):
        number = self.count = self.count + 1
        self.note(f"forward {number}")
        outputs = self.inside(x)
        outputs.register_hook(lambda gradient: self.note(f"backward {number}"))
        return outputs


class _NotedOptimizer:
    def __init__(self, params, note):
        self.inside, self.note = torch.optim.SGD(params, lr=0.1), note

    def zero_grad(self):
        self.inside.zero_grad()

    def step(self):
        self.note("step")
        self.inside.step()


def one_after_the_other(my, rng):
    """The order in which things happen, and how many inputs the model sees at a time."""
    notes = []
    model = _Noted(_network(rng), notes.append)
    sizes = []
    model.inside[0].register_forward_hook(lambda layer, inputs, outputs: sizes.append(len(inputs[0])))
    optimizer = _NotedOptimizer(model.parameters(), notes.append)
    returned = my.train_step(model, functional.cross_entropy, optimizer, _batches(rng, rng.integer(2, 5)))
    return {"order": notes, "inputs at a time": sizes, "returned": returned}


def result_hangs_on_no_graph(my, rng):
    model = _network(rng)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    returned = my.train_step(model, functional.cross_entropy, optimizer, _batches(rng, 3))
    return [returned, getattr(returned, "requires_grad", False)]


def model_in_training_mode(my, rng):
    """Batch normalization tells both modes apart, by its result and by its running statistics."""
    found = []
    for mode in (False, True):
        model = _network(rng, torch.nn.BatchNorm1d(5)).train(mode)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        returned = my.train_step(model, functional.cross_entropy, optimizer, _batches(rng, 2))
        found.append(
            {"returned": returned, "model": _state(model), "training": [one.training for one in model.modules()]}
        )
    return found


def frozen_parameters_stay(my, rng):
    model = _network(rng)
    model[0].weight.requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    returned = my.train_step(model, functional.cross_entropy, optimizer, _batches(rng, 3))
    return {"returned": returned, "model": _state(model), "gradients": _gradients(model.parameters())}


def batches_left_as_they_were(my, rng):
    model = _network(rng)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    batches = _batches(rng, 3)
    returned = my.train_step(model, functional.cross_entropy, optimizer, batches)
    return [returned, batches]


def no_micro_batch(my, rng):
    model = _network(rng)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    answer = rng.attempt(my.train_step, model, functional.cross_entropy, optimizer, [])
    return [answer, _state(model)["0.bias"].tolist()]


def a_short_training(my, rng):
    """As it is really done: a learning rate that moves, and gradients clipped before the step."""
    model = _network(rng)
    params = list(model.parameters())
    inside = torch.optim.AdamW(params, lr=1.0)

    class Clipped:
        def zero_grad(self):
            inside.zero_grad()

        def step(self):
            torch.nn.utils.clip_grad_norm_(params, 0.4)
            inside.step()

    losses = []
    for rate in (0.01, 0.05, 0.03):
        inside.param_groups[0]["lr"] = rate
        losses.append(my.train_step(model, functional.cross_entropy, Clipped(), _batches(rng, 2)))
    return {"losses": losses, "model": _state(model)}
