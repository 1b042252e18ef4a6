"""The one way in for page and terminal: everything that a learner can do, over one home folder.

Neither ``web`` nor ``cli`` decides anything that the other would have to decide again; both call :class:`Study`.
torch is imported only by what needs it (checks and figures), never by asking for a state, a hint or the next step.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.study.chat.host import Chats
from groundup.study.first.content import FirstFile
from groundup.study.hints import Hint, next_hint
from groundup.study.home import Home
from groundup.study.plan import Suggestion, next_topic
from groundup.study.progress.store import Progress
from groundup.study.roadmap import Roadmap, load_roadmap
from groundup.study.runs.control import Runs
from groundup.study.runs.story import Stories
from groundup.study.shelf import Shelf
from groundup.study.topics import Topic
from groundup.study.workspace import Opened, Snapshot, Workspace, WorkspaceError

if TYPE_CHECKING:
    from groundup.study.check.judge import Judge
    from groundup.study.check.sandbox import Sandbox
    from groundup.study.check.verdict import Verdict
    from groundup.study.first.host import First

FIRST_FILE = FirstFile()
FIRST_DONE = "groundup:first"
_SPARES = 8  # children that may wait for the next checks: as many as press at once in a class


class NotWritten(LookupError):
    """The topic is on the map, but its lesson and checks do not exist yet."""

    def __init__(self, topic: Topic) -> None:
        super().__init__(f"{topic.id} is on the map, but it is not written yet. `groundup next` names one that is.")
        self.topic = topic


class UnknownBuild(LookupError):
    """The topic has no build of that name."""


@dataclass(frozen=True)
class Status:
    """Where a learner stands, as counts that page and terminal show."""

    home: str
    passed: int
    started: int
    written: int
    topics: int
    tracks: list[dict[str, Any]]
    next: dict[str, str] | None


class Study:
    """All that can be done with one home folder. One instance serves many threads."""

    def __init__(self, home: Home, *, learner: str = "me") -> None:
        self.home = home
        home.create()
        self.roadmap: Roadmap = load_roadmap()
        self.workspace = Workspace(home)
        self.progress = Progress(home, learner=learner)
        self.runs = Runs(home)
        self._warming = threading.Lock()
        self._warm_thread: threading.Thread | None = None
        self._judge_lock = threading.Lock()
        self._judge: Judge | None = None
        self._sandbox: Sandbox | None = None
        self.warm_error: str | None = None
        self._opened: str | None = None  # the topic whose page was opened last

    # ── the judge ────────────────────────────────────────────────────────────

    def warm(self) -> None:
        """Start the checker in the background; idempotent."""
        with self._warming:
            if self._warm_thread is None:
                self._warm_thread = threading.Thread(target=self._warm, name="groundup-warm", daemon=True)
                self._warm_thread.start()

    def _warm(self) -> None:
        try:
            judge = self.judge()
            if self._opened is not None:
                judge.prepare(self.written(self._opened))
        except Exception as error:  # shown on the page; the next check tries again and raises it
            self.warm_error = f"{type(error).__name__}: {error}"

    def prepare(self, topic_id: str) -> None:
        """A topic's page is opened: its first check will be asked for soon. Starts no checker, returns at once."""
        self._opened = topic_id
        if (judge := self._judge) is not None:
            judge.prepare(self.written(topic_id))

    @property
    def ready(self) -> bool:
        return self._sandbox is not None and self._judge is not None and self._sandbox.ready

    def judge(self) -> Judge:
        """The judge, started on first use (about three seconds: torch is imported twice, here and in the worker)."""
        with self._judge_lock:
            if self._judge is None:
                from groundup.study.check.sandbox import Sandbox

                # The worker first: it imports torch while this process does.
                sandbox = Sandbox(hidden=(self.home.path,), spares=_SPARES)
                sandbox.start()
                from groundup.study.check.judge import Judge

                self._sandbox, self._judge = sandbox, Judge(sandbox)
            return self._judge

    @property
    def sandbox(self) -> Sandbox:
        self.judge()
        assert self._sandbox is not None
        return self._sandbox

    # ── topics ───────────────────────────────────────────────────────────────

    def written(self, topic_id: str) -> Topic:
        topic = self.roadmap.topic(topic_id)
        if not topic.written:
            raise NotWritten(topic)
        return topic

    def states(self) -> dict[str, str]:
        return self.progress.topic_states(self.roadmap)

    def open(self, topic_id: str) -> Opened:
        """Make the learner's file if it is not there; never overwrite it."""
        opened = self.workspace.open(self.written(topic_id))
        self.progress.topic_opened(topic_id)
        return opened

    def source(self, topic_id: str) -> Snapshot:
        topic = self.written(topic_id)
        self.open(topic_id)
        return self.workspace.read(topic)

    def save(self, topic_id: str, text: str, expected_sha256: str | None) -> Snapshot:
        return self.workspace.write(self.written(topic_id), text, expected_sha256, keep_line_ends=True)

    def check(self, topic_id: str, *, seed: int | None = None, builds: list[str] | None = None) -> Verdict:
        """Snapshot, judge, durable record; only then the verdict."""
        topic = self.written(topic_id)
        for build in builds or []:
            self._build(topic, build)
        self.workspace.open(topic)
        snapshot = self.workspace.read(topic)
        verdict = self.judge().check(topic, snapshot, seed=seed, builds=builds)
        self.progress.record(verdict)
        return verdict

    # ── hints ────────────────────────────────────────────────────────────────

    def _build(self, topic: Topic, build: str | None) -> str:
        """The build that a hint is for: the one named, else the first that has not passed."""
        names = [one.name for one in topic.builds]
        if build is not None:
            if build not in names:
                raise UnknownBuild(f"{topic.id} has no build {build!r}; it has {', '.join(names)}")
            return build
        states = self.progress.build_state(topic.id)
        for name in names:
            if name not in states or not states[name].passed:
                return name
        return names[0]

    def hint(self, topic_id: str, build: str | None = None) -> Hint:
        """The next stage for a build; the last stage, the solution, is never reached this way."""
        topic = self.written(topic_id)
        name = self._build(topic, build)
        hint = next_hint(topic, name, self.progress.hints(topic_id, name), self.progress.last_failure(topic_id, name))
        self.progress.take_hint(topic_id, name, hint.stage)
        return hint

    def solution(self, topic_id: str, build: str | None = None) -> str:
        """The solution, because it was asked for; that it was is recorded."""
        from groundup.study.solution import solution_source

        topic = self.written(topic_id)
        names = [self._build(topic, build)] if build is not None else [one.name for one in topic.builds]
        for name in names:
            self.progress.take_hint(topic_id, name, 4)
        return solution_source(topic, build)

    # ── where next ───────────────────────────────────────────────────────────

    def next(self) -> Suggestion:
        return next_topic(self.roadmap, self.states(), builds=self.progress.build_states())

    def status(self) -> Status:
        states = self.states()
        tracks = []
        for track in self.roadmap.tracks:
            ids = {topic for stage in track.stages for point in stage.points for topic in point.topics}
            tracks.append(
                {
                    "id": track.id,
                    "title": track.title,
                    "topics": len(ids),
                    "written": sum(self.roadmap.topics[one].written for one in ids),
                    "passed": sum(states[one].startswith("passed") for one in ids),
                }
            )
        suggestion = self.next()
        return Status(
            home=str(self.home.path),
            passed=sum(state.startswith("passed") for state in states.values()),
            started=sum(state == "started" for state in states.values()),
            written=sum(topic.written for topic in self.roadmap.topics.values()),
            topics=len(self.roadmap.topics),
            tracks=tracks,
            next={"topic": suggestion.topic_id, "why": suggestion.why} if suggestion.topic_id else None,
        )

    @cached_property
    def stories(self) -> Stories:
        """What this home's runs have told so far."""
        return Stories()

    # ── the first three minutes ──────────────────────────────────────────────

    @cached_property
    def first(self) -> First:
        """The model that came with groundup, ready to run on the learner's attention."""
        from groundup.study.first.host import First

        return First(self.home)

    def first_source(self) -> Snapshot:
        self.workspace.open(FIRST_FILE)
        return self.workspace.read(FIRST_FILE)

    def save_first(self, text: str, expected_sha256: str | None) -> Snapshot:
        return self.workspace.write(FIRST_FILE, text, expected_sha256, keep_line_ends=True)

    def first_write(self, snapshot: Snapshot, prompt: str) -> Iterator[dict[str, Any]]:
        """What the model writes with these bytes in the place of its attention, event by event."""
        try:
            source = snapshot.source.decode()
        except UnicodeDecodeError as error:
            raise WorkspaceError(
                f"{snapshot.path} is not UTF-8 text (byte {error.start})", "Save it as UTF-8."
            ) from error
        return self.first.write(source, prompt)

    @property
    def first_done(self) -> bool:
        """Whether the first page was seen to its end, or left."""
        return FIRST_DONE in self.progress.resources_done()

    def first_seen(self) -> None:
        self.progress.resource_done(FIRST_DONE, True)

    @property
    def fresh(self) -> bool:
        """Whether nothing was done in this home yet: then the first three minutes come first."""
        return not (self.first_done or self.progress.topics_opened() or self.progress.build_states())

    @cached_property
    def shelf(self) -> Shelf:
        """The models that runs saved and that were added."""
        return Shelf(self.home, self.runs)

    @cached_property
    def chats(self) -> Chats:
        """Models of the shelf at work."""
        return Chats(self)

    @cached_property
    def mine(self) -> Path:
        return self.home.path / "mine"

    def close(self) -> None:
        """End the worker and let go of the database; nothing accepted is lost, it was durable before it was shown."""
        if "chats" in self.__dict__:
            self.chats.close()
        if self._warm_thread is not None:
            self._warm_thread.join(timeout=15)
        if self._sandbox is not None:
            self._sandbox.close()
        if "first" in self.__dict__:
            self.first.close()
        self.progress.close()
