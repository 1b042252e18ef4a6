"""Right answers in other styles: all of them must pass."""

import itertools

import numpy as np
import torch

from groundup.authoring import replaces


def _checked(steps, beta=0.0):
    if steps < 0:
        raise ValueError(f"{steps} steps")
    if beta < 0 or beta >= 1:
        raise ValueError(f"beta {beta}")


# ── gradient_descent ──


@replaces("gradient_descent")
def into_one_tensor(grad, x0, lr, steps):
    _checked(steps)
    path = x0.new_empty((steps + 1, *x0.shape))
    path[0] = x0
    for step in range(steps):
        path[step + 1] = path[step] - lr * grad(path[step])
    return path


@replaces("gradient_descent")
def in_place_with_copies(grad, x0, lr, steps):
    if steps < 0:
        raise ValueError("steps")
    x = x0.clone()
    path = [x.clone()]
    for _ in range(steps):
        x.sub_(grad(x.clone()), alpha=lr)
        path.append(x.clone())
    return torch.stack(path)


@replaces("gradient_descent")
def by_accumulate(grad, x0, lr, steps):
    if steps < 0:
        raise ValueError("steps")
    places = itertools.accumulate(range(steps), lambda x, _: torch.add(x, grad(x), alpha=-lr), initial=x0)
    return torch.stack(list(places), dim=0)


@replaces("gradient_descent")
def by_recursion(grad, x0, lr, steps):
    _checked(steps)
    if steps == 0:
        return x0.unsqueeze(0).clone()
    return torch.cat([x0[None], by_recursion(grad, x0 - grad(x0) * lr, lr, steps - 1)])


@replaces("gradient_descent")
def by_torch_optim(grad, x0, lr, steps):
    """With the library's own optimizer, which is not forbidden here."""
    _checked(steps)
    x = torch.nn.Parameter(x0.clone())
    optimizer = torch.optim.SGD([x], lr=lr)
    path = [x0.clone()]
    for _ in range(steps):
        x.grad = grad(x.detach().clone()).clone()
        optimizer.step()
        path.append(x.detach().clone())
    return torch.stack(path)


@replaces("gradient_descent")
def in_float64_with_one_tensor(grad, x0, lr, steps):
    """The places are kept in float64 and changed in place; grad sees them rounded."""
    _checked(steps)
    x = x0.to(torch.float64, copy=True)
    path = [x.clone()]
    for _ in range(steps):
        x -= lr * grad(x.to(x0.dtype)).double()
        path.append(x.clone())
    return torch.stack(path).to(x0.dtype)


# ── momentum_descent ──


@replaces("momentum_descent")
def by_differences(grad, x0, lr, beta, steps):
    """Polyak's form: a gradient step, and beta of the last move again."""
    _checked(steps, beta)
    path = [x0, x0]
    for _ in range(steps):
        now, before = path[-1], path[-2]
        path.append(now - lr * grad(now) + beta * (now - before))
    return torch.stack(path[1:])


@replaces("momentum_descent")
def rate_inside_the_velocity(grad, x0, lr, beta, steps):
    """The velocity is the move itself; with a constant rate that is the same."""
    _checked(steps, beta)
    x, move, path = x0, torch.zeros_like(x0), [x0]
    for _ in range(steps):
        move = beta * move - lr * grad(x)
        x = x + move
        path.append(x)
    return torch.stack(path)


@replaces("momentum_descent")
def velocity_in_place(grad, x0, lr, beta, steps):
    _checked(steps, beta)
    x, velocity = x0.clone(), torch.zeros(x0.shape, dtype=x0.dtype)
    path = torch.empty((steps + 1, *x0.shape), dtype=x0.dtype)
    path[0].copy_(x0)
    for step in range(1, steps + 1):
        velocity.mul_(beta).add_(grad(x.clone()))
        x -= lr * velocity
        path[step].copy_(x)
    return path


@replaces("momentum_descent")
def sum_of_all_gradients(grad, x0, lr, beta, steps):
    """No velocity at all: every gradient is kept, and weighted by its age."""
    _checked(steps, beta)
    slopes, path = [], [x0]
    for _ in range(steps):
        slopes.append(grad(path[-1]).clone())
        weighted = [beta**age * slope for age, slope in enumerate(reversed(slopes))]
        path.append(path[-1] - lr * sum(weighted[1:], weighted[0]))
    return torch.stack(path)


@replaces("momentum_descent")
def by_torch_optim_with_momentum(grad, x0, lr, beta, steps):
    _checked(steps, beta)
    x = torch.nn.Parameter(x0.clone())
    optimizer = torch.optim.SGD([x], lr=lr, momentum=beta)
    path = [x0.clone()]
    for _ in range(steps):
        x.grad = grad(x.detach().clone()).clone()
        optimizer.step()
        path.append(x.detach().clone())
    return torch.stack(path)


# ── nesterov_descent ──


@replaces("nesterov_descent")
def in_two_stages(grad, x0, lr, beta, steps):
    """Roll on, then correct by a plain gradient step from there: the form of Nesterov's book."""
    _checked(steps, beta)
    path, before = [x0], x0
    for _ in range(steps):
        ahead = path[-1] + beta * (path[-1] - before)
        before = path[-1]
        path.append(ahead - lr * grad(ahead))
    return torch.stack(path)


@replaces("nesterov_descent")
def rate_inside_the_move(grad, x0, lr, beta, steps):
    """The form of Sutskever and others: the velocity is the move itself, and is added."""
    _checked(steps, beta)
    x, move, path = x0, x0 * 0, [x0]
    for _ in range(steps):
        move = beta * move - lr * grad(x + beta * move)
        x = x + move
        path.append(x)
    return torch.stack(path)


@replaces("nesterov_descent")
def from_the_places_looked_at(grad, x0, lr, beta, steps):
    """PyTorch's variable, and the places of the ball recovered from it."""
    _checked(steps, beta)
    ahead, velocity, path = x0.clone(), torch.zeros_like(x0), [x0.clone()]
    for _ in range(steps):
        slope = grad(ahead.clone())
        velocity = velocity * beta + slope
        ahead = ahead - lr * (slope + beta * velocity)
        path.append(ahead + lr * beta * velocity)
    return torch.stack(path)


@replaces("nesterov_descent")
def velocities_in_a_list(grad, x0, lr, beta, steps):
    _checked(steps, beta)
    velocities, path = [np.zeros(x0.shape)], [x0]
    for _ in range(steps):
        kept = torch.as_tensor(beta * velocities[-1]).to(x0.dtype)
        velocity = kept + grad(path[-1] - lr * kept)
        path.append(path[-1] - lr * velocity)
        velocities.append(velocity.double().numpy())
    return torch.stack(path)
