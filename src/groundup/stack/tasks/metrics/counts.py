"""What the metrics of texts share: counting n-grams, and refusing texts that do not pair up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def ngrams(items: Sequence[str], n: int) -> Counter[Any]:
    """How often each run of n neighbors occurs: tuples of words of a list, pieces of a text."""
    if isinstance(items, str):
        return Counter([items[start : start + n] for start in range(len(items) - n + 1)])
    return Counter(zip(*(items[shift:] for shift in range(n)), strict=False))


def clipped_matches(found: Mapping[Any, int], wanted: Mapping[Any, int]) -> int:
    """How many of the found can be told from the wanted: each kind counts at most as often as it was wanted."""
    matches = 0
    for kind, count in found.items():  # a loop, as this is where the time goes
        if kind in wanted:
            other = wanted[kind]
            matches += count if count < other else other
    return matches


def require_references(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    """Refuses what is no list of texts with, for each, its list of references.

    Raises TypeError where a text stands in the place of a list of texts, ValueError where the two are not equally many
    or none, or a hypothesis has no reference.
    """
    if isinstance(hypotheses, str):
        raise TypeError("hypotheses is one text: give a list of texts, [text]")
    if len(hypotheses) != len(references):
        raise ValueError(
            f"{len(hypotheses)} hypotheses, but {len(references)} lists of references: give each hypothesis its own"
        )
    if not hypotheses:
        raise ValueError("there are no hypotheses: a metric of a corpus needs one at least")
    for place, texts in enumerate(references):
        if isinstance(texts, str):
            raise TypeError(f"the references of hypothesis {place} are one text: give a list of texts, [text]")
        if not texts:
            raise ValueError(f"hypothesis {place} has no reference: give it one, or leave the example out")


def reference_count(references: Sequence[Sequence[str]]) -> str:
    """How many references each hypothesis has, "var" where they differ, as signatures say it."""
    numbers = {len(texts) for texts in references}
    return str(numbers.pop()) if len(numbers) == 1 else "var"
