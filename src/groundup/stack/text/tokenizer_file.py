"""``tokenizer.json``: the ecosystem's file for a byte-level BPE tokenizer, read and written without its library.

    tokenizer.json (or vocab.json and merges.txt) ── read_tokenizer ──► FileTokenizer: encode, decode
    merges of train_bpe ── write_tokenizer ──► tokenizer.json, tokenizer_config.json

The file numbers pieces as it likes: GPT-2's printable bytes come first, Llama 3's follow tiktoken's ranks. So merges
are applied under their own numbers (:mod:`.bpe`), and a table turns those into the file's ids and back.

What it computes: BPE over bytes, cut by GPT-2's pattern, Llama 3's or Qwen 2's, digits by themselves where it says
so, or not cut at all; added tokens, found in the text before anything else; the tokens that the file puts before every
text (``begin``). What it does not compute it refuses by name: SentencePiece's models (Llama 1 and 2), WordPiece,
Unigram, normalizers.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from groundup.stack.models.checkpoints import write_whole
from groundup.stack.text.bpe import _SHAPE, BYTES, Merge, Tables, byte_characters, split_text

TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
PAIRS = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))

# Patterns as the files write them.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
_KNOWN = {_LLAMA3, _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")}


class TokenizerError(ValueError):
    """A tokenizer that cannot be read here, in words for whoever wanted to use it."""


class FileTokenizer:
    """A tokenizer of a file: ``encode`` and ``decode``, the bytes of each token, and the tokens before every text."""

    def __init__(
        self,
        merges: Sequence[Merge],
        ids: dict[bytes, int],
        added: dict[str, int],
        split: Callable[[str], list[str]] = split_text,
        begin: Sequence[int] = (),
        *,
        whole_words: bool = False,
    ) -> None:
        """``ids`` gives each piece's id; ``whole_words``: a word that is a piece is that piece, whatever merges say."""
        self.added = added
        self.begin = list(begin)
        self._split = split
        self._ids = ids
        self._whole_words = whole_words
        self._tables = Tables(merges)
        _allow_repeated(self._tables, merges)
        try:
            self._file_id = {new: ids[piece] for new, piece in self._tables.pieces.items()}
        except KeyError as missing:
            raise TokenizerError(f"the vocabulary has no id for the piece {missing}") from None
        self._bytes = {new: piece for piece, new in ids.items()} | {new: text.encode() for text, new in added.items()}
        longest_first = sorted(added, key=len, reverse=True)
        self._marks = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")") if added else None

    @property
    def vocab_size(self) -> int:
        """One more than the largest id: what a model's embedding must at least have."""
        return max(self._bytes, default=-1) + 1

    def encode(self, text: str) -> list[int]:
        """The ids of a text; an added token that stands in it becomes its own id. ``begin`` is left to the caller."""
        if self._marks is None:
            return self._encode_plain(text)
        ids: list[int] = []
        for at, part in enumerate(self._marks.split(text)):
            ids += [self.added[part]] if at % 2 else self._encode_plain(part)
        return ids

    def _encode_plain(self, text: str) -> list[int]:
        ids: list[int] = []
        for word in self._split(text):
            whole = self._ids.get(word.encode("utf-8")) if self._whole_words else None
            if whole is not None:
                ids.append(whole)
            else:
                ids += [self._file_id[one] for one in self._tables.encode_word(word)]
        return ids

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token, which need not be whole characters; none for an id without a token."""
        return self._bytes.get(token, b"")

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids. Bytes that are not UTF-8 become U+FFFD; an id outside of the vocabulary is a ValueError."""
        try:
            return b"".join([self._bytes[token] for token in ids]).decode("utf-8", errors="replace")
        except KeyError as missing:
            raise ValueError(
                f"id {missing} is not in this vocabulary, whose ids end at {self.vocab_size - 1}"
            ) from None


def _allow_repeated(tables: Tables, merges: Sequence[Merge]) -> None:
    """Let a piece that several merges make be merged on, whichever made it: files converted from tiktoken have such."""
    made: dict[bytes, list[int]] = {}
    for new, piece in tables.pieces.items():
        made.setdefault(piece, []).append(new)
    if len(made) == len(tables.pieces):
        return
    tables.merged = {}
    for new, (left, right) in enumerate(merges, start=BYTES):
        for first in made.get(left, ()):
            for second in made.get(right, ()):
                tables.merged.setdefault((first, second), new)


# ── reading ──────────────────────────────────────────────────────────────────


def read_tokenizer(folder: str | os.PathLike[str]) -> FileTokenizer:
    """The tokenizer of a model's folder. Raises TokenizerError where there is none, or none that is computed here."""
    path = Path(folder)
    if (path / TOKENIZER).is_file():
        return _from_file(_read_json(path / TOKENIZER))
    for vocab, merges in PAIRS:
        if (path / vocab).is_file() and (path / merges).is_file():
            return _from_pair(_read_json(path / vocab), _read(path / merges))
    raise TokenizerError(f"{path} has no {TOKENIZER}, and no vocab.json with merges.txt")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TokenizerError(f"{path.name} cannot be read: {error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise TokenizerError(f"{path.name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise TokenizerError(f"{path.name} is not a JSON object")
    return found


def _from_pair(vocab: dict[str, Any], lines: str) -> FileTokenizer:
    """GPT-2's older pair of files. A piece that no merge makes is a token that is found as a whole."""
    pairs = [line.split(" ") for line in lines.split("\n") if line and not line.startswith("#version")]
    merges = _merges(pairs)
    made = {bytes([byte]) for byte in range(BYTES)} | {left + right for left, right in merges}
    pieces = _pieces(vocab)
    added = {piece.decode("utf-8", "replace"): new for piece, new in pieces.items() if piece not in made}
    return FileTokenizer(merges, {piece: new for piece, new in pieces.items() if piece in made}, added)


def _from_file(file: dict[str, Any]) -> FileTokenizer:
    model = file.get("model") or {}
    _refuse_what_is_not_ours(file, model)
    try:
        added = {str(one["content"]): int(one["id"]) for one in file.get("added_tokens") or []}
        pairs = [one.split(" ") if isinstance(one, str) else one for one in model.get("merges") or []]
        vocab = {piece: new for piece, new in model["vocab"].items() if piece not in added}
        merges, ids = _merges(pairs), _pieces(vocab)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, TokenizerError):
            raise
        raise TokenizerError(f"{TOKENIZER} is not in the form that it should have: {error!r}") from error
    split, begin = _splitter(file.get("pre_tokenizer")), _begin(file.get("post_processor"), added)
    return FileTokenizer(merges, ids, added, split, begin, whole_words=bool(model.get("ignore_merges")))


def _refuse_what_is_not_ours(file: dict[str, Any], model: dict[str, Any]) -> None:
    if model.get("type", "BPE") != "BPE":
        raise TokenizerError(f"a tokenizer of type {model.get('type')} is not computed here; byte-level BPE is")
    if model.get("byte_fallback") or "ByteLevel" not in json.dumps([file.get("pre_tokenizer"), file.get("decoder")]):
        raise TokenizerError(
            "this BPE works on characters, as SentencePiece's does, not on bytes; that is not computed here"
        )
    if file.get("normalizer"):
        raise TokenizerError(f"a normalizer ({file['normalizer'].get('type')}) is not computed here")
    for name in ("continuing_subword_prefix", "end_of_word_suffix", "dropout"):
        if model.get(name):
            raise TokenizerError(f"{name} = {model[name]!r} is not computed here")


def _pieces(vocab: dict[str, Any]) -> dict[bytes, int]:
    byte = byte_characters()
    try:
        return {bytes([byte[char] for char in piece]): int(new) for piece, new in vocab.items()}
    except KeyError as missing:
        raise TokenizerError(
            f"the vocabulary has {missing}, which is no byte's character: this is not byte-level BPE"
        ) from None


def _merges(pairs: Sequence[Sequence[str]]) -> list[Merge]:
    byte = byte_characters()
    try:
        return [(bytes(byte[c] for c in left), bytes(byte[c] for c in right)) for left, right in pairs]
    except KeyError as missing:
        raise TokenizerError(
            f"a merge has {missing}, which is no byte's character: this is not byte-level BPE"
        ) from None


def _begin(processor: dict[str, Any] | None, added: dict[str, int]) -> list[int]:
    """The tokens before every text, as a template says: Llama 3's ``<|begin_of_text|>``."""
    if not processor:
        return []
    if processor.get("type") == "Sequence":
        return [one for inner in processor.get("processors") or [] for one in _begin(inner, added)]
    found: list[int] = []
    if processor.get("type") == "TemplateProcessing":
        for one in processor.get("single") or []:
            if "SpecialToken" not in one:
                break
            found.append(added[one["SpecialToken"]["id"]])
    return found


# ── cutting a text into words ────────────────────────────────────────────────


def _splitter(given: dict[str, Any] | None) -> Callable[[str], list[str]]:
    """What cuts texts as the file's pre-tokenizer says: several, one after the other."""
    steps = [given] if given and given.get("type") != "Sequence" else (given or {}).get("pretokenizers") or []
    cuts = [cut for step in steps if (cut := _cut(step)) is not None]
    if len(cuts) == 1:
        return cuts[0]

    def split(text: str) -> list[str]:
        words = [text] if text else []
        for cut in cuts:
            words = [piece for word in words for piece in cut(word)]
        return words

    return split


def _cut(step: dict[str, Any]) -> Callable[[str], list[str]] | None:
    kind = step.get("type")
    if kind == "ByteLevel":
        if step.get("add_prefix_space"):
            raise TokenizerError("add_prefix_space is not computed here")
        return split_text if step.get("use_regex", True) else None
    if kind == "Digits":
        return _by_shape(r"[0-9]|[^0-9]+" if step.get("individual_digits") else r"[0-9]+|[^0-9]+")
    if kind == "Split":
        pattern = (step.get("pattern") or {}).get("Regex")
        if pattern == _GPT2:
            return split_text
        if pattern in _KNOWN and step.get("behavior") == "Isolated" and not step.get("invert"):
            return _by_shape(pattern)
        raise TokenizerError(f"texts are cut by {pattern!r}, which is not a pattern known here")
    raise TokenizerError(f"a pre-tokenizer of type {kind} is not computed here")


def _by_shape(pattern: str) -> Callable[[str], list[str]]:
    """Cut by a pattern of letters and numbers: ``re`` has no such classes, so it runs on the text's shape."""
    letters, numbers = "A-Za-z", "0-9"
    inside = re.sub(
        r"\[[^\]]*\]", lambda found: found[0].replace(r"\p{L}", letters).replace(r"\p{N}", numbers), pattern
    )
    compiled = re.compile(inside.replace(r"\p{L}", f"[{letters}]").replace(r"\p{N}", f"[{numbers}]"))

    def split(text: str) -> list[str]:
        found = compiled.findall(text.translate(_SHAPE))
        ends = [0, *accumulate(map(len, found))]
        return [text[start:end] for start, end in pairwise(ends)]

    return split


# ── writing ──────────────────────────────────────────────────────────────────


def write_tokenizer(
    folder: str | os.PathLike[str], merges: Sequence[Merge], special_tokens: Sequence[str] = ()
) -> None:
    """Write ``tokenizer.json`` for merges as ``train_bpe`` returns them, and what transformers needs to load it.

    Ids are ours: bytes 0 to 255, merge ``i`` makes ``256 + i``, and the special tokens follow in their order. The first
    special token is the end of a text. Raises ValueError where a piece is made twice: its id would not be sure.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    char = {byte: one for one, byte in byte_characters().items()}
    written = [("".join(char[byte] for byte in left), "".join(char[byte] for byte in right)) for left, right in merges]
    vocab = {char[byte]: byte for byte in range(BYTES)}
    for new, (left, right) in enumerate(written, start=BYTES):
        if left + right in vocab:
            raise ValueError(f"merge {new - BYTES} makes {left + right!r} once more")
        vocab[left + right] = new
    special = {text: len(vocab) + at for at, text in enumerate(special_tokens)}
    content = json.dumps(_document(vocab, written, special), ensure_ascii=False, indent=1)
    end = {"eos_token": special_tokens[0]} if special_tokens else {}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, **end}
    write_whole(path / TOKENIZER, (content + "\n").encode())
    write_whole(path / TOKENIZER_CONFIG, (json.dumps(config, ensure_ascii=False, indent=2) + "\n").encode())


def _document(vocab: dict[str, int], merges: list[tuple[str, str]], special: dict[str, int]) -> dict[str, Any]:
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": new, "content": text, **flags} for text, new in special.items()],
        "normalizer": None,
        "pre_tokenizer": level,
        "post_processor": None,
        "decoder": level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [list(pair) for pair in merges],
        },
    }
