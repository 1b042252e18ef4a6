"""Which of a learner's own modules (``mine.…``) a file imports, found without compiling the file.

The file may be anything, hostile text included, and this runs in the trusted process: ``compile`` and ``ast.parse`` can
exhaust stack or memory on nested source, so imports are found by one linear scan over the bytes. It may find a module
that is only spoken of (harmless: it is the learner's own), and misses what a program computes at run time, but for the
usual ``import_module("mine.x.y")``.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

ROOT = "mine"
MODULES = 256
"""How many modules travel with one file; further ones are absent, as if they did not exist."""
TOTAL_BYTES = 4 * 1024 * 1024
LOOKUPS = 2_000
STATEMENTS = 1_000

# Each expression has one bounded repetition at most where it could go back: the scan is linear in the size of the file.
_KEYWORD = re.compile(rb"\b(?:from|import)\b")
_MODULE = re.compile(rb"[\w\x80-\xff. \t\f]*\Z")
_NAMES = re.compile(rb"[ \t\f]*(?:\((?:[^)#]|#[^\r\n]*){0,2000}|[^\r\n;#]{0,2000})")
_QUOTED = re.compile(rb"""["'](mine(?:\.[\w\x80-\xff]{1,100}){1,8})["']""")
_NAME = rb"[\w\x80-\xff]+"
_COMMENT = re.compile(rb"#[^\r\n]*")
_CONTINUED = re.compile(rb"\\\r?\n")
_DOTTED = re.compile(_NAME + rb"(?:\." + _NAME + rb")*\Z")

Read = Callable[[str], "tuple[bytes, bool] | None"]
"""Source of a module by its dotted name, and whether it is a package; None where there is none."""


def named_imports(source: bytes, package: str) -> list[str]:
    """Dotted names that the source may import from ``mine``, in order; ``package`` is what ``from .`` means."""
    source = _CONTINUED.sub(b" ", source)
    found: dict[str, None] = {}
    for module, names in islice(_statements(source), STATEMENTS):
        for name in _names(module, names, package):
            if name == ROOT or name.startswith(ROOT + "."):
                found[name] = None
    for match in islice(_QUOTED.finditer(source), STATEMENTS):
        found.update(dict.fromkeys(_dotted(match[1])))
    return list(found)


def _statements(source: bytes) -> Iterator[tuple[bytes | None, bytes]]:
    """What stands between ``from`` and ``import`` (None where there is no ``from``), and after ``import``."""
    module_from: int | None = None
    done = 0
    for keyword in _KEYWORD.finditer(source):
        if keyword.start() < done:
            continue
        if keyword[0] == b"from":
            module_from = keyword.end()
            continue
        module = None
        if module_from is not None and keyword.start() - module_from <= 200:
            between = source[module_from : keyword.start()]
            module = between if _MODULE.match(between) else None
        module_from = None
        names = _NAMES.match(source, keyword.end())
        assert names is not None, "every part of the expression may be empty"
        done = names.end()
        yield module, names[0].strip()


def _names(module: bytes | None, names: bytes, package: str) -> Iterator[str]:
    if module is None:
        for one in names.split(b","):
            yield from _dotted(_without_alias(one))
        return
    base = _base(b"".join(module.split()), package)
    if base is None:
        return
    yield base
    for one in _COMMENT.sub(b"", names.lstrip(b"(")).split(b","):
        for name in _dotted(_without_alias(one)):
            yield f"{base}.{name}"


def _without_alias(name: bytes) -> bytes:
    words = name.split()
    return words[0] if len(words) == 1 or (len(words) == 3 and words[1] == b"as") else b"".join(words)


def _dotted(name: bytes) -> Iterator[str]:
    if _DOTTED.match(name):
        text = name.decode("utf-8", "replace")
        if all(part.isidentifier() for part in text.split(".")):
            yield text


def _base(module: bytes, package: str) -> str | None:
    """The package or module after ``from``, made absolute."""
    level = len(module) - len(module.lstrip(b"."))
    rest = next(_dotted(module[level:]), None)
    if level == 0:
        return rest
    parents = package.split(".")
    if level > len(parents):
        return None
    above = ".".join(parents[: len(parents) - level + 1])
    if module[level:] == b"":
        return above
    return f"{above}.{rest}" if rest else None


def collect(module: str, source: bytes, read: Read) -> dict[str, bytes]:
    """The learner's modules that ``module`` imports, and those that they import, by dotted name.

    A package is there under its own name where its ``__init__.py`` says anything at all.
    """
    siblings: dict[str, bytes] = {}
    package = module.rpartition(".")[0]
    waiting = deque([*_with_parents(package), *_imports(source, package)])
    seen = {module}
    total = 0
    while waiting and len(seen) < LOOKUPS and len(siblings) < MODULES:
        name = waiting.popleft()
        if name in seen:
            continue
        seen.add(name)
        answer = read(name)
        if answer is None:
            continue
        content, is_package = answer
        if total + len(content) > TOTAL_BYTES or (is_package and not content.strip()):
            continue
        total += len(content)
        siblings[name] = content
        waiting.extend(_imports(content, name if is_package else name.rpartition(".")[0]))
    return siblings


def _imports(source: bytes, package: str) -> Iterator[str]:
    for name in named_imports(source, package):
        yield from _with_parents(name)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])
