"""What a model's process says, read strictly: it may hold a learner's code, so each line is held to bounds and kind.

ready      once, when it can be asked       prompt     the prompt as tokens, each with its probability
token      one that was drawn               done       why no more come
attention  one head's weights               failed     what went wrong, in its words
"""

from __future__ import annotations

import json
import math
from typing import Any

LINE_BYTES = 4 * 2**20
TEXT_LENGTH = 400
ALTERNATIVES = 8
ATTENTION_TOKENS = 160
FINAL = ("done", "attention", "failed")
REASONS = ("length", "context", "end", "stopped")


class BrokenLine(ValueError):
    """A line that is none of these."""


def read_word(line: bytes) -> dict[str, Any]:
    """A line as an event with plain, bounded values."""
    try:
        raw = json.loads(line)
        return {"kind": raw["kind"], **_SHAPES[raw["kind"]](raw)}
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise BrokenLine(f"{type(error).__name__}: {error}") from error


def _text(value: Any, length: int = TEXT_LENGTH) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is needed")
    kept = "".join(one for one in value[:length] if one >= " " or one in "\n\t\r")
    return kept.encode("utf-8", "replace").decode("utf-8")  # lone surrogates have no place on a page


def _whole(value: Any, most: int = 2**31) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise ValueError(f"a whole number is needed, not {value!r}")
    return value


def _share(value: Any) -> float | None:
    """A probability; None where it is none."""
    if value is None:
        return None
    number = float(value)
    return min(1.0, max(0.0, number)) if math.isfinite(number) else None


def _token(raw: Any) -> dict[str, Any]:
    return {
        "id": _whole(raw["id"]),
        "text": _text(raw["text"]),
        "adds": _text(raw["adds"]),
        "p": _share(raw["p"]),
        "drawn": _share(raw["drawn"]),
        "top": [
            {"text": _text(one["text"]), "p": _share(one["p"]), "drawn": _share(one["drawn"])}
            for one in raw["top"][:ALTERNATIVES]
        ],
    }


def _attention(raw: Any) -> dict[str, Any]:
    tokens = [_text(one) for one in raw["tokens"][:ATTENTION_TOKENS]]
    weights = [[_share(cell) for cell in row] for row in raw["weights"]]
    if len(weights) != len(tokens) or any(len(row) != len(tokens) for row in weights):
        raise ValueError("a map has a row and a column for each token")
    return {
        "tokens": tokens,
        "weights": weights,
        "layer": _whole(raw["layer"]),
        "head": _whole(raw["head"]),
        "left_out": _whole(raw["left_out"]),
    }


def _one_of(value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is not known")
    return str(value)


_SHAPES: dict[str, Any] = {
    "ready": lambda raw: {
        **{name: _whole(raw[name]) for name in ("layers", "heads", "vocab", "context", "parameters")},
        "family": _text(raw["family"]),
        "isolation": _text(raw["isolation"]),
        "parts": [_text(one) for one in raw["parts"][:200]],
    },
    "prompt": lambda raw: {"cut": _whole(raw["cut"]), "tokens": [_token(one) for one in raw["tokens"][:20_000]]},
    "token": lambda raw: {"token": _token(raw["token"])},
    "done": lambda raw: {"reason": _one_of(raw["reason"], REASONS)},
    "attention": _attention,
    "failed": lambda raw: {"message": _text(raw["message"], 2000)},
}
