"""The vocabulary of topic files: what says that every call was refused."""

from __future__ import annotations

from typing import Any

import pytest

from groundup.authoring import refused, refused_with_shapes
from groundup.study.check.wire import Raised

VALUE = ["builtins.ValueError", "builtins.Exception"]


def raised(message: str, kind: str = "ValueError", families: list[str] | None = None) -> Raised:
    return Raised(kind, VALUE if families is None else families, message)


def test_every_call_must_be_refused() -> None:
    right = [raised("a"), raised("b")]
    assert refused([raised("other words"), raised("")], right) is None
    assert refused([raised("x", "ShapeError", ["mine.ShapeError", *VALUE]), raised("")], right) is None
    for answer, said in (
        ([raised("a"), 3.0], "no error came where a ValueError"),
        (
            [raised("a"), raised("b", "IndexError", ["builtins.IndexError"])],
            "a ValueError was to be raised, not an Ind",
        ),
        ([raised("a")], "one answer for each call"),
        (raised("a"), "one answer for each call"),
        (None, "one answer for each call"),
    ):
        assert said in str(refused(answer, right)), answer
    assert refused([raised("i", "IndexError", ["builtins.IndexError"])], [None], "IndexError") is None
    assert "an IndexError was to be raised, not a ValueError" in str(refused([raised("")], [None], "IndexError"))


@pytest.mark.parametrize(
    ("message", "holds"),
    [("got (3, 4) and (7,)", True), ("7 against 4 and 3", True), ("(3, 4) alone", False), ("", False)],
)
def test_the_message_must_hold_what_was_got(message: str, holds: bool) -> None:
    right: list[Any] = [raised("2 sizes are needed: got (3, 4) and (7,)")]
    assert (refused_with_shapes([raised(message)], right) is None) is holds
    assert refused_with_shapes(["a result"], right) is not None
    assert (refused_with_shapes([raised(message)], [raised("sizes 3, 4 and 7")]) is None) is holds
