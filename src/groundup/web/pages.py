"""The pages. Each reads and works without JavaScript: links, and forms that answer with a whole page."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from groundup.study.figures import FigureError
from groundup.study.workspace import Conflict
from groundup.web.deps import Page, PageDep
from groundup.web.figure_view import figure_tables
from groundup.web.map_view import map_view, today_view, topic_line, way_view
from groundup.web.project_view import project_view
from groundup.web.topic_view import build_lines, last_verdict, next_view, source_text, topic_view
from groundup.web.verdict_view import verdict_view

router = APIRouter()

Text = Annotated[str, Form()]


@router.get("/")
def today(page: PageDep) -> Response:
    return page.templates.page(page.request, "today.html", **today_view(page.study))


@router.get("/map")
def road_map(
    page: PageDep,
    q: Annotated[str, Query(max_length=200)] = "",
    path: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """All topics; those on the shortest path to ``path``, or else to what is built first, are lit."""
    tracks = map_view(page.study.roadmap, page.study.states(), q)
    points = [point for one in tracks for stage in one["stages"] for point in stage["points"] if not point["hidden"]]
    found = len({topic.id for point in points for topic in point["topics"]})
    way = way_view(page.study, path)
    return page.templates.page(
        page.request, "map.html", tracks=tracks, wanted=q, found=found, way=way, asked=path is not None
    )


@router.get("/track/{track_id}")
def track(page: PageDep, track_id: str) -> Response:
    roadmap, states = page.study.roadmap, page.study.states()
    one = next((one for one in roadmap.tracks if one.id == track_id), None)
    if one is None:
        return page.templates.page(
            page.request, "error.html", status=404, detail=f"There is no track called {track_id!r}."
        )
    view = next(entry for entry in map_view(roadmap, states) if entry["track"] is one)
    done = page.study.progress.resources_done()
    return page.templates.page(page.request, "track.html", **view, done=done)


@router.post("/track/{track_id}")
def mark_resource(page: PageDep, track_id: str, resource: Text, done: Text) -> Response:
    known = {one.id for track in page.study.roadmap.tracks if track.id == track_id for one in track.resources}
    if resource in known:
        page.study.progress.resource_done(resource, done == "yes")
    return RedirectResponse(f"/track/{quote(track_id)}#resources", status_code=303)


# ── the project of a stage ───────────────────────────────────────────────────


@router.get("/project/{project_id}")
def project_page(page: PageDep, project_id: str) -> Response:
    """What is made at the end of a stage, the parts that go into it, and the way to run it."""
    project = page.study.roadmap.projects.get(project_id)
    if project is None:
        raise HTTPException(404, f"There is no project called {project_id!r}.")
    view = project_view(page.study, project)
    return page.templates.page(page.request, "project.html", lesson=page.lesson(project), **view)


# ── one topic ────────────────────────────────────────────────────────────────


def _unwritten(page: Page, topic_id: str) -> Response:
    study, topic, states = page.study, page.study.roadmap.topic(topic_id), page.study.states()
    path = [topic_line(one, states) for one in study.roadmap.path_to(topic_id) if one.written and one.id != topic_id]
    view = topic_view(study, topic, states)
    return page.templates.page(page.request, "unwritten.html", **view, path_there=path, next=study.next())


def _topic_page(page: Page, topic_id: str, *, status: int = 200, **said: Any) -> Response:
    """The whole page of a written topic; ``said`` is what a form's answer adds to it."""
    study = page.study
    topic = study.written(topic_id)
    snapshot = study.source(topic_id)
    text, problem = source_text(snapshot)
    context: dict[str, Any] = {
        **topic_view(study, topic, study.states()),
        "lesson": page.lesson(topic),
        "file": {
            "path": snapshot.path,
            "full": str(study.home.path / snapshot.path),
            "sha256": snapshot.sha256,
            "text": text,
        },
        "problem": problem,
        "new_stub": study.open(topic_id).new_stub,
        "builds": build_lines(topic, study.progress.build_state(topic_id)),
        "verdict": last_verdict(study, topic, snapshot),
        "cards": topic.cards(),
        "read": topic_id in study.progress.lessons_read(),
        "next": next_view(study),
        "hint": None,
        "conflict": None,
        "saved": False,
    }
    return page.templates.page(page.request, "topic.html", status=status, **{**context, **said})


@router.get("/topic/{topic_id}")
def topic_page(page: PageDep, topic_id: str) -> Response:
    if not page.study.roadmap.topic(topic_id).written:
        return _unwritten(page, topic_id)
    page.study.prepare(topic_id)
    return _topic_page(page, topic_id)


@router.post("/topic/{topic_id}")
def topic_form(page: PageDep, topic_id: str, action: Text, text: Text = "", sha256: Text = "") -> Response:
    """The plain form: save, check, hint or mark as read, and answer with the page."""
    study = page.study
    topic = study.written(topic_id)
    if action in ("read", "unread"):
        study.progress.lesson_read(topic_id, action == "read")
        return RedirectResponse(f"/topic/{quote(topic_id)}#read", status_code=303)
    said: dict[str, Any] = {}
    try:
        snapshot = study.save(topic_id, text, sha256)
        said["saved"] = True
    except Conflict as conflict:
        mine = text.replace("\r\n", "\n")
        return _topic_page(page, topic_id, status=409, conflict={"mine": mine, "detail": str(conflict)})
    if action == "check":
        said["verdict"] = verdict_view(study.check(topic_id))
    elif action == "hint":
        said["hint"] = study.hint(topic_id)
    elif snapshot is not None:
        said["verdict"] = last_verdict(study, topic, snapshot)
    return _topic_page(page, topic_id, **said)


@router.get("/topic/{topic_id}/figure")
def figure_page(page: PageDep, topic_id: str, request: Request) -> Response:
    """The figure in numbers: sliders as a plain form, curves as tables."""
    topic = page.study.written(topic_id)
    if "figure.py" not in topic.files:
        raise HTTPException(404, f"{topic.title} has no figure.")
    asked = {name: value for name, value in request.query_params.items() if value != ""}
    trouble = None
    try:
        drawn = page.figure(page.study, topic_id, asked)
    except FigureError as error:
        trouble = str(error)
        drawn = page.figure(page.study, topic_id, {})
    view = {"topic": topic, "drawn": drawn, "tables": figure_tables(drawn.figure), "trouble": trouble}
    return page.templates.page(page.request, "figure.html", status=422 if trouble else 200, **view)


@router.get("/topic/{topic_id}/solution")
def solution_ask(page: PageDep, topic_id: str) -> Response:
    topic = page.study.written(topic_id)
    return page.templates.page(page.request, "solution.html", topic=topic, solution=None)


@router.post("/topic/{topic_id}/solution")
def solution_show(page: PageDep, topic_id: str) -> Response:
    topic = page.study.written(topic_id)
    return page.templates.page(page.request, "solution.html", topic=topic, solution=page.study.solution(topic_id))
