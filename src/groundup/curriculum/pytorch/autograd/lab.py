"""Train a small network on an autograd engine of NumPy alone, and hold every gradient against PyTorch's.

The network predicts the next character from those before it: a vector for each character, one hidden layer, a softmax.
Each step is done twice from the same weights: by the engine, whose gradients are the ones that count, and by PyTorch,
for comparison. The measure is bits per character on held-out text, beside those of the frequencies of single characters
and of pairs.

The engine is the stack's `Tensor`, or yours: `--engine` and the path of your file, for instance
~/groundup/mine/pytorch/autograd.py. It is run behind the same walls as everything of yours; it may import NumPy and
PyTorch, but no other file of yours.
"""

import math
import sys
import time
import types
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack import autograd
from groundup.stack.data.sets import SETS, read_text
from groundup.stack.nn.schedules import warmup_cosine

options = {
    "text": Option(
        f"what to learn from: python (its own documentation), {', '.join(SETS)}, or the path of a text file",
        default="python",
    ),
    "engine": Option("your own file with a class Tensor; without it, groundup's engine is used", kind="file"),
}
RARE, OTHER = 20, "\ufffd"  # a character that is rarer than that is written as OTHER
NAMES = ("table", "hidden.weight", "hidden.bias", "out.weight", "out.bias")
MOMENTUM = 0.9


@dataclass(frozen=True)
class Setting:
    """What a scale means: ``context`` characters are seen, vectors have ``dim`` numbers, the layer ``hidden``."""

    context: int
    dim: int
    hidden: int
    batch: int
    steps: int
    peak: float  # learning rate
    train_characters: int
    held_out_characters: int


SETTINGS = {
    "smoke": Setting(3, 6, 24, 32, 60, 0.1, 20_000, 2_000),
    "tiny": Setting(6, 16, 80, 32, 12_000, 0.1, 600_000, 20_000),  # products too small for BLAS to share out to threads
    "small": Setting(12, 32, 512, 128, 60_000, 0.1, 1 << 31, 100_000),
}
scales = tuple(SETTINGS)


def prepare(options, scale):
    """The text in two files, and the engine where the learner names one."""
    corpus = read_text(str(options["text"]))
    setting = SETTINGS[scale]
    train, held_out = corpus.train[: setting.train_characters], corpus.held_out[: setting.held_out_characters]
    files = {"train.txt": train.encode(), "held_out.txt": held_out.encode()}
    provenance = {**corpus.provenance, "train_bytes": len(train.encode()), "held_out_bytes": len(held_out.encode())}
    if options["engine"]:
        with open(options["engine"], "rb") as file:
            files["engine.py"] = file.read()
    return Inputs(files, {**provenance, "engine": options["engine"] or "groundup.stack.autograd"})


def run(run: Run, scale: Scale) -> None:
    setting = SETTINGS[scale]
    if scale != "small":
        torch.set_num_threads(1)  # matrices as small as these are only held up by a second one
    engine = engine_of(run)
    train, held_out = (run.input(f"{one}.txt").read_bytes().decode() for one in ("train", "held_out"))
    alphabet = characters_of(train)
    ids, held_out_ids = numbers_of(train, alphabet), numbers_of(held_out, alphabet)
    arrays = beginning(setting, len(alphabet)) if run.state is None else [one.numpy() for one in run.state["weights"]]
    run.expect(
        seconds=1.5 * setting.steps * step_seconds(engine, setting, arrays),
        memory_mb=400.0 + len(train) / 2**17,
        parameters=sum(one.size for one in arrays),
        characters=len(alphabet),
        steps=setting.steps,
    )
    weights, worst = learn(run, engine, setting, arrays, ids, held_out_ids)
    run.text("It writes", written(engine, setting, weights, alphabet, held_out_ids[: setting.context]), setting.steps)
    pairs, singles = counted_bits(ids, held_out_ids, len(alphabet))
    bits = held_out_bits(engine, setting, weights, held_out_ids)
    run.result(
        held_out_bits_per_character=bits,
        single_characters_baseline=singles,
        pairs_of_characters_baseline=pairs,
        better_than_single_characters=bits < singles,
        better_than_pairs=bits < pairs,
        largest_gradient_difference=worst,
        gradients_agree=worst < 1e-9,
    )


# ── the two engines ──────────────────────────────────────────────────────────


def engine_of(run: Run):
    """The class Tensor of the learner's file, where there is one; else the stack's."""
    if not run.options.get("engine"):
        return autograd.Tensor
    module = types.ModuleType("engine")
    sys.modules[module.__name__] = module
    exec(compile(run.input("engine.py").read_bytes(), "engine.py", "exec"), module.__dict__)
    if not isinstance(getattr(module, "Tensor", None), type):
        raise ValueError("the engine's file has no class Tensor")
    return module.Tensor


def network(x, table, w1, b1, w2, b2):
    """Logits for one-hot characters x (batch, context, characters): one program for both engines."""
    embedded = (x @ table).reshape(x.shape[0], -1)
    return (embedded @ w1 + b1).tanh() @ w2 + b2


def loss_of(logits, hot):
    """The mean of -log of the probability of the right character, in an engine's tensors, without an overflow."""
    shifted = logits - logits.data.max(axis=1, keepdims=True)
    return (shifted.exp().sum(axis=1).log() - (shifted * hot).sum(axis=1)).mean()


def gradients_by_engine(engine, arrays, x, targets):
    """The loss and its gradients for all weights."""
    weights = [engine(one) for one in arrays]
    loss = loss_of(network(x, *weights), np.eye(arrays[-1].size)[targets])
    loss.backward()
    return float(loss.data), [one.grad for one in weights]


def gradients_by_torch(arrays, x, targets):
    """The same by PyTorch, with a loss of its own."""
    weights = [torch.from_numpy(one).requires_grad_() for one in arrays]
    loss = functional.cross_entropy(network(torch.from_numpy(x), *weights), torch.from_numpy(targets))
    return float(loss.detach()), [one.numpy() for one in torch.autograd.grad(loss, weights)]


def differences(mine, theirs):
    """For each weight the largest difference of two gradients, as a share of the largest entry of PyTorch's."""
    return [
        float(np.abs(np.asarray(one) - two).max() / max(np.abs(two).max(), 1e-300))
        if one is not None and np.shape(one) == two.shape
        else math.inf
        for one, two in zip(mine, theirs)
    ]


# ── training ─────────────────────────────────────────────────────────────────


def beginning(setting: Setting, characters: int):
    """Normal weights, scaled by what flows in; biases of zero."""
    wide = setting.context * setting.dim
    return [
        np.random.normal(size=(characters, setting.dim)),
        np.random.normal(size=(wide, setting.hidden)) / math.sqrt(wide),
        np.zeros(setting.hidden),
        np.random.normal(size=(setting.hidden, characters)) / math.sqrt(setting.hidden),
        np.zeros(characters),
    ]


def batch_of(ids, starts, setting: Setting, characters: int):
    windows = ids[starts[:, None] + np.arange(setting.context + 1)]
    return np.eye(characters)[windows[:, :-1]], windows[:, -1]


def step_seconds(engine, setting: Setting, arrays) -> float:
    """How long one step takes here, on both engines."""
    characters = arrays[-1].size
    x = np.eye(characters)[np.zeros((setting.batch, setting.context), dtype=np.int64)]
    targets = np.zeros(setting.batch, dtype=np.int64)
    times = []
    for _ in range(4):
        began = time.perf_counter()
        gradients_by_engine(engine, arrays, x, targets)
        gradients_by_torch(arrays, x, targets)
        times.append(time.perf_counter() - began)
    return min(times)


def learn(run: Run, engine, setting: Setting, arrays, ids, held_out_ids):
    state = run.state or {}
    velocity = [one.numpy() for one in state["velocity"]] if state else [np.zeros_like(one) for one in arrays]
    begin, worst = int(state.get("step", 0)), float(state.get("worst", 0.0))
    characters = arrays[-1].size
    for step in run.track(range(begin, setting.steps), "training", total=setting.steps, done=begin):
        starts = np.random.randint(0, len(ids) - setting.context, setting.batch)
        x, targets = batch_of(ids, starts, setting, characters)
        loss, mine = gradients_by_engine(engine, arrays, x, targets)
        by_torch, theirs = gradients_by_torch(arrays, x, targets)
        apart = differences(mine, theirs)
        if step in (0, setting.steps - 1):
            rows = [[name, *one.shape[:1], far] for name, one, far in zip(NAMES, arrays, apart)]
            run.table(f"Gradients against PyTorch's at step {step}", ["weight", "rows", "largest difference"], rows)
        worst = max(worst, *apart)
        if worst == math.inf:
            raise ValueError("a gradient is missing or has another shape than its weight: groundup check autograd")
        rate = warmup_cosine(step, setting.peak, setting.steps // 20, setting.steps)
        velocity = [MOMENTUM * v + g for v, g in zip(velocity, mine)]
        arrays = [one - rate * v for one, v in zip(arrays, velocity)]
        run.log(step, loss=loss, loss_by_torch=by_torch, gradient_difference=max(apart))
        if step % max(setting.steps // 10, 1) == 0:
            run.log(step, held_out_bits_per_character=held_out_bits(engine, setting, arrays, held_out_ids))
        run.checkpoint(lambda: kept(arrays, velocity, step + 1, worst))
    return arrays, worst


def kept(arrays, velocity, step: int, worst: float):
    return {
        "weights": [torch.from_numpy(one) for one in arrays],
        "velocity": [torch.from_numpy(one) for one in velocity],
        "step": step,
        "worst": worst,
    }


def held_out_bits(engine, setting: Setting, arrays, ids) -> float:
    """Bits per character over the held-out text, character by character."""
    characters, total = arrays[-1].size, 0.0
    places = np.arange(len(ids) - setting.context)
    weights = [engine(one) for one in arrays]
    for at in range(0, len(places), 1000):
        x, targets = batch_of(ids, places[at : at + 1000], setting, characters)
        loss = loss_of(network(x, *weights), np.eye(characters)[targets])
        total += float(loss.data) * len(targets)
    return total / len(places) / math.log(2)


def written(engine, setting: Setting, arrays, alphabet: str, ids) -> str:
    """What the network writes after a beginning, each character drawn by its probability."""
    weights, ids = [engine(one) for one in arrays], list(ids)
    begun = len(ids)
    for _ in range(300):
        x = np.eye(len(alphabet))[np.array([ids[-setting.context :]])]
        logits = network(x, *weights).data[0]
        shares = np.exp(logits - logits.max())
        ids.append(int(np.random.choice(len(alphabet), p=shares / shares.sum())))
    return "".join(alphabet[one] for one in ids[begun:])


# ── text and baselines ───────────────────────────────────────────────────────


def characters_of(text: str) -> str:
    """The characters that are not rare, and one for all others."""
    found, counts = np.unique(np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32), return_counts=True)
    frequent = [chr(one) for one, count in zip(found, counts) if count >= RARE and chr(one) != OTHER]
    return "".join(frequent) + OTHER


def numbers_of(text: str, alphabet: str):
    places = {one: place for place, one in enumerate(alphabet)}
    return np.array([places.get(one, len(alphabet) - 1) for one in text], dtype=np.int64)


def counted_bits(train, held_out, characters: int):
    """Bits per character on the held-out text by the frequencies of pairs, and of single characters, in the training
    text; one was added to every count."""
    single = np.bincount(train, minlength=characters) + 1.0
    pairs = np.ones((characters, characters))
    np.add.at(pairs, (train[:-1], train[1:]), 1.0)
    pairs /= pairs.sum(axis=1, keepdims=True)
    before, after = held_out[:-1], held_out[1:]
    bits_of_pairs = -np.log2(pairs[before, after]).mean()
    return float(bits_of_pairs), float(-np.log2(single[after] / single.sum()).mean())
