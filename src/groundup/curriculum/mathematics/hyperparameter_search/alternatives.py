"""Right answers in other styles: all of them must pass."""

import bisect
import functools
import heapq
import itertools
import math

import numpy as np
import torch

from groundup.authoring import replaces


def _lists(space):
    for name in space:
        if type(space[name]) is not list:
            raise ValueError(f"{name} needs a list")


# ── grid ──


@replaces("grid")
def grid_by_growing(space):
    _lists(space)
    found = [{}]
    for name, values in space.items():
        found = [{**config, name: value} for config in found for value in values]
    return found


@replaces("grid")
def grid_by_recursion(space):
    _lists(space)
    if not space:
        return [{}]
    (name, values), *rest = space.items()
    return [{name: value} | other for value in values for other in grid_by_recursion(dict(rest))]


@replaces("grid")
def grid_by_counting(space):
    _lists(space)
    total = math.prod(len(values) for values in space.values())
    found = []
    for number in range(total):
        config = {}
        for name in reversed(space):
            number, digit = divmod(number, len(space[name]))
            config[name] = space[name][digit]
        found.append(config)
    return found


@replaces("grid")
def grid_by_unraveling(space):
    _lists(space)
    shape = [len(values) for values in space.values()]
    return [{name: space[name][i] for name, i in zip(space, at)} for at in np.ndindex(*shape)]


@replaces("grid")
def grid_by_reduce(space):
    _lists(space)
    pairs = [[(name, value) for value in values] for name, values in space.items()]
    return list(map(dict, functools.reduce(lambda a, b: [(*x, y) for x in a for y in b], pairs, [()])))


@replaces("grid")
def grid_by_filling_columns(space):
    _lists(space)
    configs = [{} for _ in range(math.prod(map(len, space.values())))]
    block = len(configs)
    for name, values in space.items():
        block //= len(values) or 1
        for i, config in enumerate(configs):
            config[name] = values[i // block % len(values)]
    return configs


# ── random_search ──


def _check(space, n):
    if n < 1:
        raise ValueError("n")
    for values in space.values():
        if isinstance(values, list):
            if len(values) == 0:
                raise ValueError("nothing to choose from")
            continue
        if not isinstance(values, tuple) or len(values) != 3:
            raise ValueError("neither list nor range")
        low, high, scale = values
        if scale not in ("linear", "log") or low > high or (scale == "log" and low <= 0):
            raise ValueError("range")


def _between(values, share):
    low, high, scale = values
    if scale == "log":
        low, high = math.log10(low), math.log10(high)
    value = low + share * high - share * low
    return float(min(max(10**value if scale == "log" else value, values[0]), values[1]))


@replaces("random_search")
def random_all_drawn_first(objective, space, n, generator):
    _check(space, n)
    shares = torch.rand(n, max(len(space), 1), dtype=torch.float64, generator=generator).tolist()
    configs = []
    for row in shares:
        config = {}
        for (name, values), share in zip(space.items(), row):
            config[name] = values[int(share * len(values))] if isinstance(values, list) else _between(values, share)
        configs.append(config)
    results = [float(objective(config.copy())) for config in configs]
    order = sorted(range(n), key=lambda i: math.inf if math.isnan(results[i]) else results[i])
    numbers = [i for i in order if not math.isnan(results[i])]
    best = numbers[0] if numbers else 0
    return configs[best], results[best]


@replaces("random_search")
def random_by_columns(objective, space, n, generator):
    _check(space, n)
    columns = {}
    for name, values in space.items():
        if isinstance(values, list):
            columns[name] = [values[i] for i in torch.randint(0, len(values), (n,), generator=generator)]
        else:
            column = torch.empty(n, dtype=torch.float64).uniform_(0, 1, generator=generator)
            columns[name] = [_between(values, share) for share in column.tolist()]
    best, lowest = None, math.nan
    for i in range(n):
        config = {name: column[i] for name, column in columns.items()}
        value = float(objective(dict(config)))
        if best is None or value < lowest or (math.isnan(lowest) and not math.isnan(value)):
            best, lowest = config, value
    return best, lowest


@replaces("random_search")
def random_by_python(objective, space, n, generator):
    import random

    _check(space, n)
    dice = random.Random(int(torch.randint(2**62, (), generator=generator)))
    asked = []
    for _ in range(n):
        asked.append({})
        for name, values in space.items():
            asked[-1][name] = dice.choice(values) if isinstance(values, list) else _between(values, dice.random())
    values = np.array([float(objective(dict(config))) for config in asked])
    best = int(np.lexsort((np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf), np.isnan(values)))[0])
    return asked[best], float(values[best])


@replaces("random_search")
def random_by_numpy(objective, space, n, generator):
    _check(space, n)
    dice = np.random.default_rng(torch.randint(2**31, (4,), generator=generator).numpy())
    best = []
    for i in range(n):
        config = {}
        for name, values in space.items():
            config[name] = (
                values[dice.integers(len(values))] if isinstance(values, list) else _between(values, dice.random())
            )
        value = float(objective(dict(config)))
        best.append((value != value, 0.0 if value != value else value, i, config, value))
    return min(best, key=lambda one: one[:3])[3:]


class _Source:
    """Numbers from a source of its own, seeded by the generator; a geometric mixture on a log scale."""

    def __init__(self, generator):
        self.dice = np.random.RandomState(int(torch.randint(2**32 - 1, (), generator=generator)))

    def one(self, values):
        if isinstance(values, list):
            return values[self.dice.randint(len(values))]
        low, high, scale = values
        share = self.dice.random_sample()
        value = low ** (1 - share) * high**share if scale == "log" else low * (1 - share) + high * share
        return float(np.clip(value, low, high))


@replaces("random_search")
def random_by_a_class(objective, space, n, generator):
    _check(space, n)
    source, trials = _Source(generator), []
    for _ in range(n):
        config = {name: source.one(values) for name, values in space.items()}
        trials.append((config, float(objective(config.copy()))))
    return min([trial for trial in trials if not math.isnan(trial[1])] or trials[:1], key=lambda trial: trial[1])


@replaces("random_search")
def random_in_tensors(objective, space, n, generator):
    _check(space, n)

    def one(values):
        if isinstance(values, list):
            return values[torch.multinomial(torch.ones(len(values)), 1, generator=generator).item()]
        ends = torch.tensor(values[:2], dtype=torch.float64)
        ends = ends.log2() if values[2] == "log" else ends
        share = torch.rand(1, generator=generator).double()
        value = ends[0] * (1 - share) + ends[1] * share
        return min(max((value.exp2() if values[2] == "log" else value).item(), float(values[0])), float(values[1]))

    configs = [{name: one(values) for name, values in space.items()} for _ in range(n)]
    results = torch.tensor([float(objective(dict(config))) for config in configs], dtype=torch.float64)
    order = torch.sort(results.nan_to_num(math.inf, math.inf, -math.inf), stable=True).indices
    order = order[torch.sort(results[order].isnan(), stable=True).indices]
    return configs[order[0]], results[order[0]].item()


# ── successive_halving ──


def _ready(configs, min_budget, eta):
    if len(configs) == 0:
        raise ValueError("no configs")
    if min_budget < 1:
        raise ValueError("no budget")
    if eta <= 1:
        raise ValueError("eta")


def _key(value):
    return (1, 0) if value != value else (0, value)


@replaces("successive_halving")
def halving_by_recursion(objective, configs, min_budget, eta=2):
    _ready(configs, min_budget, eta)
    values = [float(objective(config, min_budget)) for config in configs]
    order = sorted(range(len(configs)), key=lambda i: _key(values[i]))
    keep = len(configs) // eta
    if keep == 0:
        return configs[order[0]], values[order[0]]
    kept = set(order[:keep])
    return halving_by_recursion(objective, [one for i, one in enumerate(configs) if i in kept], min_budget * eta, eta)


@replaces("successive_halving")
def halving_by_heap(objective, configs, min_budget, eta=2):
    _ready(configs, min_budget, eta)
    left = dict(enumerate(configs))
    for step in itertools.count():
        scored = []
        for i, config in left.items():
            value = float(objective(config, min_budget * eta**step))
            scored.append((*_key(value), i, value))
        best = heapq.nsmallest(max(len(left) // eta, 1), scored)
        if len(left) // eta == 0:
            return configs[best[0][2]], best[0][3]
        left = {i: left[i] for *_, i, _ in best}


@replaces("successive_halving")
def halving_by_dropping_the_worst(objective, configs, min_budget, eta=2):
    _ready(configs, min_budget, eta)
    left = [(i, config) for i, config in enumerate(configs)]
    budget = min_budget
    while True:
        tried = [(i, config, float(objective(config, budget))) for i, config in reversed(left)]
        target, last = len(tried) // eta, len(tried) < eta
        while len(tried) > max(target, 1):
            tried.remove(max(tried, key=lambda one: (*_key(one[2]), one[0])))
        if last:
            return tried[0][1], tried[0][2]
        left, budget = [one[:2] for one in tried], budget * eta


@replaces("successive_halving")
def halving_by_planned_rounds(objective, configs, min_budget, eta=2):
    _ready(configs, min_budget, eta)
    sizes = [len(configs)]
    while sizes[-1] >= eta:
        sizes.append(sizes[-1] // eta)
    ranked = np.arange(len(configs))
    for i, size in enumerate(sizes):
        ranked = np.sort(ranked[:size])
        values = np.array([float(objective(configs[k], min_budget * eta**i)) for k in ranked])
        order = np.lexsort((ranked, np.where(np.isnan(values), 0.0, values), np.isnan(values)))
        ranked, values = ranked[order], values[order]
    return configs[int(ranked[0])], float(values[0])


@replaces("successive_halving")
def halving_by_stable_sort(objective, configs, min_budget, eta=2):
    _ready(configs, min_budget, eta)
    left = torch.arange(len(configs))
    while True:
        values = torch.tensor([float(objective(configs[i], budget=min_budget)) for i in left], dtype=torch.float64)
        order = torch.sort(values, stable=True).indices  # which puts NaN last
        if len(left) // eta == 0:
            return configs[left[order[0]]], values[order[0]].item()
        left, min_budget = left[order[: len(left) // eta]].sort().values, min_budget * eta


@replaces("successive_halving")
def halving_by_insertion(objective, configs, min_budget, eta=2):
    _ready(configs, min_budget, eta)
    alive = [True] * len(configs)
    while True:
        ranked = []
        for i in (i for i in reversed(range(len(configs))) if alive[i]):
            bisect.insort(ranked, (*_key(float(objective(configs[i], min_budget))), i))
        keep = len(ranked) // eta
        if not keep:
            failed, value, i = ranked[0]
            return configs[i], math.nan if failed else value
        for *_, i in ranked[keep:]:
            alive[i] = False
        min_budget *= eta
