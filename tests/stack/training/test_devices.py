"""Which devices there are, and how much of one is ours, with cards that are only said to be there."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from groundup.stack.training.devices import memory_limit, named_device, own_device


def cards(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: number)


def test_without_a_card_there_is_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    cards(monkeypatch, 0)
    assert own_device() == named_device("cpu") == torch.device("cpu")
    for name, said in (("cuda", "there is no device cuda: here there are cpu$"), ("cuda:1", "no device cuda:1"),
                       ("gpu", "gpu is no device: here there are cpu$"), ("meta", "no device meta")):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            named_device(name)


def test_of_several_cards_each_process_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    cards(monkeypatch, 3)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert own_device() == torch.device("cuda", 0)
    assert named_device("cuda:2") == torch.device("cuda", 2)
    assert named_device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="no device cuda:3: here there are cpu, cuda:0, cuda:1, cuda:2"):
        named_device("cuda:3")
    for rank, card in (("1", 1), ("4", 1), ("5", 2)):  # more processes than cards share them
        monkeypatch.setenv("LOCAL_RANK", rank)
        assert own_device() == named_device("cuda") == torch.device("cuda", card)


@pytest.mark.parametrize(("free", "held", "share", "limit"), [(700, 100, 1.0, 800), (900, 50, 0.5, 500)])
def test_of_a_card_others_may_hold_a_part(
    free: int, held: int, share: float, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[str, Any] = {
        "mem_get_info": (free, 1000),
        "memory_reserved": held,
        "get_per_process_memory_fraction": share,
    }
    for name, value in found.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    assert memory_limit(torch.device("cuda", 0)) == limit
