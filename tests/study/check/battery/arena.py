"""Where the battery is fought: one warm judge, secrets around it, and what must hold after every file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import torch

from battery.entry import MARK, RIGHT, Entry
from groundup.authoring import Case, close
from groundup.study.check.judge import Judge
from groundup.study.check.limits import Limits
from groundup.study.check.sandbox import Sandbox
from groundup.study.check.verdict import Verdict
from groundup.study.workspace import Snapshot

LIMITS = Limits(wall_s=2.5, cpu_s=2.5, memory_mb=256, output_kb=32, result_mb=16, files_mb=4)
DRIVERS = """
def doubled(my, rng):
    return my.double(rng.normal(3))

def doubled_matrix(my, rng):
    return my.double(rng.normal(2, 3))
"""
OUTSIDE = ("/usr/groundup-battery", "/tmp/groundup-battery")
HONEST = RIGHT.encode()


@dataclass(frozen=True)
class Build:
    name: str = "double"
    without: tuple[str, ...] = ()


class Topic:
    """The smallest topic there can be: twice what is given."""

    id = "battery"
    check_version = 1
    builds = (Build(),)

    def __init__(self) -> None:
        self._drivers = types.ModuleType("drivers")
        exec(DRIVERS, self._drivers.__dict__)

    def drivers_source(self) -> str:
        return DRIVERS

    def drivers(self) -> types.ModuleType:
        return self._drivers

    def cases(self) -> dict[str, Case]:
        return {
            "doubled": close("a vector is doubled", builds="double"),
            "doubled_matrix": close("a matrix is doubled", builds="double"),
        }

    def references(self) -> types.SimpleNamespace:
        return types.SimpleNamespace(double=lambda x: x * 2)

    def mistakes(self) -> list[Any]:
        return []

    def alternatives(self) -> list[Any]:
        return []


@dataclass
class Outcome:
    """One file's verdict, the seconds that it took, and what was not as it must be.

    What a level does not promise to stop, and did not, stands in ``unstopped``: for the report, not for a failure.
    """

    entry: Entry
    verdict: Verdict
    seconds: float
    problems: list[str] = field(default_factory=list)
    unstopped: list[str] = field(default_factory=list)


class Arena:
    """A judge at one level, with a home, servers and a bystander that no file may reach."""

    def __init__(self, level: str, folder: Path) -> None:
        self.folder = folder
        self.topic = Topic()
        self.quiet = threading.Lock()  # held while what is left behind is counted: nobody else checks meanwhile
        self.home = folder / "home"
        self._secrets()
        self._servers = self._listen()
        secret = {**os.environ, "GROUNDUP_BATTERY": MARK}
        self.bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], env=secret)
        os.environ["GROUNDUP_BATTERY"] = MARK
        self.sandbox = Sandbox(LIMITS, level=level, hidden=[self.home], self_test=False, spares=1)
        self.level = self.sandbox.isolation.name
        self._old = {one.pid for one in psutil.Process().children(recursive=True)}  # no child was asked for yet
        self.judge = Judge(self.sandbox)
        for _ in range(3):
            assert self.honest().kind == "passed"
        time.sleep(1)  # a verdict does not wait for the end of its child, and a child that waits takes its time
        deadline = time.monotonic() + 20
        while self._processes().count("fresh") != 1 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self._processes().count("fresh") == 1, "no child waits for the next check"
        self.usual = self._usual()

    def _secrets(self) -> None:
        for name in (".groundup/progress.sqlite", ".groundup/token", "mine/mathematics/vectors.py"):
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"# {MARK}\n" * 50)

    def _listen(self) -> list[socket.socket]:
        stream = socket.create_server(("127.0.0.1", 0))
        self.port = stream.getsockname()[1]
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagram.bind(("127.0.0.1", self.port))
        self.path = str(self.folder / "socket")
        self.abstract = f"groundup-battery-{os.getpid()}-{self.port}"
        servers = [stream, datagram]
        for address in (self.path, "\0" + self.abstract):
            if sys.platform != "linux" and address.startswith("\0"):
                continue
            one = socket.socket(socket.AF_UNIX)
            one.bind(address)
            one.listen()
            servers.append(one)
        for one in servers:
            one.setblocking(False)
        return servers

    # ── a file and its verdict ───────────────────────────────────────────────

    def source(self, entry: Entry) -> bytes:
        places = {
            "@HOME@": str(self.home),
            "@PORT@": str(self.port),
            "@SOCKET@": self.path,
            "@ABSTRACT@": self.abstract,
            "@JUDGE@": str(os.getpid()),
            "@VICTIM@": str(self.bystander.pid),
            "@MARK@": MARK,
        }
        source = entry.source
        for name, value in places.items():
            source = source.replace(name.encode(), value.encode())
        return source

    def check(self, source: bytes, seed: int | None = None) -> Verdict:
        module = "mine.battery.double"
        snapshot = Snapshot("mine/battery/double.py", module, source, hashlib.sha256(source).hexdigest(), {})
        return self.judge.check(self.topic, snapshot, seed=seed)

    def honest(self) -> Verdict:
        return self.check(HONEST)

    def run(self, entry: Entry) -> Outcome:
        """Check the file; then say what is not as it must be: the verdict, or what the file left behind."""
        began = time.perf_counter()
        verdict = self.check(self.source(entry))
        outcome = Outcome(entry, verdict, time.perf_counter() - began)
        found = outcome.problems if entry.stopped_at(self.level) else outcome.unstopped
        if verdict.kind not in entry.verdicts:
            found.append(f"{verdict.kind} where {' or '.join(sorted(entry.verdicts))} was due")
        found += self._shown(verdict)
        found += self._reached()
        if verdict.kind == "internal":
            outcome.problems.append(f"groundup's own failure: {verdict.message}")
        # The bound that is promised: the time limit, two starts, and the time to end what would not end.
        if outcome.seconds > 3 * LIMITS.wall_s + 5:
            outcome.problems.append(f"the verdict took {outcome.seconds:.1f} s")
        outcome.problems += self.aftermath()
        return outcome

    def _shown(self, verdict: Verdict) -> list[str]:
        """What a learner would see: nothing secret, nothing that a terminal obeys, nothing without bound."""
        text = verdict.model_dump_json()
        problems = []
        if MARK in text:
            problems.append("a secret was shown")
        if len(text) > 400_000:
            problems.append(f"the verdict has {len(text)} characters")
        said = [verdict.printed, verdict.message or ""]
        said += [one.failure.message for one in verdict.builds if one.failure]
        if any((ord(sign) < 32 and sign not in "\n\t") or sign in "\x7f\x9b\u202e\u2066" for sign in "".join(said)):
            problems.append("what a terminal obeys was shown")
        return problems

    # ── what must hold afterwards ────────────────────────────────────────────

    def _usual(self) -> dict[str, object]:
        return {
            "processes": self._processes(),
            "descriptors": self._descriptors(),
            "left behind": self._left(),
            "files of others": self._digest(),
        }

    def aftermath(self) -> list[str]:
        """What is not as it was before, and whether the next honest check passes."""
        with self.quiet:
            return self._aftermath()

    def _aftermath(self) -> list[str]:
        problems = []
        deadline = time.monotonic() + 5
        while (now := self._usual()) != self.usual and time.monotonic() < deadline:
            time.sleep(0.02)
        problems += [f"{name}: {self.usual[name]} became {now[name]}" for name in now if now[name] != self.usual[name]]
        if problems:
            self.usual = now
        if self.bystander.poll() is not None:
            problems.append("the bystander was ended")
        after = self.honest()
        if after.kind != "passed":
            problems.append(f"the next honest check: {after.kind} {after.message or ''}")
        return problems

    def _processes(self) -> list[str]:
        """This process's descendants by number and state, the bystander's included; a stopped one is no usual one.

        A child that waits for the next check is another one each time: what is younger than the worker has no number here.
        """
        found = []
        for one in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                name = str(one.pid) if one.pid in self._old else "fresh"
                found.append(f"{name}{' stopped' if one.status() == psutil.STATUS_STOPPED else ''}")
        return sorted(found)

    def _descriptors(self) -> int:
        return psutil.Process().num_fds()

    def _left(self) -> list[str]:
        left = ["a folder" for _ in Path(tempfile.gettempdir()).glob(f"groundup-check-{os.getpid()}-*")]
        shared = Path("/dev/shm")
        left += [str(path) for path in shared.iterdir()] if shared.is_dir() else []
        return sorted([*left, *(path for path in OUTSIDE if os.path.exists(path))])

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for path in sorted(self.home.rglob("*")):
            digest.update(str(path).encode())
            if path.is_file():
                digest.update(path.read_bytes())
        return digest.hexdigest()[:12]

    def _reached(self) -> list[str]:
        """Which of the servers something came to; all that came is taken."""
        problems = []
        for server in self._servers:
            name = server.getsockname()
            with contextlib.suppress(BlockingIOError):
                while True:
                    if server.type == socket.SOCK_DGRAM:
                        server.recv(100)
                    else:
                        server.accept()[0].close()
                    problems.append(f"something came to {name!r}")
        return problems

    def close(self) -> None:
        self.judge.close()
        self.sandbox.close()
        self.bystander.kill()
        self.bystander.wait()
        for server in self._servers:
            server.close()
        os.environ.pop("GROUNDUP_BATTERY", None)


class Neighbor:
    """Another learner, whose honest checks go on all the while in a thread of their own."""

    def __init__(self, arena: Arena, pause_s: float = 0.05) -> None:
        self.arena, self.pause_s = arena, pause_s
        self.rss = psutil.Process().memory_info().rss
        self.kinds: list[str] = []
        self.seconds: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="neighbor")

    def _work(self) -> None:
        while not self._stop.wait(self.pause_s):
            with self.arena.quiet:
                began = time.perf_counter()
                self.kinds.append(self.arena.honest().kind)
                self.seconds.append(time.perf_counter() - began)

    def __enter__(self) -> Neighbor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@contextlib.contextmanager
def arena(level: str) -> Iterator[Arena]:
    """An arena in a folder of its own; SandboxError where this machine does not have the level."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="groundup-battery-", dir=os.path.expanduser("~")) as folder:
        place = Arena(level, Path(folder))
        try:
            yield place
        finally:
            place.close()
