"""From kept predictions to a table: both sides' means and their spread, the baseline, and whether the sides are alike.

Two one-sided tests (Schuirmann 1987) at 5 % each by the stack's bootstrap over examples and seeds, two runs of one seed
being a pair (the same first weights, the same examples in each update): the sides are equivalent where the 90 %
interval of their difference lies within the margin. "Not shown" is not "different": few seeds leave wide intervals.
Where the classical baseline beats our side is tested on the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from groundup.stack.tasks.metrics.resampling import difference_interval, equivalence, interval
from real.measures import MEASURES, Measure
from real.outcomes import Outcome
from real.plans import Plan

RESAMPLES = 2000


@dataclass(frozen=True)
class Side:
    """``scores`` one a seed, as people read them; parameters, and of a run the mean tokens and the median seconds."""

    scores: list[float]
    parameters: int
    seconds: float
    tokens: float

    @property
    def mean(self) -> float:
        return float(np.mean(self.scores))

    @property
    def spread(self) -> float:
        """The standard deviation over seeds."""
        return float(np.std(self.scores, ddof=1)) if len(self.scores) > 1 else 0.0


@dataclass(frozen=True)
class Verdict:
    """One task. ``difference`` is ours less theirs with its 90 % interval, in points, or for a perplexity in percent;
    ``ahead`` is the baseline less ours with its 95 % interval, positive where the baseline is better."""

    task: str
    measure: str
    unit: str
    smaller: bool
    examples: int
    ours: Side
    theirs: Side
    baselines: dict[str, float]
    baseline: str
    difference: float
    low: float
    high: float
    margin: float
    equivalent: bool
    ahead: float
    ahead_low: float
    ahead_high: float

    @property
    def learned(self) -> bool:
        """Whether our side is better than the weakest of the baselines: two models that learned nothing are alike."""
        weakest = (max if self.smaller else min)(self.baselines.values())
        return self.ours.mean < weakest if self.smaller else self.ours.mean > weakest

    @property
    def alike(self) -> str:
        """The verdict in words."""
        found = "equivalent" if self.equivalent else "not shown"
        return found if self.learned else f"{found}, nothing learned"

    @property
    def winner(self) -> str:
        """Who is better, the classical baseline or ours, where the interval says so."""
        if self.ahead_low > 0:
            return "baseline"
        return "ours" if self.ahead_high < 0 else "no difference shown"


def judge(
    plan: Plan,
    golds: Sequence[Any],
    ours: Sequence[Outcome],
    theirs: Sequence[Outcome],
    baselines: Mapping[str, Outcome],
    margin: float,
) -> Verdict:
    """The verdict of one task's outcomes, of as many seeds as there are; the first baseline is the one that counts."""
    measure = MEASURES[plan.measure]
    mine, other = (np.stack([measure.rows(one.predictions, golds) for one in side]) for side in (ours, theirs))
    first = next(iter(baselines))
    rows = {name: measure.rows(one.predictions, golds) for name, one in baselines.items()}
    found = equivalence(mine, other, margin, measure.score, resamples=RESAMPLES, pair_runs=True)
    against = difference_interval(rows[first][None], mine, measure.score, resamples=RESAMPLES)
    ends = (against.score, against.low, against.high)
    if measure.smaller:
        ends = (-against.score, -against.high, -against.low)
    return Verdict(
        plan.name, measure.name, measure.unit, measure.smaller, len(golds),
        _side(measure, mine, ours), _side(measure, other, theirs),
        {name: measure.shown(float(measure.score(one))) for name, one in rows.items()}, first,
        found.difference, found.low, found.high, margin, found.equivalent, *ends,
    )  # fmt: skip


def _side(measure: Measure, runs: Any, outcomes: Sequence[Outcome]) -> Side:
    return Side(
        [measure.shown(float(measure.score(one))) for one in runs],
        outcomes[0].parameters,
        float(np.median([one.seconds for one in outcomes])),  # a run may have been stopped for a while
        float(np.mean([one.tokens for one in outcomes])),
    )


def card_score(plan: Plan, golds: Sequence[Any], outcome: Outcome) -> dict[str, Any]:
    """One run's score with its 95 % interval, as a run card takes it."""
    measure = MEASURES[plan.measure]
    found = interval(measure.rows(outcome.predictions, golds), measure.score, resamples=RESAMPLES)
    return {
        "name": measure.name, "value": measure.shown(found.score), "n": len(golds), "unit": measure.unit,
        "low": measure.shown(found.low), "high": measure.shown(found.high), "level": found.level,
        "method": f"percentile bootstrap, {RESAMPLES} resamples of the examples",
    }  # fmt: skip


def rows_of(verdicts: Sequence[Verdict]) -> list[list[object]]:
    """The table's rows, one a task."""
    rows: list[list[object]] = []
    for one in verdicts:
        rows.append([
            one.task, one.measure, one.examples, len(one.ours.scores),
            f"{one.ours.mean:.1f} ± {one.ours.spread:.1f}", f"{one.theirs.mean:.1f} ± {one.theirs.spread:.1f}",
            f"{one.difference:+.2f} ({one.low:+.2f} to {one.high:+.2f})", f"±{one.margin:.2f}",
            one.alike,
            f"{one.baselines[one.baseline]:.1f}", one.baseline, one.winner,
        ])  # fmt: skip
    return rows


COLUMNS = [
    "set", "measure", "examples", "seeds", "ours", "transformers", "difference (90 %)", "margin", "alike?", "classical",
    "which", "better than ours?",
]  # fmt: skip


def document_of(verdict: Verdict) -> dict[str, Any]:
    """All of it, for the line of JSON."""
    return {**asdict(verdict), "winner": verdict.winner, "learned": verdict.learned}
