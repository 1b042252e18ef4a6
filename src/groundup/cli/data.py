"""``groundup data``: public sets with their terms; which are here, and fetching those that are not."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundup.cli.opened import NOT_PASSED, Options, fail, print_json

if TYPE_CHECKING:
    from groundup.stack.data.catalog import PublicSet

data = typer.Typer(help="Public sets of data: list them, get them.", invoke_without_command=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Folder = Annotated[
    str | None, typer.Option("--folder", help="The folder of the sets (default: in your groundup folder).")
]


@data.callback()
def list_without_command(context: typer.Context) -> None:
    """Public sets of data: list them, get them. Without a command: the list."""
    if context.invoked_subcommand is None:
        list_sets()


@data.command("list")
def list_sets(folder: Folder = None, as_json: AsJson = False) -> None:
    """Every set: its task, what there is to download, its licence, and whether it is here."""
    from groundup.stack.data.catalog import CATALOG

    folders = [Path(folder).expanduser()] if folder else _folders()
    rows = [_row(one, folders) for one in CATALOG.values()]
    if as_json:
        print_json(rows)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None)
    for head in ("name", "task", "download", "licence", "here"):
        table.add_column(head, justify="right" if head == "download" else "left", no_wrap=head in ("name", "download"))
    for row in rows:
        free = row["freedom"] == "open licence"
        terms = Text(row["licence"] if free else row["freedom"], style="" if free else "yellow")
        table.add_row(row["name"], row["task"], _megabytes(row["bytes"]), terms, "yes" if row["here"] else row["state"])
    console = Console(highlight=False)
    console.print(table)
    console.print(Text("looked for in " + " and ".join(map(str, folders)), style="dim"))
    console.print(Text("`groundup data get NAME` downloads one; its licence is shown before.", style="dim"))


@data.command()
def get(
    names: Annotated[list[str], typer.Argument(help="Sets; `groundup data list` names them.")],
    folder: Folder = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask about sets that are not under an open licence.")
    ] = False,
    mirror: Annotated[
        str | None, typer.Option(help="Another https address with the same paths; the checksums stay the same.")
    ] = None,
) -> None:
    """Download sets, each with its licence shown. What was cut off goes on where it was; checksums are compared."""
    from groundup.stack.data.catalog import find_set

    try:
        chosen = list(dict.fromkeys(find_set(one) for one in names))
    except ValueError as error:
        fail(str(error))
    target = Path(folder).expanduser().absolute() if folder else _downloads()
    well = [_get_one(one, target, yes=yes, mirror=mirror, anywhere=folder is None) for one in chosen]
    if any(well):
        who = (
            "Labs and programs of your own find them"
            if folder
            else "Labs find them there. Programs of your own find them"
        )
        print(f"{who} with: export GROUNDUP_DATA={shlex.quote(str(target))}")
    if not all(well):
        raise typer.Exit(NOT_PASSED)


def _folders() -> list[Path]:
    """Where labs look for sets."""
    from groundup.stack.data.places import data_folders, reading_from
    from groundup.study.home import HomeError, find_home

    try:
        with reading_from(find_home(Options.home).data):
            return data_folders()
    except HomeError as error:
        fail(str(error))


def _downloads() -> Path:
    """The folder of the home, which is set up where it is not."""
    from groundup.study.home import HomeError, find_home

    try:
        home = find_home(Options.home)
        home.create()
        return home.data
    except HomeError as error:
        fail(str(error))


def _row(one: PublicSet, folders: list[Path]) -> dict[str, Any]:
    from groundup.stack.data.fetching import missing_files

    missing = {folder: len(missing_files(one, folder)) for folder in folders}
    here = next((folder / one.name for folder, count in missing.items() if not count), None)
    partly = any(count < len(one.files) for count in missing.values())
    return {
        "name": one.name,
        "task": one.task,
        "about": one.about,
        "part": one.part,
        "bytes": one.download_size,
        "licence": one.licence,
        "freedom": one.freedom.value,
        "asks": one.freedom.asks,
        "citation": one.citation,
        "source": one.home,
        "state": "yes" if here else "not all of it" if partly else "no",
        "here": None if here is None else str(here),
    }


def _get_one(one: PublicSet, target: Path, *, yes: bool, mirror: str | None, anywhere: bool) -> bool:
    """Whether the set is there in the end. Its terms are shown first, and asked about where they are not open."""
    from groundup.stack.data.download import DownloadError
    from groundup.stack.data.fetching import fetch_set, missing_files
    from groundup.stack.data.pins import SERVER

    for folder in dict.fromkeys([target, *(_folders() if anywhere else [])]):
        if not missing_files(one, folder, thorough=True):
            print(f"{one.name} is in {folder / one.name}, every file as it should be.")
            return True
    print(
        f"{one.name}: {one.about}\n"
        f"  part      {one.part}\n"
        f"  download  {_megabytes(one.download_size)} from {one.home}\n"
        f"  licence   {one.licence}\n"
        f"            in plain words: {one.freedom.value}\n"
        f"  to cite   {one.citation}"
    )
    if one.freedom.asks and not yes and not typer.confirm("Download it, for uses that these terms allow?"):
        print(f"{one.name} was not downloaded.", file=sys.stderr)
        return False
    try:
        with _Bar(one.name, one.download_size) as bar:
            place = fetch_set(one, target, server=mirror or SERVER, report=bar.report, say=bar.say)
    except DownloadError as error:
        print(f"groundup: {one.name}: {error}", file=sys.stderr)
        return False
    print(f"{one.name} is in {place}, every file as it should be.")
    return True


class _Bar:
    """A progress bar on the terminal; nothing where the output is none."""

    def __init__(self, name: str, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.progress import TransferSpeedColumn as Speed

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), Speed(), TimeRemainingColumn())
        console = Console()
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(name, total=total)

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def report(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.0f} kB"
