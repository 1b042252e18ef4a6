"""Least squares and the one-way F statistic on NIST's certified data, to the digits that double precision leaves."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from groundup.stack.numerics import RunningMoments, covariance, inverse, matmul, pseudo_inverse, solve

TWO = torch.float64
DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "nist_strd"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="NIST's reference data are not here")


def regression(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor, float]:
    """The predictors (n, k) and the response (n,); the certified coefficients, constant first, with their standard
    deviations, and the certified residual standard deviation."""
    lines = (DATA / "linregress" / f"{name}.dat").read_text().splitlines()
    rows = [[float(one) for one in line.split()] for line in lines[60:] if line.strip()]
    certified = [[float(one) for one in line.split()[1:]] for line in lines[:60] if re.match(r"\s+B\d\s", line)]
    spread = next(float(line.split()[-1]) for line in lines if line.strip().startswith("Standard Deviation  "))
    table, found = torch.tensor(rows, dtype=TWO), torch.tensor(certified, dtype=TWO)
    return table[:, 1:], table[:, 0], found[:, 0], found[:, 1], spread


def digits(returned: Tensor, certified: Tensor) -> float:
    """How many digits of the worst entry are right."""
    return float(-((returned - certified) / certified).abs().clamp_min(1e-16).log10().max())


def by_covariance(x: Tensor, y: Tensor) -> Tensor:
    """Around the means, so that the constant drops out: the covariances of the predictors, and those with y."""
    together = covariance(torch.hstack([x, y.unsqueeze(1)]))
    size = together.diagonal()[:-1].sqrt()
    slopes = solve(together[:-1, :-1] / size / size.unsqueeze(1), together[:-1, -1] / size) / size
    return torch.cat([(y.mean() - x.mean(0) @ slopes).reshape(1), slopes])


def by_singular_values(x: Tensor, y: Tensor) -> Tensor:
    """Columns of length 1, the constant among them."""
    design = torch.hstack([torch.ones(len(x), 1, dtype=TWO), x])
    size = design.norm(dim=0)
    return matmul(pseudo_inverse(design / size, tolerance=1e-14), y.unsqueeze(1))[:, 0] / size


@pytest.mark.parametrize(("name", "least"), [("Norris", 11.5), ("Longley", 10.0)])
@pytest.mark.parametrize("method", [by_covariance, by_singular_values])
def test_certified_coefficients(name: str, least: float, method: Callable[[Tensor, Tensor], Tensor]) -> None:
    x, y, certified, _, _ = regression(name)
    assert digits(method(x, y), certified) > least


@pytest.mark.parametrize(("name", "least"), [("Norris", 11.0), ("Longley", 9.0)])
def test_certified_standard_deviations(name: str, least: float) -> None:
    x, y, _, deviations, spread = regression(name)
    n, k = x.shape
    found = by_covariance(x, y)
    rest = y - found[0] - x @ found[1:]
    variance = rest.square().sum() / (n - k - 1)
    assert digits(variance.sqrt().reshape(1), torch.tensor([spread], dtype=TWO)) > least
    size = covariance(x).diagonal().sqrt()
    back = inverse(covariance(x) / size / size.unsqueeze(1)) / size / size.unsqueeze(1)
    assert digits((variance * back.diagonal() / (n - 1)).sqrt(), deviations[1:]) > least


@pytest.mark.parametrize(
    ("name", "least"),
    [("SiRstv", 11.0), ("SmLs01", 13.0), ("SmLs02", 12.0), ("SmLs04", 8.0), ("SmLs07", 1.5), ("AtmWtAg", 8.0)],
)
def test_certified_f(name: str, least: float) -> None:
    """Groups by running moments; their means are compared by running moments as well. SmLs07 has thirteen leading
    digits in common, and its rounded data themselves are right to two."""
    lines = (DATA / "anova" / f"{name}.dat").read_text().splitlines()
    certified = next(float(line.split()[-1]) for line in lines if line.startswith("Between"))
    groups: dict[str, RunningMoments] = {}
    sizes: dict[str, int] = {}
    for line in lines[60:]:
        if line.strip():
            group, value = line.split()
            groups.setdefault(group, RunningMoments()).update(float(value))
            sizes[group] = sizes.get(group, 0) + 1
    assert len(set(sizes.values())) == 1
    means = RunningMoments()
    for one in groups.values():
        means.update(one.mean)
    within = torch.stack([one.variance for one in groups.values()]).mean()
    f = means.variance * next(iter(sizes.values())) / within
    assert digits(f.reshape(1), torch.tensor([certified], dtype=TWO)) > least
