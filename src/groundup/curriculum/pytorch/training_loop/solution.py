"""The three parts in plain code. The stack's own clipping treats all gradients in a few fused calls."""

import math

import torch


def clip_grad_norm(params, max_norm):
    if not max_norm > 0:
        raise ValueError(f"max_norm must be above 0: {max_norm}")
    grads = [one.grad for one in params if one.grad is not None]
    if not grads:
        return torch.zeros(())
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(grad) for grad in grads]))
    if torch.isfinite(norm) and norm > max_norm:
        for grad in grads:
            grad.mul_(max_norm / norm)
    return norm


def warmup_cosine(step, peak, warmup, total, floor=0.0):
    if not 0 <= warmup <= total or step < 0:
        raise ValueError(f"0 <= warmup <= total and step >= 0 are needed: got {step=}, {warmup=}, {total=}")
    if step < warmup:
        return peak * (step + 1) / warmup
    if step >= total:
        return floor
    progress = (step - warmup) / (total - warmup)
    return floor + (peak - floor) * (1 + math.cos(math.pi * progress)) / 2


def train_step(model, loss, optimizer, micro_batches):
    if not micro_batches:
        raise ValueError("a step needs at least one micro-batch")
    model.train()
    optimizer.zero_grad()
    total = 0.0
    for inputs, targets in micro_batches:
        share = loss(model(inputs), targets) / len(micro_batches)
        share.backward()
        total = total + share.detach()
    optimizer.step()
    return total
