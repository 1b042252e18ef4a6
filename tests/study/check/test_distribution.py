"""The test of distributions: bounds against exact oracles, no false alarm, and it sees what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from scipy import stats

from groundup.study.check.distribution import ALARM, _categories, differ, gap_bound, split_bound

Draw = Callable[[torch.Generator, int], torch.Tensor]

SAMPLERS: dict[str, Draw] = {
    "normal": lambda g, n: torch.randn(n, generator=g),
    "uniform": lambda g, n: torch.rand(n, generator=g),
    "heavy": lambda g, n: torch.randn(n, generator=g) / torch.rand(n, generator=g),
    "coin": lambda g, n: (torch.rand(n, generator=g) < 0.3).to(torch.int64),
    "token": lambda g, n: torch.multinomial(torch.tensor([0.5, 0.3, 0.15, 0.05]), n, True, generator=g),
    "many tokens": lambda g, n: torch.randint(0, 500, (n,), generator=g),
    "rare": lambda g, n: (torch.rand(n, generator=g) < 1 / n).to(torch.int64),
    "dropout": lambda g, n: (torch.rand(n, generator=g) < 0.7).float() / 0.7,
}


@pytest.mark.parametrize("n", [20, 40, 300])
def test_the_gap_bound_is_above_the_exact_probability(n: int) -> None:
    for gap in (0.2, 0.4, 0.6, 1.0):
        k = math.ceil(gap * n)
        # Two samples with just that gap: the exact distribution of the statistic under equality.
        exact = stats.ks_2samp(range(n), [k - 0.5 + i for i in range(n)], method="exact").pvalue
        assert exact <= gap_bound(n, k / n) * (1 + 1e-9)
    assert gap_bound(n, 0.0) == 1.0
    assert gap_bound(n, 1.0) == pytest.approx(2 / math.comb(2 * n, n))


@pytest.mark.parametrize(("n", "total"), [(10, 4), (50, 60), (1000, 37), (1000, 1500)])
def test_the_split_bound_is_twice_the_hypergeometric_tail(n: int, total: int) -> None:
    whole = stats.hypergeom(2 * n, total, n)
    for first in range(max(0, total - n), total // 2 + 1, max(1, total // 12)):
        exact = min(1.0, 2 * whole.cdf(first))
        assert split_bound(n, first, total) == pytest.approx(exact, rel=1e-6, abs=1e-300)
        assert split_bound(n, total - first, total) == pytest.approx(exact, rel=1e-6, abs=1e-300)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_no_false_alarm(name: str) -> None:
    """100 pairs of equal distributions each: an alarm has a chance of 1e-7 altogether."""
    for seed in range(100):
        one, two = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(10_000 + seed)
        assert differ(SAMPLERS[name](one, 500), SAMPLERS[name](two, 500)) is None


def test_the_bound_is_not_exceeded_where_it_can_be_seen() -> None:
    """Frequencies of large gaps in 3000 pairs, against the bound at a level that is met often enough to count."""
    n, trials, seen = 60, 3000, 0
    level = 0.05
    for seed in range(trials):
        pooled = torch.rand(2 * n, generator=torch.Generator().manual_seed(seed)).argsort()
        steps = torch.where(pooled < n, 1, -1)
        seen += gap_bound(n, float(torch.cumsum(steps, 0).abs().max()) / n) <= level
    assert 0 < seen <= trials * level + 4 * math.sqrt(trials * level)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("normal", lambda g, n: torch.randn(n, generator=g) * 1.5),
        ("normal", lambda g, n: torch.randn(n, generator=g) + 0.3),
        ("normal", lambda g, n: torch.zeros(n)),
        ("uniform", lambda g, n: torch.rand(n, generator=g) ** 1.5),
        ("coin", lambda g, n: (torch.rand(n, generator=g) < 0.4).to(torch.int64)),
        ("token", lambda g, n: torch.multinomial(torch.tensor([0.5, 0.15, 0.3, 0.05]), n, True, generator=g)),
        ("token", lambda g, n: torch.zeros(n, dtype=torch.int64)),
        ("many tokens", lambda g, n: torch.randint(0, 400, (n,), generator=g)),
        ("dropout", lambda g, n: (torch.rand(n, generator=g) < 0.7).float()),
        ("dropout", lambda g, n: (torch.rand(n, generator=g) < 0.6).float() / 0.7),
    ],
)
def test_it_sees_another_distribution(right: str, wrong: Draw) -> None:
    for seed in range(5):
        one, two = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(1000 + seed)
        said = differ(wrong(one, 5000), SAMPLERS[right](two, 5000))
        assert said is not None
        assert "chance does not explain" in said


def test_rounding_of_an_atom_is_no_difference_and_a_category_is_no_wider_than_that() -> None:
    g = torch.Generator().manual_seed(1)
    kept = torch.rand(2000, generator=g) < 0.5
    value = torch.where(kept, torch.tensor(1 / 0.7), torch.tensor(0.0))
    off = torch.where(kept, torch.tensor(1 / 0.7) * (1 + 2e-7), torch.tensor(0.0))
    assert differ(off, value) is None
    assert differ(torch.where(kept, torch.tensor(1 / 0.7) * (1 + 1e-3), torch.tensor(0.0)), value) is not None
    assert differ(torch.linspace(0, 1e-3, 2000), torch.linspace(0.5e-3, 1e-3, 2000)) is not None


def test_the_level_is_the_one_that_is_promised() -> None:
    assert ALARM == 1e-9


def walked(pooled: torch.Tensor) -> list[int]:
    """The definition of the categories: one value after the other, in order."""
    values = pooled.unique().tolist()
    width = 1e-5 * max((abs(one) for one in values if math.isfinite(one)), default=0.0)
    ranks: dict[float, int] = {}
    start = math.nan
    for value in values:
        begins = not ranks or not value - start <= width
        ranks[value] = len(set(ranks.values())) - (not begins)
        start = value if begins else start
    return [ranks[one] for one in pooled.tolist()]


@pytest.mark.parametrize("kind", ["apart", "near", "dense", "infinite", "equal"])
def test_values_that_rounding_separates_are_one_category(kind: str) -> None:
    for seed in range(20):
        g = torch.Generator().manual_seed(seed)
        x = torch.randn(60, generator=g, dtype=torch.float64)
        if kind == "near":
            x = (x * 3).round() + 1e-6 * torch.randn(60, generator=g, dtype=torch.float64)
        elif kind == "dense":
            x = 1 + x * 2e-5
        elif kind == "infinite":
            x[:7], x[7:11] = math.inf, -math.inf
        elif kind == "equal":
            x = torch.zeros(60, dtype=torch.float64)
        assert _categories(x).tolist() == walked(x)
