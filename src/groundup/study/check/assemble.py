"""A verdict out of judged cases: per build, with the first failing case, its sentence, its numbers, its hint.

Everything that leaves here is bounded and clean: a learner's strings may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import BaseModel

from groundup.study.check.diagnose import explain, slow_remark
from groundup.study.check.inprocess import Call, ImplementationLike
from groundup.study.check.job import RaisedAt
from groundup.study.check.misconceptions import CaseResult, Matcher
from groundup.study.check.show import shown, side_by_side
from groundup.study.check.verdict import BuildVerdict, Failure, Given, Kind, Shown, Verdict
from groundup.study.check.wire import clean

LARGEST = 64 * 1024
_PRINTED = 8_000
_GIVEN, _GIVEN_SIZE = 6, 6
_IN = re.compile(r" in (\w+): ")

_SENTENCES = {
    "timeout": "the time for a check was up here: is there a loop that does not end?",
    "out of memory": "more memory was needed than a check may use: is a far too large tensor made?",
    "too much output": "more was printed than a check may print: is there a print in a loop?",
    "forbidden": "a system call that a check may not make ended the program",
    "crashed": "the program ended without an answer: was it made to exit, or did it crash?",
}


@dataclass(eq=False)
class Checked:
    """What one pass over the sandbox found out, before it is a verdict."""

    results: dict[str, CaseResult] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    not_run: dict[str, str] = field(default_factory=dict)  # build → the kind that ended the program before its turn
    why: str = ""
    printed: str = ""


def unwritten(results: Iterable[CaseResult], absent: Iterable[str]) -> set[str]:
    """The builds that are not in the file, or that end every case about them alone as "missing"."""
    own: dict[str, list[str]] = {}
    for result in results:
        if len(result.case.builds) == 1:
            own.setdefault(result.case.builds[0], []).append(result.kind)
    return {build for build, kinds in own.items() if all(kind == "missing" for kind in kinds)} | set(absent)


def _blocked_by(result: CaseResult, build: str, lacking: set[str]) -> list[str]:
    """The other builds that a case needs and that are not written; such a case says nothing about this one.

    Which builds a case needs is our own knowledge (its driver's calls on the reference), never the child's word:
    otherwise a learner could excuse a case by calling an unwritten build in it.
    """
    if result.kind != "missing" or build in lacking:
        return []
    needed = dict.fromkeys([*result.case.builds, *(call.build for call in result.expected.calls)])
    return [one for one in needed if one != build and one in lacking]


def build_verdict(build: str, checked: Checked, matcher: Matcher) -> BuildVerdict:
    """The verdict on one build: its cases, without those that need another build which is not written."""
    lacking = unwritten(checked.results.values(), checked.missing)
    about = [one for one in checked.results.values() if build in one.case.builds]
    needs = [one for result in about for one in _blocked_by(result, build, lacking)]
    counted = [result for result in about if not _blocked_by(result, build, lacking)]
    passed = sum(result.passed for result in counted)
    first = next((result for result in counted if not result.passed), None)
    if first is not None:
        failure = _failure(build, first, checked, matcher)
        return BuildVerdict(
            build=build, kind=cast(Kind, first.kind), cases=len(counted), passed=passed, failure=failure
        )
    if build in checked.not_run:
        return _not_reached(build, cast(Kind, checked.not_run[build]), len(counted), passed)
    if not counted:
        message = f"{build} needs {needs[0]}, which is not written yet" if needs else f"no case is about {build}"
        failure = Failure(case="", title="", message=message)
        kind: Kind = "missing" if needs else "internal"
        return BuildVerdict(build=build, kind=kind, cases=0, passed=0, failure=failure)
    return BuildVerdict(build=build, kind="passed", cases=len(counted), passed=passed, remarks=_remarks(counted))


def _not_reached(build: str, kind: Kind, cases: int, passed: int) -> BuildVerdict:
    ends = {"timeout": "the time was up", "out of memory": "the memory was used up"}
    message = f"{build} was not judged to the end: {ends.get(kind, 'the program ended')} in another build"
    failure = Failure(case="", title="", message=message)
    return BuildVerdict(build=build, kind=kind, cases=cases, passed=passed, failure=failure)


def _remarks(results: Sequence[CaseResult]) -> list[str]:
    """The worst slowness, once."""
    slow = [(one.outcome.seconds, slow_remark(one.outcome.seconds, one.expected.seconds)) for one in results]
    said = [(seconds, remark) for seconds, remark in slow if remark is not None]
    return [max(said)[1]] if said else []


def loading_verdict(build: str, kind: Kind, raised: RaisedAt | None, why: str) -> BuildVerdict:
    """The verdict on each build where the file could not even be loaded."""
    if raised is not None and kind != "forbidden":
        message = f"{raised.type_name}: {raised.message}" if raised.message else raised.type_name
    else:
        message = _SENTENCES.get(kind, why)
    failure = Failure(case="load", title="the file can be loaded", message=message, **_place(raised))
    return BuildVerdict(build=build, kind=kind, cases=0, passed=0, failure=failure)


def _place(raised: RaisedAt | None) -> dict[str, Any]:
    if raised is None:
        return {}
    return {"line": raised.line, "line_text": raised.line_text, "trace": list(raised.trace)}


# ── one failure ──────────────────────────────────────────────────────────────


def _failure(build: str, result: CaseResult, checked: Checked, matcher: Matcher) -> Failure:
    """The smallest failing case of a build, side by side, with the misconception where one is known."""
    mistakes = matcher.match(checked.results, build) if result.kind in ("wrong", "raised") else []
    returned, expected = _both(result)
    call, count = _call(result, build)
    text = None
    if call is not None:
        text = f"{call.build}({', '.join(call.given)})" + (f", the first of {count} calls" if count > 1 else "")
    return Failure(
        case=result.name,
        title=result.case.title,
        message=_message(
            build, result, checked.why, {one for other in checked.results.values() for one in other.case.builds}
        ),
        misconceptions=[one.name for one in mistakes],
        hint=_hint(mistakes),
        call=text,
        given=_given(call),
        returned=returned,
        expected=expected,
        **_place(result.outcome.raised),
    )


def _message(build: str, result: CaseResult, why: str, builds: set[str]) -> str:
    raised = result.outcome.raised
    if result.kind == "wrong":
        return explain(result.case, result.difference, result.outcome, result.expected, result.changed)
    if result.kind == "missing":
        return _missing_words(build, raised)
    if result.kind == "forbidden" and result.outcome.forbidden is not None:
        return f"{build} is to be written without {result.outcome.forbidden}"
    if result.kind == "raised" and raised is not None:
        said = f"{raised.type_name}: {raised.message}" if raised.message else raised.type_name
        inner = _innermost(raised)
        return f"{said} (in {inner}, which {build} calls)" if inner is not None and inner in builds - {build} else said
    return f"{_SENTENCES[result.kind]} ({why})" if result.kind == "crashed" and why else _SENTENCES[result.kind]


def _missing_words(build: str, raised: RaisedAt | None) -> str:
    """Which function is not written: by the learner's innermost line, as it may be one that the build calls."""
    inner = _innermost(raised)
    if inner is None or inner in (build, "__init__", "forward", "__call__"):
        return f"{build} is not written yet"
    return f"{build} calls {inner}, which is not written yet"


def _innermost(raised: RaisedAt | None) -> str | None:
    """The learner's function in which an exception came up."""
    found = _IN.search(raised.trace[-1]) if raised is not None and raised.trace else None
    return found.group(1) if found is not None else None


def _hint(mistakes: Sequence[ImplementationLike]) -> str | None:
    if not mistakes:
        return None
    if len(mistakes) == 1:
        return mistakes[0].hint
    return " Or: ".join(one.hint for one in mistakes[:2])


def _both(result: CaseResult) -> tuple[Shown | None, Shown | None]:
    if result.kind != "wrong":
        return None, shown(result.expected.value) if result.kind == "raised" else None
    if result.difference is None:
        return shown(result.outcome.value), shown(result.expected.value)
    return side_by_side(result.difference)


def _call(result: CaseResult, build: str) -> tuple[Call | None, int]:
    """The call of a build that a failure is about, and of how many it is the first (1 where it is known to be it)."""
    calls = result.expected.calls
    if not calls:
        return None, 0
    path = result.difference.path if result.difference is not None else ()
    value = result.expected.value
    if path and isinstance(path[0], int) and isinstance(value, list) and len(value) == len(calls):
        return calls[path[0]], 1
    own = [call for call in calls if call.build == build] or calls
    return own[0], len(own)


def _given(call: Call | None) -> list[Given]:
    if call is None:
        return []
    items = list(call.given.items())[:_GIVEN]
    return [Given(name=name, value=shown(value, rows=_GIVEN_SIZE, columns=_GIVEN_SIZE)) for name, value in items]


# ── the judge's edge ─────────────────────────────────────────────────────────


def cleaned(value: Any, limit: int = 2_000) -> Any:
    """Plain data with every string in it fit to be stored and shown."""
    if isinstance(value, str):
        return clean(value, limit)
    if isinstance(value, list):
        return [cleaned(one, limit) for one in value]
    if isinstance(value, dict):
        return {key: cleaned(one, _PRINTED if key == "printed" else limit) for key, one in value.items()}
    return value


def bounded(verdict: Verdict) -> Verdict:
    """The verdict, clean, and no larger than LARGEST as JSON: tables go first, then what was printed, then traces."""
    found = Verdict.model_validate(cleaned(verdict.model_dump()))
    for shorten in (_without_given, _without_tables, _without_print, _without_traces):
        if len(found.model_dump_json().encode()) <= LARGEST:
            return found
        found = shorten(found)
    return found


def _with(record: BaseModel, **fields: Any) -> Any:
    return record.model_copy(update=fields)


def _failures(verdict: Verdict, change: Mapping[str, Any] | None, tables: bool = False) -> Verdict:
    builds = []
    for one in verdict.builds:
        failure = one.failure
        if failure is not None and change is not None:
            failure = _with(failure, **change)
        if failure is not None and tables:
            plain = {
                side: None if value is None else _with(value, cells=None, wrong=None, cut=True, text=value.text[:300])
                for side, value in (("returned", failure.returned), ("expected", failure.expected))
            }
            failure = _with(failure, **plain)
        builds.append(_with(one, failure=failure))
    return cast(Verdict, _with(verdict, builds=builds))


def _without_given(verdict: Verdict) -> Verdict:
    return _failures(verdict, {"given": []})


def _without_tables(verdict: Verdict) -> Verdict:
    return _failures(verdict, None, tables=True)


def _without_print(verdict: Verdict) -> Verdict:
    return cast(Verdict, _with(verdict, printed=clean(verdict.printed, 500)))


def _without_traces(verdict: Verdict) -> Verdict:
    short = _failures(verdict, {"trace": [], "hint": None})
    builds = [
        _with(one, failure=one.failure and _with(one.failure, message=clean(one.failure.message, 200)))
        for one in short.builds
    ]
    return cast(Verdict, _with(short, builds=builds))
