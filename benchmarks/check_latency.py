"""How long a learner waits for a verdict, beside what a test runner takes on the same file and the same cases.

Measured in one run, warm, several times each, for a right answer and for a wrong one, with 0.3 s between two presses
(nobody presses faster, and in that time the judge runs the reference for the next check, and a child is made ready for
it; all are given the same pause):

- ``groundup``: what a press of Check does: snapshot, sandboxed child, comparison, durable record, verdict;
- ``floor``: the same drivers and comparisons in this very process, without any isolation: what no checker can beat;
- ``pytest.main``: pytest, imported already, called in this process, torch imported already;
- ``pytest``: a fresh ``python -m pytest``, as a learner would start it;
- ``in-kernel exec``: the way of TorchCode's notebooks: the file and each case's test are executed in the learner's own
  process, which is warm, and which they can change as they like;
- ``otter-grader``: ``Notebook.check`` on the same cases in the same process; left out, and said so, where it is not
  installed (``pip install otter-grader``).

Also measured: how long after the start the checker is ready (budget 4 s); eight learners who press at once, but for the
first time, when one of them finds a child that waits (budget: p95 at most 4 times that of one alone; they are also held
against one alone on one core); and what the machine itself takes to wake: the same few lines of Python over and over,
and after such a pause. On a shared machine the second can be many times the first.

Peers are measured on three topics (--peers), ours and the floor on all that are written, or those that are named.

Usage: python benchmarks/check_latency.py [TOPIC …] [--repeats N] [--peers TOPIC …]. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

from groundup.study.check.inprocess import run_drivers
from groundup.study.check.judge import Judge
from groundup.study.check.misconceptions import judge_outcomes
from groundup.study.check.sandbox import Sandbox
from groundup.study.home import find_home
from groundup.study.service import Study
from groundup.study.topics import Topic
from groundup.study.workspace import Snapshot

PAUSE_S = 0.3
TOPICS = ("vectors", "byte-pair-encoding", "self-attention")
TEST_FILE = '''
"""The cases of {topic} as a plain pytest file."""
import importlib.util, random, pytest, torch
torch.set_num_threads(1)
from groundup.study.roadmap import load_roadmap
from groundup.study.check.inprocess import run_drivers
from groundup.study.check.misconceptions import judge_outcomes
topic = load_roadmap().topic({topic!r})
spec = importlib.util.spec_from_file_location("learner", {path!r})
learner = importlib.util.module_from_spec(spec)
spec.loader.exec_module(learner)
SEED = random.randrange(2**53)

@pytest.mark.parametrize("case", list(topic.cases()))
def test_case(case):
    mine = run_drivers(topic, learner, SEED, [case])
    theirs = run_drivers(topic, topic.references(), SEED, [case], reference=True)
    assert all(result.passed for result in judge_outcomes(topic, mine, theirs).values())
'''


def spent(action: Callable[[], object], repeats: int, *, warm: int = 1) -> list[float]:
    """Milliseconds of each repeat, after ``warm`` that are not counted."""
    for _ in range(warm):
        action()
    times = []
    for _ in range(repeats):
        time.sleep(PAUSE_S)
        began = time.perf_counter()
        action()
        times.append((time.perf_counter() - began) * 1000)
    return times


def awakening() -> dict[str, float]:
    """Milliseconds of the same few lines of Python, over and over and after a pause."""

    def lines() -> None:
        table = {str(number): number for number in range(3_000)}
        sum(table.values())

    def median(pause: float) -> float:
        times = []
        for _ in range(12):
            time.sleep(pause)
            began = time.perf_counter()
            lines()
            times.append((time.perf_counter() - began) * 1000)
        return round(statistics.median(times), 2)

    return {"over and over": median(0.0), "after a pause": median(PAUSE_S)}


def p95(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, round(0.95 * (len(times) - 1)))]


def load(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("learner", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def floor(topic: Topic, path: Path, passes: bool) -> None:
    seed = time.perf_counter_ns() % 2**53
    mine = run_drivers(topic, load(path), seed)
    theirs = run_drivers(topic, topic.references(), seed, reference=True)
    results = judge_outcomes(topic, mine, theirs)
    assert all(one.passed for one in results.values()) is passes


def in_process_pytest(test: Path, passes: bool) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        code = pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", str(test.parent), "-c", os.devnull, str(test)])
    assert (code == 0) is passes


def cold_pytest(test: Path, passes: bool) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(test.parent), "-c", os.devnull, str(test)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode == 0) is passes, done.stdout


def case_runner(topic: Topic, path: Path) -> Callable[[str], bool]:
    """What a notebook's kernel holds: the learner's file as it is now, and a test for one case."""
    seed = time.perf_counter_ns() % 2**53
    learner = load(path)

    def passes(case: str) -> bool:
        mine = run_drivers(topic, learner, seed, [case])
        theirs = run_drivers(topic, topic.references(), seed, [case], reference=True)
        return all(one.passed for one in judge_outcomes(topic, mine, theirs).values())

    return passes


def in_kernel(topic: Topic, path: Path, passes: bool) -> None:
    names: dict[str, object] = {"passes": case_runner(topic, path)}
    failed = []
    for case in topic.cases():
        try:
            exec(compile(f"assert passes({case!r})", case, "exec"), names)
        except AssertionError:
            failed.append(case)
    assert (not failed) is passes


OTTER_TEST = """
OK_FORMAT = True
code = [">>> passes(%r)\\nTrue" % case for case in {cases!r}]
cases = [{{"code": one, "hidden": False, "locked": False}} for one in code]
suite = {{"type": "doctest", "scored": True, "setup": "", "teardown": "", "cases": cases}}
test = {{"name": "q", "points": 1, "suites": [suite]}}
"""


def otter_check(topic: Topic, path: Path, folder: Path) -> Callable[[bool], None] | None:
    """A check by otter-grader; None where it is not installed."""
    if importlib.util.find_spec("otter") is None:
        return None
    import otter

    tests = folder / f"otter-{topic.id}"
    tests.mkdir(exist_ok=True)
    (tests / "q.py").write_text(OTTER_TEST.format(cases=list(topic.cases())))
    with contextlib.chdir(folder):
        notebook = otter.Notebook(tests_dir=str(tests))

    def check(passes: bool) -> None:
        with contextlib.chdir(folder):  # it writes a log wherever it is called
            results = notebook.check("q", global_env={"passes": case_runner(topic, path)})
        assert results.passed_all is passes

    return check


def at_once(study: Study, topic: Topic, learners: int, rounds: int) -> dict[str, float]:
    """Learners who press at the same moment, and one alone, on the same warm judge."""
    judge, snapshot = study.judge(), study.source(topic.id)

    def press(start: threading.Barrier) -> float:
        start.wait()
        began = time.perf_counter()
        assert judge.check(topic, snapshot).kind == "passed"
        return (time.perf_counter() - began) * 1000

    alone = spent(lambda: judge.check(topic, snapshot), 4 * rounds, warm=3)
    together: list[list[float]] = []
    with ThreadPoolExecutor(learners) as pool:
        for _ in range(1 + rounds):
            time.sleep(PAUSE_S)
            start = threading.Barrier(learners)
            together.append([one.result() for one in [pool.submit(press, start) for _ in range(learners)]])
    first, *others = together  # of the first eight, one finds a child that waits
    warm = [one for times in others for one in times]
    report = {
        "learners": learners,
        "alone p95 ms": round(p95(alone), 1),
        "the first time ms": round(max(first), 1),
        "together p50 ms": round(statistics.median(warm), 1),
        "together p95 ms": round(p95(warm), 1),
        "times alone (p95)": round(p95(warm) / p95(alone), 2),
    }
    if hasattr(os, "sched_setaffinity"):  # Linux
        narrow = p95(on_one_core(topic, snapshot, 4 * rounds))
        report |= {
            "alone on one core p95 ms": round(narrow, 1),
            "times alone on one core (p95)": round(p95(warm) / narrow, 2),
        }
    return report


def on_one_core(topic: Topic, snapshot: Snapshot, repeats: int) -> list[float]:
    """The times of one alone whose judge and child share a core, as they do where all cores are at work."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # what is started from here on stays there, too
    sandbox = Sandbox(spares=1)
    judge = Judge(sandbox)
    try:
        sandbox.start()
        return spent(lambda: judge.check(topic, snapshot), repeats, warm=3)
    finally:
        judge.close()
        sandbox.close()
        os.sched_setaffinity(0, cores)


def broken(source: str, topic: Topic) -> str:
    """The source with its first build wrong, and with it whatever builds upon it: near the worst case."""
    name = topic.builds[0].name
    # A negated result, or a list without its last entry, or nothing: wrong for every build whatever it returns.
    return (
        f"{source}\n\n_right = {name}\n\n\ndef {name}(*args, **kwargs):\n    result = _right(*args, **kwargs)\n"
        "    if isinstance(result, (list, tuple, str)):\n        return result[:-1]\n"
        "    return -result if hasattr(result, '__neg__') and not isinstance(result, bool) else None\n"
    )


def measure(study: Study, topic: Topic, folder: Path, repeats: int, peers: bool) -> dict[str, object]:
    """The times of one topic; without ``peers`` only ours and the floor's."""
    path = study.open(topic.id).path
    right = study.solution(topic.id)
    report: dict[str, object] = {"topic": topic.id, "cases": len(topic.cases())}
    for kind, source in (("passed", right), ("wrong", broken(right, topic))):
        passes = kind == "passed"
        path.write_text(source)
        test = folder / f"test_{topic.id.replace('-', '_')}_{kind}.py"
        test.write_text(TEST_FILE.format(topic=topic.id, path=str(path)))

        def check(expected: str = kind) -> None:
            verdict = study.check(topic.id)
            assert (verdict.kind == "passed") is (expected == "passed"), verdict

        times = {
            "groundup": spent(check, repeats, warm=3),
            "floor": spent(lambda p=passes: floor(topic, path, p), repeats, warm=3),
        }
        if peers:
            times["in-kernel exec"] = spent(lambda p=passes: in_kernel(topic, path, p), repeats, warm=3)
            few = max(5, repeats // 4)
            times["pytest.main"] = spent(lambda t=test, p=passes: in_process_pytest(t, p), few, warm=2)
            times["pytest"] = spent(lambda t=test, p=passes: cold_pytest(t, p), max(3, repeats // 10))
        if peers and (otter := otter_check(topic, path, folder)) is not None:
            with contextlib.redirect_stdout(io.StringIO()):
                times["otter-grader"] = spent(lambda p=passes, check=otter: check(p), repeats, warm=2)
        medians = {name: statistics.median(values) for name, values in times.items()}
        report[kind] = {
            **{f"{name} p50 ms": round(medians[name], 1) for name in times},
            "groundup p95 ms": round(p95(times["groundup"]), 1),
            **{
                f"times faster than {name}": round(medians[name] / medians["groundup"], 2)
                for name in ("pytest", "pytest.main", "otter-grader")
                if name in medians
            },
            "times the floor": round(medians["groundup"] / medians["floor"], 2),
            "ms above the floor": round(medians["groundup"] - medians["floor"], 1),
            "within 1.5 floors + 60 ms": medians["groundup"] <= 1.5 * medians["floor"] + 60,
        }
    path.write_text(right)
    if peers:
        report["at once"] = at_once(study, topic, learners=8, rounds=max(3, repeats // 4))
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("topics", nargs="*", help="left out: all that are written")
    parser.add_argument("--peers", nargs="*", default=TOPICS, help="topics on which the peers are measured, too")
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        study = Study(find_home(str(Path(folder) / "home")))
        began = time.perf_counter()
        isolation = study.judge() and study.sandbox.isolation.name
        ready_s = round(time.perf_counter() - began, 2)
        if importlib.util.find_spec("otter") is None:
            print("otter-grader is not installed: it is left out")
        print(f"the checker was ready {ready_s} s after it was asked for (budget 4 s)")
        machine = awakening()
        print(f"the machine: {machine['over and over']} ms over and over, {machine['after a pause']} after a pause")
        print(f"{os.cpu_count()} cores, isolation: {isolation}; each time is a median, right and wrong answers apart")
        reports = []
        written = [topic.id for topic in study.roadmap.topics.values() if topic.written]
        for name in options.topics or written:
            report = measure(study, study.written(name), Path(folder), options.repeats, name in options.peers)
            reports.append(report)
            for kind in ("passed", "wrong"):
                numbers = report[kind]
                assert isinstance(numbers, dict)
                print(f"\n{name}, {report['cases']} cases, {kind}")
                for label, value in numbers.items():
                    print(f"  {label:32} {value!s:>10}")
            if "at once" in report:
                print(f"\n{name}, learners who press at once")
            for label, value in dict(report.get("at once", {})).items():
                print(f"  {label:32} {value!s:>10}")
        study.close()
    report = {"benchmark": "check_latency", "isolation": isolation, "ready s": ready_s, "the machine ms": machine}
    print(json.dumps({**report, "topics": reports}))


if __name__ == "__main__":
    main()
