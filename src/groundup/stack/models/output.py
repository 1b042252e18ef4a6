"""What a model returns: its hidden states and, where it has a head, logits; with labels, a loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100
"""The label of a position that does not count."""


@dataclass(frozen=True)
class Output:
    """``hidden`` (batch, n, dim) is what the last block made; the rest is there where the model makes it.

    ``logits`` have the head's shape, ``loss`` is a mean over the labels that count, ``pooled`` is (batch, dim),
    ``attentions`` one (batch, heads, n, n) a layer.
    """

    hidden: Tensor
    logits: Tensor | None = None
    loss: Tensor | None = None
    pooled: Tensor | None = None
    attentions: tuple[Tensor, ...] | None = None


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy of logits (..., classes) and labels (...), of which those that are IGNORED do not count.

    Where none counts, it is 0 with gradients of 0, not the NaN of 0 / 0: a batch without a masked token is no mistake.
    Raises ValueError where the shapes do not fit.
    """
    if logits.shape[:-1] != labels.shape:
        raise ValueError(f"labels must be {tuple(logits.shape[:-1])}, one for each score: got {tuple(labels.shape)}")
    logits, labels = logits.flatten(0, -2), labels.flatten()
    counted = labels != IGNORED
    count = counted.sum()
    if 2 * count < len(labels):  # most of masked words' softmaxes would be for nothing
        logits, labels = logits[counted], labels[counted]
    summed = functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")
    return summed / count.clamp(min=1)


def next_token_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """:func:`label_loss` of scores (batch, n, vocab) and ids (batch, n): each place predicts the next id.

    The labels are moved, not the scores, which would have to be copied.
    """
    return label_loss(logits, functional.pad(labels[:, 1:], (0, 1), value=IGNORED))


def span_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean of two losses, where an answer begins and where it ends: logits (batch, n, 2), labels (batch, 2).

    Places beyond the text, as a window without the answer has them, do not count.
    """
    places = torch.where(labels < logits.shape[1], labels, IGNORED)
    begins, ends = logits.unbind(-1)
    return (label_loss(begins, places[:, 0]) + label_loss(ends, places[:, 1])) / 2


def binary_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy of a yes or no at each place: logits (...) and labels (...) of 1 and 0, or IGNORED.

    Where none counts, it is 0 as in :func:`label_loss`. Raises ValueError where the shapes differ.
    """
    if logits.shape != labels.shape:
        raise ValueError(f"labels must be {tuple(logits.shape)}, one for each score: got {tuple(labels.shape)}")
    counted = labels != IGNORED
    targets = torch.where(counted, labels, 0).to(logits.dtype)
    each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return torch.where(counted, each, 0.0).sum() / counted.sum().clamp(min=1)


def squared_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean squared distance of one number a text: logits (batch, 1), labels (batch,) of real numbers, or IGNORED.

    Where none counts, it is 0 as in :func:`label_loss`. Raises ValueError where the shapes do not fit.
    """
    if logits.shape != (*labels.shape, 1):
        raise ValueError(
            f"labels that are real numbers must be {tuple(logits.shape)}, a yes or no for each, or, where there is one "
            f"score a text, {tuple(logits.shape[:-1])}: got {tuple(labels.shape)}"
        )
    counted = labels != IGNORED
    distance = torch.where(counted, logits.squeeze(-1) - labels.to(logits.dtype), 0.0)
    return distance.square().sum() / counted.sum().clamp(min=1)


def class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """What labels are tells the loss: whole numbers are classes (:func:`label_loss`); real numbers of the logits' shape
    say yes or no to each class (:func:`binary_loss`), else each is a number to be met (:func:`squared_loss`)."""
    if not labels.is_floating_point():
        return label_loss(logits, labels)
    return binary_loss(logits, labels) if labels.shape == logits.shape else squared_loss(logits, labels)
