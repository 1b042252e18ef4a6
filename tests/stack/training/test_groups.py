"""Two groups of AdamW against those of ``torch.optim``, another's in place of it; the average against PyTorch's."""

from __future__ import annotations

import copy
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from groundup.stack.nn import optimizers
from groundup.stack.training.averages import Average
from groundup.stack.training.groups import Groups, split_parameters

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))
HYPER: dict[str, Any] = {"betas": (0.7, 0.9), "eps": 1e-6, "weight_decay": 0.4}


@pytest.mark.parametrize("name", TINY["NAMES"])
def test_biases_and_norms_do_not_decay_and_embeddings_as_said(name: str) -> None:
    model = TINY["build"](name)
    decayed, kept = split_parameters(model)
    fewer, more = split_parameters(model, decay_embeddings=False)
    everything = dict(model.named_parameters())
    assert decayed | kept == fewer | more == everything
    assert not decayed.keys() & kept.keys() and not fewer.keys() & more.keys()
    norms = [part for part in model.modules() if "norm" in type(part).__name__.lower()]
    assert norms or name == "mamba"
    gains = {id(one) for part in norms for one in part.parameters(recurse=False)}
    for key, one in everything.items():
        if key.endswith(("bias", "log_a")) or id(one) in gains:
            assert key in kept, key
        if isinstance(model.get_submodule(key.rpartition(".")[0]), nn.Linear) and key.endswith("weight"):
            assert key in decayed, key
    tables = {id(part.weight) for part in model.modules() if isinstance(part, nn.Embedding)}
    assert {key for key in decayed if key not in fewer} == {key for key, one in everything.items() if id(one) in tables}
    assert fewer.keys() < decayed.keys(), "every model here has embeddings"


@pytest.mark.parametrize("embeddings", [True, False])
def test_updates_are_those_of_torch_optim(embeddings: bool) -> None:
    ours = TINY["build"]("bert", dropout=0.0).double()
    theirs = copy.deepcopy(ours)
    free = ("tokens.weight", "positions.weight", "segments.weight")
    parts: tuple[list[Tensor], list[Tensor]] = ([], [])
    for name, one in theirs.named_parameters():
        parts[one.dim() < 2 or (not embeddings and name.endswith(free))].append(one)
    assert all(parts)
    groups = Groups(ours, 0.03, decay_embeddings=embeddings, **HYPER)
    expected = torch.optim.AdamW(
        [{"params": parts[0]}, {"params": parts[1], "weight_decay": 0.0}], lr=0.03, foreach=False, **HYPER
    )
    unused = ours.encoder.segments.weight
    for step in range(5):
        batch = TINY["batch_of"]("bert", seed=step)
        for model, optimizer in ((ours, groups), (theirs, expected)):
            optimizer.zero_grad()
            torch.autograd.backward(model(**batch).loss)
        groups.lr = 0.03 / (step + 1)
        for group in expected.param_groups:
            group["lr"] = 0.03 / (step + 1)
        if step == 2:  # a parameter without a gradient is left alone, its decay too
            unused.grad = theirs.encoder.segments.weight.grad = None
        groups.step()
        expected.step()
        for (name, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            if not name.endswith(".k.bias"):  # its gradient is nothing but rounding
                torch.testing.assert_close(one, other, rtol=0, atol=1e-10, msg=name)
    assert groups.lr == 0.03 / 5
    assert groups.steps()["encoder.segments.weight"] == 4 and set(groups.steps().values()) == {4, 5}


def test_frozen_parameters_are_in_no_group() -> None:
    model = TINY["build"]("bert")
    model.encoder.requires_grad_(False)
    groups = Groups(model, 0.1)
    names = {name for part in groups.names for name in part}
    assert names == {name for name, _ in model.named_parameters() if not name.startswith("encoder.")}
    assert len(groups.params) == len(names)
    with pytest.raises(ValueError, match="nothing to train"):
        Groups(model.requires_grad_(False), 0.1)
    only = Groups(nn.LayerNorm(4), 0.1)  # one of the groups may be empty
    assert [one.weight_decay for one in only.optimizers] == [0.0]  # type: ignore[attr-defined]


def test_whoever_replaces_adamw_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sign(optimizers.Optimizer):
        """A learner's: another rule, and other things remembered."""

        _remembered = ("traces",)

        def __init__(self, params: Any, lr: float, betas: Any, eps: float, weight_decay: float) -> None:
            super().__init__(params, lr)
            self.decay = weight_decay

        def _update(self, params: Any, grads: Any, state: Any, count: int) -> None:
            for one, grad, trace in zip(params, grads, state["traces"], strict=True):
                trace.add_(grad)
                one.sub_(self.lr * (trace.sign() + self.decay * one))

    monkeypatch.setattr(optimizers, "AdamW", Sign)
    models = [nn.Linear(3, 2) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    first, second = (Groups(model, 0.1, weight_decay=0.5) for model in models)
    before = copy.deepcopy(models[0].weight.detach())
    for model, groups in zip(models, (first, second), strict=True):
        for one in model.parameters():
            one.grad = torch.ones_like(one)
        groups.step()
        if groups is first:
            saved = {name: one.clone() for name, one in first.tensors().items()}
            torch.testing.assert_close(models[0].weight.detach(), before - 0.1 * (1 + 0.5 * before))
    assert saved.keys() == {"traces.weight", "traces.bias"}
    second.restore({name: one + 7 for name, one in saved.items()}, {"weight": 11, "bias": 12})
    assert second.tensors()["traces.bias"].tolist() == [8.0, 8.0]
    assert second.steps() == {"weight": 11, "bias": 12}


def test_groups_go_on_from_what_was_saved_and_refuse_what_was_not() -> None:
    models = [TINY["build"]("bert", dropout=0.0) for _ in range(2)]
    groups = [Groups(model, 0.05, **HYPER) for model in models]

    def step(which: int) -> None:
        groups[which].zero_grad()
        torch.autograd.backward(models[which](**TINY["batch_of"]("bert", seed=which * 0 + 1)).loss)
        groups[which].step()

    step(0), step(0)
    models[1].load_state_dict(models[0].state_dict())
    groups[1].restore(groups[0].tensors(), groups[0].steps())
    step(0), step(1)
    assert all(torch.equal(*pair) for pair in zip(models[0].parameters(), models[1].parameters(), strict=True))
    tensors = groups[0].tensors()
    del tensors["squares.words.bias"]
    with pytest.raises(ValueError, match=r"nothing was saved of squares\.words\.bias"):
        groups[1].restore(tensors, groups[0].steps())


# ── averages ─────────────────────────────────────────────────────────────────


def test_the_average_is_that_of_pytorch() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()
    model[0].bias.requires_grad_(False)
    ours = Average(model, 0.7)
    theirs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.7))
    for step in range(6):
        with torch.no_grad():
            for place, one in enumerate(model.parameters()):
                if one.requires_grad:
                    one.add_(torch.randn(one.shape, generator=torch.Generator().manual_seed(10 * step + place)))
        ours.update()
        theirs.update_parameters(model)
        live = {name: one.detach().clone() for name, one in model.named_parameters()}
        expected = dict(theirs.module.named_parameters())
        with ours.applied():
            for name, one in model.named_parameters():
                torch.testing.assert_close(one, expected[name], rtol=0, atol=1e-14)
        assert all(torch.equal(one, live[name]) for name, one in model.named_parameters())
    assert not torch.equal(live["0.weight"], expected["0.weight"])
    assert "0.bias" not in ours.tensors()
    again = Average(model, 0.7)
    again.restore(ours.tensors(), ours.count)
    for one in (ours, again):
        one.update()
    assert all(torch.equal(one, again.tensors()[name]) for name, one in ours.tensors().items())
    ours.apply()
    assert torch.equal(model[2].weight, ours.tensors()["2.weight"])


def test_an_average_is_put_back_where_evaluation_fails() -> None:
    model = nn.Linear(2, 2)
    average = Average(model, 0.5)
    average.update()
    with torch.no_grad():
        model.weight.add_(1)
    before = model.weight.detach().clone()

    def fail() -> None:
        with average.applied():
            assert not torch.equal(model.weight, before)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.equal(model.weight, before)
    for decay in (0.0, 1.0, -0.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            Average(model, decay)
