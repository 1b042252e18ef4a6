"""Parts: a learner's own code in place of the library's, inside one process and nowhere else.

A build marked ``part`` names an object of the stack as its reference. The stack calls its parts through module globals
only, so a part is swapped by replacing every attribute of every module of the stack, and every value of a registry
(a dict that is such an attribute), that *is* the reference: however it was imported, and under whatever name.

:func:`choose` decides, in the learner's study, which of their builds are used: those that pass now, by a check of the
very bytes that will be used. :func:`swap` does it, in the run's process.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from groundup.study.runs.records import RunError, UsedPart
from groundup.study.topics import Build, Topic

if TYPE_CHECKING:
    from groundup.study.service import Study
    from groundup.study.workspace import Snapshot

STACK = "groundup.stack"


# ── which parts: in the learner's study ──────────────────────────────────────


@dataclass(frozen=True)
class Chosen:
    """The parts of a run, the sources that they need by module name, and why others are left out."""

    parts: tuple[UsedPart, ...] = ()
    sources: Mapping[str, bytes] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def candidates(study: Study) -> list[Topic]:
    """Topics with parts of which the learner has had one accepted at some time, in the order of the road map."""
    states = study.progress.build_states()
    return [
        topic
        for topic in study.roadmap.topics.values()
        if topic.written and any(one.part and _passed(states.get(topic.id, {}).get(one.name)) for one in topic.builds)
    ]


def _passed(state: Any) -> bool:
    return state is not None and bool(state.passed)


def choose(study: Study, only: Sequence[str] | None = None, say: Callable[[str], None] | None = None) -> Chosen:
    """Check the learner's files as they are now; every part that passes is used, or those of ``only`` (builds).

    Every check is recorded like any other. Raises RunError where ``only`` names what is not a part or does not pass.
    """
    known = {one.name: topic for topic in study.roadmap.topics.values() for one in topic.builds if one.part}
    for name in only or ():
        if name not in known:
            raise RunError(f"{name!r} is not a part", f"Parts are, for instance, {', '.join(sorted(known)[:8])}.")
        if not known[name].written:
            raise RunError(f"{name} belongs to {known[name].id}, which is not written yet", "Leave it out.")
    topics = candidates(study) if only is None else list({known[name].id: known[name] for name in only}.values())
    parts: list[UsedPart] = []
    sources: dict[str, bytes] = {}
    left_out: dict[str, str] = {}
    for topic in topics:
        if say is not None:
            say(topic.id)
        study.workspace.open(topic)
        snapshot = study.workspace.read(topic)
        verdict = study.judge().check(topic, snapshot)
        study.progress.record(verdict)
        passed = {one.build for one in verdict.builds if one.kind == "passed"}
        states = study.progress.build_state(topic.id)
        for build in topic.builds:
            if not build.part or (only is not None and build.name not in only):
                continue
            if build.name in passed:
                _add_sources(sources, snapshot)
                parts.append(_used(topic, build, snapshot))
            elif _passed(states.get(build.name)):
                left_out[build.name] = f"it passed once, but your file as it is now does not: groundup check {topic.id}"
            elif only is not None:
                left_out[build.name] = f"it does not pass: groundup check {topic.id}"
    if only is not None and left_out:
        name, why = next(iter(left_out.items()))
        raise RunError(f"{name} cannot be used: {why}", "Mend it, or leave it out of --mine.")
    return Chosen(tuple(parts), sources, left_out)


def _used(topic: Topic, build: Build, snapshot: Snapshot) -> UsedPart:
    return UsedPart(
        build=build.name,
        topic=topic.id,
        reference=str(build.reference),
        module=snapshot.module,
        path=snapshot.path,
        sha256=snapshot.sha256,
        check_version=topic.check_version,
    )


def _add_sources(sources: dict[str, bytes], snapshot: Snapshot) -> None:
    """The checked file wins over the same module as another file's import, should an editor have saved in between."""
    sources[snapshot.module] = snapshot.source
    for name, content in snapshot.siblings.items():
        sources.setdefault(name, content)


# ── swapping: in the run's process ───────────────────────────────────────────


@dataclass
class Swapped:
    """One part in place. ``calls`` counts uses: calls of a function, objects made of a class."""

    build: str
    places: list[str]
    calls: int = 0


def import_stack() -> list[types.ModuleType]:
    """Every module of the stack, imported: what is imported later could not be swapped."""
    package = importlib.import_module(STACK)
    for one in pkgutil.walk_packages(package.__path__, STACK + "."):
        importlib.import_module(one.name)
    return stack_modules()


def stack_modules() -> list[types.ModuleType]:
    return [one for name, one in sorted(sys.modules.items()) if name == STACK or name.startswith(STACK + ".")]


def find(reference: str) -> Any:
    """The object that ``module:name`` names."""
    module, _, name = reference.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def swap(replacements: Mapping[str, tuple[str, Any]]) -> list[Swapped]:
    """Put the learner's objects in the places of the references, in this process, for good.

    ``replacements`` maps a build's name to its reference (``module:name``) and the object to use instead. All
    references are found before any is replaced. Returns where each went, with a counter that goes on counting.
    """
    modules = import_stack()
    originals = {build: find(reference) for build, (reference, _) in replacements.items()}
    done = []
    for build, (_, given) in replacements.items():
        swapped = Swapped(build, [])
        counted = _counted(given, swapped)
        original = originals[build]
        for module in modules:
            for name, value in list(vars(module).items()):
                if value is original:
                    setattr(module, name, counted)
                    swapped.places.append(f"{module.__name__}.{name}")
                elif type(value) is dict and not name.startswith("__"):
                    for key in [key for key, item in value.items() if item is original]:
                        value[key] = counted
                        swapped.places.append(f"{module.__name__}.{name}[{key!r}]")
        if not swapped.places:
            raise LookupError(f"{build}: its reference is nowhere in the stack")
        done.append(swapped)
    return done


def _counted(given: Any, swapped: Swapped) -> Any:
    """The object, counting its uses; results are untouched."""
    if isinstance(given, type):
        begin = given.__init__  # type: ignore[misc]

        @functools.wraps(begin)
        def counting_init(self: Any, *arguments: Any, **named: Any) -> None:
            swapped.calls += 1
            begin(self, *arguments, **named)

        try:
            given.__init__ = counting_init  # type: ignore[misc]
        except TypeError:  # a class that cannot be changed counts nothing
            swapped.calls = -1
        return given

    @functools.wraps(given)
    def counting(*arguments: Any, **named: Any) -> Any:
        swapped.calls += 1
        return given(*arguments, **named)

    return counting


def load(parts: Iterable[UsedPart]) -> dict[str, tuple[str, Any]]:
    """The learner's objects, imported from ``mine`` (which must be importable); what :func:`swap` takes."""
    found = {}
    for part in parts:
        module = importlib.import_module(part.module)
        found[part.build] = (part.reference, getattr(module, part.build))
    return found
