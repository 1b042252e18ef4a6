"""Folders in the Hub's format: ``config.json`` and ``model.safetensors``, the latter in one file or in shards.

A folder is a path, or the id of a repository on the Hugging Face Hub (``huggingface_hub`` fetches it, where it is
installed and the Hub can be reached). Nothing is ever unpickled. What is wrong with a checkpoint is said by the name of
the tensor, the shape that it has and the shape that it should have.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

ONE_FILE, INDEX, CONFIG = "model.safetensors", "model.safetensors.index.json", "config.json"
FETCHED = (
    "*.json", "*.safetensors", "*.jinja", "vocab.txt", "merges.txt", "vocab.bpe", "spiece.model", "tokenizer.model",
    "sentencepiece.bpe.model", "spm.model",
)  # fmt: skip
"""What is fetched of a repository: settings, weights, and the files of a tokenizer."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be used, and why."""


def find_folder(place: str | os.PathLike[str]) -> Path:
    """The folder itself, or the place where the Hub's repository of that id was put."""
    path = Path(place)
    if path.is_dir():
        return path
    if str(place).count("/") != 1 or str(place).startswith((".", "/", "~")):
        raise CheckpointError(f"there is no folder {place}")
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise CheckpointError(
            f"there is no folder {place}, and huggingface_hub, which could fetch it, is not installed"
        ) from None
    try:
        return Path(snapshot_download(str(place), allow_patterns=list(FETCHED)))
    except Exception as error:
        raise CheckpointError(
            f"there is no folder {place}, and the Hub did not give it: {type(error).__name__}"
        ) from error


class HubSettings(dict[str, Any]):
    """A configuration, or a part of one, that says by name what it lacks."""

    def __missing__(self, name: str) -> NoReturn:
        raise CheckpointError(f"{CONFIG} has no {name}: it is not the whole configuration of a model")


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration as a dictionary, which raises CheckpointError for a name that it lacks."""
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"), object_hook=HubSettings)
    except FileNotFoundError:
        raise CheckpointError(f"{folder} has no {CONFIG}: it is no checkpoint in the Hub's format") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    if not isinstance(config, dict):
        raise CheckpointError(f"{path} holds no settings")
    return config


def require_type(config: Mapping[str, Any], *known: str) -> None:
    """Raises CheckpointError where the configuration is not of a family that is computed."""
    family = config.get("model_type")
    if family not in known:
        raise CheckpointError(f"model_type is {family!r}, not {' or '.join(map(repr, known))}")


def refuse_unusual(config: Mapping[str, Any], usual: Mapping[str, Any]) -> None:
    """Raises CheckpointError, by its name, for a setting that is there and is not what it usually is."""
    for name, value in usual.items():
        if config.get(name, value) != value:
            raise CheckpointError(f"{name} = {config[name]!r} is not supported")


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of the checkpoint, by name."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if (folder / ONE_FILE).is_file():
        files = [ONE_FILE]
    elif (folder / INDEX).is_file():
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        files = sorted(set(index["weight_map"].values()))
    else:
        raise CheckpointError(f"{folder} has neither {ONE_FILE} nor {INDEX}")
    weights: dict[str, Tensor] = {}
    for name in files:
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{folder} has no {name}, which its index names: a shard is missing")
        try:
            weights.update(load_file(path))
        except SafetensorError as error:
            raise CheckpointError(f"{path} cannot be read, it may be cut off: {error}") from None
    return weights


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy ``weights``, in the model's names, into the model. Raises CheckpointError unless all fit."""
    wanted = model.state_dict()
    problems = [f"{name} {tuple(one.shape)} is missing" for name, one in wanted.items() if name not in weights]
    problems += [f"{name} {tuple(one.shape)} is not known" for name, one in weights.items() if name not in wanted]
    problems += [
        f"{name} has shape {tuple(weights[name].shape)}, and should have {tuple(one.shape)}"
        for name, one in wanted.items()
        if name in weights and weights[name].shape != one.shape
    ]
    if problems:
        shown = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
        raise CheckpointError(f"the checkpoint does not fit the model: {shown}")
    with torch.no_grad():
        for name, one in wanted.items():
            one.copy_(weights[name])


def write_checkpoint(folder: str | os.PathLike[str], config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Write configuration and weights, each file whole or not at all."""
    from safetensors.torch import save

    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    tensors = {name: one.detach().cpu().contiguous().clone() for name, one in weights.items()}
    write_whole(path / ONE_FILE, save(tensors, metadata={"format": "pt"}))
    write_whole(path / CONFIG, (json.dumps(dict(config), indent=2) + "\n").encode())


def write_whole(path: Path, content: bytes) -> None:
    """The file holds either its old content or the new one, whatever happens meanwhile."""
    new = path.with_name(path.name + ".new")
    with open(new, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
