"""Right answers in other styles."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from groundup.authoring import replaces


def _demand(x, y, steps):
    if steps < 0 or x.shape[0] == 0 or y.shape != (x.shape[0],):
        raise ValueError(f"steps {steps}, shapes {x.shape} and {y.shape}")
    if not set(y.tolist()) <= {0, 1}:
        raise ValueError("labels other than 0 and 1")


# ── fit_normal ──


@replaces("fit_normal")
def normal_by_sums(x):
    n = x.shape[-1] if x.ndim else 0
    if n < 1:
        raise ValueError("nothing to fit")
    mean = x.sum(-1, keepdim=True) / n
    return mean.squeeze(-1), torch.sqrt(((x - mean) ** 2).sum(-1) / n)


@replaces("fit_normal")
def normal_from_the_unbiased(x):
    """The variance with n - 1, made smaller."""
    n = x.shape[-1]
    if n == 0:
        raise ValueError("nothing to fit")
    if n == 1:
        return x[..., 0], 0 * x[..., 0]
    middle = x.mean(-1, keepdim=True)
    unbiased = (x - middle).pow(2).sum(-1) / (n - 1)
    return middle[..., 0], (unbiased * (n - 1) / n) ** 0.5


@replaces("fit_normal")
def normal_one_sample_at_a_time(x):
    """Welford's running mean and sum of squares."""
    if x.shape[-1] == 0:
        raise ValueError("nothing to fit")
    mean, total = torch.zeros_like(x[..., 0]), torch.zeros_like(x[..., 0])
    for i, one in enumerate(x.unbind(-1), 1):
        away = one - mean
        mean = mean + away / i
        total = total + away * (one - mean)
    return mean, (total / x.shape[-1]).sqrt()


@replaces("fit_normal")
def normal_by_lengths(x):
    """The length of the vector of distances from the mean, over the root of n; in float64."""
    if x.numel() == 0:
        raise ValueError("nothing to fit")
    wide = x.double()
    mean = torch.einsum("...n->...", wide) / x.size(-1)
    away = wide - mean[..., None]
    return [mean.to(x.dtype), (torch.linalg.vector_norm(away, dim=-1) / math.sqrt(x.size(-1))).to(x.dtype)]


# ── negative_log_likelihood ──


def _wide(x):
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


@replaces("negative_log_likelihood")
def likelihood_of_the_negated(log_probabilities):
    return (-_wide(log_probabilities)).sum(-1)


@replaces("negative_log_likelihood")
def likelihood_by_a_product_with_ones(log_probabilities):
    x = _wide(log_probabilities)
    return -torch.einsum("...n->...", x)


@replaces("negative_log_likelihood")
def likelihood_one_at_a_time(log_probabilities):
    x = _wide(log_probabilities)
    total = torch.zeros(x.shape[:-1], dtype=x.dtype)
    for start in range(0, x.shape[-1], 50):
        total = total - x[..., start : start + 50].sum(-1)
    return total


@replaces("negative_log_likelihood")
def likelihood_of_a_mean_times_n(log_probabilities):
    n = log_probabilities.shape[-1]
    if n == 0:
        return _wide(log_probabilities).new_zeros(log_probabilities.shape[:-1])
    wide = log_probabilities.double().mean(-1) * -n
    return wide.to(_wide(log_probabilities).dtype)


# ── fit_logistic ──


@replaces("fit_logistic")
def logistic_by_weighted_least_squares(x, y, steps=100):
    """Iteratively reweighted least squares: each step fits a line to a working response, with weights."""
    _demand(x, y, steps)
    scale = x.double().abs().amax(0).clamp(min=1e-300)
    center = (x.double() / scale).mean(0)
    a = torch.cat([x.double() / scale - center, torch.ones(len(x), 1).double()], 1)
    kinds, w = y.double(), torch.zeros(x.shape[1] + 1).double()
    for _ in range(steps):
        p = torch.sigmoid(a @ w)
        root = (p * (1 - p)).sqrt().clamp(min=1e-5)
        goal = root * (a @ w) + (kinds - p) / root
        best = torch.linalg.lstsq(root[:, None] * a, goal[:, None], driver="gelsd").solution[:, 0]
        share = 1.0
        before = F.binary_cross_entropy_with_logits(a @ w, kinds)
        while share > 1e-9:
            new = w + share * (best - w)
            if F.binary_cross_entropy_with_logits(a @ new, kinds) <= before:
                w = new
                break
            share /= 2
    bias = w[-1] - (w[:-1] * center).sum()
    return (w[:-1] / scale).to(x.dtype), bias.to(x.dtype)


@replaces("fit_logistic")
def logistic_by_lbfgs(x, y, steps=100):
    """PyTorch's quasi-Newton method with a line search, on standardized features."""
    _demand(x, y, steps)
    rows, kinds = x.detach().double(), y.double()
    mean, std = rows.mean(0), rows.std(0, correction=0)
    std = torch.where(std > 1e-12 * (1 + mean.abs()), std, torch.ones_like(std))
    z = (rows - mean) / std
    w = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    b = torch.zeros((), dtype=torch.float64, requires_grad=True)
    if steps:
        options = {"tolerance_grad": 1e-9, "tolerance_change": 1e-14, "line_search_fn": "strong_wolfe"}
        finder = torch.optim.LBFGS([w, b], lr=1, max_iter=steps, max_eval=20 * steps, **options)

        def closure():
            finder.zero_grad()
            loss = F.binary_cross_entropy_with_logits(z @ w + b, kinds)
            loss.backward()
            return loss

        finder.step(closure)
    w, b = w.detach(), b.detach()
    return (w / std).to(x.dtype), (b - (w * mean / std).sum()).to(x.dtype)


@replaces("fit_logistic")
def logistic_by_a_trust_region(x, y, steps=100):
    """Levenberg's way: the damping of Newton's system grows where a step led up, and shrinks where it led down. NumPy."""
    _demand(x, y, steps)
    rows, kinds = x.detach().double().numpy(), y.double().numpy()
    mean, std = rows.mean(0), rows.std(0)
    std = np.where(std > 1e-12 * (1 + abs(mean)), std, 1.0)
    a = np.column_stack([(rows - mean) / std, np.ones(len(rows))])
    w, damping = np.zeros(a.shape[1]), 1e-6

    def loss(w):
        s = a @ w
        return np.logaddexp(0.0, s).sum() - kinds @ s

    for _ in range(steps):
        p = 0.5 * (1 + np.tanh(a @ w / 2))
        slope, bend = a.T @ (kinds - p), (a.T * (p * (1 - p))) @ a
        for _ in range(40):
            new = w + np.linalg.solve(bend + damping * np.eye(len(w)), slope)
            if loss(new) <= loss(w):
                w, damping = new, max(damping / 10, 1e-9)
                break
            damping *= 10
    w, b = w[:-1] / std, w[-1] - (w[:-1] / std) @ mean
    return torch.tensor(w, dtype=x.dtype), torch.tensor(b, dtype=x.dtype)


@replaces("fit_logistic")
def logistic_by_autograd(x, y, steps=100):
    """Gradient and curvature from autograd, and a step by the pseudo-inverse of the curvature."""
    _demand(x, y, steps)
    rows = x.detach().double()
    mean = rows.mean(0)
    std = (rows - mean).square().mean(0).sqrt()
    z = (rows - mean) / torch.where(std > 0, std, 1.0)
    kinds = y.double()

    def loss(w):
        return F.softplus((1 - 2 * kinds) * (z @ w[:-1] + w[-1])).sum()

    w = torch.zeros(x.shape[1] + 1, dtype=torch.float64)
    for _ in range(steps):
        place = w.clone().requires_grad_()
        (slope,) = torch.autograd.grad(loss(place), place, create_graph=True)
        curvature = torch.stack([torch.autograd.grad(one, place, retain_graph=True)[0] for one in slope])
        slope = slope.detach()
        if slope.norm() < 1e-9:
            break
        step = torch.linalg.pinv(curvature, atol=1e-9, hermitian=True) @ slope
        tries = [step * 0.5**k for k in range(25)]
        w = min((w - one for one in tries), key=lambda one: float(loss(one)))
    weights = w[:-1] / torch.where(std > 0, std, 1.0)
    return weights.to(x.dtype), (w[-1] - weights @ mean).to(x.dtype)
