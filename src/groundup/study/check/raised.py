"""What was raised in the child, told in the learner's own lines, and what kind of end it is.

This runs beside the learner's code and may be fooled by it; whatever it says can only fail a check. It looks at how an
exception came about (at the instruction), so that a ``raise MemoryError`` by hand is not taken for exhausted memory.
"""

from __future__ import annotations

import dis
import linecache
import types
from collections.abc import Iterator
from typing import Any

from groundup.study.check.wire import clean, type_name

_MAX_FRAMES = 5_000
_SHOWN_FRAMES = 12
_BY_STATEMENT = frozenset(
    dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE", "RESUME", "YIELD_VALUE", "SEND") if name in dis.opmap
)
_NO_MEMORY = ("can't allocate memory", "not enough memory", "std::bad_alloc")


def frames(error: BaseException) -> Iterator[tuple[types.FrameType, int, int]]:
    """Frame, line and instruction of each level of the traceback, outermost first."""
    level = error.__traceback__
    for _ in range(_MAX_FRAMES):
        if level is None:
            return
        yield level.tb_frame, level.tb_lineno, level.tb_lasti
        level = level.tb_next


def by_statement(error: BaseException) -> bool:
    """True where a ``raise`` statement (or ``throw``) made the exception, not an operation that failed."""
    innermost = None
    for innermost in frames(error):  # noqa: B007  (the last one is wanted)
        pass
    if innermost is None:
        return True
    frame, _, at = innermost
    code = frame.f_code.co_code
    return at < 0 or at >= len(code) or code[at] in _BY_STATEMENT


def memory_ran_out(error: BaseException) -> bool:
    """True for Python's or NumPy's MemoryError and torch's allocator, raised by an allocation."""
    kind = type(error)
    if kind is MemoryError or (MemoryError in type.mro(kind) and kind.__module__ == "numpy._core._exceptions"):
        return not by_statement(error)
    if kind is RuntimeError:
        text = str(error)
        return any(words in text for words in _NO_MEMORY) and not by_statement(error)
    return False


def not_written(error: BaseException, files: frozenset[str]) -> bool:
    """True for a NotImplementedError that stands in the learner's code, or for a module without ``forward``."""
    if type(error) is not NotImplementedError or not by_statement(error):
        return False
    innermost = None
    for innermost, _, _ in frames(error):  # noqa: B007
        pass
    if innermost is None:
        return False
    code = innermost.f_code
    return code.co_filename in files or code.co_name == "_forward_unimplemented"


def _message(error: BaseException) -> str:
    try:
        if isinstance(error, SyntaxError):
            return clean(str(error.msg))
        return clean(str(error))
    except BaseException as worse:
        return f"(its message could not be made: {clean(type_name(type(worse)), 100)})"


def _line(path: str, line: int) -> str:
    return clean(linecache.getline(path, line).strip(), 300)


def _entry(path: str, line: int, where: str) -> str:
    return f"{path}:{line} in {clean(where, 100)}: {_line(path, line)}"


def describe(error: BaseException, path: str, files: frozenset[str]) -> dict[str, Any]:
    """The record of :class:`groundup.study.check.job.RaisedAt`, as plain data."""
    line: int | None = None
    trace: list[str] = []
    for frame, number, _ in frames(error):
        name = frame.f_code.co_filename
        if name in files:
            trace.append(_entry(name, number, frame.f_code.co_name))
            if name == path:
                line = number
    if isinstance(error, SyntaxError) and type(error.lineno) is int:
        if error.filename == path:
            line = error.lineno
        elif error.filename in files:
            trace.append(_entry(str(error.filename), error.lineno, "<module>"))
    if len(trace) > _SHOWN_FRAMES:
        left_out = len(trace) - _SHOWN_FRAMES
        trace = [*trace[:4], f"… {left_out} more …", *trace[4 - _SHOWN_FRAMES :]]
    kinds = [clean(type_name(kind), 200) for kind in type.mro(type(error))[:16]]
    text = None if line is None else _line(path, line)
    return {
        "type_name": kinds[0],
        "message": _message(error),
        "line": line,
        "line_text": text,
        "trace": trace,
        "mro": kinds,
    }


def here(message: str, kind: str, path: str, frame: types.FrameType | None) -> dict[str, Any]:
    """The same record for a place in the learner's file that is being run right now."""
    line: int | None = None
    while frame is not None:
        if frame.f_code.co_filename == path:
            line = frame.f_lineno
            break
        frame = frame.f_back
    text = None if line is None else _line(path, line)
    trace = [] if line is None or frame is None else [_entry(path, line, frame.f_code.co_name)]
    return {"type_name": kind, "message": message, "line": line, "line_text": text, "trace": trace, "mro": [kind]}
