"""Losses: one number that says how wrong predictions are, for gradients to make smaller.

Classes are logits, unnormalized log-probabilities: the log-softmax is part of the loss, where it can be computed
without an overflow and without ever taking the logarithm of a rounded 0.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def mse_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """The mean of the squared differences over all entries; a 0-d tensor.

    Raises ValueError where the shapes differ: broadcasting (n, 1) against (n,) would compare each with each.
    """
    if prediction.shape != target.shape:
        raise ValueError(f"prediction and target differ in shape: {tuple(prediction.shape)}, {tuple(target.shape)}")
    return functional.mse_loss(prediction, target)


def cross_entropy(logits: Tensor, targets: Tensor, ignore_index: int = -100, label_smoothing: float = 0.0) -> Tensor:
    """The mean of -log of the probability given to the right class; a 0-d tensor.

    logits (..., classes), targets (...) of whole numbers. Places whose target is ``ignore_index`` do not count, not in
    the mean's denominator either; where all are ignored the loss is 0, with gradients of 0. With ``label_smoothing`` s
    the aim is 1 - s on the right class and s spread evenly over all classes, the right one included.
    In half precision the places are added up in float32: float16 ends at 65 504, a few thousand places of a bad model.
    Szegedy and others, "Rethinking the Inception Architecture" (2016), section 7. Raises ValueError where
    shapes differ.
    """
    if logits.shape[:-1] != targets.shape:
        raise ValueError(
            f"targets (...) must have the shape of logits (..., classes) without the last dimension: "
            f"got logits {tuple(logits.shape)} and targets {tuple(targets.shape)}"
        )
    flat = logits.reshape(-1, logits.shape[-1])
    losses = functional.cross_entropy(
        flat, targets.reshape(-1), ignore_index=ignore_index, label_smoothing=label_smoothing, reduction="none"
    )
    total = losses.sum(dtype=torch.promote_types(losses.dtype, torch.float32))
    return (total / (targets != ignore_index).sum().clamp(min=1)).to(logits.dtype)


def binary_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean over all entries of -(t log σ(x) + (1 - t) log(1 - σ(x))); a 0-d tensor.

    logits and targets have one shape; targets are floating, between 0 and 1. Raises ValueError where shapes differ.
    """
    if logits.shape != targets.shape:
        raise ValueError(f"logits and targets differ in shape: {tuple(logits.shape)}, {tuple(targets.shape)}")
    return functional.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))


def log_probabilities(logits: Tensor, targets: Tensor) -> Tensor:
    """(...): the log-probability that logits (..., classes) give to each of targets (...)."""
    chosen = torch.gather(logits, -1, targets.unsqueeze(-1)).squeeze(-1)
    return chosen - torch.logsumexp(logits, dim=-1)
