"""Which examples an update sees: all once an epoch, from any step on, in parts that are together the whole."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from groundup.stack.training.order import Order, fingerprint, part_of
from groundup.stack.training.randomness import derived_seed

SIZES = st.integers(1, 40)


@given(examples=SIZES, batch=SIZES, seed=st.integers(0, 2**40))
def test_every_epoch_has_each_example_once(examples: int, batch: int, seed: int) -> None:
    order = Order(examples, batch, seed)
    steps = -(-3 * examples // batch)
    stream = [index for step in range(steps) for index in order.indices(step)]
    assert len(stream) == steps * batch
    for epoch in range(3):
        assert sorted(stream[epoch * examples : (epoch + 1) * examples]) == list(range(examples))
    assert order.epoch(steps) >= 3 > order.epoch(steps - 1)


@given(examples=SIZES, batch=SIZES, seed=st.integers(0, 9), steps=st.lists(st.integers(0, 30), min_size=1, max_size=6))
def test_a_step_has_its_examples_whatever_was_asked_before(
    examples: int, batch: int, seed: int, steps: list[int]
) -> None:
    one, other = Order(examples, batch, seed), Order(examples, batch, seed)
    for step in range(max(steps) + 1):
        one.indices(step)
    assert [one.indices(step) for step in steps] == [other.indices(step) for step in steps]


def test_epochs_and_seeds_are_unalike() -> None:
    orders = [Order(1000, 1000, seed).indices(epoch) for seed in (0, 1) for epoch in (0, 1)]
    for place, one in enumerate(orders):
        assert one != list(range(1000))
        for other in orders[:place]:
            agree = sum(a == b for a, b in zip(one, other, strict=True))
            assert agree < 12, "about one in a thousand stays where it was"
    firsts = Counter(Order(5, 1, seed).indices(0)[0] for seed in range(1000))
    assert all(150 < count < 250 for count in firsts.values()), "each example is first equally often"


@given(items=st.lists(st.integers(), max_size=50), processes=st.integers(1, 9), cuts=st.integers(1, 6))
def test_parts_of_parts_are_the_whole(items: list[int], processes: int, cuts: int) -> None:
    mine = [part_of(items, processes, rank) for rank in range(processes)]
    assert [one for part in mine for one in part] == items
    assert max(map(len, mine)) - min(map(len, mine)) <= 1
    again = [one for part in mine for cut in range(cuts) for one in part_of(part, cuts, cut)]
    assert again == items


@given(processes=st.integers(1, 6), cuts=st.integers(1, 6), more=st.integers(0, 20))
def test_no_micro_batch_is_empty_where_there_are_enough_examples(processes: int, cuts: int, more: int) -> None:
    items = list(range(processes * cuts + more))
    for rank in range(processes):
        for cut in range(cuts):
            assert part_of(part_of(items, processes, rank), cuts, cut)


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="no examples"):
        Order(0, 4)
    with pytest.raises(ValueError, match="at least one example: 0"):
        Order(4, 0)
    for part in (-1, 2):
        with pytest.raises(ValueError, match=f"no part {part} of 2"):
            part_of([1, 2, 3], 2, part)


def test_seeds_differ_wherever_a_part_does() -> None:
    seeds = {
        derived_seed(kind, seed, step, rank)
        for kind in "ab"
        for seed in range(5)
        for step in range(9)
        for rank in (0, 1)
    }
    assert len(seeds) == 2 * 5 * 9 * 2
    assert derived_seed("a", 1, 23) != derived_seed("a", 12, 3)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) > 2**62


@dataclass
class Row:
    text: str
    ids: list[int]


def kinds() -> list[object]:
    """Examples, each of which differs from every other one."""
    return [
        [1, 2, 3], [1, 2, 4], [1, 2], (1, [2, 3]), [[1], [2, 3]], [[1, 2], [3]], ["1", "2"], [1.0, 2.0], [],
        "", "a", "a\udcff", b"a", None, True, 1, 1.5, {"a": [1]}, {"a": [2]}, {"b": [1]}, {},
        Row("a", [1]), Row("a", [2]), Row("b", [1]),
        torch.tensor([1, 2]), torch.tensor([1, 3]), torch.tensor([1, 2], dtype=torch.int32), torch.tensor([[1, 2]]),
        torch.tensor(1), torch.tensor([1.0, 2.0], dtype=torch.bfloat16), torch.empty(0),
        np.array([1, 2]), np.array([1, 3]), np.array([[1, 2]]), np.float32(0.5), {"x": torch.zeros(2), "y": "z"},
        {"x": torch.zeros(2), "y": "zz"}, object(),
    ]  # fmt: skip


def test_fingerprints_tell_examples_and_orders_apart() -> None:
    names = [fingerprint([one]) for one in kinds()]
    assert len(set(names)) == len(names)
    assert names == [fingerprint([one]) for one in kinds()], "and the same examples, made again, are the same"
    some = kinds()
    name = fingerprint(some)
    for place in range(1, len(some)):
        swapped = [*some]
        swapped[0], swapped[place] = swapped[place], swapped[0]
        assert fingerprint(swapped) != name, place
    assert fingerprint([*some, some[0]]) != name


def test_a_fingerprint_of_very_many_looks_at_some_and_at_their_number() -> None:
    many = list(range(50_000))
    name = fingerprint(many)
    shuffled = many.copy()
    random.Random(0).shuffle(shuffled)
    assert name not in (fingerprint(shuffled), fingerprint(many[:-1]), fingerprint(many[::-1]))
    assert name == fingerprint(range(50_000))
