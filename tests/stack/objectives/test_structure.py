"""Shuffled trigrams: how many, in which orders, and what must not move."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor

from groundup.stack.models.output import IGNORED
from groundup.stack.objectives import Masking, mask_tokens, shuffle_trigrams

CLS, SEP, MASK = 1, 2, 3
RULES = Masking(MASK, 1000, special_ids=(0, CLS, SEP))


def draw(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def texts(batch: int, n: int) -> Tensor:
    """Ids that are all different within a text."""
    ids = torch.stack([torch.randperm(990, generator=draw(row))[:n] + 10 for row in range(batch)])
    ids[:, 0], ids[:, n // 2], ids[:, -3], ids[:, -2:] = CLS, SEP, SEP, 0
    return ids


def test_trigrams_are_shuffled_in_place_and_asked_for() -> None:
    ids = texts(300, 100)
    masked, labels = mask_tokens(ids, RULES, draw(0))
    usable = RULES.candidates(ids) & (labels == IGNORED)
    inputs, asked = shuffle_trigrams(masked, usable, draw(1))
    again = shuffle_trigrams(masked, usable, draw(1))
    assert torch.equal(inputs, again[0]) and torch.equal(asked, again[1])
    moved = asked != IGNORED
    assert not (moved & (labels != IGNORED)).any(), "no token is asked by both objectives"
    assert usable[moved].all(), "nothing special and nothing masked moves"
    assert torch.equal(inputs[~moved], masked[~moved])
    assert torch.equal(asked[moved], ids[moved])
    orders: Counter[tuple[int, ...]] = Counter()
    for row in range(300):
        places = moved[row].nonzero().flatten().tolist()
        windows = usable[row].unfold(0, 3, 1).all(-1)
        assert len(places) == 3 * max(1, round(0.05 * int(windows.sum())))
        for begin in range(0, len(places), 3):
            three = places[begin : begin + 3]
            assert three == list(range(three[0], three[0] + 3)), "in a row, each in none but one trigram"
            stood = ids[row, three].tolist()
            orders[tuple(stood.index(one) for one in inputs[row, three].tolist())] += 1
    n = sum(orders.values())
    assert n > 600
    assert len(orders) == 6
    for count in orders.values():  # 6.5 deviations: beyond that once in 10^10
        assert abs(count - n / 6) < 6.5 * (n * 5 / 36) ** 0.5


def test_every_place_may_be_chosen_and_other_lengths_and_shares_are_possible() -> None:
    ids = texts(1, 20).repeat(400, 1)
    usable = RULES.candidates(ids)
    asked = shuffle_trigrams(ids, usable, draw(2))[1] != IGNORED
    assert torch.equal(asked.any(0), usable[0])
    pairs = shuffle_trigrams(ids, usable, draw(2), share=1.0, length=2)[1] != IGNORED
    assert (pairs.sum(-1) % 2 == 0).all()
    assert (pairs.sum(-1) >= 10).all(), "as many as there is room for"


def test_where_there_is_no_trigram_nothing_is_asked() -> None:
    ids = torch.tensor([[CLS, 11, 12, SEP, 13, 14, SEP], [CLS, 11, 12, 13, SEP, 0, 0]])
    inputs, asked = shuffle_trigrams(ids, RULES.candidates(ids), draw(0))
    assert torch.equal(inputs[0], ids[0])
    assert (asked[0] == IGNORED).all()
    assert asked[1].tolist() == [IGNORED, 11, 12, 13, IGNORED, IGNORED, IGNORED]
    short = torch.tensor([[11, 12]])
    assert (shuffle_trigrams(short, short > 0, draw(0))[1] == IGNORED).all()
    with pytest.raises(ValueError, match=r"got \(1, 3\) and 3"):
        shuffle_trigrams(short, torch.ones(1, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"got .* and 1"):
        shuffle_trigrams(short, short > 0, length=1)
