"""Entropy, cross-entropy, Kullback-Leibler divergence and perplexity, with natural logarithms (nats).

A distribution over n outcomes is the last dimension of a tensor (..., n): entries of at least 0 that add up to 1. Batch
dimensions broadcast. An outcome of probability 0 contributes nothing (0 log 0 = 0), whatever the other distribution
says of it; an outcome that happens although the other distribution excludes it makes cross-entropy and divergence
infinite. No gradient is NaN because of a 0.

Not here: other bases (divide by log 2 for bits), densities of continuous variables, losses from logits (``losses``),
and any check that entries are at least 0 and add up to 1.

Sources: Shannon, "A Mathematical Theory of Communication" (1948); Kullback and Leibler, "On Information and
Sufficiency" (1951); Jelinek, Mercer, Bahl and Baker, "Perplexity" (1977).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def entropy(p: Tensor) -> Tensor:
    """The mean surprise of what p draws: the sum over i of -p_i log p_i.

    p: (..., n). Returns (...), from 0 (one outcome is certain) to log n (all are equal).
    """
    return (p * -_log(p)).sum(dim=-1)


def cross_entropy_of(p: Tensor, q: Tensor) -> Tensor:
    """The mean surprise of one who believes q at what p draws: the sum over i of -p_i log q_i.

    p, q: (..., n). Returns (...), at least entropy(p); infinite where q excludes what p does not.
    Raises ValueError where the numbers of outcomes differ.
    """
    _require_same_outcomes(p, q)
    excluded = ((p > 0) & (q == 0)).any(dim=-1)
    return (p * -_log(q)).sum(dim=-1).masked_fill(excluded, math.inf)


def kl_divergence(p: Tensor, q: Tensor) -> Tensor:
    """What believing q costs when p is true: the sum over i of p_i (log p_i - log q_i), at least 0 up to rounding.

    p, q: (..., n). Returns (...); infinite where q excludes what p does not. It is not symmetric.
    Raises ValueError where the numbers of outcomes differ.
    """
    _require_same_outcomes(p, q)
    excluded = ((p > 0) & (q == 0)).any(dim=-1)
    return (p * (_log(p) - _log(q))).sum(dim=-1).masked_fill(excluded, math.inf)


def perplexity(token_log_probabilities: Tensor) -> Tensor:
    """The number of equally likely tokens among which a model would be as unsure: exp of the mean surprise.

    token_log_probabilities: any shape, at least one token; natural logarithms of what the model gave to the tokens that
    came. All tokens count alike, so that a batch of texts is taken as one text. Half precision is computed and returned
    in float32. Returns a 0-d tensor; infinite where a token had the logarithm -inf.
    Raises ValueError where there are no tokens.
    """
    if token_log_probabilities.numel() == 0:
        raise ValueError("the perplexity of no tokens is undefined")
    if token_log_probabilities.dtype in (torch.float16, torch.bfloat16):
        token_log_probabilities = token_log_probabilities.float()
    return (-token_log_probabilities.mean()).exp()


def _log(p: Tensor) -> Tensor:
    """The logarithm, and 0 in the place of the logarithm of 0, whose gradient times 0 would be NaN."""
    return p.masked_fill(p == 0, 1.0).log()


def _require_same_outcomes(p: Tensor, q: Tensor) -> None:
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(f"p and q need the same number of outcomes: got shapes {tuple(p.shape)} and {tuple(q.shape)}")
