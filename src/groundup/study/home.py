"""Where a learner's work lives: which folder is home, and what groundup puts into it.

A home holds ``mine/`` (the learner's own code, a package), and ``.groundup/`` (groundup's state, closed to other users
and unseen by git). Finding a home touches nothing on the disk; :meth:`Home.create` makes what is missing, and never
replaces what is there. This module knows nothing of topics, stubs or progress.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

README = """\
# My groundup home

- `mine/` holds the code that you write, one file a topic. It is yours: groundup adds a starting file when you open a
  topic, and never overwrites what is there. Edit it with any editor, keep it under git if you like.
- From this folder, your code can be imported: `python -c "import mine.mathematics.vectors"`.
- `.groundup/` holds your progress, earlier versions of files that were saved from the page, and data that you had
  downloaded. Git ignores it.

`groundup next` says what to do next.
"""

GITIGNORE = "# groundup's own state: nothing here belongs under version control\n*\n"


class HomeError(Exception):
    """The folder cannot be a home; ``mend`` says what to do about it."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}. {mend}")
        self.problem = problem
        self.mend = mend


@dataclass(frozen=True)
class Home:
    """A learner's folder. ``path`` is absolute."""

    path: Path

    @property
    def state(self) -> Path:
        return self.path / ".groundup"

    @property
    def scratch(self) -> Path:
        """For files that are being written; nothing in it outlives the call that made it, but for a kill."""
        return self.state / "tmp"

    @property
    def data(self) -> Path:
        """Public sets that were downloaded, a folder each."""
        return self.state / "data"

    @property
    def mine(self) -> Path:
        return self.path / "mine"

    @property
    def database(self) -> Path:
        return self.state / "progress.sqlite"

    def create(self) -> None:
        """Make what is missing; safe to call again, and from several processes at once."""
        check_usable(self.path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.state.mkdir(mode=0o700, exist_ok=True)
            if self.state.stat().st_mode & 0o077:
                self.state.chmod(0o700)
            self.scratch.mkdir(exist_ok=True)
            create_file(self.state / ".gitignore", GITIGNORE.encode(), self.scratch)
            self.mine.mkdir(exist_ok=True)
            create_file(self.mine / "__init__.py", b"", self.scratch)
            create_file(self.path / "README.md", README.encode(), self.scratch)
        except OSError as error:
            raise HomeError(f"{self.path} cannot be set up: {error}", OTHER_FOLDER) from error


OTHER_FOLDER = "Name another folder with --home or GROUNDUP_HOME."


def find_home(option: str | None = None, environ: Mapping[str, str] | None = None) -> Home:
    """The home that ``--home`` names, else ``GROUNDUP_HOME``, else ``~/groundup``. Creates nothing."""
    environ = os.environ if environ is None else environ
    if option is not None and not option.strip():
        raise HomeError("--home names no folder", "Give it a path, or leave it out to use ~/groundup.")
    named = option or environ.get("GROUNDUP_HOME") or "~/groundup"
    try:
        expanded = os.path.expanduser(named)
        if expanded.startswith("~"):
            raise HomeError(f"{named} is not a folder that can be found", OTHER_FOLDER)
        path = Path(os.path.abspath(expanded))
        check_usable(path)
    except ValueError as error:  # a NUL in the name
        raise HomeError(f"{named!r} is not a path: {error}", OTHER_FOLDER) from error
    return Home(path)


def check_usable(path: Path) -> None:
    """Refuse a folder that is something else already, or that cannot be written to."""
    try:
        _check_usable(path)
    except OSError as error:
        raise HomeError(f"{path} cannot be looked at: {error}", OTHER_FOLDER) from error


def _check_usable(path: Path) -> None:
    nearest = path
    while not os.path.lexists(nearest) and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        what = "is a link to nowhere" if nearest.is_symlink() and not nearest.exists() else "is a file, not a folder"
        raise HomeError(f"{nearest} {what}", OTHER_FOLDER)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise HomeError(f"{nearest} cannot be written to", f"Change its permissions. {OTHER_FOLDER}")
    if os.path.lexists(path / "pyproject.toml"):
        raise HomeError(
            f"{path} holds a pyproject.toml, so it is a Python project and not a place for exercises",
            f"{OTHER_FOLDER} A new folder inside it will do.",
        )
    for name in (".groundup", "mine"):
        inner = path / name
        if os.path.lexists(inner) and not inner.is_dir():
            raise HomeError(f"{inner} is in the way: groundup keeps a folder of that name", f"Move it. {OTHER_FOLDER}")
    real = Path(os.path.realpath(path / "mine"))
    if not real.is_relative_to(os.path.realpath(path)):
        raise HomeError(
            f"{path / 'mine'} is a link to {real}, outside of the home",
            f"Put a folder of its own there, or make {real.parent} your home with --home.",
        )


def create_file(path: Path, content: bytes, scratch_folder: Path) -> bool:
    """Make a file with this content, whole or not at all; False, and nothing touched, where something is there.

    ``scratch_folder`` takes the half-written file, so that a kill leaves no litter among the learner's own files.
    """
    if os.path.lexists(path):
        return False
    scratch = scratch_folder / f"{secrets.token_hex(8)}.tmp"
    try:
        write_durably(scratch, content)
        try:
            os.link(scratch, path)  # fails where the name is taken: two processes cannot both win
        except FileExistsError:
            return False
        except OSError:  # no hard links here, or another file system
            return _create_in_place(path, content)
    finally:
        with suppress(FileNotFoundError):
            scratch.unlink()
    sync_folder(path.parent)
    return True


def _create_in_place(path: Path, content: bytes) -> bool:
    try:
        write_durably(path, content)
    except FileExistsError:
        return False
    return True


def write_durably(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a new file (it must not exist) and wait until it is on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until a folder's names are on the disk; some file systems cannot, and then there is nothing to wait for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
