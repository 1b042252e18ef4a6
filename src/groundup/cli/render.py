"""Verdicts, states and audits for a terminal. Learner's text is printed as text, never as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from groundup.study.check.verdict import BuildVerdict, Failure, Shown, Verdict
    from groundup.study.service import Status

STYLES = {"passed": "green", "missing": "yellow", "internal": "magenta"}


def _shown(title: str, shown: Shown) -> RenderableType:
    """A value under its title: a table where it has cells, else its text."""
    kind = " ".join(
        part for part in (shown.dtype or "", str(tuple(shown.shape)) if shown.shape is not None else "") if part
    )
    head = Text(title, style="bold") + Text(f"  {kind}", style="dim")
    if shown.cells is None:
        return Group(head, Text(shown.text))
    table = Table(show_header=False, box=None, padding=(0, 1))
    for row_number, row in enumerate(shown.cells):
        wrong = shown.wrong[row_number] if shown.wrong and row_number < len(shown.wrong) else []
        marks = [column < len(wrong) and wrong[column] for column in range(len(row))]
        # An asterisk beside the colour: colour alone is not for everybody.
        table.add_row(
            *(
                Text(cell + (" *" if mark else ""), style="red" if mark else "")
                for cell, mark in zip(row, marks, strict=True)
            )
        )
    return Group(head, Text(shown.text, style="dim") if shown.cut else Text(), table)


def _failure(failure: Failure) -> RenderableType:
    parts: list[RenderableType] = []
    if failure.hint:
        parts.append(
            Panel(
                Text(failure.hint),
                title=Text(" or ".join(failure.misconceptions).replace("_", " ")),
                border_style="yellow",
            )
        )
    parts.append(Text(failure.message))
    if failure.line is not None:
        parts.append(Text(f"line {failure.line}: {failure.line_text or ''}", style="cyan"))
    if failure.call:
        parts.append(Text(failure.call, style="dim"))
    sides = [_shown(f"given {one.name}", one.value) for one in failure.given]
    if failure.returned is not None:
        sides.append(_shown("returned", failure.returned))
    if failure.expected is not None:
        sides.append(_shown("expected", failure.expected))
    if sides:
        parts.append(Columns([Padding(side, (1, 3, 0, 0)) for side in sides]))
    return Group(*parts)


def _build(build: BuildVerdict) -> RenderableType:
    mark = "✓" if build.kind == "passed" else "·" if build.kind == "missing" else "✗"
    head = Text(f"{mark} {build.build}  ", style=f"bold {STYLES.get(build.kind, 'red')}")
    head.append(f"{build.kind}, {build.passed} of {build.cases} cases", style="default")
    if build.failure is not None and build.kind != "missing":
        head.append(f"\n  {build.failure.title}", style="bold")
    lines: list[RenderableType] = [head]
    if build.failure is not None and build.kind != "missing":
        lines.append(Padding(_failure(build.failure), (0, 0, 0, 2)))
    lines += [Padding(Text(remark, style="yellow"), (0, 0, 0, 2)) for remark in build.remarks]
    return Group(*lines)


def show_verdict(verdict: Verdict, console: Console | None = None) -> None:
    console = console or Console(highlight=False)
    for build in verdict.builds:
        console.print(_build(build))
    if verdict.message:
        console.print(Text(verdict.message))
    if verdict.printed:
        console.print(Panel(Text(verdict.printed), title="your code printed", border_style="dim"))
    receipt = verdict.receipt
    line = (
        f"{receipt.path}  sha256 {receipt.sha256[:12]}  check {receipt.check_version}  seed {receipt.seed}  "
        f"{receipt.isolation}  {receipt.seconds * 1000:.0f} ms"
    )
    console.print(Text(line, style="dim"))
    if receipt.isolation_lacks:
        console.print(Text("not isolated here: " + "; ".join(receipt.isolation_lacks), style="dim"))


def show_status(status: Status, console: Console | None = None) -> None:
    console = console or Console(highlight=False)
    table = Table(box=None)
    for head, side in (("track", "left"), ("passed", "right"), ("written", "right"), ("topics", "right")):
        table.add_column(head, justify=side)  # type: ignore[arg-type]
    for track in status.tracks:
        table.add_row(track["title"], str(track["passed"]), str(track["written"]), str(track["topics"]))
    console.print(table)
    console.print(
        Text(
            f"{status.passed} passed, {status.started} started, {status.written} of {status.topics} topics are written"
        )
    )
    if status.next:
        console.print(Text(f"next: {status.next['topic']}: {status.next['why']}"))
    console.print(Text(f"home: {status.home}", style="dim"))


def show_audit(report: dict[str, Any], console: Console | None = None) -> None:
    console = console or Console(highlight=False)
    table = Table(box=None, show_header=False)
    for section, numbers in report.items():
        if section in ("ok", "problems"):
            continue
        text = (
            ", ".join(
                f"{key} {value if not isinstance(value, list | dict) else len(value)}" for key, value in numbers.items()
            )
            if isinstance(numbers, dict)
            else str(numbers)
        )
        table.add_row(Text(section, style="bold"), Text(text.replace("_", " ")))
    console.print(table)
    for survivor in (report.get("mutants") or {}).get("survivors", []):
        console.print(
            Text(
                f"survivor: {survivor if isinstance(survivor, str) else survivor.get('diff', survivor)}", style="yellow"
            )
        )
    for problem in report.get("problems", []):
        console.print(Text(f"problem: {problem}", style="red"))
    console.print(Text("ok" if report["ok"] else "not ok", style="bold green" if report["ok"] else "bold red"))
