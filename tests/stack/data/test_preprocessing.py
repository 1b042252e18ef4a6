"""Pictures for models against transformers' processors of images: number for number, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from groundup.stack.data import Preprocessing, preprocess, read_preprocessing

transformers = pytest.importorskip("transformers")

CONFIGS: dict[str, dict[str, Any]] = {
    "vit": {"image_processor_type": "ViTImageProcessor", "size": {"height": 12, "width": 17}},
    "vit, old": {"feature_extractor_type": "ViTFeatureExtractor", "size": 14, "image_mean": [0.1, 0.2, 0.3]},
    "vit, as it comes": {"image_processor_type": "ViTImageProcessor"},
    "bicubic, in gray": {
        "image_processor_type": "ViTImageProcessor", "size": {"height": 30, "width": 9}, "resample": 3,
        "image_mean": [0.4], "image_std": [0.3],
    },
    "not resized": {"image_processor_type": "ViTImageProcessor", "do_resize": False, "image_std": [0.2, 0.3, 0.4]},
    "not rescaled": {"image_processor_type": "ViTImageProcessor", "size": 11, "do_rescale": False},
    "not normalized": {"image_processor_type": "ViTImageProcessor", "size": 11, "do_normalize": False},
    "another factor": {"image_processor_type": "ViTImageProcessor", "size": 11, "rescale_factor": 1 / 127.5},
    "resized only": {
        "image_processor_type": "ViTImageProcessor", "size": 11, "do_normalize": False, "do_rescale": False,
    },
    "clip": {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 15}, "crop_size": {
        "height": 13, "width": 12}},
    "clip, old": {"feature_extractor_type": "CLIPFeatureExtractor", "size": 15, "crop_size": 15, "resample": 2},
    "clip, a wider cut": {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 9}, "crop_size": 14},
    "clip, not cut": {"image_processor_type": "CLIPImageProcessor", "size": 10, "do_center_crop": False},
    "clip, as it comes": {"image_processor_type": "CLIPImageProcessor"},
}  # fmt: skip
SHAPES = [(20, 31, 3), (31, 20, 3), (13, 13, 3), (9, 40, 3)]


def drawn(*shape: int) -> NDArray[np.uint8]:
    """Not noise alone: a picture whose neighbours are alike."""
    noise = np.random.default_rng(len(shape)).integers(0, 90, shape)
    slope = np.linspace(0, 160, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    return (noise + slope).astype(np.uint8)


def theirs(config: dict[str, Any]) -> Any:
    """Their processor that needs Pillow alone; the other, of torchvision, resizes by another kernel."""
    kind = str(config.get("image_processor_type") or config["feature_extractor_type"])[:4]
    names = {"ViTI": "ViT", "ViTF": "ViT", "CLIP": "CLIP"}
    module = getattr(transformers.models, names[kind].lower())
    family = getattr(module, f"{names[kind]}ImageProcessorPil")
    return family.from_dict({key: value for key, value in config.items() if not key.endswith("_type")})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CONFIGS)
def test_the_numbers_are_theirs(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    config = CONFIGS[name]
    picture = drawn(*shape)
    if "gray" in name:
        picture = picture[..., :1]
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    mine = preprocess(picture, read_preprocessing(tmp_path))
    expected = theirs(config)(picture, input_data_format="channels_last", return_tensors="np")["pixel_values"][0]
    assert mine.dtype == torch.float32
    assert mine.is_contiguous()
    assert np.array_equal(mine.numpy(), expected.astype(np.float32))


def test_a_file_that_names_no_processor_is_of_vit() -> None:
    steps = {"size": 14, "resample": 3}
    assert Preprocessing.from_hub(steps) == Preprocessing.from_hub(
        {"image_processor_type": "ViTImageProcessor", **steps}
    )


@pytest.mark.parametrize("kind", ["ViT", "CLIP"])
def test_what_their_processor_writes_is_read(kind: str, tmp_path: Path) -> None:
    processor = theirs({"image_processor_type": kind + "ImageProcessor", "size": 12, "crop_size": 10})
    processor.save_pretrained(tmp_path)
    picture = drawn(25, 19, 3)
    expected = processor(picture, return_tensors="np")["pixel_values"][0]
    assert np.array_equal(preprocess(picture, read_preprocessing(tmp_path)).numpy(), expected)


@pytest.mark.parametrize("shape", [(20, 31, 4), (20, 31, 1), (20, 31)])
def test_gray_and_transparent_pictures_become_rgb_for_clip(shape: tuple[int, ...]) -> None:
    config = CONFIGS["clip"]
    picture = drawn(*shape)
    steps = Preprocessing.from_hub(config)
    channels_last = picture if picture.ndim == 3 else picture[..., None]
    expected = theirs(config)(channels_last, input_data_format="channels_last", return_tensors="np")["pixel_values"][0]
    assert np.array_equal(preprocess(picture, steps).numpy(), expected)
    assert np.array_equal(preprocess(torch.from_numpy(picture), steps).numpy(), expected)


def test_pictures_that_do_not_fit_are_refused() -> None:
    steps = Preprocessing.from_hub(CONFIGS["vit"])
    for picture in (drawn(20, 31, 3).astype(np.float32), drawn(20, 31, 2), drawn(2, 20, 31, 3), drawn(0, 31, 3)):
        with pytest.raises(ValueError, match="a picture must be"):
            preprocess(picture, steps)
    for picture in (drawn(20, 31, 4), drawn(20, 31, 1), drawn(20, 31)):
        with pytest.raises(ValueError, match=r"has [14] channels, which this model does not take"):
            preprocess(picture, steps)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_processor_type": "ConvNextImageProcessor"}, "image_processor_type 'ConvNextImageProcessor'"),
        ({"do_pad": True}, "do_pad = True"),
        ({"size": {"shortest_edge": 8, "longest_edge": 20}}, "size = .*longest_edge"),
        ({"do_center_crop": True, "crop_size": {"shortest_edge": 8}}, "crop_size = "),
    ],
)
def test_settings_that_are_not_known_are_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Preprocessing.from_hub({**CONFIGS["vit"], **change})


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no preprocessor_config\.json"):
        read_preprocessing(tmp_path)
    path = tmp_path / "preprocessor_config.json"
    path.write_text("{")
    with pytest.raises(ValueError, match="cannot be read"):
        read_preprocessing(tmp_path)
    path.write_text("[]")
    with pytest.raises(ValueError, match="holds no settings"):
        read_preprocessing(tmp_path)


def test_pillow_is_asked_for_only_where_a_picture_is_resized(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = drawn(12, 17, 3)
    steps = Preprocessing.from_hub(CONFIGS["vit"])
    expected = preprocess(picture, steps)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    assert torch.equal(preprocess(picture, steps), expected)
    with pytest.raises(ValueError, match=r"20 by 31 pixels, the model takes 12 by 17.*groundup\[labs\]"):
        preprocess(drawn(20, 31, 3), steps)
