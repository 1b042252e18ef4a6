"""Right answers in other styles than the reference's: all of them must pass."""

import numpy as np
import torch

from groundup.authoring import replaces


def _matrix(a):
    if a.ndim != 2:
        raise ValueError(f"no matrix has the shape {list(a.shape)}")
    return a if a.dtype in (torch.float32, torch.float64) else a.float()


def _counted(k):
    if k < 0:
        raise ValueError(f"there is no rank {k}")


# ── low_rank ──


@replaces("low_rank")
def by_zeroing(a, k):
    """All singular values, those after the first k set to zero; full square turns."""
    a = _matrix(a)
    _counted(k)
    u, s, vh = torch.linalg.svd(a)
    stretch = torch.zeros(a.shape, dtype=a.dtype)
    for i in range(min(k, len(s))):
        stretch[i, i] = s[i]
    return u @ stretch @ vh


@replaces("low_rank")
def by_adding_up(a, k):
    """A sum of k tables, each a column times a row."""
    a = _matrix(a)
    _counted(k)
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    found = torch.zeros_like(a)
    for i in range(min(k, s.numel())):
        found = found + s[i] * torch.outer(u[:, i], vh[i])
    return found


@replaces("low_rank")
def by_projecting(a, k):
    """The rows are projected onto the k strongest directions of the input."""
    a = _matrix(a)
    _counted(k)
    v = torch.linalg.svd(a, full_matrices=False).Vh[:k]
    return a @ v.mT @ v


@replaces("low_rank")
def by_numpy(a, k):
    a = _matrix(a)
    _counted(k)
    u, s, vh = np.linalg.svd(a.numpy(), full_matrices=False)
    return torch.from_numpy(np.einsum("ir,r,rj->ij", u[:, :k], s[:k], vh[:k]))


@replaces("low_rank")
def by_eigenvectors(a, k):
    """The strongest directions are eigenvectors of a.T a; in float64, at a size near 1."""
    a = _matrix(a)
    _counted(k)
    if k == 0 or a.numel() == 0:
        return torch.zeros_like(a)
    wide = a.double() / a.abs().max().clamp(min=1e-30)
    vectors = torch.linalg.eigh(wide.T @ wide)[1].flip(1)[:, :k]
    return (wide @ vectors @ vectors.T * a.abs().max()).to(a.dtype)


@replaces("low_rank")
def by_taking_off(a, k):
    """One strongest direction after the other is found by power iteration and taken off."""
    a = _matrix(a)
    _counted(k)
    rest, found = a.double().clone(), torch.zeros_like(a, dtype=torch.float64)
    size = float(a.abs().max()) if a.numel() else 0.0
    for _ in range(min(k, *a.shape)):
        if size == 0.0 or float(rest.abs().max()) <= 1e-14 * size:
            break
        v = torch.randn(a.shape[1], dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        for _ in range(150):
            v = (rest / size).T @ (rest / size @ v)
            v = v / v.norm()
        part = torch.outer(rest @ v, v)
        found, rest = found + part, rest - part
    return found.to(a.dtype)


# ── pseudo_inverse ──


@replaces("pseudo_inverse")
def undone_by_adding_up(a, tolerance=1e-6):
    """A sum of tables, one for each singular value that counts."""
    a = _matrix(a)
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    found = torch.zeros(a.shape[::-1], dtype=a.dtype)
    for i in range(len(s)):
        if s[i] > tolerance * s[0]:
            found += torch.outer(vh[i], u[:, i]) / s[i]
    return found


@replaces("pseudo_inverse")
def undone_by_where(a, tolerance=1e-6):
    """Zero in place of the reciprocal where a singular value does not count."""
    a = _matrix(a)
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    if s.numel() == 0:
        return a.new_zeros(a.size(1), a.size(0))
    counts = s > tolerance * s.max()
    turned = torch.where(counts, 1 / torch.where(counts, s, 1.0), 0.0)
    return vh.mT @ torch.diag(turned) @ u.mT


@replaces("pseudo_inverse")
def undone_by_numpy(a, tolerance=1e-6):
    dtype = _matrix(a).dtype
    u, s, vh = np.linalg.svd(_matrix(a).double().numpy(), full_matrices=False)
    use = s > tolerance * s.max(initial=0.0)
    return torch.from_numpy((vh[use].T / s[use]) @ u[:, use].T).to(dtype)


@replaces("pseudo_inverse")
def undone_by_eigenvectors(a, tolerance=1e-6):
    """Over the eigenvalues of a.T a, which are the squares of the singular values: the tolerance is squared as well. In
    float64, at a size near 1."""
    a = _matrix(a)
    if a.numel() == 0 or not a.any():
        return a.new_zeros(a.size(1), a.size(0))
    size = a.abs().max().double()
    wide = a.double() / size
    values, vectors = torch.linalg.eigh(wide.T @ wide)
    use = values > max(tolerance**2, 1e-15) * values[-1]
    return ((vectors[:, use] / values[use]) @ vectors[:, use].T @ wide.T / size).to(a.dtype)


@replaces("pseudo_inverse")
def undone_by_bases(a, tolerance=1e-6):
    """Between its column space and its row space the matrix has an ordinary inverse."""
    a = _matrix(a)
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    r = int((s > tolerance * s.amax()).sum()) if s.numel() else 0
    columns, rows = u[:, :r], vh[:r]
    return rows.T @ torch.linalg.inv(columns.T @ a @ rows.T) @ columns.T
