"""What is done with gradient, directional_derivative and gradient_check, from small to large.

Functions mix their entries, so that no slope can be had from one entry alone. Shapes are not square. Claims of the third
build are right or off by a known part of what is allowed, in an order that changes with the seed.
"""

import math

import torch

TWO = torch.float64


def _number(rng, low, high):
    """A Python float with few digits, easy to follow by hand."""
    return round(float(rng.uniform(low=low, high=high)), 2)


def _vector(rng, *shape, dtype=TWO):
    """Entries of both signs with magnitudes between 0.3 and 1.5."""
    signs = torch.where(rng.mask(*shape, p=0.5), -1.0, 1.0)
    return (rng.uniform(*shape, low=0.3, high=1.5, dtype=TWO) * signs).to(dtype)


def _entangled(rng, *shape):
    """A smooth function of all entries that mixes them, and its gradient by the rules."""
    a, b = _vector(rng, *shape), _vector(rng, *shape)

    def f(x):
        return torch.exp((a * x).sum() / 2) + (torch.sin(x) * b).sum() + ((b * x).sum()) ** 2

    def grad(x):
        return a * torch.exp((a * x).sum() / 2) / 2 + torch.cos(x) * b + 2 * b * (b * x).sum()

    return f, grad


# ── gradient ──


def gradient_of_a_plane(my, rng):
    a = _vector(rng, 3)
    return my.gradient(lambda x: (a * x).sum() + 2, _vector(rng, 3))


def gradient_of_a_bowl(my, rng):
    a = _number(rng, 0.5, 2.0)
    return my.gradient(lambda x: a * (x**2).sum(), _vector(rng, 2))


def gradient_of_a_product(my, rng):
    return my.gradient(lambda x: x[0] ** 2 * x[1] + x[2] * x[0], _vector(rng, 3))


def gradient_of_entangled_entries(my, rng):
    f, _ = _entangled(rng, 7)
    return my.gradient(f, _vector(rng, 7))


def gradient_of_one_number_or_none(my, rng):
    a = _number(rng, 0.5, 2.0)
    x = _vector(rng, 1)
    return [
        my.gradient(lambda x: a * x[0] ** 3, x),
        my.gradient(lambda x: a * x**3, x[0]),
        my.gradient(lambda x: x.sum(), x[:0]),
    ]


def gradient_of_a_matrix(my, rng):
    weight = _vector(rng, 2, 3)
    right, target = _vector(rng, 3, 4), _vector(rng, 2, 4)
    return my.gradient(lambda w: ((w @ right - target) ** 2).mean(), weight)


def gradient_of_a_stack_of_matrices(my, rng):
    f, _ = _entangled(rng, 2, 3, 2)
    return my.gradient(f, _vector(rng, 2, 3, 2))


def gradient_of_a_loss(my, rng):
    """The cross-entropy of a linear layer with the weights x."""
    inputs, targets = _vector(rng, 5, 3), rng.integers(0, 4, 5)
    return my.gradient(lambda w: torch.nn.functional.cross_entropy(inputs @ w, targets), _vector(rng, 3, 4))


def gradient_at_zeros(my, rng):
    f, _ = _entangled(rng, 4)
    x = _vector(rng, 4)
    x[rng.integer(0, 4)] = 0.0
    return [my.gradient(f, x), my.gradient(f, x * 0)]


def gradient_at_whole_numbers(my, rng):
    f, _ = _entangled(rng, 2, 4)
    return my.gradient(lambda x: f(x / 4), rng.integers(-3, 4, 2, 4))


def gradient_in_other_dtypes(my, rng):
    f, _ = _entangled(rng, 3)
    x = _vector(rng, 3)
    return [my.gradient(f, x.to(dtype)) for dtype in (torch.float32, torch.bfloat16, torch.float16)]


def gradient_of_strided_entries(my, rng):
    f, _ = _entangled(rng, 2, 3)
    return my.gradient(f, _vector(rng, 6, 2).T[:, ::2])


def gradient_beside_a_large_value(my, rng):
    """Values a thousand times as large as the slopes: half of what a too small step has left is rounding."""
    f, _ = _entangled(rng, 3)
    c = _number(rng, 1000.0, 3000.0)
    return my.gradient(lambda x: f(x) + c, _vector(rng, 3))


def gradient_leaves_x_alone(my, rng):
    """f uses x itself, and must find it as it was."""
    x = _vector(rng, 2, 3)
    f, _ = _entangled(rng, 2, 3)
    return [my.gradient(lambda t: f(t) + (t * x).sum() + (x * x).sum(), x), x]


# ── directional_derivative ──


def slope_along_an_axis(my, rng):
    f, _ = _entangled(rng, 3)
    axis = torch.zeros(3, dtype=TWO)
    axis[rng.integer(0, 3)] = 1.0
    x = _vector(rng, 3)
    return [my.directional_derivative(f, x, axis), my.directional_derivative(f, x, -axis)]


def slope_of_a_plane(my, rng):
    a = _vector(rng, 2)
    return my.directional_derivative(lambda x: 5 - (a * x).sum(), _vector(rng, 2), torch.tensor([0.6, 0.8]).double())


def slope_however_long_the_direction(my, rng):
    f, _ = _entangled(rng, 4)
    x, direction = _vector(rng, 4), _vector(rng, 4)
    return [my.directional_derivative(f, x, direction * factor) for factor in (1.0, 3.0, 0.01, -250.0)]


def slope_for_tiny_and_huge_directions(my, rng):
    f, _ = _entangled(rng, 3)
    x, direction = _vector(rng, 3), _vector(rng, 3)
    return [my.directional_derivative(f, x, direction * factor) for factor in (1e-30, 1e30)]


def slope_up_and_down_the_steepest_way(my, rng):
    f, grad = _entangled(rng, 5)
    x = _vector(rng, 5)
    return [my.directional_derivative(f, x, grad(x)), my.directional_derivative(f, x, -grad(x))]


def slope_between_along_and_across(my, rng):
    """At 60 degrees to the gradient the slope is half of the steepest."""
    f, grad = _entangled(rng, 2)
    x = _vector(rng, 2)
    along = grad(x)
    across = torch.stack([-along[1], along[0]])
    return [my.directional_derivative(f, x, along + k * math.sqrt(3.0) * across) for k in (1, -1)]


def slope_of_a_matrix(my, rng):
    f, _ = _entangled(rng, 2, 3)
    return my.directional_derivative(f, _vector(rng, 2, 3), _vector(rng, 2, 3))


def slope_for_one_number(my, rng):
    a = _number(rng, 0.5, 2.0)
    x = _vector(rng, 1)
    return [my.directional_derivative(lambda x: a * (x**3).sum(), one, one * 0 - 7) for one in (x, x[0])]


def slope_in_other_dtypes(my, rng):
    f, _ = _entangled(rng, 4)
    direction = torch.tensor([1, -2, 0, rng.integer(1, 5)])
    return [
        my.directional_derivative(f, _vector(rng, 4), direction),
        my.directional_derivative(f, _vector(rng, 4, dtype=torch.float32), direction.double()),
        my.directional_derivative(lambda x: f(x / 4), rng.integers(-3, 4, 4), _vector(rng, 4, dtype=torch.float16)),
    ]


def slope_of_strided_entries(my, rng):
    f, _ = _entangled(rng, 2, 3)
    return my.directional_derivative(f, _vector(rng, 6, 2).T[:, ::2], _vector(rng, 3, 2).T)


def slope_beside_a_large_value(my, rng):
    f, _ = _entangled(rng, 3)
    c = _number(rng, 1000.0, 3000.0)
    return my.directional_derivative(lambda x: f(x) + c, _vector(rng, 3), _vector(rng, 3))


def slope_leaves_its_inputs_alone(my, rng):
    f, _ = _entangled(rng, 3)
    x, direction = _vector(rng, 3), _vector(rng, 3)
    return [my.directional_derivative(lambda t: f(t) + (t * x).sum(), x, direction), x, direction]


def no_slope_without_a_direction(my, rng):
    f, _ = _entangled(rng, 3)
    x = _vector(rng, 3)
    return [rng.attempt(my.directional_derivative, f, x, x * 0), my.directional_derivative(f, x, x)]


def no_slope_for_other_shapes(my, rng):
    f, _ = _entangled(rng, 2, 3)
    x = _vector(rng, 2, 3)
    others = [
        rng.attempt(my.directional_derivative, f, x, _vector(rng, *shape)) for shape in ((3,), (2, 1), (3, 2), ())
    ]
    return [*others, my.directional_derivative(f, x, x)]


# ── gradient_check ──


def _verdicts(my, rng, f, claims, x, **named):
    """One verdict for each of the claims, in an order that changes with the seed, and that order."""
    order = rng.generator()
    order = torch.randperm(len(claims), generator=order).tolist()
    return [[i, my.gradient_check(f, claims[i], x, **named)] for i in order]


def check_of_a_right_and_a_wrong_gradient(my, rng):
    a = _number(rng, 0.5, 2.0)
    claims = [lambda x: 2 * a * x, lambda x: a * x, lambda x: -2 * a * x, lambda x: x * 0]
    return _verdicts(my, rng, lambda x: a * (x**2).sum(), claims, _vector(rng, 3))


def check_of_entangled_entries(my, rng):
    f, grad = _entangled(rng, 4)
    claims = [grad, lambda x: grad(x) * 1.001, lambda x: grad(x) + 0.001, lambda x: grad(x).flip(0)]
    return _verdicts(my, rng, f, claims, _vector(rng, 4))


def check_of_one_wrong_entry(my, rng):
    """A single wrong entry among many, in any place, too large or too small."""
    f, grad = _entangled(rng, 6)
    off = torch.zeros(3, 6, dtype=TWO)
    for row, place in enumerate([0, 5, rng.integer(1, 5)]):
        off[row, place] = 0.01 if row % 2 else -0.01
    claims = [grad, *(lambda x, row=row: grad(x) + row for row in off)]
    return _verdicts(my, rng, f, claims, _vector(rng, 6))


def check_of_errors_that_cancel(my, rng):
    f, grad = _entangled(rng, 4)
    off = torch.tensor([0.02, -0.02, 0.01, -0.01], dtype=TWO)
    claims = [grad, *(lambda x, k=k: grad(x) + k * off for k in (1, -1, 5))]
    return _verdicts(my, rng, f, claims, _vector(rng, 4))


def check_with_another_tolerance(my, rng):
    """Slopes of 0.5 to 1: what is allowed lies between 1.5 and 2 times the tolerance."""
    a = rng.uniform(3, low=0.5, high=1.0, dtype=TWO)
    claims = [lambda x, k=k: a + k * torch.tensor([0.0, 1.0, 0.0]) for k in (1e-6, 1e-4, -1e-3, 0.1, -1.0)]
    f = lambda x: (a * x).sum()  # noqa: E731
    x = _vector(rng, 3)
    return [_verdicts(my, rng, f, claims, x, tolerance=tolerance) for tolerance in (5e-6, 4e-4, 0.4)]


def check_with_no_tolerance_given(my, rng):
    """Errors of a half and of one and a half of what 1e-5 allows; and a flat function, which can be had exactly."""
    a = rng.uniform(3, low=0.5, high=3.0, dtype=TWO)
    claims = [lambda x, k=k: a + k * 1e-5 * (1 + a) for k in (0.5, -0.5, 1.5, -1.5)]
    flat = [lambda x: x * 0, lambda x: x * 0 + 1e-9]
    return [
        _verdicts(my, rng, lambda x: (a * x).sum(), claims, _vector(rng, 3)),
        _verdicts(my, rng, lambda x: (x * 0).sum() + a[0], flat, _vector(rng, 3), tolerance=0.0),
    ]


def check_of_large_slopes(my, rng):
    """Slopes of 100 to 300: an error of 0.5 or 2 times tolerance × 101 to 301."""
    a = rng.uniform(3, low=100.0, high=300.0, dtype=TWO)
    claims = [lambda x, k=k: a + k * 1e-3 * (1 + a) for k in (0.0, 0.5, -0.5, 2.0, -2.0)]
    return _verdicts(my, rng, lambda x: (a * x).sum(), claims, _vector(rng, 3), tolerance=1e-3)


def check_of_small_slopes(my, rng):
    """Slopes of 1e-4: an error as large as they are is allowed, if the tolerance is larger."""
    a = rng.uniform(3, low=1e-4, high=2e-4, dtype=TWO)
    claims = [lambda x, k=k: a + k * 1e-3 for k in (0.0, 0.5, -0.5, 2.0, -2.0)]
    return _verdicts(my, rng, lambda x: (a * x).sum(), claims, _vector(rng, 3), tolerance=1e-3)


def check_of_small_slopes_beside_large_ones(my, rng):
    """Each entry has its own measure: a slope of 1000 is no excuse for an error in a slope of 1."""
    a = torch.tensor([1.0, 1000.0, 1.0], dtype=TWO) * rng.uniform(3, low=1.0, high=1.5, dtype=TWO)
    off = torch.tensor([[0.0, 0.5, 0.0], [0.0, 5.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, -0.01]], dtype=TWO)
    claims = [lambda x, row=row: a + row for row in off]
    return _verdicts(my, rng, lambda x: (a * x).sum(), claims, _vector(rng, 3), tolerance=1e-3)


def check_at_a_minimum(my, rng):
    """All slopes are zero or rounding, beside a value that is not."""
    a = _vector(rng, 4)
    claims = [lambda x: 2 * (x - a), lambda x: 2 * (x + a), lambda x: x * 0, lambda x: x * 0 + 0.001]
    return _verdicts(my, rng, lambda x: ((x - a) ** 2).sum() + 10, claims, a)


def check_of_matrices(my, rng):
    f, grad = _entangled(rng, 2, 3)
    claims = [grad, lambda x: grad(x).flip(1), lambda x: grad(x).flip(0), lambda x: grad(x) / grad(x).norm()]
    return _verdicts(my, rng, f, claims, _vector(rng, 2, 3))


def check_of_other_shapes(my, rng):
    """Equal slopes, so that each of these shapes would broadcast to right numbers."""
    a = _number(rng, 0.5, 2.0)
    claims = [lambda x, shape=shape: torch.full(shape, a, dtype=TWO) for shape in ((2, 3), (3,), (1, 2, 3), (), (2, 1))]
    return _verdicts(my, rng, lambda x: a * x.sum(), claims, _vector(rng, 2, 3))


def check_of_not_a_number(my, rng):
    f, grad = _entangled(rng, 4)
    hole = torch.zeros(4, dtype=TWO)
    hole[rng.integer(0, 4)] = math.nan
    claims = [grad, lambda x: grad(x) + hole, lambda x: grad(x) * math.nan, lambda x: grad(x) + math.inf]
    unmeasured = [lambda x: 1 / x, lambda x: x * math.nan]
    x = _vector(rng, 4)
    return [
        _verdicts(my, rng, f, claims, x),
        _verdicts(my, rng, lambda x: x.log().sum(), unmeasured, -x.abs()),
    ]


def check_in_other_dtypes(my, rng):
    """x in float32 or whole numbers, claims in float32: x itself must become float64, whatever the claim is in.

    The products with matrices in float64 refuse an x in anything else.
    """
    mix = _vector(rng, 3, 3)
    f, grad = (lambda x: (mix @ x).sin().sum()), (lambda x: mix.T @ (mix @ x).cos())
    claims = [lambda x: grad(x).float(), lambda x: grad(x).float() * 1.01, lambda x: grad(x) * (1 + 1e-3)]
    whole = [lambda x: (3 * x**2).to(torch.int64), lambda x: (2 * x**2).to(torch.int64)]
    return [
        _verdicts(my, rng, f, claims, _vector(rng, 3, dtype=torch.float32)),
        _verdicts(my, rng, lambda x: (x**3).sum(), whole, rng.integers(1, 4, 3)),
    ]


def check_leaves_x_alone(my, rng):
    f, grad = _entangled(rng, 3)
    x = _vector(rng, 3)
    return [my.gradient_check(f, grad, x), my.gradient_check(f, lambda t: grad(t) + 1, x), x]
