"""Wrong vectors, each named for what its author believed. The docstring is the hint that a learner reads."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import vectors as right


def _same(u, v):
    if u.shape[-1] != v.shape[-1]:
        raise ValueError(f"shapes {tuple(u.shape)} and {tuple(v.shape)}")


def _length(v):
    return right.norm(v).unsqueeze(-1)


def _safe(number):
    return torch.where(number == 0, 1.0, number)


def _sizes(v, p=2.0):
    """v in a floating dtype, after the check of p."""
    if not p >= 1:
        raise ValueError("p")
    return v if v.is_floating_point() else v.to(torch.get_default_dtype())


# ── dot ──


@replaces("dot")
def everything_summed_into_one_number(u, v):
    """The whole batch is added up into one number. Each pair of vectors has a dot product of its own: only the last dimension is summed away."""
    _same(u, v)
    return (u * v).sum()


@replaces("dot")
def summed_over_the_first_dimension(u, v):
    """The sum runs over the first dimension, across different vectors. For a single vector first and last are the same; in a batch the entries of one vector lie along the last."""
    _same(u, v)
    return (u * v).sum(dim=0)


@replaces("dot")
def products_not_summed(u, v):
    """These are the products of the entries, one for each position. A dot product adds them up: a pair of vectors gives one number."""
    _same(u, v)
    return u * v


@replaces("dot")
def outer_product(u, v):
    """Every entry of u was multiplied by every entry of v: that table is the outer product. The dot product takes only the pairs at the same position, and adds them up."""
    _same(u, v)
    return u.unsqueeze(-1) * v.unsqueeze(-2)


@replaces("dot")
def last_dimension_kept(u, v):
    """The numbers are right, but they stand in a last dimension of size 1. The last dimension is used up by the sum: (..., n) becomes (...)."""
    _same(u, v)
    return (u * v).sum(dim=-1, keepdim=True)


@replaces("dot")
def averaged(u, v):
    """This is the mean of the products: it is too small by a factor of n. A dot product is their sum."""
    _same(u, v)
    return (u * v).sum(dim=-1) / max(u.shape[-1], 1)


@replaces("dot")
def signs_lost(u, v):
    """The products were made positive before they were added. Negative products must count against the sum: that is how a dot product tells opposite directions from equal ones."""
    _same(u, v)
    return (u * v).abs().sum(dim=-1)


@replaces("dot")
def batch_multiplied_as_matrices(u, v):
    """A matrix product of the two batches pairs every vector of one with every vector of the other. Here the i-th vector belongs to the i-th: the batch dimensions stay as they are."""
    _same(u, v)
    return u @ v.transpose(-1, -2) if min(u.dim(), v.dim()) > 1 else (u * v).sum(dim=-1)


@replaces("dot")
def lengths_not_compared(u, v):
    """The lengths were left to PyTorch. It refuses most mismatches with an error of its own, but a vector of one entry it stretches to any length without a word. Compare the last dimensions first, and say which shapes met."""
    return (u * v).sum(dim=-1)


@replaces("dot")
def longer_vector_cut(u, v):
    """Where the lengths differ, the rest of the longer vector was dropped, as zip() does. A mismatch is a bug in what came before: it must be an error, not a number."""
    n = min(u.shape[-1], v.shape[-1])
    return (u[..., :n] * v[..., :n]).sum(dim=-1)


@replaces("dot")
def error_without_shapes(u, v):
    """The error is right, but its message does not show both shapes. Whoever meets it at step 3000 of a training run needs to see which two shapes met."""
    if u.shape[-1] != v.shape[-1]:
        raise ValueError("u and v must have the same length")
    return (u * v).sum(dim=-1)


@replaces("dot")
def everything_in_float32(u, v):
    """Everything was turned into float32: counts are no longer whole numbers, and float64 lost half of its digits. The result has the dtype of the inputs."""
    _same(u, v)
    return (u.float() * v.float()).sum(dim=-1)


@replaces("dot")
def cut_from_the_graph(u, v):
    """The numbers are right, but no gradient can flow back through them: they left PyTorch on the way (item(), tolist(), numpy(), detach() or a new tensor made from numbers). Nothing before this function could learn."""
    _same(u, v)
    return (u * v).sum(dim=-1).detach()


# ── norm ──


@replaces("norm")
def root_forgotten(v, p=2.0):
    """The powers of the magnitudes are added up, but the root at the end is missing: twice as long a vector must have twice the length, not four times."""
    v = _sizes(v, p)
    return right.norm(v, p) if p == math.inf else right.norm(v, p).pow(p)


@replaces("norm")
def square_root_for_every_p(v, p=2.0):
    """The p-th powers are added, but the root taken is always the square root. What was raised to the power p needs the p-th root to become a length again."""
    v = _sizes(v, p)
    return right.norm(v, p) if p == math.inf else right.norm(v, p).pow(p / 2)


@replaces("norm")
def signs_kept_for_odd_p(v, p=2.0):
    """The entries were raised to the power p with their signs. For p = 2 the square hides it; for odd p negative entries cancel positive ones, and for p = 2.5 a negative number has no power at all. Lengths are made of magnitudes."""
    v = _sizes(v, p)
    if p in (2, math.inf):
        return right.norm(v, p)
    return v.pow(p).sum(dim=-1).pow(1 / p)


@replaces("norm")
def largest_entry_instead_of_largest_magnitude(v, p=2.0):
    """For infinite p the largest entry was taken, sign included. An entry of -4 is larger in magnitude than one of 3."""
    v = _sizes(v, p)
    return v.amax(dim=-1) if p == math.inf else right.norm(v, p)


@replaces("norm")
def p_ignored(v, p=2.0):
    """The result is the ordinary length whatever p is. p decides which power is taken before the sum and which root after it."""
    return right.norm(_sizes(v, p))


@replaces("norm")
def infinity_put_into_the_formula(v, p=2.0):
    """Infinity was used as an exponent. Every magnitude above 1 then becomes infinite, every one below 1 becomes 0, and a root of order 1/infinity makes 1 of it all. Infinite p stands for a limit: ask which entry is left when p grows."""
    v = _sizes(v, p)
    return v.abs().pow(p).sum(dim=-1).pow(1 / p) if p == math.inf else right.norm(v, p)


@replaces("norm")
def minimum_for_infinite_p(v, p=2.0):
    """For infinite p the smallest magnitude was taken. As p grows, the power makes large entries ever more dominant: it is the largest that is left."""
    v = _sizes(v, p)
    return v.abs().amin(dim=-1) if p == math.inf else right.norm(v, p)


@replaces("norm")
def whole_batch_as_one_vector(v, p=2.0):
    """One length was computed for the whole batch, as if all of its entries belonged to one vector. Each vector along the last dimension has its own."""
    return right.norm(_sizes(v, p).flatten(), p)


@replaces("norm")
def over_the_first_dimension(v, p=2.0):
    """The length was taken along the first dimension, across different vectors. In a batch each vector lies along the last, and each has its own length."""
    return right.norm(_sizes(v, p).movedim(0, -1), p)


@replaces("norm")
def last_dimension_kept_in_the_length(v, p=2.0):
    """The numbers are right, but they stand in a last dimension of size 1: (..., n) becomes (...). Where the length is to divide the vector, give it that dimension back there."""
    return right.norm(v, p).unsqueeze(-1)


@replaces("norm")
def root_mean_square(v, p=2.0):
    """This averages the powers instead of adding them: a root mean square. It does not grow with the number of entries; a length does."""
    v = _sizes(v, p)
    return right.norm(v, p) if p == math.inf else right.norm(v, p) / max(v.shape[-1], 1) ** (1 / p)


@replaces("norm")
def powers_leave_the_dtype(v, p=2.0):
    """The formula is right on paper, but the p-th power of 1e30 is infinite in float32 and that of 1e-30 is 0, long before the root brings them back. Bring each vector to a comfortable size first, and multiply that size in again at the end."""
    v = _sizes(v, p)
    if p == math.inf:
        return v.abs().amax(dim=-1) if v.shape[-1] else v.sum(dim=-1)
    total = v.abs().pow(p).sum(dim=-1)
    zero = total == 0
    return total.masked_fill(zero, 1.0).pow(1 / p).masked_fill(zero, 0.0)


@replaces("norm")
def float64_only_moves_the_cliff(v, p=2.0):
    """Computing in float64 rescues float32, but only moves the cliff: for float64 itself, 1e200 squared is infinite again. Dividing by a number of the vector's own size works at every precision."""
    v = _sizes(v, p)
    return powers_leave_the_dtype(v.double(), p).to(v.dtype)


@replaces("norm")
def one_scale_for_the_whole_batch(v, p=2.0):
    """All vectors were divided by the largest magnitude of the whole batch. A tiny vector beside a huge one then vanishes: each vector needs a scale of its own."""
    v = _sizes(v, p)
    if p == math.inf or v.numel() == 0:
        return right.norm(v, p)
    scale = _safe(v.detach().abs().max())
    return powers_leave_the_dtype(v / scale, p) * scale


@replaces("norm")
def zero_divided_by_zero(v, p=2.0):
    """A zero vector was divided by its own largest magnitude, and 0/0 is NaN. Divide zero vectors by something else: their length is 0."""
    v = _sizes(v, p)
    if p == math.inf or v.shape[-1] == 0:
        return right.norm(v, p)
    scale = v.abs().amax(dim=-1, keepdim=True)
    return right.norm(v / scale, p) * scale.squeeze(-1)


@replaces("norm")
def epsilon_under_the_root(v, p=2.0):
    """A small constant was added so that nothing is divided by zero. It gives zero vectors a length, and swallows vectors that are smaller than the constant: treat zero as the special case that it is."""
    v = _sizes(v, p)
    return (right.norm(v, p).pow(2) + 1e-8).sqrt() if p == 2 else right.norm(v, p)


@replaces("norm")
def slope_of_the_root_at_zero(v, p=2.0):
    """The values are right, but the gradient at a zero vector is NaN: a root is infinitely steep at 0, and infinity times 0 is NaN. Replacing the result afterwards does not help, because the gradient still runs through the root; the 0 must not enter it."""
    v = _sizes(v, p)
    if p == math.inf or v.shape[-1] == 0:
        return right.norm(v, p)
    scale = right._scale(v)
    return (v / scale).abs().pow(p).sum(dim=-1).pow(1 / p) * scale.squeeze(-1)


@replaces("norm")
def length_rounded_to_an_integer(v, p=2.0):
    """The length of an integer vector was turned back into an integer. Counts of (1, 1) have a length of 1.41, and that is not a whole number."""
    return right.norm(v, p).to(v.dtype)


@replaces("norm")
def every_p_accepted(v, p=2.0):
    """p below 1 went through. The formula gives a number there, but no length: a detour could be shorter than the straight way. It is to be refused with a ValueError."""
    if p >= 1:
        return right.norm(v, p)
    return _sizes(v).abs().pow(p).sum(dim=-1).pow(1 / p)


@replaces("norm")
def input_made_positive_in_place(v, p=2.0):
    """The caller's vector was changed: an operation whose name ends in an underscore, or an assignment into a slice, works on the tensor that was handed in. Make a new tensor instead."""
    _sizes(v, p)
    with torch.no_grad():
        v.abs_()
    return right.norm(v, p)


@replaces("norm")
def length_in_float32(v, p=2.0):
    """The length is float32 whatever came in: a float64 vector lost half of its digits. Only integers are to be converted; a floating-point vector keeps its dtype."""
    return right.norm(v.float(), p)


@replaces("norm")
def length_cut_from_the_graph(v, p=2.0):
    """The lengths are right, but no gradient flows back to the vector: they left PyTorch on the way (item(), tolist(), numpy() or detach()). Whoever trains with a penalty on lengths would train nothing."""
    return right.norm(v.detach(), p)


# ── cosine_similarity ──


@replaces("cosine_similarity")
def lengths_not_divided_out(u, v):
    """This is the plain dot product: it grows with the lengths of both vectors. A cosine speaks of the direction alone, so both lengths have to go."""
    return right.dot(_sizes(u), _sizes(v))


@replaces("cosine_similarity")
def only_one_length_divided_out(u, v):
    """Only one of the two lengths was divided out. What is left still doubles when the other vector doubles."""
    return right.dot(right._unit(u), _sizes(v))


@replaces("cosine_similarity")
def divided_by_squared_lengths(u, v):
    """The dot product was divided by the squared lengths: the root was forgotten. Doubling a vector then halves the result."""
    return right.cosine_similarity(u, v) / _safe(right.norm(u) * right.norm(v))


@replaces("cosine_similarity")
def divided_by_the_sum_of_the_lengths(u, v):
    """The lengths were added where they should be multiplied. Each vector is to be divided by its own length, one after the other."""
    return right.dot(_sizes(u), _sizes(v)) / _safe(right.norm(u) + right.norm(v))


@replaces("cosine_similarity")
def angle_instead_of_cosine(u, v):
    """This is the angle itself, in radians: 0 for the same direction, where the cosine is 1. Leave out the arc cosine."""
    return right.cosine_similarity(u, v).clamp(-1, 1).arccos()


@replaces("cosine_similarity")
def distance_instead_of_similarity(u, v):
    """This is one minus the cosine, which libraries call cosine distance: 0 where the vectors agree. A similarity is largest there."""
    return 1 - right.cosine_similarity(u, v)


@replaces("cosine_similarity")
def opposite_counted_as_equal(u, v):
    """The sign was dropped, so that opposite directions look like equal ones. The cosine goes from 1 through 0 to -1."""
    return right.cosine_similarity(u, v).abs()


@replaces("cosine_similarity")
def cut_off_at_zero(u, v):
    """Everything beyond a right angle was cut off at 0. Count vectors never get there, because counts are not negative, but embeddings do: the cosine goes down to -1."""
    return right.cosine_similarity(u, v).clamp(0, 1)


@replaces("cosine_similarity")
def mean_taken_away_first(u, v):
    """The mean of the entries was taken away from each vector first: that is the correlation coefficient. The angle is measured at the origin, with the vectors as they are."""
    if u.shape[-1] == 0:
        return right.cosine_similarity(u, v)
    u, v = _sizes(u), _sizes(v)
    return right.cosine_similarity(u - u.mean(dim=-1, keepdim=True), v - v.mean(dim=-1, keepdim=True))


@replaces("cosine_similarity")
def lengths_of_the_whole_batch(u, v):
    """The dot products were divided by one length of the whole batch. Each vector is to be divided by its own."""
    return right.dot(_sizes(u), _sizes(v)) / _safe(right.norm(u.flatten()) * right.norm(v.flatten()))


@replaces("cosine_similarity")
def every_pair_of_the_batch(u, v):
    """A matrix product compared every vector of u with every vector of v. The i-th belongs to the i-th; who wants all pairs says so with a batch dimension of 1."""
    _same(u, v)
    a, b = right._unit(u), right._unit(v)
    return a @ b.transpose(-1, -2) if min(u.dim(), v.dim()) > 1 else right.dot(a, b)


@replaces("cosine_similarity")
def epsilon_added_to_the_lengths(u, v):
    """A small constant was added to the lengths, so that nothing is divided by zero. For vectors that are not much longer than the constant it shrinks the cosine: treat only zero itself as special."""
    return right.dot(_sizes(u), _sizes(v)) / (right.norm(u) * right.norm(v) + 1e-8)


@replaces("cosine_similarity")
def lengths_never_below_epsilon(u, v):
    """Lengths below a small constant were replaced by it, as some libraries do. Vectors shorter than the constant then lose their angle, though they have one: treat only zero itself as special."""
    return right.dot(
        _sizes(u) / right.norm(u).clamp(min=1e-8).unsqueeze(-1), _sizes(v) / right.norm(v).clamp(min=1e-8).unsqueeze(-1)
    )


@replaces("cosine_similarity")
def nan_for_zero_vectors(u, v):
    """A zero vector was divided by its length, and 0/0 is NaN. A zero vector has no direction: by our convention its cosine with anything is 0."""
    _same(u, v)
    return right.dot(_sizes(u) / _length(u), _sizes(v) / _length(v))


@replaces("cosine_similarity")
def one_for_zero_vectors(u, v):
    """A zero vector came out as similar as can be. It shares nothing with anything: by our convention its cosine is 0."""
    return torch.where((right.norm(u) == 0) | (right.norm(v) == 0), 1.0, right.cosine_similarity(u, v))


@replaces("cosine_similarity")
def multiplied_before_divided(u, v):
    """The dot product was taken first and divided by the lengths afterwards. For entries of 1e30 the dot product is infinite in float32, for 1e-30 it is 0, and no division brings it back: divide each vector by its length before they meet."""
    return right.dot(_sizes(u), _sizes(v)) / _safe(right.norm(u) * right.norm(v))


@replaces("cosine_similarity")
def nan_masked_too_late(u, v):
    """The values are right, but the gradient beside a zero vector is NaN: the division by zero still happened, and hiding its result afterwards does not hide it from the gradient. Change the divisor before dividing."""
    _same(u, v)
    zero = (right.norm(u) == 0) | (right.norm(v) == 0)
    return torch.where(zero, 0.0, right.dot(_sizes(u) / _length(u), _sizes(v) / _length(v)))


@replaces("cosine_similarity")
def cosine_of_mismatched_lengths(u, v):
    """The lengths were left to PyTorch, which stretches a vector of one entry to any length without a word. There is no angle between vectors of different spaces: compare the last dimensions first."""
    return (right._unit(u) * right._unit(v)).sum(dim=-1)


@replaces("cosine_similarity")
def vectors_normalized_in_place(u, v):
    """The caller's vectors were changed: they were given length 1 in place. Make new tensors instead."""
    _same(u, v)
    result = right.cosine_similarity(u, v)
    if u.is_floating_point() and v.is_floating_point():
        with torch.no_grad():
            u.div_(_safe(_length(u)))
            v.div_(_safe(_length(v)))
    return result


@replaces("cosine_similarity")
def cosine_cut_from_the_graph(u, v):
    """The cosines are right, but no gradient flows back to the vectors: they left PyTorch on the way (item(), tolist(), numpy() or detach()). Embeddings that are trained by their cosines would never move."""
    return right.cosine_similarity(u, v).detach()


@replaces("cosine_similarity")
def lengths_treated_as_constants(u, v):
    """The values are right, but the gradient is not: the lengths were detached, as if they did not depend on the vectors. A longer vector along the same direction must leave the cosine as it is, so the gradient has no part along the vector itself."""
    return right.dot(_sizes(u) / _safe(_length(u)).detach(), _sizes(v) / _safe(_length(v)).detach())


@replaces("cosine_similarity")
def cosine_in_float32(u, v):
    """The cosine is float32 whatever came in: float64 vectors lost half of their digits before they were compared. Only integers are to be converted."""
    return right.cosine_similarity(u.float(), v.float())


# ── project ──


@replaces("project")
def coefficient_instead_of_vector(u, onto):
    """This says how far along the line the projection lies, but not where: a number. Multiply it with the direction of the line to get the point."""
    return right.dot(_sizes(u), right._unit(onto))


@replaces("project")
def what_is_left_instead_of_the_projection(u, onto):
    """This is what is left of u after its projection was taken away: it stands at a right angle to the line. Asked for is the part along the line."""
    return _sizes(u) - right.project(u, onto)


@replaces("project")
def onto_the_wrong_vector(u, onto):
    """The two vectors changed places: this is the projection of `onto` onto u. The result must point along `onto`."""
    return right.project(onto, u)


@replaces("project")
def divided_by_the_length_once(u, onto):
    """The length of `onto` was divided out once, but it comes in twice: in the dot product and in the vector that is multiplied. A line is the same line however long the vector that gives it."""
    return right.project(u, onto) * _length(onto)


@replaces("project")
def length_not_divided_out(u, onto):
    """The dot product was multiplied with `onto` as it is. That is right only where `onto` has length 1; elsewhere the result grows with the square of its length."""
    return right.dot(_sizes(u), _sizes(onto)).unsqueeze(-1) * onto


@replaces("project")
def divided_by_the_length_of_u(u, onto):
    """The squared length of u stands where that of `onto` belongs. u is to keep its size; it is the length of the line's vector that must not count."""
    _same(u, onto)
    return (right.dot(_sizes(u), _sizes(onto)) / _safe(right.norm(u).square())).unsqueeze(-1) * onto


@replaces("project")
def turned_onto_the_line(u, onto):
    """u was turned onto the line at its full length. A projection is a shadow: it falls at a right angle to the line, and is shorter than u unless u lies on it."""
    _same(u, onto)
    return _length(u) * right._unit(onto)


@replaces("project")
def cosine_times_the_line(u, onto):
    """The cosine was multiplied with `onto`: the shadow's length is the cosine times the length of u, along a direction of length 1."""
    return right.cosine_similarity(u, onto).unsqueeze(-1) * onto


@replaces("project")
def cosine_times_u(u, onto):
    """u was shortened by the cosine, but still points where u points. The projection lies on the line through `onto`."""
    return right.cosine_similarity(u, onto).unsqueeze(-1) * u


@replaces("project")
def sign_lost_in_the_projection(u, onto):
    """Where u points away from `onto`, the projection lies on the other side of the origin. Somewhere the sign of the dot product was lost."""
    return right.dot(_sizes(u), right._unit(onto)).abs().unsqueeze(-1) * right._unit(onto)


@replaces("project")
def projection_cut_off_at_the_origin(u, onto):
    """The projection was cut off where u points away from `onto`. The line goes through the origin and on in both directions."""
    return right.dot(_sizes(u), right._unit(onto)).clamp(min=0).unsqueeze(-1) * right._unit(onto)


@replaces("project")
def projection_stopped_at_the_end_of_the_vector(u, onto):
    """The projection was held between the origin and the end of `onto`: that is the nearest point of a piece. The line does not end there."""
    share = right.dot(_sizes(u), right._unit(onto)) / _safe(right.norm(onto))
    return share.clamp(-1, 1).unsqueeze(-1) * onto


@replaces("project")
def one_coefficient_for_the_batch(u, onto):
    """One coefficient was computed for the whole batch. Each pair of vectors has its own: sum over the last dimension only, and keep the others."""
    _same(u, onto)
    a, b = _sizes(u), _sizes(onto)
    return (a * b).sum() / _safe((b * b).sum()) * b


@replaces("project")
def nan_onto_the_zero_vector(u, onto):
    """Onto the zero vector this divides zero by zero. The only point of that line is the origin: the result is the zero vector."""
    _same(u, onto)
    direction = _sizes(onto) / _length(onto)
    return right.dot(_sizes(u), direction).unsqueeze(-1) * direction


@replaces("project")
def nan_onto_zero_masked_too_late(u, onto):
    """The projections are right, but the gradient beside a zero vector is NaN. The zero vector was still divided by its length, and replacing the result afterwards comes too late for the gradient: choose the divisor before you divide."""
    return torch.where(_length(onto) == 0, 0.0, nan_onto_the_zero_vector(u, onto))


@replaces("project")
def epsilon_in_the_divisor(u, onto):
    """A small constant was added to the divisor. A short `onto` gives the same line as a long one, but the constant pulls its projections towards zero: treat only the zero vector as special."""
    _same(u, onto)
    direction = _sizes(onto) / (_length(onto) + 1e-8)
    return right.dot(_sizes(u), direction).unsqueeze(-1) * direction


@replaces("project")
def squared_length_leaves_the_dtype(u, onto):
    """The squared length of `onto` is infinite for entries of 1e30 and 0 for 1e-30. The line does not depend on that length: make it 1 before you multiply anything."""
    _same(u, onto)
    a, b = _sizes(u), _sizes(onto)
    squared = right.dot(b, b)
    return (right.dot(a, b) / _safe(squared)).unsqueeze(-1) * b


@replaces("project")
def projection_in_float64_only(u, onto):
    """Computing in float64 saves float32, but for float64 itself the same cliff stands further out: 1e200 squared is infinite there. Give `onto` the length 1 before you multiply anything."""
    a, b = _sizes(u), _sizes(onto)
    return squared_length_leaves_the_dtype(a.double(), b.double()).to(torch.promote_types(a.dtype, b.dtype))


@replaces("project")
def rounded_down_to_integers(u, onto):
    """Word counts were divided as integers: the rest of the division is gone. Turn integers into floating-point numbers first."""
    _same(u, onto)
    if u.is_floating_point() or onto.is_floating_point():
        return right.project(u, onto)
    return (right.dot(u, onto) // right.dot(onto, onto).clamp(min=1)).unsqueeze(-1) * onto


@replaces("project")
def projection_of_mismatched_lengths(u, onto):
    """The lengths were left to PyTorch, which stretches a vector of one entry to any length without a word. A vector has a shadow only on a line of its own space: compare the last dimensions first."""
    direction = right._unit(onto)
    return (_sizes(u) * direction).sum(dim=-1, keepdim=True) * direction


@replaces("project")
def u_moved_in_place(u, onto):
    """The caller's u was changed: it was overwritten by its projection. Make a new tensor instead."""
    result = right.project(u, onto)
    if u.shape == result.shape and u.dtype == result.dtype:
        with torch.no_grad():
            u.copy_(result)
    return result


@replaces("project")
def projection_cut_from_the_graph(u, onto):
    """The projection is right, but no gradient flows back to either vector: it left PyTorch on the way (item(), tolist(), numpy() or detach())."""
    return right.project(u, onto).detach()


@replaces("project")
def projection_with_a_fixed_coefficient(u, onto):
    """The values are right, but the gradient is not: the coefficient was detached, and no gradient reaches u. The coefficient depends on both vectors."""
    direction = right._unit(onto)
    return right.dot(_sizes(u), direction).detach().unsqueeze(-1) * direction


@replaces("project")
def projection_in_float32(u, onto):
    """The projection is float32 whatever came in: float64 vectors lost half of their digits. A point of the line is as exact as u was; only integers are to be converted."""
    return right.project(u.float(), onto.float())
