"""The band of reference runs that a learner's curve is drawn over: is mine normal?

A topic's ``band.json`` holds, for a scale and a metric, the least and the greatest value of a few runs with different
seeds around each of some steps. ``groundup author band`` makes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from groundup.study.topics import Topic

BAND = "band.json"
POINTS = 60
Curve = Mapping[int, float]


def band_of(curves: Sequence[Curve]) -> dict[str, list[float]]:
    """``steps``, ``low`` and ``high``: the extremes of all curves within half a step to the neighbors on each side."""
    steps = sorted(set.intersection(*(set(curve) for curve in curves)))
    if not steps:
        raise ValueError("the runs have no step in common")
    apart = max(1, len(steps) // POINTS)
    chosen = [*steps[::apart], *([steps[-1]] if (len(steps) - 1) % apart else [])]
    low, high = [], []
    for step in chosen:
        at = steps.index(step)
        near = steps[max(0, at - apart // 2) : at + apart // 2 + 1]
        values = [curve[one] for curve in curves for one in near]
        low.append(min(values))
        high.append(max(values))
    return {"steps": [float(one) for one in chosen], "low": low, "high": high}


def write_band(topic: Topic, scale: str, runs: Sequence[Mapping[str, Curve]], metrics: Sequence[str]) -> None:
    """Put the band of these runs in the topic's file, beside those of other scales."""
    path = topic.path(BAND)
    held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"scale": {}}
    held["scale"][scale] = {one: _rounded(band_of([curves[one] for curves in runs])) for one in metrics}
    path.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")


def _rounded(band: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: [round(one, 4) for one in values] for name, values in band.items()}
