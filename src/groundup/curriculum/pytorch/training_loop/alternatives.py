"""Right answers in other styles than the reference's: all of them must pass."""

import math

import numpy as np
import torch

from groundup.authoring import replaces

# ── clip_grad_norm ──


@replaces("clip_grad_norm")
def clip_by_one_long_vector(params, max_norm):
    """All gradients, flattened and joined; new tensors in .grad."""
    if not (max_norm > 0):
        raise ValueError("max_norm must be positive")
    params = [one for one in params if one.grad is not None]
    if len(params) == 0:
        return torch.tensor(0.0)
    whole = torch.cat([one.grad.detach().reshape(-1) for one in params])
    length = (whole @ whole).sqrt()
    if length.isfinite() and length > max_norm:
        for one in params:
            one.grad = one.grad * (max_norm / length)
    return length


@replaces("clip_grad_norm")
def clip_by_a_sum_of_squares(params, max_norm):
    """A running sum of squares as a Python number, and scaling in place."""
    if math.isnan(max_norm) or max_norm <= 0:
        raise ValueError(max_norm)
    grads, total = [], 0.0
    for one in params:
        if one.grad is not None:
            grads.append(one.grad)
            total += one.grad.double().pow(2).sum().item()
    length = math.sqrt(total) if total == total else math.nan
    if max_norm < length < math.inf:
        for grad in grads:
            grad.mul_(max_norm / length)
    return torch.tensor(length, dtype=grads[0].dtype if grads else torch.float32)


@replaces("clip_grad_norm")
@torch.no_grad()
def clip_by_a_clamped_factor(params, max_norm):
    """Always multiplied, by a factor of at most 1, unless the norm is odd."""
    if not max_norm > 0:
        raise ValueError(f"max_norm={max_norm}")
    grads = [one.grad for one in list(params) if one.grad is not None]
    squares = [grad.square().sum() for grad in grads]
    length = torch.stack(squares).sum().sqrt() if squares else torch.zeros(())
    if torch.isfinite(length):
        factor = torch.clamp(max_norm / length.clamp_min(torch.finfo(length.dtype).tiny), max=1.0)
        for grad in grads:
            grad *= factor
    return length


@replaces("clip_grad_norm")
def clip_by_hypotenuses(params, max_norm):
    """math.hypot over all lengths, gradients divided rather than multiplied."""
    if not 0 < max_norm:
        raise ValueError("0 < max_norm")
    having = list(filter(lambda one: one.grad is not None, params))
    lengths = [torch.linalg.norm(one.grad.reshape(-1).double()).item() for one in having]
    length = math.nan if any(map(math.isnan, lengths)) else math.hypot(*lengths)
    if math.isfinite(length) and length > max_norm:
        for one in having:
            one.grad.div_(length / max_norm)
    return torch.as_tensor(length, dtype=having[0].grad.dtype if having else torch.get_default_dtype())


# ── warmup_cosine ──


def _sense(step, warmup, total):
    if step < 0 or warmup < 0 or warmup > total:
        raise ValueError(f"step {step}, warmup {warmup}, total {total}")


@replaces("warmup_cosine")
def rate_by_a_squared_cosine(step, peak, warmup, total, floor=0.0):
    """Half of one plus a cosine is the square of the cosine of half the angle."""
    _sense(step, warmup, total)
    if step < warmup:
        return (step + 1) / warmup * peak
    if step < total:
        share = math.cos(math.pi / 2 * (step - warmup) / (total - warmup)) ** 2
        return share * peak + (1 - share) * floor
    return float(floor)


@replaces("warmup_cosine")
def rate_by_numpy(step, peak, warmup, total, floor=0.0):
    """Progress by interpolation, which is held at both ends."""
    _sense(step, warmup, total)
    if step < warmup:
        return float(np.linspace(0.0, peak, warmup + 1)[step + 1])
    if warmup == total:
        return floor
    angle = np.interp(step, [warmup, total], [0.0, np.pi])
    return float(floor + (peak - floor) * (np.cos(angle) + 1) / 2)


@replaces("warmup_cosine")
def rate_from_the_middle(step, peak, warmup, total, floor=0.0):
    """A sine around the middle between peak and floor."""
    _sense(step, warmup, total)
    middle, reach = (peak + floor) / 2, (peak - floor) / 2
    left = max(total - step, 0)
    if step < warmup:
        rate = peak / warmup * (1 + step)
    elif left == 0:
        rate = floor
    else:
        rate = middle + reach * math.sin(math.pi * (left / (total - warmup) - 0.5))
    return rate


@replaces("warmup_cosine")
def rate_as_a_table(step, peak, warmup, total, floor=0.0):
    """Where it is short, the whole schedule is written down first; long ones are computed where needed."""
    _sense(step, warmup, total)
    climb = [peak * (k + 1) / warmup for k in range(min(warmup, 50))]
    if step < len(climb):
        return climb[step]
    if step < warmup:
        return peak * (step + 1) / warmup
    half = 0.5 * (1.0 + math.cos(math.pi * min(1.0, (step - warmup) / max(total - warmup, 1))))
    return floor if step >= total else floor * (1 - half) + peak * half


# ── train_step ──


@replaces("train_step")
def step_with_gradients_weighted(model, loss, optimizer, micro_batches):
    """The weight of a micro-batch is given to backward as the gradient of its loss."""
    count = len(micro_batches)
    if count == 0:
        raise ValueError("empty step")
    model.train(True)
    optimizer.zero_grad()
    losses = []
    for inputs, targets in micro_batches:
        one = loss(model(inputs), targets)
        one.backward(torch.full_like(one, 1 / count))
        losses.append(one.detach())
    optimizer.step()
    return torch.stack(losses).mean()


@replaces("train_step")
def step_with_gradients_collected(model, loss, optimizer, micro_batches):
    """torch.autograd.grad for each micro-batch, and .grad filled by hand at the end."""
    if len(micro_batches) < 1:
        raise ValueError("micro_batches must not be empty")
    model.train()
    optimizer.zero_grad()
    params = [one for one in model.parameters() if one.requires_grad]
    sums, total = [torch.zeros_like(one) for one in params], 0.0
    for inputs, targets in micro_batches:
        one = loss(model(inputs), targets)
        for place, gradient in zip(sums, torch.autograd.grad(one, params)):
            place += gradient
        total += one.item()
    for one, gradient in zip(params, sums):
        one.grad = gradient / len(micro_batches)
    optimizer.step()
    return total / len(micro_batches)


@replaces("train_step")
def step_with_gradients_divided_at_the_end(model, loss, optimizer, micro_batches):
    """The gradients of the sum, divided once before the step; parameters that get none are skipped."""
    if not micro_batches:
        raise ValueError("nothing to learn from")
    for module in model.modules():
        module.training = True
    for one in model.parameters():
        one.grad = None
    with torch.enable_grad():
        values = []
        for batch in micro_batches:
            value = loss(model(batch[0]), batch[1])
            value.backward()
            values.append(value.detach().clone())
            del value
    for one in model.parameters():
        if one.grad is not None:
            one.grad /= len(micro_batches)
    optimizer.step()
    return sum(values) / len(values)


@replaces("train_step")
def step_with_a_running_mean(model, loss, optimizer, micro_batches):
    """A mean that is corrected by each micro-batch."""
    model.train()
    if len(micro_batches) == 0:
        raise ValueError("no batches")
    optimizer.zero_grad()
    mean = None
    for number, (inputs, targets) in enumerate(micro_batches, 1):
        outputs = model(inputs)
        value = loss(outputs, targets)
        torch.autograd.backward(value.div(len(micro_batches)))
        with torch.no_grad():
            mean = value.clone() if mean is None else mean + (value - mean) / number
    optimizer.step()
    return mean
