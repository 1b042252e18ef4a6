"""Byte n-gram models: how well the last few bytes predict the next one, as a yardstick for what a network learns.

:class:`KneserNey` is interpolated modified Kneser-Ney smoothing (Chen and Goodman 1999, section 3): the longest context
that was seen says most, and hands the probability that it saves by discounting on to the next shorter one,

    P(w | c) = (n(c w) - D(n(c w))) / Σ_w n(c w)  +  γ(c) P(w | c without its first byte),

where below the highest order n counts the *different* bytes that stood before, not occurrences, and the shortest
context of all hands on to the uniform distribution over 256 bytes. D takes one of three values per order, estimated
from how many n-grams occur once, twice, three and four times.

An n-gram of up to 8 bytes is held as one 64-bit number, so that counting is sorting and looking up is a binary search.
"""

from __future__ import annotations

import lzma
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Numbers = NDArray[np.float64]

LONGEST = 8


@dataclass(frozen=True)
class _Order:
    """The n-grams of one length, sorted, with the discounted share of each; their contexts, with the mass handed on."""

    grams: Keys
    shares: Numbers
    contexts: Keys
    handed_on: Numbers


class KneserNey:
    """A model of bytes from the ``order - 1`` bytes before each, counted in ``text``.

    Time and memory are those of sorting ``order`` arrays of ``len(text)`` numbers of 64 bits. Raises ValueError for an
    order outside 1 to 8 or an empty text.
    """

    def __init__(self, text: bytes, order: int = 5) -> None:
        if not 1 <= order <= LONGEST:
            raise ValueError(f"order must be from 1 to {LONGEST}, not {order}")
        if not text:
            raise ValueError("there is no text to count")
        self.order = order
        longest = min(order, len(text))
        grams, counts = np.unique(_grams(text, longest)[longest - 1 :], return_counts=True)
        orders = [_smoothed(grams, counts)]
        for length in range(longest - 1, 0, -1):
            # Each different longer n-gram says once that its tail can follow another byte; the text's first n-gram
            # follows none, and is counted once so that it is known at all.
            tails = np.append(grams & _low(length), _grams(text[:length], length)[-1:])
            grams, counts = np.unique(tails, return_counts=True)
            orders.append(_smoothed(grams, counts))
        self._orders = orders[::-1]

    def probabilities(self, text: bytes) -> Numbers:
        """(len(text),): the probability of each byte given those before it; the first ones have shorter contexts."""
        probability = np.full(len(text), 1 / 256)
        for length, order in enumerate(self._orders, start=1):
            if len(text) < length:
                break
            grams = _grams(text, length)[length - 1 :]
            shorter = probability[length - 1 :]
            share = _looked_up(order.grams, order.shares, grams, 0.0)
            handed_on = _looked_up(order.contexts, order.handed_on, grams >> np.uint64(8), 1.0)
            probability[length - 1 :] = share + handed_on * shorter
        return probability

    def bits_per_byte(self, text: bytes) -> float:
        """The mean of -log2 of the probability of each byte of ``text``."""
        if not text:
            raise ValueError("there is no text to measure")
        return float(-np.log2(self.probabilities(text)).mean())


def compressed_bits_per_byte(text: bytes, after: bytes = b"") -> float:
    """The bits that xz (LZMA at its strongest) needs for each byte of ``text`` where it has seen ``after`` already.

    Measured as the growth of the compressed size when ``text`` follows ``after``. Raises ValueError for an empty text.
    """
    if not text:
        raise ValueError("there is no text to measure")
    # A dictionary of 512 MB at most: all of what came before can be referred to.
    size = min(max(len(after) + len(text), 4096), 1 << 29)
    strongest = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": size}]

    def compressed(data: bytes) -> int:
        return len(lzma.compress(data, format=lzma.FORMAT_RAW, filters=strongest))

    return 8 * (compressed(after + text) - (compressed(after) if after else 0)) / len(text)


def _low(length: int) -> np.uint64:
    """A mask of the last ``length`` bytes."""
    return np.uint64((1 << (8 * length)) - 1)


def _grams(text: bytes, length: int) -> Keys:
    """(len(text),): the last ``length`` bytes up to each place as one number, zeros before the text's beginning."""
    single = np.frombuffer(text, dtype=np.uint8)
    packed = np.zeros(len(single), dtype=np.uint64)
    for back in range(min(length, len(single))):
        packed[back:] |= single[: len(single) - back].astype(np.uint64) << np.uint64(8 * back)
    return packed


def _smoothed(grams: Keys, counts: NDArray[np.int64]) -> _Order:
    """Discounted shares, and what each context hands on; ``grams`` are sorted, so that contexts are too."""
    discounts = _discounts(counts)
    taken = discounts[np.minimum(counts, 3)]
    contexts, first, of = np.unique(grams >> np.uint64(8), return_index=True, return_inverse=True)
    totals = np.add.reduceat(counts, first).astype(np.float64)
    handed_on = np.add.reduceat(taken, first) / totals
    return _Order(grams, (counts - taken) / totals[of.reshape(-1)], contexts, handed_on)


def _discounts(counts: NDArray[np.int64]) -> Numbers:
    """What is taken from n-grams that occur 0, 1, 2 and 3 or more times (Chen and Goodman 1999, equation 17)."""
    once, twice, thrice, four = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    if not once or not twice:
        return np.array([0.0, 0.5, 0.5, 0.5])  # too few n-grams to estimate anything
    share = once / (once + 2 * twice)
    found = (0.0, 1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice, 3 - 4 * share * four / (thrice or 1))
    # On a small text the estimates can leave their range; an n-gram may lose all it has, and never gain.
    return np.array([min(max(value, 0.0 if times == 0 else 0.1), times) for times, value in enumerate(found)])


def _looked_up(keys: Keys, values: Numbers, wanted: Keys, missing: float) -> Numbers:
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], missing)
