"""Right answers in other styles: all of them must pass."""

import math

import torch

from groundup.authoring import replaces


def _check(prior, likelihood):
    if prior.size(-1) != likelihood.size(-2):
        raise ValueError(f"{list(prior.shape)} does not go with {list(likelihood.shape)}")


# ── conditional ──


@replaces("conditional")
def by_moving_the_axis(joint, given_axis):
    if joint.dtype in (torch.int64, torch.int32):
        joint = joint.float()
    first = joint.movedim(given_axis, 0)
    flat = first.reshape(first.shape[0], -1)
    total = flat.sum(1, keepdim=True)
    safe = total + (total == 0)
    return (flat / safe).reshape(first.shape).movedim(0, given_axis)


@replaces("conditional")
def by_loops_over_values(joint, given_axis):
    values = []
    for one in joint.unbind(given_axis):
        one = one * 1.0
        total = one.sum()
        values.append(one / total if total > 0 else one)
    return torch.stack(values, given_axis)


@replaces("conditional")
def by_amounts_of_largest(joint, given_axis):
    """Each slice is first divided by its largest entry, so that no sum can leave the range."""
    table = joint if joint.is_floating_point() else joint.to(torch.get_default_dtype())
    if not -table.ndim <= given_axis <= table.ndim - 1:
        raise IndexError(given_axis)
    others = tuple(axis for axis in range(table.ndim) if axis not in (given_axis, given_axis + table.ndim))
    if not others:
        return torch.where(table > 0, table / torch.where(table > 0, table, 1), 0)
    largest = table.detach().amax(others, keepdim=True)
    scaled = table / torch.where(largest > 0, largest, 1)
    total = scaled.sum(others, keepdim=True)
    return scaled / torch.where(total > 0, total, 1)


@replaces("conditional")
def by_einsum_letters(joint, given_axis):
    table = joint + 0.0
    letters = "abcdefgh"[: table.dim()]
    given = letters[range(table.dim())[given_axis]]
    marginal = torch.einsum(f"{letters}->{given}", table)
    inverse = (marginal > 0) / marginal.clamp(min=torch.finfo(table.dtype).tiny)
    return torch.einsum(f"{letters},{given}->{letters}", table, inverse)


# ── total_probability ──


@replaces("total_probability")
def by_einsum(prior, likelihood):
    _check(prior, likelihood)
    return torch.einsum("...h,...hn->...n", prior, likelihood)


@replaces("total_probability")
def by_products_and_sum(prior, likelihood):
    _check(prior, likelihood)
    return (prior[..., None] * likelihood).sum(-2)


@replaces("total_probability")
def by_loop_over_hypotheses(prior, likelihood):
    _check(prior, likelihood)
    return sum(prior[..., i, None] * likelihood[..., i, :] for i in range(prior.shape[-1]))


@replaces("total_probability")
def by_the_transpose(prior, likelihood):
    _check(prior, likelihood)
    return (likelihood.mT @ prior.unsqueeze(-1))[..., 0]


# ── bayes ──


@replaces("bayes")
def by_infinite_logarithms(prior, likelihood, observed):
    """Minus infinity for what is impossible, and one finite number for rows of nothing else."""
    _check(prior, likelihood)
    if isinstance(observed, int):
        observed = torch.tensor([observed])

    def log(p):
        return torch.where(p > 0, torch.where(p > 0, p, 1).log(), -math.inf)

    weight = log(prior) + log(likelihood.index_select(-1, observed)).sum(-1)
    dead = (weight == -math.inf).all(-1, keepdim=True)
    return torch.where(dead, 0.0, torch.softmax(torch.where(dead, 0.0, weight), -1))


@replaces("bayes")
def by_counting_outcomes(prior, likelihood, observed):
    """How often each outcome was seen, times its logarithm."""
    _check(prior, likelihood)
    n = likelihood.shape[-1]
    counts = torch.bincount(torch.as_tensor(observed).reshape(-1), minlength=n).to(likelihood.dtype)
    impossible = ((likelihood <= 0) & (counts > 0)).any(-1) | (prior <= 0)
    logs = torch.log(torch.where(likelihood > 0, likelihood, torch.ones_like(likelihood)))
    weight = torch.log(torch.where(prior > 0, prior, torch.ones_like(prior))) + logs @ counts
    largest = weight.masked_fill(impossible, -math.inf).amax(-1, keepdim=True).detach()
    shares = torch.where(impossible, 0.0, (weight - largest.nan_to_num(neginf=0.0)).masked_fill(impossible, 0.0).exp())
    total = shares.sum(-1, keepdim=True)
    return shares / torch.where(total > 0, total, 1.0)


@replaces("bayes")
def by_running_logarithms(prior, likelihood, observed):
    """One outcome after the other, kept as logarithms that are made to add up to 1 at the end."""
    _check(prior, likelihood)
    seen = [observed] if isinstance(observed, int) else observed.tolist()
    prior = prior.expand(torch.broadcast_shapes(prior.shape, likelihood.shape[:-1]))
    weight = torch.log(prior + (prior == 0))
    possible = prior > 0
    for outcome in seen:
        p = likelihood[..., outcome]
        possible = possible & (p > 0)
        weight = weight + torch.log(p + (p == 0))
    weight = weight.masked_fill(~possible, -1e30)
    weight = weight - torch.logsumexp(weight, -1, keepdim=True)
    return weight.exp() * possible


@replaces("bayes")
def by_mantissas_and_exponents(prior, likelihood, observed):
    """No logarithms: products whose common powers of two are kept apart, so that nothing leaves the range."""
    _check(prior, likelihood)
    seen = [observed] if isinstance(observed, int) else observed.tolist()
    product, power = torch.broadcast_tensors(prior, likelihood[..., 0])[0], 0
    for outcome in [None, *seen]:
        if outcome is not None:
            product = product * likelihood[..., outcome]
        exponent = torch.frexp(product.detach())[1]
        product, power = product * 2.0 ** -exponent.to(product.dtype), power + exponent
    power = torch.where(product > 0, power, -(10**6))
    behind = power - power.amax(-1, keepdim=True)
    scaled = product * 2.0 ** behind.to(product.dtype)
    total = scaled.sum(-1, keepdim=True)
    return scaled / torch.where(total > 0, total, 1)
