"""Expected values and moments: what a random number is on average, and how it is spread.

Two functions, each a few lines of PyTorch. The conventions hold for both:

- A random variable is given by two tensors. values (..., n): the number that comes with each of n outcomes.
  probabilities (..., n): how probable each outcome is; entries of at least 0 that add up to 1, up to rounding. Nobody has to
  check that.
- The dimensions written ... are batch dimensions, none, one or several, and those of the two tensors broadcast as everywhere
  in PyTorch: values of (5, 1, n) with probabilities of (2, n) give results of (5, 2).
- probabilities are float32 or float64, and the result has their dtype. Values have the same dtype, or are whole numbers
  (int64) or truth values (bool: True counts 1, False 0).
- An outcome of probability 0 contributes nothing, whatever its value, infinity included. (An infinite value with a
  probability above 0 does not occur.)
- Tensors need not be contiguous. Inputs are not changed.
- Gradients flow through to both tensors. With respect to values they are right everywhere. With respect to probabilities
  only differences between outcomes are compared, since probabilities can only be moved from one outcome to another, and at
  outcomes of probability 0 they only have to be finite.
- Where the two numbers of outcomes differ, raise a ValueError with both shapes in its message. That includes one outcome
  against several, which PyTorch would stretch without a word.
"""


def expectation(values, probabilities):
    """The expected value: the mean of the values, each weighted with the probability of its outcome.

    values, probabilities: (..., n). Returns (...).

        p = tensor([0.5, 0.25, 0.25])
        expectation(tensor([1.0, 2.0, 6.0]), p)               -> tensor(2.5000)
        expectation(tensor([True, False, True]), p)           -> tensor(0.7500)        # the probability of the event
        expectation(tensor([[1, 2, 6], [0, 0, 4]]), p)        -> tensor([2.5000, 1.0000])
    """
    raise NotImplementedError


def moment(values, probabilities, k, central=False):
    """The k-th moment, which is the expected value of the k-th power; with central=True that of the distance from the mean.

    k: a whole number of at least 0 (a Python int); k = 0 gives 1, for a value of 0 as well. Values may be negative, and the
    distance from the mean has a sign, too. Nothing is divided by a standard deviation, and no root is taken.
    Returns (...). The powers fit into the dtype.
    Central moments must not lose their digits where the mean is large beside the spread: values around 1,000,000 with a
    spread of 1 are nothing special in float64. The first central moment is 0, up to rounding.
    Raises a ValueError where k is negative or not whole, such as 2.5.

        values, p = tensor([1.0, 2.0, 6.0]), tensor([0.5, 0.25, 0.25])
        moment(values, p, 1)                    -> tensor(2.5000)
        moment(values, p, 2)                    -> tensor(10.5000)
        moment(values, p, 2, central=True)      -> tensor(4.2500)       # the variance
        moment(values, p, 3, central=True)      -> tensor(9.0000)       # a long tail on the right
    """
    raise NotImplementedError
