"""One topic: the facts of its topic.toml at once, everything else of its folder when it is asked for.

Reading the facts imports nothing. ``drivers()``, ``cases()``, ``references()``, ``mistakes()``, ``alternatives()`` and
``figure()`` execute the topic's own files (and import torch): in the judge, never in the process that holds a
learner's code. They are executed once for each Topic, from source, so that an edited file is never masked by a stale
bytecode file. Whether a topic is any good is not decided here, but by ``lint`` and ``audit``.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import sys
import threading
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundup.authoring import Case
from groundup.study.problems import CurriculumError, Problem, Table, read_toml

REQUIRED = ("lesson.md", "exercise.py", "drivers.py", "checks.py", "mistakes.py", "alternatives.py", "cards.toml")
OPTIONAL = ("solution.py", "figure.py", "lab.py", "band.json")
FACTS = "topic.toml"
HINT_STAGES = ("nudge", "next")


@dataclass(frozen=True)
class Build:
    """A function or class to write. ``reference`` is ``module:name``; ``without`` are calls that are forbidden."""

    name: str
    signature: str
    reference: str | None = None
    part: bool = False
    without: tuple[str, ...] = ()
    hints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """A source that the lesson rests on."""

    title: str
    url: str
    note: str = ""


@dataclass(frozen=True)
class Equivalent:
    """A one-edit change of the reference that no driver can tell from it, with the reason why."""

    build: str
    mutant: str
    reason: str


@dataclass(frozen=True)
class Card:
    """A review question."""

    question: str
    answer: str


@dataclass(frozen=True)
class Implementation:
    """A mistake or an alternative: an object that stands in for one or more builds. ``hint`` is its docstring."""

    name: str
    builds: tuple[str, ...]
    object: Any
    hint: str
    source_line: int


@dataclass(frozen=True, eq=False)
class Topic:
    """A topic of the road map, with its folder. Two loads of one topic are two topics."""

    id: str
    title: str
    track: str
    folder: Path
    needs: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    lab: str | None = None
    minutes: int | None = None
    check_version: int = 0
    check_digest: str | None = None
    builds: tuple[Build, ...] = ()
    equivalent: tuple[Equivalent, ...] = ()
    sources: tuple[Reading, ...] = ()
    files: frozenset[str] = frozenset()
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def written(self) -> bool:
        """Whether it can be studied: every file that a written topic has is there."""
        return self.files.issuperset(REQUIRED)

    @property
    def missing_files(self) -> list[str]:
        """The files that a written topic has and this one has not."""
        return [name for name in REQUIRED if name not in self.files]

    @property
    def mine_module(self) -> str:
        """The module of the learner's file, e.g. ``mine.transformer.self_attention``."""
        return f"mine.{underscored(self.track)}.{underscored(self.id)}"

    @property
    def mine_path(self) -> str:
        """The learner's file below their home folder, e.g. ``mine/transformer/self_attention.py``."""
        return self.mine_module.replace(".", "/") + ".py"

    def build(self, name: str) -> Build:
        """The build of that name; LookupError names those that there are."""
        for build in self.builds:
            if build.name == name:
                return build
        raise LookupError(f"{self.id} has no build {name!r}; it has {', '.join(one.name for one in self.builds)}")

    @property
    def href(self) -> str:
        """Its page in the workshop."""
        return f"/topic/{self.id}"

    # ── texts ────────────────────────────────────────────────────────────────

    @property
    def lesson_file(self) -> str:
        return "lesson.md"

    def path(self, file: str) -> Path:
        return self.folder / file

    def source(self, file: str) -> str:
        """The text of one of the topic's files, as it is on disk now."""
        try:
            return self.path(file).read_text(encoding="utf-8")
        except FileNotFoundError:
            mend = f"Write it; `groundup author new {self.id}` makes a start."
            raise CurriculumError([self.problem(file, f"{self.id} has no {file}", mend)]) from None

    def lesson_text(self) -> str:
        return self.source(self.lesson_file)

    def exercise_source(self) -> str:
        return self.source("exercise.py")

    def drivers_source(self) -> str:
        return self.source("drivers.py")

    def solution_source(self, build: str | None = None) -> str:
        """The code to learn from, of one build or of all: solution.py, else the reference's source and what it uses."""
        from groundup.study.solution import solution_source

        return solution_source(self, build)

    def digest(self) -> str:
        """SHA-256 of what decides a verdict: drivers.py and checks.py."""
        joined = self.path("drivers.py").read_bytes() + b"\0" + self.path("checks.py").read_bytes()
        return hashlib.sha256(joined).hexdigest()

    def problem(self, file: str, what: str, mend: str, line: int | None = None) -> Problem:
        """A Problem in one of the topic's files."""
        place = f"{underscored(self.track)}/{self.folder.name}/{file}"
        return Problem(f"{place}:{line}" if line else place, what, mend)

    # ── what its files define ────────────────────────────────────────────────

    def module(self, file: str) -> types.ModuleType:
        """One of the topic's Python files, executed once."""
        with self._lock:
            if file not in self._kept:
                self._kept[file] = _execute(self, file)
            module = self._kept[file]
        assert isinstance(module, types.ModuleType)
        return module

    def driver_names(self) -> list[str]:
        """The drivers in the order of the file; nothing is executed."""
        tree = ast.parse(self.drivers_source())
        return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]

    def drivers(self) -> types.ModuleType:
        return self.module("drivers.py")

    def cases(self) -> dict[str, Case]:
        """How each driver's result is compared, in the order of the drivers. A driver without a check is a problem."""
        with self._lock:
            if "cases" not in self._kept:
                self._kept["cases"] = _cases(self)
            found: dict[str, Case] = self._kept["cases"]
        return found

    def references(self) -> types.SimpleNamespace:
        """The real objects of the stack, by build name."""
        return types.SimpleNamespace(**{build.name: resolve(self, build) for build in self.builds})

    def mistakes(self) -> list[Implementation]:
        return self._marked("mistakes.py")

    def alternatives(self) -> list[Implementation]:
        return self._marked("alternatives.py")

    def _marked(self, file: str) -> list[Implementation]:
        """Read once: a verdict asks for the mistakes of each build that failed."""
        with self._lock:
            kept = f"implementations of {file}"
            if kept not in self._kept:
                self._kept[kept] = _implementations(self, file)
            return list(self._kept[kept])

    def cards(self) -> list[Card]:
        """The review questions of cards.toml."""
        problems: list[Problem] = []
        name = self.problem("cards.toml", "", "").where
        table = read_toml(self.path("cards.toml"), name, problems)
        cards = []
        for one in table.tables("cards"):
            cards.append(Card(one.text("question"), one.text("answer")))
            one.done()
        table.done()
        if problems:
            raise CurriculumError(problems)
        return cards

    def figure(self) -> types.ModuleType | None:
        """figure.py, or None where the topic has no figure."""
        return self.module("figure.py") if self.path("figure.py").exists() else None


def underscored(name: str) -> str:
    """An id as a folder or module is called."""
    return name.replace("-", "_")


def resolve(topic: Topic, build: Build) -> Any:
    """The object that ``reference = "module:name"`` names."""
    where = topic.problem(FACTS, "", "").where + f" (builds.{build.name}.reference)"
    if build.reference is None:
        mend = 'Name the stack\'s own: reference = "groundup.stack.room.module:name".'
        raise CurriculumError([Problem(where, f"the build {build.name} has no reference", mend)])
    module, _, name = build.reference.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        what = f"the reference {build.reference!r} cannot be imported: {error}"
        raise CurriculumError([Problem(where, what, "Name an object of the stack as module:name.")]) from error
    return found


def _execute(topic: Topic, file: str) -> types.ModuleType:
    """Run a topic's file as a module of its own; compiled from source, because a bytecode file may be stale."""
    source = topic.source(file)
    path = topic.path(file)
    name = f"groundup_topic_{underscored(topic.id)}.{path.stem}"
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses look their module up here
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except Exception as error:
        sys.modules.pop(name, None)
        line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else _line_of(error, path)
        what = f"cannot be executed: {type(error).__name__}: {error}"
        raise CurriculumError([topic.problem(file, what, "Mend that line.", line)]) from error
    return module


def _line_of(error: Exception, path: Path) -> int | None:
    """The last line of the file that the traceback passes through."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _cases(topic: Topic) -> dict[str, Case]:
    module = topic.module("checks.py")
    checks = {name: value for name, value in vars(module).items() if isinstance(value, Case) and name[0] != "_"}
    drivers = topic.driver_names()
    problems = [
        topic.problem("drivers.py", f"the driver {name} has no check", f"Say in checks.py: {name} = close(…).")
        for name in drivers
        if name not in checks
    ] + [
        topic.problem("checks.py", f"the check {name} has no driver", f"Write def {name}(my, rng) in drivers.py.")
        for name in checks
        if name not in drivers
    ]
    builds = {build.name for build in topic.builds}
    problems += [
        topic.problem("checks.py", f"{name} speaks of an unknown build {build!r}", f"Use {', '.join(sorted(builds))}.")
        for name, case in checks.items()
        for build in case.builds
        if build not in builds
    ]
    if problems:
        raise CurriculumError(problems)
    return {name: checks[name] for name in drivers}


def _implementations(topic: Topic, file: str) -> list[Implementation]:
    """Everything that ``@replaces`` marked in the file, in its order."""
    module = topic.module(file)
    builds = {build.name for build in topic.builds}
    lines = {
        node.name: node.lineno
        for node in ast.parse(topic.source(file)).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    found, problems = [], []
    for name, value in vars(module).items():
        # Of the object's own: a class that inherits from a marked one is not marked.
        marked = vars(value).get("replaces") if isinstance(value, types.FunctionType | type) else None
        if marked is None or value.__module__ != module.__name__:
            continue
        line = lines.get(name, 0)
        unknown = [build for build in marked if build not in builds]
        if unknown or not marked:
            what = f"{name} replaces an unknown build {unknown[0]!r}" if unknown else f"{name} replaces no build"
            problems.append(topic.problem(file, what, f"Use {', '.join(sorted(builds))}.", line))
        hint = " ".join((value.__doc__ or "").split())
        found.append(Implementation(name, tuple(marked), value, hint, line))
    if problems:
        raise CurriculumError(problems)
    return found


# ── topic.toml ───────────────────────────────────────────────────────────────


def read_topic(folder: Path, files: frozenset[str], problems: list[Problem]) -> Topic:
    """The facts of a topic's folder, whose entries are ``files``; what is wrong with them goes to ``problems``."""
    name = f"{folder.parent.name}/{folder.name}/{FACTS}"
    table = read_toml(folder / FACTS, name, problems)
    check = table.table("check")
    topic = Topic(
        id=folder.name.replace("_", "-"),
        folder=folder,
        files=files,
        title=table.text("title"),
        track=table.text("track"),
        needs=table.texts("needs", required=True),
        helps=table.texts("helps"),
        lab=table.text("lab", required=False) or None,
        minutes=table.number("minutes", 0) or None,
        check_version=check.number("version", 0),
        check_digest=check.text("digest", required=False) or None,
        builds=tuple(_build(one) for one in table.tables("builds")),
        equivalent=tuple(_equivalent(one) for one in table.tables("equivalent")),
        sources=tuple(_reading(one) for one in table.tables("sources")),
    )
    check.done()
    table.done()
    _builds_hold(table, topic)
    return topic


def _build(table: Table) -> Build:
    hints = table.table("hints")
    build = Build(
        name=table.text("name"),
        signature=table.text("signature"),
        reference=table.text("reference", required=False) or None,
        part=table.flag("part"),
        without=table.texts("without"),
        hints={stage: hints.text(stage) for stage in HINT_STAGES if stage in hints.values},
    )
    for key in hints.values:
        if key not in HINT_STAGES:
            hints.problem(key, f"unknown key {key!r}", f"Remove it, or use one of {', '.join(HINT_STAGES)}.")
    table.done()
    if build.reference is not None and build.reference.count(":") != 1:
        table.problem("reference", f"{build.reference!r} is not module:name", "Write groundup.stack.room.module:name.")
    return build


def _equivalent(table: Table) -> Equivalent:
    found = Equivalent(table.text("build"), table.text("mutant"), table.text("reason"))
    table.done()
    return found


def _reading(table: Table) -> Reading:
    found = Reading(table.text("title"), table.text("url"), table.text("note", required=False))
    if found.url and not found.url.startswith(("https://", "http://")):
        table.problem("url", f"{found.url!r} is not a web address", "Start it with https://.")
    table.done()
    return found


def _builds_hold(table: Table, topic: Topic) -> None:
    names = [build.name for build in topic.builds]

    def problem(header: str, index: int, key: str, what: str, mend: str) -> None:
        table.problems.append(Problem(table.source.where(key, header, index), what, mend))

    for index, build in enumerate(topic.builds):
        if names.index(build.name) != index:
            problem("builds", index, "name", f"the build {build.name!r} is there twice", "Name each build once.")
        if build.name and not build.name.isidentifier():
            problem("builds", index, "name", f"{build.name!r} is not a Python name", "Use a Python name.")
        elif build.signature and not build.signature.startswith(build.name):
            what = f"the signature {build.signature!r} is not {build.name}'s"
            problem("builds", index, "signature", what, f"Start the signature with {build.name}.")
    for index, one in enumerate(topic.equivalent):
        if one.build not in names:
            problem("equivalent", index, "build", f"unknown build {one.build!r}", f"Use {', '.join(names)}.")
