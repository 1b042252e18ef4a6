"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, exact

GRADIENT = "gradient"
SLOPE = "directional_derivative"
CHECK = "gradient_check"

MEASURED = "slopes are measured, and the stub asks for six digits, so that every step that gives them is right"


def _slopes(title, build):
    return close(title, builds=build, conditioning=1e8, because=MEASURED)


# ── gradient ──

gradient_of_a_plane = _slopes("a plane has the same slopes everywhere", GRADIENT)
gradient_of_a_bowl = _slopes("two numbers, two slopes", GRADIENT)
gradient_of_a_product = _slopes("the slope of one entry depends on the others", GRADIENT)
gradient_of_entangled_entries = _slopes("seven entries that work together", GRADIENT)
gradient_of_one_number_or_none = _slopes("one number, or none", GRADIENT)
gradient_of_a_matrix = _slopes("the gradient of a matrix is a matrix", GRADIENT)
gradient_of_a_stack_of_matrices = _slopes("any shape will do", GRADIENT)
gradient_of_a_loss = _slopes("the loss of a linear layer", GRADIENT)
gradient_at_zeros = _slopes("entries of zero have slopes, too", GRADIENT)
gradient_at_whole_numbers = _slopes("whole numbers are turned into float64", GRADIENT)
gradient_in_other_dtypes = _slopes("the gradient is measured in float64, whatever x comes in", GRADIENT)
gradient_of_strided_entries = _slopes("entries in a view with strides", GRADIENT)
gradient_beside_a_large_value = _slopes("small slopes beside a large value: the step is not too small", GRADIENT)
gradient_leaves_x_alone = _slopes("x is not changed, not even for a while", GRADIENT)

# ── directional_derivative ──

slope_along_an_axis = _slopes("along one axis: the slope of that entry", SLOPE)
slope_of_a_plane = _slopes("a plane and a direction of length 1", SLOPE)
slope_however_long_the_direction = _slopes("only the direction counts, not its length", SLOPE)
slope_for_tiny_and_huge_directions = _slopes("directions of length 1e-30 and 1e30", SLOPE)
slope_up_and_down_the_steepest_way = _slopes("along the gradient the slope is its length", SLOPE)
slope_between_along_and_across = _slopes("at 60 degrees to the gradient, half of that", SLOPE)
slope_of_a_matrix = _slopes("a direction for a matrix is a matrix", SLOPE)
slope_for_one_number = _slopes("one number has two directions", SLOPE)
slope_in_other_dtypes = _slopes("x and direction in different dtypes", SLOPE)
slope_of_strided_entries = _slopes("x and direction in views with strides", SLOPE)
slope_beside_a_large_value = _slopes("a small slope beside a large value: the step is not too small", SLOPE)
slope_leaves_its_inputs_alone = _slopes("x and direction are not changed", SLOPE)
no_slope_without_a_direction = _slopes("a direction of zeros is a ValueError", SLOPE)
no_slope_for_other_shapes = _slopes("another shape than that of x is a ValueError", SLOPE)

# ── gradient_check ──

check_of_a_right_and_a_wrong_gradient = exact("a right gradient and three wrong ones", builds=CHECK)
check_of_entangled_entries = exact("an error of a thousandth is found", builds=CHECK)
check_of_one_wrong_entry = exact("one wrong entry among eight is found", builds=CHECK)
check_of_errors_that_cancel = exact("errors that cancel each other are found", builds=CHECK)
check_with_another_tolerance = exact("the tolerance is the one that was asked for", builds=CHECK)
check_with_no_tolerance_given = exact("1e-5 where no tolerance is given, and 0 where it is 0", builds=CHECK)
check_of_large_slopes = exact("large slopes may be off by more", builds=CHECK)
check_of_small_slopes = exact("small slopes may be off by the tolerance", builds=CHECK)
check_of_small_slopes_beside_large_ones = exact("each entry is held to its own slope", builds=CHECK)
check_at_a_minimum = exact("at a minimum, where all slopes are zero or rounding", builds=CHECK)
check_of_matrices = exact("the gradient of a matrix is checked entry by entry", builds=CHECK)
check_of_other_shapes = exact("a gradient of another shape is wrong, even if it broadcasts", builds=CHECK)
check_of_not_a_number = exact("NaN and infinity are wrong", builds=CHECK)
check_in_other_dtypes = exact("x and the claim in other dtypes", builds=CHECK)
check_leaves_x_alone = exact("checking does not change x", builds=CHECK)
