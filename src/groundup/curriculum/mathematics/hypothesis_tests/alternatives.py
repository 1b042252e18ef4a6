"""Right answers in other styles: all of them must pass."""

import math
import random

import numpy as np
import torch

from groundup.authoring import replaces

# ── t_statistic ──


def _enough(a, b):
    if min(a.size(-1), b.size(-1)) < 2:
        raise ValueError(f"{list(a.size())}, {list(b.size())}: too few")


@replaces("t_statistic")
def by_sums_of_squares(a, b):
    _enough(a, b)
    total = 0
    for group in (a, b):
        n = group.shape[-1]
        away = group - group.mean(-1, keepdim=True)
        total = total + (away * away).sum(-1) / (n - 1) / n
    return (
        (a.mean(-1) - b.mean(-1)) * total.rsqrt()
        if bool((total > 0).all())
        else (a.mean(-1) - b.mean(-1)) / total.sqrt()
    )


@replaces("t_statistic")
def from_a_common_origin(a, b):
    """Everything measured from one of the samples, in float64."""
    _enough(a, b)
    origin = a[..., :1].double()
    x, y = a.double() - origin, b.double() - origin
    t = (x.mean(-1) - y.mean(-1)) / torch.hypot(x.std(-1) / math.sqrt(x.shape[-1]), y.std(-1) / math.sqrt(y.shape[-1]))
    return t.to(a.dtype)


@replaces("t_statistic")
def by_var_mean(a, b):
    _enough(a, b)
    (va, ma), (vb, mb) = torch.var_mean(a, dim=-1), torch.var_mean(b, dim=-1)
    return (ma - mb).div(va.div(a.size(-1)).add(vb.div(b.size(-1))).sqrt())


# ── permutation_p_value ──


@replaces("permutation_p_value")
def by_randperm(a, b, n, generator):
    pooled = torch.cat([a, b]).double()
    pooled = pooled - pooled.mean()
    na, k = len(a), 0
    orders = torch.stack([torch.randperm(len(pooled), generator=generator) for _ in range(n)])
    first = pooled[orders[:, :na]].sum(1).abs()
    k = int((first >= pooled[:na].sum().abs() * (1 - 1e-9)).sum())
    return (1 + k) / (1 + n)


@replaces("permutation_p_value")
def by_numpy(a, b, n, generator):
    """A NumPy generator, seeded from the one that was handed over."""
    draws = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    x = np.concatenate([a.double().numpy(), b.double().numpy()])
    x = x - x[0]
    actual = abs(x[: len(a)].mean() - x[len(a) :].mean())
    tables = draws.permuted(np.tile(x, (n, 1)), axis=1)
    found = np.abs(tables[:, : len(a)].mean(1) - tables[:, len(a) :].mean(1))
    return float((np.count_nonzero(found >= actual - 1e-11 * np.abs(x).max()) + 1) / (n + 1))


@replaces("permutation_p_value")
def by_a_matrix_of_signs(a, b, n, generator):
    """Labels as weights: 1/n_a for one group, -1/n_b for the other; one matrix product."""
    pooled = torch.cat([a, b]).double()
    pooled = pooled - pooled.mean()
    labels = torch.cat([torch.full((len(a),), 1 / len(a)), torch.full((len(b),), -1 / len(b))]).double()
    shuffled = labels[torch.rand(n, len(pooled), generator=generator, dtype=torch.float64).argsort(1)]
    found, actual = (shuffled @ pooled).abs(), (labels @ pooled).abs()
    k = (found > actual) | torch.isclose(found, actual, rtol=1e-8, atol=float(pooled.abs().max()) * 1e-10)
    return (k.sum().item() + 1) / (n + 1)


@replaces("permutation_p_value")
def in_plain_python(a, b, n, generator):
    dice = random.Random(int(torch.randint(2**62, (1,), generator=generator)))
    values, na = [float(v) for v in [*a, *b]], len(a)
    middle = math.fsum(values) / len(values)
    values = [v - middle for v in values]
    limit = abs(math.fsum(values[:na])) - 1e-9 * max(abs(v) for v in values)
    k = sum(abs(math.fsum(dice.sample(values, na))) >= limit for _ in range(n))
    return (k + 1) / (n + 1)


@replaces("permutation_p_value")
def by_the_largest_of_random_numbers(a, b, n, generator):
    """The places of the n_a largest random numbers are the first group; equal sums are recognized by isclose."""
    x = torch.cat([a.double(), b.double()])
    x = x - x.mean()
    places = torch.rand(n, len(x), generator=generator, dtype=torch.float64).topk(len(a), dim=1).indices
    found, actual = x[places].sum(1).abs(), x[: len(a)].sum().abs()
    equal = torch.isclose(found, actual, rtol=1e-9, atol=1e-12 * float(x.abs().max()))
    return ((((found >= actual) | equal).sum() + 1) / (n + 1)).item()


# ── holm_bonferroni ──


@replaces("holm_bonferroni")
def by_a_loop(p_values, alpha=0.05):
    rejected = torch.zeros(len(p_values), dtype=torch.bool)
    for done, i in enumerate(p_values.argsort().tolist()):
        if p_values[i] > alpha / (len(p_values) - done):
            break
        rejected[i] = True
    return rejected


@replaces("holm_bonferroni")
def by_adjusted_values(p_values, alpha=0.05):
    order = torch.argsort(p_values)
    left = torch.arange(len(p_values), 0, -1)
    adjusted = torch.cummax(p_values[order] * left, 0).values if len(p_values) else p_values
    back = torch.empty_like(adjusted)
    back[order] = adjusted
    return back <= alpha


@replaces("holm_bonferroni")
def by_the_first_failure(p_values, alpha=0.05):
    """All that lie strictly below the first p-value that is too large."""
    ordered = sorted(p_values.tolist())
    m = len(ordered)
    stop = next((p for i, p in enumerate(ordered) if p > alpha / (m - i)), math.inf)
    return torch.tensor([p < stop for p in p_values.tolist()], dtype=torch.bool)


@replaces("holm_bonferroni")
def by_asking_all_smaller_ones(p_values, alpha=0.05):
    """No sorting: one is rejected if it and all smaller ones meet their bounds."""
    p = p_values.tolist()

    def small_enough(one):
        return one <= alpha / (len(p) - sum(other < one for other in p))

    return torch.tensor([all(small_enough(o) for o in p if o <= one) for one in p], dtype=torch.bool)
