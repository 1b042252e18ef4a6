"""A WordPiece tokenizer's files, read and written without their library: ``tokenizer.json``, or Google's ``vocab.txt``.

    tokenizer.json, or vocab.txt (and tokenizer_config.json) ── read_wordpiece ──► WordPiece
    WordPiece ── write_wordpiece ──► tokenizer.json, tokenizer_config.json, vocab.txt

``vocab.txt`` has a piece a line, whose number from 0 is the id; whether letters become small stands beside it, or is
assumed. What :class:`WordPiece` does not compute is refused by name: another model, a normalizer that is neither BERT's
nor one of :mod:`.normalization`, another way to cut words, an added token that takes the spaces around it, or a
template that is not BERT's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundup.stack.models.checkpoints import write_whole
from groundup.stack.text.files import TOKENIZER, TOKENIZER_CONFIG, TokenizerError, read_json, read_text
from groundup.stack.text.wordpiece import Normalization, WordPiece

VOCAB = "vocab.txt"
_FLAGS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}


def read_wordpiece(folder: str | os.PathLike[str]) -> WordPiece:
    """The tokenizer of a model's folder. Raises TokenizerError where there is none, or none that is computed here."""
    path = Path(folder)
    try:
        if (path / TOKENIZER).is_file():
            return _from_file(read_json(path / TOKENIZER))
        if (path / VOCAB).is_file():
            settings = read_json(path / TOKENIZER_CONFIG) if (path / TOKENIZER_CONFIG).is_file() else {}
            return _from_lines(read_text(path / VOCAB), settings)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise TokenizerError(f"the tokenizer in {path} is not in the form that it should have: {error!r}") from error
    raise TokenizerError(f"{path} has no {TOKENIZER}, and no {VOCAB}")


def _from_lines(text: str, settings: Mapping[str, Any]) -> WordPiece:
    lines = text.removesuffix("\n").split("\n")
    rules = Normalization(
        lower=settings.get("do_lower_case", True),
        accents=settings.get("strip_accents"),
        ideographs=settings.get("tokenize_chinese_chars", True),
    )
    try:
        return WordPiece({line.removesuffix("\r"): new for new, line in enumerate(lines)}, rules)
    except ValueError as error:
        raise TokenizerError(f"{VOCAB}: {error}") from None


def _from_file(file: Mapping[str, Any]) -> WordPiece:
    model = file.get("model") or {}
    if model.get("type", "WordPiece") != "WordPiece":
        raise TokenizerError(f"a tokenizer of type {model.get('type')} is not computed here; WordPiece is")
    cutter = (file.get("pre_tokenizer") or {}).get("type")
    if cutter != "BertPreTokenizer":
        raise TokenizerError(f"a pre-tokenizer of type {cutter} is not computed here; BertPreTokenizer is")
    rules, before = _rules(file.get("normalizer"))
    try:
        return WordPiece(
            {str(piece): int(new) for piece, new in model["vocab"].items()},
            rules,
            before=before,
            added=_added(file.get("added_tokens") or []),
            unknown=model.get("unk_token", "[UNK]"),
            ends=_ends(file.get("post_processor")),
            prefix=model.get("continuing_subword_prefix", "##"),
            longest_word=model.get("max_input_chars_per_word", 100),
        )
    except ValueError as error:
        raise TokenizerError(f"{TOKENIZER}: {error}") from None


def _rules(given: Mapping[str, Any] | None) -> tuple[Normalization, Mapping[str, Any] | None]:
    """BERT's normalization, or none, and what is done to a text before it."""
    steps = _steps(given)
    last = steps[-1] if steps else {}
    kind = last.get("type")
    if kind == "BertNormalizer":
        rules = Normalization(
            lower=last.get("lowercase", True),
            accents=last.get("strip_accents"),
            ideographs=last.get("handle_chinese_chars", True),
            clean=last.get("clean_text", True),
        )
    else:
        rules = Normalization(lower=kind == "Lowercase", accents=False, ideographs=False, clean=False)
    before = steps[:-1] if kind in ("BertNormalizer", "Lowercase") else steps
    return rules, {"type": "Sequence", "normalizers": before} if before else None


def _steps(given: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The normalizers one after the other, however they are nested."""
    if not given:
        return []
    return [one for inner in given["normalizers"] for one in _steps(inner)] if given["type"] == "Sequence" else [given]


def _added(tokens: list[Mapping[str, Any]]) -> dict[str, int]:
    for one in tokens:
        for name in _FLAGS:
            if one.get(name):
                raise TokenizerError(f"{name} of the added token {one['content']!r} is not computed here")
    return {str(one["content"]): int(one["id"]) for one in tokens}


def _ends(processor: Mapping[str, Any] | None) -> tuple[str, str]:
    """What stands before a text and after it: BERT's form, or a template that says the same."""
    kind = (processor or {}).get("type")
    if processor is None:
        return "[CLS]", "[SEP]"
    if kind == "BertProcessing":
        return processor["cls"][0], processor["sep"][0]
    if kind == "TemplateProcessing":
        single, pair = (
            [(kind, one["id"], one["type_id"]) for part in processor[name] for kind, one in part.items()]
            for name in ("single", "pair")
        )
        if len(single) == 3:
            begin, end = single[0][1], single[2][1]
            first = [("SpecialToken", begin, 0), ("Sequence", "A", 0), ("SpecialToken", end, 0)]
            if single == first and pair == [*first, ("Sequence", "B", 1), ("SpecialToken", end, 1)]:
                return begin, end
        raise TokenizerError("post_processor: a template that is not [CLS] A [SEP] B [SEP] is not computed here")
    raise TokenizerError(f"a post_processor of type {kind} is not computed here; BertProcessing is")


def write_wordpiece(folder: str | os.PathLike[str], tokenizer: WordPiece) -> None:
    """Write the files, each whole or not at all. Raises ValueError where ids are not 0, 1, 2, … without a gap."""
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    pieces = sorted(tokenizer.vocab, key=tokenizer.vocab.__getitem__)
    if [tokenizer.vocab[piece] for piece in pieces] != list(range(len(pieces))):
        raise ValueError(f"the ids of {len(pieces)} pieces must be those from 0 to {len(pieces) - 1}")
    content = json.dumps(_document(tokenizer), ensure_ascii=False, indent=1)
    write_whole(path / TOKENIZER, (content + "\n").encode())
    write_whole(path / VOCAB, "".join(f"{piece}\n" for piece in pieces).encode())
    rules = tokenizer.rules
    config = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": rules.lower,
        "strip_accents": rules.accents,
        "tokenize_chinese_chars": rules.ideographs,
        "unk_token": tokenizer.unknown,
        "cls_token": tokenizer.ends[0],
        "sep_token": tokenizer.ends[1],
        "clean_up_tokenization_spaces": True,
    }
    write_whole(path / TOKENIZER_CONFIG, (json.dumps(config, ensure_ascii=False, indent=2) + "\n").encode())


def _document(tokenizer: WordPiece) -> dict[str, Any]:
    rules, known = tokenizer.rules, tokenizer.vocab | tokenizer.added
    cls, sep = tokenizer.ends
    ends = {"type": "BertProcessing", "sep": [sep, known.get(sep)], "cls": [cls, known.get(cls)]}
    before, last = (
        _steps(tokenizer.before),
        {
            "type": "BertNormalizer",
            "clean_text": rules.clean,
            "handle_chinese_chars": rules.ideographs,
            "strip_accents": rules.accents,
            "lowercase": rules.lower,
        },
    )
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": new, "content": text, **_FLAGS, "special": True}
            for text, new in sorted(tokenizer.added.items(), key=lambda one: one[1])
        ],
        "normalizer": {"type": "Sequence", "normalizers": [*before, last]} if before else last,
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": ends if cls in known and sep in known else None,
        "decoder": {"type": "WordPiece", "prefix": tokenizer.prefix, "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": tokenizer.unknown,
            "continuing_subword_prefix": tokenizer.prefix,
            "max_input_chars_per_word": tokenizer.longest_word,
            "vocab": tokenizer.vocab,
        },
    }
