"""What the benchmarks share: rivals measured in turns, ratios with an interval, and the ceilings of this machine.

Machines are noisy and get slower and faster while one measures. So every round runs each rival once, in changing order,
and what is reported is the median over rounds of the ratio *within* a round, with a bootstrap interval.
"""

from __future__ import annotations

import importlib.util
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

Rivals = Mapping[str, Callable[[], Any]]


def in_turns(rivals: Rivals, rounds: int, warm: int = 1, seed: int = 0) -> dict[str, list[float]]:
    """Seconds of each rival in each round, after ``warm`` rounds that do not count."""
    chance = random.Random(seed)
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(warm + rounds):
        names = list(rivals)
        chance.shuffle(names)
        for name in names:
            began = time.perf_counter()
            rivals[name]()
            if turn >= warm:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def ratio(slower: Sequence[float], ours: Sequence[float], draws: int = 2000) -> dict[str, float]:
    """How many times as fast as the other we are: the median over rounds, and where 95 % of resampled medians lie."""
    each = [other / mine for other, mine in zip(slower, ours, strict=True)]
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(each, k=len(each))) for _ in range(draws))
    return {
        "ratio": statistics.median(each),
        "low": medians[int(0.025 * draws)],
        "high": medians[int(0.975 * draws)],
    }


def wait_for(device: str) -> None:
    """Until the device has done what it was given."""
    import torch

    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def matmul_flops(size: int = 1024, tries: int = 12, device: str = "cpu", bfloat16: bool = False) -> float:
    """The most floating-point operations a second that a matrix product reached, in float32 if nothing else is said."""
    import torch

    size = size if device == "cpu" else 8 * size
    a, b = torch.randn(2, size, size, device=device, dtype=torch.bfloat16 if bfloat16 else torch.float32)
    best = 0.0
    for _ in range(tries):
        wait_for(device)
        began = time.perf_counter()
        a @ b
        wait_for(device)
        best = max(best, 2 * size**3 / (time.perf_counter() - began))
    return best


def memory_bandwidth(megabytes: int = 256, tries: int = 8) -> float:
    """The most bytes a second that were read, by summing an array that no cache holds."""
    import torch

    a = torch.ones(megabytes * 2**18)
    best = 0.0
    for _ in range(tries):
        began = time.perf_counter()
        a.sum()
        best = max(best, a.numel() * 4 / (time.perf_counter() - began))
    return best


def module_at(path: Path, name: str) -> ModuleType:
    """A peer's file, which is not ours to ship: the reader names where it lies."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    texts = [[f"{one:.3g}" if isinstance(one, float) else str(one) for one in row] for row in [columns, *rows]]
    widths = [max(len(row[at]) for row in texts) for at in range(len(columns))]
    print(f"\n{title}")
    for row in texts:
        print("  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def conclude(document: Mapping[str, object], wanted: Mapping[str, tuple[dict[str, float], float]]) -> None:
    """Say which aims were reached, and end with one JSON line. An aim that was missed is said, not hidden."""
    rows = []
    for name, (found, aim) in wanted.items():
        reached = "reached" if found["ratio"] >= aim else "NOT reached"
        rows.append([name, f"{found['ratio']:.2f}", f"{found['low']:.2f} to {found['high']:.2f}", f"{aim:g}", reached])
    if rows:
        table("Ratios: how many times as fast as the peer", ["peer", "ratio", "95 %", "aim", ""], rows)
    print(json.dumps({**document, "ratios": {name: {**one, "aim": aim} for name, (one, aim) in wanted.items()}}))
