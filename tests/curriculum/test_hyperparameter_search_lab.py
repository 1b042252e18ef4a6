"""The lab of hyperparameter search: its parts are apart, its trials repeat, its searches cost the same, parts work, and
a Ray cluster makes the same searches with the same values and leaves nothing behind."""

from __future__ import annotations

import copy
import json
import math
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest
import torch
from sklearn.metrics import log_loss

from groundup.study.home import find_home
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import begin
from groundup.study.service import Study

TOPIC = load_roadmap().topics["hyperparameter-search"]
Races = list[tuple[int, str]]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("search-lab") / "home")))
    yield one
    one.close()


@pytest.fixture(scope="module")
def lab(study: Study) -> ModuleType:
    return study.roadmap.topics[TOPIC.id].module("lab.py")


@pytest.fixture(scope="module")
def passages(lab: ModuleType) -> list[tuple[int, list[str]]]:
    given = lab.prepare({"text": "python", "cluster": "auto"}, "smoke")
    cut: list[tuple[int, list[str]]] = json.loads(given.files["passages.json"])
    assert len(cut) == lab.DOCUMENTS * lab.PASSAGES["smoke"]
    assert {len(words) for _, words in cut} == {lab.PASSAGE}
    return cut


@pytest.fixture(scope="module")
def parts(lab: ModuleType, passages: list[tuple[int, list[str]]]) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    found: dict[str, tuple[torch.Tensor, torch.Tensor]] = lab.features(passages)
    return found


@pytest.fixture(scope="module")
def races(lab: ModuleType) -> Races:
    return [(3, name) for name in lab.SEARCHES]


@pytest.fixture(scope="module")
def found(lab: ModuleType, parts: Any, races: Races) -> list[dict[str, Any]]:
    """What all searches at once find, trained here."""
    searches: list[dict[str, Any]] = lab.search_all(races, lambda wanted: lab.train_some(parts, wanted))
    return searches


def one_by_one(lab: ModuleType, parts: Any, races: Races) -> list[dict[str, Any]]:
    done = []
    for seed, name in races:
        trials = lab.Trials(parts, seed)
        config, value = lab.search(name, trials)
        done.append({"seed": seed, "name": name, "config": config, "value": value, "asked": trials.asked})
    return done


def compared(lab: ModuleType, parts: Any, done: list[dict[str, Any]], searches: list[dict[str, Any]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in lab.compare(parts, [{**one, "seconds": 1.0} for one in done], searches):
        total.update(one)
    return total


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


def test_searches_made_together_find_the_same(
    lab: ModuleType, parts: Any, races: Races, found: list[dict[str, Any]]
) -> None:
    assert found == one_by_one(lab, parts, races)
    rounds: list[set[int]] = []

    def train(wanted: list[tuple[int, dict[str, float], int]]) -> list[float]:
        rounds.append({epochs for _, _, epochs in wanted})
        return [0.0] * len(wanted)

    lab.search_all([(0, "successive halving")], train)
    assert rounds == [{1}, {2}, {4}, {8}, {16}]


def test_what_is_compared_is_seen(lab: ModuleType, parts: Any, races: Races, found: list[dict[str, Any]]) -> None:
    same = compared(lab, parts, found, found)
    asked = sum(len(one["asked"]) for one in found)
    assert same == Counter(searches=3, trainings=asked, seconds=3.0)
    for name in lab.SEARCHES:
        wrong = copy.deepcopy(found)
        one = next(one for one in wrong if one["name"] == name)
        one["asked"][5][2] = math.nextafter(one["asked"][5][2], 9.0)
        assert compared(lab, parts, found, wrong)["other_values"] == 1
        one["config"]["lr"] *= 2
        assert compared(lab, parts, found, wrong)["other_winners"] == 1


def test_every_right_answer_compares_as_the_same(
    lab: ModuleType, parts: Any, races: Races, found: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, halving = "random search", "successive halving"
    uses = {"grid": ["grid"], "random_search": [chance, halving], "successive_halving": [halving]}
    other = 0
    for name, build in vars(TOPIC.module("alternatives.py")).items():
        for replaced in getattr(build, "replaces", ()):
            mine, theirs = (
                [one for one in all_of if one[by] in uses[replaced]] for all_of, by in ((races, 1), (found, "name"))
            )
            with monkeypatch.context() as patch:
                patch.setattr(lab, replaced, build)
                total = compared(lab, parts, one_by_one(lab, parts, mine), theirs)
            other += total.pop("other_draws")
            assert total.pop("trainings") == sum(len(one["asked"]) for one in theirs)
            assert total.pop("seconds") > 0
            assert total == Counter(searches=len(mine)), name
    assert other > 0  # some draw in another order


def processes(session: int) -> list[str]:
    left = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == session and (one := psutil.Process(pid)).status() != psutil.STATUS_ZOMBIE:
                left.append(one.name())
        except (OSError, psutil.Error):
            continue
    return left


@pytest.fixture
def started(lab: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, Path]]]:
    """The cluster's processes that were begun: session and folder. Nothing of them may be left in the end."""
    seen: list[tuple[int, Path]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, command: list[str], **named: Any) -> None:
            super().__init__(command, **named)
            if command[4] == lab.__file__:
                seen.append((self.pid, Path(command[5])))

    monkeypatch.setattr(lab.subprocess, "Popen", Noted)
    yield seen
    assert len(seen) == 1
    for session, folder in seen:
        deadline = time.monotonic() + 5  # what was killed takes a moment to be gone
        while (left := processes(session)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == []
        assert not folder.exists()


@pytest.mark.slow
def test_a_learners_search_finds_on_one_process_what_a_ray_cluster_found(
    study: Study, lab: ModuleType, started: list[tuple[int, Path]], capfd: pytest.CaptureFixture[str]
) -> None:
    study.open(TOPIC.id).path.write_text(TOPIC.solution_source())
    assert study.check(TOPIC.id).passed
    run = begin(study, TOPIC.id, "smoke", {"cluster": "yes"}, seed=2)
    told = capfd.readouterr().err
    assert "beginning a Ray cluster of 2 processes" in told and "the cluster made 3 searches" in told
    events = list(study.runs.follow(run))
    assert run.state == "done", run.log
    assert {one.build for one in run.request.parts} == {"grid", "random_search", "successive_halving"}
    assert run.request.provenance["cluster"].startswith("Ray ")
    scores = run.scores()
    assert scores["same_on_cluster"] is scores["random_beats_usual"] is True
    assert scores["cluster_workers"] == lab.WORKERS
    assert min(scores[f"{name}_seconds"] for name in ("one_process", "cluster", "cluster_start")) > 0
    tables = {event.values["title"]: event.values["rows"] for event in events if event.kind == "table"}
    assert [row[1:] for row in tables["Compared with the cluster"]] == [[125, 0], [125, 0], [3, 0]]
    # And so it is with groundup's own parts, in this process, which is behind no walls.
    cluster = json.loads((run.folder / "inputs" / "cluster.json").read_bytes())
    parts = lab.features(json.loads((run.folder / "inputs" / "passages.json").read_bytes()))
    assert cluster["searches"] == one_by_one(lab, parts, [(0, name) for name in lab.SEARCHES])
    assert scores["halving_accuracy"] == lab.Trials(parts, 0).accuracy(cluster["searches"][-1]["config"])


@pytest.mark.slow
def test_a_cluster_that_takes_too_long_is_ended(
    lab: ModuleType, passages: Any, started: list[tuple[int, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, end = iter([60.0]), lab.end_session

    def end_when_it_is_there(session: int) -> None:
        deadline = time.monotonic() + next(waits, 0.0)
        while time.monotonic() < deadline and "raylet" not in processes(session):
            time.sleep(0.05)
        end(session)

    monkeypatch.setattr(lab, "CLUSTER_LIMIT_S", 0.5)
    monkeypatch.setattr(lab, "end_session", end_when_it_is_there)
    with pytest.raises(RuntimeError, match=r"it took longer than 0\.5 seconds"):
        lab.cluster_process(passages, 1)


def test_a_cluster_that_fails_is_no_end_of_the_lab(
    lab: ModuleType, started: list[tuple[int, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab, "cluster_environment", lambda folder: {"PYTHONHOME": folder})  # Python itself ends there
    told = lab.prepare_cluster([], "auto", "tiny")["none"]
    assert told.startswith("Ray did not work here: ") and not told.endswith("no message")


def test_without_ray_the_lab_says_how_to_get_it(
    lab: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    how = "pip install 'groundup[cluster]'"
    with pytest.raises(ValueError, match="Ray is not installed: pip install") as raised:
        lab.prepare_cluster([], "yes", "smoke")
    assert how in str(raised.value)
    given = lab.prepare({"text": "python", "cluster": "auto"}, "tiny")
    assert how in given.provenance["cluster"] and how in capsys.readouterr().err
    assert how in json.loads(given.files["cluster.json"])["none"]
    for wish, scale in (("no", "tiny"), ("auto", "smoke")):
        assert "--cluster" in lab.prepare_cluster([], wish, scale)["none"]
