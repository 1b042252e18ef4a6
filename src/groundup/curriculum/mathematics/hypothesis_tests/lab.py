"""Is model A really better than model B? Two classifiers on the same passages of real text, and three ways to ask.

The classifiers guess the next letter of a text from the last few letters, by counts; A looks at more letters than B. Both are
scored on the same passages, which neither has seen. Compared are the scores as two groups, by permutation and by t, and their
differences, passage by passage. Then the promise is tried out: one and the same model is "compared" with itself many times,
on random halves of the passages, where every finding is a false alarm. The baseline is alpha: not more of them than that.
At last all pairs of models are tested, with and without Holm's correction.
"""

import json
import math
import re
from collections import Counter, defaultdict

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.sets import SETS, read_text
from groundup.stack.numerics import holm_bonferroni, permutation_p_value, t_statistic

options = {
    "text": Option(f"whose letters: python, {', '.join(SETS)}, or a text file's path", default="python"),
    "a": Option("letters that model A looks at", "number", 3, low=0, high=6),
    "b": Option("letters that model B looks at", "number", 2, low=0, high=6),
    "alpha": Option("the level of all tests", "number", 0.05, low=0.001, high=0.5),
}
PASSAGES = {"smoke": 24, "tiny": 80, "small": 400}  # to be scored, each of as many letters:
LETTERS = 200
TRAINING = {"smoke": 20_000, "tiny": 200_000, "small": 5_000_000}
ALARMS = {"smoke": 60, "tiny": 1000, "small": 5000}
TRIES = {"smoke": 199, "tiny": 999, "small": 4999}
scales = tuple(PASSAGES)
MODELS = (0, 1, 2, 3)


def prepare(options, scale):
    corpus = read_text(str(options["text"]))
    letters = " ".join(re.findall(r"[^\W\d_]+", corpus.train.lower()))
    wanted = PASSAGES[scale] * LETTERS
    if len(letters) < 3 * wanted:
        raise ValueError(
            f"{len(letters)} letters, where {3 * wanted} are needed: name a longer text or a smaller scale"
        )
    # Passages from all over the text, each followed by what is learned from.
    stride = len(letters) // PASSAGES[scale]
    passages = [letters[i * stride : i * stride + LETTERS] for i in range(PASSAGES[scale])]
    rest = [letters[i * stride + LETTERS : (i + 1) * stride] for i in range(PASSAGES[scale])]
    share = min(TRAINING[scale] // PASSAGES[scale], stride - LETTERS)
    found = {"passages": passages, "training": [one[:share] for one in rest]}
    return Inputs({"text.json": json.dumps(found).encode()}, {**corpus.provenance, "passages": len(passages)})


def learn(training: list[str], context: int) -> list[dict[str, str]]:
    """For each length up to this, the letter that most often follows these last letters."""
    tables = []
    for length in range(context + 1):
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for text in training:
            for i in range(length, len(text)):
                counts[text[i - length : i]][text[i]] += 1
        # Of equally frequent letters the first of the alphabet, so that the order of the text does not matter.
        tables.append({key: min(found, key=lambda letter: (-found[letter], letter)) for key, found in counts.items()})
    return tables


def score(tables: list[dict[str, str]], passage: str) -> float:
    """The share of letters that were guessed; where the last letters are new, fewer of them are looked at."""
    right, longest = 0, len(tables) - 1
    for i in range(longest, len(passage)):
        guess = next((tables[n][key] for n in range(longest, -1, -1) if (key := passage[i - n : i]) in tables[n]), "")
        right += guess == passage[i]
    return right / max(len(passage) - longest, 1)


def two_sided(t: float) -> float:
    """How often a standard normal number is that far out: what t means where there are some dozens of samples."""
    return math.erfc(abs(t) / math.sqrt(2)) if t == t else 1.0


def false_alarms(scores: torch.Tensor, steps, state, tries: int, alpha: float, run: Run) -> None:
    """Random halves of one model's scores, compared: each p-value goes into the state."""
    for number in steps:
        generator = torch.Generator().manual_seed(state["base"] + number)
        order = torch.randperm(len(scores), generator=generator)
        half = len(scores) // 2
        state["p"].append(permutation_p_value(scores[order[:half]], scores[order[half:]], tries, generator))
        if number % 20 == 19:
            run.log(number + 1, false_alarms=sum(p <= alpha for p in state["p"]) / len(state["p"]))
        run.checkpoint(lambda: state)


def run(run: Run, scale: Scale) -> None:
    found = json.loads(run.input("text.json").read_bytes())
    alpha, tries = float(run.options["alpha"]), TRIES[scale]
    names = sorted({*MODELS, int(run.options["a"]), int(run.options["b"])})
    size = sum(len(one) for one in found["training"])
    run.expect(seconds=3 + len(names) ** 2 * size / 2e6, memory_mb=400 + size / 5e4, letters=size, models=len(names))
    state = run.state or {"base": int(torch.randint(2**40, ()).item()), "p": [], "scores": {}}
    for context in names[len(state["scores"]) :]:
        tables = learn(found["training"], context)
        state["scores"][str(context)] = [score(tables, passage) for passage in found["passages"]]
        run.checkpoint(lambda: state)
    scores = {context: torch.tensor(state["scores"][str(context)], dtype=torch.float64) for context in names}
    a, b = scores[int(run.options["a"])], scores[int(run.options["b"])]
    done = len(state["p"])
    steps = run.track(range(done, ALARMS[scale]), "a model against itself", total=ALARMS[scale], done=done)
    false_alarms(a, steps, state, tries, alpha, run)
    generator = torch.Generator().manual_seed(state["base"] - 1)
    groups, paired = report(run, a, b, tries, generator)
    pairs(run, scores, alpha)
    share = sum(p <= alpha for p in state["p"]) / len(state["p"])
    run.result(
        mean_a=float(a.mean()),
        mean_b=float(b.mean()),
        p_as_groups=groups,
        p_as_differences=paired,
        finds_the_difference=paired <= alpha,
        false_alarms=share,
        alpha=alpha,
        promise_held=share <= alpha + 4 * math.sqrt(alpha * (1 - alpha) / len(state["p"])),
    )


def report(run: Run, a, b, tries: int, generator: torch.Generator) -> tuple[float, float]:
    """The three ways to ask; p as two groups by permutation, and as differences."""
    difference, nothing = a - b, torch.zeros_like(a)
    groups = permutation_p_value(a, b, tries, generator)
    t, paired = float(t_statistic(a, b)), float(t_statistic(difference, nothing))
    rows = [
        ["two groups, labels handed out anew", float(a.mean() - b.mean()), None, groups],
        ["two groups, t", float(a.mean() - b.mean()), t, two_sided(t)],
        ["differences, passage by passage, t", float(difference.mean()), paired, two_sided(paired)],
    ]
    run.table("Is A better than B?", ["asked of", "difference", "t", "p"], rows)
    return groups, two_sided(paired)


def pairs(run: Run, scores: dict[int, torch.Tensor], alpha: float) -> None:
    """Every model against every other, by differences."""
    names = [(i, j) for i in scores for j in scores if i > j]
    p = [two_sided(float(t_statistic(scores[i] - scores[j], torch.zeros_like(scores[i])))) for i, j in names]
    rejected = holm_bonferroni(torch.tensor(p, dtype=torch.float64), alpha)
    rows = [
        [
            f"{i} letters against {j}",
            float(scores[i].mean()),
            float(scores[j].mean()),
            one,
            str(one <= alpha),
            str(bool(kept)),
        ]
        for (i, j), one, kept in zip(names, p, rejected)
    ]
    run.table("All pairs", ["models", "first", "second", "p", "by itself", "with Holm's correction"], rows)
