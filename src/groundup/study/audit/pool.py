"""Two processes that run mutants at once; see :mod:`groundup.study.audit.worker` for what happens in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from groundup.study.audit.mutants import Mutant
from groundup.study.topics import Topic

SEEDS = (101, 202, 303)


class PoolError(RuntimeError):
    """A worker failed: ours, not a mutant's."""


class Pool:
    """Workers for mutants, started at once so that torch is imported while other things are checked."""

    def __init__(self, count: int = 2) -> None:
        one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        # What this process can import, its workers can.
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = os.environ | one_thread | {"PYTHONPATH": paths}
        self._workers = [
            subprocess.Popen(
                [sys.executable, "-m", "groundup.study.audit.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                encoding="utf-8",
            )
            for _ in range(count)
        ]

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for worker in self._workers:
            if error is not None:
                worker.kill()
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.close()
            worker.wait(timeout=60)
            worker.stdout.close()

    def run(self, topic: Topic, mutants: Sequence[Mutant], seeds: Sequence[int] = SEEDS) -> list[str | None]:
        """What kills each mutant (a case, or how it ended); None for one that survives."""
        shares = [mutants[index :: len(self._workers)] for index in range(len(self._workers))]
        solution = topic.solution_source()
        for worker, share in zip(self._workers, shares, strict=True):
            request = {
                "folder": str(topic.folder.parent.parent),
                "topic": topic.id,
                "solution": solution,
                "seeds": list(seeds),
                "mutants": [[mutant.build, mutant.source] for mutant in share],
            }
            assert worker.stdin is not None
            try:
                worker.stdin.write(json.dumps(request) + "\n")
                worker.stdin.flush()
            except BrokenPipeError:
                raise PoolError("a process that runs mutants has ended") from None
        # All are read before one is looked at: an answer left in its pipe would be taken for that of the next topic.
        lines = [worker.stdout.readline() for worker in self._workers if worker.stdout is not None]
        found: list[str | None] = [None] * len(mutants)
        for index, line in enumerate(lines):
            found[index :: len(lines)] = _killed(line)
        return found


def _killed(line: str) -> list[str | None]:
    if not line:
        raise PoolError("a process that runs mutants has ended")
    reply: dict[str, Any] = json.loads(line)
    if "error" in reply:
        raise PoolError(reply["error"])
    if reply["baseline"] is not None:
        raise PoolError(f"the solution itself differs from the reference: {reply['baseline']}")
    killed: list[str | None] = reply["killed"]
    return killed
