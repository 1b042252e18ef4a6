"""How the result of each driver is compared with the reference's."""

import math

from groundup.authoring import close, exact, refused_with_shapes, valid

T = "t_statistic"
P = "permutation_p_value"
HOLM = "holm_bonferroni"

TRIES = 2000
CANCELED = "the two means may nearly cancel, and a small group's variance may be small"
FAR = "means near a million are rounded where they are, and subtracted; squares lose far more"

# ── t_statistic ──

t_of_a_few = close("three against two", builds=T, reduction=3, conditioning=20.0, because=CANCELED)
t_of_unequal_groups = close(
    "each group has its own number and its own variance", builds=T, reduction=30, conditioning=10.0, because=CANCELED
)
t_in_a_batch = close(
    "t: one number for each pair of a batch", builds=T, reduction=7, conditioning=20.0, because=CANCELED
)
t_of_each_with_each = close("t: batch dimensions broadcast", builds=T, reduction=6, conditioning=20.0, because=CANCELED)
t_of_equal_numbers = close(
    "t: equal numbers do not make pairs", builds=T, reduction=6, conditioning=20.0, because=CANCELED
)
t_in_float64 = close(
    "t: all digits of float64, views with strides", builds=T, reduction=7, conditioning=100.0, because=CANCELED
)
t_far_from_zero = close("t: groups around a million", builds=T, reduction=9, conditioning=1e7, because=FAR)
t_where_one_group_is_constant = close(
    "t: one group does not vary", builds=T, reduction=5, conditioning=20.0, because=CANCELED
)
t_where_nothing_varies = close("t: no group varies", builds=T, reduction=3)
t_of_too_few = valid("t: fewer than two samples: a ValueError with both shapes", refused_with_shapes, builds=T)

# ── permutation_p_value ──


def _within_chance(returned, expected):
    """Two estimates from so many tries each; a difference beyond 6.5 standard deviations is no chance (1e-10)."""
    if isinstance(returned, bool) or not isinstance(returned, (int, float)):
        try:
            returned = float(returned.item())
        except Exception:
            return "one number was expected"
    share = min(max((returned + expected) / 2, 0.0), 1.0)
    allowed = 6.5 * math.sqrt(2 * share * (1 - share) / TRIES) + 20 / TRIES
    if not abs(returned - expected) <= allowed:
        return f"{returned:.4g} where about {expected:.4g} was expected; chance does not explain that"
    return None


p_of_equal_samples = close("p: where all samples are equal, every division is as extreme", builds=P)
p_of_far_apart_groups = close("p: never 0, the actual division counts as well", builds=P)
p_where_a_is_smaller = close("p: as well where a is the smaller group", builds=P)
p_of_tiny_numbers = close("p: the size of the numbers does not matter", builds=P)
p_of_ties = close("p: equally extreme counts", builds=P)
p_of_ties_that_round = close("p: equally extreme counts, whatever rounding says", builds=P)
p_of_two_and_two = valid("p: two of six divisions are as extreme", _within_chance, builds=P)
p_of_overlapping_groups = valid("p: six against nine", _within_chance, builds=P)
p_of_unequal_spreads = valid("p: the difference of the means decides, not t", _within_chance, builds=P)
p_of_a_single_sample = valid("p: one against nine", _within_chance, builds=P)
p_far_from_zero = valid("p: groups around a million", _within_chance, builds=P)
p_from_the_generator = exact("p: all chance comes from the generator", builds=P)

# ── holm_bonferroni ──

holm_of_one = exact("one hypothesis: its p-value against alpha", builds=HOLM)
holm_of_a_few = exact("four hypotheses, in any order", builds=HOLM)
holm_that_stops = exact("Holm: the first that is too large ends it", builds=HOLM)
holm_that_goes_all_the_way = exact("Holm: each rejection makes the next one easier", builds=HOLM)
holm_that_rejects_none = exact("Holm: all below alpha, and none small enough", builds=HOLM)
holm_of_many = exact("Holm: forty of them", builds=HOLM)
holm_with_another_alpha = exact("Holm: another alpha", builds=HOLM)
holm_at_the_edge = exact("Holm: equal to the bound is small enough", builds=HOLM)
holm_just_beyond_the_edge = exact("Holm: a thousandth above the bound is too large", builds=HOLM)
holm_of_equal_ones = exact("Holm: equal p-values have equal fates", builds=HOLM)
holm_of_none = exact("Holm: no hypothesis at all", builds=HOLM)
