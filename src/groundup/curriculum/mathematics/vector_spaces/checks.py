"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, exact, refused_with_shapes, same_subspace, valid

NEAR = "what is left after subtraction carries the rounding of what was subtracted, here at most ten times as large"

# ── gram_schmidt ──

GS = {"builds": "gram_schmidt", "conditioning": 10.0, "because": NEAR}
two_vectors = close("two vectors of two entries", reduction=2, **GS)
three_vectors = close("each row is freed of all rows before it", reduction=4, **GS)
one_vector = close("one vector is brought to length 1 and keeps its sign", reduction=3, **GS)
a_vector_twice = close("a multiple of an earlier vector is skipped", reduction=4, **GS)
mixtures_and_zeros = close("mixtures and zero vectors are skipped, later vectors are not", reduction=6, **GS)
more_vectors_than_entries = close("there are never more rows than entries in a row", reduction=3, **GS)
late_vectors_that_count = close("vectors are looked at to the last one", reduction=3, **GS)
mixtures_up_to_rounding = close(
    "a mixture that was rounded is still a mixture",
    builds="gram_schmidt",
    reduction=5,
    conditioning=1e9,
    because="the vectors carry noise of 1e-8, and what is skipped decides, not the digits",
)
zeros_only = close("zeros span nothing: no row comes back", reduction=1, **GS)
long_and_short_vectors = close("very long and very short vectors count alike", reduction=5, **GS)
vectors_of_whole_numbers = close("vectors of whole numbers give floating-point rows", reduction=4, **GS)
vectors_in_float64 = close("float64 vectors keep their digits", reduction=9, **GS)
strided_vectors = close("the memory layout of the vectors does not matter", reduction=4, **GS)
nearly_dependent_vectors = close(
    "nearly dependent vectors: the rows are orthogonal up to rounding", builds="gram_schmidt", reduction=6
)
nearly_dependent_vectors_span_the_same = same_subspace(
    "nearly dependent vectors: the rows span what the vectors span", builds="gram_schmidt", reduction=10**6
)
gram_schmidt_leaves_its_input_alone = close("the vectors are not changed", reduction=5, **GS)
no_matrix_for_gram_schmidt = valid(
    "gram_schmidt refuses what is no matrix, and shows the shape", refused_with_shapes, builds="gram_schmidt"
)

# ── rank ──

rank_of_small_matrices = exact("rank of matrices of two rows", builds="rank")
rank_of_tall_and_wide = exact("rank of tall, wide and square matrices", builds="rank")
rank_below_both_sizes = exact("a rank below the number of rows and of columns", builds="rank")
rank_of_zeros_and_nothing = exact("zeros and empty matrices have rank 0", builds="rank")
rank_of_one_entry = exact("rank of a single number", builds="rank")
rank_with_leading_zeros = exact("rank where the corner is zero", builds="rank")
rank_at_any_size = exact("a trillion times the matrix has the same rank", builds="rank")
rank_of_whole_numbers = exact("rank of whole numbers", builds="rank")
rank_in_float32 = exact("rank in float32", builds="rank")
rank_under_noise = exact("noise below the tolerance does not count", builds="rank")
rank_with_values_of_all_sizes = exact("the tolerance decides how many directions count", builds="rank")
rank_with_a_tiny_row = exact("a row that is tiny beside the others does not count", builds="rank")
rank_with_a_misleading_first_row = exact("a short row that comes first does not decide", builds="rank")
rank_of_rows_that_differ_a_little = exact("rows that all lie near one plane", builds="rank")
rank_leaves_its_input_alone = exact("rank does not change the matrix", builds="rank")
no_matrix_for_rank = valid("rank refuses what is no matrix, and shows the shape", refused_with_shapes, builds="rank")

# ── null_space ──

NULL = {"builds": "null_space"}
null_space_of_one_row = same_subspace("what is orthogonal to one vector", reduction=2, **NULL)
null_space_of_a_small_matrix = same_subspace("the null space of two rows that say the same", reduction=3, **NULL)
null_space_is_orthonormal = close("the rows of the null space are orthonormal", reduction=6, **NULL)
null_space_of_a_wide_matrix = same_subspace("three rows of seven entries leave four directions", reduction=7, **NULL)
null_space_of_a_wide_matrix_of_low_rank = same_subspace("dependent rows leave more directions", reduction=6, **NULL)
null_space_of_a_tall_matrix = same_subspace("the null space of a tall matrix", reduction=7, **NULL)
null_space_where_late_rows_count = same_subspace("every row counts, however many there are", reduction=7, **NULL)
null_space_with_a_tiny_row = same_subspace(
    "a row that is tiny beside the others forbids nothing", reduction=100, **NULL
)
null_space_of_full_rank = same_subspace("nothing but zero is taken to zero: shape (0, n)", reduction=5, **NULL)
null_space_of_zeros_and_nothing = same_subspace("zeros take everything to zero", reduction=5, **NULL)
null_space_without_columns = same_subspace("a matrix without columns", reduction=3, **NULL)
null_space_with_leading_zeros = same_subspace("the null space where the first columns are zero", reduction=5, **NULL)
null_space_of_whole_numbers = same_subspace("the null space of whole numbers is floating-point", reduction=5, **NULL)
null_space_at_any_size = same_subspace("a trillion times the matrix has the same null space", reduction=6, **NULL)
null_space_in_float32 = same_subspace("the null space in float32 stays float32", reduction=6, **NULL)
null_space_under_noise = close("what is within the tolerance of zero counts as zero", reduction=6, **NULL)
null_space_with_a_fine_tolerance = exact("a finer tolerance leaves a smaller null space", **NULL)
null_space_leaves_its_input_alone = exact("the matrix is not changed by null_space", **NULL)
no_matrix_for_null_space = valid(
    "null_space refuses what is no matrix, and shows the shape", refused_with_shapes, **NULL
)
