"""How the learning rate moves over a run."""

from __future__ import annotations

import math


def warmup_cosine(step: int, peak: float, warmup: int, total: int, floor: float = 0.0) -> float:
    """The learning rate of update ``step`` (0 is the first) of ``total``.

    It climbs evenly over the first ``warmup`` updates, the first of which already moves, reaches ``peak`` at update
    ``warmup - 1``, then falls along half a cosine and is ``floor`` from update ``total`` on.
    Loshchilov and Hutter, "SGDR" (2017), equation 5, with one period; warm-up after Goyal and others (2017).
    Raises ValueError unless 0 ≤ warmup ≤ total and step ≥ 0.
    """
    if not 0 <= warmup <= total or step < 0:
        raise ValueError(f"0 <= warmup <= total and step >= 0 are needed: got {step=}, {warmup=}, {total=}")
    if step < warmup:
        return peak * (step + 1) / warmup
    if step >= total:
        return floor
    progress = (step - warmup) / (total - warmup)
    return floor + 0.5 * (peak - floor) * (1 + math.cos(math.pi * progress))


def warmup_linear(step: int, peak: float, warmup: int, total: int, floor: float = 0.0) -> float:
    """As :func:`warmup_cosine`, but after the warm-up it falls evenly and is ``floor`` from update ``total`` on.

    Devlin and others, "BERT" (2019), appendix A.2. Raises ValueError unless 0 ≤ warmup ≤ total and step ≥ 0.
    """
    if not 0 <= warmup <= total or step < 0:
        raise ValueError(f"0 <= warmup <= total and step >= 0 are needed: got {step=}, {warmup=}, {total=}")
    if step < warmup:
        return peak * (step + 1) / warmup
    if step >= total:
        return floor
    return floor + (peak - floor) * (total - step) / (total - warmup)


def warmup_constant(step: int, peak: float, warmup: int, total: int, floor: float = 0.0) -> float:
    """As :func:`warmup_cosine`, but after the warm-up it stays at ``peak``; ``total`` and ``floor`` change nothing.

    Raises ValueError unless 0 ≤ warmup ≤ total and step ≥ 0.
    """
    if not 0 <= warmup <= total or step < 0:
        raise ValueError(f"0 <= warmup <= total and step >= 0 are needed: got {step=}, {warmup=}, {total=}")
    return peak * (step + 1) / warmup if step < warmup else peak
