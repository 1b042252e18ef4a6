"""Gradient descent: step against the gradient, plainly, with momentum, and with Nesterov's look-ahead.

Three functions, each a loop of a few lines. The conventions hold for all of them:

- grad is a function. It takes a tensor of the shape and dtype of x0 and returns its gradient there, a tensor of the same
  shape and dtype. Call it once in each step, and not after the last: gradients are what costs. It may use autograd
  itself, so do not call it with recording switched off (torch.no_grad).
- x0 is where the path begins: a floating-point tensor of any shape (...), contiguous or not, and one number () as well.
- Returned is the whole path, a tensor (steps + 1, ...) of the dtype of x0: x0 first, then the place after each step.
- There are always that many steps, whatever happens: nothing is clipped, and nothing stops early, neither where the
  gradient is zero nor where the numbers grow without end. steps = 0 gives a path of x0 alone.
- Tensors that were passed in, and those that grad returns, are not changed. grad may return a tensor that it goes on using,
  or even the very one that it was given.
- steps below 0 raises a ValueError; so does a beta below 0, or of 1 or more.

In the examples, grad is lambda x: 4 * x, the gradient of f(x) = 2x², and every path begins at torch.tensor(1.).
"""


def gradient_descent(grad, x0, lr, steps):
    """The path of gradient descent: in each step, lr times the gradient at the present place is subtracted from it.

    gradient_descent(grad, x0, lr=0.1, steps=2)              -> tensor([1.0000, 0.6000, 0.3600])
    gradient_descent(grad, x0, lr=0.6, steps=2)              -> tensor([1.0000, -1.4000, 1.9600])
    """
    raise NotImplementedError


def momentum_descent(grad, x0, lr, beta, steps):
    """The path of a ball with momentum.

    It has a velocity, zero at first. In each step the velocity becomes beta times what it was plus the gradient at the
    present place (the gradient counts in full, not by 1 - beta), and then lr times this new velocity is subtracted from the
    place.

        momentum_descent(grad, x0, lr=0.1, beta=0.5, steps=2)    -> tensor([1.0000, 0.6000, 0.1600])
        # velocities: 4, then 0.5 · 4 + 2.4 = 4.4
    """
    raise NotImplementedError


def nesterov_descent(grad, x0, lr, beta, steps):
    """The same ball, but it looks ahead: the gradient is the one at the place to which the old velocity alone would carry it.

    In each step, look at the place that would be reached if the velocity only shrank by beta and lr times that were
    subtracted. Take the gradient there. The velocity becomes beta times what it was plus this gradient, and lr times the new
    velocity is subtracted from the present place (not from the one that was looked at). The path holds the places, not
    those that were looked at.

        nesterov_descent(grad, x0, lr=0.1, beta=0.5, steps=2)    -> tensor([1.0000, 0.6000, 0.2400])
        # second step: looks at 0.6 - 0.1 · 0.5 · 4 = 0.4, gradient 1.6, velocity 0.5 · 4 + 1.6 = 3.6
    """
    raise NotImplementedError
