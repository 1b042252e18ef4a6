"""How the vocabulary of a text grows: a curve fitted to its beginning, by three methods, and held against its end.

The curve is V(n) = K ((n + m)^b - m^b): of n words read, so many are different. It starts at 0, and where n is large it
is Heaps's power law. Its three parameters are found by gradient descent, by Newton's method and by Gauss-Newton, each
with derivatives that are measured, and the evaluations of the curve are counted. Then the curve says how many different
words the whole text has. Baselines: Heaps's law (a straight line through the logarithms, in closed form), and going on
as fast as at last.
"""

import json
import math
import random
import re

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.sets import SEPARATOR, SETS, read_text
from groundup.stack.numerics import derivative, gradient, hessian, jacobian, newton_root, solve

options = {
    "text": Option(f"the text to read: python, {', '.join(SETS)}, or a text file's path", default="python"),
    "share": Option("the share of the text that is fitted to", "number", 0.2, low=0.05, high=0.8),
}
scales = ("smoke", "tiny")
WORDS = {"smoke": 20_000, "tiny": 5_000_000}
POINTS = {"smoke": 15, "tiny": 60}
BUDGET = {"smoke": 2_000, "tiny": 20_000}  # evaluations of the curve, for each method
FIRST, LEAST = 50, 2_000  # words of the first point, and of the shortest text
START = (2.0, 4.0, 0.5)  # log K, log m, b: of a plain English text, roughly
FLAT = 1e-7  # a gradient of this length is a valley's floor
TWO = torch.float64


def prepare(options, scale):
    corpus = read_text(str(options["text"]))
    documents = corpus.train.split(SEPARATOR)
    # In the order of an alphabet neighbors are related, and the beginning would not be like the end.
    random.Random(0).shuffle(documents)
    words = re.findall(r"[^\W\d_]+", " ".join(documents).lower())[: WORDS[scale]]
    if len(words) < LEAST:
        raise ValueError(f"{len(words)} words, where {LEAST} are needed: name a longer text")
    known: set[str] = set()
    growth = []
    for word in words:
        known.add(word)
        growth.append(len(known))
    return Inputs({"growth.json": json.dumps(growth).encode()}, {**corpus.provenance, "words": len(words)})


# ── the curve ────────────────────────────────────────────────────────────────


def curve(n, theta):
    """The logarithm of V at n, for theta = (log K, log m, b)."""
    log_k, m, b = theta[0], torch.exp(theta[1]), theta[2]
    return log_k + torch.log((n + m) ** b - m**b)


class Fit:
    """Points to fit to, and how often the curve was evaluated at all of them."""

    def __init__(self, growth: list[int], points: int):
        last = math.log(len(growth))
        steps = [math.log(FIRST) + (last - math.log(FIRST)) * i / (points - 1) for i in range(points)]
        self.n = torch.tensor(sorted({min(len(growth), round(math.exp(one))) for one in steps}), dtype=TWO)
        self.log_v = torch.tensor([growth[int(one) - 1] for one in self.n], dtype=TWO).log()
        self.evaluations = 0

    def residuals(self, theta):
        self.evaluations += 1
        return curve(self.n, theta) - self.log_v

    def loss(self, theta):
        return (self.residuals(theta) ** 2).mean() / 2


# ── three methods ────────────────────────────────────────────────────────────


def shorten(fit: Fit, theta, step, slope: float):
    """theta + step, the step halved until the loss falls as it should (Armijo), or None where it never does."""
    before = float(fit.loss(theta))
    for _ in range(40):
        after = float(fit.loss(theta + step))
        if after <= before + 1e-4 * slope:  # NaN is not below anything
            return theta + step
        step, slope = step / 2, slope / 2
    return None


def solved(a, b):
    """The solution, or None where there is none."""
    try:
        return solve(a, b)
    except ValueError:
        return None


def downhill(fit: Fit, theta, rate: float):
    slopes = gradient(fit.loss, theta)
    return shorten(fit, theta, -rate * slopes, -rate * float(slopes @ slopes)), slopes


def newton(fit: Fit, theta, damping: float):
    """To the lowest point of the parabola that fits here; where that is none, of a rounder one."""
    slopes, bends = gradient(fit.loss, theta), hessian(fit.loss, theta)
    for _ in range(40):
        step = solved(bends + damping * torch.eye(3, dtype=TWO), -slopes)
        if step is not None and float(step @ slopes) < 0:
            return shorten(fit, theta, step, float(step @ slopes)), slopes
        damping = max(10 * damping, 1e-6)
    return None, slopes


def gauss_newton(fit: Fit, theta, damping: float):
    """As Newton, with the bends of the curve itself left out: what is left is never negative, and needs slopes only."""
    slopes_of_each = jacobian(fit.residuals, theta)
    residuals = fit.residuals(theta)
    count = len(residuals)
    slopes = slopes_of_each.T @ residuals / count
    normal = slopes_of_each.T @ slopes_of_each / count
    step = solved(normal + max(damping, 1e-12) * torch.eye(3, dtype=TWO), -slopes)
    return (None if step is None else shorten(fit, theta, step, float(step @ slopes))), slopes


METHODS = {"gradient descent": (downhill, 1.0), "Newton": (newton, 0.0), "Gauss-Newton": (gauss_newton, 0.0)}


def fitted(name: str, growth: list[int], points: int, budget: int) -> dict:
    """Steps until the ground is flat, no step lowers the loss, or the budget is spent."""
    move, setting = METHODS[name]
    fit, theta = Fit(growth, points), torch.tensor(START, dtype=TWO)
    losses, spent, ended = [], [], "the budget was spent"
    while fit.evaluations < budget:
        there, slopes = move(fit, theta, setting)
        if float(slopes @ slopes) ** 0.5 <= FLAT:
            ended = "flat"
            break
        if there is None:
            ended = "no step went down"
            break
        theta = there
        losses.append(float(fit.loss(theta)))
        spent.append(fit.evaluations)
    return {"theta": theta.tolist(), "losses": losses, "spent": spent, "ended": ended}


# ── the run ──────────────────────────────────────────────────────────────────


def run(run: Run, scale: Scale) -> None:
    growth = json.loads(run.input("growth.json").read_bytes())
    seen = growth[: round(len(growth) * float(run.options["share"]))]
    run.expect(seconds=2 if scale == "smoke" else 15, memory_mb=300, words=len(growth), fitted_to=len(seen))
    state = run.state or {"done": {}}
    for name in run.track(list(METHODS)[len(state["done"]) :], "fitting", total=3, done=len(state["done"])):
        state["done"][name] = fitted(name, seen, POINTS[scale], BUDGET[scale])
        run.checkpoint(lambda: state)
    show(run, growth, seen, state["done"], POINTS[scale])


def show(run: Run, growth: list[int], seen: list[int], found: dict[str, dict], points: int) -> None:
    rows = [
        [name, len(one["losses"]), (one["spent"] or [0])[-1], (one["losses"] or [math.nan])[-1], one["ended"]]
        for name, one in found.items()
    ]
    run.table("Three ways down", ["method", "steps", "evaluations of the curve", "loss", "ended"], rows)
    for step in range(40):
        now = {name: one["losses"][step] for name, one in found.items() if step < len(one["losses"])}
        if now:
            run.log(step + 1, **{f"loss, {name}": value for name, value in now.items()})
    best = min(found, key=lambda name: (found[name]["losses"] or [math.inf])[-1])
    theta = torch.tensor(found[best]["theta"], dtype=TWO)
    run.text("The curve", words_of(theta, best))
    guesses = predictions(growth, seen, theta, points)
    end = growth[-1]
    run.table(
        f"Different words in all {len(growth)}, told from the first {len(seen)}",
        ["by", "says", "there are", "off by"],
        [[name, round(value), end, f"{(value - end) / end:+.1%}"] for name, value in guesses.items()],
    )
    further(run, growth, seen, theta)
    off = {name: abs(value - end) / end for name, value in guesses.items()}
    cheap = [name for name in ("Newton", "Gauss-Newton") if found[name]["spent"]]
    run.result(
        off_by=off["the fitted curve"],
        heaps_off_by=off["Heaps's law"],
        line_off_by=off["as fast as at last"],
        beats_both=off["the fitted curve"] < min(off["Heaps's law"], off["as fast as at last"]),
        evaluations_descent=(found["gradient descent"]["spent"] or [0])[-1],
        **{f"evaluations_{name.lower().replace('-', '_')}": found[name]["spent"][-1] for name in cheap},
    )


def words_of(theta, best: str) -> str:
    k, m, b = math.exp(theta[0]), math.exp(theta[1]), float(theta[2])
    return f"V(n) = {k:.3f} ((n + {m:.1f})^{b:.4f} - {m:.1f}^{b:.4f}), as {best} left it"


def predictions(growth: list[int], seen: list[int], theta, points: int) -> dict[str, float]:
    """What the fitted curve and the two baselines say of the whole text."""
    fit, whole = Fit(seen, points), torch.tensor(float(len(growth)), dtype=TWO)
    x = fit.n.log()
    slope = float(((x - x.mean()) * (fit.log_v - fit.log_v.mean())).sum() / ((x - x.mean()) ** 2).sum())
    heaps = math.exp(float(fit.log_v.mean()) + slope * (math.log(len(growth)) - float(x.mean())))
    half = len(seen) // 2
    rate = (seen[-1] - seen[half - 1]) / (len(seen) - half)
    return {
        "the fitted curve": math.exp(float(curve(whole, theta))),
        "Heaps's law": heaps,
        "as fast as at last": seen[-1] + rate * (len(growth) - len(seen)),
    }


def further(run: Run, growth: list[int], seen: list[int], theta) -> None:
    """The slope of the curve, and where it reaches a height, beside what was counted."""

    def vocabulary(n):
        return torch.exp(curve(n, theta))

    here = float(len(seen))
    # A step of one word: words are whole, and the curve is smooth on that scale.
    rate = 1000 * float(derivative(vocabulary, torch.tensor(here, dtype=TWO), 1.0))
    stretch = min(len(growth) - len(seen), len(seen) // 4)
    counted = 1000 * (growth[len(seen) + stretch - 1] - seen[-1]) / stretch
    aim = 1.5 * seen[-1]
    try:
        # In thousands of words, so that the tolerance is of a size that matters.
        when = 1000 * float(newton_root(lambda t: vocabulary(1000 * t) - aim, here / 1000))
    except RuntimeError:
        when = math.inf
    truly = next((i + 1 for i, one in enumerate(growth) if one >= aim), None)
    run.table(
        f"After {len(seen)} words",
        ["question", "the curve says", "counted"],
        [
            [f"new words in a thousand, over the next {stretch}", round(rate, 2), round(counted, 2)],
            ["words read when the vocabulary is half as large again", round(when) if when < 1e12 else None, truly],
        ],
    )
