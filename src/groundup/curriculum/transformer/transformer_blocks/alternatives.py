"""Right answers in other styles than the reference's: all of them must pass."""

import math

import torch
from torch import nn
from torch.nn import functional

from groundup.authoring import replaces
from groundup.stack.transformer import (
    MultiHeadAttention,
    apply_rope,
    feed_forward,
    merge_heads,
    post_norm,
    pre_norm,
    repeat_kv,
    rms_norm,
    scaled_dot_product_attention,
    split_heads,
    swiglu,
)


class _Weight(nn.Module):
    """A bare matrix, (out, in)."""

    def __init__(self, width_in, width_out):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width_out, width_in) / math.sqrt(width_in))


class _Scale(nn.Module):
    """What a norm learns."""

    def __init__(self, dim, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        if bias:
            self.bias = nn.Parameter(torch.zeros(dim))


class _Four(nn.Module):
    """The four matrices of an attention, and the check of heads."""

    def __init__(self, dim, heads):
        super().__init__()
        if dim % heads:
            raise ValueError("heads must divide dim")
        self.q, self.k, self.v, self.o = (_Weight(dim, dim) for _ in range(4))


def _head_by_head(x, source, matrices, heads, mask):
    """Attention as a loop over heads, each with its rows of the matrices; the products with o are summed."""
    q, k, v, o = (one.weight for one in (matrices.q, matrices.k, matrices.v, matrices.o))
    size, out = q.shape[0] // heads, torch.zeros_like(x)
    for h in range(heads):
        rows = slice(h * size, (h + 1) * size)
        query, key, value = x @ q[rows].T, source @ k[rows].T, source @ v[rows].T
        scores = query @ key.mT / size**0.5
        if mask is not None:
            here = mask
            if mask.dim() > 2:
                here = mask[..., h if mask.shape[-3] > 1 else 0, :, :]
            weights = scores.masked_fill(~here, torch.finfo(scores.dtype).min).softmax(-1) * here
        else:
            weights = scores.softmax(-1)
        out = out + (weights @ value) @ o[:, rows].T
    return out


def _norm_by_formula(x, scale):
    wide = x.float() if x.dtype == torch.bfloat16 else x
    distances = wide - wide.mean(-1, keepdim=True)
    normal = distances / torch.sqrt(distances.square().mean(-1, keepdim=True) + 1e-5)
    return (normal * scale.weight + scale.bias).to(x.dtype)


def _drop(module, x):
    """Dropout by hand, in training mode only."""
    if not module.training or module.p == 0:
        return x
    if module.p == 1:
        return torch.zeros_like(x)
    return x * (torch.rand_like(x) >= module.p) / (1 - module.p)


# ── EncoderLayer ──


@replaces("EncoderLayer")
class EncoderOfEarlierTopics(nn.Module):
    """Put together from the builds of earlier topics."""

    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__()
        self.attention = MultiHeadAttention(dim, heads)
        self.attention_norm, self.feed_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.w_in, self.w_out = nn.Linear(dim, hidden, bias=False), nn.Linear(hidden, dim, bias=False)
        self.p = dropout

    def forward(self, x, mask=None):
        def attention(y):
            return functional.dropout(self.attention(y, mask), self.p, self.training)

        def feed(y):
            return functional.dropout(feed_forward(y, self.w_in.weight.T, self.w_out.weight.T), self.p, self.training)

        return post_norm(post_norm(x, self.attention_norm, attention), self.feed_norm, feed)


@replaces("EncoderLayer")
class EncoderHeadByHead(nn.Module):
    """Bare matrices, a loop over heads, norms and dropout by their formulas."""

    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__()
        self.heads, self.p = heads, dropout
        self.attention = _Four(dim, heads)
        self.attention_norm, self.feed_norm = _Scale(dim, True), _Scale(dim, True)
        self.w_in, self.w_out = _Weight(dim, hidden), _Weight(hidden, dim)

    def forward(self, x, mask=None):
        branch = _head_by_head(x, x, self.attention, self.heads, mask)
        x = _norm_by_formula(x + _drop(self, branch), self.attention_norm)
        branch = (x @ self.w_in.weight.T).clamp(min=0) @ self.w_out.weight.T
        return _norm_by_formula(x + _drop(self, branch), self.feed_norm)


class _Fused(nn.Module):
    """PyTorch's fused attention, between einsums that cut and join."""

    def __init__(self, dim, heads):
        super().__init__()
        if dim % heads != 0:
            raise ValueError(f"{dim} numbers cannot be cut into {heads} heads")
        self.heads = heads
        for name in "qkvo":
            setattr(self, name, nn.Linear(dim, dim, bias=False))

    def cut(self, x, matrix):
        return torch.einsum("...nd,hed->...hne", x, matrix.weight.unflatten(0, (self.heads, -1)))

    def forward(self, x, source, mask):
        q, k, v = self.cut(x, self.q), self.cut(source, self.k), self.cut(source, self.v)
        out = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return torch.einsum("...hne,dhe->...nd", out, self.o.weight.unflatten(1, (self.heads, -1)))


@replaces("EncoderLayer")
class EncoderFused(nn.Module):
    """The fused kernel for attention, sublayers in a list of steps."""

    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__()
        self.attention = _Fused(dim, heads)
        self.attention_norm = nn.LayerNorm(dim)
        self.w_in = nn.Linear(dim, hidden, bias=False)
        self.w_out = nn.Linear(hidden, dim, bias=False)
        self.feed_norm = nn.LayerNorm(dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        steps = (
            (lambda y: self.attention(y, y, mask), self.attention_norm),
            (lambda y: self.w_out(functional.relu(self.w_in(y))), self.feed_norm),
        )
        for sublayer, norm in steps:
            x = norm(x + self.drop(sublayer(x)))
        return x


# ── DecoderLayer ──


@replaces("DecoderLayer")
class DecoderOfEarlierTopics(EncoderOfEarlierTopics):
    """An encoder layer with a third part, from the builds of earlier topics."""

    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__(dim, heads, hidden, dropout)
        self.heads = heads
        self.cross, self.cross_norm = MultiHeadAttention(dim, heads), nn.LayerNorm(dim)

    def forward(self, x, memory, mask=None, memory_mask=None):
        def dropped(y):
            return functional.dropout(y, self.p, self.training)

        def look(y):
            k, v = split_heads(self.cross.k(memory), self.heads), split_heads(self.cross.v(memory), self.heads)
            out = scaled_dot_product_attention(split_heads(self.cross.q(y), self.heads), k, v, memory_mask)
            return dropped(self.cross.o(merge_heads(out)))

        x = post_norm(x, self.attention_norm, lambda y: dropped(self.attention(y, mask)))
        x = post_norm(x, self.cross_norm, look)
        return post_norm(x, self.feed_norm, lambda y: dropped(feed_forward(y, self.w_in.weight.T, self.w_out.weight.T)))


@replaces("DecoderLayer")
class DecoderHeadByHead(EncoderHeadByHead):
    """Bare matrices, a loop over heads, norms and dropout by their formulas."""

    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__(dim, heads, hidden, dropout)
        self.cross, self.cross_norm = _Four(dim, heads), _Scale(dim, True)

    def forward(self, x, memory, mask=None, memory_mask=None):
        branch = _head_by_head(x, x, self.attention, self.heads, mask)
        x = _norm_by_formula(x + _drop(self, branch), self.attention_norm)
        branch = _head_by_head(x, memory, self.cross, self.heads, memory_mask)
        x = _norm_by_formula(x + _drop(self, branch), self.cross_norm)
        branch = (x @ self.w_in.weight.T).clamp(min=0) @ self.w_out.weight.T
        return _norm_by_formula(x + _drop(self, branch), self.feed_norm)


@replaces("DecoderLayer")
class DecoderFused(EncoderFused):
    """The fused kernel for both attentions."""

    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__(dim, heads, hidden, dropout)
        self.cross = _Fused(dim, heads)
        self.cross_norm = nn.LayerNorm(dim)

    def forward(self, x, memory, mask=None, memory_mask=None):
        x = self.attention_norm(x + self.drop(self.attention(x, x, mask)))
        x = self.cross_norm(x + self.drop(self.cross(x, memory, memory_mask)))
        return self.feed_norm(x + self.drop(self.w_out(functional.relu(self.w_in(x)))))


# ── DecoderOnlyBlock ──


class _Matrices(nn.Module):
    """Names and shapes of the block's state."""

    def __init__(self, dim, heads, kv_heads, hidden):
        super().__init__()
        if dim % heads or heads % kv_heads:
            raise ValueError("heads must divide dim, and kv_heads heads")
        self.heads, self.kv_heads, self.size = heads, kv_heads, dim // heads
        self.attention_norm, self.feed_norm = _Scale(dim, False), _Scale(dim, False)
        self.q, self.o = _Weight(dim, dim), _Weight(dim, dim)
        self.k, self.v = (_Weight(dim, kv_heads * self.size) for _ in range(2))
        self.gate, self.up, self.down = _Weight(dim, hidden), _Weight(dim, hidden), _Weight(hidden, dim)


@replaces("DecoderOnlyBlock")
class BlockOfEarlierTopics(_Matrices):
    """Put together from the builds of earlier topics."""

    def forward(self, x, cos, sin, mask=None, update=None):
        def attend(y):
            q, k, v = (y @ one.weight.T for one in (self.q, self.k, self.v))
            q = apply_rope(split_heads(q, self.heads), cos, sin)
            k, v = apply_rope(split_heads(k, self.kv_heads), cos, sin), split_heads(v, self.kv_heads)
            if update is not None:
                k, v = update(k, v)
            groups = self.heads // self.kv_heads
            out = scaled_dot_product_attention(q, repeat_kv(k, groups), repeat_kv(v, groups), mask)
            return merge_heads(out) @ self.o.weight.T

        def feed(y):
            return swiglu(y, self.gate.weight.T, self.up.weight.T, self.down.weight.T)

        x = pre_norm(x, lambda y: rms_norm(y, self.attention_norm.weight), attend)
        return pre_norm(x, lambda y: rms_norm(y, self.feed_norm.weight), feed)


@replaces("DecoderOnlyBlock")
class BlockWithoutRepeating(_Matrices):
    """Keys and values are never repeated: the queries of a group stand in a dimension of their own, which broadcasts. The
    rotation is done with complex numbers."""

    def turn(self, x, cos, sin):
        half = self.size // 2
        wide = x.double() if x.dtype == torch.float64 else x.float()
        angle = torch.complex(cos[:, :half].to(wide.dtype), sin[:, :half].to(wide.dtype))
        turned = torch.complex(wide[..., :half].contiguous(), wide[..., half:].contiguous()) * angle
        return torch.cat([turned.real, turned.imag], dim=-1).to(x.dtype)

    def normal(self, x, scale):
        wide = x.double() if x.dtype == torch.float64 else x.float()
        return (wide / (wide.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()).to(x.dtype) * scale.weight

    def forward(self, x, cos, sin, mask=None, update=None):
        y = self.normal(x, self.attention_norm)
        q = self.turn((y @ self.q.weight.T).unflatten(-1, (self.heads, self.size)).transpose(-3, -2), cos, sin)
        k, v = (
            (y @ one.weight.T).unflatten(-1, (self.kv_heads, self.size)).transpose(-3, -2) for one in (self.k, self.v)
        )
        k = self.turn(k, cos, sin)
        k, v = (k, v) if update is None else update(k, v)
        q = q.unflatten(-3, (self.kv_heads, -1))  # (..., kv_heads, group, n, size)
        scores = torch.einsum("...gqe,...ke->...gqk", q, k) / math.sqrt(self.size)
        if mask is not None:
            mask = mask.expand(*scores.shape[:-4], self.heads, *scores.shape[-2:]).unflatten(-3, (self.kv_heads, -1))
            shares = torch.where(mask, scores - scores.amax(-1, keepdim=True).detach(), -math.inf).exp()
        else:
            shares = torch.exp(scores - scores.amax(-1, keepdim=True).detach())
        total = shares.sum(-1, keepdim=True)
        weights = shares / torch.where(total == 0, 1.0, total)
        out = torch.einsum("...gqk,...ke->...gqe", weights.to(v.dtype), v).flatten(-4, -3)
        x = x + out.transpose(-3, -2).flatten(-2) @ self.o.weight.T
        y = self.normal(x, self.feed_norm)
        return x + (functional.silu(y @ self.gate.weight.T) * (y @ self.up.weight.T)) @ self.down.weight.T


@replaces("DecoderOnlyBlock")
class BlockFused(nn.Module):
    """PyTorch's layers and its fused attention; the two halves of the block stand in methods."""

    def __init__(self, dim, heads, kv_heads, hidden):
        super().__init__()
        if dim % heads != 0:
            raise ValueError(f"heads ({heads}) must divide dim ({dim})")
        if heads % kv_heads != 0:
            raise ValueError(f"kv_heads ({kv_heads}) must divide heads ({heads})")
        self.size, self.groups = dim // heads, heads // kv_heads
        self.attention_norm, self.feed_norm = nn.RMSNorm(dim, eps=1e-5), nn.RMSNorm(dim, eps=1e-5)
        self.q, self.o = nn.Linear(dim, dim, bias=False), nn.Linear(dim, dim, bias=False)
        self.k, self.v = (nn.Linear(dim, kv_heads * self.size, bias=False) for _ in range(2))
        self.gate, self.up = nn.Linear(dim, hidden, bias=False), nn.Linear(dim, hidden, bias=False)
        self.down = nn.Linear(hidden, dim, bias=False)

    def heads_of(self, x):
        return x.reshape(*x.shape[:-1], -1, self.size).movedim(-2, -3)

    def look(self, x, cos, sin, mask, update):
        q, k, v = self.heads_of(self.q(x)), self.heads_of(self.k(x)), self.heads_of(self.v(x))
        q, k = apply_rope(q, cos, sin), apply_rope(k, cos, sin)
        if update:
            k, v = update(k, v)
        order = torch.arange(k.shape[-3]).repeat_interleave(self.groups)
        out = functional.scaled_dot_product_attention(q, k[..., order, :, :], v[..., order, :, :], attn_mask=mask)
        return self.o(out.movedim(-3, -2).flatten(start_dim=-2))

    def feed(self, x):
        return self.down(functional.silu(self.gate(x)).mul(self.up(x)))

    def forward(self, x, cos, sin, mask=None, update=None):
        residual = x
        x = residual + self.look(self.attention_norm(x), cos, sin, mask, update)
        residual = x
        return residual + self.feed(self.feed_norm(x))
