"""Tests of hypotheses against SciPy, NIST's certified F, all permutations, and Holm's rule as a closed test."""

from __future__ import annotations

import itertools
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from groundup.stack.numerics import holm_bonferroni, permutation_p_value, t_statistic

TWO = torch.float64
DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "nist_strd"
certified = pytest.mark.skipif(not DATA.is_dir(), reason="NIST's reference data are not here")


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=TWO, generator=seeded(seed))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ── t ──


@pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 9), (40, 3)])
@pytest.mark.parametrize("shift", [0.0, 1e6, -1e9])
def test_t_against_scipy(n: int, m: int, shift: float) -> None:
    a, b = numbers(4, n) * 3 + 1 + shift, numbers(4, m, seed=1) + shift
    theirs = stats.ttest_ind(a.numpy(), b.numpy(), axis=-1, equal_var=False).statistic
    np.testing.assert_allclose(t_statistic(a, b), theirs, rtol=1e-5 if shift else 1e-13)


@certified
def test_t_squared_is_the_certified_f() -> None:
    """NIST's AtmWtAg: two instruments, 24 readings each. With equal numbers Welch's t squared is F."""
    lines = (DATA / "anova" / "AtmWtAg.dat").read_text().splitlines()
    f = next(float(line.split()[5]) for line in lines if line.startswith("Between"))
    groups: dict[str, list[float]] = {}
    for line in lines[60:]:
        if line.strip():
            groups.setdefault(line.split()[0], []).append(float(line.split()[1]))
    a, b = (torch.tensor(one, dtype=TWO) for one in groups.values())
    assert t_statistic(a, b).item() ** 2 == pytest.approx(f, rel=1e-8)


def test_t_where_nothing_varies() -> None:
    same = torch.full((3,), 2.0)
    assert t_statistic(same + 1, same).item() == math.inf
    assert t_statistic(same - 1, same).item() == -math.inf
    assert t_statistic(same, same).isnan()


def test_a_paired_test_is_one_of_differences() -> None:
    a, b = numbers(12), numbers(12, seed=1) + 0.3
    theirs = stats.ttest_rel(a.numpy(), b.numpy()).statistic
    assert t_statistic(a - b, torch.zeros(12, dtype=TWO)).item() == pytest.approx(theirs, rel=1e-12)


def test_t_of_batches_and_of_too_few() -> None:
    assert t_statistic(numbers(3, 1, 5), numbers(4, 6)).shape == (3, 4)
    for left, right in ((1, 4), (4, 1), (0, 3)):
        with pytest.raises(ValueError, match=rf"got shapes \({left},\) and \({right},\)"):
            t_statistic(torch.ones(left), torch.ones(right))


# ── permutations ──


def exact_p(a: Tensor, b: Tensor) -> float:
    """Over all divisions, one by one."""
    pooled = torch.cat([a, b]).tolist()

    def size(group: tuple[int, ...]) -> float:
        rest = [pooled[i] for i in range(len(pooled)) if i not in group]
        return abs(sum(pooled[i] for i in group) / len(group) - sum(rest) / len(rest))

    divisions = list(itertools.combinations(range(len(pooled)), len(a)))
    actual = size(tuple(range(len(a))))
    return sum(size(one) >= actual - 1e-9 for one in divisions) / len(divisions)


@pytest.mark.parametrize(("n", "m", "shift"), [(4, 6, 0.0), (5, 5, 1.0), (3, 8, 2.0), (1, 9, 0.5)])
def test_against_all_permutations(n: int, m: int, shift: float) -> None:
    a, b, tries = numbers(n) + shift, numbers(m, seed=1), 20_000
    exact = exact_p(a, b)
    found = permutation_p_value(a, b, tries, seeded(2))
    assert abs(found - exact) < 5 * math.sqrt(exact * (1 - exact) / tries) + 1 / tries


def test_the_smallest_p_is_not_zero() -> None:
    assert permutation_p_value(numbers(20) + 100, numbers(20), 49, seeded(0)) == 1 / 50


def test_ties_count_whatever_rounding_says() -> None:
    """One value that differs among eight: its group changes the sign of the difference, and nothing else."""
    for value in (0.3, 1e-9, 1e12 / 7):
        a, b = torch.full((4,), 0.1, dtype=TWO), torch.full((4,), 0.1, dtype=TWO)
        a[0] = value
        assert permutation_p_value(a, b, 200, seeded(0)) == 1.0
    assert permutation_p_value(torch.full((5,), 0.1), torch.full((3,), 0.1), 30, seeded(0)) == 1.0


def test_false_alarms_are_as_rare_as_promised() -> None:
    """Where there is no difference, p is at most 0.1 in a tenth of all cases."""
    generator = seeded(4)
    found = [
        permutation_p_value(torch.randn(6, generator=generator), torch.randn(8, generator=generator), 39, generator)
        <= 0.1
        for _ in range(1500)
    ]
    assert sum(found) / 1500 == pytest.approx(0.1, abs=0.03)


# ── several tests ──


def closed_test(p: list[float], alpha: float) -> list[bool]:
    """Rejected is what is rejected, by Bonferroni, together with every set of the others (Marcus, Peritz, Gabriel)."""
    places = range(len(p))
    sets = [group for size in range(1, len(p) + 1) for group in itertools.combinations(places, size)]
    good = {group for group in sets if min(p[i] for i in group) <= alpha / len(group)}
    return [all(group in good for group in sets if i in group) for i in places]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 64), min_size=1, max_size=6), st.sampled_from([0.0625, 0.25, 0.5]))
def test_holm_against_closed_testing(sixty_fourths: list[int], alpha: float) -> None:
    p = [one / 64 for one in sixty_fourths]
    assert holm_bonferroni(torch.tensor(p, dtype=TWO), alpha).tolist() == closed_test(p, alpha)


def test_holm_of_none() -> None:
    found = holm_bonferroni(torch.zeros(0))
    assert found.shape == (0,)
    assert found.dtype == torch.bool
