"""What products are computed in: float32, or bfloat16 under autocast, whose parameters stay as they are.

bfloat16 has the range of float32 with 8 bits of precision, so that gradients need no scaling; sums, norms and losses
stay in float32 (Micikevicius and others, "Mixed Precision Training", 2018; Kalamkar and others, "A Study of BFLOAT16
for Deep Learning Training", 2019). It pays where the processor multiplies it faster and the matrices are large enough
to make up for casting them; so "auto" measures with the run's own model and batch.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median

import torch

_ROUNDS = 3
_WORTH = 1.1  # what is won must be more than what casting costs and measuring errs


@dataclass(frozen=True)
class Precision:
    """``name`` is "float32" (no autocast: whatever the parameters have) or "bfloat16"; ``reason`` is why."""

    name: str
    reason: str

    def context(self, device: torch.device) -> AbstractContextManager[object]:
        """Around the forward pass."""
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.name == "bfloat16")


def choose_precision(
    wanted: str, device: torch.device | None = None, measure: Callable[[Precision], float] | None = None
) -> Precision:
    """What was ``wanted``; for "auto" what is faster on this device: float32 where it has no units for bfloat16, and
    otherwise what ``measure``, which gives the seconds of the same work in a precision, finds in 3 tries of each."""
    if wanted != "auto":
        return Precision(wanted, "as set")
    if device is None or measure is None:
        raise ValueError("to choose a precision, a device and something to measure are needed")
    missing = why_not_bfloat16(device)
    if missing:
        return Precision("float32", missing)
    tries = [Precision(name, "measured") for name in ("float32", "bfloat16")]
    for one in tries:
        measure(one)  # the first time is always slow
    rounds = [[measure(one) for one in tries] for _ in range(_ROUNDS)]
    slow, fast = (median(seconds) for seconds in zip(*rounds, strict=True))
    told = f"a micro-batch takes {fast * 1e3:.3g} ms in bfloat16 and {slow * 1e3:.3g} ms in float32"
    return Precision("bfloat16" if slow > _WORTH * fast else "float32", told)


def why_not_bfloat16(device: torch.device) -> str:
    """Why nothing could be won on this device, or "" where it multiplies bfloat16 itself."""
    if device.type == "cuda":
        able = torch.cuda.get_device_capability(device) >= (8, 0)
        return "" if able else f"{torch.cuda.get_device_name(device)} has no units for bfloat16"
    if device.type != "cpu":
        return f"nothing is known of bfloat16 on {device.type}"
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # x86: AVX-512 BF16, or AMX
    able = any(bool(getattr(torch.cpu, name, lambda: False)()) for name in asked)
    return "" if able else "this processor has no instructions for bfloat16"
