"""TER against sacrebleu: edits, scores, signatures, on drawn and on real texts."""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.stack.tasks.metrics.ter import Ter, corpus_ter, edits

sacrebleu = pytest.importorskip("sacrebleu.metrics")

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[5] / "shared" / "data")) / "multi30k"
WORDS = ("a", "b", "B", "c,", "(d)", "e!", "f", "漢", "\u3000", "")


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A reference, of which runs are moved and words exchanged, and others that have nothing to do with it."""
    reference = draw(st.lists(st.sampled_from(WORDS), max_size=14))
    words = list(reference)
    for _ in range(draw(st.integers(0, 3))):
        start, end, target = (draw(st.integers(0, len(words))) for _ in range(3))
        run = words[start:end]
        del words[start:end]
        words[target:target] = run
        if words and draw(st.booleans()):
            words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(WORDS))
    others = draw(st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=2))
    return " ".join(words), [*others, " ".join(reference)]


@settings(deadline=None, max_examples=150)
@given(st.lists(pairs(), min_size=1, max_size=3), st.booleans(), st.booleans())
def test_it_is_sacrebleus(drawn: list[tuple[str, list[str]]], case_sensitive: bool, punctuation: bool) -> None:
    hypotheses, references = [pair[0] for pair in drawn], [pair[1] for pair in drawn]
    theirs = sacrebleu.TER(case_sensitive=case_sensitive, no_punct=not punctuation)
    ours = Ter(case_sensitive, punctuation)
    streams = list(itertools.zip_longest(*references))
    assert ours.statistics(hypotheses, references).tolist() == theirs._extract_corpus_statistics(hypotheses, streams)
    wanted = theirs.corpus_score(hypotheses, streams).score
    assert ours.corpus(hypotheses, references) == pytest.approx(wanted, abs=1e-9)
    assert ours.signature(references) == str(theirs.get_signature()).rpartition("|version")[0]


@pytest.mark.parametrize(
    ("length", "other", "kinds"), [(55, 55, 3), (80, 40, 30), (2, 80, 4), (80, 2, 4), (45, 45, 500)]
)
def test_long_sentences_meet_the_limits_of_the_search(length: int, other: int, kinds: int) -> None:
    """More than 1000 shifts to try, runs of more than ten words, tables that are not filled in whole."""
    drawn = random.Random(length)
    words = [str(drawn.randrange(kinds)) for _ in range(length)]
    reference = (words[length // 2 :] + words[: length // 2] + [str(drawn.randrange(kinds)) for _ in range(other)])[
        :other
    ]
    theirs = sacrebleu.TER()._extract_corpus_statistics([" ".join(words)], [[" ".join(reference)]])
    assert edits(words, reference) == theirs[0][0]


def test_real_texts() -> None:
    if not DATA.is_dir():
        pytest.skip("no Multi30k (set GROUNDUP_DATA)")
    german = (DATA / "val.de").read_text(encoding="utf-8").splitlines()[:150]
    drawn = random.Random(0)
    worse = []
    for line in german:
        words = [word for word in line.split() if drawn.random() > 0.15]
        cut = drawn.randint(0, len(words))
        worse.append(" ".join(words[cut:] + words[:cut]))
    ours = corpus_ter(worse, [[line] for line in german])
    assert 10 < ours < 60
    assert ours == pytest.approx(sacrebleu.TER().corpus_score(worse, [german]).score, abs=1e-9)


def test_a_moved_run_is_one_edit() -> None:
    reference = ["yesterday", "in", "town", "the", "dog", "bit", "a", "man"]
    assert edits(reference[3:] + reference[:3], reference) == 1
    assert edits([], reference) == len(reference)
    assert edits(reference, []) == len(reference)
    assert Ter().sentence("", [""]) == 0
    assert Ter().sentence("a", [""]) == 100
    with pytest.raises(ValueError, match="hypothesis 0 has no reference"):
        corpus_ter(["a"], [[]])
