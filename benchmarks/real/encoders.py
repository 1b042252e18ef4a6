"""Tasks of an encoder, on both sides: classes of texts, likeness of pairs, tags of words, answers in a text.

Ours: ``start`` opens the folder of our pre-training with a new head, ``train`` trains. Theirs: ``from_pretrained`` of
what ours wrote before its training, the new head among it, and a plain loop. Texts become ids once, by the task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from groundup.stack.models.bert import BertConfig
from groundup.stack.tasks.answering import Answering
from groundup.stack.tasks.classification import Classification
from groundup.stack.tasks.metrics.answers import word_f1
from groundup.stack.tasks.start import Kit, assemble, find_head, start
from groundup.stack.tasks.tagging import Tagging
from groundup.stack.text.tokenizer_file import read_tokenizer
from groundup.stack.training.settings import Settings
from groundup.stack.training.trainer import train
from real import classical, overlap, tagging, theirs
from real.outcomes import Outcome
from real.plans import ENCODER, Job

THEIRS = {
    "classification": "BertForSequenceClassification",
    "tagging": "BertForTokenClassification",
    "answering": "BertForQuestionAnswering",
}
TUNED_ON = 0.15
"""The share of the training questions that the threshold for no answer is chosen by, not trained on."""


@dataclass(frozen=True)
class Texts(Job):
    """One task of an encoder. ``plain`` makes of a prediction what JSON holds and a measure compares."""

    @property
    def head(self) -> str:
        return {"similarity": "classification"}.get(self.plan.kind, self.plan.kind)

    def golds(self) -> list[Any]:
        """The right answers of the part that is scored."""
        kind = self.plan.kind
        if kind == "classification":
            return [one.label for one in self.dev]
        if kind == "similarity":
            return [one.score for one in self.dev]
        if kind == "tagging":
            return [list(one.tags) for one in self.dev]
        return [[answer.text for answer in one.answers] for one in self.dev]

    # ── the two sides ────────────────────────────────────────────────────────

    def ours(self, settings: Settings) -> Outcome:
        kit = self._kit(settings.seed)
        task = self._task(kit)
        run = train(kit.model, task.features(self._learned()), task.collate, settings)
        predictions = self._predict(task, kit.model)
        return Outcome(predictions, sum(one.numel() for one in kit.model.parameters()), run.losses, run.rates,
                       run.norms, run.tokens, run.seconds)  # fmt: skip

    def theirs(self, settings: Settings) -> Outcome:
        kit = self._kit(settings.seed)
        task = self._task(kit)
        with TemporaryDirectory() as folder:
            kit.save(folder)
            model = theirs.read_model(THEIRS[self.head], folder)
        run = theirs.train(model, task.features(self._learned()), task.collate, settings)
        predictions = self._predict(task, model)
        return Outcome(predictions, sum(one.numel() for one in model.parameters()), run.losses, [], [], run.tokens,
                       run.seconds)  # fmt: skip

    def _kit(self, seed: int) -> Kit:
        problem = "regression" if self.plan.kind == "similarity" else None
        labels = {"similarity": ("score",), "answering": None}.get(self.plan.kind, self.labels)
        place = self.shelf / "encoder"
        if self.plan.start == "pre-training":
            return start(place, self.head, labels, problem=problem, seed=seed)
        tokenizer = read_tokenizer(place)
        torch.manual_seed(seed)
        config = BertConfig(vocab=tokenizer.vocab_size, labels=len(labels or (0, 1)), **ENCODER)
        return assemble(find_head("bert", self.head)(config), tokenizer, labels or (), problem=problem)

    def _task(self, kit: Kit) -> Any:
        if self.plan.kind == "tagging":
            return Tagging.of(kit, self.plan.length)
        if self.plan.kind == "answering":
            return Answering(kit.reader, self.plan.length, stride=self.plan.length // 4)
        return Classification.of(kit, self.plan.length)

    def _learned(self) -> Sequence[Any]:
        if self.plan.kind != "answering":
            return self.train
        return self.train[: len(self.train) - self._tuned()]

    def _tuned(self) -> int:
        return max(1, int(TUNED_ON * len(self.train)))

    def _predict(self, task: Any, model: nn.Module) -> list[Any]:
        if self.plan.kind == "answering":
            tuning = self.train[-self._tuned() :]
            task = task.fitted(task.predict(model, tuning), tuning)
            spans = task.predict(model, self.dev)
            return [one.answer(task.threshold) for one in spans]
        found = task.predict(model, self.dev)
        return found if self.plan.kind == "tagging" else [one.label for one in found]

    # ── what the field did before ────────────────────────────────────────────

    def baselines(self) -> dict[str, list[Any]]:
        """Predictions by name; the first is the baseline that counts, others stand beside it."""
        makers: dict[str, Callable[[], dict[str, list[Any]]]] = {
            "classification": self._classes, "similarity": self._likeness, "tagging": self._tags,
            "answering": self._answers,
        }  # fmt: skip
        return makers[self.plan.kind]()

    def _classes(self) -> dict[str, list[Any]]:
        texts, labels = [one.text for one in self.train], [one.label for one in self.train]
        most = max(set(labels), key=labels.count)
        return {
            "TF-IDF + logistic regression": classical.classify(texts, labels, [one.text for one in self.dev]),
            "most frequent class": [most] * len(self.dev),
        }

    def _likeness(self) -> dict[str, list[Any]]:
        seen = [text for one in self.train for text in (one.first, one.second)]
        first, second = [one.first for one in self.dev], [one.second for one in self.dev]
        return {"TF-IDF cosine": list(classical.similarities(first, second, seen))}

    def _tags(self) -> dict[str, list[Any]]:
        words, tags = [one.words for one in self.train], [one.tags for one in self.train]
        new = [one.words for one in self.dev]
        return {"CRF": list(tagging.crf(words, tags, new)), "dictionary": list(tagging.dictionary(words, tags, new))}

    def _answers(self) -> dict[str, list[Any]]:
        golds = [[answer.text for answer in one.answers] or [""] for one in self.train]

        def score(at: int, answer: str) -> float:
            return max(word_f1(answer, gold) for gold in golds[at])

        known = [(one.question, one.context) for one in self.train]
        new = [(one.question, one.context) for one in self.dev]
        return {"sliding window": list(overlap.answer_all(known, new, score)), "no answer": [""] * len(self.dev)}
