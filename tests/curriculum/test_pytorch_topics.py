"""Every written topic of the track ``pytorch`` holds: one audit a topic, so that a failure names it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from groundup.study.roadmap import load_roadmap

WRITTEN = [one.id for one in load_roadmap().topics.values() if one.written and one.track == "pytorch"]


def test_there_are_topics_to_test() -> None:
    assert WRITTEN


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("topic_id", WRITTEN)
def test_it_holds(topic_id: str, holds: Callable[[str], None]) -> None:
    holds(topic_id)
