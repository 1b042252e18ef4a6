"""Hints in stages, each of which gives away a little more: what went wrong, a nudge, the next step.

The solution is a stage of its own, reached only by asking for it: :func:`next_hint` never gets there. Whether hints
keep to that is shown by :func:`leak_check`. Nothing here runs or reads a learner's code; the misconception was found by
the judge, from what that code does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from groundup.study.leaks import leaks

STAGES = 3
SOLUTION = 4
_TITLES = {1: "What went wrong", 2: "A nudge", 3: "The next step", SOLUTION: "The solution"}


class HintedBuild(Protocol):
    """What a hint needs to know of a build."""

    @property
    def name(self) -> str: ...
    @property
    def hints(self) -> Mapping[str, str]: ...


class HintedTopic(Protocol):
    """What a hint needs to know of a topic."""

    @property
    def builds(self) -> Sequence[HintedBuild]: ...
    def solution_source(self, build: str | None = None) -> str: ...


class LastFailure(Protocol):
    """What a hint needs to know of the case that failed last."""

    @property
    def message(self) -> str: ...
    @property
    def misconceptions(self) -> Sequence[str]: ...
    @property
    def hint(self) -> str | None: ...


@dataclass(frozen=True)
class Hint:
    """One stage of the hints for one build; ``of`` counts the stages before the solution."""

    build: str
    stage: int
    of: int
    title: str
    text: str
    is_solution: bool = False


def next_hint(topic: HintedTopic, build: str, stage_taken: int, last_failure: LastFailure | None) -> Hint:
    """The stage after the one taken; the last stage before the solution is the last that is given."""
    return stage_text(topic, build, max(1, min(stage_taken + 1, STAGES)), last_failure)


def stage_text(topic: HintedTopic, build: str, stage: int, last_failure: LastFailure | None) -> Hint:
    """A stage by its number: 1 to 3, or SOLUTION because it was asked for."""
    if stage not in _TITLES:
        raise ValueError(f"hints have the stages 1 to {STAGES}, and {SOLUTION} for the solution, not {stage}")
    found = next((one for one in topic.builds if one.name == build), None)
    if found is None:
        raise LookupError(f"no build is called {build!r}; there are {', '.join(one.name for one in topic.builds)}")
    if stage == SOLUTION:
        return Hint(build, SOLUTION, STAGES, _TITLES[SOLUTION], topic.solution_source(build), is_solution=True)
    if stage == 1:
        text = _what_went_wrong(build, last_failure)
    else:
        written = found.hints.get("nudge" if stage == 2 else "next", "")
        text = " ".join(written.split()) or "No hint is written for this stage; the one after it may help."
    return Hint(build, stage, STAGES, _TITLES[stage], text)


def _what_went_wrong(build: str, failure: LastFailure | None) -> str:
    if failure is None:
        return f"There is no failed check of {build} to speak of: write it and check it, and ask again."
    if failure.misconceptions and failure.hint:
        return failure.hint
    return first_sentence(failure.message) or f"The last check of {build} failed without a message: check it again."


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence; one inside a number or a name does not."""
    text = " ".join(text.split())
    match = re.search(r"[.!?](?=\s+[A-Z“‘\"'`(])", text)
    return text[: match.end()] if match else text


# ── what hints must not hold ─────────────────────────────────────────────────


def leak_check(hint_texts: list[str], solution_source: str) -> list[str]:
    """The lines and formulas of the solution that stand in hints, whatever their spacing; empty: nothing leaks.

    To the long pieces that ``leaks`` finds anywhere in a text this adds what a build returns, however short
    (``u @ v``), where a hint shows it as code.
    """
    returned = {_squeezed(ast.unparse(one)) for one in _returned(solution_source)}
    found: dict[str, None] = {}
    for text in hint_texts:
        found.update(dict.fromkeys(leaks(text, solution_source)))
        shown = {_squeezed(one) for one in _code_shown(text)}
        found.update(dict.fromkeys(sorted(returned & shown)))
    return list(found)


def _returned(source: str) -> Iterator[ast.expr]:
    """Returned expressions that compute something."""
    for node in ast.walk(ast.parse(source)):
        value = node.value if isinstance(node, ast.Return) else None
        if value and any(isinstance(one, ast.BinOp | ast.Call | ast.Compare) for one in ast.walk(value)):
            yield value


def _code_shown(text: str) -> Iterator[str]:
    """Every expression in the code that a text shows, between backticks or indented, in one spelling."""
    for span in re.findall(r"`+([^`]+)`+", text) + re.findall(r"^(?: {4}|\t)\s*(\S.*)$", text, flags=re.MULTILINE):
        code = re.sub(r"\A\w*\n", "", span) if "\n" in span else span  # the language after a fence's backticks
        try:
            tree = ast.parse(code.strip())
        except (SyntaxError, ValueError):
            yield code
            continue
        yield from (ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.expr))


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text).replace('"', "'")
