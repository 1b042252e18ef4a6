"""The project of a stage as its page needs it: where it belongs, and the parts in it with whose they are so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundup.study.projects import Project, used_builds
from groundup.web.run_view import sentence
from groundup.web.words import kind_words

if TYPE_CHECKING:
    from groundup.study.service import Study


def project_view(study: Study, project: Project) -> dict[str, Any]:
    roadmap, states = study.roadmap, study.progress.build_states()
    track = next(one for one in roadmap.tracks if one.id == project.track)
    lines = []
    for topic, build in used_builds(roadmap, project):
        state = states.get(topic.id, {}).get(build.name)
        passed = state is not None and state.passed
        word, tone = kind_words("passed" if passed else "waiting")
        lines.append({"name": build.name, "topic": topic, "passed": passed, "word": word, "tone": tone})
    return {
        "project": project,
        "track": track,
        "stage": next(one for one in track.stages if one.id == project.stage),
        "needs": [roadmap.topic(one) for one in project.needs],
        "uses": lines,
        "mine": sum(one["passed"] for one in lines),
        "what": sentence(project.lab or ""),
    }
