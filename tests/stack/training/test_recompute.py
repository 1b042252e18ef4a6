"""Recomputed blocks: the same losses and gradients, fewer bytes kept, and nothing left behind."""

from __future__ import annotations

import copy
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from groundup.stack.training.recompute import find_blocks, recomputes, recomputing, start_recompute, stop_recompute

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))


def gradients(model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor], int]:
    """The loss, all gradients, and how many bytes were kept for them."""
    kept: dict[int, Tensor] = {}

    def keep(one: Tensor) -> Tensor:
        kept[one.untyped_storage()._cdata] = one
        return one

    model.zero_grad()
    torch.manual_seed(11)  # dropout
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda one: one):
        loss = model(**batch).loss
    size = sum(one.untyped_storage().nbytes() for one in kept.values())
    torch.autograd.backward(loss)
    return loss.detach(), {name: one.grad for name, one in model.named_parameters() if one.grad is not None}, size


@pytest.mark.parametrize("name", TINY["NAMES"])
def test_loss_and_gradients_are_the_same_bits(name: str) -> None:
    model, batch = TINY["build"](name), TINY["batch_of"](name)
    loss, wanted, size = gradients(model, batch)
    with recomputing(model):
        again, found, smaller = gradients(model, batch)
    assert torch.equal(loss, again)
    assert found.keys() == wanted.keys()
    for one in wanted:
        assert torch.equal(found[one], wanted[one]), one
    assert smaller < size
    last, _, as_before = gradients(model, batch)
    assert torch.equal(loss, last)
    assert as_before == size


def test_dropout_would_show_if_it_were_drawn_anew() -> None:
    model, batch = TINY["build"]("bert", dropout=0.5), TINY["batch_of"]("bert")
    _, first, _ = gradients(model, batch)
    torch.manual_seed(12)
    model.zero_grad()
    torch.autograd.backward(model(**batch).loss)
    name, weight = next(iter(model.named_parameters()))
    assert not torch.equal(first[name], weight.grad)


def test_what_is_kept_grows_by_a_blocks_input() -> None:
    """Of each further block, recomputed, one input is kept: (rows, length, dim) floats, and not a byte more."""
    sizes = {}
    for layers in (2, 5):
        model, batch = TINY["build"]("llama", layers=layers), TINY["batch_of"]("llama", rows=2, length=20)
        with recomputing(model):
            sizes[layers] = gradients(model, batch)[2]
    assert sizes[5] - sizes[2] == 3 * 2 * 20 * 24 * 4


def test_blocks_are_found_once() -> None:
    assert len(find_blocks(TINY["build"]("bert"))) == 3
    assert len(find_blocks(TINY["build"]("albert"))) == 4  # two groups of two, used in turn
    assert len(find_blocks(TINY["build"]("t5"))) == 6
    one = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    nested = nn.ModuleList([nn.ModuleList([one]), one, nn.ModuleDict({"inner": nn.ModuleList([nn.Sequential(one)])})])
    assert find_blocks(nn.ModuleDict({"all": nested})) == [one, nested[2]]
    with pytest.raises(ValueError, match="Linear has no blocks"):
        start_recompute(nn.Linear(2, 2))


def test_start_and_stop() -> None:
    model = TINY["build"]("gpt2")
    assert start_recompute(model) == start_recompute(model) == 3
    assert all(recomputes(one) for one in find_blocks(model))
    with recomputing(model):
        pass
    assert all(recomputes(one) for one in find_blocks(model))  # as it was before
    stop_recompute(model)
    stop_recompute(model)
    assert not any(recomputes(one) for one in find_blocks(model))
    with pytest.raises(KeyError), recomputing(model):
        raise KeyError
    assert not any(recomputes(one) for one in find_blocks(model))


def test_a_copy_recomputes_with_its_own_weights() -> None:
    model, batch = TINY["build"]("t5"), TINY["batch_of"]("t5")
    with recomputing(model):
        other = copy.deepcopy(model)
    with torch.no_grad():
        for one in other.parameters():
            one.mul_(0.5)
    assert all(recomputes(one) and one.forward.__self__ is one for one in find_blocks(other))
    _, found, _ = gradients(other, batch)
    stop_recompute(other)
    _, wanted, _ = gradients(other, batch)
    assert all(torch.equal(found[one], wanted[one]) for one in wanted)


def test_caches_and_looks_at_attention_are_left_alone() -> None:
    model, ids = TINY["build"]("llama"), TINY["batch_of"]("llama")["ids"]
    whole = model(ids).logits
    with recomputing(model):
        cache = model.new_cache(len(ids), ids.shape[1])
        parts = [model(ids[:, :5], cache=cache).logits, model(ids[:, 5:], cache=cache).logits]
        torch.testing.assert_close(torch.cat(parts, dim=1), whole)
        torch.autograd.backward(parts[1].sum())  # a second run would have filled the cache a second time
        assert cache.length == ids.shape[1]
        looked = model(ids, labels=ids, attentions=True)
        torch.autograd.backward(looked.loss)
    assert len(looked.attentions) == 3
