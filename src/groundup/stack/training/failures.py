"""What stops a run, said so that one can act on it: what happened, where, what is still there, what to do.

A loss that is not finite stops the run *before* the parameters are changed; memory that runs out says which setting to
change to what; a full disk says what was to be written and which states are whole.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

import torch

from groundup.stack.training.settings import Settings

_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED", "bad allocation")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHOWN = 64


class TrainingError(RuntimeError):
    """A run that cannot go on."""


class NotFiniteError(TrainingError):
    """A loss, gradient or parameter that is infinite or no number, at update ``step`` (1 is the first).

    ``indices`` are the examples of the micro-batch whose loss it is, or else of the whole batch. ``state`` is the
    newest state that was kept before, or None.
    """

    def __init__(self, what: str, step: int, indices: Sequence[int], states: Sequence[Path] = ()) -> None:
        super().__init__(what, step, list(indices), list(states[:1]))  # what it is made of, so that it can be sent
        self.what, self.step, self.indices = what, step, list(indices)
        self.state = states[0] if states else None

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.indices[:_SHOWN]))
        if len(self.indices) > _SHOWN:
            shown += f" and {len(self.indices) - _SHOWN} more"
        kept = f"the last good state is {self.state}" if self.state else "no state was kept before it"
        return (
            f"{self.what}. Its examples are {shown}; {kept}. "
            "Look at these examples; where they are sound, a lower lr, a longer warmup or a lower clip helps"
        )


class OutOfMemoryError(TrainingError):
    """An update that does not fit into memory, and which settings to change to what."""


class DiskFullError(OSError):
    """A state that did not fit onto the disk. Nothing of it is left; the states before it are whole."""


def is_memory_error(error: BaseException) -> bool:
    """Whether memory ran out: PyTorch says so on processors by a RuntimeError like any other."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(one in str(error) for one in _MEMORY)


def is_disk_full(error: BaseException) -> bool:
    """Whether there was no room: on the disk, within the user's share of it, or within a file's greatest size."""
    return isinstance(error, OSError) and error.errno in _FULL


def memory_error(
    error: BaseException, step: int, settings: Settings, processes: int = 1, advice: str = ""
) -> OutOfMemoryError:
    """What is raised in place of ``error``, which happened in update ``step``. ``advice`` is what is known of this
    model and batch; without, :func:`memory_advice` is given."""
    first = str(error).strip().partition("\n")[0]
    advice = (advice or memory_advice(settings, processes)).rstrip(".")
    return OutOfMemoryError(f"memory ran out in update {step}: {advice}. ({first})")


def memory_advice(settings: Settings, processes: int = 1) -> str:
    """Which setting to change to what, so that the next try needs less. The updates stay what they are.

    What grows with a micro-batch are its activations, in proportion; so halving it is what is advised first.
    """
    largest = -(-settings.batch // processes)
    micro = -(-largest // settings.accumulate)
    wishes = []
    if micro > 1:
        accumulate = min(-(-largest // (micro // 2)), settings.batch // processes)
        smaller = -(-largest // accumulate)
        if smaller < micro:
            wishes.append(
                f"raise accumulate from {settings.accumulate} to {accumulate}, for micro-batches of {smaller} "
                f"instead of {micro} examples and so much less of activations"
            )
    if not settings.recompute:
        wishes.append("set recompute=True, which keeps one activation a block")
    if not wishes and settings.precision == "float32":
        wishes.append('set precision="bfloat16", for activations of half the size')
    if not wishes and settings.average is not None:
        wishes.append("set average=None, which spares one copy of the parameters")
    return (
        " or ".join(wishes)
        or "take shorter texts, a smaller batch or a smaller model: no other setting is left to lower"
    )


def disk_error(error: OSError, what: Path, size: int, kept: Sequence[Path]) -> DiskFullError:
    """What is raised in place of ``error``: ``what`` could not be written, ``kept`` are the whole states."""
    names = ", ".join(one.name for one in kept) or "none was kept before"
    return DiskFullError(
        error.errno,
        f"there is no room for {what.name}, which needs {size / 1e6:.1f} MB in {what.parent}; nothing of it is left, "
        f"and these states are whole: {names}. Free that much, or lower keep, and start the run again: it goes on",
    )
