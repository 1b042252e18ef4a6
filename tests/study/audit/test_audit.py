"""The audit's document, on the small curriculum, with a judge that runs in this process."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from groundup.study import audit
from groundup.study.audit.mutants import Mutant
from groundup.study.audit.pool import PoolError
from groundup.study.check.verdict import BuildVerdict, Failure, Receipt, Verdict
from groundup.study.roadmap import Roadmap, load_roadmap
from groundup.study.topics import Topic
from groundup.study.workspace import Snapshot

Edited = Callable[[str, str, str], Roadmap]
FOLDER = "first_track/doubling"


class InProcessJudge:
    """Judges as the real one does, without its sandbox."""

    def check(self, topic: Topic, snapshot: Snapshot, seed: int) -> Verdict:
        from groundup.study.check.inprocess import run_drivers
        from groundup.study.check.misconceptions import judge_outcomes

        space: dict[str, Any] = {}
        exec(snapshot.source, space)
        mine = run_drivers(topic, types.SimpleNamespace(**space), seed)
        results = judge_outcomes(topic, mine, run_drivers(topic, topic.references(), seed, reference=True))
        builds = []
        for build in topic.builds:
            about = [one for one in results.values() if build.name in one.case.builds]
            bad = [one for one in about if not one.passed]
            failure = Failure(case=bad[0].name, title=bad[0].case.title, message="it differs") if bad else None
            kind: Any = bad[0].kind if bad else "passed"
            builds.append(
                BuildVerdict(
                    build=build.name, kind=kind, cases=len(about), passed=len(about) - len(bad), failure=failure
                )
            )
        receipt = Receipt(path="", sha256="", check_version=1, seed=seed, isolation="none", groundup="0", seconds=0.0)
        worst: Any = next((one.kind for one in builds if one.kind != "passed"), "passed")
        return Verdict(topic=topic.id, kind=worst, builds=builds, receipt=receipt)


class FakePool:
    """Kills every mutant whose description does not hold one of these words."""

    spared: Sequence[str] = ("by == 0", "x - 0")
    fails = False

    def __enter__(self) -> FakePool:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def run(self, topic: Topic, mutants: Sequence[Mutant]) -> list[str | None]:
        if self.fails:
            raise PoolError("it is broken")
        return [None if any(word in one.what for word in self.spared) else "some_case" for one in mutants]


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "started_judge", lambda stack: InProcessJudge())
    monkeypatch.setattr(audit, "Pool", FakePool)


def problems(report: dict[str, Any]) -> str:
    return "\n".join(report["problems"])


def test_the_document_of_a_small_curriculum(small: Path) -> None:
    heard: list[str] = []
    report = audit.run(load_roadmap(small), say=heard.append)
    assert report == {
        "points": {"total": 2, "taught": 1, "missing": ["first-track.start.more"]},
        "topics": {
            "total": 3,
            "complete": 1,
            "incomplete": {
                name: ["lesson", "exercise", "drivers", "checks", "mistakes", "alternatives", "cards"]
                for name in ("tripling", "halving")
            },
        },
        "builds": {"total": 4, "checked": 2},
        "stubs": {"run": 2, "failing_as_they_must": 2},
        "references": {"run": 2, "passing": 2},
        "alternatives": {"run": 6, "passing": 6},
        "fairness": {"run": 0, "passing": 0},
        "mistakes": {"run": 16, "rejected": 16, "hinted": 16},
        "mutants": {"run": 0, "killed": 0, "survivors": []},
        "lessons": {"blocks": 3, "executed": 3},
        "figures": {"drawn": 1},
        "labs": {"total": 0, "smoke": 0},
        "cards": 8,
        "parts": 0,
        "ok": True,
        "problems": [],
    }
    assert len(heard) == 1
    assert heard[0].startswith("doubling: ")


def test_an_audit_of_one_topic_looks_at_its_points(small: Path) -> None:
    report = audit.run(load_roadmap(small), ["doubling"])
    assert report["points"] == {"total": 1, "taught": 1, "missing": []}
    assert report["topics"]["total"] == 1
    assert report["ok"]


def test_a_topic_that_is_not_written_cannot_be_audited(small: Path) -> None:
    report = audit.run(load_roadmap(small), ["tripling"])
    assert not report["ok"]
    assert "tripling: not written yet" in problems(report)
    assert "stubs: nothing was found to check" in problems(report)


def test_right_answers_are_tried_on_as_many_seeds_as_wanted(small: Path) -> None:
    heard: list[str] = []
    report = audit.run(load_roadmap(small), ["doubling"], seeds=200, say=heard.append)
    assert report["fairness"] == {"run": 1200, "passing": 1200}
    assert report["ok"]
    assert heard[1:] == [f"doubling: {count} of 200 seeds, 0 alternatives rejected" for count in (100, 200)]


def test_a_right_answer_that_few_seeds_reject_is_found(small: Path) -> None:
    """Rejected where one number is almost 0.5: on one seed in a hundred, and on none of the three that are tried."""
    path = small / FOLDER / "alternatives.py"
    source = path.read_text()
    assert "return x + x\n" in source
    path.write_text(source.replace("return x + x\n", "return x + x + ((x.flatten()[0] - 0.5).abs() < 0.01)\n", 1))
    assert audit.run(load_roadmap(small), ["doubling"])["ok"]
    report = audit.run(load_roadmap(small), ["doubling"], seeds=400)
    assert 0 < report["fairness"]["run"] - report["fairness"]["passing"] < 100
    assert "is rejected by" in problems(report) and "(seed " in problems(report)


def test_an_empty_curriculum_is_not_ok(small: Path) -> None:
    for path in (small / FOLDER).iterdir():
        if path.name != "topic.toml":
            path.unlink()
    report = audit.run(load_roadmap(small))
    assert not report["ok"]
    for section in ("topics", "stubs", "references", "alternatives", "mistakes", "lessons", "figures", "cards"):
        assert f"{section}: nothing was found to check" in problems(report)


@pytest.mark.parametrize(
    ("file", "old", "new", "part", "words"),
    [
        (
            "exercise.py",
            "raise NotImplementedError",
            "return x + x",
            "exercise",
            "stub of double is passed, not missing",
        ),
        ("mistakes.py", "return x * 3\n", "return x + x\n", "mistakes", "times_3 is not rejected"),
        ("mistakes.py", "return x * 4\n", "return x * 3\n", "mistakes", "times_3 is taken for times_3 and times_4"),
        ("alternatives.py", "return x + x\n", "return x + x + 1\n", "alternatives", "double_by_sum is rejected"),
        ("alternatives.py", "return x + x\n", "return x.float() * 2\n", "alternatives", "double_by_sum is rejected"),
        (
            "drivers.py",
            "my.double(rng.normal(2, 3, dt",
            "my.double(torch.ones(2, 3, dt",
            "drivers",
            "vary with the seed",
        ),
        ("lesson.md", "\n42\n", "\n43\n", "lesson", "says '43', its code prints '42'"),
        ("lesson.md", "x = x + 1", "x = y + 1", "lesson", "NameError"),
        ("figure.py", "return {", "return 1 / 0, {", "figure", "ZeroDivisionError"),
        (
            "figure.py",
            'go.Figure(go.Scatter(y=data["y"].tolist()))',
            "go.Figure()",
            "figure",
            "nothing is drawn at its",
        ),
        ("topic.toml", "tiny_reference:double", "tiny_reference:unrelated", "lint", "the reference of double takes ()"),
        ("topic.toml", "tiny_reference:double", "nowhere_at_all:double", "lint", "cannot be imported"),
        ("checks.py", "twice 3 rows", "twice three rows", "lint", "the check version did not"),
        ("cards.toml", "answer", "anser", "lint", "anser"),
    ],
)
def test_what_does_not_hold_is_said(edited: Edited, file: str, old: str, new: str, part: str, words: str) -> None:
    report = audit.run(edited(f"{FOLDER}/{file}", old, new), ["doubling"])
    assert not report["ok"]
    assert words in problems(report)
    assert part in report["topics"]["incomplete"]["doubling"]
    assert report["points"]["taught"] == 0
    assert all(text.startswith("doubling: ") for text in report["problems"] if "nothing was found" not in text)


def test_a_wrong_solution_is_no_reference(small: Path) -> None:
    topic = load_roadmap(small).topic("doubling")
    text = "def double(x):\n    return x * 3\n\n\ndef shifted(x, by=1.0):\n    return x + by\n"
    topic.path("solution.py").write_text(text)
    report = audit.run(load_roadmap(small), ["doubling"])
    assert report["references"] == {"run": 2, "passing": 1}
    assert "the solution of double does not pass: wrong: double_of_2: it differs (seed 101)" in problems(report)
    assert report["topics"]["incomplete"]["doubling"] == ["solution"]


def test_counts_say_what_failed(edited: Edited) -> None:
    report = audit.run(edited(f"{FOLDER}/mistakes.py", "return x * 4\n", "return x * 3\n"), ["doubling"])
    assert report["mistakes"] == {"run": 16, "rejected": 16, "hinted": 14}


def test_equivalent_mutants_are_excused_survivors_are_not(small: Path) -> None:
    report = audit.run(load_roadmap(small), ["doubling"], mutants=True)
    survivors = report["mutants"]["survivors"]
    assert report["mutants"]["run"] - report["mutants"]["killed"] == len(survivors) > 0
    assert not report["ok"]
    told = [one["mutant"].partition(": ")[2] for one in survivors]
    assert "`by == 0` → `False` in `if by == 0:`" not in told
    assert "`by == 0` → `True` in `if by == 0:`" in told
    assert {one["build"] for one in survivors} == {"shifted"}
    assert all("\n+" in one["diff"] for one in survivors)
    assert "mutants" in report["topics"]["incomplete"]["doubling"]


def test_a_stale_excuse_is_a_problem(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakePool, "spared", ())
    report = audit.run(load_roadmap(small), ["doubling"], mutants=True)
    assert report["mutants"]["survivors"] == []
    assert "is killed or does not exist: remove it" in problems(report)


def test_all_mutants_killed_is_ok(edited: Edited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakePool, "spared", ("`by == 0` → `False`",))
    roadmap = edited(f"{FOLDER}/lesson.md", "# Doubling", "# Doubling")
    report = audit.run(roadmap, ["doubling"], mutants=True)
    assert report["ok"], report["problems"]
    assert report["mutants"]["run"] == report["mutants"]["killed"] > 10


def test_mutants_that_cannot_be_run_are_a_problem(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakePool, "fails", True)
    report = audit.run(load_roadmap(small), ["doubling"], mutants=True)
    assert "it is broken" in problems(report)
    assert "mutants: nothing was found to check" in problems(report)


def test_a_judge_that_fails_does_not_end_the_audit(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def check(self, *arguments: object, **named: object) -> None:
            raise OSError("no child")

    monkeypatch.setattr(audit, "started_judge", lambda stack: Broken())
    report = audit.run(load_roadmap(small), ["doubling"])
    assert "OSError: no child" in problems(report)
    assert report["mistakes"]["hinted"] == 16


def test_closing_is_left_to_the_stack(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []

    def judge(stack: contextlib.ExitStack) -> InProcessJudge:
        stack.callback(lambda: closed.append(True))
        return InProcessJudge()

    monkeypatch.setattr(audit, "started_judge", judge)
    audit.run(load_roadmap(small), ["doubling"])
    assert closed == [True]
