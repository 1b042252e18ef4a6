"""``groundup author``: the commands of those who write topics."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from groundup.study.roadmap import Roadmap
    from groundup.study.topics import Topic

author = typer.Typer(help="Write topics: new, check, run, stamp.", no_args_is_help=True)

TopicId = Annotated[str, typer.Argument(help="The topic's id, e.g. self-attention.")]


def checked_roadmap() -> Roadmap:
    """The road map; where it is broken, each problem with its place and its mend, and exit code 1."""
    from groundup.study.roadmap import CurriculumError, load_roadmap

    try:
        return load_roadmap()
    except CurriculumError as error:
        print(f"groundup: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def _topic(topic_id: str) -> Topic:
    from groundup.study.roadmap import UnknownTopic

    try:
        return checked_roadmap().topic(topic_id)
    except UnknownTopic as error:
        print(f"groundup: {error}", file=sys.stderr)
        raise typer.Exit(2) from None


@author.command()
def new(topic: TopicId) -> None:
    """Make the files of a topic, with what belongs in each. Nothing is overwritten."""
    from groundup.study.scaffold import ScaffoldError, make_files

    try:
        made = make_files(_topic(topic))
    except ScaffoldError as error:
        print(f"groundup: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    for path in made:
        print(path)


@author.command()
def check(topic: Annotated[str | None, typer.Argument(help="A topic; left out: all that are written.")] = None) -> None:
    """Lint one topic, or all that are written."""
    from groundup.study.lint import lint

    roadmap = checked_roadmap()
    chosen = [_topic(topic)] if topic else [one for one in roadmap.topics.values() if one.written]
    if not chosen:
        print("groundup: no topic is written: nothing was checked", file=sys.stderr)
        raise typer.Exit(1)
    problems = [problem for one in chosen for problem in lint(one)]
    for problem in problems:
        print(f"{problem.where}: {problem.what}\n    {problem.mend}")
    print(f"{len(chosen)} topics, {len(problems)} problems")
    raise typer.Exit(1 if problems else 0)


@author.command()
def run(topic: TopicId) -> None:
    """Execute the lesson's code and write what it prints into its output blocks."""
    from groundup.study.lessons import LessonError, write_outputs

    try:
        changed = write_outputs(_topic(topic))
    except LessonError as error:
        print(f"groundup: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print("outputs written" if changed else "outputs were up to date")


@author.command()
def stamp(
    topic: TopicId,
    same_version: Annotated[
        bool, typer.Option("--same-version", help="The checks mean the same as before: keep the version.")
    ] = False,
) -> None:
    """Record that drivers or checks changed: a new check version, unless they mean the same as before."""
    from groundup.study.lint import stamp as write_stamp

    version = write_stamp(_topic(topic), same_version=same_version)
    print(f"check version {version}")
