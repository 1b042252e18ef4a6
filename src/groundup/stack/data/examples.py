"""What sets of data have: one class for each kind of example, and a set's two parts with their provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

Example = TypeVar("Example")


@dataclass(frozen=True)
class LabeledText:
    """A text and the name of its class."""

    text: str
    label: str


@dataclass(frozen=True)
class ScoredPair:
    """Two texts and how alike people found them, from 0 (nothing in common) to 5 (the same meaning)."""

    first: str
    second: str
    score: float


@dataclass(frozen=True)
class TaggedWords:
    """The words of a text, and for each its tag: O, or B-TYPE and I-TYPE for the first and the others of a name."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """A piece of a context: ``context[start : start + len(text)] == text``, in characters."""

    text: str
    start: int


@dataclass(frozen=True)
class Question:
    """A question about a context, and the answers that people gave; without one, the context does not answer it."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]
    title: str = ""


@dataclass(frozen=True)
class TextPair:
    """A text and what it becomes: its translation, or its summary. People may have written several.

    ``sentences`` are the source's, where the set keeps them apart.
    """

    source: str
    targets: tuple[str, ...]
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlainText:
    """A text without anything to tell of it."""

    text: str


@dataclass(frozen=True)
class TaskData(Generic[Example]):
    """Examples to learn from and examples that are held out, in the order of their files.

    ``labels`` are the classes, or the tags without O's B- and I-, in the order in which to number them; none for other
    kinds. ``files`` are what was read. ``provenance`` has source, licence, freedom, parts, counts and ``checked``,
    which says whether the bytes are those that groundup pins.
    """

    name: str
    task: str
    train: list[Example]
    dev: list[Example]
    labels: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    provenance: dict[str, str | int] = field(default_factory=dict)


HELD_OUT_EACH = 10


def hold_out(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """What is learned from and what is held out of a set in one part: every tenth."""
    last = HELD_OUT_EACH - 1
    return [one for at, one in enumerate(examples) if at % HELD_OUT_EACH != last], list(examples[last::HELD_OUT_EACH])


def labels_of(examples: Sequence[Any]) -> tuple[str, ...]:
    """The classes of texts, or the types of names in words' tags, in the order of the alphabet; else none."""
    if examples and isinstance(examples[0], LabeledText):
        return tuple(sorted({one.label for one in examples}))
    if examples and isinstance(examples[0], TaggedWords):
        return tuple(sorted({tag[2:] for one in examples for tag in one.tags if tag != "O"}))
    return ()
