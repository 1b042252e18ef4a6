"""What every command begins with: the home that was named, the study over it, and errors said in one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from groundup.study.service import Study

PASSED, NOT_PASSED, USAGE, BROKEN = 0, 1, 2, 3


class Options:
    """What was said before the command."""

    home: str | None = None


def fail(text: str, code: int = USAGE) -> NoReturn:
    print(f"groundup: {text}", file=sys.stderr)
    raise typer.Exit(code)


@contextmanager
def opened_study() -> Iterator[Study]:
    """The study over the chosen home; what a learner can mend is said in one line, without a traceback."""
    from groundup.study.chat.settings import ChatError
    from groundup.study.home import HomeError, find_home
    from groundup.study.progress.database import ProgressError
    from groundup.study.roadmap import CurriculumError, UnknownTopic
    from groundup.study.runs.records import RunError
    from groundup.study.service import NotWritten, Study, UnknownBuild
    from groundup.study.shelf import ShelfError
    from groundup.study.workspace import WorkspaceError

    study: Study | None = None
    try:
        study = Study(find_home(Options.home))
        yield study
    except (
        HomeError,
        UnknownTopic,
        NotWritten,
        UnknownBuild,
        WorkspaceError,
        RunError,
        ShelfError,
        ChatError,
    ) as error:
        fail(str(error))
    except (ProgressError, CurriculumError) as error:
        fail(str(error), BROKEN)
    finally:
        if study is not None:
            study.close()


def print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2, default=str))
