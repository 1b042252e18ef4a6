"""Every file of the battery once, at the strongest level there is here, while another learner's checks go on.

``make battery`` runs them at every level, many times, in random order, and reports what each level stops.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import psutil
import pytest

from groundup.study.check import judge
from groundup.study.check.verdict import Kind

sys.path.insert(0, str(Path(__file__).parent))

from battery.arena import Arena, Neighbor, arena
from battery.entry import at_call

from battery import ENTRIES, GROUPS, LEVELS, MARK, Entry

GROWTH_MB = 200


@pytest.fixture(scope="module")
def place() -> Iterator[Arena]:
    with arena("auto") as one:
        yield one


def test_the_table_is_whole() -> None:
    assert len(ENTRIES) >= 110
    assert len({(entry.group, entry.name) for entry in ENTRIES}) == len(ENTRIES)
    assert {entry.group for entry in ENTRIES} == set(GROUPS)
    assert all(entry.does and entry.verdicts and entry.since in LEVELS for entry in ENTRIES)
    assert not [entry.name for entry in ENTRIES if entry.verdicts - set(get_args(Kind))]
    named = {kind for entry in ENTRIES for kind in entry.verdicts}
    assert named == set(get_args(Kind)) - {"internal"}, "each verdict has a file that must get it"


def test_the_table_in_security_md_is_the_batterys() -> None:
    text = (Path(__file__).resolve().parents[3] / "SECURITY.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    shown = {row[0]: row[1:] for row in rows if row[0] in GROUPS}
    expected = {
        group: [str(len(entries)), *(str(sum(entry.stopped_at(level) for entry in entries)) for level in LEVELS)]
        for group, entries in GROUPS.items()
    }
    assert shown == expected


DEFENDING = ("sandbox", "session", "warm", "worker", "child", "learner", "wire", "limits", "judge")
LAYERS = ("__init__", "layers", "namespaces", "landlock", "seccomp", "rlimits", "paths", "system")


@pytest.mark.parametrize("module", [*DEFENDING, *(f"isolate/{name}" for name in LAYERS)])
def test_each_module_says_what_it_does_not_protect_against(module: str) -> None:
    source = (Path(judge.__file__).parent / f"{module}.py").read_text(encoding="utf-8")
    said = " ".join((ast.get_docstring(ast.parse(source)) or "").split())
    assert "Not protected against" in said
    if module == "isolate/__init__":
        assert all(name in said for name in ("Linux where user namespaces", "Linux without them", "macOS"))


@pytest.fixture(scope="module")
def neighbor(place: Arena) -> Iterator[Neighbor]:
    with Neighbor(place) as one:
        yield one


@pytest.mark.parametrize("entry", ENTRIES, ids=[f"{entry.group}: {entry.name}" for entry in ENTRIES])
def test_it_gets_its_verdict_and_leaves_nothing(place: Arena, neighbor: Neighbor, entry: Entry) -> None:
    if not entry.run_at(place.level):
        pytest.skip(f"nothing stops this at the level {place.level}")
    assert place.run(entry).problems == []


def test_nobody_else_was_disturbed(neighbor: Neighbor) -> None:
    """After all files: every check of the neighbor's passed, and the judge has not grown."""
    assert len(neighbor.kinds) >= 100, "run the whole file: the neighbor must have been there"
    assert neighbor.kinds == ["passed"] * len(neighbor.kinds)
    assert psutil.Process().memory_info().rss - neighbor.rss < GROWTH_MB * 2**20


# ── the battery itself can fail ──────────────────────────────────────────────


def found(place: Arena, entry: Entry) -> str:
    return "; ".join(place.run(replace(entry, group="control")).problems)


def test_a_wrong_verdict_is_a_problem(place: Arena) -> None:
    assert "passed where wrong was due" in found(place, at_call("control", "is right", "pass", "wrong"))


def test_a_shown_secret_is_a_problem(place: Arena) -> None:
    assert "a secret was shown" in found(place, at_call("control", "prints the secret", f"print({MARK!r})"))


def test_what_is_left_behind_is_a_problem(place: Arena) -> None:
    (place.home / "mine" / "new.py").write_text("")
    assert "files of others" in found(place, at_call("control", "is right", "pass"))
    (place.home / "mine" / "new.py").unlink()
    assert "files of others" in found(place, at_call("control", "is right", "pass"))
    assert found(place, at_call("control", "is right", "pass")) == ""


def test_the_secrets_can_be_reached_where_nothing_stops_it() -> None:
    """A file that finds nothing proves nothing, unless the same file finds it where there is no wall."""
    reaching = [entry for entry in ENTRIES if entry.group in ("reading", "network") and entry.since != "rlimits"]
    with arena("rlimits") as open_place:
        unstopped = {
            entry.name
            for entry in reaching
            if entry.run_at("rlimits")
            and any("secret" in one or "came" in one for one in open_place.run(entry).unstopped)
        }
    assert {"progress, called", "other workspaces, imported", "the reference, called"} <= unstopped
    assert {"loopback, called", "a datagram, called", "a Unix socket, called"} <= unstopped
