"""Rotary positions: the table of turns, and queries and keys turned by it.

Two functions. The conventions hold for both:

- The numbers of a head are taken in pairs, and each pair is an arrow in a plane. The pairs are *halves*: entry i makes
  a pair with entry i + head_dim / 2, as in the checkpoints of Llama on the Hub. (The paper pairs neighbors: 2i
  and 2i + 1.)
- The tables cos and sin have shape (n, head_dim). Both halves of a row hold the same numbers: one for each pair, twice.
- Positions are counted from 0.
- Inputs are not changed.
"""


def rope_frequencies(head_dim, n, theta=10000.0):
    """The cosines and sines of all turns, for n positions.

    Returns two tensors (cos, sin), each of shape (n, head_dim), float32 *whatever torch's default dtype is* (bfloat16,
    which is often the default while a model is loaded, has no 257). Pair i of position p turns by
    p / theta^(2i / head_dim) radians, for i from 0 to head_dim / 2 - 1. Columns i and i + head_dim / 2 of row p hold
    the cosine (in the other table the sine) of that angle.
    head_dim is even; where it is odd or less than 2, raises a ValueError. n
    is at least 1 and may be some thousands; rounding as it comes with float32 is accepted. Each call returns new
    tensors that the caller may change.

        cos, sin = rope_frequencies(4, 3)       # pairs (0, 2) and (1, 3), angles p and p / 100
        cos     -> tensor([[ 1.0000, 1.0000,  1.0000, 1.0000],
                           [ 0.5403, 0.9999,  0.5403, 0.9999],
                           [-0.4161, 0.9998, -0.4161, 0.9998]])
        sin     -> tensor([[0.0000, 0.0000, 0.0000, 0.0000],
                           [0.8415, 0.0100, 0.8415, 0.0100],
                           [0.9093, 0.0200, 0.9093, 0.0200]])
    """
    raise NotImplementedError


def apply_rope(x, cos, sin):
    """Every pair of every position turned by its angle, counterclockwise.

    x: (..., n, head_dim), queries or keys after they have been cut into heads; there may be no dimension before n, or
    several.
    cos, sin: (n, head_dim), row r for row r of x, whatever position that is: the caller has picked the rows.
    A pair (a, b), that is entries i and i + head_dim / 2, becomes (a cos - b sin, a sin + b cos), at the same places.
    Returns a tensor of x's shape and x's dtype: float64, float32, bfloat16 or float16. The tables may have another
    floating dtype than x, usually float32. Gradients flow through to x. Tensors need not be contiguous.
    Raises a ValueError where the shape of cos or of sin is not exactly that of the last two dimensions of x. Tables of
    one row are not stretched, and longer ones not cut: who knows which positions are meant is the caller.

        x = tensor([[3., 0., 4., 10.]])                             # one position; pairs (3, 4) and (0, 10)
        cos = tensor([[0.6, 0., 0.6, 0.]])
        sin = tensor([[0.8, 1., 0.8, 1.]])                          # the second pair: a quarter turn
        apply_rope(x, cos, sin)     -> tensor([[-1.4, -10.0, 4.8, 0.0]])
    """
    raise NotImplementedError
