"""A text becomes another, on both sides: translations and summaries by a T5 in small, from nothing, written greedily.

Both sides read the same ids of the same byte-level vocabulary and write at most as many tokens; theirs write by
transformers' own ``generate``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import torch

from groundup.stack.models.t5 import T5, T5Config
from groundup.stack.tasks.generation import Decoding
from groundup.stack.tasks.metrics.rouge import Rouge
from groundup.stack.tasks.metrics.words import tokenize
from groundup.stack.tasks.sequences import SequenceTask, sequence_task
from groundup.stack.tasks.task import by_length, pad_texts
from groundup.stack.text.tokenizer_file import read_tokenizer
from groundup.stack.training.settings import Settings
from groundup.stack.training.trainer import train
from real import alignment, classical, theirs
from real.outcomes import Outcome
from real.plans import Job
from real.shelf import END, PAD


@dataclass(frozen=True)
class Writing(Job):
    """Pairs of texts. Where people wrote several targets, each is learned, and all are compared with."""

    def golds(self) -> list[Any]:
        return [list(one.targets) for one in self.dev]

    def ours(self, settings: Settings) -> Outcome:
        torch.manual_seed(settings.seed)
        model = T5(self._config())
        task = self._task(model)
        run = train(model, task.features(self.train), task.collate, settings)
        texts = task.predict(model, self.dev)
        return Outcome(texts, sum(one.numel() for one in model.parameters()), run.losses, run.rates, run.norms,
                       run.tokens, run.seconds)  # fmt: skip

    def theirs(self, settings: Settings) -> Outcome:
        torch.manual_seed(settings.seed)
        first = T5(self._config())
        task = self._task(first)
        with TemporaryDirectory() as folder:
            first.save_pretrained(folder)
            model = theirs.read_model("T5ForConditionalGeneration", folder)
        run = theirs.train(model, task.features(self.train), task.collate, settings)
        texts = self._generated(task, model.model)
        return Outcome(texts, sum(one.numel() for one in model.parameters()), run.losses, [], [], run.tokens,
                       run.seconds)  # fmt: skip

    def _config(self) -> T5Config:
        tokenizer = read_tokenizer(self.shelf / self.plan.name)
        pad, end = (tokenizer.added[one] for one in (PAD, END))
        return T5Config(vocab=tokenizer.vocab_size, pad_id=pad, end_id=end, start_id=pad, **self.plan.shape)

    def _task(self, model: T5) -> SequenceTask:
        kind = "translation" if self.plan.measure == "BLEU" else "summarization"
        more = {"source_length": self.plan.length, "target_length": self.plan.written, "decoding": self._decoding()}
        return sequence_task(model, read_tokenizer(self.shelf / self.plan.name), kind, **more)

    def _decoding(self) -> Decoding:
        return Decoding(no_repeat_ngram=self.plan.no_repeat)

    @torch.no_grad()
    def _generated(self, task: SequenceTask, model: Any) -> list[str]:
        """What transformers' own ``generate`` writes, the likeliest token each time."""
        rows = [task.read(one.source) for one in self.dev]
        special = set(task.tokenizer.added.values())
        found = [""] * len(rows)
        for places in by_length([len(row) for row in rows], 64):
            given = pad_texts([rows[at] for at in places], task.pad_id)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                written = model.generate(
                    given["ids"], attention_mask=given["attention_mask"], max_new_tokens=self.plan.written,
                    no_repeat_ngram_size=self.plan.no_repeat, do_sample=False,
                )  # fmt: skip
            for at, row in zip(places, written.tolist(), strict=True):
                found[at] = task.tokenizer.decode([one for one in row if one not in special]).strip()
        return found

    def baselines(self) -> dict[str, list[Any]]:
        """IBM model 1 and copying, or the first sentences."""
        if self.plan.measure == "BLEU":
            sources, targets, new = (
                [tokenize(text) for text in texts]
                for texts in (
                    [one.source for one in self.train],
                    [one.targets[0] for one in self.train],
                    [one.source for one in self.dev],
                )
            )
            translated = alignment.translate(sources, targets, new)
            return {
                "IBM model 1, word by word": [" ".join(words) for words in translated],
                "the source as it is": [one.source for one in self.dev],
            }
        rouge = Rouge(("rougeL",), stem=True)
        sources = [one.sentences or (one.source,) for one in self.train]

        def score(summaries: list[str]) -> float:
            pairs = zip(summaries, self.train, strict=True)
            return sum(rouge.score(text, one.targets)["rougeL"].f for text, one in pairs)

        count = classical.best_lead(sources, score)
        new = [one.sentences or (one.source,) for one in self.dev]
        found = {f"first {count} sentences" if count > 1 else "first sentence": [classical.lead(s, count) for s in new]}
        return {**found, "last sentence": [one[-1] for one in new]}
