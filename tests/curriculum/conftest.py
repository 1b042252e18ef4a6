"""One judge and one pool for the topics of a file: each imports torch only once. Tracks have files of their own, so
that they are audited side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from groundup.study.audit import audit_topic, started_judge
from groundup.study.audit.findings import Findings
from groundup.study.audit.pool import Pool
from groundup.study.roadmap import load_roadmap

FIXED = range(1001, 1021)  # always the same seeds: a failure is one of the change that was made


@pytest.fixture(scope="module")
def tools() -> Iterator[tuple[Any, Pool]]:
    with ExitStack() as stack:
        pool = stack.enter_context(Pool())
        yield started_judge(stack), pool


@pytest.fixture
def holds(tools: tuple[Any, Pool]) -> Callable[[str], None]:
    """Audit a topic in the real sandbox, with mutants and fixed seeds, and lay down all that must be so."""

    def check(topic_id: str) -> None:
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

    return check
