"""The next step, on small road maps made up here and on the real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from groundup.study.plan import Suggestion, map_order, next_topic, path_to
from groundup.study.roadmap import load_roadmap


@dataclass(frozen=True)
class FakeBuild:
    name: str


@dataclass(frozen=True)
class FakeTopic:
    id: str
    needs: tuple[str, ...] = ()
    builds: tuple[FakeBuild, ...] = (FakeBuild("first"), FakeBuild("second"), FakeBuild("third"))

    @property
    def title(self) -> str:
        return self.id.upper()


@dataclass(frozen=True)
class FakePoint:
    topics: tuple[str, ...]


@dataclass(frozen=True)
class FakeStage:
    points: tuple[FakePoint, ...]


@dataclass(frozen=True)
class FakeTrack:
    stages: tuple[FakeStage, ...]


@dataclass(frozen=True)
class FakeRoadmap:
    topics: dict[str, FakeTopic]
    tracks: tuple[FakeTrack, ...] = ()


@dataclass(frozen=True)
class FakeState:
    passed: bool
    last_when: datetime = field(default=datetime(2030, 1, 1, tzinfo=UTC))


def roadmap(**needs: Sequence[str]) -> FakeRoadmap:
    """A road map whose tracks name the topics in this order."""
    topics = {name: FakeTopic(name, tuple(wanted)) for name, wanted in needs.items()}
    return FakeRoadmap(topics, (FakeTrack((FakeStage(tuple(FakePoint((name,)) for name in topics)),)),))


SMALL = roadmap(detour=[], tensors=[], layers=["tensors"], gpt=["layers"], llama=["gpt", "rope"], rope=["tensors"])
UNTOUCHED = dict.fromkeys(SMALL.topics, "untouched")


# ── the order of things ──────────────────────────────────────────────────────


def test_the_map_names_each_topic_once() -> None:
    topics = {name: FakeTopic(name) for name in ("lone", "a", "b", "c")}
    points = FakeStage((FakePoint(("b", "a")), FakePoint(("a", "unknown"))))
    assert map_order(FakeRoadmap(topics, (FakeTrack((points, FakeStage((FakePoint(("c",)),)))),))) == [
        "b",
        "a",
        "c",
        "lone",
    ]


def test_a_path_is_closed_under_needs_and_can_be_learned() -> None:
    assert path_to(SMALL, "llama") == ["tensors", "layers", "gpt", "rope", "llama"]
    assert path_to(SMALL, "detour") == ["detour"]


def test_a_cycle_or_an_unknown_need_does_not_hang_a_path() -> None:
    assert set(path_to(roadmap(a=["b"], b=["a", "unknown"]), "a")) == {"a", "b"}


def test_a_long_path_does_not_exhaust_the_stack() -> None:
    names = [f"t{number}" for number in range(5000)]
    chain = roadmap(**{name: [names[number - 1]] if number else [] for number, name in enumerate(names)})
    assert path_to(chain, names[-1]) == names


# ── what is suggested ────────────────────────────────────────────────────────


def test_the_first_step_is_the_first_on_the_path_not_the_first_on_the_map() -> None:
    suggestion = next_topic(SMALL, UNTOUCHED)
    assert suggestion == Suggestion(
        "tensors", "TENSORS", "It needs nothing before it. It is on the shortest path to “GPT”."
    )


def test_the_whole_road_is_walked_in_an_order_in_which_it_can_be_learned() -> None:
    states, walked = dict(UNTOUCHED), []
    while (suggestion := next_topic(SMALL, states)).topic_id is not None:
        assert all(states[need] == "passed" for need in SMALL.topics[suggestion.topic_id].needs)
        states[suggestion.topic_id] = "passed"
        walked.append(suggestion.topic_id)
    assert walked == ["tensors", "layers", "gpt", "rope", "llama", "detour"]
    assert "whole road map" in suggestion.why


def test_a_goal_of_the_learners_own_comes_first() -> None:
    assert next_topic(SMALL, UNTOUCHED, "detour").topic_id == "detour"
    assert next_topic(SMALL, UNTOUCHED, "rope").why.endswith("the shortest path to “ROPE”.")
    done = {**UNTOUCHED, "detour": "passed"}
    assert next_topic(SMALL, done, "detour").why.endswith("All that is written on the way to “DETOUR” is done.")


def test_an_unknown_goal_is_an_error() -> None:
    with pytest.raises(KeyError, match="moon"):
        next_topic(SMALL, UNTOUCHED, "moon")


def test_what_is_begun_comes_first_wherever_it_lies() -> None:
    states = {**UNTOUCHED, "detour": "started"}
    assert next_topic(SMALL, states).topic_id == "detour"


def test_what_is_begun_is_said_in_numbers() -> None:
    states = {**UNTOUCHED, "layers": "started"}
    builds = {"layers": {"first": FakeState(True), "second": FakeState(False), "third": FakeState(True)}}
    assert next_topic(SMALL, states, builds=builds).why == "You have 2 of 3 builds of “LAYERS”; second is next."
    builds = {"layers": {"first": FakeState(False)}}
    assert "3 builds are still to pass" in next_topic(SMALL, states, builds=builds).why
    assert "3 builds are still to pass" in next_topic(SMALL, states).why


def test_a_build_that_the_topic_no_longer_has_does_not_count() -> None:
    builds = {"layers": {"first": FakeState(True), "gone": FakeState(True)}}
    assert "1 of 3" in next_topic(SMALL, {**UNTOUCHED, "layers": "started"}, builds=builds).why


def test_of_several_begun_the_one_worked_on_last_comes_first() -> None:
    states = {**UNTOUCHED, "tensors": "started", "detour": "started"}
    early = FakeState(True)
    late = FakeState(True, early.last_when + timedelta(days=1))
    assert next_topic(SMALL, states).topic_id == "tensors"
    assert next_topic(SMALL, states, builds={"tensors": {"first": early}}).topic_id == "tensors"
    builds = {"tensors": {"first": early}, "detour": {"first": late}}
    assert next_topic(SMALL, states, builds=builds).topic_id == "detour"


def test_a_lesson_that_was_read_is_still_to_build() -> None:
    assert next_topic(SMALL, {**UNTOUCHED, "tensors": "read"}).topic_id == "tensors"


def test_a_topic_without_builds_is_done_when_read() -> None:
    topics = {"talk": FakeTopic("talk", builds=()), "gpt": FakeTopic("gpt", ("talk",))}
    assert next_topic(FakeRoadmap(topics), {"talk": "untouched", "gpt": "untouched"}).topic_id == "talk"
    assert next_topic(FakeRoadmap(topics), {"talk": "read", "gpt": "untouched"}).topic_id == "gpt"


def test_needs_that_are_not_written_do_not_block_but_are_named() -> None:
    states = {**UNTOUCHED, "tensors": "not written", "layers": "untouched"}
    suggestion = next_topic(SMALL, states)
    assert suggestion.topic_id == "layers"
    assert suggestion.why.startswith("It builds on “TENSORS”, which is not written yet; you can start all the same.")


def test_needs_written_and_not_are_told_apart() -> None:
    small = roadmap(a=[], b=[], c=[], gpt=["a", "b", "c"])
    states = {"a": "passed", "b": "not written", "c": "not written", "gpt": "untouched"}
    assert next_topic(small, states).why.startswith(
        "It builds on “B” and “C”, which are not written yet, and on “A”, which you have done."
    )


def test_a_need_that_is_written_and_not_done_blocks() -> None:
    states = {**dict.fromkeys(SMALL.topics, "not written"), "gpt": "untouched", "layers": "untouched"}
    assert next_topic(SMALL, states).topic_id == "layers"


def test_an_older_check_counts_as_done_and_is_checked_again_at_the_end() -> None:
    states = {**UNTOUCHED, "tensors": "passed older check"}
    assert next_topic(SMALL, states).topic_id == "layers"
    states = {**dict.fromkeys(SMALL.topics, "passed"), "tensors": "passed older check"}
    suggestion = next_topic(SMALL, states)
    assert suggestion.topic_id == "tensors"
    assert "older check" in suggestion.why


def test_when_all_that_is_written_is_done_it_says_what_comes_next() -> None:
    states = {**dict.fromkeys(SMALL.topics, "not written"), "tensors": "passed", "detour": "passed"}
    suggestion = next_topic(SMALL, states)
    assert suggestion.topic_id is None
    assert suggestion.why == (
        "You have done all that is written (2 topics). Next on the way to “GPT” comes “LAYERS”; it is not written yet."
    )


def test_when_nothing_is_written_it_says_so() -> None:
    suggestion = next_topic(SMALL, {})
    assert suggestion.topic_id is None
    assert suggestion.why.startswith("No topic is written yet.")


def test_a_road_map_without_the_usual_goals_works() -> None:
    assert next_topic(roadmap(a=[], b=[]), {"a": "untouched", "b": "untouched"}).why == "It needs nothing before it."
    assert next_topic(roadmap(a=[]), {"a": "not written"}).topic_id is None
    assert next_topic(roadmap(), {}).topic_id is None


# ── the real road map ────────────────────────────────────────────────────────


def test_the_real_road_map_from_the_first_day_to_the_last_written_topic() -> None:
    real = load_roadmap()
    written = {"vectors", "byte-pair-encoding", "self-attention"}
    states = {topic: "untouched" if topic in written else "not written" for topic in real.topics}
    walked = []
    while (suggestion := next_topic(real, states)).topic_id is not None:
        states[suggestion.topic_id] = "passed"
        walked.append(suggestion.topic_id)
    assert walked[0] == "vectors"
    assert set(walked) == written
    assert "GPT" in suggestion.why and "not written yet" in suggestion.why


def test_the_real_road_map_can_be_walked_to_its_end() -> None:
    real = load_roadmap()
    states = dict.fromkeys(real.topics, "untouched")
    walked: list[str] = []
    while (suggestion := next_topic(real, states)).topic_id is not None:
        assert all(need in walked for need in real.topics[suggestion.topic_id].needs)
        states[suggestion.topic_id] = "passed" if real.topics[suggestion.topic_id].builds else "read"
        walked.append(suggestion.topic_id)
    assert sorted(walked) == sorted(real.topics)
    assert walked[: len(path_to(real, "gpt"))][-1] == "gpt", "the shortest path comes first, and is closed"
