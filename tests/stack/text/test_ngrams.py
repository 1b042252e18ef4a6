"""Kneser-Ney over bytes: a distribution, equal to its definition with dictionaries, and better with more context."""

from __future__ import annotations

import lzma
import random
from collections import Counter, defaultdict

import numpy as np
import pytest

from groundup.stack.text.ngrams import KneserNey, compressed_bits_per_byte


def some_text(length: int, seed: int = 0) -> bytes:
    """Text with structure: words of a small vocabulary, some of them rare."""
    draw = random.Random(seed)
    words = [bytes(draw.choices(b"abcdefgh", k=draw.randint(1, 6))) for _ in range(60)]
    weights = [1 / (rank + 1) for rank in range(60)]
    return b" ".join(draw.choices(words, weights, k=length // 3))[:length]


class ByDefinition:
    """The same model written with dictionaries of byte strings, straight from Chen and Goodman's section 3."""

    def __init__(self, text: bytes, order: int) -> None:
        self.order = order
        self.counts: dict[int, Counter[bytes]] = {
            order: Counter(text[i : i + order] for i in range(len(text) - order + 1))
        }
        for length in range(order - 1, 0, -1):
            below = Counter(gram[1:] for gram in self.counts[length + 1])
            below[text[:length]] += 1
            self.counts[length] = below
        self.discounts = {length: self._discounts(counts) for length, counts in self.counts.items()}
        self.after: dict[int, dict[bytes, Counter[int]]] = {}
        for length, counts in self.counts.items():
            table: dict[bytes, Counter[int]] = defaultdict(Counter)
            for gram, count in counts.items():
                table[gram[:-1]][gram[-1]] = count
            self.after[length] = table

    @staticmethod
    def _discounts(counts: Counter[bytes]) -> list[float]:
        n = [sum(count == times for count in counts.values()) for times in range(5)]
        if not n[1] or not n[2]:
            return [0.0, 0.5, 0.5, 0.5]
        y = n[1] / (n[1] + 2 * n[2])
        raw = [0.0, 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / (n[3] or 1)]
        return [min(max(value, 0.1 if times else 0.0), times) for times, value in enumerate(raw)]

    def probability(self, context: bytes, byte: int) -> float:
        context = context[max(0, len(context) - self.order + 1) :]
        length = len(context) + 1
        shorter = self.probability(context[1:], byte) if context else 1 / 256
        followers = self.after[length].get(context)
        if not followers:
            return shorter
        discounts = self.discounts[length]
        total = sum(followers.values())
        count = followers.get(byte, 0)
        saved = sum(discounts[min(one, 3)] for one in followers.values())
        return (count - discounts[min(count, 3)]) / total + saved / total * shorter


@pytest.mark.parametrize("order", [1, 2, 3, 5, 8])
def test_it_is_what_the_definition_says(order: int) -> None:
    text, held_out = some_text(900), some_text(200, seed=1) + bytes([0, 255])
    slow = ByDefinition(text, order)
    expected = [slow.probability(held_out[:at], byte) for at, byte in enumerate(held_out)]
    np.testing.assert_allclose(KneserNey(text, order).probabilities(held_out), expected, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 3, 8])
@pytest.mark.parametrize("context", [b"ab", b"zz", b"", b"\x00\xff", b"a cabbage"])
def test_the_next_byte_has_probabilities_that_sum_to_one(order: int, context: bytes) -> None:
    model = KneserNey(some_text(2000), order)
    each = [float(model.probabilities(context + bytes([byte]))[-1]) for byte in range(256)]
    assert min(each) > 0
    assert sum(each) == pytest.approx(1.0, abs=1e-9)


def test_context_helps_on_text_that_has_structure() -> None:
    text, held_out = some_text(20_000), some_text(25_000)[20_000:]
    bits = [KneserNey(text, order).bits_per_byte(held_out) for order in (1, 2, 3, 4)]
    assert bits == sorted(bits, reverse=True)
    assert bits[-1] < 0.8 * bits[0] < 8


@pytest.mark.parametrize("text", [b"a", b"ab", b"\xff" * 30, bytes(range(256))])
def test_short_and_even_texts(text: bytes) -> None:
    probabilities = KneserNey(text, 8).probabilities(text)
    assert np.isfinite(probabilities).all()
    assert ((probabilities > 0) & (probabilities <= 1)).all()


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="order"):
        KneserNey(b"abc", 9)
    with pytest.raises(ValueError, match="order"):
        KneserNey(b"abc", 0)
    with pytest.raises(ValueError, match="no text"):
        KneserNey(b"")
    with pytest.raises(ValueError, match="no text"):
        KneserNey(b"abc").bits_per_byte(b"")
    with pytest.raises(ValueError, match="no text"):
        compressed_bits_per_byte(b"")


def test_xz_sees_what_came_before() -> None:
    text = some_text(6000)
    alone = compressed_bits_per_byte(text)
    assert alone == pytest.approx(8 * len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)) / len(text), rel=0.05)
    assert compressed_bits_per_byte(text, after=text) < 0.05 * alone
