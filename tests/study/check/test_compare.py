"""Comparison of results: what counts as equal, what does not, and how far rounding may go. Always both ways."""

from __future__ import annotations

import cmath
import math
from typing import Any

import pytest
import torch

from groundup.authoring import (
    Case,
    at_least,
    at_most,
    close,
    distributed_as,
    exact,
    same_subspace,
    up_to_permutation,
    up_to_sign,
    valid,
)
from groundup.study.check import tolerance
from groundup.study.check.compare import Path, agree, compare, wrong_cells
from groundup.study.check.wire import Array, Opaque, Raised

CLOSE = close("title", builds="f")
EXACT = exact("title", builds="f")
ANY_DTYPE = close("title", builds="f", dtype_matters=False)
ERROR = Raised("ValueError", ["ValueError", "Exception"], "no")
T = torch.tensor


def kind(case: Case, returned: Any, expected: Any) -> str | None:
    found = compare(case, returned, expected)
    return None if found is None else found.kind


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (None, None),
        (3, 3),
        (3.0, T(3.0)),
        (T(3.0), 3.0),
        (T(3, dtype=torch.int32), 3),
        (0, 0.0),
        (True, T(True)),
        (Array(T(2.5, dtype=torch.float64)), 2.5),
        ([1, 2], (1, 2)),
        ((1, [2.0]), [1, (2.0,)]),
        (math.nan, math.nan),
        (math.inf, math.inf),
        (T([math.nan, -math.inf, 1.0]), T([math.nan, -math.inf, 1.0])),
        ("text", "text"),
        (b"raw", b"raw"),
        ({"a": 1, "b": T([1.0])}, {"b": T([1.0]), "a": 1}),
        (T([1, 2]), T([1, 2])),
        (torch.empty(0, 3), torch.empty(0, 3)),
        (Array(T([1.0])), Array(T([1.0]))),
        (10**40, 10**40),
        (T([1.0 + 1e-7, 2.0]), T([1.0, 2.0])),
        (Raised("UnicodeError", ["UnicodeError", "ValueError"], "x"), ERROR),
        (T([1 + 2j]), T([1 + 2j])),
    ],
)
def test_equal(returned: Any, expected: Any) -> None:
    assert compare(CLOSE, returned, expected) is None


@pytest.mark.parametrize(
    ("returned", "expected", "what"),
    [
        (None, 3, "type"),
        (3, None, "type"),
        (True, 1, "type"),
        (1, True, "type"),
        (T(True), 1, "type"),
        ([1.0, 2.0], T([1.0, 2.0]), "type"),
        (T([1.0, 2.0]), [1.0, 2.0], "type"),
        (Array(T([1.0])), T([1.0]), "type"),
        (T([1.0]), Array(T([1.0])), "type"),
        (1.0, T([1.0]), "type"),
        (T([1.0]), 1.0, "shape"),
        (T([1.0]), T(1.0), "shape"),
        ("3", 3, "type"),
        (b"raw", "raw", "type"),
        ("text", "texts", "values"),
        ([1, 2], [1, 2, 3], "length"),
        ([1, 3], [1, 2], "values"),
        ({"a": 1}, {"a": 1, "b": 2}, "keys"),
        ({"a": 1, "b": 2}, {"a": 1}, "keys"),
        ({"a": 2}, {"a": 1}, "values"),
        (torch.ones(2, 5, 7), torch.ones(2, 5, 8), "shape"),
        (T([1.0], dtype=torch.float64), T([1.0]), "dtype"),
        (T(1.0, dtype=torch.float64), T(1.0), "dtype"),
        (torch.empty(2, device="meta"), torch.ones(2), "device"),
        (T([math.nan, 1.0]), T([0.0, 1.0]), "values"),
        (T([0.0, 1.0]), T([math.nan, 1.0]), "values"),
        (T([math.inf]), T([-math.inf]), "values"),
        (math.nan, 1.0, "values"),
        (1.0, math.nan, "values"),
        (T([1, 2]), T([1, 3]), "values"),
        (T([1.001, 2.0]), T([1.0, 2.0]), "values"),
        (Opaque("generator"), [1], "type"),
        (ERROR, 3, "raised"),
        (3, ERROR, "raised"),
        (Raised("TypeError", ["TypeError"], "x"), ERROR, "raised"),
        (10**40, 10**40 + 1, "values"),
        (10**400, 1.0, "values"),
        (T([1 + 2j]), T([1 + 3j]), "values"),
    ],
)
def test_different(returned: Any, expected: Any, what: str) -> None:
    assert kind(CLOSE, returned, expected) == what


def test_exact_means_the_last_bit_and_the_type_of_numbers() -> None:
    almost = T([1.0]) * (1 + 2**-23)
    assert compare(CLOSE, almost, T([1.0])) is None
    assert kind(EXACT, almost, T([1.0])) == "values"
    assert compare(CLOSE, [3.0], [3]) is None
    assert kind(EXACT, [3.0], [3]) == "type"
    assert compare(EXACT, T([1.0, math.nan]), T([1.0, math.nan])) is None
    assert kind(EXACT, "a", "b") == "values"


def test_dtype_may_be_left_free_but_truth_is_never_a_number() -> None:
    assert compare(ANY_DTYPE, T([1.0], dtype=torch.float64), T([1.0])) is None
    assert compare(ANY_DTYPE, T([1, 2]), T([1.0, 2.0])) is None
    assert kind(ANY_DTYPE, T([True]), T([1.0])) == "dtype"
    assert kind(ANY_DTYPE, T([1.0], dtype=torch.bfloat16) * 1.02, T([1.0])) == "values"


def test_where_and_which_cells() -> None:
    found = compare(CLOSE, [1, {"a": T([1.0, 5.0])}], [1, {"a": T([1.0, 2.0])}])
    assert found is not None
    assert found.path == (1, "a")
    assert found.wrong is not None
    assert found.wrong.tolist() == [False, True]


# ── tolerance ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("n", [1, 8, 512])
def test_another_order_of_summing_passes_and_a_dropped_term_does_not(dtype: torch.dtype, n: int) -> None:
    generator = torch.Generator().manual_seed(n)
    case = close("title", builds="f", reduction=n)
    u = torch.rand(6, n, generator=generator, dtype=torch.float64).add(0.1).to(dtype)
    v = torch.rand(7, n, generator=generator, dtype=torch.float64).add(0.1).to(dtype)
    expected = u @ v.T
    looped = torch.zeros(6, 7, dtype=torch.float64)
    for at in reversed(range(n)):
        looped += u[:, at : at + 1].to(torch.float64) * v[:, at].to(torch.float64)
    assert compare(case, looped.to(dtype), expected) is None
    assert kind(case, torch.zeros_like(expected), expected) == "values"
    assert kind(case, expected * 1.25, expected) == "values"
    if n == 8:
        assert kind(case, u[:, 1:] @ v[:, 1:].T, expected) == "values"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_zeros_never_pass_for_a_softmax(dtype: torch.dtype) -> None:
    expected = torch.softmax(torch.randn(4, 50_000, generator=torch.Generator().manual_seed(1)), -1).to(dtype)
    case = close("title", builds="f", reduction=50_000, conditioning=1000.0, because="a test")
    assert kind(case, torch.zeros_like(expected), expected) == "values"
    assert kind(case, torch.full_like(expected, 1 / 50_000), expected) == "values"


def test_a_tiny_result_is_held_to_its_own_scale() -> None:
    expected = T([1e-30, 2e-30], dtype=torch.float64)
    assert kind(CLOSE, expected * 1.001, expected) == "values"
    assert compare(CLOSE, expected * (1 + 1e-15), expected) is None
    assert kind(CLOSE, T([1e-12, 0.0]), T([0.0, 0.0])) == "values"


def test_tolerance_grows_with_dtype_length_and_condition_up_to_a_ceiling() -> None:
    assert tolerance.relative(torch.float64) < tolerance.relative(torch.float32) < tolerance.relative(torch.float16)
    assert tolerance.relative(torch.float32, reduction=64) == pytest.approx(8 * tolerance.relative(torch.float32))
    assert tolerance.relative(torch.float64, conditioning=10) == pytest.approx(10 * tolerance.relative(torch.float64))
    assert tolerance.relative(torch.bfloat16, reduction=10**9) == tolerance.CEILING
    assert tolerance.relative(torch.int64) == 0
    assert tolerance.relative(None) == tolerance.relative(torch.float32)
    assert tolerance.relative(torch.float64, torch.bfloat16) < 1e-5


def test_one_number_near_zero_is_held_to_its_usual_scale() -> None:
    """A dot product that nearly cancels: its rounding is that of the terms, not of what is left of them."""
    asked: list[Path] = []

    def usual(path: Path) -> float:
        asked.append(path)
        return 3.0

    assert compare(CLOSE, [T(1e-5 + 3e-7)], [T(1e-5)]) is not None
    assert compare(CLOSE, [T(1e-5 + 3e-7)], [T(1e-5)], usual) is None
    assert asked == [(0,)]
    assert compare(CLOSE, [T(0.0)], [T(1e-3)], usual) is not None
    assert compare(CLOSE, T([1e-5 + 3e-7, 0.0]), T([1e-5, 0.0]), usual) is None
    asked.clear()
    assert compare(CLOSE, [T(1.0)], [T(1.0)], usual) is None
    assert asked == []


# ── the other rules ──────────────────────────────────────────────────────────


def test_up_to_sign() -> None:
    case = up_to_sign("title", builds="f")
    rows = T([[1.0, -2.0, 3.0], [0.0, 0.5, -0.25]])
    assert compare(case, rows * T([[-1.0], [1.0]]), rows) is None
    assert compare(case, -rows[0], rows[0]) is None
    assert compare(case, -2.0, 2.0) is None
    assert kind(case, rows * T([1.0, -1.0, 1.0]), rows) == "values"
    assert kind(case, rows.abs(), rows) == "values"
    assert kind(case, rows * 2, rows) == "values"
    assert kind(case, torch.zeros_like(rows), rows) == "values"


def test_up_to_permutation() -> None:
    case = up_to_permutation("title", builds="f")
    rows = T([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])
    assert compare(case, rows[[1, 0, 2]] * (1 + 1e-7), rows) is None
    assert kind(case, rows[[1, 0, 1]], rows) == "values"
    assert kind(case, rows[:, [1, 0]], rows) == "values"
    assert compare(case, ["b", "a"], ["a", "b"]) is None
    assert kind(case, ["b", "b"], ["a", "b"]) == "values"
    assert kind(case, ["a"], ["a", "b"]) == "length"
    found = compare(case, T([3.0, 9.0]), T([1.0, 3.0]))
    assert found is not None
    assert found.wrong is not None
    assert found.wrong.tolist() == [True, False]


def test_same_subspace() -> None:
    case = same_subspace("title", builds="f", reduction=5)
    generator = torch.Generator().manual_seed(3)
    rows = torch.randn(2, 5, generator=generator, dtype=torch.float64)
    mixed = T([[1.0, 2.0], [-3.0, 1.0]], dtype=torch.float64) @ rows
    assert compare(case, mixed, rows) is None
    assert kind(case, mixed + 1e-3 * torch.ones(2, 5, dtype=torch.float64), rows) == "values"
    assert kind(case, rows[[0, 0]], rows) == "values"
    assert kind(case, torch.zeros_like(rows), rows) == "values"
    assert kind(case, torch.full_like(rows, math.nan), rows) == "values"
    assert kind(case, rows[:1], rows) == "shape"
    assert compare(case, torch.zeros(0, 5), torch.zeros(0, 5)) is None


def test_at_least_and_at_most() -> None:
    least, most = at_least("title", 0.9, builds="f"), at_most("title", 1.1, builds="f")
    assert compare(least, 0.95, T(1.0)) is None
    assert kind(least, 0.85, 1.0) == "values"
    assert compare(most, T(1.05), 1.0) is None
    assert kind(most, 1.2, 1.0) == "values"
    for junk in (math.nan, None, "5", [1.0], T([1.0])):
        assert compare(least, junk, 1.0) is not None
        assert compare(most, junk, 1.0) is not None
    found = compare(least, 0.85, 1.0)
    assert found is not None
    assert found.reason == "0.85 where at least 0.9 was expected"
    with pytest.raises(TypeError, match="one number"):
        compare(least, 1.0, "text")


def test_valid_and_a_predicate_that_trips_over_junk() -> None:
    def holds(returned: Any, expected: Any) -> str | None:
        return None if returned.sum() == expected else f"it sums to {float(returned.sum()):g}"

    case = valid("title", holds, builds="f")
    assert compare(case, T([1.0, 2.0]), 3) is None
    assert compare(case, Array(T([1.0, 2.0])), 3) is None
    found = compare(case, T([1.0, 1.0]), 3)
    assert found is not None
    assert found.reason == "it sums to 2"
    for junk in (None, "text", [1, 2], Opaque("set"), {}):
        assert kind(case, junk, 3) == "type"


def test_agreement_of_two_wrong_results() -> None:
    assert agree(CLOSE, T([1.0]), T([1.0]), T([9.0]))
    assert not agree(CLOSE, T([1.0]), T([2.0]), T([9.0]))
    least = at_least("title", 1.0, builds="f")
    assert agree(least, 0.5, 0.5, 1.0)
    assert not agree(least, 0.5, 0.25, 1.0)
    odd = valid("title", lambda returned, expected: "wrong" if returned else None, builds="f")
    assert agree(odd, 1, 2, 0)
    assert not agree(odd, 1, 0, 0)


# ── distributions ────────────────────────────────────────────────────────────

DRAWN = distributed_as("title", builds="f")


def test_junk_is_no_sample() -> None:
    expected = torch.rand(100)
    assert kind(DRAWN, None, expected) == "type"
    assert kind(DRAWN, ["a"] * 100, expected) == "type"
    assert kind(DRAWN, torch.rand(99), expected) == "shape"
    assert kind(DRAWN, torch.rand(10, 10), expected) == "shape"
    assert kind(DRAWN, torch.rand(100, dtype=torch.float64), expected) == "dtype"
    assert kind(DRAWN, torch.full((100,), math.nan), expected) == "values"
    with pytest.raises(TypeError, match="one vector"):
        compare(DRAWN, expected, 3.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
def test_cells_are_wrong_where_they_differ_or_where_only_one_is_not_finite(dtype: torch.dtype) -> None:
    odd = [0.0, 1.0, 1.0 + 1e-3, -1.0, 1e30, math.inf, -math.inf, math.nan]
    mine = torch.tensor([one for one in odd for _ in odd], dtype=dtype)
    theirs = torch.tensor(odd * len(odd), dtype=dtype)
    wrong = wrong_cells(mine, theirs, 1e-2)
    for one, two, found in zip(mine.tolist(), theirs.tolist(), wrong.tolist(), strict=True):
        same = one == two or (one != one and two != two)
        finite = cmath.isfinite(one) and cmath.isfinite(two)
        assert found is not (same or (finite and abs(one - two) <= 1e-2)), (one, two)
    assert not wrong_cells(mine[:3], mine[:3] + 1e-3, 1e-2).any()
    assert wrong_cells(torch.ones(0), torch.ones(0), 0.5).shape == (0,)


def test_a_scale_is_the_largest_finite_magnitude() -> None:
    assert tolerance.scale(torch.tensor([1.0, -3.0, 2.0])) == 3.0
    assert tolerance.scale(torch.tensor([1.0, -math.inf, math.nan, -2.0])) == 2.0
    assert tolerance.scale(torch.tensor([math.nan, math.inf])) == 0.0
    assert tolerance.scale(torch.zeros(0)) == 0.0
