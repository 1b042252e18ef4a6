"""Right answers in other styles than the reference's: all of them must pass."""

import math

import numpy as np
import torch

from groundup.authoring import replaces


def _even(head_dim):
    if head_dim % 2 == 1 or head_dim <= 0:
        raise ValueError(f"pairs are needed, not {head_dim} numbers")


# ── rope_frequencies ──


@replaces("rope_frequencies")
def tables_by_exponentials(head_dim, n, theta=10000.0):
    """All in float32."""
    _even(head_dim)
    speed = torch.exp(torch.arange(0, head_dim, 2, dtype=torch.float32) * (-math.log(theta) / head_dim))
    angle = torch.arange(n, dtype=torch.float32)[:, None] * speed
    return torch.cos(angle).repeat(1, 2), torch.sin(angle).repeat(1, 2)


@replaces("rope_frequencies")
def tables_by_powers(head_dim, n, theta=10000.0):
    """As in Llama's code on the Hub."""
    _even(head_dim)
    inv_freq = 1.0 / (theta ** (torch.arange(0, head_dim, 2, dtype=torch.int64).to(torch.float32) / head_dim))
    freqs = torch.einsum("i,j->ij", torch.arange(n, dtype=torch.float32), inv_freq)
    emb = torch.cat([freqs, freqs], dim=-1)
    return [emb.cos(), emb.sin()]


@replaces("rope_frequencies")
def tables_by_loops(head_dim, n, theta=10000.0):
    _even(head_dim)
    speeds = [theta ** (-2 * i / head_dim) for i in range(head_dim // 2)] * 2
    cos = [[math.cos(p * speed) for speed in speeds] for p in range(n)]
    sin = [[math.sin(p * speed) for speed in speeds] for p in range(n)]
    return torch.tensor(cos, dtype=torch.float32), torch.tensor(sin, dtype=torch.float32)


@replaces("rope_frequencies")
def tables_by_numpy(head_dim, n, theta=10000.0):
    _even(head_dim)
    pair = np.arange(head_dim) % (head_dim // 2)
    angle = np.arange(n)[:, None] / theta ** (2 * pair / head_dim)
    return tuple(torch.from_numpy(wave(angle).astype(np.float32)) for wave in (np.cos, np.sin))


@replaces("rope_frequencies")
def tables_by_complex_numbers(head_dim, n, theta=10000.0):
    """Both tables are the parts of one complex table; they come back stacked."""
    _even(head_dim)
    speed = theta ** -torch.linspace(0, 1 - 2 / head_dim, head_dim // 2, dtype=torch.float64)
    angle = torch.outer(torch.arange(n, dtype=torch.float64), speed)
    turns = torch.polar(torch.ones_like(angle), angle).repeat(1, 2)
    return torch.stack((turns.real, turns.imag)).to(torch.float32)


# ── apply_rope ──


def _fits(x, cos, sin):
    for table in (cos, sin):
        if table.shape != x.shape[-2:]:
            raise ValueError(f"a table of shape {list(table.shape)} does not fit x of shape {list(x.shape)}")


@replaces("apply_rope")
def turned_by_halves(x, cos, sin):
    """The two lines of the formula."""
    _fits(x, cos, sin)
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    c, s = cos[:, :half].to(x.dtype), sin[:, :half].to(x.dtype)
    return torch.cat([a * c - b * s, a * s + b * c], dim=-1)


@replaces("apply_rope")
def turned_by_rolling(x, cos, sin):
    """The halves change places by a roll; the signs are a vector."""
    _fits(x, cos, sin)
    half = x.shape[-1] // 2
    sign = torch.ones(x.shape[-1], dtype=x.dtype)
    sign[:half] = -1
    return x * cos.to(x.dtype) + x.roll(half, dims=-1) * sign * sin.to(x.dtype)


@replaces("apply_rope")
def turned_by_complex_numbers(x, cos, sin):
    """An arrow is a complex number, a turn a multiplication."""
    _fits(x, cos, sin)
    half = x.shape[-1] // 2
    wide = x.to(torch.float64)
    turned = torch.complex(wide[..., :half], wide[..., half:]) * torch.complex(
        cos[:, :half].double(), sin[:, half:].double()
    )
    return torch.cat((turned.real, turned.imag), dim=-1).to(x.dtype)


@replaces("apply_rope")
def turned_by_matrices(x, cos, sin):
    """A matrix of two by two for each pair of each position."""
    _fits(x, cos, sin)
    half = x.shape[-1] // 2
    c, s = cos[:, :half].to(x.dtype), sin[:, :half].to(x.dtype)
    turn = torch.stack((torch.stack((c, -s)), torch.stack((s, c))))  # (2, 2, n, half)
    return torch.einsum("abnh,...nbh->...nah", turn, x.unflatten(-1, (2, half))).flatten(-2)


@replaces("apply_rope")
def turned_by_loops(x, cos, sin):
    """Filled in pair by pair, in a new tensor."""
    _fits(x, cos, sin)
    half = x.shape[-1] // 2
    out = torch.zeros_like(x)
    for i in range(half):
        c, s = cos[:, i].to(x.dtype), sin[:, i].to(x.dtype)
        out[..., i] = x[..., i] * c - x[..., i + half] * s
        out[..., i + half] = x[..., i] * s + x[..., i + half] * c
    return out


@replaces("apply_rope")
def turned_in_float32_at_least(x, cos, sin):
    """Products and sum in the wider of the two dtypes, rounded once."""
    _fits(x, cos, sin)
    first, second = x.tensor_split(2, dim=-1)
    return (x * cos + torch.cat((second.neg(), first), dim=-1) * sin).type_as(x)
