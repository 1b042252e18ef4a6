"""Where public sets are looked for: the folder that GROUNDUP_DATA names, then the one that downloads go to.

The second is nobody's to know here. A program that keeps one says so around what reads from it::

    with reading_from(folder):
        corpus = read_text("tinyshakespeare")
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from groundup.stack.data.catalog import CATALOG

DATA_VARIABLE = "GROUNDUP_DATA"
_downloads: ContextVar[Path | None] = ContextVar("downloads", default=None)


@contextmanager
def reading_from(folder: Path) -> Iterator[None]:
    """Within it, sets are looked for in this folder as well; in this thread, or this task, only."""
    token = _downloads.set(folder)
    try:
        yield
    finally:
        _downloads.reset(token)


def data_folders() -> list[Path]:
    """The folders that sets are looked for in, the first one first; they need not exist."""
    named, downloads = os.environ.get(DATA_VARIABLE), _downloads.get()
    found = [Path(named).expanduser()] if named else []
    return found + ([downloads] if downloads is not None and downloads not in found else [])


def find_file(relative: str) -> Path:
    """A file of a set, by its path below the folder of sets ("sst/stsa.fine.dev").

    Raises FileNotFoundError that says where it was looked for, and how to get it.
    """
    folders = data_folders()
    for folder in folders:
        if (folder / relative).is_file():
            return folder / relative
    name = relative.partition("/")[0]
    fetch = f"`groundup data get {name}` downloads it, or " if name in CATALOG else ""
    looked = f" It is not in {' or '.join(map(str, folders))}." if folders else ""
    raise FileNotFoundError(
        f"{relative} is of a public set: {fetch}name the folder that holds it in {DATA_VARIABLE}.{looked}"
    )
