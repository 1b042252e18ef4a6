"""Models at work, as their host holds them: started at first use, one process a model and home, ended when idle.

<home>/.groundup/chat/<name>/       the process's own folder: the sources of the parts that are in it
<home>/.groundup/chat/<name>.lock   held as long as the process lives      <name>.log   what it printed
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.study.chat.settings import PROMPT_LENGTH, WHOSE, ChatError, Settings
from groundup.study.chat.words import FINAL, LINE_BYTES, BrokenLine, read_word
from groundup.study.check.warm import environment
from groundup.study.runs.control import _write_sources
from groundup.study.runs.machine import machine
from groundup.study.runs.records import UsedPart

if TYPE_CHECKING:
    from groundup.study.service import Study
    from groundup.study.shelf import Model

IDLE_S = 10 * 60.0
AT_ONCE = 2
START_S, SILENCE_S, BUSY_S, DRAIN_S, LETTING_GO_S = 180.0, 120.0, 5.0, 10.0, 3.0
LOG_BYTES = 4000


class Process:
    """One model's process. One request at a time; whoever asks while it answers waits a little, then is told."""

    def __init__(self, place: Path, model: Path, parts: list[UsedPart], lock: int, level: str, hidden: str) -> None:
        self._lock = threading.Lock()
        self._read = b""
        self.used = time.monotonic()
        self._log = place.with_suffix(".log")
        threads = str(machine().cores)
        config = {
            "folder": os.path.realpath(place),
            "model": os.path.realpath(model),
            "parts": [asdict(one) for one in parts],
            "level": level,
            "hidden": [hidden],
            "threads": int(threads),
        }
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-B", "-m", "groundup.study.chat.process", json.dumps(config)],
                env={**environment(), **dict.fromkeys(names, threads)},
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
            )
        try:
            self.facts = self._first_word()
        except BaseException:
            self.close()
            raise

    def _first_word(self) -> dict[str, Any]:
        word = self._next(START_S)
        if word["kind"] == "failed":
            raise ChatError(word["message"], "Try it with groundup's code only.")
        if word["kind"] != "ready":
            raise ChatError("the model's process said something else than that it is ready", "Try it again.")
        return word

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def busy(self) -> bool:
        return self._lock.locked()

    @property
    def log(self) -> str:
        """The end of what was printed."""
        try:
            return self._log.read_bytes()[-LOG_BYTES:].decode("utf-8", "replace")
        except OSError:
            return ""

    # ── asking ───────────────────────────────────────────────────────────────

    def ask(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Everything it says to a request, to the final word. Whoever stops listening stops it."""
        if not self._lock.acquire(timeout=BUSY_S):
            raise ChatError("the model is answering somebody else", "Wait until it has ended.")
        final = False
        try:
            self._send(request)
            while not final:
                word = self._next(SILENCE_S)
                final = word["kind"] in FINAL
                yield word
        except (ChatError, OSError):
            final = True
            self._give_up()
            raise
        finally:
            if not final:
                self._stop()
            self.used = time.monotonic()
            self._lock.release()

    def _send(self, request: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        if self._process.stdin.closed:
            raise ChatError("the model's process has ended", "Ask again: it is started anew.")
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise ChatError("the model's process has ended", "Ask again: it is started anew.") from error

    def _stop(self) -> None:
        """Nobody listens any more: ask for the end, and end the process where that does not come."""
        try:
            self._send({"do": "stop"})
            deadline = time.monotonic() + DRAIN_S
            while self._next(max(0.0, deadline - time.monotonic()))["kind"] not in FINAL:
                pass
        except (ChatError, OSError):
            self._give_up()

    def _next(self, seconds: float) -> dict[str, Any]:
        """The next line, bounded in time and size, as an event."""
        assert self._process.stdout is not None
        if self._process.stdout.closed:
            raise ChatError("the model's process has ended", "Ask again: it is started anew.")
        source = self._process.stdout.fileno()
        deadline = time.monotonic() + seconds
        while b"\n" not in self._read:
            if not select.select([source], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise ChatError(f"the model said nothing for {seconds:.0f} seconds", "It was ended; ask again.")
            more = os.read(source, 1 << 16)
            if not more:
                raise ChatError(
                    f"the model's process has ended: {self.log[-300:].strip() or 'it said nothing'}", "Ask again."
                )
            self._read += more
            if len(self._read) > LINE_BYTES:
                raise ChatError("the model's process said too much at once", "It was ended.")
        line, _, self._read = self._read.partition(b"\n")
        try:
            return read_word(line)
        except BrokenLine as error:
            raise ChatError(f"the model's process said what cannot be read ({error})", "It was ended.") from error

    def close(self) -> None:
        """End it, and whatever it started: a namespace or a pipe's end takes care of the rest."""
        self._kill()
        if self._lock.acquire(blocking=False):  # else whoever listens hears the end, and closes
            self._close_pipes()
            self._lock.release()

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _give_up(self) -> None:
        """By whoever holds the lock: it said what it must not, or nothing."""
        self._kill()
        self._close_pipes()


class Chats:
    """The models of one home that are at work for this server or terminal."""

    def __init__(self, study: Study, *, level: str = "auto", idle_s: float = IDLE_S) -> None:
        self._study, self._level, self._idle_s = study, level, idle_s
        self._folder = study.home.state / "chat"
        self._lock = threading.Lock()
        self._open: dict[str, tuple[str, Process]] = {}
        self._closing = threading.Event()
        self._reaper: threading.Thread | None = None

    # ── asking ───────────────────────────────────────────────────────────────

    def generate(self, name: str, prompt: str, settings: Settings, whose: str = "trained") -> Iterator[dict[str, Any]]:
        """What the model is, then the prompt's tokens, then each token as it is drawn, then why there are no more."""
        if len(prompt) > PROMPT_LENGTH:
            raise ChatError(f"the prompt has {len(prompt)} characters", f"At most {PROMPT_LENGTH} are read.")
        process = self.process(name, whose)
        seed = secrets.randbelow(2**31) if settings.seed is None else settings.seed
        yield {**process.facts, "seed": seed}
        yield from process.ask({"do": "generate", "prompt": prompt, **asdict(settings), "seed": seed})

    def attention(self, name: str, ids: list[int], layer: int, head: int, whose: str = "trained") -> dict[str, Any]:
        """One head's weights over a text's tokens."""
        process = self.process(name, whose)
        facts = process.facts
        if not (0 <= layer < facts["layers"] and 0 <= head < facts["heads"]):
            raise ChatError(
                f"there is no head {head} in layer {layer}", f"{facts['layers']} layers, {facts['heads']} heads."
            )
        if not ids or not all(0 <= one < facts["vocab"] for one in ids):
            raise ChatError("these are no tokens of this model", "Let it write first.")
        (word,) = process.ask({"do": "attend", "ids": ids, "layer": layer, "head": head})
        if word["kind"] == "failed":
            raise ChatError(word["message"], "Try it with groundup's code only.")
        return word

    # ── processes ────────────────────────────────────────────────────────────

    def process(self, name: str, whose: str = "trained") -> Process:
        """The model's process with these parts, started where it is not there."""
        if whose not in WHOSE:
            raise ChatError(f"{whose!r} is nobody's code", f"It is one of {', '.join(WHOSE)}.")
        model = self._study.shelf.get(name)
        with self._lock:
            there = self._open.get(name)
            if there is not None and there[0] == whose and there[1].alive:
                there[1].used = time.monotonic()
                return there[1]
            if there is not None:
                if there[1].busy:
                    raise ChatError("the model is answering somebody else", "Wait until it has ended.")
                self._open.pop(name)[1].close()
            self._make_room()
            process = self._start(model, whose)
            self._open[name] = (whose, process)
            if self._reaper is None:
                self._reaper = threading.Thread(target=self._reap, name="groundup-chat", daemon=True)
                self._reaper.start()
            return process

    def _make_room(self) -> None:
        """Models take memory: the one that was not asked for longest makes way."""
        idle = sorted((one.used, name) for name, (_, one) in self._open.items() if not one.busy)
        if len(self._open) >= AT_ONCE and idle:
            self._open.pop(idle[0][1])[1].close()

    def _start(self, model: Model, whose: str) -> Process:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(self._folder / f"{model.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _take(lock, model.name)
            place = self._folder / model.name
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(mode=0o700)
            parts = self._put_sources(model, whose, place / "sources")
            hidden = os.path.realpath(self._study.home.path)
            return Process(place, model.folder, parts, lock, self._level, hidden)
        finally:
            os.close(lock)

    def _put_sources(self, model: Model, whose: str, target: Path) -> list[UsedPart]:
        """The learner's parts that go in, with their sources in the process's own folder."""
        if whose == "mine":
            from groundup.study.parts import choose

            chosen = choose(self._study)
            _write_sources(target, chosen.sources)
            return list(chosen.parts)
        if whose == "trained" and model.origin == "run":
            record = self._study.runs.get(model.name)
            with contextlib.suppress(FileNotFoundError):
                # Links stay links: what a run left behind leads nowhere from behind the walls.
                shutil.copytree(record.folder / "sources", target, symlinks=True)
            return list(record.request.parts)
        return []

    def _reap(self) -> None:
        """End what nobody has asked for some time."""
        while not self._closing.wait(min(5.0, self._idle_s / 4)):
            with self._lock:
                now = time.monotonic()
                for name, (_, one) in list(self._open.items()):
                    if not one.busy and now - one.used > self._idle_s:
                        self._open.pop(name)
                        one.close()

    def end(self, name: str) -> None:
        """End one model's process, if it is at work."""
        with self._lock:
            there = self._open.pop(name, None)
            if there is not None:
                there[1].close()

    def close(self) -> None:
        """End all of them."""
        self._closing.set()
        with self._lock:
            for _, one in self._open.values():
                one.close()
            self._open.clear()


def _take(lock: int, name: str) -> None:
    """Hold the lock. A process that was just ended lets go of it a moment later."""
    deadline = time.monotonic() + LETTING_GO_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise Elsewhere(f"{name} is at work for another groundup", "End it there first.") from None
            time.sleep(0.05)


class Elsewhere(ChatError):
    """The model is at work for another process of this home."""
