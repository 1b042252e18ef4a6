"""What there is to compute with: cores, memory, a GPU. Asked without importing torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """Cores that this process may use, and memory in MB: in all, and free now (within a container's bounds)."""

    cores: int
    memory_mb: float
    free_mb: float


def machine() -> Machine:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    whole = pages * size / 2**20
    free = _available() or whole / 2
    bound = _bound()
    if bound is not None:
        limit, used = bound
        whole, free = min(whole, limit), min(free, max(0.0, limit - used))
    return Machine(cores, whole, free)


def _available() -> float | None:
    """MB that could be had without swapping, as the Linux kernel reckons; None elsewhere."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) / 1024
    except (OSError, ValueError):
        return None
    return None


def _bound() -> tuple[float, float] | None:
    """(limit, used) of the control group in MB, where there is a limit."""
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            found = int(Path(limit).read_text(encoding="ascii")), int(Path(used).read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        if found[0] < 2**60:
            return found[0] / 2**20, found[1] / 2**20
    return None
