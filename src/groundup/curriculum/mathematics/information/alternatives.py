"""Right answers in other styles: all of them must pass."""

import math

import torch

from groundup.authoring import replaces


def _check(p, q):
    if p.size(-1) != q.size(-1):
        raise ValueError(f"{list(p.shape)} outcomes against {list(q.shape)}")


def _safe_log(p):
    return torch.log(torch.where(p > 0, p, torch.ones_like(p)))


# ── entropy ──


@replaces("entropy")
def by_xlogy(p):
    """xlogy knows that 0 log 0 is 0; its gradient does not, so the 0 inside the logarithm is replaced."""
    return -torch.xlogy(p, p + (p == 0)).sum(-1)


@replaces("entropy")
def by_a_loop_over_outcomes(p):
    total = torch.zeros(p.shape[:-1], dtype=p.dtype)
    for one in p.unbind(-1):
        total = total - one * torch.where(one == 0, 1.0, one).log()
    return total


@replaces("entropy")
def by_einsum(p):
    return torch.einsum("...i,...i->...", p, -_safe_log(p))


@replaces("entropy")
def by_bits(p):
    """Counted in bits, handed over in nats."""
    return (p * torch.log2(torch.where(p > 0, 1 / torch.where(p > 0, p, 1), 1))).sum(-1) * math.log(2)


# ── cross_entropy_of ──


@replaces("cross_entropy_of")
def by_where_happens(p, q):
    """0 where p is 0, decided before the logarithm; infinity comes of itself."""
    _check(p, q)
    happens = p > 0
    return -(p * torch.where(happens, q, torch.ones_like(q)).log()).sum(-1)


@replaces("cross_entropy_of")
def by_matrix_products(p, q):
    _check(p, q)
    finite = torch.matmul(p.unsqueeze(-2), _safe_log(q).unsqueeze(-1)).squeeze(-1).squeeze(-1)
    missed = torch.matmul((p > 0).float().unsqueeze(-2), (q == 0).float().unsqueeze(-1)).squeeze(-1).squeeze(-1)
    return torch.where(missed > 0, math.inf, -finite)


@replaces("cross_entropy_of")
def by_pairs_of_outcomes(p, q):
    _check(p, q)
    total = 0.0
    for i in range(p.shape[-1]):
        happens, believed = p[..., i], q[..., i]
        surprise = -torch.where(happens == 0, 1.0, believed).log()
        total = total + happens * surprise
    return total


# ── kl_divergence ──


@replaces("kl_divergence")
def by_where_both(p, q):
    _check(p, q)
    happens = p > 0
    one = torch.ones((), dtype=p.dtype)
    return (p * (torch.where(happens, p, one).log() - torch.where(happens, q, one).log())).sum(dim=-1)


@replaces("kl_divergence")
def by_a_difference(p, q):
    """Cross-entropy less entropy."""
    _check(p, q)
    cross = (p * -torch.where(p > 0, q, 1.0).log()).sum(-1)
    return cross - (p * -torch.where(p > 0, p, 1.0).log()).sum(-1)


@replaces("kl_divergence")
def by_terms_that_are_never_negative(p, q):
    """p log(p / q) - p + q: what is added is zero in the sum, where both add up to 1, and put back where they do not."""
    _check(p, q)
    happens = p > 0
    terms = p * (torch.where(happens, p, 1.0).log() - torch.where(happens, q, 1.0).log()) - p + q
    return terms.sum(-1) + (p - q).sum(-1)


@replaces("kl_divergence")
def by_loops(p, q):
    _check(p, q)
    p, q = torch.broadcast_tensors(p, q)
    if p.dim() > 1:
        return torch.stack([by_loops(one, other) for one, other in zip(p, q)])
    total = p.sum() * 0.0
    for i in range(len(p)):
        if p[i] != 0:
            total = total + p[i] * (p[i].log() - q[i].log())
    return total + 0.0 * q[p == 0].sum()


# ── perplexity ──


@replaces("perplexity")
def by_sum_and_count(token_log_probabilities):
    logs = token_log_probabilities
    if logs.dtype != torch.float64:
        logs = logs.to(torch.float32)
    if logs.numel() < 1:
        raise ValueError("an empty text")
    return torch.exp(-logs.sum() / logs.numel())


@replaces("perplexity")
def by_double_precision(token_log_probabilities):
    if token_log_probabilities.numel() == 0:
        raise ValueError("nothing to measure")
    result = 1 / torch.exp(token_log_probabilities.double().flatten().mean())
    return result if token_log_probabilities.dtype == torch.float64 else result.float()


@replaces("perplexity")
def by_powers_of_two(token_log_probabilities):
    """Bits for each token, and two to the power of that."""
    logs = token_log_probabilities.reshape(-1)
    if len(logs) == 0:
        raise ValueError(logs)
    bits = -(logs.float() if logs.dtype in (torch.float16, torch.bfloat16) else logs) / math.log(2)
    return torch.exp2(bits.mean())


@replaces("perplexity")
def by_means_of_chunks(token_log_probabilities):
    """The mean of what lies in chunks, each weighted with its length."""
    logs = token_log_probabilities.flatten()
    logs = logs if logs.dtype == torch.float64 else logs.float()
    if not logs.numel():
        raise ValueError("no tokens")
    mean = sum(chunk.mean() * (len(chunk) / len(logs)) for chunk in logs.split(1000))
    return mean.neg().exp()
