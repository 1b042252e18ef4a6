"""What tasks share: padding, batches by length, eval mode that is taken back."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from groundup.stack.tasks.task import by_length, evaluating, pad_rows, pad_texts, run_batches


def test_rows_are_filled_up_on_either_side() -> None:
    rows = [[1, 2, 3], [], [4]]
    assert pad_rows(rows, 9).tolist() == [[1, 2, 3], [9, 9, 9], [4, 9, 9]]
    assert pad_rows(rows, 9, left=True).tolist() == [[1, 2, 3], [9, 9, 9], [9, 9, 4]]
    assert pad_rows(rows, 0, length=5).tolist() == [[1, 2, 3, 0, 0], [0] * 5, [4, 0, 0, 0, 0]]
    assert pad_rows(rows, 0, length=2).shape == (3, 3)
    batch = pad_texts(rows, 7, left=True)
    assert batch["ids"].tolist() == pad_rows(rows, 7, left=True).tolist()
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 1]]
    with pytest.raises(ValueError, match="at least one row"):
        pad_rows([], 0)


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 7))
def test_batches_by_length_hold_each_place_once_the_longest_first(lengths: list[int], batch: int) -> None:
    batches = by_length(lengths, batch)
    assert sorted(at for places in batches for at in places) == list(range(len(lengths)))
    assert all(len(places) == batch for places in batches[:-1])
    in_order = [lengths[at] for places in batches for at in places]
    assert in_order == sorted(lengths, reverse=True)


def test_a_batch_holds_something() -> None:
    with pytest.raises(ValueError, match="at least one text: 0"):
        by_length([1, 2], 0)


class Doubling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.part, self.fixed = nn.Dropout(0.5), nn.Dropout(0.5)
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        result: Tensor = self.part(ids * self.weight)
        return result


def test_batches_run_in_eval_mode_without_gradients_and_without_labels() -> None:
    model = Doubling()
    model.fixed.eval()  # frozen by whoever trains
    features = [[1], [5, 6, 7], [2, 3]]

    def collate(rows: list[list[int]]) -> dict[str, Tensor]:
        return pad_texts(rows, 0) | {"labels": torch.zeros(1)}

    found = []
    for places, output in run_batches(model, features, collate, len, 2):
        assert (model.training, model.part.training, model.fixed.training) == (True, True, False)
        assert torch.is_grad_enabled()
        assert not output.requires_grad
        found.append((places, output.tolist()))
    assert found == [([1, 2], [[10, 12, 14], [4, 6, 0]]), ([0], [[2]])]


class Fixed(nn.Module):
    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Fixed:
        return self


def test_scores_that_are_no_numbers_are_no_predictions() -> None:
    """Those of padding may be; a class' and a token's may not."""

    def run(logits: Tensor) -> int:
        return len(list(run_batches(Fixed(logits), [[1, 2], [3]], lambda rows: pad_texts(rows, 0), len)))

    for shape in ((2, 2), (2, 2, 3)):
        fine, broken = torch.zeros(shape), torch.zeros(shape)
        fine[0, 0] = -torch.inf
        broken[1, 0] = torch.nan
        assert run(fine) == 1
        with pytest.raises(ValueError, match=r"not numbers .* take an earlier state"):
            run(broken)
    padding = torch.zeros(2, 2, 3)
    padding[1, 1] = torch.nan
    assert run(padding) == 1


def test_the_mode_comes_back_after_an_error() -> None:
    model = Doubling()

    def fail() -> None:
        with evaluating(model):
            assert not model.part.training
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert model.part.training
    assert torch.is_grad_enabled()
