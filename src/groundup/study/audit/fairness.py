"""Whether a right answer is ever rejected: every alternative and the solution, on many seeds.

A seed decides every number that a driver draws, so that a tolerance that is a little too narrow shows on one seed in
some hundreds. The reference runs once a seed; of the cases, those about the alternative's builds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from groundup.study.audit.findings import Findings
from groundup.study.check.inprocess import replaced, run_drivers
from groundup.study.check.misconceptions import UsualScales, judge_outcomes
from groundup.study.check.proof import failures


def drawn_seeds(count: int) -> list[int]:
    """Seeds that nobody chose; a failure names its own."""
    source = random.SystemRandom()
    return [source.randrange(2**53) for _ in range(count)]


def fair(found: Findings, seeds: Sequence[int], say: Callable[[str], None] | None = None) -> None:
    """Count and report the alternatives' verdicts over the seeds."""
    topic = found.topic
    usual = UsualScales(topic)
    cases = topic.cases()
    known = [
        (one, [name for name, case in cases.items() if set(case.builds) & set(one.builds)])
        for one in topic.alternatives()
    ]
    rejected: dict[str, str] = {}
    for number, seed in enumerate(seeds, start=1):
        expected = run_drivers(topic, topic.references(), seed, reference=True)
        for one, names in known:
            mine = run_drivers(topic, replaced(topic, one.builds, one.object), seed, names)
            wrong = failures(judge_outcomes(topic, mine, expected, usual))
            found.fairness.run += 1
            found.fairness.good += not wrong
            if wrong and one.name not in rejected:
                rejected[one.name] = f"{', '.join(wrong)} (seed {seed})"
        if say is not None and number % 100 == 0:
            say(f"{topic.id}: {number} of {len(seeds)} seeds, {len(rejected)} alternatives rejected")
    for name, why in rejected.items():
        found.problem("fairness", f"the right answer {name} is rejected by {why}")
