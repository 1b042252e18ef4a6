"""How the result of each driver is compared with the reference's."""

import torch

from groundup.authoring import close, distributed_as, exact, refused, refused_with_shapes, valid

SUMS = "cumulative"
DRAW = "sample_inverse"
AREA = "density_to_probability"

# ── cumulative ──

sums_of_a_few = close("running sums of four probabilities", builds=SUMS, reduction=4)
sums_of_one_and_two = close("sums: a single value, and two", builds=SUMS, reduction=2)
sums_in_a_batch = close("sums: each row of a batch by itself", builds=SUMS, reduction=5)
sums_in_float64 = close("sums: all digits of float64, views with strides", builds=SUMS, reduction=7)
sums_of_what_is_missing = close("sums: what is missing is not made up", builds=SUMS, reduction=6)
sums_of_the_impossible = close("sums: values of probability 0", builds=SUMS, reduction=7)
sums_of_tiny_beginnings = close("sums: tiny first probabilities keep their digits", builds=SUMS, reduction=3)
sums_of_many_in_half_precision = close("sums: six hundred of them in half precision", builds=SUMS)
sums_leave_the_mass_alone = close("sums: the probabilities are not changed", builds=SUMS, reduction=4)
sums_gradients = close("sums: gradients reach the probabilities", builds=SUMS, reduction=5)

# ── sample_inverse ──

draws_in_number_and_kind = exact("draws: as many as asked for, in the dtype of the values", builds=DRAW)
draws_of_a_few_values = distributed_as("draws: each value as often as its step is high", builds=DRAW)
draws_of_two_unequal_ones = distributed_as("draws: two values", builds=DRAW)
draws_of_values_in_disorder = distributed_as("draws: values in any order, one of them twice", builds=DRAW)
draws_of_many_values = distributed_as("draws: forty values in float64", builds=DRAW)
draws_between_coarse_darts = distributed_as("draws: five hundred narrow steps, each met", builds=DRAW)
draws_of_the_impossible = exact("draws: a value of probability 0 is never drawn", builds=DRAW)
draws_of_rounded_steps = exact("draws: steps in half precision that end at 0.996", builds=DRAW)
draws_of_the_certain = exact("draws: only one value is possible", builds=DRAW)
draws_in_no_order = distributed_as("draws: in no order", builds=DRAW)
draws_side_by_side = distributed_as("draws: neighbors are independent", builds=DRAW)
draws_far_apart = distributed_as("draws: both halves are independent", builds=DRAW)
draws_that_scatter_as_chance_does = distributed_as("draws: twenty at a time scatter as chance does", builds=DRAW)
draws_from_the_generator = exact("draws: all chance comes from the generator", builds=DRAW)
draws_leave_their_tables_alone = close("draws: steps and values are not changed", builds=DRAW)
draws_of_unequal_tables = valid(
    "draws: steps and values of different lengths: a ValueError with both shapes", refused_with_shapes, builds=DRAW
)

# ── density_to_probability ──


def _number(value):
    """A number or a 0-d tensor as a float; None for anything else."""
    if isinstance(value, torch.Tensor) and value.dim() == 0 and value.is_floating_point():
        return float(value)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _near(returned, expected):
    """Each probability beside the error that it may have; the error is the reference's, not the learner's, word."""
    if not isinstance(returned, list) or len(returned) != len(expected):
        return "one probability for each interval was expected"
    for mine, (right, allowed) in zip(returned, expected, strict=True):
        found = _number(mine[0]) if isinstance(mine, list) and mine else None
        if found is None:
            return "a number was expected for each interval"
        right = float(right)
        most = 2e-3 * abs(right) if isinstance(allowed, str) else allowed
        if not abs(found - right) <= most:
            return f"{found:.7g} where {right:.7g} was expected, give or take {most:.1g}"
    return None


def _refused(returned, expected):
    if not isinstance(returned, list) or len(returned) != 2:
        return "one answer for each call was expected"
    return refused(returned[1], expected[1])


def _area(title):
    return valid(title, _near, builds=AREA)


between_under_a_line = _area("under a straight line every rule is exact, with one part as well")
between_under_a_bell = _area("between two numbers, under a bell")
between_with_few_parts = _area("area: few parts, even and odd numbers of them")
between_whole_numbers = _area("area: bounds that are whole numbers")
between_a_point_and_itself = _area("area: a single value has probability 0")
between_under_a_density_above_one = _area("area: a density of 50 is none too large")
between_beyond_the_support = _area("area: nothing is added where the density is 0")
between_far_from_zero = _area("area: places far from zero are in float64")
between_under_the_wrong_height = _area("area: nothing is scaled")
places_asked_about = exact("area: the density is asked about n places or a few times that, in float64", builds=AREA)
above_a_number = _area("area: everything above a number")
above_zero_for_a_waiting_time = _area("area: a waiting time, from 0 and from 1.5 on")
below_a_number = _area("area: everything below a number")
below_for_a_lopsided_density = _area("area: left and right are not exchanged")
anywhere_at_all = _area("area: from minus infinity to infinity")
heavy_tails = _area("area: tails so heavy that no large number stands for infinity")
far_out = _area("area: six spreads away the digits are still right")
intervals_that_run_backward = valid("area: b below a: a ValueError", _refused, builds=AREA)
intervals_in_no_parts = valid("area: no parts at all: a ValueError", _refused, builds=AREA)
densities_below_zero = valid("area: a density that is negative somewhere: a ValueError", _refused, builds=AREA)
