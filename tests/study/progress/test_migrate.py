"""A database is brought up to date once, whole, with a copy of what it was; what is not ours or newer is left alone."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from groundup.study.check.verdict import Verdict
from groundup.study.home import Home
from groundup.study.progress import migrate
from groundup.study.progress.database import ProgressError
from groundup.study.progress.store import Progress

NEXT = '''
"""A later revision."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table("later", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("UPDATE attempts SET kind = 'rewritten'")
    {ending}
'''


@pytest.fixture
def later_groundup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """From now on this is a groundup that knows one revision more; ``ending`` is the last line of its migration."""

    def begin(ending: str = "") -> None:
        scripts = tmp_path / "migrations"
        shutil.copytree(migrate.SCRIPTS, scripts, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (scripts / "versions" / "r0002_later.py").write_text(NEXT.format(ending=ending))
        monkeypatch.setattr(migrate, "SCRIPTS", scripts)
        monkeypatch.setattr(migrate, "REVISIONS", ("0001", "0002"))

    return begin


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def tables(path: Path) -> set[object]:
    return {name for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}


def record_one(home: Home, verdict: Callable[..., Verdict]) -> None:
    with Progress(home) as progress:
        progress.record(verdict({"dot": "passed"}))


def test_a_fresh_home_is_at_the_newest_revision_without_a_copy(home: Home) -> None:
    Progress(home).close()
    assert rows(home.database, "SELECT version_num FROM alembic_version") == [(migrate.REVISIONS[-1],)]
    assert not (home.state / "backups").exists()


def test_an_existing_database_is_copied_then_changed(
    home: Home, verdict: Callable[..., Verdict], later_groundup: Callable[[], None]
) -> None:
    record_one(home, verdict)
    later_groundup()
    with Progress(home) as progress:
        assert [one.kind for one in progress.attempts()] == ["rewritten"]
    assert rows(home.database, "SELECT version_num FROM alembic_version") == [("0002",)]
    (copy,) = (home.state / "backups").iterdir()
    assert "at-0001" in copy.name
    assert rows(copy, "SELECT kind FROM attempts") == [("passed",)]
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
    Progress(home).close()
    assert len(list((home.state / "backups").iterdir())) == 1, "nothing more to change, nothing more to copy"


def test_a_migration_that_fails_changes_nothing(
    home: Home, verdict: Callable[..., Verdict], later_groundup: Callable[[str], None]
) -> None:
    record_one(home, verdict)
    before = tables(home.database)
    later_groundup('raise RuntimeError("half way")')
    with pytest.raises(RuntimeError, match="half way"):
        Progress(home)
    assert tables(home.database) == before
    assert rows(home.database, "SELECT kind FROM attempts") == [("passed",)]
    assert rows(home.database, "SELECT version_num FROM alembic_version") == [("0001",)]


def test_a_newer_database_is_refused_with_the_mend(home: Home, verdict: Callable[..., Verdict]) -> None:
    record_one(home, verdict)
    with closing(sqlite3.connect(home.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(ProgressError, match="newer groundup") as caught:
        Progress(home)
    assert "pip install --upgrade groundup" in caught.value.mend
    assert rows(home.database, "SELECT version_num FROM alembic_version") == [("0999",)]
    assert not (home.state / "backups").exists()


def test_another_programs_database_is_refused(home: Home) -> None:
    home.create()
    with closing(sqlite3.connect(home.database)) as connection, connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    with pytest.raises(ProgressError, match="another program's tables"):
        Progress(home)
    assert tables(home.database) == {"theirs"}


def test_a_file_that_is_no_database_is_refused_and_left(home: Home) -> None:
    home.create()
    home.database.write_bytes(b"these are my notes, no database at all\n" * 10)
    with pytest.raises(ProgressError, match="not a database"):
        Progress(home)
    assert home.database.read_bytes().startswith(b"these are my notes")


def test_a_place_where_no_database_can_be_is_refused(home: Home) -> None:
    home.create()
    home.database.mkdir()
    with pytest.raises(ProgressError, match="Check the permissions"):
        Progress(home)


def test_an_empty_file_is_a_fresh_database(home: Home) -> None:
    home.create()
    home.database.touch()
    with Progress(home) as progress:
        assert progress.attempts() == []


def test_the_last_copies_are_kept_and_what_a_kill_left_is_cleared(home: Home) -> None:
    Progress(home).close()
    (home.state / "backups").mkdir()
    (home.state / "backups" / "half.tmp").write_text("left by a kill")
    copies = [migrate.back_up(home.database, "0001") for _ in range(migrate.BACKUPS + 3)]
    assert set((home.state / "backups").iterdir()) == set(copies[-migrate.BACKUPS :])


def test_many_threads_may_open_a_fresh_home_at_once(home: Home) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            Progress(home).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with Progress(home) as progress:
        wanted = text("SELECT count(*) FROM learners")
        assert progress._database.read(lambda session: session.scalar(wanted)) == 1


def test_a_lock_that_is_never_let_go_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "LOCK_WAIT_S", 0.05)
    home.create()
    with (
        migrate._file_lock(home.state / "progress.sqlite.lock"),
        pytest.raises(ProgressError, match="Another groundup has held"),
    ):
        Progress(home)
    Progress(home).close()
