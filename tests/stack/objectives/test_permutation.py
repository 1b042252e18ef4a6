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


def test_a_plan_of_transformers_is_one_of_ours() -> None:
    """Their collator draws whole spans, and orders within halves of the text; who sees whom follows from the order."""
    collators = pytest.importorskip("transformers.data.data_collator")

    class Tokenizer:
        mask_token, mask_token_id, pad_token, pad_token_id = "<mask>", 3, "<pad>", 0

        def get_special_tokens_mask(self, ids: list[int], already_has_special_tokens: bool) -> list[int]:
            return [0] * len(ids)

    made = collators.DataCollatorForPermutationLanguageModeling(tokenizer=Tokenizer())
    torch.manual_seed(0)
    _, hidden, _, labels = made.torch_mask_tokens(torch.randint(5, 61, (50, 24)))
    seen, predicted = hidden == 0, labels != -100
    assert predicted.any(-1).sum() > 40, "of 50: a span may fall behind the end of the text"
    for row, places in zip(seen, predicted, strict=True):
        rank = torch.full((24,), -1)
        rank[places] = (row & places).sum(-1)[places]
        assert sorted(rank[places].tolist()) == list(range(int(places.sum()))), "one order of all that is predicted"
        assert torch.equal(row, rank[None, :] < rank[:, None].clamp(min=0)), "as permutation_plan has it"
