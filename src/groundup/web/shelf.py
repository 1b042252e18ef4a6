"""The shelf's pages: the models there are, and one model that writes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from groundup.web.deps import Page, PageDep
from groundup.web.runs import SentForm
from groundup.web.shelf_view import PROMPT, knob_view, model_line, start_of, whose_view, written

router = APIRouter()


@router.get("/shelf")
def list_models(page: PageDep) -> Response:
    return page.templates.page(page.request, "shelf.html", models=[model_line(one) for one in page.study.shelf.all()])


def _model_page(page: Page, name: str, given: dict[str, Any], result: dict[str, Any] | None = None) -> Response:
    model = page.study.shelf.get(name)
    view = {
        "model": model_line(model),
        "knobs": knob_view(given),
        "choices": whose_view(model),
        "whose": given.get("whose") or start_of(model),
        "prompt": given.get("prompt", PROMPT),
        "seed": given.get("seed") or "",
        "result": result,
    }
    status = 422 if result and result["trouble"] else 200
    return page.templates.page(page.request, "model.html", status=status, **view)


@router.get("/shelf/{name}")
def show(page: PageDep, name: str) -> Response:
    return _model_page(page, name, {})


@router.post("/shelf/{name}")
def write(page: PageDep, name: str, form: SentForm) -> Response:
    """The plain form: remove the model, or let it write and answer with the page."""
    given: dict[str, Any] = {field: str(value) for field, value in form.items()}
    page.study.shelf.get(name)
    if given.get("action") == "remove":
        page.study.chats.end(name)
        page.study.shelf.remove(name)
        return RedirectResponse("/shelf", status_code=303)
    return _model_page(page, name, given, written(page.study, name, given))
