"""How SQuAD measures answers: exact match and F1 of words, the best over all gold answers, and a threshold for none.

    "The  Normans!" ── small letters, no punctuation, no articles, single spaces ──► "normans"
    exact match    1 where both are the same then, else 0
    F1             2 p r / (p + r): p, r the shares of the answer's and of the gold answer's words that the other has

A question has several gold answers, of which the nearest counts; a question of SQuAD 2.0 may have none: then the right
answer is the empty one. All scores are percent.

Rajpurkar and others, "SQuAD: 100,000+ Questions for Machine Comprehension of Text" (2016), section 6.1; Rajpurkar, Jia
and Liang, "Know What You Don't Know" (2018). Words and numbers are those of both official evaluation scripts: that of
1.1 gives an F1 of 0 where no word is left of an answer, that of 2.0 an F1 of 1 where none is left of either.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Small letters without ASCII's punctuation and English articles, one space between words."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, gold: str) -> float:
    """1 where both are the same when normalized, else 0."""
    return float(normalize_answer(answer) == normalize_answer(gold))


def word_f1(answer: str, gold: str, *, empty: float = 1.0) -> float:
    """The harmonic mean of precision and recall of words, each counted as often as both have it.

    ``empty`` is the F1 where both are empty when normalized: 1 in SQuAD 2.0, 0 in 1.1.
    """
    ours, theirs = normalize_answer(answer).split(), normalize_answer(gold).split()
    if not ours and not theirs:
        return empty
    same = (Counter(ours) & Counter(theirs)).total()
    if same == 0:
        return 0.0
    precision, recall = same / len(ours), same / len(theirs)
    return 2 * precision * recall / (precision + recall)


def squad1_scores(answers: Sequence[str], golds: Sequence[Sequence[str]]) -> dict[str, float]:
    """SQuAD 1.1's ``exact_match`` and ``f1``. ``golds`` has one or more texts for each answer.

    Raises ValueError where there are no answers, not as many as questions, or a question without a gold answer.
    """
    _check(answers, golds)
    for at, texts in enumerate(golds):
        if not texts:
            raise ValueError(f"question {at} has no gold answer: SQuAD 1.1 has none such, take squad2_scores")
    pairs = list(zip(answers, golds, strict=True))
    matches = [max(exact_match(answer, one) for one in texts) for answer, texts in pairs]
    f1s = [max(word_f1(answer, one, empty=0.0) for one in texts) for answer, texts in pairs]
    return {"exact_match": _percent(matches), "f1": _percent(f1s)}


def squad2_scores(
    answers: Sequence[str],
    golds: Sequence[Sequence[str]],
    nulls: Sequence[float] | None = None,
    threshold: float = 1.0,
) -> dict[str, float]:
    """SQuAD 2.0's ``exact`` and ``f1`` of all questions, of those that have an answer (HasAns) and of those without.

    ``golds`` has a question's texts, none where it cannot be answered. An answer whose value in ``nulls`` is above the
    ``threshold`` counts as the empty one; with ``nulls`` come ``best_exact`` and ``best_f1``, each with the threshold
    at which it is reached (:func:`best_threshold`). Raises ValueError where the lengths differ or are 0.
    """
    _check(answers, golds)
    if nulls is not None and len(nulls) != len(answers):
        raise ValueError(f"{len(nulls)} values for no answer, and {len(answers)} answers")
    answerable = [bool(texts) for texts in golds]
    result: dict[str, float] = {}
    parts = (("", None), ("HasAns_", True), ("NoAns_", False))
    raw = {"exact": _best_of(answers, golds, exact_match), "f1": _best_of(answers, golds, word_f1)}
    for prefix, kind in parts:
        places = [at for at, one in enumerate(answerable) if kind is None or one == kind]
        for name, values in raw.items():
            if places:
                silent = [nulls is not None and nulls[at] > threshold for at in places]
                result[prefix + name] = _percent(
                    [float(not answerable[at]) if no else values[at] for at, no in zip(places, silent, strict=True)]
                )
        if places:
            result[f"{prefix}total"] = float(len(places))
    if nulls is not None:
        for name, values in raw.items():
            result[f"best_{name}"], result[f"best_{name}_thresh"] = best_threshold(values, nulls, answerable)
    return result


def best_threshold(values: Sequence[float], nulls: Sequence[float], answerable: Sequence[bool]) -> tuple[float, float]:
    """(the best mean score in percent, the threshold that reaches it) when answers above a threshold become empty.

    ``values`` are the scores of the answers as they are, 0 to 1; ``nulls`` says how likely each question has none, by
    any scale. The threshold is the ``nulls`` of one question, which is still answered, or -inf where it is best to
    answer none; of several that are equally good it is the smallest.

    The official script also looks at thresholds between questions with the same ``nulls``, which nobody can set, and
    takes an answer for wrong that has no word; this one gives what a threshold gives. It is to be chosen on data that
    is not reported on. Raises ValueError where the lengths differ or are 0, or a value is NaN.
    """
    if not len(values) == len(nulls) == len(answerable) or not values:
        raise ValueError(f"one value of each kind a question: got {len(values)}, {len(nulls)}, {len(answerable)}")
    if any(math.isnan(one) for one in nulls):
        raise ValueError("a value for no answer is NaN: no threshold can be set")
    order = sorted(range(len(nulls)), key=lambda at: nulls[at])
    total = float(sum(not one for one in answerable))  # nothing is answered
    best, threshold = total, -math.inf
    for rank, at in enumerate(order):
        total += values[at] - (not answerable[at])
        last = rank + 1 == len(order) or nulls[order[rank + 1]] != nulls[at]
        if last and total > best:
            best, threshold = total, nulls[at]
    return 100 * best / len(values), threshold


def _best_of(
    answers: Sequence[str], golds: Sequence[Sequence[str]], measure: Callable[[str, str], float]
) -> list[float]:
    """Each answer's score by the gold answer that is nearest; gold answers without a word are none."""
    scores = []
    for answer, texts in zip(answers, golds, strict=True):
        kept = [one for one in texts if normalize_answer(one)] or [""]
        scores.append(max(measure(answer, one) for one in kept))
    return scores


def _check(answers: Sequence[str], golds: Sequence[Sequence[str]]) -> None:
    if len(answers) != len(golds):
        raise ValueError(f"{len(answers)} answers to {len(golds)} questions")
    if not answers:
        raise ValueError("there is no answer to score")
    if any(isinstance(texts, str) for texts in golds):
        raise ValueError("gold answers are a list of texts for each question, not one text")


def _percent(values: Sequence[float]) -> float:
    return 100 * sum(values) / len(values)
