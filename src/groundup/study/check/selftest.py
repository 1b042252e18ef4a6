"""Tries each limit and each layer with a real child: what was promised is attempted, and has to fail.

Run once when a sandbox starts, in the background; a probe that gets through stands in the isolation's ``lacks`` and on
every verdict, and in strict mode ends the sandbox. It shows that a layer is there, not that it has no hole.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from groundup.study.check.isolate import paths
from groundup.study.check.job import Job
from groundup.study.check.session import Session

if TYPE_CHECKING:
    from groundup.study.check.sandbox import Sandbox

_LEVELS = ("rlimits", "landlock", "namespaces")
_WALL_S = 0.3


@dataclass(frozen=True)
class Probe:
    """One attempt. ``promised`` says whether this machine's isolation is to stop it; ``note`` what happened."""

    name: str
    stopped: bool
    promised: bool
    note: str = ""


# Attempts within one child: each has to raise. In the source the names in capitals are given by the judge.
_ATTEMPTS = """
import ctypes, os, resource, socket

def read_groundup():
    with open(os.path.join(PACKAGE, "authoring.py")) as file:
        return file.read(10)

def read_home():
    names = [name for folder in HIDDEN for name in os.listdir(folder)]
    assert names, "nothing to be seen"

def read_judge_memory():
    open(f"/proc/{JUDGE}/mem", "rb").close()

def write_outside():
    open(OUTSIDE, "w").close()

def change_mode_outside():
    os.chmod(KEEPSAKE, 0o777)

def connect():
    socket.create_connection(("127.0.0.1", PORT), timeout=1).close()

def send_datagram():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", PORT))

def signal_judge():
    os.kill(JUDGE, 0)

def see_judge():
    os.stat(f"/proc/{JUDGE}")

def start_process():
    if os.fork() == 0:
        os._exit(0)

def run_program():
    os.posix_spawn("/bin/true", ["true"], {})

def hold_capabilities():
    held = [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")]
    assert int(held[0], 16)

def use_memory():
    return bytearray(MEMORY)

def use_memory_by_torch():
    import torch
    return torch.empty(MEMORY, dtype=torch.uint8)

def write_large_file():
    with open("large", "wb") as file:
        file.truncate(FILES)

def open_many_files():
    kept = []
    try:
        for _ in range(OPEN_FILES):
            kept.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for descriptor in kept:
            os.close(descriptor)

def unlimited_processor_time():
    assert resource.getrlimit(resource.RLIMIT_CPU)[1] == resource.RLIM_INFINITY

def core_dump():
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] != 0
"""
_ALWAYS = (
    "use_memory",
    "use_memory_by_torch",
    "write_large_file",
    "open_many_files",
    "unlimited_processor_time",
    "core_dump",
)
_LANDLOCK = (
    "read_groundup",
    "read_home",
    "read_judge_memory",
    "write_outside",
    "change_mode_outside",
    "connect",
    "send_datagram",
    "signal_judge",
    "start_process",
    "run_program",
    "hold_capabilities",
)
_NAMESPACES = ("see_judge",)
_DRIVER = b"""
def attempt(my, rng, name):
    return my.attempt(name)

def endless(my, rng):
    return my.endless()

def flood(my, rng):
    return my.flood()

def forbidden_call(my, rng):
    return my.forbidden_call()

def leave(my, rng):
    return my.leave()

def crash(my, rng):
    return my.crash()
"""
_ENDS = """
def attempt(name):
    try:
        globals()[name]()
    except (OSError, MemoryError, RuntimeError, AssertionError) as error:
        return f"stopped: {type(error).__name__}: {error}"
    return "got through"

def endless():
    while True:
        pass

def flood():
    while True:
        os.write(1, b"x" * 4096)

def forbidden_call():
    ctypes.CDLL(None).umount2(b"/proc", 0)

def leave():
    os._exit(0)

def crash():
    ctypes.string_at(0)
"""
_DEATHS = {  # what the driver does: the kind of end that the judge must see, and the level that promises it
    "endless": ("timeout", "rlimits"),
    "flood": ("too much output", "rlimits"),
    "leave": ("crashed", "rlimits"),
    "crash": ("crashed", "rlimits"),
    "forbidden_call": ("forbidden", "landlock"),
}


def _job(values: dict[str, Any]) -> Job:
    source = "".join(f"{name} = {value!r}\n" for name, value in values.items()) + _ATTEMPTS + _ENDS
    return Job(
        topic="selftest",
        seed=0,
        module="mine.selftest",
        path="mine/selftest.py",
        source=source.encode(),
        drivers=_DRIVER.replace(b", rng", b""),
        drivers_name="selftest drivers",
        builds=["attempt", *_DEATHS],
    )


@contextlib.contextmanager
def _surroundings(sandbox: Sandbox) -> Iterator[dict[str, Any]]:
    """Something to attack: a listening socket, a file of ours, a place to write to."""
    limits = sandbox.limits
    with tempfile.TemporaryDirectory(prefix="groundup-selftest-") as folder, socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        keepsake = os.path.join(folder, "keepsake")
        with open(keepsake, "w", encoding="ascii"):
            pass
        yield {
            "PACKAGE": paths.package_folder(),
            "HIDDEN": list(sandbox.hidden),
            "JUDGE": os.getpid(),
            "OUTSIDE": os.path.join(folder, secrets.token_hex(8)),
            "KEEPSAKE": keepsake,
            "PORT": server.getsockname()[1],
            "MEMORY": limits.memory_bytes + 128 * 2**20,
            "FILES": limits.files_bytes + 1,
            "OPEN_FILES": int(limits.open_files) + 1,
        }


def run(sandbox: Sandbox) -> list[Probe]:
    """All probes, in order. Raises SandboxError or JobError where there is no sandbox to probe."""
    worker = sandbox.wait()
    assert worker.isolation is not None
    have = _LEVELS.index(worker.isolation.name)
    limits = replace(sandbox.limits, wall_s=min(sandbox.limits.wall_s, 5.0))
    probes: list[Probe] = []
    with _surroundings(sandbox) as values:
        job = _job(values)
        with Session(worker, job, limits) as session:
            session.load()
            for names, level in ((_ALWAYS, "rlimits"), (_LANDLOCK, "landlock"), (_NAMESPACES, "namespaces")):
                for name in names:
                    answer = session.call("attempt", rng=False, arguments={"name": name})
                    note = answer.value if isinstance(answer.value, str) else str(answer.kind or answer.raised)
                    probes.append(Probe(name, note.startswith("stopped"), have >= _LEVELS.index(level), note))
        for name, (kind, level) in _DEATHS.items():
            short = replace(limits, wall_s=_WALL_S) if name == "endless" else limits
            with Session(worker, job, short) as session:
                session.load()
                answer = session.call(name, rng=False)
                probes.append(Probe(name, answer.kind == kind, have >= _LEVELS.index(level), str(answer.kind)))
    return probes
