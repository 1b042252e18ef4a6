"""``groundup``: the commands of a learner. A topic left out means "the next one".

Exit codes: 0 all is well (a check passed), 1 the check did not pass or the audit found a fault, 2 the call was wrong,
3 groundup itself failed.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from groundup.cli.author import author
from groundup.cli.chat import chat
from groundup.cli.data import data
from groundup.cli.first import first
from groundup.cli.opened import BROKEN, NOT_PASSED, PASSED, Options, fail, opened_study, print_json
from groundup.cli.runs import begin_lab, runs
from groundup.cli.shelf import shelf
from groundup.cli.tune import tune

if TYPE_CHECKING:
    from groundup.study.service import Study

app = typer.Typer(
    name="groundup",
    help="Understand language models by building one, with every step checked. Without a command: start.",
    no_args_is_help=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.add_typer(author, name="author")
app.add_typer(runs, name="runs")
app.add_typer(shelf, name="shelf")
app.add_typer(data, name="data")

TopicArgument = Annotated[str | None, typer.Argument(help="A topic, e.g. self-attention. Left out: the next one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
BuildOption = Annotated[str | None, typer.Option("--build", "-b", help="One build of the topic, by name.")]


def _topic(study: Study, name: str | None) -> str:
    """The topic named (an id, or the path of a file of ``mine``), else the next one."""
    if name is None:
        suggestion = study.next()
        if suggestion.topic_id is None:
            fail(suggestion.why)
        return suggestion.topic_id
    if name.endswith(".py"):
        name = name.rsplit("/", 1)[-1].removesuffix(".py").replace("_", "-")
    return study.roadmap.topic(name).id


def _version(value: bool) -> None:
    if value:
        from groundup import __version__

        print(f"groundup {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def groundup(
    context: typer.Context,
    home: Annotated[
        str | None, typer.Option("--home", help="Your folder (default: GROUNDUP_HOME, else ~/groundup).")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Understand language models by building one, with every step checked. Without a command: start."""
    Options.home = home
    if context.invoked_subcommand is None:
        start()


@app.command()
def start(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 8123,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in your browser.")] = True,
) -> None:
    """Open the workshop in the browser. It answers only you, on this machine."""
    with opened_study() as study:
        from groundup.web.server import run

        run(study, port=port, open_browser=browser)


@app.command("next")
def next_(as_json: JsonOption = False) -> None:
    """What to do next, and why; makes your file for it."""
    with opened_study() as study:
        suggestion = study.next()
        path = study.open(suggestion.topic_id).path if suggestion.topic_id else None
        if as_json:
            print_json({"topic": suggestion.topic_id, "title": suggestion.title, "why": suggestion.why, "path": path})
            return
        print(f"{suggestion.title}\n{suggestion.why}")
        if path is not None:
            print(f"Your file: {path}\nThen:      groundup check {suggestion.topic_id}")


@app.command()
def check(
    topic: TopicArgument = None,
    build: BuildOption = None,
    seed: Annotated[int | None, typer.Option(help="Repeat the check with this seed.", min=0, max=2**53 - 1)] = None,
    as_json: JsonOption = False,
) -> None:
    """Check your code: what is wrong, and which misconception produces it."""
    from groundup.cli.remote import check_anywhere

    with opened_study() as study:
        topic_id = _topic(study, topic)
        study.written(topic_id)
        verdict = check_anywhere(study, topic_id, seed, [build] if build else None)
        if as_json:
            print(verdict.model_dump_json(indent=2))
        else:
            from groundup.cli.render import show_verdict

            show_verdict(verdict)
        if verdict.kind == "internal":
            raise typer.Exit(BROKEN)
        raise typer.Exit(PASSED if verdict.passed else NOT_PASSED)


@app.command()
def watch(
    topic: TopicArgument = None,
    as_json: JsonOption = False,
    times: Annotated[int | None, typer.Option(hidden=True, help="Stop after so many checks (for tests).")] = None,
) -> None:
    """Check again whenever you save. Ctrl+C ends it."""
    from groundup.cli.watch import watch_topic

    with opened_study() as study:
        watch_topic(study, _topic(study, topic), as_json=as_json, times=times)


@app.command()
def hint(topic: TopicArgument = None, build: BuildOption = None, as_json: JsonOption = False) -> None:
    """The next hint: the misconception, then a nudge, then the next step. Never the solution."""
    with opened_study() as study:
        given = study.hint(_topic(study, topic), build)
        if as_json:
            print_json(asdict(given))
            return
        print(f"{given.build}: {given.title} (hint {given.stage} of {given.of})\n{given.text}")
        if given.stage == given.of:
            print("That was the last hint. `groundup solution` shows the solution when you ask for it.")


@app.command()
def solution(
    topic: TopicArgument = None,
    build: BuildOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether you mean it.")] = False,
) -> None:
    """The solution, on request."""
    with opened_study() as study:
        topic_id = _topic(study, topic)
        study.written(topic_id)
        if not yes and not typer.confirm(f"Show the solution of {topic_id}?"):
            fail("not shown", NOT_PASSED)
        print(study.solution(topic_id, build))


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Where you stand."""
    with opened_study() as study:
        now = study.status()
        if as_json:
            print_json({**asdict(now), "states": study.states()})
            return
        from groundup.cli.render import show_status

        show_status(now)


app.command()(first)
app.command()(chat)
app.command()(tune)
app.command("lab", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(begin_lab)


@app.command()
def audit(
    topics: Annotated[list[str] | None, typer.Argument(help="Topics; left out: all that are written.")] = None,
    mutants: Annotated[bool, typer.Option("--mutants", help="Also try one-edit changes of the references.")] = False,
    seeds: Annotated[int, typer.Option(min=0, help="Also try every right answer on so many fresh seeds.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """The state of the curriculum, computed: stubs, references, mistakes, mutants, lessons."""
    from groundup.cli.author import checked_roadmap
    from groundup.study.audit import run

    roadmap = checked_roadmap()
    chosen = [roadmap.topic(one).id for one in topics] if topics else None
    say = None if as_json else lambda text: print(text, file=sys.stderr)
    report = run(roadmap, chosen, mutants=mutants, say=say, seeds=seeds)
    if as_json:
        print_json(report)
    else:
        from groundup.cli.render import show_audit

        show_audit(report)
    raise typer.Exit(PASSED if report["ok"] else NOT_PASSED)


def main() -> None:
    """The program's entry: what a reader interrupts ends quietly."""
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader of our output (`| head`) has gone; writing to it again at exit would raise once more.
        sys.stderr.close()
        raise SystemExit(141) from None
