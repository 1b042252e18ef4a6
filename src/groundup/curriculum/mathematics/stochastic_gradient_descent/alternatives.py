"""Right answers in other styles: all of them must pass."""

import torch
from torch.utils.data import BatchSampler, RandomSampler

from groundup.authoring import replaces


def _check(least_zero, least_one):
    if least_zero < 0 or least_one < 1:
        raise ValueError(f"{least_zero}, {least_one}")


# ── minibatches ──


@replaces("minibatches")
def by_split(n, batch_size, generator):
    _check(n, batch_size)
    return list(torch.randperm(n, generator=generator).split(batch_size)) if n else []


@replaces("minibatches")
def by_yield(n, batch_size, generator):
    """A generator function: checks and batches come when they are asked for."""
    _check(n, batch_size)
    order = torch.argsort(torch.rand(n, generator=generator, dtype=torch.float64))
    while len(order):
        yield order[:batch_size]
        order = order[batch_size:]


@replaces("minibatches")
def by_exchanging(n, batch_size, generator):
    """Fisher and Yates: from the back, exchange each number with one at a random place that is not behind it."""
    _check(n, batch_size)
    order = list(range(n))
    draws = torch.rand(n, generator=generator, dtype=torch.float64).tolist()
    for i in range(n - 1, 0, -1):
        j = int(draws[i] * (i + 1))
        order[i], order[j] = order[j], order[i]
    return tuple(torch.tensor(order[i : i + batch_size]) for i in range(0, n, batch_size))


@replaces("minibatches")
def by_sampler(n, batch_size, generator):
    """With PyTorch's own samplers."""
    _check(n, batch_size)
    if n == 0:
        return []
    sampler = BatchSampler(RandomSampler(range(n), generator=generator), batch_size, drop_last=False)
    return [torch.tensor(batch) for batch in sampler]


@replaces("minibatches")
def by_drawing_from_what_is_left(n, batch_size, generator):
    _check(n, batch_size)
    left, batches = list(range(n)), []
    draws = iter(torch.rand(n, generator=generator, dtype=torch.float64).tolist())
    while left:
        size = min(batch_size, len(left))
        batches.append(torch.tensor([left.pop(int(next(draws) * len(left))) for _ in range(size)]))
    return batches


# ── sgd ──


def _shuffled(n, batch_size, generator):
    return torch.randperm(n, generator=generator).split(batch_size) if n else ()


@replaces("sgd")
def in_place_on_a_copy(grad, x0, data, lr, epochs, batch_size, generator):
    _check(epochs, batch_size)
    x = x0.clone()
    for _ in range(epochs):
        shuffled = data[torch.randperm(len(data), generator=generator)]
        for start in range(0, len(data), batch_size):
            x -= lr * grad(x.clone(), shuffled[start : start + batch_size])
    return x


@replaces("sgd")
def by_index_select(grad, x0, data, lr, epochs, batch_size, generator):
    _check(epochs, batch_size)
    x, epoch = x0 + 0, 0
    while epoch < epochs:
        for rows in _shuffled(data.shape[0], batch_size, generator):
            x = torch.sub(x, grad(x, data.index_select(0, rows)), alpha=lr)
        epoch += 1
    return x


@replaces("sgd")
def all_orders_first(grad, x0, data, lr, epochs, batch_size, generator):
    """The orders of all epochs are drawn before the first step."""
    _check(epochs, batch_size)
    orders = [torch.randperm(len(data), generator=generator).tolist() for _ in range(epochs)]
    x = x0
    for order in orders:
        for start in range(0, len(order), batch_size):
            x = x - grad(x, data[order[start : start + batch_size]]) * lr
    return x


@replaces("sgd")
def by_optimizer(grad, x0, data, lr, epochs, batch_size, generator):
    """PyTorch's optimizer takes the steps."""
    _check(epochs, batch_size)
    x = torch.nn.Parameter(x0.clone())
    optimizer = torch.optim.SGD([x], lr=lr)
    for _ in range(epochs):
        for rows in _shuffled(len(data), batch_size, generator):
            x.grad = grad(x.detach().clone(), data[rows]).clone()
            optimizer.step()
    return x.detach()


@replaces("sgd")
def by_samplers(grad, x0, data, lr, epochs, batch_size, generator):
    """PyTorch's samplers shuffle and cut."""
    _check(epochs, batch_size)
    x = x0
    if len(data) == 0:
        return x
    sampler = RandomSampler(range(len(data)), generator=generator)
    order = BatchSampler(sampler, batch_size, drop_last=False)
    for _ in range(epochs):
        for rows in order:
            x = x - lr * grad(x, torch.stack([data[row] for row in rows]))
    return x


@replaces("sgd")
def with_one_tensor_all_along(grad, x0, data, lr, epochs, batch_size, generator):
    """One copy of x0, changed in place; grad sees that very tensor."""
    _check(epochs, batch_size)
    x = x0.clone()
    for _ in range(epochs):
        for rows in _shuffled(len(data), batch_size, generator):
            x -= lr * grad(x, data[rows])
    return x
