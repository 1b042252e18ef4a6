"""An exponential moving average of the parameters: the noise of single updates cancels, and it often scores better.

    ā ← β ā + (1 - β) θ     after every update; after the first one ā = θ

Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992); with a decay β as in Kingma and Ba,
"Adam" (2015), section 7.2. Only parameters are averaged: what else a model keeps stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The average of a model's parameters. ``decay`` β: about 1 / (1 - β) updates are remembered.

    Raises ValueError unless 0 < decay < 1.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        if not 0 < decay < 1:
            raise ValueError(f"the decay of an average lies between 0 and 1, as 0.999 does: {decay}")
        self.decay, self.count = decay, 0
        self._live = {name: one for name, one in model.named_parameters() if one.requires_grad}
        self._kept = {name: one.detach().clone() for name, one in self._live.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the parameters as they are now."""
        live: list[Tensor] = list(self._live.values())
        kept = list(self._kept.values())
        if self.count == 0:
            for mine, one in zip(kept, live, strict=True):  # sharded tensors have no such call over a whole list
                mine.copy_(one)
        else:
            torch._foreach_lerp_(kept, live, 1 - self.decay)
        self.count += 1

    def tensors(self) -> dict[str, Tensor]:
        """The averages, by the parameters' names; not copies."""
        return dict(self._kept)

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], count: int) -> None:
        """Go on from :meth:`tensors`, which are copied, after ``count`` updates."""
        for name, one in self._kept.items():
            one.copy_(tensors[name])
        self.count = count

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averages for its parameters, afterwards its own again; nothing changes before an update."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def apply(self) -> None:
        """The model keeps the averages."""
        for name, one in self._live.items():
            one.copy_(self._kept[name])

    @torch.no_grad()
    def _swap(self) -> None:
        for name, one in self._live.items():
            other = self._kept[name]
            now = one.detach().clone()
            one.copy_(other)
            other.copy_(now)
