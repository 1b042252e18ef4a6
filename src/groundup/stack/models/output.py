"""What a model returns: its hidden states and, where it has a head, logits; with labels, a loss."""

from __future__ import annotations

from dataclasses import dataclass

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
    summed = functional.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORED, reduction="sum")
    return summed / (labels != IGNORED).sum().clamp(min=1)
