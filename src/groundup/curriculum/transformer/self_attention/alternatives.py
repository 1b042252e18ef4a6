"""Right answers in other styles than the reference's: all of them must pass."""

import math

import numpy as np
import torch

from groundup.authoring import replaces


def _same_d(q, k):
    if q.shape[-1] != k.shape[-1]:
        raise ValueError(f"d of the queries {list(q.shape)} is not d of the keys {list(k.shape)}")


# ── attention_scores ──


@replaces("attention_scores")
def scores_by_the_textbook(q, k):
    """The formula as printed: multiply, then divide."""
    _same_d(q, k)
    return q @ k.mT / q.size(-1) ** 0.5


@replaces("attention_scores")
def scores_by_einsum(q, k):
    _same_d(q, k)
    return torch.einsum("...qd,...kd->...qk", q, k) * q.shape[-1] ** -0.5


@replaces("attention_scores")
def scores_by_broadcasting(q, k):
    """All pairs of rows, multiplied entry by entry and summed."""
    _same_d(q, k)
    return (q[..., :, None, :] * k[..., None, :, :]).sum(-1) / math.sqrt(q.shape[-1])


@replaces("attention_scores")
def scores_by_loops(q, k):
    """One dot product at a time."""
    _same_d(q, k)
    lead = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2])
    q, k = q.expand(*lead, *q.shape[-2:]), k.expand(*lead, *k.shape[-2:])
    rows = []
    for i in range(q.shape[-2]):
        rows.append(torch.stack([(q[..., i, :] * k[..., j, :]).sum(-1) for j in range(k.shape[-2])], dim=-1))
    return torch.stack(rows, dim=-2) / math.sqrt(q.shape[-1])


@replaces("attention_scores")
def scores_by_a_batch_of_matrices(q, k):
    """The batch is flattened to one dimension for baddbmm, which scales as it multiplies."""
    _same_d(q, k)
    lead = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2])
    q3 = q.expand(*lead, *q.shape[-2:]).reshape(-1, *q.shape[-2:])
    k3 = k.expand(*lead, *k.shape[-2:]).reshape(-1, *k.shape[-2:])
    start = torch.zeros((), dtype=q.dtype)
    out = torch.baddbmm(start, q3, k3.transpose(1, 2), beta=0, alpha=1 / math.sqrt(q.shape[-1]))
    return out.reshape(*lead, *out.shape[-2:])


@replaces("attention_scores")
def scores_by_a_linear_layer(q, k):
    """A linear layer whose weights are the keys; both factors take half of the scale."""
    if q.size(-1) != k.size(-1):
        raise ValueError("cannot match queries " + str(q.shape) + " with keys " + str(k.shape))
    half = q.size(-1) ** -0.25
    return torch.matmul(q * half, torch.swapaxes(k * half, -1, -2))


# ── causal_mask ──


@replaces("causal_mask")
def mask_by_tril(n):
    return torch.tril(torch.ones(n, n, dtype=torch.bool))


@replaces("causal_mask")
def mask_by_not_triu(n):
    return ~torch.ones((n, n), dtype=torch.bool).triu(diagonal=1)


@replaces("causal_mask")
def mask_by_lists(n):
    return torch.tensor([[j <= i for j in range(n)] for i in range(n)])


@replaces("causal_mask")
def mask_by_loop(n):
    mask = torch.zeros(n, n, dtype=torch.bool)
    for i in range(n):
        mask[i, : i + 1] = True
    return mask


@replaces("causal_mask")
def mask_by_running_sum(n):
    """A position may see what has been read: the running sum down each column of the identity."""
    return torch.eye(n).cumsum(dim=0) > 0


@replaces("causal_mask")
def mask_by_indices(n):
    row, column = torch.tril_indices(n, n)
    mask = torch.zeros((n, n), dtype=torch.bool)
    mask[row, column] = True
    return mask


# ── scaled_dot_product_attention ──


@replaces("scaled_dot_product_attention")
def attention_by_exponentials(q, k, v, mask=None):
    """The softmax written out: the largest allowed score of each row is subtracted, and an empty sum is divided by 1."""
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if mask is None:
        mask = torch.ones((), dtype=torch.bool)
    top = scores.detach().masked_fill(~mask, -math.inf).amax(dim=-1, keepdim=True)
    top = torch.where(top == -math.inf, 0.0, top)
    shares = torch.exp(torch.where(mask, scores - top, -math.inf))
    total = shares.sum(dim=-1, keepdim=True)
    return (shares / torch.where(total == 0, 1.0, total)).type_as(v) @ v


@replaces("scaled_dot_product_attention")
def attention_by_logsumexp(q, k, v, mask=None):
    """Each weight is the exponential of a difference of logarithms. An empty row gets a mask of its own."""
    scores = torch.einsum("...qd,...kd->...qk", q, k) / q.size(-1) ** 0.5
    if mask is None:
        return torch.exp(scores - torch.logsumexp(scores, dim=-1, keepdim=True)).to(v.dtype) @ v
    some = mask.any(dim=-1, keepdim=True)
    scores = torch.where(mask | ~some, scores, -torch.inf)
    weights = torch.exp(scores - torch.logsumexp(scores, dim=-1, keepdim=True))
    return torch.where(some, weights, 0.0).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def attention_by_infinity(q, k, v, mask=None):
    """Minus infinity, but not in rows that are masked altogether; those are set to zero at the end."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is None:
        return scores.softmax(-1).to(v.dtype) @ v
    empty = ~mask.any(-1, keepdim=True)
    out = scores.masked_fill(~(mask | empty), float("-inf")).softmax(-1).to(v.dtype) @ v
    return out.masked_fill(empty, 0.0)


@replaces("scaled_dot_product_attention")
def attention_online(q, k, v, mask=None):
    """One key at a time with a running maximum and a running sum, as FlashAttention does with blocks of keys. The weights of
    all keys are never in memory at once."""
    q = q / math.sqrt(q.shape[-1])
    lead = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2], () if mask is None else mask.shape[:-2])
    shape = (*lead, q.shape[-2], 1)
    allowed = torch.ones((1, 1), dtype=torch.bool) if mask is None else mask
    allowed = allowed.expand(*lead, q.shape[-2], k.shape[-2])
    top = torch.full(shape, torch.finfo(q.dtype).min / 2, dtype=q.dtype)
    total, out = torch.zeros(shape, dtype=q.dtype), torch.zeros((*lead, q.shape[-2], v.shape[-1]), dtype=q.dtype)
    for j in range(k.shape[-2]):
        here = allowed[..., j : j + 1]
        score = (q * k[..., j : j + 1, :]).sum(-1, keepdim=True).expand(shape)
        score = torch.where(here, score, torch.finfo(q.dtype).min / 2)
        new = torch.maximum(top, score.detach())
        shrink, share = torch.exp(top - new), torch.where(here, torch.exp(score - new), 0.0)
        total, out = total * shrink + share, out * shrink + share * v[..., j : j + 1, :].to(q.dtype)
        top = new
    return (out / total.masked_fill(total == 0, 1.0)).to(v.dtype)


@replaces("scaled_dot_product_attention")
def attention_by_loops(q, k, v, mask=None):
    """One query of one head of one text at a time, over the keys that it may attend to and no others."""
    parts = (q, k, v) if mask is None else (q, k, v, mask)
    lead = torch.broadcast_shapes(*(part.shape[:-2] for part in parts))
    n_q, n_k = q.shape[-2], k.shape[-2]
    q, k, v = (part.expand(*lead, *part.shape[-2:]) for part in (q, k, v))
    allowed = torch.ones((), dtype=torch.bool) if mask is None else mask
    allowed = allowed.expand(*lead, n_q, n_k)
    rows = []
    for *batch, i in np.ndindex(*lead, n_q):
        here = tuple(batch)
        keep = allowed[here][i].nonzero().flatten()
        query, keys, values = q[here][i], k[here][keep], v[here][keep]
        # With no key at all, products with empty matrices give zeros that are still tied to the query.
        weights = torch.softmax((keys * query).sum(-1) / math.sqrt(q.shape[-1]), dim=0)
        rows.append(weights.to(v.dtype) @ values)
    return torch.stack(rows).reshape(*lead, n_q, v.shape[-1])


@replaces("scaled_dot_product_attention")
def attention_in_double(q, k, v, mask=None):
    """All in float64, returned in the dtype of the values."""
    scores = q.double() @ k.double().transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        bias = torch.zeros(mask.shape, dtype=torch.float64).masked_fill(~mask, -1e300)
        scores = scores + bias
    weights = scores.softmax(dim=-1)
    if mask is not None:
        weights = weights * mask
    return (weights @ v.double()).to(v.dtype)
