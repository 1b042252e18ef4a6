"""Right answers in other styles: all of them must pass."""

import torch

from groundup.authoring import replaces


def _meet(a, b):
    if a.dim() < 2 or b.dim() < 2 or a.size(-1) != b.size(-2):
        raise ValueError(f"cannot multiply {list(a.shape)} by {list(b.shape)}")


def _real(matrix):
    return matrix if matrix.is_floating_point() else matrix.to(torch.get_default_dtype())


def _system(a, b):
    """Copies of both in floating point, b with columns."""
    if a.dim() != 2 or a.size(0) != a.size(1) or b.dim() not in (1, 2) or b.size(0) != a.size(0):
        raise ValueError(f"no system: {list(a.shape)} and {list(b.shape)}")
    return _real(a).clone(), _real(b).clone().reshape(b.size(0), -1)


def _edge(a):
    return a.size(0) * torch.finfo(a.dtype).eps * a.abs().max().item()


# ── matmul ──


@replaces("matmul")
def by_outer_products(a, b):
    """One column of a times one row of b after the other."""
    _meet(a, b)
    lead = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    total = torch.zeros(*lead, a.shape[-2], b.shape[-1], dtype=torch.result_type(a, b))
    for k in range(a.shape[-1]):
        total = total + a[..., :, k, None] * b[..., None, k, :]
    return total


@replaces("matmul")
def column_by_column(a, b):
    """Where each column of b is taken."""
    _meet(a, b)
    kept = torch.result_type(a, b)
    return torch.stack([(a * b[..., None, :, j]).sum(-1, dtype=kept) for j in range(b.shape[-1])], dim=-1)


@replaces("matmul")
def by_dot_products_of_rows(a, b):
    _meet(a, b)
    rows, columns = a[..., :, None, :], b.transpose(-1, -2)[..., None, :, :]
    rows, columns = torch.broadcast_tensors(rows, columns)
    return (rows * columns).sum(-1).to(torch.result_type(a, b))


@replaces("matmul")
def entry_for_entry(a, b):
    """Three loops, over copies of the two matrices that a pair of the batch has."""
    _meet(a, b)
    lead = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = a.expand(*lead, *a.shape[-2:]), b.expand(*lead, *b.shape[-2:])
    if lead:
        return torch.stack([entry_for_entry(x, y) for x, y in zip(a, b)])
    zero = torch.zeros((), dtype=torch.result_type(a, b))
    entries = [sum((x * y for x, y in zip(row, column)), start=zero) for row in a for column in b.T]
    return torch.stack(entries).reshape(len(a), b.shape[1])


@replaces("matmul")
def by_halves(a, b):
    """Divide and conquer along the inner dimension."""
    _meet(a, b)
    k = a.shape[-1]
    if k > 1:
        return by_halves(a[..., : k // 2], b[..., : k // 2, :]) + by_halves(a[..., k // 2 :], b[..., k // 2 :, :])
    return a * b if k else a.sum(-1, keepdim=True, dtype=a.dtype) * b.sum(-2, keepdim=True, dtype=b.dtype)


# ── solve ──


@replaces("solve")
def in_place_on_copies(a, b):
    """Row by row, with plain loops over the rows below."""
    rows, right = _system(a, b)
    n, edge = len(rows), _edge(rows)
    for k in range(n):
        best = max(range(k, n), key=lambda i: abs(rows[i, k].item()))
        if abs(rows[best, k].item()) <= edge:
            raise ValueError("singular")
        if best != k:
            rows[[k, best]], right[[k, best]] = rows[[best, k]], right[[best, k]]
        for i in range(k + 1, n):
            factor = rows[i, k] / rows[k, k]
            rows[i, k:] -= factor * rows[k, k:]
            right[i] -= factor * right[k]
    for k in range(n - 1, -1, -1):
        right[k] = (right[k] - rows[k, k + 1 :] @ right[k + 1 :]) / rows[k, k]
    return right.reshape(b.shape)


@replaces("solve")
def gauss_jordan(a, b):
    """Zeros above the diagonal as well, so that nothing has to be put in at the end."""
    rows, right = _system(a, b)
    n, edge = len(rows), _edge(rows)
    rows = torch.hstack([rows, right])
    for k in range(n):
        best = k + int(rows[k:, k].abs().max(dim=0).indices)
        if not rows[best, k].abs() > edge:
            raise ValueError(f"column {k}")
        held = rows[best].clone()
        rows[best] = rows[k]
        rows[k] = held / held[k]
        others = torch.arange(n) != k
        rows[others] = rows[others] - rows[others, k : k + 1] * rows[k]
    return rows[:, n:].reshape(b.shape)


def _factorized(a):
    """The order of the rows, and both triangles in one matrix."""
    packed, order, edge = a.clone(), list(range(len(a))), _edge(a)
    for k in range(len(a)):
        best = k + int(packed[k:, k].abs().argmax())
        if packed[best, k].abs().item() <= edge:
            raise ValueError("a is singular")
        order[k], order[best] = order[best], order[k]
        packed[[k, best]] = packed[[best, k]]
        packed[k + 1 :, k] /= packed[k, k]
        packed[k + 1 :, k + 1 :] -= torch.outer(packed[k + 1 :, k], packed[k, k + 1 :])
    return order, packed


def _both_triangles(order, packed, right):
    x = right[order].clone()
    for k in range(len(packed)):
        x[k] -= packed[k, :k] @ x[:k]
    for k in reversed(range(len(packed))):
        x[k] = (x[k] - packed[k, k + 1 :] @ x[k + 1 :]) / packed[k, k]
    return x


@replaces("solve")
def by_two_triangles(a, b):
    """The matrix is taken apart first; the right sides come afterwards."""
    rows, right = _system(a, b)
    return _both_triangles(*_factorized(rows), right).reshape(b.shape)


@replaces("solve")
def by_what_is_left(a, b):
    """Recursion: eliminate one unknown, solve the smaller system, put the answer in."""
    rows, right = _system(a, b)
    edge = _edge(rows)

    def rest(m, r):
        best = int(m[:, 0].abs().argmax())
        pivot = m[best, 0]
        if pivot.abs() <= edge:
            raise ValueError("no pivot")
        others = [i for i in range(len(m)) if i != best]
        top, right_of_top = m[best, 1:], r[best]
        if not others:
            return (right_of_top / pivot)[None]
        factors = m[others, 0] / pivot
        x = rest(m[others, 1:] - factors[:, None] * top, r[others] - factors[:, None] * right_of_top)
        return torch.cat([((right_of_top - top @ x) / pivot)[None], x])

    return rest(rows, right).reshape(b.shape)


@replaces("solve")
def in_plain_python(a, b):
    """Lists of floats, which are float64 inside."""
    rows, right = _system(a, b)
    edge, n = _edge(rows), len(rows)
    table = [row + more for row, more in zip(rows.tolist(), right.tolist())]
    for k in range(n):
        table[k:] = sorted(table[k:], key=lambda row: -abs(row[k]))
        if abs(table[k][k]) <= edge:
            raise ValueError("singular")
        for i in range(k + 1, n):
            factor = table[i][k] / table[k][k]
            table[i] = [x - factor * y for x, y in zip(table[i], table[k])]
    found = [[] for _ in range(n)]
    for k in reversed(range(n)):
        for c in range(right.shape[1]):
            known = sum(table[k][j] * found[j][c] for j in range(k + 1, n))
            found[k].append((table[k][n + c] - known) / table[k][k])
    return torch.tensor(found, dtype=rows.dtype).reshape(b.shape)


# ── inverse ──


def _only_square(a):
    if a.dim() != 2 or a.size(0) != a.size(1):
        raise ValueError(f"not square: {list(a.shape)}")
    return _real(a)


@replaces("inverse")
def beside_the_identity(a):
    a = _only_square(a)
    return gauss_jordan(a, torch.eye(len(a), dtype=a.dtype))


@replaces("inverse")
def axis_by_axis(a):
    """One system for each axis, its solution a column."""
    a = _only_square(a)
    return torch.stack([in_place_on_copies(a, axis) for axis in torch.eye(len(a), dtype=a.dtype)], dim=1)


@replaces("inverse")
def from_two_triangles(a):
    a = _only_square(a)
    return _both_triangles(*_factorized(a), torch.eye(len(a), dtype=a.dtype))


@replaces("inverse")
def in_floats_of_python(a):
    a = _only_square(a)
    return in_plain_python(a, torch.eye(len(a), dtype=a.dtype))


@replaces("inverse")
def by_rows_of_the_transpose(a):
    """The rows of the inverse solve the transposed system."""
    a = _only_square(a)
    return by_what_is_left(a.T, torch.eye(len(a), dtype=a.dtype)).T
