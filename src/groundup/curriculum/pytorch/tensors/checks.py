"""How each driver's result is compared: strides, shapes and windows are equal or they are not."""

from groundup.authoring import close, exact, refused, refused_with_shapes, valid

STRIDES = "contiguous_strides"
SHAPE = "broadcast_shape"
WINDOWS = "sliding_windows"


# ── contiguous_strides ──

strides_of_a_matrix = exact("in a matrix the next row is one row's length away", builds=STRIDES)
strides_of_three_dimensions = exact("the strides of three dimensions", builds=STRIDES)
strides_of_one_dimension_or_none = exact("the strides of one dimension, and of none", builds=STRIDES)
strides_with_sizes_of_one = exact("a size of 1 has a stride, too", builds=STRIDES)
strides_of_empty_tensors = exact("a size of 0 counts as 1", builds=STRIDES)
strides_of_many_dimensions = exact("the strides of many dimensions", builds=STRIDES)
strides_of_a_shape_that_no_memory_holds = exact("sizes beyond any memory", builds=STRIDES)
strides_leave_the_shape_alone = exact("a list that was given stays as it is", builds=STRIDES)
strides_of_negative_sizes = valid("negative sizes are refused with a ValueError", refused, builds=STRIDES)

# ── broadcast_shape ──

shapes_that_are_equal = exact("equal shapes stay", builds=SHAPE)
shape_of_a_row_and_a_column = exact("a size of 1 takes the other's size", builds=SHAPE)
shapes_of_different_length = exact("shapes are compared from their last sizes on", builds=SHAPE)
shape_of_a_single_number = exact("a single number fits every shape", builds=SHAPE)
shapes_of_attention = exact("scores of attention and masks of several shapes", builds=SHAPE)
shapes_that_stretch_each_other = exact("each shape may stretch the other", builds=SHAPE)
shapes_with_nothing_in_them = exact("0 is a size like any other: with 1 it gives 0", builds=SHAPE)
shapes_that_no_memory_holds = exact("shapes beyond any memory", builds=SHAPE)
shapes_are_left_alone = exact("lists that were given stay as they are", builds=SHAPE)
shapes_that_do_not_fit = valid(
    "shapes that do not fit are refused with a ValueError that shows both", refused_with_shapes, builds=SHAPE
)
shapes_that_do_not_fit_before_the_last = valid("all sizes that meet must fit", refused_with_shapes, builds=SHAPE)
shapes_that_do_not_fit_because_of_zero = valid("0 does not fit a size above 1", refused_with_shapes, builds=SHAPE)

# ── sliding_windows ──

windows_of_a_short_vector = exact("every run of three neighbors", builds=WINDOWS)
windows_of_one_and_of_all = exact("windows of one entry, of all entries, and of all but one", builds=WINDOWS)
windows_in_a_batch = exact("each row of a batch has windows of its own", builds=WINDOWS)
windows_of_an_empty_batch = exact("windows of a batch without rows", builds=WINDOWS)
windows_of_every_dtype = exact("any dtype is kept", builds=WINDOWS)
windows_of_a_transposed_matrix = exact("windows of a transposed matrix", builds=WINDOWS)
windows_of_a_part = exact("windows of a part that starts later in memory", builds=WINDOWS)
windows_of_every_second_column = exact("windows of every second and third column", builds=WINDOWS)
windows_of_an_expanded_column = exact("windows of a column that was expanded", builds=WINDOWS)
windows_show_later_changes = exact("the windows are a view: later changes show in them", builds=WINDOWS)
windows_of_a_view_show_later_changes = exact("the windows of a view are a view, too", builds=WINDOWS)
windows_with_gradients_show_later_changes = exact("a tensor that wants gradients gets a view, too", builds=WINDOWS)
windows_leave_their_input_alone = exact("looking through windows does not change the tensor", builds=WINDOWS)
windows_gradients = close("gradients of all windows that hold an entry add up", builds=WINDOWS, reduction=3)
windows_gradients_through_a_view = close("gradients flow through a view as well", builds=WINDOWS, reduction=3)
windows_that_are_too_large = valid("windows longer than the row are refused", refused, builds=WINDOWS)
windows_of_no_size = valid("windows of size 0 and below are refused", refused, builds=WINDOWS)
