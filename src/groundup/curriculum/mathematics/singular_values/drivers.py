"""What is done with low_rank and pseudo_inverse, from small to large.

Matrices are made from the singular values that they are to have.
"""

import torch

F64 = torch.float64


def _turn(rng, n):
    """An orthogonal (n, n): products of reflections."""
    q = torch.eye(n, dtype=F64)
    for _ in range(min(n, 4)):
        v = rng.normal(n, dtype=F64)
        v = v / v.norm()
        q = q - 2 * torch.outer(q @ v, v)
    return q


def _of(rng, m, n, values, dtype=F64):
    """(m, n) with these singular values and no others."""
    values = torch.as_tensor(values, dtype=F64)
    r = len(values)
    return ((_turn(rng, m)[:, :r] * values) @ _turn(rng, n)[:r]).to(dtype)


def _falling(rng, m, n, dtype=F64):
    """Singular values that fall to a half or two thirds each."""
    values = 6 * rng.uniform(min(m, n), low=0.5, high=0.67, dtype=F64).cumprod(0)
    return _of(rng, m, n, values, dtype)


def _strided(a):
    """The same matrix as every other row of a larger one."""
    return torch.repeat_interleave(a, 2, dim=0)[::2]


# ── low_rank ──


def one_of_two(my, rng):
    return my.low_rank(_falling(rng, 2, 2, torch.float32), 1)


def some_of_a_tall_matrix(my, rng):
    return my.low_rank(_falling(rng, 6, 3), 2)


def some_of_a_wide_matrix(my, rng):
    return my.low_rank(_falling(rng, 3, 6), 2)


def every_rank(my, rng):
    a = _falling(rng, 5, 4)
    return [my.low_rank(a, k) for k in (1, 2, 3, 4)]


def rank_nothing(my, rng):
    m, n = rng.integer(2, 6), rng.integer(2, 6)
    return [my.low_rank(rng.normal(m, n), 0), my.low_rank(rng.normal(n, m, dtype=F64), 0), rng.normal(1)]


def more_than_there_is(my, rng):
    a = _falling(rng, 3, 5)
    return [my.low_rank(a, 3), my.low_rank(a, 4), my.low_rank(a.T, 9)]


def of_low_rank_already(my, rng):
    return [my.low_rank(_of(rng, 6, 5, [3.0, 1.0 + rng.uniform()]), k) for k in (2, 3, 5)]


def signs_do_not_order(my, rng):
    """Diagonal and symmetric matrices whose strongest stretch is negative."""
    big, small = rng.uniform(low=4.0, high=6.0), rng.uniform(low=1.0, high=2.0)
    turn = _turn(rng, 3)
    symmetric = (turn.T * torch.tensor([small, -big, 0.3], dtype=F64)) @ turn
    return [my.low_rank(torch.diag(torch.tensor([small, -big, 3.0])), k) for k in (1, 2)] + [my.low_rank(symmetric, 1)]


def not_centered(my, rng):
    """All rows have much in common: that is part of the matrix and not taken off."""
    return my.low_rank(_falling(rng, 5, 3) * 0.1 + rng.uniform(1, 3, low=2.0, high=3.0, dtype=F64), 1)


def rank_of_rows_and_columns(my, rng):
    return [my.low_rank(rng.normal(1, 4), 1), my.low_rank(rng.normal(4, 1), 1), my.low_rank(rng.normal(1, 1), 1)]


def rank_at_any_size(my, rng):
    a = _falling(rng, 4, 3, torch.float32)
    return [my.low_rank(a * size, 2) / size for size in (1e12, 1e-12)]


def rank_in_float32(my, rng):
    return my.low_rank(_falling(rng, 7, 5, torch.float32), 3)


def rank_of_whole_numbers(my, rng):
    a = rng.integers(-2, 3, 3, 4) + torch.tensor([[20, 0, 0, 0], [0, 9, 0, 0], [0, 0, 0, 0]])
    return my.low_rank(a, 2) if rng.integer(0, 2) else my.low_rank(a.T, 1)


def rank_without_entries(my, rng):
    n = rng.integer(1, 6)
    return [my.low_rank(torch.zeros(shape), 2) for shape in ((0, n), (n, 0), (0, 0), (n, n))]


def low_rank_leaves_its_argument_alone(my, rng):
    a = _strided(_falling(rng, 4, 5)).T
    return [my.low_rank(a, 2), a]


def low_rank_refuses(my, rng):
    n = rng.integer(20, 60)
    return [rng.attempt(my.low_rank, a, 1) for a in (rng.normal(n), rng.normal(2, 3, n))]


def negative_rank(my, rng):
    return [rng.attempt(my.low_rank, rng.normal(3, 4), k) for k in (-1, -3)]


# ── pseudo_inverse ──


def inverse_of_two_rows(my, rng):
    return my.pseudo_inverse(_of(rng, 2, 2, [3.0, 1.0 + rng.uniform()], torch.float32))


def undone_from_the_left(my, rng):
    return my.pseudo_inverse(_of(rng, 5, 3, [3.0, 2.0, 1.0 + rng.uniform()]))


def undone_from_the_right(my, rng):
    return my.pseudo_inverse(_of(rng, 2, 5, [3.0, 1.0 + rng.uniform()]))


def of_low_rank(my, rng):
    shapes = ((4, 4, 2), (5, 3, 1), (3, 6, 2))
    return [my.pseudo_inverse(_of(rng, m, n, 1 + 2 * rng.uniform(r, dtype=F64))) for m, n, r in shapes]


def nearest_and_shortest(my, rng):
    a, b = _of(rng, 6, 4, [3.0, 1.0 + rng.uniform()]), rng.normal(6, dtype=F64)
    x = my.pseudo_inverse(a) @ b
    return [x, a @ x]


def of_zeros_and_nothing(my, rng):
    m, n = rng.integer(1, 6), rng.integer(1, 6)
    return [my.pseudo_inverse(torch.zeros(shape)) for shape in ((m, n), (0, n), (m, 0), (0, 0))] + [rng.normal(1)]


def of_vectors_and_numbers(my, rng):
    number = -rng.uniform(1, 1, low=1.0, high=5.0)
    return [my.pseudo_inverse(a) for a in (rng.normal(1, 4), rng.normal(4, 1), number, torch.zeros(1, 1))]


def one_direction_is_noise(my, rng):
    """Values of ordinary size and one of 1e-8 or less: what is lost stays lost."""
    return [
        my.pseudo_inverse(_of(rng, 5, 4, [3.0, 2.0, 1.0, 10.0 ** -rng.integer(8, 11)])),
        my.pseudo_inverse(_of(rng, 3, 3, [2.0, 1e-9])),
    ]


def tolerance_decides(my, rng):
    a = _of(rng, 5, 4, [2.0 + rng.uniform(), 0.3, 1e-2, 1e-4])
    return [my.pseudo_inverse(a, tolerance=t) for t in (0.3, 3e-2, 1e-3)] + [my.pseudo_inverse(a, 1e-7)]


def largest_stretch_is_the_measure(my, rng):
    """Where the largest is one of many, and where no entry is nearly as large as it."""
    many = _of(rng, 14, 14, [2.0 + rng.uniform()] * 13 + [0.5])
    up, across = (1 - 2 * rng.mask(n, p=0.5).to(F64) for n in (12, 10))
    one, other = rng.normal(12, dtype=F64), rng.normal(10, dtype=F64)
    one, other = one - up * (one @ up) / 12, other - across * (other @ across) / 10
    flat = torch.outer(up, across) / 120**0.5 + 0.035 * torch.outer(one / one.norm(), other / other.norm())
    return [my.pseudo_inverse(many, tolerance=0.1), my.pseudo_inverse(flat, tolerance=0.1)]


def tolerance_is_a_share(my, rng):
    """All values far below 1, or far above: only their ratios count."""
    a = _of(rng, 4, 3, [3.0, 2.0, 1.0 + rng.uniform()])
    return [my.pseudo_inverse(a * size) * size for size in (1e-9, 1e9)]


def large_beside_small(my, rng):
    """The smallest is a thousandth of the largest and well above 1."""
    a = _of(rng, 3, 4, [9000.0, 700.0, 10.0 + rng.uniform()])
    return [my.pseudo_inverse(a), my.pseudo_inverse(a, tolerance=0.01)]


def inverse_in_float32(my, rng):
    return my.pseudo_inverse(_of(rng, 4, 6, [3.0, 2.0, 1.0 + rng.uniform()], torch.float32), tolerance=1e-2)


def inverse_of_whole_numbers(my, rng):
    a = rng.integers(-2, 3, 3, 2) + torch.tensor([[9, 0], [0, 5], [0, 0]])
    return [my.pseudo_inverse(a), my.pseudo_inverse(a.T)]


def pseudo_inverse_leaves_its_argument_alone(my, rng):
    a = _strided(_of(rng, 4, 5, [3.0, 2.0, 1.0])).T
    return [my.pseudo_inverse(a), a]


def pseudo_inverse_refuses(my, rng):
    n = rng.integer(20, 60)
    return [rng.attempt(my.pseudo_inverse, a) for a in (rng.normal(n), rng.normal(2, 3, n), rng.normal(1)[0] * n)]
