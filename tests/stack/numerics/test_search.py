"""Grid, random search and successive halving against scikit-learn, the statistics of draws, and hard inputs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV, ParameterGrid

from groundup.stack.numerics import grid, random_search, successive_halving

NAN, INF = math.nan, math.inf
LEAST_P = 1e-9


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draws(space: dict[str, Any], n: int, seed: int = 0) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = []

    def objective(config: dict[str, Any]) -> float:
        asked.append(config)
        return 0.0

    random_search(objective, space, n, source(seed))
    return asked


# ── grid ──


@pytest.mark.parametrize(
    "space", [{}, {"a": [1]}, {"a": [2, 1], "b": ["x", None, "y"]}, {"a": [1, 1], "b": [[1], []], "c": [0.5, True]}]
)
def test_grid_against_scikit_learns_parameter_grid(space: dict[str, list[Any]]) -> None:
    # ParameterGrid sorts the names; these are sorted already, and its last name changes fastest, too.
    assert grid(space) == list(ParameterGrid(space))


def test_grid_keeps_the_order_of_names_and_makes_dicts_of_their_own() -> None:
    space = {"z": [1, 2], "a": [3, 4]}
    found = grid(space)
    assert [list(one.items()) for one in found] == [[("z", z), ("a", a)] for z in (1, 2) for a in (3, 4)]
    found[0]["z"] = 9
    assert found[1]["z"] == 1
    assert space == {"z": [1, 2], "a": [3, 4]}
    assert grid({"a": [1], "b": []}) == []


@pytest.mark.parametrize("values", ["ab", (1, 2), 3, None, (0.1, 1.0, "log")])
def test_grid_refuses_what_is_no_list(values: Any) -> None:
    with pytest.raises(ValueError, match="needs a list"):
        grid({"a": [1], "b": values})


# ── random_search ──


@pytest.mark.parametrize("seed", range(3))
def test_draws_have_the_stated_distributions_and_are_independent(seed: int) -> None:
    n, choices = 4000, ["a", "b", "c", "d", "e"]
    space = {"line": (-3, 5, "linear"), "log": (1e-5, 2.0, "log"), "list": choices}
    asked = draws(space, n, seed)
    line = [one["line"] for one in asked]
    log = [math.log(one["log"]) for one in asked]
    assert stats.kstest(line, stats.uniform(-3, 8).cdf).pvalue > LEAST_P
    assert stats.kstest(log, stats.uniform(math.log(1e-5), math.log(2e5)).cdf).pvalue > LEAST_P
    counted = Counter(one["list"] for one in asked)
    assert stats.chisquare([counted[one] for one in choices]).pvalue > LEAST_P
    table = np.zeros((5, 5))
    for one, x in zip(asked, line, strict=True):
        table[choices.index(one["list"]), min(int((x + 3) / 8 * 5), 4)] += 1
    assert stats.chi2_contingency(table).pvalue > LEAST_P
    assert stats.spearmanr(line, log).pvalue > LEAST_P
    assert stats.spearmanr(line[1:], line[:-1]).pvalue > LEAST_P


@pytest.mark.parametrize(
    ("low", "high", "scale"),
    [
        (1e-300, 1e300, "log"),
        (5e-324, 1.7e308, "log"),
        (-1.7e308, 1.7e308, "linear"),
        (0.1, 0.1, "linear"),
        (0.1, 0.1, "log"),
        (1.0, math.nextafter(1.0, 2.0), "log"),
        (-0.1, 0.3, "linear"),
        (0, 0, "linear"),
    ],
)
def test_draws_stay_in_their_range(low: float, high: float, scale: str) -> None:
    values = [one["x"] for one in draws({"x": (low, high, scale)}, 500)]
    assert all(type(value) is float and low <= value <= high for value in values)
    if high > 2 * abs(low):
        assert len(set(values)) > 400


def test_the_chance_of_a_hit_is_the_formulas() -> None:
    n, share, searches = 20, 0.05, 2000
    generator, hits = source(), 0
    for _ in range(searches):
        hits += random_search(lambda config: config["x"], {"x": (0.0, 1.0, "linear")}, n, generator)[1] < share
    assert stats.binomtest(hits, searches, 1 - (1 - share) ** n).pvalue > LEAST_P


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ([3, 1, 2], 1), ([1, 0, 0], 1), ([NAN, 2, 1], 2), ([2, NAN, 1, NAN], 2), ([NAN, NAN], 0), ([NAN, INF], 1),
        ([INF, INF], 0), ([1, -INF, NAN], 1), ([0.0, -0.0], 0), ([-5], 0),
    ],
)  # fmt: skip
def test_the_first_of_the_lowest_wins(values: list[float], place: int) -> None:
    asked: list[dict[str, Any]] = []

    def objective(config: dict[str, Any]) -> torch.Tensor:
        asked.append(dict(config))
        config.clear()
        return torch.tensor(float(values[len(asked) - 1]))

    config, value = random_search(objective, {"x": (0.0, 1.0, "linear")}, len(values), source())
    assert config == asked[place]
    assert len(asked) == len(values)
    assert type(value) is float
    np.testing.assert_equal(value, float(values[place]))


def test_the_generator_alone_decides() -> None:
    space, state = {"x": (0.0, 1.0, "linear")}, torch.random.get_rng_state()
    one = source(1)
    first, second = (random_search(lambda config: config["x"], space, 3, one) for _ in range(2))
    assert first == random_search(lambda config: config["x"], space, 3, source(1)) != second
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    "values", [[], (), "abc", 3, None, (2, 1, "linear"), (0, 1, "log"), (1, 2, "cubic"), (1, 2), (0, INF, "linear"),
               (NAN, 1, "linear"), (1, NAN, "log"), (-INF, 0, "linear")],
)  # fmt: skip
def test_a_space_that_cannot_be_drawn_from_is_refused_before_anything_is_asked(values: Any) -> None:
    with pytest.raises(ValueError, match="needs values"):
        random_search(lambda config: pytest.fail("asked"), {"a": [1], "x": values}, 2, source())
    with pytest.raises(ValueError, match="at least one trial"):
        random_search(lambda config: pytest.fail("asked"), {"a": [1]}, 0, source())


# ── successive_halving ──


def schedule(n: int, budget: int, eta: int) -> list[tuple[int, int]]:
    """(configs, budget) of each round."""
    asked: list[int] = []

    def objective(config: int, spent: int) -> int:
        asked.append(spent)
        return config

    successive_halving(objective, list(range(n)), budget, eta)
    return [(count, spent) for spent, count in Counter(asked).items()]


class Constant(BaseEstimator):  # type: ignore[misc]
    def __init__(self, place: int = 0, spent: int = 1) -> None:
        self.place, self.spent = place, spent

    def fit(self, x: Any, y: Any = None) -> Constant:
        return self

    def score(self, x: Any, y: Any = None) -> float:
        return -float(self.place)


@pytest.mark.parametrize(("n", "eta"), [(8, 2), (9, 3), (16, 4), (2, 2), (1, 2)])
def test_the_schedule_of_scikit_learns_halving_where_nothing_is_rounded(n: int, eta: int) -> None:
    theirs = HalvingGridSearchCV(
        Constant(), {"place": list(range(n))}, factor=eta, resource="spent", min_resources=3, max_resources=3 * n, cv=2,
        refit=False,
    ).fit(np.zeros((4, 1)), np.zeros(4))  # fmt: skip
    assert schedule(n, 3, eta) == list(zip(theirs.n_candidates_, theirs.n_resources_, strict=True))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 11, 27, 100])
@pytest.mark.parametrize("eta", [2, 3, 4])
def test_the_schedule_is_hyperbands(n: int, eta: int) -> None:
    rounds = [(n // eta**i, 2 * eta**i) for i in range(n) if n // eta**i]
    assert schedule(n, 2, eta) == rounds
    assert all(count * budget <= 2 * n for count, budget in rounds)


@pytest.mark.parametrize(
    ("objective", "configs", "expected"),
    [
        (lambda config, budget: 1.0, [5, 3, 8], (5, 1.0)),
        (lambda config, budget: NAN if config else 7.0, [1, 2, 0, 3], (0, 7.0)),
        (lambda config, budget: INF if config == 2 else NAN, [1, 2, 3], (2, INF)),
        (lambda config, budget: NAN, [4, 2], (4, NAN)),
        (lambda config, budget: torch.tensor(config if budget == 1 else 0.0), [3, 1, 2, 0], (1, 0.0)),
    ],
)
def test_ties_and_nan(objective: Callable[[int, int], Any], configs: list[int], expected: tuple[int, float]) -> None:
    config, value = successive_halving(objective, configs, 1)
    assert config == expected[0]
    assert type(value) is float
    np.testing.assert_equal(value, expected[1])


def test_with_curves_that_do_not_cross_the_best_is_found() -> None:
    for seed in range(20):
        ends = torch.rand(13, generator=source(seed)).tolist()

        def objective(place: int, budget: int, ends: list[float] = ends) -> float:
            return ends[place] + 1 / budget

        config, value = successive_halving(objective, range(13), 1)
        assert (config, value) == (ends.index(min(ends)), min(ends) + 1 / 8)


@pytest.mark.parametrize(("configs", "budget", "eta"), [([], 1, 2), ([1], 0, 2), ([1], -1, 2), ([1], 1, 1)])
def test_halving_refuses(configs: list[int], budget: int, eta: int) -> None:
    with pytest.raises(ValueError, match="are the least"):
        successive_halving(lambda config, spent: pytest.fail("asked"), configs, budget, eta)
