"""The random source that a driver draws its inputs from: the same numbers for the learner, the reference and mistakes.

One stream belongs to one (seed, topic, case): NumPy's Philox, keyed by a hash of the three, so that adding a case never
changes the inputs of another. The judge and the sandboxed child build it independently and draw the same numbers.
It holds no secret: a learner's code may read or replace it in its own process, which can only make its answer wrong.
It is not for drawing what an implementation returns: builds that draw take ``rng.generator()``.
"""

from __future__ import annotations

import hashlib
import math
import string
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch

# torch.autograd imports this on its first use (0.16 s): once in the warm process, not again in each forked child.
import torch.fx.experimental.symbolic_shapes

Item = TypeVar("Item")

ALPHABET = string.ascii_lowercase + " "
_POSITIVE_BUFFERS = ("running_var",)
_FILLED_BUFFERS = ("running_mean", *_POSITIVE_BUFFERS)


class _Unseeded(np.random.bit_generator.ISeedSequence):
    """For a generator whose state is set at once: without it, each would first ask the system for entropy."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        return np.zeros(n_words, dtype)


_UNSEEDED: Any = _Unseeded()
_FOUR_ZEROS = np.zeros(4, np.uint64)


def _begin(source: np.random.Philox, *words: object) -> None:
    """Put a source at the start of the stream of these words; they are length-prefixed, so that no two tuples meet."""
    digest = hashlib.sha256()
    for word in words:
        raw = str(word).encode()
        digest.update(len(raw).to_bytes(8, "little") + raw)
    source.state = {
        "bit_generator": "Philox",
        "state": {"counter": _FOUR_ZEROS, "key": np.frombuffer(digest.digest()[:16], "<u8").astype(np.uint64)},
        "buffer": _FOUR_ZEROS,
        "buffer_pos": 4,
        "has_uint32": 0,
        "uinteger": 0,
    }


def _philox(*words: object) -> np.random.Generator:
    """A stream of its own for each tuple of words."""
    source = np.random.Philox(_UNSEEDED)
    _begin(source, *words)
    return np.random.Generator(source)


class Rng:
    """Inputs for one case. Every method draws from the one stream, in the order in which a driver calls it."""

    def __init__(self, seed: int, topic: str, case: str) -> None:
        self._draws = _philox(seed, topic, case)

    def normal(
        self, *shape: int, dtype: torch.dtype = torch.float32, scale: float = 1.0, shift: float = 0.0
    ) -> torch.Tensor:
        """A tensor of normal numbers with this standard deviation and mean, drawn in float64 and rounded to dtype."""
        drawn = self._draws.standard_normal(shape)
        return torch.as_tensor(np.asarray(drawn * scale + shift)).to(dtype)

    def uniform(
        self, *shape: int, low: float = 0.0, high: float = 1.0, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """A tensor of uniform numbers between low and high."""
        return torch.as_tensor(np.asarray(self._draws.uniform(low, high, shape))).to(dtype)

    def integer(self, low: int, high: int) -> int:
        """One Python integer from low to high - 1."""
        return int(self._draws.integers(low, high))

    def integers(self, low: int, high: int, *shape: int) -> torch.Tensor | int:
        """An int64 tensor of numbers from low to high - 1; without a shape, one Python integer."""
        if not shape:
            return self.integer(low, high)
        return torch.from_numpy(self._draws.integers(low, high, shape, dtype=np.int64))

    def mask(self, *shape: int, p: float = 0.6) -> torch.Tensor:
        """A boolean tensor, True with chance p. Every row (last dimension) keeps one True at least.

        For p below 1, a mask with a row longer than one also has one False at least: a mask that lets everything
        through would not show that an implementation ignores it.
        """
        mask = np.asarray(self._draws.random(shape) < p)
        if not shape or mask.size == 0:
            return torch.from_numpy(mask.copy())
        rows = mask.reshape(-1, shape[-1])
        kept = self._draws.integers(0, shape[-1], len(rows))
        rows[np.arange(len(rows)), kept] |= ~rows.any(axis=1)
        if p < 1.0 and shape[-1] > 1 and rows.all():
            row = int(self._draws.integers(0, len(rows)))
            rows[row, int(self._draws.integers(0, shape[-1]))] = False
        return torch.from_numpy(rows.reshape(shape).copy())

    def tokens(self, n: int, vocab: int) -> list[int]:
        """A list of n token numbers below vocab."""
        return [int(token) for token in self._draws.integers(0, vocab, n)]

    def choice(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[int(self._draws.integers(0, len(items)))]

    def text(self, n: int, alphabet: str = ALPHABET) -> str:
        """A string of n characters of the alphabet."""
        return "".join(alphabet[int(i)] for i in self._draws.integers(0, len(alphabet), n))

    def generator(self) -> torch.Generator:
        """A seeded torch.Generator, for builds that draw."""
        return torch.Generator().manual_seed(int(self._draws.integers(0, 2**53)))

    def fill(self, module: torch.nn.Module) -> torch.nn.Module:
        """Give every parameter of the module random values, by the sorted keys of its state_dict, and return it.

        A matrix gets a standard deviation of 1 / sqrt(its last dimension), so that activations keep their size; a
        vector one of 1. The running mean and variance of a normalisation are filled, too; other buffers are left,
        because they hold constants that a module computed. A value depends on its key and shape alone, so that one
        missing key does not change the others.
        """
        base = int(self._draws.integers(0, 2**63 - 1))
        parameters = {name for name, _ in module.named_parameters(remove_duplicate=False)}
        source = np.random.Philox(_UNSEEDED)
        draws = np.random.Generator(source)
        with torch.no_grad():
            for key, tensor in sorted(module.state_dict().items()):
                leaf = key.rpartition(".")[2]
                if not torch.is_floating_point(tensor) or (key not in parameters and leaf not in _FILLED_BUFFERS):
                    continue
                _begin(source, base, key, tuple(tensor.shape))
                if leaf in _POSITIVE_BUFFERS:
                    values = draws.uniform(0.5, 1.5, tuple(tensor.shape))
                else:
                    values = draws.standard_normal(tuple(tensor.shape))
                    if tensor.ndim >= 2:
                        values = values / math.sqrt(max(tensor.shape[-1], 1))
                tensor.copy_(torch.as_tensor(np.asarray(values)))
        return module

    def attempt(self, function: Callable[..., object], *arguments: object, **named: object) -> object:
        """What a call raises, or else what it returns: an answer either way. An unwritten build stays unwritten."""
        try:
            return function(*arguments, **named)
        except NotImplementedError:
            raise
        except Exception as error:
            return error

    def gradients(self, output: object, **inputs: torch.Tensor) -> dict[str, torch.Tensor | None]:
        """The gradient of a random weighting of the output with respect to each named input.

        None stands where no gradient arrives: the output is no tensor, was detached, or does not depend on the input.
        That never raises. An error of the backward pass itself (a value changed in place) is raised as PyTorch has it.
        """
        roots, weights = [], []
        for tensor in _tensors(output):
            weight = self.normal(*tensor.shape, dtype=torch.float64)
            if tensor.requires_grad:
                roots.append(tensor)
                weights.append(weight.to(tensor))
        wanted = [name for name, tensor in inputs.items() if isinstance(tensor, torch.Tensor) and tensor.requires_grad]
        found: dict[str, torch.Tensor | None] = dict.fromkeys(inputs)
        if roots and wanted:
            gradients = torch.autograd.grad(
                roots, [inputs[name] for name in wanted], weights, retain_graph=True, allow_unused=True
            )
            found.update(
                (name, None if gradient is None else gradient.detach())
                for name, gradient in zip(wanted, gradients, strict=True)
            )
        return found


def _tensors(value: object) -> Iterator[torch.Tensor]:
    """The floating tensors in a result, in order: a tensor itself, or the items of lists, tuples and dicts."""
    if isinstance(value, torch.Tensor):
        if torch.is_floating_point(value):
            yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        for key in value:
            yield from _tensors(value[key])
