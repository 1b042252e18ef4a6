"""The lab of gradient descent: its valleys, whose gradients and lowest losses are right, and a race with parts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from groundup.stack.numerics import gradient
from groundup.study.home import find_home
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import begin
from groundup.study.service import Study

TOPIC = load_roadmap().topics["gradient-descent"]
TEXT = "it is not a test that one reads on its own no sooner has it a tone than it is lost in a noise of tests "


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return TOPIC.module("lab.py")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("descent-lab") / "home")))
    yield one
    one.close()


def test_pairs_are_counted_among_the_letters_that_are_kept(lab: ModuleType) -> None:
    assert lab.pairs_of("abxbaab", "ab") == [[1, 2], [1, 0]]


def test_gradients_and_lowest_losses(lab: ModuleType) -> None:
    pairs = [[5, 1, 0], [2, 2, 7], [0, 0, 0]]
    generator = torch.Generator().manual_seed(0)
    for valley in (lab.bowl(50.0, 4), lab.rosenbrock(), lab.next_letter(pairs)):
        at = torch.randn(valley.start.shape, generator=generator, dtype=torch.float64)
        torch.testing.assert_close(valley.grad(at), gradient(valley.loss, at), rtol=1e-5, atol=1e-6)
        assert float(valley.loss(at)) > valley.lowest
    table = lab.next_letter(pairs)
    best = torch.tensor(pairs, dtype=torch.float64).add(1e-12).log()
    assert math.isclose(float(table.loss(best)), table.lowest, rel_tol=1e-9)


def test_a_path_that_ran_away_is_never_the_best(lab: ModuleType) -> None:
    found = lab.best("plain", lab.bowl(10.0, 3), 400, 8, (0.9,))
    assert found["lr"] < 2 / 10
    assert found["gaps"][-1] < found["gaps"][0]


def test_a_text_without_words_is_refused(lab: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("1 2 3 4\n" * 400)
    with pytest.raises(ValueError, match="200 are needed"):
        lab.prepare({"text": str(path)}, "smoke")


def test_the_race_with_a_learners_descents_comes_to_the_same(study: Study, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text((TEXT + "\n") * 40)
    study.open("gradient-descent").path.write_text(TOPIC.solution_source())
    assert study.check("gradient-descent").passed
    mine = begin(study, "gradient-descent", "smoke", {"text": str(text)}, seed=3)
    for _ in study.runs.follow(mine):
        pass
    assert mine.state == "done", mine.log
    names = {one.build for one in mine.request.parts}
    assert names == {"gradient_descent", "momentum_descent", "nesterov_descent"}
    reference = begin(study, "gradient-descent", "smoke", {"text": str(text)}, reference=True, seed=3)
    for _ in study.runs.follow(reference):
        pass
    assert reference.scores() == mine.scores()
    assert mine.scores()["momentum_beats_plain"] is True
    assert mine.scores()["nesterov_beats_plain"] is True
