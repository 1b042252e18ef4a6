"""Sandboxes with small limits, shared by the tests of the checker, and a way to run a few lines in one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from groundup.study.check.limits import Limits
from groundup.study.check.sandbox import Answer, Job, Sandbox, SandboxError

SMALL = Limits(wall_s=20, cpu_s=15, memory_mb=256, output_kb=16, result_mb=1, files_mb=2)
DRIVER = b"def go(my, **given): return my.f(**given)\n"


@pytest.fixture(scope="session")
def small_limits() -> Limits:
    return SMALL


@pytest.fixture(scope="session")
def at_level() -> Iterator[Callable[[str], Sandbox]]:
    """The shared sandbox of a level; skips where this machine does not have it."""
    started: dict[str, Sandbox] = {}

    def get(level: str) -> Sandbox:
        if level not in started:
            started[level] = Sandbox(SMALL, level=level, self_test=False)
        try:
            started[level].wait()
        except SandboxError as error:
            pytest.skip(f"level {level}: {error}")
        return started[level]

    yield get
    for one in started.values():
        one.close()


@pytest.fixture
def sandbox(at_level: Callable[[str], Sandbox]) -> Sandbox:
    return at_level("auto")


@pytest.fixture(params=["auto", "landlock", "rlimits"])
def any_sandbox(request: pytest.FixtureRequest, at_level: Callable[[str], Sandbox]) -> Sandbox:
    return at_level(request.param)


def _job(source: str, drivers: bytes = DRIVER, **more: object) -> Job:
    values: dict[str, object] = {"builds": ["f"], "drivers": drivers, **more}
    return Job("topic", 7, "mine.track.topic", "mine/track/topic.py", source.encode(), **values)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def job() -> Callable[..., Job]:
    """A job whose one driver, ``go``, calls the build ``f`` with the arguments that it is given."""
    return _job


@pytest.fixture(scope="session")
def run() -> Callable[..., tuple[Answer, str, str]]:
    """One call of a build with these lines: the answer, what was printed, and why it ended."""

    def run_lines(sandbox: Sandbox, lines: str, *, wall_s: float | None = None) -> tuple[Answer, str, str]:
        body = "".join(f"    {line}\n" for line in lines.splitlines())
        with sandbox.session(_job("import os, signal, sys, torch\ndef f():\n" + body), wall_s=wall_s) as session:
            loaded = session.load()
            assert loaded.ok, loaded
            answer = session.call("go", rng=False)
            return answer, session.printed, session.why

    return run_lines


def _settled(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(scope="session")
def settled() -> Callable[[Callable[[], bool]], bool]:
    """Whether a condition comes to hold (the kernel takes a moment to clear up); waits 20 seconds at most."""
    return _settled
