"""The judge with a session that answers as told; with the real sandbox and real topics: ``test_judge_real.py``."""

from __future__ import annotations

import hashlib
import threading
import time
import types
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import torch

from groundup.authoring import Case, close
from groundup.study.check import misconceptions
from groundup.study.check.inprocess import run_drivers
from groundup.study.check.job import Answer, Isolation, Job, Loaded, RaisedAt
from groundup.study.check.judge import SEED_BITS, Judge
from groundup.study.check.limits import Limits
from groundup.study.check.verdict import Failure, Verdict
from groundup.study.workspace import Snapshot

SOURCE = """
def doubled(my, rng):
    return my.double(rng.normal(3))

def doubled_matrix(my, rng):
    return my.double(rng.normal(2, 3))

def summed(my, rng):
    return my.add(rng.normal(4))

def summed_rows(my, rng):
    return my.add(rng.normal(3, 4))

def summed_doubles(my, rng):
    return my.add(my.double(rng.normal(4)))
"""
CASES = {
    "doubled": close("a vector is doubled", builds="double"),
    "doubled_matrix": close("a matrix is doubled", builds="double"),
    "summed": close("a vector is summed", builds="add", reduction=4),
    "summed_rows": close("rows are summed", builds="add", reduction=4),
    "summed_doubles": close("a sum of doubles", builds=("add",), reduction=4),
}


def double(x: torch.Tensor) -> torch.Tensor:
    return x * 2


def add(x: torch.Tensor) -> torch.Tensor:
    return x.sum(-1)


def halved(x: torch.Tensor) -> torch.Tensor:
    return x / 2


def unwritten(x: torch.Tensor) -> torch.Tensor:
    raise NotImplementedError


@dataclass(frozen=True)
class FakeBuild:
    name: str
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class FakeImplementation:
    name: str
    builds: tuple[str, ...]
    object: Any
    hint: str


@dataclass(eq=False)
class FakeTopic:
    id: str = "fake"
    check_version: int = 4
    reference: dict[str, Any] = field(default_factory=lambda: {"double": double, "add": add})

    @property
    def builds(self) -> list[FakeBuild]:
        return [FakeBuild("double", ("torch.add",)), FakeBuild("add")]

    def drivers_source(self) -> str:
        return SOURCE

    def drivers(self) -> types.ModuleType:
        module = types.ModuleType("drivers")
        exec(SOURCE, module.__dict__)
        return module

    def cases(self) -> dict[str, Case]:
        return CASES

    def references(self) -> types.SimpleNamespace:
        return types.SimpleNamespace(**self.reference)

    def mistakes(self) -> list[FakeImplementation]:
        return [FakeImplementation("halved", ("double",), halved, "It is halved, not doubled.")]

    def alternatives(self) -> list[FakeImplementation]:
        return []


class FakeSession:
    """Runs the drivers here; ``ends`` says which case ends the child, and how."""

    def __init__(self, sandbox: FakeSandbox, job: Job) -> None:
        self.sandbox, self.job = sandbox, job
        self.alive, self.why, self.printed = True, "", "printed"

    def __enter__(self) -> FakeSession:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def let_go(self) -> None:
        self.sandbox.let_go += 1

    def load(self) -> Loaded:
        return self.sandbox.loaded

    def call_each(self, names: Sequence[str], meanwhile: Callable[[], bool]) -> Iterator[Answer]:
        for name in names:
            for _ in range(self.sandbox.slow):  # so long one waits for each answer
                meanwhile()
            yield self.call(name)
            if not self.alive:
                return

    def call(self, name: str) -> Answer:
        self.sandbox.called.append(name)
        kind = self.sandbox.ends.get(name)
        if kind is not None:
            self.alive, self.why = False, "a reason"
            return Answer(kind=cast(Any, kind))
        one = run_drivers(self.sandbox.topic, types.SimpleNamespace(**self.sandbox.mine), self.job.seed, [name])[name]
        trace = ["mine/x.py:3 in double: raise"] if one.kind == "missing" else []
        raised = one.raised and RaisedAt(one.raised.type_name, one.raised.message, 3, "line", trace, one.raised.mro)
        found = Answer(one.value, raised, cast(Any, one.kind), self.sandbox.seconds, one.inputs_changed)
        return self.sandbox.change(found)


@dataclass
class FakeSandbox:
    topic: FakeTopic
    mine: dict[str, Any]
    ends: dict[str, str] = field(default_factory=dict)
    loaded: Loaded = field(default_factory=lambda: Loaded(ok=True))
    limits: Limits = field(default_factory=Limits)
    seconds: float = 0.0
    change: Callable[[Answer], Answer] = lambda answer: answer
    called: list[str] = field(default_factory=list)
    let_go: int = 0
    slow: int = 0
    jobs: list[Job] = field(default_factory=list)
    isolation: Isolation = field(default_factory=lambda: Isolation("fake", ["layer"], ["something"]))

    def session(self, job: Job) -> FakeSession:
        self.jobs.append(job)
        return FakeSession(self, job)


class FakeJudge(Judge):
    """A judge whose later sessions are fakes, too."""

    def _session(self, job: Job, wall_s: float | None) -> Any:
        return self.sandbox.session(job)


def snapshot(source: str = "") -> Snapshot:
    raw = source.encode()
    return Snapshot("mine/x.py", "mine.x", raw, hashlib.sha256(raw).hexdigest())


def judged(builds: list[str] | None = None, seed: int | None = 1, **fields: Any) -> tuple[Verdict, FakeSandbox]:
    topic = fields.pop("topic", FakeTopic())
    sandbox = FakeSandbox(topic, {"double": double, "add": add} | fields.pop("mine", {}), **fields)
    judge = FakeJudge(cast(Any, sandbox))
    try:
        return judge.check(topic, snapshot("code"), seed, builds), sandbox
    finally:
        judge.close()


def kinds(verdict: Verdict) -> dict[str, str]:
    return {one.build: one.kind for one in verdict.builds}


def failure(verdict: Verdict, build: str) -> Failure:
    found = next(one.failure for one in verdict.builds if one.build == build)
    assert found is not None
    return found


# ── verdicts ─────────────────────────────────────────────────────────────────


def test_passed_with_a_receipt_and_a_fresh_seed() -> None:
    verdict, sandbox = judged(seed=None)
    assert verdict.passed
    assert [(one.passed, one.cases) for one in verdict.builds] == [(2, 2), (3, 3)]
    receipt = verdict.receipt
    assert (receipt.path, receipt.check_version, receipt.isolation) == ("mine/x.py", 4, "fake")
    assert receipt.sha256 == hashlib.sha256(b"code").hexdigest()
    assert receipt.isolation_lacks == ["something"]
    assert 0 <= receipt.seed < 2**SEED_BITS
    assert receipt.seed != judged(seed=None)[0].receipt.seed
    assert verdict.printed == "printed"
    (job,) = sandbox.jobs
    assert job.without == {"double": ["torch.add"]}
    assert job.source == b"code"
    assert job.seed == receipt.seed


def test_a_child_that_has_answered_is_let_go_before_it_is_judged() -> None:
    assert judged()[1].let_go == 1
    assert judged(mine={"double": halved})[1].let_go == 1
    _, sandbox = judged(ends={"doubled": "crashed"})
    assert (len(sandbox.jobs), sandbox.let_go) == (2, 1)  # the first child ended by itself


def wait_for_prepared(judge: Judge) -> list[Any]:
    """What is kept for next checks, when the reference has been run for it."""
    began = time.monotonic()
    while not (ready := [one for one in judge._prepared.values() if one.expected and one.expected.done()]):
        assert time.monotonic() < began + 60
        time.sleep(0.005)
    return ready


def test_checks_share_a_seed_only_while_nobody_can_have_seen_it() -> None:
    ran: list[int] = []

    def counted(x: torch.Tensor) -> torch.Tensor:
        if threading.current_thread().name.startswith("groundup-reference"):
            ran.append(1)
        return x * 2

    topic = FakeTopic(reference={"double": counted, "add": add})
    together = threading.Barrier(3, timeout=60)

    class Waiting(FakeSandbox):
        def session(self, job: Job) -> FakeSession:
            if self.wait:
                together.wait()
            return super().session(job)

        wait = True

    sandbox = Waiting(topic, {"double": double, "add": add})
    judge = FakeJudge(cast(Any, sandbox))
    try:
        with ThreadPoolExecutor(3) as pool:
            overlapping = [one.result() for one in [pool.submit(judge.check, topic, snapshot("code")) for _ in "abc"]]
        wait_for_prepared(judge)
        once = len(ran)
        sandbox.wait = False
        alone = [judge.check(topic, snapshot("code")) for _ in "ab"]
        chosen = judge.check(topic, snapshot("code"), seed=5)
        partly = judge.check(topic, snapshot("code"), builds=["double"])
    finally:
        judge.close()
    assert all(one.passed for one in [*overlapping, *alone, chosen, partly])
    assert len({one.receipt.seed for one in overlapping}) == 1
    seeds = [one.receipt.seed for one in [overlapping[0], *alone, chosen, partly]]
    assert len(set(seeds)) == 5
    assert judge._open == {}
    assert once == 3 * 2, "the reference, called by three drivers, ran once for all three, and once for the next check"


def test_the_reference_is_run_for_the_next_check_before_it_is_asked_for() -> None:
    ran: list[str] = []

    def noted(x: torch.Tensor) -> torch.Tensor:
        name = threading.current_thread().name
        ran.append(name.rpartition("_")[0])
        return x * 2

    topic = FakeTopic(reference={"double": noted, "add": add})
    judge = FakeJudge(cast(Any, FakeSandbox(topic, {"double": double, "add": add})))
    try:
        judge.prepare(topic)
        judge.prepare(topic)  # twice is once
        prepared = wait_for_prepared(judge)
        before = len(ran)
        verdict = judge.check(topic, snapshot("code"))
        assert verdict.passed
        assert (before, verdict.receipt.seed) == (3, prepared[0].seed)
        chosen = judge.check(topic, snapshot("code"), seed=prepared[0].seed)
        again = judge.check(topic, snapshot("code"))
        assert again.receipt.seed not in (verdict.receipt.seed, chosen.receipt.seed), "a seed that was seen is spent"
        renewed = FakeTopic(reference={"double": noted, "add": add})
        (kept,) = wait_for_prepared(judge)
        assert judge.check(renewed, snapshot("code")).receipt.seed != kept.seed, "the topic is another one by now"
        for number in range(40):
            judge.prepare(FakeTopic(id=f"topic-{number}", reference={"double": double, "add": add}))
        assert len(judge._prepared) == 32
    finally:
        judge.close()
    assert set(ran) == {"groundup-reference"}
    judge.prepare(FakeTopic(id="late"))  # after the end: nothing happens


@pytest.mark.parametrize("mine", [{}, {"double": halved}, {"add": halved}, {"double": lambda x: x * 0.3}])
def test_what_is_judged_while_the_child_is_at_work_is_what_is_judged_in_the_end(mine: dict[str, Any]) -> None:
    found = []
    for slow in (0, 1, 50):
        verdict, _ = judged(mine=mine, slow=slow)
        found.append(verdict.model_copy(update={"receipt": None}).model_dump())
    assert found[0] == found[1] == found[2]


def test_mistakes_are_run_while_the_child_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def noted(topic: Any, names: Any, seed: int, cases: list[str]) -> Any:
        order.extend(cases)
        return run_drivers(topic, names, seed, cases)

    def answered(answer: Answer) -> Answer:
        order.append("answer")
        return answer

    topic = FakeTopic()
    sandbox = FakeSandbox(topic, {"double": halved, "add": add}, slow=20, change=answered)
    judge = FakeJudge(cast(Any, sandbox))
    try:
        judge.prepare(topic)
        wait_for_prepared(judge)
        judge._usual_scales(topic).values = {name: [torch.ones(3)] for name in CASES}
        monkeypatch.setattr(misconceptions, "run_drivers", noted)
        verdict = judge.check(topic, snapshot("code"))
    finally:
        judge.close()
    assert failure(verdict, "double").misconceptions == ["halved"]
    assert order == ["answer", "doubled", "answer", "doubled_matrix", "answer", "answer", "answer"]


def test_wrong_names_the_misconception_and_shows_the_numbers() -> None:
    verdict, _ = judged(mine={"double": halved})
    assert verdict.kind == "wrong"
    assert kinds(verdict) == {"double": "wrong", "add": "wrong"}
    found = failure(verdict, "double")
    assert (found.case, found.title) == ("doubled", "a vector is doubled")
    assert found.misconceptions == ["halved"]
    assert found.hint == "It is halved, not doubled."
    assert found.message == "0.25 times the expected"
    assert found.call == "double(x)"
    assert [one.name for one in found.given] == ["x"]
    assert found.returned is not None
    assert found.expected is not None
    assert found.returned.wrong == [[True, True, True]]
    assert found.returned.cells != found.expected.cells


def test_raised_shows_the_learners_line() -> None:
    verdict, _ = judged(mine={"double": lambda x: [x][1]})
    found = failure(verdict, "double")
    assert kinds(verdict)["double"] == "raised"
    assert found.message.startswith("IndexError: ")
    assert (found.line, found.line_text) == (3, "line")
    assert found.expected is not None
    assert found.returned is None


def test_an_unwritten_build_does_not_count_against_another_that_is_used_with_it() -> None:
    verdict, _ = judged(mine={"double": unwritten})
    assert kinds(verdict) == {"double": "missing", "add": "passed"}
    assert [(one.passed, one.cases) for one in verdict.builds] == [(0, 2), (2, 2)]
    assert verdict.kind == "missing"
    assert failure(verdict, "double").message == "double is not written yet"


def test_calling_an_unwritten_build_of_ones_own_is_no_excuse() -> None:
    """The child says "missing, in double"; the driver of that case does not call double, so it counts."""

    def lazy(x: torch.Tensor) -> torch.Tensor:
        return add(x) if x.ndim == 1 else unwritten(x)

    verdict, _ = judged(mine={"double": unwritten, "add": lazy})
    assert kinds(verdict) == {"double": "missing", "add": "missing"}
    assert failure(verdict, "add").message == "add calls double, which is not written yet"
    assert kinds(judged(mine={"add": lazy})[0]) == {"double": "passed", "add": "missing"}


def test_only_the_builds_that_are_asked_for() -> None:
    verdict, sandbox = judged(builds=["add"], mine={"double": halved})
    assert kinds(verdict) == {"add": "wrong"}
    assert set(sandbox.called) == {"summed", "summed_rows", "summed_doubles"}


def test_slow_but_right_passes_with_a_remark() -> None:
    verdict, _ = judged(seconds=0.7)
    assert verdict.passed
    assert "times slower than needed" in verdict.builds[0].remarks[0]
    assert len(verdict.builds[0].remarks) == 1


def test_inputs_changed_in_place_fail() -> None:
    verdict, _ = judged(mine={"double": lambda x: x.mul_(2)})
    assert kinds(verdict)["double"] == "wrong"
    assert failure(verdict, "double").message == "your input x was changed in place"


@pytest.mark.parametrize("kind", ["timeout", "out of memory", "too much output", "forbidden", "crashed"])
def test_a_build_that_ends_the_child_does_not_take_the_others_with_it(kind: str) -> None:
    verdict, sandbox = judged(ends={"doubled": kind})
    assert kinds(verdict) == {"double": kind, "add": "passed"}
    assert verdict.kind == kind
    assert failure(verdict, "double").case == "doubled"
    assert sandbox.called == ["doubled", "summed", "summed_rows", "summed_doubles"]
    assert len(sandbox.jobs) == 2


def test_when_the_time_is_up_for_good_the_rest_is_said_to_be_unjudged() -> None:
    verdict, sandbox = judged(ends={"doubled": "timeout", "summed": "timeout"}, limits=Limits(wall_s=0.2))
    assert kinds(verdict) == {"double": "timeout", "add": "timeout"}
    verdict, sandbox = judged(
        ends={"doubled": "timeout"}, limits=Limits(wall_s=0.2), loaded=Loaded(ok=True), mine={"add": add}
    )
    assert kinds(verdict)["add"] == "passed"
    assert len(sandbox.jobs) == 2


@pytest.mark.parametrize(
    ("loaded", "kind", "message"),
    [
        (Loaded(False, raised=RaisedAt("SyntaxError", "oh", 7, "def f(:")), "raised", "SyntaxError: oh"),
        (Loaded(False, kind="timeout"), "timeout", "the time for a check was up here"),
        (Loaded(False, kind="crashed"), "crashed", "the program ended without an answer"),
    ],
)
def test_a_file_that_cannot_be_loaded(loaded: Loaded, kind: str, message: str) -> None:
    verdict, sandbox = judged(loaded=loaded)
    assert kinds(verdict) == {"double": kind, "add": kind}
    found = failure(verdict, "add")
    assert found.case == "load"
    assert message in found.message
    assert sandbox.called == []
    if loaded.raised is not None:
        assert (found.line, found.line_text) == (7, "def f(:")


def test_a_forbidden_call_is_named() -> None:
    def change(answer: Answer) -> Answer:
        return Answer(kind="forbidden", forbidden="torch.add", raised=RaisedAt("ForbiddenCall", "x", 3, "line"))

    found = failure(judged(change=change)[0], "double")
    assert found.message == "double is to be written without torch.add"
    assert found.line == 3


# ── our own failures ─────────────────────────────────────────────────────────


def test_an_internal_failure_is_tried_once_more() -> None:
    broken = [True]

    def change(answer: Answer) -> Answer:
        return Answer(kind="internal") if broken and broken.pop() else answer

    verdict, sandbox = judged(change=change)
    assert verdict.passed
    assert len(sandbox.jobs) == 2


def test_a_second_internal_failure_is_said_and_not_charged() -> None:
    verdict, sandbox = judged(change=lambda answer: Answer(kind="internal"))
    assert kinds(verdict) == {"double": "internal", "add": "internal"}
    assert verdict.message is not None
    assert "groundup itself failed" in verdict.message
    assert all(one.failure is None for one in verdict.builds)
    assert len(sandbox.jobs) == 2


def test_a_reference_that_fails_is_internal() -> None:
    topic = FakeTopic(reference={"double": lambda x: x["a"], "add": add})
    verdict, _ = judged(topic=topic)
    assert verdict.kind == "internal"
    assert "the reference failed in doubled" in str(verdict.message)
