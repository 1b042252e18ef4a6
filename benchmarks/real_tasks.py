"""Real tasks on public sets: our small models, beside transformers' of the same shape and what the field did before.

For each set three things are measured on the same held-out examples: our model, trained by our own loop; transformers'
implementation of the same architecture, trained by a plain loop of PyTorch's parts; and the classical baseline of the
field. A pair of runs has one seed: the first weights, which transformers reads from the folder that ours wrote, and the
examples of each update; nothing else is shared but the ids, the learning rates and the number of updates. There is no
dropout. Encoders begin with the weights of one short pre-training of ours on the training parts, and a new head.

The claim is that the two sides are equivalent: that the mean scores differ by less than the margins below, which were
fixed before any run. It is tested by two one-sided bootstrap tests at 5 %, over examples and seeds. Models are small
and data few, so that the scores are far from what is published; where the classical baseline wins, the table says so.

Usage: python benchmarks/real_tasks.py [--tasks sst2 trec …] [--seeds 0 1 2] [--out FOLDER] [--report FILE] [--kept]
The folder that holds the sets is named by GROUNDUP_DATA or --data; --made-up takes small ones that are generated. What
is done is kept below --out, and a run that was stopped goes on. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from groundup.stack.training.cards import describe_machine
from measuring import table
from real.plans import PLANS
from real.report import page_of
from real.shelf import make_shelf
from real.verdicts import COLUMNS, RESAMPLES, Verdict, document_of, judge, rows_of
from real.work import BASELINES, Place, Unit, data_of, do_all, found_of, job_of, plan_of

MARGIN = 1.5  # points, for all measures but perplexities
PERPLEXITY_MARGIN = 100 * math.log(1.02)  # two percent, as perplexities are compared by their logarithm times 100
BASELINE_SECONDS, PRETRAINING_SECONDS = 20, 600  # of one core


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(PLANS), choices=list(PLANS))
    parser.add_argument(
        "--seeds", nargs="+", type=int, help="of every set (default: from 0 on, as many as its plan has)"
    )
    parser.add_argument("--out", type=Path, default=Path("real-tasks"))
    parser.add_argument("--data", type=Path, default=os.environ.get("GROUNDUP_DATA"))
    parser.add_argument("--made-up", action="store_true", help="generated sets instead of those of --data")
    parser.add_argument("--report", type=Path, help="a Markdown file for the results, too")
    parser.add_argument("--kept", action="store_true", help="run nothing: the results of what a stopped run has kept")
    parser.add_argument("--quick", action="store_true", help="a few updates on a few examples: does it run?")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes at once")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    found = parser.parse_args()
    if found.data is None and not found.made_up:
        parser.error("name the folder that holds the sets in GROUNDUP_DATA or --data, or take --made-up ones")
    return found


def seeds_of(name: str, asked: Sequence[int] | None) -> list[int]:
    return list(asked) if asked else list(range(PLANS[name].pairs))


def units_of(tasks: Sequence[str], asked: Sequence[int] | None) -> list[Unit]:
    """The longest runs first, so that no worker is left with one in the end; pair by pair, for one that is stopped."""
    units = [Unit(name, who, seed) for name in tasks for seed in seeds_of(name, asked) for who in ("ours", "theirs")]
    units.sort(key=lambda one: -PLANS[one.name].seconds)
    return units + [Unit(name, BASELINES) for name in tasks]


def say_estimate(units: Sequence[Unit], place: Place, workers: int) -> None:
    """How long it will take, before anything is done."""
    each = [BASELINE_SECONDS if one.who == BASELINES else plan_of(one.name, place.quick).seconds for one in units]
    seconds = sum(each) / workers + (0 if place.quick else PRETRAINING_SECONDS / workers)
    print(f"{len(units)} pieces of work in {workers} processes: about {seconds / 60:.0f} minutes on free cores,")
    print("those that are kept already and a pre-training that is there not subtracted", flush=True)


def verdict_of(name: str, seeds: Sequence[int], place: Place) -> Verdict:
    """From what is kept of a task."""
    outcomes: dict[str, list[Any]] = {"ours": [], "theirs": []}
    for who, found in outcomes.items():
        for seed in seeds:
            found.append((found_of(Unit(name, who, seed), place) or {})[who])
    baselines = found_of(Unit(name, BASELINES), place) or {}
    plan = plan_of(name, place.quick)
    margin = PERPLEXITY_MARGIN if plan.measure == "perplexity" else MARGIN
    return judge(plan, job_of(name, place).golds(), outcomes["ours"], outcomes["theirs"], baselines, margin)


def whole_pairs(name: str, asked: Sequence[int] | None, place: Place) -> list[int]:
    """The seeds of which both sides are kept."""
    sides = ("ours", "theirs")
    seeds = seeds_of(name, asked)
    return [seed for seed in seeds if all(found_of(Unit(name, who, seed), place) is not None for who in sides)]


def run_missing(o: argparse.Namespace, place: Place) -> None:
    """All that is not kept yet."""
    units = units_of(o.tasks, o.seeds)
    say_estimate(units, place, o.workers)
    began = time.perf_counter()
    torch.set_num_threads(o.workers * o.threads)
    # The encoder reads the training texts of all sets, also of those that are not asked for: it is the same every time.
    parts = {name: data_of(name, place).train for name in PLANS}
    make_shelf(place.shelf, parts, [plan_of(name, place.quick) for name in o.tasks], place.quick)
    print(f"shelf: {time.perf_counter() - began:.0f} s", flush=True)
    missing = [one for one in units if found_of(one, place) is None]
    print(f"{len(units) - len(missing)} of {len(units)} pieces are kept from before", flush=True)
    for number, (unit, seconds) in enumerate(do_all(missing, place, o.workers, o.threads), 1):
        what = unit.who if unit.who == BASELINES else f"{unit.who}, seed {unit.seed}"
        print(f"{number} of {len(missing)}: {unit.name}, {what}: {seconds:.0f} s", flush=True)


def main() -> None:
    o = options()
    place = Place(None if o.made_up else o.data, o.out, o.quick)
    if not o.kept:
        run_missing(o, place)
    seeds = {name: whole_pairs(name, o.seeds, place) for name in o.tasks}
    tasks = [name for name in o.tasks if seeds[name] and found_of(Unit(name, BASELINES), place) is not None]
    if not tasks:
        raise SystemExit(f"{o.out} keeps no whole pair of runs of these sets: leave out --kept to run them")
    verdicts = [verdict_of(name, seeds[name], place) for name in tasks]
    table("Mean and spread over the seeds", COLUMNS, rows_of(verdicts))
    print("\nalike?: the 90 % interval of the difference lies within the margin (two one-sided tests at 5 %);")
    print("differences of perplexities in percent. better than ours?: the 95 % interval of the difference excludes 0.")
    others = [[one.task, name, value] for one in verdicts for name, value in one.baselines.items()]
    table("Baselines", ["set", "baseline", "score"], others)
    alike = sum(one.equivalent and one.learned for one in verdicts)
    won = [one.task for one in verdicts if one.winner == "baseline"]
    print(f"\nequivalent within the margin, and better than the weakest baseline: {alike} of {len(verdicts)};")
    print(f"the classical baseline wins: {', '.join(won) or 'nowhere'}")
    settings = {"seeds": seeds, "margin": MARGIN, "perplexity_margin_percent": 2.0, "resamples": RESAMPLES}
    about = {"torch": torch.__version__, "workers": o.workers, "threads": o.threads, "quick": o.quick}
    document = {"benchmark": "real_tasks", **settings, **about, "made_up": o.made_up}
    if o.report is not None:
        machine = describe_machine()
        where = f"{machine.device}, {machine.cores} cores"
        o.report.write_text(page_of(verdicts, document, where), encoding="utf-8")
    print(json.dumps({**document, "tasks": [document_of(one) for one in verdicts]}))


if __name__ == "__main__":
    main()
