"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.transformer import apply_rope, rope_frequencies


def _even(head_dim):
    if head_dim < 2 or head_dim % 2:
        raise ValueError(f"head_dim {head_dim}")


def _rates(head_dim, theta):
    return theta ** -(torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)


def _tables(n, rates, first=0):
    angles = torch.outer(torch.arange(first, first + n, dtype=torch.float64), rates)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos().float(), angles.sin().float()


# ── rope_frequencies ──


@replaces("rope_frequencies")
def each_angle_twice_in_a_row(head_dim, n, theta=10000.0):
    """Each angle stands in two columns side by side, as fits pairs of neighbors. Here the pairs are halves: columns i
    and i + head_dim / 2."""
    _even(head_dim)
    cos, sin = _tables(n, _rates(head_dim, theta))
    half = head_dim // 2
    return cos[:, :half].repeat_interleave(2, dim=-1), sin[:, :half].repeat_interleave(2, dim=-1)


@replaces("rope_frequencies")
def each_angle_once(head_dim, n, theta=10000.0):
    """The tables are half as wide as they should be: each angle is there once. It belongs to two entries of a vector,
    and is to stand at both places."""
    cos, sin = rope_frequencies(head_dim, n, theta)
    return cos[:, : head_dim // 2].clone(), sin[:, : head_dim // 2].clone()


@replaces("rope_frequencies")
def sines_before_cosines(head_dim, n, theta=10000.0):
    """The two tables are returned in the wrong order: cosines first, then sines."""
    cos, sin = rope_frequencies(head_dim, n, theta)
    return sin, cos


@replaces("rope_frequencies")
def the_angles_themselves(head_dim, n, theta=10000.0):
    """What is returned are the angles. Their cosines and sines are wanted."""
    _even(head_dim)
    angles = torch.outer(torch.arange(n, dtype=torch.float64), _rates(head_dim, theta)).repeat(1, 2).float()
    return angles, angles.clone()


@replaces("rope_frequencies")
def complex_numbers(head_dim, n, theta=10000.0):
    """One tensor of complex numbers came back (as in Meta's own code). Two real tensors are wanted, cosines and
    sines."""
    _even(head_dim)
    angles = torch.outer(torch.arange(n, dtype=torch.float64), _rates(head_dim, theta))
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)


@replaces("rope_frequencies")
def a_speed_for_each_column(head_dim, n, theta=10000.0):
    """Each column has a speed of its own. The two entries of a pair turn together: there are only head_dim / 2
    speeds."""
    _even(head_dim)
    angles = torch.outer(
        torch.arange(n, dtype=torch.float64), theta ** -(torch.arange(head_dim, dtype=torch.float64) / head_dim)
    )
    return angles.cos().float(), angles.sin().float()


@replaces("rope_frequencies")
def exponent_without_its_two(head_dim, n, theta=10000.0):
    """The exponent is i / head_dim where 2i / head_dim is wanted, with i the number of the pair: the speeds do not
    become slow enough."""
    _even(head_dim)
    return _tables(n, _rates(head_dim, theta) ** 0.5)


@replaces("rope_frequencies")
def exponent_with_two_twos(head_dim, n, theta=10000.0):
    """The exponents run up to 2 instead of 1: doubled by counting in steps of two, and once more by another two or by
    dividing by half of head_dim."""
    _even(head_dim)
    return _tables(n, _rates(head_dim, theta) ** 2)


@replaces("rope_frequencies")
def turns_that_become_faster(head_dim, n, theta=10000.0):
    """The position is multiplied by the power of theta where it should be divided by it. Later pairs are to turn more
    slowly."""
    _even(head_dim)
    return _tables(n, 1.0 / _rates(head_dim, theta))


@replaces("rope_frequencies")
def speeds_down_to_the_last(head_dim, n, theta=10000.0):
    """The slowest speed is exactly 1 / theta, since the exponent was divided by the number of pairs less one. The
    exponent of the last pair is a little short of 1 here."""
    _even(head_dim)
    pairs = head_dim // 2
    return _tables(n, theta ** -(torch.arange(pairs, dtype=torch.float64) / max(pairs - 1, 1)))


@replaces("rope_frequencies")
def theta_ignored(head_dim, n, theta=10000.0):
    """theta makes no difference: 10000 was written into the formula. Models differ in it (Llama 3 has 500000)."""
    return rope_frequencies(head_dim, n)


@replaces("rope_frequencies")
def theta_as_a_whole_number(head_dim, n, theta=10000.0):
    """theta was rounded to a whole number."""
    return rope_frequencies(head_dim, n, float(int(theta)))


@replaces("rope_frequencies")
def whole_turns(head_dim, n, theta=10000.0):
    """The angles were multiplied by 2 pi, as if a speed were a number of turns. They are in radians as they come."""
    _even(head_dim)
    return _tables(n, 2 * math.pi * _rates(head_dim, theta))


@replaces("rope_frequencies")
def degrees(head_dim, n, theta=10000.0):
    """The angles were taken for degrees. They are in radians, as torch.cos wants them."""
    _even(head_dim)
    return _tables(n, torch.deg2rad(_rates(head_dim, theta)))


@replaces("rope_frequencies")
def positions_from_one(head_dim, n, theta=10000.0):
    """Positions were counted from 1. The first has number 0 and does not turn. (For scores it would make no
    difference, since only distances count; but caches and other people's code count from 0.)"""
    _even(head_dim)
    return _tables(n, _rates(head_dim, theta), first=1)


@replaces("rope_frequencies")
def tables_transposed(head_dim, n, theta=10000.0):
    """The tables lie on their side: a row is to be a position."""
    cos, sin = rope_frequencies(head_dim, n, theta)
    return cos.T.contiguous(), sin.T.contiguous()


@replaces("rope_frequencies")
def tables_with_dimensions_in_front(head_dim, n, theta=10000.0):
    """The tables have dimensions for batch and head in front. Shape (n, head_dim) is wanted, from which rows can be
    picked."""
    cos, sin = rope_frequencies(head_dim, n, theta)
    return cos[None, None], sin[None, None]


@replaces("rope_frequencies")
def tables_in_double(head_dim, n, theta=10000.0):
    """The tables are float64. float32 is wanted."""
    cos, sin = rope_frequencies(head_dim, n, theta)
    return cos.double(), sin.double()


@replaces("rope_frequencies")
def tables_in_the_default_dtype(head_dim, n, theta=10000.0):
    """The tables follow torch's default dtype. While a model is loaded in half precision that is bfloat16, in which
    positions from 257 on share their numbers: name float32 where numbers are made."""
    _even(head_dim)
    rates = torch.exp(torch.arange(0, head_dim, 2) * (-math.log(theta) / head_dim))
    angles = torch.outer(torch.arange(n).to(rates.dtype), rates)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


@replaces("rope_frequencies")
def angles_from_half_precision(head_dim, n, theta=10000.0):
    """The tables are float32, but speeds or positions went through half precision on the way, and far positions are
    off by whole turns."""
    _even(head_dim)
    return _tables(n, _rates(head_dim, theta).to(torch.bfloat16).double())


_kept = {}


@replaces("rope_frequencies")
def tables_shared_by_all_callers(head_dim, n, theta=10000.0):
    """The same tables are handed out each time. Once somebody edits theirs, every later caller gets the edited ones."""
    if (head_dim, n, theta) not in _kept:
        _kept[head_dim, n, theta] = rope_frequencies(head_dim, n, theta)
    return _kept[head_dim, n, theta]


@replaces("rope_frequencies")
def odd_numbers_accepted(head_dim, n, theta=10000.0):
    """An odd head_dim is not refused with a ValueError: one number would be left without a partner."""
    if head_dim < 1:
        raise ValueError(f"head_dim {head_dim}")
    return _tables(n, _rates(head_dim, theta))


@replaces("rope_frequencies")
def no_numbers_accepted(head_dim, n, theta=10000.0):
    """A head_dim of 0, or a negative one, is even and is let through. It is to be refused with a ValueError."""
    if head_dim % 2:
        raise ValueError(f"head_dim {head_dim}")
    return rope_frequencies(head_dim, n, theta) if head_dim > 0 else (torch.zeros(n, 0), torch.zeros(n, 0))


# ── apply_rope ──


def _fits(x, cos, sin):
    if cos.shape != x.shape[-2:] or sin.shape != x.shape[-2:]:
        raise ValueError(f"{tuple(x.shape)}, {tuple(cos.shape)}, {tuple(sin.shape)}")
    return cos.to(x.dtype), sin.to(x.dtype)


@replaces("apply_rope")
def neighbors_as_pairs(x, cos, sin):
    """Neighboring entries, 2i and 2i + 1, were turned as pairs (the paper's form). Here entry i belongs to entry
    i + head_dim / 2. Weights that were trained with one do not work with the other."""
    cos, sin = _fits(x, cos, sin)
    half = x.shape[-1] // 2
    a, b, c, s = x[..., 0::2], x[..., 1::2], cos[:, :half], sin[:, :half]
    return torch.stack((a * c - b * s, a * s + b * c), dim=-1).flatten(-2)


@replaces("apply_rope")
def neighbors_turned_by_halves(x, cos, sin):
    """The quarter turn was made with neighbors (2i and 2i + 1), while the tables are laid out for halves: the two
    entries of a pair are turned by different angles."""
    cos, sin = _fits(x, cos, sin)
    turned = torch.stack((-x[..., 1::2], x[..., 0::2]), dim=-1).flatten(-2)
    return x * cos + turned * sin


@replaces("apply_rope")
def turned_clockwise(x, cos, sin):
    """The turn goes the wrong way round: the minus sign stands with the other half. (Scores would come out the same if
    queries and keys both do it; other people's caches and weights would not fit.)"""
    cos, sin = _fits(x, cos, sin)
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((second, -first), dim=-1) * sin


@replaces("apply_rope")
def halves_exchanged_without_a_sign(x, cos, sin):
    """The halves changed places, but none changed its sign. That is a reflection and no turn: lengths change."""
    cos, sin = _fits(x, cos, sin)
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((second, first), dim=-1) * sin


@replaces("apply_rope")
def halves_not_exchanged(x, cos, sin):
    """The sign of one half was changed, but the halves did not change places: the arrow was mirrored, not turned by a
    quarter."""
    cos, sin = _fits(x, cos, sin)
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-first, second), dim=-1) * sin


@replaces("apply_rope")
def both_products_with_the_same(x, cos, sin):
    """The sines were multiplied with x itself. They belong to x turned by a quarter."""
    cos, sin = _fits(x, cos, sin)
    return x * cos + x * sin


@replaces("apply_rope")
def both_signs_changed(x, cos, sin):
    """Both halves of the quarter turn have a minus sign. One of them has none: turning (1, 0) by a quarter gives (0,
    1)."""
    cos, sin = _fits(x, cos, sin)
    first, second = x.chunk(2, dim=-1)
    return x * cos - torch.cat((second, first), dim=-1) * sin


@replaces("apply_rope")
def sines_and_cosines_exchanged(x, cos, sin):
    """Cosines and sines have changed roles: x itself goes with the cosines. Without a turn, nothing may change."""
    return apply_rope(x, sin, cos)


@replaces("apply_rope")
def only_the_first_half_returned(x, cos, sin):
    """Only the first entries of the pairs came back. The result has the shape of x."""
    return apply_rope(x, cos, sin).chunk(2, dim=-1)[0]


@replaces("apply_rope")
def second_half_left_alone(x, cos, sin):
    """The first entry of each pair is right, the second is as it was. Both entries of an arrow move when it turns."""
    first = apply_rope(x, cos, sin).chunk(2, dim=-1)[0]
    return torch.cat((first, x.chunk(2, dim=-1)[1]), dim=-1)


@replaces("apply_rope")
def second_half_from_the_new_first(x, cos, sin):
    """The second entry of each pair was computed from the new first entry, which had been overwritten already. Both
    are to be computed from the old pair."""
    cos, sin = _fits(x, cos, sin)
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    first = first * cos[:, :half] - second * sin[:, :half]
    second = first * sin[:, half:] + second * cos[:, half:]
    return torch.cat((first, second), dim=-1)


@replaces("apply_rope")
def halves_put_together_in_turn(x, cos, sin):
    """The arrows were turned rightly, but their entries were put back as neighbors. Entry i and i + head_dim / 2 are
    to return to their own places."""
    first, second = apply_rope(x, cos, sin).chunk(2, dim=-1)
    return torch.stack((first, second), dim=-1).flatten(-2)


@replaces("apply_rope")
def tables_added(x, cos, sin):
    """The tables were added to the vectors, as with sinusoidal positions. Rotary positions multiply: they turn."""
    cos, sin = _fits(x, cos, sin)
    return x + cos + sin


@replaces("apply_rope")
def cosines_only(x, cos, sin):
    """The vectors were multiplied by the cosines, and that is all. That shrinks them; a turn needs the sines, too."""
    cos, _ = _fits(x, cos, sin)
    return x * cos


@replaces("apply_rope")
def own_tables(x, cos, sin):
    """The tables that were passed in were not used: the angles were computed anew, from position 0 and with the usual
    theta. The caller has picked the rows, and may have another theta."""
    _fits(x, cos, sin)
    return apply_rope(x, *rope_frequencies(x.shape[-1], x.shape[-2]))


@replaces("apply_rope")
def first_row_for_all(x, cos, sin):
    """All positions were turned by the angles of the first row. Each row of x has a row of its own in the tables."""
    cos, sin = _fits(x, cos, sin)
    return apply_rope(x, cos[:1].expand_as(cos), sin[:1].expand_as(sin))


@replaces("apply_rope")
def rows_in_reverse(x, cos, sin):
    """The rows of the tables were used from the last to the first."""
    cos, sin = _fits(x, cos, sin)
    return apply_rope(x, cos.flip(0), sin.flip(0))


@replaces("apply_rope")
def positions_in_front_of_heads(x, cos, sin):
    """The tables were laid along the third dimension from the end, where another layout, (batch, n, heads, head_dim),
    has its positions. Here the heads stand before the positions."""
    cos, sin = _fits(x, cos, sin)
    if x.dim() < 3:
        return apply_rope(x, cos, sin)
    first, second = x.chunk(2, dim=-1)
    return x * cos.unsqueeze(-2) + torch.cat((-second, first), dim=-1) * sin.unsqueeze(-2)


@replaces("apply_rope")
def four_dimensions_only(x, cos, sin):
    """The shape of x was unpacked into four names: batch, heads, positions, numbers. There may be fewer dimensions in
    front, or more."""
    _fits(x, cos, sin)
    if x.dim() != 4:
        batch, heads, n, head_dim = x.shape
    return apply_rope(x, cos, sin)


@replaces("apply_rope")
def longer_tables_cut(x, cos, sin):
    """Tables longer than x were cut to their first rows. That is right only for a text that begins at position 0;
    while a model writes, every new token would be turned as if it were the first. Refuse what does not fit."""
    n = x.shape[-2]
    if cos.dim() == 2 and sin.dim() == 2 and len(cos) > n and len(sin) > n:
        cos, sin = cos[:n], sin[:n]
    return apply_rope(x, cos, sin)


@replaces("apply_rope")
def tables_not_compared(x, cos, sin):
    """The shapes were not compared. Tables that do not fit are stretched silently, where they can be, or fail with
    PyTorch's error, which is no ValueError."""
    first, second = x.chunk(2, dim=-1)
    return x * cos.to(x.dtype) + torch.cat((-second, first), dim=-1) * sin.to(x.dtype)


@replaces("apply_rope")
def sines_not_compared(x, cos, sin):
    """Only the cosines' shape was compared with x. The sines may have another one."""
    _fits(x, cos, cos)
    first, second = x.chunk(2, dim=-1)
    return x * cos.to(x.dtype) + torch.cat((-second, first), dim=-1) * sin.to(x.dtype)


@replaces("apply_rope")
def widths_not_compared(x, cos, sin):
    """Only the number of rows was compared. Tables of another width, such as one that holds each angle once, are to be
    refused, too."""
    rows = (x.shape[-2],)
    if cos.dim() != 2 or sin.shape != cos.shape or cos.shape[:1] != rows:
        raise ValueError(f"{tuple(x.shape)}, {tuple(cos.shape)}")
    first, second = x.chunk(2, dim=-1)
    return x * cos.to(x.dtype) + torch.cat((-second, first), dim=-1) * sin.to(x.dtype)


@replaces("apply_rope")
def dtype_of_the_tables(x, cos, sin):
    """The result has the dtype that comes of multiplying x by the tables: half precision has become float32. The next
    matrix, in half precision, would refuse it."""
    _fits(x, cos, sin)
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


@replaces("apply_rope")
def always_float32(x, cos, sin):
    """The result is float32 whatever x is."""
    return apply_rope(x.float(), cos, sin)


@replaces("apply_rope")
def through_float32(x, cos, sin):
    """float64 went through float32 and came back with half of its digits."""
    return apply_rope(x.float(), cos, sin).to(x.dtype)


@replaces("apply_rope")
def tables_rounded_to_half(x, cos, sin):
    """The tables were rounded to half precision although x has more digits than that."""
    return apply_rope(x, cos.to(torch.bfloat16), sin.to(torch.bfloat16))


@replaces("apply_rope")
def input_turned_in_place(x, cos, sin):
    """The result is right, but x itself has been turned in place. The caller still needs it as it was."""
    result = apply_rope(x, cos, sin)
    if not x.requires_grad:
        x.copy_(result)
    return result


@replaces("apply_rope")
def sines_changed_in_place(x, cos, sin):
    """The result is right, but the sines that were passed in have been changed in place. The same tables serve every
    layer."""
    result = apply_rope(x, cos, sin)
    sin.neg_()
    return result


@replaces("apply_rope")
def turned_detached(x, cos, sin):
    """The numbers are right, but no gradient comes back through them: they were cut off from the graph (by detach,
    no_grad or NumPy)."""
    return apply_rope(x, cos, sin).detach()


@replaces("apply_rope")
def quarter_turn_detached(x, cos, sin):
    """The numbers are right, but the gradient is not: the part that was turned by a quarter was cut off from the
    graph."""
    cos, sin = _fits(x, cos, sin)
    first, second = x.detach().chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


@replaces("apply_rope")
def only_half_brought_back(x, cos, sin):
    """Half precision is kept, but float32 is not: with tables in float64 the result is float64. It has the dtype of x
    whatever that is, and whatever the tables are."""
    _fits(x, cos, sin)
    first, second = x.chunk(2, dim=-1)
    result = x * cos + torch.cat((-second, first), dim=-1) * sin
    return result.to(x.dtype) if x.dtype in (torch.bfloat16, torch.float16) else result


@replaces("apply_rope")
def batched_tables_accepted(x, cos, sin):
    """Only the last two dimensions of the tables were compared. Tables with more dimensions than two are to be refused:
    stretched over texts or heads, they may give the result more dimensions than x has."""
    if cos.shape[-2:] != x.shape[-2:] or sin.shape != cos.shape:
        raise ValueError(f"{tuple(x.shape)}, {tuple(cos.shape)}")
    first, second = x.chunk(2, dim=-1)
    return x * cos.to(x.dtype) + torch.cat((-second, first), dim=-1) * sin.to(x.dtype)
