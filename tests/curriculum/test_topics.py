"""That the topics' tests miss none: every track with a written topic has a file of its own beside this one."""

from __future__ import annotations

from pathlib import Path

from groundup.study.roadmap import load_roadmap
from groundup.study.topics import underscored


def test_every_track_with_written_topics_is_tested() -> None:
    roadmap = load_roadmap()
    written = {topic.id for topic in roadmap.topics.values() if topic.written}
    assert {"vectors", "byte-pair-encoding", "self-attention"} <= written
    assert {one.id for one in roadmap.path_to("gpt")} <= written
    assert {one.id for one in roadmap.path_to("llama")} <= written
    tracks = {topic.track for topic in roadmap.topics.values() if topic.written}
    here = Path(__file__).parent
    missing = [track for track in sorted(tracks) if not (here / f"test_{underscored(track)}_topics.py").is_file()]
    assert missing == []
