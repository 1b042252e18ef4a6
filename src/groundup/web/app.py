"""The application: routes, static files and the guard, over one :class:`Study`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from groundup.study.chat.settings import ChatError
from groundup.study.figures import Drawn, FigureError, draw_figure
from groundup.study.lessons import Lesson, render
from groundup.study.roadmap import UnknownTopic
from groundup.study.runs.records import RunError
from groundup.study.service import NotWritten, UnknownBuild
from groundup.study.shelf import ShelfError
from groundup.study.workspace import Conflict, WorkspaceError
from groundup.web import api, first, pages, run_api, runs, shelf, shelf_api
from groundup.web.security import LOCAL_HOSTS, Guard
from groundup.web.templating import STATIC, Templates

if TYPE_CHECKING:
    from groundup.study.service import Study
    from groundup.study.topics import Topic

STATUSES: dict[type[Exception], int] = {
    UnknownTopic: 404,
    UnknownBuild: 404,
    NotWritten: 409,
    FigureError: 422,
    WorkspaceError: 422,
    RunError: 422,
    ShelfError: 404,
    ChatError: 422,
}


class Workshop(FastAPI):
    """An application whose guard stands before everything, what answers to our own failures included."""

    def __init__(self, token: str, allowed_hosts: tuple[str, ...], **options: Any) -> None:
        super().__init__(**options)
        self._token, self._hosts = token, allowed_hosts

    def build_middleware_stack(self) -> ASGIApp:
        return Guard(super().build_middleware_stack(), token=self._token, allowed_hosts=self._hosts)


class Static(StaticFiles):
    """Files whose address names their content are kept by the browser; others are asked for again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        named = scope["query_string"].startswith(b"v=") or path.startswith(("built/chunks/", "built/fonts/"))
        if response.status_code == 200:
            response.headers["cache-control"] = "private, max-age=31536000, immutable" if named else "no-cache"
        return response


def create_app(
    study: Study,
    token: str,
    *,
    allowed_hosts: tuple[str, ...] = LOCAL_HOSTS,
    lesson: Callable[[Topic], Lesson] = render,
    figure: Callable[[Study, str, Mapping[str, Any] | None], Drawn] = draw_figure,
    warm: bool = True,
) -> FastAPI:
    """The page for one study. ``lesson`` and ``figure`` are given only by tests."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if warm:
            study.warm()
        yield

    bare: dict[str, Any] = {"docs_url": None, "redoc_url": None, "openapi_url": None}
    app = Workshop(token, allowed_hosts, title="groundup", lifespan=lifespan, **bare)
    app.state.study, app.state.lesson, app.state.figure, app.state.templates = study, lesson, figure, Templates()
    for one in (pages, first, runs, shelf):
        app.include_router(one.router)
    for one in (api, run_api, shelf_api):
        app.include_router(one.router, prefix="/api")
    app.include_router(first.api, prefix="/api")
    app.mount("/static", Static(directory=STATIC), name="static")
    for kind in (*STATUSES, Conflict, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _explain)
    return app


def _explain(request: Request, error: Exception) -> Response:
    """What went wrong, as JSON to scripts and as a page to people; never a traceback."""
    if isinstance(error, Conflict):
        return JSONResponse(api.conflict_view(error), status_code=409)
    if isinstance(error, HTTPException):
        status, detail = error.status_code, str(error.detail)
    elif isinstance(error, RequestValidationError):
        status, detail = 422, "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    else:
        status = next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 500)
        detail = str(error)
    if status == 500:
        # The server's log has the traceback: the error is raised on after this answer.
        detail = f"Something of ours went wrong ({type(error).__name__}). The terminal that runs groundup says more."
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": _code(error), "detail": detail}, status_code=status)
    templates: Templates = request.app.state.templates
    return templates.page(request, "error.html", status=status, detail=detail)


def _code(error: Exception) -> str:
    names = {UnknownTopic: "unknown topic", UnknownBuild: "unknown build", NotWritten: "not written"}
    return next((name for kind, name in names.items() if isinstance(error, kind)), "failed")
