"""The lab of hyperparameter search: its parts are apart, its trials repeat, its searches cost the same, parts work."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch
from sklearn.metrics import log_loss

from groundup.study.home import find_home
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import begin
from groundup.study.service import Study

TOPIC = load_roadmap().topics["hyperparameter-search"]


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return TOPIC.module("lab.py")


@pytest.fixture(scope="module")
def parts(lab: ModuleType) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    given = lab.prepare({"text": "python"}, "smoke")
    passages = json.loads(given.files["passages.json"])
    assert len(passages) == lab.DOCUMENTS * lab.PASSAGES["smoke"]
    assert {len(words) for _, words in passages} == {lab.PASSAGE}
    found: dict[str, tuple[torch.Tensor, torch.Tensor]] = lab.features(passages)
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("search-lab") / "home")))
    yield one
    one.close()


def test_words_are_counted_of_what_is_learned_from_alone(lab: ModuleType) -> None:
    passages = [[0, ["a", "b"]], [1, ["a", "c"]], [0, ["d", "a"]], [1, ["e", "b"]]]
    found = lab.features(passages)
    assert {name: len(labels) for name, (_, labels) in found.items()} == {"learn": 2, "choose": 1, "judge": 1}
    assert found["learn"][0].shape == (2, 3)
    torch.testing.assert_close(found["choose"][0], torch.tensor([[math.log(2), 0.0, 0.0]]))


def test_a_trial_is_what_it_says(lab: ModuleType, parts: dict[str, tuple[torch.Tensor, torch.Tensor]]) -> None:
    config = {"lr": 0.5, "decay": 1e-4, "batch": 8}
    trials = lab.Trials(parts, 3)
    first = trials.surprise(config, 4)
    assert trials.surprise(config, 4) == first
    assert trials.epochs == 8
    x, y = parts["choose"]
    logits = torch.cat([x, torch.ones(len(x), 1)], dim=1) @ trials.weights(config, 4)
    shares = torch.softmax(logits.double(), dim=1).numpy()
    assert math.isclose(first, log_loss(y.numpy(), shares, labels=list(range(lab.DOCUMENTS))), rel_tol=1e-4)
    assert lab.Trials(parts, 4).surprise(config, 4) != first
    assert trials.surprise({**config, "lr": 1e30}, 2) == math.inf


def test_the_searches_cost_about_the_same(lab: ModuleType, parts: dict[str, tuple[torch.Tensor, torch.Tensor]]) -> None:
    spent = {}
    for name, search in lab.SEARCHES.items():
        trials = lab.Trials(parts, 0)
        config, value = search(trials, torch.Generator().manual_seed(5))
        spent[name] = trials.epochs
        assert trials.surprise(config) == value
    assert max(spent.values()) - min(spent.values()) <= lab.LONGEST
    assert spent["grid"] == spent["random search"] == lab.SETTINGS * lab.LONGEST


def test_a_learners_search_finds_the_same(study: Study) -> None:
    study.open("hyperparameter-search").path.write_text(TOPIC.solution_source())
    assert study.check("hyperparameter-search").passed
    runs = [begin(study, "hyperparameter-search", "smoke", seed=2, reference=one) for one in (False, True)]
    for one in runs:
        for _ in study.runs.follow(one):
            pass
        assert one.state == "done", one.log
    assert {one.build for one in runs[0].request.parts} == {"grid", "random_search", "successive_halving"}
    assert runs[0].scores() == runs[1].scores()
    assert runs[0].scores()["random_beats_usual"] is True
