"""Fetching a whole public set: its source files, what is prepared of them, and a note of where it comes from.

    FOLDER/NAME/…               the set, each file whole or absent; SOURCE.txt says whence and on which terms
    FOLDER/.downloads/NAME/…    source files on their way; deleted when the set is there
    FOLDER/.downloads/NAME.lock held by the one process that fetches it; another waits, and finds it there

A file that is in the way of a kept one and differs from it is set aside, never overwritten.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from groundup.stack.data.catalog import ORIGIN, Kept, PublicSet
from groundup.stack.data.download import DownloadError, Patience, check_address, download_file, sync_folder
from groundup.stack.data.pins import SERVER

DOWNLOADS = ".downloads"
_POLL_S = 0.1

Report = Callable[[int, int], None]
"""Told (bytes that are there, bytes to fetch) of the whole set."""


def missing_files(chosen: PublicSet, folder: Path, *, thorough: bool = False) -> list[Kept]:
    """The files that ``folder``/name lacks, or has in another size; ``thorough`` reads them all for their checksums."""
    return [one for one in chosen.files if not _is_there(one, folder / chosen.name / one.name, thorough)]


def fetch_set(
    chosen: PublicSet,
    folder: Path,
    *,
    server: str = SERVER,
    report: Report = lambda done, total: None,
    say: Callable[[str], None] = lambda text: None,
    patience: Patience | None = None,
) -> Path:
    """The folder of the set, below ``folder``; fetched where a file of it is missing or damaged.

    ``server`` is another address with the same paths, https or this machine. Raises DownloadError; what has arrived
    stays, and the next call goes on from there.
    """
    check_address(server)
    home, downloads = folder / chosen.name, folder / DOWNLOADS
    if not missing_files(chosen, folder, thorough=True):
        return home
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        with _locked(downloads / f"{chosen.name}.lock", lambda: say(f"another process is fetching {chosen.name}")):
            missing = missing_files(chosen, folder, thorough=True)
            if missing:
                scratch = downloads / chosen.name
                _fetch_sources(chosen, missing, scratch, server, report, patience)
                home.mkdir(exist_ok=True)
                for one in missing:
                    _keep(one, scratch, home, say)
                _write_durably(home, ORIGIN, scratch, describe_origin(chosen).encode())
                shutil.rmtree(scratch)
    except OSError as error:
        why = error.strerror or error
        raise DownloadError(f"{home} cannot be written: {why}. Make room there, or take another folder") from error
    return home


def describe_origin(chosen: PublicSet) -> str:
    """What stands in SOURCE.txt: terms, papers, every source file with its checksum, and what was made of it."""
    lines = [
        f"{chosen.name}: {chosen.about}",
        f"Part: {chosen.part}",
        f"Licence, as its source states it: {chosen.licence}",
        f"In plain words: {chosen.freedom.value}",
        f"To cite: {chosen.citation}",
        "",
    ]
    for one in chosen.sources:
        lines += [one.url(), f"  {one.size} bytes, SHA-256 {one.sha256}"]
        for kept in chosen.files:
            if kept.source == one.path:
                lines.append(f"  -> {kept.name}" + (" (a part of it)" if kept.prepare else ""))
    return "\n".join(lines) + "\n"


# ── parts ────────────────────────────────────────────────────────────────────


def _is_there(one: Kept, path: Path, thorough: bool) -> bool:
    try:
        if not thorough:
            return _size_of(one, path) == one.size
        return one.matches(path.read_bytes())
    except OSError:  # it is not there, or too short to be a gzip file
        return False


def _size_of(one: Kept, path: Path) -> int:
    """Bytes of its content; a gzip file ends with the size of what is packed in it, little-endian (RFC 1952)."""
    if not one.is_packed:
        return path.stat().st_size
    with open(path, "rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(4), "little")


def _fetch_sources(
    chosen: PublicSet, missing: list[Kept], scratch: Path, server: str, report: Report, patience: Patience | None
) -> None:
    needed = [one for one in chosen.sources if any(kept.source == one.path for kept in missing)]
    total, done = sum(one.size for one in needed), 0
    for one in needed:
        before = done
        download_file(
            one.url(server),
            scratch / one.path,
            one.size,
            one.sha256,
            progress=lambda have, before=before: report(before + have, total),  # type: ignore[misc]
            patience=patience,
        )
        done += one.size


def _keep(one: Kept, scratch: Path, home: Path, say: Callable[[str], None]) -> None:
    """Prepare one file and give it its name; what has the name already goes aside."""
    raw = (scratch / one.source).read_bytes()
    content = one.prepare(raw) if one.prepare else raw
    if not one.matches(content):
        raise DownloadError(
            f"{one.name}: what is made of {one.source} is not what was pinned. This is groundup's fault"
        )
    target = home / one.name
    if os.path.lexists(target):
        aside = next(name for number in range(1, 10**6) if not (name := home / f"{one.name}.other{number}").exists())
        os.rename(target, aside)
        say(f"{target} was another file: it is {aside.name} now")
    _write_durably(home, one.name, scratch, content)


def _write_durably(home: Path, name: str, scratch: Path, content: bytes) -> None:
    """The file, whole or not at all, and on the disk."""
    scratch.mkdir(parents=True, exist_ok=True)
    half = scratch / f".{name}"
    with open(half, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(half, home / name)
    sync_folder(home)


@contextlib.contextmanager
def _locked(path: Path, waits: Callable[[], None]) -> Iterator[None]:
    """Alone, however many processes want it; ``waits`` is called once where another one is first."""
    with open(path, "ab") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    waits()
                told = True
                time.sleep(_POLL_S)
        yield
