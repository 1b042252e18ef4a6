"""Right answers in other styles: all of them must pass."""

import torch

from groundup.authoring import replaces


def _real(x):
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


# ── pairwise_distances ──


def _points(x, y):
    if x.size(-1) != y.size(-1):
        raise ValueError(f"points of {list(x.shape)} against points of {list(y.shape)}")
    return _real(x), _real(y)


@replaces("pairwise_distances")
def by_lengths_of_differences(x, y):
    x, y = _points(x, y)
    return torch.linalg.vector_norm(x[..., :, None, :] - y[..., None, :, :], dim=-1)


@replaces("pairwise_distances")
def entry_by_entry(x, y):
    """The squares are added up one coordinate after the other, so that no tensor with three dimensions is needed."""
    x, y = _points(x, y)
    lead = torch.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    total = torch.zeros(*lead, x.shape[-2], y.shape[-2], dtype=x.dtype)
    for k in range(x.shape[-1]):
        total = total + (x[..., :, None, k] - y[..., None, :, k]) ** 2
    apart = total > 0
    return torch.where(apart, torch.where(apart, total, 1.0).sqrt(), 0.0)


@replaces("pairwise_distances")
def point_by_point(x, y):
    """One row of the table after the other."""
    x, y = _points(x, y)
    if x.shape[-2] == 0:
        return (x[..., None, :] - y[..., None, :1, :].expand(*y.shape[:-2], 0, y.shape[-2], y.shape[-1])).sum(-1)
    rows = [(x[..., i : i + 1, :] - y).pow(2).sum(-1) for i in range(x.shape[-2])]
    squares = torch.stack(rows, dim=-2)
    return (squares + (squares == 0)).sqrt() * (squares != 0)


@replaces("pairwise_distances")
def by_einsum(x, y):
    x, y = _points(x, y)
    gap = x.unsqueeze(-2) - y.unsqueeze(-3)
    squares = torch.einsum("...d,...d->...", gap, gap)
    safe = squares.clamp(min=torch.finfo(squares.dtype).tiny)
    return torch.where(squares > 0, safe.pow(0.5), torch.zeros_like(squares))


# ── one_hot ──


def _in_range(ids, classes):
    ids = ids.long()
    if bool(((ids < 0) | (ids >= classes)).any()):
        raise ValueError(f"an id beyond {classes} classes")
    return ids


@replaces("one_hot")
def rows_of_the_identity(ids, classes):
    return torch.eye(classes, dtype=torch.int64)[_in_range(ids, classes)]


@replaces("one_hot")
def by_scatter(ids, classes):
    ids = _in_range(ids, classes)
    return torch.zeros(*ids.shape, classes, dtype=torch.int64).scatter_(-1, ids[..., None], 1)


@replaces("one_hot")
def number_by_number(ids, classes):
    rows = [[int(c == i) for c in range(classes)] for i in _in_range(ids, classes).flatten().tolist()]
    return torch.tensor(rows, dtype=torch.int64).reshape(*ids.shape, classes)


@replaces("one_hot")
def column_by_column(ids, classes):
    ids = _in_range(ids, classes)
    return torch.stack([(ids == c).to(torch.int64) for c in range(classes)], dim=-1)


@replaces("one_hot")
def by_writing_into_one_row(ids, classes):
    ids = _in_range(ids, classes)
    flat = torch.zeros(ids.numel() * classes, dtype=torch.long)
    flat[torch.arange(ids.numel()) * classes + ids.reshape(-1)] = 1
    return flat.reshape(*ids.shape, classes)


# ── masked_mean ──


@replaces("masked_mean")
def by_filling_and_counting(x, mask, dim):
    x = _real(x)
    kept = x.masked_fill(~mask, 0.0)
    counts = mask.expand(x.shape).to(torch.int64).sum(dim)
    wide = kept.float() if x.element_size() == 2 else kept
    total = wide.sum(dim)
    return torch.where(counts > 0, total / torch.where(counts > 0, counts, 1), torch.zeros_like(total)).to(x.dtype)


@replaces("masked_mean")
def row_by_row(x, mask, dim):
    """Each row by itself, with only those entries that count."""
    x = _real(x)
    mask = mask.expand_as(x).movedim(dim, -1)
    rows = x.movedim(dim, -1)
    shape = rows.shape[:-1]
    means = []
    for row, keep in zip(rows.reshape(-1, rows.shape[-1]), mask.reshape(-1, rows.shape[-1])):
        means.append(row[keep].mean() if keep.any() else row[:0].sum())
    return torch.stack(means).reshape(shape)


@replaces("masked_mean")
def by_weights(x, mask, dim):
    """Each entry that counts gets an equal weight before anything is added."""
    x = _real(x)
    mask = mask.broadcast_to(x.shape)
    weights = mask.double() / mask.double().sum(dim, keepdim=True).clamp_min(1.0)
    return (torch.where(mask, x, torch.zeros((), dtype=x.dtype)).double() * weights).sum(dim).to(x.dtype)


@replaces("masked_mean")
def entry_after_entry(x, mask, dim):
    """A running sum and a running count, along the dimension."""
    x = _real(x)
    mask = mask.expand(x.shape)
    total = count = torch.zeros((), dtype=torch.float64)
    for part, keep in zip(x.unbind(dim), mask.unbind(dim)):
        total = total + part.where(keep, 0.0).double()
        count = count + keep.double()
    return (total / count.clamp(min=1.0)).to(x.dtype)


# ── batched_bilinear ──


def _three(x, w, y):
    if x.size(-1) != w.size(1) or y.size(-1) != w.size(2):
        raise ValueError(f"{list(x.shape)}, {list(w.shape)}, {list(y.shape)} do not fit")


@replaces("batched_bilinear")
def matrix_by_matrix(x, w, y):
    _three(x, w, y)
    return torch.stack([((x @ one) * y).sum(-1) for one in w], dim=-1)


@replaces("batched_bilinear")
def by_products_of_all_entries(x, w, y):
    """All products of one entry of x with one of y, as one long vector against long rows."""
    _three(x, w, y)
    products = x[..., :, None] * y[..., None, :]
    return products.flatten(-2) @ w.flatten(1).T


@replaces("batched_bilinear")
def matrices_times_y_first(x, w, y):
    _three(x, w, y)
    taken = torch.einsum("oij,...j->...oi", w, y)
    return (taken @ x.unsqueeze(-1)).squeeze(-1)


@replaces("batched_bilinear")
def by_tensordot(x, w, y):
    _three(x, w, y)
    half = torch.tensordot(x, w, dims=([-1], [1]))
    return (half * y.unsqueeze(-2)).sum(dim=-1)


@replaces("batched_bilinear")
def by_loops_over_both(x, w, y):
    _three(x, w, y)
    total = 0
    for i in range(w.shape[1]):
        for j in range(w.shape[2]):
            total = total + (x[..., i] * y[..., j]).unsqueeze(-1) * w[:, i, j]
    return total
