"""Wrong searches, each named for what its author believed. The docstring is the hint that a learner reads.

Most are a plain search with one thing changed: `_search` and `_halve` take that thing as an argument.
"""

import itertools
import math
import random

import numpy as np
import torch

from groundup.authoring import replaces
from groundup.stack.numerics import search as right


def _nan_last(value):
    return (True, 0.0) if math.isnan(value) else (False, value)


# ── grid ──


def _need_lists(space):
    for values in space.values():
        if not isinstance(values, list):
            raise ValueError("a list is needed")


@replaces("grid")
def grid_first_name_fastest(space):
    """The first name's values change fastest. Think of nested loops with the first name outermost: its value stays while the others change."""
    _need_lists(space)
    names = list(space)[::-1]
    combinations = itertools.product(*(space[name] for name in names))
    return [{name: dict(zip(names, values))[name] for name in space} for values in combinations]


@replaces("grid")
def grid_side_by_side(space):
    """The lists were gone through side by side: first with first, second with second. Every value has to meet every value of the other names."""
    _need_lists(space)
    return [dict(zip(space, values)) for values in zip(*space.values())] if space else [{}]


@replaces("grid")
def grid_one_at_a_time(space):
    """Only one name is changed at a time, with the others at their first values. That misses every combination in which two differ from the start."""
    found = right.grid(space)
    first = {name: values[0] for name, values in space.items() if values}
    return [one for one in found if sum(one[name] is not first[name] for name in one) <= 1]


@replaces("grid")
def grid_of_tuples(space):
    """Plain combinations of values were returned, without the names. Each config is a dict from names to values."""
    _need_lists(space)
    return [list(values) for values in itertools.product(*space.values())]


@replaces("grid")
def grid_sorted_names(space):
    """The names were sorted first, so the order of the configs is not that of the space. Take the names in the order in which they stand there."""
    _need_lists(space)
    names = sorted(space)
    return [dict(zip(names, values)) for values in itertools.product(*(space[name] for name in names))]


@replaces("grid")
def grid_without_doubles(space):
    """Combinations that are equal were left out. What stands in a list twice is wanted twice: the caller may want to see how much results scatter."""
    found = []
    for one in right.grid(space):
        if one not in found:
            found.append(one)
    return found


@replaces("grid")
def grid_of_nothing_is_empty(space):
    """A space without names gave no config at all. There is one way to choose nothing: the empty combination, as the product of no numbers is 1."""
    return right.grid(space) if space else []


@replaces("grid")
def grid_skips_empty_lists(space):
    """A name without values was left out of the configs, and the rest combined. With nothing to choose from for one name, no complete config exists."""
    _need_lists(space)
    return right.grid({name: values for name, values in space.items() if values})


@replaces("grid")
def grid_one_dict_again_and_again(space):
    """All configs are one dict, which was filled anew for each combination and appended again and again. What the list shows is its last state. Make a new dict each time."""
    found = right.grid(space)
    return [found[-1]] * len(found)


@replaces("grid")
def grid_uses_up_the_space(space):
    """The combinations are right, but the space was emptied on the way: it belongs to the caller, who will want to search it again."""
    found = right.grid(space)
    space.clear()
    return found


@replaces("grid")
def grid_takes_any_sequence(space):
    """A string was taken apart into its letters, and a tuple was taken as a list. A forgotten pair of brackets then becomes a strange grid: raise a ValueError for anything that is no list."""
    return right.grid({name: list(values) if values else [] for name, values in space.items() if values != 3})


@replaces("grid")
def grid_refuses_only_what_it_expects(space):
    """Strings, numbers and tuples were refused, but a range, a set, a dict or a tensor was let through. Ask what the values are (a list), not whether they are one of the wrong kinds that came to mind."""
    if any(values is None or isinstance(values, (str, bytes, int, float, tuple)) for values in space.values()):
        raise ValueError("a list is needed")
    return [dict(zip(space, values)) for values in itertools.product(*space.values())]


@replaces("grid")
def grid_overlooks_what_comes_later(space):
    """An empty list ended the work before all names were looked at, so a wrong entry behind it was not noticed. Look at all names first, then combine."""
    found = [{}]
    for name, values in space.items():
        if not found:
            break
        if not isinstance(values, list):
            raise ValueError("a list is needed")
        found = [{**config, name: value} for config in found for value in values]
    return found


@replaces("grid")
def grid_of_fixed_depth(space):
    """There is one loop for each of the first few names, and none for those after them. The number of names is known only when the function runs."""
    found = right.grid(dict(list(space.items())[:4]))
    return found if len(space) <= 4 else [{**one, **dict.fromkeys(list(space)[4:])} for one in found]


@replaces("grid")
def grid_raises_a_type_error(space):
    """Values that are no list were refused with a TypeError. The stub asks for a ValueError."""
    if not all(isinstance(values, list) for values in space.values()):
        raise TypeError("lists are needed")
    return right.grid(space)


@replaces("grid")
def grid_sorts_values(space):
    """The values of a list were sorted. They may be of kinds that cannot be compared, and their order is the caller's."""
    _need_lists(space)
    return right.grid({name: sorted(values) for name, values in space.items()})


# ── random_search ──


def _draw(values, generator):
    return right._draw(values, generator)


def _better(value, best):
    return _nan_last(value) < _nan_last(best)


def _sample(space, generator, draw):
    return {name: draw(values, generator) for name, values in space.items()}


def _search(
    objective, space, n, generator, better=_better, draw=_draw, start=None, ready=True, convert=float, copy=dict
):
    if ready:
        if n < 1:
            raise ValueError("n")
        for name, values in space.items():
            right._require_drawable(name, values)
    best = start
    for _ in range(n):
        config = _sample(space, generator, draw)
        value = convert(objective(copy(config)))
        if best is None or better(value, best[1]):
            best = config, value
    return best


def _share(generator):
    return float(torch.rand((), dtype=torch.float64, generator=generator))


@replaces("random_search")
def random_keeps_the_highest(objective, space, n, generator):
    """The config with the highest value was returned. The objective says how bad a config is: lower is better."""
    return _search(objective, space, n, generator, better=lambda value, best: _nan_last(-value) < _nan_last(-best))


@replaces("random_search")
def random_last_of_equals(objective, space, n, generator):
    """Of equal values the last one counted. The first is to stay until something is truly better."""
    return _search(objective, space, n, generator, better=lambda value, best: _nan_last(value) <= _nan_last(best))


@replaces("random_search")
def random_stuck_on_nan(objective, space, n, generator):
    """A NaN that came first was never replaced: no number is less than NaN, and none is more. Ask for NaN by itself."""
    return _search(objective, space, n, generator, better=lambda value, best: value < best)


@replaces("random_search")
def random_nan_wins(objective, space, n, generator):
    """A NaN took the place of a number: a comparison that says "not larger" is true of NaN. A run that came to grief must never win."""
    return _search(
        objective, space, n, generator, better=lambda value, best: not math.isnan(best) and not value >= best
    )


@replaces("random_search")
def random_nan_is_infinity(objective, space, n, generator):
    """NaN was turned into infinity, or counted as equal to it. A true infinity is better than NaN, and where all are NaN the value is NaN."""
    return _search(
        objective, space, n, generator, convert=lambda value: math.inf if math.isnan(value) else float(value)
    )


@replaces("random_search")
def random_starts_from_infinity(objective, space, n, generator):
    """The best one began as nothing, with a value of infinity, and only a smaller value could replace it. Where every trial is infinite or NaN no config is found at all. Begin with the first trial."""
    right.random_search(lambda config: 0.0, space, n, torch.Generator())
    return _search(objective, space, n, generator, start=({}, math.inf), better=lambda value, best: value < best)


@replaces("random_search")
def random_only_the_config(objective, space, n, generator):
    """Only the config was returned. Its value is wanted beside it, as the second of two."""
    return _search(objective, space, n, generator)[0], math.nan


@replaces("random_search")
def random_asks_the_best_again(objective, space, n, generator):
    """The objective was asked once more for the best config. A trial may take hours and scatter: keep the value that it gave, and ask n times in all."""
    config, _ = _search(objective, space, n, generator)
    return config, float(objective(dict(config)))


@replaces("random_search")
def random_one_trial_too_few(objective, space, n, generator):
    """One trial is missing: the objective is to be asked n times."""
    right.random_search(lambda config: 0.0, space, n, torch.Generator())
    return _search(objective, space, max(n - 1, 1), generator)


@replaces("random_search")
def random_value_as_it_came(objective, space, n, generator):
    """The value was handed on in the kind in which it came: a tensor or an int. Make it a Python float."""
    return _search(objective, space, n, generator, convert=lambda value: value)


@replaces("random_search")
def random_hands_out_its_dict(objective, space, n, generator):
    """The objective got the very dict that is returned later, and changed it. Hand out a copy, and keep the config as it was drawn."""
    return _search(objective, space, n, generator, copy=lambda config: config)


@replaces("random_search")
def random_log_range_drawn_evenly(objective, space, n, generator):
    """On a "log" range the number itself was drawn evenly, so nearly all draws have the size of the upper end. Its logarithm is what has to be even."""
    return _search(objective, space, n, generator, draw=lambda values, source: _evenly(values, source))


def _evenly(values, generator):
    if isinstance(values, list):
        return _draw(values, generator)
    return _draw((*values[:2], "linear"), generator)


@replaces("random_search")
def random_log_without_the_way_back(objective, space, n, generator):
    """The logarithm was drawn evenly but not turned back into a number, so values lie outside of the range."""

    def draw(values, source):
        value = _draw(values, source)
        return math.log(value) if isinstance(values, tuple) and values[2] == "log" else value

    return _search(objective, space, n, generator, draw=draw)


@replaces("random_search")
def random_range_as_a_list(objective, space, n, generator):
    """Of a range only the two ends were drawn, as if it were a list of two. Everything between low and high is possible."""

    def draw(values, source):
        return _draw(values if isinstance(values, list) else [float(value) for value in values[:2]], source)

    return _search(objective, space, n, generator, draw=draw)


@replaces("random_search")
def random_whole_numbers(objective, space, n, generator):
    """Ranges gave whole numbers. A range means every float between low and high; whole numbers are written as a list."""

    def draw(values, source):
        value = _draw(values, source)
        return float(round(value)) if isinstance(values, tuple) and values[1] - values[0] > 1.5 else value

    return _search(objective, space, n, generator, draw=draw)


@replaces("random_search")
def random_forgets_low(objective, space, n, generator):
    """A linear range was drawn from zero to high, or from zero to its width: low was left out."""

    def draw(values, source):
        if isinstance(values, tuple) and values[2] == "linear":
            return _share(source) * (values[1] - values[0])
        return _draw(values, source)

    return _search(objective, space, n, generator, draw=draw)


@replaces("random_search")
def random_never_the_last_entry(objective, space, n, generator):
    """The last entry of a list is never drawn. The upper bound of torch.randint is excluded already, so no one has to be taken off."""

    def draw(values, source):
        if isinstance(values, list):
            return values[int(torch.randint(max(len(values) - 1, 1), (), generator=source))]
        return _draw(values, source)

    return _search(objective, space, n, generator, draw=draw)


@replaces("random_search")
def random_rounds_to_an_index(objective, space, n, generator):
    """The first and the last entry of a list are drawn half as often as the others: a number between 0 and the last index was rounded, and the ends get only half an interval each."""

    def draw(values, source):
        if isinstance(values, list):
            return values[round(_share(source) * (len(values) - 1))]
        return _draw(values, source)

    return _search(objective, space, n, generator, draw=draw)


@replaces("random_search")
def random_takes_some_lists_for_ranges(objective, space, n, generator):
    """A list that happens to hold two numbers and "log" was taken for a range. What tells them apart is the kind: a list is a list, whatever is in it, and only a tuple is a range."""
    turned = {}
    for name, values in space.items():
        ranged = isinstance(values, list) and len(values) == 3 and values[2] in ("linear", "log")
        turned[name] = tuple(values) if ranged else values
    return right.random_search(objective, turned, n, generator)


@replaces("random_search")
def random_triangle(objective, space, n, generator):
    """The middle of a range is drawn more often than its ends: two random numbers were averaged. One is enough, and it is even."""
    return _search(objective, space, n, generator, draw=lambda values, source: _triangle(values, source))


def _triangle(values, generator):
    if isinstance(values, list):
        return _draw(values, generator)
    share, log = (_share(generator) + _share(generator)) / 2, values[2] == "log"
    low, high = (math.log(end) if log else end for end in values[:2])
    value = (1 - share) * low + share * high
    return _clipped(math.exp(value) if log else value, values)


@replaces("random_search")
def random_bell_shaped(objective, space, n, generator):
    """Draws on a linear range pile up in the middle: a normal distribution was used, cut off at the ends. Every place of the range is to be equally likely."""

    def draw(values, source):
        if isinstance(values, list) or values[2] == "log":
            return _draw(values, source)
        return sum(_draw(values, source) for _ in range(12)) / 12

    return _search(objective, space, n, generator, draw=draw)


@replaces("random_search")
def random_wide_ranges_overflow(objective, space, n, generator):
    """A range that is as wide as floats are overflowed: high - low, or high divided by low, is infinite there although both ends are finite. Mix the ends (or their logarithms) with two shares that sum to 1."""

    def draw(values, source):
        if isinstance(values, list):
            return _draw(values, source)
        low, high, scale = values
        share = _share(source)
        if scale == "log":
            quotient = high / low if low > 1e-200 else math.inf
            return low * quotient**share
        return low + share * (high - low)

    return _search(objective, space, n, generator, draw=draw)


@replaces("random_search")
def random_rounding_leads_out(objective, space, n, generator):
    """Some draws lie a hair outside of their range: exp(log(x)) is not exactly x. Clip what was computed to low and high."""

    def draw(values, source):
        if isinstance(values, list) or values[2] == "linear":
            return _draw(values, source)
        low, high, share = math.log(values[0]), math.log(values[1]), _share(source)
        return math.exp(low + share * (high - low)) * (1 + 4e-16)

    return _search(objective, space, n, generator, draw=draw)


@replaces("random_search")
def random_one_draw_for_all_names(objective, space, n, generator):
    """All names of a config share one random number, so the trials lie on a diagonal of the space. Draw for each name by itself."""
    right.random_search(lambda config: 0.0, space, n, torch.Generator())
    best = None
    for _ in range(n):
        seed = int(torch.randint(2**40, (), generator=generator))
        config = _sample(space, None, lambda values, _: _draw(values, torch.Generator().manual_seed(seed)))
        value = float(objective(dict(config)))
        if best is None or _better(value, best[1]):
            best = config, value
    return best


@replaces("random_search")
def random_the_same_trial_again(objective, space, n, generator):
    """The config was drawn once, before the loop, and tried n times. Draw anew for each trial."""
    right.random_search(lambda config: 0.0, space, n, torch.Generator())
    drawn = _sample(space, generator, _draw)
    fixed = {name: [value] for name, value in drawn.items()}
    return _search(objective, fixed, n, generator)


@replaces("random_search")
def random_in_a_row(objective, space, n, generator):
    """Ranges were gone through from low to high in even steps from a random start. That is a grid: each trial is to be drawn independently of the others."""
    right.random_search(lambda config: 0.0, space, n, torch.Generator())
    starts, count, best = {name: _share(generator) for name in space}, 0, None
    for count in range(n):
        config = {}
        for name, values in space.items():
            share = (starts[name] + count / n) % 1.0
            if isinstance(values, list):
                config[name] = _draw(values, generator)
            elif values[2] == "log":
                config[name] = _clipped(
                    math.exp((1 - share) * math.log(values[0]) + share * math.log(values[1])), values
                )
            else:
                config[name] = _clipped((1 - share) * values[0] + share * values[1], values)
        value = float(objective(dict(config)))
        if best is None or _better(value, best[1]):
            best = config, value
    return best


@replaces("random_search")
def random_spread_on_purpose(objective, space, n, generator):
    """The trials were spread: each range was cut into n parts, and each part got one trial. That is a good method (a Latin hypercube), but another one: here no trial knows of the others, so some parts get two and some none."""
    right.random_search(lambda config: 0.0, space, n, torch.Generator())
    parts = {name: torch.randperm(n, generator=generator).tolist() for name in space}
    best = None
    for i in range(n):
        config = {}
        for name, values in space.items():
            share = (parts[name][i] + _share(generator)) / n
            if isinstance(values, list):
                config[name] = values[int(share * len(values))]
            else:
                low, high = (math.log(end) if values[2] == "log" else end for end in values[:2])
                value = (1 - share) * low + share * high
                config[name] = _clipped(math.exp(value) if values[2] == "log" else value, values)
        value = float(objective(dict(config)))
        if best is None or _better(value, best[1]):
            best = config, value
    return best


@replaces("random_search")
def random_without_putting_back(objective, space, n, generator):
    """An entry of a list did not come again before all others had come: it was taken out, as in a draw without putting back. Each trial draws from the whole list."""
    left = {}

    def draw(values, source):
        if not isinstance(values, list):
            return _draw(values, source)
        order = left.get(id(values)) or torch.randperm(len(values), generator=source).tolist()
        left[id(values)] = order[1:]
        return values[order[0]]

    return _search(objective, space, n, generator, draw=draw)


@replaces("random_search")
def random_seeds_pythons_own_source(objective, space, n, generator):
    """A seed was taken from generator, and Python's global source was seeded with it. A training that seeds the same source then makes all later trials alike. Take a source of your own, or the generator itself."""
    right.random_search(lambda config: 0.0, space, n, torch.Generator())
    random.seed(int(torch.randint(2**40, (), generator=generator)))

    def draw(values, _):
        if isinstance(values, list):
            return random.choice(values)
        share, log = random.random(), values[2] == "log"
        low, high = (math.log(end) if log else end for end in values[:2])
        value = (1 - share) * low + share * high
        return _clipped(math.exp(value) if log else value, values)

    return _search(objective, space, n, generator, draw=draw)


@replaces("random_search")
def random_compares_in_float32(objective, space, n, generator):
    """The values were gathered in a tensor of float32. There, losses that differ in the twelfth digit are equal, and everything beyond 3.4e38 is infinite. Compare Python floats, or use float64."""

    def better(value, best):
        both = torch.tensor([value, best]).tolist()
        return _better(*both)

    return _search(objective, space, n, generator, better=better)


def _clipped(value, values):
    return float(min(max(value, values[0]), values[1]))


@replaces("random_search")
def random_without_the_generator(objective, space, n, generator):
    """The numbers came from Python's random module, so the same seed does not give the same search. Take all randomness from the generator that is passed in."""
    own = torch.Generator().manual_seed(random.SystemRandom().randrange(2**40))
    return right.random_search(objective, space, n, own)


@replaces("random_search")
def random_from_the_global_source(objective, space, n, generator):
    """The numbers came from PyTorch's global source, because generator was not handed on. The search cannot be repeated, and it disturbs whoever uses that source."""
    return right.random_search(objective, space, n, torch.default_generator)


@replaces("random_search")
def random_seeded_anew(objective, space, n, generator):
    """Every search with one generator is the same: it was set back to its seed first. A generator goes on where it stands."""
    own = torch.Generator().manual_seed(generator.initial_seed())
    return right.random_search(objective, space, n, own)


@replaces("random_search")
def random_refuses_nothing(objective, space, n, generator):
    """Unusable spaces and numbers of trials passed, or failed only once the objective had been asked. See first that n is 1 or more, and that every entry of the space can be drawn from."""

    def draw(values, source):
        try:
            right._require_drawable("", values)
        except ValueError:
            return None
        return _draw(values, source)

    return _search(objective, space, n, generator, ready=False, draw=draw)


@replaces("random_search")
def random_refuses_too_late(objective, space, n, generator):
    """An unusable space was noticed only after a trial had been paid for. See to everything before the objective is asked."""
    if n < 1:
        raise ValueError("n")
    objective({})
    return right.random_search(objective, space, n, generator)


@replaces("random_search")
def random_reversed_range_passes(objective, space, n, generator):
    """A range with low above high was turned round or drawn from as it is. It is a slip of the caller's: raise a ValueError."""
    turned = {
        name: (min(values[:2]), max(values[:2]), values[2])
        if isinstance(values, tuple) and len(values) == 3
        else values
        for name, values in space.items()
    }
    return right.random_search(objective, turned, n, generator)


@replaces("random_search")
def random_unknown_scale_is_linear(objective, space, n, generator):
    """Another word than "linear" or "log" was taken for one of the two. A misspelled scale has to be refused."""
    known = {
        name: (*values[:2], "log" if values[2] == "log" else "linear")
        if isinstance(values, tuple) and len(values) == 3
        else values
        for name, values in space.items()
    }
    return right.random_search(objective, known, n, generator)


@replaces("random_search")
def random_refuses_a_point(objective, space, n, generator):
    """A range with low equal to high was refused. It has exactly one value, and that can be drawn."""
    for values in space.values():
        if isinstance(values, tuple) and len(values) == 3 and values[0] == values[1]:
            raise ValueError("low < high is needed")
    return right.random_search(objective, space, n, generator)


# ── successive_halving ──


def _ready(configs, min_budget, eta):
    if not configs or min_budget < 1 or eta < 2:
        raise ValueError("configs, min_budget or eta")


def _halve(objective, configs, min_budget, eta, key=_nan_last, keep=None, grow=None, last=None, order=sorted):
    _ready(configs, min_budget, eta)
    keep = keep or (lambda n: n // eta)
    grow = grow or (lambda budget: budget * eta)
    left, budget = list(range(len(configs))), min_budget
    while True:
        values = {i: float(objective(configs[i], budget)) for i in left}
        ranked = sorted(left, key=lambda i: key(values[i]))
        count = keep(len(left))
        if count == 0 or (last and last(len(left))):
            return configs[ranked[0]], values[ranked[0]]
        left, budget = order(ranked[:count]), grow(budget)


@replaces("successive_halving")
def halving_keeps_the_worst(objective, configs, min_budget, eta=2):
    """The configs with the highest values went on. The objective says how bad a config is: lower is better."""
    return _halve(objective, configs, min_budget, eta, key=lambda value: _nan_last(-value))


@replaces("successive_halving")
def halving_rounds_up(objective, configs, min_budget, eta=2):
    """Too many went on: the share was rounded up. Of k configs k // eta stay, which is rounded down."""
    return _halve(objective, configs, min_budget, eta, keep=lambda n: math.ceil(n / eta) if n > 1 else 0)


@replaces("successive_halving")
def halving_drops_only_a_share(objective, configs, min_budget, eta=2):
    """One in eta was dropped, and the others went on. It is the other way round: one in eta goes on."""
    return _halve(objective, configs, min_budget, eta, keep=lambda n: n - max(n // eta, 1))


@replaces("successive_halving")
def halving_always_by_two(objective, configs, min_budget, eta=2):
    """The number of configs was halved whatever eta is. Of k configs k // eta go on."""
    return _halve(objective, configs, min_budget, eta, keep=lambda n: n // 2)


@replaces("successive_halving")
def halving_budget_always_doubled(objective, configs, min_budget, eta=2):
    """The budget was doubled whatever eta is. It grows by the factor eta, so that every round costs about the same."""
    return _halve(objective, configs, min_budget, eta, grow=lambda budget: budget * 2)


@replaces("successive_halving")
def halving_budget_stays(objective, configs, min_budget, eta=2):
    """Every round had the first budget. The point of dropping configs is to spend more on those that are left."""
    return _halve(objective, configs, min_budget, eta, grow=lambda budget: budget)


@replaces("successive_halving")
def halving_budget_added(objective, configs, min_budget, eta=2):
    """The budget grew by the same amount in each round. It is multiplied by eta each time."""
    return _halve(objective, configs, min_budget, eta, grow=lambda budget: budget + min_budget)


@replaces("successive_halving")
def halving_budget_is_what_is_new(objective, configs, min_budget, eta=2):
    """The objective was given only what a round adds to the budget. Budget means the total with which a config is tried."""
    _ready(configs, min_budget, eta)
    return _halve(
        lambda config, budget: objective(config, budget - budget // eta if budget > min_budget else budget),
        configs,
        min_budget,
        eta,
    )


@replaces("successive_halving")
def halving_stops_at_one(objective, configs, min_budget, eta=2):
    """The search ended as soon as one config was left, without trying it with the larger budget. Its value is then that of the round before."""
    return _halve(objective, configs, min_budget, eta, last=lambda n: n // eta == 1 or n == 1)


@replaces("successive_halving")
def halving_goes_on_with_one(objective, configs, min_budget, eta=2):
    """A last config was always tried once more, even where k // eta was zero. Then there is no next round: the best of this one is the result."""
    return _halve(objective, configs, min_budget, eta, keep=lambda n: max(n // eta, 1) if n > 1 else 0)


@replaces("successive_halving")
def halving_one_round(objective, configs, min_budget, eta=2):
    """After one round the best was returned. The better ones are to go on, round after round, with more budget."""
    return _halve(objective, configs, min_budget, eta, keep=lambda n: 0)


@replaces("successive_halving")
def halving_best_of_all_rounds(objective, configs, min_budget, eta=2):
    """The lowest value of all rounds won, or values of different rounds were compared. Only values of one budget can be compared, so the last round decides."""
    seen = []

    def watched(config, budget):
        value = float(objective(config, budget))
        seen.append((_nan_last(value), len(seen), config, value))
        return value

    _halve(watched, configs, min_budget, eta)
    return min(seen, key=lambda one: one[:2])[2:]


@replaces("successive_halving")
def halving_ranks_once(objective, configs, min_budget, eta=2):
    """The configs were ranked after the first round, and that order decided all later ones. Each round ranks by its own values: that is what the larger budget is for."""
    _ready(configs, min_budget, eta)
    values = [float(objective(config, min_budget)) for config in configs]
    ranked = sorted(range(len(configs)), key=lambda i: (_nan_last(values[i]), i))
    budget, value = min_budget, values[ranked[0]]
    while len(ranked) >= eta:
        ranked, budget = ranked[: len(ranked) // eta], budget * eta
        value = [float(objective(configs[i], budget)) for i in ranked][0]
    return configs[ranked[0]], value


@replaces("successive_halving")
def halving_everything_to_the_end(objective, configs, min_budget, eta=2):
    """Every config was tried with the largest budget, and the best taken. That is safe, and it is what halving is there to avoid paying."""
    _ready(configs, min_budget, eta)
    budget, n = min_budget, len(configs)
    while n >= eta:
        n, budget = n // eta, budget * eta
    values = [float(objective(config, budget)) for config in configs]
    best = min(range(len(configs)), key=lambda i: _nan_last(values[i]))
    return configs[best], values[best]


@replaces("successive_halving")
def halving_last_of_equals(objective, configs, min_budget, eta=2):
    """Of equal values the last ones went on. Those that stand first in configs are the better ones."""
    turned = list(configs)[::-1]
    return _halve(objective, turned, min_budget, eta)


@replaces("successive_halving")
def halving_ties_by_the_last_ranking(objective, configs, min_budget, eta=2):
    """In later rounds, ties went by the ranking of the round before. They go by the place in configs: bring those that are left back into that order."""
    return _halve(objective, configs, min_budget, eta, order=list)


@replaces("successive_halving")
def halving_sorts_with_nan(objective, configs, min_budget, eta=2):
    """Values with a NaN among them were sorted as they are. Every comparison with NaN is false, so the order that comes out is an accident. Give NaN a place of its own: last."""
    return _halve(objective, configs, min_budget, eta, key=lambda value: value)


def _halve_by(objective, configs, min_budget, eta, order):
    """As `_halve`, with the ranking of a whole round: order(values) → places in the round, the best first."""
    _ready(configs, min_budget, eta)
    left, budget = list(range(len(configs))), min_budget
    while True:
        values = [float(objective(configs[i], budget)) for i in left]
        ranked = order(values)
        if len(left) < eta:
            return configs[left[ranked[0]]], values[ranked[0]]
        left, budget = sorted(left[k] for k in ranked[: len(left) // eta]), budget * eta


@replaces("successive_halving")
def halving_sorts_in_any_order(objective, configs, min_budget, eta=2):
    """Among many configs the order of equal values is an accident: np.argsort, torch.argsort and topk keep it only if they are asked for a stable sort. Python's own sort always does."""
    return _halve_by(
        objective, configs, min_budget, eta, lambda values: np.argsort(np.array(values), kind="heapsort").tolist()
    )


@replaces("successive_halving")
def halving_compares_in_float32(objective, configs, min_budget, eta=2):
    """The values were ranked in a tensor of float32. There, losses that differ in the twelfth digit are equal, and everything beyond 3.4e38 is infinite. Rank Python floats, or use float64."""
    return _halve_by(
        objective, configs, min_budget, eta, lambda values: torch.argsort(torch.tensor(values), stable=True).tolist()
    )


@replaces("successive_halving")
def halving_counts_rounds_by_logarithm(objective, configs, min_budget, eta=2):
    """The number of rounds was computed as a logarithm and cut to a whole number. Rounding makes the logarithm of 243 to the base 3 a little less than 5, so a round is missing. Ask after each round whether another one follows."""
    _ready(configs, min_budget, eta)
    rounds, done = int(math.log(len(configs), eta)), []
    return _halve(objective, configs, min_budget, eta, last=lambda n: done.append(n) or len(done) > rounds)


@replaces("successive_halving")
def halving_nan_first(objective, configs, min_budget, eta=2):
    """Runs that came to grief went on, as if NaN were the lowest number. They are the worst."""
    return _halve(objective, configs, min_budget, eta, key=lambda value: (not math.isnan(value), _nan_last(value)))


@replaces("successive_halving")
def halving_drops_nan_at_once(objective, configs, min_budget, eta=2):
    """Configs with NaN were taken out before the share was counted, so fewer went on. Of all that were tried, k // eta go on, and NaN merely ranks last among them."""
    _ready(configs, min_budget, eta)
    left, budget = list(range(len(configs))), min_budget
    while True:
        values = {i: float(objective(configs[i], budget)) for i in left}
        fine = [i for i in left if not math.isnan(values[i])] or left
        ranked = sorted(fine, key=lambda i: _nan_last(values[i]))
        if len(fine) < eta:
            return configs[ranked[0]], values[ranked[0]]
        left, budget = sorted(ranked[: len(fine) // eta]), budget * eta


@replaces("successive_halving")
def halving_without_doubles(objective, configs, min_budget, eta=2):
    """Configs that are equal were merged into one. Each place in configs is tried for itself."""
    single = []
    for config in configs:
        if config not in single:
            single.append(config)
    return _halve(objective, single, min_budget, eta)


@replaces("successive_halving")
def halving_asks_again(objective, configs, min_budget, eta=2):
    """The winner was tried once more at the end for its value. A trial at the largest budget is the dearest one: keep the value that it gave."""
    budgets = []

    def watched(config, budget):
        budgets.append(budget)
        return objective(config, budget)

    config, _ = _halve(watched, configs, min_budget, eta)
    return config, float(objective(config, budgets[-1]))


@replaces("successive_halving")
def halving_value_as_it_came(objective, configs, min_budget, eta=2):
    """The value was handed on as the tensor that the objective gave. Make it a Python float."""
    found = {}

    def watched(config, budget):
        value = objective(config, budget)
        found[float(value)] = value
        return value

    config, value = _halve(watched, configs, min_budget, eta)
    return config, found.get(value, value)


@replaces("successive_halving")
def halving_empties_the_list(objective, configs, min_budget, eta=2):
    """The search is right, but configs was changed: what was dropped is missing there. It belongs to the caller."""
    _ready(configs, min_budget, eta)
    found = _halve(objective, list(configs), min_budget, eta)
    if isinstance(configs, list):
        del configs[1:]
    return found


@replaces("successive_halving")
def halving_eta_of_one_passes(objective, configs, min_budget, eta=2):
    """An eta of 1 or less was not refused. With 1 everybody goes on for ever: raise a ValueError below 2."""
    if not configs or min_budget < 1:
        raise ValueError("configs or min_budget")
    return _halve(objective, configs, min_budget, max(eta, 2))


@replaces("successive_halving")
def halving_no_budget_passes(objective, configs, min_budget, eta=2):
    """A budget of zero or less was not refused. Nothing can be tried with it: raise a ValueError below 1."""
    return _halve(objective, configs, max(min_budget, 1), eta)


@replaces("successive_halving")
def halving_no_configs_are_none(objective, configs, min_budget, eta=2):
    """Without configs something was returned, or another error came. There is no best of none: raise a ValueError."""
    if not configs:
        return None, math.nan
    return _halve(objective, configs, min_budget, eta)
