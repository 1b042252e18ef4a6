"""Right answers in other styles, which must pass."""

import math

import torch

from groundup.authoring import replaces

# ── KVCache ──


@replaces("KVCache")
class one_tensor_for_all:
    """Keys and values of all layers in one tensor."""

    def __init__(self, layers, batch, kv_heads, length, head_dim, dtype=None, device=None):
        self.room = torch.empty(layers, 2, batch, kv_heads, length, head_dim, dtype=dtype, device=device)
        self.counts = torch.zeros(layers, dtype=torch.long)

    @property
    def length(self):
        return int(self.counts.min())

    def update(self, layer, k, v):
        begin, n = int(self.counts[layer]), k.size(2)
        if begin + n > self.room.size(4):
            raise ValueError("the cache is full")
        self.room[layer, 0].narrow(2, begin, n).copy_(k)
        self.room[layer, 1].narrow(2, begin, n).copy_(v)
        self.counts[layer] += n
        keys, values = self.room[layer, :, :, :, : begin + n]
        return keys, values


@replaces("KVCache")
class positions_first:
    """Positions in front of the heads, as some kernels like it; what is handed out are transposed views."""

    def __init__(self, layers, batch, kv_heads, length, head_dim, dtype=None, device=None):
        def room():
            return torch.zeros(batch, length, kv_heads, head_dim, dtype=dtype, device=device)

        self.room = {layer: (room(), room()) for layer in range(layers)}
        self.size, self.filled = length, dict.fromkeys(range(layers), 0)

    @property
    def length(self):
        return min(self.filled.values())

    def update(self, layer, k, v):
        begin, end = self.filled[layer], self.filled[layer] + k.shape[-2]
        if end > self.size:
            raise ValueError(f"{end} positions, and room for {self.size}")
        for room, new in zip(self.room[layer], (k, v)):
            room[:, begin:end] = new.transpose(1, 2).to(room.dtype)
        self.filled[layer] = end
        return tuple(room[:, :end].transpose(1, 2) for room in self.room[layer])


class _Layer:
    def __init__(self, shape, dtype, device):
        self.k = torch.zeros(shape, dtype=dtype, device=device)
        self.v = torch.zeros(shape, dtype=dtype, device=device)
        self.n = 0

    def add(self, k, v):
        places = torch.arange(self.n, self.n + k.shape[2])
        if len(places) and int(places[-1]) >= self.k.shape[2]:
            raise ValueError("no room")
        self.k.index_copy_(2, places, k.to(self.k.dtype))
        self.v.index_copy_(2, places, v.to(self.v.dtype))
        self.n += k.shape[2]
        return self.k.narrow(2, 0, self.n), self.v.narrow(2, 0, self.n)


@replaces("KVCache")
class an_object_a_layer:
    """Every layer an object of its own; written by index."""

    def __init__(self, layers, batch, kv_heads, length, head_dim, dtype=None, device=None):
        self.parts = [_Layer((batch, kv_heads, length, head_dim), dtype, device) for _ in range(layers)]

    @property
    def length(self):
        return sorted(part.n for part in self.parts)[0]

    def update(self, layer, k, v):
        return self.parts[layer].add(k, v)


# ── cache_bytes ──


@replaces("cache_bytes")
def bytes_by_a_product(config, batch, length, bytes_per_value):
    """One product of all that there is of each."""
    return math.prod((config.layers, 2, batch, config.kv_heads, length, config.head_dim, bytes_per_value))


@replaces("cache_bytes")
def bytes_layer_by_layer(config, batch, length, bytes_per_value):
    """Added up over layers, keys and values."""
    total = 0
    for _ in range(config.layers):
        for _ in ("keys", "values"):
            total += batch * length * config.kv_heads * config.head_dim
    return total * bytes_per_value


@replaces("cache_bytes")
def bytes_of_an_empty_cache(config, batch, length, bytes_per_value):
    """The size of a tensor without memory."""
    room = torch.empty(2, config.layers, batch, config.kv_heads, length, config.head_dim, device="meta")
    return room.numel() * bytes_per_value


# ── generate_cached ──


@replaces("generate_cached")
def cached_into_a_buffer(model, ids, n):
    """Room for the whole text; the model is given a window of it."""
    batch, length = ids.shape
    text = torch.zeros(batch, length + n, dtype=ids.dtype)
    text[:, :length] = ids
    with torch.no_grad():
        cache, done = model.new_cache(batch, length + n), 0
        for end in range(length, length + n):
            logits = model(text[:, done:end], cache)
            text[:, end] = logits[:, -1].argmax(dim=-1)
            done = end
    return text


@replaces("generate_cached")
def cached_token_by_token(model, ids, n):
    """The prompt token by token as well, and no more room than is needed."""
    columns = list(ids.split(1, dim=1))
    with torch.inference_mode():
        cache = model.new_cache(ids.shape[0], max(ids.shape[1] + n - 1, 1))
        at = 0
        while len(columns) < ids.shape[1] + n:
            logits = model(columns[at], cache)
            at += 1
            if at == len(columns):
                columns.append(logits.squeeze(1).max(dim=-1, keepdim=True).indices.to(ids.dtype))
    return torch.cat(columns, dim=1)


@replaces("generate_cached")
@torch.no_grad()
def cached_prompt_then_tokens(model, ids, n):
    """Prefill and decoding as two stages."""
    if n < 1:
        return ids.clone()
    cache = model.new_cache(batch=ids.size(0), length=ids.size(1) + n)
    newest = model(ids, cache)[:, -1].topk(1, dim=-1).indices
    result = torch.cat((ids, newest.to(ids.dtype)), dim=1)
    for _ in range(n - 1):
        newest = model(newest.to(ids.dtype), cache)[:, 0].topk(1, dim=-1).indices
        result = torch.hstack((result, newest.to(ids.dtype)))
    return result
