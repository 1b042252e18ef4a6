"""What leaves the judge is bounded and clean, whatever a learner's strings hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from groundup.study.check.assemble import LARGEST, bounded, cleaned
from groundup.study.check.verdict import BuildVerdict, Failure, Given, Receipt, Shown, Verdict


def verdict_of(nasty: str, builds: int = 5) -> Verdict:
    """One in which this text stands wherever a learner's can."""
    cells = [[nasty] * 12] * 12
    value = Shown(text=nasty, cells=cells, wrong=[[True] * 12] * 12)
    found = Failure(
        case="c",
        title="t",
        message=nasty,
        given=[Given(name="x", value=value)] * 6,
        returned=value,
        expected=value,
        trace=[nasty] * 12,
    )
    each = [BuildVerdict(build=f"b{i}", kind="wrong", cases=1, passed=0, failure=found) for i in range(builds)]
    receipt = Receipt(path="p", sha256="s", check_version=1, seed=1, isolation="i", groundup="g", seconds=0.1)
    return Verdict(topic="t", kind="wrong", builds=each, receipt=receipt, printed=nasty * 100)


@pytest.mark.parametrize("size", [1, 3, 300])
def test_what_leaves_is_bounded_and_clean(size: int) -> None:
    found = bounded(verdict_of("\x1b[31m\x00\ud800\u2028<b>" * size))
    raw = found.model_dump_json().encode("utf-8")
    assert len(raw) <= LARGEST

    def strings(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from (one for item in value.values() for one in strings(item))
        elif isinstance(value, list):
            yield from (one for item in value for one in strings(item))

    for text in strings(json.loads(raw)):
        assert all(one.isprintable() or one in "\n\t" for one in text)
    assert found.builds[0].failure is not None
    assert found.kind == "wrong"


def test_a_small_verdict_loses_nothing() -> None:
    verdict = verdict_of("a < b\n", builds=1)
    assert bounded(verdict) == verdict
    assert cleaned({"a": ["x", 1, None]}) == {"a": ["x", 1, None]}
