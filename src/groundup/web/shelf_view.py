"""The shelf and a model's page as their templates need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from groundup.study.chat.settings import KNOBS, WHOSE, ChatError, Settings
from groundup.web.run_view import began

if TYPE_CHECKING:
    from groundup.study.service import Study
    from groundup.study.shelf import Model

PROMPT = "The "
SHARES = ((0.5, "p5"), (0.25, "p4"), (0.1, "p3"), (0.03, "p2"), (0.01, "p1"))


def model_line(model: Model) -> dict[str, Any]:
    """A model as a line of the list and as the head of its page."""
    facts = model.facts
    if model.origin == "run":
        parts = len(model.parts)
        what = f"{facts['lab']} at the scale {facts['scale']}"
        whose = f"{parts} of your parts" if parts else "groundup’s parts"
    else:
        what, whose = (
            f"{facts.get('family', 'a model')} with {_count(facts.get('parameters'))} parameters",
            "groundup’s parts",
        )
    return {
        "name": model.name,
        "origin": model.origin,
        "what": what,
        "whose": whose,
        "when": began(str(facts.get("made") or facts.get("added") or "")),
        "licence": facts.get("licence") or "not known",
        "scores": list(model.scores.items()),
        "parts": list(model.parts),
        "source": facts.get("run") or facts.get("source") or "",
        "data": dict(facts.get("data") or {}),
        "sha256": dict(facts.get("sha256") or {}),
    }


def _count(number: Any) -> str:
    """``_count(124439808)`` is "124 M"."""
    if not isinstance(number, int):
        return "unknown"
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def knob_view(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sliders, at the values that were sent or at their starts."""
    return [
        {
            "name": name,
            "label": one.label,
            "low": one.low,
            "high": one.high,
            "step": one.step,
            "help": one.help,
            "value": values.get(name) if values.get(name) not in (None, "") else one.start,
        }
        for name, one in KNOBS.items()
    ]


def whose_view(model: Model) -> list[tuple[str, str]]:
    """Whose code can compute it; what was added was trained with nobody's parts."""
    return [(name, words) for name, words in WHOSE.items() if model.origin == "run" or name != "trained"]


def start_of(model: Model) -> str:
    return "trained" if model.origin == "run" else "reference"


def share_class(p: float | None) -> str:
    """How surprising a token was, as one of a few tints; the exact number is said beside it."""
    if p is None:
        return "none"
    return next((name for least, name in SHARES if p >= least), "p0")


def written(study: Study, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a plain form gets: everything at once, or what went wrong."""
    found: dict[str, Any] = {"tokens": [], "said": "", "trouble": None}
    try:
        settings = Settings.read(given)
        whose = str(given.get("whose") or "trained")
        for word in study.chats.generate(name, str(given.get("prompt") or ""), settings, whose):
            if word["kind"] == "prompt":
                found["tokens"] += [{**one, "class": share_class(one["p"]), "given": True} for one in word["tokens"]]
            elif word["kind"] == "token":
                one = word["token"]
                found["tokens"].append({**one, "class": share_class(one["p"]), "given": False})
            elif word["kind"] == "failed":
                found["trouble"] = word["message"]
    except ChatError as error:
        found["trouble"] = str(error)
    return found
