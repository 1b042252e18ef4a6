"""Three problems, and every optimizer that is installed on this machine, with one counter for all of them.

A bowl that is 10 000 times as steep across as along, Rosenbrock's bent valley, and a real fit: logistic regression that
tells passages of two documents apart by the counts of their words, with a ridge penalty. The lowest height of each is known
(the third by Newton's method in float64), so that a place can be judged by its gap: its height above the lowest.

Your `lbfgs` and `backtracking_step` (if they are in use), the track's gradient descent, SciPy, torch.optim, Optax and
Keras ask for heights and gradients through the same wrapper, which counts both and notes the gap of every place that it is
asked about. What a library reports of itself is not looked at. A height is one evaluation and a gradient is one, also where
both are asked at one place. Methods with a rate try several, and what the other rates cost is a column of its own.
Baseline: gradient descent at the best of its rates.

A library that is not installed is named in the table, with the command that brings it. At ``smoke`` Optax and Keras are
left out: importing them takes longer than everything else there.
"""

import importlib.util
import json
import math
import os
import re
import time
from collections import Counter

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.passages import cut_passages
from groundup.stack.data.sets import SETS, read_text
from groundup.stack.numerics import backtracking_step, gradient_descent, lbfgs

options = {"text": Option(f"whose passages: python, {', '.join(SETS)}, or a text file's path", default="python")}
BUDGET = {"smoke": 150, "tiny": 2000, "small": 20_000}  # evaluations of one try, heights and gradients together
PASSAGES = {"smoke": 40, "tiny": 160, "small": 200}  # of each of the two documents
WORDS = {"smoke": 20, "tiny": 120, "small": 200}  # that are counted
scales = tuple(BUDGET)
LENGTH = 25  # words of a passage
PENALTY = 1e-3
MEMORY = 10  # pairs, for every method that keeps pairs
AIMS = (1e-3, 1e-6, 1e-9)  # shares of the first gap
MIDDLE = 1e-6  # the one that the scores are about
# Rates: shares of 1 / (largest curvature at the start), and for Adam, whose steps have the rate's own size, plain ones.
SHARES = {"smoke": (0.9, 1.8, 7.2), "tiny": tuple(1.8 * 2.0**k for k in range(-2, 7))}
ADAM = {"smoke": (0.3, 0.1, 0.03), "tiny": (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)}
TWO = torch.float64
BOWL, BENT, FIT = "bowl, condition 10 000", "Rosenbrock", "two documents"
LIBRARIES = {"scipy": "labs", "optax": "optimizers", "keras": "optimizers"}  # and the extra that brings each
SLOW = ("optax", "keras")  # to import


# ── the problems ─────────────────────────────────────────────────────────────


def prepare(options, scale):
    corpus = read_text(str(options["text"]))
    passages = [[1.0 - 2 * number, words] for number, words in cut_passages(corpus.train, 2, PASSAGES[scale], LENGTH)]
    provenance = {**corpus.provenance, "passages": len(passages), "documents_told_apart": 2}
    return Inputs({"passages.json": json.dumps(passages).encode()}, provenance)


class Problem:
    """A height with its gradient and second derivatives, all in float64, a start, and the lowest height there is."""

    def __init__(self, height, slope, bends, start):
        self.height, self.slope, self.bends, self.start = height, slope, bends, start
        self.lowest = float(height(newton(slope, bends, height, start)))
        self.first_gap = float(height(start)) - self.lowest
        self.curvature = float(torch.linalg.eigvalsh(bends(start)).max())


def newton(slope, bends, height, start, steps=200):
    """The lowest place, by full or halved steps of Newton's method until they move nothing."""
    x = start.clone()
    for _ in range(steps):
        step, length = torch.linalg.solve(bends(x), -slope(x)), 1.0
        while length > 1e-9 and not float(height(x + length * step)) <= float(height(x)):
            length /= 2
        if length <= 1e-9 or torch.equal(x + length * step, x):
            break
        x = x + length * step
    return x


def bowl(condition: float = 1e4, n: int = 20) -> Problem:
    generator = torch.Generator().manual_seed(0)
    basis, _ = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=TWO))
    matrix = (basis * torch.logspace(0, math.log10(condition), n, dtype=TWO)) @ basis.T
    start = torch.randn(n, generator=generator, dtype=TWO)
    return Problem(lambda x: x @ matrix @ x / 2, lambda x: matrix @ x, lambda x: matrix, start)


def rosenbrock() -> Problem:
    def slope(x):
        a, b = x
        return torch.stack([2 * (a - 1) - 400 * a * (b - a**2), 200 * (b - a**2)])

    def bends(x):
        a, b = x.tolist()
        return torch.tensor([[2 + 1200 * a**2 - 400 * b, -400 * a], [-400 * a, 200.0]], dtype=TWO)

    start = torch.tensor([-1.2, 1.0], dtype=TWO)
    return Problem(lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2, slope, bends, start)


def two_documents(passages, words: int) -> Problem:
    counts = Counter(word for _, passage in passages for word in passage)
    place = {word: i + 1 for i, (word, _) in enumerate(counts.most_common(words))}
    rows = torch.zeros(len(passages), len(place) + 1, dtype=TWO)
    rows[:, 0] = 1
    for row, (_, passage) in zip(rows, passages):
        for word in passage:
            if word in place:
                row[place[word]] += 1
    return logistic(rows * torch.tensor([label for label, _ in passages], dtype=TWO).unsqueeze(1))


def logistic(rows) -> Problem:
    """Mean surprise of logistic regression; each row is the features of a passage times its label, 1 or -1."""
    n, width = rows.shape
    ridge = PENALTY * torch.eye(width, dtype=TWO)
    ridge[0, 0] = 0  # the column of ones is not held down

    def bends(w):
        share = torch.sigmoid(rows @ w)
        return rows.T @ (rows * (share * (1 - share)).unsqueeze(1)) / n + ridge

    return Problem(
        lambda w: torch.nn.functional.softplus(-(rows @ w)).mean() + w @ ridge @ w / 2,
        lambda w: -rows.T @ torch.sigmoid(-(rows @ w)) / n + ridge @ w,
        bends,
        torch.zeros(width, dtype=TWO),
    )


# ── the counter ──────────────────────────────────────────────────────────────


class Enough(Exception):
    """The gap is as small as it is to become, or the budget is spent."""


class Counted:
    """A problem's height and gradient, counted. ``best`` has (evaluations so far, lowest gap so far) where it fell."""

    def __init__(self, problem: Problem, budget: int):
        self.problem, self.budget = problem, budget
        self.heights = self.gradients = 0
        self.best = [(0, problem.first_gap)]
        self.over = False

    @property
    def evaluations(self) -> int:
        return self.heights + self.gradients

    def height(self, x):
        self._begin()
        self.heights += 1
        value = self.problem.height(x.detach())
        self._note(x, value)
        return value

    def gradient(self, x):
        self._begin()
        self.gradients += 1
        self._note(x, self.problem.height(x.detach()))  # to judge the place: this one is ours and not counted
        return self.problem.slope(x.detach())

    def _begin(self):
        if self.over:
            raise Enough

    def _note(self, x, value):
        gap = float(value) - self.problem.lowest
        if gap < self.best[-1][1]:
            self.best.append((self.evaluations, gap))
        reached = self.best[-1][1] <= min(AIMS) * self.problem.first_gap
        self.over = reached or self.evaluations >= self.budget or not bool(x.isfinite().all())


# ── the methods: each goes on until the counter says that it is enough, or it gives up by itself ──


def ours_lbfgs(counted, rate):
    lbfgs(counted.height, counted.gradient, counted.problem.start, MEMORY, counted.budget)


def ours_backtracking(counted, rate):
    """Straight against the gradient, with a length found by trial that begins at twice the last one."""
    x, reach = counted.problem.start, 1.0
    while True:
        slope = counted.gradient(x)
        direction = -reach * slope
        length = backtracking_step(counted.height, lambda _: slope, x, direction)
        if length == 0.0:
            return
        x, reach = x + length * direction, 2 * reach * length


def ours_descent(counted, rate):
    gradient_descent(counted.gradient, counted.problem.start, rate, counted.budget)


def scipy_method(method, **settings):
    def solve(counted, rate):
        import numpy as np
        from scipy.optimize import minimize

        at = lambda x: torch.from_numpy(np.array(x, dtype=np.float64))
        jac = None if method == "Nelder-Mead" else lambda x: counted.gradient(at(x)).numpy()
        start = counted.problem.start.numpy().copy()
        minimize(lambda x: float(counted.height(at(x))), start, jac=jac, method=method, options=settings)

    return solve


def torch_lbfgs(counted, rate):
    w = torch.nn.Parameter(counted.problem.start.clone())
    limits = {"max_iter": counted.budget, "max_eval": counted.budget, "tolerance_grad": 0, "tolerance_change": 0}
    optimizer = torch.optim.LBFGS([w], history_size=MEMORY, line_search_fn="strong_wolfe", **limits)

    def closure():
        value, w.grad = counted.height(w), counted.gradient(w)
        return value

    optimizer.step(closure)


def torch_first_order(make):
    def solve(counted, rate):
        w = torch.nn.Parameter(counted.problem.start.clone())
        optimizer = make([w], rate)
        while True:
            w.grad = counted.gradient(w)
            optimizer.step()

    return solve


def optax_adam(counted, rate):
    jax, optax = jax_and_optax()
    optimizer = optax.adam(rate)
    x = jax.numpy.asarray(counted.problem.start.numpy())
    state = optimizer.init(x)

    @jax.jit
    def step(x, state, gradient):
        change, state = optimizer.update(gradient, state, x)
        return optax.apply_updates(x, change), state

    while True:
        x, state = step(x, state, counted.gradient(from_jax(x)).numpy())


def optax_lbfgs(counted, rate):
    """Its search for a length runs in a loop of compiled code, which calls out to the counter for every trial."""
    jax, optax = jax_and_optax()
    start = jax.numpy.asarray(counted.problem.start.numpy())
    shapes = (jax.ShapeDtypeStruct((), start.dtype), jax.ShapeDtypeStruct(start.shape, start.dtype))

    def outside(x):
        at = from_jax(x)
        try:
            return counted.height(at).numpy(), counted.gradient(at).numpy()
        except Enough:  # no error may leave compiled code: its search goes on, uncounted, to the end of the step
            return counted.problem.height(at).numpy(), counted.problem.slope(at).numpy()

    @jax.custom_vjp
    def height(x):
        return jax.pure_callback(outside, shapes, x)[0]

    height.defvjp(lambda x: jax.pure_callback(outside, shapes, x), lambda slope, share: (share * slope,))
    optimizer = optax.lbfgs(memory_size=MEMORY)
    value_and_gradient = optax.value_and_grad_from_state(height)

    @jax.jit
    def step(x, state):
        value, gradient = value_and_gradient(x, state=state)
        change, state = optimizer.update(gradient, state, x, value=value, grad=gradient, value_fn=height)
        return optax.apply_updates(x, change), state

    x, state = start, optimizer.init(start)
    while not counted.over:
        before, (x, state) = x, step(x, state)
        if bool((before == x).all()):
            return


def jax_and_optax():
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", False)  # the counter is called from within compiled code
    import optax

    return jax, optax


def from_jax(x):
    import numpy as np

    return torch.from_numpy(np.array(x, dtype=np.float64))


def keras_first_order(make):
    def solve(counted, rate):
        keras = keras_on_torch()
        w = keras.Variable(counted.problem.start.numpy(), dtype="float64")
        optimizer = make(keras.optimizers, rate)
        optimizer.build([w])
        while True:
            optimizer.apply([counted.gradient(w.value.detach())])

    return solve


def keras_on_torch():
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    return keras


DESCENT, OWN = "groundup gradient descent", "groundup L-BFGS"
NO_RATE, BY_CURVATURE, PLAIN = "", "curvature", "plain"
EXACT = {"ftol": 0.0, "gtol": 0.0, "maxiter": 10**6, "maxfun": 10**6}
# Name: how it goes, which kind of rate it needs, the library that must be there.
METHODS = {
    OWN: (ours_lbfgs, NO_RATE, ""),
    "groundup backtracking": (ours_backtracking, NO_RATE, ""),
    DESCENT: (ours_descent, BY_CURVATURE, ""),
    "SciPy L-BFGS-B": (scipy_method("L-BFGS-B", maxcor=MEMORY, **EXACT), NO_RATE, "scipy"),
    "SciPy BFGS": (scipy_method("BFGS", gtol=0.0, maxiter=10**6), NO_RATE, "scipy"),
    "SciPy CG": (scipy_method("CG", gtol=0.0, maxiter=10**6), NO_RATE, "scipy"),
    "SciPy Nelder-Mead": (
        scipy_method("Nelder-Mead", xatol=0.0, fatol=0.0, adaptive=True, maxfev=10**6),
        NO_RATE,
        "scipy",
    ),
    "torch LBFGS": (torch_lbfgs, NO_RATE, ""),
    "torch SGD, momentum": (
        torch_first_order(lambda w, rate: torch.optim.SGD(w, rate, momentum=0.9)),
        BY_CURVATURE,
        "",
    ),
    "torch Adam": (torch_first_order(lambda w, rate: torch.optim.Adam(w, rate)), PLAIN, ""),
    "Optax lbfgs": (optax_lbfgs, NO_RATE, "optax"),
    "Optax adam": (optax_adam, PLAIN, "optax"),
    "Keras SGD, Nesterov": (
        keras_first_order(lambda of, rate: of.SGD(rate, momentum=0.9, nesterov=True)),
        BY_CURVATURE,
        "keras",
    ),
    "Keras Adam": (keras_first_order(lambda of, rate: of.Adam(rate)), PLAIN, "keras"),
}


def left_out(name: str, scale: str) -> str:
    """Why a method is not run, or nothing."""
    library = METHODS[name][2]
    if not library:
        return ""
    if importlib.util.find_spec(library) is None:
        return f"not installed: pip install 'groundup[{LIBRARIES[library]}]'"
    return "from the scale tiny on (its import is slow)" if scale == "smoke" and library in SLOW else ""


def rates_of(name: str, problem: Problem, scale: str) -> tuple:
    kind, smallest = METHODS[name][1], "smoke" if scale == "smoke" else "tiny"
    if kind == NO_RATE:
        return (None,)
    return ADAM[smallest] if kind == PLAIN else tuple(share / problem.curvature for share in SHARES[smallest])


def tried(name: str, problem: Problem, scale: str) -> dict:
    """The best of a method's rates: whose gap came first to the middle aim, or was the smallest at the end."""
    tries, rates = [], rates_of(name, problem, scale)
    began = time.monotonic()
    for rate in rates:
        counted, gave_up = Counted(problem, BUDGET[scale]), False
        try:
            METHODS[name][0](counted, rate)
            gave_up = not counted.over
        except Enough:
            pass
        tries.append(
            {
                "rate": rate,
                "f": counted.heights,
                "grad": counted.gradients,
                "best": counted.best,
                "gave_up": gave_up,
                "edge": rate is not None and rate in (min(rates), max(rates)),
            }
        )
    first = problem.first_gap
    best = min(tries, key=lambda one: (evaluations_to(one, MIDDLE * first) or math.inf, one["best"][-1][1]))
    others = sum(one["f"] + one["grad"] for one in tries) - best["f"] - best["grad"]
    return {**best, "first_gap": first, "others": others, "seconds": time.monotonic() - began}


def evaluations_to(one: dict, gap: float) -> int | None:
    return next((spent for spent, reached in one["best"] if reached <= gap), None)


# ── the run ──────────────────────────────────────────────────────────────────


def run(run: Run, scale: Scale) -> None:
    torch.set_num_threads(1)  # vectors as small as these are only held up by a second one
    passages = json.loads(run.input("passages.json").read_bytes())
    problems = {BOWL: bowl(), BENT: rosenbrock(), FIT: two_documents(passages, WORDS[scale])}
    missing = {name: why for name in METHODS if (why := left_out(name, scale))}
    there = [name for name in METHODS if name not in missing]
    rates = sum(len(rates_of(name, problem, scale)) for name in there for problem in problems.values())
    imports = 7.0 * any(METHODS[name][2] in SLOW for name in there)
    run.expect(
        seconds=2 + imports + rates * BUDGET[scale] * 1.6e-4,
        memory_mb=1100 if imports else 450,
        problems=len(problems),
        methods=len(there),
        importing_seconds=imports,
    )
    races = [(problem, name) for problem in problems for name in there]
    state = run.state or {"done": []}
    for problem, name in run.track(races[len(state["done"]) :], "racing", len(races), len(state["done"])):
        state["done"].append(json.dumps(tried(name, problems[problem], scale)))
        run.checkpoint(lambda: state)
    found = {race: json.loads(one) for race, one in zip(races, state["done"])}
    show(run, problems, found, missing, scale)


def show(run: Run, problems, found: dict, missing: dict, scale: str) -> None:
    for problem in problems:
        rows = []
        for name in METHODS:
            one = found.get((problem, name))
            rows.append([name, missing[name], *[None] * 7] if one is None else [name, *row_of(one)])
        aims = [f"to {aim:g} of the first gap" for aim in AIMS]
        columns = ["method", "rate", *aims, "f asked", "gradients asked", "spent on other rates", "seconds"]
        run.table(f"{problem}: evaluations, heights and gradients together", columns, rows)
    run.text(f"Evaluations to a gap of {MIDDLE:g} of the first", picture(problems, found, BUDGET[scale]))
    shown = [name for name in METHODS if (FIT, name) in found and name != "SciPy CG"]
    for step in sorted({round(BUDGET[scale] ** (k / 60)) for k in range(61)}):
        run.log(step, **{name: digits(found[FIT, name], step) for name in shown})
    run.result(**scores(found, missing))


def row_of(one: dict) -> list:
    rate = "none" if one["rate"] is None else f"{one['rate']:.3g}" + (", at the edge" if one["edge"] else "")
    reached = [evaluations_to(one, aim * one["first_gap"]) for aim in AIMS]
    return [
        rate + (", gave up" if one["gave_up"] else ""),
        *reached,
        one["f"],
        one["grad"],
        one["others"],
        round(one["seconds"], 2),
    ]


def digits(one: dict, spent: int) -> float:
    """How many digits of the first gap are gone after so many evaluations."""
    gap = min(reached for at, reached in one["best"] if at <= spent)
    return math.log10(one["first_gap"] / max(gap, 1e-16 * one["first_gap"]))


def picture(problems, found: dict, budget: int, width: int = 40) -> str:
    """A bar for each method, as long as the logarithm of its evaluations; an arrow where the budget did not do."""
    lines = []
    for problem in problems:
        lines.append(problem)
        for (of, name), one in found.items():
            if of != problem:
                continue
            needed = evaluations_to(one, MIDDLE * one["first_gap"])
            length = width if needed is None else max(1, round(width * math.log(needed + 1) / math.log(budget + 1)))
            ending = f"> not with {one['f'] + one['grad']}" if needed is None else f" {needed}"
            lines.append(f"  {name:<27}" + "#" * length + ending)
    return "\n".join(lines)


def scores(found: dict, missing: dict) -> dict:
    needed = {name: evaluations_to(one, MIDDLE * one["first_gap"]) for (of, name), one in found.items() if of == FIT}
    never = math.inf
    own, descent = needed[OWN] or never, needed[DESCENT] or never
    said = {re.sub(r"[^a-z]+", "_", name.lower()): count for name, count in needed.items() if count}
    reached = [one for one in found if evaluations_to(found[one], MIDDLE * found[one]["first_gap"])]
    return {
        **said,
        "lbfgs_beats_descent": own < descent,
        "problems_that_lbfgs_solves": sum(name == OWN for _, name in reached),
        "problems_that_descent_solves": sum(name == DESCENT for _, name in reached),
        "methods_left_out": "; ".join(f"{name} {why}" for name, why in missing.items()) or "none",
    }
