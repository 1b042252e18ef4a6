"""What is done with matmul, solve and inverse, from small to large.

The matrices of systems are well-conditioned unless a case is about that: each is strictly diagonally dominant, with its
rows moved round, so that the large entries are not on the diagonal.
"""

import torch


def _short(rng, *shape):
    """Small whole numbers and halves, none of them zero: easy to follow by hand."""
    return rng.integers(-4, 5, *shape).float() + 0.5


def _dominant(rng, n, columns=None, dtype=torch.float32):
    """(n, columns): entries in -1 to 1, and n added to or subtracted from the diagonal."""
    signs = torch.where(rng.uniform(n) < 0.5, -1.0, 1.0).to(dtype)
    matrix = rng.uniform(n, columns or n, low=-1.0, high=1.0, dtype=dtype)
    matrix[torch.arange(n), torch.arange(n)] += n * signs
    return matrix


def _whole(rng):
    """(2, 2) whole numbers: those on the diagonal weigh more than those beside them, so that no draw is singular."""
    signs = torch.where(rng.uniform(2) < 0.5, -1.0, 1.0)
    return rng.integers(-2, 3, 2, 2).float() + torch.diag(5 * signs)


def _moved(rng, matrix):
    """The same rows, the first ones last: never in their own order."""
    return matrix.roll(rng.integer(1, len(matrix)), dims=0)


def _good(rng, n, dtype=torch.float32):
    return _moved(rng, _dominant(rng, n, dtype=dtype))


def _singular(rng, n, dtype=torch.float32):
    """The last row is a mixture of the others, up to rounding."""
    rows = _dominant(rng, n - 1, n, dtype=torch.float64)
    mixture = rng.uniform(1, n - 1, low=0.3, high=0.9, dtype=torch.float64) @ rows
    return _moved(rng, torch.cat([rows, mixture])).to(dtype)


def _hilbert(n):
    """1 / (i + j + 1): symmetric, positive, and nearly singular from n = 6 on."""
    i = torch.arange(n, dtype=torch.float64)
    return 1 / (i[:, None] + i + 1)


# ── matmul ──


def product_of_two_small_matrices(my, rng):
    return my.matmul(_short(rng, 2, 2), _short(rng, 2, 2))


def product_of_other_shapes(my, rng):
    return [
        my.matmul(_short(rng, 2, 3), _short(rng, 3, 4)),
        my.matmul(_short(rng, 4, 2), _short(rng, 2, 3)),
    ]


def product_with_one_row_or_column(my, rng):
    row, column = _short(rng, 1, 5), _short(rng, 5, 1)
    return [my.matmul(row, column), my.matmul(column, row), my.matmul(row, _short(rng, 5, 3))]


def product_of_word_counts(my, rng):
    counts = rng.integers(0, 6, 3, 7)
    return [my.matmul(counts, counts.T), my.matmul(counts.int(), counts.T.int())]


def product_of_large_whole_numbers(my, rng):
    """Products of about 1e12: float32 has no place for their digits, int64 has."""
    return my.matmul(rng.integers(10**5, 10**6, 2, 3), rng.integers(10**5, 10**6, 3, 4))


def product_without_inner_entries(my, rng):
    m, n = rng.integer(2, 5), rng.integer(5, 8)
    return my.matmul(rng.normal(m, 0), rng.normal(0, n))


def product_in_a_batch(my, rng):
    return [
        my.matmul(rng.normal(2, 3, 4), rng.normal(2, 4, 5)),
        my.matmul(rng.normal(2, 3, 2, 4), rng.normal(2, 3, 4, 6)),
    ]


def product_of_batches_that_broadcast(my, rng):
    a, b = rng.normal(5, 1, 2, 4), rng.normal(3, 4, 6)
    return [my.matmul(a, b), my.matmul(b.mT, a[0, 0].T), my.matmul(a[:, 0], b[0]), my.matmul(a[1, 0], b)]


def product_in_float64(my, rng):
    return my.matmul(rng.normal(4, 9, dtype=torch.float64), rng.normal(9, 5, dtype=torch.float64))


def product_in_half_precision(my, rng):
    a, b = rng.normal(3, 5), rng.normal(5, 4)
    return [my.matmul(a.to(dtype), b.to(dtype)) for dtype in (torch.bfloat16, torch.float16)]


def product_of_strided_tensors(my, rng):
    a, b = rng.normal(6, 4, 5).permute(2, 1, 0)[:, ::2], rng.normal(3, 6).T
    return my.matmul(a, b)


def product_leaves_its_inputs_alone(my, rng):
    a, b = rng.normal(3, 4), rng.normal(4, 2)
    return [my.matmul(a, b), a, b]


def product_gradients(my, rng):
    a, b = rng.normal(2, 1, 3, 4).requires_grad_(), rng.normal(3, 4, 5).requires_grad_()
    row, column = rng.normal(2, 3).requires_grad_(), rng.normal(3, 4).requires_grad_()
    return [rng.gradients(my.matmul(a, b), a=a, b=b), rng.gradients(my.matmul(row, column), a=row, b=column)]


def product_of_unfitting_shapes(my, rng):
    k = rng.integer(30, 60)
    return [
        rng.attempt(my.matmul, rng.normal(2, k), rng.normal(k + 3, 4)),
        rng.attempt(my.matmul, rng.normal(k, 5), rng.normal(k, 5)),
    ]


def product_of_one_column_and_many_rows(my, rng):
    k = rng.integer(30, 60)
    return [
        rng.attempt(my.matmul, rng.normal(2, 1), rng.normal(k, 4)),
        rng.attempt(my.matmul, rng.normal(3, 2, k), rng.normal(3, 1, 4)),
    ]


# ── solve ──


def two_equations(my, rng):
    return my.solve(_whole(rng), _short(rng, 2))


def three_equations(my, rng):
    return my.solve(_dominant(rng, 3), rng.normal(3))


def rows_out_of_order(my, rng):
    a = _good(rng, 4)
    return my.solve(a, rng.normal(4))


def zero_on_the_diagonal(my, rng):
    a = _dominant(rng, 3)
    a[~torch.eye(3, dtype=torch.bool)] *= 0.5
    a = a.flip(0)
    a[0, 0] = 0.0
    return my.solve(a, rng.normal(3))


def zero_that_comes_up_later(my, rng):
    """The second row starts as a multiple of the first, so that its next entry becomes zero."""
    a = _dominant(rng, 3)
    a[0, 1] = rng.uniform(low=0.5, high=1.0)
    a[1, :2] = 0.5 * a[0, :2]
    a[2, 1] = rng.uniform(low=2.0, high=3.0)
    a[1, 2] += 4.0
    return my.solve(a, rng.normal(3))


def several_right_sides(my, rng):
    a = _good(rng, 3)
    return [my.solve(a, rng.normal(3, 5)), my.solve(a, rng.normal(3, 1)), my.solve(a, rng.normal(3, 3).flip(0))]


def one_equation(my, rng):
    a = -rng.uniform(1, 1, low=2.0, high=5.0)
    return [my.solve(a, rng.normal(1)), my.solve(a, rng.normal(1, 3))]


def whole_numbers(my, rng):
    a = rng.integers(-2, 3, 3, 3) + torch.tensor([[0, 0, 9], [8, 0, 0], [0, 9, 0]])
    return my.solve(a, rng.integers(-9, 10, 3))


def tiny_first_pivot(my, rng):
    """Small enough to spoil float32, and too large for the matrix to count as singular."""
    a = _dominant(rng, 4)
    a[[0, 1]] = a[[1, 0]]
    a[0, 0] = rng.uniform(low=4e-6, high=8e-6)
    return my.solve(a, rng.normal(4))


def tiny_pivot_above_a_large_negative_one(my, rng):
    """The largest magnitude of the first column is negative; its largest number is tiny."""
    a = _dominant(rng, 3).abs()
    a[:, 0] = -torch.tensor([0.0, 1.0, 0.4]) * a[:, 0].max()
    a[0, 0] = rng.uniform(low=4e-6, high=8e-6)
    a[0, 1:], a[1, 1:] = rng.uniform(2, low=1.0, high=2.0), rng.uniform(2, low=0.1, high=0.3)
    return my.solve(a, rng.normal(3))


def tiny_pivot_that_comes_up_later(my, rng):
    a = _dominant(rng, 3)
    a[0, 0], a[0, 1] = 4.0, rng.uniform(low=0.5, high=1.0)
    a[1, :2] = 0.5 * a[0, :2] * torch.tensor([1.0, 1.00001])
    a[1, 2], a[2, 0] = rng.uniform(low=3.0, high=4.0), rng.uniform(low=0.5, high=1.0)
    a[2, 1], a[2, 2] = rng.uniform(low=2.0, high=3.0), rng.uniform(low=0.5, high=1.0)
    return my.solve(a, rng.normal(3))


def many_equations(my, rng):
    return my.solve(_good(rng, 17, dtype=torch.float64), rng.normal(17, dtype=torch.float64))


def strided_system(my, rng):
    a = _good(rng, 5, dtype=torch.float64)
    return my.solve(a.T, rng.normal(3, 10, dtype=torch.float64).T[::2])


def small_and_large_entries(my, rng):
    a, b = _good(rng, 4), rng.normal(4)
    return [my.solve(a * 1e-20, b * 1e-20), my.solve(a * 1e20, b * 1e20)]


def small_determinant(my, rng):
    a = _good(rng, 12) * 0.01
    return my.solve(a, rng.normal(12))


def solving_leaves_its_inputs_alone(my, rng):
    a, b, several = _good(rng, 4), rng.normal(4), rng.normal(4, 2)
    return [my.solve(a, b), my.solve(a, several), a, b, several]


def nearly_singular_system(my, rng):
    """The right side belongs to a solution of ordinary size; a, b and what came back go to the judge."""
    a = _hilbert(8) * rng.uniform(low=0.5, high=2.0, dtype=torch.float64)
    b = a @ rng.normal(8, dtype=torch.float64)
    return [a, b, my.solve(a, b)]


def singular_system(my, rng):
    return [
        rng.attempt(my.solve, torch.zeros(2, 2), rng.normal(2)),
        rng.attempt(my.solve, torch.tensor([[1.0, 2.0], [2.0, 4.0]]) * rng.integer(1, 9), rng.normal(2)),
        rng.attempt(my.solve, torch.diag(torch.tensor([1.0, 0.0, 2.0])), rng.normal(3)),
        rng.attempt(my.solve, torch.zeros(1, 1), rng.normal(1)),
        rng.attempt(my.solve, torch.tensor([[-1.0, -2.0], [-2.0, -4.0]]), rng.normal(2)),
    ]


def singular_up_to_rounding(my, rng):
    return [
        rng.attempt(my.solve, _singular(rng, n, dtype) * size, rng.normal(n, dtype=dtype))
        for dtype in (torch.float32, torch.float64)
        for n in (4, 5)
        for size in (1.0, 1e-15, 1e15)
    ]


def system_of_unfitting_shapes(my, rng):
    n = rng.integer(20, 30)
    return [
        rng.attempt(my.solve, rng.normal(n, n + 2), rng.normal(n)),
        rng.attempt(my.solve, _good(rng, n), rng.normal(n + 3)),
        rng.attempt(my.solve, _good(rng, n), rng.normal(n - 2, 4)),
    ]


def one_number_for_many_equations(my, rng):
    n = rng.integer(20, 30)
    return [rng.attempt(my.solve, _good(rng, n), rng.normal(1)), rng.attempt(my.solve, _good(rng, n), rng.normal(1, n))]


# ── inverse ──


def inverse_of_a_small_matrix(my, rng):
    return my.inverse(_whole(rng))


def inverse_of_three_by_three(my, rng):
    return my.inverse(_dominant(rng, 3))


def inverse_of_one_entry(my, rng):
    return my.inverse(-rng.uniform(1, 1, low=2.0, high=5.0))


def inverse_of_an_exchange(my, rng):
    return [my.inverse(torch.eye(7)[rng.uniform(7).argsort()]) for _ in range(2)]


def inverse_of_rows_out_of_order(my, rng):
    return my.inverse(_good(rng, 4))


def inverse_of_whole_numbers(my, rng):
    return my.inverse(rng.integers(-2, 3, 3, 3) + torch.tensor([[0, 0, 9], [8, 0, 0], [0, 9, 0]]))


def inverse_with_a_tiny_pivot(my, rng):
    a = _dominant(rng, 4)
    a[[0, 1]] = a[[1, 0]]
    a[0, 0] = rng.uniform(low=4e-6, high=8e-6)
    return my.inverse(a)


def inverse_in_float64(my, rng):
    return my.inverse(_good(rng, 9, dtype=torch.float64).T)


def inverse_of_small_and_large_entries(my, rng):
    a = _good(rng, 4)
    return [my.inverse(a * 1e-20) * 1e-20, my.inverse(a * 1e20) * 1e20]


def inverse_leaves_its_input_alone(my, rng):
    a = _good(rng, 4)
    return [my.inverse(a), a]


def inverse_of_singular_matrices(my, rng):
    return [
        rng.attempt(my.inverse, torch.tensor([[1.0, 2.0], [2.0, 4.0]]) * rng.integer(1, 9)),
        rng.attempt(my.inverse, torch.zeros(3, 3)),
        *(
            rng.attempt(my.inverse, _singular(rng, n, dtype))
            for dtype in (torch.float32, torch.float64)
            for n in (4, 5)
        ),
    ]


def inverse_of_what_is_not_square(my, rng):
    n = rng.integer(20, 30)
    return [rng.attempt(my.inverse, rng.normal(n, n + 2)), rng.attempt(my.inverse, rng.normal(n + 4, n))]
