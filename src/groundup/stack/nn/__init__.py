"""What networks are made of and trained with: layers, losses, optimizers, schedules, operations on whole tensors."""

from groundup.stack.nn.activations import gelu, relu, silu, softmax
from groundup.stack.nn.initialization import kaiming_init
from groundup.stack.nn.layers import MLP, Linear
from groundup.stack.nn.losses import binary_cross_entropy, cross_entropy, mse_loss
from groundup.stack.nn.operations import batched_bilinear, masked_mean, one_hot, pairwise_distances
from groundup.stack.nn.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from groundup.stack.nn.recurrent import GRU, LSTM
from groundup.stack.nn.schedules import warmup_constant, warmup_cosine, warmup_linear
from groundup.stack.nn.shapes import broadcast_shape, contiguous_strides, sliding_windows

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "Linear",
    "Optimizer",
    "RMSprop",
    "batched_bilinear",
    "binary_cross_entropy",
    "broadcast_shape",
    "contiguous_strides",
    "cross_entropy",
    "gelu",
    "kaiming_init",
    "masked_mean",
    "mse_loss",
    "one_hot",
    "pairwise_distances",
    "relu",
    "silu",
    "sliding_windows",
    "softmax",
    "warmup_constant",
    "warmup_cosine",
    "warmup_linear",
]
