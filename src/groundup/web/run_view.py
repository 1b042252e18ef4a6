"""Runs as their templates and scripts need them: what the study says of them, joined and put into words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from groundup.study.runs.control import known_lab
from groundup.study.runs.offers import SCALE_WORDS, bands
from groundup.study.runs.records import RunError
from groundup.study.runs.story import Story, latest, plain, stopping, thinned
from groundup.web.words import number

if TYPE_CHECKING:
    from groundup.study.runs.offers import Offer
    from groundup.study.runs.records import Record, UsedPart
    from groundup.study.service import Study

TABLE_STEPS = 12
HEAD_SCORES = 4
COMPARED_POINTS = 800


def began(text: str) -> str:
    """When it began, in this machine's time."""
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return text


def _state(record: Record) -> str:
    return "stopping" if stopping(record) else record.state


def run_lines(study: Study, lab: str | None = None) -> list[dict[str, Any]]:
    """A line for each run, the newest first; one that cannot be read says so instead of hiding the others."""
    lines: list[dict[str, Any]] = []
    for record in study.runs.all():
        try:
            request = record.request
        except RunError as error:
            lines.append({"id": record.id, "trouble": str(error)})
            continue
        if lab is not None and request.lab != lab:
            continue
        told = latest(record)
        one = told["progress"]
        lines.append(
            {
                "id": record.id,
                "trouble": None,
                "state": _state(record),
                "lab": request.lab,
                "scale": request.scale,
                "parts": len(request.parts),
                "began": began(request.began),
                "share": one["done"] / one["total"] if one and one["total"] else None,
                "scores": list(told["scores"].items())[:HEAD_SCORES],
            }
        )
    return lines


def lab_lines(study: Study) -> list[dict[str, str]]:
    """The labs that can be begun, in the order of the road map."""
    from groundup.study.runs.control import labs

    return [
        {"id": one.id, "href": one.href, "title": one.title, "what": sentence(one.lab or "")} for one in labs(study)
    ]


def sentence(text: str) -> str:
    """Words as a sentence of their own."""
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "?", ")")) else ".")


# ── one run ──────────────────────────────────────────────────────────────────


def run_view(study: Study, record: Record) -> dict[str, Any]:
    """Everything that the page of one run shows."""
    request, story = record.request, study.stories.tell(record)
    topic = known_lab(study, request.lab)
    end, state = record.end, _state(record)
    return {
        "run": record.id,
        "state": state,
        "alive": record.alive,
        "can_resume": record.can_resume,
        "message": end["message"] if end and state in ("failed", "stopped") else "",
        "log": record.log if state in ("failed", "killed") else "",
        "asked": request,
        "began": began(request.began),
        "lab": {
            "id": request.lab,
            "title": topic.title if topic else request.lab,
            "href": topic.href if topic else None,
        },
        "parts_used": [_part(study, one) for one in request.parts],
        "story": story,
        "progress": progress_view(story),
        "facts": _facts(story),
        "texts": list(reversed(story.texts)),
        "curves": curve_table(story),
        "others": [one.id for one in study.runs.all() if one.id != record.id],
    }


def _part(study: Study, one: UsedPart) -> dict[str, Any]:
    topic = study.roadmap.topics.get(one.topic)
    return {"build": one.build, "topic": one.topic, "title": topic.title if topic else one.topic, "sha256": one.sha256}


def _facts(story: Story) -> list[tuple[str, Any]]:
    """What the lab said it would take."""
    if story.expected is None:
        return []
    return [(name.replace("_", " "), value) for name, value in story.expected["facts"].items()]


def progress_view(story: Story) -> dict[str, Any] | None:
    one = story.progress
    if one is None:
        return None
    return {
        "label": one["label"],
        "done": max(0, one["done"]),
        "total": one["total"],
        "left": story.seconds_left,
        "from": story.from_done,
    }


def curve_table(story: Story) -> dict[str, Any] | None:
    """The curves in numbers: a few steps, spread evenly; each metric at the last step that it has by then."""
    if not story.curves:
        return None
    every = sorted({step for curve in story.curves.values() for step in curve})
    count = min(TABLE_STEPS, len(every))
    steps = [every[round(at * (len(every) - 1) / max(1, count - 1))] for at in range(count)]
    rows = []
    for step in dict.fromkeys(steps):
        cells = []
        for curve in story.curves.values():
            before = [one for one in curve if one <= step]
            cells.append(curve[max(before)] if before else None)
        rows.append([step, *cells])
    return {"head": ["step", *(name.replace("_", " ") for name in story.curves)], "rows": rows}


def story_view(study: Study, record: Record) -> dict[str, Any]:
    """What a page's script begins with; it goes on with the events from ``at``."""
    story = study.stories.tell(record)
    curves = {}
    for name, curve in story.curves.items():
        steps, values = thinned(curve)
        curves[name] = {"steps": steps, "values": values}
    return {
        "run": record.id,
        "state": _state(record),
        "at": story.at,
        "progress": plain(progress_view(story)),
        "curves": curves,
        "bands": bands(study, record),
    }


# ── two runs ─────────────────────────────────────────────────────────────────


def comparison_view(study: Study, first: Record, second: Record) -> dict[str, Any]:
    """Two runs side by side, with the curves that both have."""
    from groundup.study.runs.comparing import compare

    found: dict[str, Any] = compare(first, second)
    found["labs"] = [first.request.lab, second.request.lab]
    return found


def compared_curves(study: Study, first: Record, second: Record) -> dict[str, Any]:
    """For the script that draws them over each other."""
    stories = [study.stories.tell(one) for one in (first, second)]
    curves = {}
    for name in stories[0].curves:
        if name in stories[1].curves:
            both = [thinned(one.curves[name], COMPARED_POINTS) for one in stories]
            curves[name] = [{"steps": steps, "values": values} for steps, values in both]
    return {"runs": [first.id, second.id], "curves": curves, "bands": bands(study, first)}


# ── beginning one ────────────────────────────────────────────────────────────


def begin_view(offer: Offer, given: dict[str, Any]) -> dict[str, Any]:
    """The form for one lab: what can be chosen, and what was chosen by whoever sees it again."""
    options = [
        {
            "name": name,
            "help": sentence(one.help),
            "kind": one.kind,
            "choices": list(one.choices),
            "low": one.low if one.low > float("-inf") else None,
            "high": one.high if one.high < float("inf") else None,
            "value": given["options"].get(name, number(one.default)),
        }
        for name, one in offer.options.items()
    ]
    return {
        "topic": offer.topic,
        "what": sentence(offer.topic.lab or ""),
        "scales": [(one, SCALE_WORDS[one]) for one in offer.scales],
        "mine": offer.parts,
        "options": options,
        "given": given,
    }
