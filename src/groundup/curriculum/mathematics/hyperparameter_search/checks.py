"""How each driver's result is compared."""

from groundup.authoring import distributed_as, exact, refused, valid

GRID = "grid"
RANDOM = "random_search"
HALVING = "successive_halving"

# ── grid ──

grid_of_two_names = exact("grid: two names, every combination once", builds=GRID)
grid_in_order = exact("grid: four names, with the last one's values changing fastest", builds=GRID)
grid_of_little = exact("grid: one name, one value, no name, no value", builds=GRID)
grid_of_all_kinds = exact("grid: lists, None and strings as values, and a value that stands there twice", builds=GRID)
grid_of_many_names = exact("grid: eight names, each once in every combination", builds=GRID)
grid_dicts_of_their_own = exact("grid: changing one of the dicts changes no other, and not the space", builds=GRID)
grid_refuses = valid("grid: values that are no list are a ValueError", refused, builds=GRID)
grid_refuses_what_looks_like_a_list = valid(
    "grid: a range, a set, a dict, a tensor or an array is no list: a ValueError", refused, builds=GRID
)
grid_refuses_behind_an_empty_list = valid(
    "grid: a ValueError for what is no list also where another list is empty", refused, builds=GRID
)

# ── random_search ──

random_finds_the_lowest = exact("random search: the config with the lowest value, of n that were asked", builds=RANDOM)
random_close_and_huge_values = exact(
    "random search: values that differ in the twelfth digit, and huge ones", builds=RANDOM
)
random_first_of_equals = exact("random search: of equal values the first", builds=RANDOM)
random_with_nan = exact("random search: NaN is worse than every number, wherever it comes", builds=RANDOM)
random_one_trial = exact("random search: a single trial, and a space without names", builds=RANDOM)
random_value_is_a_float = exact("random search: the value comes back as a Python float", builds=RANDOM)
random_config_that_is_spoiled = exact("random search: an objective that changes its dict", builds=RANDOM)
random_list_is_drawn_evenly = exact("random search: every entry of a list is equally likely", builds=RANDOM)
random_list_of_all_kinds = exact("random search: lists, tuples, dicts and None as entries, as they are", builds=RANDOM)
random_list_that_looks_like_a_range = exact(
    'random search: a LIST of three, such as [1, 5, "log"], is a list', builds=RANDOM
)
random_linear_distribution = distributed_as("random search: even draws on a linear range", builds=RANDOM)
random_log_distribution = distributed_as("random search: even draws of the logarithm on a log range", builds=RANDOM)
random_mean_and_spread = exact("random search: draws have the mean and the spread of even ones", builds=RANDOM)
random_names_are_independent = exact("random search: names are drawn independently", builds=RANDOM)
random_trials_are_independent = exact("random search: a trial does not depend on the one before", builds=RANDOM)
random_trials_meet_by_chance = exact(
    "random search: trials do not keep out of each other's way, and an entry may come again", builds=RANDOM
)
random_objective_that_seeds = exact("random search: an objective that seeds the global sources", builds=RANDOM)
random_extreme_ranges = exact("random search: ranges as wide as floats are, and as narrow as a point", builds=RANDOM)
random_from_its_generator = exact("random search: the generator alone decides, and goes on", builds=RANDOM)

random_refuses_reversed_ranges = valid("random search: low above high is a ValueError, at once", refused, builds=RANDOM)
random_refuses_scales = valid("random search: another word than linear or log is a ValueError", refused, builds=RANDOM)
random_refuses_logarithms = valid("random search: no logarithm of zero or less: a ValueError", refused, builds=RANDOM)
random_refuses_what_looks_like_a_list = valid(
    "random search: a range, a set, a dict, a tensor or an array is no list: a ValueError", refused, builds=RANDOM
)
random_refuses_the_rest = valid(
    "random search: no trials, and nothing to draw from: ValueErrors", refused, builds=RANDOM
)

# ── successive_halving ──

halving_eight = exact("halving: eight configs, then four, two and one", builds=HALVING)
halving_crossing_curves = exact("halving: curves that cross: each round goes by its own values", builds=HALVING)
halving_of_any_number = exact("halving: numbers of configs that are no powers of two", builds=HALVING)
halving_with_other_shares = exact("halving: other shares than a half", builds=HALVING)
halving_first_of_equals = exact("halving: of equal values those that stand first in configs", builds=HALVING)
halving_ties_after_the_first_round = exact("halving: ties in a later round go by the place in configs", builds=HALVING)
halving_many_ties = exact("halving: ninety-six configs, many of them equally good", builds=HALVING)
halving_close_and_huge_values = exact("halving: values that differ in the twelfth digit, and huge ones", builds=HALVING)
halving_three_to_the_fifth = exact("halving: 243 configs with eta 3 have six rounds", builds=HALVING)
halving_with_nan = exact("halving: NaN is worse than every number", builds=HALVING)
halving_nan_later = exact("halving: runs that come to grief in a later round", builds=HALVING)
halving_equal_configs = exact("halving: equal configs are each tried for themselves", builds=HALVING)
halving_a_noisy_objective = exact("halving: each is asked once a round, and the last value is returned", builds=HALVING)
halving_refuses_configs = valid("halving: no configs are a ValueError", refused, builds=HALVING)
halving_refuses_budgets = valid("halving: no budget is a ValueError", refused, builds=HALVING)
halving_refuses_eta = valid("halving: an eta below 2 is a ValueError", refused, builds=HALVING)
