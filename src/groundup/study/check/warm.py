"""The judge's hold on the warm process: starts it, asks it for children, hears how they ended, notices its death.

Not protected against: somebody who may signal this user's processes can end the worker. It is replaced, the checks that
it held end as ``internal`` and are not charged. The same on every platform.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from groundup.study.check.job import Isolation
from groundup.study.check.limits import Limits
from groundup.study.check.worker import ENDED, FAILED, KILL, MESSAGE, START

_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
_WARNINGS_SHOWN = 2_000


class SandboxError(RuntimeError):
    """The sandbox cannot be set up, or not as strictly as was asked."""


@dataclass
class Ticket:
    """One child as the judge knows it. ``status`` is its wait status; None once it is lost with its worker."""

    number: int
    ended: threading.Event = field(default_factory=threading.Event)
    status: int | None = None
    cpu_ms: int = 0
    refused: bool = False


def environment() -> dict[str, str]:
    """All that the warm process sees of the environment: one thread for every library, a fixed order of sets."""
    one_thread = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",
        "PYTHONHASHSEED": "0",  # so that a seed reproduces a verdict, whatever the learner iterates over
        "CUDA_VISIBLE_DEVICES": "",
        **dict.fromkeys(one_thread, "1"),
        **kept,
    }


class WarmWorker:
    """One warm process, from its start to its death."""

    def __init__(self, limits: Limits, level: str, hidden: list[str], lost: Callable[[WarmWorker], None]) -> None:
        self._tickets: dict[int, Ticket] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._lost = lost
        self.ready = threading.Event()  # set when it serves, or when it never will
        self.alive = True
        self.error: str | None = None
        self.isolation: Isolation | None = None
        self.needs_folder = True
        self._control, theirs = socket.socketpair()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115
        with theirs:
            config = {"control": theirs.fileno(), "limits": asdict(limits), "level": level, "hidden": hidden}
            # -P -s and an environment of our own are what -I stands for, but keep PYTHONHASHSEED.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-B", "-m", "groundup.study.check.worker", json.dumps(config)],
                pass_fds=(theirs.fileno(),),
                env=environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=self._words,
                stderr=self._words,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, name="groundup-worker", daemon=True)
        self._reader.start()

    def _receive(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            data = self._control.recv(count - len(found))
            if not data:
                raise EOFError
            found += data
        return found

    def _read(self) -> None:
        """In a thread of its own: hear the worker until it ends."""
        try:
            size = struct.unpack("<Q", self._receive(8))[0]
            answer = json.loads(self._receive(size))
            if "error" in answer:
                self.error = str(answer["error"])
            else:
                self.isolation = Isolation(**answer["isolation"])
                self.needs_folder = bool(answer["needs_folder"])
                self.ready.set()
                while True:
                    self._hear(*MESSAGE.unpack(self._receive(MESSAGE.size)))
        except (EOFError, OSError, ValueError):
            pass
        self._end()

    def _hear(self, what: bytes, number: int, first: int, second: int) -> None:
        with self._lock:
            ticket = self._tickets.pop(number, None)
        if ticket is None:
            return
        if what == ENDED:
            ticket.status, ticket.cpu_ms = first, second
        elif what == FAILED:
            ticket.refused = True
        ticket.ended.set()

    def _end(self) -> None:
        with self._lock:
            self.alive = False
            tickets, self._tickets = list(self._tickets.values()), {}
        if self.error is None and not self.ready.is_set():
            self.error = "the warm process ended before it was ready"
        if self.error is not None:
            self.error += self._last_words()
        self._process.kill()
        self._process.wait()
        self._control.close()
        self._words.close()
        for ticket in tickets:
            ticket.ended.set()
        self.ready.set()
        self._lost(self)

    def _last_words(self) -> str:
        self._words.seek(0, os.SEEK_END)
        self._words.seek(max(0, self._words.tell() - _WARNINGS_SHOWN))
        text = self._words.read().decode("utf-8", "replace").strip()
        return f"\n{text}" if text else ""

    def start(self, descriptors: list[int]) -> Ticket:
        """Ask for a child that holds these descriptors."""
        ticket = Ticket(next(self._numbers))
        with self._lock:
            if not self.alive:
                ticket.ended.set()
                return ticket
            self._tickets[ticket.number] = ticket
            with contextlib.suppress(OSError):  # its death is heard by the reader
                socket.send_fds(self._control, [MESSAGE.pack(START, ticket.number, 0, 0)], descriptors)
        return ticket

    def kill(self, ticket: Ticket) -> None:
        """Ask for the child's end; ``ticket.ended`` tells when it has come."""
        with self._lock, contextlib.suppress(OSError):
            if self.alive and not ticket.ended.is_set():
                self._control.sendall(MESSAGE.pack(KILL, ticket.number, 0, 0))

    def close(self) -> None:
        """End the process and all its children, and wait for it."""
        with contextlib.suppress(OSError):  # it is gone already
            self._control.shutdown(socket.SHUT_WR)
        self._reader.join(timeout=3)
        if self._reader.is_alive():
            self._process.kill()
            self._reader.join(timeout=3)
