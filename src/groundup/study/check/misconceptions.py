"""Cases judged, and the known mistakes that come out just as a learner's code does.

A misconception is named from behavior: a mistake matches where it gives the learner's outcome on every failing case of
a build, or raises the same type of exception there. Source text is never looked at.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from groundup.authoring import Case
from groundup.study.check import tolerance
from groundup.study.check.compare import Difference, Path, agree, compare, number
from groundup.study.check.inprocess import ImplementationLike, Outcome, TopicLike, replaced, run_drivers
from groundup.study.check.wire import Array

MISTAKE_BUDGET = 0.3  # seconds that one mistake may take in a verdict
ALL_BUDGET = 1.5  # seconds that all of them may take
_TOO_SLOW = Outcome(kind="too slow")
_OTHER_SEEDS = (11, 23, 37, 59, 83)


class ReferenceFailed(RuntimeError):
    """The topic's own reference raised an error: our fault, never the learner's."""


@dataclass(frozen=True, eq=False)
class CaseResult:
    """One case on one implementation. ``kind`` is "passed", "wrong", "raised" or what ended the child."""

    name: str
    case: Case
    kind: str
    outcome: Outcome
    expected: Outcome
    difference: Difference | None = None

    @property
    def passed(self) -> bool:
        return self.kind == "passed"

    @property
    def changed(self) -> list[str]:
        """The inputs that were changed in place although they may not be."""
        return [] if self.case.may_change_inputs else self.outcome.inputs_changed


class UsualScales:
    """The scale that a result of the reference has for other seeds: found when first asked for, and then kept."""

    def __init__(self, topic: TopicLike) -> None:
        self.topic = topic
        self.values: dict[str, list[Any]] = {}

    def of(self, case: str) -> Callable[[Path], float]:
        """The usual scale at a path of the result of one case: the median over five fixed seeds."""

        def usual(path: Path) -> float:
            if case not in self.values:
                references = self.topic.references()
                runs = [run_drivers(self.topic, references, seed, [case])[case] for seed in _OTHER_SEEDS]
                self.values[case] = [run.value for run in runs if run.kind is None and run.raised is None]
            scales = [_scale_at(value, path) for value in self.values[case]]
            return statistics.median(scales) if scales else 0.0

        return usual


def _scale_at(value: Any, path: Path) -> float:
    for step in path:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return 0.0
    found = number(value)
    if found is not None:
        try:
            scale = abs(float(found[0]))
        except OverflowError:
            return 0.0
        return scale if scale < float("inf") else 0.0
    tensor = value.tensor if isinstance(value, Array) else value
    return tolerance.scale(tensor) if isinstance(tensor, torch.Tensor) else 0.0


def judge_case(name: str, case: Case, mine: Outcome, theirs: Outcome, usual: UsualScales) -> CaseResult:
    """What one outcome is worth, held against the reference's."""
    if theirs.raised is not None or theirs.kind is not None:
        what = f"{theirs.raised.type_name}: {theirs.raised.message}" if theirs.raised else theirs.kind
        raise ReferenceFailed(f"the reference failed in {name}: {what}")
    if mine.kind is not None:
        return CaseResult(name, case, mine.kind, mine, theirs)
    if mine.raised is not None:
        return CaseResult(name, case, "raised", mine, theirs)
    difference = compare(case, mine.value, theirs.value, usual.of(name))
    changed = mine.inputs_changed and not case.may_change_inputs
    return CaseResult(name, case, "wrong" if difference or changed else "passed", mine, theirs, difference)


def judge_outcomes(
    topic: TopicLike, mine: Mapping[str, Outcome], theirs: Mapping[str, Outcome], usual: UsualScales | None = None
) -> dict[str, CaseResult]:
    """Every case that was run, judged, in driver order."""
    usual = usual or UsualScales(topic)
    return {
        name: judge_case(name, case, mine[name], theirs[name], usual)
        for name, case in topic.cases().items()
        if name in mine
    }


def alike(case: Case, mine: Outcome, mistake: Outcome, expected: Outcome) -> bool:
    """Do two outcomes, right or wrong, come out the same?"""
    if (mine.kind, bool(mine.raised)) != (mistake.kind, bool(mistake.raised)):
        return False
    if mine.raised is not None and mistake.raised is not None:
        return mine.raised.type_name == mistake.raised.type_name
    if not case.may_change_inputs and bool(mine.inputs_changed) != bool(mistake.inputs_changed):
        return False
    return agree(case, mine.value, mistake.value, expected.value)


def failing_cases(results: Mapping[str, CaseResult], build: str) -> list[CaseResult]:
    """The failing cases that speak for a build: those about it alone where there are any, else all about it."""
    about = [one for one in results.values() if build in one.case.builds and one.kind in ("wrong", "raised")]
    return [one for one in about if one.case.builds == (build,)] or about


class Matcher:
    """Matches the outcomes of one check with the topic's mistakes, within a bounded time."""

    def __init__(
        self,
        topic: TopicLike,
        seed: int,
        usual: UsualScales | None = None,
        *,
        budget: float | None = MISTAKE_BUDGET,
    ) -> None:
        self.topic = topic
        self.seed = seed
        self.usual = usual or UsualScales(topic)
        self.budget = budget
        self.spent = 0.0  # seconds in which mistakes were run
        self._seen: dict[tuple[str, tuple[str, ...], str], Outcome] = {}

    def match(self, results: Mapping[str, CaseResult], build: str) -> list[ImplementationLike]:
        """The mistakes that explain a build's failure; several where they explain it equally well.

        First choice are those that come out like the learner's code on all failing cases, and of these the ones that
        do so on most other cases. Where there are none the learner may have made two mistakes at once: then one that
        explains the first failure, and goes wrong nowhere where the learner's code does not go wrong just so.
        """
        failing = failing_cases(results, build)
        if not failing:
            return []
        rest = [one for one in results.values() if build in one.case.builds and one not in failing]
        known = (one for one in self.topic.mistakes() if build in one.builds)
        first = [one for one in known if self._explains_all(one, failing[:1])]
        others = sorted(failing[1:], key=lambda one: one.expected.seconds)  # what is soon refuted is refuted soon
        whole = [one for one in first if self._explains_all(one, others)]
        if len(whole) == 1:
            return whole
        if whole:
            return _best([(one, self._alike_on(one, rest)) for one in whole])
        scored = [(one, self._explained(one, [*failing, *rest])) for one in first]
        return _best([(one, score) for one, score in scored if score > 0])

    def _explains_all(self, mistake: ImplementationLike, results: Sequence[CaseResult]) -> bool:
        return all(alike(one.case, one.outcome, outcome, one.expected) for one, outcome in self._runs(mistake, results))

    def _alike_on(self, mistake: ImplementationLike, results: Sequence[CaseResult]) -> int:
        """On how many of the cases it comes out like the learner's code."""
        return sum(alike(one.case, one.outcome, outcome, one.expected) for one, outcome in self._runs(mistake, results))

    def _explained(self, mistake: ImplementationLike, results: Sequence[CaseResult]) -> int:
        """How many failing cases it explains; 0 where it goes wrong in another way than the learner's code."""
        count = 0
        for one, outcome in self._runs(mistake, results):
            if alike(one.case, one.outcome, outcome, one.expected):
                count += not one.passed
            elif not judge_case(one.name, one.case, outcome, one.expected, self.usual).passed:
                return 0
        return count

    def _runs(self, mistake: ImplementationLike, results: Sequence[CaseResult]) -> Iterator[tuple[CaseResult, Outcome]]:
        """The mistake's outcome on each case; where its time is up, one that is like nothing, and the end.

        An outcome is kept: cases of one mistake are asked for more than once, and by several builds.
        """
        before = self.spent
        for result in results:
            if self.budget is not None and (self.spent - before > self.budget or self.is_late):
                yield result, _TOO_SLOW
                return
            yield result, self.outcome(mistake, result)

    @property
    def is_late(self) -> bool:
        """Whether all mistakes together have had their time."""
        return self.budget is not None and self.spent > ALL_BUDGET

    def outcome(self, mistake: ImplementationLike, result: CaseResult) -> Outcome:
        """What the mistake gives in a case, run now or before."""
        key = mistake.name, tuple(mistake.builds), result.name
        if key not in self._seen:
            began = time.perf_counter()
            names = replaced(self.topic, mistake.builds, mistake.object)
            self._seen[key] = run_drivers(self.topic, names, self.seed, [result.name])[result.name]
            self.spent += time.perf_counter() - began
        return self._seen[key]


def _best(scored: Sequence[tuple[ImplementationLike, int]]) -> list[ImplementationLike]:
    """Those with the highest score."""
    most = max((score for _, score in scored), default=0)
    return [one for one, score in scored if score == most]
