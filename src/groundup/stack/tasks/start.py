"""Where every fine-tuning starts: a folder in the Hub's format, or a Hub id, becomes a model with a head, and a reader.

    kit = start("folder", "classification", labels=("bad", "good"))
    kit.model, kit.reader, kit.labels                        the head is read where the folder has it, else new
    … train kit.model …
    kit.save("written")                                      transformers reads it, and so does start

The same goes for a repository's id, a folder that transformers wrote, our own pre-training run, what ``save`` wrote.
A model and a tokenizer that do not belong together are refused, both by name: before a run, not after it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from groundup.stack.models.checkpoints import CONFIG, CheckpointError, find_folder, read_config, read_weights
from groundup.stack.models.encoder import HeadedModel
from groundup.stack.models.families import FAMILIES, CausalLM, load
from groundup.stack.models.seq2seq import Seq2Seq
from groundup.stack.tasks.reading import LEFT, Layout, Reader, family_layout, file_layout, token_id
from groundup.stack.tasks.saving import BESIDE, SPECIAL_MAP, VOCABULARY, save_kit, vocabulary_hash
from groundup.stack.text.files import TOKENIZER, TOKENIZER_CONFIG, AnyTokenizer, TokenizerError, read_json
from groundup.stack.text.tokenizer_file import read_tokenizer

HEADS = {
    "classification": "ForSequenceClassification",
    "tagging": "ForTokenClassification",
    "answering": "ForQuestionAnswering",
    "words": "ForMaskedLM",
}
"""Each head of an encoder, and what the Hub's names of it begin with behind the family's name."""
GENERATION = "generation"
PROBLEMS = {
    "single": "single_label_classification",
    "multiple": "multi_label_classification",
    "regression": "regression",
}
"""What labels mean, by our name and by the Hub's ``problem_type``."""

_ROLES = {"pad": ("[PAD]", "<pad>"), "bos": (), "eos": (), "sep": (), "cls": (), "mask": ("[MASK]", "<mask>")}
_SETTINGS = {"pad": "pad_id", "eos": "end_id"}  # our configurations' names


class MismatchError(CheckpointError):
    """A tokenizer and a model that do not belong together; the message names both places."""


@dataclass(frozen=True)
class Kit:
    """A model, what reads its texts, and what its labels are called.

    ``labels`` are in the order of the logits; ``problem`` says what classes mean (a key of PROBLEMS; None for another
    head). ``fresh``: is the head new, so that it has to learn. ``ids`` are the special tokens' by their roles (pad,
    bos, eos, …), ``files`` the tokenizer's, as they were read, ``place`` where the model came from.
    """

    model: Any
    reader: Reader
    labels: tuple[str, ...] = ()
    problem: str | None = None
    fresh: bool = False
    place: str = "memory"
    ids: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def tokenizer(self) -> AnyTokenizer:
        return self.reader.tokenizer

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write model, tokenizer and the labels' names in the Hub's format: transformers reads it, and so does
        :func:`start`. Each file is whole or not there; ``config.json`` comes last."""
        named = {} if self.problem is None else {"problem_type": PROBLEMS[self.problem]}
        save_kit(folder, self.model, self.reader, self.labels, self.ids, self.files, named)


def start(
    place: str | os.PathLike[str],
    head: str,
    labels: Sequence[str] | None = None,
    *,
    problem: str | None = None,
    tokenizer: str | os.PathLike[str] | None = None,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> Kit:
    """The model of ``place`` with a head, and its tokenizer (of another place, where one is named).

    ``head`` is a key of HEADS, for encoders, or "generation" for decoders and encoder-decoders, whose head is always
    read. The checkpoint's own head is read where it is of that kind and has these labels: the same names (in any order;
    the checkpoint's counts), or no names of its own and as many. Otherwise it is new, drawn from ``seed``. Without
    ``labels``, they are the checkpoint's.

    Raises CheckpointError for a head or a family that is not known, TokenizerError where there is no tokenizer, and
    MismatchError where the two do not belong together (:func:`require_match`), or the model's folder has a tokenizer
    with another vocabulary than the one that was named.
    """
    folder = find_folder(place)
    beside = folder if tokenizer is None else find_folder(tokenizer)
    settings = read_config(folder)
    family = str(settings.get("model_type"))
    names, words = str(place), str(place if tokenizer is None else tokenizer)
    try:
        read = read_tokenizer(beside)
    except TokenizerError as error:
        raise TokenizerError(f"the model {names} needs a tokenizer: {error}") from error
    ids = special_ids(beside, read)
    require_match(settings, read, ids, model_name=names, tokenizer_name=words)
    if tokenizer is not None:
        _require_own(folder, read, names, words)
    model, called, fresh = _with_head(folder, family, settings, head, labels, dtype, seed)
    pad_id = ids.get("pad", _pad_of(model.config, settings))
    reader = Reader(read, _layout(beside, family, read, pad_id), *_limits(model))
    files = {name: (beside / name).read_bytes() for name in BESIDE if (beside / name).is_file()}
    meaning = _problem(head, called, problem, settings)
    kit = Kit(model, reader, called, meaning, fresh, names, ids, files)
    return replace(kit, reader=replace(reader, types=reader.types and reader.layout.types))


def assemble(model: Any, tokenizer: AnyTokenizer, labels: Sequence[str] = (), *, problem: str | None = None) -> Kit:
    """A kit of a model and a tokenizer in memory, of which nothing was read: training from nothing begins so.

    Raises MismatchError where the two do not belong together, ValueError where the number of labels is not the head's.
    """
    config = model.config
    settings = dict(config.to_hub()) if hasattr(config, "to_hub") else {"vocab_size": config.vocab}
    family = str(settings.get("model_type", getattr(model, "model_type", "")))
    ids = special_ids(None, tokenizer)
    require_match(settings, tokenizer, ids, model_name=type(model).__name__, tokenizer_name=type(tokenizer).__name__)
    head = next((name for name, one in HEADS.items() if getattr(model, "architecture", "").startswith(one)), GENERATION)
    number = getattr(config, "labels", 0)
    labelled = head in ("classification", "tagging")
    if labelled and labels and len(labels) != number:
        raise ValueError(f"{len(labels)} labels for a head of {number}: give the configuration labels={len(labels)}")
    called = tuple(labels) if labels or not labelled else tuple(f"LABEL_{at}" for at in range(number))
    pad_id = ids.get("pad", _pad_of(config, settings))
    layout = family_layout(family, tokenizer, pad_id)
    types, longest = _limits(model)
    reader = Reader(tokenizer, layout, types and layout.types, longest)
    return Kit(model, reader, called, _problem(head, called, problem, {}), True, ids=ids)


# ── the head ─────────────────────────────────────────────────────────────────


def _with_head(
    folder: Path,
    family: str,
    settings: Mapping[str, Any],
    head: str,
    labels: Sequence[str] | None,
    dtype: torch.dtype,
    seed: int,
) -> tuple[Any, tuple[str, ...], bool]:
    """The model, its labels' names, and whether its head is new."""
    if head == GENERATION:
        model = load(folder, dtype)
        if not isinstance(model, CausalLM) and not (isinstance(model, Seq2Seq) and type(model).__name__ != "T5Model"):
            raise CheckpointError(
                f"{family} writes no text ({type(model).__name__}): take a decoder or encoder-decoder"
            )
        return model, (), False
    kind = find_head(family, head)
    counted = head in ("classification", "tagging")
    own = checkpoint_labels(settings)
    wanted = own if labels is None else tuple(map(str, labels))
    _require_labels(wanted if counted else ("",))
    if sorted(wanted) == sorted(own):
        wanted = own  # the order is the checkpoint's, or its head would be read wrongly
    named = _named(settings)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        model = kind.from_pretrained(folder, dtype, labels=len(wanted) if counted else None)
        has_it = _holds_head(folder, settings, model)
        same = not counted or (len(wanted) == len(own) and (wanted == own or not named))
        if has_it and not same:
            _renew(model)
    return model.eval(), wanted if counted else (), not (has_it and same)


def _holds_head(folder: Path, settings: Mapping[str, Any], model: HeadedModel) -> bool:
    """Has the folder this head? Where ``config.json`` does not say which it has, its weights do."""
    named = settings.get("architectures")
    if named:
        return model.hub_name() in named
    head = {name for name in model.state_dict() if not name.startswith("encoder.")}
    return head <= model.names(model.config).ours(read_weights(folder)).keys()


def find_head(family: str, head: str) -> Any:
    """The class of a family (``model_type``) with that head. Raises CheckpointError, naming what there is."""
    if head not in HEADS:
        raise CheckpointError(f"there is no head {head!r}: {', '.join((*HEADS, GENERATION))} are known")
    if family not in FAMILIES:
        raise CheckpointError(f"model_type {family!r} is not known; {', '.join(FAMILIES)} are")
    place = next((one for name, one in FAMILIES[family].items() if HEADS[head] in name), None)
    if place is None:
        others = [name for name, heads in FAMILIES.items() if any(HEADS[head] in one for one in heads)]
        raise CheckpointError(f"{family} has no head for {head}; {', '.join(others)} have one")
    file, _, name = place.partition(":")
    return getattr(importlib.import_module(f"groundup.stack.models.{file}"), name)


def checkpoint_labels(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels' names of a ``config.json``, in the order of the logits."""
    names = settings.get("id2label") or {at: f"LABEL_{at}" for at in range(settings.get("num_labels", 2))}
    try:
        return tuple(str(names[at]) for at in sorted(names, key=int))
    except (TypeError, ValueError):
        raise CheckpointError(f"id2label in {CONFIG} has no name for each number from 0: {names!r}") from None


def _named(settings: Mapping[str, Any]) -> bool:
    """Did somebody name the labels, or are they the LABEL_0, LABEL_1, … of a model that was told none?"""
    return any(name != f"LABEL_{at}" for at, name in enumerate(checkpoint_labels(settings)))


def _require_labels(labels: Sequence[str]) -> None:
    if not labels or len(set(labels)) != len(labels):
        raise ValueError(f"labels are at least one name, and each only once: got {', '.join(labels) or 'none'}")


def _renew(model: HeadedModel) -> None:
    """First weights for the head: it was of other labels."""
    build: Any = type(model)
    first = build(model.config).state_dict()
    with torch.no_grad():
        for name, one in model.state_dict().items():
            if not name.startswith(("encoder.", "pooler.")):
                one.copy_(first[name])


def _problem(head: str, labels: Sequence[str], problem: str | None, settings: Mapping[str, Any]) -> str | None:
    if head != "classification":
        if problem is not None:
            raise ValueError(f"problem {problem!r} is for classification; {head} has but one")
        return None
    if problem is not None and problem not in PROBLEMS:
        raise ValueError(f"there is no problem {problem!r}: {', '.join(PROBLEMS)} are known")
    written = {theirs: ours for ours, theirs in PROBLEMS.items()}.get(str(settings.get("problem_type")))
    found = problem or written or ("regression" if len(labels) == 1 else "single")
    if found == "regression" and len(labels) != 1:
        raise ValueError(f"a regression has one label, the number's name: got {', '.join(labels)}")
    return found


# ── the reader ───────────────────────────────────────────────────────────────


def _limits(model: Any) -> tuple[bool, int | None]:
    """Does the model know token types, and how many tokens does it read at most."""
    config = model.config
    context = getattr(config, "context", None)
    if context is not None and getattr(config, "roberta", False):
        context -= config.pad_id + 1
    return isinstance(model, HeadedModel) and getattr(config, "segments", 2) > 1, context


def _pad_of(config: Any, settings: Mapping[str, Any]) -> int:
    """What fills a batch where the tokenizer names nothing for it: the model's own, or any id, since it is masked."""
    found = getattr(config, "pad_id", settings.get("pad_token_id"))
    return int(found) if isinstance(found, int) and found >= 0 else 0


def _layout(folder: Path, family: str, tokenizer: AnyTokenizer, pad_id: int) -> Layout:
    """As the tokenizer's file says it, else the family."""
    if (folder / TOKENIZER).is_file():
        processor = read_json(folder / TOKENIZER).get("post_processor")
        found = file_layout(processor, tokenizer, pad_id, family in LEFT)
        if found is not None:
            return found
    return family_layout(family, tokenizer, pad_id)


def special_ids(folder: Path | None, tokenizer: AnyTokenizer) -> dict[str, int]:
    """The special tokens' ids by their roles, as the files beside the tokenizer name them, else by their usual
    names."""
    told: dict[str, Any] = {}
    for name in (SPECIAL_MAP, TOKENIZER_CONFIG):
        if folder is not None and (folder / name).is_file():
            told |= {role: value for role, value in read_json(folder / name).items() if value is not None}
    found: dict[str, int] = {}
    for role, usual in _ROLES.items():
        given = told.get(f"{role}_token")
        names = usual if given is None else (given["content"] if isinstance(given, dict) else str(given),)
        for one in names:
            token = token_id(tokenizer, one)
            if token is not None:
                found.setdefault(role, token)
    return found


# ── do they belong together ──────────────────────────────────────────────────


def require_match(
    settings: Mapping[str, Any],
    tokenizer: AnyTokenizer,
    ids: Mapping[str, int],
    *,
    model_name: str,
    tokenizer_name: str,
) -> None:
    """Raises MismatchError, with both names, unless the model of ``config.json`` can be the tokenizer's.

    Compared are the sizes of the vocabulary, the ids of special tokens where both name them, and the vocabulary itself
    where :meth:`Kit.save` recorded it.
    """
    both = f"the tokenizer of {tokenizer_name} is not that of the model {model_name}"
    rows = settings.get("vocab_size", settings.get("vocab"))
    if isinstance(rows, int) and tokenizer.vocab_size > rows:
        raise MismatchError(
            f"{both}: it has {tokenizer.vocab_size} ids, and the model's embedding {rows} rows; name the tokenizer "
            "that the model was trained with"
        )
    for role, token in ids.items():
        told = settings.get(f"{role}_token_id", settings.get(_SETTINGS.get(role, "")))
        known = told if isinstance(told, list) else [told]
        if not any(one is None or one < 0 or one == token for one in known):
            raise MismatchError(f"{both}: its {role} token has id {token}, and the model's config.json says {told}")
    recorded = settings.get(VOCABULARY)
    if recorded is not None and recorded != vocabulary_hash(tokenizer):
        raise MismatchError(
            f"{both}: {CONFIG} records the vocabulary {str(recorded)[:12]}…, and this one is "
            f"{vocabulary_hash(tokenizer)[:12]}…"
        )


def _require_own(folder: Path, named: AnyTokenizer, model_name: str, tokenizer_name: str) -> None:
    """Raises MismatchError where the model's folder has a tokenizer, and its ids mean something else."""
    try:
        own = read_tokenizer(folder)
    except TokenizerError:
        return  # it has none: that is why another place was named
    if vocabulary_hash(own) != vocabulary_hash(named):
        raise MismatchError(
            f"the tokenizer of {tokenizer_name} is not that of the model {model_name}: that folder has one of its own, "
            f"with another vocabulary ({own.vocab_size} ids beside {named.vocab_size}); name none, to use that"
        )
