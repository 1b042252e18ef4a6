"""What is done with pairwise_distances, one_hot, masked_mean and batched_bilinear, from small to large."""

import math

import torch


def _short(rng, *shape):
    """Small whole numbers and halves, none of them zero: easy to follow by hand."""
    return rng.integers(-4, 5, *shape).float() + 0.5


# ── pairwise_distances ──


def distances_of_a_few_points(my, rng):
    return my.pairwise_distances(_short(rng, 2, 3), _short(rng, 4, 3))


def distances_of_as_many_points(my, rng):
    return my.pairwise_distances(_short(rng, 3, 3), _short(rng, 3, 3))


def distances_of_numbers(my, rng):
    return my.pairwise_distances(_short(rng, 5, 1), _short(rng, 2, 1))


def distances_of_one_point(my, rng):
    x = rng.normal(6, 4)
    return [my.pairwise_distances(x[:1], x), my.pairwise_distances(x, x[2:3])]


def distances_in_a_batch(my, rng):
    return my.pairwise_distances(rng.normal(2, 3, 4), rng.normal(2, 5, 4))


def distances_of_batches_that_broadcast(my, rng):
    x, y = rng.normal(2, 1, 3, 4), rng.normal(3, 5, 4)
    return [my.pairwise_distances(x, y), my.pairwise_distances(y, x[0, 0]), my.pairwise_distances(x[1, 0], y)]


def distances_in_float64(my, rng):
    return my.pairwise_distances(rng.normal(4, 7, dtype=torch.float64), rng.normal(3, 7, dtype=torch.float64))


def distances_in_half_precision(my, rng):
    """Whole numbers so small that no step of the computation but the root is rounded."""
    x, y = rng.integers(-5, 6, 3, 3), rng.integers(-5, 6, 4, 3)
    return [my.pairwise_distances(x.to(dtype), y.to(dtype)) for dtype in (torch.bfloat16, torch.float16)]


def distances_of_whole_numbers(my, rng):
    x, y = rng.integers(0, 200, 3, 4), rng.integers(0, 200, 5, 4)
    return [my.pairwise_distances(x, y), my.pairwise_distances(x.to(torch.uint8), y.to(torch.uint8))]


def distances_of_strided_points(my, rng):
    return my.pairwise_distances(rng.normal(4, 6).T[::2], rng.normal(4, 5).T)


def distances_far_from_the_origin(my, rng):
    """Differences of about 0.01 at 1000 are exact in float32; squares of 1000 have no place for them."""
    center = rng.uniform(1, 3, low=900.0, high=1100.0)
    return my.pairwise_distances(center + rng.normal(4, 3, scale=0.01), center + rng.normal(5, 3, scale=0.01))


def distances_of_very_close_points(my, rng):
    """The same in float64, closer still: small distances are no zeros."""
    center = rng.uniform(1, 3, low=900.0, high=1100.0, dtype=torch.float64)
    near = [center + rng.normal(n, 3, scale=1e-7, dtype=torch.float64) for n in (4, 5)]
    return [my.pairwise_distances(*near), my.pairwise_distances(near[0] - center, near[1] - center)]


def distances_of_no_points(my, rng):
    n, m, d = (rng.integer(2, 20) for _ in range(3))
    return [
        my.pairwise_distances(rng.normal(0, d), rng.normal(m, d)),
        my.pairwise_distances(rng.normal(n, 0), rng.normal(m, 0)),
    ]


def distances_leave_their_inputs_alone(my, rng):
    x, y = rng.normal(3, 4), rng.normal(2, 4)
    return [my.pairwise_distances(x, y), x, y]


def distances_gradients(my, rng):
    x = rng.normal(2, 1, 3, 4, dtype=torch.float64).requires_grad_()
    y = rng.normal(3, 2, 4, dtype=torch.float64).requires_grad_()
    return rng.gradients(my.pairwise_distances(x, y), x=x, y=y)


def distances_of_points_to_themselves(my, rng):
    x = rng.normal(4, 3, dtype=torch.float64).requires_grad_()
    distances = my.pairwise_distances(x, x)
    return [distances, rng.gradients(distances, x=x)]


def distances_of_different_dimensions(my, rng):
    d = rng.integer(30, 60)
    return [
        rng.attempt(my.pairwise_distances, rng.normal(2, d), rng.normal(4, d + 3)),
        rng.attempt(my.pairwise_distances, rng.normal(2, 1), rng.normal(4, d)),
        rng.attempt(my.pairwise_distances, rng.normal(3, 2, d), rng.normal(4, 1)),
    ]


# ── one_hot ──


def one_hot_of_a_few_ids(my, rng):
    return my.one_hot(rng.integers(0, 5, 3), 5)


def one_hot_of_a_single_id(my, rng):
    return [my.one_hot(rng.integers(0, 6, 1)[0], 6), my.one_hot(torch.zeros(2, dtype=torch.int64), 1)]


def one_hot_of_a_batch(my, rng):
    return [my.one_hot(rng.integers(0, 7, 2, 3), 7), my.one_hot(rng.integers(0, 3, 2, 4, 5), 3)]


def one_hot_of_the_ends(my, rng):
    classes = rng.integer(5, 60)
    return my.one_hot(torch.tensor([0, classes - 1, 0]), classes)


def one_hot_with_classes_that_do_not_occur(my, rng):
    return my.one_hot(rng.integers(0, 3, 4), rng.integer(8, 12))


def one_hot_of_repeated_ids(my, rng):
    return my.one_hot(rng.integers(0, 4, 1).repeat(6), 4)


def one_hot_of_other_integer_dtypes(my, rng):
    ids = rng.integers(0, 9, 2, 4)
    return [my.one_hot(ids.to(dtype), 9) for dtype in (torch.int32, torch.uint8, torch.int16)]


def one_hot_with_more_classes_than_the_dtype_counts(my, rng):
    """uint8 ends at 255 and int8 at 127; the classes go on. 300 taken for a uint8 or an int8 would be 44."""
    ids = torch.cat((rng.integers(0, 44, 3), rng.integers(45, 120, 2)))
    return [my.one_hot(ids.to(dtype), 300) for dtype in (torch.uint8, torch.int8)]


def one_hot_of_no_ids(my, rng):
    classes = rng.integer(3, 9)
    empty = torch.zeros(0, dtype=torch.int64)
    return [my.one_hot(empty, classes), my.one_hot(empty.reshape(2, 0), classes)]


def one_hot_of_strided_ids(my, rng):
    return my.one_hot(rng.integers(0, 6, 5, 4).T[::2], 6)


def one_hot_leaves_its_input_alone(my, rng):
    ids = rng.integers(0, 5, 2, 3)
    return [my.one_hot(ids, 5), ids]


def one_hot_of_ids_that_are_too_large(my, rng):
    classes = rng.integer(4, 9)
    ids = rng.integers(0, classes, 2, 3)
    ids[1, rng.integer(0, 3)] = classes
    return [rng.attempt(my.one_hot, ids, classes), rng.attempt(my.one_hot, torch.tensor(classes + 5), classes)]


def one_hot_of_negative_ids(my, rng):
    classes = rng.integer(4, 9)
    ids = rng.integers(0, classes, 5)
    ids[rng.integer(0, 5)] = -1
    return [rng.attempt(my.one_hot, ids, classes), rng.attempt(my.one_hot, torch.tensor([-rng.integer(2, 4)]), classes)]


# ── masked_mean ──


def mean_of_a_few_numbers(my, rng):
    x = _short(rng, 4)
    return my.masked_mean(x, torch.tensor([True, False, True, True]), 0)


def mean_along_each_dimension(my, rng):
    x, mask = rng.normal(3, 4, 5, shift=1.0), rng.mask(3, 4, 5)
    return [my.masked_mean(x, mask, dim) for dim in (0, 1, 2)]


def mean_along_dimensions_counted_from_the_end(my, rng):
    x, mask = rng.normal(3, 4, 5, shift=1.0), rng.mask(3, 4, 5)
    return [my.masked_mean(x, mask, dim) for dim in (-1, -2, -3)]


def mean_of_everything(my, rng):
    x = rng.normal(3, 5)
    return my.masked_mean(x, torch.ones(3, 5, dtype=torch.bool), 1)


def mean_with_one_mask_for_all_rows(my, rng):
    x, mask = rng.normal(3, 6, shift=1.0), rng.mask(6)
    return [my.masked_mean(x, mask, 1), my.masked_mean(x, mask, 0)]


def mean_with_a_mask_for_whole_rows(my, rng):
    """The mask has size 1 along the dimension of the mean, or lacks it."""
    x, mask = rng.normal(4, 5, shift=1.0), torch.tensor([[True], [False], [True], [True]])
    return [my.masked_mean(x, mask, 1), my.masked_mean(x, mask, 0), my.masked_mean(x[None], mask, -1)]


def mean_of_token_vectors(my, rng):
    """Texts of different lengths: (texts, tokens, entries) with a mask of (texts, tokens, 1)."""
    lengths = torch.tensor([7, rng.integer(2, 6), 1])
    mask = (torch.arange(7) < lengths[:, None]).unsqueeze(-1)
    return my.masked_mean(rng.normal(3, 7, 4), mask, dim=1)


def mean_of_nothing(my, rng):
    x, mask = rng.normal(4, 5, shift=2.0), rng.mask(4, 5)
    mask[rng.integer(0, 4)] = False
    return [my.masked_mean(x, mask, 1), my.masked_mean(x, torch.tensor(False), 0)]


def mean_beside_infinity_and_nan(my, rng):
    x, mask = rng.normal(4, 6), rng.mask(4, 6, p=0.5)
    x[~mask] = torch.tensor([math.inf, math.nan, -math.inf, 1e38]).repeat(6)[: int((~mask).sum())]
    return my.masked_mean(x, mask, 1)


def mean_of_entries_that_are_not_finite(my, rng):
    x = rng.normal(3, 4)
    x[0, 1], x[1, 2] = math.inf, math.nan
    return my.masked_mean(x, torch.tensor([True, True, True, False]), 1)


def mean_in_float64(my, rng):
    return my.masked_mean(rng.normal(5, 9, dtype=torch.float64), rng.mask(5, 9), 0)


def mean_of_whole_numbers(my, rng):
    return my.masked_mean(rng.integers(-9, 10, 3, 7), rng.mask(3, 7), 1)


def mean_in_half_precision(my, rng):
    x, mask = rng.uniform(3, 200, low=800.0, high=1000.0), rng.mask(3, 200)
    return [my.masked_mean(x.to(dtype), mask, 1) for dtype in (torch.float16, torch.bfloat16)]


def mean_of_strided_tensors(my, rng):
    return my.masked_mean(rng.normal(6, 4).T[:, ::2], rng.mask(3, 4).T, 1)


def mean_leaves_its_inputs_alone(my, rng):
    x, mask = rng.normal(3, 5), rng.mask(3, 5)
    return [my.masked_mean(x, mask, 1), x, mask]


def mean_gradients(my, rng):
    x, mask = rng.normal(3, 4, 2, dtype=torch.float64).requires_grad_(), rng.mask(4, 2)
    return rng.gradients(my.masked_mean(x, mask, 1), x=x)


def mean_gradients_beside_nan(my, rng):
    x, mask = rng.normal(4, 5), rng.mask(4, 5)
    mask[rng.integer(0, 4)] = False
    x[~mask] = math.nan
    x.requires_grad_()
    return rng.gradients(my.masked_mean(x, mask, 1), x=x)


# ── batched_bilinear ──


def bilinear_of_one_pair(my, rng):
    return my.batched_bilinear(_short(rng, 2), _short(rng, 4, 2, 3), _short(rng, 3))


def bilinear_of_equal_sizes(my, rng):
    return my.batched_bilinear(_short(rng, 3, 3), _short(rng, 3, 3, 3), _short(rng, 3, 3))


def bilinear_with_one_output(my, rng):
    return my.batched_bilinear(rng.normal(5, 2), rng.normal(1, 2, 4), rng.normal(5, 4))


def bilinear_in_a_batch(my, rng):
    return [
        my.batched_bilinear(rng.normal(5, 2), rng.normal(3, 2, 4), rng.normal(5, 4)),
        my.batched_bilinear(rng.normal(2, 3, 4), rng.normal(6, 4, 5), rng.normal(2, 3, 5)),
    ]


def bilinear_of_batches_that_broadcast(my, rng):
    x, w, y = rng.normal(2, 1, 3), rng.normal(5, 3, 4), rng.normal(6, 4)
    return [
        my.batched_bilinear(x, w, y),
        my.batched_bilinear(x[0, 0], w, y),
        my.batched_bilinear(x, w, y[0]),
        my.batched_bilinear(x[:, 0], w, y[:, None]),
    ]


def bilinear_in_half_precision(my, rng):
    """Whole numbers so small that nothing is rounded."""
    x, w, y = rng.integers(-2, 3, 4, 2), rng.integers(-2, 3, 5, 2, 3), rng.integers(-2, 3, 4, 3)
    return [my.batched_bilinear(x.to(dtype), w.to(dtype), y.to(dtype)) for dtype in (torch.bfloat16, torch.float16)]


def bilinear_in_float64(my, rng):
    x, w, y = (rng.normal(*shape, dtype=torch.float64) for shape in ((3, 6), (2, 6, 5), (3, 5)))
    return my.batched_bilinear(x, w, y)


def bilinear_of_strided_tensors(my, rng):
    return my.batched_bilinear(
        rng.normal(4, 5).T, rng.normal(3, 8, 4).permute(1, 2, 0)[::2], rng.normal(6, 5).T[:, ::2]
    )


def bilinear_leaves_its_inputs_alone(my, rng):
    x, w, y = rng.normal(3, 2), rng.normal(4, 2, 5), rng.normal(3, 5)
    return [my.batched_bilinear(x, w, y), x, w, y]


def bilinear_gradients(my, rng):
    x, w, y = (rng.normal(*shape, dtype=torch.float64).requires_grad_() for shape in ((2, 1, 3), (2, 3, 4), (3, 4)))
    return rng.gradients(my.batched_bilinear(x, w, y), x=x, w=w, y=y)


def bilinear_of_unfitting_sizes(my, rng):
    i, j = rng.integer(30, 60), rng.integer(70, 90)
    return [
        rng.attempt(my.batched_bilinear, rng.normal(2, i + 1), rng.normal(5, i, j), rng.normal(2, j)),
        rng.attempt(my.batched_bilinear, rng.normal(2, i), rng.normal(5, i, j), rng.normal(2, j + 1)),
        rng.attempt(my.batched_bilinear, rng.normal(2, j), rng.normal(5, i, j), rng.normal(2, i)),
    ]


def bilinear_of_one_entry_and_many(my, rng):
    i, j = rng.integer(30, 60), rng.integer(70, 90)
    return [
        rng.attempt(my.batched_bilinear, rng.normal(2, 1), rng.normal(5, i, j), rng.normal(2, j)),
        rng.attempt(my.batched_bilinear, rng.normal(2, i), rng.normal(5, i, j), rng.normal(2, 1)),
    ]
