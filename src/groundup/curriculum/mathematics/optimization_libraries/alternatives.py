"""Right answers in other styles: all of them must pass."""

import itertools
import math

import numpy as np
import torch

from groundup.authoring import replaces

# ── backtracking_step ──


@replaces("backtracking_step")
def with_while(f, grad, x, direction):
    m = torch.sum(grad(x) * direction).item()
    if math.isnan(m) or m >= 0:
        raise ValueError("not a direction of descent")
    start = f(x)
    t, trials = 1.0, 0
    while trials < 60:
        value = f(x + t * direction)
        if value <= start + 0.0001 * t * m:
            return t
        t, trials = t / 2, trials + 1
    return 0.0


@replaces("backtracking_step")
def first_of_a_generator(f, grad, x, direction):
    slope = float(torch.vdot(grad(x).flatten(), direction.flatten()))
    if not slope < 0.0:
        raise ValueError(f"slope {slope}")
    here = float(f(x))
    lengths = (2.0**-k for k in range(60))
    good = (t for t in lengths if float(f(torch.add(x, direction, alpha=t))) - here <= 1e-4 * t * slope)
    return next(good, 0.0)


@replaces("backtracking_step")
def one_dimensional(f, grad, x, direction):
    phi = lambda t: float(f(x + direction * t))
    slope = float(torch.tensordot(grad(x), direction, dims=x.dim()))
    if not slope < 0:
        raise ValueError("up")
    level = phi(0.0)
    for k in itertools.count():
        if k == 60:
            return 0.0
        t = math.ldexp(1.0, -k)
        value = phi(t)
        if math.isfinite(value) and value <= level + t * slope / 10000:
            return t


@replaces("backtracking_step")
def by_recursion(f, grad, x, direction):
    slope = float((direction * grad(x)).double().sum())
    if not slope < 0:
        raise ValueError("up")
    here = float(f(x))

    def search(t, left):
        if left == 0:
            return 0.0
        return t if float(f(x + t * direction)) <= here + 1e-4 * t * slope else search(t * 0.5, left - 1)

    return search(1.0, 60)


@replaces("backtracking_step")
def trials_by_division(f, grad, x, direction):
    slope = torch.einsum("i,i->", grad(x).reshape(-1), direction.reshape(-1)).item()
    if slope >= 0 or math.isnan(slope):
        raise ValueError("up")
    here = float(f(x))
    for k in range(60):
        value = float(f(x + direction / 2**k))
        if math.isfinite(value) and value - here <= slope * 1e-4 / 2**k:
            return 1 / 2**k
    return 0.0


# ── lbfgs ──


def _search(f, g, x, d):
    m = float((g * d).sum())
    if not m < 0:
        return 0.0
    here, t = float(f(x)), 1.0
    for _ in range(60):
        if float(f(x + t * d)) <= here + 1e-4 * t * m:
            return t
        t /= 2
    return 0.0


@replaces("lbfgs")
def with_lists_and_rho(f, grad, x0, memory=10, steps=100):
    if memory < 1:
        raise ValueError("memory")
    if steps < 0:
        raise ValueError("steps")
    shape, x = x0.shape, x0.detach().clone().flatten()
    at = lambda v: grad(v.view(shape)).detach().clone().flatten()
    height = lambda v: f(v.view(shape))
    S, Y, rho = [], [], []
    g = at(x) if steps else None
    for _ in range(steps):
        if float(g.abs().max()) == 0.0:
            break
        q, alpha = g.clone(), [0.0] * len(S)
        for i in range(len(S) - 1, -1, -1):
            alpha[i] = rho[i] * (S[i] @ q)
            q -= alpha[i] * Y[i]
        if S:
            q *= (S[-1] @ Y[-1]) / (Y[-1] @ Y[-1])
        for i in range(len(S)):
            beta = rho[i] * (Y[i] @ q)
            q += (alpha[i] - beta) * S[i]
        t = _search(height, g, x, -q)
        if t == 0.0 and S:
            S, Y, rho = [], [], []
            q = g
            t = _search(height, g, x, -q)
        if t == 0.0:
            break
        x_new = x - t * q
        g_new = at(x_new)
        s, y = x_new - x, g_new - g
        if float(s @ y) > 1e-9 * float(s.norm()) * float(y.norm()):
            S, Y, rho = [*S, s][-memory:], [*Y, y][-memory:], [*rho, 1 / (s @ y)][-memory:]
        x, g = x_new, g_new
    return x.view(shape)


@replaces("lbfgs")
def by_matrices(f, grad, x0, memory=10, steps=100):
    """The inverse as a matrix, built anew from the kept pairs by the BFGS formula; for small x only."""
    if memory < 1 or steps < 0:
        raise ValueError("memory or steps")
    x, pairs = x0.clone(), []
    n = x.numel()
    eye = torch.eye(n, dtype=x.dtype)
    g_new = grad(x).clone() if steps else x
    for _ in range(steps):
        g = g_new
        inverse = eye.clone()
        if pairs:
            s, y = pairs[-1]
            inverse = inverse * float(s @ y) / float(y @ y)
        for s, y in pairs:
            left = eye - torch.outer(s, y) / (s @ y)
            inverse = left @ inverse @ left.mT + torch.outer(s, s) / (s @ y)
        d = -(inverse @ g.reshape(-1)).reshape(x.shape)
        t = _search(f, g, x, d)
        if not t and pairs:
            pairs, d = [], -g
            t = _search(f, g, x, d)
        if not t:
            return x
        g_new = grad(x + t * d).clone()
        s, y = (t * d).reshape(-1), (g_new - g).reshape(-1)
        if float(s @ y) > 1e-10 * float(s.norm() * y.norm()):
            pairs = [*pairs[max(0, len(pairs) - memory + 1) :], (s, y)]
        x = x + t * d
    return x


@replaces("lbfgs")
def first_step_of_length_one(f, grad, x0, memory=10, steps=100):
    """As most libraries have it: before anything is known the step is no longer than 1; and the inner loop is recursive."""
    if min(memory - 1, steps) < 0:
        raise ValueError("memory or steps")

    def bend(q, pairs):
        if not pairs:
            return q
        s, y = pairs[-1]
        sy = (s * y).sum()
        a = (s * q).sum() / sy
        inner = bend_scaled(q - a * y, pairs[:-1], sy / (y * y).sum())
        return inner + s * (a - (y * inner).sum() / sy)

    def bend_scaled(q, pairs, scale):
        if not pairs:
            return scale * q
        s, y = pairs[-1]
        sy = (s * y).sum()
        a = (s * q).sum() / sy
        inner = bend_scaled(q - a * y, pairs[:-1], scale)
        return inner + s * (a - (y * inner).sum() / sy)

    x, pairs = x0, []
    g = grad(x).clone() if steps > 0 else x0
    for _ in range(steps):
        d = bend(-g, pairs) if pairs else -g / max(1.0, float(g.norm()))
        t = _search(f, g, x, d)
        if t == 0.0:
            pairs, d = [], -g
            t = _search(f, g, x, d)
            if t == 0.0:
                break
        new = x + t * d
        after = grad(new).clone()
        s, y = new - x, after - g
        if (s * y).sum() > 1e-9 * s.norm() * y.norm():
            pairs = (pairs + [(s, y)])[-memory:]
        x, g = new, after
    return x


@replaces("lbfgs")
def in_numpy_float64(f, grad, x0, memory=10, steps=100):
    if memory < 1 or steps < 0:
        raise ValueError("memory or steps")
    back = lambda v: torch.from_numpy(v.copy()).to(x0.dtype).reshape(x0.shape)
    slope = lambda v: grad(back(v)).detach().double().numpy().copy().reshape(-1)
    height = lambda v: float(f(back(v)))
    x = x0.detach().double().numpy().reshape(-1).copy()
    if steps == 0:
        return back(x)
    g, pairs = slope(x), []
    for step in range(steps):
        for kept in (pairs, []):
            q, alphas = -g, []
            for s, y in kept[::-1]:
                alphas.append(np.dot(s, q) / np.dot(s, y))
                q = q - alphas[-1] * y
            if kept:
                s, y = kept[-1]
                q = q * (np.dot(s, y) / np.dot(y, y))
            for (s, y), alpha in zip(kept, alphas[::-1]):
                q = q + (alpha - np.dot(y, q) / np.dot(s, y)) * s
            m, here = np.dot(g, q), height(x)
            lower = lambda t: height(x + t * q) <= here + 1e-4 * t * m
            found = m < 0 and next((2.0**-k for k in range(60) if lower(2.0**-k)), 0.0)
            pairs = kept
            if found or not kept:
                break
        if not found:
            break
        new = x + found * q
        if step == steps - 1:
            return back(new)
        after = slope(new)
        s, y = new - x, after - g
        if np.dot(s, y) > 1e-10 * np.linalg.norm(s) * np.linalg.norm(y):
            pairs = [*pairs, (s, y)][-memory:]
        x, g = new, after
    return back(x)


@replaces("lbfgs")
def compact(f, grad, x0, memory=10, steps=100):
    """The inverse by the compact representation of Byrd, Nocedal and Schnabel (1994): two triangular systems, no loops."""
    if memory < 1 or steps < 0:
        raise ValueError("memory or steps")

    def direction(g, pairs):
        if not pairs:
            return -g
        s, y = (torch.stack([one[i].reshape(-1) for one in pairs], 1) for i in (0, 1))
        v = g.reshape(-1)
        scale = (s[:, -1] @ y[:, -1]) / (y[:, -1] @ y[:, -1])
        products = s.T @ y
        upper, diagonal = products.triu(), products.diagonal().diag()
        p = torch.linalg.solve_triangular(upper, (s.T @ v)[:, None], upper=True)[:, 0]
        right_side = (diagonal + scale * y.T @ y) @ p - scale * (y.T @ v)
        top = torch.linalg.solve_triangular(upper.T, right_side[:, None], upper=False)[:, 0]
        return -(scale * v + s @ top - scale * (y @ p)).reshape(g.shape)

    x, pairs = x0.clone(), []
    g = grad(x).clone() if steps else None
    for step in range(steps):
        d = direction(g, pairs)
        t = _search(f, g, x, d)
        if not t and pairs:
            pairs, d = [], -g
            t = _search(f, g, x, d)
        if not t:
            break
        new = x + t * d
        if step == steps - 1:
            return new
        after = grad(new).clone()
        s, y = new - x, after - g
        if float((s * y).sum()) > 1e-9 * float(s.norm() * y.norm()):
            pairs = [*pairs, (s, y)][-memory:]
        x, g = new, after
    return x
