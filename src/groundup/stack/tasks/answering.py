"""Extractive question answering: where in a context the answer to a question stands, or that it stands nowhere.

    question, context ── tokens ──► [CLS] question [SEP] tokens 0–99 [SEP], [CLS] question [SEP] tokens 60–159 [SEP], …
    window ── SpanModel ──► for each token: does the answer begin here, does it end here ──► best span of all windows

A context that is longer than what a model reads is cut into windows, of which each has ``stride`` tokens of the one
before. A window in which the answer does not stand whole is labelled with its [CLS]: "no answer here". The score of a
span is that of its begin plus that of its end; legal are spans inside a window's context that do not end before they
begin and have at most ``longest`` tokens. A question has no answer where the score of [CLS] is above that of the best
span by more than ``threshold``, which is to be chosen on development data (:meth:`Answering.fitted`).

Rajpurkar and others, "SQuAD" (2016); Rajpurkar, Jia and Liang, "Know What You Don't Know" (2018); Devlin and others,
"BERT" (2019), sections 4.2 and 4.3. Where BERT's code looks at the 20 likeliest begins and ends, all spans are looked
at here. The score of [CLS] is that of the window in which it is least, as there: one window with the answer suffices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from groundup.stack.data.examples import Question
from groundup.stack.models.output import IGNORED
from groundup.stack.tasks.metrics.answers import squad2_scores
from groundup.stack.tasks.reading import Reader
from groundup.stack.tasks.task import BATCH, LABELS, pad_rows, pad_texts, run_batches

Offset = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """What a model reads of one question: ids of the question and of a part of the context.

    ``offsets`` says for each token of the context's part which characters of the context it was made from; the first
    of them is token ``first`` of ``ids``. ``null`` is the place that stands for no answer. ``labels``: where the answer
    begins and ends, IGNORED where the window is not to be learned from. ``example`` numbers the question.
    """

    example: int
    ids: list[int]
    token_types: list[int]
    offsets: list[Offset]
    first: int
    null: int
    labels: tuple[int, int]


@dataclass(frozen=True)
class Span:
    """The best span of a question: characters ``begin`` to ``end`` of the context, its text and its score.

    ``null`` is by how much the score of no answer is above ``score``: compare it with a threshold.
    """

    begin: int
    end: int
    text: str
    score: float
    null: float

    def answer(self, threshold: float) -> str:
        """The text, or the empty one where no answer is likelier."""
        return "" if self.null > threshold else self.text


@dataclass(frozen=True)
class Answering:
    """The task. ``length`` tokens a window, ``stride`` of them shared with the one before, ``longest`` in an answer.

    ``nulls`` False is for sets in which every question has an answer, as in SQuAD 1.1: windows without it do not count,
    and the empty answer is never given.
    """

    reader: Reader
    length: int = 384
    stride: int = 128
    longest: int = 30
    nulls: bool = True
    threshold: float = 0.0
    name: str = field(default="question answering")

    def __post_init__(self) -> None:
        if self.longest < 1:
            raise ValueError(f"an answer has at least one token: longest = {self.longest}")
        if self.stride < 0:
            raise ValueError(f"windows share no fewer than 0 tokens: stride = {self.stride}")
        if self.nulls and _null_place(self.reader, 1) is None:
            raise ValueError("this model reads no special token that could stand for no answer: nulls must be False")
        self.reader.room(2, self.length)

    # ── text to windows ──────────────────────────────────────────────────────

    def features(self, examples: Sequence[Question]) -> list[Window]:
        """All windows of all questions, in order; learned is the first of a question's answers.

        Raises ValueError for a question that leaves the context no room, and for an answer that is not at its place.
        """
        tokenizer = self.reader.tokenizer
        contexts: dict[str, tuple[list[int], list[Offset]]] = {}
        windows: list[Window] = []
        for number, one in enumerate(examples):
            if one.context not in contexts:
                contexts[one.context] = tokenizer.encode_with_offsets(one.context)
            ids, offsets = contexts[one.context]
            question = tokenizer.encode(one.question)
            room = self.length - self.reader.layout.extra(2) - len(question)
            if room <= self.stride:
                raise ValueError(
                    f"question {one.id or one.question!r} has {len(question)} tokens, which leaves {max(room, 0)} of "
                    f"{self.length} for the context, and windows share {self.stride}: a larger length or a smaller "
                    "stride is needed"
                )
            place = _place(one, offsets)
            for begin, end in cut_windows(len(ids), room, self.stride):
                joined = self.reader.layout.join(question, ids[begin:end])
                first = joined.spans[1][0]
                null = _null_place(self.reader, len(joined.ids))
                inside = place is not None and begin <= place[0] and place[1] < end
                if place is not None and inside:
                    labels = (first + place[0] - begin, first + place[1] - begin)
                else:
                    labels = (null, null) if self.nulls and null is not None else (IGNORED, IGNORED)
                windows.append(
                    Window(number, joined.ids, joined.token_types, offsets[begin:end], first, null or 0, labels)
                )
        return windows

    def collate(self, features: Sequence[Window]) -> dict[str, Tensor]:
        """``ids``, ``attention_mask`` and ``token_types`` (batch, n), ``labels`` (batch, 2)."""
        layout = self.reader.layout
        batch = pad_texts([one.ids for one in features], layout.pad_id, left=layout.left)
        if self.reader.types:
            batch["token_types"] = pad_rows([one.token_types for one in features], 0, left=layout.left)
        shift = torch.tensor([_shift(one, batch["ids"].shape[1], layout.left) for one in features])
        labels = torch.tensor([one.labels for one in features])
        batch[LABELS] = torch.where(labels == IGNORED, labels, labels + shift[:, None])
        return batch

    # ── windows to answers ───────────────────────────────────────────────────

    def predict(self, model: nn.Module, examples: Sequence[Question], batch: int = BATCH) -> list[Span]:
        """The best span of each question, and how much likelier none is."""
        windows = self.features([replace(one, answers=()) for one in examples])
        found: list[tuple[float, int, int] | None] = [None] * len(windows)
        nulls = [math.inf] * len(examples)
        for places, output in run_batches(model, windows, self.collate, lambda one: len(one.ids), batch):
            logits = output.logits.float().cpu()
            shifts = [_shift(windows[at], logits.shape[1], self.reader.layout.left) for at in places]
            firsts = [windows[at].first + shift for at, shift in zip(places, shifts, strict=True)]
            ends = [begin + len(windows[at].offsets) for at, begin in zip(places, firsts, strict=True)]
            spans = best_spans(logits, torch.tensor(firsts), torch.tensor(ends), self.longest)
            for row, at in enumerate(places):
                one, span = windows[at], spans[row]
                found[at] = None if span is None else (span[0], span[1] - firsts[row], span[2] - firsts[row])
                if self.nulls:
                    nulls[one.example] = min(nulls[one.example], float(logits[row, one.null + shifts[row]].sum()))
        return self._joined(examples, windows, found, nulls)

    def _joined(
        self,
        examples: Sequence[Question],
        windows: Sequence[Window],
        found: Sequence[tuple[float, int, int] | None],
        nulls: Sequence[float],
    ) -> list[Span]:
        """The best of each question's windows; the first of those that are equally good."""
        best: dict[int, tuple[float, int, int]] = {}
        for window, part in zip(windows, found, strict=True):
            if part is not None and (window.example not in best or part[0] > best[window.example][0]):
                score, begin, end = part
                best[window.example] = (score, window.offsets[begin][0], window.offsets[end][1])
        spans = []
        for number, one in enumerate(examples):
            if number not in best:  # a context without a token
                spans.append(Span(0, 0, "", -math.inf, math.inf))
                continue
            score, begin, end = best[number]
            null = nulls[number] - score if self.nulls else -math.inf
            spans.append(Span(begin, end, one.context[begin:end], score, null))
        return spans

    # ── scores ───────────────────────────────────────────────────────────────

    def score(self, predictions: Sequence[Span], examples: Sequence[Question]) -> dict[str, float]:
        """SQuAD 2.0's ``exact`` and ``f1``, in percent, of all questions, those that have an answer and those that have
        none (:func:`squad2_scores`)."""
        answers = [one.answer(self.threshold) for one in predictions]
        return squad2_scores(answers, [[gold.text for gold in one.answers] for one in examples])

    def fitted(self, predictions: Sequence[Span], examples: Sequence[Question], metric: str = "f1") -> Answering:
        """The task with the threshold that gives the best ``exact`` or ``f1``: for development data.

        All thresholds up to the value of the next question are equally good there; the middle is taken.
        """
        if metric not in ("exact", "f1"):
            raise ValueError(f"a threshold is chosen by exact or f1, not by {metric!r}")
        golds = [[gold.text for gold in one.answers] for one in examples]
        nulls = [one.null for one in predictions]
        low = squad2_scores([one.text for one in predictions], golds, nulls)[f"best_{metric}_thresh"]
        high = min((one for one in nulls if one > low), default=low)
        middle = low + (high - low) / 2 if math.isfinite(high - low) else low
        return replace(self, threshold=middle)


def cut_windows(count: int, room: int, stride: int) -> list[Offset]:
    """(begin, end) of windows of ``room`` tokens over ``count``, each with ``stride`` tokens of the one before.

    The last one ends with the text and may be shorter; a text without tokens has one empty window. Raises ValueError
    unless 0 ≤ stride < room.
    """
    if not 0 <= stride < room:
        raise ValueError(f"windows of {room} tokens share from 0 to {max(room - 1, 0)} of them, not {stride}")
    windows = []
    begin = 0
    while True:
        end = min(begin + room, count)
        windows.append((begin, end))
        if end == count:
            return windows
        begin += room - stride


def best_spans(logits: Tensor, first: Tensor, end: Tensor, longest: int) -> list[tuple[float, int, int] | None]:
    """(score, begin, last) of the best legal span in each row of logits (batch, n, 2), None where there is none.

    The context of a row stands at ``first`` to ``end`` (batch,), and a span has ``longest`` tokens at most. Of equally
    good spans the first, then the shortest.
    """
    width = logits.shape[1]
    places = torch.arange(width)
    legal = (places >= first[:, None]) & (places < end[:, None])
    begins, lasts = logits.masked_fill(~legal[..., None], -math.inf).unbind(-1)
    longest = min(longest, width)
    beyond = lasts.new_full((len(lasts), longest - 1), -math.inf)
    ahead = torch.cat((lasts, beyond), dim=-1).unfold(-1, longest, 1)  # (batch, n, longest): ends of spans from here
    most, size = ahead.max(dim=-1)
    score, begin = (begins + most).max(dim=-1)
    result: list[tuple[float, int, int] | None] = []
    for row, (value, at) in enumerate(zip(score.tolist(), begin.tolist(), strict=True)):
        result.append(None if value == -math.inf else (value, at, at + int(size[row, at])))
    return result


def _place(one: Question, offsets: Sequence[Offset]) -> Offset | None:
    """The first and the last token of the context that have a character of the answer; None without an answer.

    Raises ValueError where the answer does not stand at its place, or no token has any of it.
    """
    if not one.answers:
        return None
    answer = one.answers[0]
    begin, end = answer.start, answer.start + len(answer.text)
    if not 0 <= begin < end or one.context[begin:end] != answer.text:
        found = one.context.find(answer.text) if answer.text else -1
        mend = f"it stands at {found}" if found >= 0 else "it stands nowhere in the context: leave it out"
        raise ValueError(f"question {one.id or one.question!r}: the answer {answer.text!r} is not at {begin}; {mend}")
    inside = [at for at, (first, last) in enumerate(offsets) if first < end and last > begin]
    if not inside:
        raise ValueError(
            f"question {one.id or one.question!r}: the answer {answer.text!r} has no token in the context; leave it out"
        )
    return inside[0], inside[-1]


def _null_place(reader: Reader, length: int) -> int | None:
    """Where the token for no answer stands: the first where that is a special one, else the last ([CLS] of XLNet)."""
    slots = reader.layout.pair
    if slots[0].token is not None:
        return 0
    return length - 1 if slots[-1].token is not None else None


def _shift(one: Window, width: int, left: bool) -> int:
    """By how much padding on the left moves a window's tokens."""
    return width - len(one.ids) if left else 0
