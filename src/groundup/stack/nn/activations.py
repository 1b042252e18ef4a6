"""Activation functions: what bends the line between two linear layers, entry by entry, and the softmax.

    relu(x)    = max(x, 0)                              Nair and Hinton 2010
    gelu(x)    = x Φ(x), Φ the normal distribution      Hendrycks and Gimpel 2016, the exact form, not the tanh one
    silu(x)    = x σ(x), σ the logistic function        Elfwing, Uchibe and Doya 2017; "swish"
    softmax(x) = exp(x) / Σ exp(x) along one dimension

All take and return floating tensors of any shape, in their dtype. PyTorch's fused kernels do the work; the tests hold
them to the formulas above.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def relu(x: Tensor) -> Tensor:
    """The greater of x and 0, entry by entry; its gradient at 0 is taken to be 0."""
    return torch.relu(x)


def gelu(x: Tensor) -> Tensor:
    """x times the probability that a standard normal number is below x, entry by entry."""
    return functional.gelu(x)


def silu(x: Tensor) -> Tensor:
    """x times the logistic function of x, entry by entry."""
    return functional.silu(x)


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """Positive shares that sum to 1 along ``dim`` and keep the order of x; adding a constant to x changes nothing.

    The largest entry along ``dim`` is subtracted first, so that no exponential overflows.
    """
    return torch.softmax(x, dim=dim)
