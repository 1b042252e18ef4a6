"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, exact, refused, valid

LIMIT = "limit"
CONTINUOUS = "is_continuous_at"

SEVEN = "the stub asks for seven digits of what is smooth, so that every method that gives them is right"
THREE = "the stub asks for three digits of what swings and dies away"


def _smooth(title):
    return close(title, builds=LIMIT, conditioning=3e7, because=SEVEN)


# ── limit ──

limit_of_a_line = _smooth("a line comes near to its own value")
limit_at_a_hole = _smooth("0 divided by 0 at x, and a limit all the same")
limit_beside_another_value = _smooth("what f is at x has no influence")
limit_where_f_raises = _smooth("f is not asked at x, where it raises an error")
limit_from_each_side_of_a_jump = _smooth("at a jump, a limit from each side and none from both")
limit_where_f_raises_on_the_other_side = _smooth("f is asked on the side that was named, and on no other")
limits_that_are_zero = _smooth("zero is a limit like any other")
limit_with_the_side_left_out = _smooth("without a side: from both")
limit_at_jumps_of_every_size = _smooth("jumps up and down, small and large")
limit_at_a_jump_to_the_opposite = _smooth("limits of equal size and opposite sign are different")
limit_at_a_corner = _smooth("a corner is no jump")
limit_where_one_side_is_missing = _smooth("where one side has no values, there is no limit from both")
limit_where_one_side_runs_away = _smooth("where one side runs away, there is no limit from both")
limit_of_nearly_equal_numbers = _smooth("(1 - cos t) / t²: nearer is not better")
limit_of_nearly_equal_numbers_with_a_slope = _smooth("nearly equal numbers, and a slope")
limit_to_seven_digits = _smooth("seven digits, however steep")
limit_of_large_values = _smooth("values of a million and more")
limit_of_swings_that_die_away = close(
    "swings that die away have a limit", builds=LIMIT, conditioning=3e11, because=THREE
)
limit_of_swings_that_do_not = _smooth("swings that do not die away have none")
limit_of_what_runs_away = _smooth("what grows beyond all bounds has none")
limit_at_infinity = _smooth("at infinity, and at minus infinity")
limit_at_infinity_from_either_side = _smooth("at infinity there is one side, whatever the side")
limit_at_infinity_where_there_is_none = _smooth("at infinity, and none there")
limit_at_other_kinds_of_numbers = _smooth("x as whole number or tensor: computed in float64")
limit_leaves_x_alone = _smooth("x is not changed")
limit_from_an_unknown_side = valid("an unknown side is refused with a ValueError", refused, builds=LIMIT)

# ── is_continuous_at ──

continuous_or_with_a_wrong_value = exact("a wrong value at x, and at another place", builds=CONTINUOUS)
continuous_or_with_a_jump = exact("a jump, whatever the value in it", builds=CONTINUOUS)
continuous_at_a_corner = exact("corners are continuous", builds=CONTINUOUS)
continuous_at_a_filled_hole = exact("a hole, filled rightly, wrongly, or not at all", builds=CONTINUOUS)
continuous_where_f_is_rounded = exact("rounding jumps at some places and not at others", builds=CONTINUOUS)
continuous_without_a_value = exact("NaN and infinity at x", builds=CONTINUOUS)
continuous_at_the_end_of_the_domain = exact("both sides are needed", builds=CONTINUOUS)
continuous_where_f_runs_away = exact("where f grows beyond all bounds", builds=CONTINUOUS)
continuous_among_swings = exact("swings, dying away or not", builds=CONTINUOUS)
continuous_up_to_a_tolerance = exact("the tolerance is the one that was asked for", builds=CONTINUOUS)
continuous_with_no_tolerance_given = exact("1e-6 where no tolerance is given", builds=CONTINUOUS)
continuous_where_values_are_small_or_large = exact("the tolerance is no share of the values", builds=CONTINUOUS)
continuous_in_spite_of_a_large_tolerance = exact("no tolerance makes up for a missing limit", builds=CONTINUOUS)
continuous_among_nearly_equal_numbers = exact("nearly equal numbers near x", builds=CONTINUOUS)
continuous_at_other_kinds_of_numbers = exact("x as whole number or tensor, and left alone", builds=CONTINUOUS)
