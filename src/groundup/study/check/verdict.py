"""What a check says: plain records that page, terminal, database and tests share."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal[
    "passed",
    "wrong",
    "raised",
    "missing",
    "timeout",
    "out of memory",
    "too much output",
    "forbidden",
    "crashed",
    "internal",
]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Shown(_Record):
    """A value as a person should see it: ``cells`` is a bounded table of numbers, row by row; ``wrong`` marks cells."""

    text: str
    shape: list[int] | None = None
    dtype: str | None = None
    cells: list[list[str]] | None = None
    wrong: list[list[bool]] | None = None
    cut: bool = False


class Given(_Record):
    """One argument of the call that failed, by parameter name."""

    name: str
    value: Shown


class Failure(_Record):
    """The smallest failing case, side by side."""

    case: str
    title: str
    message: str
    misconceptions: list[str] = []
    hint: str | None = None
    call: str | None = None
    given: list[Given] = []
    returned: Shown | None = None
    expected: Shown | None = None
    line: int | None = None
    line_text: str | None = None
    trace: list[str] = []


class BuildVerdict(_Record):
    """The verdict on one build. ``remarks`` are said of a build that passes, too (slow, …)."""

    build: str
    kind: Kind
    cases: int
    passed: int
    failure: Failure | None = None
    remarks: list[str] = []


class Receipt(_Record):
    """What exactly was checked, by what, under which isolation."""

    path: str
    sha256: str
    check_version: int
    seed: int
    isolation: str
    isolation_lacks: list[str] = []
    groundup: str
    seconds: float


class Verdict(_Record):
    """The whole answer to one check. ``kind`` is "passed" only if every build passed, else the first that did not."""

    topic: str
    kind: Kind
    builds: list[BuildVerdict]
    receipt: Receipt
    printed: str = ""
    message: str | None = None

    @property
    def passed(self) -> bool:
        return self.kind == "passed"
