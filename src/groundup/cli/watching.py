"""A run in a terminal: its words as they come, one progress bar, the curve's latest points."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from groundup.study.runs.control import Runs
    from groundup.study.runs.records import Event, Record


def follow_run(runs: Runs, record: Record, *, as_json: bool) -> None:
    if as_json:
        for event in runs.follow(record):
            print(json.dumps({"at": event.at, "kind": event.kind, **event.values}), flush=True)
        return
    console = Console(file=sys.stdout)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[latest]}"),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("starting", total=None, latest="")
        for event in runs.follow(record):
            if event.kind == "progress":
                one = event.values
                bar.update(task, description=one["label"], completed=one["done"], total=one["total"])
            elif event.kind == "log":
                bar.update(task, latest="  ".join(f"{k} {v:.4g}" for k, v in event.values["metrics"].items()))
            else:
                shown = _shown(event)
                if shown is not None:
                    console.print(shown)


def _shown(event: Event) -> Any:
    """What came from a run is printed as text, never as markup."""
    values = event.values
    if event.kind == "begin":
        again = "goes on" if values["resumed"] else "has begun"
        return Text(f"The run {again} (isolation: {values['isolation']}).", style="dim")
    if event.kind == "expect":
        facts = ", ".join(f"{name.replace('_', ' ')}: {_number(value)}" for name, value in values["facts"].items())
        memory = f"{values['memory_mb']:.0f} MB"
        return Text(f"Expected: {_time(values['seconds'])}, {memory}" + (f"; {facts}" if facts else ""))
    if event.kind == "text":
        step = "" if values["step"] is None else f" at step {values['step']}"
        return Panel(Text(values["text"]), title=Text(values["title"] + step))
    if event.kind == "table":
        return _table(values["title"], values["columns"], values["rows"])
    if event.kind == "result":
        return _table("Result", ["", ""], [[name.replace("_", " "), value] for name, value in values["scores"].items()])
    return None


def _table(title: str, columns: list[str], rows: list[list[Any]]) -> Table:
    table = Table(title=Text(title), title_justify="left")
    for name in columns:
        table.add_column(Text(name))
    for row in rows:
        table.add_row(*(Text(_number(cell)) for cell in row))
    return table


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"
    return "" if value is None else str(value)


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def show_comparison(found: dict[str, Any]) -> None:
    console = Console()
    rows = [["state", *found["states"]]]
    rows += [[name, *map(_number, values)] for name, values in found["asked"].items()]
    rows += [[name.replace("_", " "), *map(_number, values)] for name, values in found["scores"].items()]
    console.print(_table("Side by side", ["", *found["runs"]], rows))
    for name, one in found["curves"].items():
        equal = one["equal_until"]
        where = "equal to the last bit" if equal is None else f"equal before step {equal}"
        console.print(Text(f"{name}: {one['common_steps']} steps in common, {where}"))
