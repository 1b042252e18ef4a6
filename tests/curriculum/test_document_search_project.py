"""The project of a document search: its scores and chance by other ways to compute them, its space by torch's SVD."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from groundup.study.roadmap import load_roadmap

PROJECT = load_roadmap().projects["document-search"]
TEXTS = [
    "the wing lifts the body and the wing is slender",
    "a slender body at high speed has a shock wave",
    "shells buckle when heat and load are high",
    "the load on shells and heat in shells",
    "wave and wing and body and lift at high speed",
    "heat flows to the body at high speed",
]


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return PROJECT.module("lab.py")


def by_definition(hits: tuple[bool, ...], relevant: int) -> tuple[float, float, float]:
    """Average precision, precision at 5, nDCG at 10, each with arrays and straight from its definition."""
    found = np.array(hits, dtype=float)
    precision_at = np.cumsum(found) / np.arange(1, len(found) + 1)
    discounts = 1 / np.log2(np.arange(2, 12))
    gain = found[:10] @ discounts[: len(found[:10])]
    return (precision_at * found).sum() / relevant, found[:5].sum() / 5, gain / discounts[:relevant].sum()


@pytest.mark.parametrize("length", [1, 4, 9, 14, 60])
def test_scores_as_defined(lab: ModuleType, length: int) -> None:
    generator = np.random.default_rng(length)
    for _ in range(50):
        hits = tuple(bool(one) for one in generator.random(length) < 0.3)
        relevant = sum(hits) + int(generator.integers(1, 15))
        assert lab.scored(list(hits), relevant) == pytest.approx(by_definition(hits, relevant), rel=1e-12)


def test_the_best_and_the_worst_order(lab: ModuleType) -> None:
    assert lab.scored([True, True, True, True, True, False], 5) == pytest.approx((1, 1, 1))
    assert lab.scored([False] * 30, 3) == (0, 0, 0)


@pytest.mark.parametrize(("documents", "relevant"), [(1, 1), (4, 1), (4, 3), (5, 5), (7, 2), (12, 2), (13, 3)])
def test_chance_is_the_mean_over_all_orders(lab: ModuleType, documents: int, relevant: int) -> None:
    rows = []
    for places in itertools.combinations(range(documents), relevant):  # each stands for equally many permutations
        rows.append(by_definition(tuple(i in places for i in range(documents)), relevant))
    assert lab.by_chance(documents, relevant) == pytest.approx(np.mean(rows, axis=0).tolist(), rel=1e-12)


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 0), (10, 4), (4, 10), (32, 42), (55, 15), (20, 20)])
def test_the_sign_test_as_scipy_has_it(lab: ModuleType, better: int, worse: int) -> None:
    wanted = stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
    assert lab.sign_test(better, worse) == pytest.approx(wanted, rel=1e-9)


def test_weights_of_a_case_by_hand(lab: ModuleType) -> None:
    terms = lab.Terms(["red red blue", "blue sun", "sun sun sun moon"])
    assert terms.words == ["blue", "sun"]  # the others stand in one text only
    assert terms.counts.tolist() == [[1, 1, 0], [0, 1, 3]]
    one = 0.5**0.5
    assert terms.weighted(terms.counts).T.tolist() == pytest.approx(np.array([[1, 0], [one, one], [0, 1]]))
    assert not terms.weighted(terms.counted("red moon")).any()


def test_bm25_as_its_formula_says(lab: ModuleType) -> None:
    terms = lab.Terms(TEXTS)
    counts = terms.counts.numpy()
    n, lengths = len(TEXTS), counts.sum(axis=0)
    worth = terms.bm25()
    for i, j in itertools.product(range(len(terms.words)), range(n)):
        among = (counts[i] > 0).sum()
        damped = counts[i, j] * 2.2 / (counts[i, j] + 1.2 * (0.25 + 0.75 * lengths[j] / lengths.mean()))
        assert float(worth[i, j]) == pytest.approx(np.log(1 + (n - among + 0.5) / (among + 0.5)) * damped)


@pytest.fixture(scope="module")
def engine(lab: ModuleType) -> Any:
    return lab.Engine(lab.Terms(TEXTS), (1, 2, 4))


def test_the_space_is_that_of_the_first_singular_vectors(lab: ModuleType, engine: Any) -> None:
    u, values, vt = torch.linalg.svd(engine.weights, full_matrices=False)
    basis = engine.space.basis
    assert torch.allclose(basis @ basis.T, torch.eye(4, dtype=torch.float64), atol=1e-10)
    assert torch.allclose(basis.T @ basis, u[:, :4] @ u[:, :4].T, atol=1e-10)
    for k in engine.ranks:
        nearest = (u[:, :k] * values[:k]) @ vt[:k]
        assert torch.allclose(basis.T @ engine.at_rank[k].T, nearest, atol=1e-10)
        assert engine.kept(k) == pytest.approx(float((values[:k] ** 2).sum() / (values**2).sum()), rel=1e-10)
    first = lab.directions(engine.space, engine.terms, 3)
    assert [one[0] for one in first] == pytest.approx(values[:3].tolist(), rel=1e-6)
    for i, (_, high, _) in enumerate(first):
        vector = u[:, i] * u[:, i].sum().sign()
        weights = [float(vector[engine.terms.place[word]]) for word in high]
        assert weights == pytest.approx(vector.sort(descending=True).values[:7].tolist(), abs=1e-6)


def test_the_order_is_that_of_cosines_in_singular_coordinates(engine: Any) -> None:
    query = "heat and high speed"
    weights = engine.terms.weighted(engine.terms.counted(query))
    u, values, vt = torch.linalg.svd(engine.weights, full_matrices=False)
    for k, near in engine.reduced(query).items():
        coordinates, documents = u[:, :k].T @ weights, values[:k].unsqueeze(1) * vt[:k]
        inside = torch.nn.functional.cosine_similarity(coordinates.unsqueeze(1), documents, dim=0)
        # The part of the query outside makes all smaller by one factor, the same for every document.
        factor = coordinates.norm() / engine.space.fold(weights).norm()
        assert torch.allclose(near, inside * factor, atol=1e-9)


def test_a_reduced_search_keeps_all_answers_and_is_filled_up(lab: ModuleType) -> None:
    found = {
        "documents": {str(i): f"text {i}" for i in range(100)},
        "queries": {str(i): "query" for i in range(10)},
        "relevant": {str(i): [str(i), str(90 + i)] for i in range(9)},
    }
    for queries, documents in ((3, 50), (10, 100), (10, 1000), (4, 2)):
        small = lab.reduced(found, queries, documents)
        right = {one for names in small["relevant"].values() for one in names}
        assert len(small["queries"]) == min(queries, 9)
        assert len(small["documents"]) == max(len(right), min(documents, 100))
        assert right <= set(small["documents"])
        assert set(small["relevant"]) == set(small["queries"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six documents and five queries in Cranfield's format, with the queries' old numbers in <num>."""
    documents = "".join(
        f"<doc>\n<docno>{i}</docno>\n<title>title {i}</title>\n<text>{text.replace(' ', chr(10))}</text>\n</doc>\n"
        for i, text in enumerate([*TEXTS[:5], ""], 1)
    )
    queries = ["slender wing", "shock wave", "heat and load", "body", "nothing is judged right for this one"]
    topics = "".join(
        f"<top>\n<num> {7 * i}</num>\n<title>\n{one} .\n</title>\n</top>" for i, one in enumerate(queries, 1)
    )
    judged = "1 0 1 1\n1 0 2 3\n1 0 1 2\n2 0 2 1\n2 0 5 0\n3 0 3 1\n3 0 4 -1\n4 0 6 1\n4 0 99 1\n7 0 1 1\n\n"
    (tmp_path / "some.all.6.xml").write_text(documents)
    (tmp_path / "some.qry.xml").write_text(f"<xml>\n{topics}\n</xml>")
    (tmp_path / "someqrel.txt").write_text(judged)
    return tmp_path


def test_a_folder_in_cranfields_format(lab: ModuleType, folder: Path) -> None:
    found, provenance = lab.of_folder(folder)
    assert found["documents"] == {str(i): one for i, one in enumerate([*TEXTS[:5], "title 6"], 1)}
    assert list(found["queries"]) == ["1", "2", "3", "4", "5"]  # by position
    assert found["queries"]["1"] == "slender wing ."
    assert found["relevant"] == {"1": ["1", "2"], "2": ["2"], "3": ["3"], "4": ["6"]}
    assert provenance["kind"] == "real text"
    inputs = lab.prepare({"data": str(folder)}, "smoke")
    assert list(json.loads(inputs.files["search.json"])["queries"]) == ["1", "2", "3", "4"]


def test_what_is_not_there_is_named(
    lab: ModuleType, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(lab.DATA_VARIABLE, raising=False)
    with pytest.raises(FileNotFoundError, match=lab.DATA_VARIABLE):
        lab.prepare({"data": "cranfield"}, "smoke")
    (folder / "someqrel.txt").write_text("1 0 1 1\n")
    with pytest.raises(ValueError, match="4 are needed"):
        lab.prepare({"data": str(folder)}, "smoke")
    (folder / "someqrel.txt").unlink()
    with pytest.raises(FileNotFoundError, match="qrel"):
        lab.prepare({"data": str(folder)}, "smoke")
