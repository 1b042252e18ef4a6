"""The road map and the day's page as templates need them: states joined to topics, nothing decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundup.study.plan import GOALS

if TYPE_CHECKING:
    from groundup.study.roadmap import Roadmap, Track
    from groundup.study.service import Study
    from groundup.study.topics import Topic

PASSED = ("passed", "passed older check")


@dataclass(frozen=True)
class TopicLine:
    """A topic where it is named: its state, and what it needs."""

    id: str
    title: str
    state: str
    needs: tuple[TopicLine, ...] = ()


def topic_line(topic: Topic, states: Mapping[str, str], roadmap: Roadmap | None = None) -> TopicLine:
    needs = [roadmap.topics[one] for one in topic.needs] if roadmap is not None else []
    return TopicLine(topic.id, topic.title, states[topic.id], tuple(topic_line(one, states) for one in needs))


def map_view(roadmap: Roadmap, states: Mapping[str, str], wanted: str = "") -> list[dict[str, Any]]:
    """Tracks, stages, points and topics; with ``wanted``, what does not hold all of its words is hidden."""
    words = wanted.lower().split()
    tracks = []
    for track in roadmap.tracks:
        stages = []
        for stage in track.stages:
            points = []
            for point in stage.points:
                topics = [topic_line(roadmap.topics[one], states, roadmap) for one in point.topics]
                text = searched(track.title, stage.title, point.title, *(f"{one.title} {one.id}" for one in topics))
                hidden = not all(word in text for word in words)
                points.append({"title": point.title, "topics": topics, "text": text, "hidden": hidden})
            hidden = all(point["hidden"] for point in points)
            project = roadmap.projects.get(stage.project or "")
            stages.append({"stage": stage, "points": points, "project": project, "hidden": hidden})
        hidden = all(stage["hidden"] for stage in stages)
        tracks.append({"track": track, "stages": stages, "hidden": hidden, **track_counts(roadmap, track, states)})
    return tracks


def way_view(study: Study, goal: str | None) -> dict[str, Any] | None:
    """The shortest path to a topic: what it needs, in an order in which it can be learned, and the next step on it.

    None where no goal is named and the road map does not have the usual one.
    """
    states, roadmap = study.states(), study.roadmap
    if goal is None and GOALS[0] not in roadmap.topics:
        return None
    end = roadmap.topic(goal or GOALS[0])
    lines = [topic_line(one, states) for one in roadmap.path_to(end.id)]
    return {
        "goal": end,
        "lines": lines,
        "ids": {one.id for one in lines},
        "passed": sum(one.state in PASSED for one in lines),
        "next": next((one for one in lines if one.state not in PASSED), None),
    }


def searched(*parts: str) -> str:
    """The text that the search looks through: lower case, and once."""
    return " ".join(dict.fromkeys(" ".join(parts).lower().split()))


def track_topics(roadmap: Roadmap, track: Track) -> list[str]:
    return list(dict.fromkeys(one for stage in track.stages for point in stage.points for one in point.topics))


def track_counts(roadmap: Roadmap, track: Track, states: Mapping[str, str]) -> dict[str, int]:
    ids = track_topics(roadmap, track)
    return {
        "total": len(ids),
        "passed": sum(states[one] in PASSED for one in ids),
        "written": sum(roadmap.topics[one].written for one in ids),
    }


def today_view(study: Study) -> dict[str, Any]:
    """The next step and why, what was begun (the last one first), and how far it is."""
    states, roadmap = study.states(), study.roadmap
    suggestion = study.next()
    opened = study.progress.topics_opened()
    begun = [
        topic for topic in roadmap.topics.values() if states[topic.id] == "started" and topic.id != suggestion.topic_id
    ]
    begun.sort(key=lambda topic: (topic.id in opened, opened.get(topic.id)), reverse=True)
    return {
        "next": suggestion,
        "topic": roadmap.topics[suggestion.topic_id] if suggestion.topic_id else None,
        "state": states.get(suggestion.topic_id or "", "untouched"),
        "begun": [topic_line(topic, states) for topic in begun],
        "tracks": [{"track": track, **track_counts(roadmap, track, states)} for track in roadmap.tracks],
        "passed": sum(state in PASSED for state in states.values()),
        "started": sum(state == "started" for state in states.values()),
        "written": sum(topic.written for topic in roadmap.topics.values()),
        "total": len(roadmap.topics),
        "home": str(study.home.path),
        "first": not study.first_done,
    }
