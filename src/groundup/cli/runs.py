"""``groundup lab`` and ``groundup runs``: begin, follow, stop, resume, compare. Ctrl+C ends the watching only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundup.cli.opened import NOT_PASSED, PASSED, fail, opened_study, print_json

if TYPE_CHECKING:
    from groundup.study.runs.records import Record
    from groundup.study.service import Study

runs = typer.Typer(help="Runs of labs: list, show, follow, stop, resume, compare, remove.", invoke_without_command=True)

RunId = Annotated[str, typer.Argument(help="A run, e.g. gpt-1; `groundup runs` lists them.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def begin_lab(
    context: typer.Context,
    lab: Annotated[str, typer.Argument(help="A topic with a lab, e.g. gpt.")],
    scale: Annotated[str, typer.Option(help="smoke, tiny (two minutes), small (up to an hour) or full.")] = "tiny",
    reference: Annotated[bool, typer.Option("--reference", help="Use none of your parts.")] = False,
    mine: Annotated[
        str | None, typer.Option(help="Use only these of your parts, by name, separated by commas.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of everything random in it.", min=0)] = 0,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Watch it until it ends.")] = True,
    as_json: AsJson = False,
) -> None:
    """Run a lab with every part of yours that passes now. Further options are the lab's own: --options lists them."""
    from groundup.study.runs import control

    with opened_study() as study:
        topic = control.lab_topic(study, lab)
        if "--options" in context.args:
            for name, option in control.lab_options(topic.module("lab.py")).items():
                print(f"--{name}  {option.help}" + (f" (default: {option.default})" if option.default else ""))
            return
        names = [one.strip() for one in mine.split(",") if one.strip()] if mine is not None else None
        record = control.begin(
            study,
            topic.id,
            scale,
            _lab_options(context.args),
            reference=reference,
            mine=names,
            seed=seed,
            say=lambda text: None if as_json else print(text, file=sys.stderr),
        )
        if not as_json:
            _say_what_runs(record)
        if follow:
            _watch(study, record, as_json)
        elif as_json:
            print_json(_view(record))


def _lab_options(words: list[str]) -> dict[str, str]:
    """``--name value`` and ``--name=value``."""
    given: dict[str, str] = {}
    waiting: str | None = None
    for word in words:
        if waiting is not None:
            given[waiting], waiting = word, None
        elif word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if equals:
                given[name] = value
            else:
                waiting = name
        else:
            fail(f"{word!r} was not expected. An option of the lab is --name value.")
    if waiting is not None:
        fail(f"--{waiting} has no value. An option of the lab is --name value.")
    return given


def _say_what_runs(record: Record) -> None:
    request = record.request
    names = [one.build for one in request.parts]
    print(f"{record.id}: {request.lab} at the scale {request.scale}, with {_parts(names)}.")
    for name, why in request.left_out.items():
        print(f"  not used: {name}: {why}")
    for name, value in request.provenance.items():
        print(f"  {name}: {value}")


def _parts(names: list[str]) -> str:
    if not names:
        return "none of your parts"
    return f"{len(names)} of your parts ({', '.join(names)})"


def _view(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "state": record.state,
        "end": record.end,
        "folder": str(record.folder),
        "request": record.request.document(),
        "scores": record.scores(),
    }


def _watch(study: Study, record: Record, as_json: bool) -> None:
    """Follow to the end; the exit code says whether it was done."""
    from groundup.cli.watching import follow_run

    try:
        follow_run(study.runs, record, as_json=as_json)
    except KeyboardInterrupt:
        print(
            f"\n{record.id} goes on. `groundup runs follow {record.id}` watches it again, "
            f"`groundup runs stop {record.id}` stops it.",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
    state = record.state
    if not as_json and state != "done":
        end = record.end
        print(f"{record.id}: {state}{': ' + end['message'] if end and end['message'] else ''}", file=sys.stderr)
        if state != "failed":
            print(f"`groundup runs resume {record.id}` goes on.", file=sys.stderr)
    raise typer.Exit(PASSED if state == "done" else NOT_PASSED)


@runs.callback()
def list_runs(context: typer.Context, as_json: AsJson = False) -> None:
    """All runs, the newest first."""
    if context.invoked_subcommand is not None:
        return
    with opened_study() as study:
        found = study.runs.all()
        if as_json:
            print_json([_view(one) for one in found])
            return
        if not found:
            print("There are no runs yet. `groundup lab gpt` begins one.")
        for one in found:
            request = one.request
            print(f"{one.id:<24} {one.state:<8} {request.scale:<6} {request.began}  {len(request.parts)} of your parts")


@runs.command()
def show(run: RunId, as_json: AsJson = False) -> None:
    """What a run was asked for, how it stands, and what came out."""
    with opened_study() as study:
        record = study.runs.get(run)
        if as_json:
            print_json({**_view(record), "curves": record.curves()})
            return
        print(f"{record.id}: {record.state}")
        _say_what_runs(record)
        for name, value in record.scores().items():
            print(f"  {name}: {value:.4f}" if isinstance(value, float) else f"  {name}: {value}")
        end = record.end
        if end and end["message"]:
            print(f"  {end['message']}")


@runs.command()
def follow(run: RunId, as_json: AsJson = False) -> None:
    """Watch a run; Ctrl+C ends the watching only."""
    with opened_study() as study:
        _watch(study, study.runs.get(run), as_json)


@runs.command()
def stop(run: RunId) -> None:
    """Let a run rest at its next checkpoint and end."""
    with opened_study() as study:
        record = study.runs.get(run)
        state = study.runs.stop(record)
        print(f"{record.id}: {state}. `groundup runs resume {record.id}` goes on.")


@runs.command()
def resume(
    run: RunId,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Watch it until it ends.")] = True,
    as_json: AsJson = False,
) -> None:
    """Go on with a run that was stopped or killed, from its last checkpoint, with equal results."""
    from groundup.study.runs import control

    with opened_study() as study:
        record = study.runs.get(run)
        control.resume(study, record)
        if follow:
            _watch(study, record, as_json)


@runs.command()
def compare(first: RunId, second: RunId, as_json: AsJson = False) -> None:
    """Two runs side by side: what differs in what they were, and in what came out."""
    from groundup.study.runs.comparing import compare as compared

    with opened_study() as study:
        found = compared(study.runs.get(first), study.runs.get(second))
        if as_json:
            print_json(found)
            return
        from groundup.cli.watching import show_comparison

        show_comparison(found)


@runs.command()
def remove(run: RunId) -> None:
    """Delete a run that is not running, with the model that it saved."""
    with opened_study() as study:
        study.runs.remove(study.runs.get(run))
