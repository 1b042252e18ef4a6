"""How much one check may use. A limit can be raised or lowered, but none can be switched off.

Not protected against, on macOS: ``memory_mb`` is not enforced there. On Linux without namespaces: ``files_mb`` bounds
each file, not all of them together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Limits:
    """Bounds on one session; times in seconds. Zero, a negative number, infinity and NaN are refused.

    ``wall_s`` is the time that all requests of a session may take together. ``memory_mb`` is address space beyond what
    the warm process already has. ``result_mb`` bounds one answer, ``output_kb`` all that is printed, ``files_mb`` all
    files in the private folder (where there are namespaces; else each file).
    """

    wall_s: float = 10.0
    cpu_s: float = 10.0
    memory_mb: float = 1024.0
    output_kb: float = 64.0
    result_mb: float = 16.0
    files_mb: float = 16.0
    open_files: int = 256
    stack_mb: float = 8.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or value <= 0:
                raise ValueError(f"{one.name} must be a finite number above 0, not {value!r}: no limit is switched off")
        if self.open_files != int(self.open_files) or self.open_files < 64:
            raise ValueError(f"open_files must be a whole number of at least 64, not {self.open_files!r}")

    @property
    def memory_bytes(self) -> int:
        return int(self.memory_mb * 2**20)

    @property
    def output_bytes(self) -> int:
        return max(1, int(self.output_kb * 1024))

    @property
    def result_bytes(self) -> int:
        return max(1024, int(self.result_mb * 2**20))

    @property
    def files_bytes(self) -> int:
        return max(4096, int(self.files_mb * 2**20))

    @property
    def stack_bytes(self) -> int:
        return max(2**20, int(self.stack_mb * 2**20))
