"""What can be judged while the learner's code is still at work on later cases.

The judge waits for a child that computes on another core. In that time the answers that are there are held against the
reference's, and of a build whose case has failed the known mistakes are run on it: the verdict that comes after the
last answer finds most of its work done. What comes out is the same as if all had been done in the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future

from groundup.authoring import Case
from groundup.study.check.inprocess import ImplementationLike, Outcome
from groundup.study.check.misconceptions import CaseResult, Matcher, alike, judge_case


class Ahead:
    """The judging of one check, in small steps. Not for several threads."""

    def __init__(
        self, cases: Mapping[str, Case], answers: Mapping[str, Outcome], expected: Future[dict[str, Outcome]],
        matcher: Matcher,
    ) -> None:  # fmt: skip
        self.results: dict[str, CaseResult] = {}
        self.matcher = matcher
        self._cases, self._answers, self._expected = cases, answers, expected
        self._known: dict[str, list[ImplementationLike]] = {}  # of a build, the mistakes that explain what has failed
        self._failing: deque[tuple[str, CaseResult]] = deque()
        self._work: Iterator[bool] = iter(())

    def step(self) -> bool:
        """Do a part of what can be done, of some milliseconds at most; False where there is nothing to do now."""
        if self._judge_one():
            return True
        while True:
            if next(self._work, False):
                return True
            if not self._failing:
                return False
            self._work = self._foresee(*self._failing.popleft())

    def finish(self, names: Sequence[str]) -> dict[str, CaseResult]:
        """All cases that were answered, judged, in this order. Raises what the reference raised."""
        theirs = self._expected.result()
        for name in self._answers:
            if name not in self.results:
                self._judge(name, theirs[name])
        return {name: self.results[name] for name in names if name in self.results}

    def _judge_one(self) -> bool:
        if not self._expected.done() or self._expected.exception() is not None:  # the latter is told in the end
            return False
        name = next((one for one in self._answers if one not in self.results), None)
        if name is None:
            return False
        found = self._judge(name, self._expected.result()[name])
        if found.kind in ("wrong", "raised") and len(found.case.builds) == 1:  # by these a misconception is known
            self._failing.append((found.case.builds[0], found))
        return True

    def _judge(self, name: str, theirs: Outcome) -> CaseResult:
        found = judge_case(name, self._cases[name], self._answers[name], theirs, self.matcher.usual)
        self.results[name] = found
        return found

    def _foresee(self, build: str, result: CaseResult) -> Iterator[bool]:
        """Run the mistakes that explain all failures of the build before this one, each a step; those that explain
        this one, too, are left."""
        if build not in self._known:
            self._known[build] = [one for one in self.matcher.topic.mistakes() if build in one.builds]
        left = []
        for mistake in self._known[build]:
            if self.matcher.is_late:
                return
            outcome = self.matcher.outcome(mistake, result)
            if alike(result.case, result.outcome, outcome, result.expected):
                left.append(mistake)
            yield True
        self._known[build] = left
