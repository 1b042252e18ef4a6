"""Impossible settings are refused with what to write instead; precision; what failures say."""

from __future__ import annotations

import errno
import json
import math
import pickle
import re
import runpy
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.models.output import Output
from groundup.stack.training import Settings, train
from groundup.stack.training.devices import memory_limit
from groundup.stack.training.failures import (
    DiskFullError,
    NotFiniteError,
    OutOfMemoryError,
    is_disk_full,
    is_memory_error,
    memory_advice,
)
from groundup.stack.training.memory import estimate_memory
from groundup.stack.training.precision import Precision, choose_precision, why_not_bfloat16
from groundup.stack.training.settings import SettingsError
from groundup.stack.training.states import list_states, read_state

NAN, INF = float("nan"), float("inf")
BAD: dict[str, tuple[list[Any], str]] = {
    "steps": ([0, -1, 1.5, "3", True, None], "steps is a whole number of at least 1, not"),
    "batch": ([0, 2.0], "batch is a whole number of at least 1, not"),
    "accumulate": ([0, 33], "accumulate"),
    "lr": ([0, -1e-3, NAN, INF, "1e-3", None, True], "lr is a number above 0, not"),
    "schedule": (["cos", None, 3], "schedule is 'cosine', 'linear' or 'constant', not"),
    "warmup": ([-1, 0.1, 101], "warmup"),
    "floor": ([-0.1, 0.1, NAN], "floor is a number at least 0 and at most 0.0005, not"),
    "weight_decay": ([-0.1, INF], "weight_decay is a number at least 0, not"),
    "betas": ([(0.9, 1.0), (-0.1, 0.9), (0.9,), (NAN, 0.9), 0.9, "ab", None], "betas"),
    "eps": ([0, -1e-8], "eps is a number above 0, not"),
    "clip": ([0, -1.0, NAN], "clip is a number above 0 or None, for no clipping, not"),
    "precision": (["float16", "bf16", torch.bfloat16], "precision is 'float32', 'bfloat16' or 'auto', not"),
    "recompute": ([1, None, "yes"], "recompute is True or False, not"),
    "average": ([0.0, 1.0, 1, 2], "average is a number above 0 and below 1 or None, for no average, not"),
    "seed": ([-1, 1.0, None], "seed is a whole number of at least 0, not"),
    "save_every": ([0, 2.5], "save_every is a whole number of at least 1 or None, for once at the end, not"),
    "evaluate_every": ([0, -3], "evaluate_every is a whole number of at least 1 or None, for once at the end, not"),
    "keep": ([0, None], "keep is a whole number of at least 1, not"),
    "decay_embeddings": ([0, "no"], "decay_embeddings is True or False, not"),
}


@pytest.mark.parametrize("name", BAD)
def test_impossible_values_are_refused_with_the_mend(name: str) -> None:
    values, told = BAD[name]
    for value in values:
        with pytest.raises(SettingsError, match=re.escape(told)):
            Settings(**{"steps": 100, name: value})


def test_every_setting_was_tried_and_borders_are_possible() -> None:
    assert BAD.keys() == {one.name for one in fields(Settings)}
    with pytest.raises(SettingsError, match="32 cannot be cut into 33 micro-batches: set accumulate to 32 or less"):
        Settings(steps=1, accumulate=33)
    with pytest.raises(SettingsError, match="warmup of 101 does not fit into 100 steps"):
        Settings(steps=100, warmup=101)
    one = Settings(1, 1, 1, 1e-9, "linear", 1, 1e-9, 0.0, (0.0, 0.0), clip=None, average=0.5, save_every=1, keep=1)
    assert Settings(**json.loads(json.dumps(one.record()))) == one
    assert hash(one) != hash(replace(one, seed=1))


# ── precision ────────────────────────────────────────────────────────────────


def test_bfloat16_is_autocast_of_the_products_alone() -> None:
    kinds: list[torch.dtype] = []

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.out = nn.Linear(5, 3)

        def forward(self, ids: Tensor, labels: Tensor) -> Output:
            logits = self.out(ids)
            kinds.append(logits.dtype)
            return Output(ids, logits, functional.cross_entropy(logits, labels))

    def collate(some: list[Tensor]) -> dict[str, Tensor]:
        return {"ids": torch.stack(some), "labels": torch.arange(len(some)) % 3}

    features = list(torch.randn(8, 5, generator=torch.Generator().manual_seed(1)))
    runs = {}
    for precision in ("float32", "bfloat16"):
        model, settings = Model(), Settings(steps=1, batch=8, precision=precision)
        runs[precision] = train(model, features, collate, settings).losses[0]
        assert model.out.weight.dtype == torch.float32
    assert kinds == [torch.float32, torch.bfloat16]
    assert 0 < abs(runs["float32"] - runs["bfloat16"]) < 0.02
    model = Model()
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    assert sorted(order.tolist()) == list(range(8))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model.out(torch.stack(features))
    assert logits.dtype == torch.bfloat16


def clock(seconds: dict[str, float], seen: list[str]) -> Callable[[Precision], float]:
    def measure(precision: Precision) -> float:
        seen.append(precision.name)
        return seconds[precision.name] * (100 if seen.count(precision.name) == 1 else 1)  # the first is slow

    return measure


def test_auto_takes_what_measures_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundup.stack.training.precision.why_not_bfloat16", lambda device: "")
    cpu = torch.device("cpu")
    for fast, name in ((0.5, "bfloat16"), (0.95, "float32"), (3.0, "float32")):
        seen: list[str] = []
        found = choose_precision("auto", cpu, clock({"float32": 1.0, "bfloat16": fast}, seen))
        assert found.name == name
        assert seen.count("float32") == seen.count("bfloat16") == 4
        assert f"{fast * 1e3:.3g} ms in bfloat16 and 1e+03 ms in float32" in found.reason
    assert choose_precision("bfloat16") == Precision("bfloat16", "as set")
    with pytest.raises(ValueError, match="something to measure"):
        choose_precision("auto", cpu)


def test_auto_does_not_measure_where_nothing_can_be_won(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False)
    seen: list[str] = []
    found = choose_precision("auto", torch.device("cpu"), clock({}, seen))
    assert (found.name, found.reason, seen) == ("float32", "this processor has no instructions for bfloat16", [])
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert why_not_bfloat16(torch.device("cpu")) == ""
    assert "nothing is known of bfloat16 on mps" in why_not_bfloat16(torch.device("mps"))


# ── failures ─────────────────────────────────────────────────────────────────


class Planted(nn.Module):
    """A loss from numbers; what is planted in an example comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.5]))
        self.fail: Exception | None = None

    def forward(self, ids: Tensor, labels: Tensor) -> Output:
        if self.fail is not None and bool((ids == 99).any()):
            raise self.fail
        if bool((ids == 98).any()):
            return Output(ids, ids, (self.weight * 0).sum().sqrt())  # a finite loss, an infinite gradient
        return Output(ids, ids, ((self.weight * ids - labels) ** 2).mean())


class Huge(nn.Module):
    """Its loss always falls with the weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.5]))

    def forward(self, ids: Tensor, labels: Tensor) -> Output:
        return Output(ids, ids, -1e-3 * self.weight.sum())


def collate(features: list[float]) -> dict[str, Tensor]:
    return {"ids": torch.tensor(features), "labels": torch.zeros(len(features))}


def numbers(planted: float) -> list[float]:
    """Ten numbers; what is planted stands at place 6, which update 3 sees first with these settings."""
    return [0.1 * place for place in range(6)] + [planted] + [0.7, 0.8, 0.9]


PLAIN = Settings(steps=9, batch=4, accumulate=2, schedule="constant", save_every=1, seed=1, clip=None)


def first_sight(seed: int) -> int:
    """The update, from 1, that first sees the planted example."""
    seen: list[int] = []
    settings = replace(PLAIN, seed=seed, steps=3)
    updates: list[list[float]] = []

    def spy(features: list[float]) -> dict[str, Tensor]:
        updates.append(features)
        return collate(features)

    train(Planted(), numbers(0.6), spy, settings, watch=lambda step: seen.append(step.number))
    return next(place // 2 + 1 for place, part in enumerate(updates) if 0.6 in part)


@pytest.mark.parametrize("seed", range(6))
def test_a_loss_that_is_no_number_names_step_examples_and_the_last_good_state(seed: int, tmp_path: Path) -> None:
    step = first_sight(seed)
    model = Planted()
    settings = replace(PLAIN, seed=seed)
    with pytest.raises(NotFiniteError) as told:
        train(model, numbers(NAN), collate, settings, folder=tmp_path)
    error = told.value
    assert error.step == step
    assert 6 in error.indices and len(error.indices) == 2, "the micro-batch, not the whole batch"
    assert f"the loss is nan, so update {step} was not made. Its examples are {error.indices[0]}, " in str(error)
    if step == 1:
        assert error.state is None and "no state was kept before it" in str(error)
    else:
        assert error.state == tmp_path / f"state-{step - 1:08d}" and f"last good state is {error.state}" in str(error)
    before = Planted()
    if step > 1:
        train(before, numbers(0.6), collate, replace(settings, steps=step - 1))
    assert torch.equal(model.weight, before.weight), "the update was not made"


def test_a_gradient_that_is_infinite_names_the_batch() -> None:
    model = Planted()
    with pytest.raises(NotFiniteError, match=r"the gradient's length is (inf|nan), so update \d was not made") as told:
        train(model, numbers(98.0), collate, PLAIN)
    assert 6 in told.value.indices and len(told.value.indices) == 4
    assert torch.isfinite(model.weight).all()


def test_very_many_examples_are_cut_short() -> None:
    error = NotFiniteError("the loss is inf", 3, range(100), [Path("b"), Path("a")])
    assert error.indices == list(range(100))
    assert "62, 63 and 36 more; the last good state is b." in str(error)
    sent = pickle.loads(pickle.dumps(error))
    assert (str(sent), sent.step, sent.indices, sent.state) == (str(error), 3, error.indices, Path("b"))


def test_parameters_that_an_update_broke_are_not_kept(tmp_path: Path) -> None:
    """A rate that is finite in the settings and not in the parameters: the loss before the update is well."""
    settings = replace(PLAIN, schedule="linear", lr=1e38, warmup=4, weight_decay=0.0, steps=9, betas=(0.0, 0.9))
    with pytest.raises(NotFiniteError, match=r"weight has values that are not finite after update (\d)") as told:
        train(Huge(), numbers(0.6), collate, settings, folder=tmp_path)
    error = told.value
    assert error.step > 1 and len(error.indices) == 4
    assert error.state == tmp_path / f"state-{error.step - 1:08d}" == list_states(tmp_path)[0]
    weight = read_state(error.state).tensors["model.weight"]
    assert torch.isfinite(weight).all() and float(weight.abs()) > 1e37


def too_much(*_: object) -> Tensor:
    return torch.empty(2**50, dtype=torch.float64)


def test_memory_that_runs_out_says_what_to_change() -> None:
    with pytest.raises(RuntimeError) as told:
        too_much()
    for error in (told.value, torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), MemoryError()):
        assert is_memory_error(error)
        model = Planted()
        model.fail = error
        with pytest.raises(
            OutOfMemoryError, match="raise accumulate from 2 to 4, for micro-batches of 1 instead of 2 "
        ) as bad:
            train(model, numbers(99.0), collate, PLAIN)
        assert bad.value.__cause__ is error and re.search(r"memory ran out in update \d: ", str(bad.value))
    other = Planted()
    other.fail = RuntimeError("shapes differ")
    with pytest.raises(RuntimeError, match=r"^shapes differ$"):
        train(other, numbers(99.0), collate, PLAIN)


def test_what_is_too_much_is_told_from_the_model_and_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice is followed, and then an update fits into the memory that there is said to be."""
    tiny = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))
    model = tiny["build"]("bert")
    batch = tiny["batch_of"]("bert", rows=24, length=40)
    features = [{name: one[row] for name, one in batch.items()} for row in range(24)]
    calls = 0

    def gather(some: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        nonlocal calls
        calls += 1
        if calls == 5:
            too_much()
        return {name: torch.stack([one[name] for one in some]) for name in some[0]}

    whole = estimate_memory(model, gather(features[:12]), accumulate=2)
    assert memory_limit(torch.device("cpu")) > 100 * whole.total  # type: ignore[operator]
    assert memory_limit(torch.device("mps")) is None
    limit = whole.total * 2 // 3
    monkeypatch.setattr("groundup.stack.training.trainer.memory_limit", lambda device: limit)
    settings = Settings(steps=3, batch=24, accumulate=2)
    with pytest.raises(OutOfMemoryError, match=r"update 2: An update takes .* too much\. Set accumulate=\d+ ") as told:
        train(model, features, gather, settings)
    assert "can't allocate memory" in str(told.value)
    found = re.search(r"accumulate=(\d+) \(micro-batches of (\d+)\)", str(told.value))
    assert found is not None
    accumulate, rows = map(int, found.groups())
    assert accumulate * rows == 24
    assert estimate_memory(model, gather(features[:rows]), accumulate=accumulate).total <= limit
    limit = whole.total * 2  # it should fit: the rest is in others' use, and all that can be said is what is less
    calls = 0
    with pytest.raises(OutOfMemoryError, match="update 3: raise accumulate from 2 to 4, for micro-batches of 6 "):
        train(model, features, gather, settings)


def test_each_advice_can_be_followed_until_none_is_left() -> None:
    for processes in (1, 3):
        settings = Settings(steps=1, batch=29, average=0.9)
        for _ in range(20):
            advice = memory_advice(settings, processes)
            found = re.search(r"accumulate from (\d+) to (\d+), for micro-batches of (\d+) instead of (\d+)", advice)
            if found:
                was, now, micro, before = map(int, found.groups())
                assert was == settings.accumulate and now > was and micro <= before / 2
                assert processes * now <= 29
                assert micro == math.ceil(math.ceil(29 / processes) / now)
                settings = replace(settings, accumulate=now)
            elif "recompute=True" in advice:
                settings = replace(settings, recompute=True)
            elif "bfloat16" in advice:
                settings = replace(settings, precision="bfloat16")
            elif "average=None" in advice:
                settings = replace(settings, average=None)
            else:
                break
        assert advice.startswith("take shorter texts, a smaller batch or a smaller model")
        assert (settings.recompute, settings.precision, settings.average) == (True, "bfloat16", None)
        assert settings.accumulate == {1: 29, 3: 5}[processes], "with 9 the largest would still be of 2"


def test_a_full_disk_stops_a_run_that_then_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    from groundup.stack.training import states

    calls = 0

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 12:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(states.os, "fsync", full)
    assert is_disk_full(OSError(errno.ENOSPC, "")) and not is_disk_full(OSError(errno.EIO, ""))
    with pytest.raises(DiskFullError, match=r"no room for state-00000003, .* whole: state-00000002, state-00000001\."):
        train(Planted(), numbers(0.6), collate, PLAIN, folder=tmp_path)
    monkeypatch.undo()
    assert os.fsync is not full
    run = train(Planted(), numbers(0.6), collate, PLAIN, folder=tmp_path)
    assert run.resumed == 2
    assert run.losses == train(Planted(), numbers(0.6), collate, PLAIN).losses
