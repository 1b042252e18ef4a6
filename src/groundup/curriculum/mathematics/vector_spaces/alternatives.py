"""Right answers in other styles: all of them must pass."""

import math

import torch

from groundup.authoring import replaces


def _real(a):
    if a.dim() != 2:
        raise ValueError(f"two dimensions are needed, not shape {list(a.shape)}")
    return a if a.is_floating_point() else a.to(torch.get_default_dtype())


# ── gram_schmidt ──


@replaces("gram_schmidt")
def one_direction_at_a_time(vectors):
    """The modified order: each known row is subtracted from what is left, in two rounds."""
    vectors, found = _real(vectors), []
    for vector in vectors:
        left = vector.clone()
        for row in found + found:
            left -= torch.dot(left, row) * row
        if torch.linalg.vector_norm(left) > 1e-5 * torch.linalg.vector_norm(vector):
            found.append(left / torch.linalg.vector_norm(left))
    return torch.stack(found) if found else vectors[:0]


@replaces("gram_schmidt")
def lists_of_python_numbers(vectors):
    real = _real(vectors)

    def dot(u, v):
        return math.fsum(x * y for x, y in zip(u, v))

    rows = []
    for vector in real.tolist():
        length = math.sqrt(dot(vector, vector))
        left = vector
        for row in [*rows, *rows]:
            share = dot(left, row)
            left = [x - share * y for x, y in zip(left, row)]
        rest = math.sqrt(dot(left, left))
        if rest > 1e-5 * length:
            rows.append([x / rest for x in left])
    return torch.tensor(rows, dtype=real.dtype).reshape(len(rows), real.shape[1])


@replaces("gram_schmidt")
def by_reflections(vectors):
    """Householder: each vector is turned by the reflections so far; what is below the known part decides."""
    real = _real(vectors)
    mirrors, signs = [], []
    n = real.shape[1]
    for vector in real.double():
        turned = vector.clone()
        for mirror in mirrors:
            turned -= 2 * (mirror @ turned) * mirror
        k = len(mirrors)
        tail = turned[k:]
        if k == n or not tail.norm() > 1e-5 * vector.norm():
            continue
        mirror = torch.zeros(n, dtype=torch.float64)
        mirror[k:] = tail
        mirror[k] += tail.norm() if tail[0] >= 0 else -tail.norm()
        mirrors.append(mirror / mirror.norm())
        signs.append(-1.0 if tail[0] >= 0 else 1.0)
    rows = torch.eye(n, dtype=torch.float64)[: len(mirrors)]
    for mirror in reversed(mirrors):
        rows = rows - 2 * torch.outer(rows @ mirror, mirror)
    return (rows * torch.tensor(signs, dtype=torch.float64).reshape(-1, 1)).to(real.dtype)


# ── rank and null space by elimination ──


def _eliminate(a, tolerance):
    """Gauss-Jordan with the largest pivot anywhere: the reduced rows, and the columns of the pivots."""
    rows = _real(a).double().clone()
    edge = tolerance * rows.abs().max().item() if rows.numel() else 0.0
    pivots = []
    while len(pivots) < min(rows.shape):
        k = len(pivots)
        place = int(rows[k:].abs().argmax())
        i, j = k + place // rows.shape[1], place % rows.shape[1]
        if rows[i, j].abs() <= edge:
            break
        rows[[k, i]] = rows[[i, k]]
        others = torch.arange(len(rows)) > k
        rows[others] -= torch.outer(rows[others, j] / rows[k, j], rows[k])
        rows[others, j] = 0.0
        pivots.append(j)
    return rows[: len(pivots)], pivots


@replaces("rank")
def number_of_pivots(a, tolerance=1e-6):
    return len(_eliminate(a, tolerance)[1])


@replaces("rank")
def longest_row_first(a, tolerance=1e-6):
    left = _real(a).double().clone()
    count, longest = 0, None
    while count < min(left.shape):
        lengths = (left * left).sum(dim=1).sqrt()
        longest = lengths.max() if longest is None else longest
        if not lengths.max() > tolerance * longest:
            break
        row = left[lengths.argmax()] / lengths.max()
        for _ in range(2):
            left = left - torch.outer(left @ row, row)
        count += 1
    return count


@replaces("rank")
def by_rotations(a, tolerance=1e-6):
    """Jacobi: pairs of rows are rotated until all are orthogonal; their lengths are the singular values."""
    rows = _real(a).double().clone()
    if 0 in rows.shape:
        return 0
    for _ in range(12):
        for i in range(len(rows)):
            for j in range(i + 1, len(rows)):
                x, y, z = (float(u @ v) for u, v in ((rows[i], rows[i]), (rows[j], rows[j]), (rows[i], rows[j])))
                if abs(z) <= 1e-15 * math.sqrt(x * y) or z == 0.0:
                    continue
                angle = 0.5 * math.atan2(2 * z, x - y)
                c, s = math.cos(angle), math.sin(angle)
                rows[i], rows[j] = c * rows[i] + s * rows[j], c * rows[j] - s * rows[i]
    lengths = rows.norm(dim=1)
    return int((lengths > tolerance * lengths.max()).sum())


@replaces("null_space")
def free_unknowns(a, tolerance=1e-6):
    """One solution for each unknown that may be chosen, made orthonormal afterwards."""
    real = _real(a)
    rows, pivots = _eliminate(real, tolerance)
    free = [j for j in range(real.shape[1]) if j not in pivots]
    solutions = torch.zeros(len(free), real.shape[1], dtype=torch.float64)
    for solution, j in zip(solutions, free):
        solution[j] = 1.0
        for k in reversed(range(len(pivots))):
            solution[pivots[k]] = -(rows[k] @ solution) / rows[k, pivots[k]]
    return one_direction_at_a_time(solutions).to(real.dtype)


@replaces("null_space")
def last_reflections(a, tolerance=1e-6):
    """Householder reflections that turn the longest row onto an axis, until nothing is left: the other axes, turned back."""
    real = _real(a)
    left, n = real.double().clone(), real.shape[1]
    mirrors, longest = [], None
    for k in range(min(left.shape)):
        lengths = left[:, k:].norm(dim=1)
        longest = lengths.max() if longest is None else longest
        if not lengths.max() > tolerance * longest:
            break
        tail = left[lengths.argmax(), k:]
        mirror = torch.zeros(n, dtype=torch.float64)
        mirror[k:] = tail
        mirror[k] += tail.norm() if tail[0] >= 0 else -tail.norm()
        mirror /= mirror.norm()
        left -= 2 * torch.outer(left @ mirror, mirror)
        mirrors.append(mirror)
    rows = torch.eye(n, dtype=torch.float64)[len(mirrors) :]
    for mirror in reversed(mirrors):
        rows = rows - 2 * torch.outer(rows @ mirror, mirror)
    return rows.to(real.dtype)


@replaces("null_space")
def eigenvectors_of_the_projection(a, tolerance=1e-6):
    """What the reduced rows span is projected out; the eigenvectors of the rest with value 1 are the answer."""
    real = _real(a)
    basis = one_direction_at_a_time(_eliminate(real, tolerance)[0])
    n = real.shape[1]
    if n == 0:
        return real.new_zeros(0, 0)
    values, vectors = torch.linalg.eigh(torch.eye(n, dtype=torch.float64) - basis.T @ basis)
    return vectors[:, values > 0.5].T.to(real.dtype)
