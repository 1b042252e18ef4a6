"""Names of weights: the ecosystem's checkpoints have theirs, our models have the papers'."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor


class NameTable:
    """Our names for those of the Hub, both ways. ``{}`` in a pair stands for a number, a layer's mostly.

    ``pairs`` has ours for the names of *their modules*: what is told apart is all before the last dot (weight, bias),
    or the whole name of a weight that stands alone. ``prefix`` is what checkpoints of a bare encoder leave out;
    ``dropped`` are names that say nothing new: buffers of old versions, and second names of tied weights. What is in
    neither stays as it is, so that loading can complain of it by its name.
    """

    def __init__(self, pairs: Mapping[str, str], prefix: str = "", dropped: Sequence[str] = ()) -> None:
        self._ours = dict(pairs)
        self._theirs = {ours: theirs for theirs, ours in pairs.items()}
        self._prefix = prefix
        self._dropped = frozenset(dropped)
        if len(self._theirs) != len(self._ours):
            raise ValueError("two names of the Hub stand for one of ours")

    def ours(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The same tensors under our names."""
        found = {}
        for name, one in weights.items():
            # Early checkpoints of Google's code called a norm's weight and bias gamma and beta.
            name = name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
            if name in self._dropped:
                continue
            new = _renamed(name, self._ours.get)
            if new is None and self._prefix and not name.startswith(self._prefix):
                if self._prefix + name in self._dropped:
                    continue
                new = _renamed(self._prefix + name, self._ours.get)
            found[name if new is None else new] = one
        return found

    def knows(self, name: str) -> bool:
        """Whether a weight of this name, one of ours, has a name on the Hub."""
        return _renamed(name, self._theirs.get) is not None

    def theirs(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The same tensors under the Hub's names. Raises KeyError for a weight that has none."""
        found = {}
        for name, one in weights.items():
            new = _renamed(name, self._theirs.get)
            if new is None:
                raise KeyError(f"{name} has no name on the Hub")
            found[new] = one
        return found


def _renamed(name: str, lookup: Callable[[str], str | None]) -> str | None:
    """The new name, numbers and the last part as they were; None where the table has none."""
    numbers = [part for part in name.split(".") if part.isdigit()]
    general = ".".join("{}" if part.isdigit() else part for part in name.split("."))
    stem, _, last = general.rpartition(".")
    for there, end in ((name, ""), (name.rpartition(".")[0], f".{last}"), (general, ""), (stem, f".{last}")):
        new = lookup(there)
        if new is not None:
            return new.format(*numbers) + end
    return None
