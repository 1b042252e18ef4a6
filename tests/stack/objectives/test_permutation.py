"""Who sees whom in a random order."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from groundup.stack.objectives import permutation_plan


@pytest.mark.parametrize(("n", "predicted"), [(2, 1), (7, 1), (7, 3), (7, 6)])
def test_each_target_sees_the_context_and_the_targets_before_it(n: int, predicted: int) -> None:
    seen, targets = permutation_plan(20, n, predicted, torch.Generator().manual_seed(1))
    assert seen.shape == (20, n, n)
    assert seen.dtype == torch.bool
    for row, places in zip(seen, targets.tolist(), strict=True):
        assert len(set(places)) == predicted
        context = set(range(n)) - set(places)
        for place in range(n):
            before = set(places[: places.index(place)]) if place in places else set()
            assert set(row[place].nonzero().flatten().tolist()) == context | before


def test_orders_are_drawn_alike_and_repeatably() -> None:
    _, targets = permutation_plan(6000, 3, 2, torch.Generator().manual_seed(0))
    assert torch.equal(targets, permutation_plan(6000, 3, 2, torch.Generator().manual_seed(0))[1])
    counts = Counter(map(tuple, targets.tolist()))
    assert len(counts) == 6
    assert all(abs(count - 1000) < 6.5 * (6000 * 5 / 36) ** 0.5 for count in counts.values())


@pytest.mark.parametrize("predicted", [0, 4, 5])
def test_something_must_be_seen(predicted: int) -> None:
    with pytest.raises(ValueError, match="1 <= predicted < n is needed"):
        permutation_plan(1, 4, predicted)
