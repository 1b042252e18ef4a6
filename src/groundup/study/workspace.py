"""The learner's own files: made once from a topic's stub, read in one piece, written only when nobody is surprised.

What is promised here: a file of the learner's is never overwritten, but by :meth:`Workspace.write` with the hash of
what the writer had seen; what it replaces is kept in ``.groundup/history/``; a kill at any moment leaves the old file
or the new one. What is *not*: another program that saves the same file in the same few microseconds may win or lose.

A file is bytes. Nothing here decodes, compiles or runs it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypedDict

from groundup.study.home import Home, create_file, sync_folder, write_durably
from groundup.study.siblings import collect

FILE_BYTES = 1024 * 1024
"""The longest file that is read or written; an exercise has a few thousand bytes."""
HISTORY_FILES = 20
"""How many earlier contents of one topic's file are kept."""


class WorkspaceError(Exception):
    """A file cannot be read or written as asked; ``mend`` says what to do about it."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}. {mend}")
        self.problem = problem
        self.mend = mend


class NoFile(WorkspaceError):
    """The topic has no file yet, or its file is gone."""


class Conflict(WorkspaceError):
    """The file is not what the writer had seen; ``current`` is what it holds now, None where it is gone."""

    def __init__(self, path: str, current: Snapshot | None) -> None:
        what = "is gone" if current is None else "was changed by another program since it was read"
        super().__init__(f"{path} {what}", "Nothing was written: compare the two, then save again.")
        self.current = current


@dataclass(frozen=True)
class Snapshot:
    """The learner's file as one reading found it, with the modules of theirs that it imports.

    ``path`` is as shown to the learner, from the home folder on. ``siblings`` maps dotted names (``mine.…``) to
    sources; a package is there under its own name where its ``__init__.py`` says anything.
    """

    path: str
    module: str
    source: bytes
    sha256: str
    siblings: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Opened:
    """What opening a topic did. ``new_stub`` is a newer starting file that lies beside the learner's, to compare."""

    path: Path
    created: bool
    new_stub: Path | None = None


class _StubRecord(TypedDict):
    """Which stub a file began from, and the later ones that were offered: hash → name of the file offered."""

    handed: str
    offered: dict[str, str]


class OpenedTopic(Protocol):
    """What a workspace needs to know of a topic."""

    @property
    def id(self) -> str: ...
    @property
    def mine_module(self) -> str: ...
    @property
    def mine_path(self) -> str: ...
    def exercise_source(self) -> str: ...


class Workspace:
    """The files under ``mine/`` in one home. Several processes and threads may use one home at once."""

    def __init__(self, home: Home) -> None:
        self.home = home

    # ── opening ──────────────────────────────────────────────────────────────

    def open(self, topic: OpenedTopic) -> Opened:
        """Make the learner's file if there is none; offer a newer stub beside it, once a version."""
        self.home.create()
        path = self.home.path / topic.mine_path
        stub = topic.exercise_source().encode()
        with self._locked():
            self._make_packages(path.parent)
            self._inside(path)
            created = create_file(path, stub, self.home.scratch)
            new_stub = self._offer(topic.id, path, stub, created)
        return Opened(path, created, new_stub)

    def _make_packages(self, folder: Path) -> None:
        try:
            for parent in [folder, *folder.parents]:
                if parent == self.home.path:
                    break
                self._inside(parent)
                parent.mkdir(parents=True, exist_ok=True)
                create_file(parent / "__init__.py", b"", self.home.scratch)
        except OSError as error:
            raise WorkspaceError(
                f"{self._shown(folder)} cannot be made: {error}", "Move what is in the way."
            ) from error

    def _offer(self, topic_id: str, path: Path, stub: bytes, created: bool) -> Path | None:
        """Write a stub that is newer than the one handed out beside the learner's file, unless that was done before."""
        records = self._stub_records()
        digest = sha256(stub)
        known = records.get(topic_id)
        if created or known is None:
            # No record beside a file: the home was copied, or the record lost. Which stub it began from is not known;
            # offering one for every file would be noise.
            self._keep_stub_records({**records, topic_id: {"handed": digest, "offered": {}}})
            return None
        offered = known["offered"]
        if digest == known["handed"] or digest in offered:
            beside = path.with_name(offered[digest]) if digest in offered else None
            return beside if beside is not None and beside.is_file() else None
        name = self._free_name(path, {*offered, digest})
        if name is None:
            return None
        create_file(path.with_name(name), stub, self.home.scratch)
        self._keep_stub_records({**records, topic_id: {**known, "offered": {**offered, digest: name}}})
        return path.with_name(name)

    @staticmethod
    def _free_name(path: Path, offered: set[str]) -> str | None:
        """A name that cannot be imported. An earlier offer that nobody touched makes room for the newer one."""
        for number in range(1, 100):
            candidate = path.with_name(f"{path.stem}.new-stub{'' if number == 1 else f'-{number}'}.py")
            if not os.path.lexists(candidate):
                return candidate.name
            if candidate.is_file() and not candidate.is_symlink() and sha256(candidate.read_bytes()) in offered:
                candidate.unlink()
                return candidate.name
        return None

    def _stub_records(self) -> dict[str, _StubRecord]:
        try:
            records = json.loads((self.home.state / "stubs.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return {
            topic: {"handed": str(one.get("handed", "")), "offered": dict(one.get("offered") or {})}
            for topic, one in (records.items() if isinstance(records, dict) else ())
            if isinstance(one, dict)
        }

    def _keep_stub_records(self, records: dict[str, _StubRecord]) -> None:
        text = json.dumps(records, indent=1, sort_keys=True)
        self._replace(self.home.state / "stubs.json", text.encode())

    # ── reading ──────────────────────────────────────────────────────────────

    def read(self, topic: OpenedTopic) -> Snapshot:
        """The file's bytes, read once: what is hashed here is what is checked, recorded and used."""
        return self._snapshot(topic, self._bytes(self.home.path / topic.mine_path))

    def _snapshot(self, topic: OpenedTopic, source: bytes) -> Snapshot:
        siblings = collect(topic.mine_module, source, self._sibling)
        return Snapshot(topic.mine_path, topic.mine_module, source, sha256(source), siblings)

    def _sibling(self, name: str) -> tuple[bytes, bool] | None:
        place = self.home.path.joinpath(*name.split("."))
        for path, is_package in ((place / "__init__.py", True), (place.with_name(place.name + ".py"), False)):
            with suppress(WorkspaceError, OSError, ValueError):
                return self._bytes(path), is_package
        return None

    def _inside(self, path: Path) -> Path:
        """The file that a path stands for; links are followed, but not out of the learner's own folder."""
        try:
            real = Path(os.path.realpath(path))
            home = Path(os.path.realpath(self.home.path))
            state = Path(os.path.realpath(self.home.state))
        except (OSError, ValueError) as error:
            raise WorkspaceError(f"{self._shown(path)} cannot be found: {error}", "Check its name.") from error
        if not real.is_relative_to(home) or real.is_relative_to(state):
            raise WorkspaceError(
                f"{self._shown(path)} is a link to {real}, outside of your own files",
                f"Put a file or folder of its own there: only what lies in {self.home.path} is read and written.",
            )
        return real

    def _bytes(self, path: Path) -> bytes:
        real = self._inside(path)
        shown = self._shown(path)
        try:
            # NONBLOCK: opening a pipe must not wait for a writer. NOFOLLOW: links were resolved above.
            descriptor = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NoFile(f"{shown} does not exist", "Open the topic: its starting file is made again.") from error
        except OSError as error:
            raise WorkspaceError(f"{shown} cannot be read: {error.strerror}", "Check its permissions.") from error
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise WorkspaceError(f"{shown} is not a file", "Move it away, and open the topic again.")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(FILE_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(content) > FILE_BYTES:
            raise WorkspaceError(f"{shown} is longer than 1 MiB", "An exercise has a few thousand bytes: shorten it.")
        return content

    # ── writing ──────────────────────────────────────────────────────────────

    def write(
        self, topic: OpenedTopic, text: str, expected_sha256: str | None, *, keep_line_ends: bool = False
    ) -> Snapshot:
        """Save a text, if the file still holds what its writer had seen; ``None``: if there is no file.

        With ``keep_line_ends`` the file keeps those that it has: what browsers send says nothing about them.
        """
        _encoded(text, topic.mine_path)
        path = self.home.path / topic.mine_path
        self.home.create()
        with self._locked():
            self._make_packages(path.parent)
            current = self._current(topic)
            if (current.sha256 if current else None) != expected_sha256:
                raise Conflict(topic.mine_path, current)
            if current and keep_line_ends:
                text = with_line_endings_of(current.source, text)
            content = _encoded(text, topic.mine_path)
            try:
                self._save(topic, path, content, current)
            except OSError as error:
                raise WorkspaceError(
                    f"{topic.mine_path} cannot be written: {error.strerror}", "Check its permissions and the disk."
                ) from error
            # Not read again: the caller must hold the hash of what was written, should an editor save just now.
            return self._snapshot(topic, content)

    def _save(self, topic: OpenedTopic, path: Path, content: bytes, current: Snapshot | None) -> None:
        if current is None:
            if not create_file(self._inside(path), content, self.home.scratch):
                raise Conflict(topic.mine_path, self._current(topic))
        elif current.source != content:
            if not os.access(path, os.W_OK):
                raise WorkspaceError(f"{topic.mine_path} is read-only", "Change its permissions to save it.")
            self._remember(topic.id, current)
            self._replace(self._inside(path), content, path.stat().st_mode, lambda: self._unchanged(topic, current))

    def _unchanged(self, topic: OpenedTopic, seen: Snapshot) -> None:
        now = self._current(topic)
        if now is None or now.sha256 != seen.sha256:
            raise Conflict(topic.mine_path, now)

    def _current(self, topic: OpenedTopic) -> Snapshot | None:
        try:
            return self.read(topic)
        except NoFile:
            return None

    def _replace(
        self, path: Path, content: bytes, mode: int | None = None, last_look: Callable[[], None] | None = None
    ) -> None:
        """Put a new content in a file's place in one step; ``last_look``, just before, may raise to prevent it."""
        same_disk = self.home.scratch.stat().st_dev == path.parent.stat().st_dev
        scratch = (self.home.scratch if same_disk else path.parent) / f".groundup-{secrets.token_hex(8)}.tmp"
        try:
            write_durably(scratch, content)
            if mode is not None:
                scratch.chmod(stat.S_IMODE(mode))
            if last_look is not None:
                last_look()
            os.rename(scratch, path)
        finally:
            with suppress(FileNotFoundError):
                scratch.unlink()
        sync_folder(path.parent)

    def _remember(self, topic_id: str, snapshot: Snapshot) -> None:
        """Keep what is about to be replaced, by its hash; the oldest make room."""
        folder = self.home.state / "history" / topic_id
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / f"{snapshot.sha256}.py"
        if not create_file(kept, snapshot.source, self.home.scratch):
            os.utime(kept)
        newest_first = sorted(folder.glob("*.py"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
        for old in newest_first[HISTORY_FILES:]:
            if old != kept:
                old.unlink(missing_ok=True)

    def history(self, topic_id: str) -> list[Path]:
        """Earlier contents of a topic's file that were replaced here, the newest first."""
        files = (self.home.state / "history" / topic_id).glob("*.py")
        return sorted(files, key=lambda one: one.stat().st_mtime_ns, reverse=True)

    # ── shared ───────────────────────────────────────────────────────────────

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time among groundup's own processes and threads; a kill lets go of it."""
        descriptor = os.open(self.home.state / "workspace.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self.home.path)) if path.is_relative_to(self.home.path) else str(path)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def with_line_endings_of(source: bytes, text: str) -> str:
    """The text as an editor would save it over ``source``: a browser's form sends CRLF whatever the file had."""
    plain = text.replace("\r\n", "\n")
    crlf = source.count(b"\r\n")
    return plain.replace("\n", "\r\n") if crlf and crlf == source.count(b"\n") else plain


def _encoded(text: str, shown: str) -> bytes:
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        raise WorkspaceError(
            f"the text for {shown} has half a character at position {error.start}", "Remove it, and save again."
        ) from error
    if len(content) > FILE_BYTES:
        raise WorkspaceError(f"the text for {shown} is longer than 1 MiB", "Shorten it; nothing was written.")
    return content
