"""States of a run on disk, each a folder that is there whole or not at all.

    folder/state-00000120/  tensors.safetensors  record.json  sums.json
           state-00000240/  …

A state is written into a folder of another name, its files and that folder are synced to the disk, and one rename
makes it a state; whatever stops the program meanwhile leaves the states before it as they were. ``sums.json`` has the
size and the SHA-256 of the other files: a state that was damaged later is known as such, and the one before is taken.
Nothing is unpickled, so that a state from elsewhere cannot run code.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from groundup.stack.training.failures import disk_error, is_disk_full

TENSORS, RECORD, SUMS = "tensors.safetensors", "record.json", "sums.json"
FORMAT = 1
_NAME = re.compile(r"state-(\d{8,})")
_WRITING, _OLD = "writing-", "old-"
_PASSING = re.compile(rf"({_WRITING}|{_OLD}){_NAME.pattern}")
_TYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


class StateError(ValueError):
    """A folder that is no state that can be read, and why."""


class DamagedError(StateError):
    """A state that is not what was written."""


class FormatError(StateError):
    """A state in a format that is not known here."""


@dataclass(frozen=True)
class State:
    """What a run goes on from: ``tensors`` by name, and what JSON can hold."""

    path: Path
    step: int
    tensors: dict[str, Tensor]
    record: dict[str, Any]


def state_path(folder: Path, step: int) -> Path:
    """Where the state after ``step`` updates is kept."""
    return folder / f"state-{step:08d}"


def list_states(folder: Path) -> list[Path]:
    """The states of a folder, whole or damaged, the newest first."""
    if not folder.is_dir():
        return []
    named = [(match, one) for one in folder.iterdir() if (match := _NAME.fullmatch(one.name))]
    found = [(int(match[1]), one) for match, one in named if one.is_dir()]
    return [one for _, one in sorted(found, reverse=True)]


def newest_state(folder: Path) -> State | None:
    """The newest state that is whole, or None. Each damaged one after it is named in a warning.

    Raises FormatError for a state that another version wrote: to go on without it would in time remove it.
    """
    paths = list_states(folder)
    for path in paths:
        try:
            return read_state(path)
        except DamagedError as error:
            instead = "there is none before it" if path == paths[-1] else "the one before it is taken"
            warnings.warn(f"{error}; {instead}", stacklevel=2)
    return None


def read_state(path: Path) -> State:
    """A state. Raises DamagedError where it is not what was written, FormatError where another version wrote it."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    match = _NAME.fullmatch(path.name)
    if match is None or not path.is_dir():
        raise StateError(f"{path} is no state of a run")
    try:
        sums = json.loads((path / SUMS).read_text(encoding="utf-8"))
        for name in (TENSORS, RECORD):
            if _sum_of(path / name) != sums[name]:
                raise DamagedError(f"{path} is damaged: {name} is not what was written")
        record = json.loads((path / RECORD).read_text(encoding="utf-8"))
        if record.get("format") != FORMAT:
            raise FormatError(
                f"{path} has format {record.get('format')!r}, and {FORMAT} is what is known here: "
                "go on with the version that wrote it, or name another folder"
            )
        return State(path, int(match[1]), load_file(path / TENSORS), record)
    except StateError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise DamagedError(f"{path} is damaged: {type(error).__name__}: {error}") from None


def write_state(
    folder: Path, step: int, tensors: Mapping[str, Tensor], record: Mapping[str, Any], keep: int = 2
) -> Path:
    """Write the state after ``step`` updates, then remove all but it and the ``keep`` - 1 before it.

    States of later updates go too: a run that makes this update again has found them damaged.
    Raises DiskFullError where there is no room, and OSError for other trouble with the disk; then nothing of it is
    left and the older states are whole. At most ``keep`` + 1 states are on the disk at a time.
    """
    target = state_path(folder, step)
    new, old = folder / f"{_WRITING}{target.name}", folder / f"{_OLD}{target.name}"
    moved = False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        _fill(new, tensors, {**record, "format": FORMAT, "step": step})
        if target.exists():
            target.rename(old)
        new.rename(target)
        moved = True
        _sync_folder(folder)
    except BaseException as error:
        _delete(target if moved else new)
        if old.exists() and not target.exists():
            old.rename(target)
        if isinstance(error, OSError) and is_disk_full(error):
            size = sum(one.numel() * one.element_size() for one in tensors.values())
            raise disk_error(error, target, size, list_states(folder)) from error
        raise
    _delete(old)
    states = list_states(folder)
    kept = states[states.index(target) :][:keep]
    for one in states:
        if one not in kept:
            _remove(one)
    return target


def _clear(folder: Path) -> None:
    """Remove what a program that was killed had begun to write or to remove, and nothing else that is there."""
    for one in folder.iterdir():
        if _PASSING.fullmatch(one.name):
            _delete(one)


def _delete(path: Path) -> None:
    """Of a state that was moved elsewhere only the link that stands for it. What cannot be deleted stays."""
    with suppress(OSError):
        if path.is_symlink():
            path.unlink()
    shutil.rmtree(path, ignore_errors=True)


def _fill(new: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
    """All files of a state, on the disk when this returns."""
    new.mkdir()
    sums = {TENSORS: _write(new / TENSORS, _serialized(tensors))}
    sums[RECORD] = _write(new / RECORD, [_json(record)])
    _write(new / SUMS, [_json(sums)])
    _sync_folder(new)


def _remove(path: Path) -> None:
    """A state is renamed before it is removed, so that no half of it is left under its name. Where that cannot be done,
    it stays until the next state is written: the new one is there, and that is what counts."""
    gone = path.with_name(_OLD + path.name)
    with suppress(OSError):
        path.rename(gone)
    _delete(gone)


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()


def _serialized(tensors: Mapping[str, Tensor]) -> Iterable[bytes | memoryview]:
    """The bytes of a safetensors file, a tensor at a time, so that the whole is never twice in memory.

    Eight bytes with the length of the header; the header, JSON that says of each tensor its type, shape and place;
    the tensors themselves, little-endian, one after the other.
    """
    header: dict[str, Any] = {}
    end = 0
    for name, one in tensors.items():
        if one.dtype not in _TYPES:
            raise ValueError(f"{name} has the type {one.dtype}, which a state cannot hold")
        begin, end = end, end + one.numel() * one.element_size()
        header[name] = {"dtype": _TYPES[one.dtype], "shape": list(one.shape), "data_offsets": [begin, end]}
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)  # the tensors begin at a multiple of eight
    yield len(head).to_bytes(8, "little") + head
    for one in tensors.values():
        yield one.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data


def _write(path: Path, parts: Iterable[bytes | memoryview]) -> list[Any]:
    """Write, sync, and return size and SHA-256 of what should be there."""
    digest, size = hashlib.sha256(), 0
    with open(path, "wb") as file:
        for part in parts:
            digest.update(part)
            size += len(part)
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    return [size, digest.hexdigest()]


def _sum_of(path: Path) -> list[Any]:
    with open(path, "rb") as file:
        return [os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()]


def _sync_folder(folder: Path) -> None:
    """The names in a folder are on the disk only once the folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
