"""Positions told to attention, which by itself sees a set: added to the input, or to the scores.

    sinusoidal    P[n, 2i] = sin(n / 10000^(2i/dim)), P[n, 2i + 1] = cos(the same)     Vaswani and others 2017, 3.5
    ALiBi         bias[h, i, j] = -slope_h · (i - j) for keys in the past               Press, Smith and Lewis 2022
    relative      clipped distance j - i, as an index into a learned table              Shaw, Uszkoreit and Vaswani 2018

Rotary positions have a file of their own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sinusoidal_positions(n: int, dim: int) -> Tensor:
    """(n, dim) in float32: sines in the even columns, cosines in the odd ones, of slower and slower waves.

    Raises ValueError where dim is not an even number of at least 2.
    """
    if dim < 2 or dim % 2:
        raise ValueError(f"dim must be even, and 2 at least: {dim}")
    # In float64 whatever the default dtype is: the angle of position 100 000 is off by some thousandths in float32.
    rate = torch.exp(torch.arange(0, dim, 2, dtype=torch.float64) * (-math.log(10000.0) / dim))
    angle = torch.arange(n, dtype=torch.float64).unsqueeze(1) * rate
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(-2).float()


def alibi_slopes(heads: int) -> Tensor:
    """(heads,): 2^(-8/heads), 2^(-16/heads), … ; for a number that is no power of two, those of the power below it and
    then every other one of the power above, as in the authors' code."""
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (head + 1) / power) for head in range(power)]
    slopes += [2 ** (-4 * (2 * head + 1) / power) for head in range(heads - power)]
    return torch.tensor(slopes, dtype=torch.float32)


def alibi_bias(heads: int, n: int) -> Tensor:
    """(heads, n, n) in float32, to be added to scores: 0 on the diagonal, and more negative the farther back the key
    lies. Future keys get 0: the causal mask takes care of them. Raises ValueError where heads is less than 1."""
    if heads < 1:
        raise ValueError(f"at least one head is needed: {heads}")
    position = torch.arange(n)
    ahead = (position - position.unsqueeze(1)).clamp(max=0)
    return alibi_slopes(heads).reshape(-1, 1, 1) * ahead


def relative_positions(n: int, max_distance: int) -> Tensor:
    """(n, n) of whole numbers from 0 to 2 · max_distance: how far key j lies from query i, j - i clipped to
    ±max_distance, plus max_distance: an index into a table of 2 · max_distance + 1 rows.

    Raises ValueError where max_distance is negative.
    """
    if max_distance < 0:
        raise ValueError(f"max_distance is not negative: {max_distance}")
    position = torch.arange(n)
    return (position - position.unsqueeze(1)).clamp(-max_distance, max_distance) + max_distance
