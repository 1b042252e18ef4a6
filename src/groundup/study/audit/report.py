"""The document of an audit, from what was found on each topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundup.study.audit.findings import Findings
from groundup.study.roadmap import Roadmap


def document(
    roadmap: Roadmap, found: Sequence[Findings], *, whole: bool, mutants: bool, seeds: int = 0
) -> dict[str, Any]:
    """The report as plain data. Of an audit of some topics, points and topics are those that it looked at."""
    complete = {one.topic.id for one in found if one.complete}
    looked_at = {one.topic.id for one in found}
    points = [point for _, _, point in roadmap.points() if whole or looked_at.intersection(point.topics)]
    missing = [point.key for point in points if not complete.issuperset(point.topics)]
    survivors = [survivor for one in found for survivor in one.survivors]
    report: dict[str, Any] = {
        "points": {"total": len(points), "taught": len(points) - len(missing), "missing": missing},
        "topics": {
            "total": len(found),
            "complete": len(complete),
            "incomplete": {one.topic.id: one.incomplete for one in found if not one.complete},
        },
        "builds": {
            "total": sum(len(one.topic.builds) for one in found),
            "checked": sum(one.references.good for one in found),
        },
        "stubs": {"run": _run(found, "stubs"), "failing_as_they_must": _good(found, "stubs")},
        "references": {"run": _run(found, "references"), "passing": _good(found, "references")},
        "alternatives": {"run": _run(found, "alternatives"), "passing": _good(found, "alternatives")},
        "fairness": {"run": _run(found, "fairness"), "passing": _good(found, "fairness")},
        "mistakes": {
            "run": _run(found, "mistakes"),
            "rejected": _good(found, "mistakes"),
            "hinted": sum(one.hinted for one in found),
        },
        "mutants": {"run": _run(found, "mutants"), "killed": _good(found, "mutants"), "survivors": survivors},
        "lessons": {"blocks": _run(found, "blocks"), "executed": _good(found, "blocks")},
        "figures": {"drawn": _good(found, "figures")},
        "labs": {"total": sum(one.topic.lab is not None for one in found), "smoke": _good(found, "labs")},
        "cards": sum(one.cards for one in found),
        "parts": sum(build.part for one in found if one.complete for build in one.topic.builds),
    }
    problems = [text for one in found for texts in one.problems.values() for text in texts]
    problems += _nothing_found(report, found, whole=whole, mutants=mutants, seeds=seeds)
    return {**report, "ok": not problems, "problems": problems}


def _run(found: Sequence[Findings], section: str) -> int:
    return sum(getattr(one, section).run for one in found)


def _good(found: Sequence[Findings], section: str) -> int:
    return sum(getattr(one, section).good for one in found)


def _nothing_found(
    report: dict[str, Any], found: Sequence[Findings], *, whole: bool, mutants: bool, seeds: int
) -> list[str]:
    """A section that found nothing to check has shown nothing. Labs count once a topic has one."""
    tried = {
        "topics": sum(one.topic.written for one in found),
        "stubs": report["stubs"]["run"],
        "references": report["references"]["run"],
        "alternatives": report["alternatives"]["run"],
        "mistakes": report["mistakes"]["run"],
        "lessons": report["lessons"]["blocks"],
        "cards": report["cards"],
    }
    if mutants:
        tried["mutants"] = report["mutants"]["run"]
    if seeds:
        tried["fairness"] = report["fairness"]["run"]
    if whole or any(one.topic.path("figure.py").exists() for one in found):
        tried["figures"] = _run(found, "figures")
    labs = any(one.topic.path("lab.py").exists() for one in found)
    if labs:
        tried["labs"] = _run(found, "labs")
    problems = [f"{section}: nothing was found to check" for section, count in tried.items() if not count]
    if not whole:
        problems += [f"{one.topic.id}: not written yet" for one in found if not one.topic.written]
    return problems
