"""A topic: facts at once, the rest when asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from groundup.study.roadmap import CurriculumError, Roadmap, load_roadmap
from groundup.study.topics import Topic

Edited = Callable[[str, str, str], Roadmap]
FOLDER = "first_track/doubling"


@pytest.fixture
def doubling(small: Path) -> Topic:
    return load_roadmap(small).topic("doubling")


def test_facts(doubling: Topic) -> None:
    assert (doubling.title, doubling.track, doubling.minutes, doubling.check_version) == (
        "Doubling",
        "first-track",
        20,
        1,
    )
    assert [build.name for build in doubling.builds] == ["double", "shifted"]
    assert doubling.builds[0].without == ("torch.mul",)
    assert set(doubling.builds[1].hints) == {"nudge", "next"}
    assert doubling.equivalent[0].build == "shifted"
    assert doubling.sources[1].note == "chapter 2"
    assert doubling.written
    assert doubling.mine_module == "mine.first_track.doubling"
    assert doubling.mine_path == "mine/first_track/doubling.py"
    assert doubling.digest() == doubling.check_digest


def test_a_topic_that_is_not_written(small: Path) -> None:
    topic = load_roadmap(small).topic("tripling")
    assert not topic.written
    with pytest.raises(CurriculumError, match="author new tripling"):
        topic.lesson_text()


def test_a_build_that_is_not_there(doubling: Topic) -> None:
    with pytest.raises(LookupError, match="double, shifted"):
        doubling.build("triple")


def test_cases_stand_in_the_order_of_the_drivers(doubling: Topic) -> None:
    names = list(doubling.cases())
    assert names == doubling.driver_names()
    assert names[:3] == ["double_of_2", "shift_of_2", "double_of_3"]
    assert doubling.cases()["double_of_2"].builds == ("double",)


def test_references_are_the_real_objects(doubling: Topic) -> None:
    references = doubling.references()
    assert references.double is sys.modules["tiny_reference"].double
    assert vars(references).keys() == {"double", "shifted"}


def test_mistakes_and_alternatives(doubling: Topic) -> None:
    mistakes = doubling.mistakes()
    assert [one.name for one in mistakes[:2]] == ["times_3", "moved_too_far_3"]
    assert mistakes[0].builds == ("double",)
    assert mistakes[0].hint == "This multiplies by 3, which is not twice."
    assert mistakes[0].object(7) == 21
    lines = doubling.source("mistakes.py").splitlines()
    assert lines[mistakes[1].source_line - 1].startswith("def moved_too_far_3")
    assert [one.name for one in doubling.alternatives()][:2] == ["double_by_sum", "double_by_shift"]


def test_what_is_imported_or_inherited_is_no_mistake(edited: Edited) -> None:
    added = (
        '"""Mistakes."""\n\nfrom groundup.authoring import replaces\n\n\n'
        '@replaces("double")\nclass Marked:\n    """It is marked."""\n\n\n'
        'class Inherits(Marked):\n    """It is not."""\n'
    )
    roadmap = edited(f"{FOLDER}/mistakes.py", '"""Mistakes."""\n', added)
    names = [one.name for one in roadmap.topic("doubling").mistakes()]
    assert names[0] == "Marked"
    assert "Inherits" not in names


def test_cards_and_figure(doubling: Topic) -> None:
    assert len(doubling.cards()) == 8
    assert doubling.cards()[3].answer == "6"
    figure = doubling.figure()
    assert figure is not None
    assert figure.caption == "A line that gets longer."
    doubling.path("figure.py").unlink()
    assert load_roadmap(doubling.folder.parent.parent).topic("doubling").figure() is None


def test_files_are_executed_once_and_leave_no_bytecode(doubling: Topic) -> None:
    assert doubling.drivers() is doubling.drivers()
    assert doubling.cases() is doubling.cases()
    doubling.mistakes()
    assert not list(doubling.folder.rglob("__pycache__"))


def test_an_edit_is_seen_by_the_next_load(edited: Edited, doubling: Topic) -> None:
    assert doubling.cases()["double_of_2"].title == "twice 2 rows"
    changed = edited(f"{FOLDER}/checks.py", "twice 2 rows", "twice two rows").topic("doubling")
    assert changed.cases()["double_of_2"].title == "twice two rows"
    assert changed.digest() != changed.check_digest


@pytest.mark.parametrize(
    ("file", "old", "new", "call", "said"),
    [
        (
            "checks.py",
            'double_of_2 = close("twice 2 rows", builds="double")\n',
            "",
            "cases",
            "double_of_2 has no check",
        ),
        ("drivers.py", "def double_of_2(", "def _double_of_2(", "cases", "double_of_2 has no driver"),
        ("checks.py", 'builds="double"', 'builds="dubble"', "cases", "unknown build 'dubble'"),
        (
            "checks.py",
            "double_of_2 = close(",
            "double_of_2 = far(",
            "cases",
            "checks.py:3: cannot be executed: NameErr",
        ),
        ("drivers.py", "import torch", "import torch as", "drivers", "drivers.py:3: cannot be executed: SyntaxError"),
        ("mistakes.py", '@replaces("double")', '@replaces("dubble")', "mistakes", "times_3 replaces an unknown build"),
        ("mistakes.py", '@replaces("double")', "@replaces()", "mistakes", "times_3 replaces no build"),
        ("topic.toml", "tiny_reference:double", "tiny_reference:dubble", "references", "cannot be imported"),
        ("topic.toml", 'reference = "tiny_reference:double"\n', "", "references", "double has no reference"),
        ("cards.toml", "answer", "anser", "cards", "answer is missing"),
        ("cards.toml", "answer", "anser", "cards", "cards.toml:3: unknown key 'anser'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(edited: Edited, file: str, old: str, new: str, call: str, said: str) -> None:
    topic = edited(f"{FOLDER}/{file}", old, new).topic("doubling")
    with pytest.raises(CurriculumError) as caught:
        getattr(topic, call)()
    assert said in str(caught.value)
    assert all(one.mend for one in caught.value.problems)
