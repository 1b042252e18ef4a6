"""A race down ill-conditioned valleys: plain descent, momentum and Nesterov's look ahead, each at the best rate it can find.

Five valleys. Two are bowls whose curvatures are known, and whose best settings can be looked up. One is Rosenbrock's bent
valley. Two are the loss of the smallest language model there is: a table of weights, one for each pair of letters, that
predicts the next letter of real text. Its lowest loss is known exactly (it follows from the counts of pairs), so that the
distance to the end can be told. Letters are unequally frequent, and so is the curvature: the second of the two spells that
out, with the rare letters left in, where the first has the common ones alone.

Every method tries equally many settings: rates by factors of two with a few betas, for plain descent a finer grid of rates.
The one with the lowest loss after a given number of gradients counts. Baseline: plain descent, at its best rate.
"""

import json
import math
import string

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.sets import SETS, read_text
from groundup.stack.numerics import gradient_descent, momentum_descent, nesterov_descent

options = {
    "text": Option(f"the text to predict: python, {', '.join(SETS)}, or a text file's path", default="python"),
}
STEPS = {"smoke": 60, "tiny": 400, "small": 3000}
TRIES = {"smoke": (8, (0.9,)), "tiny": (14, (0.5, 0.9, 0.97)), "small": (20, (0.5, 0.8, 0.9, 0.95, 0.98, 0.99))}
scales = tuple(STEPS)
LETTERS = {"common letters": " etaoins", "all letters": " " + string.ascii_lowercase}
CHARACTERS = 2_000_000  # of the text, at most
METHODS = ("plain", "momentum", "nesterov")
TWO = torch.float64


def prepare(options, scale):
    corpus = read_text(str(options["text"]))
    kept = "".join(one if one in LETTERS["all letters"] else " " for one in corpus.train[:CHARACTERS].lower())
    words = kept.split()
    if len(words) < 200:
        raise ValueError(f"{len(words)} words, where 200 are needed: name a longer text")
    text = " ".join(words)
    pairs = {name: pairs_of(text, letters) for name, letters in LETTERS.items()}
    provenance = {**corpus.provenance, "letters": len(text)}
    return Inputs({"pairs.json": json.dumps(pairs).encode()}, provenance)


def pairs_of(text: str, letters: str) -> list[list[int]]:
    """How often each letter follows each, among neighbors that are both in ``letters``."""
    place = {letter: i for i, letter in enumerate(letters)}
    numbers = torch.tensor([place.get(letter, -1) for letter in text])
    first, second = numbers[:-1], numbers[1:]
    both = (first >= 0) & (second >= 0)
    flat = first[both] * len(letters) + second[both]
    return torch.bincount(flat, minlength=len(letters) ** 2).reshape(len(letters), -1).tolist()


class Valley:
    """A loss with its gradient, a start, the lowest loss there is, and the largest curvature, for a first rate."""

    def __init__(self, loss, grad, start, lowest, curvature):
        self.loss, self.grad, self.start, self.lowest, self.curvature = loss, grad, start, lowest, curvature


def bowl(condition: float, n: int = 20) -> Valley:
    """Curvatures from 1 to ``condition``, evenly in powers, along axes that lie askew."""
    generator = torch.Generator().manual_seed(0)
    basis, _ = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=TWO))
    matrix = (basis * torch.logspace(0, math.log10(condition), n, dtype=TWO)) @ basis.T
    start = torch.randn(n, generator=generator, dtype=TWO)
    return Valley(lambda x: ((x @ matrix) * x).sum(-1) / 2, lambda x: matrix @ x, start, 0.0, condition)


def rosenbrock() -> Valley:
    def loss(x):
        a, b = x[..., 0], x[..., 1]
        return (1 - a) ** 2 + 100 * (b - a**2) ** 2

    def grad(x):
        a, b = x[0], x[1]
        return torch.stack([-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)])

    return Valley(loss, grad, torch.tensor([-1.2, 1.0], dtype=TWO), 0.0, 1000.0)


def next_letter(pairs: list[list[int]]) -> Valley:
    """The mean number of bits with which a table of weights predicts the second letter of a pair from the first."""
    counts = torch.tensor(pairs, dtype=TWO)
    share = counts / counts.sum()
    first = share.sum(dim=1, keepdim=True)
    bit = math.log(2)

    def loss(w):
        return -(share * torch.log_softmax(w, dim=-1)).sum(dim=(-2, -1)) / bit

    def grad(w):
        return (first * torch.softmax(w, dim=-1) - share) / bit

    given = share / first.clamp_min(1e-300)
    lowest = -float(torch.special.xlogy(share, given).sum()) / bit
    # The curvature of a row is its letter's share times at most a half (a covariance of one-hot vectors).
    return Valley(loss, grad, torch.zeros_like(share), lowest, float(first.max()) / 2 / bit)


def walk(method: str, valley: Valley, lr: float, beta: float, steps: int) -> torch.Tensor:
    if method == "plain":
        return gradient_descent(valley.grad, valley.start, lr, steps)
    descend = momentum_descent if method == "momentum" else nesterov_descent
    return descend(valley.grad, valley.start, lr, beta, steps)


def gap(valley: Valley, path: torch.Tensor) -> torch.Tensor:
    """How far above the lowest loss each place of a path lies; a path that ran away is infinitely far."""
    return (valley.loss(path) - valley.lowest).clamp_min(0.0).nan_to_num(nan=math.inf)


def best(method: str, valley: Valley, steps: int, tries: int, betas: tuple[float, ...]) -> dict:
    """The best of a grid of rates (and betas): the setting with the lowest loss at the end, and its gaps."""
    found: dict = {}
    # Plain descent, which has no beta to choose, gets the same number of tries, on a grid of rates that is finer.
    each = len(betas) if method == "plain" else 1
    for beta in (0.0,) if method == "plain" else betas:
        for k in range(tries * each):
            lr = 4 / valley.curvature / 2 ** (k / each if valley.lowest == 0.0 else k / each - tries // 2)
            gaps = gap(valley, walk(method, valley, lr, beta, steps))
            if not found or float(gaps[-1]) < found["gaps"][-1]:
                found = {"lr": lr, "beta": beta, "gaps": gaps.tolist()}
    return found


def steps_to(gaps: list[float], aim: float) -> int | None:
    return next((step for step, one in enumerate(gaps) if one <= aim), None)


def run(run: Run, scale: Scale) -> None:
    pairs = json.loads(run.input("pairs.json").read_bytes())
    valleys = {
        "bowl, condition 100": bowl(100.0),
        "bowl, condition 10000": bowl(10_000.0),
        "Rosenbrock": rosenbrock(),
        **{f"next letter, {name}": next_letter(counts) for name, counts in pairs.items()},
    }
    steps, (tries, betas) = STEPS[scale], TRIES[scale]
    runs = len(valleys) * tries * 3 * len(betas)
    run.expect(seconds=1 + runs * steps * 1.2e-4, memory_mb=300 + steps * 27 * 27 * 8 * 6 / 2**20, paths=runs)
    state = run.state or {"done": {}}
    races = [(name, method) for name in valleys for method in METHODS]
    done = len(state["done"])
    for name, method in run.track(races[done:], "racing", total=len(races), done=done):
        state["done"][f"{name} / {method}"] = best(method, valleys[name], steps, tries, betas)
        run.checkpoint(lambda: state)
    show(run, valleys, state["done"], steps)


def show(run: Run, valleys: dict[str, Valley], found: dict[str, dict], steps: int) -> None:
    """The table of the race, the curves of the hardest valley, two paths to look at, and the scores."""
    rows, ahead = [], {}
    for name in valleys:
        each = {method: found[f"{name} / {method}"] for method in METHODS}
        # What plain descent reaches with all its steps, but no closer than numbers of 16 digits can tell.
        aim = max(each["plain"]["gaps"][-1], 1e-12 * each["plain"]["gaps"][0])
        for method, one in each.items():
            rows.append([name, method, one["lr"], one["beta"], one["gaps"][-1], steps_to(one["gaps"], aim)])
            ahead[name, method] = steps_to(one["gaps"], aim)
    columns = [
        "valley",
        "method",
        "best rate",
        "beta",
        "above the lowest",
        f"gradients to where plain comes in {steps}",
    ]
    run.table("The race, each at its best settings", columns, rows)
    hardest = "next letter, all letters"
    for step in range(0, steps + 1, max(1, steps // 60)):
        gaps = {method: found[f"{hardest} / {method}"]["gaps"][step] for method in METHODS}
        run.log(step, **gaps)
    bent = valleys["Rosenbrock"]
    lines = []
    for method in METHODS:
        one = found[f"Rosenbrock / {method}"]
        path = walk(method, bent, one["lr"], one["beta"], steps)
        lines.append(f"{method} (rate {one['lr']:.2g}, beta {one['beta']:g})\n{picture(path)}")
    run.text("Paths down Rosenbrock's valley, from o on the left to the lowest place, x", "\n\n".join(lines))
    saved = {}
    for method in ("momentum", "nesterov"):
        needed = [ahead[name, method] for name in valleys]
        saved[f"{method}_wins"] = sum(
            one is not None and one < (ahead[name, "plain"] or steps) for name, one in zip(valleys, needed)
        )
        of_text = ahead[hardest, method]
        saved[f"{method}_gradients_all_letters"] = steps if of_text is None else of_text
    run.result(
        valleys=len(valleys),
        plain_gradients_all_letters=steps,
        **saved,
        momentum_beats_plain=saved["momentum_gradients_all_letters"] < steps,
        nesterov_beats_plain=saved["nesterov_gradients_all_letters"] < steps,
    )


def picture(path: torch.Tensor, width: int = 64, height: int = 16) -> str:
    """A path over x from -1.6 to 1.6 and y from -0.6 to 1.6, drawn with characters."""
    board = [[" "] * width for _ in range(height)]

    def put(place, sign):
        x, y = (float(place[0]) + 1.6) / 3.2, (1.6 - float(place[1])) / 2.2
        if 0 <= x < 1 and 0 <= y < 1:
            board[int(y * height)][int(x * width)] = sign

    for place in path:
        put(place, "·")
    put(path[0], "o")
    put((1.0, 1.0), "x")
    return "\n".join("|" + "".join(row) + "|" for row in board)
