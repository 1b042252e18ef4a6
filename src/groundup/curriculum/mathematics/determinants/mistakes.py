"""Wrong factors, determinants and verdicts, each named for what its author believed. The docstring is the hint."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import determinants as right


def _square(a):
    if a.dim() != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"shape {tuple(a.shape)}")
    return a if a.is_floating_point() else a.to(torch.get_default_dtype())


def _largest(u, k):
    return k + int(u[k:, k].abs().argmax())


def _factor(a, pick=_largest, lower_columns=lambda k: slice(0, k)):
    """Elimination with its errors to choose from: the row of the pivot, and what of l goes along with an exchange."""
    u = _square(a).clone()
    n = len(u)
    lower, order = torch.eye(n, dtype=u.dtype), list(range(n))
    for k in range(n):
        best = pick(u, k)
        u[[k, best]] = u[[best, k]]
        columns = lower_columns(k)
        lower[[k, best], columns] = lower[[best, k], columns]
        order[k], order[best] = order[best], order[k]
        if u[k, k] != 0:
            lower[k + 1 :, k] = u[k + 1 :, k] / u[k, k]
            u[k + 1 :] -= torch.outer(lower[k + 1 :, k], u[k])
    return torch.eye(n, dtype=u.dtype)[order].T, lower, u.triu()


# ── lu_decompose ──


@replaces("lu_decompose")
def p_on_the_other_side(a):
    """This p exchanges the rows of a, so that p @ a = l @ u. Asked is a = p @ l @ u: the p that brings them back, which is the transpose."""
    p, lower, u = right.lu_decompose(a)
    return p.T, lower, u


@replaces("lu_decompose")
def no_exchanges(a):
    """No rows were exchanged. A zero pivot then gives infinity, and a tiny one spoils everything: bring the largest magnitude of the column up first."""
    u = _square(a).clone()
    lower = torch.eye(len(u), dtype=u.dtype)
    for k in range(len(u)):
        lower[k + 1 :, k] = u[k + 1 :, k] / u[k, k]
        u[k + 1 :] -= torch.outer(lower[k + 1 :, k], u[k])
    return torch.eye(len(u), dtype=u.dtype), lower, u.triu()


@replaces("lu_decompose")
def exchanged_only_at_zero(a):
    """Rows were exchanged only where the pivot was exactly zero. A small one is as bad, because its factors are large: always take the largest magnitude."""

    def pick(u, k):
        return k if u[k, k] != 0 else _largest(u, k)

    return _factor(a, pick)


@replaces("lu_decompose")
def largest_number_instead_of_magnitude(a):
    """The largest number was taken as the pivot, so that a large negative one loses to a small positive one. Compare magnitudes."""
    return _factor(a, lambda u, k: k + int(u[k:, k].argmax()))


@replaces("lu_decompose")
def smallest_pivot(a):
    """The pivot is the smallest magnitude of the column, so that the factors are large. It has to be the largest."""
    return _factor(a, lambda u, k: k + int(torch.where(u[k:, k] == 0, math.inf, u[k:, k].abs()).argmin()))


@replaces("lu_decompose")
def factors_left_in_their_rows(a):
    """When two rows were exchanged, the factors already written into l stayed behind. They belong to their rows: exchange them as well."""
    return _factor(a, lower_columns=lambda k: slice(0, 0))


@replaces("lu_decompose")
def whole_rows_of_l_exchanged(a):
    """Whole rows of l were exchanged, with the ones on its diagonal. Only the factors found so far move along, those to the left of the current column."""
    return _factor(a, lower_columns=lambda k: slice(None))


@replaces("lu_decompose")
def l_without_its_ones(a):
    """The diagonal of l is zero. Each row of a is that row of u and a mixture of those above: the row itself counts once."""
    p, lower, u = right.lu_decompose(a)
    return p, lower.tril(-1), u


@replaces("lu_decompose")
def pivots_in_l(a):
    """The ones are on the diagonal of u and the pivots in l. That is a factorization as well (Crout's), but here l has the ones."""
    p, lower, u = right.lu_decompose(a)
    pivots = torch.where(u.diagonal() == 0, 1.0, u.diagonal()).to(u.dtype)
    return p, lower * pivots, u / pivots.unsqueeze(1)


@replaces("lu_decompose")
def factors_with_the_wrong_sign(a):
    """The factors in l have the wrong sign. Elimination subtracts them times the pivot's row; to come back to a they are added."""
    p, lower, u = right.lu_decompose(a)
    return p, 2 * torch.eye(len(u), dtype=u.dtype) - lower, u


@replaces("lu_decompose")
def both_in_one(a):
    """The factors stand below the diagonal of u, in one matrix with it, as programs store them. Return them apart, u with zeros below."""
    p, lower, u = right.lu_decompose(a)
    return p, lower, u + lower.tril(-1)


@replaces("lu_decompose")
def order_instead_of_a_matrix(a):
    """The order of the rows came back as a list of numbers. p is to be the matrix: the identity with its rows moved."""
    p, lower, u = right.lu_decompose(a)
    return p.argmax(dim=0), lower, u


@replaces("lu_decompose")
def singular_refused(a):
    """A singular matrix was refused, or divided by zero. It has the factors all the same: where a column is zero already, go on to the next."""
    p, lower, u = right.lu_decompose(a)
    if (u.diagonal() == 0).any():
        raise ValueError("singular")
    return p, lower, u


@replaces("lu_decompose")
def tiny_pivots_taken_for_zero(a):
    """A column whose largest entry was below some fixed small number was left as it is. How small a pivot may be depends on the unit of the entries: only a column of exact zeros has nothing to eliminate."""
    p, lower, u = right.lu_decompose(a)
    if u.diagonal().abs().min() < 1e-8 and u.diagonal().abs().min() > 0:
        return torch.eye(len(u), dtype=u.dtype), torch.eye(len(u), dtype=u.dtype), _square(a).clone()
    return p, lower, u


@replaces("lu_decompose")
def pivot_counted_from_the_current_row(a):
    """The place of the largest was counted from the current row and used as if counted from the first: add the number of rows above."""
    return _factor(a, lambda u, k: max(k, int(u[k:, k].abs().argmax())))


@replaces("lu_decompose")
def factors_in_float64(a):
    """The factors came back in float64 whatever went in. They have the dtype of a."""
    return tuple(one.double() for one in right.lu_decompose(a))


# ── determinant ──


@replaces("determinant")
def exchanges_forgotten(a):
    """The pivots were multiplied, but the exchanges of rows forgotten. Each of them turns the sign."""
    return right.lu_decompose(a)[2].diagonal().prod()


@replaces("determinant")
def product_of_the_diagonal(a):
    """The diagonal of a itself was multiplied. That is right for triangles only: bring the matrix to one first."""
    return _square(a).diagonal().prod()


@replaces("determinant")
def sum_of_the_diagonal(a):
    """This is the trace, the sum of the diagonal. The determinant is another number."""
    return _square(a).trace() if a.numel() else right.determinant(a)


@replaces("determinant")
def size_without_sign(a):
    """This is how much volumes grow, without the sign. It is negative where the map turns space over."""
    return right.determinant(a).abs()


def _expand(a, sign):
    if len(a) == 0:
        return torch.ones((), dtype=a.dtype)
    columns = torch.arange(len(a))
    return sum(
        (sign**j * a[0, j] * _expand(a[1:, columns != j], sign) for j in range(len(a)) if a[0, j] != 0), 0 * a[0, 0]
    )


@replaces("determinant")
def all_signs_plus(a):
    """In the expansion along a row every term was added. The signs alternate: plus, minus, plus and so on."""
    a = _square(a)
    return _expand(a, 1) if len(a) < 7 else right.determinant(a)


@replaces("determinant")
def two_rows_only(a):
    """The formula for two rows was used on the corner of a larger matrix. With more rows the determinant is more than that."""
    a = _square(a)
    return a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0] if len(a) > 1 else right.determinant(a)


@replaces("determinant")
def diagonals_for_any_size(a):
    """Products along diagonals to the right minus those to the left: that is a rule for three rows. For more it leaves out most of the terms."""
    a = _square(a)
    n = len(a)
    if n < 3:
        return right.determinant(a)
    rows = torch.arange(n)
    return sum(a[rows, (rows + k) % n].prod() - a[rows, (k - rows) % n].prod() for k in range(n))


@replaces("determinant")
def sign_by_the_number_of_rows(a):
    """The sign was turned once for each column, whether or not rows were exchanged. Exchanging a row with itself turns nothing."""
    u = right.lu_decompose(a)[2]
    return u.diagonal().prod() * (-1) ** (len(u) - 1)


@replaces("determinant")
def sign_by_rows_out_of_place(a):
    """The sign was taken from the number of rows that are not in their place. It is the number of exchanges that counts: three rows that move in a circle take two."""
    p, _, u = right.lu_decompose(a)
    moved = int((p.diagonal() == 0).sum())
    return u.diagonal().prod() * (-1) ** (moved // 2)


@replaces("determinant")
def rows_divided_by_their_pivots(a):
    """Rows were divided by their pivots and the pivots not multiplied in again: all that is left is the sign. Dividing a row by a number divides the determinant by it."""
    return right.determinant(a).sign()


@replaces("determinant")
def nothing_has_determinant_zero(a):
    """The determinant of the matrix without rows came out as 0, or raised an error. It is a product without factors: 1."""
    return right.determinant(a) if len(_square(a)) else torch.zeros(())


@replaces("determinant")
def tiny_taken_for_zero(a):
    """A small determinant was taken for 0. Its size depends on the unit of the entries and says nothing about singular or not."""
    found = right.determinant(a)
    return torch.where(found.abs() < 1e-8, 0.0, found).to(found.dtype)


@replaces("determinant")
def small_pivot_taken_for_zero(a):
    """A pivot that is small beside the others was taken for zero, and the determinant with it. A nearly singular matrix has a small determinant, not none: multiply what is there."""
    pivots = right.lu_decompose(a)[2].diagonal().abs()
    found = right.determinant(a)
    return found * 0 if len(pivots) and pivots.min() < 1e-6 * pivots.max() else found


@replaces("determinant")
def exchanged_only_where_the_pivot_is_zero(a):
    """Rows were exchanged only where a pivot was exactly zero. A tiny one is as bad, because everything is divided by it and its rounding grows: always bring the largest magnitude of the column up."""
    u = _square(a).clone()
    sign = 1
    for k in range(len(u)):
        best = k if u[k, k] != 0 else _largest(u, k)
        if u[best, k] == 0:
            return u.new_zeros(())
        if best != k:
            u[[k, best]], sign = u[[best, k]], -sign
        u[k + 1 :] -= torch.outer(u[k + 1 :, k] / u[k, k], u[k])
    return sign * u.diagonal().prod()


@replaces("determinant")
def whole_numbers_kept(a):
    """Of whole numbers the determinant came back as a whole number, rounded. It is to be floating-point, as for all other functions here."""
    found = right.determinant(a)
    return found if a.is_floating_point() else found.round().long()


@replaces("determinant")
def in_a_matrix(a):
    """The number came back as a matrix or vector with one entry. A determinant is one number without dimensions."""
    return right.determinant(a).reshape(1)


@replaces("determinant")
def last_row_skipped(a):
    """The last pivot is missing from the product. Nothing has to be eliminated below it, but it counts."""
    p, _, u = right.lu_decompose(a)
    sign = right.determinant(p)
    return sign * u.diagonal()[:-1].prod() if len(u) > 1 else right.determinant(a)


# ── is_solvable ──


def _fits(a, b):
    if a.dim() != 2 or b.shape != a.shape[:1]:
        raise ValueError(f"shapes {tuple(a.shape)} and {tuple(b.shape)}")


def _rank(a, tolerance):
    left, edge, count = a.double(), None, 0
    for _ in range(min(a.shape)):
        i, j = divmod(int(left.abs().argmax()), a.shape[1])
        edge = tolerance * left[i, j].abs() if edge is None else edge
        if left[i, j].abs() <= edge:
            break
        others = torch.arange(len(left)) != i
        left = left[others] - torch.outer(left[others, j] / left[i, j], left[i])
        count += 1
    return count


@replaces("is_solvable")
def determinant_not_zero(a, b, tolerance=1e-6):
    """A system was called solvable only if its matrix can be inverted. A singular one still has solutions for those b that it reaches."""
    _fits(a, b)
    return a.shape[0] == a.shape[1] == _rank(a, tolerance)


@replaces("is_solvable")
def independent_equations(a, b, tolerance=1e-6):
    """The right side was not looked at: a system was called solvable if its equations are independent. Dependent equations may agree, too."""
    _fits(a, b)
    return _rank(a, tolerance) == a.shape[0]


@replaces("is_solvable")
def enough_unknowns(a, b, tolerance=1e-6):
    """As many unknowns as equations were taken to be enough. Equations may contradict each other however many unknowns there are."""
    _fits(a, b)
    return a.shape[1] >= a.shape[0] or right.is_solvable(a, b, tolerance)


@replaces("is_solvable")
def more_equations_than_unknowns_never(a, b, tolerance=1e-6):
    """A system with more equations than unknowns was called unsolvable. Some of its equations may follow from the others."""
    _fits(a, b)
    return a.shape[0] <= a.shape[1] and right.is_solvable(a, b, tolerance)


@replaces("is_solvable")
def one_solution_only(a, b, tolerance=1e-6):
    """Systems with many solutions were called unsolvable. The question is whether there is one at least."""
    return right.is_solvable(a, b, tolerance) and _rank(a, tolerance) == a.shape[1]


@replaces("is_solvable")
def ranks_of_unlike_units(a, b, tolerance=1e-6):
    """The ranks of a with and without b were compared, with one tolerance for both. A huge b then hides all of a, and a tiny b hides beside a: bring both to the same size first."""
    _fits(a, b)
    if a.numel() == 0:
        return right.is_solvable(a, b, tolerance)
    return _rank(a, tolerance) == _rank(torch.hstack([a.double(), b.double().unsqueeze(1)]), tolerance)


@replaces("is_solvable")
def zero_refused(a, b, tolerance=1e-6):
    """With a right side of zeros the system was called unsolvable, or a division by its size failed. x = 0 always solves it."""
    return bool((b != 0).any()) and right.is_solvable(a, b, tolerance)


@replaces("is_solvable")
def rest_as_it_is(a, b, tolerance=1e-6):
    """What is left of b was compared with the tolerance as it is. It is a share of the size of b."""
    _fits(a, b)
    largest = float(b.abs().max()) if b.numel() else 0.0
    return not largest or right.is_solvable(a, b, min(tolerance / largest, 1.0))


@replaces("is_solvable")
def solvable_exactly_only(a, b, tolerance=1e-6):
    """What is left of b was compared with exactly zero. Rounding never lets it be that."""
    return right.is_solvable(a, b, 1e-17)


@replaces("is_solvable")
def fixed_tolerance(a, b, tolerance=1e-6):
    """The tolerance given was not used."""
    return right.is_solvable(a, b)


@replaces("is_solvable")
def rows_instead_of_columns(a, b, tolerance=1e-6):
    """It was asked whether b is a mixture of the rows of a. The product a x mixes the columns."""
    _fits(a, b)
    return right.is_solvable(a.T if a.shape[0] == a.shape[1] else a, b, tolerance)


@replaces("is_solvable")
def square_systems_only(a, b, tolerance=1e-6):
    """Only square matrices were accepted. A system may have more equations than unknowns, or fewer."""
    _square(a)
    return right.is_solvable(a, b, tolerance)


@replaces("is_solvable")
def right_side_stretched(a, b, tolerance=1e-6):
    """A right side that does not fit was stretched, cut or flattened. There is one number for each equation: refuse any other."""
    return (
        right.is_solvable(a, b.reshape(-1)[:1].expand(len(a)), tolerance)
        if b.shape != a.shape[:1]
        else right.is_solvable(a, b, tolerance)
    )


@replaces("is_solvable")
def answer_as_a_number(a, b, tolerance=1e-6):
    """The answer is a number. It is to be True or False."""
    return int(right.is_solvable(a, b, tolerance))


@replaces("is_solvable")
def nothing_solves_anything(a, b, tolerance=1e-6):
    """Without unknowns everything was called solvable. The sum of no columns is zero: only b = 0 can be met."""
    return right.is_solvable(a, b, tolerance) or a.numel() == 0


# ── adjugate_inverse ──


def _adjugate(a, sign=lambda i, j: (-1) ** (i + j), minor=None):
    a = _square(a)
    size = a.abs().max() if a.abs().max() > 0 else torch.ones((), dtype=a.dtype)
    scaled = a / size
    right.adjugate_inverse(a)  # refuses what is singular
    keep = torch.arange(len(a))
    entries = [
        [sign(i, j) * (minor or right.determinant)(scaled[keep != j][:, keep != i]) for j in range(len(a))]
        for i in range(len(a))
    ]
    return torch.stack([torch.stack(row) for row in entries]), scaled, size


@replaces("adjugate_inverse")
def cofactors_not_transposed(a):
    """The cofactors stayed at their own places. They have to be transposed: the cofactor of entry (j, i) goes to place (i, j)."""
    return right.adjugate_inverse(a).T


@replaces("adjugate_inverse")
def signs_left_out(a):
    """The determinants of what is left were used without their signs, which alternate as on a chessboard."""
    found, scaled, size = _adjugate(a, lambda i, j: 1)
    return found / right.determinant(scaled) / size


@replaces("adjugate_inverse")
def signs_by_row_only(a):
    """The sign alternates from row to row only. It depends on the row and the column: from one place to its neighbor it changes in both directions."""
    found, scaled, size = _adjugate(a, lambda i, j: (-1) ** i)
    return found / right.determinant(scaled) / size


@replaces("adjugate_inverse")
def signs_start_with_minus(a):
    """All signs are turned: the chessboard begins with plus in the corner. (Numbering rows and columns from 1 changes nothing, since the sum changes by two.)"""
    return -right.adjugate_inverse(a)


@replaces("adjugate_inverse")
def not_divided_by_the_determinant(a):
    """This is the adjugate. The inverse is what comes when it is divided by the determinant."""
    found, scaled, size = _adjugate(a)
    return found * size ** (len(found) - 1)


@replaces("adjugate_inverse")
def divided_by_the_volume_only(a):
    """The adjugate was divided by the magnitude of the determinant. Its sign counts."""
    return right.adjugate_inverse(a) * right.determinant(_square(a) / _square(a).abs().max()).sign()


@replaces("adjugate_inverse")
def multiplied_by_the_determinant(a):
    """The adjugate was multiplied by the determinant. a times its adjugate is the determinant times the identity, so it has to be divided."""
    found, scaled, size = _adjugate(a)
    return found * right.determinant(scaled) / size


@replaces("adjugate_inverse")
def reciprocals(a):
    """Each entry was replaced by its reciprocal. That undoes a multiplication entry by entry, not a map."""
    right.adjugate_inverse(a)
    return 1 / _square(a)


@replaces("adjugate_inverse")
def two_rows_at_any_size(a):
    """The rule for two rows (exchange the diagonal, turn the signs of the rest) was applied to more. What is right for two rows is a special case."""
    a = _square(a)
    scaled = a / a.abs().max() if a.abs().max() > 0 else a
    inverse = right.adjugate_inverse(a)
    if len(a) < 3:
        return inverse
    turned = -scaled + 2 * torch.diag(scaled.diagonal())
    turned = turned - torch.diag(turned.diagonal()) + torch.diag(scaled.diagonal().flip(0))
    return turned / right.determinant(scaled) / a.abs().max()


@replaces("adjugate_inverse")
def products_that_vanish(a):
    """The products were formed of the entries as they are. With tiny or huge ones they leave the range of the dtype, though the inverse does not: bring the entries to size 1 first."""
    a = _square(a)
    right.adjugate_inverse(a)
    keep = torch.arange(len(a))
    rows = [
        torch.stack([(-1) ** (i + j) * right.determinant(a[keep != j][:, keep != i]) for j in range(len(a))])
        for i in range(len(a))
    ]
    return torch.stack(rows) / right.determinant(a)


@replaces("adjugate_inverse")
def scale_undone_the_wrong_way(a):
    """The entries were divided by the largest before, and the inverse multiplied by it afterwards. The inverse of a smaller map is larger: it has to be divided as well."""
    a = _square(a)
    return right.adjugate_inverse(a) * a.abs().max() ** 2


@replaces("adjugate_inverse")
def small_determinants_refused(a):
    """Matrices with a small determinant were refused. Its size depends on the unit of the entries: a millionth of the identity is as good as the identity."""
    if right.determinant(a).abs() < 1e-6:
        raise ValueError("singular")
    return right.adjugate_inverse(a)


@replaces("adjugate_inverse")
def nearly_singular_refused(a):
    """A matrix was refused because one of its pivots is small. It is singular only if the pivot is within the rounding of its dtype, which in float64 is far below a millionth."""
    found = right.adjugate_inverse(a)
    pivots = right.lu_decompose(a)[2].diagonal().abs()
    if pivots.min() < 5e-3 * _square(a).abs().max():
        raise ValueError("singular")
    return found


@replaces("adjugate_inverse")
def singular_divided_by_zero(a):
    """A singular matrix was not refused: the division by a determinant that is 0, or nothing but rounding, gives infinity or huge numbers that mean nothing."""
    a = _square(a)
    try:
        return right.adjugate_inverse(a)
    except ValueError:
        return torch.full_like(a, math.inf)


@replaces("adjugate_inverse")
def refused_only_at_exactly_zero(a):
    """Only a determinant of exactly 0 was refused. A singular matrix in floating point has one of about the size of the rounding: compare its smallest pivot with that."""
    a = _square(a)
    if right.determinant(a) == 0:
        raise ValueError("singular")
    try:
        return right.adjugate_inverse(a)
    except ValueError:
        return a / right.determinant(a)


@replaces("adjugate_inverse")
def one_entry_forgotten(a):
    """A matrix of one number was returned as it is, or with its cofactor as 0. The cofactor is the determinant of nothing, 1, so the inverse is one over the number."""
    return right.adjugate_inverse(a) if len(_square(a)) > 1 or a.abs().max() == 0 else _square(a)


@replaces("adjugate_inverse")
def rectangles_cut(a):
    """A matrix that is not square was cut to its square corner. It has no determinant and no inverse: refuse it with its shape."""
    n = min(a.shape[-2:]) if a.dim() > 1 else 1
    return right.adjugate_inverse(a.reshape(-1, a.shape[-1])[:n, :n] if a.dim() > 1 else torch.eye(2))
