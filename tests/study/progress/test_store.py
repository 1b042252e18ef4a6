"""What is recorded comes back; what was accepted stays accepted; what is ours is never charged to the learner."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text

from groundup.study.check.verdict import Verdict
from groundup.study.home import Home, HomeError
from groundup.study.progress import database as database_module
from groundup.study.progress.database import ProgressError
from groundup.study.progress.store import STATES, Progress

MakeVerdict = Callable[..., Verdict]


@dataclass
class FakeBuild:
    name: str


@dataclass
class FakeTopic:
    builds: list[FakeBuild] = field(default_factory=lambda: [FakeBuild("dot"), FakeBuild("norm")])
    written: bool = True
    check_version: int = 1


@dataclass
class FakeRoadmap:
    topics: dict[str, FakeTopic]


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2030, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=2)))

    def __call__(self) -> datetime:
        return self.now


def state_of(progress: Progress, topic: FakeTopic, topic_id: str = "vectors") -> str:
    return progress.topic_states(FakeRoadmap({topic_id: topic}))[topic_id]


# ── recording ────────────────────────────────────────────────────────────────


def test_a_verdict_comes_back_as_it_was_shown(home: Home, progress: Progress, verdict: MakeVerdict) -> None:
    shown = verdict({"dot": "passed", "norm": "wrong"}, seed=2**100, printed="größe 🙂\n")
    number = progress.record(shown)
    with Progress(home) as tomorrow:
        (record,) = tomorrow.attempts()
    assert Verdict.model_validate(record.verdict) == shown
    assert (record.id, record.topic, record.kind, record.seed) == (number, "vectors", "wrong", 2**100)
    assert (record.path, record.sha256, record.check_version) == ("mine/mathematics/vectors.py", "a" * 64, 1)
    assert (record.isolation, record.groundup, record.seconds) == ("namespaces", "0.1.0", 0.1)


def test_a_moment_keeps_its_meaning(home: Home, verdict: MakeVerdict) -> None:
    clock = Clock()
    with Progress(home, now=clock) as progress:
        progress.record(verdict({"dot": "passed"}))
        (record,) = progress.attempts()
        assert record.when == clock.now
        assert record.when.tzinfo is UTC
        assert progress.build_state("vectors")["dot"].when == clock.now


def test_a_moment_without_a_time_zone_is_refused(home: Home, verdict: MakeVerdict) -> None:
    with Progress(home) as progress:
        progress._now = lambda: datetime(2030, 1, 1)
        with pytest.raises(Exception, match="no time zone"):
            progress.record(verdict({"dot": "passed"}))
        assert progress.attempts() == []


def test_attempts_come_newest_first_by_topic_and_bounded(progress: Progress, verdict: MakeVerdict) -> None:
    numbers = [progress.record(verdict({"dot": "wrong"}, topic=topic)) for topic in ("a", "b", "a", "b", "a")]
    assert [one.id for one in progress.attempts(limit=3)] == numbers[:1:-1]
    assert [one.id for one in progress.attempts("a")] == [numbers[4], numbers[2], numbers[0]]


def test_every_kind_is_one_attempt(progress: Progress, verdict: MakeVerdict) -> None:
    kinds = ["passed", "wrong", "raised", "missing", "timeout", "out of memory", "too much output", "forbidden"]
    kinds += ["crashed", "internal"]
    for kind in kinds:
        progress.record(verdict({"dot": kind}))
    assert [one.kind for one in progress.attempts()] == kinds[::-1]


def test_what_a_database_cannot_store_is_replaced(progress: Progress, verdict: MakeVerdict) -> None:
    hostile = verdict({"dot": "wrong"}).model_copy(update={"printed": "a\0b\ud800c", "topic": "vec\0tors"})
    receipt = hostile.receipt.model_copy(update={"seconds": float("nan"), "path": "\udfff"})
    progress.record(hostile.model_copy(update={"receipt": receipt}))
    (record,) = progress.attempts()
    assert record.verdict["printed"] == "a�b�c"
    assert (record.topic, record.path, record.seconds) == ("vec�tors", "�", 0.0)
    assert record.verdict["receipt"]["seconds"] is None
    json.dumps(record.verdict, allow_nan=False).encode()


# ── builds ───────────────────────────────────────────────────────────────────


def test_a_build_that_was_never_checked_has_no_state(progress: Progress) -> None:
    assert progress.build_state("vectors") == {}


def test_a_pass_is_kept_with_what_passed(home: Home, verdict: MakeVerdict) -> None:
    clock = Clock()
    with Progress(home, now=clock) as progress:
        progress.record(verdict({"dot": "passed", "norm": "wrong"}, check_version=3, sha256="1" * 64))
        states = progress.build_state("vectors")
    dot, norm = states["dot"], states["norm"]
    assert (dot.passed, dot.check_version, dot.sha256, dot.when) == (True, 3, "1" * 64, clock.now)
    assert (dot.last_kind, dot.last_sha256, dot.attempts) == ("passed", "1" * 64, 1)
    assert (norm.passed, norm.check_version, norm.sha256, norm.when) == (False, None, None, None)
    assert (norm.last_kind, norm.last_sha256, norm.attempts) == ("wrong", "1" * 64, 1)


def test_a_later_failure_takes_nothing_away(progress: Progress, verdict: MakeVerdict) -> None:
    progress.record(verdict({"dot": "passed"}, sha256="1" * 64))
    progress.record(verdict({"dot": "wrong"}, sha256="2" * 64))
    dot = progress.build_state("vectors")["dot"]
    assert (dot.passed, dot.sha256, dot.last_kind, dot.last_sha256, dot.attempts) == (
        True,
        "1" * 64,
        "wrong",
        "2" * 64,
        2,
    )


def test_a_later_pass_is_the_one_kept(progress: Progress, verdict: MakeVerdict) -> None:
    progress.record(verdict({"dot": "passed"}, sha256="1" * 64))
    progress.record(verdict({"dot": "passed"}, sha256="2" * 64))
    assert progress.build_state("vectors")["dot"].sha256 == "2" * 64


def test_a_pass_against_an_older_check_does_not_replace_one_against_a_newer(
    progress: Progress, verdict: MakeVerdict
) -> None:
    progress.record(verdict({"dot": "passed"}, check_version=2, sha256="2" * 64))
    progress.record(verdict({"dot": "passed"}, check_version=1, sha256="1" * 64))
    dot = progress.build_state("vectors")["dot"]
    assert (dot.check_version, dot.sha256, dot.last_sha256) == (2, "2" * 64, "1" * 64)


def test_what_is_ours_changes_no_build(progress: Progress, verdict: MakeVerdict) -> None:
    progress.record(verdict({"dot": "internal", "norm": "internal"}))
    assert progress.build_state("vectors") == {}
    progress.record(verdict({"dot": "passed", "norm": "wrong"}))
    before = progress.build_state("vectors")
    progress.record(verdict({"dot": "internal", "norm": "internal"}))
    assert progress.build_state("vectors") == before
    assert len(progress.attempts()) == 3


def test_unwritten_builds_are_not_counted_as_attempts(progress: Progress, verdict: MakeVerdict) -> None:
    progress.record(verdict({"dot": "wrong", "norm": "missing"}))
    states = progress.build_state("vectors")
    assert (states["norm"].attempts, states["norm"].last_kind) == (0, "missing")
    assert states["dot"].attempts == 1


def test_the_last_failure_is_that_of_the_last_check(progress: Progress, verdict: MakeVerdict) -> None:
    assert progress.last_failure("vectors", "dot") is None
    progress.record(verdict({"dot": "wrong", "norm": "wrong"}, message="first"))
    progress.record(verdict({"dot": "wrong"}, message="second"))
    progress.record(verdict({"dot": "internal"}))
    failure, other = progress.last_failure("vectors", "dot"), progress.last_failure("vectors", "norm")
    assert failure is not None and (failure.message, failure.hint, failure.misconceptions) == (
        "second",
        "Sum.",
        ["no_sum"],
    )
    assert other is not None and other.message == "first"
    progress.record(verdict({"dot": "passed"}))
    assert progress.last_failure("vectors", "dot") is None


def test_a_failure_of_another_format_is_no_hint(home: Home, progress: Progress, verdict: MakeVerdict) -> None:
    progress.record(verdict({"dot": "wrong"}))
    changed = verdict({"dot": "wrong"}).model_dump()
    changed["builds"][0]["failure"]["added by a later groundup"] = 1
    progress._database.write(
        lambda session: session.execute(text("UPDATE attempts SET verdict = :v"), {"v": json.dumps(changed)})
    )
    assert progress.last_failure("vectors", "dot") is None


# ── topics ───────────────────────────────────────────────────────────────────


def test_the_states_of_a_topic(progress: Progress, verdict: MakeVerdict) -> None:
    topic = FakeTopic()
    seen = [state_of(progress, FakeTopic(written=False)), state_of(progress, topic)]
    progress.topic_opened("vectors")
    assert state_of(progress, topic) == "untouched", "to look at a page is not to start"
    progress.lesson_read("vectors")
    seen.append(state_of(progress, topic))
    progress.record(verdict({"dot": "internal"}))
    assert state_of(progress, topic) == "read"
    progress.record(verdict({"dot": "wrong", "norm": "missing"}))
    seen.append(state_of(progress, topic))
    progress.record(verdict({"dot": "passed", "norm": "missing"}))
    assert state_of(progress, topic) == "started"
    progress.record(verdict({"dot": "wrong", "norm": "passed"}))
    seen.append(state_of(progress, topic))
    seen.append(state_of(progress, FakeTopic(check_version=2)))
    assert seen == list(STATES)
    progress.record(verdict({"dot": "passed"}, check_version=2))
    assert state_of(progress, FakeTopic(check_version=2)) == "passed older check", "one of two is not all"
    progress.record(verdict({"norm": "passed"}, check_version=2))
    assert state_of(progress, FakeTopic(check_version=2)) == "passed"
    assert state_of(progress, FakeTopic(written=False)) == "not written"


def test_a_new_build_makes_a_passed_topic_started(progress: Progress, verdict: MakeVerdict) -> None:
    progress.record(verdict({"dot": "passed", "norm": "passed"}))
    assert state_of(progress, FakeTopic([FakeBuild("dot"), FakeBuild("norm"), FakeBuild("new")])) == "started"
    assert state_of(progress, FakeTopic([FakeBuild("dot")])) == "passed"


def test_a_hint_is_a_start(progress: Progress) -> None:
    progress.take_hint("vectors", "dot", 1)
    assert state_of(progress, FakeTopic()) == "started"


def test_a_topic_without_builds_can_be_read_and_no_more(progress: Progress) -> None:
    assert state_of(progress, FakeTopic([])) == "untouched"
    progress.lesson_read("vectors")
    assert state_of(progress, FakeTopic([])) == "read"


def test_what_is_marked_can_be_unmarked(progress: Progress) -> None:
    for _ in range(2):
        progress.lesson_read("vectors")
        progress.resource_done("khan")
        progress.resource_done("3blue1brown")
    assert (progress.lessons_read(), progress.resources_done()) == ({"vectors"}, {"khan", "3blue1brown"})
    for _ in range(2):
        progress.lesson_read("vectors", False)
        progress.resource_done("khan", False)
    assert (progress.lessons_read(), progress.resources_done()) == (set(), {"3blue1brown"})


def test_opening_is_remembered_but_not_each_time(home: Home) -> None:
    clock = Clock()
    with Progress(home, now=clock) as progress:
        progress.topic_opened("vectors")
        first = clock.now
        clock.now += timedelta(minutes=10)
        progress.topic_opened("vectors")
        assert progress.topics_opened() == {"vectors": first}
        clock.now += timedelta(hours=1)
        progress.topic_opened("vectors")
        assert progress.topics_opened() == {"vectors": clock.now}


def test_hints_are_the_furthest_stage(progress: Progress) -> None:
    assert progress.hints("vectors", "dot") == 0
    for stage in (1, 3, 3, 2):
        progress.take_hint("vectors", "dot", stage)
    assert progress.hints("vectors", "dot") == 3
    assert progress.hints("vectors", "norm") == progress.hints("matrices", "dot") == 0


def test_counts(progress: Progress, verdict: MakeVerdict) -> None:
    roadmap = FakeRoadmap({"vectors": FakeTopic(), "other": FakeTopic(), "later": FakeTopic(written=False)})
    progress.record(verdict({"dot": "passed", "norm": "wrong"}))
    assert progress.counts(roadmap) == {
        "not written": 1,
        "untouched": 1,
        "read": 0,
        "started": 1,
        "passed": 0,
        "passed older check": 0,
        "builds": 4,
        "builds passed": 1,
        "checks": 1,
    }


def test_an_export_holds_everything_as_plain_data(progress: Progress, verdict: MakeVerdict) -> None:
    shown = verdict({"dot": "passed", "norm": "wrong"})
    progress.record(shown)
    progress.take_hint("vectors", "norm", 1)
    progress.topic_opened("vectors")
    progress.lesson_read("vectors")
    progress.resource_done("khan")
    export = json.loads(json.dumps(progress.export()))
    assert (export["format"], export["learner"]) == (1, "me")
    assert Verdict.model_validate(export["attempts"][0]["verdict"]) == shown
    assert {one["build"]: one["passed"] for one in export["builds"]} == {"dot": True, "norm": False}
    assert export["hints"][0]["stage"] == 1
    assert [len(export[key]) for key in ("topics_opened", "lessons_read", "resources_done")] == [1, 1, 1]


# ── learners, threads, trouble ───────────────────────────────────────────────


def test_each_learner_has_rows_of_their_own(home: Home, verdict: MakeVerdict) -> None:
    with Progress(home, learner="ada") as ada, Progress(home, learner="béla") as bela, Progress(home) as me:
        ada.record(verdict({"dot": "passed"}))
        ada.take_hint("vectors", "dot", 2)
        ada.lesson_read("vectors")
        bela.record(verdict({"dot": "wrong"}))
        assert (ada.build_state("vectors")["dot"].passed, bela.build_state("vectors")["dot"].passed) == (True, False)
        assert (bela.hints("vectors", "dot"), bela.lessons_read(), len(bela.attempts())) == (0, set(), 1)
        assert (me.build_state("vectors"), me.attempts(), me.export()["hints"]) == ({}, [], [])
    with Progress(home, learner="ada") as again:
        assert again.learner_id == ada.learner_id


def test_many_threads_share_one_progress(progress: Progress, verdict: MakeVerdict) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(10):
                progress.record(verdict({"dot": "wrong"}, sha256=str(number) * 64))
                progress.build_state("vectors")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert progress.build_state("vectors")["dot"].attempts == len(progress.attempts(limit=1000)) == 80


def test_a_busy_database_is_waited_for(home: Home, progress: Progress, verdict: MakeVerdict) -> None:
    with Progress(home) as other:
        holding = other._database.connection_for_changes()
        holding.begin()
        thread = threading.Thread(target=progress.record, args=(verdict({"dot": "passed"}),))
        thread.start()
        thread.join(timeout=0.3)
        assert thread.is_alive(), "it waits for the other to be done"
        assert other.attempts() == [], "who reads does not wait"
        holding.rollback()
        holding.close()
        thread.join()
        assert len(other.attempts()) == 1


def test_a_database_that_stays_busy_is_an_error_in_words(
    home: Home, progress: Progress, verdict: MakeVerdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_S", 0.01)
    monkeypatch.setattr(database_module, "TRIES", 2)
    with Progress(home) as other:
        other._database.close()  # connections made from now on wait no longer than that
        holding = progress._database.connection_for_changes()
        holding.begin()
        with pytest.raises(ProgressError, match="Another program holds it"):
            other.record(verdict({"dot": "passed"}))
        holding.rollback()
        holding.close()
        other.record(verdict({"dot": "passed"}))


def test_work_that_fails_leaves_nothing_behind(progress: Progress, verdict: MakeVerdict) -> None:
    def work(session: object) -> None:
        progress._record(session, verdict({"dot": "passed"}), datetime.now(UTC))  # type: ignore[arg-type]
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        progress._database.write(work)
    assert (progress.attempts(), progress.build_state("vectors")) == ([], {})


def test_what_a_connection_promises(progress: Progress) -> None:
    pragmas = {
        name: progress._database.read(lambda session, name=name: session.scalar(text(f"PRAGMA {name}")))
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_a_home_that_cannot_be_one_is_refused(home: Home) -> None:
    home.path.mkdir()
    (home.path / "pyproject.toml").write_text("")
    with pytest.raises(HomeError):
        Progress(home)


def test_a_path_with_strange_signs(home: Home, verdict: MakeVerdict) -> None:
    strange = Home(home.path / "a?b#c%d e'ß")
    with Progress(strange) as progress:
        progress.record(verdict({"dot": "passed"}))
    assert strange.database.exists()
    with Progress(strange) as progress:
        assert len(progress.attempts()) == 1


def test_neither_torch_nor_alembic_is_needed_where_nothing_changes(home: Home) -> None:
    Progress(home).close()
    code = (
        "import sys; from pathlib import Path; from groundup.study.home import Home;"
        "from groundup.study.progress.store import Progress;"
        f"Progress(Home(Path({str(home.path)!r}))).close();"
        "print(sorted({'torch', 'numpy', 'alembic', 'pydantic'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"
