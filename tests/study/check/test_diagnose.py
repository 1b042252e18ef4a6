"""One sentence for each way of being wrong."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from groundup.authoring import Case, at_least, close, exact, valid
from groundup.study.check.compare import compare
from groundup.study.check.diagnose import explain, slow_remark
from groundup.study.check.inprocess import Call, Outcome
from groundup.study.check.wire import Array, Opaque, Raised

CLOSE = close("title", builds="f", reduction=4)
T = torch.tensor
G = torch.Generator().manual_seed(7)
X = torch.randn(4, 6, generator=G)
SQUARE = torch.randn(5, 5, generator=G)
CUBE = torch.randn(2, 4, 6, generator=G)
V = torch.randn(5, generator=G)
SOFT = torch.softmax(X, -1)


def said(
    returned: Any,
    expected: Any,
    case: Case = CLOSE,
    calls: list[Call] | None = None,
    changed: tuple[str, ...] = (),
) -> str:
    difference = compare(case, returned, expected)
    assert difference is not None or changed
    return explain(case, difference, Outcome(returned), Outcome(expected, calls=calls or []), changed)


def with_one_wrong(tensor: torch.Tensor, *index: Any) -> torch.Tensor:
    other = tensor.clone()
    other[index] = 100 + torch.arange(other[index].numel()).reshape(other[index].shape) ** 1.5
    return other


@pytest.mark.parametrize(
    ("returned", "expected", "sentence"),
    [
        # nothing, or something that is no data
        (None, X, "None was returned where a tensor of shape (4, 6) was expected: did you forget `return`?"),
        (Opaque("generator"), [1], "a generator was returned where a list was expected: list(…) makes a list of it"),
        (Opaque("coroutine"), 1, "a coroutine was returned where an integer was expected: `async def` is not needed"),
        (Opaque("function"), X, "did you forget to call it?"),
        (Opaque("set"), [1], "a set has no order"),
        (Opaque("Tensor", "on device meta"), X, "a tensor on device meta where a tensor of shape (4, 6) was expected"),
        (Opaque("Thing"), 1, "an object of type Thing was returned where an integer was expected"),
        # the wrong sort of value
        ([1.0, 2.0], T([1.0, 2.0]), "a list where a tensor was expected: torch.tensor or torch.stack makes one"),
        (T([1, 2]), [1, 2], "a tensor where a list was expected: .tolist() makes one"),
        (Array(X), X, "a NumPy array where a tensor of shape (4, 6) was expected"),
        (1.5, X, "one number where a tensor of shape (4, 6) was expected: was everything summed?"),
        (T([1.5]), 1.5, "a tensor of shape (1,) where one number was expected"),
        (T([1.5]), T(1.5), "shape (1,) where () was expected: an extra dimension of size 1, the numbers are right"),
        (True, 1, "a truth value (True) where an integer (1) was expected"),
        ("1", 1, "a string where an integer was expected"),
        ({"a": 1}, {"b": 1}, "the key 'b' is missing; the key 'a' should not be there"),
        # errors
        (Raised("KeyError", ["KeyError"], "k"), 3, "KeyError: k was raised where an integer was expected"),
        (3, Raised("ValueError", ["ValueError"], ""), "ValueError was to be raised, but an integer was returned"),
        (
            Raised("TypeError", ["TypeError"], "t"),
            Raised("ValueError", ["ValueError"], ""),
            "TypeError: t was raised where ValueError was expected",
        ),
        # shapes
        (torch.ones(2, 5, 7), torch.ones(2, 5, 8), "shape (2, 5, 7) where (2, 5, 8) was expected"),
        (X.T, X, "shape (6, 4) where (4, 6) was expected: exactly the transpose (dimensions 0 and 1 swapped)"),
        (X.T + 1, X, "shape (6, 4) where (4, 6) was expected: dimensions 0 and 1 are swapped"),
        (V[:, None] - V, V, "shape (5, 5) where (5,) was expected: (5, 1) and (5,) were broadcast against each other"),
        (V[:, None] - V, V[:, None], "(5, 1) and (5,) were broadcast against each other"),
        (X[None], X, "an extra dimension of size 1, the numbers are right"),
        (V, V[:, None], "(5,) where (5, 1) was expected: a dimension of size 1 is missing, the numbers are right"),
        (X, torch.ones(3, 4, 6), "the batch dimension is missing"),
        (torch.ones(3, 4, 6), X, "there is an extra dimension in front"),
        (torch.ones(2), torch.ones(2, 4, 6), "dimensions are missing, were too many summed over?"),
        # dtypes and devices
        (X.double(), X, "float64 where float32 was expected; the numbers are right"),
        (X.double() + 1, X, "float64 where float32 was expected"),
        (T([1, 0]), T([True, False]), "int64 where bool was expected"),
        (torch.empty(4, 6, device="meta"), X, "on meta where cpu was expected"),
        # patterns of values
        (SQUARE.T, SQUARE, "exactly the transpose"),
        (-X, X, "right up to sign: every number has the wrong sign"),
        (X * 2, X, "twice the expected"),
        (X / 2, X, "half the expected"),
        (X * -2, X, "twice the expected and of the wrong sign"),
        (X * math.sqrt(6), X, "2.449 times the expected: that is the square root of 6"),
        (X / math.sqrt(6), X, "0.4082 times the expected: that is 1 over the square root of 6"),
        (X * 4 / 3, X, "1.333 times the expected: that is n / (n - 1) for n = 4"),
        (X * 5 / 6, X, "0.8333 times the expected: that is (n - 1) / n for n = 6"),
        (X * 6, X, "6.0 times the expected: 6 is a length here; sum and mean mixed up?"),
        (X / math.log(2), X, "1.443 times the expected: that is 1 over the natural logarithm of 2"),
        (X * 180 / math.pi, X, "degrees and radians mixed up?"),
        (X * 1.7, X, "1.7 times the expected"),
        (torch.roll(X, 1, 0), X, "off by one position: each row is one too late"),
        (torch.roll(X, -1, 1), X, "off by one position: each column is one too early"),
        (torch.roll(V, 1), V, "off by one position: each entry is one too late"),
        (with_one_wrong(X, -1), X, "right but for the last row"),
        (with_one_wrong(X, 0), X, "right but for the first row"),
        (with_one_wrong(X, 2), X, "right but for the 3rd row"),
        (with_one_wrong(X, slice(None), -1), X, "right but for the last column"),
        (with_one_wrong(CUBE, 1), CUBE, "right but for the last batch element"),
        (with_one_wrong(V, -1), V, "right but for the last entry"),
        (with_one_wrong(X, slice(1, None)), X, "only the first row is right"),
        (torch.zeros_like(X), X, "every number is 0"),
        (torch.full_like(X, 0.25), X, "every number is 0.25"),
        (torch.where(X > 0, X, torch.nan), X, "numbers are NaN, first at ["),
        (torch.where(X.eq(X.max()), torch.inf, X), X, "one number is infinity, first at ["),
        (torch.where(X.eq(X[1, 2]), 0, X), torch.where(X.eq(X[1, 2]), torch.nan, X), "NaN was expected at [1, 2]"),
        (SOFT.log(), SOFT, "the logarithm of the expected"),
        (X, SOFT, "the values before softmax: softmax over dimension -1 makes them right"),
        (X, torch.softmax(X, 0), "the values before softmax: softmax over dimension -2 makes them right"),
        (X, torch.sigmoid(X), "the values before the sigmoid"),
        (X.exp(), X, "the exponential of the expected: the logarithm is missing"),
        (X.abs() ** 2, X.abs(), "the square of the expected: a square root is missing?"),
        (X.abs().sqrt(), X.abs(), "the square root of the expected"),
        (X.abs(), X, "right but for the sign of the negative numbers"),
        (1 / X, X, "1 over the expected"),
        (X.exp(), SOFT, "each row is a multiple of the expected one: is it divided by the wrong number?"),
        (X + 0.5, X, "every number is 0.5 too large"),
        (X - 0.5, X, "every number is 0.5 too small"),
        (X.flip(0), X, "the right rows in reverse order"),
        (X[[1, 0, 3, 2]], X, "the right rows in the wrong order"),
        (with_one_wrong(SQUARE, torch.eye(5, dtype=torch.bool)), SQUARE, "right but for the diagonal"),
        (SQUARE.tril(), SQUARE, "right on and below the diagonal, wrong above it"),
        (SQUARE.triu(), SQUARE, "right on and above the diagonal, wrong below it"),
        (X + X.sin() * 1e-4, X, "right to about 4 digits of 7"),
        (X.sin() + X.cos(), X, "all numbers differ, first at [0, 0]: "),
        # truth
        (~(X > 0), X > 0, "exactly the opposite: True where False was expected"),
        (torch.ones(5, 5, dtype=torch.bool), SQUARE > 0, "every entry is True"),
        (torch.ones(5, 5).triu().bool(), torch.ones(5, 5).tril().bool(), "exactly the transpose"),
        (torch.ones(5, 5).tril(-1).bool(), torch.ones(5, 5).tril().bool(), "right but for the diagonal"),
        # numbers
        (6.4, 3.2, "6.4 where 3.2 was expected: twice the expected"),
        (-3.2, 3.2, "-3.2 where 3.2 was expected: the sign is wrong"),
        (3.2, -3.2, "3.2 where -3.2 was expected: the sign is wrong"),
        (5, 4, "5 where 4 was expected: off by one"),
        (7, 4, "7 where 4 was expected"),
        (math.log(3.7), 3.7, "the logarithm of the expected"),
        (3.7**2, 3.7, "the square of the expected"),
        (math.sqrt(3.7), 3.7, "the square root of the expected"),
        (1.00001, 1.00002, "1.00001 where 1.00002 was expected"),
        (math.nan, 1.0, "nan where 1.0 was expected"),
        # text and lists
        ("cat", "car", "the first difference is at character 2: 't' where 'r' was expected"),
        (b"cat", b"car", "the first difference is at byte 2: b't' where b'r' was expected"),
        ("ca", "car", "2 characters where 3 were expected: it ends too early"),
        ("cars", "car", "4 characters where 3 were expected: it goes on too long"),
        ("rac", "car", "exactly the reverse: 'rac' where 'car' was expected"),
        ("CAR", "car", "right but for upper and lower case"),
        ("a  b", "a b", "right but for white space"),
        ([1, 2, 5], [1, 2, 4], "the first difference is at index 2: 5 where 4 was expected"),
        ([2, 1, 3], [1, 2, 3], "the right items in the wrong order: at index 0 2 where 1 was expected"),
        ([3, 2, 1], [1, 2, 3], "the right items in reverse order"),
        ([1, 2], [1, 2, 3], "2 items where 3 were expected: right as far as it goes"),
        ([1, 2, 3], [1, 2], "3 items where 2 were expected: right until then, then more follow"),
        ([1, 9, 3], [1, 2], "3 items where 2 were expected; the first difference is at index 1: 9 where 2 was"),
        ([[1, 2], [3, 5]], [[1, 2], [3, 4]], "at [1]: the first difference is at index 1: 5 where 4 was expected"),
        ([X, -X], [X, X], "at [1]: right up to sign"),
    ],
)
def test_sentence(returned: Any, expected: Any, sentence: str) -> None:
    assert sentence in said(returned, expected)


def test_changed_in_place_comes_first() -> None:
    assert said(X, X, changed=("q",)) == "your input q was changed in place"
    assert said(X * 2, X, changed=("q", "k")) == "your inputs q and k were changed in place"


def test_gradients_are_called_gradients_only_where_there_were_any() -> None:
    call = [Call("f", {"q": X}, differentiated=True)]
    assert said({"q": None}, {"q": X}, calls=call) == "no gradient reaches q"
    assert said({"q": X}, {"q": None}, calls=call) == "a gradient reaches q where none should"
    assert said({"q": X * 2}, {"q": X}, calls=call) == "the gradient of q: twice the expected"
    plain = [Call("f", {"q": X})]
    assert "did you forget `return`?" in said({"q": None}, {"q": X}, calls=plain)


def test_factors_come_from_the_lengths_of_the_arguments() -> None:
    call = [Call("f", {"q": torch.ones(3, 64)})]
    assert said(X * 8, X, calls=call) == "8.0 times the expected: that is the square root of 64"
    assert said(8 * 3.3, 3.3, calls=call).endswith("8.0 times the expected: that is the square root of 64")
    assert said(X * 8, X) == "8.0 times the expected"


def test_reasons_of_rules_are_said_as_they_are() -> None:
    assert said(1.0, 3.0, case=at_least("t", 0.5, builds="f")) == "1 where at least 1.5 was expected"
    assert said(1, 2, case=valid("t", lambda mine, theirs: "it\x1b sums to 2", builds="f")) == "it\ufffd sums to 2"
    assert said([3.0], [3], case=exact("t", builds="f")) == "at [0]: a number (3.0) where an integer (3) was expected"


def test_slowness_is_said_only_where_it_is_certain() -> None:
    assert slow_remark(0.6, 0.01) == "right, but 60 times slower than needed: a Python loop over rows?"
    assert slow_remark(0.04, 0.0001) is None
    assert slow_remark(0.6, 0.1) is None
    assert slow_remark(1.0, 0.0) is not None


def test_every_sentence_is_bounded_and_clean() -> None:
    nasty = "\x1b[31m\ud800" * 10_000
    for returned, expected in ((nasty, "a"), ([nasty], ["a"]), ({nasty: 1}, {"a": 1}), (Opaque("T" * 500), 1)):
        text = said(returned, expected)
        assert len(text) <= 400
        assert text.isprintable()
