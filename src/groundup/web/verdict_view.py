"""A verdict as the page shows it: plain lists of words, for the template (no JavaScript) and the script alike.

Everything here is text. Templates escape it and scripts set it as ``textContent``: what a learner's code returned,
raised or printed never becomes markup.
"""

from __future__ import annotations

from typing import Any

from groundup.study.check.verdict import BuildVerdict, Failure, Shown, Verdict
from groundup.web.words import count, kind_words


def verdict_view(verdict: Verdict) -> dict[str, Any]:
    word, tone = kind_words(verdict.kind)
    return {
        "headline": headline(verdict),
        "word": word,
        "tone": tone,
        "passed": verdict.passed,
        "message": verdict.message,
        "builds": [build_view(build) for build in verdict.builds],
        "printed": verdict.printed,
        "receipt": receipt_view(verdict),
    }


def headline(verdict: Verdict) -> str:
    passed = sum(build.kind == "passed" for build in verdict.builds)
    if verdict.passed and len(verdict.builds) == 1:
        return "It passes."
    if verdict.passed:
        return f"All {count(passed, 'build')} pass."
    if verdict.kind == "internal":
        return "The check itself failed. Nothing is held against your code."
    if passed:
        return f"{passed} of {count(len(verdict.builds), 'build')} {'passes' if passed == 1 else 'pass'}."
    if all(build.kind == "missing" for build in verdict.builds):
        return "Nothing to check yet: write the first build."
    return "Not yet."


def build_view(build: BuildVerdict) -> dict[str, Any]:
    word, tone = kind_words(build.kind)
    return {
        "name": build.build,
        "kind": build.kind,
        "word": word,
        "tone": tone,
        "counts": f"{build.passed} of {count(build.cases, 'case')}" if build.cases and build.kind != "missing" else "",
        "remarks": list(build.remarks),
        "failure": failure_view(build.failure) if build.failure is not None else None,
    }


def failure_view(failure: Failure) -> dict[str, Any]:
    shown = [("returned", "Your code returned", failure.returned), ("expected", "Expected", failure.expected)]
    return {
        "title": failure.title,
        "case": failure.case,
        "named": " or ".join(name.replace("_", " ") for name in failure.misconceptions),
        "hint": failure.hint,
        "message": failure.message,
        "call": failure.call,
        "line": failure.line,
        "line_text": failure.line_text,
        "trace": list(failure.trace),
        "given": [value_view("given", given.name, given.value) for given in failure.given],
        "sides": [value_view(role, label, value) for role, label, value in shown if value is not None],
    }


def value_view(role: str, label: str, value: Shown) -> dict[str, Any]:
    facts = [part for part in (value.dtype, _shape(value.shape)) if part]
    return {
        "role": role,
        "label": label,
        "facts": ", ".join(facts),
        "text": value.text,
        "rows": _rows(value),
        "cut": value.cut,
    }


def _shape(shape: list[int] | None) -> str:
    if shape is None:
        return ""
    return "shape (" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def _rows(value: Shown) -> list[list[dict[str, Any]]]:
    """The table's cells with their marks; no rows where the value is best read as text."""
    if not value.cells:
        return []
    marks = value.wrong or []
    return [
        [
            {"text": cell, "wrong": row < len(marks) and column < len(marks[row]) and marks[row][column]}
            for column, cell in enumerate(cells)
        ]
        for row, cells in enumerate(value.cells)
    ]


def receipt_view(verdict: Verdict) -> list[list[str]]:
    receipt = verdict.receipt
    lacks = f" (without {', '.join(receipt.isolation_lacks)})" if receipt.isolation_lacks else ""
    return [
        ["File", receipt.path],
        ["SHA-256", receipt.sha256],
        ["Check version", str(receipt.check_version)],
        ["Seed", str(receipt.seed)],
        ["Isolation", receipt.isolation + lacks],
        ["groundup", receipt.groundup],
        ["Time", f"{receipt.seconds * 1000:.0f} ms"],
        ["Again, exactly", f"groundup check {verdict.topic} --seed {receipt.seed}"],
    ]
