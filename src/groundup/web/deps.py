"""What routes are handed: the study, its renderers and the templates, from the application's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from groundup.web.templating import Templates

if TYPE_CHECKING:
    from groundup.study.figures import Drawn
    from groundup.study.lessons import Lesson
    from groundup.study.service import Study
    from groundup.study.topics import Topic


class Page:
    """One request's way to everything."""

    def __init__(self, request: Request) -> None:
        state = request.app.state
        self.request = request
        self.study: Study = state.study
        self.lesson: Callable[[Topic], Lesson] = state.lesson
        self.figure: Callable[[Study, str, Mapping[str, Any] | None], Drawn] = state.figure
        self.templates: Templates = state.templates


PageDep = Annotated[Page, Depends(Page)]
