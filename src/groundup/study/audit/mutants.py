"""Automatic one-edit changes of a topic's solution: what the drivers must notice.

A mutant differs from the solution in one place: an operator swapped, an operand dropped, a comparison flipped, a
condition negated or forced, a number changed, a statement removed, a call replaced by what it is given, a slice
shifted, two arguments swapped. Annotations, docstrings, messages of errors, and code that the exercise gives to the
learner are left alone. Nothing is executed here.
"""

from __future__ import annotations

import ast
import copy
import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from groundup.study.solution import names_used, read_module
from groundup.study.topics import Topic

_SWAPS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitOr,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
}
_FLIPS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_SIGNS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in", ast.And: "and", ast.Or: "or",
}  # fmt: skip
_DIMENSIONS = {"dim", "axis", "dim0", "dim1", "start_dim", "end_dim"}
# Calls whose two arguments may change places by definition: such an edit says nothing about the drivers.
_SYMMETRIC = {"transpose", "swapaxes", "swapdims", "maximum", "minimum"}
_SKIPPED_FIELDS = {"annotation", "returns", "decorator_list", "ctx", "type_comment", "type_params"}
_REMOVABLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Raise, ast.Break, ast.Continue, ast.Delete)

Edit = tuple[str, str, ast.AST]  # what stood there, what stands there now (for people), the new node


@dataclass(frozen=True)
class Mutant:
    """One changed solution. ``what`` describes the edit without its line, and is unique within its build."""

    build: str
    what: str
    line: int
    source: str
    diff: str

    @property
    def description(self) -> str:
        return f"line {self.line}: {self.what}"


@dataclass(frozen=True)
class _Place:
    """A node's place in the tree: ``parent.field``, or ``parent.field[index]``, inside a statement."""

    parent: ast.AST
    field: str
    index: int | None
    statement: ast.stmt

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants(topic: Topic) -> list[Mutant]:
    """All one-edit changes of the topic's solution, in the order of its lines."""
    return mutants_of(topic.solution_source(), [build.name for build in topic.builds], topic.exercise_source())


def mutants_of(source: str, builds: list[str], given: str = "") -> list[Mutant]:
    """All one-edit changes of a source that defines ``builds``; what stands in ``given``, too, is left alone."""
    tree = ast.parse(source)
    owners = _owners(source, builds)
    theirs = {ast.dump(node) for node in ast.parse(given).body}
    plain = ast.unparse(tree)
    found: list[Mutant] = []
    seen: Counter[tuple[str, str]] = Counter()
    taken = {plain}
    for index, top in enumerate(tree.body):
        owner = owners.get(index)
        if owner is None or ast.dump(top) in theirs:
            continue
        for place, node in _places(top, _Place(tree, "body", index, top)):
            where = _headline(place.statement)
            for old, new, replacement in _edits(node, place):
                place.put(replacement)
                changed = ast.unparse(tree)
                place.put(node)
                if changed in taken:
                    continue
                taken.add(changed)
                what = f"`{old}` → `{new}` in `{where}`" if new else f"`{old}` removed"
                seen[owner, what] += 1
                if seen[owner, what] > 1:
                    what += f" ({seen[owner, what]})"
                line = getattr(node, "lineno", place.statement.lineno)
                found.append(Mutant(owner, what, line, changed, _diff(plain, changed)))
    return found


def _owners(source: str, builds: list[str]) -> dict[int, str]:
    """The build that each top-level statement belongs to: itself, else the first of the builds that uses it."""
    module = read_module(source)
    order = {id(node): index for index, node in enumerate(module.tree.body)}
    owners: dict[int, str] = {}
    for build in builds:
        waiting, reached = [build], set[str]()
        while waiting:
            name = waiting.pop()
            if name in reached or name not in module.makers:
                continue
            reached.add(name)
            node = module.makers[name]
            # A build that another one calls stays its own.
            if name == build or name not in builds:
                owners.setdefault(order[id(node)], build)
                waiting.extend(sorted(names_used(node)))
    return owners


def _places(node: ast.AST, place: _Place) -> Iterator[tuple[_Place, ast.AST]]:
    """Every node that may be edited, with its place, outside in."""
    yield place, node
    if isinstance(node, ast.Raise | ast.JoinedStr):
        return  # what an error says is not compared
    for field, value in ast.iter_fields(node):
        if field in _SKIPPED_FIELDS:
            continue
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or isinstance(child, ast.expr_context):
                continue
            at = index if isinstance(value, list) else None
            statement = child if isinstance(child, ast.stmt) else place.statement
            yield from _places(child, _Place(node, field, at, statement))


def _headline(statement: ast.stmt) -> str:
    return ast.unparse(statement).splitlines()[0]


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++")))


# ── the edits ────────────────────────────────────────────────────────────────


def _edits(node: ast.AST, place: _Place) -> Iterator[Edit]:
    if isinstance(node, ast.stmt):
        yield from _of_statement(node, place)
    elif isinstance(node, ast.BinOp):
        yield from _of_operation(node)
    elif isinstance(node, ast.Compare):
        yield from _of_comparison(node)
    elif isinstance(node, ast.BoolOp):
        yield from _of_logic(node)
    elif isinstance(node, ast.UnaryOp):
        yield ast.unparse(node), ast.unparse(node.operand), node.operand
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node, place)
    elif isinstance(node, ast.IfExp):
        yield from _forced(node, "test")
    elif isinstance(node, ast.comprehension):
        for index in range(len(node.ifs)):
            new = copy.copy(node)
            new.ifs = node.ifs[:index] + node.ifs[index + 1 :]
            yield f"if {ast.unparse(node.ifs[index])}", "if True", new
    elif isinstance(node, ast.Call):
        # A call that is a statement gives its result to nobody: that it is removed is an edit of the statement.
        yield from _of_call(node, unwrap=not isinstance(place.parent, ast.Expr))
    elif isinstance(node, ast.Slice):
        yield from _of_slice(node)
    elif isinstance(node, ast.keyword):
        yield from _of_keyword(node)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _of_statement(node: ast.stmt, place: _Place) -> Iterator[Edit]:
    siblings = getattr(place.parent, place.field)
    if isinstance(node, ast.If | ast.While):
        yield from _forced(node, "test", never=isinstance(node, ast.While))
    elif isinstance(node, ast.AugAssign):
        for op in _SWAPS.get(type(node.op), ()):
            yield f"{_SIGNS[type(node.op)]}=", f"{_SIGNS[op]}=", _with(node, op=op())
        if isinstance(node.target, ast.Name):
            plain = ast.Assign([node.target], node.value, lineno=node.lineno)
            yield f"{_SIGNS[type(node.op)]}=", "=", plain
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield ast.unparse(node), "return None", _with(node, value=ast.Constant(None))
    # A branch that only raises is removed by forcing its condition.
    alone = isinstance(place.parent, ast.If) and len(siblings) == 1 and not place.parent.orelse
    if isinstance(node, _REMOVABLE) and not _is_docstring(node) and not alone:
        yield ast.unparse(node), "", ast.Pass()


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _forced(node: ast.AST, field: str, *, never: bool = False) -> Iterator[Edit]:
    """A condition that always holds, or never. A loop for ever says nothing about the drivers."""
    test = getattr(node, field)
    for value in (False,) if never else (True, False):
        if not isinstance(test, ast.Constant):
            yield ast.unparse(test), str(value), _with(node, **{field: ast.Constant(value)})


def _of_operation(node: ast.BinOp) -> Iterator[Edit]:
    sign = _SIGNS[type(node.op)]
    for op in _SWAPS.get(type(node.op), ()):
        yield sign, _SIGNS[op], _with(node, op=op())
    if isinstance(node.op, ast.MatMult):
        swapped = _with(node, left=node.right, right=node.left)
        yield ast.unparse(node), ast.unparse(swapped), swapped
    yield ast.unparse(node), ast.unparse(node.left), node.left
    yield ast.unparse(node), ast.unparse(node.right), node.right


def _of_comparison(node: ast.Compare) -> Iterator[Edit]:
    for index, op in enumerate(node.ops):
        for other in _FLIPS.get(type(op), ()):
            ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            yield _SIGNS[type(op)], _SIGNS[other], _with(node, ops=ops)


def _of_logic(node: ast.BoolOp) -> Iterator[Edit]:
    other: type[ast.boolop] = ast.Or if isinstance(node.op, ast.And) else ast.And
    yield _SIGNS[type(node.op)], _SIGNS[other], _with(node, op=other())
    for index in range(len(node.values)):
        rest = node.values[:index] + node.values[index + 1 :]
        new = rest[0] if len(rest) == 1 else _with(node, values=rest)
        yield ast.unparse(node), ast.unparse(new), new


def _of_constant(node: ast.Constant, place: _Place) -> Iterator[Edit]:
    value = node.value
    new: object
    if isinstance(value, bool):
        new = not value
    elif isinstance(value, int):
        new = value + 1
    elif isinstance(value, float):
        new = 2 * value if value else 1.0
    else:
        return
    if isinstance(place.parent, ast.Slice) and place.field != "step":
        return  # shifted by _of_slice
    yield repr(value), repr(new), ast.Constant(new)


def _of_keyword(node: ast.keyword) -> Iterator[Edit]:
    """A dimension that becomes the first, or the last."""
    if node.arg in _DIMENSIONS:
        for value in (0, -1):
            new = ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))
            if ast.unparse(new) != ast.unparse(node.value):
                yield ast.unparse(node), f"{node.arg}={value}", _with(node, value=new)


def _of_call(node: ast.Call, *, unwrap: bool) -> Iterator[Edit]:
    """What is called gives back what it was given; two neighboring arguments change places."""
    plain = [one for one in node.args if not isinstance(one, ast.Starred | ast.GeneratorExp)]
    if unwrap and isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
        yield ast.unparse(node), ast.unparse(node.func.value), node.func.value
    elif unwrap and plain:
        yield ast.unparse(node), ast.unparse(plain[0]), plain[0]
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if len(plain) == len(node.args) and name not in _SYMMETRIC:
        for index in range(len(plain) - 1):
            args = [*plain[:index], plain[index + 1], plain[index], *plain[index + 2 :]]
            new = _with(node, args=args)
            yield ast.unparse(node), ast.unparse(new), new


def _is_module(node: ast.expr) -> bool:
    """Whether a name is (by our conventions) a module's, so that it is nothing that could be returned."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in {"torch", "math", "np", "numpy", "functional", "F", "re", "nn"}


def _of_slice(node: ast.Slice) -> Iterator[Edit]:
    for field, start in (("lower", 1), ("upper", -1)):
        bound = getattr(node, field)
        op = ast.Add() if field == "lower" else ast.Sub()
        if bound is None:
            new: ast.expr = ast.Constant(start)
        elif isinstance(bound, ast.Constant) and isinstance(bound.value, int):
            new = ast.Constant(bound.value + 1)
        else:
            new = ast.BinOp(bound, op, ast.Constant(1))
        shifted = _with(node, **{field: new})
        yield ast.unparse(node), ast.unparse(shifted), shifted
        if bound is not None:
            whole = _with(node, **{field: None})
            yield ast.unparse(node), ast.unparse(whole), whole
