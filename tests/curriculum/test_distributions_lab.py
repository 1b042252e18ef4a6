"""The lab of distributions: sums of draws come near to the normal curve, within the bound, and ratios do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from scipy import stats

from groundup.study.home import find_home
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import begin
from groundup.study.service import Study

TOPIC = load_roadmap().topics["distributions"]


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return TOPIC.module("lab.py")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("distributions-lab") / "home")))
    yield one
    one.close()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("the river is long and the boat on it is slow\n" * 100)
    return str(path)


@pytest.mark.parametrize("size", [1, 7, 400])
def test_the_gap_against_scipy(lab: ModuleType, size: int) -> None:
    z = torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(size))
    assert lab.gap(z) == pytest.approx(stats.kstest(z.numpy(), "norm").statistic, rel=1e-12)


def test_the_gap_of_few_values(lab: ModuleType) -> None:
    assert lab.gap(torch.zeros(50)) == pytest.approx(0.5)


def test_sums_in_parts_are_sums(lab: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "AT_ONCE", 30)
    table = (torch.tensor([2.0, 5.0], dtype=torch.float64), torch.tensor([0.25, 0.75]).log())
    found = lab.sums("table", table, 4, 1001, torch.Generator().manual_seed(0))
    assert found.shape == (1001,)
    assert set(found.tolist()) <= {8.0, 11.0, 14.0, 17.0, 20.0}
    assert abs(lab.standardized("table", table, found, 4).mean().item()) < 5 / np.sqrt(1001)


def test_the_bound_of_a_coin(lab: ModuleType) -> None:
    """For a fair coin the mean cube is the cube of the spread, so only the constant and the root are left."""
    table = (torch.tensor([0.0, 1.0], dtype=torch.float64), torch.tensor([0.5, 0.5], dtype=torch.float64).log())
    assert lab.bound(table, 4) == pytest.approx(lab.SHEVTSOVA / 2)
    assert lab.bound(None, 4) is None


def test_a_text_with_too_few_words_is_refused(lab: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("overwhelmingly extraordinary\n" * 100)
    with pytest.raises(ValueError, match="500 are needed"):
        lab.prepare({"text": str(path)}, "smoke")


def test_it_runs(study: Study, text: str) -> None:
    one = begin(study, "distributions", "smoke", {"text": text}, seed=3)
    events = list(study.runs.follow(one))
    assert one.state == "done", one.log
    table = next(event.values for event in events if event.kind == "table")
    assert [len(row) for row in table["rows"]] == [5] * 6
    scores = one.scores()
    assert scores["beats_one"] is True
    assert scores["within_the_bound"] is True
    assert scores["ratios_stay"] is True
    again = begin(study, "distributions", "smoke", {"text": text}, seed=3)
    for _ in study.runs.follow(again):
        pass
    assert again.scores() == scores
