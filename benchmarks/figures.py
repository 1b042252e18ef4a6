"""How long a figure takes to be drawn anew after a slider has moved (budget 100 ms), for every topic that has one.

Measured warm, through the study as the page does it, with the reference's code and with the learner's (the topic's
solution in their file, run in the sandbox), each slider at random places. There is no peer: no other course draws its
figures with the reader's own code.

Usage: python benchmarks/figures.py [TOPIC …] [--draws N]. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

from groundup.study.figures import OURS, YOURS, draw_figure
from groundup.study.home import find_home
from groundup.study.service import Study
from groundup.study.topics import Topic
from measuring import table

BUDGET_MS = 100.0


def somewhere(topic: Topic, chance: random.Random) -> dict[str, float | str]:
    """Every slider at one of its places."""
    module = topic.figure()
    assert module is not None
    found: dict[str, float | str] = {}
    for name, slider in module.sliders.items():
        if slider.choices:
            found[name] = chance.choice(slider.choices)
        else:
            steps = int((slider.high - slider.low) / slider.step + 1e-9)
            found[name] = slider.low + slider.step * chance.randint(0, steps)
    return found


def draws(study: Study, topic: Topic, count: int, wanted: str) -> list[float]:
    chance = random.Random(0)
    times = []
    for number in range(count + 2):
        places = somewhere(topic, chance)
        began = time.perf_counter()
        drawn = draw_figure(study, topic.id, places)
        if number >= 2:
            times.append(1000 * (time.perf_counter() - began))
        assert drawn.drawn_by == wanted, (topic.id, drawn.drawn_by, drawn.note)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topics", nargs="*", help="left out: all that have a figure")
    parser.add_argument("--draws", type=int, default=20)
    o = parser.parse_args()
    rows, report = [], {}
    with tempfile.TemporaryDirectory() as folder:
        study = Study(find_home(str(Path(folder) / "home")))
        study.judge()
        for topic in study.roadmap.topics.values():
            if not topic.written or "figure.py" not in topic.files or (o.topics and topic.id not in o.topics):
                continue
            ours = draws(study, topic, o.draws, OURS)
            path = study.open(topic.id).path
            path.write_text(study.solution(topic.id))
            assert study.check(topic.id).passed, topic.id
            needs = getattr(topic.figure(), "needs_builds", ())
            mine = draws(study, topic, o.draws, YOURS) if needs else ours
            worst = max(sorted(times)[int(0.95 * (len(times) - 1))] for times in (ours, mine))
            rows.append([topic.id, statistics.median(ours), statistics.median(mine), worst, worst <= BUDGET_MS])
            report[topic.id] = {
                "p50_ours_ms": statistics.median(ours),
                "p50_mine_ms": statistics.median(mine),
                "p95_ms": worst,
            }
        study.close()
    table(
        f"A figure drawn anew, milliseconds (budget {BUDGET_MS:.0f})",
        ["topic", "groundup's code", "the learner's", "p95, the slower", "within"],
        rows,
    )
    print(json.dumps({"benchmark": "figures", "budget_ms": BUDGET_MS, "topics": report}))


if __name__ == "__main__":
    main()
