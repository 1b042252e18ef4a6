"""Limits against SymPy's, and continuity where it is known, on smooth functions and on hard ones."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from groundup.stack.numerics import is_continuous_at, limit

TWO = torch.float64
Function = Callable[[Tensor], Tensor]
T = sympy.Symbol("t", real=True)

# what SymPy is given, where, and the digits that the answer has
KNOWN = [
    (3 * T + 1, 2, 1e-12),
    ((T**2 - 4) / (T - 2), 2, 1e-8),
    (sympy.sin(T) / T, 0, 1e-10),
    ((1 - sympy.cos(T)) / T**2, 0, 1e-8),
    ((sympy.exp(T) - 1 - T) / T**2, 0, 1e-7),
    ((sympy.sin(T) - T) / T**3, 0, 1e-7),
    ((sympy.sqrt(1 + T) - 1) / T, 0, 1e-10),
    (sympy.Abs(T) / T, 0, 1e-12),
    (sympy.Abs(T - 1), 1, 1e-12),
    (sympy.exp(-1 / T), 0, 1e-12),
    (sympy.atan(1 / T), 0, 1e-12),
    (T**T, 0, 2e-5),
    (T * sympy.log(T), 0, 2e-5),
    (sympy.sqrt(T), 0, 1e-3),
    ((1 + 1 / T) ** T, sympy.oo, 1e-8),
    ((3 * T**2 + T) / (5 * T**2 - 7), sympy.oo, 1e-8),
    (sympy.sqrt(T**2 + T) - T, sympy.oo, 1e-7),
    (sympy.atan(T), -sympy.oo, 1e-8),
    (sympy.exp(T), -sympy.oo, 1e-12),
]


def as_torch(expression: sympy.Expr) -> Function:
    names = {name: getattr(torch, name) for name in ("sin", "cos", "exp", "sqrt", "log", "atan")}
    plain = sympy.lambdify(T, expression, modules=[{**names, "Abs": torch.abs}])
    return lambda t: plain(t)


@pytest.mark.parametrize("number", range(len(KNOWN)))
@pytest.mark.parametrize("side", ["left", "right"])
def test_one_sided_limits_against_sympy(number: int, side: str) -> None:
    expression, at, digits = KNOWN[number]
    f, x = as_torch(expression), float(at)
    found = limit(f, x, side)
    assert found.shape == ()
    assert found.dtype == TWO
    sign = {sympy.oo: "-", -sympy.oo: "+"}.get(at, "-" if side == "left" else "+")
    expected = sympy.limit(expression, T, at, sign)
    sample = f(x + (1e-3 if side == "right" else -1e-3) * torch.ones(1, dtype=TWO))
    if math.isfinite(x) and (sample.isnan().any() or not expected.is_finite or not expected.is_real):
        assert found.isnan()
    else:
        assert found.item() == pytest.approx(float(expected), rel=digits, abs=digits)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 6, 8])
def test_two_sided_limits_against_sympy(number: int) -> None:
    expression, at, digits = KNOWN[number]
    expected = float(sympy.limit(expression, T, at, "+-"))
    assert limit(as_torch(expression), float(at)).item() == pytest.approx(expected, rel=digits, abs=digits)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (torch.sign, 0.0),
        (lambda t: 1 / t, 0.0),
        (lambda t: 1 / t**2, 0.0),
        (torch.log, 0.0),
        (torch.sqrt, 0.0),
        (lambda t: torch.sin(1 / t), 0.0),
        (lambda t: torch.sin(1 / t) / t, 0.0),
        (torch.sin, math.inf),
        (lambda t: t, math.inf),
        (torch.log, math.inf),
        (lambda t: t * math.nan, 1.0),
        (lambda t: t + math.inf, 1.0),
        (torch.floor, 3.0),
        (lambda t: t + 0.01 * (t > 2).double(), 2.0),
    ],
)
def test_no_limit_is_not_a_number(f: Function, x: float) -> None:
    assert limit(f, x).isnan()


@settings(max_examples=60, deadline=None)
@given(st.floats(-10, 10), st.floats(-5, 5), st.floats(-5, 5), st.floats(-3, 3))
def test_smooth_functions_have_their_values_as_limits(x: float, a: float, b: float, c: float) -> None:
    def f(t: Tensor) -> Tensor:
        return a * torch.sin(t) + b * t + c * t**2

    expected = f(torch.tensor(x, dtype=TWO)).item()
    for side in ("left", "right", "both"):
        assert limit(f, x, side).item() == pytest.approx(expected, rel=1e-10, abs=1e-10)
    assert is_continuous_at(f, x)
    assert not is_continuous_at(lambda t: torch.where(t == x, f(t) + 1e-5, f(t)), x)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.5, 5), st.floats(0.5, 3), st.floats(-3, 3))
def test_swings_that_die_away_and_swings_that_do_not(a: float, b: float, c: float) -> None:
    assert limit(lambda t: c + a * t * torch.sin(b / t), 0.0).item() == pytest.approx(c, abs=1e-4)
    assert limit(lambda t: c + a * torch.sin(b / t), 0.0).isnan()


@settings(max_examples=60, deadline=None)
@given(st.floats(-8, 8), st.floats(0.02, 50), st.booleans())
def test_jumps_of_every_size(x: float, height: float, at_the_top: bool) -> None:
    def f(t: Tensor) -> Tensor:
        return torch.cos(t) + height * ((t >= x) if at_the_top else (t > x)).double()

    below = math.cos(x)
    assert limit(f, x, "left").item() == pytest.approx(below, abs=1e-8)
    assert limit(f, x, "right").item() == pytest.approx(below + height, abs=1e-8)
    assert limit(f, x).isnan()
    assert not is_continuous_at(f, x, tolerance=1000.0)


@pytest.mark.parametrize("x", [1e4, -1e9, 1e15])
def test_far_from_zero_steps_grow_with_x(x: float) -> None:
    assert limit(lambda t: t / x, x).item() == pytest.approx(1.0, rel=1e-12)
    assert limit(lambda t: torch.sign(t - x), x).isnan()


def test_f_is_asked_on_the_named_side_only_and_never_at_x() -> None:
    asked: list[Tensor] = []

    def f(t: Tensor) -> Tensor:
        asked.append(t.clone())
        return t * 2

    limit(f, 1.5, "left")
    assert (torch.cat(asked) < 1.5).all()
    asked.clear()
    limit(f, 1.5, "right")
    assert (torch.cat(asked) > 1.5).all()
    asked.clear()
    limit(f, 1.5)
    assert (torch.cat(asked) != 1.5).all()


@pytest.mark.parametrize("x", [2, 2.0, torch.tensor(2), torch.tensor(2.0), torch.tensor(2.0, dtype=torch.float16)])
def test_every_kind_of_number(x: float | Tensor) -> None:
    assert limit(lambda t: t**3, x).dtype == TWO
    assert limit(lambda t: t**3, x).item() == pytest.approx(8.0, abs=1e-8)
    assert is_continuous_at(lambda t: t**3, x) is True


@pytest.mark.parametrize("side", ["", "Left", "up", None, "both "])
def test_other_sides_are_refused(side: str) -> None:
    with pytest.raises(ValueError, match="side must be"):
        limit(torch.sin, 0.0, side)


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (torch.abs, 0.0, True),
        (torch.relu, 0.0, True),
        (torch.sign, 0.0, False),
        (torch.floor, 2.0, False),
        (torch.floor, 2.5, True),
        (lambda t: torch.sin(t) / t, 0.0, False),  # NaN at 0
        (torch.sinc, 0.0, True),
        (torch.sqrt, 0.0, False),  # no values on the left
        (lambda t: 1 / t, 0.0, False),
        (lambda t: torch.where(t == 0, math.inf, t), 0.0, False),
    ],
)
def test_continuity_where_it_is_known(f: Function, x: float, expected: bool) -> None:
    assert is_continuous_at(f, x) is expected


def test_swings_need_a_wider_tolerance() -> None:
    def f(t: Tensor) -> Tensor:
        return torch.where(t == 0, 2.0, 2 + 3 * t * torch.sin(1 / t))

    assert is_continuous_at(f, 0.0, tolerance=1e-4)


def test_the_tolerance_is_that_of_the_value() -> None:
    for tolerance in (1e-6, 1e-3, 0.5):
        for off in (0.5, -0.5, 1.5, -1.5):
            f = lambda t, by=off * tolerance: torch.where(t == 1, 3 + by, 2 + t)  # noqa: E731
            assert is_continuous_at(f, 1.0, tolerance) is (abs(off) < 1)


def test_what_is_not_seen() -> None:
    """The docstring's limits: too slow, and too near."""
    assert limit(lambda t: 1 / torch.log(t), 0.0, "right").isnan()
    assert limit(lambda t: torch.sign(t - 1e-9), 0.0).isnan()
    assert limit(lambda t: torch.where(t.abs() < 1e-9, 7.0, t), 0.0).item() == 0.0
