"""What a run is told: how long, how large a batch, at what learning rate, in which precision, how often it is kept.

    Settings(steps=300, batch=32, lr=3e-4, warmup=30)

An impossible value is refused when the settings are made, with what to write instead, not an hour into the run.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from groundup.stack.nn.schedules import warmup_constant, warmup_cosine, warmup_linear

SCHEDULES = {"cosine": warmup_cosine, "linear": warmup_linear, "constant": warmup_constant}
PRECISIONS = ("float32", "bfloat16", "auto")

FREE = ("accumulate", "recompute", "save_every", "evaluate_every", "keep")
"""The settings that leave every update what it is: a run may go on with others of these, as where memory ran out. With
another ``accumulate`` it is the same but for rounding and for what dropout draws."""


class SettingsError(ValueError):
    """A setting that no run can have, and what to write instead."""


@dataclass(frozen=True)
class Settings:
    """How to train.

    ``steps`` updates of the parameters, each on ``batch`` examples, which are cut into ``accumulate`` micro-batches on
    every process: the update is the same, the memory less. ``lr`` is the highest learning rate, reached after
    ``warmup`` updates, from where ``schedule`` brings it down to ``floor``. ``weight_decay``, ``betas`` and ``eps`` are
    AdamW's; ``clip`` bounds the gradient's length, None leaves it. ``precision`` is what the products are computed in;
    the parameters are always as the model has them. ``recompute`` forgets activations and computes them again when
    they are needed. ``average`` is the decay of an exponential moving average of the parameters, such as 0.999.
    ``save_every`` and ``evaluate_every`` count updates, None is only at the end; the newest ``keep`` states are kept.
    ``decay_embeddings`` says whether ``weight_decay`` acts on embeddings; on biases and norms it never does.
    """

    steps: int
    batch: int = 32
    accumulate: int = 1
    lr: float = 5e-4
    schedule: str = "cosine"
    warmup: int = 0
    floor: float = 0.0
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    clip: float | None = 1.0
    precision: str = "float32"
    recompute: bool = False
    average: float | None = None
    seed: int = 0
    save_every: int | None = None
    keep: int = 2
    evaluate_every: int | None = None
    decay_embeddings: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.betas, list):  # JSON has no tuples
            object.__setattr__(self, "betas", tuple(self.betas))
        self._check_counts()
        self._check_rates()
        _choice("schedule", self.schedule, tuple(SCHEDULES))
        _choice("precision", self.precision, PRECISIONS)
        for name in ("recompute", "decay_embeddings"):
            if not isinstance(getattr(self, name), bool):
                raise SettingsError(f"{name} is True or False, not {getattr(self, name)!r}")

    def _check_counts(self) -> None:
        for name in ("steps", "batch", "accumulate", "keep"):
            _count(name, getattr(self, name), 1)
        for name in ("warmup", "seed"):
            _count(name, getattr(self, name), 0)
        for name in ("save_every", "evaluate_every"):
            if getattr(self, name) is not None:
                _count(name, getattr(self, name), 1, " or None, for once at the end")
        if self.accumulate > self.batch:
            raise SettingsError(
                f"a batch of {self.batch} cannot be cut into {self.accumulate} micro-batches: "
                f"set accumulate to {self.batch} or less"
            )
        if self.warmup > self.steps:
            raise SettingsError(f"a warmup of {self.warmup} does not fit into {self.steps} steps: set warmup lower")

    def _check_rates(self) -> None:
        _number("lr", self.lr, 0, math.inf, open_low=True)
        _number("floor", self.floor, 0, self.lr)
        _number("weight_decay", self.weight_decay, 0, math.inf)
        _number("eps", self.eps, 0, math.inf, open_low=True)
        if not isinstance(self.betas, tuple) or len(self.betas) != 2:
            raise SettingsError(f"betas are two numbers such as (0.9, 0.999), not {self.betas!r}")
        for beta in self.betas:
            _number("each of betas", beta, 0, 1, open_high=True)
        if self.clip is not None:
            _number("clip", self.clip, 0, math.inf, open_low=True, more=" or None, for no clipping")
        if self.average is not None:
            _number("average", self.average, 0, 1, open_low=True, open_high=True, more=" or None, for no average")

    def rate(self, step: int) -> float:
        """The learning rate of update ``step``; 0 is the first."""
        return SCHEDULES[self.schedule](step, self.lr, self.warmup, self.steps, self.floor)

    def record(self) -> dict[str, Any]:
        """All settings, as JSON can hold them."""
        return {**asdict(self), "betas": list(self.betas)}


def _count(name: str, value: object, least: int, more: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingsError(f"{name} is a whole number of at least {least}{more}, not {value!r}")


def _number(
    name: str,
    value: object,
    low: float,
    high: float,
    *,
    open_low: bool = False,
    open_high: bool = False,
    more: str = "",
) -> None:
    """Raises SettingsError unless the value is a finite number between the bounds."""
    fits = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and (value > low if open_low else value >= low)
        and (value < high if open_high else value <= high)
    )
    if not fits:
        least = f"above {low:g}" if open_low else f"at least {low:g}"
        most = "" if high == math.inf else f" and {'below' if open_high else 'at most'} {high:g}"
        raise SettingsError(f"{name} is a number {least}{most}{more}, not {value!r}")


def _choice(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingsError(f"{name} is {', '.join(map(repr, known[:-1]))} or {known[-1]!r}, not {value!r}")
