"""Porter's stemmer against NLTK's in both of its ways, and against the Snowball project's list of 1980's stems."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.stack.tasks.metrics import porter
from groundup.stack.tasks.metrics.porter import measure, stem

nltk = pytest.importorskip("nltk.stem")

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[5] / "shared" / "data")) / "snowball"
SUFFIXES = (
    "s", "ies", "sses", "ss", "ed", "ied", "eed", "ing", "y", "ational", "tional", "enci", "anci", "izer", "abli",
    "bli", "alli", "entli", "eli", "ousli", "ization", "ation", "ator", "alism", "iveness", "fulness", "ousness",
    "aliti", "iviti", "biliti", "fulli", "logi", "icate", "ative", "alize", "iciti", "ical", "ful", "ness", "al",
    "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "sion", "tion", "ou", "ism",
    "ate", "iti", "ous", "ive", "ize", "e", "ll", "at", "bl", "iz", "tt",
)  # fmt: skip
LETTERS = st.text("abeioyystlwxz", max_size=5)
WORDS = st.one_of(
    st.lists(st.one_of(LETTERS, st.sampled_from(SUFFIXES)), max_size=4).map("".join),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="*"), max_size=8),
    st.sampled_from(["dying", "Skies", "news", "cannings", "İ", "O'Neill", "naïvely", "yyyy", "2nds"]),
)


@cache
def theirs(extended: bool) -> nltk.PorterStemmer:
    kind = nltk.PorterStemmer
    return kind(kind.NLTK_EXTENSIONS if extended else kind.ORIGINAL_ALGORITHM)


@settings(deadline=None, max_examples=1500)
@given(WORDS, st.booleans())
def test_drawn_words_stem_as_nltks(word: str, extended: bool) -> None:
    assert stem(word, extended) == theirs(extended).stem(word)


def test_the_real_vocabulary_stems_as_nltks_and_as_snowballs() -> None:
    if not DATA.is_dir():
        pytest.skip("no vocabulary of Snowball (set GROUNDUP_DATA)")
    words = (DATA / "porter" / "voc.txt").read_text(encoding="utf-8").splitlines()
    stems = (DATA / "porter" / "output.txt").read_text(encoding="utf-8").splitlines()
    more = (DATA / "english" / "voc.txt").read_text(encoding="utf-8").splitlines()
    assert len(words) == len(stems) > 20_000
    assert [word for word, wanted in zip(words, stems, strict=True) if stem(word, extended=False) != wanted] == []
    assert [word for word in {*words, *more} if stem(word) != theirs(True).stem(word)] == []


def test_the_table_of_differences_is_true() -> None:
    table = porter.__doc__ or ""
    examples = re.findall(r"(\w+): (\w+),\s+(\w+)", table)
    assert len(examples) >= 10
    for word, then, now in examples:
        assert (stem(word, extended=False), stem(word)) == (then, now)
    assert {word: measure(word) for word in ("tree", "trouble", "troubles", "by", "oaten")} == {
        "tree": 0, "trouble": 1, "troubles": 2, "by": 0, "oaten": 2,
    }  # fmt: skip
    assert stem("relational") == "relat" and stem("rational") == "ration"
    assert stem("university") == stem("universe") == "univers"
