"""Tagging: a label for every word, while the model reads pieces of words.

    words   Lovelace             met   Babbage              Each word is cut by itself; its tag stands at its first
    pieces  love  ##lace         met   babb   ##age         piece, as in BERT's paper (section 5.3), and the other
    labels  B-PER  –             O     B-PER  –             pieces do not count, or, with pieces="all", go on with it.

A text that is longer than what the model reads becomes windows of whole words that overlap: each word is labelled, and
predicted, in the one window where the most text stands on its shorter side. No word is lost: what leaves no piece (a
lone control character, say) and so cannot be looked at is predicted O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from groundup.stack.data.examples import TaggedWords
from groundup.stack.models.output import IGNORED
from groundup.stack.tasks.metrics.entities import OUTSIDE, entity_scores, find_scheme, split_tag
from groundup.stack.tasks.metrics.labels import accuracy, label_scores
from groundup.stack.tasks.reading import Reader
from groundup.stack.tasks.start import Kit
from groundup.stack.tasks.task import BATCH, LABELS, pad_rows, pad_texts, run_batches
from groundup.stack.text.files import AnyTokenizer
from groundup.stack.text.tokenizer_file import FileTokenizer


@dataclass(frozen=True)
class TagFeature:
    """One window. ``words`` are the numbers of the words that are predicted here, ``places`` where in ``ids`` the first
    piece of each stands; ``labels`` has one for each of ``ids``; ``example`` is the number of the example."""

    example: int
    ids: list[int]
    token_types: list[int]
    labels: list[int]
    words: list[int]
    places: list[int]


@dataclass(frozen=True)
class Tagging:
    """The task. ``labels`` are the tags in the order of the model's scores; ``length`` bounds the tokens of a window,
    ``stride`` is how many tokens of a window the next one has again (a quarter where not given). ``scheme`` reads
    entities strictly (:mod:`.metrics.entities`), None leniently."""

    reader: Reader
    labels: tuple[str, ...]
    length: int | None = None
    stride: int | None = None
    pieces: Literal["first", "all"] = "first"
    scheme: str | None = None
    name: str = "tagging"
    _number: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels are at least one tag, and each only once: got {', '.join(self.labels) or 'none'}")
        if self.pieces not in ("first", "all"):
            raise ValueError(f"pieces that are labelled are 'first' or 'all', not {self.pieces!r}")
        if self.scheme is not None:
            find_scheme(self.scheme)
        room = self.reader.room(1, self.length)
        if self.stride is not None and not 0 <= self.stride < (self.stride + 1 if room is None else room):
            raise ValueError(f"a stride is from 0 to less than the {room} tokens of a window: {self.stride}")
        object.__setattr__(self, "_number", {name: at for at, name in enumerate(self.labels)})

    @classmethod
    def of(cls, kit: Kit, length: int | None = None) -> Tagging:
        """The task of a kit that was started with the head "tagging"."""
        if not kit.labels or kit.problem is not None:
            raise ValueError("this kit has no tags: start it with the head 'tagging'")
        return cls(kit.reader, kit.labels, length)

    # ── text to windows ──────────────────────────────────────────────────────

    def features(self, examples: Sequence[TaggedWords]) -> list[TagFeature]:
        """One window or more each, none for an example without a piece. Without tags, ``labels`` are IGNORED.

        Raises ValueError for a tag that the task does not have and for tags that are not one a word.
        """
        return [window for at, one in enumerate(examples) for window in self._windows(at, one)]

    def _windows(self, at: int, example: TaggedWords) -> list[TagFeature]:
        self._require_tags(at, example)
        pieces = [word_pieces(self.reader.tokenizer, word) for word in example.words]
        room = self.reader.room(1, self.length)
        if room is not None:
            pieces = [one[:room] for one in pieces]
        sizes = [len(one) for one in pieces]
        spans = window_spans(sizes, room, self.stride)
        owners = owning_windows(sizes, spans)
        windows = []
        for number, (begin, end) in enumerate(spans):
            owned = [word for word in range(begin, end) if owners[word] == number and pieces[word]]
            if owned:
                windows.append(self._window(at, example, pieces[begin:end], begin, owned))
        return windows

    def _window(
        self, at: int, example: TaggedWords, pieces: Sequence[list[int]], begin: int, owned: list[int]
    ) -> TagFeature:
        joined = self.reader.layout.join([piece for one in pieces for piece in one])
        place = joined.spans[0][0]
        starts = []
        for one in pieces:
            starts.append(place)
            place += len(one)
        labels = [IGNORED] * len(joined.ids)
        for word in owned if example.tags else ():
            first, tag = starts[word - begin], example.tags[word]
            labels[first] = self._number[tag]
            if self.pieces == "all":
                rest = len(pieces[word - begin]) - 1
                labels[first + 1 : first + 1 + rest] = [self._number[self._going_on(tag)]] * rest
        places = [starts[word - begin] for word in owned]
        return TagFeature(at, joined.ids, joined.token_types, labels, owned, places)

    def _going_on(self, tag: str) -> str:
        """The tag of a word's further pieces: what began an entity goes on with it."""
        inside = "I" + tag[1:]
        return inside if tag.startswith("B") and inside in self._number else tag

    def _require_tags(self, at: int, example: TaggedWords) -> None:
        if example.tags and len(example.tags) != len(example.words):
            raise ValueError(f"example {at} has {len(example.words)} words and {len(example.tags)} tags")
        unknown = sorted(set(example.tags) - self._number.keys())
        if unknown:
            raise ValueError(f"example {at}: there is no tag {unknown[0]!r}; {', '.join(self.labels)} are there")

    def collate(self, features: Sequence[TagFeature]) -> dict[str, Tensor]:
        """``ids``, ``attention_mask``, where the model knows them ``token_types``, and ``labels``, each (batch, n)."""
        layout = self.reader.layout
        batch = pad_texts([one.ids for one in features], layout.pad_id, left=layout.left)
        if self.reader.types:
            batch["token_types"] = pad_rows([one.token_types for one in features], 0, left=layout.left)
        batch[LABELS] = pad_rows([one.labels for one in features], IGNORED, left=layout.left)
        return batch

    # ── predictions ──────────────────────────────────────────────────────────

    def predict(self, model: nn.Module, examples: Sequence[TaggedWords], batch: int = BATCH) -> list[list[str]]:
        """The tags of each example's words, in their order."""
        features = self.features([TaggedWords(one.words, ()) for one in examples])
        outside = OUTSIDE if OUTSIDE in self._number else self.labels[0]
        tags = [[outside] * len(one.words) for one in examples]
        for at, output in run_batches(model, features, self.collate, lambda one: len(one.ids), batch):
            likeliest: Tensor = output.logits.argmax(dim=-1).cpu()
            for row, feature in zip(likeliest, (features[one] for one in at), strict=True):
                shift = len(row) - len(feature.ids) if self.reader.layout.left else 0
                found = row[torch.tensor(feature.places) + shift].tolist()
                for word, label in zip(feature.words, found, strict=True):
                    tags[feature.example][word] = self.labels[label]
        return tags

    def score(self, predictions: Sequence[Sequence[str]], examples: Sequence[TaggedWords]) -> dict[str, float]:
        """In percent: precision, recall and F1 of entities, over all, as a mean over types and of each type, and the
        share of words whose tag is right. Where tags are no entities', that share and the F1 as a mean over tags.

        Raises ValueError where an example has no tags.
        """
        for at, one in enumerate(examples):
            self._require_tags(at, one)
            if one.words and not one.tags:
                raise ValueError(f"example {at} has no tags to compare with")
        right, guessed = [list(one.tags) for one in examples], [list(one) for one in predictions]
        flat, found = [tag for one in right for tag in one], [tag for one in guessed for tag in one]
        scores = {"accuracy": accuracy(flat, found)}
        if not self._entities():
            scores["macro_f1"] = label_scores(flat, found).macro.f1
        else:
            all_of = entity_scores(right, guessed, self.scheme)
            scores |= {"f1": all_of.micro.f1, "precision": all_of.micro.precision, "recall": all_of.micro.recall}
            scores |= {"macro_f1": all_of.macro.f1} | {f"f1 {kind}": one.f1 for kind, one in all_of.labels.items()}
        return {name: 100 * value for name, value in scores.items()}

    def _entities(self) -> bool:
        try:
            return OUTSIDE in [split_tag(tag)[0] for tag in self.labels]
        except ValueError:
            return False


def word_pieces(tokenizer: AnyTokenizer, word: str) -> list[int]:
    """A word's pieces. Byte-level vocabularies have a space within a word's first piece, so it gets one."""
    return tokenizer.encode(f" {word}" if isinstance(tokenizer, FileTokenizer) else word)


def window_spans(sizes: Sequence[int], room: int | None, stride: int | None) -> list[tuple[int, int]]:
    """Words of these sizes in windows (first word, one behind the last) of at most ``room`` tokens, of which each has
    at most ``stride`` tokens of the one before, and every word stands in one. No word is larger than the room."""
    if room is None or sum(sizes) <= room:
        return [(0, len(sizes))] if sizes else []
    again = room // 4 if stride is None else stride
    spans = []
    begin = 0
    while True:
        end, tokens = begin, 0
        while end < len(sizes) and tokens + sizes[end] <= room:
            tokens += sizes[end]
            end += 1
        spans.append((begin, end))
        if end == len(sizes):
            return spans
        shared, following = 0, end
        most = min(again, room - sizes[end])  # the next word must fit in
        while following - 1 > begin and shared + sizes[following - 1] <= most:
            following -= 1
            shared += sizes[following]
        begin = following


def owning_windows(sizes: Sequence[int], spans: Sequence[tuple[int, int]]) -> list[int]:
    """For each word the number of the window where its shorter side has the most tokens; of equal ones the first."""
    best = [(-1, 0)] * len(sizes)
    for number, (begin, end) in enumerate(spans):
        before, after = 0, sum(sizes[begin:end])
        for word in range(begin, end):
            after -= sizes[word]
            if min(before, after) > best[word][0]:
                best[word] = (min(before, after), number)
            before += sizes[word]
    return [number for _, number in best]
