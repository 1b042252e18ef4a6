"""The battery against one warm judge, at every level of isolation: ``make battery``.

Twenty rounds take about an hour and a half, ``--rounds 1`` four to five minutes.

Each level runs every file of ``tests/study/check/battery`` in random order, round after round, with 16 honest checks in
each round. Claims: every file gets its verdict and leaves nothing behind; no honest check fails; the check after a
hostile one is answered within twice the usual time. Prints what each level stops, the latencies, and one JSON line;
exit code 1 where a claim does not hold.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "study" / "check"))

from battery.arena import Arena, arena
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from battery import ENTRIES, LEVELS
from groundup.study.check.sandbox import SandboxError

HONEST_A_ROUND = 16


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def timed(place: Arena) -> tuple[str, float]:
    began = time.perf_counter()
    kind = place.honest().kind
    return kind, 1000 * (time.perf_counter() - began)


def fight(level: str, rounds: int, seed: int, progress: Progress) -> dict[str, Any]:
    """All rounds at one level."""
    draw = random.Random(seed)
    with arena(level) as place:
        entries = [entry for entry in ENTRIES if entry.run_at(place.level)]
        usual = [timed(place)[1] for _ in range(100)]
        honest: list[float] = []
        failed: list[str] = []
        problems: dict[str, str] = {}
        unstopped: dict[str, str] = {}
        stopped: Counter[str] = Counter()
        task = progress.add_task(place.level, total=rounds * len(entries))
        for _ in range(rounds):
            order = draw.sample(entries, len(entries))
            checked = set(draw.sample(range(len(order)), HONEST_A_ROUND))
            for at, entry in enumerate(order):
                outcome = place.run(entry)
                name = f"{entry.group}: {entry.name}"
                if outcome.problems:
                    problems[name] = "; ".join(outcome.problems)[:300]
                elif outcome.unstopped:
                    unstopped[name] = "; ".join(outcome.unstopped)[:300]
                else:
                    stopped[entry.group] += 1
                if at in checked:
                    kind, took = timed(place)
                    honest.append(took)
                    failed += [kind] if kind != "passed" else []
                progress.advance(task)
        not_run = [f"{entry.group}: {entry.name}" for entry in ENTRIES if not entry.run_at(place.level)]
        return {
            "level": place.level,
            "files": len(entries),
            "runs": rounds * len(entries),
            "as they must be": sum(stopped.values()),
            "problems": problems,
            "not stopped here": unstopped,
            "not run here": not_run,
            "honest checks": len(honest),
            "honest checks that failed": failed,
            "usual p50 ms": round(statistics.median(usual), 1),
            "usual p95 ms": round(percentile(usual, 0.95), 1),
            "honest p50 ms": round(statistics.median(honest), 1),
            "honest p95 ms": round(percentile(honest, 0.95), 1),
            "honest p50 / usual p50": round(statistics.median(honest) / statistics.median(usual), 2),
        }


def show(console: Console, reports: list[dict[str, Any]]) -> None:
    table = Table(title="What each level stops", title_justify="left")
    table.add_column("group")
    for report in reports:
        table.add_column(report["level"], justify="right")
    groups = dict.fromkeys(entry.group for entry in ENTRIES)
    for group in groups:
        cells = []
        for report in reports:
            count: dict[str, int] = defaultdict(int)
            for entry in ENTRIES:
                if entry.group == group:
                    name = f"{entry.group}: {entry.name}"
                    open_here = name in report["not stopped here"] or name in report["not run here"]
                    count["open" if open_here else "stopped"] += 1
            cells.append(f"{count['stopped']} of {count['stopped'] + count['open']}")
        table.add_row(group, *cells)
    console.print(table)
    for report in reports:
        console.print(
            f"[b]{report['level']}[/b]: {report['runs']} runs of {report['files']} files, {len(report['problems'])} "
            f"with a problem; {report['honest checks']} honest checks, {len(report['honest checks that failed'])} "
            f"failed; p50 {report['honest p50 ms']} ms beside {report['usual p50 ms']} ms usually "
            f"(× {report['honest p50 / usual p50']}), p95 {report['honest p95 ms']} beside {report['usual p95 ms']}"
        )
        for name, what in report["problems"].items():
            console.print(f"  [red]{name}[/red]: {what}", highlight=False, markup=True)
        for kind in ("not stopped here", "not run here"):
            if report[kind]:
                console.print(f"  {kind}: {', '.join(report[kind])}", highlight=False, markup=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--levels", nargs="+", default=list(LEVELS), choices=LEVELS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    console = Console(stderr=True)
    reports = []
    with Progress(console=console) as progress:
        for level in options.levels:
            try:
                report = fight(level, options.rounds, options.seed, progress)
                print(json.dumps(report), file=sys.stderr)  # work of this length should not hang on its last minute
                reports.append(report)
            except SandboxError as error:
                console.print(f"{level}: not to be had on this machine ({error})")
    if not reports:
        console.print("no level could be had: nothing was shown")
        return 1
    show(Console(width=120), reports)
    print(json.dumps({"benchmark": "battery", "rounds": options.rounds, "seed": options.seed, "levels": reports}))
    slow = [one for one in reports if one["honest p50 / usual p50"] > 2]
    return 1 if slow or any(one["problems"] or one["honest checks that failed"] for one in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
