"""A topic's page as its template needs it: lesson, figure, file, builds with their states, last verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from groundup.study.check.verdict import Verdict
from groundup.web.map_view import topic_line
from groundup.web.verdict_view import verdict_view
from groundup.web.words import kind_words, state_words

if TYPE_CHECKING:
    from groundup.study.progress.store import BuildState
    from groundup.study.service import Study
    from groundup.study.topics import Topic
    from groundup.study.workspace import Snapshot


def source_text(snapshot: Snapshot) -> tuple[str, str | None]:
    """The file's text; a file that is not UTF-8 is shown as well as it can be, with why it cannot be edited here."""
    try:
        return snapshot.source.decode("utf-8"), None
    except UnicodeDecodeError as error:
        problem = (
            f"{snapshot.path} is not UTF-8 text (byte {error.start}), so it cannot be edited here: use your editor."
        )
        return snapshot.source.decode("utf-8", "replace"), problem


def build_lines(topic: Topic, states: Mapping[str, BuildState]) -> list[dict[str, Any]]:
    """Each build with what is known of it: accepted, or how its last check ended, or that it waits for one."""
    lines = []
    for build in topic.builds:
        state = states.get(build.name)
        kind = "waiting" if state is None else "passed" if state.passed else state.last_kind
        older = state is not None and state.passed and (state.check_version or 0) < topic.check_version
        # Accepted is accepted; that the file no longer does it is said beside it.
        slipped = state is not None and state.passed and state.last_kind != "passed"
        note = (
            "against an older check; this one is new" if older else "before; the last check did not" if slipped else ""
        )
        word, tone = kind_words(kind)
        lines.append(
            {
                "name": build.name,
                "signature": build.signature,
                "part": build.part,
                "without": list(build.without),
                "kind": kind,
                "word": word,
                "tone": "again" if older else tone,
                "note": note,
            }
        )
    return lines


def last_verdict(study: Study, topic: Topic, snapshot: Snapshot) -> dict[str, Any] | None:
    """The last verdict, where it speaks of the file as it is now."""
    for attempt in study.progress.attempts(topic.id, limit=1):
        if attempt.sha256 == snapshot.sha256 and attempt.check_version == topic.check_version:
            try:
                return verdict_view(Verdict.model_validate(attempt.verdict))
            except ValueError:  # written by another groundup, whose verdicts had other fields
                return None
    return None


def topic_view(study: Study, topic: Topic, states: Mapping[str, str]) -> dict[str, Any]:
    """What every topic page has, written or not."""
    roadmap = study.roadmap
    place = next(iter(roadmap.places(topic.id)), None)
    return {
        "topic": topic,
        "state": states[topic.id],
        "track": next((track for track in roadmap.tracks if track.id == topic.track), None),
        "stage": place[1] if place else None,
        "needs": [topic_line(roadmap.topics[one], states) for one in topic.needs],
        "helps": [topic_line(roadmap.topics[one], states) for one in topic.helps],
        "unlocks": [topic_line(one, states) for one in roadmap.topics.values() if topic.id in one.needs],
    }


def after_check(study: Study, topic: Topic, verdict: Verdict) -> dict[str, Any]:
    """What the page shows after a check, as data."""
    state = study.states()[topic.id]
    word, tone = state_words(state)
    return {
        "verdict": verdict.model_dump(mode="json"),
        "view": verdict_view(verdict),
        "topic": {"id": topic.id, "state": state, "word": word, "tone": tone},
        "builds": build_lines(topic, study.progress.build_state(topic.id)),
        "sha256": verdict.receipt.sha256,
        "next": next_view(study) if verdict.passed else None,
    }


def next_view(study: Study) -> dict[str, str | None]:
    suggestion = study.next()
    return {"topic": suggestion.topic_id, "title": suggestion.title, "why": suggestion.why}
