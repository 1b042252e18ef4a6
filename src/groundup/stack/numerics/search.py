"""The search for settings that no gradient reaches: a grid, random trials, and successive halving.

A setting (config) is a dict from names to values; an objective says how bad it is, and lower is better. A NaN is worse
than any number, so that a training run that came to grief never wins.

Sources: Bergstra and Bengio, *Random Search for Hyper-Parameter Optimization* (2012), sections 3 and 4; Jamieson and
Talwalkar, *Non-stochastic Best Arm Identification and Hyperparameter Optimization* (2016), section 3; Li and others,
*Hyperband* (2018), whose rounding is used here: of n, n // eta stay.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch

Config = TypeVar("Config")


def grid(space: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of the values, as dicts; the last name's values change fastest.

    space: name → list of values. A space without names has one combination, the empty one; a name without values
    leaves none. Raises ValueError where the values of a name are no list.
    """
    for name, values in space.items():
        if not isinstance(values, list):
            raise ValueError(f"{name} needs a list of values: got {values!r}")
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]


def random_search(
    objective: Callable[[dict[str, Any]], Any],
    space: Mapping[str, Sequence[Any]],
    n: int,
    generator: torch.Generator,
) -> tuple[dict[str, Any], float]:
    """The best of n independent random settings, with its value.

    space: name → list of values, each equally likely, or a tuple (low, high, "linear" or "log"): a float between them,
    equally likely everywhere on that scale. objective(config) → a number, asked n times; it gets a copy of its own.
    Of equal values the first counts. Raises ValueError, before anything is asked, for n below 1, a name without
    values and a range that is none.
    """
    if n < 1:
        raise ValueError(f"at least one trial is needed: got n = {n}")
    for name, values in space.items():
        _require_drawable(name, values)
    best: tuple[dict[str, Any], float] | None = None
    for _ in range(n):
        config = {name: _draw(values, generator) for name, values in space.items()}
        value = float(objective(dict(config)))
        if best is None or _badness(value) < _badness(best[1]):
            best = config, value
    assert best is not None
    return best


def successive_halving(
    objective: Callable[[Config, int], Any], configs: Sequence[Config], min_budget: int, eta: int = 2
) -> tuple[Config, float]:
    """The setting that is left when in each round the better ones go on with more budget, and its last value.

    In the first round every config is tried with ``min_budget``. Of n that were tried the n // eta best go on, with eta
    times the budget; where that is none, the best of this round is the result. objective(config, budget) → a number,
    asked once for each config in each round. Of equal values those earlier in ``configs`` are better.
    Raises ValueError for no config, a budget below 1 and an eta below 2.
    """
    if not configs or min_budget < 1 or eta < 2:
        raise ValueError(
            f"configs, a budget of 1 and an eta of 2 are the least: got {len(configs)}, {min_budget} and {eta}"
        )
    left, budget = list(range(len(configs))), min_budget
    while True:
        values = {i: float(objective(configs[i], budget)) for i in left}
        ranked = sorted(left, key=lambda i: (_badness(values[i]), i))
        if len(left) < eta:
            return configs[ranked[0]], values[ranked[0]]
        left, budget = sorted(ranked[: len(left) // eta]), budget * eta


def _badness(value: float) -> tuple[bool, float]:
    """For comparing: a NaN after all numbers, and all of them equal."""
    return (True, 0.0) if math.isnan(value) else (False, value)


def _require_drawable(name: str, values: object) -> None:
    if isinstance(values, list) and values:
        return
    if isinstance(values, tuple) and len(values) == 3:
        low, high, scale = values
        least = {"linear": -math.inf, "log": 0.0}.get(scale, math.inf)
        if least < low <= high < math.inf:
            return
    raise ValueError(f'{name} needs values, or (low, high, "linear" or "log") with low <= high: got {values!r}')


def _draw(values: Sequence[Any], generator: torch.Generator) -> Any:
    if isinstance(values, list):
        return values[int(torch.randint(len(values), (), generator=generator))]
    low, high, scale = values
    share = float(torch.rand((), dtype=torch.float64, generator=generator))
    if scale == "linear":
        value = (1 - share) * low + share * high
    else:
        value = math.exp((1 - share) * math.log(low) + share * math.log(high))
    return float(min(max(value, low), high))  # rounding must not lead out of the range
