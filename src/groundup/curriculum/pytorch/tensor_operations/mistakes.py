"""Wrong operations, each named for what its author believed. The docstring is the hint that a learner reads."""

import torch
from torch.nn import functional

from groundup.authoring import replaces
from groundup.stack.nn import operations as right


def _real(x):
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


# ── pairwise_distances ──


def _differences(x, y):
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"shapes {tuple(x.shape)} and {tuple(y.shape)}")
    return _real(x).unsqueeze(-2) - _real(y).unsqueeze(-3)


@replaces("pairwise_distances")
def root_missing(x, y):
    """These are squared distances: the root at the end is missing. Points that are twice as far apart must have twice the distance."""
    return _differences(x, y).square().sum(-1)


@replaces("pairwise_distances")
def through_the_products(x, y):
    """The squared lengths of both points minus twice their dot product: right on paper. Far from the origin three large numbers leave a small difference, and rounding leaves nothing of it; equal points may get a distance, or a root of a negative number. Subtract the points first."""
    _differences(x[..., :1, :], y[..., :1, :])
    x, y = _real(x), _real(y)
    squares = x.square().sum(-1).unsqueeze(-1) + y.square().sum(-1).unsqueeze(-2) - 2 * x @ y.mT
    return squares.clamp(min=0).sqrt()


@replaces("pairwise_distances")
def root_of_zero_in_the_gradient(x, y):
    """The distances are right, but where two points are equal the gradient is NaN: the root has an infinite slope at 0. Replacing the result does not help; the 0 must not enter the root."""
    return _differences(x, y).square().sum(-1).sqrt()


@replaces("pairwise_distances")
def small_number_under_the_root(x, y):
    """A small number was added under the root, to keep its slope finite. It gives equal points a distance, and near points a wrong one. Treat the zeros by themselves."""
    return (_differences(x, y).square().sum(-1) + 1e-6).sqrt()


@replaces("pairwise_distances")
def small_number_in_the_differences(x, y):
    """A small number was added to each difference, as PyTorch's pairwise_distance does. Then equal points have a distance, and the distance from x to y is not that from y to x."""
    return right.pairwise_distances(_real(x) + 1e-4, _real(y)) + 0 * _differences(x, y).sum(-1)


@replaces("pairwise_distances")
def points_averaged_over(x, y):
    """The squares were averaged over the entries, not added up: a root mean square, too small by the root of the number of entries."""
    return right.pairwise_distances(x, y) / max(x.shape[-1], 1) ** 0.5


@replaces("pairwise_distances")
def sum_of_magnitudes(x, y):
    """The magnitudes of the differences were added: the distance along the streets of a town with square blocks. The Euclidean one squares, adds and takes the root."""
    return _differences(x, y).abs().sum(-1)


@replaces("pairwise_distances")
def only_the_i_th_with_the_i_th(x, y):
    """The i-th point of x was compared with the i-th of y only, or broadcasting failed. Each point of x meets each of y: give the two an extra dimension at different places."""
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"shapes {tuple(x.shape)} and {tuple(y.shape)}")
    return (_real(x) - _real(y)).square().sum(-1).sqrt()


@replaces("pairwise_distances")
def rows_and_columns_of_distances_exchanged(x, y):
    """The table is transposed: its rows belong to y, its columns to x. Row i is to hold the distances of the i-th point of x."""
    return right.pairwise_distances(x, y).mT


@replaces("pairwise_distances")
def added_up_over_the_points(x, y):
    """The squares were added up along a dimension of points, not along the entries. What is summed away is the last dimension of the differences."""
    return _differences(x, y).square().sum(-2).sqrt()


@replaces("pairwise_distances")
def extra_dimensions_counted_from_the_front(x, y):
    """The extra dimensions were put in at places counted from the front. With batch dimensions the points are the last dimension but one: count from the end."""
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"shapes {tuple(x.shape)} and {tuple(y.shape)}")
    if x.dim() == 2 and y.dim() == 2:
        return right.pairwise_distances(x, y)
    return (_real(x)[:, None] - _real(y)[None]).square().sum(-1).sqrt()


@replaces("pairwise_distances")
def dimensions_not_compared(x, y):
    """The last dimensions were left to PyTorch, which stretches points of one entry to any number without a word. Compare them first, and show both shapes."""
    return right.pairwise_distances(*(part.clone() for part in torch.broadcast_tensors(x[..., :1, :], y[..., :1, :])))


@replaces("pairwise_distances")
def points_refused_without_shapes(x, y):
    """The error is right, but its message does not hold both shapes. Whoever meets it needs to see which two met."""
    if x.shape[-1] != y.shape[-1]:
        raise ValueError("the points have different dimensions")
    return right.pairwise_distances(x, y)


@replaces("pairwise_distances")
def small_integers_subtracted(x, y):
    """Whole numbers were subtracted before they became floating-point. In uint8 there is nothing below 0: 3 minus 5 is 254."""
    if not x.is_floating_point():
        x, y = (x.unsqueeze(-2) - y.unsqueeze(-3)).unsqueeze(-2), torch.zeros(1, x.shape[-1])
        return right.pairwise_distances(x, y).squeeze(-1).squeeze(-1)
    return right.pairwise_distances(x, y)


@replaces("pairwise_distances")
def distances_in_float32(x, y):
    """Everything was turned into float32, and float64 lost half of its digits. Only whole numbers have to change their dtype."""
    return right.pairwise_distances(x.float(), y.float())


@replaces("pairwise_distances")
def half_precision_widened(x, y):
    """Half precision came back as float32. It may be computed in a wider dtype, but the result has the dtype of the points."""
    return (
        right.pairwise_distances(x, y) if x.dtype == torch.float64 else right.pairwise_distances(x.float(), y.float())
    )


@replaces("pairwise_distances")
def small_distances_taken_for_zero(x, y):
    """Distances below some small number were set to 0. Points may lie that close and still be two: only a distance of exactly 0 is special."""
    found = right.pairwise_distances(x, y)
    return found.masked_fill(found < 1e-5, 0.0)


@replaces("pairwise_distances")
def distances_cut_from_the_graph(x, y):
    """The distances are right, but no gradient can flow back through them: they left PyTorch on the way (item(), tolist(), numpy() or detach())."""
    return right.pairwise_distances(x, y).detach()


# ── one_hot ──


@replaces("one_hot")
def counted_from_one(ids, classes):
    """The ids were taken to begin at 1, so that each 1 stands a place too early, and that of id 0 is lost or at the end. Ids begin at 0."""
    return right.one_hot(ids, classes).roll(-1, dims=-1)


@replaces("one_hot")
def as_many_classes_as_occur(ids, classes):
    """The number of classes was taken from the largest id. A batch in which the last classes do not occur gives shorter vectors then, which fit nothing. Use what was given."""
    found = right.one_hot(ids, classes)
    return found[..., : int(ids.max()) + 1] if ids.numel() else found


@replaces("one_hot")
def floating_point_ones(ids, classes):
    """The numbers are right, but floating-point. As in PyTorch's own function, the result is int64; whoever multiplies with it converts it."""
    return right.one_hot(ids, classes).float()


@replaces("one_hot")
def truth_values(ids, classes):
    """These are truth values, as a comparison gives them. The result is int64: they have to be converted."""
    return right.one_hot(ids, classes).bool()


@replaces("one_hot")
def dtype_of_the_ids(ids, classes):
    """The result has the dtype of the ids. It is int64 whatever they are."""
    return right.one_hot(ids, classes).to(ids.dtype)


@replaces("one_hot")
def batch_flattened(ids, classes):
    """The ids were laid out in one row, and their shape was lost. The result has the shape of the ids, and one dimension more."""
    return right.one_hot(ids.flatten(), classes)


@replaces("one_hot")
def one_vector_for_all(ids, classes):
    """All ids went into one vector, which says only which of them occur. Each id has a vector of its own."""
    return right.one_hot(ids.flatten(), classes).amax(0) if ids.numel() else right.one_hot(ids, classes).sum(-2)


@replaces("one_hot")
def classes_in_front(ids, classes):
    """The classes are the first dimension. They are the last: one vector lies along it."""
    return right.one_hot(ids, classes).movedim(-1, 0)


@replaces("one_hot")
def zeros_for_unknown_ids(ids, classes):
    """An id without a class got a vector of zeros. It hides a bug, such as a vocabulary that is too small: refuse it with a ValueError."""
    return (ids.unsqueeze(-1) == torch.arange(classes)).long()


@replaces("one_hot")
def negative_ids_from_the_end(ids, classes):
    """A negative id counted from the end, as in indexing. -1 is often a mark for "nothing", and would become the last class: refuse it with a ValueError."""
    return right.one_hot(torch.where(ids < 0, ids.long() % classes, ids), classes)


@replaces("one_hot")
def wrong_kind_of_error(ids, classes):
    """An id out of range is refused by whatever PyTorch raises there. A ValueError is asked for: check the range yourself, and say what it is."""
    try:
        return right.one_hot(ids, classes)
    except ValueError as error:
        raise IndexError(str(error)) from None


@replaces("one_hot")
def classes_counted_in_the_dtype_of_the_ids(ids, classes):
    """The classes were numbered in the dtype of the ids, or their number was compared in it. uint8 ends at 255: with 300 classes the counting starts again at 0, and an id meets two of them. Bring ids to int64 first."""
    if ids.numel() and not (int(ids.min()) >= 0 and int(ids.max()) < classes):
        raise ValueError("range")
    return (ids.unsqueeze(-1) == torch.arange(classes).to(ids.dtype)).long()


@replaces("one_hot")
def largest_of_no_ids(ids, classes):
    """Without any ids the check of their range fails, since nothing is the largest of none. An empty tensor of ids is fine, and gives an empty result."""
    if not (ids.min() >= 0 and ids.max() < classes):
        raise ValueError("range")
    return right.one_hot(ids, classes)


@replaces("one_hot")
def rows_of_the_identity_by_any_dtype(ids, classes):
    """Rows of the identity were picked by the ids as they came. Indexing takes uint8 for a mask, and does not take int16 at all: convert the ids to int64 first."""
    if ids.numel() and not (ids.min() >= 0 and ids.max() < classes):
        raise ValueError("range")
    return torch.eye(classes, dtype=torch.int64)[ids.bool() if ids.dtype == torch.uint8 else ids]


# ── masked_mean ──


def _count(x, mask, dim):
    return mask.expand_as(x).sum(dim)


@replaces("masked_mean")
def divided_by_everything(x, mask, dim):
    """The sum of what counts was divided by the number of all entries. The mean is smaller then, the more padding there is. Divide by the number of entries that count."""
    x = _real(x)
    return (torch.where(mask, x, 0).double().sum(dim) / x.shape[dim]).to(x.dtype)


@replaces("masked_mean")
def multiplied_with_the_mask(x, mask, dim):
    """Entries that do not count were multiplied by 0. That leaves NaN and infinity as NaN, and sends NaN back. Choose between the entry and 0 instead of multiplying."""
    x = _real(x)
    return (
        (x * mask).sum(dim, dtype=torch.promote_types(x.dtype, torch.float32)) / _count(x, mask, dim).clamp(min=1)
    ).to(x.dtype)


@replaces("masked_mean")
def nothing_gives_nan(x, mask, dim):
    """Where nothing counts, 0 was divided by 0. The mean there is 0: a text that is all padding must not turn the batch into NaN."""
    x = _real(x)
    return (
        torch.where(mask, x, 0).sum(dim, dtype=torch.promote_types(x.dtype, torch.float32)) / _count(x, mask, dim)
    ).to(x.dtype)


@replaces("masked_mean")
def mask_counted_before_it_was_stretched(x, mask, dim):
    """The True values were counted in the mask as it came. Where it has size 1 along the dimension, one True stands for all entries of the row: stretch the mask to the shape of x before counting."""
    x = _real(x)
    wide = mask.reshape((1,) * (x.dim() - mask.dim()) + tuple(mask.shape))
    total = torch.where(mask, x, 0).sum(dim, dtype=torch.promote_types(x.dtype, torch.float32))
    return (total / wide.sum(dim).clamp(min=1)).to(x.dtype)


@replaces("masked_mean")
def mask_turned_round(x, mask, dim):
    """The entries where the mask is False were averaged. True means that an entry counts. (Some functions of PyTorch use it the other way round.)"""
    return right.masked_mean(x, ~mask, dim)


@replaces("masked_mean")
def mask_ignored(x, mask, dim):
    """All entries were averaged, whatever the mask says."""
    return _real(x).mean(dim)


@replaces("masked_mean")
def dimension_ignored(x, mask, dim):
    """All entries that count were averaged into one number. Only one dimension is averaged over; the others stay."""
    return right.masked_mean(x.flatten(), mask.expand_as(x).flatten(), 0)


@replaces("masked_mean")
def always_the_last_dimension(x, mask, dim):
    """The mean was taken along the last dimension, whatever dim says."""
    return right.masked_mean(x, mask, -1)


@replaces("masked_mean")
def dimension_kept(x, mask, dim):
    """The dimension was kept with size 1. It is averaged away: the result has one dimension less than x."""
    return right.masked_mean(x, mask, dim).unsqueeze(dim)


@replaces("masked_mean")
def sum_not_divided(x, mask, dim):
    """The sum was returned, not divided by anything. A mean is the sum over the number of entries that count."""
    x = _real(x)
    return torch.where(mask, x, 0).sum(dim)


@replaces("masked_mean")
def summed_in_half_precision(x, mask, dim):
    """The sum was taken in the dtype of x. In float16, which ends at 65,504, the sum of a few hundred numbers near 900 is infinite already, although their mean fits. Add up in float32 and convert the mean."""
    x = _real(x)
    return torch.where(mask, x, 0).sum(dim) / _count(x, mask, dim).clamp(min=1)


@replaces("masked_mean")
def mean_in_float32(x, mask, dim):
    """The result is float32 whatever x is: float64 lost half of its digits, and half precision came back too wide. It has the dtype of x."""
    return right.masked_mean(x.float(), mask, dim)


@replaces("masked_mean")
def mean_in_whole_numbers(x, mask, dim):
    """The mean of whole numbers was cut to a whole number. Convert them to a floating dtype first."""
    found = right.masked_mean(x, mask, dim)
    return found if x.is_floating_point() else found.to(x.dtype)


@replaces("masked_mean")
def nan_taken_for_what_does_not_count(x, mask, dim):
    """Entries that do not count were marked as NaN and then left out together with all NaN. An entry that counts and is NaN was left out as well: that hides a bug in what came before."""
    return right.masked_mean(x, mask & ~x.isnan(), dim)


@replaces("masked_mean")
def zeros_written_into_x(x, mask, dim):
    """The means are right, but zeros were written into the x that was given. Make a new tensor."""
    found = right.masked_mean(x, mask, dim)
    if not x.requires_grad:
        x[~mask.expand_as(x)] = 0
    return found


@replaces("masked_mean")
def mean_cut_from_the_graph(x, mask, dim):
    """The means are right, but no gradient can flow back through them: they left PyTorch on the way (item(), tolist(), numpy() or detach())."""
    return right.masked_mean(x, mask, dim).detach()


# ── batched_bilinear ──


def _fit(x, w, y):
    if x.shape[-1] != w.shape[1] or y.shape[-1] != w.shape[2]:
        raise ValueError(f"shapes {tuple(x.shape)}, {tuple(w.shape)}, {tuple(y.shape)}")


@replaces("batched_bilinear")
def sides_exchanged(x, w, y):
    """x and y changed sides: x met the columns of the matrices and y their rows. Where both have the same size nothing complains, and the numbers are those of the transposed matrices."""
    _fit(x, w, y)
    return torch.einsum("...j,oij,...i->...o", x, w, y)


@replaces("batched_bilinear")
def every_x_with_every_y(x, w, y):
    """Every x of the batch met every y. The i-th x belongs to the i-th y: batch dimensions stay, or broadcast."""
    _fit(x, w, y)
    if x.dim() == 1 or y.dim() == 1:
        return right.batched_bilinear(x, w, y)
    return torch.einsum("...ai,oij,...bj->...abo", x, w, y)


@replaces("batched_bilinear")
def second_sum_missing(x, w, y):
    """The products with y were not added up: a vector is left for each matrix where one number was asked for."""
    _fit(x, w, y)
    return torch.einsum("...i,oij,...j->...oj", x, w, y)


@replaces("batched_bilinear")
def only_diagonals_of_the_matrices(x, w, y):
    """Entries of x and y at the same place were multiplied, so that only the diagonals of the matrices were used. Every entry of x meets every entry of y."""
    _fit(x, w, y)
    n = min(x.shape[-1], y.shape[-1])
    return torch.einsum("...i,oi,...i->...o", x[..., :n], w.diagonal(dim1=1, dim2=2), y[..., :n])


@replaces("batched_bilinear")
def outputs_in_front(x, w, y):
    """The outputs are the first dimension. The batch comes first, and the outputs last."""
    return right.batched_bilinear(x, w, y).movedim(-1, 0)


@replaces("batched_bilinear")
def single_output_dropped(x, w, y):
    """With one matrix the last dimension was dropped. The result has the shape (..., out), also where out is 1: do not squeeze."""
    return right.batched_bilinear(x, w, y).squeeze(-1)


@replaces("batched_bilinear")
def batches_must_be_equal(x, w, y):
    """The batches of x and y were taken to be equal. They broadcast: (2, 1) and (6) give (2, 6)."""
    _fit(x, w, y)
    return functional.bilinear(x, y, w)


@replaces("batched_bilinear")
def terms_averaged(x, w, y):
    """The products were averaged over the entries. They are added up."""
    return right.batched_bilinear(x, w, y) / (x.shape[-1] * y.shape[-1])


@replaces("batched_bilinear")
def matrices_added_up(x, w, y):
    """The matrices were added up first, so that there is one number for each pair. Each matrix has a number of its own."""
    return right.batched_bilinear(x, w, y).sum(-1)


@replaces("batched_bilinear")
def sizes_left_to_broadcasting(x, w, y):
    """The sizes were not compared, and a vector of one entry was stretched to the size of the matrices. Compare them first, and show all three shapes."""
    if x.shape[-1] == 1 or y.shape[-1] == 1:
        x, y = (v.expand(*v.shape[:-1], n) if v.shape[-1] == 1 else v for v, n in zip((x, y), w.shape[1:]))
    return right.batched_bilinear(x, w, y)


@replaces("batched_bilinear")
def forms_refused_without_shapes(x, w, y):
    """The error is right, but its message does not hold the three shapes. Whoever meets it needs to see what met."""
    try:
        return right.batched_bilinear(x, w, y)
    except ValueError:
        raise ValueError("x, w and y do not fit") from None


@replaces("batched_bilinear")
def forms_in_float32(x, w, y):
    """Everything was turned into float32, and float64 lost half of its digits. The result has the dtype of the inputs."""
    return right.batched_bilinear(x.float(), w.float(), y.float())


@replaces("batched_bilinear")
def narrow_forms_widened(x, w, y):
    """Half precision came back as float32. It may be computed in a wider dtype, but the result has the dtype of the inputs."""
    if x.dtype == torch.float64:
        return right.batched_bilinear(x, w, y)
    return right.batched_bilinear(x.float(), w.float(), y.float())


@replaces("batched_bilinear")
def matrices_not_learned(x, w, y):
    """The numbers are right, but no gradient reaches the matrices: they were copied or detached on the way. They are what is learned."""
    return right.batched_bilinear(x, w.detach(), y)
