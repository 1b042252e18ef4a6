"""Layers and activations by their formulas. The stack's own call PyTorch's fused kernels, which compute the same."""

import math
from itertools import pairwise

import torch
from torch import nn


def relu(x):
    return x.clamp(min=0.0)


def gelu(x):
    return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


def silu(x):
    return x * torch.sigmoid(x)


def softmax(x, dim=-1):
    shares = torch.exp(x - x.amax(dim=dim, keepdim=True))
    return shares / shares.sum(dim=dim, keepdim=True)


@torch.no_grad()
def kaiming_init(weight, generator):
    if weight.dim() < 2:
        raise ValueError(f"a weight has at least two dimensions (out, in): got shape {tuple(weight.shape)}")
    fan_in = math.prod(weight.shape[1:])
    return weight.normal_(0.0, math.sqrt(2.0 / fan_in), generator=generator)


class Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None
        kaiming_init(self.weight, None)

    def forward(self, x):
        if x.shape[-1] != self.weight.shape[1]:
            raise ValueError(f"the last dimension of x must be {self.weight.shape[1]}: got shape {tuple(x.shape)}")
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


class MLP(nn.Module):
    def __init__(self, sizes, activation):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"sizes needs an input and an output at least: got {list(sizes)}")
        self.layers = nn.ModuleList(Linear(a, b) for a, b in pairwise(sizes))
        self.activation = activation

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)
