"""A figure for readers without JavaScript, and for those who want its numbers: each of its curves as a table."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import Any

ROWS = 60
FORMATS = {"f8": "d", "f4": "f", "i1": "b", "i2": "h", "i4": "i", "u1": "B", "u2": "H", "u4": "I"}


def numbers(value: Any) -> list[Any]:
    """A trace's data: a list, or Plotly's packed form (``dtype`` and base64 ``bdata``), by rows where it has rows."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or value.get("dtype") not in FORMATS:
        return []
    try:
        raw = base64.b64decode(value.get("bdata", ""), validate=True)
        flat = [one[0] for one in struct.iter_unpack("<" + FORMATS[value["dtype"]], raw)]
        shape = [int(side) for side in str(value.get("shape", "")).split(",") if side.strip()]
    except (binascii.Error, struct.error, ValueError):
        return []
    if len(shape) == 2 and shape[0] * shape[1] == len(flat):
        return [flat[row * shape[1] : (row + 1) * shape[1]] for row in range(shape[0])]
    return flat


def shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def figure_tables(figure: dict[str, Any]) -> list[dict[str, Any]]:
    """One table a trace: a matrix where it has ``z``, else its ``x``, ``y`` and words."""
    tables = []
    for index, trace in enumerate(figure.get("data", [])):
        if trace.get("visible") in (False, "legendonly"):
            continue
        title = str(trace.get("name") or f"{trace.get('type', 'curve')} {index + 1}")
        z = numbers(trace.get("z"))
        columns = {name: numbers(trace.get(name)) for name in ("x", "y", "text") if numbers(trace.get(name))}
        if z and isinstance(z[0], list):
            tables.append(_matrix(title, z, columns))
        elif columns:
            length = max(map(len, columns.values()))
            rows = [
                [shown(column[row]) if row < len(column) else "" for column in columns.values()]
                for row in range(length)
            ]
            tables.append({"title": title, "head": list(columns), "rows": rows[:ROWS], "cut": len(rows) > ROWS})
    return tables


def _matrix(title: str, z: list[list[Any]], columns: dict[str, list[Any]]) -> dict[str, Any]:
    width = len(z[0])
    across = [shown(one) for one in columns.get("x", [])][:width] or [str(one) for one in range(width)]
    down = [shown(one) for one in columns.get("y", [])][: len(z)] or [str(one) for one in range(len(z))]
    rows = [[name, *map(shown, row)] for name, row in zip(down, z, strict=False)]
    return {"title": title, "head": ["", *across], "rows": rows[:ROWS], "cut": len(rows) > ROWS}
