"""SentencePiece's own files, ``spiece.model``, ``tokenizer.model`` and ``spm.model``, read without its library.

    spiece.model ── read_fields ──► pieces, training and normalization settings ── read_model ──► PieceTokenizer

The file is a message of protocol buffers: a row of fields, each a number with its kind, then a varint, four or eight
bytes, or a length and so many bytes, which may be a message again. Of the fields only those are read that say how a
text is cut. The tokenizer computes what SentencePiece computes, which for Unigram is not always what ``tokenizers``
makes of the same pieces (:mod:`.unigram`, :mod:`.charsmap`). A file of the name ``spm.model`` is DeBERTa's (v2, v3):
its special tokens are found in a text as a whole, and [MASK], which is no piece, comes behind the last one.

Kudo and Richardson, "SentencePiece" (EMNLP 2018); ``sentencepiece_model.proto`` in its repository for the numbers.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from groundup.stack.text.added import Added
from groundup.stack.text.files import TOKENIZER_CONFIG, TokenizerError, read_json
from groundup.stack.text.pieces import PieceTokenizer, Rules
from groundup.stack.text.sentencepiece_bpe import ScoredBPE
from groundup.stack.text.unigram import Unigram

DEBERTA = "spm.model"
MODELS = ("spiece.model", "tokenizer.model", "sentencepiece.bpe.model", DEBERTA)
_SPECIAL, _MASK = ("[PAD]", "[CLS]", "[SEP]", "[UNK]"), "[MASK]"  # as DeBERTa's code has them

# Numbers of the fields in the message, by what they say.
_PIECES, _TRAINER, _NORMALIZER, _DENORMALIZER = 1, 2, 3, 5
_TEXT, _SCORE, _KIND = 1, 2, 3
_MODEL_TYPE, _SUFFIX, _BYTE_FALLBACK, _UNKNOWN_SURFACE = 3, 24, 35, 44
_CHARSMAP, _DUMMY_PREFIX, _FEWER_SPACES, _ESCAPE = 2, 3, 4, 5
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6

Field = int | bytes


def read_fields(message: bytes) -> Iterator[tuple[int, Field]]:
    """The fields of a message in their order. Raises TokenizerError for one that is cut off or of an unknown kind."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _varint(message, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise TokenizerError(f"this is no SentencePiece model: a field of kind {kind} at byte {at}")
        if at + size > len(message):
            raise TokenizerError(f"this SentencePiece model is cut off: {at + size - len(message)} bytes are missing")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise TokenizerError("this SentencePiece model is cut off in the middle of a number")
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise TokenizerError(f"this is no SentencePiece model: a number without an end at byte {at}")


def _settings(message: Field | None) -> dict[int, Field]:
    """A message's fields, of each the last."""
    return dict(read_fields(_bytes(message))) if message is not None else {}


def _bytes(field: Field) -> bytes:
    if not isinstance(field, bytes):
        raise TokenizerError("this is no SentencePiece model: a number where a text should be")
    return field


def _piece(message: Field) -> tuple[str, float, int]:
    fields = _settings(message)
    score = _bytes(fields.get(_SCORE, b"\0\0\0\0"))
    if len(score) != 4:
        raise TokenizerError("this is no SentencePiece model: a score that is not of four bytes")
    try:
        text = _bytes(fields.get(_TEXT, b"")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise TokenizerError(f"this is no SentencePiece model: a piece is not UTF-8 ({error})") from None
    kind = fields.get(_KIND, NORMAL)
    return text, float(struct.unpack("<f", score)[0]), int(kind) if isinstance(kind, int) else NORMAL


def read_model(path: Path) -> PieceTokenizer:
    """The tokenizer of one file. Raises TokenizerError where it is no such file, or none that is computed here."""
    try:
        fields = list(read_fields(path.read_bytes()))
    except OSError as error:
        raise TokenizerError(f"{path.name} cannot be read: {error}") from error
    pieces = [_piece(value) for number, value in fields if number == _PIECES]
    last = dict(fields)
    trainer, rules = _settings(last.get(_TRAINER)), _settings(last.get(_NORMALIZER))
    if not pieces:
        raise TokenizerError(f"{path.name} is no SentencePiece model: it has no pieces")
    if _settings(last.get(_DENORMALIZER)).get(_CHARSMAP):
        raise TokenizerError(f"{path.name}: a denormalizer is not computed here")
    if trainer.get(_SUFFIX):
        raise TokenizerError(f"{path.name}: treat_whitespace_as_suffix is not computed here")
    if not rules.get(_ESCAPE, 1):
        raise TokenizerError(f"{path.name}: escape_whitespaces = false is not computed here")
    added = _added([text for text, _, _ in pieces], path.with_name(TOKENIZER_CONFIG)) if path.name == DEBERTA else []
    try:
        return _tokenizer(path.name, pieces, trainer, rules, added)
    except ValueError as error:
        raise TokenizerError(f"{path.name}: {error}") from None


def _added(pieces: list[str], beside: Path) -> list[Added]:
    """DeBERTa's special tokens. Raises TokenizerError where one is missing, or the file beside asks for something else.

    The unknown piece stays visible when ids are decoded, as in SentencePiece's other files.
    """
    settings = read_json(beside) if beside.is_file() else {}
    for name in ("do_lower_case", "split_by_punct"):
        if settings.get(name):
            raise TokenizerError(f"{beside.name}: {name} beside {DEBERTA} is not computed here")
    ids = {_MASK: len(pieces)} | {piece: new for new, piece in enumerate(pieces)}
    missing = [one for one in _SPECIAL if one not in ids]
    if missing:
        raise TokenizerError(f"{DEBERTA} has no {' and no '.join(missing)}: it is not DeBERTa's")
    return [Added(one, ids[one], special=one != "[UNK]") for one in (*_SPECIAL, _MASK)]


def _tokenizer(
    name: str,
    pieces: list[tuple[str, float, int]],
    trainer: dict[int, Field],
    rules: dict[int, Field],
    added: list[Added],
) -> PieceTokenizer:
    scored = [(text, score) for text, score, _ in pieces]
    kinds = [kind for _, _, kind in pieces]
    of = {kind: {new for new, one in enumerate(kinds) if one == kind} for kind in range(NORMAL, BYTE + 1)}
    if len(of[UNKNOWN]) != 1:
        raise TokenizerError(f"{name} has {len(of[UNKNOWN])} pieces for unknown characters; it should have one")
    (unknown,) = of[UNKNOWN]
    told: dict[str, Any] = {
        "byte_fallback": bool(trainer.get(_BYTE_FALLBACK)),
        "skipped": of[UNKNOWN] | of[CONTROL] | of[UNUSED] | of[BYTE],
        "preferred": of[USER_DEFINED],
    }
    method = trainer.get(_MODEL_TYPE, 1)
    if method not in (1, 2):
        raise TokenizerError(f"{name}: a model of type {method!r} is not computed here; 1 (Unigram) and 2 (BPE) are")
    if method == 2 and of[UNUSED]:
        raise TokenizerError(f"{name}: unused pieces in BPE are not computed here")
    model = Unigram(scored, unknown, native=True, **told) if method == 1 else ScoredBPE(scored, unknown, **told)
    defined = sorted(scored[new][0] for new in of[USER_DEFINED])
    return PieceTokenizer(model, _rules(rules, trainer, defined, scored[unknown][0]), added, hidden=of[CONTROL])


def _rules(rules: dict[int, Field], trainer: dict[int, Field], defined: list[str], unknown: str) -> Rules:
    prefix, fewer = bool(rules.get(_DUMMY_PREFIX, 1)), bool(rules.get(_FEWER_SPACES, 1))
    surface = trainer.get(_UNKNOWN_SURFACE)
    return Rules(
        normalizer={
            "type": "SentencePiece",
            "precompiled_charsmap": base64.b64encode(_bytes(rules.get(_CHARSMAP, b""))).decode(),
            "prefix": prefix,
            "fewer_spaces": fewer,
            "whole": defined,
        },
        decoder={
            "type": "SentencePiece",
            "strip": prefix or fewer,
            "strip_all": fewer,
            "unknown": unknown,
            "surface": " ⁇ " if surface is None else _bytes(surface).decode("utf-8", errors="replace"),
        },
    )
