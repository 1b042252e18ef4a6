"""What is inside the optimizers of the numerical libraries: a step length by trial, and a memory that stands for curvature.

Two functions; the second uses the first. The conventions hold for both:

- f and grad are functions of one tensor, in the shape (...) and dtype of x. f returns one number (a 0-d tensor or a float),
  which may be infinite or NaN where f is not defined. grad returns the gradient, a tensor of the shape and dtype of x; it may
  be one that the caller uses again at the next call, or even the one that it was given, so copy what you keep.
- x, x0 and direction are tensors of float32 or float64 and of any shape, contiguous or not. A dot product is the sum over
  all entries, whatever the shape. Tensors that were passed in are not changed, not
  even for a moment: f may look at them.
- Calls are what costs, so they are counted. Leave autograd's recording on, for f and grad may use it.
"""


def backtracking_step(f, grad, x, direction):
    """How far to go from x along the direction: the first of 1, 1/2, 1/4, 1/8, … with which f goes down enough.

    "Enough" is Armijo's condition. Let m = gradient at x · direction, the slope of f along the direction. The length t is
    enough if

        f(x + t · direction)  is at most  f(x) + 0.0001 · t · m

    f(x) is finite; a NaN or plus infinity at a trial is never enough. Returns t, a Python float; 0.0 if none of the first 60 lengths is
    enough. Call grad once, and f once at x and then once for each length that is tried: nothing twice, nothing beyond.
    Compare in the precision of x and of Python's floats: in float64 a height of 1e9 and one of 1e9 + 0.1 are different.
    Raises a ValueError if the direction does not lead down: m is zero, above zero, or NaN.

        f = lambda x: 2 * (x**2).sum()
        grad = lambda x: 4 * x
        x = torch.tensor([1.0])                                  # f = 2, gradient 4
        backtracking_step(f, grad, x, torch.tensor([-4.0]))      -> 0.25
        # t = 1: f(-3) = 18; t = 1/2: f(-1) = 2, not lower than f(x); t = 1/4: f(0) = 0, enough
        backtracking_step(f, grad, x, torch.tensor([-0.1]))      -> 1.0
        backtracking_step(f, grad, x, torch.tensor([4.0]))       raises a ValueError: it leads up
    """
    raise NotImplementedError


def lbfgs(f, grad, x0, memory=10, steps=100):
    """Where L-BFGS comes to from x0: at most so many steps, each along a direction that the last `memory` steps have bent.

    After each step a pair is noted: s, the step that was taken, and y, the change of the gradient along it. The direction of
    the next step follows from the gradient g and the pairs (s_1, y_1), …, (s_k, y_k), the newest last:

        q = -g
        from the newest pair to the oldest:     a_i = (s_i · q) / (s_i · y_i),   q becomes q - a_i y_i
        q becomes q · (s_k · y_k) / (y_k · y_k)                                  # the newest pair; without any pair, nothing
        from the oldest pair to the newest:     b_i = (y_i · q) / (s_i · y_i),   q becomes q + (a_i - b_i) s_i
        q is the direction

    - At most `memory` pairs are kept: the newest ones.
    - A pair is kept only if s · y is above zero, by some small margin of your choice against rounding (no more than
      1e-8 of |s| |y|). Without this the direction may lead up.
    - The length of each step is that of backtracking_step. (You may search better, as long as no step ends higher than it
      began. Where a pair was left out, the scale of the old ones is too small and the method creeps; the reference then makes
      the next direction longer: twice what the last step took of it. No check asks for that.)
    - If no length is found, or the direction does not lead down, forget the pairs and try minus the gradient; if that finds
      none either, it is over.
    - It is also over where the gradient is zero, and it may be over where nothing is left but rounding.
    - Returns the last place, a tensor of the shape and dtype of x0; x0 itself or a copy for steps = 0.
    - Raises a ValueError for a memory below 1 and for steps below 0.

    What is checked is where it comes to, not the way there: how small the gradient has become, that it has not gone up,
    and how often f and grad were called: grad at most steps + 1 times, f not much more often than two times a step.

        f = lambda x: x[0]**2 + 50 * x[1]**2 + x[0] * x[1]
        grad = lambda x: torch.stack([2 * x[0] + x[1], 100 * x[1] + x[0]])
        lbfgs(f, grad, torch.tensor([4.0, 1.0]), steps=20)       -> tensor([0., 0.]) up to 1e-5
        # plain gradient descent with the best fixed rate is still 1.84 away from it after 20 steps
    """
    raise NotImplementedError
