"""``groundup chat``: a model of the shelf writes in the terminal; where a server has it at work, through that."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundup.cli.opened import NOT_PASSED, fail, opened_study

if TYPE_CHECKING:
    from groundup.study.service import Study

REASONS = {
    "length": "as long as asked",
    "context": "the model's context is full",
    "end": "the model ended the text",
    "stopped": "stopped",
}
ANSWER_SECONDS = 300.0
LINE_BYTES = 8 * 2**20


def chat(
    model: Annotated[
        str | None, typer.Argument(help="A model; `groundup shelf` lists them. Left out: the first.")
    ] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", "-p", help="One prompt; left out: asked for.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0 takes the likeliest token each time.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Only the k likeliest; 0 is off.")] = None,
    top_p: Annotated[float | None, typer.Option(help="The likeliest that together reach p; 1 is off.")] = None,
    min_p: Annotated[float | None, typer.Option(help="Only those at least p times the likeliest; 0 is off.")] = None,
    repetition_penalty: Annotated[float | None, typer.Option(help="Above 1: less of what was there.")] = None,
    tokens: Annotated[int | None, typer.Option(help="At most so many.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed writes the same text.")] = None,
    reference: Annotated[bool, typer.Option("--reference", help="Compute it with groundup's code only.")] = False,
    mine: Annotated[bool, typer.Option("--mine", help="Compute it with your parts as they pass now.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Every event as a line of JSON.")] = False,
) -> None:
    """Give a model a beginning, and it goes on. What a run saved is computed by the parts that it was trained with."""
    from groundup.study.chat.settings import Settings

    if reference and mine:
        fail("--reference and --mine exclude each other.")
    whose = "reference" if reference else "mine" if mine else "trained"
    with opened_study() as study:
        name = _model(study, model)
        given = {
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "min_p": min_p,
            "repetition_penalty": repetition_penalty,
            "tokens": tokens,
            "seed": seed,
        }
        settings = Settings.read(given)
        well = True
        for text in [prompt] if prompt is not None else _prompts(name):
            well = _show(_events(study, name, text, settings, whose, given), as_json=as_json)
        if not well:
            raise typer.Exit(NOT_PASSED)


def _model(study: Study, name: str | None) -> str:
    if name is not None:
        return study.shelf.get(name).name
    there = study.shelf.all()
    if not there:
        fail("the shelf is empty. A run of a lab puts a model on it, and so does `groundup shelf add`.")
    return there[0].name


def _prompts(name: str) -> Iterator[str]:
    """What is typed in, line by line; what is piped in, as a whole."""
    if not sys.stdin.isatty():
        yield sys.stdin.read().removesuffix("\n")
        return
    print(f"{name} goes on from what you write. Ctrl+D ends.", file=sys.stderr)
    while True:
        try:
            yield input("> ")
        except (EOFError, KeyboardInterrupt):
            print(file=sys.stderr)
            return


def _events(study: Study, name: str, prompt: str, settings: Any, whose: str, given: dict[str, Any]) -> Iterator[Any]:
    """From a process of our own, or from the server's where the model is at work there."""
    from groundup.study.chat.host import Elsewhere

    try:
        yield from study.chats.generate(name, prompt, settings, whose)
    except Elsewhere:
        from groundup.cli.remote import running_server

        server = running_server(study)
        if server is None:
            raise
        yield from _from_server(server, name, {**given, "prompt": prompt, "whose": whose})


def _from_server(server: dict[str, Any], name: str, body: dict[str, Any]) -> Iterator[Any]:
    import urllib.error
    import urllib.request

    request = urllib.request.Request(
        f"{server['url'].rstrip('/')}/api/shelf/{name}/generate",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {server['token']}", "Content-Type": "application/json"},
    )
    # No proxy of the environment may come between a terminal and its own machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ANSWER_SECONDS) as answer:
            while line := answer.readline(LINE_BYTES):
                yield json.loads(line)
    except (OSError, ValueError, urllib.error.URLError) as error:
        yield {"kind": "failed", "message": f"the server that has the model did not answer well: {error}"}


def _show(events: Iterator[Any], *, as_json: bool) -> bool:
    """The text as it comes; False where something went wrong."""
    for event in events:
        if as_json:
            print(json.dumps(event), flush=True)
            if event["kind"] == "failed":
                return False
        elif event["kind"] == "prompt":
            print("".join(one["adds"] for one in event["tokens"]), end="", flush=True)
        elif event["kind"] == "token":
            print(event["token"]["adds"], end="", flush=True)
        elif event["kind"] == "done":
            print(flush=True)
            print(f"({REASONS[event['reason']]})", file=sys.stderr)
        elif event["kind"] == "failed":
            print(f"\ngroundup: {event['message']}", file=sys.stderr)
            return False
    return True
