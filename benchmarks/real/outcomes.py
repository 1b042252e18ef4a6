"""What one run, or one baseline, leaves behind; kept in a file, so that a benchmark that was stopped goes on."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """Predictions, one an example; then what the run cost. Curves are of our side, whose run card shows them."""

    predictions: list[Any]
    parameters: int = 0
    losses: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0


def key_of(*parts: Any) -> str:
    """A short name of a plan, its data and a seed: another of these is another run."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def keep(path: Path, key: str, outcome: Outcome) -> None:
    """Write it, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}.new")
    new.write_text(json.dumps({"key": key, **asdict(outcome)}), encoding="utf-8")
    os.replace(new, path)


def kept(path: Path, key: str) -> Outcome | None:
    """What is there of that very run."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Outcome(**found) if found.pop("key") == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
