"""The first three minutes: a model that writes, with an attention that the learner breaks and repairs.

The page works without JavaScript: its form saves the file, runs the model, and answers with a page that holds the text.
With scripts the text streams in as it is written, from ``/api/first/write``, as one JSON document a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Form
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response, StreamingResponse

from groundup.study.first.content import BREAKS, BROKEN, HELD_OUT, MODEL, PROMPT, provenance
from groundup.study.plan import GOALS
from groundup.study.workspace import Conflict
from groundup.web.api import SHA256
from groundup.web.deps import Page, PageDep
from groundup.web.topic_view import source_text

router = APIRouter()
api = APIRouter()

Text = Annotated[str, Form()]


def _page(page: Page, *, status: int = 200, prompt: str = PROMPT, **said: Any) -> Response:
    snapshot = page.study.first_source()
    text, problem = source_text(snapshot)
    made = provenance()
    view = {
        "file": {"path": snapshot.path, "sha256": snapshot.sha256, "text": text},
        "problem": problem,
        "breaks": BREAKS,
        "prompt": prompt,
        "made": made,
        "reference": made["scores"]["excerpt_bits_per_byte"],
        "size": (MODEL / HELD_OUT).stat().st_size,
        "worse": BROKEN * made["scores"]["excerpt_bits_per_byte"],
        "path_there": page.study.roadmap.path_to(GOALS[0]) if GOALS[0] in page.study.roadmap.topics else [],
        "done": page.study.first_done,
        "written": None,
        "conflict": None,
    }
    return page.templates.page(page.request, "first.html", status=status, **{**view, **said})


@router.get("/first")
def first(page: PageDep) -> Response:
    page.study.first.warm()
    return _page(page)


@router.post("/first")
def first_form(page: PageDep, action: Text, text: Text = "", sha256: Text = "", prompt: Text = PROMPT) -> Response:
    """The plain form: save and write; or one of the ways to break it; or leave."""
    if action == "leave":
        page.study.first_seen()
        return RedirectResponse(f"/map?path={GOALS[0]}", status_code=303)
    for one in BREAKS:
        if action == f"break-{one.id}":
            text = one.apply(text.replace("\r\n", "\n")) or text
    try:
        snapshot = page.study.save_first(text, sha256 or None)
    except Conflict as conflict:
        return _page(page, status=409, prompt=prompt, conflict={"mine": text, "detail": str(conflict)})
    events = list(page.study.first_write(snapshot, prompt))
    written = {
        "text": "".join(one["text"] for one in events if one["kind"] == "token"),
        "bits": next((one["bits_per_byte"] for one in events if one["kind"] == "measured"), None),
        "trouble": next((one for one in events if one["kind"] in ("raised", "stopped")), None),
    }
    return _page(page, prompt=prompt, written=written)


class WriteBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    expected_sha256: str | None = Field(default=None, pattern=SHA256)
    prompt: str = Field(default=PROMPT, max_length=400)


@api.post("/first/write")
def write(page: PageDep, body: WriteBody) -> Response:
    """Save the file, then stream what the model does with it; the first line is the file as it was saved."""
    snapshot = page.study.save_first(body.text, body.expected_sha256)

    def lines() -> Iterator[str]:
        yield json.dumps({"kind": "saved", "sha256": snapshot.sha256}) + "\n"
        for event in page.study.first_write(snapshot, body.prompt):
            yield json.dumps(event) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson", headers={"cache-control": "no-store"})
