"""What is done with gram_schmidt, rank and null_space, from small to large.

Matrices of low rank are products of thin ones whose singular values lie between 1 and 3, so that no pivot is near an edge.
"""

import torch

F64 = torch.float64


def _short(rng, *shape):
    return rng.integers(-4, 5, *shape).float() + 0.5


def _turn(rng, n):
    """An orthogonal (n, n): products of reflections."""
    q = torch.eye(n, dtype=F64)
    for _ in range(n):
        v = rng.normal(n, dtype=F64)
        v = v / v.norm()
        q = q - 2 * torch.outer(q @ v, v)
    return q


def _of(rng, m, n, values, dtype=F64):
    """(m, n) with these singular values and no others."""
    values = torch.as_tensor(values, dtype=F64)
    r = len(values)
    return ((_turn(rng, m)[:, :r] * values) @ _turn(rng, n)[:r]).to(dtype)


def _low(rng, m, n, r, dtype=F64):
    return _of(rng, m, n, rng.uniform(r, low=1.0, high=3.0, dtype=F64), dtype)


# ── gram_schmidt ──


def two_vectors(my, rng):
    return my.gram_schmidt(torch.tensor([[1.0, 0.5], [-0.5, 2.0]]) * rng.uniform(2, 1, low=1.0, high=4.0) + 0.25)


def three_vectors(my, rng):
    return my.gram_schmidt(_low(rng, 3, 4, 3, torch.float32))


def one_vector(my, rng):
    return [
        my.gram_schmidt(-rng.uniform(1, 3, low=1.0, high=4.0)),
        my.gram_schmidt(-rng.uniform(1, 1, low=2.0, high=5.0)),
    ]


def a_vector_twice(my, rng):
    a = _low(rng, 3, 4, 3)
    return my.gram_schmidt(torch.stack([a[0], -2.5 * a[0], a[1], a[2]]))


def mixtures_and_zeros(my, rng):
    a = _low(rng, 3, 6, 3)
    one, two = rng.uniform(2, low=0.5, high=2.0, dtype=F64)
    return my.gram_schmidt(torch.stack([0 * a[0], a[0], a[1], one * a[0] - two * a[1], 0 * a[0], a[2]]))


def more_vectors_than_entries(my, rng):
    return my.gram_schmidt(torch.cat([_low(rng, 3, 3, 3), rng.normal(4, 3, dtype=F64)]))


def late_vectors_that_count(my, rng):
    """The first vectors are all on one line; the new directions come after as many vectors as there are entries."""
    a = _low(rng, 3, 3, 3)
    return my.gram_schmidt(torch.stack([a[0], 2 * a[0], -a[0], 0.5 * a[0], a[1], a[0] + a[1], a[2]]))


def mixtures_up_to_rounding(my, rng):
    """In float32, and in float64 with noise far beyond its own rounding."""
    a = _low(rng, 3, 5, 3)
    one, two = rng.uniform(2, low=0.5, high=2.0, dtype=F64)
    mixed = torch.stack([a[0], a[1], one * a[0] - two * a[1], one * a[1] + a[0] / 3, a[2]])
    noise = 1e-8 * torch.tensor([[0.0], [0.0], [1.0], [1.0], [0.0]], dtype=F64) * rng.normal(5, 5, dtype=F64)
    return [my.gram_schmidt(mixed.float()), my.gram_schmidt(mixed + noise)]


def zeros_only(my, rng):
    n = rng.integer(2, 9)
    return [my.gram_schmidt(torch.zeros(3, n)), my.gram_schmidt(torch.zeros(0, n)), my.gram_schmidt(rng.normal(1, n))]


def long_and_short_vectors(my, rng):
    a = _low(rng, 3, 5, 3, torch.float32)
    return [my.gram_schmidt(a * 1e-15), my.gram_schmidt(a * torch.tensor([[1e15], [1.0], [1e-15]]))]


def vectors_of_whole_numbers(my, rng):
    return my.gram_schmidt(rng.integers(-1, 2, 3, 4) + 5 * torch.eye(3, 4, dtype=torch.int64))


def vectors_in_float64(my, rng):
    return my.gram_schmidt(_low(rng, 5, 9, 5))


def strided_vectors(my, rng):
    return my.gram_schmidt(_low(rng, 6, 4, 4).T[:, ::2].T[:2])


def nearly_dependent_vectors(my, rng):
    """Long along a common direction, and different by a thousandth of that."""
    found = []
    for dtype in (torch.float32, F64):
        near = rng.normal(1, 6, dtype=F64) + 2e-3 * _turn(rng, 6)[:4]
        near = my.gram_schmidt(near.to(dtype))
        found.append(near @ near.T)
    return found


def nearly_dependent_vectors_span_the_same(my, rng):
    return my.gram_schmidt(rng.normal(1, 6, dtype=F64) + 2e-3 * _turn(rng, 6)[:4])


def gram_schmidt_leaves_its_input_alone(my, rng):
    a = _low(rng, 3, 5, 3, torch.float32)
    return [my.gram_schmidt(a), a]


def no_matrix_for_gram_schmidt(my, rng):
    n = rng.integer(20, 60)
    return [rng.attempt(my.gram_schmidt, rng.normal(n)), rng.attempt(my.gram_schmidt, rng.normal(2, 3, n))]


# ── rank ──


def rank_of_small_matrices(my, rng):
    u, v = _short(rng, 2), _short(rng, 3)
    low = torch.outer(u, v)
    return [my.rank(low), my.rank(low + rng.integer(0, 2) * torch.eye(2, 3) * 9), my.rank(torch.eye(2) * u)]


def rank_of_tall_and_wide(my, rng):
    shapes = [(6, 3), (3, 6), (5, 5), (1, 4), (4, 1)]
    return [my.rank(_low(rng, m, n, rng.integer(1, min(m, n) + 1))) for m, n in shapes]


def rank_below_both_sizes(my, rng):
    return [my.rank(_low(rng, 6, 5, r)) for r in (rng.integer(1, 4), rng.integer(2, 5), 4)]


def rank_of_zeros_and_nothing(my, rng):
    m, n = rng.integer(1, 9), rng.integer(1, 9)
    empty = [torch.zeros(m, n), torch.zeros(0, n), torch.zeros(m, 0), rng.normal(m, 1) * torch.ones(n)]
    return [[my.rank(a) for a in empty], empty]


def rank_of_one_entry(my, rng):
    ones = [-rng.uniform(1, 1, low=1.0, high=5.0), torch.zeros(1, 1), rng.uniform(1, 1, low=1.0) * 1e-12]
    return [[my.rank(a) for a in ones], ones]


def rank_with_leading_zeros(my, rng):
    """The first column, and the first entry of the next, are empty: pivots lie elsewhere."""
    a = torch.zeros(4, 5)
    a[1:, 1:] = rng.integers(1, 4, 3, 4).float() * torch.tensor([[0, 1, 1, 0], [0, 1, 0, 0], [1, 0, 1, 1]])
    return [my.rank(a), my.rank(a.flip(0)), my.rank(a.T), my.rank(a[:2]), a]


def rank_at_any_size(my, rng):
    a = _low(rng, 4, 6, rng.integer(1, 4))
    return [my.rank(a * 1e-12), my.rank(a * 1e12), a]


def rank_of_whole_numbers(my, rng):
    r = rng.integer(1, 4)
    return my.rank(rng.integers(1, 5, 5, r) @ rng.integers(-3, 0, r, 6))


def rank_in_float32(my, rng):
    matrices = [_low(rng, 4, 6, r, torch.float32) for r in (rng.integer(1, 4), 4, 2)]
    return [[my.rank(a, tolerance=1e-4) for a in matrices], matrices]


def rank_under_noise(my, rng):
    """Three values of ordinary size and the rest of 1e-8: noise, or not, as the tolerance says."""
    a = _of(rng, 5, 7, [3.0, 2.0, 1.0, 1e-8, 1e-8][: rng.integer(4, 6)])
    return [my.rank(a), my.rank(a, tolerance=1e-4), my.rank(a, 1e-10), a]


def rank_with_values_of_all_sizes(my, rng):
    """A pivot, or what is left of a row, may be several times its singular value: each tolerance lies far from both sides."""
    sizes = [3.0, 2.0, 1e-2, 5e-3, 2e-5, 1e-5, 1e-8]
    a, full = _of(rng, 7, 8, sizes[: rng.integer(5, 7)]), _of(rng, 7, 8, sizes)
    return [[my.rank(a, tolerance=t) for t in (0.05, 1e-4, 1e-10)], my.rank(full, tolerance=1e-10), a]


def rank_with_a_tiny_row(my, rng):
    """A row of its own direction, too short to count, and not too short under a finer tolerance."""
    a = _low(rng, 4, 5, 4)
    a[rng.integer(0, 4)] *= 1e-8
    return [my.rank(a), my.rank(a, tolerance=1e-10), a]


def rank_with_a_misleading_first_row(my, rng):
    """A short first row, nearly along the second: as an axis it would make a direction of the hair between them."""
    u, w, v = _low(rng, 3, 5, 3)
    a = torch.stack([1e-4 * (u + 1e-4 * w), u, v, v - 2 * u])
    return [my.rank(a), my.rank(a.T), my.rank(a, tolerance=1e-10), a]


def rank_of_rows_that_differ_a_little(my, rng):
    """No row is a multiple of another, and still all lie within a hair of one plane."""
    a, noise = _low(rng, 5, 6, 2), rng.normal(5, 6, dtype=F64)
    apart = _of(rng, 5, 6, [3.0, 2.0, 3e-3, 2e-3, 1e-3])
    return [my.rank(a), my.rank(a + 1e-9 * noise), my.rank(apart), a]


def rank_leaves_its_input_alone(my, rng):
    a = _low(rng, 4, 5, rng.integer(1, 4))
    return [my.rank(a.T), a]


def no_matrix_for_rank(my, rng):
    n = rng.integer(20, 60)
    return [rng.attempt(my.rank, rng.normal(n)), rng.attempt(my.rank, rng.normal(2, 3, n))]


# ── null_space ──


def null_space_of_one_row(my, rng):
    return my.null_space(_short(rng, 1, 2))


def null_space_of_a_small_matrix(my, rng):
    u, v = _short(rng, 2), _short(rng, 3)
    return my.null_space(torch.outer(u, v))


def null_space_is_orthonormal(my, rng):
    found = [my.null_space(_low(rng, m, n, r)) for m, n, r in ((1, 4, 1), (3, 6, 2), (5, 5, 3), (6, 4, 1))]
    return [one @ one.T for one in found]


def null_space_of_a_wide_matrix(my, rng):
    return my.null_space(_low(rng, 3, 7, 3))


def null_space_of_a_wide_matrix_of_low_rank(my, rng):
    return my.null_space(_low(rng, 4, 6, 2))


def null_space_of_a_tall_matrix(my, rng):
    return [my.null_space(_low(rng, 7, 4, r)) for r in (1, rng.integer(2, 4))]


def null_space_where_late_rows_count(my, rng):
    """As many rows as columns say the same; the others come after them."""
    a = _low(rng, 2, 4, 2)
    factors = torch.tensor([1.0, 2.0, -1.0, 0.5, 0.0], dtype=F64)
    return my.null_space(torch.cat([torch.outer(factors, a[0]), a[1:], a[1:] - a[:1]]))


def null_space_with_a_tiny_row(my, rng):
    """A row of its own direction, too short to count beside the others, comes first or last."""
    a = _low(rng, 4, 6, 4)
    a[0] *= 1e-8
    return [my.null_space(a), my.null_space(a.flip(0)), my.null_space(a[1:])]


def null_space_of_full_rank(my, rng):
    m, n = rng.integer(5, 9), rng.integer(2, 5)
    return [
        my.null_space(_low(rng, m, n, n)),
        my.null_space(_low(rng, n, n, n)),
        my.null_space(rng.uniform(1, 1, low=1.0, high=5.0)),
    ]


def null_space_of_zeros_and_nothing(my, rng):
    n = rng.integer(2, 6)
    return [my.null_space(torch.zeros(3, n)), my.null_space(torch.zeros(0, n)), my.null_space(torch.zeros(1, 1))]


def null_space_without_columns(my, rng):
    return [my.null_space(torch.zeros(rng.integer(1, 5), 0)), my.null_space(_short(rng, 1, 3))]


def null_space_with_leading_zeros(my, rng):
    a = torch.zeros(3, 5)
    a[0, 2:] = a[1, 2:] = rng.uniform(3, low=1.0, high=2.0)
    a[1, 3] += 3.0
    return my.null_space(a)


def null_space_of_whole_numbers(my, rng):
    return my.null_space(rng.integers(-1, 2, 2, 5) + torch.tensor([[9, 0, 0, 0, 0], [0, 0, 9, 0, 0]]))


def null_space_at_any_size(my, rng):
    a = _low(rng, 4, 6, 3)
    return [my.null_space(a * 1e-12), my.null_space(a * 1e12)]


def null_space_in_float32(my, rng):
    return my.null_space(_low(rng, 4, 6, 3, torch.float32), tolerance=1e-4)


def null_space_under_noise(my, rng):
    """One direction of 1e-8 counts as lost: where a takes the basis, to five digits, and the basis with itself."""
    a = _of(rng, 5, 6, [3.0, 2.0, 1.0, 1e-8])
    bases = [my.null_space(a), my.null_space(a, tolerance=1e-4)]
    return [[torch.round(a @ one.T, decimals=5), one @ one.T] for one in bases] + [a]


def null_space_with_a_fine_tolerance(my, rng):
    """What is left at 1e-8 counts: only its number is asked, since its direction is known to few digits."""
    values = [3.0, 2.0, 1.0, 1e-7, 1e-7]
    a, b = _of(rng, 5, 6, values[: rng.integer(4, 6)]), _of(rng, 4, 7, values[:3])
    return [[list(my.null_space(a, t).shape) for t in (1e-10, 1e-4)], list(my.null_space(b, 1e-10).shape), a]


def null_space_leaves_its_input_alone(my, rng):
    a = _low(rng, 4, 5, 3)
    return [my.null_space(a).shape[0], a]


def no_matrix_for_null_space(my, rng):
    n = rng.integer(20, 60)
    return [rng.attempt(my.null_space, rng.normal(n)), rng.attempt(my.null_space, rng.normal(2, 3, n))]
