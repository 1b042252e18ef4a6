"""How each driver's result is compared."""

from groundup.authoring import close, exact, refused, valid

CONVEX = "is_midpoint_convex"
NEWTON = "newton_minimize"
SIMPLEX = "project_simplex"

# ── is_midpoint_convex ──

convex_on_a_line = exact("parabolas, a cubic, a straight line", builds=CONVEX)
convex_between_far_points_only = exact("every pair counts, not only neighbors", builds=CONVEX)
convex_in_one_pair_of_many = exact("one pair that disagrees is enough", builds=CONVEX)
convex_bowls_and_saddles = exact("functions of vectors", builds=CONVEX)
convex_is_more_than_one_valley = exact("rising, with one valley at most, and still not convex", builds=CONVEX)
convex_matrices = exact("points that are matrices", builds=CONVEX)
convex_straight_lines = exact("planes are convex, up to rounding", builds=CONVEX)
convex_by_little = exact("what is allowed for rounding, and no more", builds=CONVEX)
convex_of_points_in_float32 = exact("points of float32 are turned into float64 first", builds=CONVEX)
convex_with_infinity = exact("infinite where the function is not defined", builds=CONVEX)
convex_not_a_number = exact("NaN never agrees", builds=CONVEX)
convex_of_few_points = exact("no pair at all, and whole numbers", builds=CONVEX)

# ── newton_minimize ──

SOLVED = "a system is solved in each step, which magnifies rounding by the condition of its matrix"


def _newton(title, conditioning=64):
    return close(title, builds=NEWTON, reduction=16, conditioning=conditioning, because=SOLVED)


newton_one_number = _newton("one number: exp(x) - a·x")
newton_one_step_down_a_bowl = _newton("one step to the lowest place of a bowl")
newton_on_bent_slopes = _newton("a new matrix at each place")
newton_to_a_saddle_and_a_top = _newton("saddles and tops, too")
newton_away = _newton("steps that run away are not shortened")
newton_no_steps = _newton("no steps, and steps from the goal")
newton_in_float32 = _newton("float32 stays float32")
newton_down_a_narrow_valley = _newton("a very narrow valley, in one step", 1e6)
newton_asks_once_a_step = _newton("gradient and matrix are asked for once a step, at the present place")
newton_refuses = valid("a negative number of steps is a ValueError", refused, builds=NEWTON)

# ── project_simplex ──

simplex_of_three = close("two entries stay, one gets nothing", builds=SIMPLEX, reduction=4)
simplex_of_many = close("most stay, a few, one", builds=SIMPLEX, reduction=9)
simplex_of_thousands = close("thousands of entries", builds=SIMPLEX, reduction=3000)
simplex_of_small_sums = close("sums below 1, negative entries, distributions", builds=SIMPLEX, reduction=8)
simplex_of_one_entry = close("a single entry gets everything", builds=SIMPLEX, reduction=4)
simplex_of_batches = close("every row by itself, in batches", builds=SIMPLEX, reduction=8)
simplex_of_views = close("a view with strides, which stays as it is", builds=SIMPLEX, reduction=8)
simplex_of_ties = close("equal entries get equal shares", builds=SIMPLEX, reduction=8)
simplex_of_large_entries = close("large entries, and a shift that changes nothing", builds=SIMPLEX, reduction=8)
simplex_with_masked_entries = close("entries of minus infinity get nothing", builds=SIMPLEX, reduction=8)
simplex_in_other_dtypes = close("the dtype of v, half precision too", builds=SIMPLEX, reduction=8)
simplex_gradients = close("gradients reach v", builds=SIMPLEX, reduction=8)
simplex_gradients_beside_masked_entries = close(
    "gradients beside entries of minus infinity", builds=SIMPLEX, reduction=8
)
simplex_refuses = valid("no entry at all is a ValueError", refused, builds=SIMPLEX)
