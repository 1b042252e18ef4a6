"""Passages: a few long documents, each cut into pieces of equally many words, to learn which piece is whose."""

from __future__ import annotations

import re

from groundup.stack.data.sets import SEPARATOR


def cut_passages(text: str, documents: int, each: int, words: int) -> list[tuple[int, list[str]]]:
    """``each`` passages of so many ``words``, in lower case, from all over each of the longest ``documents``.

    Returns (number of the document, words), one document after the other. A text of fewer documents (they stand
    :data:`~groundup.stack.data.sets.SEPARATOR` apart) is cut into as many equal parts. Raises ValueError where a
    document is too short.
    """
    found = sorted(text.split(SEPARATOR), key=len, reverse=True)[:documents]
    if len(found) < documents:
        found = [text[i * len(text) // documents : (i + 1) * len(text) // documents] for i in range(documents)]
    passages = []
    for number, document in enumerate(found):
        there = re.findall(r"[^\W\d_]+", document.lower())
        if len(there) < each * words:
            raise ValueError(f"a document has {len(there)} words, where {each * words} are needed: a smaller scale")
        stride = len(there) // each
        passages += [(number, there[i * stride : i * stride + words]) for i in range(each)]
    return passages
