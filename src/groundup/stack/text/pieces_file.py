"""``tokenizer.json`` of a tokenizer of pieces (Unigram, or BPE over characters), read and written without its library.

    tokenizer.json ── read_pieces ──► PieceTokenizer ── write_pieces ──► tokenizer.json, tokenizer_config.json

What :mod:`.pieces` does not compute is refused by name: a step of an unknown kind, a pattern that is not known, merges
with a prefix or a suffix. A tokenizer of SentencePiece's own file is written as the steps that say the same to
``tokenizers``. Four things cannot be said to it, and there the two differ: control tokens that stand in a text are
found in it, pieces for bytes are found in a text that spells them ("<0x41>"), the map of characters is read another
way where it has a key for the beginning of a letter with marks (:mod:`.charsmap`), and of cuts that are worth the same
rounding may choose another, because sums are of double precision.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundup.stack.models.checkpoints import write_whole
from groundup.stack.text.added import Added
from groundup.stack.text.files import TOKENIZER, TOKENIZER_CONFIG, TokenizerError, read_json
from groundup.stack.text.normalization import SPACE
from groundup.stack.text.pieces import Model, PieceTokenizer, Rules
from groundup.stack.text.sentencepiece_bpe import CharacterBPE, ScoredBPE, merges_of
from groundup.stack.text.unigram import Unigram

_PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")


def read_pieces(path: str | os.PathLike[str]) -> PieceTokenizer:
    """The tokenizer of a file. Raises TokenizerError where it is none that is computed here."""
    return pieces_from(read_json(Path(path)))


def pieces_from(file: Mapping[str, Any]) -> PieceTokenizer:
    """The tokenizer that the content of a file says."""
    try:
        added = [Added.of(one) for one in file.get("added_tokens") or []]
        model, parts = _model(file["model"]), {name: file.get(name) for name in _PARTS}
        return PieceTokenizer(model, Rules(**parts), added)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise TokenizerError(f"{TOKENIZER} is not in the form that it should have: {error!r}") from error
    except ValueError as error:
        raise TokenizerError(f"{TOKENIZER}: {error}") from None


def _model(given: Mapping[str, Any]) -> Model:
    kind, byte_fallback = given.get("type"), bool(given.get("byte_fallback"))
    if kind == "Unigram" or (kind is None and isinstance(given["vocab"], list)):
        if not isinstance(given["vocab"], list) or any(len(one) != 2 for one in given["vocab"]):
            raise TypeError("a Unigram model's vocabulary is a list of pieces with their scores")
        scored = [(str(piece), float(score)) for piece, score in given["vocab"]]
        return Unigram(scored, given.get("unk_id"), byte_fallback=byte_fallback)
    if kind not in ("BPE", None):
        raise TokenizerError(f"a tokenizer of type {kind} is not computed here; Unigram and BPE are")
    for name in ("continuing_subword_prefix", "end_of_word_suffix", "dropout"):
        if given.get(name):
            raise TokenizerError(f"{name} = {given[name]!r} is not computed here")
    vocab, unknown = given["vocab"], given.get("unk_token")
    pieces = sorted(vocab, key=vocab.__getitem__)
    if [vocab[piece] for piece in pieces] != list(range(len(pieces))):
        raise TokenizerError(f"the ids of {len(pieces)} pieces are not those from 0 to {len(pieces) - 1}")
    if unknown is not None and unknown not in vocab:
        raise TokenizerError(f"the vocabulary has no {unknown}, which stands for unknown characters")
    return CharacterBPE(
        pieces,
        [(str(left), str(right)) for left, right in map(_pair, given["merges"])],
        None if unknown is None else vocab[unknown],
        byte_fallback=byte_fallback,
        fuse_unknown=bool(given.get("fuse_unk")),
        whole_words=bool(given.get("ignore_merges")),
    )


def _pair(given: Any) -> list[str]:
    pair: list[str] = given.split(" ") if isinstance(given, str) else given
    return pair


# ── writing ──────────────────────────────────────────────────────────────────


def write_pieces(folder: str | os.PathLike[str], tokenizer: PieceTokenizer) -> None:
    """Write ``tokenizer.json`` and what transformers needs to load it, each whole or not at all.

    Raises ValueError for BPE of SentencePiece's own file with pieces that a user defined: merges cannot say these.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    content = json.dumps(document(tokenizer), ensure_ascii=False, indent=1)
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    write_whole(path / TOKENIZER, (content + "\n").encode())
    write_whole(path / TOKENIZER_CONFIG, (json.dumps(config, indent=2) + "\n").encode())


def document(tokenizer: PieceTokenizer) -> dict[str, Any]:
    """What ``tokenizer.json`` says."""
    rules, added = tokenizer.rules, tokenizer.added_tokens
    if (rules.normalizer or {}).get("type") == "SentencePiece":
        rules = _library_rules(rules)
        found = {one.id for one in added}
        added = [*added, *(Added(tokenizer.model.pieces[new], new) for new in sorted(tokenizer.hidden - found))]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [one.document() for one in added],
        **{name: getattr(rules, name) for name in _PARTS},
        "model": _model_document(tokenizer.model),
    }


def _library_rules(rules: Rules) -> Rules:
    """SentencePiece's own rules as steps of ``tokenizers``."""
    given, back = rules.normalizer or {}, rules.decoder or {}
    steps: list[dict[str, Any]] = []
    if given["precompiled_charsmap"]:
        steps.append({"type": "Precompiled", "precompiled_charsmap": given["precompiled_charsmap"]})
    if given["fewer_spaces"]:
        steps.append({"type": "Replace", "pattern": {"Regex": r"\A +|[ ▁]+\z"}, "content": ""})
        steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
    if given["prefix"]:
        steps.append({"type": "Prepend", "prepend": SPACE})
    steps.append({"type": "Replace", "pattern": {"String": " "}, "content": SPACE})
    spaces = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}
    decoders: list[dict[str, Any]] = [spaces, {"type": "ByteFallback"}, {"type": "Fuse"}]
    if back["strip"]:
        decoders.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return Rules(
        normalizer={"type": "Sequence", "normalizers": steps}, decoder={"type": "Sequence", "decoders": decoders}
    )


def _model_document(model: Model) -> dict[str, Any]:
    if isinstance(model, Unigram):
        scored = [(piece, 0.0 if new in model.preferred else score) for new, (piece, score) in enumerate(model.scored)]
        return {
            "type": "Unigram",
            "unk_id": model.unknown,
            "vocab": [list(one) for one in scored],
            "byte_fallback": model.byte_fallback,
        }
    unknown: int | None = None
    if isinstance(model, ScoredBPE):
        unknown = model.unknown
        if model.preferred:
            raise ValueError("merges cannot say which pieces the user defined; such a model is not written")
        merges, fused, whole = merges_of(model.scored, model.skipped), True, False
    elif isinstance(model, CharacterBPE):
        merges, fused, whole = model.merges, model.fuse_unknown, model.whole_words
        unknown = model.unknown
    else:
        raise ValueError(f"a model of the kind {type(model).__name__} is not written")
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None if unknown is None else model.pieces[unknown],
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": fused,
        "byte_fallback": model.byte_fallback,
        "ignore_merges": whole,
        "vocab": {piece: new for new, piece in enumerate(model.pieces)},
        "merges": [list(pair) for pair in merges],
    }
