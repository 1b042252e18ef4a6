"""Limits and continuity: what the values of a function come near to, and whether the function's own value is that.

Two functions. No number of values proves a limit; what you write has to judge from some dozens of them. What it will be
asked about is stated here, and every method that judges it rightly is accepted.

- f is a function that takes a float64 tensor of any shape and returns a float64 tensor of the same shape, entry by entry.
  A lambda of PyTorch's operations, such as `lambda t: torch.sin(t) / t`, is one. Always hand it float64 tensors.
- x is a Python int or float, or a 0-d tensor of any real dtype, and at most 10 in size. `limit` is also asked at math.inf
  and -math.inf. Tensors that were passed in are not changed.
- On each side of x, for steps h from 1e-8 to 0.1 (at infinity: t = 1 / h), f does one of three things:
  - it is smooth: L + a h + b h² + …, with coefficients of the size of L or of 10. Seven digits are asked for then: the
    result is to be off by no more than 1e-7 × (1 + |L|). (A single value will not always give them; but of two steps, one
    twice as long as the other, it is known in what proportion their errors are.)
  - it swings ever faster and dies away: it is never farther from L than 5h × (1 + |L|). Three digits are asked for:
    1e-3 × (1 + |L|).
  - it has no limit: it grows beyond all bounds, or swings without dying away, or is NaN at all of these steps.
- Where both sides have limits, these are equal or at least 0.01 × (1 + |L|) apart.
- Values may be differences of nearly equal numbers divided by h², such as (1 - cos h) / h². They have twelve digits at h = 0.01,
  eight at h = 1e-4, four at 1e-6, none at 1e-8. Nearer is not always better.
- It never happens that f is the same at all the steps 1/2, 1/4, 1/8, … or 0.1, 0.01, … by accident.
"""


def limit(f, x, side="both"):
    """The number that f(t) comes near to as t comes near to x, or NaN where there is none.

    x: see above; for math.inf, t grows beyond all bounds, for -math.inf it falls; there is one side then, whatever `side`.
    side: "right": t comes from above (t > x); "left": from below (t < x); f is asked on that side only. "both": from both,
    and where the two have no limit or different ones, there is none. For anything else raises a ValueError.
    What f is at x itself has no influence: it may be anything there, NaN or an error. f is never asked at x.
    Growing beyond all bounds is no limit, not even an infinite one: the result is NaN.
    Returns a 0-d float64 tensor, or a Python float.

        limit(lambda t: (t**2 - 4) / (t - 2), 2)              -> 4.0
        limit(torch.sign, 0.0, side="left")                   -> -1.0
        limit(torch.sign, 0.0)                                -> nan
        limit(lambda t: (1 - torch.cos(t)) / t**2, 0)         -> 0.5
        limit(lambda t: t * torch.sin(1 / t), 0)              -> 0.0        # here up to 0.001 off
        limit(lambda t: 1 / t**2, 0)                          -> nan
        limit(lambda t: (1 + 1 / t) ** t, math.inf)           -> 2.718282
    """
    raise NotImplementedError


def is_continuous_at(f, x, tolerance=1e-6):
    """Is f continuous at x: has it a limit there, from both sides, and is f(x) that limit?

    x: finite. Returns True where the limit exists and |limit - f(x)| is at most `tolerance`, else False. False, too, where
    f(x) is NaN or infinite. A large tolerance does not make up for a limit that is missing.
    (|limit - f(x)| is never between a third of the tolerance and three times the tolerance, and f(x) raises no error here.)

        is_continuous_at(torch.abs, 0)                                                      -> True
        is_continuous_at(torch.floor, 2.0)                                                  -> False
        is_continuous_at(torch.floor, 2.5)                                                  -> True
        is_continuous_at(torch.sqrt, 0)                                                     -> False  # nothing on the left
        is_continuous_at(lambda t: torch.sin(t) / t, 0)                                     -> False  # NaN at 0
        is_continuous_at(lambda t: torch.where(t == 1, 3.25, 2 + t), 1)                     -> False
        is_continuous_at(lambda t: torch.where(t == 1, 3.25, 2 + t), 1, tolerance=1)        -> True
    """
    raise NotImplementedError
