"""Right answers in other styles: all of them must pass."""

import math
from functools import reduce

import torch

from groundup.authoring import replaces


def _fits(u, v):
    if u.size(-1) != v.size(-1):
        raise ValueError(f"expected vectors of one length, not shapes {list(u.shape)} and {list(v.shape)}")


def _real(v):
    return v if v.is_floating_point() else v.to(torch.get_default_dtype())


# ── dot ──


@replaces("dot")
def by_loops(u, v):
    _fits(u, v)
    total = torch.zeros(torch.broadcast_shapes(u.shape[:-1], v.shape[:-1]), dtype=u.dtype)
    for i in range(u.shape[-1]):
        total = total + u[..., i] * v[..., i]
    return total


@replaces("dot")
def by_einsum(u, v):
    _fits(u, v)
    return torch.einsum("...i,...i->...", u, v)


@replaces("dot")
def by_matmul(u, v):
    _fits(u, v)
    return (u.unsqueeze(-2) @ v.unsqueeze(-1)).squeeze(-1).squeeze(-1)


@replaces("dot")
def by_rows(u, v):
    """One pair of vectors at a time."""
    _fits(u, v)
    u, v = torch.broadcast_tensors(u, v)
    if u.dim() == 1:
        return sum((a * b for a, b in zip(u, v)), start=u.new_zeros(()))
    return torch.stack([by_rows(a, b) for a, b in zip(u, v)])


# ── norm ──


@replaces("norm")
def by_loops_over_vectors(v, p=2.0):
    if p < 1:
        raise ValueError(f"p is {p}")
    v = _real(v)
    lengths = []
    for vector in v.reshape(-1, v.shape[-1]) if v.numel() else []:
        largest = max(abs(x) for x in vector.tolist())
        if largest == 0.0:
            lengths.append((vector * 0).sum())
        elif p == math.inf:
            lengths.append(vector.abs().max())
        else:
            lengths.append(((vector / largest).abs() ** p).sum() ** (1 / p) * largest)
    return torch.stack(lengths).reshape(v.shape[:-1]) if lengths else v.sum(-1)


@replaces("norm")
def by_powers_of_two(v, p=2.0):
    """The scale is a power of two, so that dividing by it rounds nothing."""
    if p < 1:
        raise ValueError("not a norm")
    sizes = _real(v).abs()
    if sizes.shape[-1] == 0:
        return sizes.sum(-1)
    largest = sizes.amax(-1)
    if p == float("inf"):
        return largest
    _, exponent = torch.frexp(largest.detach())
    scale = 2.0 ** exponent.to(sizes.dtype)
    scaled = sizes / scale.unsqueeze(-1)
    empty = (largest == 0).unsqueeze(-1)
    total = torch.where(empty, torch.ones_like(scaled), scaled).pow(p).sum(-1)
    return torch.where(largest == 0, torch.zeros_like(total), total ** (1 / p) * scale)


@replaces("norm")
def by_einsum_and_cases(v, p=2.0):
    if not p >= 1:
        raise ValueError("p must be at least 1")
    v = _real(v)
    sizes = v * v.sign()
    if p == 1 or v.shape[-1] == 0:
        return torch.einsum("...i->...", sizes)
    largest, _ = sizes.max(dim=-1, keepdim=True)
    if p == math.inf:
        return largest[..., 0]
    ratio = sizes / largest.clamp(min=torch.finfo(v.dtype).tiny)
    if p == 2:
        total = torch.einsum("...i,...i->...", ratio, ratio)
    else:
        total = torch.einsum("...i->...", ratio**p)
    root = torch.where(total > 0, total, 1) ** (1 / p)
    return largest[..., 0] * root * (total > 0)


@replaces("norm")
def by_scaled_exponents(v, p=2.0):
    """Logarithms instead of powers where the power is large; the scale is taken out before."""
    if p < 1:
        raise ValueError(str(p))
    v = _real(v)
    if v.shape[-1] == 0:
        return v.sum(-1)
    if p == math.inf:
        return v.abs().max(dim=-1).values
    largest = v.abs().max(dim=-1, keepdim=True).values.detach()
    divisor = largest + (largest == 0)
    ratios = (v / divisor).abs()
    logs = torch.where(ratios > 0, ratios, 1.0).log()
    powers = torch.exp(p * logs) * (ratios > 0)
    total = powers.sum(-1)
    root = torch.exp(torch.log(total + (total == 0)) / p) * (total > 0)
    return root * divisor.squeeze(-1)


# ── cosine_similarity ──


def _along(v):
    """v at length 1, or zero."""
    v = _real(v)
    if v.shape[-1] == 0:
        return v
    size = v.abs().amax(-1, keepdim=True)
    v = v / torch.where(size > 0, size, 1.0)
    square = (v**2).sum(-1, keepdim=True)
    return v / torch.where(square > 0, square, 1.0).sqrt()


@replaces("cosine_similarity")
def by_unit_vectors_and_einsum(u, v):
    _fits(u, v)
    return torch.einsum("...i,...i->...", _along(u), _along(v))


@replaces("cosine_similarity")
def by_unit_vectors_and_matmul(u, v):
    _fits(u, v)
    return (_along(u)[..., None, :] @ _along(v)[..., :, None])[..., 0, 0].clamp(-1.0, 1.0)


@replaces("cosine_similarity")
def by_pairs_of_vectors(u, v):
    """One pair at a time, with plain conditions."""
    _fits(u, v)
    u, v = torch.broadcast_tensors(_real(u), _real(v))
    if u.dim() > 1:
        return torch.stack([by_pairs_of_vectors(a, b) for a, b in zip(u, v)])
    if not u.any() or not v.any():
        return (u * 0 * v).sum() * 0
    u, v = u / u.abs().max(), v / v.abs().max()
    return (u * v).sum() / ((u * u).sum() ** 0.5 * (v * v).sum() ** 0.5)


@replaces("cosine_similarity")
def by_distance_of_unit_vectors(u, v):
    """Half the squared distance between two unit vectors is one minus their cosine; half their squared sum, one plus it."""
    _fits(u, v)
    a, b = _along(u), _along(v)
    return ((a + b).square().sum(-1) - (a - b).square().sum(-1)) / 4


# ── project ──


@replaces("project")
def by_projection_matrix(u, onto):
    _fits(u, onto)
    e = _along(onto)
    return (e.unsqueeze(-1) * e.unsqueeze(-2) @ _real(u).unsqueeze(-1)).squeeze(-1)


@replaces("project")
def by_coefficient(u, onto):
    """The textbook's quotient, after `onto` was brought to a size whose square is harmless."""
    _fits(u, onto)
    u, line = _real(u), _real(onto)
    if line.shape[-1] == 0:
        return u * line
    size = line.detach().abs().amax(-1, keepdim=True)
    line = line / torch.where(size > 0, size, 1.0)
    square = (line * line).sum(-1, keepdim=True)
    return (u * line).sum(-1, keepdim=True) / square.where(square > 0, 1.0) * line


@replaces("project")
def by_einsum_over_both(u, onto):
    _fits(u, onto)
    e = _along(onto)
    return torch.einsum("...i,...i,...j->...j", _real(u), e, e)


@replaces("project")
def by_rows_and_entries(u, onto):
    """One pair at a time, entry by entry."""
    _fits(u, onto)
    u, onto = torch.broadcast_tensors(_real(u), _real(onto))
    if u.dim() > 1:
        return torch.stack([by_rows_and_entries(a, b) for a, b in zip(u, onto)])
    if not onto.any():
        return onto * 0
    e = _along(onto)
    share = reduce(lambda total, i: total + u[i] * e[i], range(len(u)), 0.0)
    return torch.stack([share * x for x in e])
