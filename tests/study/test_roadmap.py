"""The map: what is on it, and that nothing broken is loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from groundup.study.roadmap import CurriculumError, Roadmap, UnknownTopic, load_roadmap

Edited = Callable[[str, str, str], Roadmap]
TOPIC = "first_track/doubling/topic.toml"


def problems_of(load: Callable[[], object]) -> str:
    with pytest.raises(CurriculumError) as caught:
        load()
    assert all(one.where and one.what and one.mend for one in caught.value.problems)
    assert len(caught.value.problems) == str(caught.value).count("\n")
    return str(caught.value)


# ── groundup's own ──


def test_the_whole_road_map_is_there() -> None:
    roadmap = load_roadmap()
    assert len(roadmap.tracks) == 8
    assert sum(len(track.stages) for track in roadmap.tracks) == 66
    assert len(list(roadmap.points())) == 222
    assert len({point.key for _, _, point in roadmap.points()}) == 222
    assert len(roadmap.topics) == 154
    assert sum(len(topic.builds) for topic in roadmap.topics.values()) == 453


def test_every_point_is_taught_and_every_topic_is_on_the_map() -> None:
    roadmap = load_roadmap()
    assert all(point.topics for _, _, point in roadmap.points())
    assert all(roadmap.places(topic) for topic in roadmap.topics)


def test_levels_are_those_of_the_neural_network_weeks() -> None:
    stages = {track.id: track.stages for track in load_roadmap().tracks}
    levels = [stage.level for stage in stages["neural-networks"]]
    assert levels == ["beginner"] * 4 + ["intermediate"] * 4 + ["advanced"] * 4 + [None]


def test_resources_are_linked_and_named_once() -> None:
    resources = [resource for track in load_roadmap().tracks for resource in track.resources]
    assert len(resources) == 46
    assert len({resource.id for resource in resources}) == len(resources)
    assert all(resource.url.startswith("https://") for resource in resources)


def test_paths_are_in_learnable_order() -> None:
    roadmap = load_roadmap()
    for topic_id in roadmap.topics:
        met: set[str] = set()
        for topic in roadmap.path_to(topic_id):
            assert met.issuperset(topic.needs)
            met.add(topic.id)
        assert topic_id in met


def test_the_way_to_a_gpt_is_short() -> None:
    path = [topic.id for topic in load_roadmap().path_to("gpt")]
    assert path[-1] == "gpt"
    assert {"vectors", "self-attention", "byte-pair-encoding"} <= set(path)
    assert len(path) <= 20


def test_loading_needs_no_torch() -> None:
    code = (
        "import sys; from groundup.study.roadmap import load_roadmap; load_roadmap();"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_is_read_once() -> None:
    assert load_roadmap() is load_roadmap()


# ── asking for a topic ──


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("self-attension", "self-attention"),
        ("self_attention", "self-attention"),
        ("Byte-pair encoding", "byte-pair-encoding"),
        ("vector", "vectors"),
    ],
)
def test_an_unknown_topic_suggests_the_nearest(asked: str, meant: str) -> None:
    with pytest.raises(UnknownTopic) as caught:
        load_roadmap().topic(asked)
    assert meant in caught.value.nearest
    assert meant in str(caught.value)


def test_nothing_near_suggests_nothing() -> None:
    with pytest.raises(UnknownTopic) as caught:
        load_roadmap().topic("qqqqqqqq")
    assert caught.value.nearest == []


def test_places_and_followers(small: Path) -> None:
    roadmap = load_roadmap(small)
    assert [point.key for _, _, point in roadmap.places("tripling")] == ["first-track.start.more"]
    assert [topic.id for topic in roadmap.needed_by("doubling")] == ["tripling", "halving"]
    assert [topic.id for topic in roadmap.path_to("halving")] == ["doubling", "tripling", "halving"]
    assert list(roadmap.topics) == ["doubling", "tripling", "halving"]


# ── what is rejected ──


def test_the_small_curriculum_loads(small: Path) -> None:
    roadmap = load_roadmap(small)
    assert [topic.id for topic in roadmap.topics.values() if topic.written] == ["doubling"]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (TOPIC, "needs = []", 'needs = ["doublin"]', ["topic.toml (needs)", "'doublin'", "Did you mean doubling"]),
        (TOPIC, "needs = []", 'needs = []\nhelps = ["nowhere"]', ["(helps)", "'nowhere'"]),
        (TOPIC, "needs = []", 'needs = ["halving"]', ["circle: doubling → halving → doubling", "Take one"]),
        (TOPIC, "needs = []", 'needs = ["doubling"]', ["circle: doubling → doubling"]),
        (TOPIC, "minutes = 20", "minuts = 20", ["topic.toml:4", "unknown key 'minuts'", "minutes"]),
        (TOPIC, "minutes = 20", 'minutes = "20"', ["topic.toml:4", "whole number", "'20'"]),
        (TOPIC, "minutes = 20", "minutes = 0", ["topic.toml:4", "at least 1"]),
        (TOPIC, "minutes = 20", "minutes = true", ["topic.toml:4", "whole number"]),
        (TOPIC, "version = 1", "versoin = 1", ["topic.toml:7", "unknown key 'versoin'"]),
        (TOPIC, 'nudge = "Every', 'nugde = "Every', ["unknown key 'nugde'", "nudge, next"]),
        (TOPIC, 'name = "shifted"', 'name = "double"', ["topic.toml:21", "there twice"]),
        (TOPIC, 'signature = "double(x)"', 'signature = "twice(x)"', ["not double's"]),
        (TOPIC, '"tiny_reference:double"', '"tiny_reference.double"', ["not module:name"]),
        (TOPIC, 'without = ["torch.mul"]', 'without = "torch.mul"', ["list of texts"]),
        (TOPIC, 'build = "shifted"', 'build = "shift"', ["unknown build 'shift'"]),
        (TOPIC, 'title = "Doubling"', "", ["title is missing"]),
        (TOPIC, 'title = "Doubling"', 'title = "  "', ["title is empty"]),
        (TOPIC, 'track = "first-track"', 'track = "second"', ["(track)", "'second'", "first_track"]),
        (TOPIC, "needs = []", "needs = [", ["is not TOML"]),
        (TOPIC, 'url = "https://example.org/paper"', 'url = "a book"', ["not a web address"]),
        ("roadmap.toml", '["doubling"]', '["dubling"]', ["first-track.start.doubling", "'dubling'", "doubling"]),
        ("roadmap.toml", '["doubling"]', "[]", ["no topic teaches first-track.start.doubling"]),
        ("roadmap.toml", 'id = "more"', 'id = "doubling"', ["there twice"]),
        ("roadmap.toml", 'level = "beginner"', 'level = "easy"', ["unknown level 'easy'"]),
        ("roadmap.toml", 'kind = "text"', 'kind = "song"', ["roadmap.toml:10", "unknown kind 'song'"]),
        ("roadmap.toml", "https://example.org/", "example.org", ["not a web address"]),
        ("roadmap.toml", 'title = "The start"', 'titel = "The start"', ["roadmap.toml:14", "unknown key 'titel'"]),
        ("roadmap.toml", ', "halving"', "", ["no point of roadmap.toml leads to 'halving'"]),
    ],
)
def test_a_broken_fact_is_named_with_its_place(edited: Edited, file: str, old: str, new: str, said: list[str]) -> None:
    message = problems_of(lambda: edited(file, old, new))
    for words in said:
        assert words in message


def test_an_unexpected_file_is_rejected(small: Path) -> None:
    (small / "first_track" / "doubling" / "notes.md").write_text("x")
    assert "doubling/notes.md: unexpected file" in problems_of(lambda: load_roadmap(small))


def test_bytecode_is_no_unexpected_file(small: Path) -> None:
    (small / "first_track" / "doubling" / "__pycache__").mkdir()
    (small / "first_track" / "__pycache__").mkdir()
    load_roadmap(small)


@pytest.mark.parametrize("name", ["lesson.md", "exercise.py", "drivers.py", "checks.py", "mistakes.py", "cards.toml"])
def test_a_missing_file_is_rejected(small: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUNDUP_DRAFTS", raising=False)
    (small / "first_track" / "doubling" / name).unlink()
    message = problems_of(lambda: load_roadmap(small))
    assert "first_track/doubling: missing" in message
    assert name in message


def test_a_draft_counts_as_not_written_where_that_was_asked_for(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDUP_DRAFTS", "1")
    (small / "first_track" / "doubling" / "checks.py").unlink()
    assert not load_roadmap(small).topics["doubling"].written


def test_a_folder_without_facts_is_rejected(small: Path) -> None:
    (small / "first_track" / "nothing").mkdir()
    assert "topic.toml is missing" in problems_of(lambda: load_roadmap(small))


def test_a_folder_that_is_no_track_is_rejected(small: Path) -> None:
    (small / "second_track").mkdir()
    assert "unexpected 'second_track'" in problems_of(lambda: load_roadmap(small))


def test_a_topic_in_two_tracks_is_rejected(small: Path) -> None:
    roadmap = (small / "roadmap.toml").read_text()
    second = roadmap.replace("first-track", "second-track").replace("a-book", "b-book")
    (small / "roadmap.toml").write_text(roadmap + second)
    (small / "second_track" / "tripling").mkdir(parents=True)
    text = (small / "first_track" / "tripling" / "topic.toml").read_text().replace("first", "second")
    (small / "second_track" / "tripling" / "topic.toml").write_text(text)
    assert "in two tracks' folders" in problems_of(lambda: load_roadmap(small))


def test_all_problems_are_listed_at_once(small: Path) -> None:
    (small / "first_track" / "doubling" / "notes.md").write_text("x")
    (small / "first_track" / "tripling" / "topic.toml").write_text("title = 3")
    message = problems_of(lambda: load_roadmap(small))
    for words in ("notes.md", "tripling/topic.toml:1", "track is missing", "needs is missing"):
        assert words in message


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read" in problems_of(lambda: load_roadmap(tmp_path / "nowhere"))
