"""Right answers in other styles, which must pass."""

import math

import torch
from torch import nn
from torch.nn import functional

from groundup.authoring import replaces

# ── next_token_pairs ──


def _check(ids, length):
    if ids.ndim != 1 or length < 1 or ids.numel() < length + 1:
        raise ValueError("the text is too short")


@replaces("next_token_pairs")
def pairs_from_windows(ids, length, batch_size, generator):
    """All windows as a view, of which some are copied."""
    _check(ids, length)
    windows = ids.unfold(0, length + 1, 1)
    chosen = windows[torch.randint(0, len(windows), (batch_size,), generator=generator)]
    return chosen[:, :-1].clone(), chosen[:, 1:].clone()


@replaces("next_token_pairs")
def pairs_one_by_one(ids, length, batch_size, generator):
    """A loop over the rows, each with a draw of its own."""
    _check(ids, length)
    inputs, targets = [], []
    for _ in range(batch_size):
        begin = int(torch.randint(ids.numel() - length, (), generator=generator))
        inputs.append(ids[begin : begin + length])
        targets.append(ids[begin + 1 : begin + length + 1])
    return torch.stack(inputs), torch.stack(targets)


@replaces("next_token_pairs")
def pairs_by_multinomial(ids, length, batch_size, generator):
    """Beginnings as draws from equal weights; both parts gathered."""
    _check(ids, length)
    equal = torch.ones(len(ids) - length)
    begin = torch.multinomial(equal, batch_size, replacement=True, generator=generator).unsqueeze(1)
    offsets = torch.arange(length).unsqueeze(0)
    return torch.take(ids, begin + offsets), torch.take(ids, begin + offsets + 1)


@replaces("next_token_pairs")
def pairs_by_uniform_numbers(ids, length, batch_size, generator):
    """Beginnings from uniform numbers, rounded down."""
    _check(ids, length)
    count = len(ids) - length
    share = torch.rand(batch_size, dtype=torch.float64, generator=generator)
    begin = (share * count).long().clamp(max=count - 1)
    whole = torch.stack([ids[b : b + length + 1] for b in begin.tolist()])
    return whole[:, :-1].contiguous(), whole[:, 1:].contiguous()


# ── GPT ──


class _Scale(nn.Module):
    """The weight of a norm, and no more."""

    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))


class _Matrix(nn.Module):
    def __init__(self, rows, columns, spread):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, columns) * spread)


class _Layer(nn.Module):
    def __init__(self, dim, hidden, layers):
        super().__init__()
        into = 0.02 / math.sqrt(2.0 * layers)
        self.attention_norm, self.feed_norm = _Scale(dim), _Scale(dim)
        self.q, self.k, self.v = (_Matrix(dim, dim, 0.02) for _ in range(3))
        self.gate, self.up = _Matrix(hidden, dim, 0.02), _Matrix(hidden, dim, 0.02)
        self.o, self.down = _Matrix(dim, dim, into), _Matrix(dim, hidden, into)


class _Preallocated:
    """A cache with its room made beforehand."""

    def __init__(self, layers, batch, heads, length, head_dim, like):
        self.room = [like.new_zeros(2, batch, heads, length, head_dim) for _ in range(layers)]
        self.held = [0] * layers

    @property
    def length(self):
        return self.held[-1]

    def update(self, layer, k, v):
        begin, self.held[layer] = self.held[layer], self.held[layer] + k.shape[2]
        self.room[layer][0, :, :, begin : self.held[layer]] = k
        self.room[layer][1, :, :, begin : self.held[layer]] = v
        return tuple(self.room[layer][:, :, :, : self.held[layer]])


@replaces("GPT")
class gpt_by_einsum(nn.Module):
    """Plain tensors in one forward; angles as complex numbers, made anew each time; a cache with its room made beforehand."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__()
        self.vocab, self.dim, self.heads, self.layers, self.context = vocab, dim, heads, layers, context
        self.embedding = _Matrix(vocab, dim, 0.02)
        self.blocks = nn.ModuleList([_Layer(dim, (dim + 2) // 3 * 8, layers) for _ in range(layers)])
        self.norm = _Scale(dim)

    def _normed(self, x, scale):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * scale.weight

    def _turned(self, x, begin):
        half = x.shape[-1] // 2
        rates = 10000.0 ** (-torch.arange(half, dtype=torch.float32) / half)
        angles = torch.arange(begin, begin + x.shape[-2], dtype=torch.float32)[:, None] * rates
        wide = x.double() if x.dtype == torch.float64 else x.float()
        turned = torch.complex(wide[..., :half], wide[..., half:]) * torch.polar(torch.ones_like(angles), angles)
        return torch.cat((turned.real, turned.imag), dim=-1).to(x.dtype)

    def forward(self, ids, cache=None):
        begin = cache.length if cache is not None else 0
        batch, n = ids.shape
        if begin + n > self.context:
            raise ValueError("too long")
        blocked = torch.ones(n, begin + n, dtype=torch.bool).triu(begin + 1)
        x = self.embedding.weight[ids]
        for number, block in enumerate(self.blocks):
            y = self._normed(x, block.attention_norm).view(batch, n, -1)
            q, k, v = (
                torch.einsum("bnd,hed->bhne", y, one.weight.view(self.heads, -1, self.dim))
                for one in (block.q, block.k, block.v)
            )
            q, k = self._turned(q, begin), self._turned(k, begin)
            if cache is not None:
                k, v = cache.update(number, k, v)
            scores = torch.einsum("bhne,bhme->bhnm", q, k) * q.shape[-1] ** -0.5
            weights = torch.where(blocked, torch.finfo(scores.dtype).min, scores).softmax(-1)
            mixed = torch.einsum("bhnm,bhme->bnhe", weights, v).reshape(batch, n, self.dim)
            x = x + mixed @ block.o.weight.T
            z = self._normed(x, block.feed_norm)
            gate = z @ block.gate.weight.T
            x = x + (gate * torch.sigmoid(gate) * (z @ block.up.weight.T)) @ block.down.weight.T
        return torch.einsum("bnd,vd->bnv", self._normed(x, self.norm), self.embedding.weight)

    def new_cache(self, batch, length):
        return _Preallocated(
            self.layers, batch, self.heads, length, self.dim // self.heads, self.embedding.weight.detach()
        )


class _Block(nn.Module):
    def __init__(self, dim, heads, hidden):
        super().__init__()
        self.attention_norm, self.feed_norm = nn.RMSNorm(dim, eps=1e-5), nn.RMSNorm(dim, eps=1e-5)
        for name, (out, into) in {
            "q": (dim, dim), "k": (dim, dim), "v": (dim, dim), "o": (dim, dim),
            "gate": (hidden, dim), "up": (hidden, dim), "down": (dim, hidden),
        }.items():  # fmt: skip
            setattr(self, name, nn.Linear(into, out, bias=False))
        self.heads = heads


class _Growing:
    """A cache that holds what it is given, in one dictionary."""

    def __init__(self):
        self.held = {}

    @property
    def length(self):
        return min((one[0].shape[-2] for one in self.held.values()), default=0)

    def update(self, layer, k, v):
        old = self.held.get(layer)
        self.held[layer] = (k, v) if old is None else (torch.cat((old[0], k), 2), torch.cat((old[1], v), 2))
        return self.held[layer]


@replaces("GPT")
class gpt_with_fused_parts(nn.Module):
    """PyTorch's own norms and attention. Positions are counted from 1: only their differences matter."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__()
        self.vocab, self.dim, self.heads, self.layers, self.context = vocab, dim, heads, layers, context
        self.embedding = nn.Embedding(vocab, dim)
        self.blocks = nn.ModuleList([_Block(dim, heads, 8 * -(-dim // 3)) for _ in range(layers)])
        self.norm = nn.RMSNorm(dim, eps=1e-5)
        self.apply(self._first_weights)
        for block in self.blocks:
            for one in (block.o, block.down):
                nn.init.normal_(one.weight, 0.0, 0.02 * (2 * layers) ** -0.5)

    @staticmethod
    def _first_weights(module):
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, 0.0, 0.02)

    def _rotate(self, x, begin):
        head_dim = x.shape[-1]
        rates = torch.exp(-math.log(10000.0) * torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
        angles = torch.arange(begin + 1, begin + 1 + x.shape[-2], dtype=torch.float32)[:, None] * rates
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        first, second = x[..., : head_dim // 2], x[..., head_dim // 2 :]
        return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)

    def forward(self, ids, cache=None):
        begin = 0 if cache is None else cache.length
        total = begin + ids.size(1)
        if total > self.context:
            raise ValueError(f"{total} tokens are more than {self.context}")
        allowed = torch.tril(torch.ones(total, total, dtype=torch.bool))[begin:]
        x = self.embedding(ids)
        for number, block in enumerate(self.blocks):
            y = block.attention_norm(x)
            q, k, v = (one(y).unflatten(-1, (self.heads, -1)).transpose(1, 2) for one in (block.q, block.k, block.v))
            q, k = self._rotate(q, begin), self._rotate(k, begin)
            if cache is not None:
                k, v = cache.update(number, k, v)
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
            x = x + block.o(mixed.transpose(1, 2).flatten(2))
            z = block.feed_norm(x)
            x = x + block.down(functional.silu(block.gate(z)) * block.up(z))
        return functional.linear(self.norm(x), self.embedding.weight)

    def new_cache(self, batch, length):
        return _Growing()


@replaces("GPT")
class gpt_head_by_head(gpt_with_fused_parts):
    """One head of one text at a time; the cache holds keys that are not turned yet, and all are turned at each look."""

    def forward(self, ids, cache=None):
        begin = 0 if cache is None else cache.length
        batch, n = ids.shape
        if begin + n > self.context:
            raise ValueError("the text is longer than the context")
        x = self.embedding(ids)
        for number, block in enumerate(self.blocks):
            y = block.attention_norm(x)
            q, k, v = (torch.stack(one(y).chunk(self.heads, dim=-1), dim=1) for one in (block.q, block.k, block.v))
            if cache is not None:
                k, v = cache.update(number, k, v)
            rows = []
            for text in range(batch):
                heads = []
                for head in range(self.heads):
                    query, key = self._rotate(q[text, head], begin), self._rotate(k[text, head], 0)
                    scores = query @ key.T / math.sqrt(key.shape[-1])
                    seen = [scores[i, : begin + i + 1].softmax(0) @ v[text, head, : begin + i + 1] for i in range(n)]
                    heads.append(torch.stack(seen))
                rows.append(torch.cat(heads, dim=-1))
            x = x + block.o(torch.stack(rows))
            z = block.feed_norm(x)
            x = x + block.down(functional.silu(block.gate(z)) * block.up(z))
        return self.norm(x) @ self.embedding.weight.T
