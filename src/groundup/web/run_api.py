"""What scripts ask of runs: their story so far, and what happens from there on as server-sent events.

An event's id is the byte at which the next one begins in the run's own file, so whoever comes back says where it was,
and misses nothing, whether it was the page, the connection or the server that had gone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from groundup.study.runs.story import plain, stopping
from groundup.web.deps import PageDep
from groundup.web.run_view import compared_curves, story_view
from groundup.web.runs import RunQuery, known_run

if TYPE_CHECKING:
    from groundup.study.runs.records import Record

router = APIRouter()

POLL_S = 0.2
SILENCE_S = 10.0
AT_ONCE = 500
RETRY_MS = 1000


@router.get("/runs/compare")
def compare(page: PageDep, first: RunQuery, second: RunQuery) -> dict[str, Any]:
    return compared_curves(page.study, known_run(page, first), known_run(page, second))


@router.get("/runs/{run_id}")
def story(page: PageDep, run_id: str) -> dict[str, Any]:
    return story_view(page.study, known_run(page, run_id))


@router.get("/runs/{run_id}/events")
async def events(
    page: PageDep,
    run_id: str,
    after: Annotated[int, Query(ge=0)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Every event after ``after``, or after the one that the browser says it saw last, until the run has ended."""
    record = await run_in_threadpool(known_run, page, run_id)
    if last_event_id is not None and last_event_id.isdecimal() and len(last_event_id) < 16:
        after = int(last_event_id)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_stream(page.request, record, after), media_type="text/event-stream", headers=headers)


async def _stream(request: Request, record: Record, after: int) -> AsyncIterator[str]:
    """Never a thread held while nothing happens: many pages may watch."""
    yield f"retry: {RETRY_MS}\n\n"
    silent = 0.0
    while not getattr(request.app.state, "ending", False):
        state, found = await run_in_threadpool(_news, record, after)
        for at, kind, values in found:
            after = at
            yield f"id: {at}\nevent: {kind}\ndata: {json.dumps(values)}\n\n"
        if found:
            silent = 0.0
            continue
        if state not in ("running", "stopping"):
            yield f"id: {after}\nevent: over\ndata: {json.dumps({'state': state})}\n\n"
            return
        await asyncio.sleep(POLL_S)
        silent += POLL_S
        if silent >= SILENCE_S:  # a word now and then shows both ends that the other is there
            silent = 0.0
            yield ": nothing new\n\n"


def _news(record: Record, after: int) -> tuple[str, list[tuple[int, str, Any]]]:
    """How it stands, asked first, so that what it said before it ended is told before that it ended."""
    state = "stopping" if stopping(record) else record.state
    return state, [(one.at, one.kind, plain(one.values)) for one in islice(record.events(after), AT_ONCE)]
