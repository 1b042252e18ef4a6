"""What is done with minibatches and sgd. Orders are free, so that a driver returns what every right order has in common.

For sgd, grad takes notes: which rows came together, and where it was asked. A gradient that is the sum of the batch's rows
and does not depend on x gives the same end for every order; whole numbers keep that exact.
"""

import torch

TWO = torch.float64


def _sizes(batches):
    return [len(batch) for batch in batches]


def _all(batches):
    """All numbers of all batches, in order of size."""
    return torch.cat([batch.flatten() for batch in batches]).sort().values


# ── minibatches ──


def batches_of_two(my, rng):
    n = 2 * rng.integer(2, 40) + 1
    batches = list(my.minibatches(n, 2, rng.generator()))
    return [_sizes(batches), _all(batches), [batch.dim() for batch in batches]]


def batches_of_other_sizes(my, rng):
    """Even and uneven, one at a time, all at once, more than there are."""
    found = []
    n = 6 * rng.integer(2, 20)
    for size in (1, 3, 5, 7, n - 1, n, n + 5):
        batches = list(my.minibatches(n, size, rng.generator()))
        found.append([_sizes(batches), _all(batches)])
    return found


def batches_of_few(my, rng):
    """None, one, two."""
    size = rng.integer(2, 6)
    none = list(my.minibatches(0, size, rng.generator()))
    return [size, len(none), *(list(my.minibatches(1, one, rng.generator())) for one in (1, size))]


def batches_of_many(my, rng):
    """More numbers than a byte or a half holds."""
    n = rng.integer(4000, 4100)
    batches = list(my.minibatches(n, 300, rng.generator()))
    low = int((torch.cat(batches)[: n // 2] < n // 2).sum())  # n / 4, and 7 standard deviations of 16 to each side
    return [_sizes(batches), _all(batches), abs(low - n / 4) < 112]


def batches_in_random_order(my, rng):
    """Not in order, not turned round or rotated, not whole batches or neighbors kept together; another order each time."""
    n, generator = rng.integer(40, 120), rng.generator()
    first, second = (torch.cat(list(my.minibatches(n, 6, generator))) for _ in range(2))
    steps = torch.diff(first)
    return [
        torch.equal(first, torch.arange(n)),
        int((steps.abs() == 1).sum()) > n // 2,
        torch.equal(first, second),
        n,
    ]


def batches_in_every_order(my, rng):
    """The 24 orders of four numbers, in batches of three and one: which of them came."""
    generator = rng.generator()
    weights = torch.tensor([64, 16, 4, 1])
    drawn = torch.stack([torch.cat(list(my.minibatches(4, 3, generator))) for _ in range(260)])
    codes = {code: place for place, code in enumerate(_codes_of_orders())}
    return torch.tensor([codes.get(code, 24) for code in (drawn * weights).sum(-1).tolist()])


def _codes_of_orders():
    rows = torch.cartesian_prod(*[torch.arange(4)] * 4)
    rows = rows[(rows.sort(dim=1).values == torch.arange(4)).all(dim=1)]
    return (rows * torch.tensor([64, 16, 4, 1])).sum(-1).tolist()


def batches_without_a_trend(my, rng):
    """How many numbers moved by less than a third of the way round, forwards: no way is more probable than another.

    A shuffle that exchanges each place with any other of all places has a trend.
    """
    n, generator, found = 1000, rng.generator(), []
    for _ in range(80):
        moved = (torch.cat(list(my.minibatches(n, 70, generator))) - torch.arange(n)).remainder(n)
        found.append(((moved > 0) & (moved < n // 3)).sum())
    return torch.stack(found)


def batches_of_strangers(my, rng):
    """How often the next number is larger, and three times how often the steps from one to the next are equal."""
    generator, found = rng.generator(), []
    for _ in range(100):
        steps = torch.cat(list(my.minibatches(200, 30, generator))).diff()
        found.append((steps > 0).sum() + 3 * (steps[1:] == steps[:-1]).sum())
    return torch.stack(found)


def batches_meet_everybody(my, rng):
    """How many of the first half of the numbers are in the first of two batches."""
    generator = rng.generator()
    return torch.tensor([int((next(iter(my.minibatches(12, 6, generator))) < 6).sum()) for _ in range(160)])


def batches_from_the_generator(my, rng):
    """One state, one result; another state, another; and PyTorch's own random numbers stay as they were."""
    seed, n = rng.integer(0, 1000), rng.integer(30, 40)
    kept = torch.get_rng_state()

    def order(number):
        return torch.cat(list(my.minibatches(n, 4, torch.Generator().manual_seed(number))))

    first, again, other = order(seed), order(seed), order(seed + 1)
    generator = torch.Generator().manual_seed(seed)
    torch.rand(3, generator=generator)
    moved = torch.cat(list(my.minibatches(n, 4, generator)))
    untouched = torch.equal(torch.get_rng_state(), kept)
    return [n, torch.equal(first, again), torch.equal(first, other), torch.equal(first, moved), untouched]


def batches_refused(my, rng):
    generator = rng.generator()
    calls = ((5, 0), (5, -1), (-1, 2), (0, 0))
    return [rng.attempt(lambda n=n, size=size: list(my.minibatches(n, size, generator))) for n, size in calls]


# ── sgd ──


def _mean(x, batch):
    """The gradient of half the mean squared distance to the rows."""
    return (x - batch.to(x.dtype)).mean(dim=0)


def _noted(grad):
    """grad, and the lists in which it notes where it was asked, with which rows, and what it said."""
    places, batches, slopes = [], [], []

    def asked(x, batch):
        places.append(x.detach().clone())
        batches.append(batch.detach().clone())
        slopes.append(grad(x, batch).detach().clone())
        return slopes[-1].clone()

    return asked, places, batches, slopes


def _whole(rng, n, *shape):
    return rng.integers(-8, 9, n, *shape).to(TWO)


def all_rows_at_once(my, rng):
    """With one batch of everything, the order does not matter: this is plain gradient descent."""
    data, x0 = rng.normal(5, 3, dtype=TWO), rng.normal(3, dtype=TWO, scale=3.0)
    return [my.sgd(_mean, x0, data, 0.3, epochs, size, rng.generator()) for epochs, size in ((1, 5), (4, 5), (3, 8))]


def rows_that_are_equal(my, rng):
    """One example many times: the number of steps is all that counts."""
    row, x0 = rng.normal(1, 2, dtype=TWO), rng.normal(2, dtype=TWO, scale=3.0)
    data = row.repeat(7, 1)
    return [my.sgd(_mean, x0, data, 0.2, epochs, size, rng.generator()) for epochs, size in ((1, 1), (2, 3), (3, 4))]


def sums_of_rows(my, rng):
    """Every row counts once in each epoch, whatever its batch."""
    data, x0 = _whole(rng, 10, 2), _whole(rng, 2)
    grad = lambda x, batch: batch.sum(dim=0)
    return [my.sgd(grad, x0, data, 0.5, epochs, size, rng.generator()) for epochs, size in ((1, 4), (3, 3), (2, 1))]


def sizes_of_the_batches(my, rng):
    """The number of rows that grad saw in each step, with a rest; and how many rows each batch's shape has."""
    n = rng.choice([10, 13, 14, 15, 17, 18, 21, 22, 23, 25])
    data = rng.normal(n, 2, 3)
    asked, _, batches, _ = _noted(lambda x, batch: batch.mean(dim=(0, 1, 2)) + x * 0)
    my.sgd(asked, torch.zeros(()), data, 0.1, 2, 4, rng.generator())
    return [list(batch.shape) for batch in batches]


def rows_of_each_epoch(my, rng):
    """All rows, each once, in every epoch; and not twice in one order."""
    n, epochs = rng.integer(20, 25), 3
    data = torch.arange(n) * 3 + rng.integer(0, 3)
    asked, _, batches, _ = _noted(lambda x, batch: batch.to(TWO).mean())
    my.sgd(asked, torch.zeros((), dtype=TWO), data, 0.1, epochs, 4, rng.generator())
    rows = torch.cat(batches)
    if len(rows) != epochs * n:
        return [len(rows)]
    orders = rows.reshape(epochs, n)
    return [
        orders.sort(dim=1).values,
        torch.equal(orders[0], data),
        torch.equal(orders[0], orders[1]),
        torch.equal(orders[1], orders[2]),
        torch.equal(orders[0].reshape(-1, n).sort().values[0], data),
    ]


def steps_from_where_it_was(my, rng):
    """Each place plus all steps that led there is x0 again, and the end as well."""
    data, x0 = rng.normal(11, 3, dtype=TWO), rng.normal(3, dtype=TWO, scale=3.0)
    asked, places, _, slopes = _noted(_mean)
    end = my.sgd(asked, x0, data, 0.25, 2, 3, rng.generator())
    if len(places) == 0:
        return [end]
    walked = torch.cat([torch.zeros(1, 3, dtype=TWO), torch.stack(slopes).cumsum(0)])
    return torch.stack([*places, end]) + 0.25 * walked


def one_row_at_a_time(my, rng):
    """A batch of one row is still a batch, and epochs follow one another."""
    data, x0 = _whole(rng, 6, 2), _whole(rng, 2)
    shapes = []

    def grad(x, batch):
        shapes.append(list(batch.shape))
        return batch.sum(dim=0)

    return [my.sgd(grad, x0, data, 0.25, 2, 1, rng.generator()), shapes]


def no_epochs_or_no_rows(my, rng):
    x0 = rng.normal(2, 3)
    return [
        my.sgd(_mean, x0, rng.normal(5, 2, 3), 0.1, 0, 2, rng.generator()),
        my.sgd(_mean, x0, torch.zeros(0, 2, 3), 0.1, 3, 2, rng.generator()),
        my.sgd(_mean, x0, rng.normal(4, 2, 3), 0.0, 2, 2, rng.generator()),
    ]


def shapes_of_x(my, rng):
    """A matrix, one number, a vector that is not of the shape of a row."""
    data = rng.normal(6, 4)
    grads = {
        (2, 3): lambda x, batch: x / 2 + batch.mean() * 0 + 1,
        (): lambda x, batch: x - 1,
        (4,): lambda x, batch: torch.sin(x),
    }
    return [my.sgd(grad, rng.normal(*shape), data, 0.1, 2, 4, rng.generator()) for shape, grad in grads.items()]


def dtypes_of_x_and_data(my, rng):
    """The dtype of x0, whatever the rows are in, and rows as they are."""
    seen, ends = [], []
    for at, rows in ((torch.float32, torch.int64), (TWO, torch.float16), (torch.bfloat16, torch.float32)):
        data = rng.integers(-3, 4, 8, 2).to(rows)

        def grad(x, batch):
            seen.append(str(batch.dtype))
            return batch.sum(dim=0).to(x.dtype)

        ends.append(my.sgd(grad, rng.integers(-4, 5, 2).to(at), data, 0.25, 2, 4, rng.generator()))
    return [ends, seen]


def rows_in_a_view(my, rng):
    data = _whole(rng, 4, 10).T[::2, 1:]
    kept, x0 = data.clone(), _whole(rng, 3)
    at = x0.clone()
    end = my.sgd(lambda x, batch: batch.sum(dim=0), x0, data, 0.5, 2, 2, rng.generator())
    return [end, data, kept, x0, at]


def gradient_by_autograd(my, rng):
    """A gradient that needs recording, and one that is the place itself."""
    data = rng.normal(1, 3, dtype=TWO).repeat(5, 1)

    def grad(x, batch):
        x = x.detach().clone().requires_grad_()
        return torch.autograd.grad(((x - batch) ** 2).mean(dim=0).sum(), x)[0]

    x0 = rng.normal(3, dtype=TWO)
    return [
        my.sgd(grad, x0, data, 0.1, 2, 2, rng.generator()).detach(),
        my.sgd(lambda x, batch: x, x0, data, 0.3, 2, 2, rng.generator()),
        x0,
    ]


def ends_of_many_runs(my, rng):
    """Where one epoch of three rows, two at a time, ends: six orders, three ends."""
    generator, data = rng.generator(), torch.tensor([[0.0], [1.0], [4.0]], dtype=TWO)
    x0 = torch.zeros(1, dtype=TWO)
    return torch.stack([my.sgd(_mean, x0, data, 0.5, 1, 2, generator).reshape(-1)[-1] for _ in range(100)])


def randomness_of_sgd(my, rng):
    """One state, one end; another state, another; the generator goes on; PyTorch's own random numbers do not."""
    seed = rng.integer(0, 1000)
    data, x0 = rng.normal(30, 2, dtype=TWO), rng.normal(2, dtype=TWO)
    kept = torch.get_rng_state()
    generator = torch.Generator().manual_seed(seed)
    first, second = (my.sgd(_mean, x0, data, 0.3, 1, 4, generator) for _ in range(2))
    again = my.sgd(_mean, x0, data, 0.3, 1, 4, torch.Generator().manual_seed(seed))
    untouched = torch.equal(torch.get_rng_state(), kept)
    return [seed, torch.equal(first, again), torch.equal(first, second), untouched]


def sgd_refuses(my, rng):
    data, x0 = rng.normal(5, 2), rng.normal(2)
    calls = ((-1, 2), (2, 0), (1, -3), (0, 0))
    return [
        rng.attempt(my.sgd, _mean, x0, data, 0.1, epochs, batch_size, rng.generator()) for epochs, batch_size in calls
    ]
