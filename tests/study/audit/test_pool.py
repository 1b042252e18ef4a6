"""Mutants run in processes of their own: what is noticed, and that none of them ends the audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundup.study.audit.mutants import Mutant, mutants
from groundup.study.audit.pool import Pool, PoolError
from groundup.study.roadmap import load_roadmap


def handmade(source: str) -> Mutant:
    return Mutant("double", "by hand", 1, source, "")


GOOD = "def double(x):\n    return x + x\n\n\ndef shifted(x, by=1.0):\n    return x + by\n"
HOSTILE = {
    "a loop for ever": GOOD.replace("return x + x", "while True:\n        pass"),
    "an exit": GOOD.replace("return x + x", "raise SystemExit"),
    "an end without a word": "import os\n\n\n" + GOOD.replace("return x + x", "os._exit(0)"),
    "a death": "import os\n\n\n" + GOOD.replace("return x + x", "os.kill(os.getpid(), 9)"),
    "no end of memory": GOOD.replace("return x + x", "return bytearray(2**40)"),
    "no end of calls": GOOD.replace("return x + x", "return double(x)"),
    "a broken import": "import no_such_module\n" + GOOD,
    "a build that is not there": GOOD.replace("def double", "def dubble"),
    "words on the way": GOOD.replace("return x + x", 'print("{" * 100000)\n    return x + x'),
    "the right answer": GOOD,
    "a wrong answer": GOOD.replace("x + x", "x * 3"),
}


@pytest.mark.slow
def test_mutants_are_killed_and_end_nothing_else(small: Path) -> None:
    topic = load_roadmap(small).topic("doubling")
    with Pool() as pool:
        killed = dict(zip(HOSTILE, pool.run(topic, [handmade(source) for source in HOSTILE.values()]), strict=True))
        assert [name for name, by in killed.items() if by is None] == ["words on the way", "the right answer"]
        assert killed["a loop for ever"] == "takes too long"
        assert killed["a death"] == killed["an end without a word"] == "ends the process"
        assert killed["a wrong answer"] in topic.cases()
        assert "ModuleNotFoundError" in str(killed["a broken import"])

        # The same workers serve another request.
        changed = mutants(topic)
        survivors = [one.what for one, by in zip(changed, pool.run(topic, changed), strict=True) if by is None]
        assert sorted(survivors) == [
            "`-` → `+` in `return x - 0`",
            "`_times(x, FACTOR)` → `_times(FACTOR, x)` in `return _times(x, FACTOR)`",
            "`by == 0` → `False` in `if by == 0:`",
            "`x - 0` → `x` in `return x - 0`",
        ]

        topic.path("solution.py").write_text(GOOD.replace("x + x", "x * 3"))
        with pytest.raises(PoolError, match="the solution itself differs"):
            pool.run(topic, changed[:1])
        topic.path("solution.py").write_text(GOOD)
        assert pool.run(topic, [handmade(GOOD), handmade(HOSTILE["a wrong answer"])])[0] is None


@pytest.mark.slow
def test_a_topic_that_cannot_be_run_is_the_audits_problem(small: Path) -> None:
    topic = load_roadmap(small).topic("doubling")
    with Pool(1) as pool:
        topic.path("checks.py").write_text("import no_such_module\n")
        with pytest.raises(PoolError, match="no_such_module"):
            pool.run(topic, [])
