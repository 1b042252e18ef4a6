"""The battery: files that a learner could write, by accident or by intent, and what the judge must make of each."""

from __future__ import annotations

from dataclasses import replace

from battery import ends_and_patches, reaching, time_and_memory, values
from battery.entry import LEVELS, MARK, RIGHT, Entry

GROUPS = {
    "endless": time_and_memory.endless,
    "memory": time_and_memory.memory,
    "disk": time_and_memory.disk,
    "output": time_and_memory.output,
    "ends": ends_and_patches.ends,
    "patches": ends_and_patches.patches,
    "values": values.values,
    "sources": values.sources,
    "protocol": reaching.protocol,
    "reading": reaching.reading,
    "network": reaching.network,
    "kernel": reaching.kernel,
}
ENTRIES = [replace(entry, group=group) for group, entries in GROUPS.items() for entry in entries]

__all__ = ["ENTRIES", "GROUPS", "LEVELS", "MARK", "RIGHT", "Entry"]
