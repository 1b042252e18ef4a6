"""BLEU against sacrebleu: words, counts, scores, signatures, on drawn and on real texts."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.stack.tasks.metrics.bleu import Bleu, corpus_bleu, sentence_bleu
from groundup.stack.tasks.metrics.words import TOKENIZERS, tokenize

sacrebleu = pytest.importorskip("sacrebleu.metrics")

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[5] / "shared" / "data")) / "multi30k"
WORDS = (
    "the", "The", "cat", "a", "3.14", "1,000", "U.S.", "don't", "e-mail", "2-3", "(x)", "&amp;lt;", "&quot;",
    "<skipped>", "-\n", "\n", "…", "“q”", "漢字", "日本語", "🦙", "½", "²", "a.,b", "5.", "..", ",", "$5", "«x»",
    "\u3000", "\x1c", "\u2028", "१२", "٣.٤", " ", "",
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=10).map(" ".join),
    st.lists(st.sampled_from(WORDS), max_size=6).map("".join),
    st.text(alphabet="ab .,-1$\n&<漢…", max_size=12),
)
PAIRS = st.lists(
    st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3), st.booleans()).map(
        lambda drawn: (drawn[0], [drawn[0] + " the", *drawn[1]] if drawn[2] else drawn[1])
    ),
    min_size=1,
    max_size=4,
)
SMOOTHINGS = st.sampled_from(
    [("exp", None), ("none", None), ("floor", None), ("floor", 0.5), ("floor", 0), ("add-k", None), ("add-k", 0.25)]
)


def streams(references: list[list[str]]) -> list[tuple[str | None, ...]]:
    """Their layout: first the first reference of each hypothesis, then the second, None where there is none."""
    return list(itertools.zip_longest(*references))


@settings(deadline=None, max_examples=150)
@given(PAIRS, st.sampled_from(sorted(TOKENIZERS)), SMOOTHINGS, st.booleans(), st.booleans(), st.integers(1, 5))
def test_it_is_sacrebleus(
    pairs: list[tuple[str, list[str]]],
    tokenizer: str,
    smoothing: tuple[str, float | None],
    lowercase: bool,
    effective: bool,
    order: int,
) -> None:
    hypotheses, references = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    theirs = sacrebleu.BLEU(
        lowercase=lowercase, force=True, tokenize=tokenizer, smooth_method=smoothing[0], smooth_value=smoothing[1],
        effective_order=effective, max_ngram_order=order,
    )  # fmt: skip
    ours = Bleu(tokenizer, lowercase, *smoothing, order, effective)
    statistics = theirs._extract_corpus_statistics(hypotheses, streams(references))
    assert ours.statistics(hypotheses, references).tolist() == statistics
    wanted, found = theirs.corpus_score(hypotheses, streams(references)), ours.corpus(hypotheses, references)
    assert found.score == pytest.approx(wanted.score, abs=1e-9)
    assert found.precisions == pytest.approx(wanted.precisions, abs=1e-9)
    assert (found.brevity, found.length, found.reference_length) == (wanted.bp, wanted.sys_len, wanted.ref_len)
    # Add-k leaves its k in sacrebleu's counts; ours are what was counted.
    assert [*found.matches, *found.totals] == np.sum(statistics, axis=0)[2:].tolist()
    assert str(found) == str(wanted)
    assert ours.signature(references) == str(theirs.get_signature()).rpartition("|version")[0]
    for hypothesis, texts in pairs[:1]:
        alone = sacrebleu.BLEU(tokenize=tokenizer, effective_order=True).sentence_score(hypothesis, texts)
        assert sentence_bleu(hypothesis, texts, tokenizer=tokenizer).score == pytest.approx(alone.score, abs=1e-9)


@pytest.mark.parametrize("tokenizer", sorted(TOKENIZERS))
def test_every_old_character_is_cut_as_theirs(tokenizer: str) -> None:
    import unicodedata

    cut: Callable[[str], str] = sacrebleu.BLEU(tokenize=tokenizer).tokenizer
    known = [
        chr(code) for code in range(0x30000) if unicodedata.ucd_3_2_0.category(chr(code)) not in ("Cn", "Cs", "Co")
    ]
    kept = [char for char in known if unicodedata.category(char) == unicodedata.ucd_3_2_0.category(char)]
    assert len(kept) > 90_000
    for start in range(0, len(kept), 50):
        text = "".join(f"x{char}y 1{char}2 {char}" for char in kept[start : start + 50])
        assert tokenize(text, tokenizer) == cut(text.rstrip()).split(), hex(ord(kept[start]))


def test_real_texts() -> None:
    if not DATA.is_dir():
        pytest.skip("no Multi30k (set GROUNDUP_DATA)")
    german = (DATA / "val.de").read_text(encoding="utf-8").splitlines()
    english = (DATA / "val.en").read_text(encoding="utf-8").splitlines()
    drawn = random.Random(0)
    worse = [" ".join(word for word in line.split() if drawn.random() > 0.2) for line in german]
    both = enumerate(zip(german, english, strict=True))
    references = [[line] if place % 3 else [line, other] for place, (line, other) in both]
    for tokenizer in ("13a", "intl"):
        for lowercase in (False, True):
            theirs = sacrebleu.BLEU(lowercase=lowercase, tokenize=tokenizer).corpus_score(worse, streams(references))
            ours = corpus_bleu(worse, references, tokenizer=tokenizer, lowercase=lowercase)
            assert 20 < ours.score < 90
            assert ours.score == pytest.approx(theirs.score, abs=1e-9)
            assert [*ours.matches, *ours.totals] == [*theirs.counts, *theirs.totals]


def test_a_corpus_is_not_the_mean_of_its_sentences() -> None:
    hypotheses = ["the cat sat on the mat and slept", "dogs"]
    references = [["the cat sat on the mat and slept"], ["a small dog"]]
    sentences = [sentence_bleu(*pair).score for pair in zip(hypotheses, references, strict=True)]
    assert sentences == pytest.approx([100, 0])
    # All but one of nine words match, and the one too short line is two words of eleven.
    assert corpus_bleu(hypotheses, references).score > 75
    # Repeating a word that a reference has once counts once (Papineni and others 2002, section 2.1).
    assert corpus_bleu(["the the the the the the the"], [["the cat is on the mat"]]).matches[0] == 2


@pytest.mark.parametrize(
    ("hypotheses", "references", "error", "message"),
    [
        ("a text", [["a text"]], TypeError, r"give a list of texts, \[text\]"),
        (["a"], ["a"], TypeError, "references of hypothesis 0 are one text"),
        (["a", "b"], [["a"]], ValueError, "2 hypotheses, but 1 lists of references"),
        (["a", "b"], [["a"], []], ValueError, "hypothesis 1 has no reference"),
        ([], [], ValueError, "there are no hypotheses"),
    ],
)
def test_texts_that_do_not_pair_up(hypotheses: Any, references: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        corpus_bleu(hypotheses, references)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tokenizer": "13b"}, "tokenizer must be one of 13a, intl, zh, char, none, not '13b'"),
        ({"smoothing": "add"}, "smoothing must be one of exp, floor, add-k, none, not 'add'"),
        ({"smoothing": "exp", "value": 1.0}, "value is the k of floor and add-k"),
        ({"smoothing": "floor", "value": -1.0}, "at least 0: floor with -1.0"),
        ({"order": 0}, "order must be at least 1"),
    ],
)
def test_settings_that_do_not_exist(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Bleu(**given)
    with pytest.raises(ValueError, match="tokenizer must be one of"):
        tokenize("a", "spaces")
