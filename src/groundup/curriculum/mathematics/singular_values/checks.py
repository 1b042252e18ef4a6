"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, exact, refused, refused_with_shapes, valid

GAP = "how far two singular values lie apart decides how much the rounding turns their directions; here by a third at least"
WIDE = "the smallest value that counts is a small part of the largest, and a way over a.T @ a squares that"

# ── low_rank ──

LOW = {"builds": "low_rank", "conditioning": 8.0, "because": GAP}
one_of_two = close("rank 1 of two rows and two columns", reduction=2, **LOW)
some_of_a_tall_matrix = close("more rows than columns", reduction=6, **LOW)
some_of_a_wide_matrix = close("more columns than rows", reduction=6, **LOW)
every_rank = close("every rank from 1 to all", reduction=5, **LOW)
rank_nothing = close("rank 0 is a matrix of zeros", reduction=1, **LOW)
more_than_there_is = close("a rank as large as the matrix or larger gives it back", reduction=5, **LOW)
of_low_rank_already = close("a matrix of low rank stays as it is", reduction=6, **LOW)
signs_do_not_order = close("the strongest stretch may be negative", reduction=3, **LOW)
not_centered = close("what all rows have in common is not taken off", reduction=5, **LOW)
rank_of_rows_and_columns = close("one row, one column, one number", reduction=4, **LOW)
rank_at_any_size = close("very large and very small entries", reduction=4, **LOW)
rank_in_float32 = close("float32 stays float32", reduction=7, **LOW)
rank_of_whole_numbers = close("whole numbers give a floating-point matrix", reduction=4, **LOW)
rank_without_entries = exact("matrices without entries, and zeros", builds="low_rank")
low_rank_leaves_its_argument_alone = close("the matrix is not changed", reduction=5, **LOW)
low_rank_refuses = valid(
    "low_rank refuses what is no matrix, and shows the shape", refused_with_shapes, builds="low_rank"
)

negative_rank = valid("a negative rank: a ValueError", refused, builds="low_rank")

# ── pseudo_inverse ──

PINV = {"builds": "pseudo_inverse", "conditioning": 20.0, "because": WIDE}
inverse_of_two_rows = close("where there is an inverse, it is that", reduction=2, **PINV)
undone_from_the_left = close("more rows than columns, none of them dependent", reduction=5, **PINV)
undone_from_the_right = close("more columns than rows, none of them dependent", reduction=5, **PINV)
of_low_rank = close("dependent rows and columns", reduction=6, **PINV)
nearest_and_shortest = close("the shortest of the vectors that come nearest", reduction=6, **PINV)
of_zeros_and_nothing = exact("zeros give zeros, and nothing gives nothing", builds="pseudo_inverse")
of_vectors_and_numbers = close("the pseudo-inverse of one row, one column, one number", reduction=4, **PINV)
one_direction_is_noise = close(
    "noise is not turned into huge numbers", builds="pseudo_inverse", reduction=5, conditioning=1e4, because=WIDE
)
tolerance_decides = close(
    "the tolerance decides what counts", builds="pseudo_inverse", reduction=5, conditioning=3e7, because=WIDE
)
largest_stretch_is_the_measure = close("the largest singular value is the measure", reduction=14, **PINV)
tolerance_is_a_share = close("a billion times the matrix, or a billionth", reduction=4, **PINV)
large_beside_small = close(
    "small beside the largest, and well above 1", builds="pseudo_inverse", reduction=4, conditioning=3e5, because=WIDE
)
inverse_in_float32 = close("the pseudo-inverse in float32", reduction=6, **PINV)
inverse_of_whole_numbers = close("whole numbers give a floating-point inverse", reduction=3, **PINV)
pseudo_inverse_leaves_its_argument_alone = close("the matrix stays as it was", reduction=5, **PINV)
pseudo_inverse_refuses = valid(
    "pseudo_inverse refuses what is no matrix, and shows the shape", refused_with_shapes, builds="pseudo_inverse"
)
