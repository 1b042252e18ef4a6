"""The shelf: models that runs saved, and real ones that were added; each with where it comes from.

    <home>/.groundup/runs/<run>/model/     what a run saved; its name on the shelf is the run's
    <home>/.groundup/models/<name>/        what was added: copied (or linked), with a provenance.json

A model is a folder in the Hub's format: ``config.json``, safetensors, and a tokenizer. Adding one looks at
all of it first, without loading the weights, and refuses what the stack does not run. A run may have held a hostile
part, so what it saved is only ever opened as plain files here; it is loaded by a process behind walls (:mod:`.chat`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.study.home import Home, write_durably
from groundup.study.runs.records import NAME as RUN_NAME
from groundup.study.runs.records import Record, RunError
from groundup.study.runs.story import latest

if TYPE_CHECKING:
    from groundup.study.runs.control import Runs

CONFIG, ONE_FILE, INDEX, PROVENANCE = (
    "config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "provenance.json",
)
TOKENIZERS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "encoder.json",
    "vocab.bpe",
    "tokenizer.model",  # SentencePiece's, as Llama 2 has it
)
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}\Z")
SMALL_BYTES = 64 * 2**20
FAMILIES = ("llama", "gpt2")
LICENCE_LINE = re.compile(r"^license:\s*[\"']?([A-Za-z0-9._+ -]{1,60})", re.MULTILINE)


class ShelfError(Exception):
    """A model cannot be found or added as asked; ``mend`` says what to do about it."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}. {mend}")
        self.problem = problem
        self.mend = mend


@dataclass(frozen=True)
class Model:
    """One model. ``origin`` is "run" or "added"; ``facts`` is everything known of where it comes from, in words."""

    name: str
    origin: str
    folder: Path
    facts: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "origin": self.origin,
            "folder": str(self.folder),
            "parts": list(self.parts),
            "scores": dict(self.scores),
            **self.facts,
        }


class Shelf:
    """The models of one home."""

    def __init__(self, home: Home, runs: Runs) -> None:
        self.home, self.runs = home, runs
        self.folder = home.state / "models"
        self._hashes: dict[tuple[str, int, int], str] = {}

    # ── finding ──────────────────────────────────────────────────────────────

    def all(self) -> list[Model]:
        """What runs saved, the newest first, then what was added, by name."""
        saved = [model for one in self.runs.all() if (model := self._saved(one)) is not None]
        added = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        return [*saved, *(self._added(one) for one in added if NAME.match(one.name) and (one / PROVENANCE).is_file())]

    def get(self, name: str) -> Model:
        """The model of that name; ShelfError names those that there are."""
        if NAME.match(name):
            if (self.folder / name / PROVENANCE).is_file():
                return self._added(self.folder / name)
            if RUN_NAME.match(name):
                saved = self._saved(Record(self.runs.folder / name))
                if saved is not None:
                    return saved
        there = ", ".join(one.name for one in self.all()[:6])
        mend = f"There are {there}." if there else "A run of a lab puts one there, and so does `groundup shelf add`."
        raise ShelfError(f"there is no model {name!r} on the shelf", mend)

    def _saved(self, record: Record) -> Model | None:
        """A run's model, if it is there and made of plain files."""
        folder = record.folder / "model"
        if not is_plain_folder(folder) or not (is_plain_file(folder / CONFIG) and is_plain_file(folder / ONE_FILE)):
            return None
        try:
            request = record.request
        except RunError:
            return None
        try:
            sha256 = self.sha256(folder / ONE_FILE)
        except OSError:  # a run that is at work has just put another in its place
            return None
        facts = {
            "run": record.id,
            "lab": request.lab,
            "scale": request.scale,
            "seed": request.seed,
            "made": request.began,
            "data": dict(request.provenance),
            "licence": next(
                (request.provenance[one] for one in ("licence", "license") if one in request.provenance), None
            ),
            "sha256": {ONE_FILE: sha256},
        }
        saved = latest(record)["saved"]
        return Model(record.id, "run", folder, facts, saved, tuple(one.build for one in request.parts))

    def _added(self, folder: Path) -> Model:
        try:
            facts = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            facts = {}
        return Model(folder.name, "added", folder, facts if isinstance(facts, dict) else {})

    def sha256(self, path: Path) -> str:
        """The hash of a file; computed again only where size or time of the last change differ."""
        about = os.lstat(path)
        mark = (str(path), about.st_size, about.st_mtime_ns)
        if mark not in self._hashes:
            self._hashes[mark] = file_sha256(path)
        return self._hashes[mark]

    # ── adding and removing ──────────────────────────────────────────────────

    def add(self, place: str, name: str | None = None, *, link: bool = False) -> Model:
        """Look at a checkpoint (a folder, or an id of the Hub), copy or hard-link it, and write where it is from."""
        from groundup.stack.models.checkpoints import CheckpointError, find_folder

        try:
            source = find_folder(os.path.expanduser(place))
        except CheckpointError as error:
            raise ShelfError(str(error), "Give a folder, or an id such as openai-community/gpt2.") from error
        chosen = name if name is not None else default_name(place)
        if not NAME.match(chosen) or RUN_NAME.match(chosen):
            raise ShelfError(
                f"{chosen!r} cannot be a model's name", "Small letters, digits, '.', '_', '-', and no name of a run."
            )
        if (self.folder / chosen).exists():
            raise ShelfError(f"there is a model {chosen!r} already", "Choose another with --name, or remove that one.")
        facts = examine(source)
        self.folder.mkdir(parents=True, exist_ok=True)
        scratch = self.folder / f".new-{secrets.token_hex(8)}"
        scratch.mkdir(mode=0o700)
        try:
            hashes = {one: _take(source / one, scratch / one, link=link) for one in _files(source)}
            found = {
                "source": place,
                "added": datetime.now(UTC).isoformat(timespec="seconds"),
                **facts,
                "sha256": hashes,
            }
            write_durably(scratch / PROVENANCE, json.dumps(found, indent=1).encode())
            os.rename(scratch, self.folder / chosen)
        except OSError as error:
            raise ShelfError(f"the model cannot be copied: {error}", "See whether there is room.") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return self.get(chosen)

    def remove(self, name: str) -> None:
        """Delete a model; of a run only what it saved, its curves stay."""
        model = self.get(name)
        if model.origin == "run" and Record(self.runs.folder / name).alive:
            raise ShelfError(f"{name} is running", f"Stop it first: groundup runs stop {name}")
        gone = model.folder.with_name(f".old-{secrets.token_hex(8)}")
        os.rename(model.folder, gone)
        shutil.rmtree(gone)


# ── files ────────────────────────────────────────────────────────────────────


def is_plain_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def is_plain_file(path: Path) -> bool:
    """A file and not a link: a run may have left one that leads out of its folder."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def file_sha256(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def default_name(place: str) -> str:
    """A name from a path or an id: ``openai-community/gpt2`` is gpt2. What looks like a run's name is told apart."""
    base = re.sub(r"[^a-z0-9._-]+", "-", os.path.basename(os.path.normpath(place)).lower()).strip("-._") or "model"
    return f"{base}-model" if RUN_NAME.match(base) else base[:80]


def _files(source: Path) -> list[str]:
    """The files of a checkpoint that are taken: never Python, never pickles."""
    weights = [ONE_FILE] if (source / ONE_FILE).is_file() else [INDEX, *_shards(source)]
    others = [CONFIG, *TOKENIZERS, "generation_config.json", "README.md", "LICENSE", "LICENSE.txt"]
    return [*weights, *(one for one in others if (source / one).is_file())]


def _shards(source: Path) -> list[str]:
    try:
        named = json.loads((source / INDEX).read_text(encoding="utf-8"))["weight_map"].values()
        shards = sorted({str(one) for one in named})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ShelfError(
            f"{source} has no {ONE_FILE}, and no {INDEX} that can be read", "Weights are safetensors here."
        ) from error
    for one in shards:
        if one != os.path.basename(one) or not one.endswith(".safetensors") or not (source / one).is_file():
            raise ShelfError(f"{INDEX} names {one}, which is not there", "Fetch the checkpoint as a whole.")
    return shards


def _take(source: Path, target: Path, *, link: bool) -> str:
    """Copy a file, or give it a second name where the disk can; its SHA-256. The Hub's cache is made of links."""
    real = Path(os.path.realpath(source))
    if link:
        try:
            os.link(real, target)
        except OSError:
            shutil.copyfile(real, target)
    else:
        shutil.copyfile(real, target)
    return file_sha256(target)


# ── what the stack runs ──────────────────────────────────────────────────────


def examine(source: Path) -> dict[str, Any]:
    """What a checkpoint is. ShelfError says what of it the stack does not run; the weights are not loaded."""
    from groundup.stack.models.checkpoints import CheckpointError, read_config
    from groundup.stack.text.tokenizer_file import TokenizerError, read_tokenizer

    try:
        config = read_config(source)
        family = config.get("model_type")
        if family not in FAMILIES:
            raise CheckpointError(f"model_type is {family!r}; the stack runs {' and '.join(FAMILIES)}")
        parameters = _fits(source, config)
        tokenizer = read_tokenizer(source)
        if tokenizer.vocab_size > config["vocab_size"]:
            raise CheckpointError(
                f"the tokenizer has ids up to {tokenizer.vocab_size - 1}, the model {config['vocab_size']}"
            )
    except (CheckpointError, TokenizerError) as error:
        raise ShelfError(f"this model cannot be run here: {error}", "Nothing was added.") from error
    except (KeyError, TypeError, ValueError, ZeroDivisionError, RuntimeError) as error:
        raise ShelfError(f"{CONFIG} does not describe a model: {error!r}", "Nothing was added.") from error
    return {"family": family, "parameters": parameters, "licence": _licence(source)}


def _fits(source: Path, config: Mapping[str, Any]) -> int:
    """Compare names and shapes in the files' heads with those of the model; the number of its parameters."""
    import torch
    from safetensors import SafetensorError, safe_open

    from groundup.stack.models import gpt2, llama
    from groundup.stack.models.checkpoints import CheckpointError
    from groundup.stack.models.gpt import count_parameters

    there: dict[str, tuple[int, ...]] = {}
    for file in [ONE_FILE] if (source / ONE_FILE).is_file() else _shards(source):
        try:
            with safe_open(source / file, framework="pt") as opened:
                there.update((one, tuple(opened.get_slice(one).get_shape())) for one in opened.keys())  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{file} cannot be read: {error}") from error
    stand_in = {name: torch.empty(shape, device="meta") for name, shape in there.items()}
    with torch.device("meta"):
        if config["model_type"] == "llama":
            settings = llama.LlamaConfig.from_hub(config)
            llama.scaled_rates(settings)
            model: torch.nn.Module = llama.Llama(settings)
            found = llama.rename_checkpoint(stand_in)
            if settings.tied:
                found.pop("head.weight", None)
        else:
            model = gpt2.GPT2(gpt2.GPT2Config.from_hub(config))
            found = gpt2.from_hub_names(stand_in)
    wanted = {name: tuple(one.shape) for name, one in model.state_dict().items()}
    given = {name: tuple(one.shape) for name, one in found.items()}
    wrong = sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name))
    if wrong:
        shown = "; ".join(f"{one} is {given.get(one, 'missing')}, not {wanted.get(one, 'known')}" for one in wrong[:3])
        raise CheckpointError(f"the weights do not fit the configuration: {shown}")
    return count_parameters(model)


def _licence(source: Path) -> str | None:
    """As the model's card says; None where it says nothing."""
    try:
        found = LICENCE_LINE.search((source / "README.md").read_text(encoding="utf-8", errors="replace")[:20_000])
    except OSError:
        return None
    return found[1].strip() if found else None
