"""Intervals against SciPy's t and its percentile bootstrap, closed forms of t, all resamples, and what they promise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from groundup.stack.numerics import bootstrap_interval, mean_interval, t_statistic
from groundup.stack.numerics.intervals import _student_quantile

TWO = torch.float64


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=TWO, generator=seeded(seed))


# ── Student's t ──


@pytest.mark.parametrize("level", [0.01, 0.5, 0.683, 0.9, 0.95, 0.99, 0.999])
def test_quantiles_against_closed_forms(level: float) -> None:
    """For 1, 2 and 4 degrees of freedom the distribution can be inverted by hand (Shaw, 2006)."""
    q, a = (1 + level) / 2, 1 - level * level
    assert _student_quantile(1, level) == pytest.approx(math.tan(math.pi * level / 2), rel=1e-9)
    assert _student_quantile(2, level) == pytest.approx(2 * (q - 0.5) * math.sqrt(2 / (4 * q * (1 - q))), rel=1e-8)
    four = 2 * math.sqrt(math.cos(math.acos(math.sqrt(a)) / 3) / math.sqrt(a) - 1)
    assert _student_quantile(4, level) == pytest.approx(four, rel=1e-8)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 100_000), st.floats(0.001, 0.999))
def test_quantiles_against_scipy(freedom: int, level: float) -> None:
    assert _student_quantile(freedom, level) == pytest.approx(stats.t.isf((1 - level) / 2, freedom), rel=1e-7)


def test_many_degrees_are_normal() -> None:
    for level in (0.5, 0.95, 0.999):
        normal = stats.norm.isf((1 - level) / 2)
        assert _student_quantile(10_000_000, level) == pytest.approx(normal, rel=2e-6)


# ── the interval of a mean ──


@pytest.mark.parametrize("n", [2, 3, 8, 40, 3000])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("shift", [0.0, 1e8])
def test_means_against_scipy(n: int, level: float, shift: float) -> None:
    x = numbers(3, 2, n, seed=n).exp() + shift
    theirs = stats.ttest_1samp(x.numpy(), 0.0, axis=-1).confidence_interval(level)
    low, high = mean_interval(x, level)
    width = (theirs.high - theirs.low).max()
    np.testing.assert_allclose(low, theirs.low, rtol=1e-14, atol=1e-7 * width)
    np.testing.assert_allclose(high, theirs.high, rtol=1e-14, atol=1e-7 * width)


@pytest.mark.parametrize("scale", [1e-150, 1e-9, 1e9, 1e150])
def test_units_do_not_matter(scale: float) -> None:
    plain, scaled = mean_interval(numbers(9)), mean_interval(numbers(9) * scale)
    for one, other in zip(plain, scaled, strict=True):
        assert other.item() == pytest.approx(one.item() * scale, rel=1e-12)


def test_an_interval_holds_what_a_test_does_not_reject() -> None:
    """The mean minus an end, over its standard error, is t."""
    x = numbers(7)
    for level in (0.8, 0.95):
        _, high = mean_interval(x, level)
        t = t_statistic(x - high, torch.zeros(7, dtype=TWO))
        assert t.item() == pytest.approx(-_student_quantile(6, level), rel=1e-10)


def test_the_promise_is_kept_for_normal_samples() -> None:
    x = numbers(20_000, 4, seed=5) * 3 + 10
    for level in (0.5, 0.95):
        low, high = mean_interval(x, level)
        share = ((low <= 10) & (high >= 10)).double().mean().item()
        assert abs(share - level) < 5 * math.sqrt(level * (1 - level) / 20_000)


def test_edges_of_means() -> None:
    same = torch.full((3, 4), 2.5)
    for end in mean_interval(same):
        assert end.dtype == torch.float32
        torch.testing.assert_close(end, torch.full((3,), 2.5))
    for shape in ((1,), (3, 1), (0,), (2, 0), ()):
        with pytest.raises(ValueError, match="one sample"):
            mean_interval(torch.ones(shape))
    for level in (0.0, 1.0, -0.5, 95.0, math.nan):
        with pytest.raises(ValueError, match="level"):
            mean_interval(same, level)
        with pytest.raises(ValueError, match="level"):
            bootstrap_interval(same, torch.mean, level, 5, seeded(0))


# ── the bootstrap ──


class Told:
    """Results one after another, whatever the resample."""

    def __init__(self, results: Tensor) -> None:
        self.results = iter(results)

    def __call__(self, resample: Tensor) -> Tensor:
        return next(self.results)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_ends_are_numpys_quantiles(results: list[float], level: float) -> None:
    told = Told(torch.tensor(results, dtype=TWO))
    found = bootstrap_interval(torch.zeros(3), told, level, len(results), seeded(0))
    expected = np.quantile(results, [(1 - level) / 2, (1 + level) / 2])
    np.testing.assert_allclose([end.item() for end in found], expected, rtol=1e-9, atol=1e-9)


def test_ends_of_tensors_are_taken_entry_by_entry() -> None:
    results = numbers(40, 2, 3)
    low, high = bootstrap_interval(torch.zeros(3), Told(results), 0.9, 40, seeded(0))
    np.testing.assert_allclose(low, np.quantile(results, 0.05, axis=0))
    np.testing.assert_allclose(high, np.quantile(results, 0.95, axis=0))


@pytest.mark.parametrize("name", ["mean", "median", "std"])
def test_against_scipys_percentile_bootstrap(name: str) -> None:
    """Two random answers: within five standard errors of a quantile, whose density is taken from SciPy's results."""
    x, n, level = numbers(25, seed=3).exp(), 4000, 0.9
    ours = {"mean": torch.mean, "median": lambda rows: rows.quantile(0.5), "std": torch.std}[name]
    theirs = {"mean": np.mean, "median": np.median, "std": lambda rows, axis: np.std(rows, axis=axis, ddof=1)}[name]
    found = bootstrap_interval(x, ours, level, n, seeded(1))
    expected = stats.bootstrap(
        (x.numpy(),), theirs, n_resamples=n, confidence_level=level, method="percentile", random_state=2
    )
    spread = np.sort(expected.bootstrap_distribution)
    for end, q in zip(found, ((1 - level) / 2, (1 + level) / 2), strict=True):
        off = 7 * math.sqrt(2 * q * (1 - q) / n)
        below, above = np.quantile(spread, [max(q - off, 0), min(q + off, 1)])
        assert below - 1e-12 <= end.item() <= above + 1e-12


def test_resamples_are_all_equally_probable() -> None:
    """Of three rows there are 27 resamples in order."""
    seen: dict[tuple[float, ...], int] = {}

    def statistic(rows: Tensor) -> float:
        seen[tuple(rows.tolist())] = seen.get(tuple(rows.tolist()), 0) + 1
        return 0.0

    bootstrap_interval(torch.arange(3), statistic, 0.9, 5400, seeded(6))
    counts = [seen.get(one, 0) for one in itertools.product(range(3), repeat=3)]
    assert sum(counts) == 5400
    assert stats.chisquare(counts).pvalue > 1e-6


def test_rows_stay_together_and_keep_their_dtype() -> None:
    x = torch.arange(24).reshape(6, 2, 2)

    def statistic(rows: Tensor) -> Tensor:
        assert rows.shape == x.shape
        assert rows.dtype == x.dtype
        assert all(any(torch.equal(row, one) for one in x) for row in rows)
        return rows.sum()

    bootstrap_interval(x, statistic, 0.9, 20, seeded(0))


def test_all_chance_comes_from_the_generator() -> None:
    x, before = numbers(12), torch.get_rng_state()
    generator = seeded(9)
    first, second = (bootstrap_interval(x, torch.mean, 0.9, 30, generator) for _ in range(2))
    assert first == bootstrap_interval(x, torch.mean, 0.9, 30, seeded(9))
    assert first != second
    assert torch.equal(before, torch.get_rng_state())


def test_nothing_to_draw_from() -> None:
    for rows, n in (
        (torch.zeros(0), 5),
        (torch.zeros(0, 3), 5),
        (torch.zeros(3), 0),
        (torch.zeros(3), -1),
        (torch.zeros(()), 5),
    ):
        with pytest.raises(ValueError, match="rows and resamples"):
            bootstrap_interval(rows, torch.mean, 0.9, n, seeded(0))
    low, high = bootstrap_interval(torch.tensor([4.0]), torch.mean, 0.9, 10, seeded(0))
    assert low.item() == high.item() == 4.0
