"""Logistic regression on passages of real text, by five methods, with every pass over the passages counted.

A passage is a few dozen words of one of two texts; the model says which. What it sees are log counts of common words.
The loss is convex, so there is one lowest value, and Newton run to its end tells it to nearly all digits that the
machine has: the gap to it says how far a method really got. What the choice of learning rates cost is counted apart.
Baselines of the decisions: a single class for all, and naive Bayes on the same counts, which needs no descent.
"""

import json
import math
import random
import re
import time
from collections import Counter

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.sets import SEPARATOR, SETS, Corpus, read_text
from groundup.stack.numerics import gradient_descent, lbfgs, nesterov_descent, newton_minimize, sgd

OF_PYTHON = ("reference", "docstrings")
NAMES = f"{', '.join(OF_PYTHON)} (both of this Python), {', '.join(SETS)}, or a text file's path"
options = {
    "text": Option(f"one text: {NAMES}", default="reference"),
    "other": Option(f"the other: {NAMES}", default="docstrings"),
    "penalty": Option(
        "what half the squared length of the weights is multiplied by", "number", 1e-3, low=1e-5, high=1.0
    ),
}
PASSES = {"smoke": 12, "tiny": 100, "small": 1000}  # for each try of each method
PASSAGES = {"smoke": 200, "tiny": 10_000, "small": 10_000}  # of each text and part, at most
WORDS = {"smoke": 60, "tiny": 300, "small": 300}  # that are counted
scales = tuple(PASSES)
LENGTH = 30  # words of a passage
STRETCHES, EVERY = 20, 4  # a text is cut into so many stretches; each fourth is held out
BATCH = 32
AIMS = (1e-2, 1e-4, 1e-8)
FLOOR = 1e-15  # gaps below it are rounding
PLAIN, NESTEROV, CONSTANT = "gradient descent", "Nesterov", "SGD, constant rate"
FALLING, NEWTON, LBFGS = "SGD, falling rate", "Newton", "L-BFGS"
RATES = {PLAIN: (-3, 4), NESTEROV: (-1, 2), CONSTANT: (-9, -2), FALLING: (-4, 3)}  # powers of 2, from and to
BETAS = {PLAIN: (0.0,), NESTEROV: (0.9, 0.97), CONSTANT: (0.0,), FALLING: (0.0,)}
METHODS = (PLAIN, NESTEROV, CONSTANT, FALLING, NEWTON, LBFGS)
TWO = torch.float64


# ── passages ─────────────────────────────────────────────────────────────────


def prepare(options, scale):
    names = [str(options["text"]), str(options["other"])]
    if names[0] == names[1]:
        raise ValueError(f"both texts are {names[0]!r}: nobody could tell them apart")
    corpora = {name: read_text(name) for name in dict.fromkeys("python" if one in OF_PYTHON else one for one in names)}
    found: dict[str, list] = {"train": [], "held_out": []}
    parts = [parted(pieces_of(name, corpora["python" if name in OF_PYTHON else name])) for name in names]
    for part, of_each in zip(found, zip(*parts)):
        # Equally many of both, so that half of the decisions are right by chance.
        count = min(*map(len, of_each), PASSAGES[scale])
        if count < 20:
            raise ValueError(f"{count} passages ({part}) of each text, where 20 are needed: name longer texts")
        for label, passages in enumerate(of_each):
            random.Random(0).shuffle(passages)
            found[part] += [[label, one] for one in passages[:count]]
    first, last = (list(corpora.values())[i].provenance for i in (0, -1))
    facts = {key: value if value == last[key] else f"{value}; {last[key]}" for key, value in first.items()}
    facts |= {"passages to learn from": len(found["train"]), "passages held out": len(found["held_out"])}
    return Inputs({"passages.json": json.dumps(found).encode()}, facts)


def pieces_of(name: str, corpus: Corpus) -> list[str]:
    """The pieces of a text, neighbors beside each other. Of Python's documentation, the one kind or the other."""
    pieces = (corpus.train + SEPARATOR + corpus.held_out).split(SEPARATOR)
    if name in OF_PYTHON:
        from pydoc_data.topics import topics

        known = {one for topic in topics.values() for one in paragraphs(topic)}
        pieces = [one for one in pieces if is_reference(one, known) == (name == "reference")]
    return pieces


def paragraphs(text: str) -> list[str]:
    return [" ".join(one.split()) for one in text.split("\n\n") if one.strip()]


def is_reference(piece: str, known: set[str]) -> bool:
    """Whether most of its paragraphs are of the reference; a short one may stand in a docstring too."""
    own = paragraphs(piece)
    return 2 * sum(one in known for one in own) > len(own)


def parted(pieces: list[str]) -> tuple[list[str], list[str]]:
    """Passages to learn from and passages held out. No passage spans two pieces, and whole stretches are held out."""
    words = [re.findall(r"[^\W\d_]+", one.lower()) for one in pieces]
    total, before = sum(map(len, words)), 0
    stretch = max(1, math.ceil(total / STRETCHES))
    parts: tuple[list[str], list[str]] = ([], [])
    for piece in words:
        for start in range(0, len(piece) - LENGTH + 1, LENGTH):
            # A long piece, as a file without divisions is, is cut like a text; a short one stays whole.
            place = (before + (start if len(piece) > stretch else 0)) // stretch
            parts[place % EVERY == EVERY - 1].append(" ".join(piece[start : start + LENGTH]))
        before += len(piece)
    return parts


def common_words(passages: list[str], most: int) -> list[str]:
    """The most frequent words, whatever class they come from."""
    counts = Counter(word for one in passages for word in one.split())
    return sorted(counts, key=lambda word: (-counts[word], word))[:most]


def counted(passages: list[str], words: list[str]) -> torch.Tensor:
    """(passages, words): how often each word stands in each."""
    place = {word: i for i, word in enumerate(words)}
    table = torch.zeros(len(passages), len(words), dtype=TWO)
    for row, one in zip(table, passages):
        for word in one.split():
            if word in place:
                row[place[word]] += 1
    return table


def features(counts):
    """Log counts behind a column of ones: (..., words) → (..., 1 + words)."""
    return torch.cat([torch.ones_like(counts[..., :1]), counts.log1p()], dim=-1)


def naive_bayes(counts, labels, asked):
    """The class (True: 1) of each row of ``asked``: shares of words in each class, with one added to each count."""
    shares = torch.stack([(counts[labels == k].sum(dim=0) + 1) for k in (0, 1)]).log()
    shares = shares - shares.logsumexp(dim=-1, keepdim=True)
    prior = torch.log((labels == 1).sum().to(TWO)) - torch.log((labels == 0).sum().to(TWO))
    return asked @ (shares[1] - shares[0]) + prior > 0


# ── the loss, counted ────────────────────────────────────────────────────────


class Loss:
    """Mean logistic loss plus half the penalty times the squared weights, the intercept left out of it.

    ``rows`` are features times +1 or -1, for the class: then the loss of a row is log(1 + exp(-row · theta)). What is
    asked is counted in passes over the rows. With ``path``, the places at which gradients are asked for are kept.
    """

    def __init__(self, rows, penalty: float):
        self.rows, self.penalty, self.seen = rows, penalty, 0
        self.weighed = torch.ones(rows.shape[1], dtype=TWO)
        self.weighed[0] = 0.0
        self.path: list[tuple[float, torch.Tensor]] = []

    @property
    def passes(self) -> float:
        return self.seen / len(self.rows)

    def value(self, theta):
        self.seen += len(self.rows)
        return loss_at(self.rows, self.penalty, theta)

    def slope(self, theta):
        self.path.append((self.passes, theta))
        return self.slope_of(theta, self.rows)

    def slope_of(self, theta, rows):
        self.seen += len(rows)
        return -(rows.T @ torch.sigmoid(-(rows @ theta))) / len(rows) + self.penalty * self.weighed * theta

    def bends(self, theta):
        self.seen += len(self.rows)
        share = torch.sigmoid(self.rows @ theta)
        bent = (self.rows * (share * (1 - share)).unsqueeze(1)).T @ self.rows / len(self.rows)
        return bent + self.penalty * torch.diag(self.weighed)


def loss_at(rows, penalty: float, theta):
    """The loss itself, for the record: nobody counts it."""
    return torch.nn.functional.softplus(-(rows @ theta)).mean() + penalty * (theta[1:] ** 2).sum() / 2


def lowest_of(rows, penalty: float):
    """Where the loss is lowest: L-BFGS to come near, then Newton. Also the loss there, and half the Newton decrement,
    which is about what is left of the gap."""
    loss = Loss(rows, penalty)
    theta = lbfgs(loss.value, loss.slope, torch.zeros(rows.shape[1], dtype=TWO), steps=200)
    theta = newton_minimize(loss.slope, loss.bends, theta, 8)
    step = theta - newton_minimize(loss.slope, loss.bends, theta, 1)
    left = float(loss.slope(theta) @ step) / 2
    found = float(loss_at(rows, penalty, theta))
    if not (math.isfinite(found) and abs(left) <= 1e-12):
        raise ValueError("Newton does not arrive on these texts: choose a larger penalty")
    return theta, found, abs(left)


# ── five ways ────────────────────────────────────────────────────────────────


def settings_of(method: str) -> list[tuple[float, float]]:
    """The rates, with betas, that a method tries: equally many wherever there is a rate."""
    if method not in RATES:
        return [(0.0, 0.0)]
    low, high = RATES[method]
    return [(2.0**k, beta) for beta in BETAS[method] for k in range(low, high + 1)]


def at_the_edge(method: str, rate: float) -> bool:
    """Whether the best rate is the last of those tried: then a better one may lie beyond."""
    return method in RATES and math.log2(rate) in RATES[method]


def walk(method: str, loss: Loss, setting: tuple[float, float], budget: int) -> list[tuple[float, torch.Tensor]]:
    """The places that a method comes to, from zero, each with the passes spent so far; at most ``budget`` of them."""
    rate, beta = setting
    start = torch.zeros(loss.rows.shape[1], dtype=TWO)
    if method == PLAIN:
        return list(enumerate(gradient_descent(loss.slope, start, rate, budget)))
    if method == NESTEROV:
        return list(enumerate(nesterov_descent(loss.slope, start, rate, beta, budget)))
    if method == NEWTON:
        return newton(loss, start, budget)
    if method == LBFGS:
        end = lbfgs(loss.value, loss.slope, start, steps=budget * 9 // 20)
        return [one for one in [*loss.path, (loss.passes, end)] if one[0] <= budget]
    generator = torch.Generator().manual_seed(0)
    places = [(0.0, start)]
    for epoch in range(budget):
        now = rate / (1 + epoch / 2) if method == FALLING else rate
        theta = sgd(loss.slope_of, places[-1][1], loss.rows, now, 1, BATCH, generator)
        places.append((loss.passes, theta))
    return places


def newton(loss: Loss, start, budget: int) -> list[tuple[float, torch.Tensor]]:
    """Full steps, from zero, until one is too short to matter."""
    places = [(0.0, start)]
    while loss.passes + 2 <= budget:
        here = places[-1][1]
        try:
            theta = newton_minimize(loss.slope, loss.bends, here, 1)
        except RuntimeError:  # so far out that the Hessian has become singular
            break
        places.append((loss.passes, theta))
        if not float((theta - here).norm()) > 1e-10 * (1 + float(here.norm())):
            break
    return places


def tried(method: str, rows, penalty: float, lowest: float, budget: int) -> dict:
    """The best of a method's settings: the one with the smallest gap at the end. The others' passes are its price."""
    best: dict = {}
    spent = 0.0
    for setting in settings_of(method):
        loss = Loss(rows, penalty)
        began = time.process_time()
        places = walk(method, loss, setting, budget)
        seconds = time.process_time() - began
        spent += loss.passes
        gaps = [gap(float(loss_at(rows, penalty, theta)), lowest) for _, theta in places]
        if not best or gaps[-1] < best["gaps"][-1]:
            best = {"setting": list(setting), "gaps": gaps, "theta": places[-1][1].tolist(), "seconds": seconds}
            best |= {"at": [float(passes) for passes, _ in places], "passes": loss.passes}
    return {**best, "choosing": spent - best["passes"]}


def gap(value: float, lowest: float) -> float:
    """How far above the lowest loss; infinite for a path that ran away, and never below what rounding leaves."""
    return max(value - lowest, FLOOR) if math.isfinite(value) else math.inf


def passes_to(one: dict, aim: float) -> float | None:
    return next((passes for passes, left in zip(one["at"], one["gaps"]) if left <= aim), None)


# ── the run ──────────────────────────────────────────────────────────────────


def run(run: Run, scale: Scale) -> None:
    torch.set_num_threads(1)  # the matrices are small, and what a method takes is told apart more steadily
    found = json.loads(run.input("passages.json").read_bytes())
    labels = {part: torch.tensor([label for label, _ in rows]) for part, rows in found.items()}
    passages = {part: [one for _, one in rows] for part, rows in found.items()}
    words = common_words(passages["train"], WORDS[scale])
    counts = {part: counted(rows, words) for part, rows in passages.items()}
    rows = features(counts["train"]) * (2 * labels["train"] - 1).unsqueeze(1)
    penalty, budget = float(run.options["penalty"]), PASSES[scale]
    tries = sum(len(settings_of(method)) for method in METHODS)
    seconds = 1 + tries * budget * len(rows) * 3e-6
    run.expect(seconds=seconds, memory_mb=400, passages=len(rows), words=len(words), passes_each=budget, tries=tries)
    theta, lowest, left = lowest_of(rows, penalty)
    state = run.state or {"done": {}}
    done = len(state["done"])
    for method in run.track(METHODS[done:], "descending", total=len(METHODS), done=done):
        state["done"][method] = tried(method, rows, penalty, lowest, budget)
        run.checkpoint(lambda: state)
    show(run, state["done"], lowest, left, budget)
    judged(run, state["done"], theta, counts, labels, lowest)


def show(run: Run, found: dict[str, dict], lowest: float, left: float, budget: int) -> None:
    """The race: passes to each aim, what it all cost, and the curves."""
    run.text(
        "The lowest loss",
        f"{lowest:.15f}, by Newton to its end; what is left of the gap is about {left:.0e} by its last step",
    )
    rows = []
    for method, one in found.items():
        (rate, beta), end = one["setting"], one["gaps"][-1]
        aims = [None if (at := passes_to(one, aim)) is None else round(at, 1) for aim in AIMS]
        edge = ("yes" if at_the_edge(method, rate) else "no") if rate else None
        rows.append([method, rate or None, beta or None, edge, end if end < math.inf else None, *aims])
    aims = [f"passes to a gap of {aim:g}" for aim in AIMS]
    run.table(
        "How near, each at its best setting",
        ["method", "rate", "beta", "at the edge of those tried", "gap at the end", *aims],
        rows,
    )
    run.table(
        "What it cost",
        ["method", "passes", "passes to choose the rate", "processor seconds", "milliseconds a pass"],
        [
            [name, round(one["passes"], 1), round(one["choosing"], 1), round(one["seconds"], 3), round(pace(one), 2)]
            for name, one in found.items()
        ],
    )
    for step in range(0, budget + 1, max(1, budget // 100)):
        last = {
            name: [left for at, left in zip(one["at"], one["gaps"]) if at <= step][-1] for name, one in found.items()
        }
        run.log(
            step, **{f"log10 of the gap, {name}": math.log10(value) for name, value in last.items() if value < math.inf}
        )


def pace(one: dict) -> float:
    return 1000 * one["seconds"] / one["passes"]


def judged(run: Run, found: dict[str, dict], theta, counts: dict, labels: dict, lowest: float) -> None:
    """Right decisions on the passages held out, beside the baselines, and the scores of the run."""
    x, truth = features(counts["held_out"]), labels["held_out"] == 1
    decided = {
        "always the same class": torch.zeros_like(truth),
        "naive Bayes": naive_bayes(counts["train"], labels["train"], counts["held_out"]),
        "the lowest loss": x @ theta > 0,
        **{name: x @ torch.tensor(one["theta"], dtype=TWO) > 0 for name, one in found.items()},
    }
    rows = [[name, share(one == truth), share(one == decided["the lowest loss"])] for name, one in decided.items()]
    run.table(f"{len(truth)} passages held out", ["by", "right", "decides as at the lowest loss"], rows)
    right = {name: one for name, one, _ in rows}
    run.result(
        lowest_loss=lowest,
        **{f"gap_{key_of(name)}": one["gaps"][-1] for name, one in found.items() if one["gaps"][-1] < math.inf},
        **{f"passes_{key_of(name)}": one["passes"] + one["choosing"] for name, one in found.items()},
        accuracy=right["the lowest loss"],
        accuracy_naive_bayes=right["naive Bayes"],
        accuracy_same_class=right["always the same class"],
    )


def key_of(name: str) -> str:
    return re.sub(r"\W+", "_", name.lower())


def share(hits) -> float:
    return round(float(hits.to(TWO).mean()), 4)
