"""Gradients: the slopes of a function of many numbers, its slope in any direction, and a check of somebody's gradient.

Three functions, each a few lines. The conventions hold for all of them:

- x is a tensor of any shape (...): a vector, a matrix of weights, even a single number. It may have any real dtype and
  need not be contiguous. Turn it into float64 first, and compute everything in float64.
- f is a function that takes a float64 tensor of the shape of x and returns one number, as a 0-d float64 tensor: a loss,
  for instance. It takes one x at a time, no batches. It is smooth.
- Slopes are measured with central differences, (f(x + step) - f(x - step)) / 2h. Take h = 1e-4. (Any h and any such formula
  will do that gives six digits where the values of f are up to a thousand times as large as its slopes; a one-sided
  difference does not.) You may call what you built in the topic on derivatives, or write it again.
- Tensors that were passed in are not changed, and are as they were while f is running: f may use x itself.

PyTorch's own differentiation is switched off here: it is exact, and it is the subject of a later topic.
"""


def gradient(f, x):
    """The gradient of f at x: for each entry of x, how much f rises if that entry alone grows, for each unit of the way.

    x: (...). Returns a float64 tensor (...) of the same shape. An x without entries has a gradient without entries.

        f = lambda x: x[0]**2 * x[1]
        gradient(f, torch.tensor([3., 5.]))                          -> tensor([30., 9.], dtype=torch.float64)
        gradient(lambda w: (w**2).sum(), torch.tensor([[1, 0, -2]])) -> tensor([[2., 0., -4.]], dtype=torch.float64)
    """
    raise NotImplementedError


def directional_derivative(f, x, direction):
    """The slope of f at x if one walks in this direction: how much f rises for each unit of the way.

    x, direction: (...), of the same shape; direction may have another dtype than x. Only the direction counts, not how long
    the tensor is that gives it: 3 * direction has the same result. The length is that of all entries together, the root of
    the sum of their squares, also where they form a matrix.
    Returns a 0-d float64 tensor, or a Python float.
    Raises a ValueError where the two shapes differ, also where PyTorch would broadcast them, and where direction is zero.

        f = lambda x: x[0]**2 * x[1]
        directional_derivative(f, torch.tensor([3., 5.]), torch.tensor([0., 2.]))     -> 9.
        directional_derivative(f, torch.tensor([3., 5.]), torch.tensor([4, -3]))      -> 18.6       # (4·30 - 3·9) / 5
    """
    raise NotImplementedError


def gradient_check(f, grad, x, tolerance=1e-5):
    """Is grad the gradient of f? It is compared at x with the gradient that is measured.

    grad: a function that takes a float64 tensor of the shape of x and returns a tensor, of any real dtype: what somebody
    claims to be the gradient there. Returns True or False. It is True if

    - what grad returns has the shape of x (a shape that broadcasts to it is another shape), and
    - for every entry, |claimed - measured| is at most tolerance * (1 + |measured|). NaN is never right, whichever has it.

        f = lambda x: (x**3).sum()
        x = torch.tensor([1., -2., 10.])
        gradient_check(f, lambda x: 3 * x**2, x)                     -> True
        gradient_check(f, lambda x: 2 * x**2, x)                     -> False
        gradient_check(f, lambda x: 3.001 * x**2, x)                 -> False
        gradient_check(f, lambda x: 3.001 * x**2, x, tolerance=0.01) -> True
        gradient_check(f, lambda x: (3 * x**2).sum(), x)             -> False      # another shape
    """
    raise NotImplementedError
