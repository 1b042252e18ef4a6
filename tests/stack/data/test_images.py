"""Pictures by name: the pixels are those of the source, the parts do not overlap, and damage is named."""

from __future__ import annotations

import gzip
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image

from groundup.stack.data import read_digits, read_photograph
from groundup.stack.data.images import PHOTOGRAPHS, read_idx

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))


def idx(array: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def drawn(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(len(shape)).integers(0, 256, shape, dtype=np.uint8)


# ── scikit-learn's digits ──


def test_the_digits_are_scikit_learns_and_all_there() -> None:
    found, theirs = read_digits(), load_digits()
    pixels = torch.cat([found.train, found.held_out])
    assert pixels.dtype == torch.float32
    assert pixels.shape == (1797, 8, 8)
    assert np.array_equal(pixels.numpy() * 16, theirs.images)
    assert torch.cat([found.train_labels, found.held_out_labels]).tolist() == theirs.target.tolist()
    assert set(found.held_out_labels.tolist()) == set(range(10))
    assert found.provenance["train_pictures"] == len(found.train) == 1500
    assert found.provenance["held_out_pictures"] == len(found.held_out) == 297
    assert "licence" in found.provenance


def test_an_unknown_name_and_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="digits, mnist"):
        read_digits("letters")
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ValueError, match=r"groundup\[labs\]"):
        read_digits()


# ── IDX files and MNIST ──


@pytest.mark.parametrize("shape", [(7,), (3, 4, 5), (0,)])
@pytest.mark.parametrize("packed", [True, False])
def test_idx_files(tmp_path: Path, shape: tuple[int, ...], packed: bool) -> None:
    array, path = drawn(*shape), tmp_path / "x.idx"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    assert np.array_equal(read_idx(path), array)


def test_idx_files_of_wider_numbers(tmp_path: Path) -> None:
    array, path = np.array([[1.5, -2.0], [3.25, 0.0]], dtype=np.float32), tmp_path / "x.idx"
    path.write_bytes(bytes([0, 0, 0x0D, 2]) + struct.pack(">2I", 2, 2) + array.astype(">f4").tobytes())
    found = read_idx(path)
    assert found.dtype == np.float32
    assert np.array_equal(found, array)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    whole, path = idx(drawn(3, 4)), tmp_path / "broken.idx"
    packed = gzip.compress(whole)
    damaged = [b"", b"\0\0", b"PK" + whole, whole[:-1], whole + b"x", whole[:9], packed[:-9], packed[:12] + b"zz"]
    damaged.append(bytes([0, 0, 0x77, 1]) + whole[4:])
    for raw in damaged:
        path.write_bytes(raw)
        with pytest.raises(ValueError, match=r"broken\.idx"):
            read_idx(path)


def test_mnist_needs_its_folder_and_labels_that_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUNDUP_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="GROUNDUP_DATA"):
        read_digits("mnist")
    monkeypatch.setenv("GROUNDUP_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError):
        read_digits("mnist")
    (tmp_path / "mnist").mkdir()
    for part in ("train8000", "dev1000"):
        (tmp_path / "mnist" / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(drawn(5, 28, 28)))
        (tmp_path / "mnist" / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(drawn(5) % 10))
    found = read_digits("mnist")
    assert found.train.shape == found.held_out.shape == (5, 28, 28)
    assert np.array_equal(np.rint(found.train.numpy() * 255), drawn(5, 28, 28))
    assert found.train_labels.tolist() == (drawn(5) % 10).tolist()
    (tmp_path / "mnist" / "dev1000-labels-idx1-ubyte.gz").write_bytes(idx(drawn(6) % 10))
    with pytest.raises(ValueError, match="do not fit"):
        read_digits("mnist")


@pytest.mark.skipif(not (DATA / "mnist").is_dir(), reason="no MNIST (set GROUNDUP_DATA)")
def test_mnist_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDUP_DATA", str(DATA))
    found = read_digits("mnist")
    assert found.train.shape == (8000, 28, 28)
    assert found.held_out.shape == (1000, 28, 28)
    assert found.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert float(found.train.max()) == 1.0
    assert 0.12 < float(found.train.mean()) < 0.14


# ── photographs ──


@pytest.mark.parametrize("name", sorted(PHOTOGRAPHS))
def test_photographs_against_scikit_learn(name: str) -> None:
    found, theirs = read_photograph(name), load_sample_image(f"{name}.jpg").astype(np.float64)
    gray = theirs @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert found.pixels.shape == (427, 640)
    assert found.pixels.dtype == torch.float32
    assert np.abs(found.pixels.numpy() * 255 - gray).max() <= 1.0
    assert found.provenance["licence"] == "CC BY 2.0"
    assert (found.provenance["height"], found.provenance["width"]) == (427, 640)


def test_a_picture_of_ones_own(tmp_path: Path) -> None:
    array, path = drawn(6, 9), tmp_path / "mine.png"
    Image.fromarray(array).save(path)
    found = read_photograph(str(path))
    assert np.array_equal(np.rint(found.pixels.numpy() * 255), array)
    assert "mine.png" in str(found.provenance["source"])


def test_what_is_no_picture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "text.png"
    path.write_text("no picture")
    with pytest.raises(ValueError, match=r"text\.png is no picture"):
        read_photograph(str(path))
    with pytest.raises(ValueError, match="china, flower"):
        read_photograph("moon")
    monkeypatch.setattr("groundup.stack.data.images._MOST_PIXELS", 10)
    with pytest.raises(ValueError, match="too many"):
        read_photograph("china")


def test_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ValueError, match=r"scikit-learn.*groundup\[labs\]"):
        read_photograph("china")
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ValueError, match=r"Pillow.*groundup\[labs\]"):
        read_photograph("china")
