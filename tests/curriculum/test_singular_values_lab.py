"""The lab of singular values: its measures against NumPy, its baselines, and a run with a learner's part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from groundup.study.first.content import provenance
from groundup.study.home import find_home
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import begin
from groundup.study.service import Study

TOPIC = load_roadmap().topics["singular-values"]


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return TOPIC.module("lab.py")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("singular-values-lab") / "home")))
    yield one
    one.close()


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(40, 64), (37, 50), (33, 33)])
def test_blocks_go_there_and_back(lab: ModuleType, shape: tuple[int, int]) -> None:
    pixels = drawn(*shape)
    rows = lab.blocks_of(pixels)
    assert rows.shape == (-(-shape[0] // 8) * -(-shape[1] // 8), 64)
    assert torch.equal(rows[0].reshape(8, 8), pixels[:8, :8])
    assert torch.equal(lab.from_blocks(rows, shape), pixels)


def test_the_error_of_low_rank_is_that_of_the_values_left_out(lab: ModuleType) -> None:
    pixels = drawn(40, 60)
    values = np.linalg.svd(pixels.double().numpy(), compute_uv=False)
    found = lab.measure_picture(pixels, 7)
    assert found["low_rank"] == pytest.approx(np.sqrt((values[7:] ** 2).sum() / pixels.numel()), rel=1e-5)
    assert found["numbers"] == pytest.approx(7 * 100 / 2400)
    assert lab.kept_energy(pixels, 7) == pytest.approx((values[:7] ** 2).sum() / (values**2).sum())


def test_a_smaller_photograph_stores_no_more_and_keeps_its_mean(lab: ModuleType) -> None:
    pixels = drawn(48, 96)
    small = lab.smaller(pixels, 48 * 96 // 16)
    assert small.shape == (1, 1, 12, 24)
    assert float(small[0, 0, 0, 0]) == pytest.approx(float(pixels[:4, :4].mean()))
    assert lab.enlarged(small, pixels.shape, smooth=False).shape == pixels.shape
    assert torch.equal(lab.enlarged(lab.smaller(pixels, 10**6), pixels.shape, smooth=False), pixels)


def test_the_largest_entries_are_kept(lab: ModuleType) -> None:
    a = torch.tensor([[3.0, -5.0], [0.5, 1.0]])
    assert lab.largest_entries(a, 2).tolist() == [[3.0, -5.0], [0.0, 0.0]]
    assert torch.equal(lab.largest_entries(a, 9), a)


def test_random_directions_are_as_many_as_asked(lab: ModuleType) -> None:
    a, generator = torch.randn(6, 9, generator=torch.Generator().manual_seed(1)), torch.Generator().manual_seed(2)
    assert int(torch.linalg.matrix_rank(lab.along_random(a, 4, generator))) == 4
    torch.testing.assert_close(lab.along_random(a, 9, generator), a)


def test_tiny_pictures_and_missing_ones_are_refused(lab: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "tiny.png"
    Image.fromarray(np.zeros((20, 20), dtype=np.uint8)).save(path)
    with pytest.raises(ValueError, match="32 by 32"):
        lab.prepare({"image": str(path)}, "smoke")
    with pytest.raises(ValueError, match="no photograph"):
        lab.prepare({"image": str(tmp_path / "absent.png")}, "smoke")


def test_large_pictures_are_made_smaller(lab: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.fromarray(np.full((300, 2048), 51, dtype=np.uint8)).save(path)
    (tmp_path / "pixels.npy").write_bytes(lab.prepare({"image": str(path)}, "smoke").files["pixels.npy"])
    pixels = np.load(tmp_path / "pixels.npy")
    assert pixels.shape == (150, 1024)
    assert np.abs(pixels - 0.2).max() < 1e-6


def test_it_runs_with_a_learners_low_rank_and_comes_to_the_same(study: Study) -> None:
    path = study.open("singular-values").path
    path.write_text(TOPIC.solution_source())
    assert study.check("singular-values").passed
    mine = begin(study, "singular-values", "smoke", {}, seed=3)
    events = list(study.runs.follow(mine))
    assert mine.state == "done", mine.log
    assert [one.build for one in mine.request.parts] == ["low_rank"]
    tables = {one.values["title"]: one.values["rows"] for one in events if one.kind == "table"}
    assert tables["Your parts at work"][0][2] > 0
    scores = mine.scores()
    assert scores["bits_whole"] == pytest.approx(provenance()["scores"]["excerpt_bits_per_byte"], abs=1e-3)
    assert scores["bits_low_rank"] > scores["bits_whole"]
    assert scores["weights_beat_random_directions"] is True
    assert scores["energy_kept"] > scores["energy_kept_in_random_matrices"]
    assert scores["picture_beats_smaller_at_most_numbers"] is True
    kinds = next(rows for title, rows in tables.items() if title.startswith("Only the matrices"))
    assert all(row[2] > 0 for row in kinds)
    reference = begin(study, "singular-values", "smoke", {}, reference=True, seed=3)
    for _ in study.runs.follow(reference):
        pass
    assert reference.scores() == scores
