"""The pages of runs: the list, one run, two side by side, and the form that begins one."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, HTTPException, Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from groundup.study.runs import control
from groundup.study.runs.offers import offer, stop_soon
from groundup.study.runs.records import Record, RunError
from groundup.web.deps import Page, PageDep
from groundup.web.run_view import begin_view, comparison_view, lab_lines, run_lines, run_view

router = APIRouter()

LabQuery = Annotated[str | None, Query(max_length=100)]
RunQuery = Annotated[str, Query(max_length=100)]
OPTION = "option-"


async def sent_form(request: Request) -> FormData:
    """The fields of a form whose names the lab decides."""
    return await request.form()


SentForm = Annotated[FormData, Depends(sent_form)]


def known_run(page: Page, run_id: str) -> Record:
    """The run of that name; 404 with the names that there are."""
    try:
        return page.study.runs.get(run_id)
    except RunError as error:
        raise HTTPException(404, str(error)) from error


@router.get("/runs")
def list_runs(page: PageDep, lab: LabQuery = None) -> Response:
    lines = run_lines(page.study, lab)
    return page.templates.page(page.request, "runs.html", runs=lines, labs=lab_lines(page.study), lab=lab)


# ── beginning ────────────────────────────────────────────────────────────────


def _begin_page(page: Page, lab: str, given: dict[str, Any], trouble: str | None = None) -> Response:
    offered = offer(page.study, lab)
    status = 422 if trouble else 200
    return page.templates.page(
        page.request, "run_new.html", status=status, trouble=trouble, **begin_view(offered, given)
    )


@router.get("/runs/new")
def ask_to_begin(page: PageDep, lab: Annotated[str, Query(max_length=100)]) -> Response:
    given = {"scale": "tiny", "whose": "all", "parts": [], "seed": "0", "options": {}}
    return _begin_page(page, lab, given)


@router.post("/runs/new")
def begin(page: PageDep, form: SentForm) -> Response:
    """Check the parts, begin the process, and go to its page; what was wrong is said above the form."""
    lab = str(form.get("lab", ""))
    options = {name.removeprefix(OPTION): str(value) for name, value in form.items() if name.startswith(OPTION)}
    given: dict[str, Any] = {
        "scale": str(form.get("scale", "tiny")),
        "whose": str(form.get("whose", "all")),
        "parts": [str(one) for one in form.getlist("part")],
        "seed": str(form.get("seed", "0")),
        "options": options,
    }
    try:
        if not given["seed"].isdecimal() or len(given["seed"]) > 15:
            raise RunError(f"the seed is not {given['seed']!r}", "It is a whole number of at most 15 digits.")
        record = control.begin(
            page.study,
            lab,
            given["scale"],
            {name: value for name, value in options.items() if value != ""},
            reference=given["whose"] == "reference",
            mine=given["parts"] if given["whose"] == "some" else None,
            seed=int(given["seed"]),
        )
    except RunError as error:
        return _begin_page(page, lab, given, str(error))
    return RedirectResponse(f"/runs/{quote(record.id)}", status_code=303)


# ── two, and one ─────────────────────────────────────────────────────────────


@router.get("/runs/compare")
def compare(page: PageDep, first: RunQuery, second: RunQuery) -> Response:
    one, other = known_run(page, first), known_run(page, second)
    ids = [record.id for record in page.study.runs.all()]
    view = comparison_view(page.study, one, other)
    return page.templates.page(page.request, "run_compare.html", found=view, ids=ids)


@router.get("/runs/{run_id}")
def show(page: PageDep, run_id: str) -> Response:
    view = run_view(page.study, known_run(page, run_id))
    return page.templates.page(page.request, "run.html", **view)


@router.post("/runs/{run_id}")
def change(page: PageDep, run_id: str, action: Annotated[str, Form()]) -> Response:
    """Stop, resume or remove, and show the run, or the list where it is gone."""
    record = known_run(page, run_id)
    if action == "stop":
        stop_soon(page.study.runs, record)
    elif action == "resume":
        control.resume(page.study, record)
    elif action == "remove":
        page.study.runs.remove(record)
        return RedirectResponse("/runs", status_code=303)
    else:
        raise HTTPException(422, f"A run cannot be asked to {action!r}.")
    return RedirectResponse(f"/runs/{quote(run_id)}", status_code=303)
