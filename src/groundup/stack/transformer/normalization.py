"""Normalization and the residual connection: what keeps a deep stack of layers trainable.

    layer_norm(x) = (x - mean) / √(variance + ε) · weight + bias     Ba, Kiros and Hinton 2016; variance with n
    rms_norm(x)   = x / √(mean of x² + ε) · weight                   Zhang and Sennrich 2019
    pre_norm      = x + sublayer(norm(x))                            GPT-2 and all that followed; Xiong and others 2020
    post_norm     = norm(x + sublayer(x))                            the first Transformer; Vaswani and others 2017

Mean and variance are those of the last dimension, for each position alone.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Layer = Callable[[Tensor], Tensor]


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor | None, eps: float = 1e-5) -> Tensor:
    """x (..., dim), weight and bias (dim,), or None for no bias; returns (..., dim).

    Each position gets mean 0 and variance 1, then is scaled and shifted.
    """
    return functional.layer_norm(x, x.shape[-1:], weight, bias, eps)


def rms_norm(x: Tensor, weight: Tensor, eps: float = 1e-5) -> Tensor:
    """x (..., dim), weight (dim,); each position is divided by the root of its mean square, then scaled."""
    return functional.rms_norm(x, x.shape[-1:], weight, eps)


def pre_norm(x: Tensor, norm: Layer, sublayer: Layer) -> Tensor:
    """The sublayer sees the normalized x; what it makes is added to x as it came, which passes through unhindered."""
    return x + sublayer(norm(x))


def post_norm(x: Tensor, norm: Layer, sublayer: Layer) -> Tensor:
    """What the sublayer makes of x is added to x, and the sum is normalized."""
    return norm(x + sublayer(x))


class LayerNorm(nn.Module):
    """:func:`layer_norm` with its own ``weight`` (ones) and, where it has one, ``bias`` (zeros)."""

    def __init__(self, dim: int, eps: float = 1e-5, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim)) if bias else None
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return layer_norm(x, self.weight, self.bias, self.eps)


class RMSNorm(nn.Module):
    """:func:`rms_norm` with its own ``weight`` (ones)."""

    def __init__(self, dim: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, self.eps)
