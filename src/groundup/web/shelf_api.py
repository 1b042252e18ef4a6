"""What scripts and the terminal ask of models: text as it is drawn, a line of JSON an event, and attention maps."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from groundup.study.chat.settings import PROMPT_LENGTH, ChatError, Settings
from groundup.web.deps import PageDep

router = APIRouter()


class GenerateBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(default="", max_length=PROMPT_LENGTH)
    whose: str = "trained"
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    tokens: int | None = None
    seed: int | None = None


class AttentionBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ids: list[int] = Field(max_length=200_000)
    layer: int
    head: int
    whose: str = "trained"


@router.get("/shelf")
def models(page: PageDep) -> list[dict[str, Any]]:
    return [one.document() for one in page.study.shelf.all()]


@router.post("/shelf/{name}/generate")
def generate(page: PageDep, name: str, body: GenerateBody) -> StreamingResponse:
    """Events as :mod:`groundup.study.chat.words` has them. What goes wrong once it has begun is an event as well."""
    settings = Settings.read(body.model_dump())
    page.study.shelf.get(name)
    events = page.study.chats.generate(name, body.prompt, settings, body.whose)
    return StreamingResponse(_lines(events), media_type="application/x-ndjson", headers={"cache-control": "no-store"})


async def _lines(events: Iterator[dict[str, Any]]) -> AsyncIterator[str]:
    """One line an event. Whoever goes away ends the writing, too."""
    try:
        while (event := await run_in_threadpool(_next, events)) is not None:
            yield json.dumps(event) + "\n"
    finally:
        # Stopping waits for the process's last word, which nobody here should wait for.
        threading.Thread(target=events.close, daemon=True).start()  # type: ignore[attr-defined]


def _next(events: Iterator[dict[str, Any]]) -> dict[str, Any] | None:
    try:
        return next(events, None)
    except ChatError as error:
        return {"kind": "failed", "message": str(error)}


@router.post("/shelf/{name}/attention")
def attention(page: PageDep, name: str, body: AttentionBody) -> dict[str, Any]:
    return page.study.chats.attention(name, body.ids, body.layer, body.head, body.whose)
