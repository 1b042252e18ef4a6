"""How the result of each driver is compared with the reference's."""

import torch

from groundup.authoring import close, distributed_as, exact, refused, refused_with_shapes, valid

MEAN = "mean_interval"
BOOT = "bootstrap_interval"

# ── mean_interval ──


def _pair(value):
    """Two floating tensors of one shape, as float64; None for anything else."""
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(one, torch.Tensor) for one in value):
        return None
    if value[0].shape != value[1].shape or not all(one.is_floating_point() for one in value):
        return None
    return value[0].detach().double(), value[1].detach().double()


def _ends(returned, expected):
    """What is wrong with one pair: each end within a ten-thousandth of the width, and what its dtype rounds."""
    mine, (low, high) = _pair(returned), (end.double() for end in expected)
    if mine is None:
        return "a pair of tensors of one shape was expected: the lower end and the upper end"
    if mine[0].shape != low.shape:
        return f"ends of shape {tuple(low.shape)} were expected, not {tuple(mine[0].shape)}"
    if returned[0].dtype != expected[0].dtype or returned[1].dtype != expected[1].dtype:
        return f"ends in {expected[0].dtype} were expected, as the samples are, not in {returned[0].dtype}"
    rounding = 16 * torch.finfo(expected[0].dtype).eps * torch.maximum(low.abs(), high.abs())
    allowed = 1e-4 * (high - low) + rounding
    for name, found, right in (("lower", mine[0], low), ("upper", mine[1], high)):
        wrong = ~((found - right).abs() <= allowed)
        if bool(wrong.any()):
            at = int(wrong.flatten().int().argmax())
            return f"the {name} end is {float(found.flatten()[at]):.8g} where {float(right.flatten()[at]):.8g} was expected"
    return None


def _intervals(returned, expected):
    if not isinstance(returned, list) or len(returned) != len(expected):
        return "an interval for each call was expected"
    return next((wrong for pair in zip(returned, expected, strict=True) if (wrong := _ends(*pair))), None)


def _first_interval(returned, expected):
    """One interval, and then what was passed in."""
    if not isinstance(returned, list) or len(returned) != 2 or not isinstance(returned[1], torch.Tensor):
        return "an interval was expected"
    return _ends(returned[0], expected[0])


def _refused(returned, expected):
    if not isinstance(returned, list) or len(returned) != 2:
        return "one answer for each call was expected"
    return refused(returned[1], expected[1])


def _mean(title):
    return valid(title, _intervals, builds=MEAN)


mean_of_three = _mean("the interval from three samples")
mean_of_two = _mean("mean: from two samples, at three levels")
mean_of_several_sizes = _mean("mean: from 4 to 80 samples, each number has its own t")
mean_at_other_levels = _mean("mean: levels from 0.01 to 0.99")
mean_of_many = _mean("mean: hundreds and thousands of samples")
mean_in_a_batch = _mean("mean: an interval for each row of a batch")
mean_of_views_in_float64 = _mean("mean: float64, views with strides")
mean_far_from_zero = _mean("mean: samples around a hundred million")
mean_in_tiny_and_huge_units = _mean("mean: tiny and huge units")
mean_where_nothing_varies = _mean("mean: samples that do not vary")
mean_leaves_its_samples_alone = valid("mean: the samples are not changed", _first_interval, builds=MEAN)
mean_of_too_few = valid("mean: one sample or none: a ValueError with the shape", refused_with_shapes, builds=MEAN)
mean_at_no_level = valid("mean: a level of 0, 1 or 95: a ValueError", _refused, builds=MEAN)

# ── bootstrap_interval ──


def _told(title, dtype_matters=False):
    return close(title, builds=BOOT, reduction=4, dtype_matters=dtype_matters)


ends_of_told_results = _told("the ends are quantiles of the results, in whatever order those came")
ends_between_two_results = _told("bootstrap: an end between two results, in proportion")
ends_of_one_result_and_two = _told("bootstrap: one resample, and two")
ends_of_results_that_are_tensors = _told("bootstrap: results that are tensors, entry by entry")
ends_of_whole_numbers = _told("bootstrap: results that are whole numbers")
calls_of_the_statistic = exact("bootstrap: the statistic is called n times, on m rows each", builds=BOOT)
rows_of_a_single_one = _told("bootstrap: a single row")
rows_drawn = distributed_as("bootstrap: each row is drawn as often", builds=BOOT)
rows_drawn_more_than_once = distributed_as("bootstrap: with replacement, so many times as chance has it", builds=BOOT)
rows_beside_each_other = distributed_as("bootstrap: rows of a resample are independent", builds=BOOT)
resamples_of_one_call = distributed_as("bootstrap: resamples are independent", builds=BOOT)
rows_stay_together = exact("bootstrap: whole rows are drawn", builds=BOOT)
interval_of_a_mean = _told("bootstrap: the interval of a mean")
interval_of_paired_rows = _told("bootstrap: pairs stay pairs")
interval_leaves_its_rows_alone = _told("bootstrap: the rows are not changed")
interval_from_the_generator = exact("bootstrap: all chance comes from the generator", builds=BOOT)
interval_at_no_level = valid("bootstrap: a level of 0, 1 or 95: a ValueError", _refused, builds=BOOT)
interval_of_nothing = valid("bootstrap: no rows or no resamples: a ValueError", _refused, builds=BOOT)
