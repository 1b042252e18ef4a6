"""The process in which mutants run: one thread, torch imported once, a forked runner that may be killed at any mutant.

Started by :mod:`groundup.study.audit.pool` as ``python -m groundup.study.audit.worker``. It reads one JSON line a topic
and answers one. Mutants are our own code with one edit: nothing here is a sandbox; time and memory are bounded,
because an edit can make a loop endless.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import sys
import time
import types
import warnings
from dataclasses import dataclass, field
from typing import Any

from groundup.study.check.inprocess import Outcome, run_drivers
from groundup.study.check.misconceptions import UsualScales, judge_case
from groundup.study.roadmap import load_roadmap
from groundup.study.topics import Topic

MEMORY = 8 * 2**30  # of address space; torch alone maps a good part of it
PATIENCE = 15  # times as long as the solution itself may a mutant take,
LEAST_S = 1.0  # but so many seconds at least


@dataclass
class Bench:
    """What mutants of one topic are held against."""

    topic: Topic
    seeds: list[int]
    expected: dict[int, dict[str, Outcome]] = field(default_factory=dict)
    usual: UsualScales = field(init=False)

    def __post_init__(self) -> None:
        references = self.topic.references()
        self.usual = UsualScales(self.topic)
        for seed in self.seeds:
            self.expected[seed] = run_drivers(self.topic, references, seed, reference=True)

    def killed_by(self, source: str, build: str) -> str | None:
        """The case that tells the source from the reference; None where all agree on all seeds."""
        try:
            builds = _loaded(source, [one.name for one in self.topic.builds])
        except BaseException as error:
            return f"does not load: {type(error).__name__}"
        cases = self.topic.cases()
        order = sorted(cases, key=lambda name: build not in cases[name].builds)
        for seed in self.seeds:
            for name in order:
                try:
                    mine = run_drivers(self.topic, builds, seed, [name])[name]
                except BaseException as error:  # a driver catches no SystemExit
                    return f"{name}: {type(error).__name__}"
                if not judge_case(name, cases[name], mine, self.expected[seed][name], self.usual).passed:
                    return name
        return None


def _loaded(source: str, names: list[str]) -> types.SimpleNamespace:
    module = types.ModuleType("groundup_mutant")
    sys.modules[module.__name__] = module
    exec(compile(source, module.__name__, "exec"), module.__dict__)
    return types.SimpleNamespace(**{name: getattr(module, name) for name in names})


def _runner(bench: Bench, mutants: list[list[str]], start: int, answer: int) -> None:
    """In the forked child: run mutants from ``start`` on, and write one line for each."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for build, source in mutants[start:]:
        line = json.dumps(bench.killed_by(source, build)) + "\n"
        os.write(answer, line.encode())


def _run_all(bench: Bench, mutants: list[list[str]], limit_s: float) -> list[str | None]:
    """What kills each mutant. A runner that takes too long over one, or dies of it, is replaced by another."""
    found: list[str | None] = []
    while len(found) < len(mutants):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            try:
                _runner(bench, mutants, len(found), writer)
            finally:
                os._exit(0)
        os.close(writer)
        try:
            _collect(reader, found, len(mutants), limit_s)
        finally:
            os.close(reader)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return found


def _collect(reader: int, found: list[str | None], wanted: int, limit_s: float) -> None:
    """Read answers until all are there, or the runner has been silent for too long or has died over one mutant."""
    held = b""
    deadline = time.monotonic() + limit_s
    while len(found) < wanted:
        ready, _, _ = select.select([reader], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            found.append("takes too long")
            return
        chunk = os.read(reader, 65536)
        if not chunk:
            found.append("ends the process")
            return
        *lines, held = (held + chunk).split(b"\n")
        for line in lines:
            found.append(json.loads(line))
            deadline = time.monotonic() + limit_s


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request: why the solution itself does not hold, or what kills each mutant."""
    roadmap = load_roadmap(request["folder"])
    bench = Bench(roadmap.topic(request["topic"]), request["seeds"])
    began = time.perf_counter()
    baseline = bench.killed_by(request["solution"], "")
    limit = max(LEAST_S, PATIENCE * (time.perf_counter() - began))
    if baseline is not None:
        return {"baseline": baseline, "killed": []}
    return {"baseline": None, "killed": _run_all(bench, request["mutants"], limit)}


def main() -> None:
    import torch

    warnings.simplefilter("ignore")  # wrong code may well warn
    torch.set_num_threads(1)  # before its first operation: a forked child would hang on the threads of its parent
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
