"""Byte-pair encoding in the plain way: every step counts all pairs anew. The stack's own `bpe.py` is the fast way."""

import math
import re
from collections import Counter


class _Shape(dict):
    """Code point -> "a" for a letter, "0" for a number, "\\t" for white space, "." for the rest; ASCII stays as it is."""

    def __missing__(self, code):
        char = chr(code)
        if code < 128:
            shape = "." if 28 <= code <= 31 else char
        elif char.isalpha():
            shape = "a"
        elif char.isnumeric():
            shape = "0"
        else:
            shape = "\t" if char.isspace() else "."
        self[code] = shape
        return shape


_SHAPE = _Shape()
_WORD = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


def split_text(text):
    """Given, and correct. Cut a text into GPT-2's words; joined again, they are the text.

    >>> split_text("We'll pay 30.\\n")
    ['We', "'ll", ' pay', ' 30', '.', '\\n']

    A word takes one space before it along. Letters, numbers and other signs never share a word.
    """
    return [text[found.start() : found.end()] for found in _WORD.finditer(text.translate(_SHAPE))]


def merge_pair(pieces, pair):
    """Replace the pair by one piece, from left to right: (b"a", b"a") turns a a a into aa a."""
    merged = []
    at = 0
    while at < len(pieces):
        if tuple(pieces[at : at + 2]) == pair:
            merged.append(pair[0] + pair[1])
            at += 2
        else:
            merged.append(pieces[at])
            at += 1
    return merged


def single_bytes(word):
    return [bytes([byte]) for byte in word.encode("utf-8")]


def train_bpe(text, vocab_size):
    if vocab_size < 256:
        raise ValueError(f"vocab_size must be at least 256, one id for each byte, not {vocab_size}")
    frequency = Counter(split_text(text))
    pieces = {word: single_bytes(word) for word in frequency}
    merges = []
    while len(merges) < vocab_size - 256:
        counts = Counter()
        for word, times in frequency.items():
            for pair in zip(pieces[word], pieces[word][1:]):
                counts[pair] += times
        if not counts:
            break
        best = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append(best)
        pieces = {word: merge_pair(pieces[word], best) for word in pieces}
    return merges


def encode(text, merges):
    rank = {pair: i for i, pair in enumerate(merges)}
    ids = {bytes([byte]): byte for byte in range(256)}
    for i, (left, right) in enumerate(merges):
        ids[left + right] = 256 + i
    encoded = []
    for word in split_text(text):
        pieces = single_bytes(word)
        while len(pieces) > 1:
            first = min(zip(pieces, pieces[1:]), key=lambda pair: rank.get(pair, math.inf))
            if first not in rank:
                break
            pieces = merge_pair(pieces, first)
        encoded.extend(ids[piece] for piece in pieces)
    return encoded


def decode(ids, merges):
    pieces = [bytes([byte]) for byte in range(256)] + [left + right for left, right in merges]
    for id in ids:
        if not 0 <= id < len(pieces):
            raise ValueError(f"id {id} is not in this vocabulary, whose ids are 0 to {len(pieces) - 1}")
    return b"".join(pieces[id] for id in ids).decode("utf-8", errors="replace")
