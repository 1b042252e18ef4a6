"""Wrong batches and wrong steps, each named for what its author believed. The docstring is the hint that a learner reads."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import stochastic as right


def _require(n, batch_size):
    if n < 0 or batch_size < 1:
        raise ValueError("n or batch_size")


def _cut(order, batch_size):
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def _stepping(batches_of, step=lambda grad, x, batch, lr: x - lr * grad(x, batch)):
    """An sgd from a function that gives the batches of one epoch's rows, and one that takes a step."""

    def run(grad, x0, data, lr, epochs, batch_size, generator):
        _require(epochs, batch_size)
        x = x0
        for _ in range(epochs):
            for rows in batches_of(len(data), batch_size, generator):
                x = step(grad, x, data[rows], lr)
        return x

    return run


# ── minibatches ──


@replaces("minibatches")
def in_order(n, batch_size, generator):
    """The numbers were not shuffled. If the examples lie sorted, every batch then holds examples of one kind only."""
    _require(n, batch_size)
    return _cut(torch.arange(n), batch_size)


@replaces("minibatches")
def rest_dropped(n, batch_size, generator):
    """What was left over is missing: if n cannot be divided by the size of a batch, the last batch is smaller, but it is there."""
    return [batch for batch in right.minibatches(n, batch_size, generator) if len(batch) == batch_size]


@replaces("minibatches")
def drawn_with_replacement(n, batch_size, generator):
    """Each number was drawn independently of the others, so some came several times and others not at all (more than a third of them, for large n). One pass has every number exactly once."""
    _require(n, batch_size)
    return _cut(torch.randint(max(n, 1), (n,), generator=generator), batch_size)


@replaces("minibatches")
def whole_batches_shuffled(n, batch_size, generator):
    """Only the order of the batches is random; within them the same neighbors are always together. It is the numbers that have to be shuffled, before they are cut."""
    _require(n, batch_size)
    batches = _cut(torch.arange(n), batch_size)
    full = [batch for batch in batches if len(batch) == batch_size]
    rest = [batch for batch in batches if len(batch) < batch_size]
    return [full[i] for i in torch.randperm(len(full), generator=generator).tolist()] + rest


@replaces("minibatches")
def shuffled_within_batches(n, batch_size, generator):
    """Cut first and shuffled afterwards, within each batch: the first numbers always come together in the first batch. Shuffle all of them, then cut."""
    _require(n, batch_size)
    return [batch[torch.randperm(len(batch), generator=generator)] for batch in _cut(torch.arange(n), batch_size)]


@replaces("minibatches")
def turned_like_a_wheel(n, batch_size, generator):
    """The numbers begin at a random place and then follow one another. Only n of all the orders can occur that way."""
    _require(n, batch_size)
    start = int(torch.randint(max(n, 1), (), generator=generator))
    return _cut(torch.arange(n).roll(start), batch_size)


@replaces("minibatches")
def exchanged_with_any_place(n, batch_size, generator):
    """Every place was exchanged with a random one of all n places. That makes n to the power of n equally likely courses, which cannot be shared out evenly among n! orders. Exchange each place only with those that are not settled yet."""
    _require(n, batch_size)
    order = list(range(n))
    for i, u in enumerate(torch.rand(n, generator=generator, dtype=torch.float64).tolist()):
        j = int(u * n)
        order[i], order[j] = order[j], order[i]
    return _cut(torch.tensor(order, dtype=torch.int64), batch_size)


@replaces("minibatches")
def sorted_by_keys_that_meet(n, batch_size, generator):
    """The numbers were sorted by random whole numbers, of which many are equal; those with equal keys keep their old order. The keys have to be so fine that no two are alike."""
    _require(n, batch_size)
    return _cut(torch.randint(max(n, 1), (n,), generator=generator).argsort(stable=True), batch_size)


@replaces("minibatches")
def generator_left_aside(n, batch_size, generator):
    """The order came from PyTorch's process-wide random numbers. Whoever passes a generator wants to decide what comes out: it has to be handed on to the function that draws."""
    _require(n, batch_size)
    return _cut(torch.randperm(n), batch_size)


@replaces("minibatches")
def seeded_again(n, batch_size, generator):
    """The generator was seeded anew, so that every call gives the same order. It is to be used as it comes; then each epoch has an order of its own."""
    _require(n, batch_size)
    again = torch.Generator().manual_seed(generator.initial_seed())
    return _cut(torch.randperm(n, generator=again), batch_size)


@replaces("minibatches")
def own_seed(n, batch_size, generator):
    """A generator of your own, with a seed of your own, drew the order: it is the same whatever generator is passed."""
    _require(n, batch_size)
    return _cut(torch.randperm(n, generator=torch.Generator().manual_seed(0)), batch_size)


@replaces("minibatches")
def number_of_batches(n, batch_size, generator):
    """batch_size was taken for the number of batches. It is how many numbers are in each."""
    _require(n, batch_size)
    return list(torch.tensor_split(torch.randperm(n, generator=generator), batch_size))


@replaces("minibatches")
def evened_out(n, batch_size, generator):
    """The numbers were spread evenly, so that batches in the middle are smaller, too. All batches but the last have the size that was asked for."""
    _require(n, batch_size)
    order = torch.randperm(n, generator=generator)
    return list(torch.tensor_split(order, math.ceil(n / batch_size))) if n else []


@replaces("minibatches")
def rest_filled_up(n, batch_size, generator):
    """The last batch was filled up with numbers that had been there already. They count twice then: leave it smaller."""
    batches = right.minibatches(n, batch_size, generator)
    if batches and len(batches[-1]) < batch_size:
        order = torch.cat(batches)
        batches[-1] = torch.cat([batches[-1], order[: batch_size - len(batches[-1])]])
    return batches


@replaces("minibatches")
def rest_joined_on(n, batch_size, generator):
    """What was left over was joined to the batch before, which became too large. It is a batch of its own."""
    batches = right.minibatches(n, batch_size, generator)
    if len(batches) > 1 and len(batches[-1]) < batch_size:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


@replaces("minibatches")
def rest_first(n, batch_size, generator):
    """The smaller batch came first. It is the last one."""
    batches = right.minibatches(n, batch_size, generator)
    return batches[-1:] + batches[:-1]


@replaces("minibatches")
def counted_from_one(n, batch_size, generator):
    """The numbers go from 1 to n. Rows are counted from 0: number n is out of range, and row 0 never comes."""
    return [batch + 1 for batch in right.minibatches(n, batch_size, generator)]


@replaces("minibatches")
def batch_of_nothing(n, batch_size, generator):
    """For n = 0 a batch without numbers came. There is none: its gradient would be a mean of nothing, which is NaN."""
    return right.minibatches(n, batch_size, generator) or [torch.arange(0)]


@replaces("minibatches")
def smaller_integers(n, batch_size, generator):
    """The numbers are in another dtype than int64, PyTorch's dtype for positions."""
    return [batch.int() for batch in right.minibatches(n, batch_size, generator)]


@replaces("minibatches")
def batches_as_rows(n, batch_size, generator):
    """Each batch came as a matrix with one row. It has one dimension, that of its numbers."""
    return [batch[None] for batch in right.minibatches(n, batch_size, generator)]


@replaces("minibatches")
def size_of_zero_taken_as_one(n, batch_size, generator):
    """A batch size of zero or below was put right in silence. It is a mistake of the caller, and raises a ValueError."""
    return right.minibatches(max(n, 0), max(batch_size, 1), generator)


# ── sgd ──


@replaces("sgd")
def uphill(grad, x0, data, lr, epochs, batch_size, generator):
    """The steps go uphill: the gradient has to be subtracted."""
    return right.sgd(grad, x0, data, -lr, epochs, batch_size, generator)


@replaces("sgd")
def all_rows_in_each_step(grad, x0, data, lr, epochs, batch_size, generator):
    """grad was given all rows in every step. It is to be given the batch alone: that is what makes a step cheap."""
    _require(epochs, batch_size)
    x = x0
    for _ in range(epochs):
        for _ in right.minibatches(len(data), batch_size, generator):
            x = x - lr * grad(x, data)
    return x


@replaces("sgd")
def one_order_for_all_epochs(grad, x0, data, lr, epochs, batch_size, generator):
    """The rows were shuffled once, and every epoch went through the same batches. Draw a new order at the beginning of each."""
    _require(epochs, batch_size)
    x, batches = x0, right.minibatches(len(data), batch_size, generator)
    for _ in range(epochs):
        for rows in batches:
            x = x - lr * grad(x, data[rows])
    return x


@replaces("sgd")
def rows_in_order(grad, x0, data, lr, epochs, batch_size, generator):
    """The rows were taken as they lie. They have to be shuffled in each epoch, or sorted data drive x to and fro."""
    return _stepping(lambda n, size, _: _cut(torch.arange(n), size))(grad, x0, data, lr, epochs, batch_size, generator)


@replaces("sgd")
def rows_with_replacement(grad, x0, data, lr, epochs, batch_size, generator):
    """Each batch was drawn anew from all rows, so that within an epoch some came twice and others never. An epoch is a pass: every row once."""

    def drawn(n, size, generator):
        return _cut(torch.randint(max(n, 1), (n,), generator=generator), size)

    return _stepping(drawn)(grad, x0, data, lr, epochs, batch_size, generator)


@replaces("sgd")
def rest_of_the_rows_dropped(grad, x0, data, lr, epochs, batch_size, generator):
    """The last, smaller batch of each epoch was left out. Its rows have something to say, too."""
    return _stepping(rest_dropped)(grad, x0, data, lr, epochs, batch_size, generator)


@replaces("sgd")
def first_batch_only(grad, x0, data, lr, epochs, batch_size, generator):
    """One step was taken in each epoch, with the first batch. An epoch has a step for each batch."""
    first = lambda n, size, generator: right.minibatches(n, size, generator)[:1]
    return _stepping(first)(grad, x0, data, lr, epochs, batch_size, generator)


@replaces("sgd")
def gradients_from_the_epochs_start(grad, x0, data, lr, epochs, batch_size, generator):
    """All gradients of an epoch were taken at the x with which it began. Each step starts from where the last one ended, and asks there."""
    _require(epochs, batch_size)
    x = x0
    for _ in range(epochs):
        begun = x
        for rows in right.minibatches(len(data), batch_size, generator):
            x = x - lr * grad(begun, data[rows])
    return x


@replaces("sgd")
def one_step_with_the_mean(grad, x0, data, lr, epochs, batch_size, generator):
    """The gradients of all batches were averaged, and one step was taken for each epoch. That is gradient descent with all rows, in portions; the point is to step after each batch."""
    _require(epochs, batch_size)
    x = x0
    for _ in range(epochs):
        slopes = [grad(x, data[rows]) for rows in right.minibatches(len(data), batch_size, generator)]
        x = x - lr * sum(slopes[1:], slopes[0]) / len(slopes) if slopes else x
    return x


@replaces("sgd")
def divided_by_the_batch_again(grad, x0, data, lr, epochs, batch_size, generator):
    """The gradient was divided by the number of rows in the batch. Any such division has been done in grad already."""
    step = lambda grad, x, batch, lr: x - lr * grad(x, batch) / len(batch)
    return _stepping(right.minibatches, step)(grad, x0, data, lr, epochs, batch_size, generator)


@replaces("sgd")
def multiplied_by_the_batch(grad, x0, data, lr, epochs, batch_size, generator):
    """The gradient was multiplied by the number of rows in the batch. It is used as grad returns it."""
    step = lambda grad, x, batch, lr: x - lr * grad(x, batch) * len(batch)
    return _stepping(right.minibatches, step)(grad, x0, data, lr, epochs, batch_size, generator)


@replaces("sgd")
def small_batches_count_less(grad, x0, data, lr, epochs, batch_size, generator):
    """The step of a smaller batch was made smaller. All steps count alike here (as they do in a common training loop)."""
    _require(epochs, batch_size)
    step = lambda grad, x, batch, lr: x - lr * len(batch) / batch_size * grad(x, batch)
    return _stepping(right.minibatches, step)(grad, x0, data, lr, epochs, batch_size, generator)


@replaces("sgd")
def rate_that_falls(grad, x0, data, lr, epochs, batch_size, generator):
    """The learning rate became smaller from epoch to epoch. That has its uses, but here it is the same in all of them."""
    _require(epochs, batch_size)
    x = x0
    for epoch in range(epochs):
        for rows in right.minibatches(len(data), batch_size, generator):
            x = x - lr / (epoch + 1) * grad(x, data[rows])
    return x


@replaces("sgd")
def mean_of_the_path(grad, x0, data, lr, epochs, batch_size, generator):
    """The mean of all places was returned. It has less noise than the last, but the last is what is wanted."""
    _require(epochs, batch_size)
    path = [x0]
    for _ in range(epochs):
        for rows in right.minibatches(len(data), batch_size, generator):
            path.append(path[-1] - lr * grad(path[-1], data[rows]))
    return torch.stack(path).mean(dim=0)


@replaces("sgd")
def whole_path(grad, x0, data, lr, epochs, batch_size, generator):
    """All places were returned, one behind the other. Here only the last is wanted, in the shape of x0."""
    _require(epochs, batch_size)
    path = [x0]
    for _ in range(epochs):
        for rows in right.minibatches(len(data), batch_size, generator):
            path.append(path[-1] - lr * grad(path[-1], data[rows]))
    return torch.stack(path)


@replaces("sgd")
def one_row_each(grad, x0, data, lr, epochs, batch_size, generator):
    """Every step had one row, whatever batch_size says."""
    _require(epochs, batch_size)
    return right.sgd(grad, x0, data, lr, epochs, 1, generator)


@replaces("sgd")
def batch_of_one_squeezed(grad, x0, data, lr, epochs, batch_size, generator):
    """A batch of one row lost its first dimension. grad expects one more dimension than a row has, also for one row: index with a list or a slice, or do not squeeze."""
    return right.sgd(lambda x, batch: grad(x, batch.squeeze(0)), x0, data, lr, epochs, batch_size, generator)


@replaces("sgd")
def x0_walked_away(grad, x0, data, lr, epochs, batch_size, generator):
    """x0 itself was changed, which belongs to the caller. Take the steps on a tensor of your own."""
    end = right.sgd(grad, x0, data, lr, epochs, batch_size, generator)
    return x0.copy_(end)


@replaces("sgd")
def data_shuffled_in_place(grad, x0, data, lr, epochs, batch_size, generator):
    """The rows of the caller's data were put in another order. Shuffle their numbers instead, and pick rows by number."""
    end = right.sgd(grad, x0, data, lr, epochs, batch_size, generator)
    data.copy_(data.roll(1, 0))
    return end


@replaces("sgd")
def rows_as_floats(grad, x0, data, lr, epochs, batch_size, generator):
    """The rows were turned into the dtype of x. They may be token numbers, or anything that only grad understands: pass them on as they are."""
    return right.sgd(grad, x0, data.to(x0.dtype), lr, epochs, batch_size, generator)


@replaces("sgd")
def x_in_float64(grad, x0, data, lr, epochs, batch_size, generator):
    """x came out in float64. It keeps the dtype of x0."""
    return right.sgd(lambda x, batch: grad(x.to(x0.dtype), batch), x0, data, lr, epochs, batch_size, generator).double()


@replaces("sgd")
def recording_switched_off(grad, x0, data, lr, epochs, batch_size, generator):
    """grad was called with recording switched off, and could not use autograd."""
    with torch.no_grad():
        return right.sgd(grad, x0, data, lr, epochs, batch_size, generator)


@replaces("sgd")
def process_wide_numbers(grad, x0, data, lr, epochs, batch_size, generator):
    """The orders came from PyTorch's process-wide random numbers, and the generator was not used."""
    return _stepping(generator_left_aside)(grad, x0, data, lr, epochs, batch_size, generator)


@replaces("sgd")
def seeded_in_each_epoch(grad, x0, data, lr, epochs, batch_size, generator):
    """The generator was seeded again, so that nothing changes from call to call or from epoch to epoch. Let it go on."""
    generator.manual_seed(generator.initial_seed())
    return _stepping(seeded_again)(grad, x0, data, lr, epochs, batch_size, generator)


@replaces("sgd")
def one_epoch_too_many(grad, x0, data, lr, epochs, batch_size, generator):
    """There was one epoch more than was asked for."""
    _require(epochs, batch_size)
    return right.sgd(grad, x0, data, lr, epochs + 1, batch_size, generator)


@replaces("sgd")
def epochs_taken_for_steps(grad, x0, data, lr, epochs, batch_size, generator):
    """epochs was taken for the number of steps. An epoch is a pass over all rows, with as many steps as there are batches."""
    _require(epochs, batch_size)
    x, done = x0, 0
    while done < epochs and len(data):
        for rows in right.minibatches(len(data), batch_size, generator):
            if done < epochs:
                x = x - lr * grad(x, data[rows])
            done += 1
    return x


@replaces("sgd")
def negative_epochs_are_none(grad, x0, data, lr, epochs, batch_size, generator):
    """Negative epochs came back as x0, or a batch size below 1 was let through. Both raise a ValueError, even where there would be no step."""
    return right.sgd(grad, x0, data, lr, max(epochs, 0), max(batch_size, 1), generator)


@replaces("sgd")
def mean_of_nothing(grad, x0, data, lr, epochs, batch_size, generator):
    """With no rows at all a step was taken nevertheless, along the mean of nothing, which is NaN."""
    end = right.sgd(grad, x0, data, lr, epochs, batch_size, generator)
    return end if len(data) else end * math.nan
