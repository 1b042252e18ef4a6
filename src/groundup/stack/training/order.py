"""Which examples an update sees: a function of the seed and the update's number, and of nothing else.

    epoch 0         epoch 1         epoch 2           each a permutation of all examples, from (seed, epoch)
    [3 0 4 1 2]     [1 4 0 2 3]     [2 3 1 0 4] …     one after the other: the stream
     └ step 0 ┘ └ step 1 ┘ └ step 2 ┘                 cut into batches, which may span two epochs

So a run that was cut off goes on at its position without replaying what came before, and several processes need not
talk to know their examples: each takes its part of the batch, and the parts together are the batch of one process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from groundup.stack.training.randomness import derived_seed

Item = TypeVar("Item")
_SAMPLED = 4096


class Order:
    """The order of ``examples`` examples in batches of ``batch``. Raises ValueError where there is no example."""

    def __init__(self, examples: int, batch: int, seed: int = 0) -> None:
        if examples < 1:
            raise ValueError("there are no examples to train on")
        if batch < 1:
            raise ValueError(f"a batch has at least one example: {batch}")
        self.examples, self.batch, self.seed = examples, batch, seed
        self._epoch, self._permutation = -1, [0]

    def indices(self, step: int) -> list[int]:
        """The examples of update ``step``, 0 the first, in their order."""
        begin = step * self.batch
        return [self._at(place) for place in range(begin, begin + self.batch)]

    def epoch(self, step: int) -> float:
        """How often the examples have been seen before update ``step``."""
        return step * self.batch / self.examples

    def _at(self, place: int) -> int:
        epoch, within = divmod(place, self.examples)
        if epoch != self._epoch:
            draw = torch.Generator().manual_seed(derived_seed("order", self.seed, epoch))
            self._epoch, self._permutation = epoch, torch.randperm(self.examples, generator=draw).tolist()
        return self._permutation[within]


def part_of(items: Sequence[Item], parts: int, part: int) -> Sequence[Item]:
    """Part ``part`` of ``parts``, whose lengths differ by at most one; one after the other they are the whole.

    Raises ValueError unless 0 ≤ part < parts.
    """
    if not 0 <= part < parts:
        raise ValueError(f"there is no part {part} of {parts}")
    return items[part * len(items) // parts : (part + 1) * len(items) // parts]


def fingerprint(features: Sequence[Any]) -> str:
    """A short name of the examples and their order, so that a run does not go on with others.

    Of more than 4096, as many are looked at, evenly spaced. Of an object that is no number, text, tensor, list,
    dictionary or dataclass only the type counts.
    """
    digest = hashlib.blake2b(str(len(features)).encode(), digest_size=8)
    count = min(len(features), _SAMPLED)
    for place in range(count):
        _add(digest, features[place * len(features) // count])
    return digest.hexdigest()


def _add(digest: Any, value: Any) -> None:
    if isinstance(value, Tensor):
        _add(digest, [str(value.dtype), *value.shape])
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    elif isinstance(value, dict):
        _add_all(digest, "{", [part for pair in value.items() for part in pair])
    elif isinstance(value, list | tuple) and not all(type(part) in (int, float, str, bool) for part in value):
        _add_all(digest, "[", value)
    elif isinstance(value, list | tuple | int | float | str | bytes | bool | None):
        digest.update(repr(value).encode("utf-8", "surrogatepass") + b"\0")
    elif hasattr(value, "__dataclass_fields__"):
        _add_all(digest, type(value).__name__, [getattr(value, name) for name in value.__dataclass_fields__])
    elif hasattr(value, "tobytes") and hasattr(value, "shape"):  # an array of NumPy's
        _add(digest, [str(value.dtype), *value.shape])
        digest.update(value.tobytes())
    else:
        digest.update(type(value).__name__.encode() + b"\0")


def _add_all(digest: Any, kind: str, values: Iterable[Any]) -> None:
    digest.update(kind.encode())
    for value in values:
        _add(digest, value)
    digest.update(b"\1")
