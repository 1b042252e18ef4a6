"""What is done with jacobian and hessian, from small to large.

Functions mix their entries, have as many results as it happens, and no symmetry that would hide a transposed table.
"""

import torch

TWO = torch.float64


def _number(rng, low, high):
    """A Python float with few digits, easy to follow by hand."""
    return round(float(rng.uniform(low=low, high=high)), 2)


def _vector(rng, *shape, dtype=TWO):
    """Entries of both signs with magnitudes between 0.3 and 1.5."""
    signs = torch.where(rng.mask(*shape, p=0.5), -1.0, 1.0)
    return (rng.uniform(*shape, low=0.3, high=1.5, dtype=TWO) * signs).to(dtype)


def _mixer(rng, ins, outs):
    """A smooth function from one shape to another in which every result depends on every entry."""
    n, m = torch.Size(ins).numel(), torch.Size(outs).numel()
    weight, bend = _vector(rng, m, n), _vector(rng, m, n)

    def f(x):
        flat = x.reshape(-1)
        return (torch.tanh(weight @ flat / 2) + torch.sin(bend * flat).sum(dim=1) + (weight @ flat) ** 2).reshape(outs)

    return f


# ── jacobian ──


def slopes_of_a_linear_map(my, rng):
    a, b = _vector(rng, 3, 2), _vector(rng, 3)
    return my.jacobian(lambda x: a @ x + b, _vector(rng, 2))


def slopes_of_a_square_map(my, rng):
    a = _vector(rng, 3, 3)
    return my.jacobian(lambda x: a @ x, _vector(rng, 3))


def slopes_of_products(my, rng):
    return my.jacobian(lambda x: torch.stack([x[0] * x[1], x[0] ** 2, 3 * x[1], x[2] - x[0]]), _vector(rng, 3))


def slopes_entry_by_entry(my, rng):
    """Each result depends on the entry in its own place alone: a diagonal."""
    a = _vector(rng, 4)
    return my.jacobian(lambda x: a * torch.exp(x), _vector(rng, 4))


def slopes_of_polar_coordinates(my, rng):
    at = torch.tensor([_number(rng, 0.5, 2.0), _number(rng, 0.3, 1.2)], dtype=TWO)
    return my.jacobian(lambda x: torch.stack([x[0] * x[1].cos(), x[0] * x[1].sin()]), at)


def slopes_of_mixed_entries(my, rng):
    return [my.jacobian(_mixer(rng, (n,), (m,)), _vector(rng, n)) for n, m in ((5, 2), (2, 6))]


def slopes_of_a_softmax(my, rng):
    return my.jacobian(lambda x: torch.softmax(x, dim=0), _vector(rng, 5))


def slopes_of_one_result(my, rng):
    """A number has a gradient, a vector of one entry a matrix of one row."""
    x = _vector(rng, 3)
    return [my.jacobian(_mixer(rng, (3,), ()), x), my.jacobian(_mixer(rng, (3,), (1,)), x)]


def slopes_along_one_entry(my, rng):
    x = _vector(rng, 1)
    return [
        my.jacobian(_mixer(rng, (1,), (3,)), x),
        my.jacobian(_mixer(rng, (), (3,)), x[0]),
        my.jacobian(_mixer(rng, (), ()), x[0]),
        my.jacobian(_mixer(rng, (1,), (2, 2)), x),
    ]


def slopes_of_matrices(my, rng):
    left, right = _vector(rng, 4, 2), _vector(rng, 3, 2)
    return my.jacobian(lambda w: torch.tanh(left @ w @ right), _vector(rng, 2, 3))


def slopes_from_a_matrix_to_a_vector(my, rng):
    return [
        my.jacobian(_mixer(rng, (2, 3), (4,)), _vector(rng, 2, 3)),
        my.jacobian(_mixer(rng, (3,), (2, 2)), _vector(rng, 3)),
    ]


def slopes_of_what_was_given(my, rng):
    """f returns x itself, or a view of it; scaled, so that the results vary."""
    x, a = _vector(rng, 2, 3), _number(rng, 1.5, 3.0)
    return [my.jacobian(lambda t: t, x) * a, my.jacobian(lambda t: t.T, x) * a, my.jacobian(lambda t: t[0], x) * a]


def slopes_at_zeros_and_whole_numbers(my, rng):
    f, x = _mixer(rng, (4,), (3,)), _vector(rng, 4)
    x[rng.integer(0, 4)] = 0.0
    return [my.jacobian(f, x), my.jacobian(lambda t: f(t / 4), rng.integers(-3, 4, 4))]


def slopes_in_other_dtypes(my, rng):
    f, x = _mixer(rng, (3,), (2,)), _vector(rng, 3)
    return [my.jacobian(f, x.to(dtype)) for dtype in (torch.float32, torch.bfloat16, torch.float16)]


def slopes_at_strided_entries(my, rng):
    return my.jacobian(_mixer(rng, (2, 3), (4,)), _vector(rng, 6, 2).T[:, ::2])


def slopes_leave_x_alone(my, rng):
    """f uses x itself, and must find it as it was."""
    f, x = _mixer(rng, (2, 3), (2,)), _vector(rng, 2, 3)
    return [my.jacobian(lambda t: f(t) + (t * x).sum() + (x * x).sum(), x), x]


# ── hessian ──


def bends_of_a_bowl(my, rng):
    a, b = _number(rng, 1.0, 3.0), _number(rng, 4.0, 6.0)
    return my.hessian(lambda x: a * x[0] ** 2 + b * x[1] ** 2, _vector(rng, 2))


def bends_of_a_saddle(my, rng):
    a, b = _number(rng, 1.0, 3.0), _number(rng, 1.0, 3.0)
    return my.hessian(lambda x: a * x[0] ** 2 - b * x[1] ** 2 + x[0], _vector(rng, 2))


def bends_of_a_product(my, rng):
    """No entry alone has a bend here."""
    a = _number(rng, 1.0, 3.0)
    return my.hessian(lambda x: a * x[0] * x[1] + x[1] * x[2], _vector(rng, 3))


def bends_of_a_square_times_another(my, rng):
    return my.hessian(lambda x: x[0] ** 2 * x[1] + x[2] ** 3, _vector(rng, 3))


def bends_of_a_quadratic_form(my, rng):
    a, b = _vector(rng, 4, 4), _vector(rng, 4)
    return my.hessian(lambda x: x @ a @ x + b @ x, _vector(rng, 4))


def bends_of_mixed_entries(my, rng):
    return my.hessian(_mixer(rng, (5,), ()), _vector(rng, 5))


def bends_of_one_entry(my, rng):
    x = _vector(rng, 1)
    return [my.hessian(_mixer(rng, (1,), ()), x), my.hessian(_mixer(rng, (), ()), x[0])]


def bends_of_a_matrix(my, rng):
    return my.hessian(_mixer(rng, (2, 3), ()), _vector(rng, 2, 3))


def bends_of_a_loss(my, rng):
    """The cross-entropy of one example, by the scores."""
    target = torch.tensor(rng.integer(0, 4))
    return my.hessian(lambda z: torch.nn.functional.cross_entropy(z, target), _vector(rng, 4))


def bends_of_squared_errors(my, rng):
    """A sum of squares of bent functions, far from zero errors: more than the slopes' products."""
    g, target = _mixer(rng, (3,), (4,)), 3 * _vector(rng, 4)
    return my.hessian(lambda x: ((g(x) - target) ** 2).sum() / 2, _vector(rng, 3))


def bends_beside_a_large_value(my, rng):
    f, c = _mixer(rng, (3,), ()), _number(rng, 50.0, 100.0)
    return my.hessian(lambda x: f(x) + c, _vector(rng, 3))


def bends_at_a_minimum(my, rng):
    a = _vector(rng, 3)
    weight = _vector(rng, 3, 3)
    return my.hessian(lambda x: ((weight @ (x - a)) ** 2).sum() + torch.cosh(x[0] - a[0]), a)


def bends_at_zeros_and_whole_numbers(my, rng):
    f, x = _mixer(rng, (3,), ()), _vector(rng, 3)
    return [my.hessian(f, x * 0), my.hessian(lambda t: f(t / 4), rng.integers(-3, 4, 3))]


def bends_in_other_dtypes(my, rng):
    f, x = _mixer(rng, (3,), ()), _vector(rng, 3)
    return [my.hessian(f, x.to(dtype)) for dtype in (torch.float32, torch.bfloat16, torch.float16)]


def bends_at_strided_entries(my, rng):
    return my.hessian(_mixer(rng, (2, 3), ()), _vector(rng, 6, 2).T[:, ::2])


def bends_leave_x_alone(my, rng):
    f, x = _mixer(rng, (2, 2), ()), _vector(rng, 2, 2)
    return [my.hessian(lambda t: f(t) + ((t * x).sum()) ** 2 + (x * x).sum(), x), x]
