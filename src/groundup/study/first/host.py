"""Runs the first page's model with the learner's file: one process for one text, the next one warming up meanwhile.

What comes from a process is its word, and a learner's code may be speaking: lines are bounded in length and number,
checked for their kind, and shown as text. The process is killed when it takes too long, and when nobody listens.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from groundup.study.check.limits import Limits
from groundup.study.check.warm import environment
from groundup.study.first.content import PROMPT, SEED, TOKENS
from groundup.study.home import Home

WARM_S = 60.0
WRITE_S = 30.0
LIMITS = Limits(wall_s=WRITE_S, cpu_s=60.0, memory_mb=1024.0, files_mb=1.0, open_files=64)
PROMPT_LENGTH = 400
LINES, LINE_BYTES = 2000, 16_384
THREADS = 1


class First:
    """One spare process at most, for one home."""

    def __init__(self, home: Home, *, level: str = "auto") -> None:
        self._home, self._level = home, level
        self._lock = threading.Lock()
        self._spare: _Process | None = None
        self._closed = False

    def warm(self) -> None:
        """See to it that a process is warming up; returns at once."""
        with self._lock:
            if not self._closed and (self._spare is None or self._spare.ended):
                self._spare = _Process(self._home, self._level)

    def write(
        self, source: str, prompt: str = PROMPT, *, tokens: int = TOKENS, seed: int = SEED
    ) -> Iterator[dict[str, Any]]:
        """Events as they come: ``ready``, ``token`` (text, share), ``measured`` (bits_per_byte), ``raised`` (type,
        message, line), ``stopped`` (why), and last ``end``. Closing the iterator ends the process."""
        self.warm()
        with self._lock:
            process, self._spare = self._spare, None
        if process is None:
            yield {"kind": "stopped", "why": "groundup is closing"}
            yield {"kind": "end"}
            return
        try:
            asked = {"source": source, "prompt": prompt[:PROMPT_LENGTH], "tokens": tokens, "seed": seed}
            yield from process.events(asked)
        finally:
            process.close()
            self.warm()
        yield {"kind": "end"}

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._spare is not None:
                self._spare.close()
                self._spare = None


class _Process:
    """One process, from its start to its end."""

    def __init__(self, home: Home, level: str) -> None:
        self._folder = tempfile.mkdtemp(prefix="groundup-first-")
        config = {
            "folder": self._folder,
            "level": level,
            "hidden": [os.path.realpath(home.path)],
            "threads": THREADS,
            "limits": asdict(LIMITS),
        }
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-B", "-m", "groundup.study.first.process", json.dumps(config)],
            env={**environment(), **dict.fromkeys(names, str(THREADS))},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._held = b""
        self._began = time.monotonic()

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def events(self, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """What it says, once it is warm; one event says why where it ends before its time."""
        ready = self._line(self._began + WARM_S)
        if ready is None or _event(ready) != {"kind": "ready"}:
            yield {"kind": "stopped", "why": "the model could not be started"}
            return
        yield {"kind": "ready"}
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.flush()
        deadline = time.monotonic() + WRITE_S
        text = _Text()
        for _ in range(LINES):
            line = self._line(deadline)
            if line is None:
                why = "the process ended by itself" if time.monotonic() < deadline else f"it took over {WRITE_S:.0f} s"
                yield {"kind": "stopped", "why": f"{why}, so it was stopped"}
                return
            event = _event(line)
            if event is None:
                continue
            if event["kind"] == "end":
                return
            if event["kind"] == "token":
                event = {"kind": "token", "text": text.more(event["bytes"]), "share": event["share"]}
            yield event
        yield {"kind": "stopped", "why": "it said too much"}

    def _line(self, deadline: float) -> bytes | None:
        """The next line; None where it ended, said too long a line, or the time is over."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._held:
            left = deadline - time.monotonic()
            if left <= 0 or len(self._held) > LINE_BYTES or not select.select([descriptor], [], [], left)[0]:
                return None
            more = os.read(descriptor, 65_536)
            if not more:
                return None
            self._held += more
        line, _, self._held = self._held.partition(b"\n")
        return line

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=60)
        shutil.rmtree(self._folder, ignore_errors=True)


class _Text:
    """Bytes to characters as they come: a token may end within a character."""

    def __init__(self) -> None:
        import codecs

        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def more(self, piece: bytes) -> str:
        return "".join(one for one in self._decoder.decode(piece) if one >= " " or one in "\n\t")


def _event(line: bytes) -> dict[str, Any] | None:
    """A line as an event of a known kind with values of the right types; None for anything else."""
    try:
        raw = json.loads(line)
        kind = raw["kind"]
        if kind in ("ready", "end"):
            return {"kind": kind}
        if kind == "token":
            return {"kind": kind, "bytes": bytes.fromhex(raw["bytes"])[:200], "share": _finite(raw["share"])}
        if kind == "measured":
            return {"kind": kind, "bits_per_byte": _finite(raw["bits_per_byte"])}
        if kind == "raised":
            at = raw["line"]
            named = {"type": _short(raw["type"]), "message": _short(raw["message"])}
            return {"kind": kind, **named, "line": at if type(at) is int and 0 < at < 10**6 else None}
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return None


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _short(value: Any) -> str:
    return "".join(one for one in str(value)[:400] if one >= " ")
