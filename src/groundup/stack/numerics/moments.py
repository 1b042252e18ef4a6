"""Mean, variance, covariance and correlation of samples.

``RunningMoments`` sees one observation at a time and keeps three things: their number, their mean and the sum of their
squared distances from it. ``covariance`` and ``correlation`` take a table whose rows are samples, columns features.
All divide by n - 1, so that one sample has no variance: NaN.

Not here: moments of known distributions (``expectations``), weights, missing values, rank correlations.

Sources: Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products" (1962); Chan, Golub and
LeVeque, "Algorithms for Computing the Sample Variance" (1983); Pearson, "Mathematical Contributions to the Theory of
Evolution III" (1896), for the correlation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


class RunningMoments:
    """Mean and variance of a stream of observations, in memory that does not grow.

    Observations are numbers or tensors of one shape (...); the moments are taken entry by entry. Python numbers and
    whole numbers are taken as float64, floating tensors in their own dtype. Gradients do not flow through.
    """

    def __init__(self) -> None:
        self._count = 0

    def update(self, x: Tensor | float) -> None:
        """See one more observation. Raises ValueError where its shape is not that of the others."""
        new = x.detach() if isinstance(x, Tensor) else torch.as_tensor(x, dtype=torch.float64)
        if not new.is_floating_point():
            new = new.double()
        if self._count == 0:
            self._mean = self._squares = torch.zeros_like(new)
        if new.shape != self._mean.shape:
            raise ValueError(
                f"observations have one shape: got {tuple(new.shape)} after others of {tuple(self._mean.shape)}"
            )
        self._count += 1
        before = new - self._mean
        self._mean = self._mean + before / self._count
        # One factor is the distance from the old mean, the other from the new: that is what the sum grows by, exactly.
        self._squares = self._squares + before * (new - self._mean)

    @property
    def mean(self) -> Tensor:
        """(...). Raises ValueError where nothing was seen."""
        self._require_some()
        return self._mean

    @property
    def variance(self) -> Tensor:
        """(...), with the divisor n - 1: NaN after one observation. Raises ValueError where nothing was seen."""
        self._require_some()
        return self._squares / (self._count - 1)

    def _require_some(self) -> None:
        if self._count == 0:
            raise ValueError("nothing was observed, so there are no moments")


def covariance(x: Tensor) -> Tensor:
    """How the features vary together: entry i, j is the mean product of their distances from their means, over n - 1.

    x: (..., n, d), rows samples, columns features. Returns (..., d, d), symmetric; variances on the diagonal. NaN where
    n is 1. Raises ValueError where x has fewer than two dimensions.
    """
    _require_table(x)
    distance = x - x.mean(dim=-2, keepdim=True)
    return distance.mT @ distance / (x.shape[-2] - 1)


def correlation(x: Tensor) -> Tensor:
    """Pearson's correlation: the covariance of features that were brought to variance 1, between -1 and 1.

    x: (..., n, d), rows samples, columns features; of any magnitude that the dtype holds. Returns (..., d, d). NaN in
    the row and column of a feature that is the same in all samples, and everywhere where n is 1.
    Raises ValueError where x has fewer than two dimensions.
    """
    _require_table(x)
    distance = x - x.mean(dim=-2, keepdim=True)
    # Squares of tiny or huge distances leave the dtype: the largest is divided out first.
    distance = distance / distance.detach().abs().amax(dim=-2, keepdim=True)
    unit = distance / distance.square().sum(dim=-2, keepdim=True).sqrt()
    # The mean of equal numbers may be off in the last digit, and then noise would be correlated.
    constant = (x == x[..., :1, :]).all(dim=-2)
    return (unit.mT @ unit).masked_fill(constant.unsqueeze(-1) | constant.unsqueeze(-2), math.nan)


def _require_table(x: Tensor) -> None:
    if x.dim() < 2:
        raise ValueError(f"a table (..., samples, features) is needed: got shape {tuple(x.shape)}")
