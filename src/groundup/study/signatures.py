"""What a function or class takes: names, order, kinds and defaults, read from source or text; annotations are left out.

A class is called through its ``__init__``, without ``self``. Two defaults are equal if they are written alike or stand
for the same plain value (``2.0`` and ``2.00``).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from groundup.study.solution import module_path, read_module


@dataclass(frozen=True)
class Parameters:
    """Parameters in order: name with its stars or place, and the default as normalized text."""

    items: tuple[tuple[str, str | None], ...]

    def __str__(self) -> str:
        return ", ".join(name if default is None else f"{name}={default}" for name, default in self.items)


def of_text(signature: str) -> Parameters:
    """Of ``name(a, b=1) -> what it returns``; SyntaxError where it is not one."""
    call = signature.partition("->")[0].strip()
    node = ast.parse(f"def {call}: ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    return of_definition(node)


def of_reference(reference: str | None) -> Parameters | None:
    """Of what ``module:name`` defines in its source; None where the source does not define it."""
    module, _, name = (reference or "").partition(":")
    path = module_path(module) if module else None
    if path is None:
        return None
    node = read_module(path.read_text(encoding="utf-8")).makers.get(name)
    return of_definition(node) if isinstance(node, ast.FunctionDef | ast.ClassDef) else None


def of_definition(node: ast.FunctionDef | ast.ClassDef) -> Parameters:
    """Of a def, or of a class's ``__init__``."""
    drop = 0
    if isinstance(node, ast.ClassDef):
        methods = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
        if not methods:
            return Parameters(())
        node, drop = methods[0], 1
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + [_plain(one) for one in arguments.defaults]
    items: list[tuple[str, str | None]] = [
        (one.arg, default) for one, default in zip(positional, defaults, strict=True)
    ][drop:]
    if arguments.vararg:
        items.append((f"*{arguments.vararg.arg}", None))
    elif arguments.kwonlyargs:
        items.append(("*", None))
    items += [
        (one.arg, None if default is None else _plain(default))
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg:
        items.append((f"**{arguments.kwarg.arg}", None))
    return Parameters(tuple(items))


def _plain(node: ast.expr) -> str:
    try:
        return repr(ast.literal_eval(node))
    except ValueError:
        return ast.unparse(node)
