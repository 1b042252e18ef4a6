"""A fine-tuned model with all that belongs to it, written in the Hub's format.

    tokenizer's files ──► model.safetensors ──► config.json      each whole or not there, the last one last

``config.json`` has, beside what the family writes, the labels' names, what they mean, the special tokens' ids, and the
hash of the vocabulary, by which a tokenizer that was put in its place is known. Where the tokenizer's file does not say
what stands around a text, the layout is written into it, so that whoever reads it gives the model the same ids.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from groundup.stack.models.checkpoints import CONFIG, ONE_FILE, write_whole
from groundup.stack.models.seq2seq import OwnSeq2Seq
from groundup.stack.tasks.reading import Layout, Reader, Slot
from groundup.stack.text.files import TOKENIZER, TOKENIZER_CONFIG, AnyTokenizer
from groundup.stack.text.pieces import PieceTokenizer
from groundup.stack.text.pieces_file import write_pieces
from groundup.stack.text.sentencepiece_file import MODELS
from groundup.stack.text.tokenizer_file import PAIRS
from groundup.stack.text.wordpiece import WordPiece
from groundup.stack.text.wordpiece_file import VOCAB, write_wordpiece

VOCABULARY = "vocabulary_sha256"
SPECIAL_MAP = "special_tokens_map.json"
BESIDE = (
    TOKENIZER, TOKENIZER_CONFIG, SPECIAL_MAP, "added_tokens.json", VOCAB, *(name for pair in PAIRS for name in pair),
    *MODELS, "chat_template.jinja", "chat_template.json",
)  # fmt: skip
"""The files that a tokenizer may consist of."""


def save_kit(
    folder: str | os.PathLike[str],
    model: Any,
    reader: Reader,
    labels: Sequence[str],
    ids: Mapping[str, int],
    files: Mapping[str, bytes],
    more: Mapping[str, Any],
) -> None:
    """Write all of it; ``files`` are the tokenizer's as they were read, none for one that was made in memory.

    Raises ValueError for a tokenizer in memory that cannot be written.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path, prefix=".new-") as new:
        written = completed(files or tokenizer_files(reader.tokenizer, Path(new)), reader, ids)
        model.save_pretrained(new)
        config = json.loads((Path(new) / CONFIG).read_text(encoding="utf-8"))
        config[VOCABULARY] = vocabulary_hash(reader.tokenizer)
        if not isinstance(model, OwnSeq2Seq):  # whose files have these under names of their own
            known = {f"{role}_token_id": token for role, token in ids.items() if role in ("pad", "bos", "eos")}
            config = {**known, **config, **more}
        if labels:
            config["id2label"] = {str(at): name for at, name in enumerate(labels)}
            config["label2id"] = {name: at for at, name in enumerate(labels)}
        for name in BESIDE:
            if name in written:
                write_whole(path / name, written[name])
            else:
                (path / name).unlink(missing_ok=True)
        os.replace(Path(new) / ONE_FILE, path / ONE_FILE)
        write_whole(path / CONFIG, _json(config))


def tokenizer_files(tokenizer: AnyTokenizer, scratch: Path) -> dict[str, bytes]:
    """The files of a tokenizer that was made in memory. Raises ValueError where it cannot be written."""
    if isinstance(tokenizer, WordPiece):
        write_wordpiece(scratch, tokenizer)
    elif isinstance(tokenizer, PieceTokenizer):
        write_pieces(scratch, tokenizer)
    else:
        raise ValueError(
            f"{type(tokenizer).__name__} does not know its merges any more: write them with write_tokenizer, and start "
            "from that folder"
        )
    return {name: (scratch / name).read_bytes() for name in BESIDE if (scratch / name).is_file()}


def completed(files: Mapping[str, bytes], reader: Reader, ids: Mapping[str, int]) -> dict[str, bytes]:
    """The same files, with what they leave out: what stands around a text, and which tokens have which role."""
    written = dict(files)
    layout, tokenizer = reader.layout, reader.tokenizer
    if TOKENIZER in written and (layout.extra(1) or layout.extra(2)):
        document = json.loads(written[TOKENIZER])
        if not document.get("post_processor"):
            document["post_processor"] = _template(layout, tokenizer)
            written[TOKENIZER] = (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
    settings = json.loads(written.get(TOKENIZER_CONFIG, b"{}"))
    known = {**settings, **json.loads(written.get(SPECIAL_MAP, b"{}"))}
    told = {name for name, value in known.items() if value is not None}
    added: dict[str, Any] = {f"{role}_token": token_text(tokenizer, token) for role, token in ids.items()}
    if reader.longest is not None:
        added["model_max_length"] = reader.longest
    if layout.left:
        added["padding_side"] = "left"
    missing = {name: value for name, value in added.items() if name not in told}
    if missing:
        written[TOKENIZER_CONFIG] = _json({**settings, **missing})
    return written


def token_text(tokenizer: AnyTokenizer, token: int) -> str:
    """A special token's text."""
    if isinstance(tokenizer, WordPiece | PieceTokenizer):
        return tokenizer.token(token)
    return {new: text for text, new in tokenizer.added.items()}[token]


def _template(layout: Layout, tokenizer: AnyTokenizer) -> dict[str, Any]:
    """The layout as ``tokenizer.json`` says it."""

    def part(slot: Slot) -> dict[str, Any]:
        if slot.token is None:
            return {"Sequence": {"id": "AB"[slot.text], "type_id": slot.token_type}}
        return {"SpecialToken": {"id": token_text(tokenizer, slot.token), "type_id": slot.token_type}}

    used = {slot.token for slot in layout.single + layout.pair if slot.token is not None}
    texts = {new: token_text(tokenizer, new) for new in used}
    special = {text: {"id": text, "ids": [new], "tokens": [text]} for new, text in texts.items()}
    return {
        "type": "TemplateProcessing",
        "single": [part(slot) for slot in layout.single],
        "pair": [part(slot) for slot in layout.pair],
        "special_tokens": special,
    }


def vocabulary_hash(tokenizer: AnyTokenizer) -> str:
    """SHA-256 of all tokens in the order of their ids: equal where, and only where, ids mean the same."""
    digest = hashlib.sha256()
    for token in range(tokenizer.vocab_size):
        piece = tokenizer.token_bytes(token)
        digest.update(len(piece).to_bytes(4, "big") + piece)
    return digest.hexdigest()


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(dict(document), ensure_ascii=False, indent=2) + "\n").encode()
