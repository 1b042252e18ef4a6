"""Answers without a network: a window that slides over the text and counts the question's words, and saying nothing.

Richardson, Burges and Renshaw, "MCTest" (2013), algorithm 1: words count by the inverse of how often they stand in the
text, here by how few texts they stand in. The window chooses a place; the answer is the run of words in it that the
question does not have. Rajpurkar, Jia and Liang, "Know What You Don't Know" (2018): half of the questions have none, so
that the empty answer is a baseline by itself, and the window answers only where its score is high enough.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

_WORD = re.compile(r"\w+|[^\w\s]")
_COMMON = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be by did do does for from had has have how in is it its many much of on or that the their
    there to was were what when where which who whom whose why will with""",
    )
)
WINDOW, LONGEST = 20, 6


def weights(texts: Sequence[str]) -> dict[str, float]:
    """log(1 + n / number of texts with the word), in small letters."""
    documents = Counter(word for text in texts for word in {one.lower() for one in _WORD.findall(text)})
    return {word: math.log(1 + len(texts) / count) for word, count in documents.items()}


def find_answer(question: str, text: str, weight: dict[str, float]) -> tuple[str, float]:
    """The best span and how much of the question's weight its window holds, 0 to 1."""
    asked = {one.lower() for one in _WORD.findall(question)} - _COMMON
    asked = {one for one in asked if one[0].isalnum()}
    places = list(_WORD.finditer(text))
    lower = [one[0].lower() for one in places]
    rare = max(weight.values(), default=1.0)
    whole = sum(weight.get(one, rare) for one in asked)
    if not asked or not places:
        return "", 0.0
    best, begin = -1.0, 0
    for at in range(max(1, len(lower) - WINDOW + 1)):
        held = sum(weight.get(one, rare) for one in asked & set(lower[at : at + WINDOW]))
        if held > best:
            best, begin = held, at
    window = range(begin, min(begin + WINDOW, len(lower)))
    free = [at for at in window if lower[at] not in asked and lower[at] not in _COMMON and lower[at][0].isalnum()]
    if not free:
        return "", best / whole
    near = [at for at in window if lower[at] in asked]

    def closeness(at: int) -> float:
        return sum(weight.get(lower[one], rare) / abs(one - at) for one in near) * weight.get(lower[at], rare)

    middle = max(free, key=closeness)
    first = last = middle
    while last + 1 in free and last - first + 1 < LONGEST:
        last += 1
    while first - 1 in free and last - first + 1 < LONGEST:
        first -= 1
    return text[places[first].start() : places[last].end()], best / whole


def best_threshold(shares: Sequence[float], gains: Sequence[float], empty: Sequence[float]) -> float:
    """The share from which on answering scores best: ``gains`` are an example's score if answered, ``empty`` if not."""
    tries = sorted({0.0, *shares, math.inf})

    def total(threshold: float) -> float:
        return sum(g if share >= threshold else e for share, g, e in zip(shares, gains, empty, strict=True))

    return max(tries, key=total)


def answer_all(
    train: Sequence[tuple[str, str]],
    new: Sequence[tuple[str, str]],
    score: Callable[[int, str], float],
) -> list[str]:
    """Answers for ``new`` pairs of question and text; ``score(number, answer)`` is that of a training example."""
    weight = weights([text for _, text in {text: (question, text) for question, text in train}.values()])
    found = [find_answer(question, text, weight) for question, text in train]
    gains = [score(at, answer) for at, (answer, _) in enumerate(found)]
    threshold = best_threshold([share for _, share in found], gains, [score(at, "") for at in range(len(found))])
    answers = (find_answer(question, text, weight) for question, text in new)
    return [answer if share >= threshold else "" for answer, share in answers]
