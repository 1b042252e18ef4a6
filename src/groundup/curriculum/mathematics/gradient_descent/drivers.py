"""What is done with the three descents, from one step to a run that diverges.

A descent is called as ``descend(grad, x0, lr, steps)``; for the two with momentum beta is bound, positionally or by
name. Gradients mix their entries. Learning rates leave most valleys calm, so that rounding does not grow.
"""

import torch

TWO = torch.float64


def _plain(my):
    return my.gradient_descent


def _momentum(my, beta):
    return lambda grad, x0, lr, steps: my.momentum_descent(grad, x0, lr, beta, steps)


def _nesterov(my, beta):
    return lambda grad, x0, lr, steps: my.nesterov_descent(grad, x0, lr, beta, steps)


def _number(rng, low, high):
    return round(float(rng.uniform(low=low, high=high)), 2)


def _valley(rng, n, condition=20.0):
    """The gradient of a valley that lies askew, curvatures from 1 to ``condition``, and where it is lowest."""
    basis, _ = torch.linalg.qr(rng.normal(n, n, dtype=TWO))
    curvature = torch.linspace(1.0, condition, n, dtype=TWO)
    matrix, lowest = (basis * curvature) @ basis.T, rng.normal(n, dtype=TWO)
    return (lambda x: matrix @ (x - lowest)), lowest


def _bent(rng, *shape):
    """A gradient that is not linear, of any shape: every entry pulls at the sum of all."""
    a = rng.uniform(*shape, low=0.5, high=1.5, dtype=TWO)
    return lambda x: a.to(x.dtype) * torch.tanh((a.to(x.dtype) * x).sum()) + torch.sin(x) + x / 2


def _one_number(rng, descend):
    curvature = rng.choice([2.0, 4.0, 5.0])
    x0 = torch.tensor(_number(rng, 1.0, 3.0))
    return [descend(lambda x: curvature * x, x0, 0.125, steps) for steps in (1, 2, 3)]


def _down_a_valley(rng, descend):
    grad, _ = _valley(rng, 3)
    return descend(grad, rng.normal(3, dtype=TWO, scale=3.0), 0.06, 9)


def _down_bent_slopes(rng, descend):
    grad = _bent(rng, 4)
    return [descend(grad, rng.normal(4, dtype=TWO, scale=2.0), lr, 6) for lr in (0.05, 0.2)]


def _shapes(rng, descend):
    """A matrix, a stack of matrices, one entry, one number, none."""
    return [descend(_bent(rng, *shape), rng.normal(*shape), 0.1, 3) for shape in ((2, 3), (2, 1, 4), (1,), (), (0,))]


def _few_steps(rng, descend):
    grad = _bent(rng, 3)
    x0 = rng.normal(3, dtype=TWO)
    return [descend(grad, x0, 0.1, steps) for steps in (0, 1)]


def _from_the_lowest_place(rng, descend):
    """Where the gradient is zero, and where it is in all entries but one; and with a rate of zero."""
    a = rng.normal(3, dtype=TWO)
    aside = a.clone()
    aside[rng.integer(0, 3)] += 1e-7
    grad = lambda x: 3 * (x - a)  # noqa: E731
    return [descend(grad, a, 0.1, 4), descend(grad, aside, 0.1, 4), descend(grad, a + 1, 0.0, 3)]


def _dtypes(rng, descend):
    grad = _bent(rng, 4)
    x0 = rng.normal(4, dtype=TWO)
    return [descend(grad, x0.to(dtype), 0.125, 3) for dtype in (TWO, torch.float32, torch.bfloat16, torch.float16)]


def _strides(rng, descend):
    grad = _bent(rng, 2, 3)
    x0 = rng.normal(6, 2, dtype=TWO).T[:, ::2]
    return [descend(grad, x0, 0.1, 4), x0]


def _borrowed(rng, descend):
    """Gradients that are the place itself, one tensor that is used again and again, and one constant."""
    x0, buffer, slope = rng.normal(3, dtype=TWO), torch.zeros(3, dtype=TWO), rng.normal(3, dtype=TWO)
    seen = [x0.clone(), slope.clone()]
    paths = [
        descend(lambda x: x, x0, 0.3, 4),
        descend(lambda x: buffer.copy_(2 * x - 1), x0, 0.2, 4),
        descend(lambda x: slope, x0, 0.2, 4),
    ]
    return [paths, x0, slope, seen]


def _recorded(rng, descend):
    """A gradient by autograd, which needs recording; and the places at which it was asked for."""
    a = rng.normal(3, dtype=TWO)
    asked = []

    def grad(x):
        asked.append(x.detach().clone())
        x = x.detach().clone().requires_grad_()
        return torch.autograd.grad((torch.cos(x - a) * -2 + (x - a) ** 2).sum(), x)[0]

    path = descend(grad, rng.normal(3, dtype=TWO), 0.15, 4)
    return [path.detach(), asked]


def _away(rng, descend):
    """A rate that is too large: each step ends higher than the one before, and soon there are no numbers for it."""
    x0 = rng.uniform(2, low=1.0, high=2.0, dtype=TWO)
    path = descend(lambda x: 3 * x, x0, 1.5, 12)
    beyond = descend(lambda x: 1e30 * x, x0.float(), 1.0, 4)
    return [path, beyond[:2], bool(torch.isfinite(beyond[-1]).any())]


# ── gradient_descent ──


def plain_one_number(my, rng):
    return _one_number(rng, _plain(my))


def plain_down_a_valley(my, rng):
    return _down_a_valley(rng, _plain(my))


def plain_down_bent_slopes(my, rng):
    return _down_bent_slopes(rng, _plain(my))


def plain_any_shape(my, rng):
    return _shapes(rng, _plain(my))


def plain_few_steps(my, rng):
    return _few_steps(rng, _plain(my))


def plain_from_the_lowest_place(my, rng):
    return _from_the_lowest_place(rng, _plain(my))


def plain_dtypes(my, rng):
    return _dtypes(rng, _plain(my))


def plain_strides(my, rng):
    return _strides(rng, _plain(my))


def plain_borrowed_gradients(my, rng):
    return _borrowed(rng, _plain(my))


def plain_recorded_gradients(my, rng):
    return _recorded(rng, _plain(my))


def plain_away(my, rng):
    return _away(rng, _plain(my))


def plain_refuses(my, rng):
    grad, x0 = _bent(rng, 2), rng.normal(2)
    return [rng.attempt(my.gradient_descent, grad, x0, 0.1, steps) for steps in (-1, -5)]


# ── momentum_descent ──


def momentum_one_number(my, rng):
    return _one_number(rng, _momentum(my, rng.choice([0.25, 0.75])))


def momentum_down_a_valley(my, rng):
    return [_down_a_valley(rng, _momentum(my, beta)) for beta in (0.3, 0.8)]


def momentum_down_bent_slopes(my, rng):
    return _down_bent_slopes(rng, _momentum(my, _number(rng, 0.55, 0.9)))


def momentum_of_zero(my, rng):
    grad, x0 = _bent(rng, 3), rng.normal(3, dtype=TWO)
    return my.momentum_descent(grad=grad, x0=x0, lr=0.1, beta=0.0, steps=4)


def momentum_any_shape(my, rng):
    return _shapes(rng, _momentum(my, 0.6))


def momentum_few_steps(my, rng):
    return _few_steps(rng, _momentum(my, 0.7))


def momentum_from_the_lowest_place(my, rng):
    return _from_the_lowest_place(rng, _momentum(my, 0.7))


def momentum_dtypes(my, rng):
    return _dtypes(rng, _momentum(my, 0.6))


def momentum_strides(my, rng):
    return _strides(rng, _momentum(my, 0.6))


def momentum_borrowed_gradients(my, rng):
    return _borrowed(rng, _momentum(my, 0.7))


def momentum_recorded_gradients(my, rng):
    return _recorded(rng, _momentum(my, 0.7))


def momentum_away(my, rng):
    return _away(rng, _momentum(my, 0.4))


def momentum_refuses(my, rng):
    grad, x0 = _bent(rng, 2), rng.normal(2)
    calls = ((0.5, -1), (1.0, 3), (-0.1, 3), (1.5, 0))
    return [rng.attempt(my.momentum_descent, grad, x0, 0.1, beta, steps) for beta, steps in calls]


# ── nesterov_descent ──


def nesterov_one_number(my, rng):
    return _one_number(rng, _nesterov(my, rng.choice([0.25, 0.75])))


def nesterov_down_a_valley(my, rng):
    return [_down_a_valley(rng, _nesterov(my, beta)) for beta in (0.3, 0.8)]


def nesterov_down_bent_slopes(my, rng):
    return _down_bent_slopes(rng, _nesterov(my, _number(rng, 0.55, 0.9)))


def nesterov_of_zero(my, rng):
    grad, x0 = _bent(rng, 3), rng.normal(3, dtype=TWO)
    return my.nesterov_descent(grad=grad, x0=x0, lr=0.1, beta=0.0, steps=4)


def nesterov_any_shape(my, rng):
    return _shapes(rng, _nesterov(my, 0.6))


def nesterov_few_steps(my, rng):
    return _few_steps(rng, _nesterov(my, 0.7))


def nesterov_from_the_lowest_place(my, rng):
    return _from_the_lowest_place(rng, _nesterov(my, 0.7))


def nesterov_dtypes(my, rng):
    return _dtypes(rng, _nesterov(my, 0.6))


def nesterov_strides(my, rng):
    return _strides(rng, _nesterov(my, 0.6))


def nesterov_borrowed_gradients(my, rng):
    return _borrowed(rng, _nesterov(my, 0.7))


def nesterov_recorded_gradients(my, rng):
    return _recorded(rng, _nesterov(my, 0.7))


def nesterov_away(my, rng):
    return _away(rng, _nesterov(my, 0.4))


def nesterov_refuses(my, rng):
    grad, x0 = _bent(rng, 2), rng.normal(2)
    calls = ((0.5, -1), (1.0, 3), (-0.1, 3), (1.5, 0))
    return [rng.attempt(my.nesterov_descent, grad, x0, 0.1, beta, steps) for beta, steps in calls]
