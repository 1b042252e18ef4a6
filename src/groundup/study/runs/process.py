"""The process of a run: goes behind its walls, puts the learner's parts in place, then lets the lab speak.

Started by :mod:`.control` with one argument, a JSON object; the run's folder says the rest. From the walls on it can
write to that folder and to nothing else, has no network and cannot start or touch another process. It may read
groundup's own package: the stack is what it is made of.

Not protected against: a learner's part can say in this run's folder whatever it likes about this run. On platforms
without namespaces and Landlock (macOS) only limits hold it, as with checks.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import traceback
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, TypeVar

from groundup.study.check.isolate.layers import Layers
from groundup.study.check.limits import Limits
from groundup.study.runs.machine import machine

Item = TypeVar("Item")

PROGRESS_EVERY_S = 0.25
REST_EVERY_S = 10.0
MONTH_S = 30 * 24 * 3600.0


class Stopped(BaseException):
    """The learner asked the run to stop, and its state is on the disk."""


class RunningRun:
    """:class:`groundup.authoring.Run`, at work in its own folder (the working directory)."""

    def __init__(self, request: Mapping[str, Any], rest_every_s: float, free_mb: float = 0.0) -> None:
        self.free_mb = free_mb
        self.reference: dict[str, float] = {}
        self.options: dict[str, Any] = dict(request["options"])
        self.parts: list[str] = [one["build"] for one in request["parts"]]
        self.state: dict[str, Any] | None = None
        self._rest_every_s = rest_every_s
        self._rested = self._said_progress = time.monotonic()
        self._file = open("events.jsonl", "ab", buffering=0)  # noqa: SIM115
        if self._file.tell() and not self._ends_in_newline():
            self._file.write(b"\n")  # a kill left half a line: readers pass over it

    @staticmethod
    def _ends_in_newline() -> bool:
        with open("events.jsonl", "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def say(self, kind: str, **values: Any) -> None:
        line = json.dumps({"kind": kind, "when": round(time.time(), 3), **values}, default=float)
        self._file.write(line.encode() + b"\n")

    # ── what labs call ───────────────────────────────────────────────────────

    def input(self, name: str) -> Path:
        path = Path("inputs") / name
        if not path.is_file():
            raise FileNotFoundError(f"the lab's prepare() gave no {name!r}")
        return path

    def expect(self, *, seconds: float, memory_mb: float, **facts: str | float) -> None:
        self.say("expect", seconds=seconds, memory_mb=memory_mb, facts=facts)

    def track(self, items: Iterable[Item], label: str, total: int | None = None, done: int = 0) -> Iterator[Item]:
        if total is None and isinstance(items, Sized):
            total = done + len(items)
        began = time.monotonic()
        self._progress(label, done, total, 0.0, at_once=True)
        for item in items:
            yield item
            done += 1
            self._progress(label, done, total, time.monotonic() - began, at_once=done == total)

    def _progress(self, label: str, done: int, total: int | None, seconds: float, at_once: bool) -> None:
        now = time.monotonic()
        if at_once or now - self._said_progress >= PROGRESS_EVERY_S:
            self._said_progress = now
            self.say("progress", label=label, done=done, total=total, seconds=round(seconds, 2))

    def log(self, step: int, **metrics: float) -> None:
        # Python writes a float so that it reads back as the same float: curves can be compared bit by bit.
        self.say("log", step=step, metrics={name: float(value) for name, value in metrics.items()})

    def text(self, title: str, text: str, step: int | None = None) -> None:
        self.say("text", title=title, text=text, step=step)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str | float | int | None]]) -> None:
        self.say("table", title=title, columns=list(columns), rows=[list(row) for row in rows])

    def checkpoint(self, make: Callable[[], dict[str, Any]], *, now: bool = False) -> None:
        stop = os.path.exists("stop")
        if not (now or stop or time.monotonic() - self._rested >= self._rest_every_s):
            return
        import numpy as np
        import torch

        began = time.monotonic()
        numpy_state = np.random.get_state(legacy=False)
        sources = {
            "torch": torch.get_rng_state(),
            "python": json.dumps(random.getstate()),
            "numpy": json.dumps(numpy_state, default=lambda array: array.tolist()),
        }
        torch.save({"state": make(), "sources": sources}, "checkpoint.new")
        _sync("checkpoint.new")
        os.replace("checkpoint.new", "checkpoint.pt")
        os.fsync(self._file.fileno())
        self._rested = time.monotonic()
        self.say("rest", seconds=round(self._rested - began, 3))
        if stop:
            raise Stopped

    def restore(self) -> bool:
        """Take up the last checkpoint, if there is one; random sources included."""
        if not os.path.exists("checkpoint.pt"):
            return False
        import numpy as np
        import torch

        held = torch.load("checkpoint.pt", weights_only=True)
        self.state = held["state"]
        torch.set_rng_state(held["sources"]["torch"])
        version, numbers, gauss = json.loads(held["sources"]["python"])
        random.setstate((version, tuple(numbers), gauss))
        state = json.loads(held["sources"]["numpy"])
        state["state"]["key"] = np.array(state["state"]["key"], dtype=np.uint32)
        np.random.set_state(state)
        return True

    def save(self, write: Callable[[Path], None], **scores: float | str) -> None:
        import shutil

        shutil.rmtree("model.new", ignore_errors=True)
        os.mkdir("model.new")
        write(Path("model.new"))
        shutil.rmtree("model", ignore_errors=True)
        os.rename("model.new", "model")
        self.say("saved", scores=scores)

    def result(self, **scores: float | str | bool) -> None:
        self.say("result", scores=scores)

    def end(self, state: str, message: str = "") -> None:
        """The last word: on the disk, and only then in the events."""
        with open("result.new", "w", encoding="utf-8") as file:
            json.dump({"state": state, "message": message}, file)
        _sync("result.new")
        os.replace("result.new", "result.json")
        self.say("end", state=state, message=message)
        os.fsync(self._file.fileno())


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def bounds(free: float) -> Limits:
    """A run's limits: nearly all of the memory that is free (MB), a month of time, 8 GB a file."""
    return Limits(
        wall_s=MONTH_S,
        cpu_s=MONTH_S,
        memory_mb=max(512.0, free * 0.95),
        files_mb=8192.0,
        open_files=1024,
        stack_mb=8.0,
    )


def execute_lab(source: str, path: str) -> types.ModuleType:
    """The lab's file, after parts are in place: what it imports from the stack is then the learner's."""
    module = types.ModuleType("groundup_lab")
    module.__file__ = path
    sys.modules[module.__name__] = module
    exec(compile(source, path, "exec"), module.__dict__)
    return module


def probe(source: str, path: str, scale: str, free_mb: float) -> dict[str, float]:
    """What the lab measures of itself with the reference's parts, before any of the learner's is in place."""
    lab = execute_lab(source, path)
    return {name: float(value) for name, value in lab.probe(scale, free_mb).items()} if hasattr(lab, "probe") else {}


def main() -> None:
    """Go behind the walls, then work."""
    config = json.loads(sys.argv[1])
    folder = Path(config["folder"])
    request = json.loads((folder / "request.json").read_bytes())
    layers = Layers(config["level"], config["hidden"], own=str(folder))
    try:
        layers.enter_early()
        import torch

        torch.set_num_threads(request["threads"])
        torch.backends.cpu.get_cpu_capability()  # asks /proc and /sys, which are out of sight later
        from groundup.study import parts

        parts.import_stack()
        lab_source = Path(config["lab"]).read_text(encoding="utf-8")
        layers.enter_late()
        free_mb = machine().free_mb
        layers.isolate(bounds(free_mb))
    except Exception:
        os.chdir(folder)
        traceback.print_exc()
        RunningRun(request, REST_EVERY_S).end("failed", "the run's process could not be walled in; log.txt says why")
        raise SystemExit(70) from None
    os.umask(0o077)
    raise SystemExit(work(request, {**config, "free_mb": free_mb, "isolation": layers.isolation.name}, lab_source))


def work(request: dict[str, Any], config: dict[str, Any], lab_source: str) -> int:
    """Swap, restore, run, and say how it ended: 0 done, 3 stopped, 1 failed."""
    import numpy as np
    import torch

    from groundup.study import parts
    from groundup.study.runs.records import UsedPart

    run = RunningRun(request, config["rest_every_s"], config["free_mb"])
    sys.path.insert(0, os.path.abspath("sources"))
    sys.dont_write_bytecode = True
    try:
        if request["parts"]:
            run.reference = probe(lab_source, config["lab"], request["scale"], run.free_mb)
        random.seed(request["seed"])
        np.random.seed(request["seed"])
        torch.manual_seed(request["seed"])
        swapped = parts.swap(parts.load(UsedPart(**one) for one in request["parts"]))
        lab = execute_lab(lab_source, config["lab"])
        resumed = run.restore()
        run.say("begin", resumed=resumed, isolation=config["isolation"])
        lab.run(run, request["scale"])
        if swapped:
            rows: list[list[str | float | int | None]] = [[one.build, len(one.places), one.calls] for one in swapped]
            run.table("Your parts at work", ["part", "places in the stack", "uses"], rows)
    except Stopped:
        run.end("stopped", "stopped; `groundup runs resume` goes on from here")
        return 3
    except MemoryError:
        traceback.print_exc()
        run.end("failed", "memory ran out; a smaller scale needs less")
        return 1
    except BaseException as error:
        traceback.print_exc()
        out_of_memory = "not enough memory" in str(error) or "can't allocate memory" in str(error)
        why = "memory ran out; a smaller scale needs less" if out_of_memory else f"{type(error).__name__}: {error}"
        run.end("failed", why[:2000])
        return 1
    run.end("done")
    return 0


if __name__ == "__main__":
    main()
