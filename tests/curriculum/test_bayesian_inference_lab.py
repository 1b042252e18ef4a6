"""The lab of Bayesian inference: intervals for the share of passages with a word, three ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from groundup.study.home import find_home
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import begin
from groundup.study.service import Study

TOPIC = load_roadmap().topics["bayesian-inference"]


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return TOPIC.module("lab.py")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("bayes-lab") / "home")))
    yield one
    one.close()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Passages with words of many shares."""
    rates = {"rare": 33, "seldom": 16, "sometimes": 8, "often": 4, "half": 2}
    common = "alpha beta gamma delta epsilon zeta theta iota"
    lines = [" ".join([common, *(word for word, each in rates.items() if i % each == 0)]) for i in range(500)]
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n\n".join(lines))
    return str(path)


@pytest.mark.parametrize(("a", "b"), [(1.0, 21.0), (0.5, 20.5), (8.0, 4.0), (101.0, 1.0)])
def test_the_exact_interval(lab: ModuleType, a: float, b: float) -> None:
    from scipy import stats

    assert lab.exact_interval(a, b) == pytest.approx(stats.beta.ppf([0.025, 0.975], a, b), rel=0.01)


def test_the_interval_of_nothing_seen(lab: ModuleType) -> None:
    assert lab.wald_interval(0, 20) == (0.0, 0.0)
    assert lab.wald_interval(10, 20) == pytest.approx((0.2809, 0.7191), abs=1e-4)


def test_the_surprise_at_what_was_called_impossible(lab: ModuleType) -> None:
    assert lab.surprise(0.0, 0.1) == float("inf")
    assert lab.surprise(0.0, 0.0) == 0.0
    assert lab.surprise(0.5, 0.3) == pytest.approx(0.6931, abs=1e-4)


def test_a_text_with_too_few_passages_is_refused(lab: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("one line of a few words and no more\n\n" * 60)
    with pytest.raises(ValueError, match="100 are needed"):
        lab.prepare({"text": str(path)}, "smoke")


def test_it_runs(study: Study, text: str) -> None:
    one = begin(study, "bayesian-inference", "smoke", {"text": text}, seed=3)
    events = list(study.runs.follow(one))
    assert one.state == "done", one.log
    tables = {event.values["title"]: event.values for event in events if event.kind == "table"}
    assert len(tables["95 % intervals from 20 passages"]["rows"]) == 5
    scores = one.scores()
    assert scores["beats_wald"] is True
    assert scores["walk_agrees"] is True
    assert scores["finite_surprise"] is True
    again = begin(study, "bayesian-inference", "smoke", {"text": text}, seed=3)
    for _ in study.runs.follow(again):
        pass
    assert again.scores() == scores
