"""Integrals: the area under a curve by Simpson's rule, and an integral over a box by random points.

Two functions, each a few lines. All computing is done in float64, whatever the bounds come in; tensors that were passed in
are not changed.
"""


def simpson(f, a, b, n):
    """The integral of f from a to b, by Simpson's rule with n parts of equal width.

    f: a function that takes a float64 tensor of any shape and returns a float64 tensor of the same shape, entry by entry.
    Always hand it float64 tensors. a, b: finite Python numbers, or 0-d tensors of any real dtype. With b below a the result
    has the opposite sign, with b equal to a it is 0.
    n: how many parts the interval is cut into. Parts are taken two at a time: where n is odd, or below 2, raise a ValueError.

    With the places x_0 = a, x_1, …, x_n = b at equal distances h, each two neighboring parts contribute what the parabola
    through their three values has: h / 3 × (f(left) + 4 f(middle) + f(right)). Returns a 0-d float64 tensor, or a Python float.
    The result is that of the rule, whatever f is: with corners and jumps as well. (f has values a little beyond a and b, too, so
    that it does not matter how x_n is rounded.)

        simpson(lambda x: x**2, 0, 2, n=2)       -> 2.666667        # 1/3 × (0 + 4 + 4)
        simpson(lambda x: x**4, 0, 2, n=2)       -> 6.666667        # the integral itself is 6.4
        simpson(lambda x: x**4, 0, 2, n=4)       -> 6.416667
        simpson(lambda x: x**4, 2, 0, n=4)       -> -6.416667
        simpson(torch.sin, 0, 1, n=3)            # ValueError
    """
    raise NotImplementedError


def monte_carlo_integral(f, low, high, n, generator):
    """An estimate of the integral of f over a box: n random points, the mean of f at these, times the volume of the box.

    low, high: tensors of shape (d,), d at least 1, of any real dtypes: point x is in the box if low[i] <= x[i] <= high[i] for each i.
    No entry of low is above that of high; where they are equal, the box has no volume and the result is 0.
    f: a function that takes a float64 tensor (m, d), a point in each row, and returns a float64 tensor (m,).
    n: how many points there are, and f is asked about each of them once; you may hand them over all together or in parts.
    generator: a torch.Generator. All randomness comes from it, and it is used as it comes: neither seeded nor copied. The
    points are independent of each other, and uniform in the box. (How many numbers you draw for that is up to you.)
    Returns a 0-d float64 tensor, or a Python float.
    Where low and high have different shapes, also such as would broadcast, raise a ValueError. The same where n is below 1.

        generator = torch.Generator().manual_seed(0)
        low, high = torch.tensor([0., 1.]), torch.tensor([2., 4.])
        monte_carlo_integral(lambda p: p[:, 0] * 0 + 5, low, high, 10, generator)       -> 30.0     # 5 × the volume, 2 × 3
        monte_carlo_integral(lambda p: p[:, 0] * p[:, 1], low, high, 10000, generator)  -> 15 and a little, or 15 less a little
    """
    raise NotImplementedError
