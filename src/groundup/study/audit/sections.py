"""The sections of an audit, each on one topic: what is run, what is counted, what is a problem.

Stubs and solutions go through the real judge and its sandbox, as a learner's file does. Mistakes and alternatives are
our own code and run in this process, many at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from groundup.study.audit.findings import Findings
from groundup.study.audit.mutants import mutants
from groundup.study.audit.pool import SEEDS, Pool, PoolError
from groundup.study.figures import slider_values
from groundup.study.lessons import LessonError, check_outputs, code_blocks
from groundup.study.lint import lint
from groundup.study.problems import CurriculumError
from groundup.study.topics import Topic

if TYPE_CHECKING:
    from groundup.study.check.judge import Judge
    from groundup.study.check.verdict import Verdict


def guarded(part: str, section: Callable[..., None], found: Findings, *arguments: Any) -> None:
    """Run a section; what it raises is a problem of the topic, not the end of the audit."""
    try:
        section(found, *arguments)
    except CurriculumError as error:
        for one in error.problems:
            if str(one) not in str(found.problems):
                found.problem(part, str(one))
    except Exception as error:
        found.problem(part, f"{type(error).__name__}: {error}")


def linted(found: Findings) -> None:
    for one in lint(found.topic):
        found.problem("lint", str(one))
    found.cards = len(found.topic.cards())


# ── the judge ────────────────────────────────────────────────────────────────


def judged(found: Findings, judge: Judge) -> None:
    """The starting file fails in every build; the solution passes, on every seed."""
    topic = found.topic
    stub = _verdict(topic, judge, topic.exercise_source(), SEEDS[0])
    kinds = {one.build: one.kind for one in stub.builds}
    for build in topic.builds:
        found.stubs.run += 1
        found.references.run += 1
        if kinds.get(build.name) == "missing":
            found.stubs.good += 1
        else:
            found.problem("exercise", f"the stub of {build.name} is {kinds.get(build.name, stub.kind)}, not missing")
    solutions = [_verdict(topic, judge, topic.solution_source(), seed) for seed in SEEDS]
    for build in topic.builds:
        failed = [_why(verdict, build.name) for verdict in solutions if not _passed(verdict, build.name)]
        if failed:
            found.problem("solution", f"the solution of {build.name} does not pass: {failed[0]}")
        else:
            found.references.good += 1


def _verdict(topic: Topic, judge: Judge, source: str, seed: int) -> Verdict:
    from groundup.study.workspace import Snapshot

    raw = source.encode()
    snapshot = Snapshot(topic.mine_path, topic.mine_module, raw, hashlib.sha256(raw).hexdigest())
    return judge.check(topic, snapshot, seed=seed)


def _passed(verdict: Verdict, build: str) -> bool:
    return any(one.build == build and one.kind == "passed" for one in verdict.builds)


def _why(verdict: Verdict, build: str) -> str:
    for one in verdict.builds:
        if one.build == build:
            said = f": {one.failure.case}: {one.failure.message}" if one.failure else ""
            return f"{one.kind}{said} (seed {verdict.receipt.seed})"
    return f"{verdict.kind} (seed {verdict.receipt.seed})"


# ── our own code, in this process ────────────────────────────────────────────


def proven(found: Findings) -> None:
    """References vary with the seed, alternatives pass, impostors and mistakes fail, each mistake by its own hint."""
    from groundup.study.check.proof import Prover

    prover = Prover(found.topic, len(SEEDS))
    for part, proof in (("drivers", prover.reference), ("drivers", prover.impostors)):
        for said in _said(prover, proof):
            found.problem(part, said)
    _alternatives(found, prover)
    _mistakes(found, prover)


def _said(prover: Any, proof: Callable[[], None]) -> Iterator[str]:
    before = len(prover.proof.problems)
    proof()
    yield from (line.strip() for line in prover.proof.problems[before:])


def _alternatives(found: Findings, prover: Any) -> None:
    from groundup.study.check.inprocess import replaced
    from groundup.study.check.proof import failures

    for one in found.topic.alternatives():
        found.alternatives.run += 1
        names = replaced(found.topic, one.builds, one.object)
        failed = {seed: failures(prover.judge(names, seed)) for seed in prover.seeds}
        wrong = [f"{', '.join(cases)} (seed {seed})" for seed, cases in failed.items() if cases]
        found.alternatives.good += not wrong
        if wrong:
            found.problem("alternatives", f"the alternative {one.name} is rejected by {wrong[0]}")


def _mistakes(found: Findings, prover: Any) -> None:
    from groundup.study.check.inprocess import replaced
    from groundup.study.check.misconceptions import Matcher
    from groundup.study.check.proof import failures

    for one in found.topic.mistakes():
        found.mistakes.run += 1
        names = replaced(found.topic, one.builds, one.object)
        rejected, hinted = True, True
        for seed in prover.seeds:
            results = prover.judge(names, seed)
            hit = [build for build in one.builds if failures(results, (build,))]
            if not hit:
                rejected = hinted = False
                found.problem("mistakes", f"the mistake {one.name} is not rejected (seed {seed})")
                continue
            matcher = Matcher(found.topic, seed, budget=None)
            for build in hit:
                said = [other.name for other in matcher.match(results, build)]
                if said != [one.name]:
                    hinted = False
                    named = " and ".join(said) or "nothing"
                    found.problem("mistakes", f"the mistake {one.name} is taken for {named} (seed {seed})")
        found.mistakes.good += rejected
        found.hinted += hinted


# ── mutants ──────────────────────────────────────────────────────────────────


def mutated(found: Findings, pool: Pool) -> None:
    """Every one-edit change of the solution is noticed by a driver, or listed as equivalent with a reason."""
    topic = found.topic
    changed = mutants(topic)
    try:
        killed = pool.run(topic, changed)
    except PoolError as error:
        found.problem("mutants", str(error))
        return
    excused = {(one.build, one.mutant) for one in topic.equivalent}
    for mutant, by in zip(changed, killed, strict=True):
        key = (mutant.build, mutant.what)
        if by is None and key in excused:
            excused.discard(key)
            continue
        found.mutants.run += 1
        if by is not None:
            found.mutants.good += 1
            continue
        found.survivors.append(
            {"topic": topic.id, "build": mutant.build, "mutant": mutant.description, "diff": mutant.diff}
        )
        found.problem("mutants", f"no driver notices, in {mutant.build}, {mutant.description}")
    for build, what in sorted(excused):
        found.problem("mutants", f"the equivalent mutant of {build}, {what}, is killed or does not exist: remove it")


# ── lesson and figure ────────────────────────────────────────────────────────


def executed(found: Findings) -> None:
    """The lesson's code runs, and prints what stands in the lesson."""
    found.blocks.run = len(code_blocks(found.topic.lesson_text()))
    try:
        stale = check_outputs(found.topic)
    except LessonError as error:
        found.problem("lesson", str(error))
        return
    found.blocks.good = found.blocks.run - len(stale)
    for one in stale:
        what = f"lesson.md:{one.line}: says {one.written!r}, its code prints {one.printed!r}; `groundup author run`"
        found.problem("lesson", what)


def drawn(found: Findings) -> None:
    """The figure can be drawn at its start, and with every slider at either end."""
    module = found.topic.figure()
    if module is None:
        return
    found.figures.run += 1
    with _one_thread():
        references = found.topic.references()
        for asked in _positions(module.sliders):
            figure = module.draw(module.compute(references, **slider_values(module.sliders, asked)))
            if not figure.to_dict()["data"]:
                found.problem("figure", f"nothing is drawn at {asked or 'its start'}")
                return
    found.figures.good += 1


def _positions(sliders: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {}
    for name, one in sliders.items():
        for value in one.choices or (one.low, one.high):
            yield {name: value}


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
