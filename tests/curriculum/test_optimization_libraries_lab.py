"""The lab of optimization libraries: its problems are right, its counter counts, its methods arrive, parts work."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy import optimize
from sklearn.linear_model import LogisticRegression

from groundup.study.home import find_home
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import begin
from groundup.study.service import Study

TOPIC = load_roadmap().topics["optimization-libraries"]
TWO = torch.float64


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return TOPIC.module("lab.py")


@pytest.fixture(scope="module")
def passages(lab: ModuleType) -> list[Any]:
    found: list[Any] = json.loads(lab.prepare({"text": "python"}, "smoke").files["passages.json"])
    return found


@pytest.fixture(scope="module")
def problems(lab: ModuleType, passages: list[Any]) -> dict[str, Any]:
    return {
        lab.BOWL: lab.bowl(),
        lab.BENT: lab.rosenbrock(),
        lab.FIT: lab.two_documents(passages, lab.WORDS["smoke"]),
    }


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("libraries-lab") / "home")))
    yield one
    one.close()


def test_passages(lab: ModuleType, passages: list[Any]) -> None:
    assert [label for label, _ in passages] == [1.0] * lab.PASSAGES["smoke"] + [-1.0] * lab.PASSAGES["smoke"]
    assert {len(words) for _, words in passages} == {lab.LENGTH}


def test_slopes_and_bends_as_autograd_has_them(problems: dict[str, Any]) -> None:
    for problem in problems.values():
        x = problem.start + torch.linspace(-0.5, 0.4, len(problem.start), dtype=TWO)
        wanted = torch.autograd.functional.jacobian(problem.height, x)
        torch.testing.assert_close(problem.slope(x), wanted, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(
            problem.bends(x), torch.autograd.functional.hessian(problem.height, x), rtol=1e-9, atol=1e-9
        )


def test_the_lowest_heights(lab: ModuleType, problems: dict[str, Any]) -> None:
    assert 0 <= problems[lab.BOWL].lowest < 1e-20
    assert 0 <= problems[lab.BENT].lowest < 1e-20
    assert problems[lab.BOWL].curvature == pytest.approx(1e4)
    fit = problems[lab.FIT]
    assert fit.first_gap == pytest.approx(math.log(2) - fit.lowest)
    solved = optimize.minimize(
        lambda w: float(fit.height(torch.from_numpy(w))),
        fit.start.numpy(),
        jac=lambda w: fit.slope(torch.from_numpy(w)).numpy(),
        options={"gtol": 1e-10},
    )
    assert fit.lowest <= solved.fun + 1e-16
    assert fit.lowest == pytest.approx(solved.fun, abs=1e-12)


def test_the_fit_is_logistic_regression(lab: ModuleType) -> None:
    generator = torch.Generator().manual_seed(0)
    counts = torch.poisson(torch.full((60, 5), 1.3, dtype=TWO), generator=generator)
    labels = torch.where(counts[:, 0] + torch.randn(60, generator=generator) > 1.3, 1.0, -1.0).double()
    rows = torch.cat([torch.ones(60, 1, dtype=TWO), counts], dim=1) * labels.unsqueeze(1)
    problem = lab.logistic(rows)
    theirs = LogisticRegression(C=1 / (lab.PENALTY * 60), tol=1e-12, max_iter=10_000)
    theirs.fit(counts.numpy(), labels.numpy())
    place = torch.from_numpy(np.concatenate([theirs.intercept_, theirs.coef_[0]]))
    assert problem.lowest <= float(problem.height(place)) + 1e-15
    assert problem.lowest == pytest.approx(float(problem.height(place)), rel=1e-9)
    words = lab.two_documents([[1.0, ["a", "b", "a"]], [-1.0, ["b", "c", "b"]]], 2)
    by_hand = -torch.tensor([[1.0, 1.0, 2.0], [-1.0, -2.0, 0.0]], dtype=TWO).sum(dim=0) / 4
    torch.testing.assert_close(words.slope(words.start), by_hand)


def test_the_counter_counts_and_ends(lab: ModuleType) -> None:
    problem = lab.rosenbrock()
    counted = lab.Counted(problem, 3)
    x = problem.start
    assert float(counted.height(x)) == float(problem.height(x))
    assert torch.equal(counted.gradient(x), problem.slope(x))
    assert (counted.heights, counted.gradients, counted.over) == (1, 1, False)
    near = torch.tensor([0.9, 0.8], dtype=TWO)
    counted.gradient(near)
    assert counted.over and counted.best == [(0, problem.first_gap), (3, pytest.approx(float(problem.height(near))))]
    with pytest.raises(lab.Enough):
        counted.height(x)
    arrived = lab.Counted(problem, 100)
    arrived.height(torch.ones(2, dtype=TWO))
    assert arrived.over and arrived.best[-1] == (1, 0.0)
    away = lab.Counted(problem, 100)
    away.gradient(torch.tensor([math.nan, 1.0], dtype=TWO))
    assert away.over and away.best[-1][1] == problem.first_gap


def test_every_method_goes_down(lab: ModuleType, problems: dict[str, Any]) -> None:
    for name in lab.METHODS:
        for title, problem in problems.items():
            one = lab.tried(name, problem, "smoke")
            gaps = [gap for _, gap in one["best"]]
            # Without gradients, 150 heights of twenty weights are next to nothing.
            enough = gaps[0] if name == "SciPy Nelder-Mead" else 0.5 * gaps[0]
            assert gaps == sorted(gaps, reverse=True) and gaps[-1] < enough, (name, title)
            assert 0 < one["f"] + one["grad"] <= lab.BUDGET["smoke"]
            assert (one["others"] > 0) == (len(lab.rates_of(name, problem, "smoke")) > 1)
            assert (one["f"] == 0) == (lab.METHODS[name][1] != lab.NO_RATE)
            assert (one["grad"] == 0) == (name == "SciPy Nelder-Mead")


def test_methods_that_measure_curvature_solve_rosenbrock(lab: ModuleType) -> None:
    for name in (lab.OWN, "SciPy L-BFGS-B", "SciPy BFGS", "torch LBFGS", "Optax lbfgs"):
        one = lab.tried(name, lab.rosenbrock(), "smoke")
        assert lab.evaluations_to(one, min(lab.AIMS) * one["first_gap"]), name


def test_what_scipy_says_of_itself_is_what_was_counted(lab: ModuleType) -> None:
    """The wrapper is between the problem and the library: where nobody stops it, both counts are the same."""
    problem = lab.bowl(10.0, 3)
    counted = lab.Counted(problem, 10**6)
    counted.problem.first_gap = 0.0  # no gap is small enough to end it
    told = optimize.minimize(
        lambda x: float(counted.height(torch.from_numpy(x.copy()))),
        problem.start.numpy(),
        jac=lambda x: counted.gradient(torch.from_numpy(x.copy())).numpy(),
        method="L-BFGS-B",
    )
    assert (told.nfev, told.njev) == (counted.heights, counted.gradients)


def test_three_adams_are_one_method(lab: ModuleType, problems: dict[str, Any]) -> None:
    needed = []
    for name in ("torch Adam", "Optax adam", "Keras Adam"):
        counted = lab.Counted(problems[lab.FIT], 100)
        with pytest.raises(lab.Enough):
            lab.METHODS[name][0](counted, 0.1)
        needed.append(counted.best[-1][1])
    assert needed[0] == pytest.approx(needed[1], rel=1e-3) == pytest.approx(needed[2], rel=1e-3)


def test_what_is_missing_is_named(lab: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [lab.left_out(name, "tiny") for name in lab.METHODS] == [""] * len(lab.METHODS)
    slow = {name for name in lab.METHODS if lab.left_out(name, "smoke")}
    assert slow == {name for name in lab.METHODS if name.startswith(("Optax", "Keras"))}
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: None)
    assert lab.left_out("SciPy CG", "tiny") == "not installed: pip install 'groundup[labs]'"
    assert lab.left_out("Optax adam", "smoke") == "not installed: pip install 'groundup[optimizers]'"
    assert not any(lab.left_out(name, "tiny") for name in lab.METHODS if name.startswith(("groundup", "torch")))


def test_digits_and_bars(lab: ModuleType) -> None:
    one = {"best": [(0, 2.0), (3, 0.2), (9, 2e-7)], "first_gap": 2.0, "f": 5, "grad": 5}
    assert [round(lab.digits(one, spent), 9) for spent in (1, 3, 8, 9)] == [0, 1, 1, 7]
    assert [lab.evaluations_to(one, gap) for gap in (2.0, 0.3, 1e-6, 1e-8)] == [0, 3, 9, None]
    assert lab.picture({"p": None}, {("p", "m"): one}, 10).splitlines()[1].endswith(" 9")
    never = {**one, "best": one["best"][:2]}
    assert lab.picture({"p": None}, {("p", "m"): never}, 10).endswith("> not with 10")


def test_a_learners_optimizers_find_the_same(study: Study) -> None:
    study.open("optimization-libraries").path.write_text(TOPIC.solution_source())
    assert study.check("optimization-libraries").passed
    runs = [begin(study, "optimization-libraries", "smoke", seed=2, reference=one) for one in (False, True)]
    for one in runs:
        for _ in study.runs.follow(one):
            pass
        assert one.state == "done", one.log
    assert {one.build for one in runs[0].request.parts} == {"backtracking_step", "lbfgs"}
    assert runs[0].scores() == runs[1].scores()
    assert runs[0].scores()["lbfgs_beats_descent"] is True
    assert runs[0].scores()["problems_that_lbfgs_solves"] >= 2
    calls = next(one for one in study.stories.tell(runs[0]).tables if one["title"] == "Your parts at work")
    assert all(row[2] > 0 for row in calls["rows"])


def test_where_a_library_is_missing_the_others_run(lab: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables name what is missing, and every other method has its numbers."""
    there = lab.importlib.util.find_spec
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: None if name == "scipy" else there(name))
    missing = {name: why for name in lab.METHODS if (why := lab.left_out(name, "smoke"))}
    problems = {lab.BENT: lab.rosenbrock(), lab.FIT: lab.bowl(3.0, 2)}
    found = {
        (title, name): lab.tried(name, one, "smoke")
        for title, one in problems.items()
        for name in lab.METHODS
        if name not in missing
    }
    said: dict[str, Any] = {"tables": []}

    class Heard:
        def table(self, title: str, columns: list[str], rows: list[list[Any]]) -> None:
            assert {len(row) for row in rows} == {len(columns)}
            said["tables"].append({row[0]: row for row in rows})

        def text(self, title: str, text: str) -> None:
            said["text"] = text

        def log(self, step: int, **metrics: float) -> None:
            said["log"] = metrics

        def result(self, **scores: Any) -> None:
            said["scores"] = scores

    lab.show(Heard(), problems, found, missing, "smoke")
    assert said["tables"][0]["SciPy CG"][1] == "not installed: pip install 'groundup[labs]'"
    assert said["tables"][0][lab.OWN][4] > 0
    assert "SciPy CG not installed" in said["scores"]["methods_left_out"]
    assert set(said["log"]) == {name for name in lab.METHODS if name not in missing}
