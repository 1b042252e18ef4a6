"""Generation: prompts to texts, by any model that writes, greedily, by chance or with beams.

    prompts ── ids, batches padded on the left ──► token by token ── until an end token, a stop string or the limit ──►
    completions, in the order of the prompts

A batch gives what each prompt alone gives: padding is masked, each token knows its place in its own text, and what
chance decides has a number of its own for each prompt and step. Families that would see padding (Mamba, Jamba) get
prompts of one length at a time. Encoder-decoders read the prompt and write another text; decoders go on with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from groundup.stack.inference.beams import Stopping, search_beams
from groundup.stack.inference.sampling import apply_temperature, min_p, top_k, top_p
from groundup.stack.inference.steps import Rules, Steps, context_of, knows_places, reads_apart
from groundup.stack.tasks.task import by_length, device_of, evaluating, pad_texts

Prompt = str | Sequence[int]
Reason = Literal["end", "stop", "length"]
BATCH = 32
_REPLACEMENT = "�"  # what decoding has for bytes that are no whole character yet


@dataclass(frozen=True)
class Decoding:
    """How tokens are chosen. ``temperature`` 0 takes the likeliest; above 0 chance decides, after the filters.

    ``end_ids`` end a text and are not shown; an encoder-decoder's own ``end_id`` needs no mention. ``stop`` are strings
    that end a text as soon as they stand in it, and are cut off. More than one of ``beams`` searches
    (:mod:`~groundup.stack.inference.beams`) instead of choosing, with neither chance nor stop strings.
    """

    max_new_tokens: int = 64
    min_new_tokens: int = 0
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    beams: int = 1
    length_penalty: float = 1.0
    early_stopping: Stopping = False
    end_ids: tuple[int, ...] = ()
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1 or self.beams < 1 or not 0 <= self.temperature < float("inf"):
            raise ValueError(
                "max_new_tokens and beams are at least 1, temperature is 0 or more: got "
                f"{self.max_new_tokens}, {self.beams} and {self.temperature}"
            )
        if self.beams > 1 and (self.temperature or self.stop):
            raise ValueError("beams search without chance and stop strings: set temperature to 0 and leave stop empty")
        if any(not isinstance(one, int) or one < 0 for one in self.end_ids):
            raise ValueError(f"end_ids are ids of tokens, 0 or more: {self.end_ids!r}; leave them out for no end")
        if isinstance(self.stop, str) or "" in self.stop:
            raise ValueError(f"stop is a tuple of strings, none of them empty: {self.stop!r}")


@dataclass(frozen=True)
class Completion:
    """What was written: its text, without what ended it, a token or a string; its tokens, without the end token; why it
    ends; with beams, its score, log p / length ** penalty."""

    text: str
    ids: list[int]
    reason: Reason
    score: float | None = None


def generate_text(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    decoding: Decoding | None = None,
    *,
    generator: torch.Generator | None = None,
    batch: int = BATCH,
) -> list[Completion]:
    """A completion for each prompt, a text or its ids (which are taken as they are), in their order.

    ``generator`` decides where the temperature is above 0; what it gives a prompt depends on the prompt's place in the
    list, and on nothing else. Where the model's context leaves less room than ``max_new_tokens``, the text ends there.
    Raises ValueError for a prompt without tokens, or one that fills the context.
    """
    decoding = decoding or Decoding()
    rows = [prompt_ids(model, tokenizer, one) for one in prompts]
    stopped = stop_finder(tokenizer, decoding.stop)
    found: list[Completion] = []
    ends = end_ids_of(model, decoding)
    for ids, score in generate_ids(model, rows, decoding, generator=generator, batch=batch, stopped=stopped):
        found.append(_completion(tokenizer, ids, ends, decoding, score))
    return found


def generate_ids(
    model: Any,
    rows: Sequence[Sequence[int]],
    decoding: Decoding,
    *,
    generator: torch.Generator | None = None,
    batch: int = BATCH,
    stopped: Callable[[list[int]], bool] | None = None,
) -> list[tuple[list[int], float | None]]:
    """For each prompt's ids the new ids, the end token among them, and with beams the score.

    ``stopped`` says of new ids whether they are to end here. Raises ValueError as :func:`generate_text`.
    """
    limits = [_room(model, len(row), at, decoding.max_new_tokens) for at, row in enumerate(rows)]
    chances = None
    if decoding.temperature:  # drawn at once, so that neither order nor length changes what a prompt gets
        chances = torch.rand(len(rows), decoding.max_new_tokens, generator=generator, dtype=torch.float64)
    found: list[tuple[list[int], float | None]] = [([], None)] * len(rows)
    for places in _batches(model, [len(row) for row in rows], batch):
        some = [rows[at] for at in places]
        limit = [limits[at] for at in places]
        with evaluating(model):
            if decoding.beams > 1:
                results = _search(model, some, limit, decoding)
            else:
                chance = None if chances is None else chances[places]
                results = _collect(write_tokens(model, some, limit, decoding, chance, stopped), len(some))
        for at, result in zip(places, results, strict=True):
            found[at] = result
    return found


def stream_text(
    model: Any,
    tokenizer: Any,
    prompt: Prompt,
    decoding: Decoding | None = None,
    *,
    generator: torch.Generator | None = None,
) -> Iterator[str]:
    """The completion of one prompt in pieces, each as soon as it is certain; joined, they are the text that
    :func:`generate_text` gives for it. Half a character, and what may become a stop string, wait for what follows.

    Raises ValueError for beams, which know only in the end what they have written.
    """
    decoding = decoding or Decoding()
    if decoding.beams > 1:
        raise ValueError("beams know only in the end what they have written: stream with beams=1")
    row = prompt_ids(model, tokenizer, prompt)
    limit = _room(model, len(row), 0, decoding.max_new_tokens)
    chance = None
    if decoding.temperature:
        chance = torch.rand(1, decoding.max_new_tokens, generator=generator, dtype=torch.float64)
    stopped = stop_finder(tokenizer, decoding.stop)
    ends = end_ids_of(model, decoding)
    walk = write_tokens(model, [row], [limit], decoding, chance, stopped)
    ids: list[int] = []
    shown = 0
    while True:
        with evaluating(model):  # not across a yield, where it would hold for the caller as well
            step = next(walk, None)
        if step is None:
            break
        ids.append(step[0][1])
        certain = _certain(tokenizer.decode(_without_end(ids, ends)), decoding.stop)
        if len(certain) > shown:
            yield certain[shown:]
            shown = len(certain)
    text = _completion(tokenizer, ids, ends, decoding, None).text
    if len(text) > shown:
        yield text[shown:]


def write_tokens(
    model: Any,
    rows: Sequence[Sequence[int]],
    limits: Sequence[int],
    decoding: Decoding,
    chances: Tensor | None = None,
    stopped: Callable[[list[int]], bool] | None = None,
) -> Iterator[list[tuple[int, int]]]:
    """Step by step, (row, token) for each prompt that is still being continued; an end token is the last of its row.

    ``chances`` (rows, steps) are numbers from 0 to 1, one for each choice. Model and gradients are as the caller has
    them. Rows that have ended are left out of the work.
    """
    ends, rules = end_ids_of(model, decoding), _rules(model, decoding)
    steps, device = _steps(model, rows, max(limits)), device_of(model)
    texts: list[list[int]] = [[] for _ in rows]
    going = list(range(len(rows)))
    logits = steps.first()
    for done in range(max(limits)):
        scores = rules.apply(logits, steps.written, done)
        chance = None if chances is None else chances[going, done].to(device)
        new = choose(scores, decoding, chance)
        tokens = new.tolist()
        for at, token in zip(going, tokens, strict=True):
            texts[at].append(token)
        yield list(zip(going, tokens, strict=True))
        kept = [
            place
            for place, (at, token) in enumerate(zip(going, tokens, strict=True))
            if token not in ends and done + 1 < limits[at] and not (stopped and stopped(texts[at]))
        ]
        if not kept:
            return
        if len(kept) < len(going):
            places = torch.tensor(kept, device=device)
            steps.select(places)
            new, going = new[places], [going[place] for place in kept]
        logits = steps.next(new)


def choose(scores: Tensor, decoding: Decoding, chance: Tensor | None) -> Tensor:
    """scores (rows, vocab) to tokens (rows,): the likeliest, or, of those that the filters leave, the one that
    ``chance`` (rows,) falls on, a number from 0 to 1 for each row."""
    if chance is None:
        return scores.argmax(dim=-1)
    # From the largest down and in double precision, so that no low temperature makes scores infinite, as those of half
    # precision soon would be.
    scores = apply_temperature(scores.double() - scores.amax(dim=-1, keepdim=True), decoding.temperature)
    if decoding.top_k is not None:
        scores = top_k(scores, decoding.top_k)
    if decoding.top_p is not None:
        scores = top_p(scores, decoding.top_p)
    if decoding.min_p is not None:
        scores = min_p(scores, decoding.min_p)
    # Of all shares in a line, the one in which the number lies; never one of size 0, which the sum does not pass.
    line = scores.softmax(dim=-1, dtype=torch.float64).cumsum(dim=-1)
    whole = line[:, -1:]
    point = torch.minimum(chance[:, None] * whole, whole.nextafter(torch.zeros_like(whole)))
    return (line <= point).sum(dim=-1)


def prompt_ids(model: Any, tokenizer: Any, prompt: Prompt) -> list[int]:
    """The ids that the model reads: of a text, what its file puts before every text, the text itself and, for an
    encoder-decoder, the end; ids as they are."""
    if not isinstance(prompt, str):
        return list(prompt)
    ids = [*tokenizer.begin, *tokenizer.encode(prompt)]
    return [*ids, model.config.end_id] if reads_apart(model) else ids


def end_ids_of(model: Any, decoding: Decoding) -> tuple[int, ...]:
    """The tokens that end a text: those that were asked for, and an encoder-decoder's own."""
    own = (model.config.end_id,) if reads_apart(model) else ()
    return tuple(dict.fromkeys((*decoding.end_ids, *own)))


def stop_finder(tokenizer: Any, stop: Sequence[str]) -> Callable[[list[int]], bool] | None:
    """Whether new ids, as a text, have a stop string; None where there is none to look for."""
    if not stop:
        return None

    def stopped(ids: list[int]) -> bool:
        text = tokenizer.decode(ids)
        return any(one in text for one in stop)

    return stopped


# ── parts ────────────────────────────────────────────────────────────────────


def _room(model: Any, length: int, at: int, wanted: int) -> int:
    """How many tokens may be written behind a prompt of this length."""
    if not length:
        raise ValueError(f"prompt {at} has no token: a model needs something to go on from")
    context = context_of(model)
    if context is None:
        return wanted
    if length >= context:
        raise ValueError(f"prompt {at} has {length} tokens, and the context of this model is {context}: shorten it")
    return min(wanted, context - length)


def _batches(model: Any, lengths: Sequence[int], batch: int) -> list[list[int]]:
    """Which prompts are continued together: of near lengths, or of one length where padding would be seen."""
    if knows_places(model):
        return by_length(lengths, batch)
    groups: dict[int, list[int]] = {}
    for at, length in enumerate(lengths):
        groups.setdefault(length, []).append(at)
    return [[one[at] for at in part] for one in groups.values() for part in by_length([1] * len(one), batch)]


def _steps(model: Any, rows: Sequence[Sequence[int]], room: int) -> Steps:
    apart, device = reads_apart(model), device_of(model)
    given = pad_texts(rows, getattr(model.config, "pad_id", 0) if apart else 0, left=not apart)
    return Steps(model, given["ids"].to(device), given["attention_mask"].to(device), room)


def _rules(model: Any, decoding: Decoding) -> Rules:
    ends = end_ids_of(model, decoding)
    return Rules(ends, decoding.min_new_tokens, decoding.no_repeat_ngram, decoding.repetition_penalty)


def _search(
    model: Any, rows: Sequence[Sequence[int]], limits: Sequence[int], decoding: Decoding
) -> list[tuple[list[int], float | None]]:
    room = torch.tensor(limits, device=device_of(model))
    found = search_beams(
        _steps(model, rows, max(limits)),
        room,
        decoding.beams,
        _rules(model, decoding),
        decoding.length_penalty,
        decoding.early_stopping,
    )
    return [(beams[0].ids, beams[0].score) if beams else ([], None) for beams in found]


def _collect(walk: Iterator[list[tuple[int, int]]], rows: int) -> list[tuple[list[int], float | None]]:
    texts: list[list[int]] = [[] for _ in range(rows)]
    for step in walk:
        for at, token in step:
            texts[at].append(token)
    return [(ids, None) for ids in texts]


def _without_end(ids: list[int], ends: Sequence[int]) -> list[int]:
    return ids[:-1] if ids and ids[-1] in ends else ids


def _completion(
    tokenizer: Any, ids: list[int], ends: Sequence[int], decoding: Decoding, score: float | None
) -> Completion:
    kept = _without_end(ids, ends)
    text = tokenizer.decode(kept)
    places = [text.find(one) for one in decoding.stop if one in text]
    if places:
        return Completion(text[: min(places)], kept, "stop", score)
    return Completion(text, kept, "end" if len(kept) < len(ids) else "length", score)


def _certain(text: str, stop: Sequence[str]) -> str:
    """What of a text no further token can change: not half a character, nor what may begin a stop string."""
    text = text.rstrip(_REPLACEMENT)
    first = min((text.find(one) for one in stop if one in text), default=len(text))
    text = text[:first]
    for size in range(max(map(len, stop), default=0) - 1, 0, -1):
        if any(text.endswith(one[:size]) for one in stop if len(one) > size):
            return text[:-size]
    return text
