"""Where a model is trained: the graphics card of this process if there is one, the processor, or what is named."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from pathlib import Path

import torch


def own_device() -> torch.device:
    """The graphics card of this process, which has the number of the process on its machine; else the processor."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def named_device(name: str | torch.device) -> torch.device:
    """The device of that name as torch names it ("cpu", "cuda", "cuda:1"). Raises ValueError, with those that there
    are, for one that is not there."""
    there = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"{name} is no device: here there are {', '.join(there)}") from None
    if device.type == "cuda" and device.index is None and len(there) > 1:
        return own_device()
    if str(device) not in there:
        raise ValueError(f"there is no device {device}: here there are {', '.join(there)}")
    return device


def memory_limit(device: torch.device) -> int | None:
    """How many bytes this process may take of the device: of a graphics card what it has already and what is free, at
    most its share of it; of a processor's memory the machine's, its address space's or its control group's; None where
    that is not known."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        share = torch.cuda.get_per_process_memory_fraction(device)
        return min(free + torch.cuda.memory_reserved(device), int(total * share))
    if device.type != "cpu":
        return None
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), resource.getrlimit(resource.RLIMIT_AS)[0]]
    group = Path("/sys/fs/cgroup/memory.max")
    with suppress(OSError, ValueError):  # there is none, or it says "max"
        limits.append(int(group.read_text()))
    return min(limit for limit in limits if limit > 0)  # -1 is no limit
