"""Wrong approximations and wrong inverses, each named for what its author believed. The docstring is the hint."""

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import svd as right


def _matrix(a):
    if a.dim() != 2:
        raise ValueError(f"shape {tuple(a.shape)}")
    return a if a.is_floating_point() else a.to(torch.get_default_dtype())


def _parts(a, k=0):
    if k < 0:
        raise ValueError("negative rank")
    return torch.linalg.svd(_matrix(a), full_matrices=False)


# ── low_rank ──


@replaces("low_rank")
def smallest_stretches_kept(a, k):
    """The k smallest singular values were kept. They come with the largest first, and the first ones are wanted."""
    u, s, vh = _parts(a, k)
    k = min(k, len(s))
    return (u[:, len(s) - k :] * s[len(s) - k :]) @ vh[len(s) - k :]


@replaces("low_rank")
def largest_stretches_removed(a, k):
    """The k largest singular values were taken out, and the others kept. It is the other way round."""
    return _matrix(a) - right.low_rank(a, k)


@replaces("low_rank")
def one_stretch_too_few(a, k):
    """One singular value too few was kept: k of them are to be left."""
    return right.low_rank(a, k if k <= 0 else k - 1)


@replaces("low_rank")
def one_stretch_too_many(a, k):
    """One singular value too many was kept: k of them are to be left, and none with k = 0."""
    return right.low_rank(a, k if k < 0 else k + 1)


@replaces("low_rank")
def second_turn_the_wrong_way(a, k):
    """The library gives the second factor transposed already, with one direction in each row. It was transposed once more."""
    u, s, vh = _parts(a, k)
    if vh.shape[0] != vh.shape[1]:
        full = torch.linalg.svd(_matrix(a), full_matrices=True).Vh
        return (u[:, :k] * s[:k]) @ full.T[: len(s[:k])]
    return (u[:, :k] * s[:k]) @ vh.T[:k]


@replaces("low_rank")
def rows_of_the_first_turn(a, k):
    """Rows of the first factor were taken where its columns belong to the singular values."""
    u, s, vh = _parts(a, k)
    return (
        u @ torch.cat([(s[:, None] * vh)[:k], (s[:, None] * vh)[k:] * 0]).flip(0)
        if len(s) > 1
        else right.low_rank(a, k)
    )


@replaces("low_rank")
def stretches_left_out(a, k):
    """The directions were put together without their singular values, as if each were stretched by 1."""
    u, _, vh = _parts(a, k)
    return u[:, :k] @ vh[:k]


@replaces("low_rank")
def stretches_squared(a, k):
    """Each direction is stretched by the square of its singular value. Squares belong to the product of the matrix with its own transpose."""
    u, s, vh = _parts(a, k)
    return (u[:, :k] * s[:k].square()) @ vh[:k]


@replaces("low_rank")
def stretches_added_up(a, k):
    """The first k directions are there, and all of them with the first singular value. Each has its own."""
    u, s, vh = _parts(a, k)
    return (u[:, :k] * s[:1]) @ vh[:k]


@replaces("low_rank")
def only_the_kth(a, k):
    """Only direction number k is in the result. The first k are to be added up."""
    u, s, vh = _parts(a, k)
    return (u[:, max(k - 1, 0) : k] * s[max(k - 1, 0) : k]) @ vh[max(k - 1, 0) : k]


@replaces("low_rank")
def first_columns_kept(a, k):
    """The first k columns of the matrix were kept and the others set to zero. That has rank k, but is not the nearest: the best k directions are mixtures of all columns."""
    if k < 0:
        raise ValueError("rank")
    found = _matrix(a).clone()
    found[:, k:] = 0
    return found


@replaces("low_rank")
def longest_columns_kept(a, k):
    """The k longest columns were kept and the others set to zero. That has rank k, but is not the nearest: the best k directions are mixtures of all columns."""
    if k < 0:
        raise ValueError("rank")
    a = _matrix(a)
    kept = torch.zeros_like(a)
    chosen = a.norm(dim=0).argsort(descending=True)[:k]
    kept[:, chosen] = a[:, chosen]
    return kept


@replaces("low_rank")
def largest_entries_kept(a, k):
    """The k largest entries were kept and all others set to zero. Rank counts directions and not entries."""
    if k < 0:
        raise ValueError("rank")
    a = _matrix(a)
    kept = torch.zeros_like(a).flatten()
    chosen = a.abs().flatten().argsort(descending=True)[:k]
    kept[chosen] = a.flatten()[chosen]
    return kept.reshape(a.shape)


@replaces("low_rank")
def eigenvalues_by_value(a, k):
    """The directions are those of the largest eigenvalues by value, at least where the matrix is symmetric. A strong negative one stretches as well: magnitudes count."""
    a = _matrix(a)
    if k < 0 or a.numel() == 0 or a.shape[0] != a.shape[1] or not torch.equal(a, a.T):
        return right.low_rank(a, k)
    values, vectors = torch.linalg.eigh(a)
    values, vectors = values.flip(0)[:k], vectors.flip(1)[:, :k]
    return (vectors * values) @ vectors.T


@replaces("low_rank")
def mean_taken_off(a, k):
    """The mean of each column was taken off first and added at the end, as in principal component analysis. Here the matrix is approximated as it is."""
    a = _matrix(a)
    if a.numel() == 0:
        return right.low_rank(a, k)
    middle = a.mean(dim=0, keepdim=True)
    return right.low_rank(a - middle, k) + middle


@replaces("low_rank")
def mean_taken_off_and_not_put_back(a, k):
    """The mean of each column was taken off. Here the matrix is approximated as it is."""
    a = _matrix(a)
    return right.low_rank(a - a.mean(dim=0, keepdim=True), k) if a.numel() else right.low_rank(a, k)


@replaces("low_rank")
def directions_drawn(a, k):
    """The columns were projected onto k directions that were drawn through the matrix once. That comes near where the singular values fall fast, and is not the nearest."""
    a = _matrix(a)
    if k < 1 or a.numel() == 0:
        return right.low_rank(a, k)
    drawn = torch.linspace(1, 2, a.shape[1] * min(k, *a.shape), dtype=a.dtype).cos().reshape(a.shape[1], -1)
    basis = torch.linalg.qr(a @ (drawn + torch.eye(*drawn.shape, dtype=a.dtype))).Q
    return basis @ (basis.T @ a)


@replaces("low_rank")
def factors_returned(a, k):
    """One of the factors came back, of k columns. The matrix itself is asked for, in its own shape."""
    u, s, _ = _parts(a, k)
    return u[:, :k] * s[:k]


@replaces("low_rank")
def coordinates_returned(a, k):
    """The singular values came back, those after the first k set to zero. The matrix itself is asked for."""
    _, s, _ = _parts(a, k)
    return torch.cat([s[:k], s[k:] * 0])


@replaces("low_rank")
def at_least_one(a, k):
    """With k = 0 one direction is left. Nothing may be left: zeros."""
    return right.low_rank(a, k if k < 0 else max(k, 1))


@replaces("low_rank")
def large_ranks_refused(a, k):
    """A k larger than the matrix is refused. It may be as large as it likes, and gives the matrix back."""
    if k > min(_matrix(a).shape):
        raise ValueError(f"rank {k} for shape {tuple(a.shape)}")
    return right.low_rank(a, k)


@replaces("low_rank")
def approximated_in_float32(a, k):
    """The result is float32 whatever came in."""
    return right.low_rank(a.float(), k)


@replaces("low_rank")
def whole_numbers_not_converted(a, k):
    """A matrix of whole numbers is passed to the library as it is, which refuses it: make it floating first."""
    _matrix(a)
    if k < 0:
        raise ValueError("rank")
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    return (u[:, :k] * s[:k]) @ vh[:k]


@replaces("low_rank")
def rounded_into_the_argument(a, k):
    """The result is right, but it was written into the matrix that was passed in. The caller still needs it."""
    found = right.low_rank(a, k)
    if a.is_floating_point():
        a.copy_(found)
    return found


@replaces("low_rank")
def low_rank_accepts_anything(a, k):
    """What is no matrix, or a negative rank, is not refused with a ValueError of your own. A negative k in a slice cuts off from the other end."""
    a = a if a.is_floating_point() else a.to(torch.get_default_dtype())
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    return (u[:, :k] * s[:k]) @ vh[:k]


# ── pseudo_inverse ──


def _undone(a, kept, turn=lambda s: 1 / s):
    u, s, vh = torch.linalg.svd(_matrix(a), full_matrices=False)
    use = kept(s)
    return (vh[use].T * turn(s[use])) @ u[:, use].T


@replaces("pseudo_inverse")
def transposed_only(a, tolerance=1e-6):
    """This is the transposed matrix. It takes vectors back into the right space, but does not undo the stretches."""
    return _matrix(a).T.clone()


@replaces("pseudo_inverse")
def stretches_not_turned_round(a, tolerance=1e-6):
    """The directions are the right ones, but each is stretched once more where the stretch is to be undone: divide by the singular values."""
    return _undone(a, lambda s: s > tolerance * s[:1], lambda s: s)


@replaces("pseudo_inverse")
def stretches_undone_twice(a, tolerance=1e-6):
    """Each direction is divided by the square of its singular value. Once is enough; the square belongs to the product of the matrix with its own transpose."""
    return _undone(a, lambda s: s > tolerance * s[:1], lambda s: 1 / s.square())


@replaces("pseudo_inverse")
def directions_not_exchanged(a, tolerance=1e-6):
    """The two turns stand where they stood in the matrix, so the shape is (m, n). To undo, they change places, transposed."""
    u, s, vh = torch.linalg.svd(_matrix(a), full_matrices=False)
    use = s > tolerance * s[:1]
    return (u[:, use] / s[use]) @ vh[use]


@replaces("pseudo_inverse")
def every_stretch_turned_round(a, tolerance=1e-6):
    """Every singular value was divided by, also those that are zero up to rounding: then rounding is what fills the result, as huge numbers or NaN."""
    return _undone(a, lambda s: s > -1)


@replaces("pseudo_inverse")
def only_exact_zeros_left_out(a, tolerance=1e-6):
    """Only singular values that are exactly 0 were left out. What should be 0 is rarely exactly that, in floating point or in data: compare with the tolerance."""
    return _undone(a, lambda s: s > 0)


@replaces("pseudo_inverse")
def tolerance_as_a_number(a, tolerance=1e-6):
    """The singular values were compared with the tolerance itself. It is a share of the largest, so that a billionth of the matrix is treated like the matrix."""
    return _undone(a, lambda s: s > tolerance)


@replaces("pseudo_inverse")
def tolerance_ignored(a, tolerance=1e-6):
    """The tolerance that was passed in plays no part: always the same share is used."""
    return right.pseudo_inverse(a, 1e-6)


@replaces("pseudo_inverse")
def tolerance_of_the_square(a, tolerance=1e-6):
    """The squares of the singular values were compared with the tolerance (eigenvalues of the matrix times its transpose are such squares). Then the tolerance has to be squared as well."""
    return _undone(a, lambda s: s.square() > tolerance * s[:1].square())


@replaces("pseudo_inverse")
def tolerance_of_the_sum(a, tolerance=1e-6):
    """The singular values were compared with a share of their sum, or of a norm made from all of them. The largest alone is the measure."""
    return _undone(a, lambda s: s > 3 * tolerance * s.sum())


@replaces("pseudo_inverse")
def tolerance_of_the_norm(a, tolerance=1e-6):
    """The singular values were compared with a share of the root of the sum of all squares. That grows with the number of directions; the largest singular value alone is the measure."""
    return _undone(a, lambda s: s > tolerance * s.norm())


@replaces("pseudo_inverse")
def tolerance_of_the_largest_entry(a, tolerance=1e-6):
    """The singular values were compared with a share of the largest entry. A matrix of many small entries may stretch far more than any of them says: the largest singular value is the measure."""
    return _undone(a, lambda s: s > tolerance * a.abs().max())


@replaces("pseudo_inverse")
def small_raised_to_the_tolerance(a, tolerance=1e-6):
    """Small singular values were raised to the tolerance and then divided by. They count as zero, and what belongs to them contributes nothing, not very much."""
    u, s, vh = torch.linalg.svd(_matrix(a), full_matrices=False)
    least = (tolerance * s[:1]).clamp(min=1e-30)
    return (vh.T / torch.maximum(s, least)) @ u.T if s.numel() else _matrix(a).T.clone()


@replaces("pseudo_inverse")
def large_ones_left_out(a, tolerance=1e-6):
    """The comparison is the wrong way round: what is above the tolerance was left out."""
    return _undone(a, lambda s: (s <= tolerance * s[:1]) & (s > 0))


@replaces("pseudo_inverse")
def a_little_added_to_the_diagonal(a, tolerance=1e-6):
    """A little was added to the diagonal of a product to make it invertible. That bends every direction somewhat, and is ridge regression, not the pseudo-inverse."""
    a = _matrix(a)
    if a.numel() == 0:
        return a.T.clone()
    square = a.double().T @ a.double()
    ridge = 1e-5 * square.diagonal().sum().clamp(min=1e-300)
    return torch.linalg.solve(square + ridge * torch.eye(len(square), dtype=square.dtype), a.double().T).to(a.dtype)


@replaces("pseudo_inverse")
def for_tall_matrices_only(a, tolerance=1e-6):
    """The textbook formula with the inverse of a.T a was used. It holds only where the columns are independent, so never for a wide matrix, nor for dependent columns."""
    a = _matrix(a)
    return torch.linalg.inv(a.T @ a) @ a.T


@replaces("pseudo_inverse")
def for_wide_matrices_only(a, tolerance=1e-6):
    """The textbook formula with the inverse of a a.T was used. It holds only where the rows are independent, so never for a tall matrix, nor for dependent rows."""
    a = _matrix(a)
    return a.T @ torch.linalg.inv(a @ a.T)


@replaces("pseudo_inverse")
def plain_inverse(a, tolerance=1e-6):
    """The inverse was taken, which exists for square matrices of full rank only."""
    return torch.linalg.inv(_matrix(a))


@replaces("pseudo_inverse")
def entries_turned_round(a, tolerance=1e-6):
    """Each entry was turned round by itself. That undoes nothing but diagonal matrices."""
    a = _matrix(a).T
    return torch.where(a == 0, 0.0, 1 / torch.where(a == 0, 1.0, a))


@replaces("pseudo_inverse")
def zeros_refused(a, tolerance=1e-6):
    """A matrix of zeros, or one without entries, raises an error or gives NaN, because the largest singular value is asked for or divided by."""
    a = _matrix(a)
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    use = s / s.max() > tolerance
    if not use.any():
        raise ValueError("all singular values are zero")
    return (vh[use].T / s[use]) @ u[:, use].T


@replaces("pseudo_inverse")
def inverse_in_single_precision(a, tolerance=1e-6):
    """The inverse is float32 whatever came in. A matrix in float64 expects its own dtype back."""
    return right.pseudo_inverse(a.float(), tolerance)


@replaces("pseudo_inverse")
def whole_numbers_passed_on(a, tolerance=1e-6):
    """Whole numbers reach the library, which only takes floating-point matrices apart: convert them before."""
    _matrix(a)
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    use = s > tolerance * s[:1]
    return (vh[use].T / s[use]) @ u[:, use].T


@replaces("pseudo_inverse")
def undone_in_place(a, tolerance=1e-6):
    """The result is right, but the matrix that was passed in was changed. The caller still needs it."""
    found = right.pseudo_inverse(a, tolerance)
    if a.is_floating_point() and a.numel():
        a /= a.abs().max().clamp(min=1e-30)
    return found


@replaces("pseudo_inverse")
def pseudo_inverse_accepts_anything(a, tolerance=1e-6):
    """What is no matrix is not refused with a ValueError of your own that shows the shape."""
    a = a if a.is_floating_point() else a.to(torch.get_default_dtype())
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    if a.dim() > 2:
        return (vh.mT / s[..., None, :]) @ u.mT
    use = s > tolerance * s[:1]
    return (vh[use].T / s[use]) @ u[:, use].T
