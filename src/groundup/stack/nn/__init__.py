"""Layers, activations, initialization, losses, optimizers and schedules: what networks are made of and trained with."""

from groundup.stack.nn.activations import gelu, relu, silu, softmax
from groundup.stack.nn.initialization import kaiming_init
from groundup.stack.nn.layers import MLP, Linear
from groundup.stack.nn.losses import binary_cross_entropy, cross_entropy, mse_loss
from groundup.stack.nn.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from groundup.stack.nn.schedules import warmup_cosine

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "Linear",
    "Optimizer",
    "RMSprop",
    "binary_cross_entropy",
    "cross_entropy",
    "gelu",
    "kaiming_init",
    "mse_loss",
    "relu",
    "silu",
    "softmax",
    "warmup_cosine",
]
