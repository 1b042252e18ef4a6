"""The tables are the same in the models, in the migrations, and on both databases."""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from groundup.study.check.verdict import Verdict
from groundup.study.progress import migrate
from groundup.study.progress.models import Base
from groundup.study.progress.store import Progress


def test_migrations_make_the_tables_of_the_models(progress: Progress) -> None:
    with progress._database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_revisions_that_are_known_are_those_that_there_are() -> None:
    scripts = ScriptDirectory.from_config(migrate.alembic_config())
    newest_first = [script.revision for script in scripts.walk_revisions()]
    assert newest_first == list(reversed(migrate.REVISIONS))


@pytest.mark.parametrize("dialect", [postgresql.dialect(), sqlite.dialect()], ids=["PostgreSQL", "SQLite"])
def test_the_tables_can_be_made_on_both_databases(dialect: object) -> None:
    for table in Base.metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect)).strip().startswith(f"CREATE TABLE {table.name}")  # type: ignore[arg-type]
        for index in table.indexes:
            assert "CREATE INDEX" in str(CreateIndex(index).compile(dialect=dialect))  # type: ignore[arg-type]


def test_every_row_names_its_learner() -> None:
    for table in Base.metadata.sorted_tables:
        assert table.name == "learners" or not table.c.learner_id.nullable


def test_the_migrations_can_be_written_for_postgresql() -> None:
    output = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": output})
    with Operations.context(context):
        for path in sorted((migrate.SCRIPTS / "versions").glob("*.py")):
            spec = importlib.util.spec_from_file_location(path.stem, path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            module.upgrade()
    sql = output.getvalue()
    for table in Base.metadata.sorted_tables:
        assert f"CREATE TABLE {table.name}" in sql
    assert "TIMESTAMP WITH TIME ZONE" in sql and "SERIAL" in sql


@pytest.mark.skipif(
    "GROUNDUP_TEST_POSTGRES" not in os.environ,
    reason="needs an empty PostgreSQL database: GROUNDUP_TEST_POSTGRES=postgresql+psycopg://…",
)
def test_progress_is_kept_on_postgresql(verdict: Callable[..., Verdict]) -> None:
    with Progress(os.environ["GROUNDUP_TEST_POSTGRES"], learner="ada") as progress:
        before = len(progress.attempts(limit=10_000))
        shown = verdict({"dot": "passed", "norm": "wrong"}, seed=2**100, printed="größe\0")
        progress.record(shown)
        progress.take_hint("vectors", "dot", 2)
        progress.topic_opened("vectors")
        progress.lesson_read("vectors")
    with Progress(os.environ["GROUNDUP_TEST_POSTGRES"], learner="ada") as again:
        assert len(again.attempts(limit=10_000)) == before + 1
        assert again.attempts()[0].verdict["printed"] == "größe�"
        assert again.build_state("vectors")["dot"].passed
        failure = again.last_failure("vectors", "norm")
        assert failure is not None and failure.hint == "Sum."
        assert again.hints("vectors", "dot") == 2
