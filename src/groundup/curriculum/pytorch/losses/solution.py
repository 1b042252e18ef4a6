"""The losses by their formulas. The stack's own call PyTorch's fused kernels, which compute the same."""

import torch
from torch.nn import functional


def mse_loss(prediction, target):
    if prediction.shape != target.shape:
        raise ValueError(f"prediction and target differ in shape: {tuple(prediction.shape)}, {tuple(target.shape)}")
    return (prediction - target).square().mean()


def cross_entropy(logits, targets, ignore_index=-100, label_smoothing=0.0):
    if logits.shape[:-1] != targets.shape:
        raise ValueError(f"logits {tuple(logits.shape)} do not fit to targets {tuple(targets.shape)}")
    kept = targets != ignore_index
    logs = torch.log_softmax(logits, dim=-1)
    # An ignored target may be no class at all: class 0 stands in for it until its place is set to zero.
    right = targets.masked_fill(~kept, 0).unsqueeze(-1)
    losses = -logs.gather(-1, right).squeeze(-1)
    if label_smoothing:
        losses = (1 - label_smoothing) * losses - label_smoothing * logs.mean(dim=-1)
    losses = losses.masked_fill(~kept, 0.0)
    total = losses.sum(dtype=torch.promote_types(logits.dtype, torch.float32))
    return (total / kept.sum().clamp(min=1)).to(logits.dtype)


def binary_cross_entropy(logits, targets):
    if logits.shape != targets.shape:
        raise ValueError(f"logits and targets differ in shape: {tuple(logits.shape)}, {tuple(targets.shape)}")
    yes = targets * functional.logsigmoid(logits)
    no = (1 - targets) * functional.logsigmoid(-logits)
    return -(yes + no).mean()
