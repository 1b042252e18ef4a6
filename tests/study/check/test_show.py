"""Values for people: bounded, clean, and the difference visible."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from groundup.authoring import close
from groundup.study.check.compare import compare
from groundup.study.check.show import COLUMNS, LONGEST, ROWS, one_line, plain_number, shown, side_by_side
from groundup.study.check.verdict import Shown
from groundup.study.check.wire import Array, Opaque, Raised

CLOSE = close("title", builds="f")
T = torch.tensor


def both(returned: Any, expected: Any) -> tuple[Shown, Shown]:
    difference = compare(CLOSE, returned, expected)
    assert difference is not None
    return side_by_side(difference)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (3, "3"),
        (0.1 + 0.2, "0.3"),
        (2.0, "2.0"),
        (-0.0, "-0.0"),
        (float("nan"), "nan"),
        (1e-12, "1e-12"),
        (T(1.5), "1.5"),
        (T([1, 2]), "tensor([1, 2])"),
        (torch.ones(2, 3), "tensor of shape (2, 3), float32"),
        (Array(T([1.0])), "array tensor([1.0])"),
        ("a\nb", r"'a\nb'"),
        (b"\x00", r"b'\x00'"),
        ([1, [2.0, "x"]], "[1, [2.0, 'x']]"),
        ({"a": 1}, "{'a': 1}"),
        (Raised("ValueError", ["ValueError"], "no"), "ValueError: no"),
        (Opaque("set"), "an object of type set"),
        (10**300, "an integer of 997 bits"),
    ],
)
def test_one_line(value: Any, text: str) -> None:
    assert one_line(value) == text


def test_text_is_bounded_and_clean() -> None:
    for value in ("x" * 10**6, list(range(10**5)), ["y" * 10**5] * 50, {i: i for i in range(10**4)}, "\ud800\x1b[31m"):
        text = shown(value).text
        assert len(text) <= LONGEST
        text.encode("utf-8")
        assert all(one.isprintable() for one in text)


def test_a_vector_is_one_row_and_a_matrix_a_table() -> None:
    assert shown(T([1.0, 2.5])).cells == [["1.0", "2.5"]]
    found = shown(T([[1, 2], [3, 4]]))
    assert found.cells == [["1", "2"], ["3", "4"]]
    assert found.shape == [2, 2]
    assert found.dtype == "int64"
    assert found.wrong is None
    assert not found.cut
    assert shown(torch.ones(2, 0)).cells is None


def test_a_table_is_bounded_and_says_what_it_leaves_out() -> None:
    found = shown(torch.ones(100, 200))
    assert found.cells is not None
    assert (len(found.cells), len(found.cells[0])) == (ROWS, COLUMNS)
    assert found.cut
    assert found.text == "shape (100, 200), float32; rows 0 to 11 of 100; columns 0 to 11 of 200"


def test_wrong_cells_are_marked_and_in_sight() -> None:
    expected = torch.zeros(100, 200)
    returned = expected.clone()
    returned[70, 150] = 1.0
    left, right = both(returned, expected)
    assert left.wrong is not None
    assert left.cells is not None
    assert right.cells is not None
    assert sum(map(sum, left.wrong)) == 1
    row = next(at for at, one in enumerate(left.wrong) if any(one))
    column = left.wrong[row].index(True)
    assert (left.cells[row][column], right.cells[row][column]) == ("1.0", "0.0")
    assert left.text == right.text
    assert "rows 64 to 75 of 100" in left.text


def test_the_first_differing_slice_of_a_higher_tensor_is_shown() -> None:
    expected = torch.zeros(2, 3, 4, 5)
    returned = expected.clone()
    returned[1, 2, 3, 4] = 7.0
    left, _ = both(returned, expected)
    assert "slice [1, 2, :, :]" in left.text
    assert left.cells is not None
    assert left.cells[3][4] == "7.0"
    assert left.wrong is not None
    assert left.wrong[3] == [False, False, False, False, True]


def test_enough_digits_that_the_difference_is_seen() -> None:
    left, right = both(T([1.00001, 1.0]), T([1.00002, 1.0]))
    assert left.cells is not None
    assert right.cells is not None
    assert left.cells[0][0] != right.cells[0][0]
    left, right = both(1.00001, 1.00002)
    assert left.text != right.text
    assert plain_number(0.1) == "0.1"


def test_different_shapes_are_shown_each_by_itself() -> None:
    left, right = both(torch.ones(2, 3), torch.ones(3, 2))
    assert left.shape == [2, 3]
    assert right.shape == [3, 2]


def test_the_place_in_a_structure_is_named() -> None:
    left, right = both([1, {"u": T([1.0])}], [1, {"u": T([2.0])}])
    assert left.text.startswith("[1]['u']: ")
    assert right.text.startswith("[1]['u']: ")


def test_long_strings_and_lists_start_near_their_difference() -> None:
    left, right = both("x" * 5000 + "a", "x" * 5000 + "b")
    assert "a'" in left.text
    assert "b'" in right.text
    left, right = both([0] * 3000 + [1], [0] * 3000 + [2, 3])
    assert left.text.endswith("1]")
    assert right.text.endswith("2, 3]")
