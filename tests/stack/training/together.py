"""Trainings of tiny models that torchrun, Ray Train or nobody starts, as a script: what they saw goes to files of JSON.

together.py FOLDER CASES        CASES is a JSON list; each has "name", "out", and may have "strategy", "state",
                                "stop" (the update after which the program breaks off), and any settings
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from groundup.stack.training.distributed import processes, whole_weights
from groundup.stack.training.settings import Settings
from groundup.stack.training.trainer import Step, train

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))


class Broken(Exception):
    """A program that breaks off."""


def features_of(name: str, number: int = 37, length: int = 11) -> list[dict[str, Tensor]]:
    """Rows with very different numbers of labels; some have one."""
    rows = TINY["batch_of"](name, rows=number, length=length, seed=3)
    found = [{key: one[row].clone() for key, one in rows.items()} for row in range(number)]
    for place, one in enumerate(found):
        if one["labels"].dim() and name != "bert-span" and place % 3 == 0:
            one["labels"][2:] = -100
    return found


def collate(features: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """One batch, no longer than its longest text."""
    batch = {name: torch.stack([one[name] for one in features]) for name in features[0]}
    longest = int(batch["attention_mask"].sum(dim=1).max())
    if batch["labels"].shape[1:] == (2,):  # where an answer may stand is asked of padding too, as in BERT's own code
        longest = batch["ids"].shape[1]
    wide = [name for name, one in batch.items() if one.dim() == 2 and one.shape[1] >= longest]
    return batch | {name: batch[name][:, :longest] for name in wide}


def run_case(folder: Path, case: dict[str, Any]) -> None:
    """Train, and write what came of it."""
    told = dict(case)
    name, out, stop = told.pop("name"), told.pop("out"), told.pop("stop", None)
    strategy, state, failing = told.pop("strategy", "ddp"), told.pop("state", None), told.pop("failing", None)
    model = TINY["build"](name, dim=16, layers=2, dropout=0.0).double()
    settings = Settings(**{"steps": 4, "batch": 9, "lr": 3e-3, "seed": 5, "evaluate_every": 1, **told})
    with processes(strategy) as world:
        if world.rank:  # the others begin with process 0's weights, whatever they had
            with torch.no_grad():
                for one in model.parameters():
                    one.zero_()

        def watch(step: Step) -> None:
            if step.number == stop and failing in (None, world.rank):
                raise Broken(f"after update {step.number}")

        def evaluate(model: Any) -> dict[str, float]:
            batch = collate(features_of(name)[:5])
            batch = {key: one.to(next(model.parameters()).device) for key, one in batch.items()}
            scores = {"loss": float(model(**batch).loss)}
            if hasattr(model, "encode"):  # what a search for the best text begins with
                scores["memory"] = float(model.encode(batch["ids"]).square().sum())
            return scores

        where = None if state is None else folder / state
        try:
            more = {"folder": where, "world": world, "watch": watch, "evaluate": evaluate}
            run = train(model, features_of(name), collate, settings, **more)
        except Broken:
            if failing is not None:
                raise
            return
        held = sum(getattr(one, "_local_tensor", one).numel() for one in model.parameters())
        found = {"losses": run.losses, "norms": run.norms, "resumed": run.resumed, "scores": run.scores}
        found |= {
            "tokens": run.tokens,
            "rank": world.rank,
            "size": world.size,
            "device": str(next(model.parameters()).device),
            "held": held,
            "node": os.environ.get("RAY_NODE_ID", ""),
        }
        weights = whole_weights(world, model)
        found["weights"] = {key: one.flatten().tolist() for key, one in weights.items()}
        Path(folder, f"{out}-{world.rank}.json").write_text(json.dumps(found))


def main(folder: str, cases: str) -> None:
    torch.set_num_threads(1)
    with processes():  # the group of all cases, which begin in it
        for case in json.loads(cases):
            run_case(Path(folder), case)


if __name__ == "__main__":
    main(*sys.argv[1:])
