"""A run's folder, ``<home>/.groundup/runs/<lab>-<number>/``, as the host reads it.

    request.json    what was asked for: lab, scale, options, parts; written once, before the process begins
    events.jsonl    all that the run said, a line each, only ever added to: a reader goes on from where it was
    checkpoint.pt   the last resting point                      lock     held by the process as long as it lives
    result.json     how it ended; absent while it runs, or where it was killed
    log.txt         what was printed                            sources/ the learner's code that is in it
    inputs/         what it reads                               model/   what it saved

The process may hold a learner's code, so everything here but request.json, sources and inputs is its word: it is
bounded, checked for its kind, and never believed about anything but itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

LINE_BYTES = 1024 * 1024
TEXT_LENGTH = 20_000
NAME = re.compile(r"[a-z0-9-]{1,60}-[1-9][0-9]{0,8}\Z")
KINDS = ("expect", "progress", "log", "text", "table", "begin", "rest", "saved", "result", "end")
ENDS = ("done", "failed", "stopped")
STATES = ("running", *ENDS, "killed")


class RunError(Exception):
    """A run cannot be found, begun or changed as asked; ``mend`` says what to do about it."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}. {mend}")
        self.problem = problem
        self.mend = mend


@dataclass(frozen=True)
class UsedPart:
    """A build of the learner's in a run: which object of the stack it replaces, and what of theirs it is."""

    build: str
    topic: str
    reference: str
    module: str
    path: str
    sha256: str
    check_version: int


@dataclass(frozen=True)
class Request:
    """What was asked for. ``left_out`` says of builds that could have been parts why they are not."""

    lab: str
    scale: str
    options: dict[str, Any] = field(default_factory=dict)
    parts: tuple[UsedPart, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    threads: int = 1
    seed: int = 0
    began: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Request:
        raw = json.loads(path.read_bytes())
        return cls(**{**raw, "parts": tuple(UsedPart(**one) for one in raw["parts"])})

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Event:
    """One line of events.jsonl. ``at`` is where the next line begins: whoever has seen this one goes on from there."""

    at: int
    kind: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Record:
    """One run."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def request(self) -> Request:
        try:
            return Request.read(self.folder / "request.json")
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise RunError(f"the run {self.id} cannot be read: {error}", "Remove its folder.") from error

    # ── how it stands ────────────────────────────────────────────────────────

    @property
    def alive(self) -> bool:
        """Whether its process lives: the kernel lets go of the lock when it ends, however it ends."""
        try:
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    @property
    def state(self) -> str:
        """running, done, failed, stopped, or killed: it ended without a word."""
        if self.alive:
            return "running"
        end = self.end
        return str(end["state"]) if end else "killed"

    @property
    def end(self) -> dict[str, Any] | None:
        """How it ended, in its own words; None where it said nothing."""
        try:
            with open(self.folder / "result.json", "rb") as file:
                told = json.loads(file.read(LINE_BYTES))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(told, dict) or told.get("state") not in ENDS:
            return None
        return {"state": told["state"], "message": _text(told.get("message", ""))}

    @property
    def can_resume(self) -> bool:
        return self.state in ("stopped", "killed", "failed") and (self.folder / "request.json").exists()

    @property
    def log(self) -> str:
        """The end of what was printed."""
        try:
            with open(self.folder / "log.txt", "rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - TEXT_LENGTH))
                return _text(file.read(TEXT_LENGTH).decode("utf-8", "replace"))
        except OSError:
            return ""

    # ── what it said ─────────────────────────────────────────────────────────

    def events(self, after: int = 0) -> Iterator[Event]:
        """What was said from byte ``after`` on. A line that is not whole yet, or not an event, is passed over."""
        try:
            file = open(self.folder / "events.jsonl", "rb")  # noqa: SIM115
        except OSError:
            return
        with file:
            file.seek(max(0, after))
            at = max(0, after)
            while line := file.readline(LINE_BYTES + 1):
                if not line.endswith(b"\n"):
                    if len(line) <= LINE_BYTES:
                        return  # still being written
                    at += len(line)
                    continue
                at += len(line)
                event = _event(at, line)
                if event is not None:
                    yield event

    def curves(self) -> dict[str, dict[int, float]]:
        """Each metric by step; what was computed again after a resumption stands in place of what it repeats."""
        found: dict[str, dict[int, float]] = {}
        for event in self.events():
            if event.kind == "log":
                for name, value in event.values["metrics"].items():
                    found.setdefault(name, {})[event.values["step"]] = value
        return found

    def scores(self) -> dict[str, Any]:
        """What came out: the run's last result."""
        found: dict[str, Any] = {}
        for event in self.events():
            if event.kind == "result":
                found = event.values["scores"]
        return found


def _event(at: int, line: bytes) -> Event | None:
    """A line as an event, if it is one: everything that a page would show is of the kind that it says."""
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict) or raw.get("kind") not in KINDS:
        return None
    kind = raw["kind"]
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return Event(at, kind, _SHAPES[kind](raw))
    return None


def _text(value: Any) -> str:
    return "".join(one for one in str(value)[:TEXT_LENGTH] if one >= " " or one in "\n\t")


def _number(value: Any) -> float:
    number = float(value)
    return number if math.isfinite(number) else math.nan


def _plain(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    return _number(value) if isinstance(value, int | float) else _text(value)


def _mapping(raw: Any) -> dict[str, Any]:
    return {_text(name)[:100]: _plain(value) for name, value in list(raw.items())[:200]}


_SHAPES: dict[str, Any] = {
    "expect": lambda raw: {
        "seconds": _number(raw["seconds"]),
        "memory_mb": _number(raw["memory_mb"]),
        "facts": _mapping(raw["facts"]),
    },
    "progress": lambda raw: {
        "label": _text(raw["label"])[:200],
        "done": int(raw["done"]),
        "total": None if raw["total"] is None else int(raw["total"]),
        "seconds": _number(raw["seconds"]),
    },
    "log": lambda raw: {
        "step": int(raw["step"]),
        "metrics": {_text(name)[:100]: _number(value) for name, value in list(raw["metrics"].items())[:50]},
    },
    "text": lambda raw: {
        "title": _text(raw["title"])[:200],
        "text": _text(raw["text"]),
        "step": None if raw["step"] is None else int(raw["step"]),
    },
    "table": lambda raw: {
        "title": _text(raw["title"])[:200],
        "columns": [_text(one)[:200] for one in raw["columns"][:20]],
        "rows": [[_plain(cell) for cell in row[:20]] for row in raw["rows"][:500]],
    },
    "begin": lambda raw: {"resumed": bool(raw["resumed"]), "isolation": _text(raw["isolation"])},
    "rest": lambda raw: {"seconds": _number(raw["seconds"])},
    "saved": lambda raw: {"scores": _mapping(raw["scores"])},
    "result": lambda raw: {"scores": _mapping(raw["scores"])},
    "end": lambda raw: {
        "state": str(raw["state"]) if raw["state"] in ENDS else "failed",
        "message": _text(raw["message"]),
    },
}
