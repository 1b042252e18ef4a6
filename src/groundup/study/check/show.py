"""Values as a person should see them: bounded text, numbers side by side, the wrong ones marked.

Nothing here decides what is right: the marks come from the comparison. Whatever a learner returned, the text is bounded
and clean of control characters, and only the part around the first wrong cell is turned into text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from groundup.study.check.compare import Difference, number
from groundup.study.check.verdict import Shown
from groundup.study.check.wire import Array, Opaque, Raised, clean

ROWS, COLUMNS = 12, 12
LONGEST = 600
_DIGITS = (4, 6, 9, 17)

Window = tuple[tuple[int, ...], range, range]


def dtype_name(dtype: torch.dtype) -> str:
    """``float32``, not ``torch.float32``."""
    return str(dtype).removeprefix("torch.")


def one_line(value: Any, longest: int = 160) -> str:
    """A value on one line."""
    return clean(_words(value, longest), longest)


def _words(value: Any, longest: int) -> str:
    if isinstance(value, Array):
        return "array " + _words(value.tensor, longest)
    if isinstance(value, torch.Tensor):
        return _tensor_words(value)
    if isinstance(value, Raised):
        return f"{value.type_name}: {value.message[:longest]}" if value.message else value.type_name
    if isinstance(value, Opaque):
        what = f"an object of type {value.type_name}"
        return f"{what} ({value.detail})" if value.detail else what
    if isinstance(value, (list, tuple)):
        return "[" + _joined((_words(one, longest) for one in value), longest) + "]"
    if isinstance(value, dict):
        return "{" + _joined((f"{key!r}: {_words(one, longest)}" for key, one in value.items()), longest) + "}"
    if isinstance(value, (str, bytes)):
        return repr(value[:longest]) + ("…" if len(value) > longest else "")
    return plain_number(value)


def _joined(words: Iterator[str], longest: int) -> str:
    """Words with commas between them, as many as fit; the rest is never made."""
    kept: list[str] = []
    room = longest
    for word in words:
        room -= len(word) + 2
        if room < 0:
            kept.append("…")
            break
        kept.append(word)
    return ", ".join(kept)


def _tensor_words(value: torch.Tensor) -> str:
    if value.ndim == 0 and value.device.type != "meta":
        return plain_number(value.item())
    if value.ndim == 1 and len(value) <= COLUMNS and value.device.type != "meta":
        return "tensor([" + ", ".join(plain_number(one) for one in value.tolist()) + "])"
    return f"tensor of shape {tuple(value.shape)}, {dtype_name(value.dtype)}"


def plain_number(value: Any, digits: int = 4) -> str:
    """A number with a few significant digits; whole numbers, truth values and None as they are."""
    if isinstance(value, float) and math.isfinite(value):
        if value == 0:
            return "0.0" if math.copysign(1, value) > 0 else "-0.0"
        text = f"{value:.{digits}g}"
        return text if "." in text or "e" in text else text + ".0"
    if isinstance(value, complex):
        return f"{value:.{digits}g}"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return f"an integer of {value.bit_length()} bits"
    return str(value) if value is None or isinstance(value, (bool, int, float)) else f"a {type(value).__name__}"


# ── one value ────────────────────────────────────────────────────────────────


def _grid(value: Any) -> torch.Tensor | None:
    """The numbers of a tensor, array or list of numbers as a tensor; None for anything else."""
    if isinstance(value, Array):
        value = value.tensor
    if isinstance(value, torch.Tensor):
        return value.detach() if value.ndim and value.numel() and value.device.type != "meta" else None
    return None


def _window(shape: Sequence[int], marks: torch.Tensor | None, rows: int, columns: int) -> Window:
    """Which 2-d slice and which of its rows and columns to show: those around the first marked cell."""
    at = [0] * len(shape)
    if marks is not None and marks.shape == torch.Size(shape) and bool(marks.any()):
        at = marks.nonzero()[0].tolist()
    tall = shape[-2] if len(shape) > 1 else 1
    row = at[-2] if len(shape) > 1 else 0
    return tuple(at[:-2]), _span(tall, row, rows), _span(shape[-1], at[-1], columns)


def _span(size: int, at: int, most: int) -> range:
    """At most ``most`` positions; from the start if ``at`` is among them."""
    start = 0 if at < most else max(0, min(at - most // 2, size - most))
    return range(start, min(size, start + most))


def _cut(grid: torch.Tensor, window: Window) -> list[list[Any]]:
    """The numbers in the window, row by row."""
    index, rows, columns = window
    for one in index:
        grid = grid[one]
    grid = grid if grid.ndim > 1 else grid.reshape(1, -1)
    cells: list[list[Any]] = grid[rows.start : rows.stop, columns.start : columns.stop].tolist()
    return cells


def _said(grid: torch.Tensor, window: Window) -> tuple[str, bool]:
    """Shape and dtype, and which part is shown; whether that is not all."""
    index, rows, columns = window
    text = f"shape {tuple(grid.shape)}, {dtype_name(grid.dtype)}"
    cut = False
    if index:
        text += f"; slice [{', '.join(map(str, index))}, :, :]"
        cut = math.prod(grid.shape[:-2]) > 1
    if grid.ndim > 1 and len(rows) < grid.shape[-2]:
        text, cut = f"{text}; rows {rows.start} to {rows.stop - 1} of {grid.shape[-2]}", True
    if len(columns) < grid.shape[-1]:
        what = "columns" if grid.ndim > 1 else "entries"
        text, cut = f"{text}; {what} {columns.start} to {columns.stop - 1} of {grid.shape[-1]}", True
    return text, cut


def shown(value: Any, *, rows: int = ROWS, columns: int = COLUMNS) -> Shown:
    """A value by itself."""
    return _shown(value, None, None, 4, rows, columns)


def _shown(
    value: Any, window: Window | None, marks: torch.Tensor | None, digits: int, rows: int, columns: int
) -> Shown:
    grid = _grid(value)
    if grid is None:
        plain = value.tensor if isinstance(value, Array) else value
        dtype = dtype_name(plain.dtype) if isinstance(plain, torch.Tensor) else None
        shape = list(plain.shape) if isinstance(plain, torch.Tensor) else None
        found = number(value)
        text = plain_number(found[0], digits) if found is not None else one_line(value, LONGEST)
        return Shown(text=text, shape=shape, dtype=dtype, cut=text.endswith("…"))
    window = window or _window(grid.shape, None, rows, columns)
    text, cut = _said(grid, window)
    cells = [[plain_number(one, digits) for one in row] for row in _cut(grid, window)]
    return Shown(
        text=("array: " if isinstance(value, Array) else "") + text,
        shape=list(grid.shape),
        dtype=dtype_name(grid.dtype),
        cells=cells,
        wrong=None if marks is None else _cut(marks, window),
        cut=cut,
    )


# ── two values side by side ──────────────────────────────────────────────────


def side_by_side(difference: Difference) -> tuple[Shown, Shown]:
    """Returned and expected: the same part of both, enough digits to see that they differ, the wrong cells marked."""
    mine, theirs = difference.returned, difference.expected
    one, two = _grid(mine), _grid(theirs)
    if one is None or two is None or one.shape != two.shape:
        pair = _texts_apart(mine, theirs) if one is None and two is None else None
        before = _place(difference)
        left, right = pair or (shown(mine), shown(theirs))
        return _prefixed(left, before), _prefixed(right, before)
    marks = difference.wrong if difference.wrong is not None else torch.ones(one.shape, dtype=torch.bool)
    window = _window(one.shape, marks, ROWS, COLUMNS)
    digits = _digits_apart(_cut(one, window), _cut(two, window), _cut(marks, window))
    before = _place(difference)
    left = _shown(mine, window, marks, digits, ROWS, COLUMNS)
    return _prefixed(left, before), _prefixed(_shown(theirs, window, marks, digits, ROWS, COLUMNS), before)


def _place(difference: Difference) -> str:
    return clean("".join(f"[{step!r}]" for step in difference.path), 120)


def _prefixed(value: Shown, before: str) -> Shown:
    return value.model_copy(update={"text": f"{before}: {value.text}"}) if before else value


def _digits_apart(mine: list[list[Any]], theirs: list[list[Any]], marks: list[list[bool]]) -> int:
    """The fewest digits with which no wrong cell looks like the expected one."""
    cells = [
        (one, two)
        for row, expected, wrong in zip(mine, theirs, marks, strict=True)
        for one, two, marked in zip(row, expected, wrong, strict=True)
        if marked and one != two
    ]
    for digits in _DIGITS:
        if all(plain_number(one, digits) != plain_number(two, digits) for one, two in cells):
            return digits
    return _DIGITS[-1]


def _texts_apart(mine: Any, theirs: Any) -> tuple[Shown, Shown] | None:
    """Two numbers with enough digits; two long strings or lists from a little before their first difference."""
    one, two = number(mine), number(theirs)
    if one is not None and two is not None:
        digits = _digits_apart([[one[0]]], [[two[0]]], [[True]])
        return _shown(mine, None, None, digits, 1, 1), _shown(theirs, None, None, digits, 1, 1)
    if type(mine) is not type(theirs) or not isinstance(mine, (str, bytes, list)):
        return None
    short = min(len(mine), len(theirs))
    if isinstance(mine, list):
        at = next((i for i in range(short) if one_line(mine[i], 400) != one_line(theirs[i], 400)), short)
    else:
        at = next((i for i in range(short) if mine[i] != theirs[i]), short)
    room = 8 if isinstance(mine, list) else 80
    start = max(0, at - room)
    if start == 0:
        return None
    return _from(mine, start), _from(theirs, start)


def _from(value: Any, start: int) -> Shown:
    """The text of a list or string from a position on."""
    return Shown(text=f"… from {start}: {one_line(value[start : start + LONGEST], LONGEST - 20)}", cut=True)
