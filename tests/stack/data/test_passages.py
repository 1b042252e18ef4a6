"""Passages are cut from all over a document, and none is shorter than asked."""

from __future__ import annotations

import pytest

from groundup.stack.data.passages import cut_passages
from groundup.stack.data.sets import SEPARATOR


def document(name: str, words: int) -> str:
    return " ".join(f"{name.upper()}{chr(97 + i // 26)}{chr(97 + i % 26)} 7," for i in range(words))


def test_the_longest_documents_are_cut_from_beginning_to_end() -> None:
    text = SEPARATOR.join([document("x", 10), document("y", 31), document("z", 22)])
    found = cut_passages(text, 2, 3, 4)
    assert [number for number, _ in found] == [0, 0, 0, 1, 1, 1]
    assert [words[0] for _, words in found] == ["yaa", "yak", "yau", "zaa", "zah", "zao"]  # 10 and 7 words apart
    assert found[1] == (0, ["yak", "yal", "yam", "yan"])


def test_one_text_becomes_as_many_documents_as_are_asked_for() -> None:
    found = cut_passages(document("x", 60), 3, 2, 5)
    assert [number for number, _ in found] == [0, 0, 1, 1, 2, 2]
    assert len({word for _, words in found for word in words}) == 30, "nothing stands in two passages"


def test_a_text_that_is_too_short_is_refused() -> None:
    assert len(cut_passages(document("x", 24), 1, 6, 4)) == 6
    with pytest.raises(ValueError, match="a document has 23 words, where 24 are needed"):
        cut_passages(document("x", 23), 1, 6, 4)
