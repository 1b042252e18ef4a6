"""What an audit found on one topic: counts by section, and problems by the part of the topic that they concern."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from groundup.study.topics import Topic


@dataclass
class Tally:
    """How many were tried, and how many came out as they must."""

    run: int = 0
    good: int = 0


@dataclass
class Findings:
    """One topic's audit. ``problems`` maps a part of the topic ("drivers", "lesson", …) to what is wrong with it."""

    topic: Topic
    stubs: Tally = field(default_factory=Tally)
    references: Tally = field(default_factory=Tally)
    alternatives: Tally = field(default_factory=Tally)
    fairness: Tally = field(default_factory=Tally)
    mistakes: Tally = field(default_factory=Tally)
    hinted: int = 0
    mutants: Tally = field(default_factory=Tally)
    survivors: list[dict[str, Any]] = field(default_factory=list)
    blocks: Tally = field(default_factory=Tally)
    figures: Tally = field(default_factory=Tally)
    labs: Tally = field(default_factory=Tally)
    cards: int = 0
    problems: dict[str, list[str]] = field(default_factory=dict)

    def problem(self, part: str, what: str) -> None:
        self.problems.setdefault(part, []).append(f"{self.topic.id}: {what}")

    @property
    def complete(self) -> bool:
        return self.topic.written and not self.problems

    @property
    def incomplete(self) -> list[str]:
        """What is missing or does not hold, by name."""
        missing = [name.partition(".")[0] for name in self.topic.missing_files]
        return missing + [part for part in self.problems if part not in missing]
