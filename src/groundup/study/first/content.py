"""What the first page shows: a dozen lines of attention, three ways to break them, and what the model was measured at.

A way to break is an edit of one line. It is found by the words that stand there, in whatever the learner has written
since: where they are gone, there is nothing to edit, and the page says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

MODEL = Path(__file__).with_name("model")
PROVENANCE = "provenance.json"
HELD_OUT = "held_out.txt"
PROMPT = "Return the number of"
TOKENS = 70
SEED = 4
BROKEN = 1.08
"""So many times the intact bits, and the page calls it broken: worse than byte 5-grams, which only count."""

STARTING = '''\
"""Attention: each token of a text looks back at the others.

This file is yours, and the model runs on it. q, k and v
hold a query, a key and a value for each of the n tokens.
"""

import torch


def attention(q, k, v):
    n, d = q.shape[-2:]
    # how well each token's query matches each token's key
    scores = q @ k.transpose(-2, -1)
    # long vectors have large scores: divide that out
    scores = scores / d**0.5
    # no token may look ahead at those that come later
    future = torch.ones(n, n, dtype=torch.bool).triu(1)
    scores = scores.masked_fill(future, float("-inf"))
    # shares that sum to 1, and the average they make
    weights = scores.softmax(dim=-1)
    return weights @ v
'''


@dataclass(frozen=True)
class Break:
    """One edit that spoils the model: the line that has ``words`` gets ``instead`` in their place."""

    id: str
    title: str
    words: str
    instead: str
    what: str

    def apply(self, source: str) -> str | None:
        """The source with the edit made; None where its words are not there (any more)."""
        return source.replace(self.words, self.instead, 1) if self.words in source else None


BREAKS = (
    Break(
        "mask",
        "Let it look ahead",
        'scores = scores.masked_fill(future, float("-inf"))',
        "scores = scores  # nothing is hidden",
        "Without the mask every token mixes in what comes later. The model was never trained on such vectors.",
    ),
    Break(
        "scale",
        "Forget the scale",
        "scores = scores / d**0.5",
        "scores = scores  # as they are",
        "Undivided, the scores are several times too large: the softmax gives nearly everything to one token.",
    ),
    Break(
        "axis",
        "Take the wrong axis",
        "softmax(dim=-1)",
        "softmax(dim=-2)",
        "Now the shares of each key sum to 1, not those of each query: nobody's average is an average any more.",
    ),
)


def break_by(name: str) -> Break:
    """The way to break of that id; LookupError names those that there are."""
    for one in BREAKS:
        if one.id == name:
            return one
    raise LookupError(f"there is no way to break it called {name!r}; there are {', '.join(one.id for one in BREAKS)}")


@cache
def provenance() -> dict[str, Any]:
    """Where the model comes from, how it was trained, and what it scored."""
    found: dict[str, Any] = json.loads((MODEL / PROVENANCE).read_text(encoding="utf-8"))
    return found


class FirstFile:
    """The learner's file of the first page, as the workspace knows a topic's."""

    id = "first"
    mine_module = "mine.first"
    mine_path = "mine/first.py"

    def exercise_source(self) -> str:
        return STARTING
