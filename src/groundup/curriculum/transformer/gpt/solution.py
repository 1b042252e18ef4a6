"""GPT in one file, with all that it is made of."""

import math

import torch
from torch import nn
from torch.nn import functional


class Cache:
    """Given, and complete: the keys and values of earlier tokens, layer by layer.

    `length` is the number of positions that are held. `update(layer, k, v)` adds the keys and values of the new positions,
    each (batch, heads, n, head_dim), and returns those of all positions so far, old ones first.
    """

    def __init__(self, layers):
        self.kept = [None] * layers

    @property
    def length(self):
        return 0 if self.kept[-1] is None else self.kept[-1][0].shape[-2]

    def update(self, layer, k, v):
        if self.kept[layer] is not None:
            old_k, old_v = self.kept[layer]
            k, v = torch.cat((old_k, k), dim=-2), torch.cat((old_v, v), dim=-2)
        self.kept[layer] = k, v
        return k, v


def next_token_pairs(ids, length, batch_size, generator):
    if ids.dim() != 1 or len(ids) <= length or length < 1:
        raise ValueError(f"ids (n,) with n > length >= 1 are needed: got shape {tuple(ids.shape)} and length {length}")
    beginnings = torch.randint(len(ids) - length, (batch_size, 1), generator=generator)
    places = beginnings + torch.arange(length)
    return ids[places], ids[places + 1]


class RMSNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return functional.rms_norm(x, self.weight.shape, self.weight, 1e-5)


def turned(x, cos, sin):
    """Rotary positions, in halves."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Block(nn.Module):
    def __init__(self, dim, heads, hidden):
        super().__init__()
        self.heads = heads
        self.attention_norm = RMSNorm(dim)
        self.q = nn.Linear(dim, dim, bias=False)
        self.k = nn.Linear(dim, dim, bias=False)
        self.v = nn.Linear(dim, dim, bias=False)
        self.o = nn.Linear(dim, dim, bias=False)
        self.feed_norm = RMSNorm(dim)
        self.gate = nn.Linear(dim, hidden, bias=False)
        self.up = nn.Linear(dim, hidden, bias=False)
        self.down = nn.Linear(hidden, dim, bias=False)

    def forward(self, x, cos, sin, mask, cache, layer):
        x = x + self.attend(self.attention_norm(x), cos, sin, mask, cache, layer)
        z = self.feed_norm(x)
        return x + self.down(functional.silu(self.gate(z)) * self.up(z))

    def attend(self, y, cos, sin, mask, cache, layer):
        batch, n, dim = y.shape
        q, k, v = (
            project(y).view(batch, n, self.heads, dim // self.heads).transpose(1, 2)
            for project in (self.q, self.k, self.v)
        )
        q, k = turned(q, cos, sin), turned(k, cos, sin)
        if cache is not None:
            k, v = cache.update(layer, k, v)
        scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -math.inf)
        mixed = scores.softmax(dim=-1) @ v
        return self.o(mixed.transpose(1, 2).flatten(2))


class GPT(nn.Module):
    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__()
        self.vocab, self.dim, self.heads, self.layers, self.context = vocab, dim, heads, layers, context
        self.embedding = nn.Embedding(vocab, dim)
        self.blocks = nn.ModuleList(Block(dim, heads, 8 * math.ceil(dim / 3)) for _ in range(layers))
        self.norm = RMSNorm(dim)
        rates = 10000.0 ** -(torch.arange(0, dim // heads, 2, dtype=torch.float32) / (dim // heads))
        angles = torch.outer(torch.arange(context, dtype=torch.float32), torch.cat((rates, rates)))
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                writes = name.endswith(("o.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * layers) if writes else 0.02)

    def forward(self, ids, cache=None):
        begin = 0 if cache is None else cache.length
        end = begin + ids.shape[1]
        if end > self.context:
            raise ValueError(f"a text of {end} tokens, where the context is {self.context}")
        position = torch.arange(end, device=ids.device)
        mask = position[begin:, None] >= position  # rows: new tokens; columns: all that there are
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[begin:end], self.sin[begin:end], mask, cache, layer)
        return self.norm(x) @ self.embedding.weight.T

    def new_cache(self, batch, length):
        return Cache(self.layers)
