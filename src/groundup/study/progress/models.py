"""The tables. The same on SQLite and PostgreSQL: no type, default or constraint here belongs to one of them.

Every row names its learner. Texts have no length limit, so that nothing is refused by one database that the other took.
A change here needs a migration beside it (``migrations/versions``); a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, always with its time zone: SQLite keeps none, so it is written in UTC and read as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy reads this name)
        str: Text,
        int: Integer,
        bool: Boolean,
        float: Float,
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
    }


class Learner(Base):
    __tablename__ = "learners"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class Attempt(Base):
    """One check, whatever came of it, with the verdict as it was shown."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_learner_topic", "learner_id", "topic", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    learner_id: Mapped[int] = mapped_column(ForeignKey("learners.id"))
    topic: Mapped[str]
    kind: Mapped[str]
    at: Mapped[datetime]
    path: Mapped[str]
    sha256: Mapped[str]
    check_version: Mapped[int]
    seed: Mapped[str]  # as text: a seed may have more bits than a database's integer
    isolation: Mapped[str]
    groundup: Mapped[str]
    seconds: Mapped[float]
    verdict: Mapped[dict[str, Any]]


class BuildResult(Base):
    """Where a learner stands with one build: what was accepted, and how the last check went."""

    __tablename__ = "build_results"

    learner_id: Mapped[int] = mapped_column(ForeignKey("learners.id"), primary_key=True)
    topic: Mapped[str] = mapped_column(primary_key=True)
    build: Mapped[str] = mapped_column(primary_key=True)
    passed: Mapped[bool]
    passed_check_version: Mapped[int | None]
    passed_sha256: Mapped[str | None]
    passed_at: Mapped[datetime | None]
    attempts: Mapped[int]
    last_kind: Mapped[str]
    last_sha256: Mapped[str]
    last_at: Mapped[datetime]
    last_attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"))


class HintTaken(Base):
    __tablename__ = "hints_taken"

    learner_id: Mapped[int] = mapped_column(ForeignKey("learners.id"), primary_key=True)
    topic: Mapped[str] = mapped_column(primary_key=True)
    build: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]


class ResourceDone(Base):
    """A book, course or video that the road map recommends, marked as done."""

    __tablename__ = "resources_done"

    learner_id: Mapped[int] = mapped_column(ForeignKey("learners.id"), primary_key=True)
    resource: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class LessonRead(Base):
    __tablename__ = "lessons_read"

    learner_id: Mapped[int] = mapped_column(ForeignKey("learners.id"), primary_key=True)
    topic: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class TopicOpened(Base):
    __tablename__ = "topics_opened"

    learner_id: Mapped[int] = mapped_column(ForeignKey("learners.id"), primary_key=True)
    topic: Mapped[str] = mapped_column(primary_key=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
