"""How the result of each driver is compared with the reference's."""

import torch

from groundup.authoring import close, exact, refused, refused_with_shapes, valid

PIVOTS = "elimination magnifies rounding by the condition number of the matrix, which is at most about 20 here"
RANDOM = "a random matrix may have a condition of some hundred, and its factors carry that"


def _are_factors(returned, expected):
    """None where p, l and u are what they must be, and p l u is a."""
    found = returned[1] if isinstance(returned, list) and len(returned) == 2 else None
    if not isinstance(found, list) or len(found) != 3 or not all(isinstance(one, torch.Tensor) for one in found):
        return "the three tensors p, l and u were expected"
    a = expected[0]
    if any(one.shape != a.shape or one.dtype != a.dtype for one in found):
        return f"p, l and u were expected in the shape {tuple(a.shape)} and the dtype of a"
    p, lower, u = found
    if not all(bool(one.isfinite().all()) for one in found):
        return "a factor holds NaN or infinity"
    ones = torch.ones(len(a), dtype=a.dtype)
    if not (bool(((p == 0) | (p == 1)).all()) and torch.equal(p.sum(0), ones) and torch.equal(p.sum(1), ones)):
        return "p is not the identity with its rows in another order"
    if not (torch.equal(lower, lower.tril()) and torch.equal(lower.diagonal(), ones)):
        return "l is not lower triangular with ones on its diagonal"
    if not torch.equal(u, u.triu()):
        return "u is not upper triangular"
    if float(lower.abs().max()) > 1 + 1e-6:
        return "l has a magnitude above 1, so that a pivot was not the largest"
    if float((p @ lower @ u - a).abs().max()) > 64 * torch.finfo(a.dtype).eps * (float(a.abs().max()) + 1e-30):
        return "p @ l @ u is not a"
    return None


def _nearly_zero(returned, expected):
    """None where both determinants are zero up to rounding, beside the product of the lengths of the rows."""
    a = expected[0]
    if not isinstance(returned, list) or len(returned) != 3:
        return "two determinants were expected"
    bound = 64 * torch.finfo(a.dtype).eps * float(a.norm(dim=1).prod())
    for found in returned[1:]:
        number = float(found) if isinstance(found, (int, float)) or getattr(found, "ndim", 1) == 0 else None
        if number is None or not abs(number) <= bound:
            return "the matrix is singular: its determinant is 0 up to rounding"
    return None


# ── lu_decompose ──

LU = {"builds": "lu_decompose", "conditioning": 10.0, "because": PIVOTS}
factors_of_two_rows = close("two rows, the larger one below", reduction=2, **LU)
factors_of_three_rows = close("three rows in another order", reduction=3, **LU)
factors_of_one_entry = close("factors of one number", reduction=1, **LU)
factors_of_many_rows = close(
    "nine rows of random numbers", builds="lu_decompose", reduction=9, conditioning=1000.0, because=RANDOM
)
factors_with_two_exchanges = close("exchanges that form a circle: p, and not its transpose", reduction=4, **LU)
factors_with_a_zero_pivot = close("a zero where the first pivot would stand", reduction=3, **LU)
factors_with_a_tiny_pivot = close("a tiny first pivot; the largest is negative", reduction=3, **LU)
factors_of_a_singular_matrix = valid("a singular matrix has factors, too", _are_factors, builds="lu_decompose")
factors_of_zeros = valid("zeros have factors", _are_factors, builds="lu_decompose")
factors_where_several_are_largest = valid(
    "where several are largest, any may be the pivot", _are_factors, builds="lu_decompose"
)
factors_of_tiny_entries = close("factors of entries of 1e-12", reduction=4, **LU)
factors_of_whole_numbers = close("whole numbers have floating-point factors", reduction=3, **LU)
factors_of_a_strided_matrix = close(
    "the memory layout of the matrix does not matter",
    builds="lu_decompose",
    reduction=5,
    conditioning=1000.0,
    because=RANDOM,
)
lu_leaves_its_input_alone = close("taking a matrix apart does not change it", reduction=4, **LU)
no_square_for_lu = valid("lu_decompose refuses what is not square", refused_with_shapes, builds="lu_decompose")

# ── determinant ──

DET = {"builds": "determinant", "conditioning": 10.0, "because": PIVOTS}
area_of_two_columns = close("the determinant of two rows", reduction=2, **DET)
determinant_of_three_rows = close("the determinant of three rows, with its sign", reduction=3, **DET)
determinant_of_small_sizes = close("determinants of one to five rows", reduction=5, **DET)
determinant_of_orders = close("each exchange of rows turns the sign", reduction=6, **DET)
determinant_of_nothing = close("the determinant of nothing is 1, that of one number the number", reduction=1, **DET)
determinant_with_a_zero_corner = close("a determinant with a zero at the corner", reduction=4, **DET)
determinant_with_a_tiny_corner = close("a determinant with a tiny number at the corner", reduction=4, **DET)
determinant_with_pivots_of_all_sizes = close("nearly singular is not singular", reduction=4, **DET)
determinant_of_a_triangle = close("triangles multiply their diagonals", reduction=5, **DET)
determinant_of_whole_numbers = close("a determinant of whole numbers is floating-point", reduction=4, **DET)
determinant_of_twelve_rows = close("twelve rows in float64", reduction=12, **DET)
determinant_of_tiny_entries = close("a tiny determinant is not zero", reduction=4, **DET)
determinant_of_singular_matrices = valid("singular matrices press space flat", _nearly_zero, builds="determinant")
determinant_leaves_its_input_alone = close("the matrix of a determinant is not changed", reduction=3, **DET)
no_square_for_a_determinant = valid("determinant refuses what is not square", refused_with_shapes, builds="determinant")

# ── is_solvable ──

SOLVABLE = {"builds": "is_solvable"}
solvable_square_systems = exact("square systems, singular ones among them", **SOLVABLE)
solvable_with_more_equations = exact("more equations than unknowns", **SOLVABLE)
solvable_with_more_unknowns = exact("more unknowns than equations are not enough", **SOLVABLE)
solvable_for_zero = exact("zero can be reached by every matrix", **SOLVABLE)
solvable_with_nothing = exact("no unknowns, or no equations", **SOLVABLE)
solvable_in_rows_or_in_columns = exact("it is the columns that have to reach b", **SOLVABLE)
solvable_whatever_the_units = exact("the units of a and of b do not matter", **SOLVABLE)
solvable_where_the_largest_is_negative = exact("the size of b is its largest magnitude", **SOLVABLE)
solvable_up_to_noise = exact("noise in b within the tolerance", **SOLVABLE)
solvable_with_a_noisy_matrix = exact("noise in a within the tolerance", **SOLVABLE)
solvable_in_float32_and_whole_numbers = exact("systems in whole numbers and in float32", **SOLVABLE)
solvable_with_one_solution_or_many = exact("one solution or many: solvable is solvable", **SOLVABLE)
solvable_leaves_its_inputs_alone = exact("asking does not change a or b", **SOLVABLE)
unfitting_right_sides = valid(
    "right sides that do not fit are refused with both shapes", refused_with_shapes, **SOLVABLE
)

# ── adjugate_inverse ──

ADJ = {"builds": "adjugate_inverse", "conditioning": 20.0, "because": PIVOTS}
adjugate_of_two_rows = close("the inverse of two rows by determinants", reduction=2, **ADJ)
adjugate_of_three_rows = close("the inverse of three rows by determinants", reduction=3, **ADJ)
adjugate_of_one_entry = close("the inverse of one number by determinants", reduction=1, **ADJ)
adjugate_of_more_rows = close("four and six rows in float64", reduction=6, **ADJ)
adjugate_with_zeros = close("minors with zeros in them", reduction=4, **ADJ)
adjugate_of_whole_numbers = close("the inverse of whole numbers is floating-point", reduction=3, **ADJ)
adjugate_with_a_negative_determinant = close("a negative determinant", reduction=3, **ADJ)
adjugate_of_tiny_and_huge_entries = close("entries of 1e-15 or 1e15", reduction=4, **ADJ)
adjugate_of_nearly_singular_matrices = close(
    "nearly singular matrices have an inverse",
    builds="adjugate_inverse",
    reduction=3,
    conditioning=1e7,
    because="the condition number, up to ten million here, magnifies rounding",
)
adjugate_leaves_its_input_alone = close("inverting by determinants does not change the matrix", reduction=3, **ADJ)
adjugate_of_singular_matrices = valid("singular matrices are refused", refused, builds="adjugate_inverse")
no_square_for_an_inverse = valid(
    "adjugate_inverse refuses what is not square", refused_with_shapes, builds="adjugate_inverse"
)
