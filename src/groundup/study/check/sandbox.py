"""The sandbox: a warm worker that forks one isolated child for each session.

It protects the judge, the learner's progress and the machine from mistakes and from mischief in a learner's file. Not
protected against: holes in the kernel (put a virtual machine or gVisor around it for strangers on the open
internet), timing side channels, and a child that looks into its own memory, which holds nothing worth finding. What is
not enforced on this machine stands in :attr:`Sandbox.isolation` and on every verdict; ``level="strict"`` refuses to
work with less than everything. :mod:`groundup.study.check.isolate` says for each platform what is open.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from groundup.study.check.job import Answer, Isolation, Job, Loaded, RaisedAt
from groundup.study.check.limits import Limits
from groundup.study.check.selftest import Probe, run
from groundup.study.check.session import JobError, Session
from groundup.study.check.spares import Spares
from groundup.study.check.warm import SandboxError, WarmWorker

LEVELS = ("auto", "strict", "namespaces", "landlock", "rlimits")
_WEAKER = {"auto": "landlock", "landlock": "rlimits"}
_WARM_UP_S = 120.0


class Sandbox:
    """Sessions from several threads at once. A worker that dies is replaced; its sessions end as "internal".

    ``level``: "auto" takes the strongest isolation that works here, "strict" refuses anything less than all of it, and
    the names of :mod:`groundup.study.check.isolate.layers` force one (a weaker one is for tests). ``hidden`` are
    folders that a child must not see, besides groundup's own. Every limit and layer is probed once in the background
    after the start; ``self_test=False`` leaves that out, but in strict mode. ``spares`` is how many children may wait
    for a job (:mod:`groundup.study.check.spares`).
    """

    def __init__(
        self,
        limits: Limits | None = None,
        level: str = "auto",
        hidden: Sequence[str | Path] = (),
        *,
        self_test: bool = True,
        spares: int = 0,
    ) -> None:
        if level not in LEVELS:
            raise ValueError(f"level is one of {', '.join(LEVELS)}, not {level!r}")
        self.limits = limits or Limits()
        self.level = level
        self.hidden = [os.path.realpath(path) for path in hidden]
        self.probes: list[Probe] = []
        self._level_now = level
        self._lacks: list[str] = []
        self._test = self_test or level == "strict"
        self._tester: threading.Thread | None = None
        self._tested = threading.Event()
        self._lock = threading.RLock()
        self._worker: WarmWorker | None = None
        self._closed = False
        self._spares = Spares(self.wait, self.limits, spares)

    # ── the worker ───────────────────────────────────────────────────────────

    def start(self) -> None:
        """Start the warm process, without waiting for it; idempotent."""
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed")
            if self._worker is None or not self._worker.alive:
                self._worker = WarmWorker(self.limits, self._level_now, self.hidden, self._lost)
            if self._tester is None and self._test:
                self._tester = threading.Thread(target=self._probe, name="groundup-selftest", daemon=True)
                self._tester.start()
        self._spares.start()

    def _lost(self, worker: WarmWorker) -> None:
        """A worker has ended. One that had served is replaced at once; one that could not start is not."""
        with self._lock:
            if worker.error is None and worker is self._worker and not self._closed:
                self.start()

    @property
    def ready(self) -> bool:
        """True when a session would start at once."""
        worker = self._worker
        return worker is not None and worker.alive and worker.ready.is_set()

    @property
    def worker_pid(self) -> int | None:
        worker = self._worker
        return None if worker is None else worker.pid

    def wait(self, timeout_s: float = _WARM_UP_S) -> WarmWorker:
        """The worker, when it is warm (and, in strict mode, probed); SandboxError where it cannot be."""
        deadline = time.monotonic() + timeout_s
        worker = self._warm(deadline)
        if self.level == "strict" and threading.current_thread() is not self._tester:
            if not self._tested.wait(max(0.0, deadline - time.monotonic())):
                raise SandboxError("the self-test did not come to an end")
            if self._lacks:
                raise SandboxError("not everything is enforced here: " + "; ".join(self._lacks))
        return worker

    def _warm(self, deadline: float) -> WarmWorker:
        while True:
            self.start()
            worker = self._worker
            if worker is None:
                raise SandboxError("the sandbox is closed")
            if not worker.ready.wait(max(0.0, deadline - time.monotonic())):
                raise SandboxError("the checker's process did not become ready in time")
            if worker.error is None and worker.alive:
                return worker
            if worker.error is not None:
                self._weaken(worker)

    def _weaken(self, worker: WarmWorker) -> None:
        """A worker that cannot start at the level that was tried: "auto" goes on with a weaker one, and says so."""
        with self._lock:
            if worker is not self._worker:
                return
            weaker = _WEAKER.get(self._level_now) if self.level == "auto" else None
            if weaker is None:
                raise SandboxError(worker.error or "the checker's process could not be started")
            first_line = (worker.error or "").partition("\n")[0]
            self._lacks.append(f"what is stronger than {weaker} failed to start: {first_line}")
            self._level_now = weaker

    # ── what is enforced ─────────────────────────────────────────────────────

    @property
    def isolation(self) -> Isolation:
        """What is enforced here, and what is not; waits for the worker to be warm."""
        isolation = self.wait().isolation
        assert isolation is not None
        return replace(isolation, lacks=[*isolation.lacks, *self._lacks])

    def _probe(self) -> None:
        """In a thread of its own: the self-test, once."""
        try:
            self.probes = run(self)
            through = [one for one in self.probes if one.promised and not one.stopped]
            self._lacks += [f"self-test: {one.name.replace('_', ' ')} was not stopped" for one in through]
        except Exception as error:
            if not self._closed:
                self._lacks.append(f"the self-test could not be run: {type(error).__name__}: {error}")
        finally:
            self._tested.set()

    def self_test(self, timeout_s: float = 60.0) -> list[Probe]:
        """What was probed; waits for it."""
        self.start()
        if self._tester is None or not self._tested.wait(timeout_s):
            raise SandboxError("there was no self-test")
        return self.probes

    # ── sessions ─────────────────────────────────────────────────────────────

    def session(self, job: Job, wall_s: float | None = None) -> Session:
        """A child for this job, for a ``with`` statement; ``wall_s`` gives it other time than the sandbox's limits."""
        limits = self.limits if wall_s is None else replace(self.limits, wall_s=wall_s)
        worker = self.wait()
        self._spares.begin()
        try:
            session = self._spares.take(worker)
            if session is None:
                session = Session(worker, job, limits)
            else:
                session.give(job, limits)
        except BaseException:
            self._spares.end()
            raise
        session.released = self._spares.end
        return session

    def close(self) -> None:
        """End the worker and all its children; idempotent."""
        with self._lock:
            self._closed = True
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()
        self._spares.close()
        if self._tester is not None and self._tester is not threading.current_thread():
            self._tester.join(timeout=10)

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


__all__ = [
    "Answer",
    "Isolation",
    "Job",
    "JobError",
    "Limits",
    "Loaded",
    "Probe",
    "RaisedAt",
    "Sandbox",
    "SandboxError",
    "Session",
]
