"""How the result of each driver is compared with the reference's."""

from groundup.authoring import at_least, close, distributed_as, exact, refused, valid

SIMPSON = "simpson"
RANDOM = "monte_carlo_integral"

PLACES = "places are rounded differently by a + k h and by others, and the functions' slopes pass that on"


def _rule(title, reduction=15, conditioning=10.0):
    return close(title, builds=SIMPSON, reduction=reduction, conditioning=conditioning, because=PLACES)


# ── simpson ──

area_under_a_parabola = _rule("a parabola, with two parts: exact")
area_of_a_constant = _rule("a constant: its height times the width")
area_under_a_cube = _rule("a cube is exact as well")
area_with_two_parts = _rule("with two parts: what the rule gives")
area_with_more_parts = _rule("with four, six and more parts: what the rule gives")
area_of_single_places = _rule("the weight of each single place")
area_from_right_to_left = _rule("from right to left the sign changes")
area_below_zero = _rule("areas below zero count as negative")
area_of_no_width = _rule("an interval without width")
area_with_corners_and_jumps = _rule("corners and jumps: what the rule gives")
area_between_whole_numbers = _rule("bounds that are whole numbers or tensors")
area_between_bounds_in_other_dtypes = _rule("bounds in float32 and half precision: the rest in float64")
area_with_a_thousand_parts = _rule("a thousand parts", reduction=1001)
area_in_tiny_and_huge_units = _rule("tiny and huge intervals")
area_far_from_zero = _rule("an interval far from zero: places in float64", conditioning=1e8)
area_leaves_its_bounds_alone = _rule("the bounds are not changed")
area_with_odd_parts = valid("an odd number of parts: a ValueError", refused, builds=SIMPSON)
area_with_no_parts = valid("no parts at all: a ValueError", refused, builds=SIMPSON)

# ── monte_carlo_integral ──


def _near(returned, expected):
    """Within a half of 15, where the standard deviation is 0.053."""
    value = float(returned)
    return None if abs(value - 15.0) < 0.5 else f"the integral is 15, and the estimate from 40 000 points {value:.4g}"


volume_of_a_box = close("the integral of a constant: its height times the volume", builds=RANDOM, reduction=7)
mean_of_told_values = close("the mean of the values, times the volume", builds=RANDOM, reduction=12345)
volume_without_width = close("a box without volume", builds=RANDOM, reduction=5)
points_on_a_line = distributed_as("one dimension: points are uniform", builds=RANDOM)
points_in_their_own_units = distributed_as("each entry between its own corners", builds=RANDOM)
points_beside_each_other = distributed_as("each point is drawn by itself", builds=RANDOM)
points_far_apart = distributed_as("points far apart in the order have nothing to do with each other", builds=RANDOM)
points_with_entries_of_their_own = distributed_as("the entries of a point are drawn by themselves", builds=RANDOM)
points_in_number_and_shape = exact("n points, each with d entries in float64, inside the box", builds=RANDOM)
points_in_float64 = at_least("no number twice, in one entry or in two: computed in float64", 0.99, builds=RANDOM)
estimates_of_a_mixed_function = distributed_as("many estimates from three points each", builds=RANDOM)
estimate_of_an_integral = valid("40 000 points come near to the integral", _near, builds=RANDOM)
corners_in_other_dtypes = close("corners in other dtypes, and in two different ones", builds=RANDOM, reduction=5)
whole_corners_and_all_between = distributed_as("corners that are whole numbers", builds=RANDOM)
corners_left_alone = close("the corners are not changed", builds=RANDOM, reduction=4)
one_state_one_estimate = exact("one state of the generator gives one estimate, and the state moves on", builds=RANDOM)
other_sources_left_alone = close("PyTorch's own random source is not touched", builds=RANDOM, reduction=5)
corners_of_other_shapes = valid("corners of different shapes: a ValueError", refused, builds=RANDOM)
no_points_at_all = valid("no points at all: a ValueError", refused, builds=RANDOM)
