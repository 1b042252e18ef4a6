"""Maximum likelihood: the parameters under which what was seen would have been most probable.

For a normal distribution they have a formula. For logistic regression there is none: Newton's method finds them, since
minus the logarithm of the likelihood is convex there. Where a line separates the two classes no maximum exists; see
:func:`fit_logistic`.

Not here: a penalty on the weights, more than two classes, standard errors.

Sources: Fisher, "On the Mathematical Foundations of Theoretical Statistics" (1922); Cox, "The Regression Analysis of
Binary Sequences" (1958); Albert and Anderson, "On the Existence of Maximum Likelihood Estimates in Logistic Regression
Models" (1984), for the separable; McCullagh and Nelder, *Generalized Linear Models* (1989), section 4.4.
"""

from __future__ import annotations

import torch
from torch import Tensor

DAMPING = 1e-10
"""A share of the number of samples that is added to the curvature: it may be singular, and this moves no maximum."""


def fit_normal(x: Tensor) -> tuple[Tensor, Tensor]:
    """The mean and the standard deviation of the normal distribution under which x is most probable.

    x: (..., n), independent samples along the last dimension, at least one; float32 or float64. Returns two tensors
    (...). The deviation has the divisor n: it is the most likely one, and a little too small on average.
    Raises ValueError where there is no sample.
    """
    if x.dim() == 0 or x.shape[-1] == 0:
        raise ValueError(f"at least one sample is needed along the last dimension: got the shape {tuple(x.shape)}")
    mean = x.mean(dim=-1)
    return mean, (x - mean.unsqueeze(-1)).square().mean(dim=-1).sqrt()


def negative_log_likelihood(log_probabilities: Tensor) -> Tensor:
    """Minus the logarithm of the probability that independent observations come together.

    log_probabilities: (..., n), logarithms of the probability (or density) of each; -inf for the impossible. Returns
    (...), a sum and no mean: 0 for no observation. Half precision is summed in, and returned as, float32.
    """
    wide = log_probabilities.to(torch.promote_types(log_probabilities.dtype, torch.float32))
    return -wide.sum(dim=-1)


def fit_logistic(x: Tensor, y: Tensor, steps: int = 100) -> tuple[Tensor, Tensor]:
    """Logistic regression without a penalty: weights w and bias b under which the labels y are most probable.

    The chance of label 1 is sigmoid(x @ w + b). x: (n, d) floating point, y: (n,) with entries 0 and 1, any dtype.
    Returns w (d,) and b (), in the dtype of x; computed in float64, by at most ``steps`` Newton steps from zeros, each
    halved until the likelihood does not fall.
    Columns may repeat each other: then many weights are equally good, and one of them comes back. If the classes can be
    separated there is no best: weights would grow for ever, and finite ones come back that leave hardly any doubt.
    Raises ValueError for labels other than 0 and 1, for numbers of rows and labels that differ, and steps below 0.
    """
    _require(x, y, steps)
    # Standardized features leave the likelihood as it is, and make the linear system a good one.
    mean, spread = fit_normal(x.double().mT)
    spread = torch.where(spread > 0, spread, 1.0)
    rows = torch.cat([(x - mean) / spread, torch.ones(len(x), 1, dtype=torch.float64)], dim=-1)
    labels, w = y.double(), torch.zeros(rows.shape[1], dtype=torch.float64)
    damping = DAMPING * len(rows) * torch.eye(len(w), dtype=torch.float64)
    for _ in range(steps):
        chance = torch.sigmoid(rows @ w)
        gradient = rows.mT @ (labels - chance)
        if gradient.abs().max() <= 1e-8:
            break
        curvature = (rows.mT * (chance * (1 - chance))) @ rows
        step = torch.linalg.solve(curvature + damping, gradient)
        while _surprise(rows @ (w + step), labels) > _surprise(rows @ w, labels):
            step = step / 2
        w = w + step
    weights = w[:-1] / spread
    return weights.to(x.dtype), (w[-1] - weights @ mean).to(x.dtype)


def _surprise(scores: Tensor, labels: Tensor) -> Tensor:
    """The negative log-likelihood of the labels, where the chance of label 1 is sigmoid(score)."""
    return negative_log_likelihood(torch.nn.functional.logsigmoid((2 * labels - 1) * scores))


def _require(x: Tensor, y: Tensor, steps: int) -> None:
    if x.dim() != 2 or y.shape != x.shape[:1]:
        raise ValueError(f"rows (n, d) and as many labels (n,) are needed: got {tuple(x.shape)} and {tuple(y.shape)}")
    if not ((y == 0) | (y == 1)).all():
        raise ValueError("labels are 0 and 1")
    if steps < 0:
        raise ValueError(f"steps must not be negative: got {steps}")
