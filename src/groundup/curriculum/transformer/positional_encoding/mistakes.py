"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.transformer import alibi_bias, alibi_slopes, relative_positions, sinusoidal_positions


def _even(dim):
    if dim < 2 or dim % 2:
        raise ValueError(f"dim {dim}")


def _angles(n, rates, first=0):
    return torch.arange(first, first + n, dtype=torch.float64).unsqueeze(-1) * rates


def _rates(dim, base=10000.0):
    return base ** -(torch.arange(0, dim, 2, dtype=torch.float64) / dim)


def _waves(angles):
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2).float()


# ── sinusoidal_positions ──


@replaces("sinusoidal_positions")
def cosines_first(n, dim):
    """Sines and cosines have changed places: the even columns, 0 among them, are to hold the sines."""
    _even(dim)
    angles = _angles(n, _rates(dim))
    return torch.stack((angles.cos(), angles.sin()), dim=-1).flatten(-2).float()


@replaces("sinusoidal_positions")
def all_sines_then_all_cosines(n, dim):
    """The numbers are right, but all sines stand in the first half of the columns and all cosines in the second. They
    are to alternate. Both orders are in use, and a trained model can read only the one that it was trained with."""
    _even(dim)
    angles = _angles(n, _rates(dim))
    return torch.cat((angles.sin(), angles.cos()), dim=-1).float()


@replaces("sinusoidal_positions")
def an_angle_for_each_column(n, dim):
    """Each column has a speed of its own, also within a pair. Column 2i + 1 is to have the angle of column 2i: only
    the sine and the cosine of one and the same angle make a point on a circle."""
    _even(dim)
    angles = _angles(n, 10000.0 ** -(torch.arange(dim, dtype=torch.float64) / dim))
    return torch.where(torch.arange(dim) % 2 == 0, angles.sin(), angles.cos()).float()


@replaces("sinusoidal_positions")
def exponent_without_its_two(n, dim):
    """The exponent is i / dim where 2i / dim is wanted, with i the number of the pair. The speeds end at 1/100 where
    they should come close to 1/10000."""
    _even(dim)
    return _waves(_angles(n, 10000.0 ** -(torch.arange(dim // 2, dtype=torch.float64) / dim)))


@replaces("sinusoidal_positions")
def exponent_with_two_twos(n, dim):
    """The exponents run up to 2 instead of 1: they were doubled twice, by counting columns in steps of two and
    multiplying by two again, or by dividing by half of dim."""
    _even(dim)
    return _waves(_angles(n, _rates(dim) ** 2))


@replaces("sinusoidal_positions")
def waves_that_become_faster(n, dim):
    """The position is multiplied by the power of 10000 where it should be divided by it. The later pairs are to turn
    more slowly than the first."""
    _even(dim)
    return _waves(_angles(n, 1.0 / _rates(dim)))


@replaces("sinusoidal_positions")
def exponent_in_whole_numbers(n, dim):
    """The exponent was computed by whole-number division, which makes it 0 in every pair: all pairs turn alike."""
    _even(dim)
    return _waves(_angles(n, torch.ones(dim // 2, dtype=torch.float64)))


@replaces("sinusoidal_positions")
def speeds_down_to_the_last(n, dim):
    """The speeds end at exactly 1/10000, since the exponent was divided by the number of pairs less one. Some
    libraries do that; here the exponent of the last pair is a little short of 1."""
    _even(dim)
    pairs = dim // 2
    return _waves(_angles(n, 10000.0 ** -(torch.arange(pairs, dtype=torch.float64) / max(pairs - 1, 1))))


@replaces("sinusoidal_positions")
def speeds_in_equal_steps(n, dim):
    """The speeds themselves fall in equal steps. It is their exponents that do: each pair is slower than the one
    before by the same factor."""
    _even(dim)
    return _waves(_angles(n, 1.0 - torch.arange(0, dim, 2, dtype=torch.float64) / dim))


@replaces("sinusoidal_positions")
def base_of_a_thousand(n, dim):
    """The base is 1000. It is 10000 here."""
    _even(dim)
    return _waves(_angles(n, _rates(dim, 1000.0)))


@replaces("sinusoidal_positions")
def whole_turns(n, dim):
    """The angles were multiplied by 2 pi, as if a speed were a number of turns. They are in radians as they come; with
    whole turns the first pair would be the same at every position."""
    _even(dim)
    return _waves(_angles(n, 2 * math.pi * _rates(dim)))


@replaces("sinusoidal_positions")
def positions_from_one(n, dim):
    """Positions were counted from 1. The first one has number 0: sines of 0, cosines of 1."""
    _even(dim)
    return _waves(_angles(n, _rates(dim), first=1))


@replaces("sinusoidal_positions")
def sines_only(n, dim):
    """All columns hold sines. From a sine alone one cannot tell whether the wave rises or falls: each pair needs the
    cosine, too."""
    _even(dim)
    angles = _angles(n, _rates(dim))
    return torch.stack((angles.sin(), angles.sin()), dim=-1).flatten(-2).float()


@replaces("sinusoidal_positions")
def waves_transposed(n, dim):
    """The table lies on its side: a row is to be a position, a column one entry of its vector."""
    return sinusoidal_positions(n, dim).T.contiguous()


@replaces("sinusoidal_positions")
def waves_with_a_batch_dimension(n, dim):
    """The table has a batch dimension in front. Shape (n, dim) is enough: it broadcasts when it is added to a batch."""
    return sinusoidal_positions(n, dim)[None]


@replaces("sinusoidal_positions")
def waves_in_double(n, dim):
    """The table is float64. Added to float32 embeddings it would make everything after it float64."""
    return sinusoidal_positions(n, dim).double()


@replaces("sinusoidal_positions")
def waves_in_the_default_dtype(n, dim):
    """The table follows torch's default dtype. While a model is loaded in half precision that is bfloat16, in which
    the positions themselves, from 257 on, can no longer be written down: name float32 where the numbers are made."""
    _even(dim)
    rates = torch.exp(torch.arange(0, dim, 2) * (-math.log(10000.0) / dim))
    angles = torch.arange(n).unsqueeze(-1) * rates
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)


@replaces("sinusoidal_positions")
def waves_from_half_precision(n, dim):
    """The table is float32, but positions or angles went through half precision on the way, where far positions share
    their angles."""
    _even(dim)
    rates = _rates(dim).to(torch.bfloat16)
    return _waves((torch.arange(n).to(torch.bfloat16).unsqueeze(-1) * rates).float())


_kept_waves = {}


@replaces("sinusoidal_positions")
def waves_shared_by_all_callers(n, dim):
    """The same table is handed out each time. Once somebody edits theirs, every later caller gets the edited one."""
    if (n, dim) not in _kept_waves:
        _kept_waves[n, dim] = sinusoidal_positions(n, dim)
    return _kept_waves[n, dim]


@replaces("sinusoidal_positions")
def odd_columns_accepted(n, dim):
    """An odd dim is not refused with a ValueError, but rounded, or it fails with an error that says nothing."""
    if dim < 1:
        raise ValueError(f"dim {dim}")
    return sinusoidal_positions(n, dim + dim % 2)[:, :dim]


@replaces("sinusoidal_positions")
def no_columns_accepted(n, dim):
    """A dim of 0, or a negative one, is even and is let through. It is to be refused with a ValueError."""
    if dim % 2:
        raise ValueError(f"dim {dim}")
    return sinusoidal_positions(n, dim) if dim > 0 else torch.zeros(n, 0)


# ── alibi_bias ──


def _distance(n):
    return torch.arange(n).unsqueeze(-1) - torch.arange(n)


def _with_slopes(slopes, n):
    return -torch.as_tensor(slopes, dtype=torch.float32).reshape(-1, 1, 1) * _distance(n).clamp(min=0)


def _some(heads):
    if heads < 1:
        raise ValueError(f"{heads} heads")


@replaces("alibi_bias")
def a_reward_for_distance(heads, n):
    """The bias is positive: the farther back a key lies, the more it counts. It is to be a penalty."""
    return -alibi_bias(heads, n)


@replaces("alibi_bias")
def future_penalized_as_well(heads, n):
    """Keys after the query get a penalty for their distance, too, as in a model that reads both ways. Here they get 0;
    the causal mask takes care of them."""
    _some(heads)
    return -alibi_slopes(heads).reshape(-1, 1, 1) * _distance(n).abs()


@replaces("alibi_bias")
def future_rewarded(heads, n):
    """Keys after the query get a positive bias: the distance was left negative there. They are to get 0."""
    _some(heads)
    return -alibi_slopes(heads).reshape(-1, 1, 1) * _distance(n)


@replaces("alibi_bias")
def mask_mixed_in(heads, n):
    """Keys after the query get minus infinity. The bias is not the mask: here they get 0, and whoever wants a causal
    mask applies one."""
    future = torch.ones(n, n, dtype=torch.bool).triu(1)
    return alibi_bias(heads, n).masked_fill(future, -math.inf)


@replaces("alibi_bias")
def counted_from_the_start(heads, n):
    """The bias grows with the key's own position, the same in every row (as some libraries have it, because a softmax
    does not mind a constant in a row). Here it is to be 0 at the query itself and negative before it."""
    _some(heads)
    return alibi_slopes(heads).reshape(-1, 1, 1) * torch.arange(n).expand(n, n)


@replaces("alibi_bias")
def rows_and_columns_exchanged(heads, n):
    """The table is transposed: rows belong to keys. A row is to be a query, and its penalties lie to the left of the
    diagonal."""
    return alibi_bias(heads, n).mT.contiguous()


@replaces("alibi_bias")
def heads_in_the_last_dimension(heads, n):
    """The heads are the last dimension. They come first, so that the table can be added to scores of shape
    (batch, heads, n, n)."""
    return alibi_bias(heads, n).movedim(0, -1).contiguous()


@replaces("alibi_bias")
def bias_with_a_batch_dimension(heads, n):
    """The table has a batch dimension in front. Shape (heads, n, n) is enough: it broadcasts."""
    return alibi_bias(heads, n)[None]


@replaces("alibi_bias")
def nearest_penalized(heads, n):
    """The penalty starts at the query's own position, one step too early: there the distance is 0."""
    _some(heads)
    distance = torch.where(_distance(n) >= 0, _distance(n) + 1, 0)
    return -alibi_slopes(heads).reshape(-1, 1, 1) * distance


@replaces("alibi_bias")
def slopes_for_eight_heads_always(heads, n):
    """The slopes are 1/2, 1/4, 1/8, … whatever the number of heads. That is right for eight; the formula spreads the
    slopes of any number over the range down to 2^-8."""
    _some(heads)
    return _with_slopes([2.0 ** -(head + 1) for head in range(heads)], n)


@replaces("alibi_bias")
def slopes_from_one(heads, n):
    """The heads were counted from 0 in the exponent, so that the first slope is 1 and the last is not 2^-8."""
    _some(heads)
    return _with_slopes([2.0 ** (-8 * head / heads) for head in range(heads)], n)


@replaces("alibi_bias")
def slopes_in_equal_steps(heads, n):
    """The slopes fall in equal steps. It is their exponents that do: each slope is the one before times the same
    factor."""
    _some(heads)
    return _with_slopes([2.0**-8 * (heads - head) for head in range(heads)], n)


@replaces("alibi_bias")
def slopes_in_reverse(heads, n):
    """The slopes stand in the wrong order: head 0 is to have the steepest of a power of two."""
    _some(heads)
    return _with_slopes(alibi_slopes(heads).flip(0), n)


@replaces("alibi_bias")
def one_slope_for_all(heads, n):
    """All heads have the same slope. That they differ lets some heads look near and others far."""
    _some(heads)
    return _with_slopes([2.0 ** (-8 / heads)] * heads, n)


@replaces("alibi_bias")
def one_formula_for_all_numbers(heads, n):
    """Right for powers of two; for other numbers of heads the same formula was used. The authors take the slopes of
    the power of two below, and fill up from those of twice that power."""
    _some(heads)
    return _with_slopes([2.0 ** (-8 * (head + 1) / heads) for head in range(heads)], n)


@replaces("alibi_bias")
def slopes_of_the_power_above(heads, n):
    """Right for powers of two; for other numbers of heads the first slopes of the power of two above were taken."""
    _some(heads)
    power = 2 ** math.ceil(math.log2(heads))
    return _with_slopes(alibi_slopes(power)[:heads], n)


@replaces("alibi_bias")
def filled_up_without_gaps(heads, n):
    """Right for powers of two; for other numbers, the list was filled up with the first slopes of twice the power, one
    after the other. Every other one is to be taken: the second, fourth and so on are in the list already."""
    _some(heads)
    power = 2 ** math.floor(math.log2(heads))
    return _with_slopes(torch.cat([alibi_slopes(power), alibi_slopes(2 * power)[: heads - power]]), n)


@replaces("alibi_bias")
def filled_up_with_what_was_there(heads, n):
    """Right for powers of two; for other numbers, the list was filled up with the second, fourth, … slopes of twice
    the power. Those are in it already: take the first, third and so on."""
    _some(heads)
    power = 2 ** math.floor(math.log2(heads))
    return _with_slopes(torch.cat([alibi_slopes(power), alibi_slopes(2 * power)[1::2][: heads - power]]), n)


@replaces("alibi_bias")
def slopes_sorted(heads, n):
    """Right for powers of two; for other numbers the slopes are the right ones, but sorted. Which head has which slope
    matters to a trained model: those that fill up come last."""
    _some(heads)
    return _with_slopes(alibi_slopes(heads).sort(descending=True).values, n)


@replaces("alibi_bias")
def bias_in_double(heads, n):
    """The bias is float64. Added to float32 scores it would make them float64."""
    return alibi_bias(heads, n).double()


@replaces("alibi_bias")
def bias_in_the_default_dtype(heads, n):
    """The bias follows torch's default dtype. In bfloat16, distances from 257 on run together: name float32 where the
    numbers are made."""
    _some(heads)
    return -alibi_slopes(heads).to(torch.get_default_dtype()).reshape(-1, 1, 1) * _distance(n).clamp(min=0)


_kept_bias = {}


@replaces("alibi_bias")
def bias_shared_by_all_callers(heads, n):
    """The same bias is handed out each time. Once somebody edits theirs, every later caller gets the edited one."""
    if (heads, n) not in _kept_bias:
        _kept_bias[heads, n] = alibi_bias(heads, n)
    return _kept_bias[heads, n]


@replaces("alibi_bias")
def no_heads_accepted(heads, n):
    """Fewer heads than one are not refused with a ValueError."""
    return alibi_bias(heads, n) if heads > 0 else torch.zeros(0, n, n)


# ── relative_positions ──


def _not_negative(reach):
    if reach < 0:
        raise ValueError(f"distance {reach}")


def _ahead(n):
    position = torch.arange(n)
    return position - position.unsqueeze(-1)


@replaces("relative_positions")
def query_minus_key(n, max_distance):
    """The sign is the wrong way round: query minus key. The distance is j - i, positive for keys that come after the
    query."""
    return relative_positions(n, max_distance).T.contiguous()


@replaces("relative_positions")
def distances_not_raised(n, max_distance):
    """The distances are clipped, but still negative on one side. As a number of a row, -1 would mean the last row of
    the table: no error, and the wrong vector. Raise them so that the lowest becomes 0."""
    _not_negative(max_distance)
    return _ahead(n).clamp(-max_distance, max_distance)


@replaces("relative_positions")
def distances_not_clipped(n, max_distance):
    """Distances beyond max_distance were not clipped: they point outside the table, or below 0, which wraps to its
    end."""
    _not_negative(max_distance)
    return _ahead(n) + max_distance


@replaces("relative_positions")
def distances_wrapped_around(n, max_distance):
    """Far distances wrap around (by a remainder) to other rows. Everything beyond the limit is to share the row of the
    limit."""
    _not_negative(max_distance)
    return (_ahead(n) + max_distance) % (2 * max_distance + 1)


@replaces("relative_positions")
def distances_clipped_on_one_side(n, max_distance):
    """Distances were clipped ahead of the query, but not behind it (or the other way round)."""
    _not_negative(max_distance)
    return _ahead(n).clamp(max=max_distance) + max_distance


@replaces("relative_positions")
def clipped_one_too_early(n, max_distance):
    """The limit itself is not reached: distances were clipped to one less."""
    _not_negative(max_distance)
    reach = max(max_distance - 1, 0)
    return _ahead(n).clamp(-reach, reach) + max_distance


@replaces("relative_positions")
def distances_without_direction(n, max_distance):
    """Before and after were not told apart: the distance was taken without its sign. "dog bites" and "bites dog"
    differ in nothing else."""
    _not_negative(max_distance)
    return _ahead(n).abs().clamp(max=max_distance) + max_distance


@replaces("relative_positions")
def absolute_distances(n, max_distance):
    """These are plain distances without a sign, 0 on the diagonal. Each direction needs rows of its own."""
    _not_negative(max_distance)
    return _ahead(n).abs().clamp(max=max_distance)


@replaces("relative_positions")
def raised_by_the_length(n, max_distance):
    """The distances were raised by n - 1 instead of max_distance. Then the same distance has other rows in texts of
    other lengths."""
    _not_negative(max_distance)
    return _ahead(n).clamp(-max_distance, max_distance) + n - 1


@replaces("relative_positions")
def raised_by_one_more(n, max_distance):
    """Everything is one too high: row 0 is never used, and the last row does not exist."""
    return relative_positions(n, max_distance) + 1


@replaces("relative_positions")
def future_left_out(n, max_distance):
    """All keys after the query got the row of the query itself, because of a mask, or because numbers were clipped to
    the range from 0 to max_distance when they had been raised already. Before and after both count."""
    _not_negative(max_distance)
    return _ahead(n).clamp(-max_distance, 0) + max_distance


@replaces("relative_positions")
def positions_of_keys(n, max_distance):
    """Every row is the same: the key's own position, clipped. What is wanted is its position as seen from the query."""
    _not_negative(max_distance)
    return torch.arange(n).clamp(max=2 * max_distance).expand(n, n).clone()


@replaces("relative_positions")
def distances_as_floats(n, max_distance):
    """These are floating-point numbers. A table is indexed by whole ones."""
    return relative_positions(n, max_distance).float()


@replaces("relative_positions")
def distances_in_32_bits(n, max_distance):
    """These are whole numbers of another size. They are to be int64, as torch.arange makes them and indices usually
    are."""
    return relative_positions(n, max_distance).int()


_kept_distances = {}


@replaces("relative_positions")
def distances_shared_by_all_callers(n, max_distance):
    """The same distances are handed out each time. Once somebody edits theirs, every later caller gets the edited
    ones."""
    if (n, max_distance) not in _kept_distances:
        _kept_distances[n, max_distance] = relative_positions(n, max_distance)
    return _kept_distances[n, max_distance]


@replaces("relative_positions")
def negative_limit_accepted(n, max_distance):
    """A negative limit is not refused with a ValueError."""
    return _ahead(n).clamp(-max_distance, max_distance) + max_distance


@replaces("relative_positions")
def limit_of_zero_refused(n, max_distance):
    """A limit of 0 is refused. It is allowed: all distances share one row then."""
    if max_distance < 1:
        raise ValueError(f"distance {max_distance}")
    return relative_positions(n, max_distance)
