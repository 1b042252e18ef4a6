"""From the texts of pieces back to a text, as ``tokenizer.json`` says it in its decoder.

    "▁caf" "<0xC3>" "<0xA9>" "!" ── Replace ▁, ByteFallback, Fuse, Strip ──► "café!"

A decoder turns a row of texts into another, which in the end are joined. Bytes that are not UTF-8 become U+FFFD: with
``tokenizers`` every byte of the row in which one is wrong, with SentencePiece only those that are in no character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from groundup.stack.text.normalization import SPACE, StepError

Row = list[str]
Chain = Callable[[Row], Row]
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_REPLACEMENT = "\ufffd"


def decoder(given: Mapping[str, Any] | None) -> Callable[[Sequence[str]], str]:
    """From pieces' texts to a text; without a decoder with spaces between them."""
    if given is None:
        return lambda tokens: " ".join(tokens)
    chain = _chain(given)
    return lambda tokens: "".join(chain(list(tokens)))


def _chain(given: Mapping[str, Any]) -> Chain:
    kind = str(given.get("type"))
    if kind == "Sequence":
        steps = [_chain(one) for one in given["decoders"]]

        def run(row: Row) -> Row:
            for step in steps:
                row = step(row)
            return row

        return run
    if kind not in _CHAINS:
        raise StepError(f"a decoder of type {kind} is not computed here; {', '.join(_CHAINS)} are")
    return _CHAINS[kind](given)


def _metaspace(given: Mapping[str, Any]) -> Chain:
    """▁ is a space, but in the first piece, where it was put in."""
    mark = str(given.get("replacement", SPACE))
    scheme = given.get("prepend_scheme", "always" if given.get("add_prefix_space", True) else "never")
    first = " " if scheme == "never" else ""
    return lambda row: [one.replace(mark, " " if at else first) for at, one in enumerate(row)]


def _replace(given: Mapping[str, Any]) -> Chain:
    old, new = given["pattern"].get("String"), str(given["content"])
    if not old:
        raise StepError(f"a decoder that replaces {given['pattern']} is not computed here")
    return lambda row: [one.replace(old, new) for one in row]


def _strip(given: Mapping[str, Any]) -> Chain:
    """A character is taken off each piece, so many times at most on either side."""
    char, start, stop = str(given["content"]), int(given["start"]), int(given["stop"])

    def strip(text: str) -> str:
        begin = 0
        while begin < min(start, len(text)) and text[begin] == char:
            begin += 1
        end = len(text)
        while end > max(begin, len(text) - stop) and text[end - 1] == char:
            end -= 1
        return text[begin:end]

    return lambda row: [strip(one) for one in row]


def _byte_fallback(_: Mapping[str, Any]) -> Chain:
    return lambda row: _with_bytes(row, _all_or_none)


def _with_bytes(row: Row, spell: Callable[[bytes], Row]) -> Row:
    """The row with each run of byte pieces as the texts that they spell."""
    done: Row = []
    waiting = bytearray()
    for one in row:
        byte = _BYTE.fullmatch(one)
        if byte:
            waiting.append(int(byte[1], 16))
            continue
        done += spell(bytes(waiting)) if waiting else []
        waiting.clear()
        done.append(one)
    return done + (spell(bytes(waiting)) if waiting else [])


def _all_or_none(run: bytes) -> Row:
    try:
        return [run.decode("utf-8")]
    except UnicodeDecodeError:
        return [_REPLACEMENT] * len(run)


def _each_that_can(run: bytes) -> Row:
    done: Row = []
    while run:
        for size in range(1, 5):
            try:
                done.append(run[:size].decode("utf-8"))
                break
            except UnicodeDecodeError:
                continue
        else:
            done.append(_REPLACEMENT)
            size = 1
        run = run[size:]
    return done


def _sentencepiece(given: Mapping[str, Any]) -> Chain:
    """SentencePiece's own: the space that was put in is taken off, what is unknown is shown as it says."""

    def run(row: Row) -> Row:
        done: Row = []
        told = stripped = False  # has any text come; was the one space taken off
        for one in _with_bytes(row, lambda run: [f"\0{char}" for char in _each_that_can(run)]):
            if one.startswith("\0"):  # from bytes: not looked at any more
                done.append(one[1:])
                told = True
                continue
            if one == given["unknown"]:
                one = str(given["surface"])
            elif given["strip"] and not told and not stripped and one.startswith(SPACE):
                one = one[1:]
                stripped = not given["strip_all"]
            done.append(one.replace(SPACE, " "))
            told = told or bool(one)
        return done

    return run


_CHAINS: dict[str, Callable[[Mapping[str, Any]], Chain]] = {
    "Metaspace": _metaspace,
    "Replace": _replace,
    "Strip": _strip,
    "ByteFallback": _byte_fallback,
    "Fuse": lambda _: lambda row: ["".join(row)],
    "SentencePiece": _sentencepiece,
}
