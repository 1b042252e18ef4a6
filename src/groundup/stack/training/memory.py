"""How much memory an update takes, before it is run, and which setting to change where that is too much.

    weights  +  optimizer  +  average  +  the larger of   a forward and a backward pass, gradients among it
                                                          the optimizer's step, gradients among it

    activations = what a forward pass leaves for the backward pass: ~ rows · length, and rows · length² of attention
                  that is written out

The update is rehearsed (:mod:`.rehearsal`), not calculated by a formula: the model's own code runs on tensors without
memory, while :class:`LiveBytes` adds up what is alive after every operation. That fits every family, head, precision
and length, recomputed blocks too, with no table to keep in step with the models, and takes a fraction of a second. The
same counter measures a true run. What it cannot see is what a kernel uses inside, and what an allocator has in reserve.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from groundup.stack.nn.optimizers import AdamW
from groundup.stack.training.recompute import find_blocks
from groundup.stack.training.rehearsal import rehearsed


@dataclass(frozen=True)
class Memory:
    """Bytes. ``passes`` and ``update`` are the most that is alive at once, beside weights, optimizer and average,
    during the two passes of a micro-batch and during the optimizer's step: ``gradients`` are in both, ``activations``
    in the first."""

    weights: int
    gradients: int
    optimizer: int
    average: int
    activations: int
    passes: int
    update: int

    @property
    def held(self) -> int:
        """What is there all the time, whatever the batch."""
        return self.weights + self.optimizer + self.average

    @property
    def total(self) -> int:
        """The most that is alive at once."""
        return self.held + max(self.passes, self.update)

    def __str__(self) -> str:
        parts = ("weights", "gradients", "optimizer", "average", "activations")
        return f"{in_words(self.total)}: " + ", ".join(f"{name} {in_words(getattr(self, name))}" for name in parts)


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it lasts, counts the bytes of all tensors that operations made and that are alive: ``now``, ``peak``.

    A tensor that was there before does not count, a view of another costs nothing, and what two tensors share counts
    once. It sees the backward pass too.
    """

    def __init__(self, there: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._known: set[int] = set()
        self._kept: list[Any] = []  # so that none of their addresses is given to another
        for one in there:
            self._kept.append(one.untyped_storage())
            self._known.add(one.untyped_storage()._cdata)

    def restart(self) -> None:
        """The peak is looked for from now on."""
        self.peak = self.now

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for one in tree_leaves(result):
            if isinstance(one, Tensor):
                self._see(one.untyped_storage())
        return result

    def _see(self, storage: Any) -> None:
        address, size = storage._cdata, storage.nbytes()
        if address not in self._known:
            self._known.add(address)
            weakref.finalize(storage, self._forget, address, size)
            self.now += size
            self.peak = max(self.peak, self.now)

    def _forget(self, address: int, size: int) -> None:
        self._known.discard(address)
        self.now -= size


def estimate_memory(
    model: nn.Module,
    batch: Mapping[str, Tensor],
    *,
    accumulate: int = 1,
    recompute: bool = False,
    bfloat16: bool = False,
    average: bool = False,
    device: torch.device | str | None = None,
) -> Memory:
    """What an update by AdamW takes, whose ``accumulate`` micro-batches are like ``batch``; nothing is computed.

    The model is as it would be trained, and is not changed; ``device`` is its own where not given, the CPU's for a
    model on ``meta``. ``bfloat16`` is autocast's, ``average`` a moving average of the parameters. Of ``batch`` the
    shapes matter, and what share of the labels counts. Raises ValueError for a model without a loss, or one that looks
    at the values of its tensors.
    """
    with rehearsed(model, batch, recompute=recompute, device=device) as play:
        there = [*play.model.parameters(), *play.model.buffers()]
        weights = _distinct_bytes(there)
        with LiveBytes([*there, *play.batch.values()]) as live:
            optimizer = AdamW((one for one in play.model.parameters() if one.requires_grad), lr=1e-3)
            state = live.now
            means = [one.detach().clone() for one in optimizer.params] if average else []
            begun = live.now
            live.restart()
            activations = 0
            for _ in range(min(accumulate, 2)):  # the second has the gradients of the first beside it, as all others
                before = live.now
                with torch.autocast(play.device.type, torch.bfloat16) if bfloat16 else nullcontext():
                    loss = play.loss()
                activations = max(activations, live.now - before)
                torch.autograd.backward(loss)
                del loss
            passes, gradients = live.peak - begun, live.now - begun
            live.restart()
            optimizer.step()
            update = live.peak - begun
            del means
    return Memory(weights, gradients, state, begun - state, activations, passes, update)


def _distinct_bytes(tensors: Iterable[Tensor]) -> int:
    storages = {one.untyped_storage()._cdata: one.untyped_storage().nbytes() for one in tensors}
    return sum(storages.values())


# ── what to change ───────────────────────────────────────────────────────────


Way = tuple[int, int, bool, int]
"""Rows of a micro-batch, how many of them, whether blocks are recomputed, tokens of a text."""
_AGAIN = "the same update, a third more to compute"


@dataclass(frozen=True)
class Change:
    """Settings under which an update fits, and what it takes then. ``rows`` are a micro-batch's, on one process; the
    update has ``rows · accumulate`` as before."""

    rows: int
    accumulate: int
    recompute: bool
    length: int
    memory: Memory
    costs: str

    def __str__(self) -> str:
        settings = f"accumulate={self.accumulate} (micro-batches of {self.rows}), recompute={self.recompute}"
        return f"{settings}, texts of at most {self.length} tokens: {in_words(self.memory.total)}; {self.costs}"


def advise_memory(
    model: nn.Module,
    batch: Mapping[str, Tensor],
    limit: int,
    *,
    accumulate: int = 1,
    recompute: bool = False,
    **more: Any,
) -> list[Change]:
    """What to change so that an update of ``accumulate`` micro-batches like ``batch`` takes at most ``limit`` bytes.

    Each entry fits by itself, the least costly first: smaller micro-batches and more of them, then recomputed blocks,
    then both, which all make the same update; at last shorter texts, which do not. The first is the settings as they
    are where these fit. None where no batch fits, since what is there all the time is too much: :func:`explain_memory`
    says so in words. ``more`` is :func:`estimate_memory`'s.
    """
    rows, length = batch["ids"].shape

    def change(way: Way, costs: str) -> Change:
        fewer, parts, again, short = way
        cut = cut_batch(batch, fewer, short)
        needs = estimate_memory(model, cut, accumulate=parts, recompute=again, **more)
        return Change(fewer, parts, again, short, needs, costs)

    now = change((rows, accumulate, recompute, length), "as it is")
    if now.memory.total <= limit:
        return [now]
    if now.memory.held + now.memory.gradients > limit:
        return []
    cuts = [(rows // parts, accumulate * parts) for parts in range(2, rows + 1) if rows % parts == 0]

    def fit(ways: Sequence[Way], costs: str) -> Change | None:
        return _first_fit(ways, lambda way: change(way, costs), limit)

    found = [fit([(*cut, recompute, length) for cut in cuts], "the same update, nearly as fast")]
    again = recompute or bool(find_blocks(model))  # what has no blocks cannot recompute them
    if again and not recompute:
        found.append(fit([(rows, accumulate, True, length)], _AGAIN))
        if not any(found):
            found.append(fit([(*cut, True, length) for cut in cuts], _AGAIN))
    if not any(found):
        last = cuts[-1] if cuts else (rows, accumulate)
        lengths = [length * part // 16 for part in range(15, 0, -1) if length * part // 16 > 1]
        found.append(fit([(*last, again, short) for short in lengths], "longer texts are cut off or left out"))
    return [one for one in found if one is not None]


def explain_memory(model: nn.Module, batch: Mapping[str, Tensor], limit: int, **settings: Any) -> str:
    """:func:`advise_memory` in words: what an update takes, what there is, and which settings to write."""
    now = estimate_memory(model, batch, **settings)
    rows, length = batch["ids"].shape
    begin = f"An update takes {in_words(now.total)} with micro-batches of {rows} texts of {length} tokens"
    if now.total <= limit:
        return f"{begin}, and fits into {in_words(limit)}."
    changes = advise_memory(model, batch, limit, **settings)
    if changes:
        return f"{begin}, {in_words(now.total - limit)} too much. Set " + "; or ".join(map(str, changes)) + "."
    fixed = now.held + now.gradients
    if fixed >= limit:
        parts = ceil(2 * fixed / max(limit, 1))
        return (
            f"{begin}, of which weights, gradients and optimizer are {in_words(fixed)}: no batch fits into "
            f"{in_words(limit)}. Shard them over {parts} processes (FSDP), or take a smaller model."
        )
    return f"{begin}: not even one text of a few tokens fits into {in_words(limit)} beside {in_words(fixed)} of state."


def cut_batch(batch: Mapping[str, Tensor], rows: int, length: int) -> dict[str, Tensor]:
    """A batch with so many rows, taken round and round, of at most so many tokens."""

    def cut(one: Tensor) -> Tensor:
        one = one[torch.arange(rows, device=one.device) % len(one)]
        return one[:, :length] if one.dim() > 1 else one

    return {name: cut(one) for name, one in batch.items()}


def _first_fit(ways: Sequence[Way], change: Callable[[Way], Change], limit: int) -> Change | None:
    """The first of ``ways``, each smaller than the one before, that fits: the last one, or one found by halving."""
    if not ways or (best := change(ways[-1])).memory.total > limit:
        return None
    low, high = 0, len(ways) - 2
    while low <= high:
        middle = (low + high) // 2
        tried = change(ways[middle])
        if tried.memory.total <= limit:
            best, high = tried, middle - 1
        else:
            low = middle + 1
    return best


def in_words(size: int | float) -> str:
    """Bytes as people read them: ``3.2 MiB``."""
    for unit in ("bytes", "KiB", "MiB"):
        if abs(size) < 1024:
            return f"{size:.3g} {unit}" if unit != "bytes" else f"{size:.0f} bytes"
        size /= 1024
    return f"{size:,.3g} GiB" if size < 1000 else f"{size:,.0f} GiB"


def shard_memory(memory: Memory, processes: int) -> Memory:
    """What each of so many processes takes where weights, gradients, optimizer and average are sharded (FSDP2): an even
    part of each, and the activations of its own micro-batch as before."""
    part = {name: ceil(getattr(memory, name) / processes) for name in ("weights", "optimizer", "average", "gradients")}
    less = memory.gradients - part["gradients"]
    return replace(memory, **part, passes=memory.passes - less, update=ceil(memory.update / processes))
