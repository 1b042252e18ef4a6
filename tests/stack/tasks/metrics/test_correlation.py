"""Pearson's and Spearman's correlation against SciPy, with ties, constants and numbers that are hard to sum."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from groundup.stack.tasks.metrics.correlation import pearson, ranks, spearman

stats = pytest.importorskip("scipy.stats")

FINE = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
FEW = st.integers(-3, 3).map(float)  # so that many are equal
ROWS = st.one_of(*(st.lists(st.tuples(kind, kind), min_size=2, max_size=20) for kind in (FINE, FEW)))


@given(ROWS)
def test_correlations_are_scipys(rows: list[tuple[float, float]]) -> None:
    x, y = [a for a, _ in rows], [b for _, b in rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = (stats.pearsonr(x, y).statistic, stats.spearmanr(x, y).statistic)
    ours = (pearson(x, y), spearman(x, y))
    constant = len(set(x)) == 1 or len(set(y)) == 1
    assert [math.isnan(one) for one in ours] == [constant, constant]
    if not constant:
        assert ours == pytest.approx(theirs, abs=1e-9)


@given(st.lists(st.one_of(FINE, FEW, st.just(math.inf)), min_size=1, max_size=20))
def test_ranks_are_scipys(x: list[float]) -> None:
    assert ranks(torch.tensor(x, dtype=torch.float64)).tolist() == stats.rankdata(x).tolist()


def test_what_is_no_correlation() -> None:
    assert math.isnan(pearson([1, 1, 1], [1, 2, 3]))
    assert math.isnan(spearman([1, math.nan], [1, 2]))
    assert math.isnan(pearson([1, math.nan], [1, 2]))
    assert spearman([1, math.inf, 2], [5, 7, 6]) == pytest.approx(1)
    with pytest.raises(ValueError, match="got 3 numbers and 2"):
        pearson([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="two pairs at least"):
        spearman([1], [1])


def test_tensors_and_arrays_are_numbers_too() -> None:
    x, y = [1.0, 2.0, 4.0], [3.0, 1.0, 5.0]
    for measure in (pearson, spearman):
        expected = measure(x, y)
        for kind in (torch.tensor, np.array):
            assert measure(kind(x), kind(y)) == pytest.approx(expected)  # type: ignore[operator]
