"""Gradients by central differences, standing on its own. The stack's own takes its slopes from `derivative`."""

import torch

STEP = 1e-4


def slope_along(f, x, unit):
    return (f(x + STEP * unit) - f(x - STEP * unit)) / (2 * STEP)


def gradient(f, x):
    x = x.to(torch.float64)
    slopes = torch.zeros(x.numel(), dtype=torch.float64)
    for i in range(x.numel()):
        axis = torch.zeros(x.numel(), dtype=torch.float64)
        axis[i] = 1.0
        slopes[i] = slope_along(f, x, axis.reshape(x.shape))
    return slopes.reshape(x.shape)


def directional_derivative(f, x, direction):
    if x.shape != direction.shape:
        raise ValueError(f"x and direction need the same shape: got {tuple(x.shape)} and {tuple(direction.shape)}")
    direction = direction.to(torch.float64)
    length = direction.square().sum().sqrt()
    if length == 0:
        raise ValueError("a direction of zeros points nowhere")
    return slope_along(f, x.to(torch.float64), direction / length)


def gradient_check(f, grad, x, tolerance=1e-5):
    x = x.to(torch.float64)
    claimed, measured = grad(x), gradient(f, x)
    if claimed.shape != x.shape:
        return False
    return bool(((claimed - measured).abs() <= tolerance * (1 + measured.abs())).all())
