"""chrF and chrF++ against sacrebleu: counts, scores, signatures, on drawn and on real texts."""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from groundup.stack.tasks.metrics.chrf import Chrf, corpus_chrf, sentence_chrf

sacrebleu = pytest.importorskip("sacrebleu.metrics")

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[5] / "shared" / "data")) / "multi30k"
WORDS = (
    "the",
    "The",
    "cat",
    "(hi)",
    "«x»",
    "end.",
    "...",
    ".",
    "a",
    "漢字",
    "🦙",
    "e\u0301",
    "\u3000",
    "\x1c",
    "\t",
    "",
)
TEXTS = st.one_of(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), st.text("ab .(", max_size=9), st.text())
PAIRS = st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=4)
SETTINGS = st.fixed_dictionaries(
    {
        "char_order": st.sampled_from([6, 6, 3, 0]),
        "word_order": st.sampled_from([0, 1, 2, 3]),
        "beta": st.sampled_from([2, 2, 1, 3]),
        "lowercase": st.booleans(),
        "whitespace": st.booleans(),
        "eps_smoothing": st.booleans(),
    }
)


@settings(deadline=None, max_examples=200)
@given(PAIRS, SETTINGS)
def test_it_is_sacrebleus(pairs: list[tuple[str, list[str]]], chosen: dict[str, Any]) -> None:
    assume(chosen["char_order"] + chosen["word_order"])
    hypotheses, references = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    theirs, ours = sacrebleu.CHRF(**chosen), Chrf(**chosen)
    streams = list(itertools.zip_longest(*references))
    statistics = theirs._extract_corpus_statistics(hypotheses, streams)
    assert ours.statistics(hypotheses, references).tolist() == statistics
    score = theirs.corpus_score(hypotheses, streams)
    assert ours.corpus(hypotheses, references) == pytest.approx(score.score, abs=1e-9)
    assert ours.name == score.name
    assert ours.signature(references) == str(theirs.get_signature()).rpartition("|version")[0]
    alone = theirs.sentence_score(*pairs[0]).score
    assert sentence_chrf(*pairs[0], **chosen) == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize("word_order", [0, 2])
def test_real_texts(word_order: int) -> None:
    if not DATA.is_dir():
        pytest.skip("no Multi30k (set GROUNDUP_DATA)")
    german = (DATA / "val.de").read_text(encoding="utf-8").splitlines()
    drawn = random.Random(0)
    worse = [" ".join(word for word in line.split() if drawn.random() > 0.2) for line in german]
    ours = corpus_chrf(worse, [[line] for line in german], word_order=word_order)
    assert 50 < ours < 95
    assert ours == pytest.approx(sacrebleu.CHRF(word_order=word_order).corpus_score(worse, [german]).score, abs=1e-9)


def test_an_ending_costs_less_than_a_word() -> None:
    reference = "die kleinen hunde laufen"
    ending, other = "die kleine hund laufen", "die katzen schlafen laufen"
    assert sentence_chrf(ending, [reference]) > 1.5 * sentence_chrf(other, [reference])
    assert sentence_chrf(reference, [other, reference]) == 100


def test_settings_that_leave_nothing() -> None:
    for chosen in ({"char_order": 0}, {"char_order": -1, "word_order": 3}, {"word_order": -1}):
        with pytest.raises(ValueError, match="chrF counts runs of 1 or more"):
            Chrf(**chosen)
    with pytest.raises(ValueError, match="beta must be positive, not 0"):
        Chrf(beta=0)
    with pytest.raises(ValueError, match="hypothesis 0 has no reference"):
        corpus_chrf(["a"], [[]])
