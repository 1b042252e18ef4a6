"""Every project: its files hold together, and its lab runs at its smallest with all of a learner's parts at work."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundup.study.home import find_home
from groundup.study.projects import Project, project_problems, used_builds
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import begin
from groundup.study.service import Study

ROADMAP = load_roadmap()
WRITTEN = [
    one
    for one in ROADMAP.projects.values()
    if one.written and all(ROADMAP.topics[need].written for need in one.needs if need in ROADMAP.topics)
]


def test_there_are_projects() -> None:
    assert WRITTEN
    assert list(ROADMAP.projects.values()) == WRITTEN, "one that waits for a topic is run by no test"


@pytest.mark.parametrize("project", WRITTEN, ids=lambda one: one.id)
def test_it_holds_together(project: Project) -> None:
    assert project_problems(ROADMAP, project) == []
    stage = next(one for track in ROADMAP.tracks for one in track.stages if one.project == project.id)
    taught = {topic for point in stage.points for topic in point.topics}
    assert taught & set(project.needs), "a project combines topics of its own stage"


@pytest.mark.parametrize("project", WRITTEN, ids=lambda one: one.id)
def test_every_part_that_it_says_it_uses_is_at_work(project: Project, tmp_path: Path) -> None:
    study = Study(find_home(str(tmp_path / "home")))
    try:
        uses = {build.name: topic for topic, build in used_builds(ROADMAP, project)}
        for topic in dict.fromkeys(uses.values()):
            study.open(topic.id).path.write_text(topic.solution_source())
            assert study.check(topic.id).passed
        mine = begin(study, project.id, "smoke", seed=2)
        for _ in study.runs.follow(mine):
            pass
        assert mine.state == "done", mine.log
        counted = [one for one in study.stories.tell(mine).tables if one["title"] == "Your parts at work"]
        calls = {row[0]: row[2] for row in counted[-1]["rows"]}
        assert {name for name in uses if calls.get(name, 0) > 0} == set(uses)
        reference = begin(study, project.id, "smoke", reference=True, seed=2)
        for _ in study.runs.follow(reference):
            pass
        assert reference.scores() == mine.scores()
        assert mine.scores()
    finally:
        study.close()
