"""Contrastive objectives: what belongs together shall be alike, and unlike all else that is in the batch.

    queries (batch, dim), keys (batch, dim) ── cosine of each with each, / temperature ──► scores (batch, batch)
      row i is a choice among the keys, and the right one is the i-th:  loss = mean of -log softmax(scores)[i, i]

    :func:`info_nce`                van den Oord and others, "Representation Learning with Contrastive Predictive
                                    Coding" (2018); negatives are the other keys of the batch
    :func:`clip_loss`               both ways, texts to images and back: Radford and others, "Learning Transferable
                                    Visual Models From Natural Language Supervision" (2021), figure 3
    :func:`simcse_loss`             the two are one sentence, encoded twice with other dropout: Gao and others, "SimCSE:
                                    Simple Contrastive Learning of Sentence Embeddings" (2021)
    :func:`supervised_contrastive`  all of one class belong together: Khosla and others, "Supervised Contrastive
                                    Learning" (2020), the loss that they call L_out

The lower the temperature, the more the loss is about the negatives that are hardest to tell. The loss of chance is
log(batch), so that losses of batches of another size say little of one another.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

LARGEST_SCALE = 100.0
"""CLIP's greatest 1 / temperature: beyond it training was unstable (section 2.5)."""


def similarities(queries: Tensor, keys: Tensor, temperature: float | Tensor = 1.0) -> Tensor:
    """The cosine of each query (n, dim) with each key (m, dim), divided by the temperature: (n, m).

    Raises ValueError where the shapes do not fit.
    """
    if queries.dim() != 2 or keys.dim() != 2 or queries.shape[1] != keys.shape[1]:
        raise ValueError(f"queries (n, dim) and keys (m, dim): got {tuple(queries.shape)} and {tuple(keys.shape)}")
    return functional.normalize(queries, dim=-1) @ functional.normalize(keys, dim=-1).T / temperature


def info_nce(
    queries: Tensor, keys: Tensor, temperature: float | Tensor = 0.07, negatives: Tensor | None = None
) -> Tensor:
    """Which key belongs to each query: queries and keys (batch, dim), the i-th of one to the i-th of the other.

    Every other key is a negative, and so are ``negatives`` (m, dim) for all queries, where given. Raises ValueError
    where the shapes do not fit.
    """
    _require_pairs(queries, keys)
    scores = similarities(queries, keys, temperature)
    if negatives is not None:
        scores = torch.cat((scores, similarities(queries, negatives, temperature)), -1)
    return _right_ones(scores)


def clip_loss(images: Tensor, texts: Tensor, log_scale: Tensor) -> Tensor:
    """The mean of :func:`info_nce` both ways; images and texts (batch, dim), log_scale () is log(1 / temperature).

    The scale is learned, as its logarithm, from log(1 / 0.07) on, and never beyond LARGEST_SCALE, where the loss gives
    it no gradient.
    """
    _require_pairs(images, texts)
    scores = similarities(images, texts) * log_scale.clamp(max=math.log(LARGEST_SCALE)).exp()
    return (_right_ones(scores) + _right_ones(scores.T)) / 2


def simcse_loss(first: Tensor, second: Tensor, temperature: float = 0.05, hard: Tensor | None = None) -> Tensor:
    """Sentences' vectors (batch, dim), made twice by a model in training: dropout is all that tells the two apart.

    Or, supervised, ``second`` has a sentence that follows from each and ``hard`` (batch, dim) one that contradicts it:
    all of these are negatives of every sentence (section 4).
    """
    return info_nce(first, second, temperature, hard)


def supervised_contrastive(features: Tensor, labels: Tensor, temperature: float = 0.1) -> Tensor:
    """features (batch, dim), of which those of one of the labels (batch,) belong together.

    For each, the mean over its fellows of -log softmax among all but itself; then the mean over those that have a
    fellow, 0 where none has. With one fellow each, the views of one sentence, it is SimCLR's loss (Chen and others
    2020). Raises ValueError where the shapes do not fit.
    """
    if features.dim() != 2 or labels.shape != features.shape[:1]:
        raise ValueError(
            f"features (batch, dim) and labels (batch,): got {tuple(features.shape)}, {tuple(labels.shape)}"
        )
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    scores = similarities(features, features, temperature)
    scores = scores.masked_fill(itself, torch.finfo(scores.dtype).min)  # not -inf: of one alone it would make NaN
    fellows = (labels[:, None] == labels) & ~itself
    surprise = torch.where(fellows, -functional.log_softmax(scores, dim=-1), 0.0)
    number = fellows.sum(-1)
    return (surprise.sum(-1) / number.clamp(min=1)).sum() / (number > 0).sum().clamp(min=1)


def _right_ones(scores: Tensor) -> Tensor:
    """scores (n, m), m >= n: the mean cross-entropy of choosing the i-th of m in row i."""
    return functional.cross_entropy(scores, torch.arange(len(scores), device=scores.device))


def _require_pairs(queries: Tensor, keys: Tensor) -> None:
    if queries.dim() != 2 or queries.shape != keys.shape:
        raise ValueError(f"two of shape (batch, dim) are needed: got {tuple(queries.shape)} and {tuple(keys.shape)}")
