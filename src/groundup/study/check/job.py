"""What goes into a sandboxed session and what comes out of it: plain records, no torch, no logic.

A job holds the learner's files and the drivers, never a reference, an expected value or a tolerance.
"""

from __future__ import annotations

import marshal
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Literal

DeathKind = Literal["timeout", "out of memory", "too much output", "forbidden", "crashed", "internal"]
AnswerKind = Literal["missing", "timeout", "out of memory", "too much output", "forbidden", "crashed", "internal"]


@dataclass(frozen=True)
class Job:
    """One learner's file, the drivers that will be run on it, and the names that it must not call.

    ``siblings`` are the learner's other modules by dotted name (a package under its own name, where its
    ``__init__.py`` says anything). ``without`` lists, for each build, dotted callables that it is to be written
    without. ``cases`` are the drivers that get a random source; it is keyed by (seed, topic, case).
    """

    topic: str
    seed: int
    module: str
    path: str
    source: bytes
    siblings: dict[str, bytes] = field(default_factory=dict)
    drivers: bytes = b""
    drivers_name: str = "drivers.py"
    builds: list[str] = field(default_factory=list)
    without: dict[str, list[str]] = field(default_factory=dict)
    cases: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """The job as data for the wire; the drivers go compiled, for a child has better things to do."""
        return {**asdict(self), "drivers": b"", "compiled": compiled(self.drivers, self.drivers_name)}


@lru_cache(maxsize=256)
def compiled(source: bytes, name: str) -> bytes:
    """Source as the code object that the worker's Python, which is this one, can run. Raises SyntaxError."""
    return marshal.dumps(compile(source, name, "exec", dont_inherit=True))


@dataclass(frozen=True)
class RaisedAt:
    """What was raised and the learner's own line. ``trace`` holds the learner's frames only, outermost first."""

    type_name: str
    message: str
    line: int | None = None
    line_text: str | None = None
    trace: list[str] = field(default_factory=list)
    mro: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Loaded:
    """How loading the learner's file went. ``kind`` is set where it did not even come to an end (a timeout, …)."""

    ok: bool
    missing: list[str] = field(default_factory=list)
    raised: RaisedAt | None = None
    kind: AnswerKind | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What one driver gave. ``kind`` None means that it ended by itself: ``raised``, or else ``value``, says how.

    ``seconds``, ``inputs_changed`` and ``aliased`` are the child's word: they may fail a check, never pass one.
    ``forbidden`` names the call on the build's ``without`` list. Strings in ``value`` are as the learner's code made
    them (lone surrogates, control characters): clean them before they are shown; every other text here is clean.
    """

    value: Any = None
    raised: RaisedAt | None = None
    kind: AnswerKind | None = None
    seconds: float = 0.0
    inputs_changed: list[str] = field(default_factory=list)
    aliased: bool = False
    forbidden: str | None = None


@dataclass(frozen=True)
class Isolation:
    """What stands between the learner's code and the machine. ``lacks`` says in words what is not enforced here."""

    name: str
    layers: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)
