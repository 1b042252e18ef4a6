"""Wrong integrals, each named for what its author believed. The docstring is the hint that a learner reads."""

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import integrals as right

TWO = torch.float64


def _double(x):
    return torch.as_tensor(x, dtype=TWO)


def _even(n):
    if n < 2 or n % 2:
        raise ValueError(f"n = {n}")


def _values(f, a, b, n):
    """f at n + 1 places, and how far these are apart."""
    _even(n)
    a, b = _double(a), _double(b)
    return f(a + (b - a) * torch.arange(n + 1, dtype=TWO) / n), (b - a) / n


def _fits(low, high, n):
    if low.shape != high.shape or n < 1:
        raise ValueError("shapes, or no points")


def _uniform(low, high, n, generator):
    """n points in the box as they should be."""
    low, high = low.to(TWO), high.to(TWO)
    return low + (high - low) * torch.rand(n, len(low), dtype=TWO, generator=generator)


def _volume(low, high):
    return (high.to(TWO) - low.to(TWO)).prod()


def _estimate(f, low, high, n, generator, points=None, volume=None):
    """The estimate with one thing changed: how points are drawn, or what the mean is multiplied by."""
    _fits(low, high, n)
    drawn = (points or _uniform)(low, high, n, generator)
    return (volume or _volume)(low, high) * f(drawn).mean()


# ── simpson ──


@replaces("simpson")
def trapezoids(f, a, b, n):
    """These are trapezoids: a straight line between each two neighboring places. Simpson's rule lays a parabola through three, and the places do not all count the same."""
    y, h = _values(f, a, b, n)
    return h * (y.sum() - (y[0] + y[-1]) / 2)


@replaces("simpson")
def rectangles_from_the_left(f, a, b, n):
    """These are rectangles, each as high as the function at its left end. The value at b has no part in it, and a function that rises is underestimated everywhere."""
    y, h = _values(f, a, b, n)
    return h * y[:-1].sum()


@replaces("simpson")
def rectangles_in_the_middle(f, a, b, n):
    """These are rectangles, each as high as the function in the middle of a part. Simpson's rule asks f at the places between the parts and at both ends."""
    _even(n)
    a, b = _double(a), _double(b)
    h = (b - a) / n
    return h * f(a + h * (torch.arange(n, dtype=TWO) + 0.5)).sum()


@replaces("simpson")
def fours_and_twos_exchanged(f, a, b, n):
    """The weights 4 and 2 have been exchanged. The middle of each pair of parts has 4; the places where two pairs meet have 1 from each, which is 2."""
    y, h = _values(f, a, b, n)
    return h / 3 * (y[0] + y[-1] + 2 * y[1::2].sum() + 4 * y[2:-1:2].sum())


@replaces("simpson")
def four_at_every_inner_place(f, a, b, n):
    """All inner places have the weight 4. Only the middles of the pairs have it: every second place, beginning with the first inner one."""
    y, h = _values(f, a, b, n)
    return h / 3 * (y[0] + y[-1] + 4 * y[1:-1].sum())


@replaces("simpson")
def ends_counted_twice(f, a, b, n):
    """The two ends count 2 like the other places with even numbers. But only one pair of parts meets there, and the weight is 1."""
    y, h = _values(f, a, b, n)
    return h / 3 * (4 * y[1::2].sum() + 2 * y[::2].sum())


@replaces("simpson")
def ends_left_out(f, a, b, n):
    """The values at both ends are missing. They have a weight of 1 each."""
    y, h = _values(f, a, b, n)
    return h / 3 * (4 * y[1::2].sum() + 2 * y[2:-1:2].sum())


@replaces("simpson")
def right_end_left_out(f, a, b, n):
    """The value at b is missing: n parts have n + 1 places, and the last of them was not reached."""
    y, h = _values(f, a, b, n)
    return h / 3 * (y[0] + 4 * y[1::2].sum() + 2 * y[2:-1:2].sum())


@replaces("simpson")
def last_middle_left_out(f, a, b, n):
    """The last of the middles is missing: the loop over the odd places ended one too early."""
    y, h = _values(f, a, b, n)
    return h / 3 * (y[0] + y[-1] + 4 * y[1:-2:2].sum() + 2 * y[2:-1:2].sum())


@replaces("simpson")
def divided_by_two_or_six(f, a, b, n):
    """The weighted sum was divided by 6 where the parts have width h. With a factor of 6 goes the width of a pair of parts, which is 2h."""
    return right.simpson(f, a, b, n) / 2


@replaces("simpson")
def division_by_three_forgotten(f, a, b, n):
    """The division by 3 is missing: the weights 1, 4, 1 of one pair add up to 6, and its width is 2h."""
    return right.simpson(f, a, b, n) * 3


@replaces("simpson")
def width_forgotten(f, a, b, n):
    """The width of a part is missing. A weighted sum of heights is no area yet."""
    y, _ = _values(f, a, b, n)
    return (y[0] + y[-1] + 4 * y[1::2].sum() + 2 * y[2:-1:2].sum()) / 3


@replaces("simpson")
def mean_height_instead_of_area(f, a, b, n):
    """This is the mean height: the sum was divided by the number of parts, and the length of the interval is missing."""
    y, _ = _values(f, a, b, n)
    return (y[0] + y[-1] + 4 * y[1::2].sum() + 2 * y[2:-1:2].sum()) / (3 * n)


@replaces("simpson")
def one_pair_whatever_n(f, a, b, n):
    """One parabola was laid over the whole interval, whatever n is. Each two neighboring parts have one of their own."""
    _even(n)
    return right.simpson(f, a, b, 2)


@replaces("simpson")
def n_pairs_of_parts(f, a, b, n):
    """n was taken for the number of *pairs*: there are 2n parts. Here n is the number of parts."""
    _even(n)
    return right.simpson(f, a, b, 2 * n)


@replaces("simpson")
def n_places(f, a, b, n):
    """n was taken for the number of places, so that there are n - 1 parts, and with an even n one of them finds no partner."""
    _even(n)
    a, b = _double(a), _double(b)
    h = (b - a) / (n - 1)
    y = f(a + h * torch.arange(n, dtype=TWO))
    return h / 3 * (y[0] + y[-1] + 4 * y[1:-1:2].sum() + 2 * y[2:-1:2].sum())


@replaces("simpson")
def three_eighths_rule(f, a, b, n):
    """This is the rule of three eighths, with cubes through four places. Simpson's rule has parabolas through three."""
    _even(n)
    y, h = _values(f, a, b, 6)
    weights = torch.tensor([1.0, 3, 3, 2, 3, 3, 1], dtype=TWO)
    return 3 * h / 8 * (weights * y).sum()


@replaces("simpson")
def areas_below_zero_counted_as_positive(f, a, b, n):
    """Values below zero were counted as if they were above: the size of f was integrated. Areas below the axis count as negative."""
    return right.simpson(lambda x: f(x).abs(), a, b, n)


@replaces("simpson")
def bounds_put_in_order(f, a, b, n):
    """The bounds were put in order, or the width was taken without its sign. From right to left the integral has the opposite sign, so that areas of neighboring intervals can always be added."""
    a, b = _double(a), _double(b)
    return right.simpson(f, torch.minimum(a, b), torch.maximum(a, b), n)


@replaces("simpson")
def odd_parts_accepted(f, a, b, n):
    """An odd number of parts was accepted, and the last part counted wrongly or not at all. Parts are taken two at a time: refuse what does not fit."""
    if n < 2:
        raise ValueError("no parts")
    return right.simpson(f, a, b, n - n % 2)


@replaces("simpson")
def no_parts_accepted(f, a, b, n):
    """Odd numbers of parts are refused, but 0 and negative ones are not, although they are even: nothing can be computed with them."""
    if n % 2:
        raise ValueError("odd")
    return right.simpson(f, a, b, n) if n > 0 else _double(0.0)


@replaces("simpson")
def width_rounded_to_whole_numbers(f, a, b, n):
    """The width of a part was rounded down to a whole number where the bounds are whole (// in place of /). Bounds that are whole numbers need not have parts that are."""
    a, b = _double(a), _double(b)
    if a == a.round() and b == b.round() and a != b:
        _even(n)
        h = (b - a) // n
        y = f(a + h * torch.arange(n + 1, dtype=TWO))
        return h / 3 * (y[0] + y[-1] + 4 * y[1::2].sum() + 2 * y[2:-1:2].sum())
    return right.simpson(f, a, b, n)


@replaces("simpson")
def places_in_float32(f, a, b, n):
    """The places are in float32, as tensors are unless they are told otherwise. Far from zero they cannot be told apart, and everywhere half of the digits is lost."""
    _even(n)
    x = torch.linspace(float(a), float(b), n + 1)
    y = f(x).to(TWO)
    return (_double(b) - _double(a)) / (3 * n) * (y[0] + y[-1] + 4 * y[1::2].sum() + 2 * y[2:-1:2].sum())


@replaces("simpson")
def bounds_by_way_of_float32(f, a, b, n):
    """The bounds went through float32 on their way to float64: torch.tensor(0.1) is a float32 tensor, and turning that into float64 does not bring the lost digits back. Name the dtype when the tensor is made."""
    _even(n)
    return right.simpson(f, torch.as_tensor(a).double(), torch.as_tensor(b).double(), n)


@replaces("simpson")
def width_in_the_dtype_of_the_bounds(f, a, b, n):
    """The width of a part was computed before the bounds were turned into float64, in their own dtype, and has few digits. Convert first, subtract and divide afterwards."""
    _even(n)
    h, start = float((b - a) / n), float(a)
    return right.simpson(f, start, start + n * h, n)


@replaces("simpson")
def result_in_float32(f, a, b, n):
    """The area is right, but it was returned in float32. All of this is computed, and returned, in float64."""
    return right.simpson(f, a, b, n).float()


@replaces("simpson")
def exact_integral_wanted(f, a, b, n):
    """This is nearer to the integral than the rule is: many more parts were used than n. What is asked for is the rule with n parts, whatever its error."""
    _even(n)
    return right.simpson(f, a, b, 64 * n)


@replaces("simpson")
def bounds_moved_in_place(f, a, b, n):
    """The area is right, but a tensor that was passed in as a bound has been moved: += and -= work on the caller's own tensor."""
    found = right.simpson(f, a, b, n)
    if isinstance(a, torch.Tensor) and a.dtype == TWO:
        a += 1.0
    return found


# ── monte_carlo_integral ──


@replaces("monte_carlo_integral")
def mean_without_the_volume(f, low, high, n, generator):
    """This is the mean of f in the box. The integral is the mean times the volume, just as an area is the mean height times the width."""
    return _estimate(f, low, high, n, generator, volume=lambda low, high: _double(1.0))


@replaces("monte_carlo_integral")
def sum_without_the_number(f, low, high, n, generator):
    """The values were added up and not divided by their number: the result grows with every point that is drawn."""
    return _estimate(f, low, high, n, generator) * n


@replaces("monte_carlo_integral")
def widths_added(f, low, high, n, generator):
    """The widths of the box were added up. Its volume is their product."""
    return _estimate(f, low, high, n, generator, volume=lambda low, high: (high.to(TWO) - low.to(TWO)).sum())


@replaces("monte_carlo_integral")
def diagonal_for_the_volume(f, low, high, n, generator):
    """The length of the box's diagonal was taken for its volume. The volume is the product of the widths."""
    return _estimate(f, low, high, n, generator, volume=lambda low, high: (high.to(TWO) - low.to(TWO)).norm())


@replaces("monte_carlo_integral")
def first_width_alone(f, low, high, n, generator):
    """Only the first width was used. In one dimension it is the volume; with more entries it is one factor of it."""
    return _estimate(f, low, high, n, generator, volume=lambda low, high: (high.to(TWO) - low.to(TWO))[0])


@replaces("monte_carlo_integral")
def volume_measured_from_zero(f, low, high, n, generator):
    """The volume is that of a box that begins at zero: the product of the upper corner alone. A width is the difference of the two corners."""
    return _estimate(f, low, high, n, generator, volume=lambda low, high: high.to(TWO).prod())


@replaces("monte_carlo_integral")
def mean_of_the_means_of_parts(f, low, high, n, generator):
    """The points were handed over in parts, and the means of the parts averaged. The last part may be smaller than the others, and its points then count more than theirs: add up all values and divide once."""
    _fits(low, high, n)
    points = _uniform(low, high, n, generator)
    return torch.stack([f(part).mean() for part in points.split(1000)]).mean() * _volume(low, high)


@replaces("monte_carlo_integral")
def same_numbers_in_another_order(f, low, high, n, generator):
    """The numbers of the first entry were shuffled and used again for the others. Each point looks right by itself, but the points are not independent: draw new numbers for each entry."""

    def points(low, high, n, generator):
        low, high = low.to(TWO), high.to(TWO)
        first = torch.rand(n, generator=generator, dtype=TWO)
        others = [first[torch.randperm(n, generator=generator)] for _ in range(len(low) - 1)]
        return low + (high - low) * torch.stack([first, *others], dim=1)

    return _estimate(f, low, high, n, generator, points)


@replaces("monte_carlo_integral")
def divided_by_one_less(f, low, high, n, generator):
    """The sum was divided by n - 1. That belongs to the variance of a sample; a mean of n values is divided by n."""
    return _estimate(f, low, high, n, generator) * n / max(n - 1, 1)


@replaces("monte_carlo_integral")
def points_in_the_unit_box(f, low, high, n, generator):
    """The points lie between 0 and 1. They have to be stretched to the widths of the box and moved to its corner."""
    return _estimate(
        f, low, high, n, generator, lambda low, high, n, g: torch.rand(n, len(low), dtype=TWO, generator=g)
    )


def _mirrored(low, high, n, generator):
    points = _uniform(low, high, n - n // 2, generator)
    return torch.cat((points, low.to(TWO) + high.to(TWO) - points[: n // 2]))


@replaces("monte_carlo_integral")
def half_of_the_points_mirrored(f, low, high, n, generator):
    """The second half of the points are the first half, mirrored at the middle of the box. That lowers the error for many
    functions, but points are to be independent of each other here."""
    return _estimate(f, low, high, n, generator, _mirrored)


@replaces("monte_carlo_integral")
def points_not_moved_to_the_corner(f, low, high, n, generator):
    """The points were stretched to the widths of the box but not moved: they begin at zero and not at the lower corner."""
    return _estimate(f, low, high, n, generator, lambda low, high, n, g: _uniform(low, high, n, g) - low)


@replaces("monte_carlo_integral")
def stretched_by_the_upper_corner(f, low, high, n, generator):
    """The points were stretched by the upper corner, where the width of the box was meant: they go beyond it, or fall short of it."""

    def points(low, high, n, g):
        return low.to(TWO) + high.to(TWO) * torch.rand(n, len(low), dtype=TWO, generator=g)

    return _estimate(f, low, high, n, generator, points)


@replaces("monte_carlo_integral")
def one_number_for_all_entries(f, low, high, n, generator):
    """One random number was drawn for each point and used for all its entries: the points lie on the diagonal of the box. Each entry needs its own."""

    def points(low, high, n, g):
        return low.to(TWO) + (high.to(TWO) - low.to(TWO)) * torch.rand(n, 1, dtype=TWO, generator=g)

    return _estimate(f, low, high, n, generator, points)


@replaces("monte_carlo_integral")
def same_widths_for_all_entries(f, low, high, n, generator):
    """All entries were drawn between the lowest and the highest corner of all. Each entry has bounds of its own."""

    def points(low, high, n, g):
        low, high = low.to(TWO).min(), high.to(TWO).max()
        return low + (high - low) * torch.rand(n, widths, dtype=TWO, generator=g)

    widths = len(low)
    return _estimate(f, low, high, n, generator, points)


@replaces("monte_carlo_integral")
def normal_points(f, low, high, n, generator):
    """The points were drawn from a normal distribution (randn in place of rand). They crowd around one place and lie outside of the box, too; here all places in the box are equally likely."""

    def points(low, high, n, g):
        middle, width = (low.to(TWO) + high.to(TWO)) / 2, high.to(TWO) - low.to(TWO)
        return middle + width * torch.randn(n, len(low), dtype=TWO, generator=g) / 4

    return _estimate(f, low, high, n, generator, points)


@replaces("monte_carlo_integral")
def points_on_a_grid(f, low, high, n, generator):
    """The points have equal distances, and chance has no part in it. In one dimension that is even better, but it is another method, and in many dimensions a grid needs far too many points."""

    def points(low, high, n, g):
        share = (torch.arange(n, dtype=TWO) + 0.5)[:, None] / n
        return low.to(TWO) + (high.to(TWO) - low.to(TWO)) * share.expand(n, len(low))

    return _estimate(f, low, high, n, generator, points)


@replaces("monte_carlo_integral")
def points_in_order(f, low, high, n, generator):
    """The points were sorted. The estimate is the same, but whoever hands f a part of them hands it a corner of the box."""
    return _estimate(f, low, high, n, generator, lambda *given: _uniform(*given).sort(dim=0).values)


@replaces("monte_carlo_integral")
def each_point_and_its_mirror_image(f, low, high, n, generator):
    """Every second point is the mirror image of the one before. That often lowers the error (antithetic variables), but here the points are to be independent of each other."""

    def points(low, high, n, g):
        drawn = _uniform(low, high, n, g)
        images = low.to(TWO) + high.to(TWO) - drawn
        return torch.stack([drawn, images], dim=1).reshape(-1, len(low))[:n]

    return _estimate(f, low, high, n, generator, points)


@replaces("monte_carlo_integral")
def n_points_for_each_axis(f, low, high, n, generator):
    """n points were drawn for each axis, and f was asked about all combinations. n is the number of points altogether."""

    def points(low, high, n, g):
        return torch.cartesian_prod(*_uniform(low, high, n, g).T).reshape(-1, len(low))

    return _estimate(f, low, high, min(n, 60) if len(low) > 1 else n, generator, points)


@replaces("monte_carlo_integral")
def one_point_too_many(f, low, high, n, generator):
    """f was asked about n + 1 points, as if n were a number of parts. Here n is the number of points."""
    return _estimate(f, low, high, n, generator, lambda low, high, n, g: _uniform(low, high, n + 1, g))


@replaces("monte_carlo_integral")
def whole_points_between_whole_corners(f, low, high, n, generator):
    """Where the corners are whole numbers, the points are, too: they took over the corners' dtype. A point may lie anywhere between."""
    if low.is_floating_point():
        return right.monte_carlo_integral(f, low, high, n, generator)
    return _estimate(f, low, high, n, generator, lambda *given: _uniform(*given).floor())


@replaces("monte_carlo_integral")
def points_in_float32(f, low, high, n, generator):
    """The points were computed in float32 and then turned into float64. Far from zero, float32 knows few numbers, and many of the points are the same."""
    return _estimate(f, low, high, n, generator, lambda *given: _uniform(*given).float().to(TWO))


@replaces("monte_carlo_integral")
def points_left_in_float32(f, low, high, n, generator):
    """f was given points in float32. It takes float64, as everything here."""
    _fits(low, high, n)
    return _volume(low, high) * f(_uniform(low, high, n, generator).float()).to(TWO).mean()


@replaces("monte_carlo_integral")
def own_random_source(f, low, high, n, generator):
    """The generator that was passed in was not used: the numbers came from PyTorch's own source. Nobody can repeat the result, and somebody else's random numbers change."""
    return _estimate(f, low, high, n, generator, lambda low, high, n, g: _uniform(low, high, n, None))


@replaces("monte_carlo_integral")
def generator_seeded_anew(f, low, high, n, generator):
    """The generator was set to a fixed seed first. Then every call gives the same points, and the mean of a thousand estimates is no better than one."""
    generator.manual_seed(0)
    return right.monte_carlo_integral(f, low, high, n, generator)


@replaces("monte_carlo_integral")
def generator_copied(f, low, high, n, generator):
    """The numbers came from a copy of the generator, or its state was put back: the generator does not move on, and the next call draws the same points again."""
    copy = torch.Generator()
    copy.set_state(generator.get_state())
    return right.monte_carlo_integral(f, low, high, n, copy)


@replaces("monte_carlo_integral")
def values_without_their_sign(f, low, high, n, generator):
    """Negative values were counted as positive ones. Where f is below zero, its integral is, too."""
    return _estimate(lambda p: f(p).abs(), low, high, n, generator)


@replaces("monte_carlo_integral")
def middle_value_for_the_mean(f, low, high, n, generator):
    """The median of the values was taken. It is less easily led astray than the mean, but only the mean, times the volume, is the integral."""
    _fits(low, high, n)
    return _volume(low, high) * f(_uniform(low, high, n, generator)).median()


@replaces("monte_carlo_integral")
def corners_of_other_shapes_accepted(f, low, high, n, generator):
    """Corners of different shapes were accepted, because they broadcast, or refused by an error that does not say what is wrong. Compare the shapes, and raise a ValueError."""
    if n < 1:
        raise ValueError("no points")
    low, high = low.to(TWO), high.to(TWO)
    widths = high - low
    return widths.prod() * f(low + widths * torch.rand(n, len(widths), dtype=TWO, generator=generator)).mean()


@replaces("monte_carlo_integral")
def no_points_accepted(f, low, high, n, generator):
    """No points at all were accepted, and the mean of nothing is NaN, or was taken for 0. Raise a ValueError: nothing can be said without a point."""
    if n < 1:
        return _double(0.0)
    return right.monte_carlo_integral(f, low, high, n, generator)


@replaces("monte_carlo_integral")
def result_of_points_in_float32(f, low, high, n, generator):
    """The estimate was returned in float32. All of this is computed, and returned, in float64."""
    return right.monte_carlo_integral(f, low, high, n, generator).float()


@replaces("monte_carlo_integral")
def corners_moved_in_place(f, low, high, n, generator):
    """The estimate is right, but the corners that were passed in have been changed: -= works on the caller's own tensor."""
    found = right.monte_carlo_integral(f, low, high, n, generator)
    if high.dtype == TWO:
        high -= low
    return found
