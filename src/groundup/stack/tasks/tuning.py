"""Fine-tuning as a whole: a model from anywhere, a set of examples, and afterwards a folder that others can read.

    place (folder, Hub id, a run of ours) ── start ──► model with the head that the examples ask for, and its tokenizer
    examples ── task ──► batches ── train ──► scores on what was held out ──► folder/model  folder/card  folder/states

The kind of the examples says which head it is: texts with a class, pairs with a score, words with tags, questions, or
texts and what they become. A run that was stopped goes on from its states when the same is asked for again;
``begin.json`` says which weights it began from, so that it goes on from no other's.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from groundup.stack.data.examples import LabeledText, Question, ScoredPair, TaggedWords, TaskData, TextPair
from groundup.stack.models.checkpoints import write_whole
from groundup.stack.tasks.answering import Answering
from groundup.stack.tasks.classification import Classification
from groundup.stack.tasks.sequences import KINDS, sequence_task
from groundup.stack.tasks.start import GENERATION, Kit, start
from groundup.stack.tasks.tagging import Tagging
from groundup.stack.training.cards import DataSource, RunCard, Score, card_of, hash_files, write_card
from groundup.stack.training.devices import named_device, own_device
from groundup.stack.training.failures import OutOfMemoryError, is_memory_error
from groundup.stack.training.memory import estimate_memory, in_words
from groundup.stack.training.settings import Settings
from groundup.stack.training.states import list_states
from groundup.stack.training.trainer import Run, Step, train

MODEL, CARD, STATES, BEGIN = "model", "card", "states", "begin.json"
RESAMPLES, LEVEL = 200, 0.95
HELD_BACK = 0.1
"""The share of the training questions that the threshold for "no answer" is chosen by, and which are not learned."""


@dataclass(frozen=True)
class Tuned:
    """What came of it. ``scores`` are the task's on the held-out examples, ``predictions`` what they were made of."""

    kit: Kit
    task: Any
    run: Run
    predictions: list[Any]
    scores: dict[str, float]
    card: RunCard


@dataclass(frozen=True)
class Plan:
    """What a fine-tuning is about to do: of ``features`` it makes ``updates``; ``memory`` is in bytes, estimated for
    the longest of the texts, None where that cannot be played through."""

    parameters: int
    features: int
    updates: int
    longest: int
    fresh: bool
    memory: int | None


def fine_tune(
    place: str | os.PathLike[str],
    data: TaskData[Any],
    settings: Settings,
    folder: str | os.PathLike[str],
    *,
    tokenizer: str | os.PathLike[str] | None = None,
    length: int | None = None,
    device: torch.device | str | None = None,
    before: Callable[[Plan], None] | None = None,
    watch: Callable[[Step], None] | None = None,
) -> Tuned:
    """Fine-tune the model of ``place`` on ``data.train``; scored on ``data.dev``, saved below ``folder``.

    ``tokenizer`` is another place, where it is not that of the model. ``length`` bounds the tokens of a text, None is
    as many as the model reads. It is trained on ``device``, None is the graphics card of this machine, or the processor
    where there is none. ``before`` is told what will be done before it is, ``watch`` every update.

    Raises ValueError for examples that no task is made of, for a folder with a run from other weights, for a device
    that is not there, and what :func:`start` and ``train`` raise: a model and a tokenizer that do not belong together
    are refused before anything is computed.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: name a folder, in which model, card and states are written")
    where = own_device() if device is None else named_device(device)
    kit = open_for(place, data, tokenizer=tokenizer, seed=settings.seed)
    task = task_for(kit, data, length)
    learned, held = _parts(data, task)
    features = task.features(learned)
    if not features:
        raise ValueError(f"{data.name} has nothing to learn from: more examples are needed, or such as have words")
    _require_scorable(task, [*held, *data.dev])
    if before is not None:
        before(_plan(kit, task, features, settings, where))
    _note_begin(folder, kit.model, str(place))
    _move(kit.model, where)
    run = train(kit.model, features, task.collate, settings, folder=folder / STATES, watch=watch)
    if held:
        task = task.fitted(task.predict(kit.model, held), held)
    predictions = task.predict(kit.model, data.dev)
    scores = task.score(predictions, data.dev)
    kit.save(folder / MODEL)
    card = tuning_card(kit, task, data, run, predictions, place=str(place), learned=len(learned))
    write_card(card, folder / CARD)
    return Tuned(kit, task, run, predictions, scores, card)


def open_for(
    place: str | os.PathLike[str],
    data: TaskData[Any],
    *,
    tokenizer: str | os.PathLike[str] | None = None,
    seed: int = 0,
) -> Kit:
    """The model of a place with the head that the examples ask for. Raises ValueError where there is none for them."""
    kind = example_kind(data)
    if kind is LabeledText and len(data.labels) < 2:
        raise ValueError(f"{data.name} has no two labels to tell apart: got {', '.join(data.labels) or 'none'}")
    if kind is TaggedWords and not data.labels:
        raise ValueError(f"{data.name} has no tag but O: there is nothing to find")
    if kind is LabeledText:
        return start(place, "classification", data.labels, problem="single", tokenizer=tokenizer, seed=seed)
    if kind is ScoredPair:
        return start(place, "classification", ("score",), problem="regression", tokenizer=tokenizer, seed=seed)
    if kind is TaggedWords:
        return start(place, "tagging", tag_names(data.labels), tokenizer=tokenizer, seed=seed)
    if kind is Question:
        return start(place, "answering", tokenizer=tokenizer, seed=seed)
    return start(place, GENERATION, tokenizer=tokenizer, seed=seed)


def task_for(kit: Kit, data: TaskData[Any], length: int | None = None) -> Any:
    """The task that the examples are of, for this model. Raises ValueError for a kind that has none."""
    kind = example_kind(data)
    if kind in (LabeledText, ScoredPair):
        return Classification.of(kit, length)
    if kind is TaggedWords:
        return Tagging.of(kit, length)
    if kind is Question:
        longest = min(384, kit.reader.longest or 384) if length is None else length
        return Answering(kit.reader, longest, stride=longest // 3, nulls=any(not one.answers for one in data.train))
    name = next((one for one in KINDS if one in data.task), KINDS[0])
    bounds: dict[str, Any] = {} if length is None else {"source_length": length, "target_length": length}
    return sequence_task(kit.model, kit.tokenizer, name, end_id=kit.ids.get("eos"), **bounds)


def example_kind(data: TaskData[Any]) -> type:
    """The class of the examples. Raises ValueError where there are none, several, or one without a task."""
    kinds = {type(one) for one in (*data.train, *data.dev)}
    if not data.train or not data.dev:
        raise ValueError(f"{data.name} needs examples to learn from and some that are held out")
    known = (LabeledText, ScoredPair, TaggedWords, Question, TextPair)
    if len(kinds) != 1 or not kinds <= set(known):
        names = ", ".join(sorted(one.__name__ for one in kinds))
        raise ValueError(
            f"{data.name} has examples of the kind {names}; a model is fine-tuned on one of "
            f"{', '.join(one.__name__ for one in known)}"
        )
    return kinds.pop()


def tag_names(types: Sequence[str]) -> tuple[str, ...]:
    """The tags of types of names: O, and B- and I- for each."""
    return ("O", *(f"{mark}-{one}" for one in types for mark in "BI"))


def _plan(kit: Kit, task: Any, features: Sequence[Any], settings: Settings, device: torch.device) -> Plan:
    size = -(-settings.batch // settings.accumulate)
    # The longest by what collate makes of each: features of different tasks have different fields.
    lengths = [task.collate([one])["ids"].shape[1] for one in features]
    order = sorted(range(len(features)), key=lambda at: -lengths[at])[:size]
    try:
        memory = estimate_memory(
            kit.model,
            task.collate([features[at] for at in order]),
            accumulate=settings.accumulate,
            recompute=settings.recompute,
            bfloat16=settings.precision == "bfloat16",
            average=settings.average is not None,
            device=device,
        ).total
    except (ValueError, RuntimeError):  # a model that cannot be played without values
        memory = None
    parameters = sum(one.numel() for one in kit.model.parameters())
    return Plan(parameters, len(features), settings.steps, max(lengths), kit.fresh, memory)


def _move(model: torch.nn.Module, device: torch.device) -> None:
    """Raises OutOfMemoryError where there is no room for the weights."""
    try:
        model.to(device)
    except Exception as error:
        if not is_memory_error(error):
            raise
        size = in_words(sum(one.nbytes for one in model.parameters()))
        raise OutOfMemoryError(
            f"there is no room for the weights ({size}) on {device}: free some of it, name another device, or take a "
            "smaller model"
        ) from error


def _require_scorable(task: Any, examples: Sequence[Any]) -> None:
    """Raises ValueError, as the task does, for what it could not predict or score: before training, not after it."""
    if isinstance(task, Answering):
        task.features([replace(one, answers=()) for one in examples])
    elif isinstance(task, Classification | Tagging):
        task.features(examples)


def _note_begin(folder: Path, model: torch.nn.Module, place: str) -> None:
    """Note in the folder which weights its run begins from. Raises ValueError where its states began from others: to go
    on from them would give that other model's weights under this one's name."""
    digest = hashlib.sha256()
    for name, one in model.state_dict().items():
        digest.update(name.encode() + one.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    begin, now = folder / BEGIN, {"place": place, "weights_sha256": digest.hexdigest()}
    if list_states(folder / STATES) and begin.is_file():
        told = json.loads(begin.read_text(encoding="utf-8"))
        if told["weights_sha256"] != now["weights_sha256"]:
            raise ValueError(
                f"{folder} has a run that began from {told['place']}, whose weights are not those of {place} now: "
                "name another folder, or go on from what it began from"
            )
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(begin, (json.dumps(now, ensure_ascii=False, indent=2) + "\n").encode())


def _parts(data: TaskData[Any], task: Any) -> tuple[list[Any], list[Any]]:
    """What is learned, and what is held back to choose a threshold by, where the task has one."""
    if not isinstance(task, Answering) or not task.nulls:
        return list(data.train), []
    back = max(1, int(HELD_BACK * len(data.train)))
    return list(data.train[:-back]), list(data.train[-back:])


# ── the report ───────────────────────────────────────────────────────────────


def tuning_card(
    kit: Kit, task: Any, data: TaskData[Any], run: Run, predictions: Sequence[Any], *, place: str, learned: int
) -> RunCard:
    """The run card of a fine-tuning: the scores have an interval each, by the bootstrap over the examples."""
    told = {name: str(value) for name, value in data.provenance.items()}
    source = DataSource(
        data.name,
        told.get("source", "not stated"),
        told.get("licence", "not stated"),
        hash_files(data.files) if data.files else hashlib.sha256(repr((data.train, data.dev)).encode()).hexdigest(),
        f"{learned} to learn from, {len(data.dev)} held out",
        learned,
    )
    notes = []
    if isinstance(task, Answering) and task.nulls:  # which the model's folder has no place for
        notes.append(f"no answer is given where its score is above the best span's by more than {task.threshold:.6g}")
    return card_of(
        f"{data.name} from {Path(place).name}",
        run,
        kit.model,
        (source,),
        start=f"the weights of {place}, {'and a new head' if kit.fresh else 'its head among them'}",
        scores=score_intervals(task, predictions, data.dev),
        flops=6.0 * sum(one.numel() for one in kit.model.parameters()) * run.tokens,
        counted="6 for each weight and each token, without padding",
        notes=notes,
    )


def score_intervals(task: Any, predictions: Sequence[Any], examples: Sequence[Any], seed: int = 0) -> list[Score]:
    """Each score of the task with its percentile interval over resampled examples."""
    generator = np.random.default_rng(seed)
    found: dict[str, list[float]] = {}
    for _ in range(RESAMPLES):
        picks = generator.integers(len(examples), size=len(examples))
        scores: Mapping[str, float] = task.score([predictions[at] for at in picks], [examples[at] for at in picks])
        for name, value in scores.items():
            found.setdefault(name, []).append(value)
    method = f"percentile bootstrap over examples, {RESAMPLES} resamples"
    result = []
    for name, value in task.score(predictions, examples).items():
        drawn = np.array([one for one in found.get(name, []) if np.isfinite(one)])
        if len(drawn) < RESAMPLES // 2:  # a score that most resamples do not have, such as that of a rare class
            result.append(Score(name, float(value), len(examples)))
            continue
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        result.append(Score(name, float(value), len(examples), "", float(low), float(high), LEVEL, method))
    return result
