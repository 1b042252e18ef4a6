"""tiktoken's files of ranks: byte-pair encoding without a list of merges, as OpenAI publishes cl100k.

    cl100k_base.tiktoken: a piece in base64, a space, its rank ── read_ranks ──► FileTokenizer

A piece's rank is its id, and the order in which pieces are made. Which two pieces a piece was merged from is not said,
but follows: encode the piece with the ranks below its own, and two pieces are left. So the merges are recovered, and
what :mod:`.bpe` does with merges gives tiktoken's ids.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from groundup.stack.text.bpe import BYTES, Merge, split_text
from groundup.stack.text.tokenizer_file import _GPT2, _LLAMA3, FileTokenizer, TokenizerError, _by_shape

# cl100k cuts as Llama 3 does; r50k and p50k cut as GPT-2.
PATTERNS: dict[str, str] = {"cl100k": _LLAMA3, "r50k": _GPT2, "p50k": _GPT2}


def read_ranks(
    path: str | os.PathLike[str], pattern: str = "cl100k", added: Mapping[str, int] | None = None
) -> FileTokenizer:
    """The tokenizer of a file of ranks. ``pattern`` is cl100k, r50k or p50k; ``added`` are special tokens with ids.

    Raises TokenizerError for an unknown pattern, or where a line is not a piece and its rank or a byte has none.
    """
    if pattern not in PATTERNS:
        raise TokenizerError(f"no pattern is called {pattern!r}; there are {', '.join(PATTERNS)}")
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(Path(path).read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            piece, rank = line.split()
            ranks[base64.b64decode(piece, validate=True)] = int(rank)
        except (ValueError, binascii.Error):
            raise TokenizerError(f"line {number} of {Path(path).name} is not a piece in base64 and its rank") from None
    missing = [byte for byte in range(BYTES) if bytes([byte]) not in ranks]
    if missing:
        raise TokenizerError(f"{Path(path).name} has no rank for the byte {missing[0]}")
    split: Callable[[str], list[str]] = split_text if PATTERNS[pattern] == _GPT2 else _by_shape(PATTERNS[pattern])
    return FileTokenizer(merges_of(ranks), ranks, dict(added or {}), split, whole_words=True)


def merges_of(ranks: Mapping[bytes, int]) -> list[Merge]:
    """The merges behind the ranks, in their order. A piece that no two lower ones make cannot be reached by merging and
    has none: it is a token only where it is a whole word."""
    merges = []
    for piece, rank in sorted(ranks.items(), key=lambda one: one[1]):
        if len(piece) > 1:
            parts = _encoded_below(piece, rank, ranks)
            if len(parts) == 2:
                merges.append((parts[0], parts[1]))
    return merges


def _encoded_below(piece: bytes, limit: int, ranks: Mapping[bytes, int]) -> list[bytes]:
    """The piece cut with ranks below ``limit`` only: again and again the neighbors that make the lowest one."""
    parts = [piece[at : at + 1] for at in range(len(piece))]
    while len(parts) > 2:
        made = [ranks.get(parts[at] + parts[at + 1], limit) for at in range(len(parts) - 1)]
        best = min(made)
        if best >= limit:
            break
        at = made.index(best)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts
