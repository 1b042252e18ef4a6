"""Llama in one file: the block, the model, and the names of its checkpoints."""

import math

import torch
from torch import nn
from torch.nn import functional


def scaled_rates(config):
    """Given, and complete: how far each pair of numbers turns from one position to the next, (head_dim / 2,) in float32.

    Without rope_scaling: theta to the power of -2i / head_dim for pair i. "linear" turns everything `factor` times more slowly.
    "llama3" leaves fast waves as they are, slows those that are longer than the old context by `factor`, and blends in between.
    """
    rates = 1.0 / config.theta ** (torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim)
    scaling = config.rope_scaling
    if scaling is None:
        return rates
    if scaling["rope_type"] == "linear":
        return rates / scaling["factor"]
    turns = scaling["original_max_position_embeddings"] * rates / (2 * math.pi)  # in the old context
    slow, fast = scaling["low_freq_factor"], scaling["high_freq_factor"]
    share = ((turns - slow) / (fast - slow)).clamp(0, 1)  # 1: as it was, 0: slowed down
    return rates * (share + (1 - share) / scaling["factor"])


class Cache:
    """Given, and complete: the keys and values of earlier tokens, layer by layer.

    `length` is the number of positions that are held. `update(layer, k, v)` adds the keys and values of the new positions,
    each (batch, kv_heads, n, head_dim), and returns those of all positions so far, old ones first.
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


class RMSNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x):
        return functional.rms_norm(x, self.weight.shape, self.weight, self.eps)


def turned(x, cos, sin):
    """Rotary positions, in halves."""
    first, second = x.chunk(2, dim=-1)
    return x * cos.to(x.dtype) + torch.cat((-second, first), dim=-1) * sin.to(x.dtype)


class LlamaBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.head_dim = config.head_dim
        wide, narrow = config.heads * config.head_dim, config.kv_heads * config.head_dim
        self.groups = config.heads // config.kv_heads
        self.attention_norm = RMSNorm(config.dim, config.eps)
        self.q = nn.Linear(config.dim, wide, bias=False)
        self.k = nn.Linear(config.dim, narrow, bias=False)
        self.v = nn.Linear(config.dim, narrow, bias=False)
        self.o = nn.Linear(wide, config.dim, bias=False)
        self.feed_norm = RMSNorm(config.dim, config.eps)
        self.gate = nn.Linear(config.dim, config.hidden, bias=False)
        self.up = nn.Linear(config.dim, config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, config.dim, bias=False)

    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        x = x + self.attend(self.attention_norm(x), cos, sin, mask, cache, layer)
        z = self.feed_norm(x)
        return x + self.down(functional.silu(self.gate(z)) * self.up(z))

    def heads_of(self, y):
        """(batch, n, heads * head_dim) to (batch, heads, n, head_dim)."""
        return y.unflatten(2, (-1, self.head_dim)).transpose(1, 2)

    def attend(self, y, cos, sin, mask, cache, layer):
        q = turned(self.heads_of(self.q(y)), cos, sin)
        k = turned(self.heads_of(self.k(y)), cos, sin)
        v = self.heads_of(self.v(y))
        if cache is not None:
            k, v = cache.update(layer, k, v)
        k = k.repeat_interleave(self.groups, dim=1)  # the heads of a group, side by side, share a key head
        v = v.repeat_interleave(self.groups, dim=1)
        scores = q @ k.mT / math.sqrt(self.head_dim)
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        mixed = scores.softmax(3) @ v
        return self.o(mixed.transpose(1, 2).flatten(2))


class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab, config.dim)
        self.blocks = nn.ModuleList(LlamaBlock(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.dim, config.eps)
        self.head = None if config.tied else nn.Linear(config.dim, config.vocab, bias=False)
        rates = scaled_rates(config)
        angles = torch.outer(torch.arange(config.context, dtype=torch.float32), torch.cat((rates, rates)))
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for weight in self.parameters():
            if weight.dim() == 2:
                nn.init.normal_(weight, std=0.02)

    def forward(self, ids, cache=None, attention_mask=None):
        begin = 0 if cache is None else cache.length
        end = begin + ids.shape[1]
        if end > self.config.context:
            raise ValueError(f"a text of {end} tokens, where the context is {self.config.context}")
        position = torch.arange(end, device=ids.device)
        mask = position[begin:, None] >= position  # rows: new tokens; columns: all that there are
        # attention_mask need not be looked at: filling stands behind a text, where no real token of it looks.
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[begin:end], self.sin[begin:end], mask, cache, layer)
        x = self.norm(x)
        return x @ self.embedding.weight.T if self.head is None else self.head(x)

    def new_cache(self, batch, length):
        return Cache(self.config.layers)


OUTSIDE = {"model.embed_tokens": "embedding", "model.norm": "norm", "lm_head": "head"}
IN_A_LAYER = {
    "input_layernorm": "attention_norm",
    "self_attn.q_proj": "q",
    "self_attn.k_proj": "k",
    "self_attn.v_proj": "v",
    "self_attn.o_proj": "o",
    "post_attention_layernorm": "feed_norm",
    "mlp.gate_proj": "gate",
    "mlp.up_proj": "up",
    "mlp.down_proj": "down",
}


def rename_checkpoint(state):
    found = {}
    for name, tensor in state.items():
        if name.endswith("rotary_emb.inv_freq"):
            continue
        words = name.split(".")
        inner, outer, last = ".".join(words[3:-1]), ".".join(words[:-1]), words[-1]
        if words[:2] == ["model", "layers"] and inner in IN_A_LAYER:
            name = f"blocks.{words[2]}.{IN_A_LAYER[inner]}.{last}"
        elif outer in OUTSIDE:
            name = f"{OUTSIDE[outer]}.{last}"
        found[name] = tensor
    return found
