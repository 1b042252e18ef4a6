"""Wrong cumulative distributions, draws and areas, each named for what its author believed. The docstring is the hint."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import cumulative as _cumulative
from groundup.stack.numerics import density_to_probability as _area
from groundup.stack.numerics import sample_inverse as _sample

TWO = torch.float64

# ── cumulative ──


@replaces("cumulative")
def own_probability_left_out(pmf):
    """Each entry is the probability of what stands *before* the value. "At most" includes the value itself: the first entry is the first probability, and the last is the sum of all."""
    return _cumulative(pmf) - pmf


@replaces("cumulative")
def zero_put_in_front(pmf):
    """A 0 was put in front, so that there is one entry more than there are values. Entry i belongs to value i."""
    return torch.nn.functional.pad(_cumulative(pmf), (1, 0))


@replaces("cumulative")
def summed_from_the_other_end(pmf):
    """The sums run from the last value to the first: this is the probability of a value or one that stands *after* it."""
    return _cumulative(pmf.flip(-1)).flip(-1)


@replaces("cumulative")
def what_is_left_over(pmf):
    """This is the probability of something later, the part that is left over: it falls where the cumulative distribution rises."""
    return pmf.sum(-1, keepdim=True) - _cumulative(pmf)


@replaces("cumulative")
def along_the_first_dimension(pmf):
    """The sums run along the first dimension. The values of one distribution are along the last; what stands before it is a batch."""
    return _cumulative(pmf.movedim(0, -1)).movedim(-1, 0)


@replaces("cumulative")
def rows_run_together(pmf):
    """All rows were added up in one go, each beginning where the one before it had ended. Every row is a distribution of its own and begins anew."""
    return _cumulative(pmf.flatten()).reshape(pmf.shape)


@replaces("cumulative")
def largest_first(pmf):
    """The probabilities were sorted first, as top-p sampling does it. Here the order is that of the values."""
    return _cumulative(pmf.sort(dim=-1, descending=True).values)


@replaces("cumulative")
def scaled_to_one(pmf):
    """The sums were divided by the last of them, so that they end at 1. Nothing was to be scaled: what is missing in a row stays missing."""
    sums = _cumulative(pmf)
    return sums / sums[..., -1:]


@replaces("cumulative")
def last_one_set_to_one(pmf):
    """The last entry was set to 1. It is the sum of the row, whatever that is, and its gradient is needed as well."""
    sums = _cumulative(pmf).clone()
    sums[..., -1] = 1.0
    return sums


@replaces("cumulative")
def taken_away_from_one(pmf):
    """What comes later was taken away from the whole. That is the same on paper; but tiny probabilities at the beginning vanish in the rounding of a number near 1."""
    later = _cumulative(pmf.flip(-1)).flip(-1) - pmf
    return pmf.sum(-1, keepdim=True) - later


@replaces("cumulative")
def sums_kept_in_half_precision(pmf):
    """The running sum was kept in the dtype of the probabilities. In bfloat16 a sum of 0.5 plus 0.0017 is 0.5 again: it stands still. Add up in something wider, and round at the end."""
    so_far, sums = torch.zeros(pmf.shape[:-1], dtype=pmf.dtype), []
    for one in pmf.unbind(-1):
        so_far = so_far + one
        sums.append(so_far)
    return torch.stack(sums, -1)


@replaces("cumulative")
def wide_dtype_returned(pmf):
    """The sums were made in float64 and stayed there. The result has the dtype of the probabilities."""
    return _cumulative(pmf.double())


@replaces("cumulative")
def always_float32(pmf):
    """The probabilities went through float32. Those in float64 come back with half of their digits."""
    return _cumulative(pmf.float())


@replaces("cumulative")
def sums_cut_off(pmf):
    """The numbers are right, but they were cut off (by item, tolist, detach or a new tensor), so no gradient reaches the probabilities."""
    return _cumulative(pmf).detach()


@replaces("cumulative")
def summed_in_place(pmf):
    """The sums were written over the probabilities that were passed in: whoever needs those afterward finds sums."""
    if pmf.requires_grad:
        return _cumulative(pmf)
    return pmf.copy_(_cumulative(pmf))


@replaces("cumulative")
def multiplied_up(pmf):
    """The probabilities were multiplied along the row. Values exclude each other, and for one *or* another probabilities add up; the product would be for one *and* another."""
    return pmf.cumprod(-1)


# ── sample_inverse ──


def _need(cdf, values):
    if cdf.shape != values.shape:
        raise ValueError(f"got shapes {tuple(cdf.shape)} and {tuple(values.shape)}")


def _steps(cdf):
    return cdf.double() / cdf[-1].double()


def _uniform(n, generator):
    return torch.rand(n, generator=generator, dtype=TWO)


def _at(cdf, values, u):
    return values[torch.searchsorted(_steps(cdf), u, right=True)]


@replaces("sample_inverse")
def steps_taken_for_probabilities(cdf, values, n, generator):
    """The cumulative probabilities were taken for the probabilities themselves, and added up once more. Value i has the height of its step: its entry less the one before."""
    _need(cdf, values)
    return _sample(_cumulative(cdf), values, n, generator)


@replaces("sample_inverse")
def every_value_alike(cdf, values, n, generator):
    """Every value comes up equally often. The step of each value says how often: a uniform number falls more often into a high one."""
    _need(cdf, values)
    return values[(_uniform(n, generator) * len(values)).long()]


@replaces("sample_inverse")
def one_step_too_early(cdf, values, n, generator):
    """The value before the right one was returned: the last whose entry lies below the uniform number. Wanted is the first whose entry lies above it."""
    _need(cdf, values)
    found = torch.searchsorted(_steps(cdf), _uniform(n, generator), right=True)
    return values[(found - 1).clamp(min=0)]


@replaces("sample_inverse")
def one_step_too_late(cdf, values, n, generator):
    """The value after the right one was returned; the first of them is never drawn. A uniform number below the first entry belongs to the first value."""
    _need(cdf, values)
    found = torch.searchsorted(_steps(cdf), _uniform(n, generator), right=True)
    return values[(found + 1).clamp(max=len(values) - 1)]


@replaces("sample_inverse")
def nearest_step(cdf, values, n, generator):
    """The value whose entry is *nearest* to the uniform number was taken. A stretch belongs to one value as a whole, up to its upper edge."""
    _need(cdf, values)
    return values[(_steps(cdf) - _uniform(n, generator)[:, None]).abs().argmin(1)]


@replaces("sample_inverse")
def from_the_first_step_on(cdf, values, n, generator):
    """The uniform numbers began at the first entry and not at 0, so that the first value is never drawn."""
    _need(cdf, values)
    steps = _steps(cdf)
    return _at(cdf, values, steps[0] + (1 - steps[0]) * _uniform(n, generator))


@replaces("sample_inverse")
def upside_down(cdf, values, n, generator):
    """The steps were counted from the wrong side: the higher the uniform number, the earlier the value. So each value got the share of another."""
    _need(cdf, values)
    above = (_steps(cdf) > _uniform(n, generator)[:, None]).sum(1)
    return values[(above - 1).clamp(min=0)]


@replaces("sample_inverse")
def between_the_values(cdf, values, n, generator):
    """What comes out lies between the values: it was interpolated along a line. The distribution function is a staircase, and only the values themselves can be drawn."""
    _need(cdf, values)
    steps, u, real = _steps(cdf), _uniform(n, generator), values.double()
    at = torch.searchsorted(steps, u, right=True)
    before = (at - 1).clamp(min=0)
    share = torch.where(at > 0, (u - steps[before]) / (steps[at] - steps[before]).clamp(min=1e-12), 1.0)
    return (real[before] + share * (real[at] - real[before])).to(values.dtype)


@replaces("sample_inverse")
def places_returned(cdf, values, n, generator):
    """The places of the values were returned, not the values."""
    _need(cdf, values)
    return torch.searchsorted(_steps(cdf), _uniform(n, generator), right=True)


@replaces("sample_inverse")
def values_sorted_first(cdf, values, n, generator):
    """The values were sorted, the steps not. Each step belongs to the value in the same place; the order of the values does not matter."""
    _need(cdf, values)
    return _at(cdf, values.sort().values, _uniform(n, generator))


@replaces("sample_inverse")
def always_floating(cdf, values, n, generator):
    """The values went through float32. They come back in the dtype that they have."""
    return _sample(cdf, values, n, generator).float()


@replaces("sample_inverse")
def same_chance_for_all_draws(cdf, values, n, generator):
    """One uniform number was drawn and used for all: the same value n times. Each draw needs a uniform number of its own."""
    _need(cdf, values)
    return _at(cdf, values, _uniform(1, generator).expand(n).contiguous())


@replaces("sample_inverse")
def sorted_draws(cdf, values, n, generator):
    """The draws come in order. As a whole they are right, but the first half of them is of low values only: they are to be independent of each other."""
    _need(cdf, values)
    return _at(cdf, values, _uniform(n, generator).sort().values)


@replaces("sample_inverse")
def evenly_spread(cdf, values, n, generator):
    """The uniform numbers were spread evenly, one in each nth of the way, and shuffled. So each value comes up almost exactly as often as it should. Chance is not as tidy: independent draws scatter."""
    _need(cdf, values)
    u = (torch.arange(n, dtype=TWO) + _uniform(n, generator)) / max(n, 1)
    return _at(cdf, values, u[torch.rand(n, generator=generator).argsort()])


@replaces("sample_inverse")
def coarse_darts(cdf, values, n, generator):
    """The darts are whole hundredths, or kept in half precision, so that they hit a few hundred places only. Narrow steps between these are never met. Uniform numbers need all the digits that a dtype can give them."""
    _need(cdf, values)
    return _at(cdf, values, (_uniform(n, generator) * 256).floor() / 256)


@replaces("sample_inverse")
def half_of_it_mirrored(cdf, values, n, generator):
    """Half of the draws use 1 less the uniform number of the other half. They are no news: where one is low the other is high."""
    _need(cdf, values)
    u = _uniform((n + 1) // 2, generator)
    return _at(cdf, values, torch.stack([u, 1 - u], 1).flatten()[:n].clamp(max=1 - 1e-16))


@replaces("sample_inverse")
def second_half_repeats_the_first(cdf, values, n, generator):
    """The second half of the draws repeats the first. Each draw needs a uniform number of its own."""
    return _sample(cdf, values, (n + 1) // 2, generator).repeat(2)[:n]


@replaces("sample_inverse")
def global_chance(cdf, values, n, generator):
    """The uniform numbers came from PyTorch's global random state. They are to come from the generator that is handed over; else nobody can repeat a result, and others are disturbed."""
    _need(cdf, values)
    return _at(cdf, values, torch.rand(n, dtype=TWO))


@replaces("sample_inverse")
def generator_seeded_anew(cdf, values, n, generator):
    """The generator was seeded inside, so that every call returns the same. Use it as it comes."""
    return _sample(cdf, values, n, generator.manual_seed(0))


@replaces("sample_inverse")
def copy_of_the_generator(cdf, values, n, generator):
    """A copy of the generator was used, so that the state of the one that was handed over never moves, and a second call gives the same numbers."""
    return _sample(cdf, values, n, generator.clone_state())


@replaces("sample_inverse")
def beyond_the_last_step(cdf, values, n, generator):
    """A uniform number above the last entry was not caught: sums of rounded probabilities may end at 0.996, and then there is no step for it. It has to give a value all the same."""
    _need(cdf, values)
    return values[torch.searchsorted(cdf.double(), _uniform(n, generator), right=True)]


@replaces("sample_inverse")
def last_value_for_what_is_missing(cdf, values, n, generator):
    """A uniform number above the last entry gave the last value, although that one may have probability 0: its step has no height. It belongs to the last value that is possible."""
    _need(cdf, values)
    found = torch.searchsorted(cdf.double(), _uniform(n, generator), right=True)
    return values[found.clamp(max=len(values) - 1)]


@replaces("sample_inverse")
def lengths_not_compared(cdf, values, n, generator):
    """More steps than values, or the reverse, were accepted. One of the two tables is wrong then, and the draws mean nothing: refuse it with a ValueError."""
    return values[torch.searchsorted(_steps(cdf), _uniform(n, generator), right=True).clamp(max=len(values) - 1)]


@replaces("sample_inverse")
def coarse_uniform_numbers(cdf, values, n, generator):
    """The uniform numbers were whole tenths. Steps that end between two tenths get the share of a neighbor: take floating numbers."""
    _need(cdf, values)
    return _at(cdf, values, torch.randint(10, (n,), generator=generator).double() / 10)


@replaces("sample_inverse")
def table_scaled_in_place(cdf, values, n, generator):
    """The steps, or the values, that were passed in were changed in place. Whoever uses them next finds other numbers."""
    _need(cdf, values)
    drawn = _sample(cdf, values, n, generator)
    cdf.mul_(0.5)
    return drawn


# ── density_to_probability ──


def _refuse(a, b, n):
    if not a <= b or n < 1:
        raise ValueError(f"{a} to {b} in {n} parts")


def _strips(pdf, a, b, n, at=0.5, accept_negative=False):
    """Places (number i + at of n) between a and b, and what each stands for; infinite ends as the reference has them."""
    t = (torch.arange(n, dtype=TWO) + at) / n
    if math.isinf(a) and math.isinf(b):
        s = 2 * t - 1
        x, width = s / (1 - s * s), 2 * (1 + s * s) / (1 - s * s) ** 2
    elif math.isinf(b):
        x, width = a + t / (1 - t), 1 / (1 - t) ** 2
    elif math.isinf(a):
        x, width = b - t / (1 - t), 1 / (1 - t) ** 2
    else:
        x, width = a + (b - a) * t, torch.full_like(t, b - a)
    heights = pdf(x)
    if (heights < 0).any() and not accept_negative:
        raise ValueError("negative")
    return heights, width


def _trapezoids(pdf, a, b, n):
    x = torch.linspace(float(a), float(b), n + 1, dtype=TWO)
    heights = pdf(x)
    if (heights < 0).any():
        raise ValueError("negative")
    return torch.trapezoid(heights, x)


@replaces("density_to_probability")
def difference_of_two_densities(pdf, a, b, n=1000):
    """The density at a was taken away from that at b. That is what one does with the *cumulative* distribution; the density has to be summed up between them."""
    _refuse(a, b, n)
    x = torch.tensor([a, b], dtype=TWO)
    low, high = pdf(x)
    return high - low


@replaces("density_to_probability")
def heights_without_width(pdf, a, b, n=1000):
    """The heights were averaged, and the width forgotten: a density is probability per unit, and has to be multiplied by how many units there are."""
    _refuse(a, b, n)
    if math.isinf(a) or math.isinf(b):
        return _area(pdf, a, b, n)
    return _area(pdf, a, b, n) / (b - a) if b > a else torch.zeros((), dtype=TWO)


@replaces("density_to_probability")
def heights_added_up(pdf, a, b, n=1000):
    """The heights were added up as if they were probabilities. The more places, the more it becomes: each stands for the width of one part only."""
    return _area(pdf, a, b, n) * n


@replaces("density_to_probability")
def one_rectangle(pdf, a, b, n=1000):
    """One height, that in the middle, was multiplied by the whole width. The density is another one everywhere: cut the interval into n parts."""
    _refuse(a, b, n)
    if math.isinf(a) or math.isinf(b):
        return _area(pdf, a, b, n)
    return _area(pdf, a, b, 1)


@replaces("density_to_probability")
def left_ends(pdf, a, b, n=1000):
    """The height at the left end of each part was taken. Where the density rises that is too low everywhere, and the errors do not cancel: they fall with n only, those of middles and trapezoids with n squared."""
    _refuse(a, b, n)
    if math.isinf(a) or math.isinf(b) or a == b:
        return _area(pdf, a, b, n)
    heights, width = _strips(pdf, a, b, n, at=0.0)
    return (heights * width).mean()


@replaces("density_to_probability")
def one_place_too_few(pdf, a, b, n=1000):
    """Places and widths do not fit: n places, both ends among them, have n - 1 parts between them, and were given the width of n."""
    _refuse(a, b, n)
    if math.isinf(a) or math.isinf(b) or n == 1 or a == b:
        return _area(pdf, a, b, n)
    return _trapezoids(pdf, a, b, n - 1) * (n - 1) / n


@replaces("density_to_probability")
def infinity_is_twenty(pdf, a, b, n=1000):
    """An infinite end was replaced by a number that seemed large. For a bell that may do; under tails like those of 1/x² a good part of the probability lies beyond it."""
    _refuse(a, b, n)
    return _area(pdf, max(a, -20.0), min(b, 20.0), n) if a != b else 0.0


@replaces("density_to_probability")
def infinity_is_a_million(pdf, a, b, n=1000):
    """An infinite end was replaced by a huge number. Then one part is so wide that the whole density fits into it, and no place comes near it."""
    _refuse(a, b, n)
    return _area(pdf, max(a, -1e6), min(b, 1e6), n) if a != b else 0.0


@replaces("density_to_probability")
def stretching_not_paid_for(pdf, a, b, n=1000):
    """The infinite end was brought near by a change of variables, but the heights were not multiplied by how much it stretches: far out, equal steps of t stand for longer and longer pieces of x."""
    _refuse(a, b, n)
    if not (math.isinf(a) or math.isinf(b)):
        return _area(pdf, a, b, n)
    return _strips(pdf, a, b, n)[0].mean()


@replaces("density_to_probability")
def stretching_without_square(pdf, a, b, n=1000):
    """The stretching was taken as 1 / (1 - t). The slope of t / (1 - t) has a square below."""
    _refuse(a, b, n)
    if not (math.isinf(a) or math.isinf(b)):
        return _area(pdf, a, b, n)
    heights, width = _strips(pdf, a, b, n)
    return (heights * width.sqrt()).mean()


@replaces("density_to_probability")
def infinite_place_asked(pdf, a, b, n=1000):
    """The infinite end itself was among the places: there the density is 0 and the stretching infinite, and the product is not a number. Stay inside the parts."""
    _refuse(a, b, n)
    if not (math.isinf(a) or math.isinf(b)):
        return _area(pdf, a, b, n)
    heights, width = _strips(pdf, a, b, n, at=1.0)
    return (heights * width).mean()


@replaces("density_to_probability")
def infinite_place_counted_as_zero(pdf, a, b, n=1000):
    """At the infinite end 0 times infinity is not a number, and 0 was written in its place. Under heavy tails the product has a limit that is not 0, and half a part of it is missing. Stay inside the parts."""
    _refuse(a, b, n)
    if not (math.isinf(a) or math.isinf(b)):
        return _area(pdf, a, b, n)
    found = [_strips(pdf, a, b, n, at=at) for at in (0.0, 1.0)]
    return sum((heights * width).nan_to_num(0.0, 0.0, 0.0).mean() for heights, width in found) / 2


@replaces("density_to_probability")
def right_and_left_exchanged(pdf, a, b, n=1000):
    """What lies below b was taken as what lies above it: the change of variables runs to the wrong side. That goes unnoticed only at the middle of a symmetrical density."""
    _refuse(a, b, n)
    if math.isinf(a) and not math.isinf(b):
        return _area(pdf, b, math.inf, n)
    return _area(pdf, a, b, n)


@replaces("density_to_probability")
def one_half_assumed(pdf, a, b, n=1000):
    """Half of the probability was taken to lie below 0, and only the rest was measured. Densities need not be symmetrical, nor have their middle at 0."""
    _refuse(a, b, n)
    if math.isinf(a) and math.isfinite(b):
        return 0.5 + math.copysign(1.0, b) * _area(pdf, min(b, 0.0), max(b, 0.0), n)
    if math.isinf(b) and math.isfinite(a):
        return 0.5 - math.copysign(1.0, a) * _area(pdf, min(a, 0.0), max(a, 0.0), n)
    return _area(pdf, a, b, n)


@replaces("density_to_probability")
def one_less_the_rest(pdf, a, b, n=1000):
    """What lies above a was computed as 1 less what lies below it. That believes that the whole area is 1, and loses digits: six spreads out the answer is a thousand millionth, the difference of two numbers that are nearly 1."""
    _refuse(a, b, n)
    if math.isinf(b) and not math.isinf(a):
        return 1 - _area(pdf, -math.inf, a, n)
    return _area(pdf, a, b, n)


@replaces("density_to_probability")
def scaled_to_the_whole(pdf, a, b, n=1000):
    """The area was divided by the area of the whole. Nothing was to be scaled: a density that is three times too large is to show itself."""
    part = _area(pdf, a, b, n)
    whole = _area(pdf, -math.inf, math.inf, 2000) if math.isinf(a) or math.isinf(b) else torch.ones(())
    return part / whole if float(whole) > 0 else part


@replaces("density_to_probability")
def never_above_one(pdf, a, b, n=1000):
    """What came out above 1 was cut to 1. So an error in the density is hidden: nothing was to be scaled or cut."""
    return _area(pdf, a, b, n).clamp(max=1.0)


@replaces("density_to_probability")
def density_cut_at_one(pdf, a, b, n=1000):
    """Densities above 1 were cut to 1, as if they were probabilities. They are probability per unit, and may be as large as one likes where the unit is long."""
    return _area(lambda x: pdf(x).clamp(max=1.0), a, b, n)


@replaces("density_to_probability")
def number_of_parts_ignored(pdf, a, b, n=1000):
    """The number of parts that was asked for had no influence: it was always a thousand."""
    _refuse(a, b, n)
    return _area(pdf, a, b, 1000)


@replaces("density_to_probability")
def places_in_float32(pdf, a, b, n=1000):
    """The places were made in float32. Around a million those are a sixteenth apart, and the density is asked at the wrong ones."""
    return _area(lambda x: pdf(x.float()).double(), a, b, n)


@replaces("density_to_probability")
def whole_places_only(pdf, a, b, n=1000):
    """The bounds were whole numbers, and so the places became whole as well, or all of the interval was rounded to them. Places are floating numbers."""
    _refuse(a, b, n)
    if isinstance(a, int) and isinstance(b, int) and a != b:
        return _trapezoids(pdf, a, b, b - a)
    return _area(pdf, a, b, n)


@replaces("density_to_probability")
def backward_turned_round(pdf, a, b, n=1000):
    """Where b lies below a the two were exchanged, or the sign was turned as for an integral. No value is above 3 and below 2; who asks for it has made an error, and should hear of it: a ValueError."""
    _refuse(min(a, b), max(a, b), n)
    return _area(pdf, min(a, b), max(a, b), n)


@replaces("density_to_probability")
def no_parts_accepted(pdf, a, b, n=1000):
    """With no parts, or fewer than none, 0 came back. No place was looked at, so nothing is known: raise a ValueError."""
    return _area(pdf, a, b, n) if n >= 1 else torch.zeros((), dtype=TWO)


@replaces("density_to_probability")
def negative_density_accepted(pdf, a, b, n=1000):
    """A density that is negative somewhere was accepted, or its negative parts were cut off. It is none (often it is the logarithm of one): raise a ValueError."""
    _refuse(a, b, n)
    if a == b:
        return torch.zeros((), dtype=TWO)
    heights, width = _strips(pdf, a, b, n, accept_negative=True)
    return (heights * width).mean()


@replaces("density_to_probability")
def a_point_has_its_density(pdf, a, b, n=1000):
    """Where both ends are equal the density there was returned. A single value has no width, and so no area: its probability is 0."""
    if a == b:
        return pdf(torch.tensor(float(a), dtype=TWO))
    return _area(pdf, a, b, n)
