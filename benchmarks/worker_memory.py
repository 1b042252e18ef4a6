"""What the warm worker and its children weigh: ``python benchmarks/worker_memory.py`` (half a minute, Linux).

Children are forks of the worker and share its memory until one of them writes to it. Weighed by proportional set size
(PSS: a page that n processes share counts 1/n for each), while 16 checks of the heaviest finished topic wait inside
their drivers. Claim: worker and 16 children together stay below 2 GiB. The last line is one JSON document; exit code 1
where the claim does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psutil

from groundup.study.check.job import Job
from groundup.study.home import find_home
from groundup.study.service import Study

BUDGET_MB = 2048
TOPICS = ("vectors", "byte-pair-encoding", "self-attention")


def weight_mb(process: psutil.Process) -> dict[str, float]:
    """Proportional, own and resident memory, in MB."""
    values: dict[str, float] = dict.fromkeys(("pss", "own", "rss"), 0.0)
    names = {"Pss": "pss", "Private_Dirty": "own", "Private_Clean": "own", "Rss": "rss"}
    with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            key, _, rest = line.partition(":")
            if key in names:
                values[names[key]] += int(rest.split()[0]) / 1024
    return values


def total_mb(processes: list[psutil.Process]) -> float:
    return sum(weight_mb(one)["pss"] for one in processes)


def measure(study: Study, topic_id: str, checks: int) -> dict[str, object]:
    """Sessions that have loaded the solution and run every driver, all alive at once."""
    topic = study.written(topic_id)
    sandbox = study.sandbox
    worker = sandbox.wait()
    parent = psutil.Process(sandbox.worker_pid)
    family = [parent, *parent.children(recursive=True)]
    idle = total_mb(family)
    source = topic.solution_source().encode()
    with ExitStack() as stack:
        for number in range(checks):
            job = Job(
                topic.id, number, topic.mine_module, topic.mine_path, source,
                drivers=topic.drivers_source().encode(), builds=[one.name for one in topic.builds],
                cases=list(topic.cases()),
            )  # fmt: skip
            session = stack.enter_context(sandbox.session(job))
            assert session.load().ok
            for case in topic.cases():
                assert session.call(case).kind is None
        family = [parent, *parent.children(recursive=True)]
        busy = total_mb(family)
        known = {parent.pid, *(one.pid for one in family if one.ppid() == os.getpid())}
        children = [weight_mb(one) for one in family if one.pid not in known][-checks:]
    assert worker.alive
    return {
        "topic": topic_id,
        "checks": checks,
        "idle MB": round(idle),
        "all MB": round(busy),
        "MB a check": round((busy - idle) / checks, 1),
        "own MB of the heaviest child": round(max(one["own"] for one in children), 1),
        "resident MB of the heaviest child": round(max(one["rss"] for one in children), 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checks", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        study = Study(find_home(str(Path(folder) / "home")))
        study.judge()
        reports = [measure(study, one, options.checks) for one in TOPICS]
        isolation = study.sandbox.isolation.name
        study.close()
    for report in reports:
        print("  ".join(f"{name} {value}" for name, value in report.items()))
    most = max(int(str(one["all MB"])) for one in reports)
    print(f"at most {most} MB of {BUDGET_MB}: {BUDGET_MB / most:.1f} times under the budget")
    print(json.dumps({"benchmark": "worker_memory", "isolation": isolation, "budget MB": BUDGET_MB, "topics": reports}))
    return 0 if most <= BUDGET_MB else 1


if __name__ == "__main__":
    sys.exit(main())
