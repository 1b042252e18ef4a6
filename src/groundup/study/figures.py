"""Figures computed live by the very code that a lesson teaches: the learner's where it passes, else groundup's.

``compute`` of the learner's code runs in the sandbox like a check; ``draw`` runs here and sees plain data only.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundup.authoring import Slider
from groundup.study.topics import Topic

if TYPE_CHECKING:
    from groundup.study.service import Study

YOURS = "your code"
OURS = "groundup's code"


class FigureError(ValueError):
    """A slider that does not exist, or a value outside its range."""


@dataclass(frozen=True)
class Drawn:
    """A figure ready for the page."""

    figure: dict[str, Any]
    drawn_by: str
    caption: str
    sliders: list[dict[str, Any]]
    milliseconds: float
    note: str | None


def slider_values(sliders: Mapping[str, Slider], asked: Mapping[str, Any]) -> dict[str, float | str]:
    """Every slider's value: as asked where that is within its range, else its start; a wrong name or value raises."""
    unknown = sorted(set(asked) - set(sliders))
    if unknown:
        raise FigureError(f"no slider is called {unknown[0]!r}; there are {', '.join(sliders)}")
    values: dict[str, float | str] = {}
    for name, slider in sliders.items():
        value = asked.get(name, slider.start)
        if slider.choices:
            if value not in slider.choices:
                raise FigureError(f"{name} is one of {', '.join(slider.choices)}")
            values[name] = str(value)
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise FigureError(f"{name} is a number between {slider.low:g} and {slider.high:g}") from None
        # A slider's own places are low + steps, and the last of them may lie above high by a rounding.
        slack = 1e-9 * (slider.high - slider.low)
        if not (math.isfinite(number) and slider.low - slack <= number <= slider.high + slack):
            raise FigureError(f"{name} lies between {slider.low:g} and {slider.high:g}, not at {number:g}")
        number = min(max(number, slider.low), slider.high)
        # Whole steps arrive as floats from a page; drivers of counts want integers.
        whole = float(slider.step).is_integer() and float(slider.low).is_integer()
        values[name] = round(number) if whole else number
    return values


def _described(sliders: Mapping[str, Slider], values: Mapping[str, float | str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": one.label,
            "low": one.low,
            "high": one.high,
            "step": one.step,
            "choices": list(one.choices),
            "value": values[name],
        }
        for name, one in sliders.items()
    ]


def _whose(study: Study, topic: Topic, needed: tuple[str, ...]) -> tuple[str, str | None]:
    """Whose code draws: the learner's if every build that the figure needs passed with the file as it is now."""
    states = study.progress.build_state(topic.id)
    passed = [name for name in needed if name in states and states[name].passed]
    if len(passed) < len(needed):
        return OURS, None
    snapshot = study.workspace.read(topic)
    if any(states[name].sha256 != snapshot.sha256 for name in needed):
        return OURS, "your file has changed since it passed: check it, and the figure is drawn by your code again"
    return YOURS, None


def _by_learner(study: Study, topic: Topic, source: str, values: dict[str, Any]) -> tuple[Any, str | None]:
    """``compute`` in the sandbox: its data, or why there is none."""
    from groundup.study.check.job import Job

    snapshot = study.workspace.read(topic)
    job = Job(
        topic=topic.id,
        seed=0,
        module=snapshot.module,
        path=snapshot.path,
        source=snapshot.source,
        siblings=snapshot.siblings,
        drivers=source.encode(),
        drivers_name=f"{topic.id}/figure.py",
        builds=[build.name for build in topic.builds],
        without={},
        cases=[],
    )
    with study.sandbox.session(job) as session:
        loaded = session.load()
        if not loaded.ok:
            return None, "your file could not be loaded, so this is groundup's code"
        answer = session.call("compute", rng=False, arguments=values)
    if answer.kind is not None or answer.raised is not None:
        what = answer.kind or (answer.raised.type_name if answer.raised else "")
        return None, f"your code ended with {what} on these values, so this is groundup's code"
    return answer.value, None


def _by_us(topic: Topic, module: Any, values: dict[str, Any]) -> Any:
    """``compute`` of the reference, here: on one thread, as in the judge, because its tensors are tiny."""
    import torch

    torch.set_num_threads(1)
    return module.compute(topic.references(), **values)


def draw_figure(study: Study, topic_id: str, asked: Mapping[str, Any] | None = None) -> Drawn:
    """Compute and draw a topic's figure at the slider values ``asked``."""
    topic = study.written(topic_id)
    module = topic.figure()
    if module is None:
        raise FigureError(f"{topic_id} has no figure")
    values = slider_values(module.sliders, asked or {})
    needed = tuple(getattr(module, "needs_builds", tuple(build.name for build in topic.builds)))
    began = time.perf_counter()
    drawn_by, note = _whose(study, topic, needed)
    data: Any = None
    if drawn_by == YOURS:
        data, trouble = _by_learner(study, topic, (topic.folder / "figure.py").read_text(encoding="utf-8"), values)
        if trouble is not None:
            drawn_by, note = OURS, trouble
    if drawn_by == OURS:
        data = _by_us(topic, module, values)
    try:
        figure = module.draw(data)
    except Exception as error:
        if drawn_by == OURS:
            raise
        # What came out of the sandbox passed the checks, but may still not be what draw() expects.
        note = f"what your code returned could not be drawn ({type(error).__name__}), so this is groundup's code"
        drawn_by = OURS
        figure = module.draw(_by_us(topic, module, values))
    return Drawn(
        figure=json.loads(figure.to_json()),
        drawn_by=drawn_by,
        caption=str(getattr(module, "caption", "")),
        sliders=_described(module.sliders, values),
        milliseconds=round((time.perf_counter() - began) * 1000, 1),
        note=note,
    )
