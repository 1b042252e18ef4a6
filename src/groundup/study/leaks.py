"""Whether a hint gives the solution away: a line of it, or its formula as code.

Compared without white space, quotes' kind, backticks and module prefixes, so that no spacing hides a leak. What the
learner's own starting file already holds is no leak. Mathematics in words or in symbols is none either.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TypeGuard

LONG = 12  # characters that a piece of code must have, spaces apart, to be more than a common turn


def leaks(hint: str, solution: str, given: str = "") -> list[str]:
    """The pieces of the solution's code that stand in a hint, longest first, none inside another."""
    text = _squeezed(hint)
    known = _squeezed(given)
    found = [piece for piece in _pieces(solution) if piece in text and piece not in known]
    longest: list[str] = []
    for piece in sorted(set(found), key=lambda one: (-len(one), one)):
        if not any(piece in other for other in longest):
            longest.append(piece)
    return longest


def formulas_in(hint: str) -> list[str]:
    """Spans in backticks, or indented lines, that are Python and compute with two or more names."""
    spans = re.findall(r"`+([^`]+)`+", hint) + re.findall(r"^ {4,}(\S.*)$", hint, flags=re.MULTILINE)
    return [span for span in spans if _computes(span)]


def _computes(span: str) -> bool:
    try:
        tree = ast.parse(span.strip())
    except SyntaxError:
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and len({one.id for one in ast.walk(node) if isinstance(one, ast.Name)}) > 1:
            return True
    return False


def _pieces(solution: str) -> Iterator[str]:
    """The solution's lines, and the expressions that it returns, assigns or computes, squeezed; the long ones."""
    tree = ast.parse(solution)
    for text in (*_lines(solution, tree), *_expressions(tree)):
        piece = _squeezed(text)
        if len(piece) > LONG:
            yield piece


def _lines(solution: str, tree: ast.Module) -> Iterator[str]:
    """Lines of code: no docstrings, comments, imports or first lines of definitions."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node):
            skipped.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            skipped.update(range(node.lineno, node.body[0].lineno))
    for number, line in enumerate(solution.splitlines(), 1):
        if number not in skipped:
            code = line.strip()
            if not code.startswith("#"):
                yield code.removeprefix("return ").removesuffix(":")


def _is_text(node: ast.AST) -> TypeGuard[ast.Expr]:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _expressions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Return | ast.Assign) and node.value is not None:
            if not isinstance(node.value, ast.Constant | ast.Name):
                yield ast.unparse(node.value)
        elif isinstance(node, ast.BinOp | ast.Compare):
            yield ast.unparse(node)


def _squeezed(text: str) -> str:
    text = re.sub(r"\b(?:torch|math|np|numpy|functional|F)\.", "", text)
    return re.sub(r"[\s`]", "", text).replace('"', "'")
