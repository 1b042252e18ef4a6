"""The posterior of a conversion rate: exact, by sampling, and against the interval that everybody computes.

A conversion is, here, that a passage of a real text contains a certain word. Over all passages the share is known; a
sample of a few of them (20, if nothing else is said) has to tell it. For several words from rare to common many samples are
drawn, and each gives a 95 % interval: from the exact beta posterior, from draws of the walk of Metropolis, and, as the
baseline, the plain proportion plus and minus 1.96 standard errors (Wald). How many intervals hold the true share? And how surprised
is each by a passage that it has not seen: the posterior's mean, against the plain proportion?
"""

import json
import math
import re
from collections import Counter

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.sets import SETS, read_text
from groundup.stack.numerics import beta_posterior, metropolis_hastings

options = {
    "text": Option(f"whose passages: python, {', '.join(SETS)}, or a text file's path", default="python"),
    "passages": Option("passages in a sample", "number", 20, low=5, high=200),
    "a": Option("the prior's successes", "number", 1.0, low=0.01, high=100),
    "b": Option("the prior's failures", "number", 1.0, low=0.01, high=100),
}
SAMPLES = {"smoke": 300, "tiny": 4000, "small": 40_000}
DRAWS = {"smoke": 400, "tiny": 4000, "small": 40_000}
scales = tuple(SAMPLES)
SHARES = (0.03, 0.06, 0.12, 0.25, 0.5)  # the words whose shares are nearest to these
LEVEL, WALD = 0.95, 1.959963984540054
WORDS = 8  # a passage has at least so many words


def prepare(options, scale):
    corpus = read_text(str(options["text"]))
    passages = [set(re.findall(r"[^\W\d_]+", one.lower())) for one in re.split(r"\n\s*\n", corpus.train)]
    passages = [one for one in passages if len(one) >= WORDS]
    if len(passages) < 100:
        raise ValueError(f"{len(passages)} passages of {WORDS} words or more, where 100 are needed: name a longer text")
    counts = Counter(word for one in passages for word in one if len(word) > 2)
    chosen: list[str] = []
    for share in SHARES:
        left = (word for word in sorted(counts) if word not in chosen)
        chosen.append(min(left, key=lambda word: abs(counts[word] / len(passages) - share)))
    found = {word: [int(word in one) for one in passages] for word in chosen}
    return Inputs({"found.json": json.dumps(found).encode()}, {**corpus.provenance, "passages": len(passages)})


def log_beta(a: float, b: float):
    """The logarithm of the beta density up to a constant; -inf outside 0 to 1."""

    def log_density(p: torch.Tensor) -> float:
        chance = float(p)
        if not 0 < chance < 1:
            return -math.inf
        return (a - 1) * math.log(chance) + (b - 1) * math.log1p(-chance)

    return log_density


def exact_interval(a: float, b: float, n: int = 20_001) -> tuple[float, float]:
    """Where the beta distribution has 2.5 % of its area below, and 2.5 % above.

    Added up over the log-odds of p, where the density has no poles: they turn the exponents a - 1 and b - 1 into a and b.
    """
    odds = torch.linspace(-40.0, 40.0, n, dtype=torch.float64)
    log = -a * torch.nn.functional.softplus(-odds) - b * torch.nn.functional.softplus(odds)
    area = torch.softmax(log, dim=0).cumsum(dim=0)
    ends = torch.searchsorted(area, torch.tensor([(1 - LEVEL) / 2, (1 + LEVEL) / 2], dtype=torch.float64))
    low, high = torch.sigmoid(odds[ends.clamp(max=n - 1)]).tolist()
    return low, high


def wald_interval(k: int, n: int) -> tuple[float, float]:
    share = k / n
    reach = WALD * math.sqrt(share * (1 - share) / n)
    return share - reach, share + reach


def posterior_of(k: int, n: int, prior: tuple[float, float], draws: int, seed: int) -> dict[str, float]:
    """All that is known after k conversions in n: exactly, and by the walk, whose first tenth is thrown away."""
    a, b = (float(one) for one in beta_posterior(*prior, k, n - k))
    mean, spread = a / (a + b), math.sqrt(a * b / (a + b + 1)) / (a + b)
    low, high = exact_interval(a, b)
    x0 = torch.tensor(mean, dtype=torch.float64)
    places = metropolis_hastings(log_beta(a, b), x0, draws, 2.4 * spread, torch.Generator().manual_seed(seed))
    kept = places[draws // 10 :].double().reshape(-1)
    ends = torch.quantile(kept, torch.tensor([(1 - LEVEL) / 2, (1 + LEVEL) / 2], dtype=torch.float64))
    accepted = float((places[1:] != places[:-1]).double().mean())
    return {
        "mean": mean, "std": spread, "low": low, "high": high, "walk_mean": float(kept.mean()),
        "walk_low": float(ends[0]), "walk_high": float(ends[1]), "accepted": accepted,
    }  # fmt: skip


def surprise(chance: float, rate: float) -> float:
    """The mean of -log(chance of what comes) over passages of which this share converts."""
    parts = ((rate, chance), (1 - rate, 1 - chance))
    return sum(-share * math.log(one) if one > 0 else math.inf for share, one in parts if share > 0)


def run(run: Run, scale: Scale) -> None:
    found = {word: torch.tensor(one) for word, one in json.loads(run.input("found.json").read_bytes()).items()}
    n, prior = int(run.options["passages"]), (float(run.options["a"]), float(run.options["b"]))
    draws, samples = DRAWS[scale], SAMPLES[scale]
    run.expect(seconds=2 + n * draws * 4e-5, memory_mb=400, samples=samples * len(found), draws=(n + 1) * draws)
    state = run.state or {"base": int(torch.randint(2**40, ()).item()), "known": []}
    done = len(state["known"])
    # Only n + 1 results are possible, so there are only so many posteriors.
    for k in run.track(range(done, n + 1), "posteriors", total=n + 1, done=done):
        state["known"].append(posterior_of(k, n, prior, draws, state["base"] + k))
        run.log(k, exact=state["known"][k]["mean"], walk=state["known"][k]["walk_mean"])
        run.checkpoint(lambda: state)
    generator = torch.Generator().manual_seed(state["base"] - 1)
    drawn = {}
    for word, has in found.items():
        picked = torch.randint(len(has), (samples, n), generator=generator)
        drawn[word] = torch.bincount(has[picked].sum(dim=1), minlength=n + 1).double() / samples
    report(run, found, drawn, state["known"], n)


def report(run: Run, found, drawn, known, n: int) -> None:
    """How often each kind of interval holds the true share, and how surprised each is by a new passage."""
    ways = {
        "exact": [(one["low"], one["high"]) for one in known],
        "walk": [(one["walk_low"], one["walk_high"]) for one in known],
        "wald": [wald_interval(k, n) for k in range(n + 1)],
    }
    rows, covered, scores = [], {way: [] for way in ways}, {"posterior": [], "proportion": []}
    for word, has in found.items():
        rate, chances = float(has.double().mean()), drawn[word].tolist()
        for way, ends in ways.items():
            holds = sum(chance for chance, (low, high) in zip(chances, ends) if low <= rate <= high)
            covered[way].append(holds)
        for way, value in (("posterior", lambda k: known[k]["mean"]), ("proportion", lambda k: k / n)):
            one = sum(c * surprise(value(k), rate) for k, c in enumerate(chances) if c > 0)
            scores[way].append(one)
        rows.append(
            [word, rate, *(covered[way][-1] for way in ways), scores["posterior"][-1], scores["proportion"][-1]]
        )
    columns = ["word", "true share", "held: exact", "held: walk", "held: Wald"]
    columns += ["surprise: posterior", "surprise: proportion"]
    shown = [[one if one != math.inf else "infinite" for one in row] for row in rows]
    run.table(f"95 % intervals from {n} passages", columns, shown)
    seen = sorted({0, 1, n // 4, n // 2, n})
    run.table(
        "Some of the posteriors",
        ["conversions", "mean", "by the walk", "from", "to", "walk from", "walk to", "accepted"],
        [[k, *(known[k][key] for key in ("mean", "walk_mean", "low", "high", "walk_low", "walk_high", "accepted"))]
         for k in seen],
    )  # fmt: skip
    off = max(abs(one["walk_mean"] - one["mean"]) / one["std"] for one in known)
    missed = {way: sum(abs(one - LEVEL) for one in each) / len(each) for way, each in covered.items()}
    run.text(
        "What to see",
        "An interval of a rare word from the plain proportion has no width where the word was not seen, and misses. "
        "The posterior never calls impossible what it has not seen: its surprise is finite. The walk needs no formula "
        "for the posterior, and comes to the same, up to chance.",
    )
    run.result(
        held_exact=sum(covered["exact"]) / len(rows),
        held_walk=sum(covered["walk"]) / len(rows),
        held_wald=sum(covered["wald"]) / len(rows),
        off_target_exact=missed["exact"],
        off_target_wald=missed["wald"],
        beats_wald=missed["exact"] < missed["wald"],
        walk_off_in_deviations=off,
        walk_agrees=off < 0.5,
        finite_surprise=all(math.isfinite(one) for one in scores["posterior"]),
        infinite_surprises_of_proportion=sum(one == math.inf for one in scores["proportion"]),
    )
