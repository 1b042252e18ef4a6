"""``groundup audit``: the state of the whole curriculum, computed and never typed in.

``run`` executes what the written topics claim: stubs fail, solutions pass in the sandbox, mistakes are rejected and
named, alternatives pass, lessons print what they say, figures draw, and (asked for) mutants are noticed. The report is
plain data; ``ok`` is true only if nothing is wrong and every section found something to check. That topics are not
written yet is said, but is no fault.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from groundup.study.audit.fairness import drawn_seeds, fair
from groundup.study.audit.findings import Findings
from groundup.study.audit.labs import smoked
from groundup.study.audit.pool import Pool
from groundup.study.audit.report import document
from groundup.study.audit.sections import drawn, executed, guarded, judged, linted, mutated, proven
from groundup.study.roadmap import Roadmap

__all__ = ["audit_topic", "run", "started_judge"]


def run(
    roadmap: Roadmap,
    topic_ids: Sequence[str] | None = None,
    mutants: bool = False,
    say: Callable[[str], None] | None = None,
    seeds: int = 0,
) -> dict[str, Any]:
    """The audit of some topics, or of all that are written. ``say`` hears what is going on.

    ``seeds``: on how many fresh seeds each alternative must pass, besides the three that are always tried.
    """
    tell = say or (lambda text: None)
    asked = list(roadmap.topics) if topic_ids is None else list(dict.fromkeys(topic_ids))
    found = [Findings(roadmap.topic(one)) for one in asked]
    written = [one for one in found if one.topic.written]
    if written:
        with ExitStack() as stack:
            # Both are processes that import torch: started first, they do it while this one works.
            pool = stack.enter_context(Pool()) if mutants else None
            judge = started_judge(stack)
            for one in written:
                tell(f"{one.topic.id}: lint, stubs, references, mistakes, lesson{', mutants' if pool else ''} …")
                audit_topic(one, judge, pool, drawn_seeds(seeds), tell)
    return document(roadmap, found, whole=topic_ids is None, mutants=mutants, seeds=seeds)


def started_judge(stack: ExitStack) -> Any:
    """A judge with a sandbox of its own, which the stack closes."""
    from groundup.study.check.judge import Judge
    from groundup.study.check.sandbox import Sandbox

    sandbox = Sandbox()
    sandbox.start()
    stack.callback(sandbox.close)
    return Judge(sandbox)


def audit_topic(
    found: Findings,
    judge: Any,
    pool: Pool | None,
    seeds: Sequence[int] = (),
    say: Callable[[str], None] | None = None,
) -> None:
    """Every section on one written topic; mutants where there is a pool to run them."""
    guarded("lint", linted, found)
    guarded("exercise", judged, found, judge)
    guarded("drivers", proven, found)
    guarded("lesson", executed, found)
    guarded("figure", drawn, found)
    guarded("lab", smoked, found)
    if pool is not None:
        guarded("mutants", mutated, found, pool)
    if seeds:
        guarded("fairness", fair, found, seeds, say)
