"""Run cards: what was trained, on what, how, how well and at what cost, for a person to read and for a machine.

    run, model, data ── card_of ──►
    RunCard ── write_card ──► card.json   all of it, strict JSON, read back and checked by read_card
                              card.md     tables, for a repository's page
                              card.html   the same with the curves as pictures; one file, no scripts, nothing fetched

After "Model Cards for Model Reporting" (Mitchell and others, 2019) and "Datasheets for Datasets" (Gebru and others,
2018), cut down to what a run knows by itself. Three rules: a score stands with its interval and the number of examples
it was computed on, data stand with their licence and checksum, and a cost says how it was counted.

JSON has no NaN and no infinity, and a run that failed has both: they are written as ``{"float": "nan"}``, ``"inf"`` or
``"-inf"``. The names of the host, its user and its folders are not on a card, unless a text given to it holds them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import numbers
import os
import platform
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.stack.models.checkpoints import write_whole
from groundup.stack.training.curves import Curve

if TYPE_CHECKING:
    from torch import nn

    from groundup.stack.training.trainer import Run

SCHEMA = 1
JSON, MARKDOWN, PAGE = "card.json", "card.md", "card.html"
_NUMBERS = re.compile(r"\[\n[-+.\deE,\s]*\]")  # a list of numbers stands in one line; no text holds a line's end
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class CardError(ValueError):
    """A card that says something impossible, or a file that is no card; the place in it is named."""


@dataclass(frozen=True)
class DataSource:
    """A set, or a part of one. ``licence`` as its source states it ("not stated" where it does not); ``sha256`` of the
    bytes, as :func:`hash_files` gives it; ``examples`` where they were counted."""

    name: str
    source: str
    licence: str
    sha256: str
    part: str = ""
    examples: int | None = None

    def __post_init__(self) -> None:
        for name in ("name", "source", "licence"):
            _require(bool(getattr(self, name).strip()), name, getattr(self, name), 'a text ("not stated" is one)')
        _require(re.fullmatch("[0-9a-f]{64}", self.sha256) is not None, "sha256", self.sha256, "64 hexadecimal digits")
        _require(self.examples is None or self.examples >= 0, "examples", self.examples, "0 or more")


@dataclass(frozen=True)
class ModelFacts:
    """``family`` is the class or ``model_type``, ``config`` its settings, ``start`` what the weights began as."""

    family: str
    parameters: int
    config: Mapping[str, Any] = field(default_factory=dict)
    start: str = "random"

    def __post_init__(self) -> None:
        _require(self.parameters >= 0, "parameters", self.parameters, "0 or more")
        object.__setattr__(self, "config", _plain(self.config, "config"))


@dataclass(frozen=True)
class Machine:
    """In words: the device's name, the cores this process may use, the threads of torch, memory in GB of 10^9 bytes."""

    device: str
    cores: int
    threads: int
    system: str
    memory_gb: float | None = None

    def __post_init__(self) -> None:
        for name in ("cores", "threads"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")


@dataclass(frozen=True)
class Score:
    """A metric on ``n`` examples. ``low`` to ``high`` is its interval at ``level`` by ``method``: all or none."""

    name: str
    value: float
    n: int
    unit: str = ""
    low: float | None = None
    high: float | None = None
    level: float | None = None
    method: str = ""

    def __post_init__(self) -> None:
        _require(self.n >= 1, "n", self.n, "1 or more")
        given = [self.low is not None, self.high is not None, self.level is not None, bool(self.method)]
        _require(all(given) or not any(given), "interval", given, "low, high, level and method, or none of them")
        if self.low is not None and self.high is not None and self.level is not None:
            _require(not self.low > self.high, "low", self.low, f"not above high, {self.high}")
            _require(0 < self.level < 1, "level", self.level, "between 0 and 1, as 0.95 is")


@dataclass(frozen=True)
class Cost:
    """``tokens`` that passed the model in training, ``seconds`` of wall clock, ``flops`` and ``counted``: by which
    formula (or ""), where they were."""

    tokens: int
    seconds: float
    flops: float | None = None
    counted: str = ""

    def __post_init__(self) -> None:
        for name in ("tokens", "seconds", "flops"):
            value = getattr(self, name)
            _require(value is None or 0 <= value < math.inf, name, value, "a finite number, 0 or more")
        _require(self.flops is None or bool(self.counted), "counted", self.counted, "how the FLOPs were counted")


@dataclass(frozen=True)
class RunCard:
    """One run. ``versions`` as :func:`describe_versions` gives them, ``written`` a date in ISO 8601, ``notes`` what the
    reader should know ("stopped at update 412: the loss was not finite")."""

    name: str
    data: tuple[DataSource, ...]
    model: ModelFacts
    settings: Mapping[str, Any]
    seeds: tuple[int, ...]
    versions: Mapping[str, str]
    machine: Machine
    cost: Cost
    curves: tuple[Curve, ...] = ()
    scores: tuple[Score, ...] = ()
    notes: tuple[str, ...] = ()
    written: str = ""

    def __post_init__(self) -> None:
        _require(bool(self.name.strip()), "name", self.name, "a text")
        _require(bool(self.data), "data", self.data, "one set at least: a run without data has nothing to say")
        object.__setattr__(self, "settings", _plain(self.settings, "settings"))
        object.__setattr__(self, "versions", dict(self.versions))
        if self.written:
            right = re.fullmatch(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?", self.written)
            _require(right is not None, "written", self.written, "a date such as 2026-01-31 or 2026-01-31T12:00:00Z")


def _require(right: bool, name: str, value: object, wanted: str) -> None:
    if not right:
        raise CardError(f"{name} is {value!r}, and must be {wanted}")


def _plain(value: Any, where: str) -> Any:
    """The value in JSON's types: lists for tuples, Python's numbers for NumPy's. Raises CardError for anything else."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, list | tuple):
        return [_plain(one, f"{where}[{at}]") for at, one in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            _require(isinstance(key, str), f"a key of {where}", key, "a text")
        _require(value.keys() != {"float"}, where, value, 'something else: {"float": …} is how NaN is written')
        return {key: _plain(one, f"{where}.{key}") for key, one in value.items()}
    raise CardError(f"{where} is a {type(value).__name__}: a card holds numbers, texts, lists and dictionaries")


# ── what a run knows by itself ───────────────────────────────────────────────


def hash_files(paths: Iterable[str | os.PathLike[str]]) -> str:
    """sha256 of the bytes of one file or, of several, of their names and sha256, sorted by name."""
    each = []
    for one in map(Path, paths):
        with one.open("rb") as file:
            each.append((one.name, hashlib.file_digest(file, "sha256").hexdigest()))
    if not each:
        raise CardError("there is no file to hash")
    if len(each) == 1:
        return each[0][1]
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in sorted(each)).encode()).hexdigest()


def describe_versions() -> dict[str, str]:
    """Of Python, torch and groundup."""
    from importlib import metadata

    versions = {"python": platform.python_version()}
    for name in ("torch", "groundup"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # read from a folder, not installed
            versions[name] = "not installed"
    return versions


def describe_machine(device: str = "cpu") -> Machine:
    """The machine of this process in words, without its name. ``device`` as torch names it: "cpu", "cuda:0"."""
    import torch

    if torch.device(device).type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = _processor() if torch.device(device).type == "cpu" else device
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    return Machine(name, cores, torch.get_num_threads(), f"{platform.system()} {platform.machine()}", memory)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.lower().startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "a CPU"


def curves_of(run: Run) -> tuple[Curve, ...]:
    """Loss, learning rate and gradient's length at every update, and each score where it was evaluated."""
    steps = tuple(range(1, len(run.losses) + 1))
    curves = []
    if steps:
        curves.append(Curve("loss", steps, tuple(run.losses), "nats per label"))
        curves.append(Curve("learning rate", steps, tuple(run.rates), "per update"))
        curves.append(Curve("gradient norm", steps, tuple(run.norms), "L2, before clipping", log=True))
    for name in dict.fromkeys(name for scores in run.scores.values() for name in scores):
        at = sorted(step for step, scores in run.scores.items() if name in scores)
        curves.append(Curve(f"{name}, evaluated", tuple(at), tuple(run.scores[step][name] for step in at)))
    return tuple(curves)


def card_of(
    name: str,
    run: Run,
    model: nn.Module,
    data: Sequence[DataSource],
    *,
    start: str = "random",
    scores: Sequence[Score] = (),
    flops: float | None = None,
    counted: str = "",
    notes: Sequence[str] = (),
    written: str = "",
) -> RunCard:
    """The card of a run, with all that run, model and machine know by themselves.

    ``start`` is the place that the weights came from; ``flops``, ``counted`` and ``written`` are as the classes above
    say. Raises CardError for what they refuse.
    """
    config = getattr(model, "config", None)
    known = dataclasses.asdict(config) if dataclasses.is_dataclass(config) and not isinstance(config, type) else {}
    facts = ModelFacts(type(model).__name__, sum(one.numel() for one in model.parameters()), known, start)
    device = str(next((one.device for one in model.parameters()), "cpu"))
    settings = {**run.settings.record(), "precision used": run.precision}
    told = (*notes, *([f"went on from a state after update {run.resumed}"] if run.resumed else []))
    return RunCard(
        name,
        tuple(data),
        facts,
        settings,
        (run.settings.seed,),
        describe_versions(),
        describe_machine(device),
        Cost(run.tokens, run.seconds, flops, counted),
        curves_of(run),
        tuple(scores),
        told,
        written,
    )


# ── writing ──────────────────────────────────────────────────────────────────


def to_json(card: RunCard) -> str:
    """Strict JSON, keys in the order of the classes, what is not finite as ``{"float": "nan"}``."""
    text = json.dumps({"schema": SCHEMA, **_written(card)}, indent=1, allow_nan=False)
    return _NUMBERS.sub(lambda one: " ".join(one[0].split()), text) + "\n"


def _written(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {one.name: _written(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _written(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_written(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


def write_card(card: RunCard, folder: str | os.PathLike[str]) -> Path:
    """Write the three files, each whole or not at all, card.json last; returns the folder, which is made if absent.

    The page and the Markdown name the sha256 of the card.json that they were made of.
    """
    from groundup.stack.training.reports import write_markdown, write_page

    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    content = to_json(card).encode()
    digest = hashlib.sha256(content).hexdigest()
    write_whole(path / PAGE, write_page(card, digest).encode())
    write_whole(path / MARKDOWN, write_markdown(card, digest).encode())
    write_whole(path / JSON, content)
    return path


# ── reading ──────────────────────────────────────────────────────────────────


def read_card(place: str | os.PathLike[str]) -> RunCard:
    """The card of a folder, or of a card.json. Raises CardError, with the place in the file, for whatever is wrong."""
    path = Path(place)
    path = path / JSON if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CardError(f"there is no card at {place}") from None
    except UnicodeDecodeError as error:
        raise CardError(f"{path.name} is no card: it is not UTF-8 (byte {error.start})") from None
    return from_json(text)


def from_json(text: str) -> RunCard:
    """A card out of its JSON; the same errors as :func:`read_card`."""
    try:
        document = json.loads(text, parse_constant=_refuse_constant, parse_float=_read_float, object_pairs_hook=_unique)
        if not isinstance(document, dict) or "schema" not in document:
            raise CardError("no card: it names no schema")
        schema = document.pop("schema")
        if type(schema) is not int or schema != SCHEMA:
            raise CardError(f"the card has schema {schema!r}, and this groundup reads {SCHEMA}")
        card: RunCard = _read(RunCard, document, "card")
        return card
    except RecursionError:
        raise CardError("no card: its JSON is nested too deep") from None
    except json.JSONDecodeError as error:
        raise CardError(f"no card: {error}") from None


def _refuse_constant(name: str) -> Any:
    raise CardError(f'{name} is no JSON; a card writes {{"float": "nan"}}')


def _read_float(text: str) -> float:
    if math.isinf(value := float(text)):
        raise CardError(f"{text} is too large a number")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> Any:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        raise CardError(f"{next(one for one in names if names.count(one) > 1)!r} stands twice in the same place")
    if made.keys() == {"float"} and made["float"] in list(_NOT_FINITE):
        return _NOT_FINITE[made["float"]]
    return made


def _read(kind: Any, value: Any, where: str) -> Any:
    """``value`` as the annotation ``kind`` says: the classes above, tuples and mappings of them, and plain values."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _read(next(one for one in inner if one is not type(None)), value, where)
    if dataclasses.is_dataclass(kind):
        return _read_class(kind, value, where)
    if origin is tuple:
        _of_type(isinstance(value, list), value, where, "a list")
        return tuple(_read(inner[0], one, f"{where}[{at}]") for at, one in enumerate(value))
    if origin is Mapping:
        _of_type(isinstance(value, dict), value, where, "a dictionary")
        return {key: _read(inner[1], one, f"{where}.{key}") for key, one in value.items()}
    if kind is float:
        _of_type(type(value) in (int, float), value, where, "a number")
        try:
            return float(value)
        except OverflowError:
            raise CardError(f"{where} is too large a number") from None
    if kind in (int, str, bool):
        _of_type(type(value) is kind, value, where, {int: "a whole number", str: "a text", bool: "true or false"}[kind])
    return value


def _read_class(kind: Any, value: Any, where: str) -> Any:
    _of_type(isinstance(value, dict), value, where, "a dictionary")
    hints = typing.get_type_hints(kind)
    known = {one.name: one for one in dataclasses.fields(kind)}
    for name in value:
        if name not in known:
            raise CardError(f"{where}.{name} is not known; {', '.join(known)} are")
    for name, one in known.items():
        needed = one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        if needed and name not in value:
            raise CardError(f"{where}.{name} is missing")
    read = {name: _read(hints[name], one, f"{where}.{name}") for name, one in value.items()}
    try:
        return kind(**read)
    except ValueError as error:
        raise CardError(f"{where}: {error}") from None


def _of_type(right: bool, value: object, where: str, wanted: str) -> None:
    if not right:
        shown = repr(value)
        raise CardError(f"{where} is {shown if len(shown) < 60 else shown[:57] + '…'}, and must be {wanted}")
