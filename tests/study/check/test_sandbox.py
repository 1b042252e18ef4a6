"""What a learner's file may do and what it comes to, by each kind of end; and that nothing is left behind."""

import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from groundup.study.check.limits import Limits
from groundup.study.check.sandbox import Sandbox, SandboxError

# ── every kind of end ───────────────────────────────────────────────────────────

ENDS = {
    "value": (None, "return 3"),
    "raised": (None, "raise ValueError('no')"),
    "missing": ("missing", "raise NotImplementedError"),
    "missing with words": ("missing", "raise NotImplementedError('write me')"),
    "missing module": ("missing", "class M(torch.nn.Module): pass\nreturn M()(1)"),
    "exit 0": ("crashed", "os._exit(0)"),
    "exit 124": ("crashed", "os._exit(124)"),
    "exit 137": ("crashed", "os._exit(137)"),
    "abort": ("crashed", "os.abort()"),
    "null pointer": ("crashed", "import ctypes\nctypes.string_at(0)"),
    "exit from a thread": ("crashed", "import _thread\n_thread.start_new_thread(os._exit, (0,))\nwhile True: pass"),
    "all descriptors closed": ("crashed", "os.closerange(0, 1000)"),
    "flood": ("too much output", "while True: print('x' * 100)"),
    "flood of bytes": ("too much output", "while True: os.write(2, b'x' * 100000)"),
    "list": ("out of memory", "a = []\nwhile True: a.append(bytearray(100000))"),
    "bytearray": ("out of memory", "return bytearray(10**12)"),
    "tensor": ("out of memory", "return torch.zeros(10**12)"),
    "many tensors": ("out of memory", "a = []\nwhile True: a.append(torch.ones(10**6))"),
    "array": ("out of memory", "import numpy\nreturn numpy.ones(10**12)"),
    "string": ("out of memory", "a = 'x'\nwhile True: a = a + a"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_each_end_is_told_by_its_kind(any_sandbox, name, run):
    kind, body = ENDS[name]
    answer, _, why = run(any_sandbox, body)
    assert answer.kind == kind, (answer, why)


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import time\ntime.sleep(1000)",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
        "os.kill(os.getpid(), signal.SIGSTOP)\nwhile True: pass",
        "print('time limit exceeded', flush=True)\nwhile True: pass",
    ],
)
def test_what_does_not_end_is_a_timeout(any_sandbox, body, run):
    answer, _, _ = run(any_sandbox, body, wall_s=0.4)
    assert answer.kind == "timeout"
    assert answer.raised is None


def test_processor_time_is_a_timeout_of_its_own(run):
    with Sandbox(Limits(wall_s=60, cpu_s=1), self_test=False) as sandbox:
        answer, _, why = run(sandbox, "while True: pass")
    assert answer.kind == "timeout"
    assert "processor" in why


IMITATIONS = {
    "MemoryError": "raise MemoryError('by hand')",
    "MemoryError thrown into a generator": "def g():\n    yield\ni = g()\nnext(i)\ni.throw(MemoryError())",
    "TimeoutError": "raise TimeoutError('time limit exceeded')",
    "torch's words": 'raise RuntimeError("DefaultCPUAllocator: can\'t allocate memory")',
    "SystemExit": "sys.exit(0)",
    "SystemExit 124": "sys.exit(124)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "ForbiddenCall": "class ForbiddenCall(Exception): pass\nraise ForbiddenCall",
    "a subclass of NotImplementedError": "class N(NotImplementedError): pass\nraise N",
    "what torch has not implemented": "return torch.arange(3, dtype=torch.uint16)",
    "recursion": "def g(): return g()\ng()",
}


@pytest.mark.parametrize("name", IMITATIONS)
def test_imitations_are_what_was_raised(any_sandbox, name, run):
    answer, _, _ = run(any_sandbox, IMITATIONS[name])
    assert answer.kind is None, answer
    assert answer.raised is not None
    assert answer.raised.line is not None


def test_signals_to_itself_are_never_taken_for_the_kernels(any_sandbox, run):
    for number in ("SIGKILL", "SIGXCPU", "SIGSYS", "SIGTERM"):
        answer, _, _ = run(any_sandbox, f"os.kill(os.getpid(), signal.{number})\nreturn 1")
        if any_sandbox.isolation.name == "rlimits" and number == "SIGSYS":
            continue  # nothing here keeps a process from ending itself with that signal
        assert answer.kind in (None, "crashed"), (number, answer)


# ── many at once, and nothing left ──────────────────────────────────────────────


def descendants(pid: int) -> set[int]:
    return {one.pid for one in psutil.Process(pid).children(recursive=True)}


@pytest.mark.parametrize("level", ["auto", "landlock", "rlimits"])
def test_nothing_is_left_behind(level, run, small_limits, tmp_path, monkeypatch, settled):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    hostile = [
        "os._exit(0)",
        "while True: pass",
        "while True: print('x' * 1000)",
        "open('left', 'w').write('x')",
        "os.fork()",
    ]
    if level == "rlimits":
        hostile.remove("os.fork()")
    with Sandbox(small_limits, level=level, self_test=False) as sandbox:
        try:
            sandbox.wait()
        except SandboxError as error:
            pytest.skip(str(error))
        run(sandbox, "return 1")
        gc.collect()
        worker = sandbox.wait().pid
        family = {worker, *descendants(worker)}
        kept = [psutil.Process(pid).num_fds() for pid in (os.getpid(), *sorted(family))]
        folders = set(tmp_path.iterdir())
        for body in hostile * 3:
            run(sandbox, body, wall_s=0.2)
        assert settled(lambda: {worker, *descendants(worker)} == family)
        assert [psutil.Process(pid).num_fds() for pid in (os.getpid(), *sorted(family))] == kept
        assert set(tmp_path.iterdir()) == folders
    assert settled(lambda: not any(psutil.pid_exists(pid) for pid in family))


def test_hostile_neighbors_do_not_disturb(sandbox, run):
    hostile = [
        "while True: pass",
        "a = []\nwhile True: a.append(bytearray(10**6))",
        "while True: print('x' * 1000)",
        "os._exit(1)",
    ] * 2
    stop = threading.Event()

    def again(body):
        while not stop.is_set():
            run(sandbox, body, wall_s=0.5)

    with ThreadPoolExecutor(len(hostile)) as pool:
        others = [pool.submit(again, body) for body in hostile]
        try:
            for number in range(8):
                answer, printed, _ = run(sandbox, f"print({number})\nreturn {number}")
                assert (answer.kind, answer.value, printed) == (None, number, f"{number}\n")
        finally:
            stop.set()
        for one in others:
            one.result(timeout=60)


def test_a_worker_that_dies_is_replaced_and_nobody_is_charged(run, job, small_limits):
    with Sandbox(small_limits, self_test=False) as sandbox:
        worker = sandbox.wait()
        source = "def f():\n    while True: pass\n"
        with sandbox.session(job(source)) as session, ThreadPoolExecutor(1) as pool:
            assert session.load().ok
            waiting = pool.submit(session.call, "go", rng=False)
            os.kill(worker.pid, signal.SIGKILL)
            assert waiting.result(timeout=30).kind == "internal"
        answer, _, _ = run(sandbox, "return 5")
        assert answer.value == 5
        assert sandbox.worker_pid != worker.pid


def test_a_worker_ends_with_its_judge(settled):
    """A judge that is killed leaves nothing running."""

    code = (
        "import time\nfrom groundup.study.check.sandbox import *\ns = Sandbox(self_test=False)\nw = s.wait()\n"
        "d = b'def go(my): my.f()'\nl = b'def f():\\n  while True: pass'\n"
        "j = Job('t', 1, 'mine.t', 'mine/t.py', l, drivers=d, builds=['f'])\n"
        "x = s.session(j)\nx.load()\nprint(w.pid, flush=True)\nx.call('go', rng=False)\n"
    )
    judge = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert judge.stdout is not None
    worker = int(judge.stdout.readline())
    family = {worker, *descendants(worker)}
    assert len(family) > 1
    judge.kill()
    judge.wait()
    judge.stdout.close()
    assert settled(lambda: not any(psutil.pid_exists(pid) for pid in family))


# ── the sandbox itself ──────────────────────────────────────────────────────────


def test_no_limit_can_be_switched_off():
    for value in (0, -1, float("nan"), float("inf"), None, True, "10"):
        with pytest.raises((ValueError, TypeError)):
            Limits(wall_s=value)
        with pytest.raises((ValueError, TypeError)):
            Limits(memory_mb=value)
    with pytest.raises(ValueError, match="open_files"):
        Limits(open_files=3)


def test_levels_have_names():
    with pytest.raises(ValueError, match="level is one of"):
        Sandbox(level="none")


def test_a_closed_sandbox_says_so(sandbox, job):
    closed = Sandbox(self_test=False)
    closed.close()
    closed.close()
    assert not closed.ready
    with pytest.raises(SandboxError, match="closed"):
        closed.session(job("pass"))


def test_a_child_sees_nothing_of_the_judges_environment(sandbox, monkeypatch, run, small_limits):
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    with Sandbox(small_limits, self_test=False) as fresh:
        answer, _, _ = run(fresh, "return sorted(os.environ)")
    assert "SECRET_TOKEN" not in answer.value


def test_a_child_holds_no_reference(any_sandbox, run):
    answer, _, _ = run(any_sandbox, "return sorted(n for n in sys.modules if n.startswith('groundup'))")
    known = set(answer.value)
    own = ["child", "frames", "isolate", "job", "learner", "limits", "raised", "rehearsal", "rng", "wire"]
    layers = ["landlock", "layers", "namespaces", "paths", "rlimits", "seccomp", "system"]
    assert not [name for name in known if name.startswith(("groundup.stack", "groundup.curriculum"))]
    assert known <= {
        *("groundup", "groundup.authoring", "groundup.study", "groundup.study.check", "groundup_drivers"),
        *(f"groundup.study.check.{name}" for name in own),
        *(f"groundup.study.check.isolate.{name}" for name in layers),
    }
