"""How well the checks of one topic hold, for its author: run in this process, on our own code only.

Shown: cases whose result does not vary with the seed; alternatives that fail; mistakes that pass or are taken for
others; impostors (a stub, identity, zeros, ones, None) that pass. ``groundup audit`` counts the same for all topics.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from groundup.study.check.compare import compare
from groundup.study.check.inprocess import TopicLike, replaced, run_drivers
from groundup.study.check.misconceptions import CaseResult, Matcher, UsualScales, judge_outcomes
from groundup.study.check.show import one_line
from groundup.study.check.wire import Raised


def _not_written(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError


def _first(*args: Any, **kwargs: Any) -> Any:
    return args[0] if args else next(iter(kwargs.values()), None)


def _nothing(*args: Any, **kwargs: Any) -> Any:
    return None


def _constant(reference: Callable[..., Any], fill: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Any]:
    """Right in type, shape and dtype, constant in value. A module keeps its parameters; its forward is constant."""

    def constant(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return fill(value.detach())
        if isinstance(value, (list, tuple)):
            return [constant(one) for one in value]
        if isinstance(value, (str, bytes)):
            return type(value)() if fill is torch.zeros_like else value[:1] * (len(value) + 1)
        if isinstance(value, dict):
            return {key: constant(one) for key, one in value.items()}
        number = fill(torch.zeros(())).item()
        if isinstance(value, (str, bytes)):
            text = str(int(number)) * len(value)
            return text if isinstance(value, str) else text.encode()
        return type(value)(number) if isinstance(value, (bool, int, float)) else value

    if isinstance(reference, type):
        if not issubclass(reference, torch.nn.Module):
            return _nothing
        forward: Callable[..., Any] = reference.forward
        return type(reference.__name__, (reference,), {"forward": lambda *a, **k: constant(forward(*a, **k))})
    return lambda *args, **kwargs: constant(reference(*args, **kwargs))


def impostors(reference: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """Answers with nothing behind them, by name; each must be rejected for each build."""
    return {
        "stub": _not_written,
        "first argument": _first,
        "None": _nothing,
        "zeros": _constant(reference, torch.zeros_like),
        "ones": _constant(reference, torch.ones_like),
    }


@dataclass
class Proof:
    """What was found, as lines for an author; ``problems`` are those that must be mended."""

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def say(self, line: str, *, problem: bool = False) -> None:
        self.lines.append(line)
        if problem:
            self.problems.append(line)


def failures(results: dict[str, CaseResult], builds: tuple[str, ...] | None = None) -> list[str]:
    """The names of the cases that did not pass, of all or of those about some builds."""
    return [
        name
        for name, one in results.items()
        if not one.passed and (builds is None or set(builds) & set(one.case.builds))
    ]


class Prover:
    """The proof of one topic, part by part."""

    def __init__(self, topic: TopicLike, seeds: int) -> None:
        self.topic = topic
        self.seeds = list(range(1, seeds + 1))
        self.usual = UsualScales(topic)
        self.proof = Proof()
        self.references = topic.references()
        self.expected = {seed: run_drivers(topic, self.references, seed, reference=True) for seed in self.seeds}

    def judge(self, implementation: Any, seed: int) -> dict[str, CaseResult]:
        """All cases on an implementation."""
        mine = run_drivers(self.topic, implementation, seed)
        return judge_outcomes(self.topic, mine, self.expected[seed], self.usual)

    def reference(self) -> None:
        """It passes its own cases, and its results vary with the seed."""
        for seed in self.seeds:
            wrong = failures(self.judge(self.references, seed))
            if wrong:
                self.proof.say(f"reference: rejected with seed {seed} in {', '.join(wrong)}", problem=True)
        one, two = self.expected[self.seeds[0]], run_drivers(self.topic, self.references, 10**6, reference=True)
        for name, case in self.topic.cases().items():
            exactly = type(case)(case.title, case.builds, "exact")
            if not _only_errors(one[name].value) and compare(exactly, one[name].value, two[name].value) is None:
                self.proof.say(f"reference: {name} does not vary with the seed", problem=True)
        for build in self.topic.builds:
            count = sum(build.name in case.builds for case in self.topic.cases().values())
            if count < 2:
                self.proof.say(f"{build.name} has {count} drivers; two at least are needed", problem=True)
        slow = max(one.items(), key=lambda item: item[1].seconds)
        total = sum(outcome.seconds for outcome in one.values())
        self.proof.say(f"reference: {len(one)} cases in {total * 1e3:.1f} ms; slowest {slow[0]}")

    def alternatives(self) -> None:
        """Each passes on each seed."""
        for one in self.topic.alternatives():
            names = replaced(self.topic, one.builds, one.object)
            bad = {seed: self.judge(names, seed) for seed in self.seeds}
            wrong = {seed: failures(results) for seed, results in bad.items() if failures(results)}
            self.proof.say(f"alternative {one.name} ({', '.join(one.builds)}): {'FAILS' if wrong else 'passes'}")
            for seed, cases in wrong.items():
                result = bad[seed][cases[0]]
                self.proof.say(f"  seed {seed}: {', '.join(cases)}: {_why(result)}", problem=True)

    def mistakes(self) -> None:
        """Each is rejected on each seed, and named by its own hint."""
        for one in self.topic.mistakes():
            names = replaced(self.topic, one.builds, one.object)
            for seed in self.seeds:
                results = self.judge(names, seed)
                wrong = failures(results)
                if not wrong:
                    self.proof.say(f"mistake {one.name}: NOT REJECTED with seed {seed}", problem=True)
                    continue
                if seed == self.seeds[0]:
                    self.proof.say(f"mistake {one.name} ({', '.join(one.builds)}): rejected by {', '.join(wrong)}")
                self._diagnosed(one, results, seed)

    def _diagnosed(self, mistake: Any, results: dict[str, CaseResult], seed: int) -> None:
        matcher = Matcher(self.topic, seed, self.usual, budget=None)
        for build in mistake.builds:
            if not failures(results, (build,)):
                continue
            found = [one.name for one in matcher.match(results, build)]
            if found != [mistake.name]:
                what = "a tie of" if len(found) > 1 else "taken for"
                said = " and ".join(found) or "nothing known"
                self.proof.say(f"  {mistake.name}, seed {seed}: {build} is {what} {said}", problem=True)
            if not mistake.hint.strip():
                self.proof.say(f"  {mistake.name} has no docstring to serve as its hint", problem=True)

    def impostors(self) -> None:
        """Nothing without content passes any build."""
        for build in self.topic.builds:
            reference = getattr(self.references, build.name)
            for name, fake in impostors(reference).items():
                for seed in self.seeds:
                    results = self.judge(replaced(self.topic, [build.name], fake), seed)
                    wrong = failures(results, (build.name,))
                    kinds = {results[case].kind for case in wrong}
                    if not wrong or (name == "stub" and "missing" not in kinds):
                        self.proof.say(f"impostor {name} for {build.name}: PASSES with seed {seed}", problem=True)
            self.proof.say(f"impostors for {build.name}: tried {', '.join(impostors(reference))}")


def _only_errors(value: Any) -> bool:
    """A case that looks at errors alone: it need not vary with the seed."""
    return isinstance(value, Raised) or (isinstance(value, list) and bool(value) and all(map(_only_errors, value)))


def _why(result: CaseResult) -> str:
    if result.outcome.raised is not None:
        return f"{result.outcome.raised.type_name}: {result.outcome.raised.message}"
    if result.difference is None:
        return f"changed {', '.join(result.changed)} in place"
    found = result.difference
    return (
        f"{found.kind} at {list(found.path)}: got {one_line(found.returned)}, expected {one_line(found.expected)}"
        + (f" ({found.reason})" if found.reason else "")
    )


def prove(topic: TopicLike, seeds: int = 5) -> Proof:
    """The whole proof of one topic."""
    torch.set_num_threads(1)
    prover = Prover(topic, seeds)
    prover.reference()
    prover.alternatives()
    prover.mistakes()
    prover.impostors()
    return prover.proof


def main(arguments: list[str] | None = None) -> int:
    """Print the proof; the exit status is 1 where anything must be mended."""
    parser = argparse.ArgumentParser(description="Prove the checks of a topic: mistakes, alternatives, impostors.")
    parser.add_argument("topic")
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args(arguments)
    from groundup.study.roadmap import load_roadmap

    began = time.perf_counter()
    proof = prove(load_roadmap().topic(asked.topic), max(asked.seeds, 1))
    print("\n".join(proof.lines))
    print(f"\n{len(proof.problems)} problems; {time.perf_counter() - began:.1f} s")
    for problem in proof.problems:
        print(f"- {problem.strip()}")
    return 1 if proof.problems else 0
