"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, distributed_as, exact

NORMAL = "normal_log_pdf"
BINOMIAL = "binomial_log_pmf"
POISSON = "poisson_log_pmf"
DRAW_NORMAL = "sample_normal"
DRAW_CATEGORY = "sample_categorical"

FACTORIALS = (
    "logarithms of factorials are millions, of which little is left when they are subtracted; float64 leaves enough"
)
SUMS = "a logarithm is a sum of a few that may nearly cancel"

# ── normal_log_pdf ──

density_at_a_point = close("the density at one point", builds=NORMAL, conditioning=4.0, because=SUMS)
density_at_several = close("density: any mean, any standard deviation", builds=NORMAL)
density_of_numbers_and_tensors = close(
    "density: parameters may be numbers or tensors", builds=NORMAL, conditioning=4.0, because=SUMS
)
density_of_each_with_each = close("density: float64, everything broadcasts", builds=NORMAL)
density_far_away = close("density: a thousand standard deviations away", builds=NORMAL)
density_around_a_large_mean = close("density: a mean of thousands beside a spread of one", builds=NORMAL)
density_with_a_tiny_spread = close("density: standard deviations of 1e-25 and 1e25 in float32", builds=NORMAL)
density_gradients = close("density: gradients reach x, mean and std", builds=NORMAL, reduction=4)

# ── binomial_log_pmf ──

binomial_of_few_trials = close("no success to three in three trials", builds=BINOMIAL, reduction=3)
binomial_of_numbers_and_tensors = close("binomial: k and n may be numbers or tensors", builds=BINOMIAL, reduction=3)
binomial_of_each_with_each = close(
    "binomial: float64, everything broadcasts, and more successes than trials are impossible",
    builds=BINOMIAL,
    reduction=14,
)
binomial_of_the_impossible = close("binomial: impossible numbers of successes", builds=BINOMIAL, reduction=8)
binomial_of_the_certain = close("binomial: p = 0, p = 1, and no trial at all", builds=BINOMIAL, reduction=8)
binomial_of_rare_successes = close("binomial: a chance of 1e-12", builds=BINOMIAL, reduction=30)
binomial_of_many_trials = close("binomial: a million trials in float32", builds=BINOMIAL)
binomial_of_many_trials_in_float64 = close(
    "binomial: a hundred thousand trials, near the most probable number",
    builds=BINOMIAL,
    conditioning=1e5,
    because=FACTORIALS,
)
binomial_gradients = close("binomial: gradients reach p", builds=BINOMIAL, reduction=7)

# ── poisson_log_pmf ──

poisson_of_few_events = close("no event, one, two, three, four", builds=POISSON, reduction=4)
poisson_of_each_with_each = close("Poisson: everything broadcasts, in both dtypes", builds=POISSON, reduction=4)
poisson_of_the_impossible = close("Poisson: impossible numbers of events", builds=POISSON, reduction=4)
poisson_of_the_certain = close("Poisson: where nothing is expected, nothing comes", builds=POISSON, reduction=4)
poisson_of_tiny_rates = close("Poisson: rates of 1e-20", builds=POISSON, reduction=4)
poisson_of_many_events = close("Poisson: a million events in float32", builds=POISSON)
poisson_in_float64 = close("Poisson: all digits of float64, far out as well", builds=POISSON, reduction=4)
poisson_gradients = close("Poisson: gradients reach the rate", builds=POISSON, reduction=4)

# ── sample_normal ──

normal_of_any_number = exact("normal draws: as many as asked for, float32, all finite", builds=DRAW_NORMAL)
normal_draws = distributed_as("normal draws: as many below each value as there should be", builds=DRAW_NORMAL)
normal_sizes = distributed_as("normal draws: their squares", builds=DRAW_NORMAL)
normal_draws_far_out = exact("normal draws: some are far out, none too far, and their middle is 0", builds=DRAW_NORMAL)
normal_draws_all_new = exact("normal draws: none comes a second time, nor as its mirror image", builds=DRAW_NORMAL)
normal_draws_of_the_fourth_power = exact(
    "normal draws: mean, square and fourth power are those of a true bell", builds=DRAW_NORMAL
)
normal_last_of_three = distributed_as("normal draws: the last of an odd number is drawn, too", builds=DRAW_NORMAL)
normal_sums_of_small_samples = distributed_as("normal draws: sums of small samples scatter", builds=DRAW_NORMAL)
normal_draws_side_by_side = distributed_as("normal draws: neighbors are independent", builds=DRAW_NORMAL)
normal_draws_far_apart = distributed_as("normal draws: both halves are independent", builds=DRAW_NORMAL)
normal_sums_of_calls = distributed_as("normal draws: one call is independent of the next", builds=DRAW_NORMAL)
normal_from_the_generator = exact("normal draws: all chance comes from the generator", builds=DRAW_NORMAL)

# ── sample_categorical ──

categorical_of_any_number = exact("categories: as many as asked for, int64", builds=DRAW_CATEGORY)
categorical_draws = distributed_as("categories: each as often as its probability says", builds=DRAW_CATEGORY)
categorical_draws_of_many = distributed_as("categories: thirty of them, float64 logits", builds=DRAW_CATEGORY)
categorical_draws_of_far_logits = distributed_as(
    "categories: a constant of a thousand changes nothing", builds=DRAW_CATEGORY
)
categorical_draws_of_the_excluded = distributed_as("categories: -inf is never drawn", builds=DRAW_CATEGORY)
categorical_draws_of_one = exact("categories: only one is possible", builds=DRAW_CATEGORY)
categorical_draws_of_the_rare = exact("categories: a rare one does come", builds=DRAW_CATEGORY)
categorical_counts_in_small_samples = distributed_as(
    "categories: in small samples the counts scatter as chance makes them", builds=DRAW_CATEGORY
)
categorical_draws_in_order = distributed_as("categories: in no order", builds=DRAW_CATEGORY)
categorical_draws_side_by_side = distributed_as("categories: neighbors are independent", builds=DRAW_CATEGORY)
categorical_from_the_generator = exact("categories: all chance comes from the generator", builds=DRAW_CATEGORY)
