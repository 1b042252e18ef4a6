"""The key-value cache, its price, and the loop that uses it."""

import torch


class KVCache:
    def __init__(self, layers, batch, kv_heads, length, head_dim, dtype=None, device=None):
        shape = (batch, kv_heads, length, head_dim)
        self.room = length
        self.keys = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(layers)]
        self.values = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(layers)]
        self.held = [0] * layers

    @property
    def length(self):
        return min(self.held)

    def update(self, layer, k, v):
        begin = self.held[layer]
        end = begin + k.shape[2]
        if end > self.room:
            raise ValueError(f"the cache has room for {self.room} positions, and {end} are needed")
        keys, values = self.keys[layer], self.values[layer]
        keys[:, :, begin:end] = k
        values[:, :, begin:end] = v
        self.held[layer] = end
        return keys[:, :, :end], values[:, :, :end]


def cache_bytes(config, batch, length, bytes_per_value):
    return 2 * config.layers * batch * config.kv_heads * length * config.head_dim * bytes_per_value


@torch.no_grad()
def generate_cached(model, ids, n):
    batch, length = ids.shape
    cache = model.new_cache(batch, length + n)
    text, new = [ids], ids  # new: what the model has not seen yet
    for _ in range(n):
        new = model(new, cache)[:, -1:].argmax(dim=-1).to(ids.dtype)
        text.append(new)
    return torch.cat(text, 1)
