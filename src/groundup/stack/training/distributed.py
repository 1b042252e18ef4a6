"""Several processes that train one model: each takes a part of every batch, and all have the gradients of the whole.

    torchrun --nproc-per-node 2 script.py          and in the script:

    with processes("fsdp") as world:
        train(model, features, collate, settings, world=world)

    "ddp"    each process holds the whole model; gradients are summed while the backward pass is still going on
             Li and others, "PyTorch Distributed: Experiences on Accelerating Data Parallel Training" (2020)
    "fsdp"   each holds a part of every parameter, gradient and optimizer state; a block's parameters are gathered when
             it runs, and let go again. Rajbhandari and others, "ZeRO" (2020), stage 3; Zhao and others, "PyTorch FSDP"
             (2023), as PyTorch's ``fully_shard``

Both leave the mean over processes of what each process's backward pass gave; that the sum over all labels comes of it,
however unevenly they are spread, is the trainer's weighting. Processes on graphics cards talk through NCCL, others
through Gloo. Where nobody started several, the same script trains on one.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from groundup.stack.training.devices import own_device
from groundup.stack.training.recompute import find_blocks
from groundup.stack.training.world import World

Shared = TypeVar("Shared")
STRATEGIES = ("ddp", "fsdp")
_TOLD = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun, and whatever starts processes as it does, tells each of them in its environment."""


@contextmanager
def processes(strategy: str = "ddp", timeout_s: float = 600.0) -> Iterator[World]:
    """The processes that torchrun or Ray Train started, this one among them, until the end of the ``with``.

    One process alone, started by nobody, gets a plain World. A group can be begun once in a program: what trains
    several models does so within one ``with``, and may say the strategy of each by another inside. ``timeout_s`` is how
    long one waits for the others before it gives up. Raises ValueError for a strategy that is not known, or where only
    some of what torchrun tells is told.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"a strategy is {' or '.join(STRATEGIES)}, not {strategy!r}")
    if dist.is_initialized():  # by Ray Train, which will also end it
        yield Processes(strategy)
        return
    told = [name for name in _TOLD if name in os.environ]
    if not told:
        yield World()
        return
    if len(told) < len(_TOLD):
        missing = ", ".join(name for name in _TOLD if name not in told)
        raise ValueError(f"{', '.join(told)} are set, but not {missing}: start the script with torchrun, or unset them")
    device = own_device()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=timedelta(seconds=timeout_s))
    try:
        yield Processes(strategy)
    finally:
        dist.destroy_process_group()


@dataclass
class LossOutput:
    """What the trainer asks a wrapped model for."""

    loss: Tensor | None


class LossOnly(nn.Module):
    """A model that returns its loss alone.

    DDP follows what a forward pass returns back to the parameters, to know of which no gradient will come; of hidden
    states and pooled vectors that no loss looks at it would wait for one.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, **batch: Tensor) -> LossOutput:
        return LossOutput(self.model(**batch).loss)


class Processes(World):
    """The process group that was begun. ``strategy`` is "ddp" or "fsdp".

    Under "fsdp" parameters are parts, of which :meth:`whole` gathers one, and a model runs by being called, by all
    processes together; :meth:`gathered` is for what calls its methods.
    """

    def __init__(self, strategy: str = "ddp") -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.strategy = strategy
        self.device = own_device() if "nccl" in dist.get_backend() else torch.device("cpu")

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model, moved to this process's device, with process 0's weights in all of them."""
        model.to(self.device)
        with torch.no_grad():
            for one in (*model.parameters(), *model.buffers()):
                dist.broadcast(one, src=0)
        if self.strategy == "ddp":
            # It looks for parameters that no loss reaches, warns once where there are none, and is right with both.
            return DistributedDataParallel(LossOnly(model), find_unused_parameters=True)
        mesh = init_device_mesh(self.device.type, (self.size,))
        for block in find_blocks(model):
            if not hasattr(block, "step"):  # run word by word, past the hooks that would gather its parameters
                fully_shard(block, mesh=mesh)
        fully_shard(model, mesh=mesh)  # the rest, embeddings and heads among it
        # Logits may be a view; nothing here changes what a model returned.
        warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
        return model

    def update(self, model: nn.Module, last: bool) -> AbstractContextManager[None]:
        """DDP exchanges gradients with the last micro-batch. FSDP does with each, for a process that kept those of the
        others' parts until then would hold as much as one alone."""
        if isinstance(model, DistributedDataParallel) and not last:
            context: AbstractContextManager[None] = model.no_sync()
            return context
        return nullcontext()

    @contextmanager
    def gathered(self, model: nn.Module) -> Iterator[None]:
        """Embeddings, heads and what else stands outside of blocks are whole meanwhile; blocks are when they run."""
        if isinstance(model, FSDPModule):
            model.reshard()  # what was gathered before may be of older parameters
            model.unshard()
        try:
            yield
        finally:
            if isinstance(model, FSDPModule):
                model.reshard()

    def sum(self, values: Tensor) -> Tensor:
        total = values.detach().clone().to(self.device)
        dist.all_reduce(total)
        return total.to(values.device)

    def share(self, value: Shared) -> Shared:
        held: list[Any] = [value]
        dist.broadcast_object_list(held, src=0, device=self.device)
        result: Shared = held[0]
        return result

    def whole(self, tensor: Tensor) -> Tensor:
        result: Tensor = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        return result

    def part(self, whole: Tensor, like: Tensor) -> Tensor:
        if not isinstance(like, DTensor):
            return whole
        # Every process has read the whole, so that nothing need be sent.
        whole = whole.to(device=like.device, dtype=like.dtype)
        return distribute_tensor(whole, like.device_mesh, like.placements, src_data_rank=None)

    @torch.no_grad()
    def clip(self, params: list[Tensor], max_norm: float | None) -> Tensor:
        """The length of all parts together: of sharded gradients each process knows the squares of its own."""
        grads = [one.grad for one in params if one.grad is not None]
        if not any(isinstance(one, DTensor) for one in grads):
            return super().clip(params, max_norm)
        if max_norm is not None and not max_norm > 0:
            raise ValueError(f"max_norm must be above 0: {max_norm}")
        own = [one.to_local() for one in grads if isinstance(one, DTensor)]
        squares = torch.stack(torch._foreach_norm(own)).square().sum()
        norm = self.sum(squares).sqrt()
        length = float(norm)
        if max_norm is not None and math.isfinite(length) and length > max_norm:
            torch._foreach_mul_(own, max_norm / length)
        return norm


def whole_weights(world: World, model: nn.Module) -> Mapping[str, Tensor]:
    """The whole of every parameter and buffer, on all processes: what ``save_pretrained`` of an unsharded model of the
    same kind writes. Called by all processes."""
    return {name: world.whole(one.detach()).cpu() for name, one in model.state_dict().items()}
