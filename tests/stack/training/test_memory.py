"""What an update is said to take, beside what PyTorch's allocator says that it took."""

from __future__ import annotations

import copy
import math
import runpy
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from groundup.stack.models.families import CausalLM
from groundup.stack.models.llama import Llama, LlamaConfig
from groundup.stack.nn.optimizers import AdamW
from groundup.stack.training.averages import Average
from groundup.stack.training.memory import (
    LiveBytes,
    Memory,
    advise_memory,
    cut_batch,
    estimate_memory,
    explain_memory,
    in_words,
    shard_memory,
)
from groundup.stack.training.recompute import recomputing, start_recompute

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))
pytestmark = [
    pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight"),  # norms under autocast
    pytest.mark.filterwarnings("ignore:.*Profiler clears events at the end of each cycle"),  # with a graphics card
]


def allocated(run: Callable[[], object]) -> tuple[int, int]:
    """The most bytes that the allocator had given out at once, beyond those at the beginning, and what is left."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        result = run()
        del result
    events = [one for one in seen.profiler.kineto_results.events() if one.name() == "[memory]"]
    now = peak = 0
    for event in sorted(events, key=lambda one: one.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak, now


def passes(model: Any, batch: dict[str, Tensor], bfloat16: bool = False) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        loss = model(**batch).loss
    torch.autograd.backward(loss)


COMBINATIONS = [(name, way, way) for name in ("bert", "deberta") for way in (False, True)]
COMBINATIONS += [(name, False, False) for name in ("xlnet", "t5")] + [
    (name, True, True) for name in ("albert", "qwen3")
]
COMBINATIONS += [("roberta-tokens", False, True), ("gpt2", True, False), ("transformer", True, False)]


@pytest.mark.parametrize(("name", "recompute", "bfloat16"), COMBINATIONS)
def test_passes_are_what_the_allocator_gives(name: str, recompute: bool, bfloat16: bool) -> None:
    model, batch = TINY["build"](name, dim=64), TINY["batch_of"](name, rows=5, length=60)
    told = estimate_memory(model, batch, recompute=recompute, bfloat16=bfloat16)
    with recomputing(model) if recompute else nullcontext():
        peak, left = allocated(lambda: passes(model, batch, bfloat16))
    assert (
        abs(told.passes - peak) < (0.2 if bfloat16 else 0.02) * peak
    )  # the promise; kernels' own sums are in the first
    assert abs(told.gradients - left) < 0.05 * left


def test_recurrences_too() -> None:
    model, batch = TINY["build"]("jamba", layers=2), TINY["batch_of"]("jamba", rows=2, length=8)
    told = estimate_memory(model, batch)
    peak, _ = allocated(lambda: passes(model, batch))
    assert abs(told.passes - peak) < 0.02 * peak


@pytest.mark.parametrize("name", ["bert", "llama", "t5"])
def test_activations_are_what_autograd_keeps(name: str) -> None:
    model, batch = TINY["build"](name), TINY["batch_of"](name)
    there = {one.untyped_storage()._cdata for one in (*model.parameters(), *model.buffers(), *batch.values())}
    kept: dict[int, Tensor] = {}

    def keep(one: Tensor) -> Tensor:
        if one.untyped_storage()._cdata not in there:
            kept[one.untyped_storage()._cdata] = one
        return one

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda one: one):
        loss = model(**batch).loss
    size = sum(one.untyped_storage().nbytes() for one in kept.values())
    del loss
    told = estimate_memory(model, batch)
    assert size <= told.activations < 1.05 * size + 100  # a few numbers more: the loss, masks that are views of labels
    assert told.activations > estimate_memory(model, batch, recompute=True).activations


def test_the_rest_is_counted_to_the_byte() -> None:
    model, batch = TINY["build"]("bert"), TINY["batch_of"]("bert")
    count = sum(one.numel() for one in model.parameters())
    told = estimate_memory(model, batch, average=True)
    assert (told.weights, told.optimizer, told.average) == (4 * count, 8 * count, 4 * count)
    asked = sum(one.numel() for name, one in model.named_parameters() if "pooler" not in name)
    assert told.gradients == 4 * asked
    assert told.held == 16 * count
    assert told.total == told.held + max(told.passes, told.update)
    optimizer = AdamW(model.parameters(), 1e-3)
    passes(model, batch)
    peak, left = allocated(optimizer.step)
    assert left == 0
    assert abs(told.update - told.gradients - peak) < 0.02 * peak
    assert allocated(lambda: Average(model, 0.9))[0] == told.average
    frozen = copy.deepcopy(model)
    frozen.encoder.requires_grad_(False)
    less = estimate_memory(frozen, batch)
    assert less.weights == told.weights
    assert less.optimizer == 2 * less.gradients < told.optimizer
    assert less.activations < told.activations


def test_a_whole_update_of_several_micro_batches() -> None:
    model, batch = TINY["build"]("gpt2", dim=64), TINY["batch_of"]("gpt2", rows=4, length=40)
    told = estimate_memory(model, batch, accumulate=3)

    def update() -> None:
        optimizer = AdamW(model.parameters(), 1e-3)
        for _ in range(3):
            passes(model, batch)
        optimizer.step()

    peak, _ = allocated(update)
    assert abs(told.total - told.weights - peak) < 0.05 * peak


def test_nothing_of_the_model_is_touched() -> None:
    model, batch = TINY["build"]("llama").eval(), TINY["batch_of"]("llama")
    model(**batch)  # a mask is kept from now on
    passes(model, batch)
    before = {name: (one, one.grad, one.clone(), one.grad.clone()) for name, one in model.named_parameters()}
    state = torch.get_rng_state()
    first = estimate_memory(model, batch, recompute=True)
    start_recompute(model)
    assert estimate_memory(model, batch) != first  # what the model does of its own accord does not count
    assert torch.equal(state, torch.get_rng_state())
    for name, one in model.named_parameters():
        same, gradient, values, slopes = before[name]
        assert one is same and one.grad is gradient
        assert torch.equal(one, values) and torch.equal(one.grad, slopes)
    assert not model.training
    assert type(model(**batch).loss) is Tensor


def test_a_model_that_is_nowhere_is_played_as_if_it_were_here() -> None:
    sizes: dict[str, Any] = {"vocab": 97, "dim": 24, "layers": 2, "heads": 4, "hidden": 50, "context": 64}
    with torch.device("meta"):
        nowhere = CausalLM(Llama(LlamaConfig(**sizes)))
        large = CausalLM(Llama(LlamaConfig(32000, 4096, 2, 32, 11008, tied=False)))
    here, batch = CausalLM(Llama(LlamaConfig(**sizes))), TINY["batch_of"]("llama")
    assert estimate_memory(nowhere, batch) == estimate_memory(here, batch)
    told = estimate_memory(large, batch)
    # Llama 2's 7B has 6.74 billion in 32 blocks (Touvron and others 2023, table 1); this one has 2 of them.
    block = 4 * 4096**2 + 3 * 4096 * 11008
    assert 6.7e9 < told.weights / 4 + 30 * block < 6.8e9
    parts = shard_memory(told, 8)
    assert parts.held * 8 - told.held < 8 * 3
    assert parts.activations == told.activations
    assert parts.passes == told.passes - told.gradients + parts.gradients


def test_live_bytes_on_true_tensors() -> None:
    there = torch.ones(100)
    with LiveBytes([there]) as live:
        view = there[:50].reshape(5, 10)
        assert live.now == 0
        one = view + 1
        other = one * 2
        assert live.now == 2 * 50 * 4
        del one
        assert (live.now, live.peak) == (50 * 4, 2 * 50 * 4)
        live.restart()
        assert live.peak == 50 * 4
        last = other.t()
        del other
        assert live.now == 50 * 4
        del last
        assert (live.now, live.peak) == (0, 50 * 4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a graphics card")
def test_a_device_that_is_not_there_is_refused() -> None:
    """PyTorch would end the program."""
    with pytest.raises(ValueError, match="no device cuda: here there are cpu"):
        estimate_memory(TINY["build"]("llama"), TINY["batch_of"]("llama"), device="cuda")


def test_what_cannot_be_played_is_said() -> None:
    class Choosy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x) if x.sum().item() > 0 else x

    with pytest.raises(ValueError, match="Choosy looks at the values"):
        estimate_memory(Choosy(), {"x": torch.ones(2, 3)})
    bare = {name: one for name, one in TINY["batch_of"]("bert").items() if name != "labels"}
    with pytest.raises(ValueError, match="needs labels"):
        estimate_memory(TINY["build"]("bert"), bare)


def test_advice_fits_and_is_tight() -> None:
    model, batch = TINY["build"]("gpt2", dim=24, layers=2), TINY["batch_of"]("gpt2", rows=12, length=40)
    now = estimate_memory(model, batch)
    assert [str(one.costs) for one in advise_memory(model, batch, now.total)] == ["as it is"]
    assert "fits into" in explain_memory(model, batch, now.total)
    again = estimate_memory(model, batch, recompute=True)
    limit = max(now.total // 2, again.total)
    smaller, recomputed = advise_memory(model, batch, limit)
    assert (recomputed.rows, recomputed.accumulate, recomputed.recompute) == (12, 1, True)
    assert smaller.rows * smaller.accumulate == 12 and not smaller.recompute
    assert recomputed.memory == again
    before = {12: 12, 6: 12, 4: 6, 3: 4, 2: 3, 1: 2}[smaller.rows]  # one size up, it would not have
    larger = estimate_memory(model, cut_batch(batch, before, 40), accumulate=12 // before)
    assert smaller.memory.total <= limit < larger.total
    assert str(smaller).startswith(
        f"accumulate={smaller.accumulate} (micro-batches of {smaller.rows}), recompute=False"
    )


def test_advice_gets_to_the_last_means() -> None:
    model, batch = TINY["build"]("gpt2", dim=16, layers=2), TINY["batch_of"]("gpt2", rows=2, length=60)

    def total(rows: int, recompute: bool, length: int = 60) -> int:
        cut = cut_batch(batch, rows, length)
        return estimate_memory(model, cut, accumulate=2 // rows, recompute=recompute).total

    both = total(1, True)
    assert both < total(1, False) and both < total(2, True)
    (found,) = advise_memory(model, batch, both)
    assert (found.rows, found.accumulate, found.recompute, found.length) == (1, 2, True, 60)
    (found,) = advise_memory(model, batch, both - 1)
    assert found.recompute and found.rows == 1 and 1 < found.length < 60
    assert found.memory.total <= both - 1
    assert "cut off" in str(found)
    fixed = estimate_memory(model, batch)
    told = explain_memory(model, batch, fixed.held // 2)
    assert advise_memory(model, batch, fixed.held // 2) == []
    parts = math.ceil(2 * (fixed.held + fixed.gradients) / (fixed.held // 2))
    assert f"Shard them over {parts} processes" in told


def test_cut_batch() -> None:
    batch = TINY["batch_of"]("t5", rows=3, length=14)
    cut = cut_batch(batch, 5, 11)
    assert cut["ids"].shape == (5, 11) and cut["labels"].shape == (5, 10)
    assert torch.equal(cut["ids"][3], batch["ids"][0, :11])
    span = cut_batch(TINY["batch_of"]("bert-span"), 2, 6)
    assert span["labels"].shape == (2, 2)
    assert cut_batch(TINY["batch_of"]("bert-classes"), 4, 6)["labels"].shape == (4,)


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (3.2 * 2**20, "3.2 MiB"), (5 * 2**40, "5,120 GiB")],
)
def test_in_words(size: float, words: str) -> None:
    assert in_words(size) == words


def test_memory_prints_its_parts() -> None:
    told = Memory(2**20, 2**20, 2**21, 0, 2**22, 2**23, 2**21)
    assert str(told).startswith("11 MiB: weights 1 MiB, gradients 1 MiB, optimizer 2 MiB, average 0 bytes, activations")


class Blockless(nn.Module):
    """Tied weights, a buffer, a frozen parameter, a layer that no loss reaches, and no list of blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.norm, self.unused = nn.Embedding(300, 32), nn.BatchNorm1d(32), nn.Linear(70, 70)
        self.out = nn.Linear(32, 300, bias=False)
        self.out.weight = self.tokens.weight
        self.frozen = nn.Parameter(torch.ones(500, 100), requires_grad=False)
        self.register_buffer("large", torch.zeros(3000), persistent=False)

    def forward(self, ids: Tensor, labels: Tensor) -> Any:
        hidden = self.norm(self.tokens(ids).transpose(1, 2)).transpose(1, 2)
        logits = self.out(hidden)
        return SimpleNamespace(loss=nn.functional.cross_entropy(logits.transpose(1, 2), labels))


@pytest.mark.parametrize("rows", [1, 16])
@pytest.mark.parametrize("average", [False, True])
def test_what_is_tied_frozen_or_unused_is_counted_as_a_true_update_has_it(rows: int, average: bool) -> None:
    model, ids = Blockless(), torch.randint(300, (rows, 12), generator=torch.Generator().manual_seed(0))
    batch = {"ids": ids, "labels": ids.flip(1)}
    kept = {one.untyped_storage()._cdata: one.nbytes for one in (*model.parameters(), *model.buffers())}
    with LiveBytes([*model.parameters(), *model.buffers(), *batch.values()]) as live:
        optimizer = AdamW((one for one in model.parameters() if one.requires_grad), 1e-3)
        mean = Average(model, 0.9) if average else None
        for _ in range(3):
            passes(model, batch)
        optimizer.step()
        del mean
    told = estimate_memory(model, batch, accumulate=3, average=average)
    assert told.total == sum(kept.values()) + live.peak
    assert told.weights == sum(kept.values()) == 4 * (300 * 32 + 500 * 100 + 70 * 71 + 4 * 32 + 3000) + 8


def test_advice_to_a_model_without_blocks_does_not_speak_of_them() -> None:
    ids = torch.zeros(16, 12, dtype=torch.int64)
    batch = {"ids": ids, "labels": ids}
    now = estimate_memory(Blockless(), batch)
    (found,) = advise_memory(Blockless(), batch, int(0.9 * now.total))
    assert (found.rows, found.accumulate, found.recompute) == (8, 2, False)
    small = now.held + now.gradients + 20_000
    assert all(not one.recompute and one.memory.total <= small for one in advise_memory(Blockless(), batch, small))
    assert "no batch fits into 0 bytes" in explain_memory(Blockless(), batch, 0)
