"""Projects: what a student makes at the end of a stage, out of the parts that its topics taught.

A project is a folder of ``curriculum/<track>/projects/`` with three files: ``project.toml`` (its facts), ``project.md``
(what is made, and how it is judged) and ``lab.py``, a lab like any topic's. It has a place in the road map (a stage of
roadmap.toml names it) and no builds: it ``uses`` builds of the topics that it needs, each of them a part, so that what
runs is the learner's own code and the run says which.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from groundup.study.problems import Problem, read_toml
from groundup.study.topics import Build, Reading, Topic

if TYPE_CHECKING:
    from groundup.study.roadmap import Roadmap

FOLDER = "projects"  # of a track's folder
FACTS, TEXT, LAB = "project.toml", "project.md", "lab.py"
FILES = (FACTS, TEXT, LAB)
SECTIONS = ("What you make", "What it stands on", "How it is judged", "Going further", "Sources")
WORDS = (200, 1500)
USES = 3  # a project that needs fewer parts is an exercise


@dataclass(frozen=True, eq=False)
class Project(Topic):
    """The work of a stage. ``uses`` are builds, by name, of topics among ``needs``; it has none of its own."""

    stage: str = ""
    uses: tuple[str, ...] = ()

    @property
    def written(self) -> bool:
        return self.files.issuperset(FILES)

    @property
    def missing_files(self) -> list[str]:
        return [name for name in FILES if name not in self.files]

    @property
    def href(self) -> str:
        return f"/project/{self.id}"

    @property
    def lesson_file(self) -> str:
        return TEXT

    def problem(self, file: str, what: str, mend: str, line: int | None = None) -> Problem:
        place = f"{self.folder.parent.parent.name}/{FOLDER}/{self.folder.name}/{file}"
        return Problem(f"{place}:{line}" if line else place, what, mend)


def is_draft(folder: Path) -> bool:
    """Whether a file of it is not written yet."""
    return not all((folder / name).exists() for name in FILES)


def read_project(folder: Path, track: str, problems: list[Problem]) -> Project:
    """The facts of a project's folder; what is wrong with it goes to ``problems``."""
    where = f"{folder.parent.parent.name}/{FOLDER}/{folder.name}"
    entries = list(folder.iterdir()) if folder.is_dir() else []
    files = frozenset(entry.name for entry in entries if entry.name != "__pycache__")
    missing = [name for name in FILES if name not in files]
    for name in missing:
        problems.append(Problem(f"{where}/{name}", "missing", f"A project has {', '.join(FILES)}."))
    for name in sorted(files - set(FILES)):
        problems.append(Problem(f"{where}/{name}", f"unexpected file {name!r}", f"A project has {', '.join(FILES)}."))
    if FACTS in missing:
        return Project(id=folder.name.replace("_", "-"), title="", track=track, folder=folder)
    table = read_toml(folder / FACTS, f"{where}/{FACTS}", problems)
    readings = []
    for one in table.tables("sources"):
        readings.append(Reading(one.text("title"), one.text("url"), one.text("note", required=False)))
        one.done()
    project = Project(
        id=folder.name.replace("_", "-"),
        folder=folder,
        files=files,
        title=table.text("title"),
        track=track,
        stage=table.text("stage"),
        needs=table.texts("needs", required=True),
        lab=table.text("lab"),
        minutes=table.number("minutes", 0) or None,
        uses=table.texts("uses", required=True),
        sources=tuple(readings),
    )
    table.done()
    return project


def used_builds(roadmap: Roadmap, project: Project) -> list[tuple[Topic, Build]]:
    """The builds that a project uses, with their topics, in its order; those that no need of it has are left out."""
    homes = {build.name: (topic, build) for topic in map(roadmap.topic, project.needs) for build in topic.builds}
    return [homes[name] for name in project.uses if name in homes]


# ── what can be said against one ─────────────────────────────────────────────


def project_problems(roadmap: Roadmap, project: Project) -> list[Problem]:
    """Everything that is wrong with a project, as far as reading shows."""
    return [*_facts(roadmap, project), *_text(project), *_lab(roadmap, project)]


def _facts(roadmap: Roadmap, project: Project) -> Iterator[Problem]:
    if project.minutes is None:
        yield project.problem(FACTS, "minutes is missing", "Say how long it takes: minutes = 90.")
    if not project.sources:
        yield project.problem(FACTS, "no sources", "Add [[sources]] with title and url.")
    if len(project.uses) < USES:
        yield project.problem(FACTS, f"uses {len(project.uses)} builds where {USES} are needed", "Combine more topics.")
    found = {build.name: (topic, build) for topic, build in used_builds(roadmap, project)}
    for name in project.uses:
        if name not in found:
            yield project.problem(FACTS, f"no topic among its needs builds {name!r}", "Add the topic to needs.")
        elif not found[name][1].part:
            mend = f"Write part = true at {name} in the topic.toml of {found[name][0].id}."
            yield project.problem(FACTS, f"{name} is not a part, so a learner's could not be used", mend)
    for topic in project.needs:
        if not any(one.id == topic for one, _ in found.values()):
            yield project.problem(FACTS, f"needs {topic}, but uses nothing of it", "Use it, or remove it from needs.")


def _text(project: Project) -> Iterator[Problem]:
    text = project.lesson_text()
    lines = text.splitlines()
    if not lines or lines[0] != f"# {project.title}":
        yield project.problem(TEXT, "the first line is not the title", f"Write: # {project.title}")
    sections = [line[3:].strip() for line in lines if line.startswith("## ")]
    if sections != list(SECTIONS):
        yield project.problem(TEXT, f"sections are {sections}", f"Write exactly {', '.join(SECTIONS)}, in this order.")
    words = len(text.split())
    if not WORDS[0] <= words <= WORDS[1]:
        yield project.problem(TEXT, f"{words} words", f"Write {WORDS[0]} to {WORDS[1]}.")


def _lab(roadmap: Roadmap, project: Project) -> Iterator[Problem]:
    """Each part that it says it uses is imported from the stack: only so can it be swapped."""
    tree = ast.parse(project.source(LAB))
    imported = {
        name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("groundup.stack")
        for name in node.names
    }
    for topic, build in used_builds(roadmap, project):
        name = (build.reference or "").rpartition(":")[2].split(".")[0]
        if name not in imported:
            mend = f"Import {name} from groundup.stack, or leave it out of uses."
            yield project.problem(LAB, f"{build.name} of {topic.id} is not imported", mend)
