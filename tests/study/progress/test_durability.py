"""What was accepted is there after a kill at any moment, and after any number of programs recorded at once.

``GROUNDUP_SOAK=1`` (``make soak``) kills a thousand times instead of two hundred.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from groundup.study.home import Home
from groundup.study.progress.store import Progress

KILLS = 1000 if os.environ.get("GROUNDUP_SOAK") == "1" else 200
KILLS_A_HOME = 8  # a fresh home now and then, so that kills also strike while the tables are made


class Recorder:
    """The program in recorder.py, and what it says."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("recorder.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.kept: list[tuple[int, str]] = []
        self.pids: list[int] = []
        self.ended: list[int] = []

    def start(self, home: Home, tag: str, count: int = 1_000_000) -> int:
        self._order(f"start\t{home.path}\t{tag}\t{count}")
        known = len(self.pids)
        while len(self.pids) == known:
            self._hear()
        return self.pids[-1]

    def wait_for_one(self) -> None:
        while not self.kept:
            self._hear()

    def wait(self) -> None:
        self._order("wait")
        while self._hear() != "done":
            pass

    def _order(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")

    def _hear(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the recorder ended; its error is above"
        word, *rest = line.split()
        if word == "kept":
            self.kept.append((int(rest[0]), rest[1]))
        elif word == "pid":
            self.pids.append(int(rest[0]))
        elif word == "ended":
            self.ended.append(int(rest[0]))
        return word

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.close()


def rows_kept(home: Home) -> dict[int, str]:
    """Every attempt by its number, with the mark that its verdict bore; the file is sound and the sums agree."""
    with Progress(home) as progress:  # as after a restart: opening repairs what the kill left
        builds = progress.build_state("vectors")
    with closing(sqlite3.connect(home.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        kept = dict(connection.execute("SELECT id, sha256 FROM attempts").fetchall())
    if kept:
        assert builds["dot"].attempts == builds["norm"].attempts == len(kept), "attempt and builds are one transaction"
        assert builds["dot"].last_sha256 == builds["dot"].sha256 == kept[max(kept)]
    return kept


@pytest.mark.timeout(600)
def test_a_kill_at_any_moment_loses_nothing_that_was_accepted(tmp_path: Path, recorder: Recorder) -> None:
    moments = random.Random(20_240_501)
    struck_before_any, struck_while_recording, accepted_in_all = 0, 0, 0
    accepted: dict[int, str] = {}
    for number in range(KILLS):
        home = Home(tmp_path / f"home-{number // KILLS_A_HOME}")
        if number % KILLS_A_HOME == 0:
            accepted = {}
        recorder.kept.clear()
        pid = recorder.start(home, f"round-{number}")
        if number % 2:
            recorder.wait_for_one()
        time.sleep(moments.uniform(0, 0.15 if number % KILLS_A_HOME == 0 else 0.03))
        os.kill(pid, signal.SIGKILL)
        recorder.wait()
        assert recorder.ended.pop() == -signal.SIGKILL, "it was killed while it worked"
        accepted.update(recorder.kept)
        accepted_in_all += len(recorder.kept)
        struck_before_any += not recorder.kept
        struck_while_recording += bool(recorder.kept)
        kept = rows_kept(home)
        assert accepted.items() <= kept.items(), f"kill {number} lost {accepted.items() - kept.items()}"
        # A row more than was printed is fine: the kill came between the commit and the print.
        assert len(kept) - len(accepted) <= number % KILLS_A_HOME + 1
    print(f"{KILLS} kills, {struck_before_any} before the first row, {accepted_in_all} rows accepted")
    assert struck_before_any > 0 and struck_while_recording >= KILLS // 2, "the moments were not spread"


@pytest.mark.parametrize("programs", [2, 6])
def test_programs_that_record_at_the_same_time_lose_nothing(tmp_path: Path, recorder: Recorder, programs: int) -> None:
    home = Home(tmp_path / "home")
    for number in range(programs):  # the home is fresh: they also make its tables at the same time
        recorder.start(home, f"program-{number}", 60)
    recorder.wait()
    assert recorder.ended == [0] * programs, "none of them failed, as with 'database is locked'"
    assert len(recorder.kept) == programs * 60
    assert rows_kept(home) == dict(recorder.kept)
    assert len({mark for _, mark in recorder.kept}) == programs * 60


def test_a_kill_of_one_does_not_disturb_the_other(tmp_path: Path, recorder: Recorder) -> None:
    home = Home(tmp_path / "home")
    Progress(home).close()
    moments = random.Random(7)
    for number in range(10):
        victim = recorder.start(home, f"victim-{number}")
        recorder.start(home, f"survivor-{number}", 20)
        time.sleep(moments.uniform(0, 0.05))
        os.kill(victim, signal.SIGKILL)
        recorder.wait()
    assert sorted(recorder.ended) == [-signal.SIGKILL] * 10 + [0] * 10
    assert dict(recorder.kept).items() <= rows_kept(home).items()
    assert sum(mark.startswith("survivor") for _, mark in recorder.kept) == 200
