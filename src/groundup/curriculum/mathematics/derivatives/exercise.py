"""Derivatives: the slope of a function of one number, and the place where the function is zero.

Two functions, each a few lines. The conventions hold for both:

- f is a function that takes a float64 tensor of any shape and returns a float64 tensor of the same shape. It works entry
  by entry: one entry of the result depends on the entry in the same place alone. A lambda of PyTorch's operations, such
  as `lambda x: x**3 - torch.sin(x)`, is one. Always hand it float64 tensors.
- x and x0 may be a Python int or float, or a tensor of any real dtype, float64 or not, contiguous or not. Turn them into
  float64 first, and compute everything in float64: a difference of two nearly equal numbers loses most of its digits.
- Tensors that were passed in are not changed.

PyTorch's own differentiation is switched off here: it is exact, and it is the subject of a later topic.
"""


def derivative(f, x, h=1e-4):
    """The slope of f at x, by the central difference: how much f rises from x - h to x + h, for each unit of the way.

    x: a number, or a tensor (...) of points, each of which has a slope of its own. h: a positive number, the same for all
    points. Returns a float64 tensor of the shape of x; for a number a 0-d tensor or, just as well, a Python float.
    f may be anything: has it a corner or a jump between x - h and x + h, the result is what the formula gives. Where f is
    NaN at x - h or x + h, so is the result.
    (x is not much larger than 10 here, and so x + h is rounded so little that it does not matter.)

        derivative(lambda t: t**3, 2.0, h=0.5)                        -> 12.25        # the slope itself would be 12
        derivative(lambda t: t**2, torch.tensor([[1, 2], [3, -4]]))   -> tensor([[2., 4.], [6., -8.]], dtype=torch.float64)
    """
    raise NotImplementedError


def newton_root(f, x0, steps=50, tolerance=1e-8):
    """A place where f is zero, by Newton's method: from x to the root of the tangent at x, and again from there.

    x0: the start, a number or a 0-d tensor. The slope is that of `derivative`, with its own default step.
    One step moves x to a new place. The first step that moves it by `tolerance` or less (to the left or to the right) is
    the last, and the place that it led to is returned, as a 0-d float64 tensor or a Python float.
    Where f(x) is exactly 0, at x0 or later, x is the root, and the slope there does not matter. (Whether f is asked once
    more after the last of `steps` steps is left to you.)

    Raises a RuntimeError where there is no root to return:
    - `steps` steps were made, and the last of them still moved x by more than `tolerance`;
    - the slope is exactly 0 at an x where f is not;
    - f, its slope or x is infinite or NaN on the way.

    Here is f(x) = x**2 - 2 from x0 = 1: the first step leads to 1.5 (a move of 0.5), the second to 1.416667 (0.083333),
    the third to 1.414216 (0.002451), the fourth to 1.414214 (0.000002).

        f = lambda x: x**2 - 2
        newton_root(f, 1.0)                              -> 1.414213562373095
        newton_root(f, 1.0, tolerance=0.1)               -> 1.416667
        newton_root(f, 1.0, steps=2, tolerance=0.1)      -> 1.416667
        newton_root(f, 1.0, steps=1, tolerance=0.1)      # RuntimeError
        newton_root(lambda x: x**2 + 2, 0.0)             # RuntimeError
        newton_root(lambda x: (x - 3) ** 2, 3)           -> 3.0
    """
    raise NotImplementedError
