"""Where the weights of a layer begin: random, and of such a size that signals neither die out nor explode."""

from __future__ import annotations

import math

import torch
from torch import Tensor


@torch.no_grad()
def kaiming_init(weight: Tensor, generator: torch.Generator | None) -> Tensor:
    """Fill ``weight`` (out_features, in_features, …) in place with normal numbers of variance 2 / fan_in; return it.

    fan_in is the number of inputs that one output sums over: all dimensions but the first. Before a ReLU, which
    silences half of a symmetric signal, this keeps the mean square of the activations from layer to layer. Without a
    generator the numbers come from PyTorch's own source. Raises
    ValueError for a tensor of fewer than two dimensions.
    He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (2015), section 2.2.
    """
    if weight.dim() < 2:
        raise ValueError(f"a weight has at least two dimensions (out, in): got shape {tuple(weight.shape)}")
    fan_in = math.prod(weight.shape[1:])
    return weight.normal_(0.0, math.sqrt(2.0 / max(fan_in, 1)), generator=generator)
