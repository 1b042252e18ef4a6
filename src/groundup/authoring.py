"""The vocabulary of topic files: how a driver's result is compared, what a wrong answer stands for, what a slider is.

A topic's ``checks.py`` binds one case to each driver of ``drivers.py``, by name::

    masked = close("masked keys get no weight", builds="scaled_dot_product_attention", reduction=8)

``mistakes.py`` and ``alternatives.py`` mark each implementation with the build that it stands in for::

    @replaces("scaled_dot_product_attention")
    def scale_missing(q, k, v, mask=None):
        '''The scores are not divided by the square root of the key dimension.'''

``figure.py`` names its controls with :func:`slider`. ``lab.py`` has ``run(run, scale)``, which speaks through a
:class:`Run`, and may have ``options`` (what a learner may choose) and ``prepare(options, scale)`` (what it reads from
the machine before the run's walls go up). Nothing here imports torch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

How = Literal[
    "close",
    "exact",
    "up_to_sign",
    "up_to_permutation",
    "same_subspace",
    "distributed_as",
    "at_least",
    "at_most",
    "valid",
]

Implementation = TypeVar("Implementation", bound=Callable[..., Any])


@dataclass(frozen=True)
class Case:
    """How the judge compares what one driver returned on the learner's code with what it returned on the reference.

    ``title`` says what must be true, in a learner's words. ``builds`` are the builds it speaks about. ``reduction`` is
    the longest sum behind one number of the result; with the dtype it gives the tolerance. ``conditioning`` multiplies
    that tolerance where the problem itself magnifies rounding, and must be explained by ``because``.
    """

    title: str
    builds: tuple[str, ...]
    how: How
    reduction: int = 1
    conditioning: float = 1.0
    because: str = ""
    share: float = 1.0
    dtype_matters: bool = True
    may_change_inputs: bool = False
    holds: Callable[[Any, Any], str | None] | None = field(default=None, compare=False)


def _builds(builds: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (builds,) if isinstance(builds, str) else tuple(builds)


def close(
    title: str,
    *,
    builds: str | tuple[str, ...],
    reduction: int = 1,
    conditioning: float = 1.0,
    because: str = "",
    dtype_matters: bool = True,
    may_change_inputs: bool = False,
) -> Case:
    """Equal structure, shapes and dtypes; numbers equal up to the rounding that dtype and reduction length explain."""
    if not (conditioning >= 1.0 and math.isfinite(conditioning)):
        raise ValueError(f"conditioning must be a finite number of at least 1, not {conditioning}")
    if conditioning > 1.0 and not because:
        raise ValueError("conditioning above 1 loosens the tolerance: say why with because=…")
    return Case(
        title,
        _builds(builds),
        "close",
        reduction=reduction,
        conditioning=conditioning,
        because=because,
        dtype_matters=dtype_matters,
        may_change_inputs=may_change_inputs,
    )


def exact(
    title: str, *, builds: str | tuple[str, ...], dtype_matters: bool = True, may_change_inputs: bool = False
) -> Case:
    """Equal to the last bit: integers, strings, lists, masks, whether something was raised."""
    return Case(title, _builds(builds), "exact", dtype_matters=dtype_matters, may_change_inputs=may_change_inputs)


def up_to_sign(title: str, *, builds: str | tuple[str, ...], reduction: int = 1) -> Case:
    """Each row equal up to its sign, as eigenvectors are."""
    return Case(title, _builds(builds), "up_to_sign", reduction=reduction)


def up_to_permutation(title: str, *, builds: str | tuple[str, ...], reduction: int = 1) -> Case:
    """The same rows in any order."""
    return Case(title, _builds(builds), "up_to_permutation", reduction=reduction)


def same_subspace(title: str, *, builds: str | tuple[str, ...], reduction: int = 1) -> Case:
    """Rows that span the same subspace."""
    return Case(title, _builds(builds), "same_subspace", reduction=reduction)


def distributed_as(title: str, *, builds: str | tuple[str, ...], may_change_inputs: bool = False) -> Case:
    """Samples (one vector) from the distribution that the reference samples from; false alarm at most 1e-9."""
    return Case(title, _builds(builds), "distributed_as", may_change_inputs=may_change_inputs)


def at_least(title: str, share: float, *, builds: str | tuple[str, ...], may_change_inputs: bool = False) -> Case:
    """A number of at least ``share`` times the reference's."""
    return Case(title, _builds(builds), "at_least", share=share, may_change_inputs=may_change_inputs)


def at_most(title: str, share: float, *, builds: str | tuple[str, ...]) -> Case:
    """A number of at most ``share`` times the reference's."""
    return Case(title, _builds(builds), "at_most", share=share)


def valid(title: str, holds: Callable[[Any, Any], str | None], *, builds: str | tuple[str, ...]) -> Case:
    """``holds(returned, expected)`` in the judge: None where the result is valid, else what is wrong with it.

    ``returned`` is decoded plain data (None, bool, int, float, str, bytes, torch.Tensor, list, dict) and may be
    anything that a learner can write: check types before use.
    """
    return Case(title, _builds(builds), "valid", holds=holds)


def refused(returned: Any, expected: Any, error: str = "ValueError") -> str | None:
    """For :func:`valid`: every call, each answered by what it raised (``rng.attempt``), was answered by this error."""
    if not isinstance(returned, list) or len(returned) != len(expected):
        return "one answer for each call was expected"
    for answer in returned:
        families = getattr(answer, "mro", None)
        if families is None:
            return f"no error came where {_article(error)} {error} was to be raised"
        if not any(name.rpartition(".")[2] == error for name in families):
            return f"{_article(error)} {error} was to be raised, not {_article(answer.type_name)} {answer.type_name}"
    return None


def refused_with_shapes(returned: Any, expected: Any) -> str | None:
    """As :func:`refused`; each message also holds every number that the reference's names after "got"."""
    wrong = refused(returned, expected)
    if wrong is None:
        for answer, right in zip(returned, expected, strict=True):
            wanted = re.findall(r"\d+", right.message.rpartition("got")[2])
            if not set(wanted) <= set(re.findall(r"\d+", answer.message)):
                return "the ValueError's message does not hold the shapes that were given"
    return wrong


def _article(word: str) -> str:
    return "an" if word[:1] in "AEIOU" else "a"


def replaces(*builds: str) -> Callable[[Implementation], Implementation]:
    """Mark a function or class of mistakes.py or alternatives.py as an implementation of a build.

    The object's name is the misconception (or the style); its docstring is the hint shown to the learner.
    """

    def mark(implementation: Implementation) -> Implementation:
        implementation.__dict__  # noqa: B018  (built-ins cannot be marked: fail here, with this line in the traceback)
        implementation.replaces = builds  # type: ignore[attr-defined]
        return implementation

    return mark


@dataclass(frozen=True)
class Slider:
    """A control of a figure: a number between ``low`` and ``high`` in steps of ``step``, or one of ``choices``."""

    label: str
    low: float = 0.0
    high: float = 1.0
    step: float = 0.1
    start: float | str = 0.0
    choices: tuple[str, ...] = ()


def slider(
    label: str,
    low: float = 0.0,
    high: float = 1.0,
    *,
    step: float = 0.1,
    start: float | str | None = None,
    choices: tuple[str, ...] = (),
) -> Slider:
    """A control for figure.py: ``sliders = {"angle": slider("angle between u and v (degrees)", 0, 180, step=5)}``."""
    if choices:
        return Slider(label, start=start if start is not None else choices[0], choices=choices)
    if not low < high or step <= 0:
        raise ValueError(f"slider {label!r}: low < high and step > 0 are needed, not {low}, {high}, {step}")
    return Slider(label, low, high, step, low if start is None else start)


# ── labs ─────────────────────────────────────────────────────────────────────

Scale = Literal["smoke", "tiny", "small", "full"]
SCALES: tuple[Scale, ...] = ("smoke", "tiny", "small", "full")
"""smoke: seconds, in the tests; tiny: two minutes on two cores; small: an hour; full: the paper's setting."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Option:
    """What a learner may choose for a lab, as ``--name value``: a ``text``, a ``number`` or the path of a ``file``.

    A number lies between ``low`` and ``high``; with ``choices`` the value is one of them. None is "not chosen".
    """

    help: str
    kind: Literal["text", "number", "file"] = "text"
    default: str | float | None = None
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inputs:
    """What a lab reads, gathered before its process is walled in: files by name, and where they come from.

    ``provenance`` is shown wherever the run is: source, licence, size, real or generated.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    provenance: Mapping[str, str | int | float] = field(default_factory=dict)


class Run(Protocol):
    """What a lab's ``run(run, scale)`` may do besides computing. Everything it says is on disk before it is shown."""

    @property
    def options(self) -> Mapping[str, Any]:
        """The learner's choices, every declared option there."""

    @property
    def parts(self) -> Sequence[str]:
        """The builds of the learner's that are in use, by name."""

    @property
    def free_mb(self) -> float:
        """The memory that was free when the process began, in MB: a lab scales down rather than run out."""

    @property
    def reference(self) -> Mapping[str, float]:
        """What the lab's ``probe(scale, free_mb)``, where it has one, measured before the learner's parts went in;
        empty where none of theirs is used."""

    @property
    def state(self) -> dict[str, Any] | None:
        """What the last checkpoint held; None at a run's first start.

        The process-wide random sources are seeded before ``run`` is called, and restored where there is a state: a lab
        seeds only generators of its own, and only where there is no state.
        """

    def input(self, name: str) -> Path:
        """A file of the lab's :class:`Inputs`."""

    def expect(self, *, seconds: float, memory_mb: float, **facts: str | float) -> None:
        """Say what the run will take, before it takes it."""

    def track(self, items: Iterable[Item], label: str, total: int | None = None, done: int = 0) -> Iterator[Item]:
        """Go through the items with a progress bar; ``done`` of the total were done before a resumption."""

    def log(self, step: int, **metrics: float) -> None:
        """Points of curves."""

    def text(self, title: str, text: str, step: int | None = None) -> None:
        """A text to look at, such as a sample."""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str | float | int | None]]) -> None:
        """A table to look at."""

    def checkpoint(self, make: Callable[[], dict[str, Any]], *, now: bool = False) -> None:
        """Offer a resting point: ``make()`` gives the state (numbers, texts, tensors, lists, dicts) to resume from.

        Written when some time has passed since the last one, when the learner wants to stop, or ``now``. Where the run
        is to stop it ends here.
        """

    def save(self, write: Callable[[Path], None], **scores: float | str) -> None:
        """Put a model on the learner's shelf: ``write(folder)`` writes the Hub's files into it."""

    def result(self, **scores: float | str | bool) -> None:
        """What came out, beside the baselines that it is to be compared with."""
