"""Random variables: cumulative probabilities, drawing by them, and probabilities from a density.

Three functions, each a few lines of PyTorch. Tensors that are passed in need not be contiguous, and are not changed.
"""


def cumulative(pmf):
    """The cumulative distribution: for each value the probability of this value or one that stands before it.

    pmf: (..., n), n at least 1: the probabilities of n values, in the order of the values, along the last dimension. The
    dimensions written ... are batch dimensions, none, one or several; each row is a distribution of its own.
    Returns (..., n), in pmf's dtype, which may be float64, float32, bfloat16 or float16.

    Entry i is the sum of the entries of pmf from the first to number i, that one included. Nothing else is done: where a row does
    not add up to 1, its last entry is not 1 either. Values at the beginning that are tiny keep their digits.
    The result is right to the dtype in half precision, too, for a row of hundreds of small entries: running sums that are
    themselves kept in half precision lose them.
    Gradients flow through to pmf.

        cumulative(tensor([0.5, 0.3, 0.2]))           -> tensor([0.5000, 0.8000, 1.0000])
        cumulative(tensor([[0.1, 0.9], [0.6, 0.2]]))  -> tensor([[0.1000, 1.0000], [0.6000, 0.8000]])

    PyTorch's and NumPy's functions for running sums are switched off here.
    """
    raise NotImplementedError


def sample_inverse(cdf, values, n, generator):
    """n independent draws from a distribution that is given by its cumulative probabilities.

    cdf: (m,), floating, m at least 1: cdf[i] is the probability of values[i] or one that stands before it. It never decreases, begins
    with the probability of the first value, and its last entry is 1 up to the rounding of its dtype, which may be half precision:
    there it may be 0.996. (Whether it is then scaled to 1, or its last value gets what is missing, is up to you.)
    values: (m,), of any dtype, in any order; the same value may be there twice, and each counts by itself.
    n: how many, at least 0; it may be larger or smaller than m. generator: a torch.Generator. All randomness comes from it: one state
    gives one result, a second call gives other numbers, and PyTorch's global random state is not touched.

    Returns (n,), in the dtype of values; the draws are independent, in no particular order. A value of probability 0 is never
    drawn, be it the first, the last, or between. How many uniform numbers you take, and how you find the value, is up to you.
    Raises a ValueError with both shapes in its message where cdf and values differ in shape.

        sample_inverse(tensor([0.5, 0.8, 1.0]), tensor([1, 2, 6]), 7, generator)      -> such as tensor([1, 1, 6, 1, 2, 2, 1])

    The uniform number 0.62 gives the value 2: it lies above 0.5 and below 0.8. Ready-made drawing of categories is switched off.
    """
    raise NotImplementedError


def density_to_probability(pdf, a, b, n=1000):
    """The probability that a value lies between a and b, from the density: the area under it.

    pdf: a function that takes a float64 tensor of any shape and returns the density at each entry, float64, in the same shape. It may be
    asked about n places, and about up to 4 n + 4. Always hand it float64 tensors.
    a, b: Python numbers, a at most b. a may be -math.inf, and b may be math.inf. n: into how many parts the interval is cut, from 1 on,
    even or odd. Returns a 0-d float64 tensor or a Python float. Where a equals b, that is 0.

    Which rule you take is up to you: heights in the middle of each part, trapezoids, parabolas.
    - For finite a and b it has to be as good as trapezoids with n equal parts, whose error is at most (b - a)³ / (12 n²) times the largest
      second derivative. A jump of the density on the way may cost its height times the width of one part.
    - With an infinite end, and n = 1000, it has to be right to a thousandth of itself, for smooth densities whose middle is within 2 of 0,
      with a spread from 0.5 to 2; a finite end lies at most 6 spreads from the middle. Their tails may be as heavy as those of
      1/x², so that no large number can stand for infinity: bring the infinite end near by a change of variables, such as
      x = a + t / (1 - t), where t goes from 0 to 1. The stretching has to be paid for: x grows by 1 / (1 - t)² for each unit of t.

    Nothing is scaled: with a pdf that is three times too large, so is the result.
    Raises a ValueError where b is below a, where n is below 1, and where pdf was negative at a place that you asked about.

        density_to_probability(lambda x: 2 * x, 0.5, 1.0)                   -> 0.7500
        density_to_probability(lambda x: torch.exp(-x), 1.0, math.inf)      -> 0.3679
        density_to_probability(lambda x: torch.exp(-x), 0, 2, n=2)          -> 0.9102 by trapezoids, 0.8297 by middles (it is 0.8647)
    """
    raise NotImplementedError
