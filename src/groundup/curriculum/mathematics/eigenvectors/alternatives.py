"""Right answers in other styles than the reference's: all of them must pass."""

import math

import numpy as np
import torch

from groundup.authoring import replaces


def _square(a, least=0):
    if a.ndim != 2 or a.size(0) != a.size(1) or a.size(0) < least:
        raise ValueError(f"expected a square matrix, not one of shape {list(a.shape)}")
    return a if a.dtype in (torch.float32, torch.float64) else a.float()


def _counted(steps):
    if steps < 0:
        raise ValueError(f"{steps} steps cannot be taken")


# ── power_iteration ──


@replaces("power_iteration")
def power_in_float64(a, steps, generator):
    """All in float64, where the squares fit, and rounded at the end."""
    wide = _square(a, 1).double()
    _counted(steps)
    x = torch.randn(len(wide), generator=generator, dtype=torch.float64)
    x = x / torch.linalg.vector_norm(x)
    for _ in range(steps):
        image = wide @ x
        length = torch.linalg.vector_norm(image)
        if length == 0:
            break
        x = image / length
    dtype = _square(a).dtype
    return torch.dot(x, wide @ x).to(dtype), x.to(dtype)


@replaces("power_iteration")
def power_of_a_scaled_matrix(a, steps, generator):
    """The matrix is brought near 1 once, instead of the vector in each step."""
    a = _square(a, 1)
    _counted(steps)
    largest = a.abs().amax()
    size = largest if largest > 0 else torch.ones_like(largest)
    small = a / size
    x = torch.nn.functional.normalize(torch.empty(len(a), dtype=a.dtype).normal_(generator=generator), dim=0)
    for _ in range(steps):
        image = torch.mv(small, x)
        x = torch.where(image.any(), image / image.norm().clamp_min(torch.finfo(a.dtype).tiny), x)
    return size * (x * torch.mv(small, x)).sum(), x


@replaces("power_iteration")
def power_in_plain_python(a, steps, generator):
    """Lists of numbers and math.hypot, which does not overflow."""
    a = _square(a, 1)
    _counted(steps)
    rows = a.tolist()
    x = torch.randn(len(a), generator=generator, dtype=torch.float64).tolist()
    length = math.hypot(*x)
    x = [one / length for one in x]

    def image_of(x):
        return [math.fsum(entry * one for entry, one in zip(row, x)) for row in rows]

    for _ in range(steps):
        image = image_of(x)
        length = math.hypot(*image)
        if length == 0:
            break
        x = [one / length for one in image]
    value = sum(one * other for one, other in zip(x, image_of(x)))
    return torch.tensor(value, dtype=a.dtype), torch.tensor(x, dtype=a.dtype)


@replaces("power_iteration")
def power_with_the_sign_fixed(a, steps, generator):
    """A column vector; and its largest entry is made positive, which is as good a sign as any."""
    a = _square(a, 1)
    _counted(steps)
    x = torch.randn((len(a), 1), generator=generator, dtype=a.dtype)
    x /= x.norm()
    for _ in range(steps):
        y = a @ x
        top = y.abs().max()
        if top == 0:
            break
        y = y / top
        x = y / y.norm()
    x = x * torch.sign(x[x.abs().argmax()])
    return (x.T @ (a @ x)).squeeze(), x.squeeze(1)


# ── qr_eigenvalues ──


@replaces("qr_eigenvalues")
def by_turning(a, steps):
    """q from both sides instead of r q."""
    a = _square(a)
    _counted(steps)
    for _ in range(steps):
        q = torch.linalg.qr(a).Q
        a = q.T @ a @ q
    return torch.diag(a).sort(descending=True)[0]


@replaces("qr_eigenvalues")
def by_orthogonal_iteration(a, steps):
    """Power iteration of all directions at once, kept orthogonal: the same numbers, seen from outside."""
    a = _square(a)
    _counted(steps)
    q = torch.eye(len(a), dtype=a.dtype)
    for _ in range(steps):
        q, _ = torch.linalg.qr(a @ q)
    return torch.einsum("ik,ij,jk->k", q, a, q).sort(descending=True).values


@replaces("qr_eigenvalues")
def by_numpy(a, steps):
    """NumPy's QR, and its sort, which has the smallest first."""
    a = _square(a)
    _counted(steps)
    matrix = a.numpy().copy()
    for _ in range(steps):
        q, r = np.linalg.qr(matrix)
        matrix = r @ q
    return torch.from_numpy(np.sort(np.diag(matrix))[::-1].copy())


@replaces("qr_eigenvalues")
def by_reflections(a, steps):
    """The decomposition written out with Householder's reflections, in float64."""
    dtype, n = _square(a).dtype, len(a)
    a = _square(a).double()
    _counted(steps)
    for _ in range(steps):
        r, q = a.clone(), torch.eye(n, dtype=torch.float64)
        for k in range(n - 1):
            v = r[k:, k].clone()
            v[0] += math.copysign(float(v.norm()), float(v[0]))
            if v.any():
                v = v / v.norm()
                r[k:] -= 2 * torch.outer(v, v @ r[k:])
                q[:, k:] -= 2 * torch.outer(q[:, k:] @ v, v)
        a = r @ q
    return torch.tensor(sorted(a.diagonal().tolist(), reverse=True), dtype=dtype)


# ── pca ──


def _points(x, k):
    if x.ndim != 2:
        raise ValueError(f"points of shape {tuple(x.shape)}")
    if x.size(0) < 2 or k < 1 or k > min(x.size(0), x.size(1)):
        raise ValueError(f"{k} components of points of shape {tuple(x.shape)}")
    return x if x.is_floating_point() else x.float()


@replaces("pca")
def pca_by_svd(x, k):
    """The singular value decomposition of the centered points, in their own dtype: no covariance is needed."""
    x = _points(x, k)
    _, values, directions = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return directions[:k], values[:k] ** 2 / (x.size(0) - 1)


@replaces("pca")
def pca_by_torch_cov(x, k):
    """torch.cov takes features as rows; eigh's results are sorted anew."""
    x = _points(x, k)
    covariance = torch.cov(x.T.double()).reshape(x.size(1), x.size(1))
    values, vectors = torch.linalg.eigh(covariance)
    order = values.argsort(descending=True)[:k]
    return vectors[:, order].T.to(x.dtype), torch.relu(values[order]).to(x.dtype)


@replaces("pca")
def pca_by_numpy(x, k):
    points = _points(x, k).numpy().astype(np.float64)
    points = points - points.mean(axis=0, keepdims=True)
    _, values, directions = np.linalg.svd(points)
    dtype = _points(x, k).dtype
    variance = values**2 / (len(points) - 1)
    return torch.from_numpy(directions[:k].copy()).to(dtype), torch.from_numpy(variance[:k]).to(dtype)


@replaces("pca")
def pca_in_its_own_dtype(x, k):
    """eigh of the covariance without float64; the variances are measured along the directions."""
    x = _points(x, k)
    rest = x - x.mean(dim=0, keepdim=True)
    directions = torch.linalg.eigh(rest.mT @ rest)[1].flip(-1)[:, :k]
    return directions.mT, (rest @ directions).square().sum(dim=0) / (len(x) - 1)


@replaces("pca")
def pca_from_the_samples(x, k):
    """Dot products of samples with samples where there are fewer of those than features, made into directions by the points;
    directions without any variance are filled up by the QR decomposition."""
    x = _points(x, k)
    rest = x.double() - x.double().mean(dim=0)
    m, n = rest.shape
    if m >= n:
        values, vectors = torch.linalg.eigh(rest.T @ rest)
        return vectors.T.flip(0)[:k].to(x.dtype), (values.flip(0)[:k].clamp_min(0) / (m - 1)).to(x.dtype)
    values, vectors = torch.linalg.eigh(rest @ rest.T)
    values, vectors = values.flip(0)[:k].clamp_min(0), vectors.flip(1)[:, :k]
    return torch.linalg.qr(rest.T @ vectors).Q.T[:k].to(x.dtype), (values / (m - 1)).to(x.dtype)
