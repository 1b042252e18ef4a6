"""Classification of a text or of a pair of texts: one class, several at once, or a number.

    single       scores (batch, labels)   cross-entropy of the right class                   the likeliest
    multiple     scores (batch, labels)   cross-entropy of yes or no for each label          all above a threshold
    regression   scores (batch, 1)        squared distance to the right number               the number

The loss is the model's own, told by what ``collate`` makes of labels (:func:`.models.output.class_loss`). Devlin and
others, "BERT" (2019), section 4.1: the first token's vector, a new layer, all weights learned further.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from groundup.stack.data.examples import LabeledText, ScoredPair
from groundup.stack.tasks.metrics.correlation import pearson, spearman
from groundup.stack.tasks.metrics.labels import accuracy, label_scores, matthews, set_scores
from groundup.stack.tasks.reading import Reader
from groundup.stack.tasks.start import PROBLEMS, Kit
from groundup.stack.tasks.task import BATCH, LABELS, pad_rows, pad_texts, run_batches

Right = str | float | Collection[str]
"""A label's name, a number, or several names."""


@dataclass(frozen=True)
class TextExample:
    """A text, or two, and what is right: nothing where that is to be found out."""

    text: str
    label: Right | None = None
    second: str | None = None


@dataclass(frozen=True)
class TextFeature:
    """``target``: the class' number, the number itself, or 1.0 and 0.0 for each label; None where it is not known."""

    ids: list[int]
    token_types: list[int]
    target: int | float | tuple[float, ...] | None


@dataclass(frozen=True)
class TextClass:
    """What was found: a name, a number or several names; and each label's probability, or the number."""

    label: str | float | tuple[str, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Classification:
    """The task. ``labels`` are in the order of the model's scores, ``problem`` is a key of PROBLEMS, ``length`` bounds
    the tokens of an input (the model's own bound where not given), ``threshold`` is that of several labels."""

    reader: Reader
    labels: tuple[str, ...]
    problem: str = "single"
    length: int | None = None
    threshold: float = 0.5
    name: str = "classification"
    _number: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.problem not in PROBLEMS:
            raise ValueError(f"there is no problem {self.problem!r}: {', '.join(PROBLEMS)} are known")
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise ValueError(
                f"labels are at least one name, and each only once: got {', '.join(self.labels) or 'none'}"
            )
        if self.problem == "regression" and len(self.labels) != 1:
            raise ValueError(f"a regression has one label, the number's name: got {', '.join(self.labels)}")
        self.reader.room(1, self.length)
        object.__setattr__(self, "_number", {name: at for at, name in enumerate(self.labels)})

    @classmethod
    def of(cls, kit: Kit, length: int | None = None) -> Classification:
        """The task of a kit that was started with the head "classification"."""
        if kit.problem is None:
            raise ValueError("this kit has no classes: start it with the head 'classification'")
        return cls(kit.reader, kit.labels, kit.problem, length)

    def features(self, examples: Sequence[TextExample | LabeledText | ScoredPair]) -> list[TextFeature]:
        """One each. Raises ValueError for a label that the task does not have, with the example's number."""
        return [self._feature(at, as_example(one)) for at, one in enumerate(examples)]

    def _feature(self, at: int, example: TextExample) -> TextFeature:
        read = self.reader.read(example.text, example.second, self.length)
        return TextFeature(read.ids, read.token_types, self._target(at, example.label))

    def _target(self, at: int, label: Right | None) -> int | float | tuple[float, ...] | None:
        if label is None:
            return None
        if self.problem == "regression":
            if not isinstance(label, int | float) or not math.isfinite(label):
                raise ValueError(f"example {at}: a regression needs a number, not {label!r}")
            return float(label)
        if isinstance(label, int | float) or isinstance(label, str) != (self.problem == "single"):
            wanted = "one name" if self.problem == "single" else "a list of names"
            raise ValueError(f"example {at}: the label is {label!r}, and should be {wanted}")
        names = {label} if isinstance(label, str) else set(label)
        unknown = sorted(names - self._number.keys())
        if unknown:
            raise ValueError(f"example {at}: there is no label {unknown[0]!r}; {', '.join(self.labels)} are there")
        if isinstance(label, str):
            return self._number[label]
        return tuple(float(name in names) for name in self.labels)

    def collate(self, features: Sequence[TextFeature]) -> dict[str, Tensor]:
        """``ids``, ``attention_mask``, where the model knows them ``token_types``, each (batch, n); ``labels`` (batch,)
        or (batch, labels), where all are known."""
        layout = self.reader.layout
        batch = pad_texts([one.ids for one in features], layout.pad_id, left=layout.left)
        if self.reader.types:
            batch["token_types"] = pad_rows([one.token_types for one in features], 0, left=layout.left)
        targets = [one.target for one in features]
        if None not in targets:
            batch[LABELS] = torch.tensor(targets, dtype=torch.int64 if self.problem == "single" else torch.float32)
        return batch

    def predict(
        self, model: nn.Module, examples: Sequence[TextExample | LabeledText | ScoredPair], batch: int = BATCH
    ) -> list[TextClass]:
        """One each, in their order."""
        features = self.features([TextExample(one.text, None, one.second) for one in map(as_example, examples)])
        found: dict[int, TextClass] = {}
        for places, output in run_batches(model, features, self.collate, lambda one: len(one.ids), batch):
            logits: Tensor = output.logits.float()
            found |= zip(places, map(self._read, self._scores(logits).tolist()), strict=True)
        return [found[at] for at in range(len(features))]

    def _scores(self, logits: Tensor) -> Tensor:
        """logits (batch, labels) to probabilities, or as they are."""
        functions: dict[str, Callable[[Tensor], Tensor]] = {
            "single": lambda x: x.softmax(dim=-1),
            "multiple": torch.sigmoid,
            "regression": lambda x: x,
        }
        return functions[self.problem](logits)

    def _read(self, scores: list[float]) -> TextClass:
        if self.problem == "regression":
            return TextClass(scores[0], tuple(scores))
        if self.problem == "multiple":
            above = tuple(name for name, score in zip(self.labels, scores, strict=True) if score > self.threshold)
            return TextClass(above, tuple(scores))
        return TextClass(self.labels[max(range(len(scores)), key=scores.__getitem__)], tuple(scores))

    def score(
        self, predictions: Sequence[TextClass], examples: Sequence[TextExample | LabeledText | ScoredPair]
    ) -> dict[str, float]:
        """In percent. One class: accuracy, F1 as a mean over labels, Matthews' correlation. Several: F1 over all labels
        and as a mean over them, and how many have exactly the right ones. A number: Pearson's correlation, Spearman's.

        Raises ValueError where an example has no label.
        """
        right = [as_example(one).label for one in examples]
        for at, label in enumerate(right):
            if self._target(at, label) is None:
                raise ValueError(f"example {at} has no label to compare with")
        guessed = [one.label for one in predictions]
        scores = _METRICS[self.problem](right, guessed)
        return {name: 100 * value for name, value in scores.items()}


def as_example(given: TextExample | LabeledText | ScoredPair) -> TextExample:
    """What a set of data has, as the task takes it."""
    if isinstance(given, LabeledText):
        return TextExample(given.text, given.label)
    if isinstance(given, ScoredPair):
        return TextExample(given.first, given.score, given.second)
    return given


def _single(right: Sequence[str], guessed: Sequence[str]) -> dict[str, float]:
    return {
        "accuracy": accuracy(right, guessed),
        "macro_f1": label_scores(right, guessed).macro.f1,
        "matthews": matthews(right, guessed),
    }


def _multiple(right: Sequence[Collection[str]], guessed: Sequence[Collection[str]]) -> dict[str, float]:
    scores = set_scores(right, guessed)
    exact = accuracy([frozenset(one) for one in right], [frozenset(one) for one in guessed])
    return {"micro_f1": scores.micro.f1, "macro_f1": scores.macro.f1, "exact": exact}


def _regression(right: Sequence[float], guessed: Sequence[float]) -> dict[str, float]:
    return {"pearson": pearson(right, guessed), "spearman": spearman(right, guessed)}


_METRICS: dict[str, Callable[..., dict[str, float]]] = {
    "single": _single,
    "multiple": _multiple,
    "regression": _regression,
}
