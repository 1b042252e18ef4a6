"""Children that wait for a job: forked, isolated and rehearsed while nobody waits for a verdict.

A check that finds one does not wait for a fork, for the layers of isolation, and for the pages and the steps that are
slow in a fresh process. There are as many as were lately at work at the same time, within a bound: one for a learner
alone. A child serves one job and is never used again, a spare one no less than any other.

Not protected against: a spare child can be seen, and where there are neither namespaces nor a filter on system calls
also ended, by other learners' code, as every child can. One that is gone is not used. Where children have a folder
each (no namespaces), a judge that is killed leaves that of a child that waited, empty. The same on every platform.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from groundup.study.check.limits import Limits
from groundup.study.check.session import Session
from groundup.study.check.warm import SandboxError, WarmWorker

AFTER_S = 0.05  # by then a verdict has been recorded and sent


class Spares:
    """For several threads. ``wait`` gives the warm worker, or raises; ``most`` is how many children wait at once."""

    def __init__(self, wait: Callable[[], WarmWorker], limits: Limits, most: int) -> None:
        self._wait, self._limits, self._most = wait, limits, most
        self._changed = threading.Condition()
        self._waiting: deque[Session] = deque()
        self._at_work = 0
        self._at_once = 0  # the most that were at work since there last was nobody
        self._wanted = min(1, most)
        self._not_before = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Have spare children made from now on, in the background; idempotent."""
        with self._changed:
            if self._most and self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._serve, name="groundup-spares", daemon=True)
                self._thread.start()
            self._changed.notify()

    def take(self, worker: WarmWorker) -> Session | None:
        """A child of this worker that waits, if there is one."""
        gone: list[Session] = []
        found = None
        with self._changed:
            while found is None and self._waiting:
                one = self._waiting.popleft()
                if one.waits_at(worker):
                    found = one
                else:
                    gone.append(one)
        for one in gone:
            one.close()
        return found

    def begin(self) -> None:
        """Somebody waits for an answer: no spare child is made until ``end``."""
        with self._changed:
            self._at_work += 1
            self._at_once = max(self._at_once, self._at_work)

    def end(self) -> None:
        with self._changed:
            self._at_work -= 1
            if not self._at_work:
                self._wanted = min(self._most, max(self._at_once, self._wanted - 1))
                self._at_once = 0
            self._not_before = time.monotonic() + AFTER_S
            self._changed.notify()

    def close(self) -> None:
        """Close those that wait; idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=10)
        while self._waiting:
            self._waiting.popleft().close()

    # ── in a thread of its own ───────────────────────────────────────────────

    def _serve(self) -> None:
        with suppress(SandboxError):
            self._wait()
        self._not_before = time.monotonic() + AFTER_S  # whoever has waited for the worker comes first
        while True:
            surplus: Session | None = None
            with self._changed:
                while not self._closed and not self._due():
                    early = self._not_before - time.monotonic()
                    self._changed.wait(early if 0 < early < math.inf else None)
                if self._closed:
                    return
                if len(self._waiting) > self._wanted:
                    surplus = self._waiting.popleft()
            if surplus is not None:
                surplus.close()
            else:
                self._add()

    def _due(self) -> bool:
        if self._at_work or time.monotonic() < self._not_before:
            return False
        return len(self._waiting) != self._wanted

    def _add(self) -> None:
        try:
            one = Session(self._wait(), None, self._limits)
        except (SandboxError, OSError):  # whoever asks for a session next is told why
            self._rest()
            return
        if not one.rehearse():
            one.close()
            self._rest()
            return
        with self._changed:
            if not self._closed:
                self._waiting.append(one)
                return
        one.close()

    def _rest(self) -> None:
        """Until somebody has had a session again: a worker that cannot be started is not tried over and over."""
        with self._changed:
            self._not_before = math.inf
