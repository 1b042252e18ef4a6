"""Intervals, paired tests against sacrebleu, and the level and power of the test of equivalence, by simulation."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from groundup.stack.tasks.metrics.bleu import Bleu
from groundup.stack.tasks.metrics.chrf import Chrf
from groundup.stack.tasks.metrics.resampling import (
    Equivalence,
    bootstrap_p_value,
    difference_interval,
    equivalence,
    interval,
    mean,
    of_sums,
    randomization_p_value,
)

Rows = NDArray[Any]
ALPHA = 0.05


def allowed(trials: int, share: float, chance: float = 1e-4) -> int:
    """The count that so many trials of that probability exceed with that chance at most: of the binomial, exactly."""
    stats = pytest.importorskip("scipy.stats")
    return int(stats.binom.isf(chance, trials, share))


def systems(seed: int, lines: int = 60) -> tuple[list[str], list[str], list[list[str]]]:
    drawn = random.Random(seed)
    words = [f"w{number}" for number in range(30)]
    references = [[" ".join(drawn.choices(words, k=drawn.randint(4, 20)))] for _ in range(lines)]

    def worse(share: float) -> list[str]:
        return [
            " ".join(w if drawn.random() > share else drawn.choice(words) for w in r[0].split()) for r in references
        ]

    return worse(0.3), worse(0.27), references


@pytest.mark.parametrize("seed", [1, 2, 12345])
@pytest.mark.parametrize("name", ["BLEU", "CHRF"])
def test_p_values_are_sacrebleus(monkeypatch: pytest.MonkeyPatch, seed: int, name: str) -> None:
    significance = pytest.importorskip("sacrebleu.significance")
    metrics = pytest.importorskip("sacrebleu.metrics")
    monkeypatch.setenv("SACREBLEU_SEED", str(seed))
    base, other, references = systems(seed)
    streams = [[texts[0] for texts in references]]
    ours = Bleu() if name == "BLEU" else Chrf()
    score = of_sums(lambda sums: ours.score(sums).score) if isinstance(ours, Bleu) else of_sums(ours.score)
    rows = [ours.statistics(lines, references) for lines in (base, other)]
    tests: tuple[tuple[str, Any], ...] = (
        ("bs", partial(bootstrap_p_value, as_sacrebleu=True)),
        ("ar", randomization_p_value),
    )
    for kind, function in tests:
        named = [("base", base), ("other", other)]
        theirs = significance.PairedTest(
            named, {name: getattr(metrics, name)()}, references=streams, test_type=kind, n_samples=400
        )
        result = next(value for key, value in theirs()[1].items() if key != "System")[1]
        # The same generator draws the same resamples, so that the p-values agree to the last of them.
        assert function(rows[0], rows[1], score, resamples=400, seed=seed) == pytest.approx(result.p_value, abs=1e-12)
        assert 1 / 401 < result.p_value < 1


def test_equal_systems_are_not_significantly_different() -> None:
    rows = np.random.default_rng(0).random((20, 1))
    assert bootstrap_p_value(rows, rows, resamples=50) == 1
    assert bootstrap_p_value(rows, rows, resamples=50, as_sacrebleu=True) == 1
    assert randomization_p_value(rows, rows, resamples=50) == 1
    assert bootstrap_p_value(rows, rows + 1, resamples=99) == 0.01
    assert randomization_p_value(rows, rows + 1, resamples=99) == 0.01


def test_p_values_reach_a_level_as_often_as_it_says() -> None:
    """Systems that are equally good come out different at the 10 % level in 10 % of 600 pairs; sacrebleu's in more."""
    drawn = np.random.default_rng(0)
    pairs = [drawn.normal(size=(2, 60)) + drawn.normal(size=60) for _ in range(600)]
    reached = {}
    for name, function in (("bootstrap", bootstrap_p_value), ("swaps", randomization_p_value)):
        reached[name] = sum(function(a, b, resamples=99, seed=at) <= 0.1 for at, (a, b) in enumerate(pairs))
        assert 600 - allowed(600, 0.9) <= reached[name] <= allowed(600, 0.1), name
    theirs = sum(bootstrap_p_value(a, b, resamples=99, seed=0, as_sacrebleu=True) <= 0.1 for a, b in pairs)
    assert allowed(600, 0.1) < theirs
    assert 600 - allowed(600, 0.75) <= theirs <= allowed(600, 0.25)


def test_an_interval_catches_the_true_score_as_often_as_its_level() -> None:
    """Accuracy 0.8 on 150 examples: 800 intervals of level 0.9 miss it about 80 times."""
    drawn = np.random.default_rng(0)
    found = [interval(drawn.random(150) < 0.8, level=0.9, resamples=300, seed=at) for at in range(800)]
    missed = sum(not one.low <= 0.8 <= one.high for one in found)
    assert 800 - allowed(800, 0.92) <= missed <= allowed(800, 0.12)
    rows = drawn.random((30, 2)) + 0.1
    ratio = of_sums(lambda sums: float(sums[0] / sums[1]))
    one = interval(rows, ratio, level=0.5, resamples=40, seed=9)
    picks = np.random.default_rng(9).integers(30, size=(40, 30))
    by_hand = np.array([rows[row].sum(0)[0] / rows[row].sum(0)[1] for row in picks])
    assert (one.low, one.high) == pytest.approx(np.quantile(by_hand, [0.25, 0.75]), abs=1e-12)
    assert one.score == pytest.approx(rows[:, 0].sum() / rows[:, 1].sum())


def trained(drawn: np.random.Generator, runs: int, spread: float, common: Rows, interaction: float) -> Rows:
    """(runs, examples, 1): scores of the examples' own difficulty, of each run, and of each run on each example."""
    examples = common.shape[-1]
    own = 0.5 * drawn.normal(size=examples)
    rows = common + own + spread * drawn.normal(size=(runs, 1)) + interaction * drawn.normal(size=(runs, examples))
    return np.asarray(rows[..., None])


# runs, spread between runs, between a run's examples, whether runs are paired by what their seeds have in common.
DESIGNS = [(1, 0.0, 0.5, False), (3, 0.15, 0.1, False), (3, 0.0, 0.5, False), (3, 0.15, 0.1, True), (5, 0.1, 0.3, True)]


def simulate(design: tuple[int, float, float, bool], trials: int, difference: float, margin: float) -> int:
    """How often equivalence is found; the true difference and the margin are given in standard errors."""
    runs, spread, interaction, pair = design
    examples = 100
    error = np.sqrt(2 * 0.5**2 / examples + 2 * spread**2 / runs + 2 * interaction**2 / runs / examples)
    drawn, found = np.random.default_rng(0), 0
    for trial in range(trials):
        common = drawn.normal(size=examples) + (0.3 * drawn.normal(size=(runs, 1)) if pair else 0)
        a, b = (trained(drawn, runs, spread, common, interaction) for _ in range(2))
        result = equivalence(
            a + difference * error, b, margin * error, alpha=ALPHA, resamples=250, seed=trial, pair_runs=pair
        )
        found += result.equivalent
    return found


@pytest.mark.parametrize("design", DESIGNS)
def test_equivalence_is_claimed_falsely_no_more_often_than_alpha(design: tuple[int, float, float, bool]) -> None:
    """At a true difference equal to the margin, in 1000 trials, up to what 0.05 would exceed with chance 1e-4."""
    assert simulate(design, 1000, difference=4, margin=4) <= allowed(1000, ALPHA)
    assert simulate(design, 200, difference=-5, margin=4) <= allowed(200, ALPHA)


def test_equivalence_is_found_where_the_margin_is_wide() -> None:
    """Power at no difference and a margin of four standard errors: 0.95 for one run, 0.6 for three of each at least."""
    for design, least in zip(DESIGNS, (0.95, 0.6, 0.6, 0.5, 0.8), strict=True):
        assert simulate(design, 120, difference=0, margin=4) >= least * 120, design
        # A margin of one standard error is not shown by any of them.
        assert simulate(design, 60, difference=0, margin=1) <= 3, design


def test_too_few_runs_are_no_reason_for_equivalence() -> None:
    """Two systems whose three runs spread widely: the examples alone would be sure, the runs are not."""
    drawn = np.random.default_rng(0)
    examples = drawn.normal(size=400)
    a = (examples + np.array([[0.0], [0.4], [-0.4]]))[..., None]
    b = (examples + np.array([[0.3], [-0.3], [0.0]]))[..., None]
    assert not equivalence(a, b, 0.3).equivalent
    assert equivalence(a[:1], b[2:], 0.3).equivalent
    # Paired, the same runs differ by 0.3, 0.7 and 0.4 less than nothing: no more sure.
    assert not equivalence(a, b, 0.3, pair_runs=True).equivalent
    same = equivalence(a, a, 0.01, pair_runs=True)
    assert same == Equivalence(0.0, 0.0, 0.0, 0.01, 0.05, True)


def test_the_interval_of_a_difference_is_the_one_of_its_definition() -> None:
    drawn = np.random.default_rng(5)
    a, b = drawn.random((1, 40, 1)), drawn.random((1, 40, 1))
    found = difference_interval(a, b, level=0.8, resamples=70, seed=3)
    picks = np.random.default_rng(3).integers(40, size=(70, 40))
    by_hand = (a - b)[0, picks, 0].mean(axis=1)
    assert (found.low, found.high) == pytest.approx(np.quantile(by_hand, [0.1, 0.9]), abs=1e-12)
    assert found.score == pytest.approx(float((a - b).mean()))
    # Three runs against one, all examples alike: the width is Student's for the standard error of three runs.
    runs = np.repeat(np.array([[0.1], [0.5], [0.9]]), 7, axis=1)[..., None]
    wide = difference_interval(runs, np.zeros((7, 1)), level=0.9, resamples=40000)
    stats = pytest.importorskip("scipy.stats")
    reach = stats.t.ppf(0.95, 2) * 0.4 / np.sqrt(3)
    assert (wide.low, wide.high) == pytest.approx((0.5 - reach, 0.5 + reach), rel=0.05)
    both = difference_interval(runs, 2 * runs, level=0.9, resamples=40000)
    freedom = (1 + 4) ** 2 / (1 / 2 + 16 / 2)
    reach = stats.t.ppf(0.95, freedom) * 0.4 * np.sqrt(5 / 3)
    assert (both.low, both.high) == pytest.approx((-0.5 - reach, -0.5 + reach), rel=0.05)


def test_chunks_of_resamples_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from groundup.stack.tasks.metrics import resampling

    rows = np.random.default_rng(0).random((2, 33, 2))
    ratio = of_sums(lambda sums: float(sums[0] / sums[1]))

    def everything() -> list[Any]:
        return [
            interval(rows[0], ratio, resamples=50),
            difference_interval(rows[0], rows[1], ratio, resamples=50),
            bootstrap_p_value(rows[0], rows[1], ratio, resamples=50),
            randomization_p_value(rows[0], rows[1], ratio, resamples=50),
        ]

    whole = everything()
    monkeypatch.setattr(resampling, "_CHUNK", 7 * 66)
    assert everything() == whole


def test_metrics_that_are_no_function_of_sums() -> None:
    """Spearman's correlation, written by the caller for many resamples at once."""
    drawn = np.random.default_rng(2)
    gold = drawn.normal(size=80)
    rows = np.stack([gold, gold + 0.5 * drawn.normal(size=80)], axis=-1)

    def correlation(given: Rows) -> Any:
        ranks = given.argsort(axis=-2).argsort(axis=-2).astype(float)
        ranks -= ranks.mean(axis=-2, keepdims=True)
        return (ranks[..., 0] * ranks[..., 1]).sum(-1) / np.sqrt((ranks**2).sum(-2).prod(-1))

    found = interval(rows, correlation, resamples=300)
    assert found.low < found.score < found.high
    assert found.score == pytest.approx(pytest.importorskip("scipy.stats").spearmanr(*rows.T).statistic)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: interval(x, resamples=0), "resamples must be at least 1, not 0"),
        (lambda x: interval(x, level=1.0), "a level lies between 0 and 1"),
        (lambda x: interval(x[:0]), "not empty: got shape"),
        (lambda x: interval(np.stack([x, x])), "one run is an array"),
        (lambda x: mean(np.ones((3, 2))), "the mean is of one number an example, not of 2"),
        (lambda x: difference_interval(x, x[1:]), "the same examples: got 9 and 8"),
        (lambda x: difference_interval(x[None, None], x), "runs are an array"),
        (lambda x: difference_interval(np.stack([x, x]), x, pair_runs=True), "paired runs must be equally many: got 2"),
        (lambda x: equivalence(x, x, 0.0), "margin must be positive"),
        (lambda x: equivalence(x, x, float("nan")), "margin must be positive"),
        (lambda x: equivalence(x, x, 1.0, alpha=0.5), "alpha between 0 and 0.5"),
        (lambda x: bootstrap_p_value(x, x[1:]), "both systems need the same examples"),
        (lambda x: randomization_p_value(x, x, resamples=0), "resamples must be at least 1"),
    ],
)
def test_what_cannot_be_resampled(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(np.arange(9.0)[:, None])
