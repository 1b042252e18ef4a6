"""Runs: processes of their own that survive kills and restarts, and say all in their folders."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from groundup.study.home import Home
from groundup.study.runs.control import Runs, chosen_options
from groundup.study.runs.machine import machine
from groundup.study.runs.records import Record, Request, RunError, UsedPart

LAB = Path(__file__).with_name("small_lab.py")
ATTENTION = "groundup.stack.transformer.attention:scaled_dot_product_attention"

Begin = Callable[..., Record]


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    home = Home(tmp_path / "home")
    home.create()
    return Runs(home, rest_every_s=0.05)


@pytest.fixture
def begin(runs: Runs) -> Begin:
    def begin(*, lab: Path = LAB, sources: dict[str, bytes] | None = None, **given: Any) -> Record:
        parts = given.pop("parts", ())
        request = Request(lab="small", scale="smoke", options=given, threads=1, parts=parts)
        record = runs.create(request, {"words.txt": b"some words"}, sources or {})
        runs.launch(record, lab)
        return record

    return begin


def finish(runs: Runs, record: Record) -> list[Any]:
    return list(runs.follow(record, poll_s=0.02))


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_run_says_all_in_its_folder(runs: Runs, begin: Begin) -> None:
    record = begin(steps=30)
    assert record.state == "running"  # from the first moment: the lock is held before the process lives
    events = finish(runs, record)
    assert record.state == "done", record.log
    assert [one.kind for one in events if one.kind not in ("log", "progress", "rest")] == [
        *["begin", "expect", "text", "text"],
        *["saved", "result", "end"],
    ]
    assert list(record.curves()["loss"]) == list(range(30))
    assert record.scores()["better"] is True
    assert (record.folder / "model" / "weight.txt").exists()
    progress = [one.values for one in events if one.kind == "progress"]
    assert progress[-1]["done"] == progress[-1]["total"] == 30


def test_whoever_comes_back_misses_nothing(runs: Runs, begin: Begin) -> None:
    record = begin(steps=30, pause=0.01)
    seen = []
    for event in runs.follow(record, poll_s=0.01):
        seen.append(event)
        if len(seen) == 5:
            break
    rest = list(runs.follow(record, after=seen[-1].at, poll_s=0.01))
    assert [one.at for one in (*seen, *rest)] == [one.at for one in record.events()]


def test_killed_at_any_moment_it_goes_on_with_equal_losses(runs: Runs, begin: Begin) -> None:
    whole = begin(steps=120, pause=0.004)
    finish(runs, whole)
    expected = whole.curves()["loss"]
    assert len(expected) == 120
    record = begin(steps=120, pause=0.004)
    chance = random.Random(3)
    kills = 0
    while kills < 5:
        target = len(record.curves().get("loss", {})) + chance.randrange(3, 18)
        wait_for(lambda target=target: len(record.curves().get("loss", {})) >= target or not record.alive)
        if not record.alive:
            break
        runs.kill(record)
        assert record.state == "killed"
        assert record.can_resume
        kills += 1
        runs.launch(record, LAB)
    events = finish(runs, record)
    assert record.state == "done", record.log
    assert kills == 5
    assert any(one.kind == "begin" and one.values["resumed"] for one in events)
    assert record.curves()["loss"] == expected  # to the last bit


def test_a_half_line_at_the_end_is_passed_over(runs: Runs, begin: Begin) -> None:
    record = begin(steps=40, pause=0.01)
    wait_for(lambda: len(record.curves().get("loss", {})) > 10)
    runs.kill(record)
    with open(record.folder / "events.jsonl", "ab") as file:
        file.write(b'{"kind": "log", "step": 3, "met')
    runs.launch(record, LAB)
    finish(runs, record)
    assert record.state == "done", record.log
    assert len(record.curves()["loss"]) == 40


def test_stop_rests_and_ends(runs: Runs, begin: Begin) -> None:
    record = begin(steps=4000, pause=0.005)
    wait_for(lambda: len(record.curves().get("loss", {})) > 3)
    assert runs.stop(record) == "stopped"
    with pytest.raises(RunError, match="is not running"):
        runs.stop(record)
    at = max(record.curves()["loss"])
    runs.launch(record, LAB)
    with pytest.raises(RunError, match="is running"):
        runs.launch(record, LAB)
    wait_for(lambda: max(record.curves()["loss"]) > at + 3)
    runs.kill(record)
    assert sorted(record.curves()["loss"]) == list(range(max(record.curves()["loss"]) + 1))


def test_what_does_not_rest_is_ended(runs: Runs, begin: Begin, tmp_path: Path) -> None:
    lab = tmp_path / "endless.py"
    lab.write_text("import time\ndef run(run, scale):\n    run.log(0, loss=1.0)\n    time.sleep(600)\n")
    record = begin(lab=lab)
    wait_for(lambda: bool(record.curves()))
    assert runs.stop(record, grace_s=0.3) == "killed"


def test_nothing_is_left_of_a_killed_run(runs: Runs, begin: Begin) -> None:
    record = begin(steps=4000, pause=0.01)
    wait_for(lambda: bool(record.curves()))
    pid = json.loads((record.folder / "process.json").read_text())["pid"]
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family))
    assert record.state == "killed"


@pytest.mark.parametrize(
    ("action", "message"),
    [("raise", "ValueError: as asked"), ("memory", "memory ran out"), ("network", "Error"), ("fork", "Error")],
)
def test_a_failed_run_says_why(runs: Runs, begin: Begin, action: str, message: str) -> None:
    record = begin(steps=3, then=action)
    finish(runs, record)
    assert record.state == "failed"
    assert record.end is not None
    assert message in record.end["message"]
    assert "Traceback" in record.log


def test_a_run_sees_and_writes_its_own_folder_only(runs: Runs, begin: Begin, tmp_path: Path) -> None:
    secret = runs.home.path / "secret.txt"
    secret.write_text("not for runs")
    marker = Path("/tmp") / f"groundup-run-{os.getpid()}"
    lab = tmp_path / "nosy.py"
    lab.write_text(
        "from pathlib import Path\n"
        "def attempt(action):\n"
        "    try:\n        action()\n        return 'allowed'\n"
        "    except OSError:\n        return 'refused'\n"
        "def run(run, scale):\n"
        f"    run.result(read=attempt(lambda: Path({str(secret)!r}).read_bytes()),\n"
        f"               wrote=attempt(lambda: Path({str(secret.with_name('x'))!r}).write_text('x')),\n"
        f"               marked=attempt(lambda: Path({str(marker)!r}).write_text('x')),\n"
        "               own=attempt(lambda: Path('own.txt').write_text('x')),\n"
        "               given=run.input('words.txt').read_text())\n"
    )
    record = begin(lab=lab)
    events = finish(runs, record)
    isolation = next(one.values["isolation"] for one in events if one.kind == "begin")
    if isolation == "rlimits":
        pytest.skip("this machine grants neither namespaces nor Landlock")
    scores = record.scores()
    assert (scores["read"], scores["wrote"], scores["own"]) == ("refused", "refused", "allowed")
    assert scores["given"] == "some words"
    assert not marker.exists()
    assert not secret.with_name("x").exists()


def test_a_part_of_the_learners_is_in_the_run(runs: Runs, begin: Begin) -> None:
    ours = begin(steps=41)
    finish(runs, ours)
    source = b"import torch\ndef scaled_dot_product_attention(q, k, v, mask=None):\n    return v * 0 + 7\n"
    name = "mine.transformer.self_attention"
    part = UsedPart("scaled_dot_product_attention", "self-attention", ATTENTION, name, "x", "0" * 64, 1)
    theirs = begin(steps=41, parts=(part,), sources={name: source})
    events = finish(runs, theirs)
    assert theirs.state == "done", theirs.log
    assert {one.values["text"] for one in events if one.kind == "text"} == {"56.0"}
    table = next(one.values for one in events if one.kind == "table")
    assert table["rows"][0][0] == "scaled_dot_product_attention"
    assert table["rows"][0][2] == 3
    assert ours.curves() == theirs.curves()
    from groundup.stack.transformer.attention import scaled_dot_product_attention

    assert "7" not in scaled_dot_product_attention.__code__.co_consts  # the library here is untouched


def test_what_a_run_says_is_not_believed(runs: Runs) -> None:
    record = runs.create(Request(lab="small", scale="smoke"), {}, {})
    lines = [
        b"[]",
        b'{"kind": "log", "step": "x", "metrics": {}}',
        b'{"kind": "text", "title": 5, "text": "a\\u001b[31mred", "step": null}',
        b'{"kind": "log", "step": 1, "metrics": {"loss": 1e999}}',
        b'{"kind": "what"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"kind": "result", "scores": {"x": [1, 2]}}',
        b"x" * 3_000_000,
        b'{"kind": "log", "step": 2, "metrics": {"loss": 0.5}}',
    ]
    (record.folder / "events.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    found = list(record.events())
    assert [one.kind for one in found] == ["text", "log", "result", "log"]
    assert found[0].values["text"] == "a[31mred"
    assert found[2].values["scores"] == {"x": "[1, 2]"}
    assert record.state == "killed"
    (record.folder / "result.json").write_text('{"state": "<script>"}')
    assert record.end is None


def test_runs_are_listed_and_removed(runs: Runs) -> None:
    assert runs.all() == []
    with pytest.raises(RunError, match="`groundup lab` begins one"):
        runs.get("small-1")
    first = runs.create(Request(lab="small", scale="smoke"), {}, {})
    second = runs.create(Request(lab="small", scale="tiny"), {}, {})
    assert [one.id for one in runs.all()] == ["small-2", "small-1"]
    assert runs.get("small-2").request == second.request
    for name in ("../home", "small-", "small-03", "small-1/..", ""):
        with pytest.raises(RunError):
            runs.get(name)
    runs.remove(first)
    assert [one.id for one in runs.all()] == ["small-2"]


def test_options_are_held_to_what_was_declared(tmp_path: Path) -> None:
    from groundup.authoring import Option

    declared = {
        "steps": Option("how many", "number", 5, low=1, high=10),
        "text": Option("a file", "file"),
        "data": Option("which", choices=("a", "b"), default="a"),
    }
    assert chosen_options(declared, {}) == {"steps": 5, "text": None, "data": "a"}
    (tmp_path / "t.txt").write_text("x")
    assert chosen_options(declared, {"steps": "7", "text": str(tmp_path / "t.txt")})["steps"] == 7.0
    for given, match in (
        ({"steps": "11"}, "a number from 1 to 10"),
        ({"steps": "nan"}, "a number from 1 to 10"),
        ({"steps": "x"}, "a number from 1 to 10"),
        ({"text": "/no/such/file"}, "there is no file"),
        ({"data": "c"}, "one of a, b"),
        ({"stesp": "1"}, "no option --stesp"),
    ):
        with pytest.raises(RunError, match=match):
            chosen_options(declared, given)


def test_the_machine_is_known() -> None:
    found = machine()
    assert found.cores >= 1
    assert 0 < found.free_mb <= found.memory_mb * 1.01
