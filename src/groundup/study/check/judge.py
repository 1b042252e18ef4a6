"""The judge: one snapshot of a learner's file in, one verdict out.

The learner's code runs in the sandbox, the reference and the known mistakes here, all on the same inputs. Only what
came back through the sandbox's wall as plain data is compared, and only here. A build whose case ends the child does
not take the others with it: they are judged in a fresh child, within what is left of the time.

It does not record anything and shows nothing; one judge serves many threads. When a check has ended, the seed of the
next one of its topic is drawn, and the reference is run for it: the learner who presses the key again does not wait
for that. The seed is known to nobody but the judge until a child gets it.

Not protected against: a right answer that was copied, and the time that a known mistake of ours takes on odd inputs,
which is bounded in :mod:`groundup.study.check.misconceptions`. The same on every platform.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, cast

import torch

import groundup
from groundup.authoring import Case
from groundup.study.check.ahead import Ahead
from groundup.study.check.assemble import Checked, bounded, build_verdict, loading_verdict
from groundup.study.check.inprocess import Outcome, TopicLike, run_drivers
from groundup.study.check.job import Answer, Isolation, Job, Loaded
from groundup.study.check.misconceptions import Matcher, UsualScales
from groundup.study.check.session import Session
from groundup.study.check.spares import AFTER_S
from groundup.study.check.verdict import BuildVerdict, Kind, Receipt, Verdict

if TYPE_CHECKING:
    from groundup.study.check.sandbox import Sandbox

SEED_BITS = 53  # JSON and JavaScript keep such a number exact
_AGAIN_S = 0.5  # what the other builds get after one has used up all the time
_MOST_PREPARED = 32  # topics, or parts of one, for which the reference has been run before it is asked for


class SnapshotLike(Protocol):
    """What is asked of a snapshot."""

    @property
    def path(self) -> str: ...
    @property
    def module(self) -> str: ...
    @property
    def source(self) -> bytes: ...
    @property
    def sha256(self) -> str: ...
    @property
    def siblings(self) -> Mapping[str, bytes]: ...


class Internal(RuntimeError):
    """Our own failure, not the learner's: tried once more, never charged."""


@dataclass(eq=False)
class _Check:
    """One check: what is asked, and what has been found so far."""

    topic: TopicLike
    snapshot: SnapshotLike
    seed: int
    builds: list[str]
    names: list[str]
    answers: dict[str, Outcome] = field(default_factory=dict)
    checked: Checked = field(default_factory=Checked)
    dead: set[str] = field(default_factory=set)
    loaded: Loaded | None = None
    end: str = ""

    def job(self) -> Job:
        topic = self.topic
        return Job(
            topic=topic.id,
            seed=self.seed,
            module=self.snapshot.module,
            path=self.snapshot.path,
            source=self.snapshot.source,
            siblings=dict(self.snapshot.siblings),
            drivers=topic.drivers_source().encode(),
            drivers_name=f"{topic.id}/drivers.py",
            builds=[build.name for build in topic.builds],
            without={build.name: list(build.without) for build in topic.builds if build.without},
            cases=self.names,
        )

    def left(self) -> list[str]:
        """The cases that are still to be run: none about a build that has ended a child already."""
        cases = self.topic.cases()
        return [name for name in self.names if name not in self.answers and not self.dead & set(cases[name].builds)]

    def give_up(self, kind: str) -> None:
        """The cases that are left are not run: say so of their builds."""
        cases = self.topic.cases()
        builds = {build for name in self.left() for build in cases[name].builds}
        self.checked.not_run = {build: kind for build in self.builds if build in builds}


@dataclass(eq=False)
class _Shared:
    """A seed, and what the reference gives for it."""

    seed: int
    topic: TopicLike
    expected: Future[dict[str, Outcome]] | None = None


@dataclass(frozen=True)
class _Found:
    builds: list[BuildVerdict]
    printed: str = ""
    message: str | None = None


class Judge:
    """Checks snapshots of topics in a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        # One thread: the judge shares its machine with the child, and sums must not depend on the number of threads.
        torch.set_num_threads(1)
        self.sandbox = sandbox
        self._references = ThreadPoolExecutor(max_workers=4, thread_name_prefix="groundup-reference")
        self._closed = threading.Event()
        self._closings = ThreadPoolExecutor(max_workers=4, thread_name_prefix="groundup-closing")
        self._usual: dict[str, UsualScales] = {}
        self._lock = threading.Lock()
        self._open: dict[tuple[str, ...], _Shared] = {}
        self._prepared: OrderedDict[tuple[str, ...], _Shared] = OrderedDict()

    def check(
        self, topic: TopicLike, snapshot: SnapshotLike, seed: int | None = None, builds: Iterable[str] | None = None
    ) -> Verdict:
        """The verdict on a snapshot, for all builds of the topic or for some; the same seed gives the same verdict.

        A fresh seed is shared only by checks of a topic that begin before the first of them has ended: nobody can have
        seen it, and the reference is run once for all of them.
        """
        asked = _asked(topic, builds)
        began = time.perf_counter()
        key = (topic.id, *asked)
        fresh = seed is None
        shared = self._share(key, topic) if seed is None else _Shared(seed, topic)
        seed = shared.seed
        try:
            found = self._twice(topic, snapshot, shared, asked)
        finally:
            with self._lock:
                if self._open.get(key) is shared:
                    del self._open[key]
        if fresh:
            self._prepare_later(topic, asked)
        kind: Kind = next((one.kind for one in found.builds if one.kind != "passed"), "passed")
        isolation = self._isolation()
        receipt = Receipt(
            path=snapshot.path,
            sha256=snapshot.sha256,
            check_version=topic.check_version,
            seed=seed,
            isolation=isolation.name,
            isolation_lacks=list(isolation.lacks),
            groundup=groundup.__version__,
            seconds=round(time.perf_counter() - began, 4),
        )
        verdict = Verdict(
            topic=topic.id,
            kind=kind,
            builds=found.builds,
            receipt=receipt,
            printed=found.printed,
            message=found.message,
        )
        return bounded(verdict)

    def prepare(self, topic: TopicLike, builds: Iterable[str] | None = None) -> None:
        """Draw the seed of the next check and run the reference for it in the background; returns at once."""
        asked = _asked(topic, builds)
        key = (topic.id, *asked)
        with self._lock:
            if (kept := self._prepared.get(key)) is not None and kept.topic is topic:
                return
            shared = self._prepared[key] = _Shared(secrets.randbelow(2**SEED_BITS), topic)
            while len(self._prepared) > _MOST_PREPARED:
                self._prepared.popitem(last=False)
        with suppress(RuntimeError):  # closed meanwhile
            self._references.submit(lambda: self._expected(shared, _names(topic.cases(), asked)))

    def _prepare_later(self, topic: TopicLike, asked: list[str]) -> None:
        """Prepare when the verdict is on its way: the two would take turns at one interpreter."""

        def prepare() -> None:
            if not self._closed.wait(AFTER_S):
                self.prepare(topic, asked)

        with suppress(RuntimeError):  # closed meanwhile
            self._references.submit(prepare)

    def close(self) -> None:
        """Let the threads go; the sandbox is its owner's to close."""
        self._closed.set()
        self._closings.shutdown(wait=True)
        self._references.shutdown(wait=True, cancel_futures=True)

    def _share(self, key: tuple[str, ...], topic: TopicLike) -> _Shared:
        with self._lock:
            shared = self._open.get(key)
            if shared is None or shared.topic is not topic:
                shared = self._prepared.pop(key, None)
                if shared is None or shared.topic is not topic:
                    shared = _Shared(secrets.randbelow(2**SEED_BITS), topic)
                self._open[key] = shared
            return shared

    def _expected(self, shared: _Shared, names: list[str]) -> Future[dict[str, Outcome]]:
        """What the reference gives; asked for once, unless that failed."""
        with self._lock:
            failed = shared.expected is not None and shared.expected.done() and shared.expected.exception() is not None
            if shared.expected is None or failed:
                references = shared.topic.references()
                shared.expected = self._references.submit(
                    run_drivers, shared.topic, references, shared.seed, names, reference=True
                )
            return shared.expected

    def _isolation(self) -> Isolation:
        try:
            return self.sandbox.isolation
        except Exception:  # a sandbox that could not start: the verdict is "internal" and says why
            return Isolation("none", lacks=["the sandbox could not be started"])

    def _twice(self, topic: TopicLike, snapshot: SnapshotLike, shared: _Shared, asked: list[str]) -> _Found:
        """One attempt, and a second one where the first failed by our own fault."""
        trouble: Exception | None = None
        for _ in range(2):
            try:
                return self._attempt(topic, snapshot, shared, asked)
            except Exception as error:
                trouble = error
        message = f"groundup itself failed, your code was not judged: {type(trouble).__name__}: {trouble}"
        return _Found([BuildVerdict(build=one, kind="internal", cases=0, passed=0) for one in asked], message=message)

    def _attempt(self, topic: TopicLike, snapshot: SnapshotLike, shared: _Shared, asked: list[str]) -> _Found:
        cases = topic.cases()
        names = _names(cases, asked)
        check = _Check(topic, snapshot, shared.seed, asked, names)
        matcher = Matcher(topic, shared.seed, self._usual_scales(topic))
        ahead = Ahead(cases, check.answers, self._expected(shared, names), matcher)
        self._run(check, ahead)
        return self._judged(check, ahead)

    def _judged(self, check: _Check, ahead: Ahead) -> _Found:
        """What the answers are worth, held against the reference's."""
        asked = check.builds
        loaded = check.loaded
        assert loaded is not None
        if not loaded.ok:
            kind = cast(Kind, loaded.kind or "raised")
            found = [loading_verdict(build, kind, loaded.raised, check.checked.why) for build in asked]
            return _Found(found, check.checked.printed)
        check.checked.results = ahead.finish(check.names)
        return _Found([build_verdict(one, check.checked, ahead.matcher) for one in asked], check.checked.printed)

    def _usual_scales(self, topic: TopicLike) -> UsualScales:
        kept = self._usual.get(topic.id)
        if kept is None or kept.topic is not topic:
            kept = self._usual[topic.id] = UsualScales(topic)
        return kept

    # ── in the sandbox ───────────────────────────────────────────────────────

    def _session(self, job: Job, wall_s: float | None) -> AbstractContextManager[Session]:
        """A child for the job; ``wall_s`` where it gets less time than the sandbox's limits say."""
        if wall_s is None:
            return self.sandbox.session(job)
        return Session(self.sandbox.wait(), job, replace(self.sandbox.limits, wall_s=wall_s))

    def _run(self, check: _Check, ahead: Ahead) -> None:
        """All cases; where one ends the child, those of the other builds in another one, within the same time.

        A child that has answered is told to end, and nobody waits for that but a thread that closes what it leaves.
        """
        began = time.perf_counter()
        wall_s: float | None = None
        last = False
        while check.left():
            with ExitStack() as ending:
                session = ending.enter_context(self._session(check.job(), wall_s))
                self._serve(session, check, ahead)
                if not check.end:
                    session.let_go()
                    closing = ending.pop_all()
                    try:
                        self._closings.submit(closing.close)
                    except RuntimeError:  # this judge is closed meanwhile
                        closing.close()
                    return
                check.checked.why = check.checked.why or session.why
            if last or (check.loaded is not None and not check.loaded.ok):
                break
            wall_s = self.sandbox.limits.wall_s - (time.perf_counter() - began)
            last = wall_s < _AGAIN_S
            wall_s = max(wall_s, _AGAIN_S)
        if check.end:
            check.give_up(check.end)

    def _serve(self, session: Session, check: _Check, ahead: Ahead) -> None:
        """Load, then call one driver after the other, judging meanwhile; ``check.end`` says what ended the child, if
        anything did."""
        check.end = ""
        loaded = session.load()
        if loaded.kind == "internal":
            raise Internal(session.why)
        first = check.loaded is None
        if first:
            check.loaded, check.checked.missing = loaded, list(loaded.missing)
        if not loaded.ok:
            check.end = loaded.kind or "raised"
            check.checked.printed = check.checked.printed or session.printed
            return
        cases = check.topic.cases()
        left = check.left()
        for name, answer in zip(left, session.call_each(left, ahead.step), strict=False):
            if answer.kind == "internal":
                raise Internal(session.why)
            check.answers[name] = _outcome(answer)
            if not session.alive:
                check.end = str(answer.kind)
                check.dead.update(cases[name].builds)
                break
        if first:
            check.checked.printed = session.printed


def _asked(topic: TopicLike, builds: Iterable[str] | None) -> list[str]:
    """The builds that are checked, in the topic's order."""
    wanted = None if builds is None else set(builds)
    return [build.name for build in topic.builds if wanted is None or build.name in wanted]


def _names(cases: Mapping[str, Case], asked: Iterable[str]) -> list[str]:
    """The cases about the builds that are asked for, and one of each other build that these are mixed with.

    The latter shows whether that other build is written at all.
    """
    wanted = [name for name, case in cases.items() if set(case.builds) & set(asked)]
    mixed = {build for name in wanted for build in cases[name].builds} - set(asked)
    first = {build: next((name for name, case in cases.items() if case.builds == (build,)), None) for build in mixed}
    return [name for name in cases if name in wanted or name in first.values()]


def _outcome(answer: Answer) -> Outcome:
    """The sandbox's answer as the record that is judged."""
    return Outcome(
        answer.value,
        answer.raised,
        answer.kind,
        answer.seconds,
        list(answer.inputs_changed),
        forbidden=answer.forbidden,
    )
