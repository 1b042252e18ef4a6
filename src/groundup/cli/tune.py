"""``groundup tune``: fine-tune a model, of the shelf or from elsewhere, on a public set or on examples of your own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundup.cli.opened import Options, fail, opened_study, print_json

if TYPE_CHECKING:
    from groundup.stack.tasks.tuning import Plan
    from groundup.stack.training.trainer import Step


def tune(
    place: Annotated[str, typer.Argument(help="A model: a name of the shelf, a folder, or an id of the Hub.")],
    data: Annotated[str, typer.Argument(help="A task, e.g. sst2 or wnut17, or a .jsonl file of yours.")],
    out: Annotated[str | None, typer.Option("--out", help="Where it is written (default: ./tuned-DATA).")] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="Another place (as for the model), if that has no tokenizer beside it.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Updates.")] = 300,
    batch: Annotated[int, typer.Option(help="Examples an update.")] = 32,
    accumulate: Annotated[int, typer.Option(help="Micro-batches that an update is cut into, to spare memory.")] = 1,
    lr: Annotated[float, typer.Option(help="The highest learning rate.")] = 5e-5,
    length: Annotated[int | None, typer.Option(help="Tokens of a text at most.")] = None,
    precision: Annotated[str, typer.Option(help="float32, bfloat16 or auto.")] = "float32",
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 (default: a graphics card, if any).")] = None,
    save_every: Annotated[int | None, typer.Option(help="Keep a state each so many updates, to go on from.")] = None,
    seed: Annotated[int, typer.Option(help="Of the order, dropout and a new head.")] = 0,
    examples: Annotated[int | None, typer.Option(help="No more examples than so many, to try it out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")] = False,
) -> None:
    """Fine-tune a model. What was stopped goes on when the same is asked for again; a run card says what came of it."""
    from groundup.stack.models.checkpoints import CheckpointError
    from groundup.stack.tasks.tuning import CARD, MODEL, fine_tune
    from groundup.stack.text.files import TokenizerError
    from groundup.stack.training.failures import DiskFullError, TrainingError
    from groundup.stack.training.settings import Settings

    folder = Path(out).expanduser() if out else Path(f"tuned-{Path(data).stem}")
    try:
        settings = Settings(
            steps=steps, batch=batch, accumulate=accumulate, lr=lr, schedule="linear", warmup=steps // 10,
            precision=precision, save_every=save_every, seed=seed,
        )  # fmt: skip
        found = _data(data, examples)
        where = _place(place)
        words = None if tokenizer is None else _place(tokenizer)
        with _Bar(as_json) as bar:
            done = fine_tune(
                where,
                found,
                settings,
                folder,
                tokenizer=words,
                length=length,
                device=device,
                before=bar.say,
                watch=bar.show,
            )
    except (ValueError, OSError, CheckpointError, TokenizerError, TrainingError, DiskFullError) as error:
        fail(str(error))
    if as_json:
        print_json(json.loads((folder / CARD / "card.json").read_text(encoding="utf-8")))
        return
    for one in done.card.scores:
        between = "" if one.low is None else f"   ({one.low:.4g} to {one.high:.4g})"
        print(f"  {one.name:<24} {one.value:.4g}{between}")
    print(f"on {len(found.dev)} held-out examples, with 95 % intervals over them")
    print(f"model: {folder / MODEL}\ncard:  {folder / CARD / 'card.html'}")


def _data(name: str, most: int | None) -> Any:
    """The examples of a task by name, or of a file."""
    from dataclasses import replace

    from groundup.stack.data.own import read_own
    from groundup.stack.data.places import reading_from
    from groundup.stack.data.tasks import read_task
    from groundup.study.home import HomeError, find_home

    if most is not None and most < 1:
        raise ValueError(f"--examples is 1 or more: {most} leaves nothing to learn from and nothing held out")
    path = Path(name).expanduser()
    if path.suffix in (".jsonl", ".json") or path.is_file():
        found = read_own(path)
    else:
        try:
            with reading_from(find_home(Options.home).data):
                found = read_task(name)
        except HomeError as error:
            fail(str(error))
    return found if most is None else replace(found, train=found.train[:most], dev=found.dev[:most])


def _place(name: str) -> str | Path:
    """A folder as it is; else the shelf's model of that name; else what the Hub may know."""
    if Path(name).expanduser().is_dir():
        return Path(name).expanduser()
    from groundup.study.shelf import ShelfError

    with opened_study() as study:
        try:
            return study.shelf.get(name).folder
        except ShelfError as error:
            if "/" in name:  # the Hub's ids have an owner
                return name
            fail(str(error))


class _Bar:
    """What is about to be done, then a bar with the loss and the time that is left."""

    def __init__(self, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._quiet = quiet
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal)
        self._task = self._bar.add_task("training", total=None)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def say(self, plan: Plan) -> None:
        if self._quiet:
            return
        memory = "" if plan.memory is None else f", about {plan.memory / 1e9:.2g} GB of memory"
        head = ", its head is new" if plan.fresh else ""
        print(
            f"{plan.parameters / 1e6:.3g} M parameters{head}; {plan.features} inputs of at most {plan.longest} tokens"
        )
        print(f"{plan.updates} updates{memory}; how long it takes is told after the first of them")
        self._bar.start()

    def show(self, step: Step) -> None:
        if step.number == 3 and not self._quiet and not self._bar.disable:
            left = step.seconds / step.number * (step.steps - step.number)
            self._bar.console.print(
                f"about {left / 60:.0f} min are left" if left > 90 else f"about {left:.0f} s are left"
            )
        self._bar.update(self._task, total=step.steps, completed=step.number, description=f"loss {step.loss:.4f}")
