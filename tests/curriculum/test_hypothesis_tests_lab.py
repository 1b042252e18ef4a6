"""The lab of hypothesis tests: two letter guessers on the same passages, and one against itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from groundup.study.home import find_home
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import begin
from groundup.study.service import Study

TOPIC = load_roadmap().topics["hypothesis-tests"]


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return TOPIC.module("lab.py")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("hypothesis-lab") / "home")))
    yield one
    one.close()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Sentences in which three letters tell more than two."""
    words = ["river", "rivet", "never", "novel", "model", "modem", "boat", "bold"]
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(" ".join(words[(i * i + k * (i % 7 + 1)) % 8] for k in range(12)) for i in range(400)))
    return str(path)


def test_a_model_guesses_what_came_most_often(lab: ModuleType) -> None:
    tables = lab.learn(["abacabad"], 1)
    assert tables[0] == {"": "a"}
    assert tables[1] == {"a": "b", "b": "a", "c": "a"}
    assert lab.score(tables, "aba") == 1.0
    assert lab.score(tables, "abc") == 0.5


def test_what_is_new_is_guessed_from_fewer_letters(lab: ModuleType) -> None:
    tables = lab.learn(["aab"], 1)
    assert lab.score(tables, "xab") == pytest.approx(0.5)


def test_p_of_t(lab: ModuleType) -> None:
    assert lab.two_sided(1.959963984540054) == pytest.approx(0.05)
    assert lab.two_sided(float("nan")) == 1.0


def test_a_text_with_too_few_letters_is_refused(lab: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("a few words and no more\n" * 200)
    with pytest.raises(ValueError, match="are needed"):
        lab.prepare({"text": str(path)}, "smoke")


def test_it_runs(study: Study, text: str) -> None:
    one = begin(study, "hypothesis-tests", "smoke", {"text": text}, seed=3)
    events = list(study.runs.follow(one))
    assert one.state == "done", one.log
    tables = {event.values["title"]: event.values for event in events if event.kind == "table"}
    assert len(tables["Is A better than B?"]["rows"]) == 3
    assert len(tables["All pairs"]["rows"]) == 6
    scores = one.scores()
    assert scores["finds_the_difference"] is True
    assert scores["promise_held"] is True
    again = begin(study, "hypothesis-tests", "smoke", {"text": text}, seed=3)
    for _ in study.runs.follow(again):
        pass
    assert again.scores() == scores
