"""What is tried with grid, random_search and successive_halving, from small to large.

Draws may be made in any order, so what is compared after random draws is either their distribution or the place of the
returned config among those that were asked. Within a round of halving the order of the calls is free: they are sorted.
"""

import math

import numpy as np
import torch

NAN = math.nan
WIDE = {"x": (0.0, 1.0, "linear"), "y": (1.0, 10.0, "log")}


# ── grid ──


def grid_of_two_names(my, rng):
    return my.grid({"rate": rng.normal(2).tolist(), "beta": rng.normal(3).tolist()})


def grid_in_order(my, rng):
    return my.grid({"size": rng.tokens(3, 9), "act": ["tanh", "relu"], "bias": [True, False], "cut": [0.5]})


def grid_of_little(my, rng):
    return [
        my.grid({}),
        my.grid({"only": rng.tokens(4, 100)}),
        my.grid({"one": [rng.integer(0, 9)]}),
        my.grid({"a": [1, 2], "none": [], "b": [3]}),
        my.grid({"none": []}),
    ]


def grid_of_all_kinds(my, rng):
    number = rng.integer(2, 900)
    return my.grid({"layers": [[number, 4], [], [8]], "text": ["ab", None, ""], "twice": [number, number]})


def grid_of_many_names(my, rng):
    space = {rng.text(4) + str(i): rng.tokens(2, 100) for i in range(7)}
    return my.grid({**space, "last": [1]})


def grid_dicts_of_their_own(my, rng):
    space = {"a": rng.tokens(2, 50), "b": rng.tokens(3, 50)}
    found = my.grid(space)
    found[1]["a"], found[4]["b"] = -1, -2
    found[0].pop("b")
    return [found, space]


def grid_refuses(my, rng):
    wrong = ["abc", 3, (0.1, 1.0, "log"), (1, 2), None]
    return [rng.attempt(my.grid, {"fine": [1], "wrong": values}) for values in wrong]


def grid_refuses_what_looks_like_a_list(my, rng):
    wrong = [range(3), {1, 2}, {"a": 1}, torch.tensor([1.0, 2.0]), np.arange(2), iter([1, 2]), b"ab"]
    return [rng.attempt(my.grid, {"fine": [1], "wrong": values}) for values in wrong]


def grid_refuses_behind_an_empty_list(my, rng):
    return [rng.attempt(my.grid, {"none": [], "wrong": "abc"}), rng.attempt(my.grid, {"wrong": (1, 2), "none": []})]


# ── random_search ──


def _shuffled(rng, n):
    return torch.argsort(rng.uniform(n)).tolist()


class _Asked:
    """An objective that remembers what it was asked; its values come from a list, or from a function of the config."""

    def __init__(self, values, spoil=False):
        self.values, self.spoil, self.configs = values, spoil, []

    def __call__(self, config, *budget):
        self.configs.append(dict(config))
        value = self.values(config) if callable(self.values) else self.values[len(self.configs) - 1]
        if self.spoil:
            config.clear()
            config["spoiled"] = True
        return value


def _place(my, rng, values, space=WIDE, spoil=False):
    """The place of the config that won among those asked, its value, and how many were asked."""
    objective = _Asked(values, spoil)
    config, value = my.random_search(objective, dict(space), len(values), rng.generator())
    same = [asked == config for asked in objective.configs]
    return [same.index(True) if True in same else "never asked", value, len(same)]


def _drawn(my, rng, space, n):
    objective = _Asked(lambda config: 0.0)
    my.random_search(objective, space, n, rng.generator())
    return objective.configs


def random_finds_the_lowest(my, rng):
    return [_place(my, rng, (rng.normal(n) * 3).tolist()) for n in (2, 5, 9, 14)]


def random_close_and_huge_values(my, rng):
    """Values that differ in the twelfth digit, and trainings that blew up: float32 can tell neither apart."""
    places = _shuffled(rng, 6)
    return [
        _place(my, rng, [1 + 1e-12 * k for k in places]),
        _place(my, rng, [10.0 ** (50 + k) for k in places]),
        _place(my, rng, [-(10.0 ** (50 + k)) for k in places]),
    ]


def random_first_of_equals(my, rng):
    low = rng.integer(-500, 500)
    return [_place(my, rng, [low + 1, low, low + 2, low, low]), _place(my, rng, [0.0] * 4)]


def random_with_nan(my, rng):
    number = rng.integer(1, 900) + 0.5
    scripts = (
        [NAN, number, number + 1],
        [number + 1, NAN, number, NAN],
        [NAN, NAN, -number],
        [NAN, math.inf, NAN],
        [NAN, NAN, NAN],
        [math.inf, math.inf],
        [number, -math.inf, NAN],
    )
    return [_place(my, rng, script) for script in scripts]


def random_one_trial(my, rng):
    return [
        _place(my, rng, [rng.integer(-500, 500) + 0.5]),
        my.random_search(lambda config: len(config), {}, 3, rng.generator()),
    ]


def random_value_is_a_float(my, rng):
    half = rng.integer(1, 1000) + 0.5
    tensors = [torch.tensor(half + 2), torch.tensor([half]), torch.tensor(NAN)]
    found = [_place(my, rng, values) for values in (tensors, [3, 2, 4], [torch.tensor(7), 9])]
    return [[place, type(value).__name__, value] for place, value, _ in found]


def random_config_that_is_spoiled(my, rng):
    return _place(my, rng, rng.normal(6).tolist(), spoil=True)


def _near(count, n, chance):
    """Is this many of n what independent events of that chance give? Wrongly no: about once in ten thousand million."""
    return abs(count - n * chance) <= 6.5 * math.sqrt(n * chance * (1 - chance))


def random_list_is_drawn_evenly(my, rng):
    drawn = [one["x"] for one in _drawn(my, rng, {"x": ["a", "b", "c"]}, 900)]
    return [rng.integer(0, 1000), *(_near(drawn.count(value), 900, 1 / 3) for value in "abc")]


def random_list_of_all_kinds(my, rng):
    values = [[rng.integer(2, 1000), 4], None, "relu", (1, 2), {"a": 1}]
    drawn = _drawn(my, rng, {"x": values, "y": ["one"]}, 120)
    return [values, [value in [one["x"] for one in drawn] for value in values], all(one["y"] == "one" for one in drawn)]


def random_list_that_looks_like_a_range(my, rng):
    values = [1, rng.integer(5, 1000), "log"]
    drawn = [one["x"] for one in _drawn(my, rng, {"x": values}, 60)]
    return [values, [value in drawn for value in values], all(value in values for value in drawn)]


def random_linear_distribution(my, rng):
    return torch.tensor([one["x"] for one in _drawn(my, rng, {"x": (-3, 5, "linear")}, 300)])


def random_log_distribution(my, rng):
    return torch.tensor([math.log(one["x"]) for one in _drawn(my, rng, {"x": (1e-5, 2.0, "log")}, 300)])


def random_mean_and_spread(my, rng):
    """Of the share of its range at which each draw lies: 1/2, and 1/12 as the mean squared distance from it."""
    drawn, found = _drawn(my, rng, {"x": (-3, 5, "linear"), "y": (0.01, 100.0, "log")}, 300), [rng.integer(0, 1000)]
    for shares in ([(one["x"] + 3) / 8 for one in drawn], [math.log10(one["y"]) / 4 + 0.5 for one in drawn]):
        mean, spread = sum(shares) / 300, sum((share - 0.5) ** 2 for share in shares) / 300
        found += [
            abs(mean - 1 / 2) < 6.5 * math.sqrt(1 / 12 / 300),
            abs(spread - 1 / 12) < 6.5 * math.sqrt(1 / 180 / 300),
        ]
    return found


def _upper(my, rng, n):
    """Two ranges and two lists: for each trial and name, is the draw in the upper half?"""
    lists = {"a": [0.0, 1.0], "b": [0.0, 0.3, 0.6, 0.9]}
    drawn = _drawn(my, rng, {"x": (0.0, 1.0, "linear"), "y": (1.0, 100.0, "log"), **lists}, n)
    return [[one["x"] > 0.5, one["y"] > 10, one["a"] > 0.5, one["b"] > 0.5] for one in drawn]


def random_names_are_independent(my, rng):
    upper = _upper(my, rng, 100)
    pairs = [(i, j) for j in range(4) for i in range(j)]
    return [rng.integer(0, 1000), *(_near(sum(row[i] == row[j] for row in upper), 100, 1 / 2) for i, j in pairs)]


def random_trials_are_independent(my, rng):
    upper = _upper(my, rng, 241)
    same = [sum(a[i] == b[i] for a, b in zip(upper, upper[1:])) for i in range(4)]
    return [rng.integer(0, 1000), *(_near(count, 240, 1 / 2) for count in same)]


def random_trials_meet_by_chance(my, rng):
    """64 independent draws leave some of 64 equal parts of a range empty, and miss some of 64 entries of a list."""
    space = {"x": (0.0, 1.0, "linear"), "y": (1.0, math.e, "log"), "z": list(range(64))}
    drawn = _drawn(my, rng, space, 64)
    parts = [{int(one["x"] * 64) for one in drawn}, {int(math.log(one["y"]) * 64) for one in drawn}]
    return [rng.integer(0, 1000), *(len(part) < 63 for part in (*parts, {one["z"] for one in drawn}))]


def random_objective_that_seeds(my, rng):
    """A training that seeds Python's, NumPy's and PyTorch's own sources, as many do, must not repeat the search."""
    import random

    states, asked = (random.getstate(), np.random.get_state(), torch.random.get_rng_state()), []

    def objective(config):
        asked.append(config["x"])
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)
        return config["x"]

    try:
        my.random_search(objective, {"x": (0.0, 1.0, "linear")}, 6, rng.generator())
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.random.set_rng_state(states[2])
    return [rng.integer(0, 1000), len(set(asked))]


def random_extreme_ranges(my, rng):
    ranges = [
        (1e-300, 1e300, "log"),
        (-1e308, 1e308, "linear"),
        (0.1, 0.1, "log"),
        (0.1, 0.1, "linear"),
        (1e-7, 1e-7 * (1 + 1e-15), "log"),
        (0, 0, "linear"),
        (3, 4, "log"),
    ]
    point = rng.integer(1, 1000) / 7
    ranges.append((point, point, "log"))
    found = [point]
    for low, high, scale in ranges:
        drawn = [one["x"] for one in _drawn(my, rng, {"x": (low, high, scale)}, 12)]
        inside = all(low <= value <= high for value in drawn)
        found.append(
            [inside, {type(value).__name__ for value in drawn} == {"float"}, high - low < 1e-3 or len(set(drawn)) > 1]
        )
    return found


def random_from_its_generator(my, rng):
    state, generators = torch.random.get_rng_state(), [rng.generator() for _ in range(2)]
    generators.append(torch.Generator().manual_seed(generators[0].initial_seed()))
    space = {"x": (0.0, 1.0, "linear"), "y": list(range(1000))}
    first, other, again = (my.random_search(lambda config: config["x"], space, 4, one) for one in generators)
    more = my.random_search(lambda config: config["x"], space, 4, generators[0])
    unmoved = torch.equal(state, torch.random.get_rng_state())
    return [rng.integer(0, 1000), first == again, first == other, first == more, unmoved]


def _never(*_):
    raise RuntimeError("asked before everything was seen to be in order")


def _spaces_refused(my, rng, entries):
    return [rng.attempt(my.random_search, _never, {"y": [1], "x": one}, 2, rng.generator()) for one in entries]


def random_refuses_reversed_ranges(my, rng):
    return _spaces_refused(my, rng, [(2.0, 1.0, "linear"), (2.0, 1.0, "log"), (-1.0, -2.0, "linear")])


def random_refuses_scales(my, rng):
    return _spaces_refused(my, rng, [(1.0, 2.0, "cubic"), (1.0, 2.0, ""), (1.0, 2.0, None)])


def random_refuses_logarithms(my, rng):
    return _spaces_refused(my, rng, [(0.0, 1.0, "log"), (-1.0, 1.0, "log"), (-2.0, -1.0, "log")])


def random_refuses_what_looks_like_a_list(my, rng):
    return _spaces_refused(my, rng, [range(3), {1, 2}, {"a": 1}, torch.tensor([1.0, 2.0]), np.arange(3), "abc"])


def random_refuses_the_rest(my, rng):
    answers = _spaces_refused(my, rng, [(1.0, 2.0), (1.0, 2.0, "log", 3), ("relu", "tanh"), [], (), 3, None])
    return answers + [rng.attempt(my.random_search, _never, {"x": [1]}, n, rng.generator()) for n in (0, -3)]


# ── successive_halving ──


def _halved(my, curve, configs, *settings):
    """What was asked, sorted, and what was returned, for an objective that is a function of config and budget."""
    calls = []

    def objective(config, budget):
        calls.append((budget, config))
        return curve(config, budget)

    config, value = my.successive_halving(objective, configs, *settings)
    return [sorted(calls), config, value]


def _curves(rng, n):
    """For each of n configs an end and a gap that shrinks with the budget: some that start well end badly."""
    ends, gaps = rng.normal(n).tolist(), (rng.uniform(n) * 6).tolist()
    return lambda config, budget: ends[config] + gaps[config] / budget


def halving_eight(my, rng):
    values = _shuffled(rng, 8)
    return _halved(my, lambda config, budget: values[config], list(range(8)), 1)


def halving_crossing_curves(my, rng):
    return [_halved(my, _curves(rng, n), list(range(n)), 3, 2) for n in (4, 8, 16)]


def halving_of_any_number(my, rng):
    return [_halved(my, _curves(rng, n), list(range(n)), 2, 2) for n in (1, 2, 3, 5, 7, 11)]


def halving_with_other_shares(my, rng):
    cases = ((9, 3), (10, 3), (8, 3), (2, 3), (3, 3), (4, 5), (16, 4), (21, 4))
    return [_halved(my, _curves(rng, n), list(range(n)), 5, eta) for n, eta in cases]


def halving_first_of_equals(my, rng):
    low = rng.integer(-500, 500)
    values = [low + 1, low, low, low + 2, low, low, low + 1, low]
    order = list(range(7, -1, -1))
    return [
        _halved(my, lambda config, budget: values[config], order, 1),
        _halved(my, lambda config, budget: 1.5, [5, 3, 6, 1, 2], 1),
    ]


def halving_ties_after_the_first_round(my, rng):
    first = [float(value) for value in _shuffled(rng, 8)]
    return _halved(my, lambda config, budget: first[config] if budget == 1 else 0.0, list(range(8)), 1)


def halving_many_ties(my, rng):
    """Sorts that keep the order of a few equals can lose it among many."""
    values = rng.tokens(96, 3)
    return _halved(my, lambda config, budget: float(values[config]), list(range(96)), 1)


def halving_close_and_huge_values(my, rng):
    places = _shuffled(rng, 8)
    return [
        _halved(my, lambda config, budget: 1 + 1e-12 * places[config], list(range(8)), 1),
        _halved(my, lambda config, budget: 10.0 ** (50 + places[config]), list(range(8)), 1),
    ]


def halving_three_to_the_fifth(my, rng):
    values = _shuffled(rng, 243)
    calls, config, value = _halved(my, lambda config, budget: values[config], list(range(243)), 1, 3)
    budgets = [budget for budget, _ in calls]
    return [{str(budget): budgets.count(budget) for budget in budgets}, config, value]


def halving_with_nan(my, rng):
    number = rng.integer(1, 900) + 0.5
    scripts = (
        [NAN, number, NAN, number + 1, math.inf, NAN, number + 2, NAN],
        [NAN, NAN, NAN, NAN],
        [NAN, math.inf, -math.inf, number],
        [NAN, NAN, NAN, math.inf, NAN],
    )
    return [_halved(my, lambda config, _: script[config], list(range(len(script))), 1) for script in scripts]


def halving_nan_later(my, rng):
    first = rng.normal(8).tolist()
    return _halved(my, lambda config, budget: first[config] if budget < 6 else NAN, list(range(8)), 3)


def halving_equal_configs(my, rng):
    factor = rng.integer(1, 1000)
    configs = [{"rate": rate * factor} for rate in (1, 2, 1, 2, 3)]
    calls = []

    def objective(config, budget):
        calls.append((budget, config["rate"]))
        return -config["rate"]

    config, value = my.successive_halving(objective, configs, 4)
    return [sorted(calls), config, value, configs]


def halving_a_noisy_objective(my, rng):
    """Each answer is lower than the last, so that whoever asks once more than needed returns another value."""
    top = rng.integer(100, 1000)
    noise, calls = iter(range(top, 0, -1)), []

    def objective(config, budget):
        calls.append(budget)
        return torch.tensor(float(next(noise)) if budget == 8 else float(config))

    config, value = my.successive_halving(objective, (3, 1, 2, 4, 0), 2)
    return [sorted(calls), config, value, type(value).__name__]


def halving_refuses_configs(my, rng):
    return [rng.attempt(my.successive_halving, _never, none, 1, 2) for none in ([], ())]


def halving_refuses_budgets(my, rng):
    return [rng.attempt(my.successive_halving, _never, [1, 2], budget, 2) for budget in (0, -1)]


def halving_refuses_eta(my, rng):
    return [rng.attempt(my.successive_halving, _never, configs, 1, eta) for configs in ([1, 2], [1]) for eta in (1, 0)]
