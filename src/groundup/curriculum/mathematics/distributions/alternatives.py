"""Right answers in other styles: all of them must pass."""

import math

import torch

from groundup.authoring import replaces

# ── normal_log_pdf ──


@replaces("normal_log_pdf")
def in_float64(x, mean, std):
    wide, spread = x.double(), torch.as_tensor(std, dtype=torch.float64)
    z = (wide - mean) / spread
    return (-(z * z + math.log(2 * math.pi)) / 2 - torch.log(spread)).to(x.dtype)


@replaces("normal_log_pdf")
def by_loops(x, mean, std):
    x, mean, std = torch.broadcast_tensors(x, *(torch.as_tensor(one, dtype=x.dtype) for one in (mean, std)))
    found = [
        -(((a - b) / s) ** 2) / 2 - torch.log(s) - math.log(math.sqrt(2 * math.pi))
        for a, b, s in zip(x.reshape(-1), mean.reshape(-1), std.reshape(-1))
    ]
    return torch.stack(found).reshape(x.shape)


@replaces("normal_log_pdf")
def by_standardizing(x, mean, std):
    """The standard density of the distance, and the change of scale."""
    standard = (x - mean).div(std)
    scale = math.log(std) if not torch.is_tensor(std) else torch.log(std)
    return -0.5 * standard**2 - 0.9189385332046727 - scale


# ── binomial_log_pmf ──


@replaces("binomial_log_pmf")
def by_beta(k, n, p):
    """The number of orders by the beta function, with the logarithms of 0 taken out by hand."""
    k, n, q = torch.broadcast_tensors(torch.as_tensor(k).double(), torch.as_tensor(n).double(), p.double())
    fine = (k >= 0) & (k <= n) & (torch.round(k) == k)
    k = torch.where(fine, k, torch.zeros_like(k))
    ways = torch.lgamma(n + 1).sub(torch.lgamma(k + 1)).sub(torch.lgamma(n - k + 1))
    wins = torch.where(k > 0, k * torch.log(torch.where(k > 0, q, 1.0)), 0.0)
    losses = torch.where(n > k, (n - k) * torch.log1p(-torch.where(n > k, q, 0.0)), 0.0)
    return torch.where(fine, ways + wins + losses, -math.inf).to(p.dtype)


@replaces("binomial_log_pmf")
def by_python(k, n, p):
    """One at a time, with math.lgamma."""
    shape = torch.broadcast_shapes(torch.as_tensor(k).shape, torch.as_tensor(n).shape, p.shape)
    found = []
    for a, b, q in zip(*(one.expand(shape).reshape(-1) for one in (torch.as_tensor(k), torch.as_tensor(n), p))):
        a, b, q = float(a), float(b), q.double()
        if not 0 <= a <= b or a % 1:
            found.append(q * 0 - math.inf)
            continue
        log = math.lgamma(b + 1) - math.lgamma(a + 1) - math.lgamma(b - a + 1) + q * 0
        log = log + a * q.log() if a else log
        found.append(log + (b - a) * torch.log1p(-q) if b - a else log)
    return torch.stack(found).reshape(shape).to(p.dtype)


@replaces("binomial_log_pmf")
def by_cross_entropy(k, n, p):
    k, n, q = (torch.as_tensor(one).to(torch.float64) for one in (k, n, p))
    out = torch.logical_or(torch.logical_or(k < 0, k > n), k % 1 != 0)
    k = k.masked_fill(out, 0) if out.shape == k.shape else torch.where(out, torch.zeros(()).double(), k)
    ways = (n + 1).lgamma() - (k + 1).lgamma() - (n - k + 1).lgamma()
    return torch.where(out, -torch.inf, ways + torch.special.xlogy(k, q) + torch.special.xlog1py(n - k, -q)).to(p.dtype)


# ── poisson_log_pmf ──


@replaces("poisson_log_pmf")
def by_where(k, rate):
    k, r = torch.broadcast_tensors(torch.as_tensor(k, dtype=torch.float64), rate.double())
    fine = (k >= 0) & (k.trunc() == k)
    k = torch.where(fine, k, 0.0)
    powers = torch.where(k == 0, 0.0, k * torch.where(k == 0, 1.0, r).log())
    return torch.where(fine, powers - r - torch.lgamma(k + 1), -math.inf).to(rate.dtype)


@replaces("poisson_log_pmf")
def by_python_numbers(k, rate):
    k = torch.as_tensor(k)
    shape = torch.broadcast_shapes(k.shape, rate.shape)
    found = []
    for a, r in zip(k.expand(shape).flatten().tolist(), rate.double().expand(shape).flatten()):
        if a < 0 or a != int(a):
            found.append(r * 0 - math.inf)
        else:
            found.append((a * r.log() if a else 0) - r - math.lgamma(a + 1))
    return torch.stack(found).view(shape).to(rate.dtype)


@replaces("poisson_log_pmf")
def by_xlogy(k, rate):
    k = torch.as_tensor(k).double()
    bad = (k < 0).logical_or(k.frac() != 0)
    k = torch.where(bad, torch.zeros((), dtype=torch.float64), k)
    log = torch.special.xlogy(k, rate.double()) - rate.double() - torch.special.gammaln(k + 1)
    return torch.where(bad, torch.tensor(-math.inf, dtype=torch.float64), log).type(rate.dtype)


# ── sample_normal ──


@replaces("sample_normal")
def by_the_inverse(n, generator):
    """The inverse of the normal distribution function at a uniform number."""
    u = torch.rand(n, generator=generator, dtype=torch.float64)
    return torch.special.ndtri(u.clamp(min=1e-300)).float()


@replaces("sample_normal")
def by_the_polar_method(n, generator):
    """Marsaglia: points of a square, those outside the circle thrown away."""
    kept = []
    while sum(len(one) for one in kept) < n:
        point = 2 * torch.rand(max(n, 8), 2, generator=generator, dtype=torch.float64) - 1
        s = point.square().sum(1)
        fine = (s > 0) & (s < 1)
        s = s[fine]
        kept.append((point[fine] * (-2 * s.log() / s).sqrt().unsqueeze(1)).flatten())
    return torch.cat(kept)[:n].float() if kept else torch.zeros(0)


@replaces("sample_normal")
def one_of_each_pair(n, generator):
    """Box and Muller, with the sine thrown away."""
    u, v = torch.rand(n, generator=generator), torch.rand(n, generator=generator)
    return torch.sqrt(-2 * torch.log(1 - u)) * torch.cos(2 * torch.pi * v)


@replaces("sample_normal")
def by_throwing_away(n, generator):
    """Von Neumann: an exponential number, kept with a chance, and a sign."""
    kept = torch.zeros(0, dtype=torch.float64)
    while len(kept) < n:
        size, patience = -torch.log1p(-torch.rand(2, 2 * n + 16, generator=generator, dtype=torch.float64))
        sign = torch.where(torch.rand(2 * n + 16, generator=generator) < 0.5, -1.0, 1.0)
        kept = torch.cat([kept, (size * sign)[patience > (size - 1) ** 2 / 2]])
    return kept[:n].float()


# ── sample_categorical ──


@replaces("sample_categorical")
def by_gumbel_noise(logits, n, generator):
    u = torch.rand(n, len(logits), generator=generator, dtype=torch.float64).clamp(min=1e-300)
    return (logits.double() - torch.log(-torch.log(u))).argmax(dim=-1)


@replaces("sample_categorical")
def by_racing(logits, n, generator):
    """Exponential waiting times: who is there first."""
    p = torch.softmax(logits.double(), -1)
    waits = -torch.log1p(-torch.rand(n, len(p), generator=generator, dtype=torch.float64))
    return (waits / p).argmin(-1)


@replaces("sample_categorical")
def by_counting_below(logits, n, generator):
    weights = torch.exp(logits.double() - logits.double().max())
    edges = torch.cumsum(weights, 0)
    u = torch.rand(n, generator=generator, dtype=torch.float64) * edges[-1]
    last = int(weights.nonzero().max())
    return (u.unsqueeze(1) >= edges).sum(1).clamp(max=last)


@replaces("sample_categorical")
def one_at_a_time(logits, n, generator):
    p = torch.softmax(logits.double(), 0).tolist()
    possible = [i for i, one in enumerate(p) if one > 0]
    drawn = []
    for u in torch.rand(n, generator=generator, dtype=torch.float64).tolist():
        for i in possible:
            u -= p[i]
            if u < 0:
                break
        drawn.append(i)
    return torch.tensor(drawn, dtype=torch.int64)


@replaces("sample_categorical")
def by_aliases(logits, n, generator):
    """Walker: each of c equal boxes holds at most two categories."""
    p = torch.softmax(logits.double(), 0)
    share, alias = (p * len(p)).tolist(), list(range(len(p)))
    small, large = [i for i, s in enumerate(share) if s < 1], [i for i, s in enumerate(share) if s >= 1]
    while small and large:
        i, j = small.pop(), large[-1]
        alias[i], share[j] = j, share[j] - (1 - share[i])
        if share[j] < 1:
            small.append(large.pop())
    for i in small:
        share[i] = 1.0 if p[i] > 0 else 0.0
    box = torch.randint(len(p), (n,), generator=generator)
    u = torch.rand(n, generator=generator, dtype=torch.float64)
    return torch.where(u < torch.tensor(share, dtype=torch.float64)[box], box, torch.tensor(alias)[box])
