"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import math

import torch

from groundup.authoring import replaces


def _bound(max_norm):
    if not max_norm > 0:
        raise ValueError(f"max_norm is {max_norm}")


def _with_grad(params):
    return [one for one in params if one.grad is not None]


def _norm(params):
    if not params:
        return torch.zeros(())
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(one.grad) for one in params]))


def _scale(params, factor):
    for one in params:
        one.grad = one.grad * factor


# ── clip_grad_norm ──


@replaces("clip_grad_norm")
def each_tensor_by_itself(params, max_norm):
    """Each gradient was shortened by itself. Together they point elsewhere then: a large one is cut, a small one next to it
    is not. One factor for all keeps the direction."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params)
    if math.isfinite(norm):
        for one in params:
            own = float(torch.linalg.vector_norm(one.grad))
            if own > max_norm:
                one.grad = one.grad * (max_norm / own)
    return norm


@replaces("clip_grad_norm")
def each_entry_cut_off(params, max_norm):
    """Every entry was cut off at the bound. That is clipping by value, which turns the gradient towards a corner; here the
    length of the whole is bounded."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params)
    if math.isfinite(norm):
        for one in params:
            one.grad = one.grad.clamp(-max_norm, max_norm)
    return norm


@replaces("clip_grad_norm")
def always_stretched_to_the_bound(params, max_norm):
    """Gradients that were short enough were stretched to the bound. It is a bound, no aim: near a minimum gradients become
    small, and must be allowed to."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params)
    if params and math.isfinite(norm) and norm > 0:
        _scale(params, max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def length_afterwards(params, max_norm):
    """What came back is the length after the clipping. One wants to see how long the gradient was: afterwards it is the
    bound, again and again, and says nothing."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params)
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, max_norm / float(norm))
        return _norm(params)
    return norm


@replaces("clip_grad_norm")
def length_without_the_root(params, max_norm):
    """This is the sum of the squares: the root is missing. A length is the root of it."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params).square()
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def lengths_added_up(params, max_norm):
    """The lengths of the single gradients were added up. As one long vector they have the root of the sum of all squares,
    which is less: lengths at right angles to each other do not add."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = sum((torch.linalg.vector_norm(one.grad) for one in params), torch.zeros(()))
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def magnitudes_added_up(params, max_norm):
    """The magnitudes of all entries were added up, the norm with p = 1. The Euclidean length takes squares and a root."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = sum((one.grad.abs().sum() for one in params), torch.zeros(()))
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def the_largest_entry(params, max_norm):
    """The largest entry was taken for the length. Many entries of middle size make a long vector, too."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = max((one.grad.abs().max() for one in params), default=torch.zeros(()))
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def mean_instead_of_sum(params, max_norm):
    """The root of the *mean* square was taken. The length is the root of the sum: it grows with the number of
    parameters."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params) / math.sqrt(max(sum(one.grad.numel() for one in params), 1))
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def shortened_to_length_one(params, max_norm):
    """Where the gradient was too long, it was brought to length 1 and not to the bound."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params)
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, 1 / float(norm))
    return norm


@replaces("clip_grad_norm")
def factor_upside_down(params, max_norm):
    """The factor is upside down: gradients that were too long have become longer. It has to be below 1."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params)
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, float(norm) / max_norm)
    return norm


@replaces("clip_grad_norm")
def a_small_constant_in_the_divisor(params, max_norm):
    """A small constant was added to the norm before dividing by it, so the result is a little shorter than the bound; for
    short gradients, a good deal. The division happens only where the norm is above the bound, and so never by zero."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params)
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, max_norm / (float(norm) + 1e-6))
    return norm


@replaces("clip_grad_norm")
def parameters_instead_of_gradients(params, max_norm):
    """The parameters were scaled, not their gradients. Clipping shortens the step that is about to be made; it does not
    touch the model."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params)
    if math.isfinite(norm) and norm > max_norm:
        for one in params:
            one.data = one.data * (max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def nothing_left_to_scale(params, max_norm):
    """Right for a list, but `model.parameters()` can be gone through only once: after the norm had been computed nothing was
    left to scale. Make a list first."""
    _bound(max_norm)
    norm = _norm([one for one in params if one.grad is not None])
    if math.isfinite(norm) and norm > max_norm:
        for one in params:
            if one.grad is not None:
                one.grad = one.grad * (max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def every_parameter_has_a_gradient(params, max_norm):
    """A parameter without a gradient ends in an error. Frozen parameters have None, and parts of a model that were not used
    in this step as well: leave them out."""
    _bound(max_norm)
    params = list(params)
    norm = (
        torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(one.grad) for one in params])) if params else 0.0
    )
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def no_gradient_is_an_error(params, max_norm):
    """Where no parameter has a gradient, there is an error. The length of nothing is 0."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(one.grad) for one in params]))
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def infinity_scaled(params, max_norm):
    """An infinite norm was used as a divisor: the finite gradients became 0 and the infinite one NaN, and the step then
    spoils the model. Change nothing and let the caller see the norm."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params)
    if norm > max_norm:
        _scale(params, max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def everything_becomes_nan(params, max_norm):
    """Where one entry is NaN, all gradients became NaN, because the factor was made from the norm without a look at it.
    Change nothing and let the caller see the norm."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params)
    if params:
        _scale(params, (max_norm / norm.clamp(min=max_norm)))
    return norm


@replaces("clip_grad_norm")
def what_is_not_finite_is_zeroed(params, max_norm):
    """A norm that is not finite was answered by setting gradients to 0, or single entries of them. Whether such a step is
    left out is the caller's to decide, who sees the norm."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params)
    if not math.isfinite(norm):
        _scale([], 1.0)
        for one in params:
            one.grad = torch.zeros_like(one.grad)
    elif norm > max_norm:
        _scale(params, max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def any_bound_accepted(params, max_norm):
    """A bound of 0 or below, or one that is no number, was accepted. It would switch the training off or turn it round, and
    nothing would say so: refuse it with a ValueError."""
    params = _with_grad(params)
    norm = _norm(params)
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, max_norm / float(norm))
    return norm


@replaces("clip_grad_norm")
def nothing_returned(params, max_norm):
    """The gradients are right, but nothing comes back. The norm is what one plots to see whether a training is healthy."""
    _bound(max_norm)
    params = _with_grad(params)
    norm = _norm(params)
    if math.isfinite(norm) and norm > max_norm:
        _scale(params, max_norm / float(norm))


# ── warmup_cosine ──


def _sane(step, warmup, total):
    if not 0 <= warmup <= total or step < 0:
        raise ValueError(f"{step=} {warmup=} {total=}")


def _rate(step, peak, warmup, total, floor, *, up=None, down=None):
    """The right one, with another climb (of the step) or fall (of the progress from 0 to 1)."""
    _sane(step, warmup, total)
    if step < warmup:
        return peak * (step + 1) / warmup if up is None else up(step)
    if step >= total:
        return floor
    progress = (step - warmup) / (total - warmup)
    return floor + (peak - floor) * (1 + math.cos(math.pi * progress)) / 2 if down is None else down(progress)


@replaces("warmup_cosine")
def first_update_does_not_move(step, peak, warmup, total, floor=0.0):
    """The first update has the learning rate 0, so it is computed for nothing. Update 0 has the first part of the climb
    already, and the last update of the climb the peak."""
    return _rate(step, peak, warmup, total, floor, up=lambda step: peak * step / warmup)


@replaces("warmup_cosine")
def peak_comes_too_late(step, peak, warmup, total, floor=0.0):
    """The climb takes one update too many: it was divided by warmup + 1, so its last update is still below the peak."""
    return _rate(step, peak, warmup, total, floor, up=lambda step: peak * (step + 1) / (warmup + 1))


@replaces("warmup_cosine")
def climbs_from_the_floor(step, peak, warmup, total, floor=0.0):
    """The climb starts at the floor. The floor is where the fall ends; the climb starts near 0 and has equal steps of
    peak / warmup."""
    return _rate(step, peak, warmup, total, floor, up=lambda step: floor + (peak - floor) * (step + 1) / warmup)


@replaces("warmup_cosine")
def climbs_along_a_cosine(step, peak, warmup, total, floor=0.0):
    """The climb follows a cosine, too. It is to be even: the same amount more at each update."""
    return _rate(
        step, peak, warmup, total, floor, up=lambda step: peak * (1 - math.cos(math.pi * (step + 1) / warmup)) / 2
    )


@replaces("warmup_cosine")
def no_climb_at_all(step, peak, warmup, total, floor=0.0):
    """The updates of the climb have the peak at once. The gentle start is what `warmup` is for."""
    return _rate(step, peak, warmup, total, floor, up=lambda step: peak)


@replaces("warmup_cosine")
def cosine_counted_from_the_start(step, peak, warmup, total, floor=0.0):
    """The cosine was counted from update 0. It then has already fallen when the climb ends, and the rate jumps: the fall
    begins at update `warmup`, and lasts only as long as what is left."""
    _sane(step, warmup, total)
    if step < warmup:
        return peak * (step + 1) / warmup
    if step >= total:
        return floor
    return floor + (peak - floor) * (1 + math.cos(math.pi * step / total)) / 2


@replaces("warmup_cosine")
def fall_stretched_over_the_whole_run(step, peak, warmup, total, floor=0.0):
    """The fall begins in the right place, but was stretched over all `total` updates instead of those that are left after
    the climb. The run ends before the floor has been reached, with a jump."""
    _sane(step, warmup, total)
    if step < warmup:
        return peak * (step + 1) / warmup
    if step >= total:
        return floor
    return floor + (peak - floor) * (1 + math.cos(math.pi * (step - warmup) / total)) / 2


@replaces("warmup_cosine")
def floor_one_update_too_early(step, peak, warmup, total, floor=0.0):
    """The floor is reached by the last update, one too early: the fall goes from update `warmup` to update `total`, which is
    the first after the run."""
    _sane(step, warmup, total)
    if step < warmup:
        return peak * (step + 1) / warmup
    if step >= total:
        return floor
    progress = (step - warmup) / max(total - warmup - 1, 1)
    return floor + (peak - floor) * (1 + math.cos(math.pi * progress)) / 2


@replaces("warmup_cosine")
def fall_one_update_ahead(step, peak, warmup, total, floor=0.0):
    """The fall is one update ahead: it was counted with step + 1, as the climb is. Update `warmup` still has the peak."""
    _sane(step, warmup, total)
    if step < warmup:
        return peak * (step + 1) / warmup
    if step >= total:
        return floor
    return floor + (peak - floor) * (1 + math.cos(math.pi * (step + 1 - warmup) / (total - warmup))) / 2


@replaces("warmup_cosine")
def half_forgotten(step, peak, warmup, total, floor=0.0):
    """The fall starts at twice the peak: one plus a cosine goes from 2 to 0, so it needs a factor of one half."""
    return _rate(
        step,
        peak,
        warmup,
        total,
        floor,
        down=lambda progress: floor + (peak - floor) * (1 + math.cos(math.pi * progress)),
    )


@replaces("warmup_cosine")
def falls_along_a_line(step, peak, warmup, total, floor=0.0):
    """The fall is a straight line. It is to be half a cosine: slow at first, steep in the middle, slow at the end."""
    return _rate(step, peak, warmup, total, floor, down=lambda progress: peak + (floor - peak) * progress)


@replaces("warmup_cosine")
def a_quarter_of_the_cosine(step, peak, warmup, total, floor=0.0):
    """This is a quarter of a cosine, from its top to its zero: it is steepest at the end. Half a cosine goes from the top to
    the bottom, and flattens out."""
    return _rate(
        step,
        peak,
        warmup,
        total,
        floor,
        down=lambda progress: floor + (peak - floor) * math.cos(math.pi / 2 * progress),
    )


@replaces("warmup_cosine")
def degrees_for_radians(step, peak, warmup, total, floor=0.0):
    """The cosine was given degrees: half a turn is 180 of them, but Python's functions count in radians, and half a turn is
    pi."""
    return _rate(
        step, peak, warmup, total, floor,
        down=lambda progress: floor + (peak - floor) * (1 + math.cos(180 * progress)) / 2,
    )  # fmt: skip


@replaces("warmup_cosine")
def floor_ignored(step, peak, warmup, total, floor=0.0):
    """The floor plays no part: the rate falls to 0."""
    return _rate(step, peak, warmup, total, 0.0)


@replaces("warmup_cosine")
def floor_put_below(step, peak, warmup, total, floor=0.0):
    """The floor was added to a fall that has the full height of the peak, so the fall begins above the peak. Between peak
    and floor there is only their difference."""
    return _rate(
        step, peak, warmup, total, floor, down=lambda progress: floor + peak * (1 + math.cos(math.pi * progress)) / 2
    )


@replaces("warmup_cosine")
def cut_off_at_the_floor(step, peak, warmup, total, floor=0.0):
    """The rate falls towards 0 and is held at the floor once it is below. The curve is to end at the floor, smoothly, at
    update `total`."""
    return _rate(
        step, peak, warmup, total, floor,
        down=lambda progress: max(floor, peak * (1 + math.cos(math.pi * progress)) / 2),
    )  # fmt: skip


@replaces("warmup_cosine")
def rises_again_after_the_end(step, peak, warmup, total, floor=0.0):
    """After update `total` the cosine goes on, and the learning rate rises again. From there on it is the floor."""
    _sane(step, warmup, total)
    if step < warmup:
        return peak * (step + 1) / warmup
    if total == warmup:
        return floor
    return floor + (peak - floor) * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2


@replaces("warmup_cosine")
def nothing_after_the_end(step, peak, warmup, total, floor=0.0):
    """From update `total` on the rate is 0. It is the floor: whoever trains a little longer still wants to move."""
    return _rate(step, peak, warmup, total, floor) if step < total else _rate(step, peak, warmup, total, 0.0)


@replaces("warmup_cosine")
def divided_by_no_climb(step, peak, warmup, total, floor=0.0):
    """With warmup = 0 there is a division by zero. No climb is a setting like any other: the first update has the peak."""
    _sane(step, warmup, total)
    climb = peak * (step + 1) / warmup
    return climb if step < warmup else _rate(step, peak, warmup, total, floor)


@replaces("warmup_cosine")
def divided_by_no_fall(step, peak, warmup, total, floor=0.0):
    """With warmup = total there is a division by zero. No fall is a setting like any other: after the climb comes the
    floor."""
    _sane(step, warmup, total)
    progress = (step - warmup) / (total - warmup)
    return _rate(step, peak, warmup, total, floor) if progress == progress else floor


@replaces("warmup_cosine")
def anything_accepted(step, peak, warmup, total, floor=0.0):
    """Lengths that make no sense were accepted: a negative update, a climb longer than the run. Whoever asks for that has
    mixed up two arguments; refuse it with a ValueError."""
    if step < warmup:
        return peak * (step + 1) / warmup
    if step >= total:
        return floor
    return floor + (peak - floor) * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2


# ── train_step ──


def _some(micro_batches):
    if not micro_batches:
        raise ValueError("no micro-batch")


def _step(model, loss, optimizer, micro_batches, part=None):
    """The right one; ``part`` may do other things with one micro-batch."""
    _some(micro_batches)
    model.train()
    optimizer.zero_grad()
    total = 0.0
    for inputs, targets in micro_batches:
        share = loss(model(inputs), targets) / len(micro_batches)
        share.backward()
        total = total + share.detach()
    optimizer.step()
    return total


@replaces("train_step")
def gradients_never_forgotten(model, loss, optimizer, micro_batches):
    """The gradients of earlier steps were still there and were added to. backward() adds; somebody has to begin anew at each
    step."""
    _some(micro_batches)
    model.train()
    total = 0.0
    for inputs, targets in micro_batches:
        share = loss(model(inputs), targets) / len(micro_batches)
        share.backward()
        total = total + share.detach()
    optimizer.step()
    return total


@replaces("train_step")
def gradients_forgotten_too_late(model, loss, optimizer, micro_batches):
    """The gradients were forgotten between the backward passes and the step, so the optimizer found nothing to do. Forget
    them before the first backward pass."""
    _some(micro_batches)
    model.train()
    optimizer.zero_grad()
    total = 0.0
    for inputs, targets in micro_batches:
        share = loss(model(inputs), targets) / len(micro_batches)
        share.backward()
        total = total + share.detach()
    optimizer.zero_grad()
    optimizer.step()
    return total


@replaces("train_step")
def gradients_forgotten_after_the_step(model, loss, optimizer, micro_batches):
    """The gradients were forgotten after the step only. Whatever was in them before (from a check, from another loss) took
    part in the first step; and afterwards nobody can look at them. Forget them at the beginning."""
    total = gradients_never_forgotten(model, loss, optimizer, micro_batches)
    optimizer.zero_grad()
    return total


@replaces("train_step")
def gradients_forgotten_each_time(model, loss, optimizer, micro_batches):
    """The gradients were forgotten before every micro-batch, so only the last one counted. They are to add up over all
    micro-batches of a step."""
    _some(micro_batches)
    model.train()
    total = 0.0
    for inputs, targets in micro_batches:
        optimizer.zero_grad()
        share = loss(model(inputs), targets) / len(micro_batches)
        share.backward()
        total = total + share.detach()
    optimizer.step()
    return total


@replaces("train_step")
def a_step_for_each_micro_batch(model, loss, optimizer, micro_batches):
    """The optimizer made a step after each micro-batch. Then they are just small batches; the point of them is that together
    they are one large one, with one step at the end."""
    _some(micro_batches)
    model.train()
    total = 0.0
    for inputs, targets in micro_batches:
        optimizer.zero_grad()
        share = loss(model(inputs), targets)
        share.backward()
        optimizer.step()
        total = total + share.detach() / len(micro_batches)
    return total


@replaces("train_step")
def sum_of_the_losses(model, loss, optimizer, micro_batches):
    """The losses were added up without dividing by their number. The gradient then grows with the number of micro-batches,
    and with it the step: a setting that should only save memory changes the training."""
    _some(micro_batches)
    model.train()
    optimizer.zero_grad()
    total = 0.0
    for inputs, targets in micro_batches:
        share = loss(model(inputs), targets)
        share.backward()
        total = total + share.detach()
    optimizer.step()
    return total


@replaces("train_step")
def gradient_of_the_sum(model, loss, optimizer, micro_batches):
    """The loss that came back is the mean, but the gradient is that of the sum: each backward pass sent the whole loss of its
    micro-batch. Divide before it."""
    _some(micro_batches)
    model.train()
    optimizer.zero_grad()
    total = 0.0
    for inputs, targets in micro_batches:
        share = loss(model(inputs), targets)
        share.backward()
        total = total + share.detach() / len(micro_batches)
    optimizer.step()
    return total


@replaces("train_step")
def sum_returned(model, loss, optimizer, micro_batches):
    """The step is right, but what came back is the sum of the losses and not their mean."""
    return _step(model, loss, optimizer, micro_batches) * len(micro_batches)


@replaces("train_step")
def divided_twice(model, loss, optimizer, micro_batches):
    """The step is right, but what came back was divided by the number of micro-batches twice."""
    return _step(model, loss, optimizer, micro_batches) / len(micro_batches)


@replaces("train_step")
def loss_of_the_last(model, loss, optimizer, micro_batches):
    """What came back is the loss of the last micro-batch only. It is noisier than the mean over all, and not what the step
    was made on."""
    losses = []

    def noted(outputs, targets):
        losses.append(loss(outputs, targets))
        return losses[-1]

    _step(model, noted, optimizer, micro_batches)
    return losses[-1].detach()


@replaces("train_step")
def graph_returned(model, loss, optimizer, micro_batches):
    """The loss came back with its graph. Whoever collects losses in a list then keeps every intermediate result of every
    step in memory, until it runs out."""
    _some(micro_batches)
    model.train()
    optimizer.zero_grad()
    total = 0.0
    for inputs, targets in micro_batches:
        share = loss(model(inputs), targets) / len(micro_batches)
        share.backward()
        total = total + share
    optimizer.step()
    return total


@replaces("train_step")
def all_forward_first(model, loss, optimizer, micro_batches):
    """All micro-batches ran forward before the first ran backward. The step is the same, but all graphs are in memory at
    once, which is what micro-batches are there to avoid."""
    _some(micro_batches)
    model.train()
    optimizer.zero_grad()
    total = sum(loss(model(inputs), targets) for inputs, targets in micro_batches) / len(micro_batches)
    total.backward()
    optimizer.step()
    return total.detach()


@replaces("train_step")
def joined_to_one_batch(model, loss, optimizer, micro_batches):
    """The micro-batches were joined to one large batch. They were small because the large one does not fit into memory."""
    _some(micro_batches)
    inputs, targets = (torch.cat(parts) for parts in zip(*micro_batches))
    return _step(model, loss, optimizer, [(inputs, targets)])


@replaces("train_step")
def mode_left_as_it_was(model, loss, optimizer, micro_batches):
    """The model ran in the mode that it happened to be in. After an evaluation it is in evaluation mode, and goes on
    learning without dropout and with frozen statistics, unless a step sets the mode itself."""
    _some(micro_batches)
    optimizer.zero_grad()
    total = 0.0
    for inputs, targets in micro_batches:
        share = loss(model(inputs), targets) / len(micro_batches)
        share.backward()
        total = total + share.detach()
    optimizer.step()
    return total


@replaces("train_step")
def evaluation_mode_afterwards(model, loss, optimizer, micro_batches):
    """The model is in evaluation mode afterwards. It stays in training mode; whoever evaluates sets the other one."""
    total = _step(model, loss, optimizer, micro_batches)
    model.eval()
    return total


@replaces("train_step")
def trained_in_evaluation_mode(model, loss, optimizer, micro_batches):
    """The model ran in evaluation mode: batch normalization used its running statistics and did not move them, dropout would
    have been off. Training needs the other mode."""
    _some(micro_batches)
    model.eval()
    optimizer.zero_grad()
    total = 0.0
    for inputs, targets in micro_batches:
        share = loss(model(inputs), targets) / len(micro_batches)
        share.backward()
        total = total + share.detach()
    optimizer.step()
    model.train()
    return total


@replaces("train_step")
def no_step(model, loss, optimizer, micro_batches):
    """The gradients are there, but the optimizer's step is missing: the model did not change."""
    _some(micro_batches)
    model.train()
    optimizer.zero_grad()
    total = 0.0
    for inputs, targets in micro_batches:
        share = loss(model(inputs), targets) / len(micro_batches)
        share.backward()
        total = total + share.detach()
    return total


@replaces("train_step")
def step_before_the_gradients(model, loss, optimizer, micro_batches):
    """The optimizer's step came before the backward passes and used the gradients of the step before, or none. First the
    gradients, then the step."""
    _some(micro_batches)
    model.train()
    optimizer.step()
    optimizer.zero_grad()
    total = 0.0
    for inputs, targets in micro_batches:
        share = loss(model(inputs), targets) / len(micro_batches)
        share.backward()
        total = total + share.detach()
    return total


@replaces("train_step")
def arguments_of_the_loss_exchanged(model, loss, optimizer, micro_batches):
    """The loss was called with the targets first. Some losses do not mind, and most do: the model's outputs come first."""
    return _step(model, lambda outputs, targets: loss(targets, outputs), optimizer, micro_batches)


@replaces("train_step")
def forward_twice(model, loss, optimizer, micro_batches):
    """The model ran twice on each micro-batch, once for the gradient and once for the number that came back. That costs half
    as much again, and the second number belongs to another draw of dropout: keep the first."""
    _some(micro_batches)
    model.train()
    optimizer.zero_grad()
    total = 0.0
    for inputs, targets in micro_batches:
        with torch.no_grad():
            total = total + loss(model(inputs), targets) / len(micro_batches)
        (loss(model(inputs), targets) / len(micro_batches)).backward()
    optimizer.step()
    return total


@replaces("train_step")
def empty_step_accepted(model, loss, optimizer, micro_batches):
    """A step without any micro-batch was accepted, or ended in another error. There is nothing to learn from, and an
    optimizer with momentum would move all the same: refuse it with a ValueError."""
    return _step(model, loss, optimizer, micro_batches) if micro_batches else torch.zeros(())
