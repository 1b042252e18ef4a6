"""What is done with lu_decompose, determinant, is_solvable and adjugate_inverse, from small to large.

Matrices are strictly diagonally dominant with their rows moved round, or products of thin ones, unless a case says more.
"""

import torch

F64 = torch.float64


def _good(rng, n, dtype=torch.float32):
    """(n, n) with condition of about 10 at most; the large entries are not on the diagonal."""
    signs = torch.where(rng.uniform(n) < 0.5, -1.0, 1.0).to(F64)
    matrix = rng.uniform(n, n, low=-1.0, high=1.0, dtype=F64) + torch.diag((n + 0.5) * signs)
    return matrix.roll(rng.integer(1, n) if n > 1 else 0, dims=0).to(dtype)


def _low(rng, m, n, r, dtype=F64, columns=True):
    """(m, n) of rank r: rows 1 to r are dominant in columns 1 to r, the others mix them; all moved round.

    With the columns left in place the first r pivots are large, and what rounding leaves of the others is small.
    """
    top = rng.uniform(r, n, low=-1.0, high=1.0, dtype=F64)
    top[torch.arange(r), torch.arange(r)] += n
    rest = rng.uniform(m - r, r, low=0.3, high=0.9, dtype=F64) @ top
    places = (rng.integer(0, m), rng.integer(0, n) if columns else 0)
    return torch.cat([rest, top]).roll(places, dims=(0, 1)).to(dtype)


def _turn(rng, n):
    """An orthogonal (n, n): products of reflections."""
    turn = torch.eye(n, dtype=F64)
    for _ in range(n):
        v = rng.normal(n, dtype=F64)
        turn = turn - 2 * torch.outer(turn @ v, v) / v.dot(v)
    return turn


def _whole(rng, n):
    return rng.integers(-2, 3, n, n) + (n + 5) * torch.eye(n, dtype=torch.int64).roll(1, dims=0)


def _parts(found):
    """The three factors as a list; whatever else came back, as it is."""
    return list(found) if isinstance(found, (tuple, list)) else found


# ── lu_decompose ──


def factors_of_two_rows(my, rng):
    small, large = rng.uniform(2, low=1.0, high=2.0), rng.uniform(2, low=3.0, high=4.0)
    return _parts(my.lu_decompose(torch.stack([small, -large])))


def factors_of_three_rows(my, rng):
    return _parts(my.lu_decompose(_good(rng, 3)))


def factors_of_one_entry(my, rng):
    return _parts(my.lu_decompose(-rng.uniform(1, 1, low=2.0, high=5.0)))


def factors_of_many_rows(my, rng):
    """And what is left below the diagonal of u, which is to be exactly nothing."""
    found = _parts(my.lu_decompose(rng.normal(9, 9, dtype=F64)))
    return [found, found[2].tril(-1)]


def factors_with_two_exchanges(my, rng):
    """Rows of a triangle, moved round: each column has its pivot elsewhere, and the exchanges form a circle."""
    a = rng.uniform(4, 4, low=0.2, high=0.9).tril(-1) * 0.5 + torch.diag(rng.uniform(4, low=2.0, high=4.0))
    return _parts(my.lu_decompose((a + rng.normal(4, 4).triu(1) * 0.1).roll(1, dims=0)))


def factors_with_a_zero_pivot(my, rng):
    a = rng.uniform(3, 3, low=1.0, high=2.0)
    a[0, 0] = 0.0
    a[2, 0] = 3.0
    return _parts(my.lu_decompose(a))


def factors_with_a_tiny_pivot(my, rng):
    """Small enough to spoil float32 without an exchange."""
    a = rng.uniform(3, 3, low=1.0, high=2.0)
    a[0, 0] = rng.uniform(low=1e-7, high=2e-7)
    a[1, 0] = -3.0
    return _parts(my.lu_decompose(a))


def factors_of_a_singular_matrix(my, rng):
    """A column that is zero from its diagonal down, so that nothing is to be eliminated there."""
    a = rng.uniform(4, 4, low=1.0, high=2.0, dtype=F64)
    a[:, 1] = 2 * a[:, 0]
    a[2, 0] = 2.0
    a[2, 1] = 4.0
    a[[0, 1, 3], 0] = torch.tensor([1.0, 0.5, 0.25], dtype=F64)
    a[[0, 1, 3], 1] = torch.tensor([2.0, 1.0, 0.5], dtype=F64)
    return [a, my.lu_decompose(a)]


def factors_of_zeros(my, rng):
    n = rng.integer(2, 6)
    return [torch.zeros(n, n), my.lu_decompose(torch.zeros(n, n))]


def factors_where_several_are_largest(my, rng):
    a = rng.integers(-1, 2, 4, 4).float()
    a[:, 0] = torch.where(a[:, 0] == 0, 1.0, a[:, 0])
    return [a, my.lu_decompose(a)]


def factors_of_tiny_entries(my, rng):
    p, lower, u = _parts(my.lu_decompose(_good(rng, 4) * 1e-12))
    return [p, lower, u * 1e12]


def factors_of_whole_numbers(my, rng):
    return _parts(my.lu_decompose(_whole(rng, 3)))


def factors_of_a_strided_matrix(my, rng):
    return _parts(my.lu_decompose(rng.normal(10, 5, dtype=F64)[::2].T))


def lu_leaves_its_input_alone(my, rng):
    a = _good(rng, 4)
    return [my.lu_decompose(a)[2], a]


def no_square_for_lu(my, rng):
    n = rng.integer(20, 40)
    return [rng.attempt(my.lu_decompose, rng.normal(n, n + 3)), rng.attempt(my.lu_decompose, rng.normal(n))]


# ── determinant ──


def area_of_two_columns(my, rng):
    return my.determinant(rng.integers(-3, 4, 2, 2).float() + torch.tensor([[0.5, 9.0], [7.0, 0.25]]))


def determinant_of_three_rows(my, rng):
    return [my.determinant(_good(rng, 3)), my.determinant(_good(rng, 3))]


def determinant_of_small_sizes(my, rng):
    return [my.determinant(_good(rng, n)) for n in (1, 2, 4, 5)]


def determinant_of_orders(my, rng):
    """Exchanges only: the determinant is the sign of the order."""
    return [my.determinant(torch.eye(6)[rng.uniform(6).argsort()] * rng.uniform(low=1.0, high=1.5)) for _ in range(4)]


def determinant_of_nothing(my, rng):
    return [my.determinant(torch.zeros(0, 0)), my.determinant(rng.uniform(1, 1, low=-4.0, high=-2.0))]


def determinant_with_a_zero_corner(my, rng):
    a = _good(rng, 4)
    a[0, 0] = 0.0
    return my.determinant(a)


def determinant_with_a_tiny_corner(my, rng):
    """Small enough to spoil float32 without an exchange."""
    a = _good(rng, 4)
    a[0, 0] = rng.uniform(low=1e-8, high=2e-8)
    return my.determinant(a)


def determinant_with_pivots_of_all_sizes(my, rng):
    """Nearly singular, and its determinant is known to the last digits all the same."""
    sizes = torch.tensor([2.0, -3e-4, 1e-9, 5e-13], dtype=F64) * rng.uniform(4, low=1.0, high=2.0, dtype=F64)
    return my.determinant(torch.diag(sizes) + rng.normal(4, 4, dtype=F64).triu(1))


def determinant_of_a_triangle(my, rng):
    a = rng.normal(5, 5, dtype=F64).triu(1) + torch.diag(rng.uniform(5, low=-3.0, high=-1.0, dtype=F64))
    return [my.determinant(a), my.determinant(a.T)]


def determinant_of_whole_numbers(my, rng):
    return my.determinant(_whole(rng, 4))


def determinant_of_twelve_rows(my, rng):
    return my.determinant(_good(rng, 12, F64) / 6)


def determinant_of_tiny_entries(my, rng):
    """Far from singular, with a determinant of about 1e-20."""
    return [my.determinant(_good(rng, 4) * 1e-6), my.determinant(_good(rng, 4, F64) * 1e40)]


def determinant_of_singular_matrices(my, rng):
    a = _low(rng, 5, 5, 3)
    return [a, my.determinant(a), my.determinant(torch.ones(3, 3) * a[0, 0])]


def determinant_leaves_its_input_alone(my, rng):
    a = _good(rng, 3, F64)
    return [my.determinant(a.T), a]


def no_square_for_a_determinant(my, rng):
    n = rng.integer(20, 40)
    return [rng.attempt(my.determinant, rng.normal(n, n + 3)), rng.attempt(my.determinant, rng.normal(2, n, n))]


# ── is_solvable ──


def solvable_square_systems(my, rng):
    a, low = _good(rng, 3, F64), _low(rng, 4, 4, 2)
    inside, b = low @ rng.normal(4, dtype=F64), rng.normal(4, dtype=F64)
    return [my.is_solvable(a, b[:3]), my.is_solvable(low, inside), my.is_solvable(low, b), b]


def solvable_with_more_equations(my, rng):
    a, b = _low(rng, 5, 2, 2), rng.normal(5, dtype=F64)
    return [my.is_solvable(a, a @ b[:2]), my.is_solvable(a, b), b]


def solvable_with_more_unknowns(my, rng):
    full, low, b = _low(rng, 3, 5, 3), _low(rng, 3, 5, 2), rng.normal(3, dtype=F64)
    return [my.is_solvable(full, b), my.is_solvable(low, b), my.is_solvable(low, low @ rng.normal(5, dtype=F64)), b]


def solvable_for_zero(my, rng):
    a = _low(rng, 4, 3, 2)
    zero = torch.zeros(4, dtype=F64)
    return [my.is_solvable(a, zero), my.is_solvable(0 * a, zero), my.is_solvable(0 * a, a[:, 0]), a]


def solvable_with_nothing(my, rng):
    m = rng.integer(1, 9)
    b = rng.uniform(m, low=1.0, high=2.0)
    none = [(torch.zeros(m, 0), b), (torch.zeros(m, 0), 0 * b), (torch.zeros(0, m), b[:0])]
    return [[my.is_solvable(*one) for one in none], b]


def solvable_in_rows_or_in_columns(my, rng):
    """b is a mixture of the rows of a square matrix, and none of its columns."""
    a = _low(rng, 4, 4, 2)
    b = rng.uniform(4, low=1.0, high=2.0, dtype=F64) @ a
    return [my.is_solvable(a, b), my.is_solvable(a.T, b), b]


def solvable_whatever_the_units(my, rng):
    """a and b in units of their own, a trillion apart."""
    a, b = _low(rng, 4, 3, 2), rng.normal(4, dtype=F64)
    inside = a @ rng.normal(3, dtype=F64)
    sizes = [(1e-9, 1e9), (1e9, 1e-9), (1e-9, 1e-9), (1e9, 1e9)]
    return [[[my.is_solvable(a * s, x * t) for x in (b, inside)] for s, t in sizes], b]


def solvable_where_the_largest_is_negative(my, rng):
    """The largest number is tiny, the largest magnitude is not."""
    a = torch.tensor([[-1.0], [-2.0], [1e-9]], dtype=F64) * rng.uniform(low=1.0, high=2.0, dtype=F64)
    b = a[:, 0] * rng.uniform(low=1.0, high=2.0, dtype=F64)
    noise = 1e-8 * rng.uniform(3, low=0.5, high=1.0, dtype=F64)
    return [my.is_solvable(a, b + noise), my.is_solvable(a, b + 1e5 * noise), b]


def solvable_up_to_noise(my, rng):
    a = _low(rng, 5, 3, 2)
    b = a @ rng.normal(3, dtype=F64)
    noisy = b + 1e-4 * b.abs().max() * rng.uniform(5, low=0.5, high=1.0, dtype=F64)
    return [[my.is_solvable(a, noisy), my.is_solvable(a, noisy, tolerance=0.05), my.is_solvable(a, b, 1e-10)], noisy]


def solvable_with_a_noisy_matrix(my, rng):
    """Singular up to 1e-4: what the noise makes solvable counts only if the tolerance is finer.

    Singular values of 3, 2, 1e-4 and 5e-5, and not just any noise: whatever pivots are taken, none is near a tolerance.
    """
    sizes, b = torch.tensor([3.0, 2.0, 1e-4, 5e-5], dtype=F64), rng.normal(4, dtype=F64)
    near = _turn(rng, 4) * sizes @ _turn(rng, 4)
    return [[my.is_solvable(near, b), my.is_solvable(near, b, tolerance=2e-3)], near]


def solvable_in_float32_and_whole_numbers(my, rng):
    a, x = rng.integers(-3, 4, 4, 2), rng.integers(1, 5, 2)
    a = torch.cat([a, a[:, :1] - a[:, 1:]], dim=1) + torch.tensor([[9, 0, 9], [0, 9, -9], [0, 0, 0], [0, 0, 0]])
    b = a[:, :2] @ x
    wrong = b + torch.tensor([0, 0, 0, 50])
    found = [my.is_solvable(a, b), my.is_solvable(a, wrong), my.is_solvable(a.float(), b.float(), tolerance=1e-4)]
    return [found, b]


def solvable_with_one_solution_or_many(my, rng):
    b = rng.normal(2)
    a = torch.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 1.0]])
    return [my.is_solvable(a, b), my.is_solvable(a[:, :2], b), my.is_solvable(a[:1], b[:1]), b]


def solvable_leaves_its_inputs_alone(my, rng):
    a, b = _low(rng, 4, 3, 2), rng.normal(4, dtype=F64)
    return [my.is_solvable(a, b), a, b]


def unfitting_right_sides(my, rng):
    n = rng.integer(20, 40)
    return [
        rng.attempt(my.is_solvable, rng.normal(n, 3), rng.normal(n + 2)),
        rng.attempt(my.is_solvable, rng.normal(n, n), rng.normal(1)),
        rng.attempt(my.is_solvable, rng.normal(n, 3), rng.normal(n, 2)),
        rng.attempt(my.is_solvable, rng.normal(n, 3), rng.normal(n, 1)),
        rng.attempt(my.is_solvable, rng.normal(n), rng.normal(n)),
    ]


# ── adjugate_inverse ──


def adjugate_of_two_rows(my, rng):
    return my.adjugate_inverse(_good(rng, 2))


def adjugate_of_three_rows(my, rng):
    return my.adjugate_inverse(_good(rng, 3))


def adjugate_of_one_entry(my, rng):
    return my.adjugate_inverse(-rng.uniform(1, 1, low=2.0, high=5.0))


def adjugate_of_more_rows(my, rng):
    return my.adjugate_inverse(_good(rng, 5, F64))


def adjugate_with_zeros(my, rng):
    """Many minors have zeros at their corners, or are singular."""
    a = torch.diag(rng.uniform(4, low=1.0, high=3.0)).roll(rng.integer(1, 4), dims=0)
    a[rng.integer(0, 4), 0] += 0.5
    return my.adjugate_inverse(a)


def adjugate_of_whole_numbers(my, rng):
    return my.adjugate_inverse(_whole(rng, 3))


def adjugate_with_a_negative_determinant(my, rng):
    a = _good(rng, 3, F64)
    return [my.adjugate_inverse(a), my.adjugate_inverse(a[[1, 0, 2]])]


def adjugate_of_tiny_and_huge_entries(my, rng):
    a = _good(rng, 3)
    return [my.adjugate_inverse(a * 1e-20) * 1e-20, my.adjugate_inverse(a * 1e20) * 1e20]


def adjugate_of_nearly_singular_matrices(my, rng):
    """One direction shrinks to a thousandth in float32, to a millionth in float64: far from the rounding of either."""
    found = []
    for dtype, small in ((torch.float32, 2e-3), (F64, 1e-6)):
        a = torch.diag(rng.uniform(3, low=1.0, high=2.0, dtype=F64)) + rng.uniform(3, 3, low=0.1, high=0.4).triu(1)
        a[2, 2] = small
        found.append(my.adjugate_inverse(a.roll(1, dims=0).to(dtype)) * small)
    return found


def adjugate_leaves_its_input_alone(my, rng):
    a = _good(rng, 3, F64)
    return [my.adjugate_inverse(a.T), a]


def adjugate_of_singular_matrices(my, rng):
    return [
        rng.attempt(my.adjugate_inverse, torch.tensor([[1.0, 2.0], [2.0, 4.0]]) * rng.integer(1, 9)),
        rng.attempt(my.adjugate_inverse, torch.zeros(1, 1)),
        rng.attempt(my.adjugate_inverse, torch.zeros(3, 3)),
        *(
            rng.attempt(my.adjugate_inverse, _low(rng, 4, 4, r, dtype, columns=False) * size)
            for r, dtype, size in (
                (2, torch.float32, 1.0),
                (3, torch.float32, 1e-10),
                (3, torch.float32, 1e8),
                (3, F64, 1.0),
                (2, F64, 1e-10),
                (3, F64, 1e8),
            )
        ),
    ]


def no_square_for_an_inverse(my, rng):
    n = rng.integer(20, 40)
    return [rng.attempt(my.adjugate_inverse, rng.normal(n, n + 3)), rng.attempt(my.adjugate_inverse, rng.normal(n))]
