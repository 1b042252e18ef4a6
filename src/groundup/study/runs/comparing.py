"""Two runs side by side."""

from __future__ import annotations

from typing import Any

from groundup.study.runs.records import Record


def compare(first: Record, second: Record) -> dict[str, Any]:
    """What differs in what they were asked for, where their curves first part, and their scores beside each other."""
    one, other = first.request, second.request
    asked: dict[str, list[Any]] = {}
    for name in ("lab", "scale", "seed", "threads"):
        if getattr(one, name) != getattr(other, name):
            asked[name] = [getattr(one, name), getattr(other, name)]
    for name in sorted(one.options.keys() | other.options.keys()):
        if one.options.get(name) != other.options.get(name):
            asked[f"--{name}"] = [one.options.get(name), other.options.get(name)]
    parts = [{part.build: part.sha256 for part in request.parts} for request in (one, other)]
    if parts[0] != parts[1]:
        asked["parts"] = [
            ", ".join(sorted(name for name, sha in mine.items() if theirs.get(name) != sha)) or "(the same or fewer)"
            for mine, theirs in ((parts[0], parts[1]), (parts[1], parts[0]))
        ]
    curves = [first.curves(), second.curves()]
    scores = [first.scores(), second.scores()]
    return {
        "runs": [first.id, second.id],
        "states": [first.state, second.state],
        "asked": asked,
        "scores": {
            name: [scores[0].get(name), scores[1].get(name)] for name in dict.fromkeys([*scores[0], *scores[1]])
        },
        "curves": {name: _parting(curves[0][name], curves[1][name]) for name in curves[0] if name in curves[1]},
    }


def _parting(one: dict[int, float], other: dict[int, float]) -> dict[str, Any]:
    """How many steps both have, from which on they differ (None: nowhere), and the last values at a common step."""
    common = sorted(one.keys() & other.keys())
    parted = next((step for step in common if one[step] != other[step]), None)
    last = common[-1] if common else None
    return {
        "common_steps": len(common),
        "equal_until": parted,
        "last_step": last,
        "last": None if last is None else [one[last], other[last]],
    }
