"""A program that records verdicts until it is killed; run by test_durability, never imported.

It imports everything once and forks for each order, so that two hundred kills take seconds. It reads lines:
``start <home> <tag> <count>`` forks a child that records ``count`` verdicts and prints ``kept <number> <tag>-<i>`` when
``record`` has returned; ``wait`` ends when all children have.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import alembic.command  # noqa: F401  (before the fork, so that children start at once)

from groundup.study.check.verdict import BuildVerdict, Failure, Receipt, Verdict
from groundup.study.home import Home
from groundup.study.progress.store import Progress


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")  # one write of a short line: children do not mix, and a kill leaves no half


def verdict(tag: str) -> Verdict:
    return Verdict(
        topic="vectors",
        kind="wrong",
        builds=[
            BuildVerdict(build="dot", kind="passed", cases=3, passed=3),
            BuildVerdict(
                build="norm",
                kind="wrong",
                cases=3,
                passed=1,
                failure=Failure(case="small", title="small vectors", message="x" * 2000),
            ),
        ],
        receipt=Receipt(
            path="mine/mathematics/vectors.py",
            sha256=tag,
            check_version=1,
            seed=7,
            isolation="none",
            groundup="0.1.0",
            seconds=0.1,
        ),
    )


def record(home: str, tag: str, count: int) -> None:
    with Progress(Home(Path(home))) as progress:
        for number in range(count):
            say(f"kept {progress.record(verdict(f'{tag}-{number}'))} {tag}-{number}")


def start(home: str, tag: str, count: int) -> None:
    pid = os.fork()
    if pid:
        say(f"pid {pid}")
        return
    try:
        record(home, tag, count)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> None:
    children = 0
    for line in sys.stdin:
        command, *words = line.rstrip("\n").split("\t")
        if command == "start":
            start(words[0], words[1], int(words[2]))
            children += 1
        else:
            while children:
                _, status = os.wait()
                children -= 1
                say(f"ended {os.waitstatus_to_exitcode(status)}")
            say("done")


if __name__ == "__main__":
    main()
