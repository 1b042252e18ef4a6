"""SQuAD's scores against values of both official evaluation scripts, and against a second way to compute them."""

from __future__ import annotations

import math
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.stack.tasks.metrics.answers import (
    best_threshold,
    exact_match,
    normalize_answer,
    squad1_scores,
    squad2_scores,
    word_f1,
)

# (answer, gold answers, (exact match, F1) by the script of 1.1, the same by that of 2.0), as the scripts print them.
OFFICIAL = [
    ("The Normans", ["Normans", "the French"], (1, 1), (1, 1)),
    ("  10th   century!", ["10th and 11th centuries", "the 10th century"], (1, 1), (1, 1)),
    ("", [], None, (1, 1)),
    ("the", [], None, (1, 1)),
    ("nothing", [], None, (0, 0)),
    ("", ["Rollo"], (0, 0), (0, 0)),
    ("...", ["Rollo"], (0, 0), (0, 0)),
    ("a dog and a cat and a dog", ["dog, dog, bird", "cat"], (0, 0.5), (0, 0.5)),
    ("Café-bar", ["cafe bar", "café bar"], (0, 0), (0, 0)),
    ("İstanbul", ["istanbul", "i\u0307stanbul"], (1, 1), (1, 1)),
    ("state-of-the-art", ["state of the art", "stateoftheart"], (1, 1), (1, 1)),
    ("«peace»", ["peace"], (0, 0), (0, 0)),
    ("it's", ["its"], (1, 1), (1, 1)),
    ("Anna the thé", ["anna thé"], (1, 1), (1, 1)),
    ("the", ["an", "A."], (1, 0), (1, 1)),
    ("the", ["", "x"], (1, 0), (0, 0)),
]
# The second script's results for all of these, with chances of no answer (7 i mod 16) / 16 + 0.01 and threshold 0.5.
WHOLE = {
    "exact": 50.0, "f1": 53.125, "total": 16, "HasAns_exact": 38.46153846153846, "HasAns_f1": 42.30769230769231,
    "HasAns_total": 13, "NoAns_exact": 100.0, "NoAns_f1": 100.0, "NoAns_total": 3,
    "best_exact": 50.0, "best_exact_thresh": 0.6975, "best_f1": 53.125, "best_f1_thresh": 0.6975,
}  # fmt: skip


@pytest.mark.parametrize(("answer", "golds", "first", "second"), OFFICIAL)
def test_single_answers_are_scored_as_by_the_scripts(
    answer: str, golds: list[str], first: tuple[int, float] | None, second: tuple[int, float]
) -> None:
    found = squad2_scores([answer], [golds])
    assert (found["exact"], found["f1"]) == pytest.approx((100 * second[0], 100 * second[1]))
    if first is not None:
        found = squad1_scores([answer], [golds])
        assert (found["exact_match"], found["f1"]) == pytest.approx((100 * first[0], 100 * first[1]))


def test_a_whole_set_is_scored_as_by_the_script() -> None:
    """But for the best threshold: the script takes the answer "the" to a question without one for wrong, and is then
    at odds with its own score of that answer; without it both agree."""
    nulls = [(7 * at % 16) / 16 + 0.01 for at in range(16)]
    answers, golds = [one[0] for one in OFFICIAL], [one[1] for one in OFFICIAL]
    found = squad2_scores(answers, golds, nulls, 0.5)
    same = {name: value for name, value in WHOLE.items() if not name.startswith("best")}
    assert {name: found[name] for name in same} == pytest.approx(same)
    assert set(found) == set(WHOLE)
    answers[3] = ""
    found = squad2_scores(answers, golds, nulls, 0.5)
    assert found["best_f1"] > WHOLE["best_f1"]
    reached = squad2_scores(answers, golds, nulls, found["best_f1_thresh"])
    assert reached["f1"] == pytest.approx(found["best_f1"])


# ── a second way ─────────────────────────────────────────────────────────────


def words_of(text: str) -> list[str]:
    """By characters: what stands between two non-word characters, or a border, and is an article, goes."""
    kept = "".join([char for char in text.lower() if char not in string.punctuation])
    words, word = [], ""
    for char in kept + " ":
        if char.isalnum() or char == "_":
            word += char
            continue
        words += [word if word not in ("a", "an", "the") else " ", char]
        word = ""
    return "".join(words).split()


def overlap(ours: list[str], theirs: list[str]) -> float:
    """F1 as 2 · shared / all, by crossing words out one at a time."""
    left = list(theirs)
    shared = 0
    for one in ours:
        if one in left:
            left.remove(one)
            shared += 1
    return 2 * shared / (len(ours) + len(theirs)) if ours or theirs else 1.0


PIECES = ["the", "a", "An", "THE", "normans", "Normans!", "cat,", "dog", "«", "–", "é", "ß", "İ", "the-end", "a.b",
          "\u00a0", "\u2003", "\t", "'tis", "“the”", "thé", "the\u200bx", "a\u0301", "_the_", "漢字", "½"]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=5).map(" ".join) | st.text(max_size=10)


@settings(max_examples=400, deadline=None)
@given(answer=TEXTS, gold=TEXTS)
def test_normalization_match_and_f1(answer: str, gold: str) -> None:
    ours, theirs = words_of(answer), words_of(gold)
    assert normalize_answer(answer) == " ".join(ours)
    assert exact_match(answer, gold) == (ours == theirs)
    assert word_f1(answer, gold) == pytest.approx(overlap(ours, theirs))
    if not ours and not theirs:
        assert word_f1(answer, gold, empty=0.0) == 0
    assert word_f1(answer, gold) == pytest.approx(word_f1(gold, answer))


ROWS = st.lists(st.tuples(TEXTS, st.lists(TEXTS, max_size=3), st.integers(-3, 3)), min_size=1, max_size=9)


@settings(max_examples=300, deadline=None)
@given(rows=ROWS, threshold=st.integers(-4, 4))
def test_scores_of_a_set_and_the_best_threshold(rows: list[tuple[str, list[str], int]], threshold: int) -> None:
    """Thresholds are tried one by one; several questions share a value."""
    answers, golds, nulls = [one[0] for one in rows], [one[1] for one in rows], [float(one[2]) for one in rows]

    def mean(limit: float, kind: bool | None = None) -> float | None:
        scores = []
        for answer, texts, null in zip(answers, golds, nulls, strict=True):
            kept = [one for one in texts if words_of(one)] or [""]
            score = max(overlap(words_of(answer), words_of(one)) for one in kept)
            if kind in (None, bool(texts)):
                scores.append(float(not texts) if null > limit else score)
        return 100 * sum(scores) / len(scores) if scores else None

    found = squad2_scores(answers, golds, nulls, threshold)
    for name, kind in (("f1", None), ("HasAns_f1", True), ("NoAns_f1", False)):
        expected = mean(threshold, kind)
        assert (name in found) == (expected is not None)
        assert expected is None or found[name] == pytest.approx(expected)
    tried = [mean(limit) or 0.0 for limit in (-math.inf, *nulls)]
    assert found["best_f1"] == pytest.approx(max(tried))
    assert mean(found["best_f1_thresh"]) == pytest.approx(max(tried))
    assert found["best_exact"] <= found["best_f1"] + 1e-9


def test_a_threshold_is_set_between_questions_that_differ_only() -> None:
    """Two questions of the same value, one of which is answered rightly: either both are answered or none."""
    assert best_threshold([1.0, 0.0], [0.5, 0.5], [True, False]) == (50.0, -math.inf)
    assert best_threshold([1.0, 0.0], [0.5, 0.6], [True, False]) == (100.0, 0.5)
    assert best_threshold([0.0], [-3.0], [True]) == (0.0, -math.inf)
    assert best_threshold([1.0], [-3.0], [True]) == (100.0, -3.0)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="1 answers to 2 questions"):
        squad2_scores(["a"], [["a"], ["b"]])
    with pytest.raises(ValueError, match="no answer to score"):
        squad1_scores([], [])
    with pytest.raises(ValueError, match="question 1 has no gold answer"):
        squad1_scores(["a", "b"], [["a"], []])
    with pytest.raises(ValueError, match="not one text"):
        squad1_scores(["a"], ["answer"])
    with pytest.raises(ValueError, match="not one text"):
        squad2_scores(["a", "b"], [["a"], "answer"])
    with pytest.raises(ValueError, match="2 values for no answer, and 1 answers"):
        squad2_scores(["a"], [["a"]], [0.0, 1.0])
    with pytest.raises(ValueError, match="NaN"):
        best_threshold([1.0], [math.nan], [True])
    with pytest.raises(ValueError, match="got 1, 2, 1"):
        best_threshold([1.0], [0.0, 1.0], [True])
