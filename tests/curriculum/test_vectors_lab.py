"""The lab of vectors: passages find their rests, with the library's cosine and with a learner's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from groundup.study.home import find_home
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import begin
from groundup.study.service import Study

TOPIC = load_roadmap().topics["vectors"]
SUBJECTS = ("river", "model", "garden", "engine", "harbor", "letter")


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return TOPIC.module("lab.py")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("vectors-lab") / "home")))
    yield one
    one.close()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Thirty passages of 60 to 90 words, each with words of its own among common ones."""
    passages = []
    for i in range(30):
        own = [f"{SUBJECTS[i % 6]}", "".join(chr(97 + int(digit)) for digit in f"{i:04}") + "ish"]
        passages.append(" ".join(["the", own[0], "and", own[1], "of", "it"] * (10 + i % 6)))
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n\n".join(passages))
    return str(path)


def test_the_rank_of_the_right_one(lab: ModuleType) -> None:
    near = torch.tensor([0.5, 0.9, 0.5, 0.1])
    assert [lab.rank(near, i) for i in range(4)] == [2.5, 1.0, 2.5, 4.0]


def test_count_vectors_count(lab: ModuleType) -> None:
    vocabulary = {"a": 0, "b": 1, "c": 2}
    assert lab.count_vectors([["b", "a", "b"], []], vocabulary).tolist() == [[1, 2, 0], [0, 0, 0]]


def test_a_text_with_too_few_passages_is_refused(lab: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("one line of words\n\n" * 200)
    with pytest.raises(ValueError, match="20 are needed"):
        lab.prepare({"text": str(path), "cut": 3.0}, "smoke")


def test_it_runs_with_a_learners_cosine_and_comes_to_the_same(study: Study, text: str) -> None:
    path = study.open("vectors").path
    path.write_text(TOPIC.solution_source())
    assert study.check("vectors").passed
    mine = begin(study, "vectors", "smoke", {"text": text}, seed=3)
    events = list(study.runs.follow(mine))
    assert mine.state == "done", mine.log
    assert [one.build for one in mine.request.parts] == ["cosine_similarity"]
    table = next(one.values for one in events if one.kind == "table" and one.values["title"] == "Your parts at work")
    assert table["rows"][0][2] > 0
    reference = begin(study, "vectors", "smoke", {"text": text}, reference=True, seed=3)
    for _ in study.runs.follow(reference):
        pass
    assert reference.scores() == mine.scores()
    assert mine.scores()["beats_chance"] is True
    assert mine.scores()["cosine_found"] > mine.scores()["chance"]
