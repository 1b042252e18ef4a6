"""Telling attention where tokens stand: waves to be added to the input, a penalty for distance, clipped distances.

Three functions that make tables. The conventions hold for all of them:

- Positions are counted from 0. n is a whole number, at least 1.
- In a square table a row is a query (i) and a column is a key (j), as in the scores of attention.
- Numbers that are not whole are float32, *whatever torch's default dtype is*. (While a model is loaded in half
  precision the default is often bfloat16, which has no 257: name the dtype where you make a tensor.) Whole numbers are
  int64.
- Each call returns a new tensor that the caller may change.
"""


def sinusoidal_positions(n, dim):
    """A vector of dim numbers for each of n positions: sines and cosines of waves, from fast to slow.

    Returns (n, dim). Columns 2i and 2i + 1 are a pair with one angle: for position p it is p / 10000^(2i / dim).
    Column 2i holds its sine, column 2i + 1 its cosine. So sines and cosines alternate (some code puts all sines first;
    here not).
    Raises a ValueError where dim is odd or less than 2. n may be some thousands; rounding as it comes with
    float32 is accepted.

        sinusoidal_positions(3, 4)      -> tensor([[0.0000,  1.0000, 0.0000, 1.0000],      # angles 0 and 0
                                                   [0.8415,  0.5403, 0.0100, 0.9999],      # angles 1 and 0.01
                                                   [0.9093, -0.4161, 0.0200, 0.9998]])     # angles 2 and 0.02
    """
    raise NotImplementedError


def alibi_bias(heads, n):
    """What each head adds to its scores so that keys count less the farther back they lie.

    Returns (heads, n, n): entry [h, i, j] is -slope[h] * (i - j) for keys j up to i, and 0 for keys after i (those are
    the causal mask's affair). The slopes of a number of heads that is a power of two are 2^(-8/heads), 2^(-16/heads),
    2^(-24/heads), ..., 2^(-8): each is the one before times the first. For other numbers of heads: first all slopes of
    the largest power of two below that number; then, of the slopes that twice that power would have, the first, the
    third, the fifth and so on, until there are enough. That is the order of the authors' code, and models rely on it.
    Raises a ValueError where heads is less than 1.

        alibi_bias(2, 3)                # slopes 2^-4 = 0.0625 and 2^-8 = 0.0039
            -> tensor([[[ 0.0000,  0.0000, 0.0000],
                        [-0.0625,  0.0000, 0.0000],
                        [-0.1250, -0.0625, 0.0000]],
                       [[ 0.0000,  0.0000, 0.0000],
                        [-0.0039,  0.0000, 0.0000],
                        [-0.0078, -0.0039, 0.0000]]])

        slopes of 3 heads: 2^-4, 2^-8 (those of 2 heads), 2^-2 (the first of 4 heads: 2^-2, 2^-4, 2^-6, 2^-8)
    """
    raise NotImplementedError


def relative_positions(n, max_distance):
    """Where each key lies as seen from each query, as the number of a row in a learned table.

    Returns (n, n) in int64: entry [i, j] is the distance j - i, but no less than -max_distance and no more than
    max_distance, plus max_distance. So the results lie between 0 (far behind) and 2 * max_distance (far ahead), and
    max_distance itself is the query's own position.
    Raises a ValueError where max_distance is negative. 0 is allowed: then all are the same.

        relative_positions(4, 2)        -> tensor([[2, 3, 4, 4],
                                                   [1, 2, 3, 4],
                                                   [0, 1, 2, 3],
                                                   [0, 0, 1, 2]])
    """
    raise NotImplementedError
