"""Wrong densities, masses and draws, each named for what its author believed. The docstring is the hint that a learner reads."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import binomial_log_pmf as _binomial
from groundup.stack.numerics import normal_log_pdf as _normal
from groundup.stack.numerics import poisson_log_pmf as _poisson
from groundup.stack.numerics import sample_categorical as _categories
from groundup.stack.numerics import sample_normal as _normals

LOG_ROOT = 0.5 * math.log(2 * math.pi)


def _spread(x, std):
    return torch.as_tensor(std, dtype=x.dtype)


def _real(number):
    return torch.as_tensor(number).double()


def _successes(k, n):
    """k where it is possible, else 0; and where it is impossible."""
    k, n = _real(k), _real(n)
    impossible = (k < 0) | (k > n) | (k != k.floor())
    return torch.where(impossible, 0.0, k), n, impossible


def _events(k):
    k = _real(k)
    impossible = (k < 0) | (k != k.floor())
    return torch.where(impossible, 0.0, k), impossible


def _ways(k, n):
    return torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)


# ── normal_log_pdf ──


@replaces("normal_log_pdf")
def density_without_logarithm(x, mean, std):
    """This is the density, not its logarithm."""
    return _normal(x, mean, std).exp()


@replaces("normal_log_pdf")
def logarithm_of_a_rounded_density(x, mean, std):
    """First the density was computed and then its logarithm. Far from the mean the density is rounded to 0, and its logarithm is -inf; the logarithm itself is a moderate number there. Write down the logarithm of the formula."""
    return _normal(x, mean, std).exp().log()


@replaces("normal_log_pdf")
def constant_left_out(x, mean, std):
    """The constant is missing: without the root of 2π the density does not have area 1."""
    return _normal(x, mean, std) + LOG_ROOT


@replaces("normal_log_pdf")
def whole_logarithm_of_two_pi(x, mean, std):
    """The logarithm of 2π was subtracted whole. In the density stands its root, so half of the logarithm."""
    return _normal(x, mean, std) - LOG_ROOT


@replaces("normal_log_pdf")
def spread_left_out_of_the_height(x, mean, std):
    """A wide curve is also a low one: the standard deviation belongs into the exponent and in front of it. The latter is missing."""
    return _normal(x, mean, std) + _spread(x, std).log()


@replaces("normal_log_pdf")
def spread_taken_for_the_variance(x, mean, std):
    """The third argument was taken for the variance. It is the standard deviation."""
    return _normal(x, mean, _spread(x, std).sqrt())


@replaces("normal_log_pdf")
def variance_taken_for_the_spread(x, mean, std):
    """The standard deviation was squared once too often: where it should divide the distance, the variance does."""
    return _normal(x, mean, _spread(x, std).square())


@replaces("normal_log_pdf")
def half_left_out(x, mean, std):
    """The half in the exponent is missing: minus half of the squared distance, in standard deviations."""
    std = _spread(x, std)
    return -((x - mean) / std).square() - std.log() - LOG_ROOT


@replaces("normal_log_pdf")
def sign_of_the_exponent(x, mean, std):
    """The density grows with the distance from the mean: the sign in the exponent is missing."""
    std = _spread(x, std)
    return 0.5 * ((x - mean) / std).square() - std.log() - LOG_ROOT


@replaces("normal_log_pdf")
def variance_that_leaves_the_dtype(x, mean, std):
    """The standard deviation was squared first. Its square is 0 for 1e-25 in float32, and infinite for 1e25. Divide the distance by it before you square."""
    variance = _spread(x, std).square()
    return -(x - mean).square() / (2 * variance) - 0.5 * variance.log() - LOG_ROOT


@replaces("normal_log_pdf")
def square_multiplied_out(x, mean, std):
    """The square of the distance was multiplied out. For a mean of thousands the three terms are millions that nearly cancel, and rounding is left. Subtract the mean first."""
    std = _spread(x, std)
    return -(x * x - 2 * x * mean + torch.as_tensor(mean, dtype=x.dtype) ** 2) / (2 * std * std) - std.log() - LOG_ROOT


@replaces("normal_log_pdf")
def standard_curve_only(x, mean, std):
    """Mean and standard deviation were ignored."""
    shape = torch.broadcast_tensors(x, torch.as_tensor(mean), torch.as_tensor(std))[0].shape
    return _normal(x, 0.0, 1.0).expand(shape)


@replaces("normal_log_pdf")
def added_up(x, mean, std):
    """The logarithms were added up, as for the likelihood of a whole sample. What is wanted is one for each point."""
    return _normal(x, mean, std).sum()


@replaces("normal_log_pdf")
def density_cut_off(x, mean, std):
    """The numbers are right, but they were cut off from the inputs (by detach, item or a new tensor), so nothing can be fitted by gradients."""
    return _normal(x, mean, std).detach()


# ── binomial_log_pmf ──


@replaces("binomial_log_pmf")
def one_order_only(k, n, p):
    """The number of orders is missing. This is the probability of one particular sequence with k successes; there are many, and each is as probable."""
    k, n, impossible = _successes(k, n)
    q = p.double()
    result = torch.xlogy(k, q) + torch.special.xlog1py(n - k, -q)
    return result.masked_fill(impossible, -math.inf).to(p.dtype)


@replaces("binomial_log_pmf")
def failures_left_out(k, n, p):
    """Only the successes were counted. The other trials have to fail, and that has a probability, too."""
    k, n, impossible = _successes(k, n)
    result = _ways(k, n) + torch.xlogy(k, p.double())
    return result.masked_fill(impossible, -math.inf).to(p.dtype)


@replaces("binomial_log_pmf")
def successes_and_failures_exchanged(k, n, p):
    """p was taken for the probability of a failure."""
    return _binomial(k, n, 1 - p.double()).to(p.dtype)


@replaces("binomial_log_pmf")
def probability_without_logarithm(k, n, p):
    """This is the probability, not its logarithm."""
    return _binomial(k, n, p).exp()


@replaces("binomial_log_pmf")
def gamma_off_by_one(k, n, p):
    """The gamma function is shifted by one against the factorial: the factorial of k is gamma of k + 1."""
    k, n, impossible = _successes(k, n)
    q = p.double()
    ways = torch.lgamma(n.clamp(min=1)) - torch.lgamma(k.clamp(min=1)) - torch.lgamma((n - k).clamp(min=1))
    result = ways + torch.xlogy(k, q) + torch.special.xlog1py(n - k, -q)
    return result.masked_fill(impossible, -math.inf).to(p.dtype)


@replaces("binomial_log_pmf")
def impossible_moved_to_the_nearest(k, n, p):
    """Numbers of successes below 0 or above n were moved to the nearest possible one, and got its probability. They cannot happen: their probability is 0."""
    k, n = torch.broadcast_tensors(_real(k), _real(n))
    return _binomial(torch.minimum(k.clamp(min=0), n), n, p)


@replaces("binomial_log_pmf")
def broken_numbers_accepted(k, n, p):
    """Two and a half successes got a probability. The gamma function fills the gaps between the factorials, but there is nothing there."""
    k, n, q = _real(k), _real(n), p.double()
    impossible = (k < 0) | (k > n)
    k = torch.where(impossible, 0.0, k)
    result = _ways(k, n) + torch.xlogy(k, q) + torch.special.xlog1py(n - k, -q)
    return result.masked_fill(impossible, -math.inf).to(p.dtype)


@replaces("binomial_log_pmf")
def not_a_number_at_the_ends(k, n, p):
    """At p = 0 or p = 1 came NaN: 0 was multiplied by the logarithm of 0. No success out of none possible is certain: 0 times that logarithm has to count as 0."""
    k, n, impossible = _successes(k, n)
    q = p.double()
    result = _ways(k, n) + k * q.log() + (n - k) * torch.log1p(-q)
    return result.masked_fill(impossible, -math.inf).to(p.dtype)


@replaces("binomial_log_pmf")
def ends_moved_inward(k, n, p):
    """The probability was moved away from 0 and 1 to keep infinite logarithms away. That turns the impossible into the improbable, and tiny probabilities into larger ones."""
    eps = 1e-7
    return _binomial(k, n, p.double().clamp(eps, 1 - eps)).to(p.dtype)


@replaces("binomial_log_pmf")
def tiny_chance_rounded_away(k, n, p):
    """The logarithm of 1 - p was taken as it stands there. For p = 1e-12, 1 - p has only four digits of p left, and in float32 none. There is a function for log(1 + x) with small x."""
    k, n, impossible = _successes(k, n)
    q = p.double()
    result = _ways(k, n) + torch.xlogy(k, q) + torch.xlogy(n - k, 1 - q)
    return result.masked_fill(impossible, -math.inf).to(p.dtype)


@replaces("binomial_log_pmf")
def factorials_in_float32(k, n, p):
    """It was computed in float32. The logarithm of the factorial of a million is 12,815,518, where float32 counts in whole numbers: all that matters is behind the point. Compute in float64, and round at the end."""
    k, n, impossible = _successes(k, n)
    k, n, q = k.float(), n.float(), p
    result = _ways(k, n) + torch.xlogy(k, q) + torch.special.xlog1py(n - k, -q)
    return result.masked_fill(impossible, -math.inf).to(p.dtype)


@replaces("binomial_log_pmf")
def up_to_so_many(k, n, p):
    """This is the probability of at most k successes. Wanted is that of exactly k."""
    k, n, impossible = _successes(k, n)
    most = int(k.max()) if k.numel() else 0
    if most > 100:
        return _binomial(k, n, p)
    below = torch.stack([_binomial(i, n, p.double()) + torch.where(i <= k, 0.0, -math.inf) for i in range(most + 1)])
    return torch.logsumexp(below, 0).masked_fill(impossible, -math.inf).to(p.dtype)


@replaces("binomial_log_pmf")
def binomial_cut_off(k, n, p):
    """The numbers are right, but p was cut off (by item, detach or a new tensor), so no gradient reaches it."""
    return _binomial(k, n, p).detach()


# ── poisson_log_pmf ──


@replaces("poisson_log_pmf")
def factorial_left_out(k, rate):
    """The factorial is missing: the events come in no particular order, and every order was counted as a case of its own. Without it the probabilities add up to far more than 1."""
    k, impossible = _events(k)
    r = rate.double()
    return (torch.xlogy(k, r) - r).masked_fill(impossible, -math.inf).to(rate.dtype)


@replaces("poisson_log_pmf")
def rate_not_subtracted(k, rate):
    """The constant factor is missing, which sees to it that all probabilities add up to 1."""
    return (_poisson(k, rate.double()) + rate.double()).to(rate.dtype)


@replaces("poisson_log_pmf")
def factorial_off_by_one(k, rate):
    """The factorial of the number before k was taken. The gamma function runs one ahead of the factorial, and has to be asked for k + 1."""
    k, impossible = _events(k)
    r = rate.double()
    result = torch.xlogy(k, r) - r - torch.lgamma(k.clamp(min=1))
    return result.masked_fill(impossible, -math.inf).to(rate.dtype)


@replaces("poisson_log_pmf")
def rate_taken_for_a_waiting_time(k, rate):
    """The rate was taken for the mean time between two events. It is the expected number of events."""
    return _poisson(k, 1 / rate.double().clamp(min=1e-300)).to(rate.dtype)


@replaces("poisson_log_pmf")
def no_event_not_a_number(k, rate):
    """For rate 0 and no event came NaN: 0 times the logarithm of 0. Where nothing is expected, nothing comes, with certainty; its logarithm is 0."""
    k, impossible = _events(k)
    r = rate.double()
    result = k * r.log() - r - torch.lgamma(k + 1)
    return result.masked_fill(impossible, -math.inf).to(rate.dtype)


@replaces("poisson_log_pmf")
def small_rate_added(k, rate):
    """A small number was added to the rate to keep the logarithm of 0 away. Rates of 1e-20 are drowned in it, and what is impossible becomes possible."""
    return _poisson(k, rate.double() + 1e-10).to(rate.dtype)


@replaces("poisson_log_pmf")
def negative_events_accepted(k, rate):
    """A negative or broken number of events got a finite logarithm or NaN. There are no such numbers of events: the probability is 0."""
    k, r = _real(k), rate.double()
    result = torch.xlogy(k, r) - r - torch.lgamma(k + 1)
    return result.nan_to_num(nan=0.0, neginf=-math.inf).to(rate.dtype)


@replaces("poisson_log_pmf")
def poisson_in_float32(k, rate):
    """It was computed in float32. For a million events numbers of more than ten million are subtracted, which float32 knows to the nearest whole number only. Compute in float64, and round at the end."""
    k, impossible = _events(k)
    k = k.float()
    result = torch.xlogy(k, rate) - rate - torch.lgamma(k + 1)
    return result.masked_fill(impossible, -math.inf).to(rate.dtype)


@replaces("poisson_log_pmf")
def factorial_by_stirling(k, rate):
    """The factorial was replaced by Stirling's formula where k is large. It is near, but only to some digits; the logarithm of the gamma function has all of them."""
    k, impossible = _events(k)
    r, n = rate.double(), k.clamp(min=1)
    near = n * n.log() - n + 0.5 * (2 * math.pi * n).log() + 1 / (12 * n)
    result = torch.xlogy(k, r) - r - torch.where(k < 20, torch.lgamma(k + 1), near)
    return result.masked_fill(impossible, -math.inf).to(rate.dtype)


@replaces("poisson_log_pmf")
def normal_curve_in_its_place(k, rate):
    """The normal curve with the same mean and variance was taken. It comes near for large rates, but never equals it, and for small ones it gives negative numbers of events a chance."""
    k, impossible = _events(k)
    r = rate.double()
    safe = r.clamp(min=1e-300)
    result = -0.5 * (k - r).square() / safe - 0.5 * safe.log() - LOG_ROOT
    return result.masked_fill(impossible, -math.inf).to(rate.dtype)


@replaces("poisson_log_pmf")
def poisson_cut_off(k, rate):
    """The numbers are right, but the rate was cut off (by item, detach or a new tensor), so no gradient reaches it."""
    return _poisson(k, rate).detach()


@replaces("poisson_log_pmf")
def events_without_logarithm(k, rate):
    """This is how probable so many events are, where the logarithm of it was asked for."""
    return _poisson(k, rate).exp()


# ── sample_normal ──


def _uniforms(n, generator):
    return torch.rand(2, (n + 1) // 2, generator=generator, dtype=torch.float64)


def _box_muller(distance, angle, n):
    return torch.cat([distance * angle.cos(), distance * angle.sin()])[:n].float()


@replaces("sample_normal")
def uniform_draws(n, generator):
    """The draws are spread evenly over an interval, with the right mean and variance, but it is no bell: none lies far away, and too many lie at the edge."""
    return (torch.rand(n, generator=generator) - 0.5) * math.sqrt(12)


@replaces("sample_normal")
def sum_of_three_uniforms(n, generator):
    """A few uniform numbers were added up. Sums tend to a bell, but three are not enough, and no number of them ever gives the far tails."""
    return (torch.rand(3, n, generator=generator).sum(0) - 1.5) * 2


@replaces("sample_normal")
def sum_of_twelve_uniforms(n, generator):
    """Twelve uniform numbers were added up, which has the right mean and variance and looks like a bell. Its tails are too thin: none lies beyond 6, and already beyond 3.5 a third is missing."""
    return torch.rand(12, n, generator=generator).sum(0) - 6


@replaces("sample_normal")
def last_of_an_odd_number_made_up(n, generator):
    """For an odd number the last place was filled up with something that was not drawn. Make one pair more, and leave one out."""
    drawn = _normals(n - n % 2, generator)
    return torch.cat([drawn, torch.zeros(n % 2)])


@replaces("sample_normal")
def brought_to_mean_and_variance(n, generator):
    """Each sample was brought to mean 0 and variance 1. It is the distribution that has these; a sample scatters around them, and one whose sum is always 0 is not of independent draws."""
    drawn = _normals(n, generator)
    return (drawn - drawn.mean()) / drawn.std() if n > 3 else drawn


@replaces("sample_normal")
def distance_without_the_two(n, generator):
    """The spread is too small, by the root of 2: the square of the distance is exponential with mean 2, since two variances add up to it."""
    u = _uniforms(n, generator)
    return _box_muller((-torch.log1p(-u[0])).sqrt(), 2 * math.pi * u[1], n)


@replaces("sample_normal")
def root_forgotten(n, generator):
    """The root is missing: the exponential number is the square of the distance, not the distance."""
    u = _uniforms(n, generator)
    return _box_muller(-2 * torch.log1p(-u[0]), 2 * math.pi * u[1], n)


@replaces("sample_normal")
def half_a_turn(n, generator):
    """The directions go half way round only. All directions are equally probable, through the whole circle."""
    u = _uniforms(n, generator)
    return _box_muller((-2 * torch.log1p(-u[0])).sqrt(), math.pi * u[1], n)


@replaces("sample_normal")
def one_uniform_for_both(n, generator):
    """The same uniform number gave distance and direction. Then the one determines the other, and the draws lie on a spiral. It takes two independent ones."""
    u = _uniforms(n, generator)
    return _box_muller((-2 * torch.log1p(-u[0])).sqrt(), 2 * math.pi * u[0], n)


@replaces("sample_normal")
def each_used_twice(n, generator):
    """Each draw is there twice, so half of them tell nothing new. The sine of the same direction gives a second number that is independent of the first; the cosine again does not."""
    return _normals((n + 1) // 2, generator).repeat(2)[:n]


@replaces("sample_normal")
def each_with_its_mirror(n, generator):
    """Half of the draws are the other half with the opposite sign. The bell looks right, but the draws are not independent."""
    half = _normals((n + 1) // 2, generator)
    return torch.stack([half, -half], dim=1).flatten()[:n]


@replaces("sample_normal")
def positive_half_only(n, generator):
    """No draw is negative: the bell was folded at its middle."""
    return _normals(n, generator).abs()


@replaces("sample_normal")
def pairs_rounded_down(n, generator):
    """For an odd number one draw is missing, since they are made in pairs. Make one pair more, and leave one out."""
    return _normals(n - n % 2, generator)


@replaces("sample_normal")
def global_chance(n, generator):
    """The numbers came from PyTorch's global random state. Hand the generator to whatever draws: otherwise nobody can repeat the run, and others' draws are disturbed."""
    u = torch.rand(2, (n + 1) // 2, dtype=torch.float64)
    return _box_muller((-2 * torch.log1p(-u[0])).sqrt(), 2 * math.pi * u[1], n)


@replaces("sample_normal")
def generator_copied(n, generator):
    """The generator that was handed over did not move on (it was copied, or its seed was used to make another), so the next call gives the same numbers again."""
    copy = torch.Generator()
    copy.set_state(generator.get_state())
    return _normals(n, copy)


@replaces("sample_normal")
def normal_in_float64(n, generator):
    """The draws are float64, where float32 was asked for. Compute as you like and convert at the end."""
    return _normals(n, generator).double()


# ── sample_categorical ──


@replaces("sample_categorical")
def always_the_best(logits, n, generator):
    """The most probable category came every time. To draw is to let the others come, too, as often as their probability says."""
    torch.rand(1, generator=generator)
    return logits.argmax().expand(n).clone()


@replaces("sample_categorical")
def all_alike(logits, n, generator):
    """All categories came equally often: the logits were not used."""
    return torch.randint(len(logits), (n,), generator=generator)


@replaces("sample_categorical")
def logits_taken_for_probabilities(logits, n, generator):
    """The logits were used as weights, cut off at 0 or made positive. They are logarithms: their exponentials are the weights."""
    weights = logits.double().nan_to_num(neginf=0.0).clamp(min=0)
    return _categories((weights + 1e-300).log(), n, generator)


@replaces("sample_categorical")
def exponentials_that_overflow(logits, n, generator):
    """The exponentials were taken of the logits as they are. For a logit of 1000 that is infinite, for -1000 it is 0, and nothing can be compared any more. Only differences matter: subtract the largest first."""
    weights = logits.double().exp()
    cumulative = weights.cumsum(0) / weights.sum()
    return torch.searchsorted(cumulative, torch.rand(n, generator=generator, dtype=torch.float64), right=True).clamp(
        max=len(logits) - 1
    )


@replaces("sample_categorical")
def without_replacement(logits, n, generator):
    """A category that had come was put aside. Each draw is from the whole distribution, and the same category may come again and again; there may be more draws than categories."""
    noise = -torch.log(-torch.log(torch.rand(len(logits), generator=generator, dtype=torch.float64)))
    order = (logits.double() + noise).argsort(descending=True)
    return order.repeat(n // len(logits) + 1)[:n]


@replaces("sample_categorical")
def one_draw_for_all(logits, n, generator):
    """One category was drawn, and repeated n times. Each draw needs a random number of its own."""
    return _categories(logits, 1, generator).expand(n).clone()


@replaces("sample_categorical")
def draws_in_order(logits, n, generator):
    """The counts are right, but the draws come sorted: all of the first category, then all of the second. Who uses the first few of them gets only one kind."""
    return _categories(logits, n, generator).sort().values


@replaces("sample_categorical")
def shares_dealt_out(logits, n, generator):
    """Every category came as often as its share of n says, to within one, in random order. Independent draws scatter: a coin thrown six times does not show three heads each time."""
    if n == 0:
        return torch.zeros(0, dtype=torch.int64)
    cumulative = torch.softmax(logits.double(), 0).cumsum(0)
    even = (torch.arange(n) + torch.rand(n, generator=generator, dtype=torch.float64)) / n
    drawn = torch.searchsorted(cumulative / cumulative[-1], even, right=True)
    return drawn[torch.randperm(n, generator=generator)]


@replaces("sample_categorical")
def improbable_left_out(logits, n, generator):
    """Categories of small probability were never drawn. Cutting them off is a way of sampling (top-p is), but here each comes as often as its probability says."""
    p = torch.softmax(logits.double(), 0)
    return _categories(torch.where(p < 0.005, -math.inf, logits.double()), n, generator)


@replaces("sample_categorical")
def noise_from_a_bell(logits, n, generator):
    """Noise was added to the logits and the largest taken, which is a good way; but only noise of the Gumbel distribution gives the softmax. That of another shape gives other probabilities."""
    noise = _normals(n * len(logits), generator).reshape(n, -1)
    return (logits.double() + 1.28 * noise.double()).argmax(-1)


@replaces("sample_categorical")
def noise_shared_by_neighbors(logits, n, generator):
    """Neighboring draws share a random number, so that they come in equal pairs. Each draw needs its own."""
    return _categories(logits, (n + 1) // 2, generator).repeat_interleave(2)[:n]


@replaces("sample_categorical")
def excluded_drawn_as_last(logits, n, generator):
    """What is excluded came up: the probability was spread over all categories again, by smoothing, or by a small number that was added. -inf means never."""
    p = torch.softmax(logits.double(), 0) + 0.02
    return _categories(p.log(), n, generator)


@replaces("sample_categorical")
def counted_from_one(logits, n, generator):
    """Categories are counted from 0."""
    return _categories(logits, n, generator) + 1


@replaces("sample_categorical")
def categories_by_global_chance(logits, n, generator):
    """The uniform numbers came from PyTorch's global random state, because the generator was not handed on."""
    cumulative = torch.softmax(logits.double(), 0).cumsum(0)
    return torch.searchsorted(cumulative / cumulative[-1], torch.rand(n, dtype=torch.float64), right=True)


@replaces("sample_categorical")
def categories_again_and_again(logits, n, generator):
    """The generator that was handed over did not move on: it was copied or seeded anew, and the next call gives the same draws."""
    copy = torch.Generator()
    copy.set_state(generator.get_state())
    return _categories(logits, n, copy)
