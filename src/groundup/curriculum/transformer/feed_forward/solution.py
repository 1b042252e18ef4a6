"""The two feed-forward layers by their formulas, with PyTorch's activations. The stack's own call those of its layers."""

import torch


def feed_forward(x, w_in, w_out):
    return torch.relu(x @ w_in) @ w_out


def swiglu(x, w_gate, w_up, w_down):
    gate = x @ w_gate
    return (gate * torch.sigmoid(gate) * (x @ w_up)) @ w_down
