"""What a run has told so far, put together for whoever looks at it now: a page, or a script that goes on from there.

A :class:`Story` is brought up to date by reading only what was added since, so that a page on a run of a million steps
costs little. ``Story.at`` is the byte up to which it was told; the events from there on complete it.

What a run says may be a hostile part's word: everything kept here is bounded in number, as :mod:`.records` bounds it in
size.
"""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from groundup.study.runs.records import Event, Record

CURVES = 40
POINTS = 200_000
SHOWN_POINTS = 1_500
TEXTS, TABLES = 40, 20
KEPT_STORIES = 8
TAIL_BYTES = 256 * 1024


@dataclass
class Story:
    """All that was said up to byte ``at``; of texts and tables the latest."""

    at: int = 0
    began: int = 0  # how often the process has begun
    isolation: str = ""
    expected: dict[str, Any] | None = None
    progress: dict[str, Any] | None = None
    from_done: int = 0
    curves: dict[str, dict[int, float]] = field(default_factory=dict)
    texts: list[dict[str, Any]] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    saved: bool = False
    scores: dict[str, Any] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        """Add one event. What was computed again after a resumption stands in place of what it repeats."""
        self.at = event.at
        values = event.values
        if event.kind == "log":
            self._log(values["step"], values["metrics"])
        elif event.kind == "progress":
            if values["seconds"] == 0:  # where it began: what was done before a resumption took no time of this one
                self.from_done = values["done"]
            self.progress = values
        elif event.kind == "text":
            _keep(self.texts, values, TEXTS)
        elif event.kind == "table":
            _keep(self.tables, values, TABLES)
        elif event.kind == "begin":
            self.began += 1
            self.isolation = values["isolation"]
        elif event.kind == "expect":
            self.expected = values
        elif event.kind == "saved":
            self.saved = True
        elif event.kind == "result":
            self.scores = values["scores"]

    @property
    def seconds_left(self) -> float | None:
        """How long what is tracked now will take at its pace so far; None where that is not known."""
        one = self.progress
        if one is None or one["total"] is None or one["done"] <= self.from_done or not one["seconds"] > 0:
            return None
        pace = float(one["seconds"]) / float(one["done"] - self.from_done)
        return pace * float(one["total"] - one["done"])

    def _log(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            curve = self.curves.get(name)
            if curve is None:
                if len(self.curves) >= CURVES:
                    continue
                curve = self.curves[name] = {}
            curve[step] = value
            if len(curve) > POINTS:
                for one in sorted(curve)[1::2]:
                    del curve[one]


def _keep(kept: list[dict[str, Any]], new: dict[str, Any], most: int) -> None:
    """A text or table of the same title and step is told again by a resumed run, and takes the older one's place."""
    mark = (new["title"], new.get("step"))
    kept[:] = [one for one in kept if (one["title"], one.get("step")) != mark][-(most - 1) :]
    kept.append(new)


class Stories:
    """The stories of a home's runs; the latest asked for are remembered and read on from where they were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], Story] = OrderedDict()

    def tell(self, record: Record) -> Story:
        """The story as it is now. It may grow while it is looked at: readers take what they need at once."""
        try:
            # A removed run's name is given again; its folder is another one.
            mark = (str(record.folder), os.stat(record.folder / "request.json").st_ino)
        except OSError:
            return Story()
        with self._lock:
            story = self._kept.pop(mark, None) or Story()
            self._kept[mark] = story
            while len(self._kept) > KEPT_STORIES:
                self._kept.popitem(last=False)
            for event in record.events(story.at):
                story.hear(event)
            return Story(**{**vars(story), "curves": {name: dict(one) for name, one in story.curves.items()}})


def latest(record: Record) -> dict[str, Any]:
    """The last progress, the result and what was saved, from the end of what was said: lists read no run as a whole."""
    try:
        size = (record.folder / "events.jsonl").stat().st_size
    except OSError:
        size = 0
    found: dict[str, Any] = {"progress": None, "scores": {}, "saved": {}}
    # The first line is cut, and a cut line is not an event.
    for event in record.events(max(0, size - TAIL_BYTES)):
        if event.kind == "progress":
            found["progress"] = event.values
        elif event.kind == "result":
            found["scores"] = event.values["scores"]
        elif event.kind == "saved":
            found["saved"] = event.values["scores"]
    return found


def thinned(curve: Mapping[int, float], most: int = SHOWN_POINTS) -> tuple[list[int], list[float | None]]:
    """Steps in order and their values, at most so many, the last one always among them; what is no number is None."""
    steps = sorted(curve)
    every = max(1, math.ceil(len(steps) / most))
    kept = [step for at, step in enumerate(steps) if at % every == 0 or at == len(steps) - 1]
    return kept, [value if math.isfinite(value) else None for value in map(curve.__getitem__, kept)]


def stopping(record: Record) -> bool:
    """Whether it was asked to stop and has not ended yet."""
    return (record.folder / "stop").exists() and record.alive


def plain(value: Any) -> Any:
    """The value as JSON has it: a number that is none becomes None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
