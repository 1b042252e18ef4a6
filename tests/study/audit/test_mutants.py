"""One-edit changes: which are made, how they are described, and that each is one edit."""

from __future__ import annotations

import ast

import pytest

from groundup.study.audit.mutants import Mutant, mutants_of


def edits(body: str, builds: list[str] | None = None) -> dict[str, str]:
    """Description -> changed body of ``def f(x, y)``."""
    source = "def f(x, y):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    found = {}
    for mutant in mutants_of(source, builds or ["f"]):
        lines = mutant.source.splitlines()[1:]
        found[mutant.what] = "\n".join(line[4:] for line in lines)
    return found


@pytest.mark.parametrize(
    ("body", "what", "changed"),
    [
        ("return x / y", "`/` → `*` in `return x / y`", "return x * y"),
        ("return x / y", "`x / y` → `x` in `return x / y`", "return x"),
        ("return x / y", "`x / y` → `y` in `return x / y`", "return y"),
        ("return x / y", "`return x / y` → `return None` in `return x / y`", "return None"),
        ("return x @ y", "`x @ y` → `y @ x` in `return x @ y`", "return y @ x"),
        ("return x ** y", "`**` → `*` in `return x ** y`", "return x * y"),
        ("return x < y", "`<` → `<=` in `return x < y`", "return x <= y"),
        ("return x < y", "`<` → `>=` in `return x < y`", "return x >= y"),
        ("return x == y", "`==` → `!=` in `return x == y`", "return x != y"),
        ("return 0 < x < y", "`<` → `<=` in `return 0 < x < y` (2)", "return 0 < x <= y"),
        ("return x in y", "`in` → `not in` in `return x in y`", "return x not in y"),
        ("return x and y", "`and` → `or` in `return x and y`", "return x or y"),
        ("return x and y", "`x and y` → `y` in `return x and y`", "return y"),
        ("return not x", "`not x` → `x` in `return not x`", "return x"),
        ("return -x", "`-x` → `x` in `return -x`", "return x"),
        ("return x.sum(dim=-1)", "`dim=-1` → `dim=0` in `return x.sum(dim=-1)`", "return x.sum(dim=0)"),
        ("return x.sum(axis=0)", "`axis=0` → `axis=-1` in `return x.sum(axis=0)`", "return x.sum(axis=-1)"),
        ("return g(x, up=True)", "`True` → `False` in `return g(x, up=True)`", "return g(x, up=False)"),
        ("return 0", "`0` → `1` in `return 0`", "return 1"),
        ("return 3", "`3` → `4` in `return 3`", "return 4"),
        ("return 1.5", "`1.5` → `3.0` in `return 1.5`", "return 3.0"),
        ("return 0.0", "`0.0` → `1.0` in `return 0.0`", "return 1.0"),
        ("if x:\n    y = x\nreturn y", "`x` → `True` in `if x:`", "if True:\n    y = x\nreturn y"),
        ("if x:\n    y = x\nreturn y", "`x` → `False` in `if x:`", "if False:\n    y = x\nreturn y"),
        ("while x:\n    x = y\nreturn x", "`x` → `False` in `while x:`", "while False:\n    x = y\nreturn x"),
        ("return x if y else 1", "`y` → `False` in `return x if y else 1`", "return x if False else 1"),
        ("x = y\nreturn x", "`x = y` removed", "pass\nreturn x"),
        ("x += y\nreturn x", "`x += y` removed", "pass\nreturn x"),
        ("x += y\nreturn x", "`+=` → `-=` in `x += y`", "x -= y\nreturn x"),
        ("x += y\nreturn x", "`+=` → `=` in `x += y`", "x = y\nreturn x"),
        ("return g(x, y)", "`g(x, y)` → `x` in `return g(x, y)`", "return x"),
        ("return g(x, y)", "`g(x, y)` → `g(y, x)` in `return g(x, y)`", "return g(y, x)"),
        ("return x.abs()", "`x.abs()` → `x` in `return x.abs()`", "return x"),
        ("return torch.abs(x)", "`torch.abs(x)` → `x` in `return torch.abs(x)`", "return x"),
        ("return x[1:]", "`1:` → `2:` in `return x[1:]`", "return x[2:]"),
        ("return x[1:]", "`1:` → `:` in `return x[1:]`", "return x[:]"),
        ("return x[:y]", "`:y` → `:y - 1` in `return x[:y]`", "return x[:y - 1]"),
        ("return x[:]", "`:` → `1:` in `return x[:]`", "return x[1:]"),
        ("return [i for i in x if i]", "`if i` → `if True` in `return [i for i in x if i]`", "return [i for i in x]"),
    ],
)  # fmt: skip
def test_an_edit(body: str, what: str, changed: str) -> None:
    found = edits(body)
    assert what in found, list(found)
    assert found[what] == changed


def all_of(source: str, builds: list[str], given: str = "") -> list[Mutant]:
    return mutants_of(source, builds, given)


SOURCE = '''
import math

SCALE = 2.0


def first(x: int = 1) -> int:
    """Says 1 + 1."""
    if x < 0:
        raise ValueError(f"x is {x + 1}, below {0}")
    return helper(x) + SCALE


def helper(x):
    return x * 3


def second(x):
    for i in range(3):
        if i == x:
            break
    return first(x)


def never(x):
    return x - 1
'''


def test_each_mutant_is_one_edit_and_none_is_there_twice() -> None:
    found = all_of(SOURCE, ["first", "second"])
    plain = ast.unparse(ast.parse(SOURCE))
    assert len({one.source for one in found}) == len(found) > 20
    assert all(one.source != plain for one in found)
    for one in found:
        compile(one.source, "mutant", "exec")
        changed = [line for line in one.diff.splitlines() if line.startswith(("+", "-"))]
        assert len(changed) == 2, one.diff


def test_descriptions_are_unique_within_a_build_and_carry_a_line() -> None:
    found = all_of(SOURCE, ["first", "second"])
    assert len({(one.build, one.what) for one in found}) == len(found)
    one = next(one for one in found if one.what == "`*` → `/` in `return x * 3`")
    assert one.build == "first"
    assert one.description == "line 15: `*` → `/` in `return x * 3`"
    assert {"-    return x * 3", "+    return x / 3"} <= set(one.diff.splitlines())


def test_helpers_belong_to_the_first_build_that_uses_them() -> None:
    owners = {one.what: one.build for one in all_of(SOURCE, ["second", "first"])}
    assert owners["`*` → `/` in `return x * 3`"] == "first"
    assert owners["`i == x` → `False` in `if i == x:`"] == "second"
    assert owners["`2.0` → `4.0` in `SCALE = 2.0`"] == "first"


def test_what_no_build_uses_is_left_alone() -> None:
    assert not any("x - 1" in one.what for one in all_of(SOURCE, ["first", "second"]))


def test_messages_docstrings_and_annotations_are_left_alone() -> None:
    found = all_of(SOURCE, ["first"])
    assert not any("below" in one.what or "Says" in one.what for one in found)
    assert any(one.what == "`1` → `2` in `def first(x: int=1) -> int:`" for one in found)
    assert not any("x < 0" not in one.what and "raise" in one.what for one in found)


def test_given_code_is_left_alone() -> None:
    found = all_of(SOURCE, ["first"], given="def helper(x):\n    return x * 3\n")
    assert not any("x * 3" in one.what for one in found)
    assert any("SCALE" in one.what for one in found)


def test_methods_are_changed() -> None:
    source = "class Layer:\n    def __init__(self, d):\n        self.d = d + 1\n\n"
    source += "    def forward(self, x):\n        return x * self.d\n"
    found = {one.what for one in all_of(source, ["Layer"])}
    assert "`*` → `/` in `return x * self.d`" in found
    assert "`d + 1` → `d` in `self.d = d + 1`" in found


def test_arguments_that_may_change_places_by_definition_are_left_in_theirs() -> None:
    assert not any("transpose(1, 0)" in what for what in edits("return x.transpose(0, 1)"))
    assert any("gather(1, 0)" in what for what in edits("return x.gather(0, 1)"))
