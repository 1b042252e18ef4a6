"""From a picture to the numbers that a model of images takes, as the model's ``preprocessor_config.json`` says.

    picture (height, width, channels), whole numbers 0 to 255
      → resized → its middle cut out → times a factor → (x - mean) / std, each channel its own
      → pixels (channels, height, width) in float32

Which of these steps there are, and with which numbers, is the model's: one that was trained with other numbers sees
other images. Resizing is Pillow's, which averages over what becomes smaller; Pillow is optional, ``pip install
'groundup[labs]'``, and needed only where a picture has another size than the model's images. The processors of ViT
(Dosovitskiy and others 2021) and CLIP (Radford and others 2021) are known, and others are refused by their name.
"""

from __future__ import annotations

import importlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PREPROCESSOR = "preprocessor_config.json"
_KINDS = ("ViT", "CLIP")
_DEFAULTS: dict[str, dict[str, Any]] = {
    "ViT": {"resample": 2, "size": {"height": 224, "width": 224}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3},
    "CLIP": {
        "resample": 3,
        "size": {"shortest_edge": 224},
        "default_to_square": False,
        "do_center_crop": True,
        "crop_size": 224,
        "do_convert_rgb": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    },
}
"""What the Hub's files may leave out; both kinds resize, rescale and normalize where nothing else is said."""
_USED = ("do_resize", "do_rescale", "do_normalize", "rescale_factor", *_DEFAULTS["CLIP"])
_OF_OTHERS = ("image_processor_type", "feature_extractor_type", "processor_class", "_valid_processor_keys",
              "data_format", "input_data_format", "return_tensors", "device", "disable_grouping")  # fmt: skip


@dataclass(frozen=True)
class Preprocessing:
    """The steps; None is a step that is left out. ``size`` and ``crop`` are (height, width), ``shortest`` is the length
    of the shorter side, where the other keeps its proportion. ``rgb``: gray and transparent pictures become RGB."""

    size: tuple[int, int] | None = None
    shortest: int | None = None
    resample: int = 2
    crop: tuple[int, int] | None = None
    factor: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    rgb: bool = False

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> Preprocessing:
        """From the Hub's ``preprocessor_config.json``. Raises ValueError, by its name, for what is not known here."""
        name = config.get("image_processor_type") or config.get("feature_extractor_type") or "ViTImageProcessor"
        kind = name.removesuffix("Fast").removesuffix("ImageProcessor").removesuffix("FeatureExtractor")
        if kind not in _KINDS:
            raise ValueError(f"image_processor_type {name!r} is not known; those of {' and '.join(_KINDS)} are")
        for key, value in config.items():
            if key not in _USED and key not in _OF_OTHERS and value not in (None, False):
                raise ValueError(f"{key} = {value!r} is not supported")
        steps: dict[str, Any] = {"do_resize": True, "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255}
        steps |= _DEFAULTS[kind] | {key: value for key, value in config.items() if value is not None}
        given: dict[str, Any] = _size_of(steps) if steps["do_resize"] else {}
        if steps["do_normalize"]:
            given |= {"mean": tuple(steps["image_mean"]), "std": tuple(steps["image_std"])}
        return cls(
            resample=steps["resample"],
            crop=_height_and_width("crop_size", steps["crop_size"]) if steps.get("do_center_crop") else None,
            factor=steps["rescale_factor"] if steps["do_rescale"] else None,
            rgb=steps.get("do_convert_rgb", False),
            **given,
        )


def _size_of(steps: Mapping[str, Any]) -> dict[str, Any]:
    size = steps["size"]
    if isinstance(size, int) and not steps.get("default_to_square", True):
        return {"shortest": size}
    if isinstance(size, Mapping) and size.keys() == {"shortest_edge"}:
        return {"shortest": size["shortest_edge"]}
    return {"size": _height_and_width("size", size)}


def _height_and_width(name: str, size: Any) -> tuple[int, int]:
    if isinstance(size, int):
        return size, size
    if isinstance(size, Mapping) and size.keys() == {"height", "width"}:
        return size["height"], size["width"]
    raise ValueError(f"{name} = {size!r} is not supported")


def read_preprocessing(folder: str | os.PathLike[str]) -> Preprocessing:
    """What the folder of a model says. Raises ValueError where it says nothing, or something that is not known."""
    path = Path(folder) / PREPROCESSOR
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{folder} has no {PREPROCESSOR}: how its pictures are prepared is not known") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    if not isinstance(config, dict):
        raise ValueError(f"{path} holds no settings")
    return Preprocessing.from_hub(config)


def preprocess(picture: NDArray[np.uint8] | Tensor, steps: Preprocessing) -> Tensor:
    """picture (height, width) or (height, width, channels), uint8, to (channels, height, width) in float32.

    Raises ValueError for another shape or dtype, for a number of channels that means do not fit, and where a picture
    must be resized and Pillow is not installed.
    """
    pixels = np.asarray(picture)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[-1] not in (1, 3, 4) or pixels.dtype != np.uint8 or not pixels.size:
        raise ValueError(
            "a picture must be (height, width) or (height, width, 1, 3 or 4 channels) in uint8: "
            f"got {tuple(pixels.shape)} in {pixels.dtype}"
        )
    if steps.rgb:
        pixels = to_rgb(pixels)
    channels = pixels.shape[-1]
    if channels == 4 or (steps.mean is not None and len(steps.mean) != channels):
        raise ValueError(f"the picture has {channels} channels, which this model does not take: convert it to RGB")
    size = new_size(pixels.shape[:2], steps)
    if size != pixels.shape[:2]:
        pixels = resize(pixels, size, steps.resample)
    if steps.crop is not None:
        pixels = center_crop(pixels, steps.crop)
    numbers: NDArray[np.float32] = pixels.astype(np.float32)
    if steps.factor is not None:
        numbers = (pixels.astype(np.float64) * steps.factor).astype(np.float32)
    if steps.mean is not None and steps.std is not None:
        mean, std = (np.array(one, dtype=np.float32) for one in (steps.mean, steps.std))
        numbers = (numbers - mean) / std
    return torch.from_numpy(np.ascontiguousarray(numbers.transpose(2, 0, 1)))


def to_rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(height, width, 1, 3 or 4) to (height, width, 3): gray three times, and what is transparent on white."""
    if pixels.shape[-1] == 1:
        return np.repeat(pixels, 3, axis=-1)
    if pixels.shape[-1] == 4:
        opaque = pixels[..., 3:] / 255
        blended: NDArray[np.uint8] = np.round(opaque * pixels[..., :3] + (1 - opaque) * 255).astype(np.uint8)
        return blended
    return pixels


def new_size(size: tuple[int, ...], steps: Preprocessing) -> tuple[int, ...]:
    """The (height, width) that a picture of ``size`` gets."""
    if steps.shortest is None:
        return steps.size or size
    short, long = min(size), max(size)
    longer = int(steps.shortest * long / short)
    return (longer, steps.shortest) if size[0] >= size[1] else (steps.shortest, longer)


def resize(pixels: NDArray[np.uint8], size: tuple[int, ...], resample: int) -> NDArray[np.uint8]:
    """(height, width, channels) to that of another size, by Pillow; ``resample`` is its number of the filter."""
    try:
        image = importlib.import_module("PIL.Image")
    except ImportError:
        raise ValueError(
            f"the picture has {pixels.shape[0]} by {pixels.shape[1]} pixels, the model takes {size[0]} by {size[1]}, "
            "and Pillow, which resizes it, is not installed: pip install 'groundup[labs]'"
        ) from None
    height, width = size
    resized = image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).resize((width, height), resample)
    found: NDArray[np.uint8] = np.asarray(resized, dtype=np.uint8)
    return found.reshape(height, width, -1)


def center_crop(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(height, width, channels) to the middle of it, (*size, channels); a smaller picture gets a black border."""
    # Where a number is odd, the smaller half is cut off before, and the larger half of a border stands before.
    for axis, wanted in enumerate(size):
        missing = max(wanted - pixels.shape[axis], 0)
        border = [(0, 0)] * 3
        border[axis] = (math.ceil(missing / 2), missing // 2)
        pixels = np.pad(pixels, border)
        begin = (pixels.shape[axis] - wanted) // 2
        pixels = pixels.take(range(begin, begin + wanted), axis)
    return pixels
