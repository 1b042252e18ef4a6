"""The page's HTTP API: what its scripts and the terminal ask. Plain JSON; every answer is the study's own.

``def`` routes run in threads, so that a check never keeps a page waiting.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from groundup.web.deps import Page, PageDep
from groundup.web.topic_view import after_check, source_text

if TYPE_CHECKING:
    from groundup.study.workspace import Conflict, Snapshot

router = APIRouter()

SHA256 = r"^[0-9a-f]{64}$"
SEED_MAX = 2**53 - 1  # the largest whole number that every JSON reader keeps exactly


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SaveBody(_Body):
    text: str
    expected_sha256: str | None = Field(pattern=SHA256)


class CheckBody(_Body):
    """``text`` is saved before the check, if the file is still as ``expected_sha256`` says."""

    text: str | None = None
    expected_sha256: str | None = Field(default=None, pattern=SHA256)
    seed: int | None = Field(default=None, ge=0, le=SEED_MAX)
    builds: list[str] | None = Field(default=None, max_length=50)


class HintBody(_Body):
    topic: str
    build: str | None = None


class FigureBody(_Body):
    sliders: dict[str, float | str] = Field(default_factory=dict, max_length=20)


class ResourceBody(_Body):
    id: str
    done: bool


class ReadBody(_Body):
    topic: str
    read: bool = True


def snapshot_view(snapshot: Snapshot) -> dict[str, Any]:
    text, problem = source_text(snapshot)
    return {"path": snapshot.path, "sha256": snapshot.sha256, "text": text, "problem": problem}


def conflict_view(error: Conflict) -> dict[str, Any]:
    current = snapshot_view(error.current) if error.current is not None else None
    return {"error": "conflict", "detail": str(error), "current": current}


@router.get("/ready")
def ready(page: PageDep) -> dict[str, Any]:
    """Whether a check would start at once; asking starts the checker."""
    page.study.warm()
    return {"ready": page.study.ready, "error": page.study.warm_error}


@router.get("/status")
def status(page: PageDep) -> dict[str, Any]:
    return {**asdict(page.study.status()), "states": page.study.states()}


@router.get("/source/{topic_id}")
def source(page: PageDep, topic_id: str, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """The learner's file; 304 where it is what the asker has, so that asking often costs little."""
    snapshot = page.study.source(topic_id)
    tag = f'"{snapshot.sha256}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if if_none_match == tag:
        return Response(status_code=304, headers=headers)
    return JSONResponse(snapshot_view(snapshot), headers=headers)


@router.put("/source/{topic_id}")
def save(page: PageDep, topic_id: str, body: SaveBody) -> dict[str, Any]:
    return snapshot_view(page.study.save(topic_id, body.text, body.expected_sha256))


@router.post("/check/{topic_id}")
def check(page: PageDep, topic_id: str, body: CheckBody) -> dict[str, Any]:
    """Save what was sent, if anything was; then the verdict, recorded before it is sent."""
    study = page.study
    topic = study.written(topic_id)
    if body.text is not None:
        study.save(topic_id, body.text, body.expected_sha256)
    verdict = study.check(topic_id, seed=body.seed, builds=body.builds)
    return after_check(study, topic, verdict)


@router.post("/hint")
def hint(page: PageDep, body: HintBody) -> dict[str, Any]:
    return asdict(page.study.hint(body.topic, body.build))


@router.post("/solution")
def solution(page: PageDep, body: HintBody) -> dict[str, Any]:
    return {"topic": body.topic, "build": body.build, "text": page.study.solution(body.topic, body.build)}


def _figure(page: Page, topic_id: str, sliders: dict[str, Any]) -> dict[str, Any]:
    return asdict(page.figure(page.study, topic_id, sliders))


@router.post("/figure/{topic_id}")
def figure(page: PageDep, topic_id: str, body: FigureBody) -> dict[str, Any]:
    return _figure(page, topic_id, dict(body.sliders))


@router.post("/resource")
def resource(page: PageDep, body: ResourceBody) -> Response:
    known = {one.id for track in page.study.roadmap.tracks for one in track.resources}
    if body.id not in known:
        return JSONResponse(
            {"error": "unknown resource", "detail": f"there is no resource {body.id!r}"}, status_code=404
        )
    page.study.progress.resource_done(body.id, body.done)
    return JSONResponse({"id": body.id, "done": body.done})


@router.post("/read")
def read(page: PageDep, body: ReadBody) -> dict[str, Any]:
    """The learner says that they have read a lesson, or takes it back."""
    topic = page.study.written(body.topic)
    page.study.progress.lesson_read(topic.id, body.read)
    return {"topic": topic.id, "state": page.study.states()[topic.id]}
