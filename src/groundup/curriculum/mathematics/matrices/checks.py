"""How the result of each driver is compared with the reference's."""

import torch

from groundup.authoring import close, exact, refused, refused_with_shapes, valid

PIVOTS = "elimination magnifies rounding by the condition number of the matrix, which is at most about 20 here"


def _meets_the_right_side(returned, expected):
    """None where a x equals b up to the rounding of the entries of a and x."""
    if not isinstance(returned, list) or len(returned) != 3:
        return "a solution was expected"
    a, b, right = expected
    x = returned[2]
    if not isinstance(x, torch.Tensor) or x.shape != right.shape or x.dtype != right.dtype:
        return "a solution in the shape and dtype of the right side was expected"
    if not bool(x.isfinite().all()):
        return "the solution holds NaN or infinity"
    residual = float((a @ x - b).abs().max())
    allowed = 64 * len(b) * torch.finfo(a.dtype).eps * float((a.abs() @ x.abs()).max())
    if not residual <= allowed:
        return (
            f"put into the equations, it misses the right side by {residual:.1e}, where {allowed:.0e} would be rounding"
        )
    return None


# ── matmul ──

product_of_two_small_matrices = close("rows of a against columns of b", builds="matmul", reduction=2)
product_of_other_shapes = close("the shapes (2, 3) and (3, 4) give (2, 4)", builds="matmul", reduction=3)
product_with_one_row_or_column = close("one row, one column", builds="matmul", reduction=5)
product_of_word_counts = exact("whole numbers give whole numbers of the same dtype", builds="matmul")
product_of_large_whole_numbers = exact("large whole numbers keep all digits", builds="matmul")
product_without_inner_entries = close("sums of no products are zero", builds="matmul")
product_in_a_batch = close("each matrix of a batch has a product of its own", builds="matmul", reduction=4)
product_of_batches_that_broadcast = close("the batch dimensions of a product broadcast", builds="matmul", reduction=6)
product_in_float64 = close("products in float64 keep all digits", builds="matmul", reduction=9)
product_in_half_precision = close(
    "bfloat16 and float16 are accepted and kept",
    builds="matmul",
    reduction=5,
    conditioning=2.0,
    because="some round each product to half precision, others the sum only",
)
product_of_strided_tensors = close("the memory layout of the factors does not matter", builds="matmul", reduction=6)
product_leaves_its_inputs_alone = close("multiplying does not change the factors", builds="matmul", reduction=4)
product_gradients = close("gradients of the product reach both factors", builds="matmul", reduction=15)
product_of_unfitting_shapes = valid(
    "factors that do not fit are refused with a ValueError that shows both shapes", refused_with_shapes, builds="matmul"
)
product_of_one_column_and_many_rows = valid(
    "one column against many rows is not stretched, but refused", refused_with_shapes, builds="matmul"
)

# ── solve ──

SOLVE = {"builds": "solve", "conditioning": 10.0, "because": PIVOTS}
two_equations = close("two equations for two unknowns", reduction=2, **SOLVE)
three_equations = close("three equations", reduction=3, **SOLVE)
rows_out_of_order = close("equations in any order", reduction=4, **SOLVE)
zero_on_the_diagonal = close("a zero where the first pivot would stand", reduction=3, **SOLVE)
zero_that_comes_up_later = close("a zero that elimination itself puts on the diagonal", reduction=3, **SOLVE)
several_right_sides = close("each column of b is a system of its own, also if there is only one", reduction=3, **SOLVE)
one_equation = close("one equation", reduction=1, **SOLVE)
whole_numbers = close("a system of whole numbers has a floating-point solution", reduction=3, **SOLVE)
tiny_first_pivot = close("a tiny first pivot, in float32", reduction=4, **SOLVE)
tiny_pivot_above_a_large_negative_one = close(
    "a pivot is chosen for its magnitude, whatever its sign", reduction=3, **SOLVE
)
tiny_pivot_that_comes_up_later = close(
    "a tiny number that elimination itself puts on the diagonal", reduction=3, **SOLVE
)
many_equations = close("17 equations in float64", reduction=17, **SOLVE)
strided_system = close("the memory layout of the system does not matter", reduction=5, **SOLVE)
small_and_large_entries = close("entries of 1e-20 or 1e20 are no reason to refuse", reduction=4, **SOLVE)
small_determinant = close("twelve equations with small coefficients", reduction=12, **SOLVE)
solving_leaves_its_inputs_alone = close("solving changes neither a nor b", reduction=4, **SOLVE)
nearly_singular_system = valid(
    "a nearly singular system: the solution, put in, gives the right side", _meets_the_right_side, builds="solve"
)
singular_system = valid("systems without one solution are refused", refused, builds="solve")
singular_up_to_rounding = valid("systems that are singular but for rounding are refused", refused, builds="solve")
system_of_unfitting_shapes = valid(
    "unfitting systems are refused with a ValueError that shows the shapes", refused_with_shapes, builds="solve"
)
one_number_for_many_equations = valid(
    "a right side with one row is not stretched over n equations", refused, builds="solve"
)

# ── inverse ──

INVERSE = {"builds": "inverse", "conditioning": 10.0, "because": PIVOTS}
inverse_of_a_small_matrix = close("the inverse of a matrix of two rows", reduction=2, **INVERSE)
inverse_of_three_by_three = close("the inverse of a matrix of three rows", reduction=3, **INVERSE)
inverse_of_one_entry = close("the inverse of one number", reduction=1, **INVERSE)
inverse_of_an_exchange = close("the inverse of a matrix that reorders entries puts them back", reduction=1, **INVERSE)
inverse_of_rows_out_of_order = close("the inverse, where pivots are not on the diagonal", reduction=4, **INVERSE)
inverse_of_whole_numbers = close("whole numbers have a floating-point inverse", reduction=3, **INVERSE)
inverse_with_a_tiny_pivot = close("the inverse, where the first pivot is tiny", reduction=4, **INVERSE)
inverse_in_float64 = close("inverses in float64 keep all digits", reduction=9, **INVERSE)
inverse_of_small_and_large_entries = close("matrices with entries of 1e-20 or 1e20", reduction=4, **INVERSE)
inverse_leaves_its_input_alone = close("inverting does not change the matrix", reduction=4, **INVERSE)
inverse_of_singular_matrices = valid("a singular matrix has no inverse: ValueError", refused, builds="inverse")
inverse_of_what_is_not_square = valid(
    "only square matrices have inverses: a ValueError shows the shape", refused_with_shapes, builds="inverse"
)
