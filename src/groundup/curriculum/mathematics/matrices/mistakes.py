"""Wrong matrices, each named for what its author believed. The docstring is the hint that a learner reads."""

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import matrices as right


def _fits(a, b):
    if min(a.dim(), b.dim()) < 2 or a.shape[-1] != b.shape[-2]:
        raise ValueError(f"shapes {tuple(a.shape)} and {tuple(b.shape)}")


def _product(a, b):
    """@ for whole numbers in any dtype, too."""
    return right.matmul(a, b)


# ── matmul ──


@replaces("matmul")
def entry_by_entry(a, b):
    """Entries at the same place were multiplied, as * does. A matrix product needs a whole row of a and a whole column of b for each entry: the dot product of the two."""
    _fits(a, b)
    return a * b


@replaces("matmul")
def rows_with_rows(a, b):
    """Rows of a were paired with rows of b. Entry (i, j) needs column j of b: the entries that stand below each other."""
    _fits(a, b)
    return _product(a, b.mT)


@replaces("matmul")
def factors_swapped(a, b):
    """This is b times a. The order counts: a times b is the map that does b first and then a, and its rows come from a."""
    _fits(a, b)
    return _product(b, a)


@replaces("matmul")
def columns_with_columns(a, b):
    """Columns of a were paired with columns of b: the sum ran over the rows of a. It has to run along each row of a and down each column of b."""
    _fits(a, b)
    return _product(a.mT, b)


@replaces("matmul")
def product_transposed(a, b):
    """The numbers are right, but rows and columns are exchanged. Row i of the result belongs to row i of a, column j to column j of b."""
    _fits(a, b)
    return _product(a, b).mT


@replaces("matmul")
def products_averaged(a, b):
    """This is the mean of the products: too small by a factor of k. A dot product is their sum."""
    _fits(a, b)
    return _product(a, b) / max(a.shape[-1], 1)


@replaces("matmul")
def only_row_i_with_column_i(a, b):
    """Row i met column i only, so that one number for each row came out. Every row meets every column: m rows and n columns give m times n numbers."""
    _fits(a, b)
    return (a * b.mT).sum(dim=-1)


@replaces("matmul")
def last_product_left_out(a, b):
    """The last entry of each row and each column was left out: the loop over the inner dimension ends one too early."""
    _fits(a, b)
    return _product(a[..., :-1], b[..., :-1, :])


@replaces("matmul")
def starts_from_the_first_product(a, b):
    """The sum starts from the first product, which does not exist where the inner dimension is empty. Sums of nothing are zero: start from zeros of the right shape."""
    _fits(a, b)
    total = a[..., :, 0, None] * b[..., None, 0, :]
    for k in range(1, a.shape[-1]):
        total = total + a[..., :, k, None] * b[..., None, k, :]
    return total


@replaces("matmul")
def dimensions_counted_from_the_front(a, b):
    """Rows and columns were looked for in the first two dimensions. In a batch they are the last two: count from the end."""
    if a.dim() == 2 and b.dim() == 2:
        return right.matmul(a, b)
    return (a.unsqueeze(2) * b.unsqueeze(0)).sum(dim=1)


@replaces("matmul")
def batches_paired_without_broadcasting(a, b):
    """The batches were flattened and paired one by one. Batch dimensions may differ: (5, 1) and (3) are to give (5, 3), each of the five with each of the three."""
    _fits(a, b)
    if a.dim() == 2 and b.dim() == 2:
        return right.matmul(a, b)
    firsts, seconds = a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:])
    result = torch.stack([right.matmul(x, y) for x, y in zip(firsts, seconds)])
    return result.reshape(*a.shape[:-2], *result.shape[-2:])


@replaces("matmul")
def inner_sizes_not_compared(a, b):
    """The inner sizes were left to PyTorch, which stretches one column to any number of rows without a word. Compare them first, and say which shapes met."""
    return (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(dim=-2, dtype=a.dtype)


@replaces("matmul")
def message_without_shapes(a, b):
    """The error is right, but its message does not hold both shapes. Whoever meets it inside a model needs to see which two shapes met."""
    if a.shape[-1] != b.shape[-2]:
        raise ValueError("the matrices do not fit")
    return right.matmul(a, b)


@replaces("matmul")
def product_in_float32(a, b):
    """Everything was turned into float32: counts are no longer whole numbers, and float64 lost half of its digits. The result has the dtype of the factors."""
    _fits(a, b)
    return right.matmul(a.float(), b.float())


@replaces("matmul")
def whole_numbers_by_way_of_float32(a, b):
    """Whole numbers went through float32 on the way, which keeps seven digits. Larger products come back with other last digits: multiply and add whole numbers as they are."""
    found = right.matmul(a.float(), b.float()) if not a.is_floating_point() else right.matmul(a, b)
    return found.to(a.dtype)


@replaces("matmul")
def sums_widened(a, b):
    """PyTorch adds up small whole numbers in int64: int32 went in and int64 came out. The result keeps the dtype of the factors, so the sum has to be told."""
    _fits(a, b)
    return (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(dim=-2)


@replaces("matmul")
def product_cut_from_the_graph(a, b):
    """The numbers are right, but no gradient can flow back through them: they left PyTorch on the way (tolist(), item(), numpy(), detach(), or numbers written into a tensor made by data). A layer built on this could not learn."""
    _fits(a, b)
    return right.matmul(a, b).detach()


# ── elimination, with its errors to choose from ──


def _checked(a, b):
    a, b = (one if one.is_floating_point() else one.to(torch.get_default_dtype()) for one in (a, b))
    if a.dim() != 2 or a.shape[0] != a.shape[1] or b.dim() not in (1, 2) or b.shape[0] != a.shape[0]:
        raise ValueError(f"shapes {tuple(a.shape)} and {tuple(b.shape)}")
    return a.detach().clone(), b.detach().clone().reshape(len(b), -1)


def _smallest(a):
    return len(a) * torch.finfo(a.dtype).eps * a.abs().max()


def _largest_below(a, k, smallest):
    return k + int(a[k:, k].abs().argmax())


def _swap_both(a, b, k, best):
    a[[k, best]], b[[k, best]] = a[[best, k]], b[[best, k]]


def _forward(a, b, smallest=None, pick=_largest_below, swap=_swap_both, touch_b=True):
    """Elimination in place; ``pick`` chooses the pivot's row, ``swap`` exchanges rows."""
    smallest = _smallest(a) if smallest is None else smallest
    for k in range(len(a)):
        best = pick(a, k, smallest)
        if not a[best, k].abs() > smallest:
            raise ValueError("singular")
        swap(a, b, k, best)
        factors = a[k + 1 :, k : k + 1] / a[k, k]
        a[k + 1 :] -= factors * a[k]
        if touch_b:
            b[k + 1 :] -= factors * b[k]


def _backward(a, b, divide=True):
    x = torch.zeros_like(b)
    for k in reversed(range(len(a))):
        x[k] = b[k] - a[k, k + 1 :] @ x[k + 1 :]
        if divide:
            x[k] = x[k] / a[k, k]
    return x


def _solved(a, b, **choices):
    rows, columns = _checked(a, b)
    _forward(rows, columns, **choices)
    return _backward(rows, columns).reshape(b.shape)


# ── solve ──


@replaces("solve")
def no_rows_exchanged(a, b):
    """The pivot is whatever stands on the diagonal, and rows are never exchanged. A zero there stops elimination although the system has a solution, and a tiny number there ruins it: the factors become huge and the other equations are rounded away."""
    return _solved(a, b, pick=lambda rows, k, smallest: k, smallest=torch.tensor(0.0))


@replaces("solve")
def exchanged_only_at_a_zero(a, b):
    """Rows are exchanged only where the pivot is zero. One of 1e-8 is as bad: its factors are so large that nothing of the other equations is left after rounding. Take the largest magnitude every time."""

    def pick(rows, k, smallest):
        return k if rows[k, k].abs() > smallest else _largest_below(rows, k, smallest)

    return _solved(a, b, pick=pick, smallest=torch.tensor(0.0) if a.is_floating_point() and a.abs().max() > 0 else None)


@replaces("solve")
def largest_number_as_pivot(a, b):
    """The pivot is the largest number, not the largest magnitude. -5 is a fine pivot; a column of negative numbers with one tiny positive entry has its worst one chosen here."""

    def pick(rows, k, smallest):
        return k + int(rows[k:, k].argmax())

    def careful(rows, k, smallest):
        best = pick(rows, k, smallest)
        return best if rows[best, k].abs() > smallest else _largest_below(rows, k, smallest)

    return _solved(a, b, pick=careful)


@replaces("solve")
def right_side_not_exchanged(a, b):
    """Rows of a were exchanged, those of b were not. An equation is a row of a together with its entry of b: they move together."""

    def swap(rows, columns, k, best):
        rows[[k, best]] = rows[[best, k]]

    return _solved(a, b, swap=swap)


@replaces("solve")
def finished_rows_exchanged_again(a, b):
    """The largest magnitude was looked for in the whole column, rows that are finished included. Exchanging those again destroys the zeros that were made: only the current row and those below may be chosen."""
    return _solved(a, b, pick=lambda rows, k, smallest: int(rows[:, k].abs().argmax()))


@replaces("solve")
def place_counted_from_the_current_row(a, b):
    """The place of the largest magnitude was counted from the current row on, but used as if it were counted from the first. The number of the row has to be added."""

    def pick(rows, k, smallest):
        best = int(rows[k:, k].abs().argmax())
        return best if rows[best, k].abs() > smallest else _largest_below(rows, k, smallest)

    return _solved(a, b, pick=pick)


@replaces("solve")
def rows_exchanged_through_views(a, b):
    """The two rows were exchanged by assigning each to the other. A row of a tensor is a view, not a copy: after the first assignment both hold the same numbers, and one equation is lost. Index with a list of rows, or copy one first."""

    def swap(rows, columns, k, best):
        for matrix in (rows, columns):
            matrix[k], matrix[best] = matrix[best], matrix[k]

    rows, columns = _checked(a, b)
    _forward(rows, columns, swap=swap)
    return _backward(rows, columns).reshape(b.shape)


@replaces("solve")
def right_side_not_eliminated(a, b):
    """Multiples of rows were subtracted in a, but not in b. What is done to the left of an equation has to be done to its right."""
    return _solved(a, b, touch_b=False)


@replaces("solve")
def back_substitution_left_out(a, b):
    """After elimination each right side was divided by its pivot, and that was all. Only the last equation has one unknown left; the others still hold those that come after, which have to be put in, from the last to the first."""
    rows, columns = _checked(a, b)
    _forward(rows, columns)
    return (columns / rows.diagonal()[:, None]).reshape(b.shape)


@replaces("solve")
def pivots_taken_for_one(a, b):
    """The known unknowns were put in, but the result was not divided by the pivot: it still stands before the unknown."""
    rows, columns = _checked(a, b)
    _forward(rows, columns)
    return _backward(rows, columns, divide=False).reshape(b.shape)


@replaces("solve")
def multiplied_instead_of_solved(a, b):
    """This is a times b: where the map takes b. What is asked is the other way round, what the map takes to b."""
    rows, columns = _checked(a, b)
    right.solve(a, b)
    return (rows @ columns).reshape(b.shape)


@replaces("solve")
def rows_and_columns_of_the_system_mixed_up(a, b):
    """This solves x a = b: the coefficients of an equation were read down a column. They stand in a row."""
    _checked(a, b)
    return right.solve(a.T, b)


@replaces("solve")
def through_the_inverse(a, b):
    """The inverse was computed and multiplied with b. That is the formula on paper; in floating point a nearly singular matrix has an inverse with huge, inexact entries, and the solution no longer meets the right side. Eliminate with b itself."""
    rows, columns = _checked(a, b)
    return (right.inverse(rows) @ columns).reshape(b.shape)


@replaces("solve")
def only_exact_zeros_are_singular(a, b):
    """A matrix is refused only where the pivot is exactly zero. Rounding seldom leaves an exact zero: dividing by what it leaves instead gives huge numbers that mean nothing."""
    return _solved(a, b, smallest=torch.tensor(0.0))


@replaces("solve")
def one_bound_for_every_matrix(a, b):
    """Pivots are compared with one fixed small number. A system in small units is then refused although it is harmless, and a singular one in large units passes. The bound has to grow with the matrix."""
    return _solved(a, b, smallest=torch.tensor(1e-6))


@replaces("solve")
def small_determinant_taken_for_singular(a, b):
    """The determinant was compared with a small number. It says little: halving all coefficients of twelve equations makes it 4096 times smaller and changes nothing of importance. Look at the pivots, relative to the entries."""
    rows, columns = _checked(a, b)
    if torch.linalg.det(rows).abs() < 1e-8:
        raise ValueError("singular")
    return _solved(a, b)


@replaces("solve")
def singular_answered_with_infinity(a, b):
    """A singular matrix is not noticed: a division by a zero pivot gives infinity or NaN, which go on into the answer. Such a system has no solution, or many; say so with a ValueError."""
    try:
        return right.solve(a, b)
    except ValueError:
        _checked(a, b)
        return torch.full_like(b, torch.nan)


@replaces("solve")
def only_the_first_right_side(a, b):
    """Only the first column of b was solved for. Each column is a system of its own, with the same a."""
    x = right.solve(a, b)
    return x if x.dim() == 1 else x[:, :1]


@replaces("solve")
def vector_returned_as_a_column(a, b):
    """One right side of shape (n,) came back as a matrix with one column. The solution has the shape of b."""
    x = right.solve(a, b)
    return x.unsqueeze(1) if x.dim() == 1 else x


@replaces("solve")
def column_returned_as_a_vector(a, b):
    """A matrix b with one column came back without it. The solution has the shape of b, also where that is (n, 1): do not squeeze."""
    return right.solve(a, b).squeeze(-1)


@replaces("solve")
def short_right_side_stretched(a, b):
    """A right side with one row was stretched over all n equations. Compare the number of rows first."""
    return right.solve(a, b.expand(len(a), *b.shape[1:]) if b.shape[0] == 1 else b)


@replaces("solve")
def unfitting_system_without_shapes(a, b):
    """The error is right, but its message does not hold the shapes. Whoever meets it needs to see what was given."""
    if a.shape[0] != a.shape[1] or b.shape[0] != a.shape[0]:
        raise ValueError("the system does not fit")
    return right.solve(a, b)


@replaces("solve")
def system_overwritten(a, b):
    """The answer is right, but a and b were overwritten on the way: elimination took place in the caller's own tensors. Work on a copy."""
    x = right.solve(a, b)
    if a.is_floating_point():
        _forward(a, b.reshape(len(b), -1))
    return x


@replaces("solve")
def rounded_to_whole_numbers(a, b):
    """Whole numbers gave a whole answer, or an error: the quotients were written into a tensor of whole numbers. Bring a and b to a floating dtype first."""
    x = right.solve(a, b)
    return x if b.is_floating_point() else x.to(b.dtype)


@replaces("solve")
def solved_in_float32(a, b):
    """The work was done in float32: float64 lost half of its digits. The result has the dtype of the inputs, and their precision."""
    return right.solve(a.float(), b.float()).to(b.dtype if b.is_floating_point() else torch.float32)


# ── inverse ──


def _square(a):
    if a.dim() != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"shape {tuple(a.shape)}")
    return a if a.is_floating_point() else a.to(torch.get_default_dtype())


@replaces("inverse")
def reciprocal_of_each_entry(a):
    """Each entry was replaced by one over it. That undoes a multiplication entry by entry, not a map: a matrix times its inverse, as matrices, is the identity."""
    right.inverse(a)
    return 1 / _square(a)


@replaces("inverse")
def transposed(a):
    """This is the transpose. It is the inverse of matrices that only turn or reorder, and of no others."""
    right.inverse(a)
    return _square(a).T


@replaces("inverse")
def inverse_transposed(a):
    """This is the inverse with rows and columns exchanged. The solution for the j-th axis is the j-th column, not the j-th row."""
    return right.inverse(a).T


@replaces("inverse")
def diagonal_inverted(a):
    """Only the diagonal was inverted. That is enough where all other entries are zero; elsewhere the entries act together."""
    right.inverse(a)
    return torch.diag(1 / _square(a).diagonal())


@replaces("inverse")
def not_divided_by_the_determinant(a):
    """The exchanged and negated entries are right (that matrix is called the adjugate), but they were not divided by the determinant: a times this is a multiple of the identity."""
    found = right.inverse(a)
    return found * torch.linalg.det(_square(a))


@replaces("inverse")
def identity_not_exchanged(a):
    """Rows of a were exchanged for its pivots, those of the identity beside it were not. The columns of the result stand in the wrong order."""

    def swap(rows, columns, k, best):
        rows[[k, best]] = rows[[best, k]]

    rows, columns = _checked(_square(a), torch.eye(len(a), dtype=_square(a).dtype))
    _forward(rows, columns, swap=swap)
    return _backward(rows, columns)


@replaces("inverse")
def inverse_without_pivots(a):
    """No rows were exchanged, so a zero or a tiny number on the diagonal becomes the pivot: the first stops the elimination, the second ruins it."""
    rows, columns = _checked(_square(a), torch.eye(len(a), dtype=_square(a).dtype))
    _forward(rows, columns, pick=lambda one, k, smallest: k, smallest=torch.tensor(0.0))
    return _backward(rows, columns)


@replaces("inverse")
def small_determinant_has_no_inverse(a):
    """The determinant was compared with a small number, so a harmless matrix in small units is refused. Singular is what has no pivot left, relative to the entries."""
    if torch.linalg.det(_square(a)).abs() < 1e-8:
        raise ValueError("singular")
    return right.inverse(a)


@replaces("inverse")
def pseudo_inverse_of_singular(a):
    """A singular matrix was answered with something like an inverse. It has none: two different vectors are taken to the same place, and nothing can tell afterwards which it was. Raise a ValueError."""
    try:
        return right.inverse(a)
    except ValueError:
        return torch.linalg.pinv(_square(a))


@replaces("inverse")
def one_sided_inverse(a):
    """A matrix that is not square was answered. It may have an inverse on one side; on the other side nothing can bring back the dimension that was lost. Only square matrices are asked for."""
    return right.inverse(a) if a.shape[0] == a.shape[1] else torch.linalg.pinv(a)


@replaces("inverse")
def not_square_without_shape(a):
    """The error is right, but its message does not hold the shape. Whoever meets it needs to see what was given."""
    if a.shape[0] != a.shape[1]:
        raise ValueError("a square matrix is needed")
    return right.inverse(a)


@replaces("inverse")
def matrix_overwritten(a):
    """The answer is right, but the matrix was overwritten on the way: elimination took place in the caller's own tensor. Work on a copy."""
    found = right.inverse(a)
    if a.is_floating_point():
        _forward(a, torch.eye(len(a), dtype=a.dtype))
    return found


@replaces("inverse")
def inverse_in_whole_numbers(a):
    """Whole numbers gave a whole inverse. Most inverses are fractions: bring the matrix to a floating dtype first."""
    found = right.inverse(a)
    return found if a.is_floating_point() else found.to(a.dtype)


@replaces("inverse")
def inverse_in_float32(a):
    """The work was done in float32: float64 lost half of its digits. The result has the dtype and the precision of the matrix."""
    return right.inverse(a.float()).to(a.dtype if a.is_floating_point() else torch.float32)
