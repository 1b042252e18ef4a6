"""The project of five ways down: its loss by autograd, its lowest place and its naive Bayes by scikit-learn."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from groundup.study.roadmap import load_roadmap

PROJECT = load_roadmap().projects["five-ways-down"]


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return PROJECT.module("lab.py")


@pytest.fixture(scope="module")
def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    """Counts of twelve words in 160 passages, and two classes that lean on some of them."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(2, (160,), generator=generator)
    rates = torch.rand(2, 12, generator=generator, dtype=torch.float64) * 2 + 0.1
    return torch.poisson(rates[labels], generator=generator), labels


def signed(lab: ModuleType, drawn: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    counts, labels = drawn
    rows: torch.Tensor = lab.features(counts) * (2 * labels - 1).unsqueeze(1)
    return rows


def test_slope_and_bends_as_autograd_has_them(lab: ModuleType, drawn: tuple[torch.Tensor, torch.Tensor]) -> None:
    rows = signed(lab, drawn)
    theta = torch.linspace(-1, 2, rows.shape[1], dtype=torch.float64)
    loss = lab.Loss(rows, 0.3)

    def value(x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = lab.loss_at(rows, 0.3, x)
        return found

    by_hand = sum(math.log1p(math.exp(-float(row @ theta))) for row in rows) / len(rows)
    by_hand += 0.3 * sum(float(one) ** 2 for one in theta[1:]) / 2
    assert float(loss.value(theta)) == pytest.approx(by_hand, rel=1e-12)
    wanted = torch.autograd.functional.jacobian(value, theta)
    torch.testing.assert_close(loss.slope(theta), wanted, atol=1e-12, rtol=1e-10)
    torch.testing.assert_close(
        loss.bends(theta), torch.autograd.functional.hessian(value, theta), atol=1e-12, rtol=1e-10
    )
    assert loss.passes == 3
    half = rows[: len(rows) // 2]
    torch.testing.assert_close(loss.slope_of(theta, half), lab.Loss(half, 0.3).slope(theta), atol=1e-12, rtol=1e-10)
    assert loss.passes == 3.5


@pytest.mark.parametrize("penalty", [1e-3, 0.1])
def test_the_lowest_place_as_scikit_learn_has_it(
    lab: ModuleType, drawn: tuple[torch.Tensor, torch.Tensor], penalty: float
) -> None:
    counts, labels = drawn
    rows = signed(lab, drawn)
    theta, lowest, left = lab.lowest_of(rows, penalty)
    theirs = LogisticRegression(C=1 / (penalty * len(rows)), tol=1e-12, max_iter=10_000)
    theirs.fit(counts.log1p().numpy(), labels.numpy())
    place = torch.from_numpy(np.concatenate([theirs.intercept_, theirs.coef_[0]]))
    torch.testing.assert_close(theta, place, atol=1e-5, rtol=1e-5)
    assert lowest == pytest.approx(float(lab.loss_at(rows, penalty, place)), rel=1e-10)
    assert lowest <= float(lab.loss_at(rows, penalty, place)) + 1e-15
    assert left < 1e-20


def test_naive_bayes_as_scikit_learn_has_it(lab: ModuleType, drawn: tuple[torch.Tensor, torch.Tensor]) -> None:
    counts, labels = drawn
    theirs = MultinomialNB(alpha=1.0).fit(counts[:100].numpy(), labels[:100].numpy())
    got = lab.naive_bayes(counts[:100], labels[:100], counts[100:])
    assert got.long().tolist() == theirs.predict(counts[100:].numpy()).tolist()


def test_each_method_spends_what_it_says(lab: ModuleType, drawn: tuple[torch.Tensor, torch.Tensor]) -> None:
    rows = signed(lab, drawn)
    _, lowest, _ = lab.lowest_of(rows, 0.01)
    for method in lab.METHODS:
        found = lab.tried(method, rows, 0.01, lowest, 30)
        assert found["at"][0] == 0 and found["at"] == sorted(found["at"]) and found["at"][-1] <= 30
        assert len(found["at"]) == len(found["gaps"])
        assert found["gaps"][0] == pytest.approx(math.log(2) - lowest)
        assert found["gaps"][-1] < found["gaps"][0]
        tries = len(lab.settings_of(method))
        assert tries == (1 if method in (lab.NEWTON, lab.LBFGS) else 8)
        assert found["choosing"] == pytest.approx((tries - 1) * 30)
    assert lab.tried(lab.NEWTON, rows, 0.01, lowest, 30)["gaps"][-1] <= 1e-14
    assert lab.tried(lab.NEWTON, rows, 0.01, lowest, 30)["passes"] < 30


def test_gaps_and_aims(lab: ModuleType) -> None:
    assert lab.gap(math.nan, 0.2) == lab.gap(math.inf, 0.2) == math.inf
    assert lab.gap(0.2, 0.2) == lab.FLOOR
    one = {"at": [0.0, 2.0, 4.5], "gaps": [1.0, 0.5, 0.01]}
    assert [lab.passes_to(one, aim) for aim in (2.0, 0.5, 0.02, 0.001)] == [0.0, 2.0, 4.5, None]


def test_edges_of_the_rates(lab: ModuleType) -> None:
    rates = [rate for rate, _ in lab.settings_of(lab.CONSTANT)]
    assert [lab.at_the_edge(lab.CONSTANT, rate) for rate in rates] == [True] + 6 * [False] + [True]
    assert not lab.at_the_edge(lab.NEWTON, 0.0)


def test_neighbors_are_on_one_side(lab: ModuleType) -> None:
    pieces = [" ".join(f"{letter}{other}" for other in "abcdefghijklmnop" * 3) for letter in "abcdefghijklmnopqrst" * 2]
    train, held_out = lab.parted(pieces)
    assert len(train) + len(held_out) == len(pieces)  # 48 words hold one passage of 30
    assert 0.2 <= len(held_out) / len(pieces) <= 0.3
    assert all(len(one.split()) == lab.LENGTH for one in train + held_out)
    one_file = " ".join(pieces)
    train, held_out = lab.parted([one_file])
    assert 0.2 <= len(held_out) / (len(train) + len(held_out)) <= 0.3


def test_words_and_counts(lab: ModuleType) -> None:
    passages = ["a b a c", "c a d d"]
    assert lab.common_words(passages, 3) == ["a", "c", "d"]
    assert lab.counted(passages, ["a", "d"]).tolist() == [[2, 0], [1, 2]]
    torch.testing.assert_close(
        lab.features(torch.tensor([[0.0, 1.0]], dtype=torch.float64)),
        torch.tensor([[1.0, 0.0, math.log(2)]], dtype=torch.float64),
    )


def test_which_pieces_are_of_the_reference(lab: ModuleType) -> None:
    known = {"The first rule.", "Note:"}
    assert lab.is_reference("The first\n rule.", known)
    assert not lab.is_reference("Note:\n\nSomething else.", known)


def test_one_text_twice_is_refused(lab: ModuleType) -> None:
    with pytest.raises(ValueError, match="nobody could tell"):
        lab.prepare({"text": "docstrings", "other": "docstrings"}, "smoke")
