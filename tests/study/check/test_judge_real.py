"""The judge with the real sandbox and the real topics."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from groundup.study.check.assemble import LARGEST
from groundup.study.check.judge import Judge
from groundup.study.check.limits import Limits
from groundup.study.check.sandbox import Sandbox
from groundup.study.check.verdict import Failure, Verdict
from groundup.study.roadmap import Roadmap, load_roadmap
from groundup.study.topics import Topic
from groundup.study.workspace import Snapshot


def snapshot(source: str, topic: Topic) -> Snapshot:
    raw = source.encode()
    return Snapshot(topic.mine_path, topic.mine_module, raw, hashlib.sha256(raw).hexdigest())


def failure(verdict: Verdict, build: str) -> Failure:
    found = next(one.failure for one in verdict.builds if one.build == build)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def real() -> Iterator[Judge]:
    with Sandbox(Limits(wall_s=8)) as sandbox:
        judge = Judge(sandbox)
        yield judge
        judge.close()


@pytest.fixture(scope="module")
def roadmap() -> Roadmap:
    return load_roadmap()


WRITTEN = ["vectors", "byte-pair-encoding", "self-attention"]


@pytest.mark.parametrize("name", WRITTEN)
def test_solutions_pass_and_stubs_are_missing(real: Judge, roadmap: Roadmap, name: str) -> None:
    topic = roadmap.topic(name)
    verdict = real.check(topic, snapshot(topic.solution_source(), topic))
    assert verdict.passed, verdict.model_dump_json(indent=1)
    assert not any(one.remarks for one in verdict.builds)
    verdict = real.check(topic, snapshot(topic.exercise_source(), topic))
    assert {one.kind for one in verdict.builds} == {"missing"}
    assert all(one.passed == 0 and one.cases >= 2 for one in verdict.builds)


ATTENTION = {
    "not scaled": ("attention_scores", "return q @ k.transpose(-1, -2)", "wrong", ["scores_not_scaled"]),
    "transposed": ("causal_mask", "return torch.ones(n, n).triu().bool()", "wrong", ["mask_upper_triangle"]),
    "nothing": ("causal_mask", "torch.ones(n, n).tril().bool()", "wrong", []),
    "raises": ("attention_scores", "return q @ k", "raised", None),
    "exits": ("attention_scores", "import os; os._exit(0)", "crashed", []),
    "unwritten": ("attention_scores", "raise NotImplementedError", "missing", []),
}


def attention(topic: Topic, build: str, body: str) -> Snapshot:
    signature = next(one.signature for one in topic.builds if one.name == build)
    return snapshot(f"{topic.solution_source()}\n\nimport torch\n\n\ndef {signature}:\n    {body}\n", topic)


@pytest.mark.parametrize("name", list(ATTENTION))
def test_each_way_of_failing_and_the_same_seed_the_same_verdict(real: Judge, roadmap: Roadmap, name: str) -> None:
    build, body, kind, misconceptions = ATTENTION[name]
    topic = roadmap.topic("self-attention")
    code = attention(topic, build, body)
    verdicts = [real.check(topic, code, seed=2**52 + 3).model_dump() for _ in range(2)]
    for one in verdicts:
        one["receipt"].pop("seconds")
    assert verdicts[0] == verdicts[1]
    verdict = real.check(topic, code, seed=11)
    found = {one.build: one for one in verdict.builds}
    assert found[build].kind == kind
    if misconceptions is not None:
        assert failure(verdict, build).misconceptions == misconceptions
    other = "attention_scores" if build == "causal_mask" else "causal_mask"
    assert found[other].kind == "passed"
    assert verdict.receipt.seed == 11
    assert len(verdict.model_dump_json()) <= LARGEST


def test_a_syntax_error_is_shown_at_its_line(real: Judge, roadmap: Roadmap) -> None:
    topic = roadmap.topic("self-attention")
    verdict = real.check(topic, snapshot("import torch\n\ndef causal_mask(n:\n    pass\n", topic))
    assert {one.kind for one in verdict.builds} == {"raised"}
    assert failure(verdict, "causal_mask").line == 3


def test_a_changed_generator_does_not_make_an_answer(real: Judge, roadmap: Roadmap) -> None:
    """Code that replaces the random source in its own process is wrong, not right."""
    topic = roadmap.topic("vectors")
    code = (
        "import torch\nfrom groundup.study.check import rng\n"
        "rng.Rng.normal = lambda self, *shape, **named: torch.zeros(shape)\n"
        "rng.Rng.uniform = lambda self, *shape, **named: torch.zeros(shape)\n"
        "def dot(u, v):\n    return (u * 0 + v * 0).sum(-1)\n"
    )
    verdict = real.check(topic, snapshot(code, topic))
    assert verdict.builds[0].build == "dot"
    assert verdict.builds[0].kind in ("wrong", "raised")
