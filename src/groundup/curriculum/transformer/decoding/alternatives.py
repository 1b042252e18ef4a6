"""Right answers in other styles, which must pass."""

import math

import torch

from groundup.authoring import replaces

# ── apply_temperature ──


@replaces("apply_temperature")
def temperature_by_its_inverse(logits, temperature):
    """A product with 1 / T."""
    if math.isnan(temperature) or temperature <= 0:
        raise ValueError("the temperature must be above 0")
    return logits * (1.0 / temperature)


@replaces("apply_temperature")
def temperature_on_a_copy(logits, temperature):
    """A copy, changed in place."""
    if not (temperature > 0):
        raise ValueError(f"not a temperature: {temperature}")
    copy = logits.clone()
    copy.div_(temperature)
    return copy


@replaces("apply_temperature")
def temperature_in_double(logits, temperature):
    """Divided in float64, returned in the dtype that came."""
    if temperature > 0:
        return (logits.double() / temperature).to(logits.dtype)
    raise ValueError("the temperature must be above 0")


# ── top_k ──


@replaces("top_k")
def top_k_by_sorting(logits, k):
    """All sorted, the k-th as the bound."""
    if k <= 0:
        raise ValueError("k must be at least 1")
    bound = logits.sort(dim=-1, descending=True).values[..., min(k, logits.shape[-1]) - 1]
    return torch.where(logits >= bound.unsqueeze(-1), logits, -torch.inf)


@replaces("top_k")
def top_k_by_kthvalue(logits, k):
    """The bound counted from below."""
    if k < 1:
        raise ValueError("k must be at least 1")
    vocab = logits.size(-1)
    if k >= vocab:
        return logits.clone()
    bound = torch.kthvalue(logits.float() if logits.dtype != torch.float64 else logits, vocab - k + 1, dim=-1)
    result = logits.clone()
    result[logits < bound.values.to(logits.dtype).unsqueeze(-1)] = float("-inf")
    return result


@replaces("top_k")
def top_k_by_counting(logits, k):
    """A token stays where fewer than k are larger."""
    if k < 1:
        raise ValueError("k must be at least 1")
    larger = (logits.unsqueeze(-2) > logits.unsqueeze(-1)).sum(dim=-1)
    return logits.masked_fill(larger >= k, -math.inf)


# ── top_p ──


def _check_p(p, zero):
    if not ((p >= 0 if zero else p > 0) and p <= 1):
        raise ValueError(f"no share: {p}")


@replaces("top_p")
def top_p_row_by_row(logits, p):
    """A loop over rows and tokens, in plain numbers."""
    _check_p(p, False)
    result = torch.full_like(logits, -math.inf)
    rows, kept = logits.reshape(-1, logits.shape[-1]), result.view(-1, logits.shape[-1])
    for row, out in zip(rows, kept):
        shares, total = torch.softmax(row.double(), dim=0), 0.0
        for token in shares.argsort(descending=True).tolist():
            out[token] = row[token]
            total += float(shares[token])
            if total >= p and p < 1:
                break
    return result


@replaces("top_p")
def top_p_by_rank(logits, p):
    """Each token's rank, and how many ranks are needed."""
    _check_p(p, False)
    if p == 1.0:
        return logits.clone()
    order = logits.argsort(dim=-1, descending=True)
    ranks = torch.empty_like(order).scatter_(-1, order, torch.arange(order.shape[-1]).expand_as(order))
    sums = logits.double().gather(-1, order).softmax(dim=-1).cumsum(dim=-1)
    needed = (sums < p).sum(dim=-1, keepdim=True) + 1
    return torch.where(ranks < needed, logits, torch.tensor(-math.inf, dtype=logits.dtype))


@replaces("top_p")
def top_p_from_below(logits, p):
    """From the least probable up: what has at most 1 - p together goes, as transformers does it. The order is undone by sorting it."""
    _check_p(p, False)
    if p == 1:
        return logits + 0
    shares, order = logits.double().softmax(dim=-1).sort(dim=-1)
    removed = shares.cumsum(dim=-1) <= 1 - p
    removed[..., -1] = False
    back = order.argsort(dim=-1)
    return logits.masked_fill(removed.gather(-1, back), -math.inf)


# ── min_p ──


@replaces("min_p")
def min_p_by_distance(logits, p):
    """A ratio of probabilities is a difference of logits: no softmax is needed."""
    _check_p(p, True)
    if p == 0:
        return logits.clone()
    wide = logits.double()
    gone = wide < wide.amax(dim=-1, keepdim=True) + math.log(p)
    return logits.masked_fill(gone, -math.inf)


@replaces("min_p")
def min_p_by_exponentials(logits, p):
    """Each token's probability relative to the first, directly."""
    _check_p(p, True)
    relative = torch.exp(logits.float() - logits.float().max(dim=-1, keepdim=True).values)
    return torch.where(relative >= p, logits, float("-inf"))


@replaces("min_p")
def min_p_row_by_row(logits, p):
    """One row at a time, on a copy."""
    _check_p(p, True)
    result = logits.clone(memory_format=torch.contiguous_format)
    for row in result.view(-1, logits.shape[-1]):
        shares = torch.softmax(row.double(), dim=-1)
        row[shares < p * shares.max()] = -math.inf
    return result


# ── repetition_penalty ──


def _check_penalty(penalty):
    if math.isnan(penalty) or penalty <= 0:
        raise ValueError("a penalty must be above 0")


@replaces("repetition_penalty")
def penalty_by_a_mask(logits, previous, penalty):
    """A mask of what occurred over the whole vocabulary."""
    _check_penalty(penalty)
    seen = torch.zeros(logits.shape, dtype=torch.bool).scatter(
        -1, previous, torch.ones_like(previous, dtype=torch.bool)
    )
    factor = torch.full_like(logits, penalty).masked_fill(logits > 0, 1.0 / penalty)
    return torch.where(seen, logits * factor, logits)


@replaces("repetition_penalty")
def penalty_row_by_row(logits, previous, penalty):
    """A loop over rows and the set of their tokens."""
    _check_penalty(penalty)
    result = logits.clone(memory_format=torch.contiguous_format)
    rows = result.view(-1, logits.shape[-1])
    texts = previous.reshape(len(rows), -1)
    for row, text in zip(rows, texts):
        for token in set(text.tolist()):
            row[token] = row[token] / penalty if row[token] > 0 else row[token] * penalty
    return result


@replaces("repetition_penalty")
def penalty_by_one_hot(logits, previous, penalty):
    """What occurred, found by comparing every token with the vocabulary."""
    _check_penalty(penalty)
    seen = (previous.unsqueeze(-1) == torch.arange(logits.shape[-1])).any(dim=-2)
    changed = logits.clamp(min=0) / penalty + logits.clamp(max=0) * penalty
    return torch.where(seen, changed, logits)


# ── generate ──


@replaces("generate")
def generate_into_a_buffer(model, ids, n, sample):
    """Room for the whole text made beforehand."""
    batch, length = ids.shape
    text = torch.empty(batch, length + n, dtype=ids.dtype)
    text[:, :length] = ids
    with torch.no_grad():
        for end in range(length, length + n):
            text[:, end] = sample(model(text[:, :end])[:, -1, :])
    return text


@replaces("generate")
def generate_from_a_list(model, ids, n, sample):
    """A list of columns, put together when needed."""
    columns = list(ids.unbind(dim=1))
    with torch.inference_mode():
        while len(columns) < ids.shape[1] + n:
            logits = model(torch.stack(columns, dim=1))
            columns.append(sample(logits.select(1, -1)).to(ids.dtype))
    return torch.stack(columns, dim=1)


@replaces("generate")
def generate_by_recursion(model, ids, n, sample):
    """One token, then the rest."""
    if n == 0:
        return ids.clone()
    with torch.no_grad():
        new = sample(model(ids)[:, ids.shape[1] - 1])
    return generate_by_recursion(model, torch.hstack((ids, new.reshape(-1, 1).to(ids.dtype))), n - 1, sample)
