"""What an answer says: values, the learner's own line, printed words; and that an answer cannot be forged."""

import select
import time
from dataclasses import replace

import pytest
import torch

from groundup.study.check import session as session_module
from groundup.study.check.sandbox import Job, JobError
from groundup.study.check.session import Session
from groundup.study.check.wire import Array, Opaque, Raised

DRIVER = b"def go(my): return my.f()\n"

# ── what an answer says ─────────────────────────────────────────────────────────


def test_values_come_back(sandbox, run):
    answer, printed, _ = run(sandbox, "import numpy\nreturn [torch.arange(3), numpy.ones(2), {'a': {1}}, (True, None)]")
    tensor, array, table, pair = answer.value
    assert torch.equal(tensor, torch.arange(3))
    assert type(array) is Array
    assert table == {"a": Opaque("set")}
    assert pair == [True, None]
    assert printed == ""


def test_a_value_that_is_too_large_is_opaque_and_the_session_lives(sandbox, job):
    source = "import torch\ndef f(n): return torch.zeros(1).expand(n)\n"
    with sandbox.session(job(source)) as session:
        session.load()
        answer = session.call("go", rng=False, arguments={"n": 10**12})
        assert type(answer.value) is Opaque and answer.value.type_name == "Tensor"
        assert torch.equal(session.call("go", rng=False, arguments={"n": 2}).value, torch.zeros(2))


def test_the_learners_line_and_only_their_frames(sandbox, job):
    source = "import torch\n\ndef inner(x):\n    return x @ x\n\ndef f():\n    return inner(torch.ones(2, 3))\n"
    with sandbox.session(job(source)) as session:
        session.load()
        raised = session.call("go", rng=False).raised
    assert raised.type_name == "RuntimeError"
    assert (raised.line, raised.line_text) == (4, "return x @ x")
    assert raised.trace == [
        "mine/track/topic.py:7 in f: return inner(torch.ones(2, 3))",
        "mine/track/topic.py:4 in inner: return x @ x",
    ]


def test_a_deep_trace_is_shortened_and_a_message_is_bounded(sandbox, run):
    answer, _, _ = run(sandbox, "def g(n): return g(n - 1) if n else 1 / 0\ng(300)")
    assert answer.raised.type_name == "ZeroDivisionError"
    assert len(answer.raised.trace) < 15
    answer, _, _ = run(sandbox, "raise ValueError('x' * 10**6 + '\\x1b')")
    assert len(answer.raised.message) <= 2000


def test_an_exception_that_cannot_say_what_it_is(sandbox, run):
    answer, _, _ = run(sandbox, "class E(Exception):\n    def __str__(self): raise KeyError\nraise E")
    assert "could not be made" in answer.raised.message


def test_errors_while_loading(sandbox, job):
    cases = {
        "def f(:\n": ("SyntaxError", 1),
        "x = 1\nraise ValueError('early')\n": ("ValueError", 2),
        "import nothing_of_that_name\n": ("ModuleNotFoundError", 1),
        "\n\n\tx = 1\n": ("IndentationError", 3),
    }
    for source, (name, line) in cases.items():
        with sandbox.session(job(source)) as session:
            loaded = session.load()
        assert not loaded.ok
        assert (loaded.raised.type_name, loaded.raised.line) == (name, line)


def test_bytes_that_are_no_python(sandbox):
    for source in (
        b"\x00",
        b"\xff\xfe",
        b"x = '" + b"(" * 10_000,
        b"f = " + b"(" * 500 + b")" * 500,
        b"-" * 200_000 + b"1",
    ):
        values = Job("topic", 1, "mine.t", "mine/t.py", source, drivers=DRIVER, builds=["f"])
        with sandbox.session(values) as session:
            loaded = session.load()
        assert not loaded.ok
        assert loaded.raised is not None or loaded.kind in ("crashed", "out of memory")


def test_builds_that_are_absent(sandbox, job):
    drivers = (
        b"def one(my):\n    return my.g()\n"
        b"def two(my):\n    try:\n        my.g()\n    except Exception as error:\n        return error\n"
    )
    with sandbox.session(job("f = 1\ndef h(): pass\n", drivers, builds=["f", "g", "h"])) as session:
        assert session.load().missing == ["f", "g"]
        assert session.call("one", rng=False).kind == "missing"
        assert session.call("two", rng=False).kind == "missing"


def test_a_driver_that_returns_what_was_raised(sandbox, job):
    drivers = b"def go(my):\n    try:\n        return my.f()\n    except Exception as error:\n        return error\n"
    ends = {
        "raise ValueError('x')": None,
        "raise NotImplementedError": "missing",
        "return bytearray(10**12)": "out of memory",
    }
    for body, kind in ends.items():
        with sandbox.session(job(f"def f():\n    {body}\n", drivers)) as session:
            session.load()
            answer = session.call("go", rng=False)
            assert answer.kind == kind
            assert kind is not None or answer.value == Raised("ValueError", answer.value.mro, "x")


# ── what is printed ─────────────────────────────────────────────────────────────


def test_printed_words_are_kept_apart_and_cleaned(sandbox, run):
    body = (
        "print('hello', file=sys.stderr)\nprint('\\x1b[2J\\ud800é')\nos.write(1, b'\\xff\\n')\n"
        "sys.stdout.write('no newline')\nreturn 1"
    )
    answer, printed, _ = run(sandbox, body)
    assert answer.value == 1
    assert printed == "hello\n\ufffd[2J\\ud800é\n\ufffd\nno newline"


def test_what_was_printed_before_a_crash_is_not_lost(sandbox, run):
    _, printed, _ = run(sandbox, "print('so far')\nos._exit(1)")
    assert printed == "so far\n"


def test_closed_streams_harm_nobody_else(sandbox, run):
    answer, _, _ = run(sandbox, "sys.stdout.close()\nsys.stderr = None\nos.close(1)\nreturn 1")
    assert answer.value == 1


# ── forgery ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "payload",
    [
        "b'\\x05' + bytes(7) + b'hello'",
        "b'\\xff' * 8",
        "b'\\x01' + bytes(7) + b'N'",
        "(lambda p: len(p).to_bytes(8, 'little') + p)(w.encode({'nonce': b'0' * 16, 'value': 1}))",
    ],
)
def test_an_answer_without_the_nonce_ends_the_session(sandbox, payload, run):
    body = (
        "from groundup.study.check import wire as w\nfor n in range(3, 256):\n"
        f"    try: os.write(n, {payload})\n    except OSError: pass\nreturn 1"
    )
    answer, _, _ = run(sandbox, body)
    assert answer.kind == "crashed"


def test_an_answer_before_its_question_ends_the_session(sandbox, job):
    source = (
        "import os, threading, time\nfrom groundup.study.check import wire as w\ndef late():\n    time.sleep(0.2)\n"
        "    p = w.encode({'nonce': b'0' * 16, 'value': 1})\n    for n in range(3, 256):\n"
        "        try: os.write(n, len(p).to_bytes(8, 'little') + p)\n        except OSError: pass\n"
        "def f(): threading.Thread(target=late, daemon=True).start()\n"
    )
    with sandbox.session(job(source)) as session:
        session.load()
        assert session.call("go", rng=False).kind is None
        time.sleep(0.6)
        assert session.call("go", rng=False).kind == "crashed"
        assert not session.alive
        assert session.call("go", rng=False).kind == "crashed"


def test_a_child_that_is_let_go_is_gone_when_the_session_is_closed(sandbox, job):
    with sandbox.session(job("def f(): return 3\n")) as session:
        session.load()
        assert session.call("go", rng=False).value == 3
        session.let_go()
        session.let_go()
    assert session._ticket.ended.is_set()
    assert session.call("go", rng=False).kind == "internal"


def test_the_first_optimizer_imports_nothing(sandbox, run):
    """What torch imports late is there already: a child would pay for it in each check anew."""
    lines = (
        "import sys\nbefore = set(sys.modules)\nw = torch.ones(3, requires_grad=True)\n"
        "o = torch.optim.AdamW([w])\nw.sum().backward()\no.step()\n"
        "return sorted(one for one in set(sys.modules) - before if one.startswith('torch._'))"
    )
    answer, _, _ = run(sandbox, lines)
    assert answer.value == []


DRIVERS = b"def one(my, rng): return my.f(1)\ndef two(my, rng): return my.f(2)\ndef three(my, rng): return my.f(3)\n"
NAMES = ["one", "two", "three"]


def each(sandbox, job, body):
    """What comes of asking for all three, some ahead, and the session afterwards."""
    asked = replace(job(f"import os, time\ndef f(n):\n{body}"), drivers=DRIVERS, cases=NAMES)
    with sandbox.session(asked) as session:
        assert session.load().ok
        return list(session.call_each(NAMES)), session


def test_asked_ahead_the_answers_come_in_order(sandbox, job):
    answers, session = each(sandbox, job, "    print('called', n)\n    return n * 10\n")
    assert [one.value for one in answers] == [10, 20, 30]
    assert session.printed == "called 1\ncalled 2\ncalled 3\n"


@pytest.mark.parametrize("third", [0.1, 60])
def test_meanwhile_something_else_is_done_whose_time_is_not_the_childs(sandbox, job, third):
    source = f"import time\ndef f(n):\n    time.sleep({third} if n == 3 else 0.1)\n    return n\n"
    asked = replace(job(source), drivers=DRIVERS, cases=NAMES)
    done = []

    def meanwhile():
        if len(done) < 8:
            time.sleep(0.2)
            done.append(time.monotonic())
            return True
        return False

    with Session(sandbox.wait(), asked, replace(sandbox.limits, wall_s=1.0)) as session:
        assert session.load().ok
        found = session.call_each(NAMES, meanwhile)
        assert next(found).value == 1
        assert done, "it is done while the child is at work"
        assert next(found).value == 2
        assert next(found).kind == (None if third < 1 else "timeout")
        assert len(done) == 8 or third < 1


@pytest.mark.parametrize(
    ("end", "kind"),
    [("os._exit(0)", "crashed"), ("time.sleep(60)", "timeout"), ("print('x' * 10**8)", "too much output")],
)
def test_a_death_belongs_to_the_case_that_was_running(sandbox, job, end, kind):
    answers, session = each(sandbox, job, f"    if n == 2: {end}\n    return n * 10\n")
    assert [one.kind for one in answers] == [None, kind]
    assert answers[0].value == 10, "what was answered before is not lost"
    assert not session.alive


class Slow:
    """A poll that is late: by then the child has answered, and is at work on the next question."""

    def __init__(self):
        self._poll = POLL()
        self.register, self.modify, self.unregister = self._poll.register, self._poll.modify, self._poll.unregister

    def poll(self, timeout):
        time.sleep(0.1)
        return self._poll.poll(timeout)


POLL = select.poll


def test_a_flood_belongs_to_the_case_that_printed_it(sandbox, job, monkeypatch):
    """Its first words are there before the answer to the question before it is read."""
    monkeypatch.setattr(session_module.select, "poll", Slow)
    flood = "    if n == 2:\n        while True: os.write(1, b'x' * 30_000)\n    return n * 10\n"
    answers, session = each(sandbox, job, flood)
    assert [(one.value, one.kind) for one in answers] == [(10, None), (None, "too much output")]
    assert not session.alive


def test_a_forged_answer_to_a_question_that_waits_ends_the_session(sandbox, job):
    body = (
        "    from groundup.study.check import wire as w\n    p = w.encode({'nonce': b'0' * 16, 'value': 1})\n"
        "    for k in range(3, 256):\n        try: os.write(k, len(p).to_bytes(8, 'little') + p)\n"
        "        except OSError: pass\n    return n\n"
    )
    answers, session = each(sandbox, job, body)
    assert [one.kind for one in answers] == ["crashed"]
    assert "another question" in session.why


def test_a_name_that_the_drivers_lack_is_refused_before_any_is_run(sandbox, job):
    with sandbox.session(job("def f(): raise SystemExit\n")) as session:
        session.load()
        with pytest.raises(JobError, match="has no absent"):
            next(session.call_each(["go", "absent"]))
        assert session.alive
        assert list(session.call_each([])) == []
