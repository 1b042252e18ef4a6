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
    from groundup.study.projects import project_problems

    roadmap = checked_roadmap()
    projects = [one for one in roadmap.projects.values() if topic in (None, one.id)]
    chosen = [one for one in roadmap.topics.values() if one.written and topic is None]
    if topic and not projects:
        chosen = [_topic(topic)]
    if not chosen and not projects:
        print("groundup: no topic is written: nothing was checked", file=sys.stderr)
        raise typer.Exit(1)
    problems = [problem for one in chosen for problem in lint(one)]
    problems += [problem for one in projects for problem in project_problems(roadmap, one)]
    for problem in problems:
        print(f"{problem.where}: {problem.what}\n    {problem.mend}")
    made = f" and {len(projects)} projects" if projects else ""
    print(f"{len(chosen)} topics{made}, {len(problems)} problems")
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


@author.command()
def band(
    topic: TopicId,
    scale: Annotated[str, typer.Option(help="The lab's scale.")] = "tiny",
    runs: Annotated[int, typer.Option(min=2, help="How many runs, with seeds 1, 2, …")] = 4,
    metric: Annotated[list[str] | None, typer.Option(help="Which curves; left out: loss.")] = None,
) -> None:
    """Run the lab a few times with the reference's parts and store the band of its curves in the topic."""
    import tempfile

    from groundup.study.home import find_home
    from groundup.study.runs.bands import write_band
    from groundup.study.runs.control import begin
    from groundup.study.service import Study

    chosen = _topic(topic)
    with tempfile.TemporaryDirectory() as folder:
        study = Study(find_home(f"{folder}/home"))
        try:
            curves = []
            for seed in range(1, runs + 1):
                record = begin(study, chosen.id, scale, reference=True, seed=seed)
                for _ in study.runs.follow(record):
                    pass
                if record.state != "done":
                    print(f"groundup: {record.id} ended as {record.state}: {record.log[-500:]}", file=sys.stderr)
                    raise typer.Exit(1)
                curves.append(record.curves())
                print(f"{record.id}, seed {seed}: {record.scores()}")
        finally:
            study.close()
    write_band(chosen, scale, curves, metric or ["loss"])


@author.command()
def starter(
    scale: Annotated[str, typer.Option(help="The scale of the lab gpt.")] = "tiny",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    check_: Annotated[
        bool, typer.Option("--check", help="Change nothing: train it again and compare with what is there.")
    ] = False,
) -> None:
    """Train the small model of the first page, with the lab gpt on Python's documentation (a few minutes)."""
    import tempfile
    from pathlib import Path

    from groundup.study.first.content import MODEL, provenance
    from groundup.study.first.training import StarterError, differences, make_starter

    try:
        if not check_:
            MODEL.mkdir(exist_ok=True)
            print(make_starter(MODEL, scale=scale, seed=seed, say=print)["scores"])
            return
        with tempfile.TemporaryDirectory() as folder:
            stored = provenance()
            made = make_starter(Path(folder), scale=stored["scale"], seed=stored["seed"], say=print)
    except StarterError as error:
        print(f"groundup: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    found = differences(made, stored)
    for one in found:
        print(one)
    print(made["scores"])
    raise typer.Exit(1 if found else 0)
