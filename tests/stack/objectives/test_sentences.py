"""Pairs of sentences: how often which, from where, and what must not give the label away.

Shares are held to 6.5 deviations of a binomial with the n that stands there: beyond that once in 10^10.
"""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from groundup.stack.objectives import Pair, join_pairs, next_sentence, sentence_order, sentence_relation

# Sentence s of document d is [10 d + s] and some more of it: a pair tells where it came from.
DOCUMENTS = [[[10 * d + s] * (1 + s % 3) for s in range(length)] for d, length in enumerate([4, 1, 5, 0, 3], start=1)]
N = 6000


def draw(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def near(count: float, n: int, share: float) -> None:
    assert abs(count - n * share) < 6.5 * (n * share * (1 - share)) ** 0.5, (count, n, share)


def test_half_of_the_second_sentences_follow_and_half_are_of_other_documents() -> None:
    pairs = next_sentence(DOCUMENTS, N, draw(0))
    assert pairs == next_sentence(DOCUMENTS, N, draw(0))
    assert pairs != next_sentence(DOCUMENTS, N, draw(1))
    near(sum(pair.label for pair in pairs), N, 0.5)
    for pair in pairs:
        first, second = pair.first[0], pair.second[0]
        assert (second == first + 1) if pair.label == 0 else (second // 10 != first // 10)
    firsts = Counter(pair.first[0] for pair in pairs)
    assert set(firsts) == {10, 11, 12, 30, 31, 32, 33, 50, 51}, "whatever has a next one"
    for label in (0, 1):  # the first sentence does not give the label away
        mine = [pair for pair in pairs if pair.label == label]
        for count in Counter(pair.first[0] for pair in mine).values():
            near(count, len(mine), 1 / 9)
    others = [pair.second[0] for pair in pairs if pair.label and pair.first[0] // 10 == 3]
    counts = Counter(others)
    assert set(counts) == {10, 11, 12, 13, 20, 50, 51, 52}
    for count in counts.values():
        near(count, len(others), 1 / 8)


def test_half_of_the_pairs_in_order_are_swapped() -> None:
    pairs = sentence_order(DOCUMENTS, N, draw(0))
    assert pairs == sentence_order(DOCUMENTS, N, draw(0))
    near(sum(pair.label for pair in pairs), N, 0.5)
    assert all(pair.second[0] - pair.first[0] == (-1 if pair.label else 1) for pair in pairs)
    counts = Counter(min(pair.first[0], pair.second[0]) for pair in pairs)
    assert set(counts) == {10, 11, 12, 30, 31, 32, 33, 50, 51}
    for count in counts.values():
        near(count, N, 1 / 9)


def test_a_third_each_follows_stands_before_and_is_of_another_document() -> None:
    pairs = sentence_relation(DOCUMENTS, N, draw(0))
    assert pairs == sentence_relation(DOCUMENTS, N, draw(0))
    for label in range(3):
        mine = [pair for pair in pairs if pair.label == label]
        near(len(mine), N, 1 / 3)
        counts = Counter(pair.first[0] for pair in mine)
        assert set(counts) == {11, 12, 31, 32, 33, 51}, "what has both neighbours, whatever the label"
        for count in counts.values():
            near(count, len(mine), 1 / 6)
        for pair in mine:
            first, second = pair.first[0], pair.second[0]
            assert second // 10 != first // 10 if label == 2 else second == first + (1 if label == 0 else -1)


def test_what_is_drawn_is_a_copy() -> None:
    pair = next_sentence(DOCUMENTS, 1, draw(0))[0]
    pair.first.append(99)
    pair.second.append(99)
    assert all(99 not in sentence for document in DOCUMENTS for sentence in document)


def test_pairs_are_joined_cut_and_padded() -> None:
    pairs = [Pair([10, 11], [20], 0), Pair([10, 11, 12, 13, 14], [20, 21, 22], 2), Pair([10], [20, 21, 22, 23, 24], 1)]
    joined = join_pairs(pairs, 8, cls_id=2, sep_id=3, pad_id=7)
    assert joined.ids.tolist() == [
        [2, 10, 11, 3, 20, 3, 7, 7],
        [2, 10, 11, 12, 3, 20, 21, 3],
        [2, 10, 3, 20, 21, 22, 23, 3],
    ]
    assert joined.attention_mask.tolist() == [[1] * 6 + [0] * 2, [1] * 8, [1] * 8]
    assert joined.token_types.tolist() == [[0] * 4 + [1] * 2 + [0] * 2, [0] * 5 + [1] * 3, [0] * 3 + [1] * 5]
    assert joined.labels.tolist() == [0, 2, 1]
    assert join_pairs(pairs, 5, 2, 3).ids.tolist() == [[2, 10, 3, 20, 3]] * 3


def test_what_cannot_be_drawn_is_refused() -> None:
    two = [[[1], [2]]]
    with pytest.raises(ValueError, match="no document has the 3 sentences"):
        sentence_relation(two, 1)
    with pytest.raises(ValueError, match="no document has the 2 sentences"):
        sentence_order([[[1]], []], 1)
    with pytest.raises(ValueError, match="no document has the 2 sentences"):
        next_sentence([], 1)
    with pytest.raises(ValueError, match="no other document"):
        next_sentence(two, 20, draw(0))
    with pytest.raises(ValueError, match="5 at least: got 4"):
        join_pairs([], 4, 2, 3)
