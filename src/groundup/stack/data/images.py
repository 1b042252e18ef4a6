"""Pictures by name: handwritten digits, in parts to learn from and to be held out, and photographs, all in gray.

The defaults come with scikit-learn, an optional library: ``pip install 'groundup[labs]'``. (Photographs also take
Pillow, which comes the same way.) MNIST is read from IDX files below the folder that GROUNDUP_DATA names. Pixels are
float32 numbers from 0 to 1.

Sources: Alpaydin and Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository, 1998;
LeCun, Bottou, Bengio and Haffner, *Gradient-based learning applied to document recognition*, 1998, and the IDX format
as described on MNIST's page.
"""

from __future__ import annotations

import gzip
import importlib
import importlib.util
import math
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from groundup.stack.data.places import DATA_VARIABLE

DIGIT_SETS = ("digits", "mnist")
PHOTOGRAPHS = {
    "china": "a temple in China, by danielbuechele on Flickr",
    "flower": "a flower, by vultilion on Flickr",
}
_INSTALL = "pip install 'groundup[labs]'"
_HELD_OUT = 297  # of scikit-learn's 1797 digits, the last ones
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_PIXELS = 50_000_000


@dataclass(frozen=True)
class Digits:
    """Pictures of digits, (n, height, width), with the digit that each shows, (n,), in two parts; and their source."""

    train: Tensor
    train_labels: Tensor
    held_out: Tensor
    held_out_labels: Tensor
    provenance: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Photograph:
    """One gray picture, (height, width), and where it comes from."""

    pixels: Tensor
    provenance: dict[str, str | int] = field(default_factory=dict)


def read_digits(name: str = "digits") -> Digits:
    """Handwritten digits: ``digits`` (scikit-learn's, 8 by 8) or ``mnist`` (28 by 28).

    Raises ValueError for an unknown name, for a file that is no IDX file, and where scikit-learn is not installed;
    FileNotFoundError where MNIST's files are absent.
    """
    if name == "digits":
        return _from_scikit_learn()
    if name == "mnist":
        return _mnist()
    raise ValueError(f"there are no digits called {name!r}: {', '.join(DIGIT_SETS)}")


def _from_scikit_learn() -> Digits:
    try:
        datasets = importlib.import_module("sklearn.datasets")
    except ImportError:
        raise ValueError(f"the digits come with scikit-learn, which is not installed: {_INSTALL}") from None
    found = datasets.load_digits()
    pixels = torch.from_numpy(np.asarray(found.images, dtype=np.float32)) / 16
    labels = torch.from_numpy(np.asarray(found.target, dtype=np.int64))
    provenance = {
        "source": "scikit-learn's digits: test part of Alpaydin and Kaynak's Optical Recognition of Handwritten Digits",
        "licence": "CC BY 4.0",
        "kind": "real pictures",
    }
    cut = len(labels) - _HELD_OUT
    return _parts(pixels[:cut], labels[:cut], pixels[cut:], labels[cut:], provenance)


def _mnist() -> Digits:
    folder = os.environ.get(DATA_VARIABLE)
    if not folder:
        raise FileNotFoundError(f"mnist is a public set: name the folder that holds it in {DATA_VARIABLE}")
    parts: list[Tensor] = []
    for part in ("train8000", "dev1000"):
        images = read_idx(Path(folder) / "mnist" / f"{part}-images-idx3-ubyte.gz")
        labels = read_idx(Path(folder) / "mnist" / f"{part}-labels-idx1-ubyte.gz")
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise ValueError(f"{part}: pictures of shape {images.shape} do not fit labels of shape {labels.shape}")
        parts += [torch.from_numpy(images.astype(np.float32)) / 255, torch.from_numpy(labels.astype(np.int64))]
    provenance = {
        "source": "MNIST (LeCun, Cortes, Burges): training pictures 0 to 7999, and 59000 to 59999 held out",
        "licence": "CC BY-SA 3.0",
        "kind": "real pictures",
    }
    return _parts(parts[0], parts[1], parts[2], parts[3], provenance)


def _parts(train: Tensor, labels: Tensor, held_out: Tensor, others: Tensor, about: dict[str, str]) -> Digits:
    counts = {"train_pictures": len(train), "held_out_pictures": len(held_out), "pixels": math.prod(train.shape[1:])}
    return Digits(train, labels, held_out, others, {**about, **counts})


def read_idx(path: Path) -> NDArray[Any]:
    """The array in an IDX file, gzipped or not: two zero bytes, a type, the number of sizes, the sizes, the numbers.

    Raises FileNotFoundError where there is no such file, ValueError where it is damaged or something else.
    """
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path.name} is damaged: {error}") from None
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _IDX_TYPES:
        raise ValueError(f"{path.name} is no IDX file")
    begin = 4 + 4 * raw[3]
    if len(raw) < begin:
        raise ValueError(f"{path.name} is damaged: its sizes are cut off")
    shape = [int.from_bytes(raw[at : at + 4], "big") for at in range(4, begin, 4)]
    kind = np.dtype(_IDX_TYPES[raw[2]])
    if len(raw) - begin != math.prod(shape) * kind.itemsize:
        raise ValueError(f"{path.name} is damaged: {len(raw) - begin} bytes do not fill the shape {tuple(shape)}")
    return np.frombuffer(raw, kind, offset=begin).reshape(shape).astype(kind.newbyteorder("="))


def read_photograph(name: str = "china") -> Photograph:
    """A gray photograph: ``china`` or ``flower`` (scikit-learn's, 427 by 640), or a picture file of your own.

    Raises ValueError where there is no such picture, it cannot be read, or a library is not installed.
    """
    try:
        image = importlib.import_module("PIL.Image")
    except ImportError:
        raise ValueError(f"Pillow, which reads photographs, is not installed: {_INSTALL}") from None
    path = _of_scikit_learn(name) if name in PHOTOGRAPHS else Path(name)
    if not path.is_file():
        raise ValueError(f"there is no photograph {name!r}: {', '.join(PHOTOGRAPHS)}, or the path of a picture")
    try:
        with image.open(path) as opened:
            width, height = opened.size
            if width * height > _MOST_PIXELS:
                raise ValueError(f"{path.name} has {width} by {height} pixels, which is too many")
            gray = np.asarray(opened.convert("L"), dtype=np.float32)
    except (OSError, SyntaxError, image.DecompressionBombError):
        raise ValueError(f"{path.name} is no picture that Pillow can read") from None
    ours = name in PHOTOGRAPHS
    provenance: dict[str, str | int] = {
        "source": f"scikit-learn's {path.name}: {PHOTOGRAPHS[name]}" if ours else f"{path.name}: a file of yours",
        "licence": "CC BY 2.0" if ours else "see its source",
        "kind": "a real photograph, made gray" if ours else "a picture, made gray",
        "height": height,
        "width": width,
    }
    return Photograph(torch.from_numpy(gray / 255), provenance)


def _of_scikit_learn(name: str) -> Path:
    found = importlib.util.find_spec("sklearn")
    if found is None or found.origin is None:
        raise ValueError(f"the photographs come with scikit-learn, which is not installed: {_INSTALL}")
    return Path(found.origin).parent / "datasets" / "images" / f"{name}.jpg"
