"""Imports found in bytes that nobody has compiled: right on what people write, linear on what they should not."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.study.siblings import collect, named_imports

PACKAGE = "mine.transformer"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import mine", ["mine"]),
        ("import mine.a.b as c, torch, mine.d; import mine.e", ["mine.a.b", "mine.d", "mine.e"]),
        ("from mine.mathematics.vectors import dot", ["mine.mathematics.vectors", "mine.mathematics.vectors.dot"]),
        ("from mine.a import *", ["mine.a"]),
        ("from mine import a, b as c", ["mine", "mine.a", "mine.b"]),
        ("from mine import (\n    a,  # the first (of two)\n    b as c,\n)\nx = 1", ["mine", "mine.a", "mine.b"]),
        ("from mine import (a,\r\n b)\r\n", ["mine", "mine.a", "mine.b"]),
        ("from mine.a \\\n    import b", ["mine.a", "mine.a.b"]),
        ("from . import x", [PACKAGE, f"{PACKAGE}.x"]),
        ("from .x import y", [f"{PACKAGE}.x", f"{PACKAGE}.x.y"]),
        ("from.x import(y)", [f"{PACKAGE}.x", f"{PACKAGE}.x.y"]),
        ("from .. import x", ["mine", "mine.x"]),
        ("from ..a.b import c", ["mine.a.b", "mine.a.b.c"]),
        ("from ... import x", []),
        ("from .......... import x", []),
        ("def f():\n\tfrom mine.a import b", ["mine.a", "mine.a.b"]),
        ("try: import mine.a\nexcept ImportError: pass", ["mine.a"]),
        ("x = import_module('mine.a.b')", ["mine.a.b"]),
        ("from mine.größe import länge", ["mine.größe", "mine.größe.länge"]),
        ("\ufeffimport mine.a", ["mine.a"]),
        ("import torch\nfrom math import sqrt\nimportant = 1\nfromage = 2\nimport mineral\nfrom mines import x", []),
        ("raise ValueError from error\nimport mine.a", ["mine.a"]),
        ("from", []),
        ("import", []),
        ("", []),
    ],
)
def test_what_is_imported(source: str, names: list[str]) -> None:
    assert named_imports(source.encode(), PACKAGE) == names


def test_a_name_that_is_no_text_is_passed_over() -> None:
    assert named_imports(b"import mine.\xff, mine.a\nfrom mine.\xc3\x28 import x", PACKAGE) == ["mine.a"]


_NAMES = st.sampled_from(["a", "b_2", "größe", "_x"])
_MODULES = st.lists(_NAMES, min_size=1, max_size=3).map(lambda parts: ".".join(["mine", *parts]))
_STATEMENTS = st.one_of(
    st.lists(_MODULES, min_size=1, max_size=3).map(lambda names: "import " + ", ".join(names)),
    st.tuples(_MODULES, st.lists(_NAMES, min_size=1, max_size=3)).map(
        lambda pair: f"from {pair[0]} import {', '.join(pair[1])}"
    ),
    st.tuples(_MODULES, _NAMES).map(lambda pair: f"from {pair[0]} import ({pair[1]} as other,)"),
    st.just("x = 1"),
)


@given(st.lists(_STATEMENTS, max_size=6))
def test_every_import_that_python_sees_is_seen(statements: list[str]) -> None:
    source = "\n".join(statements)
    wanted = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            wanted |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            wanted |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    assert set(named_imports(source.encode(), PACKAGE)) == wanted


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from([b"from ", b"import ", b"(", b")", b".", b"mine", b"#", b"\n", b",", b"\\\n", b"\xff"]))
)
def test_no_bytes_break_it(pieces: list[bytes]) -> None:
    for name in named_imports(b"".join(pieces), PACKAGE):
        assert name == "mine" or name.startswith("mine.")


@pytest.mark.parametrize(
    "unit",
    [
        b"from ",
        b"from . import (",
        b"import ",
        b"import a,",
        b"from" + b" " * 190,
        b"'mine.",
        b"'mine" + b".a" * 8,
        b"from . import (#",
        b"from . import (" + b"#" * 100 + b"\n",
        b"from mine import " + b"a," * 900 + b"\n",
        b"import" + b" " * 2500,
        b"\\\n",
    ],
)
@pytest.mark.timeout(30)
def test_a_megabyte_of_nonsense_ends(unit: bytes) -> None:
    """An expression that goes back and forth would take hours here, not a little longer."""
    assert len(named_imports(unit * (2**20 // len(unit)), PACKAGE)) < 10


def test_modules_that_import_each_other_come_along_once() -> None:
    files = {"mine.a": b"import mine.b", "mine.b": b"import mine.a, mine.c.self"}
    found = collect("mine.c.self", b"import mine.a", lambda name: (files[name], False) if name in files else None)
    assert found == files
