"""Learning rates after a warm-up, against those of transformers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from groundup.stack.nn import schedules, warmup_constant, warmup_cosine, warmup_linear

optimization = pytest.importorskip("transformers.optimization")

PAIRS: dict[str, tuple[Callable[..., float], str]] = {
    "cosine": (warmup_cosine, "get_cosine_schedule_with_warmup"),
    "linear": (warmup_linear, "get_linear_schedule_with_warmup"),
    "constant": (warmup_constant, "get_constant_schedule_with_warmup"),
}


def theirs(name: str, warmup: int, total: int) -> Callable[[int], float]:
    """Their factor of the learning rate by update."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    more = {} if name == "constant" else {"num_training_steps": total}
    schedule = getattr(optimization, PAIRS[name][1])(optimizer, num_warmup_steps=warmup, **more)
    factor: Callable[[int], float] = schedule.lr_lambdas[0]
    return factor


@pytest.mark.parametrize(("warmup", "total"), [(0, 1), (0, 7), (3, 10), (1, 2), (10, 173)])
@pytest.mark.parametrize("name", PAIRS)
def test_rates_are_those_of_transformers(name: str, warmup: int, total: int) -> None:
    """The same fall; the climb an update earlier, for their first update has a rate of 0 and changes nothing."""
    ours, factor = PAIRS[name][0], theirs(name, warmup, total)
    for step in range(total + (0 if name == "cosine" else 3)):  # theirs climbs again after the end
        expected = factor(step + 1 if step < warmup else step)
        assert ours(step, 0.3, warmup, total) == pytest.approx(0.3 * expected, abs=1e-15), step


@pytest.mark.parametrize("name", PAIRS)
def test_the_floor_is_what_is_fallen_to(name: str) -> None:
    ours, factor = PAIRS[name][0], theirs(name, 4, 20)
    for step in range(4, 21):
        assert ours(step, 0.5, 4, 20, 0.1) == pytest.approx(0.1 + 0.4 * factor(step), abs=1e-15), step
    assert [ours(step, 0.5, 6, 6, 0.1) for step in (2, 5)] == [0.25, 0.5], "all of it may be warm-up"
    assert ours(6, 0.5, 6, 6, 0.1) == (0.5 if name == "constant" else 0.1), "and there is nothing to fall along"
    assert ours(99, 0.5, 4, 20, 0.1) == (0.5 if name == "constant" else 0.1)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(("step", "warmup", "total"), [(-1, 0, 5), (0, -1, 5), (0, 6, 5)])
def test_impossible_numbers_are_refused(name: str, step: int, warmup: int, total: int) -> None:
    with pytest.raises(ValueError, match=rf"step={step}, warmup={warmup}, total={total}"):
        getattr(schedules, f"warmup_{name}")(step, 0.1, warmup, total)
