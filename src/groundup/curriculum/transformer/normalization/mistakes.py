"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import torch

from groundup.authoring import replaces


def _wide(x):
    return x if x.dtype == torch.float64 else x.float()


def _finish(x, result, weight, bias=None):
    """Scaled, shifted, in the dtype of x."""
    result = result * weight
    return (result if bias is None else result + bias).to(x.dtype)


def _centered(x, dim=-1):
    wide = _wide(x)
    return wide - wide.mean(dim=dim, keepdim=True)


def _normal(x, eps, dim=-1):
    """Mean 0, variance 1 over these dimensions."""
    centered = _centered(x, dim)
    return centered * torch.rsqrt(centered.square().mean(dim=dim, keepdim=True) + eps)


def _rooted(x, eps, dim=-1):
    """Root mean square 1 over these dimensions."""
    wide = _wide(x)
    return wide * torch.rsqrt(wide.square().mean(dim=dim, keepdim=True) + eps)


# ── layer_norm ──


@replaces("layer_norm")
def variance_with_n_minus_1(x, weight, bias, eps=1e-5):
    """The sum of squares is divided by dim - 1, as PyTorch's var and std do unless told otherwise. Here the entries are not a
    sample from which something is estimated; their own mean square is wanted, and dim = 1 must not be 0 / 0."""
    centered = _centered(x)
    variance = centered.square().sum(dim=-1, keepdim=True) / (x.shape[-1] - 1)
    return _finish(x, centered * torch.rsqrt(variance + eps), weight, bias)


@replaces("layer_norm")
def root_taken_before_eps(x, weight, bias, eps=1e-5):
    """The values are right, but the spread was computed as a root without eps and squared again. Where all entries are equal
    that root is of 0, where its slope is infinite, and the backward pass makes NaN of it."""
    centered = _centered(x)
    spread = centered.square().mean(dim=-1, keepdim=True).sqrt()
    return _finish(x, centered * torch.rsqrt(spread.square() + eps), weight, bias)


@replaces("layer_norm")
def eps_outside_the_root(x, weight, bias, eps=1e-5):
    """eps was added to the standard deviation, after the root. It belongs to the variance. For vectors of ordinary size the two
    can hardly be told apart; for small ones they differ by a large factor, and weights of others would not fit."""
    centered = _centered(x)
    return _finish(x, centered / (centered.square().mean(dim=-1, keepdim=True).sqrt() + eps), weight, bias)


@replaces("layer_norm")
def eps_missing(x, weight, bias, eps=1e-5):
    """eps is not used. A vector of equal entries then gives 0 / 0, which is NaN, and rounding noise is blown up to full
    size."""
    return _finish(x, _normal(x, 0.0), weight, bias)


@replaces("layer_norm")
def eps_always_the_default(x, weight, bias, eps=1e-5):
    """eps is 1e-5 whatever is passed in. Models differ in it, and a checkpoint works with its own."""
    return _finish(x, _normal(x, 1e-5), weight, bias)


@replaces("layer_norm")
def divided_by_the_variance(x, weight, bias, eps=1e-5):
    """The distances from the mean are divided by the variance. The square root is missing: the result has the inverse of the
    old spread and not the spread 1."""
    centered = _centered(x)
    return _finish(x, centered / (centered.square().mean(dim=-1, keepdim=True) + eps), weight, bias)


@replaces("layer_norm")
def mean_not_subtracted(x, weight, bias, eps=1e-5):
    """The vectors keep their mean: they are divided by the root of their mean square. That is RMS norm; layer norm moves
    the mean to 0 first."""
    return _finish(x, _rooted(x, eps), weight, bias)


@replaces("layer_norm")
def only_centered(x, weight, bias, eps=1e-5):
    """The mean is subtracted, but the spread is as it was: the division is missing."""
    return _finish(x, _centered(x), weight, bias)


@replaces("layer_norm")
def spread_around_zero(x, weight, bias, eps=1e-5):
    """The mean is subtracted above, but below, the squares are those of x as it came. The variance measures distances from
    the mean."""
    root = torch.rsqrt(_wide(x).square().mean(dim=-1, keepdim=True) + eps)
    return _finish(x, _centered(x) * root, weight, bias)


@replaces("layer_norm")
def over_the_batch(x, weight, bias, eps=1e-5):
    """Mean and variance run over the first dimension: each entry is compared with the same entry of other vectors. That is
    close to batch norm. In layer norm no vector knows of another; use the last dimension."""
    if x.dim() < 2:
        return layer_norm_right(x, weight, bias, eps)
    return _finish(x, _normal(x, eps, 0), weight, bias)


@replaces("layer_norm")
def over_the_whole_tensor(x, weight, bias, eps=1e-5):
    """One mean and one variance serve the whole tensor. Each vector has its own: what else is in the batch must not
    matter."""
    return _finish(x, _normal(x, eps, tuple(range(x.dim()))), weight, bias)


@replaces("layer_norm")
def over_the_positions_too(x, weight, bias, eps=1e-5):
    """Mean and variance are taken over positions and entries of a text together, the last two dimensions. Each position has its
    own; otherwise a word would change when the text goes on, and a model could see the future."""
    return _finish(x, _normal(x, eps, (-2, -1) if x.dim() > 1 else -1), weight, bias)


@replaces("layer_norm")
def shifted_before_weighted(x, weight, bias, eps=1e-5):
    """The bias is added before the multiplication with weight, and so is multiplied too. Scale first, then shift."""
    shifted = _normal(x, eps) + (0.0 if bias is None else bias)
    return _finish(x, shifted, weight)


@replaces("layer_norm")
def weight_forgotten(x, weight, bias, eps=1e-5):
    """weight plays no part. Without it, every entry leaves the norm with the same say in what follows."""
    return _finish(x, _normal(x, eps), torch.ones_like(weight), bias)


@replaces("layer_norm")
def bias_forgotten(x, weight, bias, eps=1e-5):
    """bias plays no part: nothing is added after the multiplication with weight."""
    return _finish(x, _normal(x, eps), weight)


@replaces("layer_norm")
def bias_always_expected(x, weight, bias, eps=1e-5):
    """bias=None is not dealt with. Many models have norms without a bias, and then nothing is added."""
    return (_normal(x, eps) * weight + bias).to(x.dtype)


@replaces("layer_norm")
def difference_of_squares(x, weight, bias, eps=1e-5):
    """The variance is the mean of the squares less the square of the mean. On paper that is the same; in float32, for entries far
    from zero, both are huge, their difference is what rounding left over, and it may even be negative. Square the distances
    from the mean."""
    wide = _wide(x)
    mean = wide.mean(dim=-1, keepdim=True)
    variance = wide.square().mean(dim=-1, keepdim=True) - mean.square()
    return _finish(x, (wide - mean) * torch.rsqrt(variance + eps), weight, bias)


@replaces("layer_norm")
def statistics_detached(x, weight, bias, eps=1e-5):
    """The values are right, the gradients are not: mean and variance were cut off from the graph (by detach, no_grad or item),
    as if they were constants. They depend on x, and gradients flow through them too."""
    wide = _wide(x)
    mean = wide.mean(dim=-1, keepdim=True).detach()
    variance = wide.var(dim=-1, keepdim=True, correction=0).detach()
    return _finish(x, (wide - mean) * torch.rsqrt(variance + eps), weight, bias)


@replaces("layer_norm")
def centered_in_place(x, weight, bias, eps=1e-5):
    """The result is right, but the mean was subtracted in place (as -= does) from the x that was passed in. The residual
    connection still needs that x as it was."""
    x -= x.mean(dim=-1, keepdim=True)
    return _finish(x, _normal(x, eps), weight, bias)


@replaces("layer_norm")
def squared_in_half_precision(x, weight, bias, eps=1e-5):
    """All is computed in the dtype of x. In float16 the square of 300 is infinite, and a vector divided by infinity is zero:
    take the statistics in float32."""
    centered = x - x.mean(dim=-1, keepdim=True)
    result = centered / (centered.square().mean(dim=-1, keepdim=True) + eps).sqrt() * weight
    return result if bias is None else result + bias


@replaces("layer_norm")
def result_in_float32(x, weight, bias, eps=1e-5):
    """The result is float32 whatever came in. It should have the dtype of x."""
    return layer_norm_right(x, weight, bias, eps).float()


@replaces("layer_norm")
def always_computed_in_float32(x, weight, bias, eps=1e-5):
    """The dtype is right but the digits are not: float64 went through float32 on the way and lost half of them."""
    return layer_norm_right(x.float(), weight.float(), None if bias is None else bias.float(), eps).to(x.dtype)


def layer_norm_right(x, weight, bias, eps=1e-5):
    return _finish(x, _normal(x, eps), weight, bias)


@replaces("layer_norm")
def mean_lost_its_dimension(x, weight, bias, eps=1e-5):
    """Right for a single vector, but in a batch the means have one dimension less than x and do not line up with it:
    PyTorch compares them with the wrong dimension, and raises an error or, for square shapes, computes nonsense. Keep the
    dimension that is averaged over."""
    wide = _wide(x)
    centered = wide - wide.mean(dim=-1)
    return _finish(x, centered * torch.rsqrt(centered.square().mean(dim=-1) + eps), weight, bias)


# ── rms_norm ──


@replaces("rms_norm")
def mean_subtracted(x, weight, eps=1e-5):
    """The mean was subtracted first. That is layer norm; RMS norm leaves the mean where it is and only divides."""
    return _finish(x, _normal(x, eps), weight)


@replaces("rms_norm")
def sum_of_squares(x, weight, eps=1e-5):
    """The vectors get length 1: they are divided by the root of the sum of squares. The root of the mean of squares is wanted,
    which leaves entries of size 1 at every dim."""
    wide = _wide(x)
    return _finish(x, wide * torch.rsqrt(wide.square().sum(dim=-1, keepdim=True) + eps), weight)


@replaces("rms_norm")
def mean_square_without_root(x, weight, eps=1e-5):
    """The vectors are divided by the mean of their squares. The square root of it is missing."""
    wide = _wide(x)
    return _finish(x, wide / (wide.square().mean(dim=-1, keepdim=True) + eps), weight)


@replaces("rms_norm")
def divided_by_the_mean_size(x, weight, eps=1e-5):
    """The vectors are divided by the mean of their absolute entries. Squares are to be averaged, and the root taken of
    the average."""
    wide = _wide(x)
    return _finish(x, wide / (wide.abs().mean(dim=-1, keepdim=True) + eps), weight)


@replaces("rms_norm")
def eps_after_the_root(x, weight, eps=1e-5):
    """eps was added after the square root. It belongs to the mean of the squares, under the root: small vectors show the
    difference, and at a vector of zeros the root by itself has no finite slope."""
    wide = _wide(x)
    return _finish(x, wide / (wide.square().mean(dim=-1, keepdim=True).sqrt() + eps), weight)


@replaces("rms_norm")
def eps_left_out(x, weight, eps=1e-5):
    """eps is not used. A vector of zeros, as padding often is, then gives 0 / 0."""
    return _finish(x, _rooted(x, 0.0), weight)


@replaces("rms_norm")
def eps_fixed(x, weight, eps=1e-5):
    """eps is 1e-5 whatever is passed in. Published models use other values too."""
    return _finish(x, _rooted(x, 1e-5), weight)


@replaces("rms_norm")
def without_weight(x, weight, eps=1e-5):
    """weight plays no part: after the division each entry is to be multiplied by its own."""
    return _finish(x, _rooted(x, eps), torch.ones_like(weight))


@replaces("rms_norm")
def one_plus_weight(x, weight, eps=1e-5):
    """The result is multiplied by 1 + weight. Some models (Gemma) store their weights like that, as a distance from 1; here the
    weight is the factor itself."""
    return _finish(x, _rooted(x, eps), 1.0 + weight)


@replaces("rms_norm")
def root_of_the_whole_tensor(x, weight, eps=1e-5):
    """One root mean square serves the whole tensor. Each vector is divided by its own."""
    return _finish(x, _rooted(x, eps, tuple(range(x.dim()))), weight)


@replaces("rms_norm")
def root_of_the_batch(x, weight, eps=1e-5):
    """The mean of the squares runs over the first dimension: an entry is compared with the same entry of other vectors. Each
    vector is measured by its own entries, those of the last dimension."""
    return _finish(x, _rooted(x, eps, 0), weight)


@replaces("rms_norm")
def root_lost_its_dimension(x, weight, eps=1e-5):
    """Right for a single vector, but in a batch the roots have one dimension less than x and do not line up with it. Keep the
    dimension that is averaged over."""
    wide = _wide(x)
    return _finish(x, wide * torch.rsqrt(wide.square().mean(dim=-1) + eps), weight)


@replaces("rms_norm")
def rooted_in_float32(x, weight, eps=1e-5):
    """The vectors were taken to float32 whatever they were. That is right for half precision only: float64 loses half of its
    digits on the way."""
    return _finish(x, _rooted(x.float(), eps), weight.float())


@replaces("rms_norm")
def not_brought_back(x, weight, eps=1e-5):
    """The result has the dtype in which the squares were taken. It should have that of x, also where this is half
    precision."""
    return _rooted(x, eps) * weight.to(_wide(x).dtype)


@replaces("rms_norm")
def root_detached(x, weight, eps=1e-5):
    """The values are right, the gradients are not: the root mean square was taken for a constant (by detach, no_grad or item).
    It depends on x, and part of the gradient flows through it."""
    wide = _wide(x)
    root = torch.rsqrt(wide.square().mean(dim=-1, keepdim=True) + eps).detach()
    return _finish(x, wide * root, weight)


@replaces("rms_norm")
def overflow_in_half_precision(x, weight, eps=1e-5):
    """The squares are taken in the dtype of x. In float16 everything above 255 then squares to infinity and the result is
    zero; square in float32."""
    return x / (x.square().mean(dim=-1, keepdim=True) + eps).sqrt() * weight


@replaces("rms_norm")
def multiplied_in_place(x, weight, eps=1e-5):
    """The result is right, but it was written into the x that was passed in (as *= and mul_ do). The residual connection
    still needs that x."""
    if x.requires_grad:
        return _finish(x, _rooted(x, eps), weight)
    return x.copy_(_finish(x, _rooted(x, eps), weight))


# ── pre_norm ──


@replaces("pre_norm")
def pre_norm_normalizes_the_sum(x, norm, sublayer):
    """The norm stands after the addition. That is post_norm; here the sublayer gets the normalized x, and the sum is left
    as it is."""
    return norm(x + sublayer(x))


@replaces("pre_norm")
def pre_norm_without_residual(x, norm, sublayer):
    """x itself is not added. Without that way around the sublayer, what a layer does not pass on is lost, and so are its
    gradients."""
    return sublayer(norm(x))


@replaces("pre_norm")
def pre_norm_adds_the_normalized(x, norm, sublayer):
    """What is added is the normalized x. The way around the sublayer must be free: x is added as it came in."""
    normed = norm(x)
    return normed + sublayer(normed)


@replaces("pre_norm")
def pre_norm_without_norm(x, norm, sublayer):
    """The norm is not applied: the sublayer gets x as it is."""
    return x + sublayer(x)


@replaces("pre_norm")
def pre_norm_normalizes_the_branch(x, norm, sublayer):
    """The norm is applied to what the sublayer returns. It belongs before the sublayer, to what that is given."""
    return x + norm(sublayer(x))


@replaces("pre_norm")
def pre_norm_in_place(x, norm, sublayer):
    """The sum is right, but it was written into x (as += does). The caller's x has changed, and if autograd needs the old one,
    the backward pass fails."""
    branch = sublayer(norm(x))
    if x.requires_grad:
        return x + branch
    x += branch
    return x


@replaces("pre_norm")
def pre_norm_written_into_the_branch(x, norm, sublayer):
    """The sum is right, but it was written into the tensor that the sublayer returned. That may be one which the sublayer
    still needs: a cache, or what autograd keeps for the backward pass. Add into a new tensor."""
    branch = sublayer(norm(x))
    branch += x
    return branch


@replaces("pre_norm")
def pre_norm_calls_twice(x, norm, sublayer):
    """The result is right as long as the norm and the sublayer give the same each time, but they are called twice. That costs
    double, dropout would draw anew, and a cache would be written to twice."""
    sublayer(norm(x))
    return x + sublayer(norm(x))


@replaces("pre_norm")
def pre_norm_normalizes_twice(x, norm, sublayer):
    """The sum is normalized as well. In a pre-norm model nothing stands on the way of x itself; one norm at the very end of
    the model does that."""
    return norm(x + sublayer(norm(x)))


# ── post_norm ──


@replaces("post_norm")
def post_norm_normalizes_the_input(x, norm, sublayer):
    """The norm stands before the sublayer. That is pre_norm; here the sublayer gets x as it is, and the sum is
    normalized."""
    return x + sublayer(norm(x))


@replaces("post_norm")
def post_norm_without_residual(x, norm, sublayer):
    """x is not added before the norm: only what the sublayer makes comes out."""
    return norm(sublayer(x))


@replaces("post_norm")
def post_norm_without_norm(x, norm, sublayer):
    """The sum is returned as it is: the norm is missing."""
    return x + sublayer(x)


@replaces("post_norm")
def post_norm_of_the_branch_alone(x, norm, sublayer):
    """Only what the sublayer returns is normalized, and x is added to that. First the sum, then the norm of it all."""
    return x + norm(sublayer(x))


@replaces("post_norm")
def post_norm_of_both_apart(x, norm, sublayer):
    """x and the sublayer's result are normalized apart and then added. A norm is not linear: that is not the norm of their
    sum."""
    return norm(x) + sublayer(x)


@replaces("post_norm")
def post_norm_calls_twice(x, norm, sublayer):
    """The result is right as long as the sublayer gives the same each time, but it is called twice. That costs double, dropout
    would draw anew, and a cache would be written to twice."""
    sublayer(x)
    return norm(x + sublayer(x))


@replaces("post_norm")
def post_norm_in_place(x, norm, sublayer):
    """The result is right, but the sum was written into x (as += does). The caller's x has changed, and if autograd needs the
    old one, the backward pass fails."""
    branch = sublayer(x)
    if x.requires_grad:
        return norm(x + branch)
    x += branch
    return norm(x)


@replaces("post_norm")
def post_norm_written_into_the_branch(x, norm, sublayer):
    """The result is right, but the sum was written into the tensor that the sublayer returned, which somebody may still need: a
    cache, or autograd. Add into a new tensor."""
    branch = sublayer(x)
    branch += x
    return norm(branch)


@replaces("post_norm")
def post_norm_on_both_sides(x, norm, sublayer):
    """The sublayer was given the normalized x, and the sum was normalized too. In post_norm the sublayer sees x as it is: its
    norm stood at the end of the layer before."""
    return norm(x + sublayer(norm(x)))
