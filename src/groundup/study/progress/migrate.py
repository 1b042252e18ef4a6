"""Bring a progress database up to date, whoever opens it first, and whatever happens meanwhile.

Server and terminal may open a fresh home in the same instant: one migrates under a file lock, the other waits. A change
is one transaction: a kill leaves the old schema or the new one. Before an existing database changes, a copy is put into
``backups/`` beside it. A database from a newer groundup is refused, untouched.

Alembic is imported only where something must change: it takes a fifth of a second.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from groundup.study.progress.database import Database, ProgressError, explained

if TYPE_CHECKING:
    from alembic.config import Config

REVISIONS: tuple[str, ...] = ("0001",)
"""All that this groundup knows, oldest first; a test holds it equal to the files in migrations/versions."""
SCRIPTS = Path(__file__).parent / "migrations"
BACKUPS = 5
LOCK_WAIT_S = 60.0
_POSTGRES_LOCK = 4_721_990_103  # any number that nobody else takes an advisory lock on


def bring_up_to_date(database: Database) -> None:
    """Create or migrate the tables. Returns at once where nothing is to be done."""
    try:
        if not database.is_sqlite:
            _migrate(database)
            return
        path = Path(database.url.database or "")
        with _file_lock(path.with_name(path.name + ".lock")):
            version = _version(database)
            if version == REVISIONS[-1]:
                return
            if version is not None:
                back_up(path, version)
            _migrate(database)
    except DBAPIError as error:
        raise explained(error, database.url) from error


def _version(database: Database) -> str | None:
    with database.engine.connect() as connection:
        return _version_of(connection, database)


def _version_of(connection: Connection, database: Database) -> str | None:
    """The revision that the tables have; None where there are none yet."""
    names = set(inspect(connection).get_table_names())
    place = database.url.render_as_string(hide_password=True)
    if "alembic_version" not in names:
        if names and database.is_sqlite:
            raise ProgressError(f"{place} holds another program's tables", "Move it away, or name another home.")
        return None
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if version is not None and version not in REVISIONS:
        raise ProgressError(
            f"Your progress in {place} was written by a newer groundup (its tables are at {version}; this one knows "
            f"{REVISIONS[-1]})",
            "Update groundup (pip install --upgrade groundup), or name another home with --home. Nothing was changed.",
        )
    return None if version is None else str(version)


def _migrate(database: Database) -> None:
    with database.connection_for_changes() as connection, connection.begin():
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        if _version_of(connection, database) == REVISIONS[-1]:
            return
        from alembic import command

        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def alembic_config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    """Held by one process or thread; a kill lets go of it. Waiting has an end, so that a stuck program is named."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ProgressError(
                        f"Another groundup has held {path} for {LOCK_WAIT_S:.0f} seconds", "End it, then try again."
                    ) from None
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def back_up(path: Path, version: str) -> Path:
    """A whole copy, consistent even while others read; the oldest make room."""
    folder = path.with_name("backups")
    folder.mkdir(exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    copy = folder / f"{path.stem}-at-{version}-{stamp}.sqlite"
    for left_by_a_kill in folder.glob("*.tmp"):
        left_by_a_kill.unlink()
    unfinished = copy.with_suffix(".tmp")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(unfinished)) as target:
        source.backup(target)
    os.rename(unfinished, copy)
    for old in sorted(folder.glob("*.sqlite"), key=lambda one: one.name.rpartition("-")[2])[:-BACKUPS]:
        old.unlink(missing_ok=True)
    return copy
