"""``groundup shelf``: the models that runs saved and that were added; list, add, remove."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from groundup.cli.opened import opened_study, print_json

shelf = typer.Typer(help="Models: what runs saved, and what was added.", invoke_without_command=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@shelf.callback()
def list_models(context: typer.Context, as_json: AsJson = False) -> None:
    """All models, with where they come from."""
    if context.invoked_subcommand is not None:
        return
    with opened_study() as study:
        found = study.shelf.all()
        if as_json:
            print_json([one.document() for one in found])
            return
        if not found:
            print("The shelf is empty. A run of a lab puts a model on it, and so does `groundup shelf add`.")
        for one in found:
            print(f"{one.name:<24} {described(one.document())}")


def described(model: dict[str, Any]) -> str:
    """A model in one line."""
    if model["origin"] == "run":
        scores = ", ".join(
            f"{name.replace('_', ' ')} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in model["scores"].items()
        )
        return f"{model['lab']} at {model['scale']}, {len(model['parts'])} of your parts" + (
            f"; {scores}" if scores else ""
        )
    size = f"{model.get('parameters', 0) / 1e6:.1f} M parameters"
    licence = model.get("licence") or "not known"
    return f"{model.get('family', '?')}, {size}, licence {licence}, from {model.get('source', '?')}"


@shelf.command()
def add(
    place: Annotated[str, typer.Argument(help="A folder in the Hub's format, or an id, e.g. openai-community/gpt2.")],
    name: Annotated[str | None, typer.Option(help="What it is called on the shelf.")] = None,
    link: Annotated[bool, typer.Option("--link", help="Hard links instead of copies, where the disk can.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a real model on the shelf: Llama's or GPT-2's format, safetensors, a byte-level BPE tokenizer."""
    with opened_study() as study:
        model = study.shelf.add(place, name, link=link)
        if as_json:
            print_json(model.document())
        else:
            print(f"{model.name}: {described(model.document())}\n`groundup chat {model.name}` lets it write.")


@shelf.command()
def remove(name: Annotated[str, typer.Argument(help="A model; `groundup shelf` lists them.")]) -> None:
    """Delete a model. Of a run only the model goes; its curves stay."""
    with opened_study() as study:
        study.shelf.remove(name)
