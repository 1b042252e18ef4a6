"""What a learner may turn when a model writes: bounds and starting values, for page, terminal and process alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROMPT_LENGTH = 20_000
SEED_MAX = 2**53 - 1
WHOSE = {
    "trained": "as it was trained",
    "reference": "groundup’s code only",
    "mine": "my parts as they pass now",
}


class ChatError(Exception):
    """A model cannot be made to write as asked; ``mend`` says what to do about it."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}. {mend}")
        self.problem = problem
        self.mend = mend


@dataclass(frozen=True)
class Knob:
    """One number: its bounds, and where it stands at first. ``off`` is the value at which it does nothing."""

    label: str
    low: float
    high: float
    step: float
    start: float
    help: str
    off: float | None = None


KNOBS: dict[str, Knob] = {
    "temperature": Knob("temperature", 0, 2, 0.05, 0.8, "below 1 bolder, above 1 more even; 0 takes the likeliest"),
    "top_k": Knob("top-k", 0, 200, 1, 0, "only the k likeliest tokens; 0 is off", 0),
    "top_p": Knob("top-p", 0.05, 1, 0.05, 0.95, "the likeliest tokens that together reach p; 1 is off", 1),
    "min_p": Knob("min-p", 0, 1, 0.01, 0, "only tokens at least p times as likely as the likeliest; 0 is off", 0),
    "repetition_penalty": Knob(
        "repetition penalty", 1, 2, 0.05, 1, "above 1, what was there is less likely; 1 is off", 1
    ),
    "tokens": Knob("length in tokens", 1, 512, 1, 100, "at most so many; a model's context may end it earlier"),
}
WHOLE = ("top_k", "tokens")


@dataclass(frozen=True)
class Settings:
    """How the next token is drawn: penalty, temperature, top-k, top-p, min-p, in this order."""

    temperature: float = KNOBS["temperature"].start
    top_k: int = 0
    top_p: float = KNOBS["top_p"].start
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    tokens: int = 100
    seed: int | None = None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Settings:
        """From numbers or their text; ChatError names the one that is out of bounds. None and "" are not chosen."""
        values: dict[str, Any] = {}
        for name, knob in KNOBS.items():
            if given.get(name) in (None, ""):
                continue
            number = _number(given[name])
            if not knob.low <= number <= knob.high or (name in WHOLE and not number.is_integer()):
                whole = "a whole number" if name in WHOLE else "a number"
                raise ChatError(
                    f"{knob.label} is not {given[name]!r}", f"It is {whole} from {knob.low:g} to {knob.high:g}."
                )
            values[name] = int(number) if name in WHOLE else number
        if given.get("seed") not in (None, ""):
            seed = _number(given["seed"])
            if not (seed.is_integer() and 0 <= seed <= SEED_MAX):
                raise ChatError(f"the seed is not {given['seed']!r}", "It is a whole number of at most 15 digits.")
            values["seed"] = int(seed)
        return cls(**values)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
