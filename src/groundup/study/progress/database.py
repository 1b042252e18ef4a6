"""A connection to the progress database: pragmas, transactions, and what is done about a busy or broken one.

A unit of work is a function of a session. It runs in one transaction, committed before :meth:`Database.write` returns,
and is run again from its start where the database was busy: it must have no effect but on the database.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

T = TypeVar("T")

BUSY_TIMEOUT_S = 10
TRIES = 5
_SQLITE_BUSY, _SQLITE_LOCKED = 5, 6
# PostgreSQL: serialization failure, deadlock, unique violation (two first rows of one build at the same time).
_POSTGRES_AGAIN = {"40001", "40P01", "23505"}
_WRITES = "groundup_writes"


class ProgressError(Exception):
    """Progress cannot be read or kept; ``mend`` says what to do about it."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}. {mend}")
        self.problem = problem
        self.mend = mend


class Database:
    """An engine with the rules above. Safe to share between threads, not across a fork."""

    def __init__(self, url: str | URL) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_TIMEOUT_S}} if self.is_sqlite else {}
        self.engine: Engine = create_engine(self.url, **options)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _set_pragmas)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writing = self.engine.execution_options(**{_WRITES: True})

    def read(self, work: Callable[[Session], T]) -> T:
        return self._again(lambda: self._in_transaction(self.engine, work))

    def write(self, work: Callable[[Session], T]) -> T:
        """What ``work`` returns, once what it wrote is on the disk."""
        return self._again(lambda: self._in_transaction(self._writing, work))

    @staticmethod
    def _in_transaction(engine: Engine, work: Callable[[Session], T]) -> T:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            return work(session)

    def connection_for_changes(self) -> Connection:
        """For migrations: a connection whose transactions take the write lock when they begin."""
        return self._writing.connect()

    def _again(self, unit: Callable[[], T]) -> T:
        for attempt in range(1, TRIES + 1):
            try:
                return unit()
            except DBAPIError as error:
                if attempt == TRIES or not passes_by_itself(error):
                    raise explained(error, self.url) from error
                time.sleep(random.uniform(0.5, 1.5) * 0.02 * 2**attempt)
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        self.engine.dispose()


def _set_pragmas(connection: Any, _record: object) -> None:
    # sqlite3 would begin transactions by itself, and late; ours begin in _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_S * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",  # with WAL, NORMAL may lose the last commits when power fails
        "fullfsync = ON",  # macOS: fsync alone leaves data in the drive's cache
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later cannot wait for another writer: it fails at once. Writers say so.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def passes_by_itself(error: DBAPIError) -> bool:
    """Whether the same work may succeed a little later."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in (_SQLITE_BUSY, _SQLITE_LOCKED)
    return getattr(error.orig, "sqlstate", None) in _POSTGRES_AGAIN


def explained(error: SQLAlchemyError, url: URL) -> ProgressError:
    """A database's error in words, with what a learner can do."""
    place = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()
    code = getattr(getattr(error, "orig", None), "sqlite_errorname", "") or ""
    mends = {
        "SQLITE_FULL": "The disk is full: make room, then try again.",
        "SQLITE_READONLY": "Change the file's permissions, or name another home with --home.",
        "SQLITE_CANTOPEN": "Check the permissions of the folder, or name another home with --home.",
        "SQLITE_NOTADB": "It is not a database: put back a copy from the backups folder beside it, or move it away.",
        "SQLITE_CORRUPT": "It is damaged: put back a copy from the backups folder beside it, or move it away.",
        "SQLITE_BUSY": "Another program holds it: close that program, then try again.",
    }
    mend = next((text for name, text in mends.items() if code.startswith(name)), "Nothing was recorded; try again.")
    return ProgressError(f"The progress database {place} cannot be used: {cause[0] if cause else 'no reason'}", mend)
