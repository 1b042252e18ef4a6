"""One job in one sandboxed child, as the judge sees it: requests, answers, what was printed, how it died.

The cause of a death comes from what the judge and the worker know (who killed it, its wait status, its CPU time), never
from what the child said. The wall limit counts the time of all requests of the session together.

Not protected against: use of all that the limits allow, by as many learners as check at once; that is for the server
to bound. The same on every platform.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import signal
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from groundup.study.check import wire
from groundup.study.check.frames import Frames, frame
from groundup.study.check.job import Answer, AnswerKind, DeathKind, Job, Loaded, RaisedAt
from groundup.study.check.limits import Limits
from groundup.study.check.warm import SandboxError, Ticket, WarmWorker

_START_S = 30.0  # to be forked and isolated: ours, not the learner's, so it is not charged to them
_REAP_S = 5.0
_CHUNK = 2**18
_AHEAD = 4  # questions that the child has at once, so that it need not wait for whom it answers
_CHILD_KINDS = ("missing", "forbidden", "out of memory")


class JobError(ValueError):
    """The job itself is wrong (its drivers, or a name on a ``without`` list): the topic's mistake."""


class Session:
    """Use as a context manager; on leaving it the child is dead and nothing of it is left. Not for several threads.

    One that is made without a job waits for it: it can rehearse meanwhile, and is given the job later.
    """

    def __init__(self, worker: WarmWorker, job: Job | None, limits: Limits) -> None:
        self._job, self.limits = job, limits
        self.released: Callable[[], object] = _nothing  # called once, when the child is no longer at work
        self.death: DeathKind | None = None
        self.why = ""
        self._worker = worker
        self._left = limits.wall_s
        self._printed = bytearray()
        self._frames = Frames(limits.result_bytes)
        self._unsent = bytearray()
        self._asked: deque[bytes] = deque()  # the nonces of questions that have no answer yet
        self._folder = tempfile.mkdtemp(prefix=f"groundup-check-{os.getpid()}-") if worker.needs_folder else None
        self._oom_kills = _oom_kills()
        self._channel, self._output, self._ticket = self._fork()
        self._isolated = False
        self._meanwhile: Callable[[], bool] = _nothing
        self._drivers: frozenset[str] = frozenset()

    def _fork(self) -> tuple[socket.socket, int, Ticket]:
        ours, theirs = socket.socketpair()
        output, their_output = os.pipe()
        given = [theirs.fileno(), their_output]
        if self._folder is not None:
            given.append(os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY))
        try:
            ticket = self._worker.start(given)
        finally:
            theirs.close()
            for descriptor in given[1:]:
                os.close(descriptor)
        ours.setblocking(False)
        os.set_blocking(output, False)
        return ours, output, ticket

    # ── before it has a job ──────────────────────────────────────────────────

    def rehearse(self) -> bool:
        """Let the child take the steps of a check on a file of ours; False where it did not come through that."""
        self._left = _START_S
        return self._ask({"do": "rehearse"})[0] is not None

    def waits_at(self, worker: WarmWorker) -> bool:
        """Whether this worker's child is there and can be given a job."""
        return self._worker is worker and self.death is None and not self._ticket.ended.is_set()

    def give(self, job: Job, limits: Limits) -> None:
        """The job, with all the time that the limits grant; what the child waited or did before it is not counted (but
        for the tenth of a second of its processor's time that a rehearsal takes)."""
        self._job, self.limits = job, limits
        self._left = limits.wall_s
        self._oom_kills = _oom_kills()

    @property
    def job(self) -> Job:
        assert self._job is not None, "there is no job yet"
        return self._job

    # ── what the judge asks ──────────────────────────────────────────────────

    @property
    def alive(self) -> bool:
        """False once the child has ended; every further answer then has the kind of its death."""
        return self.death is None

    @property
    def printed(self) -> str:
        """What the learner's code printed so far, fit to be shown."""
        limit = self.limits.output_bytes
        return wire.clean(bytes(self._printed[:limit]).decode("utf-8", "replace"), limit)

    def load(self) -> Loaded:
        """Load the drivers and the learner's file."""
        try:
            plain = self.job.plain()
        except SyntaxError as error:
            raise JobError(f"{self.job.topic}: {self.job.drivers_name}: {error}") from error
        prepared, _ = self._ask({"do": "prepare", "job": plain})
        if prepared is None:  # no line of the learner's was run yet: whatever ended the child was not theirs
            self.death = "internal"
            return Loaded(ok=False, kind="internal")
        if "broken" in prepared:
            raise JobError(f"{self.job.topic}: {_text(prepared['broken'])}")
        # Said before any line of the learner's code was run, and so to be believed.
        self._drivers = frozenset(prepared["drivers"])
        answer, seconds = self._ask({"do": "load"})
        if answer is None:
            return Loaded(ok=False, kind=self.death, seconds=seconds)
        names = [name for name in self.job.builds if name in _texts(answer.get("missing"))]
        return Loaded(
            ok=answer.get("ok") is True,
            missing=names,
            raised=_raised_at(answer.get("raised")),
            kind=_kind(answer),
            seconds=_seconds(answer, seconds),
        )

    def call(self, name: str, *, rng: bool = True, arguments: dict[str, Any] | None = None) -> Answer:
        """Run the driver of that name (or, with ``rng=False`` and arguments, a figure's ``compute``)."""
        self._require(name)
        return self._called(*self._ask({"do": "call", "name": name, "rng": rng, "arguments": arguments}))

    def call_each(self, names: Sequence[str], meanwhile: Callable[[], bool] | None = None) -> Iterator[Answer]:
        """The drivers of these names, one after the other, up to the first that ends the child.

        The child is asked some ahead: it need not wait while its last answer is read here. ``meanwhile`` is called
        again and again while there is nothing to read, until it returns False; its time is not the child's.
        """
        for name in names:
            self._require(name)
        waiting = deque(names)
        for _ in names:
            while waiting and len(self._asked) < _AHEAD:
                self._put({"do": "call", "name": waiting.popleft(), "rng": True, "arguments": None})
            self._meanwhile = meanwhile or _nothing
            try:
                found = self._await()
            finally:
                self._meanwhile = _nothing
            yield self._called(*found)
            if self.death is not None:
                return

    def _require(self, name: str) -> None:
        if self.death is None and name not in self._drivers:
            raise JobError(f"{self.job.topic}: {self.job.drivers_name} has no {name}")

    def _called(self, answer: dict[str, Any] | None, seconds: float) -> Answer:
        if answer is not None and "broken" in answer:
            # The drivers were loaded and have this one: the learner's code has changed what the child holds.
            self._kill("crashed", f"the process was tampered with: {_text(answer['broken'])}")
            answer = None
        if answer is None:
            return Answer(kind=self.death, seconds=seconds)
        forbidden = answer.get("forbidden")
        return Answer(
            value=answer.get("value"),
            raised=_raised_at(answer.get("raised")),
            kind=_kind(answer),
            seconds=_seconds(answer, seconds),
            inputs_changed=_texts(answer.get("inputs_changed")),
            aliased=answer.get("aliased") is True,
            forbidden=None if forbidden is None else _text(forbidden),
        )

    # ── the conversation ─────────────────────────────────────────────────────

    def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any] | None, float]:
        """The answer and the seconds that it took; None where the child died of it."""
        self._put(request)
        return self._await()

    def _put(self, request: dict[str, Any]) -> None:
        """A question that is sent as soon as it can be, and answered after those before it."""
        if self.death is None and not self._isolated:
            self._await_isolation()
        if self.death is None and not self._asked and self._unasked():
            self._kill("crashed", "the child spoke without being asked")
        if self.death is None:
            self._asked.append(secrets.token_bytes(16))
            self._unsent += frame(wire.encode({**request, "nonce": self._asked[-1]}))

    def _await(self) -> tuple[dict[str, Any] | None, float]:
        """The answer to the oldest question, and the seconds since it was waited for; None where the child died."""
        if self.death is not None:
            return None, 0.0
        nonce = self._asked.popleft()
        began = time.monotonic()
        payload = self._exchange(began + self._left, "timeout")
        seconds = time.monotonic() - began
        self._left -= seconds
        if payload is None:
            return None, seconds
        try:
            answer = wire.decode(payload, max_bytes=self.limits.result_bytes)
        except wire.WireError as error:
            self._kill("crashed", f"an answer that cannot be read: {error}")
            return None, seconds
        if not isinstance(answer, dict) or answer.get("nonce") != nonce:
            self._kill("crashed", "an answer to another question")
            return None, seconds
        return answer, seconds

    def _await_isolation(self) -> None:
        payload = self._exchange(time.monotonic() + _START_S, "internal")
        if payload is None:
            if self.death == "crashed":  # no line of the learner's was run yet
                self.death = "internal"
            return
        state = wire.decode(payload, max_bytes=2**16)
        if state["isolated"] is not True:
            self._kill("internal", f"the child could not be isolated: {state['why']}")
        self._isolated = True

    def _unasked(self) -> bool:
        if self._frames.buffer:
            return True
        try:
            return len(self._channel.recv(1)) > 0
        except BlockingIOError:
            return False
        except OSError:
            return False

    def _exchange(self, deadline: float, late: DeathKind) -> bytes | None:
        """Send what is unsent and await one frame, reading what is printed meanwhile."""
        self._send()
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        poll.register(self._channel, select.POLLIN)
        while True:
            try:
                if (payload := self._frames.next()) is not None:
                    if not self._asked:  # the child flushed before it answered, and has nothing else to do
                        self._read_output()
                    return payload if self.death is None else None
            except wire.WireError as error:
                self._kill("crashed", str(error))
                return None
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                self._kill(late, "the time is up")
                return None
            poll.modify(self._channel, select.POLLIN | (select.POLLOUT if self._unsent else 0))
            events = dict(poll.poll(0))
            if not events:
                began = time.monotonic()
                if self._meanwhile():
                    spent = time.monotonic() - began
                    deadline, self._left = deadline + spent, self._left + spent
                    continue
                events = dict(poll.poll(remaining * 1000))
            if self._output in events and not self._read_output():
                if self.death is not None:
                    return None
                poll.unregister(self._output)
            state = events.get(self._channel.fileno(), 0)
            if state & select.POLLOUT:
                self._send()
            if state & ~select.POLLOUT and not self._receive():
                self._find_cause()
                return None

    def _send(self) -> None:
        """As much of what is unsent as the channel takes."""
        try:
            while self._unsent:
                del self._unsent[: self._channel.send(self._unsent)]
        except BlockingIOError:
            return
        except OSError:  # nobody reads any more; what was said before that is read first
            self._unsent.clear()

    def _receive(self) -> bool:
        """Keep what the child says; False where it has ended."""
        try:
            data = self._channel.recv(_CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._frames.feed(data)
        return len(data) > 0

    def _read_output(self) -> bool:
        """Keep what was printed; False at its end, or when it is too much (then the child is dead)."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._output, _CHUNK):
                self._printed += data
                if len(self._printed) > self.limits.output_bytes:
                    if self._asked and self._receive() and self._frames.ready:
                        return True  # an answer came before it: it is of the next case, and is found again there
                    self._kill("too much output", "")
                    return False
            return False
        return True

    # ── the end ──────────────────────────────────────────────────────────────

    def _kill(self, kind: DeathKind, why: str) -> None:
        self.death, self.why = kind, why
        self._worker.kill(self._ticket)
        self._ticket.ended.wait(_REAP_S)

    def _find_cause(self) -> None:
        """The channel broke: why did the child end?"""
        # Its descriptors close a moment before it can be reaped. One that only closed the channel is ended by us.
        if not self._ticket.ended.wait(0.5):
            self._worker.kill(self._ticket)
            self._ticket.ended.wait(_REAP_S)
        while self._read_output():
            break
        if self.death is None:
            self.death, self.why = self._cause()

    def _cause(self) -> tuple[DeathKind, str]:
        status = self._ticket.status
        if status is None:
            return "internal", "the machine refused a new process" if self._ticket.refused else "the worker ended"
        out_of_cpu = self._ticket.cpu_ms >= self.limits.cpu_s * 1000 * 0.98
        if not os.WIFSIGNALED(status):
            return "crashed", f"the process ended itself with exit code {os.waitstatus_to_exitcode(status)}"
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name if number in signal.Signals._value2member_map_ else f"signal {number}"
        if number == getattr(signal, "SIGSYS", None):
            return "forbidden", "a system call that is not allowed"
        if number in (signal.SIGXCPU, signal.SIGKILL) and out_of_cpu:
            return "timeout", "the processor time is up"
        if number == signal.SIGKILL and _oom_kills() > self._oom_kills:
            return "out of memory", "the machine ran out of memory"
        return "crashed", f"the process was ended by {name}"

    def let_go(self) -> None:
        """Ask for the child's end and do not wait for it, as ``close`` does, which still must come."""
        if not self._ticket.ended.is_set():
            self._worker.kill(self._ticket)
        self._release()

    def _release(self) -> None:
        released, self.released = self.released, _nothing
        released()

    def close(self) -> None:
        """End the child, wait until it is gone, and remove its folder."""
        self._release()
        if not self._ticket.ended.is_set():
            self._worker.kill(self._ticket)
            self._ticket.ended.wait(_REAP_S)
        if self.death is None:
            self.death = "internal"
            self.why = "the session is closed"
        self._channel.close()
        if self._output >= 0:
            os.close(self._output)
            self._output = -1
        if self._folder is not None:
            # rmtree follows no symbolic link; a folder that was made unreadable is opened to ourselves first.
            shutil.rmtree(self._folder, onerror=_unlock)
            self._folder = None

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _nothing() -> bool:
    return False


def _unlock(function: Any, path: str, error: Any) -> None:
    with contextlib.suppress(OSError):
        os.chmod(Path(path).parent, 0o700, follow_symlinks=False)
        function(path)


def _oom_kills() -> int:
    """How many processes the kernel has ended for want of memory since the machine started."""
    with contextlib.suppress(OSError, ValueError), open("/proc/vmstat", encoding="ascii") as file:
        for line in file:
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


# ── reading what a child says: it may say anything of any type ───────────────


def _text(value: Any, limit: int = 2_000) -> str:
    return wire.clean(value, limit) if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [_text(one) for one in value[:64] if isinstance(one, str)] if isinstance(value, list) else []


def _seconds(answer: dict[str, Any], measured: float) -> float:
    told = answer.get("seconds")
    return min(told, measured) if isinstance(told, float) and told >= 0 else measured


def _kind(answer: dict[str, Any]) -> AnswerKind | None:
    told = answer.get("kind")
    return cast(AnswerKind, told) if isinstance(told, str) and told in _CHILD_KINDS else None


def _raised_at(value: Any) -> RaisedAt | None:
    if not isinstance(value, dict):
        return None
    line, line_text = value.get("line"), value.get("line_text")
    return RaisedAt(
        type_name=_text(value.get("type_name"), 200),
        message=_text(value.get("message")),
        line=line if type(line) is int and 0 < line < 10**7 else None,
        line_text=_text(line_text, 300) if isinstance(line_text, str) else None,
        trace=_texts(value.get("trace")),
        mro=_texts(value.get("mro")),
    )


__all__ = ["JobError", "SandboxError", "Session"]
