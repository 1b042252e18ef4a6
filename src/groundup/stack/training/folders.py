"""A folder of states and the run that it is for: no two runs in one, no run that cannot keep what it made, no model in
the place of another."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path

from torch import Tensor, nn


class FolderError(OSError):
    """A folder in which no states can be kept, why, and what to do."""


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """The folder is made, and is this run's alone until the end of the ``with``, however the program ends.

    Raises FolderError where it cannot be made, or another run is in it: two would remove each other's states.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        told = f"{folder} cannot be a folder of states: {error.strerror}; name another folder"
        raise FolderError(error.errno, told) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            told = f"another run keeps its states in {folder}: wait for its end, or name another folder"
            raise FolderError(error.errno, told) from None
        except OSError:
            pass  # some file systems have no locks
        yield
    finally:
        os.close(handle)  # and with it goes the lock


def check_writable(folder: Path) -> None:
    """Raises FolderError where nothing can be written to a folder: before the first update, not after the last."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        told = f"no state can be written to {folder}: {error.strerror}; make it writable, or name another folder"
        raise FolderError(error.errno, told) from error


def model_facts(model: nn.Module) -> dict[str, str]:
    """What the configurations in a model say, by name: two models of the same shapes may compute different things."""
    found: dict[str, str] = {}
    for module in model.modules():
        config = getattr(module, "config", None)
        if is_dataclass(config) and not isinstance(config, type):
            for one in fields(config):
                value = getattr(config, one.name)
                if value is None or isinstance(value, bool | int | float | str | tuple):
                    found.setdefault(f"{type(config).__name__}.{one.name}", repr(value))
    return found


def differences(kept: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Which tensors of a model are not like those that were kept: by shape or, where that is the same, by type."""
    found = []
    for name in kept.keys() | own.keys():
        was, now = (None if one is None else tuple(one.shape) for one in (kept.get(name), own.get(name)))
        if was != now:
            found.append(f"{name} was {was} and is {now}")
        elif kept[name].dtype != own[name].dtype:
            found.append(f"{name} was {kept[name].dtype} and is {own[name].dtype}")
    return found
