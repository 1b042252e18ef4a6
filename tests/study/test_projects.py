"""Projects: read strictly, tied to their stage, and refused where a learner's part could not be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from groundup.study.projects import SECTIONS, project_problems, used_builds
from groundup.study.roadmap import CurriculumError, Roadmap, load_roadmap

FACTS = """title = "The work"
stage = "start"
needs = ["doubling"]
uses = ["double", "shifted"]
lab = "work with doubled numbers"
minutes = 30

[[sources]]
title = "A book"
url = "https://example.org/book"
"""
LAB = "from groundup.stack.numerics import double, shifted\n\n\ndef run(run, scale):\n    pass\n"
TEXT = "# The work\n" + "".join(f"\n## {one}\n\n{'Numbers are doubled and moved here. ' * 8}\n" for one in SECTIONS)


@pytest.fixture
def made(small: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small curriculum with a project at its stage; its parts are declared as such."""
    monkeypatch.delenv("GROUNDUP_DRAFTS", raising=False)
    folder = small / "first_track" / "projects" / "the_work"
    folder.mkdir(parents=True)
    for name, text in (("project.toml", FACTS), ("project.md", TEXT), ("lab.py", LAB)):
        (folder / name).write_text(text)
    change(small / "roadmap.toml", 'level = "beginner"', 'level = "beginner"\nproject = "the-work"')
    facts = small / "first_track" / "doubling" / "topic.toml"
    for build in ("double", "shifted"):
        change(facts, f'name = "{build}"', f'name = "{build}"\npart = true')
    return small


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def complaints(folder: Path) -> str:
    try:
        roadmap = load_roadmap(folder)
    except CurriculumError as error:
        return str(error)
    return "\n".join(str(one) for one in project_problems(roadmap, roadmap.projects["the-work"]))


def test_it_is_read_and_belongs_to_its_stage(made: Path) -> None:
    roadmap: Roadmap = load_roadmap(made)
    project = roadmap.projects["the-work"]
    assert (project.track, project.stage, project.href) == ("first-track", "start", "/project/the-work")
    assert project.written and not project.missing_files
    assert [(topic.id, build.name) for topic, build in used_builds(roadmap, project)] == [
        ("doubling", "double"),
        ("doubling", "shifted"),
    ]
    assert "the-work" not in roadmap.topics
    assert complaints(made) == (
        "first_track/projects/the_work/project.toml: uses 2 builds where 3 are needed. Combine more topics."
    )


EDITS: list[tuple[str, Callable[[Path], None], str]] = [
    ("no lab", lambda at: (at / "lab.py").unlink(), "projects/the_work/lab.py: missing"),
    ("a stray file", lambda at: (at / "notes.txt").write_text(""), "unexpected file 'notes.txt'"),
    ("an unknown key", lambda at: change(at / "project.toml", "minutes", "minuets"), "unknown key 'minuets'"),
    (
        "an unknown topic",
        lambda at: change(at / "project.toml", '["doubling"]', '["dubling"]'),
        "Did you mean doubling",
    ),
    ("another stage", lambda at: change(at / "project.toml", '"start"', '"end"'), "first-track.end does not name it"),
    ("no such build", lambda at: change(at / "project.toml", '"shifted"', '"shift"'), "among its needs builds 'shift'"),
    (
        "a need without use",
        lambda at: change(at / "project.toml", '["doubling"]', '["doubling", "halving"]'),
        "nothing of it",
    ),
    ("not imported", lambda at: change(at / "lab.py", ", shifted", ""), "shifted of doubling is not imported"),
    ("another title", lambda at: change(at / "project.md", "# The work", "# Work"), "first line is not the title"),
    ("a section less", lambda at: change(at / "project.md", "## What you make", "What you make"), "Write exactly"),
    ("no sources", lambda at: change(at / "project.toml", FACTS[FACTS.index("[[") :], ""), "no sources"),
]


@pytest.mark.parametrize(("edit", "said"), [one[1:] for one in EDITS], ids=[one[0] for one in EDITS])
def test_what_is_wrong_is_said(made: Path, edit: Callable[[Path], None], said: str) -> None:
    edit(made / "first_track" / "projects" / "the_work")
    assert said in complaints(made)


def test_a_draft_is_passed_over_where_that_was_asked_for(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDUP_DRAFTS", "1")
    (made / "first_track" / "projects" / "the_work" / "lab.py").unlink()
    change(made / "roadmap.toml", '\nproject = "the-work"', "")
    assert load_roadmap(made).projects == {}


def test_a_build_that_is_no_part_is_refused(made: Path) -> None:
    change(made / "first_track" / "doubling" / "topic.toml", 'name = "double"\npart = true', 'name = "double"')
    assert "double is not a part" in complaints(made)


def test_a_stage_without_its_project(made: Path) -> None:
    change(made / "roadmap.toml", '"the-work"', '"other-work"')
    found = complaints(made)
    assert "unknown project 'other-work'" in found and "does not name it" in found


def test_a_topic_of_the_same_name(made: Path) -> None:
    projects = made / "first_track" / "projects"
    (projects / "the_work").rename(projects / "doubling")
    change(made / "roadmap.toml", '"the-work"', '"doubling"')
    assert "is a project's id too" in complaints(made)
