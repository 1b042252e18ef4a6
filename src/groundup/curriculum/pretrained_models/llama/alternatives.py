"""Right answers in other styles, which must pass."""

import math
import re

import torch
from torch import nn
from torch.nn import functional

from groundup.authoring import replaces


class _Scale(nn.Module):
    """The weight of a norm, and no more."""

    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))


class _Matrix(nn.Module):
    def __init__(self, rows, columns):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, columns) * 0.02)


class _Grown:
    """A cache in a dictionary."""

    def __init__(self):
        self.held = {}

    @property
    def length(self):
        return min((one[0].shape[2] for one in self.held.values()), default=0)

    def update(self, layer, k, v):
        old = self.held.get(layer)
        self.held[layer] = (k, v) if old is None else tuple(torch.cat(two, dim=2) for two in zip(old, (k, v)))
        return self.held[layer]


# ── LlamaBlock ──


@replaces("LlamaBlock")
class block_with_fused_attention(nn.Module):
    """PyTorch's own norms and attention, which shares the heads of a group by itself."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        wide, narrow = config.heads * config.head_dim, config.kv_heads * config.head_dim
        self.attention_norm = nn.RMSNorm(config.dim, eps=config.eps)
        self.feed_norm = nn.RMSNorm(config.dim, eps=config.eps)
        sizes = {"q": (config.dim, wide), "k": (config.dim, narrow), "v": (config.dim, narrow), "o": (wide, config.dim)}
        sizes |= dict.fromkeys(("gate", "up"), (config.dim, config.hidden)) | {"down": (config.hidden, config.dim)}
        for name, (into, out) in sizes.items():
            self.add_module(name, nn.Linear(into, out, bias=False))

    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        y, size = self.attention_norm(x), self.config.head_dim
        q, k, v = (one(y).unflatten(-1, (-1, size)).transpose(1, 2) for one in (self.q, self.k, self.v))
        half = size // 2
        c, s = cos[:, :half].to(x.dtype), sin[:, :half].to(x.dtype)
        q, k = (
            torch.cat((one[..., :half] * c - one[..., half:] * s, one[..., half:] * c + one[..., :half] * s), dim=-1)
            for one in (q, k)
        )
        if cache is not None:
            k, v = cache.update(layer, k, v)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
        x = x + self.o(mixed.transpose(1, 2).reshape(*x.shape[:2], -1))
        z = self.feed_norm(x)
        return x + self.down(functional.silu(self.gate(z)) * self.up(z))


@replaces("LlamaBlock")
class block_by_einsum(nn.Module):
    """Groups as a dimension of their own, complex numbers for the positions, plain tensors throughout."""

    def __init__(self, config):
        super().__init__()
        self.sizes = config.kv_heads, config.heads // config.kv_heads, config.head_dim
        self.eps = config.eps
        wide, narrow = config.heads * config.head_dim, config.kv_heads * config.head_dim
        self.attention_norm, self.feed_norm = _Scale(config.dim), _Scale(config.dim)
        self.q, self.o = _Matrix(wide, config.dim), _Matrix(config.dim, wide)
        self.k, self.v = _Matrix(narrow, config.dim), _Matrix(narrow, config.dim)
        self.gate, self.up = _Matrix(config.hidden, config.dim), _Matrix(config.hidden, config.dim)
        self.down = _Matrix(config.dim, config.hidden)

    def _normed(self, x, scale):
        wide = x if x.dtype == torch.float64 else x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)).to(x.dtype) * scale.weight

    def _turned(self, x, cos, sin):
        half = x.shape[-1] // 2
        wide = x.double()
        turn = torch.complex(cos[:, :half].double(), sin[:, :half].double())
        result = torch.complex(wide[..., :half], wide[..., half:]) * turn
        return torch.cat((result.real, result.imag), dim=-1).to(x.dtype)

    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        kv_heads, groups, size = self.sizes
        batch, n, _ = x.shape
        y = self._normed(x, self.attention_norm)
        q = self._turned((y @ self.q.weight.T).view(batch, n, -1, size).transpose(1, 2), cos, sin)
        k = self._turned((y @ self.k.weight.T).view(batch, n, -1, size).transpose(1, 2), cos, sin)
        v = (y @ self.v.weight.T).view(batch, n, -1, size).transpose(1, 2)
        if cache is not None:
            k, v = cache.update(layer, k, v)
        q = q.reshape(batch, kv_heads, groups, n, size)
        scores = torch.einsum("bkgnd,bkmd->bkgnm", q, k) * size**-0.5
        if mask is not None:
            while mask.dim() < 4:
                mask = mask[None]
            scores = torch.where(mask.unsqueeze(2), scores, torch.finfo(scores.dtype).min)
        mixed = torch.einsum("bkgnm,bkmd->bnkgd", scores.softmax(-1), v).reshape(batch, n, -1)
        x = x + mixed @ self.o.weight.T
        z = self._normed(x, self.feed_norm)
        gate = z @ self.gate.weight.T
        return x + (gate * torch.sigmoid(gate) * (z @ self.up.weight.T)) @ self.down.weight.T


@replaces("LlamaBlock")
class block_head_by_head(block_by_einsum):
    """One query head at a time, each with the key head of its group."""

    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        kv_heads, groups, size = self.sizes
        y = self._normed(x, self.attention_norm)
        k = torch.stack([self._turned(one, cos, sin) for one in (y @ self.k.weight.T).split(size, dim=-1)], dim=1)
        v = torch.stack((y @ self.v.weight.T).split(size, dim=-1), dim=1)
        if cache is not None:
            k, v = cache.update(layer, k, v)
        if mask is not None and mask.dim() == 4:
            mask = mask[:, 0]
        heads = []
        for head, query in enumerate((y @ self.q.weight.T).split(size, dim=-1)):
            scores = self._turned(query, cos, sin) @ k[:, head // groups].mT / math.sqrt(size)
            if mask is not None:
                scores = scores.masked_fill(mask.logical_not(), -math.inf)
            heads.append(scores.softmax(dim=-1) @ v[:, head // groups])
        x = x + torch.cat(heads, dim=-1) @ self.o.weight.T
        z = self._normed(x, self.feed_norm)
        return x + (functional.silu(z @ self.gate.weight.T) * (z @ self.up.weight.T)) @ self.down.weight.T


# ── Llama ──


def _rates(config):
    """The rates of scaled_rates, once more and in other words."""
    half = config.head_dim // 2
    rates = config.theta ** (-torch.arange(half, dtype=torch.float32) / half)
    scaling = config.rope_scaling
    if scaling and scaling["rope_type"] == "linear":
        rates = rates / scaling["factor"]
    elif scaling:
        old, low, high = (
            scaling[name] for name in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor")
        )
        waves = 2 * math.pi / rates
        smooth = (old / waves - low) / (high - low)
        blended = (1 - smooth) * rates / scaling["factor"] + smooth * rates
        slowed = torch.where(waves > old / low, rates / scaling["factor"], blended)
        rates = torch.where(waves < old / high, rates, slowed)
    return rates


@replaces("Llama")
class llama_with_angles_on_the_fly(nn.Module):
    """No buffers: angles are made anew in every call; positions count from 1, since only differences matter."""

    block = block_by_einsum

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab, config.dim)
        self.blocks = nn.ModuleList([type(self).block(config) for _ in range(config.layers)])
        self.norm = nn.RMSNorm(config.dim, eps=config.eps)
        if not config.tied:
            self.head = nn.Linear(config.dim, config.vocab, bias=False)
        self.apply(self._first_weights)

    @staticmethod
    def _first_weights(module):
        if isinstance(getattr(module, "weight", None), nn.Parameter) and module.weight.dim() == 2:
            nn.init.normal_(module.weight, 0.0, 0.02)

    def _angles(self, begin, n):
        places = torch.arange(begin + 1, begin + n + 1, dtype=torch.float32)
        return (places[:, None] * _rates(self.config)).repeat(1, 2)

    def forward(self, ids, cache=None, attention_mask=None):
        begin = cache.length if cache is not None else 0
        batch, n = ids.shape
        if begin + n > self.config.context:
            raise ValueError("the text is longer than the context")
        mask = torch.ones(n, begin + n, dtype=torch.bool).tril(begin)
        if attention_mask is not None:
            mask = torch.logical_and(mask, (attention_mask != 0).view(batch, 1, 1, n))
        angles = self._angles(begin, n)
        x = self.embedding(ids)
        for number, block in enumerate(self.blocks):
            x = block(x, angles.cos(), angles.sin(), mask, cache, number)
        return functional.linear(self.norm(x), (self.embedding if self.config.tied else self.head).weight)

    def new_cache(self, batch, length):
        return _Grown()


@replaces("Llama")
class llama_of_fused_blocks(llama_with_angles_on_the_fly):
    """Blocks with PyTorch's attention; tables that are made at the first call."""

    block = block_with_fused_attention

    def _angles(self, begin, n):
        if not hasattr(self, "_table"):
            self._table = torch.outer(torch.arange(self.config.context).float(), _rates(self.config)).repeat(1, 2)
        return self._table[begin : begin + n]


@replaces("Llama")
class llama_text_by_text(llama_with_angles_on_the_fly):
    """Padded texts one by one, each cut to its length and filled up again."""

    block = block_head_by_head

    def forward(self, ids, cache=None, attention_mask=None):
        if attention_mask is None:
            return super().forward(ids, cache)
        rows = []
        for row, length in zip(ids, attention_mask.bool().sum(dim=1).tolist()):
            logits = super().forward(row[None, :length])
            rows.append(functional.pad(logits, (0, 0, 0, ids.shape[1] - length)))
        return torch.cat(rows)


# ── rename_checkpoint ──

_INNER = (
    ("attention_norm", "input_layernorm"), ("feed_norm", "post_attention_layernorm"), ("q", "self_attn.q_proj"),
    ("k", "self_attn.k_proj"), ("v", "self_attn.v_proj"), ("o", "self_attn.o_proj"), ("gate", "mlp.gate_proj"),
    ("up", "mlp.up_proj"), ("down", "mlp.down_proj"),
)  # fmt: skip


@replaces("rename_checkpoint")
def names_by_expressions(state):
    """Regular expressions for whole names."""
    rules = [
        (re.compile(rf"model\.layers\.(\d+)\.{re.escape(theirs)}\.([^.]+)"), rf"blocks.\1.{ours}.\2")
        for ours, theirs in _INNER
    ] + [
        (re.compile(rf"{re.escape(theirs)}\.([^.]+)"), rf"{ours}.\1")
        for ours, theirs in (("embedding", "model.embed_tokens"), ("norm", "model.norm"), ("head", "lm_head"))
    ]
    found = {}
    for name, one in state.items():
        if name.endswith("rotary_emb.inv_freq"):
            continue
        for pattern, ours in rules:
            if pattern.fullmatch(name):
                name = pattern.sub(ours, name)
                break
        found[name] = one
    return found


@replaces("rename_checkpoint")
def names_by_a_full_table(state):
    """A table of all names, made for the layers and last words that occur."""
    table = {}
    for name in state:
        *front, last = name.split(".")
        table[f"model.embed_tokens.{last}"] = f"embedding.{last}"
        table[f"model.norm.{last}"], table[f"lm_head.{last}"] = f"norm.{last}", f"head.{last}"
        if front[:2] == ["model", "layers"] and len(front) > 3:
            for ours, theirs in _INNER:
                table[f"model.layers.{front[2]}.{theirs}.{last}"] = f"blocks.{front[2]}.{ours}.{last}"
    kept = [name for name in state if not name.endswith("rotary_emb.inv_freq")]
    return {table.get(name, name): state[name] for name in kept}


@replaces("rename_checkpoint")
def names_by_words(state):
    """Word by word, with match."""

    def ours(name):
        match name.split("."):
            case ["model", "layers", number, "self_attn", ("q_proj" | "k_proj" | "v_proj" | "o_proj") as which, last]:
                return f"blocks.{number}.{which[0]}.{last}"
            case ["model", "layers", number, "mlp", ("gate_proj" | "up_proj" | "down_proj") as which, last]:
                return f"blocks.{number}.{which[:-5]}.{last}"
            case ["model", "layers", number, "input_layernorm", last]:
                return f"blocks.{number}.attention_norm.{last}"
            case ["model", "layers", number, "post_attention_layernorm", last]:
                return f"blocks.{number}.feed_norm.{last}"
            case ["model", "embed_tokens", last]:
                return f"embedding.{last}"
            case ["model", "norm", last]:
                return f"norm.{last}"
            case ["lm_head", last]:
                return f"head.{last}"
        return name

    return {ours(name): one for name, one in state.items() if not name.endswith("rotary_emb.inv_freq")}
