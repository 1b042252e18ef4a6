"""A step without its numbers: a model's own code runs on tensors that have a shape, a type and a device, and no memory.

    with rehearsed(model, batch) as play, some_counter:
        play.loss().backward()

So memory and operations can be counted before a run, of any family and head, in a fraction of a second, and of a model
of 70 billion parameters on a laptop if it was made ``with torch.device("meta")``. The tensors are PyTorch's
``FakeTensorMode``: unlike those of its ``meta`` device they take the kernels of the device that they stand for, so that
attention which is fused there is not written out here.

What values decide cannot be known. In these models that is how many labels count, which is told; a model that looks at
others is refused.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeCopyMode, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from groundup.stack.models.output import IGNORED
from groundup.stack.training.devices import named_device
from groundup.stack.training.recompute import recomputing, stop_recompute
from groundup.stack.transformer.attention import CausalWindow


@dataclass(frozen=True)
class Rehearsal:
    """A model and a batch like others, without memory, on the device that they stand for."""

    model: nn.Module
    batch: dict[str, Tensor]
    device: torch.device

    def loss(self) -> Tensor:
        """The loss of the batch. Raises ValueError where there is none."""
        loss = getattr(self.model(**self.batch), "loss", None)
        if not isinstance(loss, Tensor):
            name = type(self.model).__name__
            raise ValueError(f"{name} gave no loss: the batch needs labels, and the model a head")
        return loss


@contextmanager
def rehearsed(
    model: nn.Module,
    batch: Mapping[str, Tensor],
    *,
    recompute: bool = False,
    device: torch.device | str | None = None,
) -> Iterator[Rehearsal]:
    """A model in training mode and a batch without memory; operations on them cost none, until the end of the ``with``.

    The model is left as it is; so are random numbers. ``device`` is its own where not given, the CPU for one on
    ``meta``. Of the batch the shapes matter, and what share of its ``labels`` counts. Raises ValueError for a model
    that looks at the values of its tensors, and for a device that is not there, whose kernels are not, either.
    """
    labels = batch.get("labels")
    share = 1.0 if labels is None else float((labels != IGNORED).float().mean())
    place = next(model.parameters()).device if device is None else torch.device(device)
    if place.type == "meta":
        place = torch.device("cpu")
    elif device is not None:
        place = named_device(place)
    fake = FakeTensorMode()
    with FakeCopyMode(fake):
        played = copy.deepcopy(model).train()
    stop_recompute(played)
    for module in played.modules():
        for name, one in vars(module).items():
            if isinstance(one, CausalWindow):  # a copy of a mask is not known to be causal
                setattr(module, name, CausalWindow())
    with fake, _Told(share), recomputing(played) if recompute else nullcontext():
        _move(played, place)
        given = {name: torch.empty(one.shape, dtype=one.dtype, device=place) for name, one in batch.items()}
        for one in played.parameters():
            one.grad = None
        try:
            yield Rehearsal(played, given, place)
        except DataDependentOutputException as error:
            raise ValueError(f"{type(model).__name__} looks at the values of its tensors: {error}") from None


def _move(model: nn.Module, device: torch.device) -> None:
    """Other tensors like the model's on the device; what is shared stays so. Fake ones cannot be moved in place."""
    moved: dict[int, Any] = {}
    for module in model.modules():
        for kept in (module._parameters, module._buffers):
            for name, one in kept.items():
                if one is None or one.device == device:
                    continue
                if id(one) not in moved:
                    new = torch.empty(one.shape, dtype=one.dtype, device=device)
                    trained = one.requires_grad
                    moved[id(one)] = nn.Parameter(new, trained) if isinstance(one, nn.Parameter) else new
                kept[name] = moved[id(one)]


class _Told(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Answers the two questions that a loss asks of values: whether few labels count, and which ones.

    And writes in place what autograd writes in place unless it sees itself watched, by a mode as this one: the gradient
    of ``gather``. In half precision the kernel's own sums take as much as the copy, which is left.
    """

    def __init__(self, share: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.share = share

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and args[0].dtype == torch.bool:
            return self.share < 0.5
        if func is torch.ops.aten.index.Tensor:
            (source, (which, *rest)) = args
            if which is not None and which.dtype == torch.bool and not rest:
                count = round(self.share * which.numel())
                return source.new_empty((count, *source.shape[which.dim() :]))
        if func is torch.ops.aten.scatter_add.default and args[0].element_size() >= 4:
            return args[0].scatter_add_(*args[1:])
        return func(*args, **(kwargs or {}))
