"""One piece of work: a side of a task with a seed, or a task's baselines; done in a process of its own, and kept.

unit (plan, who, seed) ── kept already? ──► done, else ── data, shelf ── ours | theirs | baselines ──► OUT/NAME/…
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from groundup.stack.data.examples import TaskData
from groundup.stack.tasks.tuning import tag_names
from groundup.stack.training.cards import (
    Cost,
    DataSource,
    ModelFacts,
    RunCard,
    Score,
    curves_of,
    describe_machine,
    describe_versions,
    hash_files,
    write_card,
)
from groundup.stack.training.trainer import Run
from real import sets
from real.encoders import Texts
from real.language import Language
from real.outcomes import Outcome, keep, kept, key_of
from real.plans import PLANS, Plan
from real.shelf import DONE
from real.verdicts import card_score
from real.writers import Writing

KINDS: dict[str, Any] = {"writing": Writing, "language": Language}
BASELINES = "baselines"


@dataclass(frozen=True)
class Place:
    """Where everything is: ``data`` None for made-up sets, results and shelf below ``out``; ``quick`` for seconds."""

    data: Path | None
    out: Path
    quick: bool

    @property
    def shelf(self) -> Path:
        return self.out / "shelf"


@dataclass(frozen=True)
class Unit:
    """``who`` is ours, theirs or baselines; these need no seed."""

    name: str
    who: str
    seed: int = 0


def plan_of(name: str, quick: bool) -> Plan:
    return PLANS[name].quick() if quick else PLANS[name]


@lru_cache(maxsize=2)
def data_of(name: str, place: Place) -> TaskData[Any]:
    """The set, with no more examples than the plan has."""
    plan = plan_of(name, place.quick)
    found = sets.made_up(name, plan.kind) if place.data is None else sets.read(name, place.data)
    return replace(found, train=list(found.train[: plan.train]), dev=list(found.dev[: plan.dev]))


def job_of(name: str, place: Place) -> Any:
    """The task's code with its data."""
    plan, data = plan_of(name, place.quick), data_of(name, place)
    labels = data.labels
    if plan.kind == "tagging":  # a set's labels are its types
        labels = tag_names(labels)
    return KINDS.get(plan.kind, Texts)(plan, data.train, data.dev, labels, place.shelf)


def key_for(unit: Unit, place: Place) -> str:
    """The plan, the data, what the shelf was made of, and the seed."""
    plan, data = plan_of(unit.name, place.quick), data_of(unit.name, place)
    if unit.who == BASELINES:
        return key_of(plan.kind, plan.train, plan.dev, data.train, data.dev)
    shelf = place.shelf / (unit.name if plan.kind in KINDS else "encoder") / DONE
    made = json.loads(shelf.read_text(encoding="utf-8"))["key"] if shelf.is_file() else ""
    return key_of(plan, data.train, data.dev, made, unit.who, unit.seed)


def path_of(unit: Unit, place: Place, baseline: str = "") -> Path:
    name = BASELINES if unit.who == BASELINES else f"{unit.who}-{unit.seed}"
    return place.out / unit.name / f"{name}.json"


def found_of(unit: Unit, place: Place) -> dict[str, Outcome] | None:
    """What is kept of a unit: by the baseline's name, or by who it is; None where it is still to be done."""
    path, key = path_of(unit, place), key_for(unit, place)
    whole = kept(path, key)
    if whole is None or unit.who != BASELINES:
        return None if whole is None else {unit.who: whole}
    return {name: Outcome(predictions, seconds=whole.seconds) for name, predictions in whole.predictions}


def do(unit: Unit, place: Place, threads: int) -> float:
    """Do it and keep it; the seconds it took."""
    torch.set_num_threads(threads)
    began = time.perf_counter()
    job, path, key = job_of(unit.name, place), path_of(unit, place), key_for(unit, place)
    if unit.who == BASELINES:
        pairs = list(job.baselines().items())
        outcome = Outcome([[name, predictions] for name, predictions in pairs], seconds=time.perf_counter() - began)
    else:
        outcome = getattr(job, unit.who)(replace(job.plan.settings, seed=unit.seed))
    keep(path, key, outcome)
    if unit.who == "ours":
        write_card(card_of(unit, place, job, outcome), path.with_suffix(""))
    return time.perf_counter() - began


def do_all(units: Sequence[Unit], place: Place, workers: int, threads: int) -> Iterator[tuple[Unit, float]]:
    """Units as they are done, with their seconds; in processes where there are several workers."""
    if workers == 1:
        for unit in units:
            yield unit, do(unit, place, threads)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(do, unit, place, threads): unit for unit in units}
        try:
            for one in as_completed(waiting):
                yield waiting[one], one.result()
        finally:
            pool.shutdown(cancel_futures=True)


def card_of(unit: Unit, place: Place, job: Any, outcome: Outcome) -> RunCard:
    """The run card of our side."""
    data, plan, settings = data_of(unit.name, place), job.plan, job.plan.settings
    told = {name: str(value) for name, value in data.provenance.items()}
    digest = hash_files(data.files) if data.files else key_of(data.train, data.dev) * 4
    source = DataSource(
        data.name, told.get("source", "not stated"), told.get("licence", "not stated"), digest,
        f"{len(job.train)} to learn from, {len(job.dev)} held out", len(job.train),
    )  # fmt: skip
    run = Run(settings, outcome.losses, outcome.rates, outcome.norms, tokens=outcome.tokens, seconds=outcome.seconds)
    return RunCard(
        f"{unit.name}, seed {unit.seed}",
        (source,),
        ModelFacts(type(job).__name__, outcome.parameters, {**plan.shape}, plan.start),
        {**settings.record(), "seed": unit.seed, "length": plan.length},
        (unit.seed,),
        describe_versions(),
        describe_machine(),
        Cost(outcome.tokens, outcome.seconds, 6.0 * outcome.parameters * outcome.tokens,
             "6 for each weight and token of the text, embeddings among the weights"),
        curves_of(run),
        (Score(**card_score(plan, job.golds(), outcome)),),
    )  # fmt: skip
