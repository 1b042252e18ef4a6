"""UniLM's mixture: how often which kind and how many tokens at a time. What may leak is tested beside the model.

Shares are held to 6.5 deviations of a binomial with the n that stands there: beyond that once in 10^10.
"""

from __future__ import annotations

import pytest
import torch

from groundup.stack.models.output import IGNORED
from groundup.stack.models.unilm import attention_pattern
from groundup.stack.objectives import Kind, Masking, draw_kinds, mask_unilm

MASK = 4
RULES = Masking(MASK, 61, special_ids=(0, 1, 2))


def draw(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def near(count: float, n: int, share: float) -> None:
    assert abs(count - n * share) < 6.5 * (n * share * (1 - share)) ** 0.5, (count, n, share)


def test_kinds_have_the_papers_shares() -> None:
    n = 30000
    kinds = draw_kinds(n, draw(0))
    assert torch.equal(kinds, draw_kinds(n, draw(0)))
    counts = kinds.bincount().tolist()
    for kind, share in zip(Kind, (1 / 3, 1 / 6, 1 / 6, 1 / 3), strict=True):
        near(counts[kind], n, share)


def test_a_fifth_of_the_time_two_or_three_tokens_are_masked_in_a_row() -> None:
    """Three tokens are to be masked of 1000: the number of runs says in which parts they were drawn."""
    n = 2000
    ids = torch.randint(5, 61, (n, 1000), generator=draw(1))
    three = Masking(MASK, 61, special_ids=(0, 1, 2), share=0.003)
    inputs, labels, _ = mask_unilm(ids, three, draw(1))
    asked = labels != IGNORED
    assert (asked.sum(-1) == 3).all()
    runs = (asked & ~torch.cat((torch.zeros(n, 1, dtype=torch.bool), asked[:, :-1]), -1)).sum(-1)
    # One run: a three, or (two, then what is left) that touch. Two runs: 2 + 1, 1 + 2 or more, cut. Three: 1 + 1 + 1.
    touching = 0.02 * n
    for number, share in ((1, 0.1), (2, 0.1 + 0.8 * 0.2), (3, 0.8 * 0.8)):
        count = int((runs == number).sum())
        assert abs(count - n * share) < 6.5 * (n * share * (1 - share)) ** 0.5 + touching, (number, count)
    near(float((inputs[asked] == MASK).sum()), 3 * n, 0.8)
    together = asked & torch.cat((asked[:, 1:], torch.zeros(n, 1, dtype=torch.bool)), -1)
    places = together.nonzero()
    one, other = (inputs[places[:, 0], places[:, 1] + step] == MASK for step in (0, 1))
    near(float((one & other).sum()), len(places), 0.64)  # each draws for itself what becomes of it


def test_questions_are_masked_texts_with_a_kind_each() -> None:
    ids = torch.randint(5, 61, (300, 40), generator=draw(2))
    ids[:, 0], ids[:, 20], ids[:, -1] = 1, 2, 2
    inputs, labels, kinds = mask_unilm(ids, RULES, draw(3))
    again = mask_unilm(ids, RULES, draw(3))
    assert all(torch.equal(one, other) for one, other in zip((inputs, labels, kinds), again, strict=True))
    asked = labels != IGNORED
    assert (asked.sum(-1) == round(0.15 * 37)).all()
    assert not asked[:, [0, 20, 39]].any()
    assert torch.equal(labels[asked], ids[asked])
    assert torch.equal(inputs[~asked], ids[~asked])
    ends = Masking(MASK, 61, special_ids=(0, 1))  # that a text ends may be asked as well
    assert (mask_unilm(ids, ends, draw(3)).labels[:, 39] == 2).any()


@pytest.mark.parametrize("kind", [Kind.SEQUENCE_TO_SEQUENCE, Kind.LEFT_TO_RIGHT, Kind.RIGHT_TO_LEFT])
def test_through_any_number_of_layers_no_answer_comes_from_where_it_must_not(kind: Kind) -> None:
    """What a token may attend to, and what that may attend to, and so on: nothing new is reached in a second layer."""
    types = (torch.arange(9) >= 4).long()[None]
    kept = torch.tensor([[1] * 7 + [0] * 2])
    pattern = attention_pattern(torch.tensor([kind]), types, kept)[0].double()
    assert torch.equal((pattern @ pattern > 0) | (pattern > 0), pattern > 0)
    assert not pattern[:, 7:].any()
    later = torch.triu(pattern, 1)[4:] if kind != Kind.RIGHT_TO_LEFT else torch.tril(pattern, -1)
    assert not later.any()
