"""Right answers in other styles than the reference's: all of them must pass."""

import numpy as np
import torch
from torch.nn import functional

from groundup.authoring import replaces


def _same(x, y):
    if x.shape != y.shape:
        raise ValueError(f"shapes {tuple(x.shape)} and {tuple(y.shape)}")


def _fit(logits, targets):
    if tuple(logits.shape[:-1]) != tuple(targets.shape):
        raise ValueError(f"logits {tuple(logits.shape)}, targets {tuple(targets.shape)}")


# ── mse_loss ──


@replaces("mse_loss")
def mse_by_power(prediction, target):
    _same(prediction, target)
    return torch.mean((target - prediction) ** 2)


@replaces("mse_loss")
def mse_by_dot_product(prediction, target):
    """The squared length of the difference, over its number of entries."""
    _same(prediction, target)
    difference = (prediction - target).flatten()
    return difference.dot(difference) / difference.numel()


@replaces("mse_loss")
def mse_by_loops(prediction, target):
    _same(prediction, target)
    total = 0.0
    for place in np.ndindex(*prediction.shape):
        total = total + (prediction[place] - target[place]).double() ** 2
    return (total / prediction.numel()).to(prediction.dtype)


@replaces("mse_loss")
def mse_by_norm(prediction, target):
    if prediction.size() != target.size():
        raise ValueError("unequal shapes")
    return torch.sum(torch.square(torch.sub(prediction, target)) / prediction.numel())


# ── cross_entropy ──


@replaces("cross_entropy")
def cross_entropy_of_the_kept(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Ignored places are taken out first; an empty selection sums to 0 and is still tied to the logits."""
    _fit(logits, targets)
    kept = targets != ignore_index
    rows, right = logits[kept], targets[kept]
    logs = rows.float().log_softmax(-1) if rows.dtype != torch.float64 else rows.log_softmax(-1)
    losses = -logs[torch.arange(len(right)), right]
    if label_smoothing > 0:
        losses = (1 - label_smoothing) * losses + label_smoothing * -logs.mean(-1)
    return (losses.sum() / max(len(right), 1)).to(logits.dtype)


@replaces("cross_entropy")
def cross_entropy_by_logsumexp(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The logarithm of the sum less the right logit, or less the logits weighted by the aims."""
    _fit(logits, targets)
    x = logits.reshape(-1, logits.shape[-1])
    t = targets.reshape(-1)
    if x.dtype != torch.float64:
        x = x.float()
    keep = (t != ignore_index).to(x.dtype)
    t = torch.where(t == ignore_index, 0, t)
    wanted = torch.gather(x, 1, t[:, None])[:, 0]
    if label_smoothing:
        wanted = wanted * (1 - label_smoothing) + x.mean(1) * label_smoothing
    losses = (torch.logsumexp(x, dim=1) - wanted) * keep
    return (losses.sum() / torch.clamp(keep.sum(), min=1)).to(logits.dtype)


@replaces("cross_entropy")
def cross_entropy_by_aims(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """A distribution to aim at for each place; where the aim is 0 the logarithm plays no part, be it infinite."""
    _fit(logits, targets)
    classes = logits.shape[-1]
    kept = (targets != ignore_index).unsqueeze(-1)
    right = torch.arange(classes) == targets.unsqueeze(-1)
    aims = torch.full(logits.shape, label_smoothing / classes, dtype=torch.float64) + right * (1 - label_smoothing)
    aims = torch.where(kept, aims, 0.0)
    logs = torch.log_softmax(logits.double(), dim=-1)
    products = torch.where(aims > 0, aims * torch.where(aims > 0, logs, 0.0), 0.0)
    return (-products.sum() / kept.sum().clamp(min=1)).to(logits.dtype)


@replaces("cross_entropy")
def cross_entropy_by_loops(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """One place after the other."""
    _fit(logits, targets)
    if logits.numel() > 10_000:  # the same, place by place at once: a loop over thousands takes long
        return cross_entropy_by_logsumexp(logits, targets, ignore_index, label_smoothing)
    losses = [logits.double().nan_to_num(neginf=0.0).sum() * 0.0]
    count = 0
    for place in np.ndindex(*targets.shape):
        target = int(targets[place])
        if target == ignore_index:
            continue
        row = logits[place].double()
        top = row.max().detach()
        logs = row - top - (row - top).exp().sum().log()
        loss = -logs[target]
        if label_smoothing:
            loss = loss * (1 - label_smoothing) - logs.sum() * (label_smoothing / len(row))
        losses.append(loss)
        count += 1
    return (sum(losses) / max(count, 1)).to(logits.dtype)


# ── binary_cross_entropy ──


@replaces("binary_cross_entropy")
def binary_by_softplus(logits, targets):
    """The logarithm of 1 + exp(x), less t x."""
    _same(logits, targets)
    return (functional.softplus(logits, threshold=50.0) - logits * targets).mean()


@replaces("binary_cross_entropy")
def binary_by_two_classes(logits, targets):
    """A yes-or-no question is a softmax of two classes, one of which has the logit 0."""
    _same(logits, targets)
    logs = torch.stack([torch.zeros_like(logits), logits], dim=-1).log_softmax(-1)
    return -((1 - targets) * logs[..., 0] + targets * logs[..., 1]).mean()


@replaces("binary_cross_entropy")
def binary_by_logaddexp(logits, targets):
    _same(logits, targets)
    x = logits.double()
    losses = torch.logaddexp(x, torch.zeros_like(x)) - x * targets
    return losses.mean().to(logits.dtype)


@replaces("binary_cross_entropy")
def binary_by_logsigmoid(logits, targets):
    """log(1 - p) is log p less the logit."""
    _same(logits, targets)
    log_p = functional.logsigmoid(logits)
    return ((1 - targets) * logits - log_p).mean()
