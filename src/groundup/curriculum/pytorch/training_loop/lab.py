"""Train a classifier of handwritten digits from end to end, with checkpoints that resume exactly.

scikit-learn's digits: 1797 pictures of 8 by 8 pixels. A part to learn from, a part to choose the best moment by, and a
part that is looked at once, at the end. Every step is a `train_step` over micro-batches, its gradient clipped, its learning
rate taken from `warmup_cosine`: yours, where they pass. Two baselines are computed from the same part: the nearest mean
picture of a digit, and the nearest single picture.

At its end the run proves that its checkpoints are whole: it goes back to the state of the middle, with a new model and a
new optimizer, trains on for some steps, and compares the losses bit by bit with those of the first time.
"""

import copy
import io
import time
from dataclasses import dataclass

import numpy as np
import torch

from groundup.authoring import Inputs, Run, Scale
from groundup.stack.nn import MLP, AdamW, cross_entropy, relu, warmup_cosine
from groundup.stack.training import clip_grad_norm, train_step

PARTS = {"train": 1197, "validation": 300, "test": 300}
MICRO, BATCH, BOUND = 16, 64, 1.0


@dataclass(frozen=True)
class Setting:
    """What a scale means: sizes of the hidden layers, epochs, peak of the learning rate, and by how many pixels the
    pictures are shifted at random while learning."""

    hidden: tuple[int, ...]
    epochs: int
    peak: float
    shift: int


SETTINGS = {
    "smoke": Setting((32,), 3, 5e-3, 0),
    "tiny": Setting((256, 128), 150, 3e-3, 1),
    "small": Setting((1024, 512), 600, 1e-3, 1),
}
scales = tuple(SETTINGS)


def prepare(options, scale):
    """The pictures and their digits, shuffled once and for all, in two files."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ValueError(
            "scikit-learn, which brings the digits, is not installed: pip install 'groundup[labs]'"
        ) from None
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    files = {}
    for name, array in (("pictures.npy", digits.images / 16.0), ("digits.npy", digits.target)):
        raw = io.BytesIO()
        np.save(raw, array[order].astype(np.float32 if name == "pictures.npy" else np.int64), allow_pickle=False)
        files[name] = raw.getvalue()
    provenance = {
        "source": "scikit-learn's digits: test set of the UCI Optical Recognition of Handwritten Digits (Alpaydin, Kaynak)",
        "licence": "CC BY 4.0",
        "pictures": len(order),
        "kind": "real pictures",
        **{f"{name}_pictures": count for name, count in PARTS.items()},
    }
    return Inputs(files, provenance)


def run(run: Run, scale: Scale) -> None:
    torch.set_num_threads(1)  # matrices as small as these are only held up by a second one
    setting = SETTINGS[scale]
    data = split(np.load(run.input("pictures.npy")), np.load(run.input("digits.npy")))
    training = Training(setting, data["train"])
    run.expect(
        seconds=1.5 * training.steps * step_seconds(setting, data["train"]),
        memory_mb=420.0 + 20 * training.size() / 2**20,
        parameters=training.size(),
        steps=training.steps,
        micro_batch=MICRO,
    )
    state = run.state or {}
    best, middle = state.get("best"), state.get("middle")
    if state:
        training.restore(state["training"])
    losses = learn(run, training, data["validation"], best, middle)
    finish(run, setting, training, data, *losses)


# ── one training ─────────────────────────────────────────────────────────────


class Clipping:
    """An optimizer that bounds the gradient before each step, and remembers how long it was."""

    def __init__(self, model):
        self.params = list(model.parameters())
        self.inner, self.norm = AdamW(self.params, lr=0.0, weight_decay=0.05), 0.0

    def zero_grad(self):
        self.inner.zero_grad()

    def step(self):
        self.norm = float(clip_grad_norm(self.params, BOUND))
        self.inner.step()


class Training:
    """Model, optimizer, and the place in the data: all that `state` saves, `restore` brings back."""

    def __init__(self, setting: Setting, data):
        self.setting, (self.pictures, self.digits) = setting, data
        self.model = MLP([64, *setting.hidden, 10], relu)
        self.optimizer = Clipping(self.model)
        self.generator = torch.Generator().manual_seed(int(torch.randint(2**31, ())))
        self.per_epoch = len(self.digits) // BATCH
        self.steps = setting.epochs * self.per_epoch
        self.step, self.order = 0, torch.empty(0, dtype=torch.int64)

    def size(self) -> int:
        return sum(one.numel() for one in self.model.parameters())

    def advance(self) -> float:
        """One update; its loss."""
        place = self.step % self.per_epoch
        if place == 0:
            self.order = torch.randperm(len(self.digits), generator=self.generator)
        chosen = self.order[place * BATCH : (place + 1) * BATCH]
        pictures = shifted(self.pictures[chosen], self.setting.shift, self.generator).flatten(1)
        batches = list(zip(pictures.split(MICRO), self.digits[chosen].split(MICRO), strict=True))
        peak = self.setting.peak
        self.optimizer.inner.lr = warmup_cosine(self.step, peak, self.steps // 20, self.steps, peak / 100)
        loss = train_step(self.model, cross_entropy, self.optimizer, batches)
        self.step += 1
        return float(loss)

    def state(self):
        return copy.deepcopy(
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.inner.state_dict(),
                "generator": self.generator.get_state(),
                "order": self.order,
                "step": self.step,
            }
        )

    def restore(self, state) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.inner.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.order, self.step = state["order"].clone(), int(state["step"])


def shifted(pictures, most: int, generator):
    """Each picture moved by up to ``most`` pixels in both directions; what comes in is empty."""
    if most == 0:
        return pictures
    n, height, width = pictures.shape
    wide = torch.nn.functional.pad(pictures, (most,) * 4)
    down, right = torch.randint(0, 2 * most + 1, (2, n, 1, 1), generator=generator)
    rows, columns = torch.arange(height)[None, :, None] + down, torch.arange(width)[None, None, :] + right
    return wide[torch.arange(n)[:, None, None], rows, columns]


def step_seconds(setting: Setting, data) -> float:
    """How long one update takes here; tried on a model of its own, and with the run's random sources put back."""
    before = torch.get_rng_state()
    trial, times = Training(setting, data), []
    for _ in range(5):
        began = time.perf_counter()
        trial.advance()
        times.append(time.perf_counter() - began)
    torch.set_rng_state(before)
    return min(times)


def learn(run: Run, training: Training, validation, best, middle):
    """All updates; returns the best state by validation, the state of the middle, and what followed on it."""
    best = best or {"correct": -1.0, "step": 0, "model": copy.deepcopy(training.model.state_dict())}
    half, look = training.steps // 2, max(min(20, training.steps - training.steps // 2 - 1), 1)
    for step in run.track(range(training.step, training.steps), "training", training.steps, training.step):
        if step == half:
            middle = {"training": training.state(), "losses": []}
        loss = training.advance()
        if middle is not None and len(middle["losses"]) < look:
            middle["losses"].append(loss)
        run.log(step, loss=loss, gradient_norm=training.optimizer.norm, learning_rate=training.optimizer.inner.lr)
        if training.step % training.per_epoch == 0:
            correct = accuracy(training.model, *validation)
            run.log(step, validation_accuracy=correct)
            if correct > best["correct"]:
                best = {"correct": correct, "step": step, "model": copy.deepcopy(training.model.state_dict())}
        run.checkpoint(lambda best=best, middle=middle: {"training": training.state(), "best": best, "middle": middle})
    return best, middle


def resumes_exactly(setting: Setting, data, middle) -> bool:
    """Are the losses that follow on the state of the middle, in a new model and optimizer, those of the first time?"""
    again = Training(setting, data)
    again.restore(middle["training"])
    return [again.advance() for _ in middle["losses"]] == middle["losses"]


# ── measuring ────────────────────────────────────────────────────────────────


def split(pictures, digits):
    found, begin = {}, 0
    for name, count in PARTS.items():
        part = slice(begin, begin + count)
        found[name] = (torch.from_numpy(pictures[part]), torch.from_numpy(digits[part]))
        begin += count
    return found


@torch.no_grad()
def predicted(model, pictures):
    model.eval()
    return model(pictures.flatten(1)).argmax(dim=-1)


def accuracy(model, pictures, digits) -> float:
    return (predicted(model, pictures) == digits).double().mean().item()


def nearest_mean(train, pictures):
    """The digit whose mean picture is nearest."""
    means = torch.stack([train[0][train[1] == digit].mean(dim=0).flatten() for digit in range(10)])
    return torch.cdist(pictures.flatten(1), means).argmin(dim=-1)


def nearest_picture(train, pictures):
    """The digit of the nearest picture."""
    return train[1][torch.cdist(pictures.flatten(1), train[0].flatten(1)).argmin(dim=-1)]


def finish(run: Run, setting: Setting, training: Training, data, best, middle) -> None:
    exact = resumes_exactly(setting, data["train"], middle)
    training.model.load_state_dict(best["model"])
    pictures, digits = data["test"]
    found = predicted(training.model, pictures)
    means, single = nearest_mean(data["train"], pictures), nearest_picture(data["train"], pictures)
    rows = [[digit, *(int(((digits == digit) & (found == other)).sum()) for other in range(10))] for digit in range(10)]
    run.table("Test pictures: the true digit, and what it was taken for", ["digit", *map(str, range(10))], rows)
    wrong = [at for at in range(len(digits)) if found[at] != digits[at]]
    if wrong:
        run.text("One that it gets wrong", drawn(pictures[wrong[0]], int(digits[wrong[0]]), int(found[wrong[0]])))
    correct = (found == digits).double().mean().item()
    mean_baseline = (means == digits).double().mean().item()
    run.result(
        test_accuracy=correct,
        nearest_mean_baseline=mean_baseline,
        nearest_picture_baseline=(single == digits).double().mean().item(),
        better_than_nearest_mean=correct > mean_baseline,
        test_pictures_wrong=len(wrong),
        best_validation_accuracy=best["correct"],
        resumes_exactly=exact,
    )


def drawn(picture, digit: int, taken_for: int) -> str:
    lines = ["".join(" .:-=+*#%@"[min(int(value * 9.99), 9)] * 2 for value in row) for row in picture.tolist()]
    return "\n".join([*lines, "", f"a {digit}, taken for a {taken_for}"])
