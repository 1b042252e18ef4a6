"""The forked child: isolates itself, then loads the drivers and the learner's file and answers the judge's requests.

It holds no reference, no expected value, no tolerance and no other learner's file: there is nothing in it to steal, and
nothing that it says is a verdict. A request carries a nonce that its answer repeats, so that an answer cannot be made
before its question. It does not try to stop the learner's code from reaching into this very process; it cannot.

Not protected against, on any platform: the learner's code can read and change everything in this process, can end it,
and can make it say anything. That is why the judge believes nothing that it says but values, and compares those itself.
"""

from __future__ import annotations

import gc
import hashlib
import io
import linecache
import marshal
import os
import random
import resource
import signal
import socket
import sys
import time
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from groundup.study.check import learner, raised, rehearsal, wire
from groundup.study.check.frames import Frames, frame
from groundup.study.check.limits import Limits
from groundup.study.check.rng import Rng

_MAX_REQUEST = 64 * 2**20
_DRIVERS = "groundup_drivers"


class Child:
    """One job: its random sources, drivers and the learner's builds, and the requests on them."""

    def __init__(self, channel: socket.socket, limits: Limits) -> None:
        self.channel, self.limits = channel, limits
        self.requests = Frames(_MAX_REQUEST)
        self.job: dict[str, Any] = {}
        self.rngs: dict[str, Rng] = {}
        self.drivers: dict[str, Any] = {}
        self.my: learner.Builds | None = None
        self.watch: learner.Watch | None = None

    # ── the channel ──────────────────────────────────────────────────────────

    def send(self, payload: bytes) -> None:
        self.channel.sendall(frame(payload))

    def receive(self) -> dict[str, Any]:
        while (payload := self.requests.next()) is None:
            data = self.channel.recv(2**20)
            if not data:
                os._exit(0)
            self.requests.feed(data)
        request: dict[str, Any] = wire.decode(payload, max_bytes=_MAX_REQUEST)
        return request

    def serve(self) -> None:
        handlers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "rehearse": self.rehearse,
            "prepare": self.prepare,
            "load": self.load,
            "call": self.call,
        }
        while True:
            request = self.receive()
            answer = handlers[request["do"]](request)
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except Exception:  # the learner closed or replaced it: their loss
                    continue
            self.answer(request["nonce"], answer)

    def answer(self, nonce: bytes, answer: dict[str, Any]) -> None:
        whole = {"nonce": nonce, **answer}
        try:
            payload = wire.encode(whole, max_bytes=self.limits.result_bytes)
        except BaseException as error:
            value = whole.pop("value", None)
            if isinstance(error, MemoryError):
                self.more_memory()
            if isinstance(error, wire.TooLarge):
                whole["value"] = wire.Opaque(wire.type_name(type(value)), str(error))
            elif raised.memory_ran_out(error):
                self.more_memory()
                whole["kind"] = "out of memory"
            else:
                whole["value"] = wire.Opaque(wire.type_name(type(value)), "it could not be read")
            del value
            payload = wire.encode(whole, max_bytes=self.limits.result_bytes)
        self.send(payload)

    # ── requests ─────────────────────────────────────────────────────────────

    def prepare(self, request: dict[str, Any]) -> dict[str, Any]:
        """Random sources and drivers, before any line of the learner's: what fails here is the topic's mistake."""
        job = self.job = request["job"]
        self.rngs = {case: Rng(job["seed"], job["topic"], case) for case in job["cases"]}
        seed_global_sources(job["seed"], "load")
        try:
            self.load_drivers(job["compiled"], job["drivers_name"])
        except Exception as error:
            return {"broken": f"{job['drivers_name']}: {type(error).__name__}: {error}"}
        modules = learner.Modules(job["module"], job["path"], job["source"], job["siblings"])
        try:
            guard = learner.Guard(job["without"], job["path"])
        except learner.BadName as error:
            return {"broken": str(error)}
        self.watch = learner.Watch(modules, job["path"], guard)
        sys.meta_path.insert(0, modules)
        return {"drivers": [name for name, value in self.drivers.items() if callable(value)]}

    def rehearse(self, request: dict[str, Any]) -> dict[str, Any]:
        """Before there is a job: run one of ours, so that the first steps of a job are not slow, and leave no trace."""
        one = Child(self.channel, self.limits)
        job = rehearsal.JOB
        try:
            one.prepare({"job": job})
            one.load({})
            for name in job["cases"]:
                wire.encode(one.call({"name": name, "rng": True, "arguments": None}))
        finally:
            sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, learner.Modules)]
            for module in (job["module"], _DRIVERS):
                sys.modules.pop(module, None)
            linecache.cache.pop(job["path"], None)
        return {}

    def load(self, request: dict[str, Any]) -> dict[str, Any]:
        """The learner's file."""
        job = self.job
        assert self.watch is not None
        began = time.perf_counter()
        try:
            module = importlib_import(job["module"])
        except BaseException as error:
            return {"ok": False, "missing": [], **self.ended(error), "seconds": time.perf_counter() - began}
        self.my, missing = self.watch.builds(module, job["builds"])
        return {"ok": True, "missing": missing, "seconds": time.perf_counter() - began}

    def load_drivers(self, compiled: bytes, name: str) -> None:
        module = types.ModuleType(_DRIVERS)
        module.__file__ = name
        sys.modules[module.__name__] = module  # dataclasses look there for the module of an annotation
        exec(marshal.loads(compiled), module.__dict__)  # the judge's own, read before any line of the learner's
        self.drivers = vars(module)

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one driver (or a figure's ``compute``) on the learner's builds."""
        assert self.watch is not None
        name = request["name"]
        driver = self.drivers.get(name)
        if self.my is None or not callable(driver):
            return {"broken": f"{self.job['drivers_name']} has no {name}" if self.my else "nothing is loaded"}
        given: list[Any] = [self.my]
        if request["rng"]:
            if name not in self.rngs:
                return {"broken": f"{name} is not among the job's cases, or was called before"}
            given.append(self.rngs.pop(name))
        named = {str(key): value for key, value in (request["arguments"] or {}).items()}
        notes = self.watch.notes = learner.Notes()
        guard = self.watch.guard
        guard.active.clear()
        guard.broken = guard.place = None
        seed_global_sources(self.job["seed"], name)
        answer: dict[str, Any] = {}
        began = time.perf_counter()
        try:
            answer["value"] = driver(*given, **named)
        except BaseException as error:
            answer = self.ended(error)
        answer["seconds"] = time.perf_counter() - began
        self.noted(answer, notes, guard)
        return answer

    def noted(self, answer: dict[str, Any], notes: learner.Notes, guard: learner.Guard) -> None:
        """Add what was seen; what a driver caught and returned as a value still counts as what it was."""
        value = answer.get("value")
        if isinstance(value, BaseException):
            self.watch.saw(value)  # type: ignore[union-attr]
        for kind, place in (
            ("forbidden", guard.place),
            ("missing", notes.missing),
            ("out of memory", notes.out_of_memory),
        ):
            if place is not None:
                answer.pop("value", None)
                answer.update(kind=kind, raised=place)
                break
        answer.update(inputs_changed=notes.inputs_changed, aliased=notes.aliased, forbidden=guard.broken)

    def ended(self, error: BaseException) -> dict[str, Any]:
        """An exception that came out of the learner's file or a driver, as data; its frames are let go."""
        assert self.watch is not None
        kind: str | None = None
        if isinstance(error, MemoryError):
            self.more_memory()  # before all else: looking at how it came about takes memory, too
        if raised.memory_ran_out(error):
            kind = "out of memory"
            self.more_memory()
        elif self.my is not None and raised.not_written(error, self.watch.files):
            kind = "missing"
        described = raised.describe(error, self.job["path"], self.watch.files)
        error.__traceback__ = None
        if kind == "out of memory":
            gc.collect()
        return {"kind": kind, "raised": described}

    def more_memory(self) -> None:
        """Memory to tell that memory ran out: the soft limit goes up to the hard one, which stands little above it."""
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def importlib_import(name: str) -> types.ModuleType:
    """``import a.b.c``, giving c."""
    __import__(name)
    return sys.modules[name]


def seed_global_sources(seed: int, what: str) -> None:
    """Make the process-wide random sources depend on the seed, so that a seed reproduces a verdict exactly."""
    number = int.from_bytes(hashlib.sha256(f"{seed} {what}".encode()).digest()[:8], "little")
    random.seed(number)
    np.random.seed(number % 2**32)
    torch.default_generator.manual_seed(number)


def settle(channel: int, output: int) -> socket.socket:
    """Standard streams to the output pipe, the channel to a number that is hard to hit by chance, all else closed."""
    import fcntl

    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    moved = fcntl.fcntl(channel, fcntl.F_DUPFD_CLOEXEC, 20 + random.SystemRandom().randrange(40))
    os.closerange(3, moved)
    os.closerange(moved + 1, 65_536)
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False))  # noqa: SIM115
    sys.stdout = sys.__stdout__ = _stream(1)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2)  # type: ignore[misc]
    return socket.socket(fileno=moved)


def _stream(number: int) -> io.TextIOWrapper:
    """A text stream that hands on each line at once: what was printed before a crash is not lost."""
    raw = open(number, "wb", closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def run(
    channel_fd: int, output_fd: int, folder_fd: int | None, isolate: Callable[[Limits], None], limits: Limits
) -> None:
    """The whole life of a child; never returns to the worker's code."""
    try:
        reset_signals()
        # The folder's descriptor survives settle() only as the working directory: what landlock needs is opened there.
        if folder_fd is not None:
            os.fchdir(folder_fd)
        channel = settle(channel_fd, output_fd)
        child = Child(channel, limits)
        try:
            isolate(limits)
        except Exception as error:
            child.send(wire.encode({"isolated": False, "why": f"{type(error).__name__}: {error}"}))
            os._exit(70)
        child.send(wire.encode({"isolated": True, "why": ""}))
        child.serve()
    finally:
        os._exit(70)
