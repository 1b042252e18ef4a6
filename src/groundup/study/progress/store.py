"""What a learner has done: recorded so that it is on the disk before it is shown, and asked for by page and terminal.

Accepted is accepted: a later check that fails takes nothing away. What is ``internal`` (groundup's own failure) is kept
among the attempts and counts for nothing. This module judges nothing and reads no file of the learner's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import URL, func, select
from sqlalchemy.orm import Session

from groundup.study.home import Home
from groundup.study.progress.cleaning import clean
from groundup.study.progress.database import Database
from groundup.study.progress.migrate import bring_up_to_date
from groundup.study.progress.models import (
    Attempt,
    BuildResult,
    HintTaken,
    Learner,
    LessonRead,
    ResourceDone,
    TopicOpened,
)

if TYPE_CHECKING:
    from groundup.study.check.verdict import Failure, Verdict

REOPENED_AFTER = timedelta(hours=1)
"""A page that is opened again within this time is not written down again."""


@dataclass(frozen=True)
class BuildState:
    """Where a learner stands with one build. The first four speak of what was accepted, the last of the last check.

    ``check_version``, ``sha256`` and ``when`` are None until the build passes. ``attempts`` counts the checks in which
    the build was written at all.
    """

    passed: bool
    check_version: int | None
    sha256: str | None
    when: datetime | None
    last_kind: str
    last_sha256: str
    last_when: datetime
    attempts: int


@dataclass(frozen=True)
class AttemptRecord:
    """One check as it was recorded; ``verdict`` is the document that was shown."""

    id: int
    topic: str
    kind: str
    when: datetime
    path: str
    sha256: str
    check_version: int
    seed: int
    isolation: str
    groundup: str
    seconds: float
    verdict: dict[str, Any]


class _Build(Protocol):
    @property
    def name(self) -> str: ...


class _Topic(Protocol):
    @property
    def written(self) -> bool: ...
    @property
    def check_version(self) -> int: ...
    @property
    def builds(self) -> Collection[_Build]: ...


class _Roadmap(Protocol):
    @property
    def topics(self) -> Mapping[str, _Topic]: ...


def utc_now() -> datetime:
    return datetime.now(UTC)


class Progress:
    """One learner's rows. Safe to share between threads; several processes may have the same database open."""

    def __init__(self, where: Home | str | URL, *, learner: str = "me", now: Callable[[], datetime] = utc_now) -> None:
        if isinstance(where, Home):
            where.create()
            where = URL.create("sqlite", database=str(where.database))
        self._now = now
        self._database = Database(where)
        try:
            bring_up_to_date(self._database)
            self.learner = clean(learner)
            self.learner_id = self._find_learner()
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def _find_learner(self) -> int:
        wanted = select(Learner.id).where(Learner.name == self.learner)
        found = self._database.read(lambda session: session.scalar(wanted))
        return found if found is not None else self._database.write(self._add_learner)

    def _add_learner(self, session: Session) -> int:
        learner = session.scalar(select(Learner).where(Learner.name == self.learner))
        if learner is None:
            learner = Learner(name=self.learner, created_at=self._now())
            session.add(learner)
            session.flush()
        return learner.id

    # ── checks ───────────────────────────────────────────────────────────────

    def record(self, verdict: Verdict) -> int:
        """Keep a verdict; returns the attempt's number, once it is durable."""
        when = self._now()
        return self._database.write(lambda session: self._record(session, verdict, when))

    def _record(self, session: Session, verdict: Verdict, when: datetime) -> int:
        receipt = verdict.receipt
        attempt = Attempt(
            learner_id=self.learner_id,
            topic=clean(verdict.topic),
            kind=clean(verdict.kind),
            at=when,
            path=clean(receipt.path),
            sha256=clean(receipt.sha256),
            check_version=receipt.check_version,
            seed=str(receipt.seed),
            isolation=clean(receipt.isolation),
            groundup=clean(receipt.groundup),
            seconds=clean(receipt.seconds) or 0.0,
            verdict=clean(verdict.model_dump()),
        )
        session.add(attempt)
        session.flush()
        for build in verdict.builds:
            if verdict.kind != "internal" and build.kind != "internal":
                self._update_build(session, attempt, clean(build.build), clean(build.kind))
        return attempt.id

    def _update_build(self, session: Session, attempt: Attempt, build: str, kind: str) -> None:
        key = (self.learner_id, attempt.topic, build)
        row = session.get(
            BuildResult, key, with_for_update=True
        )  # SQLite has no such lock, and needs none: see database
        if row is None:
            row = BuildResult(learner_id=key[0], topic=key[1], build=key[2], passed=False, attempts=0)
            session.add(row)
        row.attempts += kind != "missing"
        row.last_kind, row.last_sha256 = kind, attempt.sha256
        row.last_at, row.last_attempt_id = attempt.at, attempt.id
        # An older groundup may still be open somewhere: its pass does not replace one against a newer check.
        if kind == "passed" and attempt.check_version >= (row.passed_check_version or 0):
            row.passed = True
            row.passed_check_version, row.passed_sha256 = attempt.check_version, attempt.sha256
            row.passed_at = attempt.at

    def build_state(self, topic_id: str) -> dict[str, BuildState]:
        """Each build of a topic that was ever checked."""
        return self.build_states(topic_id).get(topic_id, {})

    def build_states(self, topic_id: str | None = None) -> dict[str, dict[str, BuildState]]:
        """The same for every topic, in one query."""
        query = select(BuildResult).where(BuildResult.learner_id == self.learner_id)
        if topic_id is not None:
            query = query.where(BuildResult.topic == topic_id)
        states: dict[str, dict[str, BuildState]] = {}
        for row in self._rows(query):
            states.setdefault(row.topic, {})[row.build] = _build_state(row)
        return states

    def attempts(self, topic_id: str | None = None, limit: int = 20) -> list[AttemptRecord]:
        """The last checks, the newest first."""
        query = select(Attempt).where(Attempt.learner_id == self.learner_id)
        if topic_id is not None:
            query = query.where(Attempt.topic == topic_id)
        return [_attempt_record(row) for row in self._rows(query.order_by(Attempt.id.desc()).limit(limit))]

    def last_failure(self, topic_id: str, build: str) -> Failure | None:
        """Why a build failed when it was checked last; None where it passed, or was not checked, or not written."""
        row = self._database.read(
            lambda session: session.scalar(
                select(Attempt)
                .join(BuildResult, BuildResult.last_attempt_id == Attempt.id)
                .where(
                    BuildResult.learner_id == self.learner_id,
                    BuildResult.topic == topic_id,
                    BuildResult.build == build,
                )
            )
        )
        return _failure_of(row.verdict, build) if row is not None else None

    # ── topics ───────────────────────────────────────────────────────────────

    def topic_states(self, roadmap: _Roadmap) -> dict[str, str]:
        """For each topic: not written, untouched, read, started, passed or passed older check."""
        builds = self.build_states()
        read = self.lessons_read()
        mine = self.learner_id
        touched = self._ids(
            select(Attempt.topic).where(Attempt.learner_id == mine, Attempt.kind != "internal").distinct()
        )
        touched |= self._ids(select(HintTaken.topic).where(HintTaken.learner_id == mine).distinct())
        return {
            topic_id: topic_state(topic, builds.get(topic_id, {}), topic_id in read, topic_id in touched)
            for topic_id, topic in roadmap.topics.items()
        }

    def topic_opened(self, topic_id: str) -> None:
        """The learner looked at it; not the same as having started."""
        key, now = (self.learner_id, clean(topic_id)), self._now()
        row = self._database.read(lambda session: session.get(TopicOpened, key))
        if row is not None and abs(now - row.last_at) < REOPENED_AFTER:
            return

        def write(session: Session) -> None:
            row = session.get(TopicOpened, key, with_for_update=True)
            if row is None:
                session.add(TopicOpened(learner_id=key[0], topic=key[1], first_at=now, last_at=now))
            else:
                row.last_at = now

        self._database.write(write)

    def topics_opened(self) -> dict[str, datetime]:
        """When each topic was opened last."""
        rows = self._rows(select(TopicOpened).where(TopicOpened.learner_id == self.learner_id))
        return {row.topic: row.last_at for row in rows}

    def lesson_read(self, topic_id: str, read: bool = True) -> None:
        key = {"learner_id": self.learner_id, "topic": clean(topic_id)}
        self._mark(LessonRead, key, read)

    def lessons_read(self) -> set[str]:
        return self._ids(select(LessonRead.topic).where(LessonRead.learner_id == self.learner_id))

    def resource_done(self, resource_id: str, done: bool = True) -> None:
        key = {"learner_id": self.learner_id, "resource": clean(resource_id)}
        self._mark(ResourceDone, key, done)

    def resources_done(self) -> set[str]:
        return self._ids(select(ResourceDone.resource).where(ResourceDone.learner_id == self.learner_id))

    # ── hints ────────────────────────────────────────────────────────────────

    def hints(self, topic_id: str, build: str) -> int:
        """The furthest stage taken; 0: none."""
        query = select(func.max(HintTaken.stage)).where(
            HintTaken.learner_id == self.learner_id, HintTaken.topic == topic_id, HintTaken.build == build
        )
        return self._database.read(lambda session: session.scalar(query)) or 0

    def take_hint(self, topic_id: str, build: str, stage: int) -> None:
        key = {"learner_id": self.learner_id, "topic": clean(topic_id), "build": clean(build), "stage": stage}
        self._mark(HintTaken, key, True)

    # ── sums ─────────────────────────────────────────────────────────────────

    def counts(self, roadmap: _Roadmap) -> dict[str, int]:
        """How many topics are in each state, and how many builds of written topics passed."""
        states = Counter(self.topic_states(roadmap).values())
        builds = self.build_states()
        written = {topic_id: topic for topic_id, topic in roadmap.topics.items() if topic.written}
        query = select(func.count()).select_from(Attempt).where(Attempt.learner_id == self.learner_id)
        return {
            **{state: states[state] for state in STATES},
            "builds": sum(len(topic.builds) for topic in written.values()),
            "builds passed": sum(
                build.name in builds.get(topic_id, {}) and builds[topic_id][build.name].passed
                for topic_id, topic in written.items()
                for build in topic.builds
            ),
            "checks": self._database.read(lambda session: session.scalar(query)) or 0,
        }

    def export(self) -> dict[str, Any]:
        """Everything that is known of the learner, as plain data."""
        mine = self.learner_id
        builds = self._rows(select(BuildResult).where(BuildResult.learner_id == mine))
        hints = self._rows(select(HintTaken).where(HintTaken.learner_id == mine).order_by(HintTaken.at))
        attempts = self._rows(select(Attempt).where(Attempt.learner_id == mine).order_by(Attempt.id))
        opened = self._rows(select(TopicOpened).where(TopicOpened.learner_id == mine))
        read = self._rows(select(LessonRead).where(LessonRead.learner_id == mine))
        done = self._rows(select(ResourceDone).where(ResourceDone.learner_id == mine))
        return {
            "format": 1,
            "learner": self.learner,
            "exported_at": self._now().isoformat(),
            "builds": [_plain(row) for row in builds],
            "attempts": [_plain(row) for row in attempts],
            "hints": [_plain(row) for row in hints],
            "topics_opened": [_plain(row) for row in opened],
            "lessons_read": [_plain(row) for row in read],
            "resources_done": [_plain(row) for row in done],
        }

    # ── shared ───────────────────────────────────────────────────────────────

    def _rows(self, query: Any) -> list[Any]:
        return self._database.read(lambda session: list(session.scalars(query)))

    def _ids(self, query: Any) -> set[str]:
        return set(self._rows(query))

    def _mark(self, model: type[Any], key: dict[str, Any], there: bool) -> None:
        """Make or remove the row that says so; saying it twice changes nothing."""

        def write(session: Session) -> None:
            row = session.get(model, tuple(key.values()))
            if there and row is None:
                session.add(model(**key, at=self._now()))
            elif not there and row is not None:
                session.delete(row)

        self._database.write(write)


STATES = ("not written", "untouched", "read", "started", "passed", "passed older check")


def topic_state(topic: _Topic, builds: Mapping[str, BuildState], read: bool, touched: bool) -> str:
    """One of STATES. A topic without builds can be read, and no more."""
    if not topic.written:
        return "not written"
    wanted = [builds.get(build.name) for build in topic.builds]
    passed = [state for state in wanted if state is not None and state.passed]
    if wanted and len(passed) == len(wanted):
        current = all((state.check_version or 0) >= topic.check_version for state in passed)
        return "passed" if current else "passed older check"
    if passed or touched:
        return "started"
    return "read" if read else "untouched"


def _build_state(row: BuildResult) -> BuildState:
    return BuildState(
        passed=row.passed,
        check_version=row.passed_check_version,
        sha256=row.passed_sha256,
        when=row.passed_at,
        last_kind=row.last_kind,
        last_sha256=row.last_sha256,
        last_when=row.last_at,
        attempts=row.attempts,
    )


def _attempt_record(row: Attempt) -> AttemptRecord:
    return AttemptRecord(
        id=row.id,
        topic=row.topic,
        kind=row.kind,
        when=row.at,
        path=row.path,
        sha256=row.sha256,
        check_version=row.check_version,
        seed=int(row.seed),
        isolation=row.isolation,
        groundup=row.groundup,
        seconds=row.seconds,
        verdict=row.verdict,
    )


def _failure_of(verdict: dict[str, Any], build: str) -> Failure | None:
    from pydantic import ValidationError

    from groundup.study.check.verdict import Failure

    for one in verdict.get("builds", []):
        if one.get("build") == build and one.get("failure") is not None:
            try:
                return Failure.model_validate(one["failure"])
            except ValidationError:  # recorded by a groundup whose verdicts had other fields: no hint hangs on it
                return None
    return None


def _plain(row: Any) -> dict[str, Any]:
    columns = {column.key: getattr(row, column.key) for column in row.__table__.columns if column.key != "learner_id"}
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in columns.items()}
