"""Right answers in other styles: all of them must pass."""

import math

import numpy as np
import torch

from groundup.authoring import replaces


def _table(x):
    if x.ndim < 2:
        raise ValueError(f"no table: {list(x.shape)}")
    return x


# ── RunningMoments ──


def _as_tensor(x):
    if not torch.is_tensor(x):
        return torch.tensor(x, dtype=torch.float64)
    return x.detach().clone() if x.is_floating_point() else x.to(torch.float64)


@replaces("RunningMoments")
class in_place_on_copies:
    """Sums that are changed in place, and copies that are handed out."""

    def __init__(self):
        self.n, self.m, self.s = 0, None, None

    def update(self, x):
        x = _as_tensor(x)
        if self.m is None:
            self.m, self.s = torch.zeros_like(x), torch.zeros_like(x)
        if x.size() != self.m.size():
            raise ValueError(f"{tuple(x.size())} is not {tuple(self.m.size())}")
        self.n += 1
        step = x.sub(self.m)
        self.m.add_(step / self.n)
        self.s.add_(step * step * ((self.n - 1) / self.n))

    @property
    def mean(self):
        if not self.n:
            raise ValueError("empty")
        return self.m.clone()

    @property
    def variance(self):
        if not self.n:
            raise ValueError("empty")
        return self.s.clone() / (self.n - 1) if self.n > 1 else torch.full_like(self.s, math.nan)


@replaces("RunningMoments")
class distances_from_the_first:
    """Plain sums and sums of squares, but of the distances from the first observation, which are small."""

    def __init__(self):
        self.count = 0

    def update(self, x):
        x = _as_tensor(x)
        if self.count == 0:
            self.dtype, self.origin = x.dtype, x.double()
            self.total = self.squares = torch.zeros_like(self.origin)
        elif x.shape != self.origin.shape:
            raise ValueError(f"shapes {tuple(x.shape)} and {tuple(self.origin.shape)}")
        distance = x.double() - self.origin
        self.total = self.total + distance
        self.squares = self.squares + distance**2
        self.count += 1

    def __getattr__(self, name):
        if name not in ("mean", "variance"):
            raise AttributeError(name)
        if self.count == 0:
            raise ValueError(f"no {name}")
        if name == "mean":
            return (self.origin + self.total / self.count).to(self.dtype)
        spread = self.squares - self.total**2 / self.count
        return (spread / (self.count - 1 or math.nan)).to(self.dtype)


@replaces("RunningMoments")
class by_merging_groups_of_one:
    """Chan's formula for two groups, where the second is the new observation."""

    def __init__(self):
        self.group = (0, None, None)

    def update(self, x):
        x = _as_tensor(x)
        n, mean, squares = self.group
        if n == 0:
            self.group = (1, x, x * 0)
            return
        if x.shape != mean.shape:
            raise ValueError(f"{tuple(mean.shape)} then {tuple(x.shape)}")
        apart = x - mean
        self.group = (n + 1, (n * (mean - x)) / (n + 1) + x, squares + apart**2 * n / (n + 1))

    @property
    def mean(self):
        if self.group[0] < 1:
            raise ValueError("no observation")
        return self.group[1] + 0.0

    @property
    def variance(self):
        n, _, squares = self.group
        if n < 1:
            raise ValueError("no observation")
        return torch.where(torch.tensor(n > 1), squares / max(n - 1, 1), math.nan).to(squares.dtype)


@replaces("RunningMoments")
class in_numpy:
    """NumPy arrays inside, tensors outside."""

    def __init__(self):
        self.k = 0
        self.mean_, self.m2 = None, None

    def update(self, x):
        x = _as_tensor(x).numpy()
        if self.k == 0:
            self.mean_, self.m2 = np.zeros_like(x), np.zeros_like(x)
        if self.mean_.shape != x.shape:
            raise ValueError(f"{self.mean_.shape} {x.shape}")
        self.k += 1
        old = self.mean_
        self.mean_ = np.asarray(old + (x - old) / x.dtype.type(self.k))
        self.m2 = np.asarray(self.m2 + (x - old) * (x - self.mean_))

    @property
    def mean(self):
        if self.k == 0:
            raise ValueError("nothing")
        return torch.from_numpy(self.mean_.copy())

    @property
    def variance(self):
        if self.k == 0:
            raise ValueError("nothing")
        result = torch.from_numpy(self.m2.copy())
        return result / (self.k - 1) if self.k > 1 else result * math.nan


# ── covariance ──


@replaces("covariance")
def by_einsum(x):
    n = _table(x).shape[-2]
    centered = x - torch.einsum("...nd->...d", x).unsqueeze(-2) / n
    return torch.einsum("...ni,...nj->...ij", centered, centered) / (n - 1)


@replaces("covariance")
def by_outer_products(x):
    """The mean of the outer products of each sample's distances with themselves."""
    mean = _table(x).mean(-2)
    total = 0
    for row in x.unbind(-2):
        away = row - mean
        total = total + away.unsqueeze(-1) * away.unsqueeze(-2)
    return total / (x.size(-2) - 1)


@replaces("covariance")
def by_pairs_of_features(x):
    columns = [column - column.mean(-1, keepdim=True) for column in _table(x).unbind(-1)]
    n = x.shape[-2]
    rows = [torch.stack([(a * b).sum(-1) / (n - 1) for b in columns], -1) for a in columns]
    return torch.stack(rows, -2)


@replaces("covariance")
def by_a_centering_matrix(x):
    """The matrix that subtracts the mean, on the distances from the first sample."""
    n = _table(x).shape[-2]
    away = x - x[..., :1, :].detach()
    center = torch.eye(n, dtype=x.dtype) - 1 / n
    return away.mT @ center @ away / (n - 1 if n > 1 else math.nan)


@replaces("covariance")
def by_pairs_of_samples(x):
    """Without any mean: half the mean product of the differences between two samples."""
    n = _table(x).shape[-2]
    differences = (x.unsqueeze(-2) - x.unsqueeze(-3)).flatten(-3, -2)
    return differences.mT @ differences / (2 * n) / (n - 1)


# ── correlation ──


def _nan_where_constant(result, x):
    same = x.detach().amax(-2) == x.detach().amin(-2)
    return torch.where(same.unsqueeze(-1) | same.unsqueeze(-2), torch.full_like(result, math.nan), result)


@replaces("correlation")
def of_standardized_features(x):
    """Features of size 1 first, then z-scores, then the mean product."""
    n = _table(x).shape[-2]
    if n == 1:
        return torch.full((*x.shape[:-2], x.shape[-1], x.shape[-1]), math.nan, dtype=x.dtype)
    away = x - x.mean(-2, keepdim=True)
    away = away / away.detach().abs().max(dim=-2, keepdim=True).values
    z = away / away.std(-2, keepdim=True)
    return _nan_where_constant(torch.einsum("...ni,...nj->...ij", z, z) / (n - 1), x)


@replaces("correlation")
def covariance_over_spreads(x):
    """In float64, where 1e25 has a square."""
    wide = _table(x).double()
    away = wide - wide.mean(-2, keepdim=True)
    c = away.mT @ away
    spread = c.diagonal(dim1=-2, dim2=-1).sqrt()
    return _nan_where_constant((c / spread.unsqueeze(-1) / spread.unsqueeze(-2)).to(x.dtype), x)


@replaces("correlation")
def of_each_pair(x):
    columns = []
    for column in _table(x).unbind(-1):
        away = column - column.mean(-1, keepdim=True)
        away = away / away.detach().abs().amax(-1, keepdim=True)
        away = away / torch.linalg.vector_norm(away, dim=-1, keepdim=True)
        columns.append(torch.where((column == column[..., :1]).all(-1, keepdim=True), math.nan, away))
    return torch.stack([torch.stack([(a * b).sum(-1) for b in columns], -1) for a in columns], -2)


@replaces("correlation")
def by_distances_of_unit_columns(x):
    """From the distance of two unit vectors: the cosine is 1 minus half its square."""
    wide = _table(x).to(torch.float64)
    away = wide - wide.mean(-2, keepdim=True)
    unit = torch.nn.functional.normalize(away / away.detach().abs().amax(-2, keepdim=True), dim=-2)
    apart = (unit.unsqueeze(-1) - unit.unsqueeze(-2)).square().sum(-3)
    return _nan_where_constant((1 - apart / 2).to(x.dtype), x)
