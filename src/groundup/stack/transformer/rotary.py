"""Rotary positions: queries and keys are turned by an angle that grows with their position, so that their dot product
depends on the distance alone.

    pair i of position n turns by n · theta^(-2i / head_dim);  x' = x cos + (x turned by 90 degrees) sin

Pairs are (i, i + head_dim / 2), "halves", as in the checkpoints of Llama on the Hub; the paper pairs neighbours.
Su and others, "RoFormer" (2021), section 3.2.2.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rope_frequencies(head_dim: int, n: int, theta: float = 10000.0) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each (n, head_dim) in float32; both halves of a row hold the same angles.

    Raises ValueError where head_dim is not an even number of at least 2.
    """
    if head_dim < 2 or head_dim % 2:
        raise ValueError(f"head_dim must be even, and 2 at least: {head_dim}")
    return rope_tables(rope_rates(head_dim, theta), n)


def rope_rates(head_dim: int, theta: float) -> Tensor:
    """(head_dim / 2,) in float32: the angle by which each pair turns from one position to the next."""
    return 1.0 / theta ** (torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)


def rope_tables(rates: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines of n positions, each (n, 2 · len(rates))."""
    # float32 whatever the default dtype is: bfloat16 has no 257, so that far positions would share their angles.
    angles = torch.outer(torch.arange(n, dtype=torch.float32), rates).repeat(1, 2)
    return angles.cos(), angles.sin()


def apply_rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (..., n, head_dim), cos and sin (n, head_dim): every position turned by its angles, in x's dtype.

    Raises ValueError where the tables' shape is not that of x's last two dimensions.
    """
    if cos.shape != x.shape[-2:] or sin.shape != cos.shape:
        raise ValueError(
            f"cos and sin must be (n, head_dim) of x (..., n, head_dim): "
            f"got {tuple(cos.shape)}, {tuple(sin.shape)} and x {tuple(x.shape)}"
        )
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return torch.addcmul(x * cos.to(x.dtype), turned, sin.to(x.dtype))
