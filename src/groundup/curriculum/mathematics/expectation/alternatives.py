"""Right answers in other styles: all of them must pass."""

import math

import torch

from groundup.authoring import replaces


def _check(values, p):
    if values.size(-1) != p.size(-1):
        raise ValueError(f"{list(values.shape)} does not go with {list(p.shape)}")


def _clean(values, p):
    """Without what cannot happen, by masking the values in their common shape."""
    _check(values, p)
    x, q = torch.broadcast_tensors(values.type_as(p), p)
    return x.masked_fill(q <= 0, 0.0), q


# ── expectation ──


@replaces("expectation")
def by_einsum(values, probabilities):
    x, p = _clean(values, probabilities)
    return torch.einsum("...i,...i->...", x, p)


@replaces("expectation")
def by_row_times_column(values, probabilities):
    x, p = _clean(values, probabilities)
    return (x.unsqueeze(-2) @ p.unsqueeze(-1)).squeeze(-1).squeeze(-1)


@replaces("expectation")
def by_a_loop_over_outcomes(values, probabilities):
    _check(values, probabilities)
    total = 0.0
    for i in range(probabilities.shape[-1]):
        p = probabilities[..., i]
        total = total + p * torch.where(p > 0, values[..., i].to(p.dtype), 0)
    return total


@replaces("expectation")
def by_shares_of_the_total(values, probabilities):
    """As a weighted average that divides by the sum of its weights, which is 1."""
    x, p = _clean(values, probabilities)
    return (x * p).sum(-1) / p.sum(-1)


@replaces("expectation")
def by_distance_from_one_of_the_values(values, probabilities):
    """The value nearest to 0 as the origin, and the expected distance from it."""
    x, p = _clean(values, probabilities)
    origin = torch.gather(x, -1, x.detach().abs().argmin(-1, keepdim=True)).detach()
    return origin.squeeze(-1) + ((x - origin) * p).sum(-1) + origin.squeeze(-1) * (p.sum(-1) - 1)


@replaces("expectation")
def in_double(values, probabilities):
    x, p = _clean(values, probabilities)
    return torch.linalg.vecdot(x.double(), p.double()).to(probabilities.dtype)


@replaces("expectation")
def by_taming_infinity(values, probabilities):
    """Infinite values only occur where the probability is 0, so that any finite number may stand for them."""
    _check(values, probabilities)
    return (values.to(probabilities.dtype).nan_to_num(0.0, 0.0, 0.0) * probabilities).sum(-1)


# ── moment ──


@replaces("moment")
def by_repeated_multiplication(values, probabilities, k, central=False):
    if k < 0 or k % 1:
        raise ValueError(f"k = {k}")
    x, p = _clean(values, probabilities)
    if central:
        x = x - (x * p).sum(-1, keepdim=True)
    power = torch.ones_like(x)
    for _ in range(k):
        power = power * x
    return (power * p).sum(-1)


@replaces("moment")
def by_weights_that_grow(values, probabilities, k, central=False):
    """Each step multiplies the weight of an outcome by its value: after k steps their sum is the moment."""
    if not float(k).is_integer() or k < 0:
        raise ValueError("no such moment")
    x, p = _clean(values, probabilities)
    if central:
        x = x - torch.einsum("...i,...i->...", x, p)[..., None]
    weight = p
    for _ in range(int(k)):
        weight = weight * x
    return weight.sum(-1)


@replaces("moment")
def from_a_nearby_origin(values, probabilities, k, central=False):
    """Central: first the distance from one of the values, which is exact where they lie close together."""
    if k not in range(100):
        raise ValueError(k)
    x, p = _clean(values, probabilities)
    if central:
        near = x - x.detach()[..., :1]
        x = near - (near * p).sum(-1, keepdim=True) / p.sum(-1, keepdim=True)
    return torch.linalg.vecdot(x**k, p)


@replaces("moment")
def by_sign_and_size(values, probabilities, k, central=False):
    if math.floor(k) != k or k < 0:
        raise ValueError("k must be 0, 1, 2, …")
    x, p = _clean(values, probabilities)
    if central:
        x = x - (x @ p.unsqueeze(-1)).squeeze(-1) if x.dim() == 1 else x - (x * p).sum(-1, keepdim=True)
    power = torch.pow(x.abs(), k)
    return (torch.where((x < 0) & (k % 2 == 1), -power, power) * p).sum(dim=-1)


@replaces("moment")
def moment_in_double(values, probabilities, k, central=False):
    if not isinstance(k, int) or k < 0:
        raise ValueError("k")
    x, p = _clean(values, probabilities)
    x, p = x.double(), p.double()
    p = p / p.sum(-1, keepdim=True)
    if central:
        x = x - (x * p).sum(-1, keepdim=True)
    return torch.pow(x, k).mul(p).sum(-1).to(probabilities.dtype)
