"""Convex optimization: a test for convexity, Newton's method, and the nearest point of a convex set that language models use
all the time, the set of distributions.

Tensors that are passed in are not changed. More conventions stand with each function.
"""


def is_midpoint_convex(f, points):
    """Does f, in the middle between any two of these points, lie nowhere above the mean of its two values at the ends?

    f: takes one float64 tensor (...) and returns one number, a 0-d tensor. It may return infinity, where it is not defined.
    points: (n, ...), one point in each row, of any real dtype; turn them into float64 first. n may be 0 or 1.

    For every pair of points x, y let the mean be (f(x) + f(y)) / 2. The pair agrees with convexity if

        f((x + y) / 2)  is at most  the mean + 1e-9 · (1 + |f(x)| + |f(y)|)

    (the last term is for rounding). An infinite value in the middle is allowed where the mean is infinite as well. NaN, in the
    middle or at the end of a pair, never agrees.
    Returns True if all pairs agree, not only neighbors, and so also if there is no pair at all; otherwise False.

        points = torch.tensor([-1., 0., 2.])
        is_midpoint_convex(lambda x: x**2, points)               -> True
        is_midpoint_convex(lambda x: x**3, points)               -> False      # -1 and 0: (-0.5)³ is above (-1 + 0) / 2
        is_midpoint_convex(lambda x: 3 - 2 * x, points)          -> True       # a straight line is convex
    """
    raise NotImplementedError


def newton_minimize(grad, hess, x0, steps):
    """Newton's method, as it is: so many full steps, with no check and no search along the way.

    grad(x): the gradient at x, (n,). hess(x): the matrix of second derivatives at x, (n, n), symmetric and invertible, though
    not always with a minimum in mind: it may have negative eigenvalues. Both come in the dtype of x; call each once a step,
    at the present x, and not after the last step.
    x0: (n,), float32 or float64. In each step, x is replaced by the place where the gradient would be zero if the matrix were
    the same everywhere. Returns the last x, (n,), in the dtype of x0; x0 for steps = 0. There are always that many steps.
    Raises a ValueError for steps below 0.

        # f(x, y) = x² + x·y + 2y² - 7x: a quadratic function, for which one step is enough
        grad = lambda x: torch.stack([2 * x[0] + x[1] - 7, x[0] + 4 * x[1]])
        hess = lambda x: torch.tensor([[2., 1.], [1., 4.]])
        newton_minimize(grad, hess, torch.zeros(2), 1)           -> tensor([4., -1.])
    """
    raise NotImplementedError


def project_simplex(v):
    """The distribution that is nearest to v: of all vectors with no negative entry and the sum 1, the one with the smallest
    Euclidean distance to v.

    v: (..., n), floating point, in half precision too; each row along the last dimension is projected by itself. An entry of
    -inf is as low as can be and gets 0 (no row consists of such entries only).
    Returns (..., n), in the dtype of v. Gradients reach v (in these exercises no entry lies exactly at the border between
    getting nothing and getting something when gradients are asked for).
    Adding the same number to all entries does not change the result: make sure that this holds for large numbers, such as
    entries around 100000 in float32, and that entries of 1e30 do no harm.
    Raises a ValueError if there is no entry (n = 0, or v is a single number without dimensions).

        project_simplex(torch.tensor([0.5, 0.8, -1.0]))          -> tensor([0.3500, 0.6500, 0.0000])
        project_simplex(torch.tensor([0.2, 0.2]))                -> tensor([0.5, 0.5])
        project_simplex(torch.tensor([2.0, 0.5, 0.9]))           -> tensor([1., 0., 0.])
    """
    raise NotImplementedError
