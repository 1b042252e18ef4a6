"""What states and verdicts are called on the page: a word and a tone each, for templates and scripts alike.

A tone only picks an icon and a color; the word alone says everything.
"""

from __future__ import annotations

from typing import Any

STATES: dict[str, tuple[str, str]] = {
    "not written": ("not written yet", "none"),
    "untouched": ("not started", "open"),
    "started": ("started", "half"),
    "read": ("read", "half"),
    "passed": ("passed", "good"),
    "passed older check": ("passed an older check", "again"),
}

KINDS: dict[str, tuple[str, str]] = {
    "passed": ("passed", "good"),
    "wrong": ("not right yet", "bad"),
    "raised": ("raised an error", "bad"),
    "missing": ("not written yet", "open"),
    "timeout": ("took too long", "bad"),
    "out of memory": ("needed too much memory", "bad"),
    "too much output": ("printed too much", "bad"),
    "forbidden": ("uses what it must do without", "bad"),
    "crashed": ("crashed", "bad"),
    "internal": ("could not be checked: our fault, not yours", "again"),
    "waiting": ("waits for a check", "open"),
}


RUNS: dict[str, tuple[str, str]] = {
    "running": ("running", "half"),
    "stopping": ("stopping at its next checkpoint", "half"),
    "done": ("done", "good"),
    "failed": ("failed", "bad"),
    "stopped": ("stopped", "again"),
    "killed": ("ended without a word", "again"),
}


def state_words(state: str) -> tuple[str, str]:
    return STATES.get(state, (state, "open"))


def kind_words(kind: str) -> tuple[str, str]:
    return KINDS.get(kind, (kind, "bad"))


def run_words(state: str) -> tuple[str, str]:
    return RUNS.get(state, (state, "open"))


def duration(seconds: float | None) -> str:
    """``duration(100)`` is "2 min"; empty where it is not known."""
    if seconds is None or not seconds >= 0:
        return ""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def number(value: Any) -> str:
    """A cell of a table: four digits of a fraction, "yes" and "no" for truth values, words as they are."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"
    return "" if value is None else str(value)


def count(number: int, one: str, many: str | None = None) -> str:
    """``count(2, "case")`` is "2 cases"."""
    return f"{number} {one if number == 1 else many or one + 's'}"
