"""What a learner may begin: the labs there are, and for one of them its scales, options and the parts to put in.

Also the band of reference runs that a lab's curves are drawn over, from ``band.json`` beside it::

    {"scale": {"tiny": {"loss": {"steps": [0, 10], "low": [5.1, 3.0], "high": [5.4, 3.3]}}}}
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundup.authoring import SCALES, Option
from groundup.study.parts import candidates
from groundup.study.runs.control import Runs, known_lab, lab_options, lab_topic
from groundup.study.runs.records import Record, RunError

if TYPE_CHECKING:
    from groundup.study.service import Study
    from groundup.study.topics import Topic

SCALE_WORDS = {
    "smoke": "seconds: does it run at all?",
    "tiny": "about two minutes on two cores, with a result that means something",
    "small": "up to an hour on a laptop",
    "full": "the paper's setting: days, on hardware for it",
}


@dataclass(frozen=True)
class Offer:
    """One lab, ready to be begun. ``parts`` are builds of the learner's that passed at some time, by topic."""

    topic: Topic
    scales: tuple[str, ...]
    options: Mapping[str, Option]
    parts: tuple[tuple[str, str], ...]


def offer(study: Study, lab: str) -> Offer:
    """What can be chosen for a lab; RunError where there is none, or where its file cannot be used."""
    topic = lab_topic(study, lab)
    try:
        module = topic.module("lab.py")
    except Exception as error:
        raise RunError(
            f"the lab of {topic.id} cannot be read: {type(error).__name__}: {error}", "That is ours."
        ) from error
    states = study.progress.build_states()
    parts = tuple(
        (build.name, one.title)
        for one in candidates(study)
        for build in one.builds
        if build.part and (state := states.get(one.id, {}).get(build.name)) is not None and state.passed
    )
    scales = tuple(one for one in SCALES if one in getattr(module, "scales", SCALES))
    return Offer(topic, scales, lab_options(module), parts)


def stop_soon(runs: Runs, record: Record, wait_s: float = 1.0) -> None:
    """Ask a run to rest and end, without waiting for it any longer than ``wait_s``. RunError where it does not run."""
    if not record.alive:
        raise RunError(f"{record.id} is not running ({record.state})", "There is nothing to stop.")
    asking = threading.Thread(target=_stop, args=(runs, record), name=f"groundup-stop-{record.id}", daemon=True)
    asking.start()
    asking.join(wait_s)


def _stop(runs: Runs, record: Record) -> None:
    try:
        runs.stop(record)
    except RunError:
        return  # it has just ended by itself


# ── is mine normal? ──────────────────────────────────────────────────────────


def bands(study: Study, record: Record) -> dict[str, dict[str, list[float]]]:
    """By metric: steps, low and high of reference runs with the lab's usual options; empty where there is none."""
    request = record.request
    topic = known_lab(study, request.lab)
    if topic is None or not _usual(topic, request.options):
        return {}
    try:
        raw = json.loads(topic.path("band.json").read_text(encoding="utf-8"))
        found = raw["scale"][request.scale]
        return {str(name): _band(one) for name, one in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _usual(topic: Topic, options: Mapping[str, Any]) -> bool:
    try:
        declared = lab_options(topic.module("lab.py"))
    except Exception:
        return False
    return all(options.get(name) == one.default for name, one in declared.items())


def _band(one: Mapping[str, list[float]]) -> dict[str, list[float]]:
    band = {name: [float(value) for value in one[name]] for name in ("steps", "low", "high")}
    finite = all(math.isfinite(value) for values in band.values() for value in values)
    if len({len(values) for values in band.values()}) != 1 or not finite:
        raise ValueError("a band has as many lows and highs as steps, all of them numbers")
    return band
