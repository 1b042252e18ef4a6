"""Children that wait for a job: they answer as fresh ones do, are used once, and are there when they are wanted."""

from __future__ import annotations

import os
import tempfile
import threading
import time

import psutil
import pytest

from groundup.study.check import rehearsal
from groundup.study.check.job import Job
from groundup.study.check.sandbox import Sandbox, SandboxError

TRACES = """
import gc, linecache, random, sys, threading
import numpy, torch
def f():
    drawn = [random.random(), float(numpy.random.rand()), float(torch.rand(1))]
    ours = ("groundup_rehearsal", "rehearsal.py", "groundup_drivers")
    named = [name for name in (*sys.modules, *linecache.cache) if name in ours]
    finders = [type(one).__module__ for one in sys.meta_path if type(one).__module__.startswith("groundup")]
    modes = [torch.is_grad_enabled(), str(torch.get_default_dtype()), torch.get_num_threads(), threading.active_count()]
    return drawn, named, finders, modes, sorted(sys.modules)
"""
PID = "import os\ndef f(): return os.getpid()\n"


@pytest.fixture(scope="module", params=["auto", "landlock", "rlimits"])
def sandbox(request, small_limits):
    with Sandbox(small_limits, level=request.param, self_test=False, spares=3) as one:
        try:
            one.wait()
        except SandboxError as error:
            pytest.skip(str(error))
        yield one


def waiting(sandbox: Sandbox) -> int:
    return len(sandbox._spares._waiting)


def asked(sandbox: Sandbox, job: Job):
    with sandbox.session(job) as session:
        assert session.load().ok
        return session.call("go", rng=False).value, session.printed


def test_the_rehearsal_is_a_check_that_comes_to_an_end(sandbox):
    """Each of its drivers gives an answer of its own: one that failed at its first line would warm nothing."""
    given = {key: value for key, value in rehearsal.JOB.items() if key != "compiled"}
    job = Job(**{**given, "drivers": rehearsal.DRIVERS.encode()})
    with sandbox.session(job) as session:
        loaded = session.load()
        assert (loaded.ok, loaded.missing) == (True, [])
        answers = dict(zip(rehearsal.CASES, session.call_each(rehearsal.CASES), strict=True))
    assert len(answers) > 8
    assert {name: one.raised for name, one in answers.items() if one.raised or one.kind} == {}
    assert all(one.value is not None for one in answers.values())
    assert isinstance(answers["refusals"].value, list)


def test_a_waiting_child_is_given_the_next_job_and_no_other(sandbox, job, settled):
    assert settled(lambda: waiting(sandbox) >= 1)
    before = [one._ticket for one in sandbox._spares._waiting]
    with sandbox.session(job(PID)) as session:
        assert session._ticket is before[0]
        assert session.load().ok
        first = session.call("go", rng=False).value
    assert session._ticket.ended.wait(10)
    assert settled(lambda: waiting(sandbox) >= 1)
    assert all(one._ticket is not before[0] for one in sandbox._spares._waiting)
    if sandbox.isolation.name != "namespaces":  # there every child has the same number
        assert asked(sandbox, job(PID))[0] != first


def test_it_answers_as_a_fresh_one_does_and_has_no_trace_of_the_rehearsal(sandbox, job, settled):
    assert settled(lambda: waiting(sandbox) >= 1)
    (*told, modules), printed = asked(sandbox, job(TRACES))
    with Sandbox(sandbox.limits, level=sandbox.level, self_test=False) as plain:
        fresh, _ = asked(plain, job(TRACES))
    assert told == fresh[:4]
    _, named, finders, _ = told
    assert named == ["groundup_drivers"]  # the job's own
    assert finders == ["groundup.study.check.learner"]
    assert printed == ""
    assert set(fresh[4]) <= set(modules)
    assert not [name for name in modules if name.startswith(("groundup.stack", "groundup.curriculum"))]


def test_time_spent_waiting_is_not_the_learners(sandbox, job, settled):
    assert settled(lambda: waiting(sandbox) >= 1)
    with sandbox.session(job(PID)) as session:
        assert session._left == sandbox.limits.wall_s


def test_a_child_that_has_ended_is_not_used(sandbox, job, settled):
    assert settled(lambda: waiting(sandbox) >= 1)
    one = sandbox._spares._waiting[0]
    one._worker.kill(one._ticket)
    assert one._ticket.ended.wait(10)
    assert asked(sandbox, job("def f(): return 4\n"))[0] == 4


def test_an_end_before_the_learners_first_line_is_not_charged_to_them(sandbox, job):
    with sandbox.session(job("def f(): return 4\n")) as session:
        session._worker.kill(session._ticket)
        assert session._ticket.ended.wait(10)
        loaded = session.load()
    assert (loaded.ok, loaded.kind) == (False, "internal")


def test_none_is_made_while_somebody_waits_for_an_answer(sandbox, job, settled):
    assert settled(lambda: waiting(sandbox) >= 1)
    with sandbox.session(job(PID)) as session:
        left = waiting(sandbox)
        assert session.load().ok
        time.sleep(0.5)
        assert waiting(sandbox) == left
    assert settled(lambda: waiting(sandbox) > left)


def test_as_many_wait_as_were_at_work_at_once_within_the_bound(sandbox, job, settled):
    together = threading.Barrier(5)

    def check():
        with sandbox.session(job(PID)) as session:
            session.load()
            together.wait(timeout=30)

    threads = [threading.Thread(target=check) for _ in range(5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert settled(lambda: waiting(sandbox) == 3)
    for count in (2, 1, 1):
        asked(sandbox, job(PID))
        assert settled(lambda count=count: waiting(sandbox) == count), count


def test_a_worker_that_dies_takes_its_children_along(job, small_limits, settled):
    with Sandbox(small_limits, self_test=False, spares=2) as sandbox:
        assert settled(lambda: waiting(sandbox) == 1)
        worker = sandbox.wait()
        os.kill(worker.pid, 9)
        assert settled(lambda: not worker.alive)
        assert asked(sandbox, job("def f(): return 4\n"))[0] == 4
        assert settled(lambda: waiting(sandbox) == 1)
        assert sandbox._spares._waiting[0].waits_at(sandbox.wait())


def test_closing_leaves_no_process_and_no_folder(tmp_path, monkeypatch, small_limits, settled):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    here = psutil.Process()
    before, descriptors = len(here.children(recursive=True)), here.num_fds()
    sandbox = Sandbox(small_limits, level="rlimits", self_test=False, spares=2)
    sandbox.start()
    assert settled(lambda: waiting(sandbox) == 1)
    assert len(list(tmp_path.iterdir())) == 1  # the level without a file system of its own has a folder for each
    sandbox.close()
    assert settled(lambda: len(here.children(recursive=True)) == before)
    assert settled(lambda: here.num_fds() == descriptors)
    assert list(tmp_path.iterdir()) == []


def test_closing_at_once_does_not_wait_for_the_worker():
    began = time.monotonic()
    sandbox = Sandbox(self_test=False, spares=2)
    sandbox.start()
    sandbox.close()
    assert time.monotonic() - began < 9
