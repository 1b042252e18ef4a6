"""The code to learn from: a topic's solution.py, else what the stack's reference and its helpers say.

The source is cut out of the reference's module by its syntax tree, nothing is imported or executed: the definition,
the module-level helpers and constants that it uses, transitively, and the imports that these need. Whether the result
runs on its own is for lint to say (:func:`foreign_imports`); where it does not, the topic needs a solution.py.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import groundup
from groundup.study.problems import CurriculumError
from groundup.study.topics import Build, Topic

STANDALONE = {"torch", "numpy", "math", "re", "collections", *sys.stdlib_module_names}

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Module:
    """A module's source with its syntax tree, and what each of its top-level names is made by."""

    source: str
    tree: ast.Module
    makers: dict[str, ast.stmt]
    imports: dict[str, tuple[ast.Import | ast.ImportFrom, ast.alias]]


def solution_source(topic: Topic, build: str | None = None) -> str:
    """Source that defines the topic's builds, or the one named, and what they use. CurriculumError where none does."""
    wanted = [topic.build(build)] if build is not None else list(topic.builds)
    if topic.path("solution.py").exists():
        text = topic.source("solution.py")
        return text if build is None else _extracted([(read_module(text), [build])], {})
    return _from_references(topic, wanted)


def _from_references(topic: Topic, builds: Sequence[Build]) -> str:
    modules: dict[str, tuple[Module, list[str]]] = {}
    renamed: dict[str, str] = {}
    for build in builds:
        module_name, _, name = (build.reference or "").partition(":")
        path = module_path(module_name) if module_name else None
        if path is None:
            what = f"the build {build.name} has no reference whose source could be read"
            raise CurriculumError([topic.problem("topic.toml", what, "Name it as module:name, or write solution.py.")])
        if module_name not in modules:
            modules[module_name] = (read_module(path.read_text(encoding="utf-8")), [])
        module, names = modules[module_name]
        if name not in module.makers:
            what = f"{module_name} does not define {name} at its top level"
            raise CurriculumError([topic.problem("topic.toml", what, "Name what it defines, or write solution.py.")])
        names.append(name)
        if name != build.name:
            renamed[build.name] = name
    return _extracted(modules.values(), renamed)


def module_path(name: str) -> Path | None:
    """Where a module's source lies; groundup's own modules are found without importing what they lie in."""
    first, *rest = name.split(".")
    if first == "groundup":
        base = Path(groundup.__file__).parent.joinpath(*rest)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.exists():
                return path
        return None
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def read_module(source: str) -> Module:
    """Parse a module; imports below ``if TYPE_CHECKING`` count as imports."""
    tree = ast.parse(source)
    makers: dict[str, ast.stmt] = {}
    imports: dict[str, tuple[ast.Import | ast.ImportFrom, ast.alias]] = {}
    for node in tree.body:
        for inner in node.body if isinstance(node, ast.If) else [node]:
            if isinstance(inner, ast.Import | ast.ImportFrom):
                for alias in inner.names:
                    imports[alias.asname or alias.name.partition(".")[0]] = (inner, alias)
        for name in _made_by(node):
            makers.setdefault(name, node)
    return Module(source, tree, makers, imports)


def _made_by(node: ast.stmt) -> list[str]:
    if isinstance(node, Definition):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    return [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]


def names_used(node: ast.AST) -> set[str]:
    """Every name that is read anywhere inside, annotations that are written as texts included."""
    used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    for one in ast.walk(node):
        annotation = getattr(one, "annotation", None) or getattr(one, "returns", None)
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            used |= names_used(ast.parse(annotation.value, mode="eval"))
    return used


def needed(module: Module, names: Iterable[str]) -> tuple[list[ast.stmt], list[str]]:
    """The top-level statements that these names need, in the order of the file, and the imported names among them."""
    statements: dict[int, ast.stmt] = {}
    imported: set[str] = set()
    waiting = list(names)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in module.makers:
            node = module.makers[name]
            statements[node.lineno] = node
            waiting.extend(names_used(node))
        elif name in module.imports:
            imported.add(name)
    return [statements[line] for line in sorted(statements)], sorted(imported)


def _extracted(parts: Iterable[tuple[Module, list[str]]], renamed: dict[str, str]) -> str:
    """One source of all parts: imports, then constants and definitions as they stand in their files."""
    imports: dict[str, None] = {}
    future = False
    pieces: list[tuple[bool, str]] = []
    taken: dict[str, str] = {}
    for module, names in parts:
        statements, imported = needed(module, names)
        future = future or "annotations" in module.imports
        for name in imported:
            made, alias = module.imports[name]
            if not (isinstance(made, ast.ImportFrom) and made.module == "__future__"):
                imports[_import_line(made, alias)] = None
        for node in statements:
            text = _text_of(module.source, node)
            for name in _made_by(node):
                if taken.setdefault(name, text) != text:
                    raise CurriculumError.of("solution", f"two modules define {name} differently", "Write solution.py.")
            if (isinstance(node, Definition), text) not in pieces:
                pieces.append((isinstance(node, Definition), text))
    pieces += [(False, f"{new} = {old}") for new, old in renamed.items() if new not in taken]
    return _assembled(future, _sorted_imports(imports), pieces)


def _assembled(future: bool, imports: list[str], pieces: list[tuple[bool, str]]) -> str:
    text = "from __future__ import annotations\n\n" if future else ""
    inside = [line for line in imports if _first_module(line) in sys.stdlib_module_names]
    outside = [line for line in imports if line not in inside]
    text += "\n".join("".join(f"{line}\n" for line in group) for group in (inside, outside) if group)
    before = None
    for definition, piece in pieces:
        if text:
            text += "\n\n" if definition or before else ("\n" if before is None else "")
        text += piece + "\n"
        before = definition
    return text


def _first_module(line: str) -> str:
    return line.split()[1].partition(".")[0]


def _import_line(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import([alias]))
    return ast.unparse(ast.ImportFrom(node.module, [alias], node.level))


def _sorted_imports(lines: Iterable[str]) -> list[str]:
    """``import x`` before ``from x import y``, names from one module on one line."""
    plain = sorted(line for line in lines if line.startswith("import "))
    grouped: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("from "):
            head, _, name = line.partition(" import ")
            grouped.setdefault(head, []).append(name)
    return plain + [f"{head} import {', '.join(sorted(names))}" for head, names in sorted(grouped.items())]


def _text_of(source: str, node: ast.stmt) -> str:
    """The statement's lines, with its decorators and the comment that stands directly above it."""
    lines = source.splitlines()
    start = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))]) - 1
    while start > 0 and lines[start - 1].startswith("#"):
        start -= 1
    return "\n".join(lines[start : node.end_lineno])


def foreign_imports(source: str) -> list[str]:
    """The modules that a source imports and that a learner's file cannot count on."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.partition(".")[0] not in STANDALONE]
        elif isinstance(node, ast.ImportFrom) and (
            node.level or (node.module or "").partition(".")[0] not in STANDALONE
        ):
            found.append("." * node.level + (node.module or ""))
    return sorted(set(found))
