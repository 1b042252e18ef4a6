"""What is watched while a driver calls the learner's code, and how that code is loaded."""

import pytest
import torch

from groundup.study.check.rng import Rng
from groundup.study.check.sandbox import JobError

DRIVER = b"def go(my): return my.f()\n"

# ── what is watched ─────────────────────────────────────────────────────────────

WATCHED = b"""
import torch
def call(my, rng):
    x, y = rng.normal(3), rng.normal(2, 2)
    x[0] = float("nan")
    return my.f(x, [1, y], k={"a": x[:2].clone()})
"""


@pytest.mark.parametrize(
    ("body", "changed", "aliased"),
    [
        ("return x + 1", [], False),
        ("x += 1\nreturn x.clone()", ["x"], False),
        ("x.data.numpy()[1] = 5\nreturn 1", ["x"], False),
        ("x[0] = -x[0]\nreturn 1", ["x"], False),
        ("x.unsqueeze_(0)\nreturn 1", ["x"], False),
        ("x.resize_(2)\nreturn 1", ["x"], False),
        ("x.data = x.data.double()\nreturn 1", ["x"], False),
        ("y[1].zero_()\nreturn x[1:]", ["y"], True),
        ("y.append(2)\nk['b'] = 1", ["y", "k"], False),
        ("return [x]", [], True),
        ("return y[1].T", [], True),
    ],
)
def test_arguments_changed_in_place_and_shared_memory(sandbox, body, changed, aliased, job):
    source = "def f(x, y, *, k):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    with sandbox.session(job(source, WATCHED, cases=["call"])) as session:
        session.load()
        answer = session.call("call")
    assert (answer.inputs_changed, answer.aliased) == (changed, aliased)


@pytest.fixture
def without(sandbox, job):
    """The answer of the driver where the build ``f`` is to be written without these names."""

    def answer(source, names, drivers=DRIVER):
        with sandbox.session(job(source, drivers, builds=["f", "g"], without={"f": names})) as session:
            loaded = session.load()
            assert loaded.ok, loaded
            return session.call("go", rng=False)

    return answer


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import torch\ndef f(): return torch.linalg.det(torch.eye(2))", "torch.linalg.det"),
        ("from torch.linalg import det\ndef f(): return det(torch.eye(2))\nimport torch", "torch.linalg.det"),
        ("import torch\ndef f(): return torch.eye(2).det()", "torch.Tensor.det"),
        ("import torch\ndef f():\n    try: torch.eye(2).det()\n    except BaseException: return 1", "torch.Tensor.det"),
        ("import torch\ndef inner(): return torch.eye(2).det()\ndef f(): return inner()", "torch.Tensor.det"),
        ("import torch\ndef f(): return torch.nn.Linear(2, 2)(torch.ones(2))", "torch.nn.Linear"),
        ("import torch\nclass L(torch.nn.Linear): pass\ndef f(): return L(2, 2)(torch.ones(2))", "torch.nn.Linear"),
        ("import torch\ndef f(): return torch.ones(2, 2) @ torch.ones(2, 2)", "torch.Tensor.__matmul__"),
        ("import torch\nclass f:\n    def __new__(cls): return torch.eye(2).det()", "torch.Tensor.det"),
        ("import collections\ndef f(): return collections.Counter('ab')", "collections.Counter"),
        ("def f(): return sum([1, 2])", "builtins.sum"),
    ],
)  # fmt: skip
def test_a_call_that_the_build_is_to_be_written_without(without, source, name):
    answer = without(source, [name])
    assert (answer.kind, answer.forbidden) == ("forbidden", name)
    assert answer.value is None
    assert answer.raised.line is not None
    assert without(source, []).kind is None


def test_others_may_call_it(without):
    source = "import torch\ndef f(): return 1\ndef g(): return torch.eye(2).det()"
    drivers = b"import torch\ndef go(my): return [my.f(), my.g(), torch.eye(3).det(), torch.linalg.det(torch.eye(2))]\n"
    answer = without(source, ["torch.Tensor.det", "torch.linalg.det"], drivers)
    assert answer.kind is None
    assert [float(one) for one in answer.value] == [1, 1, 1, 1]


def test_methods_of_a_class_are_watched_too(without):
    source = "import torch\nclass f(torch.nn.Module):\n    def forward(self, x): return torch.softmax(x, -1)\n"
    drivers = b"import torch\ndef go(my): return my.f()(torch.ones(2))\n"
    assert without(source, ["torch.softmax"], drivers).kind == "forbidden"


@pytest.mark.parametrize("name", ["torch.nothing", "nothing.at.all", "torch.float32", "str.join"])
def test_a_without_list_that_names_nothing_is_the_topics_mistake(sandbox, name, job):
    with sandbox.session(job("def f(): pass", without={"f": [name]})) as session, pytest.raises(JobError):
        session.load()


def test_drivers_that_fail_to_load_are_the_topics_mistake(sandbox, job):
    for drivers in (b"1 / 0", b"def go(:"):
        with sandbox.session(job("def f(): pass", drivers)) as session, pytest.raises(JobError):
            session.load()
    with sandbox.session(job("def f(): pass")) as session:
        session.load()
        with pytest.raises(JobError, match="no nothing"):
            session.call("nothing", rng=False)


# ── modules and random sources ──────────────────────────────────────────────────


def test_siblings_are_importable_from_memory_alone(sandbox, job):
    siblings = {"mine.track.other": b"from . import third\nx = third.y + 1\n", "mine.track.third": b"y = 1\n"}
    source = (
        "from dataclasses import dataclass\nfrom mine.track.other import x\nfrom .third import y\nimport sys\n"
        "@dataclass\nclass P:\n    a: 'int' = x\ndef f(): return [P().a, y, __name__, sys.modules[__name__].f is f]\n"
    )
    with sandbox.session(job(source, siblings=siblings)) as session:
        assert session.load().ok
        assert session.call("go", rng=False).value == [2, 1, "mine.track.topic", True]
    with sandbox.session(job("import mine.track.absent\n")) as session:
        assert session.load().raised.type_name == "ModuleNotFoundError"
    with sandbox.session(job("import mine.track.other\n", siblings={"mine.track.other": b"1 / 0"})) as session:
        raised = session.load().raised
        assert raised.trace[-1] == "mine/track/other.py:1 in <module>: 1 / 0"


RANDOM = b"""
def draw(my, rng): return rng.normal(3)
def again(my, rng): return rng.normal(3)
def globals_too(my, rng): return my.f()
"""


def test_a_seed_gives_the_same_numbers_whatever_was_drawn_before(sandbox, job):
    source = (
        "import random, torch, numpy\n"
        "def f(): return [random.random(), torch.rand(2), numpy.random.rand(), list({'a', 'b', 'c'})]\n"
    )
    cases = ["draw", "again", "globals_too"]

    def drawn(order):
        with sandbox.session(job(source, RANDOM, cases=cases)) as session:
            session.load()
            return {name: session.call(name).value for name in order}

    first, second = drawn(cases), drawn(cases[::-1])
    assert str(first) == str({name: second[name] for name in cases})
    assert not torch.equal(first["draw"], first["again"])


def test_the_random_source_is_the_judges(sandbox, job):
    with sandbox.session(job("def f(): pass", RANDOM, cases=["draw"])) as session:
        session.load()
        assert torch.equal(session.call("draw").value, Rng(7, "topic", "draw").normal(3))


def test_torch_runs_in_parallel_in_a_child(sandbox, run):
    answer, _, _ = run(
        sandbox, "torch.set_num_threads(2)\nx = torch.ones(400, 400)\nreturn [(x @ x).sum(), torch.get_num_threads()]"
    )
    assert answer.value[1] == 2
