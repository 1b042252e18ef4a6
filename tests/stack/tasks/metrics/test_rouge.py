"""ROUGE against rouge-score: words, scores, several references, intervals, on drawn and on real texts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.stack.tasks.metrics.rouge import Rouge, RougeScore, aggregate, common_length, tokenize

scorer = pytest.importorskip("rouge_score.rouge_scorer")
scoring = pytest.importorskip("rouge_score.scoring")

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[5] / "shared" / "data")) / "scitldr"
KINDS = ("rouge1", "rouge2", "rouge4", "rougeL", "rougeLsum")
WORDS = ("the", "The", "cat", "cats", "running", "3.14", "naïve", "don't", "漢字", "_", "\n", "\n\n", "a", "b", "skies")
TEXTS = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join),
    st.text("ab \n", max_size=24),
    st.lists(st.sampled_from("ab\n"), max_size=30).map(" ".join),
    st.text(),
)
SEQUENCES = st.lists(st.sampled_from("abc"), max_size=150)


@settings(deadline=None, max_examples=300)
@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3), st.booleans())
def test_it_is_rouge_scores(hypothesis: str, references: list[str], stem: bool) -> None:
    theirs = scorer.RougeScorer(KINDS, use_stemmer=stem)
    assert tokenize(hypothesis, stem) == theirs._tokenizer.tokenize(hypothesis)
    wanted, found = theirs.score_multi(references, hypothesis), Rouge(KINDS, stem).score(hypothesis, references)
    for kind in KINDS:
        assert found[kind] == pytest.approx(tuple(wanted[kind]), abs=1e-12), kind


@settings(deadline=None)
@given(SEQUENCES, SEQUENCES)
def test_the_longest_common_subsequence_beyond_a_machine_word(one: list[str], other: list[str]) -> None:
    row = [0] * (len(other) + 1)
    for item in one:
        above = row
        row = [0]
        for place, against in enumerate(other):
            row.append(above[place] + 1 if item == against else max(row[place], above[place + 1]))
    assert common_length(one, other) == row[-1]


@pytest.mark.parametrize("stem", [False, True])
def test_real_texts(stem: bool) -> None:
    if not DATA.is_dir():
        pytest.skip("no SciTLDR (set GROUNDUP_DATA)")
    lines = (DATA / "dev300.jsonl").read_text(encoding="utf-8").splitlines()
    papers = [json.loads(line) for line in lines[:80]]
    hypotheses = ["\n".join(paper["source"][:5]) for paper in papers]
    references = [list(paper["target"]) for paper in papers]
    theirs, ours = scorer.RougeScorer(KINDS, use_stemmer=stem), Rouge(KINDS, stem)
    wanted = [theirs.score_multi(*pair) for pair in zip(references, hypotheses, strict=True)]
    found = [ours.score(*pair) for pair in zip(hypotheses, references, strict=True)]
    for one, other in zip(found, wanted, strict=True):
        for kind in KINDS:
            assert one[kind] == pytest.approx(tuple(other[kind]), abs=1e-12)
    means = ours.corpus(hypotheses, references)
    for kind in KINDS:
        assert means[kind] == pytest.approx(tuple(np.mean([other[kind] for other in wanted], axis=0)), abs=1e-12)
    assert means["rougeL"].recall > 0.1


@pytest.mark.parametrize(("level", "resamples", "seed"), [(0.95, 200, 0), (0.5, 33, 7), (1.0, 10, 1), (0.0, 9, 2)])
def test_intervals_are_its_aggregators(
    monkeypatch: pytest.MonkeyPatch, level: float, resamples: int, seed: int
) -> None:
    drawn = np.random.default_rng(3)
    table = drawn.random((17, 2, 3))
    scores = [{"rouge1": RougeScore(*row[0]), "rougeL": RougeScore(*row[1])} for row in table.tolist()]
    theirs = scoring.BootstrapAggregator(confidence_interval=level, n_samples=resamples)
    for score in scores:
        theirs.add_scores({kind: scoring.Score(*values) for kind, values in score.items()})
    # Theirs draws from NumPy's global numbers; the same draws must give the same intervals.
    generator = np.random.default_rng(seed)
    monkeypatch.setattr(np.random, "choice", lambda places, size: generator.integers(len(places), size=size))
    wanted, found = theirs.aggregate(), aggregate(scores, level, resamples, seed)
    assert found.keys() == wanted.keys()
    for kind, interval in found.items():
        assert np.array(interval) == pytest.approx(np.array([list(end) for end in wanted[kind]]), abs=1e-12)


def test_order_matters_to_the_longest_subsequence_only() -> None:
    scores = Rouge(("rouge1", "rougeL")).score("the gunman police killed", ["police killed the gunman"])
    assert scores["rouge1"].f == 1
    assert scores["rougeL"] == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("kinds", [(), ("rouge0",), ("rougel",), ("rouge1", "rouge10"), ("bleu",)])
def test_kinds_that_do_not_exist(kinds: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="kinds are of rouge1 to rouge9, rougeL and rougeLsum"):
        Rouge(kinds)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scores": []}, "got 0 scores"),
        ({"level": 1.5}, "a level from 0 to 1"),
        ({"resamples": 0}, "scores, resamples and a level"),
    ],
)
def test_intervals_of_nothing(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        aggregate(**{"scores": [{"rouge1": RougeScore(1.0, 1.0, 1.0)}], **given})


def test_references_are_lists() -> None:
    with pytest.raises(TypeError, match=r"give a list of texts, \[text\]"):
        Rouge().score("a", "a")
    with pytest.raises(ValueError, match="hypothesis 0 has no reference"):
        Rouge().score("a", [])
    with pytest.raises(ValueError, match="1 hypotheses, but 2 lists of references"):
        Rouge().corpus(["a"], [["a"], ["b"]])
