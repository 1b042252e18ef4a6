"""What states and verdicts are called on the page: a word and a tone each, for templates and scripts alike.

A tone only picks an icon and a color; the word alone says everything.
"""

from __future__ import annotations

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


def state_words(state: str) -> tuple[str, str]:
    return STATES.get(state, (state, "open"))


def kind_words(kind: str) -> tuple[str, str]:
    return KINDS.get(kind, (kind, "bad"))


def count(number: int, one: str, many: str | None = None) -> str:
    """``count(2, "case")`` is "2 cases"."""
    return f"{number} {one if number == 1 else many or one + 's'}"
