"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, exact, refused, refused_with_shapes, valid

DISTANCES = "pairwise_distances"
ONE_HOT = "one_hot"
MEAN = "masked_mean"
BILINEAR = "batched_bilinear"


# ── pairwise_distances ──

distances_of_a_few_points = close("each point of x against each point of y", builds=DISTANCES, reduction=3)
distances_of_as_many_points = close("as many points as dimensions", builds=DISTANCES, reduction=3)
distances_of_numbers = close("points on a line", builds=DISTANCES)
distances_of_one_point = close("one point against many", builds=DISTANCES, reduction=4)
distances_in_a_batch = close("each set of points of a batch by itself", builds=DISTANCES, reduction=4)
distances_of_batches_that_broadcast = close("batches of points broadcast", builds=DISTANCES, reduction=4)
distances_in_float64 = close("distances in float64", builds=DISTANCES, reduction=7)
distances_in_half_precision = close("distances in half precision keep their dtype", builds=DISTANCES)
distances_of_whole_numbers = close("whole numbers have floating-point distances", builds=DISTANCES, reduction=4)
distances_of_strided_points = close("distances: the memory layout does not matter", builds=DISTANCES, reduction=4)
distances_far_from_the_origin = close("close points far from the origin", builds=DISTANCES, reduction=3)
distances_of_very_close_points = close("very close points are not the same point", builds=DISTANCES, reduction=3)
distances_of_no_points = close("no points, and points without entries", builds=DISTANCES)
distances_leave_their_inputs_alone = close("measuring does not change the points", builds=DISTANCES, reduction=4)
distances_gradients = close("gradients of the distances reach both sets", builds=DISTANCES, reduction=9)
distances_of_points_to_themselves = close(
    "equal points: distance 0, and a gradient of 0 instead of NaN", builds=DISTANCES, reduction=8
)
distances_of_different_dimensions = valid(
    "points of different dimensions are refused with a ValueError that shows both shapes",
    refused_with_shapes,
    builds=DISTANCES,
)

# ── one_hot ──

one_hot_of_a_few_ids = exact("a single 1, at the id's place", builds=ONE_HOT)
one_hot_of_a_single_id = exact("an id without a batch, and a single class", builds=ONE_HOT)
one_hot_of_a_batch = exact("ids of any shape", builds=ONE_HOT)
one_hot_of_the_ends = exact("the first and the last class", builds=ONE_HOT)
one_hot_with_classes_that_do_not_occur = exact("classes that do not occur have a place, too", builds=ONE_HOT)
one_hot_of_repeated_ids = exact("one vector for each id, also if ids repeat", builds=ONE_HOT)
one_hot_of_other_integer_dtypes = exact("ids of every integer dtype; the result is int64", builds=ONE_HOT)
one_hot_with_more_classes_than_the_dtype_counts = exact("more classes than the ids' dtype can count", builds=ONE_HOT)
one_hot_of_no_ids = exact("no ids give no vectors", builds=ONE_HOT)
one_hot_of_strided_ids = exact("one-hot vectors: the memory layout does not matter", builds=ONE_HOT)
one_hot_leaves_its_input_alone = exact("the ids are not changed", builds=ONE_HOT)
one_hot_of_ids_that_are_too_large = valid("ids beyond the last class are refused", refused, builds=ONE_HOT)
one_hot_of_negative_ids = valid("negative ids are refused", refused, builds=ONE_HOT)

# ── masked_mean ──

mean_of_a_few_numbers = close("the mean of the entries that count", builds=MEAN, reduction=4)
mean_along_each_dimension = close("the mean along any dimension", builds=MEAN, reduction=5)
mean_along_dimensions_counted_from_the_end = close("dimensions counted from the end", builds=MEAN, reduction=5)
mean_of_everything = close("a mask that lets everything count", builds=MEAN, reduction=5)
mean_with_one_mask_for_all_rows = close("one mask for all rows", builds=MEAN, reduction=6)
mean_with_a_mask_for_whole_rows = close("one truth value for a whole row", builds=MEAN, reduction=5)
mean_of_token_vectors = close("the mean of the tokens of texts with padding", builds=MEAN, reduction=7)
mean_of_nothing = close("where nothing counts the mean is 0", builds=MEAN, reduction=5)
mean_beside_infinity_and_nan = close("what does not count has no influence, not even NaN", builds=MEAN, reduction=6)
mean_of_entries_that_are_not_finite = close(
    "what counts does have influence, infinity and NaN included", builds=MEAN, reduction=4
)
mean_in_float64 = close("means in float64", builds=MEAN, reduction=5)
mean_of_whole_numbers = close("whole numbers have a floating-point mean", builds=MEAN, reduction=7)
mean_in_half_precision = close(
    "in half precision the mean fits where the sum does not",
    builds=MEAN,
    conditioning=2.0,
    because="some round each entry once more after dividing it",
)
mean_of_strided_tensors = close("means: the memory layout does not matter", builds=MEAN, reduction=3)
mean_leaves_its_inputs_alone = close("neither x nor the mask is changed", builds=MEAN, reduction=5)
mean_gradients = close("gradients of the mean reach what counts", builds=MEAN, reduction=4)
mean_gradients_beside_nan = close("gradients are 0 for what does not count, also beside NaN", builds=MEAN, reduction=5)

# ── batched_bilinear ──

bilinear_of_one_pair = close("one number for each matrix", builds=BILINEAR, reduction=6)
bilinear_of_equal_sizes = close("all sizes equal", builds=BILINEAR, reduction=9)
bilinear_with_one_output = close("a single matrix keeps its dimension", builds=BILINEAR, reduction=8)
bilinear_in_a_batch = close("the i-th x belongs to the i-th y", builds=BILINEAR, reduction=20)
bilinear_of_batches_that_broadcast = close("batches of x and y broadcast", builds=BILINEAR, reduction=12)
bilinear_in_half_precision = close("bilinear forms in half precision keep their dtype", builds=BILINEAR)
bilinear_in_float64 = close("bilinear forms in float64", builds=BILINEAR, reduction=30)
bilinear_of_strided_tensors = close("bilinear forms: the memory layout does not matter", builds=BILINEAR, reduction=12)
bilinear_leaves_its_inputs_alone = close("none of the three is changed", builds=BILINEAR, reduction=10)
bilinear_gradients = close("gradients reach x, w and y", builds=BILINEAR, reduction=36)
bilinear_of_unfitting_sizes = valid(
    "sizes that do not fit are refused with a ValueError that shows all three shapes",
    refused_with_shapes,
    builds=BILINEAR,
)
bilinear_of_one_entry_and_many = valid(
    "a vector of one entry is not stretched, but refused", refused_with_shapes, builds=BILINEAR
)
