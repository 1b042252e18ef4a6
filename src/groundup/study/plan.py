"""What to do next, and why: pure functions of the road map and of what has been done. Nothing here reads a disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

GOALS = ("gpt", "llama")
"""Where the shortest path leads, unless the learner names a goal: a GPT first, then a Llama."""
NOT_WRITTEN = "not written"
DONE = ("passed", "passed older check")


class _Build(Protocol):
    @property
    def name(self) -> str: ...


class _Topic(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def needs(self) -> Sequence[str]: ...
    @property
    def builds(self) -> Sequence[_Build]: ...


class _Point(Protocol):
    @property
    def topics(self) -> Sequence[str]: ...


class _Stage(Protocol):
    @property
    def points(self) -> Sequence[_Point]: ...


class _Track(Protocol):
    @property
    def stages(self) -> Sequence[_Stage]: ...


class PlannedRoadmap(Protocol):
    """What a plan needs to know of the road map."""

    @property
    def tracks(self) -> Sequence[_Track]: ...
    @property
    def topics(self) -> Mapping[str, _Topic]: ...


class PassedBuild(Protocol):
    """What a plan needs to know of a build that was checked."""

    @property
    def passed(self) -> bool: ...
    @property
    def last_when(self) -> datetime: ...


Builds = Mapping[str, Mapping[str, PassedBuild]]


@dataclass(frozen=True)
class Suggestion:
    """The next step. ``topic_id`` is None where everything written is done; ``why`` then says what is missing."""

    topic_id: str | None
    title: str
    why: str


def next_topic(
    roadmap: PlannedRoadmap, states: Mapping[str, str], goal: str | None = None, *, builds: Builds | None = None
) -> Suggestion:
    """What is begun comes first; then what is written, can be understood, and lies on the path to the goal.

    ``states`` are those of ``Progress.topic_states``; ``builds`` those of ``Progress.build_states`` and only makes the
    answer more exact. A need that is not written yet does not block; it is named. Raises KeyError for an unknown goal.
    """
    if goal is not None and goal not in roadmap.topics:
        raise KeyError(goal)
    plan = _Plan(roadmap, states, (goal,) if goal else GOALS, builds or {})
    return plan.unfinished() or plan.new() or plan.checked_again() or plan.nothing_left()


def map_order(roadmap: PlannedRoadmap) -> list[str]:
    """Every topic once, in the order in which tracks, stages and points first name it; then those on no point."""
    named = (
        topic
        for track in roadmap.tracks
        for stage in track.stages
        for point in stage.points
        for topic in point.topics
        if topic in roadmap.topics
    )
    return list(dict.fromkeys([*named, *roadmap.topics]))


def path_to(roadmap: PlannedRoadmap, goal: str) -> list[str]:
    """The goal and all that it needs, closed under needs, in an order in which it can be learned."""
    order: dict[str, None] = {}
    visited: set[str] = set()
    waiting = [(goal, False)]
    while waiting:
        topic_id, needs_done = waiting.pop()
        if needs_done:
            order[topic_id] = None
        elif topic_id not in visited and topic_id in roadmap.topics:
            visited.add(topic_id)
            waiting.append((topic_id, True))
            waiting.extend((need, False) for need in reversed(roadmap.topics[topic_id].needs))
    return list(order)


class _Plan:
    """One question asked of one road map."""

    def __init__(
        self, roadmap: PlannedRoadmap, states: Mapping[str, str], goals: Sequence[str], builds: Builds
    ) -> None:
        self.topics = roadmap.topics
        self.states = states
        self.builds = builds
        self.paths = [(goal, path_to(roadmap, goal)) for goal in goals if goal in roadmap.topics]
        place = {topic_id: number for number, topic_id in enumerate(map_order(roadmap))}
        self.order = sorted(place, key=lambda topic_id: (self._path_number(topic_id), place[topic_id]))

    def _path_number(self, topic_id: str) -> int:
        return next((number for number, (_, path) in enumerate(self.paths) if topic_id in path), len(self.paths))

    def _title(self, topic_id: str) -> str:
        return f"“{self.topics[topic_id].title}”"

    def _state(self, topic_id: str) -> str:
        return self.states.get(topic_id, NOT_WRITTEN)

    def _done(self, topic_id: str) -> bool:
        state = self._state(topic_id)
        return state in DONE or (state == "read" and not self.topics[topic_id].builds)

    def _in_state(self, *states: str) -> Iterator[str]:
        return (topic_id for topic_id in self.order if self._state(topic_id) in states)

    def _suggest(self, topic_id: str, why: str) -> Suggestion:
        return Suggestion(topic_id, self.topics[topic_id].title, why)

    # ── one method a kind of answer, in the order in which they are asked ──────

    def unfinished(self) -> Suggestion | None:
        begun = sorted(self._in_state("started"), key=self._last_worked_on, reverse=True)  # stable: else in plan order
        if not begun:
            return None
        topic = self.topics[begun[0]]
        states = self.builds.get(topic.id, {})
        left = [build.name for build in topic.builds if build.name not in states or not states[build.name].passed]
        passed, total = len(topic.builds) - len(left), len(topic.builds)
        if not states or not passed or not left:
            why = (
                f"You have begun {self._title(topic.id)}; its {_count(total, 'build')} {'is' if total == 1 else 'are'}"
            )
            return self._suggest(topic.id, f"{why} still to pass.")
        return self._suggest(
            topic.id, f"You have {passed} of {total} builds of {self._title(topic.id)}; {left[0]} is next."
        )

    def _last_worked_on(self, topic_id: str) -> datetime:
        return max(
            (state.last_when for state in self.builds.get(topic_id, {}).values()),
            default=datetime.min.replace(tzinfo=UTC),
        )

    def new(self) -> Suggestion | None:
        open_topics = [topic_id for topic_id in self._in_state("untouched", "read") if not self._done(topic_id)]
        ready = [topic_id for topic_id in open_topics if not self._missing_needs(topic_id)]
        if not ready:
            return None
        topic_id = ready[0]
        return self._suggest(topic_id, f"{self._why_ready(topic_id)}{self._why_this_path(topic_id)}")

    def _missing_needs(self, topic_id: str) -> list[str]:
        """Needs that are written and not done: those that block."""
        return [
            need
            for need in self.topics[topic_id].needs
            if self._state(need) != NOT_WRITTEN and need in self.topics and not self._done(need)
        ]

    def _why_ready(self, topic_id: str) -> str:
        needs = [need for need in self.topics[topic_id].needs if need in self.topics]
        unwritten = [self._title(need) for need in needs if self._state(need) == NOT_WRITTEN]
        done = [self._title(need) for need in needs if self._state(need) != NOT_WRITTEN]
        if unwritten:
            told = f"It builds on {_listed(unwritten)}, which {'is' if len(unwritten) == 1 else 'are'} not written yet"
            return told + (
                f", and on {_listed(done)}, which you have done." if done else "; you can start all the same."
            )
        if done:
            return f"You have done {_listed(done)}, which it builds on."
        return "It needs nothing before it."

    def _why_this_path(self, topic_id: str) -> str:
        number = self._path_number(topic_id)
        if number < len(self.paths):
            goal = self.paths[number][0]
            return "" if goal == topic_id else f" It is on the shortest path to {self._title(goal)}."
        if not self.paths:
            return ""
        goals = _listed([self._title(goal) for goal, _ in self.paths])
        return f" All that is written on the way to {goals} is done."

    def checked_again(self) -> Suggestion | None:
        for topic_id in self._in_state("passed older check"):
            why = f"You passed {self._title(topic_id)} against an older check; it has a newer one now. Check it again."
            return self._suggest(topic_id, why)
        return None

    def nothing_left(self) -> Suggestion:
        done = sum(self._done(topic_id) for topic_id in self.order)
        told = f"You have done all that is written ({_count(done, 'topic')})." if done else "No topic is written yet."
        coming = self._next_unwritten()
        if coming is None:
            return Suggestion(
                None, "The end of the road map", f"You have done the whole road map: {_count(done, 'topic')}."
            )
        topic_id, goal = coming
        where = f" on the way to {self._title(goal)}" if goal and goal != topic_id else ""
        return Suggestion(
            None,
            "Nothing more is written yet",
            f"{told} Next{where} comes {self._title(topic_id)}; it is not written yet.",
        )

    def _next_unwritten(self) -> tuple[str, str | None] | None:
        for goal, path in self.paths:
            for topic_id in path:
                if self._state(topic_id) == NOT_WRITTEN:
                    return topic_id, goal
        return next(((topic_id, None) for topic_id in self._in_state(NOT_WRITTEN)), None)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
