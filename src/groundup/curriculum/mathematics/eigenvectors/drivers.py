"""What is done with power_iteration, qr_eigenvalues and pca, from small to large.

Matrices are made from the eigenvalues that they are to have, which lie well apart; points from the variances that they are to have.
"""

import torch

F64 = torch.float64


def _turn(rng, n):
    """An orthogonal (n, n)."""
    q = torch.eye(n, dtype=F64)
    for _ in range(min(n, 4)):
        v = rng.normal(n, dtype=F64)
        v = v / v.norm()
        q = q - 2 * torch.outer(q @ v, v)
    return q


def _with(rng, values, dtype=F64):
    """A symmetric matrix with these eigenvalues, and its eigenvectors as rows in the same order."""
    values = torch.as_tensor(values, dtype=F64)
    turn = _turn(rng, len(values))
    a = (turn.T * values) @ turn
    return ((a + a.T) / 2).to(dtype), turn


def _apart(rng, n, dtype=F64):
    """Eigenvalues that shrink by a third to a half each, with signs by chance."""
    shrink = rng.uniform(n, low=0.3, high=0.5, dtype=F64).cumprod(0)
    sign = 1 - 2 * rng.mask(n, p=0.5).to(F64)
    return _with(rng, 8 * shrink * sign, dtype)[0]


def _sorted_apart(rng, n):
    """A matrix as above, and how many steps leave nothing but rounding."""
    return _apart(rng, n), 30


def _skewed(rng, n, first):
    """A matrix that is not symmetric, with real eigenvalues: the first, and smaller ones."""
    basis = torch.eye(n, dtype=F64) + rng.uniform(n, n, low=-0.9, high=0.9, dtype=F64).triu(1)
    basis = basis[torch.randperm(n, generator=rng.generator())]
    values = torch.cat([torch.tensor([first], dtype=F64), rng.uniform(n - 1, low=-0.8, high=0.8, dtype=F64)])
    return (basis * values) @ torch.linalg.inv(basis)


def _points(rng, m, n, variances, shift=0.0, dtype=F64):
    """m points whose covariance has exactly these eigenvalues (and zeros), m more than their number."""
    r = len(variances)
    drawn = torch.cat([torch.ones(m, 1, dtype=F64), rng.normal(m, r, dtype=F64)], dim=1)
    even = torch.linalg.qr(drawn).Q[:, 1:]  # orthonormal columns with the mean 0
    spread = (torch.as_tensor(variances, dtype=F64) * (m - 1)).sqrt()
    middle = shift + rng.normal(n, dtype=F64)
    return ((even * spread) @ _turn(rng, n)[:r] + middle).to(dtype)


# ── power_iteration ──


def strongest_of_two(my, rng):
    a, _ = _with(rng, [rng.integer(4, 9), rng.integer(1, 3)], torch.float32)
    return my.power_iteration(a, 60, rng.generator())[0]


def strongest_direction_of_two(my, rng):
    a, _ = _with(rng, [rng.integer(4, 9), rng.integer(1, 3)], torch.float32)
    return my.power_iteration(a, 60, rng.generator())[1]


def strongest_of_five(my, rng):
    a, _ = _with(rng, [rng.uniform(low=4.0, high=9.0), 1.0, -0.8, 0.5, 0.0])
    return my.power_iteration(a, 60, rng.generator())[0]


def strongest_direction_of_five(my, rng):
    a, _ = _with(rng, [rng.uniform(low=4.0, high=9.0), 1.0, -0.8, 0.5, 0.0])
    return my.power_iteration(a, 60, rng.generator())[1]


def negative_and_strongest(my, rng):
    a, _ = _with(rng, [-rng.uniform(low=4.0, high=9.0), 2.0, 1.0])
    return my.power_iteration(a, 61, rng.generator())[0]


def not_symmetric(my, rng):
    return my.power_iteration(_skewed(rng, 4, rng.uniform(low=2.0, high=4.0)), 80, rng.generator())[0]


def direction_of_not_symmetric(my, rng):
    return my.power_iteration(_skewed(rng, 4, -rng.uniform(low=2.0, high=4.0)), 81, rng.generator())[1]


def no_direction_is_missed(my, rng):
    """The strongest direction stands at a right angle to (1, 1, 1) or to the axes but one."""
    big, small = rng.uniform(2, low=1.0, high=3.0, dtype=F64).tolist()
    turned = torch.tensor([[big, -big, 0.0], [-big, big, 0.0], [0.0, 0.0, small / 4]], dtype=F64)
    found = [turned, turned.flip(0, 1), torch.diag(torch.tensor([0.1, big, 0.2], dtype=F64))]
    found += [torch.diag(torch.tensor(one, dtype=F64)) for one in ((big, 0.1, 0.2), (0.2, 0.1, -big))]
    found += [torch.diag(torch.tensor([-big, 0.0], dtype=F64)), torch.diag(torch.tensor([0.0, -small], dtype=F64))]
    return [my.power_iteration(a, 40, rng.generator())[0] for a in found]


def begins_in_any_direction(my, rng):
    """The directions of 45 beginnings, as which kinds of them came up."""
    a, generator = torch.diag(torch.tensor([1.0, 1e-3])), rng.generator()
    a[0, 0] += rng.uniform()
    begun = torch.stack([my.power_iteration(a, 0, generator)[1] for _ in range(45)])
    flat, same = begun[:, 0].abs() > begun[:, 1].abs(), begun.prod(dim=1) > 0
    return [[bool(kind.any()) for kind in (flat, ~flat, same, ~same)], a]


def one_step_more(my, rng):
    """The same beginning with one step more: whether it agrees with a times what was there, and the lengths."""
    a, steps = _skewed(rng, 3, 2.0) + 0.5, rng.integer(1, 4)
    state = rng.generator().get_state()
    found = []
    for count in (0, 1, steps, steps + 1):
        generator = torch.Generator()
        generator.set_state(state)
        found.append(my.power_iteration(a, count, generator)[1])
    pairs = ((found[0], found[1]), (found[2], found[3]))
    agree = [bool(((a @ one) @ two / (a @ one).norm()).abs() > 1 - 1e-9) for one, two in pairs]
    return [*agree, *(one.norm() for one in found), a]


def before_it_has_settled(my, rng):
    found = []
    for steps in (0, 1, 2, 3):
        a = rng.normal(4, 4, dtype=F64)
        found.append([a, *my.power_iteration(a, steps, rng.generator())])
    return found


def huge_and_tiny_entries(my, rng):
    a, _ = _with(rng, [rng.uniform(low=4.0, high=9.0), 2.0, -1.0], torch.float32)
    found = [my.power_iteration(a * size, 40, rng.generator()) for size in (1e29, 1e-30)]
    return [found[0][0] / 1e29, found[1][0] / 1e-30, *(vector.abs() for _, vector in found)]


def settles_slowly(my, rng):
    a, _ = _with(rng, [1.0, 0.9, 0.5])
    return my.power_iteration(a * rng.uniform(low=1.0, high=2.0), 400, rng.generator())[0]


def taken_to_zero(my, rng):
    size = rng.uniform(low=1.0, high=3.0, dtype=F64)
    a = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=F64) * size
    value, vector = my.power_iteration(a, 5, rng.generator())
    zeros, any_vector = my.power_iteration(torch.zeros(3, 3), 4, rng.generator())
    return [value, vector.abs(), zeros, any_vector.norm(), a]


def one_row(my, rng):
    number = rng.uniform(1, 1, low=1.0, high=5.0)
    found = [my.power_iteration(sign * number, 3, rng.generator()) for sign in (1, -1)]
    return [one for value, vector in found for one in (value, vector.abs())]


def same_state_same_result(my, rng):
    a, before, generator = rng.normal(4, 4), torch.get_rng_state(), rng.generator()
    state = generator.get_state()
    first, second = my.power_iteration(a, 2, generator)[1], my.power_iteration(a, 2, generator)[1]
    generator.set_state(state)
    again = my.power_iteration(a, 2, generator)[1]
    untouched = torch.equal(before, torch.get_rng_state())
    return [torch.equal(first, again), torch.equal(first, second), untouched, a]


def strongest_of_whole_numbers(my, rng):
    a = rng.integers(1, 5, 3, 3)
    return [my.power_iteration((a + a.T).T, 40, rng.generator())[0], a]


def power_iteration_refuses(my, rng):
    m, generator = rng.integer(20, 60), rng.generator()
    shapes = [(m, m + 1), (m,), (2, m, m), (0, 0)]
    return [
        *(rng.attempt(my.power_iteration, torch.ones(shape), 3, generator) for shape in shapes),
        rng.attempt(my.power_iteration, rng.normal(m, m), -1, generator),
    ]


# ── qr_eigenvalues ──


def eigenvalues_of_two_rows(my, rng):
    a, _ = _with(rng, [rng.integer(4, 9), rng.integer(1, 3)], torch.float32)
    return my.qr_eigenvalues(a, 30)


def eigenvalues_of_five_rows(my, rng):
    return my.qr_eigenvalues(*_sorted_apart(rng, 5))


def eigenvalues_of_both_signs(my, rng):
    a, _ = _with(rng, [-9.0, 4.0 + rng.uniform(), 2.0, -0.7])
    return my.qr_eigenvalues(a, 40)


def eigenvalues_that_are_equal(my, rng):
    size = rng.uniform(low=1.0, high=3.0, dtype=F64)
    a, b = _with(rng, [3.0, 3.0, 1.0])[0], _with(rng, [5.0, 1.0, 1.0, 0.0, 0.0])[0]
    return [my.qr_eigenvalues(one * size, 40) for one in (a, b, torch.eye(3, dtype=F64))]


def few_steps(my, rng):
    a, _ = _with(rng, [6.0, 5.0 + 0.5 * rng.uniform(), -3.0, 2.0])
    return [my.qr_eigenvalues(a, steps) for steps in (0, 1, 2, 5)]


def eigenvalues_in_float32(my, rng):
    return my.qr_eigenvalues(_apart(rng, 4, torch.float32), 30)


def eigenvalues_of_diagonals(my, rng):
    values = rng.normal(4, dtype=F64).sort().values * torch.tensor([1.0, 5.0, 0.2, 9.0], dtype=F64)
    return [my.qr_eigenvalues(torch.diag(values), 0), my.qr_eigenvalues(torch.diag(values), 1)]


def eigenvalues_of_little(my, rng):
    number = -rng.uniform(1, 1, low=1.0, high=5.0)
    return [
        my.qr_eigenvalues(number, 3),
        my.qr_eigenvalues(torch.zeros(0, 0), 3),
        my.qr_eigenvalues(torch.zeros(2, 2), 2),
    ]


def eigenvalues_at_any_size(my, rng):
    a, steps = _sorted_apart(rng, 3)
    return [my.qr_eigenvalues(a.float() * size, steps) / size for size in (1e15, 1e-15)]


def eigenvalues_of_whole_numbers(my, rng):
    a = rng.integers(-2, 3, 3, 3)
    return my.qr_eigenvalues(a + a.T + torch.diag(torch.tensor([60, 25, 10])), 40)


def qr_leaves_its_argument_alone(my, rng):
    a = _apart(rng, 6)[::2, ::2]
    return [my.qr_eigenvalues(a, 4), a]


def qr_refuses(my, rng):
    m = rng.integer(20, 60)
    return [
        *(rng.attempt(my.qr_eigenvalues, torch.ones(shape), 3) for shape in ((m, m + 1), (m,), (2, m, m))),
        rng.attempt(my.qr_eigenvalues, torch.eye(m), -1),
    ]


# ── pca ──


def main_direction_of_a_flat_cloud(my, rng):
    return my.pca(_points(rng, 6, 2, [rng.uniform(low=4.0, high=9.0), 1.0], dtype=torch.float32), 1)[0]


def variances_of_a_flat_cloud(my, rng):
    return my.pca(_points(rng, 6, 2, [rng.uniform(low=4.0, high=9.0), 1.0], dtype=torch.float32), 2)[1]


def directions_of_many_features(my, rng):
    return my.pca(_points(rng, 12, 5, [9.0, 4.0, 2.0 + 0.4 * rng.uniform(), 1.0, 0.4]), 3)[0]


def variances_of_many_features(my, rng):
    return my.pca(_points(rng, 12, 5, [9.0, 4.0, 2.0 + 0.4 * rng.uniform(), 1.0, 0.4]), 3)[1]


def fewer_points_than_features(my, rng):
    return my.pca(_points(rng, 4, 7, [5.0 + rng.uniform(), 2.0, 0.8]), 3)[0]


def variances_of_fewer_points_than_features(my, rng):
    return my.pca(_points(rng, 4, 7, [5.0 + rng.uniform(), 2.0, 0.8]), 4)[1]


def far_from_zero(my, rng):
    x = _points(rng, 9, 3, [5.0 + rng.uniform(), 2.0, 0.8], shift=1000.0, dtype=torch.float32)
    return my.pca(x, 3)[1]


def directions_far_from_zero(my, rng):
    return my.pca(_points(rng, 9, 3, [5.0 + rng.uniform(), 2.0, 0.8], shift=1000.0, dtype=torch.float32), 2)[0]


def features_of_unequal_spread(my, rng):
    x = _points(rng, 8, 3, [3.0, 2.0 - 0.5 * rng.uniform(), 1.0]) * torch.tensor([1.0, 20.0, 5.0], dtype=F64)
    return my.pca(x, 2)[1]


def components_are_orthonormal(my, rng):
    found = []
    for m, n, k, variances in ((9, 4, 4, [3.0, 2.0, 1.0, 0.5]), (8, 6, 5, [2.0, 1.0]), (3, 5, 3, [2.0, 1.0])):
        components = my.pca(_points(rng, m, n, variances), k)[0]
        found.append(components @ components.T)
    return [found, rng.normal(1)]


def rebuilt_from_two(my, rng):
    x = _points(rng, 9, 5, [6.0, 3.0, 1.0, 0.5 * rng.uniform()])
    components, middle = my.pca(x, 2)[0], x.mean(dim=0)
    return middle + (x - middle) @ components.T @ components


def equal_variances(my, rng):
    return my.pca(_points(rng, 9, 5, [4.0, 4.0, 1.0, 0.5 * rng.uniform()]), 2)[0]


def variances_are_never_negative(my, rng):
    """Flat clouds: the roots of the variances, of which some are zero up to rounding, to five digits."""
    clouds = [_points(rng, 12, 8, [2.0, 1.0]) for _ in range(3)]
    roots = torch.cat([my.pca(x, 8)[1].sqrt() for x in clouds])
    return [torch.round(roots, decimals=5), clouds[0]]


def little_to_go_by(my, rng):
    two, column = rng.normal(2, 3, dtype=F64), rng.normal(6, 1)
    one, other, same = my.pca(two, 1), my.pca(column, 1), my.pca(torch.ones(3, 2) * rng.integer(1, 9), 2)
    return [one[1], one[0].abs(), other[1], other[0].abs(), same[1]]


def points_of_whole_numbers(my, rng):
    x = rng.integers(-3, 4, 6, 3) * torch.tensor([1, 4, 20])
    return my.pca(x, 2)[1]


def pca_leaves_its_argument_alone(my, rng):
    x = _points(rng, 6, 16, [9.0, 4.0, 1.0 + rng.uniform()]).T[::2].T
    return [my.pca(x, 3)[1], x]


def pca_refuses(my, rng):
    m = rng.integer(20, 60)
    calls = [((m,), 1), ((2, m, 3), 1), ((1, m), 1), ((m, 3), 4), ((m, 3), 0), ((4, m), 5)]
    return [rng.attempt(my.pca, torch.ones(shape), k) for shape, k in calls]
