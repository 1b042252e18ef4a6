"""Expected values and moments of random variables with finitely many values.

A random variable is a tensor of its values (..., n), one for each of n outcomes; ``probabilities`` (..., n) says how
probable each outcome is. Batch dimensions broadcast, so that many variables can share a distribution and the reverse.
An outcome of probability 0 contributes nothing, whatever value it has, infinity and NaN included.

Not here: densities, moments of samples (``moments``), and any check that probabilities are at least 0 and add up to 1.

Sources: Kolmogorov, *Foundations of the Theory of Probability* (1933), chapter IV; Pearson, "Contributions to the
Mathematical Theory of Evolution II" (1895); Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance"
(1983), for the order of subtracting and squaring.
"""

from __future__ import annotations

import torch
from torch import Tensor


def expectation(values: Tensor, probabilities: Tensor) -> Tensor:
    """The mean of the values, each weighted with its probability: the sum over i of values_i probabilities_i.

    values, probabilities: (..., n). Values may be whole numbers or truth values (then the result is the probability of
    "true"). Returns (...), in the dtype of the probabilities.
    Raises ValueError where the numbers of outcomes differ.
    """
    _require_same_outcomes(values, probabilities)
    return (_possible(values, probabilities) * probabilities).sum(dim=-1)


def moment(values: Tensor, probabilities: Tensor, k: int, central: bool = False) -> Tensor:
    """The k-th moment E[X^k], or the k-th central moment E[(X - E[X])^k].

    values, probabilities: (..., n); k: a whole number from 0. Returns (...), in the dtype of the probabilities.
    Raises ValueError where the numbers of outcomes differ, or where k is negative or no whole number.
    """
    _require_same_outcomes(values, probabilities)
    if k < 0 or k != int(k):
        raise ValueError(f"a moment needs a whole number k of at least 0, not {k}")
    x = _possible(values, probabilities)
    # Twice: probabilities add up to 1 only up to rounding, and of a huge mean that much is missing the first time.
    for _ in range(2 if central else 0):
        x = x - expectation(x, probabilities).unsqueeze(-1)
    return expectation(x**k, probabilities)


def _possible(values: Tensor, probabilities: Tensor) -> Tensor:
    """The values as real numbers, 0 in the place of what cannot happen: infinity times 0 would be NaN."""
    return torch.where(probabilities == 0, 0.0, values.to(probabilities.dtype))


def _require_same_outcomes(values: Tensor, probabilities: Tensor) -> None:
    if values.shape[-1] != probabilities.shape[-1]:
        raise ValueError(
            f"each of n outcomes needs a value and a probability: got shapes {tuple(values.shape)} "
            f"and {tuple(probabilities.shape)}"
        )
