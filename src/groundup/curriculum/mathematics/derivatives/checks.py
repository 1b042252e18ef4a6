"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close

SLOPE = "derivative"
ROOT = "newton_root"

LOST = "a difference of nearly equal values divided by 2h carries their rounding, divided by 2h"
ITERATED = "the last move is small but not zero, and carries the rounding of a slope that is a difference quotient"


# ── derivative ──

slope_of_a_line = close("the slope of a line", builds=SLOPE, conditioning=1e4, because=LOST)
slope_of_a_square = close("the slope of a square, rising and falling", builds=SLOPE, conditioning=1e4, because=LOST)
slope_with_a_wide_step = close("with a wide step: exactly what the formula gives", builds=SLOPE)
slope_with_steps_of_every_width = close(
    "the step is the one that was asked for", builds=SLOPE, conditioning=1e3, because=LOST
)
slope_with_the_step_left_out = close("without h, the step is 1e-4", builds=SLOPE)
slope_at_many_points = close("each point has a slope of its own", builds=SLOPE, conditioning=1e4, because=LOST)
slope_at_an_integer = close("points that are whole numbers", builds=SLOPE, conditioning=1e4, because=LOST)
slope_at_points_in_other_dtypes = close(
    "points in float32 and half precision: computed in float64", builds=SLOPE, conditioning=1e4, because=LOST
)
slope_at_one_point_or_none = close(
    "the shape is that of the points, one or none", builds=SLOPE, conditioning=1e4, because=LOST
)
slope_at_strided_points = close("points in a view with strides", builds=SLOPE, conditioning=1e4, because=LOST)
slope_of_a_flat_function = close("a flat function has slope 0", builds=SLOPE, conditioning=1e4, because=LOST)
slope_at_corners_and_jumps = close("at corners and jumps: what the formula gives", builds=SLOPE)
slope_where_f_ends = close("f is asked at x - h and x + h, and nowhere beyond", builds=SLOPE)
slope_of_a_slope = close("a slope is a function, too, and has slopes", builds=SLOPE, conditioning=1e3, because=LOST)
slopes_leave_the_points_alone = close("the points are not changed", builds=SLOPE)

# ── newton_root ──

root_of_a_line = close("the root of a line", builds=ROOT, conditioning=10, because=ITERATED)
root_of_a_number = close("the square root of a number", builds=ROOT, conditioning=10, because=ITERATED)
root_from_either_side = close(
    "from either side, and the negative root as well", builds=ROOT, conditioning=10, because=ITERATED
)
root_of_a_rising_and_of_a_falling_curve = close(
    "curves that rise, and curves that fall", builds=ROOT, conditioning=10, because=ITERATED
)
root_nearest_or_not = close(
    "of several roots the one that the tangents lead to", builds=ROOT, conditioning=100, because=ITERATED
)
root_with_a_loose_tolerance = close(
    "the first small move is the last, and its end is returned", builds=ROOT, conditioning=1e6, because=ITERATED
)
root_with_a_loose_tolerance_from_the_left = close(
    "moves to the right are measured as those to the left", builds=ROOT, conditioning=1e6, because=ITERATED
)
root_of_a_steep_curve_with_a_loose_tolerance = close(
    "what must be small is the move, not the value of f", builds=ROOT, conditioning=1e6, because=ITERATED
)
root_of_a_curve_in_small_units = close(
    "a tiny value is not 0, nor is a tiny slope", builds=ROOT, conditioning=10, because=ITERATED
)
root_to_all_digits = close(
    "whatever the start's dtype, the root is as exact as float64", builds=ROOT, conditioning=10, because=ITERATED
)
root_at_the_start = close("a start that is a root already", builds=ROOT)
root_hit_on_the_way = close("a root with slope 0, hit exactly", builds=ROOT, conditioning=1e4, because=ITERATED)
double_root = close(
    "a double root, where each move only halves the way", builds=ROOT, conditioning=1e4, because=ITERATED
)
steps_that_are_needed = close(
    "one step too few is a RuntimeError, enough steps give the root", builds=ROOT, conditioning=1e6, because=ITERATED
)
steps_for_a_line = close(
    "a line: one step leads to the root, the second finds that out", builds=ROOT, conditioning=1e4, because=ITERATED
)
fifty_steps_and_no_more = close("without a number of steps it is 50", builds=ROOT, conditioning=100, because=ITERATED)
no_root_below_a_level_slope = close("a slope of 0 where f is not: a RuntimeError", builds=ROOT)
no_root_at_all = close("a function without a root: a RuntimeError", builds=ROOT)
steps_in_a_circle = close("steps that go round in a circle: a RuntimeError", builds=ROOT)
steps_that_run_away = close("steps that run away: a RuntimeError", builds=ROOT)
steps_out_of_the_domain = close("infinite values and NaN: a RuntimeError", builds=ROOT)
roots_leave_the_start_alone = close("the start is not changed", builds=ROOT, conditioning=10, because=ITERATED)
