"""Right answers in other styles than the reference's: all of them must pass."""

import math

import numpy as np
import torch

from groundup.authoring import replaces


def _even(dim):
    if dim % 2 == 1 or dim <= 0:
        raise ValueError(f"pairs of columns are needed, not {dim} columns")


# ── sinusoidal_positions ──


@replaces("sinusoidal_positions")
def waves_by_every_other_column(n, dim):
    """As in many tutorials, all in float32."""
    _even(dim)
    table = torch.zeros(n, dim, dtype=torch.float32)
    position = torch.arange(n, dtype=torch.float32).unsqueeze(1)
    rate = torch.exp(torch.arange(0, dim, 2, dtype=torch.float32) * (-math.log(10000.0) / dim))
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)
    return table


@replaces("sinusoidal_positions")
def waves_by_powers(n, dim):
    """The formula as printed, in float32."""
    _even(dim)
    power = 10000.0 ** (torch.arange(0, dim, 2).to(torch.float32) / dim)
    angle = torch.arange(n).to(torch.float32)[:, None] / power
    return torch.stack([torch.sin(angle), torch.cos(angle)], dim=2).reshape(n, dim)


@replaces("sinusoidal_positions")
def waves_by_loops(n, dim):
    _even(dim)
    rows = []
    for position in range(n):
        row = []
        for i in range(dim // 2):
            angle = position / 10000 ** (2 * i / dim)
            row += [math.sin(angle), math.cos(angle)]
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float32)


@replaces("sinusoidal_positions")
def waves_by_numpy(n, dim):
    _even(dim)
    column = np.arange(dim)
    angle = np.arange(n)[:, None] / np.power(10000.0, (column // 2 * 2) / dim)
    return torch.from_numpy(np.where(column % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32))


@replaces("sinusoidal_positions")
def waves_by_a_quarter_turn(n, dim):
    """A cosine is a sine a quarter turn ahead."""
    _even(dim)
    column = torch.arange(dim, dtype=torch.float64)
    odd = column % 2
    angle = torch.outer(torch.arange(n, dtype=torch.float64), 10000.0 ** (-(column - odd) / dim))
    return torch.sin(angle + odd * math.pi / 2).to(torch.float32)


@replaces("sinusoidal_positions")
def waves_by_turning_on(n, dim):
    """Complex numbers: each row is the one before, turned on by one step."""
    _even(dim)
    rate = 10000.0 ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    step = torch.polar(torch.ones_like(rate), rate)
    here, rows = torch.ones_like(step), []
    for _ in range(n):
        rows.append(torch.stack((here.imag, here.real), dim=-1).flatten())
        here = here * step
    return torch.stack(rows).float()


# ── alibi_bias ──


def _slopes(heads):
    """As in the authors' code: called again for the power above."""
    if math.log2(heads).is_integer():
        first = 2 ** (-(2 ** -(math.log2(heads) - 3)))
        return [first * first**i for i in range(heads)]
    power = 2 ** math.floor(math.log2(heads))
    return _slopes(power) + _slopes(2 * power)[0::2][: heads - power]


def _some(heads):
    if heads <= 0:
        raise ValueError(f"cannot make slopes for {heads} heads")


@replaces("alibi_bias")
def bias_by_recursion(heads, n):
    _some(heads)
    slopes = torch.tensor(_slopes(heads), dtype=torch.float32)
    position = torch.arange(n)
    past = torch.tril(position[:, None] - position[None, :])
    return -slopes[:, None, None] * past


@replaces("alibi_bias")
def bias_by_loops(heads, n):
    _some(heads)
    slopes = _slopes(heads)
    return torch.tensor(
        [[[-slope * (i - j) if j <= i else 0.0 for j in range(n)] for i in range(n)] for slope in slopes],
        dtype=torch.float32,
    )


@replaces("alibi_bias")
def bias_by_numpy(heads, n):
    _some(heads)
    power = 1 << (heads.bit_length() - 1)
    exponents = np.concatenate([np.arange(1, power + 1) * 8 / power, np.arange(1, 2 * power, 2) * 4 / power])[:heads]
    behind = np.minimum(np.arange(n)[None, :] - np.arange(n)[:, None], 0)
    return torch.from_numpy((np.exp2(-exponents)[:, None, None] * behind).astype(np.float32))


@replaces("alibi_bias")
def bias_by_einsum(heads, n):
    """Rows of the largest distances, shifted."""
    _some(heads)
    steps = torch.arange(n, dtype=torch.float32)
    distance = torch.relu(steps.view(-1, 1) - steps.view(1, -1))
    return torch.einsum("h,ij->hij", -torch.tensor(_slopes(heads), dtype=torch.float32), distance)


# ── relative_positions ──


def _limit(max_distance):
    if max_distance < 0:
        raise ValueError("a distance cannot be limited to " + str(max_distance))


@replaces("relative_positions")
def distances_by_loops(n, max_distance):
    _limit(max_distance)
    return torch.tensor(
        [[max(-max_distance, min(max_distance, j - i)) + max_distance for j in range(n)] for i in range(n)]
    )


@replaces("relative_positions")
def distances_raised_first(n, max_distance):
    _limit(max_distance)
    i, j = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    return torch.clamp(j - i + max_distance, 0, 2 * max_distance)


@replaces("relative_positions")
def distances_by_numpy(n, max_distance):
    _limit(max_distance)
    row = np.arange(n, dtype=np.int64)
    return torch.from_numpy(np.clip(row[None, :] - row[:, None], -max_distance, max_distance) + max_distance)


@replaces("relative_positions")
def distances_by_a_sliding_row(n, max_distance):
    """One long row of all distances; each query reads it from another place."""
    _limit(max_distance)
    row = torch.arange(-(n - 1), n).clamp(-max_distance, max_distance) + max_distance
    return torch.stack([row[n - 1 - i : 2 * n - 1 - i] for i in range(n)])


@replaces("relative_positions")
def distances_by_counting(n, max_distance):
    """How many of the steps between -max_distance and max_distance the key has passed."""
    _limit(max_distance)
    total = torch.zeros(n, n, dtype=torch.long)
    for step in range(-max_distance + 1, max_distance + 1):
        total += torch.ones(n, n, dtype=torch.long).triu(step)
    return total
