"""``groundup first``: the first three minutes in a terminal."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from groundup.cli.opened import NOT_PASSED, USAGE, fail, opened_study, print_json


def first(
    break_: Annotated[
        str | None,
        typer.Option("--break", help="Run it once with this edit, without touching your file: mask, scale or axis."),
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="What the text begins with.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")] = False,
) -> None:
    """A small model writes, with an attention that is yours to break and repair."""
    from groundup.study.first.content import BREAKS, PROMPT, break_by, provenance

    with opened_study() as study:
        snapshot = study.first_source()
        source, what = snapshot.source.decode("utf-8", "replace"), ""
        if break_ is not None:
            try:
                chosen = break_by(break_)
            except LookupError as error:
                fail(str(error.args[0]), USAGE)
            edited = chosen.apply(source)
            if edited is None:
                fail(f"your file does not have the line any more that {break_} edits: {chosen.words}", USAGE)
            source, what = edited, f"{chosen.title}. {chosen.what}"
        begin = prompt if prompt is not None else PROMPT
        intact = provenance()["scores"]["excerpt_bits_per_byte"]
        if not as_json:
            print(f"Your file: {study.home.path / snapshot.path}")
            if what:
                print(what)
            print(f"\n{begin}", end="", flush=True)
        found = _run(study.first.write(source, begin), quiet=as_json)
        found |= {"prompt": begin, "break": break_, "intact_bits_per_byte": intact}
        if as_json:
            print_json(found)
        else:
            _conclude(found, break_, [one.id for one in BREAKS])
        if found["trouble"]:
            raise typer.Exit(NOT_PASSED)
        if break_ is None:
            study.first_seen()


def _run(events: Any, *, quiet: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"text": "", "bits_per_byte": None, "trouble": None}
    for event in events:
        if event["kind"] == "token":
            found["text"] += event["text"]
            if not quiet:
                print(event["text"], end="", flush=True)
        elif event["kind"] == "measured":
            found["bits_per_byte"] = event["bits_per_byte"]
        elif event["kind"] == "raised":
            where = f" (line {event['line']} of your file)" if event["line"] else ""
            found["trouble"] = f"{event['type']}: {event['message']}{where}"
        elif event["kind"] == "stopped":
            found["trouble"] = event["why"]
    return found


def _conclude(found: dict[str, Any], break_: str | None, names: list[str]) -> None:
    print("\n")
    if found["trouble"]:
        print(f"groundup: {found['trouble']}", file=sys.stderr)
        return
    bits = found["bits_per_byte"]
    yours = "not a number" if bits is None else f"{bits:.2f}"
    print(f"Bits for each byte of a text that it has never seen: {yours}; intact {found['intact_bits_per_byte']:.2f}, ")
    print("blind guessing 8.00.")
    if break_ is None:
        others = ", ".join(f"--break {one}" for one in names)
        print(f"\nBreak it in your file, or see what would happen: groundup first {others}.")
        print("Then `groundup next`: you will write this function again from nothing, and all that is around it.")
