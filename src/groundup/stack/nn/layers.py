"""The linear layer, and the multilayer perceptron that alternates it with an activation.

y = x Wᵀ + b        x (..., in_features), W (out_features, in_features), b (out_features,), y (..., out_features)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.nn.initialization import kaiming_init


class Linear(nn.Module):
    """An affine map of the last dimension. State: ``weight`` (out_features, in_features), ``bias`` (out_features,).

    Weights begin as :func:`kaiming_init` makes them, the bias at zero.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None
        kaiming_init(self.weight, None)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) to (..., out_features). Raises ValueError where the last dimension does not fit."""
        if x.shape[-1:] != (self.in_features,):
            raise ValueError(f"the last dimension of x must be {self.in_features}: got shape {tuple(x.shape)}")
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}"


class MLP(nn.Module):
    """Linear layers from each of ``sizes`` to the next, with ``activation`` between them and none after the last.

    State: ``layers.0.weight``, ``layers.0.bias``, ``layers.1.weight``, … Raises ValueError for fewer than two sizes.
    """

    def __init__(self, sizes: Sequence[int], activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"sizes needs an input and an output at least: got {list(sizes)}")
        self.layers = nn.ModuleList(Linear(a, b) for a, b in pairwise(sizes))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(..., sizes[0]) to (..., sizes[-1])."""
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        result: Tensor = last(x)
        return result
