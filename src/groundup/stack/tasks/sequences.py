"""A text that becomes another text: translation and summarization, by every family that writes.

    encoder-decoder   reads  prefix source </s>                 writes  target </s>             :class:`Transduction`
    decoder           reads  prefix source SEP target </s>      counted are target </s> alone   :class:`Continuation`
    pointer           reads  words, those it lacks numbered     writes  words, copied ones too  :class:`Copying`

Sutskever, Vinyals and Le (2014) for the first; Raffel and others, "T5" (2020), section 2.4, for prefixes that name the
task; Radford and others, "GPT-2" (2019), sections 3.6 and 3.7, for a decoder that goes on behind the source. Where a
set has several targets for a source, each is an example to learn, and all are references of the score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from groundup.stack.data.examples import TextPair
from groundup.stack.models.output import IGNORED
from groundup.stack.models.pointer import PointerGenerator, copied_labels, with_copies
from groundup.stack.models.seq2seq import Seq2Seq
from groundup.stack.tasks.generation import Decoding, generate_ids, generate_text
from groundup.stack.tasks.task import BATCH, LABELS, pad_rows, pad_texts
from groundup.stack.text.words import WordTokenizer, cut_words, join_words

KINDS = ("translation", "summarization")


@dataclass(frozen=True)
class PairFeature:
    """What is read and what is to be written, as ids."""

    source: list[int]
    target: list[int]


@dataclass(frozen=True, kw_only=True)
class SequenceTask:
    """What the three have in common. ``name`` says how predictions are scored: a key of KINDS.

    ``source_length`` and ``target_length`` bound the tokens that are read and written, special ones included. A source
    that is too long loses its end, and so does a target, which is then not said to end there. ``decoding`` says how
    targets are predicted; its length and its ends are the task's.
    """

    name: str
    tokenizer: Any
    end_id: int
    pad_id: int = 0
    prefix: str = ""
    source_length: int | None = None
    target_length: int = 128
    decoding: Decoding = field(default_factory=Decoding)

    def __post_init__(self) -> None:
        if self.name not in KINDS:
            raise ValueError(f"a sequence task is {' or '.join(map(repr, KINDS))}, not {self.name!r}")
        if self.target_length < 1 or (self.source_length is not None and self.source_length < 1):
            raise ValueError(
                f"source_length and target_length are at least 1: got {self.source_length} and {self.target_length}"
            )

    def features(self, examples: Sequence[TextPair]) -> list[PairFeature]:
        """One for each target of each example."""
        return [
            PairFeature(self.read(one.source), self.end(self.write(target)))
            for one in examples
            for target in one.targets
        ]

    def read(self, source: str) -> list[int]:
        """What the model reads before it writes."""
        raise NotImplementedError

    def write(self, target: str) -> list[int]:
        """What it is to write, without the end."""
        ids: list[int] = self.tokenizer.encode(target)
        return ids

    def end(self, target: list[int]) -> list[int]:
        """The target and its end, or as much of it as ``target_length`` allows."""
        return [*target, self.end_id][: self.target_length]

    def collate(self, features: Sequence[PairFeature]) -> dict[str, Tensor]:
        """``ids`` and ``attention_mask`` (batch, m) and ``labels`` (batch, n)."""
        given = pad_texts([one.source for one in features], self.pad_id)
        return given | {LABELS: pad_rows([one.target for one in features], IGNORED)}

    def predict(self, model: nn.Module, examples: Sequence[TextPair], batch: int = BATCH) -> list[str]:
        """What the model writes for each source."""
        rows = [self.read(one.source) for one in examples]
        found = generate_text(model, self.writer, rows, self.choosing, batch=batch)
        return [one.text.strip() for one in found]

    @property
    def writer(self) -> Any:
        """The tokenizer of targets."""
        return self.tokenizer

    @property
    def choosing(self) -> Decoding:
        """How targets are predicted."""
        ends = tuple(dict.fromkeys((*self.decoding.end_ids, self.end_id)))
        return replace(self.decoding, max_new_tokens=self.target_length, end_ids=ends)

    def score(self, predictions: Sequence[str], examples: Sequence[TextPair]) -> dict[str, float]:
        """Translations: BLEU and chrF2 of the corpus as sacrebleu has them. Summaries: the mean F of ROUGE-1, -2, -L
        and -Lsum, stemmed, as rouge-score has them. In percent, as is ``exact``, the share that is a target to the
        letter.

        Raises ValueError where there are not as many predictions as examples.
        """
        if len(predictions) != len(examples):
            raise ValueError(f"{len(predictions)} predictions for {len(examples)} examples: one each is needed")
        targets = [one.targets for one in examples]
        exact = sum(text in known for text, known in zip(predictions, targets, strict=True))
        return score_texts(self.name, predictions, targets) | {"exact": 100 * exact / max(len(examples), 1)}


def score_texts(kind: str, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """The field's metrics of a kind of task; references: for each prediction its own, one or more."""
    if kind == "translation":
        from groundup.stack.tasks.metrics.bleu import corpus_bleu
        from groundup.stack.tasks.metrics.chrf import corpus_chrf

        return {"bleu": corpus_bleu(predictions, references).score, "chrf": corpus_chrf(predictions, references)}
    from groundup.stack.tasks.metrics.rouge import Rouge

    scores = Rouge(stem=True).corpus(predictions, references)
    return {name: 100 * float(score.f) for name, score in scores.items()}


@dataclass(frozen=True, kw_only=True)
class Transduction(SequenceTask):
    """For encoder-decoders. ``target_tokenizer`` is that of the other language, where the two have vocabularies of
    their own."""

    target_tokenizer: Any = None

    def read(self, source: str) -> list[int]:
        ids = [*self.tokenizer.begin, *self.tokenizer.encode(self.prefix + source)]
        return [*(ids if self.source_length is None else ids[: self.source_length - 1]), self.end_id]

    def write(self, target: str) -> list[int]:
        ids: list[int] = self.writer.encode(target)
        return ids

    @property
    def writer(self) -> Any:
        return self.tokenizer if self.target_tokenizer is None else self.target_tokenizer


@dataclass(frozen=True, kw_only=True)
class Continuation(SequenceTask):
    """For decoders. ``separator`` are the ids between source and target; ``context`` bounds both together."""

    separator: tuple[int, ...]
    context: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.separator:
            raise ValueError("a decoder needs a separator, or it cannot know where the source ends")
        if self._room is not None and self._room < 1:
            raise ValueError(
                f"nothing is left for the source in a context of {self.context} and a source_length of "
                f"{self.source_length}, beside {self.target_length} tokens of the target and {len(self.separator)} of "
                "the separator: lower target_length, or raise source_length"
            )

    @property
    def _room(self) -> int | None:
        """How many tokens of the source can be read."""
        bounds = [] if self.source_length is None else [self.source_length - len(self.separator)]
        if self.context is not None:
            bounds.append(self.context - self.target_length - len(self.separator))
        return min(bounds, default=None)

    def read(self, source: str) -> list[int]:
        ids = [*self.tokenizer.begin, *self.tokenizer.encode(self.prefix + source)]
        return [*ids[: self._room], *self.separator]

    def collate(self, features: Sequence[PairFeature]) -> dict[str, Tensor]:
        """``ids``, ``attention_mask`` and ``labels``, each (batch, m + n): the ids themselves where they are the
        target's."""
        given = pad_texts([one.source + one.target for one in features], self.pad_id)
        labels = [[IGNORED] * len(one.source) + one.target for one in features]
        return given | {LABELS: pad_rows(labels, IGNORED)}


@dataclass(frozen=True, kw_only=True)
class Copying(SequenceTask):
    """For the pointer-generator, whose tokens are words: those of the source that the vocabulary lacks have numbers
    that hold for that source alone, and can be written."""

    tokenizer: WordTokenizer

    def features(self, examples: Sequence[TextPair]) -> list[PairFeature]:
        found = []
        for one in examples:
            source, lacking = self._numbered(one.source)
            for target in one.targets:
                known = self.tokenizer
                words = cut_words(target)
                ids = copied_labels(words, known.vocabulary, known.vocab_size, lacking, known.unk_id)
                found.append(PairFeature(source, self.end(ids)))
        return found

    def read(self, source: str) -> list[int]:
        return self._numbered(source)[0]

    def predict(self, model: nn.Module, examples: Sequence[TextPair], batch: int = BATCH) -> list[str]:
        numbered = [self._numbered(one.source) for one in examples]
        found = generate_ids(model, [ids for ids, _ in numbered], self.choosing, batch=batch)
        return [self._text(ids, lacking) for (ids, _), (_, lacking) in zip(found, numbered, strict=True)]

    def _numbered(self, source: str) -> tuple[list[int], list[str]]:
        """A source's ids with the end, and the words that the vocabulary lacks."""
        words = cut_words(self.prefix + source)
        words = words if self.source_length is None else words[: self.source_length - 1]
        ids, lacking = with_copies(words, self.tokenizer.vocabulary, self.tokenizer.vocab_size)
        return [*ids, self.end_id], lacking

    def _text(self, ids: Sequence[int], lacking: Sequence[str]) -> str:
        words = [*self.tokenizer.words, *lacking]
        return join_words(words[one] for one in ids if one != self.end_id)


def sequence_task(
    model: Any,
    tokenizer: Any,
    name: str,
    *,
    end_id: int | None = None,
    separator: str | Sequence[int] = "\n",
    target_tokenizer: Any = None,
    **more: Any,
) -> SequenceTask:
    """The task in the form that fits the model; ``more`` are settings of :class:`SequenceTask`.

    An encoder-decoder has its own ``end_id``; a decoder has none, and is to be told. ``separator``, for decoders, is a
    text or ids. Raises ValueError for what is missing, or does not fit the model.
    """
    if isinstance(model, Seq2Seq):
        config = model.config
        settings: dict[str, Any] = {"name": name, "end_id": config.end_id, "pad_id": config.pad_id, **more}
        if isinstance(model, PointerGenerator):
            if not isinstance(tokenizer, WordTokenizer) or tokenizer.vocab_size != config.vocab:
                raise ValueError(
                    f"a pointer-generator of {config.vocab} words needs a WordTokenizer of as many: "
                    f"got {type(tokenizer).__name__} of {tokenizer.vocab_size}"
                )
            return Copying(tokenizer=tokenizer, **settings)
        return Transduction(tokenizer=tokenizer, target_tokenizer=target_tokenizer, **settings)
    if end_id is None:
        raise ValueError("a decoder's configuration says no end token: give end_id, the id that ends a target")
    between = tokenizer.encode(separator) if isinstance(separator, str) else separator
    context = getattr(model.config, "context", None)
    settings = {"name": name, "end_id": end_id, "context": context, **more}
    return Continuation(tokenizer=tokenizer, separator=tuple(between), **settings)
