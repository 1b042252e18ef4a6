"""What is done with SGD, RMSprop, Adam and AdamW, from one step to a run that is interrupted and goes on.

Settings are never the easy ones: several steps, learning rates that change, betas, eps and weight decay that matter,
parameters of several shapes, some of which have no gradient at times. Gradients are the driver's own where it can be.
"""

import torch

SHAPES = ((3, 4), (2, 1, 3), ())


def _short(rng, *shape):
    """Small whole numbers and halves, none of them zero: easy to follow by hand."""
    return rng.integers(-3, 4, *shape).float() + 0.5


def _params(rng, shapes=SHAPES, dtype=torch.float32):
    return [rng.normal(*shape, dtype=dtype, scale=2.0).requires_grad_() for shape in shapes]


def _now(params):
    """Copies of the parameters as they are."""
    return [one.detach().clone() for one in params]


def _stepped(rng, optimizer, params, steps, scale=1.0, without=None, rates=None):
    """The parameters after each step. ``without(step)`` names the parameter that has no gradient at that step."""
    history = []
    for step in range(steps):
        optimizer.zero_grad()
        left_out = None if without is None else without(step)
        sizes = [one.numel() for one in params]
        drawn = rng.normal(sum(sizes), dtype=params[0].dtype, scale=scale, shift=0.3).split(sizes)
        for number, (one, gradient) in enumerate(zip(params, drawn)):
            one.grad = None if number == left_out else gradient.view(one.shape)
        if rates is not None:
            optimizer.lr = rates[step]
        optimizer.step()
        history.append(_now(params))
    return history


def _one_step(rng, make):
    """One step from small numbers, with a small gradient."""
    w = _short(rng, 4).requires_grad_()
    optimizer = make([w])
    w.grad = _short(rng, 4)
    optimizer.step()
    return w.detach()


def _attempt(function, *arguments, **named):
    """The error that a call raises, or that there was none. An unwritten build stays unwritten."""
    try:
        function(*arguments, **named)
    except NotImplementedError:
        raise
    except Exception as error:
        return error
    return "no error"


def _saved(value):
    """A copy of plain data, as a checkpoint on disk would give it back."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _saved(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_saved(one) for one in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}")


def _network(rng):
    """A loss of two matrices and a bias, and those three."""
    x, y = rng.normal(16, 4), rng.normal(16, 3)
    params = _params(rng, ((6, 4), (6,), (3, 6)))

    def loss():
        hidden = torch.tanh(x @ params[0].T + params[1])
        return (hidden @ params[2].T - y).square().mean()

    return loss, params


def _trained(rng, make, steps=4):
    """A real training: what the loss was before each step, and what the parameters are afterwards."""
    loss, params = _network(rng)
    optimizer = make(iter(params))
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        now = loss()
        torch.autograd.backward(now)
        optimizer.step()
        losses.append(now.detach())
    return [losses, _now(params), [one.is_leaf and one.requires_grad for one in params]]


def _resumed(rng, make):
    """Training straight on, and training that is interrupted: state through a checkpoint, new tensors, new optimizer."""
    loss, params = _network(rng)

    def train(optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            torch.autograd.backward(loss())
            optimizer.step()

    straight = make(params)
    train(straight, 2)
    straight.lr = straight.lr * 0.5
    train(straight, 1)
    middle, held = _now(params), _saved(straight.state_dict())
    train(straight, 2)
    end = _now(params)
    with torch.no_grad():
        for one, value in zip(params, middle):
            one.copy_(value)
    second = make(params)
    second.load_state_dict(held)
    train(second, 2)
    exact = [torch.equal(one, two) for one, two in zip(_now(params), end)]
    return [end, exact, second.lr]


def _parted(rng, make):
    """Two optimizers after one was given the other's state: each goes on alone."""
    params, others = _params(rng), _params(rng)
    first, second = make(params), make(others)
    _stepped(rng, first, params, 3)
    second.load_state_dict(first.state_dict())
    return [_stepped(rng, first, params, 2), _stepped(rng, second, others, 2)]


# ── SGD ──


def sgd_one_step(my, rng):
    lr = rng.choice([0.25, 0.5])
    return _one_step(rng, lambda params: my.SGD(params, lr=lr))


def sgd_of_several_parameters(my, rng):
    params = _params(rng)
    return _stepped(rng, my.SGD(params, 0.3), params, 2)


def sgd_with_momentum(my, rng):
    params = _params(rng)
    return _stepped(rng, my.SGD(params, lr=0.2, momentum=0.7), params, 4)


def sgd_with_weight_decay(my, rng):
    params = _params(rng)
    return _stepped(rng, my.SGD(params, lr=0.2, weight_decay=0.3), params, 3)


def sgd_with_both(my, rng):
    params = _params(rng)
    return _stepped(rng, my.SGD(params, 0.2, 0.8, 0.3), params, 4)


def sgd_of_equal_shapes(my, rng):
    params = _params(rng, ((3, 2),) * 3)
    return _stepped(rng, my.SGD(params, lr=0.2, momentum=0.7), params, 3)


def sgd_with_a_changing_rate(my, rng):
    params = _params(rng)
    return _stepped(rng, my.SGD(params, lr=0.2, momentum=0.7), params, 4, rates=[0.2, 0.05, 0.4, 0.0])


def sgd_without_some_gradients(my, rng):
    params = _params(rng)
    optimizer = my.SGD(params, lr=0.2, momentum=0.7, weight_decay=0.1)
    return _stepped(rng, optimizer, params, 4, without=lambda step: (step + 1) % 3)


def sgd_with_gradients_of_zeros(my, rng):
    params = _params(rng)
    optimizer = my.SGD(params, lr=0.2, momentum=0.7, weight_decay=0.1)
    _stepped(rng, optimizer, params, 2)
    for one in params:
        one.grad = torch.zeros_like(one)
    optimizer.step()
    return _now(params)


def sgd_forgets_gradients(my, rng):
    params = _params(rng)
    optimizer = my.SGD(params, lr=0.2)
    _stepped(rng, optimizer, params, 1)
    optimizer.zero_grad()
    return [_now(params), [one.grad is None for one in params]]


def sgd_leaves_gradients_alone(my, rng):
    params = _params(rng)
    optimizer = my.SGD(params, lr=0.2, momentum=0.7, weight_decay=0.2)
    _stepped(rng, optimizer, params, 2)
    kept = [one.grad.clone() for one in params]
    optimizer.step()  # once more with the same gradients
    return [kept, [one.grad for one in params], _now(params)]


def sgd_in_float64(my, rng):
    params = _params(rng, dtype=torch.float64)
    return _stepped(rng, my.SGD(params, lr=0.2, momentum=0.7, weight_decay=0.1), params, 3)


def sgd_in_half_precision(my, rng):
    found = []
    for dtype in (torch.bfloat16, torch.float16):
        params = _params(rng, dtype=dtype)
        found += _stepped(rng, my.SGD(params, lr=0.25, momentum=0.5), params, 2)
    return found


def sgd_trains(my, rng):
    return _trained(rng, lambda params: my.SGD(params, lr=0.1, momentum=0.6, weight_decay=0.05))


def sgd_resumes(my, rng):
    return _resumed(rng, lambda params: my.SGD(params, lr=0.1, momentum=0.6, weight_decay=0.05))


def sgd_shares_nothing(my, rng):
    return _parted(rng, lambda params: my.SGD(params, lr=0.1, momentum=0.6))


def sgd_of_nothing(my, rng):
    return [rng.normal(1), _attempt(my.SGD, [], 0.1), _attempt(my.SGD, iter(()), lr=0.1)]


# ── RMSprop ──


def rmsprop_one_step(my, rng):
    lr = rng.choice([0.25, 0.5])
    return _one_step(rng, lambda params: my.RMSprop(params, lr=lr, alpha=0.75))


def rmsprop_of_several_parameters(my, rng):
    params = _params(rng)
    return _stepped(rng, my.RMSprop(params, 0.1, 0.6), params, 4)


def rmsprop_as_it_comes(my, rng):
    params = _params(rng, dtype=torch.float64)
    return _stepped(rng, my.RMSprop(params, lr=0.03), params, 3)


def rmsprop_with_a_large_eps(my, rng):
    params = _params(rng)
    return _stepped(rng, my.RMSprop(params, lr=0.2, alpha=0.7, eps=0.4), params, 3)


def rmsprop_of_equal_shapes(my, rng):
    params = _params(rng, ((3, 2),) * 3)
    return _stepped(rng, my.RMSprop(params, lr=0.1, alpha=0.7), params, 3)


def rmsprop_with_a_changing_rate(my, rng):
    params = _params(rng)
    return _stepped(rng, my.RMSprop(params, lr=0.2, alpha=0.7), params, 4, rates=[0.2, 0.05, 0.4, 0.0])


def rmsprop_without_some_gradients(my, rng):
    params = _params(rng)
    return _stepped(rng, my.RMSprop(params, lr=0.1, alpha=0.7), params, 5, without=lambda step: (step + 1) % 3)


def rmsprop_with_gradients_of_zeros(my, rng):
    params = _params(rng)
    optimizer = my.RMSprop(params, lr=0.2, alpha=0.6)
    found = []
    for scale in (0.0, 1.0, 0.0, 1.0):
        for one in params:
            one.grad = rng.normal(*one.shape) * scale
        optimizer.step()
        found.append(_now(params))
    return found


def rmsprop_leaves_gradients_alone(my, rng):
    params = _params(rng)
    optimizer = my.RMSprop(params, lr=0.2, alpha=0.7)
    _stepped(rng, optimizer, params, 2)
    kept = [one.grad.clone() for one in params]
    optimizer.step()
    return [kept, [one.grad for one in params], _now(params)]


def rmsprop_trains(my, rng):
    return _trained(rng, lambda params: my.RMSprop(params, lr=0.03, alpha=0.8))


def rmsprop_resumes(my, rng):
    return _resumed(rng, lambda params: my.RMSprop(params, lr=0.03, alpha=0.8))


def rmsprop_shares_nothing(my, rng):
    return _parted(rng, lambda params: my.RMSprop(params, lr=0.05, alpha=0.7))


# ── Adam ──


def adam_one_step(my, rng):
    lr = rng.choice([0.25, 0.5])
    return _one_step(rng, lambda params: my.Adam(params, lr=lr))


def adam_of_several_parameters(my, rng):
    params = _params(rng)
    return _stepped(rng, my.Adam(params, 0.1, (0.7, 0.9)), params, 5)


def adam_as_it_comes(my, rng):
    params = _params(rng, dtype=torch.float64)
    return _stepped(rng, my.Adam(params, lr=0.05), params, 4)


def adam_with_a_large_eps(my, rng):
    params = _params(rng)
    return _stepped(rng, my.Adam(params, lr=0.3, betas=(0.6, 0.8), eps=0.5), params, 3)


def adam_of_equal_shapes(my, rng):
    params = _params(rng, ((3, 2),) * 3)
    return _stepped(rng, my.Adam(params, lr=0.1, betas=(0.7, 0.9)), params, 3)


def adam_with_a_changing_rate(my, rng):
    params = _params(rng)
    return _stepped(rng, my.Adam(params, lr=0.2, betas=(0.7, 0.9)), params, 4, rates=[0.2, 0.05, 0.4, 0.0])


def adam_without_some_gradients(my, rng):
    params = _params(rng)
    return _stepped(rng, my.Adam(params, lr=0.1, betas=(0.7, 0.9)), params, 5, without=lambda step: (step + 1) % 3)


def adam_of_a_late_parameter(my, rng):
    params = _params(rng)
    return _stepped(
        rng, my.Adam(params, lr=0.1, betas=(0.8, 0.9)), params, 5, without=lambda step: 1 if step < 3 else None
    )


def adam_with_gradients_of_zeros(my, rng):
    params = _params(rng)
    optimizer = my.Adam(params, lr=0.2, betas=(0.7, 0.9))
    found = []
    for scale in (0.0, 1.0, 0.0, 1.0):
        for one in params:
            one.grad = rng.normal(*one.shape) * scale
        optimizer.step()
        found.append(_now(params))
    return found


def adam_of_small_and_large_gradients(my, rng):
    params = _params(rng, dtype=torch.float64)
    return [_stepped(rng, my.Adam(params, lr=0.1, betas=(0.7, 0.9)), params, 2, scale=scale) for scale in (1e-4, 1e4)]


def adam_leaves_gradients_alone(my, rng):
    params = _params(rng)
    optimizer = my.Adam(params, lr=0.2, betas=(0.7, 0.9))
    _stepped(rng, optimizer, params, 2)
    kept = [one.grad.clone() for one in params]
    optimizer.step()
    return [kept, [one.grad for one in params], _now(params)]


def adam_trains(my, rng):
    return _trained(rng, lambda params: my.Adam(params, lr=0.05, betas=(0.8, 0.95)))


def adam_resumes(my, rng):
    return _resumed(rng, lambda params: my.Adam(params, lr=0.05, betas=(0.8, 0.95)))


def adam_shares_nothing(my, rng):
    return _parted(rng, lambda params: my.Adam(params, lr=0.05, betas=(0.8, 0.95)))


def adam_refuses_the_state_of_others(my, rng):
    shapes = ((rng.integer(2, 5), 4), (3,))
    sides = [_params(rng, one) for one in (shapes, (*shapes, (2,)), ((shapes[0][0], 1), (3,)))]
    ours, longer, wider = (my.Adam(params, lr=0.1) for params in sides)
    for params, optimizer in zip(sides, (ours, longer, wider)):
        _stepped(rng, optimizer, params, 1)
    return [
        list(shapes[0]),
        _attempt(ours.load_state_dict, longer.state_dict()),
        _attempt(ours.load_state_dict, wider.state_dict()),
    ]


# ── AdamW ──


def adamw_one_step(my, rng):
    lr = rng.choice([0.25, 0.5])
    return _one_step(rng, lambda params: my.AdamW(params, lr=lr, weight_decay=0.5))


def adamw_of_several_parameters(my, rng):
    params = _params(rng)
    return _stepped(rng, my.AdamW(params, 0.1, (0.7, 0.9), 1e-8, 0.4), params, 5)


def adamw_as_it_comes(my, rng):
    params = _params(rng, dtype=torch.float64)
    return _stepped(rng, my.AdamW(params, lr=0.05), params, 4)


def adamw_without_decay(my, rng):
    params = _params(rng)
    return _stepped(rng, my.AdamW(params, lr=0.1, betas=(0.7, 0.9), weight_decay=0.0), params, 3)


def adamw_with_a_large_eps(my, rng):
    params = _params(rng)
    return _stepped(rng, my.AdamW(params, lr=0.3, betas=(0.6, 0.8), eps=0.5, weight_decay=0.2), params, 3)


def adamw_of_large_gradients(my, rng):
    params = _params(rng, dtype=torch.float64)
    return _stepped(rng, my.AdamW(params, lr=0.1, betas=(0.7, 0.9), weight_decay=0.4), params, 3, scale=1e4)


def adamw_with_a_changing_rate(my, rng):
    params = _params(rng)
    optimizer = my.AdamW(params, lr=0.2, betas=(0.7, 0.9), weight_decay=0.4)
    return _stepped(rng, optimizer, params, 4, rates=[0.2, 0.05, 0.4, 0.0])


def adamw_without_some_gradients(my, rng):
    params = _params(rng)
    optimizer = my.AdamW(params, lr=0.1, betas=(0.7, 0.9), weight_decay=0.4)
    return _stepped(rng, optimizer, params, 5, without=lambda step: (step + 1) % 3)


def adamw_with_gradients_of_zeros(my, rng):
    params = _params(rng)
    optimizer = my.AdamW(params, lr=0.2, weight_decay=0.4)
    for one in params:
        one.grad = torch.zeros_like(one)
    optimizer.step()
    return _now(params)


def adamw_leaves_gradients_alone(my, rng):
    params = _params(rng)
    optimizer = my.AdamW(params, lr=0.2, betas=(0.7, 0.9), weight_decay=0.4)
    _stepped(rng, optimizer, params, 2)
    kept = [one.grad.clone() for one in params]
    optimizer.step()
    return [kept, [one.grad for one in params], _now(params)]


def adamw_trains(my, rng):
    return _trained(rng, lambda params: my.AdamW(params, lr=0.05, betas=(0.8, 0.95), weight_decay=0.3))


def adamw_resumes(my, rng):
    return _resumed(rng, lambda params: my.AdamW(params, lr=0.05, betas=(0.8, 0.95), weight_decay=0.3))


def adamw_shares_nothing(my, rng):
    return _parted(rng, lambda params: my.AdamW(params, lr=0.05, betas=(0.8, 0.95), weight_decay=0.3))
