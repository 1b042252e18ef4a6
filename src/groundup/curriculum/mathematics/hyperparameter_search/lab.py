"""Three ways to spend the same number of epochs on finding the settings of a classifier of real text.

The classifier tells which of a few long documents a passage was cut from, by the counts of its words: one layer and a
softmax, trained by stochastic gradient descent. To be found are the learning rate, the weight decay and the batch size.
A grid and a random search train 16 settings for 16 epochs each; successive halving begins three times with 16 settings
for one epoch, and gives only the better half of them twice as many. All three choose by passages that none of them
trains on, and are judged by others that no choice has seen. Baseline: settings that were not searched for.
"""

import json
import math
import re
from collections import Counter

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.sets import SEPARATOR, SETS, read_text
from groundup.stack.numerics import grid, random_search, successive_halving

options = {"text": Option(f"whose passages: python, {', '.join(SETS)}, or a text file's path", default="python")}
scales = ("smoke", "tiny", "small")
DOCUMENTS, PASSAGE, WORDS = 8, 25, 400  # documents to tell apart; words of a passage; words that are counted
PASSAGES = {"smoke": 12, "tiny": 60, "small": 200}  # of each document
SEEDS = {"smoke": 1, "tiny": 5, "small": 20}
SETTINGS, LONGEST, BEGINNINGS = 16, 16, 3  # settings of a search; epochs of the longest training; starts of halving
SPACE = {"lr": (0.003, 30.0, "log"), "decay": (1e-6, 0.1, "log"), "batch": [8, 32]}
GRID = {"lr": [0.003, 0.065, 1.39, 30.0], "decay": [1e-6, 0.1], "batch": [8, 32]}
USUAL = {"lr": 0.01, "decay": 0.0, "batch": 32}


def prepare(options, scale):
    corpus = read_text(str(options["text"]))
    documents = sorted(corpus.train.split(SEPARATOR), key=len, reverse=True)
    if len(documents) < DOCUMENTS:  # one text is cut into as many parts
        text = corpus.train
        documents = [text[i * len(text) // DOCUMENTS : (i + 1) * len(text) // DOCUMENTS] for i in range(DOCUMENTS)]
    wanted = PASSAGES[scale]
    passages = []
    for label, document in enumerate(documents[:DOCUMENTS]):
        words = re.findall(r"[^\W\d_]+", document.lower())
        if len(words) < wanted * PASSAGE:
            raise ValueError(f"a document has {len(words)} words, where {wanted * PASSAGE} are needed: a smaller scale")
        stride = len(words) // wanted
        passages += [[label, words[i * stride : i * stride + PASSAGE]] for i in range(wanted)]
    provenance = {**corpus.provenance, "passages": len(passages), "documents_told_apart": DOCUMENTS}
    return Inputs({"passages.json": json.dumps(passages).encode()}, provenance)


def features(passages):
    """Three parts of (counts of words, labels): to learn from, to choose by, to be judged by. Every fourth passage is
    one to choose by, every fourth one to be judged by; the words are the most frequent of those to learn from."""
    parts = {"learn": [], "choose": [], "judge": []}
    for i, one in enumerate(passages):
        parts[("learn", "learn", "choose", "judge")[i % 4]].append(one)
    counts = Counter(word for _, words in parts["learn"] for word in words)
    place = {word: k for k, (word, _) in enumerate(counts.most_common(WORDS))}
    found = {}
    for name, rows in parts.items():
        x = torch.zeros(len(rows), len(place))
        for i, (_, words) in enumerate(rows):
            for word in words:
                if word in place:
                    x[i, place[word]] += 1
        found[name] = (x.log1p(), torch.tensor([label for label, _ in rows]))
    return found


class Trials:
    """Trainings, each from the same start and through the same orders of batches, and the epochs that they took."""

    def __init__(self, parts, seed: int):
        self.parts, self.seed, self.epochs = parts, seed, 0

    def weights(self, config, epochs: int):
        """A softmax layer trained for so many epochs: its weights, (words + 1, documents)."""
        x, y = self.parts["learn"]
        x = torch.cat([x, torch.ones(len(x), 1)], dim=1)
        hot = torch.nn.functional.one_hot(y, DOCUMENTS).float()
        w = torch.zeros(x.shape[1], DOCUMENTS)
        generator = torch.Generator().manual_seed(self.seed)
        for _ in range(epochs):
            for chosen in torch.randperm(len(x), generator=generator).split(int(config["batch"])):
                rows = x[chosen]
                slopes = rows.T @ (torch.softmax(rows @ w, dim=1) - hot[chosen]) / len(chosen)
                w = w - config["lr"] * (slopes + config["decay"] * w)
        return w

    def surprise(self, config, epochs: int = LONGEST) -> float:
        """What is made small: the mean surprise on the passages to choose by. NaN and infinity are as bad as it gets."""
        self.epochs += epochs
        x, y = self.parts["choose"]
        logits = torch.cat([x, torch.ones(len(x), 1)], dim=1) @ self.weights(config, epochs)
        value = float(torch.nn.functional.cross_entropy(logits, y))
        return value if math.isfinite(value) else math.inf

    def accuracy(self, config) -> float:
        """On the passages to be judged by, after the longest training; it costs the search nothing."""
        x, y = self.parts["judge"]
        logits = torch.cat([x, torch.ones(len(x), 1)], dim=1) @ self.weights(config, LONGEST)
        return float((logits.argmax(dim=1) == y).double().mean())


# ── three searches ───────────────────────────────────────────────────────────


def by_grid(trials: Trials, generator):
    tried = [(trials.surprise(config), i, config) for i, config in enumerate(grid(GRID))]
    value, _, config = min(tried, key=lambda one: one[:2])
    return config, value


def by_chance(trials: Trials, generator):
    return random_search(trials.surprise, SPACE, SETTINGS, generator)


def by_halving(trials: Trials, generator):
    found = []
    for _ in range(BEGINNINGS):
        drawn = []
        # Random search draws the settings; nothing is trained for it.
        random_search(lambda config: drawn.append(config) or 0.0, SPACE, SETTINGS, generator)
        found.append(successive_halving(trials.surprise, drawn, 1))
    return min(found, key=lambda one: one[1])


SEARCHES = {"grid": by_grid, "random search": by_chance, "successive halving": by_halving}


def run(run: Run, scale: Scale) -> None:
    torch.set_num_threads(1)  # matrices as small as these are only held up by a second one
    parts = features(json.loads(run.input("passages.json").read_bytes()))
    rows = len(parts["learn"][0])
    races = [(seed, name) for seed in range(SEEDS[scale]) for name in SEARCHES]
    run.expect(seconds=2 + len(races) * 250 * rows / 16 * 9e-5, memory_mb=350, passages=rows, searches=len(races))
    state = run.state or {"done": []}
    for seed, name in run.track(races[len(state["done"]) :], "searching", total=len(races), done=len(state["done"])):
        trials = Trials(parts, seed)
        config, value = SEARCHES[name](trials, torch.Generator().manual_seed(1000 + seed))
        spent = trials.epochs
        state["done"].append([name, config, value, spent, trials.accuracy(config)])
        run.checkpoint(lambda: state)
    show(run, parts, state["done"], SEEDS[scale])


def show(run: Run, parts, done: list, seeds: int) -> None:
    usual = sum(Trials(parts, seed).accuracy(USUAL) for seed in range(seeds)) / seeds
    label_counts = torch.bincount(parts["judge"][1], minlength=DOCUMENTS)
    rows, saved = [], {}
    for name in SEARCHES:
        mine = [one for one in done if one[0] == name]
        surprise = sum(one[2] for one in mine) / len(mine)
        accuracy = sum(one[4] for one in mine) / len(mine)
        epochs = max(one[3] for one in mine)
        rows.append([name, epochs, surprise, accuracy])
        short = name.split()[-1] if name != "random search" else "random"
        saved |= {f"{short}_accuracy": accuracy, f"{short}_surprise": surprise, f"{short}_epochs": epochs}
    rows.append(["not searched", 0, None, usual])
    columns = ["settings by", "epochs spent", "surprise where chosen (nats)", "right of those to be judged by"]
    run.table(f"What the same epochs found, mean of {seeds} seeds", columns, rows)
    found = [[one[0], *(f"{one[1][key]:.3g}" for key in SPACE), one[2]] for one in done]
    run.table("Every choice", ["settings by", *SPACE, "surprise"], found)
    run.result(
        **saved,
        usual_accuracy=usual,
        largest_class=float(label_counts.max() / label_counts.sum()),
        random_beats_usual=saved["random_accuracy"] > usual,
        halving_beats_usual=saved["halving_accuracy"] > usual,
    )
