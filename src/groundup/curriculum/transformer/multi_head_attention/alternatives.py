"""Right answers in other styles than the reference's: all of them must pass."""

import math

import torch
from torch import nn
from torch.nn import functional

from groundup.authoring import replaces


def _refuse(dim, heads):
    if heads < 1 or dim % heads != 0:
        raise ValueError(f"cannot cut {dim} numbers into {heads} heads")


# ── split_heads ──


@replaces("split_heads")
def split_by_unflatten(x, heads):
    _refuse(x.shape[-1], heads)
    return x.unflatten(-1, (heads, -1)).movedim(-2, -3)


@replaces("split_heads")
def split_by_chunks(x, heads):
    """Slices of the last dimension, stacked."""
    _refuse(x.shape[-1], heads)
    return torch.stack(x.chunk(heads, dim=-1), dim=-3)


@replaces("split_heads")
def split_by_copying(x, heads):
    """An empty tensor that is filled head by head."""
    _refuse(x.size(-1), heads)
    width = x.size(-1) // heads
    out = x.new_empty(*x.shape[:-2], heads, x.size(-2), width)
    for head in range(heads):
        out[..., head, :, :] = x[..., head * width : (head + 1) * width]
    return out


@replaces("split_heads")
def split_by_einsum(x, heads):
    """Selected by matrices of zeros and ones. Every product has one term that is not zero, so nothing is rounded."""
    dim = x.shape[-1]
    _refuse(dim, heads)
    choose = torch.eye(dim, dtype=x.dtype).reshape(dim, heads, dim // heads)
    return torch.einsum("...nd,dhe->...hne", x, choose)


# ── merge_heads ──


@replaces("merge_heads")
def merged_by_concatenation(x):
    return torch.cat(x.unbind(dim=-3), dim=-1)


@replaces("merge_heads")
def merged_by_contiguous_view(x):
    *batch, heads, n, head_dim = x.shape
    return x.swapaxes(-3, -2).contiguous().view(*batch, n, heads * head_dim)


@replaces("merge_heads")
def merged_by_copying(x):
    heads, width = x.shape[-3], x.shape[-1]
    out = x.new_zeros(*x.shape[:-3], x.shape[-2], heads * width)
    for head in range(heads):
        out[..., head * width : (head + 1) * width] = x[..., head, :, :]
    return out


@replaces("merge_heads")
def merged_position_by_position(x):
    rows = [x[..., position, :].flatten(-2) for position in range(x.shape[-2])]
    return torch.stack(rows, dim=-2)


# ── repeat_kv ──


@replaces("repeat_kv")
def repeated_by_index(x, groups):
    return x.index_select(-3, torch.arange(x.shape[-3] * groups) // groups)


@replaces("repeat_kv")
def repeated_by_list(x, groups):
    heads = [head for head in x.unbind(-3) for _ in range(groups)]
    return torch.stack(heads, -3)


@replaces("repeat_kv")
def repeated_by_stack(x, groups):
    return torch.stack([x] * groups, dim=-3).flatten(-4, -3)


@replaces("repeat_kv")
def repeated_by_expand(x, groups):
    """As in Llama's own code."""
    if groups == 1:
        return x
    *batch, kv_heads, n, head_dim = x.shape
    x = x[..., :, None, :, :].expand(*batch, kv_heads, groups, n, head_dim)
    return x.reshape(*batch, kv_heads * groups, n, head_dim)


# ── MultiHeadAttention ──


class _Weights(nn.Module):
    """The four matrices, and nothing else."""

    def __init__(self, dim, heads, kv_heads=None):
        super().__init__()
        kv_heads = heads if kv_heads is None else kv_heads
        _refuse(dim, heads)
        _refuse(heads, kv_heads)
        self.dim, self.heads, self.kv_heads, self.head_dim = dim, heads, kv_heads, dim // heads
        self.q = nn.Linear(dim, dim, bias=False)
        self.k = nn.Linear(dim, kv_heads * self.head_dim, bias=False)
        self.v = nn.Linear(dim, kv_heads * self.head_dim, bias=False)
        self.o = nn.Linear(dim, dim, bias=False)


def _attend(q, k, v, mask):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if mask is None:
        return scores.softmax(-1) @ v
    empty = ~mask.any(-1, keepdim=True)
    return (scores.masked_fill(~(mask | empty), -math.inf).softmax(-1) @ v).masked_fill(empty, 0.0)


@replaces("MultiHeadAttention")
class LoopOverHeads(_Weights):
    """One head after the other, each with its own rows of the weights, as the formula is printed."""

    def forward(self, x, mask=None):
        if mask is not None:
            mask = mask.expand(torch.broadcast_shapes(mask.shape, (self.heads, 1, 1)))
        results = []
        for head in range(self.heads):
            mine = slice(head * self.head_dim, (head + 1) * self.head_dim)
            shared = head * self.kv_heads // self.heads
            theirs = slice(shared * self.head_dim, (shared + 1) * self.head_dim)
            q, k, v = x @ self.q.weight[mine].T, x @ self.k.weight[theirs].T, x @ self.v.weight[theirs].T
            results.append(_attend(q, k, v, None if mask is None else mask[..., head, :, :]))
        return torch.cat(results, dim=-1) @ self.o.weight.T


@replaces("MultiHeadAttention")
class SumOverHeads(_Weights):
    """Each head writes into the output through its own columns of o; the writings are added up."""

    def forward(self, x, mask=None):
        rows = self.q.weight.unflatten(0, (self.kv_heads, -1, self.head_dim))
        q = torch.einsum("...nd,gred->...grne", x, rows)
        k = torch.einsum("...nd,ged->...gne", x, self.k.weight.unflatten(0, (self.kv_heads, -1)))
        v = torch.einsum("...nd,ged->...gne", x, self.v.weight.unflatten(0, (self.kv_heads, -1)))
        if mask is not None:
            mask = mask.expand(torch.broadcast_shapes(mask.shape, (self.heads, 1, 1)))
            mask = mask.unflatten(-3, (self.kv_heads, -1))
        out = _attend(q, k.unsqueeze(-3), v.unsqueeze(-3), mask)
        return torch.einsum("...grne,dgre->...nd", out, self.o.weight.unflatten(1, (*out.shape[-4:-2], -1)))


@replaces("MultiHeadAttention")
class FusedKernel(_Weights):
    """PyTorch's own attention function, which can share keys by itself."""

    def forward(self, x, mask=None):
        q = self.q(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        k, v = (one(x).unflatten(-1, (self.kv_heads, -1)).transpose(-3, -2) for one in (self.k, self.v))
        out = functional.scaled_dot_product_attention(q, k, v, mask, enable_gqa=True)
        return self.o(out.transpose(-3, -2).flatten(-2))


@replaces("MultiHeadAttention")
class BareParameters(nn.Module):
    """No linear layers: holders of a weight, one product for all three projections, heads indexed in a list."""

    def __init__(self, dim, heads, kv_heads=None):
        super().__init__()
        self.heads, self.shared = heads, heads if kv_heads is None else kv_heads
        _refuse(dim, heads)
        _refuse(heads, self.shared)
        self.width = dim // heads
        for name, rows in (("q", dim), ("k", self.shared * self.width), ("v", self.shared * self.width), ("o", dim)):
            holder = nn.Module()
            holder.weight = nn.Parameter(nn.init.xavier_normal_(torch.empty(rows, dim)))
            self.add_module(name, holder)

    def forward(self, x, mask=None):
        everything = x @ torch.cat([self.q.weight, self.k.weight, self.v.weight]).T
        heads = torch.stack(everything.split(self.width, dim=-1), dim=-3)
        q, k, v = heads.split([self.heads, self.shared, self.shared], dim=-3)
        which = [head // (self.heads // self.shared) for head in range(self.heads)]
        out = _attend(q, k[..., which, :, :], v[..., which, :, :], mask)
        return torch.cat(out.unbind(-3), dim=-1) @ self.o.weight.T


@replaces("MultiHeadAttention")
class DoublePrecision(_Weights):
    """Attention in float64 between layers of the given dtype."""

    def forward(self, x, mask=None):
        q = torch.stack(self.q(x).double().chunk(self.heads, -1), -3)
        k, v = (torch.stack(one(x).double().chunk(self.kv_heads, -1), -3) for one in (self.k, self.v))
        k, v = (one.repeat_interleave(self.heads // self.kv_heads, -3) for one in (k, v))
        return self.o(torch.cat(_attend(q, k, v, mask).unbind(-3), -1).to(x.dtype))
