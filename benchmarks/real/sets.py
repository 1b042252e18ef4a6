"""The sets by name: those that groundup's readers know, or small ones that are made up, where there are no data.

Made-up sets have something to learn, so that a run on them is a run; what they score says nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groundup.stack.data.examples import (
    Answer,
    LabeledText,
    PlainText,
    Question,
    ScoredPair,
    TaggedWords,
    TaskData,
    TextPair,
    labels_of,
)
from groundup.stack.data.tasks import read_task


def made_up(name: str, kind: str, count: int = 120, seed: int = 0) -> TaskData[Any]:
    """A set of that kind with ``count`` examples to learn from and a quarter as many held out."""
    chance = random.Random(f"{name} {seed}")
    make = MAKERS[kind]
    examples = [make(chance, at) for at in range(count + count // 4)]
    provenance = {"source": "made up by the benchmark", "licence": "none needed"}
    return TaskData(name, kind, examples[:count], examples[count:], labels_of(examples), (), dict(provenance))


_NAMES = ("Ada", "Bo", "Cleo", "Dan", "Eve")
_PLACES = ("Rome", "Oslo", "Lima", "Kyoto")
_VERBS = {"sees": "sieht", "likes": "mag", "finds": "findet"}
_THINGS = {"cats": "Katzen", "trees": "Bäume", "books": "Bücher", "ships": "Schiffe"}


def _sentence(chance: random.Random) -> tuple[str, str]:
    name, verb, thing = chance.choice(_NAMES), chance.choice(list(_VERBS)), chance.choice(list(_THINGS))
    return f"{name} {verb} {thing} .", f"{name} {_VERBS[verb]} {_THINGS[thing]} ."


def _label(chance: random.Random, at: int) -> LabeledText:
    label = ("neg", "pos")[at % 2]
    word = chance.choice(("bad", "dull", "poor") if label == "neg" else ("good", "fine", "great"))
    return LabeledText(f"{_sentence(chance)[0]} it is {word} .", label)


def _pair(chance: random.Random, at: int) -> ScoredPair:
    first, second = _sentence(chance)[0], _sentence(chance)[0]
    same = len(set(first.split()) & set(second.split())) / 4
    return ScoredPair(first, second, round(5 * same, 2))


def _tagged(chance: random.Random, at: int) -> TaggedWords:
    words, tags = ["today"], ["O"]
    for name, kind in ((chance.choice(_NAMES), "PER"), (chance.choice(_PLACES), "LOC")):
        words += ["is", name, "Hill"] if at % 3 == 0 else ["is", name]
        tags += ["O", f"B-{kind}", f"I-{kind}"] if at % 3 == 0 else ["O", f"B-{kind}"]
    return TaggedWords(tuple(words), tuple(tags))


def _question(chance: random.Random, at: int) -> Question:
    name, place = chance.choice(_NAMES), chance.choice(_PLACES)
    context = f"Long ago {name} lived in {place} and {_sentence(chance)[0]}"
    if at % 3 == 0:
        return Question(f"q{at}", "Who built the bridge ?", context, ())
    return Question(f"q{at}", f"Where lived {name} ?", context, (Answer(place, context.index(place)),))


def _written(chance: random.Random, at: int) -> TextPair:
    source, target = _sentence(chance)
    return TextPair(source, (target,), (source,))


def _plain(chance: random.Random, at: int) -> PlainText:
    return PlainText(" ".join(_sentence(chance)[0] for _ in range(3)))


MAKERS: dict[str, Callable[[random.Random, int], Any]] = {
    "classification": _label, "similarity": _pair, "tagging": _tagged, "answering": _question, "writing": _written,
    "language": _plain,
}  # fmt: skip


def read(name: str, folder: Path) -> TaskData[Any]:
    """The set of that name below ``folder``."""
    return read_task(name, folder)
