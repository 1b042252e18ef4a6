"""Hints go stage by stage and stop before the solution; no stage before it may show a line of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from groundup.study.check.verdict import Failure
from groundup.study.hints import SOLUTION, STAGES, Hint, first_sentence, leak_check, next_hint, stage_text

SOURCE = '''
import math

import torch


def attention_scores(q, k):
    """Scores of every query against every key, divided by the square root of their length."""
    # the scale keeps the variance near one
    scale = math.sqrt(q.shape[-1])
    return q @ k.transpose(-2, -1) / scale


def dot(u, v):
    return u @ v


def first(values):
    for value in values:
        return value
    return None
'''


@dataclass(frozen=True)
class FakeBuild:
    name: str = "dot"
    hints: Mapping[str, str] = field(default_factory=lambda: {"nudge": "Which  sum\nis it?", "next": "Multiply first."})


@dataclass(frozen=True)
class FakeTopic:
    builds: tuple[FakeBuild, ...] = (FakeBuild(), FakeBuild("norm", {}))

    def solution_source(self, build: str | None = None) -> str:
        return f"def {build}(u, v):\n    return u @ v\n"


TOPIC = FakeTopic()
NAMED = Failure(
    case="small",
    title="small vectors",
    message="the result is 2.5 times too large. More is said here.",
    misconceptions=["mean_not_sum"],
    hint="You took the mean. The dot product is a sum.",
)
UNNAMED = NAMED.model_copy(update={"misconceptions": [], "hint": None})


def test_the_stages_follow_each_other_and_stop_before_the_solution() -> None:
    hints = [next_hint(TOPIC, "dot", taken, NAMED) for taken in range(8)]
    assert [hint.stage for hint in hints] == [1, 2, 3, 3, 3, 3, 3, 3]
    assert not any(hint.is_solution for hint in hints)
    assert hints[1] == Hint("dot", 2, STAGES, "A nudge", "Which sum is it?")
    assert hints[2] == Hint("dot", 3, STAGES, "The next step", "Multiply first.")


def test_the_first_stage_is_the_misconception() -> None:
    assert next_hint(TOPIC, "dot", 0, NAMED).text == "You took the mean. The dot product is a sum."


def test_the_first_stage_without_a_misconception_is_the_message_in_one_sentence() -> None:
    assert next_hint(TOPIC, "dot", 0, UNNAMED).text == "the result is 2.5 times too large."
    empty = UNNAMED.model_copy(update={"message": " "})
    assert "check it again" in next_hint(TOPIC, "dot", 0, empty).text


def test_the_first_stage_before_any_check_says_so() -> None:
    assert "check it" in next_hint(TOPIC, "dot", 0, None).text


def test_a_stage_that_is_not_written_says_so() -> None:
    assert "No hint is written" in stage_text(TOPIC, "norm", 2, None).text


def test_the_solution_comes_only_when_it_is_asked_for() -> None:
    hint = stage_text(TOPIC, "dot", SOLUTION, NAMED)
    assert hint.is_solution
    assert hint.text == "def dot(u, v):\n    return u @ v\n"


@pytest.mark.parametrize("stage", [0, 5, -1])
def test_other_stages_are_refused(stage: int) -> None:
    with pytest.raises(ValueError, match="stages 1 to 3"):
        stage_text(TOPIC, "dot", stage, None)


def test_an_unknown_build_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(LookupError, match="dot, norm"):
        next_hint(TOPIC, "cross", 0, None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("One. Two.", "One."),
        ("It is 0.5 too large, e.g. here. Then.", "It is 0.5 too large, e.g. here."),
        ("torch.softmax was called. `dim` is 0.", "torch.softmax was called."),
        ("no end", "no end"),
        ("spread\nover  lines! Yes", "spread over lines!"),
        ("", ""),
    ],
)
def test_one_sentence(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "Write scale = math.sqrt(q.shape[-1]) first.",
        "Write `scale=math.sqrt( q.shape[ -1 ] )` first.",
        "return q @ k.transpose(-2, -1) / scale",
        "It is `q @ k.transpose(-2,-1)/scale`.",
        "It is `(q @ k.transpose(-2, -1)) / (scale)`.",
        "It is `scores = q @ k.transpose(-2, -1)  / scale`",
        "```python\nreturn q @ k.transpose(-2, -1) / scale\n```",
        "Like so:\n\n    u  @  v\n",
        "Use `u@v`.",
    ],
)
def test_a_line_or_the_formula_as_code_is_a_leak(text: str) -> None:
    assert leak_check(["An innocent hint.", text], SOURCE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Scores of every query against every key, divided by the square root of their length.",
        "Divide by the square root of the length of a key; `q.shape[-1]` is that length.",
        "The matrix product with the transposed keys, $q k^\\top / \\sqrt{d}$, gives all scores at once.",
        "`attention_scores(q, k)` is called with batches, too.",
        "`torch.transpose` swaps two axes.",
        "Return the value, not None.",
        "Email u @ v if lost.",
        "Broken code: `u @`.",
    ],
)
def test_words_symbols_and_names_are_no_leak(text: str) -> None:
    assert leak_check([text], SOURCE) == []


def test_every_leak_is_named_once() -> None:
    assert leak_check(["`u @ v`", "again `u@v`"], SOURCE) == ["u@v"]
