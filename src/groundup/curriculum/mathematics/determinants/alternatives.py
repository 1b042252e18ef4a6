"""Right answers in other styles: all of them must pass."""

import itertools
import math
from fractions import Fraction

import torch

from groundup.authoring import replaces


def _square(a):
    if a.dim() != 2 or a.size(0) != a.size(1):
        raise ValueError(f"not square: {list(a.shape)}")
    return a if a.is_floating_point() else a.to(torch.get_default_dtype())


# ── lu_decompose ──


@replaces("lu_decompose")
def packed_in_place(a):
    """Both triangles in one copy; taken apart at the end."""
    packed = _square(a).clone()
    order = torch.arange(len(packed))
    for k in range(len(packed) - 1):
        best = k + packed[k:, k].abs().argmax()
        swap = torch.arange(len(packed))
        swap[k], swap[best] = best, k
        packed, order = packed[swap], order[swap]
        if packed[k, k] == 0:
            continue
        packed[k + 1 :, k] /= packed[k, k]
        packed[k + 1 :, k + 1 :] -= packed[k + 1 :, k : k + 1] * packed[k, k + 1 :]
    p = torch.zeros_like(packed)
    p[order, torch.arange(len(packed))] = 1.0
    return p, packed.tril(-1) + torch.eye(len(packed), dtype=packed.dtype), torch.triu(packed)


@replaces("lu_decompose")
def by_plain_loops(a):
    real = _square(a)
    n = len(real)
    u = [row[:] for row in real.tolist()]
    lower = [[0.0] * n for _ in range(n)]
    order = list(range(n))
    for k in range(n):
        best = max(range(k, n), key=lambda i: abs(u[i][k]))
        for rows in (u, lower, order):
            rows[k], rows[best] = rows[best], rows[k]
        for i in range(k + 1, n):
            factor = u[i][k] / u[k][k] if u[k][k] else 0.0
            lower[i][k] = factor
            u[i] = [0.0 if j <= k else x - factor * y for j, (x, y) in enumerate(zip(u[i], u[k]))]
        lower[k][k] = 1.0
    u = [[x if j >= i else 0.0 for j, x in enumerate(row)] for i, row in enumerate(u)]
    p = [[float(order[j] == i) for j in range(n)] for i in range(n)]
    return [torch.tensor(one, dtype=real.dtype) for one in (p, lower, u)]


@replaces("lu_decompose")
def column_by_column(a):
    """Each column waits until its turn comes, and is then brought up to date (Crout's order)."""
    real = _square(a).clone()
    n = len(real)
    lower, u, p = torch.zeros_like(real), torch.zeros_like(real), torch.eye(n, dtype=real.dtype)
    for j in range(n):
        for i in range(j):
            u[i, j] = real[i, j] - lower[i, :i] @ u[:i, j]
        rest = real[j:, j] - lower[j:, :j] @ u[:j, j]
        best = int(rest.abs().argmax())
        for rows in (real, lower):
            rows[[j, j + best]] = rows[[j + best, j]]
        p[:, [j, j + best]] = p[:, [j + best, j]]
        rest[[0, best]] = rest[[best, 0]]
        u[j, j] = rest[0]
        lower[j, j] = 1.0
        if rest[0] != 0:
            lower[j + 1 :, j] = rest[1:] / rest[0]
    return p, lower, u


# ── determinant ──


@replaces("determinant")
def elimination_with_a_sign(a):
    rows = _square(a).clone()
    found = torch.ones((), dtype=rows.dtype)
    while len(rows):
        best = int(rows[:, 0].abs().argmax())
        if rows[best, 0] == 0:
            return torch.zeros((), dtype=rows.dtype)
        found = found * rows[best, 0] * (-1) ** best
        others = torch.cat([rows[:best], rows[best + 1 :]])
        rows = others[:, 1:] - torch.outer(others[:, 0] / rows[best, 0], rows[best, 1:])
    return found


@replaces("determinant")
def subsets_instead_of_permutations(a):
    """Expansion along the rows, each set of columns treated once: 2 to the n steps, in float64."""
    real = _square(a)
    n, table = len(real), real.double().tolist()
    known = {(): 1.0}
    for i in reversed(range(n)):
        known = {
            columns: math.fsum(
                (-1) ** place * table[i][j] * known[columns[:place] + columns[place + 1 :]]
                for place, j in enumerate(columns)
            )
            for columns in itertools.combinations(range(n), n - i)
        }
    return torch.tensor(known[tuple(range(n))], dtype=real.dtype)


@replaces("determinant")
def exact_fractions(a):
    real = _square(a)
    rows = [[Fraction(x) for x in row] for row in real.tolist()]
    found = Fraction(1)
    for k in range(len(rows)):
        best = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        if best is None:
            return torch.tensor(0.0, dtype=real.dtype)
        if best != k:
            rows[k], rows[best], found = rows[best], rows[k], -found
        found *= rows[k][k]
        for i in range(k + 1, len(rows)):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k])]
    return torch.tensor(float(found), dtype=real.dtype)


# ── is_solvable ──


def _system(a, b):
    if a.dim() != 2 or b.dim() != 1 or a.size(0) != b.size(0):
        raise ValueError(f"no system: {list(a.shape)} and {list(b.shape)}")
    a, b = a.double(), b.double()
    size = a.abs().max() if a.numel() else torch.tensor(0.0)
    length = b.abs().max() if b.numel() else torch.tensor(0.0)
    return a / size if size > 0 else a, b / length if length > 0 else b


@replaces("is_solvable")
def what_the_columns_reach(a, b, tolerance=1e-6):
    """Gram-Schmidt over the columns, the longest first; then what is left of b."""
    a, b = _system(a, b)
    columns = a.T.clone()
    longest = None
    for _ in range(min(columns.shape)):
        lengths = columns.norm(dim=1)
        longest = lengths.max() if longest is None else longest
        if not lengths.max() > tolerance * longest:
            break
        q = columns[lengths.argmax()] / lengths.max()
        for _ in range(2):
            columns = columns - torch.outer(columns @ q, q)
            b = b - (b @ q) * q
    return bool(b.norm() <= tolerance) if len(b) else True


@replaces("is_solvable")
def steps_of_one_table(a, b, tolerance=1e-6):
    """The right side as one more column of the table, rows and columns exchanged in place."""
    a, b = _system(a, b)
    m, n = a.shape
    table = torch.hstack([a, b[:, None]])
    k = 0
    while k < min(m, n):
        place = int(table[k:, k:n].abs().argmax())
        i, j = k + place // (n - k), k + place % (n - k)
        if table[i, j].abs() <= tolerance:
            break
        table[[k, i]] = table[[i, k]]
        table[:, [k, j]] = table[:, [j, k]]
        for row in range(k + 1, m):
            table[row, k:] = table[row, k:] - table[row, k] / table[k, k] * table[k, k:]
        k += 1
    return all(abs(x) <= tolerance for x in table[k:, n].tolist())


@replaces("is_solvable")
def by_an_eigenbasis(a, b, tolerance=1e-6):
    """The part of b along the directions that the columns do not reach, from a times its transpose in float64."""
    a, b = _system(a, b)
    if a.numel() == 0:
        return not bool((b != 0).any())
    values, vectors = torch.linalg.eigh(a @ a.T)
    missed = vectors[:, values <= max(tolerance**2, 1e-13) * values.max()] if values.max() > 0 else vectors
    return bool((missed @ (missed.T @ b)).norm() <= max(tolerance, 1e-9))


# ── adjugate_inverse ──


def _minor(table, i, j):
    return [row[:j] + row[j + 1 :] for k, row in enumerate(table) if k != i]


def _expand(table):
    if not table:
        return 1.0
    return math.fsum((-1) ** j * table[0][j] * _expand(_minor(table, 0, j)) for j in range(len(table)) if table[0][j])


def _invertible(a):
    real = _square(a)
    size = float(real.abs().max())
    if not size:
        raise ValueError("zeros")
    scaled = real / size
    if by_smallest_pivot(scaled) <= 100 * len(real) * torch.finfo(real.dtype).eps:
        raise ValueError("singular")
    return real, scaled, size


def by_smallest_pivot(a):
    return float(packed_in_place(a)[2].diagonal().abs().min())


@replaces("adjugate_inverse")
def cofactors_by_expansion(a):
    real, scaled, size = _invertible(a)
    table, n = scaled.double().tolist(), len(real)
    whole = _expand(table)
    rows = [[(-1) ** (i + j) * _expand(_minor(table, j, i)) / whole / size for j in range(n)] for i in range(n)]
    return torch.tensor(rows, dtype=torch.float64).to(real.dtype)


@replaces("adjugate_inverse")
def cofactors_by_replaced_columns(a):
    """Cramer's rule: each column in turn gives way to each axis."""
    real, scaled, size = _invertible(a)
    n = len(real)
    whole = elimination_with_a_sign(scaled)
    found = torch.empty_like(real)
    for i in range(n):
        for j in range(n):
            replaced = scaled.clone()
            replaced[:, i] = 0.0
            replaced[j, i] = 1.0
            found[i, j] = elimination_with_a_sign(replaced) / whole
    return found / size


@replaces("adjugate_inverse")
def adjugate_without_minors(a):
    """Faddeev and LeVerrier: the adjugate by n products, in float64."""
    real, scaled, size = _invertible(a)
    matrix, n = scaled.double(), len(real)
    identity = torch.eye(n, dtype=torch.float64)
    last, coefficient = torch.zeros_like(matrix), 1.0
    for k in range(1, n + 1):
        last = matrix @ last + coefficient * identity
        coefficient = -float((matrix @ last).trace()) / k
    return (-last / coefficient / size).to(real.dtype)
