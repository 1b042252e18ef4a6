"""The road map: tracks, stages and points of roadmap.toml, and the topics that teach them.

``load_roadmap()`` reads the whole curriculum strictly: what does not hold together raises one
:class:`CurriculumError` that lists every problem with its file, line or key, and mend. Only facts are read: nothing of
a topic is executed and torch is not imported.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from groundup.study import projects
from groundup.study.problems import CurriculumError, Problem, Table, read_toml
from groundup.study.projects import Project, is_draft, read_project
from groundup.study.topics import FACTS, OPTIONAL, REQUIRED, Topic, read_topic, underscored

__all__ = [
    "CurriculumError",
    "Point",
    "Problem",
    "Resource",
    "Roadmap",
    "Stage",
    "Track",
    "UnknownTopic",
    "load_roadmap",
]

KINDS = ("video", "course", "text")
LEVELS = ("beginner", "intermediate", "advanced")
BESIDE_TRACKS = {"__init__.py", "__pycache__", "roadmap.toml"}


class UnknownTopic(LookupError):
    """No topic has that id; ``nearest`` are those that are called something like it."""

    def __init__(self, topic_id: str, nearest: list[str]) -> None:
        meant = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
        super().__init__(f"there is no topic called {topic_id!r}.{meant}")
        self.topic_id = topic_id
        self.nearest = nearest


@dataclass(frozen=True)
class Point:
    """Something that the road map asks a student to learn. ``key`` names it among all: track.stage.point."""

    id: str
    title: str
    topics: tuple[str, ...]
    key: str


@dataclass(frozen=True)
class Stage:
    """A stretch of a track: points, for some a level, for some a project (its id)."""

    id: str
    title: str
    points: tuple[Point, ...]
    level: str | None = None
    project: str | None = None


@dataclass(frozen=True)
class Resource:
    """Something that the road map recommends to read or watch. ``id`` is unique among all tracks."""

    id: str
    title: str
    url: str
    kind: str


@dataclass(frozen=True)
class Track:
    """One of the eight lines of study."""

    id: str
    title: str
    resources: tuple[Resource, ...]
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Roadmap:
    """Tracks in the order of the road map; topics and projects by id, in the order in which the tracks meet them."""

    tracks: tuple[Track, ...]
    topics: dict[str, Topic]
    folder: Path
    projects: dict[str, Project] = field(default_factory=dict)
    _places: dict[str, list[tuple[Track, Stage, Point]]] = field(default_factory=dict, repr=False)

    def topic(self, topic_id: str) -> Topic:
        """The topic; UnknownTopic carries the nearest names."""
        try:
            return self.topics[topic_id]
        except KeyError:
            raise UnknownTopic(topic_id, self._nearest(topic_id)) from None

    def _nearest(self, asked: str) -> list[str]:
        wanted = "-".join(asked.lower().replace("_", "-").split())
        if wanted in self.topics:
            return [wanted]
        titles = {topic.title.lower(): topic.id for topic in self.topics.values()}
        close = difflib.get_close_matches(wanted, self.topics, n=3, cutoff=0.6)
        close += [titles[one] for one in difflib.get_close_matches(asked.lower(), titles, n=3, cutoff=0.6)]
        close += [one for one in self.topics if len(wanted) > 2 and wanted in one]
        return list(dict.fromkeys(close))[:3]

    def points(self) -> Iterator[tuple[Track, Stage, Point]]:
        """Every point with its track and stage, in order."""
        for track in self.tracks:
            for stage in track.stages:
                for point in stage.points:
                    yield track, stage, point

    def places(self, topic_id: str) -> list[tuple[Track, Stage, Point]]:
        """The points that a topic teaches."""
        return list(self._places.get(self.topic(topic_id).id, ()))

    def path_to(self, topic_id: str) -> list[Topic]:
        """Everything that one must have understood, and the topic itself, each after what it needs."""
        found: dict[str, Topic] = {}

        def visit(topic: Topic) -> None:
            if topic.id not in found:
                for need in topic.needs:
                    visit(self.topics[need])
                found[topic.id] = topic

        visit(self.topic(topic_id))
        return list(found.values())

    def needed_by(self, topic_id: str) -> list[Topic]:
        """The topics that name this one among their needs."""
        wanted = self.topic(topic_id).id
        return [topic for topic in self.topics.values() if wanted in topic.needs]


def load_roadmap(folder: Path | str | None = None) -> Roadmap:
    """The curriculum in ``folder``, groundup's own where none is given (read once a process)."""
    return _own() if folder is None else _load(Path(folder))


@cache
def _own() -> Roadmap:
    return _load(Path(__file__).resolve().parent.parent / "curriculum")


def _load(folder: Path) -> Roadmap:
    problems: list[Problem] = []
    tracks = _read_tracks(folder, problems)
    read, made = _read_topics(folder, {underscored(track.id): track.id for track in tracks}, problems)
    roadmap = Roadmap(tracks, {}, folder)
    order = [stage.project for track in tracks for stage in track.stages if stage.project in made]
    roadmap.projects.update({one: made[one] for one in [*order, *sorted(set(made) - set(order))]})
    for place in roadmap.points():
        for topic in place[2].topics:
            roadmap._places.setdefault(topic, []).append(place)
    order = [one for one in roadmap._places if one in read]
    roadmap.topics.update({one: read[one] for one in [*order, *sorted(set(read) - set(order))]})
    _links_hold(roadmap, problems)
    if problems:
        raise CurriculumError(problems)
    return roadmap


# ── roadmap.toml ─────────────────────────────────────────────────────────────


def _read_tracks(folder: Path, problems: list[Problem]) -> tuple[Track, ...]:
    table = read_toml(folder / "roadmap.toml", "roadmap.toml", problems)
    tracks: list[Track] = []
    stages = resources = 0  # so many of earlier tracks, for the line of a problem
    for one in table.tables("tracks"):
        track_id = one.text("id")
        resource_tables = one.tables("resources", offset=resources)
        stage_tables = one.tables("stages", offset=stages)
        track = Track(
            id=track_id,
            title=one.text("title"),
            resources=tuple(_resource(row) for row in resource_tables),
            stages=tuple(_stage(row, track_id) for row in stage_tables),
        )
        one.done()
        _unique([stage.id for stage in track.stages], stage_tables)
        stages, resources = stages + len(track.stages), resources + len(track.resources)
        tracks.append(track)
    table.done()
    _unique([track.id for track in tracks], table.tables("tracks"))
    _unique(
        [resource.id for track in tracks for resource in track.resources],
        [row for one in table.tables("tracks") for row in one.tables("resources")],
    )
    return tuple(tracks)


def _unique(ids: list[str], tables: list[Table]) -> None:
    for index, (one, table) in enumerate(zip(ids, tables, strict=True)):
        if one in ids[:index]:
            table.problem("id", f"the id {one!r} is there twice", "Give each its own id.")


def _resource(table: Table) -> Resource:
    resource = Resource(table.text("id"), table.text("title"), table.text("url"), table.text("kind"))
    table.done()
    if resource.kind and resource.kind not in KINDS:
        table.problem("kind", f"unknown kind {resource.kind!r}", f"Use one of {', '.join(KINDS)}.")
    if resource.url and not resource.url.startswith("https://"):
        table.problem("url", f"{resource.url!r} is not a web address", "Start it with https://.")
    return resource


def _stage(table: Table, track_id: str) -> Stage:
    stage_id = table.text("id")
    stage = Stage(
        id=stage_id,
        title=table.text("title"),
        level=table.text("level", required=False) or None,
        project=table.text("project", required=False) or None,
        points=tuple(_point(one, table, f"{track_id}.{stage_id}") for one in table.tables("points")),
    )
    table.done()
    if stage.level and stage.level not in LEVELS:
        table.problem("level", f"unknown level {stage.level!r}", f"Use one of {', '.join(LEVELS)}.")
    if not stage.points:
        table.problem("points", f"the stage {stage_id!r} has no points", "Give it points = [{id, title, topics}].")
    ids = [point.id for point in stage.points]
    for one in sorted({one for one in ids if ids.count(one) > 1}):
        table.problem("points", f"the point {one!r} is there twice", "Give each its own id.")
    return stage


def _point(table: Table, stage: Table, place: str) -> Point:
    # Points are inline tables: their line is that of the stage's `points`.
    table.header, table.index = stage.header, stage.index
    found = len(table.problems)
    point_id = table.text("id")
    point = Point(point_id, table.text("title"), table.texts("topics", required=True), f"{place}.{point_id}")
    table.done()
    if not point.topics:
        table.problem("points", f"no topic teaches {point.key}", "Name at least one topic.")
    if len(table.problems) > found:
        where = stage.source.where("points", stage.header, stage.index)
        table.problems[found:] = [
            Problem(where, f"{point.key}: {one.what}", one.mend) for one in table.problems[found:]
        ]
    return point


# ── the folders ──────────────────────────────────────────────────────────────


def _read_topics(
    folder: Path, tracks: dict[str, str], problems: list[Problem]
) -> tuple[dict[str, Topic], dict[str, Project]]:
    """Every topic folder of every track's folder, and every project."""
    topics: dict[str, Topic] = {}
    made: dict[str, Project] = {}
    try:
        beside = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        problem = Problem(str(folder), f"cannot be read: {error}", "Name a curriculum's folder.")
        raise CurriculumError([problem]) from None
    for name in beside:
        if name in BESIDE_TRACKS:
            continue
        if name not in tracks:
            mend = f"Remove it; a folder here is a track of roadmap.toml: {', '.join(sorted(tracks)) or 'none'}."
            problems.append(Problem(name, f"unexpected {name!r} in the curriculum's folder", mend))
            continue
        for entry in sorted(os.scandir(folder / name), key=lambda one: one.name):
            if entry.name == "__pycache__":
                continue
            if entry.name == projects.FOLDER and entry.is_dir():
                for one in sorted(Path(entry.path).iterdir()):
                    if one.name == "__pycache__" or (os.environ.get("GROUNDUP_DRAFTS") and is_draft(one)):
                        continue
                    project = read_project(one, tracks[name], problems)
                    made[project.id] = project
                continue
            topic = _read_folder(Path(entry.path), tracks[name], problems)
            if topic is None:
                continue
            if topic.id in topics:
                what = f"the topic {topic.id!r} is in two tracks' folders"
                problems.append(Problem(f"{name}/{entry.name}", what, "Keep one of them."))
            topics[topic.id] = topic
    return topics, made


def _read_folder(folder: Path, track: str, problems: list[Problem]) -> Topic | None:
    where = f"{folder.parent.name}/{folder.name}"
    if not folder.is_dir():
        problems.append(Problem(where, f"unexpected file {folder.name!r}", "Remove it; a track's folder holds topics."))
        return None
    files = frozenset(entry.name for entry in os.scandir(folder) if entry.name != "__pycache__")
    if FACTS not in files:
        problems.append(Problem(where, f"{FACTS} is missing", f"Write {where}/{FACTS}, or remove the folder."))
        return None
    for name in sorted(files - {FACTS, *REQUIRED, *OPTIONAL}):
        mend = f"Remove it; a topic has {', '.join((FACTS, *REQUIRED, *OPTIONAL))}."
        problems.append(Problem(f"{where}/{name}", f"unexpected file {name!r}", mend))
    missing = [name for name in REQUIRED if name not in files]
    if len(files) > 1 and missing and not os.environ.get("GROUNDUP_DRAFTS"):
        _partial(where, missing, problems)
    topic = read_topic(folder, files, problems)
    if topic.track and topic.track != track:
        what = f"track is {topic.track!r}, but the folder is in {folder.parent.name}"
        problems.append(Problem(f"{where}/{FACTS} (track)", what, f'Write track = "{track}", or move the folder.'))
    return topic


def _partial(where: str, missing: list[str], problems: list[Problem]) -> None:
    """A topic is written wholly or not at all; GROUNDUP_DRAFTS=1 lets those under way count as not written."""
    mend = f"Write {', '.join(missing)}, or keep only {FACTS} until the topic is written."
    problems.append(Problem(where, f"missing {', '.join(missing)}", mend))


# ── what points to what ──────────────────────────────────────────────────────


def _links_hold(roadmap: Roadmap, problems: list[Problem]) -> None:
    for _, _, point in roadmap.points():
        for one in point.topics:
            if one not in roadmap.topics:
                where = f"roadmap.toml ({point.key})"
                problems.append(Problem(where, f"unknown topic {one!r}", _instead(roadmap, one)))
    for topic in roadmap.topics.values():
        for key, names in (("needs", topic.needs), ("helps", topic.helps)):
            for one in names:
                if one not in roadmap.topics:
                    where = topic.problem(FACTS, "", "").where + f" ({key})"
                    problems.append(Problem(where, f"unknown topic {one!r} in {key}", _instead(roadmap, one)))
        if topic.id in roadmap.projects:
            problems.append(Problem(topic.folder.name, f"{topic.id!r} is a project's id too", "Rename one of them."))
        if topic.id not in roadmap._places:
            mend = "Name it in a point's topics, or remove the folder."
            problems.append(Problem(topic.folder.name, f"no point of roadmap.toml leads to {topic.id!r}", mend))
    _projects_hold(roadmap, problems)
    cycle = _cycle(roadmap)
    if cycle:
        where = roadmap.topics[cycle[0]].problem(FACTS, "", "").where + " (needs)"
        mend = "Take one of these out of the other's needs."
        problems.append(Problem(where, f"needs go round in a circle: {' → '.join(cycle)}", mend))


def _projects_hold(roadmap: Roadmap, problems: list[Problem]) -> None:
    """Stages and projects name each other, and what a project needs is there."""
    places = {stage.project: (track, stage) for track in roadmap.tracks for stage in track.stages if stage.project}
    for name, (track, stage) in places.items():
        if name not in roadmap.projects:
            mend = f"Write {underscored(track.id)}/{projects.FOLDER}/{underscored(name)}/, or remove project."
            problems.append(Problem(f"roadmap.toml ({track.id}.{stage.id})", f"unknown project {name!r}", mend))
    for one in roadmap.projects.values():
        there = places.get(one.id)
        if there is None or (there[0].id, there[1].id) != (one.track, one.stage):
            mend = f'Write project = "{one.id}" at that stage of roadmap.toml.'
            problems.append(one.problem(projects.FACTS, f"the stage {one.track}.{one.stage} does not name it", mend))
        for need in one.needs:
            if need not in roadmap.topics:
                what = f"unknown topic {need!r} in needs"
                problems.append(one.problem(projects.FACTS, what, _instead(roadmap, need)))


def _instead(roadmap: Roadmap, unknown: str) -> str:
    nearest = roadmap._nearest(unknown)
    return f"Did you mean {' or '.join(nearest)}?" if nearest else "Name a topic that has a folder."


def _cycle(roadmap: Roadmap) -> list[str]:
    """A circle in the needs, its first topic repeated at the end; empty where there is none."""
    done: set[str] = set()
    trail: list[str] = []

    def visit(topic_id: str) -> list[str]:
        if topic_id in trail:
            return [*trail[trail.index(topic_id) :], topic_id]
        if topic_id in done or topic_id not in roadmap.topics:
            return []
        trail.append(topic_id)
        for need in roadmap.topics[topic_id].needs:
            if found := visit(need):
                return found
        trail.pop()
        done.add(topic_id)
        return []

    for topic_id in roadmap.topics:
        if found := visit(topic_id):
            return found
    return []
