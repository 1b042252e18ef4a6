"""Bounds that the kernel keeps for one process: memory, CPU time, file size, open files, stack, no core dump.

They do not bound the number of processes (that limit counts all of a user's, and does not hold for root), nor what many
small files take together, nor do they hide or protect anything.

Not protected against, on macOS: memory is not bounded there, for RLIMIT_AS is refused; a child that takes all of it is
ended by the wall limit only. On Linux without namespaces: memory is bounded for each child, not for all of them.
"""

from __future__ import annotations

import math
import resource
import sys

from groundup.study.check.limits import Limits

TO_TELL_BYTES = 64 * 2**20
"""Between the soft limit on memory and the hard one: enough to report that memory ran out."""


def address_space() -> int:
    """Bytes of address space in use now: the warm process maps gigabytes of libraries that cost no memory."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _set(kind: int, soft: int, hard: int) -> None:
    """Both limits, never above the hard limit that is there already."""
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def apply(limits: Limits, address_space_now: int) -> None:
    """Set every limit on this process."""
    cpu = math.ceil(limits.cpu_s)
    memory = address_space_now + limits.memory_bytes
    _set(resource.RLIMIT_CORE, 0, 0)
    _set(resource.RLIMIT_STACK, limits.stack_bytes, limits.stack_bytes)
    _set(resource.RLIMIT_FSIZE, limits.files_bytes, limits.files_bytes)
    _set(resource.RLIMIT_NOFILE, int(limits.open_files), int(limits.open_files))
    _set(resource.RLIMIT_CPU, cpu, cpu + 1)
    if sys.platform == "linux":  # macOS refuses a limit below what is mapped, and does not enforce one above
        _set(resource.RLIMIT_AS, memory, memory + TO_TELL_BYTES)
