"""Whole words as tokens: cutting, numbering, and texts made of words again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.stack.text.words import SPECIALS, WordTokenizer, cut_words, join_words


def test_the_most_frequent_words_have_the_first_numbers() -> None:
    tokenizer = WordTokenizer.learned(["b a, a", "c b; a c"], 7)
    assert tokenizer.words == [*SPECIALS, "a", "b", "c"], "as frequent ones by their letters"
    assert tokenizer.encode("c, a d") == [6, 3, 4, 3]
    assert tokenizer.vocab_size == 7
    assert tokenizer.decode([4, 3, 5]) == "a <unk> b"
    assert tokenizer.added == {word: at for at, word in enumerate(SPECIALS)}
    assert WordTokenizer.learned([], 7).vocab_size == WordTokenizer.learned(["a"], 2).vocab_size == 4


@given(st.text())
def test_a_text_is_its_words(text: str) -> None:
    tokenizer = WordTokenizer.learned([text], 10**6)
    ids, spans = tokenizer.encode_with_offsets(text)
    words = cut_words(text)
    assert [text[begin:end] for begin, end in spans] == words == [tokenizer.words[one] for one in ids]
    assert "".join(words) == "".join(text.split())
    assert ids == tokenizer.encode(text)
    assert b"".join(map(tokenizer.token_bytes, ids)).decode() == "".join(words)
    assert cut_words(tokenizer.decode(ids)) == words, "joined and cut again, they are the same"


def test_spaces_are_where_they_mostly_are() -> None:
    for text in ("A man, a plan: (no) canal!", "it's 5 % of [7]; or?"):
        assert join_words(cut_words(text)) == text.replace("5 %", "5%")


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="'a' comes twice"):
        WordTokenizer(["a", "b", "a"])
    with pytest.raises(ValueError, match="'<unk>' comes twice"):
        WordTokenizer(["<unk>"])
    tokenizer = WordTokenizer(["a"])
    for wrong in (5, -1):
        with pytest.raises(ValueError, match=f"id {wrong} is not in this vocabulary, whose ids end at 4"):
            tokenizer.decode([wrong])
        assert tokenizer.token_bytes(wrong) == b""
