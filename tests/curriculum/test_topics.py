"""Every written topic holds: one audit a topic, in the real sandbox and with mutants, so that a failure names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from groundup.study.audit import audit_topic, started_judge
from groundup.study.audit.findings import Findings
from groundup.study.audit.pool import Pool
from groundup.study.roadmap import load_roadmap

FIXED = range(1001, 1021)  # always the same seeds: a failure is one of the change that was made
WRITTEN = [topic.id for topic in load_roadmap().topics.values() if topic.written]


@pytest.fixture(scope="module")
def tools() -> Iterator[tuple[Any, Pool]]:
    """One judge and one pool for all topics: each imports torch only once."""
    with ExitStack() as stack:
        pool = stack.enter_context(Pool())
        yield started_judge(stack), pool


def test_there_are_topics_to_test() -> None:
    assert {"vectors", "byte-pair-encoding", "self-attention"} <= set(WRITTEN)


@pytest.mark.slow
@pytest.mark.parametrize("topic_id", WRITTEN)
def test_it_holds(topic_id: str, tools: tuple[Any, Pool]) -> None:
    found = Findings(load_roadmap().topic(topic_id))
    audit_topic(found, *tools, seeds=FIXED)
    assert found.problems == {}
    assert found.stubs.run == found.stubs.good == len(found.topic.builds)
    assert found.references.run == found.references.good == len(found.topic.builds)
    assert found.alternatives.run == found.alternatives.good >= 3 * len(found.topic.builds)
    assert found.fairness.run == found.fairness.good == len(FIXED) * found.alternatives.run
    assert found.mistakes.run == found.mistakes.good == found.hinted >= 15
    assert found.mutants.run == found.mutants.good > 0
    assert found.survivors == []
    assert found.blocks.run == found.blocks.good > 0
    assert found.figures.run == found.figures.good
    assert found.labs.run == found.labs.good == ("lab.py" in found.topic.files)
    assert found.cards >= 8
