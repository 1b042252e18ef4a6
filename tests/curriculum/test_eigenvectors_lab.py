"""The lab of eigenvectors: errors against scikit-learn's PCA, the baselines, and a run with a learner's part."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from groundup.study.home import find_home
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import begin
from groundup.study.service import Study

TOPIC = load_roadmap().topics["eigenvectors"]


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return TOPIC.module("lab.py")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("eigenvectors-lab") / "home")))
    yield one
    one.close()


def cloud(m: int, n: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(m, n, generator=generator, dtype=torch.float64) * torch.linspace(3, 0.2, n, dtype=torch.float64)


@pytest.mark.parametrize("k", [1, 3, 6])
def test_errors_against_scikit_learn(lab: ModuleType, k: int) -> None:
    train, held_out = cloud(40, 6, 0) + 2.0, cloud(15, 6, 1) + 2.0
    theirs = PCA(k, svd_solver="full").fit(train.numpy())
    again = theirs.inverse_transform(theirs.transform(held_out.numpy()))
    components = lab.pca(train, 6)[0]
    found = lab.measure(k, train, held_out, held_out, components, 1, torch.Generator().manual_seed(0))
    assert found["components"] == pytest.approx(float(np.mean((again - held_out.numpy()) ** 2)), abs=1e-12)
    assert found["noisy"] == pytest.approx(found["components"])


def test_random_directions_are_orthonormal_and_keep_their_share(lab: ModuleType) -> None:
    generator = torch.Generator().manual_seed(0)
    basis = lab.random_basis(3, 10, generator)
    torch.testing.assert_close(basis @ basis.T, torch.eye(3, dtype=torch.float64))
    x, zero = cloud(50, 10, 2), torch.zeros(10, dtype=torch.float64)
    errors = [lab.error(x, lab.rebuilt(x, zero, lab.random_basis(3, 10, generator))) for _ in range(400)]
    assert sum(errors) / 400 == pytest.approx(0.7 * float(x.square().mean()), rel=0.05)


def test_kept_pixels_are_the_liveliest(lab: ModuleType) -> None:
    x = cloud(60, 5, 3)[:, [3, 1, 4, 0, 2]]
    assert set(lab.kept_pixels(x, 2).argmax(dim=1).tolist()) == set(x.var(dim=0).topk(2).indices.tolist())
    rest = lab.rebuilt(x, x.mean(dim=0), lab.kept_pixels(x, 2)) - x
    assert sorted(rest.abs().amax(dim=0).gt(1e-12).tolist()) == [False, False, True, True, True]


def test_how_many_are_enough(lab: ModuleType) -> None:
    assert lab.enough([0.5, 0.89, 0.9, 1.0]) == 3
    assert lab.enough([0.5, 0.6]) == 3


def test_large_pictures_are_drawn_in_blocks(lab: ModuleType) -> None:
    assert lab.drawn(torch.tensor([[0.0, 1.0], [-1.0, 2.0]])) == ["  @@", "  @@"]
    assert [len(row) for row in lab.drawn(torch.ones(28, 28))] == [18] * 9


def test_it_runs_with_a_learners_pca_and_comes_to_the_same(study: Study) -> None:
    path = study.open("eigenvectors").path
    path.write_text(TOPIC.solution_source())
    assert study.check("eigenvectors").passed
    mine = begin(study, "eigenvectors", "smoke", {}, seed=3)
    events = list(study.runs.follow(mine))
    assert mine.state == "done", mine.log
    assert {one.build for one in mine.request.parts} == {"pca", "power_iteration"}
    tables = {one.values["title"]: one.values["rows"] for one in events if one.kind == "table"}
    assert {row[0]: row[2] for row in tables["Your parts at work"]}["pca"] > 0
    rows = next(rows for title, rows in tables.items() if title.startswith("Mean square errors"))
    errors = [row[2] for row in rows]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-9  # as many components as pixels rebuild everything
    scores = mine.scores()
    assert all(scores[name] is True for name in ("beats_mean_picture", "beats_random_directions", "beats_pixels"))
    assert scores["cleans_noise"] is True
    reference = begin(study, "eigenvectors", "smoke", {}, reference=True, seed=3)
    for _ in study.runs.follow(reference):
        pass
    assert reference.scores() == scores


def test_the_components_that_keep_90_percent_are_scikit_learns(study: Study) -> None:
    from groundup.stack.data import read_digits

    theirs = PCA(0.9, svd_solver="full").fit(read_digits().train.flatten(1).double().numpy())
    one = begin(study, "eigenvectors", "smoke", {}, reference=True, seed=4)
    for _ in study.runs.follow(one):
        pass
    assert one.scores()["components_for_90_percent"] == theirs.n_components_


def test_mnist_files_are_read(lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mnist").mkdir()
    draws = np.random.default_rng(0)
    for part, count in (("train8000", 30), ("dev1000", 10)):
        for kind, shape in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
            array = draws.integers(0, 10, shape, dtype=np.uint8)
            raw = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + array.tobytes()
            (tmp_path / "mnist" / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(raw))
    monkeypatch.setenv("GROUNDUP_DATA", str(tmp_path))
    inputs = lab.prepare({"data": "mnist"}, "smoke")
    assert set(inputs.files) == {"train.npy", "held_out.npy", "held_out_labels.npy"}
    assert inputs.provenance["train_pictures"] == 30
