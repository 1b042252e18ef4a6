"""The key-value cache: keys and values of earlier tokens never change, so they are kept and not computed again.

Memory for speed: one new token costs one position's work instead of all, and
2 · layers · batch · kv_heads · length · head_dim numbers stay in memory. Pope and others, "Efficiently Scaling
Transformer Inference" (2022), section 2; Shazeer 2019 on why fewer kv heads make it smaller.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor


class KVCache:
    """Room for the keys and values of ``length`` positions in every layer, each (batch, kv_heads, length, head_dim).

    ``length`` afterwards counts the positions that are held by all layers.
    """

    def __init__(
        self,
        layers: int,
        batch: int,
        kv_heads: int,
        length: int,
        head_dim: int,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        shape = (batch, kv_heads, length, head_dim)
        self.capacity = length
        self.keys = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(layers)]
        self.values = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(layers)]
        self.held = [0] * layers

    @property
    def length(self) -> int:
        """The positions that every layer holds."""
        return min(self.held, default=0)

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keep the new keys and values (batch, kv_heads, n, head_dim) of a layer; all that it holds now, as views.

        Raises ValueError where there is no room left.
        """
        begin = self.held[layer]
        end = begin + k.shape[-2]
        if end > self.capacity:
            raise ValueError(f"the cache has room for {self.capacity} positions, and {end} are needed")
        keys, values = self.keys[layer], self.values[layer]
        keys.narrow(-2, begin, end - begin).copy_(k)
        values.narrow(-2, begin, end - begin).copy_(v)
        self.held[layer] = end
        return keys.narrow(-2, 0, end), values.narrow(-2, 0, end)


class HasShape(Protocol):
    """What is asked of a configuration."""

    layers: int
    kv_heads: int
    head_dim: int


def cache_bytes(config: HasShape, batch: int, length: int, bytes_per_value: int) -> int:
    """The bytes that keys and values of ``length`` positions take in all layers."""
    return 2 * config.layers * batch * config.kv_heads * length * config.head_dim * bytes_per_value


class Cached(Protocol):
    """What is asked of a model."""

    def __call__(self, ids: Tensor, cache: KVCache) -> Tensor: ...
    def new_cache(self, batch: int, length: int) -> KVCache: ...


@torch.no_grad()
def generate_cached(model: Cached | Any, ids: Tensor, n: int) -> Tensor:
    """ids (batch, length) continued greedily by n tokens: (batch, length + n), with each token run through once.

    ``model.new_cache(batch, length)`` makes the cache; ``model(ids, cache)`` takes only the new tokens and gives their
    logits (batch, new, vocab).
    """
    batch, length = ids.shape
    if n == 0:
        return ids
    cache = model.new_cache(batch, length + n)
    text, new = [ids], ids
    for _ in range(n):
        new = model(new, cache)[:, -1:].argmax(dim=-1).to(ids.dtype)
        text.append(new)
    return torch.cat(text, dim=-1)
